"""Event-driven dynamics of the hard-sphere mixture: collisions a second, and how well energy and pressure come out."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from measure import Row, now

from vitrify.engines.event_driven import EventDriven, compress
from vitrify.models.hard_spheres import HardSpheres
from vitrify.protocols.equilibrate import random_start

AIM = 400_000.0  # collisions/s of one core
DENSE, LIQUID = 0.58, 0.5  # packing fractions: of the study, and where the equation of state is known


def hard_sphere_rows(quick: bool) -> Iterator[Row]:
    """Yield the row of hard spheres at the packing fraction of the study, and of an equilibrium liquid."""
    model, n = HardSpheres(), 500 if quick else 2000
    for eta in (DENSE, LIQUID):
        start = random_start(model.composition, n, 0.5, dimension=3, seed=1)
        frame, velocities = compress(start, model, eta)
        flow = EventDriven()._flow(model, frame, velocities)
        flow.go_on(1.0)
        energy, flow.collisions, flow.virial = flow.kinetic_energy, 0, 0.0
        rates, duration, rounds = [], 1.0, 3 if quick else 15
        for _ in range(rounds):
            before, begun = flow.collisions, now()
            flow.go_on(duration)
            rates.append((flow.collisions - before) / (now() - begun))
        z = 1 + flow.virial / (3 * n * rounds * duration)
        off = z / model.compressibility_factor(frame.number_density) - 1
        drift = abs(flow.kinetic_energy / energy - 1)
        overlap = max(0.0, 1 - flow.closest()[0])
        rate = float(np.median(rates))
        yield Row(
            f"hard spheres, eta {eta:.2f}",
            n,
            "collisions/s",
            rate,
            f"aim: {AIM:.0f}/s",
            AIM,
            rate / AIM,
            min(rates) / AIM,
            max(rates) / AIM,
            target=1.0,
            agreement=f"energy {drift:.0e}, deepest overlap {overlap:.0e}",
            remark=f"Z = {z:.2f}" + (f", {off:+.1%} from BMCSL" if math.isclose(eta, LIQUID) else ""),
        )


ROWS = {"hard-spheres": hard_sphere_rows}
