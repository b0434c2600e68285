"""Every subset of one to four features: how well each of them tells soft from hard structures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, ShapeError
from vitrify.predictors.linear_discriminants import SubsetEvaluator, as_examples, require_evaluator

if TYPE_CHECKING:
    import xarray as xr

MAX_SUBSETS = 50_000_000


@dataclass(frozen=True)
class SubsetScan:
    """Cross-validated accuracy of every subset of so many features, by their linear discriminant.

    Parameters
    ----------
    size : {1, 2, 3, 4}, default 2
        Features of a subset.
    penalty : float, default 1e-3
        Beside unit variances, in the covariance of the discriminant.
    folds : int, default 6
        Of whole trajectory segments.
    threshold : {"midpoint", "gaussian"}, default "midpoint"
        Where the discriminant divides the classes, from the training part of each fold; see `SubsetEvaluator`.
    min_sd : float, default 0
        Features that vary less are taken for constant. A subset that has one is as good as it is without.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.

    Notes
    -----
    **Scale**: 1; 0.5 is chance for balanced classes. **Differs from**: the support vector machines of the thesis, one for each
    subset; `confirm` learns those of the winners. The accuracy of the best of many subsets is too high by the choice; that on
    held-out groups is not. **Invariant under**: shifting and scaling features, number of threads. **Cost**: n k products a
    subset: 161 700 triplets of 11 000 examples in seconds, the 3.9 million quadruplets in minutes.

    References
    ----------
    Cubuk, PhD thesis (Harvard, 2016), sections 5.5.1 to 5.5.3.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(600, 5)), np.tile([0, 1], 300)
    >>> X[:, 3] += 2.0 * y
    >>> found = SubsetScan(2).scan(X, y, np.repeat(np.arange(6), 100), list("abcde"))
    >>> found.sizes["subset"], "d" in best_subset(found)
    (10, True)
    """

    size: int = 2
    penalty: float = 1e-3
    folds: int = 6
    threshold: str = "midpoint"
    min_sd: float = 0.0

    def __post_init__(self) -> None:
        if self.size not in (1, 2, 3, 4):
            raise ParameterError(
                f"`size` must be 1, 2, 3 or 4; it is {self.size}. For more, search: GreedySelection, EvolutionarySelection."
            )
        require_evaluator(self.folds, self.penalty, self.threshold)

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters."""
        return asdict(self)

    def scan(
        self,
        X: ArrayLike,
        y: ArrayLike,
        groups: ArrayLike,
        names: Sequence[str],
        *,
        held_out_groups: Iterable[Any] = (),
    ) -> xr.Dataset:
        """Return the accuracy of every subset.

        Parameters
        ----------
        X : (n, M) array_like
        y : (n,) array_like
            Two labels; the larger one is soft.
        groups : (n,) array_like
            Trajectory segment of each example.
        names : sequence of M str
        held_out_groups : iterable, default ()
            Segments that take no part; ``held_out_accuracy`` is measured on them.

        Returns
        -------
        xarray.Dataset
            Dim subset, in lexicographic order: ``accuracy``, ``accuracy_error``, ``held_out_accuracy``, ``held_out_error``,
            ``bias``; dims subset, member: ``column``, ``weight``; dim feature: its names.

        Raises
        ------
        ShapeError, ParameterError, TooFewEventsError
            As `SubsetEvaluator`.
        """
        evaluator = make_evaluator(self, X, y, groups, names, held_out_groups)
        found = evaluator.evaluate(all_subsets(evaluator.n_features, self.size))
        return as_dataset(
            all_subsets(evaluator.n_features, self.size), found, names, self, "subset", held_out_groups
        )

    def confirm(
        self,
        X: ArrayLike,
        y: ArrayLike,
        groups: ArrayLike,
        scan: xr.Dataset,
        top: int = 10,
        *,
        C: float = 1.0,
    ) -> xr.Dataset:
        """Return the best subsets with the accuracy of a support vector machine on the same folds.

        Parameters
        ----------
        X, y, groups
            As they were scanned.
        scan : xarray.Dataset
            From `scan`; groups held out there are left out.
        top : int, default 10
        C : float, default 1
            Of the machine, LIBSVM's with the hinge loss.

        Returns
        -------
        xarray.Dataset
            The best rows of `scan`, best first, with ``svm_accuracy`` and ``svm_error``.
        """
        from vitrify.predictors._selection_words import labelled
        from vitrify.predictors.softness import Softness, cross_validate

        examples = as_examples(X, y, groups)
        kept = ~np.isin(examples.groups.astype(str), scan.attrs["held_out_groups"])
        order = np.argsort(-scan["accuracy"].values, kind="stable")[: max(1, top)]
        best = scan.isel(subset=order)
        results = [
            cross_validate(
                examples.features[kept][:, columns],
                examples.soft[kept].astype(int),
                examples.groups[kept],
                estimator=Softness(C=C),
                n_splits=self.folds,
            )
            for columns in best["column"].values
        ]
        best["svm_accuracy"] = "subset", [r.accuracy for r in results]
        best["svm_error"] = "subset", [r.standard_error for r in results]
        return labelled(best.assign_attrs(svm_C=C))


