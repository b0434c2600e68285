"""From settings to quenched trajectories: one folder per state point, frames and quenches in parallel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from vitrify.engines import ENGINES
from vitrify.engines.base import Run, Thermostat
from vitrify.errors import SettingsError, StoreError
from vitrify.files import write_json
from vitrify.parallel import Workforce, lock_unit, map_units
from vitrify.particles import Frame
from vitrify.particles.layout import Layout, inherent_arrays, inherent_values
from vitrify.particles.neighbors import require_distinct
from vitrify.particles.trajectory import Trajectory
from vitrify.progress import Progress
from vitrify.protocols.equilibrate import Equilibrate, equilibrate, load_configuration, random_start
from vitrify.protocols.production import prepare_production, produce, state_file
from vitrify.provenance import to_plain, versions
from vitrify.studies.filling import once
from vitrify.studies.settings import SimulatedSettings, SoftnessSettings, StatePoint

STUDY_STORE = "trajectory.zarr"


class SimulatedPlace(Protocol):
    """Where a study keeps the trajectories that it simulates."""

    @property
    def out(self) -> Path:
        """Its folder."""

    @property
    def settings(self) -> SimulatedSettings:
        """What it was told."""

    @property
    def only_store(self) -> Path | None:
        """A single trajectory that lies elsewhere than in a study's folder."""

    def folder(self, point: StatePoint) -> Path:
        """Folder of one state point."""

    def store(self, point: StatePoint) -> Path:
        """Its trajectory."""

    def trajectory(self, point: StatePoint) -> Trajectory:
        """Open its trajectory."""


@dataclass(frozen=True)
class Workplace:
    """Where a study keeps what.

    Parameters
    ----------
    out : Path
        The folder given as ``--out``.
    settings : SoftnessSettings
    only_store : Path, optional
        A single trajectory that lies elsewhere than in a study's folder.
    shared : Path, optional
        Folder of another study whose trajectories are used, and added to.
    """

    out: Path
    settings: SoftnessSettings
    only_store: Path | None = None
    shared: Path | None = None

    def folder(self, point: StatePoint) -> Path:
        """Folder of one state point."""
        if self.only_store is not None:
            return self.only_store.with_suffix(".run")
        return (self.shared or self.out) / "trajectories" / point.label

    def store(self, point: StatePoint) -> Path:
        """Its trajectory."""
        return self.only_store or self.folder(point) / STUDY_STORE

    def trajectory(self, point: StatePoint) -> Trajectory:
        """Open its trajectory."""
        return Trajectory.open(self.store(point))

    def table(self, point: StatePoint, name: str) -> Path:
        """File of one of its tables."""
        return self.folder(point) / f"{name}.npz"

    @property
    def model_file(self) -> Path:
        """The trained softness."""
        return self.out / "softness.json"

    @property
    def results(self) -> Path:
        """Folder of everything that the report is made from."""
        return self.out / "results"


def workplace(out: Path, settings: SoftnessSettings, shared: Path | None = None) -> Workplace:
    """Return the place of a study whose trajectories lie in `shared`, if that is given."""
    return Workplace(Path(out), settings, shared=None if shared is None else Path(shared))


def make_model(settings: SimulatedSettings) -> Any:
    """Return the model that the settings name."""
    if settings.simulation.engine == "dryrun":
        from vitrify.engines.dryrun import PlantedLiquid

        return PlantedLiquid(**settings.simulation.planted)  # type: ignore[arg-type]
    if settings.simulation.model == "harmonic_spheres":
        from vitrify.models.harmonic_spheres import HarmonicSpheres

        return HarmonicSpheres()
    from vitrify.models.kob_andersen import KobAndersen

    return KobAndersen(smoothing=settings.simulation.smoothing)


def engine_methods(settings: SimulatedSettings) -> list[str]:
    """Return what to cite for the engine, as `vitrify.citations.for_methods` names it."""
    return {"lammps": ["lammps", "nose_hoover"], "verlet": ["nose_hoover"], "dryrun": []}[
        settings.simulation.engine
    ]


def density_of(settings: SimulatedSettings, point: StatePoint) -> float:
    """Return the number density of one state point."""
    return settings.simulation.density if point.density is None else point.density


def make_run(settings: SimulatedSettings, point: StatePoint) -> Run:
    """Return the run of one state point; its seed follows from the settings' seed, temperature, density and replica."""
    s = settings.simulation
    entropy = [s.seed, round(point.temperature * 1e6), point.replica]
    if point.density is not None:
        entropy.append(round(point.density * 1e6))
    return Run(
        model=make_model(settings),
        temperature=point.temperature,
        time_step=s.time_step,
        steps_per_frame=s.steps_per_frame,
        thermostat=Thermostat(time_constant=s.thermostat_time),
        seed=int(np.random.SeedSequence(entropy).generate_state(1)[0]),
    )


