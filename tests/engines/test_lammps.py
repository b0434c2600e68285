import os
import sys
from itertools import product
from types import ModuleType

import numpy as np
import pytest

from vitrify.engines.base import Run, Thermostat
from vitrify.engines.lammps import Lammps, Session, load_lammps, minimize_frames
from vitrify.errors import DiskFullError, EngineError, MissingExtraError, ParameterError
from vitrify.models.harmonic_spheres import HarmonicSpheres
from vitrify.models.kob_andersen import KobAndersen
from vitrify.particles import Box, Frame


def pairs(frame: Frame, reach: float):
    """Every pair and periodic image once: difference vectors, distances, and the two particles."""
    images = [np.array(m) @ frame.box.vectors for m in product((-1, 0, 1), repeat=frame.dimension)]
    wrapped = frame.box.wrap(frame.positions)
    i, j = np.triu_indices(frame.n_particles, 1)
    for image in images:
        d = wrapped[i] - wrapped[j] + image
        near = (r := np.linalg.norm(d, axis=1)) < reach
        yield d[near], r[near], i[near], j[near]


def total_energy(model, frame: Frame) -> float:
    energy = 0.0
    for _, r, i, j in pairs(frame, model.max_cutoff):
        for a, b in product((0, 1), repeat=2):
            chosen = (frame.species[i] == a) & (frame.species[j] == b) & (r < model.cutoffs[a, b])
            energy += model.pair_energy(r[chosen], a, b).sum()
    return float(energy)


def mixed_start(box: Box, n: int, seed: int = 0) -> Frame:
    rng = np.random.default_rng(seed)
    species = np.where(np.arange(n) % 5 == 4, 1, 0)
    rng.shuffle(species)
    return Frame(box.origin + rng.random((n, box.dimension)) @ box.vectors, species, box, ("A", "B"))


CUBE = Box.orthorhombic([5.5] * 3, origin=[-1.0, 2.0, 3.0])
START = mixed_start(CUBE, 200)


@pytest.fixture(scope="module")
def engine():
    pytest.importorskip("lammps")
    return Lammps()


@pytest.fixture(scope="module")
def run():
    return Run(KobAndersen(), temperature=1.0, time_step=0.004, steps_per_frame=25, seed=5)


@pytest.fixture(scope="module")
def liquid(engine, run, tmp_path_factory):
    """A state file of a liquid that has forgotten that it was random."""
    folder = tmp_path_factory.mktemp("liquid")
    engine.relax(START, run.model, folder / "relaxed", run)
    engine.advance(run, folder / "relaxed", 60, folder / "state")
    return folder / "state"


lammps = pytest.mark.lammps


# -- the same bits ---------------------------------------------------------------------------------------------------


@lammps
def test_a_run_in_the_same_segments_has_the_same_bits(engine, run, liquid, tmp_path):
    first = [
        engine.advance(run, liquid, 2, tmp_path / "a1"),
        engine.advance(run, tmp_path / "a1", 3, tmp_path / "a2"),
    ]
    (tmp_path / "a1").rename(tmp_path / "elsewhere")
    again = [
        engine.advance(run, liquid, 2, tmp_path / "b1"),
        engine.advance(run, tmp_path / "b1", 3, tmp_path / "b2"),
    ]
    for a, b in zip(first, again, strict=True):
        assert np.array_equal(a.positions, b.positions)
        assert np.array_equal(a.box_vectors, b.box_vectors)
        assert all(np.array_equal(a.thermo[name], b.thermo[name]) for name in a.thermo)
    assert (tmp_path / "a2").read_bytes() == (tmp_path / "b2").read_bytes()
    assert (tmp_path / "elsewhere").read_bytes() == (tmp_path / "b1").read_bytes()


