"""What correlation functions in time share: which frames are a lag apart, and averages in which particles may be missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, ShapeError
from vitrify.particles.spacing import (
    FramePairs,
    available_lags,
    frames_apart,
    pairs_at_lag,
    separate,
    spread_lags,
)
from vitrify.particles.spacing import spacing as spacing_of
from vitrify.units import Units

Read = Callable[[int, int], NDArray[np.float64]]


def log_lags(longest: int, per_decade: int = 8) -> NDArray[np.int64]:
    """Return lags in frames from 0 to `longest`, evenly spaced in their logarithm, each once.

    Examples
    --------
    >>> log_lags(10, per_decade=3).tolist()
    [0, 1, 2, 5, 10]
    """
    if longest < 1:
        return np.array([0])
    n = max(2, round(per_decade * np.log10(longest)) + 1)
    return np.unique(np.concatenate([[0], np.rint(np.geomspace(1, longest, n))]).astype(np.int64))


@dataclass(frozen=True, eq=False)
class Lag:
    """One lag of a correlation function and the pairs of frames that have it.

    Parameters
    ----------
    time : float, time
    pairs : FramePairs
    length : int or float
        The lag on the clock of the origins: frames where they are evenly spaced, otherwise time.
    clock : (F,) array
        Of every frame.
    """

    time: float
    pairs: FramePairs
    length: float
    clock: NDArray[np.int64] | NDArray[np.float64]

    def chosen(self, n_origins: int) -> FramePairs:
        """Return at most so many of the pairs, evenly spread."""
        latest = len(self.pairs.origins) - 1
        kept = np.unique(np.linspace(0, latest, min(n_origins, latest + 1)).astype(int))
        return FramePairs(self.pairs.origins[kept], self.pairs.ends[kept])

    def separate_origins(self, origins: NDArray[np.int64], at_most: int) -> NDArray[np.int64]:
        """Return indices into `origins`: the first, the next that is at least one lag later, …."""
        return separate(self.clock[origins], self.length, at_most)


@dataclass(frozen=True, eq=False)
class OverOrigins:
    """What every time origin gives.

    Parameters
    ----------
    origins : (n,) int
        Frames at which some particle is there that is also there one lag later.
    values : (n,) float
        Mean over the particles that are there at both ends.
    present : (n,) int
        How many they are.
    n_absent : int
        Displacements that are unknown because a particle is absent at one of the ends.
    """

    origins: NDArray[np.int64]
    values: NDArray[np.float64]
    present: NDArray[np.int64]
    n_absent: int

    @property
    def mean(self) -> float:
        """Over all displacements; NaN if there is none."""
        if not len(self.values):
            return float("nan")
        return float(
            self.values.mean() if self.n_absent == 0 else np.average(self.values, weights=self.present)
        )

    def error(self, n_independent: int) -> float:
        """Return the standard error of the mean if so many of the origins are independent; NaN for fewer than two."""
        n = len(self.values)
        if n_independent < 2 or n < 2:
            return float("nan")
        if self.n_absent == 0:
            return float(self.values.std(ddof=1) / np.sqrt(n_independent))
        share = self.present / self.present.sum()
        scatter = n / (n - 1) * float((share**2 * (self.values - self.mean) ** 2).sum())
        return float(np.sqrt(scatter * n / n_independent))


def lag_axis(lags: Sequence[Lag], units: Units) -> tuple[str, NDArray[np.float64], dict[str, str]]:
    """Return the coordinate "lag" of a Dataset: the time of each lag."""
    attrs = {"units": units.time, "symbol": "t", "long_name": "time"}
    return "lag", np.array([lag.time for lag in lags], np.float64), attrs


def counts(rows: Any, blocks: str = "blocks of time origins") -> dict[str, Any]:
    """Return what a curve rests on as variables of a Dataset: origins, blocks and absent displacements of each lag."""
    words = {"n_origins": "time origins", "n_blocks": blocks, "n_absent": "displacements of absent particles"}
    return {
        name: ("lag", row.astype(np.int64), {"units": "1", "long_name": long_name})
        for (name, long_name), row in zip(words.items(), rows, strict=True)
    }


def resolve_lags(times: ArrayLike, lags: ArrayLike | None) -> list[Lag]:
    """Return the pairs of frames of each lag.

    Parameters
    ----------
    times : (F,) array_like, time
        Of any spacing.
    lags : (n,) array_like, optional
        Integers are frames, for evenly spaced ones; other numbers are times. By default about eight for a factor of ten,
        of those that two frames are apart.

    Raises
    ------
    ShapeError
        If a lag does not fit into the trajectory, or no two frames are so far apart.
    ParameterError
        If lags are given in frames that are not evenly spaced, or times do not ascend.
    """
    times = np.asarray(times, dtype=np.float64)
    found = spacing_of(times)
    if lags is None:
        wanted: NDArray[Any] = log_lags(len(times) - 1) if found.is_even else spread_lags(times)
    else:
        wanted = np.asarray(lags)
    if wanted.dtype.kind not in "iu":
        return [_in_time(times, float(lag)) for lag in wanted]
    if not found.is_even and wanted.size:
        raise ParameterError(
            f"`lags` are whole numbers of frames, which need frames at equal intervals; these are: {found}. Give times "
            "(floats), or no `lags` for those that are there."
        )
    return _in_frames(times, wanted)


def _in_frames(times: NDArray[np.float64], lags: NDArray[np.int64]) -> list[Lag]:
    n = len(times)
    if lags.size and not 0 <= lags.min() <= lags.max() < n:
        worst = lags.max() if lags.max() >= n else lags.min()
        raise ShapeError(f"`lags` reach {worst} frames; the trajectory has {n} frames.")
    frames = np.arange(n)
    return [Lag(times[k] - times[0], frames_apart(n, k), k, frames) for k in map(int, lags)]


def _in_time(times: NDArray[np.float64], lag: float) -> Lag:
    pairs = pairs_at_lag(times, lag)
    if not len(pairs.origins):
        there = available_lags(times).lags
        k = int(np.searchsorted(there, lag))
        near = " and ".join(f"{t:.6g}" for t in there[max(0, k - 1) : k + 1])
        raise ShapeError(f"`lags`: no two frames are {lag:.6g} apart; the nearest that are: {near}.")
    even = spacing_of(times).is_even
    clock = np.arange(len(times)) if even else times
    return Lag(lag, pairs, float(clock[pairs.ends[0]] - clock[pairs.origins[0]]), clock)


def over_origins(
    read: Read,
    pairs: FramePairs,
    particles: NDArray[np.int64] | None,
    measure: Callable[[NDArray[np.float64]], NDArray[Any]],
) -> OverOrigins:
    """Average a function of squared displacements over the particles, for each of some pairs of frames.

    Parameters
    ----------
    read : callable
        ``read(start, stop)`` returns unwrapped positions (stop - start, N, d), NaN for absent particles.
    pairs : FramePairs
    particles : (m,) int, optional
        Only these.
    measure : callable
        From squared displacements (n,) to what is averaged, (n,).

    Returns
    -------
    OverOrigins

    Notes
    -----
    **Cost** memory of two frames.
    """
    kept = slice(None) if particles is None else particles
    values, present, absent = [], [], 0
    for origin, end in zip(pairs.origins.tolist(), pairs.ends.tolist(), strict=True):
        first, last = (np.asarray(read(t, t + 1))[0][kept] for t in (origin, end))
        squared = ((last - first) ** 2).sum(axis=1)
        there = ~np.isnan(squared)
        if not there.all():
            absent += len(there) - int(there.sum())
            squared = squared[there]
        present.append(len(squared))
        values.append(measure(squared).mean() if len(squared) else np.nan)
    counts = np.array(present, np.int64)
    seen = counts > 0
    return OverOrigins(pairs.origins[seen], np.array(values, np.float64)[seen], counts[seen], absent)
