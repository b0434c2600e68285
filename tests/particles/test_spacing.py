"""How frames are spaced in time, and which are a lag apart: against all pairs of frames."""

import numpy as np
import pytest

from vitrify.errors import ParameterError, ShapeError
from vitrify.particles.spacing import (
    available_lags,
    frames_apart,
    pairs_at_lag,
    separate,
    spacing,
    spread_lags,
)

LOGFREQ = [
    0,
    10,
    40,
    70,
    100,
    400,
    700,
    1000,
    4000,
    7000,
    10000,
    40000,
]  # written by LAMMPS, logfreq(10,3,10)
LOGFREQ2 = [0, 10, 55, 100, 550, 1000, 5500, 10000, 55000, 100000]


def geometric(longest=1e6, n=60):
    """Times rounded to whole steps, each once, as most programs write them."""
    return np.concatenate([[0], np.unique(np.rint(np.geomspace(1, longest, n)))])


def blocks(n_blocks, inside, length):
    return (length * np.arange(n_blocks)[:, None] + np.asarray(inside, float)).ravel()


def naive_pairs(times, lag, tolerance):
    n = len(times)
    return [(i, j) for i in range(n) for j in range(i, n) if abs(times[j] - times[i] - lag) <= tolerance]


def test_equal_steps_are_linear_whatever_their_unit():
    for interval in (1.0, 5000.0, 0.005):
        found = spacing(7 + interval * np.arange(50))
        assert found.kind == "linear"
        assert found.interval == pytest.approx(interval)
    assert spacing([3.0]).kind == "single"


def test_rounding_of_printed_times_is_seen_through():
    exact = np.arange(1, 2000) / 30
    printed = np.array([float(f"{t:.6g}") for t in exact])
    assert spacing(printed).kind == "linear"
    assert spacing(exact.astype(np.float32)).kind == "linear"
    logarithmic = np.array([float(f"{t:.6g}") for t in np.geomspace(0.0123456, 98765.4, 40)])
    assert spacing(logarithmic).kind == "logarithmic"


@pytest.mark.parametrize(
    ("times", "ratio"),
    [
        (LOGFREQ, 10 ** (1 / 3)),
        (LOGFREQ2, 10**0.5),
        ([0, 1, 2, 4, 8, 16, 32, 64], 2),
        ([1, 10, 100, 1000], 10),
        (np.array(LOGFREQ) + 123456, 10 ** (1 / 3)),
        (geometric(), 1e6 ** (1 / 59)),
    ],
)
def test_lags_that_grow_by_a_factor_are_logarithmic(times, ratio):
    found = spacing(times)
    assert found.kind == "logarithmic"
    assert found.ratio == pytest.approx(ratio, rel=1e-3)


@pytest.mark.parametrize("cut", [0, 1, 7])
def test_a_pattern_that_is_repeated_makes_blocks_also_if_the_last_is_cut_off(cut):
    inside = geometric(5e4, 20)
    times = blocks(5, inside, 1e5)
    found = spacing(times[: len(times) - cut])
    assert (found.kind, found.inside, found.frames_per_block) == ("blocks", "logarithmic", len(inside))
    assert (found.block_length, found.n_blocks) == (1e5, 5)


def test_pairs_of_close_frames_are_blocks_with_a_linear_inside():
    found = spacing(blocks(6, [0, 1], 100))
    assert (found.kind, found.inside, found.frames_per_block) == ("blocks", "linear", 2)


def test_neither_random_nor_incomplete_times_are_taken_for_a_pattern():
    random = np.cumsum(np.random.default_rng(0).random(60) + 0.1)
    assert (spacing(random).kind, spacing(random).missing) == ("irregular", None)
    lost = spacing(np.delete(np.arange(40.0), [7, 8, 30]))
    assert (lost.kind, lost.missing) == ("irregular", 3)
    assert spacing([0, 1, 9]).kind == "irregular"


