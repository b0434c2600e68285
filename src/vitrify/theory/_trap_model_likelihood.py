"""Likelihood of the trap model: rates to rearrange and moments of softness, at many temperatures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ConvergenceError, ParameterError, TooFewEventsError
from vitrify.theory._likelihood import deviance
from vitrify.theory.rearrangement_probability import totals

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

_IMAGINARY = 1e-200  # of a complex step: exact derivatives, without a difference
_MOST_STEPS = 300
_DECREMENT = 1e-10
_CONDITION = 1e13
_LEAST_DAMPING = 1e-10  # of a scaled matrix: never singular


@dataclass(frozen=True, eq=False)
class Rates:
    """Probabilities to rearrange, flat over temperature and softness.

    Parameters
    ----------
    softness, temperature : (c,) float
    events, exposure : (c,) float
        Of a binomial likelihood; or ln P_R in `events` and its standard error in `exposure`, if `counted` is false.
    counted : bool
    interval : float, time
        To which the probabilities belong.
    """

    softness: Array
    temperature: Array
    events: Array
    exposure: Array
    counted: bool
    interval: float

    @classmethod
    def of(cls, rates: xr.Dataset) -> Rates:
        """Read counts, or log_probability with log_probability_error."""
        interval = float(rates.attrs.get("interval", 1.0))
        counted = "events" in rates and "exposure" in rates
        if counted:
            both = totals(rates) if "segment" in rates.dims else rates
            s, k, n = (both[name].values.astype(float) for name in ("softness", "events", "exposure"))
            n, used = np.maximum(n, k), n > 0
        elif "log_probability" in rates and "log_probability_error" in rates:
            s, k, n = (
                rates[name].values for name in ("softness", "log_probability", "log_probability_error")
            )
            used = np.isfinite(k) & np.isfinite(n) & (n > 0)
        else:
            raise ParameterError(
                "`rates` must hold events and exposure, or log_probability and log_probability_error; it holds "
                f"{', '.join(map(str, rates.data_vars))}."
            )
        t = np.broadcast_to(rates["temperature"].values[:, None], k.shape)
        return cls(np.broadcast_to(s, k.shape)[used], t[used], k[used], n[used], counted, interval)

    def require(self, n_parameters: int) -> None:
        """Raise if there is too little to fit."""
        n_temperatures = len(np.unique(self.temperature))
        if n_temperatures < 2:
            raise ParameterError(f"Barriers need at least two temperatures; `rates` has {n_temperatures}.")
        if self.counted and not self.events.sum() > n_parameters:
            raise TooFewEventsError(
                f"{int(self.events.sum())} rearrangements cannot carry the {n_parameters} parameters of the trap model. Add "
                "frames."
            )
        if len(self.temperature) < n_parameters:
            raise ParameterError(
                f"{len(self.temperature)} values of P_R cannot carry the {n_parameters} parameters of the trap model. Add "
                "temperatures or bins."
            )

    def terms(self, log_p: Array) -> tuple[float, Array, Array] | None:
        """Return the deviance, half its slope downwards and half its expected curvature in ln p; None beyond p = 1."""
        if not self.counted:
            pull = (self.events - log_p) / self.exposure
            return float(pull @ pull), pull / self.exposure, self.exposure**-2.0
        if not log_p.max() < 0:
            return None
        p, quiet = np.exp(log_p), -np.expm1(log_p)
        slope = (self.events - self.exposure * p) / quiet
        return deviance(self.events, self.exposure, log_p), slope, self.exposure * p / quiet

    def first_guess(self, past: Callable[[Array, float], Array], degree: int) -> Array:
        """Return Σ_0, ε_0, ε_1 …, 1/T0 that weighted least squares prefers, on a coarse grid of 1/T0."""
        y, weight = self._log_and_weight()
        beta = 1 / self.temperature
        best, found = np.inf, np.zeros(degree + 3)
        for u in np.linspace(-1, 1, 81) * 2 * beta.max():
            beyond = past(beta, float(u))
            columns = [np.ones_like(beta), -beta, *(-beyond * self.softness**k for k in range(1, degree + 1))]
            design = np.stack(columns, axis=1) * weight[:, None]
            x, _, rank, _ = np.linalg.lstsq(design, weight * y, rcond=1e-12)
            squares = float(((design @ x - weight * y) ** 2).sum())
            if rank == degree + 2 and squares < best:
                best, found = squares, np.append(x, u)
        if self.counted:
            highest = float(self._log_p(found, past, degree).max())
            found[0] -= max(0.0, highest + 1e-3)
        return found

    def _log_p(self, theta: Array, past: Callable[[Array, float], Array], degree: int) -> Array:
        beyond = past(1 / self.temperature, float(theta[degree + 2]))
        polynomial = sum(theta[k + 1] * self.softness**k for k in range(1, degree + 1))
        return np.asarray(theta[0] - theta[1] / self.temperature - beyond * polynomial)

    def _log_and_weight(self) -> tuple[Array, Array]:
        if not self.counted:
            return self.events, 1 / self.exposure
        seen = np.maximum(self.events, 0.3)
        return np.log(seen / self.exposure), np.sqrt(seen)


@dataclass(frozen=True, eq=False)
class Moments:
    """Mean and variance of softness in equilibrium, with errors, (t,) each."""

    temperature: Array
    mean: Array
    mean_error: Array
    variance: Array
    variance_error: Array

    @classmethod
    def of(cls, moments: xr.Dataset) -> Moments:
        """Read softness_mean, softness_variance and their errors."""
        names = ("softness_mean", "softness_mean_error", "softness_variance", "softness_variance_error")
        absent = [name for name in names if name not in moments]
        if absent:
            raise ParameterError(f"`moments` needs {', '.join(names)}; {', '.join(absent)} is absent.")
        values = [np.asarray(moments[name].values, float) for name in names]
        if not np.isfinite(values).all() or not (values[1] > 0).all() or not (values[3] > 0).all():
            raise ParameterError(
                "`moments` must be finite with positive errors; segments that are too few have none. Cut each trajectory into at "
                "least two segments."
            )
        return cls(moments["temperature"].values.astype(float), *values)

    def hottest(self) -> Moments:
        """Return those of the highest temperature alone."""
        at = [int(np.argmax(self.temperature))]
        return Moments(
            *(
                a[at]
                for a in (self.temperature, self.mean, self.mean_error, self.variance, self.variance_error)
            )
        )

    def terms(self, mean: Array, variance: Array) -> tuple[float, Array, Array] | None:
        """Return χ², half its slope downwards and half its curvature in (mean, variance); None if a variance is none."""
        if not (np.isfinite(variance) & (variance > 0)).all():
            return None
        error = np.concatenate([self.mean_error, self.variance_error])
        pull = (np.concatenate([self.mean - mean, self.variance - variance])) / error
        return float(pull @ pull), pull / error, error**-2.0


def climb(
    predict: Callable[[NDArray[Any]], tuple[NDArray[Any], NDArray[Any]]],
    terms: Callable[[Array, Array], tuple[float, Array, Array] | None],
    start: Array,
) -> tuple[Array, Array]:
    """Return the parameters of the largest likelihood, and the inverse of the expected information there.

    Steps of Fisher's scoring, damped until they go up; derivatives are exact.

    Parameters
    ----------
    predict : callable
        From parameters (p,), real or complex, to two arrays: what the rates and the moments are compared with.
    terms : callable
        From those to −2 ln L, half of minus its gradient and half of its expected curvature in them.
    start : (p,) float

    Raises
    ------
    ConvergenceError
        If there is no maximum, or the data leave a direction open.
    """
    x, damping = start, 1e-3
    here = terms(*predict(x))
    if here is None:
        raise ConvergenceError(
            "The fit of the trap model has no starting point at which its likelihood exists."
        )
    for _ in range(_MOST_STEPS):
        value, slope, weight = here
        jacobian = _jacobian(predict, x)
        gradient, information = jacobian.T @ slope, (jacobian.T * weight) @ jacobian
        scale = np.sqrt(np.diag(information))
        if not (np.isfinite(scale).all() and (scale > 0).all()):
            break
        matrix = information / np.outer(scale, scale)
        if np.linalg.cond(matrix) < _CONDITION:
            inverse = np.linalg.inv(matrix)
            if gradient / scale @ inverse @ (gradient / scale) < _DECREMENT:
                return x, inverse / np.outer(scale, scale)
        for _ in range(60):
            step = np.linalg.solve(matrix + damping * np.eye(len(x)), gradient / scale) / scale
            there = terms(*predict(x + step))
            if there is not None and there[0] <= value + 1e-12 * abs(value):
                break
            damping *= 4
        else:
            break
        x, here, damping = x + step, there, max(0.1 * damping, _LEAST_DAMPING)
    raise ConvergenceError(
        "The fit of the trap model found no maximum of its likelihood: the data do not fix all of its parameters. Add "
        "temperatures farther apart, lower `degree`, or give `onset_temperature`."
    )


def _jacobian(predict: Callable[[NDArray[Any]], tuple[NDArray[Any], NDArray[Any]]], x: Array) -> Array:
    columns = []
    for k in range(len(x)):
        moved = x.astype(complex)
        moved[k] += 1j * _IMAGINARY
        columns.append(np.concatenate(predict(moved)).imag / _IMAGINARY)
    return np.stack(columns, axis=1)
