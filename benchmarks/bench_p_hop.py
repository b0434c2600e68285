"""p_hop against numpy: running sums over all frames at once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from measure import Row, compare, interleave, largest_difference
from numpy.typing import NDArray

from vitrify.rearrangements.p_hop import PHop

WINDOW = 10


def walks(n_frames: int, n_particles: int, seed: int = 0) -> NDArray[np.float64]:
    """Return caged particles that jump now and then, (F, N, 3)."""
    rng = np.random.default_rng(seed)
    cages = np.zeros((n_frames, n_particles, 3))
    cages[rng.integers(1, n_frames, n_particles), np.arange(n_particles)] = rng.normal(
        scale=0.4, size=(n_particles, 3)
    )
    np.cumsum(cages, axis=0, out=cages)
    cages += rng.uniform(0, 20, size=(n_particles, 3))
    cages += rng.normal(scale=0.05, size=cages.shape)
    return cages


def by_numpy(positions: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Return p_hop (F, N) from running sums of r and r², both relative to the first frame."""
    half = window // 2
    moved = positions - positions[0]
    sums = np.concatenate([np.zeros_like(moved[:1]), np.cumsum(moved, axis=0)])
    squares = np.concatenate([np.zeros((1, moved.shape[1])), np.cumsum((moved**2).sum(axis=2), axis=0)])
    mean = (sums[half:] - sums[:-half]) / half
    variance = (squares[half:] - squares[:-half]) / half - (mean**2).sum(axis=2)
    before, after = slice(None, -half), slice(half, None)
    apart = ((mean[after] - mean[before]) ** 2).sum(axis=2)
    found = np.full(positions.shape[:2], np.nan)
    found[half : len(positions) - half + 1] = np.sqrt((variance[before] + apart) * (variance[after] + apart))
    return found


def p_hop_rows(quick: bool) -> Iterator[Row]:
    """Yield the row of p_hop."""
    n_frames, n = (100, 500) if quick else (500, 4096)
    positions = walks(n_frames, n)
    indicator = PHop(window=WINDOW)
    inside = slice(WINDOW // 2, n_frames - WINDOW // 2)
    off = largest_difference(
        indicator.compute(positions)[inside].reshape(-1, 1),
        by_numpy(positions, WINDOW)[inside].reshape(-1, 1),
    )
    seconds = interleave(
        {
            "vitrify": lambda: indicator.compute(positions),
            "numpy": lambda: by_numpy(positions, WINDOW),
        },
        rounds=3 if quick else 7,
    )
    ratio = compare(seconds["vitrify"], seconds["numpy"], n_frames * n)
    yield Row(
        "p-hop",
        n,
        "particle-frames/s",
        ratio.rate,
        "numpy, running sums",
        *ratio[1:],
        agreement=f"{off:.0e}",
        kernel="p_hop",
        remark=f"{n_frames} frames, window {WINDOW}",
    )


ROWS = {"p-hop": p_hop_rows}