def shipped_start(settings: SimulatedSettings, point: StatePoint) -> Path | None:
    """Return the equilibrated configuration that comes with vitrify for this state point, if there is one."""
    s = settings.simulation
    if s.engine == "dryrun":
        return None
    model = f"{s.model}-{s.smoothing}" if s.model == "kob_andersen" else s.model
    at = f"rho{density_of(settings, point):.2f}-{point.model_copy(update={'density': None}).label}"
    name = f"{model}-N{s.n_particles}-{at}.npz"
    resource = files("vitrify.studies") / "starts" / name
    with as_file(resource) as path:
        return path if path.exists() else None


def needs_equilibration(settings: SimulatedSettings, point: StatePoint) -> bool:
    """Whether the run has to make its own equilibrated start."""
    if settings.simulation.engine == "dryrun":
        return False
    return settings.equilibrate or shipped_start(settings, point) is None


def make_equilibration(settings: SimulatedSettings, point: StatePoint) -> Equilibrate:
    """Return how the liquid of one state point is brought to its temperature."""
    s = settings.simulation
    return Equilibrate(
        hold_time=point.hold_time,
        melt_temperature=s.melt_temperature,
        melt_time=s.melt_time,
        cooling_time=s.cooling_time,
    )


# -- trajectories ----------------------------------------------------------------------------------------------------


def prepare_trajectory(place: SimulatedPlace, point: StatePoint) -> Trajectory:
    """Create the store of a state point, or open it if it is there for the same run.

    Raises
    ------
    StoreError
        If the folder holds another run.
    """
    settings = place.settings
    run = make_run(settings, point)
    start = _start_frame(settings, point, run)
    layout = Layout(
        point.frames,
        start.species,
        start.species_names,
        start.dimension,
        tuple(map(bool, start.box.periodic)),
        frames_per_unit=settings.simulation.frames_per_unit,
    )
    provenance = {
        "engine": settings.simulation.engine,
        "run": to_plain(run),
        "n_particles": start.n_particles,
        "density": start.number_density,
        "start": _start_provenance(settings, point),
        "versions": versions(),
    }
    planted = settings.simulation.engine == "dryrun"
    trajectory = Trajectory.create(place.store(point), layout, provenance)
    prepare_production(trajectory, planted=planted)
    # a single store is quenched by its own verb, with its own options
    if not planted and place.only_store is None and isinstance(settings, SoftnessSettings):
        model = to_plain(run.model)
        trajectory.add_stage(
            "inherent",
            inherent_arrays(trajectory.unit_system),
            {**to_plain(make_quench(settings)), "model": model},
        )
    return trajectory


def _start_frame(settings: SimulatedSettings, point: StatePoint, run: Run) -> Frame:
    if settings.simulation.engine == "dryrun":
        return run.model.start_frame(run)
    if needs_equilibration(settings, point):
        s = settings.simulation
        density = density_of(settings, point)
        return random_start(run.model.composition, s.n_particles, density, dimension=3, seed=run.seed)
    shipped = shipped_start(settings, point)
    assert shipped is not None
    return load_configuration(shipped)[0]


def _start_provenance(settings: SimulatedSettings, point: StatePoint) -> Any:
    if settings.simulation.engine == "dryrun":
        return "stationary distribution of the planted model"
    if needs_equilibration(settings, point):
        return {"protocol": to_plain(make_equilibration(settings, point))}
    shipped = shipped_start(settings, point)
    assert shipped is not None
    return {"file": shipped.name, **load_configuration(shipped)[2]}


def simulate_state_point(job: tuple[SimulatedPlace, StatePoint]) -> None:
    """Equilibrate (where needed) and produce one trajectory; for a worker process."""
    place, point = job
    settings = place.settings
    run, states = make_run(settings, point), place.folder(point) / "states"
    states.mkdir(parents=True, exist_ok=True)
    with lock_unit(states.parent / ".simulating.held.tmp"):  # a worker of a killed driver may still be at it
        trajectory = place.trajectory(point)
        if trajectory.is_done("thermal"):
            return
        engine = ENGINES.load(settings.simulation.engine)()
        first = state_file(states, 0)
        if not first.exists():
            frame, velocities = _starting_configuration(place, point, engine, run)
            engine.begin(run, frame, velocities, first)
        produce(engine, run, trajectory, states)


def _starting_configuration(
    place: SimulatedPlace, point: StatePoint, engine: Any, run: Run
) -> tuple[Frame, Any]:
    settings = place.settings
    if settings.simulation.engine == "dryrun":
        return run.model.start_frame(run), None
    if needs_equilibration(settings, point):
        folder = place.folder(point) / "equilibration"
        start = _start_frame(settings, point, run)
        report = equilibrate(engine, run, start, make_equilibration(settings, point), folder)
        if report.remarks:
            remark = "; ".join(report.remarks)
            write_json(folder / "remarks.json", {"label": point.label, "remark": remark})
        return load_configuration(folder / "configuration.npz")[:2]
    shipped = shipped_start(settings, point)
    assert shipped is not None
    return load_configuration(shipped)[:2]


