"""g(r): against a sum over all pairs and images, in any box."""

import itertools

import numba
import numpy as np
import pytest

from vitrify.errors import ConfigurationError, ParameterError, ShapeError
from vitrify.particles import Box, Frame
from vitrify.structure.pair_correlation import RadialDistribution
from vitrify.testing.strategies import random_frame


def naive(frame, group, n_groups, edges):
    """Counts and g, straight from the definition."""
    reach = range(-4, 5)
    images = np.array(list(itertools.product(reach, repeat=frame.dimension))) @ frame.box.vectors
    counts = np.zeros((n_groups, len(frame.species_names), len(edges) - 1))
    expected = np.zeros_like(counts)
    shell = np.diff(np.pi * edges**2 if frame.dimension == 2 else 4 / 3 * np.pi * edges**3)
    for i, j in itertools.product(range(frame.n_particles), repeat=2):
        if group[i] < 0 or i == j:
            continue
        r = np.linalg.norm(frame.positions[j] - frame.positions[i] + images, axis=1)
        counts[group[i], frame.species[j]] += np.histogram(r, edges)[0]
        expected[group[i], frame.species[j]] += shell / frame.box.volume
    return counts, counts / np.where(expected > 0, expected, np.nan)


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("tilted", [False, True])
@pytest.mark.parametrize("n_species", [1, 3])
def test_the_kernel_agrees_with_all_pairs_and_images(dimension, tilted, n_species):
    """r_max = 5.1 exceeds half of every box, and most boxes."""
    rng = np.random.default_rng(dimension + 10 * tilted)
    frame = random_frame(rng, 25, dimension=dimension, n_species=n_species, tilted=tilted)
    rule = RadialDistribution(r_max=5.1, bin_width=0.3)
    found = rule.compute([frame])
    counts, g = naive(frame, frame.species, n_species, rule.edges)
    np.testing.assert_array_equal(found["counts"], counts)
    np.testing.assert_allclose(found["g"], g, rtol=1e-10, atol=1e-12)


def test_groups_and_their_total_agree_with_the_sum_over_pairs():
    rng = np.random.default_rng(3)
    frame = random_frame(rng, 30, n_species=2)
    group = rng.integers(-1, 2, 30)
    rule = RadialDistribution(r_max=3.0, bin_width=0.5)
    found = rule.compute([frame], [group], ("hard", "soft"), total="all")
    _, g = naive(frame, group, 2, rule.edges)
    np.testing.assert_allclose(found["g"].sel(group=["hard", "soft"]), g, rtol=1e-10)
    _, both = naive(frame, np.where(group >= 0, 0, -1), 1, rule.edges)
    np.testing.assert_allclose(found["g"].sel(group=["all"]), both, rtol=1e-10)
    assert found["group"].values.tolist() == ["all", "hard", "soft"]


@pytest.mark.parametrize("total", [None, "all"])
def test_the_counting_error_counts_every_pair_once(total):
    """The scatter of many independent ideal gases is the counting error of one."""
    rng = np.random.default_rng(5)
    rule, box = RadialDistribution(r_max=2.0, bin_width=0.5), Box.orthorhombic([5.0] * 3)
    species = np.repeat([0, 1], [40, 20])
    one = [rule.compute([Frame(rng.uniform(0, 5, (60, 3)), species, box)], total=total) for _ in range(400)]
    scatter = np.std([f["g"].values for f in one], axis=0)[..., 1:]
    claimed = np.mean([f["g_counting_error"].values for f in one], axis=0)[..., 1:]
    np.testing.assert_allclose(scatter, claimed, rtol=0.15)


def test_frames_are_averaged_and_their_scatter_is_the_error():
    rng = np.random.default_rng(8)
    rule, box = RadialDistribution(r_max=2.0, bin_width=0.5), Box.orthorhombic([6.0, 6.0])
    frames = [Frame(rng.uniform(0, 6, (50, 2)), np.zeros(50), box) for _ in range(300)]
    found = rule.compute(frames)
    single = np.array([rule.compute([f])["g"].values for f in frames])
    np.testing.assert_allclose(found["g"], single.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found["g_error"], single.std(axis=0, ddof=1) / np.sqrt(300), rtol=1e-10)
    np.testing.assert_allclose(found["g_error"], found["g_counting_error"], rtol=0.2)
    assert found.attrs["n_frames"] == 300


def test_the_number_of_threads_changes_no_bit():
    rng = np.random.default_rng(0)
    frame = Frame(rng.uniform(0, 9, (900, 3)), rng.integers(0, 2, 900), Box.orthorhombic([9.0] * 3))
    rule = RadialDistribution(r_max=2.0, bin_width=0.05)
    before = numba.get_num_threads()
    results = []
    try:
        for n in range(1, min(2, numba.config.NUMBA_NUM_THREADS) + 1):
            numba.set_num_threads(n)
            results.append(rule.compute([frame])["g"].values)
    finally:
        numba.set_num_threads(before)
    for other in results:
        np.testing.assert_array_equal(results[0], other)


def test_the_input_is_not_touched_and_empty_groups_are_not_a_number():
    frame = random_frame(np.random.default_rng(1), 10, n_species=2)
    group = np.zeros(10, int)
    found = RadialDistribution(1.0, 0.5).compute([frame], [group], ("some", "none"))
    assert np.isnan(found["g"].sel(group="none")).all()
    assert (group == 0).all()


def test_what_cannot_be_meant_is_refused():
    frame = random_frame(np.random.default_rng(1), 10)
    rule = RadialDistribution(1.0, 0.5)
    with pytest.raises(ParameterError, match="`bin_width` must be positive"):
        RadialDistribution(1.0, 2.0)
    with pytest.raises(ShapeError, match="`frames` is empty"):
        rule.compute([])
    with pytest.raises(ShapeError, match="one array of 10 numbers"):
        rule.compute([frame], [])
    with pytest.raises(ParameterError, match="from 0 to 2"):
        rule.compute([frame], [np.arange(10) % 3], ("a", "b"))
    box = Box(frame.box.vectors, periodic=[True, True, False])
    with pytest.raises(ConfigurationError, match="open along an axis"):
        rule.compute([Frame(frame.positions, frame.species, box)])
