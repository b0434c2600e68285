"""Sums over particles, origin by origin, and what their scatter says about the error of anything computed from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrify.particles.spacing import FramePairs
from vitrify.relaxation.base import Lag, Read
from vitrify.relaxation.overlap import blocks_of_origins

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sums:
    """What every time origin gives.

    Parameters
    ----------
    origins : (n,) int
        Frames at which some particle is there that is also there one lag later.
    totals : (n, m) float
        Sums over the particles that are there at both ends.
    present : (n,) int
        How many they are.
    n_absent : int
        Displacements that are unknown because a particle is absent at one of the ends.
    """

    origins: NDArray[np.int64]
    totals: Array
    present: NDArray[np.int64]
    n_absent: int

    def blocks(self, lag: Lag) -> NDArray[np.int64]:
        """Return for each origin its block of time, (n,): at most ten, each at least one lag long."""
        return blocks_of_origins(lag, self.origins) if len(self.origins) else np.empty(0, np.int64)


def sums_by_origin(
    read: Read,
    pairs: FramePairs,
    particles: NDArray[np.int64] | None,
    measure: Callable[[Array], Any],
) -> Sums:
    """Sum functions of displacements over the particles, for each of some pairs of frames.

    Parameters
    ----------
    read : callable
        ``read(start, stop)`` returns unwrapped positions (stop - start, N, d), NaN for absent particles.
    pairs : FramePairs
    particles : (m,) int, optional
        Only these.
    measure : callable
        From the displacements (n, d), all of them known, to sums over the particles, (m,).

    Returns
    -------
    Sums

    Notes
    -----
    **Cost** memory of two frames.
    """
    kept = slice(None) if particles is None else particles
    origins, totals, present, absent = [], [], [], 0
    for origin, end in zip(pairs.origins.tolist(), pairs.ends.tolist(), strict=True):
        first, last = (np.asarray(read(t, t + 1), np.float64)[0][kept] for t in (origin, end))
        moved = last - first
        there = ~np.isnan(moved).any(axis=1)
        if not there.all():
            absent += len(there) - int(there.sum())
            moved = moved[there]
        if len(moved):
            origins.append(origin)
            totals.append(np.atleast_1d(measure(moved)))
            present.append(len(moved))
    shape = (len(totals), -1) if totals else (0, 1)
    return Sums(
        np.array(origins, np.int64),
        np.array(totals, np.float64).reshape(shape),
        np.array(present, np.int64),
        absent,
    )


def per_block(values: Array, block: NDArray[np.int64]) -> Array:
    """Return the sums of the rows of `values` (n, m) over each block, (n_blocks, m).

    Examples
    --------
    >>> per_block(np.array([[1.0], [2.0], [4.0]]), np.array([0, 0, 1])).tolist()
    [[3.0], [4.0]]
    """
    n_blocks = int(block.max()) + 1 if len(block) else 0
    found = np.zeros((n_blocks, values.shape[1]))
    np.add.at(found, block, values)
    return found


def jackknife(parts: Array, estimate: Callable[[Array], Array]) -> tuple[Array, Array]:
    r"""Return what an estimate becomes without each block: its mean over them, and its standard error.

    .. math:: \delta\theta^2 = \frac{B - 1}{B} \sum_b (\theta_{(b)} - \bar\theta)^2

    Parameters
    ----------
    parts : (B, m) float
        Sums of each block.
    estimate : callable
        From sums over blocks, (m,), to an array.

    Returns
    -------
    mean, error : arrays
        NaN with fewer than two blocks. Of the mean of a quantity over blocks of one size, the error is the scatter of the
        blocks over √B.

    Examples
    --------
    >>> mean, error = jackknife(np.array([[1.0, 1.0], [3.0, 1.0]]), lambda s: s[:1] / s[1])
    >>> mean.tolist(), error.tolist()
    ([2.0], [1.0])
    """
    total = parts.sum(axis=0)
    if len(parts) < 2:
        nothing = np.full(np.shape(estimate(total)), np.nan)
        return nothing, nothing
    without = np.array([estimate(total - part) for part in parts])
    return without.mean(axis=0), jackknife_error(without)


def jackknife_error(without: Array) -> Array:
    """Return the standard error of an estimate from what it is without each of B parts, (B, …).

    Examples
    --------
    >>> float(jackknife_error(np.array([3.0, 1.0])))
    1.0
    """
    m = len(without)
    return np.asarray(np.sqrt((m - 1) / m * ((without - without.mean(axis=0)) ** 2).sum(axis=0)))
