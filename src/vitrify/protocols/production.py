"""Production: frames at even times, unit by unit, each unit a pure function of the state before it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vitrify.engines.base import Engine, Run, Segment
from vitrify.errors import StoreError
from vitrify.particles.layout import inherent_arrays, inherent_values, thermal_arrays
from vitrify.particles.trajectory import Trajectory

Advance = Callable[[int, Path, Path], Segment]

THERMO_NAMES = ("potential_energy", "temperature", "pressure", "conserved_energy")


def prepare_production(trajectory: Trajectory, *, planted: bool = False) -> None:
    """Create the arrays that `produce` fills; `planted` engines bring inherent positions of their own."""
    arrays = thermal_arrays(trajectory.unit_system, THERMO_NAMES, trajectory.layout.dimension)
    trajectory.add_stage("thermal", arrays)
    if planted:
        trajectory.add_stage("inherent", inherent_arrays(trajectory.unit_system), {"minimizer": "planted"})


def state_file(folder: Path, unit: int) -> Path:
    """Return where the state from which `unit` starts is kept."""
    return Path(folder) / f"state-{unit:06d}"


def produce(
    engine: Engine,
    run: Run,
    trajectory: Trajectory,
    states: Path,
    tick: Callable[[int], None] | None = None,
) -> None:
    """Fill the stage "thermal" of a store, going on where an earlier call ended.

    Parameters
    ----------
    engine : Engine
    run : Run
    trajectory : Trajectory
        Prepared by `prepare_production`.
    states : Path
        Folder that holds ``state-000000``, from which the first unit starts; later states are kept beside it until
        the unit after them is done, and made again if such a unit has to be.
    tick : callable, optional
        Called with the number of frames just made.

    Raises
    ------
    StoreError
        If there is no state to go on from.

    Notes
    -----
    A unit is: advance from its state, write the next state, write the frames, write the manifest entry. Killed anywhere
    in between, the unit is made again from the same state, with the same bits.
    """

    def advance(unit: int, state: Path, next_state: Path) -> Segment:
        a, b = trajectory.units()[unit]
        return engine.advance(run, state, b - a, next_state)

    times = np.asarray(np.arange(1, trajectory.n_frames + 1) * run.frame_interval, np.float64)
    produce_units(advance, times, trajectory, states, tick)


def produce_units(
    advance: Advance,
    times: NDArray[np.float64],
    trajectory: Trajectory,
    states: Path,
    tick: Callable[[int], None] | None = None,
) -> None:
    """Fill the stage "thermal" of a store whose frames need not be evenly spaced; as `produce`.

    Parameters
    ----------
    advance : callable
        ``advance(unit, state, next_state)`` returns the frames of a unit, a pure function of what it is given.
    times : (F,) float, time
        Of all frames.
    trajectory, states, tick
        As of `produce`.

    Raises
    ------
    StoreError
        If there is no state to go on from.
    """
    for unit, (a, b) in enumerate(trajectory.units()):
        if trajectory.is_done("thermal", unit):
            continue
        state = _state_before(advance, trajectory, states, unit)
        segment = advance(unit, state, state_file(states, unit + 1))
        write_segment(trajectory, unit, segment, times[a:b])
        if unit > 0:
            state.unlink()
        if tick is not None:
            tick(b - a)


def _state_before(advance: Advance, trajectory: Trajectory, states: Path, unit: int) -> Path:
    """Return the state that `unit` starts from, made again from the last one that is kept if it is gone."""
    kept = next((k for k in range(unit, -1, -1) if state_file(states, k).exists()), None)
    if kept is None:
        a, b = trajectory.units()[unit]
        raise StoreError(
            f"{trajectory.path} needs frames {a} to {b - 1}, but the state that all follow from, {state_file(states, 0)}, "
            "is missing. Delete the folder and start again."
        )
    for k in range(kept, unit):
        advance(k, state_file(states, k), state_file(states, k + 1))
        if k > 0:
            state_file(states, k).unlink()
    return state_file(states, unit)


def write_segment(trajectory: Trajectory, unit: int, segment: Segment, times: NDArray[np.float64]) -> None:
    """Write the frames of one unit with their times, (F,); inherent positions too, where the engine knows them."""
    if segment.inherent is not None:
        trajectory.write("inherent", unit, inherent_values(segment.inherent))
    trajectory.write(
        "thermal",
        unit,
        {
            "position": segment.positions,
            "time": times,
            "box_vectors": segment.box_vectors,
            "box_origin": segment.box_origin,
            **{name: segment.thermo[name] for name in THERMO_NAMES},
        },
    )
