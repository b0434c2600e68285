"""Energy barriers and prefactors as functions of softness: ln P_R(S, T) = Σ(S) − ΔE(S) / T."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ConvergenceError, ParameterError, TooFewEventsError
from vitrify.theory._definitions import described
from vitrify.theory._likelihood import maximise
from vitrify.theory.rearrangement_probability import totals

if TYPE_CHECKING:
    import xarray as xr


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
        That were fitted.
    n_events_unsampled : int, default 0
        Left out: at their temperature no particle of the bin's softness was sampled, so they have no exposure.

    Notes
    -----
    The paper writes ΔE = e0 − e1 S and Σ = Σ0 − Σ1 S: `e1` = −ε_1 and `sigma1` = −s_1. For degree 0 both are 0; above
    degree 1 they are slopes at S = 0, and then T0 depends on where S = 0 is.
    **Scale** energies in units of k_B times the unit of temperature; Σ belongs to one frame interval.

    References
    ----------
    Schoenholz et al., Nature Physics 12, 469 (2016), Fig. 2.

    Examples
    --------
    >>> fit = ArrheniusFit(np.array([3.0, -0.8]), np.array([2.0, -1.0]), np.eye(4), 0.0, 1, 100)
    >>> fit.e1, fit.onset_temperature, fit.predict([-1, 1], 0.8).round(4).tolist()
    (0.8, 0.8, [0.1738, 0.1738])
    """

    barrier: NDArray[np.float64]
    log_prefactor: NDArray[np.float64]
    covariance: NDArray[np.float64]
    deviance: float
    degrees_of_freedom: int
    n_events: int
    n_events_unsampled: int = 0

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
        return float(-self.barrier[1]) if self.degree else 0.0

    @property
    def sigma0(self) -> float:
        """Σ at S = 0."""
        return float(self.log_prefactor[0])

    @property
    def sigma1(self) -> float:
        """Minus the slope of Σ at S = 0."""
        return float(-self.log_prefactor[1]) if self.degree else 0.0

    @property
    def onset_temperature(self) -> float:
        """T0 = e1 / Σ1, where P_R ceases to depend on softness; may be negative, and is not clipped.

        Infinite if only Σ1 is 0, NaN if e1 is 0 as well.
        """
        if self.sigma1:
            return self.e1 / self.sigma1
        return float(np.copysign(np.inf, self.e1)) if self.e1 else float("nan")

    def standard_errors(self) -> dict[str, float]:
        """Return the counting errors of e0, e1, sigma0, sigma1."""
        sd = np.sqrt(np.maximum(np.diag(self.covariance), 0.0))
        n = self.degree + 1
        slopes = (float(sd[n + 1]), float(sd[1])) if self.degree else (0.0, 0.0)
        return {"e0": float(sd[n]), "e1": slopes[0], "sigma0": float(sd[0]), "sigma1": slopes[1]}

    def energy_barrier(self, softness: ArrayLike) -> NDArray[np.float64]:
        """Return ΔE(S)."""
        return np.polynomial.polynomial.polyval(np.asarray(softness, float), self.barrier)

    def log_prefactor_at(self, softness: ArrayLike) -> NDArray[np.float64]:
        """Return Σ(S)."""
        return np.polynomial.polynomial.polyval(np.asarray(softness, float), self.log_prefactor)

    def predict(self, softness: ArrayLike, temperature: ArrayLike) -> NDArray[np.float64]:
        """Return P_R(S, T); where the fit extrapolates to more than 1 it is clipped to 1."""
        log_p = self.log_prefactor_at(softness) - self.energy_barrier(softness) / np.asarray(
            temperature, float
        )
        return np.exp(np.minimum(log_p, 0.0))

    def log_probability_error(self, softness: ArrayLike, temperature: ArrayLike) -> NDArray[np.float64]:
        """Return the counting error of the fitted ln P_R(S, T)."""
        s, t = np.broadcast_arrays(np.asarray(softness, float), np.asarray(temperature, float))
        design = design_matrix(s.ravel(), t.ravel(), self.degree)
        variance = np.einsum("ci,ij,cj->c", design, self.covariance, design)
        return np.sqrt(np.maximum(variance, 0.0)).reshape(s.shape)


