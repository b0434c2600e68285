"""Two kinds of event of the same particles: hops of inherent positions, and hops of thermal positions as Sharma et al. count them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.parallel import Workforce
from vitrify.particles.tables import load_table
from vitrify.particles.trajectory import Trajectory
from vitrify.progress import Progress
from vitrify.rearrangements.events import Events, at_risk
from vitrify.relaxation.base import log_lags
from vitrify.relaxation.non_gaussian import NonGaussian, maximum
from vitrify.studies.describing import centre_particles
from vitrify.studies.dynamics import events_of, keep_table, sampled_frames, usable_frames
from vitrify.studies.kept_arrays import make_files
from vitrify.studies.meaning_structure_settings import StructureSection
from vitrify.studies.out_of_core import IN_MEMORY
from vitrify.studies.settings import StatePoint
from vitrify.studies.simulate import Workplace

if TYPE_CHECKING:
    import xarray as xr

Ints = NDArray[np.int64]

INHERENT, THERMAL = "inherent", "thermal"
KINDS = (INHERENT, THERMAL)
_LAGS_PER_DECADE = 8
_ORIGINS = 50


@dataclass(frozen=True)
class Starts:
    """Rearrangements of the centre species that are counted, sorted by the frame in which they start.

    Attributes
    ----------
    frame, particle, last : (m,) int
        First frame of the first window, which is strictly before the motion; the particle; last frame of the second window.
    ended : (m,) bool
        Whether the end was seen.
    """

    frame: Ints
    particle: Ints
    last: Ints
    ended: NDArray[np.bool_]

    def within(self, start: int, stop: int) -> Ints:
        """Return the events that start in [start, stop)."""
        return np.flatnonzero((self.frame >= start) & (self.frame < stop))


@dataclass(frozen=True)
class AtRisk:
    """Who could start to rearrange in the sampled frames.

    Attributes
    ----------
    frames : (n,) int
        Sampled frames that this kind of event can use.
    rows : (n,) int
        Their places among all sampled frames.
    free : (n, m) bool
        Of the centre particles.
    """

    frames: Ints
    rows: Ints
    free: NDArray[np.bool_]


def structure_section(place: Workplace) -> StructureSection:
    """Return the section of the settings that this half of the study reads."""
    section = getattr(place.settings, "structure", None)
    assert isinstance(section, StructureSection)
    return section


def structure_folder(place: Workplace) -> Path:
    """Return where everything is kept that is made for this half of the study."""
    return place.out / "structure"


def first_points(place: Workplace) -> list[StatePoint]:
    """Return the first test trajectory of each temperature, coldest first."""
    first = {p.temperature: p for p in reversed(place.settings.test_points)}
    return [first[t] for t in sorted(first)]


# -- thermal events ----------------------------------------------------------------------------------------------------


def _table(place: Workplace, point: StatePoint) -> Path:
    return structure_folder(place) / f"{point.label}-thermal-events.npz"


def _parameters(trajectory: Trajectory, window: int, species: str) -> dict[str, Any]:
    return {
        "window": window,
        "centre_species": species,
        "lags_per_decade": _LAGS_PER_DECADE,
        "origins": _ORIGINS,
        "provenance": trajectory.provenance,
        "thermal": trajectory.stages["thermal"]["parameters"],
    }


def make_thermal_events(place: Workplace, progress: Progress, workers: int | Workforce | None = None) -> None:
    """Find the events of thermal positions of every temperature; tables that are there are kept."""
    window, species = structure_section(place).thermal_window, place.settings.training.centre_species
    points, jobs = first_points(place), []
    for point in points:
        trajectory = place.trajectory(point)
        parameters = _parameters(trajectory, window, species)
        if load_table(_table(place, point), parameters) is None:
            jobs.append((trajectory.path, _table(place, point), window, species, parameters))
    make_files("Events of thermal positions", "trajectories", _find, jobs, len(points), progress, workers)


def _find(job: tuple[Path, Path, int, str, dict[str, Any]]) -> None:
    path, table, window, species, parameters = job
    trajectory = Trajectory.open(path)
    centre = centre_particles(trajectory, species)
    read = reader_of(trajectory, THERMAL)
    lags = log_lags(trajectory.n_frames - 1, _LAGS_PER_DECADE)
    curve = NonGaussian(_ORIGINS).compute(read, trajectory.times, lags[lags > 0], centre)
    peak = maximum(curve)
    found = Events(peak.msd, peak.msd, window).stream(read, trajectory.times, units=trajectory.unit_system)
    found = found.isel(event=np.flatnonzero(np.isin(found["particle"].values, centre)))
    table.parent.mkdir(parents=True, exist_ok=True)
    keep_table(
        table,
        found.assign_attrs(
            threshold_time=peak.time, non_gaussian_maximum=peak.value, maximum_inside=int(peak.inside)
        ),
        parameters,
    )


def reader_of(trajectory: Trajectory, kind: str) -> Callable[[int, int], NDArray[np.float64]]:
    """Return ``read(start, stop)`` of positions, from memory where all of them fit."""
    if 8 * trajectory.n_frames * trajectory.n_particles * trajectory.layout.dimension > IN_MEMORY:
        return trajectory.reader(kind)
    positions = trajectory.positions(kind)
    return lambda start, stop: positions[start:stop]


# -- both kinds --------------------------------------------------------------------------------------------------------


def event_table(place: Workplace, point: StatePoint, kind: str) -> xr.Dataset:
    """Return the events of one kind of one trajectory."""
    if kind == INHERENT:
        return events_of(place, point)
    trajectory, section = place.trajectory(point), structure_section(place)
    parameters = _parameters(trajectory, section.thermal_window, place.settings.training.centre_species)
    found = load_table(_table(place, point), parameters)
    assert found is not None
    return found


def frames_usable(place: Workplace, n_frames: int, kind: str) -> tuple[int, int]:
    """Return [first, stop): where an event of this kind that starts would be seen as a whole."""
    if kind == INHERENT:
        return usable_frames(place.settings, n_frames)
    return 1, max(1, n_frames - 3 * structure_section(place).thermal_window)


def starts_of(place: Workplace, point: StatePoint, kind: str) -> Starts:
    """Return the events of a kind whose start is seen, usable and not inside another event of the same particle.

    Frames that were not quenched to their criterion are left out for both kinds, and so are those that `event_stride` passes
    over.
    """
    trajectory, events = place.trajectory(point), event_table(place, point, kind)
    threshold = float(events.attrs["rearrangement_threshold"])
    first, stop = frames_usable(place, trajectory.n_frames, kind)
    centre = centre_particles(trajectory, place.settings.training.centre_species)
    frame, particle = events["start_frame"].values, events["particle"].values
    kept = events["start_seen"].values.astype(bool) & (events["p_hop_max"].values > threshold)
    kept &= (frame >= first) & (frame < stop) & np.isin(particle, centre)
    kept &= frame % structure_section(place).event_stride == 0
    kept[kept] &= trajectory.read("inherent_converged")[frame[kept]] != 0
    frames = np.unique(frame[kept])
    if len(frames):
        free = at_risk(events, frames, trajectory.n_particles, threshold)
        kept[kept] &= free[np.searchsorted(frames, frame[kept]), particle[kept]]
    chosen = np.flatnonzero(kept)
    chosen = chosen[np.argsort(frame[chosen], kind="stable")]
    last, ended = (events[n].values[chosen] for n in ("end_frame", "end_seen"))
    return Starts(frame[chosen], particle[chosen], last, ended.astype(bool))


def risk_of(place: Workplace, point: StatePoint, kind: str) -> AtRisk:
    """Return who is at risk of an event of a kind in the sampled frames."""
    trajectory, events = place.trajectory(point), event_table(place, point, kind)
    sampled = sampled_frames(place.settings, trajectory)
    first, stop = frames_usable(place, trajectory.n_frames, kind)
    rows = np.flatnonzero((sampled >= first) & (sampled < stop))
    frames = sampled[rows]
    centre = centre_particles(trajectory, place.settings.training.centre_species)
    threshold = float(events.attrs["rearrangement_threshold"])
    free = at_risk(events, frames, trajectory.n_particles, threshold)[:, centre]
    return AtRisk(frames, rows, free)
