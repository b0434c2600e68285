"""The engine "verlet": forces of the model to single precision, energy and temperature as mechanics wants them."""

import functools

import numpy as np
import pytest

from vitrify.engines import ENGINES
from vitrify.engines._clusters import Motion, cluster_order
from vitrify.engines.base import Run, Thermostat
from vitrify.engines.verlet import Verlet
from vitrify.errors import EngineError, ParameterError, ShapeError
from vitrify.models.hard_spheres import HardSpheres
from vitrify.models.harmonic_spheres import HarmonicSpheres
from vitrify.models.kob_andersen import KobAndersen
from vitrify.particles import Box, Frame
from vitrify.protocols.equilibrate import random_start

LIQUID = KobAndersen(smoothing="quad")
CONSTANT_ENERGY = Thermostat("none")


def lattice(box, per_axis, model=LIQUID, shake=0.08, seed=0):
    """Particles near a lattice in the box, species at random, those of the first cell in another image."""
    rng, d = np.random.default_rng(seed), box.dimension
    places = np.stack(np.meshgrid(*[np.arange(per_axis) / per_axis] * d, indexing="ij"), -1).reshape(-1, d)
    positions = box.origin + places @ box.vectors + rng.normal(scale=shake, size=places.shape)
    positions[:5] += 3 * box.vectors[0] - 2 * box.vectors[1]
    species = rng.choice(len(model.species_names), len(places), p=model.composition)
    return Frame(positions, species, box, model.species_names)


CUBE = Box.orthorhombic([6.3] * 3, origin=[-1.0, 2.0, 3.0])
BOXES = {
    "cube": (CUBE, 6),
    "brick": (Box.orthorhombic([6.0, 6.5, 7.0]), 6),
    "tilted": (Box.triclinic([6.6, 6.8, 7.0], [1.5, -1.0, 0.8], origin=[0.5, 0.0, -3.0]), 6),
    "square": (Box.orthorhombic([11.0, 12.0]), 11),
    "rhomb": (Box.triclinic([12.0, 11.5], [4.0]), 11),
}


@functools.cache
def moved(thermostat="nose-hoover", time_step=0.004, steps=400):
    """A liquid for some time after its lattice: the run, its start and the segment."""
    import tempfile
    from pathlib import Path

    start = lattice(CUBE, 6)
    run = Run(LIQUID, 1.0, time_step, 10, Thermostat(thermostat, 0.2), seed=3)
    with tempfile.TemporaryDirectory() as folder:
        first, melted, last = (Path(folder, name) for name in "abc")
        melt = Run(LIQUID, 1.0, 0.004, 2000, Thermostat(time_constant=0.2), seed=3)
        Verlet().begin(melt, start, None, first)
        Verlet().advance(melt, first, 1, melted)
        return run, start, Verlet().advance(run, melted, steps // 10, last)


def test_the_engine_is_registered():
    assert ENGINES.load("verlet") is Verlet
    assert Verlet().name == "verlet"


# -- forces ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("box", "model"),
    [
        *((box, LIQUID) for box in BOXES),
        pytest.param("brick", KobAndersen(smoothing="force_shift"), marks=pytest.mark.slow),
        pytest.param("brick", KobAndersen(smoothing="shift"), marks=pytest.mark.slow),
        pytest.param("brick", KobAndersen(smoothing="none"), marks=pytest.mark.slow),
        ("square", HarmonicSpheres()),
    ],
)
def test_forces_and_energy_are_those_of_the_model(box, model):
    frame = lattice(*BOXES[box], model)
    motion = Motion(model, frame, np.zeros_like(frame.positions), 0.4)
    energy, forces = model.energy_and_forces(frame)
    scale = np.abs(forces).max()
    np.testing.assert_allclose(motion.forces, forces, atol=5e-6 * scale)
    assert motion.energy_and_virial()[0] == pytest.approx(energy, rel=1e-7)


