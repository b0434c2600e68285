"""How much of a configuration is crystalline: neighbours that see their surroundings turned the same way."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ParameterError
from vitrify.particles import Frame
from vitrify.particles.neighbors import cell_list

_REACH = 1.45  # in units of density^(-1/d): beyond the neighbours of fcc, hcp (1.12), bcc (1.26), before the next (1.59)


@dataclass(frozen=True, eq=False)
class CrystallineParticles:
    """Which particles are in crystalline surroundings.

    Attributes
    ----------
    fraction : float
        Of all particles.
    crystalline : (N,) bool
    n_bonds : (N,) int
        Aligned neighbours.
    n_neighbors : (N,) int
    order : (N,) float
        q6 in three dimensions, |ψ6| in two.
    cutoff : float, length
        That was used.
    """

    fraction: float
    crystalline: NDArray[np.bool_]
    n_bonds: NDArray[np.int64]
    n_neighbors: NDArray[np.int64]
    order: NDArray[np.float64]
    cutoff: float


@dataclass(frozen=True)
class Crystallinity:
    r"""Particles whose bond order agrees with that of most of their neighbours.

    In three dimensions the order is the 13 numbers :math:`q_{6m}(i) = \langle Y_{6m}(\hat r_{ij}) \rangle_j`; a bond i-j is
    aligned if :math:`q_6(i) \cdot q_6(j) / |q_6(i)| |q_6(j)|` exceeds `threshold`. In two dimensions
    :math:`\psi_6(i) = \langle e^{6 i \phi_{ij}} \rangle_j` takes its place. A particle is crystalline with at least `min_bonds`
    aligned bonds.

    Parameters
    ----------
    cutoff : float, length, optional
        Of the neighbours; all species count. By default 1.45 times density^(-1/d), between the neighbours of close-packed
        and bcc crystals and those after them; with open boundaries give it.
    threshold : float, default 0.7
        Of the normalised product.
    min_bonds : int, optional
        By default 7 in three dimensions and 6 in two.
    min_order : float, optional
        Smallest |q6| or |ψ6| of a crystalline particle; by default 0 in three dimensions and 0.7 in two, where neighbours share bonds and
        are aligned too easily.

    Raises
    ------
    ParameterError
        If a number is out of range.

    Notes
    -----
    **Scale** 1 for fcc, hcp, bcc (and CsCl), triangular lattices; a few per cent for liquids.
    **Differs from** ten Wolde and Frenkel, who take 0.5 and a larger number of bonds. Square lattices have no ψ6 and
    count as disordered.
    **Invariant under** translations, rotations, relabelling; with the default cutoff, scaling of all lengths.
    **Cost** linear in N, 110 bytes a particle.

    References
    ----------
    ten Wolde, Ruiz-Montero, Frenkel, J. Chem. Phys. 104, 9932 (1996). Steinhardt, Nelson, Ronchetti, Phys. Rev. B 28,
    784 (1983).

    Examples
    --------
    >>> from vitrify.particles import Box, Frame
    >>> grid = np.indices((4, 4, 4)).reshape(3, -1).T
    >>> bcc = np.concatenate([grid, grid + 0.5])
    >>> Crystallinity().compute(Frame(bcc, np.zeros(128), Box.orthorhombic([4.0] * 3))).fraction
    1.0
    """

    name: ClassVar[str] = "crystallinity"
    cutoff: float | None = None
    threshold: float = 0.7
    min_bonds: int | None = None
    min_order: float | None = None

    def __post_init__(self) -> None:
        if self.cutoff is not None and not self.cutoff > 0:
            raise ParameterError(f"`cutoff` must be a positive length; it is {self.cutoff}.")
        if not 0 < self.threshold < 1:
            raise ParameterError(f"`threshold` must lie between 0 and 1; it is {self.threshold}.")
        if self.min_bonds is not None and self.min_bonds < 1:
            raise ParameterError(f"`min_bonds` must be at least 1; it is {self.min_bonds}.")
        if self.min_order is not None and not 0 <= self.min_order < 1:
            raise ParameterError(f"`min_order` must be at least 0 and below 1; it is {self.min_order}.")

    def to_dict(self) -> dict[str, Any]:
        """Return the name and the parameters."""
        return {"name": self.name, **asdict(self)}

    def compute(self, frame: Frame) -> CrystallineParticles:
        """Judge every particle of a configuration.

        Parameters
        ----------
        frame : Frame

        Returns
        -------
        CrystallineParticles

        Raises
        ------
        ParameterError
            If the box is open and there is no `cutoff`.
        """
        from vitrify.structure import _kernels

        n, planar, cutoff = frame.n_particles, frame.dimension == 2, self._cutoff(frame)
        cells = cell_list(frame, cutoff)
        harmonics, n_neighbors = np.zeros((n, 2 if planar else 13)), np.zeros(n, np.int64)
        _kernels.bond_order(cells, _norms(), planar, harmonics, n_neighbors)
        n_bonds = np.zeros(n, np.int64)
        _kernels.aligned_bonds(cells, harmonics, self.threshold, n_bonds)
        order = np.sqrt((harmonics**2).sum(axis=1) * (1.0 if planar else 4 * math.pi / 13))
        min_bonds = self.min_bonds or (6 if planar else 7)
        min_order = (0.7 if planar else 0.0) if self.min_order is None else self.min_order
        crystalline = (n_bonds >= min_bonds) & (order >= min_order)
        fraction = float(crystalline.mean()) if n else 0.0
        return CrystallineParticles(fraction, crystalline, n_bonds, n_neighbors, order, cutoff)

    def _cutoff(self, frame: Frame) -> float:
        if self.cutoff is not None:
            return self.cutoff
        if not frame.box.periodic.all():
            raise ParameterError(
                "With an open box there is no mean density to take the neighbour distance from. Give `cutoff`, between the "
                "first and the second peak of g(r)."
            )
        return float(_REACH * (frame.box.volume / max(frame.n_particles, 1)) ** (1 / frame.dimension))


def _norms() -> NDArray[np.float64]:
    """Norms of the real spherical harmonics of degree 6, (7,)."""
    factorial = math.factorial
    return np.array(
        [
            math.sqrt((1 if m == 0 else 2) * 13 / (4 * math.pi) * factorial(6 - m) / factorial(6 + m))
            for m in range(7)
        ]
    )
