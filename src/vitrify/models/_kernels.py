"""Energies and forces of pair potentials, for any potential that is a jitted function.

Kernels take a model as an `Interaction`. Its first entry is a `Formula`, a value without content whose *type* names the
pair function, so that kernels are compiled once for each function and found again in the cache by the next process. The
name holds digests of the function's code and of the files that the kernels are written in: numba itself looks at the file
of the outermost function alone, and would go on with yesterday's inner loops after a change elsewhere.
"""

import hashlib
from collections import namedtuple
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import NativeValue, models, overload, register_model, typeof_impl, unbox

from vitrify.particles._cells import gather

Interaction = namedtuple(
    "Interaction",
    [
        "formula",  # Formula
        "parameters",  # (S, S, 8), the rows that it takes
        "squared_cutoffs",  # (S, S)
    ],
)

_PAIR_FUNCTIONS: dict[str, Any] = {}


@cache
def _digest_of_files(modules: tuple[ModuleType, ...]) -> str:
    digest = hashlib.sha256()
    for module in modules:
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()[:16]


class Formula:
    """Stands for a jitted pair function in the arguments of kernels that are written in `modules`."""

    def __init__(self, pair_function: Any, modules: tuple[ModuleType, ...] = ()) -> None:
        f = pair_function.py_func
        parts = (f.__code__.co_code, f.__code__.co_consts, f.__code__.co_names, _digest_of_files(modules))
        digest = hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
        self.name = f"{f.__module__}:{f.__qualname__}#{digest}"
        _PAIR_FUNCTIONS.setdefault(self.name, pair_function)


class FormulaType(types.Type):
    """Numba type of a `Formula`: one for each pair function."""

    def __init__(self, name: str) -> None:
        super().__init__(name=f"Formula({name})")
        self.pair_function_name = name


register_model(FormulaType)(models.OpaqueModel)


@typeof_impl.register(Formula)
def _type_of_formula(value: Formula, _: Any) -> FormulaType:
    return FormulaType(value.name)


@unbox(FormulaType)
def _unbox_formula(_: Any, __: Any, c: Any) -> NativeValue:
    return NativeValue(c.context.get_dummy_value())


def interact(potential: Any, r2: Any, row: Any) -> Any:
    """Energy and −V'(r)/r of one pair, by the pair function of an `Interaction`."""
    return _PAIR_FUNCTIONS[potential.formula.name].py_func(r2, row)


@overload(interact, jit_options={"error_model": "numpy"})
def _interact(potential, r2, row):  # noqa: ARG001
    pair_function = _PAIR_FUNCTIONS[potential.types[0].pair_function_name]

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
