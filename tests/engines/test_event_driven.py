"""Hard spheres from collision to collision: exact, reversible, and at the pressure of the theory."""

import functools
from itertools import combinations, pairwise, product

import numpy as np
import pytest

from vitrify.engines import ENGINES
from vitrify.engines.base import Run
from vitrify.engines.event_driven import EventDriven, Flow, compress
from vitrify.errors import ConfigurationError, ConvergenceError, EngineError, ParameterError, ShapeError
from vitrify.models.hard_spheres import HardSpheres
from vitrify.models.kob_andersen import KobAndersen
from vitrify.particles import Box, Frame
from vitrify.particles.layout import Layout
from vitrify.particles.trajectory import Trajectory
from vitrify.protocols.equilibrate import random_start
from vitrify.protocols.production import prepare_production, produce, state_file

ONE = HardSpheres((1.0,), (1.0,))
HEAVY = HardSpheres((1.0, 2.0), (0.5, 0.5), (1.0, 3.0))


def flow_of(model, frame, velocities, shell=None):
    return EventDriven(shell)._flow(model, frame, np.asarray(velocities, float))


@functools.cache
def packed(n=256, eta=0.45, dimension=3, model=None):
    """A liquid some collisions after its compression."""
    model = model or HardSpheres((1.0, 0.85), (0.25, 0.75))
    start = random_start(model.composition, n, 0.5, dimension=dimension, seed=2)
    frame, velocities = compress(start, model, eta, growth_rate=0.3, seed=2)
    return model, frame, velocities


def line_of(model, x, v, species=None, length=20.0, dimension=3):
    """Spheres along the first axis."""
    n = len(x)
    positions, velocities = np.full((n, dimension), 0.5 * length), np.zeros((n, dimension))
    positions[:, 0], velocities[:, 0] = x, v
    frame = Frame(positions, species or [0] * n, Box.orthorhombic([length] * dimension))
    return flow_of(model, frame, velocities)


def naive_run(positions, velocities, radii, masses, lengths, duration):
    """All pairs at every collision: the definition of the dynamics."""
    x, v, left, collisions = positions.copy(), velocities.copy(), duration, 0
    copies = np.array(list(product((-1, 0, 1), repeat=len(lengths)))) * lengths
    while True:
        first = (left, None)
        for i, j in combinations(range(len(x)), 2):
            d = x[j] - x[i]
            u, sigma = v[j] - v[i], radii[i] + radii[j]
            for image in d - np.rint(d / lengths) * lengths + copies:
                b = image @ u
                disc = b**2 - u @ u * (image @ image - sigma**2)
                if b < 0 and disc > 0:
                    first = min(first, ((-b - np.sqrt(disc)) / (u @ u), (i, j)))
        time, pair = first
        x, left = x + v * time, left - time
        if pair is None:
            return x, v, collisions
        i, j = pair
        d = x[j] - x[i]
        d -= np.rint(d / lengths) * lengths
        d /= np.linalg.norm(d)
        push = 2 * (v[j] - v[i]) @ d * masses[i] * masses[j] / (masses[i] + masses[j]) * d
        v[i], v[j] = v[i] + push / masses[i], v[j] - push / masses[j]
        collisions += 1


# -- a few spheres ---------------------------------------------------------------------------------------------------


def test_the_engine_is_registered():
    assert ENGINES.load("event-driven") is EventDriven
    assert EventDriven().name == "event-driven"


@pytest.mark.parametrize("dimension", [2, 3])
def test_equal_spheres_that_meet_head_on_exchange_their_velocities(dimension):
    flow = line_of(ONE, [4.0, 7.0], [1.0, -1.0], dimension=dimension)
    assert flow.go_on(3.0) == 3.0
    np.testing.assert_allclose(flow.positions[:, 0], [3.0, 8.0], rtol=1e-15)
    np.testing.assert_array_equal(flow.velocities[:, 0], [-1.0, 1.0])
    assert flow.collisions == 1
    assert flow.virial == pytest.approx(2.0)