def all_subsets(n: int, size: int) -> NDArray[np.int64]:
    """Return all subsets of so many of n features in lexicographic order, (n over size, size).

    Raises
    ------
    ParameterError
        If there are fewer features, or too many subsets.

    Examples
    --------
    >>> all_subsets(3, 2).tolist()
    [[0, 1], [0, 2], [1, 2]]
    """
    count = comb(n, size)
    if not 0 < count <= MAX_SUBSETS:
        raise ParameterError(
            f"There are {count} subsets of `size` = {size} of {n} features; a scan takes from 1 to {MAX_SUBSETS}. Search in "
            "place of it: GreedySelection, EvolutionarySelection."
        )
    flat = np.fromiter((k for subset in combinations(range(n), size) for k in subset), np.int64, count * size)
    return flat.reshape(count, size)


def make_evaluator(
    selection: Any,
    X: ArrayLike,
    y: ArrayLike,
    groups: ArrayLike,
    names: Sequence[str],
    held_out_groups: Iterable[Any],
) -> SubsetEvaluator:
    """Return the evaluator of a selection, whose parameters are penalty, folds, threshold and min_sd.

    Raises
    ------
    ShapeError
        If there is not one name per feature.
    """
    evaluator = SubsetEvaluator(
        X,
        y,
        groups,
        folds=selection.folds,
        penalty=selection.penalty,
        threshold=selection.threshold,
        held_out_groups=held_out_groups,
        min_sd=selection.min_sd,
    )
    if len(names) != evaluator.n_features:
        raise ShapeError(f"`names` needs one entry per feature, {evaluator.n_features}; it has {len(names)}.")
    return evaluator


def as_dataset(
    subsets: NDArray[np.int64],
    found: Any,
    names: Sequence[str],
    selection: Any,
    dim: str,
    held_out_groups: Iterable[Any],
) -> xr.Dataset:
    """Return subsets of one size (n, k) and their `Evaluation` as a labelled data set along `dim`."""
    import xarray as xr

    from vitrify.predictors._selection_words import labelled

    rows = {
        "accuracy": found.accuracy,
        "accuracy_error": found.accuracy_error,
        "held_out_accuracy": found.held_out_accuracy,
        "held_out_error": found.held_out_error,
        "bias": found.bias,
    }
    variables: dict[str, Any] = {key: (dim, values) for key, values in rows.items()}
    variables |= {"column": ((dim, "member"), subsets), "weight": ((dim, "member"), found.weights)}
    attrs = {"selection": type(selection).__name__, **selection.to_dict()}
    attrs["held_out_groups"] = [str(group) for group in held_out_groups]
    return labelled(xr.Dataset(variables, {"feature": np.array(list(map(str, names)), str)}, attrs))


def best_subset(scan: xr.Dataset) -> tuple[str, ...]:
    """Return the names of the subset of the highest accuracy; of equal ones the first."""
    best = int(np.argmax(scan["accuracy"].values))
    return tuple(str(name) for name in scan["feature"].values[scan["column"].values[best]])


def participation(scan: xr.Dataset, above: float) -> xr.Dataset:
    """Return how many good subsets each feature is in, and its median weight there.

    Parameters
    ----------
    scan : xarray.Dataset
        From `SubsetScan.scan`.
    above : float
        Accuracy that a good subset exceeds.

    Returns
    -------
    xarray.Dataset
        Dim feature: ``n_subsets``, ``median_weight`` (NaN where there is none); attribute ``n_subsets``: all good ones.

    References
    ----------
    Cubuk, PhD thesis (Harvard, 2016), Fig. 5.13 and 5.14.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(600, 5)), np.tile([0, 1], 300)
    >>> X[:, 3] += 2.0 * y
    >>> scan = SubsetScan(2).scan(X, y, np.repeat(np.arange(6), 100), list("abcde"))
    >>> participation(scan, 0.7)["n_subsets"].values.tolist()
    [1, 1, 1, 4, 1]
    """
    import xarray as xr

    from vitrify.predictors._selection_words import labelled

    good = scan.isel(subset=np.flatnonzero(scan["accuracy"].values > above))
    columns, weights = good["column"].values, good["weight"].values
    n = scan.sizes["feature"]
    medians = [np.median(weights[columns == k]) if (columns == k).any() else np.nan for k in range(n)]
    found = xr.Dataset(
        {
            "n_subsets": ("feature", np.bincount(columns.ravel(), minlength=n)),
            "median_weight": ("feature", np.array(medians)),
        },
        {"feature": scan["feature"].values},
        {"above": above, "n_subsets": len(columns), "n_scanned": scan.sizes["subset"]},
    )
    return labelled(found)
