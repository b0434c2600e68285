"""Molecular dynamics of many short pairs: particles in clusters of neighbours, a vector of distances at a time.

Particles stand in memory so that every `WIDTH` of them in a row are a *cluster*, near each other in space. A particle has
a list of clusters, and its forces with all members of one come from one vector: nothing is gathered. Each pair of clusters
is visited from the first of them, and the second gets the opposite forces; a particle sees its own cluster from its own
side alone. Places are fractions of the box as 32-bit integers, whose differences wrap around by themselves: that is the
nearest image. Distances and forces are in single precision, motion and the values of a frame in double.
"""

from collections import namedtuple

import numpy as np
from numba import njit
from numba.extending import overload

from vitrify.engines._lanes import (
    WIDTH,
    add_product,
    as_float,
    as_turns,
    bits,
    load,
    members,
    splat,
    store,
    subtract_product,
    total,
    totals,
    where,
)
from vitrify.models._kernels import _PAIR_FUNCTIONS

TURN = 4294967296.0  # 2^32, a whole box
BLOCK = WIDTH * WIDTH
ROWS = 10  # of a table: eight parameters, the squared cutoff, and that of the list
CUTOFF, REACH = 8, 9
DONE, UNSORTED, BROKEN = 0, 1, 2  # why `go_on` ended

Law = namedtuple("Law", ["formula"])  # a `vitrify.models._kernels.Formula`
Clusters = namedtuple(
    "Clusters",
    [
        "count",  # number of particles; what is beyond, up to a multiple of WIDTH, fills the last cluster
        "bases",  # (P,) int64, where in the table the rows for the species of each particle begin
        "masses",  # (P,); what fills up has none
        "inverse_masses",  # (P,), zero there too
        "table",  # ((S + 1) * ROWS * P,) float32: parameters of each particle for partners of each species
        "wide_table",  # the same in float64
        "turns",  # (3, P) int32, places in the box
        "positions",  # (3, P) float64, unwrapped
        "velocities",  # (3, P) float64
        "forces",  # (3, P) float32
        "anchors",  # (3, P) int32, places when the list was made
        "rows",  # (3 * BLOCK,) float32, forces on one cluster by members of others
        "first",  # (P + 1,) int64, where the partners of each particle begin
        "middle",  # (3, P / WIDTH) int32, of the clusters
        "half",  # (3, P / WIDTH) float32, half their edges
        "to_turns",  # (4, 3) float64, Cartesian to turns, and those of the point zero
        "edges",  # tuple of float32: turns to Cartesian, the diagonal (3) or the whole matrix (9)
        "wide_edges",  # the same in float64
    ],
)


def difference(edges, u, v, w):
    """Cartesian vector of a difference in turns: 3 edges of a rectangular box, or 9 components of any."""
    raise NotImplementedError  # compiled code alone


@overload(difference)
def _difference(edges, u, v, w):  # noqa: ARG001
    if len(edges) == 3:
        return lambda edges, u, v, w: (u * edges[0], v * edges[1], w * edges[2])

    def tilted(edges, u, v, w):
        return (
            u * edges[0] + v * edges[3] + w * edges[6],
            u * edges[1] + v * edges[4] + w * edges[7],
            u * edges[2] + v * edges[5] + w * edges[8],
        )

    return tilted


def fractions(edges, to_turns, at):
    """Places in turns of Cartesian ones, from the columns of a matrix and what the origin takes away."""
    raise NotImplementedError  # compiled code alone


@overload(fractions)
def _fractions(edges, to_turns, at):  # noqa: ARG001
    if len(edges) == 3:

        def rectangular(edges, to_turns, at):  # noqa: ARG001
            t = to_turns
            return at[0] * t[0, 0] + t[3, 0], at[1] * t[1, 1] + t[3, 1], at[2] * t[2, 2] + t[3, 2]

        return rectangular

    def tilted(edges, to_turns, at):  # noqa: ARG001
        t = to_turns
        return (
            at[0] * t[0, 0] + at[1] * t[1, 0] + at[2] * t[2, 0] + t[3, 0],
            at[0] * t[0, 1] + at[1] * t[1, 1] + at[2] * t[2, 1] + t[3, 1],
            at[0] * t[0, 2] + at[1] * t[1, 2] + at[2] * t[2, 2] + t[3, 2],
        )

    return tilted


