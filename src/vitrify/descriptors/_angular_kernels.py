"""Sums over pairs of neighbours of a particle. Plain arrays in and out; the result does not depend on threads.

With u_j the direction and R_j the distance of neighbour j, every function is a sum over pairs of
exp(-2 (R_j² + R_k² - R_j R_k cos) / ξ²) (1 + λ cos)^ζ with cos = u_j . u_k. Small ξ are summed over pairs. For large ξ the
exponential of the product is a short series in R_j R_k cos, and a power of u_j . u_k summed over all pairs is the
squared length of a moment tensor: one sum over neighbours for each of its components.
"""

import numpy as np
from numba import njit, prange

from vitrify.descriptors._kernels import BLOCK, quick_exponential
from vitrify.particles._cells import gather

CHUNK = 256  # neighbour pairs treated at a time: their arrays stay in the first-level cache
LISTED, ONE_TWO, ONE_TWO_BOTH_SIGNS, ONE_TWO_FOUR_SIXTEEN = 0, 1, 2, 3  # patterns of (lambda, zeta) in one xi
LANES = 16  # chunks are filled up to a multiple of this, so that vector loops have no remainder


@njit(cache=True)
def _sort_neighbours(cells, index, vectors, r2, n, starts, fill, directions, distance):
    """Order neighbours by species and, within one, by shells: shell b of species s starts at starts[s, b].

    Shells are equal parts of the squared cutoff. The first three rows of `directions` (…, capacity) are unit vectors,
    zero for a neighbour on the same spot.
    """
    species = cells.species
    n_species, n_shells = starts.shape[0], starts.shape[1] - 1
    scale = n_shells / (cells.cutoff * cells.cutoff)
    fill[:] = 0
    for m in range(n):
        fill[species[index[m]], min(int(r2[m] * scale), n_shells - 1)] += 1
    total = 0
    for s in range(n_species):
        for b in range(n_shells):
            starts[s, b] = total
            total += fill[s, b]
            fill[s, b] = starts[s, b]
        starts[s, n_shells] = total
    for m in range(n):
        s, b = species[index[m]], min(int(r2[m] * scale), n_shells - 1)
        to = fill[s, b]
        fill[s, b] += 1
        distance[to] = np.sqrt(r2[m])
        inverse = 1.0 / distance[to] if r2[m] > 0.0 else 0.0
        for a in range(3):
            directions[a, to] = vectors[m, a] * inverse


# ---------------------------------------------------------------------------------------------------------------------
# direct sums over pairs


@njit(cache=True, fastmath=True)
def _pair_chunk(directions, distance, j, k, n, half_sum, cosine, at):
    """Write n pairs (j, k), (j, k + 1), … : their cosines, and half of the summed squared sides of their triangles.

    The places are unsigned, so that none asks whether it counts from the end.
    """
    x, y, z, r = directions[0, j], directions[1, j], directions[2, j], distance[j]
    for m in range(n):  # two loops: one with all arrays would not become vector instructions
        cosine[at + m] = x * directions[0, k + m] + y * directions[1, k + m] + z * directions[2, k + m]
    for m in range(n):
        half_sum[at + m] = r * r + distance[k + m] * (distance[k + m] - r * cosine[at + m])


@njit(cache=True, fastmath=True)
def _one_plus(sign, cosine, out, n):
    for m in range(n):
        out[m] = 1.0 + sign * cosine[m]


@njit(cache=True, fastmath=True)
def _product(a, b, out, n):
    for m in range(n):
        out[m] = a[m] * b[m]


@njit(cache=True, fastmath=True)
def _times(a, b, n):
    for m in range(n):
        a[m] *= b[m]


@njit(cache=True, fastmath=True)
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
def _two_sums(half_sum, scale, a, b, n):
    """Return the sums of a and b over pairs, weighted with exp(scale half_sum)."""
    first = second = 0.0
    for m in range(n):
        weight = quick_exponential(scale * half_sum[m])
        first += weight * a[m]
        second += weight * b[m]
    return first, second


@njit(cache=True, fastmath=True)
def _four_sums(half_sum, scale, a, b, c, d, n):
    """Return the sums of a, b, c and d over pairs, weighted with exp(scale half_sum)."""
    first = second = third = fourth = 0.0
    for m in range(n):
        weight = quick_exponential(scale * half_sum[m])
        first += weight * a[m]
        second += weight * b[m]
        third += weight * c[m]
        fourth += weight * d[m]
    return first, second, third, fourth


@njit(cache=True, fastmath=True)
def _two_powers(half_sum, scale, cosine, sign, n):
    """Return what `_two_sums` does, of 1 + sign cos and its square."""
    first = second = 0.0
    for m in range(n):
        weight = quick_exponential(scale * half_sum[m])
        power = 1.0 + sign * cosine[m]
        first += weight * power
        second += weight * (power * power)
    return first, second


