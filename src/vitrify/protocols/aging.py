"""Ageing: a liquid brought at once to another temperature, looked at after logarithmically spaced waiting times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vitrify.engines.base import Engine, Run, Segment
from vitrify.errors import ParameterError
from vitrify.particles.trajectory import Trajectory
from vitrify.protocols.production import produce_units


@dataclass(frozen=True)
class Ageing:
    """After which waiting times t_w a quenched liquid is looked at.

    Parameters
    ----------
    shortest, longest : float, time
        First and last of them, as nearly as the clock allows.
    per_decade : float, default 5
        Evenly spaced in ln t_w; those that fall on the same tick of the clock are one.
    whole_frames : bool, default False
        Whether the engine's clock ticks once a frame of its run, as that of a planted liquid does, which hops once a
        frame. Otherwise it ticks once a time step.

    Raises
    ------
    ParameterError
        If the times are not positive and in order, or `per_decade` is not positive.

    Notes
    -----
    **Scale** the time step (or frame interval) of the run. **Differs from** a slow cooling: the thermostat is at the final
    temperature from the first step, and velocities are drawn at it. **Invariant under** being killed and started again.
    **Cost** that of the longest waiting time; frames are few.

    References
    ----------
    Ridout, Tah, Liu (2023), Fig. 5.

    Examples
    --------
    >>> run = Run("any", 0.5, time_step=0.01)
    >>> Ageing(1.0, 10.0, per_decade=4).times(run).tolist()
    [1.0, 1.78, 3.16, 5.62, 10.0]
    >>> Ageing(1.0, 10.0, per_decade=4, whole_frames=True).times(run).tolist()
    [2.0, 4.0, 6.0, 10.0]
    """

    shortest: float
    longest: float
    per_decade: float = 5.0
    whole_frames: bool = False

    def __post_init__(self) -> None:
        if not (0 < self.shortest <= self.longest < np.inf and self.per_decade > 0):
            raise ParameterError(
                "Waiting times need 0 < `shortest` <= `longest` and a positive `per_decade`; they are "
                f"{self.shortest}, {self.longest}, {self.per_decade}."
            )

    def steps(self, run: Run) -> NDArray[np.int64]:
        """Return the waiting times in time steps of a run, increasing, (F,)."""
        tick = run.steps_per_frame if self.whole_frames else 1
        n = round(np.log10(self.longest / self.shortest) * self.per_decade) + 1
        wanted = np.geomspace(self.shortest, self.longest, n) / (tick * run.time_step)
        return np.asarray(np.unique(np.maximum(1, np.rint(wanted))) * tick, np.int64)

    def times(self, run: Run) -> NDArray[np.float64]:
        """Return the waiting times, (F,)."""
        return np.asarray(self.steps(run) * run.time_step, np.float64)


def age(
    engine: Engine,
    run: Run,
    ageing: Ageing,
    trajectory: Trajectory,
    states: Path,
    tick: Callable[[int], None] | None = None,
) -> None:
    """Fill the stage "thermal" of a store with one frame per waiting time, going on where an earlier call ended.

    Parameters
    ----------
    engine : Engine
    run : Run
        At the final temperature.
    ageing : Ageing
    trajectory : Trajectory
        Prepared by `prepare_production`, with one frame per unit and per waiting time.
    states : Path
        Folder that holds ``state-000000``: the quenched configuration at t_w = 0 with velocities of the final temperature,
        as `Engine.begin` writes it.
    tick : callable, optional
        Called with 1 after each frame.

    Raises
    ------
    ParameterError
        If the store has another number of frames than there are waiting times, or more than one to a unit.
    StoreError
        If there is no state to go on from.

    Notes
    -----
    Each frame follows from the state at the one before by `Engine.advance`, so that a run killed at any moment goes on with
    the same bits.
    """
    steps = ageing.steps(run)
    if trajectory.n_frames != len(steps) or trajectory.layout.frames_per_unit != 1:
        raise ParameterError(
            f"{trajectory.path} has {trajectory.n_frames} frames, {trajectory.layout.frames_per_unit} to a unit; ageing needs "
            f"one to a unit for each of {len(steps)} waiting times."
        )
    between = np.diff(steps, prepend=0)

    def advance(unit: int, state: Path, next_state: Path) -> Segment:
        if ageing.whole_frames:
            return _last(engine.advance(run, state, int(between[unit]) // run.steps_per_frame, next_state))
        return engine.advance(replace(run, steps_per_frame=int(between[unit])), state, 1, next_state)

    produce_units(advance, ageing.times(run), trajectory, states, tick)


def _last(segment: Segment) -> Segment:
    """Return the last frame alone."""
    return Segment(
        segment.positions[-1:],
        segment.box_vectors[-1:],
        segment.box_origin[-1:],
        {name: values[-1:] for name, values in segment.thermo.items()},
        None if segment.inherent is None else segment.inherent[-1:],
    )
