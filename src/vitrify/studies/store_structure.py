"""Structure of a single store: g(r) around species, and around hard and soft particles; the lengths it gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrify.particles.box import Box
from vitrify.particles.frame import Frame
from vitrify.particles.trajectory import Trajectory
from vitrify.report.figures.style import unit_words
from vitrify.structure.pair_correlation import RadialDistribution

if TYPE_CHECKING:
    import xarray as xr

_RDF_PARTICLES, _RDF_FRAMES = 200_000, 40
_MANY_SPECIES = 3
_SOME = 10  # frames that tell a density
_NEAREST = 0.3  # of the mean distance: no first neighbour is closer
_OF_HIGHEST = 0.7  # a crystal's second peak may be higher than its first
_NOT_A_LIQUID = 1.3  # g(r) of an ideal gas stays below


@dataclass(frozen=True)
class Lengths:
    """What lengths of a store are measured by.

    Parameters
    ----------
    spacing : float, length
        (V / N)^(1/d), the mean distance of particles.
    peak : float, length
        Of the first peak of g(r); the spacing where it has none.
    peak_words : str
        What `peak` is.
    resolution : float, length
        Half a bin of g(r).
    overlap_cutoff : float, length
    cutoff_words : str
        Where it comes from.
    """

    spacing: float
    peak: float
    peak_words: str
    resolution: float
    overlap_cutoff: float
    cutoff_words: str


def evenly(n: int, wanted: int) -> NDArray[np.int64]:
    """Return at most `wanted` of the indices 0 … n − 1, evenly spread, with both ends.

    Examples
    --------
    >>> evenly(5, 3).tolist(), evenly(2, 7).tolist()
    ([0, 2, 4], [0, 1])
    """
    return np.unique(np.linspace(0, n - 1, max(1, min(n, wanted))).round().astype(np.int64))


def species_groups(trajectory: Trajectory) -> tuple[list[str], list[NDArray[np.int64] | None]]:
    """Return names and particles of the species that have any; a mixture of many is taken as a whole."""
    members = [np.flatnonzero(trajectory.species == k) for k in range(len(trajectory.species_names))]
    there = [(name, m) for name, m in zip(trajectory.species_names, members, strict=True) if len(m)]
    if len(there) > _MANY_SPECIES:
        return ["all"], [None]
    return [name for name, _ in there], [m for _, m in there]


def pair_correlations(trajectory: Trajectory, kind: str) -> xr.Dataset:
    """Return g(r) around each species; a mixture of many species is taken as one."""
    names, _ = species_groups(trajectory)
    merged = names == ["all"]
    wanted = min(_RDF_FRAMES, max(3, _RDF_PARTICLES // trajectory.n_particles))
    chosen = [
        _periodic(frame, merged) for _, frame in trajectory.frames(kind, evenly(trajectory.n_frames, wanted))
    ]
    measure = _distribution(chosen)
    interior = [_interior(frame, open_axes, measure.r_max) for frame, open_axes in chosen]
    groups = [np.where(inside, f.species, -1) for (f, _), inside in zip(chosen, interior, strict=True)]
    found = measure.compute((f for f, _ in chosen), groups, units=trajectory.unit_system)
    there = [n for n in found["group"].values if n in names]
    found = found.sel(group=there, neighbor_species=there)
    found["group"].attrs["long_name"] = "central particles"
    return found.assign_attrs(note=_edge_note(trajectory, measure.r_max, interior))


def softness_correlations(
    trajectory: Trajectory, kind: str, frames: NDArray[np.int64], read: Callable[[int], NDArray[np.float64]]
) -> xr.Dataset:
    """Return g(r) around all, hard (S < 0) and soft (S > 0) particles of frames that have softness.

    Parameters
    ----------
    trajectory : Trajectory
    kind : {"inherent", "thermal"}
    frames : (n,) int
    read : callable
        Frame to softness (N,), NaN where there is none.
    """
    merged = species_groups(trajectory)[0] == ["all"]
    wanted = min(_RDF_FRAMES, max(3, _RDF_PARTICLES // trajectory.n_particles))
    kept = frames[evenly(len(frames), wanted)]
    chosen, values = [], []
    for k, frame in trajectory.frames(kind, kept):
        whole, open_axes = _periodic(frame, merged)
        chosen.append((whole, open_axes))
        values.append(read(k)[whole.particles])
    measure = _distribution(chosen)
    interior = [_interior(frame, open_axes, measure.r_max) for frame, open_axes in chosen]
    groups = [
        np.where(inside & np.isfinite(s), (s > 0).astype(np.int64), -1)
        for s, inside in zip(values, interior, strict=True)
    ]
    found = measure.compute(
        (f for f, _ in chosen), groups, ("hard", "soft"), total="all", units=trajectory.unit_system
    )
    counted = set(species_groups(trajectory)[0])
    there = [n for n in found["neighbor_species"].values if n in counted]
    return found.sel(neighbor_species=there).assign_attrs(
        note=_edge_note(trajectory, measure.r_max, interior)
    )


def mean_spacing(frame: Frame) -> float:
    """Return (V / N)^(1/d)."""
    return float((frame.box.volume / max(frame.n_particles, 1)) ** (1 / frame.dimension))


def _distribution(chosen: list[tuple[Frame, NDArray[np.bool_]]]) -> RadialDistribution:
    """Return the measure: 4.5 spacings far, or as far as leaves centres between open edges."""
    frame, open_axes = chosen[0]
    spacing = float(np.median([mean_spacing(f) for f, _ in chosen]))
    r_max = 4.5 * spacing
    if open_axes.any():
        r_max = min(r_max, float(frame.box.heights[open_axes].min()) / 4)
    return RadialDistribution(r_max, min(spacing / 25, r_max))


def _periodic(frame: Frame, merged: bool) -> tuple[Frame, NDArray[np.bool_]]:
    """Return a frame whose box is periodic, without what lies outside it, and which of its axes are open.

    Around centres that are farther from the open faces than any distance that counts, no image is met.
    """
    open_axes = ~frame.box.periodic
    box = Box(frame.box.vectors, frame.box.origin)
    fractional = box.fractional(frame.positions)[:, open_axes]
    kept = ((fractional >= 0) & (fractional <= 1)).all(axis=1)
    species = np.zeros(kept.sum(), np.int64) if merged else frame.species[kept]
    names = ("all",) if merged else frame.species_names
    return Frame(frame.positions[kept], species, box, names, frame.label, frame.particles[kept]), open_axes


def _interior(frame: Frame, open_axes: NDArray[np.bool_], r_max: float) -> NDArray[np.bool_]:
    """Return which particles lie farther than `r_max` from every open face, (n,)."""
    depth = frame.box.fractional(frame.positions) * frame.box.heights
    far = (depth >= r_max) & (depth <= frame.box.heights - r_max)
    return np.asarray((far | ~open_axes).all(axis=1))


def _edge_note(trajectory: Trajectory, r_max: float, interior: list[NDArray[np.bool_]]) -> str:
    if all(trajectory.layout.periodic):
        return ""
    share = sum(i.sum() for i in interior) / max(1, sum(len(i) for i in interior))
    return (
        f"only particles farther than {r_max:.3g} {unit_words(trajectory.unit_system.length)} from the open edges are centres, {share:.0%} of all; the density is taken "
        "to be the same everywhere in the box"
    )


def lengths_of(trajectory: Trajectory, kind: str, rdf: xr.Dataset | None) -> Lengths:
    """Return spacing, first peak and the cutoff of the overlap.

    The cutoff is 0.5 σ_AA for a Kob-Andersen mixture, as in the papers, and half of the first-peak distance otherwise.
    """
    frames = evenly(trajectory.n_frames, 1 if trajectory.layout.complete else _SOME)
    spacing = float(np.median([mean_spacing(frame) for _, frame in trajectory.frames(kind, frames)]))
    peak, words, half_bin = spacing, "mean distance of particles, (V/N)^(1/d)", float("nan")
    if rdf is not None:
        names = [str(n) for n in rdf["group"].values]
        sizes = [
            np.sum(trajectory.species == trajectory.species_names.index(n)) if n != "all" else 1
            for n in names
        ]
        major = names[int(np.argmax(sizes))]
        curve = rdf["g"].sel(group=major, neighbor_species=major)
        r = rdf["r"].values
        error = rdf["g_error"].sel(group=major, neighbor_species=major).values
        sure = (
            np.nan_to_num(curve.values - 2 * error) > 0
        )  # two tracks of one particle make a g(r) of large error
        g = np.where(sure & (r > _NEAREST * spacing), np.nan_to_num(curve.values), 0.0)
        if g.max() > _NOT_A_LIQUID:
            peak, half_bin = _first_peak(r, g, 0.25 * spacing), float(r[1] - r[0]) / 2
            of = "" if len(names) == 1 else f" of {major} around {major}"
            words = f"distance of the first peak of g(r){of}"
    model = trajectory.provenance.get("run", {}).get("model") or {}
    if model.get("name") == "kob_andersen":
        return Lengths(spacing, peak, words, half_bin, 0.5, "half the diameter of A, as in the papers")
    cutoff = float(f"{0.5 * peak:.3g}")
    return Lengths(spacing, peak, words, half_bin, cutoff, f"half the {words}, {peak:.3g}")


def _first_peak(r: NDArray[np.float64], g: NDArray[np.float64], reach: float) -> float:
    """Return the first r at which g is largest within `reach` and not much below its maximum; a parabola through its top."""
    w = max(1, round(reach / (r[1] - r[0])))
    around = np.lib.stride_tricks.sliding_window_view(np.pad(g, w), 2 * w + 1).max(axis=1)
    k = int(np.flatnonzero((g == around) & (g >= _OF_HIGHEST * g.max()))[0])
    if not 0 < k < len(g) - 1:
        return float(r[k])
    before, top, after = g[k - 1 : k + 2]
    bend = before - 2 * top + after
    return float(r[k] + (0.5 * (before - after) / bend if bend < 0 else 0.0) * (r[1] - r[0]))
