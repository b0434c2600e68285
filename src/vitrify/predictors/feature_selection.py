"""Forward selection: a few features that together correlate with a target almost as well as all of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError
from vitrify.predictors._ridge_path import usable
from vitrify.predictors.normal_equations import Moments, NormalEquations
from vitrify.predictors.ridge import RidgeRegression, agreement_of, configuration_folds

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

_TIE = 1e-12  # of the largest gain: what differs by less is equal, and the first is taken


class Steps(NamedTuple):
    """What forward selection took, in order.

    Attributes
    ----------
    indices : (n,) int
        Positions of the features.
    names : tuple of n str
    multiple_correlation : (n,) float
        R of the features up to here with the target, over the training configurations.
    residual_variance : (n,) float
        Fraction of the variance of the feature that those before do not have.
    """

    indices: NDArray[np.int64]
    names: tuple[str, ...]
    multiple_correlation: Array
    residual_variance: Array


@dataclass(frozen=True)
class ForwardSelection:
    r"""Features taken one after the other, each the one that raises the multiple correlation R with the target most.

    With the correlation matrix C of the selected features and the vector c of their correlations with the target

    .. math::

        R^2 = c^T C^{-1} c

    and the next feature is the one with the largest :math:`r_k^2 / v_k`, its covariance with what the selected ones leave of
    the target over its own residual variance.

    Parameters
    ----------
    n_features : int, default 100
        At most so many.
    smallest_residual : float, default 1e-3
        Features of which those selected before leave a smaller fraction of the variance are passed over.
    smallest_gain : float, default 0
        It ends where R grows by no more than this.
    ridge : RidgeRegression
        Fits the selected features where held-out configurations are predicted, and says which features are too seldom different
        from their mean to be used.

    Raises
    ------
    ParameterError
        If a number is outside its range.

    Notes
    -----
    **Scale**: 1. **Differs from**: ranking features by their own correlation, which takes many that say the same, and from
    an exhaustive search, of which it has the first step in common. **Invariant under**: shifting and scaling features; of
    equal features the first is taken. **Cost**: M n² after the correlation matrix; particles are not needed again.

    References
    ----------
    Boattini, Smallenburg, Filion, Phys. Rev. Lett. 127, 088007 (2021), Fig. 2.
    Boattini, Bezem, Punnathanam, Smallenburg, Filion, J. Chem. Phys. 153, 064902 (2020).

    Examples
    --------
    >>> from vitrify.predictors.normal_equations import normal_equations
    >>> x = np.random.default_rng(0).normal(size=(200, 3))
    >>> found = ForwardSelection(2).select(normal_equations([("a", x, x[:, 2] + 0.5 * x[:, 0])], ["x", "y", "z"]))
    >>> found.names
    ('z', 'x')
    """

    n_features: int = 100
    smallest_residual: float = 1e-3
    smallest_gain: float = 0.0
    ridge: RidgeRegression = field(default_factory=RidgeRegression)

    def __post_init__(self) -> None:
        if self.n_features < 1:
            raise ParameterError(f"`n_features` must be at least 1; it is {self.n_features}.")
        if not 0 < self.smallest_residual < 1:
            raise ParameterError(
                f"`smallest_residual` must lie between 0 and 1; it is {self.smallest_residual}."
            )
        if not self.smallest_gain >= 0:
            raise ParameterError(f"`smallest_gain` must be at least 0; it is {self.smallest_gain}.")

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters."""
        return asdict(self)

    def select(
        self, equations: NormalEquations, configurations: ArrayLike | None = None, target: int = 0
    ) -> Steps:
        """Select features.

        Parameters
        ----------
        equations : NormalEquations
        configurations : (n,) array_like of int, optional
            Positions of those to select by; all by default.
        target : int, default 0

        Returns
        -------
        Steps
            Fewer than `n_features` where no other feature adds anything.

        Raises
        ------
        ParameterError
            If no feature varies, or the target does not.
        """
        moments = equations.moments(configurations, within=self.ridge.within)
        chosen, correlation, residual = self._greedy(moments, target, equations.feature_names)
        return Steps(chosen, tuple(equations.feature_names[k] for k in chosen), correlation, residual)

    def cross_validate(
        self, equations: NormalEquations, n_folds: int = 5, target: int = 0, seed: int | None = None
    ) -> xr.Dataset:
        """Select on the configurations that are not left out, and score every step on those that are.

        Parameters
        ----------
        equations : NormalEquations
        n_folds : int, default 5
        target : int, default 0
        seed : int, optional
            Of the division into folds.

        Returns
        -------
        xarray.Dataset
            Dims configuration, step: ``pearson``, ``squared_error``; dim step: ``pearson_mean``, ``pearson_sd``,
            ``pearson_error``; dims fold, step: ``feature``, ``strength``, ``multiple_correlation``, ``residual_variance``. Steps
            end with the shortest selection.

        Raises
        ------
        TooFewEventsError
            If there are fewer configurations than folds.
        ParameterError
            As `select`.
        """
        import xarray as xr

        fold_of = configuration_folds(equations.n_configurations, n_folds, seed)
        found = [self.select(equations, np.flatnonzero(fold_of != fold), target) for fold in range(n_folds)]
        n = min(len(steps.names) for steps in found)
        pearson, error = (np.empty((equations.n_configurations, n)) for _ in range(2))
        strength = np.empty((n_folds, n))
        for fold, steps in enumerate(found):
            inside = equations.select(steps.indices[:n])
            for step in range(n):
                few = inside.select(np.arange(step + 1))
                model = self.ridge.fit(few, np.flatnonzero(fold_of != fold), target)
                strength[fold, step] = model.strength
                for k in np.flatnonzero(fold_of == fold):
                    found_here = agreement_of([model], few, int(k), [target])
                    pearson[k, step], error[k, step] = (part[0] for part in found_here)
        from vitrify.predictors._propensity_words import labelled
        from vitrify.predictors.propensity_scores import spread_over_configurations

        both, by_fold = ("configuration", "step"), ("fold", "step")
        scores = xr.Dataset(
            {
                "pearson": (both, pearson),
                "squared_error": (both, error),
                "feature": (by_fold, np.array([steps.names[:n] for steps in found], str)),
                "strength": (by_fold, strength),
                "multiple_correlation": (by_fold, np.array([s.multiple_correlation[:n] for s in found])),
                "residual_variance": (by_fold, np.array([s.residual_variance[:n] for s in found])),
            },
            {"configuration": list(equations.configurations), "step": np.arange(1, n + 1)},
        )
        return labelled(spread_over_configurations(scores, ("pearson",)))

    def _greedy(
        self, moments: Moments, target: int, names: tuple[str, ...]
    ) -> tuple[NDArray[np.int64], Array, Array]:
        """Return what is selected, R and the residual variance after each step; orthogonal to what came before."""
        used = usable(moments, self.ridge.fewest, self.ridge.min_sd)
        variance = float(moments.target_variance[target])
        if not len(used) or variance <= 0:
            raise ParameterError(
                f"Nothing can be selected: {len(used)} of {len(names)} features vary, and the variance of the target is {variance:g}."
            )
        scale = np.sqrt(np.diagonal(moments.covariance)[used])
        covariance = (
            moments.cross[used, target] / scale / np.sqrt(variance)
        )  # with what is left of the target
        residual = np.ones(len(used))
        most = min(self.n_features, len(used))
        basis = np.empty((most, len(used)))
        chosen: list[int] = []
        correlation, left, explained = [], [], 0.0
        for step in range(most):
            open_to = residual > self.smallest_residual
            open_to[chosen] = False
            gain = np.where(open_to, covariance**2 / np.where(open_to, residual, 1.0), -1.0)
            best = int(np.argmax(gain >= gain.max() * (1 - _TIE)))
            r = np.sqrt(min(explained + gain[best], 1.0))
            if gain[best] <= 0 or (step and r - np.sqrt(explained) <= self.smallest_gain):
                break
            row = moments.covariance[used[best], used] / scale[best] / scale
            row = (row - basis[:step, best] @ basis[:step]) / np.sqrt(residual[best])
            left.append(residual[best])
            basis[step] = row
            covariance = covariance - row * covariance[best] / np.sqrt(residual[best])
            residual = residual - row**2
            explained = r**2
            chosen.append(best)
            correlation.append(r)
        return used[chosen], np.array(correlation), np.array(left)
