import numpy as np
import pytest

from vitrify.predictors.plane import evaluate_plane, standardisation


def test_the_kernel_agrees_with_the_formula():
    rng = np.random.default_rng(0)
    features, mean, weights = rng.normal(size=(500, 40)), rng.normal(size=40), rng.normal(size=40)
    scale = rng.uniform(0.1, 3, size=40)
    expected = ((features - mean) / scale) @ weights + 0.3
    np.testing.assert_allclose(
        evaluate_plane(features, mean, scale, weights, 0.3), expected, rtol=1e-10, atol=1e-12
    )


def test_standardisation_is_mean_and_standard_deviation():
    features = np.random.default_rng(1).normal(3.0, 2.0, size=(9000, 7))
    mean, scale, varies = standardisation(features)
    np.testing.assert_allclose(mean, features.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(scale, features.std(axis=0), rtol=1e-12)
    assert varies.all()


@pytest.mark.parametrize("tiny", [1e-12, 1e-200, 1e-290])
def test_a_tiny_variance_is_a_variance(tiny):
    features = np.zeros((6, 2))
    features[:3, 0] = tiny
    mean, scale, varies = standardisation(features)
    assert varies.tolist() == [True, False]
    np.testing.assert_allclose((features[:, 0] - mean[0]) / scale[0], [1, 1, 1, -1, -1, -1], rtol=1e-14)


def test_a_constant_is_constant_whatever_its_rounding():
    features = np.full((7, 1), 0.1)
    _, scale, varies = standardisation(features)
    assert (scale.tolist(), varies.tolist()) == ([1.0], [False])