# -- quenches --------------------------------------------------------------------------------------------------------


def make_quench(settings: SoftnessSettings) -> Any:
    """Return the `Quench` of the settings."""
    from vitrify.protocols.inherent import Quench

    m = settings.minimization
    return Quench(minimizer=m.minimizer, force_tolerance=m.force_tolerance, max_iterations=m.max_iterations)


def quench_unit(job: tuple[Path, int, Any, Any]) -> None:
    """Quench the frames of one unit of a store; for a worker process.

    Raises
    ------
    ConfigurationError
        Naming a frame with a coordinate that is not finite, or with two particles on one spot.
    """
    path, unit, quench, model = job
    trajectory = Trajectory.open(path)
    a, b = trajectory.units()[unit]
    for _, frame in trajectory.frames("thermal", range(a, b)):
        require_distinct(frame)
    result = quench.run(
        model,
        trajectory.positions("thermal", a, b),
        trajectory.species,
        trajectory.read("box_vectors", a, b),
        trajectory.read("box_origin", a, b),
        np.array(trajectory.layout.periodic),
    )
    values = inherent_values(
        result.positions,
        energy=result.energy,
        max_force=result.max_force,
        iterations=result.iterations,
        converged=result.converged.astype(np.int8),
    )
    trajectory.write("inherent", unit, values)


# -- all of them -----------------------------------------------------------------------------------------------------


def simulate_study(place: SimulatedPlace, progress: Progress, workers: int | Workforce | None = None) -> None:
    """Write the settings of a study and simulate its trajectories."""
    for point in place.settings.state_points:
        prepare_trajectory(place, point)  # refuses the folder of another study before anything in it changes
    write_json(place.out / "settings.json", place.settings.model_dump(mode="json"))
    simulate_all(place, progress, workers)


def simulate_all(place: SimulatedPlace, progress: Progress, workers: int | Workforce | None = None) -> None:
    """Make every trajectory of the settings, going on where an earlier call was killed."""
    from vitrify.studies.warm_up import compiling_ahead

    points = place.settings.state_points
    stores = {p.label: prepare_trajectory(place, p) for p in points}
    todo = sorted(
        (p for p in points if not stores[p.label].is_done("thermal")),
        key=lambda p: -(p.frames + needs_equilibration(place.settings, p) * p.hold_time),
    )
    if todo:
        with (
            compiling_ahead(place.settings),
            _counting(place, points, "thermal", progress, "Simulating") as poll,
        ):
            map_units(simulate_state_point, [(place, p) for p in todo], workers=workers, poll=poll)


def quench_all(place: Workplace, progress: Progress, workers: int | Workforce | None = None) -> None:
    """Quench every frame of every trajectory."""
    todo = []
    for point in place.settings.state_points:
        trajectory = place.trajectory(point)
        if not trajectory.is_done("thermal"):
            raise StoreError(
                f"{trajectory.path} is not simulated to its end yet. Repeat the command that makes it."
            )
        model = make_run(place.settings, point).model
        todo += [
            (trajectory.path, unit, model)
            for unit in range(len(trajectory.units()))
            if not trajectory.is_done("inherent", unit)
        ]
    if todo:
        quench = make_quench(place.settings)
        jobs = [(path, unit, quench, model) for path, unit, model in todo]
        with _counting(place, place.settings.state_points, "inherent", progress, "Quenching") as poll:
            map_units(partial(once, "inherent", quench_unit), jobs, workers=workers, poll=poll)


class _counting:
    """Progress by what the manifests say: the same for one process, many, or a resumed run."""

    def __init__(
        self, place: SimulatedPlace, points: Any, stage: str, progress: Progress, title: str
    ) -> None:
        self._stores = [place.trajectory(p) for p in points]
        self._stage = stage
        self._step = progress.step(title, sum(s.n_frames for s in self._stores))
        self._update: Callable[[float], None]

    def __enter__(self) -> Callable[[], None]:
        self._update = self._step.__enter__()
        return self._poll

    def _poll(self) -> None:
        self._update(sum(_frames_done(s, self._stage) for s in self._stores))

    def __exit__(self, *reason: Any) -> None:
        self._poll()
        self._step.__exit__(*reason)


def _frames_done(trajectory: Trajectory, stage: str) -> int:
    return sum(b - a for unit, (a, b) in enumerate(trajectory.units()) if trajectory.is_done(stage, unit))


def unconverged_frames(trajectory: Trajectory) -> np.ndarray:
    """Return the frames whose quench did not reach its force criterion, (n,)."""
    return np.flatnonzero(trajectory.read("inherent_converged") == 0)


def point_by_label(settings: SimulatedSettings, label: str) -> StatePoint:
    """Return the state point with this label.

    Raises
    ------
    SettingsError
        If there is none.
    """
    for point in settings.state_points:
        if point.label == label:
            return point
    raise SettingsError(
        f"There is no state point '{label}'. There are: {', '.join(p.label for p in settings.state_points)}."
    )
