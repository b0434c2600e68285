"""Metropolis sweeps of particles that each stay within a sphere around where they began.

Because nobody leaves its sphere, the pairs that can ever meet are known from the start: the wide list, made once. The
narrow list, which the sweeps walk along, is cut from it as often as somebody has moved far. Periodic images are copies
with a fixed offset that move with their owner, so the loops over pairs know nothing of the box. Unlike in a list for
forces every pair stands twice, since a move needs all neighbours of one particle. Images of the particle itself are
left out: they move along, and their energy never changes.

Sums may be taken in any order (`reassoc`), or they would not become vector instructions; infinities and what is not a
number are kept as they are, because hard spheres and particles on one spot make them.
"""

from collections import namedtuple
from typing import Any

import numpy as np
from numba import njit, uint64

from vitrify.models._kernels import as_row, interact
from vitrify.particles._cells import gather

WHOLE = 16  # neighbours that the loop over them takes at a time
FAR = 1e10  # length; of what is put behind them to fill up

_SUMS = {"reassoc", "contract", "nsz", "arcp"}

Cage = namedtuple(
    "Cage",
    [
        "dimension",  # int
        "species",  # (N,)
        "radius",  # float: of the spheres
        "owner",  # (M,) particle that each copy moves with; the first N are the particles themselves
        "offset",  # (M, 4) from the owner's start to the copy's, and a zero
        "copy_first",  # (N + 1,) where the further copies of each particle begin
        "copy_index",  # (M - N,)
        "wide_first",  # (N S + 1,) where the run of each particle and species of neighbour begins
        "wide_neighbour",  # (W,) copies
        "first",  # the same for the narrow list
        "neighbour",
        "cut_at",  # (N, 4) displacements when it was cut
        "start",  # (N, 4)
        "moved",  # (N, 4) displacements from the start
        "copies",  # (M, 4) where copies are
        "batch",  # (3, longest) vectors to the neighbours of one particle
        "cuts",  # (1,) how often the narrow list was cut
    ],
)


@njit(cache=True, error_model="numpy")
def overlap(r2: Any, row: Any) -> Any:
    """Refuse: the pair function of hard spheres, asked only within contact."""
    return np.inf + 0.0 * (r2 + row[0]), 0.0 * r2


# ---------------------------------------------------------------------------------------------------------------------
# who can ever meet whom


@njit(cache=True)
def _image(vector: Any, here: Any, there: Any, inverse: Any, most: Any) -> Any:
    """Return the number of the image that a vector from `here` leads to, among those up to `most` boxes away."""
    number = 0
    for a in range(3):
        s = 0.0
        for b in range(3):
            s += (vector[b] - (there[b] - here[b])) * inverse[b, a]
        number = number * (2 * most[a] + 1) + int(np.rint(s)) + most[a]
    return number


@njit(cache=True)
def walk(cells: Any, inverse: Any, limits: Any, most: Any, first: Any, neighbour: Any, image: Any) -> Any:
    """Fill the runs of neighbours closer than `limits` (S, S), squared, in cell order; only count without room."""
    n_species = len(limits)
    index, vectors = np.empty(cells.capacity, np.int64), np.empty((cells.capacity, 3))
    r2 = np.empty(cells.capacity)
    total = run = 0
    for k in range(len(cells.order)):
        n = gather(cells, k, index, vectors, r2)
        own = cells.species[k]
        for b in range(n_species):
            for m in range(n):
                j = index[m]
                if cells.species[j] != b or j == k or not r2[m] < limits[own, b]:
                    continue
                if len(neighbour):
                    neighbour[total] = j
                    image[total] = _image(vectors[m], cells.positions[k], cells.positions[j], inverse, most)
                total += 1
            run += 1
            first[run] = total
    return total