@lammps
def test_segments_join_without_a_jump(engine, run, liquid, tmp_path):
    whole = engine.advance(run, liquid, 4, tmp_path / "w")
    first = engine.advance(run, liquid, 2, tmp_path / "a")
    second = engine.advance(run, tmp_path / "a", 2, tmp_path / "b")
    joined = np.concatenate([first.positions, second.positions])
    np.testing.assert_allclose(joined, whole.positions, atol=1e-6)
    np.testing.assert_allclose(
        second.thermo["conserved_energy"], whole.thermo["conserved_energy"][2:], rtol=0, atol=1e-4
    )


@lammps
def test_seeds_decide_velocities(engine, run, tmp_path):
    def velocities(seed):
        seeded = Run(run.model, 1.0, seed=seed)
        engine.begin(seeded, spread_out(), None, tmp_path / str(seed))
        return engine.configuration(tmp_path / str(seed), ("A", "B"))[1]

    assert np.array_equal(velocities(2**60), velocities(2**60))
    assert not np.array_equal(velocities(1), velocities(2))


def spread_out() -> Frame:
    """A crystal without overlaps, its particles several periods away from the cell."""
    grid = np.array(list(product(range(4), repeat=3)), float) * 1.3
    shift = np.random.default_rng(1).integers(-3, 4, grid.shape) * 5.2
    return Frame(grid + 0.5 + shift, np.arange(64) % 2, Box.orthorhombic([5.2] * 3), ("A", "B"))


# -- what comes back -------------------------------------------------------------------------------------------------


@lammps
def test_a_state_holds_the_configuration_and_velocities_it_was_begun_with(engine, run, tmp_path):
    start = spread_out()
    velocities = np.random.default_rng(0).normal(size=(64, 3))
    engine.begin(run, start, velocities, tmp_path / "s")
    frame, back = engine.configuration(tmp_path / "s", ("A", "B"))
    np.testing.assert_allclose(frame.positions, start.positions, atol=1e-12)
    assert np.array_equal(back, velocities)
    assert np.array_equal(frame.species, start.species)
    assert frame.box == start.box


@lammps
def test_drawn_velocities_have_the_temperature_and_no_drift(engine, run, tmp_path):
    engine.begin(run, spread_out(), None, tmp_path / "s")
    _, v = engine.configuration(tmp_path / "s", ("A", "B"))
    np.testing.assert_allclose(v.sum(axis=0), 0.0, atol=1e-10)
    assert (v**2).sum() / (3 * 64 - 3) == pytest.approx(run.temperature, rel=1e-10)


@lammps
def test_positions_are_unwrapped_and_in_the_order_of_the_particles(engine, run, liquid, tmp_path):
    """Each particle moves a little between frames, also where it leaves the cell; the energy knows their species."""
    before, _ = engine.configuration(liquid, ("A", "B"))
    segment = engine.advance(run, liquid, 20, tmp_path / "s")
    path = np.concatenate([before.positions[None], segment.positions])
    assert np.abs(np.diff(path, axis=0)).max() < 0.6
    assert CUBE.images(segment.positions[-1]).any(), "somebody has left the cell"
    assert np.array_equal(before.species, START.species)
    after, _ = engine.configuration(tmp_path / "s", ("A", "B"))
    assert np.array_equal(after.positions, segment.positions[-1])
    np.testing.assert_allclose(segment.box_origin, np.broadcast_to(CUBE.origin, (20, 3)))
    np.testing.assert_allclose(segment.box_vectors, np.broadcast_to(CUBE.vectors, (20, 3, 3)))


@lammps
@pytest.mark.parametrize("smoothing", ["none", "shift", "force_shift", "quad"])
def test_the_energy_is_the_models_own_sum(engine, liquid, tmp_path, smoothing):
    """Exact for LAMMPS' own pair styles; a table of 8000 points, linear in r², is good to five digits."""
    run = Run(KobAndersen(smoothing), 1.0, 0.004, 3)
    segment = engine.advance(run, liquid, 1, tmp_path / "s")
    expected = total_energy(run.model, Frame(segment.positions[0], START.species, CUBE))
    tolerance = 1e-5 if smoothing == "quad" else 1e-12
    assert segment.thermo["potential_energy"][0] == pytest.approx(expected, rel=tolerance)


