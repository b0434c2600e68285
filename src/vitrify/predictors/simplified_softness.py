"""How much accuracy is left when the weights of a softness are replaced by simple functions of distance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, ShapeError
from vitrify.predictors.linear_discriminants import Examples, as_examples, group_folds
from vitrify.predictors.weight_functions import PairForm, fit_core, fit_exponential, weight_table
from vitrify.progress import Progress, Silent

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]
FORMS = ("all radial", "pair sum", "exponential", "exponential with core")
METRICS = ("scores", "weights")
_OF_FORM = ("amplitude", "decay", "core", "core_radius")


class PairCounts(NamedTuple):
    """Neighbours of each example in narrow ranges of distance, in place of radial functions.

    Attributes
    ----------
    counts : (n, K) float
        Such as differences of neighbouring columns of `CumulativeDensity`.
    radii : (K,) float, length
        Middle of each range.
    neighbour : (K,) int
        Index of the species that is counted.
    """

    counts: Array
    radii: Array
    neighbour: NDArray[np.int64]


def simplified_softness(
    X: ArrayLike,
    radii: ArrayLike,
    neighbour: ArrayLike,
    y: ArrayLike,
    groups: ArrayLike,
    *,
    neighbour_names: Sequence[str] | None = None,
    estimator: Any = None,
    folds: int = 6,
    metric: str = "scores",
    pair_counts: PairCounts | None = None,
    delta: float = 0.1,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Return the accuracy of radial softness and of three simpler functions of the same neighbours, on held-out segments.

    In each fold the plane is learned from the training part; from its weights follow the weight function and its simple forms;
    these are summed over the neighbours, and divide the classes midway between their training means. "pair sum" takes the weight
    function at the distances of the neighbours, which are known to the width of the functions in `X`: there it is the same as
    "all radial" up to the division. With `pair_counts` the distances are known to the width of those, what a neighbour adds is
    the sum of the Gaussians with their weights, and the agreement is a test.

    Parameters
    ----------
    X : (n, M) array_like
        Radial functions.
    radii : (M,) array_like, length
    neighbour : (M,) array_like of int
        Index of the species that each function counts.
    y : (n,) array_like
        Two labels; the larger one is soft.
    groups : (n,) array_like
        Trajectory segment of each example.
    neighbour_names : sequence of str, optional
    estimator : classifier with coef_ and scale_, default Softness(solver="linear_svc", min_sd=1e-6)
    folds : int, default 6
    metric : {"scores", "weights"}, default "scores"
        What the forms come nearest to: the softness of the training examples, or the standardised weights. The first keeps more
        accuracy; the second is a fit to the weight function as it is drawn.
    pair_counts : PairCounts, optional
    delta : float, length, default 0.1
        Width of the radial functions, used with `pair_counts` only.
    progress : Progress, optional

    Returns
    -------
    xarray.Dataset
        Dim form: ``accuracy``, ``accuracy_error``, ``correlation`` with the full softness and its error; dims form, fold:
        ``accuracy_fold``; dims form, neighbour: ``amplitude``, ``decay``, ``core``, ``core_radius`` with ``..._error``. Parameters
        are means over the folds, their errors those of the jackknife that the folds are.

    Raises
    ------
    ShapeError, ParameterError, TooFewEventsError
        If lengths differ, `metric` is unknown, or there are fewer segments than folds.

    Notes
    -----
    **Scale**: 1. **Differs from**: the thesis, which does not say how its exponentials were fitted nor the radius of the core;
    here that is where the weight function passes through zero. **Invariant under**: unit of the functions. **Cost**: one plane a
    fold.

    References
    ----------
    Cubuk, PhD thesis (Harvard, 2016), section 6.5, eq. 6.14 to 6.16.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> radii, y = np.arange(8, 20) / 10, np.tile([0, 1], 300)
    >>> X = rng.normal(size=(600, 12)) - 0.6 * y[:, None] * np.exp(-2 * (radii - 0.8))
    >>> found = simplified_softness(X, radii, np.zeros(12, int), y, np.repeat(np.arange(6), 100))
    >>> bool((found["accuracy"] > 0.6).all()), bool(found["amplitude"][2, 0] < 0)
    (True, True)
    """
    examples = as_examples(X, y, groups)
    r, species = np.asarray(radii, np.float64), np.asarray(neighbour, np.int64)
    names = _checked(examples, r, species, neighbour_names, metric, pair_counts)
    counts = pair_counts or PairCounts(examples.features, r, species)
    accuracy: list[list[float]] = []
    correlation: list[list[float]] = []
    forms: list[dict[str, PairForm]] = []
    tests = group_folds(examples, folds)
    with (progress or Silent()).step("Simplified softness", folds, "folds") as update:
        for k, test in enumerate(tests):
            train = np.setdiff1d(np.arange(len(examples.soft)), test)
            plane, weights, found = _learned(examples, train, r, species, names, estimator, metric)
            full = plane.decision_function(examples.features)
            scores = [full] + [
                _pair_scores(counts, weights, form, delta if pair_counts else None) for form in found.values()
            ]
            accuracy.append(
                [_accuracy(full, 0.0, examples, test)]
                + [_accuracy(s, _midway(s, examples, train), examples, test) for s in scores[1:]]
            )
            correlation.append([float(np.corrcoef(full[test], s[test])[0, 1]) for s in scores])
            forms.append({name: form for name, form in found.items() if form is not None})
            update(k + 1)
    return _dataset(np.array(accuracy), np.array(correlation), forms, names, metric)


