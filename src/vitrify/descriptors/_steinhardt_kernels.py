"""Steinhardt's sums of spherical harmonics over the neighbours of a particle, their averages and invariants."""

import numpy as np
from numba import njit, prange

from vitrify.particles._cells import gather

BLOCK = 32  # centres that share one set of buffers
_SQRT_HALF = 0.5**0.5


@njit(cache=True)
def _add_neighbour(x, y, z, wanted, recurrence, row):
    """Add C_lm of Racah's norm, times √2 for m > 0, of one unit vector: real and imaginary parts, degree by degree."""
    diagonal, forward, back = recurrence
    l_max = len(wanted) - 1
    top_r, top_i = 1.0, 0.0
    for m in range(l_max + 1):
        if m > 0:
            factor = diagonal[m]
            top_r, top_i = factor * (top_r * x - top_i * y), factor * (top_r * y + top_i * x)
        last_r, last_i, before_r, before_i = top_r, top_i, 0.0, 0.0
        for degree in range(m, l_max + 1):
            if degree > m:
                f, b = forward[m, degree] * z, back[m, degree]
                before_r, last_r = last_r, f * last_r - b * before_r
                before_i, last_i = last_i, f * last_i - b * before_i
            if wanted[degree] >= 0:
                row[wanted[degree] + m, 0] += last_r
                row[wanted[degree] + m, 1] += last_i


@njit(cache=True, parallel=True)
def moments(cells, centres, wanted, recurrence, out):
    """Means over the neighbours of each centre, `out` (n, rows, 2): that of l, m >= 0 at `wanted[l]` + m if that is >= 0.

    A neighbour on the very spot of the particle has no direction and is left out; without neighbours the row is 0.
    """
    for block in prange((len(centres) + BLOCK - 1) // BLOCK):
        index, vectors, r2 = (
            np.empty(cells.capacity, np.int64),
            np.empty((cells.capacity, 3)),
            np.empty(cells.capacity),
        )
        for i in range(block * BLOCK, min((block + 1) * BLOCK, len(centres))):
            out[i] = 0.0
            count = 0
            for k in range(gather(cells, centres[i], index, vectors, r2)):
                if r2[k] > 0.0:
                    inverse = 1.0 / np.sqrt(r2[k])
                    x, y, z = vectors[k, 0] * inverse, vectors[k, 1] * inverse, vectors[k, 2] * inverse
                    _add_neighbour(x, y, z, wanted, recurrence, out[i])
                    count += 1
            if count:
                out[i] /= count


@njit(cache=True, parallel=True)
def averages(cells, centres, place, values, out):
    """Means of the rows of each centre and of its neighbours; `values[place[k]]` is the row of entry k in cell order."""
    for block in prange((len(centres) + BLOCK - 1) // BLOCK):
        index, vectors, r2 = (
            np.empty(cells.capacity, np.int64),
            np.empty((cells.capacity, 3)),
            np.empty(cells.capacity),
        )
        for i in range(block * BLOCK, min((block + 1) * BLOCK, len(centres))):
            out[i] = values[place[centres[i]]]
            n = gather(cells, centres[i], index, vectors, r2)
            for k in range(n):
                out[i] += values[place[index[k]]]
            out[i] /= n + 1


@njit(cache=True)
def _both_signs(row, start, degree, full):
    """Fill C_lm of m = -l … l into `full` (2 l + 1, 2) and return the sum of their squares."""
    square = 0.0
    for m in range(degree + 1):
        re, im = row[start + m, 0], row[start + m, 1]
        square += re * re + im * im
        if m:
            re, im = _SQRT_HALF * re, _SQRT_HALF * im
        sign = -1.0 if m % 2 else 1.0
        full[degree - m, 0], full[degree - m, 1] = sign * re, -sign * im
        full[degree + m, 0], full[degree + m, 1] = re, im
    return square


@njit(cache=True)
def _third_order(full, degree, terms, factors):
    """Sum of factor c_m1 c_m2 c_m3 over the terms (m1, m2), m3 = -m1 - m2."""
    total = 0.0
    for t in range(len(terms)):
        a, b = terms[t, 0] + degree, terms[t, 1] + degree
        c = 3 * degree - a - b
        re = full[a, 0] * full[b, 0] - full[a, 1] * full[b, 1]
        im = full[a, 0] * full[b, 1] + full[a, 1] * full[b, 0]
        total += factors[t] * (re * full[c, 0] - im * full[c, 1])
    return total


@njit(cache=True, parallel=True)
def invariants(values, starts, degrees, columns, ends, terms, factors, smallest, out):
    """q_l of each degree k into column k and w_l / q_l³ into `columns[k]` if that is >= 0; the latter 0 for q_l <= `smallest`.

    The terms of w_l are those from `ends[k]` to `ends[k + 1]`, see `_third_order`.
    """
    for block in prange((len(values) + BLOCK - 1) // BLOCK):
        full = np.empty((2 * degrees.max() + 1, 2))
        for i in range(block * BLOCK, min((block + 1) * BLOCK, len(values))):
            for k in range(len(degrees)):
                q = np.sqrt(_both_signs(values[i], starts[k], degrees[k], full))
                out[i, k] = q
                if columns[k] >= 0:
                    used = slice(ends[k], ends[k + 1])
                    w = _third_order(full, degrees[k], terms[used], factors[used]) if q > smallest else 0.0
                    out[i, columns[k]] = w / (q * q * q) if q > smallest else 0.0
