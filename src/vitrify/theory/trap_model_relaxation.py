"""Relaxation of the trap model in equilibrium: persistence, its fluctuations, relaxation times, fragility."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError
from vitrify.theory._trap_model_words import labelled
from vitrify.theory.trap_model import TrapModel
from vitrify.units import LJ, Units

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

E_FOLD = float(np.exp(-1))
HALF = 0.5
_STEPS = 100
_LONGEST_STEP, _SHORTEST_STEP, _FARTHEST = 0.1, 1e-3, 20.0  # of ln T, in the search of a temperature


def persistence(
    model: TrapModel, temperatures: ArrayLike, times: ArrayLike, *, units: Units = LJ
) -> xr.Dataset:
    r"""Return Q(t), the fraction of sites that have not rearranged since the first look, and χ4(t).

    .. math:: Q(t) = \int P_T(S)\, e^{-k(S, T)\, t}\, dS, \qquad \chi_4 = m\, (Q - Q^2)

    Parameters
    ----------
    model : TrapModel
    temperatures : (T,) array_like, energy / k_B
    times : (n,) array_like, time
    units : Units, default LJ

    Returns
    -------
    xarray.Dataset
        Dims temperature, time: persistence, chi4.

    Raises
    ------
    ParameterError
        If a time is negative or NaN, or there is no equilibrium at a temperature.

    Notes
    -----
    **Scale** 1 at t = 0; χ4 is at most m / 4, where Q = 1/2. **Differs from** the overlap of positions, which also falls by
    vibrations, and from the correlation of softness at two times, which returns to a value by chance.
    **Invariant under** the number of sites. **Cost** O(temperatures × times × grid).

    References
    ----------
    Ridout, Tah, Liu (2023), eqs. 14 to 19.

    Examples
    --------
    >>> alike = TrapModel((1.0,), 0.0, np.inf, softness_sd=0.0)
    >>> persistence(alike, 0.5, [0.0, np.exp(2.0)])["persistence"].values.round(4).tolist()
    [[1.0, 0.3679]]
    """
    import xarray as xr

    t, temperature = np.atleast_1d(np.asarray(times, float)), np.atleast_1d(np.asarray(temperatures, float))
    if not (t >= 0).all():
        raise ParameterError(f"`times` must not be negative; the smallest is {np.min(t)}.")
    q = np.empty((len(temperature), len(t)))
    for row, at in zip(q, temperature, strict=True):
        k, p = _rates_and_weights(model, float(at))
        row[:] = np.minimum(np.exp(-np.outer(t, k)) @ p, 1.0)
    both = ("temperature", "time")
    found = xr.Dataset(
        {"persistence": (both, q), "chi4": (both, model.particles_per_site * q * (1 - q))},
        {"temperature": temperature, "time": t},
        attrs={"model": str(model.to_dict())},
    )
    return labelled(found, units)


def time_of_level(model: TrapModel, temperature: float, level: float = E_FOLD) -> float:
    """Return when the persistence falls to a level, to rounding.

    Raises
    ------
    ParameterError
        If the level is not between 0 and 1, or there is no equilibrium.

    Examples
    --------
    >>> round(time_of_level(TrapModel((0.0,), 0.0, np.inf, softness_sd=0.0), 0.5, 0.5), 6)
    0.693147
    """
    if not 0 < level < 1:
        raise ParameterError(f"`level` must be between 0 and 1; it is {level}.")
    k, p = _rates_and_weights(model, temperature)
    target = -np.log(level)
    low, high = np.log(target / k.max()), np.log(target / k.min())
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if p @ np.exp(-k * np.exp(middle)) > level else (low, middle)
    return float(np.exp(0.5 * (low + high)))


def apparent_barrier(model: TrapModel, temperature: float, level: float = E_FOLD) -> float:
    r"""Return d ln τ / d(1/T), energy, of the time at which the persistence falls to a level.

    .. math:: \frac{d \ln \tau}{d\beta} = \frac{\langle e^{-k\tau} [\Delta E - \langle \Delta E \rangle + k \tau \Delta E]
        \rangle}{\langle e^{-k\tau} k \tau \rangle}

    follows from Q(τ, β) = level without a finite difference; above T0 > 0 it is ε_0.

    Examples
    --------
    >>> round(apparent_barrier(TrapModel((1.5,), 0.0, np.inf, softness_sd=0.0), 0.5), 9)
    1.5
    """
    softness, weight = model.grid(temperature)
    k, p = _on_grid(model, temperature, softness, weight)
    flat = temperature >= model.onset_temperature > 0
    barrier = np.full_like(k, model.coefficients[0]) if flat else model.energy_barrier(softness)
    x = k * time_of_level(model, temperature, level)
    still = p * np.exp(-x)
    return float(still @ (barrier - p @ barrier + x * barrier) / (still @ x))


def relaxation_times(model: TrapModel, temperatures: ArrayLike, *, units: Units = LJ) -> xr.Dataset:
    """Return the relaxation times of the persistence, each by its own definition.

    Parameters
    ----------
    model : TrapModel
    temperatures : (T,) array_like, energy / k_B
    units : Units, default LJ

    Returns
    -------
    xarray.Dataset
        Dim temperature: tau_q (1/e), tau_half (1/2), tau_chi (of the largest χ4; the same as tau_half, eq. 18), tau_mean
        (time integral, ⟨1/k⟩; may be infinite), rate_at_mean k(⟨S⟩), and apparent_barrier d ln tau_q / d(1/T).

    Raises
    ------
    ParameterError
        If there is no equilibrium at a temperature.

    Notes
    -----
    **Scale** tau_q / tau_half is 1 / ln 2 = 1.4427 for sites that are all alike and grows with γ σ.
    **Differs from** 1 / k(⟨S⟩) by the factors of eqs. 20 and 21. **Invariant under** particles_per_site.
    **Cost** 100 sums over the grid per time.

    References
    ----------
    Ridout, Tah, Liu (2023), eqs. 16 to 22 and Fig. S4.

    Examples
    --------
    >>> found = relaxation_times(TrapModel((0.0, -1.0), 0.0, np.inf), [1.0])
    >>> (found["tau_q"] / found["tau_half"]).values.round(3).tolist()
    [1.658]
    """
    found = model.equilibrium(temperatures, units=units)[["tau_mean", "rate_at_mean"]]
    t = found["temperature"].values.tolist()
    found["tau_q"] = ("temperature", [time_of_level(model, x) for x in t])
    found["tau_half"] = ("temperature", [time_of_level(model, x, HALF) for x in t])
    found["tau_chi"] = found["tau_half"]
    found["apparent_barrier"] = ("temperature", [apparent_barrier(model, x) for x in t])
    return labelled(found, units)


def fragility(model: TrapModel, glass_temperature: float, level: float = E_FOLD) -> float:
    """Return m = d ln τ / d(T_g / T) at T_g; eq. 22.

    Notes
    -----
    **Scale** natural logarithm, as in the paper; divide by 2.3026 for the usual index in powers of ten.
    **Differs from** Angell's index by that factor. **Invariant under** the unit of time. **Cost** as `time_of_level`.

    References
    ----------
    Ridout, Tah, Liu (2023), eq. 22; Böhmer and Angell, Phys. Rev. B 45, 10091 (1992).

    Examples
    --------
    >>> round(fragility(TrapModel((2.0,), 0.0, np.inf, softness_sd=0.0), 0.1), 6)
    20.0
    """
    return apparent_barrier(model, glass_temperature, level) / glass_temperature


def glass_temperature(model: TrapModel, time: float, level: float = E_FOLD) -> float:
    """Return the temperature at which the persistence takes so long to fall to a level.

    Raises
    ------
    ParameterError
        If no temperature at which the model has an equilibrium is so slow.

    Examples
    --------
    >>> slow = TrapModel((1.0,), 0.0, np.inf, softness_sd=0.0)
    >>> round(glass_temperature(slow, float(np.exp(4.0))), 6)
    0.25
    """

    def log_time(log_t: float) -> float:
        return float(np.log(time_of_level(model, float(np.exp(log_t)), level)))

    target = float(np.log(time))
    low = high = float(np.log(model.onset_temperature if 0 < model.onset_temperature < np.inf else 1.0))
    step = _LONGEST_STEP
    while step > _SHORTEST_STEP and abs(low) < _FARTHEST and abs(high) < _FARTHEST:
        try:
            if log_time(high) > target:
                low, high = high, high + step
            elif log_time(low - step) < target:
                low -= step
            else:
                low -= step
                break
        except ParameterError:
            step /= 2
    else:
        raise ParameterError(
            f"The trap model reaches a relaxation time of {time:g} at no temperature at which it has an equilibrium. Ask for a "
            "shorter `time`."
        )
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if log_time(middle) > target else (low, middle)
    return float(np.exp(0.5 * (low + high)))


def matched(model: TrapModel, temperature: float, time: float, level: float = E_FOLD) -> TrapModel:
    """Return the model with all rates times one factor, so that it relaxes in a given time at one temperature.

    Rearrangements that an indicator sees need not be those that decorrelate positions; the paper fixes their ratio once, at
    one high temperature, for all temperatures.

    Examples
    --------
    >>> model = matched(TrapModel((1.0, -1.0), 0.0, 1.0), 1.0, 100.0)
    >>> round(time_of_level(model, 1.0), 6)
    100.0
    """
    if not time > 0:
        raise ParameterError(f"`time` must be positive; it is {time}.")
    shift = float(np.log(time_of_level(model, temperature, level) / time))
    return replace(model, log_prefactor=model.log_prefactor + shift)


def _rates_and_weights(model: TrapModel, temperature: float) -> tuple[Array, Array]:
    return _on_grid(model, temperature, *model.grid(temperature))


def _on_grid(model: TrapModel, temperature: float, softness: Array, weight: Array) -> tuple[Array, Array]:
    """Return rates and equilibrium probabilities."""
    master = model.master(temperature, softness, weight)
    return master.rates, master.equilibrium