@njit(cache=True, fastmath=True)
def _two_powers_of_both_signs(half_sum, scale, cosine, n):
    """Return what `_four_sums` does, of 1 - cos and its square, 1 + cos and its square."""
    none = one = two = 0.0
    for m in range(n):
        weight = quick_exponential(scale * half_sum[m])
        none += weight
        one += weight * cosine[m]
        two += weight * (cosine[m] * cosine[m])
    return none - one, none - 2.0 * one + two, none + one, none + 2.0 * one + two


@njit(cache=True, fastmath=True)
def _four_powers(half_sum, scale, cosine, sign, n):
    """Return what `_four_sums` does, of the powers 1, 2, 4 and 16 of 1 + sign cos."""
    first = second = third = fourth = 0.0
    for m in range(n):
        weight = quick_exponential(scale * half_sum[m])
        power = 1.0 + sign * cosine[m]
        first += weight * power
        power *= power
        second += weight * power
        power *= power
        third += weight * power
        power *= power
        power *= power
        fourth += weight * power
    return first, second, third, fourth


@njit(cache=True, fastmath=True)
def _any_counts(half_sum, cosine, steepness, slope, offset, limit, n):
    """Whether a pair has steepness half_sum - max(slope cos + offset, 0) below the limit."""
    counting = 0.0
    for m in range(n):
        gain = slope * cosine[m] + offset
        exponent = steepness * half_sum[m] - (gain if gain > 0.0 else 0.0)
        counting += 1.0 if exponent < limit else 0.0
    return counting > 0.0


@njit(cache=True)
def _add_listed(half_sum, scale, powers, row_power, row, stop, n, total):
    """Add n pairs to the rows of one xi by their powers, up to four with one exponential."""
    while row < stop:
        second = row_power[min(row + 1, stop - 1)]
        if stop - row <= 2:
            a, b = _two_sums(half_sum, scale, powers[row_power[row]], powers[second], n)
            total[row] += a
            if row + 1 < stop:
                total[row + 1] += b
            return
        third, fourth = row_power[row + 2], row_power[min(row + 3, stop - 1)]
        a, b, c, d = _four_sums(
            half_sum, scale, powers[row_power[row]], powers[second], powers[third], powers[fourth], n
        )
        total[row] += a
        total[row + 1] += b
        total[row + 2] += c
        if row + 3 < stop:
            total[row + 3] += d
        row += 4


@njit(cache=True)
def _add_known(half_sum, scale, cosine, pattern, sign, row, n, total):
    """Add n pairs to the rows of one xi whose powers make a known pattern."""
    if pattern == ONE_TWO:
        a, b = _two_powers(half_sum, scale, cosine, sign, n)
    elif pattern == ONE_TWO_BOTH_SIGNS:
        a, b, c, d = _two_powers_of_both_signs(half_sum, scale, cosine, n)
    else:
        a, b, c, d = _four_powers(half_sum, scale, cosine, sign, n)
    total[row] += a
    total[row + 1] += b
    if pattern != ONE_TWO:
        total[row + 2] += c
        total[row + 3] += d


@njit(cache=True)
def _add_chunk(pairs, n, rows, total):
    """Add n neighbour pairs to all functions of one pair of species, and return 0: the chunk is empty again."""
    half_sum, cosine, spare, powers = pairs
    steepness, bounds, limit, row_start, row_power, signs, exponents, pattern, row_sign = rows
    while n % LANES:
        half_sum[n], cosine[n] = 1e100, 0.0
        n += 1
    has_powers = False
    for x in range(len(steepness)):
        slope, offset, can_be_left_out = bounds[x]
        if n == 0 or (
            can_be_left_out and not _any_counts(half_sum, cosine, steepness[x], slope, offset, limit, n)
        ):
            continue
        if pattern[x] != LISTED:
            _add_known(half_sum, -steepness[x], cosine, pattern[x], row_sign[x], row_start[x], n, total)
            continue
        if not has_powers:
            _fill_powers(cosine, signs, exponents, n, spare, powers)
            has_powers = True
        _add_listed(half_sum, -steepness[x], powers, row_power, row_start[x], row_start[x + 1], n, total)
    return 0