@njit(error_model="numpy")
def _vectors(edges, at, x, y, z, j, like):
    """Vectors from the members of the cluster at `j` to a place, and their squared lengths."""
    u = as_float(at[0] - load(x, j), like)
    v = as_float(at[1] - load(y, j), like)
    w = as_float(at[2] - load(z, j), like)
    dx, dy, dz = difference(edges, u, v, w)
    return dx, dy, dz, dx * dx + dy * dy + dz * dz


def pair_function(law, r2, row):
    """Energies and weights −V'/r of lanes, by the pair function of a law."""
    raise NotImplementedError  # compiled code alone


@overload(pair_function, jit_options={"error_model": "numpy"})
def _pair_function(law, r2, row):  # noqa: ARG001
    # compiled anew: what is kept on disk for a pair function must not depend on the lanes of this package
    formula = njit(error_model="numpy")(_PAIR_FUNCTIONS[law.types[0].pair_function_name].py_func)
    return lambda law, r2, row: formula(r2, row)  # noqa: ARG005


@njit(error_model="numpy")
def _interact(law, table, stride, at, r2):
    """Energies and weights −V'/r for the cluster whose parameters stand at `at`, zero from the cutoffs on.

    Rows of the table that the pair function leaves alone are never read.
    """
    row = (
        load(table, at),
        load(table, at + stride),
        load(table, at + 2 * stride),
        load(table, at + 3 * stride),
        load(table, at + 4 * stride),
        load(table, at + 5 * stride),
        load(table, at + 6 * stride),
        load(table, at + 7 * stride),
    )
    energy, weight = pair_function(law, r2, row)
    inside = r2 < load(table, at + CUTOFF * stride)
    return where(inside, energy), where(inside, weight)


@njit(error_model="numpy")
def _row(law, edges, table, stride, base, at, own, x, y, z, fx, fy, fz, partners, begin, end, rows, row):
    """Write the forces on one particle to a row; those on its partners, without its own cluster, are taken from theirs."""
    dx, dy, dz, r2 = _vectors(edges, at, x, y, z, own, table)
    _, weight = _interact(law, table, stride, base + own, r2)
    weight = where(splat(0.0, r2) < r2, weight)  # not on itself
    px, py, pz = weight * dx, weight * dy, weight * dz
    for k in range(begin, end):
        j = np.int64(partners[k])
        dx, dy, dz, r2 = _vectors(edges, at, x, y, z, j, table)
        _, weight = _interact(law, table, stride, base + j, r2)
        px, py, pz = add_product(px, weight, dx), add_product(py, weight, dy), add_product(pz, weight, dz)
        qx, qy, qz = load(fx, j), load(fy, j), load(fz, j)  # before anything is stored, or they wait for it
        store(fx, j, subtract_product(qx, weight, dx))
        store(fy, j, subtract_product(qy, weight, dy))
        store(fz, j, subtract_product(qz, weight, dz))
    store(rows, row, px)
    store(rows, row + BLOCK, py)
    store(rows, row + 2 * BLOCK, pz)


@njit(cache=True, error_model="numpy")
def forces_of(law, clusters, partners):
    """Fill the forces."""
    table, stride, edges, bases = clusters.table, clusters.turns.shape[1], clusters.edges, clusters.bases
    x, y, z = clusters.turns[0], clusters.turns[1], clusters.turns[2]
    fx, fy, fz = clusters.forces[0], clusters.forces[1], clusters.forces[2]
    rows, first = clusters.rows, clusters.first
    fx[:] = fy[:] = fz[:] = np.float32(0.0)
    for own in range(0, stride, WIDTH):
        for i in range(own, own + WIDTH):
            at, begin, end, row = (x[i], y[i], z[i]), first[i], first[i + 1], (i - own) * WIDTH
            _row(
                law,
                edges,
                table,
                stride,
                bases[i],
                at,
                own,
                x,
                y,
                z,
                fx,
                fy,
                fz,
                partners,
                begin,
                end,
                rows,
                row,
            )
        store(fx, own, load(fx, own) + totals(rows, 0))
        store(fy, own, load(fy, own) + totals(rows, BLOCK))
        store(fz, own, load(fz, own) + totals(rows, 2 * BLOCK))


