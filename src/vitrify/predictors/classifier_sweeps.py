"""How the accuracy of a classifier depends on what was chosen for it: examples, penalty, kernel, network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, TooFewEventsError
from vitrify.parallel import Workforce, map_units
from vitrify.predictors.linear_discriminants import Examples, as_examples, group_folds
from vitrify.progress import Progress, Silent

if TYPE_CHECKING:
    import xarray as xr

Maker = Callable[..., Any]


def training_size_curve(
    X: ArrayLike,
    y: ArrayLike,
    groups: ArrayLike,
    sizes: Sequence[int],
    *,
    estimator: Any = None,
    folds: int = 6,
    seed: int = 0,
    progress: Progress | None = None,
    workers: int | Workforce | None = None,
) -> xr.Dataset:
    """Return the accuracy on held-out segments against the number of examples that were learned from.

    Parameters
    ----------
    X : (n, M) array_like
    y : (n,) array_like
        Two labels; the larger one is soft.
    groups : (n,) array_like
        Trajectory segment of each example.
    sizes : sequence of int
        Examples of each class, drawn from the training part of each fold; the smaller set is part of the larger.
    estimator : classifier, default Softness(solver="linear_svc", min_sd=1e-6)
    folds : int, default 6
    seed : int, default 0
        Of the draws.
    progress : Progress, optional
    workers : int or Workforce, optional

    Returns
    -------
    xarray.Dataset
        Dim n_per_class: ``accuracy``, ``accuracy_error``; dims n_per_class, fold: ``accuracy_fold``.

    Raises
    ------
    TooFewEventsError
        If a fold leaves fewer examples of a class than a size, or there are fewer segments than folds.

    References
    ----------
    Cubuk, PhD thesis (Harvard, 2016), Fig. 4.4 and section 5.4.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> X, y = rng.normal(size=(240, 9)), np.tile([0, 1], 120)
    >>> X[:, 0] += 2 * y
    >>> found = training_size_curve(X, y, np.repeat(np.arange(6), 40), [5, 90], workers=1)
    >>> bool(found["accuracy"][1] > found["accuracy"][0])
    True
    """
    examples, wanted = as_examples(X, y, groups), sorted({int(size) for size in sizes})
    tests = group_folds(examples, folds)
    fewest = min(_fewest(examples.soft, test) for test in tests)
    if not wanted or wanted[0] < 2 or wanted[-1] > fewest:
        raise TooFewEventsError(
            f"`sizes` must lie between 2 and {fewest}, the examples of a class that the smallest training part has; got {wanted}."
        )
    work = partial(_one_size, examples, tests, _plane(estimator), seed)
    cells = [(size, fold) for size in reversed(wanted) for fold in range(len(tests))]
    found = dict(zip(cells, _worked(work, cells, "Training sizes", progress, workers), strict=True))
    table = np.array([[found[size, fold] for fold in range(len(tests))] for size in wanted])
    return _dataset(table, {"n_per_class": wanted})


def penalty_curve(
    X: ArrayLike,
    y: ArrayLike,
    groups: ArrayLike,
    candidates: Sequence[float] = (0.001, 0.01, 0.1, 1.0, 10.0),
    *,
    estimator: Any = None,
    folds: int = 6,
    progress: Progress | None = None,
    workers: int | Workforce | None = None,
) -> xr.Dataset:
    """Return the accuracy on held-out segments against the penalty C of the linear machine.

    Parameters
    ----------
    X, y, groups, folds, progress, workers
        As of `training_size_curve`.
    candidates : sequence of float
    estimator : classifier with a parameter C, default Softness(solver="linear_svc", min_sd=1e-6)

    Returns
    -------
    xarray.Dataset
        Dim C: ``accuracy``, ``accuracy_error``; dims C, fold: ``accuracy_fold``.

    Raises
    ------
    ParameterError
        If a candidate is not positive.
    TooFewEventsError
        If there are fewer segments than folds.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> X, y = rng.normal(size=(240, 2)), np.tile([0, 1], 120)
    >>> X[:, 0] += 2 * y
    >>> found = penalty_curve(X, y, np.repeat(np.arange(6), 40), [0.1, 1.0], workers=1)
    >>> bool((found["accuracy"] > 0.7).all())
    True
    """
    values = _positive("candidates", candidates)
    make = partial(_with_penalty, _plane(estimator))
    table = _grid(
        as_examples(X, y, groups), make, [(c,) for c in values], folds, "Penalties", progress, workers
    )
    return _dataset(table, {"C": values})


def rbf_grid(
    X: ArrayLike,
    y: ArrayLike,
    groups: ArrayLike,
    gammas: Sequence[float] = (1e-4, 1e-3, 1e-2, 1e-1),
    penalties: Sequence[float] = (0.1, 1.0, 10.0, 100.0),
    *,
    folds: int = 6,
    progress: Progress | None = None,
    workers: int | Workforce | None = None,
) -> xr.Dataset:
    """Return the accuracy on held-out segments of machines with a Gaussian kernel, whose surface may be curved.

    Parameters
    ----------
    X, y, groups, folds, progress, workers
        As of `training_size_curve`; a fold of 10 000 examples takes half a minute a cell, so give fewer.
    gammas, penalties : sequence of float
        γ of exp(-γ |F - F'|²) for standardised features, and C.

    Returns
    -------
    xarray.Dataset
        Dims gamma, C: ``accuracy``, ``accuracy_error``; and fold: ``accuracy_fold``.

    Raises
    ------
    ParameterError
        If a value is not positive.
    TooFewEventsError
        If there are fewer segments than folds.

    References
    ----------
    Cubuk, PhD thesis (Harvard, 2016), Fig. 5.19.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> X = rng.normal(size=(240, 2))
    >>> inside = (np.linalg.norm(X, axis=1) < 1.2).astype(int)  # no plane tells these apart
    >>> found = rbf_grid(X, inside, np.repeat(np.arange(6), 40), [0.5], [10.0], workers=1)
    >>> bool(found["accuracy"].item() > 0.85)
    True
    """
    first, second = _positive("gammas", gammas), _positive("penalties", penalties)
    cells = [(gamma, c) for gamma in first for c in second]
    table = _grid(
        as_examples(X, y, groups), _gaussian_machine, cells, folds, "Gaussian kernels", progress, workers
    )
    return _dataset(table.reshape(len(first), len(second), -1), {"gamma": first, "C": second})


def network_grid(
    X: ArrayLike,
    y: ArrayLike,
    groups: ArrayLike,
    layers: Sequence[int] = (1, 2),
    nodes: Sequence[int] = (1, 2, 5, 10, 20, 50),
    *,
    folds: int = 6,
    max_iter: int = 200,
    strength: float = 1e-4,
    seed: int = 0,
    progress: Progress | None = None,
    workers: int | Workforce | None = None,
) -> xr.Dataset:
    """Return the accuracy on held-out segments of neural networks with one or more hidden layers.

    Parameters
    ----------
    X, y, groups, folds, progress, workers
        As of `training_size_curve`.
    layers, nodes : sequence of int
        Hidden layers, and nodes in each of them.
    max_iter : int, default 200
        Passes over the examples at most; it need not have converged.
    strength : float, default 1e-4
        Of the penalty on squared weights.
    seed : int, default 0
        Of the first weights.

    Returns
    -------
    xarray.Dataset
        Dims layers, nodes: ``accuracy``, ``accuracy_error``; and fold: ``accuracy_fold``.

    Raises
    ------
    ParameterError
        If a number is not positive.
    TooFewEventsError
        If there are fewer segments than folds.

    References
    ----------
    Schoenholz, Cubuk, Sussman, Kaxiras, Liu, Nature Physics 12, 469 (2016), Methods.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> X, y = rng.normal(size=(240, 2)), np.tile([0, 1], 120)
    >>> X[:, 0] += 3 * y
    >>> found = network_grid(X, y, np.repeat(np.arange(6), 40), [1], [20], workers=1)
    >>> bool(found["accuracy"].item() > 0.8)
    True
    """
    first = [int(k) for k in _positive("layers", layers)]
    second = [int(k) for k in _positive("nodes", nodes)]
    cells = [(depth, width) for depth in first for width in second]
    make = partial(_network, max_iter, strength, seed)
    table = _grid(as_examples(X, y, groups), make, cells, folds, "Networks", progress, workers)
    return _dataset(table.reshape(len(first), len(second), -1), {"layers": first, "nodes": second})


# -- one cell --------------------------------------------------------------------------------------------------------


def _plane(estimator: Any) -> Any:
    from vitrify.predictors.softness import Softness

    return Softness(solver="linear_svc", min_sd=1e-6, random_state=0) if estimator is None else estimator


def _with_penalty(estimator: Any, c: float) -> Any:
    from sklearn.base import clone

    return clone(estimator).set_params(C=c)


def _gaussian_machine(gamma: float, c: float) -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    return make_pipeline(StandardScaler(), SVC(kernel="rbf", gamma=gamma, C=c, cache_size=500))


def _network(max_iter: int, strength: float, seed: int, depth: int, width: int) -> Any:
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    network = MLPClassifier((width,) * depth, alpha=strength, max_iter=max_iter, random_state=seed)
    return make_pipeline(StandardScaler(), network)


def _fewest(soft: NDArray[np.bool_], test: NDArray[np.int64]) -> int:
    """Return the examples of the smaller class outside a fold."""
    left = np.delete(soft, test)
    return int(min(np.count_nonzero(left), np.count_nonzero(~left)))


def _scored(estimator: Any, examples: Examples, train: NDArray[np.int64], test: NDArray[np.int64]) -> float:
    """Return the fraction of the test examples that are told rightly after learning from the others."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    labels = examples.soft.astype(int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator.fit(examples.features[train], labels[train])
    return float(np.mean(estimator.predict(examples.features[test]) == labels[test]))


def _one_size(
    examples: Examples, tests: list[NDArray[np.int64]], estimator: Any, seed: int, cell: tuple[int, int]
) -> float:
    """Return the accuracy on one fold after learning from so many examples of each class."""
    from sklearn.base import clone

    size, fold = cell
    train = np.setdiff1d(np.arange(len(examples.soft)), tests[fold])
    mixed = np.random.default_rng([seed, fold]).permutation(train)
    chosen = [mixed[examples.soft[mixed] == kind][:size] for kind in (False, True)]
    return _scored(clone(estimator), examples, np.sort(np.concatenate(chosen)), tests[fold])


def _one_cell(
    examples: Examples,
    tests: list[NDArray[np.int64]],
    make: Maker,
    cells: list[tuple[Any, ...]],
    unit: tuple[int, int],
) -> float:
    """Return the accuracy of one cell on one fold."""
    cell, fold = unit
    train = np.setdiff1d(np.arange(len(examples.soft)), tests[fold])
    return _scored(make(*cells[cell]), examples, train, tests[fold])


def _grid(
    examples: Examples,
    make: Maker,
    cells: list[tuple[Any, ...]],
    folds: int,
    title: str,
    progress: Progress | None,
    workers: int | Workforce | None,
) -> NDArray[np.float64]:
    """Return the accuracy of every cell on every fold, (n_cells, n_folds)."""
    tests = group_folds(examples, folds)
    units = [(cell, fold) for cell in range(len(cells)) for fold in range(folds)]
    work = partial(_one_cell, examples, tests, make, cells)
    return np.array(_worked(work, units, title, progress, workers)).reshape(len(cells), folds)


def _worked(
    work: Callable[[tuple[int, int]], float],
    units: list[tuple[int, int]],
    title: str,
    progress: Progress | None,
    workers: int | Workforce | None,
) -> list[float]:
    """Return what the units give, in their order, saying how many are done."""
    with (progress or Silent()).step(title, len(units), "fits") as update:
        n_done = 0

        def done(index: int, result: float) -> None:  # noqa: ARG001
            nonlocal n_done
            n_done += 1
            update(n_done)

        return map_units(work, units, workers=workers, done=done)


def _positive(name: str, values: Sequence[float]) -> list[float]:
    """Return the different values ascending, once they are seen to be positive."""
    found = sorted({float(value) for value in values})
    if not found or not found[0] > 0:
        raise ParameterError(f"`{name}` must be positive numbers; they are {list(values)}.")
    return found


def _dataset(table: NDArray[np.float64], axes: dict[str, list[Any]]) -> xr.Dataset:
    """Return the accuracies, whose last axis is the folds, with their means and errors."""
    import xarray as xr

    from vitrify.predictors._selection_words import labelled

    dims = tuple(axes)
    found = xr.Dataset(
        {
            "accuracy": (dims, table.mean(axis=-1)),
            "accuracy_error": (dims, table.std(axis=-1, ddof=1) / np.sqrt(table.shape[-1])),
            "accuracy_fold": ((*dims, "fold"), table),
        },
        {key: np.array(values) for key, values in axes.items()},
    )
    return labelled(found)
