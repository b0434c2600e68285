"""One trajectory of a study as relaxation needs it: centre particles, the frames with softness, and all frames."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrify.particles.spacing import pairs_at_lag
from vitrify.relaxation.base import log_lags
from vitrify.studies.curves import sampled_softness
from vitrify.studies.describing import centre_particles
from vitrify.studies.dynamics import events_of
from vitrify.studies.settings import StatePoint
from vitrify.studies.simulate import Workplace

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

_UNITS_IN_MEMORY = 48


class CentreTrajectory:
    """Inherent positions and softness of the centre particles of one state point.

    Parameters
    ----------
    place : Workplace
        With softness computed.
    point : StatePoint

    Attributes
    ----------
    centre : (m,) int
        Centre particles.
    frames : (n,) int
        Frames in which their softness is known.
    softness : (n, m) float
    times : (n,) float, time
        Of those frames.
    """

    def __init__(self, place: Workplace, point: StatePoint) -> None:
        self.place, self.point = place, point
        self.trajectory = place.trajectory(point)
        self.centre = centre_particles(self.trajectory, place.settings.training.centre_species)
        self.frames, rows = sampled_softness(place, point)
        self.softness: Array = rows[:, self.centre]
        self.times: Array = self.trajectory.times[self.frames]
        self._held: dict[int, Array] = {}

    @property
    def temperature(self) -> float:
        """Of the thermostat."""
        return self.point.temperature

    @cached_property
    def events(self) -> xr.Dataset:
        """Every event of the centre particles."""
        found = events_of(self.place, self.point)
        mine = np.isin(found["particle"].values, self.centre)
        return found.isel(event=np.flatnonzero(mine))

    @cached_property
    def sampled_positions(self) -> Array:
        """Positions of the centre particles in the frames with softness, (n, m, d)."""
        return np.concatenate([self.read(int(t), int(t) + 1) for t in self.frames])

    def read(self, start: int, stop: int) -> Array:
        """Return positions of the centre particles in all frames [start, stop), (stop - start, m, d)."""
        per_unit = self.trajectory.layout.frames_per_unit
        first, last = start // per_unit, (stop - 1) // per_unit
        pieces = []
        for unit in range(first, last + 1):
            begin = unit * per_unit
            held = self._unit(unit)
            pieces.append(held[max(start - begin, 0) : stop - begin])
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def _unit(self, unit: int) -> Array:
        if unit not in self._held:
            a, b = self.trajectory.units()[unit]
            if len(self._held) >= _UNITS_IN_MEMORY:
                self._held.pop(next(iter(self._held)))
            self._held[unit] = self.trajectory.positions("inherent", a, b)[:, self.centre]
        return self._held[unit]

    def segment(self, frames: NDArray[np.int64], n_segments: int) -> NDArray[np.int64]:
        """Return the piece of the trajectory that each frame belongs to."""
        return frames * n_segments // self.trajectory.n_frames

    def lags(self, per_decade: int, every: int = 1) -> Array:
        """Return times between frames with softness, evenly spaced in their logarithm, 0 among them.

        Parameters
        ----------
        per_decade : int
        every : int, default 1
            Of those frames, only each so-many-th.
        """
        times = self.times[::every]
        step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
        wanted = step * log_lags(len(times) - 1, per_decade)
        return np.array([t for t in wanted.tolist() if len(pairs_at_lag(times, t).origins)])
