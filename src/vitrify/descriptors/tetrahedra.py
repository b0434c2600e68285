"""Delaunay simplices around particles: how many there are, and how many are regular.

The simplices of a particle are the duals of the vertices of its Voronoi cell, so they come from the same local cells as
`vitrify.descriptors.voronoi_volume`: no padding by images, each simplex once for each of its corners, in every box.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.descriptors.base import Descriptor, as_particles, positive_length
from vitrify.descriptors.voronoi_volume import DEFAULT_FARTHEST
from vitrify.errors import ParameterError
from vitrify.particles.frame import Frame
from vitrify.units import LJ, Units

LARGEST_THRESHOLD = 0.0285
"""Octahedricity above which regular tetrahedra count as quarters of an octahedron too."""


@dataclass(frozen=True)
class DelaunayShapes(Descriptor):
    r"""Numbers of regular tetrahedra and regular quarters of octahedra among the Delaunay simplices of a particle.

    .. math::

        N_T(i) = \sum_{s \ni i} \Theta(\chi_T^{\max} - \chi_T(s)), \quad N_O(i) = \sum_{s \ni i} \Theta(\chi_O^{\max} - \chi_O(s)),
        \quad \chi_T(i) = \langle \chi_T(s) \rangle_{s \ni i}

    with the tetrahedricity and the octahedricity of `vitrify.structure.simplices`.

    Parameters
    ----------
    regular_tetrahedron : float, default 0.018
        :math:`\chi_T^{\max}`.
    regular_octahedron : float, default 0.020
        :math:`\chi_O^{\max}`; it must be below 0.0285, since a regular tetrahedron has 0.0286.
    exclusive : bool, default True
        Whether a regular tetrahedron is no quarter octahedron, also where its octahedricity is small enough.
    farthest : float, length, default 5
        Simplices in a sphere of a larger radius, such as flat ones along open boundaries, do not count.

    Raises
    ------
    ParameterError
        If a threshold or the length is not positive, or `regular_octahedron` is too large.
    ConfigurationError
        On evaluation, if two particles sit on one spot.

    Notes
    -----
    **Scale**: counts; a particle of a liquid has about 24 simplices in three dimensions, and 6 in two, where equilateral
    triangles take the part of tetrahedra and halves of squares that of quarter octahedra. Without simplices all is 0.
    **Differs from**: the four nearest neighbours as corners, which need not make a simplex. With these thresholds 15 % of the simplices
    of the Kob-Andersen mixture would be both. The thesis does not print its thresholds; 0.018 is that of thermal fcc of Medvedev and Naberukhin.
    **Invariant under**: translations, rotations and reflections, relabelling, exchange of species, any choice of periodic images; a
    step at the thresholds. In perfect crystals with more than d + 1 particles on one empty sphere (fcc, simple cubic) which simplices there
    are is a matter of rounding, also whether neighbours agree: move the particles by 1e-6 at random.
    **Cost**: linear in particles, about 10 µs each in three dimensions.

    References
    ----------
    Cubuk, PhD thesis (Harvard, 2016), section 6.3, Fig. 6.3; eqs. 2.2 and 2.3.
    Medvedev, Naberukhin, J. Non-Cryst. Solids 94, 402 (1987).

    Examples
    --------
    A regular tetrahedron by itself:

    >>> from vitrify.particles import Box
    >>> corners = [[0, 0, 0], [1, 1, 0], [1, 0, 1], [0, 1, 1]]
    >>> frame = Frame(corners, [0] * 4, Box.orthorhombic([9.0] * 3, periodic=[False] * 3))
    >>> DelaunayShapes().evaluate(frame, [0]).round(9).tolist()
    [[1.0, 0.0, 1.0, 0.0]]
    """

    name: ClassVar[str] = "delaunay_shapes"
    lengths: ClassVar[tuple[str, ...]] = ("farthest",)
    regular_tetrahedron: float = 0.018
    regular_octahedron: float = 0.020
    exclusive: bool = True
    farthest: float = DEFAULT_FARTHEST

    def __post_init__(self) -> None:
        low, high = float(self.regular_tetrahedron), float(self.regular_octahedron)
        if not (0 < low < np.inf and 0 < high <= LARGEST_THRESHOLD):
            raise ParameterError(
                f"`regular_tetrahedron` must be positive and `regular_octahedron` between 0 and {LARGEST_THRESHOLD}, below that of a "
                f"regular tetrahedron; they are {low}, {high}."
            )
        object.__setattr__(self, "regular_tetrahedron", low)
        object.__setattr__(self, "regular_octahedron", high)
        object.__setattr__(self, "exclusive", bool(self.exclusive))
        object.__setattr__(self, "farthest", positive_length("farthest", self.farthest))

    @property
    def cutoff(self) -> float:
        """Largest distance of two corners of a simplex, length."""
        return 2 * self.farthest

    def feature_names(self, species_names: tuple[str, ...]) -> tuple[str, ...]:
        """Return ``N_T``, ``N_O``, ``N_simplices`` and ``chi_T``, the mean over the simplices.

        Examples
        --------
        >>> DelaunayShapes().feature_names(("A", "B"))
        ('N_T', 'N_O', 'N_simplices', 'chi_T')
        """
        del species_names
        return ("N_T", "N_O", "N_simplices", "chi_T")

    def attributes(self, units: Units = LJ) -> dict[str, str]:
        """Return units, symbol, long_name and definition of the features."""
        return {
            "units": "1",
            "symbol": "N_T, N_O, N, chi_T",
            "long_name": "shapes of the Delaunay simplices",
            "definition": f"Delaunay simplices of the particle with chi_T <= {self.regular_tetrahedron:g}, with chi_O <= "
            f"{self.regular_octahedron:g}{' of the others' if self.exclusive else ''}, all, and their mean chi_T; spheres up to {self.farthest:g} {units.length}",
        }

    def evaluate(self, frame: Frame, particles: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return N_T, N_O, N and the mean of χ_T, (n, 4)."""
        from vitrify.descriptors import _cell_measures as columns
        from vitrify.descriptors._cells_of_particles import measure_cells

        chosen, equal = as_particles(frame, particles), np.zeros(max(len(frame.species_names), 1))
        good = (self.regular_tetrahedron, self.regular_octahedron, not self.exclusive)
        found = measure_cells(frame, chosen, equal, self.farthest, good)
        found[:, columns.SHAPE] /= np.maximum(found[:, columns.SIMPLICES], 1.0)
        return found[:, [columns.TETRAHEDRA, columns.OCTAHEDRA, columns.SIMPLICES, columns.SHAPE]]
