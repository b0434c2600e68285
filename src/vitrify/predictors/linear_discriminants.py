"""Linear discriminants of many subsets of features at once: moments of each fold first, then a small solve a subset."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, ShapeError, TooFewEventsError
from vitrify.predictors.plane import standardisation

Array = NDArray[np.float64]
THRESHOLDS = ("midpoint", "gaussian")
MAX_MEMBERS = 200


class Examples(NamedTuple):
    """Examples of two classes that were looked at.

    Attributes
    ----------
    features : (n, M) float
    soft : (n,) bool
    groups : (n,) array
        Trajectory segment of each.
    """

    features: Array
    soft: NDArray[np.bool_]
    groups: NDArray[Any]


class Evaluation(NamedTuple):
    """What subsets of features achieve.

    Attributes
    ----------
    accuracy, accuracy_error : (n,) float
        Mean over the folds and its standard error.
    accuracy_fold : (n, n_folds) float
    held_out_accuracy, held_out_error : (n,) float
        On the groups that were held out altogether, learned from all others; NaN without any. The error is that of the mean
        over the held-out groups, binomial for a single one.
    weights, bias : (n, k), (n,) float
        Of the discriminant of all examples that were not held out, for standardised features.
    """

    accuracy: Array
    accuracy_error: Array
    accuracy_fold: Array
    held_out_accuracy: Array
    held_out_error: Array
    weights: Array
    bias: Array


def as_examples(X: ArrayLike, y: ArrayLike, groups: ArrayLike) -> Examples:
    """Return examples once they are seen to be finite, of two classes, and each in a group.

    Parameters
    ----------
    X : (n, M) array_like
    y : (n,) array_like
        Two labels; the larger one is soft.
    groups : (n,) array_like
        Trajectory segment of each example.

    Raises
    ------
    ShapeError
        If the lengths differ.
    ParameterError
        If a feature is not finite, or the labels are not two.

    Examples
    --------
    >>> as_examples([[0.0], [1.0]], [-1, 1], [0, 1]).soft.tolist()
    [False, True]
    """
    features = np.asarray(X, dtype=np.float64)
    labels, segment = np.asarray(y), np.asarray(groups)
    if features.ndim != 2 or labels.shape != (len(features),) or segment.shape != labels.shape:
        raise ShapeError(
            f"`X` must have shape (n, M), `y` and `groups` (n,); they have {features.shape}, {labels.shape} and "
            f"{segment.shape}."
        )
    if not np.isfinite(features).all():
        row, column = np.argwhere(~np.isfinite(features))[0]
        raise ParameterError(
            f"Features must be finite; {np.count_nonzero(~np.isfinite(features))} are not, the first in row {row}, column "
            f"{column}. Leave those examples or that feature out."
        )
    kinds = np.unique(labels)
    if len(kinds) != 2:
        raise ParameterError(
            f"`y` must hold two labels, hard and soft; it holds {', '.join(map(str, kinds[:5]))}."
        )
    return Examples(features, labels == kinds[1], segment)


class SubsetEvaluator:
    r"""Cross-validated accuracy of the linear discriminant of any subset of features, thousands of subsets a second.

    From the training part of each fold the means :math:`m_0, m_1` and covariances :math:`C_0, C_1` of the hard and the soft
    examples are computed once, for all features. For a subset the discriminant is then a k × k solve,

    .. math::

        w = (p_0 C_0 + p_1 C_1 + \lambda)^{-1} (m_1 - m_0), \qquad S = w \cdot \tilde F - t,

    with the fractions p of the classes, and the examples of the fold are counted that it puts on the right side.

    Parameters
    ----------
    X : (n, M) array_like
    y : (n,) array_like
        Two labels; the larger one is soft.
    groups : (n,) array_like
        Trajectory segment of each example: folds are made of whole segments, those of `cross_validate`.
    folds : int, default 6
    penalty : float, default 1e-3
        λ, beside unit variances; it only keeps features apart that are nearly the same.
    threshold : {"midpoint", "gaussian"}, default "midpoint"
        t from the training part of the fold: midway between the projected class means, or where two normal densities with the
        projected means, variances and fractions of the classes cross.
    held_out_groups : iterable, default ()
        Segments that take no part in folds nor training; `Evaluation.held_out_accuracy` is measured on them.
    min_sd : float, default 0
        Features whose standard deviation is smaller are taken for constant and get the weight 0.

    Attributes
    ----------
    n_features : int
    mean, scale : (M,) float
        That standardise the features: of all examples that are not held out. Labels do not enter, and without a penalty they do
        not matter.

    Raises
    ------
    ShapeError, ParameterError
        If examples or parameters are not as described.
    TooFewEventsError
        If there are fewer segments or examples of a class than folds, or a training part has fewer than two of a class.

    Notes
    -----
    **Scale**: S is the logarithm of the odds that normal classes of the same covariance would have, not the units of the margin
    of a support vector machine. **Differs from**: a support vector machine, which looks only at examples near its plane: in the
    Kob-Andersen liquid at T = 0.47 their accuracies agree within half a point, for two or three features and for a hundred.
    **Invariant under**: shifting and scaling features (scores are float32: an example within 1e-6 of the plane may change
    sides); the number of threads. **Cost**: M² n once a fold; then k³/3 a fold and k n for each subset.

    References
    ----------
    R. A. Fisher, Ann. Eugenics 7, 179 (1936).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(600, 5)), np.tile([0, 1], 300)
    >>> X[:, 3] += 2.0 * y
    >>> found = SubsetEvaluator(X, y, np.repeat(np.arange(6), 100)).evaluate([[0], [3]])
    >>> bool(found.accuracy[0] < 0.6), bool(found.accuracy[1] > 0.8)
    (True, True)
    """

    def __init__(
        self,
        X: ArrayLike,
        y: ArrayLike,
        groups: ArrayLike,
        *,
        folds: int = 6,
        penalty: float = 1e-3,
        threshold: str = "midpoint",
        held_out_groups: Iterable[Any] = (),
        min_sd: float = 0.0,
    ) -> None:
        require_evaluator(folds, penalty, threshold)
        examples = as_examples(X, y, groups)
        self.penalty, self.gaussian = float(penalty), threshold == "gaussian"
        tests, self._n_folds = _test_blocks(examples, folds, tuple(held_out_groups))
        learned = np.sort(np.concatenate(tests[: self._n_folds]))
        self.mean, self.scale, varies = standardisation(examples.features[learned])
        varies &= ~(self.scale < min_sd)
        standardised = np.where(varies, (examples.features - self.mean) / self.scale, 0.0)
        trainings = [np.setdiff1d(learned, test) for test in tests[: self._n_folds]] + [learned]
        moments = [_class_moments(standardised[rows], examples.soft[rows]) for rows in trainings]
        self._mean, self._covariance, self._prior = (
            np.array([m[part] for m in moments]) for part in range(3)
        )
        self._blocks, order = _sorted_by_class(tests, examples.soft, self._n_folds)
        self._columns = np.ascontiguousarray(standardised[order].T, dtype=np.float32)

    @property
    def n_features(self) -> int:
        """Number of features."""
        return len(self.mean)

    def evaluate(self, subsets: ArrayLike) -> Evaluation:
        """Return what each of the subsets achieves.

        Parameters
        ----------
        subsets : (n, k) array_like of int
            Positions of their features.

        Raises
        ------
        ShapeError
            If it is no table of so many integers.
        ParameterError
            If there is no feature at a position.
        """
        from vitrify.predictors import _discriminant_kernels

        chosen = np.ascontiguousarray(subsets)
        if chosen.ndim != 2 or not 0 < chosen.shape[1] <= MAX_MEMBERS or chosen.dtype.kind not in "iu":
            raise ShapeError(
                f"`subsets` must be integers of shape (n, k) with k from 1 to {MAX_MEMBERS}; it has shape {chosen.shape} and "
                f"dtype {chosen.dtype}."
            )
        if chosen.size and not 0 <= chosen.min() <= chosen.max() < self.n_features:
            raise ParameterError(
                f"`subsets` must name features from 0 to {self.n_features - 1}; it names {chosen.min()} to {chosen.max()}."
            )
        correct = np.zeros((len(chosen), len(self._blocks)), np.int64)
        weights, level = np.empty(chosen.shape), np.empty(len(chosen))
        _discriminant_kernels.count_correct(
            self._columns,
            self._blocks,
            self._mean,
            self._covariance,
            self._prior,
            chosen.astype(np.int64),
            self.penalty,
            self.gaussian,
            correct,
            weights,
            level,
        )
        return self._summed_up(correct, weights, -level)

    def _summed_up(self, correct: NDArray[np.int64], weights: Array, bias: Array) -> Evaluation:
        """Return fractions and errors from the numbers of examples on the right side."""
        sizes = self._blocks[:, 3] - self._blocks[:, 1]
        fraction = correct / sizes
        by_fold, held_out = fraction[:, : self._n_folds], fraction[:, self._n_folds :]
        error = by_fold.std(axis=1, ddof=1) / np.sqrt(self._n_folds)
        if held_out.shape[1] > 1:
            kept, spread = held_out.mean(axis=1), held_out.std(axis=1, ddof=1) / np.sqrt(held_out.shape[1])
        elif held_out.shape[1]:
            kept = held_out[:, 0]
            spread = np.sqrt(kept * (1 - kept) / sizes[-1])
        else:
            kept = spread = np.full(len(correct), np.nan)
        return Evaluation(by_fold.mean(axis=1), error, by_fold, kept, spread, weights, bias)


def require_evaluator(folds: int, penalty: float, threshold: str) -> None:
    """Raise a ParameterError where a number of folds, a penalty or a threshold is none."""
    if folds < 2:
        raise ParameterError(f"`folds` must be at least 2; it is {folds}.")
    if not 0 <= penalty < np.inf:
        raise ParameterError(f"`penalty` must be a number from 0 on; it is {penalty}.")
    if threshold not in THRESHOLDS:
        raise ParameterError(f"`threshold` must be one of {', '.join(THRESHOLDS)}; it is '{threshold}'.")


def group_folds(examples: Examples, folds: int) -> list[NDArray[np.int64]]:
    """Return the examples of each fold: whole groups, the classes balanced as well as they allow; those of `cross_validate`.

    Raises
    ------
    TooFewEventsError
        If there are fewer groups than folds, or examples of a class.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    n_groups = len(np.unique(examples.groups))
    if n_groups < folds:
        raise TooFewEventsError(
            f"`folds` = {folds} needs as many trajectory segments; there are {n_groups} that are not held out. Lower `folds` "
            "or cut the trajectory into more segments."
        )
    fewest = min(np.count_nonzero(examples.soft), np.count_nonzero(~examples.soft))
    if fewest < folds:
        raise TooFewEventsError(
            f"`folds` = {folds} needs as many examples of each class; the smaller one has {fewest}. Lower `folds` or add examples."
        )
    split = StratifiedGroupKFold(folds).split(examples.features, examples.soft, examples.groups)
    return [np.sort(test) for _, test in split]


