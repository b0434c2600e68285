"""Molecular dynamics of small systems in compiled code: many short runs, from state file to state file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from vitrify.engines._clusters import Motion
from vitrify.engines.base import Run, Segment
from vitrify.errors import EngineError, ParameterError, ShapeError
from vitrify.files import whole_file
from vitrify.models.base import PairModel
from vitrify.particles import Box, Frame
from vitrify.provenance import identity

__all__ = ["Verlet"]

_VELOCITY_STREAM = 3
_THERMOSTATS = ("nose-hoover", "none")


@dataclass(frozen=True)
class Verlet:
    """Engine "verlet": dynamics of any pair model in a box that is large beside its cutoff, for many small systems.

    Velocity Verlet with a chain of three Nosé-Hoover thermostats, or at constant energy (thermostat "none"). Distances and
    forces are in single precision, positions, velocities and the values of a frame in double.

    Parameters
    ----------
    skin : float, length, default 0.3
        How far beyond the cutoffs neighbours are listed. It changes the speed, and the trajectory only as rounding does.

    Notes
    -----
    Thermodynamic values of a frame: ``potential_energy``, ``temperature`` of the motion relative to the whole, ``pressure``
    and ``conserved_energy``, as those of the engine "lammps".

    **Scale** lengths, energies and masses of the model.
    **Differs from** the engine "lammps" in single precision of the forces, about 1e-6 of the largest, and in boxes: all
    axes periodic, heights at least twice the cutoff and the skin.
    **Invariant under** the choice of `skin` and of periodic images, but for rounding, which chaos amplifies.
    **Cost** linear in N up to about 1e4 particles, then the search for neighbours grows as N²; one core a run.

    References
    ----------
    L. Verlet, Phys. Rev. 159, 98 (1967); G. J. Martyna, M. E. Tuckerman, D. J. Tobias, M. L. Klein, Mol. Phys. 87, 1117
    (1996); S. Páll, B. Hess, Comput. Phys. Commun. 184, 2641 (2013), for clusters instead of particles in lists.

    Examples
    --------
    >>> import tempfile
    >>> from vitrify.engines.base import Thermostat
    >>> from vitrify.models.harmonic_spheres import HarmonicSpheres
    >>> two = Frame([[1.0, 2.0, 2.0], [1.9, 2.0, 2.0]], [0, 0], Box.orthorhombic([9.0, 9.0, 9.0]))
    >>> run = Run(HarmonicSpheres(), 1.0, time_step=0.01, steps_per_frame=100, thermostat=Thermostat("none"))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     first, second = Path(folder, "0"), Path(folder, "1")
    ...     Verlet().begin(run, two, np.zeros((2, 3)), first)
    ...     segment = Verlet().advance(run, first, 3, second)
    >>> segment.thermo["conserved_energy"].round(6).tolist()
    [0.01, 0.01, 0.01]
    """

    name: ClassVar[str] = "verlet"
    skin: float = 0.3

    def __post_init__(self) -> None:
        if not (np.isfinite(self.skin) and self.skin > 0):
            raise ParameterError(f"`skin` must be a positive length; it is {self.skin}.")

    def begin(self, run: Run, start: Frame, velocities: NDArray[np.float64] | None, state: Path) -> None:
        """Write the state from which the first frame follows.

        Parameters
        ----------
        run : Run
            With any `PairModel` that has forces, and the thermostat "nose-hoover" or "none".
        start : Frame
            Periodic along every axis.
        velocities : (N, d) float, optional
            Kept as they are. Where none are given, they are drawn from Maxwell's distribution with the seed of the run,
            without motion of the whole and with exactly its temperature.
        state : Path

        Raises
        ------
        ParameterError
            If model or thermostat are others, the box is open, or too small for the cutoff.
        ShapeError
            If `velocities` have another shape than the positions.
        """
        self._check(run, start)
        n, d = start.positions.shape
        if velocities is None:
            velocities = _draw(run, start)
        elif np.shape(velocities) != (n, d):
            raise ShapeError(f"`velocities` must have shape ({n}, {d}); they have {np.shape(velocities)}.")
        _write_state(Path(state), start, np.asarray(velocities, np.float64), np.zeros(6), run.model)

    def advance(self, run: Run, state: Path, n_frames: int, next_state: Path) -> Segment:
        """Return the next `n_frames` frames after `state`; `next_state` appears last and whole.

        Raises
        ------
        ParameterError
            If `n_frames` is below 1.
        EngineError
            If `state` cannot be read or belongs to another model, or the motion breaks down.
        """
        if n_frames < 1:
            raise ParameterError(f"`n_frames` must be at least 1; it is {n_frames}.")
        start, motion = self._motion(run, Path(state))
        positions, thermo = np.empty((n_frames, *start.positions.shape)), []
        for k in range(n_frames):
            self._steps(motion, run, run.steps_per_frame, 0.0, k * run.steps_per_frame, state)
            positions[k] = motion.positions
            thermo.append(_thermo(motion, run))
        end = start.with_positions(positions[-1])
        _write_state(Path(next_state), end, motion.velocities, motion.heat, run.model)
        d = start.dimension
        vectors = np.broadcast_to(start.box.vectors, (n_frames, d, d)).copy()
        origin = np.broadcast_to(start.box.origin, (n_frames, d)).copy()
        values = {name: np.array([t[name] for t in thermo]) for name in thermo[0]}
        return Segment(positions, vectors, origin, values)

    def relax(self, start: Frame, model: Any, state: Path, run: Run) -> None:
        """Write the state that follows from a start with overlaps: pushed apart downhill, then given velocities."""
        self._check(run, start)
        motion = Motion(model, start, np.zeros_like(start.positions), self.skin)
        motion.push_apart()
        self.begin(run, start.with_positions(motion.positions), None, state)

    def ramp(self, run: Run, final_temperature: float, state: Path, steps: int, next_state: Path) -> None:
        """Run `steps` steps while the thermostat goes linearly from `run.temperature` to `final_temperature`."""
        start, motion = self._motion(run, Path(state))
        change = (final_temperature - run.temperature) / max(steps, 1)
        self._steps(motion, run, steps, change, 0, state)
        end = start.with_positions(motion.positions)
        _write_state(Path(next_state), end, motion.velocities, motion.heat, run.model)

    def configuration(
        self, state: Path, species_names: tuple[str, ...] = ()
    ) -> tuple[Frame, NDArray[np.float64]]:
        """Return the frame (unwrapped) and the velocities (N, d) held in a state file.

        Raises
        ------
        EngineError
            If it cannot be read.
        """
        frame, velocities, _ = _read_state(Path(state), None)
        names = species_names or frame.species_names
        return Frame(frame.positions, frame.species, frame.box, names, str(state)), velocities

    def _motion(self, run: Run, state: Path) -> tuple[Frame, Motion]:
        start, velocities, heat = _read_state(state, run.model)
        self._check(run, start)
        return start, Motion(run.model, start, velocities, self.skin, heat)

    def _steps(self, motion: Motion, run: Run, steps: int, change: float, before: int, state: Path) -> None:
        tau = run.thermostat.time_constant if run.thermostat.name == "nose-hoover" else 0.0
        done = motion.go_on(steps, run.time_step, run.temperature, change, tau)
        if not np.isfinite(motion.twice):
            raise EngineError(
                f"The motion broke down at step {before + done} after {state}: velocities are no longer finite. Use a smaller "
                f"`time_step` (it is {run.time_step}), or a start without overlaps."
            )

    def _check(self, run: Run, start: Frame) -> None:
        if not isinstance(run.model, PairModel):
            raise ParameterError(
                f"The engine 'verlet' needs a pair model as `model`; got {type(run.model).__name__}."
            )
        run.model.kernel_parameters()  # of those without forces, it says so
        if run.thermostat.name not in _THERMOSTATS:
            raise ParameterError(
                f"The engine 'verlet' has the thermostats {', '.join(map(repr, _THERMOSTATS))}, not '{run.thermostat.name}'."
            )
        _check_box(start.box, run.model.max_cutoff, self.skin)


def _check_box(box: Box, cutoff: float, skin: float) -> None:
    if not box.periodic.all():
        raise ParameterError(
            "The engine 'verlet' needs a box that is periodic along every axis; it is periodic along "
            f"{box.periodic.tolist()}. Use the engine 'lammps'."
        )
    needed, found = 2 * (cutoff + skin), float(box.heights.min())
    if found < needed:
        raise ParameterError(
            f"The engine 'verlet' needs a box at least 2 (cutoff + skin) = {needed:.4g} high along every axis; the least height "
            f"is {found:.4g}. Use more particles, a thinner `skin` (it is {skin}), or the engine 'lammps'."
        )


def _draw(run: Run, start: Frame) -> NDArray[np.float64]:
    """Return velocities of Maxwell's distribution, of exactly the temperature of the run, while the whole rests."""
    (n, d), rng = start.positions.shape, np.random.default_rng([_VELOCITY_STREAM, run.seed])
    masses = run.model.masses[run.model.species_in_model(start)]
    velocities = rng.normal(size=(n, d)) * np.sqrt(run.temperature / masses)[:, None]
    if n < 2:
        return velocities
    velocities -= masses @ velocities / masses.sum()
    twice = float((masses[:, None] * velocities**2).sum())
    return np.asarray(velocities * np.sqrt(run.temperature * d * (n - 1) / twice), np.float64)