def _checked(
    examples: Examples,
    radii: Array,
    neighbour: NDArray[np.int64],
    names: Sequence[str] | None,
    metric: str,
    counts: PairCounts | None,
) -> list[str]:
    """Return the names of the neighbours once everything fits together."""
    if metric not in METRICS:
        raise ParameterError(f"`metric` must be one of {', '.join(METRICS)}; it is '{metric}'.")
    m = examples.features.shape[1]
    if radii.shape != (m,) or neighbour.shape != (m,):
        raise ShapeError(
            f"`radii` and `neighbour` need one entry per feature, {m}; they have shapes {radii.shape} and {neighbour.shape}."
        )
    if counts is not None and np.shape(counts.counts) != (len(examples.soft), len(counts.radii)):
        raise ShapeError(
            f"`pair_counts` needs one row per example and one column per radius, {(len(examples.soft), len(counts.radii))}; it has "
            f"{np.shape(counts.counts)}."
        )
    return [str(k) for k in range(int(neighbour.max()) + 1)] if names is None else list(names)


def _learned(
    examples: Examples,
    train: NDArray[np.int64],
    radii: Array,
    neighbour: NDArray[np.int64],
    names: list[str],
    estimator: Any,
    metric: str,
) -> tuple[Any, xr.Dataset, dict[str, PairForm | None]]:
    """Return the plane of the training part, its weight function and the forms that come nearest to that."""
    from sklearn.base import clone

    from vitrify.predictors.softness import Softness

    if estimator is None:
        estimator = Softness(solver="linear_svc", min_sd=1e-6, random_state=0)
    plane = clone(estimator).fit(examples.features[train], examples.soft[train].astype(int))
    weights = weight_table(plane.coef_[0], plane.scale_, radii, neighbour, names)
    order = np.lexsort((radii, neighbour))
    covariance = np.cov(examples.features[train][:, order].T) if metric == "scores" else None
    return (
        plane,
        weights,
        {
            "pair sum": None,
            "exponential": fit_exponential(weights, covariance),
            "exponential with core": fit_core(weights, covariance),
        },
    )


def _pair_scores(
    counts: PairCounts, weights: xr.Dataset, form: PairForm | None, delta: float | None
) -> Array:
    """Return the sum of a form, or of the weight function itself, over the neighbours of each example, (n,).

    The weight function is that of Gaussians of width `delta`, or without it that of the counts, at the same radii.
    """
    radii, neighbour = np.asarray(counts.radii), np.asarray(counts.neighbour)
    if form is not None:
        return np.asarray(counts.counts @ form.value(radii, neighbour))
    each = np.zeros(len(radii))
    for s in range(weights.sizes["neighbour"]):
        w, same = np.nan_to_num(weights["weight"].values[s]), neighbour == s
        away = radii[same][:, None] - weights["r"].values
        kernel = away == 0.0 if delta is None else np.exp(-0.5 * (away / delta) ** 2)
        each[same] = kernel @ w
    return np.asarray(counts.counts @ each)


def _midway(scores: Array, examples: Examples, train: NDArray[np.int64]) -> float:
    """Return the score midway between the means of the two classes of the training part."""
    soft = examples.soft[train]
    return 0.5 * float(scores[train][soft].mean() + scores[train][~soft].mean())


def _accuracy(scores: Array, level: float, examples: Examples, test: NDArray[np.int64]) -> float:
    """Return the fraction of the test examples on their side of a level."""
    return float(np.mean((scores[test] > level) == examples.soft[test]))


def _dataset(
    accuracy: Array, correlation: Array, forms: list[dict[str, PairForm]], names: list[str], metric: str
) -> xr.Dataset:
    """Return the means over the folds with their errors; rows of `accuracy` and `correlation` are folds."""
    import xarray as xr

    n, root = len(accuracy), np.sqrt(len(accuracy))
    variables: dict[str, Any] = {
        "accuracy": ("form", accuracy.mean(axis=0)),
        "accuracy_error": ("form", accuracy.std(axis=0, ddof=1) / root),
        "accuracy_fold": (("form", "fold"), accuracy.T),
        "correlation": ("form", correlation.mean(axis=0)),
        "correlation_error": ("form", correlation.std(axis=0, ddof=1) / root),
    }
    for key in _OF_FORM:
        values = np.full((n, len(FORMS), len(names)), np.nan)
        for fold, found in enumerate(forms):
            for name, form in found.items():
                values[fold, FORMS.index(name)] = getattr(form, key)
        variables[key] = ("form", "neighbour"), values.mean(axis=0)
        jackknife = np.sqrt(n - 1) * values.std(axis=0)
        variables[f"{key}_error"] = ("form", "neighbour"), jackknife
    found_all = xr.Dataset(variables, {"form": list(FORMS), "neighbour": names}, {"metric": metric})
    return _labelled(found_all)


def _labelled(dataset: xr.Dataset) -> xr.Dataset:
    from vitrify.particles.attributes import Words, filled
    from vitrify.predictors._selection_words import labelled

    per_neighbour, length = "softness per unit of a radial function", "length of the descriptors"
    words = {
        "correlation": Words("r", "correlation with the full softness", "Pearson's, on the held-out fold"),
        "amplitude": Words("A", "amplitude", "of the exponential at r = 0", per_neighbour),
        "decay": Words(r"\alpha", "decay", "of the exponential", f"1/({length})"),
        "core": Words("C", "weight of the core", "below the core radius", per_neighbour),
        "core_radius": Words(r"\sigma_\mathrm{HS}", "core radius", "where the weight function passes through 0", length),
        "form": Words("", "weight function", "of the neighbours"),
        "neighbour": Words("", "species of neighbour", "that is counted"),
    }  # fmt: skip
    for key in ("correlation", *_OF_FORM):
        word = words[key]
        words[f"{key}_error"] = Words(
            rf"\delta {word.symbol}", f"standard error of {key}", "from the folds", word.kind
        )
    return filled(labelled(dataset), words)