def _test_blocks(
    examples: Examples, folds: int, held_out_groups: tuple[Any, ...]
) -> tuple[list[NDArray[np.int64]], int]:
    """Return the examples of each fold and of each held-out group, and how many of these are folds."""
    unknown = set(held_out_groups) - set(examples.groups.tolist())
    if unknown:
        raise ParameterError(
            f"`held_out_groups` names groups without examples: {', '.join(map(str, unknown))}."
        )
    inside = np.flatnonzero(~np.isin(examples.groups, np.array(held_out_groups, dtype=examples.groups.dtype)))
    taken = Examples(examples.features[inside], examples.soft[inside], examples.groups[inside])
    blocks = [inside[test] for test in group_folds(taken, folds)]
    blocks += [np.flatnonzero(examples.groups == group) for group in dict.fromkeys(held_out_groups)]
    return [block for block in blocks if len(block)], sum(len(block) > 0 for block in blocks[:folds])


def _class_moments(standardised: Array, soft: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
    """Return means (2, M), covariances (2, M, M) and fractions (2,) of the hard and the soft examples."""
    counts = np.array([np.count_nonzero(~soft), np.count_nonzero(soft)])
    if counts.min() < 2:
        raise TooFewEventsError(
            f"A fold would learn from {counts[0]} hard and {counts[1]} soft examples; it needs two of each. Use fewer `folds`."
        )
    mean = np.array([standardised[soft == kind].mean(axis=0) for kind in (False, True)])
    covariance = []
    for kind in (0, 1):
        rows = standardised[soft == bool(kind)] - mean[kind]
        covariance.append(rows.T @ rows / counts[kind])
    return mean, np.array(covariance), counts / counts.sum()


def _sorted_by_class(
    tests: list[NDArray[np.int64]], soft: NDArray[np.bool_], n_folds: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return training set, first hard, first soft and end of each test block (B, 4), and the order of the examples."""
    rows, order, start = [], [], 0
    for b, test in enumerate(tests):
        hard = test[~soft[test]]
        rows.append((min(b, n_folds), start, start + len(hard), start + len(test)))
        order += [hard, test[soft[test]]]
        start += len(test)
    return np.array(rows, np.int64), np.concatenate(order)