def test_the_virial_is_how_the_energy_changes_when_everything_is_stretched():
    frame = lattice(*BOXES["tilted"])
    virial = Motion(LIQUID, frame, np.zeros_like(frame.positions), 0.3).energy_and_virial()[1]

    def stretched(factor):
        box = Box(frame.box.vectors * factor, frame.box.origin * factor)
        return LIQUID.energy(Frame(frame.positions * factor, frame.species, box, frame.species_names))

    slope = (stretched(1 + 1e-5) - stretched(1 - 1e-5)) / 2e-5
    assert virial == pytest.approx(-slope, rel=1e-6)


def test_forces_stay_those_of_the_model_while_lists_age():
    frame = lattice(CUBE, 6)
    rng = np.random.default_rng(1)
    motion = Motion(LIQUID, frame, rng.normal(size=frame.positions.shape), 0.4)
    motion.go_on(60, 0.004, 1.0, 0.0, 0.0)
    _, forces = LIQUID.energy_and_forces(frame.with_positions(motion.positions))
    np.testing.assert_allclose(motion.forces, forces, atol=1e-5 * np.abs(forces).max())


def test_clusters_are_compact():
    rng = np.random.default_rng(2)
    box = Box.triclinic([10.0, 11.0, 12.0], [3.0, 0.0, -2.0])
    positions = rng.random((1600, 3)) @ box.vectors + 2 * box.vectors[0]
    order = cluster_order(box, positions, 16)
    np.testing.assert_array_equal(np.sort(order), np.arange(1600))
    spread = [
        np.linalg.norm(box.minimum_image(positions[c] - positions[c[0]]), axis=1).max()
        for c in order.reshape(-1, 16)
    ]
    edge = (16 * box.volume / 1600) ** (1 / 3)
    assert np.median(spread) < 2 * edge


# -- motion ----------------------------------------------------------------------------------------------------------


def test_constant_energy_stays_constant_and_errs_as_the_square_of_the_time_step():
    errors = []
    for step in (0.004, 0.002):
        _, start, segment = moved("none", step, round(1.6 / step))
        errors.append(np.std(segment.thermo["conserved_energy"]) / start.n_particles)
    assert errors[0] < 2e-3
    assert errors[1] < 0.4 * errors[0]


def test_the_thermostat_holds_the_temperature_and_conserves_its_own_energy():
    run, start, segment = moved(steps=4000)
    kinetic = segment.thermo["temperature"]
    assert kinetic.mean() == pytest.approx(run.temperature, abs=0.02)
    freedom = 3 * (start.n_particles - 1)
    assert kinetic.var() == pytest.approx(2 / freedom, rel=0.5)  # of the canonical ensemble
    conserved = segment.thermo["conserved_energy"] / start.n_particles
    energy = segment.thermo["potential_energy"] / start.n_particles + 1.5 * kinetic
    assert conserved.std() < 0.1 * energy.std()


def test_energy_pressure_and_temperature_of_a_frame_are_those_of_its_state(tmp_path):
    run = Run(LIQUID, 1.0, 0.002, 20, seed=1)
    start = lattice(CUBE, 6)
    Verlet().begin(run, start, None, tmp_path / "0")
    segment = Verlet().advance(run, tmp_path / "0", 2, tmp_path / "1")
    frame, velocities = Verlet().configuration(tmp_path / "1")
    np.testing.assert_array_equal(frame.positions, segment.positions[-1])
    twice = (velocities**2).sum()
    thermo = {name: values[-1] for name, values in segment.thermo.items()}
    assert thermo["potential_energy"] == pytest.approx(LIQUID.energy(frame), rel=1e-7)
    assert thermo["temperature"] == pytest.approx(twice / (3 * (start.n_particles - 1)), rel=1e-12)
    virial = Motion(LIQUID, frame, velocities, 0.3).energy_and_virial()[1]
    assert thermo["pressure"] == pytest.approx((twice + virial) / (3 * CUBE.volume), rel=1e-9)
    np.testing.assert_allclose(velocities.sum(axis=0), 0.0, atol=1e-4)


