"""How a prediction improves with the number of configurations that it learned from."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import TooFewEventsError
from vitrify.predictors.normal_equations import NormalEquations
from vitrify.predictors.ridge import RidgeRegression, agreement_of, configuration_folds

if TYPE_CHECKING:
    import xarray as xr


def learning_curve(
    equations: NormalEquations,
    ridge: RidgeRegression,
    sizes: Iterable[int],
    n_subsets: int = 5,
    n_folds: int = 5,
    target: int = 0,
    seed: int = 0,
) -> xr.Dataset:
    """Return the score on left-out configurations against the number of configurations that were trained on.

    Each fold is left out in turn; of the others sets of the given size are drawn, all of them where there are not more
    than `n_subsets`. The strength is chosen within each set.

    Parameters
    ----------
    equations : NormalEquations
    ridge : RidgeRegression
        With a single configuration it takes `strength_alone`.
    sizes : iterable of int
        Numbers of training configurations.
    n_subsets : int, default 5
        At most so many sets of each size and fold.
    n_folds : int, default 5
    target : int, default 0
    seed : int, default 0
        Of the sets.

    Returns
    -------
    xarray.Dataset
        Dims n_training, configuration: ``pearson``, its mean over the sets; ``pearson_subsets``, its standard deviation over
        them, ``n_subsets``; dim n_training: ``pearson_mean``, ``pearson_sd``, ``pearson_error``.

    Raises
    ------
    TooFewEventsError
        If a size is larger than what the folds leave.
    """
    import xarray as xr

    from vitrify.predictors._propensity_words import labelled
    from vitrify.predictors.propensity_scores import spread_over_configurations

    wanted = [int(size) for size in sizes]
    fold_of = configuration_folds(equations.n_configurations, n_folds)
    most = equations.n_configurations - int(np.bincount(fold_of).max())
    if not wanted or min(wanted) < 1 or max(wanted) > most:
        raise TooFewEventsError(f"`sizes` must lie between 1 and {most}, what the folds leave; got {wanted}.")
    shape = (len(wanted), equations.n_configurations)
    mean, spread, sets = np.empty(shape), np.empty(shape), np.empty(shape, np.int64)
    rng = np.random.default_rng(seed)
    for s, size in enumerate(wanted):
        for fold in range(n_folds):
            test, rest = np.flatnonzero(fold_of == fold), np.flatnonzero(fold_of != fold)
            values = []
            for subset in _subsets(rng, rest, size, n_subsets):
                model = ridge.fit(equations, subset, target)
                scores = [agreement_of([model], equations, int(k), [target]) for k in test]
                values.append([pearson[0] for pearson, _ in scores])
            mean[s, test], sets[s, test] = np.mean(values, axis=0), len(values)
            spread[s, test] = np.std(values, axis=0, ddof=1) if len(values) > 1 else np.nan
    dims = ("n_training", "configuration")
    found = xr.Dataset(
        {"pearson": (dims, mean), "pearson_subsets": (dims, spread), "n_subsets": (dims, sets)},
        {"n_training": wanted, "configuration": list(equations.configurations)},
        {"seed": seed, "n_folds": n_folds},
    )
    return labelled(
        spread_over_configurations(found, ("pearson",)),
        pearson="Pearson's coefficient, mean over the sets of training configurations",
    )


def _subsets(rng: np.random.Generator, pool: NDArray[np.int64], size: int, n: int) -> list[NDArray[np.int64]]:
    """Return sets of `size` out of the pool: all, or n different ones drawn."""
    if comb(len(pool), size) <= n:
        return [np.array(chosen) for chosen in combinations(pool.tolist(), size)]
    drawn: dict[tuple[int, ...], NDArray[np.int64]] = {}
    while len(drawn) < n:
        chosen = np.sort(rng.choice(pool, size, replace=False))
        drawn.setdefault(tuple(chosen.tolist()), chosen)
    return list(drawn.values())
