"""Extended XYZ, line by line, and every other format that ASE can read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import FileFormatError, ParameterError
from vitrify.particles.box import Box
from vitrify.readers._extxyz import XyzFile, XyzFrame
from vitrify.readers._files import digits_note, require_finite, spans, typed_numbers, typed_vectors
from vitrify.readers.base import FileFrame, Reader

_XYZ = ("xyz", "extxyz")
_UNSAFE = ("py", "bundletrajectory", "db", "mysql", "postgresql", "aselmdb")
_EVERYBODYS = (".out", ".log", ".dat", ".in", ".json", ".txt", ".md")
_ASE_JSON = re.compile(rb'\s*\{\s*"\d+"\s*:')
_PEEK = 2000
_STEP_IN_COMMENT = re.compile(r"^(?:MD iter:|Atoms\. Timestep:)\s*(\d+)")  # DFTB+ and LAMMPS' `dump xyz`


@dataclass(frozen=True)
class Ase(Reader):
    """Extended XYZ, and structures and trajectories in any other format of the Atomic Simulation Environment.

    Parameters
    ----------
    files : tuple of path
        In the order of time.
    unwrapped : bool, default False
        Whether positions can be followed from frame to frame as they stand. The formats do not say.
    cell : str or tuple of float, length, optional
        For files without a box: edges "lx ly lz", or the nine components of the cell vectors, one after the other (two
        or four in 2D). Its corner is at the origin.
    periodic : bool, default True
        Whether `cell` repeats. If not, it is the field of view, with open boundaries.
    dimension : {3, 2}
        2 leaves z out, which must be the same for all particles of a frame.
    ase_format : str, optional
        ASE's name of the format, where the name of the file does not tell.

    Raises
    ------
    ParameterError
        If `cell` does not fit `dimension`, or the format is one that runs the file as a program.
    FileFormatError
        On reading: with file, frame and line for XYZ, and in ASE's words for other formats.

    Notes
    -----
    **Box**: the cell of the file. Along an axis without a cell vector the boundary is open, and the box is as long as the
    particles of the frame reach; a file without any cell is open all around. Give `cell` where that is not so.
    **XYZ**: cell and periodicity as in extended XYZ, the corner from ``Origin``; species from `species`, `Z` or `type`,
    identities from `id`, periodic images from `image` (three integers). All other columns are kept. Time and step come
    from ``Time`` and ``Step`` or ``Timestep`` of the second line, and from what DFTB+ and LAMMPS write there.
    **Other formats**: elements, cell and arrays of ASE; formats of one structure give one frame. Most can only be read
    from the first frame on, and some of ASE's modules hold the whole file in memory.

    Examples
    --------
    ``vitrify.read("Li13Si64.xyz", cell="11.477 11.477 11.477")``
    """

    name: ClassVar[str] = "ase"
    suffixes: ClassVar[tuple[str, ...]] = (".xyz", ".extxyz", ".xyz.gz", ".extxyz.gz")
    unwrapped: bool = False
    cell: str | Sequence[float] | None = None
    periodic: bool = True
    dimension: int = 3
    ase_format: str | None = None

    def __post_init__(self) -> None:
        if self.dimension not in (2, 3):
            raise ParameterError(f"`dimension` must be 2 or 3; it is {self.dimension}.")
        cell = typed_numbers(self.cell, "cell")
        if cell is not None:
            typed_vectors(cell, self.dimension, "cell")
        object.__setattr__(self, "cell", cell)
        if self.ase_format in _UNSAFE:
            raise ParameterError(
                f"`ase_format` must not be '{self.ase_format}': such files are programs or databases, and are not opened. "
                "Write the frames as extended XYZ."
            )

    @classmethod
    def recognizes(cls, path: Path) -> bool:
        """Whether it is XYZ by its name, or ASE knows the format by name or by its first bytes."""
        return super().recognizes(path) or _format_of(path) is not None

    # -- which frames ------------------------------------------------------------------------------------------------

    @cached_property
    def _texts(self) -> tuple[XyzFile | None, ...]:
        """Files that are XYZ; None for those that ASE itself reads."""
        return tuple(XyzFile(path) if self._is_xyz(path) else None for path in self.files)

    def _is_xyz(self, path: Path) -> bool:
        if self.ase_format is not None:
            return self.ase_format in _XYZ
        return path.name.lower().endswith(self.suffixes) or _format_of(path) in _XYZ

    @cached_property
    def _counts(self) -> tuple[int, ...]:
        return tuple(
            _n_frames_by_ase(path, self._ase_format(path)) if text is None else len(text.index[0])
            for path, text in zip(self.files, self._texts, strict=True)
        )

    @property
    def n_frames(self) -> int:
        """Frames in all files. The first call looks through them once."""
        return sum(self._counts)

    @property
    def random_access(self) -> bool:
        """Whether reading may begin anywhere: plain XYZ, ASE's own trajectories and single structures."""
        return all(
            not text.is_compressed if text is not None else n == 1 or self._ase_format(path) == "traj"
            for path, text, n in zip(self.files, self._texts, self._counts, strict=True)
        )

    def _ase_format(self, path: Path) -> str:
        found = self.ase_format or _format_of(path)
        if found is None:
            raise FileFormatError(
                f"{path} is of no format that ASE recognizes. Name ASE's format with `ase_format`, or write it as extended XYZ."
            )
        return found

    # -- frames ------------------------------------------------------------------------------------------------------

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[FileFrame]:
        """Yield frames [start, stop).

        Raises
        ------
        FileFormatError
            If a frame cannot be read, has coordinates that are not finite, or a box that cannot be.
        ParameterError
            If `cell` is given for a frame that has a cell of its own.
        """
        for k, own in spans(self._counts, start, stop):
            path, text = self.files[k], self._texts[k]
            if text is None:
                index = own.start
                for index, atoms in enumerate(_by_ase(path, self._ase_format(path), own), own.start + 1):
                    yield self._from_atoms(atoms, f"{path.name}, frame {index - 1}")
                if index < own.stop:
                    raise _ends_early(path, index, self._counts[k])
            else:
                large = text.is_large
                with text.open() as lines:
                    for index in own:
                        raw = text.read(lines, index, compiled=large)
                        where = f"{path.name}, frame {index}, line {int(text.index[1][index])}"
                        yield self._from_xyz(raw, where)

    def _from_xyz(self, raw: XyzFrame, label: str) -> FileFrame:
        columns = dict(raw.columns)
        values = {key.lower(): value for key, value in raw.values.items()}
        positions = columns.pop("pos")
        lattice = values.get("lattice")
        cell = np.zeros((3, 3)) if lattice is None else np.asarray(lattice, np.float64).T
        periodic = _three(values.get("pbc", lattice is not None), label, "pbc", "biu").astype(bool)
        origin = _three(values.get("origin", 0.0), label, "Origin", "fiu").astype(np.float64)
        labels, images = _kinds(columns, len(positions)), columns.pop("image", None)
        in_comment = _STEP_IN_COMMENT.match(raw.comment)
        when = _when(values) if in_comment is None else (values.get("time"), in_comment.group(1))
        return self._frame(label, positions, (cell, periodic, origin), labels, images, columns, when)

    def _from_atoms(self, atoms: Any, label: str) -> FileFrame:
        n = len(atoms)
        calculated = getattr(atoms.calc, "results", None) or {}
        columns = {
            name: np.asarray(values)
            for name, values in {**atoms.arrays, **calculated}.items()
            if name not in ("positions", "numbers") and np.shape(values)[:1] == (n,)
        }
        box = np.array(atoms.cell, np.float64), np.array(atoms.pbc, bool), np.zeros(3)
        labels = np.array(atoms.get_chemical_symbols(), dtype=np.str_)
        when = _when({str(key).lower(): value for key, value in atoms.info.items()})
        return self._frame(
            label, atoms.get_positions(), box, labels, columns.pop("image", None), columns, when
        )

    def _frame(
        self,
        label: str,
        positions: NDArray[np.float64],
        box: tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]],
        labels: NDArray[np.str_],
        images: NDArray[Any] | None,
        columns: dict[str, NDArray[Any]],
        when: tuple[Any, Any],
    ) -> FileFrame:
        ids = columns.pop("id", None)
        for name, whole in (("id", ids), ("image", images)):
            if whole is not None and whole.dtype.kind not in "iu":
                raise FileFormatError(
                    f"{label}: the column '{name}' must hold integers, as in {name}:I:{whole.ndim * 2 - 1}."
                )
        if images is not None and images.shape != positions.shape:
            raise FileFormatError(
                f"{label}: the column 'image' needs {positions.shape[1]} integers per particle."
            )
        positions = require_finite(np.asarray(positions, np.float64), label, ids)
        made = self._box(label, positions, *box)
        d = self.dimension
        return FileFrame(
            np.ascontiguousarray(positions[:, :d]),
            made,
            labels,
            None if ids is None else ids.astype(np.int64),
            None if images is None else images[:, :d].astype(np.int64),
            self.unwrapped,
            _number(when[0], float, label, "time"),
            _number(when[1], int, label, "step"),
            columns,
            label,
        )

    # -- box ---------------------------------------------------------------------------------------------------------

    def _box(
        self,
        label: str,
        positions: NDArray[np.float64],
        cell: NDArray[np.float64],
        periodic: NDArray[np.bool_],
        origin: NDArray[np.float64],
    ) -> Box:
        d = self.dimension
        if d == 2:
            if np.ptp(positions[:, 2]) if len(positions) else False:
                raise FileFormatError(
                    f"{label} is not flat: z runs from {positions[:, 2].min():g} to {positions[:, 2].max():g}. Leave `dimension` "
                    "at 3."
                )
            if cell[:2, 2].any():
                raise FileFormatError(
                    f"{label}: its cell vectors {cell[:2].tolist()} do not lie in the plane of `dimension` 2."
                )
            cell, periodic, origin, positions = cell[:2, :2], periodic[:2], origin[:2], positions[:, :2]
        if self.cell is not None:
            if cell.any():
                raise ParameterError(f"{label} has a cell of its own, {cell.tolist()}. Leave `cell` out.")
            return Box(typed_vectors(self.cell, d, "cell"), origin, np.full(d, self.periodic))  # type: ignore[arg-type]
        return _box_around(label, positions, cell, periodic, origin)

    # -- what it is --------------------------------------------------------------------------------------------------

    @cached_property
    def _first(self) -> XyzFrame | None:
        text = self._texts[0]
        if text is None:
            return None
        with text.open() as lines:
            return text.read(lines, 0)

    @property
    def precision(self) -> int | None:
        """Significant digits of the first frame's coordinates; None for formats other than XYZ."""
        return None if self._first is None else self._first.digits

    def notes(self) -> list[str]:
        """Return what is missing: digits, a cell, names of columns."""
        notes = digits_note(self.precision)
        first = next(self.frames(0, 1))
        if self.cell is None and not first.box.periodic.any():
            notes.append(
                "The first frame has no periodic axis: boundaries are open, and where there is no cell vector the box is as "
                "long as the particles reach. Give `cell` if it is periodic."
            )
        if self._first is not None and self._first.unnamed:
            notes.append(f"{self._first.unnamed} further columns have no name and are left out.")
        return notes


