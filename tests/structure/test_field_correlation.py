"""Spatial correlation of a field: against a sum over all pairs and images, and fields whose answer is known."""

import itertools

import numba
import numpy as np
import pytest

from vitrify.errors import ParameterError, ShapeError, TooFewEventsError
from vitrify.particles import Box, Frame
from vitrify.structure.field_correlation import FieldCorrelation, fit_exponential_decay
from vitrify.testing.strategies import random_frame


def naive(frame, values, edges):
    """Pairs and summed products of deviations from the mean, straight from the definition."""
    reach = [range(-4, 5) if p else range(1) for p in frame.box.periodic]
    images = np.array(list(itertools.product(*reach))) @ frame.box.vectors
    deviations = values - np.nanmean(values)
    pairs, products = np.zeros((2, len(edges) - 1))
    for i, j in itertools.product(range(frame.n_particles), repeat=2):
        if i != j and not np.isnan(deviations[i] + deviations[j]):
            r = np.linalg.norm(frame.positions[j] - frame.positions[i] + images, axis=1)
            found = np.histogram(r, edges)[0]
            pairs += found
            products += found * deviations[i] * deviations[j]
    return pairs, products


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("tilted", [False, True])
@pytest.mark.parametrize("periodic", [False, True])
def test_the_kernel_agrees_with_all_pairs_and_images(dimension, tilted, periodic):
    """r_max = 5.1 exceeds half of every box, and most boxes."""
    rng = np.random.default_rng(dimension + 10 * tilted)
    frame = random_frame(rng, 25, dimension=dimension, tilted=tilted, periodic=periodic)
    values = rng.normal(size=25)
    values[[3, 17]] = np.nan
    rule = FieldCorrelation(r_max=5.1, bin_width=0.3)
    found = rule.compute([frame], [values])
    pairs, products = naive(frame, values, rule.edges)
    np.testing.assert_array_equal(found["pairs"], pairs)
    expected = products / np.where(pairs > 0, pairs, np.nan)
    np.testing.assert_allclose(found["covariance"], expected, atol=1e-12)
    np.testing.assert_allclose(found["correlation"], expected / np.nanvar(values), atol=1e-12)
    known = np.flatnonzero(~np.isnan(values))
    chosen = rule.compute([frame], [values[known]], particles=known)
    np.testing.assert_array_equal(chosen["correlation"], found["correlation"])


def test_with_one_standard_for_all_frames_a_value_that_all_particles_share_is_correlated():
    rng = np.random.default_rng(4)
    box = Box.orthorhombic([5.0] * 3)
    frames = [Frame(rng.uniform(0, 5, (200, 3)), np.zeros(200), box) for _ in range(40)]
    levels = rng.normal(size=40)
    values = [level + rng.normal(size=200) for level in levels]
    each = FieldCorrelation(2.0, 0.5).compute(frames, values)
    together = FieldCorrelation(2.0, 0.5, standard="all").compute(frames, values)
    shared = levels.var() / (levels.var() + 1)
    assert (np.abs(each["correlation"] + 1 / 199) < 4 * each["correlation_error"]).all()
    np.testing.assert_allclose(together["correlation"], shared, atol=0.05)
    pooled = np.concatenate(values)
    assert float(together["variance"]) == pytest.approx(pooled.var())
    sums = [_sums_of_pairs(f, x - pooled.mean(), 1.0, 1.5) for f, x in zip(frames, values, strict=True)]
    assert float(together["covariance"][2]) == pytest.approx(np.divide(*np.sum(sums, axis=0)), rel=1e-9)


def _sums_of_pairs(frame, d, low, high):
    from vitrify.particles.neighbors import pairs

    found = pairs(frame, high)
    used = (found.distances >= low) & (found.first != found.second)
    return (d[found.first] * d[found.second])[used].sum(), used.sum()


def test_equal_neighbours_are_wholly_correlated():
    """Pairs on one spot of a chain: partners carry the same number, strangers nothing in common."""
    rng = np.random.default_rng(2)
    spots = 3.0 * np.array(list(itertools.product(range(6), repeat=3)), float)
    frame = Frame(
        np.vstack([spots, spots + np.array([0.3, 0, 0])]), np.zeros(432), Box.orthorhombic([18.0] * 3)
    )
    field = rng.normal(size=216)
    found = FieldCorrelation(4.0, 0.5).compute([frame], [np.tile(field, 2)])
    assert found["correlation"][0] == pytest.approx(1.0)
    assert abs(found["correlation"][6]) < 0.15


def planted(rng, n_frames, length, n=1500, side=12.0):
    """Frames with a Gaussian field of covariance e^(-r/ξ) on random spots, open boundaries."""
    frames, fields = [], []
    for _ in range(n_frames):
        spots = rng.uniform(0, side, (n, 3))
        r = np.linalg.norm(spots[:, None] - spots, axis=-1)
        root = np.linalg.cholesky(np.exp(-r / length) + 1e-9 * np.eye(n))
        frames.append(Frame(spots, np.zeros(n), Box.orthorhombic([side] * 3, periodic=[False] * 3)))
        fields.append(root @ rng.normal(size=n))
    return frames, fields


def test_a_planted_length_is_found_within_its_error():
    frames, fields = planted(np.random.default_rng(1), 6, 0.8, n=500, side=8.0)
    found = FieldCorrelation(3.0, 0.25).compute(frames, fields, blocks=6)
    fit = fit_exponential_decay(found, 0.0, 3.0)
    assert fit.length_error < 0.15
    assert abs(fit.length - 0.8) < 3 * fit.length_error
    assert abs(fit.amplitude - 1.0) < 3 * fit.amplitude_error + 0.05
    assert fit.n_points == 12


