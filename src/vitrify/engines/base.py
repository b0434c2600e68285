"""What an engine promises: from a state file to the next frames and the next state file, the same bits every time."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ParameterError
from vitrify.particles import Frame


@dataclass(frozen=True)
class Thermostat:
    """How the temperature is held.

    Parameters
    ----------
    name : str, default "nose-hoover"
    time_constant : float, time, default 1.0
        Relaxation time of the thermostat.
    """

    name: str = "nose-hoover"
    time_constant: float = 1.0

    def __post_init__(self) -> None:
        if not self.time_constant > 0:
            raise ParameterError(
                f"`time_constant` of the thermostat must be positive; it is {self.time_constant}."
            )


@dataclass(frozen=True)
class Run:
    """One simulation at one state point: everything its trajectory depends on, besides the starting state.

    Parameters
    ----------
    model : Any
        A frozen dataclass of `vitrify.models` (or the engine's own planted model) with ``to_dict()``.
    temperature : float, energy / k_B
    time_step : float, time
    steps_per_frame : int
        Frames are written every ``steps_per_frame * time_step``.
    thermostat : Thermostat
    seed : int
        Of everything random in the run.
    """

    model: Any
    temperature: float
    time_step: float = 0.005
    steps_per_frame: int = 200
    thermostat: Thermostat = field(default_factory=Thermostat)
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise ParameterError(f"`temperature` must be positive; it is {self.temperature}.")
        if not self.time_step > 0 or self.steps_per_frame < 1:
            raise ParameterError(
                f"`time_step` and `steps_per_frame` must be positive; they are {self.time_step}, {self.steps_per_frame}."
            )

    @property
    def frame_interval(self) -> float:
        """Time between frames."""
        return self.time_step * self.steps_per_frame


@dataclass(frozen=True)
class Segment:
    """The frames that one call of an engine made.

    Parameters
    ----------
    positions : (F, N, d) float, length
        Thermal positions, unwrapped.
    box_vectors : (F, d, d) float, length
        Rows are the cell vectors.
    box_origin : (F, d) float, length
    thermo : dict of str to (F,) float
        Such as ``potential_energy`` (total), ``temperature``, ``pressure``, ``conserved_energy``.
    inherent : (F, N, d) float, length, or None
        Only from engines that know the inherent positions without a quench.
    """

    positions: NDArray[np.float64]
    box_vectors: NDArray[np.float64]
    box_origin: NDArray[np.float64]
    thermo: dict[str, NDArray[np.float64]]
    inherent: NDArray[np.float64] | None = None


class Engine(Protocol):
    """Integrates the equations of motion of a model.

    `advance` is a pure function of its arguments and the state file: a run cut into any number of calls at the same
    places gives the same bits, whether or not the process was killed in between.
    """

    name: str

    def begin(self, run: Run, start: Frame, velocities: NDArray[np.float64] | None, state: Path) -> None:
        """Write the state file from which the first frame follows; draw velocities where none are given."""

    def advance(self, run: Run, state: Path, n_frames: int, next_state: Path) -> Segment:
        """Run `n_frames` frames on from `state`, write `next_state` last and return the frames."""
