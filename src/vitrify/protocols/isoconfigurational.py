"""Isoconfigurational ensembles: many runs from the same configuration, each with velocities of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrify.engines.base import Engine, Run
from vitrify.errors import ParameterError
from vitrify.files import write_json
from vitrify.parallel import lock_unit
from vitrify.particles import Frame
from vitrify.particles.ensemble import (
    LAYOUT,
    SETTINGS,
    leg_file,
    read_ensemble,
    read_settings,
    start_file,
    write_start,
)
from vitrify.particles.propensity import MeasuredPropensity
from vitrify.protocols._ensemble_folder import (
    Legs,
    account,
    refuse_fewer,
    refuse_other_starts,
    refuse_other_times,
    refuse_others,
)
from vitrify.protocols._ensemble_legs import do_leg, run_seed, tidy
from vitrify.provenance import to_plain, versions
from vitrify.units import LJ, Units

__all__ = [
    "Ensemble",
    "Isoconfigurational",
    "Unit",
    "collect",
    "do_unit",
    "log_times",
    "prepare_ensemble",
    "run_seed",
    "units_left",
]

Array = NDArray[np.float64]

_ROUNDING = 1e-9


def log_times(
    shortest: float, longest: float, per_decade: float = 5.0, including: Iterable[float] = ()
) -> tuple[float, ...]:
    """Return times at even distances in ln t from `shortest` on, none above `longest`.

    They do not depend on `longest` otherwise, so an ensemble can be prolonged by a larger one.

    Parameters
    ----------
    shortest, longest : float, time
    per_decade : float, default 5
    including : iterable of float, time
        Further times, such as multiples of the relaxation time.

    Raises
    ------
    ParameterError
        If times are not positive and in order, or `per_decade` is not positive.

    Examples
    --------
    >>> log_times(1.0, 30.0, per_decade=2, including=[5.0])
    (1.0, 3.1622776601683795, 5.0, 10.0)
    """
    if not (0 < shortest <= longest < np.inf and per_decade > 0):
        raise ParameterError(
            "Times need 0 < `shortest` <= `longest` and a positive `per_decade`; they are "
            f"{shortest}, {longest}, {per_decade}."
        )
    n = int(np.floor(np.log10(longest / shortest) * per_decade + _ROUNDING)) + 1
    even = (shortest * 10 ** (k / per_decade) for k in range(n))
    return tuple(sorted({*map(float, even), *map(float, including)}))


@dataclass(frozen=True)
class Isoconfigurational:
    """How many runs start from each configuration, and when they are looked at.

    Parameters
    ----------
    times : tuple of float, time
        Ascending; see `log_times`. Those that fall on the same tick of the engine's clock are one.
    n_runs : int, default 30
        From each configuration.
    leg_ends : tuple of float, time, default ()
        Where runs pause, so that all runs of all configurations reach these times before any goes on. The last leg ends with
        the last of the `times`.
    whole_frames : bool, default False
        Whether the engine's clock ticks once a frame of its run, as that of a planted liquid does. Otherwise it ticks once
        a time step.

    Raises
    ------
    ParameterError
        If times or ends of legs do not ascend, or there is no run.

    Notes
    -----
    **Scale** the time step (or frame interval) of the run. **Invariant under** being killed and started again, the order in
    which units are done, and the number of workers. **Differs from** the set of Bapst et al. in the times, which there are
    those at which the scattering function has given values. **Cost** that of the longest time, `n_runs` times for each
    configuration; positions are written at the few times only.

    References
    ----------
    Widmer-Cooper, Harrowell, Fynewever, Phys. Rev. Lett. 93, 135701 (2004).

    Examples
    --------
    >>> Isoconfigurational((0.1, 1.0, 10.0), leg_ends=(1.0,)).legs(Run("any", 0.5, time_step=0.01))
    ((10, 100), (1000,))
    """

    times: tuple[float, ...]
    n_runs: int = 30
    leg_ends: tuple[float, ...] = ()
    whole_frames: bool = False

    def __post_init__(self) -> None:
        for name in ("times", "leg_ends"):
            values = tuple(float(t) for t in getattr(self, name))
            object.__setattr__(self, name, values)
            if any(not 0 < t < np.inf for t in values) or any(b <= a for a, b in pairwise(values)):
                raise ParameterError(f"`{name}` must be positive and ascend; they are {values}.")
        if not self.times:
            raise ParameterError("Isoconfigurational runs need one or more `times`; there is none.")
        if self.n_runs < 1:
            raise ParameterError(f"`n_runs` must be at least 1; it is {self.n_runs}.")

    def steps(self, run: Run) -> NDArray[np.int64]:
        """Return the times in time steps of a run, increasing, (T,)."""
        return np.unique(self._on_clock(self.times, run))

    def _on_clock(self, times: tuple[float, ...], run: Run) -> NDArray[np.int64]:
        tick = run.steps_per_frame if self.whole_frames else 1
        ticks = np.rint(np.array(times, np.float64) / (tick * run.time_step))
        return np.asarray(np.maximum(1, ticks) * tick, np.int64)

    def legs(self, run: Run, before: Legs = ()) -> Legs:
        """Return the times of each leg in time steps of a run.

        Parameters
        ----------
        run : Run
        before : tuple of tuples of int
            Legs that are there already: they stay, and what comes later is divided by `leg_ends`.
        """
        steps = self.steps(run)
        ends = self._on_clock(self.leg_ends, run).tolist()
        last = before[-1][-1] if before else 0
        legs = list(before)
        for end in [*ends, int(steps[-1])]:
            leg = steps[(steps > last) & (steps <= end)]
            if len(leg):
                legs.append(tuple(int(s) for s in leg))
                last = int(leg[-1])
        return tuple(legs)


class Unit(NamedTuple):
    """A leg of a run that starts from a configuration: what one worker does at a time."""

    configuration: int
    run: int
    leg: int


@dataclass(frozen=True)
class Ensemble:
    """A folder of isoconfigurational runs and what its units need; made by `prepare_ensemble`.

    Attributes
    ----------
    folder : Path
    engine : Engine
    run : Run
        Its seed is that of the ensemble; each run has one that follows from it.
    legs : tuple of tuples of int
        Times of each leg in time steps.
    n_configurations, n_runs : int
    whole_frames : bool
    """

    folder: Path
    engine: Engine
    run: Run
    legs: Legs
    n_configurations: int
    n_runs: int
    whole_frames: bool = False

    @property
    def times(self) -> Array:
        """All times, (T,)."""
        return np.array([step for leg in self.legs for step in leg]) * self.run.time_step

    def units(self) -> list[Unit]:
        """Return all units: the first legs first, and in each leg the first runs of all configurations first."""
        return [
            Unit(configuration, run, leg)
            for leg in range(len(self.legs))
            for run in range(self.n_runs)
            for configuration in range(self.n_configurations)
        ]

    def n_steps(self, unit: Unit) -> int:
        """Return the time steps that a unit takes: its share of the work."""
        before = self.legs[unit.leg - 1][-1] if unit.leg else 0
        return self.legs[unit.leg][-1] - before

    def is_done(self, unit: Unit) -> bool:
        """Return whether the unit is there, whole."""
        return leg_file(self.folder, *unit).exists()


def prepare_ensemble(
    folder: Path,
    engine: Engine,
    run: Run,
    settings: Isoconfigurational,
    starts: Sequence[Frame],
    unit_system: Units = LJ,
) -> Ensemble:
    """Make the folder of an ensemble, or open it to go on; what is there is kept.

    A folder may be asked for with later times, more runs or more configurations than before: then those are added to it.

    Parameters
    ----------
    folder : Path
    engine : Engine
    run : Run
        Model, temperature, clock, thermostat and seed.
    settings : Isoconfigurational
    starts : sequence of Frame
        The configurations, thermal and in equilibrium.
    unit_system : Units, default LJ

    Returns
    -------
    Ensemble

    Raises
    ------
    StoreError
        If the folder holds an ensemble that follows from something else; the message names the first difference.
    ParameterError
        If there is no configuration.
    """
    folder = Path(folder)
    if not starts:
        raise ParameterError(
            "Isoconfigurational runs need at least one configuration in `starts`; there is none."
        )
    before: Legs = ()
    said = account(engine, run, settings.whole_frames, unit_system)
    if (folder / SETTINGS).exists():
        held = read_settings(folder)
        before = tuple(tuple(leg) for leg in held["legs"])
        refuse_others(folder, held, said)
        refuse_other_times(folder, before, settings.steps(run), run.time_step)
        refuse_fewer(folder, held, n_runs=settings.n_runs, n_configurations=len(starts))
        refuse_other_starts(folder, starts[: held["n_configurations"]])
    legs = settings.legs(run, before)
    n_before = held["n_configurations"] if before else 0
    for k, start in enumerate(starts[n_before:], n_before):
        write_start(start_file(folder, k), start)
    said |= {"legs": legs, "n_runs": settings.n_runs, "n_configurations": len(starts)}
    if not before or any(
        to_plain(said[name]) != held[name] for name in ("legs", "n_runs", "n_configurations")
    ):
        write_json(folder / SETTINGS, said | {"layout": LAYOUT, "versions": versions()})
    ensemble = Ensemble(folder, engine, run, legs, len(starts), settings.n_runs, settings.whole_frames)
    tidy(ensemble)
    return ensemble


def units_left(ensemble: Ensemble) -> list[Unit]:
    """Return the units that are not done, in the order in which to start them."""
    return [unit for unit in ensemble.units() if not ensemble.is_done(unit)]


def do_unit(ensemble: Ensemble, unit: Unit) -> int:
    """Do one unit, and the legs of its run before it that are not done; return how many units that were.

    Units may be done in any order, by any process of any machine: one of a run at a time, the others wait. Killed at any
    moment, a unit is made again with the same bits.

    Parameters
    ----------
    ensemble : Ensemble
    unit : Unit

    Raises
    ------
    EngineError
        If the engine stops; its input is kept in the folder of the unit that ends with ``.working``.
    StoreError
        If the start of the runs is missing or damaged.
    """
    place = start_file(ensemble.folder, unit.configuration).parent
    done = 0
    with lock_unit(place / f".run-{unit.run:03d}.held.tmp"):
        for leg in range(unit.leg + 1):
            earlier = unit._replace(leg=leg)
            if not ensemble.is_done(earlier):
                do_leg(ensemble, earlier)
                done += 1
    return done


def collect(ensemble: Ensemble | Path, *, complete: bool = True) -> list[MeasuredPropensity]:
    """Return the propensity of every configuration, with the displacements of each run.

    Parameters
    ----------
    ensemble : Ensemble or Path
        Or its folder.
    complete : bool, default True
        Whether all legs must be there. Otherwise the first legs are read that all runs of all configurations have reached.

    Raises
    ------
    StoreError
        If legs are missing that are needed; the first is named.
    """
    folder = ensemble.folder if isinstance(ensemble, Ensemble) else Path(ensemble)
    return read_ensemble(folder, complete=complete)
