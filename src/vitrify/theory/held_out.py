"""Predictions of what was left out: another temperature, and later times."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ConvergenceError, ParameterError, TooFewEventsError
from vitrify.theory._segments import drawn_segments, summed, with_exposure
from vitrify.theory.arrhenius import fit_totals, leave_out, predict_left_out
from vitrify.theory.log_quadratic import LogQuadratic
from vitrify.theory.overlap_prediction import ROUTES, OverlapPrediction
from vitrify.theory.survivors import Moments, moments, spread_of

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

_STEPS = 40
_CLOSE = 1e-4
_ALONG_LAGS = ("known", "stayed", "n", "mean", "variance", "later", "later_mean")


def held_out_temperature(
    counts: xr.Dataset,
    temperature: float,
    degree: int = 1,
    min_events: int = 10,
    n_resamples: int = 200,
    seed: int = 0,
) -> xr.Dataset:
    """Fit barriers without one temperature, predict ln P_R there, and say how far off that is.

    Parameters
    ----------
    counts : xarray.Dataset
        From `vitrify.theory.rearrangement_probability.combine`.
    temperature : float, energy / k_B
        One of `counts`.
    degree : int, default 1
        Of ΔE(S) and Σ(S).
    min_events : int, default 10
        Bins with fewer at `temperature` are not compared.
    n_resamples : int, default 200
        Bootstrap samples of the segments, of every temperature.
    seed : int, default 0

    Returns
    -------
    xarray.Dataset
        As `vitrify.theory.arrhenius.predict_held_out`; also, dim softness_bin, ``difference`` (predicted − measured) and its
        error; without dimension ``mean_difference``, weighted with the events, ``root_mean_square``, weighted alike, and their
        errors. Errors are those of resampled segments, and not below counting.

    Raises
    ------
    ParameterError, TooFewEventsError, ConvergenceError
        As `predict_held_out`.
    """
    out = leave_out(counts, temperature)
    found, held = predict_left_out(out, degree, min_events), out.held
    k, n = (
        counts[name].transpose("temperature", "segment", "softness_bin").values
        for name in ("events", "exposure")
    )
    s, t = found["softness"].values, counts["temperature"].values
    whole = out.others["softness"].values
    used, weight = found["used"].values.astype(bool), found["events"].values.astype(float)
    if not used.any():
        raise TooFewEventsError(
            f"No bin of softness has {min_events} rearrangements at T = {temperature:g}: there is nothing to compare with."
        )
    rng, there, drawn = np.random.default_rng(seed), with_exposure(n), []
    for _ in range(n_resamples):
        segments = drawn_segments(rng, there)
        kk = summed(k, segments)
        nn = np.maximum(summed(n, segments), kk)
        try:
            fit = fit_totals(kk[~held], nn[~held], whole, t[~held], degree)
        except (ConvergenceError, TooFewEventsError, ParameterError):
            continue
        here, exposure = kk[held][0], nn[held][0]
        with np.errstate(divide="ignore", invalid="ignore"):
            drawn.append(np.log(fit.predict(s, temperature)) - np.log(here / exposure))
    difference = found["predicted"].values - found["log_probability"].values
    counted = np.hypot(found["log_probability_error"].values, found["predicted_error"].values)
    spread = spread_of([np.where(np.isfinite(d), d, np.nan) for d in drawn], difference)
    error = np.where(np.isnan(spread), counted, np.fmax(spread, counted))
    means = np.array([_summary(d, weight, used) for d in drawn]).reshape(-1, 2)
    mean, square = _summary(difference, weight, used)
    mean_error, square_error = (means[:, j].std(ddof=1) if len(means) > 1 else np.nan for j in (0, 1))
    least = 1 / np.sqrt(weight[used].sum())
    return found.assign(
        difference=("softness_bin", np.where(used, difference, np.nan)),
        difference_error=("softness_bin", np.where(used, error, np.nan)),
        mean_difference=((), mean),
        mean_difference_error=((), float(np.fmax(mean_error, least))),
        root_mean_square=((), square),
        root_mean_square_error=((), float(square_error)),
    )


def _summary(difference: Array, weight: Array, used: NDArray[np.bool_]) -> tuple[float, float]:
    known = used & np.isfinite(difference)
    if not known.any():
        return float("nan"), float("nan")
    w = weight[known] / weight[known].sum()
    return float((w * difference[known]).sum()), float(np.sqrt((w * difference[known] ** 2).sum()))


def until(counts: xr.Dataset, latest: float) -> xr.Dataset:
    """Return counts of survivors without the softness of those that survive beyond a time.

    `vitrify.theory.overlap_prediction.OverlapPrediction` holds the propagator constant from there on; what is measured of the
    overlap stays.

    Parameters
    ----------
    counts : xarray.Dataset
        From `vitrify.theory.survivors.Survivors.count`.
    latest : float, time

    Examples
    --------
    >>> import xarray as xr
    >>> names = ("with_softness", "softness_sum", "softness_square_sum", "later", "later_sum")
    >>> counts = xr.Dataset({k: ("lag", [3.0, 3.0]) for k in names}, {"lag": [1.0, 10.0]})
    >>> until(counts, 5.0)["later"].values.tolist()
    [3.0, 0.0]
    """
    early = counts["lag"] <= latest * (1 + 1e-9)
    names = ("with_softness", "softness_sum", "softness_square_sum", "later", "later_sum")
    return counts.assign({name: counts[name].where(early, 0.0) for name in names})


def half_of_log_range(lags: Array) -> float:
    """Return the time in the middle, in the logarithm, between the first lag above 0 and the last.

    Examples
    --------
    >>> round(half_of_log_range(np.array([0.0, 1.0, 4.0, 100.0])), 6)
    10.0
    """
    positive = np.asarray(lags)[np.asarray(lags) > 0]
    return float(np.sqrt(positive.min() * positive.max()))


def calibrated(
    counts: xr.Dataset, law: LogQuadratic, latest: float, route: str = "gaussian", weight: Array | None = None
) -> float:
    """Return the c with which the predicted ln q, on average over the lags up to a time, is the measured one.

    Parameters
    ----------
    counts : xarray.Dataset
        From `vitrify.theory.survivors.Survivors.count`.
    law : LogQuadratic
    latest : float, time
    route : {"naive", "gaussian", "binned", "direct"}
        Of the prediction.
    weight : (n_segments,) float, optional
        How often each segment counts; by default once.

    Raises
    ------
    ParameterError
        If no lag above 0 is so early, or the route is none.
    TooFewEventsError
        If nothing has moved away by then.
    """
    if route not in ROUTES:
        raise ParameterError(f"`route` must be one of {', '.join(ROUTES)}; it is '{route}'.")
    return calibrated_moments(moments(counts, weight), counts["lag"].values, law, latest, route)


def calibrated_moments(m: Moments, lags: Array, law: LogQuadratic, latest: float, route: str) -> float:
    """Return `calibrated` from moments of survivors at the given lags."""
    early = (lags > 0) & (lags <= latest * (1 + 1e-9))
    if not early.any():
        raise ParameterError(f"`latest` = {latest:g} lies before the first lag, {lags[lags > 0][0]:g}.")
    seen = m.known.sum(axis=0) > 0
    k, chosen = ROUTES.index(route), np.flatnonzero(((lags == 0) | early) & seen)
    some = m._replace(**{name: getattr(m, name)[:, chosen] for name in _ALONG_LAGS})
    later = lags[chosen] > 0
    stayed, known = (a.sum(axis=0)[later] for a in (some.stayed, some.known))
    if not (stayed < known).any():
        raise TooFewEventsError(
            f"No particle has moved away by t = {latest:g}: c cannot be calibrated there. Take a later time, or more frames."
        )
    measured = -np.log(np.maximum(stayed, 0.5) / known).mean()
    c, predict = 1.0, OverlapPrediction(n_resamples=0)
    for _ in range(_STEPS):  # ln q falls almost in proportion to c
        curve = predict._curves(some, lags[chosen], law, c).predicted[k, later]
        factor = float(measured / -np.log(np.maximum(curve, 1e-300)).mean())
        c = min(max(c * factor, 1e-6), 1e6)
        if abs(factor - 1) < _CLOSE:
            break
    return c
