"""What a pair model promises: which species there are, how far they feel each other, and energies and forces."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import fields
from types import ModuleType
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError
from vitrify.particles.frame import Frame
from vitrify.particles.neighbors import cell_list

ROW = 8


class PairModel(ABC):
    """A mixture whose energy is a sum over pairs, V = Σ_(i<j) V_ab(r_ij), each pair of species with its own cutoff.

    Members are frozen dataclasses. A new one is a jitted function of ``(r2, row)`` that returns V and −V'(r)/r, and the
    dataclass that names it and fills the rows. All kernels, those of the quench too, are then compiled around it.
    """

    name: ClassVar[str]
    species_names: ClassVar[tuple[str, ...]]
    composition: tuple[float, ...]

    @property
    @abstractmethod
    def cutoffs(self) -> NDArray[np.float64]:
        """Distance beyond which a pair of species does not interact, (S, S), length."""

    @abstractmethod
    def kernel_parameters(self) -> NDArray[np.float64]:
        """Return the numbers that `pair_function` needs for each pair of species, (S, S, 8)."""

    @property
    @abstractmethod
    def pair_function(self) -> Callable[[Any, Any], tuple[Any, Any]]:
        """The jitted function (r², row of 8 numbers) -> (V, −V'(r)/r).

        It is asked at distances up to the cutoff, which is applied outside. Free of branches, so that loops over pairs
        become vector instructions, and of anything but arithmetic and numpy's functions, so that arrays pass through.
        """

    @property
    def max_cutoff(self) -> float:
        """The largest of the cutoffs, length."""
        return float(self.cutoffs.max())

    @property
    def masses(self) -> NDArray[np.float64]:
        """Mass of each species, (S,)."""
        return np.ones(len(self.species_names))

    def interaction(self, *kernels: ModuleType) -> Any:
        """Return the model as compiled kernels take it, an `Interaction`.

        Parameters
        ----------
        *kernels : module
            Those that the kernels are written in, if not in `vitrify.models._kernels`: compiled code kept on disk is used
            again as long as none of these files has changed.
        """
        from vitrify.models import _kernels as own
        from vitrify.particles import _cells

        rows = np.ascontiguousarray(self.kernel_parameters(), dtype=np.float64)
        formula = own.Formula(self.pair_function, (_cells, own, *kernels))
        return own.Interaction(formula, rows, np.ascontiguousarray(self.cutoffs**2))

    def to_dict(self) -> dict[str, Any]:
        """Return the name, the fields and the cutoffs in plain values."""
        own = {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]
        plain = {k: list(v) if isinstance(v, tuple) else v for k, v in own.items()}
        return {"name": self.name, **plain, "cutoffs": self.cutoffs.tolist()}

    @classmethod
    def from_dict(cls, parameters: Mapping[str, Any]) -> Self:
        """Return the model that `to_dict` described."""
        known = {f.name for f in fields(cls)}  # type: ignore[arg-type]
        plain = {k: v for k, v in parameters.items() if k in known}
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in plain.items()})

    def pair_energy(self, r: ArrayLike, species_i: int, species_j: int) -> NDArray[np.float64]:
        """Return V(r) of two particles of these species, the shape of `r`; zero from the cutoff on."""
        return self._pair(r, species_i, species_j)[0]

    def pair_force(self, r: ArrayLike, species_i: int, species_j: int) -> NDArray[np.float64]:
        """Return −V'(r), positive where the pair repels, the shape of `r`; zero from the cutoff on."""
        return self._pair(r, species_i, species_j)[1]

    def _pair(self, r: ArrayLike, a: int, b: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        r = np.asarray(r, float)
        formula = self.pair_function.py_func  # type: ignore[attr-defined]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            energy, weight = formula(r * r, self.kernel_parameters()[a, b])
            inside = r < self.cutoffs[a, b]
            return np.where(inside, energy, 0.0), np.where(inside, weight * r, 0.0)

    def species_in_model(self, frame: Frame) -> NDArray[np.int64]:
        """Return the species of a frame as indices of this model, matched by name, (N,).

        Raises
        ------
        ParameterError
            If the frame has a species that the model lacks.
        """
        missing = [s for s in frame.species_names if s not in self.species_names]
        if missing:
            raise ParameterError(
                f"The model '{self.name}' has no species '{missing[0]}'; it has {', '.join(self.species_names)}. "
                "Name the species of the frame as the model does."
            )
        return np.array([self.species_names.index(s) for s in frame.species_names], np.int64)[frame.species]

    def energy(self, frame: Frame) -> float:
        """Return the potential energy of a configuration."""
        return self.energy_and_forces(frame)[0]

    def energy_and_forces(self, frame: Frame) -> tuple[float, NDArray[np.float64]]:
        """Return the potential energy and the force on each particle.

        Parameters
        ----------
        frame : Frame
            Any box, any tilt, open or periodic, however small beside the cutoff.

        Returns
        -------
        energy : float
            Of all pairs with all their periodic images.
        forces : (N, d) float, energy/length

        Raises
        ------
        ParameterError
            If the frame has a species that the model lacks.

        Notes
        -----
        **Cost** linear in N; about 1 µs a particle and 100 neighbours.
        """
        from vitrify.models import _kernels

        species = self.species_in_model(frame)
        forces = np.zeros((frame.n_particles, 3))
        if not frame.n_particles:
            return 0.0, forces[:, : frame.dimension]
        cells = cell_list(Frame(frame.positions, species, frame.box, self.species_names), self.max_cutoff)
        energy = _kernels.energy_and_forces(self.interaction(), cells, forces)
        return float(energy), forces[:, : frame.dimension].copy()


def check_composition(composition: tuple[float, ...], n_species: int) -> None:
    """Refuse fractions that do not describe a mixture of `n_species`.

    Raises
    ------
    ParameterError
        If their number is wrong, one is negative, or they do not add up to 1.
    """
    if len(composition) != n_species or min(composition) < 0 or abs(sum(composition) - 1) > 1e-9:
        raise ParameterError(
            f"`composition` needs {n_species} fractions that add up to 1; it is {tuple(composition)}."
        )
