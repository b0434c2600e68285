"""Minimizers of the potential energy that run without Python between the start and the minimum.

L-BFGS begins as itself, which chooses the basin of steepest descent as often as conjugate gradients or FIRE do. A
metric that knows the bonds would need far fewer steps, but from the start it ends elsewhere twice as often; so it comes
in only when every particle is within `NEAR` of balance against its own bonds, and from there on saves more than half
of the force evaluations.
"""

from collections import namedtuple
from typing import Any

import numpy as np
from numba import int64, njit, uint64

from vitrify.models._kernels import as_row, interact
from vitrify.protocols._kernels import build_list, cut_list, farthest, forces_at

MEMORY = 8  # steps that L-BFGS remembers
MAX_STEP = 0.1  # length that no particle exceeds in one step
FIRST_STEP = 0.02  # length of the first step, when nothing is known of the curvature
WIDE_SKIN = 0.25  # of the largest cutoff
NEAR = 0.003  # length; below it the springs come in
SPRING_LIFE = 0.15  # length; when a particle has moved as much, the springs are made anew
RIDGE = 0.03  # of the mean stiffness, added to each particle's own
RESCALE_EVERY = 3  # steps between measurements of the scale of the springs
ENOUGH = 1e-4  # of the decrease that the slope promises
ROUNDING = 1e-12  # of the energy: smaller changes are judged by the slope
EVALUATIONS, LAST_CUT = 0, 1  # places in the array of counts

Springs = namedtuple(
    "Springs",
    [
        "first",  # (N + 1,) where the bonds of each particle with later ones begin
        "other",  # (B,) their second ends
        "direction",  # (B, 3) unit vector times the root of the stiffness
        "inverse",  # (N, 3, 3) of the sum over bonds of each particle
        "stiffness",  # mean over particles of what one direction feels
        "built_at",  # (N, 3)
    ],
)


@njit(cache=True)
def _stiffness(potential: Any, r2: float, row: Any) -> Any:
    """Second derivative of the pair energy, by differences of the force."""
    step = 1e-4
    _, below = interact(potential, r2 * (1.0 - step), row)
    _, here = interact(potential, r2, row)
    _, above = interact(potential, r2 * (1.0 + step), row)
    return -here - (above - below) / step


@njit(cache=True)
def bond_lengths(potential: Any) -> Any:
    """Squared distance below which pairs of each two species resist being pressed: the outermost V'' > 0, (S, S)."""
    limits = potential.squared_cutoffs.copy()
    for a in range(len(limits)):
        for b in range(len(limits)):
            row = as_row(potential.parameters[a, b])
            r2 = 0.999 * limits[a, b]
            while r2 > 0.01 * limits[a, b] and _stiffness(potential, r2, row) <= 0.0:
                r2 *= 0.99
            limits[a, b] = r2
    return limits


@njit(cache=True)
def _find_bonds(potential: Any, system: Any, verlet: Any, limits: Any, ends: Any, direction: Any) -> Any:
    """Fill the ends of bonds, earlier one first, and direction times root of stiffness; only count if there is no room."""
    found = run = 0
    for a in range(len(limits)):
        for b in range(len(limits)):
            row = as_row(potential.parameters[a, b])
            for i in range(system.blocks[a], system.blocks[a + 1]):
                for k in range(uint64(verlet.first[run]), uint64(verlet.first[run + 1])):
                    j = verlet.neighbour[k]
                    dx = verlet.copies[i, 0] - verlet.copies[j, 0]
                    dy = verlet.copies[i, 1] - verlet.copies[j, 1]
                    dz = verlet.copies[i, 2] - verlet.copies[j, 2]
                    r2 = dx * dx + dy * dy + dz * dz
                    o = int64(verlet.owner[j])
                    if r2 > limits[a, b] or o == i:
                        continue
                    if found < len(ends):
                        factor = np.sqrt(max(_stiffness(potential, r2, row), 0.0) / r2)
                        ends[found, 0], ends[found, 1] = min(i, o), max(i, o)
                        direction[found, 0] = factor * dx
                        direction[found, 1] = factor * dy
                        direction[found, 2] = factor * dz
                    found += 1
                run += 1
    return found


@njit(cache=True)
def _add_outer(block: Any, m: Any) -> None:
    for a in range(3):
        for b in range(3):
            block[a, b] += m[a] * m[b]


@njit(cache=True)
def _invert(block: Any, ridge: float) -> None:
    """Replace a symmetric 3 × 3 block by the inverse of itself plus `ridge` on the diagonal."""
    a, b, c = block[0, 0] + ridge, block[0, 1], block[0, 2]
    d, e, f = block[1, 1] + ridge, block[1, 2], block[2, 2] + ridge
    x, y, z = d * f - e * e, c * e - b * f, b * e - c * d
    over = 1.0 / (a * x + b * y + c * z)
    block[0, 0], block[0, 1], block[0, 2] = x * over, y * over, z * over
    block[1, 0], block[1, 1], block[1, 2] = y * over, (a * f - c * c) * over, (b * c - a * e) * over
    block[2, 0], block[2, 1], block[2, 2] = z * over, (b * c - a * e) * over, (a * d - b * b) * over


