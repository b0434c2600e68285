"""The cell of a particle: the points nearer to it than to any other, found by cutting with one neighbour after the other.

A vertex of the cell is where three planes meet, and is kept as the numbers of these planes in a sense of rotation that is the same
for all vertices. So an edge between the faces a and b belongs to the vertex with (a, b) in this order and to that with (b, a);
`owner[a, b]` is the former. A new plane removes the vertices beyond it; each edge from there to a vertex that stays gets a new one.
The dual of a vertex is the Delaunay simplex of the particle and three neighbours.

The first planes are the walls of a cube that holds all points which can belong to the cell. In two dimensions the cell is a prism in
it: each corner of the polygon is a vertex on the wall TOP and another below.

A cell is four arrays: `planes` (n, 7) normal, offset, and the neighbour; `vertices` (m, 7) position, height above the plane that cuts, and
a position that is being made; `corners` (m, 5) three planes, and an edge that is being cut; `owner` (n, n).
"""

import numpy as np
from numba import njit

WALLS = 6  # x, -x, y, -y, z, -z
TOP = 4
COMPLETE, NEEDS_MORE, NEEDS_ROOM, ON_ONE_SPOT, TORN = 0, 1, 2, 3, 4
_OFFSET, _POINT = 3, 4
_HEIGHT, _MADE = 3, 4
_EDGE = 3


@njit(cache=True)
def _set_corner(corners, owner, t, a, b, c):
    corners[t, 0], corners[t, 1], corners[t, 2] = a, b, c
    owner[a, b], owner[b, c], owner[c, a] = t, t, t