@njit(cache=True)
def _sum_species_pair(directions, distance, first, second, same, pairs, rows, total):
    """Sum over neighbours j in the shells `first` and k in the shells `second`; each unordered pair once if `same`.

    Shells are given by where they start. Two shells are gone through before the next two, so that chunks are alike.
    """
    half_sum, cosine = pairs[0], pairs[1]
    filled = 0
    for a in range(len(first) - 1):
        for b in range(a + 1 if same else len(second) - 1):
            for j in range(first[a], first[a + 1]):
                k, stop = second[b], j if same and a == b else second[b + 1]
                while k < stop:
                    m = min(stop - k, CHUNK - filled)
                    _pair_chunk(
                        directions,
                        distance,
                        np.uint64(j),
                        np.uint64(k),
                        np.uint64(m),
                        half_sum,
                        cosine,
                        np.uint64(filled),
                    )
                    filled += m
                    k += m
                    if filled == CHUNK:
                        filled = _add_chunk(pairs, filled, rows, total)
    _add_chunk(pairs, filled, rows, total)
    if same:
        total *= 2.0


# ---------------------------------------------------------------------------------------------------------------------
# moment tensors


@njit(cache=True, fastmath=True)
def _three_moments(monomials, t, parent, directions, axis, begin, radial, rows, n):
    """Write monomial t, its parent times a coordinate, and return its sums with three radial weights.

    All places are unsigned and no row is cut out: a row costs as much as some tens of neighbours.
    """
    p, q, r = rows
    a = b = c = 0.0
    for m in range(n):
        value = monomials[parent, m] * directions[axis, begin + m]
        monomials[t, m] = value
        a += value * radial[p, m]
        b += value * radial[q, m]
        c += value * radial[r, m]
    return a, b, c


@njit(cache=True)
def _radial_weights(distance, begin, n, steepness, radial):
    """radial[p, m] = exp(-steepness R²) (R sqrt(steepness))^p of n neighbours from `begin` on."""
    for m in range(n):
        radial[0, m] = quick_exponential(-steepness * distance[begin + m] * distance[begin + m])
    root = np.sqrt(steepness)
    for p in range(1, len(radial)):
        for m in range(n):
            radial[p, m] = radial[p - 1, m] * distance[begin + m] * root


@njit(cache=True)
def _add_moments(directions, begin, n, tensors, largest, radial, monomials, moments):
    """Add n neighbours to the moments, sums of radial[p] x^a y^b z^c, for a + b + c from p to p + `largest`.

    The rows of `tensors` are parent, axis and degree: component t is its parent, times the coordinate along an axis.
    The parents come first; component 0, which is 1, comes from itself and a fourth axis along which all is 1.
    """
    parent, axis, degree = tensors
    monomials[0, :n] = 1.0
    for t in range(len(parent)):
        low, high = max(degree[t] - largest, 0), min(degree[t], len(radial) - 1)
        for p in range(low, high + 1, 3):
            rows = (np.uint64(p), np.uint64(min(p + 1, high)), np.uint64(min(p + 2, high)))
            a, b, c = _three_moments(
                monomials,
                np.uint64(t),
                np.uint64(parent[t]),
                directions,
                np.uint64(axis[t]),
                np.uint64(begin),
                radial,
                rows,
                np.uint64(n),
            )
            moments[p, t] += a
            if p + 1 <= high:
                moments[p + 1, t] += b
            if p + 2 <= high:
                moments[p + 2, t] += c


@njit(cache=True)
def _contract(a, b, multiplicity, degree, over_factorial, largest, contracted):
    """contracted[q] = sum over p of (u_j . u_k)^(p + q) with the weights of the series, over all pairs (j, k)."""
    contracted[:] = 0.0
    for t in range(len(degree)):
        for p in range(max(degree[t] - largest, 0), min(degree[t] + 1, len(over_factorial))):
            contracted[degree[t] - p] += over_factorial[p] * multiplicity[t] * a[p, t] * b[p, t]


@njit(cache=True)
def _moments_of_species(neighbours, starts, steepness, tensors, largest, work, moments):
    """Fill moments[s] of each species, as many neighbours at a time as `work` has room for."""
    directions, distance = neighbours
    radial, monomials = work
    moments[:] = 0.0
    chunk = monomials.shape[1]
    for s in range(len(starts)):
        for begin in range(starts[s, 0], starts[s, 1], chunk):
            n = min(chunk, starts[s, 1] - begin)
            _radial_weights(distance, begin, n, steepness, radial)
            _add_moments(directions, begin, n, tensors, largest, radial, monomials, moments[s])


@njit(cache=True)
def _add_self_pairs(distance, begin, end, steepness, factors, total):
    """Take off the pairs of a neighbour with itself, which the moments of one species hold."""
    for j in range(begin, end):
        weight = np.exp(-steepness * distance[j] * distance[j])
        for row in range(len(factors)):
            total[row] -= weight * (factors[row] if distance[j] > 0.0 else 1.0)