@njit(error_model="numpy")
def _energy_and_virial(law, edges, table, stride, base, at, x, y, z, j):
    _, _, _, r2 = _vectors(edges, at, x, y, z, j, table)
    energy, weight = _interact(law, table, stride, base + j, r2)
    apart = splat(0.0, r2) < r2
    return total(where(apart, energy)), total(where(apart, weight * r2))


@njit(cache=True, error_model="numpy")
def energy_and_virial(law, clusters, partners):
    """Energy of all pairs and Σ r·f over them, in double precision."""
    table, stride, edges, bases = (
        clusters.wide_table,
        clusters.turns.shape[1],
        clusters.wide_edges,
        clusters.bases,
    )
    x, y, z, first = clusters.turns[0], clusters.turns[1], clusters.turns[2], clusters.first
    energy = virial = 0.0
    for i in range(stride):
        for k in range(first[i] - 1, first[i + 1]):
            own = k < first[i]  # where each pair is seen from both sides
            j = i // WIDTH * WIDTH if own else np.int64(partners[k])
            e, w = _energy_and_virial(law, edges, table, stride, bases[i], (x[i], y[i], z[i]), x, y, z, j)
            energy += 0.5 * e if own else e
            virial += 0.5 * w if own else w
    return energy, virial


# -- the list --------------------------------------------------------------------------------------------------------


