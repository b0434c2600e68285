"""LAMMPS as its own user drives it: a script of its commands through its library, nothing of vitrify in between.

Only the making of the box and the tables of the potential are vitrify's, so that both have the same system.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from configurations import MODEL
from measure import MissingPeerError, scratch
from numpy.typing import NDArray

from vitrify.engines import lammps as engine
from vitrify.errors import MissingExtraError
from vitrify.particles import Frame

STYLES = {
    "cg": "min_style cg\nmin_modify line quadratic norm max dmax 0.1",
    "fire": "min_style fire\ntimestep 0.005\nmin_modify norm max dmax 0.1",
}


class Minimum(NamedTuple):
    """Where a minimizer of LAMMPS ended."""

    positions: NDArray[np.float64]
    energy: float  # per particle
    max_force: float


def require_lammps() -> None:
    """Say what to install where LAMMPS is not there."""
    try:
        engine.load_lammps()
    except MissingExtraError as error:
        raise MissingPeerError("pip install lammps mpich") from error


@contextmanager
def system(frame: Frame, interpolation: str, velocities: NDArray[np.float64] | None = None) -> Iterator[Any]:
    """Give a LAMMPS that holds the frame and the Kob-Andersen potential as a table; the table's file is kept for the next.

    `interpolation` is vitrify's own choice for the task: "linear" for dynamics, "spline" for minimization.
    """
    folder: Path = scratch()
    with engine.Session(folder / "in.lammps") as session:
        engine._make_system(session, frame, velocities, MODEL)
        engine._set_pair_style(session, MODEL, folder, interpolation=interpolation)
        yield session


def minimize(frame: Frame, style: str, force_tolerance: float, max_iterations: int = 100_000) -> Minimum:
    """Minimize one frame until no particle feels a larger force."""
    with system(frame, "spline") as session:
        before = session.unwrapped(3)
        return minimum_of(session, frame, before, style, force_tolerance, max_iterations)


def minimum_of(
    session: Any,
    frame: Frame,
    before: NDArray[np.float64],
    style: str,
    tolerance: float,
    max_iterations: int,
) -> Minimum:
    """Minimize what a session holds."""
    session(f"thermo_style custom step pe\nthermo_modify norm no\n{STYLES[style]}")
    session(f"minimize 0 {tolerance!r} {max_iterations} {20 * max_iterations}")
    force = float(np.sqrt((session.by_id("f", 3) ** 2).sum(axis=1).max()))
    moved = session.unwrapped(3) - before
    return Minimum(frame.positions + moved, session.thermo("pe") / frame.n_particles, force)
