"""Volumes of cells and shapes of the simplices around particles: what is measured of the cells of `_cell_kernels`."""

import numpy as np
from numba import njit, prange

from vitrify.descriptors._cell_kernels import (
    _OFFSET,
    _POINT,
    COMPLETE,
    TOP,
    WALLS,
    ascending,
    build,
    square_of,
)
from vitrify.particles._cells import gather

BLOCK = 32  # centres that share one set of buffers
VOLUME, SIMPLICES, TETRAHEDRA, OCTAHEDRA, SHAPE = 0, 1, 2, 3, 4  # columns
N_COLUMNS = 5


@njit(cache=True)
def _product(s, t, aa, ab, bb):
    """Scalar product of the points at parts s and t of the way from a to b."""
    return (1 - s) * (1 - t) * aa + ((1 - s) * t + s * (1 - t)) * ab + s * t * bb


@njit(cache=True)
def _piece(cross, aa, ab, bb, height, radius, d):
    """Part of the cone over the triangle of the foot and an edge from a to b that lies within the ball.

    `cross`, `aa`, `ab`, `bb` are products of the vectors from the foot to the ends, `height` that of the foot, where the plane cuts
    the ball in a circle. The edge is cut where it crosses the circle. Within, the triangle counts; outside, the sector of the circle,
    and the ball over what the triangle has beyond the sector. In two dimensions, the part of the triangle within the circle.
    """
    circle = radius * radius - height * height
    length = aa - 2.0 * ab + bb
    low = high = 1.0
    if circle > 0.0 and length > 0.0:
        middle = (aa - ab) / length
        root = middle * middle - (aa - circle) / length
        if root > 0.0:
            root = np.sqrt(root)
            low, high = min(max(middle - root, 0.0), 1.0), min(max(middle + root, 0.0), 1.0)
    total, start = 0.0, 0.0
    for part in range(3):
        stop = low if part == 0 else (high if part == 1 else 1.0)
        if stop <= start:
            continue
        turned, inner = (stop - start) * cross, _product(start, stop, aa, ab, bb)
        angle = np.arctan2(turned, inner) if circle > 0.0 else 0.0
        if part == 1:
            total += 0.5 * turned if d == 2 else height * turned / 6.0
        elif d == 2:
            total += 0.5 * circle * angle
        else:
            first = np.sqrt(height * height + _product(start, start, aa, ab, bb))
            last = np.sqrt(height * height + _product(stop, stop, aa, ab, bb))
            below = first * last + height * (first + last) + height * height + inner
            beyond = 2.0 * np.arctan2(turned, below) - angle * (1.0 - height / radius)
            total += radius * radius * radius * beyond / 3.0 + height * circle * angle / 6.0
        start = stop
    return total


@njit(cache=True)
def _cone(planes, vertices, a, u, t, d, radius):
    """Part of the cell over the edge from vertex u to t of the face a."""
    h = planes[a, _OFFSET] if d == 3 else 0.0
    cross = ut = 0.0
    for x in range(3):
        y, z = (x + 1) % 3, (x + 2) % 3
        cross += planes[a, x] * (vertices[u, y] * vertices[t, z] - vertices[u, z] * vertices[t, y])
        ut += vertices[u, x] * vertices[t, x] if x < d else 0.0
    uu, tt = square_of(vertices, u, d), square_of(vertices, t, d)
    if max(uu, tt) <= radius * radius:
        return h * cross / 6.0 if d == 3 else 0.5 * cross
    part = _piece(cross, max(uu - h * h, 0.0), ut - h * h, max(tt - h * h, 0.0), abs(h), radius, d)
    return part * np.sign(h) if d == 3 else part


@njit(cache=True)
def _volume(n, d, radius, planes, vertices, corners, owner):
    """Volume of a cell within the ball around the particle, or area within the circle.

    Cones over the faces, edge by edge, those behind count negative; the face on the wall TOP in two dimensions.
    """
    total = 0.0
    for t in range(n):
        for e in range(3):
            a = corners[t, e]
            if d == 3 or a == TOP:
                total += _cone(planes, vertices, a, owner[corners[t, (e + 1) % 3], a], t, d, radius)
    return total


