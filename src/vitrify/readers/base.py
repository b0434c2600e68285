"""What a reader promises: frames of a file one by one, as they stand in it, and what the file is."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import FileFormatError, ParameterError
from vitrify.readers import READERS

if TYPE_CHECKING:
    from vitrify.particles.box import Box

_ENDS = 1_000_000


@dataclass(frozen=True, eq=False)
class FileFrame:
    """One frame as its file has it: nothing sorted, wrapped or unwrapped yet.

    Parameters
    ----------
    positions : (n, d) float, length
        Cartesian; in the order of the file.
    box : Box
        Two-dimensional if the positions are.
    labels : (n,) str
        What the file says of each particle's kind: the element if it has one, else the type.
    ids : (n,) int or None
        Which particle each row is; None if the file counts on its order.
    images : (n, d) int or None
        Periodic copy of the cell that each particle is in, for wrapped positions.
    unwrapped : bool
        Whether the positions can be followed from frame to frame as they stand.
    time : float or None
        In the file's unit of time; None if it has only steps.
    step : int or None
    columns : dict of str to (n,) or (n, k) array
        Every other column.
    label : str
        File, frame and line, for messages.
    """

    positions: NDArray[np.float64]
    box: Box
    labels: NDArray[np.str_]
    ids: NDArray[np.int64] | None = None
    images: NDArray[np.int64] | None = None
    unwrapped: bool = False
    time: float | None = None
    step: int | None = None
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    label: str = ""

    @property
    def n_particles(self) -> int:
        """Particles in this frame."""
        return len(self.positions)


@dataclass(frozen=True)
class Reader(ABC):
    """Files of one format that together are one trajectory. Members are frozen dataclasses.

    Parameters
    ----------
    files : tuple of path
        In the order of time.
    """

    name: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]] = ()
    open_boundaries: ClassVar[bool] = False
    files: tuple[Path, ...]

    @classmethod
    def recognizes(cls, path: Path) -> bool:
        """Whether a file is of this format; by default by the ends of its name."""
        return path.name.lower().endswith(cls.suffixes)

    @property
    @abstractmethod
    def n_frames(self) -> int:
        """Frames in all files."""

    @abstractmethod
    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[FileFrame]:
        """Yield frames [start, stop); never more than one of them in memory.

        Raises
        ------
        FileFormatError
            Naming file, frame and line.
        """

    @property
    def precision(self) -> int | None:
        """Significant decimal digits of the positions, where the format or the file tells."""
        return None

    @property
    def random_access(self) -> bool:
        """Whether reading may begin at any frame without reading all before it."""
        return True

    def notes(self) -> list[str]:
        """Return what a user should know of these files: digits lost, a truncated last frame that was left out."""
        return []

    def to_dict(self) -> dict[str, Any]:
        """Return the name, the options and what the files are (name, bytes, hash of their ends)."""
        options = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "files"}
        return {"name": self.name, **options, "files": [fingerprint(f) for f in self.files]}


def fingerprint(path: Path) -> dict[str, Any]:
    """Return name, size and the hash of the first and last megabyte of a file: enough to see that it grew or changed.

    Raises
    ------
    FileFormatError
        If it is not there.
    """
    try:
        size = path.stat().st_size
        with open(path, "rb") as f:
            digest = hashlib.sha256(f.read(_ENDS))
            if size > _ENDS:
                f.seek(max(_ENDS, size - _ENDS))
                digest.update(f.read(_ENDS))
    except OSError as error:
        raise FileFormatError(f"{path} cannot be read: {error.strerror or error}. Check the path.") from error
    return {"name": path.name, "bytes": size, "sha256_of_ends": digest.hexdigest()}


def open_files(files: Sequence[str | Path], format: str | None = None, **options: Any) -> Reader:
    """Return the reader that fits files.

    Parameters
    ----------
    files : sequence of path
        One trajectory, in the order of time; all of one format.
    format : str, optional
        Name of a reader; by default the one that recognizes the first file.
    **options
        Of that reader.

    Raises
    ------
    FileFormatError
        If a file is not there or no reader recognizes it.
    ParameterError
        If the reader has no such option.
    UnknownNameError
        If there is no such format.
    """
    paths = tuple(Path(f) for f in files)
    if not paths:
        raise ParameterError("`files` is empty; name at least one file.")
    for path in paths:
        if not path.is_file():
            what = "is a folder" if path.is_dir() else "does not exist"
            raise FileFormatError(f"{path} {what}. Check the path.")
    kind = READERS.load(format) if format else _recognized(paths[0])
    known = [f.name for f in fields(kind) if f.name != "files"]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ParameterError(
            f"The reader '{kind.name}' has no option {', '.join(unknown)}. It has: {', '.join(known) or 'none'}."
        )
    return kind(paths, **options)


def _recognized(path: Path) -> type[Reader]:
    for name in READERS:
        kind: type[Reader] = READERS.load(name)
        if kind.recognizes(path):
            return kind
    raise FileFormatError(
        f"{path} is of no known format. Name one with `--format`: {', '.join(sorted(READERS))}."
    )
