"""A probability to rearrange whose logarithm is quadratic in softness, and its average over a Gaussian."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, ShapeError
from vitrify.theory._likelihood import maximise
from vitrify.theory.arrhenius import ArrheniusFit
from vitrify.theory.rearrangement_probability import totals

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LogQuadratic:
    r"""P_R(S) at one temperature, per step of time.

    .. math:: \ln P_R(S) = a + b S - c S^2

    Parameters
    ----------
    coefficients : (3,) float
        a, b, c. With c = 0 the softest particles, however few, rearrange with certainty.
    covariance : (3, 3) float
        Of them.
    step : float, time
        To which the probability belongs: the interval between frames where starts of events are counted frame by frame; where
        the fraction above p_c is (τ_R in the papers), the mean time above it, which `vitrify.theory.rearranging_fraction`
        measures.

    Raises
    ------
    ParameterError
        If `step` is not positive.
    ShapeError
        If there are not three coefficients, or their covariance has another shape.

    Notes
    -----
    **Scale** a probability per `step`, clipped at 1.
    **Differs from** the linear exponent of the Arrhenius law: the curvature keeps integrals over softness finite.
    **Invariant under** S → 2 S + k together with the coefficients.
    **Cost** none.

    References
    ----------
    Cubuk, PhD thesis (Harvard, 2016), section 5.6.3.

    Examples
    --------
    >>> law = LogQuadratic(np.array([-5.0, 1.0, 0.1]), np.zeros((3, 3)))
    >>> law.predict([0.0, 2.0]).round(5).tolist(), round(law.over_gaussian(1.0, 0.5).item(), 5)
    ([0.00674, 0.03337], 0.01828)
    """

    coefficients: Array
    covariance: Array
    step: float = 1.0

    def __post_init__(self) -> None:
        if not self.step > 0:
            raise ParameterError(f"`step` must be a positive time; it is {self.step}.")
        if np.shape(self.coefficients) != (3,) or np.shape(self.covariance) != (3, 3):
            raise ShapeError(
                f"`coefficients` must be (a, b, c) and `covariance` (3, 3); their shapes are {np.shape(self.coefficients)}, "
                f"{np.shape(self.covariance)}."
            )

    @classmethod
    def fit(cls, counts: xr.Dataset, temperature: float | None = None) -> LogQuadratic:
        """Return the maximum of the binomial likelihood of the counts of one temperature.

        Parameters
        ----------
        counts : xarray.Dataset
            From `vitrify.theory.rearrangement_probability.count` or `combine`.
        temperature : float, optional
            Which, if there are several.

        Returns
        -------
        LogQuadratic
            Its step is the interval of the counts.

        Raises
        ------
        ParameterError
            If the counts do not hold the temperature, or fewer than three bins have particles.
        TooFewEventsError
            If there are no events.
        ConvergenceError
            If the counts leave ln P_R open somewhere within their range.
        """
        present = counts["temperature"].values
        if temperature is None and len(present) == 1:
            temperature = float(present[0])
        if temperature is None or not np.isclose(present, temperature, rtol=1e-9).any():
            raise ParameterError(
                f"`temperature` must be one of those of the counts, {present.tolist()}; it is {temperature}."
            )
        one = counts.isel(temperature=[int(np.argmin(np.abs(present - temperature)))])
        both = totals(one)
        exposure = both["exposure"].values[0]
        used = exposure > 0
        s, k = both["softness"].values[used], both["events"].values[0][used].astype(float)
        design = np.stack([np.ones_like(s), s, -(s**2)], axis=1)
        n = np.maximum(exposure[used], k)
        found = maximise(design, k, n, about="ln P_R, quadratic in softness")
        return cls(found.coefficients, found.covariance, float(counts.attrs["interval"]))

    @classmethod
    def from_arrhenius(cls, fit: ArrheniusFit, temperature: float, interval: float = 1.0) -> LogQuadratic:
        """Return what a global fit of degree 2 or less says at one temperature.

        Parameters
        ----------
        fit : ArrheniusFit
        temperature : float, energy / k_B
        interval : float, time, default 1
            Of the counts that were fitted.

        Raises
        ------
        ParameterError
            If the degree of the fit is above 2.
        """
        if fit.degree > 2:
            raise ParameterError(
                f"A fit of degree {fit.degree} is not quadratic in softness. Fit with `degree` 2."
            )
        n = fit.degree + 1
        onto = np.zeros((3, 2 * n))
        for k, sign in zip(range(n), (1.0, 1.0, -1.0), strict=False):
            onto[k, k], onto[k, n + k] = sign, -sign / temperature
        values = np.concatenate([fit.log_prefactor, fit.barrier])
        return cls(onto @ values, onto @ fit.covariance @ onto.T, interval)

    def predict(self, softness: ArrayLike) -> Array:
        """Return P_R(S), at most 1."""
        s = np.asarray(softness, np.float64)
        a, b, c = self.coefficients
        return np.asarray(np.exp(np.minimum(a + b * s - c * s * s, 0.0)))

    def over_gaussian(self, mean: ArrayLike, variance: ArrayLike) -> Array:
        r"""Return the average of P_R over a Gaussian distribution of softness, at most 1.

        .. math:: \int N(S; m, v) P_R\, dS = \frac{1}{\sqrt{1 + 2 c v}}
            \exp\Big[a + \frac{b m - c m^2 + b^2 v / 2}{1 + 2 c v}\Big]

        Raises
        ------
        ParameterError
            If 1 + 2 c v is not positive somewhere: the integral is then infinite.
        """
        m, v = np.asarray(mean, np.float64), np.asarray(variance, np.float64)
        a, b, c = self.coefficients
        width = 1 + 2 * c * v
        if (width <= 0).any():
            raise ParameterError(
                f"ln P_R curves upwards (c = {c:.3g}) more than a Gaussian of variance {np.nanmax(v):.3g} falls: the average "
                "over softness is infinite. Fit with more events, or set c to 0."
            )
        log_mean = a + (b * m - c * m * m + 0.5 * b * b * v) / width
        return np.asarray(np.minimum(np.exp(np.minimum(log_mean, 700.0)) / np.sqrt(width), 1.0))

    def drawn(self, rng: np.random.Generator) -> LogQuadratic:
        """Return a law with coefficients drawn from their covariance."""
        values = rng.multivariate_normal(self.coefficients, self.covariance, method="svd")
        return LogQuadratic(values, self.covariance, self.step)
