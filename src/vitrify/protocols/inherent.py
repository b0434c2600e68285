"""Inherent structures: the minimum of the potential energy that lies below each thermal configuration."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ConvergenceError, ParameterError, ShapeError
from vitrify.models.base import PairModel
from vitrify.particles.box import Box
from vitrify.particles.frame import Frame
from vitrify.particles.neighbors import require_distinct

_MINIMIZERS = ("lbfgs", "fire", "lammps-cg")
_SPACING = 2.4  # of the cells by which particles are ordered for the memory's sake


@dataclass(frozen=True)
class QuenchResult:
    """What a quench found, frame by frame.

    Parameters
    ----------
    positions : (F, N, d) float, length
        Start plus displacement, never wrapped: as unwrapped as the positions that were given.
    energy : (F,) float, energy
        Potential energy per particle at the minimum.
    max_force : (F,) float, energy/length
        Length of the largest force left on a particle.
    iterations : (F,) int
    converged : (F,) bool
        Whether `max_force` is below the tolerance; the positions of the other frames are no inherent structures.
    evaluations : (F,) int
        How often the forces were computed; 0 where the minimizer does not say.
    """

    positions: NDArray[np.float64]
    energy: NDArray[np.float64]
    max_force: NDArray[np.float64]
    iterations: NDArray[np.int64]
    converged: NDArray[np.bool_]
    evaluations: NDArray[np.int64]


@dataclass(frozen=True)
class Quench:
    """Bring configurations to the minimum of their potential energy.

    Parameters
    ----------
    minimizer : {"lbfgs", "fire", "lammps-cg"}, default "lbfgs"
        Limited-memory BFGS and FIRE are vitrify's own, for any pair model; "lammps-cg" is LAMMPS' conjugate gradient.
    force_tolerance : float, energy/length, default 1e-4
        Done when no particle feels a larger force. What is left to the minimum, Kob-Andersen, N = 1000: at 1e-4 no
        particle of 20 frames was further than 1.3e-4 σ (median of the frames' largest 1.5e-5), at 1e-3 4.4e-4.
    max_iterations : int, default 20000
        After which a frame is given back as not converged.

    Raises
    ------
    ParameterError
        If a parameter is none of these.

    Notes
    -----
    **Scale**: lengths and energies of the model.
    **Differs from**: steepest descent, which defines the basins. Every faster minimizer ends in another basin now and
    then: Kob-Andersen, N = 1000, T = 0.47, particles further than 0.1 σ from where steepest descent takes them, mean of
    20 frames: 38 with "lbfgs", 35 with LAMMPS' cg, 38 with FIRE; none at all in nearly half of the frames. Keep one
    minimizer throughout a study.
    **Invariant under**: translations, images, relabelling, up to rounding.
    **Cost**: about 190 force evaluations a frame of 1000 Kob-Andersen particles at T = 0.47, 0.08 s on one core; memory
    about 2 kB a particle.

    References
    ----------
    D. C. Liu, J. Nocedal, Math. Program. 45, 503 (1989); E. Bitzek et al., Phys. Rev. Lett. 97, 170201 (2006);
    F. H. Stillinger, T. A. Weber, Phys. Rev. A 25, 978 (1982).

    Examples
    --------
    >>> from vitrify.models.harmonic_spheres import HarmonicSpheres
    >>> pressed = np.array([[[0.0, 0.0], [0.7, 0.0]]])
    >>> result = Quench().run(
    ...     HarmonicSpheres(), pressed, [0, 0], 9 * np.eye(2)[None], np.zeros((1, 2)), [True, True]
    ... )
    >>> result.positions.round(3).tolist(), bool(result.converged[0])
    ([[[-0.15, 0.0], [0.85, 0.0]]], True)
    """

    minimizer: Literal["lbfgs", "fire", "lammps-cg"] = "lbfgs"
    force_tolerance: float = 1e-4
    max_iterations: int = 20_000

    def __post_init__(self) -> None:
        if self.minimizer not in _MINIMIZERS:
            raise ParameterError(
                f"`minimizer` must be one of {', '.join(_MINIMIZERS)}; it is '{self.minimizer}'."
            )
        if not (np.isfinite(self.force_tolerance) and self.force_tolerance > 0):
            raise ParameterError(f"`force_tolerance` must be a positive force; it is {self.force_tolerance}.")
        if self.max_iterations < 1:
            raise ParameterError(f"`max_iterations` must be at least 1; it is {self.max_iterations}.")

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters."""
        return asdict(self)

    def run(
        self,
        model: PairModel,
        positions: ArrayLike,
        species: ArrayLike,
        box_vectors: ArrayLike,
        box_origin: ArrayLike,
        periodic: ArrayLike,
    ) -> QuenchResult:
        """Return the inherent structures of F configurations.

        Parameters
        ----------
        model : PairModel
        positions : (F, N, d) array_like of float, length
            Wrapped or unwrapped.
        species : (N,) array_like of int
            In the order of ``model.species_names``.
        box_vectors : (F, d, d) array_like of float, length
            Rows are the cell vectors.
        box_origin : (F, d) array_like of float, length
        periodic : (d,) array_like of bool

        Returns
        -------
        QuenchResult

        Raises
        ------
        ShapeError
            If shapes disagree.
        ConfigurationError
            If a frame has coordinates that are not finite or two particles on one spot; it is named.
        ParameterError
            If a species is not in the model.
        MissingExtraError
            If LAMMPS is asked for and is not there.
        """
        positions = np.asarray(positions, np.float64)
        vectors, origins = np.asarray(box_vectors, np.float64), np.asarray(box_origin, np.float64)
        if positions.ndim != 3 or vectors.shape[:1] != positions.shape[:1] or len(origins) != len(positions):
            raise ShapeError(
                "`positions`, `box_vectors` and `box_origin` need shapes (F, N, d), (F, d, d) and (F, d); they have "
                f"{positions.shape}, {vectors.shape}, {origins.shape}."
            )
        found = []
        for k in range(len(positions)):
            box = Box(vectors[k], origins[k], np.asarray(periodic, bool))
            frame = Frame(positions[k], np.asarray(species), box, _names(model, species), f"frame {k}")
            require_distinct(frame)
            found.append(self._one(model, frame))
        shape = (0, *positions.shape[1:])
        x = np.stack([f[0] for f in found]) if found else np.empty(shape)
        energy, force, iterations, evaluations = (np.array([f[m] for f in found]) for m in range(1, 5))
        n = max(positions.shape[1], 1)
        return QuenchResult(
            x,
            energy.astype(np.float64) / n,
            force.astype(np.float64),
            iterations.astype(np.int64),
            np.asarray(force <= self.force_tolerance, bool),
            evaluations.astype(np.int64),
        )

    def _one(self, model: PairModel, frame: Frame) -> tuple[NDArray[np.float64], float, float, int, int]:
        """Return positions, energy, largest force, iterations and force evaluations."""
        if frame.n_particles == 0:
            return frame.positions.copy(), 0.0, 0.0, 0, 0
        if self.minimizer == "lammps-cg":
            return self._by_lammps(model, frame)
        from vitrify.protocols import _kernels, _minimize, _springs, _verlet

        descend = _minimize.lbfgs if self.minimizer == "lbfgs" else _minimize.fire
        order = _memory_order(frame)
        start = np.zeros((frame.n_particles, 3))
        start[:, : frame.dimension] = frame.positions[order]
        interaction = model.interaction(_verlet, _kernels, _springs, _minimize)
        system = _system(model, frame)
        x, energy, force, iterations, evaluations = descend(
            interaction, system, start, self.force_tolerance, self.max_iterations
        )
        out = np.empty_like(frame.positions)
        out[order] = x[:, : frame.dimension]
        return out, float(energy), float(force), int(iterations), int(evaluations)

    def _by_lammps(
        self, model: PairModel, frame: Frame
    ) -> tuple[NDArray[np.float64], float, float, int, int]:
        from vitrify.engines.lammps import minimize_frames

        x, energy, force, iterations = minimize_frames(
            model,
            frame.positions[None],
            frame.species,
            frame.box,
            force_tolerance=self.force_tolerance,
            max_iterations=self.max_iterations,
        )
        return x[0], float(energy[0]), float(force[0]), int(iterations[0]), 0


def quench(model: PairModel, frame: Frame, method: Quench | None = None) -> Frame:
    """Return the inherent structure of one configuration.

    Parameters
    ----------
    model : PairModel
        Its species are matched with those of the frame by name.
    frame : Frame
    method : Quench, optional
        Default ``Quench()``.

    Returns
    -------
    Frame
        With the same particles, as unwrapped as they were.

    Raises
    ------
    ConvergenceError
        If the minimizer stopped before its criterion was met.

    Examples
    --------
    >>> from vitrify.models.harmonic_spheres import HarmonicSpheres
    >>> pressed = Frame([[0.0, 0.0], [0.7, 0.0]], [0, 0], Box.orthorhombic([9.0, 9.0]))
    >>> quench(HarmonicSpheres(), pressed).positions.round(3).tolist()
    [[-0.15, 0.0], [0.85, 0.0]]
    """
    method = Quench() if method is None else method
    box = frame.box
    result = method.run(
        model,
        frame.positions[None],
        model.species_in_model(frame),
        box.vectors[None],
        box.origin[None],
        box.periodic,
    )
    if not result.converged[0]:
        where = f" of {frame.label}" if frame.label else ""
        raise ConvergenceError(
            f"The quench{where} stopped after {result.iterations[0]} iterations with a force of {result.max_force[0]:.1e} "
            f"left; `force_tolerance` = {method.force_tolerance:.1e} was asked for. Raise `max_iterations` "
            f"({method.max_iterations}) or the tolerance."
        )
    return frame.with_positions(result.positions[0])


def _names(model: PairModel, species: ArrayLike) -> tuple[str, ...]:
    known = len(model.species_names)
    largest = int(np.max(np.asarray(species), initial=0))
    if largest >= known:
        raise ParameterError(
            f"`species` goes up to {largest}; the model '{model.name}' has {known} species, "
            f"{', '.join(model.species_names)}, counted from 0."
        )
    return tuple(model.species_names)


def _memory_order(frame: Frame) -> NDArray[np.int64]:
    """Return the particles by species and place, so that neighbours lie near each other in memory."""
    fractional = frame.box.fractional(frame.box.wrap(frame.positions))
    cell = np.floor(fractional * np.maximum(frame.box.heights // _SPACING, 1)).astype(np.int64)
    return np.lexsort((*cell.T[::-1], frame.species))


def _system(model: PairModel, frame: Frame) -> Any:
    """Return what the kernels need besides the positions, lifted to three dimensions."""
    from vitrify.protocols._verlet import System

    d, box = frame.dimension, frame.box
    vectors, heights, origin, periodic = np.eye(3), np.ones(3), np.zeros(3), np.zeros(3, bool)
    vectors[:d, :d], heights[:d], origin[:d], periodic[:d] = (
        box.vectors,
        box.heights,
        box.origin,
        box.periodic,
    )
    cutoffs, rows = model.cutoffs, model.kernel_parameters()
    formula = model.pair_function.py_func  # type: ignore[attr-defined]
    n_species = len(cutoffs)
    edges = [[formula(cutoffs[a, b] ** 2, rows[a, b])[0] for b in range(n_species)] for a in range(n_species)]
    blocks = np.searchsorted(np.sort(frame.species), np.arange(n_species + 1))
    return System(
        blocks.astype(np.int64),
        vectors,
        np.linalg.inv(vectors),
        heights,
        origin,
        periodic,
        np.ascontiguousarray(cutoffs, dtype=np.float64),
        float(cutoffs.max()),
        np.array(edges, np.float64),
    )
