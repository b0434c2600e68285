from itertools import combinations

import numba
import numpy as np
import pytest
from scipy.stats import norm
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import StratifiedGroupKFold

from vitrify.errors import ParameterError, ShapeError, TooFewEventsError
from vitrify.predictors.linear_discriminants import SubsetEvaluator


def mixed(n=900, m=9, n_groups=9, seed=0, share=0.5):
    """Correlated features of different scales; soft examples are shifted, and wider in some features."""
    rng = np.random.default_rng(seed)
    soft = rng.random(n) < share
    shift, spread = rng.normal(scale=0.5, size=m), rng.uniform(1.0, 2.0, size=m)
    x = (
        rng.normal(size=(n, m)) * np.where(soft[:, None], spread, 1.0) @ (np.eye(m) + 0.3)
        + soft[:, None] * shift
    )
    return x * 10.0 ** rng.integers(-3, 4, m) + 5.0, np.where(soft, 1, -1), rng.integers(n_groups, size=n)


def best_between_normals(hard, soft):
    """Threshold of the fewest expected errors between normal densities with the moments of the two classes."""
    t = np.linspace(min(hard.min(), soft.min()), max(hard.max(), soft.max()), 20_001)
    errors = len(hard) * norm.sf(t, hard.mean(), hard.std()) + len(soft) * norm.cdf(
        t, soft.mean(), soft.std()
    )
    return t[np.argmin(errors)]


def naive(x, y, train, test, members, penalty, threshold):
    """Fraction of the test examples on the right side of the discriminant of the training examples."""
    z = ((x - x.mean(axis=0)) / x.std(axis=0))[:, members]
    hard, soft = z[train][y[train] < 0], z[train][y[train] > 0]
    within = (len(hard) * np.cov(hard.T, bias=True) + len(soft) * np.cov(soft.T, bias=True)) / len(train)
    w = np.linalg.solve(
        np.atleast_2d(within) + penalty * np.eye(len(members)), soft.mean(axis=0) - hard.mean(axis=0)
    )
    if threshold == "midpoint":
        level = 0.5 * (hard.mean(axis=0) + soft.mean(axis=0)) @ w
    else:
        level = best_between_normals(hard @ w, soft @ w)
    return np.mean((z[test] @ w > level) == (y[test] > 0))


@pytest.mark.parametrize(("threshold", "share"), [("midpoint", 0.5), ("midpoint", 0.3), ("gaussian", 0.4)])
def test_accuracies_are_those_of_the_definition(threshold, share):
    x, y, groups = mixed(share=share)
    evaluator = SubsetEvaluator(x, y, groups, penalty=0.01, threshold=threshold)
    split = list(StratifiedGroupKFold(6).split(x, y, groups))
    for size in (1, 2, 3, 5, 9):
        subsets = np.array(list(combinations(range(9), size)))[:20]
        found = evaluator.evaluate(subsets)
        for k in (0, len(subsets) - 1):
            by_fold = [naive(x, y, *part, subsets[k], 0.01, threshold) for part in split]
            one_example = (
                0.0 if threshold == "midpoint" else 0.011
            )  # near a threshold that is only known on a grid
            np.testing.assert_allclose(found.accuracy_fold[k], by_fold, atol=1e-12 + one_example)
            assert found.accuracy[k] == pytest.approx(np.mean(by_fold), abs=1e-12 + one_example)
            assert found.accuracy_error[k] == pytest.approx(found.accuracy_fold[k].std(ddof=1) / np.sqrt(6))


def test_the_weights_are_those_of_scikit_learn_without_a_penalty():
    x, y, groups = mixed()
    found = SubsetEvaluator(x, y, groups, penalty=0.0).evaluate([[1, 4, 5, 8]])
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    peer = LinearDiscriminantAnalysis(solver="lsqr", priors=[0.5, 0.5]).fit(z[:, [1, 4, 5, 8]], y)
    direction = peer.coef_[0] / np.linalg.norm(peer.coef_[0])
    assert found.weights[0] @ direction / np.linalg.norm(found.weights[0]) > 0.999
    called = z[:, [1, 4, 5, 8]] @ found.weights[0] + found.bias[0] > 0
    assert np.mean(called == (peer.predict(z[:, [1, 4, 5, 8]]) > 0)) > 0.98