@njit(cache=True)
def _start(half, planes, vertices, corners, owner):
    """Make the cube; return its number of vertices."""
    for w in range(WALLS):
        for k in range(7):
            planes[w, k] = 0.0
        planes[w, w // 2] = 1.0 - 2.0 * (w % 2)
        planes[w, _OFFSET] = half
    for t in range(8):
        x, y, z = t % 2, t // 2 % 2, t // 4
        vertices[t, 0], vertices[t, 1], vertices[t, 2] = (
            half * (1 - 2 * x),
            half * (1 - 2 * y),
            half * (1 - 2 * z),
        )
        if (x + y + z) % 2 == 0:
            _set_corner(corners, owner, t, x, 2 + y, 4 + z)
        else:
            _set_corner(corners, owner, t, x, 4 + z, 2 + y)
    return 8


@njit(cache=True)
def _is_one_cycle(corners, n):
    """Whether the cut edges follow one after another, once around."""
    at = corners[0, _EDGE]
    for k in range(n):
        found = -1
        for m in range(n):
            if corners[m, _EDGE] == at:
                if found >= 0:
                    return False
                found = m
        if found < 0 or (found == 0 and k > 0):
            return False
        at = corners[found, _EDGE + 1]
    return n > 2 and at == corners[0, _EDGE]


@njit(cache=True)
def _move(vertices, i, column, j):
    """Put the position in some columns of row i into row j."""
    for axis in range(3):
        vertices[j, axis] = vertices[i, column + axis]
    vertices[j, _HEIGHT] = 0.0


@njit(cache=True)
def _replace(plane, n, n_made, tolerance, vertices, corners, owner):
    """Put what was made where vertices were removed, or at the end, and close what gaps are left; return how many there are."""
    t = 0
    for k in range(n_made):
        while t < n and vertices[t, _HEIGHT] <= tolerance:
            t += 1
        n = max(n, t + 1)
        _move(vertices, k, _MADE, t)
        _set_corner(corners, owner, t, corners[k, _EDGE], corners[k, _EDGE + 1], plane)
    while True:
        while vertices[n - 1, _HEIGHT] > tolerance:
            n -= 1
        while t < n and vertices[t, _HEIGHT] <= tolerance:
            t += 1
        if t >= n:
            return n
        n -= 1
        _move(vertices, n, 0, t)
        _set_corner(corners, owner, t, corners[n, 0], corners[n, 1], corners[n, 2])


@njit(cache=True)
def _cut(plane, n, tolerance, planes, vertices, corners, owner):
    """Remove what lies beyond a plane; return what became of it, whether there was anything, and how many vertices there are.

    TORN if the removed vertices are not one piece, which only rounding can do.
    """
    n_out = 0
    for t in range(n):
        height = -planes[plane, _OFFSET]
        for axis in range(3):
            height += planes[plane, axis] * vertices[t, axis]
        vertices[t, _HEIGHT] = height
        n_out += height > tolerance
    if n_out in (0, n):
        return COMPLETE, n_out > 0, n - n_out
    n_made = 0
    for t in range(n):
        outside = vertices[t, _HEIGHT]
        if outside <= tolerance:
            continue
        for e in range(3):
            a, b = corners[t, e], corners[t, (e + 1) % 3]
            u = owner[b, a]
            inside = vertices[u, _HEIGHT]
            if inside > tolerance:
                continue
            if n + n_made + 1 >= len(vertices):
                return NEEDS_ROOM, True, 0
            part = max(inside / (inside - outside), 0.0)
            for axis in range(3):
                vertices[n_made, _MADE + axis] = vertices[u, axis] + part * (
                    vertices[t, axis] - vertices[u, axis]
                )
            corners[n_made, _EDGE], corners[n_made, _EDGE + 1] = a, b
            n_made += 1
    if not _is_one_cycle(corners, n_made):
        return TORN, True, 0
    return COMPLETE, True, _replace(plane, n, n_made, tolerance, vertices, corners, owner)


@njit(cache=True)
def square_of(vertices, t, d):
    """Squared distance of a vertex from the particle, in the plane for d = 2."""
    square = 0.0
    for axis in range(d):
        square += vertices[t, axis] * vertices[t, axis]
    return square


@njit(cache=True)
def _largest(vertices, n, d):
    """Distance of the farthest vertex."""
    square = 0.0
    for t in range(n):
        square = max(square, square_of(vertices, t, d))
    return np.sqrt(square)


@njit(cache=True)
def ascending(values, n, order):
    """Fill `order` with the numbers of the first n values by their size, sorted by a heap."""
    for k in range(n):
        order[k] = k
    first, stop = n // 2, n
    while stop > 1:
        if first > 0:
            first -= 1
        else:
            stop -= 1
            order[0], order[stop] = order[stop], order[0]
        root = first
        while 2 * root + 1 < stop:
            child = 2 * root + 1
            if child + 1 < stop and values[order[child]] < values[order[child + 1]]:
                child += 1
            if values[order[root]] >= values[order[child]]:
                break
            order[root], order[child] = order[child], order[root]
            root = child


@njit(cache=True)
def build(n, order, vectors, r2, weights, rule, cutoff, planes, vertices, corners, owner):
    """Cut the cell of a particle with its n neighbours; return what became of it and its number of vertices.

    `order` is that of ascending distance. A particle's weight is its radius squared; `rule` = (own weight, largest of all, d, farthest,
    tolerance). Beyond `farthest` nothing counts; a vertex within the tolerance of a plane is on it. A neighbour at R can cut only if
    R < ρ + √(ρ² + w_max − w_i) with the farthest vertex at ρ; where this exceeds the cutoff, more neighbours are needed.
    """
    own, heaviest, d, farthest, tolerance = rule
    n_planes, n_vertices, far = WALLS, _start(1.01 * farthest, planes, vertices, corners, owner), farthest
    for k in range(n):
        j = order[k]
        r = np.sqrt(r2[j])
        if r == 0.0:
            return ON_ONE_SPOT, 0
        if r >= far + np.sqrt(far * far + heaviest - own):
            break
        offset = 0.5 * (r2[j] + own - weights[j]) / r
        if offset >= far:
            continue
        if n_planes == len(planes):
            return NEEDS_ROOM, 0
        planes[n_planes, _OFFSET] = offset
        for axis in range(3):
            planes[n_planes, _POINT + axis] = vectors[j, axis]
            planes[n_planes, axis] = vectors[j, axis] / r
        status, has_cut, n_vertices = _cut(n_planes, n_vertices, tolerance, planes, vertices, corners, owner)
        if n_vertices == 0:
            return status, 0
        if has_cut:
            n_planes += 1
            far = min(_largest(vertices, n_vertices, d), farthest)
    return (COMPLETE if far + np.sqrt(far * far + heaviest - own) <= cutoff else NEEDS_MORE), n_vertices
