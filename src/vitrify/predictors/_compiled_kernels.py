"""Sums of tabulated pair functions around particles. Plain arrays in and out; the result does not depend on threads.

A table is a row of cubics, four coefficients each. Cubic k is the pair function within half a step of the distance
R = k step, as a polynomial in t = R / step - k.

The particles of one cell share one list of candidates: everything within the cutoff of the box around them. The list
depends on the frame alone, not on which particles are asked for, so a value has the same bits in every call. All loops
run over long contiguous arrays, and what is beyond the cutoff is sorted out eight at a time, so that they become vector
instructions; what is left is bound by the four loads of coefficients.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, prange
from numba.core import cgutils, types
from numba.extending import intrinsic

from vitrify.descriptors._kernels import _ORDERED, _bits_of
from vitrify.particles._cells import visited_cell

CLUSTERS = 32  # cells that share one set of buffers
MAX_ROWS = 1 << 20  # of one table: so many bits of a row number are kept
_MASK = MAX_ROWS - 1
_ROUNDER = 4503599627370496.0  # 2^52: adding it rounds to an integer, which then stands in the low bits
_LANES = 8  # numbers that are sorted out at a time
_UNROLLED = 16  # loops of so many are made without a remainder
_SHORTEST = 24  # fewer would be copied one by one
_CHUNK = 256  # copies that are sorted out together: they stay in the first-level cache
_FAR = 1e300  # beyond every squared cutoff
_TINY = 1e-300
_NOWHERE = 1e100  # corners of an empty cell: its gap to every other is larger than any cutoff


def _append_lanes(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """Write the instructions of `_append_below`: LLVM's compressing store, one instruction where the machine has it."""
    keys, limit, values, m, out, n = arguments
    lanes = ir.VectorType(ir.DoubleType(), _LANES)

    def at(which: int, array: Any, place: Any) -> Any:
        start = context.make_array(signature.args[which])(context, builder, array).data
        return builder.gep(start, [place])

    def eight(which: int, array: Any) -> Any:
        return builder.load(builder.bitcast(at(which, array, m), lanes.as_pointer()), align=8)

    limits = ir.Constant(lanes, ir.Undefined)
    for lane in range(_LANES):
        limits = builder.insert_element(limits, limit, ir.Constant(ir.IntType(32), lane))
    below = builder.fcmp_ordered("<", eight(0, keys), limits)
    kind = ir.FunctionType(ir.VoidType(), [lanes, ir.DoubleType().as_pointer(), below.type])
    store = cgutils.get_or_insert_function(builder.module, kind, f"llvm.masked.compressstore.v{_LANES}f64")
    builder.call(store, [eight(2, values), at(4, out, n), below])
    count = builder.ctpop(builder.bitcast(below, ir.IntType(_LANES)))
    return builder.add(n, builder.zext(count, ir.IntType(64)))


def _append_types(context: Any, keys: Any, limit: Any, values: Any, m: Any, out: Any, n: Any) -> Any:  # noqa: ARG001
    """Append those of values[m : m + 8] to out[:n] whose keys are below the limit; return the new n."""
    return types.int64(keys, types.float64, values, types.int64, out, types.int64), _append_lanes


_append_below: Any = intrinsic(_append_types)


@njit(cache=True)
def _rounded_up(n: Any, multiple: Any) -> Any:
    """Return the next multiple."""
    return (n + multiple - 1) // multiple * multiple


@njit(cache=True)
def _pad(keys: Any, n: Any) -> None:
    """Write keys after the n-th that are below no limit, as `_append` needs them."""
    for m in range(n, n + _LANES - 1):
        keys[m] = _FAR


@njit(cache=True)
def _append(keys: Any, limit: Any, values: Any, n: Any, out: Any, end: Any) -> Any:
    """Write those of the first n values whose keys are below the limit to out[end:]; return the new end."""
    for m in range(0, n, _LANES):
        end = _append_below(keys, limit, values, m, out, end)
    return end


