"""The onset temperature with an interval from whole trajectory segments, not from counting alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ConvergenceError, ParameterError, TooFewEventsError
from vitrify.theory._segments import (
    at_least_two,
    drawn_segments,
    require_fitted,
    require_resamples,
    summed,
)
from vitrify.theory.arrhenius import ArrheniusFit, design_matrix, fit_arrhenius, fit_totals
from vitrify.theory.rearrangement_probability import ONE_SIGMA_TAIL, totals

if TYPE_CHECKING:
    import xarray as xr

COEFFICIENTS = ("e0", "e1", "sigma0", "sigma1", "onset_temperature")


class OnsetInterval(NamedTuple):
    """Which onset temperatures are compatible with the data.

    Attributes
    ----------
    low, high : float, energy / k_B
    kind : str
        ``"bounded"``: those from `low` to `high`. ``"exclusive"``: all, the infinite one included, except those between
        `low` and `high`. ``"unbounded"``: all; `low` and `high` are infinite.
    """

    low: float
    high: float
    kind: Literal["bounded", "exclusive", "unbounded"]

    def holds(self, temperature: float) -> bool:
        """Return whether a temperature is compatible; an infinite one is unless the interval is bounded.

        Examples
        --------
        >>> OnsetInterval(0.5, 0.9, "exclusive").holds(0.7), OnsetInterval(0.5, 0.9, "exclusive").holds(np.inf)
        (False, True)
        """
        if self.kind == "exclusive":
            return not self.low < temperature < self.high
        return self.low <= temperature <= self.high


def fieller_interval(
    numerator: float, denominator: float, covariance: NDArray[np.float64], t: float
) -> OnsetInterval:
    """Return the ratios r for which numerator − r · denominator is within `t` standard errors of zero.

    Unlike a standard error or percentiles of the ratio, this knows that the denominator may be zero: the set then holds
    infinity, and is all numbers or all but an interval.

    Parameters
    ----------
    numerator, denominator : float
        Estimates, about normally distributed.
    covariance : (2, 2) float
        Of both.
    t : float
        Student's quantile of the confidence wanted.

    Returns
    -------
    OnsetInterval

    References
    ----------
    Fieller, J. R. Stat. Soc. B 16, 175 (1954).

    Examples
    --------
    >>> [round(x, 2) for x in fieller_interval(0.8, 1.0, np.diag([0.01, 0.01]), 1.0)[:2]]
    [0.68, 0.94]
    >>> fieller_interval(0.8, 0.05, np.diag([0.01, 0.01]), 1.0).kind
    'exclusive'
    >>> fieller_interval(0.05, 0.05, np.diag([0.01, 0.01]), 1.0).kind
    'unbounded'
    """
    square = denominator**2 - t**2 * covariance[1, 1]
    mixed = numerator * denominator - t**2 * covariance[0, 1]
    constant = numerator**2 - t**2 * covariance[0, 0]
    discriminant = mixed**2 - square * constant
    if square == 0 or (square < 0 and discriminant <= 0):
        return OnsetInterval(-np.inf, np.inf, "unbounded")
    root = np.sqrt(max(discriminant, 0.0))
    low, high = sorted(((mixed - root) / square, (mixed + root) / square))
    return OnsetInterval(float(low), float(high), "bounded" if square > 0 else "exclusive")


@dataclass(frozen=True, eq=False)
class OnsetBootstrap:
    """Coefficients of the fit to resampled trajectories, and the intervals that follow from their scatter.

    Parameters
    ----------
    fit : ArrheniusFit
        To the data as they are.
    samples : dict of str to (n,) float
        e0, e1, sigma0, sigma1 and onset_temperature of each resample.
    n_failed : int
        Resamples that could not be fitted.
    degrees_of_freedom : dict of str to float
        Of the standard error of each coefficient: how many independent segments it effectively rests on, less one per
        temperature.

    Examples
    --------
    >>> fit = ArrheniusFit(np.array([3.0, -0.8]), np.array([2.0, -1.0]), np.eye(4), 0.0, 1, 100)
    >>> rng, dof = np.random.default_rng(0), dict.fromkeys(COEFFICIENTS, 10.0)
    >>> samples = {"e1": 0.8 + 0.1 * rng.normal(size=400), "sigma1": 1.0 + 0.1 * rng.normal(size=400)}
    >>> found = OnsetBootstrap(fit, samples, 0, dof)
    >>> [round(x, 1) for x in found.interval("onset_temperature")], found.onset_interval(0.025).kind
    ([0.7, 0.9], 'bounded')
    """

    fit: ArrheniusFit
    samples: dict[str, NDArray[np.float64]]
    n_failed: int
    degrees_of_freedom: dict[str, float]

    @property
    def bounded(self) -> bool:
        """Whether the 68 % interval of T0 is an interval, and not all temperatures or all but some."""
        return self.onset_interval().kind == "bounded"

    def student(self, name: str, tail: float = ONE_SIGMA_TAIL) -> float:
        """Return Student's quantile: how many standard errors leave `tail` on each side."""
        from scipy.special import stdtrit

        return float(stdtrit(self.degrees_of_freedom[name], 1 - tail))

    def interval(self, name: str, tail: float = ONE_SIGMA_TAIL) -> tuple[float, float]:
        """Return the central interval of a coefficient, 68 % by default.

        For coefficients of the fit it is value ± Student's t times the standard error of the resamples; for
        ``"onset_temperature"`` that of `onset_interval`, and (−inf, inf) where that is not bounded.
        """
        if name == "onset_temperature":
            found = self.onset_interval(tail)
            return (found.low, found.high) if found.kind == "bounded" else (-np.inf, np.inf)
        value: float = getattr(self.fit, name)
        reach = self.student(name, tail) * float(self.samples[name].std(ddof=1))
        return value - reach, value + reach

    def onset_interval(self, tail: float = ONE_SIGMA_TAIL) -> OnsetInterval:
        """Return the T0 = e1 / Σ1 that are compatible with the resamples, by Fieller's theorem; 68 % by default."""
        covariance = np.cov(self.samples["e1"], self.samples["sigma1"])
        return fieller_interval(
            self.fit.e1, self.fit.sigma1, covariance, self.student("onset_temperature", tail)
        )

    def percentiles(self, name: str, tail: float = ONE_SIGMA_TAIL) -> tuple[float, float]:
        """Return plain percentiles of the resamples, without the correction for few segments.

        Those of ``"onset_temperature"`` bound nothing where `onset_interval` is not bounded.
        """
        low, high = np.quantile(self.samples[name], [tail, 1 - tail])
        return float(low), float(high)


