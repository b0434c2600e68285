"""Minimizers of the potential energy that run without Python between the start and the minimum.

L-BFGS begins as itself, which chooses the basin of steepest descent as often as conjugate gradients or FIRE do. A
metric that knows the bonds would need far fewer steps, but from the start it ends elsewhere twice as often; so it comes
in only when every particle is within `NEAR` of balance against its own bonds, and from there on saves more than half
of the force evaluations.
"""

from collections import namedtuple
from typing import Any

import numpy as np
from numba import njit, uint64

from vitrify.protocols._kernels import forces_at
from vitrify.protocols._springs import bond_lengths, make_springs, relax_springs
from vitrify.protocols._verlet import build_list, cut_list, farthest

MEMORY = 8  # steps that L-BFGS remembers
MAX_STEP = 0.1  # length that no particle exceeds in one step
FIRST_STEP = 0.02  # length of the first step, when nothing is known of the curvature
WIDE_SKIN = 0.25  # of the largest cutoff
NEAR = 0.003  # length; below it the springs come in
SPRING_LIFE = 0.15  # length; when a particle has moved as much, the springs are made anew
RESCALE_EVERY = 3  # steps between measurements of the scale of the springs
ENOUGH = 1e-4  # of the decrease that the slope promises
ROUNDING = 1e-12  # of the energy: smaller changes are judged by the slope
EVALUATIONS, LAST_CUT = 0, 1  # places in the array of counts

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
    for last in range(4 * (len(a) // 4), len(a)):
        p += a[last] * b[last]
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
def _expected_bonds(n: int, system: Any, reach: float) -> int:
    """Guess how many bonds there are, a little too high for a uniform density: a list that must grow is there twice."""
    density = n / abs(np.linalg.det(system.box))
    return int(n * min(2.2 * density * reach**3, 500.0)) + 64


@njit(cache=True)
def _first_list(system: Any, x: Any) -> Any:
    skin = WIDE_SKIN * system.reach
    verlet = build_list(x, system, skin, _expected_bonds(len(x), system, system.reach + skin))
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