@njit(cache=True)
def _by_species(cells: Any, n_species: Any) -> Any:
    """Sort the entries of a cell list by species, and those of one species by cell.

    Returns positions (3, N), the first entry of each species and cell (n_species, n_cells + 1), where each entry of the
    cell list went (N,), and the corners of the upright box around each cell's entries (n_cells, 6).
    """
    n_cells = len(cells.starts) - 1
    starts = np.zeros((n_species, n_cells + 1), np.int64)
    corners = np.empty((n_cells, 6))
    corners[:, :3], corners[:, 3:] = _NOWHERE, -_NOWHERE
    for c in range(n_cells):
        for j in range(cells.starts[c], cells.starts[c + 1]):
            starts[cells.species[j], c + 1] += 1
            for a in range(3):
                corners[c, a] = min(corners[c, a], cells.positions[j, a])
                corners[c, 3 + a] = max(corners[c, 3 + a], cells.positions[j, a])
    for s in range(n_species):
        starts[s, 0] = starts[s - 1, n_cells] if s > 0 else 0
        for c in range(n_cells):
            starts[s, c + 1] += starts[s, c]
    fill = starts.copy()
    places, to = np.zeros((3, len(cells.species) + _SHORTEST)), np.empty(len(cells.species), np.int64)
    for c in range(n_cells):
        for j in range(cells.starts[c], cells.starts[c + 1]):
            s = cells.species[j]
            to[j] = fill[s, c]
            fill[s, c] += 1
            for a in range(3):
                places[a, to[j]] = cells.positions[j, a]
    return places, starts, to, corners


@njit(cache=True, fastmath=_ORDERED)
def _gap(low: Any, high: Any, other_low: Any, other_high: Any) -> Any:
    """Distance between two intervals, zero if they overlap."""
    return max(low - other_high, other_low - high, 0.0)


@njit(cache=True, fastmath=_ORDERED)
def _near_cells(cells: Any, corners: Any, here: Any, cell: Any, limit: Any, runs: Any, offsets: Any) -> Any:
    """List the cells whose entries may be within the cutoff of those of the cell `here`, under all their images.

    Cells that follow one another are one run: `runs` (n, 2) has the first and the last, `offsets` (n, 3) the shift of
    their image. The first run begins with `here` itself. Returns the number of runs and of their entries.
    """
    grid, reach, box = cells.grid, cells.reach, cells.vectors
    low_x, low_y, low_z, high_x, high_y, high_z = corners[here]
    runs[0, 0] = runs[0, 1] = here
    offsets[0, 0] = offsets[0, 1] = offsets[0, 2] = 0.0
    n, n_entries = 1, 0
    first_dz, last_dz = -reach[2], reach[2]
    if not cells.periodic[2]:
        first_dz, last_dz = max(first_dz, -cell[2]), min(last_dz, grid[2] - 1 - cell[2])
    first_z, first_image = visited_cell(cell[2] + first_dz, grid[2], cells.periodic[2])
    for dx in range(-reach[0], reach[0] + 1):
        cx, sx = visited_cell(cell[0] + dx, grid[0], cells.periodic[0])
        if cx < 0:
            continue
        for dy in range(-reach[1], reach[1] + 1):
            cy, sy = visited_cell(cell[1] + dy, grid[1], cells.periodic[1])
            if cy < 0:
                continue
            follows = False
            cz, sz = first_z - 1, first_image
            for dz in range(first_dz, last_dz + 1):
                cz += 1
                if cz == grid[2]:
                    cz, sz = 0, sz + 1
                there = (cx * grid[1] + cy) * grid[2] + cz
                ox = sx * box[0, 0] + sy * box[1, 0] + sz * box[2, 0]
                oy = sx * box[0, 1] + sy * box[1, 1] + sz * box[2, 1]
                oz = sx * box[0, 2] + sy * box[1, 2] + sz * box[2, 2]
                gx = _gap(low_x, high_x, corners[there, 0] + ox, corners[there, 3] + ox)
                gy = _gap(low_y, high_y, corners[there, 1] + oy, corners[there, 4] + oy)
                gz = _gap(low_z, high_z, corners[there, 2] + oz, corners[there, 5] + oz)
                is_near = gx * gx + gy * gy + gz * gz < limit  # never for an empty cell
                n_entries += cells.starts[there + 1] - cells.starts[there] if is_near else 0
                if dx == 0 and dy == 0 and dz == 0:
                    is_near = False  # it is the first run
                if is_near and follows and cz > 0:
                    runs[n - 1, 1] = there
                elif is_near:
                    runs[n, 0] = runs[n, 1] = there
                    offsets[n, 0], offsets[n, 1], offsets[n, 2] = ox, oy, oz
                    n += 1
                follows = is_near
    return n, n_entries


