"""Counting: nothing lost, nothing counted twice, intervals that hold."""

import numpy as np
import pytest

from vitrify.errors import ConfigurationError, ParameterError, ShapeError
from vitrify.theory.rearrangement_probability import (
    combine,
    count,
    rearrangement_probability,
    softness_bins,
    totals,
)
from vitrify.theory.softness_distribution import distributions
from vitrify.units import METAL

EDGES = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])


def sample(rng, n, n_segments=3):
    return rng.normal(size=n), rng.integers(0, n_segments, n)


def test_counts_agree_with_a_loop_over_the_particles():
    rng = np.random.default_rng(0)
    risk, starts = sample(rng, 500), sample(rng, 40)
    found = count(0.5, risk, starts, EDGES, n_segments=3, frames_per_sample=10)
    for name, (softness, segment), weight in (("exposure", risk, 10), ("events", starts, 1)):
        expected, beyond = np.zeros((3, 4)), np.zeros((3, 4))
        for s, k in zip(softness, segment, strict=True):
            b = next((j for j in range(3) if s < EDGES[j + 1]), 3)
            expected[k, b] += weight
            beyond[k, b] += weight * (s < EDGES[0] or s > EDGES[-1])
        assert beyond.sum() > 0 or name == "events"
        np.testing.assert_array_equal(found[name].values[0], expected)
        np.testing.assert_array_equal(found[f"{name}_beyond"].values[0], beyond)
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


def test_particles_without_softness_are_refused_with_their_number():
    with pytest.raises(ConfigurationError, match="2 of 3 values of softness in `at_risk`"):
        count(0.5, ([np.nan, 0.1, np.inf], [0, 0, 0]), ([], []), EDGES, n_segments=1)
    with pytest.raises(ConfigurationError, match="1 of 1 values of softness in `starts`"):
        count(0.5, ([0.1], [0]), ([np.nan], [0]), EDGES, n_segments=1)
    with pytest.raises(ConfigurationError, match="1 of 2 values"):
        softness_bins([np.nan, 1.0], 4)


@pytest.mark.parametrize("segment", [-1, 2])
def test_segments_that_are_not_there_are_refused(segment):
    with pytest.raises(ShapeError, match="Segments of `at_risk` must be from 0 to 1"):
        count(0.5, ([0.1, 0.2], [0, segment]), ([], []), EDGES, n_segments=2)


@pytest.mark.parametrize("edges", [[-np.inf, 0, 1], [0, 1, 1], [0.0]])
def test_edges_that_do_not_make_bins_are_refused(edges):
    with pytest.raises(ParameterError, match="`edges` must be finite and increasing"):
        count(0.5, ([0.1], [0]), ([], []), edges, n_segments=1)


def test_counts_of_other_frame_intervals_or_units_do_not_combine():
    one, longer, metal = (
        count(t, ([0.1], [0]), ([], []), EDGES, n_segments=1, **other)
        for t, other in ((0.5, {}), (0.6, {"interval": 7.0}), (0.6, {"units": METAL}))
    )
    with pytest.raises(ParameterError, match=r"share `interval`; T = 0\.5 has 1\.0 and T = 0\.6 has 7\.0"):
        combine([one, longer])
    with pytest.raises(ParameterError, match="share `unit_system`"):
        combine([one, metal])
    with pytest.raises(ParameterError, match="`counts` is empty"):
        combine([])


def test_replicas_of_a_temperature_become_more_segments_of_it():
    rng = np.random.default_rng(6)
    parts = [count(0.5, sample(rng, 100, k), sample(rng, 9, k), EDGES, n_segments=k) for k in (2, 3)]
    parts.append(count(0.7, sample(rng, 100), sample(rng, 9), EDGES, n_segments=3))
    for order in ([0, 1, 2], [2, 0, 1]):
        joined = combine([parts[k] for k in order])
        assert joined["temperature"].values.tolist() == [0.5, 0.7]
        assert joined.sizes["segment"] == 5
        expected = np.concatenate([parts[0]["events"].values[0], parts[1]["events"].values[0]])
        np.testing.assert_array_equal(joined["events"].values[0], expected)
    again = combine([combine(parts[:2]), parts[2]])
    np.testing.assert_array_equal(totals(again)["exposure"], totals(combine(parts))["exposure"])


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


def test_events_at_a_softness_that_was_not_sampled_have_no_probability_and_are_reported():
    counts = count(0.5, ([0.5] * 50, [0] * 50), ([0.5, 1.5, 1.7], [0, 0, 0]), EDGES, n_segments=1)
    found = rearrangement_probability(counts)
    assert np.isnan(found["probability"].values[0, 3])
    assert "2 of 3 rearrangements" in found.attrs["note"]
    assert np.isfinite(found["softness"]).all()
    complete = rearrangement_probability(counts.isel(softness_bin=[2]))
    assert "note" not in complete.attrs


def test_more_events_than_sampled_exposure_is_a_probability_of_one():
    found = rearrangement_probability(count(0.5, ([0.5], [0]), ([0.5] * 3, [0] * 3), EDGES, n_segments=1))
    assert found["probability"].values[0, 2] == 1


@pytest.mark.parametrize("make", [combine, totals, rearrangement_probability, distributions])
def test_every_variable_says_what_it_is_and_in_which_unit(make):
    rng = np.random.default_rng(10)
    counts = count(300.0, sample(rng, 90), sample(rng, 9), EDGES, n_segments=3, units=METAL)
    found = make([counts]) if make is combine else make(counts)
    for name, variable in found.variables.items():
        assert {"units", "long_name", "definition", "symbol"} <= variable.attrs.keys(), name
        assert variable.attrs["units"] == ("K" if name == "temperature" else "1")
