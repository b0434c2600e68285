"""Which array of a file is what: by the names that were given, by H5MD's paths, or by common names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import FileFormatError, ParameterError
from vitrify.particles.box import Box
from vitrify.readers._array_files import ArrayFile, Stored
from vitrify.readers._files import require_finite, typed_vectors
from vitrify.readers.base import FileFrame

ARRAYS = {
    "positions": ("positions", "position", "coordinates", "pos", "x", "r"),
    "species": ("species", "types", "type", "typeid", "particle_types", "elements"),
    "box": ("box", "cell", "box_vectors", "lattice", "box_size", "L"),
    "times": ("times", "time", "t"),
    "ids": ("ids", "id"),
    "images": ("images", "image"),
}
"""What is looked for, and the names that each commonly has."""
_H5MD = {"positions": "position", "species": "species", "box": "box/edges", "ids": "id", "images": "image"}


def layout_of(
    file: ArrayFile,
    names: Mapping[str, str | None],
    group: str | None = None,
    lengths: tuple[float, ...] | None = None,
) -> Layout:
    """Find everything of a frame in an open file.

    Parameters
    ----------
    file : ArrayFile
    names : mapping of str to str or None
        Which array is what, for each of `ARRAYS`; None to look for it.
    group : str, optional
        Of H5MD's ``particles``.
    lengths : tuple of float, optional
        Box of a file that has none.

    Raises
    ------
    ParameterError, FileFormatError
        As of `vitrify.readers.arrays.Arrays`.
    """
    return _Finder(file, names, group, lengths).layout()


@dataclass(frozen=True)
class _Series:
    """An array for each frame, or one for all frames."""

    at: Callable[[int], NDArray[Any]]
    stored: Stored

    @classmethod
    def constant(cls, stored: Stored) -> _Series:
        held = lru_cache(maxsize=1)(stored.whole)
        return cls(lambda _: held(), stored)

    @classmethod
    def by_frame(cls, stored: Stored, rows: NDArray[np.int64] | None = None) -> _Series:
        return cls(stored.row if rows is None else lambda k: stored.row(int(rows[k])), stored)


@dataclass(frozen=True)
class Layout:
    """Where everything of a frame is, in one open file."""

    path: Path
    positions: Stored
    single: bool
    box: Callable[[int], Box]
    species: _Series | None
    ids: _Series | None
    images: _Series | None
    columns: dict[str, _Series]
    times: NDArray[np.float64] | None
    steps: NDArray[np.int64] | None
    absent_id: int | None
    notes: list[str]

    @property
    def n_frames(self) -> int:
        return 1 if self.single else self.positions.shape[0]

    @property
    def random_access(self) -> bool:
        return self.single or self.positions.random_access

    def frame(self, index: int, unwrapped: bool) -> FileFrame:
        label = f"{self.path.name}, frame {index}"
        positions = np.array(self.positions.whole() if self.single else self.positions.row(index), np.float64)
        n = len(positions)
        ids = None if self.ids is None else self.ids.at(index).astype(np.int64)
        images = None if self.images is None else self.images.at(index).astype(np.int64)
        labels = np.full(n, "1") if self.species is None else _words(self.species.at(index))
        columns = {name: series.at(index) for name, series in self.columns.items()}
        if ids is not None and self.absent_id is not None:
            there = (ids >= 0) & (ids != self.absent_id)
            if not there.all():
                positions, ids, labels = positions[there], ids[there], labels[there]
                images = None if images is None else images[there]
                columns = {name: values[there] for name, values in columns.items()}
        return FileFrame(
            require_finite(positions, label, ids),
            self.box(index),
            labels,
            ids,
            images,
            unwrapped,
            None if self.times is None else float(self.times[index]),
            None if self.steps is None else int(self.steps[index]),
            columns,
            label,
        )


def _words(values: NDArray[Any]) -> NDArray[np.str_]:
    if values.dtype.kind == "S":
        return np.char.decode(values, "utf-8", "replace")
    kinds, which = np.unique(values, return_inverse=True)  # text of a few kinds, not of a million numbers
    return kinds.astype(np.str_)[which]


class _Finder:
    """Finds the arrays of one open file by the names that were given, H5MD's paths, or common names."""

    def __init__(
        self,
        file: ArrayFile,
        names: Mapping[str, str | None],
        group: str | None,
        lengths: tuple[float, ...] | None,
    ) -> None:
        self.file, self.names, self.group, self.lengths = file, names, group, lengths
        self.notes: list[str] = []
        self.root = self._h5md_root()
        positions = self.named("positions") or self._only_array()
        if positions is None:
            raise ParameterError(
                f"{file.path}: no array of positions is known by its name. Name it with `positions`; the file has "
                f"{file.listing()}."
            )
        self.positions = positions
        shape = positions.shape
        if len(shape) not in (2, 3) or shape[-1] not in (2, 3) or positions.dtype.kind not in "fiu":
            raise self.wrong(
                "positions", positions, "(F, N, d) or (N, d) with d = 2 or 3 as the last axis, and numbers"
            )
        self.single = len(shape) == 2
        self.n_frames = 1 if self.single else shape[0]
        self.n, self.d = shape[-2:]

    def layout(self) -> Layout:
        """Return where everything is.

        Raises
        ------
        FileFormatError
            If shapes do not fit together.
        """
        species, ids, images = self.per_particle("species"), self.per_particle("ids"), self.images()
        if species is None:
            self.notes.append("There is no array of species: all particles are of one kind.")
        for name, series in (("ids", ids), ("images", images)):
            if series is not None and series.stored.dtype.kind not in "iu":
                raise self.wrong(name, series.stored, "integers")
        box = self.box()
        return Layout(
            self.file.path,
            self.positions,
            self.single,
            box,
            species,
            ids,
            images,
            self.columns(),
            self.times(),
            self.steps(),
            None if ids is None or not self.root else self.fill_value(ids.stored),
            self.notes,
        )

    # -- names -------------------------------------------------------------------------------------------------------

    def _h5md_root(self) -> str:
        """Return "particles/<group>/", or nothing if the file is not laid out as H5MD."""
        wanted = self.group
        groups = sorted(
            {
                name.split("/")[1]
                for name in self.file.arrays
                if name.startswith("particles/") and name.split("/")[2:3] == ["position"]
            }
        )
        if wanted is None and len(groups) > 1 and self.names["positions"] is None:
            raise ParameterError(
                f"{self.file.path} has several groups of particles: {', '.join(groups)}. Choose one with `group`."
            )
        if wanted is not None and wanted not in groups:
            raise ParameterError(
                f"{self.file.path} has no group 'particles/{wanted}' with positions. It has: {', '.join(groups) or 'none'}; and "
                f"the arrays {self.file.listing()}."
            )
        chosen = wanted or (groups[0] if len(groups) == 1 else None)
        return f"particles/{chosen}/" if chosen else ""

    def _only_array(self) -> Stored | None:
        return next(iter(self.file.arrays.values())) if self.file.path.suffix.lower() == ".npy" else None

    def named(self, what: str) -> Stored | None:
        """Return an array by the name given for it, by H5MD's path or by a common name; None if there is none."""
        given = self.names[what]
        if given is not None:
            found = self.at(given.strip("/"))
            if found is None:
                raise ParameterError(
                    f"{self.file.path} has no array '{given}' for `{what}`. It has: {self.file.listing()}."
                )
            return found
        if self.root:
            return self.at(self.root + _H5MD[what]) if what in _H5MD else None
        return next((a for a in map(self.at, ARRAYS[what]) if a is not None), None)

    def at(self, name: str) -> Stored | None:
        """Return an array, or the values of an element of H5MD."""
        return self.file.arrays.get(name) or self.file.arrays.get(f"{name}/value")

    def wrong(self, what: str, stored: Stored, needed: str) -> FileFormatError:
        """Return the complaint that an array does not fit."""
        beside = "" if what == "positions" else f" Positions are {self.positions}."
        return FileFormatError(
            f"{self.file.path}: `{what}` needs {needed}; it is {stored}.{beside} If axes are swapped, "
            f"save them the other way round, or name another array; the file has {self.file.listing()}."
        )

    # -- shapes ------------------------------------------------------------------------------------------------------

    def series(self, stored: Stored, tail: tuple[int, ...]) -> _Series | None:
        """Return an array as one entry per frame, or the same for all; None if its shape is neither."""
        element = stored.name.endswith("/value")
        if stored.shape == tail and not element:
            return _Series.constant(stored)
        if stored.shape[1:] != tail or not stored.shape:
            return None
        rows = self.matching_rows(stored) if element else None
        if rows is None and stored.shape[0] != self.n_frames:
            return None
        return _Series.by_frame(stored, rows)

    def matching_rows(self, stored: Stored) -> NDArray[np.int64] | None:
        """Return which entry of an element of H5MD belongs to each frame, by their steps; None if they go together."""
        own, ours = self.steps_of(stored), self.steps_of(self.positions)
        if own is None or ours is None or np.array_equal(own, ours):
            return None
        place = np.minimum(np.searchsorted(own, ours), len(own) - 1)
        missing = np.flatnonzero(own[place] != ours)
        if len(missing):
            raise FileFormatError(
                f"{self.file.path}: '{stored.name}' has no entry for step {ours[missing[0]]} of the positions ({len(missing)} "
                "steps in all). Write both at the same steps."
            )
        return place

    def per_particle(self, what: str) -> _Series | None:
        """Return species or ids."""
        stored = self.named(what)
        if stored is None:
            return None
        series = self.series(stored, (self.n,))
        if series is None:
            raise self.wrong(what, stored, f"shape ({self.n},) or ({self.n_frames}, {self.n})")
        return series

    def images(self) -> _Series | None:
        stored = self.named("images")
        if stored is None:
            return None
        series = self.series(stored, (self.n, self.d))
        if series is None or (stored.shape == (self.n, self.d) and self.n_frames > 1):
            raise self.wrong("images", stored, f"the shape of the positions, {self.positions.shape}")
        return series

    def columns(self) -> dict[str, _Series]:
        """Return all other arrays with one entry per particle."""
        used = {
            a.name for a in map(self.named, ("species", "box", "times", "ids", "images")) if a is not None
        } | {self.positions.name}
        columns = {}
        for name, stored in self.file.arrays.items():
            if name in used or not name.startswith(self.root) or stored.dtype.kind in "VO":
                continue
            if self.root and name.endswith(("/step", "/time")):
                continue
            by_frame, by_particle = stored.shape[1:2] == (self.n,), stored.shape[:1] == (self.n,)
            series = self.series(stored, stored.shape[1:]) if by_frame else None
            if series is None and by_particle:
                series = self.series(stored, stored.shape)
            if series is not None and len(stored.shape) <= 3 and stored.shape != (self.n, self.n):
                columns[name.removeprefix(self.root).removesuffix("/value")] = series
        return columns

    # -- box ---------------------------------------------------------------------------------------------------------

    def box(self) -> Callable[[int], Box]:
        """Return the box of each frame."""
        stored, d = self.named("box"), self.d
        given = self.lengths
        periodic = self.boundary()
        if stored is None:
            if given is None:
                raise ParameterError(
                    f"{self.file.path} has no box. Give its edges with `lengths`, as in '10 10 10', or name the array with `box`; "
                    f"the file has {self.file.listing()}."
                )
            fixed = Box(typed_vectors(given, d, "lengths"), periodic=periodic)
            return lambda _: fixed
        if given is not None:
            raise ParameterError(
                f"{self.file.path} has a box, '{stored.name}' {stored.shape}. Leave `lengths` out."
            )
        series = self.box_series(stored)
        where = f"{self.file.path}, frame"
        return lambda k: self.checked_box(series.at(k), periodic, f"{where} {k}")

    def box_series(self, stored: Stored) -> _Series:
        d, element = self.d, stored.name.endswith("/value")
        if stored.shape in ((), (1,)) and not element:
            return _Series.constant(stored)
        if stored.shape == (d, d) and not element:
            of_h5md = self.root and self.names["box"] is None
            if self.n_frames == d and not of_h5md and (stored.whole() > 0).all():
                raise self.wrong(
                    "box",
                    stored,
                    f"shape ({d}, {d}, {d}), since edges of {d} frames and {d} vectors look the same",
                )
            return _Series.constant(stored)
        for tail in ((d,), (d, d)):
            series = self.series(stored, tail)
            if series is not None and stored.dtype.kind in "fiu":
                return series
        raise self.wrong(
            "box", stored, f"shape ({d},), ({d}, {d}), ({self.n_frames}, {d}) or ({self.n_frames}, {d}, {d})"
        )

    def checked_box(self, values: NDArray[Any], periodic: NDArray[np.bool_], label: str) -> Box:
        edges = np.asarray(values, np.float64)
        edges = np.full(self.d, edges.item()) if edges.size == 1 else edges
        vectors = np.diag(edges) if edges.ndim == 1 else edges
        if (
            not np.isfinite(vectors).all()
            or (edges.ndim == 1 and (edges <= 0).any())
            or not np.linalg.det(vectors)
        ):
            raise FileFormatError(f"{label}: its box {edges.tolist()} has no volume. Edges must be positive.")
        return Box(vectors, periodic=periodic)

    def boundary(self) -> NDArray[np.bool_]:
        """Return which axes are periodic: as H5MD says, else all."""
        said = self.file.attributes(f"{self.root}box").get("boundary") if self.root else None
        if said is None:
            return np.ones(self.d, bool)
        words = [w.decode() if isinstance(w, bytes) else str(w) for w in np.ravel(said)]
        words = words * self.d if len(words) == 1 else words
        if len(words) != self.d or not set(words) <= {"periodic", "none"}:
            raise FileFormatError(
                f"{self.file.path}: the boundary of '{self.root}box' should be 'periodic' or 'none' for each of {self.d} axes; "
                f"it is {', '.join(words)}."
            )
        return np.array([w == "periodic" for w in words])

    # -- time --------------------------------------------------------------------------------------------------------

    def times(self) -> NDArray[np.float64] | None:
        """Return the time of each frame."""
        if self.root and self.names["times"] is None:
            return self.beside(self.positions, "time", np.float64)
        stored = self.named("times")
        if stored is None:
            return None
        if stored.shape != (self.n_frames,) or stored.dtype.kind not in "fiu":
            if self.single and self.names["times"] is None:
                self.notes.append(
                    f"'{stored}' is not the time of the one frame that the file holds, and is left out."
                )
                return None
            raise self.wrong("times", stored, f"shape ({self.n_frames},) and numbers")
        times = stored.whole().astype(np.float64)
        if not np.isfinite(times).all():
            raise FileFormatError(
                f"{self.file.path}: '{stored.name}' has times that are not finite. Leave them out or repair them."
            )
        return times

    def steps(self) -> NDArray[np.int64] | None:
        """Return the step of each frame, if H5MD says so."""
        return self.steps_of(self.positions)

    def steps_of(self, stored: Stored) -> NDArray[np.int64] | None:
        return self.beside(stored, "step", np.int64)

    def beside(self, stored: Stored, what: str, kind: type) -> NDArray[Any] | None:
        """Return the steps or times of an element of H5MD: one per entry, or an increment and an offset."""
        if not stored.name.endswith("/value"):
            return None
        beside = self.file.arrays.get(stored.name.removesuffix("value") + what)
        if beside is None:
            return None
        n = stored.shape[0]
        values = beside.whole()
        if beside.shape == ():
            offset = self.file.attributes(beside.name).get("offset", 0)
            return (np.asarray(offset) + values * np.arange(n)).astype(kind)
        if beside.shape != (n,):
            raise self.wrong(what, beside, f"shape ({n},), one for each entry of '{stored.name}'")
        return values.astype(kind)

    def fill_value(self, stored: Stored) -> int:
        """Return the id that stands for no particle."""
        return int(getattr(getattr(stored, "dataset", None), "fillvalue", 0)) or -1
