"""Arrays in npy, npz and HDF5 files, by name, one row at a time and never with pickle."""

from __future__ import annotations

import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import FileFormatError

HDF5 = (".h5", ".hdf5", ".h5md")
NUMPY = (".npz", ".npy")
_MOST_NAMED = 30
_LOCAL_HEADER = 30  # bytes of a zip member's own header before its name


class Stored(ABC):
    """One array in a file, of which a row (an entry of the first axis) can be read without the others."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    random_access: bool = True

    @abstractmethod
    def row(self, k: int) -> NDArray[Any]:
        """Return entry k of the first axis."""

    @abstractmethod
    def whole(self) -> NDArray[Any]:
        """Return all of it."""

    def __str__(self) -> str:
        return f"{self.name} {self.shape} {self.dtype}"


@dataclass
class ArrayFile:
    """A file that is open: its arrays, and what HDF5 says beside them.

    Parameters
    ----------
    path : path
    arrays : dict of str to Stored
    attributes : callable
        Attributes of a group or array of HDF5; nothing for other files.
    """

    path: Path
    arrays: Mapping[str, Stored]
    attributes: Callable[[str], Mapping[str, Any]] = field(default=lambda _: {})

    def listing(self) -> str:
        """Return all names with their shapes, for messages."""
        shown = [str(a) for a in self.arrays.values()][:_MOST_NAMED]
        more = len(self.arrays) - len(shown)
        return (", ".join(shown) or "no arrays") + (f" and {more} more" if more else "")


@contextmanager
def opened(path: Path) -> Iterator[ArrayFile]:
    """Open a file of arrays.

    Raises
    ------
    FileFormatError
        If it is not what its name says, or ends too early.
    """
    with ExitStack() as stack:
        try:
            if path.suffix.lower() in HDF5:
                file = _hdf5(path, stack)
            elif path.suffix.lower() == ".npz":
                file = _npz(path, stack)
            else:
                stream = stack.enter_context(open(path, "rb"))
                file = ArrayFile(path, {"positions": _numpy(path, "positions", stream, path)})
        except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
            if isinstance(error, FileFormatError):
                raise
            raise FileFormatError(
                f"{path} cannot be opened: {error}. It is of another format, was cut off, or is being written; copy it again."
            ) from error
        yield file


# -- HDF5 ------------------------------------------------------------------------------------------------------------


@dataclass
class _Dataset(Stored):
    name: str
    dataset: Any
    path: Path

    def __post_init__(self) -> None:
        self.shape, self.dtype = tuple(self.dataset.shape), self.dataset.dtype

    def row(self, k: int) -> NDArray[Any]:
        return self._read(k)

    def whole(self) -> NDArray[Any]:
        return self._read(())

    def _read(self, which: Any) -> NDArray[Any]:
        import h5py

        try:
            values = np.asarray(self.dataset[which])
        except (OSError, RuntimeError, KeyError) as error:
            raise FileFormatError(
                f"{self.path}: '{self.name}' cannot be read: {error}. The file is damaged; copy it again."
            ) from error
        words = h5py.check_enum_dtype(self.dtype)
        if words:
            named = {value: word for word, value in words.items()}
            return np.array([named.get(v, str(v)) for v in values.ravel().tolist()]).reshape(values.shape)
        if values.dtype.kind == "O":
            return np.array(
                [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in values.ravel()]
            ).reshape(values.shape)
        return values


def _hdf5(path: Path, stack: ExitStack) -> ArrayFile:
    import h5py

    file = stack.enter_context(h5py.File(path, "r"))
    arrays: dict[str, Stored] = {}

    def add(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.shape is not None:
            arrays[name] = _Dataset(name, item, path)

    file.visititems(add)
    return ArrayFile(path, arrays, lambda name: dict(file[name].attrs) if name in file else {})


# -- numpy -----------------------------------------------------------------------------------------------------------


@dataclass
class _InStream(Stored):
    """An array of numpy's format, in C order, whose bytes begin where a stream can be set to."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    stream: IO[bytes]
    start: int
    path: Path
    fortran: bool = False
    random_access: bool = True

    def row(self, k: int) -> NDArray[Any]:
        if self.fortran:
            return self._fortran_row(k)
        shape = self.shape[1:]
        return self._read(k * prod(shape) * self.dtype.itemsize, shape)

    def whole(self) -> NDArray[Any]:
        values = self._read(0, self.shape[::-1] if self.fortran else self.shape)
        return values.T if self.fortran else values

    def _read(self, offset: int, shape: tuple[int, ...]) -> NDArray[Any]:
        if self.dtype.hasobject:
            raise FileFormatError(
                f"{self.path}: '{self.name}' holds Python objects, which numpy stores as a pickle. Pickles are never loaded, "
                "since they can run any program. Save it as plain numbers."
            )
        wanted = prod(shape) * self.dtype.itemsize
        try:
            if self.stream.tell() != self.start + offset:
                self.stream.seek(self.start + offset)
            content = self.stream.read(wanted)
        except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise FileFormatError(
                f"{self.path}: '{self.name}' cannot be read: {error}. Copy it again."
            ) from error
        if len(content) < wanted:
            raise FileFormatError(
                f"{self.path}: '{self.name}' ends {wanted - len(content)} bytes too early for its shape {self.shape}. The file "
                "was cut off; copy it again."
            )
        return np.frombuffer(content, self.dtype).reshape(shape)

    def _fortran_row(self, k: int) -> NDArray[Any]:
        if not self.random_access:
            raise FileFormatError(
                f"{self.path}: '{self.name}' is compressed and in Fortran order, so that a frame lies all over it. Save it with "
                "`numpy.ascontiguousarray`."
            )
        mapped = np.memmap(self.path, self.dtype, "r", self.start, self.shape, "F")
        return np.array(mapped[k])


def _numpy(path: Path, name: str, stream: IO[bytes], where: Path | str) -> _InStream:
    """Read the header of one array of numpy's format; the stream stands at its first byte."""
    try:
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
        elif version == (2, 0):
            shape, fortran, dtype = np.lib.format.read_array_header_2_0(stream)
        else:
            raise ValueError(f"version {version} of the format is not known")
    except (ValueError, EOFError) as error:
        raise FileFormatError(
            f"{where} is no array of numpy: {error}. A pickle is never loaded, since it can run any program; save plain "
            "numbers with `numpy.save` or `numpy.savez`."
        ) from error
    return _InStream(name, shape, dtype, stream, stream.tell(), path, fortran and len(shape) > 1)


def _npz(path: Path, stack: ExitStack) -> ArrayFile:
    archive = stack.enter_context(zipfile.ZipFile(path))
    arrays: dict[str, Stored] = {}
    for member in archive.infolist():
        name = member.filename.removesuffix(".npy")
        if name == member.filename:
            continue
        if member.compress_type == zipfile.ZIP_STORED and not member.flag_bits & 1:
            stream: IO[bytes] = stack.enter_context(open(path, "rb"))  # noqa: SIM115 - the stack closes it
            stream.seek(member.header_offset)
            header = stream.read(_LOCAL_HEADER)
            after = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
            stream.seek(member.header_offset + _LOCAL_HEADER + after)
            arrays[name] = _numpy(path, name, stream, f"{path}: '{name}'")
        else:
            arrays[name] = _numpy(path, name, stack.enter_context(archive.open(member)), f"{path}: '{name}'")
            arrays[name].random_access = False
    return ArrayFile(path, arrays)
