"""Hot loops of the structure of a whole configuration."""

import numpy as np
from numba import njit, prange

from vitrify.particles._cells import gather

_CHUNK = 256


@njit(cache=True, parallel=True)
def pair_histogram(cells, group, n_groups, n_species, bin_width, n_bins):
    """Count neighbours by (group of the centre, species of the neighbour, bin of the distance).

    `group` (N,) int, original order, -1 for particles that are no centres. Own periodic images are left out. Returns
    ordered pairs (g, s, b), those among them whose reverse falls into the same place (g, s, b), and those whose reverse
    would if all groups were one (s, b); all int.
    """
    n = len(cells.order)
    n_chunks = (n + _CHUNK - 1) // _CHUNK
    n_slots = min(n_chunks, 64)
    counts = np.zeros((n_slots, n_groups, n_species, n_bins), np.int64)
    twice = np.zeros((n_slots, n_groups, n_species, n_bins), np.int64)
    twice_of_all = np.zeros((n_slots, n_species, n_bins), np.int64)
    for slot in prange(n_slots):
        index = np.empty(cells.capacity, np.int64)
        vectors = np.empty((cells.capacity, 3))
        r2 = np.empty(cells.capacity)
        for chunk in range(slot, n_chunks, n_slots):
            for k in range(chunk * _CHUNK, min(n, (chunk + 1) * _CHUNK)):
                g = group[cells.order[k]]
                if g < 0:
                    continue
                found = gather(cells, k, index, vectors, r2)
                for m in range(found):
                    j = index[m]
                    b = int(np.sqrt(r2[m]) / bin_width)
                    if j == k or b >= n_bins:
                        continue
                    s = cells.species[j]
                    counts[slot, g, s, b] += 1
                    other = group[cells.order[j]]
                    if other >= 0 and cells.species[k] == s:
                        twice_of_all[slot, s, b] += 1
                        if other == g:
                            twice[slot, g, s, b] += 1
    return counts.sum(axis=0), twice.sum(axis=0), twice_of_all.sum(axis=0)


@njit(cache=True)
def harmonics_of_six(x, y, z, norms, out):
    """Add the 13 real spherical harmonics of degree 6 of a unit vector to `out`."""
    z2 = z * z
    p0 = (231 * z2 * z2 * z2 - 315 * z2 * z2 + 105 * z2 - 5) / 16
    p1 = 21 / 8 * z * (33 * z2 * z2 - 30 * z2 + 5)
    p2 = 105 / 8 * (33 * z2 * z2 - 18 * z2 + 1)
    p3 = 315 / 2 * z * (11 * z2 - 3)
    p4 = 945 / 2 * (11 * z2 - 1)
    p5 = 10395 * z
    p6 = 10395.0
    out[0] += norms[0] * p0
    c, s = x, y
    out[1] += norms[1] * p1 * c
    out[2] += norms[1] * p1 * s
    c, s = c * x - s * y, c * y + s * x
    out[3] += norms[2] * p2 * c
    out[4] += norms[2] * p2 * s
    c, s = c * x - s * y, c * y + s * x
    out[5] += norms[3] * p3 * c
    out[6] += norms[3] * p3 * s
    c, s = c * x - s * y, c * y + s * x
    out[7] += norms[4] * p4 * c
    out[8] += norms[4] * p4 * s
    c, s = c * x - s * y, c * y + s * x
    out[9] += norms[5] * p5 * c
    out[10] += norms[5] * p5 * s
    c, s = c * x - s * y, c * y + s * x
    out[11] += norms[6] * p6 * c
    out[12] += norms[6] * p6 * s


@njit(cache=True)
def hexatic(x, y, out):
    """Add cos 6φ and sin 6φ of a unit vector in the plane to `out`."""
    c, s = x, y
    for _ in range(5):
        c, s = c * x - s * y, c * y + s * x
    out[0] += c
    out[1] += s


@njit(cache=True, parallel=True)
def bond_order(cells, norms, planar, order, n_neighbors):
    """Fill the mean over neighbours of the harmonics, (N, 13) or (N, 2), and the number of neighbours; original order."""
    n = len(cells.order)
    n_chunks = (n + _CHUNK - 1) // _CHUNK
    for chunk in prange(n_chunks):
        index = np.empty(cells.capacity, np.int64)
        vectors = np.empty((cells.capacity, 3))
        r2 = np.empty(cells.capacity)
        for k in range(chunk * _CHUNK, min(n, (chunk + 1) * _CHUNK)):
            found = gather(cells, k, index, vectors, r2)
            i = cells.order[k]
            n_neighbors[i] = found
            order[i, :] = 0.0
            for m in range(found):
                r = np.sqrt(r2[m])
                x, y, z = vectors[m, 0] / r, vectors[m, 1] / r, vectors[m, 2] / r
                if planar:
                    hexatic(x, y, order[i])
                else:
                    harmonics_of_six(x, y, z, norms, order[i])
            if found > 0:
                order[i, :] /= found


@njit(cache=True, parallel=True)
def aligned_bonds(cells, order, threshold, n_bonds):
    """Fill how many neighbours have an order whose normalised scalar product with the particle's exceeds `threshold`."""
    n, width = order.shape
    n_chunks = (n + _CHUNK - 1) // _CHUNK
    for chunk in prange(n_chunks):
        index = np.empty(cells.capacity, np.int64)
        vectors = np.empty((cells.capacity, 3))
        r2 = np.empty(cells.capacity)
        for k in range(chunk * _CHUNK, min(n, (chunk + 1) * _CHUNK)):
            i = cells.order[k]
            own = 0.0
            for a in range(width):
                own += order[i, a] * order[i, a]
            found = gather(cells, k, index, vectors, r2)
            aligned = 0
            for m in range(found):
                j = cells.order[index[m]]
                product, other = 0.0, 0.0
                for a in range(width):
                    product += order[i, a] * order[j, a]
                    other += order[j, a] * order[j, a]
                if product > threshold * np.sqrt(own * other) and own * other > 0:
                    aligned += 1
            n_bonds[i] = aligned
