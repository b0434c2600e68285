"""Angular structure functions: which triangles a particle forms with pairs of its neighbours."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
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

_LARGEST_DROPPED = 1e-18
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
    out only where they give less than 1e-18.
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
        from vitrify.descriptors import _kernels

        chosen = as_particles(frame, particles)
        n_species, n_rows = len(frame.species_names), len(self.parameters)
        n_pairs = n_species * (n_species + 1) // 2
        values = np.empty((len(chosen), n_pairs * n_rows))
        if not len(chosen):
            return values
        cells = cell_list(frame, self.cutoff)
        order, rows = self._sorted_rows()
        _kernels.bond_angle(cells, cells.rank[chosen], rows, n_species, values)
        if np.array_equal(order, np.arange(n_rows)):
            return values
        columns = np.empty(n_rows, np.int64)
        columns[order] = np.arange(n_rows)
        return values[:, (np.arange(n_pairs)[:, None] * n_rows + columns).ravel()]

    def _sorted_rows(self) -> tuple[NDArray[np.int64], tuple[Any, ...]]:
        """Order of the rows by ξ, and what the kernel wants to know about them."""
        lengths = [row[0] for row in self.parameters]
        order = np.argsort(-np.array(lengths), kind="stable")
        distinct = sorted(set(lengths), reverse=True)
        powers = sorted({(row[2], row[1]) for row in self.parameters})
        largest = max(zeta * math.log1p(abs(sign)) for sign, zeta in powers)
        rows = (
            2.0 / np.array(distinct) ** 2,
            largest - math.log(_LARGEST_DROPPED),
            np.array([sum(x > length for x in lengths) for length in distinct] + [len(lengths)]),
            np.array([powers.index((self.parameters[k][2], self.parameters[k][1])) for k in order]),
            np.array([sign for sign, _ in powers]),
            np.array([zeta for _, zeta in powers]),
        )
        return order, rows


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