@njit(cache=True)
def number_copies(n: int, n_images: int, neighbour: Any, image: Any, owner: Any, which: Any) -> int:
    """Give every image that is a neighbour a number from `n` on and replace neighbours by it; how many copies there are.

    `owner` and `which` image (both of room for all of them) are filled from `n` on; the home image is the middle one.
    """
    known = np.zeros(n * n_images, np.uint32)
    total, home = n, n_images // 2
    for k in range(len(neighbour)):
        j = np.int64(neighbour[k])
        if image[k] == home:
            continue
        key = j * n_images + image[k]
        if known[key] == 0:
            known[key] = total
            if total < len(owner):
                owner[total] = j
                which[total] = image[k]
            total += 1
        neighbour[k] = known[key]
    return total


# ---------------------------------------------------------------------------------------------------------------------
# sweeps


@njit(cache=True)
def place(cage: Any) -> None:
    """Put all copies where the displacements say."""
    for m in range(len(cage.owner)):
        o = np.int64(cage.owner[m])
        for a in range(3):
            cage.copies[m, a] = cage.start[o, a] + cage.moved[o, a] + cage.offset[m, a]


@njit(cache=True)
def closest(cage: Any, sigma: Any) -> Any:
    """Smallest distance over that of contact among the pairs of the wide list, and the pair."""
    n_species, best, first, second = len(sigma), np.inf, -1, -1
    for run in range(len(cage.wide_first) - 1):
        i, b = run // n_species, run % n_species
        for k in range(cage.wide_first[run], cage.wide_first[run + 1]):
            j = cage.wide_neighbour[k]
            square = 0.0
            for a in range(3):
                square += (cage.copies[j, a] - cage.copies[i, a]) ** 2
            ratio = np.sqrt(square) / sigma[cage.species[i], b]
            if ratio < best:
                best, first, second = ratio, i, int(cage.owner[j])
    return best, first, second


@njit(cache=True)
def cut(cage: Any, cutoffs: Any, skin: float) -> None:
    """Cut from the wide list the pairs that are now closer than their cutoff plus `skin`."""
    n_species, copies = len(cutoffs), cage.copies
    wide_first, wide_neighbour, first, neighbour = (
        cage.wide_first,
        cage.wide_neighbour,
        cage.first,
        cage.neighbour,
    )
    n, run = uint64(0), 0
    for i in range(len(cage.moved)):
        x, y, z = copies[i, 0], copies[i, 1], copies[i, 2]
        for b in range(n_species):
            limit = (cutoffs[cage.species[i], b] + skin) ** 2
            for k in range(uint64(wide_first[run]), uint64(wide_first[run + 1])):
                j = wide_neighbour[k]
                dx, dy, dz = copies[j, 0] - x, copies[j, 1] - y, copies[j, 2] - z
                neighbour[n] = j
                n += uint64(dx * dx + dy * dy + dz * dz < limit)
            run += 1
            first[run] = n
        for a in range(3):
            cage.cut_at[i, a] = cage.moved[i, a]
    cage.cuts[0] += 1


@njit(cache=True, error_model="numpy", fastmath=_SUMS)
def _change(potential: Any, row: Any, limit: float, step: Any, dx: Any, dy: Any, dz: Any, n: int) -> Any:
    """Energy with the first n neighbours, of one species, after a step less that before it."""
    sx, sy, sz = step
    change = 0.0
    for k in range(n):
        x, y, z = dx[k], dy[k], dz[k]
        before = x * x + y * y + z * z
        x, y, z = x - sx, y - sy, z - sz
        after = x * x + y * y + z * z
        energy_before, _ = interact(potential, before, row)
        energy_after, _ = interact(potential, after, row)
        change += (energy_after if after < limit else 0.0) - (energy_before if before < limit else 0.0)
    return change


@njit(cache=True)
def _fetch(copies: Any, neighbour: Any, begin: Any, end: Any, at: Any, dx: Any, dy: Any, dz: Any) -> Any:
    """Fill the vectors to a run of neighbours, and behind them enough that are far away to end on whole vectors."""
    x, y, z = at
    for k in range(begin, end):
        j = neighbour[k]
        dx[k - begin] = copies[j, 0] - x
        dy[k - begin] = copies[j, 1] - y
        dz[k - begin] = copies[j, 2] - z
    whole = (end - begin + uint64(WHOLE - 1)) // uint64(WHOLE) * uint64(WHOLE)
    for m in range(end - begin, whole):
        dx[m] = FAR
        dy[m] = FAR
        dz[m] = FAR
    return whole


