"""Frames of any reader made comparable: particles in one order, species by name, positions unwrapped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import FileFormatError, ParameterError
from vitrify.readers.base import FileFrame, Reader, open_files
from vitrify.readers.following import OrderedFrame, followed, require_advance

if TYPE_CHECKING:
    from vitrify.particles import Frame
    from vitrify.particles.trajectory import Trajectory

_MOST_KINDS = 50


@dataclass(frozen=True, eq=False)
class Contents:
    """What is the same in all frames of a trajectory.

    Parameters
    ----------
    ids : (N,) int
        Ascending: particle k of the trajectory has ``ids[k]`` in the file.
    labels : (N,) str
        What the file says of its kind.
    species : (N,) int
    species_names : tuple of str
    dimension : int
    periodic : tuple of bool
    complete : bool
        Whether every particle is there in every frame.
    has_ids : bool
        Whether the files say which particle is which; otherwise their order does.
    """

    ids: NDArray[np.int64]
    labels: NDArray[np.str_]
    species: NDArray[np.int64]
    species_names: tuple[str, ...]
    dimension: int
    periodic: tuple[bool, ...]
    complete: bool
    has_ids: bool


@dataclass(frozen=True)
class Source:
    """A trajectory in files, ready to be analysed or stored.

    Parameters
    ----------
    reader : Reader
    species : mapping of str to str, optional
        From what the file says (type number, element, value of the column `species_by`) to a name. By default type
        numbers become A, B, … in their order, and words stay.
    species_by : str, optional
        Column that tells species apart, such as ``"radius"``; by default the element or the type.
    species_edges : tuple of float
        Values of that column at which one species ends and the next begins, for sizes that scatter.
    start, stop, every : int
        Which frames, as in a slice.
    absent : bool, optional
        Whether particles may be missing in some frames. By default only for formats of tracked particles.
    time_step : float, optional
        Time of one step; by default the file's own times, or steps where it has none.

    Raises
    ------
    ParameterError
        If the slice selects nothing.
    """

    reader: Reader
    species: Mapping[str, str] = field(default_factory=dict)
    species_by: str | None = None
    species_edges: tuple[float, ...] = ()
    start: int = 0
    stop: int | None = None
    every: int = 1
    absent: bool | None = None
    time_step: float | None = None

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ParameterError(f"`every` must be at least 1; it is {self.every}.")
        if self.time_step is not None and not self.time_step > 0:
            raise ParameterError(f"`time_step` must be positive; it is {self.time_step}.")
        if self.species_edges and (self.species_by is None or (np.diff(self.species_edges) <= 0).any()):
            raise ParameterError(
                f"`species_edges` must ascend and need `species_by`, the column that they divide; they are {self.species_edges}."
            )

    def to_dict(self) -> dict[str, Any]:
        """Return everything that the frames follow from."""
        return {
            "reader": self.reader.to_dict(),
            "species": dict(self.species),
            "species_by": self.species_by,
            "species_edges": list(self.species_edges),
            "frames": [self.selected.start, self.selected.stop, self.selected.step],
            "absent": self.may_be_absent,
            "time_step": self.time_step,
        }

    @cached_property
    def selected(self) -> range:
        """Indices in the files of the frames that are taken."""
        chosen = range(self.reader.n_frames)[self.start : self.stop : self.every]
        if not len(chosen):
            raise ParameterError(
                f"Frames {self.start} to {self.stop} of {self.reader.n_frames} in {_names(self.reader)}: nothing is left. "
                "Choose another `start` or `stop`."
            )
        return chosen

    @property
    def n_frames(self) -> int:
        """Frames that are taken."""
        return len(self.selected)

    def __len__(self) -> int:
        return self.n_frames

    @property
    def may_be_absent(self) -> bool:
        """Whether a particle may be missing in a frame."""
        return self.reader.open_boundaries if self.absent is None else self.absent

    # -- what is in it -----------------------------------------------------------------------------------------------

    @cached_property
    def contents(self) -> Contents:
        """Particles and species: from the first frame, or from all of them where particles may be absent."""
        if self.may_be_absent:
            return self._united()
        first = next(self.raw(0, 1))
        ids = np.arange(first.n_particles) if first.ids is None else np.asarray(first.ids, np.int64)
        order = np.argsort(ids, kind="stable")
        _refuse_repeated(ids[order], first.label)
        return self._contents(first, ids[order], self.kinds(first)[order], complete=True)

    def _united(self) -> Contents:
        """Look at every frame: the union of all ids, each with its one kind."""
        ids, labels = np.empty(0, np.int64), np.empty(0, np.str_)
        first, fewest = None, np.inf
        for frame in self.raw():
            first = frame if first is None else first
            if frame.ids is None:
                raise FileFormatError(
                    f"{frame.label}: particles may only be absent where the file says which is which, and it has no ids."
                )
            order = np.argsort(frame.ids, kind="stable")
            here, kinds = np.asarray(frame.ids, np.int64)[order], self.kinds(frame)[order]
            _refuse_repeated(here, frame.label)
            fewest = min(fewest, len(here))
            ids, labels = _merged(ids, labels, here, kinds, frame.label)
        if first is None or not len(ids):
            raise FileFormatError(f"{_names(self.reader)}: there is no particle in any frame.")
        return self._contents(first, ids, labels, complete=bool(fewest == len(ids)))

    def _contents(
        self, frame: FileFrame, ids: NDArray[np.int64], kinds: NDArray[np.str_], complete: bool
    ) -> Contents:
        found, species = np.unique(kinds, return_inverse=True)
        order = sorted(range(len(found)), key=lambda k: _rank(str(found[k])))
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        named = self.named([str(found[k]) for k in order])
        names = tuple(dict.fromkeys(named))  # two labels of one name are one species
        species = np.array([names.index(n) for n in named])[place[species]]
        periodic = tuple(bool(p) for p in frame.box.periodic)
        has_ids = frame.ids is not None
        return Contents(ids, kinds, species, names, frame.box.dimension, periodic, complete, has_ids)

    def named(self, labels: list[str]) -> list[str]:
        """Return the name of the species of each label; `labels` are all there are, in their order.

        Raises
        ------
        ParameterError
            If the species map leaves one out.
        """
        if self.species:
            unknown = [k for k in labels if k not in self.species]
            if unknown:
                raise ParameterError(
                    f"`species` says nothing of {', '.join(unknown)}; {_names(self.reader)} has {', '.join(labels)}. "
                    f"Name them all, as in {labels[0]}=A."
                )
            return [self.species[k] for k in labels]
        if all(_is_number(k) for k in labels) and len(labels) <= 26:
            return [chr(ord("A") + k) for k in range(len(labels))]
        return labels

    def kinds(self, frame: FileFrame) -> NDArray[np.str_]:
        """Return what tells species apart for each row of a frame, as text."""
        if self.species_by is None:
            return np.asarray(frame.labels)
        if self.species_by not in frame.columns:
            raise ParameterError(
                f"{frame.label} has no column '{self.species_by}' to tell species by. It has: "
                f"{', '.join(sorted(frame.columns)) or 'none but positions'}."
            )
        values = np.asarray(frame.columns[self.species_by])
        if self.species_edges:
            return np.searchsorted(self.species_edges, values.astype(float)).astype(str)
        kinds = np.unique(values)
        if len(kinds) > _MOST_KINDS:
            raise ParameterError(
                f"{frame.label}: the column '{self.species_by}' has {len(kinds)} different values. Give `species_edges`, "
                "the values at which one species ends and the next begins."
            )
        return values.astype(str)

    # -- frames ------------------------------------------------------------------------------------------------------

    def raw(self, start: int = 0, stop: int | None = None) -> Iterator[FileFrame]:
        """Yield frames [start, stop) of those that are taken, as the reader gives them."""
        chosen = self.selected[start:stop]
        if chosen.step == 1:
            yield from self.reader.frames(chosen.start, chosen.stop)
        elif self.reader.random_access:
            for k in chosen:
                yield from self.reader.frames(k, k + 1)
        elif len(chosen):
            for k, frame in enumerate(self.reader.frames(chosen[0], chosen[-1] + 1), chosen[0]):
                if k in chosen:
                    yield frame

    @cached_property
    def is_followed(self) -> bool:
        """Whether positions must be unwrapped from frame to frame, because the files do not say in which image they are."""
        first = next(self.raw(0, 1))
        return not first.unwrapped and first.images is None and any(first.box.periodic)

    def ordered(
        self, start: int = 0, stop: int | None = None, previous: OrderedFrame | None = None
    ) -> Iterator[OrderedFrame]:
        """Yield frames [start, stop) with all particles in order and unwrapped.

        Parameters
        ----------
        start, stop : int
        previous : OrderedFrame, optional
            The one before `start`, from which wrapped positions without images are followed; without it the first frame
            is taken as it stands.

        Raises
        ------
        FileFormatError
            If a particle is missing, new or of another species, if the box jumps, if time does not advance, or if
            positions cannot be followed.
        """
        for index, raw in enumerate(self.raw(start, stop), start):
            frame = self._ordered(raw, index)
            if previous is not None:
                require_advance(previous, frame)
                if not raw.unwrapped and raw.images is None and frame.box.periodic.any():
                    frame = replace(frame, positions=followed(previous, frame))
            yield frame
            previous = frame

    def _ordered(self, raw: FileFrame, index: int) -> OrderedFrame:
        """Return a frame with its rows in order; positions as they stand, or moved by the images that the file gives."""
        contents = self.contents
        if raw.box.dimension != contents.dimension:
            raise FileFormatError(
                f"{raw.label} is {raw.box.dimension}D; the first frame is {contents.dimension}D."
            )
        rows = self._rows(raw)
        there = rows >= 0
        kinds = self.kinds(raw)[rows[there]]
        changed = np.flatnonzero(kinds != contents.labels[there])
        if len(changed):
            k = int(np.flatnonzero(there)[changed[0]])
            raise _changed_kind(
                raw.label, int(contents.ids[k]), str(contents.labels[k]), str(kinds[changed[0]])
            )
        positions = np.asarray(raw.positions, np.float64)
        if not raw.unwrapped and raw.images is not None:
            positions = raw.box.unwrap(positions, raw.images)
        filled = np.full((len(rows), contents.dimension), np.nan)
        filled[there] = positions[rows[there]]
        return OrderedFrame(filled, raw.box, self.time_of(raw, index), raw.label)

    def _rows(self, raw: FileFrame) -> NDArray[np.int64]:
        """Return the row of each particle in a frame of the file; -1 where it is absent."""
        contents = self.contents
        if raw.ids is None:
            if raw.n_particles != len(contents.ids):
                raise FileFormatError(
                    f"{raw.label} has {raw.n_particles} particles, the first frame {len(contents.ids)}, and there are no ids "
                    "to say which is which. Write the trajectory with ids."
                )
            return contents.ids
        order = np.argsort(raw.ids, kind="stable")
        ids = np.asarray(raw.ids, np.int64)[order]
        if np.array_equal(ids, contents.ids):
            return order
        _refuse_repeated(ids, raw.label)
        place = np.minimum(np.searchsorted(ids, contents.ids), len(ids) - 1) if len(ids) else None
        there = np.zeros(len(contents.ids), bool) if place is None else ids[place] == contents.ids
        if not self.may_be_absent:
            raise FileFormatError(_difference(raw.label, ids, contents.ids))
        rows = np.full(len(contents.ids), -1)
        if place is not None:
            rows[there] = order[place[there]]
        return rows

    def time_of(self, raw: FileFrame, index: int) -> float:
        """Return the time of a frame: steps times `time_step`, the file's own time, its step, or its number."""
        if self.time_step is not None:
            if raw.step is None:
                raise ParameterError(
                    f"{raw.label} has no step that `time_step` could be multiplied with. Leave it out."
                )
            return raw.step * self.time_step
        if raw.time is not None:
            return float(raw.time)
        return float(self.selected[index] if raw.step is None else raw.step)

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
        """Yield frames [start, stop) as configurations; positions unwrapped from `start` on.

        Raises
        ------
        FileFormatError
            As of `ordered`.
        """
        for frame in self.ordered(start, stop):
            yield self._frame(frame)

    def __iter__(self) -> Iterator[Frame]:
        return self.frames()

    def __getitem__(self, index: int) -> Frame:
        """Return one frame; wrapped positions stay wrapped."""
        k = range(self.n_frames)[index]
        return next(self.frames(k, k + 1))

    def _frame(self, frame: OrderedFrame) -> Frame:
        from vitrify.particles import Frame

        contents = self.contents
        present = np.flatnonzero(~np.isnan(frame.positions).any(axis=1))
        return Frame(
            frame.positions[present],
            contents.species[present],
            frame.box,
            contents.species_names,
            frame.label,
            present,
        )

    def save(self, store: str | Path, positions: str, **options: Any) -> Trajectory:
        """Write the frames into a trajectory store; see `vitrify.readers.importing.Import` for the options.

        Examples
        --------
        ``vitrify.read("dump.lammpstrj", species={"1": "A", "2": "B"}).save("run.zarr", "thermal")``
        """
        from vitrify.readers.importing import Import

        return Import(positions, **options).run(self, Path(store))


