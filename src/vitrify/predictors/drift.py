"""Where a softness was not trained: features outside the range of its training examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, ShapeError

CENTRAL = 0.99
"""The part of the training examples that lies inside the range of a feature, by construction."""
MOST_OUTSIDE = 3.0
"""Times the expected part outside, on the mean over features, from which on a drift is said."""
MOST_OUTSIDE_ONE = 10.0
"""The same for any one feature."""
_SIGMAS = 3.0
_TAIL = 0.5 * (1.0 - CENTRAL)
_ARRAYS = ("low", "high", "minimum", "maximum")
_BLOCK_BYTES = 2**26


@dataclass(frozen=True, eq=False)
class FeatureRange:
    """Range of each feature over the examples that a softness was learned from.

    Parameters
    ----------
    low, high : (M,) array_like
        0.5 and 99.5 per cent quantiles.
    minimum, maximum : (M,) array_like
    n : int
        Examples.

    Raises
    ------
    ShapeError
        If the arrays have not the same length.
    ParameterError
        If they do not ascend from minimum to maximum.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    minimum: NDArray[np.float64]
    maximum: NDArray[np.float64]
    n: int

    def __post_init__(self) -> None:
        for name in _ARRAYS:
            array = np.array(getattr(self, name), dtype=np.float64)
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        object.__setattr__(self, "n", int(self.n))
        shapes = {getattr(self, name).shape for name in _ARRAYS}
        if len(shapes) > 1 or len(self.low.shape) != 1:
            raise ShapeError(
                f"A range needs one number per feature in each of {', '.join(_ARRAYS)}; their shapes are {sorted(shapes)}."
            )
        ordered = (self.minimum <= self.low) & (self.low <= self.high) & (self.high <= self.maximum)
        if not ordered.all():
            raise ParameterError(
                f"A range must ascend from minimum to low, high and maximum; that of feature {int(np.argmin(ordered))} does not."
            )

    @classmethod
    def of(cls, features: ArrayLike) -> FeatureRange:
        """Return the range of the rows of features (n, M).

        Examples
        --------
        >>> of = FeatureRange.of(np.arange(1001.0)[:, None])
        >>> of.low.round(9).tolist(), of.high.round(9).tolist(), of.minimum.tolist(), of.maximum.tolist(), of.n
        ([5.0], [995.0], [0.0], [1000.0], 1001)
        """
        rows = np.asarray(features)
        if rows.ndim != 2 or not len(rows):
            raise ShapeError(
                f"A range is taken over one or more rows of features, (n, M); the shape is {rows.shape}."
            )
        quantiles = np.empty((4, rows.shape[1]))
        width = max(1, _BLOCK_BYTES // (8 * len(rows)))
        for first in range(0, rows.shape[1], width):  # the rows may lie on disk
            columns = np.asarray(rows[:, first : first + width], np.float64)
            if not np.isfinite(columns).all():
                raise ShapeError(
                    f"A range is taken over finite features; {np.sum(~np.isfinite(columns))} are not finite."
                )
            quantiles[:, first : first + width] = np.quantile(columns, [_TAIL, 1.0 - _TAIL, 0.0, 1.0], axis=0)
        low, high, minimum, maximum = quantiles
        return cls(low, high, minimum, maximum, len(rows))

    @classmethod
    def from_dict(cls, known: Mapping[str, Any]) -> FeatureRange:
        """Return the range that `to_dict` described.

        Raises
        ------
        ParameterError
            If an entry is missing or unknown.
        """
        names = {f.name for f in fields(cls)}
        if set(known) != names:
            raise ParameterError(
                f"A range consists of {', '.join(sorted(names))}; got {', '.join(sorted(known)) or 'nothing'}."
            )
        return cls(**known)

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists."""
        return {**{name: getattr(self, name).tolist() for name in _ARRAYS}, "n": self.n}


@dataclass(frozen=True, eq=False)
class Drift:
    """How far the features of some particles lie outside the range of a training.

    Parameters
    ----------
    names : tuple of str
        Features that the softness uses, K of them.
    outside : (K,) float
        Part of the particles outside the central 99 per cent of the training examples, feature by feature.
    beyond : (K,) float
        Part outside all training examples.
    trained : (K, 2) float
        That central range.
    met : (K, 2) float
        The same quantiles of these particles.
    n : int
        Particles, all frames together.
    n_trained : int
        Training examples.

    Notes
    -----
    **Scale**: parts of the particles. Of as many examples of the same source, `expected` are outside, 0.01 of them or more
    if the training set was small. Particles of the same liquid may have up to twice that, since soft and hard examples are
    equally many in a training set and not in the liquid. So a drift is said where the mean over features exceeds three
    times, or a single feature ten times the expected part, beyond three standard deviations of what n particles can say.
    In the Kob-Andersen mixture trained on inherent structures at T = 0.47 with 742 examples, inherent structures at 0.47
    to 0.58 have 0.9 to 1.5 % outside on the mean and 3.2 % in the worst of 158 features, thermal positions 52 to 62 % in
    the worst, and a density lower by 3 % has 36 %.
    **Differs from**: a distance in the space of all features (Mahalanobis), which would also see correlations that
    change while every feature keeps its range; it needs the M × M covariances of the training.
    **Invariant under**: any monotonic map of a feature.
    **Cost**: O(n M log n).
    """

    names: tuple[str, ...]
    outside: NDArray[np.float64]
    beyond: NDArray[np.float64]
    trained: NDArray[np.float64]
    met: NDArray[np.float64]
    n: int
    n_trained: int

    @property
    def expected(self) -> float:
        """Part of new examples of the same source outside the quantiles of `n_trained` of them, in any feature."""
        return 2.0 * (1.0 + _TAIL * (self.n_trained - 1)) / (self.n_trained + 1)

    @property
    def mean_outside(self) -> float:
        """Mean over the features of the part that is outside."""
        return float(self.outside.mean()) if self.n and len(self.names) else 0.0

    @property
    def worst(self) -> int:
        """Index of the feature that most particles are outside of; the first one by `beyond` among equals."""
        return int(np.lexsort((-self.beyond, -self.outside))[0])

    @property
    def is_outside(self) -> bool:
        """Whether so many values are outside that the softness is an extrapolation."""
        if not self.n or not len(self.names):
            return False
        return bool(
            self.mean_outside > self._limit(MOST_OUTSIDE)
            or self.outside[self.worst] > self._limit(MOST_OUTSIDE_ONE)
        )

    def _limit(self, times: float) -> float:
        part = min(times * self.expected, 1.0)
        return part + _SIGMAS * float(np.sqrt(part * (1.0 - part) / self.n))

    def describe(self) -> str:
        """Return one sentence: how much is outside, and the feature with the most, its range and what was met.

        Examples
        --------
        >>> trained = FeatureRange.of(np.linspace(0, 1, 1000)[:, None])
        >>> drift = measure_drift(trained, ["G_A(1.1)"], [True], np.linspace(0.6, 1.6, 500)[:, None])
        >>> drift.describe().partition("; farthest is ")[2]
        'G_A(1.1): trained on 0.005 to 0.995, met 0.605 to 1.59 (60.4 % of the particles outside)'
        """
        if not self.n or not len(self.names):
            return "There is no particle, or no feature in use, to compare with the training examples"
        k = self.worst
        (low, high), (met_low, met_high) = self.trained[k], self.met[k]
        return (
            f"{100 * self.mean_outside:.1f} % of the feature values of {self.n} particles lie outside the central "
            f"{100 * CENTRAL:.0f} % of the training examples; farthest is {self.names[k]}: trained on {low:.3g} to {high:.3g}, "
            f"met {met_low:.3g} to {met_high:.3g} ({100 * self.outside[k]:.1f} % of the particles outside)"
        )


def measure_drift(trained: FeatureRange, names: Any, used: ArrayLike, features: ArrayLike) -> Drift:
    """Compare the features of particles with the range of a training.

    Parameters
    ----------
    trained : FeatureRange
    names : sequence of M str
    used : (M,) array_like of bool
        Which features the softness depends on; the others do not matter.
    features : (n, M) array_like
        Rows with a NaN (particles without a softness) are left out.

    Returns
    -------
    Drift

    Raises
    ------
    ShapeError
        If there are not M columns.

    Examples
    --------
    >>> rows = np.random.default_rng(0).normal(size=(4000, 3))
    >>> trained = FeatureRange.of(rows[:2000])
    >>> measure_drift(trained, "abc", [True] * 3, rows[2000:]).is_outside
    False
    >>> measure_drift(trained, "abc", [True] * 3, rows[2000:] + [0, 2, 0]).names[1]
    'b'
    """
    rows = np.asarray(features, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] != len(trained.low):
        raise ShapeError(
            f"`features` must have shape (n, {len(trained.low)}), one column per feature; it has {rows.shape}."
        )
    chosen = np.asarray(used, bool)
    rows = rows[~np.isnan(rows).any(axis=1)][:, chosen]
    low, high = trained.low[chosen], trained.high[chosen]
    n, k = rows.shape
    outside = ((rows < low) | (rows > high)).mean(axis=0) if n else np.zeros(k)
    beyond = (
        ((rows < trained.minimum[chosen]) | (rows > trained.maximum[chosen])).mean(axis=0)
        if n
        else np.zeros(k)
    )
    met = np.quantile(rows, [_TAIL, 1.0 - _TAIL], axis=0).T if n else np.full((k, 2), np.nan)
    chosen_names = tuple(str(name) for name, take in zip(names, chosen, strict=True) if take)
    return Drift(chosen_names, outside, beyond, np.column_stack([low, high]), met, n, trained.n)
