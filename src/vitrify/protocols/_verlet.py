"""Which pairs may interact: neighbour lists with a skin, for configurations that move little.

Periodic images become particles of their own, "ghosts", that copy the motion of their owner and hand it their force:
the loop over pairs then knows nothing of the box, which may be tilted, open, or smaller than the cutoff. Of the two
pairs (i, image of j) and (j, opposite image of i), which are the same bond, the one with the lexicographically
positive image is kept, so every bond stands once.

Particles are ordered by species; the list holds one run of neighbours for each (species of the particle, species of
the neighbour, particle), so the parameters of a pair are constants of the inner loops. A wide list is made from cells
now and then, and from it narrow ones are cut often.
"""

from collections import namedtuple
from typing import Any

import numpy as np
from numba import int64, njit, uint64

from vitrify.particles._cells import counting_sort

BATCH = 512  # pairs treated at a time: their buffers stay in the first-level cache

System = namedtuple(
    "System",
    [
        "blocks",  # (S + 1,) first particle of each species
        "box",  # (3, 3) rows are the cell vectors
        "inverse",  # (3, 3)
        "heights",  # (3,) distances between opposite faces
        "origin",  # (3,)
        "periodic",  # (3,)
        "cutoffs",  # (S, S)
        "reach",  # float, the largest of them
        "edges",  # (S, S) energy at the cutoff, taken off so that the energy is continuous
    ],
)

Verlet = namedtuple(
    "Verlet",
    [
        "owner",  # (M,) particle that each entry copies; the first N are the particles themselves
        "offset",  # (M, 3) from the owner to this copy
        "wide_first",  # (S N + 1,) where the neighbours of each run begin, cutoffs extended by the wide skin
        "wide_neighbour",  # entries, and room behind them
        "built_at",  # (N, 3) positions when that list was made
        "wide_skin",  # float
        "first",  # (S N + 1,) the same for the narrow list, which is cut from the wide one
        "neighbour",
        "cut_at",  # (N, 3) positions when it was cut
        "skin",  # (1,)
        "copies",  # (M, 3) where entries are
        "pulls",  # (M, 3) forces on them
        "batch",  # (5, batch) of the pairs of a batch: vector, weight −V'/r, energy
        "ends",  # (N,) where the pairs of each particle of the batch end
    ],
)


@njit(cache=True)
def _home_cell(x: Any, system: Any) -> Any:
    """Offsets that bring each particle into the cell along periodic axes, (N, 3), and fractional coordinates there."""
    offset, fractional = np.zeros_like(x), np.empty_like(x)
    for i in range(len(x)):
        for a in range(3):
            s = 0.0
            for b in range(3):
                s += (x[i, b] - system.origin[b]) * system.inverse[b, a]
            cells = np.floor(s) if system.periodic[a] else 0.0
            fractional[i, a] = s - cells
            for b in range(3):
                offset[i, b] -= cells * system.box[a, b]
    return offset, fractional


@njit(cache=True)
def _is_near(fractional: Any, shift: Any, margin: Any, periodic: Any) -> Any:
    for a in range(3):
        if periodic[a] and not -margin[a] <= fractional[a] + shift[a] <= 1.0 + margin[a]:
            return False
    return True


