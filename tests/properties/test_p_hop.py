"""What does not change p_hop and its events."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import special_ortho_group

from vitrify.rearrangements.base import stream
from vitrify.rearrangements.events import Events
from vitrify.rearrangements.p_hop import PHop

quick = settings(deadline=None, max_examples=25)
seeds = st.integers(0, 2**32 - 1)


def walk(seed: int, n_frames: int = 60, n: int = 5, d: int = 3, step: float = 0.1) -> np.ndarray:
    return np.random.default_rng(seed).normal(scale=step, size=(n_frames, n, d)).cumsum(axis=0)


@quick
@given(seeds, st.sampled_from([2, 3]), st.floats(-50, 50))
def test_translation_and_rotation_leave_p_hop(seed, d, shift):
    positions = walk(seed, d=d)
    turned = positions @ special_ortho_group.rvs(d, random_state=seed) + shift
    np.testing.assert_allclose(PHop().compute(turned), PHop().compute(positions), rtol=1e-9, atol=1e-12)


@quick
@given(seeds)
def test_relabelling_permutes_p_hop_to_the_bit(seed):
    positions = walk(seed, n=70)
    order = np.random.default_rng(seed).permutation(70)
    expected = PHop().compute(positions)[:, order]
    assert np.array_equal(PHop().compute(positions[:, order]), expected, equal_nan=True)


@quick
@given(seeds, st.sampled_from([2, 4, 10]))
def test_time_reversal_mirrors_p_hop(seed, window):
    positions = walk(seed)
    forward = PHop(window).compute(positions)
    backward = PHop(window).compute(positions[::-1])
    np.testing.assert_allclose(backward[1:], forward[:0:-1], rtol=1e-9, atol=1e-13)


@quick
@given(seeds, st.floats(0.1, 10))
def test_p_hop_scales_as_length_squared(seed, factor):
    positions = walk(seed)
    scaled = PHop().compute(factor * positions)
    np.testing.assert_allclose(scaled, factor**2 * PHop().compute(positions), rtol=1e-9)


@quick
@given(seeds, st.sampled_from([2, 6, 10]), st.integers(1, 70), st.integers(10, 60))
def test_blocks_change_no_bit_of_p_hop(seed, window, block, n_frames):
    positions = walk(seed, n_frames)
    whole = PHop(window).compute(positions)
    parts = list(stream(PHop(window), lambda a, b: positions[a:b], n_frames, block))
    assert [p[0] for p in parts[1:]] == [p[1] for p in parts[:-1]]
    assert np.array_equal(np.concatenate([v for _, _, v in parts]), whole, equal_nan=True)


@quick
@given(seeds, st.sampled_from([2, 6, 10]), st.integers(1, 70))
def test_blocks_change_no_bit_of_the_events(seed, window, block):
    positions = walk(seed, step=0.15)
    times = 0.5 * np.arange(60)
    finder = Events(window=window)
    whole = finder.find(PHop(window).compute(positions), positions, times)
    assert whole.identical(finder.stream(lambda a, b: positions[a:b], times, block=block))


@quick
@given(seeds)
def test_events_do_not_overlap_and_keep_their_order(seed):
    positions = walk(seed, n_frames=300, step=0.12)
    events = Events().stream(lambda a, b: positions[a:b], np.arange(300.0))
    first, last = events["first_frame"].values, events["last_frame"].values
    assert np.array_equal(np.lexsort((events["particle"].values, first)), np.arange(len(first)))
    for i in range(5):
        mine = events["particle"].values == i
        assert (first[mine][1:] > last[mine][:-1]).all()
    assert (events["peak_frame"].values >= first).all()
    assert (events["peak_frame"].values <= last).all()
    assert (events["p_hop_max"].values > 0.05).all()