@njit(cache=True, fastmath=True)
def _copy_run(
    sources: Any, first: Any, stop: Any, offset: Any, box: Any, copies: Any, gap2: Any, n: Any
) -> None:
    """Append the entries first … stop - 1 under an image, with their squared distances from a box.

    A few more than asked for, so that the loop is long enough to be one of vector instructions.
    """
    px, py, pz = sources
    x, y, z = copies
    ox, oy, oz = offset
    mx, my, mz, hx, hy, hz = box
    start, end = np.uint64(first), np.uint64(n)  # unsigned: no test for indices that count from the end
    for j in range(np.uint64(max(_rounded_up(stop - first, 4), _SHORTEST))):
        vx, vy, vz = px[start + j] + ox, py[start + j] + oy, pz[start + j] + oz
        gx, gy, gz = max(abs(vx - mx) - hx, 0.0), max(abs(vy - my) - hy, 0.0), max(abs(vz - mz) - hz, 0.0)
        x[end + j], y[end + j], z[end + j] = vx, vy, vz
        gap2[end + j] = gx * gx + gy * gy + gz * gz


@njit(cache=True)
def _candidates(
    sources: Any,
    starts: Any,
    s: Any,
    runs: Any,
    offsets: Any,
    n_runs: Any,
    box: Any,
    limit: Any,
    copies: Any,
    near: Any,
    gap2: Any,
) -> Any:
    """Fill `near` with the entries of species s in the runs that are within the cutoff of a box; return their number."""
    n = waiting = 0
    for a in range(n_runs):
        first, stop = starts[s, runs[a, 0]], starts[s, runs[a, 1] + 1]
        _copy_run(
            sources, first, stop, (offsets[a, 0], offsets[a, 1], offsets[a, 2]), box, copies, gap2, waiting
        )
        waiting += stop - first
        if waiting >= _CHUNK or a == n_runs - 1:
            _pad(gap2, waiting)
            _append(gap2, limit, copies[0], waiting, near[0], n)
            _append(gap2, limit, copies[1], waiting, near[1], n)
            n = _append(gap2, limit, copies[2], waiting, near[2], n)
            waiting = 0
    return n


@njit(cache=True, fastmath=_ORDERED)
def _squared_distances(near: Any, n: Any, point: Any, r2: Any) -> None:
    """Squared distances of n places from a point."""
    x, y, z = near
    x0, y0, z0 = point
    for m in range(_rounded_up(n, _UNROLLED)):
        vx, vy, vz = x[m] - x0, y[m] - y0, z[m] - z0
        r2[m] = vx * vx + vy * vy + vz * vz


@njit(cache=True, fastmath=_ORDERED)
def _locate(r2: Any, per_length: Any) -> Any:
    """First coefficient of a squared distance and the place in its cubic, t in [-1/2, 1/2]."""
    x = np.sqrt(r2) * per_length
    rounded = x + _ROUNDER
    bits: Any = _bits_of(rounded)  # type: ignore[call-arg]
    return 4 * (bits & _MASK), x - (rounded - _ROUNDER)


@njit(cache=True, fastmath=True)
def _look_up(r2: Any, n: Any, per_length: Any, table: Any) -> Any:
    """Sum of a pair function over n squared distances."""
    total = 0.0
    for m in range(n):
        k, t = _locate(r2[m], per_length)
        total += table[k] + t * (table[k + 1] + t * (table[k + 2] + t * table[k + 3]))
    return total


@njit(cache=True, fastmath=True)
def _look_up_gradient(r2: Any, places: Any, n: Any, point: Any, per_length: Any, table: Any) -> Any:
    """Gradient of the same sum with respect to the point from which n places are seen."""
    x, y, z = places
    x0, y0, z0 = point
    gx = gy = gz = 0.0
    for m in range(n):
        k, t = _locate(r2[m], per_length)
        slope = table[k + 1] + t * (2.0 * table[k + 2] + t * (3.0 * table[k + 3]))
        pull = slope * per_length / np.sqrt(max(r2[m], _TINY))
        gx += pull * (x0 - x[m])
        gy += pull * (y0 - y[m])
        gz += pull * (z0 - z[m])
    return gx, gy, gz


