"""The dry run: state files, geometry, and the planted law recovered by counting."""

from itertools import pairwise

import numpy as np
import pytest

from vitrify.descriptors.radial_density import RadialDensity
from vitrify.engines import ENGINES
from vitrify.engines.base import Run
from vitrify.engines.dryrun import DryRun, PlantedLiquid, planted_softness
from vitrify.errors import EngineError, ParameterError, ShapeError
from vitrify.particles import Frame
from vitrify.rearrangements.events import Events, rearrangements

SMALL = PlantedLiquid(n_clusters=27)


def advance(run, n_frames, folder, cuts=()):
    """Run the engine, cut into calls at `cuts`; return positions, inherent positions and the last state's arrays."""
    engine, state = DryRun(), folder / "state-000000"
    engine.begin(run, run.model.start_frame(run), None, state)
    segments, edges = [], [0, *cuts, n_frames]
    for k, (a, b) in enumerate(pairwise(edges)):
        nxt = folder / f"state-{k + 1:06d}"
        segments.append(engine.advance(run, state, b - a, nxt))
        state = nxt
    with np.load(state) as held:
        last = {name: held[name] for name in held.files}
    return (
        np.concatenate([s.positions for s in segments]),
        np.concatenate([s.inherent for s in segments]),
        segments,
        last,
    )


def planted_along(inherent, model):
    """Planted softness of every frame, (F, n_clusters)."""
    box = model.box
    return np.array([planted_softness(Frame(x, model.species, box), model) for x in inherent])


def hops(inherent, model):
    """Whether each A hops between a frame and the next, (F - 1, n_clusters)."""
    centres = inherent[:, model.species == 0]
    return np.linalg.norm(np.diff(centres, axis=0), axis=2) > 0.5 * model.hop_length


@pytest.mark.parametrize("more", [{}, {"memory": 5.0, "one_way": True}], ids=["trap model", "wandering"])
@pytest.mark.parametrize("dimension", [2, 3])
def test_cutting_the_run_into_calls_changes_no_bit(tmp_path, dimension, more):
    run = Run(PlantedLiquid(n_clusters=27, dimension=dimension, sigma0=1.5, **more), temperature=0.6, seed=4)
    folders = [tmp_path / name for name in "abc"]
    for folder in folders:
        folder.mkdir()
    whole = advance(run, 30, folders[0])
    for folder, cuts in zip(folders[1:], [(1, 2, 17), (29,)], strict=True):
        cut = advance(run, 30, folder, cuts)
        np.testing.assert_array_equal(whole[0], cut[0])
        np.testing.assert_array_equal(whole[1], cut[1])
        for name, array in whole[3].items():
            np.testing.assert_array_equal(array, cut[3][name])


def test_a_repeated_call_from_the_same_state_gives_the_same_bits(tmp_path):
    run = Run(SMALL, temperature=0.6, seed=1)
    engine, state = DryRun(), tmp_path / "state-000000"
    engine.begin(run, SMALL.start_frame(run), None, state)
    first = engine.advance(run, state, 4, tmp_path / "next")
    again = engine.advance(run, state, 4, tmp_path / "next")
    np.testing.assert_array_equal(first.positions, again.positions)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["next", "state-000000"]


def test_seeds_and_temperatures_differ(tmp_path):
    for name in "abc":
        (tmp_path / name).mkdir()
    one = advance(Run(SMALL, 0.6, seed=1), 3, tmp_path / "a")[0]
    other = advance(Run(SMALL, 0.6, seed=2), 3, tmp_path / "b")[0]
    assert not np.array_equal(one, other)


def test_a_segment_holds_what_the_store_asks_for(tmp_path):
    from vitrify.protocols.production import THERMO_NAMES

    run = Run(SMALL, temperature=0.6)
    positions, inherent, segments, _ = advance(run, 5, tmp_path)
    segment = segments[0]
    assert positions.shape == inherent.shape == (5, SMALL.n_particles, 3)
    assert segment.box_vectors.shape == (5, 3, 3)
    assert segment.box_origin.shape == (5, 3)
    assert set(segment.thermo) == set(THERMO_NAMES)
    assert (segment.thermo["temperature"] == 0.6).all()
    assert np.ptp(segment.thermo["conserved_energy"]) == 0
    noise = (positions - inherent).std()
    assert abs(noise / SMALL.cage_noise - 1) < 0.05


def test_the_engine_is_registered_and_the_model_survives_a_round_trip():
    assert ENGINES.load("dryrun") is DryRun
    model = PlantedLiquid(n_clusters=8, e1=0.9)
    assert PlantedLiquid.from_dict(model.to_dict()) == model


