"""Hard spheres from collision to collision: exact dynamics without a time step, and compression to a packing fraction."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from vitrify.engines._event_driven_flow import Flow, draw, filled, flight_time, flow_of, hard
from vitrify.engines._event_driven_growth import compress
from vitrify.engines.base import Run, Segment
from vitrify.errors import ConfigurationError, EngineError, ParameterError
from vitrify.files import whole_file
from vitrify.models.hard_spheres import HardSpheres
from vitrify.particles import Box, Frame
from vitrify.provenance import identity

__all__ = ["EventDriven", "Flow", "compress"]

_VELOCITY_STREAM = 1  # of random numbers
_OVERLAP = 1e-10  # of σ: more than that is not rounding
_STRETCH = 4.0  # times σ/√(k_B T/m) without a fresh start of clock and lists


@dataclass(frozen=True)
class EventDriven:
    """Engine "event-driven": hard spheres at constant energy, without a time step.

    Between collisions particles fly straight, and each collision happens at its own time. The energy is all kinetic and
    stays what it was; the temperature is that of the velocities that were drawn, and the thermostat of the run is not
    used. `time_step` times `steps_per_frame` is the time between frames and has no other meaning.

    Parameters
    ----------
    shell : float, length, optional
        How far a particle may go before its neighbours are looked up again; by default what makes about 12 of them (8 in
        2D). It changes the speed, and the trajectory only as rounding does.

    Notes
    -----
    Thermodynamic values of a frame: ``temperature`` of the motion relative to the whole, ``pressure`` from the collisions
    since the frame before, ρ k_B T + Σ r·Δp / (d V Δt), ``conserved_energy`` (kinetic), and beside those that every engine
    has ``collisions``, the number since the frame before, and ``collision_rate``, that per particle and time.
    Every frame is a fresh start of clock, lists and predictions, so a run can be cut at any frame, and the bits stay.

    **Scale** lengths and masses of the model; the time unit is √(m σ²/k_B T) at temperature 1.
    **Differs from** simulations in single precision or with times counted from the beginning: spheres in contact overlap
    by rounding alone, about 1e-15 of a diameter. Pairs are predicted from lists that are renewed one particle at a time, not at cell
    crossings.
    **Invariant under** the choice of `shell`, but for rounding, which collisions amplify.
    **Cost** O(log N) for each collision, and about 0.5 kB a particle.

    References
    ----------
    B. J. Alder, T. E. Wainwright, J. Chem. Phys. 31, 459 (1959); D. C. Rapaport, J. Comput. Phys. 34, 184 (1980);
    B. D. Lubachevsky, J. Comput. Phys. 94, 255 (1991); F. Smallenburg, Eur. Phys. J. E 45, 22 (2022).

    Examples
    --------
    >>> import tempfile
    >>> model = HardSpheres((1.0,), (1.0,))
    >>> two = Frame([[1.0, 2.0, 2.0], [3.0, 2.0, 2.0]], [0, 0], Box.orthorhombic([9.0, 9.0, 9.0]))
    >>> velocities = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    >>> run = Run(model, temperature=1.0, time_step=1.0, steps_per_frame=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     first, second = Path(folder, "0"), Path(folder, "1")
    ...     EventDriven().begin(run, two, velocities, first)
    ...     segment = EventDriven().advance(run, first, 2, second)
    >>> segment.positions[:, :, 0].tolist(), segment.thermo["collisions"].tolist()
    ([[2.0, 3.0], [2.0, 4.0]], [1.0, 0.0])
    """

    name: ClassVar[str] = "event-driven"
    shell: float | None = None

    def __post_init__(self) -> None:
        if self.shell is not None and not self.shell > 0:
            raise ParameterError(f"`shell` must be a positive length; it is {self.shell}.")

    def begin(self, run: Run, start: Frame, velocities: NDArray[np.float64] | None, state: Path) -> None:
        """Write the state from which the first frame follows.

        Parameters
        ----------
        run : Run
            With `HardSpheres` as model.
        start : Frame
            Without overlaps, in a rectangular box that is periodic along every axis, such as `compress` makes.
        velocities : (N, d) float, optional
            Kept as they are. Where none are given, they are drawn from Maxwell's distribution with the seed of the run,
            without motion of the whole and with exactly its temperature.
        state : Path

        Raises
        ------
        ParameterError
            If the model is another, or the box is tilted, open or too small.
        ConfigurationError
            If two particles overlap; the pair is named.
        ShapeError
            If `velocities` have another shape than the positions.
        """
        flow = self._flow(run.model, start, velocities)
        ratio, i, j = flow.closest()
        if ratio < 1 - _OVERLAP:
            where = f" ({start.label})" if start.label else ""
            raise ConfigurationError(
                f"Particles {i} and {j} overlap: they are {ratio:.10g} of their distance of contact apart{where}. Make a start "
                "without overlaps by vitrify.engines.event_driven.compress."
            )
        if velocities is None:
            draw(flow, run.temperature, np.random.default_rng([_VELOCITY_STREAM, run.seed]))
        _write_state(Path(state), flow, start, run.model)

    def advance(self, run: Run, state: Path, n_frames: int, next_state: Path) -> Segment:
        """Return the next `n_frames` frames after `state`; `next_state` appears last and whole.

        Raises
        ------
        ParameterError
            If `n_frames` is below 1.
        EngineError
            If `state` cannot be read or belongs to another model.
        """
        if n_frames < 1:
            raise ParameterError(f"`n_frames` must be at least 1; it is {n_frames}.")
        start, velocities = _read_state(Path(state), hard(run.model))
        flow, d = self._flow(run.model, start, velocities), start.dimension
        stretch = _STRETCH * flight_time(flow, run.temperature)
        pieces = max(1, int(np.ceil(run.frame_interval / stretch)))
        positions = np.empty((n_frames, *start.positions.shape))
        thermo: dict[str, NDArray[np.float64]] = {name: np.zeros(n_frames) for name in _THERMO}
        for k in range(n_frames):
            flow.collisions, flow.virial = 0, 0.0
            for _ in range(pieces):
                flow.go_on(run.frame_interval / pieces)
            positions[k] = flow.positions[:, :d]
            for name, value in _thermo(flow, run.frame_interval, start.box.volume).items():
                thermo[name][k] = value
        end = start.with_positions(positions[-1])
        _write_state(Path(next_state), flow, end, run.model)
        vectors = np.broadcast_to(start.box.vectors, (n_frames, d, d)).copy()
        origin = np.broadcast_to(start.box.origin, (n_frames, d)).copy()
        return Segment(positions, vectors, origin, thermo)

    def configuration(
        self, state: Path, species_names: tuple[str, ...] = ()
    ) -> tuple[Frame, NDArray[np.float64]]:
        """Return the frame (unwrapped) and the velocities (N, d) held in a state file.

        Raises
        ------
        EngineError
            If it cannot be read.
        """
        frame, velocities = _read_state(Path(state), None)
        names = species_names or frame.species_names
        return Frame(frame.positions, frame.species, frame.box, names, str(state)), velocities

    def relax(self, start: Frame, model: Any, state: Path, run: Run) -> None:
        """Write the state that follows from a start with overlaps: spheres grown in its box, then given velocities."""
        frame, _ = compress(start, model, filled(start, hard(model)), seed=run.seed)
        self.begin(run, frame, None, state)

    def _flow(self, model: Any, start: Frame, velocities: NDArray[np.float64] | None) -> Flow:
        return flow_of(model, start, velocities, self.shell)


_THERMO = (
    "potential_energy",
    "temperature",
    "pressure",
    "conserved_energy",
    "collisions",
    "collision_rate",
)


def _thermo(flow: Flow, duration: float, volume: float) -> dict[str, float]:
    """Values of a frame whose collisions of the `duration` before are counted in `flow`."""
    n, d, temperature = len(flow.masses), len(flow.lengths), flow.temperature
    return {
        "potential_energy": 0.0,
        "temperature": temperature,
        "pressure": (n * temperature + flow.virial / (d * duration)) / volume,
        "conserved_energy": flow.kinetic_energy,
        "collisions": float(flow.collisions),
        "collision_rate": flow.collisions / (n * duration),
    }


def _write_state(path: Path, flow: Flow, frame: Frame, model: HardSpheres) -> None:
    with whole_file(path) as beside, open(beside, "wb") as file:
        np.savez(
            file,
            positions=frame.positions,
            velocities=flow.velocities[:, : frame.dimension],
            species=frame.species,
            species_names=np.array(frame.species_names),
            box_vectors=frame.box.vectors,
            box_origin=frame.box.origin,
            model=np.array(identity(model)),
        )


def _read_state(path: Path, model: HardSpheres | None) -> tuple[Frame, NDArray[np.float64]]:
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as held:
            box = Box(held["box_vectors"], held["box_origin"])
            names = tuple(str(name) for name in held["species_names"])
            frame = Frame(held["positions"], held["species"], box, names, str(path))
            velocities, found = np.array(held["velocities"]), str(held["model"])
    except Exception as error:
        raise EngineError(
            f"{path} is missing or is not a whole state of hard spheres ({error}). Delete it and begin the run again."
        ) from error
    if model is not None and found != identity(model):
        raise EngineError(
            f"{path} belongs to other hard spheres ({found}, not {identity(model)}). Go on with the parameters it was begun with."
        )
    return frame, velocities
