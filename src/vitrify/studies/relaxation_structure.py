"""What softness adds to simpler structural quantities: probabilities, likelihood, area under the curve, barriers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ConvergenceError, ParameterError, TooFewEventsError
from vitrify.predictors.scores import roc_area
from vitrify.studies.relaxation_predictions import Tally, counts_of, tally_of
from vitrify.studies.relaxation_reading import CentreTrajectory
from vitrify.studies.relaxation_settings import RelaxationSettings
from vitrify.theory.arrhenius import ArrheniusFit, fit_arrhenius
from vitrify.theory.likelihood_gain import Gain, deviance_per_freedom, gain_of_arrhenius, gain_of_bins
from vitrify.theory.rearrangement_probability import combine, rearrangement_probability

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

_FAILURES = (TooFewEventsError, ParameterError, ConvergenceError)
_NO_GAIN = Gain(float("nan"), float("nan"), 0)


def quantile_edges(values: Array, n_bins: int) -> Array:
    """Return edges of bins that hold the same number of values; of whole numbers, fewer where several fall together.

    Examples
    --------
    >>> quantile_edges(np.linspace(0, 1, 9), 2).tolist(), quantile_edges(np.array([1.0, 1, 1, 2, 3, 3]), 3).tolist()
    ([0.0, 0.5, 1.0], [0.5, 1.5, 2.5, 3.5])
    """
    if len(values) and np.array_equal(values, np.rint(values)):
        counted = np.bincount((values - values.min()).astype(np.int64))
        inner: list[float] = []
        held, share = 0, len(values) / n_bins
        for k, n in enumerate(counted[:-1].tolist()):
            held += n
            if held >= share * (len(inner) + 1) * 0.75 and len(inner) < n_bins - 1:
                inner.append(values.min() + k + 0.5)
        return np.array([values.min() - 0.5, *inner, values.max() + 0.5])
    edges = np.unique(np.quantile(values, np.linspace(0, 1, n_bins + 1)))
    return edges if len(edges) > 2 else np.array([edges[0], edges[0] + 0.5, edges[0] + 1.0])


def structure_datasets(
    trajectories: list[CentreTrajectory],
    structures: list[xr.Dataset],
    fitted: list[float],
    settings: RelaxationSettings,
) -> dict[str, xr.Dataset]:
    """Return the comparison of softness with the other quantities of the tables.

    Parameters
    ----------
    trajectories : list of CentreTrajectory
    structures : list of xarray.Dataset
        From `vitrify.studies.relaxation_scalars.structure_of`, in the same order.
    fitted : list of float
        Temperatures that barriers are fitted to.
    settings : RelaxationSettings

    Returns
    -------
    dict of str to xarray.Dataset
        "structure_probability" (scalar, temperature, quantile_bin) and "structure_gain" (scalar, temperature; of the Arrhenius
        law, scalar).
    """
    import xarray as xr

    names = [str(n) for n in structures[0]["scalar"].values]
    probabilities, gains = [], []
    for name in names:
        probability, gain = _one_scalar(name, trajectories, structures, fitted, settings)
        probabilities.append(probability)
        gains.append(gain)
    coordinate = xr.Variable("scalar", names)
    return {
        "structure_probability": xr.concat(probabilities, coordinate, join="outer"),
        "structure_gain": xr.concat(gains, coordinate),
    }


def _one_scalar(
    name: str,
    trajectories: list[CentreTrajectory],
    structures: list[xr.Dataset],
    fitted: list[float],
    settings: RelaxationSettings,
) -> tuple[xr.Dataset, xr.Dataset]:
    r, p_c = settings.relaxation, settings.rearrangements.rearrangement_threshold
    tallies = [tally_of(t, s, p_c, r.blocks, name) for t, s in zip(trajectories, structures, strict=True)]
    edges = quantile_edges(np.concatenate([t.value for t in tallies]), r.quantile_bins)
    counts = combine([counts_of(o, t, edges, r.blocks) for o, t in zip(trajectories, tallies, strict=True)])
    return _probability(counts, r.quantile_bins), _gain(counts, trajectories, tallies, fitted, settings)


def _probability(counts: xr.Dataset, n_bins: int) -> xr.Dataset:
    """Return P_R against the quantity in `n_bins` bins, the last of them empty where whole numbers fill fewer."""
    found = rearrangement_probability(counts).drop_attrs()
    values = {
        str(k): (("temperature", "quantile_bin"), _widened(v.values, n_bins))
        for k, v in found.data_vars.items()
    }
    import xarray as xr

    of_bin = _widened(found["softness"].values[None], n_bins)[0]
    return xr.Dataset(
        {**values, "value": ("quantile_bin", of_bin)}, {"temperature": found["temperature"].values}
    )


def _widened(values: NDArray[np.generic], n: int) -> Array:
    out = np.full((*values.shape[:-1], n), np.nan)
    out[..., : values.shape[-1]] = values
    return out


def _gain(
    counts: xr.Dataset,
    trajectories: list[CentreTrajectory],
    tallies: list[Tally],
    fitted: list[float],
    settings: RelaxationSettings,
) -> xr.Dataset:
    import xarray as xr

    temperatures = counts["temperature"].values
    gains = [_try(gain_of_bins, counts.isel(temperature=[k])) for k in range(len(temperatures))]
    areas = np.full((len(temperatures), 3), np.nan)
    for k, t in enumerate(temperatures):
        index = next(i for i, one in enumerate(trajectories) if one.temperature == t)
        areas[k] = _area(tallies[index])
    quiet = counts.sel(temperature=fitted)
    degrees = settings.relaxation.degrees
    laws = [_try(partial(gain_of_arrhenius, degree=d), quiet) for d in degrees]
    fits = [_law(quiet, d) for d in degrees]
    at = "temperature"
    values = {
        "gain": (at, [g.value for g in gains]),
        "gain_error": (at, [g.error for g in gains]),
        "events": (at, [g.n_events for g in gains]),
        "area": (at, areas[:, 0]),
        "area_low": (at, areas[:, 1]),
        "area_high": (at, areas[:, 2]),
        "law_gain": ("degree", [g.value for g in laws]),
        "law_gain_error": ("degree", [g.error for g in laws]),
        "law_events": ("degree", [g.n_events for g in laws]),
        **{name: ("degree", [f[name] for f in fits]) for name in fits[0]},
    }
    return xr.Dataset(values, {"temperature": temperatures, "degree": list(degrees)})


def _try(measure: Callable[[xr.Dataset], Gain], counts: xr.Dataset) -> Gain:
    try:
        return measure(counts)
    except _FAILURES:
        return _NO_GAIN


def _area(tally: Tally) -> tuple[float, float, float]:
    n, m = len(tally.start_value), len(tally.value)
    try:
        score = roc_area(
            np.concatenate([tally.start_value, tally.value]),
            np.concatenate([np.ones(n), np.zeros(m)]),
            np.concatenate([tally.start_segment, tally.segment]),
        )
    except TooFewEventsError:
        return (float("nan"),) * 3
    if score.value < 0.5:  # the quantity falls where particles rearrange
        return 1 - score.value, 1 - score.high, 1 - score.low
    return score.value, score.low, score.high


def _law(quiet: xr.Dataset, degree: int) -> dict[str, float]:
    """Return deviance and slopes of the Arrhenius law in a quantity, per standard deviation of it; NaN without a fit."""
    names = ("deviance", "deviance_without", "degrees_of_freedom", "e1", "sigma1", "onset_temperature")
    nothing = dict.fromkeys(names, float("nan"))
    try:
        found, fit = deviance_per_freedom(quiet, degree), fit_arrhenius(quiet, degree)
    except _FAILURES:
        return nothing
    spread = _spread(quiet)
    values = (found.law, found.without, found.degrees_of_freedom, fit.e1 * spread, fit.sigma1 * spread, _onset(fit))  # fmt: skip
    return {name: float(v) for name, v in zip(names, values, strict=True)}


def _onset(fit: ArrheniusFit) -> float:
    return fit.onset_temperature if np.isfinite(fit.onset_temperature) else float("nan")


def _spread(counts: xr.Dataset) -> float:
    """Return the standard deviation of the quantity at the coldest temperature, between bins."""
    n = counts["exposure"].values[0].sum(axis=0)
    total = counts["softness_sum"].values[0].sum(axis=0)
    mean = total / np.where(n > 0, n, 1.0)
    middle = total.sum() / max(n.sum(), 1.0)
    return float(np.sqrt((n * (mean - middle) ** 2).sum() / max(n.sum(), 1.0)))