def test_unequal_masses_and_diameters_collide_as_mechanics_says():
    flow = line_of(HEAVY, [4.0, 7.5], [2.0, 0.0], [0, 1])
    flow.go_on(2.0)  # in contact at a distance of 1.5, after a time of 1
    np.testing.assert_allclose(flow.velocities[:, 0], [-1.0, 1.0], rtol=1e-14)
    np.testing.assert_allclose(flow.positions[:, 0], [5.0, 8.5], rtol=1e-14)


def test_an_oblique_collision_changes_only_the_normal_component():
    angle = np.deg2rad(30.0)
    contact = np.array([np.cos(angle), np.sin(angle), 0.0])
    place = np.array([5.0, 5.0, 5.0])
    velocity = np.array([0.7, 0.2, 0.4])
    positions = [place - velocity, place + contact]
    frame = Frame(positions, [0, 0], Box.orthorhombic([12.0] * 3))
    flow = flow_of(ONE, frame, [velocity, np.zeros(3)])
    flow.go_on(1.5)
    normal = (velocity @ contact) * contact
    np.testing.assert_allclose(flow.velocities, [velocity - normal, normal], atol=1e-14)
    np.testing.assert_allclose(flow.positions[1], place + contact + 0.5 * normal, rtol=1e-14)


def test_three_spheres_in_a_row_hand_the_motion_on():
    flow = line_of(ONE, [2.0, 5.0, 9.0], [1.0, 0.0, 0.0])
    flow.go_on(8.0)  # contacts at 2 and at 5
    np.testing.assert_allclose(flow.positions[:, 0], [4.0, 8.0, 12.0], rtol=1e-14)
    np.testing.assert_array_equal(flow.velocities[:, 0], [0.0, 0.0, 1.0])
    assert flow.collisions == 2


def test_spheres_meet_through_the_faces_of_the_box():
    flow = line_of(ONE, [0.7, 9.5], [-1.0, 1.0], length=10.0)
    flow.go_on(1.0)  # 1.2 apart through the face
    np.testing.assert_allclose(flow.velocities[:, 0], [1.0, -1.0], rtol=1e-14)
    np.testing.assert_allclose(flow.positions[:, 0], [1.5, 8.7], rtol=1e-14)


def test_a_sphere_alone_flies_straight_and_is_not_wrapped():
    frame = Frame([[1.0, 2.0, 3.0]], [0], Box.orthorhombic([4.0, 5.0, 6.0]))
    flow = flow_of(ONE, frame, [[1.5, -2.0, 0.25]])
    flow.go_on(40.0)
    np.testing.assert_allclose(flow.positions, [[61.0, -78.0, 13.0]], rtol=1e-13)