@njit(cache=True, error_model="numpy")
def bound(clusters):
    """Find the boxes that the clusters fill, and drop the anchors."""
    turns, middle, half, edges = clusters.turns, clusters.middle, clusters.half, clusters.edges
    extent = np.empty(3)
    for c in range(middle.shape[1]):
        begin, end = c * WIDTH, min((c + 1) * WIDTH, clusters.count)
        for a in range(3):
            low = high = 0
            for i in range(begin, end):
                along = np.int32(turns[a, i] - turns[a, begin])
                low, high = min(low, along), max(high, along)
            middle[a, c] = np.int32(turns[a, begin] + (low + high) // 2)
            extent[a] = 0.5 * (high - low) + 1.0
        for a in range(3):
            half[a, c] = 0.0
        for a in range(3):
            u, v, w = (
                (extent[0] if a == 0 else 0.0),
                (extent[1] if a == 1 else 0.0),
                (extent[2] if a == 2 else 0.0),
            )
            x, y, z = difference(edges, u, v, w)
            half[0, c] += abs(x)
            half[1, c] += abs(y)
            half[2, c] += abs(z)
    clusters.anchors[:] = clusters.turns


@njit(cache=True, error_model="numpy", fastmath={"nnan", "nsz", "contract"})
def _gaps(clusters, c, gaps):
    """Squared distances between the box of cluster `c` and those of all after it."""
    mx, my, mz = clusters.middle[0], clusters.middle[1], clusters.middle[2]
    hx, hy, hz = clusters.half[0], clusters.half[1], clusters.half[2]
    zero = np.float32(0.0)
    for d in range(c + 1, len(mx)):
        u = np.float32(np.int32(mx[c] - mx[d]))
        v = np.float32(np.int32(my[c] - my[d]))
        w = np.float32(np.int32(mz[c] - mz[d]))
        x, y, z = difference(clusters.edges, u, v, w)
        x = max(abs(x) - hx[c] - hx[d], zero)
        y = max(abs(y) - hy[c] - hy[d], zero)
        z = max(abs(z) - hz[c] - hz[d], zero)
        gaps[d] = x * x + y * y + z * z


@njit(error_model="numpy")
def _meeting(edges, table, bases, reach_row, x, y, z, c, d):
    """Members of two clusters that are within reach of one of the other, as bits."""
    ours = theirs = 0
    for i in range(WIDTH):
        k = c * WIDTH + i
        _, _, _, r2 = _vectors(edges, (x[k], y[k], z[k]), x, y, z, d * WIDTH, table)
        near = bits(r2 < load(table, bases[k] + reach_row + d * WIDTH))
        theirs |= near
        ours |= (1 << i) if near != 0 else 0
    return ours, theirs


@njit(cache=True)
def longer(array, length):
    """Return the array, with room for `length` columns."""
    if length <= array.shape[1]:
        return array
    copy = np.empty((array.shape[0], 2 * length), array.dtype)
    copy[:, : array.shape[1]] = array
    return copy


@njit(cache=True, error_model="numpy")
def _meetings(clusters, reach, found):
    """List pairs of clusters that meet: whose particles are taken one by one, which is taken whole, and those particles."""
    table, stride, edges, bases = clusters.table, clusters.turns.shape[1], clusters.edges, clusters.bases
    x, y, z = clusters.turns[0], clusters.turns[1], clusters.turns[2]
    gaps, m = np.empty(clusters.middle.shape[1], np.float32), 0
    for c in range(len(gaps)):
        _gaps(clusters, c, gaps)
        found = longer(found, m + len(gaps))
        for d in range(c + 1, len(gaps)):
            if gaps[d] < reach * reach:
                ours, theirs = _meeting(edges, table, bases, REACH * stride, x, y, z, c, d)
                swap = members(theirs) < members(ours)  # the side with fewer takes fewer vectors
                found[0, m] = (d if swap else c) * WIDTH
                found[1, m] = (c if swap else d) * WIDTH
                found[2, m] = theirs if swap else ours
                m += 1 if ours else 0
    return m, found


@njit(cache=True, error_model="numpy")
def list_partners(clusters, reach, partners, found):
    """Return the clusters that each particle is to be paired with, one particle after the other, and working space."""
    first = clusters.first
    bound(clusters)
    m, found = _meetings(clusters, reach, found)
    first[:] = 0
    for k in range(m):
        mask = np.int64(found[2, k])
        while mask:
            first[found[0, k] + members((mask & -mask) - 1) + 1] += 1
            mask &= mask - 1
    for i in range(len(first) - 1):
        first[i + 1] += first[i]
    partners = longer(partners, first[-1])
    fill = first.copy()
    for k in range(m):
        mask = np.int64(found[2, k])
        while mask:
            i = found[0, k] + members((mask & -mask) - 1)
            partners[0, fill[i]] = found[1, k]
            fill[i] += 1
            mask &= mask - 1
    return partners, found


# -- motion ----------------------------------------------------------------------------------------------------------


@njit(cache=True, error_model="numpy")
def kick(clusters, scale, step):
    """Scale the velocities, add what the forces do during `step`, and return Σ m v²."""
    masses, inverse = clusters.masses, clusters.inverse_masses
    twice = 0.0
    for a in range(3):
        v, f = clusters.velocities[a], clusters.forces[a]
        squares = load(v, 0) * 0.0
        for i in range(0, len(masses), WIDTH):
            faster = add_product(load(v, i) * scale, as_float(load(f, i), v) * step, load(inverse, i))
            store(v, i, faster)
            squares = add_product(squares, faster * faster, load(masses, i))
        twice += total(squares)
    return twice


@njit(cache=True, error_model="numpy")
def drift(clusters, scale, kick, step):
    """Scale the velocities, add what the forces do during `kick`, and move on straight for `step`."""
    inverse = clusters.inverse_masses
    for a in range(3):
        x, v, f = clusters.positions[a], clusters.velocities[a], clusters.forces[a]
        for i in range(0, len(inverse), WIDTH):
            faster = add_product(load(v, i) * scale, as_float(load(f, i), v) * kick, load(inverse, i))
            store(v, i, faster)
            store(x, i, add_product(load(x, i), faster, splat(step, faster)))


@njit(cache=True, error_model="numpy")
def place(clusters, far):
    """Enter the positions into the box; return whether a particle is further than `far` from its anchor."""
    x, y, z = clusters.positions[0], clusters.positions[1], clusters.positions[2]
    p, q, r = clusters.turns[0], clusters.turns[1], clusters.turns[2]
    u, v, w = clusters.anchors[0], clusters.anchors[1], clusters.anchors[2]
    edges, to_turns, table, strays = clusters.edges, clusters.to_turns, clusters.table, 0
    for i in range(0, len(x), WIDTH):
        s, t = (load(x, i), load(y, i), load(z, i)), to_turns
        one, two, three = fractions(edges, t, s)
        store(p, i, as_turns(one))
        store(q, i, as_turns(two))
        store(r, i, as_turns(three))
        du, dv, dw = load(p, i) - load(u, i), load(q, i) - load(v, i), load(r, i) - load(w, i)
        dx, dy, dz = difference(edges, as_float(du, table), as_float(dv, table), as_float(dw, table))
        d2 = dx * dx + dy * dy + dz * dz
        strays |= bits(splat(far * far, d2) < d2)
    return strays != 0


@njit(cache=True, error_model="numpy")
def chain(heat, twice, target, freedom, tau, step):
    """Half a step of a chain of three thermostats (Martyna, Tuckerman, Klein): return the factor of the velocities.

    `heat` holds three positions and three velocities; `twice` is Σ m v², `target` the temperature.
    """
    q, link = freedom * target * tau * tau, target * tau * tau
    h = 0.5 * step
    heat[5] += 0.5 * h * (link * heat[4] * heat[4] - target) / link
    damp = np.exp(-0.25 * h * heat[5])
    heat[4] = (heat[4] * damp + 0.5 * h * (q * heat[3] * heat[3] - target) / link) * damp
    damp = np.exp(-0.25 * h * heat[4])
    heat[3] = (heat[3] * damp + 0.5 * h * (twice - freedom * target) / q) * damp
    scale = np.exp(-h * heat[3])
    twice *= scale * scale
    for k in range(3):
        heat[k] += h * heat[3 + k]
    damp = np.exp(-0.25 * h * heat[4])
    heat[3] = (heat[3] * damp + 0.5 * h * (twice - freedom * target) / q) * damp
    damp = np.exp(-0.25 * h * heat[5])
    heat[4] = (heat[4] * damp + 0.5 * h * (q * heat[3] * heat[3] - target) / link) * damp
    heat[5] += 0.5 * h * (link * heat[4] * heat[4] - target) / link
    return scale


@njit(cache=True, error_model="numpy")
def go_on(law, clusters, partners, found, heat, plan, steps, lists):
    """Make up to `steps` steps; return how many, why it ended, Σ m v², the list and working space.

    `plan` holds the time step, the temperature at the beginning and its change per step, degrees of freedom, the time
    constant (0: constant energy), the skin and the reach of the list. It ends early after `lists` new lists, so that the
    particles can be sorted again, and where the motion is no longer finite. Forces, places and list must be those of the
    positions when it begins, and are when it ends.
    """
    step, target, change, freedom, tau, skin, reach = plan
    scale, twice = 1.0, kick(clusters, 1.0, 0.0)
    for s in range(steps):
        if tau > 0.0:
            scale *= chain(heat, twice, target + change * s, freedom, tau, step)
        drift(clusters, scale, 0.5 * step, step)
        if place(clusters, 0.5 * skin):
            lists -= 1
            partners, found = list_partners(clusters, reach, partners, found)
        forces_of(law, clusters, partners[0])
        twice, scale = kick(clusters, 1.0, 0.5 * step), 1.0
        if tau > 0.0:
            scale = chain(heat, twice, target + change * (s + 1), freedom, tau, step)
            twice *= scale * scale
        if not np.isfinite(twice):
            return s + 1, BROKEN, twice, partners, found
        if lists <= 0:
            return s + 1, UNSORTED, kick(clusters, scale, 0.0), partners, found
    return steps, DONE, kick(clusters, scale, 0.0), partners, found
