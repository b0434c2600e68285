"""What a choice of features is worth on examples that did not choose them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from vitrify.errors import ParameterError
from vitrify.predictors.linear_discriminants import as_examples, group_folds
from vitrify.progress import Progress, Silent

if TYPE_CHECKING:
    import xarray as xr


def held_out_curve(
    select: Callable[..., xr.Dataset],
    X: ArrayLike,
    y: ArrayLike,
    groups: ArrayLike,
    names: Sequence[str],
    *,
    folds: int = 6,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Repeat a selection without each fold in turn, and return how well its choice does on the fold.

    The accuracy by which features are chosen is too high, and the more so the more subsets compete. Here the segments of a
    fold neither choose nor train: the classifier that the others agree on is tried on them once.

    Parameters
    ----------
    select : callable
        ``select(X, y, groups, names, held_out_groups=...)``: the method of a selection, such as ``SubsetScan(2).scan``,
        ``GreedySelection().select``, or a partial of ``EvolutionarySelection().curve``. It must do with one fold of segments less.
    X, y, groups, names
        As of `SubsetScan.scan`.
    folds : int, default 6
        Outer folds of whole segments.
    progress : Progress, optional

    Returns
    -------
    xarray.Dataset
        Dim n_features: ``accuracy`` (of the choosing examples, mean over the outer folds), ``held_out_accuracy``,
        ``held_out_error``; dims fold, n_features: ``held_out_fold``; dims fold, n_features, member: ``selected`` names.

    Raises
    ------
    ParameterError
        If nothing is held out by the selection.
    TooFewEventsError
        If there are fewer segments than folds.

    Examples
    --------
    >>> from vitrify.predictors.subset_scan import SubsetScan
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(600, 5)), np.tile([0, 1], 300)
    >>> groups = np.repeat(np.arange(6), 100)
    >>> found = held_out_curve(SubsetScan(1, folds=5).scan, X, y, groups, list("abcde"))
    >>> bool(found["held_out_accuracy"][0] < found["accuracy"][0])
    True
    """
    import xarray as xr

    from vitrify.predictors._selection_words import labelled

    examples = as_examples(X, y, groups)
    tests = group_folds(examples, folds)
    parts = []
    with (progress or Silent()).step("Selections without a fold", folds, "folds") as update:
        for k, test in enumerate(tests):
            held_out = np.unique(examples.groups[test]).tolist()
            parts.append(
                _of_best(
                    select(examples.features, examples.soft, examples.groups, names, held_out_groups=held_out)
                )
            )
            update(k + 1)
    each = xr.concat(parts, "fold", combine_attrs="drop", data_vars="all")
    kept = each["held_out_accuracy"]
    if kept.isnull().all():
        raise ParameterError("`select` measured nothing on the groups that it was told to hold out.")
    found = xr.Dataset(
        {
            "accuracy": each["accuracy"].mean("fold"),
            "held_out_accuracy": kept.mean("fold"),
            "held_out_error": kept.std("fold", ddof=1) / np.sqrt(folds),
            "held_out_fold": kept,
            "selected": each["selected"],
        }
    )
    return labelled(
        found.assign_coords(fold=np.arange(folds)),
        held_out_error="spread over the outer folds over the root of their number",
        accuracy="cross-validated accuracy that the choice was made by: too high",
    )


def _of_best(found: xr.Dataset) -> xr.Dataset:
    """Return accuracies and names of the best subset of each size."""
    if "n_features" not in found.dims:
        best = int(np.argmax(found["accuracy"].values))
        found = found.isel(subset=[best]).rename(subset="n_features")
        found = found.assign_coords(n_features=[found.sizes["member"]])
    columns = found["column"].values
    names = np.where(columns >= 0, found["feature"].values[columns], "")
    kept = found[["accuracy", "held_out_accuracy"]].drop_vars("feature", errors="ignore")
    return kept.assign(selected=(("n_features", "member"), names))
