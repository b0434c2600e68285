"""Density modes of a configuration: sums of exp(-i q·r) over particles, for many wave vectors of one box."""

import numpy as np
from numba import njit, prange

_PARTICLES = 128  # whose powers are held at a time: a few hundred kB of tables
_VECTORS = 256  # that one thread does in one go


@njit(cache=True)
def _fill_powers(fractional, highest, cosines, sines):
    """Fill cos and sin of 2π n x along each axis for n = 0 … highest, each from the one before by one product."""
    count = len(fractional)
    for a in range(3):
        for i in range(count):
            angle = 2.0 * np.pi * (fractional[i, a] - np.floor(fractional[i, a]))
            c, s = np.cos(angle), np.sin(angle)
            x, y = 1.0, 0.0
            for n in range(highest[a] + 1):
                cosines[a, n, i] = x
                sines[a, n, i] = y
                x, y = x * c - y * s, x * s + y * c


@njit(cache=True, fastmath=True)
def _four_sums(a, b, c, d):
    """Return the sums of ac, bd, ad and bc."""
    ac, bd, ad, bc = 0.0, 0.0, 0.0, 0.0
    for i in range(len(a)):
        ac += a[i] * c[i]
        bd += b[i] * d[i]
        ad += a[i] * d[i]
        bc += b[i] * c[i]
    return ac, bd, ad, bc


@njit(cache=True, fastmath=True)
def _product(a, b, c, d, sign, real, imaginary):
    """Fill (a + ib)(c ± id)."""
    for i in range(len(a)):
        real[i] = a[i] * c[i] - sign * b[i] * d[i]
        imaginary[i] = sign * a[i] * d[i] + b[i] * c[i]


@njit(cache=True)
def _add_vectors(cosines, sines, count, triples, first, stop, real, imaginary, modes):
    """Add the sums of vectors first … stop - 1; those with the same two first numbers share a product."""
    h, k = -1, 0
    for v in range(first, stop):
        if triples[v, 0] != h or triples[v, 1] != k or v == first:
            h, k = triples[v, 0], triples[v, 1]
            n, sign = abs(k), 1.0 if k >= 0 else -1.0
            _product(
                cosines[0, h, :count], sines[0, h, :count], cosines[1, n, :count], sines[1, n, :count], sign,
                real, imaginary,
            )  # fmt: skip
        m, sign = abs(triples[v, 2]), 1.0 if triples[v, 2] >= 0 else -1.0
        ac, bd, ad, bc = _four_sums(
            real[:count], imaginary[:count], cosines[2, m, :count], sines[2, m, :count]
        )
        modes[v, 0] += ac - sign * bd
        modes[v, 1] -= sign * ad + bc


@njit(cache=True, parallel=True)
def density_modes(fractional, triples, highest, modes):
    """Add Σ_i cos and −Σ_i sin of 2π n·x_i to `modes` (M, 2).

    `fractional` (N, 3); `triples` (M, 3) int, the first number not negative, sorted; `highest` (3,) their largest
    absolute values. A vector belongs to one thread and meets the particles in their order.
    """
    width = highest.max() + 1
    cosines, sines = np.empty((3, width, _PARTICLES)), np.empty((3, width, _PARTICLES))
    n_chunks = (len(triples) + _VECTORS - 1) // _VECTORS
    for begin in range(0, len(fractional), _PARTICLES):
        some = fractional[begin : begin + _PARTICLES]
        count = len(some)
        _fill_powers(some, highest, cosines, sines)
        for chunk in prange(n_chunks):
            real, imaginary = np.empty(_PARTICLES), np.empty(_PARTICLES)
            first, stop = chunk * _VECTORS, min((chunk + 1) * _VECTORS, len(triples))
            _add_vectors(cosines, sines, count, triples, first, stop, real, imaginary, modes)
