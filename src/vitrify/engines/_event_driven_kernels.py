"""Collision after collision of hard spheres, each at its own time.

Everything is lifted to three dimensions: a 2D system has no images along the third axis and never moves along it. Positions
are kept as they would be at time zero of a call, x₀ = x(t) − v t, so that between its events nothing of a particle
changes and its neighbours can be looked at from any time.

Every particle has one event, the first of: it collides, or its centre leaves a sphere of radius `shell` around its
anchor, the place where its neighbours were looked up last. Pairs whose anchors are further apart than σ + 2 `shell` cannot
touch, so a particle is tried against the pairs in its list alone; and only centres that leave touch the cell list. The
earliest of all events stands at the root of a tournament. A collision enters only if it comes before the event that the
partner already has: up to that time the pair is watched by the partner. An event whose partner collided elsewhere is found
out when its turn comes, and the particle is then looked at again.
"""

from collections import namedtuple

import numpy as np
from numba import njit

X, V, NEXT, RADIUS = 0, 3, 6, 7  # columns of `bodies`
COUNT, PARTNER, STAMP, HITS, CELL, AFTER, BEFORE = 0, 1, 2, 3, 4, 5, 6  # columns of `marks`
LEAVES = -1  # instead of a partner
DONE, LISTS_FULL, TOO_MANY = 0, 1, 2

System = namedtuple(
    "System",
    [
        "bodies",  # (N, 8): x₀, velocity, time of the next event, radius at time zero; one line of the cache
        "marks",  # (N, 8): number of neighbours; partner in the next event, or LEAVES; collisions that the partner had had
        # when the event was found; collisions so far; cell; next and previous particle in it, or -1
        "anchors",  # (N, 3)
        "inverse_masses",  # (N,)
        "neighbours",  # (N, K)
        "first",  # (n_cells,) first particle of a cell, or -1
        "key",  # (2 M,) times of the tournament; M is the power of two from N on
        "who",  # (2 M,) whose
        "space",  # Space
    ],
)
Space = namedtuple(
    "Space",
    [
        "lengths",  # of the box, three
        "inverse_lengths",  # three, 0 where there are no images
        "grid",  # numbers of cells, three
        "growth",  # relative growth of all radii per time
        "shell",  # how far a centre may go from its anchor
        "reach",  # largest factor of the radii during the call
    ],
)


@njit(error_model="numpy")
def _cell_coordinate(space, x, axis):
    n = space.grid[axis]
    place = x * space.inverse_lengths[axis]
    return min(int((place - np.floor(place)) * n), n - 1)


@njit(error_model="numpy")
def _enter_cell(anchors, marks, first, space, i):
    """Put the anchor of i into its cell."""
    c = 0
    for axis in range(3):
        c = c * space.grid[axis] + _cell_coordinate(space, anchors[i, axis], axis)
    head = first[c]
    marks[i, CELL] = c
    marks[i, BEFORE] = -1
    marks[i, AFTER] = head
    if head >= 0:
        marks[head, BEFORE] = i
    first[c] = i


@njit(error_model="numpy")
def _leave_cell(marks, first, i):
    last, following = marks[i, BEFORE], marks[i, AFTER]
    if last >= 0:
        marks[last, AFTER] = following
    else:
        first[marks[i, CELL]] = following
    if following >= 0:
        marks[following, BEFORE] = last


@njit(error_model="numpy")
def _find_neighbours(bodies, marks, anchors, neighbours, first, space, i):
    """List every particle in the cells whose anchor is near that of i, and i with them; say whether there was room."""
    a, room, own = anchors, neighbours.shape[1], bodies[i, RADIUS]
    marks[i, COUNT] = 0
    grid = space.grid
    x, y, z = (
        _cell_coordinate(space, a[i, 0], 0) + grid[0] - 1,
        _cell_coordinate(space, a[i, 1], 1) + grid[1] - 1,
        _cell_coordinate(space, a[i, 2], 2) + grid[2] - 1,
    )
    for p in range(min(grid[0], 3)):
        for q in range(min(grid[1], 3)):
            row = ((x + p) % grid[0] * grid[1] + (y + q) % grid[1]) * grid[2]
            for r in range(min(grid[2], 3)):
                j = first[row + (z + r) % grid[2]]
                while j >= 0:
                    r2 = 0.0
                    for axis in range(3):
                        d = a[j, axis] - a[i, axis]
                        d -= np.rint(d * space.inverse_lengths[axis]) * space.lengths[axis]
                        r2 += d * d
                    limit = (own + bodies[j, RADIUS]) * space.reach + 2.0 * space.shell
                    if r2 < limit * limit and j != i:
                        if marks[i, COUNT] == room or marks[j, COUNT] == room:
                            return False
                        neighbours[i, marks[i, COUNT]] = j
                        neighbours[j, marks[j, COUNT]] = i
                        marks[i, COUNT] += 1
                        marks[j, COUNT] += 1
                    j = marks[j, AFTER]
    return True


