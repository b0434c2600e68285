"""The trap model of softness: sites that rearrange at the rate of their softness and then forget it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError
from vitrify.theory._trap_model_master import MasterEquation, require_span
from vitrify.theory._trap_model_words import labelled
from vitrify.units import LJ, Units

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

_REACH = 9.0  # standard deviations on each side of the grid
_PER_WIDTH = (
    4.0  # grid points per standard deviation, and per e-fold of the rate: rounding then is all that is left
)
_FEWEST_POINTS, _MOST_POINTS = 257, 200_000


@dataclass(frozen=True)
class TrapModel:
    r"""Independent sites, each with a softness S that it keeps until it rearranges and then draws anew from ϱ.

    .. math::
        k(S, T) = e^{\Sigma(S) - \Delta E(S) / T}, \quad
        \Delta E = \epsilon_0 + \epsilon_1 S + \epsilon_2 S^2, \quad
        \Sigma = \Sigma_0 + \frac{\epsilon_1 S + \epsilon_2 S^2}{T_0}

    .. math:: \dot P(S) = -k(S, T) P(S) + \varrho(S) \int k(S', T) P(S') dS'

    ϱ is a Gaussian of mean S0 and standard deviation σ0. Above T0 > 0 all sites have the rate exp(Σ0 − ε0 / T).

    Parameters
    ----------
    barrier : tuple of float, energy
        ε_0, ε_1, ε_2, ascending; those left out are 0. A barrier that falls with softness has ε_1 < 0.
    log_prefactor : float
        Σ_0: natural logarithm of a rate in 1 / time. From probabilities per frame subtract ln of the frame interval.
    onset_temperature : float, energy / k_B
        T0; negative or infinite is allowed.
    softness_mean : float, default 0
        S0, of ϱ.
    softness_sd : float, default 1
        σ0, of ϱ; 0 for sites that are all alike.
    particles_per_site : int, default 1
        m: particles that move together. Only χ4 knows it.

    Raises
    ------
    ParameterError
        If a number is not finite, T0 is 0, σ0 is negative, or there are not one to three barrier coefficients.

    Notes
    -----
    **Scale** S → a S + c changes ε, Σ_0, S0 and σ0, but neither T0 nor any time. Energies in units of k_B times the unit of
    temperature.
    **Differs from** the printed eq. 9, whose signs of ε_1 / T0 and ε_2 / T0 are opposite: then softness would still matter
    at T0, and eqs. 10 to 13 would not follow. Differs from eqs. 12 and 13 for T0 ≤ 0, where "T < T0" never holds: here their
    first line then holds at all T. `ArrheniusFit.e1` is −ε_1.
    **Invariant under** the number of sites. **Cost** closed forms, or sums over a grid of a few hundred softnesses.

    References
    ----------
    Ridout, Tah, Liu (2023), eqs. 4 to 13.

    Examples
    --------
    >>> model = TrapModel((2.0, -1.2, 0.05), 3.0, 0.9, softness_mean=0.3, softness_sd=0.9)
    >>> model.mean([0.9, 0.7]).round(4).tolist(), model.variance(0.7).round(4).item()
    ([0.3, -0.0088], 0.8314)
    >>> model.rate([-1.0, 1.0], 0.9).round(4).tolist(), model.rate([-1.0, 1.0], 0.5).round(4).tolist()
    ([2.1766, 2.1766], [0.1211, 1.0225])
    """

    name: ClassVar[str] = "trap_model"
    barrier: tuple[float, ...]
    log_prefactor: float
    onset_temperature: float
    softness_mean: float = 0.0
    softness_sd: float = 1.0
    particles_per_site: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "barrier", tuple(float(e) for e in self.barrier))
        for name in ("log_prefactor", "onset_temperature", "softness_mean", "softness_sd"):
            object.__setattr__(self, name, float(getattr(self, name)))
        if not 1 <= len(self.barrier) <= 3:
            raise ParameterError(
                f"`barrier` needs one to three coefficients ε_0, ε_1, ε_2; it has {len(self.barrier)}."
            )
        numbers = (*self.barrier, self.log_prefactor, self.softness_mean, self.softness_sd)
        if not np.isfinite(numbers).all() or np.isnan(self.onset_temperature):
            raise ParameterError(f"The parameters of a trap model must be numbers; they are {asdict(self)}.")
        if self.onset_temperature == 0:
            raise ParameterError("`onset_temperature` must not be 0; use inf where the prefactor is flat.")
        if self.softness_sd < 0 or self.particles_per_site < 1:
            raise ParameterError(
                f"`softness_sd` must not be negative and `particles_per_site` must be at least 1; they are "
                f"{self.softness_sd}, {self.particles_per_site}."
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the name and the parameters."""
        return {"name": self.name, **asdict(self)}

    @property
    def coefficients(self) -> tuple[float, float, float]:
        """ε_0, ε_1, ε_2, energy."""
        e0, e1, e2 = (*self.barrier, 0.0, 0.0)[:3]
        return e0, e1, e2

    def gamma(self, temperature: ArrayLike) -> Array:
        """Return γ(T) = ε_1 (1/T0 − 1/T), 0 above T0 > 0; eq. 12."""
        return -self.coefficients[1] * self._beyond_onset(temperature)

    def delta(self, temperature: ArrayLike) -> Array:
        """Return δ(T) = ε_2 (1/T − 1/T0), 0 above T0 > 0; eq. 13."""
        return self.coefficients[2] * self._beyond_onset(temperature)

    def energy_barrier(self, softness: ArrayLike) -> Array:
        """Return ΔE(S), eq. 8."""
        return np.asarray(np.polynomial.polynomial.polyval(np.asarray(softness, float), self.coefficients))

    def log_rate(self, softness: ArrayLike, temperature: ArrayLike) -> Array:
        """Return ln k(S, T) = Σ_0 − ε_0 / T + γ S − δ S², of the broadcast shape."""
        s, t = np.asarray(softness, float), _positive(temperature)
        alone = self.log_prefactor - self.coefficients[0] / t
        return np.asarray(alone + self.gamma(t) * s - self.delta(t) * s**2)

    def rate(self, softness: ArrayLike, temperature: ArrayLike) -> Array:
        """Return k(S, T), 1 / time; eq. 4."""
        return np.exp(self.log_rate(softness, temperature))

    def mean(self, temperature: ArrayLike) -> Array:
        """Return ⟨S⟩ = (S0 − γ σ0²) / (1 − 2 δ σ0²) in equilibrium; eq. 10."""
        return np.asarray(
            (self.softness_mean - self.gamma(temperature) * self.softness_sd**2)
            / self._stiffness(temperature)
        )

    def variance(self, temperature: ArrayLike) -> Array:
        """Return Var S = σ0² / (1 − 2 δ σ0²) in equilibrium; eq. 11."""
        return np.asarray(self.softness_sd**2 / self._stiffness(temperature))

    def inverse_rate(self, temperature: ArrayLike, power: int = 1) -> Array:
        r"""Return ∫ ϱ k^−n dS, time^n, in closed form; infinite where the integral diverges.

        In equilibrium the mean rate is 1 / `inverse_rate`(T), and the mean persistence time ⟨1/k⟩ is
        `inverse_rate`(T, 2) / `inverse_rate`(T).

        Examples
        --------
        >>> TrapModel((1.0,), 0.0, np.inf).inverse_rate(0.5).round(4).item()
        7.3891
        """
        t, n = _positive(temperature), float(power)
        slope, curve, s0, variance = (
            n * self.gamma(t),
            n * self.delta(t),
            self.softness_mean,
            self.softness_sd**2,
        )
        stiff = 1 - 2 * curve * variance
        held = np.where(stiff > 0, stiff, 1.0)
        exponent = (curve * s0**2 - slope * s0 + 0.5 * slope**2 * variance) / held
        alone = n * (self.coefficients[0] / t - self.log_prefactor)
        return np.where(stiff > 0, np.exp(alone + exponent) / np.sqrt(held), np.inf)

    def landing_density(self, softness: ArrayLike) -> Array:
        """Return ϱ(S), of the sites that have just rearranged and, in equilibrium, of those about to; eq. 6."""
        return _gaussian(np.asarray(softness, float), self.softness_mean, self._width())

    def density(self, softness: ArrayLike, temperature: float) -> Array:
        """Return P_T(S) ∝ ϱ(S) / k(S, T), a Gaussian; eq. 7."""
        self._width()
        return _gaussian(
            np.asarray(softness, float),
            float(self.mean(temperature)),
            float(np.sqrt(self.variance(temperature))),
        )

    def grid(self, *temperatures: float, n_points: int | None = None) -> tuple[Array, Array]:
        """Return softnesses and the weights of ϱ on them, fine and wide enough for equilibrium at all temperatures.

        Parameters
        ----------
        *temperatures : float
            Nine standard deviations of ϱ and of every equilibrium are covered.
        n_points : int, optional
            By default four per standard deviation and per e-fold of the rate: the sums are then exact to rounding.

        Returns
        -------
        softness : (n,) float
            Evenly spaced; a single one if σ0 = 0.
        weight : (n,) float
            Of sum 1.

        Raises
        ------
        ParameterError
            If there is no equilibrium at a temperature, or so nearly none that more than 200,000 points would be needed.
        """
        if self.softness_sd == 0:
            return np.array([float(self.softness_mean)]), np.ones(1)
        t = np.array(temperatures, float)
        mean = np.append(self.mean(t), self.softness_mean)
        sd = np.sqrt(np.append(self.variance(t), self.softness_sd**2))
        low, high = (mean - _REACH * sd).min(), (mean + _REACH * sd).max()
        if n_points is None:
            ends = np.array([low, high])[:, None]
            steepest = np.abs(self.gamma(t) - 2 * self.delta(t) * ends).max(initial=0.0)
            needed = (high - low) * _PER_WIDTH * max(1 / sd.min(), steepest)
            if needed > _MOST_POINTS:
                raise ParameterError(
                    f"The sums of the trap model need {needed:.1e} softnesses between {low:.3g} and {high:.3g}: it has almost no "
                    f"equilibrium at one of T = {t.tolist()}. Use higher temperatures, or give `n_points`."
                )
            n_points = max(_FEWEST_POINTS, int(np.ceil(needed)) + 1)
        softness = np.linspace(low, high, n_points)
        weight = np.exp(-0.5 * ((softness - self.softness_mean) / self.softness_sd) ** 2)
        return softness, weight / weight.sum()

    def master(self, temperature: float, softness: Array, weight: Array) -> MasterEquation:
        """Return the master equation, eq. 5, at a temperature on the grid of `grid`."""
        log_rates = self.log_rate(softness, temperature)
        require_span(log_rates)
        return MasterEquation(np.exp(log_rates), weight)

    def equilibrium(self, temperatures: ArrayLike, *, units: Units = LJ) -> xr.Dataset:
        """Return what holds in equilibrium, in closed form.

        Parameters
        ----------
        temperatures : (n,) array_like, energy / k_B
        units : Units, default LJ

        Returns
        -------
        xarray.Dataset
            Dim temperature: softness_mean, softness_variance, gamma, delta, rate_mean, rate_at_mean, energy_barrier_mean,
            tau_mean.

        Raises
        ------
        ParameterError
            If there is no equilibrium at a temperature, or it is not positive.

        Examples
        --------
        >>> found = TrapModel((2.0, -1.2), 3.0, 0.9).equilibrium([0.45, 0.9])
        >>> found["softness_mean"].values.round(3).tolist()
        [-1.333, 0.0]
        """
        import xarray as xr

        t = np.atleast_1d(_positive(temperatures))
        mean, variance, inverse = self.mean(t), self.variance(t), self.inverse_rate(t)
        values = {
            "softness_mean": mean,
            "softness_variance": variance,
            "gamma": self.gamma(t),
            "delta": self.delta(t),
            "rate_mean": 1 / inverse,
            "rate_at_mean": self.rate(mean, t),
            "energy_barrier_mean": self.energy_barrier(mean) + self.coefficients[2] * variance,
            "tau_mean": self.inverse_rate(t, 2) / inverse,
        }
        found = xr.Dataset(
            {name: ("temperature", a) for name, a in values.items()}, {"temperature": t}, attrs=self._attrs()
        )
        return labelled(found, units)

    def distribution(
        self, temperature: float, softness: ArrayLike | None = None, *, units: Units = LJ
    ) -> xr.Dataset:
        """Return P(S), P(S|R) = ϱ and k(S) in equilibrium.

        Parameters
        ----------
        temperature : float, energy / k_B
        softness : (n,) array_like, optional
            Where; `grid` by default.
        units : Units, default LJ

        Returns
        -------
        xarray.Dataset
            Dim softness: density, density_rearranging, rate.

        Examples
        --------
        >>> found = TrapModel((2.0, -1.2), 3.0, 0.9).distribution(0.45, [-2.0, 0.0])
        >>> found["density"].values.round(3).tolist(), found["density_rearranging"].values.round(3).tolist()
        ([0.319, 0.164], [0.054, 0.399])
        """
        import xarray as xr

        s = self.grid(temperature)[0] if softness is None else np.asarray(softness, float)
        found = xr.Dataset(
            {
                "density": ("softness", self.density(s, temperature)),
                "density_rearranging": ("softness", self.landing_density(s)),
                "rate": ("softness", self.rate(s, temperature)),
            },
            {"softness": s},
            attrs={**self._attrs(), "temperature": float(temperature)},
        )
        return labelled(found, units)

    def rate_distribution(self, temperature: float, log_rates: ArrayLike, *, units: Units = LJ) -> xr.Dataset:
        """Return how ln k is distributed over the sites in equilibrium, in closed form.

        Parameters
        ----------
        temperature : float, energy / k_B
        log_rates : (n,) array_like
            Values of ln k.
        units : Units, default LJ

        Returns
        -------
        xarray.Dataset
            Dim log_rate: ``cumulative``, the fraction of slower sites, and ``density_log_rate``. With ε_2 ≠ 0 the density
            has an integrable edge at the largest or smallest rate.

        Raises
        ------
        ParameterError
            If all sites have the same rate: T is above T0, or σ0 or ε_1 and ε_2 are 0.

        Examples
        --------
        >>> model = TrapModel((2.0, -1.2), 3.0, 0.9)
        >>> found = model.rate_distribution(0.45, model.log_rate(model.mean(0.45), 0.45) + np.array([-1.0, 0.0]))
        >>> found["cumulative"].values.round(3).tolist()
        [0.227, 0.5]
        """
        import xarray as xr
        from scipy.special import ndtr

        y = np.asarray(log_rates, float)
        slope, curve = float(self.gamma(temperature)), float(self.delta(temperature))
        if self.softness_sd == 0 or (slope == 0 and curve == 0):
            raise ParameterError(
                f"All sites have the rate exp({float(self.log_rate(self.softness_mean, temperature)):.6g}) at T = "
                f"{temperature:g}: their distribution has no density."
            )
        roots, turned = _roots(float(self.log_rate(0.0, temperature)) - y, slope, -curve)
        mean, sd = float(self.mean(temperature)), float(np.sqrt(self.variance(temperature)))
        below = ndtr((roots - mean) / sd)
        steepness = np.abs(slope - 2 * curve * roots)
        with np.errstate(divide="ignore"):
            density = np.nansum(_gaussian(roots, mean, sd) / steepness, axis=0)
        inside = below[1] - below[0] if curve else (below[0] if slope > 0 else 1 - below[0])
        cumulative = np.where(turned, 0.0 if curve < 0 else 1.0, 1 - inside if curve > 0 else inside)
        found = xr.Dataset(
            {"cumulative": ("log_rate", cumulative), "density_log_rate": ("log_rate", density)},
            {"log_rate": y},
            attrs={**self._attrs(), "temperature": float(temperature)},
        )
        return labelled(found, units)

    def _beyond_onset(self, temperature: ArrayLike) -> Array:
        """Return 1/T − 1/T0; 0 above T0 > 0."""
        past = 1 / _positive(temperature) - 1 / self.onset_temperature
        return np.maximum(past, 0.0) if self.onset_temperature > 0 else past

    def _stiffness(self, temperature: ArrayLike) -> Array:
        stiff = np.asarray(1 - 2 * self.delta(temperature) * self.softness_sd**2)
        if not (stiff > 0).all():
            worst = float(np.asarray(temperature, float).flat[int(np.argmin(stiff))])
            raise ParameterError(
                f"The trap model has no equilibrium at T = {worst:g}: 1 − 2 δ σ0² is {stiff.min():.3g}, so that ϱ / k cannot be "
                "normalized. Use a higher temperature or a smaller ε_2."
            )
        return stiff

    def _width(self) -> float:
        if self.softness_sd == 0:
            raise ParameterError("With `softness_sd` = 0 all sites have one softness: there is no density.")
        return self.softness_sd

    def _attrs(self) -> dict[str, Any]:
        return {"model": str(self.to_dict())}


def _positive(temperature: ArrayLike) -> Array:
    t = np.asarray(temperature, float)
    if not (t > 0).all():
        raise ParameterError(f"`temperature` must be positive; it is {np.min(t)}.")
    return t


def _gaussian(x: Array, mean: float, sd: float) -> Array:
    return np.exp(-0.5 * ((x - mean) / sd) ** 2) / (np.sqrt(2 * np.pi) * sd)


def _roots(constant: Array, slope: float, square: float) -> tuple[Array, NDArray[np.bool_]]:
    """Return the ascending real roots S of constant + slope S + square S² = 0, (2, n) with NaN, and where there are none."""
    if square == 0:
        return np.stack([-constant / slope, np.full_like(constant, np.nan)]), np.zeros(constant.shape, bool)
    discriminant = slope**2 - 4 * square * constant
    turned = discriminant < 0
    root = np.sqrt(np.where(turned, np.nan, discriminant))
    pair = np.stack([(-slope - root) / (2 * square), (-slope + root) / (2 * square)])
    return np.sort(pair, axis=0), turned