def design_matrix(
    softness: NDArray[np.float64], temperature: NDArray[np.float64], degree: int
) -> NDArray[np.float64]:
    """Return the columns S^k and −S^k / T, so that ln P_R = columns @ (log_prefactor, barrier).

    Examples
    --------
    >>> design_matrix(np.array([2.0]), np.array([0.5]), 1).tolist()
    [[1.0, 2.0, -2.0, -4.0]]
    """
    powers = softness[:, None] ** np.arange(degree + 1)
    return np.concatenate([powers, -powers / temperature[:, None]], axis=1)


def fit_arrhenius(counts: xr.Dataset, degree: int = 1) -> ArrheniusFit:
    """Fit all temperatures and all softnesses at once with the binomial likelihood.

    Parameters
    ----------
    counts : xarray.Dataset
        From `vitrify.theory.rearrangement_probability.combine`. Bins without events count: they bound P_R from above. Bins
        without exposure do not, and events in them are only counted as `n_events_unsampled`.
    degree : int, default 1
        Of ΔE(S) and Σ(S); 0 for one barrier of all particles.

    Returns
    -------
    ArrheniusFit

    Raises
    ------
    ParameterError
        If `degree` is negative, there are fewer than two temperatures, or too few of them or of the bins for `degree`.
    TooFewEventsError
        If there are no more events than parameters.
    ConvergenceError
        If the counts leave ln P_R open somewhere within their range, or the fit does not settle.

    Examples
    --------
    >>> from vitrify.theory.rearrangement_probability import combine, count
    >>> softness, one = np.repeat([-0.5, 0.5], 20_000), np.zeros(40_000, int)
    >>> counts = []
    >>> for t in (0.5, 0.6, 0.8):
    ...     p = np.exp(1.0 - 0.5 * softness - (2.0 - 0.4 * softness) / t)
    ...     moving = np.diff(np.floor(p.cumsum()), prepend=0.0) > 0  # as many as expected, without chance
    ...     counts.append(count(t, (softness, one), (softness[moving], one[moving]), [-1, 0, 1], n_segments=1))
    >>> fit = fit_arrhenius(combine(counts))
    >>> round(fit.e0, 2), round(fit.e1, 2), round(fit.onset_temperature, 1)
    (2.0, 0.4, 0.8)
    """
    return _fit(totals(counts), degree)


def _fit(summed: xr.Dataset, degree: int) -> ArrheniusFit:
    """Fit `totals` of counts."""
    events, exposure, softness, temperature = (
        summed[name].values for name in ("events", "exposure", "softness", "temperature")
    )
    return fit_totals(events, exposure, softness, temperature, degree)


def fit_totals(
    events: NDArray[Any],
    exposure: NDArray[np.float64],
    softness: NDArray[np.float64],
    temperature: NDArray[np.float64],
    degree: int,
    *,
    start: NDArray[np.float64] | None = None,
) -> ArrheniusFit:
    """Fit events and exposure (T, B) as `fit_arrhenius` does, optionally from coefficients (log_prefactor, barrier).

    Raises
    ------
    ParameterError, TooFewEventsError, ConvergenceError
        As `fit_arrhenius`.
    """
    if degree < 0:
        raise ParameterError(f"`degree` must be 0 or more; it is {degree}.")
    if len(temperature) < 2:
        raise ParameterError(f"Barriers need at least two temperatures; there is {len(temperature)}.")
    t, s = np.meshgrid(temperature, softness, indexing="ij")
    used = exposure > 0
    k = events[used].astype(float)
    n = np.maximum(exposure[used], k)  # exposure is sampled: in a sparse bin it may miss what moved
    n_parameters = 2 * (degree + 1)
    if k.sum() <= n_parameters:
        raise TooFewEventsError(
            f"{int(k.sum())} rearrangements cannot carry the {n_parameters} parameters of ΔE(S) and Σ(S). Add frames."
        )
    design = design_matrix(s[used], t[used], degree)
    found = maximise(design, k, n, about="barriers and prefactors", start=start)
    return ArrheniusFit(
        barrier=found.coefficients[degree + 1 :],
        log_prefactor=found.coefficients[: degree + 1],
        covariance=found.covariance,
        deviance=found.deviance,
        degrees_of_freedom=int(used.sum()) - n_parameters,
        n_events=int(k.sum()),
        n_events_unsampled=int(events[~used].sum()),
    )