@njit(error_model="numpy")
def _forget_neighbours(marks, neighbours, i):
    """Strike i from the lists of its neighbours."""
    for m in range(marks[i, COUNT]):
        j = neighbours[i, m]
        k = 0
        while neighbours[j, k] != i:
            k += 1
        marks[j, COUNT] -= 1
        neighbours[j, k] = neighbours[j, marks[j, COUNT]]


@njit(error_model="numpy")
def _enter(bodies, key, who, i):
    """Play the matches of i on its way to the root, as far as they can end in another way than before."""
    k = len(key) // 2 + i
    key[k] = bodies[i, NEXT]
    while k > 1:
        left = k & ~1
        winner = left if key[left] <= key[left + 1] else left + 1
        k >>= 1
        if who[k] == who[winner] and key[k] == key[winner]:
            break
        key[k], who[k] = key[winner], who[winner]


@njit(error_model="numpy")
def _time_to_leave(bodies, anchors, space, i, now):
    """Time until the centre of i is `shell` away from its anchor."""
    b = dd = vv = 0.0
    for axis in range(3):
        v = bodies[i, V + axis]
        d = bodies[i, X + axis] + v * now - anchors[i, axis]
        b += d * v
        dd += d * d
        vv += v * v
    if vv == 0.0:
        return np.inf
    left = max(space.shell * space.shell - dd, 0.0)
    root = np.sqrt(b * b + vv * left)
    return left / (root + b) if b > 0.0 else (root - b) / vv


@njit(error_model="numpy")
def _predict(bodies, marks, neighbours, space, i, now, leaves):
    """Find the next event of i from `now` on, which is at the latest that its centre `leaves`."""
    x, y, z = bodies[i, 0], bodies[i, 1], bodies[i, 2]
    vx, vy, vz = bodies[i, 3], bodies[i, 4], bodies[i, 5]
    own = bodies[i, RADIUS]
    lx, ly, lz = space.lengths[0], space.lengths[1], space.lengths[2]
    ix, iy, iz = space.inverse_lengths[0], space.inverse_lengths[1], space.inverse_lengths[2]
    growth = space.growth
    scale = 1.0 + growth * now
    best, partner = leaves, LEAVES
    for m in range(marks[i, COUNT]):
        j = neighbours[i, m]
        ux, uy, uz = bodies[j, 3] - vx, bodies[j, 4] - vy, bodies[j, 5] - vz
        dx, dy, dz = bodies[j, 0] - x + ux * now, bodies[j, 1] - y + uy * now, bodies[j, 2] - z + uz * now
        dx -= np.rint(dx * ix) * lx
        dy -= np.rint(dy * iy) * ly
        dz -= np.rint(dz * iz) * lz
        sigma = own + bodies[j, RADIUS]
        swelling = sigma * growth
        sigma *= scale
        b = dx * ux + dy * uy + dz * uz - sigma * swelling
        if b < 0.0 or growth > 0.0:
            a = ux * ux + uy * uy + uz * uz - swelling * swelling
            c = max(dx * dx + dy * dy + dz * dz - sigma * sigma, 0.0)
            disc = b * b - a * c
            if b < 0.0:
                if disc <= 0.0:
                    continue
                t = now + c / (np.sqrt(disc) - b)
            elif a < 0.0:
                t = now + (np.sqrt(disc) + b) / -a
            else:
                continue
            if t < best and t < bodies[j, NEXT]:
                best, partner = t, j
    bodies[i, NEXT] = best
    marks[i, PARTNER] = partner
    if partner >= 0:
        marks[i, STAMP] = marks[partner, HITS]


@njit(error_model="numpy")
def _collide(bodies, marks, inverse_masses, space, i, j, now):
    """Let two spheres in contact bounce; return what they add to the virial, r·Δp."""
    ux, uy, uz = bodies[j, 3] - bodies[i, 3], bodies[j, 4] - bodies[i, 4], bodies[j, 5] - bodies[i, 5]
    dx = bodies[j, 0] - bodies[i, 0] + ux * now
    dy = bodies[j, 1] - bodies[i, 1] + uy * now
    dz = bodies[j, 2] - bodies[i, 2] + uz * now
    dx -= np.rint(dx * space.inverse_lengths[0]) * space.lengths[0]
    dy -= np.rint(dy * space.inverse_lengths[1]) * space.lengths[1]
    dz -= np.rint(dz * space.inverse_lengths[2]) * space.lengths[2]
    rr = dx * dx + dy * dy + dz * dz
    sigma = bodies[i, RADIUS] + bodies[j, RADIUS]
    b = dx * ux + dy * uy + dz * uz - sigma * sigma * (1.0 + space.growth * now) * space.growth
    wi, wj = inverse_masses[i], inverse_masses[j]
    push = 2.0 * b / ((wi + wj) * rr)
    for axis, d in enumerate((dx, dy, dz)):
        bodies[i, V + axis] += wi * push * d
        bodies[i, X + axis] -= wi * push * d * now
        bodies[j, V + axis] -= wj * push * d
        bodies[j, X + axis] += wj * push * d * now
    marks[i, HITS] += 1
    marks[j, HITS] += 1
    return -push * rr


