"""Parameters of the trap model from measured rearrangements and distributions of softness."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ConvergenceError, ParameterError, TooFewEventsError
from vitrify.theory._trap_model_likelihood import Moments, Rates, climb
from vitrify.theory.softness_moments import moments_of_sums
from vitrify.theory.trap_model import TrapModel

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TrapFit:
    """A fitted trap model, its uncertainty, and how well it describes the data.

    Parameters
    ----------
    model : TrapModel
    names : tuple of str
        Of the fitted parameters: log_prefactor, e0, e1, e2 (ε_k, as the paper's, so e1 < 0 where softness lowers the
        barrier), inverse_onset (1/T0), softness_mean, softness_sd.
    values : (p,) float
    covariance : (p, p) float
        Inverse of the expected information: what counting and the errors of the moments leave open.
    deviance_rates, deviance_moments : float
        Twice the log likelihood that a perfect description of each part would gain.
    n_rates, n_moments : int
        Values that were fitted.

    Notes
    -----
    A covariance from counting is too small where rearrangements come in bursts, and, since the errors of moments from few
    segments are themselves uncertain, by up to a factor 1.7 with 8 segments and ``use="all"``; `bootstrap_trap_model` is not.
    """

    model: TrapModel
    names: tuple[str, ...]
    values: Array
    covariance: Array
    deviance_rates: float
    deviance_moments: float
    n_rates: int
    n_moments: int

    @property
    def deviance(self) -> float:
        """Of all data."""
        return self.deviance_rates + self.deviance_moments

    @property
    def degrees_of_freedom(self) -> int:
        """Values less parameters."""
        return self.n_rates + self.n_moments - len(self.values)

    @property
    def p_value(self) -> float:
        """How often data of this very model would fit worse; too large where many bins expect less than one event."""
        from scipy.special import chdtrc

        return (
            float(chdtrc(self.degrees_of_freedom, self.deviance)) if self.degrees_of_freedom else float("nan")
        )

    @property
    def information_criterion(self) -> float:
        """Akaike's, up to a constant of the data: compare fits to the same data, smaller is better."""
        return self.deviance + 2 * len(self.values)

    def standard_errors(self) -> dict[str, float]:
        """Return one per parameter, and that of onset_temperature to first order if T0 was fitted."""
        errors = dict(zip(self.names, np.sqrt(np.diag(self.covariance)).tolist(), strict=True))
        if "inverse_onset" in errors:
            errors["onset_temperature"] = errors["inverse_onset"] * self.model.onset_temperature**2
        return errors

    def draw(self, n: int, rng: np.random.Generator | int = 0) -> list[TrapModel]:
        """Return models whose parameters scatter as the covariance says, to carry the uncertainty to any curve."""
        drawn = np.random.default_rng(rng).multivariate_normal(self.values, self.covariance, n, method="eigh")
        return [_model(dict(zip(self.names, row, strict=True)), self.model) for row in drawn]