def test_drawn_velocities_have_the_temperature_of_the_run_and_follow_from_its_seed(tmp_path):
    start = lattice(CUBE, 6)
    drawn = []
    for seed in (1, 1, 2):
        Verlet().begin(Run(LIQUID, 0.7, seed=seed), start, None, tmp_path / "0")
        drawn.append(Verlet().configuration(tmp_path / "0")[1])
    assert (drawn[0] ** 2).sum() / (3 * (start.n_particles - 1)) == pytest.approx(0.7, rel=1e-12)
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert np.abs(drawn[0] - drawn[2]).max() > 0.1


def test_positions_are_unwrapped_and_in_the_order_of_the_particles(tmp_path):
    model, box = HarmonicSpheres(), Box.orthorhombic([8.0, 9.0])
    start = Frame([[1.0, 1.0], [4.0, 5.0], [1.0, 7.0]], [0, 1, 0], box, ("A", "B"))
    velocities = np.array([[3.0, 0.0], [-5.0, 0.0], [0.0, 0.0]])
    run = Run(model, 1.0, 0.01, 1000, CONSTANT_ENERGY)
    Verlet().begin(run, start, velocities, tmp_path / "0")
    segment = Verlet().advance(run, tmp_path / "0", 2, tmp_path / "1")
    np.testing.assert_allclose(segment.positions[1], start.positions + 20.0 * velocities, atol=1e-9)


def test_a_harmonic_pair_oscillates_at_its_frequency(tmp_path):
    box = Box.orthorhombic([9.0] * 3)
    start = Frame([[4.0, 4.0, 4.0], [4.9, 4.0, 4.0]], [0, 0], box, ("A", "B"))
    run = Run(HarmonicSpheres(), 1.0, 1e-3, 200, CONSTANT_ENERGY)
    Verlet().begin(run, start, np.zeros((2, 3)), tmp_path / "0")
    positions = Verlet().advance(run, tmp_path / "0", 3, tmp_path / "1").positions
    overlap = 0.1 * np.cos(
        np.sqrt(2 * 2.0) * run.frame_interval * np.arange(1, 4)
    )  # k = 2ε/σ², reduced mass 1/2
    np.testing.assert_allclose(1.0 - (positions[:, 1, 0] - positions[:, 0, 0]), overlap, atol=1e-5)


def test_a_ramp_ends_at_its_temperature(tmp_path):
    run = Run(LIQUID, 1.0, 0.004, 1, Thermostat(time_constant=0.1), seed=2)
    Verlet().begin(run, lattice(CUBE, 6), None, tmp_path / "0")
    Verlet().ramp(run, 2.0, tmp_path / "0", 2000, tmp_path / "1")
    velocities = Verlet().configuration(tmp_path / "1")[1]
    assert (velocities**2).sum() / (3 * 215) == pytest.approx(2.0, rel=0.15)


def test_a_random_start_becomes_a_liquid(tmp_path):
    run, start = (
        Run(LIQUID, 1.0, 0.004, 250, Thermostat(time_constant=0.2)),
        random_start((0.8, 0.2), 300, 1.2, dimension=3, seed=1),
    )
    Verlet().relax(start, LIQUID, tmp_path / "0", run)
    frame, _ = Verlet().configuration(tmp_path / "0")
    assert LIQUID.energy(frame) < 0.0 < 1e6 * 300 < LIQUID.energy(start)
    segment = Verlet().advance(run, tmp_path / "0", 2, tmp_path / "1")
    assert segment.thermo["temperature"][-1] == pytest.approx(1.0, rel=0.3)


# -- the same bits ---------------------------------------------------------------------------------------------------


