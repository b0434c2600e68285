"""The mean squared displacement of walks whose answer can be done in the head."""

import numpy as np
import pytest

from vitrify.errors import ParameterError, ShapeError
from vitrify.relaxation.msd import MeanSquaredDisplacement


def reader(positions):
    return lambda start, stop: positions[start:stop]


@pytest.mark.parametrize("dimension", [2, 3])
def test_it_agrees_with_its_definition(dimension):
    positions = np.random.default_rng(0).normal(size=(30, 12, dimension))
    found = MeanSquaredDisplacement(n_origins=30).compute(reader(positions), np.arange(30.0), [0, 1, 9, 29])
    for lag, value in zip([0, 1, 9, 29], found["msd"].values, strict=True):
        steps = [((positions[t + lag] - positions[t]) ** 2).sum(axis=1) for t in range(30 - lag)]
        assert abs(value - np.mean(steps)) < 1e-12


def test_steady_motion_is_ballistic():
    """Velocity v gives (v t)², the same from every origin."""
    positions = 0.3 * np.arange(20.0)[:, None, None] * np.ones((20, 4, 1)) * np.array([0.6, 0.8])
    found = MeanSquaredDisplacement().compute(reader(positions), np.arange(20.0))
    np.testing.assert_allclose(found["msd"], (0.3 * found["lag"]) ** 2, atol=1e-12)
    error = found["msd_error"].values
    known = found["lag"].values <= 9  # beyond half the trajectory there are no two independent origins
    np.testing.assert_allclose(error[known], 0, atol=1e-12)
    assert np.isnan(error[~known]).all()


def test_a_random_walk_diffuses():
    """Independent steps of variance s² per component give d s² t."""
    positions = np.cumsum(0.1 * np.random.default_rng(1).normal(size=(120, 3000, 3)), axis=0)
    found = MeanSquaredDisplacement().compute(reader(positions), np.arange(120.0), [1, 10, 40])
    np.testing.assert_allclose(found["msd"], 0.03 * found["lag"], rtol=0.03)


def test_rattling_in_a_cage_reaches_twice_its_variance():
    """Independent positions of variance s² per component are 2 d s² apart."""
    positions = 0.2 * np.random.default_rng(2).normal(size=(60, 2000, 3))
    found = MeanSquaredDisplacement().compute(reader(positions), np.arange(60.0), [5, 30])
    np.testing.assert_allclose(found["msd"], 6 * 0.04, rtol=0.02)


def test_units_are_named_and_choosing_particles_is_leaving_out_the_others():
    positions = np.random.default_rng(3).normal(size=(10, 6, 3))
    few = MeanSquaredDisplacement().compute(reader(positions), np.arange(10.0), [3], np.array([1, 4]))
    alone = MeanSquaredDisplacement().compute(reader(positions[:, [1, 4]]), np.arange(10.0), [3])
    assert few["msd"].item() == alone["msd"].item()
    assert few["msd"].attrs["units"] == "sigma_AA^2"


def test_what_cannot_be_meant_is_refused():
    with pytest.raises(ParameterError, match="`n_origins`"):
        MeanSquaredDisplacement(0)
    with pytest.raises(ShapeError, match="the trajectory has 5 frames"):
        MeanSquaredDisplacement().compute(reader(np.zeros((5, 1, 3))), np.arange(5.0), [7])


# -- frames of any spacing, particles that are absent -------------------------------------------------------------------