@njit(cache=True)
def _moment_rows(neighbours, starts, series, work, moments, contracted, first_row, n_rows, out):
    """Fill the rows of one xi for all pairs of species; `n_rows` is how many rows a pair of species has."""
    steepness, over_factorial, tensors, multiplicity, binomials, factors = series
    degree, largest = tensors[2], binomials.shape[1] - 1
    _moments_of_species(neighbours, starts, steepness, tensors, largest, work, moments)
    column = first_row
    for s in range(len(starts)):
        for t in range(s, len(starts)):
            _contract(moments[s], moments[t], multiplicity, degree, over_factorial, largest, contracted)
            total = out[column : column + len(binomials)]
            for row in range(len(binomials)):
                total[row] = 0.0
                for q in range(largest + 1):
                    total[row] += binomials[row, q] * contracted[q]
            if s == t:
                _add_self_pairs(neighbours[1], starts[s, 0], starts[s, 1], steepness, factors, total)
            column += n_rows


# ---------------------------------------------------------------------------------------------------------------------


@njit(cache=True, parallel=True)
def by_pairs(cells, centres, rows, first_row, n_rows, n_species, n_shells, out):
    """Angular functions by direct sums, sorted by xi; `rows` describes those of one pair of species.

    `rows` = (steepness, bounds, limit, row_start, row_power, signs, exponents, pattern, row_sign). `steepness` is 2/xi²
    of each distinct xi, since R_ij² + R_ik² + R_jk² = 2 (R_ij² + R_ik² - R_ij.R_ik). Functions row_start[x] …
    row_start[x + 1] - 1 have the x-th xi; row_power[row] tells which of the distinct (signs, exponents) = (lambda, zeta)
    they use, or pattern[x] that they are a common choice. With `bounds` = (slope, offset, whether it can happen), chunks
    of pairs that all have steepness half_sum - max(slope cos + offset, 0) above `limit` are left out. Of the `n_rows`
    columns of each pair of species those from `first_row` on are filled.
    """
    n_own = len(rows[4])
    for block in prange((len(centres) + BLOCK - 1) // BLOCK):
        size = cells.capacity
        index, vectors, r2 = np.empty(size, np.int64), np.empty((size, 3)), np.empty(size)
        directions, distance = np.empty((3, size)), np.empty(size)
        starts, fill = (
            np.empty((n_species, n_shells + 1), np.int64),
            np.empty((n_species, n_shells), np.int64),
        )
        powers = np.empty((len(rows[6]), CHUNK))
        pairs = (np.empty(CHUNK), np.empty(CHUNK), np.empty(CHUNK), powers)
        for i in range(block * BLOCK, min((block + 1) * BLOCK, len(centres))):
            n = gather(cells, centres[i], index, vectors, r2)
            _sort_neighbours(cells, index, vectors, r2, n, starts, fill, directions, distance)
            column = first_row
            for s in range(n_species):
                for t in range(s, n_species):
                    first, second = starts[s], starts[t]
                    if s != t and first[-1] - first[0] > second[-1] - second[0]:
                        first, second = second, first  # long inner loops
                    total = out[i, column : column + n_own]
                    total[:] = 0.0
                    _sum_species_pair(directions, distance, first, second, s == t, pairs, rows, total)
                    column += n_rows


@njit(cache=True, parallel=True)
def by_moments(cells, centres, series, first_row, n_rows, n_species, chunk, out):
    """Angular functions of one large xi by moment tensors.

    `series` = (steepness, over_factorial, tensors, multiplicity, binomials, factors): the series has as many terms as
    `over_factorial`; `binomials` (rows, largest + 1) are the coefficients of (1 + lambda cos)^zeta, `factors` its value
    at cos = 1. `n_rows` and `first_row` as in `by_pairs`.
    """
    n_terms, n_components, largest = len(series[1]), len(series[3]), series[4].shape[1] - 1
    for block in prange((len(centres) + BLOCK - 1) // BLOCK):
        size = cells.capacity
        index, vectors, r2 = np.empty(size, np.int64), np.empty((size, 3)), np.empty(size)
        neighbours = (np.ones((4, size)), np.empty(size))
        starts, fill = np.empty((n_species, 2), np.int64), np.empty((n_species, 1), np.int64)
        work = (np.empty((n_terms, chunk)), np.empty((n_components, chunk)))
        moments, contracted = np.empty((n_species, n_terms, n_components)), np.empty(largest + 1)
        for i in range(block * BLOCK, min((block + 1) * BLOCK, len(centres))):
            n = gather(cells, centres[i], index, vectors, r2)
            _sort_neighbours(cells, index, vectors, r2, n, starts, fill, *neighbours)
            _moment_rows(neighbours, starts, series, work, moments, contracted, first_row, n_rows, out[i])
