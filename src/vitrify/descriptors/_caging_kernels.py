"""Local g(r) by Gaussians, and the depth of the caging potential. Plain arrays in and out; the result does not depend on
threads.

Each pair of species has its own even grid of distances. A neighbour adds one Gaussian to the points of the grid within
its span; the sums run over neighbours in the order of the cell list.
"""

import numpy as np
from numba import njit, prange

from vitrify.descriptors._kernels import _ORDERED, BLOCK, exponential
from vitrify.particles._cells import gather_distances


@njit(cache=True, fastmath=_ORDERED)
def _add_gaussians(window, start, step):
    """Add exp(-u²/2) at u = start + k step to each entry of `window`."""
    for k in range(len(window)):
        u = start + k * step
        window[k] += exponential(-0.5 * u * u)


@njit(cache=True)
def _add_neighbour(distance, first, step, delta, span, sums):
    """Add exp(-(r - distance)² / 2 delta²) at the points r = first + k step of `sums` that lie within `span`."""
    low = max(int(np.ceil((distance - span - first) / step)), 0)
    high = min(int(np.floor((distance + span - first) / step)), len(sums) - 1)
    if low <= high:
        _add_gaussians(sums[low : high + 1], (first + low * step - distance) / delta, step / delta)


@njit(cache=True)
def _depth(sums, g_of_sum, weights, correlations, is_local):
    """Sum weights · sums · c over the grid; where the sum is 0 the product is."""
    total = 0.0
    for k in range(len(sums)):
        c = correlations[k]
        if is_local:
            g = sums[k] * g_of_sum[k]
            c += g - 1.0 - np.log(max(g, 1e-300))
        total += weights[k] * sums[k] * c
    return total


@njit(cache=True, parallel=True)
def caging_depth(cells, centres, grids, tables, delta, span, is_local, out):
    """Fill the depth of the caging potential of each centre, (n,).

    `grids` = (first (S, S), step (S, S), count (S, S) int) describes the distances of each pair of species; a count of 0
    leaves the pair out. `tables` = (g_of_sum, weights, correlations), (S, S, K) each: what turns a sum of Gaussians into
    g(r), what integrates, and c(r) − (g − 1 − ln g), or c(r) itself where c is not local.
    """
    first, step, count = grids
    g_of_sum, weights, correlations = tables
    n_species, longest = g_of_sum.shape[0], g_of_sum.shape[2]
    for block in prange((len(centres) + BLOCK - 1) // BLOCK):
        species, r2 = np.empty(cells.capacity, np.int64), np.empty(cells.capacity)
        sums = np.empty((n_species, longest))
        for i in range(block * BLOCK, min((block + 1) * BLOCK, len(centres))):
            own = cells.species[centres[i]]
            n = gather_distances(cells, centres[i], species, r2)
            sums[:, :] = 0.0
            for m in range(n):
                s = species[m]
                if count[own, s] > 0:
                    _add_neighbour(
                        np.sqrt(r2[m]), first[own, s], step[own, s], delta, span, sums[s, : count[own, s]]
                    )
            depth = 0.0
            for s in range(n_species):
                k = count[own, s]
                depth += _depth(
                    sums[s, :k], g_of_sum[own, s, :k], weights[own, s, :k], correlations[own, s, :k], is_local
                )
            out[i] = depth


@njit(cache=True, parallel=True)
def gaussian_sums(cells, centres, neighbor, radii, delta, span, out):
    """Fill Σ_j exp(-(r − r_ij)² / 2 delta²) over neighbours j of one species at ascending radii, (n, n_r)."""
    for block in prange((len(centres) + BLOCK - 1) // BLOCK):
        species, r2 = np.empty(cells.capacity, np.int64), np.empty(cells.capacity)
        for i in range(block * BLOCK, min((block + 1) * BLOCK, len(centres))):
            n = gather_distances(cells, centres[i], species, r2)
            out[i, :] = 0.0
            for m in range(n):
                if species[m] != neighbor:
                    continue
                distance = np.sqrt(r2[m])
                k = np.searchsorted(radii, distance - span)
                while k < len(radii) and radii[k] <= distance + span:
                    u = (radii[k] - distance) / delta
                    out[i, k] += exponential(-0.5 * u * u)
                    k += 1
