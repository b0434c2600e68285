"""Ridge regression of any target on standardised features, its strength chosen on configurations that were left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, TooFewEventsError
from vitrify.predictors._ridge_path import (
    Path,
    averaging_order,
    configuration_folds,
    solve,
    unused_features,
)
from vitrify.predictors.normal_equations import NormalEquations
from vitrify.predictors.trained_ridge import TrainedRidge

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "CRITERIA",
    "STRENGTHS",
    "HeldOut",
    "RidgeRegression",
    "agreement_of",
    "averaging_order",
    "configuration_folds",
    "unused_features",
]

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

CRITERIA = ("pearson", "error")
STRENGTHS = tuple(float(f"{10 ** (k / 2):.3g}") for k in range(0, 13))  # 1 … 1e6, half decades


@dataclass(frozen=True)
class HeldOut:
    """Scores on configurations that neither a model nor its strength has seen.

    Attributes
    ----------
    scores : xarray.Dataset
        Dims configuration, target: ``pearson``, ``squared_error`` and, along configuration, ``fold``; dims fold, target:
        ``strength``, ``factors``, ``validation``.
    models : tuple of tuple of TrainedRidge
        One for each fold and target.
    """

    scores: xr.Dataset
    models: tuple[tuple[TrainedRidge, ...], ...]

    def model(self, configuration: str, target: int = 0) -> TrainedRidge:
        """Return the model that has not seen this configuration."""
        return self.models[int(self.scores["fold"].sel(configuration=str(configuration)))][target]


@dataclass(frozen=True)
class RidgeRegression:
    r"""Weights that minimise the squared error of a linear prediction and their own squared length.

    .. math::

        \sum_i \Big(y_i - b - \sum_k w_k z_{ik}\Big)^2 + \lambda \sum_k \phi_k w_k^2, \qquad
        z_{ik} = (X_{ik} - \langle X_k \rangle) / \sigma_k

    The factor φ is 1, or a number for each order of averaging. λ and φ are those of the lists with the best mean score
    over configurations that were left out in turn.

    Parameters
    ----------
    strengths : tuple of float, default 1, 3.16, 10, … 1e6
        λ, beside errors summed over all particles.
    order_factors : tuple of tuple of float, default ((1.0,),)
        Candidates for φ of the features of order 0, 1, 2, …; the last number goes on for higher orders. The order is read
        from the name, see `averaging_order`.
    criterion : {"pearson", "error"}, default "pearson"
        Mean over left-out configurations of Pearson's coefficient, or of the squared error.
    n_folds : int, default 5
        Folds of the choice of λ; as many as there are configurations, if those are fewer.
    within : bool, default False
        Fit differences from the mean of each configuration in place of differences from the common mean.
    fewest : float, default 10
        Features whose variance is carried by fewer particles than this get no weight; see `Moments.carriers`.
    min_sd : float, default 0
        Nor do features whose standard deviation is smaller than this, in their own unit: the tail of a Gaussian function below
        contact varies by 1e-30 of a neighbour, and one particle in a new configuration is 1e7 standard deviations away.
    strength_alone : float, default 0.3
        λ per particle where a single configuration leaves none to choose by.

    Raises
    ------
    ParameterError
        If a strength or factor is negative or not finite, a list is empty, the criterion is unknown, `n_folds` < 2, or another
        number is not positive.

    Notes
    -----
    **Scale**: 1 for Pearson's coefficient; predictions have the unit of the target.
    **Differs from**: scikit-learn's ``RidgeCV``, which leaves out particles, whose neighbours are then in the training;
    its ``Ridge(alpha=λ)`` on standardised features has the same weights.
    **Invariant under**: shifting and scaling features.
    **Cost**: for each fold and candidate of φ M³/3 operations a strength, or one eigendecomposition of about 9 M³ for more
    than twenty; whatever the number of targets and particles.

    References
    ----------
    Hoerl and Kennard, Technometrics 12, 55 (1970).
    Boattini, Smallenburg, Filion, Phys. Rev. Lett. 127, 088007 (2021).

    Examples
    --------
    >>> from vitrify.predictors.normal_equations import normal_equations
    >>> rng = np.random.default_rng(0)
    >>> blocks = [(k, x := rng.normal(size=(100, 2)), x @ [2.0, 0.0]) for k in range(4)]
    >>> model = RidgeRegression().fit(normal_equations(blocks, ["x", "y"]))
    >>> model.predict([[1.0, 5.0]]).round(1).item(), model.strength
    (2.0, 1.0)
    """

    strengths: tuple[float, ...] = STRENGTHS
    order_factors: tuple[tuple[float, ...], ...] = ((1.0,),)
    criterion: str = "pearson"
    n_folds: int = 5
    within: bool = False
    fewest: float = 10.0
    min_sd: float = 0.0
    strength_alone: float = 0.3

    def __post_init__(self) -> None:
        strengths = tuple(float(s) for s in self.strengths)
        if not strengths or not all(np.isfinite(s) and s >= 0 for s in strengths):
            raise ParameterError(f"`strengths` must be one or more numbers of at least 0; got {strengths}.")
        factors = tuple(tuple(float(f) for f in each) for each in self.order_factors)
        if not factors or not all(each and all(np.isfinite(f) and f > 0 for f in each) for each in factors):
            raise ParameterError(
                f"`order_factors` must be one or more rows of positive numbers; got {factors}."
            )
        if self.criterion not in CRITERIA:
            raise ParameterError(f"`criterion` must be 'pearson' or 'error'; it is '{self.criterion}'.")
        if self.n_folds < 2:
            raise ParameterError(f"`n_folds` must be at least 2; it is {self.n_folds}.")
        for name in ("fewest", "strength_alone"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise ParameterError(f"`{name}` must be a positive number; it is {value}.")
        if not (np.isfinite(self.min_sd) and self.min_sd >= 0):
            raise ParameterError(f"`min_sd` must be a number of at least 0; it is {self.min_sd}.")
        object.__setattr__(self, "strengths", tuple(sorted(strengths)))
        object.__setattr__(self, "order_factors", factors)

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters."""
        return asdict(self)

    def fit(
        self,
        equations: NormalEquations,
        configurations: ArrayLike | None = None,
        target: int = 0,
        **rest: Any,
    ) -> TrainedRidge:
        """Choose the strength and fit.

        Parameters
        ----------
        equations : NormalEquations
        configurations : (n,) array_like of int, optional
            Positions of those to train on; all by default.
        target : int, default 0
        **rest
            Of `TrainedRidge`: descriptors, species_names, centre_species, positions, training.

        Returns
        -------
        TrainedRidge
            ``training`` says which configurations and particles, what the choice of λ rests on, and whether the λ chosen is the
            first or last of the list.

        Raises
        ------
        ParameterError
            If no feature varies, or the target does not vary within a configuration.
        TooFewEventsError
            If there is no configuration.
        """
        kept = np.arange(equations.n_configurations) if configurations is None else np.asarray(configurations)
        return self._fit(equations, kept, np.array([target]), **rest)[0]

    def validate(self, equations: NormalEquations, configurations: ArrayLike | None = None) -> xr.Dataset:
        """Return the score of every strength on left-out configurations: what the choice is made from.

        Parameters
        ----------
        equations, configurations
            As of `fit`.

        Returns
        -------
        xarray.Dataset
            Dims configuration, factors, strength, target: ``pearson``, ``squared_error``. They are not those of a model
            whose strength was chosen with them; for such see `cross_validate`.

        Raises
        ------
        TooFewEventsError
            If there are fewer than two configurations.
        """
        import xarray as xr

        kept = np.arange(equations.n_configurations) if configurations is None else np.asarray(configurations)
        targets = np.arange(len(equations.target_names))
        pearson, error = self._validation(equations, kept, targets)
        dims = ("configuration", "factors", "strength", "target")
        return _described(
            xr.Dataset(
                {"pearson": (dims, pearson), "squared_error": (dims, error)},
                {
                    "configuration": [equations.configurations[k] for k in kept],
                    "factors": [_words(each) for each in self.order_factors],
                    "strength": list(self.strengths),
                    "target": list(equations.target_names),
                },
            )
        )

    def cross_validate(
        self, equations: NormalEquations, n_folds: int = 5, seed: int | None = None, **rest: Any
    ) -> HeldOut:
        """Score every configuration by a model, and a strength, chosen without it.

        Each fold of configurations is left out in turn; the others are divided again to choose the strength.

        Parameters
        ----------
        equations : NormalEquations
        n_folds : int, default 5
        seed : int, optional
            Of the division into folds; neighbours in the list go into different folds without it.
        **rest
            As of `fit`.

        Returns
        -------
        HeldOut

        Raises
        ------
        TooFewEventsError
            If there are fewer configurations than folds.
        """
        import xarray as xr

        n, targets = equations.n_configurations, np.arange(len(equations.target_names))
        fold_of = configuration_folds(n, n_folds, seed)
        pearson, error = np.empty((n, len(targets))), np.empty((n, len(targets)))
        models = []
        for fold in range(n_folds):
            models.append(self._fit(equations, np.flatnonzero(fold_of != fold), targets, **rest))
            for k in np.flatnonzero(fold_of == fold):
                pearson[k], error[k] = agreement_of(models[-1], equations, int(k), targets)
        each: dict[str, Any] = {
            key: (("fold", "target"), np.array([[m.training[key] for m in row] for row in models], kind))
            for key, kind in (("factors", str), ("validation", float))
        }
        both = ("configuration", "target")
        scores = xr.Dataset(
            {
                "pearson": (both, pearson),
                "squared_error": (both, error),
                "fold": ("configuration", fold_of),
                "strength": (("fold", "target"), [[m.strength for m in row] for row in models]),
                **each,
            },
            {"configuration": list(equations.configurations), "target": list(equations.target_names)},
            {"n_features": len(equations.feature_names)},
        )
        return HeldOut(_described(scores), tuple(models))

    def _fit(
        self, equations: NormalEquations, kept: Indices, targets: Indices, **rest: Any
    ) -> tuple[TrainedRidge, ...]:
        """Return one model for each target."""
        if len(kept) < 2:
            return self._fit_alone(equations, kept, targets, **rest)
        if len(self.strengths) == 1 and len(self.order_factors) == 1:
            best, score = [(0, 0)] * len(targets), None
        else:
            pearson, error = self._validation(equations, kept, targets)
            score = pearson.mean(axis=0) if self.criterion == "pearson" else -error.mean(axis=0)
            best = [_largest(score[..., t]) for t in range(len(targets))]
        paths = {f: self._path(equations, kept, targets, self.order_factors[f]) for f in {b[0] for b in best}}
        models = []
        for t, (f, s) in enumerate(best):
            found = None if score is None else abs(float(score[f, s, t]))
            account = {
                "validation": found,
                "at_edge": len(self.strengths) > 1 and s in (0, len(self.strengths) - 1),
            }
            models.append(
                self._model(
                    equations, kept, paths[f], (s, t, targets[t]), self.strengths[s], f, account, rest
                )
            )
        return tuple(models)

    def _fit_alone(
        self, equations: NormalEquations, kept: Indices, targets: Indices, **rest: Any
    ) -> tuple[TrainedRidge, ...]:
        strength = self.strengths[0]
        if len(self.strengths) > 1 and len(kept):
            strength = self.strength_alone * float(equations.count[kept].sum())
        path = self._path(equations, kept, targets, self.order_factors[0], (strength,))
        account = {"validation": None, "at_edge": False}
        return tuple(
            self._model(equations, kept, path, (0, t, targets[t]), strength, 0, account, rest)
            for t in range(len(targets))
        )

    def _model(
        self,
        equations: NormalEquations,
        kept: Indices,
        path: Path,
        which: tuple[int, int, int],
        strength: float,
        factors: int,
        account: dict[str, Any],
        rest: dict[str, Any],
    ) -> TrainedRidge:
        s, t, target = which
        m = len(equations.feature_names)
        weights, scale = np.zeros(m), np.ones(m)
        weights[path.used], scale[path.used] = path.weights[:, s, t], path.scale
        training = {
            "configurations": [equations.configurations[k] for k in kept],
            "n_particles": int(path.moments.n),
            "factors": _words(self.order_factors[factors]),
            "ridge": self.to_dict(),
            **account,
            **rest.get("training", {}),
        }
        return TrainedRidge(
            weights,
            path.moments.target_mean[target],
            path.moments.mean,
            scale,
            equations.feature_names,
            strength,
            unused_features(path.moments, equations.feature_names, self.fewest, self.min_sd),
            equations.target_names[target],
            **{**rest, "training": training},
        )

    def _validation(self, equations: NormalEquations, kept: Indices, targets: Indices) -> tuple[Array, Array]:
        """Return Pearson's coefficient and squared error of left-out configurations, (n, factors, strengths, targets)."""
        if len(kept) < 2:
            raise TooFewEventsError(
                f"To choose a strength on left-out configurations takes at least two; there are {len(kept)}."
            )
        n_folds = min(self.n_folds, len(kept))
        fold_of = configuration_folds(len(kept), n_folds)
        shape = (len(kept), len(self.order_factors), len(self.strengths), len(targets))
        pearson, error = np.empty(shape), np.empty(shape)
        which = np.tile(targets, len(self.strengths))
        for fold in range(n_folds):
            training = kept[fold_of != fold]
            for f, factors in enumerate(self.order_factors):
                path = self._path(equations, training, targets, factors)
                raw = np.zeros((len(equations.feature_names), len(which)))
                raw[path.used] = path.weights.reshape(len(path.used), -1) / path.scale[:, None]
                bias = path.moments.target_mean[which] - path.moments.mean @ raw
                for place in np.flatnonzero(fold_of == fold):
                    found = equations.agreement(kept[place], raw, bias, which)
                    pearson[place, f], error[place, f] = (part.reshape(shape[2:]) for part in found)
        return pearson, error

    def _path(
        self,
        equations: NormalEquations,
        kept: Indices,
        targets: Indices,
        factors: tuple[float, ...],
        strengths: tuple[float, ...] | None = None,
    ) -> Path:
        moments = equations.moments(kept, within=self.within)
        penalties = self.strengths if strengths is None else strengths
        names = equations.feature_names
        return solve(moments, names, targets, factors, penalties, self.fewest, self.min_sd)


