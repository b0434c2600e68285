"""Angular structure functions: which triangles a particle forms with pairs of its neighbours."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.descriptors.base import Descriptor, as_particles, positive_length
from vitrify.errors import ParameterError, ShapeError
from vitrify.particles.frame import Frame
from vitrify.particles.neighbors import cell_list
from vitrify.units import LJ, Units

CUBUK_TABLE_5_2: tuple[tuple[float, int, float], ...] = (
    (14.633, 1, -1.0),
    (14.633, 1, 1.0),
    (14.638, 2, -1.0),
    (14.638, 2, 1.0),
    (2.554, 1, -1.0),
    (2.554, 1, 1.0),
    (2.554, 2, -1.0),
    (2.554, 2, 1.0),
    (1.648, 1, 1.0),
    (1.648, 2, 1.0),
    (1.204, 1, 1.0),
    (1.204, 2, 1.0),
    (1.204, 4, 1.0),
    (1.204, 16, 1.0),
    (0.933, 1, 1.0),
    (0.933, 2, 1.0),
    (0.933, 4, 1.0),
    (0.933, 16, 1.0),
    (0.695, 1, 1.0),
    (0.695, 2, 1.0),
    (0.695, 4, 1.0),
    (0.695, 16, 1.0),
)
"""(ξ in σ_AA, ζ, λ) of Cubuk's thesis, Table 5.2, as printed: rows 3 and 4 have 14.638, the first two 14.633.