@njit(error_model="numpy")
def _start(bodies, marks, first, key, who):
    """Let everything be about to leave at time zero, with no neighbours and in no cell."""
    first[:] = -1
    marks[:] = 0
    marks[:, PARTNER] = LEAVES
    marks[:, CELL] = -1
    bodies[:, NEXT] = 0.0
    half = len(key) // 2
    for k in range(half):
        key[half + k] = 0.0 if k < len(bodies) else np.inf
        who[half + k] = k
    for k in range(half - 1, 0, -1):
        key[k] = key[2 * k]
        who[k] = who[2 * k]


@njit(cache=True, error_model="numpy")
def run(system, duration, most):
    """Go on for `duration`, at most `most` collisions.

    Positions are then those of the end, and radii have grown. Returns how it ended and when, the number of collisions,
    their virial Σ r·Δp, and how often neighbours were looked up and events had become stale.
    """
    bodies, marks, anchors, inverse_masses = (
        system.bodies,
        system.marks,
        system.anchors,
        system.inverse_masses,
    )
    neighbours, first, key, who = system.neighbours, system.first, system.key, system.who
    space = system.space
    collisions, lookups, stale, virial = 0, 0, 0, 0.0
    _start(bodies, marks, first, key, who)
    while key[1] <= duration:
        now, i = key[1], who[1]
        j, last = marks[i, PARTNER], i
        if j == LEAVES:
            lookups += 1
            if marks[i, CELL] >= 0:
                _leave_cell(marks, first, i)
                _forget_neighbours(marks, neighbours, i)
            for axis in range(3):
                anchors[i, axis] = bodies[i, X + axis] + bodies[i, V + axis] * now
            if not _find_neighbours(bodies, marks, anchors, neighbours, first, space, i):
                return LISTS_FULL, now, collisions, virial, lookups, stale
            _enter_cell(anchors, marks, first, space, i)
        elif marks[i, STAMP] != marks[j, HITS]:
            stale += 1
        else:
            virial += _collide(bodies, marks, inverse_masses, space, i, j, now)
            collisions += 1
            if collisions == most:
                return TOO_MANY, now, collisions, virial, lookups, stale
            bodies[i, NEXT] = bodies[j, NEXT] = np.inf
            last = j
        while True:
            leaves = now + _time_to_leave(bodies, anchors, space, i, now)
            _predict(bodies, marks, neighbours, space, i, now, leaves)
            _enter(bodies, key, who, i)
            if i == last:
                break
            i = last
    for i in range(len(bodies)):
        for axis in range(3):
            bodies[i, X + axis] += bodies[i, V + axis] * duration
        bodies[i, RADIUS] *= 1.0 + space.growth * duration
    return DONE, duration, collisions, virial, lookups, stale


@njit(cache=True, error_model="numpy")
def closest(positions, radii, lengths, inverse_lengths, first, grid):
    """Smallest distance over sum of radii, and the pair; `first` holds -1 for each cell, cells as wide as two radii.

    A pair further apart than a cell is not seen: then the answer is infinity.
    """
    n = len(positions)
    after = np.empty(n, np.int64)
    best, left, right = np.inf, -1, -1
    c = np.empty(3, np.int64)
    for i in range(n):
        for axis in range(3):
            place = positions[i, axis] * inverse_lengths[axis]
            c[axis] = min(int((place - np.floor(place)) * grid[axis]), grid[axis] - 1)
        for p in range(min(grid[0], 3)):
            cx = (c[0] - 1 + p + grid[0]) % grid[0]
            for q in range(min(grid[1], 3)):
                cy = (c[1] - 1 + q + grid[1]) % grid[1]
                for r in range(min(grid[2], 3)):
                    j = first[(cx * grid[1] + cy) * grid[2] + (c[2] - 1 + r + grid[2]) % grid[2]]
                    while j >= 0:
                        r2 = 0.0
                        for axis in range(3):
                            d = positions[i, axis] - positions[j, axis]
                            d -= np.rint(d * inverse_lengths[axis]) * lengths[axis]
                            r2 += d * d
                        sigma = radii[i] + radii[j]
                        if r2 < best * sigma * sigma:
                            best, left, right = r2 / (sigma * sigma), j, i
                        j = after[j]
        home = (c[0] * grid[1] + c[1]) * grid[2] + c[2]
        after[i] = first[home]
        first[home] = i
    return np.sqrt(best), left, right
