"""Cell list: the neighbours of a particle within a cutoff, any box, any cutoff, linear in N.

Everything is lifted to three dimensions (a 2D frame has z = 0 and an open third axis), so kernels are written once.
The grid lives in fractional coordinates; with a cutoff beyond the box, cells are visited again under their periodic
images, so a particle may be found several times and may find its own images.
"""

from collections import namedtuple

import numpy as np
from numba import njit

Cells = namedtuple(
    "Cells",
    [
        "positions",  # (N, 3) wrapped Cartesian positions, in cell order
        "species",  # (N,) in cell order
        "order",  # (N,) original index of each entry
        "rank",  # (N,) where an original index stands in cell order
        "starts",  # (n_cells + 1,) first entry of each cell
        "cell",  # (N, 3) grid cell of each entry
        "grid",  # (3,) number of cells along each vector
        "reach",  # (3,) how many cells the cutoff spans
        "vectors",  # (3, 3) rows are the box vectors
        "periodic",  # (3,)
        "cutoff",  # float
        "capacity",  # int: no particle has more entries in its neighbourhood
    ],
)


@njit(cache=True)
def assign_cells(fractional, grid):
    """Grid cell of each particle, (N, 3); open axes clamp to the edge cells."""
    cell = np.empty((len(fractional), 3), np.int64)
    for i in range(len(fractional)):
        for a in range(3):
            c = int(np.floor(fractional[i, a] * grid[a]))
            cell[i, a] = min(max(c, 0), grid[a] - 1)
    return cell


@njit(cache=True)
def counting_sort(flat, n_cells):
    """Order of particles by cell (stable) and the first entry of each cell."""
    starts = np.zeros(n_cells + 1, np.int64)
    for c in flat:
        starts[c + 1] += 1
    for c in range(n_cells):
        starts[c + 1] += starts[c]
    fill = starts[:-1].copy()
    order = np.empty(len(flat), np.int64)
    for i in range(len(flat)):
        order[fill[flat[i]]] = i
        fill[flat[i]] += 1
    return order, starts


@njit(cache=True)
def visited_cell(c, n, is_periodic):
    """Cell index that a step outside the grid lands in, and how many box vectors away; -1 past an open edge."""
    if 0 <= c < n:
        return c, 0
    if not is_periodic:
        return -1, 0
    shift = c // n
    return c - shift * n, shift


@njit(cache=True)
def neighbourhood_capacity(starts, grid, reach, periodic):
    """Largest number of entries in the cells around any occupied cell."""
    largest = 0
    for x in range(grid[0]):
        for y in range(grid[1]):
            for z in range(grid[2]):
                here = (x * grid[1] + y) * grid[2] + z
                if starts[here + 1] == starts[here]:
                    continue
                count = 0
                for dx in range(-reach[0], reach[0] + 1):
                    cx, _ = visited_cell(x + dx, grid[0], periodic[0])
                    for dy in range(-reach[1], reach[1] + 1):
                        cy, _ = visited_cell(y + dy, grid[1], periodic[1])
                        for dz in range(-reach[2], reach[2] + 1):
                            cz, _ = visited_cell(z + dz, grid[2], periodic[2])
                            if cx >= 0 and cy >= 0 and cz >= 0:
                                there = (cx * grid[1] + cy) * grid[2] + cz
                                count += starts[there + 1] - starts[there]
                largest = max(largest, count)
    return largest


@njit(cache=True, fastmath=False)
def gather(cells, k, index, vectors, r2):
    """Fill the neighbours of entry `k` (cell order) within the cutoff and return how many there are.

    `index` (capacity,) gets entries in cell order, `vectors` (capacity, 3) the vectors from the particle to them,
    `r2` (capacity,) their squared lengths. The particle itself is left out; its periodic images are not.
    """
    found = 0
    x0, y0, z0 = cells.positions[k, 0], cells.positions[k, 1], cells.positions[k, 2]
    limit = cells.cutoff * cells.cutoff
    grid, reach, box = cells.grid, cells.reach, cells.vectors
    for dx in range(-reach[0], reach[0] + 1):
        cx, sx = visited_cell(cells.cell[k, 0] + dx, grid[0], cells.periodic[0])
        if cx < 0:
            continue
        for dy in range(-reach[1], reach[1] + 1):
            cy, sy = visited_cell(cells.cell[k, 1] + dy, grid[1], cells.periodic[1])
            if cy < 0:
                continue
            for dz in range(-reach[2], reach[2] + 1):
                cz, sz = visited_cell(cells.cell[k, 2] + dz, grid[2], cells.periodic[2])
                if cz < 0:
                    continue
                ox = sx * box[0, 0] + sy * box[1, 0] + sz * box[2, 0] - x0
                oy = sx * box[0, 1] + sy * box[1, 1] + sz * box[2, 1] - y0
                oz = sx * box[0, 2] + sy * box[1, 2] + sz * box[2, 2] - z0
                home = sx == 0 and sy == 0 and sz == 0
                there = (cx * grid[1] + cy) * grid[2] + cz
                for j in range(cells.starts[there], cells.starts[there + 1]):
                    if home and j == k:
                        continue
                    vx = cells.positions[j, 0] + ox
                    vy = cells.positions[j, 1] + oy
                    vz = cells.positions[j, 2] + oz
                    d2 = vx * vx + vy * vy + vz * vz
                    if d2 < limit:
                        index[found] = j
                        vectors[found, 0] = vx
                        vectors[found, 1] = vy
                        vectors[found, 2] = vz
                        r2[found] = d2
                        found += 1
    return found


@njit(cache=True)
def closest_pair(cells):
    """Smallest squared distance below the cutoff and the two original indices; (inf, -1, -1) if there is none."""
    index = np.empty(cells.capacity, np.int64)
    vectors = np.empty((cells.capacity, 3))
    r2 = np.empty(cells.capacity)
    best, first, second = np.inf, -1, -1
    for k in range(len(cells.order)):
        n = gather(cells, k, index, vectors, r2)
        for m in range(n):
            if r2[m] < best:
                best, first, second = r2[m], cells.order[k], cells.order[index[m]]
    return best, first, second


@njit(cache=True)
def fill_pairs(cells, first, second, vectors_out, r2_out):
    """Write all ordered pairs; with empty outputs only count them."""
    index = np.empty(cells.capacity, np.int64)
    vectors = np.empty((cells.capacity, 3))
    r2 = np.empty(cells.capacity)
    total = 0
    for i in range(len(cells.order)):
        n = gather(cells, cells.rank[i], index, vectors, r2)
        if len(first):
            for m in range(n):
                first[total + m] = i
                second[total + m] = cells.order[index[m]]
                vectors_out[total + m] = vectors[m]
                r2_out[total + m] = r2[m]
        total += n
    return total