def test_an_exact_decay_is_fitted_exactly_and_its_maxima_are_its_envelope():
    found = FieldCorrelation(3.0, 0.1).compute(*([x] for x in _chain()))
    r = found["r"].values
    ones = np.ones((4, len(r)))
    exact = found.drop_dims("block").assign(
        product_block=(("block", "r"), ones * 0.7 * np.exp(-r / 1.3)), pairs_block=(("block", "r"), ones)
    )
    fit = fit_exponential_decay(exact, 0.5, 3.0)
    assert (fit.amplitude, fit.length) == pytest.approx((0.7, 1.3), rel=1e-6)
    np.testing.assert_allclose(fit([0.0, 1.3]), [0.7, 0.7 / np.e], rtol=1e-6)
    assert fit.length_error == pytest.approx(0.0, abs=1e-6)
    wave = np.where(np.arange(len(r)) % 5 == 2, 1.0, 0.4)
    waving = exact.assign(product_block=exact["product_block"] * wave)
    envelope = fit_exponential_decay(waving, 0.5, 3.0, peaks_only=True)
    assert (envelope.amplitude, envelope.length) == pytest.approx((0.7, 1.3), rel=1e-6)
    assert envelope.n_points == 5


def _chain():
    frame = Frame([[float(k), 0.0] for k in range(4)], [0] * 4, Box.orthorhombic([9.0, 9.0]))
    return frame, [0.0, 1.0, 2.0, 4.0]


def test_the_error_is_the_scatter_of_independent_runs():
    rng = np.random.default_rng(6)
    rule, runs, box = FieldCorrelation(2.0, 1.0), [], Box.orthorhombic([5.0] * 3)
    for _ in range(40):
        frames = [Frame(rng.uniform(0, 5, (60, 3)), np.zeros(60), box) for _ in range(8)]
        runs.append(rule.compute(frames, [rng.normal(size=60) for _ in frames]))
    scatter = np.std([run["correlation"].values for run in runs], axis=0)
    claimed = np.mean([run["correlation_error"].values for run in runs], axis=0)
    np.testing.assert_allclose(claimed, scatter, rtol=0.35)


def test_the_number_of_threads_changes_no_bit():
    rng = np.random.default_rng(0)
    frame = Frame(rng.uniform(0, 9, (900, 3)), np.zeros(900), Box.orthorhombic([9.0] * 3))
    values, before, results = rng.normal(size=900), numba.get_num_threads(), []
    try:
        for n in range(1, min(2, numba.config.NUMBA_NUM_THREADS) + 1):
            numba.set_num_threads(n)
            results.append(FieldCorrelation(2.0, 0.05).compute([frame], [values])["correlation"].values)
    finally:
        numba.set_num_threads(before)
    for other in results:
        np.testing.assert_array_equal(results[0], other)


def test_one_frame_has_no_error_and_units_are_those_of_the_field():
    frame = random_frame(np.random.default_rng(1), 30)
    found = FieldCorrelation(2.0, 0.5).compute(
        [frame], [np.arange(30.0)], field="p", field_units="sigma_AA^2"
    )
    assert np.isnan(found["correlation_error"]).all()
    assert found["covariance"].attrs["units"] == "(sigma_AA^2)^2"
    assert found["correlation"].attrs["symbol"] == r"\langle\delta p(0)\,\delta p(r)\rangle"


def test_what_cannot_be_meant_is_refused():
    frame = random_frame(np.random.default_rng(1), 10)
    rule = FieldCorrelation(1.0, 0.5)
    with pytest.raises(ParameterError, match="`bin_width` must be positive"):
        FieldCorrelation(1.0, 2.0)
    with pytest.raises(ParameterError, match=r"No standard is called 'particle'. Known: frame, all"):
        FieldCorrelation(1.0, 0.5, standard="particle")
    with pytest.raises(ShapeError, match="`frames` is empty"):
        rule.compute([], [])
    with pytest.raises(ShapeError, match="one array of 10 numbers for each frame; got none"):
        rule.compute([frame], [])
    with pytest.raises(ShapeError, match=r"got shape \(9,\)"):
        rule.compute([frame], [np.zeros(9)])
    with pytest.raises(ParameterError, match="has 10 values with the variance 0"):
        rule.compute([frame], [np.ones(10)])
    with pytest.raises(ParameterError, match="`blocks` must be at least 1"):
        rule.compute([frame], [np.arange(10)], blocks=0)
    found = rule.compute([frame], [np.arange(10.0)])
    with pytest.raises(ParameterError, match="`r_min` must not be negative"):
        fit_exponential_decay(found, 1.0, 0.5)
    with pytest.raises(TooFewEventsError, match="a decay needs 3"):
        fit_exponential_decay(found, 0.0, 0.2)


def test_a_correlation_that_grows_is_no_decay():
    found = FieldCorrelation(3.0, 0.5).compute(*([x] for x in _chain()))
    r = found["r"].values
    grown = found.drop_dims("block").assign(
        product_block=(("block", "r"), r[None]), pairs_block=(("block", "r"), np.ones((1, len(r))))
    )
    with pytest.raises(TooFewEventsError, match="does not decay between 0 and 3"):
        fit_exponential_decay(grown, 0.0, 3.0)
