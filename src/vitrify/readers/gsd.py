"""GSD, the binary trajectories of HOOMD-blue."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import FileFormatError, ParameterError
from vitrify.particles.box import Box
from vitrify.readers._files import DOUBLE, SINGLE, digits_note, require_finite, spans
from vitrify.readers.base import FileFrame, Reader

_TAGS = ("log/particles/tag", "log/particles/id")
_NOT_COLUMNS = ("N", "types", "type_shapes", "typeid", "position", "image")


@dataclass(frozen=True)
class Gsd(Reader):
    """Trajectories in GSD, HOOMD's binary format, read chunk by chunk through its own package.

    Parameters
    ----------
    files : tuple of path
        In the order of time.
    time_step : float, optional
        Time of one step of the simulation. By default frames carry their step, and a time if ``log/time`` has it.

    Raises
    ------
    ParameterError
        If `time_step` is not positive.
    FileFormatError
        On reading: if a file is not GSD, ends too early, or is not a trajectory of particles.

    Notes
    -----
    **Box**: lx, ly, lz and HOOMD's tilt factors, which have no dimension: **b** = (xy ly, ly, 0), **c** = (xz lz, yz lz,
    lz). Its middle is the origin of coordinates. All axes are periodic, unless ``log/periodic`` says otherwise.
    **Two dimensions**: if the file says so in ``configuration/dimensions``; z is left out then.
    **Precision**: as stored, single or double. HOOMD's box is always single: positions that are unwrapped by images are
    then good to seven digits of the distance that the images stand for.
    **Identity**: rows stand in the order of HOOMD's tags, so row k is the same particle as long as N does not change.
    When particles come and go, HOOMD gives tags anew; then the trajectory needs them in ``log/particles/tag``.
    **Quantities that do not change** stand in frame 0 only, and hold for all frames.
    **A file that a simulation is writing** can be read: it ends with the last frame that was flushed when it was opened.

    Examples
    --------
    ``vitrify.read("run.gsd", time_step=0.005)``
    """

    name: ClassVar[str] = "gsd"
    suffixes: ClassVar[tuple[str, ...]] = (".gsd",)
    time_step: float | None = None

    def __post_init__(self) -> None:
        if self.time_step is not None and not self.time_step > 0:
            raise ParameterError(f"`time_step` must be positive; it is {self.time_step}.")

    @cached_property
    def _counts(self) -> tuple[int, ...]:
        """Frames in each file, as they were when first asked."""
        counts = []
        for path in self.files:
            with _opened(path) as file:
                counts.append(file.n_frames)
        return tuple(counts)

    @property
    def n_frames(self) -> int:
        """Frames in all files, as they were when first asked."""
        return sum(self._counts)

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[FileFrame]:
        """Yield frames [start, stop).

        Raises
        ------
        FileFormatError
            If a frame is damaged, has coordinates that are not finite, or if N changes and there are no tags.
        """
        first = None
        for k, own in spans(self._counts, start, stop):
            with _opened(self.files[k]) as file:
                if file.n_frames < own.stop:
                    raise FileFormatError(
                        f"{self.files[k]} has {file.n_frames} frames and had {self._counts[k]} before: it was changed while it "
                        "was read. Start again when it rests."
                    )
                for index in own:
                    frame = file.frame(index, self.time_step)
                    first = frame if first is None else first
                    if frame.ids is None and frame.n_particles != first.n_particles:
                        raise _unknown_identities(frame, first)
                    yield frame

    @cached_property
    def precision(self) -> int | None:
        """Significant digits of the positions in the first frame: 7 or 16."""
        with _opened(self.files[0]) as file:
            return SINGLE if file.particles(0, "position", file.n_particles(0)).itemsize < 8 else DOUBLE

    def notes(self) -> list[str]:
        """Return what single precision means, for the positions or for the box alone."""
        with _opened(self.files[0]) as file:
            box = file.chunk(0, "configuration/box")
        is_rounded = box is not None and np.array_equal(box, box.astype(np.float32))
        if self.precision == DOUBLE and not is_rounded:
            return []
        if self.precision == DOUBLE:
            return [
                "GSD keeps the box in single precision: where images are used, unwrapped positions are good to about 7 "
                "digits of the distance that a particle has travelled."
            ]
        return digits_note(self.precision)


def _unknown_identities(frame: FileFrame, first: FileFrame) -> FileFormatError:
    return FileFormatError(
        f"{frame.label} has {frame.n_particles} particles, {first.label} {first.n_particles}. GSD keeps particles in the "
        "order of HOOMD's tags, and HOOMD gives tags anew when particles come and go, so nobody can tell which is which. "
        f"Log the tags as '{_TAGS[0]}', or choose frames of one N with `start` and `stop`."
    )


@dataclass
class _OpenFile:
    """One file that is open: its chunks by frame, with what stands in frame 0 for all frames."""

    path: Path
    handle: Any
    _first: dict[str, NDArray[Any]] = field(default_factory=dict)

    @property
    def n_frames(self) -> int:
        return int(self.handle.nframes)

    def chunk(self, frame: int, name: str) -> NDArray[Any] | None:
        """Return a chunk of a frame, or that of frame 0 where the frame has none; None if neither has it."""
        try:
            if self.handle.chunk_exists(frame=frame, name=name):
                return np.asarray(self.handle.read_chunk(frame=frame, name=name))
            if name not in self._first and self.handle.chunk_exists(frame=0, name=name):
                self._first[name] = np.asarray(self.handle.read_chunk(frame=0, name=name))
        except (RuntimeError, OSError, ValueError, KeyError) as error:
            reason = str(error).removesuffix(f": {self.path}")
            raise FileFormatError(
                f"{self.path}, frame {frame}: '{name}' cannot be read: {reason}. The file is damaged or ends too early; "
                "leave the frame out, or write it again."
            ) from error
        return self._first.get(name)

    def n_particles(self, frame: int) -> int:
        """Return N of a frame."""
        stored = self.chunk(frame, "particles/N")
        return 0 if stored is None else int(stored[0])

    def particles(self, frame: int, name: str, n: int) -> NDArray[Any]:
        """Return a chunk with one row per particle that a frame cannot do without.

        Raises
        ------
        FileFormatError
            If there is none, or it has not `n` rows.
        """
        values = self.rows(frame, f"particles/{name}", n)
        if values is None:
            raise FileFormatError(
                f"{self.path}, frame {frame} has no 'particles/{name}' of {n} particles. It needs one, here or in frame 0."
            )
        return values

    def rows(self, frame: int, name: str, n: int) -> NDArray[Any] | None:
        """Return a chunk with one row for each of `n` particles, or None."""
        values = self.chunk(frame, name)
        return None if values is None or values.ndim == 0 or len(values) != n else values

    def names(self, prefix: str) -> list[str]:
        """Return the names of all chunks that begin so, in any frame."""
        return [str(name) for name in self.handle.find_matching_chunk_names(prefix)]

    def box(self, frame: int) -> Box:
        """Return the box of a frame, two-dimensional if the frame is."""
        stored = self.chunk(frame, "configuration/box")
        dimensions = self.chunk(frame, "configuration/dimensions")
        where = f"{self.path}, frame {frame}"
        if stored is None or stored.shape != (6,) or not np.isfinite(stored).all():
            raise FileFormatError(
                f"{where} has no box: 'configuration/box' is {stored}; six numbers are needed."
            )
        lx, ly, lz, xy, xz, yz = (float(v) for v in stored)
        d = 3 if dimensions is None else int(dimensions[0])
        if d not in (2, 3) or min((lx, ly, lz)[:d]) <= 0:
            raise FileFormatError(
                f"{where}: a box of {d} dimensions with edges {lx:g}, {ly:g}, {lz:g} has no volume."
            )
        vectors = np.array([[lx, 0.0, 0.0], [xy * ly, ly, 0.0], [xz * lz, yz * lz, lz]])[:d, :d]
        open_or_not = self.chunk(frame, "log/periodic")
        periodic = np.ones(d, bool)
        if open_or_not is not None and open_or_not.shape == (d,):
            periodic = open_or_not.astype(bool)
        return Box(vectors, -vectors.sum(axis=0) / 2, periodic)

    def labels(self, frame: int, n: int) -> NDArray[np.str_]:
        """Return the name of each particle's type."""
        letters = self.chunk(frame, "particles/types")
        names = np.array(
            ["A"] if letters is None else [bytes(row).split(b"\0")[0].decode() for row in letters]
        )
        stored = self.rows(frame, "particles/typeid", n)
        typeid = np.zeros(n, np.int64) if stored is None else stored.astype(np.int64)
        if n and typeid.max() >= len(names):
            raise FileFormatError(
                f"{self.path}, frame {frame}: a particle has type {typeid.max()}, and only {len(names)} types have names."
            )
        return names[typeid]

    def frame(self, index: int, time_step: float | None) -> FileFrame:
        """Return one frame."""
        n, box, label = self.n_particles(index), self.box(index), f"{self.path.name}, frame {index}"
        d = box.dimension
        ids, step = self.ids(index, n), self.step(index)
        positions = self.particles(index, "position", n)[:, :d].astype(np.float64)
        return FileFrame(
            require_finite(positions, label, ids),
            box,
            self.labels(index, n),
            ids,
            self.images(index, n, d),
            time=self.logged_time(index) if step is None or time_step is None else step * time_step,
            step=step,
            columns=self.columns(index, n),
            label=label,
        )

    def logged_time(self, frame: int) -> float | None:
        """Return the time that was logged with a frame, if any."""
        stored = self.chunk(frame, "log/time")
        return float(stored[0]) if stored is not None and stored.shape == (1,) else None

    def ids(self, frame: int, n: int) -> NDArray[np.int64] | None:
        """Return the tags, if the simulation logged them."""
        for name in _TAGS:
            tags = self.rows(frame, name, n)
            if tags is not None:
                return tags.astype(np.int64).reshape(n)
        return None

    def images(self, frame: int, n: int, d: int) -> NDArray[np.int64] | None:
        """Return which copy of the box each particle is in; None if no frame of the file says so."""
        stored = self.rows(frame, "particles/image", n)
        if stored is not None:
            return stored[:, :d].astype(np.int64)
        return np.zeros((n, d), np.int64) if self.names("particles/image") else None

    def step(self, frame: int) -> int | None:
        """Return the step; None if no frame of the file has one."""
        stored = self.chunk(frame, "configuration/step")
        if stored is None:
            return 0 if self.names("configuration/step") else None
        return int(stored[0])

    def columns(self, frame: int, n: int) -> dict[str, NDArray[Any]]:
        """Return all other chunks with one row per particle, those that were logged under their own names."""
        columns = {}
        for prefix in ("particles/", "log/particles/"):
            for name in self.names(prefix):
                short = name.removeprefix(prefix)
                if name in _TAGS or short in _NOT_COLUMNS:
                    continue
                values = self.rows(frame, name, n)
                if values is not None:
                    columns[short] = values
        return columns


@contextmanager
def _opened(path: Path) -> Iterator[_OpenFile]:
    """Open a file for reading; its frames are those that were complete at that moment."""
    import gsd.fl

    try:
        handle = gsd.fl.open(name=str(path), mode="r")
    except (RuntimeError, OSError) as error:
        reason = str(error).removesuffix(f": {path}")
        raise FileFormatError(
            f"{path} cannot be read as GSD: {reason}. It is of another format, or was cut off; copy it again, or name its "
            "format with `--format`."
        ) from error
    with handle:
        if handle.schema != "hoomd" or not handle.nframes:
            what = f"has the schema '{handle.schema}'" if handle.schema != "hoomd" else "has no frame yet"
            raise FileFormatError(f"{path} {what}; a trajectory of HOOMD's schema with frames is needed.")
        yield _OpenFile(path, handle)