@pytest.mark.parametrize("dimension", [2, 3])
def test_the_first_collisions_agree_with_the_definition(dimension):
    rng = np.random.default_rng(5)
    lengths = np.array([5.0, 6.0, 5.5])[:dimension]
    lattice = np.stack(np.meshgrid(*[[0.0, 2.5]] * dimension), -1).reshape(-1, dimension) + 0.2
    frame = Frame(
        lattice + rng.uniform(-0.2, 0.2, lattice.shape),
        [0, 1] * (len(lattice) // 2),
        Box.orthorhombic(lengths),
    )
    velocities = rng.normal(size=lattice.shape)
    flow = flow_of(HEAVY, frame, velocities)
    x, v, collisions = naive_run(frame.positions, velocities, flow.radii, flow.masses, lengths, 6.0)
    flow.go_on(6.0)
    assert flow.collisions == collisions > 12
    np.testing.assert_allclose(flow.positions[:, :dimension], x, atol=1e-7)
    np.testing.assert_allclose(flow.velocities[:, :dimension], v, atol=1e-7)


# -- a liquid --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dimension", "eta"), [(3, 0.5), (2, 0.65)])
def test_many_collisions_keep_energy_momentum_and_distance(dimension, eta):
    model, frame, velocities = packed(256, eta, dimension)
    flow = flow_of(model, frame, velocities)
    energy = flow.kinetic_energy
    for _ in range(8):
        flow.go_on(0.5)
        assert flow.closest()[0] > 1 - 1e-12
    assert flow.collisions > 20 * 256
    assert flow.kinetic_energy == pytest.approx(energy, rel=1e-12)
    np.testing.assert_allclose(flow.masses @ flow.velocities, 0.0, atol=1e-11)
    assert not flow.positions[:, dimension:].any()


def test_motion_runs_backwards_when_the_velocities_are_turned():
    model, frame, velocities = packed()
    flow = flow_of(model, frame, velocities)
    flow.go_on(0.4)
    collisions = flow.collisions
    flow.velocities *= -1
    flow.go_on(0.4)
    assert flow.collisions == 2 * collisions > 1000
    np.testing.assert_allclose(flow.positions, frame.positions, atol=1e-6)
    np.testing.assert_allclose(flow.velocities, -velocities, atol=1e-6)


def test_the_shell_changes_the_way_and_not_the_motion():
    model, frame, velocities = packed()
    ends, lookups = [], []
    for shell in (0.03, 0.4):
        flow = flow_of(model, frame, velocities, shell)
        flow.go_on(0.3)
        ends.append(flow.positions)
        lookups.append(flow.lookups)
    np.testing.assert_allclose(ends[0], ends[1], atol=1e-7)
    assert lookups[0] > 2 * lookups[1]


def test_lists_that_are_too_short_are_made_longer():
    small = HardSpheres((1.0, 0.1), (0.05, 0.95))
    start = random_start(small.composition, 400, 0.5, dimension=3, seed=3)
    frame, velocities = compress(start, small, 0.1)
    flow = flow_of(small, frame, velocities, 0.8)
    energy = flow.kinetic_energy
    assert flow.go_on(0.2) == 0.2
    assert flow.kinetic_energy == pytest.approx(energy, rel=1e-13)
    assert flow.closest()[0] > 1 - 1e-12


def test_hotter_spheres_take_the_same_way_in_less_time(tmp_path):
    model, frame, velocities = packed()
    ends = []
    for k, (temperature, step) in enumerate([(1.0, 0.2), (4.0, 0.1)]):
        run = Run(model, temperature, time_step=step, steps_per_frame=1)
        EventDriven().begin(run, frame, velocities * np.sqrt(temperature), tmp_path / f"{k}")
        ends.append(EventDriven().advance(run, tmp_path / f"{k}", 2, tmp_path / "end"))
    cold, hot = ends
    np.testing.assert_allclose(cold.positions, hot.positions, atol=1e-6)
    np.testing.assert_allclose(hot.thermo["pressure"], 4 * cold.thermo["pressure"], rtol=1e-6)
    np.testing.assert_allclose(hot.thermo["collision_rate"], 2 * cold.thermo["collision_rate"], rtol=1e-12)
    np.testing.assert_allclose(hot.thermo["temperature"], 4.0, rtol=1e-12)


def test_species_of_different_masses_share_the_energy_evenly():
    model, frame, velocities = packed(200, 0.3, 3, HEAVY)
    flow, shares = flow_of(model, frame, velocities), []
    for _ in range(40):
        flow.go_on(0.5)
        kinetic = 0.5 * flow.masses * (flow.velocities**2).sum(axis=1)
        shares.append(kinetic[frame.species == 0].sum() / kinetic.sum())
    assert np.mean(shares) == pytest.approx(0.5, abs=0.02)


def compressibility(flow, duration, blocks):
    """Z and the collision rate with their standard errors."""
    n, d = len(flow.radii), len(flow.lengths)
    values = []
    for _ in range(blocks):
        collisions, virial = flow.collisions, flow.virial
        flow.go_on(duration / blocks)
        time = n * duration / blocks
        values.append([1 + (flow.virial - virial) / (d * time), (flow.collisions - collisions) / time])
    return np.mean(values, axis=0), np.std(values, axis=0, ddof=1) / np.sqrt(blocks)


@pytest.mark.parametrize(("dimension", "eta"), [(3, 0.45), (2, 0.5)])
def test_pressure_and_collision_rate_are_those_of_the_theory(dimension, eta):
    model, frame, velocities = packed(256, eta, dimension)
    density = frame.number_density
    (z, rate), (z_error, rate_error) = compressibility(flow_of(model, frame, velocities), 24.0, 12)
    assert abs(z - model.compressibility_factor(density, dimension)) < 4 * z_error + 0.01 * z
    assert abs(rate - model.collision_rate(density, 1.0, dimension)) < 4 * rate_error + 0.01 * rate
    assert z_error < 0.01 * z


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "dimension", "eta"),
    [
        (ONE, 3, 0.30),
        (ONE, 3, 0.45),
        (HardSpheres(), 3, 0.45),
        (HardSpheres(), 3, 0.52),
        (HardSpheres((1.0, 0.6), (0.4, 0.6), (1.0, 0.2)), 3, 0.4),
        (ONE, 2, 0.3),
        (HardSpheres((1.0, 0.7), (0.5, 0.5)), 2, 0.35),
    ],
)
def test_pressure_and_collision_rate_agree_within_half_a_percent(model, dimension, eta):
    model, frame, velocities = packed(2000, eta, dimension, model)
    density = frame.number_density
    flow = flow_of(model, frame, velocities)
    flow.go_on(20.0)
    (z, rate), error = compressibility(flow, 200.0 if dimension == 3 else 600.0, 20)
    assert z == pytest.approx(model.compressibility_factor(density, dimension), rel=0.005)
    assert rate == pytest.approx(model.collision_rate(density, 1.0, dimension), rel=0.005)
    assert (error < 0.0015 * np.array([z, rate])).all()


