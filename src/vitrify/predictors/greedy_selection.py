"""Forward selection of features for a classifier: the next one is that with which most held-out examples are right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError
from vitrify.predictors.linear_discriminants import MAX_MEMBERS, SubsetEvaluator, require_evaluator
from vitrify.predictors.subset_scan import as_dataset, make_evaluator
from vitrify.progress import Progress, Silent

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class GreedySelection:
    """Features taken one after the other, each the one that raises the cross-validated accuracy most.

    Parameters
    ----------
    max_size : int, default 15
        At most so many, or all that there are.
    penalty, folds, threshold, min_sd
        As in `SubsetScan`.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.

    Notes
    -----
    **Scale**: 1. **Differs from**: `ForwardSelection`, which raises the correlation with a continuous target; from an exhaustive
    search, of which it is a lower bound: only the first feature is certain to be the best. **Invariant under**: shifting and
    scaling features; of equal features the first is taken. **Cost**: M subsets a step.

    References
    ----------
    Cubuk, PhD thesis (Harvard, 2016), section 5.5.4 (by evolution there).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(600, 5)), np.tile([0, 1], 300)
    >>> X[:, 3] += 2.0 * y
    >>> X[:, 1] -= y
    >>> found = GreedySelection(3).select(X, y, np.repeat(np.arange(6), 100), list("abcde"))
    >>> found["added"].values[:2].tolist()
    ['d', 'b']
    """

    max_size: int = 15
    penalty: float = 1e-3
    folds: int = 6
    threshold: str = "midpoint"
    min_sd: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.max_size <= MAX_MEMBERS:
            raise ParameterError(f"`max_size` must lie between 1 and {MAX_MEMBERS}; it is {self.max_size}.")
        require_evaluator(self.folds, self.penalty, self.threshold)

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters."""
        return asdict(self)

    def select(
        self,
        X: ArrayLike,
        y: ArrayLike,
        groups: ArrayLike,
        names: Sequence[str],
        *,
        held_out_groups: Iterable[Any] = (),
        progress: Progress | None = None,
    ) -> xr.Dataset:
        """Select features.

        Parameters
        ----------
        X, y, groups, names, held_out_groups
            As of `SubsetScan.scan`.
        progress : Progress, optional

        Returns
        -------
        xarray.Dataset
            Dim n_features: ``accuracy``, ``accuracy_error``, ``held_out_accuracy``, ``held_out_error``, ``bias``, ``added``; dims
            n_features, member: ``column`` (-1 beyond the size), ``weight``.

        Raises
        ------
        ShapeError, ParameterError, TooFewEventsError
            As `SubsetEvaluator`.
        """
        held_out = tuple(held_out_groups)
        evaluator = make_evaluator(self, X, y, groups, names, held_out)
        chosen: list[int] = []
        n = min(self.max_size, evaluator.n_features)
        with (progress or Silent()).step("Forward selection", n, "features") as update:
            for step in range(n):
                chosen.append(next_feature(evaluator, chosen))
                update(step + 1)
        return curve_dataset(evaluator, [chosen[: k + 1] for k in range(n)], names, self, held_out)


def next_feature(evaluator: SubsetEvaluator, chosen: list[int]) -> int:
    """Return the feature that raises the accuracy of those chosen most; of equal ones the first."""
    free = np.setdiff1d(np.arange(evaluator.n_features), chosen)
    candidates = np.column_stack([*(np.full(len(free), k) for k in chosen), free]).astype(np.int64)
    return int(free[np.argmax(evaluator.evaluate(candidates).accuracy)])


def curve_dataset(
    evaluator: SubsetEvaluator,
    subsets: Sequence[Sequence[int]],
    names: Sequence[str],
    selection: Any,
    held_out_groups: tuple[Any, ...],
) -> xr.Dataset:
    """Return one subset of each size, growing or not, as accuracy against the number of features."""
    import xarray as xr

    from vitrify.predictors._selection_words import labelled

    widest = max(len(subset) for subset in subsets)
    parts = []
    for subset in subsets:
        row: NDArray[np.int64] = np.asarray(subset, np.int64)[None]
        part = as_dataset(row, evaluator.evaluate(row), names, selection, "n_features", held_out_groups)
        missing = {"member": (0, widest - len(subset))}
        parts.append(part.pad(missing, constant_values={"column": -1, "weight": 0.0}))
    found = xr.concat(parts, "n_features", combine_attrs="override", data_vars="minimal", coords="minimal")
    found = found.assign_coords(n_features=[len(subset) for subset in subsets])
    found["column"] = found["column"].astype(np.int64)
    if all(list(a) == list(b)[: len(a)] for a, b in pairwise(subsets)):
        found["added"] = "n_features", np.array([str(names[subset[-1]]) for subset in subsets], str)
    return labelled(found, column="position of the member among the features; -1 beyond the size")
