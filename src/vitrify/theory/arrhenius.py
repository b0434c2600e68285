"""Energy barriers and prefactors as functions of softness: ln P_R(S, T) = Σ(S) − ΔE(S) / T."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ConvergenceError, ParameterError, TooFewEventsError
from vitrify.theory.rearrangement_probability import totals

if TYPE_CHECKING:
    import xarray as xr

_MAX_STEPS = 100


@dataclass(frozen=True, eq=False)
class ArrheniusFit:
    r"""ΔE and Σ as polynomials in softness, with their covariance.

    .. math:: \ln P_R(S, T) = \sum_k s_k S^k - \frac{1}{T} \sum_k \epsilon_k S^k

    Parameters
    ----------
    barrier : (degree + 1,) float, energy
        ε_k of ΔE(S), ascending.
    log_prefactor : (degree + 1,) float
        s_k of Σ(S), ascending.
    covariance : (2 degree + 2, 2 degree + 2) float
        Of (log_prefactor, barrier), from the Fisher information: counting errors only.
    deviance : float
        Of the binomial likelihood.
    degrees_of_freedom : int
    n_events : int

    Notes
    -----
    The paper writes ΔE = e0 − e1 S and Σ = Σ0 − Σ1 S: `e1` = −ε_1 and `sigma1` = −s_1.

    References
    ----------
    Schoenholz et al., Nature Physics 12, 469 (2016), Fig. 2.
    """

    barrier: NDArray[np.float64]
    log_prefactor: NDArray[np.float64]
    covariance: NDArray[np.float64]
    deviance: float
    degrees_of_freedom: int
    n_events: int

    @property
    def degree(self) -> int:
        """Of the polynomials."""
        return len(self.barrier) - 1

    @property
    def e0(self) -> float:
        """ΔE at S = 0, energy."""
        return float(self.barrier[0])

    @property
    def e1(self) -> float:
        """Minus the slope of ΔE at S = 0, energy."""
        return float(-self.barrier[1])

    @property
    def sigma0(self) -> float:
        """Σ at S = 0."""
        return float(self.log_prefactor[0])

    @property
    def sigma1(self) -> float:
        """Minus the slope of Σ at S = 0."""
        return float(-self.log_prefactor[1])

    @property
    def onset_temperature(self) -> float:
        """T0 = e1 / Σ1, where P_R ceases to depend on softness; may be negative, and is not clipped."""
        return self.e1 / self.sigma1 if self.sigma1 else float(np.copysign(np.inf, self.e1))

    def standard_errors(self) -> dict[str, float]:
        """Return the counting errors of e0, e1, sigma0, sigma1."""
        sd = np.sqrt(np.maximum(np.diag(self.covariance), 0.0))
        n = self.degree + 1
        return {"sigma0": float(sd[0]), "sigma1": float(sd[1]), "e0": float(sd[n]), "e1": float(sd[n + 1])}

    def energy_barrier(self, softness: ArrayLike) -> NDArray[np.float64]:
        """Return ΔE(S)."""
        return np.polynomial.polynomial.polyval(np.asarray(softness, float), self.barrier)

    def log_prefactor_at(self, softness: ArrayLike) -> NDArray[np.float64]:
        """Return Σ(S)."""
        return np.polynomial.polynomial.polyval(np.asarray(softness, float), self.log_prefactor)

    def predict(self, softness: ArrayLike, temperature: ArrayLike) -> NDArray[np.float64]:
        """Return P_R(S, T), not above 1."""
        log_p = self.log_prefactor_at(softness) - self.energy_barrier(softness) / np.asarray(
            temperature, float
        )
        return np.exp(np.minimum(log_p, 0.0))


def _design(
    softness: NDArray[np.float64], temperature: NDArray[np.float64], degree: int
) -> NDArray[np.float64]:
    powers = softness[:, None] ** np.arange(degree + 1)
    return np.concatenate([powers, -powers / temperature[:, None]], axis=1)


def _fit_log_binomial(
    design: NDArray[np.float64], events: NDArray[np.float64], exposure: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Maximise Σ k ln p + (n − k) ln(1 − p), ln p = design @ x, by Newton steps with halving; return x and covariance.

    The likelihood is concave in x as long as p < 1: d² / d(ln p)² = −(n − k) p / (1 − p)².
    """
    scale = np.sqrt((design**2).mean(axis=0))
    q, r = np.linalg.qr(design / scale)
    start = np.log(np.maximum(events, 0.3) / exposure)
    weight = np.sqrt(np.maximum(events, 0.3))
    x = np.linalg.lstsq(q * weight[:, None], start * weight, rcond=None)[0]
    if (q @ x).max() >= 0:  # begin inside p < 1
        x = np.linalg.lstsq(q, np.full(len(q), np.log(events.sum() / exposure.sum())), rcond=None)[0]
    value = _log_likelihood(q @ x, events, exposure)
    for _ in range(_MAX_STEPS):
        eta = q @ x
        odds = np.exp(eta) / -np.expm1(eta)
        gradient = q.T @ (events - (exposure - events) * odds)
        information = (q * ((exposure - events) * odds / -np.expm1(eta))[:, None]).T @ q
        step = np.linalg.lstsq(information, gradient, rcond=None)[0]
        length, new = 1.0, _log_likelihood(q @ (x + step), events, exposure)
        while not new >= value - 1e-12 * abs(value) and length > 1e-9:
            length *= 0.5
            new = _log_likelihood(q @ (x + length * step), events, exposure)
        x, converged, value = x + length * step, abs(new - value) <= 1e-11 * abs(new), new
        if converged:
            back = np.linalg.solve(r, np.eye(len(r))) / scale[:, None]
            return back @ x, back @ np.linalg.pinv(information) @ back.T
    raise ConvergenceError(
        f"The fit of barriers and prefactors did not converge in {_MAX_STEPS} steps for {int(events.sum())} events. "
        "Lower `degree`, use fewer bins, or add events at more temperatures."
    )


