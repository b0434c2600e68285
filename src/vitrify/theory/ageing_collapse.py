"""Do ageing curves of different final temperatures fall together?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, ShapeError

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]
MEMBERS = ("samples", "resamples")
_FEWEST_TIMES = 2  # in a range that is compared; a slope has an error only from three on, or from members


def arrival_times(
    waiting_times: ArrayLike,
    curves: ArrayLike,
    initial: float,
    equilibrium: ArrayLike,
    *,
    remaining: float = 0.2,
) -> Array:
    """Return when each curve has all but reached equilibrium, so that it no longer ages.

    Parameters
    ----------
    waiting_times : (W,) array_like, time
        Increasing.
    curves : (T, W) array_like
        y_k(t_w), such as mean softness; NaN where not known.
    initial : float
        y before the quench.
    equilibrium : (T,) array_like
        y in equilibrium at each final temperature; NaN where not known.
    remaining : float, default 0.2
        A curve has arrived at the first waiting time with less than this part of the way left.

    Returns
    -------
    (T,) float, time
        Infinite for a curve that does not arrive, or whose equilibrium is not known.

    Examples
    --------
    >>> arrival_times([1.0, 10.0, 100.0], [[0.5, 0.1, 0.0], [0.9, 0.7, 0.5]], 1.0, [0.0, -1.0])
    array([10., inf])
    """
    times, y = np.asarray(waiting_times, float), np.asarray(curves, float)
    rest = np.asarray(equilibrium, float)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        left = (y - rest) / (initial - rest)
    near = left < remaining
    return np.where(near.any(axis=1), times[near.argmax(axis=1)], np.inf)


def collapse(
    temperatures: ArrayLike,
    waiting_times: ArrayLike,
    curves: ArrayLike,
    *,
    members: str = "samples",
    since: float = 0.0,
    until: ArrayLike = np.inf,
) -> xr.Dataset:
    r"""Return how far ageing curves of different final temperatures lie apart, and how fast each ages.

    Two curves are compared by their mean difference over the waiting times that both are still ageing in,

    .. math:: D_{kl} = \langle y_k - y_l \rangle_{\ln t_w}, \qquad
        \mathrm{since} \le t_w \le \min(\mathrm{until}_k, \mathrm{until}_l),

    all curves by the slope of their means with T_F over the waiting times in which all are still ageing, and each by its slope
    with ln t_w. Every number is made member by member, so that what the members of two curves have in common, as the
    starting configurations of quenches, falls out, and its error is from the scatter of members.

    Parameters
    ----------
    temperatures : (T,) array_like, energy / k_B
        T_F of the curves.
    waiting_times : (W,) array_like, time
        Increasing, the same for all; evenly spaced in ln t_w counts every decade alike, other spacings are weighted.
    curves : (T, W, M) array_like
        y_k(t_w), such as mean softness, of M members. NaN where there is none: members that are not whole in the range of a
        number are left out of it.
    members : {"samples", "resamples"}, default "samples"
        Samples are measured, one each: the error of their mean is their scatter / sqrt(M). Resamples, as of a fitted model,
        scatter by the error itself.
    since : float, time, default 0
        Waiting times before are not looked at: vibrations cool first.
    until : float or (T,) array_like, time, default inf
        Waiting times after are not looked at: the curve is in equilibrium, such as `arrival_times`.

    Returns
    -------
    xarray.Dataset
        Dim pair (hotter, then colder: temperature_hot, temperature_cold): difference D = y_hot − y_cold, difference_error,
        significance = difference / error, relative_difference = difference / fall, fall (how far both fall in the range, on
        average), n_times, n_members, pair_begin, pair_end.
        Dim temperature: slope dy/d ln t_w, slope_error, slope_n_times, slope_n_members, slope_begin, slope_end.
        Without dims: trend d⟨y⟩/dT_F, trend_error, trend_significance, trend_begin, trend_end, trend_n_times,
        trend_n_members. NaN where fewer than two waiting times are in common, or fewer than two members.

    Raises
    ------
    ShapeError
        If shapes disagree.
    ParameterError
        If `members` is none of these, waiting times do not increase, or there are fewer than two curves.

    Notes
    -----
    Of the pairs of T curves only T − 1 differences are independent, and the trend is one number; call a collapse broken by
    the trend, and use pairs to see where. With few samples significance follows Student's t of M − 1 degrees of freedom.
    A trend is positive where hotter liquids age less far, as they do near equilibrium, and negative where colder ones age
    more slowly, as traps do.
    **Scale** that of y; slopes per e-fold of t_w. **Differs from** chi squared over all points, which takes the errors at
    different t_w of one sample for independent. **Invariant under** a shift of all curves and a rescaling of time.
    **Cost** nothing.

    References
    ----------
    Ridout, Tah, Liu (2023), Fig. 5, which shows curves without errors and says that they roughly overlap.

    Examples
    --------
    >>> t = np.geomspace(1.0, 100.0, 5)
    >>> noise = np.random.default_rng(0).normal(0, 0.01, (1, 1, 6))
    >>> same = np.broadcast_to(-0.1 * np.log(t)[None, :, None] + noise, (2, 5, 6))
    >>> found = collapse([0.4, 0.5], t, same + np.array([0.0, 0.3])[:, None, None])
    >>> found["difference"].values.round(6).tolist(), found["slope"].values.round(6).tolist()
    ([0.3], [-0.1, -0.1])
    >>> round(found["trend"].item(), 6)
    3.0
    """
    import xarray as xr

    t, waits, y = (np.asarray(a, float) for a in (temperatures, waiting_times, curves))
    if y.ndim != 3 or y.shape[:2] != (len(t), len(waits)):
        raise ShapeError(
            f"`curves` must have shape (T, W, M) = ({len(t)}, {len(waits)}, members); it has {y.shape}."
        )
    if members not in MEMBERS:
        raise ParameterError(f"`members` must be one of {', '.join(MEMBERS)}; it is '{members}'.")
    if len(t) < 2 or len(waits) < 1 or not (np.diff(waits) > 0).all() or not (waits > 0).all():
        raise ParameterError(
            f"A collapse needs two curves or more and positive waiting times that increase; there are {len(t)} curves at "
            f"{waits.tolist()}."
        )
    order = np.argsort(t)
    ends = np.broadcast_to(np.asarray(until, float), t.shape)[order]
    t, y = t[order], y[order]
    of_means = members == "samples"
    values: dict[str, Any] = {
        **_pairs(t, waits, y, of_means, since, ends),
        **_slopes(waits, y, of_means, since, ends),
        **_trend(t, waits, y, of_means, since, ends),
    }
    return _labelled(
        xr.Dataset(values, {"temperature": t}, attrs={"members": members, "since": float(since)})
    )


def _pairs(t: Array, waits: Array, y: Array, of_means: bool, since: float, ends: Array) -> dict[str, Any]:
    rows = []
    for cold, hot in combinations(range(len(t)), 2):
        chosen = _chosen(waits, since, min(ends[cold], ends[hot]))
        apart = _log_mean(waits[chosen], y[hot][chosen] - y[cold][chosen])
        difference, error, n = _over_members(apart, of_means)
        fall = np.nan
        if chosen.sum() >= _FEWEST_TIMES:
            both = 0.5 * (y[hot] + y[cold])[chosen]
            fall = _over_members(both[0] - both[-1], of_means)[0]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = [np.divide(difference, error), np.divide(difference, fall)]
        rows.append(
            [t[hot], t[cold], difference, error, *ratios, fall, *_extent(waits, chosen), chosen.sum(), n]
        )
    names = (
        "temperature_hot",
        "temperature_cold",
        "difference",
        "difference_error",
        "significance",
        "relative_difference",
        "fall",
        "pair_begin",
        "pair_end",
        "n_times",
        "n_members",
    )
    return {
        name: ("pair", _counted(name, column))
        for name, column in zip(names, np.array(rows, float).T, strict=True)
    }


def _slopes(waits: Array, y: Array, of_means: bool, since: float, ends: Array) -> dict[str, Any]:
    rows = []
    for curve, end in zip(y, ends, strict=True):
        chosen = _chosen(waits, since, end)
        slope, error, n = _over_members(_slope(np.log(waits[chosen]), curve[chosen]), of_means)
        rows.append([slope, error, *_extent(waits, chosen), chosen.sum(), n])
    names = ("slope", "slope_error", "slope_begin", "slope_end", "slope_n_times", "slope_n_members")
    return {
        name: ("temperature", _counted(name, column))
        for name, column in zip(names, np.array(rows, float).T, strict=True)
    }


def _trend(t: Array, waits: Array, y: Array, of_means: bool, since: float, ends: Array) -> dict[str, Any]:
    chosen = _chosen(waits, since, float(ends.min()))
    means = np.stack([_log_mean(waits[chosen], curve[chosen]) for curve in y])
    trend, error, n = _over_members(_slope(t, means), of_means)
    with np.errstate(divide="ignore", invalid="ignore"):
        significance = np.divide(trend, error)
    begin, end = _extent(waits, chosen)
    return {
        "trend": ((), trend),
        "trend_error": ((), error),
        "trend_significance": ((), significance),
        "trend_begin": ((), begin),
        "trend_end": ((), end),
        "trend_n_times": ((), int(chosen.sum())),
        "trend_n_members": ((), n),
    }


def _chosen(waits: Array, since: float, end: float) -> NDArray[np.bool_]:
    return (waits >= since) & (waits <= end)


def _extent(waits: Array, chosen: NDArray[np.bool_]) -> tuple[float, float]:
    inside = waits[chosen]
    return (float(inside[0]), float(inside[-1])) if len(inside) else (np.nan, np.nan)


def _log_mean(waits: Array, y: Array) -> Array:
    """Return the mean over ln t_w by the trapezoidal rule, (M,), of y (W, M)."""
    if len(waits) < _FEWEST_TIMES:
        return np.full(y.shape[1:], np.nan)
    x = np.log(waits)
    return np.asarray(np.trapezoid(y, x, axis=0) / (x[-1] - x[0]))


def _slope(x: Array, y: Array) -> Array:
    """Return the least-squares slope of every column of y (n, M)."""
    if len(x) < _FEWEST_TIMES:
        return np.full(y.shape[1:], np.nan)
    apart = x - x.mean()
    return np.asarray(apart @ y / (apart @ apart))


def _over_members(values: Array, of_means: bool) -> tuple[float, float, int]:
    """Return mean, standard error and number of members, those that are NaN left out."""
    seen = values[np.isfinite(values)]
    n = len(seen)
    if n == 0:
        return np.nan, np.nan, 0
    scatter = float(seen.std(ddof=1)) if n > 1 else np.nan
    return float(seen.mean()), scatter / np.sqrt(n) if of_means else scatter, n


def _counted(name: str, column: Array) -> NDArray[Any]:
    return column.astype(np.int64) if "n_times" in name or "n_members" in name else column


def _labelled(found: xr.Dataset) -> xr.Dataset:
    difference = "hotter minus colder, mean over ln t_w in the range that both age in"
    words: dict[str, Sequence[str]] = {
        "temperature": ("T_F", "final temperature", "of the thermostat after the quench"),
        "difference": (r"D", "mean difference of two ageing curves", difference),
        "difference_error": (r"\delta D", "standard error of difference", "from the scatter of members"),
        "significance": (r"D / \delta D", "significance of difference", "difference over its error"),
        "relative_difference": (
            "D / |\\Delta y|",
            "relative difference",
            "difference over how far both fall in the range",
        ),
        "fall": (r"|\Delta y|", "fall", "from the first to the last waiting time, mean of both curves"),
        "slope": (r"dy / d\ln t_w", "rate of ageing", "least squares over the range that the curve ages in"),
        "slope_error": ("", "standard error of slope", "from the scatter of members"),
        "trend": (r"d\langle y\rangle / dT_F", "trend with temperature", "of the means over ln t_w"),
        "trend_error": ("", "standard error of trend", "from the scatter of members"),
    }
    for name, (symbol, long_name, definition) in words.items():
        found[name].attrs = {"symbol": symbol, "long_name": long_name, "definition": definition}
    return found
