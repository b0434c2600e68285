"""The stores of ageing: one equilibrium run, and quenches that start from its frames."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrify.engines import ENGINES
from vitrify.engines.base import Run, Segment, Thermostat
from vitrify.files import write_json
from vitrify.parallel import lock_unit
from vitrify.particles import Frame
from vitrify.particles.layout import Layout, inherent_arrays
from vitrify.particles.trajectory import Trajectory
from vitrify.protocols.aging import Ageing, age
from vitrify.protocols.equilibrate import Equilibrate, equilibrate, load_configuration, random_start
from vitrify.protocols.production import THERMO_NAMES, prepare_production, state_file, write_segment
from vitrify.provenance import to_plain, versions
from vitrify.studies.ageing_settings import AgeingSettings
from vitrify.studies.filling import once
from vitrify.studies.settings import SoftnessSettings
from vitrify.studies.simulate import Workplace, make_model, make_quench, quench_unit

_INITIAL = 0  # stream of the equilibrium run; sample k has stream k + 1


@dataclass(frozen=True)
class AgeingPlace:
    """Where ageing keeps what, and what its runs are.

    Parameters
    ----------
    place : Workplace
        Of the study; everything lies in ``ageing`` of its folder.
    ageing : AgeingSettings
    """

    place: Workplace
    ageing: AgeingSettings

    @property
    def settings(self) -> SoftnessSettings:
        """Of the study."""
        return self.place.settings

    @property
    def folder(self) -> Path:
        """Of everything about ageing."""
        return self.place.out / "ageing"

    @property
    def planted(self) -> bool:
        """Whether the liquid is a planted one."""
        return self.settings.simulation.engine == "dryrun"

    @property
    def protocol(self) -> Ageing:
        """The waiting times."""
        a = self.ageing
        return Ageing(a.shortest, a.longest, a.per_decade, whole_frames=self.planted)

    @property
    def waiting_times(self) -> NDArray[np.float64]:
        """When frames are kept, (F,), time; the same at all temperatures."""
        return self.protocol.times(self.run(self.ageing.initial_temperature, _INITIAL))

    @property
    def equilibration(self) -> Equilibrate:
        """How the liquid is brought to the initial temperature."""
        s = self.settings.simulation
        return Equilibrate(self.ageing.equilibration, s.melt_temperature, s.melt_time, s.cooling_time)

    def start_store(self, sample: int) -> Trajectory:
        """Open the configuration that a sample starts from: a store of one frame."""
        return Trajectory.open(self.folder / "starts" / f"sample-{sample}.zarr")

    def label(self, temperature: float, sample: int) -> str:
        """Name of the folder of one quench."""
        return f"T{temperature:.4g}-{sample}"

    def store(self, temperature: float, sample: int) -> Trajectory:
        """Open the frames of one quench."""
        return Trajectory.open(self.folder / self.label(temperature, sample) / "trajectory.zarr")

    def quenches(self) -> list[tuple[float, int]]:
        """Return temperature and sample of every quench: the first sample of all temperatures, then the second …"""
        a = self.ageing
        return [(t, k) for k in range(a.samples) for t in a.final_temperatures]

    def run(self, temperature: float, stream: int) -> Run:
        """Return the run of one quench, or of the equilibrium."""
        s, a = self.settings.simulation, self.ageing
        entropy = [s.seed, a.seed, round(temperature * 1e6), stream]
        return Run(
            make_model(self.settings),
            temperature,
            s.time_step,
            s.steps_per_frame,
            Thermostat(time_constant=s.thermostat_time),
            int(np.random.SeedSequence(entropy).generate_state(1)[0]),
        )

    @property
    def initial_run(self) -> Run:
        """The equilibrium run, a frame for every sample."""
        run = self.run(self.ageing.initial_temperature, _INITIAL)
        steps = max(1, round(self.ageing.separation / run.time_step))
        return replace(run, steps_per_frame=steps)

    def origin(self, sample: int) -> dict[str, Any]:
        """Return what the start of a sample follows from."""
        if self.planted:
            run = self.run(self.ageing.initial_temperature, sample + 1)
            return {"run": run, "start": "stationary distribution of the planted model"}
        return {"run": self.initial_run, "start": {"protocol": to_plain(self.equilibration)}, "frame": sample}


# -- stores ----------------------------------------------------------------------------------------------------------


def prepare(at: AgeingPlace) -> None:
    """Create every store, or compare those that are there with what they shall be.

    Raises
    ------
    StoreError
        If the folder holds other quenches.
    """
    first = _first_frame(at)
    for sample in range(at.ageing.samples):
        name = at.folder / "starts" / f"sample-{sample}.zarr"
        _create(at, name, first, 1, {"initial_run": at.origin(sample)})
    for temperature, sample in at.quenches():
        run = at.run(temperature, sample + 1)
        about = {"run": run, "ageing": at.protocol, "start": at.origin(sample)}
        name = at.folder / at.label(temperature, sample) / "trajectory.zarr"
        _create(at, name, first, len(at.protocol.steps(run)), about)


def _create(at: AgeingPlace, path: Path, first: Frame, n_frames: int, about: dict[str, Any]) -> None:
    layout = Layout(
        n_frames,
        first.species,
        first.species_names,
        first.dimension,
        tuple(map(bool, first.box.periodic)),
        frames_per_unit=1,
    )
    provenance = {
        "engine": at.settings.simulation.engine,
        **to_plain(about),
        "n_particles": first.n_particles,
        "density": first.number_density,
        "versions": versions(),
    }
    trajectory = Trajectory.create(path, layout, provenance)
    prepare_production(trajectory, planted=at.planted)
    if not at.planted:
        parameters = {**to_plain(make_quench(at.settings)), "model": to_plain(make_model(at.settings))}
        trajectory.add_stage("inherent", inherent_arrays(trajectory.unit_system), parameters)


def _first_frame(at: AgeingPlace) -> Frame:
    """Return the particles at random, before equilibrium; of a planted liquid, a first configuration."""
    if at.planted:
        return make_model(at.settings).start_frame(at.run(at.ageing.initial_temperature, 1))
    run, s = at.initial_run, at.settings.simulation
    return random_start(run.model.composition, at.ageing.n_particles, s.density, dimension=3, seed=run.seed)


# -- units of work ---------------------------------------------------------------------------------------------------


def make_starts(at: AgeingPlace) -> None:
    """Equilibrate at the initial temperature and keep a configuration for every sample; for a worker process."""
    with lock_unit(at.folder / "starts" / ".simulating.held.tmp"):
        missing = [k for k in range(at.ageing.samples) if not at.start_store(k).is_done("thermal")]
        if at.planted:
            for sample in missing:
                write_segment(at.start_store(sample), 0, _planted_start(at, sample), np.zeros(1))
        elif missing:
            _follow_equilibrium(at, missing)
    for sample in range(at.ageing.samples):
        _quench(at, at.start_store(sample))


def _follow_equilibrium(at: AgeingPlace, missing: list[int]) -> None:
    """Run on at the initial temperature; every state is kept, so that samples can be added."""
    engine, run, states = (
        ENGINES.load(at.settings.simulation.engine)(),
        at.initial_run,
        at.folder / "starts" / "states",
    )
    states.mkdir(exist_ok=True)
    if not state_file(states, 0).exists():
        folder = at.folder / "starts" / "equilibration"
        report = equilibrate(engine, run, _first_frame(at), at.equilibration, folder)
        if report.remarks:
            write_json(folder / "remarks.json", {"label": "ageing", "remark": "; ".join(report.remarks)})
        engine.begin(run, *load_configuration(folder / "configuration.npz")[:2], state_file(states, 0))
    for sample in range(max(missing) + 1):
        here, after = state_file(states, sample), state_file(states, sample + 1)
        if sample in missing or not after.exists():
            segment = engine.advance(run, here, 1, after)
        if sample in missing:
            write_segment(at.start_store(sample), 0, segment, np.array([(sample + 1) * run.frame_interval]))


def _planted_start(at: AgeingPlace, sample: int) -> Segment:
    run = at.run(at.ageing.initial_temperature, sample + 1)
    frame = run.model.start_frame(run)
    positions = frame.positions[None]
    return Segment(
        positions,
        frame.box.vectors[None],
        frame.box.origin[None],
        {name: np.full(1, np.nan) for name in THERMO_NAMES},
        inherent=positions,
    )


def age_sample(job: tuple[AgeingPlace, float, int]) -> None:
    """Make the frames of one quench and their inherent structures; for a worker process."""
    at, temperature, sample = job
    trajectory = at.store(temperature, sample)
    states = trajectory.path.parent / "states"
    states.mkdir(exist_ok=True)
    with lock_unit(states.parent / ".simulating.held.tmp"):
        if not trajectory.is_done("thermal"):
            engine, run = ENGINES.load(at.settings.simulation.engine)(), at.run(temperature, sample + 1)
            first = state_file(states, 0)
            if not first.exists():
                start = at.start_store(sample).frame(0, "inherent" if at.planted else "thermal")
                engine.begin(run, start, None, first)
            age(engine, run, at.protocol, trajectory, states)
    _quench(at, trajectory)


def _quench(at: AgeingPlace, trajectory: Trajectory) -> None:
    model, quench = make_model(at.settings), make_quench(at.settings)
    for unit in range(trajectory.n_frames):
        if not trajectory.is_done("inherent", unit):
            once("inherent", quench_unit, (trajectory.path, unit, quench, model))
