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
        "place",  # (N, 3) where in the grid each entry is, in cells; its integer part is `cell`
        "widths",  # (3,) distance between the planes that bound a cell
        "is_orthogonal",  # whether the box vectors stand at right angles
        "vectors",  # (3, 3) rows are the box vectors
        "periodic",  # (3,)
        "cutoff",  # float
        "capacity",  # int: no particle has more entries in its neighbourhood
    ],
)


@njit(cache=True)
def assign_cells(fractional, grid):
    """Grid cell of each particle, (N, 3), and its place in cells, (N, 3); open axes clamp to the edge of the grid.

    Clamping brings particles closer together, never further apart, so that distances between cells stay lower bounds.
    """
    cell = np.empty((len(fractional), 3), np.int64)
    place = np.empty((len(fractional), 3))
    for i in range(len(fractional)):
        for a in range(3):
            x = min(max(fractional[i, a] * grid[a], 0.0), float(grid[a]))
            cell[i, a] = min(int(x), grid[a] - 1)
            place[i, a] = x
    return cell, place


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


@njit(cache=True, inline="always")
def visited_cell(c, n, is_periodic):
    """Cell index that a step outside the grid lands in, and how many box vectors away; -1 past an open edge."""
    if 0 <= c < n:
        return c, 0
    if not is_periodic:
        return -1, 0
    if 0 <= c + n < n:  # the usual cases, without a division
        return c + n, -1
    if 0 <= c - n < n:
        return c - n, 1
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


@njit(cache=True)
def _squared_gap(offset, place, cell, width):
    """Squared distance along one axis from a particle to the nearest plane of a cell `offset` cells away."""
    gap = max(cell + offset - place, place - cell - offset - 1.0, 0.0) * width
    return gap * gap


@njit(cache=True, fastmath={"contract"})
def _keep_vectors(run, first, shift, limit, itself, index, vectors, r2, found):
    """Append what lies within the limit. Each entry is written and the next one overwrites it, unless it counts."""
    ox, oy, oz = shift
    for m in range(len(run)):
        vx, vy, vz = run[m, 0] + ox, run[m, 1] + oy, run[m, 2] + oz
        d2 = vx * vx + vy * vy + vz * vz
        index[found] = first + m
        vectors[found, 0] = vx
        vectors[found, 1] = vy
        vectors[found, 2] = vz
        r2[found] = d2
        found += np.uint64((d2 < limit) & (m != itself))
    return found


@njit(cache=True, fastmath={"contract"})
def _keep_distances(run, run_species, shift, limit, itself, species, r2, found):
    """Append species and squared distance of what lies within the limit."""
    ox, oy, oz = shift
    for m in range(len(run)):
        vx, vy, vz = run[m, 0] + ox, run[m, 1] + oy, run[m, 2] + oz
        d2 = vx * vx + vy * vy + vz * vz
        species[found] = run_species[m]
        r2[found] = d2
        found += np.uint64((d2 < limit) & (m != itself))
    return found


@njit(cache=True)
def _gather(cells, k, index, vectors, r2):
    """Walk through the columns of cells around entry `k`; without room for vectors `index` gets species instead.

    The cells of a column along the third vector lie one after another in memory, so a column is one run of entries, or
    one for every image of the box it passes through. In orthogonal boxes a column is only as long as the sphere is
    there; in tilted ones it has the length of the cutoff. What is read in the loops is fetched before them: taking an
    array out of `cells` counts a reference.
    """
    positions, species, starts, box = cells.positions, cells.species, cells.starts, cells.vectors
    (nx, ny, nz), (rx, ry, rz), (wx, wy, wz) = cells.grid, cells.reach, cells.widths
    (ix, iy, iz), (px, py, pz) = cells.cell[k], cells.place[k]
    (x0, y0, z0), (wrap_x, wrap_y, wrap_z) = positions[k], cells.periodic
    is_orthogonal, with_vectors = cells.is_orthogonal, len(vectors) > 0
    limit = cells.cutoff * cells.cutoff
    reserve = limit * (1.0 + 1e-9)  # so that rounding never cuts a cell that counts
    found = np.uint64(0)  # unsigned, so that no index asks whether it counts from the end
    for dx in range(-rx, rx + 1):
        cx, sx = visited_cell(ix + dx, nx, wrap_x)
        gap_x = _squared_gap(dx, px, ix, wx)
        if cx < 0 or gap_x > reserve:
            continue
        for dy in range(-ry, ry + 1):
            gap_y = _squared_gap(dy, py, iy, wy)
            left = reserve - (gap_x + gap_y if is_orthogonal else 0.0)
            if left < 0.0 or gap_y > reserve:
                continue
            cy, sy = visited_cell(iy + dy, ny, wrap_y)
            if cy < 0:
                continue
            span = np.sqrt(left) / wz
            low, high = max(int(np.floor(pz - span)), iz - rz), min(int(np.floor(pz + span)), iz + rz)
            if not wrap_z:
                low, high = max(low, 0), min(high, nz - 1)
            column = (cx * ny + cy) * nz
            while low <= high:
                cz, sz = visited_cell(low, nz, True)
                n = min(high - low + 1, nz - cz)
                first, stop = starts[column + cz], starts[column + cz + n]
                run = positions[first:stop]
                ox = sx * box[0, 0] + sy * box[1, 0] + sz * box[2, 0] - x0
                oy = sx * box[0, 1] + sy * box[1, 1] + sz * box[2, 1] - y0
                oz = sx * box[0, 2] + sy * box[1, 2] + sz * box[2, 2] - z0
                itself = k - first if sx == 0 and sy == 0 and sz == 0 else -1
                if with_vectors:
                    found = _keep_vectors(run, first, (ox, oy, oz), limit, itself, index, vectors, r2, found)
                else:
                    kinds = species[first:stop]
                    found = _keep_distances(run, kinds, (ox, oy, oz), limit, itself, index, r2, found)
                low += n
    return np.int64(found)


@njit(cache=True)
def gather(cells, k, index, vectors, r2):
    """Fill the neighbours of entry `k` (cell order) within the cutoff and return how many there are.

    `index` (capacity,) gets entries in cell order, `vectors` (capacity, 3) the vectors from the particle to them,
    `r2` (capacity,) their squared lengths. The particle itself is left out; its periodic images are not.
    """
    return _gather(cells, k, index, vectors, r2)


@njit(cache=True)
def gather_distances(cells, k, species, r2):
    """Fill species and squared distances of the neighbours of entry `k` and return how many there are.

    The same neighbours in the same order as `gather`, for kernels that need no directions.
    """
    return _gather(cells, k, species, np.empty((0, 3)), r2)


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