def arrhenius_per_bin(counts: xr.Dataset, min_events: int = 10, min_temperatures: int = 3) -> xr.Dataset:
    """Fit ln P_R against 1/T in each bin of softness on its own.

    Parameters
    ----------
    counts : xarray.Dataset
        From `vitrify.theory.rearrangement_probability.combine`.
    min_events : int, default 10
        A bin with fewer events in all is dropped.
    min_temperatures : int, default 3
        A bin with events at fewer temperatures is dropped.

    Returns
    -------
    xarray.Dataset
        Dim softness_bin: energy_barrier, energy_barrier_error, log_prefactor, log_prefactor_error, events,
        n_temperatures, used; NaN where dropped. ``attrs["dropped"]`` says which bins and why. Events at temperatures where
        the bin has no exposure are not counted.

    Examples
    --------
    >>> from vitrify.theory.rearrangement_probability import combine, count
    >>> def at(t, n_events):
    ...     risk, starts = ((np.zeros(n), np.zeros(n, int)) for n in (10_000, n_events))
    ...     return count(t, risk, starts, [-1, 1], n_segments=1)
    >>> found = arrhenius_per_bin(combine([at(0.5, 10), at(0.625, 60), at(0.8, 200)]))
    >>> found["energy_barrier"].values.round(1).tolist(), found["events"].values.tolist()
    ([3.7], [270])
    """
    import xarray as xr

    both = totals(counts)
    softness, temperature, n = (both[name].values for name in ("softness", "temperature", "exposure"))
    k = np.where(n > 0, both["events"].values, 0)
    seen, total = (k > 0).sum(axis=0), k.sum(axis=0)
    out, dropped = np.full((4, len(softness)), np.nan), []
    for b in range(len(softness)):
        reason = _reason_to_drop(int(total[b]), int(seen[b]), min_events, min_temperatures)
        if not reason:
            out[:, b], reason = _one_bin(k[:, b], n[:, b], temperature)
        if reason:
            dropped.append(f"S = {softness[b]:.2f}: {reason}")
    names = ("energy_barrier", "energy_barrier_error", "log_prefactor", "log_prefactor_error")
    found = xr.Dataset(
        {
            **{name: ("softness_bin", row) for name, row in zip(names, out, strict=True)},
            "events": ("softness_bin", total),
            "n_temperatures": ("softness_bin", seen),
            "used": ("softness_bin", np.isfinite(out[0]).astype(np.int64)),
        },
        {"softness": ("softness_bin", softness)},
        attrs={
            "dropped": dropped,
            "unit_system": counts.attrs["unit_system"],
            "interval": counts.attrs["interval"],
        },
    )
    return described(found, events="at all temperatures together")


def _one_bin(
    events: NDArray[Any], exposure: NDArray[np.float64], temperature: NDArray[np.float64]
) -> tuple[NDArray[np.float64], str]:
    """Return barrier, its error, log prefactor and its error; or NaN and the reason."""
    try:
        fit = fit_totals(events[:, None], exposure[:, None], np.zeros(1), temperature, 0)
    except (ConvergenceError, TooFewEventsError, ParameterError) as error:
        return np.full(4, np.nan), str(error).split(":")[0]
    errors = fit.standard_errors()
    return np.array([fit.e0, errors["e0"], fit.sigma0, errors["sigma0"]]), ""


