"""Ridge regressions of every strength at once, from the moments of configurations, and the divisions of these."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ParameterError, TooFewEventsError
from vitrify.predictors.normal_equations import Moments

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

_SMALLEST_EIGENVALUE = 1e-13  # of the largest, below which a direction is none
_SMALLEST_PENALTY = 1e-10  # of the largest eigenvalue there can be, below which the factors would lose digits
_FEW_PENALTIES = 20  # as many triangular factors cost as much as one eigendecomposition


class Path(NamedTuple):
    """Models for every strength: of the standardised features that are `used`, one column a strength and target."""

    used: Indices
    weights: Array  # (m, L, T)
    scale: Array  # (m,)
    moments: Moments


def solve(
    moments: Moments,
    names: tuple[str, ...],
    targets: Indices,
    factors: tuple[float, ...],
    strengths: tuple[float, ...],
    fewest: float,
    min_sd: float = 0.0,
) -> Path:
    """Return the models of every strength, by triangular factors of each, or one eigendecomposition for many or weak ones.

    Parameters
    ----------
    moments : Moments
    names : tuple of M str
        Of the features.
    targets : (T,) int
        Which of the targets.
    factors : tuple of float
        φ of the features of order 0, 1, 2, …; the last number goes on for higher orders.
    strengths : tuple of L float
        λ.
    fewest : float
        Features whose variance is carried by fewer particles get no weight.
    min_sd : float, default 0
        Nor do features that vary less.

    Raises
    ------
    ParameterError
        If no feature varies.
    """
    used = usable(moments, fewest, min_sd)
    if not len(used):
        raise ParameterError(
            f"None of the {len(names)} features varies over {moments.n:g} particles; the first is "
            f"'{names[0]}'."
        )
    scale = np.sqrt(np.diagonal(moments.covariance)[used])
    orders = np.array([averaging_order(names[k]) for k in used])
    root = np.sqrt(np.array(factors)[np.minimum(orders, len(factors) - 1)])
    whole = scale * root
    covariance = moments.covariance[np.ix_(used, used)] / whole[:, None] / whole
    cross = moments.cross[np.ix_(used, targets)] / whole[:, None]
    penalties = np.array(strengths) / moments.n
    by_triangles = penalties.min() > _SMALLEST_PENALTY * len(used) and len(penalties) <= _FEW_PENALTIES
    weights = (_by_triangles if by_triangles else _by_eigenvectors)(covariance, cross, penalties)
    weights /= root[:, None, None]
    return Path(used, weights, scale, moments)


def _by_triangles(covariance: Array, cross: Array, penalties: Array) -> Array:
    """Return the weights (m, L, T) by a Cholesky factor for each penalty."""
    from scipy.linalg import cho_factor, cho_solve

    weights = np.empty((len(covariance), len(penalties), cross.shape[1]))
    diagonal = np.diag_indices_from(covariance)
    own = covariance[diagonal].copy()
    for k, penalty in enumerate(penalties):
        covariance[diagonal] = own + penalty
        factor = cho_factor(covariance, lower=True, check_finite=False)
        weights[:, k] = cho_solve(factor, cross, check_finite=False)
    return weights


def _by_eigenvectors(covariance: Array, cross: Array, penalties: Array) -> Array:
    """Return the weights (m, L, T) by eigenvectors; directions that do not vary get none where there is no penalty."""
    from scipy.linalg import eigh

    values, vectors = eigh(covariance, overwrite_a=True, check_finite=False, driver="evd")
    sums = values[:, None] + penalties
    there = sums > _SMALLEST_EIGENVALUE * values[-1] * len(covariance)
    inverse = np.where(there, 1.0 / np.where(there, sums, 1.0), 0.0)
    small = (vectors.T @ cross)[:, None, :] * inverse[:, :, None]
    return np.asarray((vectors @ small.reshape(len(covariance), -1)).reshape(small.shape), np.float64)


def averaging_order(feature: str) -> int:
    """Return how often a feature was averaged over surroundings, from its name as `ShellAverage` gives it.

    Examples
    --------
    >>> averaging_order("q_8(1.7)"), averaging_order("avg2[q_8(1.7)]")
    (0, 2)
    """
    found = re.match(r"avg(\d+)\[", feature)
    return int(found.group(1)) if found else 0


def configuration_folds(n: int, n_folds: int, seed: int | None = None) -> Indices:
    """Return the fold of each of n configurations, (n,): one after the other, or drawn.

    Raises
    ------
    TooFewEventsError
        If there are fewer configurations than folds, or fewer than two folds.

    Examples
    --------
    >>> configuration_folds(5, 2).tolist()
    [0, 1, 0, 1, 0]
    """
    if not 2 <= n_folds <= n:
        raise TooFewEventsError(
            f"Leaving out configurations in turn needs at least two folds and a configuration for each; `n_folds` is {n_folds} "
            f"for {n} configurations."
        )
    folds = np.arange(n) % n_folds
    return folds if seed is None else np.random.default_rng(seed).permutation(folds)


def usable(moments: Moments, fewest: float, min_sd: float = 0.0) -> Indices:
    """Return the features that vary enough, and by enough particles, to get a weight."""
    varies = np.sqrt(np.maximum(np.diagonal(moments.covariance), 0.0)) >= min_sd
    return np.flatnonzero((moments.carriers >= fewest) & varies)


def unused_features(
    moments: Moments, names: tuple[str, ...], fewest: float, min_sd: float = 0.0
) -> dict[str, str]:
    """Return the features that get no weight, each with the reason.

    Examples
    --------
    >>> from vitrify.predictors.normal_equations import normal_equations
    >>> two = normal_equations([("a", [[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]], [0.0, 1.0, 2.0])], ["x", "y"])
    >>> unused_features(two.moments(), two.feature_names, fewest=1.0)
    {'x': 'does not vary'}
    """
    used = set(usable(moments, fewest, min_sd).tolist())
    spread = np.sqrt(np.maximum(np.diagonal(moments.covariance), 0.0))
    reasons = {}
    for k, carriers in enumerate(moments.carriers.tolist()):
        if k in used:
            continue
        if carriers == 0:
            reasons[names[k]] = "does not vary"
        elif carriers < fewest:
            reasons[names[k]] = f"{carriers:.1f} particles carry its variance"
        else:
            reasons[names[k]] = f"varies by {spread[k]:.1g} only"
    return reasons
