"""The overlap: against its definition, and motions whose answer is known."""

import numpy as np
import pytest

from vitrify.errors import ParameterError, ShapeError
from vitrify.relaxation.overlap import Overlap, log_lags, relaxation_time
from vitrify.units import METAL


def reader(positions):
    return lambda start, stop: positions[start:stop]


def walk(n_frames=60, n=40, d=3, seed=0):
    return np.cumsum(0.15 * np.random.default_rng(seed).normal(size=(n_frames, n, d)), axis=0)


@pytest.mark.parametrize("dimension", [2, 3])
def test_the_overlap_agrees_with_its_definition(dimension):
    positions, lags = walk(d=dimension), [0, 1, 5, 20, 59]
    found = Overlap(0.5, n_origins=60).compute(reader(positions), np.arange(60.0), lags)
    for lag, q in zip(lags, found["overlap"].values, strict=True):
        near = [
            np.linalg.norm(positions[t + lag, i] - positions[t, i]) < 0.5
            for t in range(60 - lag)
            for i in range(40)
        ]
        assert abs(q - np.mean(near)) < 1e-12


def test_a_frozen_system_stays_at_one_and_one_that_moved_twice_the_cutoff_is_at_zero():
    frozen = np.tile(np.random.default_rng(0).normal(size=(1, 5, 3)), (4, 1, 1))
    assert (Overlap(0.3).compute(reader(frozen), np.arange(4.0))["overlap"] == 1).all()
    moved = np.arange(4.0)[:, None, None] * np.array([0.6, 0, 0]) * np.ones((4, 5, 1))
    assert Overlap(0.3).compute(reader(moved), np.arange(4.0))["overlap"].values.tolist() == [1, 0, 0, 0]


def test_poisson_jumps_decay_exponentially():
    """Particles that jump far away at rate k are still there with probability e^{-kt}."""
    rng, k, n_frames = np.random.default_rng(1), 0.02, 240
    positions = np.cumsum((rng.random((n_frames, 4000, 1)) < k) * np.array([5.0, 0, 0]), axis=0)
    found = Overlap(0.5).compute(reader(positions), np.arange(float(n_frames)), [0, 10, 35, 90, 150])
    np.testing.assert_allclose(found["overlap"], (1 - k) ** found["lag"], atol=0.012)
    curve = Overlap(0.5).compute(reader(positions), np.arange(float(n_frames)))
    assert abs(relaxation_time(curve).value / (-1 / np.log1p(-k)) - 1) < 0.06


def test_chosen_particles_are_averaged_alone():
    positions = walk()
    only = Overlap(0.4).compute(reader(positions), np.arange(60.0), [7], particles=np.array([3, 9]))
    alone = Overlap(0.4).compute(reader(positions[:, [3, 9]]), np.arange(60.0), [7])
    assert only["overlap"].item() == alone["overlap"].item()


def test_lags_are_in_units_of_time_and_independent_of_the_first_time():
    positions = walk()
    found = Overlap(0.4).compute(reader(positions), 100 + 0.5 * np.arange(60), [0, 4])
    assert found["lag"].values.tolist() == [0.0, 2.0]


def test_the_relaxation_time_is_not_a_number_where_the_level_is_not_reached():
    still = np.zeros((5, 3, 3))
    assert np.isnan(relaxation_time(Overlap(0.5).compute(reader(still), np.arange(5.0))).value)


def test_a_relaxation_time_says_of_what():
    time, definition = relaxation_time(Overlap(0.3).compute(reader(walk()), np.arange(60.0)), level=0.5)
    assert time > 0
    assert definition == "when the overlap with cutoff 0.3 falls to 0.5"
    with pytest.raises(ParameterError, match=r"`level` must be between 0 and 1; it is 1\.5"):
        relaxation_time(Overlap(0.3).compute(reader(walk()), np.arange(60.0)), level=1.5)