def agreement_of(
    models: Sequence[TrainedRidge], equations: NormalEquations, configuration: int, targets: ArrayLike
) -> tuple[Array, Array]:
    """Return Pearson's coefficient and squared error of models, each for its target, in one configuration.

    Examples
    --------
    >>> from vitrify.predictors.normal_equations import normal_equations
    >>> two = normal_equations([("a", [[0.0], [1.0], [2.0]], [1.0, 2.0, 3.0])], ["x"])
    >>> line = TrainedRidge([2.0], 0.0, [0.0], [1.0], ["x"], 0.0)
    >>> [part.round(6).tolist() for part in agreement_of([line], two, 0, [0])]
    [[1.0], [0.666667]]
    """
    weights = np.stack([m.weights / m.scale for m in models], axis=1)
    bias = np.array([m.bias - m.mean @ w for m, w in zip(models, weights.T, strict=True)])
    return equations.agreement(configuration, weights, bias, np.asarray(targets))


def _largest(score: Array) -> tuple[int, int]:
    """Return where the score is largest; of equal ones the strongest penalty."""
    factors, strengths = np.nonzero(score == score.max())
    last = int(np.argmax(strengths))
    return int(factors[last]), int(strengths[last])


def _words(factors: tuple[float, ...]) -> str:
    return ":".join(f"{f:g}" for f in factors)


def _described(dataset: xr.Dataset) -> xr.Dataset:
    from vitrify.predictors._propensity_words import labelled

    return labelled(dataset)
