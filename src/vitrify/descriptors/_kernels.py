"""Sums over neighbours and pairs of neighbours. Plain arrays in and out; the result does not depend on threads.

Every kernel takes the cell list of a frame and `centres`, the places of the wanted particles in cell order, and fills
one row of `out` per centre. The particles are dealt to the threads in blocks, each with its own buffers; a row is
written by one thread and its sum runs in a fixed order.
"""

import numpy as np
from numba import njit, prange
from numba.core import types
from numba.extending import intrinsic

from vitrify.particles._cells import gather

BLOCK = 32  # centres that share one set of buffers
CHUNK = 256  # neighbour pairs treated at a time: their arrays stay in the first-level cache
SHELLS = 16  # equal parts of the squared cutoff by which neighbours are ordered, so that chunks are alike
LANES = 16  # chunks are filled up to a multiple of this, so that vector loops have no remainder

_ORDERED = {
    "nnan",
    "ninf",
    "nsz",
    "arcp",
    "contract",
}  # all but reordering, which would undo the rounding below
_LOG2_E = 1.4426950408889634
_LN2_HIGH = 0.693147180369123816490  # 32 bits of ln 2: a product with a small integer is exact
_LN2_LOW = 1.90821492927058770002e-10
_ROUNDER = 6755399441055744.0  # 1.5 * 2^52: adding it rounds to an integer, which then stands in the low bits


def _same_bits(context, builder, signature, arguments):
    return builder.bitcast(arguments[0], context.get_value_type(signature.return_type))


@intrinsic
def _bits_of(context, x):  # noqa: ARG001
    """Return the bits of a float64 as an int64."""
    return types.int64(types.float64), _same_bits


@intrinsic
def _float_of(context, bits):  # noqa: ARG001
    """Return the float64 that has the bits of an int64."""
    return types.float64(types.int64), _same_bits


@njit(cache=True, fastmath=_ORDERED)
def exponential(x):
    """exp(x) for -inf < x < 700, to 2 units in the last place; below -700 it stays at exp(-700) = 1e-304.

    Without branches or calls, so that a loop over it becomes vector instructions: x = k ln 2 + r with |r| < ln 2 / 2,
    a polynomial of degree 11 (interpolating at Chebyshev nodes, error 2e-17) for exp(r), and k added to the exponent
    bits.
    """
    x = max(x, -700.0)
    rounded = x * _LOG2_E + _ROUNDER
    k = rounded - _ROUNDER
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    p = 2.510038549551032e-08 * r + 2.7620088445409746e-07
    p = p * r + 2.7557268459997064e-06
    p = p * r + 2.4801521295954376e-05
    p = p * r + 1.9841269863053618e-04
    p = p * r + 1.3888888917213717e-03
    p = p * r + 8.333333333330062e-03
    p = p * r + 4.166666666662413e-02
    p = p * r + 1.6666666666666669e-01
    p = p * r + 0.5
    p = p * r + 1.0
    p = p * r + 1.0
    return _float_of(_bits_of(p) + (_bits_of(rounded) << 52))


@njit(cache=True, fastmath=_ORDERED)
def exponentials(x, scale, out, n):
    """out[m] = exp(scale x[m]) for the first n."""
    for m in range(n):
        out[m] = exponential(scale * x[m])


# ---------------------------------------------------------------------------------------------------------------------
# radial density


@njit(cache=True, fastmath=_ORDERED)
def _gaussian_seeds(r2, n, first, step, delta, ratio, nearest, seed, factor):
    """For each neighbour the nearest radius, its Gaussian, and the factor by which the next ones differ."""
    for m in range(n):
        distance = np.sqrt(r2[m])
        nearest[m] = np.floor((distance - first) / step + 0.5)
        u = (first + nearest[m] * step - distance) / delta
        seed[m] = exponential(-0.5 * u * u)
        factor[m] = exponential(-u * ratio)


