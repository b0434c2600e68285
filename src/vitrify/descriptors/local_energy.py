"""Local energy: what a particle's bonds with all its neighbours are worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.descriptors.base import Descriptor, as_particles
from vitrify.errors import ParameterError
from vitrify.particles.frame import Frame
from vitrify.particles.neighbors import cell_list
from vitrify.units import LJ, Units

if TYPE_CHECKING:
    from vitrify.models.base import PairModel

_PAIRS_AT_A_TIME = 2**20


@dataclass(frozen=True)
class LocalEnergy(Descriptor):
    r"""Sum of the pair energies of a particle with all its neighbours.

    .. math::

        E_L(i) = \sum_{j \ne i} V_{s_i s_j}(R_{ij})

    The full sum, not half of it: what would be gained by taking the particle out.

    Parameters
    ----------
    model : PairModel, default the Kob-Andersen mixture
        With the cutoffs and the truncation of its `pair_energy`; both shift E_L. Species are matched by name.

    Raises
    ------
    ParameterError
        On evaluation, if the model lacks a species of the frame.

    Notes
    -----
    **Scale**: an energy; the sum over all particles is twice the potential energy. Kob-Andersen A particles at T = 0.44:
    −15.7 ± 1.5, unshifted and cut at 2.5 σ_ij.
    **Differs from**: energies per particle that share each bond between its two ends (half of ours).
    **Invariant under**: translations, rotations and reflections, relabelling of particles of one species, any choice
    of periodic images.
    **Cost**: linear in particles and neighbours, about 20 MB of pairs at a time.

    References
    ----------
    Cubuk, PhD thesis (Harvard, 2016), section 6.3.

    Examples
    --------
    >>> from vitrify.particles import Box
    >>> class Springs:
    ...     name, species_names, cutoffs = "springs", ("A",), ((1.0,),)
    ...     def pair_energy(self, r, a, b):
    ...         return (1 - r) ** 2
    >>> three = Frame([[0.0, 0.0], [0.5, 0.0], [1.1, 0.0]], [0, 0, 0], Box.orthorhombic([9.0, 9.0]))
    >>> LocalEnergy(Springs()).evaluate(three).round(6).ravel().tolist()
    [0.25, 0.41, 0.16]
    """

    name: ClassVar[str] = "local_energy"
    model: PairModel = None  # type: ignore[assignment]  # None becomes the default in __post_init__

    def __post_init__(self) -> None:
        if self.model is None:
            from vitrify.models.kob_andersen import KobAndersen

            object.__setattr__(self, "model", KobAndersen())

    @classmethod
    def from_parameters(cls, parameters: dict[str, Any]) -> LocalEnergy:
        """Return the local energy of the model that ``parameters["model"]`` describes."""
        from vitrify.models import MODELS

        if "model" not in parameters:
            return cls()
        model = parameters["model"]
        return cls(MODELS.load(model["name"]).from_dict(model))

    @property
    def cutoff(self) -> float:
        """The largest cutoff of the model, length."""
        return float(np.max(np.asarray(self.model.cutoffs, float)))

    def knows(self, species_names: tuple[str, ...]) -> bool:
        """Return whether the model has all these species."""
        return set(species_names) <= set(self.model.species_names)

    def feature_names(self, species_names: tuple[str, ...]) -> tuple[str, ...]:
        """Return ``("E_L",)``."""
        del species_names
        return ("E_L",)

    def attributes(self, units: Units = LJ) -> dict[str, str]:
        """Return units, symbol, long_name and definition of the feature."""
        return {
            "units": units.energy,
            "symbol": "E_L",
            "long_name": "local energy",
            "definition": f"sum_(j!=i) V(R_ij) of the model {self.model.name}, full sum, R_ij < {self.cutoff:g} {units.length}",
        }

    def evaluate(self, frame: Frame, particles: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return E_L(i), (n, 1), energy."""
        from vitrify.descriptors import _kernels

        chosen = as_particles(frame, particles)
        in_model = self._species_in_model(frame.species_names)
        values = np.zeros((len(chosen), 1))
        if not len(chosen):
            return values
        cells = cell_list(frame, self.cutoff)
        centres = cells.rank[chosen]
        counts = np.empty(len(centres), np.int64)
        _kernels.count_neighbours(cells, centres, counts)
        ends = np.cumsum(counts)
        start = 0
        while start < len(centres):
            before = ends[start] - counts[start]
            stop = max(start + 1, int(np.searchsorted(ends, before + _PAIRS_AT_A_TIME, side="right")))
            block = slice(start, stop)
            starts = ends[block] - counts[block] - before
            squared, other = np.empty(ends[stop - 1] - before), np.empty(ends[stop - 1] - before, np.int64)
            _kernels.list_neighbours(cells, centres[block], starts, squared, other)
            row = np.repeat(np.arange(stop - start), counts[block])
            own = in_model[cells.species[centres[block]]][row]
            energy = self._energies(np.sqrt(squared), own, in_model[other])
            values[block, 0] = np.bincount(row, energy, minlength=stop - start)
            start = stop
        return values

    def _energies(
        self, r: NDArray[np.float64], own: NDArray[np.int64], other: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Energy of each pair, one pair of species after the other."""
        cutoffs = np.asarray(self.model.cutoffs, float)
        energy = np.zeros(len(r))
        for a in range(len(cutoffs)):
            for b in range(len(cutoffs)):
                these = np.flatnonzero((own == a) & (other == b) & (r < cutoffs[a, b]))
                if len(these):
                    energy[these] = self.model.pair_energy(r[these], a, b)
        return energy

    def _species_in_model(self, species_names: tuple[str, ...]) -> NDArray[np.int64]:
        known = tuple(self.model.species_names)
        missing = [s for s in species_names if s not in known]
        if missing:
            raise ParameterError(
                f"The `model` '{self.model.name}' has no species '{missing[0]}'; it has {', '.join(known)}. "
                "Name the species of the frame as the model does."
            )
        return np.array([known.index(s) for s in species_names], np.int64)