# -- compression -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dimension", "eta"), [(3, 0.5), (2, 0.65)])
def test_compression_ends_at_the_packing_fraction_without_overlaps(dimension, eta):
    model, frame, velocities = packed(256, eta, dimension)
    assert model.packing_fraction(frame.number_density, dimension) == pytest.approx(eta, rel=1e-12)
    flow = flow_of(model, frame, velocities)
    assert 1 - 1e-12 < flow.closest()[0] < 1.1
    assert flow.temperature == pytest.approx(1.0, rel=1e-12)
    np.testing.assert_allclose(velocities.sum(axis=0), 0.0, atol=1e-11)


def test_growing_spheres_part_faster_than_they_met():
    flow = line_of(ONE, [4.0, 7.0], [0.5, -0.5])
    flow.go_on(2.0, growth=0.5)  # (3 - t) = 1 + t/2 at t = 4/3, where the diameter grows by 1/2 per time
    np.testing.assert_allclose(flow.velocities[:, 0], [-1.0, 1.0], rtol=1e-14)
    assert flow.radii.tolist() == [1.0, 1.0]


def test_spheres_at_rest_are_reached_by_growth():
    flow = line_of(ONE, [4.0, 6.0], [0.0, 0.0])
    flow.go_on(4.0, growth=0.5)  # in contact at t = 2
    np.testing.assert_allclose(flow.velocities[:, 0], [-0.5, 0.5], rtol=1e-14)
    np.testing.assert_allclose(np.diff(flow.positions[:, 0]), 4.0, rtol=1e-14)


def test_spheres_that_jam_say_where():
    start = random_start(ONE.composition, 64, 0.5, dimension=3, seed=1)
    with pytest.raises(
        ConvergenceError, match=r"The spheres jam at a packing fraction of 0\.[56]\d+; 0.9 was asked for"
    ):
        compress(start, ONE, 0.9, growth_rate=3.0)