def fit_trap_model(
    rates: xr.Dataset,
    moments: xr.Dataset,
    *,
    degree: int = 2,
    use: Literal["all", "hottest"] = "hottest",
    onset_temperature: float | None = None,
    particles_per_site: int = 1,
) -> TrapFit:
    """Fit ε_0, ε_1, ε_2, Σ_0, T0, S0 and σ0 by maximum likelihood, all at once.

    Parameters
    ----------
    rates : xarray.Dataset
        From `vitrify.theory.rearrangement_probability.combine`, for the binomial likelihood of every bin; or with
        log_probability and log_probability_error on dims temperature, softness_bin, such as read off a figure.
        ``attrs["interval"]`` is the time to which the probabilities belong, 1 without it.
    moments : xarray.Dataset
        From `vitrify.theory.softness_moments`, or with the same names; its temperatures need not be those of `rates`.
    degree : int, default 2
        Of ΔE(S), 1 or 2.
    use : {"hottest", "all"}, default "hottest"
        Which moments are fitted: with ``"hottest"`` ϱ comes from one temperature, as in the paper, and ⟨S⟩ and Var S at all
        others are predictions; with ``"all"`` they help to fix the parameters.
    onset_temperature : float, optional
        Hold T0 at this value.
    particles_per_site : int, default 1
        Of the model that is returned.

    Returns
    -------
    TrapFit

    Raises
    ------
    ParameterError
        If a variable is absent, `degree` is not 1 or 2, or temperatures and bins are too few.
    TooFewEventsError
        If there are no more events than parameters.
    ConvergenceError
        If the data do not fix the parameters.

    Notes
    -----
    **Scale** rates per time: Σ_0 is that of the probabilities less ln of the interval. **Differs from** the paper, which fits
    each S on its own and then polynomials, and takes P(S) at its highest temperature for ϱ: here the measured moments are
    those of P_T, which is ϱ only above T0. **Invariant under** the unit of time, but for Σ_0. **Cost** milliseconds.

    References
    ----------
    Ridout, Tah, Liu (2023), eqs. 8 to 13 and Fig. 1.

    Examples
    --------
    >>> import xarray as xr
    >>> truth, s, t = TrapModel((2.0, -1.2), 3.0, 0.9), np.linspace(-2, 2, 9), np.array([0.45, 0.6, 0.75])
    >>> log_p = truth.log_rate(s, t[:, None])
    >>> both = ("temperature", "softness_bin")
    >>> rates = xr.Dataset({"log_probability": (both, log_p), "log_probability_error": (both, 0.1 + 0 * log_p)},
    ...                    {"temperature": t, "softness": ("softness_bin", s)})
    >>> moments = truth.equilibrium(t)[["softness_mean", "softness_variance"]]
    >>> moments["softness_mean_error"] = moments["softness_variance_error"] = 0.02 + 0 * moments["softness_mean"]
    >>> fit = fit_trap_model(rates, moments, degree=1)
    >>> [round(float(x), 3) for x in (*fit.model.barrier, fit.model.onset_temperature, fit.model.softness_sd)]
    [2.0, -1.2, 0.9, 1.0]
    """
    if degree not in (1, 2):
        raise ParameterError(f"`degree` must be 1 or 2; it is {degree}.")
    if use not in ("hottest", "all"):
        raise ParameterError(f"`use` must be 'hottest' or 'all'; it is '{use}'.")
    seen, every = Rates.of(rates), Moments.of(moments)
    compared = every if use == "all" else every.hottest()
    return _fit(seen, compared, degree, onset_temperature, particles_per_site)