def _kinds(columns: dict[str, NDArray[Any]], n: int) -> NDArray[np.str_]:
    """Take what says the kind of each particle out of the columns: a word, an atomic number or a type."""
    for name in ("species", "type"):
        if name in columns and columns[name].ndim == 1:
            return columns.pop(name).astype(np.str_)
    numbers = columns.pop("Z", None)
    if numbers is None:
        return np.full(n, "1")
    from ase.data import chemical_symbols

    if numbers.dtype.kind == "i" and ((numbers >= 0) & (numbers < len(chemical_symbols))).all():
        return np.array(chemical_symbols)[numbers]
    return numbers.astype(np.str_)


def _when(values: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return time and step; "timestep" is a step if it is an integer, and may else be the length of one."""
    timestep = values.get("timestep")
    is_step = isinstance(timestep, int | np.integer) and not isinstance(timestep, bool)
    return values.get("time"), values.get("step", timestep if is_step else None)


def _three(value: Any, label: str, name: str, kinds: str) -> NDArray[Any]:
    """Return three entries of the second line of XYZ; one stands for three."""
    values = np.asarray(value)
    if values.shape not in ((), (3,)) or values.dtype.kind not in kinds:
        raise FileFormatError(f"{label}: `{name}` needs three entries; it is '{value}'.")
    return np.broadcast_to(values, 3)


def _number(value: Any, kind: type, label: str, name: str) -> Any:
    """Return a time or step, None if there is none."""
    if value is None:
        return None
    try:
        number = kind(value)
        if np.isfinite(number) and number == float(value):
            return number
    except (TypeError, ValueError, OverflowError):
        pass
    raise FileFormatError(f"{label}: its {name} should be a number; it is '{value}'.")


def _box_around(
    label: str,
    positions: NDArray[np.float64],
    cell: NDArray[np.float64],
    periodic: NDArray[np.bool_],
    origin: NDArray[np.float64],
) -> Box:
    """Return the box of a cell; where a vector is missing, as long as the particles reach."""
    missing = ~cell.any(axis=1)
    axis = "abc"
    if (missing & periodic).any():
        which = axis[int(np.argmax(missing & periodic))]
        raise FileFormatError(f"{label} is periodic along {which} and has no cell vector there. Give `cell`.")
    vectors = _completed(cell)
    if abs(np.linalg.det(vectors)) <= 1e-12 * np.prod(np.linalg.norm(vectors, axis=1)):
        raise FileFormatError(f"{label}: its cell vectors {cell.tolist()} span no volume.")
    if missing.any():
        fractional = (positions - origin) @ np.linalg.inv(vectors)
        ends = (
            (fractional.min(axis=0), fractional.max(axis=0)) if len(positions) else (origin * 0, origin * 0)
        )
        low, reach = np.where(missing, ends[0], 0.0), np.where(missing, ends[1] - ends[0], 1.0)
        if (reach <= 0).any():
            which = axis[int(np.argmax(reach <= 0))]
            raise FileFormatError(
                f"{label} has no cell vector along {which}, and its particles have no extent there. Give `cell`, or "
                "`dimension` 2 for particles in a plane."
            )
        origin, vectors = origin + low @ vectors, vectors * reach[:, None]
    return Box(vectors, origin, periodic)


def _completed(cell: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a cell whose missing vectors are unit vectors perpendicular to all others, Cartesian where that can be."""
    vectors = cell.copy()
    for k in np.flatnonzero(~cell.any(axis=1)):
        known = vectors[vectors.any(axis=1)]
        free = np.eye(len(cell)) - np.linalg.pinv(known) @ known if len(known) else np.eye(len(cell))
        length = np.linalg.norm(free, axis=1)
        chosen = k if length[k] > 0.1 else int(np.argmax(length))
        vectors[k] = free[chosen] / length[chosen]
    return vectors


def _ends_early(path: Path, frames: int, before: int) -> FileFormatError:
    return FileFormatError(
        f"{path} has {frames} frames and had {before} before: it was changed while it was read. Start again when it rests."
    )


# -- what ASE itself reads -------------------------------------------------------------------------------------------


def _format_of(path: Path) -> str | None:
    """Return ASE's name of a file's format; None if it has none, or only the ending of the name speaks for one."""
    from ase.io.formats import UnknownFileTypeError, filetype, match_magic

    try:
        with open(path, "rb") as file:
            head = file.read(_PEEK)
        found = filetype(str(path), guess=False)
        if path.suffix.lower() in _EVERYBODYS and found not in _XYZ:
            found = "json" if _ASE_JSON.match(head) else match_magic(head).name
    except (UnknownFileTypeError, OSError, EOFError):
        return None
    return None if found in _UNSAFE else str(found)


def _n_frames_by_ase(path: Path, ase_format: str) -> int:
    from ase.io.formats import ioformats
    from ase.io.trajectory import TrajectoryReader

    if ase_format in ioformats and ioformats[ase_format].single:
        return 1
    if ase_format == "traj":
        try:
            with TrajectoryReader(str(path)) as trajectory:
                return len(trajectory)
        except Exception as error:
            raise _in_ases_words(path, 0, ase_format, error) from error
    return sum(1 for _ in _by_ase(path, ase_format, None))


def _by_ase(path: Path, ase_format: str, chosen: range | None) -> Iterator[Any]:
    """Yield frames as ASE makes them; whatever it raises is told in its own words."""
    from ase.io import iread

    index = slice(None) if chosen is None else slice(chosen.start, chosen.stop)
    k = index.start or 0
    try:
        for atoms in iread(str(path), index=index, format=ase_format, do_not_split_by_at_sign=True):
            yield atoms
            k += 1
    except Exception as error:  # ASE's modules raise whatever their parser comes upon
        raise _in_ases_words(path, k, ase_format, error) from error


def _in_ases_words(path: Path, frame: int, ase_format: str, error: Exception) -> FileFormatError:
    return FileFormatError(
        f"{path}, frame {frame}: ASE cannot read this as '{ase_format}': {type(error).__name__}: {error}. Repair the file, or "
        "name another of ASE's formats with `ase_format`."
    )
