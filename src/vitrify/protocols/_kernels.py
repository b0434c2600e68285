"""Energy and forces of a pair model over a neighbour list.

The loops go over batches of pairs: differences first, then energies and forces (vector instructions), then the sums.

No fast mathematics here or in the minimizers: what is added to what is written down, so that the bits of a result do
not depend on what the compiler made of it. Divisions are not tested for zero (`error_model`), or a loop over pairs
could not become vector instructions.
"""

from numba import int64, njit, uint64

from vitrify.models._kernels import as_row, interact
from vitrify.protocols._verlet import place_copies


@njit(cache=True, error_model="numpy")
def _gather(i, last, run, first, neighbour, copies, batch, ends):
    """Fill a batch with the differences of the pairs of the particles from `i` on; how many particles, how many pairs."""
    dx, dy, dz = batch[0], batch[1], batch[2]
    m = 0
    n = uint64(0)
    while i < last and int64(n) + first[run + 1] - first[run] <= len(dx):
        x, y, z = copies[i, 0], copies[i, 1], copies[i, 2]
        for k in range(uint64(first[run]), uint64(first[run + 1])):
            j = neighbour[k]
            dx[n] = x - copies[j, 0]
            dy[n] = y - copies[j, 1]
            dz[n] = z - copies[j, 2]
            n += uint64(1)
        ends[m] = n
        m += 1
        i += 1
        run += 1
    return m, int64(n)


@njit(cache=True, error_model="numpy")
def _weigh(potential, row, limit, edge, batch, n):
    """Weights −V'/r of the first n pairs of a batch, zero beyond the cutoff; their energy, and how many are within."""
    dx, dy, dz, weights, energies = batch[0], batch[1], batch[2], batch[3], batch[4]
    count = 0
    for k in range(n):
        r2 = dx[k] * dx[k] + dy[k] * dy[k] + dz[k] * dz[k]
        energy, weight = interact(potential, r2 if r2 < limit else limit, row)
        inside = 1.0 if r2 < limit else 0.0  # a factor, because a branch would stop the vector instructions
        weights[k] = weight * inside
        energies[k] = (energy - edge) * inside
        count += 1 if r2 < limit else 0
    return total(energies, n), count


@njit(cache=True)
def total(values, n):
    """Sum of the first n values, in four parts that run side by side."""
    p = q = r = s = 0.0
    for m in range(n // 4):
        k = uint64(4 * m)
        p += values[k]
        q += values[k + uint64(1)]
        r += values[k + uint64(2)]
        s += values[k + uint64(3)]
    for k in range(4 * (n // 4), n):
        p += values[k]
    return (p + q) + (r + s)


@njit(cache=True, error_model="numpy")
def _scatter(i, m, start, neighbour, batch, ends, pulls):
    """Give both ends of the pairs of `m` particles from `i` on their forces."""
    dx, dy, dz, weights = batch[0], batch[1], batch[2], batch[3]
    begin = uint64(0)
    for p in range(m):
        x = y = z = 0.0
        for k in range(begin, uint64(ends[p])):
            j, w = neighbour[uint64(start) + k], weights[k]
            u, v, t = w * dx[k], w * dy[k], w * dz[k]
            pulls[j, 0] -= u
            pulls[j, 1] -= v
            pulls[j, 2] -= t
            x += u
            y += v
            z += t
        begin = uint64(ends[p])
        pulls[i + p, 0] += x
        pulls[i + p, 1] += y
        pulls[i + p, 2] += z


@njit(cache=True)
def _sum_over_pairs(potential, system, verlet):
    """Energy, continuous at the cutoffs, and the rest of it that is not; fills `verlet.pulls`."""
    blocks, first, neighbour, copies = system.blocks, verlet.first, verlet.neighbour, verlet.copies
    batch, ends, pulls = verlet.batch, verlet.ends, verlet.pulls
    energy = rest = 0.0
    run = 0
    for a in range(len(blocks) - 1):
        for b in range(len(blocks) - 1):
            row, limit = as_row(potential.parameters[a, b]), potential.squared_cutoffs[a, b]
            i = blocks[a]
            while i < blocks[a + 1]:
                m, n = _gather(i, blocks[a + 1], run, first, neighbour, copies, batch, ends)
                part, count = _weigh(potential, row, limit, system.edges[a, b], batch, n)
                _scatter(i, m, first[run], neighbour, batch, ends, pulls)
                energy += part
                rest += count * system.edges[a, b]
                i += m
                run += m
    return energy, rest


@njit(cache=True)
def forces_at(potential, system, verlet, x, forces):
    """Fill the forces (N, 3) at `x` and return the energy and what makes it discontinuous; the list must hold there."""
    pulls, owner = verlet.pulls, verlet.owner
    place_copies(verlet, x)
    for m in range(len(owner)):
        for a in range(3):
            pulls[m, a] = 0.0
    energy, rest = _sum_over_pairs(potential, system, verlet)
    for i in range(len(x)):
        for a in range(3):
            forces[i, a] = pulls[i, a]
    for m in range(len(x), len(owner)):
        for a in range(3):
            forces[owner[m], a] += pulls[m, a]
    return energy, rest
