"""Scan, greedy and evolutionary search find what was planted, and held-out examples say what it is worth."""

from functools import partial

import numpy as np
import pytest

from vitrify.errors import ParameterError, ShapeError, TooFewEventsError
from vitrify.predictors.evolutionary_selection import EvolutionarySelection
from vitrify.predictors.greedy_selection import GreedySelection
from vitrify.predictors.held_out_selection import held_out_curve
from vitrify.predictors.linear_discriminants import SubsetEvaluator
from vitrify.predictors.softness import Softness, cross_validate
from vitrify.predictors.subset_scan import SubsetScan, all_subsets, best_subset, participation

NAMES = [f"x{k}" for k in range(30)]


def planted(n=1200, m=30, pair=(7, 22), seed=0):
    """Two features that say much together and little alone, and a third that says a little."""
    rng = np.random.default_rng(seed)
    y = np.tile([0, 1], n // 2)
    x = rng.normal(size=(n, m))
    x[:, pair[1]] = 0.75 * x[:, pair[0]] + 0.6 * x[:, pair[1]]
    x[:, pair[0]] += 0.8 * y
    x[:, pair[1]] -= 0.4 * y
    x[:, 3] += 0.5 * y
    return x, y, np.repeat(np.arange(12), n // 12)


def noise(seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(600, 30)), np.tile([0, 1], 300), np.repeat(np.arange(12), 50)


def test_scan_finds_the_planted_features():
    x, y, groups = planted()
    pairs = SubsetScan(2).scan(x, y, groups, NAMES)
    assert pairs.sizes["subset"] == 435
    assert best_subset(pairs) == ("x7", "x22")
    assert best_subset(SubsetScan(3).scan(x, y, groups, NAMES)) == ("x3", "x7", "x22")
    best = int(np.argmax(pairs["accuracy"].values))
    assert pairs["weight"][best, 0] > 0 > pairs["weight"][best, 1]
    single = float(SubsetScan(1).scan(x, y, groups, NAMES)["accuracy"].max())
    assert pairs["accuracy"][best] > single + 0.1
    assert pairs["accuracy"].attrs["long_name"] == "cross-validated accuracy"


def test_greedy_and_evolution_find_them_too():
    x, y, groups = planted()
    greedy = GreedySelection(5).select(x, y, groups, NAMES)
    assert set(greedy["added"].values[:3]) == {"x7", "x22", "x3"}
    assert greedy["column"].values[0].tolist() == [7, -1, -1, -1, -1]
    search = EvolutionarySelection(3, population=30, generations=15, seed=1)
    found = search.search(x, y, groups, NAMES)
    assert found["column"].values[0].tolist() == [3, 7, 22]
    assert (np.diff(found["best"]) >= 0).all()
    assert found["best"][-1] == found["accuracy"][0]
    assert found["n_evaluated"][-1] < 435 + 4060
    again = search.search(x, y, groups, NAMES)
    assert found.identical(again)


def test_no_exchange_of_one_feature_is_better_than_what_evolution_finds():
    x, y, groups = planted()
    found = EvolutionarySelection(4, population=8, generations=1).search(x, y, groups, NAMES)
    best = found["column"].values[0].tolist()
    assert (found["accuracy"].values == np.sort(found["accuracy"].values)[::-1]).all()
    evaluator = SubsetEvaluator(x, y, groups)
    exchanged = [
        [*best[:k], other, *best[k + 1 :]] for k in range(4) for other in range(30) if other not in best
    ]
    assert evaluator.evaluate(exchanged).accuracy.max() <= found["accuracy"][0]


def test_no_search_is_better_than_all_subsets_and_a_start_is_never_lost():
    x, y, groups = planted()
    every = SubsetScan(2).scan(x, y, groups, NAMES)["accuracy"].max()
    search = EvolutionarySelection(2, population=8, generations=2)
    greedy = GreedySelection(4).select(x, y, groups, NAMES)
    start = [row[row >= 0].tolist() for row in greedy["column"].values]
    curve = search.curve(x, y, groups, NAMES, sizes=[4, 1, 2], start=start)
    assert curve["n_features"].values.tolist() == [1, 2, 4]
    assert curve["accuracy"][1] <= every
    assert (curve["accuracy"].values >= greedy["accuracy"].values[[0, 1, 3]]).all()
    assert curve["column"].shape == (3, 4)


def test_the_best_of_many_is_too_good_and_the_held_out_one_is_not():
    x, y, groups = noise()
    found = held_out_curve(SubsetScan(2, folds=5).scan, x, y, groups, NAMES)
    assert found["accuracy"][0] > 0.53  # best of 435 pairs of noise
    assert abs(found["held_out_accuracy"][0] - 0.5) < 3 * max(float(found["held_out_error"][0]), 0.02)
    assert found["held_out_fold"].shape == (6, 1)
    x, y, groups = planted()
    honest = held_out_curve(GreedySelection(3, folds=5).select, x, y, groups, NAMES)
    assert {"x7", "x22"} <= set(honest["selected"].values[0, 2])
    assert (np.diff(honest["held_out_accuracy"]) > 0).all()
    search = EvolutionarySelection(population=8, generations=3, folds=5)
    curve = held_out_curve(partial(search.curve, sizes=[1, 2]), x, y, groups, NAMES, folds=3)
    assert curve["n_features"].values.tolist() == [1, 2]
    single = SubsetScan(2, folds=5).scan(x, y, groups, NAMES, held_out_groups=[0, 1])
    assert np.isfinite(single["held_out_accuracy"]).all()
    assert single.attrs["held_out_groups"] == ["0", "1"]


def test_winners_are_confirmed_by_the_machine_of_the_papers():
    x, y, groups = planted(n=600)
    scan = SubsetScan(2).scan(x, y, groups, NAMES, held_out_groups=[11])
    best = SubsetScan(2).confirm(x, y, groups, scan, top=3)
    assert (np.diff(best["accuracy"]) <= 0).all()
    assert abs(best["svm_accuracy"] - best["accuracy"]).max() < 0.03
    kept = groups != 11
    expected = cross_validate(
        x[kept][:, best["column"].values[0]], y[kept], groups[kept], estimator=Softness()
    )
    assert best["svm_accuracy"][0] == expected.accuracy


def test_participation_counts_the_good_subsets_of_each_feature():
    x, y, groups = planted()
    scan = SubsetScan(3).scan(x, y, groups, NAMES)
    bound = float(np.sort(scan["accuracy"])[-20])
    found = participation(scan, bound)
    good = scan["column"].values[scan["accuracy"].values > bound]
    assert found.attrs["n_subsets"] == len(good)
    assert found["n_subsets"].sum() == 3 * len(good)
    assert found["n_subsets"].sel(feature="x7") == np.count_nonzero(good == 7) == len(good)
    assert found["median_weight"].sel(feature="x7") > 0 > found["median_weight"].sel(feature="x22")
    seldom = found["n_subsets"].values == 0
    assert np.isnan(found["median_weight"].values[seldom]).all()


def test_bad_input_is_named():
    x, y, groups = planted(n=120)
    with pytest.raises(ParameterError, match="`size` must be 1, 2, 3 or 4; it is 5"):
        SubsetScan(5)
    with pytest.raises(ParameterError, match="There are 0 subsets of `size` = 3 of 2 features"):
        all_subsets(2, 3)
    with pytest.raises(ShapeError, match="`names` needs one entry per feature, 30; it has 2"):
        SubsetScan(1).scan(x, y, groups, ["a", "b"])
    with pytest.raises(ParameterError, match="`max_size` must lie"):
        GreedySelection(0)
    with pytest.raises(ParameterError, match="`size` must lie"):
        EvolutionarySelection(0)
    with pytest.raises(ParameterError, match="`population` must be at least 4"):
        EvolutionarySelection(2, population=3)
    with pytest.raises(ParameterError, match="`mutation` must lie between 0 and 1"):
        EvolutionarySelection(2, mutation=1.5)
    with pytest.raises(ParameterError, match="leaves nothing to choose among 30 features"):
        EvolutionarySelection(30).search(x, y, groups, NAMES)
    with pytest.raises(TooFewEventsError, match="`folds` = 13 needs as many trajectory segments"):
        held_out_curve(SubsetScan(1).scan, x, y, groups, NAMES, folds=13)
    with pytest.raises(ParameterError, match="`select` measured nothing"):
        held_out_curve(lambda *examples, held_out_groups: SubsetScan(1).scan(*examples), x, y, groups, NAMES)