@njit(cache=True)
def _sum_inside(r2: Any, n: Any, limit: Any, per_length: Any, table: Any, inside: Any) -> Any:
    """Sum of a pair function over those of n squared distances that are below the limit."""
    _pad(r2, n)
    n_inside = _append(r2, limit, r2, n, inside, 0)
    zero = (len(table) // 4 - 1) / per_length  # where the last cubic stands, which is zero
    for m in range(n_inside, _rounded_up(n_inside, _UNROLLED)):
        inside[m] = zero * zero
    return _look_up(inside, _rounded_up(n_inside, _UNROLLED), per_length, table)


@njit(cache=True)
def _gradient_inside(
    r2: Any, near: Any, n: Any, limit: Any, point: Any, per_length: Any, table: Any, inside: Any, places: Any
) -> Any:
    """Gradient of the same sum with respect to the point."""
    _pad(r2, n)
    for a in range(3):
        _append(r2, limit, near[a], n, places[a], 0)
    n_inside = _append(r2, limit, r2, n, inside, 0)
    return _look_up_gradient(inside, places, n_inside, point, per_length, table)


@njit(cache=True)
def _sums_of_clusters(
    cells: Any,
    sorted_entries: Any,
    centres: Any,
    clusters: Any,
    begin: Any,
    end: Any,
    step: Any,
    tables: Any,
    out: Any,
) -> None:
    """Do the work of `pair_sums` for the clusters begin … end - 1."""
    places, starts, to, corners = sorted_entries
    sources = (places[0], places[1], places[2])
    per_length, limit = 1.0 / step, cells.cutoff * cells.cutoff
    reserve = limit * (1.0 + 1e-9)  # so that rounding never leaves out what counts
    most = (2 * cells.reach[0] + 1) * (2 * cells.reach[1] + 1) * (2 * cells.reach[2] + 1)
    runs, offsets = np.empty((most, 2), np.int64), np.empty((most, 3))
    size = 0
    for c in range(begin, end):
        cell = cells.cell[centres[clusters[c]]]
        here = (cell[0] * cells.grid[1] + cell[1]) * cells.grid[2] + cell[2]
        n_runs, n_entries = _near_cells(cells, corners, here, cell, reserve, runs, offsets)
        if c == begin or n_entries > size:
            size = n_entries + n_entries // 4
            room = size + _SHORTEST + _UNROLLED
            copies = (np.zeros(room), np.zeros(room), np.zeros(room))
            near = (np.zeros(room), np.zeros(room), np.zeros(room))
            r2, inside = np.zeros(room), np.zeros(room)
        low_x, low_y, low_z, high_x, high_y, high_z = corners[here]
        middle = (0.5 * (low_x + high_x), 0.5 * (low_y + high_y), 0.5 * (low_z + high_z))
        box = (*middle, 0.5 * (high_x - low_x), 0.5 * (high_y - low_y), 0.5 * (high_z - low_z))
        for s in range(len(tables)):
            table = tables[s]
            n = _candidates(sources, starts, s, runs, offsets, n_runs, box, reserve, copies, near, r2)
            for i in range(clusters[c], clusters[c + 1]):
                k = centres[i]
                point = (cells.positions[k, 0], cells.positions[k, 1], cells.positions[k, 2])
                _squared_distances(near, n, point, r2)
                if cells.species[k] == s:
                    r2[to[k] - starts[s, here]] = _FAR  # the first run began with the own cell
                if out.shape[1] == 1:
                    out[i, 0] += _sum_inside(r2, n, limit, per_length, table, inside)
                else:
                    gx, gy, gz = _gradient_inside(
                        r2, near, n, limit, point, per_length, table, inside, copies
                    )
                    out[i, 0] += gx
                    out[i, 1] += gy
                    out[i, 2] += gz


@njit(cache=True, parallel=True)
def pair_sums(cells: Any, centres: Any, clusters: Any, step: Any, tables: Any, out: Any) -> None:
    """Add to `out` the sums of pair functions around the sorted `centres`, places in cell order.

    Centres clusters[c] … clusters[c + 1] - 1 lie in one cell. `tables` (n_species, 4 * rows) has one table for each
    species of neighbour. `out` is (n, 1) for the sums themselves or (n, 3) for their gradients. The particle itself is
    left out; its images are not.
    """
    n_clusters = len(clusters) - 1
    sorted_entries = _by_species(cells, len(tables))
    for block in prange((n_clusters + CLUSTERS - 1) // CLUSTERS):
        begin, end = block * CLUSTERS, min((block + 1) * CLUSTERS, n_clusters)
        _sums_of_clusters(cells, sorted_entries, centres, clusters, begin, end, step, tables, out)
