"""What counts of survivors say: their moments, and how much these scatter between segments of the trajectory."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

SUMS = ("known", "stayed", "with_softness", "softness_sum", "softness_square_sum", "initial_sum")
"""Variables of the counts that are summed over segments."""


class Moments(NamedTuple):
    """What counts say of the survivors of each bin of initial softness at each lag; NaN where there are none.

    Attributes
    ----------
    known, stayed, n : (B, L) float
        Particles whose displacement is known; those that stayed; those of them with a softness.
    initial : (B,) float
        Mean softness at the start; of a bin without particles, its middle.
    mean, variance : (B, L) float
        Of softness at the end.
    later, later_mean : (B, L, K) float
        Survivors by softness at the end, and their mean softness in each bin (its middle, if there are none).
    """

    known: Array
    stayed: Array
    n: Array
    initial: Array
    mean: Array
    variance: Array
    later: Array
    later_mean: Array


def moments(counts: xr.Dataset, weight: ArrayLike | None = None) -> Moments:
    """Return sums over segments, each with a weight, and the moments of softness that follow from them.

    Parameters
    ----------
    counts : xarray.Dataset
        From `vitrify.theory.survivors.Survivors.count`.
    weight : (n_segments,) array_like, optional
        How often each segment counts; by default once.

    Returns
    -------
    Moments
    """
    w = np.ones(counts.sizes["segment"]) if weight is None else np.asarray(weight, np.float64)
    known, stayed, n, s, s2, start = (np.tensordot(w, counts[name].values, 1) for name in SUMS)
    later, later_sum = (np.tensordot(w, counts[name].values, 1) for name in ("later", "later_sum"))
    there = np.where(n > 0, n, np.nan)
    mean = s / there
    whole, sum_start = known.sum(axis=1), start.sum(axis=1)
    middle = 0.5 * (counts["softness_low"].values + counts["softness_high"].values)
    initial = np.where(whole > 0, sum_start / np.where(whole > 0, whole, 1.0), middle)
    later_middle = 0.5 * (counts["later_low"].values + counts["later_high"].values)
    later_mean = np.where(later > 0, later_sum / np.where(later > 0, later, 1.0), later_middle)
    variance = np.maximum(s2 / there - mean**2, 0.0)
    return Moments(known, stayed, n, initial, mean, variance, later, later_mean)


def resamples(counts: xr.Dataset, n: int, rng: np.random.Generator) -> Array:
    """Return how often each segment is drawn in each of n bootstrap samples, (n, n_segments).

    One less than there are is drawn each time, so that the scatter of a mean is that of unbiased variances; segments without
    any particle never are. None can be drawn of a single one: (0, n_segments).
    """
    filled: NDArray[np.bool_] = np.asarray(counts["known"].values.sum(axis=(1, 2)) > 0)
    m = int(filled.sum())
    if m < 2:
        return np.zeros((0, counts.sizes["segment"]))
    return rng.multinomial(m - 1, filled / m, size=n).astype(np.float64)


def widening(counts: xr.Dataset) -> Array:
    """Return by how much the scatter of segments falls short of the error, (L,): segments shorter than a lag overlap.

    NaN where fewer than two origins are a lag apart.
    """
    filled = counts["known"].values.any(axis=1).sum(axis=0)
    independent = counts["independent_origins"].values
    ratio = np.sqrt(np.maximum(filled / np.maximum(independent, 1), 1.0))
    return np.where((independent > 1) & (filled > 1), ratio, np.nan)


def spread_of(drawn: list[Array], like: Array) -> Array:
    """Return the standard deviation over resamples, NaN where fewer than two know the value."""
    stack = np.array(drawn).reshape(len(drawn), *like.shape)
    known = np.isfinite(stack)
    n = known.sum(axis=0)
    some = np.where(n > 1, n, 2)
    mean = np.where(known, stack, 0.0).sum(axis=0) / some
    square = np.where(known, (stack - mean) ** 2, 0.0).sum(axis=0)
    return np.where(n > 1, np.sqrt(square / (some - 1)), np.nan)
