"""How numbers of single particles go together, and with later displacements: Pearson and Spearman, errors from blocks of time."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]
Ints = NDArray[np.int64]


def block_moments(columns: Array, segment: Ints, blocks: int) -> Array:
    """Return the moments of each block: rows of (1, x) times their transpose, (blocks, k + 1, k + 1).

    Parameters
    ----------
    columns : (k, n) float
        Finite.
    segment : (n,) int
    blocks : int

    Examples
    --------
    >>> block_moments(np.array([[1.0, 2.0]]), np.array([0, 0]), 1).tolist()
    [[[2.0, 3.0], [3.0, 5.0]]]
    """
    if (np.diff(segment) < 0).any():
        order = np.argsort(segment, kind="stable")
        columns, segment = columns[:, order], segment[order]
    whole = np.vstack([np.ones(columns.shape[1]), columns])
    ends = np.searchsorted(segment, np.arange(blocks + 1))
    return np.stack([(part := whole[:, a:b]) @ part.T for a, b in pairwise(ends)])


def correlation_of(moments: Array) -> Array:
    """Return the Pearson coefficients of summed moments (..., k + 1, k + 1), (..., k, k); NaN where a number does not vary."""
    n, first, second = moments[..., 0, 0], moments[..., 0, 1:], moments[..., 1:, 1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = first / n[..., None]
        covariance = second / n[..., None, None] - mean[..., :, None] * mean[..., None, :]
        spread = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
        found = covariance / (spread[..., :, None] * spread[..., None, :])
    return np.asarray(np.where(np.isfinite(found), np.clip(found, -1, 1), np.nan))


def with_block_errors(columns: Array, segment: Ints, blocks: int, resamples: int, seed: int) -> tuple[Array, Array]:  # fmt: skip
    """Return the Pearson coefficients of rows (k, n) and their standard errors from blocks drawn with replacement, each (k, k).

    One block less is drawn than there are, as in Rao and Wu, J. Am. Stat. Assoc. 83, 231 (1988).
    """
    shift = columns.mean(axis=1, keepdims=True) if columns.shape[1] else 0.0
    scale = columns.std(axis=1, keepdims=True) if columns.shape[1] else 1.0
    standard = (columns - shift) / np.where(scale > 0, scale, 1.0)
    moments = block_moments(standard, segment, blocks)
    best = correlation_of(moments.sum(axis=0))
    filled = np.flatnonzero(moments[:, 0, 0] > 0)
    if len(filled) < 2:
        return best, np.full_like(best, np.nan)
    rng = np.random.default_rng(seed)
    drawn = rng.choice(filled, (resamples, len(filled) - 1))
    again = correlation_of(moments[drawn].sum(axis=1))
    return best, np.asarray(again.std(axis=0, ddof=1))


def ranks(columns: Array) -> Array:
    """Return the ranks of each row, ties sharing their mean rank."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(columns, axis=1)) if columns.size else columns


def pair_correlations(
    values: list[Array],
    segments: list[Ints],
    temperatures: list[float],
    names: list[str],
    *,
    blocks: int,
    resamples: int,
    seed: int,
) -> xr.Dataset:
    """Return Pearson and Spearman between every two numbers at every temperature.

    Parameters
    ----------
    values : list of (k, n, m) float
        In the sampled frames of each temperature; particles that lack a number are left out.
    segments : list of (n,) int
        Block of each sampled frame.
    temperatures, names : list
    blocks, resamples, seed : int

    Returns
    -------
    xarray.Dataset
        Dims temperature, scalar, other: ``pearson``, ``spearman`` and their errors; ``n`` (temperature), particles and frames.
    """
    import xarray as xr

    k = len(names)
    found = {n: np.full((len(values), k, k), np.nan) for n in ("pearson", "pearson_error", "spearman", "spearman_error")}  # fmt: skip
    n_used = np.zeros(len(values))
    for row, (value, frames) in enumerate(zip(values, segments, strict=True)):
        columns, segment, kept = _complete(value, frames)
        n_used[row] = columns.shape[1]
        both = np.ix_(kept, kept)
        found["pearson"][row][both], found["pearson_error"][row][both] = with_block_errors(columns, segment, blocks, resamples, seed)  # fmt: skip
        found["spearman"][row][both], found["spearman_error"][row][both] = with_block_errors(ranks(columns), segment, blocks, resamples, seed)  # fmt: skip
    dims = ("temperature", "scalar", "other")
    return xr.Dataset(
        {name: (dims, v) for name, v in found.items()} | {"n": ("temperature", n_used)},
        {"temperature": temperatures, "scalar": names, "other": names},
    )


def _complete(value: Array, frames: Ints) -> tuple[Array, Ints, Ints]:
    """Return the columns of particles that have every number, their segments, and which numbers there are at all."""
    flat = value.reshape(len(value), -1)
    kept = np.flatnonzero(np.isfinite(flat).any(axis=1))
    whole = np.isfinite(flat[kept]).all(axis=0)
    segment = np.repeat(frames, value.shape[2])[whole]
    return flat[kept][:, whole], segment, kept


def mobility_correlations(
    values: list[Array],
    moved: list[dict[float, Array]],
    segments: list[Ints],
    temperatures: list[float],
    names: list[str],
    *,
    blocks: int,
    resamples: int,
    seed: int,
) -> xr.Dataset:
    """Return Pearson and Spearman of every number with the displacement after it.

    Parameters
    ----------
    values : list of (k, n, m) float
    moved : list of dict
        For each temperature: time to |Δr| of the centre particles from the first of the sampled frames on, (n', m).
    segments, temperatures, names, blocks, resamples, seed
        As of `pair_correlations`.

    Returns
    -------
    xarray.Dataset
        Dims temperature, scalar, lag: ``pearson``, ``spearman`` and their errors, of particles that have every number; NaN at lags
        that do not fit.
    """
    import xarray as xr

    lags = sorted({t for of in moved for t in of})
    shape = (len(values), len(names), len(lags))
    found = {n: np.full(shape, np.nan) for n in ("pearson", "pearson_error", "spearman", "spearman_error")}
    for i, (value, of, frames) in enumerate(zip(values, moved, segments, strict=True)):
        for lag, distance in of.items():
            n = len(distance)
            both = np.concatenate([value[:, :n], distance[None]])
            columns, segment, kept = _complete(both, frames[:n])
            if columns.shape[1] < 3 or kept[-1] < len(names):
                continue
            at = (i, kept[:-1], lags.index(lag))
            for name, rows in (("pearson", columns), ("spearman", ranks(columns))):
                best, error = with_block_errors(rows, segment, blocks, resamples, seed)
                found[name][at], found[f"{name}_error"][at] = best[:-1, -1], error[:-1, -1]
    dims = ("temperature", "scalar", "lag")
    return xr.Dataset(
        {name: (dims, v) for name, v in found.items()},
        {"temperature": temperatures, "scalar": names, "lag": lags},
    )