@njit(cache=True)
def _inequality(edge, n, longest):
    """Mean squared difference of all pairs of edges over their squared mean; `longest` counts for 1/√2 of itself."""
    mean = total = 0.0
    for i in range(n):
        mean += edge[i] / n
        first = edge[i] * np.sqrt(0.5) if i == longest else edge[i]
        for j in range(i):
            second = edge[j] * np.sqrt(0.5) if j == longest else edge[j]
            total += (first - second) ** 2
    return total / (0.5 * n * (n - 1) * mean * mean)


@njit(cache=True)
def _edges(planes, ends, n_ends, edge):
    """Fill the lengths of the edges of the simplex of the particle and the neighbours `ends`; return how many, and the longest."""
    n = longest = 0
    for i in range(n_ends):
        for j in range(-1, i):  # -1 is the particle
            square = 0.0
            for axis in range(_POINT, _POINT + 3):
                square += (planes[ends[i], axis] - (planes[ends[j], axis] if j >= 0 else 0.0)) ** 2
            edge[n] = np.sqrt(square)
            longest = n if edge[n] > edge[longest] else longest
            n += 1
    return n, longest


@njit(cache=True)
def _add_simplices(n, d, radius, good, planes, vertices, corners, ends, edge, row):
    """Count the simplices of the vertices whose sphere has not more than `radius`; with a wall there is none.

    `good` are the thresholds of both shapes, and whether one simplex may be both.
    """
    for t in range(n):
        n_ends, has_top = 0, d == 3
        for k in range(3):
            if corners[t, k] >= WALLS:
                ends[n_ends] = corners[t, k]
                n_ends += 1
            has_top |= corners[t, k] == TOP
        if n_ends == d and has_top and square_of(vertices, t, d) <= radius * radius:
            n_edges, longest = _edges(planes, ends, n_ends, edge)
            shape = _inequality(edge, n_edges, -1)
            row[SIMPLICES] += 1.0
            row[TETRAHEDRA] += shape <= good[0]
            if good[2] or shape > good[0]:
                row[OCTAHEDRA] += _inequality(edge, n_edges, longest) <= good[1]
            row[SHAPE] += shape


@njit(cache=True, parallel=True)
def measure(cells, centres, weights, rule, good, n_planes, out, status):
    """Fill the volume of the cell of each centre, and the simplices around it: how many, how many good ones, the sum of their shapes.

    `weights` (N,) are those of `build`, in cell order; `rule` = (largest weight, d, farthest, tolerance); `status` (n,) says which
    cells are complete.
    """
    heaviest, d, farthest, tolerance = rule
    for block in prange((len(centres) + BLOCK - 1) // BLOCK):
        index, order = np.empty(cells.capacity, np.int64), np.empty(cells.capacity, np.int64)
        vectors, r2, near = np.empty((cells.capacity, 3)), np.empty(cells.capacity), np.empty(cells.capacity)
        planes, owner = np.empty((n_planes, 7)), np.empty((n_planes, n_planes), np.int16)
        vertices, corners = np.empty((3 * n_planes, 7)), np.empty((3 * n_planes, 5), np.int64)
        ends, edge = np.empty(3, np.int64), np.empty(6)
        for i in range(block * BLOCK, min((block + 1) * BLOCK, len(centres))):
            n = gather(cells, centres[i], index, vectors, r2)
            ascending(r2, n, order)
            for m in range(n):
                near[m] = weights[index[m]]
            own = (weights[centres[i]], heaviest, d, farthest, tolerance)
            status[i], found = build(
                n, order, vectors, r2, near, own, cells.cutoff, planes, vertices, corners, owner
            )
            for k in range(N_COLUMNS):
                out[i, k] = 0.0
            if status[i] == COMPLETE:
                out[i, VOLUME] = _volume(found, d, farthest, planes, vertices, corners, owner)
                _add_simplices(found, d, farthest, good, planes, vertices, corners, ends, edge, out[i])