def _log_likelihood(
    eta: NDArray[np.float64], events: NDArray[np.float64], exposure: NDArray[np.float64]
) -> float:
    if not (eta < 0).all():
        return -np.inf
    return float((events * eta + (exposure - events) * np.log1p(-np.exp(eta))).sum())


def _saturated(events: NDArray[np.float64], exposure: NDArray[np.float64]) -> float:
    from scipy.special import xlogy

    p = events / exposure
    return float((xlogy(events, p) + xlogy(exposure - events, 1 - p)).sum())


def fit_arrhenius(counts: xr.Dataset, degree: int = 1) -> ArrheniusFit:
    """Fit all temperatures and all softnesses at once with the binomial likelihood.

    Parameters
    ----------
    counts : xarray.Dataset
        From `vitrify.theory.rearrangement_probability.combine`. Bins without events count: they bound P_R from above.
    degree : int, default 1
        Of ΔE(S) and Σ(S).

    Returns
    -------
    ArrheniusFit

    Raises
    ------
    ParameterError
        If there are fewer than two temperatures.
    TooFewEventsError
        If there are no more events than parameters.
    ConvergenceError
        If the fit does not settle.
    """
    both = totals(counts)
    return _fit_totals(
        both["events"].values,
        both["exposure"].values,
        both["softness"].values,
        both["temperature"].values,
        degree,
    )


def _fit_totals(
    events: NDArray[Any],
    exposure: NDArray[np.float64],
    softness: NDArray[np.float64],
    temperature: NDArray[np.float64],
    degree: int,
) -> ArrheniusFit:
    if len(temperature) < 2:
        raise ParameterError(f"Barriers need at least two temperatures; there is {len(temperature)}.")
    t, s = np.meshgrid(temperature, softness, indexing="ij")
    used = (exposure > 0) & np.isfinite(s)
    k, n = events[used].astype(float), exposure[used]
    n_parameters = 2 * (degree + 1)
    if k.sum() <= n_parameters:
        raise TooFewEventsError(
            f"{int(k.sum())} rearrangements cannot carry the {n_parameters} parameters of ΔE(S) and Σ(S). Add frames."
        )
    design = _design(s[used], t[used], degree)
    x, covariance = _fit_log_binomial(design, k, np.maximum(n, k + 1))
    eta = design @ x
    deviance = 2 * (_saturated(k, np.maximum(n, k + 1)) - _log_likelihood(eta, k, np.maximum(n, k + 1)))
    return ArrheniusFit(
        x[degree + 1 :],
        x[: degree + 1],
        covariance,
        float(deviance),
        int(used.sum()) - n_parameters,
        int(k.sum()),
    )


