"""The numbers of single particles where statistics need them: in sampled frames and at the start of events, unit by unit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrify.parallel import Workforce
from vitrify.particles import Frame
from vitrify.particles._cells import gather
from vitrify.particles.neighbors import cell_list, require_distinct
from vitrify.particles.trajectory import Trajectory
from vitrify.predictors.trained import TrainedSoftness
from vitrify.progress import Progress
from vitrify.provenance import identity
from vitrify.studies.describing import centre_particles
from vitrify.studies.dynamics import sampled_frames
from vitrify.studies.kept_arrays import Arrays, made_of, make_files, read_arrays, write_arrays
from vitrify.studies.meaning_structure_events import (
    INHERENT,
    KINDS,
    Starts,
    first_points,
    starts_of,
    structure_folder,
    structure_section,
)
from vitrify.studies.meaning_structure_sources import Evaluate, Source, names_of, softness_reader
from vitrify.studies.settings import StatePoint
from vitrify.studies.simulate import Workplace

Array = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Piece:
    """One source in one unit of a store, or the directions of its events.

    Attributes
    ----------
    source : Source or None
        None for directions.
    file : Path
    made_of : str
    """

    source: Source | None
    file: Path
    made_of: str


@dataclass(frozen=True)
class Job:
    """What is measured in one unit of a store.

    Attributes
    ----------
    path : Path
        The store.
    pieces : list of Piece
    centre : (m,) int
    sampled : (n,) int
        Sampled frames of the unit.
    starts : list of Starts
        Of every kind of event, those of the unit.
    trained : TrainedSoftness
        Whose gradient is taken at starts of the first kind.
    cutoff : float, length
        Of the gradient.
    """

    path: Path
    pieces: list[Piece]
    centre: Ints
    sampled: Ints
    starts: list[Starts]
    trained: TrainedSoftness
    cutoff: float


def make_units(
    place: Workplace,
    trained: TrainedSoftness,
    sources: dict[str, list[Source]],
    progress: Progress,
    workers: int | Workforce | None = None,
) -> None:
    """Measure every unit of every test trajectory; each source of a unit has a file, and those that are there are kept.

    Parameters
    ----------
    place : Workplace
    trained : TrainedSoftness
    sources : dict of str to list of Source
        By the label of the state point: the caging depth depends on temperature.
    progress, workers
    """
    jobs, total = [], 0
    for point in first_points(place):
        made = jobs_of(place, point, trained, sources[point.label])
        total += len(made)
        left = [replace(j, pieces=[p for p in j.pieces if made_of(p.file) != p.made_of]) for j in made]
        jobs += [job for job in left if job.pieces]
    structure_folder(place).mkdir(parents=True, exist_ok=True)
    make_files("Structure of particles", "units", measure_unit, jobs, total, progress, workers)


def jobs_of(
    place: Workplace, point: StatePoint, trained: TrainedSoftness, sources: list[Source]
) -> list[Job]:
    """Return what is to be measured of one trajectory."""
    trajectory, section = place.trajectory(point), structure_section(place)
    centre = centre_particles(trajectory, place.settings.training.centre_species)
    sampled = sampled_frames(place.settings, trajectory)
    starts = [starts_of(place, point, kind) for kind in KINDS]
    origin = {
        "provenance": trajectory.provenance,
        "stages": {k: trajectory.stages[k]["parameters"] for k in ("thermal", "inherent")},
    }
    directions = {"softness": trained.identity, "cutoff": section.gradient_cutoff}
    wanted: list[tuple[Source | None, dict[str, Any]]] = [(s, s.to_dict()) for s in sources]
    jobs = []
    for unit, (a, b) in enumerate(trajectory.units()):
        here = sampled[(sampled >= a) & (sampled < b)]
        mine = [_some(s, s.within(a, b)) for s in starts]
        if not len(here) and not any(len(s.frame) for s in mine):
            continue
        own = {"sampled": here.tolist(), "starts": [[s.frame.tolist(), s.particle.tolist(), s.last.tolist()] for s in mine]}  # fmt: skip
        pieces = [
            Piece(source, _file(place, point, unit, what), identity({"what": what, **origin, **own}))
            for source, what in [*wanted, (None, directions)]
        ]
        jobs.append(Job(trajectory.path, pieces, centre, here, mine, trained, section.gradient_cutoff))
    return jobs


def _file(place: Workplace, point: StatePoint, unit: int, what: dict[str, Any]) -> Path:
    """Return where one source of one unit is kept."""
    return structure_folder(place) / point.label / f"{identity(what)[:12]}-{unit:05d}.npz"


def _some(starts: Starts, chosen: Ints) -> Starts:
    return Starts(starts.frame[chosen], starts.particle[chosen], starts.last[chosen], starts.ended[chosen])


def measure_unit(job: Job) -> None:
    """Measure one unit and write its files; for a worker process."""
    trajectory = Trajectory.open(job.path)
    for piece in job.pieces:
        piece.file.parent.mkdir(parents=True, exist_ok=True)
        if piece.source is None:
            write_arrays(piece.file, _directions(job, trajectory), piece.made_of)
        else:
            write_arrays(piece.file, _values(job, piece.source, trajectory), piece.made_of)


def _values(job: Job, source: Source, trajectory: Trajectory) -> Arrays:
    """Return the numbers of all centre particles in the sampled frames, and at the starts of each kind of event."""
    k = len(source.names)
    values = np.full((k, len(job.sampled), len(job.centre)), np.nan)
    at_starts = [np.full((k, len(s.frame)), np.nan) for s in job.starts]
    frames, evaluate = (
        np.unique(np.concatenate([job.sampled, *(s.frame for s in job.starts)])),
        source.evaluator(),
    )
    for index, frame in trajectory.frames(source.positions, frames):
        require_distinct(frame)
        rows = [np.flatnonzero(s.frame == index) for s in job.starts]
        moving = [s.particle[r] for s, r in zip(job.starts, rows, strict=True)]
        row = np.flatnonzero(job.sampled == index)
        wanted = job.centre if len(row) else np.unique(np.concatenate(moving))
        found = evaluate(frame, wanted).T
        if len(row):
            values[:, row[0]] = found
        for out, r, particles in zip(at_starts, rows, moving, strict=True):
            out[:, r] = found[:, np.searchsorted(wanted, particles)]
    return {"value": values} | {f"start_{kind}": a for kind, a in zip(KINDS, at_starts, strict=True)}


# -- gradient and direction -------------------------------------------------------------------------------------------


def _directions(job: Job, trajectory: Trajectory) -> Arrays:
    """Return gradient of softness and displacement of every event of the first kind, (m, d); NaN without an end."""
    starts = job.starts[KINDS.index(INHERENT)]
    gradient = np.full((len(starts.frame), trajectory.layout.dimension), np.nan)
    before, after = gradient.copy(), gradient.copy()
    read = softness_reader(job.trained)
    for index, frame in trajectory.frames(INHERENT, np.unique(starts.frame)):
        here = np.flatnonzero(starts.frame == index)
        gradient[here] = gradients_at(read, job.centre, frame, starts.particle[here], job.cutoff)
        before[here] = frame.positions[frame.rows_of(starts.particle[here])]
    ended = np.flatnonzero(starts.ended)
    for index, frame in trajectory.frames(INHERENT, np.unique(starts.last[ended])):
        here = ended[starts.last[ended] == index]
        after[here] = frame.positions[frame.rows_of(starts.particle[here])]
    return {"gradient": gradient, "displacement": after - before}


def gradients_at(read: Evaluate, centre: Ints, frame: Frame, particles: Ints, cutoff: float) -> Array:
    """Return the gradient of softness at some particles, (m, d), from the centre particles around each of them.

    Parameters
    ----------
    read : callable
        Softness of particles of a frame.
    centre : (n,) int
        Particles that have a softness.
    frame : Frame
    particles : (m,) int
    cutoff : float, length
    """
    from vitrify.predictors.softness_gradient import softness_gradient

    rows = frame.rows_of(particles)
    near = np.union1d(rows, rows_within(frame, rows, cutoff))
    of_centre = frame.rows_of(centre)
    near = near[np.isin(near, of_centre)]
    values = np.full(frame.n_particles, np.nan)
    ids = near if frame.particles is None else np.asarray(frame.particles)[near]
    values[near] = read(frame, ids)
    return softness_gradient(frame, values, cutoff, particles=rows)


def rows_within(frame: Frame, rows: Ints, cutoff: float) -> Ints:
    """Return the rows of a frame that lie within a cutoff of any of some rows, sorted."""
    cells = cell_list(frame, cutoff)
    index, vectors, squared = np.empty(cells.capacity, np.int64), np.empty((cells.capacity, 3)), np.empty(cells.capacity)  # fmt: skip
    found = [np.empty(0, np.int64)]
    for row in rows:
        n = gather(cells, cells.rank[row], index, vectors, squared)
        found.append(cells.order[index[:n]])
    return np.unique(np.concatenate(found))


# -- reading ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Table:
    """Numbers of the particles of one trajectory.

    Attributes
    ----------
    names : list of str
    value : (k, n, m) float
        In the sampled frames, of all centre particles.
    start : dict of str to (k, e) float
        At the start of every event, by kind of event.
    gradient, displacement : (e, d) float
        Of the events of inherent positions.
    """

    names: list[str]
    value: Array
    start: dict[str, Array]
    gradient: Array
    displacement: Array

    def with_scalar(self, name: str, make: partial[Array]) -> Table:
        """Return the table with one more number, made of the others by ``make(value)`` and ``make(start)``."""
        value = np.concatenate([self.value, make(self.value)[None]])
        start = {kind: np.concatenate([s, make(s)[None]]) for kind, s in self.start.items()}
        return Table([*self.names, name], value, start, self.gradient, self.displacement)


def table_of(place: Workplace, point: StatePoint, trained: TrainedSoftness, sources: list[Source]) -> Table:
    """Return what `make_units` kept of one trajectory.

    Raises
    ------
    StoreError
        If a file is missing.
    """
    jobs = jobs_of(place, point, trained, sources)
    of_source = [[read_arrays(job.pieces[k].file) for job in jobs] for k in range(len(sources))]

    def joined(name: str) -> Array:
        return np.concatenate([np.concatenate([f[name] for f in files], axis=1) for files in of_source])

    directions = [read_arrays(job.pieces[-1].file) for job in jobs]
    gradient, displacement = (
        np.concatenate([f[n] for f in directions]) for n in ("gradient", "displacement")
    )
    start = {kind: joined(f"start_{kind}") for kind in KINDS}
    return Table(names_of(sources), joined("value"), start, gradient, displacement)
