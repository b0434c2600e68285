"""Resampling segments: reproducible, wider than counting where events come in bursts, honest where T0 has no bound."""

import numpy as np

from vitrify.theory.onset import bootstrap_onset
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


def test_an_onset_temperature_without_a_bound_is_mostly_said_to_have_none():
    """Where Σ1 = 0 the lines never meet; a one-standard-deviation criterion sees that two times in three."""
    found = [bootstrap_onset(counts_of(0.5, 0.0, n=8000, seed=s), n_resamples=40) for s in range(20)]
    unbounded = [f for f in found if not f.bounded]
    assert 0.4 < len(unbounded) / len(found) < 0.95
    for f in unbounded:
        assert f.interval("onset_temperature") == (-np.inf, np.inf)
        assert np.isfinite(f.interval("e1")).all()