@lammps
def test_one_cutoff_for_all_pairs_reaches_lammps(engine, liquid, tmp_path):
    run = Run(KobAndersen("shift", cutoff=2.2, cutoff_unit="sigma_AA"), 1.0, 0.004, 3)
    segment = engine.advance(run, liquid, 1, tmp_path / "s")
    expected = total_energy(run.model, Frame(segment.positions[0], START.species, CUBE))
    assert segment.thermo["potential_energy"][0] == pytest.approx(expected, rel=1e-12)


@lammps
def test_any_other_pair_model_goes_through_a_table(engine, tmp_path):
    run = Run(HarmonicSpheres(), 0.02, 0.02, 10)
    start = mixed_start(Box.orthorhombic([6.5] * 3), 200)
    engine.relax(start, run.model, tmp_path / "s0", run)
    segment = engine.advance(run, tmp_path / "s0", 2, tmp_path / "s1")
    expected = total_energy(run.model, Frame(segment.positions[-1], start.species, start.box))
    assert expected > 0.5
    assert segment.thermo["potential_energy"][-1] == pytest.approx(expected, rel=1e-4)


class Isotopes(KobAndersen):
    """Kob-Andersen with B four times as heavy."""

    masses = np.array([1.0, 4.0])


@lammps
def test_masses_are_those_of_the_model(engine, tmp_path):
    start = spread_out()
    engine.begin(Run(Isotopes(), 1.0), start, None, tmp_path / "s")
    _, v = engine.configuration(tmp_path / "s", ("A", "B"))
    mass = Isotopes.masses[start.species][:, None]
    assert (mass * v**2).sum() / (3 * 64 - 3) == pytest.approx(1.0, rel=1e-10)
    np.testing.assert_allclose((mass * v).sum(axis=0), 0.0, atol=1e-10)


@lammps
def test_a_mixture_may_lack_its_last_species(engine, run, tmp_path):
    start = spread_out()
    pure = Frame(start.positions, np.zeros(64, int), start.box, ("A",))
    engine.begin(run, pure, None, tmp_path / "s")
    segment = engine.advance(run, tmp_path / "s", 1, tmp_path / "t")
    expected = total_energy(run.model, Frame(segment.positions[0], pure.species, pure.box))
    assert segment.thermo["potential_energy"][0] == pytest.approx(expected, rel=1e-5)


@lammps
def test_species_in_another_order_are_refused(engine, run, tmp_path):
    start = spread_out()
    swapped = Frame(start.positions, start.species, start.box, ("B", "A"))
    with pytest.raises(ParameterError, match="has the species A, B; the configuration has B, A"):
        engine.begin(run, swapped, None, tmp_path / "s")


@lammps
def test_the_conserved_energy_hardly_drifts(engine, run, liquid, tmp_path):
    segment = engine.advance(run, liquid, 20, tmp_path / "s")
    conserved, potential = segment.thermo["conserved_energy"], segment.thermo["potential_energy"]
    assert np.ptp(conserved) < 0.05 * np.ptp(potential)
    assert np.ptp(conserved) / 200 < 2e-3
    assert 0.8 < segment.thermo["temperature"].mean() < 1.2


@lammps
def test_a_ramp_ends_at_its_final_temperature(engine, run, liquid, tmp_path):
    engine.ramp(run, 0.4, liquid, 1500, tmp_path / "cold")
    cold = Run(run.model, 0.4, run.time_step, 25)
    segment = engine.advance(cold, tmp_path / "cold", 12, tmp_path / "s")
    assert segment.thermo["temperature"].mean() == pytest.approx(0.4, abs=0.1)


# -- other cells -----------------------------------------------------------------------------------------------------


