"""Onset temperatures of one liquid at several densities, against the scaling of its isomorphs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, ShapeError

if TYPE_CHECKING:
    import xarray as xr


def isomorph_exponent(temperatures: Mapping[float, float]) -> float:
    """Return γ = d ln T / d ln ρ of temperatures at which a liquid of density ρ moves alike.

    Parameters
    ----------
    temperatures : mapping of float to float
        Temperature by density; at least two.

    Raises
    ------
    ParameterError
        If there are fewer than two, or a density or temperature is not positive.

    Notes
    -----
    **Scale** a pure number, a third of the exponent of an inverse power law. **Differs from** the exponent of
    thermodynamics, which comes from the correlation of energy and virial. **Invariant under** units. **Cost** none.

    Examples
    --------
    >>> round(isomorph_exponent({1.2: 0.47, 1.3: 0.70}), 2)
    4.98
    """
    density, temperature = np.array(list(temperatures)), np.array(list(temperatures.values()))
    if len(density) < 2 or not (density > 0).all() or not (temperature > 0).all():
        raise ParameterError(
            f"`temperatures` must hold at least two positive densities with positive temperatures; it is {dict(temperatures)}."
        )
    return float(np.polyfit(np.log(density), np.log(temperature), 1)[0])


def isomorph_ratios(temperatures: Mapping[float, float], reference: float) -> dict[float, float]:
    """Return temperatures over that of the reference density: what every temperature scale of the liquid should follow.

    Raises
    ------
    ParameterError
        If the reference is not among the densities.

    Examples
    --------
    >>> isomorph_ratios({1.2: 0.5, 1.3: 0.75}, 1.2)
    {1.2: 1.0, 1.3: 1.5}
    """
    if reference not in temperatures:
        raise ParameterError(
            f"`reference` = {reference:g} is not among the densities {', '.join(f'{d:g}' for d in temperatures)}."
        )
    return {density: t / temperatures[reference] for density, t in temperatures.items()}


@dataclass(frozen=True, eq=False)
class DensityScaling:
    r"""Measured onset temperatures beside T0(ρ) = T* r(ρ), r being the ratios that are expected.

    .. math:: \chi^2 = \min_{T^*} \sum_\rho [\ln T_0(\rho) - \ln r(\rho) - \ln T^*]^2 / \delta_\rho^2

    Parameters
    ----------
    density, onset, error, expected : (K,) float
        T0 with its standard error, and r(ρ).
    reference : float
        Density at which r = 1.
    temperature : float
        T* at the minimum.
    chi_square : float
    degrees_of_freedom : int
    exponent, exponent_error : float
        γ of the measured T0, and its standard error.
    """

    density: NDArray[np.float64]
    onset: NDArray[np.float64]
    error: NDArray[np.float64]
    expected: NDArray[np.float64]
    reference: float
    temperature: float
    chi_square: float
    degrees_of_freedom: int
    exponent: float
    exponent_error: float

    @property
    def p_value(self) -> float:
        """How often the scaling would be missed by as much; NaN for a single density."""
        from scipy.stats import chi2

        return float(chi2.sf(self.chi_square, self.degrees_of_freedom)) if self.degrees_of_freedom else np.nan

    @property
    def ratio(self) -> NDArray[np.float64]:
        """T0 over that at the reference density, (K,)."""
        return self.onset / self.onset[self._at_reference]

    @property
    def ratio_error(self) -> NDArray[np.float64]:
        """Its standard error, both temperatures independent; 0 at the reference itself."""
        relative = (self.error / self.onset) ** 2
        here = self._at_reference
        total = np.where(np.arange(len(relative)) == here, 0.0, relative + relative[here])
        return np.asarray(self.ratio * np.sqrt(total))

    @property
    def _at_reference(self) -> int:
        return int(np.flatnonzero(self.density == self.reference)[0])

    def to_dataset(self) -> xr.Dataset:
        """Return onset temperatures, ratios and what is expected of both, dim density."""
        import xarray as xr

        columns = {
            "onset_temperature": self.onset,
            "onset_temperature_error": self.error,
            "ratio": self.ratio,
            "ratio_error": self.ratio_error,
            "expected_ratio": self.expected,
            "expected_onset": self.temperature * self.expected,
        }
        return xr.Dataset(
            {name: ("density", column) for name, column in columns.items()}, {"density": self.density}
        )


def density_scaling(
    density: ArrayLike,
    onset: ArrayLike,
    error: ArrayLike,
    expected: Mapping[float, float],
    reference: float,
) -> DensityScaling:
    """Compare onset temperatures of several densities with expected ratios.

    Along an isomorph structure and dynamics are the same in reduced units; the temperature at which dynamics ceases to
    depend on softness must then follow the ratios that all its temperatures have.

    Parameters
    ----------
    density, onset, error : (K,) array_like
        T0 with its standard error; the liquids are independent.
    expected : mapping of float to float
        Ratio by density, as from `isomorph_ratios`.
    reference : float
        Density of which the ratio is 1; among those measured.

    Returns
    -------
    DensityScaling

    Raises
    ------
    ShapeError
        If the three do not pair up.
    ParameterError
        If the reference was not measured, a density has no expected ratio, or a value or error is not positive and finite.

    Notes
    -----
    **Scale** temperatures. **Differs from** Schoenholz' Fig. 2d, which compares with onset temperatures of another work.
    **Invariant under** the units of temperature; T0 does not depend on the scale of softness, so every liquid may have
    its own hyperplane. **Cost** none.

    References
    ----------
    Schoenholz et al., Nature Physics 12, 469 (2016), Fig. 2d.

    Examples
    --------
    >>> found = density_scaling([1.2, 1.3], [0.6, 0.9], [0.02, 0.03], {1.2: 1.0, 1.3: 1.49}, 1.2)
    >>> found.ratio.round(2).tolist(), found.ratio_error.round(2).tolist(), round(found.chi_square, 2)
    ([1.0, 1.5], [0.0, 0.07], 0.02)
    """
    rho, t0, sd = (np.atleast_1d(np.asarray(x, float)) for x in (density, onset, error))
    if not rho.shape == t0.shape == sd.shape or rho.ndim != 1:
        raise ShapeError(
            f"`density`, `onset` and `error` must pair up; their shapes are {rho.shape}, {t0.shape} and {sd.shape}."
        )
    if not all((x > 0).all() and np.isfinite(x).all() for x in (t0, sd)):
        raise ParameterError(
            f"Onset temperatures and their errors must be positive and finite to be compared; they are {t0.tolist()} and "
            f"{sd.tolist()}. Leave out densities without a bounded interval."
        )
    missing = [d for d in (*rho.tolist(), reference) if d not in expected or d not in rho]
    if missing:
        raise ParameterError(
            f"Density {missing[0]:g} is needed among those measured, {rho.tolist()}, and among the expected ratios, "
            f"{sorted(expected)}."
        )
    ratio, relative = np.array([expected[d] for d in rho.tolist()]), sd / t0
    left, weight = np.log(t0 / ratio), relative**-2
    centre = float((weight * left).sum() / weight.sum())
    exponent, exponent_error = _exponent(rho, t0, weight)
    return DensityScaling(
        rho,
        t0,
        sd,
        ratio,
        float(reference),
        float(np.exp(centre)),
        float((weight * (left - centre) ** 2).sum()),
        len(rho) - 1,
        exponent,
        exponent_error,
    )


def _exponent(
    density: NDArray[np.float64], onset: NDArray[np.float64], weight: NDArray[np.float64]
) -> tuple[float, float]:
    """Return the weighted slope of ln T0 against ln ρ, and its error; NaN for one density."""
    if len(density) < 2:
        return np.nan, np.nan
    x = np.log(density)
    x = x - (weight * x).sum() / weight.sum()
    square = (weight * x**2).sum()
    return float((weight * x * np.log(onset)).sum() / square), float(square**-0.5)
