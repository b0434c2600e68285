"""Sums of differences of a field between a particle and its neighbours."""

import numpy as np
from numba import njit, prange

from vitrify.particles._cells import gather

BLOCK = 32  # centres that share one set of buffers


@njit(cache=True, parallel=True)
def gradient(cells, centres, field, out, counts):
    """Sum of (x_j - x_i) R_ij / R_ij² over the neighbours j whose value is known, (n, 3), and their number, (n,).

    `field` (N,) in cell order; a neighbour on the very spot of the particle has no direction and is left out.
    """
    for block in prange((len(centres) + BLOCK - 1) // BLOCK):
        index = np.empty(cells.capacity, np.int64)
        vectors = np.empty((cells.capacity, 3))
        r2 = np.empty(cells.capacity)
        for i in range(block * BLOCK, min((block + 1) * BLOCK, len(centres))):
            own = field[centres[i]]
            x = y = z = 0.0
            n = 0
            for m in range(gather(cells, centres[i], index, vectors, r2)):
                difference = field[index[m]] - own
                if r2[m] > 0.0 and not np.isnan(difference):
                    weight = difference / r2[m]
                    x += weight * vectors[m, 0]
                    y += weight * vectors[m, 1]
                    z += weight * vectors[m, 2]
                    n += 1
            out[i, 0], out[i, 1], out[i, 2] = x, y, z
            counts[i] = n