def test_the_error_is_the_scatter_of_repeated_runs_although_origins_are_correlated():
    """Particles jump back and forth between two sites at rates that fluctuate over many lags."""
    curves, k, n_frames = [], 0.05, 400
    for seed in range(60):
        rng = np.random.default_rng(seed)
        mood = np.repeat(np.exp(rng.normal(size=n_frames // 20)), 20)[:, None]
        side = np.cumsum(rng.random((n_frames, 30)) < k * mood, axis=0) % 2
        positions = side[..., None] * np.array([1.0, 0, 0])
        curves.append(Overlap(0.5).compute(reader(positions), np.arange(float(n_frames)), [0, 2, 10]))
    scatter = np.std([c["overlap"].values for c in curves], axis=0, ddof=1)
    claimed = np.sqrt(np.mean([c["overlap_error"].values ** 2 for c in curves], axis=0))
    np.testing.assert_allclose(claimed, scatter, rtol=0.25, atol=1e-12)
    assert curves[0]["n_blocks"].values.tolist() == [10, 10, 10]


def test_lags_of_more_than_half_the_run_have_no_error():
    found = Overlap(0.5).compute(reader(walk()), np.arange(60.0), [0, 20, 40])
    assert found["n_blocks"].values.tolist() == [10, 2, 1]
    assert np.isfinite(found["overlap_error"]).values.tolist() == [True, True, False]


def test_the_overlap_carries_its_units():
    found = Overlap(0.5).compute(reader(walk()), np.arange(60.0), units=METAL)
    assert found["lag"].attrs["units"] == "ps"
    assert {"units", "long_name"} <= found["overlap_error"].attrs.keys()


@pytest.mark.parametrize("longest", [0, 1, 7, 1000])
def test_logarithmic_lags_begin_at_zero_and_end_at_the_longest(longest):
    lags = log_lags(longest)
    assert (lags[0], lags[-1]) == (0, longest)
    assert (np.diff(lags) > 0).all()


def test_what_cannot_be_meant_is_refused():
    with pytest.raises(TypeError, match="cutoff"):
        Overlap()
    with pytest.raises(ParameterError, match="`cutoff` must be a positive length"):
        Overlap(0.0)
    with pytest.raises(ShapeError, match="the trajectory has 5 frames"):
        Overlap(0.5).compute(reader(np.zeros((5, 1, 3))), np.arange(5.0), [5])


# -- frames of any spacing, particles that are absent -------------------------------------------------------------------


def as_it_was_for_even_frames(positions, lag, cutoff, most):
    """The formula for frames that are evenly spaced, to the bit."""
    n_starts = len(positions) - lag
    origins = np.unique(np.linspace(0, n_starts - 1, min(most, n_starts)).astype(int))
    values = np.array(
        [(((positions[t + lag] - positions[t]) ** 2).sum(axis=1) < cutoff**2).mean() for t in origins]
    )
    n_blocks = min(10, len(values), n_starts // max(lag, 1))
    if n_blocks < 2:
        return values.mean(), 0.0 if lag == 0 else np.nan, len(values), max(1, n_blocks)
    means = [block.mean() for block in np.array_split(values, n_blocks)]
    return values.mean(), np.std(means, ddof=1) / np.sqrt(n_blocks), len(values), n_blocks


@pytest.mark.parametrize("n_origins", [1, 7, 50])
def test_frames_at_equal_intervals_give_the_same_bits_as_before(n_origins):
    positions, lags = walk(90), [0, 1, 2, 7, 30, 44, 45, 89]
    found = Overlap(0.5, n_origins).compute(reader(positions), np.arange(90.0), lags)
    for k, lag in enumerate(lags):
        names = ("overlap", "overlap_error", "n_origins", "n_blocks")
        np.testing.assert_array_equal(
            [found[name].values[k] for name in names],
            as_it_was_for_even_frames(positions, lag, 0.5, n_origins),
        )


def test_logarithmic_frames_of_poisson_jumps_decay_exponentially():
    """Only the time between two frames counts, not how many frames lie between them."""
    rng, rate = np.random.default_rng(2), 0.01
    times = np.array([0, 1, 4, 7, 10, 40, 70, 100, 400])
    jumped = rng.random((len(times), 6000, 1)) < -np.expm1(-rate * np.diff(times, prepend=0))[:, None, None]
    positions = np.cumsum(jumped * np.array([5.0, 0, 0]), axis=0)
    curve = Overlap(0.5).compute(reader(positions), times)
    np.testing.assert_allclose(curve["overlap"], np.exp(-rate * curve["lag"]), atol=0.02)
    assert abs(relaxation_time(curve).value * rate - 1) < 0.1


def test_blocks_of_origins_are_at_least_one_lag_apart_in_time():
    times = np.add.outer(1000 * np.arange(12), [0, 1, 10]).ravel()
    found = Overlap(0.5).compute(reader(walk(36)), times, [1.0, 1000.0, 4000.0])
    assert found["n_origins"].values.tolist() == [12, 33, 24]
    assert found["n_blocks"].values.tolist() == [10, 10, 2]
    assert np.isfinite(found["overlap_error"]).all()


def test_absent_particles_are_left_out_and_counted():
    positions = walk(30)
    gone = np.random.default_rng(7).random((30, 40)) < 0.3
    holes = np.where(gone[..., None], np.nan, positions)
    found = Overlap(0.5).compute(reader(holes), np.arange(30.0), [4])
    known = [
        np.linalg.norm(positions[t + 4, p] - positions[t, p]) < 0.5
        for t in range(26)
        for p in range(40)
        if not gone[t, p] and not gone[t + 4, p]
    ]
    assert found["overlap"].item() == pytest.approx(np.mean(known))
    assert found["n_absent"].item() == 26 * 40 - len(known)
    assert found["overlap_error"].item() > 0