@pytest.mark.parametrize("dimension", [2, 3])
def test_clusters_never_meet_and_every_hop_has_its_length(tmp_path, dimension):
    model = PlantedLiquid(n_clusters=27, dimension=dimension, sigma0=2.0, inherent_noise=0.0)
    _, inherent, _, _ = advance(Run(model, temperature=0.6, seed=2), 200, tmp_path)
    centres = inherent[:, model.species == 0]
    assert np.linalg.norm(centres - model.sites, axis=2).max() <= model.hop_length * (1 + 1e-12)
    steps = np.linalg.norm(np.diff(centres, axis=0), axis=2)
    moved = steps > 1e-9
    assert moved.sum() > 200
    np.testing.assert_allclose(steps[moved], model.hop_length, rtol=1e-9)


def test_steps_fill_the_allowed_directions_evenly():
    from vitrify.engines.dryrun import _bounded_steps

    rng = np.random.default_rng(0)
    for d in (2, 3):
        offset = np.zeros((40_000, d))
        offset[:, 0] = 0.5
        bounded = _bounded_steps(offset, 0.8, rng)
        naive = rng.normal(size=(400_000, d))
        naive *= 0.8 / np.linalg.norm(naive, axis=1, keepdims=True)
        naive = naive[np.linalg.norm(naive + offset[:1], axis=1) <= 0.8]
        for moment in (1, 2):
            expected = (naive**moment).mean(axis=0)
            np.testing.assert_allclose((bounded**moment).mean(axis=0), expected, atol=0.012)


def test_radial_density_at_the_inner_distance_counts_the_inner_satellites(tmp_path):
    model = PlantedLiquid(n_clusters=64, sigma0=1.5)
    _, inherent, _, _ = advance(Run(model, temperature=0.6), 20, tmp_path)
    frame = Frame(inherent[-1], model.species, model.box, model.species_names)
    descriptor = RadialDensity(radii=(1.1,), delta=0.05)
    column = [n.split()[0] for n in descriptor.feature_names(model.species_names)]
    values = descriptor.evaluate(frame, frame.of_species("A"))
    expected = planted_softness(frame, model) * model.softness_scale + model.n_satellites / 2
    best = min(np.abs(values[:, k] - expected).max() for k in range(len(column)))
    assert best < 0.02


def test_wrapped_positions_carry_the_same_softness(tmp_path):
    frame = SMALL.start_frame(Run(SMALL, temperature=0.5))
    shifted = frame.positions + np.array([2.9, -8.1, 17.0])
    wrapped = frame.with_positions(frame.box.wrap(shifted))
    np.testing.assert_array_equal(planted_softness(wrapped, SMALL), planted_softness(frame, SMALL))


@pytest.fixture(scope="module")
def four_temperatures(tmp_path_factory):
    """Softness at a frame and whether the next step hops, per temperature."""
    model = PlantedLiquid(n_clusters=343)
    found = {}
    for t in (0.5, 0.6, 0.7, 0.9):
        _, inherent, _, _ = advance(Run(model, t, seed=7), 300, tmp_path_factory.mktemp("run"))
        found[t] = planted_along(inherent, model)[:-1], hops(inherent, model)
    return model, found


def test_the_start_is_stationary(four_temperatures):
    """The mean softness of the first frames is that of the last, and of ρ(s)/k(s)."""
    model, found = four_temperatures
    for t, (softness, _) in found.items():
        levels = model.stationary(t)
        mean, spread = levels @ model.softness_levels, np.sqrt(levels @ model.softness_levels**2)
        for part in (softness[:20], softness[-20:]):
            assert abs(part[0].mean() - mean) < 4 * spread / np.sqrt(model.n_clusters)


def test_hops_follow_the_planted_law(four_temperatures):
    model, found = four_temperatures
    for t, (softness, moving) in found.items():
        for s in model.softness_levels:
            at = np.isclose(softness, s)
            p = model.hop_probability(s, t)
            if at.sum() * p < 20:
                continue
            assert abs(moving[at].sum() - at.sum() * p) < 4 * np.sqrt(at.sum() * p)


