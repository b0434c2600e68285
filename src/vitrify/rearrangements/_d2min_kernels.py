"""Affine fits to the motion of neighbourhoods. Plain arrays in and out; the result does not depend on threads.

Everything is three-dimensional, as in the cell list. In two dimensions the third row and column of the fit are zero.
The particles are dealt to the threads in blocks, each with its own buffers; a value is written by one thread and its
sums run over the neighbours in the order of the cell list.
"""

from typing import Any

import numpy as np
from numba import njit, prange

from vitrify.particles._cells import gather

BLOCK = 32  # particles that share one set of buffers
_SUMS = {"nsz", "arcp", "contract", "reassoc"}
_WELL_SPREAD = 1e-3  # det / (trace / 3)^3 above which the moments are inverted by cofactors
_FLAT = 1e-12  # eigenvalues of the moments below this part of the largest are taken as zero
_SWEEPS = 12


@njit(cache=True)
def _take(index: Any, vectors: Any, n: Any, moved: Any, there: Any, k: Any, batch: Any) -> Any:
    """Fill `batch` (6, capacity) with vector and relative motion of the neighbours that are still there.

    Each entry is written and the next one overwrites it, unless it counts. Returns how many there are.
    """
    x0, y0, z0 = moved[k]
    found = 0
    for m in range(n):
        j = index[m]
        batch[0, found] = vectors[m, 0]
        batch[1, found] = vectors[m, 1]
        batch[2, found] = vectors[m, 2]
        batch[3, found] = moved[j, 0] - x0
        batch[4, found] = moved[j, 1] - y0
        batch[5, found] = moved[j, 2] - z0
        found += there[j]
    return found


@njit(cache=True, fastmath=_SUMS)
def _moments(x: Any, y: Any, z: Any, n: Any, spread: Any) -> None:
    """Sum of the products of the components of n vectors, (3, 3) symmetric."""
    xx = yy = zz = xy = xz = yz = 0.0
    for m in range(n):
        xx += x[m] * x[m]
        yy += y[m] * y[m]
        zz += z[m] * z[m]
        xy += x[m] * y[m]
        xz += x[m] * z[m]
        yz += y[m] * z[m]
    spread[0, 0], spread[1, 1], spread[2, 2] = xx, yy, zz
    spread[0, 1] = spread[1, 0] = xy
    spread[0, 2] = spread[2, 0] = xz
    spread[1, 2] = spread[2, 1] = yz


@njit(cache=True, fastmath=_SUMS)
def _mixed(u: Any, x: Any, y: Any, z: Any, n: Any) -> Any:
    """Return the sums of the products of one component of the motion with the three of the vectors."""
    ux = uy = uz = 0.0
    for m in range(n):
        ux += u[m] * x[m]
        uy += u[m] * y[m]
        uz += u[m] * z[m]
    return ux, uy, uz


@njit(cache=True, fastmath=_SUMS)
def _residual(u: Any, x: Any, y: Any, z: Any, n: Any, row: Any) -> Any:
    """Sum of squares of what one component of the motion leaves beside a linear function of the vectors."""
    hx, hy, hz = row
    total = 0.0
    for m in range(n):
        left = u[m] - hx * x[m] - hy * y[m] - hz * z[m]
        total += left * left
    return total


@njit(cache=True)
def _invert(spread: Any, inverse: Any) -> bool:
    """Invert a symmetric matrix by its cofactors, or say that it is too close to flat for that."""
    xx, yy, zz = spread[0, 0], spread[1, 1], spread[2, 2]
    xy, xz, yz = spread[0, 1], spread[0, 2], spread[1, 2]
    axx, axy, axz = yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy
    det = xx * axx + xy * axy + xz * axz
    mean = (xx + yy + zz) / 3.0
    if not det > _WELL_SPREAD * mean * mean * mean:
        return False
    inverse[0, 0], inverse[1, 1], inverse[2, 2] = (
        axx / det,
        (xx * zz - xz * xz) / det,
        (xx * yy - xy * xy) / det,
    )
    inverse[0, 1] = inverse[1, 0] = axy / det
    inverse[0, 2] = inverse[2, 0] = axz / det
    inverse[1, 2] = inverse[2, 1] = (xy * xz - xx * yz) / det
    return True


