"""Softness as a field: how far it is alike in space, and whether particles move up its gradient (thesis Figs. 6.4 and 6.5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ParameterError, TooFewEventsError
from vitrify.particles import Frame
from vitrify.structure.field_correlation import FieldCorrelation, fit_exponential_decay
from vitrify.studies.meaning_structure_events import INHERENT, Starts
from vitrify.studies.meaning_structure_settings import StructureSection
from vitrify.studies.relaxation_reading import CentreTrajectory
from vitrify.theory.rearrangement_direction import direction_statistics

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

HOP_FIELD = "p_hop"
_FIT = ("amplitude", "amplitude_error", "length", "length_error")
_N_COSINES = 10
_FEWEST_PAIRS = 0.01  # of those of the fullest bin
_DIRECTION = {
    "product": "product_mean",
    "mean_cosine": "mean_cosine",
    "mean_cosine_error": "mean_cosine_error",
    "shuffled_mean_cosine": "shuffled_mean_cosine",
    "shuffled_spread": "shuffled_spread",
    "events": "events",
}


def hop_values(one: CentreTrajectory) -> Array:
    """Return p_hop of the centre particles in the sampled frames, (n, m)."""
    rows = np.empty((len(one.frames), len(one.centre)))
    for a, b in one.trajectory.units():
        inside = (one.frames >= a) & (one.frames < b)
        if inside.any():
            rows[inside] = one.trajectory.read("p_hop", a, b)[one.frames[inside] - a][:, one.centre]
    return rows


def field_dataset(
    trajectories: list[CentreTrajectory], fields: dict[str, list[Array]], section: StructureSection
) -> xr.Dataset:
    """Return the spatial correlation of every field at every temperature, with exponential fits.

    Parameters
    ----------
    trajectories : list of CentreTrajectory
    fields : dict of str to list of (n, m) float
        By name: for each temperature the values of the centre particles in the sampled frames; NaN is left out.
    section : StructureSection

    Returns
    -------
    xarray.Dataset
        Dims field, temperature, r: ``correlation`` and its error. Dims field, temperature: ``amplitude``, ``length`` of the
        fit to all bins of the range and their errors; ``length_of_peaks``, of the fit to the maxima alone.
    """
    import xarray as xr

    measure = FieldCorrelation(section.field_range, section.field_bin)
    n_r = len(measure.edges) - 1
    shape = (len(fields), len(trajectories))
    curves = {n: np.full((*shape, n_r), np.nan) for n in ("correlation", "correlation_error")}
    fits = {n: np.full(shape, np.nan) for n in (*_FIT, "length_of_peaks", "length_of_peaks_error")}
    r = 0.5 * (measure.edges[1:] + measure.edges[:-1])
    for (j, values), (k, one) in ((a, b) for a in enumerate(fields.values()) for b in enumerate(trajectories)):  # fmt: skip
        usable = np.isfinite(values[k]).sum(axis=1) > 1
        usable &= np.array([np.nanstd(row) > 0 if ok else False for row, ok in zip(values[k], usable, strict=True)])  # fmt: skip
        if not usable.any():
            continue
        found = measure.compute(
            _frames(one, one.frames[usable]), values[k][usable], particles=one.centre, blocks=section.blocks
        )
        common = _common(found)
        for name, curve in curves.items():
            curve[j, k, common] = found[name].values[common]
        for name, value in _fits(found, section).items():
            fits[name][j, k] = value
    dims = ("field", "temperature")
    return xr.Dataset(
        {n: ((*dims, "r"), v) for n, v in curves.items()} | {n: (dims, v) for n, v in fits.items()},
        {"field": list(fields), "temperature": [t.temperature for t in trajectories], "r": r},
        {"r_min": section.field_fit[0], "r_max": section.field_fit[1]},
    )


def _frames(one: CentreTrajectory, indices: Ints) -> Iterator[Frame]:
    """Yield inherent configurations; particles that may be absent would not be where `centre` counts them."""
    for _, frame in one.trajectory.frames(INHERENT, indices):
        yield frame


def _common(found: xr.Dataset) -> Ints:
    """Return the bins that are not nearly empty: a single close pair says nothing of a field."""
    n = found["pairs"].values
    return np.flatnonzero(n >= _FEWEST_PAIRS * n.max())


def _fits(whole: xr.Dataset, section: StructureSection) -> dict[str, float]:
    low, high = section.field_fit
    fitted: dict[str, float] = {}
    found = whole.isel(r=_common(whole))
    try:
        every = fit_exponential_decay(found, low, high)
        fitted |= {n: float(getattr(every, n)) for n in _FIT}
    except (TooFewEventsError, ParameterError):
        pass
    try:
        peaks = fit_exponential_decay(found, low, high, peaks_only=True)
        fitted |= {"length_of_peaks": peaks.length, "length_of_peaks_error": peaks.length_error}
    except (TooFewEventsError, ParameterError):
        pass
    return fitted


def direction_dataset(
    pieces: list[tuple[float, Starts, Array, Array, int]], section: StructureSection
) -> xr.Dataset | None:
    """Return how displacements of rearrangements lie to the gradient of softness, at every temperature that has enough.

    Parameters
    ----------
    pieces : list of (temperature, Starts, gradient, displacement, n_frames)
        Gradient and displacement (e, d) of those starts.
    section : StructureSection

    Returns
    -------
    xarray.Dataset or None
        Dims temperature, gradient_bin: ``product`` (|Δr| |∇S|, mean), ``mean_cosine`` and its error, ``shuffled_mean_cosine`` and
        ``shuffled_spread`` (gradients exchanged between events), ``events``. Dims temperature, gradient_bin, cosine: ``density``
        and its error. Dim temperature: ``mean`` cosine of all events and its error.
    """
    import xarray as xr

    found = []
    for temperature, starts, gradient, displacement, n_frames in pieces:
        segment = starts.frame * section.blocks // n_frames
        how: dict[str, Any] = {
            "n_cosines": _N_COSINES,
            "n_resamples": section.resamples,
            "seed": section.seed,
        }
        try:
            made = direction_statistics(displacement, gradient, segment, section.gradient_bins, **how)
            whole = direction_statistics(displacement, gradient, segment, 1, **how)
        except TooFewEventsError:
            continue
        found.append((temperature, _plain(made, whole)))
    if not found:
        return None
    return xr.concat([d for _, d in found], xr.Variable("temperature", [t for t, _ in found]))


def _plain(made: xr.Dataset, whole: xr.Dataset) -> xr.Dataset:
    import xarray as xr

    of_bin = {name: ("gradient_bin", made[theirs].values) for name, theirs in _DIRECTION.items()}
    densities = {n: (("gradient_bin", "cosine"), made[n].values) for n in ("density", "density_error")}
    return xr.Dataset(
        of_bin
        | densities
        | {
            "mean": ((), float(whole["mean_cosine"].values[0])),
            "mean_error": ((), float(whole["mean_cosine_error"].values[0])),
            "shuffled_mean": ((), float(whole["shuffled_mean_cosine"].values[0])),
        },
        {"cosine": made["cosine_bin"].values},
    )