# -- the engine ------------------------------------------------------------------------------------------------------


def advance(run, frame, n_frames, folder, cuts=()):
    folder.mkdir()
    state = state_file(folder, 0)
    EventDriven().begin(run, frame, None, state)
    segments = []
    for k, (a, b) in enumerate(pairwise([0, *cuts, n_frames])):
        segments.append(EventDriven().advance(run, state, b - a, state_file(folder, k + 1)))
        state = state_file(folder, k + 1)
    with np.load(state) as held:
        return segments, {name: held[name] for name in held.files}


@pytest.mark.parametrize("dimension", [2, 3])
def test_cutting_the_run_into_calls_changes_no_bit(tmp_path, dimension):
    model, frame, _ = packed(256, 0.45 if dimension == 3 else 0.5, dimension)
    run = Run(model, 1.7, time_step=0.01, steps_per_frame=5, seed=8)
    whole, end = advance(run, frame, 12, tmp_path / "a")
    for name, cuts in (("b", (1, 2, 7)), ("c", (11,))):
        parts, last = advance(run, frame, 12, tmp_path / name, cuts)
        np.testing.assert_array_equal(np.concatenate([s.positions for s in parts]), whole[0].positions)
        for key, values in whole[0].thermo.items():
            np.testing.assert_array_equal(np.concatenate([s.thermo[key] for s in parts]), values)
        for key, values in end.items():
            np.testing.assert_array_equal(last[key], values)


def test_long_intervals_between_frames_change_only_what_is_kept(tmp_path):
    model, frame, _ = packed(64, 0.3)
    short, long = (Run(model, 1.0, time_step=0.125, steps_per_frame=k, seed=1) for k in (32, 128))
    many = advance(short, frame, 4, tmp_path / "a")[0][0]
    few = advance(long, frame, 1, tmp_path / "b")[0][0]
    np.testing.assert_array_equal(many.positions[-1], few.positions[0])
    assert many.thermo["collisions"].sum() == few.thermo["collisions"][0]
    assert many.thermo["pressure"].mean() == pytest.approx(few.thermo["pressure"][0], rel=1e-12)


def test_a_run_fills_a_store(tmp_path):
    model, frame, _ = packed(64, 0.3)
    run = Run(model, 1.0, time_step=0.01, steps_per_frame=10, seed=5)
    layout = Layout(7, frame.species, frame.species_names, 3, (True,) * 3, frames_per_unit=3)
    store = Trajectory.create(tmp_path / "run.zarr", layout, {"model": model.to_dict()})
    prepare_production(store)
    EventDriven().begin(run, frame, None, state_file(tmp_path, 0))
    produce(EventDriven(), run, store, tmp_path)
    expected = advance(run, frame, 7, tmp_path / "again")[0][0]
    np.testing.assert_array_equal(store.positions("thermal"), expected.positions)
    np.testing.assert_array_equal(store.read("pressure"), expected.thermo["pressure"])
    assert not store.read("potential_energy").any()


def test_velocities_are_drawn_at_the_temperature_of_the_run_and_by_its_seed(tmp_path):
    model, frame, _ = packed(200, 0.3, 3, HEAVY)
    drawn = []
    for seed in (1, 1, 2):
        EventDriven().begin(Run(model, 0.7, seed=seed), frame, None, tmp_path / "state")
        kept, velocities = EventDriven().configuration(tmp_path / "state")
        drawn.append(velocities)
        np.testing.assert_array_equal(kept.positions, frame.positions)
    mass = np.where(frame.species == 0, 1.0, 3.0)
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])
    np.testing.assert_allclose(mass @ drawn[0], 0.0, atol=1e-11)
    assert (mass[:, None] * drawn[0] ** 2).sum() == pytest.approx(3 * 199 * 0.7, rel=1e-12)


