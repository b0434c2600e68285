"""Particles and pairs per second of a compiled softness, and how much faster it is than its structure functions.

NUMBA_NUM_THREADS=1 python benchmarks/bench_compiled.py [N ...]
"""

import sys
import time
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

from vitrify.descriptors import DESCRIPTOR_SETS
from vitrify.particles import Box, Frame
from vitrify.predictors.compiled import CompiledSoftness
from vitrify.predictors.trained import TrainedSoftness


def mixture(n: int) -> Frame:
    """Return a shaken simple cubic lattice, full to its last layers, of 80:20 A and B at density 1.2."""
    rng = np.random.default_rng(0)
    side = int(np.ceil(n ** (1 / 3) - 1e-9))
    grid = np.array(list(product(range(side), repeat=3)), float)[:n]
    length = (n / 1.2) ** (1 / 3)
    positions = (grid + rng.normal(scale=0.08, size=grid.shape)) * (length / side)
    return Frame(positions, (rng.random(n) < 0.2).astype(int), Box.orthorhombic([length] * 3), ("A", "B"))


def softness(frame: Frame, name: str) -> TrainedSoftness:
    """Return a softness with random weights on what varies in a frame, as a training leaves them."""
    rng = np.random.default_rng(1)
    descriptor = DESCRIPTOR_SETS.load(name)()
    features = descriptor.evaluate(frame, frame.of_species("A"))
    spread = features.std(axis=0)
    varies = spread > 1e-6
    return TrainedSoftness(
        np.where(varies, rng.normal(scale=0.5, size=len(spread)), 0.0),
        0.0,
        features.mean(axis=0),
        np.where(varies, spread, 1.0),
        descriptor.feature_names(frame.species_names),
        descriptor.to_dict(),
        frame.species_names,
        "A",
    )


def shortest(call: Callable[[], Any], repeats: int) -> float:
    """Return the shortest time of a call, in seconds of the processor: a busy machine counts less."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times)


def main() -> None:
    """Print one line per softness and size."""
    for n in [int(word) for word in sys.argv[1:]] or [4096, 10_000]:
        frame = mixture(n)
        for name in ("schoenholz-2016-radial", "first-peaks"):
            trained = softness(frame, name)
            compiled = CompiledSoftness.from_trained(trained)
            difference = np.abs(compiled.softness(frame) - trained.softness(frame)).max()
            n_centres = len(frame.of_species("A"))
            n_pairs = n_centres * 1.2 * 4 / 3 * np.pi * compiled.cutoff**3
            fast = shortest(lambda c=compiled, f=frame: c.softness(f), 30)
            slow = shortest(lambda t=trained, f=frame: t.softness(f), 5)
            print(
                f"{name:24s} N = {n:6d}  {n_centres / fast:9.0f} centres/s  {n_pairs / fast:.2e} pairs/s  "
                f"{slow / fast:5.1f} x the structure functions  cutoff {compiled.cutoff:.3f}  "
                f"tables {sum(t.rows.nbytes for t in compiled.tables) >> 10} kB  difference {difference:.0e}"
            )


if __name__ == "__main__":
    main()
