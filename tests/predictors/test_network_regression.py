"""A neural network beside the ridge regression: it learns what is not linear, and never sees what it is judged on."""

import numpy as np
import pytest

from vitrify.errors import ParameterError, ShapeError, TooFewEventsError
from vitrify.predictors.network_regression import NetworkRegression

QUICK = NetworkRegression(hidden=(16,), penalty=1e-3, learning_rate=0.01, passes=25, members=1)


def planted(seed, n_configurations=4, n=300, shift=0.0):
    rng = np.random.default_rng(seed)
    features = [rng.normal(size=(n, 3)) for _ in range(n_configurations)]
    return features, [np.column_stack([np.abs(x[:, 0]), x[:, 1] - x[:, 2]]) + shift for x in features]


def agreement(predicted, targets):
    pairs = list(zip(predicted, targets, strict=True))
    return np.array([[np.corrcoef(p[:, t], y[:, t])[0, 1] for t in range(2)] for p, y in pairs])


def test_a_target_that_no_linear_function_sees_is_learned_beside_one_that_is_linear():
    features, targets = planted(0)
    found = agreement(QUICK.cross_validate(features, targets, n_folds=2), targets)
    assert (found > 0.9).all()
    for x, y in zip(features, targets, strict=True):
        assert abs(np.corrcoef(np.column_stack([x, y]), rowvar=False)[0, 3]) < 0.2


def test_a_configuration_does_not_teach_what_is_predicted_of_it():
    features, targets = planted(1)
    other = [y.copy() for y in targets]
    other[2] = np.random.default_rng(5).normal(size=other[2].shape)
    first, second = (QUICK.cross_validate(features, y, n_folds=4) for y in (targets, other))
    assert np.array_equal(first[2], second[2])
    assert not np.array_equal(first[0], second[0])


def test_differences_within_a_configuration_are_learned_whatever_its_mean():
    features, targets = planted(2)
    moved = [y + 100.0 * k for k, y in enumerate(targets)]
    assert np.allclose(
        QUICK.cross_validate(features, targets, n_folds=2)[1],
        QUICK.cross_validate(features, moved, n_folds=2)[1],
        atol=1e-3,
    )


def test_features_that_hardly_vary_and_copies_of_others_do_no_harm():
    features, targets = planted(3)
    many = [np.column_stack([x, x, np.full(len(x), 7.0), 1e-9 * x[:, 0]]) for x in features]
    network = NetworkRegression(
        hidden=(16,), penalty=1e-3, learning_rate=0.01, passes=25, members=1, min_sd=1e-6
    )
    assert (agreement(network.cross_validate(many, targets, n_folds=2), targets) > 0.9).all()


def test_what_cannot_be_learned_from_is_refused():
    features, targets = planted(4, n=20)
    with pytest.raises(ShapeError, match=r"Configuration 1 has features of shape \(20, 3\) and targets"):
        QUICK.cross_validate(features, [targets[0], targets[1][:5], *targets[2:]])
    with pytest.raises(TooFewEventsError, match="which takes two; there are 1"):
        QUICK.cross_validate(features[:2], targets[:2], n_folds=2)
    with pytest.raises(ParameterError, match=r"`hidden` needs at least one node in each layer; it is \(0,\)"):
        NetworkRegression(hidden=(0,))
    with pytest.raises(ParameterError, match="`passes` must be positive; it is 0"):
        NetworkRegression(passes=0)