def read(
    *files: str | Path,
    format: str | None = None,
    species: Mapping[str, str] | None = None,
    species_by: str | None = None,
    species_edges: Sequence[float] = (),
    start: int = 0,
    stop: int | None = None,
    every: int = 1,
    absent: bool | None = None,
    time_step: float | None = None,
    **options: Any,
) -> Source:
    """Open files that together are one trajectory; nothing is read until frames are asked for.

    Parameters
    ----------
    *files : path
        In the order of time.
    format : str, optional
        Name of a reader (`vitrify.readers.READERS`); by default the one that recognizes the first file.
    species, species_by, species_edges, start, stop, every, absent, time_step
        As of `Source`.
    **options
        Of the reader.

    Returns
    -------
    Source
        ``for frame in source`` gives configurations, ``source.save("run.zarr", "thermal")`` a store.

    Raises
    ------
    FileFormatError, ParameterError, UnknownNameError
        As of `vitrify.readers.base.open_files`.
    """
    return Source(
        open_files(files, format, **options),
        dict(species or {}),
        species_by,
        tuple(species_edges),
        start,
        stop,
        every,
        absent,
        time_step,
    )


def _merged(
    ids: NDArray[np.int64],
    labels: NDArray[np.str_],
    here: NDArray[np.int64],
    kinds: NDArray[np.str_],
    label: str,
) -> tuple[NDArray[np.int64], NDArray[np.str_]]:
    """Return all ids, ascending, with their labels, after those of one more frame; each must keep its label."""
    place = np.searchsorted(ids, here)
    known = place < len(ids)
    known[known] = ids[place[known]] == here[known]
    changed = np.flatnonzero(labels[place[known]] != kinds[known])
    if len(changed):
        k = np.flatnonzero(known)[changed[0]]
        raise _changed_kind(label, int(here[k]), str(labels[place[k]]), str(kinds[k]))
    if known.all():
        return ids, labels
    ids, labels = np.concatenate([ids, here[~known]]), np.concatenate([labels, kinds[~known]])
    order = np.argsort(ids, kind="stable")
    return ids[order], labels[order]


