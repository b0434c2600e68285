"""Relaxation, motion and a snapshot of a single store. Frames are sampled where a store is large."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.particles.box import Box
from vitrify.particles.spacing import spacing as spacing_in_time
from vitrify.particles.trajectory import Trajectory
from vitrify.relaxation.base import resolve_lags
from vitrify.relaxation.msd import MeanSquaredDisplacement
from vitrify.relaxation.overlap import Overlap
from vitrify.studies.store_structure import Lengths, evenly, species_groups

if TYPE_CHECKING:
    import xarray as xr

SEGMENTS = 10
_CACHE_BYTES = 128_000_000
_BLOCK_BYTES = 4_000_000
_INDICATOR_VALUES = 10_000_000
_CURVE_PARTICLES = 1_500_000
_SHOWN_PARTICLES, _SHOWN_FRAMES, _SHOWN_IN_ALL = 20_000, 12, 120_000
_EXAMPLE_BYTES = 300_000_000


class BlockCache:
    """Positions of single frames, read in blocks of which a bounded number is kept.

    Parameters
    ----------
    read : callable
        ``read(start, stop)`` returns (stop - start, N, d).
    n_frames : int
    frame_bytes : int
        Of one frame.
    """

    def __init__(
        self, read: Callable[[int, int], NDArray[np.float64]], n_frames: int, frame_bytes: int
    ) -> None:
        self._read, self._n_frames = read, n_frames
        self._block = max(1, _BLOCK_BYTES // max(1, frame_bytes))
        self._kept = max(2, _CACHE_BYTES // (self._block * max(1, frame_bytes)))
        self._blocks: OrderedDict[int, NDArray[np.float64]] = OrderedDict()

    def __call__(self, start: int, stop: int) -> NDArray[np.float64]:
        """Return frames [start, stop)."""
        k = start // self._block
        lo, hi = k * self._block, min((k + 1) * self._block, self._n_frames)
        if stop > hi:
            return self._read(start, stop)
        if k in self._blocks:
            self._blocks.move_to_end(k)
        else:
            self._blocks[k] = self._read(lo, hi)
            if len(self._blocks) > self._kept:
                self._blocks.popitem(last=False)
        return self._blocks[k][start - lo : stop - lo]


def cached_positions(trajectory: Trajectory, kind: str) -> BlockCache:
    """Return a reader of single frames of positions that keeps a bounded number of them."""
    frame_bytes = 8 * trajectory.n_particles * trajectory.layout.dimension
    return BlockCache(trajectory.reader(kind), trajectory.n_frames, frame_bytes)


def sampled_rows(
    trajectory: Trajectory, name: str, frames: NDArray[np.int64]
) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Yield (frame, values (N,)) of an array over particles, never more than a block of frames in memory."""
    block = max(1, _BLOCK_BYTES // (8 * trajectory.n_particles))
    for k in np.unique(frames // block):
        here = frames[frames // block == k]
        if 4 * len(here) < here[-1] - here[0] + 1:
            for frame in here.tolist():
                yield frame, trajectory.read(name, frame, frame + 1)[0]
            continue
        values = trajectory.read(name, int(here[0]), int(here[-1]) + 1)
        for frame in here.tolist():
            yield frame, values[frame - here[0]]


# -- relaxation ------------------------------------------------------------------------------------------------------


def relaxation(trajectory: Trajectory, kind: str, lengths: Lengths) -> tuple[xr.Dataset, xr.Dataset]:
    """Return mean squared displacement and overlap of each species, dims (species, lag)."""
    read, times = cached_positions(trajectory, kind), trajectory.times
    n_origins = int(np.clip(_CURVE_PARTICLES // trajectory.n_particles, 8, 50))
    names, members = species_groups(trajectory)
    measures = (MeanSquaredDisplacement(n_origins), Overlap(lengths.overlap_cutoff, n_origins))
    even = spacing_in_time(times).is_even
    at_lags: dict[str, list[xr.Dataset]] = {measure.name: [] for measure in measures}
    for lag in resolve_lags(
        times, None
    ):  # one lag after the other, so that all curves share the frames that are read
        lags = [lag.length] if even else [lag.time]
        for measure in measures:
            values = [f"{measure.name}", f"{measure.name}_error"]
            found = [
                measure.compute(read, times, lags, m, units=trajectory.unit_system)[values] for m in members
            ]
            at_lags[measure.name].append(_joined(found, "species", names))
    both = [_joined(found, "lag").assign_attrs(positions=kind) for found in at_lags.values()]
    for name, dataset in zip(("msd", "overlap"), both, strict=True):
        dataset[name].attrs.pop("definition", None)  # the page has the words, with the cutoff once
    both[1].attrs.update(cutoff=lengths.overlap_cutoff, cutoff_words=lengths.cutoff_words)
    return both[0], both[1]


def _joined(pieces: list[xr.Dataset], dim: str, names: list[str] | None = None) -> xr.Dataset:
    import xarray as xr

    along = dim if names is None else xr.Variable(dim, names)
    return xr.concat(pieces, along, join="outer", combine_attrs="override")


# -- motion of single particles --------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class IndicatorSample:
    """Values of an indicator at some frames of a store, binned.

    Parameters
    ----------
    distribution : xarray.Dataset
        ``p_hop_distribution`` or ``d2min_distribution``.
    frames : (n,) int
        Those that were read and have values.
    present : float
        Mean number of particles with a value.
    above : (n,) float
        At each of these frames, the part of the values that exceeds the event threshold.
    mean : (n,) float
        Of the values at each of these frames.
    """

    distribution: xr.Dataset
    frames: NDArray[np.int64]
    present: float
    above: NDArray[np.float64]
    mean: NDArray[np.float64]


def sample_indicator(
    trajectory: Trajectory, name: str, scale: float, attrs: dict[str, Any], threshold: float = np.inf
) -> IndicatorSample | None:
    """Bin an indicator over evenly spread frames; None if no frame has a value.

    Parameters
    ----------
    trajectory : Trajectory
    name : str
        Of the array.
    scale : float
        The bins are fractions and multiples of it, ten per decade.
    attrs : dict
        Of the data set: thresholds and notes.
    threshold : float, optional
        Of an event.
    """
    import xarray as xr

    edges = scale * 10.0 ** np.arange(-8.0, 4.0 + 1e-9, 0.1)
    wanted = evenly(trajectory.n_frames, _INDICATOR_VALUES // trajectory.n_particles)
    counts = np.zeros((SEGMENTS, len(edges) - 1), np.int64)
    below = np.zeros(SEGMENTS, np.int64)
    frames, present, above, mean = [], [], [], []
    for frame, values in sampled_rows(trajectory, name, wanted):
        seen = values[np.isfinite(values)]
        if not len(seen):
            continue
        k = frame * SEGMENTS // trajectory.n_frames
        counts[k] += np.histogram(seen, edges)[0]
        below[k] += np.count_nonzero(seen < edges[0])
        frames.append(frame)
        present.append(len(seen))
        above.append(np.mean(seen > threshold))
        mean.append(seen.mean())
    if not frames:
        return None
    total, per_segment = counts.sum() + below.sum(), counts.sum(axis=1) + below
    share = counts.sum(axis=0) / total
    residual = counts - share * per_segment[:, None]
    n = np.count_nonzero(per_segment)
    error = np.sqrt(n / (n - 1) * (residual**2).sum(axis=0)) / total if n > 1 else np.full(len(share), np.nan)
    width, shown = np.diff(edges), counts.sum(axis=0) > 0
    shown = (np.cumsum(shown) > 0) & (np.cumsum(shown[::-1])[::-1] > 0)
    columns = {
        "density": share / width,
        "density_error": error / width,
        "n": counts.sum(axis=0),
        "low": edges[:-1],
        "high": edges[1:],
    }
    said = [str(attrs.get("note", ""))]
    if len(wanted) < trajectory.n_frames:
        said.append(f"{len(wanted)} of {trajectory.n_frames} frames were read")
    if below.sum():
        said.append(f"{below.sum() / total:.1%} of the values are below the bins")
    length = trajectory.unit_system.length
    found = xr.Dataset(
        {key: ("value_bin", v[shown]) for key, v in columns.items()},
        {"value": ("value_bin", np.sqrt(edges[:-1] * edges[1:])[shown])},
        attrs={**attrs, "note": "; ".join(filter(None, said))},
    )
    for key in ("value", "low", "high"):
        found[key].attrs["units"] = f"{length}^2"
    for key in ("density", "density_error"):
        found[key].attrs["units"] = f"{length}^-2"
    return IndicatorSample(found, np.array(frames), float(np.mean(present)), np.array(above), np.array(mean))


def example_particle(
    trajectory: Trajectory, kind: str, moving: xr.Dataset, attrs: dict[str, Any]
) -> xr.Dataset | None:
    """Return p_hop and displacement of a particle that rearranges, as many frames around it as are quickly read."""
    import xarray as xr

    if not moving.sizes["event"]:
        return None
    particles, counts = np.unique(moving["particle"].values, return_counts=True)
    candidates = particles[counts == max(1, min(3, int(counts.max())))]
    particle = int(candidates[len(candidates) // 2])
    events = np.flatnonzero(moving["particle"].values == particle)
    peak = int(moving["peak_frame"].values[events[len(events) // 2]])
    frame_bytes = 8 * trajectory.n_particles * (trajectory.layout.dimension + 1)
    n = max(4 * int(moving.attrs["window"]), _EXAMPLE_BYTES // frame_bytes)
    first = int(np.clip(peak - n // 2, 0, max(0, trajectory.n_frames - n)))
    stop = min(first + n, trajectory.n_frames)
    block = max(1, _BLOCK_BYTES // frame_bytes)
    position, p_hop = [], []
    for a in range(first, stop, block):
        b = min(a + block, stop)
        position.append(trajectory.positions(kind, a, b)[:, particle])
        p_hop.append(trajectory.read("p_hop", a, b)[:, particle])
    moved = np.concatenate(position)
    there = np.flatnonzero(np.isfinite(moved).all(axis=1))
    found = xr.Dataset(
        {
            "p_hop": ("time", np.concatenate(p_hop)),
            "displacement": ("time", np.linalg.norm(moved - moved[there[0]], axis=1)),
        },
        {"time": trajectory.times[first:stop]},
        attrs={**attrs, "particle": particle},
    )
    units = trajectory.unit_system
    found["time"].attrs["units"] = units.time
    found["p_hop"].attrs["units"] = f"{units.length}^2"
    found["displacement"].attrs |= {
        "units": units.length,
        "definition": f"from its place in the first frame that is drawn; {kind} positions",
    }
    return found


# -- snapshot --------------------------------------------------------------------------------------------------------


def snapshot(
    trajectory: Trajectory,
    kind: str,
    frames: NDArray[np.int64],
    lengths: Lengths,
    read: Callable[[int], NDArray[np.float64]] | None,
    attrs: dict[str, Any],
) -> xr.Dataset:
    """Return a few frames of positions, wrapped, with what colours the particles.

    Parameters
    ----------
    trajectory : Trajectory
    kind : {"inherent", "thermal"}
    frames : (n,) int
        To choose from.
    lengths : Lengths
    read : callable or None
        Frame to the values (N,) that colour the particles; None to colour by species.
    attrs : dict
        Of the data set; ``coloured_by`` names the values, "softness" without it.
    """
    import xarray as xr

    if not trajectory.layout.complete and len(frames) > _SHOWN_FRAMES:  # at the ends many are absent
        frames = frames[len(frames) // 10 : -(len(frames) // 10)]
    shown, part = _shown_particles(trajectory, kind, int(frames[0]))
    chosen = frames[evenly(len(frames), max(1, min(_SHOWN_FRAMES, _SHOWN_IN_ALL // max(1, len(shown)))))]
    position, values = [], []
    for k in chosen.tolist():
        position.append(_wrapped(trajectory.box(k), trajectory.positions(kind, k, k + 1)[0][shown]))
        if read is not None:
            values.append(read(k)[shown])
    box = trajectory.box(int(chosen[0]))
    attrs = {
        **attrs,
        "positions": kind,
        "diameter": lengths.peak / 1.07,
        "box_vectors": (part * box.vectors).tolist(),
        "box_origin": box.origin.tolist(),
        "species_names": list(trajectory.species_names),
    }
    if part < 1:
        attrs["note"] = (
            f"of {trajectory.n_particles} particles, shown are the {len(shown)} that began in one corner of the box"
        )
    variables: dict[str, Any] = {"position": (("snapshot_frame", "particle", "xyz"), np.stack(position))}
    if values:
        name = attrs.get("coloured_by", "softness")
        variables[name] = (("snapshot_frame", "particle"), np.stack(values))
    found = xr.Dataset(
        variables,
        {
            "time": ("snapshot_frame", trajectory.times[chosen]),
            "species": ("particle", trajectory.species[shown]),
        },
        attrs=attrs,
    )
    found["position"].attrs["units"] = trajectory.unit_system.length
    found["time"].attrs["units"] = trajectory.unit_system.time
    return found


def lively_stretch(trajectory: Trajectory, name: str, sample: IndicatorSample) -> NDArray[np.int64]:
    """Return frames half a window apart, beginning at the one that was read in which most particles move."""
    half = max(1, int(trajectory.stages[name]["parameters"].get("window", 2)) // 2)
    busiest = int(sample.frames[int(np.argmax(sample.mean))])
    frames = busiest + half * np.arange(_SHOWN_FRAMES)
    return frames[frames <= max(busiest, int(sample.frames[-1]))]


def _wrapped(box: Box, positions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the copies inside the box; absent particles stay NaN."""
    there = np.isfinite(positions).all(axis=1)
    out = np.full_like(positions, np.nan)
    out[there] = box.wrap(positions[there])
    return out


def _shown_particles(trajectory: Trajectory, kind: str, frame: int) -> tuple[NDArray[np.int64], float]:
    """Return the particles of a corner of the box that holds few enough, and its edge in units of the box."""
    part = (_SHOWN_PARTICLES / trajectory.n_particles) ** (1 / trajectory.layout.dimension)
    if part >= 1:
        return np.arange(trajectory.n_particles), 1.0
    first = trajectory.frame(frame, kind)
    fractional = first.box.fractional(first.box.wrap(first.positions))
    return first.particles[(fractional <= part).all(axis=1)], part