With one ξ in all four rows the 22 functions obey two linear identities per pair of species,
Ψ(λ=1, ζ=2) − Ψ(λ=−1, ζ=2) = 2 [Ψ(λ=1, ζ=1) − Ψ(λ=−1, ζ=1)]; as printed, the first of them holds only to 1e-4.
"""

_Row = tuple[float, int, float]
_LARGEST_DROPPED = 1e-16
_SERIES_REMAINDER = 1e-11
_LONGEST_SERIES = 16
_LARGEST_MOMENT_EXPONENT = 8
_MOMENT_CHUNK = 128
_NEIGHBOURS_PER_SHELL = 80.0
_MOMENT_OVERHEAD = 60.0
_COST_OF_PAIR = 2.5  # of half a neighbour pair, in neighbours summed into one moment
_DEFAULT_CUTOFF = 2.5


@dataclass(frozen=True)
class BondAngle(Descriptor):
    r"""Angular structure functions: triangles of the particle with its neighbours, weighed by size and by angle.

    .. math::

        \Psi_{XY}(i; \xi, \zeta, \lambda) = \sum_{j \in X} \sum_{k \in Y,\, k \ne j}
        e^{-(R_{ij}^2 + R_{ik}^2 + R_{jk}^2)/\xi^2} (1 + \lambda \cos\theta_{jik})^\zeta

    with θ the angle at the particle i. Both R_ij and R_ik are below `cutoff`; nothing is asked of R_jk. For X = Y the
    sum runs over ordered pairs, so every triangle stands twice; for X ≠ Y each triangle stands once, and only X before
    Y in the order of the species names is a feature.

    Parameters
    ----------
    parameters : tuple of (float, int, float), default `CUBUK_TABLE_5_2`
        (ξ, ζ, λ) of each function: ξ a positive length, ζ an integer of at least 1, λ usually 1 or −1.
    cutoff : float, length, default 2.5
        Largest distance from the particle to each of the two neighbours.

    Raises
    ------
    ShapeError
        If a row of `parameters` has not three entries.
    ParameterError
        If ξ or the cutoff is not positive, ζ not a positive integer, or λ not finite.

    Notes
    -----
    **Scale**: a pure number; a pair of neighbours gives at most (1 + |λ|)^ζ, which is 65 536 for ζ = 16. Pairs are left
    out only where they give less than 1e-16 of (1 + |λ|/2)^ζ, the angular factor of an equilateral triangle.
    **Differs from**: the symmetry functions of Behler and Parrinello, which carry a factor 2^(1 − ζ) and three smooth
    cutoff functions; codes that count each unordered pair once also for X = Y (half of ours). Some versions of the
    formula print the angle as θ_ijk; it is the one between **R**_ij and **R**_ik.
    **Invariant under**: translations, rotations and reflections, relabelling of particles of one species, any choice
    of periodic images. A neighbour's own images are further neighbours where the box is small.
    **Cost**: linear in particles, quadratic in the neighbours of one (about 75 at cutoff 2.5 and density 1.2): one
    exponential for each pair of neighbours and distinct ξ, one product for each function.

    References
    ----------
    Cubuk, PhD thesis (Harvard, 2016), eq. 5.6 and Table 5.2.
    Schoenholz, Cubuk, Sussman, Kaxiras, Liu, Nature Physics 12, 469 (2016).

    Examples
    --------
    A right angle between two neighbours at distance 1; R_jk² = 2:

    >>> from vitrify.particles import Box
    >>> corner = Frame([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [0, 0, 0], Box.orthorhombic([9.0, 9.0]))
    >>> BondAngle(parameters=((2.0, 1, 1.0),)).evaluate(corner, [0]).round(4).tolist()
    [[0.7358]]
    """

    name: ClassVar[str] = "bond_angle"
    parameters: tuple[tuple[float, int, float], ...] = CUBUK_TABLE_5_2
    cutoff: float = _DEFAULT_CUTOFF

    def __post_init__(self) -> None:
        if not len(self.parameters):
            raise ShapeError("`parameters` needs at least one row (xi, zeta, lambda); it has none.")
        object.__setattr__(self, "parameters", tuple(_checked_row(row) for row in self.parameters))
        object.__setattr__(self, "cutoff", positive_length("cutoff", self.cutoff))

    def scaled(self, length: float) -> BondAngle:
        """Return the member with every xi and the cutoff `length` times longer."""
        factor = positive_length("length", length)
        rows = tuple((factor * xi, zeta, sign) for xi, zeta, sign in self.parameters)
        return BondAngle(rows, factor * self.cutoff)

    def _feature(self, first: str, second: str, row: tuple[float, int, float]) -> str:
        cut = "" if self.cutoff == _DEFAULT_CUTOFF else f"; R<{self.cutoff:.10g}"
        return f"Psi_{first}{second}({row[0]:.10g},{row[1]},{row[2]:.10g}{cut})"

    def feature_names(self, species_names: tuple[str, ...]) -> tuple[str, ...]:
        """Return ``Psi_XY(xi,zeta,lambda)``, pair by pair of species; another cutoff than 2.5 is named too.

        Examples
        --------
        >>> BondAngle(parameters=((2.0, 1, 1.0),)).feature_names(("A", "B"))
        ('Psi_AA(2,1,1)', 'Psi_AB(2,1,1)', 'Psi_BB(2,1,1)')
        """
        pairs = [(x, y) for k, x in enumerate(species_names) for y in species_names[k:]]
        return tuple(self._feature(x, y, row) for x, y in pairs for row in self.parameters)

    def attributes(self, units: Units = LJ) -> dict[str, str]:
        """Return units, symbol, long_name and definition of the features."""
        return {
            "units": "1",
            "symbol": "Psi_XY(xi,zeta,lambda)",
            "long_name": "angular structure functions",
            "definition": "sum_(j in X) sum_(k in Y, k!=j) exp(-(R_ij^2+R_ik^2+R_jk^2)/xi^2) (1+lambda cos theta_jik)^zeta, "
            f"R_ij and R_ik < {self.cutoff:g} {units.length}, ordered pairs for X = Y, each pair once for X != Y",
        }

    def narrowed(self, wanted: frozenset[str], species_names: tuple[str, ...]) -> BondAngle:
        """Return the member with only the rows of the `wanted` features."""
        pairs = [(x, y) for x in species_names for y in species_names]
        rows = tuple(
            row for row in self.parameters if any(self._feature(x, y, row) in wanted for x, y in pairs)
        )
        return replace(self, parameters=rows) if rows else self

    def evaluate(self, frame: Frame, particles: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return Ψ_XY(i; ξ, ζ, λ), (n, pairs of species times rows): pair by pair, rows in the order of `parameters`."""
        from vitrify.descriptors import _angular_kernels

        chosen = as_particles(frame, particles)
        n_species, n_rows = len(frame.species_names), len(self.parameters)
        n_pairs = n_species * (n_species + 1) // 2
        values = np.empty((len(chosen), n_pairs * n_rows))
        if not len(chosen):
            return values
        cells = cell_list(frame, self.cutoff)
        centres = cells.rank[chosen]
        order = sorted(range(n_rows), key=lambda k: (-self.parameters[k][0], *self.parameters[k][:0:-1]))
        rows = [self.parameters[k] for k in order]
        done = 0
        for group in _groups(rows):
            series = _series(group, self.cutoff)
            if series is None or _is_cheaper_by_pairs(series, frame, self.cutoff):
                break
            _angular_kernels.by_moments(
                cells, centres, series, done, n_rows, n_species, _MOMENT_CHUNK, values
            )
            done += len(group)
        if done < n_rows:
            shells = _n_shells(frame, self.cutoff)
            _angular_kernels.by_pairs(
                cells, centres, _direct(rows[done:], self.cutoff), done, n_rows, n_species, shells, values
            )
        if np.array_equal(order, np.arange(n_rows)):
            return values
        columns = np.empty(n_rows, np.int64)
        columns[order] = np.arange(n_rows)
        return values[:, (np.arange(n_pairs)[:, None] * n_rows + columns).ravel()]


def _groups(rows: list[_Row]) -> list[list[_Row]]:
    """Return the rows, sorted by ξ, in groups of one ξ."""
    return [list(group) for _, group in groupby(rows, key=lambda row: row[0])]


def _direct(rows: list[_Row], cutoff: float) -> tuple[Any, ...]:
    """Return what the sum over pairs wants to know about rows sorted by ξ, largest first."""
    groups = _groups(rows)
    powers = sorted({(row[2], row[1]) for row in rows})
    return (
        np.array([2.0 / group[0][0] ** 2 for group in groups]),
        np.array([_bound(group, cutoff) for group in groups]),
        -math.log(_LARGEST_DROPPED),
        np.cumsum([0] + [len(group) for group in groups]),
        np.array([powers.index((row[2], row[1])) for row in rows]),
        np.array([sign for sign, _ in powers]),
        np.array([zeta for _, zeta in powers]),
        np.array([_pattern(group) for group in groups]),
        np.array([group[0][2] for group in groups]),
    )


def _bound(group: list[_Row], cutoff: float) -> tuple[float, float, float]:
    """Return slope and offset of the bound on the terms of one ξ, and whether any term can fall below the limit.

    The limit is meant for a term over (1 + |λ|/2)^ζ, its factor in an equilateral triangle. As ln(1 + λ cos) lies below
    its tangent at the largest λ cos, that is at most exp(-steepness half_sum + slope cos + offset), or
    exp(-steepness half_sum) where that is more. With λ of both signs the slope is zero.
    """
    largest = max(zeta for _, zeta, _ in group)
    strongest = max(abs(sign) for _, _, sign in group)
    one_sign = all(sign > 0 for _, _, sign in group)
    slope = largest * strongest / (1 + strongest) if one_sign else 0.0
    most = 2.0 / group[0][0] ** 2 * 3.0 * cutoff**2
    offset = largest * (math.log1p(strongest) - math.log1p(strongest / 2)) - slope
    return slope, offset, float(most > -math.log(_LARGEST_DROPPED))


def _pattern(group: list[_Row]) -> int:
    """Return which of the kernel's patterns the (λ, ζ) of one ξ make."""
    from vitrify.descriptors import _angular_kernels as kernels

    found = [(sign, zeta) for _, zeta, sign in group]
    sign = found[0][0]
    if found == [(-1.0, 1), (-1.0, 2), (1.0, 1), (1.0, 2)]:
        return kernels.ONE_TWO_BOTH_SIGNS
    if found == [(sign, 1), (sign, 2)]:
        return kernels.ONE_TWO
    if found == [(sign, 1), (sign, 2), (sign, 4), (sign, 16)]:
        return kernels.ONE_TWO_FOUR_SIXTEEN
    return kernels.LISTED


def _series(rows: list[_Row], cutoff: float) -> tuple[Any, ...] | None:
    """Return the series of exp(2 R_j R_k cos θ / ξ²) and the tensors that its terms need; None if it is long.

    It ends where its remainder is below 1e-11 of a weight: t^n / n! with t the largest argument, at both cutoffs.
    """
    steepness = 2.0 / rows[0][0] ** 2
    largest_argument, largest = steepness * cutoff**2, max(row[1] for row in rows)
    n_terms, remainder = 0, 1.0
    while remainder > _SERIES_REMAINDER and n_terms <= _LONGEST_SERIES:
        n_terms += 1
        remainder *= largest_argument / n_terms
    if n_terms > _LONGEST_SERIES or largest > _LARGEST_MOMENT_EXPONENT:
        return None
    tensors, multiplicity = _monomials(n_terms - 1 + largest)
    over_factorial = np.array([1.0 / math.factorial(p) for p in range(n_terms)])
    binomials = np.array(
        [[math.comb(zeta, q) * float(sign) ** q for q in range(largest + 1)] for _, zeta, sign in rows]
    )
    factors = np.array([(1.0 + sign) ** zeta for _, zeta, sign in rows])
    return steepness, over_factorial, tensors, multiplicity, binomials, factors


@cache
def _monomials(largest_degree: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return all x^a y^b z^c up to a degree: the rows parent, axis and degree, and how often each stands in (x + y + z)^n.

    Each comes from its parent, an earlier one, times one axis. The first, 1, comes from itself and a fourth axis along
    which everything is 1.
    """
    powers = [(0, 0, 0)]
    place = {powers[0]: 0}
    parent, axis = [0], [3]
    for degree in range(1, largest_degree + 1):
        for a in range(degree, -1, -1):
            for b in range(degree - a, -1, -1):
                p = [a, b, degree - a - b]
                along = next(k for k in range(3) if p[k])
                before = [p[k] - (k == along) for k in range(3)]
                parent.append(place[before[0], before[1], before[2]])
                axis.append(along)
                powers.append((p[0], p[1], p[2]))
                place[powers[-1]] = len(powers) - 1
    multiplicity = [math.factorial(sum(p)) / math.prod(math.factorial(k) for k in p) for p in powers]
    return np.array([parent, axis, [sum(p) for p in powers]]), np.array(multiplicity)


def _is_cheaper_by_pairs(series: tuple[Any, ...], frame: Frame, cutoff: float) -> bool:
    """Whether the pairs of the mean number of neighbours cost less than their moments, by measured cost of each."""
    neighbours = _mean_neighbours(frame, cutoff)
    n_terms, n_components, largest = len(series[1]), len(series[3]), series[4].shape[1] - 1
    n_moments = min(n_terms, largest + 1) * n_components
    return n_moments * (neighbours + _MOMENT_OVERHEAD) > _COST_OF_PAIR * neighbours**2


def _n_shells(frame: Frame, cutoff: float) -> int:
    """Return into how many shells the neighbours are sorted: with some tens of particles in each."""
    return int(min(max(_mean_neighbours(frame, cutoff) / _NEIGHBOURS_PER_SHELL, 1), 16))


def _mean_neighbours(frame: Frame, cutoff: float) -> float:
    """Return how many particles a sphere (disk) of the cutoff holds at the mean density."""
    volume = math.pi * cutoff**2 if frame.dimension == 2 else 4 / 3 * math.pi * cutoff**3
    return frame.number_density * volume


def _checked_row(row: Any) -> tuple[float, int, float]:
    if len(row) != 3:
        raise ShapeError(
            f"Each row of `parameters` is (xi, zeta, lambda); one has {len(row)} entries: {row}."
        )
    length, zeta, sign = row
    if zeta != int(zeta) or zeta < 1:
        raise ParameterError(f"The exponent zeta in `parameters` is an integer of at least 1; it is {zeta}.")
    if not math.isfinite(sign):
        raise ParameterError(f"lambda in `parameters` must be finite; it is {sign}.")
    return positive_length("parameters (xi)", length), int(zeta), float(sign)
