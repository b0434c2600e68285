"""Where `vitrify run caging-softness` keeps what, and the trajectories that it makes there."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from vitrify.engines import ENGINES
from vitrify.engines.base import Run
from vitrify.parallel import Workforce, lock_unit, map_units
from vitrify.particles.layout import Layout
from vitrify.particles.trajectory import Trajectory
from vitrify.progress import Progress
from vitrify.protocols.production import prepare_production, produce, state_file
from vitrify.provenance import to_plain, versions
from vitrify.studies.caging_settings import CagingSettings
from vitrify.studies.settings import StatePoint
from vitrify.studies.simulate import STUDY_STORE, make_run, simulate_study

SHORT_STORE = "short.zarr"


@dataclass(frozen=True)
class CagingPlace:
    """Folder of a study.

    Parameters
    ----------
    out : Path
        The folder given as ``--out``.
    settings : CagingSettings
    """

    out: Path
    settings: CagingSettings
    only_store: Path | None = None

    def folder(self, point: StatePoint) -> Path:
        """Folder of one state point."""
        return self.out / "trajectories" / point.label

    def store(self, point: StatePoint) -> Path:
        """Its trajectory."""
        return self.folder(point) / STUDY_STORE

    def short_store(self, point: StatePoint) -> Path:
        """Its trajectory of closely spaced frames."""
        return self.folder(point) / SHORT_STORE

    def trajectory(self, point: StatePoint) -> Trajectory:
        """Open its trajectory."""
        return Trajectory.open(self.store(point))

    def short_trajectory(self, point: StatePoint) -> Trajectory:
        """Open its trajectory of closely spaced frames."""
        return Trajectory.open(self.short_store(point))

    def file(self, point: StatePoint, name: str) -> Path:
        """Arrays that were measured on its trajectories."""
        return self.out / "measured" / point.label / f"{name}.npz"

    @property
    def map_file(self) -> Path:
        """The linear relations between depths and softness."""
        return self.out / "caging-map.json"

    @property
    def results(self) -> Path:
        """Folder of everything that the report is made from."""
        return self.out / "results"


def simulate_caging(place: CagingPlace, progress: Progress, workers: int | Workforce | None = None) -> None:
    """Make every trajectory, going on where an earlier call was killed: the long ones, then the short ones."""
    simulate_study(place, progress, workers)
    if not place.settings.time.short_frames:
        return
    jobs = [(place, p) for p in place.settings.points]
    todo = [job for job in jobs if not _short(*job).is_done("thermal")]
    if todo:
        with progress.step("Simulating short times", len(jobs), "state points") as update:
            done = [float(len(jobs) - len(todo))]

            def finished(_: int, __: object) -> None:
                done[0] += 1
                update(done[0])

            map_units(simulate_short, todo, workers=workers, done=finished)


def _short(place: CagingPlace, point: StatePoint) -> Trajectory:
    """Create the store of the short trajectory, or open it."""
    long, time = place.trajectory(point), place.settings.time
    layout = Layout(
        time.short_frames,
        long.species,
        long.species_names,
        long.layout.dimension,
        long.layout.periodic,
        frames_per_unit=50,
    )
    run = short_run(place.settings, point)
    provenance = {
        "engine": place.settings.simulation.engine,
        "run": to_plain(run),
        "n_particles": long.n_particles,
        "density": long.provenance["density"],
        "start": "that of the trajectory beside it",
        "versions": versions(),
    }
    trajectory = Trajectory.create(place.short_store(point), layout, provenance)
    prepare_production(trajectory)
    return trajectory


def short_run(settings: CagingSettings, point: StatePoint) -> Run:
    """Return the run of the short trajectory: that of the long one with frames close together."""
    run = make_run(settings, point)
    return replace(run, steps_per_frame=max(1, round(settings.time.short_interval / run.time_step)))


def simulate_short(job: tuple[CagingPlace, StatePoint]) -> None:
    """Make the short trajectory of one state point, from the state that the long one began with; for a worker process."""
    place, point = job
    states = place.folder(point) / "short-states"
    states.mkdir(parents=True, exist_ok=True)
    with lock_unit(states.parent / ".short.held.tmp"):
        first = state_file(states, 0)
        if not first.exists():
            beside = first.with_name(f".{first.name}.tmp")
            shutil.copyfile(state_file(place.folder(point) / "states", 0), beside)
            beside.replace(first)
        engine = ENGINES.load(place.settings.simulation.engine)()
        produce(engine, short_run(place.settings, point), _short(place, point), states)