@njit(cache=True)
def _pseudo_invert(matrix: Any, axes: Any, inverse: Any) -> None:
    """Moore-Penrose inverse of a symmetric matrix, which is lost, by rotations that make it diagonal (Jacobi)."""
    for a in range(3):
        for b in range(3):
            axes[a, b] = 1.0 if a == b else 0.0
    for _ in range(_SWEEPS):
        for p in range(2):
            for q in range(p + 1, 3):
                if matrix[p, q] == 0.0:
                    continue
                theta = (matrix[q, q] - matrix[p, p]) / (2.0 * matrix[p, q])
                t = 1.0 / (abs(theta) + np.sqrt(theta * theta + 1.0))
                t = t if theta >= 0.0 else -t
                c = 1.0 / np.sqrt(t * t + 1.0)
                s = t * c
                for a in range(3):
                    x, y = matrix[a, p], matrix[a, q]
                    matrix[a, p], matrix[a, q] = c * x - s * y, s * x + c * y
                for a in range(3):
                    x, y = matrix[p, a], matrix[q, a]
                    matrix[p, a], matrix[q, a] = c * x - s * y, s * x + c * y
                for a in range(3):
                    x, y = axes[a, p], axes[a, q]
                    axes[a, p], axes[a, q] = c * x - s * y, s * x + c * y
    largest = max(matrix[0, 0], matrix[1, 1], matrix[2, 2])
    for a in range(3):
        for b in range(3):
            inverse[a, b] = 0.0
            for k in range(3):
                if matrix[k, k] > _FLAT * largest:
                    inverse[a, b] += axes[a, k] * axes[b, k] / matrix[k, k]


@njit(cache=True)
def _fit(batch: Any, n: Any, d: Any, spread: Any, axes: Any, inverse: Any, affine: Any) -> Any:
    """Fill `affine` (3, 3) with the linear map of the vectors that is nearest to the motion; return what it leaves."""
    x, y, z = batch[0], batch[1], batch[2]
    _moments(x, y, z, n, spread)
    if d == 2:
        spread[2, 2] = 0.5 * (
            spread[0, 0] + spread[1, 1]
        )  # any number: there is nothing along the third axis
    if not _invert(spread, inverse):
        _pseudo_invert(spread, axes, inverse)
    total = 0.0
    for a in range(3):
        ux, uy, uz = _mixed(batch[3 + a], x, y, z, n)
        for b in range(3):
            affine[a, b] = ux * inverse[0, b] + uy * inverse[1, b] + uz * inverse[2, b]
        total += _residual(batch[3 + a], x, y, z, n, (affine[a, 0], affine[a, 1], affine[a, 2]))
    return total


@njit(cache=True, parallel=True)
def nonaffine(
    cells: Any, moved: Any, there: Any, d: Any, left: Any, affine: Any, n_neighbors: Any, n_lost: Any
) -> None:
    """Fit a linear map to the relative motion of the neighbours of every particle.

    Parameters
    ----------
    cells
        Cell list of the first configuration.
    moved : (N, 3)
        Displacement of each entry, in cell order.
    there : (N,) bool
        Whether the entry is there in the second configuration, in cell order.
    d : int
        Dimension.
    left : (N,)
        Filled, by original index, with the sum over neighbours of the square of what the map leaves; NaN with fewer
        than `d` neighbours.
    affine : (N, 3, 3) or (0, 3, 3)
        Filled with the maps, if it has room: motion = map @ vector.
    n_neighbors, n_lost : (N,) int
        Neighbours in both configurations, and those that are only in the first.
    """
    with_affine = len(affine) > 0
    for block in prange((len(moved) + BLOCK - 1) // BLOCK):
        index = np.empty(cells.capacity, np.int64)
        vectors = np.empty((cells.capacity, 3))
        r2 = np.empty(cells.capacity)
        batch = np.empty((6, cells.capacity))
        spread, axes, inverse, best = np.empty((3, 3)), np.empty((3, 3)), np.empty((3, 3)), np.empty((3, 3))
        for k in range(block * BLOCK, min((block + 1) * BLOCK, len(moved))):
            i = cells.order[k]
            left[i] = np.nan
            n_neighbors[i] = n_lost[i] = 0
            if with_affine:
                affine[i] = np.nan
            if not there[k]:
                continue
            near = gather(cells, k, index, vectors, r2)
            n = _take(index, vectors, near, moved, there, k, batch)
            n_neighbors[i], n_lost[i] = n, near - n
            if n >= d:
                left[i] = _fit(batch, n, d, spread, axes, inverse, best)
                if with_affine:
                    affine[i] = best