def test_times_that_do_not_ascend_are_refused_by_frame():
    with pytest.raises(ParameterError, match="`times` must ascend; frame 2 is at 1, frame 1 at 1"):
        spacing([0, 1, 1, 2])
    with pytest.raises(ParameterError, match="`times` holds nan at frame 1"):
        spacing([0, np.nan])
    with pytest.raises(ShapeError, match="at least one frame"):
        spacing([])


@pytest.mark.parametrize(
    "times", [LOGFREQ, blocks(4, [0, 1, 3, 10], 50), np.arange(20.0), [0, 3, 4, 11, 12.5]]
)
def test_pairs_at_a_lag_are_those_of_all_pairs_of_frames(times):
    times = np.asarray(times, float)
    lags = available_lags(times)
    for lag, n_origins in zip(*lags, strict=True):
        found = pairs_at_lag(times, lag)
        assert list(zip(*(x.tolist() for x in found), strict=True)) == naive_pairs(times, lag, 1e-6)
        assert len(found.origins) == n_origins
    differences = {round(float(b - a), 6) for i, a in enumerate(times) for b in times[i:]}
    np.testing.assert_allclose(lags.lags, sorted(differences), atol=1e-6)


def test_a_lag_that_no_two_frames_have_gives_no_pair():
    assert not len(pairs_at_lag(LOGFREQ, 20).origins)
    assert not len(pairs_at_lag(np.arange(10.0), 3.5).origins)
    assert not len(pairs_at_lag(np.arange(10.0), 10).origins)
    with pytest.raises(ParameterError, match="`lag` must be a time of at least 0"):
        pairs_at_lag([0, 1], -1)


def test_frames_evenly_spaced_but_for_jitter_are_counted_and_a_tolerance_can_be_given():
    rng = np.random.default_rng(1)
    camera = (np.arange(200) + 0.002 * rng.random(200)) / 30
    found = pairs_at_lag(camera, 12 / 30)
    assert np.array_equal(found.origins, frames_apart(200, 12).origins)
    shaky = np.arange(200) + 0.2 * rng.random(200)
    assert spacing(shaky).kind == "irregular"
    assert len(pairs_at_lag(shaky, 12.0, tolerance=0.25).origins) == 188


def test_rounded_times_still_have_their_lags():
    """Printed with six digits, 0.05 apart: late times are off by a tenth of the step, and no pair is lost or doubled."""
    exact = blocks(30, 0.05 * np.array([0, 1, 2, 4, 8]), 11.1)
    printed = np.array([float(f"{t:.6g}") for t in exact])
    for lag in (0.05, 0.2, 11.1, 22.2):
        assert np.array_equal(pairs_at_lag(printed, lag).origins, pairs_at_lag(exact, lag).origins)


def test_spread_lags_are_there_and_prefer_many_origins():
    times = blocks(40, geometric(5e3, 20), 1e4)
    lags = spread_lags(times)
    assert lags[0] == 0
    assert (np.diff(lags) > 0).all()
    assert all(len(pairs_at_lag(times, lag).origins) for lag in lags)
    assert len(lags) < 8 * np.log10(times[-1]) + 3
    assert {1.0, 10000.0} <= set(lags.tolist())


def test_long_trajectories_of_uneven_frames_are_sampled_not_squared():
    times = np.cumsum(np.tile([1.0, 9.0, 90.0], 5000))
    lags = available_lags(times)
    assert lags.n_origins[0] < 1000
    assert {1.0, 9.0, 10.0, 90.0, 100.0} <= set(lags.lags.tolist())


@pytest.mark.parametrize("lag", [0, 1, 4, 30])
def test_separate_entries_of_equal_steps_are_every_so_manieth(lag):
    assert separate(np.arange(50), lag, 99).tolist() == list(range(0, 50, max(lag, 1)))
    assert len(separate(np.arange(50), lag, 1)) == 1
