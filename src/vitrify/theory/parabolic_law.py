"""The parabolic law of relaxation times, and the fragility and glass temperature that follow from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ParabolicLaw:
    r"""A parabola of ln τ in the inverse temperature.

    .. math:: \ln\tau = a + b\,\beta + c\,\beta^2
        = \ln\tau_o + J^2 \left(\frac{1}{T} - \frac{1}{T_o}\right)^2, \qquad \beta = 1/T

    Parameters
    ----------
    coefficients : (3,) float
        a, b, c.
    covariance : (3, 3) float
        Of them.
    chi_squared : float
        Of the fit, with the errors that were given; NaN without errors.
    degrees_of_freedom : int

    Notes
    -----
    **Scale** natural logarithm of τ. **Differs from** Elmatad et al., who print powers of ten and (J / T_o)² (T_o / T − 1)²:
    their J² is T_o-free as here, and smaller by ln 10. **Invariant under** the unit of time, but for ln τ_o. **Cost** nothing.

    References
    ----------
    Elmatad, Chandler, Garrahan, J. Phys. Chem. B 113, 5563 (2009); Ridout, Tah, Liu (2023), eq. 22 and the text below.

    Examples
    --------
    >>> t = np.array([0.5, 0.6, 0.7, 0.8])
    >>> law = fit_parabolic(t, 2.0 + 4.0 * (1 / t - 1.0) ** 2)
    >>> round(law.curvature, 6), round(law.onset_temperature, 6), round(law.glass_temperature(np.exp(18.0)), 6)
    (4.0, 1.0, 0.333333)
    >>> round(law.fragility(1 / 3), 6)
    48.0
    """

    coefficients: Array
    covariance: Array
    chi_squared: float
    degrees_of_freedom: int

    @property
    def curvature(self) -> float:
        """J², energy²; negative if relaxation is sub-Arrhenius."""
        return float(self.coefficients[2])

    @property
    def onset_temperature(self) -> float:
        """T_o, where the parabola is flat; not clipped, and not the T0 of softness."""
        return float(-2 * self.coefficients[2] / self.coefficients[1])

    def log_time(self, temperature: ArrayLike) -> Array:
        """Return ln τ."""
        return np.asarray(_powers(np.asarray(temperature, float)) @ self.coefficients)

    def log_time_error(self, temperature: ArrayLike) -> Array:
        """Return the standard error of ln τ."""
        x = _powers(np.asarray(temperature, float))
        return np.asarray(np.sqrt(np.einsum("...i,ij,...j->...", x, self.covariance, x)))

    def glass_temperature(self, time: float = 1e7) -> float:
        """Return the temperature at which τ reaches so long a time.

        Raises
        ------
        ParameterError
            If the parabola does not reach it on the cold side.
        """
        a, b, c = self.coefficients
        discriminant = b * b - 4 * c * (a - np.log(time))
        with np.errstate(divide="ignore", invalid="ignore"):
            beta = (-b + np.sqrt(discriminant)) / (2 * c) if c else (np.log(time) - a) / b
        if not (np.isfinite(beta) and beta > 0):
            raise ParameterError(
                f"The parabolic law ln τ = {a:.3g} + {b:.3g}/T + {c:.3g}/T² does not reach τ = {time:g}. Ask for a shorter time."
            )
        return float(1 / beta)

    def fragility(self, glass_temperature: float) -> float:
        """Return m = d ln τ / d(T_g / T) at T_g, natural logarithm."""
        return float(self._slope(glass_temperature) @ self.coefficients)

    def fragility_error(self, glass_temperature: float) -> float:
        """Return the standard error of m at a given T_g."""
        x = self._slope(glass_temperature)
        return float(np.sqrt(x @ self.covariance @ x))

    @staticmethod
    def _slope(temperature: float) -> Array:
        return np.array([0.0, 1 / temperature, 2 / temperature**2])


def fit_parabolic(
    temperatures: ArrayLike, log_times: ArrayLike, errors: ArrayLike | None = None
) -> ParabolicLaw:
    """Fit the parabolic law by least squares.

    Parameters
    ----------
    temperatures : (n,) array_like, energy / k_B
        At least three.
    log_times : (n,) array_like
        ln τ, all by the same definition.
    errors : (n,) array_like, optional
        Standard errors of ln τ. Without them all count alike and the covariance is from the scatter about the fit.

    Returns
    -------
    ParabolicLaw

    Raises
    ------
    ParameterError
        If there are fewer than three different temperatures, or a value is not finite.

    Examples
    --------
    >>> t = np.array([0.5, 0.6, 0.7, 0.8])
    >>> round(fit_parabolic(t, 1 + 3 / t, np.full(4, 0.1)).fragility(0.25), 6)
    12.0
    """
    t, y = np.asarray(temperatures, float), np.asarray(log_times, float)
    sigma = np.ones_like(t) if errors is None else np.asarray(errors, float)
    usable = t.shape == y.shape == sigma.shape and np.isfinite([t, y, sigma]).all() and (sigma > 0).all()
    if not usable or not (t > 0).all() or len(np.unique(t)) < 3:
        raise ParameterError(
            "A parabolic law needs three or more different temperatures, a finite ln τ at each, and positive errors; there "
            f"are {t.tolist()} and {y.tolist()}."
        )
    reference = 1 / t.mean()  # a shifted parabola is better conditioned
    beta = 1 / t - reference
    columns = beta[:, None] ** np.arange(3) / sigma[:, None]
    triangle = np.linalg.qr(columns, mode="r")
    shifted = np.linalg.lstsq(columns, y / sigma, rcond=None)[0]
    inverse = np.linalg.inv(triangle)
    covariance, left = inverse @ inverse.T, y / sigma - columns @ shifted
    free, squares = len(t) - 3, float(left @ left)
    if errors is None:
        covariance = covariance * (squares / free if free else np.nan)
    back = np.array([[1.0, -reference, reference**2], [0.0, 1.0, -2 * reference], [0.0, 0.0, 1.0]])
    chi_squared = float("nan") if errors is None else squares
    return ParabolicLaw(back @ shifted, back @ covariance @ back.T, chi_squared, free)


def _powers(temperature: Array) -> Array:
    return np.stack([np.ones_like(temperature), 1 / temperature, 1 / temperature**2], axis=-1)
