"""How time and memory grow from a thousand particles to a million.

Each kernel runs in a process of its own, through all sizes, so that what one leaves in memory does not hide what another
needs. Where all particles would take minutes, every k-th is described: the neighbour search still sorts all of them, and
its time, measured alone, is not multiplied.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from measure import Growth, MissingPeerError, clock, growth_exponent, peak_beyond

from vitrify.particles import Frame
from vitrify.particles.neighbors import cell_list

SIZES = (1_000, 10_000, 100_000, 1_000_000)
QUICK_SIZES = (1_000, 2_000, 4_000)
LONGEST = 12.0  # seconds that the largest size may take before particles are left out
SHORTEST = 0.3  # seconds that the small sizes are repeated for
FRAMES = 20
ITERATIONS = 10


@dataclass(frozen=True)
class Subject:
    """A kernel at one size: `call(every)` works on every `every`-th particle and returns its output."""

    call: Callable[[int], Any]
    search: float | None = None  # cutoff of the neighbour search that is not divided by `every`
    times: int = 1  # units a particle: frames, force evaluations


def _described(make: Callable[[], Any], n: int) -> Subject:
    from configurations import shaken

    descriptor, frame = make(), shaken(n)
    return Subject(
        lambda every: descriptor.evaluate(frame, None if every == 1 else np.arange(0, n, every)),
        descriptor.cutoff if hasattr(descriptor, "cutoff") else None,
    )


def _radial() -> Any:
    from vitrify.descriptors.radial_density import RadialDensity

    return RadialDensity()


def _angular() -> Any:
    from vitrify.descriptors.bond_angle import BondAngle

    return BondAngle()


def _schoenholz() -> Any:
    from vitrify.descriptors import DESCRIPTOR_SETS

    return DESCRIPTOR_SETS.load("schoenholz-2016")()


def _coordination() -> Any:
    from vitrify.descriptors.coordination import Coordination

    return Coordination()


def _bond_order() -> Any:
    from bench_bond_order_peers import bond_order_descriptor

    return bond_order_descriptor()


def _cells(n: int) -> Subject:
    from configurations import shaken

    frame = shaken(n)
    return Subject(lambda every: cell_list(frame, 2.5))  # noqa: ARG005


def _compiled_softness(n: int) -> Subject:
    from bench_softness import compiled, trained
    from configurations import shaken

    frame, fast = shaken(n), compiled(trained())
    centres = frame.of_species("A")
    return Subject(lambda every: fast.softness(frame, None if every == 1 else centres[::every]))


def _p_hop(n: int) -> Subject:
    from bench_p_hop import WINDOW, walks

    from vitrify.rearrangements.p_hop import PHop

    positions = walks(FRAMES, n)
    return Subject(lambda every: PHop(window=WINDOW).compute(positions), times=FRAMES)  # noqa: ARG005


def _quench(n: int) -> Subject:
    from bench_quench import by_vitrify
    from configurations import shaken

    frame = shaken(n)
    return Subject(lambda every: by_vitrify(frame, ITERATIONS))  # noqa: ARG005


KERNELS: dict[str, Callable[[int], Subject]] = {
    "cell_list": _cells,
    "radial": partial(_described, _radial),
    "angular": partial(_described, _angular),
    "schoenholz": partial(_described, _schoenholz),
    "coordination": partial(_described, _coordination),
    "bond_order": partial(_described, _bond_order),
    "compiled_softness": _compiled_softness,
    "p_hop": _p_hop,
    "quench": _quench,
}
FEWER_SIZES = {"schoenholz": 3}  # the sum of two others: its memory is what is new
REMARKS = {
    "p_hop": f"{FRAMES} frames; particle-frames a second",
    "quench": f"{ITERATIONS} iterations, lists and springs included",
    "compiled_softness": "of all A particles; rates count all particles",
}


def growth_rows(quick: bool) -> Iterator[Growth]:
    """Yield time and memory of every kernel."""
    for kernel in KERNELS:
        sizes = QUICK_SIZES if quick else SIZES
        yield in_a_process(kernel, sizes[: FEWER_SIZES.get(kernel, len(sizes))])


def in_a_process(kernel: str, sizes: tuple[int, ...]) -> Growth:
    """Measure one kernel in a fresh process."""
    print(f"          {kernel}", file=sys.stderr, flush=True)
    command = [sys.executable, str(Path(__file__)), kernel, *map(str, sizes)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines or "missing" in lines[0]:
        reason = lines[0]["missing"] if lines else done.stderr.strip().splitlines()[-1]
        return Growth(kernel, (), (), float("nan"), float("nan"), (), f"not measured: {reason}")
    n, seconds = [m["n"] for m in lines], [m["seconds"] for m in lines]
    exponent, error = growth_exponent(n, seconds)
    left_out = [f"one in {m['every']} at N = {m['n']}" for m in lines if m["every"] > 1]
    remark = "; ".join(filter(None, [REMARKS.get(kernel, ""), *left_out]))
    rates = tuple(m["n"] * m["times"] / m["seconds"] for m in lines)
    memory = tuple(m["memory"] for m in lines if m["every"] == 1)
    return Growth(kernel, tuple(n), rates, exponent, error, memory, remark)


def measure_sizes(kernel: str, sizes: list[int]) -> Iterator[dict[str, float]]:
    """Yield n, seconds for all particles, bytes a particle, and how many particles were left out."""
    KERNELS[kernel](min(sizes)).call(1)
    per_particle = 0.0
    for n in sizes:
        subject = KERNELS[kernel](n)
        every = max(1, round(per_particle * n / LONGEST))
        out, seconds, peak = peak_beyond(lambda: subject.call(every))  # noqa: B023
        memory = max(0.0, peak - _bytes_of(out)) / n
        del out
        if seconds < SHORTEST:
            repeats = int(SHORTEST / seconds) + 1
            seconds = min(clock(lambda: subject.call(every), repeats) for _ in range(3))  # noqa: B023
        elif seconds < LONGEST:
            seconds = min(seconds, clock(lambda: subject.call(every)))  # noqa: B023
        if every > 1:
            search = _search_seconds(n, subject.search)
            seconds = search + (seconds - search) * every
        per_particle = seconds / n
        yield {"n": n, "seconds": seconds, "memory": memory, "every": every, "times": subject.times}


def _search_seconds(n: int, cutoff: float | None) -> float:
    if cutoff is None:
        return 0.0
    from configurations import shaken

    frame: Frame = shaken(n)
    return min(clock(lambda: cell_list(frame, cutoff)) for _ in range(2))


def _bytes_of(out: Any) -> int:
    """Return the size of the arrays in a result."""
    if isinstance(out, np.ndarray):
        return out.nbytes
    return sum(_bytes_of(part) for part in out) if isinstance(out, tuple) else 0


ROWS = {"growth": growth_rows}


def main(kernel: str, sizes: list[int]) -> None:
    """Print one line of JSON for each size."""
    try:
        for line in measure_sizes(kernel, sizes):
            print(json.dumps(line), flush=True)
    except MissingPeerError as error:
        print(json.dumps({"missing": str(error)}))


if __name__ == "__main__":
    main(sys.argv[1], [int(n) for n in sys.argv[2:]])
