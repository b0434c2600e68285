"""Gaussian densities around particles. Plain arrays in and out; the result does not depend on threads.

On an even grid of radii hardly any Gaussian is evaluated. Neighbours are dropped into narrow bins that line up with the
radii, as powers of their place in the bin. Within a bin a Gaussian is a polynomial, so the density at a radius is one
product of the bins around it with numbers that are the same for every radius and every particle.
"""

import numpy as np
from numba import njit, prange

from vitrify.descriptors._kernels import BLOCK, exponential
from vitrify.particles._cells import gather_distances

POWERS = 8  # of the place in a bin, 0 to 7: one cache line


@njit(cache=True, fastmath=True)
def _places(r2, n, first_edge, per_length, place):
    """Distance of each neighbour, counted in bins."""
    for m in range(n):
        place[m] = (np.sqrt(r2[m]) - first_edge) * per_length


@njit(cache=True, fastmath=True)
def _fill_bins(species, place, n, n_bins, filled):
    """Add u⁰ … u⁷ of each neighbour to its bin, u in [-1, 1] from edge to edge; `filled` has the species in turn."""
    filled[:] = 0.0
    for m in range(n):
        if place[m] < 0.0 or place[m] >= n_bins:
            continue
        here = np.uint64(place[m])
        u = 2.0 * (place[m] - np.float64(here)) - 1.0
        u2 = u * u
        u3 = u2 * u
        u4 = u2 * u2
        row = filled[np.uint64(species[m]) * np.uint64(n_bins) + here]
        row[0] += 1.0
        row[1] += u
        row[2] += u2
        row[3] += u3
        row[4] += u4
        row[5] += u4 * u
        row[6] += u4 * u2
        row[7] += u4 * u3


@njit(cache=True, fastmath=True)
def _times_window(filled, start, weights):
    total = 0.0
    window = filled[start : start + len(weights)]
    for m in range(len(weights)):
        total += window[m] * weights[m]
    return total


@njit(cache=True)
def _directly(species, r2, n, near, radii, delta, n_radii, out):
    """Add the densities at the first `radii`, which only neighbours within `near` reach, one exponential each."""
    for m in range(n):
        if r2[m] < near * near:
            distance = np.sqrt(r2[m])
            for k in range(len(radii)):
                u = (radii[k] - distance) / delta
                out[species[m] * n_radii + k] += exponential(-0.5 * u * u)


@njit(cache=True, parallel=True)
def radial_even(cells, centres, radii, delta, bins, n_direct, near, n_species, out):
    """Gaussian densities on an even grid of radii.

    `bins` = (first_edge, width, per_step, weights): the density at radius k is the product of `weights` (a window of
    bins times POWERS) with the window that starts at bin k per_step. The first `n_direct` radii are summed directly:
    they see few neighbours, far out in the tails of the Gaussians, where polynomials lose relative precision.
    """
    first_edge, width, per_step, weights = bins
    n_radii = len(radii)
    n_bins = (n_radii - 1) * per_step + len(weights) // POWERS
    for block in prange((len(centres) + BLOCK - 1) // BLOCK):
        species, r2 = np.empty(cells.capacity, np.int64), np.empty(cells.capacity)
        place = np.empty(cells.capacity)
        filled = np.empty((n_species * n_bins, POWERS))
        for i in range(block * BLOCK, min((block + 1) * BLOCK, len(centres))):
            n = gather_distances(cells, centres[i], species, r2)
            _places(r2, n, first_edge, 1.0 / width, place)
            _fill_bins(species, place, n, n_bins, filled)
            out[i, :] = 0.0
            _directly(species, r2, n, near, radii[:n_direct], delta, n_radii, out[i])
            for s in range(n_species):
                of_species = filled[s * n_bins : (s + 1) * n_bins].ravel()
                for k in range(n_direct, n_radii):
                    out[i, s * n_radii + k] = _times_window(of_species, k * per_step * POWERS, weights)


@njit(cache=True, parallel=True)
def radial_any(cells, centres, radii, delta, span, n_species, out):
    """Gaussian densities at any ascending radii: one exponential for each radius within `span` of a neighbour."""
    n_radii = len(radii)
    for block in prange((len(centres) + BLOCK - 1) // BLOCK):
        species, r2 = np.empty(cells.capacity, np.int64), np.empty(cells.capacity)
        for i in range(block * BLOCK, min((block + 1) * BLOCK, len(centres))):
            n = gather_distances(cells, centres[i], species, r2)
            out[i, : n_species * n_radii] = 0.0
            for m in range(n):
                distance = np.sqrt(r2[m])
                start = species[m] * n_radii
                k = np.searchsorted(radii, distance - span)
                while k < n_radii and radii[k] <= distance + span:
                    u = (radii[k] - distance) / delta
                    out[i, start + k] += exponential(-0.5 * u * u)
                    k += 1
