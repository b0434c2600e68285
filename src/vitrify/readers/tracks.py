"""Tracked particles under a microscope: tables in the columns of trackpy, CSV or parquet."""

from __future__ import annotations

import os
import tempfile
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as default
from functools import cached_property, reduce
from itertools import islice
from math import gcd
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import FileFormatError, ParameterError
from vitrify.files import guard_disk
from vitrify.particles import Box
from vitrify.readers._track_rows import FIRST_AXIS, FRAME, PARTICLE, PLACE, TableFiles
from vitrify.readers.base import FileFrame, Reader

IN_MEMORY = 2**27
_MOST_EMPTY = 100
_FEW_FRAMES = 1000
_FEWEST_FOR_STEP = 4
_AXES = "xyz"


class _Index(NamedTuple):
    """What one pass over all rows finds.

    Attributes
    ----------
    first, step : int
        Frame k of the trajectory has the number first + k · step in the files.
    starts : (n_frames + 1,) int
        Rows before each frame, once they are sorted by it.
    lowest, highest : (d,) float
        Of the coordinates, in the unit of the files.
    is_sorted : bool
        Whether the files have the frames in order.
    rows : (n, k) array or None
        All rows in the order of the frames; None if they stay in the files.
    places : list of (rows before, file, offset, line)
        Where each block of the files begins.
    """

    first: int
    step: int
    starts: NDArray[np.int64]
    lowest: NDArray[np.float64]
    highest: NDArray[np.float64]
    is_sorted: bool
    rows: NDArray[np.float64] | None
    places: list[tuple[int, int, int, int]]

    @property
    def numbers(self) -> range:
        """Number of each frame in the files."""
        return range(self.first, self.first + self.step * (len(self.starts) - 1), self.step)