def test_held_out_groups_neither_train_nor_choose():
    x, y, groups = mixed()
    inside = ~np.isin(groups, [2, 5])
    found = SubsetEvaluator(x, y, groups, held_out_groups=[2, 5], penalty=0.0).evaluate([[0, 3]])
    alone = SubsetEvaluator(x[inside], y[inside], groups[inside], penalty=0.0).evaluate([[0, 3]])
    np.testing.assert_array_equal(found.accuracy_fold, alone.accuracy_fold)
    train = np.flatnonzero(inside)
    each = [naive(x, y, train, np.flatnonzero(groups == g), [0, 3], 0.0, "midpoint") for g in (2, 5)]
    assert found.held_out_accuracy[0] == pytest.approx(np.mean(each))
    assert found.held_out_error[0] == pytest.approx(np.std(each, ddof=1) / np.sqrt(2))
    assert np.isnan(alone.held_out_accuracy).all()
    one = SubsetEvaluator(x, y, groups, held_out_groups=[2]).evaluate([[0, 3]])
    p, n = one.held_out_accuracy[0], np.count_nonzero(groups == 2)
    assert one.held_out_error[0] == pytest.approx(np.sqrt(p * (1 - p) / n))


def test_shift_scale_labels_and_threads_do_not_matter():
    x, y, groups = mixed()
    subsets = np.array(list(combinations(range(9), 3)))
    first = SubsetEvaluator(x, y, groups).evaluate(subsets)
    other = SubsetEvaluator(3.0 - 7.0 * x, y > 0, groups).evaluate(subsets)
    assert (
        np.abs(first.accuracy_fold - other.accuracy_fold).max() <= 2 / 100
    )  # one example of a fold, by float32
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        alone = SubsetEvaluator(x, y, groups).evaluate(subsets)
    finally:
        numba.set_num_threads(before)
    for a, b in zip(first, alone, strict=True):
        np.testing.assert_array_equal(a, b)


def test_constant_and_copied_features_change_nothing():
    x, y, groups = mixed(m=3)
    wide = np.column_stack([x, np.full(len(x), 2.5), 2 * x[:, 0] - 1, x[:, 0] * 1e-9 + 1.0])
    evaluator = SubsetEvaluator(wide, y, groups, penalty=0.0, min_sd=1e-5)
    found = evaluator.evaluate([[0, 1], [1, 4]])
    assert evaluator.evaluate([[0, 1, 3]]).accuracy[0] == pytest.approx(found.accuracy[0])
    assert evaluator.evaluate([[0, 1, 5]]).accuracy[0] == pytest.approx(found.accuracy[0])
    assert evaluator.evaluate([[0, 1, 4]]).accuracy[0] == pytest.approx(found.accuracy[0], abs=1e-3)
    assert found.accuracy[1] == pytest.approx(found.accuracy[0], abs=1e-3)
    assert evaluator.evaluate([[3]]).accuracy[0] == pytest.approx(np.mean(y < 0), abs=0.02)


def test_bad_input_is_named():
    x, y, groups = mixed()
    for wrong, message in (({"folds": 1}, "`folds` must be"), ({"penalty": -1}, "`penalty` must be")):
        with pytest.raises(ParameterError, match=message):
            SubsetEvaluator(x, y, groups, **wrong)
    with pytest.raises(ParameterError, match="`threshold` must be one of midpoint, gaussian"):
        SubsetEvaluator(x, y, groups, threshold="best")
    with pytest.raises(TooFewEventsError, match="there are 9 that are not held out"):
        SubsetEvaluator(x, y, groups, folds=10)
    with pytest.raises(
        TooFewEventsError, match="needs as many examples of each class; the smaller one has 1"
    ):
        SubsetEvaluator(x[:12], np.array([1] + [0] * 11), np.arange(12), folds=2)
    with pytest.raises(TooFewEventsError, match="would learn from 6 hard and 0 soft"):
        SubsetEvaluator(x[:12], np.repeat([1, 0], [3, 9]), np.repeat([0, 1, 2], [3, 3, 6]), folds=2)
    with pytest.raises(ShapeError, match="`X` must have shape"):
        SubsetEvaluator(x, y[:-1], groups)
    with pytest.raises(ParameterError, match="`y` must hold two labels"):
        SubsetEvaluator(x, np.ones(len(x)), groups)
    with pytest.raises(ParameterError, match="`held_out_groups` names groups without examples: 77"):
        SubsetEvaluator(x, y, groups, held_out_groups=[77])
    bad = x.copy()
    bad[4, 2] = np.nan
    with pytest.raises(ParameterError, match="are not, the first in row 4, column 2"):
        SubsetEvaluator(bad, y, groups)
    evaluator = SubsetEvaluator(x, y, groups)
    with pytest.raises(ShapeError, match="`subsets` must be integers of shape"):
        evaluator.evaluate([[0.5]])
    with pytest.raises(ParameterError, match="must name features from 0 to 8; it names 0 to 9"):
        evaluator.evaluate([[0, 9]])
