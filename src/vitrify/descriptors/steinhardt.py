"""Steinhardt's bond-orientational order within a sharp cutoff: q_l, w_l and their averages by Lechner and Dellago."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import factorial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.descriptors.base import Descriptor, as_particles, positive_length
from vitrify.descriptors.bond_order import _recurrence
from vitrify.errors import ParameterError
from vitrify.particles.frame import Frame
from vitrify.particles.neighbors import cell_list
from vitrify.units import LJ, Units

SMALLEST_ORDER = 1e-8
"""q_l below which w_l is taken as 0: by symmetry nothing is left of q_lm but rounding."""


@dataclass(frozen=True)
class Steinhardt(Descriptor):
    r"""Bond-orientational order of all neighbours within a cutoff, of second and third order.

    .. math::

        q_{lm}(i) = \frac{1}{N_i} \sum_{j:\, R_{ij} < r_c} Y_{lm}(\hat{\mathbf{R}}_{ij}), \qquad
        q_l = \Big[ \frac{4\pi}{2l+1} \sum_m |q_{lm}|^2 \Big]^{1/2}

        w_l = \Big[ \sum_m |q_{lm}|^2 \Big]^{-3/2} \sum_{m_1 + m_2 + m_3 = 0}
        \begin{pmatrix} l & l & l \\ m_1 & m_2 & m_3 \end{pmatrix} q_{lm_1} q_{lm_2} q_{lm_3}

    With `averaged` they follow from the mean over the particle and its neighbours,

    .. math::

        \bar q_{lm}(i) = \frac{1}{N_i + 1} \Big[ q_{lm}(i) + \sum_{j:\, R_{ij} < r_c} q_{lm}(j) \Big].

    Parameters
    ----------
    degrees : tuple of int, default (4, 6)
        l, ascending, at least 1. For odd l there is no w_l, which is 0.
    cutoff : float, length, default 1.4
        r_c.
    averaged : bool, default False

    Raises
    ------
    ParameterError
        If degrees do not ascend or are no integers of at least 1, or the cutoff is not a positive length.

    Notes
    -----
    **Scale**: q_l between 0 and 1. fcc, hcp and bcc (14 neighbours) have q_6 = 0.575, 0.485, 0.511 and w_4 = −0.159, 0.134,
    0.159; an icosahedron has w_6 = −0.170. Without neighbours, and w_l where q_l is below 1e-8, they are 0.
    **Differs from**: `BondOrder`, whose shells are soft; w_l without the denominator, by which Steinhardt's W and ŵ differ;
    means of q_l, which do not cancel where neighbours are turned against each other; sums over Voronoi faces. All species
    count alike. In two dimensions the particles lie in the plane z = 0.
    **Invariant under**: translations, rotations and reflections, relabelling, exchange of species, any choice of periodic
    images; a step, so a particle at the very cutoff may change side by rounding.
    **Cost**: linear in particles; for each the neighbours times l², and about 3 l² terms for w_l. Memory of l² numbers a
    particle.

    References
    ----------
    Steinhardt, Nelson, Ronchetti, Phys. Rev. B 28, 784 (1983), eqs. 1.3 to 1.5.
    Lechner, Dellago, J. Chem. Phys. 129, 114707 (2008), eqs. 5 to 7.

    Examples
    --------
    Six neighbours along the axes, as in the simple cubic lattice: q_4 = (7/12)^½, w_4 = 0.159.

    >>> from vitrify.particles import Box
    >>> ends = [[0.0] * 3, [1.0, 0, 0], [-1.0, 0, 0], [0, 1.0, 0], [0, -1.0, 0], [0, 0, 1.0], [0, 0, -1.0]]
    >>> frame = Frame(ends, [0] * 7, Box.orthorhombic([9.0] * 3))
    >>> Steinhardt(degrees=(4,), cutoff=1.2).evaluate(frame, [0]).round(4).tolist()
    [[0.7638, 0.1593]]
    """

    name: ClassVar[str] = "steinhardt"
    lengths: ClassVar[tuple[str, ...]] = ("cutoff",)
    degrees: tuple[int, ...] = (4, 6)
    cutoff: float = 1.4
    averaged: bool = False

    def __post_init__(self) -> None:
        degrees = tuple(self.degrees)
        whole = all(np.isfinite(d) and d == int(d) and d >= 1 for d in degrees)
        if not degrees or not whole or any(b <= a for a, b in pairwise(degrees)):
            raise ParameterError(
                f"`degrees` must be integers of at least 1 that ascend, one or more; got {degrees}."
            )
        object.__setattr__(self, "degrees", tuple(int(d) for d in degrees))
        object.__setattr__(self, "cutoff", positive_length("cutoff", self.cutoff))
        object.__setattr__(self, "averaged", bool(self.averaged))

    @property
    def reach(self) -> float:
        """Distance beyond which nothing counts, length: averages see the neighbours of neighbours."""
        return (2 if self.averaged else 1) * self.cutoff

    @property
    def _even(self) -> tuple[int, ...]:
        return tuple(d for d in self.degrees if d % 2 == 0)

    def feature_names(self, species_names: tuple[str, ...]) -> tuple[str, ...]:
        """Return ``q_l(R<cutoff)`` of all degrees, then ``w_l(R<cutoff)`` of the even ones; averages are ``qbar``, ``wbar``.

        Examples
        --------
        >>> Steinhardt(degrees=(3, 4), averaged=True).feature_names(("A", "B"))
        ('qbar_3(R<1.4)', 'qbar_4(R<1.4)', 'wbar_4(R<1.4)')
        """
        del species_names
        bar, within = "bar" if self.averaged else "", f"(R<{self.cutoff:.10g})"
        second = (f"q{bar}_{d}{within}" for d in self.degrees)
        return (*second, *(f"w{bar}_{d}{within}" for d in self._even))

    def attributes(self, units: Units = LJ) -> dict[str, str]:
        """Return units, symbol, long_name and definition of the features."""
        mean = "; q_lm averaged over the particle and its neighbours" if self.averaged else ""
        return {
            "units": "1",
            "symbol": "q_l, w_l",
            "long_name": "bond-orientational order" + (", locally averaged" if self.averaged else ""),
            "definition": "q_l = sqrt(4 pi/(2l+1) sum_m |q_lm|^2), w_l = sum (lll; m1 m2 m3) q_lm1 q_lm2 q_lm3 / "
            f"(sum_m |q_lm|^2)^(3/2), q_lm = mean of Y_lm(R_ij) over R_ij < {self.cutoff:g} {units.length}, all species{mean}",
        }

    def evaluate(self, frame: Frame, particles: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return q_l of all degrees and w_l of the even ones, (n, degrees + even degrees)."""
        from vitrify.descriptors import _steinhardt_kernels

        chosen = as_particles(frame, particles)
        degrees = np.array(self.degrees)
        starts = np.concatenate([[0], np.cumsum(degrees + 1)])
        out = np.empty((len(chosen), len(degrees) + len(self._even)))
        if not len(chosen):
            return out
        columns = np.full(len(degrees), -1)
        columns[degrees % 2 == 0] = len(degrees) + np.arange(len(self._even))
        rows = [_third_order_terms(d) if d % 2 == 0 else _NO_TERMS for d in self.degrees]
        ends = np.concatenate([[0], np.cumsum([len(factors) for _, factors in rows])])
        terms, factors = (np.concatenate(parts) for parts in zip(*rows, strict=True))
        values = self._moments(frame, chosen, starts)
        _steinhardt_kernels.invariants(
            values, starts, degrees, columns, ends, terms, factors, SMALLEST_ORDER, out
        )
        return out

    def _moments(
        self, frame: Frame, chosen: NDArray[np.int64], starts: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Return q_lm, or their averages, in Racah's norm, times √2 for m > 0: (n, rows, 2), degree by degree, m = 0 … l."""
        from vitrify.descriptors import _averaging_kernels, _steinhardt_kernels

        cells: Any = cell_list(frame, self.cutoff)
        wanted = np.full(self.degrees[-1] + 1, -1)
        wanted[list(self.degrees)] = starts[:-1]
        centres = cells.rank[chosen]
        needed = centres
        if self.averaged:
            marked = np.zeros(frame.n_particles, bool)
            marked[centres] = True
            if not marked.all():
                _averaging_kernels.mark_neighbours(cells, np.flatnonzero(marked), marked)
            needed = np.flatnonzero(marked)
        values = np.empty((len(needed), starts[-1], 2))
        _steinhardt_kernels.moments(cells, needed, wanted, _recurrence(self.degrees[-1]), values)
        if not self.averaged:
            return values
        place = np.empty(frame.n_particles, np.int64)
        place[needed] = np.arange(len(needed))
        means = np.empty((len(centres), starts[-1], 2))
        _steinhardt_kernels.averages(cells, centres, place, values, means)
        return means


_NO_TERMS = (np.empty((0, 2), np.int64), np.empty(0))


@cache
def _third_order_terms(degree: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return all (m1, m2) and Wigner's 3j symbol of (l l l; m1 m2 -m1-m2), by Racah's formula in whole numbers."""
    span = range(-degree, degree + 1)
    terms = [(a, b) for a in span for b in span if abs(a + b) <= degree]
    return np.array(terms), np.array([_three_j(degree, a, b) for a, b in terms])


def _three_j(degree: int, a: int, b: int) -> float:
    """Wigner's 3j symbol of (l l l; a b -a-b)."""
    c, total, common = -a - b, 0, factorial(3 * degree)  # a multiple of what every term is divided by
    for t in range(max(0, -a, b), min(degree, degree - a, degree + b) + 1):
        below = (
            factorial(t)
            * factorial(t + a)
            * factorial(t - b)
            * factorial(degree - t)
            * factorial(degree - a - t)
            * factorial(degree + b - t)
        )
        total += (-1) ** t * (common // below)
    root = factorial(degree) ** 3
    for m in (a, b, c):
        root *= factorial(degree + m) * factorial(degree - m)
    return float((-1) ** (c % 2) * total / common * (root / factorial(3 * degree + 1)) ** 0.5)
