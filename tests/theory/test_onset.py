"""Resampling segments: reproducible, wider than counting where events come in bursts, honest where T0 has no bound."""

import numpy as np
import pytest

from vitrify.errors import ParameterError, TooFewEventsError
from vitrify.theory.onset import bootstrap_onset, fieller_interval
from vitrify.theory.rearrangement_probability import combine, count, softness_bins

TEMPERATURES = (0.45, 0.5, 0.55, 0.6)


def counts_of(e1, sigma1, *, seed=0, n=40_000, n_segments=8, burst=0.0):
    """Counts whose rate differs between segments by a factor of spread `burst`."""
    rng, parts = np.random.default_rng(seed), []
    edges = softness_bins(rng.normal(size=2000), 8)
    for t in TEMPERATURES:
        s, segment = rng.normal(size=n), np.arange(n) * n_segments // n
        mood = np.exp(burst * rng.normal(size=n_segments))[segment]
        moving = rng.random(n) < mood * np.exp(1.0 - sigma1 * s - (2.5 - e1 * s) / t)
        parts.append(count(t, (s, segment), (s[moving], segment[moving]), edges, n_segments=n_segments))
    return combine(parts)


def test_the_same_seed_gives_the_same_samples():
    counts = counts_of(0.8, 1.0)
    one, two = (bootstrap_onset(counts, n_resamples=20, seed=3) for _ in range(2))
    for name, samples in one.samples.items():
        np.testing.assert_array_equal(samples, two.samples[name])


def test_the_planted_onset_lies_in_a_wide_interval():
    for seed in range(3):
        found = bootstrap_onset(counts_of(0.8, 1.0, seed=seed), n_resamples=60)
        low, high = found.interval("onset_temperature", tail=0.01)
        assert found.bounded
        assert found.n_failed == 0
        assert low - 0.05 < 0.8 < high + 0.05
        assert low < found.fit.onset_temperature < high


def test_resampling_is_about_as_wide_as_counting_for_independent_events_and_wider_for_bursts():
    calm, wild = (
        bootstrap_onset(counts_of(0.8, 1.0, burst=b, n_segments=20), n_resamples=80) for b in (0.0, 0.8)
    )
    for found, low, high in ((calm, 0.6, 1.5), (wild, 1.7, 20)):
        ratio = found.samples["e0"].std() / found.fit.standard_errors()["e0"]
        assert low < ratio < high


def binned_counts(seed, e1, sigma1, *, n_segments=6, n=20_000, burst=0.0):
    """Counts drawn bin by bin; a burst changes rate and softness dependence of a segment by that spread."""
    rng, edges, parts = np.random.default_rng(seed), np.linspace(-2.5, 2.5, 11), []
    middle = 0.5 * (edges[1:] + edges[:-1])
    share = np.exp(-(middle**2) / 2) / np.exp(-(middle**2) / 2).sum()
    exposure = np.tile(np.floor(share * n / n_segments), (n_segments, 1))
    for t in TEMPERATURES:
        mood, tilt = burst * rng.normal(size=(2, n_segments, 1))
        p = np.exp(1.0 - sigma1 * middle - (2.5 - e1 * middle) / t + mood + 0.5 * tilt * middle)
        part = count(t, ([], []), ([], []), edges, n_segments=n_segments)
        part["exposure"].values[0] = exposure
        part["softness_sum"].values[0] = exposure * middle
        part["events"].values[0] = rng.binomial(exposure.astype(int), np.minimum(p, 1))
        parts.append(part)
    return combine(parts)


@pytest.mark.parametrize("burst", [0.0, 0.3])
def test_the_interval_of_the_onset_holds_the_truth_as_often_as_it_says_with_six_segments(burst):
    held = []
    for seed in range(40):
        found = bootstrap_onset(binned_counts(seed, 0.8, 1.0, burst=burst), n_resamples=50)
        held.append([found.onset_interval(tail).holds(0.8) for tail in (0.1587, 0.025)])
    at_68, at_95 = np.mean(held, axis=0)
    assert 0.6 <= at_68 <= 0.85
    assert at_95 >= 0.87


def test_an_onset_temperature_that_does_not_exist_is_rarely_bounded_at_high_confidence():
    """Where Σ1 = 0 the lines never meet: a bounded interval is wrong, and must be as rare as its confidence says."""
    bounded = []
    for seed in range(40):
        found = bootstrap_onset(binned_counts(seed, 0.5, 0.0, n=8000), n_resamples=50)
        assert found.bounded == (found.onset_interval().kind == "bounded")
        if not found.bounded:
            assert found.interval("onset_temperature") == (-np.inf, np.inf)
            assert found.onset_interval().holds(np.inf)
        assert np.isfinite(found.interval("e1")).all()
        bounded.append([found.onset_interval(tail).kind == "bounded" for tail in (0.1587, 0.025)])
    at_68, at_95 = np.mean(bounded, axis=0)
    assert at_68 < 0.45
    assert at_95 < 0.15


@pytest.mark.parametrize(("numerator", "denominator"), [(0.8, 1.0), (0.8, 0.05), (0.05, 0.04), (-0.8, 0.3)])
def test_fieller_holds_the_ratios_whose_difference_is_compatible_with_zero(numerator, denominator):
    covariance, t = np.array([[0.02, 0.012], [0.012, 0.015]]), 1.4
    found = fieller_interval(numerator, denominator, covariance, t)
    for r in np.tan(np.linspace(-1.57, 1.57, 2001)):
        distance = numerator - r * denominator
        error = np.sqrt(covariance[0, 0] - 2 * r * covariance[0, 1] + r**2 * covariance[1, 1])
        assert found.holds(r) == (abs(distance) <= t * error)


def test_intervals_are_wider_than_percentiles_by_the_correction_for_few_segments():
    found = bootstrap_onset(binned_counts(0, 0.8, 1.0, n_segments=3), n_resamples=200)
    for name in ("e0", "e1", "sigma0", "sigma1"):
        assert 2 <= found.degrees_of_freedom[name] <= 8
        low, high = found.interval(name)
        assert np.ptp(found.percentiles(name)) < 1.1 * (high - low)
        assert low < getattr(found.fit, name) < high
    assert found.student("e1") > 1.02


def test_few_segments_are_weighted_so_that_their_scatter_is_that_of_repeated_experiments():
    made = [
        bootstrap_onset(binned_counts(seed, 0.8, 1.0, n_segments=3), n_resamples=30) for seed in range(40)
    ]
    for name in ("e1", "sigma1"):
        scatter = np.std([getattr(m.fit, name) for m in made], ddof=1)
        claimed = np.sqrt(np.mean([m.samples[name].var(ddof=1) for m in made]))
        np.testing.assert_allclose(claimed, scatter, rtol=0.35)


def test_what_cannot_carry_an_interval_is_refused():
    with pytest.raises(TooFewEventsError, match=r"T = 0\.45 has particles at risk in 1 of its"):
        bootstrap_onset(counts_of(0.8, 1.0, n_segments=1))
    counts = counts_of(0.8, 1.0, n=2000)
    with pytest.raises(ParameterError, match="`degree` must be at least 1"):
        bootstrap_onset(counts, 0)
    with pytest.raises(ParameterError, match="`n_resamples` at least 10"):
        bootstrap_onset(counts, n_resamples=2)
