"""When frames were taken: how they are spaced in time, and which of them are a given time apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, ShapeError

_EVEN = 0.01  # steps that differ by less than this part are one step: cameras and rounded times are no better
_MATCH = 1e-3  # of the shortest step: within this, two lags are one
_MOST_MATCH = 0.25  # of the shortest step: more would take two lags for one
_DIGITS = 6  # what %g prints
_MOST_DIFFERENCES = 5_000_000
_LONGEST_BLOCK = 10_000
_FEWEST_LOGARITHMIC = 4  # frames; with fewer any times are evenly spaced in their logarithm
_SMALLEST_RANGE = (
    20.0  # from the first to the last lag beyond the rounding: over less, equal steps would do as well
)
_MOST_PER_PERIOD = 64


@dataclass(frozen=True)
class Spacing:
    """How the frames of a trajectory are spaced in time.

    Parameters
    ----------
    kind : {"single", "linear", "blocks", "logarithmic", "irregular"}
        One frame; equal steps (within one per cent); a pattern that is repeated; lags that grow by a constant factor, or by
        a pattern of factors such as 1, 4, 7, 10, 40, 70, …; none of these.
    n_frames : int
    shortest, longest : float, time
        Smallest and largest time between neighbouring frames; 0 for a single frame.
    interval : float or None, time
        Mean time between frames, if linear.
    ratio : float or None
        Mean factor from one lag to the next, if logarithmic (for blocks: within one).
    block_length : float or None, time
        From the first frame of a block to that of the next.
    frames_per_block : int or None
    n_blocks : int or None
        Whole blocks and a last one that is cut off.
    inside : str or None
        Kind of the frames within a block.
    missing : int or None
        If irregular only because frames of an even spacing are missing: how many.

    Examples
    --------
    >>> spacing([0, 10, 40, 70, 100, 400, 700, 1000]).kind
    'logarithmic'
    >>> print(spacing([0, 1, 10, 100, 101, 110, 200, 201, 210]))
    3 blocks of 3 frames, one every 100, irregular within a block
    """

    kind: str
    n_frames: int
    shortest: float = 0.0
    longest: float = 0.0
    interval: float | None = None
    ratio: float | None = None
    block_length: float | None = None
    frames_per_block: int | None = None
    n_blocks: int | None = None
    inside: str | None = None
    missing: int | None = None

    @property
    def is_even(self) -> bool:
        """Whether a lag can be given as a number of frames."""
        return self.kind in ("single", "linear")

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that say something."""
        return {k: v for k, v in vars(self).items() if v is not None}

    def __str__(self) -> str:
        if self.kind == "single":
            return "a single frame"
        if self.kind == "linear":
            return f"linear, one frame every {self.interval:.6g}"
        if self.kind == "logarithmic":
            return f"logarithmic, lags grow by {self.ratio:.4g} from {self.shortest:.6g} on"
        if self.kind == "blocks":
            inside = f"{self.inside} within a block"
            return f"{self.n_blocks} blocks of {self.frames_per_block} frames, one every {self.block_length:.6g}, {inside}"
        if self.missing is not None:
            return f"linear with {self.missing} missing, one frame every {self.shortest:.6g}"
        return f"irregular, steps from {self.shortest:.6g} to {self.longest:.6g}"


class FramePairs(NamedTuple):
    """Frames that are one lag apart.

    Attributes
    ----------
    origins, ends : (n,) int
        Indices of frames, ascending.
    """

    origins: NDArray[np.int64]
    ends: NDArray[np.int64]


class Lags(NamedTuple):
    """Times that lie between frames.

    Attributes
    ----------
    lags : (n,) float, time
        Ascending, each once; the first is 0.
    n_origins : (n,) int
        From how many frames on there is another so much later.
    """

    lags: NDArray[np.float64]
    n_origins: NDArray[np.int64]


