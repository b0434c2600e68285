"""Molecular dynamics through vitrify against a bare LAMMPS script: the same library, potential and neighbour list."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from configurations import MODEL, run_at, shipped
from lammps_script import require_lammps
from measure import Row, compare, now, scratch

from vitrify.engines import lammps as engine
from vitrify.engines.lammps import Lammps

TARGET = 0.95


def md_rows(quick: bool) -> Iterator[Row]:
    """Yield the row of dynamics: both sides begin with the same restart file and end with another."""
    require_lammps()
    start = shipped(1000 if quick else 4096)
    run, md, folder = run_at(), Lammps(), scratch()
    n_frames, rounds = (5, 3) if quick else (10, 5)
    first, last = folder / "md-first", folder / "md-last"
    md.begin(run, start, None, first)
    bare(first, 1, run.steps_per_frame, md.skin, run.thermostat.time_constant)
    own, peer, apart = [], [], 0.0
    for _ in range(rounds):
        begun = now()
        segment = md.advance(run, first, n_frames, last)
        own.append(now() - begun)
        begun = now()
        energy = bare(first, n_frames, run.steps_per_frame, md.skin, run.thermostat.time_constant)
        peer.append(now() - begun)
        apart = abs(segment.thermo["potential_energy"][-1] - energy) / start.n_particles
    ratio = compare(own, peer, start.n_particles * n_frames * run.steps_per_frame)
    yield Row(
        "md",
        start.n_particles,
        "particle-steps/s",
        ratio.rate,
        "bare LAMMPS script",
        *ratio[1:],
        target=TARGET,
        agreement=f"energy {apart:.0e} a particle",
        remark=f"{n_frames} frames of {run.steps_per_frame} steps, restart file to restart file",
    )


def bare(state: Path, n_frames: int, steps: int, skin: float, time_constant: float) -> float:
    """Run the script: read, run once without a stop, write; return the last potential energy."""
    folder = scratch()
    with engine.Session(folder / "in.lammps") as session:
        session(f"read_restart {state}")
        engine._set_pair_style(session, MODEL, folder)
        session(f"neighbor {skin} bin\nneigh_modify delay 0 every 1 check yes\ntimestep 0.005")
        temperature = run_at().temperature
        session(f"fix dynamics all nvt temp {temperature!r} {temperature!r} {time_constant!r}")
        session("thermo_style custom step pe\nthermo_modify norm no")
        session(f"run {n_frames * steps} post no")
        session(f"write_restart {folder / 'bare-last'}")
        return session.thermo("pe")


ROWS = {"md": md_rows}
