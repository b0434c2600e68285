"""A store, or a table beside it, as a file for other programs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ParameterError, StoreError, UnknownNameError
from vitrify.particles.layout import POSITION_ARRAYS
from vitrify.particles.tables import load_table
from vitrify.particles.trajectory import Trajectory
from vitrify.progress import Progress
from vitrify.studies.store_files import events_table
from vitrify.writers.base import Block, Column, Selection, Writer, writer_for, written_whole

if TYPE_CHECKING:
    import xarray as xr

TABLES = ("particles", "events")
_EVENT = "event"
_MADE_BY = {
    "p_hop": "rearrangements {}",
    _EVENT: "rearrangements {}",
    "softness": "softness {}",
    "d2min": "rearrangements {} --indicator d2min",
}
_OF_CELL = {"time", "box_vectors", "box_origin"}


def export(source: Path, out: Path, options: dict[str, Any], progress: Progress) -> None:
    """Write a store, or a table that a verb wrote (.npz), into a file of another format.

    Parameters
    ----------
    source : path
    out : path
        Its ending says the format.
    options : dict
        ``format``, ``overwrite``, ``table`` ("particles" or "events"), ``positions``, ``start``, ``stop``, ``every``,
        ``columns`` (names apart by commas; all by default) and ``wrapped``.
    progress : Progress

    Raises
    ------
    ParameterError
        If `out` is there already, or nothing is selected.
    StoreError
        Naming what has to come first.
    DiskFullError
        If there is no room; `out` is then what it was.
    """
    writer = writer_for(out, options["format"])
    _require_free(out, options["overwrite"])
    if options["table"] not in TABLES:
        raise ParameterError(f"`--table` must be {' or '.join(TABLES)}; it is '{options['table']}'.")
    if source.is_file() or source.suffix == ".npz":
        _export_table(writer, out, _table(source), progress)
    elif options["table"] == "events":
        _export_table(writer, out, events_of_store(Trajectory.open(source)), progress)
    else:
        _export_particles(writer, out, select(Trajectory.open(source), options, writer, progress), progress)


def _require_free(out: Path, overwrite: bool) -> None:
    if out.is_dir():
        raise ParameterError(f"{out} is a folder; give the name of a file in it.")
    if out.exists() and not overwrite:
        raise ParameterError(
            f"{out} is there already. Choose another name, or replace it with `--overwrite`."
        )


def _table(source: Path) -> xr.Dataset:
    if source.suffix != ".npz":
        raise ParameterError(
            f"{source} is a file; name a trajectory store (.zarr) or a table of vitrify (.npz)."
        )
    table = load_table(source)
    if table is None:
        raise StoreError(
            f"There is no table {source}. Make one with `vitrify describe` or `vitrify rearrangements`."
        )
    return table


def _export_table(writer: Writer, out: Path, table: xr.Dataset, progress: Progress) -> None:
    with written_whole(out) as temporary:
        writer.write_table(temporary, table)
    sizes = ", ".join(f"{n} {name}s" for name, n in table.sizes.items())
    progress.note(f"{sizes}: {out}")


def _export_particles(writer: Writer, out: Path, selection: Selection, progress: Progress) -> None:
    missing = {c.name: 0 for c in selection.columns if c.dtype.kind == "f"}
    n = 0
    with (
        written_whole(out) as temporary,
        progress.step(f"Writing {out.name}", len(selection.frames)) as update,
    ):

        def counted() -> Iterator[Block]:
            nonlocal n
            done = 0
            for block in selection.blocks():
                yield block
                n += int(block.present.sum())
                for name in missing:
                    missing[name] += int((np.isnan(block.columns[name]) & block.present).sum())
                done += len(block.frames)
                update(done)

        writer.write(temporary, selection, counted())
    for note in writer.notes(selection):
        progress.note(note)
    for name, absent in missing.items():
        if absent:
            progress.note(f"'{name}' is NaN where it was not computed: in {absent} of {n} rows")
    names = ", ".join(c.name for c in selection.columns) or "no further columns"
    progress.note(
        f"{len(selection.frames)} frames of {selection.positions} positions, {n} rows with {names}: {out}"
    )


# -- what is selected ------------------------------------------------------------------------------------------------


def select(trajectory: Trajectory, options: dict[str, Any], writer: Writer, progress: Progress) -> Selection:
    """Return frames, positions and columns that are asked for, all of which are written.

    Raises
    ------
    ParameterError, UnknownNameError
        If nothing is selected, or a column has no such name.
    StoreError
        If a frame is not there yet.
    """
    every = options["every"]
    if every < 1:
        raise ParameterError(f"`--every` must be at least 1; it is {every}.")
    frames = range(trajectory.n_frames)[options["start"] : options["stop"] : every]
    if not len(frames):
        raise ParameterError(
            f"No frame is left between `--start` {options['start']} and `--stop` {options['stop']}: {trajectory.path} has "
            f"frames 0 to {trajectory.n_frames - 1}."
        )
    kind = _positions(trajectory, frames, options["positions"])
    wrapped = writer.wraps if options["wrapped"] is None else options["wrapped"]
    columns = _columns(trajectory, frames, options["columns"], progress)
    of_frames = _stored(trajectory, frames, ("frame",))
    return Selection(trajectory, frames, kind, columns, tuple(of_frames.values()), wrapped)


def _positions(trajectory: Trajectory, frames: range, wanted: str | None) -> str:
    """Return which positions: those asked for, else inherent ones where there are, else thermal ones."""
    if wanted is not None and wanted not in POSITION_ARRAYS:
        raise ParameterError(
            f"`--positions` must be {' or '.join(sorted(POSITION_ARRAYS))}; it is '{wanted}'."
        )
    _require_frames(trajectory, "time", frames, "thermal")
    for kind in ("inherent", "thermal") if wanted is None else (wanted,):
        stage = _stage_of(trajectory, POSITION_ARRAYS[kind])
        if stage is not None and (wanted is not None or _is_written(trajectory, stage, frames)):
            _require_frames(trajectory, POSITION_ARRAYS[kind], frames, kind)
            return kind
    there = [kind for kind, name in POSITION_ARRAYS.items() if _stage_of(trajectory, name) is not None]
    raise StoreError(
        f"{trajectory.path} has no {wanted or 'complete'} positions; it has {' and '.join(there) or 'none'}. Choose others "
        "with `--positions`, or quench it with `vitrify quench`."
    )


def _stage_of(trajectory: Trajectory, array: str) -> str | None:
    return next((s for s, v in trajectory.stages.items() if array in v["arrays"]), None)


def _is_written(trajectory: Trajectory, stage: str, frames: range) -> bool:
    per_unit = trajectory.layout.frames_per_unit
    units = {k // per_unit for k in frames}
    return all(trajectory.is_done(stage, unit) for unit in units)


def _require_frames(trajectory: Trajectory, array: str, frames: range, what: str) -> None:
    stage = _stage_of(trajectory, array)
    if stage is None or not _is_written(trajectory, stage, range(frames[0], frames[-1] + 1)):
        done = 0 if stage is None else trajectory.done_frames(stage)
        raise StoreError(
            f"{trajectory.path} is not finished: {done} of {trajectory.n_frames} {what} frames are there. Repeat the command "
            f"that makes it, or export what is there with `--stop {done}`."
        )


# -- columns ---------------------------------------------------------------------------------------------------------


def _stored(trajectory: Trajectory, frames: range, dims: tuple[str, ...]) -> dict[str, Column]:
    """Return the arrays of these dimensions whose stage has all frames."""
    import zarr

    group: Any = zarr.open_group(trajectory.path, mode="r")
    found = {}
    for stage, held in trajectory.stages.items():
        if not _is_written(trajectory, stage, range(frames[0], frames[-1] + 1)):
            continue
        for name in held["arrays"]:
            array = group[name]
            if tuple(array.metadata.dimension_names or ()) == dims and name not in _OF_CELL:
                found[name] = Column(name, partial(trajectory.read, name), array.dtype, dict(array.attrs))
    return found


def _columns(
    trajectory: Trajectory, frames: range, wanted: str | None, progress: Progress
) -> tuple[Column, ...]:
    """Return the columns named, or all that there are."""
    there = _stored(trajectory, frames, ("frame", "particle"))
    has_events = events_table(trajectory.path).exists()
    if wanted is None:
        _say_unfinished(trajectory, there, progress)
        names = [*there, *([_EVENT] if has_events else [])]
    else:
        names = [name.strip() for name in wanted.split(",") if name.strip() not in ("", "none")]
    columns = []
    for name in dict.fromkeys(names):
        if name in there:
            columns.append(there[name])
        elif name == _EVENT and has_events:
            columns.append(event_column(trajectory))
        else:
            raise _no_column(trajectory, name, [*there, *([_EVENT] if has_events else [])])
    return tuple(columns)


def _say_unfinished(trajectory: Trajectory, there: dict[str, Column], progress: Progress) -> None:
    for name in _MADE_BY:
        if _stage_of(trajectory, name) is not None and name not in there:
            progress.note(f"'{name}' is left out: it is not finished")


def _no_column(trajectory: Trajectory, name: str, known: list[str]) -> Exception:
    if name in _MADE_BY:
        return StoreError(
            f"{trajectory.path} has no '{name}' of these frames. Run `vitrify {_MADE_BY[name].format(trajectory.path)}` first."
        )
    return UnknownNameError("column", name, known)


# -- events ----------------------------------------------------------------------------------------------------------


def events_of_store(trajectory: Trajectory) -> xr.Dataset:
    """Return the events beside a store.

    Raises
    ------
    StoreError
        If there are none, or if they do not follow from what is in the store.
    """
    from vitrify.rearrangements.events import Events

    file = events_table(trajectory.path)
    if not file.exists():
        raise _no_column(trajectory, _EVENT, [])
    events = load_table(file)
    assert events is not None
    known = trajectory.stages.get("p_hop")
    sizes = (events.attrs.get("n_frames"), events.attrs.get("n_particles"))
    fits = sizes == (trajectory.n_frames, trajectory.n_particles)
    if fits and known is not None:
        names = ("event_threshold", "rearrangement_threshold", "window")
        finder = Events(**{k: events.attrs[k] for k in names})
        fits = load_table(file, {**finder.to_dict(), "p_hop": known["parameters"]}) is not None
    if not fits:
        raise StoreError(
            f"{file} was not made from what {trajectory.path} holds now. Run `vitrify rearrangements {trajectory.path}` again, "
            "or leave 'event' out of `--columns`."
        )
    return events


def event_column(trajectory: Trajectory) -> Column:
    """Return the column "event": 1 from first_frame to last_frame of a rearrangement, 0 elsewhere."""
    from vitrify.rearrangements.events import rearrangements

    table = rearrangements(events_of_store(trajectory))
    particle, first, last = (table[k].values for k in ("particle", "first_frame", "last_frame"))
    meaning = {
        "units": "1",
        "long_name": "inside a rearrangement",
        "definition": (
            "1 from first_frame to last_frame of an event whose largest p_hop exceeds "
            f"{table.attrs['rearrangement_threshold']}; 0 elsewhere, also where p_hop is not known"
        ),
    }
    read = partial(inside, particle, first, last, trajectory.n_particles)
    return Column(_EVENT, read, np.dtype("i1"), meaning)


def inside(
    particle: NDArray[np.int64],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    n_particles: int,
    start: int,
    stop: int,
) -> NDArray[np.int8]:
    """Return which particles are inside an event in frames [start, stop), (stop - start, N).

    Examples
    --------
    >>> inside(np.array([1]), np.array([2]), np.array([3]), 2, 1, 5).tolist()
    [[0, 0], [0, 1], [0, 1], [0, 0]]
    """
    here = (first < stop) & (last >= start)
    change = np.zeros((stop - start + 1, n_particles), np.int16)
    np.add.at(change, (np.maximum(first[here] - start, 0), particle[here]), 1)
    np.add.at(change, (np.minimum(last[here] + 1, stop) - start, particle[here]), -1)
    return (np.cumsum(change[:-1], axis=0) > 0).astype(np.int8)