def _thermo(motion: Motion, run: Run) -> dict[str, float]:
    """Values of a frame."""
    energy, virial = motion.energy_and_virial()
    d, freedom, heat = motion.box.dimension, motion.freedom, motion.heat
    conserved = energy + 0.5 * motion.twice
    if run.thermostat.name == "nose-hoover":
        inertia = run.temperature * run.thermostat.time_constant**2 * np.array([freedom, 1.0, 1.0])
        conserved += float(
            0.5 * inertia @ heat[3:] ** 2 + run.temperature * (freedom * heat[0] + heat[1] + heat[2])
        )
    return {
        "potential_energy": energy,
        "temperature": motion.twice / freedom,
        "pressure": (motion.twice + virial) / (d * motion.box.volume),
        "conserved_energy": conserved,
    }


def _write_state(
    path: Path, frame: Frame, velocities: NDArray[np.float64], heat: NDArray[np.float64], model: PairModel
) -> None:
    with whole_file(path) as beside, open(beside, "wb") as file:
        np.savez(
            file,
            positions=frame.positions,
            velocities=velocities,
            heat=heat,
            species=frame.species,
            species_names=np.array(frame.species_names),
            box_vectors=frame.box.vectors,
            box_origin=frame.box.origin,
            model=np.array(identity(model)),
        )


def _read_state(
    path: Path, model: PairModel | None
) -> tuple[Frame, NDArray[np.float64], NDArray[np.float64]]:
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as held:
            box = Box(held["box_vectors"], held["box_origin"])
            names = tuple(str(name) for name in held["species_names"])
            frame = Frame(held["positions"], held["species"], box, names, str(path))
            velocities, heat, found = np.array(held["velocities"]), np.array(held["heat"]), str(held["model"])
    except Exception as error:
        raise EngineError(
            f"{path} is missing or is not a whole state of the engine 'verlet' ({error}). Delete it and begin the run again."
        ) from error
    if model is not None and found != identity(model):
        raise EngineError(
            f"{path} belongs to another model ({found}, not {identity(model)}). Go on with the parameters it was begun with."
        )
    return frame, velocities, heat