@njit(cache=True)
def make_springs(potential: Any, system: Any, verlet: Any, x: Any, limits: Any) -> Any:
    """Make the network of stiff bonds at `x`, where `verlet.copies` must stand."""
    n = len(x)
    n_bonds = _find_bonds(potential, system, verlet, limits, np.empty((0, 2), np.int64), np.empty((0, 3)))
    ends, direction = np.empty((n_bonds, 2), np.int64), np.empty((n_bonds, 3))
    _find_bonds(potential, system, verlet, limits, ends, direction)
    first, inverse = np.zeros(n + 1, np.int64), np.zeros((n, 3, 3))
    for k in range(n_bonds):
        first[ends[k, 0] + 1] += 1
        _add_outer(inverse[ends[k, 0]], direction[k])
        _add_outer(inverse[ends[k, 1]], direction[k])
    for i in range(n):
        first[i + 1] += first[i]
    fill = first[:-1].copy()
    other, sorted_direction = np.empty(n_bonds, np.uint32), np.empty((n_bonds, 3))
    for k in range(n_bonds):
        to = fill[ends[k, 0]]
        other[to] = ends[k, 1]
        for a in range(3):
            sorted_direction[to, a] = direction[k, a]
        fill[ends[k, 0]] += 1
    trace = 0.0
    for i in range(n):
        trace += inverse[i, 0, 0] + inverse[i, 1, 1] + inverse[i, 2, 2]
    stiffness = trace / (3.0 * n) if trace > 0.0 else 1.0
    for i in range(n):
        _invert(inverse[i], RIDGE * stiffness)
    return Springs(first, other, sorted_direction, inverse, stiffness, x.copy())


@njit(cache=True)
def relax_springs(springs: Any, v: Any) -> None:
    """Replace `v` (N, 3) by what one symmetric Gauss-Seidel sweep makes of the response of the springs to it."""
    first, other, direction, inverse = springs.first, springs.other, springs.direction, springs.inverse
    for i in range(len(v)):
        m = inverse[i]
        x = m[0, 0] * v[i, 0] + m[0, 1] * v[i, 1] + m[0, 2] * v[i, 2]
        y = m[1, 0] * v[i, 0] + m[1, 1] * v[i, 1] + m[1, 2] * v[i, 2]
        z = m[2, 0] * v[i, 0] + m[2, 1] * v[i, 1] + m[2, 2] * v[i, 2]
        for k in range(uint64(first[i]), uint64(first[i + 1])):
            j = other[k]
            along = direction[k, 0] * x + direction[k, 1] * y + direction[k, 2] * z
            v[j, 0] += along * direction[k, 0]
            v[j, 1] += along * direction[k, 1]
            v[j, 2] += along * direction[k, 2]
    for i in range(len(v) - 1, -1, -1):
        x, y, z = v[i, 0], v[i, 1], v[i, 2]
        for k in range(uint64(first[i]), uint64(first[i + 1])):
            j = other[k]
            along = direction[k, 0] * v[j, 0] + direction[k, 1] * v[j, 1] + direction[k, 2] * v[j, 2]
            x += along * direction[k, 0]
            y += along * direction[k, 1]
            z += along * direction[k, 2]
        m = inverse[i]
        v[i, 0] = m[0, 0] * x + m[0, 1] * y + m[0, 2] * z
        v[i, 1] = m[1, 0] * x + m[1, 1] * y + m[1, 2] * z
        v[i, 2] = m[2, 0] * x + m[2, 1] * y + m[2, 2] * z


Memory = namedtuple(
    "Memory",
    [
        "steps",  # (MEMORY, N, 3)
        "changes",  # (MEMORY, N, 3) of the gradient over them
        "weights",  # (MEMORY,) 1 / (step · change)
        "parts",  # (MEMORY,) of the forces along them
    ],
)


