"""Ageing of the trap model: from equilibrium at one temperature, quenched to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from vitrify.theory._trap_model_words import labelled
from vitrify.theory.trap_model import TrapModel
from vitrify.units import LJ, Units

if TYPE_CHECKING:
    import xarray as xr


def age(
    model: TrapModel,
    initial_temperature: float,
    temperature: float,
    waiting_times: ArrayLike,
    *,
    n_points: int | None = None,
    units: Units = LJ,
) -> xr.Dataset:
    """Return how softness ages after a quench.

    Parameters
    ----------
    model : TrapModel
    initial_temperature : float, energy / k_B
        T_I, of the equilibrium that is quenched. Any, also below `temperature`.
    temperature : float, energy / k_B
        T_F.
    waiting_times : (n,) array_like, time
        Since the quench; of any spacing, over as many decades as wanted.
    n_points : int, optional
        Of the grid of softness; as `TrapModel.grid`.
    units : Units, default LJ

    Returns
    -------
    xarray.Dataset
        Dim waiting_time: softness_mean, softness_variance, rate_mean (rearrangements per site and time),
        energy_barrier_mean; dims waiting_time, softness: density P(S, t_w).

    Raises
    ------
    ParameterError
        If there is no equilibrium at a temperature, a time is negative, or rates span more than double precision carries.

    Notes
    -----
    The master equation is solved by its decay rates, not by steps: every waiting time is exact to rounding, and probability
    is conserved to 1e-12.
    **Scale** time by the rates. **Differs from** the simulated liquids of the paper, whose ⟨S⟩(t_w) of different T_F fall
    together; here a colder one ages more slowly. **Invariant under** the spacing of times.
    **Cost** O(grid²) per time: about 3 ms for 300 points.

    References
    ----------
    Ridout, Tah, Liu (2023), eq. 5 and Fig. 5.

    Examples
    --------
    >>> model = TrapModel((2.0, -1.2), 3.0, 0.9)
    >>> found = age(model, 0.9, 0.45, [10.0, 1e3, 1e12])
    >>> found["softness_mean"].values.round(3).tolist(), model.mean(0.45).round(3).item()
    ([-0.773, -1.321, -1.333], -1.333)
    """
    import xarray as xr

    softness, weight = model.grid(initial_temperature, temperature, n_points=n_points)
    master = model.master(temperature, softness, weight)
    times = np.atleast_1d(np.asarray(waiting_times, float))
    p = master.evolve(model.master(initial_temperature, softness, weight).equilibrium, times)
    mean = p @ softness
    spread = (p * (softness - mean[:, None]) ** 2).sum(axis=1)
    values = {
        "softness_mean": mean,
        "softness_variance": spread,
        "rate_mean": p @ master.rates,
        "energy_barrier_mean": p @ model.energy_barrier(softness),
    }
    found = xr.Dataset(
        {name: ("waiting_time", a) for name, a in values.items()},
        {"waiting_time": times, "softness": softness},
    )
    if len(softness) > 1:
        found["density"] = (("waiting_time", "softness"), p / (softness[1] - softness[0]))
    return labelled(found.assign_attrs(_attrs(model, initial_temperature, temperature)), units)


def two_time(
    model: TrapModel,
    initial_temperature: float,
    temperature: float,
    waiting_times: ArrayLike,
    lags: ArrayLike,
    *,
    units: Units = LJ,
) -> xr.Dataset:
    r"""Return correlations between t_w and t_w + t after a quench.

    .. math:: Q(t_w, t_w + t) = \int P(S, t_w)\, e^{-k(S, T_F) t}\, dS

    Parameters
    ----------
    model : TrapModel
    initial_temperature, temperature : float, energy / k_B
        T_I and T_F.
    waiting_times : (n,) array_like, time
    lags : (m,) array_like, time
    units : Units, default LJ

    Returns
    -------
    xarray.Dataset
        Dims waiting_time, lag: ``persistence``, of sites that do not rearrange between both times; ``chi4``, its
        susceptibility; ``softness_covariance`` ⟨S(t_w) S(t_w + t)⟩ − ⟨S(t_w)⟩⟨S(t_w + t)⟩.

    Raises
    ------
    ParameterError
        As `age`.

    Notes
    -----
    **Scale** persistence 1 and covariance Var S(t_w) at lag 0. **Differs from** each other: a site that has rearranged may
    have its old softness by chance, and the quick ones do so often, so the covariance is not Q times the variance.
    **Invariant under** t_w if T_I = T_F. **Cost** O(grid²) per time.

    References
    ----------
    Ridout, Tah, Liu (2023), eqs. 5 and 16; Monthus and Bouchaud, J. Phys. A 29, 3847 (1996) for two times.

    Examples
    --------
    >>> model = TrapModel((2.0, -1.2), 3.0, 0.9)
    >>> found = two_time(model, 1.0, 0.45, [0.0, 10.0, 1000.0], [10.0])
    >>> found["persistence"].values[:, 0].round(3).tolist()
    [0.219, 0.427, 0.595]
    """
    import xarray as xr

    softness, weight = model.grid(initial_temperature, temperature)
    master = model.master(temperature, softness, weight)
    waits, times = (np.atleast_1d(np.asarray(a, float)) for a in (waiting_times, lags))
    p = master.evolve(model.master(initial_temperature, softness, weight).equilibrium, waits)
    later = master.expect(softness - softness @ weight, times)
    apart = softness - (p @ softness)[:, None]
    stay = np.minimum(p @ np.exp(-np.outer(master.rates, times)), 1.0)
    both = ("waiting_time", "lag")
    found = xr.Dataset(
        {
            "persistence": (both, stay),
            "chi4": (both, model.particles_per_site * stay * (1 - stay)),
            "softness_covariance": (both, (p * apart) @ later.T),
        },
        {"waiting_time": waits, "lag": times},
    )
    return labelled(found.assign_attrs(_attrs(model, initial_temperature, temperature)), units)


def _attrs(model: TrapModel, initial_temperature: float, temperature: float) -> dict[str, object]:
    return {
        "model": str(model.to_dict()),
        "initial_temperature": float(initial_temperature),
        "temperature": float(temperature),
    }
