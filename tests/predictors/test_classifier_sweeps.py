import numpy as np
import pytest

from vitrify.errors import ParameterError, TooFewEventsError
from vitrify.predictors.classifier_sweeps import network_grid, penalty_curve, rbf_grid, training_size_curve
from vitrify.predictors.softness import Softness, cross_validate


def examples(n=240, m=12, seed=0):
    rng = np.random.default_rng(seed)
    y = np.tile([0, 1], n // 2)
    x = rng.normal(size=(n, m))
    x[:, 0] += 1.5 * y
    return x, y, np.repeat(np.arange(6), n // 6)


class Steps:
    """Progress that remembers."""

    def __init__(self):
        self.seen = []

    def step(self, title, total, unit="frames"):
        from contextlib import contextmanager

        @contextmanager
        def opened():
            yield lambda done: self.seen.append((done, total))

        return opened()

    def note(self, text):
        pass


def test_more_examples_are_better_and_all_of_them_are_the_cross_validation():
    x, y, groups = examples()
    steps = Steps()
    found = training_size_curve(x, y, groups, [100, 4, 20], progress=steps, workers=1)
    assert found["n_per_class"].values.tolist() == [4, 20, 100]
    assert (np.diff(found["accuracy"]) > 0).all()
    estimator = Softness(solver="linear_svc", min_sd=1e-6, random_state=0, C=1.0)
    whole = cross_validate(x, y, groups, estimator=estimator)
    assert found["accuracy"][-1].item() == pytest.approx(whole.accuracy, abs=0.01)
    assert steps.seen[-1] == (18, 18)


def test_penalties_are_those_of_the_cross_validation():
    x, y, groups = examples()
    estimator = Softness()
    found = penalty_curve(x, y, groups, [1.0, 0.01], estimator=estimator, workers=1)
    for c in (0.01, 1.0):
        one = cross_validate(x, y, groups, estimator=Softness(C=c))
        assert found["accuracy"].sel(C=c).item() == one.accuracy
        assert found["accuracy_error"].sel(C=c).item() == pytest.approx(one.standard_error)
        assert tuple(found["accuracy_fold"].sel(C=c).values) == one.per_fold
    assert estimator.C == 1.0


def test_curved_surfaces_need_a_kernel_or_a_network():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 2))
    y = (np.linalg.norm(x, axis=1) < 1.2).astype(int)
    groups = np.repeat(np.arange(6), 50)
    plane = penalty_curve(x, y, groups, [1.0], workers=1)["accuracy"].item()
    kernel = rbf_grid(x, y, groups, [0.5, 1e-5], [10.0, 1.0], folds=3, workers=1)
    assert kernel["accuracy"].sel(gamma=0.5, C=10.0) > max(plane, 0.5) + 0.2
    assert kernel["accuracy"].sel(gamma=1e-5, C=1.0) < 0.7
    network = network_grid(x, y, groups, [1], [30, 1], folds=3, max_iter=400, workers=1)
    assert network["accuracy"].dims == ("layers", "nodes")
    assert network["accuracy"].sel(nodes=30) > network["accuracy"].sel(nodes=1) + 0.1


def test_bad_input_is_named():
    x, y, groups = examples(60)
    with pytest.raises(TooFewEventsError, match="`sizes` must lie between 2 and 25"):
        training_size_curve(x, y, groups, [26])
    with pytest.raises(ParameterError, match="`candidates` must be positive numbers"):
        penalty_curve(x, y, groups, [0.0])
    with pytest.raises(ParameterError, match="`gammas` must be positive"):
        rbf_grid(x, y, groups, [], [1.0])
    with pytest.raises(ParameterError, match="`nodes` must be positive"):
        network_grid(x, y, groups, [1], [-1])
    with pytest.raises(TooFewEventsError, match="`folds` = 9 needs"):
        penalty_curve(x, y, groups, folds=9)


@pytest.mark.slow
def test_processes_give_the_same_bits():
    x, y, groups = examples()
    one, two = (rbf_grid(x, y, groups, [0.1], [1.0, 10.0], workers=n) for n in (1, 2))
    assert one.identical(two)
