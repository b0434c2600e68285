"""The network of stiff bonds around a configuration, as a metric for the last part of the way to the minimum.

Each bond with V'' > 0 is a spring along its direction. What the springs answer to given forces is found by one
symmetric Gauss-Seidel sweep, which costs about a tenth of a force evaluation; an exact solution would not save more.
"""

from collections import namedtuple
from typing import Any

import numpy as np
from numba import int64, njit, uint64

from vitrify.models._kernels import as_row, interact

RIDGE = 0.03  # of the mean stiffness, added to each particle's own


Springs = namedtuple(
    "Springs",
    [
        "first",  # (N + 1,) where the bonds of each particle with later ones begin
        "other",  # (B,) their second ends
        "direction",  # (B, 3) unit vector times the root of the stiffness
        "inverse",  # (N, 3, 3) of the sum over bonds of each particle
        "stiffness",  # mean over particles of what one direction feels
        "built_at",  # (N, 3)
    ],
)


@njit(cache=True)
def _stiffness(potential: Any, r2: float, row: Any) -> Any:
    """Second derivative of the pair energy, by differences of the force."""
    step = 1e-4
    _, below = interact(potential, r2 * (1.0 - step), row)
    _, here = interact(potential, r2, row)
    _, above = interact(potential, r2 * (1.0 + step), row)
    return -here - (above - below) / step


@njit(cache=True)
def bond_lengths(potential: Any) -> Any:
    """Squared distance below which pairs of each two species resist being pressed: the outermost V'' > 0, (S, S)."""
    limits = potential.squared_cutoffs.copy()
    for a in range(len(limits)):
        for b in range(len(limits)):
            row = as_row(potential.parameters[a, b])
            r2 = 0.999 * limits[a, b]
            while r2 > 0.01 * limits[a, b] and _stiffness(potential, r2, row) <= 0.0:
                r2 *= 0.99
            limits[a, b] = r2
    return limits


@njit(cache=True)
def _find_bonds(potential: Any, system: Any, verlet: Any, limits: Any, ends: Any, direction: Any) -> Any:
    """Fill the ends of bonds, earlier one first, and direction times root of stiffness; only count if there is no room."""
    found = run = 0
    for a in range(len(limits)):
        for b in range(len(limits)):
            row = as_row(potential.parameters[a, b])
            for i in range(system.blocks[a], system.blocks[a + 1]):
                for k in range(uint64(verlet.first[run]), uint64(verlet.first[run + 1])):
                    j = verlet.neighbour[k]
                    dx = verlet.copies[i, 0] - verlet.copies[j, 0]
                    dy = verlet.copies[i, 1] - verlet.copies[j, 1]
                    dz = verlet.copies[i, 2] - verlet.copies[j, 2]
                    r2 = dx * dx + dy * dy + dz * dz
                    o = int64(verlet.owner[j])
                    if r2 > limits[a, b] or o == i:
                        continue
                    if found < len(ends):
                        factor = np.sqrt(max(_stiffness(potential, r2, row), 0.0) / r2)
                        ends[found, 0], ends[found, 1] = min(i, o), max(i, o)
                        direction[found, 0] = factor * dx
                        direction[found, 1] = factor * dy
                        direction[found, 2] = factor * dz
                    found += 1
                run += 1
    return found


@njit(cache=True)
def _add_outer(block: Any, m: Any) -> None:
    for a in range(3):
        for b in range(3):
            block[a, b] += m[a] * m[b]


@njit(cache=True)
def _invert(block: Any, ridge: float) -> None:
    """Replace a symmetric 3 × 3 block by the inverse of itself plus `ridge` on the diagonal."""
    a, b, c = block[0, 0] + ridge, block[0, 1], block[0, 2]
    d, e, f = block[1, 1] + ridge, block[1, 2], block[2, 2] + ridge
    x, y, z = d * f - e * e, c * e - b * f, b * e - c * d
    over = 1.0 / (a * x + b * y + c * z)
    block[0, 0], block[0, 1], block[0, 2] = x * over, y * over, z * over
    block[1, 0], block[1, 1], block[1, 2] = y * over, (a * f - c * c) * over, (b * c - a * e) * over
    block[2, 0], block[2, 1], block[2, 2] = z * over, (b * c - a * e) * over, (a * d - b * b) * over


