"""Draws of trajectory segments with replacement, and what must hold before and after them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ParameterError, TooFewEventsError

if TYPE_CHECKING:
    import xarray as xr

FEWEST_RESAMPLES = 10


def with_exposure(exposure: NDArray[np.float64]) -> list[NDArray[np.int64]]:
    """Return the segments of each temperature that have exposure; from exposure (T, segment, B).

    Examples
    --------
    >>> [found.tolist() for found in with_exposure(np.array([[[0.0], [3.0], [1.0]]]))]
    [[1, 2]]
    """
    return [np.flatnonzero(segments.sum(axis=1) > 0) for segments in exposure]


def at_least_two(counts: xr.Dataset) -> list[NDArray[np.int64]]:
    """Return `with_exposure` of counts.

    Raises
    ------
    TooFewEventsError
        If a temperature has fewer than two such segments.
    """
    there = with_exposure(counts["exposure"].values)
    for t, k in zip(counts["temperature"].values, there, strict=True):
        if len(k) < 2:
            raise TooFewEventsError(
                f"T = {t:g} has particles at risk in {len(k)} of its trajectory segments; an interval from resampled segments "
                "needs at least 2, better 6. Cut the trajectory into more segments when counting."
            )
    return there


def drawn_segments(rng: np.random.Generator, there: Sequence[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
    """Return a draw with replacement of the segments of each temperature, one less than there are.

    References
    ----------
    Rao and Wu, J. Am. Stat. Assoc. 83, 231 (1988): of n segments n - 1 are drawn and weighted by n / (n - 1).

    Examples
    --------
    >>> [len(d) for d in drawn_segments(np.random.default_rng(0), [np.arange(4), np.arange(2)])]
    [3, 1]
    """
    return [rng.choice(segments, max(len(segments) - 1, 1)) for segments in there]


def summed(values: NDArray[Any], drawn: Sequence[NDArray[np.int64]]) -> NDArray[Any]:
    """Return the sums of values (T, segment, B) over the drawn segments, (T, B).

    Examples
    --------
    >>> summed(np.array([[[1.0], [2.0], [4.0]]]), [np.array([1, 1])]).tolist()
    [[4.0]]
    """
    return np.stack([values[t][d].sum(axis=0) for t, d in enumerate(drawn)])


def require_resamples(degree: int, n_resamples: int) -> None:
    """Refuse a degree without barriers of softness, or too few resamples for an interval."""
    if degree < 1 or n_resamples < FEWEST_RESAMPLES:
        raise ParameterError(
            f"`degree` must be at least 1 and `n_resamples` at least {FEWEST_RESAMPLES}; they are {degree}, {n_resamples}."
        )


def require_fitted(n_failed: int, n_resamples: int, n_events: int) -> None:
    """Refuse an interval from resamples of which more than half could not be fitted."""
    if n_failed > n_resamples / 2:
        raise TooFewEventsError(
            f"{n_failed} of {n_resamples} resamples of the trajectory segments could not be fitted: "
            f"{n_events} events are too few for an interval. Add frames."
        )