def as_it_was_for_even_frames(positions, lag, n_origins):
    """The formula for frames that are evenly spaced, to the bit."""
    latest = len(positions) - 1 - lag
    origins = np.unique(np.linspace(0, latest, min(n_origins, latest + 1)).astype(int))
    values = np.array([((positions[t + lag] - positions[t]) ** 2).sum(axis=1).mean() for t in origins])
    independent = min(len(values), latest // max(lag, 1) + 1)
    error = values.std(ddof=1) / np.sqrt(independent) if independent > 1 else np.nan
    return values.mean(), error, len(values)


def test_frames_at_equal_intervals_give_the_same_bits_by_frame_and_by_time():
    positions, times = walk(90), 3 + 0.25 * np.arange(90)
    lags = [0, 1, 2, 7, 30, 44, 45, 89]
    found = MeanSquaredDisplacement(n_origins=17).compute(reader(positions), times, lags)
    by_time = MeanSquaredDisplacement(n_origins=17).compute(reader(positions), times, 0.25 * np.array(lags))
    for k, lag in enumerate(lags):
        mean, error, n = as_it_was_for_even_frames(positions, lag, 17)
        for one in (found, by_time):
            assert one["msd"].values[k] == mean
            np.testing.assert_array_equal(one["msd_error"].values[k], error)
            assert one["n_origins"].values[k] == n
    assert found["lag"].values.tolist() == (0.25 * np.array(lags)).tolist()
    assert (found["n_absent"] == 0).all()


def walk(n_frames, n=30, d=3, seed=4, step=0.1):
    return np.cumsum(step * np.random.default_rng(seed).normal(size=(n_frames, n, d)), axis=0)


@pytest.mark.parametrize(
    "kept",
    [[0, 1, 4, 7, 10, 40, 70, 100, 400], np.add.outer(100 * np.arange(5), [0, 1, 3, 10, 30]).ravel()],
    ids=["logarithmic", "blocks"],
)
def test_chosen_frames_of_a_walk_give_what_the_whole_walk_gives_from_the_same_origins(kept):
    positions, kept = walk(501), np.asarray(kept)
    found = MeanSquaredDisplacement().compute(reader(positions[kept]), 0.5 * kept)
    assert found.sizes["lag"] > 8
    for lag, value, n in zip(
        found["lag"].values, found["msd"].values, found["n_origins"].values, strict=True
    ):
        frames = round(lag / 0.5)
        origins = [t for t in kept.tolist() if t + frames in kept]
        assert n == len(origins)
        expected = np.mean(
            [((positions[t + frames] - positions[t]) ** 2).sum(axis=1).mean() for t in origins]
        )
        assert abs(value - expected) < 1e-12


def test_logarithmic_frames_of_a_walk_diffuse():
    """2 d D t over five decades of time, from frames whose steps grow by a factor."""
    times = np.concatenate([[0], np.unique(np.rint(np.geomspace(1, 1e5, 40)))])
    steps = np.sqrt(np.diff(times, prepend=-1))[:, None, None]
    positions = np.cumsum(0.1 * steps * np.random.default_rng(5).normal(size=(len(times), 3000, 2)), axis=0)
    found = MeanSquaredDisplacement().compute(reader(positions), times)
    np.testing.assert_allclose(found["msd"][1:], 2 * 0.01 * found["lag"][1:], rtol=0.08)
    assert found["lag"].values.max() == 1e5


def test_blocks_give_lags_within_and_between_them():
    times = np.add.outer(1000 * np.arange(30), [0, 1, 10, 100]).ravel()
    velocity = np.arange(5.0)[:, None] * [1.0, 0.0]
    found = MeanSquaredDisplacement().compute(
        reader(times[:, None, None] * velocity), times, [1.0, 99.0, 5000.0]
    )
    np.testing.assert_allclose(found["msd"], (velocity**2).sum(axis=1).mean() * found["lag"] ** 2)
    assert found["n_origins"].values.tolist() == [30, 30, 50]


def test_origins_closer_than_a_lag_count_as_one_by_time():
    """Fifty origins, of which five are a lag apart: the error is √10 times that of independent ones."""
    times = np.concatenate([1000 * k + np.arange(10) for k in range(6)]).astype(float)
    positions = walk(len(times), n=8)
    found = MeanSquaredDisplacement().compute(reader(positions), times, [1000.0, 3000.0])
    values = [((positions[t + 10] - positions[t]) ** 2).sum(axis=1).mean() for t in range(50)]
    assert found["n_origins"].values.tolist() == [50, 30]
    assert found["msd_error"].values[0] == pytest.approx(np.std(values, ddof=1) / np.sqrt(5))
    assert np.isnan(found["msd_error"].values[1])  # all origins lie within one lag


def test_absent_particles_are_left_out_and_counted():
    positions = walk(40, n=25)
    gone = np.random.default_rng(6).random((40, 25)) < 0.3
    gone[:, 0] = True
    holes = np.where(gone[..., None], np.nan, positions)
    for times in (np.arange(40.0), np.arange(40.0) ** 2):
        lag = times[6] - times[2]
        found = MeanSquaredDisplacement().compute(reader(holes), times, [lag])
        pairs = [(i, j) for i in range(40) for j in range(i, 40) if abs(times[j] - times[i] - lag) < 1e-9]
        known = [
            ((positions[j, p] - positions[i, p]) ** 2).sum()
            for i, j in pairs
            for p in range(25)
            if not gone[i, p] and not gone[j, p]
        ]
        assert found["msd"].item() == pytest.approx(np.mean(known))
        assert found["n_absent"].item() == 25 * len(pairs) - len(known)


def test_the_error_with_absent_particles_is_the_scatter_of_repeated_walks():
    curves = []
    for seed in range(80):
        holes = walk(60, n=20, seed=seed)
        holes[np.random.default_rng(seed).random((60, 20)) < 0.4] = np.nan
        curves.append(MeanSquaredDisplacement().compute(reader(holes), np.arange(60.0), [1]))
    claimed = np.sqrt(np.mean([c["msd_error"].item() ** 2 for c in curves]))
    assert claimed == pytest.approx(np.std([c["msd"].item() for c in curves], ddof=1), rel=0.3)


def test_nobody_there_is_not_a_number():
    found = MeanSquaredDisplacement().compute(reader(np.full((5, 3, 3), np.nan)), np.arange(5.0), [1])
    assert np.isnan(found["msd"].item())
    assert (found["n_origins"].item(), found["n_absent"].item()) == (0, 12)


def test_lags_that_are_not_there_are_refused_with_what_is():
    log = np.array([0, 1, 10, 100, 1000.0])
    msd = MeanSquaredDisplacement()
    with pytest.raises(
        ParameterError, match="`lags` are whole numbers of frames, which need frames at equal intervals"
    ):
        msd.compute(reader(np.zeros((5, 1, 3))), log, [1, 2])
    with pytest.raises(ShapeError, match="no two frames are 50 apart; the nearest that are: 10 and 90"):
        msd.compute(reader(np.zeros((5, 1, 3))), log, [50.0])
    with pytest.raises(ShapeError, match=r"no two frames are 7\.5 apart; the nearest that are: 4"):
        msd.compute(reader(np.zeros((5, 1, 3))), np.arange(5.0), [7.5])
    with pytest.raises(
        ShapeError, match="`lags` must be from 0 to 4 frames for a trajectory of 5; there are none"
    ):
        msd.compute(reader(np.zeros((5, 1, 3))), np.arange(5.0), [])