def bootstrap_trap_model(
    counts: xr.Dataset, moments: xr.Dataset, n_resamples: int = 200, seed: int = 0, **options: Any
) -> list[TrapFit]:
    """Refit after drawing trajectory segments with replacement within each temperature.

    Parameters
    ----------
    counts : xarray.Dataset
        From `vitrify.theory.rearrangement_probability.combine`, with its segments.
    moments : xarray.Dataset
        From `vitrify.theory.softness_moments`. Where it has the segments of `counts`, both are drawn together.
    n_resamples : int, default 200
    seed : int, default 0
    **options
        Of `fit_trap_model`.

    Returns
    -------
    list of TrapFit
        One for each resample that could be fitted. Their scatter is the uncertainty of every parameter and every curve.

    Raises
    ------
    TooFewEventsError
        If a temperature has fewer than two segments, or more than half of the resamples cannot be fitted.
    ParameterError, ConvergenceError
        As `fit_trap_model`, for the data as they are.

    Notes
    -----
    Of n segments n − 1 are drawn and weighted by n / (n − 1): variances are then unbiased however few there are.
    **Scale** as `fit_trap_model`. **Differs from** its covariance where events come in bursts. **Invariant under** the order
    of temperatures, not of segments. **Cost** that of a fit per resample.

    References
    ----------
    Rao and Wu, J. Am. Stat. Assoc. 83, 231 (1988).

    Examples
    --------
    >>> from vitrify.theory.rearrangement_probability import combine, count
    >>> truth, rng, counts, samples = TrapModel((2.0, -1.2), 0.0, 0.9), np.random.default_rng(0), [], {}
    >>> for t in (0.5, 0.6, 0.7, 0.8):
    ...     s, segment = rng.normal(truth.mean(t), np.sqrt(truth.variance(t)), 20_000), np.arange(20_000) % 5
    ...     moving = rng.random(20_000) < truth.rate(s, t)
    ...     counts.append(count(t, (s, segment), (s[moving], segment[moving]), np.linspace(-3, 2, 11), n_segments=5))
    ...     samples[t] = s, segment
    >>> from vitrify.theory.softness_moments import softness_moments
    >>> fits = bootstrap_trap_model(combine(counts), softness_moments(samples), 20, degree=1)
    >>> low, high = np.quantile([fit.model.barrier[1] for fit in fits], [0.025, 0.975])
    >>> len(fits) == 20, low < -1.2 < high
    (True, np.True_)
    """
    fit_trap_model(counts, moments, **options)
    there = {float(t): np.flatnonzero(n > 0) for t, n in _per_segment(counts, "exposure")}
    looked = {float(t): np.flatnonzero(n > 0) for t, n in _per_segment(moments, "n")}
    for t, segments in (*there.items(), *looked.items()):
        if len(segments) < 2:
            raise TooFewEventsError(
                f"T = {t:g} has values in {len(segments)} trajectory segments; resampling them needs at least 2, better 6. Cut "
                "the trajectory into more segments."
            )
    rng, fits = np.random.default_rng(seed), []
    for _ in range(n_resamples):
        drawn = {t: rng.choice(k, len(k) - 1) for t, k in there.items()}
        seen = {
            t: drawn[t] if t in drawn and np.array_equal(there[t], k) else rng.choice(k, len(k) - 1)
            for t, k in looked.items()
        }
        try:
            fits.append(
                fit_trap_model(_drawn(counts, drawn, there), _drawn_moments(moments, seen), **options)
            )
        except (ConvergenceError, TooFewEventsError, ParameterError):
            continue
    if len(fits) < n_resamples / 2:
        raise TooFewEventsError(
            f"{n_resamples - len(fits)} of {n_resamples} resamples of the trajectory segments could not be fitted. Add frames, "
            "lower `degree`, or give `onset_temperature`."
        )
    return fits


