"""Loops over subsets of features: their discriminants, and how many examples these put on the right side.

Plain arrays in, plain arrays out. Examples are held column by column in float32 and sorted by test block, hard ones first, so
that the columns of a block stay in the cache while many subsets pass over them.
"""

import numpy as np
from numba import njit, prange

_AT_ONCE = 64  # subsets of one thread before it turns to the next training set
_SMALLEST_PIVOT = (
    1e-9  # of a unit variance: what is left of a feature that the others of the subset already are
)
_BLOCK = 512  # examples whose scores are held at a time
_FUSED = {"contract"}  # multiply and add in one step


@njit(cache=True)
def discriminant(mean, covariance, prior, members, penalty, lower, weights):
    """Fill `weights` (k,) with (C + penalty)⁻¹ (m₁ − m₀) of the members; Cholesky, a dependent feature gets the weight 0."""
    k = len(members)
    for i in range(k):
        a = members[i]
        for j in range(i + 1):
            b = members[j]
            value = prior[0] * covariance[0, a, b] + prior[1] * covariance[1, a, b]
            if i == j:
                value += penalty
            for m in range(j):
                value -= lower[i, m] * lower[j, m]
            if i > j:
                lower[i, j] = value / lower[j, j] if lower[j, j] > 0.0 else 0.0
            else:
                lower[i, i] = np.sqrt(value) if value > _SMALLEST_PIVOT else 0.0
        value = mean[1, a] - mean[0, a]
        for m in range(i):
            value -= lower[i, m] * weights[m]
        weights[i] = value / lower[i, i] if lower[i, i] > 0.0 else 0.0
    for i in range(k - 1, -1, -1):
        value = weights[i]
        for m in range(i + 1, k):
            value -= lower[m, i] * weights[m]
        weights[i] = value / lower[i, i] if lower[i, i] > 0.0 else 0.0


@njit(cache=True)
def threshold(mean, covariance, prior, members, weights, gaussian):
    """Return the score above which an example is soft: midway between the class means, or where two normal densities cross."""
    centre, variance = np.zeros(2), np.zeros(2)
    for c in range(2):
        for i in range(len(members)):
            centre[c] += weights[i] * mean[c, members[i]]
            for j in range(len(members)):
                variance[c] += weights[i] * weights[j] * covariance[c, members[i], members[j]]
    middle = 0.5 * (centre[0] + centre[1])
    gap = centre[1] - centre[0]
    if not gaussian or not gap > 0.0 or min(variance[0], variance[1]) <= 0.0:
        return middle
    # log of (density of soft / density of hard) at middle + x is c + b x + a x²; it rises through 0 at the threshold
    a = 0.5 * (1.0 / variance[0] - 1.0 / variance[1])
    b = 0.5 * gap * (1.0 / variance[0] + 1.0 / variance[1])
    c = np.log(prior[1] / prior[0]) + 0.5 * np.log(variance[0] / variance[1]) + 0.25 * gap * gap * a
    square = b * b - 4.0 * a * c
    if square < 0.0:  # one class is the likelier one everywhere
        return -np.inf if a > 0.0 else np.inf
    return middle - 2.0 * c / (b + np.sqrt(square))


@njit(cache=True, fastmath=_FUSED)
def _above_few(columns, members, weights, level, start, stop):
    """Return how many of the examples have a score above `level`; up to three members."""
    k = len(members)
    first, second, third = columns[members[0]], columns[members[min(1, k - 1)]], columns[members[k - 1]]
    w0 = np.float32(weights[0])
    w1 = np.float32(weights[1]) if k > 1 else np.float32(0.0)
    w2 = np.float32(weights[2]) if k > 2 else np.float32(0.0)
    t = np.float32(level)
    total = np.int32(0)
    if k == 3:
        for n in range(start, stop):
            total = np.int32(total + np.int32(w0 * first[n] + w1 * second[n] + w2 * third[n] > t))
    else:
        for n in range(start, stop):
            total = np.int32(total + np.int32(w0 * first[n] + w1 * second[n] > t))
    return total


@njit(cache=True, fastmath=_FUSED)
def _above(columns, members, weights, level, start, stop, score):
    """Return how many of the examples have a score above `level`; any number of members."""
    if len(members) <= 3:
        return _above_few(columns, members, weights, level, start, stop)
    t = np.float32(level)
    total = np.int32(0)
    for begin in range(start, stop, _BLOCK):
        size = min(_BLOCK, stop - begin)
        score[:size] = np.float32(0.0)
        for i in range(len(members)):
            w, column = np.float32(weights[i]), columns[members[i]]
            for n in range(size):
                score[n] += w * column[begin + n]
        for n in range(size):
            total = np.int32(total + np.int32(score[n] > t))
    return total


@njit(cache=True, parallel=True)
def count_correct(
    columns, blocks, mean, covariance, prior, subsets, penalty, gaussian, correct, last_weights, last_level
):
    """Fill `correct` (n, B) with the examples of each test block that each subset puts on the right side.

    Parameters
    ----------
    columns : (M, N) float32
    blocks : (B, 4) int
        Of each test block the training set, and where its hard examples begin, its soft ones begin, and it ends.
    mean, covariance, prior : (T, 2, M), (T, 2, M, M), (T, 2) float
        Of the hard and the soft examples of each training set.
    subsets : (n, k) int
    penalty : float
    gaussian : bool
    last_weights, last_level : (n, k), (n,) float
        Filled with the discriminant of the last training set and its threshold.
    """
    n, k = subsets.shape
    n_sets = len(mean)
    for part in prange((n + _AT_ONCE - 1) // _AT_ONCE):
        lower, weights, score = np.empty((k, k)), np.empty(k), np.empty(_BLOCK, np.float32)
        for t in range(n_sets):
            for s in range(part * _AT_ONCE, min(n, (part + 1) * _AT_ONCE)):
                members = subsets[s]
                discriminant(mean[t], covariance[t], prior[t], members, penalty, lower, weights)
                level = threshold(mean[t], covariance[t], prior[t], members, weights, gaussian)
                for b in range(len(blocks)):
                    if blocks[b, 0] == t:
                        start, middle, stop = blocks[b, 1], blocks[b, 2], blocks[b, 3]
                        wrong = _above(columns, members, weights, level, start, middle, score)
                        right = _above(columns, members, weights, level, middle, stop, score)
                        correct[s, b] = middle - start - wrong + right
                if t == n_sets - 1:
                    last_weights[s] = weights
                    last_level[s] = level
