"""Early times predict later ones: c and the propagator from up to a time, the overlap beyond it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ParameterError, TooFewEventsError
from vitrify.theory.held_out import calibrated_moments, until
from vitrify.theory.log_quadratic import LogQuadratic
from vitrify.theory.overlap_prediction import ROUTES, OverlapPrediction
from vitrify.theory.survivors import moments, resamples, spread_of, widening

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]


def held_out_times(
    counts: xr.Dataset, law: LogQuadratic, latest: float, n_resamples: int = 40, seed: int = 0
) -> xr.Dataset:
    """Measure c and the survivors' softness up to a time, and predict the overlap after it.

    Parameters
    ----------
    counts : xarray.Dataset
        From `vitrify.theory.survivors.Survivors.count`.
    law : LogQuadratic
    latest : float, time
        The last that is measured. c is `vitrify.theory.held_out.calibrated` up to here, on its own for the naive route and by the
        Gaussian one for the others; the propagator is held constant from here on.
    n_resamples : int, default 40
        Bootstrap samples of the segments.
    seed : int, default 0

    Returns
    -------
    xarray.Dataset
        Dims route, lag: ``predicted`` and its error. Dim lag: ``measured`` and its error. Dim route: ``productive``, the c of
        each, ``distance``, the root mean square of predicted − measured over the lags after `latest`, and their errors.

    Raises
    ------
    ParameterError
        If no lag lies after `latest`, or none above 0 before it.
    TooFewEventsError
        As `calibrated`.
    """
    import xarray as xr

    lags = counts["lag"].values
    if not (lags > latest).any():
        raise ParameterError(f"`latest` = {latest:g} leaves no later lag: the last is {lags[-1]:g}.")
    best = _once(counts, law, latest)
    rng, drawn = np.random.default_rng(seed), []
    for weight in resamples(counts, n_resamples, rng):
        try:
            drawn.append(_once(counts, law.drawn(rng), latest, weight))
        except (ParameterError, TooFewEventsError):
            continue
    error = _Late(*(spread_of([d[k] for d in drawn], best[k]) for k in range(len(_Late._fields))))
    words = {
        "measured": ("lag", best.measured, "q(t)", "overlap, measured"),
        "measured_error": ("lag", error.measured * widening(counts), r"\delta q(t)", "standard error of measured"),
        "predicted": (("route", "lag"), best.predicted, "q(t)", "overlap, predicted from earlier times"),
        "predicted_error": (("route", "lag"), error.predicted, r"\delta q(t)", "standard error of predicted"),
        "productive": ("route", best.productive, "c", "displacements per rearrangement, at early times"),
        "productive_error": ("route", error.productive, r"\delta c", "standard error of productive"),
        "distance": ("route", best.distance, r"\Delta_q", "root mean square distance at later times"),
        "distance_error": ("route", error.distance, r"\delta\Delta_q", "standard error of distance"),
    }  # fmt: skip
    return xr.Dataset(
        {
            name: (dims, values, {"units": "1", "symbol": symbol, "long_name": long})
            for name, (dims, values, symbol, long) in words.items()
        },
        {"route": list(ROUTES), "lag": counts["lag"]},
        attrs={"latest": float(latest)},
    )


class _Late(NamedTuple):
    measured: Array
    predicted: Array
    productive: Array
    distance: Array


def _once(counts: xr.Dataset, law: LogQuadratic, latest: float, weight: Array | None = None) -> _Late:
    lags, whole = counts["lag"].values, moments(counts, weight)
    early = moments(until(counts, latest), weight)
    predict, found = OverlapPrediction(n_resamples=0), {}
    for route in ("naive", "gaussian"):
        c = calibrated_moments(whole, lags, law, latest, route)
        found[route] = c, predict._curves(early, lags, law, c)
    chosen = [found["naive" if route == "naive" else "gaussian"] for route in ROUTES]
    predicted = np.array([curves.predicted[k] for k, (_, curves) in enumerate(chosen)])
    measured = chosen[0][1].measured
    late = lags > latest * (1 + 1e-9)
    gap = (predicted - measured)[:, late] ** 2
    there = np.isfinite(gap)
    square = np.where(there, gap, 0.0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    distance = np.where(there.any(axis=1), np.sqrt(square), np.nan)
    return _Late(measured, predicted, np.array([c for c, _ in chosen]), distance)
