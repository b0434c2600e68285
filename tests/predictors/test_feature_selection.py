from itertools import combinations

import numpy as np
import pytest

from vitrify.errors import ParameterError, TooFewEventsError
from vitrify.predictors.feature_selection import ForwardSelection
from vitrify.predictors.normal_equations import normal_equations
from vitrify.predictors.ridge import RidgeRegression


def collinear(n_configurations=6, n=150, m=20, seed=0):
    """Features that share few directions, and a target that three of them make."""
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(6, m))
    found = []
    for k in range(n_configurations):
        x = rng.normal(size=(n, 6)) @ mix + 0.5 * rng.normal(size=(n, m)) + 3.0
        found.append((k, x, x[:, 4] - 0.7 * x[:, 11] + 0.4 * x[:, 15] + rng.normal(size=n)))
    return normal_equations(found, [f"x{j}" for j in range(m)]), found


def multiple_correlation(x, y):
    fitted = np.column_stack([x, np.ones(len(x))])
    return np.corrcoef(fitted @ np.linalg.lstsq(fitted, y, rcond=None)[0], y)[0, 1]


def test_every_step_is_the_best_one_by_its_definition():
    equations, blocks = collinear()
    x, y = np.concatenate([b[1] for b in blocks]), np.concatenate([b[2] for b in blocks])
    steps = ForwardSelection(8).select(equations)
    for k, taken in enumerate(steps.indices):
        before = steps.indices[:k].tolist()
        scores = {j: multiple_correlation(x[:, [*before, j]], y) for j in range(20) if j not in before}
        assert max(scores, key=scores.get) == taken
        assert steps.multiple_correlation[k] == pytest.approx(scores[taken], abs=1e-10)
    assert steps.names == tuple(f"x{j}" for j in steps.indices)


def test_two_features_are_those_of_an_exhaustive_search_where_the_target_is_made_of_two():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(500, 8))
    y = x[:, 2] + 0.5 * x[:, 6] + 0.1 * rng.normal(size=500)
    best = max(combinations(range(8), 2), key=lambda pair: multiple_correlation(x[:, pair], y))
    found = ForwardSelection(2).select(normal_equations([("a", x, y)], [str(k) for k in range(8)]))
    assert tuple(sorted(found.indices)) == best


def test_residual_variance_is_what_the_features_before_leave():
    equations, blocks = collinear()
    x = np.concatenate([b[1] for b in blocks])
    steps = ForwardSelection(5).select(equations)
    for k, taken in enumerate(steps.indices):
        explained = multiple_correlation(x[:, steps.indices[:k]], x[:, taken]) ** 2 if k else 0.0
        assert steps.residual_variance[k] == pytest.approx(1 - explained, abs=1e-9)


def test_copies_are_passed_over_and_the_first_is_taken():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(300, 2))
    copies = np.column_stack([x[:, 0], 3 * x[:, 0] + 1, x[:, 1], np.ones(300)])
    found = ForwardSelection(4).select(normal_equations([("a", copies, x @ [2.0, 1.0])], list("abcd")))
    assert found.names == ("a", "c")


def test_it_ends_where_nothing_is_gained():
    equations, _ = collinear()
    assert len(ForwardSelection(20, smallest_gain=0.05).select(equations).names) < 6


def test_held_out_scores_saturate_and_fall_short_of_the_training():
    equations, blocks = collinear()
    found = ForwardSelection(12, ridge=RidgeRegression((0.0,))).cross_validate(equations, 3)
    assert found["pearson_mean"][4] > found["pearson_mean"][0] + 0.05
    assert abs(found["pearson_mean"][11] - found["pearson_mean"][5]) < 0.02
    assert found.sizes == {"configuration": 6, "fold": 3, "step": 12}
    k = 4  # by hand: selection and fit without the fold of the first configuration
    names = found["feature"][0, : k + 1].values.tolist()
    columns = [int(name[1:]) for name in names]
    rest = [b for j, b in enumerate(blocks) if j % 3 != 0]
    x, y = np.concatenate([b[1] for b in rest])[:, columns], np.concatenate([b[2] for b in rest])
    weights = np.linalg.lstsq(np.column_stack([x, np.ones(len(x))]), y, rcond=None)[0]
    expected = np.corrcoef(blocks[0][1][:, columns] @ weights[:-1], blocks[0][2])[0, 1]
    assert found["pearson"][0, k].item() == pytest.approx(expected, abs=1e-9)


def test_bad_input_is_named():
    equations, _ = collinear()
    with pytest.raises(ParameterError, match="`n_features` must be"):
        ForwardSelection(0)
    with pytest.raises(ParameterError, match="`smallest_residual` must lie"):
        ForwardSelection(smallest_residual=1.0)
    with pytest.raises(ParameterError, match="`smallest_gain` must be"):
        ForwardSelection(smallest_gain=-0.1)
    with pytest.raises(TooFewEventsError, match="`n_folds` is 9"):
        ForwardSelection().cross_validate(equations, 9)
    flat = normal_equations([("a", np.eye(3), np.ones(3))], ["x", "y", "z"])
    with pytest.raises(ParameterError, match="Nothing can be selected"):
        ForwardSelection().select(flat)