def _fit(
    seen: Rates, compared: Moments, degree: int, onset_temperature: float | None, particles_per_site: int
) -> TrapFit:
    names = ("log_prefactor", "e0", *(f"e{k}" for k in range(1, degree + 1)))
    fixed = None if onset_temperature is None else 1 / onset_temperature
    names += (() if fixed is not None else ("inverse_onset",)) + ("softness_mean", "softness_sd")
    n_kinetic = len(names) - 2
    seen.require(n_kinetic)

    def past(beta: Array, inverse_onset: Any) -> Any:
        u = inverse_onset if fixed is None else fixed
        beyond = beta - u
        return np.where(beyond.real > 0, beyond, 0.0) if np.real(u) > 0 else beyond

    def predict(x: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        u = x[n_kinetic - 1]
        rise = [x[2 + k] for k in range(degree)]
        beyond = past(1 / seen.temperature, u)
        polynomial = sum(e * seen.softness ** (k + 1) for k, e in enumerate(rise))
        log_p = x[0] - x[1] / seen.temperature - beyond * polynomial
        cold = past(1 / compared.temperature, u)
        stiff = 1 - 2 * cold * x[-1] ** 2 * (rise[1] if degree == 2 else 0.0)
        mean, variance = (x[-2] + cold * rise[0] * x[-1] ** 2) / stiff, x[-1] ** 2 / stiff
        return log_p, np.concatenate([mean, variance])

    def parts(log_p: Array, both: Array) -> Any:
        mean, variance = np.split(both, 2)
        return seen.terms(log_p), compared.terms(mean, variance)

    def terms(log_p: Array, both: Array) -> tuple[float, Array, Array] | None:
        one, two = parts(log_p, both)
        if one is None or two is None:
            return None
        return one[0] + two[0], np.concatenate([one[1], two[1]]), np.concatenate([one[2], two[2]])

    kinetic = seen.first_guess(past, degree)
    kinetic = kinetic if fixed is None else kinetic[:-1]
    start = np.concatenate([kinetic, _first_landing(compared.hottest(), kinetic, past, degree)])
    x, covariance = climb(predict, terms, start)
    of_rates, of_moments = (part[0] for part in parts(*predict(x)))
    frame = TrapModel(
        (0.0,), -np.log(seen.interval), onset_temperature or 1.0, particles_per_site=particles_per_site
    )
    values = x.copy()
    values[0] -= np.log(seen.interval)
    values[-1] = abs(values[-1])
    return TrapFit(
        _model(dict(zip(names, values, strict=True)), frame), names, values, covariance, of_rates, of_moments,
        len(seen.events), 2 * len(compared.mean),
    )  # fmt: skip


def _first_landing(hottest: Moments, kinetic: Array, past: Any, degree: int) -> Array:
    """Return S0 and σ0 that give the moments at the highest temperature, or those moments where that is impossible."""
    cold = past(1 / hottest.temperature, kinetic[-1])[0]
    e1, e2 = kinetic[2], kinetic[3] if degree == 2 else 0.0
    mean, variance = hottest.mean[0], hottest.variance[0]
    stiffness = 1 / variance + 2 * e2 * cold
    landing = 1 / stiffness if stiffness > 0.1 / variance else variance
    return np.array([mean * landing / variance - e1 * cold * landing, np.sqrt(landing)])


def _model(values: Mapping[str, float], like: TrapModel) -> TrapModel:
    u = values.get("inverse_onset")
    onset = like.onset_temperature if u is None else 1 / u if u else np.inf
    barrier = tuple(float(values[name]) for name in ("e0", "e1", "e2") if name in values)
    return TrapModel(
        barrier,
        float(values["log_prefactor"]),
        float(onset),
        float(values["softness_mean"]),
        abs(float(values["softness_sd"])),
        like.particles_per_site,
    )


def _per_segment(dataset: xr.Dataset, name: str) -> list[tuple[float, Array]]:
    if "segment" not in dataset.dims:
        raise TooFewEventsError(
            "There are no trajectory segments to resample; count with `n_segments` of 2 or more."
        )
    values = dataset[name].values
    amount = values.sum(axis=tuple(range(2, values.ndim)))
    return list(zip(dataset["temperature"].values.tolist(), amount, strict=True))


def _drawn(counts: xr.Dataset, drawn: Mapping[float, Any], there: Mapping[float, Any]) -> xr.Dataset:
    """Return counts of one segment: those drawn, weighted."""
    both = counts[["events", "exposure", "softness_sum"]]
    out = both.isel(segment=[0]).astype(float)
    for k, t in enumerate(counts["temperature"].values.tolist()):
        weight = len(there[t]) / (len(there[t]) - 1)
        for name in ("events", "exposure", "softness_sum"):
            out[name].values[k, 0] = weight * both[name].values[k, drawn[t]].sum(axis=0)
    return out.assign_coords({name: counts[name] for name in ("softness_low", "softness_high")})


def _drawn_moments(moments: xr.Dataset, drawn: Mapping[float, Any]) -> xr.Dataset:
    out = moments.copy(deep=True)
    for k, t in enumerate(moments["temperature"].values.tolist()):
        sums = (moments[name].values[k, drawn[t]][None] for name in ("n", "softness_sum", "softness_square"))
        mean, _, variance, _ = moments_of_sums(*sums)
        out["softness_mean"].values[k], out["softness_variance"].values[k] = mean[0], variance[0]
    return out
