"""The angular sum over pairs of neighbours against the same sum in C, compiled here and now.

Both get their neighbours from the same cell list by the same loop, `gather`; the time of that loop alone is measured too
and taken off where nanoseconds a pair are given.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from configurations import thermal_frames
from measure import MissingPeerError, Row, compare, interleave, largest_difference, scratch
from numba import njit
from numpy.typing import NDArray

from vitrify.descriptors.bond_angle import BondAngle
from vitrify.particles import Frame
from vitrify.particles._cells import Cells, gather
from vitrify.particles.neighbors import cell_list

FUNCTION = (0.933, 2, 1.0)  # xi, zeta, lambda
CUTOFF = 2.4  # no pair within it falls below what vitrify leaves out
FLAGS = ("-O3", "-march=native", "-ffast-math", "-fPIC", "-shared")
TARGET = 1 / 1.5


def measured_call(frame: Frame) -> Callable[[], NDArray[np.float64]]:
    """Return vitrify's side: one function of every particle, (N,). The place to adapt when the kernels change."""
    descriptor = BondAngle(parameters=(FUNCTION,), cutoff=CUTOFF)
    return lambda: descriptor.evaluate(frame)[:, 0]


def compile_twin() -> Any:
    """Return the C function, or say what is lacking."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise MissingPeerError("there is no C compiler (cc, gcc or clang) on the PATH")
    library = scratch() / "angular_twin.so"
    source = Path(__file__).with_name("angular_twin.c")
    made = subprocess.run(
        [compiler, *FLAGS, str(source), "-o", str(library), "-lm"],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise MissingPeerError(f"{compiler} failed: {made.stderr.strip()[:200]}")
    function = ctypes.CDLL(str(library)).angular_sum
    pointer, real, whole = ctypes.c_void_p, ctypes.c_double, ctypes.c_long
    function.argtypes = [pointer, pointer, whole, real, whole, real, pointer]
    function.restype = real
    return function


def twin_loop(function: Any) -> Callable[..., Any]:
    """Return the loop over particles that gathers neighbours and calls C."""

    @njit
    def loop(cells: Any, steepness: float, zeta: int, sign: float, out: Any) -> None:
        size = cells.capacity
        index, vectors, r2 = np.empty(size, np.int64), np.empty((size, 3)), np.empty(size)
        work = np.empty(5 * size)
        for i in range(len(cells.order)):
            n = gather(cells, cells.rank[i], index, vectors, r2)
            out[i] = 2.0 * function(
                vectors.ctypes.data, r2.ctypes.data, n, steepness, zeta, sign, work.ctypes.data
            )

    return loop


@njit(cache=True)
def gather_all(cells: Any) -> Any:
    """Gather the neighbours of every particle and do nothing with them; return how many pairs of them there are."""
    size = cells.capacity
    index, vectors, r2 = np.empty(size, np.int64), np.empty((size, 3)), np.empty(size)
    pairs = 0
    for i in range(len(cells.order)):
        n = gather(cells, cells.rank[i], index, vectors, r2)
        pairs += n * (n - 1) // 2
    return pairs


def angular_sum_rows(quick: bool) -> Iterator[Row]:
    """Yield the row of the angular sum, of one species so that both sum over the same pairs in one go."""
    function = compile_twin()
    thermal = thermal_frames(1000 if quick else 4096, 1)[0]
    frame = Frame(thermal.positions, np.zeros_like(thermal.species), thermal.box, ("A",))
    loop, (xi, zeta, sign) = twin_loop(function), FUNCTION
    twin = np.empty(frame.n_particles)

    def cells() -> Cells:
        return cell_list(frame, CUTOFF)

    call = measured_call(frame)
    seconds = interleave(
        {
            "vitrify": call,
            "c": lambda: loop(cells(), 2.0 / xi**2, zeta, sign, twin),
            "gather": lambda: gather_all(cells()),
        },
        rounds=3 if quick else 7,
    )
    pairs = gather_all(cells())
    ratio = compare(seconds["vitrify"], seconds["c"], pairs)
    own, peer = (
        1e9 * np.median(np.subtract(seconds[k], seconds["gather"])) / pairs for k in ("vitrify", "c")
    )
    off = largest_difference(call()[:, None], twin[:, None])
    yield Row(
        "angular-sum",
        frame.n_particles,
        "pairs/s",
        ratio.rate,
        "C, " + " ".join(FLAGS[:3]),
        *ratio[1:],
        target=TARGET,
        agreement=f"{off:.0e}",
        kernel="angular",
        remark=f"{own:.2f} against {peer:.2f} ns a pair without the gathering; xi = {xi}, cutoff {CUTOFF}, "
        f"{pairs / frame.n_particles:.0f} pairs a particle",
    )


ROWS = {"angular-sum": angular_sum_rows}
