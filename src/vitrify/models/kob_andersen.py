"""The Kob-Andersen mixture: Lennard-Jones particles, 80:20, that hardly ever crystallize."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numba import njit
from numpy.typing import NDArray

from vitrify.errors import ParameterError
from vitrify.models.base import ROW, PairModel, check_composition

_SMOOTHINGS = ("quad", "force_shift", "shift", "none")
_CUTOFF_UNITS = ("sigma_ab", "sigma_AA")


@njit(cache=True, error_model="numpy")
def lennard_jones(r2: Any, row: Any) -> Any:
    """Lennard-Jones plus a constant: row = 4εσ¹², 4εσ⁶, constant."""
    inverse2 = 1.0 / r2
    inverse6 = inverse2 * inverse2 * inverse2
    repulsion, attraction = row[0] * inverse6 * inverse6, row[1] * inverse6
    return repulsion - attraction + row[2], (12.0 * repulsion - 6.0 * attraction) * inverse2


@njit(cache=True, error_model="numpy")
def lennard_jones_and_parabola(r2: Any, row: Any) -> Any:
    """Lennard-Jones plus a parabola in r: row = 4εσ¹², 4εσ⁶ and the coefficients of 1, r, r²."""
    inverse = 1.0 / np.sqrt(r2)
    inverse2 = inverse * inverse
    inverse6 = inverse2 * inverse2 * inverse2
    repulsion, attraction = row[0] * inverse6 * inverse6, row[1] * inverse6
    energy = repulsion - attraction + row[2] + row[3] * (r2 * inverse) + row[4] * r2
    return energy, (12.0 * repulsion - 6.0 * attraction) * inverse2 - row[3] * inverse - 2.0 * row[4]


@dataclass(frozen=True)
class KobAndersen(PairModel):
    r"""The binary Lennard-Jones mixture of Kob and Andersen, with the ways it is cut off in the literature.

    .. math::

        V_{ab}(r) = 4 ε_{ab} [(σ_{ab}/r)^{12} − (σ_{ab}/r)^6] + ε_{ab} [c_0 + c_1 r/σ_{ab} + c_2 (r/σ_{ab})^2]

    with σ = 1, 0.8, 0.88 and ε = 1, 1.5, 0.5 for AA, AB, BB, and zero from the cutoff on.

    Parameters
    ----------
    smoothing : {"quad", "force_shift", "shift", "none"}, default "quad"
        What is continuous at the cutoff: V, V' and V''; V and V'; V; nothing. The constants c follow from that.
    cutoff : float, default 2.5
    cutoff_unit : {"sigma_ab", "sigma_AA"}, default "sigma_ab"
        Each pair of species has its own cutoff, `cutoff` σ_ab, or all have `cutoff` σ_AA.
    composition : (2,) tuple of float, default (0.8, 0.2)
        Fractions of A and B; (0.65, 0.35) does not crystallize in two dimensions.

    Raises
    ------
    ParameterError
        If a parameter is none of these.

    Notes
    -----
    **Scale**: lengths in σ_AA, energies in ε_AA, masses 1. The pair AA has depth 0.82740 with "quad", 0.92997 with
    "force_shift", 0.98368 with "shift", 1 with "none".
    **Differs from**: the original, which cuts and shifts ("shift"); "quad" is the form behind the softness papers. At
    given density and temperature the dynamics hardly depends on the choice; energies and pressures do.
    **Invariant under**: translations, rotations, relabelling of particles of one species, choice of periodic images.
    **Cost**: 33 pairs a particle at density 1.2.

    References
    ----------
    W. Kob, H. C. Andersen, Phys. Rev. E 51, 4626 (1995), eq. (1).

    Examples
    --------
    >>> model = KobAndersen()
    >>> float(model.pair_energy(1.12586, 0, 0).round(5))
    -0.8274
    >>> KobAndersen(smoothing="shift").cutoffs.tolist()
    [[2.5, 2.0], [2.0, 2.2]]
    """

    name: ClassVar[str] = "kob_andersen"
    species_names: ClassVar[tuple[str, ...]] = ("A", "B")
    smoothing: Literal["quad", "force_shift", "shift", "none"] = "quad"
    cutoff: float = 2.5
    cutoff_unit: Literal["sigma_ab", "sigma_AA"] = "sigma_ab"
    composition: tuple[float, ...] = (0.8, 0.2)

    def __post_init__(self) -> None:
        if self.smoothing not in _SMOOTHINGS:
            raise ParameterError(
                f"`smoothing` must be one of {', '.join(_SMOOTHINGS)}; it is '{self.smoothing}'."
            )
        if self.cutoff_unit not in _CUTOFF_UNITS:
            raise ParameterError(
                f"`cutoff_unit` must be one of {', '.join(_CUTOFF_UNITS)}; it is '{self.cutoff_unit}'."
            )
        if not (np.isfinite(self.cutoff) and self.cutoff > 0):
            raise ParameterError(f"`cutoff` must be a positive number; it is {self.cutoff}.")
        check_composition(self.composition, 2)

    @property
    def pair_function(self) -> Callable[[Any, Any], tuple[Any, Any]]:
        """The formula of the chosen smoothing."""
        formula: Callable[[Any, Any], tuple[Any, Any]] = (
            lennard_jones if self.smoothing in ("shift", "none") else lennard_jones_and_parabola
        )
        return formula

    @property
    def epsilon(self) -> NDArray[np.float64]:
        """Depths ε_ab, (2, 2), energy."""
        return np.array([[1.0, 1.5], [1.5, 0.5]])

    @property
    def sigma(self) -> NDArray[np.float64]:
        """Diameters σ_ab, (2, 2), length."""
        return np.array([[1.0, 0.8], [0.8, 0.88]])

    @property
    def cutoffs(self) -> NDArray[np.float64]:
        """Cutoffs of the pairs of species, (2, 2), length."""
        return self.cutoff * (self.sigma if self.cutoff_unit == "sigma_ab" else np.ones((2, 2)))

    def smoothing_coefficients(self) -> NDArray[np.float64]:
        """Return c0, c1, c2 of each pair of species, (2, 2, 3): what makes V, V', V'' vanish at the cutoff."""
        y = self.cutoffs / self.sigma
        value = 4 * (y**-12 - y**-6)
        slope = 4 * (-12 * y**-13 + 6 * y**-7)
        curvature = 4 * (156 * y**-14 - 42 * y**-8)
        c2 = -0.5 * curvature if self.smoothing == "quad" else np.zeros((2, 2))
        c1 = -slope - 2 * c2 * y if self.smoothing in ("quad", "force_shift") else np.zeros((2, 2))
        c0 = -value - c1 * y - c2 * y**2 if self.smoothing != "none" else np.zeros((2, 2))
        return np.stack([c0, c1, c2], axis=-1)

    def kernel_parameters(self) -> NDArray[np.float64]:
        """Return 4εσ¹², 4εσ⁶ and the coefficients of 1, r and r² for each pair of species, (2, 2, 8)."""
        rows = np.zeros((2, 2, ROW))
        rows[..., 0] = 4 * self.epsilon * self.sigma**12
        rows[..., 1] = 4 * self.epsilon * self.sigma**6
        for power in range(3):
            rows[..., 2 + power] = (
                self.epsilon * self.smoothing_coefficients()[..., power] / self.sigma**power
            )
        return rows
