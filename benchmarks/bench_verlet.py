"""Many steps of small systems: the engine "verlet" against LAMMPS' own pair style, with the same thermostat."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from configurations import TEMPERATURE, shipped
from lammps_script import require_lammps
from measure import Row, compare, now, scratch

from vitrify.engines.base import Run
from vitrify.engines.lammps import Lammps
from vitrify.engines.verlet import Verlet
from vitrify.models.kob_andersen import KobAndersen

TARGET = 5.0
SHIFTED = KobAndersen(smoothing="shift")  # LAMMPS' lj/cut/opt


def verlet_rows(quick: bool) -> Iterator[Row]:
    """Yield rows of dynamics: both sides go from the same configuration and velocities, state file to state file."""
    require_lammps()
    for n in (1000,) if quick else (1000, 4096):
        start, steps, rounds = shipped(n), 400 if quick else 1000, 3 if quick else 5
        engine, peer, folder = Verlet(), Lammps(), scratch()
        run, brief = (Run(SHIFTED, TEMPERATURE, steps_per_frame=k, seed=11) for k in (steps, 100))
        first, last = folder / f"verlet-first-{n}", folder / f"verlet-last-{n}"
        peer_first, peer_last = folder / f"peer-first-{n}", folder / f"peer-last-{n}"
        engine.begin(run, start, None, first)
        peer.begin(run, start, engine.configuration(first)[1], peer_first)
        apart = (
            engine.advance(brief, first, 1, last).positions
            - peer.advance(brief, peer_first, 1, peer_last).positions
        )
        seconds: tuple[list[float], list[float]] = [], []
        for _ in range(rounds):
            for side, md, state, end in ((0, engine, first, last), (1, peer, peer_first, peer_last)):
                begun = now()
                md.advance(run, state, 1, end)
                seconds[side].append(now() - begun)
        ratio = compare(*seconds, n * steps)
        yield Row(
            "verlet",
            n,
            "particle-steps/s",
            ratio.rate,
            "LAMMPS lj/cut/opt",
            *ratio[1:],
            target=TARGET,
            agreement=f"positions {np.abs(apart).max():.0e} after 100 steps",
            remark=f"{steps} steps, {np.median(seconds[0]) / steps * 1e6:.0f} µs a step",
        )


ROWS = {"verlet": verlet_rows}