@njit(cache=True, parallel=True)
def radial_even(cells, centres, first, step, n_radii, delta, damping, n_species, out):
    """Gaussian densities on an even grid of radii: two exponentials a neighbour, then products.

    With u the distance to the nearest radius and a = step / delta, the Gaussian n radii further is
    exp(-u²/2) exp(-u a)^n exp(-n² a² / 2); `damping` holds the last factor up to the n that still counts.
    """
    reach = len(damping) - 1
    ratio = step / delta if reach > 0 else 0.0
    width = n_radii + 4 * reach
    for block in prange((len(centres) + BLOCK - 1) // BLOCK):
        index = np.empty(cells.capacity, np.int64)
        vectors = np.empty((cells.capacity, 3))
        r2 = np.empty(cells.capacity)
        nearest, seed, factor = np.empty(cells.capacity), np.empty(cells.capacity), np.empty(cells.capacity)
        total = np.empty((n_species, width))
        for i in range(block * BLOCK, min((block + 1) * BLOCK, len(centres))):
            n = gather(cells, centres[i], index, vectors, r2)
            _gaussian_seeds(r2, n, first, step, delta, ratio, nearest, seed, factor)
            total[:] = 0.0
            for m in range(n):
                if nearest[m] < -reach or nearest[m] > n_radii - 1 + reach:
                    continue
                species = cells.species[index[m]]
                here = int(nearest[m]) + 2 * reach
                up = down = seed[m]
                more, less = factor[m], 1.0 / factor[m]
                total[species, here] += up
                for k in range(1, reach + 1):
                    up *= more
                    down *= less
                    total[species, here + k] += up * damping[k]
                    total[species, here - k] += down * damping[k]
            for s in range(n_species):
                for m in range(n_radii):
                    out[i, s * n_radii + m] = total[s, 2 * reach + m]


@njit(cache=True, parallel=True)
def radial_any(cells, centres, radii, delta, span, n_species, out):
    """Gaussian densities at any ascending radii: one exponential for each radius within `span` of a neighbour."""
    n_radii = len(radii)
    for block in prange((len(centres) + BLOCK - 1) // BLOCK):
        index = np.empty(cells.capacity, np.int64)
        vectors = np.empty((cells.capacity, 3))
        r2 = np.empty(cells.capacity)
        for i in range(block * BLOCK, min((block + 1) * BLOCK, len(centres))):
            n = gather(cells, centres[i], index, vectors, r2)
            out[i, : n_species * n_radii] = 0.0
            for m in range(n):
                distance = np.sqrt(r2[m])
                start = cells.species[index[m]] * n_radii
                k = np.searchsorted(radii, distance - span)
                while k < n_radii and radii[k] <= distance + span:
                    u = (radii[k] - distance) / delta
                    out[i, start + k] += exponential(-0.5 * u * u)
                    k += 1


# ---------------------------------------------------------------------------------------------------------------------
# bond angles


@njit(cache=True)
def _sort_neighbours(cells, index, vectors, r2, n, fill, start, sorted_vectors, sorted_r2, inverse):
    """Order neighbours by species and, within one, by shells; `start[s]` is the first of species s."""
    n_species = len(start) - 1
    scale = SHELLS / (cells.cutoff * cells.cutoff)
    fill[:] = 0
    for m in range(n):
        fill[cells.species[index[m]] * SHELLS + min(int(r2[m] * scale), SHELLS - 1) + 1] += 1
    for s in range(n_species * SHELLS):
        fill[s + 1] += fill[s]
    for s in range(n_species + 1):
        start[s] = fill[s * SHELLS]
    for m in range(n):
        shell = cells.species[index[m]] * SHELLS + min(int(r2[m] * scale), SHELLS - 1)
        to = fill[shell]
        fill[shell] += 1
        for a in range(3):
            sorted_vectors[a, to] = vectors[m, a]
        sorted_r2[to] = r2[m]
        inverse[to] = 1.0 / np.sqrt(r2[m]) if r2[m] > 0.0 else 0.0


@njit(cache=True, fastmath=_ORDERED)
def _pair_chunk(vectors, r2, inverse, j, k, n, half_sum, cosine, at):
    """Write n pairs (j, k), (j, k + 1), … : half of the summed squared sides of their triangles, and their cosines."""
    x, y, z, r2_j, inverse_j = vectors[0, j], vectors[1, j], vectors[2, j], r2[j], inverse[j]
    for m in range(n):
        dot = x * vectors[0, k + m] + y * vectors[1, k + m] + z * vectors[2, k + m]
        half_sum[at + m] = r2_j + r2[k + m] - dot
        cosine[at + m] = dot * inverse_j * inverse[k + m]


@njit(cache=True, fastmath=_ORDERED)
def _one_plus(sign, cosine, out, n):
    for m in range(n):
        out[m] = 1.0 + sign * cosine[m]


@njit(cache=True, fastmath=_ORDERED)
def _product(a, b, out, n):
    for m in range(n):
        out[m] = a[m] * b[m]


@njit(cache=True, fastmath=_ORDERED)
def _times(a, b, n):
    for m in range(n):
        a[m] *= b[m]


@njit(cache=True, fastmath=_ORDERED)
def _square(a, n):
    for m in range(n):
        a[m] *= a[m]


@njit(cache=True)
def _fill_powers(cosine, signs, exponents, n, spare, powers):
    """powers[p] = (1 + lambda cos)^zeta for each distinct (lambda, zeta), zeta ascending within one lambda."""
    for p in range(len(exponents)):
        out, done = powers[p], 1
        if p == 0 or signs[p] != signs[p - 1]:
            _one_plus(signs[p], cosine, out, n)
        elif 2 * exponents[p - 1] <= exponents[p]:
            done = 2 * exponents[p - 1]
            _product(powers[p - 1], powers[p - 1], out, n)
        else:
            done = exponents[p - 1] + 1
            _one_plus(signs[p], cosine, out, n)
            _times(out, powers[p - 1], n)
        while 2 * done <= exponents[p]:
            _square(out, n)
            done *= 2
        if done < exponents[p]:
            _one_plus(signs[p], cosine, spare, n)
        while done < exponents[p]:
            _times(out, spare, n)
            done += 1


@njit(cache=True, fastmath=True)
def _dot(a, b, n):
    total = 0.0
    for m in range(n):
        total += a[m] * b[m]
    return total


@njit(cache=True, fastmath=True)
def _two_dots(a, b, c, n):
    first = second = 0.0
    for m in range(n):
        first += a[m] * b[m]
        second += a[m] * c[m]
    return first, second


@njit(cache=True, fastmath=True)
def _smallest(a, n):
    smallest = a[0]
    for m in range(1, n):
        smallest = min(smallest, a[m])
    return smallest


@njit(cache=True)
def _add_chunk(pairs, n, rows, total):
    """Add n neighbour pairs to all functions of one pair of species, and return 0: the chunk is empty again."""
    half_sum, cosine, weight, spare, powers = pairs
    steepness, limit, row_start, row_power, signs, exponents = rows
    while n % LANES:
        half_sum[n], cosine[n] = 1e100, 0.0
        n += 1
    if n == 0:
        return 0
    _fill_powers(cosine, signs, exponents, n, spare, powers)
    smallest = _smallest(half_sum, n)
    for x in range(len(steepness)):
        if steepness[x] * smallest > limit:
            continue
        exponentials(half_sum, -steepness[x], weight, n)
        row, stop = row_start[x], row_start[x + 1]
        while row + 1 < stop:
            first, second = _two_dots(weight, powers[row_power[row]], powers[row_power[row + 1]], n)
            total[row] += first
            total[row + 1] += second
            row += 2
        if row < stop:
            total[row] += _dot(weight, powers[row_power[row]], n)
    return 0


@njit(cache=True)
def _sum_species_pair(neighbours, first, second, same, pairs, rows, total):
    """Sum over j in `first` and k in `second`, ranges of sorted neighbours; each unordered pair once if `same`."""
    vectors, r2, inverse = neighbours
    half_sum, cosine = pairs[0], pairs[1]
    filled = 0
    for j in range(first[0], first[1]):
        k, stop = second[0], j if same else second[1]
        while k < stop:
            m = min(stop - k, CHUNK - filled)
            _pair_chunk(vectors, r2, inverse, j, k, m, half_sum, cosine, filled)
            filled += m
            k += m
            if filled == CHUNK:
                filled = _add_chunk(pairs, filled, rows, total)
    _add_chunk(pairs, filled, rows, total)
    if same:
        total *= 2.0


@njit(cache=True, parallel=True)
def bond_angle(cells, centres, rows, n_species, out):
    """Angular functions, sorted by xi; `rows` = (steepness, limit, row_start, row_power, signs, exponents).

    `steepness` is 2/xi² of each distinct xi, since R_ij² + R_ik² + R_jk² = 2 (R_ij² + R_ik² - R_ij.R_ik). Functions
    row_start[x] … row_start[x + 1] - 1 have the x-th xi; row_power[row] tells which of the distinct (signs,
    exponents) = (lambda, zeta) they use. Chunks of pairs whose every exponent exceeds `limit` are left out.
    """
    n_rows = len(rows[3])
    for block in prange((len(centres) + BLOCK - 1) // BLOCK):
        size = cells.capacity
        index, vectors, r2 = np.empty(size, np.int64), np.empty((size, 3)), np.empty(size)
        neighbours = (np.empty((3, size)), np.empty(size), np.empty(size))
        fill, start = np.empty(n_species * SHELLS + 1, np.int64), np.empty(n_species + 1, np.int64)
        powers = np.empty((len(rows[5]), CHUNK))
        pairs = (np.empty(CHUNK), np.empty(CHUNK), np.empty(CHUNK), np.empty(CHUNK), powers)
        for i in range(block * BLOCK, min((block + 1) * BLOCK, len(centres))):
            n = gather(cells, centres[i], index, vectors, r2)
            _sort_neighbours(cells, index, vectors, r2, n, fill, start, *neighbours)
            out[i, :] = 0.0
            column = 0
            for s in range(n_species):
                for t in range(s, n_species):
                    first, second = (start[s], start[s + 1]), (start[t], start[t + 1])
                    total = out[i, column : column + n_rows]
                    _sum_species_pair(neighbours, first, second, s == t, pairs, rows, total)
                    column += n_rows


# ---------------------------------------------------------------------------------------------------------------------
# counting, and neighbours of a block of centres


@njit(cache=True, parallel=True)
def coordination(cells, centres, squared_cutoffs, out):
    """Neighbours of each species within the squared cutoff of the pair of species, then all of them."""
    n_species = len(squared_cutoffs)
    for block in prange((len(centres) + BLOCK - 1) // BLOCK):
        index = np.empty(cells.capacity, np.int64)
        vectors = np.empty((cells.capacity, 3))
        r2 = np.empty(cells.capacity)
        for i in range(block * BLOCK, min((block + 1) * BLOCK, len(centres))):
            n = gather(cells, centres[i], index, vectors, r2)
            out[i, :] = 0.0
            own = cells.species[centres[i]]
            for m in range(n):
                other = cells.species[index[m]]
                if r2[m] < squared_cutoffs[own, other]:
                    out[i, other] += 1.0
                    out[i, n_species] += 1.0


@njit(cache=True, parallel=True)
def count_neighbours(cells, centres, counts):
    """Count the neighbours of each centre within the cutoff of the cell list."""
    for block in prange((len(centres) + BLOCK - 1) // BLOCK):
        index = np.empty(cells.capacity, np.int64)
        vectors = np.empty((cells.capacity, 3))
        r2 = np.empty(cells.capacity)
        for i in range(block * BLOCK, min((block + 1) * BLOCK, len(centres))):
            counts[i] = gather(cells, centres[i], index, vectors, r2)


@njit(cache=True, parallel=True)
def list_neighbours(cells, centres, starts, squared_distances, species):
    """List squared distances and species of the neighbours of each centre, from entry starts[i] on."""
    for block in prange((len(centres) + BLOCK - 1) // BLOCK):
        index = np.empty(cells.capacity, np.int64)
        vectors = np.empty((cells.capacity, 3))
        r2 = np.empty(cells.capacity)
        for i in range(block * BLOCK, min((block + 1) * BLOCK, len(centres))):
            for m in range(gather(cells, centres[i], index, vectors, r2)):
                squared_distances[starts[i] + m] = r2[m]
                species[starts[i] + m] = cells.species[index[m]]
