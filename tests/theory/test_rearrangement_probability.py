"""Counting: nothing lost, nothing counted twice, intervals that hold."""

import numpy as np
import pytest

from vitrify.errors import ParameterError, ShapeError
from vitrify.theory.rearrangement_probability import (
    combine,
    count,
    distributions,
    rearrangement_probability,
    softness_bins,
)

EDGES = np.array([-np.inf, -1.0, 0.0, 1.0, np.inf])


def sample(rng, n, n_segments=3):
    return rng.normal(size=n), rng.integers(0, n_segments, n)


def test_counts_agree_with_a_loop_over_the_particles():
    rng = np.random.default_rng(0)
    risk, starts = sample(rng, 500), sample(rng, 40)
    found = count(0.5, risk, starts, EDGES, n_segments=3, frames_per_sample=10)
    for name, (softness, segment), weight in (("exposure", risk, 10), ("events", starts, 1)):
        expected = np.zeros((3, 4))
        for s, k in zip(softness, segment, strict=True):
            b = next(j for j in range(4) if EDGES[j] <= s < EDGES[j + 1])
            expected[k, b] += weight
        np.testing.assert_array_equal(found[name].values[0], expected)
    assert np.isclose(found["softness_sum"].sum(), 10 * risk[0].sum())


def test_every_value_falls_into_a_bin():
    rng = np.random.default_rng(1)
    softness = rng.standard_t(2, 2000)
    edges = softness_bins(softness, 12)
    found = count(
        0.5, (softness, np.zeros(2000, int)), (softness[:50], np.zeros(50, int)), edges, n_segments=1
    )
    assert (int(found["exposure"].sum()), int(found["events"].sum())) == (2000, 50)


def test_temperatures_are_joined_in_order_and_missing_segments_hold_nothing():
    rng = np.random.default_rng(2)
    hot = count(0.7, sample(rng, 100, 2), sample(rng, 9, 2), EDGES, n_segments=2)
    cold = count(0.5, sample(rng, 100, 4), sample(rng, 5, 4), EDGES, n_segments=4)
    joined = combine([hot, cold])
    assert joined["temperature"].values.tolist() == [0.5, 0.7]
    assert joined["events"].sum(("segment", "softness_bin")).values.tolist() == [5, 9]
    assert float(joined["exposure"].isel(temperature=1, segment=slice(2, None)).sum()) == 0


def test_joining_counts_with_other_bins_is_refused():
    rng = np.random.default_rng(2)
    one = count(0.7, sample(rng, 10), sample(rng, 2), EDGES, n_segments=3)
    other = count(0.5, sample(rng, 10), sample(rng, 2), EDGES + 0.1, n_segments=3)
    with pytest.raises(ShapeError, match="must share the softness bins"):
        combine([one, other])


def test_values_without_a_segment_are_refused():
    with pytest.raises(ShapeError, match="must pair up"):
        count(0.5, ([0.1, 0.2], [0]), ([], []), EDGES, n_segments=1)


def test_bins_need_softness_that_varies():
    with pytest.raises(ParameterError, match="softness must vary"):
        softness_bins([1.0, 1.0, 1.0], 4)


def test_the_interval_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(3)
    p, n, inside = 0.004, 2000, []
    for _ in range(600):
        k = rng.binomial(n, p)
        found = rearrangement_probability(
            count(
                0.5, (np.zeros(n), np.zeros(n, int)), (np.zeros(k), np.zeros(k, int)), [-1, 1], n_segments=1
            )
        )
        inside.append(found["probability_low"].item() <= p <= found["probability_high"].item())
    assert abs(np.mean(inside) - 0.683) < 0.08


def test_bins_without_events_have_an_upper_bound_and_bins_without_exposure_have_nothing():
    softness = np.full(1000, 0.5)
    found = rearrangement_probability(
        count(0.5, (softness, np.zeros(1000, int)), ([], []), EDGES, n_segments=1)
    )
    assert found["probability"].values[0, 2] == found["probability_low"].values[0, 2] == 0
    assert 0 < found["probability_high"].values[0, 2] < 0.005
    assert np.isnan(found["probability"].values[0, 0])


def test_densities_are_those_of_the_samples():
    rng = np.random.default_rng(4)
    risk = rng.normal(size=200_000), rng.integers(0, 5, 200_000)
    starts = rng.normal(1.0, 0.7, 20_000), rng.integers(0, 5, 20_000)
    edges = softness_bins(risk[0], 16)
    found = distributions(count(0.5, risk, starts, edges, n_segments=5)).isel(softness_bin=slice(1, -1))
    for name, values in (("density", risk[0]), ("density_rearranging", starts[0])):
        inside, _ = np.histogram(values, edges[1:-1])
        np.testing.assert_allclose(found[name][0], inside / len(values) / np.diff(edges[1:-1]), rtol=1e-12)


def test_the_error_of_the_density_is_its_scatter():
    rng = np.random.default_rng(5)
    made = [
        distributions(count(0.5, sample(rng, 3000, 10), sample(rng, 30, 10), EDGES, n_segments=10))
        for _ in range(200)
    ]
    scatter = np.std([m["density"].values for m in made], axis=0)[0, 1:3]
    claimed = np.mean([m["density_error"].values for m in made], axis=0)[0, 1:3]
    np.testing.assert_allclose(claimed, scatter, rtol=0.2)