@lammps
@pytest.mark.parametrize(
    "box",
    [
        Box.orthorhombic([9.0, 8.0]),
        Box.triclinic([9.0, 8.0], [2.5], [0.5, -0.5]),
        Box.triclinic([5.5, 5.6, 5.7], [1.0, 0.5, -0.7]),
        Box.triclinic([5.5, 5.6, 5.7], [3.4, -2.9, 2.0], [1.0, -2.0, 0.0]),
    ],
    ids=["2d", "2d-tilted", "tilted", "tilted-far"],
)
def test_other_cells_run_and_agree_with_the_model(engine, run, tmp_path, box):
    start = mixed_start(box, 80 if box.dimension == 2 else 190)
    engine.relax(start, run.model, tmp_path / "s0", run)
    segment = engine.advance(run, tmp_path / "s0", 3, tmp_path / "s1")
    assert segment.positions.shape == (3, *start.positions.shape)
    np.testing.assert_allclose(segment.box_vectors[-1], box.vectors, rtol=1e-14)
    np.testing.assert_allclose(segment.box_origin[-1], box.origin, rtol=1e-14, atol=1e-14)
    expected = total_energy(run.model, Frame(segment.positions[-1], start.species, box))
    assert segment.thermo["potential_energy"][-1] == pytest.approx(expected, rel=2e-5)
    steps = np.diff(segment.positions, axis=0)
    assert np.abs(steps).max() < 1.0


@lammps
def test_a_cell_that_lammps_cannot_take_is_refused(engine, run, tmp_path):
    box = Box([[5.0, 1.0, 0.0], [0.0, 5.0, 0.0], [0.0, 0.0, 5.0]])
    with pytest.raises(ParameterError, match=r"first box vector along x.*rotate the configuration first"):
        engine.begin(run, mixed_start(box, 10), None, tmp_path / "s")


# -- quenches --------------------------------------------------------------------------------------------------------


@lammps
def test_a_quench_ends_where_no_force_is_left(engine, run, liquid):
    frame, _ = engine.configuration(liquid, ("A", "B"))
    quenched, energy, max_force, iterations = minimize_frames(
        run.model, frame.positions[None], frame.species, frame.box, force_tolerance=1e-4, max_iterations=3000
    )
    below = Frame(quenched[0], frame.species, frame.box)
    assert energy[0] == pytest.approx(total_energy(run.model, below), rel=1e-9)
    assert energy[0] < total_energy(run.model, frame) - 50
    assert max_force[0] < 1e-4
    assert 0 < iterations[0] < 3000
    assert np.abs(quenched[0] - frame.positions).max() < 1.5, "unwrapped as the thermal frame is"
    forces = np.zeros_like(frame.positions)
    for d, r, i, j in pairs(below, run.model.max_cutoff):
        for a, b in product((0, 1), repeat=2):
            k = (below.species[i] == a) & (below.species[j] == b) & (r < run.model.cutoffs[a, b])
            f = run.model.pair_force(r[k], a, b)[:, None] * d[k] / r[k, None]
            np.add.at(forces, i[k], f)
            np.add.at(forces, j[k], -f)
    assert np.linalg.norm(forces, axis=1).max() < 3e-4


# -- failures --------------------------------------------------------------------------------------------------------


@lammps
def test_a_failure_says_what_lammps_said_and_keeps_its_input(engine, run, tmp_path):
    piled = Frame(1.0 + 1e-4 * np.random.default_rng(0).random((10, 3)), [0] * 10, CUBE, ("A", "B"))
    with pytest.raises(
        EngineError, match=r'LAMMPS stopped at step 0: "ERROR.*Pair distance.*in\.lammps'
    ) as caught:
        engine.begin(run, piled, None, tmp_path / "deep" / "s")
    kept = tmp_path / "deep" / "in.lammps"
    assert str(kept) in str(caught.value)
    assert "pair_style table linear 8000\n" in kept.read_text()
    assert kept.read_text().endswith("run 0 post no\n")
    assert not (tmp_path / "deep" / "s").exists()


@lammps
def test_a_run_that_explodes_names_the_step(engine, run, liquid, tmp_path):
    wild = Run(run.model, 1.0, time_step=0.5, steps_per_frame=100)
    with pytest.raises(EngineError, match=r"LAMMPS stopped at step \d+: "):
        engine.advance(wild, liquid, 2, tmp_path / "s")
    assert not (tmp_path / "s").exists()


