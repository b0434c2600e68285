"""The master equation of independent traps on a grid, solved exactly for all times at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, ShapeError

Array = NDArray[np.float64]

_SAME = 1e-13  # relative distance of rates below which they are one
_WIDEST = 600.0  # of ln k: products of two rates and weights must stay within double precision
_HALVINGS = 70
_FARTHEST = 900.0  # ln of the smallest distance of an eigenvalue from a rate, in gaps


class Modes(NamedTuple):
    """Decay rates of the master operator and what they need.

    Attributes
    ----------
    rates, landing : (g,) float
        Distinct rates, ascending, and the probability to land on each.
    decay : (g − 1,) float
        s_m, without the 0 of the stationary state; between neighbouring rates.
    near : (g − 1,) int
        Index of the rate nearest to each.
    offset : (g − 1,) float
        s_m minus that rate, of full relative accuracy.
    norm : (g − 1,) float
        N_m = Σ ϱ k / (k − s_m)².
    """

    rates: Array
    landing: Array
    decay: Array
    near: NDArray[np.int64]
    offset: Array
    norm: Array

    def distances(self, rates: Array) -> Array:
        """Return k_i − s_m without cancellation, (n, g − 1)."""
        return (rates[:, None] - self.rates[self.near]) - self.offset


@dataclass(frozen=True, eq=False)
class MasterEquation:
    r"""Sites that leave state i with rate k_i and land on state j with probability ϱ_j, whatever i was.

    .. math:: \dot P_i = -k_i P_i + \varrho_i \sum_j k_j P_j

    A diagonal operator plus one of rank one: its decay rates s are the zeros of Σ ϱ_i / (k_i − s), one between each two
    neighbouring rates. They are found by their distance to the nearest rate, and every sum below has terms of one sign for a
    quench from any equilibrium, so nothing is lost however many decades the rates span.

    Parameters
    ----------
    rates : (n,) float, 1 / time
    landing : (n,) float
        ϱ_i > 0; sums to 1.

    Raises
    ------
    ShapeError
        If they do not pair up.
    ParameterError
        If a rate or probability is not positive and finite, or rates span more than 600 in ln k.

    Notes
    -----
    **Scale** time in units of 1 / `rates`. **Differs from** a time stepper: there is no step and no tolerance.
    **Invariant under** the order of states. **Cost** O(n²) per time, and 70 n² once for the decay rates.

    References
    ----------
    Ridout, Tah, Liu (2023), eq. 5; Golub, SIAM Rev. 15, 318 (1973) for the zeros.

    Examples
    --------
    >>> two = MasterEquation(np.array([1.0, 3.0]), np.array([0.5, 0.5]))
    >>> two.decay_rates.round(12).tolist(), two.equilibrium.tolist()
    ([2.0], [0.75, 0.25])
    >>> two.evolve([0.5, 0.5], [0.0, np.log(2) / 2])[:, 0].round(12).tolist()
    [0.5, 0.625]
    """

    rates: Array
    landing: Array

    def __post_init__(self) -> None:
        if self.rates.shape != self.landing.shape or self.rates.ndim != 1 or not self.rates.size:
            raise ShapeError(
                f"`rates` and `landing` need one entry per state; their shapes are {self.rates.shape} and "
                f"{self.landing.shape}."
            )
        for name, values in (("rates", self.rates), ("landing", self.landing)):
            if not (np.isfinite(values) & (values > 0)).all():
                raise ParameterError(
                    f"`{name}` must be positive and finite; the smallest is {np.min(values)}, the largest {np.max(values)}."
                )
        require_span(np.log(self.rates))

    @property
    def equilibrium(self) -> Array:
        """P_i ∝ ϱ_i / k_i, eq. 7."""
        weight = self.landing / self.rates
        return weight / weight.sum()

    @property
    def decay_rates(self) -> Array:
        """Of the modes that decay, ascending, (g − 1,) for g distinct rates."""
        return self._modes.decay

    def flux(self, probability: ArrayLike) -> Array:
        """Return dP/dt of a distribution, (n,)."""
        p = self._distribution("probability", probability)
        return self.landing * float(self.rates @ p) - self.rates * p

    def evolve(self, start: ArrayLike, times: ArrayLike) -> Array:
        """Return P_i(t) of sites that are distributed as `start` at time 0, (n_times, n).

        Parameters
        ----------
        start : (n,) array_like
            Not negative, of sum 1.
        times : (n_times,) array_like, time
            Not negative; of any spacing.

        Raises
        ------
        ShapeError, ParameterError
            If `start` is not a distribution over the states, or a time is negative or NaN.
        """
        first, t = self._distribution("start", start), _times(times)
        modes = self._modes
        amplitude = self._amplitudes(first)
        weight = first.sum() / (self.landing / self.rates).sum()
        out = np.empty((len(t), len(first)))
        distance = np.abs(modes.distances(self.rates))
        slower = np.minimum(self.rates[:, None], modes.decay)
        for row, now in zip(out, t, strict=True):
            gone = -np.expm1(-self.rates * now)
            landed = weight * gone / self.rates
            landed += _meet(distance, slower, now) @ amplitude
            row[:] = first * np.exp(-self.rates * now) + self.landing * landed
        return out

    def expect(self, values: ArrayLike, times: ArrayLike) -> Array:
        """Return the mean of a function of state at time t of sites that begin in state i, (n_times, n).

        Parameters
        ----------
        values : (n,) array_like
            Of the function in each state.
        times : (n_times,) array_like, time

        Raises
        ------
        ShapeError, ParameterError
            If there is not one value per state, or a time is negative or NaN.
        """
        f, t = np.asarray(values, float), _times(times)
        if f.shape != self.rates.shape:
            raise ShapeError(
                f"`values` needs one entry per state, {self.rates.shape}; it has shape {f.shape}."
            )
        modes, group = self._modes, self._group
        mean = np.bincount(group, self.landing * f) / modes.landing
        amplitude = self._project(mean)
        late = float(self.equilibrium @ f)
        distance, slower = np.abs(modes.distances(self.rates)), np.minimum(self.rates[:, None], modes.decay)
        out = np.empty((len(t), len(f)))
        for row, now in zip(out, t, strict=True):
            stay = np.exp(-self.rates * now)
            moved = self.rates * (_meet(distance, slower, now) @ amplitude)
            row[:] = f * stay - late * np.expm1(-self.rates * now) + moved
        return out

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        return np.argsort(self.rates, kind="stable")

    @cached_property
    def _group(self) -> NDArray[np.int64]:
        """Index of the distinct rate of each state, (n,)."""
        sorted_rates = self.rates[self._order]
        new = np.diff(sorted_rates, prepend=-1.0) > _SAME * sorted_rates
        group = np.empty(len(self.rates), np.int64)
        group[self._order] = np.cumsum(new) - 1
        return group

    @cached_property
    def _modes(self) -> Modes:
        group = self._group
        landing = np.bincount(group, self.landing).astype(np.float64)
        rates = np.bincount(group, self.landing * self.rates).astype(np.float64) / landing
        near, offset = _zeros(rates, landing)
        decay = rates[near] + offset
        modes = Modes(rates, landing, decay, near, offset, decay)
        distance = modes.distances(rates)
        return modes._replace(norm=(landing * rates) @ distance**-2)

    def _project(self, height: Array) -> Array:
        """Return Σ ϱ_g (h_g − h_near) / (k_g − s_m) / N_m: any constant may be taken off h, since Σ ϱ / (k − s) = 0."""
        modes = self._modes
        distance = modes.distances(modes.rates)
        rise = height[:, None] - height[modes.near]
        return np.asarray((modes.landing[:, None] * rise / distance).sum(axis=0) / modes.norm)

    def _amplitudes(self, start: Array) -> Array:
        """Return the part of each mode in the total rate Σ k P of sites that begin as `start`."""
        modes = self._modes
        return self._project(modes.rates * np.bincount(self._group, start) / modes.landing)

    def _distribution(self, name: str, values: ArrayLike) -> Array:
        p = np.asarray(values, float)
        if p.shape != self.rates.shape:
            raise ShapeError(
                f"`{name}` needs one entry per state, {self.rates.shape}; it has shape {p.shape}."
            )
        if not np.isfinite(p).all() or p.min() < 0 or abs(p.sum() - 1) > 1e-9:
            raise ParameterError(
                f"`{name}` must be probabilities of sum 1; their sum is {p.sum():.12g}, the smallest is {p.min():.3g}."
            )
        return p


def require_span(log_rates: Array) -> None:
    """Raise if products of rates would leave double precision.

    Raises
    ------
    ParameterError
        If ln k exceeds 600 in size, or spans more.
    """
    low, high = float(log_rates.min()), float(log_rates.max())
    if max(high - low, -low, high) > _WIDEST:
        raise ParameterError(
            f"ln k reaches from {low:.0f} to {high:.0f}, more than double precision carries. Use a higher temperature, a "
            "narrower distribution of softness, or another unit of time."
        )


def _times(times: ArrayLike) -> Array:
    t = np.atleast_1d(np.asarray(times, float))
    if t.ndim != 1 or not (t >= 0).all() or not np.isfinite(t).all():
        raise ParameterError(
            f"Times must be finite and not negative; they reach from {np.min(t)} to {np.max(t)}."
        )
    return t


def _meet(distance: Array, slower: Array, time: float) -> Array:
    """Return ∫_0^t exp(−k t') exp(−s (t − t')) dt' from |k − s| and the smaller of both."""
    width = -np.expm1(-distance * time)
    return np.exp(-slower * time) * np.divide(
        width, distance, out=np.full_like(width, time), where=distance > 0
    )


def _zeros(rates: Array, landing: Array) -> tuple[NDArray[np.int64], Array]:
    """Return, for each zero of Σ ϱ / (k − s) between neighbouring rates, the nearest rate and the distance to it."""
    gap = np.diff(rates)
    left = np.arange(len(gap))
    if not len(gap):
        return left, gap
    between = _secular(rates, landing, left, 0.5 * gap)
    near = np.where(between > 0, left, left + 1)
    side = np.where(between > 0, 1.0, -1.0)
    high = np.log(0.5 * gap)
    low = high - _FARTHEST
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        above = side * _secular(rates, landing, near, side * np.exp(middle)) > 0
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return near, side * np.exp(0.5 * (low + high))


def _secular(rates: Array, landing: Array, near: NDArray[np.int64], offset: Array) -> Array:
    """Return Σ ϱ_i / (k_i − s) at s = k_near + offset."""
    return np.asarray(landing @ (1.0 / ((rates[:, None] - rates[near]) - offset)))
