"""Distances to the nearest neighbours, in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.descriptors.base import Descriptor, as_particles, positive_length
from vitrify.errors import ParameterError
from vitrify.particles.frame import Frame
from vitrify.particles.neighbors import cell_list
from vitrify.units import LJ, Units

_ENOUGH = 1.25  # times the neighbours wanted are expected within the first search


@dataclass(frozen=True)
class OrderedDistances(Descriptor):
    r"""Distances to the n nearest neighbours of any species, ascending.

    .. math:: d_1(i) \le d_2(i) \le \dots \le d_n(i)

    Parameters
    ----------
    n_neighbours : int, default 160
        n.
    cutoff : float, length, default 5
        Neighbours beyond it do not count; the distances of those that are missing are the cutoff.

    Raises
    ------
    ParameterError
        If n is not an integer of at least 1, or the cutoff is not a positive length.

    Notes
    -----
    **Scale**: lengths; 160 neighbours reach to 3.2 at density 1.2 in three dimensions and to 6.5 in two, where the cutoff must be longer. A member cannot be
    `scaled`: its features have a unit.
    **Differs from**: `RadialDensity`, which counts at given distances; here the distances of given counts are features. Species
    are not told apart.
    **Invariant under**: translations, rotations and reflections, relabelling, exchange of species, any choice of periodic images;
    continuous, with kinks where neighbours change order.
    **Cost**: linear in particles; for each one search in a sphere with about 1.25 n neighbours, and one up to the cutoff for those that
    found fewer than n.

    References
    ----------
    Cubuk, PhD thesis (Harvard, 2016), section 5.5.7.

    Examples
    --------
    >>> from vitrify.particles import Box
    >>> box = Box.orthorhombic([9.0, 9.0], periodic=[False, False])
    >>> row = Frame([[0.0, 0.0], [1.0, 0.0], [-2.0, 0.0]], [0] * 3, box)
    >>> OrderedDistances(3).evaluate(row, [0]).tolist()
    [[1.0, 2.0, 5.0]]
    """

    name: ClassVar[str] = "ordered_distances"
    n_neighbours: int = 160
    cutoff: float = 5.0

    def __post_init__(self) -> None:
        n = self.n_neighbours
        if not (np.isfinite(n) and n == int(n) and n >= 1):
            raise ParameterError(f"`n_neighbours` must be an integer of at least 1; it is {n}.")
        object.__setattr__(self, "n_neighbours", int(n))
        object.__setattr__(self, "cutoff", positive_length("cutoff", self.cutoff))

    def feature_names(self, species_names: tuple[str, ...]) -> tuple[str, ...]:
        """Return ``d_1`` to ``d_n``.

        Examples
        --------
        >>> OrderedDistances(3).feature_names(("A", "B"))
        ('d_1', 'd_2', 'd_3')
        """
        del species_names
        return tuple(f"d_{k}" for k in range(1, self.n_neighbours + 1))

    def attributes(self, units: Units = LJ) -> dict[str, str]:
        """Return units, symbol, long_name and definition of the features."""
        return {
            "units": units.length,
            "symbol": "d_k",
            "long_name": "distance to the k-th nearest neighbour",
            "definition": f"all species, ascending; {self.cutoff:g} {units.length} where there is none within",
        }

    def evaluate(self, frame: Frame, particles: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return the distances, (n, n_neighbours)."""
        from vitrify.descriptors import _shell_kernels

        chosen = as_particles(frame, particles)
        values = np.empty((len(chosen), self.n_neighbours))
        rows = np.arange(len(chosen))
        for reach in (min(self._first_reach(frame), self.cutoff), self.cutoff):
            if len(rows):
                cells, found = cell_list(frame, reach), np.empty((len(rows), self.n_neighbours))
                _shell_kernels.nearest(cells, cells.rank[chosen[rows]], found)
                values[rows] = np.minimum(found, self.cutoff)
                rows = rows[np.isinf(found[:, -1])]
        return values

    def _first_reach(self, frame: Frame) -> float:
        """Radius of the sphere (disk) that holds a little more than the neighbours wanted at the mean density, length."""
        if not frame.n_particles:
            return self.cutoff
        volume = _ENOUGH * (self.n_neighbours + 1) / frame.number_density
        return float(np.sqrt(volume / np.pi) if frame.dimension == 2 else np.cbrt(0.75 * volume / np.pi))