def test_p_hop_sees_the_planted_hops(tmp_path):
    """A clean hop of 0.8 is a rearrangement of p_hop = 0.64 that starts nine frames before the new place is seen."""
    model = PlantedLiquid(n_clusters=125)
    _, inherent, _, _ = advance(Run(model, 0.5, seed=3), 200, tmp_path)
    centres = inherent[:, model.species == 0]
    moving = rearrangements(Events().stream(lambda a, b: centres[a:b], np.arange(200.0)))
    whole = moving["complete"].values
    frame, particle = np.nonzero(hops(inherent, model))
    alone = np.bincount(particle, minlength=125) == 1
    middle = alone[particle] & (frame > 12) & (frame < 185)
    expected = {(int(p), int(f) + 1 - 9) for p, f in zip(particle[middle], frame[middle], strict=True)}
    seen = set(
        zip(
            moving["particle"].values[whole].tolist(),
            moving["start_frame"].values[whole].tolist(),
            strict=True,
        )
    )
    assert len(expected) > 15
    assert expected <= seen
    of_expected = [
        (p, f) in expected
        for p, f in zip(moving["particle"].values, moving["start_frame"].values, strict=True)
    ]
    np.testing.assert_allclose(moving["p_hop_max"].values[of_expected], 0.64, atol=0.01)


def test_a_start_far_from_its_sites_is_refused(tmp_path):
    run = Run(SMALL, temperature=0.5)
    start = SMALL.start_frame(run)
    moved = start.with_positions(start.positions + 2.0)
    with pytest.raises(ParameterError, match="from its lattice site"):
        DryRun().begin(run, moved, None, tmp_path / "state")
    other = Frame(start.positions[:9], start.species[:9], start.box)
    with pytest.raises(ShapeError, match="27 A with 8 B"):
        DryRun().begin(run, other, None, tmp_path / "state")


def test_states_that_do_not_fit_are_refused(tmp_path):
    run, state = Run(SMALL, temperature=0.5), tmp_path / "state"
    DryRun().begin(run, SMALL.start_frame(run), None, state)
    with pytest.raises(EngineError, match="another planted model"):
        DryRun().advance(Run(PlantedLiquid(n_clusters=27, e1=1.0), 0.5), state, 1, tmp_path / "next")
    state.write_bytes(state.read_bytes()[:100])
    with pytest.raises(EngineError, match="is missing or is not a whole state"):
        DryRun().advance(run, state, 1, tmp_path / "next")
    with pytest.raises(ParameterError, match="`n_frames`"):
        DryRun().advance(run, state, 0, tmp_path / "next")
    with pytest.raises(ParameterError, match="needs a PlantedLiquid"):
        DryRun().advance(Run(None, 0.5), state, 1, tmp_path / "next")


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"dimension": 4}, "`dimension` 2 or 3"),
        ({"inner_distance": 1.6}, "below `outer_distance`"),
        ({"spacing": 4.0}, "could overlap"),
        ({"cage_noise": -0.1}, "must not be negative"),
        ({"memory": 0.0}, "`memory` must be a positive number of frames"),
    ],
)
def test_impossible_liquids_are_refused(parameters, words):
    with pytest.raises(ParameterError, match=words):
        PlantedLiquid(**parameters)


def test_a_certain_hop_is_refused(tmp_path):
    model = PlantedLiquid(n_clusters=8, sigma0=9.0)
    with pytest.raises(ParameterError, match="must stay below 1"):
        model.start_frame(Run(model, 0.5))


# -- softness that changes between hops, and hops that do not return -----------------------------------------------------


def test_a_liquid_without_the_later_fields_keeps_its_identity():
    from vitrify.provenance import identity

    assert identity(PlantedLiquid()) == "8cee7c199045de06"
    assert identity(PlantedLiquid(memory=50.0)) != identity(PlantedLiquid(one_way=True)) != "8cee7c199045de06"
    other = PlantedLiquid(memory=50.0, one_way=True)
    assert PlantedLiquid.from_dict(other.to_dict()) == PlantedLiquid(memory=50.0, one_way=1) == other


def test_equilibrium_outlives_memory_and_hops():
    """Both the change between hops and the hops themselves leave the stationary distribution as it is."""
    for t in (0.4, 0.8, 1.5):
        model = PlantedLiquid(memory=7.0)
        levels, onward, p = (
            model.stationary(t),
            model.transition(t),
            model.hop_probability(model.softness_levels, t),
        )
        np.testing.assert_allclose(onward.sum(axis=1), 1, rtol=1e-12)
        np.testing.assert_allclose(levels @ onward, levels, rtol=1e-9)
        hopped = (levels * (1 - p) + (levels @ p) * model.prior) @ onward
        np.testing.assert_allclose(hopped, levels, rtol=1e-9)