@njit(cache=True)
def make_springs(potential: Any, system: Any, verlet: Any, x: Any, limits: Any) -> Any:
    """Make the network of stiff bonds at `x`, where `verlet.copies` must stand."""
    n = len(x)
    n_bonds = _find_bonds(potential, system, verlet, limits, np.empty((0, 2), np.int64), np.empty((0, 3)))
    ends, direction = np.empty((n_bonds, 2), np.int64), np.empty((n_bonds, 3))
    _find_bonds(potential, system, verlet, limits, ends, direction)
    first, inverse = np.zeros(n + 1, np.int64), np.zeros((n, 3, 3))
    for k in range(n_bonds):
        first[ends[k, 0] + 1] += 1
        _add_outer(inverse[ends[k, 0]], direction[k])
        _add_outer(inverse[ends[k, 1]], direction[k])
    for i in range(n):
        first[i + 1] += first[i]
    fill = first[:-1].copy()
    other, sorted_direction = np.empty(n_bonds, np.uint32), np.empty((n_bonds, 3))
    for k in range(n_bonds):
        to = fill[ends[k, 0]]
        other[to] = ends[k, 1]
        for a in range(3):
            sorted_direction[to, a] = direction[k, a]
        fill[ends[k, 0]] += 1
    trace = 0.0
    for i in range(n):
        trace += inverse[i, 0, 0] + inverse[i, 1, 1] + inverse[i, 2, 2]
    stiffness = trace / (3.0 * n) if trace > 0.0 else 1.0
    for i in range(n):
        _invert(inverse[i], RIDGE * stiffness)
    return Springs(first, other, sorted_direction, inverse, stiffness, x.copy())


@njit(cache=True)
def relax_springs(springs: Any, v: Any) -> None:
    """Replace `v` (N, 3) by what one symmetric Gauss-Seidel sweep makes of the response of the springs to it.

    Forces add up to nothing; the mean of the response, which the sweep does not keep at zero, is taken out.
    """
    first, other, direction, inverse = springs.first, springs.other, springs.direction, springs.inverse
    drift = np.zeros(3)
    for i in range(len(v)):
        m = inverse[i]
        x = m[0, 0] * v[i, 0] + m[0, 1] * v[i, 1] + m[0, 2] * v[i, 2]
        y = m[1, 0] * v[i, 0] + m[1, 1] * v[i, 1] + m[1, 2] * v[i, 2]
        z = m[2, 0] * v[i, 0] + m[2, 1] * v[i, 1] + m[2, 2] * v[i, 2]
        for k in range(uint64(first[i]), uint64(first[i + 1])):
            j = other[k]
            along = direction[k, 0] * x + direction[k, 1] * y + direction[k, 2] * z
            v[j, 0] += along * direction[k, 0]
            v[j, 1] += along * direction[k, 1]
            v[j, 2] += along * direction[k, 2]
    for i in range(len(v) - 1, -1, -1):
        x, y, z = v[i, 0], v[i, 1], v[i, 2]
        for k in range(uint64(first[i]), uint64(first[i + 1])):
            j = other[k]
            along = direction[k, 0] * v[j, 0] + direction[k, 1] * v[j, 1] + direction[k, 2] * v[j, 2]
            x += along * direction[k, 0]
            y += along * direction[k, 1]
            z += along * direction[k, 2]
        m = inverse[i]
        v[i, 0] = m[0, 0] * x + m[0, 1] * y + m[0, 2] * z
        v[i, 1] = m[1, 0] * x + m[1, 1] * y + m[1, 2] * z
        v[i, 2] = m[2, 0] * x + m[2, 1] * y + m[2, 2] * z
        for a in range(3):
            drift[a] += v[i, a]
    for i in range(len(v)):
        for a in range(3):
            v[i, a] -= drift[a] / len(v)
