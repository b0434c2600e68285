"""Neighbours in sharp shells: how many within each radius, and their spherical harmonics.

The harmonics of all neighbours of a particle follow from each other row by row, see `vitrify.descriptors._bond_order_kernels`;
each shell takes its sums from the part of a row that belongs to it.
"""

import numpy as np
from numba import njit, prange

from vitrify.descriptors._bond_order_kernels import _next_diagonal, _start_degrees, _sum, _two_degrees
from vitrify.descriptors._cell_kernels import ascending
from vitrify.particles._cells import gather, gather_distances

BLOCK = 32  # centres that share one set of buffers


@njit(cache=True, parallel=True)
def cumulative(cells, centres, squared_radii, n_species, out):
    """Neighbours of each species closer than each radius: species by species, the radii ascending."""
    n_radii = len(squared_radii)
    for block in prange((len(centres) + BLOCK - 1) // BLOCK):
        species, r2 = np.empty(cells.capacity, np.int64), np.empty(cells.capacity)
        for i in range(block * BLOCK, min((block + 1) * BLOCK, len(centres))):
            row = out[i]
            row[:] = 0.0
            for m in range(gather_distances(cells, centres[i], species, r2)):
                k = np.searchsorted(squared_radii, r2[m], side="right")
                if k < n_radii:
                    row[species[m] * n_radii + k] += 1.0
            for s in range(n_species):
                for k in range(s * n_radii + 1, (s + 1) * n_radii):
                    row[k] += row[k - 1]


@njit(cache=True)
def _sort_into_shells(index, vectors, r2, n, kinds, squared, shells_of, ray, first):
    """Put the directions of the neighbours shell by shell, species by species; those in several shells several times.

    Entries of shell k and class c begin at `first[k * classes + c]`; `kinds` is the class of each species.
    """
    n_classes = kinds.max() + 1
    found = 0
    for k in range(len(squared)):
        for c in range(n_classes):
            first[k * n_classes + c] = found
            for m in range(n):
                if squared[k, 0] < r2[m] < squared[k, 1] and kinds[shells_of[index[m]]] == c:
                    inverse = 1.0 / np.sqrt(r2[m])
                    for a in range(3):
                        ray[a, found] = vectors[m, a] * inverse
                    found += 1
    first[len(squared) * n_classes] = found
    return found


@njit(cache=True)
def _add_up(row, n, first, place, out):
    """Means of the real and imaginary parts, first and last n of `row`, over the entries of each shell; 0 if it is empty."""
    for g in range(len(first) - 1):
        count = first[g + 1] - first[g]
        scale = 1.0 / max(count, 1)
        out[g, place, 0] = scale * _sum(row[first[g] : first[g + 1]])
        out[g, place, 1] = scale * _sum(row[n + first[g] : n + first[g + 1]])


@njit(cache=True, parallel=True)
def moments(cells, centres, squared, kinds, overlap, wanted, recurrence, out):
    """Means of C_lm of Racah's norm, times √2 for m > 0, over the neighbours in each shell: `out` (n, groups, rows, 2).

    A group is a shell (its `squared` radii) and a class of species; `overlap` shells at most share a neighbour. That of l, m >= 0
    is at row `wanted[l]` + m, if that is >= 0; `wanted` has an entry for l_max + 1 too.
    """
    diagonal, forward, back = recurrence
    l_max, n_groups = len(wanted) - 2, out.shape[1]
    for block in prange((len(centres) + BLOCK - 1) // BLOCK):
        index, vectors, r2 = (
            np.empty(cells.capacity, np.int64),
            np.empty((cells.capacity, 3)),
            np.empty(cells.capacity),
        )
        size = overlap * cells.capacity
        ray, first = np.empty((3, size)), np.empty(n_groups + 1, np.int64)
        z, top, before, last = np.empty(2 * size), np.empty(2 * size), np.empty(2 * size), np.empty(2 * size)
        for i in range(block * BLOCK, min((block + 1) * BLOCK, len(centres))):
            n = gather(cells, centres[i], index, vectors, r2)
            n = _sort_into_shells(index, vectors, r2, n, kinds, squared, cells.species, ray, first)
            z[:n], z[n : 2 * n] = ray[2, :n], ray[2, :n]
            top[:n], top[n : 2 * n] = 1.0, 0.0
            for m in range(l_max + 1):
                if m > 0:
                    _next_diagonal(diagonal[m], ray[0], ray[1], top, n)
                _start_degrees(top, before, last, 2 * n)
                if wanted[m] >= 0:
                    _add_up(last, n, first, wanted[m] + m, out[i])
                for degree in range(m + 1, l_max + 1, 2):
                    _two_degrees(z, before, last, forward, back, m, degree, 2 * n)
                    if wanted[degree] >= 0:
                        _add_up(before, n, first, wanted[degree] + m, out[i])
                    if wanted[degree + 1] >= 0:
                        _add_up(last, n, first, wanted[degree + 1] + m, out[i])


@njit(cache=True, parallel=True)
def nearest(cells, centres, out):
    """Distances to the nearest neighbours, as many as `out` (n, k) has columns, ascending; inf beyond the cutoff of the cells."""
    wanted = out.shape[1]
    for block in prange((len(centres) + BLOCK - 1) // BLOCK):
        species, r2 = np.empty(cells.capacity, np.int64), np.empty(cells.capacity)
        order = np.empty(cells.capacity, np.int64)
        for i in range(block * BLOCK, min((block + 1) * BLOCK, len(centres))):
            n = gather_distances(cells, centres[i], species, r2)
            ascending(r2, n, order)
            for k in range(wanted):
                out[i, k] = np.sqrt(r2[order[k]]) if k < n else np.inf
