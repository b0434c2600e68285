"""The scan of all triplets of radial functions against scikit-learn's discriminant, one triplet after the other."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from itertools import combinations

import numpy as np
from measure import Row, compare, interleave, largest_difference
from numpy.typing import NDArray

from vitrify.predictors.linear_discriminants import SubsetEvaluator

N_FEATURES = 100
FOLDS = 6


def examples(n: int) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Return correlated features of two classes that a few of them tell apart, and six segments."""
    rng = np.random.default_rng(0)
    y = np.tile([0, 1], n // 2)
    x = rng.normal(size=(n, N_FEATURES)) @ (np.eye(N_FEATURES) + 0.5 * np.eye(N_FEATURES, k=1))
    x[:, :6] += 0.4 * y[:, None]
    return x, y, np.arange(n) % FOLDS


def one_by_one(
    x: NDArray[np.float64], y: NDArray[np.int64], fold: NDArray[np.int64], triplets: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the cross-validated accuracy of each triplet by scikit-learn."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    found = np.empty((len(triplets), FOLDS))
    for k, columns in enumerate(triplets):
        few = x[:, columns]
        for f in range(FOLDS):
            train = fold != f
            machine = LinearDiscriminantAnalysis(solver="lsqr", priors=(0.5, 0.5)).fit(few[train], y[train])
            found[k, f] = machine.score(few[~train], y[~train])
    return found.mean(axis=1)


def scan_rows(quick: bool) -> Iterator[Row]:
    """Yield the row of all triplets of 100 features, learned and tried on six folds."""
    x, y, fold = examples(2000 if quick else 12_000)
    triplets = np.array(list(combinations(range(N_FEATURES), 3)))
    some = triplets[:: len(triplets) // (10 if quick else 40)]
    scanned = triplets[:: 40 if quick else 1]
    evaluator = SubsetEvaluator(x, y, fold, penalty=0.0)
    evaluator.evaluate(some)  # compiles
    off = largest_difference(
        evaluator.evaluate(some).accuracy[:, None], one_by_one(x, y, fold, some)[:, None]
    )
    seconds = interleave(
        {
            "scan": functools.partial(evaluator.evaluate, scanned),
            "one by one": functools.partial(one_by_one, x, y, fold, some),
        },
        rounds=3,
    )
    ratio = compare(seconds["scan"], seconds["one by one"], len(scanned), len(some))
    yield Row(
        "scan of triplets",
        len(x),
        "triplets/s",
        ratio.rate,
        "scikit-learn LinearDiscriminantAnalysis",
        *ratio[1:],
        agreement=f"{off:.0e}",
        remark=f"{len(triplets)} triplets of {N_FEATURES} features, {FOLDS} folds: {len(triplets) / ratio.rate:.0f} s",
    )


ROWS = {"subset-scan": scan_rows}
