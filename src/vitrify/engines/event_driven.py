"""Hard spheres from collision to collision: exact dynamics without a time step, and compression to a packing fraction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from vitrify.engines.base import Run, Segment
from vitrify.errors import ConfigurationError, ConvergenceError, EngineError, ParameterError, ShapeError
from vitrify.files import whole_file
from vitrify.models.hard_spheres import HardSpheres
from vitrify.particles import Box, Frame
from vitrify.provenance import identity

__all__ = ["EventDriven", "Flow", "compress"]

_VELOCITY_STREAM, _COMPRESSION_STREAM = 1, 2
_NEIGHBOURS = {
    2: 8.0,
    3: 12.0,
}  # that a list should hold: with more, more pairs are tried; with fewer, lists end sooner
_THINNEST_SHELL = 0.02  # of the mean diameter
_LEAST_BOX = 2.1  # largest diameters
_OVERLAP = 1e-10  # of σ: more than that is not rounding
_STRETCH = 4.0  # times σ/√(k_B T/m) without a fresh start of clock and lists
_GROWTH_STEP = 0.01  # of the diameters, before velocities are brought back to their temperature
_JAMMED = 1e4  # collisions a particle during the time in which a free one moves by its diameter


@dataclass
class Flow:
    """Spheres on their way: what the kernels need between two calls. Positions are unwrapped.

    Attributes
    ----------
    positions, velocities : (N, 3) float
        The third component is 0 in two dimensions.
    radii, masses : (N,) float
    lengths : (d,) float
        Of the box.
    shell : float, optional
        As of `EventDriven`.
    collisions : int
        Counted so far.
    virial : float, energy
        Σ r·Δp over them.
    lookups, stale : int
        How often a list was renewed and an event had become stale: what the dynamics costs besides collisions.
    """

    positions: NDArray[np.float64]
    velocities: NDArray[np.float64]
    radii: NDArray[np.float64]
    masses: NDArray[np.float64]
    lengths: NDArray[np.float64]
    shell: float | None = None
    collisions: int = 0
    virial: float = 0.0
    lookups: int = 0
    stale: int = 0

    @property
    def kinetic_energy(self) -> float:
        """Σ m v²/2, the motion of the whole included."""
        return float(0.5 * (self.masses[:, None] * self.velocities**2).sum())

    @property
    def temperature(self) -> float:
        """Kinetic temperature in the frame in which the whole rests, 2 K/(d (N − 1))."""
        n, d = len(self.masses), len(self.lengths)
        drift = self.masses @ self.velocities / self.masses.sum()
        own = 0.5 * (self.masses[:, None] * (self.velocities - drift) ** 2).sum()
        return float(2 * own / (d * max(n - 1, 1)))

    def go_on(self, duration: float, growth: float = 0.0, most: int = -1) -> float:
        """Move on for `duration` while the radii grow by `growth` of themselves per time; return for how long it went well.

        That is less than `duration` where there were `most` collisions before; then the flow is where it was.
        """
        from vitrify.engines import _event_driven_kernels as kernels

        capacity = 32
        while True:
            system, order = self._system(duration, growth, capacity)
            ending, end, collisions, virial, lookups, stale = kernels.run(system, duration, most)
            if ending != kernels.LISTS_FULL:
                break
            capacity *= 2
        if ending == kernels.TOO_MANY:
            return float(end)
        bodies = np.empty_like(system.bodies)
        bodies[order] = system.bodies
        self.positions, self.velocities = bodies[:, 0:3].copy(), bodies[:, 3:6].copy()
        self.radii = bodies[:, kernels.RADIUS].copy()
        self.collisions += int(collisions)
        self.virial += float(virial)
        self.lookups += int(lookups)
        self.stale += int(stale)
        return duration

    def closest(self) -> tuple[float, int, int]:
        """Return the smallest distance over σ_ij, and the pair; infinite if nothing is near."""
        from vitrify.engines import _event_driven_kernels as kernels

        n, d = len(self.radii), len(self.lengths)
        spacing = float((np.prod(self.lengths) / max(n, 1)) ** (1 / d))
        lengths, inverse, grid = _periodic(self.lengths, max(2 * float(self.radii.max()), spacing), n)
        first = np.full(int(grid.prod()), -1, np.int64)
        ratio, i, j = kernels.closest(self.positions, self.radii, lengths, inverse, first, grid)
        return float(ratio), int(i), int(j)

    def _system(self, duration: float, growth: float, capacity: int) -> tuple[Any, NDArray[np.int64]]:
        """Return the arrays of the kernels, and which particle each of their rows is: neighbours in space in memory too."""
        from vitrify.engines import _event_driven_kernels as kernels

        n = len(self.radii)
        reach = 1 + growth * duration
        sigma, mean = 2 * float(self.radii.max()) * reach, 2 * float(self.radii.mean()) * reach
        shell = _shell(self.lengths, sigma, mean, n, self.shell)
        lengths, inverse, grid = _periodic(self.lengths, sigma + 2 * shell, n)
        place = self.positions * inverse
        cell = np.minimum((place - np.floor(place)) * grid, grid - 1).astype(np.int64)
        order = np.argsort((cell[:, 0] * grid[1] + cell[:, 1]) * grid[2] + cell[:, 2], kind="stable")
        bodies = np.zeros((n, 8))
        bodies[:, 0:3], bodies[:, 3:6] = self.positions[order], self.velocities[order]
        bodies[:, kernels.RADIUS] = self.radii[order]
        leaves = 2 ** int(np.ceil(np.log2(max(n, 2))))
        system = kernels.System(
            bodies=bodies,
            marks=np.empty((n, 8), np.int32),
            anchors=np.empty((n, 3)),
            inverse_masses=1 / self.masses[order],
            neighbours=np.empty((n, capacity), np.int32),
            first=np.empty(int(grid.prod()), np.int32),
            key=np.empty(2 * leaves),
            who=np.empty(2 * leaves, np.int32),
            space=kernels.Space(
                lengths=tuple(lengths.tolist()),
                inverse_lengths=tuple(inverse.tolist()),
                grid=tuple(grid.tolist()),
                growth=float(growth),
                shell=float(shell),
                reach=float(reach),
            ),
        )
        return system, order


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
            _draw(flow, run.temperature, np.random.default_rng([_VELOCITY_STREAM, run.seed]))
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
        start, velocities = _read_state(Path(state), _hard(run.model))
        flow, d = self._flow(run.model, start, velocities), start.dimension
        stretch = _STRETCH * _flight_time(flow, run.temperature)
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
        frame, _ = compress(start, model, _filled(start, _hard(model)), seed=run.seed)
        self.begin(run, frame, None, state)

    def _flow(self, model: Any, start: Frame, velocities: NDArray[np.float64] | None) -> Flow:
        model = _hard(model)
        n, d = start.positions.shape
        _check_box(start.box, max(model.diameters))
        if velocities is not None and np.shape(velocities) != (n, d):
            raise ShapeError(f"`velocities` must have shape ({n}, {d}); they have {np.shape(velocities)}.")
        species = model.species_in_model(start)
        positions, v = np.zeros((n, 3)), np.zeros((n, 3))
        positions[:, :d] = start.positions
        if velocities is not None:
            v[:, :d] = velocities
        radii = 0.5 * np.array(model.diameters, float)[species]
        return Flow(positions, v, radii, model.masses[species], np.diag(start.box.vectors).copy(), self.shell)


_THERMO = (
    "potential_energy",
    "temperature",
    "pressure",
    "conserved_energy",
    "collisions",
    "collision_rate",
)


def compress(
    start: Frame,
    model: HardSpheres,
    packing_fraction: float,
    *,
    growth_rate: float = 0.1,
    seed: int = 0,
    tick: Callable[[float], None] | None = None,
) -> tuple[Frame, NDArray[np.float64]]:
    r"""Bring hard spheres to a packing fraction by letting them grow while they move.

    The box of `start` is scaled to the wanted packing fraction at once and the spheres are shrunk until none overlap. Then
    their diameters grow evenly in time, σ(t) = σ(0) + `growth_rate` t σ/σ_max, while they collide; a collision adds the
    speed of the growing surfaces, and velocities are brought back to temperature 1 all along. Growth ends when the
    diameters are those of the model.

    Parameters
    ----------
    start : Frame
        At any density; random places will do. Rectangular and periodic.
    model : HardSpheres
    packing_fraction : float
        η of the particles of `start`.
    growth_rate : float, length/time, default 0.1
        Of the largest diameter at temperature 1. Slower growth comes closer to equilibrium, and to higher densities.
    seed : int
        Of the velocities.
    tick : callable, optional
        Called with the fraction of the growth that is done.

    Returns
    -------
    frame : Frame
        Without overlaps, at exactly the packing fraction; positions unwrapped.
    velocities : (N, d) float
        At temperature 1, without motion of the whole.

    Raises
    ------
    ParameterError
        If the packing fraction or the growth rate is out of range, or the box is tilted, open or too small.
    ConvergenceError
        If the spheres jam before; the packing fraction that was reached is named.

    Notes
    -----
    **Scale** the result at one packing fraction depends on `growth_rate` times √(m/k_B T). **Differs from** growth at
    constant speed, which heats: here the temperature is kept. **Invariant under** the density of `start`. **Cost** σ over
    `growth_rate`, in times, of dynamics.

    References
    ----------
    B. D. Lubachevsky, F. H. Stillinger, J. Stat. Phys. 60, 561 (1990).

    Examples
    --------
    >>> model = HardSpheres()
    >>> rng = np.random.default_rng(1)
    >>> start = Frame(rng.uniform(0, 5, (50, 3)), [0] * 15 + [1] * 35, Box.orthorhombic([5.0] * 3))
    >>> frame, velocities = compress(start, model, 0.4)
    >>> round(model.packing_fraction(frame.number_density), 12)
    0.4
    """
    if not (np.isfinite(growth_rate) and growth_rate > 0):
        raise ParameterError(f"`growth_rate` must be positive; it is {growth_rate}.")
    flow, start = _scaled(start, _hard(model), packing_fraction)
    final, d = flow.radii.copy(), start.dimension
    ratio = flow.closest()[0] if len(final) > 1 else np.inf
    begun = scale = min(0.999 * ratio, 1.0)
    _draw(flow, 1.0, np.random.default_rng([_COMPRESSION_STREAM, seed]))
    rate, flight = growth_rate / (2 * float(final.max())), _flight_time(flow, 1.0)  # rate of the scale
    step = min(0.5 * flight, _GROWTH_STEP / rate)
    most = int(np.ceil(_JAMMED * len(final) * step / flight))
    while scale < 1.0:
        duration = min(step, (1.0 - scale) / rate)
        flow.radii = final * scale
        went_well = flow.go_on(duration, rate / scale, most)
        if went_well < duration:
            reached = packing_fraction * (scale + rate * went_well) ** d
            raise ConvergenceError(
                f"The spheres jam at a packing fraction of {reached:.4f}; {packing_fraction} was asked for. Lower "
                f"`growth_rate` (it is {growth_rate}) or the packing fraction."
            )
        scale = min(scale + rate * duration, 1.0) if duration == step else 1.0
        flow.velocities *= np.sqrt(1.0 / flow.temperature)
        if tick is not None:
            tick((scale - begun) / (1.0 - begun))
    _rest(flow)
    flow.velocities *= np.sqrt(1.0 / max(flow.temperature, np.finfo(float).tiny))
    return start.with_positions(flow.positions[:, :d]), flow.velocities[:, :d].copy()


def _scaled(start: Frame, model: HardSpheres, packing_fraction: float) -> tuple[Flow, Frame]:
    """Return the frame in a box of the wanted packing fraction."""
    if not 0 < packing_fraction < 1:
        raise ParameterError(f"`packing_fraction` must lie between 0 and 1; it is {packing_fraction}.")
    d = start.dimension
    if not start.box.is_orthorhombic or not start.box.periodic.all():
        _check_box(start.box, 0.0)
    factor = (_filled(start, model) / packing_fraction) ** (1 / d)
    box = Box(start.box.vectors * factor, start.box.origin * factor, start.box.periodic)
    frame = Frame(
        start.positions * factor, start.species, box, start.species_names, start.label, start.particles
    )
    return EventDriven()._flow(model, frame, None), frame


def _filled(frame: Frame, model: HardSpheres) -> float:
    """Packing fraction of the particles that are there, which may differ from the composition by rounding."""
    d = frame.dimension
    balls = np.array(model.diameters)[model.species_in_model(frame)] ** d
    return float(balls.sum() * (np.pi / 4 if d == 2 else np.pi / 6) / frame.box.volume)


def _hard(model: Any) -> HardSpheres:
    if not isinstance(model, HardSpheres):
        raise ParameterError(
            f"The engine 'event-driven' needs HardSpheres as `model`; got {type(model).__name__}. Soft potentials need the "
            "engine 'lammps'."
        )
    return model


def _check_box(box: Box, sigma: float) -> None:
    if not (box.is_orthorhombic and (np.diag(box.vectors) > 0).all() and box.periodic.all()):
        raise ParameterError(
            "The engine 'event-driven' needs a rectangular box that is periodic along every axis; the vectors are "
            f"{box.vectors.tolist()}, periodic {box.periodic.tolist()}. Tilted and open boxes are not supported."
        )
    if box.lengths.min() < _LEAST_BOX * sigma:
        raise ParameterError(
            f"The box must be at least {_LEAST_BOX} of the largest diameters, {_LEAST_BOX * sigma:.4g}, along every axis; it is "
            f"{box.lengths.min():.4g}. Use more particles."
        )


def _shell(lengths: NDArray[np.float64], largest: float, mean: float, n: int, wanted: float | None) -> float:
    """How far particles may go from their anchors: what keeps lists short, and images apart."""
    d = len(lengths)
    if wanted is None:
        ball = np.pi if d == 2 else 4 / 3 * np.pi
        reach = float((_NEIGHBOURS[d] / ball * np.prod(lengths) / n) ** (1 / d))
        wanted = max(0.5 * (reach - mean), _THINNEST_SHELL * mean)
    return min(wanted, (float(lengths.min()) - 2 * largest) / 8)


def _periodic(
    lengths: NDArray[np.float64], width: float, n: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Lengths, their inverses and the number of cells at least `width` wide, lifted to three dimensions."""
    d = len(lengths)
    lifted, inverse, grid = np.ones(3), np.zeros(3), np.ones(3, np.int64)
    lifted[:d], inverse[:d] = lengths, 1 / lengths
    most = max(int((4 * n) ** (1 / d)), 1)
    grid[:d] = np.clip((lengths / width).astype(np.int64), 1, most)
    return lifted, inverse, grid


def _flight_time(flow: Flow, temperature: float) -> float:
    """Time in which a free particle moves by about the largest diameter."""
    return 2 * float(flow.radii.max()) * float(np.sqrt(flow.masses.min() / temperature))


def _draw(flow: Flow, temperature: float, rng: np.random.Generator) -> None:
    """Give velocities of Maxwell's distribution, of exactly this temperature, while the whole rests."""
    n, d = len(flow.masses), len(flow.lengths)
    flow.velocities[:] = 0.0
    flow.velocities[:, :d] = rng.normal(size=(n, d)) * np.sqrt(temperature / flow.masses)[:, None]
    if n > 1:
        _rest(flow)
        flow.velocities *= np.sqrt(temperature / flow.temperature)


def _rest(flow: Flow) -> None:
    flow.velocities -= flow.masses @ flow.velocities / flow.masses.sum()


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
