"""Arrays of positions in npy, npz and HDF5 files, with H5MD as the layout that needs no words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np

from vitrify.errors import FileFormatError
from vitrify.readers._array_files import HDF5, NUMPY, opened
from vitrify.readers._array_layout import ARRAYS, Layout, layout_of
from vitrify.readers._files import DOUBLE, SINGLE, digits_note, spans, typed_numbers
from vitrify.readers.base import FileFrame, Reader

_HALF = 3


@dataclass(frozen=True)
class Arrays(Reader):
    """Positions as arrays: npy, npz, HDF5, and H5MD, whose layout is known. Read frame by frame.

    Parameters
    ----------
    files : tuple of path
        In the order of time.
    positions : str, optional
        Name of the array of positions, (F, N, d) or (N, d) for one frame. By default H5MD's, or a common name such as
        ``positions``; the array of an npy file needs none.
    species : str, optional
        (N,) or (F, N), numbers or words.
    box : str, optional
        Edges (d,) or (F, d), or cell vectors in rows, (d, d) or (F, d, d). One number is the edge of a cube.
    times : str, optional
        (F,).
    ids : str, optional
        (N,) or (F, N), integers. In H5MD a negative id, or the fill value, marks a place without a particle.
    images : str, optional
        (F, N, d) integers, or (N, d) for one frame.
    group : str, optional
        Which group of H5MD's ``particles`` is taken, if there are several.
    lengths : str or tuple of float, length, optional
        For files without a box: edges "lx ly lz", or all components of the cell vectors.
    unwrapped : bool, default False
        Whether positions can be followed from frame to frame as they stand. Arrays do not say.

    Raises
    ------
    ParameterError
        If a name is not in the file, there is no box and no `lengths`, or both; the message lists the arrays.
    FileFormatError
        If the file is not what its name says, ends too early, or its shapes do not fit together.

    Notes
    -----
    **Pickle**: never. Arrays of Python objects are refused.
    **Memory**: one frame. HDF5 and uncompressed npz are read where the frame lies; a compressed npz is unpacked from the
    first frame on.
    **Checksums**: a changed byte in a compressed npz is found; npy and uncompressed npz are taken as they are.
    **Other arrays** with one entry per particle, (N, …) or (F, N, …), are kept as columns.
    **A box of shape (d, d) in a file of d frames** could be read in two ways; it is refused unless an entry is not positive,
    which an edge cannot be.

    Examples
    --------
    ``vitrify.read("run.npz", positions="r", species="types", lengths="15.06 15.06 15.06", unwrapped=True)``
    """

    name: ClassVar[str] = "arrays"
    suffixes: ClassVar[tuple[str, ...]] = (*NUMPY, *HDF5)
    positions: str | None = None
    species: str | None = None
    box: str | None = None
    times: str | None = None
    ids: str | None = None
    images: str | None = None
    group: str | None = None
    lengths: str | Sequence[float] | None = None
    unwrapped: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "lengths", typed_numbers(self.lengths, "lengths"))

    @cached_property
    def _looks(self) -> tuple[tuple[int, bool, str], ...]:
        """Number of frames, random access and dtype of each file."""
        looks = []
        for path in self.files:
            with self._opened(path) as found:
                looks.append((found.n_frames, found.random_access, str(found.positions.dtype)))
        return tuple(looks)

    @contextmanager
    def _opened(self, path: Path) -> Iterator[Layout]:
        names = {what: getattr(self, what) for what in ARRAYS}
        with opened(path) as file:
            yield layout_of(file, names, self.group, self.lengths)  # type: ignore[arg-type]  # numbers since __post_init__

    @property
    def n_frames(self) -> int:
        """Frames in all files."""
        return sum(n for n, _, _ in self._looks)

    @property
    def random_access(self) -> bool:
        """Whether no file is a compressed npz with several frames."""
        return all(free for _, free, _ in self._looks)

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[FileFrame]:
        """Yield frames [start, stop).

        Raises
        ------
        ParameterError, FileFormatError
            As of the class; and if a frame has coordinates that are not finite.
        """
        for k, own in spans([n for n, _, _ in self._looks], start, stop):
            with self._opened(self.files[k]) as layout:
                if layout.n_frames < own.stop:
                    raise FileFormatError(
                        f"{self.files[k]} has {layout.n_frames} frames and had {self._looks[k][0]} before: it was changed while "
                        "it was read. Start again when it rests."
                    )
                for index in own:
                    yield layout.frame(index, self.unwrapped)

    @property
    def precision(self) -> int | None:
        """Significant digits of the positions: 7 or 16; None for integers."""
        dtype = np.dtype(self._looks[0][2])
        return {2: _HALF, 4: SINGLE}.get(dtype.itemsize, DOUBLE) if dtype.kind == "f" else None

    def notes(self) -> list[str]:
        """Return what is missing: digits, species, times that do not belong to the frames."""
        with self._opened(self.files[0]) as layout:
            return digits_note(self.precision) + layout.notes