@njit(cache=True)
def _dot(a: Any, b: Any) -> Any:
    a, b = a.ravel(), b.ravel()
    p = q = r = s = 0.0  # four sums that run side by side
    for m in range(len(a) // 4):
        k = uint64(4 * m)
        p += a[k] * b[k]
        q += a[k + uint64(1)] * b[k + uint64(1)]
        r += a[k + uint64(2)] * b[k + uint64(2)]
        s += a[k + uint64(3)] * b[k + uint64(3)]
    for k in range(4 * (len(a) // 4), len(a)):
        p += a[k] * b[k]
    return (p + q) + (r + s)


@njit(cache=True)
def _add(factor: float, a: Any, b: Any, out: Any) -> None:
    """Set out = factor a + b."""
    a, b, out = a.ravel(), b.ravel(), out.ravel()
    for i in range(len(a)):
        out[i] = factor * a[i] + b[i]


@njit(cache=True)
def _set(factor: float, a: Any, out: Any) -> None:
    """Set out = factor a."""
    a, out = a.ravel(), out.ravel()
    for i in range(len(a)):
        out[i] = factor * a[i]


@njit(cache=True)
def longest(vectors: Any) -> Any:
    """Length of the longest of (N, 3) vectors."""
    most = 0.0
    for i in range(len(vectors)):
        x, y, z = vectors[i, 0], vectors[i, 1], vectors[i, 2]
        most = max(most, x * x + y * y + z * z)
    return np.sqrt(most)


@njit(cache=True)
def _evaluate(potential: Any, system: Any, verlet: Any, x: Any, forces: Any, counts: Any) -> Any:
    """Fill the forces at `x`, with new lists where the old ones do not hold or are far longer than need be.

    The narrow skin is the one for which cutting lists and passing over pairs that do not interact cost the same: a cut
    costs about one force evaluation, and the list grows as 1 + 3 skin / cutoff.
    """
    moved, age = farthest(verlet.cut_at, x), counts[EVALUATIONS] - counts[LAST_CUT]
    skin = min(
        max(np.sqrt(0.5 * moved / (age + 1.0) * system.reach), 0.01 * system.reach), 0.1 * system.reach
    )
    if 2.0 * moved > verlet.skin[0] or (age > 10 and 2.0 * skin < verlet.skin[0]):
        if 2.0 * farthest(verlet.built_at, x) + skin > verlet.wide_skin:
            verlet = build_list(x, system, WIDE_SKIN * system.reach, verlet.wide_first[-1] * 5 // 4)
        cut_list(verlet, system, x, skin)
        counts[LAST_CUT] = counts[EVALUATIONS]
    energy, rest = forces_at(potential, system, verlet, x, forces)
    counts[EVALUATIONS] += 1
    return verlet, energy, rest


@njit(cache=True)
def _first_list(system: Any, x: Any) -> Any:
    verlet = build_list(x, system, WIDE_SKIN * system.reach, 64)
    cut_list(verlet, system, x, 0.1 * system.reach)
    return verlet


@njit(cache=True)
def _set_direction(
    forces: Any, memory: Any, known: int, scale: float, springs: Any, near: bool, out: Any
) -> None:
    """Set the step that L-BFGS suggests, by the two-loop recursion around `scale` or the springs."""
    _set(1.0, forces, out)
    size = len(memory.weights)
    for k in range(known - 1, max(known - size, 0) - 1, -1):
        h = k % size
        memory.parts[h] = memory.weights[h] * _dot(memory.steps[h], out)
        _add(-memory.parts[h], memory.changes[h], out, out)
    if near:
        relax_springs(springs, out)
    _set(scale, out, out)
    for k in range(max(known - size, 0), known):
        h = k % size
        back = memory.parts[h] - memory.weights[h] * _dot(memory.changes[h], out)
        _add(back, memory.steps[h], out, out)


@njit(cache=True)
def _line_search(
    potential: Any, system: Any, verlet: Any, state: Any, direction: Any, step: float, counts: Any
) -> Any:
    """Shorten the step until the energy has gone down enough; list, energy, rest of it, and whether that came about."""
    x, forces, energy, trial_x, trial_forces = state
    slope = -_dot(forces, direction)
    trial, rest = energy, 0.0
    for _ in range(25):
        _add(step, direction, x, trial_x)
        verlet, trial, rest = _evaluate(potential, system, verlet, trial_x, trial_forces, counts)
        if trial <= energy + ENOUGH * step * slope:
            return verlet, trial, rest, True
        if (
            trial <= energy + ROUNDING * abs(energy)
            and -_dot(trial_forces, direction) <= -(1 - 2 * ENOUGH) * slope
        ):
            return verlet, trial, rest, True
        bend = 2.0 * (trial - energy - step * slope)
        shorter = -slope * step * step / bend if bend > 0.0 else 0.0
        step = min(max(shorter, 0.1 * step), 0.5 * step)
    return verlet, trial, rest, False


@njit(cache=True)
def _remember(memory: Any, known: int, state: Any) -> Any:
    """Keep the step just made, or forget all where the energy bends down; how many are known, step · change, change²."""
    x, forces, _, new_x, new_forces = state
    h = known % len(memory.weights)
    step, change = memory.steps[h], memory.changes[h]
    _add(-1.0, x, new_x, step)
    _add(-1.0, new_forces, forces, change)
    along, square = _dot(step, change), _dot(change, change)
    if along <= 1e-10 * np.sqrt(_dot(step, step) * square):
        return 0, 0.0, square
    memory.weights[h] = 1.0 / along
    return known + 1, along, square


@njit(cache=True)
def _spring_scale(springs: Any, change: Any, along: float, scratch: Any) -> Any:
    """Factor that makes the springs answer the latest change of the forces with the step that caused it."""
    _set(1.0, change, scratch)
    relax_springs(springs, scratch)
    return along / _dot(change, scratch)


@njit(cache=True)
def lbfgs(potential: Any, system: Any, start: Any, force_tolerance: float, max_iterations: int) -> Any:
    """Go down from `start` (N, 3) until no force is longer than the tolerance.

    Returns positions (N, 3), energy, largest force, iterations, evaluations of the forces.
    """
    x, new_x, forces, new_forces = start.copy(), start.copy(), np.empty_like(start), np.empty_like(start)
    direction, shape = np.empty_like(start), (MEMORY, len(start), 3)
    memory = Memory(np.empty(shape), np.empty(shape), np.empty(MEMORY), np.empty(MEMORY))
    counts, limits = np.zeros(2, np.int64), bond_lengths(potential)
    verlet, energy, rest = _evaluate(potential, system, _first_list(system, x), x, forces, counts)
    springs, near = make_springs(potential, system, verlet, x, limits), False
    known, scale, iterations = 0, 1.0, 0
    largest = longest(forces)
    while largest > force_tolerance and iterations < max_iterations:
        iterations += 1
        at_last = not near and largest < NEAR * springs.stiffness
        if at_last or (near and farthest(springs.built_at, x) > SPRING_LIFE):
            springs, near = make_springs(potential, system, verlet, x, limits), True
            scale = 1.0 if at_last else scale
        _set_direction(forces, memory, known, scale, springs, near, direction)
        if _dot(forces, direction) <= 0.0:
            known = 0
            _set(1.0, forces, direction)
        length = longest(direction)
        step = min(1.0, MAX_STEP / length) if known or near else FIRST_STEP / length
        state = (x, forces, energy, new_x, new_forces)
        verlet, new_energy, new_rest, is_down = _line_search(
            potential, system, verlet, state, direction, step, counts
        )
        if not is_down:
            if known == 0:
                break
            known = 0
            continue
        before = known
        known, along, square = _remember(memory, known, state)
        if known > before and not near:
            scale = along / square
        elif known > before and known % RESCALE_EVERY == 0:
            scale = _spring_scale(springs, memory.changes[before % MEMORY], along, direction)
        x, new_x, forces, new_forces = new_x, x, new_forces, forces
        energy, rest, largest = new_energy, new_rest, longest(forces)
    return x, energy + rest, largest, iterations, counts[EVALUATIONS]


@njit(cache=True)
def fire(potential: Any, system: Any, start: Any, force_tolerance: float, max_iterations: int) -> Any:
    """Go down from `start` by damped dynamics that speeds up while it goes downhill; returns what `lbfgs` returns.

    Bitzek et al., Phys. Rev. Lett. 97, 170201 (2006), with their parameters; the time step follows from the stiffness.
    """
    x, forces, velocity, trial = (
        start.copy(),
        np.empty_like(start),
        np.zeros_like(start),
        np.empty_like(start),
    )
    counts = np.zeros(2, np.int64)
    verlet, energy, rest = _evaluate(potential, system, _first_list(system, x), x, forces, counts)
    stiffness = make_springs(potential, system, verlet, x, bond_lengths(potential)).stiffness
    dt, longest_dt, mixing, downhill, iterations = (
        0.1 / np.sqrt(stiffness),
        0.5 / np.sqrt(stiffness),
        0.1,
        0,
        0,
    )
    largest = longest(forces)
    while largest > force_tolerance and iterations < max_iterations:
        iterations += 1
        if _dot(forces, velocity) > 0.0:
            turn = mixing * np.sqrt(_dot(velocity, velocity) / _dot(forces, forces))
            _set(1.0 - mixing, velocity, velocity)
            _add(turn, forces, velocity, velocity)
            downhill += 1
            if downhill > 5:
                dt, mixing = min(1.1 * dt, longest_dt), 0.99 * mixing
        else:
            _set(0.0, velocity, velocity)
            dt, mixing, downhill = 0.5 * dt if iterations > 1 else dt, 0.1, 0
        _add(dt, forces, velocity, velocity)
        _add(min(dt, MAX_STEP / longest(velocity)), velocity, x, trial)
        x, trial = trial, x
        verlet, energy, rest = _evaluate(potential, system, verlet, x, forces, counts)
        largest = longest(forces)
    return x, energy + rest, largest, iterations, counts[EVALUATIONS]
