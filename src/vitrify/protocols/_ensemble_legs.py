"""One leg of a run: from the state before it to its file and the state after it, the same bits every time."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrify.engines.base import Run
from vitrify.errors import EngineError
from vitrify.particles import Frame
from vitrify.particles.ensemble import leg_file, read_start, start_file, state_file, write_leg

if TYPE_CHECKING:
    from vitrify.protocols.isoconfigurational import Ensemble, Unit

Array = NDArray[np.float64]

_VELOCITY_STREAM = 6


def run_seed(seed: int, configuration: int, run: int) -> int:
    """Return the seed of a run, which follows from that of the ensemble and stays where runs or configurations are added.

    Examples
    --------
    >>> run_seed(0, 2, 1) == run_seed(0, 2, 1), run_seed(0, 2, 1) == run_seed(0, 1, 2)
    (True, False)
    """
    sequence = np.random.SeedSequence([_VELOCITY_STREAM, seed, configuration, run])
    return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))


def do_leg(ensemble: Ensemble, unit: Unit) -> None:
    """Make a leg: its state first, then its file, then away with the states that nothing starts from any more."""
    displacements = _advance_leg(ensemble, unit)
    whole = _working(ensemble, unit) / "leg.npz"
    write_leg(whole, np.array(ensemble.legs[unit.leg]) * ensemble.run.time_step, displacements)
    os.replace(whole, leg_file(ensemble.folder, *unit))
    for leg in range(unit.leg):
        state_file(ensemble.folder, *unit._replace(leg=leg)).unlink(missing_ok=True)
    shutil.rmtree(_working(ensemble, unit), ignore_errors=True)


def _advance_leg(ensemble: Ensemble, unit: Unit) -> Array:
    """Run a leg from the state before it, leave the state after it, and return displacements from the start, (F, N, d)."""
    working = _working(ensemble, unit)
    shutil.rmtree(working, ignore_errors=True)
    working.mkdir(parents=True)
    start = read_start(start_file(ensemble.folder, unit.configuration))
    run = replace(ensemble.run, seed=run_seed(ensemble.run.seed, unit.configuration, unit.run))
    state = _state_before(ensemble, unit, run, start)
    last = ensemble.legs[unit.leg - 1][-1] if unit.leg else 0
    found = np.empty((len(ensemble.legs[unit.leg]), *start.positions.shape))
    for k, step in enumerate(ensemble.legs[unit.leg]):
        following = working / f"state-{k + 1:06d}"
        found[k] = _advance(ensemble, run, state, step - last, following) - start.positions
        if state.parent == working:
            state.unlink()
        state, last = following, step
    if not np.isfinite(found).all():
        raise EngineError(
            f"The engine '{ensemble.engine.name}' returned positions that are not finite (configuration {unit.configuration}, run "
            f"{unit.run}, leg {unit.leg}). Try a shorter `time_step`."
        )
    os.replace(state, state_file(ensemble.folder, *unit))
    return found


def _advance(ensemble: Ensemble, run: Run, state: Path, steps: int, following: Path) -> Array:
    """Return positions (N, d) after some steps more."""
    if ensemble.whole_frames:
        return ensemble.engine.advance(run, state, steps // run.steps_per_frame, following).positions[-1]
    return ensemble.engine.advance(replace(run, steps_per_frame=steps), state, 1, following).positions[-1]


def _state_before(ensemble: Ensemble, unit: Unit, run: Run, start: Frame) -> Path:
    """Return the state that a leg starts from: fresh velocities, or the end of the leg before, made again if it is lost."""
    if not unit.leg:
        state = _working(ensemble, unit) / "state-000000"
        ensemble.engine.begin(run, start, None, state)
        return state
    earlier = unit._replace(leg=unit.leg - 1)
    kept = state_file(ensemble.folder, *earlier)
    if not kept.exists():
        _advance_leg(ensemble, earlier)
        shutil.rmtree(_working(ensemble, earlier), ignore_errors=True)
    return kept


def _working(ensemble: Ensemble, unit: Unit) -> Path:
    """Return the folder of what is not finished; each unit has its own, as engines leave files beside their states."""
    return leg_file(ensemble.folder, *unit).with_suffix(".working")


def tidy(ensemble: Ensemble) -> None:
    """Remove states from which nothing starts any more, left where a process was killed between two steps."""
    for unit in ensemble.units():
        if unit.leg and ensemble.is_done(unit):
            state_file(ensemble.folder, *unit._replace(leg=unit.leg - 1)).unlink(missing_ok=True)
