"""Coordination numbers: how many neighbours of each species are near."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.descriptors.base import Descriptor, as_particles, positive_length
from vitrify.errors import ParameterError, ShapeError
from vitrify.particles.frame import Frame
from vitrify.particles.neighbors import cell_list
from vitrify.units import LJ, Units

KOB_ANDERSEN_CUTOFFS: tuple[tuple[str, str, float], ...] = (
    ("A", "A", 1.40),
    ("A", "B", 1.25),
    ("B", "B", 1.07),
)
"""First minima of g_AA and g_AB of the Kob-Andersen mixture at density 1.2.

g_BB has no minimum after its contacts in the supercooled liquid, only a shoulder from 0.95 to 1.1 before the peak of
B particles that share a neighbour A; 1.07 is where the shoulder is flattest.
"""


@dataclass(frozen=True)
class Coordination(Descriptor):
    r"""Number of neighbours of each species within the cutoff of the pair of species, and their sum.

    .. math::

        n_X(i) = \sum_{j \in X} \Theta(r_{s_i X} - R_{ij})

    Parameters
    ----------
    cutoffs : tuple of (str, str, float), length, default those of Kob-Andersen
        Two species names and the distance below which their particles are neighbours; the order of the two does not
        matter. A dict ``{("A", "B"): 1.25, …}`` is taken too.

    Raises
    ------
    ShapeError
        If an entry is not two names and a number.
    ParameterError
        If a cutoff is not positive or a pair is given twice; on evaluation, if a pair of species of the frame has none.

    Notes
    -----
    **Scale**: a count. Kob-Andersen A particles have 13.6 neighbours on average with the defaults.
    **Differs from**: counts within one cutoff for all pairs, and counts by Voronoi faces. A zero crossing quoted "at 13
    neighbours" moves with the cutoffs.
    **Invariant under**: translations, rotations and reflections, relabelling of particles of one species, any choice
    of periodic images; a step, so a particle at the very cutoff may change side by rounding.
    **Cost**: linear in particles and neighbours.

    References
    ----------
    Cubuk, PhD thesis (Harvard, 2016), Fig. 6.1.

    Examples
    --------
    >>> from vitrify.particles import Box
    >>> chain = Frame([[0.0, 0.0], [1.2, 0.0], [2.6, 0.0]], [0, 1, 0], Box.orthorhombic([9.0, 9.0]))
    >>> Coordination().compute(chain).sel(feature="n_B").values.tolist()
    [1.0, 0.0, 0.0]
    """

    name: ClassVar[str] = "coordination"
    lengths: ClassVar[tuple[str, ...]] = ("cutoffs",)
    cutoffs: tuple[tuple[str, str, float], ...] = KOB_ANDERSEN_CUTOFFS

    def __post_init__(self) -> None:
        given: Any = self.cutoffs
        rows = [(*pair, value) for pair, value in given.items()] if isinstance(given, dict) else list(given)
        checked = []
        for row in rows:
            if len(row) != 3 or not (isinstance(row[0], str) and isinstance(row[1], str)):
                raise ShapeError(f"Each entry of `cutoffs` is two species names and a length; one is {row}.")
            first, second = sorted(row[:2])
            checked.append((first, second, positive_length(f"cutoffs ({first}, {second})", row[2])))
        pairs = [row[:2] for row in checked]
        twice = [pair for pair in pairs if pairs.count(pair) > 1]
        if twice or not checked:
            what = f"the pair {twice[0]} twice" if twice else "no pair"
            raise ParameterError(f"`cutoffs` needs each pair of species once; it has {what}.")
        object.__setattr__(self, "cutoffs", tuple(sorted(checked)))

    @classmethod
    def example(cls, species_names: tuple[str, ...]) -> Coordination:
        """Return one cutoff, 1.4, for all pairs of these species."""
        return cls(tuple((a, b, 1.4) for a, b in combinations_with_replacement(species_names, 2)))

    @property
    def cutoff(self) -> float:
        """The largest of the cutoffs, length."""
        return max(value for _, _, value in self.cutoffs)

    def knows(self, species_names: tuple[str, ...]) -> bool:
        """Return whether every pair of these species has a cutoff."""
        given = {frozenset((a, b)) for a, b, _ in self.cutoffs}
        return all(frozenset(pair) in given for pair in combinations_with_replacement(species_names, 2))

    def feature_names(self, species_names: tuple[str, ...]) -> tuple[str, ...]:
        """Return ``n_X`` for each species, then ``n`` for all together.

        Examples
        --------
        >>> Coordination().feature_names(("A", "B"))
        ('n_A', 'n_B', 'n')
        """
        return (*(f"n_{s}" for s in species_names), "n")

    def attributes(self, units: Units = LJ) -> dict[str, str]:
        """Return units, symbol, long_name and definition of the features."""
        ranges = ", ".join(f"{a}{b} {value:g}" for a, b, value in self.cutoffs)
        return {
            "units": "1",
            "symbol": "n_X",
            "long_name": "coordination number",
            "definition": f"number of neighbours closer than {ranges} {units.length}",
        }

    def evaluate(self, frame: Frame, particles: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return n_X(i) for each species and the sum, (n, species + 1)."""
        from vitrify.descriptors import _kernels

        chosen = as_particles(frame, particles)
        matrix = self._matrix(frame.species_names)
        values = np.empty((len(chosen), len(matrix) + 1))
        if len(chosen):
            cells = cell_list(frame, float(matrix.max()))
            _kernels.coordination(cells, cells.rank[chosen], matrix**2, values)
        return values

    def _matrix(self, species_names: tuple[str, ...]) -> NDArray[np.float64]:
        """Cutoff of each pair of species, (n_species, n_species)."""
        table = {(a, b): value for a, b, value in self.cutoffs}
        matrix = np.empty((len(species_names), len(species_names)))
        for i, a in enumerate(species_names):
            for j, b in enumerate(species_names):
                first, second = sorted((a, b))
                if (first, second) not in table:
                    raise ParameterError(
                        f"`cutoffs` has none for the pair ('{first}', '{second}'); it has "
                        f"{', '.join(f'{x}{y}' for x, y in table)}. Give every pair of {', '.join(species_names)}."
                    )
                matrix[i, j] = table[first, second]
        return matrix
