"""Softness against other structure of the same particles: neighbours, energy, tetrahedra (thesis Figs. 6.1 and 6.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrify.predictors.scores import wilson_interval

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

N_BINS = 24
_FEWEST = 50  # particles and frames in a bin that is shown
MOST_SIMPLICES = 24  # of one kind at one particle
SHARES = (
    "middle", "share_moving", "share_low", "share_high", "share_all", "crossing", "moving_beyond", "all_beyond", "events",
)  # fmt: skip


def bin_edges(values: Array, n_bins: int = N_BINS) -> Array:
    """Return edges around each whole number that is common enough, and otherwise of equally many values.

    Examples
    --------
    >>> bin_edges(np.repeat([3.0, 4.0, 9.0], [100, 200, 3])).tolist()
    [2.5, 3.5, 4.5]
    """
    if np.array_equal(values, np.rint(values)):
        lowest = values.min()
        n = np.bincount((values - lowest).astype(np.int64))
        common = np.flatnonzero(n >= min(_FEWEST, n.max()))[-n_bins:]
        return np.asarray(
            lowest + np.arange(common[0], common[-1] + 2)[-n_bins - 1 :] - 0.5, dtype=np.float64
        )
    return np.unique(np.quantile(values, np.linspace(0, 1, n_bins + 1)))


def binned_mean(x: Array, y: Array, segment: Ints, edges: Array, blocks: int) -> dict[str, Array]:
    """Return mean, standard deviation and standard error of y in bins of x; NaN in bins that are nearly empty.

    Parameters
    ----------
    x, y : (n,) float
    segment : (n,) int
        Errors are the jackknife over these blocks.
    edges : (k + 1,) float
    blocks : int

    Returns
    -------
    dict
        ``value``, ``mean``, ``sd``, ``mean_error``, ``n``, each (k,).
    """
    k = len(edges) - 1
    place = np.searchsorted(edges, x, side="right") - 1
    place = np.where(x == edges[-1], k - 1, place)
    inside = (place >= 0) & (place < k)
    cell = segment[inside] * k + place[inside]

    def sums(weight: Array) -> Array:
        return np.bincount(cell, weight, minlength=blocks * k).reshape(blocks, k).astype(np.float64)

    n, of_x, of_y = sums(np.ones(inside.sum())), sums(x[inside]), sums(y[inside])
    of_square = sums(y[inside] ** 2)
    total = n.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = of_y.sum(axis=0) / total
        left_out = (of_y.sum(axis=0) - of_y) / (total - n)
        there = n > 0
        m = there.sum(axis=0)
        spread = np.where(there, (left_out - mean) ** 2, 0.0).sum(axis=0)
        found = {
            "value": of_x.sum(axis=0) / total,
            "mean": mean,
            "sd": np.sqrt(np.maximum(of_square.sum(axis=0) / total - mean**2, 0.0)),
            "mean_error": np.where(m > 1, np.sqrt((m - 1) / m * spread), np.nan),
        }
    few = total < _FEWEST
    return {name: np.where(few, np.nan, v) for name, v in found.items()} | {"n": total}


def crossing(value: Array, mean: Array) -> float:
    """Return where the mean softness changes sign, linearly between bins; NaN where it does not, or does so more than once.

    Examples
    --------
    >>> crossing(np.array([10.0, 11.0, 12.0]), np.array([1.0, 0.5, -0.5]))
    11.5
    """
    known = np.isfinite(value) & np.isfinite(mean)
    x, y = value[known], mean[known]
    turns = np.flatnonzero(np.sign(y[1:]) * np.sign(y[:-1]) < 0)
    if len(turns) != 1:
        return float("nan")
    k = int(turns[0])
    return float(x[k] - y[k] * (x[k + 1] - x[k]) / (y[k + 1] - y[k]))


def against_structure(
    values: list[Array],
    starts: list[Array],
    segments: list[Ints],
    temperatures: list[float],
    names: list[str],
    *,
    blocks: int,
    softness: str = "softness",
    energy: str = "local_energy",
) -> xr.Dataset:
    """Return mean softness, and mean local energy, in bins of every other number.

    Parameters
    ----------
    values : list of (k, n, m) float
        In the sampled frames of each temperature.
    starts : list of (k, e) float
        At the start of rearrangements.
    segments : list of (n,) int
    temperatures, names : list
    blocks : int
    softness, energy : str
        Names of those two.

    Returns
    -------
    xarray.Dataset
        Dims against, temperature, structure_bin: ``value``, ``mean``, ``mean_error``, ``sd``, ``n``, ``energy``, ``energy_sd``.
        Dims against, temperature: ``middle``, where softness is on average that of all particles; ``share_moving`` with its interval,
        the part of the rearranging particles on its soft side, and ``share_all``, that of all particles; ``crossing``,
        ``moving_beyond`` and ``all_beyond``, the same for softness 0; ``events``.
    """
    import xarray as xr

    others = [n for n in names if n != softness]
    shape = (len(others), len(values))
    curves = {n: np.full((*shape, N_BINS), np.nan) for n in ("value", "mean", "mean_error", "sd", "n", "energy", "energy_sd")}  # fmt: skip
    shares = {n: np.full(shape, np.nan) for n in SHARES}
    s, e = names.index(softness), names.index(energy) if energy in names else None
    for j, k in np.ndindex(*shape):
        own = names.index(others[j])
        x, y = values[k][own].ravel(), values[k][s].ravel()
        segment = np.repeat(segments[k], values[k].shape[2])
        known = np.isfinite(x) & np.isfinite(y)
        if known.sum() < _FEWEST or np.ptp(x[known]) == 0:
            continue
        edges = bin_edges(x[known])
        found = binned_mean(x[known], y[known], segment[known], edges, blocks)
        for name in ("value", "mean", "mean_error", "sd", "n"):
            curves[name][j, k, : len(edges) - 1] = found[name]
        if e is not None:
            z = values[k][e].ravel()
            both = known & np.isfinite(z)
            of_energy = binned_mean(x[both], z[both], segment[both], edges, blocks)
            curves["energy"][j, k, : len(edges) - 1] = of_energy["mean"]
            curves["energy_sd"][j, k, : len(edges) - 1] = of_energy["sd"]
        for name, share in _shares(found, x[known], starts[k][own], float(y[known].mean())).items():
            shares[name][j, k] = share
    dims = ("against", "temperature")
    return xr.Dataset(
        {n: ((*dims, "structure_bin"), v) for n, v in curves.items()} | {n: (dims, v) for n, v in shares.items()},
        {"against": others, "temperature": temperatures},
    )  # fmt: skip


def _shares(found: dict[str, Array], everyone: Array, moving: Array, middle: float) -> dict[str, float]:
    """Return where softness passes its mean and zero, and which part of the particles lies on the soft side of both."""
    moving, known = moving[np.isfinite(moving)], np.isfinite(found["mean"])
    zero = crossing(found["value"], found["mean"])
    at = crossing(found["value"], found["mean"] - middle)
    shares = {"crossing": zero, "middle": at, "events": float(len(moving))}
    rises = found["mean"][known][-1] > found["mean"][known][0]

    def soft(values: Array, edge: float) -> float:
        if not len(values) or not np.isfinite(edge):
            return float("nan")
        return float((values > edge if rises else values < edge).mean())

    shares |= {"moving_beyond": soft(moving, zero), "all_beyond": soft(everyone, zero)}
    shares |= {"share_moving": soft(moving, at), "share_all": soft(everyone, at)}
    if np.isfinite(shares["share_moving"]):
        low, high = wilson_interval(round(shares["share_moving"] * len(moving)), len(moving))
        shares |= {"share_low": low, "share_high": high}
    return shares


def of_simplices(
    values: list[Array],
    segments: list[Ints],
    temperatures: list[float],
    names: list[str],
    *,
    blocks: int,
    softness: str = "softness",
    counts: tuple[str, str] = ("n_tetrahedra", "n_octahedra"),
) -> xr.Dataset | None:
    """Return mean softness of particles on so many regular tetrahedra and quarter-octahedra; None without such counts.

    Returns
    -------
    xarray.Dataset or None
        Dims temperature, tetrahedra, octahedra: ``mean``, ``mean_error``, ``sd``, ``n``.
    """
    import xarray as xr

    if any(name not in names for name in (softness, *counts)):
        return None
    size = MOST_SIMPLICES + 1
    found = {n: np.full((len(values), size, size), np.nan) for n in ("mean", "mean_error", "sd", "n")}
    edges = np.arange(size * size + 1, dtype=np.float64) - 0.5
    for k, (value, frames) in enumerate(zip(values, segments, strict=True)):
        s, t, o = (value[names.index(n)].ravel() for n in (softness, *counts))
        segment = np.repeat(frames, value.shape[2])
        known = np.isfinite(s) & np.isfinite(t) & np.isfinite(o)
        cell = np.minimum(t[known], size - 1) * size + np.minimum(o[known], size - 1)
        made = binned_mean(cell, s[known], segment[known], edges, blocks)
        for name, grid in found.items():
            grid[k] = made[name].reshape(size, size)
    dims = ("temperature", "tetrahedra", "octahedra")
    return xr.Dataset(
        {n: (dims, v) for n, v in found.items()},
        {"temperature": temperatures, "tetrahedra": np.arange(size), "octahedra": np.arange(size)},
    )