def test_softness_of_a_cluster_that_stays_relaxes_with_its_memory(tmp_path):
    """Mean s̄ + (s0 − s̄) ρ with ρ = exp(−t / memory); variance that of n independent coins of which a part was thrown again."""
    model = PlantedLiquid(n_clusters=4000, sigma0=-30.0, memory=12.0, cage_noise=0.0, inherent_noise=0.0)
    _, inherent, _, _ = advance(Run(model, 0.5, seed=3), 24, tmp_path)
    softness = planted_along(inherent[[0, 6, 23]], model)
    start, x, n = softness[0], model.inner_probability(0.5), model.n_satellites
    for later, t in ((softness[1], 6), (softness[2], 23)):
        rho = np.exp(-t / model.memory)
        stay, gain = x + (1 - x) * rho, x * (1 - rho)
        for s in model.softness_levels:
            at, m = np.isclose(start, s), s * model.softness_scale + n / 2
            if at.sum() < 200:
                continue
            mean = model.softness(m * stay + (n - m) * gain)
            variance = (m * stay * (1 - stay) + (n - m) * gain * (1 - gain)) / model.softness_scale**2
            assert abs(later[at].mean() - mean) < 4 * np.sqrt(variance / at.sum())
            assert abs(later[at].var() / variance - 1) < 4 * np.sqrt(2 / at.sum()) * 1.2
    centres = inherent[:, model.species == 0]
    assert (centres == centres[0]).all()


def test_the_structure_that_changed_is_read_off_as_before(tmp_path):
    model = PlantedLiquid(n_clusters=36, sigma0=1.5, memory=4.0, one_way=True)
    _, inherent, _, last = advance(Run(model, temperature=0.6), 40, tmp_path)
    frame = Frame(inherent[-1], model.species, model.box, model.species_names)
    planted = planted_softness(frame, model)
    np.testing.assert_allclose(planted, model.softness(last["n_inner"]))
    descriptor = RadialDensity(radii=(1.1,), delta=0.05)
    values = descriptor.evaluate(frame, frame.of_species("A"))
    expected = planted * model.softness_scale + model.n_satellites / 2
    assert min(np.abs(column - expected).max() for column in values.T) < 0.02


@pytest.mark.parametrize("dimension", [2, 3])
def test_one_way_hops_never_return_and_never_meet(tmp_path, dimension):
    model = PlantedLiquid(
        n_clusters=30, dimension=dimension, sigma0=2.0, inherent_noise=0.0, one_way=True, memory=20.0
    )
    _, inherent, _, _ = advance(Run(model, temperature=0.6, seed=2), 200, tmp_path)
    moved = (inherent[:, model.species == 0] - model.sites) / model.hop_length
    np.testing.assert_allclose(moved, np.rint(moved), atol=1e-9)
    assert not np.rint(moved[..., 1:]).any()
    onward = np.diff(moved[..., 0], axis=0) * np.where(np.arange(30) % 2, -1, 1)
    assert (onward > -1e-9).all()
    assert np.abs(moved[-1]).max() * model.hop_length > 1.5 * model.box.lengths[0]
    frame = Frame(inherent[-1], model.species, model.box, model.species_names)
    apart = frame.box.minimum_image(frame.positions[:, None] - frame.positions[None])
    apart = np.linalg.norm(apart, axis=2).reshape(30, 9, 30, 9).min(axis=(1, 3))
    assert apart[~np.eye(30, dtype=bool)].min() > 2.5


def test_hops_follow_the_planted_law_while_softness_changes(tmp_path):
    """Per level: hops in the next frame are binomial; over all: what has never hopped is the planted persistence."""
    model = PlantedLiquid(n_clusters=900, sigma0=0.5, memory=15.0, one_way=True, cage_noise=0.0)
    _, inherent, _, _ = advance(Run(model, 0.5, seed=8), 120, tmp_path)
    softness, moving = planted_along(inherent, model)[:-1], hops(inherent, model)
    for s in model.softness_levels:
        at = np.isclose(softness, s)
        expected = at.sum() * model.hop_probability(s, 0.5)
        if expected >= 20:
            assert abs(moving[at].sum() - expected) < 4 * np.sqrt(expected)
    stays = 1 - (np.cumsum(moving, axis=0) > 0).mean(axis=1)
    lags = np.arange(1, 120)
    exact = model.stationary(0.5) @ model.persistence(0.5, lags)
    assert (np.abs(stays - exact) < 4 * np.sqrt(exact * (1 - exact) / 900)).all()
    assert exact[-1] < 0.7
