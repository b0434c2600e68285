"""Particles per second of the structure functions on a Kob-Andersen-like mixture at density 1.2.

NUMBA_NUM_THREADS=1 python benchmarks/bench_descriptors.py [N]
"""

import sys
import time

import numpy as np

from vitrify.descriptors import DESCRIPTOR_SETS
from vitrify.descriptors.bond_angle import BondAngle
from vitrify.descriptors.coordination import Coordination
from vitrify.descriptors.local_energy import LocalEnergy
from vitrify.descriptors.radial_density import RadialDensity
from vitrify.particles import Box, Frame


def mixture(n: int) -> Frame:
    """Return a shaken simple cubic lattice of 80:20 A and B at density 1.2."""
    rng = np.random.default_rng(0)
    side = round(n ** (1 / 3))
    grid = np.stack(np.meshgrid(*[np.arange(side)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    spacing = 1.2 ** (-1 / 3)
    positions = (grid + rng.normal(scale=0.08, size=grid.shape)) * spacing
    return Frame(positions, (rng.random(len(grid)) < 0.2).astype(int), Box.orthorhombic([side * spacing] * 3))


def main() -> None:
    """Print one line per descriptor."""
    frame = mixture(int(sys.argv[1]) if len(sys.argv) > 1 else 27_000)
    cases = {
        "radial (2 x 50)": RadialDensity(),
        "angular (3 x 22, cutoff 2.5)": BondAngle(),
        "coordination": Coordination(),
        "local energy": LocalEnergy(),
        "schoenholz-2016": DESCRIPTOR_SETS.load("schoenholz-2016")(),
        "first-peaks": DESCRIPTOR_SETS.load("first-peaks")(),
    }
    for label, descriptor in cases.items():
        descriptor.evaluate(frame, [0])
        start = time.perf_counter()
        descriptor.evaluate(frame)
        print(f"{label:30s} {frame.n_particles / (time.perf_counter() - start):10.0f} particles/s")


if __name__ == "__main__":
    main()
