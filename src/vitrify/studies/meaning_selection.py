"""How few radial functions tell of rearrangements: every one, two and three of them, and searches among more (thesis 5.5)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.predictors.evolutionary_selection import EvolutionarySelection
from vitrify.predictors.greedy_selection import GreedySelection
from vitrify.predictors.held_out_selection import held_out_curve
from vitrify.predictors.subset_scan import SubsetScan
from vitrify.predictors.trained import TrainedSoftness
from vitrify.studies.meaning_examples import Examples, classifier_of
from vitrify.studies.meaning_settings import MeaningSettings
from vitrify.studies.meaning_weights import on_grid
from vitrify.studies.simulate import Workplace

if TYPE_CHECKING:
    import xarray as xr

    from vitrify.predictors.softness import CrossValidation

FORWARD, EVOLUTIONARY = "forward", "evolutionary"
PUBLISHED_SHARE = 296 / 161_700  # of all triplets of the thesis, above 75 %: how many count as the best here
_NEEDED = 3  # segments: two to choose and to learn, one to judge


def sizes_to_scan(settings: MeaningSettings, examples: Examples) -> list[int]:
    """Return the sizes of subsets that are scanned whole."""
    del settings
    return [size for size in (1, 2, 3) if size <= len(examples.radial)]


def sizes_to_evolve(settings: MeaningSettings, examples: Examples) -> list[int]:
    """Return the sizes of subsets that evolution searches."""
    return [size for size in settings.meaning.evolved_sizes if size < len(examples.radial)]


def _settings(place: Workplace) -> MeaningSettings:
    assert isinstance(place.settings, MeaningSettings)
    return place.settings


def _folds(examples: Examples) -> int:
    return len(np.unique(examples.segment))


def _judged(select: Any, examples: Examples) -> xr.Dataset | None:
    """Return a selection repeated without each segment in turn; None where there are too few segments."""
    n = _folds(examples)
    if n < _NEEDED:
        return None
    return held_out_curve(select, *examples.table(examples.radial), folds=n)


def scanned(place: Workplace, trained: TrainedSoftness, examples: Examples, part: int) -> xr.Dataset:
    """Return the accuracy of every subset of `part` radial functions, and the best ones again.

    Returns
    -------
    xarray.Dataset
        As of `SubsetScan.scan`; dim best: ``best_column`` (best, member), ``svm_accuracy``, ``svm_error`` of a support vector
        machine; ``judged``, ``judged_error``: of the winner on segments that it was neither chosen nor learned from.
    """
    settings, n = _settings(place), _folds(examples)
    found = make_scan(settings, part, n).scan(*examples.table(examples.radial))
    found = found.drop_vars(["held_out_accuracy", "held_out_error"])
    columns = found["column"].values[_best(found, settings.meaning.confirmed)]
    machines = [_machine(settings, trained, examples, row) for row in columns]
    judged = _last(_judged(make_scan(settings, part, n - 1).scan, examples))
    return found.assign(
        best_column=(("best", "member"), columns),
        svm_accuracy=("best", [m.accuracy for m in machines]),
        svm_error=("best", [m.standard_error for m in machines]),
        judged=((), judged[0]),
        judged_error=((), judged[1]),
    ).drop_attrs(deep=False)


def _best(scan: xr.Dataset, n: int) -> NDArray[np.int64]:
    """Return the rows of the best subsets, best first."""
    return np.argsort(-scan["accuracy"].values, kind="stable")[:n]


def _machine(
    settings: MeaningSettings, trained: TrainedSoftness, examples: Examples, columns: NDArray[np.int64]
) -> CrossValidation:
    """Return what the classifier of softness makes of a few radial functions."""
    from vitrify.predictors.softness import cross_validate

    features, soft, segment, _ = examples.table([examples.radial[int(k)] for k in columns])
    classifier = classifier_of(settings, trained)
    return cross_validate(features, soft, segment, estimator=classifier, n_splits=_folds(examples))


def make_scan(settings: MeaningSettings, size: int, folds: int) -> SubsetScan:
    """Return the scan of all subsets of a size."""
    return SubsetScan(
        size, penalty=settings.meaning.ridge, folds=max(folds, 2), min_sd=settings.training.min_sd
    )


def _last(winner: xr.Dataset | None) -> tuple[float, float]:
    if winner is None:
        return float("nan"), float("nan")
    last = winner.isel(n_features=-1)
    return float(last["held_out_accuracy"]), float(last["held_out_error"])


def _greedy(settings: MeaningSettings, size: int, folds: int) -> GreedySelection:
    m, min_sd = settings.meaning, settings.training.min_sd
    return GreedySelection(size, penalty=m.ridge, folds=max(folds, 2), min_sd=min_sd)


def selected_forward(place: Workplace, trained: TrainedSoftness, examples: Examples, part: Any) -> xr.Dataset:
    """Return accuracy against the number of functions, each added to those before.

    Returns
    -------
    xarray.Dataset
        Dim size: ``accuracy``, ``accuracy_error``, ``held_out_accuracy``, ``held_out_error``, ``functions``.
    """
    del trained, part
    settings = _settings(place)
    size, n = min(settings.meaning.greedy_size, len(examples.radial)), _folds(examples)
    whole = _greedy(settings, size, n).select(*examples.table(examples.radial))
    judged = _judged(_greedy(settings, size, n - 1).select, examples)
    return _curve(whole, judged)


def _curve(whole: xr.Dataset, judged: xr.Dataset | None) -> xr.Dataset:
    import xarray as xr

    sizes = whole["n_features"].values
    nothing = np.full(len(sizes), np.nan)
    held_out = (
        [nothing, nothing]
        if judged is None
        else [judged[k].values for k in ("held_out_accuracy", "held_out_error")]
    )
    names = whole["feature"].values
    words = [_joined(names, row) for row in whole["column"].values]
    variables = {
        "accuracy": whole["accuracy"].values,
        "accuracy_error": whole["accuracy_error"].values,
        "held_out_accuracy": held_out[0],
        "held_out_error": held_out[1],
        "functions": np.array(words),
    }
    return xr.Dataset({k: ("size", v) for k, v in variables.items()}, {"size": sizes})


def _joined(names: NDArray[Any], columns: NDArray[np.int64]) -> str:
    return " ".join(sorted(str(names[k]) for k in columns if k >= 0))


def evolved(place: Workplace, trained: TrainedSoftness, examples: Examples, part: int) -> xr.Dataset:
    """Return accuracy and functions of the best subset of `part` functions that evolution finds.

    Returns
    -------
    xarray.Dataset
        As of `selected_forward`, for one size, with ``n_evaluated`` (size).
    """
    del trained
    settings, n = _settings(place), _folds(examples)
    whole = _evolve(settings, part, n, *examples.table(examples.radial))
    judged = _judged(partial(_evolve, settings, part, n - 1), examples)
    found = _curve(whole.rename(subset="n_features").assign_coords(n_features=[part]), judged)
    return found.assign(n_evaluated=("size", [int(whole["n_evaluated"][-1])]))


def _evolve(
    settings: MeaningSettings,
    size: int,
    folds: int,
    X: Any,
    y: Any,
    groups: Any,
    names: Any,
    held_out_groups: Any = (),
) -> xr.Dataset:
    """Return the fittest of a race that the forward selection takes part in; both see the same segments."""
    m = settings.meaning
    greedy = _greedy(settings, size, folds).select(X, y, groups, names, held_out_groups=held_out_groups)
    start = [[int(k) for k in greedy["column"].values[-1] if k >= 0]]
    race = EvolutionarySelection(
        size,
        population=m.population,
        generations=m.generations,
        seed=m.seed,
        penalty=m.ridge,
        folds=max(folds, 2),
        min_sd=settings.training.min_sd,
    )
    found = race.search(X, y, groups, names, held_out_groups=held_out_groups, start=start)
    return found.isel(subset=[0])


# -- what the page shows of them -------------------------------------------------------------------------------------


def single_functions(scan: xr.Dataset) -> xr.Dataset:
    """Return the accuracy of each function alone over neighbour species and radius."""
    names = [str(n) for n in scan["feature"].values[scan["column"].values[:, 0]]]
    return on_grid(names, {k: scan[k].values for k in ("accuracy", "accuracy_error")})


def function_pairs(scan: xr.Dataset) -> xr.Dataset:
    """Return the accuracy of each pair of functions as a symmetric map, NaN on its diagonal."""
    import xarray as xr

    names = np.array([str(n) for n in scan["feature"].values])
    i, j = scan["column"].values.T
    maps = {}
    for name in ("accuracy", "accuracy_error"):
        grid = np.full((len(names), len(names)), np.nan)
        grid[i, j] = grid[j, i] = scan[name].values
        maps[name] = (("function", "other_function"), grid)
    return xr.Dataset(maps, {"function": names, "other_function": names})


def function_triplets(scan: xr.Dataset, threshold: float) -> xr.Dataset:
    """Return how often each function is in good triplets and in the best ones, and its weight in the best ones.

    Parameters
    ----------
    scan : xarray.Dataset
        Of all triplets.
    threshold : float
        Accuracy of a good one.

    Returns
    -------
    xarray.Dataset
        ``good``, ``top``, ``weight``, ``weight_low``, ``weight_high`` (neighbor_species, r); attributes ``threshold``, ``n_good``,
        ``n_top``, ``n_triplets``, ``lowest_top``: the accuracy above which a triplet is one of the best.
    """
    accuracy, columns, weights = (scan[k].values for k in ("accuracy", "column", "weight"))
    names = [str(n) for n in scan["feature"].values]
    n_top = max(1, round(PUBLISHED_SHARE * len(accuracy)))
    order = _best(scan, n_top)
    top, top_weights, good = columns[order], weights[order], columns[accuracy > threshold]
    quartiles = np.full((3, len(names)), np.nan)
    for k in range(len(names)):
        mine = top_weights[top == k]
        if len(mine):
            quartiles[:, k] = np.quantile(mine, [0.5, 0.25, 0.75])
    found = on_grid(
        names,
        {
            "good": np.bincount(good.ravel(), minlength=len(names)),
            "top": np.bincount(top.ravel(), minlength=len(names)),
            "weight": quartiles[0],
            "weight_low": quartiles[1],
            "weight_high": quartiles[2],
        },
    )
    return found.assign_attrs(
        threshold=threshold,
        n_good=int((accuracy > threshold).sum()),
        n_top=n_top,
        n_triplets=len(accuracy),
        lowest_top=float(accuracy[order].min()),
    )


def names_of_best(scan: xr.Dataset, k: int = 0) -> list[str]:
    """Return the names of the best subset, or of the k-th best, in the order of the features."""
    row = int(_best(scan, k + 1)[k])
    return [str(scan["feature"].values[c]) for c in sorted(scan["column"].values[row])]