def arrhenius_per_bin(counts: xr.Dataset, min_events: int = 10, min_temperatures: int = 3) -> xr.Dataset:
    """Fit ln P_R against 1/T in each bin of softness on its own.

    Parameters
    ----------
    counts : xarray.Dataset
    min_events : int, default 10
        A bin with fewer events in all is dropped.
    min_temperatures : int, default 3
        A bin with events at fewer temperatures is dropped.

    Returns
    -------
    xarray.Dataset
        Dim softness_bin: energy_barrier, energy_barrier_error, log_prefactor, log_prefactor_error, events,
        n_temperatures, used; NaN where dropped. ``attrs["dropped"]`` says which bins and why.
    """
    import xarray as xr

    both = totals(counts)
    softness, temperature = both["softness"].values, both["temperature"].values
    out = np.full((4, len(softness)), np.nan)
    seen = (both["events"].values > 0).sum(axis=0)
    total = both["events"].values.sum(axis=0)
    used, dropped = np.zeros(len(softness), np.int64), []
    for b in range(len(softness)):
        reason = _reason_to_drop(int(total[b]), int(seen[b]), min_events, min_temperatures)
        if reason:
            dropped.append(f"S = {softness[b]:.2f}: {reason}")
            continue
        k, n = both["events"].values[:, b].astype(float), both["exposure"].values[:, b]
        there = n > 0
        design = _design(np.zeros(there.sum()), temperature[there], 0)
        x, covariance = _fit_log_binomial(design, k[there], np.maximum(n[there], k[there] + 1))
        out[:, b] = x[1], np.sqrt(covariance[1, 1]), x[0], np.sqrt(covariance[0, 0])
        used[b] = 1
    names = ("energy_barrier", "energy_barrier_error", "log_prefactor", "log_prefactor_error")
    return xr.Dataset(
        {
            **{name: ("softness_bin", row) for name, row in zip(names, out, strict=True)},
            "events": ("softness_bin", total),
            "n_temperatures": ("softness_bin", seen),
            "used": ("softness_bin", used),
        },
        {"softness": ("softness_bin", softness)},
        attrs={"dropped": dropped},
    )


def _reason_to_drop(n_events: int, n_temperatures: int, min_events: int, min_temperatures: int) -> str:
    if n_events < min_events:
        return f"{n_events} events, fewer than {min_events}"
    if n_temperatures < min_temperatures:
        return f"events at {n_temperatures} temperatures, fewer than {min_temperatures}"
    return ""


def predict_held_out(counts: xr.Dataset, temperature: float, degree: int = 1) -> xr.Dataset:
    """Leave one temperature out, fit the others, and compare ln P_R there.

    Returns
    -------
    xarray.Dataset
        Dim softness_bin: log_probability, log_probability_error (counting), predicted, events.

    Raises
    ------
    ParameterError
        If `counts` has no such temperature.
    """
    import xarray as xr

    held = np.isclose(counts["temperature"].values, temperature)
    if not held.any():
        raise ParameterError(
            f"`counts` has no temperature {temperature}; it has {counts['temperature'].values.tolist()}."
        )
    fit = fit_arrhenius(counts.isel(temperature=np.flatnonzero(~held)), degree)
    left = totals(counts.isel(temperature=np.flatnonzero(held)))
    k, n = left["events"].values[0].astype(float), left["exposure"].values[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        measured, error = np.where(k > 0, np.log(k / n), np.nan), np.where(k > 0, 1 / np.sqrt(k), np.nan)
    predicted = np.log(fit.predict(left["softness"].values, temperature))
    dim = "softness_bin"
    return xr.Dataset(
        {
            "log_probability": (dim, measured),
            "log_probability_error": (dim, error),
            "predicted": (dim, predicted),
            "events": (dim, left["events"].values[0]),
        },
        {"softness": (dim, left["softness"].values)},
        attrs={"temperature": float(temperature)},
    )