@njit(cache=True)
def _positive_shifts(margin: Any, periodic: Any) -> Any:
    """Images that can come within the margin of the cell, one of each opposite pair, (n, 3)."""
    most = np.zeros(3, np.int64)
    for a in range(3):
        if periodic[a]:
            most[a] = int(np.floor(1.0 + margin[a]))
    total = (2 * most[0] + 1) * (2 * most[1] + 1) * (2 * most[2] + 1)
    shifts = np.empty((total // 2, 3), np.int64)
    n = 0
    for x in range(most[0] + 1):
        for y in range(-most[1], most[1] + 1):
            for z in range(-most[2], most[2] + 1):
                if x > 0 or y > 0 or (y == 0 and z > 0):
                    shifts[n, 0], shifts[n, 1], shifts[n, 2] = x, y, z
                    n += 1
    return shifts


@njit(cache=True)
def _with_ghosts(x: Any, system: Any, reach: Any) -> Any:
    """Owner, offset and fractional coordinates of the particles and of the images within reach of the cell."""
    n = len(x)
    offset, fractional = _home_cell(x, system)
    margin = np.empty(3)
    for a in range(3):
        margin[a] = reach / system.heights[a]
    shifts = _positive_shifts(margin, system.periodic)
    total = n
    for t in range(len(shifts)):
        for i in range(n):
            total += _is_near(fractional[i], shifts[t], margin, system.periodic)
    owners, offsets = np.empty(total, np.uint32), np.empty((total, 3))
    places = np.empty((total, 3))
    for i in range(n):
        owners[i] = i
        for a in range(3):
            offsets[i, a], places[i, a] = offset[i, a], fractional[i, a]
    m = n
    for t in range(len(shifts)):
        for i in range(n):
            if _is_near(fractional[i], shifts[t], margin, system.periodic):
                owners[m] = i
                for a in range(3):
                    places[m, a] = fractional[i, a] + shifts[t, a]
                    offsets[m, a] = offset[i, a]
                    for b in range(3):
                        offsets[m, a] += shifts[t, b] * system.box[b, a]
                m += 1
    return owners, offsets, places


@njit(cache=True)
def _grid(places: Any, heights: Any, reach: Any) -> Any:
    """Cells about half a `reach` wide: how many along each axis, where they start, how many per box length."""
    low, per_length, grid = np.empty(3), np.empty(3), np.empty(3, np.int64)
    span = np.empty(3)
    for a in range(3):
        smallest = largest = places[0, a]
        for m in range(len(places)):
            smallest, largest = min(smallest, places[m, a]), max(largest, places[m, a])
        low[a], span[a] = smallest, max(largest - smallest, 1e-300)
        grid[a] = max(int(min(2.0 * span[a] * heights[a] / reach, 1e6)), 1)
    while grid[0] * grid[1] * grid[2] > 2 * len(places) + 64:
        for a in range(3):
            grid[a] = max(grid[a] // 2, 1)
    for a in range(3):
        per_length[a] = grid[a] / span[a]
    return grid, low, per_length


@njit(cache=True)
def _cell(place: Any, low: Any, per_length: Any, grid: Any) -> Any:
    return min(max(int((place - low) * per_length), 0), grid - 1)


@njit(cache=True)
def _sorted_into_bins(copies: Any, owners: Any, places: Any, blocks: Any, heights: Any, reach: Any) -> Any:
    """Entries by species and cell: the grid, the first entry of each bin, the entries in order and where they are."""
    grid, low, per_length = _grid(places, heights, reach)
    n_cells = grid[0] * grid[1] * grid[2]
    n_species = len(blocks) - 1
    bins = np.empty(len(owners), np.int64)
    for m in range(len(owners)):
        s = 0
        while owners[m] >= blocks[s + 1]:
            s += 1
        bins[m] = s
        for a in range(3):
            bins[m] = bins[m] * grid[a] + _cell(places[m, a], low[a], per_length[a], grid[a])
    order, starts = counting_sort(bins, n_species * n_cells)
    sorted_copies = np.empty_like(copies)
    for k in range(len(order)):
        for a in range(3):
            sorted_copies[k, a] = copies[order[k], a]
    return grid, low, per_length, starts, order, sorted_copies


@njit(cache=True)
def _longer(neighbour: Any, at_least: Any) -> Any:
    longer = np.empty(max(at_least, len(neighbour) + len(neighbour) // 2), np.uint32)
    for k in range(len(neighbour)):
        longer[k] = neighbour[k]
    return longer


@njit(cache=True)
def build_list(x: Any, system: Any, skin: Any, expected: Any) -> Any:
    """List all bonds shorter than their cutoff plus `skin`, guessed to be `expected`; the narrow list is still to cut."""
    n, n_species, reach = len(x), len(system.cutoffs), system.reach + skin
    owners, offsets, places = _with_ghosts(x, system, reach)
    copies = np.empty((len(owners), 3))
    for m in range(len(owners)):
        for a in range(3):
            copies[m, a] = x[owners[m], a] + offsets[m, a]
    binned = _sorted_into_bins(copies, owners, places, system.blocks, system.heights, reach), places
    first, margin = np.zeros(n_species * n + 1, np.int64), np.empty(3)
    neighbour = np.empty(max(expected, 64), np.uint32)
    row = longest = 0
    found = uint64(0)
    for a in range(n_species):
        for b in range(n_species):
            limit = system.cutoffs[a, b] + skin
            for axis in range(3):
                margin[axis] = limit / system.heights[axis]
            for i in range(system.blocks[a], system.blocks[a + 1]):
                neighbour, found = _append(i, b, binned, copies, margin, limit**2, neighbour, found)
                row += 1
                first[row] = found
                longest = max(longest, first[row] - first[row - 1])
    size = max(BATCH, longest)
    return Verlet(
        owners,
        offsets,
        first,
        neighbour,
        x.copy(),
        skin,
        np.zeros_like(first),
        np.empty(found, np.uint32),
        x.copy(),
        np.zeros(1),
        copies,
        np.empty_like(copies),
        np.empty((5, size)),
        np.empty(n, np.int64),
    )


@njit(cache=True)
def cut_list(verlet: Any, system: Any, x: Any, skin: Any) -> Any:
    """Cut from the wide list the bonds that at `x` are shorter than their cutoff plus `skin`."""
    first, neighbour, copies = verlet.first, verlet.neighbour, verlet.copies
    place_copies(verlet, x)
    run = 0
    n = uint64(0)
    for a in range(len(system.cutoffs)):
        for b in range(len(system.cutoffs)):
            limit = (system.cutoffs[a, b] + skin) ** 2
            for i in range(system.blocks[a], system.blocks[a + 1]):
                px, py, pz = copies[i, 0], copies[i, 1], copies[i, 2]
                for k in range(uint64(verlet.wide_first[run]), uint64(verlet.wide_first[run + 1])):
                    j = verlet.wide_neighbour[k]
                    dx, dy, dz = px - copies[j, 0], py - copies[j, 1], pz - copies[j, 2]
                    neighbour[n] = j
                    n += uint64(dx * dx + dy * dy + dz * dz < limit)
                run += 1
                first[run] = n
    verlet.skin[0] = skin
    for i in range(len(x)):
        for a in range(3):
            verlet.cut_at[i, a] = x[i, a]


@njit(cache=True)
def place_copies(verlet: Any, x: Any) -> Any:
    for m in range(len(verlet.owner)):
        for a in range(3):
            verlet.copies[m, a] = x[verlet.owner[m], a] + verlet.offset[m, a]


@njit(cache=True)
def _append(
    i: Any, species: Any, binned: Any, copies: Any, margin: Any, limit: Any, neighbour: Any, found: Any
) -> Any:
    """Add the entries of one species after `i` and within the limit to the list."""
    (grid, low, per_length, starts, order, sorted_copies), place = binned
    low_x, high_x = _range(place[i, 0], margin[0], low[0], per_length[0], grid[0])
    low_y, high_y = _range(place[i, 1], margin[1], low[1], per_length[1], grid[1])
    low_z, high_z = _range(place[i, 2], margin[2], low[2], per_length[2], grid[2])
    x, y, z = copies[i, 0], copies[i, 1], copies[i, 2]
    for cx in range(low_x, high_x + 1):
        for cy in range(low_y, high_y + 1):
            row = ((species * grid[0] + cx) * grid[1] + cy) * grid[2]
            begin, end = starts[row + low_z], starts[row + high_z + 1]
            if int64(found) + end - begin > len(neighbour):
                neighbour = _longer(neighbour, int64(found) + end - begin)
            for k in range(uint64(begin), uint64(end)):
                dx, dy, dz = sorted_copies[k, 0] - x, sorted_copies[k, 1] - y, sorted_copies[k, 2] - z
                neighbour[found] = order[k]
                found += uint64((order[k] > i) & (dx * dx + dy * dy + dz * dz < limit))
    return neighbour, found


@njit(cache=True)
def _range(place: Any, margin: Any, low: Any, per_length: Any, grid: Any) -> Any:
    """First and last cell along one axis that reach within the margin of a place."""
    return _cell(place - margin, low, per_length, grid), _cell(place + margin, low, per_length, grid)


@njit(cache=True)
def farthest(before: Any, x: Any) -> Any:
    """Length by which the particle that has moved most has moved."""
    most = 0.0
    for i in range(len(x)):
        u, v, w = (
            x[i, 0] - before[i, 0],
            x[i, 1] - before[i, 1],
            x[i, 2] - before[i, 2],
        )
        most = max(most, u * u + v * v + w * w)
    return np.sqrt(most)
