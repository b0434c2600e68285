"""Averages of rows of features over the neighbours of particles; the result does not depend on threads."""

import numpy as np
from numba import njit, prange

from vitrify.descriptors._kernels import exponential
from vitrify.particles._cells import gather

BLOCK = 32  # centres that share one set of buffers
GROUP = 4  # rows that are added at a time


@njit(cache=True)
def mark_neighbours(cells, centres, marked):
    """Mark the neighbours of the centres, all in cell order."""
    index, vectors, r2 = (
        np.empty(cells.capacity, np.int64),
        np.empty((cells.capacity, 3)),
        np.empty(cells.capacity),
    )
    for k in centres:
        for m in range(gather(cells, k, index, vectors, r2)):
            marked[index[m]] = True


@njit(cache=True, fastmath={"contract"})
def _add_four_rows(values, rows, weights, first, out, i, n):
    """Add four weighted rows to row i of `out`. All numbers are unsigned: no index counts from the end."""
    one = np.uint64(1)
    a, b, c, d = rows[first], rows[first + one], rows[first + one + one], rows[first + one + one + one]
    u, v = weights[first], weights[first + one]
    w, x = weights[first + one + one], weights[first + one + one + one]
    for k in range(n):
        out[i, k] += (u * values[a, k] + v * values[b, k]) + (w * values[c, k] + x * values[d, k])


@njit(cache=True)
def _scale_row(out, i, n, factor):
    for k in range(n):
        out[i, k] *= factor


@njit(cache=True, parallel=True)
def average(cells, centres, place, values, out):
    """Row i of `out`: mean of the rows of centre i and of its neighbours with the weights exp(-R / cutoff).

    `values[place[k]]` is the row of the particle that stands at k in cell order.
    """
    n_features = np.uint64(values.shape[1])
    for block in prange((len(centres) + BLOCK - 1) // BLOCK):
        size = cells.capacity + GROUP + 1
        index, vectors, r2 = np.empty(size, np.int64), np.empty((size, 3)), np.empty(size)
        rows, weights = np.empty(size, np.uint64), np.empty(size)
        for i in range(block * BLOCK, min((block + 1) * BLOCK, len(centres))):
            n = gather(cells, centres[i], index, vectors, r2)
            rows[:GROUP], weights[:GROUP] = np.uint64(place[centres[i]]), 0.0
            weights[0] = total = 1.0
            for m in range(n):
                rows[m + 1] = np.uint64(place[index[m]])
                weights[m + 1] = exponential(-np.sqrt(r2[m]) / cells.cutoff)
                total += weights[m + 1]
            rows[n + 1 : n + 1 + GROUP], weights[n + 1 : n + 1 + GROUP] = rows[0], 0.0
            out[i, :] = 0.0
            for m in range(0, n + 1, GROUP):
                _add_four_rows(values, rows, weights, np.uint64(m), out, np.uint64(i), n_features)
            _scale_row(out, np.uint64(i), n_features, 1.0 / total)
