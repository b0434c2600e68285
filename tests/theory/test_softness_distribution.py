"""Densities of softness: area, tails, errors."""

import numpy as np
import pytest

from vitrify.errors import TooFewEventsError
from vitrify.theory.rearrangement_probability import combine, count, softness_bins
from vitrify.theory.softness_distribution import distributions

EDGES = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])


def sample(rng, n, n_segments=3):
    return rng.normal(size=n), rng.integers(0, n_segments, n)


def test_densities_are_those_of_the_samples():
    rng = np.random.default_rng(4)
    risk = rng.normal(size=200_000), rng.integers(0, 5, 200_000)
    starts = rng.normal(1.0, 0.7, 20_000), rng.integers(0, 5, 20_000)
    edges = softness_bins(risk[0], 16)
    found = distributions(count(0.5, risk, starts, edges, n_segments=5))
    for name, values, outside in (
        ("density", risk[0], "fraction_outside"),
        ("density_rearranging", starts[0], "fraction_rearranging_outside"),
    ):
        expected, _ = np.histogram(values, edges, density=True)
        np.testing.assert_allclose(found[name][0], expected, rtol=1e-12)
        np.testing.assert_allclose((found[name][0] * np.diff(edges)).sum(), 1, rtol=1e-12)
        left = np.mean((values < edges[0]) | (values > edges[-1]))
        np.testing.assert_allclose(found[outside].item(), left, atol=1e-12)
    assert 0.0008 < found["fraction_outside"].item() < 0.0012
    assert "at most 0.10% of the particles" in found.attrs["definition"]


def test_one_segment_gives_densities_without_an_error_from_scatter():
    rng = np.random.default_rng(7)
    found = distributions(count(0.5, sample(rng, 900, 1), sample(rng, 30, 1), EDGES, n_segments=1))
    assert np.isnan(found["density_error"]).all()
    assert np.isfinite(found["density"]).all()
    assert (found["density_rearranging_error"] > 0).all()
    assert all(np.isfinite(found[c]).all() for c in found.coords)


def test_a_temperature_without_events_has_no_distribution_of_them():
    rng = np.random.default_rng(8)
    parts = [
        count(t, sample(rng, 900), sample(rng, n), EDGES, n_segments=3) for t, n in ((0.5, 0), (0.6, 40))
    ]
    found = distributions(combine(parts))
    assert np.isnan(found["density_rearranging"].values[0]).all()
    assert np.isfinite(found["density_rearranging"].values[1]).all()
    assert "nan" not in found.attrs["definition"]
    with pytest.raises(TooFewEventsError, match="no particles at risk"):
        distributions(count(0.5, ([], []), ([], []), EDGES, n_segments=3))


def test_uneven_segments_weigh_as_much_as_they_hold():
    """An almost empty segment with another distribution moves neither the density nor its error by much."""
    rng = np.random.default_rng(9)
    s, k = sample(rng, 4000, 4)
    even = distributions(count(0.5, (s, k), ([], []), EDGES, n_segments=5))
    odd = (np.append(s, 1.5), np.append(k, 4))
    uneven = distributions(count(0.5, odd, ([], []), EDGES, n_segments=5))
    np.testing.assert_allclose(uneven["density_error"], even["density_error"], rtol=0.1)


def test_the_error_of_the_density_is_its_scatter():
    rng = np.random.default_rng(5)
    made = [
        distributions(count(0.5, sample(rng, 3000, 10), sample(rng, 30, 10), EDGES, n_segments=10))
        for _ in range(200)
    ]
    scatter = np.std([m["density"].values for m in made], axis=0)[0]
    claimed = np.mean([m["density_error"].values for m in made], axis=0)[0]
    np.testing.assert_allclose(claimed, scatter, rtol=0.2)
