"""Inherent structures: every frame brought to the minimum of its potential energy."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ParameterError
from vitrify.particles import Box

MINIMIZERS = ("lbfgs", "fire", "lammps-cg")


class QuenchResult(NamedTuple):
    """Inherent structures of some frames.

    Attributes
    ----------
    positions : (F, N, d) float, length
        Unwrapped as the input was.
    energy : (F,) float, energy
        Per particle.
    max_force : (F,) float, energy/length
    iterations : (F,) int
    converged : (F,) bool
    """

    positions: NDArray[np.float64]
    energy: NDArray[np.float64]
    max_force: NDArray[np.float64]
    iterations: NDArray[np.int64]
    converged: NDArray[np.bool_]


@dataclass(frozen=True)
class Quench:
    """Provisional."""

    name: ClassVar[str] = "quench"
    minimizer: str = "lbfgs"
    force_tolerance: float = 1e-4
    max_iterations: int = 20_000

    def __post_init__(self) -> None:
        if self.minimizer not in MINIMIZERS:
            raise ParameterError(f"`minimizer` must be one of {', '.join(MINIMIZERS)}; it is '{self.minimizer}'.")

    def to_dict(self) -> dict[str, Any]:
        """Return the name and the parameters."""
        return {"name": self.name, **asdict(self)}

    def run(self, model: Any, positions: Any, species: Any, box_vectors: Any, box_origin: Any, periodic: Any) -> QuenchResult:
        """Quench."""
        from vitrify.protocols import _kernels as K
        from vitrify.protocols import _minimize as M

        out = []
        for x, v, o in zip(positions, box_vectors, box_origin, strict=True):
            box = Box(v, o, periodic)
            w = box.fractional(box.wrap(x))
            cell = np.floor(w * np.maximum(box.heights // 2.4, 1)).astype(int)
            order = np.lexsort((cell[:, 2], cell[:, 1], cell[:, 0], species))
            n_species = len(model.species_names)
            blocks = np.searchsorted(np.asarray(species)[order], np.arange(n_species + 1))
            edges = np.zeros((n_species, n_species))
            system = K.System(blocks, v, box.inverse.copy(), box.heights, o, np.asarray(periodic), model.cutoffs, model.max_cutoff, edges)
            start = np.ascontiguousarray(x[order])
            end, energy, force, it, _ = M.lbfgs(
                model.interaction(), system, start, self.force_tolerance, self.max_iterations
            )
            back = np.empty_like(x)
            back[order] = end
            out.append((back, energy / len(x), force, it, force < self.force_tolerance))
        columns = [np.array(c) for c in zip(*out, strict=True)]
        return QuenchResult(*columns)