def test_a_start_with_overlaps_is_grown_before_it_runs(tmp_path):
    model = HardSpheres((1.0, 0.85), (0.25, 0.75))
    start = random_start(model.composition, 64, model.number_density(0.4), dimension=3, seed=4)
    run = Run(model, 0.5, time_step=0.1, steps_per_frame=1)
    EventDriven().relax(start, model, tmp_path / "relaxed", run)
    frame, _ = EventDriven().configuration(tmp_path / "relaxed", ("A", "B"))
    np.testing.assert_allclose(frame.box.lengths, start.box.lengths, rtol=1e-13)
    segment = EventDriven().advance(run, tmp_path / "relaxed", 1, tmp_path / "next")
    assert segment.thermo["temperature"][0] == pytest.approx(0.5, rel=1e-12)


def test_what_the_engine_cannot_do_is_refused(tmp_path):
    box, state = Box.orthorhombic([5.0] * 3), tmp_path / "state"
    two = Frame([[1.0, 1, 1], [3.0, 1, 1]], [0, 0], box)
    run = Run(ONE, 1.0)
    begin = EventDriven().begin
    with pytest.raises(
        ConfigurationError, match=r"Particles 0 and 1 overlap: they are 0\.9 of their distance"
    ):
        begin(run, two.with_positions(np.array([[1.0, 1, 1], [1.9, 1, 1]])), None, state)
    with pytest.raises(ParameterError, match="needs HardSpheres as `model`; got KobAndersen"):
        begin(Run(KobAndersen(), 1.0), two, None, state)
    for bad in (Box.triclinic([5.0] * 3, [1.0, 0, 0]), Box.orthorhombic([5.0] * 3, periodic=[1, 1, 0])):
        with pytest.raises(ParameterError, match="needs a rectangular box that is periodic along every axis"):
            begin(run, Frame(two.positions, two.species, bad), None, state)
    with pytest.raises(
        ParameterError, match=r"at least 2\.1 of the largest diameters, 2\.1, along every axis; it is 2"
    ):
        begin(run, Frame(two.positions, [0, 0], Box.orthorhombic([5.0, 5.0, 2.0])), None, state)
    with pytest.raises(ShapeError, match=r"`velocities` must have shape \(2, 3\); they have \(2, 2\)"):
        begin(run, two, np.zeros((2, 2)), state)
    with pytest.raises(ParameterError, match="`shell` must be a positive length; it is 0"):
        EventDriven(shell=0)
    begin(run, two, None, state)
    with pytest.raises(ParameterError, match="`n_frames` must be at least 1; it is 0"):
        EventDriven().advance(run, state, 0, tmp_path / "next")
    with pytest.raises(EngineError, match="belongs to other hard spheres"):
        EventDriven().advance(Run(HEAVY, 1.0), state, 1, tmp_path / "next")
    state.write_bytes(state.read_bytes()[:100])
    with pytest.raises(EngineError, match="is not a whole state of hard spheres"):
        EventDriven().advance(run, state, 1, tmp_path / "next")
    with pytest.raises(ParameterError, match="`growth_rate` must be positive; it is 0"):
        compress(two, ONE, 0.3, growth_rate=0)
    with pytest.raises(ParameterError, match=r"`packing_fraction` must lie between 0 and 1; it is 1\.3"):
        compress(two, ONE, 1.3)
    assert not (tmp_path / "next").exists()


def test_the_temperature_of_a_flow_leaves_out_the_motion_of_the_whole():
    rng = np.random.default_rng(0)
    v = rng.normal(size=(50, 3))
    still = Flow(rng.normal(size=(50, 3)), v - v.mean(axis=0), np.ones(50), np.ones(50), np.full(3, 9.0))
    moving = Flow(still.positions, still.velocities + 3.0, still.radii, still.masses, still.lengths)
    assert moving.temperature == pytest.approx(still.temperature, rel=1e-12)
