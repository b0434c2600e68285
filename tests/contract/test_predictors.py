"""What every registered predictor keeps, and scikit-learn's own checks of an estimator."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from vitrify.predictors import PREDICTORS
from vitrify.predictors.softness import Softness


@pytest.fixture(params=sorted(PREDICTORS))
def predictor(request):
    return PREDICTORS.load(request.param)()


@pytest.fixture
def examples():
    rng = np.random.default_rng(0)
    labels = np.tile([1, -1], 150)
    features = rng.normal(size=(300, 6))
    features[:, 1] += labels
    return features, labels


@parametrize_with_checks(
    [
        Softness(),
        Softness(solver="linear_svc", random_state=0),
        Softness(solver="linear_svc", loss="squared_hinge"),
    ]
)
def test_scikit_learn_accepts_it(estimator, check):
    check(estimator)


def test_the_name_is_the_registered_one():
    for name in PREDICTORS:
        assert PREDICTORS.load(name).name == name


def test_parameters_round_trip(predictor):
    parameters = predictor.to_dict()
    assert parameters.pop("name") == predictor.name
    assert type(predictor)(**parameters).get_params() == predictor.get_params()


def test_input_is_not_touched(predictor, examples):
    features, labels = examples
    before = features.copy(), labels.copy()
    for array in examples:
        array.setflags(write=False)
    predictor.fit(features, labels).decision_function(features)
    assert np.array_equal(features, before[0])
    assert np.array_equal(labels, before[1])


def test_fitting_twice_gives_the_same_bits(predictor, examples):
    again = clone(predictor)
    first = predictor.fit(*examples).decision_function(examples[0])
    assert np.array_equal(again.fit(*examples).decision_function(examples[0]), first)


def test_a_value_does_not_depend_on_its_batch(predictor, examples):
    features, labels = examples
    whole = predictor.fit(features, labels).decision_function(features)
    for size in (1, 2, 7, 64):
        parts = [predictor.decision_function(features[k : k + size]) for k in range(0, 300, size)]
        assert np.array_equal(np.concatenate(parts), whole)
