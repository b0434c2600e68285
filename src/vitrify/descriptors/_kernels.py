"""Sums over neighbours. Plain arrays in and out; the result does not depend on threads.

Every kernel takes the cell list of a frame and `centres`, the places of the wanted particles in cell order, and fills
one row of `out` per centre. The particles are dealt to the threads in blocks, each with its own buffers; a row is
written by one thread and its sum runs in a fixed order.
"""

import numpy as np
from numba import njit, prange
from numba.core import types
from numba.extending import intrinsic

from vitrify.particles._cells import gather

BLOCK = 32  # centres that share one set of buffers

_ORDERED = {
    "nnan",
    "ninf",
    "nsz",
    "arcp",
    "contract",
}  # all but reordering, which would undo the rounding below
_LOG2_E = 1.4426950408889634
_LN2 = 0.6931471805599453
_LN2_HIGH = 0.693147180369123816490  # 32 bits of ln 2: a product with a small integer is exact
_LN2_LOW = 1.90821492927058770002e-10
_ROUNDER = 6755399441055744.0  # 1.5 * 2^52: adding it rounds to an integer, which then stands in the low bits


def _same_bits(context, builder, signature, arguments):
    return builder.bitcast(arguments[0], context.get_value_type(signature.return_type))


@intrinsic
def _bits_of(context, x):  # noqa: ARG001
    """Return the bits of a float64 as an int64."""
    return types.int64(types.float64), _same_bits


@intrinsic
def _float_of(context, bits):  # noqa: ARG001
    """Return the float64 that has the bits of an int64."""
    return types.float64(types.int64), _same_bits


@njit(cache=True, fastmath=_ORDERED)
def exponential(x):
    """exp(x) for -inf < x < 700, to 2 units in the last place; below -700 it stays at exp(-700) = 1e-304.

    Without branches or calls, so that a loop over it becomes vector instructions: x = k ln 2 + r with |r| < ln 2 / 2,
    a polynomial of degree 11 (interpolating at Chebyshev nodes, error 2e-17) for exp(r), and k added to the exponent
    bits.
    """
    x = max(x, -700.0)
    rounded = x * _LOG2_E + _ROUNDER
    k = rounded - _ROUNDER
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    p = 2.510038549551032e-08 * r + 2.7620088445409746e-07
    p = p * r + 2.7557268459997064e-06
    p = p * r + 2.4801521295954376e-05
    p = p * r + 1.9841269863053618e-04
    p = p * r + 1.3888888917213717e-03
    p = p * r + 8.333333333330062e-03
    p = p * r + 4.166666666662413e-02
    p = p * r + 1.6666666666666669e-01
    p = p * r + 0.5
    p = p * r + 1.0
    p = p * r + 1.0
    return _float_of(_bits_of(p) + (_bits_of(rounded) << 52))


@njit(cache=True, fastmath=True)
def quick_exponential(x):
    """exp(x) for -inf < x < 700, to 5e-14 of itself; below -700 it stays at exp(-700) = 1e-304.

    For loops that may be reordered at will: rounding is an instruction here, so there is nothing to undo, and the
    reduction of the argument rests on fused multiplication and addition.
    """
    x = max(x, -700.0)
    k = np.rint(x * _LOG2_E)
    r = x - k * _LN2
    p = 2.7632640753917177e-06 * r + 2.4884459758212296e-05
    p = p * r + 0.00019841190647303756
    p = p * r + 0.001388880174964307
    p = p * r + 0.008333333367311886
    p = p * r + 0.041666667040551976
    p = p * r + 0.16666666666615645
    p = p * r + 0.4999999999943859
    p = p * r + 1.0000000000000013
    p = p * r + 1.0000000000000135
    return _float_of(_bits_of(p) + (_bits_of(k + _ROUNDER) << 52))


# ---------------------------------------------------------------------------------------------------------------------
# counting, and neighbours of a block of centres


@njit(cache=True, parallel=True)
def coordination(cells, centres, squared_cutoffs, out):
    """Neighbours of each species within the squared cutoff of the pair of species, then all of them."""
    n_species = len(squared_cutoffs)
    for block in prange((len(centres) + BLOCK - 1) // BLOCK):
        index = np.empty(cells.capacity, np.int64)
        vectors = np.empty((cells.capacity, 3))
        r2 = np.empty(cells.capacity)
        for i in range(block * BLOCK, min((block + 1) * BLOCK, len(centres))):
            n = gather(cells, centres[i], index, vectors, r2)
            out[i, :] = 0.0
            own = cells.species[centres[i]]
            for m in range(n):
                other = cells.species[index[m]]
                if r2[m] < squared_cutoffs[own, other]:
                    out[i, other] += 1.0
                    out[i, n_species] += 1.0


@njit(cache=True, parallel=True)
def count_neighbours(cells, centres, counts):
    """Count the neighbours of each centre within the cutoff of the cell list."""
    for block in prange((len(centres) + BLOCK - 1) // BLOCK):
        index = np.empty(cells.capacity, np.int64)
        vectors = np.empty((cells.capacity, 3))
        r2 = np.empty(cells.capacity)
        for i in range(block * BLOCK, min((block + 1) * BLOCK, len(centres))):
            counts[i] = gather(cells, centres[i], index, vectors, r2)


@njit(cache=True, parallel=True)
def list_neighbours(cells, centres, starts, squared_distances, species):
    """List squared distances and species of the neighbours of each centre, from entry starts[i] on."""
    for block in prange((len(centres) + BLOCK - 1) // BLOCK):
        index = np.empty(cells.capacity, np.int64)
        vectors = np.empty((cells.capacity, 3))
        r2 = np.empty(cells.capacity)
        for i in range(block * BLOCK, min((block + 1) * BLOCK, len(centres))):
            for m in range(gather(cells, centres[i], index, vectors, r2)):
                squared_distances[starts[i] + m] = r2[m]
                species[starts[i] + m] = cells.species[index[m]]
