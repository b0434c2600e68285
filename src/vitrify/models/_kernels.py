"""Energies and forces of pair potentials. Plain arrays and one small tuple that says which potential it is."""

from typing import Any

import numpy as np
from numba import njit
from numba.extending import overload

from vitrify.particles._cells import gather

# divisions must not be tested for zero, or a loop over pairs cannot become vector instructions
MATH = {"nsz", "arcp", "contract", "reassoc"}


def interact(potential: Any, r2: Any, row: Any) -> Any:
    """Energy and −V'(r)/r of one pair; compiled to the `pair_function` that belongs to the type of `potential`."""
    return type(potential).pair_function.py_func(r2, row)


@overload(interact, jit_options={"fastmath": MATH, "error_model": "numpy"})
def _interact(potential, r2, row):  # noqa: ARG001
    pair_function = potential.instance_class.pair_function

    def call(potential, r2, row):  # noqa: ARG001
        return pair_function(r2, row)

    return call


@njit(cache=True)
def as_row(numbers):
    """Take the parameters of one pair of species as values that stay in registers."""
    return (numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], numbers[6], numbers[7])


@njit(cache=True, error_model="numpy")
def energy_and_forces(potential, cells, forces):
    """Add the forces (N, 3) in the original order and return the energy; every image of every pair counts once."""
    index = np.empty(cells.capacity, np.int64)
    vectors = np.empty((cells.capacity, 3))
    r2 = np.empty(cells.capacity)
    twice = 0.0
    for k in range(len(cells.order)):
        n = gather(cells, k, index, vectors, r2)
        a, i = cells.species[k], cells.order[k]
        for m in range(n):
            b = cells.species[index[m]]
            if r2[m] < potential.squared_cutoffs[a, b]:
                energy, weight = interact(potential, r2[m], as_row(potential.parameters[a, b]))
                twice += energy
                for axis in range(3):
                    forces[i, axis] -= weight * vectors[m, axis]
    return 0.5 * twice
