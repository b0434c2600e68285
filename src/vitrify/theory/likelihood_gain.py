"""Goodness of fit by likelihood: what knowing the structure tells about the next rearrangement, where it was not fitted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import TooFewEventsError
from vitrify.relaxation._by_origin import jackknife_error
from vitrify.theory._likelihood import deviance
from vitrify.theory.arrhenius import fit_totals

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

_PSEUDO_EVENTS = 0.5  # of a bin in which nothing happened where it was fitted
_LARGEST = 1 - 1e-12


class Gain(NamedTuple):
    """Log likelihood that a law gains over one rate per temperature, on segments it was not fitted to.

    Attributes
    ----------
    value, error : float
        Nats per event, and the standard error from leaving out each segment; NaN with fewer than two.
    n_events : int
    """

    value: float
    error: float
    n_events: int


def gain_of_bins(counts: xr.Dataset) -> Gain:
    r"""Return what P_R of each bin gains over one P_R for all, by events on segments of the trajectory that were left out.

    .. math:: \frac{1}{n_R} \sum_\mathrm{segments} [\ln L(P_R(S)) - \ln L(P_R)]

    Each segment is predicted with the rates of the others, at its own temperature.

    Parameters
    ----------
    counts : xarray.Dataset
        From `vitrify.theory.rearrangement_probability.count` or `combine`.

    Returns
    -------
    Gain

    Raises
    ------
    TooFewEventsError
        If fewer than two segments have events.

    Notes
    -----
    **Scale** nats per event: a structure that lets the rate in half of the exposure be r times that in the other gains
    ln 2 + [r ln r / (1 + r) − ln(1 + r)]; 0 if it tells nothing, negative where the bins only fit noise. **Differs from** R² of
    ln P_R, which weighs bins without regard to what they hold and grows with what it was fitted to. **Invariant under** every
    increasing map of the structural quantity that keeps the bins. **Cost** O(temperatures × segments × bins).

    Examples
    --------
    >>> import xarray as xr
    >>> cell = ("temperature", "segment", "softness_bin")
    >>> k, n = np.tile([100, 900], (1, 4, 1)), np.full((1, 4, 2), 1e5)
    >>> gain = gain_of_bins(xr.Dataset({"events": (cell, k), "exposure": (cell, n)}))
    >>> round(gain.value, 2), gain.n_events
    (0.37, 4000)
    """
    k, n = _cells(counts)

    def rates(events: Array, exposure: Array) -> Array:
        mean = events.sum(axis=1, keepdims=True) / np.maximum(exposure.sum(axis=1, keepdims=True), 1.0)
        prior = _PSEUDO_EVENTS / np.where(mean > 0, mean, 1.0)
        return np.asarray((events + _PSEUDO_EVENTS) / (exposure + prior))

    return _left_out(k, n, rates)


def gain_of_arrhenius(counts: xr.Dataset, degree: int = 1) -> Gain:
    """Return what the Arrhenius law, ΔE(S) and Σ(S), gains over one rate per temperature, on segments that were left out.

    Parameters
    ----------
    counts : xarray.Dataset
        From `vitrify.theory.rearrangement_probability.combine`.
    degree : int, default 1
        Of ΔE(S) and Σ(S).

    Returns
    -------
    Gain

    Raises
    ------
    TooFewEventsError
        If fewer than two segments have events, or the fits have too few.
    ParameterError, ConvergenceError
        As `vitrify.theory.arrhenius.fit_arrhenius`.

    Notes
    -----
    As of `gain_of_bins`; that one rate per temperature is free at each temperature, and the law is not, counts against the
    law.
    """
    k, n = _cells(counts)
    temperature = counts["temperature"].values
    softness = _softness(counts)

    def law(events: Array, exposure: Array) -> Array:
        fit = fit_totals(events, exposure, softness, temperature, degree)
        return np.minimum(fit.predict(softness[None, :], temperature[:, None]), _LARGEST)

    return _left_out(k, n, law)


class Deviance(NamedTuple):
    """How far a law is from the counts, in units of what chance explains.

    Attributes
    ----------
    law, without : float
        Deviance per degree of freedom of the Arrhenius law, and of one rate per temperature; 1 is what counting explains.
    degrees_of_freedom : int
        Of the law.
    n_events : int
    """

    law: float
    without: float
    degrees_of_freedom: int
    n_events: int


def deviance_per_freedom(counts: xr.Dataset, degree: int = 1) -> Deviance:
    """Return the deviance per degree of freedom of the Arrhenius law and of rates that know nothing of softness.

    Parameters
    ----------
    counts : xarray.Dataset
        From `vitrify.theory.rearrangement_probability.combine`.
    degree : int, default 1

    Returns
    -------
    Deviance

    Raises
    ------
    TooFewEventsError, ParameterError, ConvergenceError
        As `vitrify.theory.arrhenius.fit_arrhenius`.
    """
    k, n = (a.sum(axis=1) for a in _cells(counts))
    fit = fit_totals(k, n, _softness(counts), counts["temperature"].values, degree)
    used = n > 0
    rate = np.broadcast_to(k.sum(axis=1, keepdims=True) / n.sum(axis=1, keepdims=True), k.shape)
    free = int(used.sum()) - len(k)
    without = (
        deviance(k[used], n[used], np.log(np.where(rate > 0, rate, 1e-300))[used]) if free > 0 else np.nan
    )
    return Deviance(
        fit.deviance / max(fit.degrees_of_freedom, 1),
        without / max(free, 1),
        fit.degrees_of_freedom,
        fit.n_events,
    )


def _cells(counts: xr.Dataset) -> tuple[Array, Array]:
    """Return events and exposure (T, segment, B) of the cells with exposure, exposure not below events."""
    order = ("temperature", "segment", "softness_bin")
    n = counts["exposure"].transpose(*order).values.astype(float)
    k = np.where(n > 0, counts["events"].transpose(*order).values.astype(float), 0.0)
    return k, np.maximum(n, k)


def _softness(counts: xr.Dataset) -> Array:
    from vitrify.theory.rearrangement_probability import totals

    return np.asarray(totals(counts)["softness"].values, np.float64)


def _left_out(k: Array, n: Array, law: Callable[[Array, Array], Array]) -> Gain:
    """Return the gain of a law that is fitted without each segment in turn and tried on it."""
    filled = np.flatnonzero(k.sum(axis=(0, 2)) > 0)
    if len(filled) < 2:
        raise TooFewEventsError(
            f"A likelihood on what was left out needs rearrangements in at least two segments; {len(filled)} of {k.shape[1]} "
            "have some. Add frames."
        )
    parts = []
    for segment in filled:
        others = np.delete(k, segment, axis=1).sum(axis=1), np.delete(n, segment, axis=1).sum(axis=1)
        rate = others[0].sum(axis=1, keepdims=True) / np.maximum(others[1].sum(axis=1, keepdims=True), 1.0)
        known = np.broadcast_to(rate > 0, k[:, segment].shape)
        gained = _log_likelihood(k[:, segment], n[:, segment], law(*others)) - _log_likelihood(
            k[:, segment], n[:, segment], np.broadcast_to(rate, k[:, segment].shape)
        )
        parts.append((float(gained[known].sum()), float(k[:, segment][known].sum())))
    gains, events = np.array(parts).T
    return Gain(float(gains.sum() / events.sum()), _error(gains, events), int(events.sum()))


def _error(gains: Array, events: Array) -> float:
    """Return the jackknife error of a ratio of sums."""
    without = (gains.sum() - gains) / np.maximum(events.sum() - events, 1.0)
    return float(jackknife_error(without))


def _log_likelihood(k: Array, n: Array, p: Array) -> Array:
    p = np.clip(p, 1e-300, _LARGEST)
    return np.asarray(k * np.log(p) + (n - k) * np.log1p(-p))