def spacing(times: ArrayLike) -> Spacing:
    """Say how frames are spaced in time.

    Parameters
    ----------
    times : (F,) array_like, time
        Ascending. Rounding of times printed with six digits or more, and of logarithmic times to whole steps, is seen
        through.

    Returns
    -------
    Spacing

    Raises
    ------
    ShapeError
        If there is no frame, or `times` has several axes.
    ParameterError
        If a time is not finite or does not come after the one before.

    Examples
    --------
    >>> spacing([0.0, 0.333333, 0.666667, 1.0]).interval
    0.3333333333333333
    """
    times = _checked(times)
    if len(times) == 1:
        return Spacing("single", 1)
    steps = np.diff(times)
    shortest, longest = float(steps.min()), float(steps.max())
    if _is_even(times):
        return Spacing("linear", len(times), shortest, longest, float((times[-1] - times[0]) / len(steps)))
    period = _period(steps, _tolerance(times))
    if period is not None:
        inside = spacing(times[:period])
        return Spacing(
            "blocks", len(times), shortest, longest, None, inside.ratio, float(times[period] - times[0]),
            period, -(-len(times) // period), inside.kind,
        )  # fmt: skip
    missing, ratio = None, _ratio(times, _self_similar)
    if ratio is None:
        missing = _missing(steps)
    if ratio is None and missing is None:
        ratio = _ratio(times, _rounded_geometric)
    kind = "irregular" if ratio is None else "logarithmic"
    return Spacing(kind, len(times), shortest, longest, None, ratio, missing=missing)


def pairs_at_lag(times: ArrayLike, lag: float, tolerance: float | None = None) -> FramePairs:
    """Return all pairs of frames that are a given time apart.

    Parameters
    ----------
    times : (F,) array_like, time
        Ascending, of any spacing.
    lag : float, time
        At least 0.
    tolerance : float, time, optional
        How much a difference may miss the lag. By default a thousandth of the shortest step, or what the digits of the times
        leave open (at most a quarter of the shortest step). Where frames are evenly spaced within one per cent, they count
        as equally spaced, and the lag may miss a whole number of intervals by that one per cent.

    Returns
    -------
    FramePairs
        None where no two frames are so far apart; of several ends that would do for one origin, the nearest.

    Raises
    ------
    ParameterError
        If times do not ascend or the lag is negative.

    Notes
    -----
    **Cost** O(F log F), and O(F) where frames are evenly spaced.

    Examples
    --------
    >>> pairs_at_lag([0, 1, 10, 11, 100], 10)
    FramePairs(origins=array([0, 1]), ends=array([2, 3]))
    """
    times = _checked(times)
    if not (np.isfinite(lag) and lag >= 0):
        raise ParameterError(f"`lag` must be a time of at least 0; it is {lag}.")
    n = len(times)
    if tolerance is None and _is_even(times):
        since = times - times[0]
        k = int(np.argmin(np.abs(since - lag)))
        allowed = max(_tolerance(times), 2 * _EVEN * since[-1] / max(n - 1, 1))
        return frames_apart(n, k) if abs(since[k] - lag) <= allowed else frames_apart(n, n)
    allowed = _tolerance(times) if tolerance is None else tolerance
    wanted = times + lag
    right = np.minimum(np.searchsorted(times, wanted), n - 1)
    left = np.maximum(right - 1, 0)
    ends = np.where(np.abs(times[left] - wanted) < np.abs(times[right] - wanted), left, right)
    origins = np.flatnonzero(np.abs(times[ends] - wanted) <= allowed)
    return FramePairs(origins, ends[origins])


def frames_apart(n_frames: int, lag: int) -> FramePairs:
    """Return all pairs of frames whose indices differ by `lag`.

    Examples
    --------
    >>> frames_apart(4, 2)
    FramePairs(origins=array([0, 1]), ends=array([2, 3]))
    """
    origins = np.arange(max(0, n_frames - lag))
    return FramePairs(origins, origins + lag)


def available_lags(times: ArrayLike, tolerance: float | None = None) -> Lags:
    """Return every lag that two frames are apart, and from how many origins.

    Parameters
    ----------
    times : (F,) array_like, time
    tolerance : float, time, optional
        As of `pairs_at_lag`.

    Returns
    -------
    Lags
        Of more than about 3000 frames that are not evenly spaced, the lags that begin at some origins drawn at random
        (always the same), and those of these origins that have them.

    Raises
    ------
    ParameterError
        If times do not ascend.

    Notes
    -----
    **Cost** O(F) where frames are evenly spaced, otherwise 5 million differences at most.

    Examples
    --------
    >>> found = available_lags([0, 1, 10, 100, 101, 110])
    >>> found.lags.tolist()
    [0.0, 1.0, 9.0, 10.0, 90.0, 91.0, 99.0, 100.0, 101.0, 109.0, 110.0]
    >>> found.n_origins.tolist()
    [6, 2, 2, 2, 1, 1, 1, 3, 1, 1, 1]
    """
    times = _checked(times)
    n = len(times)
    if _is_even(times):
        return Lags(times - times[0], np.arange(n, 0, -1))
    allowed = _tolerance(times) if tolerance is None else tolerance
    origins: NDArray[np.int64] = np.arange(n)
    if n * (n - 1) // 2 > _MOST_DIFFERENCES:
        most = max(16, _MOST_DIFFERENCES // n)
        origins = np.sort(np.random.default_rng(0).choice(n, size=min(most, n), replace=False))
    differences = np.sort(np.concatenate([times[k + 1 :] - times[k] for k in origins]))
    cluster = np.concatenate([[0], np.cumsum(np.diff(differences) > allowed)])
    first = differences[np.searchsorted(cluster, cluster)]
    part = np.floor((differences - first) / max(2 * allowed, np.finfo(float).tiny))
    begins = np.flatnonzero(np.concatenate([[True], (np.diff(cluster) != 0) | (np.diff(part) != 0)]))
    counts = np.diff(np.append(begins, len(differences)))
    return Lags(
        np.concatenate([[0.0], differences[begins + (counts - 1) // 2]]),
        np.concatenate([[len(origins)], counts]),
    )


def spread_lags(times: ArrayLike, per_decade: int = 8, tolerance: float | None = None) -> NDArray[np.float64]:
    """Return lags from 0 to the longest, about evenly spaced in their logarithm, that many frames are apart.

    Parameters
    ----------
    times : (F,) array_like, time
    per_decade : int, default 8
        At most so many for a factor of ten; of those that could stand for one, the lag with most origins.
    tolerance : float, time, optional
        As of `pairs_at_lag`.

    Returns
    -------
    (n,) float, time

    Examples
    --------
    >>> spread_lags([0, 1, 10, 100, 101, 110], per_decade=1).tolist()
    [0.0, 1.0, 10.0, 100.0]
    """
    lags, counts = available_lags(times, tolerance)
    if len(lags) == 1:
        return lags
    place = per_decade * np.log10(lags[1:] / lags[1])
    decade = np.rint(place)
    order = np.lexsort((np.abs(place - decade), -counts[1:], decade))
    best = order[np.concatenate([[True], np.diff(decade[order]) > 0])]
    return np.concatenate([[0.0], lags[1:][best]])


def separate(clock: NDArray[Any], lag: float, at_most: int) -> NDArray[np.int64]:
    """Return indices of entries of which each comes at least `lag` after the one before: the first, the next that does, ….

    Parameters
    ----------
    clock : (n,) array
        Ascending.
    lag : float
        In its unit.
    at_most : int

    Returns
    -------
    (m,) int

    Examples
    --------
    >>> separate(np.array([0, 1, 2, 5, 9, 10]), 4, 10).tolist()
    [0, 3, 4]
    """
    found: list[int] = []
    k = 0
    slack = 1e-9 * lag
    while k < len(clock) and len(found) < at_most:
        found.append(k)
        k = max(k + 1, int(np.searchsorted(clock, clock[k] + lag - slack)))
    return np.array(found, np.int64)


def _checked(times: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(times, dtype=np.float64)
    if array.ndim != 1 or not len(array):
        raise ShapeError(f"`times` must have shape (F,) with at least one frame; it has {array.shape}.")
    if not np.isfinite(array).all():
        raise ParameterError(
            f"`times` holds {array[~np.isfinite(array)][0]} at frame {int(np.argmin(np.isfinite(array)))}."
        )
    back = np.flatnonzero(np.diff(array) <= 0)
    if len(back):
        k = int(back[0])
        raise ParameterError(
            f"`times` must ascend; frame {k + 1} is at {array[k + 1]:.10g}, frame {k} at {array[k]:.10g}. Sort the frames by "
            "time and leave out those that are repeated."
        )
    return array


def _is_even(times: NDArray[np.float64]) -> bool:
    if len(times) < 2:
        return True
    steps = np.diff(times)
    return bool(np.ptp(steps) <= _EVEN * steps.max())


def _missing(steps: NDArray[np.float64]) -> int | None:
    """Return how many frames are missing from an even spacing; None if it is not one, or fewer are there than missing."""
    whole = np.rint(steps / steps.min())
    lost = int(whole.sum()) - len(steps)
    return (
        lost if (np.abs(steps - whole * steps.min()) <= _EVEN * steps).all() and lost <= len(steps) else None
    )


def _tolerance(times: NDArray[np.float64]) -> float:
    """Return how much two differences may differ that mean one lag."""
    if len(times) < 2:
        return 0.0
    shortest = float(np.diff(times).min())
    return min(_MOST_MATCH * shortest, max(_MATCH * shortest, _rounding(times)))


def _rounding(times: NDArray[np.float64]) -> float:
    """Return what the digits of the times leave open: one unit of the last digit if they look printed with six."""
    largest = float(np.abs(times).max())
    if largest == 0:
        return 0.0
    size = np.floor(np.log10(np.abs(np.where(times == 0, 1.0, times))))
    unit = 10.0 ** (size - _DIGITS + 1)
    if (np.abs(np.rint(times / unit) * unit - times) <= 1e-9 * np.abs(times)).all():
        return float(unit.max())
    if np.array_equal(times.astype(np.float32), times):
        return float(np.finfo(np.float32).eps) * largest
    return float(np.finfo(float).eps) * 4 * largest


def _period(steps: NDArray[np.float64], allowed: float) -> int | None:
    """Return after how many steps they repeat, at least twice; None if they do not."""
    n = len(steps)
    for m in range(2, min((n + 1) // 2, _LONGEST_BLOCK) + 1):
        if abs(steps[m] - steps[0]) > allowed + _EVEN * steps[0]:
            continue
        gap = np.abs(steps[m:] - steps[:-m])
        if (gap <= 2 * allowed + _EVEN * steps[:-m]).all():
            return m
    return None


def _ratio(times: NDArray[np.float64], growth: Callable[[NDArray[np.float64]], float | None]) -> float | None:
    """Return the mean factor between lags, from the first frame or from time 0, if they grow as `growth` knows it."""
    if len(times) < _FEWEST_LOGARITHMIC:
        return None
    found = growth(times[1:] - times[0])
    return found if found is not None or times[0] <= 0 else growth(times)


def _self_similar(lags: NDArray[np.float64]) -> float | None:
    """Lags whose pattern repeats after p of them, z times as large: 1, 4, 7, 10, 40, 70, …; at least one and a half patterns."""
    n = len(lags)
    for p in range(1, min(_MOST_PER_PERIOD, n - 2) + 1):
        z = lags[p] / lags[0]
        if (
            n >= max(3, 3 * p // 2 + 1)
            and z > 1 + 2 * _EVEN
            and np.allclose(lags[p:], z * lags[:-p], rtol=_MATCH)
        ):
            return float(z ** (1 / p))
    return None


def _rounded_geometric(lags: NDArray[np.float64]) -> float | None:
    """Lags that grow by one factor, rounded to whole steps, of which small ones fall together."""
    unit = float(np.diff(lags).min())
    far = lags[lags >= 10 * unit]
    if len(far) < _FEWEST_LOGARITHMIC or far[-1] < _SMALLEST_RANGE * far[0]:
        return None
    growth = np.diff(np.log(far))
    typical = float(np.log(far[-1] / far[0]) / len(growth))
    within = np.abs(growth - typical) <= unit / far[:-1] + _EVEN
    return float(np.exp(typical)) if typical > 2 * _EVEN and within.all() else None
