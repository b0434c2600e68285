"""Bond order in Gaussian shells: sums of spherical harmonics over neighbours, all degrees and radii in one go.

Everything is real. C_lm is the spherical harmonic with the norm of Racah, times sqrt(2) for m > 0, so that
P_l(cos of the angle between two directions) is the sum of Re C_lm Re C'_lm + Im C_lm Im C'_lm over m = 0 … l, and q_l is
the length of the vector of weighted means of these 2l + 1 numbers. For one m after the other the rows C_lm of all
neighbours follow from each other; two rows stay in the first-level cache while every radius takes its sums from them.
"""

import numpy as np
from numba import njit, prange

from vitrify.descriptors._kernels import _ORDERED, exponential
from vitrify.particles._cells import gather

BLOCK = 64  # centres that share one set of buffers
BINS = 64  # equal parts of the cutoff by which neighbours are ordered
LANES = 16  # windows of neighbours begin and end at multiples of this, so that vector loops have no remainder
GROUP = 4  # radii that are summed together


@njit(cache=True, fastmath=_ORDERED)
def _roots(squares, n, out):
    for j in range(n):
        out[j] = np.sqrt(squares[j])


@njit(cache=True)
def _sort_neighbours(vectors, separation, n, cutoff, first, ray, distance):
    """Order neighbours by bins of their distance.

    `first[b]` becomes the first neighbour of bin b. A neighbour on the very spot of the particle is left out. Up to the
    next multiple of LANES follow entries without direction that count nothing.
    """
    scale = BINS / cutoff
    first[:] = 0
    for j in range(n):
        if separation[j] > 0.0:
            first[min(int(separation[j] * scale), BINS - 1) + 2] += 1
    for b in range(2, BINS + 2):
        first[b] += first[b - 1]
    for j in range(n):
        if separation[j] > 0.0:
            b = min(int(separation[j] * scale), BINS - 1) + 1
            to = first[b]
            first[b] += 1
            distance[to] = separation[j]
            inverse = 1.0 / separation[j]
            for a in range(3):
                ray[a, to] = vectors[j, a] * inverse
            ray[3, to] = 1.0
    found = first[BINS]
    for j in range(found, (found + LANES - 1) // LANES * LANES):
        distance[j] = cutoff
        ray[:, j] = 0.0


@njit(cache=True)
def _nearest(first, width, radius):
    """Upper bound, to a bin or two, of the distance from a radius to the nearest neighbour; inf if there is none."""
    here = int(min(radius / width, BINS - 1.0))
    for step in range(BINS):
        low, high = max(here - step, 0), min(here + step, BINS - 1)
        if first[high + 1] > first[low]:
            return max(radius - low * width, (high + 1) * width - radius)
    return np.inf


@njit(cache=True)
def _window(first, width, radii, delta, widths, faint):
    """Range of sorted neighbours that count for a group of radii.

    A neighbour counts at a radius if its weight exceeds exp(-widths²/2) times that of the nearest neighbour there, or
    times exp(-faint/2) where all are fainter than that.
    """
    low, high = np.inf, -np.inf
    for radius in radii:
        gap = _nearest(first, width, radius) / delta
        reach = delta * np.sqrt(min(gap * gap, faint) + widths * widths)
        low, high = min(low, radius - reach), max(high, radius + reach)
    start = first[int(min(max(low / width, 0.0), BINS - 1.0))]
    stop = first[int(min(high / width, BINS - 1.0)) + 1]
    return start // LANES * LANES, (stop + LANES - 1) // LANES * LANES


@njit(cache=True, fastmath=_ORDERED)
def _gaussians(distance, counts, radius, delta, out):
    for j in range(len(out)):
        u = (distance[j] - radius) / delta
        out[j] = counts[j] * exponential(-0.5 * u * u)


@njit(cache=True, fastmath=True)
def _sum(values):
    total = 0.0
    for value in values:
        total += value
    return total


@njit(cache=True, fastmath=_ORDERED)
def _next_diagonal(factor, x, y, top, n):
    """Step from C_m-1,m-1 to C_mm: times x + iy. Real parts are the first n of `top`, imaginary parts the next n."""
    for j in range(n):
        a, b = factor * top[j], factor * top[n + j]
        top[j] = x[j] * a - y[j] * b
        top[n + j] = x[j] * b + y[j] * a


@njit(cache=True)
def _start_degrees(top, before, last, n):
    for j in range(n):
        last[j] = top[j]
        before[j] = 0.0


@njit(cache=True, fastmath=_ORDERED)
def _two_degrees(z, before, last, forward, back, m, degree, n):
    """Step from C_l-2,m and C_l-1,m to C_lm and C_l+1,m, in place."""
    first, second = forward[m, degree], forward[m, degree + 1]
    first_back, second_back = back[m, degree], back[m, degree + 1]
    for j in range(n):
        height, former = z[j], last[j]
        here = first * height * former - first_back * before[j]
        before[j] = here
        last[j] = second * height * here - second_back * former


@njit(cache=True, fastmath=True)
def _four_squares(weights, k, row, n, start, stop, total):
    """Add |sum_j w_j C_j|² for the rows k … k + 3 of weights. All numbers are unsigned: no index counts from the end."""
    one = np.uint64(1)
    b, c, d = k + one, k + one + one, k + one + one + one
    ar = br = cr = dr = ai = bi = ci = di = 0.0
    for j in range(start, stop):
        real, imaginary = row[j], row[n + j]
        ar += weights[k, j] * real
        br += weights[b, j] * real
        cr += weights[c, j] * real
        dr += weights[d, j] * real
        ai += weights[k, j] * imaginary
        bi += weights[b, j] * imaginary
        ci += weights[c, j] * imaginary
        di += weights[d, j] * imaginary
    total[k] += ar * ar + ai * ai
    total[b] += br * br + bi * bi
    total[c] += cr * cr + ci * ci
    total[d] += dr * dr + di * di


@njit(cache=True)
def _add_degree(weights, windows, row, n, total):
    """Add the squares of the sums over one row of harmonics to the total of every radius."""
    for g in range(len(windows)):
        start, stop = np.uint64(windows[g, 0]), np.uint64(windows[g, 1])
        _four_squares(weights, np.uint64(g * GROUP), row, np.uint64(n), start, stop, total)


@njit(cache=True)
def _fill_weights(distance, counts, first, cutoff, radii, delta, limits, weights, windows, sums):
    """Weights of the neighbours within the window of each group of radii, and their sums; the end of the last window."""
    widths, floor = limits
    faint, end = -2.0 * np.log(floor), 0
    for g in range(len(windows)):
        group = slice(g * GROUP, (g + 1) * GROUP)
        start, stop = _window(first, cutoff / BINS, radii[group], delta, widths, faint)
        windows[g, 0], windows[g, 1] = start, stop
        end = max(end, stop)
        for k in range(g * GROUP, (g + 1) * GROUP):
            within = weights[k, start:stop]
            _gaussians(distance[start:stop], counts[start:stop], radii[k], delta, within)
            sums[k] = max(_sum(within), floor)
    return end


@njit(cache=True, parallel=True)
def bond_order(cells, centres, wanted, radii, n_radii, delta, limits, recurrence, out):
    """q_l(i; r) of each centre, one row of `out`: degree by degree where `wanted[l]`, the first `n_radii` radii.

    `radii` are filled up to a multiple of GROUP; `wanted` has an entry for l_max + 1 too. `limits` = (widths, floor):
    terms below exp(-widths²/2) of the largest are left out, and shells whose sum of weights is below `floor` fade out.
    `recurrence` = (diagonal, forward, back): the factor from C_m-1,m-1 to C_mm, and [m, l] those of C_l-1,m and C_l-2,m
    in C_lm, up to l_max + 1.
    """
    diagonal, forward, back = recurrence
    l_max, n_filled = len(wanted) - 2, len(radii)
    for block in prange((len(centres) + BLOCK - 1) // BLOCK):
        # an odd number of cache lines, so that rows do not collide in the cache
        size = (cells.capacity + LANES) // LANES * LANES + 8
        index, vectors, r2 = np.empty(size, np.int64), np.empty((size, 3)), np.empty(size)
        first, ray, distance = np.empty(BINS + 2, np.int64), np.empty((4, size)), np.empty(size)
        weights, sums = np.empty((n_filled, size)), np.empty(n_filled)
        windows = np.empty((n_filled // GROUP, 2), np.int64)
        z, top = np.empty(2 * size), np.empty(2 * size)
        before, last = np.empty(2 * size), np.empty(2 * size)
        squares = np.empty((l_max + 1, n_filled))
        for i in range(block * BLOCK, min((block + 1) * BLOCK, len(centres))):
            n = gather(cells, centres[i], index, vectors, r2)
            _roots(r2, n, r2)
            _sort_neighbours(vectors, r2, n, cells.cutoff, first, ray, distance)
            n = _fill_weights(
                distance, ray[3], first, cells.cutoff, radii, delta, limits, weights, windows, sums
            )
            z[:n], z[n : 2 * n] = ray[2, :n], ray[2, :n]
            top[:n], top[n : 2 * n] = ray[3, :n], 0.0
            squares[:] = 0.0
            for m in range(l_max + 1):
                if m > 0:
                    _next_diagonal(diagonal[m], ray[0], ray[1], top, n)
                _start_degrees(top, before, last, 2 * n)
                if wanted[m]:
                    _add_degree(weights, windows, last, n, squares[m])
                for degree in range(m + 1, l_max + 1, 2):
                    _two_degrees(z, before, last, forward, back, m, degree, 2 * n)
                    if wanted[degree]:
                        _add_degree(weights, windows, before, n, squares[degree])
                    if wanted[degree + 1]:
                        _add_degree(weights, windows, last, n, squares[degree + 1])
            column = 0
            for degree in range(l_max + 1):
                if wanted[degree]:
                    for k in range(n_radii):
                        out[i, column + k] = np.sqrt(squares[degree, k]) / sums[k]
                    column += n_radii
