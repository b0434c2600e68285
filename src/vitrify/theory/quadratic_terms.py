"""How far ΔE(S) and Σ(S) are from straight lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrify.theory._resampling import as_onset, resampled_together
from vitrify.theory.arrhenius import ArrheniusFit, fit_arrhenius

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True, eq=False)
class QuadraticTerms:
    r"""The fit of degree 2 beside the straight one.

    .. math:: \Delta E = E_0 + E_1 S + E_2 S^2, \quad \Sigma = s_0 + s_1 S + s_2 S^2

    Parameters
    ----------
    straight, curved : ArrheniusFit
    samples : (n, 6) float
        (log_prefactor, barrier) of resampled trajectory segments.
    free : float
        Degrees of freedom of the standard errors.

    Notes
    -----
    **Scale** E2 / E1 per unit of softness, at S = 0; it depends on where S = 0 is. **Differs from** the thesis, which quotes
    the ratio without an error. **Invariant under** S -> −S, but for the sign. **Cost** of the resampled fits.
    """

    straight: ArrheniusFit
    curved: ArrheniusFit
    samples: NDArray[np.float64]
    free: float

    @property
    def barrier_ratio(self) -> float:
        """|E2 / E1|, per unit of softness."""
        return float(abs(self.curved.barrier[2] / self.curved.barrier[1]))

    @property
    def barrier_ratio_error(self) -> float:
        """Its standard error, to first order in those of E1 and E2."""
        return _ratio_error(self.curved.barrier, self.samples[:, 3:])

    @property
    def prefactor_ratio(self) -> float:
        """|s2 / s1|, per unit of softness."""
        return float(abs(self.curved.log_prefactor[2] / self.curved.log_prefactor[1]))

    @property
    def prefactor_ratio_error(self) -> float:
        """Its standard error."""
        return _ratio_error(self.curved.log_prefactor, self.samples[:, :3])

    @property
    def likelihood_gain(self) -> float:
        """Twice the log likelihood that the two quadratic terms gain."""
        return self.straight.deviance - self.curved.deviance

    @property
    def likelihood_p_value(self) -> float:
        """How often straight lines would gain as much, were every event independent."""
        from scipy.stats import chi2

        return float(chi2.sf(self.likelihood_gain, 2))

    @property
    def segment_p_value(self) -> float:
        """How often both terms would be as far from zero by the scatter of trajectory segments; NaN with too few."""
        from scipy.stats import f as f_distribution

        terms = np.array([self.curved.log_prefactor[2], self.curved.barrier[2]])
        covariance = np.cov(self.samples[:, [2, 5]], rowvar=False)
        square = float(terms @ np.linalg.solve(covariance, terms))
        left = self.free - 1.0
        return float(f_distribution.sf(square * left / (2 * self.free), 2, left)) if left > 0 else np.nan

    def barrier_error(self, softness: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the standard error of the curved ΔE(S), from the resamples."""
        return _polynomials(softness, self.samples[:, 3:]).std(axis=0, ddof=1)

    def prefactor_error(self, softness: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the standard error of the curved Σ(S), from the resamples."""
        return _polynomials(softness, self.samples[:, :3]).std(axis=0, ddof=1)


def quadratic_terms(counts: xr.Dataset, n_resamples: int = 400, seed: int = 0) -> QuadraticTerms:
    """Fit ΔE(S) and Σ(S) with and without quadratic terms.

    Parameters
    ----------
    counts : xarray.Dataset
        From `vitrify.theory.rearrangement_probability.combine`, with segments and at least three bins.
    n_resamples : int, default 400
    seed : int, default 0

    Returns
    -------
    QuadraticTerms

    Raises
    ------
    ParameterError, TooFewEventsError, ConvergenceError
        As `vitrify.theory.onset.bootstrap_onset`.

    References
    ----------
    Cubuk, PhD thesis (Harvard, 2016), section 5.6.3 and Fig. 5.20.

    Examples
    --------
    >>> from vitrify.theory.rearrangement_probability import combine, count
    >>> softness, segment = np.repeat([-1.0, 0.0, 1.0], 20_000), np.arange(60_000) % 4
    >>> draw, at = np.random.default_rng(0).random(60_000), []
    >>> for t in (0.5, 0.6, 0.8):
    ...     moving = draw < np.exp(1.0 - 0.5 * softness - (2.0 - 0.4 * softness) / t)
    ...     starts = softness[moving], segment[moving]
    ...     at.append(count(t, (softness, segment), starts, [-2, -0.5, 0.5, 2], n_segments=4))
    >>> found = quadratic_terms(combine(at), n_resamples=20)
    >>> found.likelihood_p_value > 0.01
    True
    """
    straight = fit_arrhenius(counts, 1)
    (curved,), rows, failed = resampled_together([counts], 2, n_resamples, seed)
    free = as_onset(counts, curved, rows[:, 0], failed).degrees_of_freedom["e1"]
    return QuadraticTerms(straight, curved, rows[:, 0], free)


def _ratio_error(powers: NDArray[np.float64], samples: NDArray[np.float64]) -> float:
    """Return the standard error of the ratio of the quadratic to the linear coefficient."""
    gradient = np.array([-powers[2] / powers[1] ** 2, 1.0 / powers[1]])
    covariance = np.cov(samples[:, 1:], rowvar=False)
    return float(np.sqrt(gradient @ covariance @ gradient))


def _polynomials(softness: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(rows @ np.asarray(softness, float) ** np.arange(rows.shape[1])[:, None])
