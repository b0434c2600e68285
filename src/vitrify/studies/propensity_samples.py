"""Configurations with a measured propensity: read from data, or made by isoconfigurational runs of our own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from vitrify.engines import ENGINES
from vitrify.engines.base import Run, Thermostat
from vitrify.errors import SettingsError
from vitrify.files import write_json
from vitrify.models.base import PairModel
from vitrify.parallel import Workforce, map_units
from vitrify.particles import Frame
from vitrify.particles.layout import Layout
from vitrify.particles.propensity import MeasuredPropensity
from vitrify.particles.trajectory import Trajectory
from vitrify.progress import Progress
from vitrify.protocols.equilibrate import Equilibrate, equilibrate, load_configuration, random_start
from vitrify.protocols.isoconfigurational import (
    Ensemble,
    Isoconfigurational,
    Unit,
    collect,
    do_unit,
    log_times,
    prepare_ensemble,
    units_left,
)
from vitrify.protocols.production import prepare_production, produce, state_file
from vitrify.provenance import to_plain, versions
from vitrify.readers.propensity import read_propensity
from vitrify.studies.propensity_settings import PropensitySettings

_FIT_OF_TIME = 1e-9
_GROWTH_RATE = 0.01  # of hard spheres: slower than they diffuse


@dataclass(frozen=True)
class PropensityPlace:
    """Where a propensity study keeps what.

    Parameters
    ----------
    out : Path
        The folder given as ``--out``.
    settings : PropensitySettings
    """

    out: Path
    settings: PropensitySettings

    @property
    def results(self) -> Path:
        """Folder of everything that the report is made from."""
        return self.out / "results"

    @property
    def ensemble(self) -> Path:
        """Folder of the isoconfigurational runs."""
        return self.out / "isoconfigurational"

    @property
    def configurations(self) -> Path:
        """Store whose frames the runs start from."""
        return self.out / "configurations.zarr"


def model_of(settings: PropensitySettings) -> PairModel:
    """Return the model that runs and reference positions follow from."""
    if settings.source is None and settings.runs.system == "hard-spheres":
        from vitrify.models.hard_spheres import HardSpheres

        return HardSpheres()
    from vitrify.models.kob_andersen import KobAndersen

    return KobAndersen(smoothing=settings.source.smoothing if settings.source else settings.runs.smoothing)


def samples_of(
    place: PropensityPlace, progress: Progress, workers: int | Workforce | None = None
) -> list[MeasuredPropensity]:
    """Return the configurations with their propensity: what the data hold, or what runs give that are made first.

    Raises
    ------
    FileFormatError, ParameterError
        Those of `vitrify.readers.propensity.read_propensity`.
    SettingsError
        If there are fewer configurations than are left out in turn, or a temperature is needed and not known.
    """
    source = place.settings.source
    if source is None:
        make_runs(place, progress, workers)
        samples = collect(place.ensemble)
    else:
        samples = read_propensity(Path(source.data), time=source.time, temperature=source.temperature)
    folds = place.settings.regression.folds
    if len(samples) < folds:
        raise SettingsError(
            f"{source.data if source else place.ensemble} holds {len(samples)} configurations; leaving them out in "
            f"{folds} groups (`regression.folds`) takes at least as many."
        )
    return samples


def temperature_of(settings: PropensitySettings, samples: list[MeasuredPropensity]) -> float:
    """Return the temperature of the runs, k_B T.

    Raises
    ------
    SettingsError
        If neither the data nor the settings say it.
    """
    if settings.source is None:
        return settings.runs.temperature
    known = settings.source.temperature or samples[0].temperature
    if known is None:
        raise SettingsError(
            f"{settings.source.data} does not say its temperature, which cage states need. Give it as `source.temperature`."
        )
    return known


# -- runs of our own -------------------------------------------------------------------------------------------------


def make_runs(place: PropensityPlace, progress: Progress, workers: int | Workforce | None = None) -> Ensemble:
    """Make the configurations and all runs from each, going on where an earlier call was killed."""
    ensemble = prepare_runs(place, make_configurations(place, progress))
    todo = units_left(ensemble)
    if not todo:
        return ensemble
    every = ensemble.units()
    total = sum(map(ensemble.n_steps, every)) * ensemble.run.time_step
    done = [total - sum(map(ensemble.n_steps, todo)) * ensemble.run.time_step]
    with progress.step("Isoconfigurational runs", total, "\u03c4") as update:

        def finished(index: int, _: Any) -> None:
            done[0] += ensemble.n_steps(todo[index]) * ensemble.run.time_step
            update(done[0])

        map_units(partial(_do, ensemble), todo, workers=workers, done=finished)
    return ensemble


def prepare_runs(place: PropensityPlace, starts: list[Frame]) -> Ensemble:
    """Return the ensemble of runs from these configurations, made or opened."""
    runs = place.settings.runs
    protocol = Isoconfigurational(
        log_times(runs.shortest, runs.longest * (1 + _FIT_OF_TIME), runs.per_decade),
        runs.n_runs,
        runs.leg_ends,
    )
    engine = ENGINES.load(runs.engine)()
    return prepare_ensemble(place.ensemble, engine, _run(place.settings, 1), protocol, starts)


def _do(ensemble: Ensemble, unit: Unit) -> None:
    do_unit(ensemble, unit)


def _run(settings: PropensitySettings, steps_per_frame: int) -> Run:
    runs = settings.runs
    return Run(
        model_of(settings),
        runs.temperature,
        runs.time_step,
        steps_per_frame,
        Thermostat(time_constant=runs.thermostat_time),
        runs.seed,
    )


def make_configurations(place: PropensityPlace, progress: Progress) -> list[Frame]:
    """Return the configurations: frames of one long run in equilibrium, `runs.apart` from each other."""
    runs = place.settings.runs
    run = _run(place.settings, max(1, round(runs.apart / runs.time_step)))
    folder = place.out / "configurations"
    folder.mkdir(parents=True, exist_ok=True)
    engine = ENGINES.load(runs.engine)()
    first, total = state_file(folder, 0), runs.n_configurations * runs.apart + runs.hold_time
    with progress.step("Configurations", total, "\u03c4") as update:
        if not first.exists():
            frame, velocities = _start(place.settings, engine, run, folder)
            _hold(engine, run, frame, velocities, runs.hold_time, folder)
        trajectory = _store(place, engine, run, first)
        done = [runs.hold_time + trajectory.done_frames("thermal") * runs.apart]
        update(done[0])

        def tick(frames: int) -> None:
            done[0] += frames * runs.apart
            update(done[0])

        produce(engine, run, trajectory, folder, tick)
    return [trajectory.frame(k, "thermal") for k in range(runs.n_configurations)]


def _store(place: PropensityPlace, engine: Any, run: Run, first: Path) -> Trajectory:
    frame, _ = engine.configuration(first, run.model.species_names)
    layout = Layout(
        place.settings.runs.n_configurations,
        frame.species,
        frame.species_names,
        frame.dimension,
        tuple(map(bool, frame.box.periodic)),
        frames_per_unit=1,
    )
    provenance = {"engine": engine.name, "run": to_plain(run), "versions": versions()}
    trajectory = Trajectory.create(place.configurations, layout, provenance)
    prepare_production(trajectory)
    return trajectory


def _hold(engine: Any, run: Run, frame: Frame, velocities: Any, hold_time: float, folder: Path) -> None:
    """Leave the state after the hold, from which the first configuration follows."""
    state = folder / "state-before-hold"
    engine.begin(run, frame, velocities, state)
    if steps := round(hold_time / run.time_step):
        after = folder / "state-after-hold"
        engine.advance(replace(run, steps_per_frame=steps), state, 1, after)
        state.unlink()
        state = after
    state.replace(state_file(folder, 0))


def _start(settings: PropensitySettings, engine: Any, run: Run, folder: Path) -> tuple[Frame, Any]:
    """Return an equilibrated configuration that comes with vitrify, or one that is made here, with its velocities."""
    runs = settings.runs
    composition: tuple[float, ...] = run.model.composition
    if runs.system == "hard-spheres":
        from vitrify.engines.event_driven import compress

        density = run.model.number_density(runs.density)
        start = random_start(composition, runs.n_particles, density, dimension=3, seed=run.seed)
        return compress(start, run.model, runs.density, growth_rate=_GROWTH_RATE, seed=run.seed)
    name = (
        f"kob_andersen-{runs.smoothing}-N{runs.n_particles}-rho{runs.density:.2f}-T{runs.temperature:.4g}.npz"
    )
    with as_file(files("vitrify.studies") / "starts" / name) as shipped:
        if shipped.exists():
            return load_configuration(shipped)[:2]
    start = random_start(composition, runs.n_particles, runs.density, dimension=3, seed=run.seed)
    protocol = Equilibrate(hold_time=max(runs.hold_time, run.time_step * 100))
    report = equilibrate(engine, run, start, protocol, folder / "equilibration")
    if report.remarks:
        write_json(folder / "remarks.json", {"remark": "; ".join(report.remarks)})
    return load_configuration(folder / "equilibration" / "configuration.npz")[:2]