@dataclass(frozen=True)
class Tracks(Reader):
    r"""Particles that were located and linked in images, one row per particle and frame.

    CSV (comma, tab or semicolon; also ``.gz``) or parquet with the columns ``frame``, ``particle``, ``x``, ``y`` and,
    in three dimensions, ``z``. Particles may appear, vanish and have gaps: a frame holds those that have a row. A frame
    number without any row is an empty frame; four or more numbers, all in steps of s, are frames s apart. All other
    columns are kept.

    Parameters
    ----------
    files : tuple of path
        Rows in any order. Frame numbers go on from file to file.
    pixel_size : float or tuple of float, default 1
        Length per unit of the coordinates: microns per pixel; one for all axes, or one each in the order x, y, z.
    frame_rate : float, optional
        Frames per unit of time. Without it time is the number of the frame.
    columns : mapping of str to str, or str
        Where names differ: ``{"frame": "t", "particle": "id"}`` or ``"frame=t,particle=id"``.
    species_column : str, optional
        Column that says the kind of each particle; by default all are of one kind, "A".
    field : tuple of float, optional
        Field of view (x0, x1, y0, y1[, z0, z1]) in the unit of the columns, that is in pixels; by default the bounding
        box of all positions, which is a little smaller.
    periodic : bool, str or tuple of bool, default False
        Axes along which the field repeats itself, such as "x", for tracks of simulations; needs `field`.

    Raises
    ------
    ParameterError
        If an option cannot be meant.
    FileFormatError
        Naming file and line: a column is missing, a coordinate is no number, a particle stands twice in a frame.

    Notes
    -----
    Up to 128 MiB of numbers are held in memory. Larger files are read again block by block if their rows are in the
    order of the frames; if not, they are sorted once into an unnamed file in the folder of temporary files (``TMPDIR``),
    which takes 8 bytes for each number and vanishes with the process.

    References
    ----------
    Allan, Caswell, Keim, van der Wel, Verweij, trackpy (the names of the columns).

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "tracks.csv"
    >>> _ = path.write_text("frame,particle,x,y\n0,7,10.5,20\n0,3,30,40\n2,7,11.5,20\n")
    >>> tracks = Tracks((path,), pixel_size=0.1, frame_rate=20.0, field=(0, 64, 0, 64))
    >>> [frame.n_particles for frame in tracks.frames()]
    [2, 0, 1]
    >>> last = list(tracks.frames())[-1]
    >>> last.ids.tolist(), last.positions.round(3).tolist(), last.time
    ([7], [[1.15, 2.0]], 0.1)
    """

    name: ClassVar[str] = "tracks"
    suffixes: ClassVar[tuple[str, ...]] = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet", ".pq")
    open_boundaries: ClassVar[bool] = True
    pixel_size: float | tuple[float, ...] = 1.0
    frame_rate: float | None = None
    columns: Mapping[str, str] | str = default(default_factory=dict)
    species_column: str | None = None
    field: tuple[float, ...] | None = None
    periodic: bool | str | tuple[bool, ...] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", _pairs(self.columns))
        for name in ("pixel_size", "field"):
            object.__setattr__(self, name, _as_numbers(name, getattr(self, name)))
        sizes = np.atleast_1d(self.pixel_size)
        if not (np.isfinite(sizes).all() and (sizes > 0).all()):
            raise ParameterError(
                f"`pixel_size` must be positive, in length per pixel; it is {self.pixel_size}."
            )
        if self.frame_rate is not None and not (np.isfinite(self.frame_rate) and self.frame_rate > 0):
            raise ParameterError(
                f"`frame_rate` must be positive, in frames per time; it is {self.frame_rate}."
            )
        if (
            self.field is not None
            and (np.diff(np.reshape(self.field[: len(self.field) // 2 * 2], (-1, 2))) <= 0).any()
        ):
            raise ParameterError(f"`field` is x0,x1,y0,y1 with x0 < x1 and so on; it is {self.field}.")
        if isinstance(self.periodic, list):
            object.__setattr__(self, "periodic", tuple(self.periodic))
        if isinstance(self.periodic, str) and set(self.periodic) - set(_AXES):
            raise ParameterError(f"`periodic` names axes, such as 'x' or 'xy'; it is '{self.periodic}'.")

    def __getstate__(self) -> dict[str, Any]:
        """Only the parameters travel to another process, not the rows."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    # -- what is in the files ----------------------------------------------------------------------------------------

    @property
    def n_frames(self) -> int:
        """Frames from the first number to the last, empty ones included."""
        return len(self._index.starts) - 1

    @property
    def dimension(self) -> int:
        """Two or three; a third coordinate that is the same everywhere is left out."""
        flat = self._table.dimension == 3 and self._index.lowest[2] == self._index.highest[2]
        return 2 if flat else self._table.dimension

    @property
    def precision(self) -> int | None:
        """Significant decimal digits of the coordinates: the most that one has near the beginning of a file."""
        return self._table.digits

    @property
    def random_access(self) -> bool:
        """The rows are looked through once before the first frame, so that many processes would do so many times."""
        return False

    def notes(self) -> list[str]:
        """Return what was assumed, and what of the files limits the analysis."""
        index, found = self._index, []
        empty = int((np.diff(index.starts) == 0).sum())
        if self.field is None:
            sides = zip(_AXES, index.lowest, index.highest, strict=False)
            box = ", ".join(f"{axis} from {a:.6g} to {b:.6g}" for axis, a, b in sides)
            found.append(
                f"The field of view is taken as the bounding box of all positions, {box} in the unit of the columns. "
                "Give `field` if you know it."
            )
        if index.step > 1:
            found.append(
                f"Frame numbers go in steps of {index.step}: they are taken as {self.n_frames} frames {index.step} apart."
            )
        if empty:
            found.append(
                f"{empty} of {self.n_frames} frames have no particle at all; they are kept as empty frames."
            )
        if self._table.whole_pixels:
            found.append("All coordinates are whole numbers: displacements below one pixel are lost.")
        if self._table.dimension == 3 and self.dimension == 2:
            found.append(
                f"All particles have z = {index.lowest[2]:g}: the tracks are taken as two-dimensional."
            )
        return found

    @cached_property
    def _table(self) -> TableFiles:
        text = () if self.species_column is None else (self.species_column,)
        assert isinstance(self.columns, dict)
        table = TableFiles(self.files, self.columns, text)
        if self.species_column is not None and self.species_column not in table.codes:
            raise ParameterError(
                f"`species_column` = '{self.species_column}' is none of the other columns of {self.files[0]}: "
                f"{', '.join(table.others) or 'there are none'}."
            )
        return table

    @cached_property
    def _index(self) -> _Index:
        """Look through all rows once; keep them if they fit."""
        table, d = self._table, self._table.dimension
        counts: dict[int, int] = {}
        lowest, highest = np.full(d, np.inf), np.full(d, -np.inf)
        held: list[NDArray[np.float64]] | None = []
        places: list[tuple[int, int, int, int]] = []
        n_rows, is_sorted, last = 0, True, -np.inf
        for block in table.blocks():
            values = block.values
            self._require_numbers(values)
            frames = values[:, FRAME]
            is_sorted = is_sorted and bool(frames[0] >= last and (np.diff(frames) >= 0).all())
            last = frames[-1]
            for frame, count in zip(*np.unique(frames, return_counts=True), strict=True):
                counts[int(frame)] = counts.get(int(frame), 0) + int(count)
            axes = values[:, FIRST_AXIS : FIRST_AXIS + d]
            lowest, highest = np.minimum(lowest, axes.min(axis=0)), np.maximum(highest, axes.max(axis=0))
            if not places or places[-1][1:] != block[1:]:  # parts of one row group begin where it begins
                places.append((n_rows, *block[1:]))
            n_rows += len(values)
            if held is not None:
                held.append(values)
                held = held if sum(v.nbytes for v in held) <= IN_MEMORY else None
        first, step = self._numbering(counts)
        in_order = [counts.get(f, 0) for f in range(first, max(counts) + 1, step)]
        starts = np.concatenate([[0], np.cumsum(in_order)])
        rows = None
        if held is not None:
            rows = np.concatenate(held)
            rows = rows if is_sorted else rows[np.argsort(rows[:, FRAME], kind="stable")]
        elif not is_sorted:
            rows = self._sorted_on_disk(starts, first, step)
        return _Index(first, step, starts, lowest, highest, is_sorted, rows, places)

    def _numbering(self, counts: dict[int, int]) -> tuple[int, int]:
        """Return the first frame number and the step from one to the next."""
        if not counts:
            raise FileFormatError(
                f"{self.files[0]} has a header and no rows. Check that it was written to its end."
            )
        numbers = np.array(sorted(counts))
        step = reduce(gcd, np.diff(numbers).tolist(), 0) if len(numbers) >= _FEWEST_FOR_STEP else 1
        n_frames = (numbers[-1] - numbers[0]) // step + 1
        if n_frames > _FEW_FRAMES + _MOST_EMPTY * len(numbers):
            raise FileFormatError(
                f"{self.files[0]}: the column '{self._table.roles['frame']}' runs from {numbers[0]} to {numbers[-1]}, but only "
                f"{len(numbers)} numbers occur. Is it a time or an id? Name the column of frame numbers with `columns`."
            )
        return int(numbers[0]), step

    def _sorted_on_disk(self, starts: NDArray[np.int64], first: int, step: int) -> NDArray[np.float64]:
        """Return all rows in the order of the frames, in an unnamed temporary file."""
        rows, filled = None, starts[:-1].copy()
        for block in self._table.blocks():
            if rows is None:
                rows = _array_on_disk((int(starts[-1]), block.values.shape[1]))
            values = block.values[np.argsort(block.values[:, FRAME], kind="stable")]
            frame = ((values[:, FRAME] - first) // step).astype(np.int64)
            which, begin, count = np.unique(frame, return_index=True, return_counts=True)
            rows[np.repeat(filled[which] - begin, count) + np.arange(len(frame))] = values
            filled[which] += count
        assert rows is not None
        return rows

    def _require_numbers(self, values: NDArray[np.float64]) -> None:
        """Refuse rows with a frame, particle or coordinate that cannot be one."""
        names = [*self._table.roles.values()]
        columns = [FRAME, PARTICLE, *range(FIRST_AXIS, FIRST_AXIS + self._table.dimension)]
        wrong = ~np.isfinite(values[:, columns])
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            raise FileFormatError(
                f"{self._table.place_of(values[row, PLACE])}: `{names[column]}` is missing or not finite. Remove the row; a "
                "particle may be absent from a frame."
            )
        for column in (FRAME, PARTICLE):
            odd = np.flatnonzero((values[:, column] % 1 != 0) | (np.abs(values[:, column]) >= 2.0**53))
            if len(odd):
                raise FileFormatError(
                    f"{self._table.place_of(values[odd[0], PLACE])}: `{names[column]}` is {values[odd[0], column]!s}; it must "
                    "be a whole number. Check `columns`."
                )

    # -- frames ------------------------------------------------------------------------------------------------------

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[FileFrame]:
        """Yield frames [start, stop), empty ones included, with the rows of each in the order of the files.

        Raises
        ------
        FileFormatError
            If a particle stands twice in a frame, or the file changes meanwhile.
        """
        wanted = range(self.n_frames)[start:stop]
        box = self._box()
        for k, rows in zip(wanted, self._rows(wanted), strict=True):
            yield self._frame(k, rows, box)

    def _rows(self, wanted: range) -> Iterator[NDArray[np.float64]]:
        """Yield the rows of each frame."""
        index = self._index
        if index.rows is not None:
            yield from (index.rows[index.starts[k] : index.starts[k + 1]] for k in wanted)
            return
        if not len(wanted):
            return
        at = bisect_right([before for before, *_ in index.places], index.starts[wanted.start]) - 1
        before, *place = index.places[at]
        blocks = (block.values for block in self._table.blocks(*place))
        held, position = next(blocks), before
        for k in wanted:
            a, b = index.starts[k], index.starts[k + 1]
            while position + len(held) < b:
                rest = held[max(0, a - position) :]
                position += len(held) - len(rest)
                held = np.concatenate([rest, *islice(blocks, 1)])
                if len(held) == len(rest):
                    raise FileFormatError(
                        f"{self.files[-1]} changed while it was read. Wait until it is complete."
                    )
            yield held[a - position : b - position]

    def _frame(self, k: int, rows: NDArray[np.float64], box: Box) -> FileFrame:
        table, d, number = self._table, self.dimension, self._index.numbers[k]
        ids = rows[:, PARTICLE].astype(np.int64)
        label = f"{self.files[0].name}, frame {number}"
        if len(rows):
            label += f", from {table.place_of(rows[:, PLACE].min()).rpartition(', ')[2]}"
        self._require_once(ids, rows, number)
        n_axes = FIRST_AXIS + table.dimension
        columns = {n: table.words(n, rows[:, n_axes + j]) for j, n in enumerate(table.others)}
        one_kind = np.full(len(rows), "A")
        return FileFrame(
            positions=rows[:, FIRST_AXIS : FIRST_AXIS + d] * self._pixels(),
            box=box,
            labels=one_kind if self.species_column is None else columns[self.species_column],
            ids=ids,
            unwrapped=not box.periodic.any(),
            time=None if self.frame_rate is None else number / self.frame_rate,
            step=number,
            columns=columns,
            label=label,
        )

    def _require_once(self, ids: NDArray[np.int64], rows: NDArray[np.float64], number: int) -> None:
        order = np.argsort(ids, kind="stable")
        again = np.flatnonzero(np.diff(ids[order]) == 0)
        if len(again):
            first, second = order[again[0]], order[again[0] + 1]
            places = " and ".join(self._table.place_of(rows[r, PLACE]) for r in (first, second))
            raise FileFormatError(
                f"Particle {ids[first]} stands twice in frame {number}: {places} ({len(again)} repeated in this frame). "
                "Link the tracks again, or remove one of the rows."
            )

    def _pixels(self) -> NDArray[np.float64]:
        """Return the length of a pixel along each axis."""
        sizes = np.atleast_1d(np.asarray(self.pixel_size, float))
        if len(sizes) not in (1, self.dimension, self._table.dimension):
            raise ParameterError(
                f"`pixel_size` needs one number, or one for each of {self.dimension} axes; it has {len(sizes)}."
            )
        return np.resize(sizes, self._table.dimension)[: self.dimension]

    def _box(self) -> Box:
        """Return the field of view as a box."""
        d, index = self.dimension, self._index
        low, high = index.lowest[:d], index.highest[:d]
        periodic = self._periodic_axes()
        if self.field is None:
            if any(periodic):
                raise ParameterError(
                    "`periodic` needs `field`: the bounding box of the positions is no period."
                )
            if (high <= low).any():
                axis = _AXES[int(np.argmax(high <= low))]
                raise FileFormatError(
                    f"{self.files[0]}: all particles have the same {axis}, so that the field of view is unknown. Give `field`."
                )
        else:
            sides = np.reshape(self.field[: len(self.field) // 2 * 2], (-1, 2))
            if len(self.field) not in (2 * d, 2 * self._table.dimension):
                raise ParameterError(
                    f"`field` needs {2 * d} numbers for {d} axes, x0,x1,y0,y1 and so on; it has {len(self.field)}."
                )
            outside = ~np.array(periodic) & ((low < sides[:d, 0]) | (high > sides[:d, 1]))
            if outside.any():
                k = int(np.argmax(outside))
                raise ParameterError(
                    f"`field` has {_AXES[k]} from {sides[k, 0]:g} to {sides[k, 1]:g}, but there are particles from "
                    f"{low[k]:g} to {high[k]:g}. It is given in the unit of the columns, before `pixel_size`."
                )
            low, high = sides[:d, 0], sides[:d, 1]
        scale = self._pixels()
        return Box.orthorhombic((high - low) * scale, low * scale, periodic)

    def _periodic_axes(self) -> list[bool]:
        if isinstance(self.periodic, str):
            return [axis in self.periodic for axis in _AXES[: self.dimension]]
        if isinstance(self.periodic, bool):
            return [self.periodic] * self.dimension
        if len(self.periodic) != self.dimension:
            raise ParameterError(
                f"`periodic` needs one entry for each of {self.dimension} axes; it has {len(self.periodic)}."
            )
        return [bool(p) for p in self.periodic]


def _array_on_disk(shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return an array in an unnamed file, whose room is taken at once: nothing is left of it if the process is killed."""
    folder = Path(tempfile.gettempdir())
    with guard_disk(folder), tempfile.TemporaryFile(dir=folder) as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, 8 * shape[0] * shape[1])
        return np.memmap(file, np.float64, "w+", shape=shape)


def _pairs(columns: Mapping[str, str] | str) -> dict[str, str]:
    """Return "frame=t,particle=id" as a dict."""
    if isinstance(columns, str):
        parts = [part.partition("=") for part in columns.split(",") if part.strip()]
        columns = {role.strip(): name.strip() for role, _, name in parts}
    for role, name in columns.items():
        if role not in ("frame", "particle", *_AXES) or not name:
            raise ParameterError(
                f"`columns` says which column is frame, particle, x, y or z, as in frame=t,particle=id; '{role}={name}' is none."
            )
    return dict(columns)


def _as_numbers(name: str, value: Any) -> Any:
    """Return a number or a tuple of numbers, from what is typed on a command line as well."""
    if value is None:
        return None
    parts: Any = value.split(",") if isinstance(value, str) and "," in value else value
    try:
        return tuple(float(p) for p in parts) if np.ndim(parts) or name == "field" else float(parts)
    except (TypeError, ValueError):
        raise ParameterError(f"`{name}` is a number or a list of numbers; it is '{value}'.") from None