def _reason_to_drop(n_events: int, n_temperatures: int, min_events: int, min_temperatures: int) -> str:
    if n_events < min_events:
        return f"{n_events} events, fewer than {min_events}"
    if n_temperatures < min_temperatures:
        return f"events at {n_temperatures} temperatures, fewer than {min_temperatures}"
    return ""


def predict_held_out(
    counts: xr.Dataset, temperature: float, degree: int = 1, min_events: int = 10
) -> xr.Dataset:
    """Leave one temperature out, fit the others, and compare ln P_R there.

    Parameters
    ----------
    counts : xarray.Dataset
        From `vitrify.theory.rearrangement_probability.combine`.
    temperature : float, energy / k_B
        One of `counts`.
    degree : int, default 1
        Of ΔE(S) and Σ(S).
    min_events : int, default 10
        A bin with fewer events at `temperature` is not measured: its log_probability is NaN and `used` is 0.

    Returns
    -------
    xarray.Dataset
        Dim softness_bin: log_probability, log_probability_error (counting), predicted, predicted_error (counting), events,
        used.

    Raises
    ------
    ParameterError
        If `counts` has no such temperature, or the others are fewer than two.
    TooFewEventsError, ConvergenceError
        If the others cannot be fitted.

    Examples
    --------
    >>> from vitrify.theory.rearrangement_probability import combine, count
    >>> def at(t, n_events):
    ...     risk, starts = ((np.zeros(n), np.zeros(n, int)) for n in (10_000, n_events))
    ...     return count(t, risk, starts, [-1, 1], n_segments=1)
    >>> found = predict_held_out(combine([at(0.5, 10), at(0.625, 60), at(0.8, 200)]), 0.625, degree=0)
    >>> found["log_probability"].values.round(1).tolist(), found["predicted"].values.round(1).tolist()
    ([-5.1], [-5.3])
    """
    return predict_left_out(leave_out(counts, temperature), degree, min_events)


class LeftOut(NamedTuple):
    """Counts of which one temperature is left out.

    Attributes
    ----------
    temperature : float, energy / k_B
    held : (T,) bool
        Which of the temperatures it is.
    others, left : xarray.Dataset
        `vitrify.theory.rearrangement_probability.totals` of the others, and of the one that is left out.
    """

    temperature: float
    held: NDArray[np.bool_]
    others: xr.Dataset
    left: xr.Dataset


def leave_out(counts: xr.Dataset, temperature: float) -> LeftOut:
    """Leave one temperature out of counts.

    Raises
    ------
    ParameterError
        If `counts` has no such temperature.
    """
    held = np.isclose(counts["temperature"].values, temperature)
    if not held.any():
        raise ParameterError(
            f"`counts` has no temperature {temperature}; it has {counts['temperature'].values.tolist()}."
        )
    others, left = (totals(counts.isel(temperature=np.flatnonzero(some))) for some in (~held, held))
    return LeftOut(temperature, held, others, left)


def predict_left_out(out: LeftOut, degree: int, min_events: int) -> xr.Dataset:
    """Return what `predict_held_out` does."""
    import xarray as xr

    fit, left, temperature = _fit(out.others, degree), out.left, out.temperature
    k, n, s = left["events"].values[0], left["exposure"].values[0], left["softness"].values
    used = (k >= max(min_events, 1)) & (n > 0)
    many, seen = np.where(used, k, np.nan), np.where(used, np.maximum(n, k), np.nan)
    values = {
        "log_probability": np.log(many / seen),
        "log_probability_error": 1 / np.sqrt(many),
        "predicted": np.log(fit.predict(s, temperature)),
        "predicted_error": fit.log_probability_error(s, temperature),
        "events": k,
        "used": used.astype(np.int64),
    }
    found = xr.Dataset(
        {name: ("softness_bin", a) for name, a in values.items()},
        {"softness": ("softness_bin", s)},
        attrs={
            "temperature": float(temperature),
            "unit_system": left.attrs["unit_system"],
            "interval": left.attrs["interval"],
        },
    )
    return described(found)
