"""Sums over the pairs of a field: numbers that particles carry, by the distance between them."""

import numpy as np
from numba import njit, prange

from vitrify.particles._cells import gather

_CHUNK = 256
_SLOTS = 64  # partial sums, added up in order: the number of threads changes no bit


@njit(cache=True, parallel=True)
def pair_products(cells, field, bin_width, n_bins):
    """Ordered pairs in each bin of the distance, (3, b): how many, the sum of x_i + x_j, the sum of x_i x_j.

    `field` (N,) in original order. Own periodic images are left out.
    """
    n = len(cells.order)
    n_chunks = (n + _CHUNK - 1) // _CHUNK
    n_slots = min(n_chunks, _SLOTS)
    sums = np.zeros((n_slots, 3, n_bins))
    for slot in prange(n_slots):
        index = np.empty(cells.capacity, np.int64)
        vectors = np.empty((cells.capacity, 3))
        r2 = np.empty(cells.capacity)
        for chunk in range(slot, n_chunks, n_slots):
            for k in range(chunk * _CHUNK, min(n, (chunk + 1) * _CHUNK)):
                own = field[cells.order[k]]
                for m in range(gather(cells, k, index, vectors, r2)):
                    b = int(np.sqrt(r2[m]) / bin_width)
                    if index[m] == k or b >= n_bins:
                        continue
                    other = field[cells.order[index[m]]]
                    sums[slot, 0, b] += 1.0
                    sums[slot, 1, b] += own + other
                    sums[slot, 2, b] += own * other
    return sums.sum(axis=0)