@lammps
@pytest.mark.parametrize("content", [None, b"", b"not a restart file", "cut"])
def test_a_state_that_is_no_state_is_refused(engine, run, liquid, tmp_path, content):
    if content == "cut":
        content = liquid.read_bytes()[:-100]
    if content is not None:
        (tmp_path / "s").write_bytes(content)
    with pytest.raises(EngineError, match="LAMMPS stopped"):
        engine.advance(run, tmp_path / "s", 1, tmp_path / "t")


@lammps
def test_a_state_that_was_cut_short_is_not_taken_for_whole(engine, run, liquid, tmp_path, monkeypatch):
    command = Session.__call__

    def cutting(self, text):
        command(self, text)
        if text.startswith("write_restart"):
            os.truncate(text.split()[1], 3000)

    monkeypatch.setattr(Session, "__call__", cutting)
    with pytest.raises(DiskFullError, match="No space left while writing"):
        engine.advance(run, liquid, 1, tmp_path / "s")
    assert list(tmp_path.iterdir()) == []


@lammps
def test_a_full_disk_is_said_as_such(engine, run, liquid, small_disk):
    disk = small_disk(12)
    with pytest.raises(DiskFullError, match=r"No space left while writing .*state"):
        engine.advance(run, liquid, 1, disk / "state")
    assert not (disk / "state").exists()


@lammps
def test_other_thermostats_are_refused(engine, run, tmp_path):
    langevin = Run(run.model, 1.0, thermostat=Thermostat("langevin"))
    with pytest.raises(ParameterError, match="has the thermostat 'nose-hoover', not 'langevin'"):
        engine.begin(langevin, spread_out(), None, tmp_path / "s")


@pytest.fixture
def unloaded(monkeypatch):
    """LAMMPS as if nothing had loaded it yet."""
    load_lammps.cache_clear()
    yield monkeypatch
    load_lammps.cache_clear()


def broken_lammps(message: str) -> ModuleType:
    def lammps(**_):
        raise OSError(message)

    module = ModuleType("lammps")
    module.lammps = lammps
    return module


def test_a_missing_lammps_is_said_with_the_command_that_installs_it(unloaded):
    unloaded.setitem(sys.modules, "lammps", None)
    with pytest.raises(MissingExtraError, match=r"needs 'lammps', .*pip install 'vitrify\[sim\]'"):
        load_lammps()


def test_a_missing_mpi_is_said_with_the_command_that_installs_it(unloaded):
    unloaded.setitem(sys.modules, "lammps", broken_lammps("libmpi.so.12: cannot open shared object file"))
    with pytest.raises(ImportError, match=r"needs 'mpich', .*pip install 'vitrify\[sim\]'"):
        load_lammps()


def test_a_library_that_does_not_load_is_an_engine_error(unloaded):
    unloaded.setitem(sys.modules, "lammps", broken_lammps("liblammps.so: wrong ELF class"))
    with pytest.raises(EngineError, match=r"cannot be loaded: liblammps\.so: wrong ELF class"):
        load_lammps()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"temperature": 0.0}, "`temperature` must be positive; it is 0.0"),
        ({"temperature": 1.0, "time_step": -1.0}, r"they are -1\.0, 200"),
        ({"temperature": 1.0, "steps_per_frame": 0}, r"they are 0\.005, 0"),
    ],
)
def test_a_run_says_what_is_wrong_with_it(wrong, words):
    with pytest.raises(ParameterError, match=words):
        Run(KobAndersen(), **wrong)
    with pytest.raises(ParameterError, match=r"`time_constant` .* it is 0"):
        Thermostat(time_constant=0.0)


def test_frames_are_apart_by_steps_times_the_time_step():
    assert Run(KobAndersen(), 1.0, 0.004, 25).frame_interval == pytest.approx(0.1)
