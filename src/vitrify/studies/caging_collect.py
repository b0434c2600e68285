"""Data sets of the report on the softness of cages, from what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.studies.caging_counts import SoftMotion
from vitrify.studies.caging_depths import smeared_of
from vitrify.studies.caging_motion import peak_time
from vitrify.studies.caging_place import CagingPlace
from vitrify.studies.caging_structure import LiquidStructure, pairs_of
from vitrify.studies.caging_time import kept
from vitrify.theory.propagator import propagator

if TYPE_CHECKING:
    import xarray as xr

    from vitrify.theory.caging import CagingMap

Array = NDArray[np.float64]

_BINS = 60  # of distributions
_TAIL = 0.0005  # of the values, beyond their bins on each side


@dataclass(frozen=True)
class Caged:
    """Everything that was measured, of all temperatures, coldest first.

    Parameters
    ----------
    place : CagingPlace
    relation : CagingMap
    structures : list of LiquidStructure
    motions : list of SoftMotion
    """

    place: CagingPlace
    relation: CagingMap
    structures: list[LiquidStructure]
    motions: list[SoftMotion]

    @property
    def temperatures(self) -> Array:
        """Ascending."""
        return np.array([one.point.temperature for one in self.motions])


def bulk_dataset(found: Caged) -> xr.Dataset:
    """Return depths and softness of the mean cage against temperature, with the lines through them."""
    import xarray as xr

    bulk, relation = [s.bulk for s in found.structures], found.relation
    names = ("depth_q", "inverse_softness", "depth_r")
    values = {n: np.array([getattr(b, n) for b in bulk]) for n in names}
    errors = {f"{n}_error": np.array([getattr(b, f"{n}_error") for b in bulk]) for n in names}
    lines = {
        "line_a": relation.a.at(values["depth_q"]),
        "line_b": relation.b.at(values["depth_r"]),
        "line_c": relation.c.at(values["depth_r"]),
    }
    attrs: dict[str, Any] = {name: getattr(relation, name) for name in ("a0", "a1", "b0", "b1", "c0", "c1")}
    attrs |= {f"r_squared_{name}": value for name, value in relation.r_squared.items()}
    attrs["q_max"] = relation.q_max
    dims = {n: ("temperature", v) for n, v in {**values, **errors, **lines}.items()}
    return xr.Dataset(dims, {"temperature": found.temperatures}, attrs)


def structure_dataset(found: Caged) -> xr.Dataset:
    """Return g(r) around the centre species with the limits of the integrals, and S(q)."""
    import xarray as xr

    centre = found.place.settings.cages.centre_species
    rdfs = [s.rdf.sel(group=centre) for s in found.structures]
    factors = [s.structure_factor for s in found.structures]
    species = [str(s) for s in factors[0]["species"].values]
    neighbors = [str(s) for s in rdfs[0]["neighbor_species"].values]
    pairs = pairs_of(species)
    limits = np.array([[s.limits[n] for n in neighbors] for s in found.structures])

    def of_pairs(name: str) -> Array:
        values = np.stack([f[name].transpose("species", "other_species", "q").values for f in factors])
        return np.stack([values[:, i, j] for i, j in pairs], axis=1)

    of_r, of_q = ("temperature", "neighbor_species", "r"), ("temperature", "pair", "q")
    return xr.Dataset(
        {
            "g": (of_r, np.stack([g["g"].transpose("neighbor_species", "r").values for g in rdfs])),
            "g_error": (
                of_r,
                np.stack([g["g_error"].transpose("neighbor_species", "r").values for g in rdfs]),
            ),
            "lower_limit": (of_r[:2], limits[..., 0]),
            "upper_limit": (of_r[:2], limits[..., 1]),
            "structure_factor": (of_q, of_pairs("S")),
            "structure_factor_error": (of_q, of_pairs("S_error")),
        },
        {
            "temperature": found.temperatures,
            "neighbor_species": np.array(neighbors),
            "pair": np.array([f"{species[i]}{species[j]}" for i, j in pairs]),
            "r": rdfs[0]["r"].values,
            "q": factors[0]["q"].values,
        },
        {"centre_species": centre},
    )


def smeared_dataset(found: Caged) -> xr.Dataset:
    """Return g(r) of single particles, smeared and averaged, beside that of the liquid; coldest temperature."""
    import xarray as xr

    kept_here, structure = smeared_of(found.place, found.structures[0].point), found.structures[0]
    centre = found.place.settings.cages.centre_species
    g, n = kept_here["g"], len(kept_here["g"])
    error = g.std(axis=0, ddof=1) / np.sqrt(n) if n > 1 else np.full(g.shape[1:], np.nan)
    liquid = structure.rdf["g"].sel(group=centre, neighbor_species=centre)
    return xr.Dataset(
        {
            "g": (("delta", "r"), g.mean(axis=0)),
            "g_error": (("delta", "r"), error),
            "g_liquid": ("r", np.interp(kept_here["r"], liquid["r"].values, liquid.values)),
        },
        {"delta": kept_here["delta"], "r": kept_here["r"]},
        {
            "temperature": structure.point.temperature,
            "centre_species": centre,
            "chosen_delta": found.place.settings.cages.delta,
        },
    )


def distribution_dataset(found: Caged, what: str) -> xr.Dataset:
    """Return the distributions over particles of "depth" or "softness" at every temperature, with mean and width.

    Errors from the scatter of the segments of each trajectory.
    """
    import xarray as xr

    values = [m.depths.sampled if what == "depth" else m.softness for m in found.motions]
    known = [v[np.isfinite(v)] for v in values]
    low = min(float(np.quantile(v, _TAIL)) for v in known)
    high = max(float(np.quantile(v, 1 - _TAIL)) for v in known)
    edges = np.linspace(low, high, _BINS + 1)
    rows = [_moments(m, v, edges) for m, v in zip(found.motions, values, strict=True)]
    density, density_error, mean, mean_error, sd, sd_error, flagged = (
        np.stack(column) for column in zip(*rows, strict=True)
    )
    cell = ("temperature", "value_bin")
    return xr.Dataset(
        {
            "density": (cell, density),
            "density_error": (cell, density_error),
            "mean": ("temperature", mean),
            "mean_error": ("temperature", mean_error),
            "sd": ("temperature", sd),
            "sd_error": ("temperature", sd_error),
            "flagged": ("temperature", flagged),
        },
        {"temperature": found.temperatures, "value": ("value_bin", 0.5 * (edges[1:] + edges[:-1]))},
    )


def _moments(one: SoftMotion, values: Array, edges: Array) -> tuple[Any, ...]:
    """Return density, mean and standard deviation over particles with their errors, and the part without a value."""
    segment = one.segment(one.motion.frames)
    density, mean, sd = [], [], []
    for k in np.unique(segment):
        mine = values[segment == k]
        mine = mine[np.isfinite(mine)]
        density.append(np.histogram(mine, edges)[0] / len(mine) / np.diff(edges))
        mean.append(mine.mean())
        sd.append(mine.std())
    found = []
    for pieces in (density, mean, sd):
        stack = np.array(pieces)
        error = (
            stack.std(axis=0, ddof=1) / np.sqrt(len(stack))
            if len(stack) > 1
            else np.full(stack.shape[1:], np.nan)
        )
        found += [stack.mean(axis=0), error]
    known = values[np.isfinite(values)]
    found[2], found[4] = known.mean(), known.std()
    return (*found, np.array(1 - len(known) / values.size))


def correlation_dataset(found: Caged) -> xr.Dataset:
    """Return C_S(t) and Q(t) at every temperature; NaN at lags that a trajectory has not."""
    import xarray as xr

    tables = [kept(found.place, m.point, "correlation") for m in found.motions]
    rounded = [t.assign_coords(lag=np.round(t["lag"].values, 9)) for t in tables]
    whole = xr.concat(rounded, "temperature", join="outer", combine_attrs="drop")
    return whole.assign_coords(temperature=found.temperatures).assign_attrs(
        cutoff=found.place.settings.time.overlap_cutoff
    )


def propagator_dataset(found: Caged) -> xr.Dataset:
    """Return the softness of particles that stay, by what it was; coldest temperature."""
    import xarray as xr

    place, point, p = found.place, found.motions[0].point, found.place.settings.probabilities
    names = ["survivors-short"] if place.settings.time.short_frames else []
    parts = [propagator(kept(place, point, n), p.resamples, p.seed) for n in (*names, "survivors")]
    if len(parts) > 1:
        first = float(parts[1]["lag"].values[1]) if parts[1].sizes["lag"] > 1 else np.inf
        short = parts[0].isel(lag=np.flatnonzero(parts[0]["lag"].values < first - 1e-9))
        long = parts[1]
        long = long.isel(lag=np.flatnonzero(long["lag"].values > 0))
        short = short.assign_coords(softness=parts[1]["softness"])
        parts = [xr.concat([short, long], "lag", combine_attrs="drop", join="override")]
    names = ["mean", "mean_error", "n", "density", "density_error"]
    table = (
        parts[0][names]
        .reset_coords(drop=True)
        .assign_coords(
            {name: (parts[-1][name].dims, parts[-1][name].values) for name in ("lag", "softness", "later")}
        )
    )
    for name in names:
        table[name].attrs = {}
    everyone = found.motions[0].softness
    return table.assign_attrs(
        temperature=point.temperature,
        cutoff=place.settings.time.cage_cutoff,
        mean_softness=float(np.nanmean(everyone)),
    )


def motion_dataset(found: Caged) -> xr.Dataset:
    """Return α₂ and MSD against time, with the threshold that they give."""
    import xarray as xr

    curves = [m.motion.relaxation for m in found.motions]
    names = ("non_gaussian", "non_gaussian_error", "msd", "overlap", "overlap_error", "self_scattering")
    table = xr.concat(
        [c[list(names)] for c in curves], "temperature", join="outer", combine_attrs="drop"
    ).assign_coords(temperature=found.temperatures)
    thresholds = np.array([m.motion.threshold for m in found.motions])
    times = [float(np.exp(peak_time(c)[0])) for c in curves]
    scalars = {
        "threshold": thresholds[:, 0],
        "threshold_error": thresholds[:, 1],
        "peak_time": np.array(times),
        "peak_value": np.array(
            [
                np.interp(t, c["lag"].values, c["non_gaussian"].values)
                for t, c in zip(times, curves, strict=True)
            ]
        ),
        "active": np.array([m.active for m in found.motions]),
    }
    for name in names:
        table[name].attrs = {}
    return table.assign({n: ("temperature", v) for n, v in scalars.items()})


def all_softness(motions: Sequence[SoftMotion]) -> Array:
    """Return softness of all particles and temperatures, each temperature with the same number of values."""
    known = [m.softness[np.isfinite(m.softness)] for m in motions]
    n = min(len(k) for k in known)
    return np.concatenate([k[np.linspace(0, len(k) - 1, n).astype(int)] for k in known])