@njit(cache=True, error_model="numpy")
def energy_change(potential: Any, cage: Any, i: int, step: Any) -> Any:
    """Change of the potential energy if particle `i` makes a step; the narrow list must hold there."""
    parameters, limits, own = potential.parameters, potential.squared_cutoffs, cage.species[i]
    first, neighbour, copies = cage.first, cage.neighbour, cage.copies
    dx, dy, dz = cage.batch[0], cage.batch[1], cage.batch[2]
    at, change = (copies[i, 0], copies[i, 1], copies[i, 2]), 0.0
    run = i * len(limits)
    for b in range(len(limits)):
        n = _fetch(copies, neighbour, uint64(first[run + b]), uint64(first[run + b + 1]), at, dx, dy, dz)
        change += _change(potential, as_row(parameters[own, b]), limits[own, b], step, dx, dy, dz, n)
    return change


@njit(cache=True)
def _distance2(points: Any, i: int, others: Any, step: Any) -> Any:
    """Squared distance between row `i` of two arrays when the first has made a step."""
    x, y, z = (
        points[i, 0] + step[0] - others[i, 0],
        points[i, 1] + step[1] - others[i, 1],
        points[i, 2] + step[2] - others[i, 2],
    )
    return x * x + y * y + z * z


@njit(cache=True)
def _move(cage: Any, i: int, step: Any) -> None:
    start, moved, copies, offset = cage.start, cage.moved, cage.copies, cage.offset
    copy_first, copy_index = cage.copy_first, cage.copy_index
    for a in range(3):
        moved[i, a] += step[a]
        copies[i, a] = start[i, a] + moved[i, a]
    for k in range(copy_first[i], copy_first[i + 1]):
        m = copy_index[k]
        for a in range(3):
            copies[m, a] = start[i, a] + moved[i, a] + offset[m, a]


@njit(cache=True)
def _add_up(moved: Any, sums: Any) -> None:
    for i in range(len(moved)):
        square = 0.0
        for a in range(3):
            sums[i, a] += moved[i, a]
            square += moved[i, a] * moved[i, a]
        sums[i, 3] += square


@njit(cache=True)
def sweeps(
    potential: Any,
    cage: Any,
    temperature: float,
    steps: Any,
    skin: float,
    numbers: Any,
    accepted: Any,
    sums: Any,
) -> None:
    """Try one step of each particle in turn, `len(numbers)` times, and add up where everybody is after each sweep.

    `steps` (S,) is half the edge of the cube that the steps of a species come from, `numbers` (sweeps, N, 4) are uniform
    in [0, 1), `accepted` (S,) is counted up, `sums` (N, 4) gets the displacements and their squared length.
    """
    cutoffs = np.sqrt(potential.squared_cutoffs)
    species, moved, cut_at, home = cage.species, cage.moved, cage.cut_at, np.zeros((len(cage.moved), 3))
    limit, reach, planar = cage.radius * cage.radius, 0.25 * skin * skin, cage.dimension == 2
    for s in range(len(numbers)):
        for i in range(len(moved)):
            own = species[i]
            size = 2.0 * steps[own]
            x, y, z = numbers[s, i, 0] - 0.5, numbers[s, i, 1] - 0.5, numbers[s, i, 2] - 0.5
            step = (size * x, size * y, 0.0 if planar else size * z)
            if _distance2(moved, i, home, step) > limit:
                continue
            if not _distance2(moved, i, cut_at, step) <= reach:
                cut(cage, cutoffs, skin)
            change = energy_change(potential, cage, i, step)
            if change <= 0.0 or numbers[s, i, 3] < np.exp(-change / temperature):
                _move(cage, i, step)
                accepted[own] += 1
        _add_up(moved, sums)
