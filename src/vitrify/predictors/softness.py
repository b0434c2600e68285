"""Softness: the signed distance, in units of the margin, from the plane between soft and hard structures."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from vitrify.errors import ConvergenceError, ParameterError
from vitrify.predictors.plane import evaluate_plane, standardisation

_LOSSES = {"svc": ("hinge",), "linear_svc": ("hinge", "squared_hinge")}
_PATIENCE = {"svc": 100_000_000, "linear_svc": 1_000_000}


class Softness(ClassifierMixin, BaseEstimator):
    """Linear support vector machine on standardised structure functions; its decision function is the softness.

    S = w · F̃ + b with F̃ = (F − mean) / sd over the training set. S is not divided by the norm of w: it is in units
    of the margin, ±1 on its two sides. Columns with exactly no variance get the weight 0.

    Parameters
    ----------
    C : float, default 1.0
        Weight of the misclassified against the width of the margin.
    loss : {"hinge", "squared_hinge"}, default "hinge"
        The papers of 2015-2016 use the hinge, Ridout et al. its square: a different plane.
    solver : {"svc", "linear_svc"}, default "svc"
        LIBSVM (hinge only), or liblinear, whose b is slightly pulled towards zero.
    tol : float, default 1e-3
        Stopping tolerance of the solver.
    max_iter : int, optional
        Iterations of the solver; by default 100 million (svc) or 1 million (linear_svc).
    min_sd : float, default 0
        Columns whose standard deviation is smaller get the weight 0 as constant ones do. A Gaussian far below the
        closest approach counts 1e-8 of a neighbour; divided by its own spread it would turn one close pair into an
        enormous softness.
    random_state : int, optional
        Of liblinear's order of coordinates.

    Attributes
    ----------
    classes_ : (2,) array
        The larger label is the soft one.
    mean_, scale_ : (M,) float
        Of the training features; the scale of a constant column is 1.
    coef_ : (1, M) float
        w, of the standardised features.
    intercept_ : (1,) float
        b.
    n_iter_ : int

    Raises
    ------
    ParameterError
        If `loss` and `solver` do not go together or all columns are constant.
    ConvergenceError
        If the solver stops at `max_iter`: there is no half-converged plane.

    Notes
    -----
    **Scale**: 1; adding a feature's multiple or changing its unit does not change S, for it is standardised.
    **Differs from**: w · F − b with the sign of b turned (LIBSVM's rho = −b); Cubuk's chapter 6 sets b = 0; distances
    divided by the norm of w.
    **Invariant under**: shifting and scaling any column of the features.
    **Cost**: O(n² M) to O(n³) for svc, O(n M) per iteration for linear_svc; O(n M) to evaluate.

    References
    ----------
    Schoenholz, Cubuk, Sussman, Kaxiras, Liu, Nature Physics 12, 469 (2016), Methods.
    Cubuk, PhD thesis (Harvard, 2016), section 5.3.3.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> features = rng.normal(size=(200, 3))
    >>> labels = np.where(features[:, 0] > 0, 1, -1)
    >>> model = Softness().fit(features, labels)
    >>> bool(model.score(features, labels) > 0.95), model.decision_function(features).shape
    (True, (200,))
    """

    name: ClassVar[str] = "softness"

    def __init__(
        self,
        C: float = 1.0,
        *,
        loss: str = "hinge",
        solver: str = "svc",
        tol: float = 1e-3,
        max_iter: int | None = None,
        min_sd: float = 0.0,
        random_state: int | None = None,
    ) -> None:
        self.C = C
        self.loss = loss
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.min_sd = min_sd
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        """Say that there are two classes and no more."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags

    def to_dict(self) -> dict[str, Any]:
        """Return the name and the parameters."""
        return {"name": self.name, **self.get_params()}

    def fit(self, X: Any, y: Any) -> Self:
        """Find the plane.

        Parameters
        ----------
        X : (n, M) array_like
            Structure functions.
        y : (n,) array_like
            Two labels; the larger one is soft (+1 against −1).
        """
        self._check_parameters()
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        kind = type_of_target(y, input_name="y", raise_unknown=True)
        if kind != "binary":
            raise ValueError(f"Only binary classification is supported. The type of the target is {kind}.")
        self.classes_, encoded = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ParameterError(
                f"`y` must hold two classes, soft and hard; it holds one class, {self.classes_[0]}."
            )
        self.mean_, self.scale_, varies = standardisation(X)
        varies &= ~(self.scale_ < self.min_sd)
        if not varies.any():
            raise ParameterError(
                f"All {X.shape[1]} columns of `X` are constant (or vary less than `min_sd` = {self.min_sd:g}): there is "
                "nothing to learn from."
            )
        standardised = (X[:, varies] - self.mean_[varies]) / self.scale_[varies]
        weights, self.intercept_, self.n_iter_ = self._solve(standardised, encoded)
        self.coef_ = np.zeros((1, X.shape[1]))
        self.coef_[0, varies] = weights
        return self

    def _check_parameters(self) -> None:
        if self.solver not in _LOSSES:
            raise ParameterError(f"`solver` must be one of {', '.join(_LOSSES)}; it is '{self.solver}'.")
        if self.loss not in _LOSSES[self.solver]:
            raise ParameterError(
                f"`solver` = '{self.solver}' knows the `loss` {' and '.join(_LOSSES[self.solver])}; it is "
                f"'{self.loss}'. The squared hinge needs `solver` = 'linear_svc'."
            )
        if not self.C > 0:
            raise ParameterError(f"`C` must be positive; it is {self.C}.")

    def _solve(
        self, standardised: NDArray[np.float64], encoded: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
        """Return w (M,), b (1,) and the number of iterations."""
        from sklearn.svm import SVC, LinearSVC

        limit = _PATIENCE[self.solver] if self.max_iter is None else self.max_iter
        if self.solver == "svc":
            cache = min(1000.0, 200.0 + 4e-6 * len(encoded) ** 2)  # MB; the whole kernel matrix if it fits
            machine = SVC(kernel="linear", C=self.C, tol=self.tol, max_iter=limit, cache_size=cache)
        else:
            machine = LinearSVC(
                C=self.C,
                loss=self.loss,
                tol=self.tol,
                max_iter=limit,
                random_state=self.random_state,
                dual=True if self.loss == "hinge" else "auto",
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            machine.fit(standardised, encoded)
        iterations = int(np.max(machine.n_iter_))
        if getattr(machine, "fit_status_", 0) or (self.solver == "linear_svc" and iterations >= limit):
            raise ConvergenceError(
                f"The support vector machine did not converge within `max_iter` = {limit} iterations for "
                f"{len(encoded)} examples, {standardised.shape[1]} features and C = {self.C:g}. Raise `max_iter` or "
                "`tol`, or lower `C`."
            )
        return machine.coef_[0], np.array(machine.intercept_, dtype=np.float64).reshape(1), max(1, iterations)

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the softness of each row, (n,); the same bits whatever the other rows are."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return evaluate_plane(X, self.mean_, self.scale_, self.coef_[0], float(self.intercept_[0]))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the label of each row: soft where the softness is positive."""
        soft = self.decision_function(X) > 0
        return self.classes_[soft.astype(int)]


@dataclass(frozen=True)
class CrossValidation:
    """Accuracy on examples that were not learned from.

    Parameters
    ----------
    accuracy : float
        Mean over the folds.
    standard_error : float
        Of that mean, from the scatter of the folds.
    per_fold : tuple of float
    n : int
        Examples, all folds together.
    n_events : int
        Soft examples among them.
    n_groups : int
        Trajectory segments that the folds were cut along.
    """

    accuracy: float
    standard_error: float
    per_fold: tuple[float, ...]
    n: int
    n_events: int
    n_groups: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def cross_validate(
    features: ArrayLike,
    labels: ArrayLike,
    groups: ArrayLike,
    *,
    estimator: Any = None,
    n_splits: int = 6,
) -> CrossValidation:
    """Return the accuracy of a classifier on held-out trajectory segments.

    Neighbouring frames are nearly the same structure: a fold that shares a segment with the training examples would
    test what was learned by heart. So whole segments are held out, with the classes balanced as well as they allow.

    Parameters
    ----------
    features : (n, M) array_like
    labels : (n,) array_like
    groups : (n,) array_like of int
        Trajectory segment of each example.
    estimator : classifier, default Softness()
        Cloned for every fold.
    n_splits : int, default 6

    Raises
    ------
    ParameterError
        If there are fewer segments than folds.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> features, labels = rng.normal(size=(240, 2)), np.tile([1, -1], 120)
    >>> features[:, 0] += labels
    >>> result = cross_validate(features, labels, groups=np.repeat(np.arange(12), 20))
    >>> bool(0.7 < result.accuracy < 0.95), len(result.per_fold), result.n_events, result.n_groups
    (True, 6, 120, 12)
    """
    from sklearn.model_selection import StratifiedGroupKFold

    features = np.asarray(features, dtype=np.float64)
    labels, groups = np.asarray(labels), np.asarray(groups)
    n_groups = len(np.unique(groups))
    if n_splits < 2 or n_groups < n_splits:
        raise ParameterError(
            f"Cross-validation with `n_splits` = {n_splits} needs at least two folds and as many trajectory segments as "
            f"folds; `groups` names {n_groups}. Lower `n_splits` or cut the trajectory into more segments."
        )
    estimator = Softness() if estimator is None else estimator
    per_fold = []
    for train, test in StratifiedGroupKFold(n_splits).split(features, labels, groups):
        fitted = clone(estimator).fit(features[train], labels[train])
        per_fold.append(float(np.mean(fitted.predict(features[test]) == labels[test])))
    error = float(np.std(per_fold, ddof=1) / np.sqrt(n_splits))
    n_events = int(np.count_nonzero(labels == labels.max()))
    return CrossValidation(float(np.mean(per_fold)), error, tuple(per_fold), len(labels), n_events, n_groups)


@dataclass(frozen=True)
class ChosenC:
    """The C of the highest held-out accuracy, and the accuracies of all candidates.

    Parameters
    ----------
    C : float
        The smallest of the best candidates.
    candidates : tuple of float
        Ascending.
    results : tuple of CrossValidation
        In the same order.
    """

    C: float
    candidates: tuple[float, ...]
    results: tuple[CrossValidation, ...]


def select_C(
    features: ArrayLike,
    labels: ArrayLike,
    groups: ArrayLike,
    candidates: Sequence[float] = (0.01, 0.1, 1.0, 10.0),
    *,
    estimator: Any = None,
    n_splits: int = 6,
) -> ChosenC:
    """Choose C by the accuracy on held-out trajectory segments.

    Parameters
    ----------
    features, labels, groups
        As for `cross_validate`.
    candidates : sequence of float
        Values of C.
    estimator : classifier with a parameter C, default Softness()
    n_splits : int, default 6

    Raises
    ------
    ParameterError
        If there is no candidate, or fewer segments than folds.
    ConvergenceError
        If the solver does not converge for one of them.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> features, labels = rng.normal(size=(240, 2)), np.tile([1, -1], 120)
    >>> features[:, 0] += labels
    >>> choice = select_C(features, labels, np.repeat(np.arange(6), 40), (1e-3, 1.0))
    >>> choice.C in choice.candidates, len(choice.results)
    (True, 2)
    """
    ascending = tuple(sorted(float(c) for c in candidates))
    if not ascending:
        raise ParameterError("`candidates` is empty; give at least one value of C.")
    estimator = Softness() if estimator is None else estimator
    results = tuple(
        cross_validate(
            features, labels, groups, estimator=clone(estimator).set_params(C=c), n_splits=n_splits
        )
        for c in ascending
    )
    best = int(np.argmax([r.accuracy for r in results]))
    return ChosenC(ascending[best], ascending, results)
