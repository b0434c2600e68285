"""Pair functions that are sums of Gaussians, and their tables with a bound on the error."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_AT_ONCE = 4096
_ROUNDING = 64 * np.finfo(float).eps
_NODES = 0.5 * np.cos(
    (2 * np.arange(4) + 1) * np.pi / 8
)  # of Chebyshev, where a cubic meets the pair function
_TO_COEFFICIENTS = np.linalg.inv(np.vander(_NODES, increasing=True))


class Gaussians(NamedTuple):
    """Terms of the pair functions: amplitude · exp[−(radius − R)² / 2 delta²] for neighbours of one species.

    Attributes
    ----------
    amplitude : (K,) float
        Weight over scale of the feature.
    radius, delta : (K,) float, length
    cutoff : (K,) float, length
        From which distance on the term does not count.
    species : (K,) int
        Of the neighbour.
    """

    amplitude: NDArray[np.float64]
    radius: NDArray[np.float64]
    delta: NDArray[np.float64]
    cutoff: NDArray[np.float64]
    species: NDArray[np.int64]

    def take(self, chosen: NDArray[np.bool_]) -> Gaussians:
        """Return some of the terms."""
        return Gaussians(
            self.amplitude[chosen],
            self.radius[chosen],
            self.delta[chosen],
            self.cutoff[chosen],
            self.species[chosen],
        )

    def sum(self, r: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum of the terms at distances (n,), none of them cut off."""
        return _in_parts(lambda x: np.exp(-0.5 * x * x) * self.amplitude, self, r)

    def slope(self, r: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the derivative of the sum at distances (n,)."""
        return _in_parts(lambda x: np.exp(-0.5 * x * x) * x * (self.amplitude / self.delta), self, r)

    def envelope(self, r: NDArray[np.float64], within: float = 0.0) -> NDArray[np.float64]:
        """Return the sum of the absolute terms at distances (n,), or a lower bound on it within a distance of them."""
        more = within / self.delta
        return _in_parts(lambda x: np.exp(-0.5 * (np.abs(x) + more) ** 2) * np.abs(self.amplitude), self, r)

    def tail(self, r: float) -> float:
        """Return a bound on the sum at and beyond a distance."""
        x = np.maximum(r - self.radius, 0.0) / self.delta
        return float(np.sum(np.exp(-0.5 * x * x) * np.abs(self.amplitude)))

    def fourth_derivative(self, r: NDArray[np.float64], within: float) -> NDArray[np.float64]:
        """Return a bound on the fourth derivative of the sum within a distance of distances (n,).

        Its value in the middle, from the Hermite polynomial He₄, and as much as a bound on the fifth derivative adds,
        from He₅ with all signs positive.
        """
        scaled, more = self.amplitude / self.delta**4, within / self.delta

        def fourth(x: NDArray[np.float64]) -> NDArray[np.float64]:
            return ((x * x - 6.0) * x * x + 3.0) * np.exp(-0.5 * x * x) * scaled

        def fifth(x: NDArray[np.float64]) -> NDArray[np.float64]:
            near, far = np.maximum(np.abs(x) - more, 0.0), np.abs(x) + more
            largest = ((far * far + 10.0) * far * far + 15.0) * far * np.exp(-0.5 * near * near)
            return largest * np.abs(scaled) * more

        return np.abs(_in_parts(fourth, self, r)) + _in_parts(fifth, self, r)


def _in_parts(
    term: Callable[[NDArray[np.float64]], NDArray[np.float64]], gaussians: Gaussians, r: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the sum over the terms at distances (n,); `term` takes (radius − R) / delta."""
    total = np.empty(len(r))
    for k in range(0, len(r), _AT_ONCE):
        part = r[k : k + _AT_ONCE]
        total[k : k + _AT_ONCE] = term((gaussians.radius - part[:, None]) / gaussians.delta).sum(axis=1)
    return total


class PairFunction(NamedTuple):
    """What neighbours of one species add to a softness.

    Attributes
    ----------
    terms : Gaussians
    reach : float, length
        Beyond it nothing counts; 0 if there are no terms.
    jumps : tuple of float, length
        Where terms end before that without having faded away.
    """

    terms: Gaussians
    reach: float
    jumps: tuple[float, ...]


class PairTable(NamedTuple):
    """Cubics on an even grid of distances, for all neighbour species; see `_compiled_kernels`.

    Attributes
    ----------
    reach : float, length
        Neighbours at this distance and beyond do not count.
    step : float, length
    rows : (n_species, n_rows * 4) float
    error : float
        Bound on the error of one pair function, in units of the larger of 1 and the sum of its absolute terms.
    truncation : float
        Bound on what one neighbour beyond the reach would have added.
    """

    reach: float
    step: float
    rows: NDArray[np.float64]
    error: float
    truncation: float


def groups_of(gaussians: Gaussians, tail: float) -> list[tuple[Gaussians, bool]]:
    """Return terms that can share a table: all that fade away before their cutoff, and those with each other cutoff."""
    cutoffs = np.unique(gaussians.cutoff)
    fades = np.zeros(len(gaussians.cutoff), bool)
    for cutoff in cutoffs:
        same = gaussians.cutoff == cutoff
        fades[same] = gaussians.take(same).tail(cutoff) * len(cutoffs) <= 0.1 * tail
    groups = [(gaussians.take(fades), True)]
    groups += [(gaussians.take(~fades & (gaussians.cutoff == cutoff)), False) for cutoff in cutoffs]
    return [(group, smooth) for group, smooth in groups if len(group.cutoff)]


def by_species(gaussians: Gaussians, species_names: tuple[str, ...]) -> list[Gaussians]:
    """Return the terms of each species of neighbour."""
    return [gaussians.take(gaussians.species == s) for s in range(len(species_names))]


def pair_function(terms: Gaussians, tail: float) -> PairFunction:
    """Return the function of the terms of one species."""
    groups = groups_of(terms, tail)
    reaches = [reach_of(group, tail, smooth) for group, smooth in groups]
    reach = max(reaches, default=0.0)
    ends = zip(groups, reaches, strict=True)
    return PairFunction(terms, reach, tuple(r for (_, smooth), r in ends if not smooth and r < reach))


def reach_of(group: Gaussians, tail: float, smooth: bool) -> float:
    """Return where terms that end together end; `smooth` ones do where they have faded below `tail`."""
    cutoff = float(group.cutoff.max())
    return min(cutoff, _faded(group, tail)) if smooth else cutoff


def tabulate(each: list[Gaussians], reach: float, truncation: float, error: float) -> PairTable:
    """Return the table of the terms of each species, which end together."""
    from vitrify.predictors._compiled_kernels import MAX_ROWS

    narrowest = min(float(g.delta.min()) for g in each if len(g.delta))
    half = narrowest / 128
    middles = np.arange(-narrowest, reach + 2 * narrowest, 2 * half)
    step, within = narrowest, half
    for _ in range(2):  # the first time a guess, then a bound on all that one step can reach
        largest = _largest_ratio(each, middles, within)
        step = min(max((3072 * error / largest) ** 0.25, reach / (MAX_ROWS - 4)), step)
        within = half + step
    grid = np.arange(int(reach / step) + 2) * np.float64(step)
    rows = np.zeros((len(each), len(grid) + 1, 4))
    for s, g in enumerate(each):
        at_nodes = g.sum((grid[:, None] + step * _NODES).ravel()).reshape(-1, 4)
        for power in range(4):
            rows[s, :-1, power] = (at_nodes * _TO_COEFFICIENTS[power]).sum(axis=1)
    found = largest * step**4 / 3072 + _ROUNDING
    return PairTable(reach, step, rows.reshape(len(each), -1), found, truncation)


def _largest_ratio(each: list[Gaussians], middles: NDArray[np.float64], within: float) -> float:
    """Return a bound on the fourth derivative over the larger of 1 and the sum of the absolute terms."""
    largest = 1e-300
    for g in each:
        terms = np.maximum(g.envelope(middles, within), 1.0)
        largest = max(largest, float((g.fourth_derivative(middles, within) / terms).max()))
    return largest


def _faded(group: Gaussians, tail: float) -> float:
    """Return the distance from which on the terms together are below `tail`."""
    low = float(group.radius.max())
    high = low + 40.0 * float(group.delta.max())
    while high - low > 1e-3 * group.delta.min():
        middle = 0.5 * (low + high)
        low, high = (low, middle) if group.tail(middle) <= tail else (middle, high)
    return high
