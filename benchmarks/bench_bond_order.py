"""Bond order and shell averages on a Kob-Andersen liquid: particles/s, and averaged feature values/s.

NUMBA_NUM_THREADS=1 python benchmarks/bench_bond_order.py [N ...]

N is a multiple of 1000: the shipped 1000 particles at T = 0.47, tiled and shaken.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from configurations import shaken
from numpy.typing import ArrayLike, NDArray

from vitrify.descriptors import DESCRIPTOR_SETS
from vitrify.descriptors.base import Descriptor, as_particles
from vitrify.descriptors.bond_order import BondOrder
from vitrify.descriptors.shell_average import ShellAverage
from vitrify.particles import Frame


@dataclass(frozen=True)
class AtHand(Descriptor):
    """Features that cost nothing but a copy, so that only their averaging is measured."""

    name: ClassVar[str] = "at_hand"
    cutoff: ClassVar[float] = 1.0  # type: ignore[misc]
    n_features: int = 392

    def feature_names(self, species_names: tuple[str, ...]) -> tuple[str, ...]:
        del species_names
        return tuple(map(str, range(self.n_features)))

    def attributes(self, units: Any = None) -> dict[str, str]:
        del units
        return {}

    def evaluate(self, frame: Frame, particles: ArrayLike | None = None) -> NDArray[np.float64]:
        chosen = as_particles(frame, particles)
        return np.multiply.outer(np.sqrt(1.0 + chosen), np.sqrt(1.0 + np.arange(self.n_features)))


def best(call: Callable[[], Any], repeats: int = 5) -> float:
    """Return the shortest of some times of a call, s, of processor time: other work on the machine counts less."""
    call()
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        seconds.append(time.process_time() - start)
    return min(seconds)


def main() -> None:
    """Print one block for each N."""
    for n in [int(a) for a in sys.argv[1:]] or [4000, 10_000]:
        frame = shaken(n)
        bond_order, published = BondOrder(), DESCRIPTOR_SETS.load("boattini-2021")()
        averaged = best(lambda f=frame: ShellAverage(AtHand(), order=2).evaluate(f))
        copied = best(lambda f=frame: ShellAverage(AtHand(), order=0).evaluate(f))
        count = 2 * AtHand().n_features * n
        print(f"N = {n}")
        print(
            f"  bond order, 192 functions     {n / best(lambda f=frame, d=bond_order: d.evaluate(f)):12.0f} particles/s"
        )
        print(f"  shell averages, orders 1, 2   {count / (averaged - copied):12.0f} feature values/s")
        print(
            f"  boattini-2021, 1176 features  {n / best(lambda f=frame, d=published: d.evaluate(f), 2):12.0f} particles/s"
        )


if __name__ == "__main__":
    main()