# -- what is refused -------------------------------------------------------------------------------------------------


def _refuse_repeated(ascending: NDArray[np.int64], label: str) -> None:
    again = np.flatnonzero(np.diff(ascending) == 0)
    if len(again):
        raise FileFormatError(
            f"{label}: the id {ascending[again[0]]} stands there more than once ({len(again)} repeated ids in all). "
            "Write each particle once per frame."
        )


def _changed_kind(label: str, identity: int, before: str, now: str) -> FileFormatError:
    return FileFormatError(
        f"{label}: particle {identity} is '{now}', and was '{before}' before. A particle must keep its species; if ids are "
        "given to other particles on the way, split the trajectory there."
    )


def _difference(label: str, ids: NDArray[np.int64], known: NDArray[np.int64]) -> str:
    lost, new = np.setdiff1d(known, ids), np.setdiff1d(ids, known)
    words = []
    if len(lost):
        words.append(f"{len(lost)} of {len(known)} particles are missing, the first with id {lost[0]}")
    if len(new):
        words.append(f"{len(new)} are new, the first with id {new[0]}")
    return (
        f"{label}: {' and '.join(words)}. Where particles come and go, say so with `absent` (`--absent` on the command "
        "line); otherwise the file is damaged."
    )


def _names(reader: Reader) -> str:
    return reader.files[0].name + (f" and {len(reader.files) - 1} more" if len(reader.files) > 1 else "")


def _is_number(label: str) -> bool:
    try:
        float(label)
    except ValueError:
        return False
    return True


def _rank(label: str) -> tuple[float, str]:
    return (float(label) if _is_number(label) else np.inf, label)