def bootstrap_onset(
    counts: xr.Dataset, degree: int = 1, n_resamples: int = 400, seed: int = 0
) -> OnsetBootstrap:
    """Refit after drawing trajectory segments with replacement within each temperature.

    Parameters
    ----------
    counts : xarray.Dataset
        With its segments.
    degree : int, default 1
        At least 1.
    n_resamples : int, default 400
        At least 10.
    seed : int, default 0

    Returns
    -------
    OnsetBootstrap

    Raises
    ------
    ParameterError
        If `degree` or `n_resamples` is too low, or as `vitrify.theory.arrhenius.fit_arrhenius`.
    TooFewEventsError
        If a temperature has fewer than two segments, or more than half of the resamples cannot be fitted.
    ConvergenceError
        If the data as they are cannot be fitted.

    Notes
    -----
    Segments keep what counting errors forget: events come in bursts, and softness drifts slowly. Of n segments n − 1 are
    drawn and weighted by n / (n − 1), which makes the variance of a mean unbiased however few they are. Standard errors
    from few segments are themselves uncertain: intervals use Student's t, its degrees of freedom from the share of each
    temperature in the variance (Welch and Satterthwaite).

    References
    ----------
    Rao and Wu, J. Am. Stat. Assoc. 83, 231 (1988); Satterthwaite, Biometrics Bull. 2, 110 (1946).

    Examples
    --------
    >>> from vitrify.theory.rearrangement_probability import combine, count
    >>> softness, segment = np.repeat([-0.5, 0.5], 20_000), np.arange(40_000) % 4
    >>> counts = []
    >>> for t in (0.5, 0.6, 0.8):
    ...     p = np.exp(1.0 - 0.5 * softness - (2.0 - 0.4 * softness) / t)
    ...     moving = np.random.default_rng(0).random(40_000) < p
    ...     starts = softness[moving], segment[moving]
    ...     counts.append(count(t, (softness, segment), starts, [-1, 0, 1], n_segments=4))
    >>> found = bootstrap_onset(combine(counts), n_resamples=50)
    >>> low, high = found.interval("onset_temperature")
    >>> low < 0.8 < high
    True
    """
    require_resamples(degree, n_resamples)
    fit, both = fit_arrhenius(counts, degree), totals(counts)
    softness, temperature = both["softness"].values, both["temperature"].values
    there = at_least_two(counts)
    events, exposure = counts["events"].values, counts["exposure"].values
    start = np.concatenate([fit.log_prefactor, fit.barrier])
    weight = np.array([len(k) / (len(k) - 1) for k in there])[:, None]
    rng, rows = np.random.default_rng(seed), []
    for _ in range(n_resamples):
        drawn = drawn_segments(rng, there)
        k, n = weight * summed(events, drawn), weight * summed(exposure, drawn)
        try:
            again = fit_totals(k, n, softness, temperature, degree, start=start)
        except (ConvergenceError, TooFewEventsError, ParameterError):
            continue
        rows.append([getattr(again, name) for name in COEFFICIENTS])
    failed = n_resamples - len(rows)
    require_fitted(failed, n_resamples, fit.n_events)
    samples = dict(zip(COEFFICIENTS, np.array(rows).T, strict=True))
    return OnsetBootstrap(fit, samples, failed, _degrees_of_freedom(counts, fit, there))


def _degrees_of_freedom(
    counts: xr.Dataset, fit: ArrheniusFit, there: list[NDArray[np.int64]]
) -> dict[str, float]:
    """Satterthwaite's degrees of freedom, from the first-order influence of each segment on each coefficient."""
    softness, temperature = totals(counts)["softness"].values, counts["temperature"].values
    p = fit.degree + 1
    rows = np.zeros((len(COEFFICIENTS), 2 * p))
    for row, column in zip(rows, (p, p + 1, 0, 1), strict=False):
        row[column] = 1.0
    onset = fit.onset_temperature
    rows[4] = rows[1] - onset * rows[3] if np.isfinite(onset) else rows[3]
    variance = np.zeros((len(temperature), len(COEFFICIENTS)))
    for k, (t, segments) in enumerate(zip(temperature, there, strict=True)):
        design = design_matrix(softness, np.full(len(softness), t), fit.degree)
        probability = np.minimum(fit.predict(softness, t), 1 - 1e-12)
        events, exposure = (counts[name].values[k, segments] for name in ("events", "exposure"))
        score = (events - exposure * probability) / (1 - probability) @ design
        influence = score @ fit.covariance @ rows.T
        variance[k] = len(segments) * influence.var(axis=0, ddof=1)
    free = np.array([len(segments) - 1.0 for segments in there])[:, None]
    spread = (variance**2 / free).sum(axis=0)
    found = np.where(spread > 0, variance.sum(axis=0) ** 2 / np.where(spread > 0, spread, 1.0), free.sum())
    return dict(zip(COEFFICIENTS, found.tolist(), strict=True))
