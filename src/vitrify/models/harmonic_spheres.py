"""Soft spheres that repel like springs while they overlap: a glass former without attraction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

from vitrify.errors import ParameterError
from vitrify.models.base import ROW, PairModel, check_composition


@njit(cache=True, error_model="numpy")
def harmonic(r2: Any, row: Any) -> Any:
    """Press a spring: row = ε, 1/σ."""
    r = np.sqrt(r2)
    overlap = 1.0 - r * row[1]
    return row[0] * overlap * overlap, 2.0 * row[0] * row[1] * overlap / r


@dataclass(frozen=True)
class HarmonicSpheres(PairModel):
    r"""A binary mixture of spheres with one-sided harmonic repulsion.

    .. math::

        V_{ab}(r) = ε (1 − r/σ_{ab})^2 \quad (r < σ_{ab}), \qquad σ_{ab} = (σ_a + σ_b)/2

    Parameters
    ----------
    diameters : (2,) tuple of float, default (1.0, 1.4), length
        Of the small (A) and the large (B) species.
    composition : (2,) tuple of float, default (0.5, 0.5)
        Fractions of A and B.

    Raises
    ------
    ParameterError
        If a diameter is not positive or the fractions do not add up to 1.

    Notes
    -----
    **Scale**: lengths in the small diameter, energies in ε; without a factor 1/2.
    **Differs from**: papers that write (ε/2)(1 − r/σ)²: their temperatures are half of ours.
    **Invariant under**: translations, rotations, relabelling of particles of one species, choice of periodic images.
    **Cost**: about 7 pairs a particle near jamming.

    References
    ----------
    L. Berthier, T. A. Witten, Europhys. Lett. 86, 10001 (2009); S. Ridout, I. Tah, A. J. Liu (2023), supplement.

    Examples
    --------
    >>> model = HarmonicSpheres()
    >>> model.pair_energy([0.9, 1.1], 0, 1).round(6).tolist(), model.pair_force(0.9, 0, 1).round(6).tolist()
    ([0.0625, 0.006944], 0.416667)
    """

    name: ClassVar[str] = "harmonic_spheres"
    species_names: ClassVar[tuple[str, ...]] = ("A", "B")
    diameters: tuple[float, ...] = (1.0, 1.4)
    composition: tuple[float, ...] = (0.5, 0.5)

    def __post_init__(self) -> None:
        if len(self.diameters) != 2 or not min(self.diameters) > 0:
            raise ParameterError(f"`diameters` must be two positive lengths; they are {self.diameters}.")
        check_composition(self.composition, 2)

    @property
    def pair_function(self) -> Callable[[Any, Any], tuple[Any, Any]]:
        """The spring."""
        spring: Callable[[Any, Any], tuple[Any, Any]] = harmonic
        return spring

    @property
    def sigma(self) -> NDArray[np.float64]:
        """Distances of contact σ_ab, (2, 2), length."""
        d = np.array(self.diameters, float)
        return 0.5 * (d[:, None] + d[None, :])

    @property
    def cutoffs(self) -> NDArray[np.float64]:
        """Distances of contact, (2, 2), length."""
        return self.sigma

    def kernel_parameters(self) -> NDArray[np.float64]:
        """Return ε and 1/σ for each pair of species, (2, 2, 8)."""
        rows = np.zeros((2, 2, ROW))
        rows[..., 0] = 1.0
        rows[..., 1] = 1 / self.sigma
        return rows