def test_a_run_in_the_same_segments_has_the_same_bits(tmp_path):
    run, engine = Run(LIQUID, 1.0, 0.004, 30, seed=4), Verlet()
    engine.begin(run, lattice(CUBE, 6), None, tmp_path / "0")
    first = engine.advance(run, tmp_path / "0", 2, tmp_path / "a")
    second = engine.advance(run, tmp_path / "a", 3, tmp_path / "b")
    again = engine.advance(run, tmp_path / "0", 2, tmp_path / "c")
    resumed = engine.advance(run, tmp_path / "c", 3, tmp_path / "d")
    for one, two in ((first, again), (second, resumed)):
        np.testing.assert_array_equal(one.positions, two.positions)
        for name in one.thermo:
            np.testing.assert_array_equal(one.thermo[name], two.thermo[name])
    assert [a.tobytes() for a in engine.configuration(tmp_path / "b")[1]] == [
        a.tobytes() for a in engine.configuration(tmp_path / "d")[1]
    ]


def test_the_skin_and_the_cuts_change_the_trajectory_only_as_rounding_does(tmp_path):
    run, start, ends = Run(LIQUID, 1.0, 0.004, 25, seed=4), lattice(CUBE, 6), []
    for skin in (0.15, 0.5):
        Verlet(skin).begin(run, start, None, tmp_path / "0")
        ends.append(Verlet(skin).advance(run, tmp_path / "0", 1, tmp_path / "1").positions[-1])
    np.testing.assert_allclose(ends[0], ends[1], atol=1e-4)


# -- what is refused -------------------------------------------------------------------------------------------------


def test_what_it_cannot_do_is_refused(tmp_path):
    start, state = lattice(CUBE, 6), tmp_path / "0"
    run = Run(LIQUID, 1.0)
    small = lattice(Box.orthorhombic([5.0] * 3), 5)
    open_box = Frame(start.positions, start.species, Box(CUBE.vectors, CUBE.origin, [True, True, False]))
    with pytest.raises(ParameterError, match=r"least height is 5.*'lammps'"):
        Verlet().begin(run, small, None, state)
    with pytest.raises(ParameterError, match=r"periodic along every axis.*'lammps'"):
        Verlet().begin(run, open_box, None, state)
    with pytest.raises(ParameterError, match="thermostats 'nose-hoover', 'none', not 'langevin'"):
        Verlet().begin(Run(LIQUID, 1.0, thermostat=Thermostat("langevin")), start, None, state)
    with pytest.raises(ParameterError, match="Hard spheres have no forces"):
        Verlet().begin(Run(HardSpheres(), 1.0), start, None, state)
    with pytest.raises(ParameterError, match="needs a pair model as `model`; got object"):
        Verlet().begin(Run(object(), 1.0), start, None, state)
    with pytest.raises(ShapeError, match=r"`velocities` must have shape \(216, 3\)"):
        Verlet().begin(run, start, np.zeros((3, 3)), state)
    with pytest.raises(ParameterError, match="`skin` must be a positive length; it is 0"):
        Verlet(0.0)
    Verlet().begin(run, start, None, state)
    with pytest.raises(ParameterError, match="`n_frames` must be at least 1; it is 0"):
        Verlet().advance(run, state, 0, tmp_path / "1")
    with pytest.raises(EngineError, match="belongs to another model"):
        Verlet().advance(Run(KobAndersen(smoothing="shift"), 1.0), state, 1, tmp_path / "1")
    state.write_bytes(state.read_bytes()[:100])
    with pytest.raises(EngineError, match="not a whole state of the engine 'verlet'"):
        Verlet().advance(run, state, 1, tmp_path / "1")


def test_a_motion_that_breaks_down_is_reported(tmp_path):
    start = Frame([[1.0, 1.0, 1.0], [1.0001, 1.0, 1.0]], [0, 0], CUBE, ("A", "B"))
    run = Run(LIQUID, 1.0)
    Verlet().begin(run, start, None, tmp_path / "0")
    with pytest.raises(EngineError, match=r"velocities are no longer finite.*`time_step`"):
        Verlet().advance(run, tmp_path / "0", 1, tmp_path / "1")
