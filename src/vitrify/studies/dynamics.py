"""p_hop and events of every trajectory of a study, and which of its frames statistics may use."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ConfigurationError, TooFewEventsError
from vitrify.parallel import Workforce, map_units
from vitrify.particles.layout import ArraySpec
from vitrify.particles.tables import load_table, save_table
from vitrify.particles.trajectory import Trajectory
from vitrify.progress import Progress
from vitrify.provenance import canonical_json
from vitrify.rearrangements.events import Events
from vitrify.rearrangements.p_hop import PHop
from vitrify.studies.filling import once
from vitrify.studies.settings import SoftnessSettings, StatePoint
from vitrify.studies.simulate import Workplace, _counting

if TYPE_CHECKING:
    import xarray as xr

_FEWEST_STARTS = 2


def make_indicator(settings: SoftnessSettings) -> PHop:
    """Return the indicator of the settings."""
    return PHop(window=settings.rearrangements.window)


def make_events(settings: SoftnessSettings) -> Events:
    """Return the event finder of the settings."""
    r = settings.rearrangements
    return Events(r.event_threshold, r.rearrangement_threshold, r.window)


def renew_stage(
    trajectory: Trajectory,
    stage: str,
    arrays: dict[str, ArraySpec],
    parameters: dict[str, Any],
    progress: Progress,
) -> None:
    """Create a stage that follows from other stages in minutes; one of other parameters makes way for it.

    Parameters
    ----------
    trajectory : Trajectory
    stage, arrays, parameters
        As of `Trajectory.add_stage`.
    progress : Progress
        Is told what is thrown away.
    """
    known = trajectory.stages.get(stage)
    if known is not None and canonical_json(known["parameters"]) != canonical_json(parameters):
        progress.note(f"{trajectory.path}: '{stage}' was made with other parameters and is made anew")
        trajectory.remove_stage(stage)
    trajectory.add_stage(stage, arrays, parameters)


class StoredValues:
    """A per-frame array of a store with a shape and slices of frames, of which nothing is read before it is asked for.

    Parameters
    ----------
    trajectory : Trajectory
    name : str
    """

    def __init__(self, trajectory: Trajectory, name: str) -> None:
        self._trajectory, self._name = trajectory, name
        self.shape = (trajectory.n_frames, *trajectory.read(name, 0, 0).shape[1:])

    def __getitem__(self, frames: slice) -> NDArray[Any]:
        """Return the frames of a slice without a step."""
        start, stop, _ = frames.indices(self.shape[0])
        return self._trajectory.read(self._name, start, stop)


def add_p_hop(trajectory: Trajectory, indicator: PHop, progress: Progress, kind: str = "inherent") -> None:
    """Create the array "p_hop" of a store (the driver's part; `p_hop_unit` fills it)."""
    spec = ArraySpec(("particle",), attrs={**indicator.attributes(trajectory.unit_system), "positions": kind})
    renew_stage(trajectory, "p_hop", {"p_hop": spec}, {**indicator.to_dict(), "positions": kind}, progress)


def p_hop_unit(job: tuple[Path, int, PHop, str]) -> None:
    """Compute p_hop for one unit of a store, reading the frames around it that its windows need.

    Raises
    ------
    ConfigurationError
        Naming a frame with a coordinate that is not finite: its particle would seem never to move.
    """
    path, unit, indicator, kind = job
    trajectory = Trajectory.open(path)
    a, b = trajectory.units()[unit]
    span = 2 * indicator.halo + 1
    lo = max(0, min(a - indicator.halo, trajectory.n_frames - span))
    hi = min(trajectory.n_frames, max(b + indicator.halo, span))
    positions = trajectory.positions(kind, lo, hi)
    finite = np.isfinite(positions).all(axis=2)
    if (
        not trajectory.layout.complete
    ):  # an absent particle has no coordinate at all, and no p_hop near the gap
        finite |= np.isnan(positions).all(axis=2)
    if not finite.all():
        frame, particle = np.argwhere(~finite)[0]
        raise ConfigurationError(
            f"Particle {particle} has a coordinate that is not finite in frame {lo + frame} of {path}, {kind} positions. "
            "Make the store anew without that frame, or repair the file it came from."
        )
    values = indicator.compute(positions)
    trajectory.write("p_hop", unit, {"p_hop": values[a - lo : b - lo]})


def p_hop_all(place: Workplace, progress: Progress, workers: int | Workforce | None = None) -> None:
    """Compute p_hop of all trajectories."""
    indicator, jobs = make_indicator(place.settings), []
    for point in place.settings.state_points:
        trajectory = place.trajectory(point)
        indicator.require_frames(trajectory.n_frames)
        add_p_hop(trajectory, indicator, progress)
        jobs += [
            (trajectory.path, unit, indicator, "inherent")
            for unit in range(len(trajectory.units()))
            if not trajectory.is_done("p_hop", unit)
        ]
    if jobs:
        with _counting(
            place, place.settings.state_points, "p_hop", progress, "Finding rearrangements"
        ) as poll:
            map_units(partial(once, "p_hop", p_hop_unit), jobs, workers=workers, poll=poll)


def keep_table(path: Path, table: xr.Dataset, parameters: dict[str, Any]) -> xr.Dataset:
    """Write a table and return it as it will be read back: a run that is killed here goes on with the same bits."""
    save_table(path, table, parameters)
    kept = load_table(path, parameters)
    assert kept is not None
    return kept


def find_events(trajectory: Trajectory, finder: Events, table: Path) -> xr.Dataset:
    """Return the events of a store, from `table` if it was made with the same parameters."""
    parameters = {**finder.to_dict(), "p_hop": trajectory.stages["p_hop"]["parameters"]}
    found = load_table(table, parameters)
    if found is None:
        kind = trajectory.stages["p_hop"]["parameters"]["positions"]
        found = finder.stream(
            trajectory.reader(kind),
            trajectory.times,
            read_p_hop=lambda a, b: trajectory.read("p_hop", a, b),
            units=trajectory.unit_system,
        )
        return keep_table(table, found, parameters)
    return found


def events_of(place: Workplace, point: StatePoint) -> xr.Dataset:
    """Return the events of one state point."""
    return find_events(place.trajectory(point), make_events(place.settings), place.table(point, "events"))


def require_rearrangements(place: Workplace) -> None:
    """Refuse temperatures at which nothing rearranges.

    Raises
    ------
    TooFewEventsError
        Naming the temperature.
    """
    from vitrify.rearrangements.events import rearrangements

    for point in place.settings.state_points:
        events = events_of(place, point)
        if rearrangements(events).sizes["event"] == 0:
            trajectory = place.trajectory(point)
            raise TooFewEventsError(
                f"Nothing rearranges at T = {point.temperature:g}: none of {events.sizes['event']} events in "
                f"{trajectory.n_frames} frames of {trajectory.n_particles} particles exceeds `rearrangement_threshold` = "
                f"{place.settings.rearrangements.rearrangement_threshold:g}. Add frames, raise the temperature, or leave it out."
            )


def require_statistics(place: Workplace) -> None:
    """Refuse trajectories that leave no frame to take softness from, or no events at the coldest temperature.

    Raises
    ------
    TooFewEventsError
        Naming the temperature, before anything is trained.
    """
    settings = place.settings
    for point in settings.test_points:
        trajectory = place.trajectory(point)
        first, stop = usable_frames(settings, trajectory.n_frames)
        if first >= stop:
            raise TooFewEventsError(
                f"T = {point.temperature:g} has {trajectory.n_frames} frames; statistics need at least {3 * settings.rearrangements.window + 2}: "
                "three windows of p_hop and a frame to begin at. Add frames, or use a smaller `window`."
            )
        if not len(sampled_frames(settings, trajectory)):
            raise TooFewEventsError(
                f"No frame at T = {point.temperature:g} that softness would be taken from is quenched to its force criterion. "
                "Raise `max_iterations` or `force_tolerance`."
            )
    point = settings.test_points[0]
    trajectory = place.trajectory(point)
    first, stop = usable_frames(settings, trajectory.n_frames)
    n = starts(settings, trajectory, events_of(place, point)).sizes["event"]
    if n < _FEWEST_STARTS:
        raise TooFewEventsError(
            f"Statistics at T = {point.temperature:g} need at least {_FEWEST_STARTS} rearrangements of species "
            f"{settings.training.centre_species} that begin in frames {first} to {stop - 1}; there are {n}. Add frames, raise "
            "the temperature, or leave it out."
        )


def usable_frames(settings: SoftnessSettings, n_frames: int) -> tuple[int, int]:
    """Return [first, stop): frames at which an event that starts there would be seen from beginning to end.

    A rearrangement starts `window` / 2 frames before p_hop rises; near the end of a trajectory it could not finish.
    """
    window = settings.rearrangements.window
    return 1, max(1, n_frames - 3 * window)


def sampled_frames(settings: SoftnessSettings, trajectory: Trajectory) -> NDArray[np.int64]:
    """Return the frames at which softness is computed for all particles: every `stride`, quenched and usable."""
    first, stop = usable_frames(settings, trajectory.n_frames)
    frames = np.arange(first, stop, settings.statistics.stride)
    return frames[trajectory.read("inherent_converged")[frames] != 0]


def starts(settings: SoftnessSettings, trajectory: Trajectory, events: Any) -> Any:
    """Return the rearrangements of the centre species that statistics count, one each with its start frame.

    Kept are those whose start was seen, lies in the usable frames, was quenched, and was not inside another
    rearrangement of the same particle.
    """
    from vitrify.rearrangements.events import at_risk, rearrangements

    moving = rearrangements(events)
    first, stop = usable_frames(settings, trajectory.n_frames)
    frame, particle = moving["start_frame"].values, moving["particle"].values
    centre = trajectory.species_names.index(settings.training.centre_species)
    kept = (
        moving["start_seen"].values.astype(bool)
        & (frame >= first)
        & (frame < stop)
        & (trajectory.species[particle] == centre)
    )
    kept[kept] &= trajectory.read("inherent_converged")[frame[kept]] != 0
    frames = np.unique(frame[kept])
    if len(frames):
        free = at_risk(events, frames, trajectory.n_particles)
        kept[kept] &= free[np.searchsorted(frames, frame[kept]), particle[kept]]
    return moving.isel(event=np.flatnonzero(kept))
