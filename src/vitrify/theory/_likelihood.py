"""Maximum of a binomial likelihood whose log probability is linear in the coefficients."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ConvergenceError, ParameterError, TooFewEventsError

_MAX_ITERATIONS = 100
_DECREMENT = 1e-16  # in units of the log likelihood
_ROUNDING = 1e-12  # of the log likelihood, relative
_COLLINEAR = 1e-10  # part of a column that the columns before it do not explain
_LARGEST_ERROR = 10.0  # of any fitted ln p: beyond it the counts fix nothing

Array = NDArray[np.float64]


class Maximum(NamedTuple):
    """Where the likelihood is largest.

    Attributes
    ----------
    coefficients : (p,) float
    covariance : (p, p) float
        Inverse of the Fisher information.
    deviance : float
        Twice the log likelihood that the saturated model gains over this one.
    """

    coefficients: Array
    covariance: Array
    deviance: float


def maximise(
    design: Array, events: Array, exposure: Array, *, about: str, start: Array | None = None
) -> Maximum:
    r"""Maximise Σ k ln p + (n − k) ln(1 − p) with ln p = design @ coefficients, p < 1.

    The function is concave in the coefficients, and (n − k) ln(1 − p) is its own barrier at p = 1: Newton steps,
    halved until they stay below p = 1 and go up, find the only maximum. Columns are made orthogonal first, so that
    neither units nor the origin of the columns matter.

    Parameters
    ----------
    design : (c, p) float
        Its span holds the constant.
    events, exposure : (c,) float
        k and n >= k, n > 0.
    about : str
        What is fitted, for messages.
    start : (p,) float, optional
        Coefficients to begin from.

    Returns
    -------
    Maximum

    Raises
    ------
    TooFewEventsError
        If there are no events at all.
    ParameterError
        If the cells do not tell the columns apart.
    ConvergenceError
        If there is no maximum inside p < 1, or the counts leave a direction open.

    Examples
    --------
    >>> found = maximise(np.ones((2, 1)), np.array([1.0, 3.0]), np.array([200.0, 200.0]), about="ln p")
    >>> bool(np.isclose(np.exp(found.coefficients[0]), 0.01))
    True
    """
    if not events.sum() > 0:
        raise TooFewEventsError(f"There are no events to fit {about} to.")
    triangle = _triangle(design, exposure, about)
    columns: Array = np.asarray(np.linalg.solve(triangle.T, design.T).T, dtype=np.float64)
    begin = None if start is None else triangle @ start
    scaled = _newton(columns, events, exposure, about, begin)
    log_p = columns @ scaled
    inverse = _covariance(columns, exposure, log_p, about)
    back = np.linalg.inv(triangle)
    return Maximum(back @ scaled, back @ inverse @ back.T, deviance(events, exposure, log_p))


def _triangle(design: Array, exposure: Array, about: str) -> Array:
    """Return R of the weighted design: design @ inv(R) has orthogonal columns."""
    n_columns = design.shape[1]
    weighted = np.sqrt(exposure)[:, None] * design
    triangle: Array = np.asarray(np.linalg.qr(weighted, mode="r"), dtype=np.float64)
    own, length = np.abs(np.diag(triangle)), np.linalg.norm(weighted, axis=0)
    if len(design) < n_columns or not (own > _COLLINEAR * length).all():
        raise ParameterError(
            f"{len(design)} cells of counts do not fix the {n_columns} coefficients of {about}: too few different "
            "temperatures or values of softness. Add temperatures, use more bins, or lower `degree`."
        )
    return triangle


def _covariance(columns: Array, exposure: Array, log_p: Array, about: str) -> Array:
    odds = np.exp(log_p) / -np.expm1(log_p)
    information = (columns.T * (exposure * odds)) @ columns
    try:
        half = np.linalg.inv(np.linalg.cholesky(information))
        worst = float(np.sqrt(((half @ columns.T) ** 2).sum(axis=0).max()))
    except np.linalg.LinAlgError:
        worst = np.inf
    if not worst < _LARGEST_ERROR:
        raise ConvergenceError(
            f"The counts do not fix {about}: ln p of some cell is uncertain by {worst:.1e}. Events are missing at all "
            "but one temperature or softness; add frames, use wider bins, or lower `degree`."
        )
    return np.asarray(half.T @ half, dtype=np.float64)


def _first_guess(columns: Array, events: Array, exposure: Array) -> Array:
    """Weighted least squares of ln(k / n); where that leaves p < 1, one probability for all cells."""
    seen = np.maximum(events, 0.3)
    weight = np.sqrt(seen)
    x = np.linalg.lstsq(columns * weight[:, None], weight * np.log(seen / exposure), rcond=None)[0]
    if (columns @ x).max() < 0:
        return np.asarray(x, dtype=np.float64)
    constant = np.full(len(columns), np.log(events.sum() / (exposure.sum() + 1.0)))
    return np.asarray(np.linalg.lstsq(columns, constant, rcond=None)[0], dtype=np.float64)


def _newton(columns: Array, events: Array, exposure: Array, about: str, begin: Array | None) -> Array:
    if begin is None or (columns @ begin).max() >= 0:
        begin = _first_guess(columns, events, exposure)
    x, log_p = begin, columns @ begin
    value = _log_likelihood(events, exposure, log_p)
    for _ in range(_MAX_ITERATIONS):
        odds = np.exp(log_p) / -np.expm1(log_p)
        slope = columns.T @ (events - (exposure - events) * odds)
        curvature = (columns.T * ((exposure - events) * odds * (1 + odds))) @ columns
        try:
            step: Array = np.asarray(np.linalg.solve(curvature, slope), dtype=np.float64)
        except np.linalg.LinAlgError:
            break
        if abs(float(slope @ step)) < _DECREMENT:
            return x
        found = _step_uphill(columns, events, exposure, (x, value), step)
        if found is None:
            break
        x, value = found
        log_p = columns @ x
    _covariance(columns, exposure, log_p, about)  # a direction that the counts leave open has its own message
    at = int(np.argmax(log_p))
    raise ConvergenceError(
        f"The fit of {about} found no maximum in {_MAX_ITERATIONS} Newton steps; its largest probability is "
        f"{np.exp(log_p[at]):.3g}, in a cell with {events[at]:g} events in {exposure[at]:g} particle-frames. A probability "
        "that reaches 1 asks for frames closer in time; missing events ask for more frames or wider bins."
    )


def _step_uphill(
    columns: Array, events: Array, exposure: Array, here: tuple[Array, float], step: Array
) -> tuple[Array, float] | None:
    """Return the next point and its value, or None if no fraction of the step goes up."""
    x, value = here
    for _ in range(50):
        log_p = columns @ (x + step)
        if log_p.max() < 0:
            new = _log_likelihood(events, exposure, log_p)
            if new >= value - _ROUNDING * abs(value):
                return x + step, new
        step = 0.5 * step
    return None


def _log_likelihood(events: Array, exposure: Array, log_p: Array) -> float:
    return float((events * log_p + (exposure - events) * np.log(-np.expm1(log_p))).sum())


def deviance(events: Array, exposure: Array, log_p: Array) -> float:
    """Return 2 Σ [k ln(k / n p) + (n − k) ln((n − k) / n (1 − p))]."""
    quiet = exposure - events
    moving = np.log(np.where(events > 0, events / exposure, 1.0)) - log_p
    staying = np.log(np.where(quiet > 0, quiet / exposure, 1.0)) - np.log(-np.expm1(log_p))
    return float(
        2 * (np.where(events > 0, events * moving, 0.0) + np.where(quiet > 0, quiet * staying, 0.0)).sum()
    )
