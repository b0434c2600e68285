"""netCDF 4: the arrays of the store with their dimensions and attributes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from vitrify.particles.layout import POSITION_ARRAYS
from vitrify.provenance import canonical_json
from vitrify.writers.base import Block, Selection, Writer, wrap

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class NetCdf(Writer):
    """netCDF 4 with the dimensions of the store, for xarray, Panoply, MATLAB and every reader of HDF5.

    Notes
    -----
    **Variables**: ``position`` or ``inherent_position`` (frame, particle, xyz), ``image`` if wrapped, ``time``,
    ``box_vectors`` (frame, cell, xyz), ``box_origin``, ``species`` (particle) whose names are in its attribute
    ``flag_meanings``, the quantities asked for (frame, particle) and those of frames; units and definition as in the
    store. The coordinate ``frame`` is the frame of the store, ``particle`` its particle, from 0.
    **Absent particles** have NaN positions; so have quantities that were not computed. (The other formats leave absent
    particles out.)
    **Precision**: the bits of the store.
    """

    name: ClassVar[str] = "netcdf"
    suffixes: ClassVar[tuple[str, ...]] = (".nc",)

    def write(self, path: Path, selection: Selection, blocks: Iterator[Block]) -> None:
        """Write block after block along the frames."""
        import h5netcdf

        with open(path, "wb+", buffering=0) as raw:
            sink = _NeverFull(raw)
            with h5netcdf.File(sink, "w") as file:
                _prepare(file, selection)
                start = 0
                for block in blocks:
                    stop = start + len(block.frames)
                    for name, values in _values(selection, block).items():
                        file.variables[name][start:stop] = values
                    start = stop
                    if sink.error is not None:
                        break
            if sink.error is not None:
                raise sink.error


class _NeverFull:
    """A file that takes everything, and keeps in memory what finds no room; `error` says so.

    HDF5 cannot be closed after a write that failed: it ends the process. So it is not told; the caller stops soon.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._kept: list[tuple[int, bytes]] = []
        self._at = 0
        self.error: OSError | None = None

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place."""
        if whence == os.SEEK_END:
            offset += max([self._file.seek(0, os.SEEK_END), *(a + len(b) for a, b in self._kept)])
        self._at = offset + (self._at if whence == os.SEEK_CUR else 0)
        return self._at

    def tell(self) -> int:
        """Return where it is."""
        return self._at

    def write(self, content: Any) -> int:
        """Write all of it."""
        view = memoryview(content).cast("B")
        done = 0
        while done < len(view) and self.error is None:
            self._file.seek(self._at + done)
            try:
                done += self._file.write(view[done:])
            except OSError as error:
                self.error = error
        if done < len(view):
            self._kept.append((self._at + done, bytes(view[done:])))
        self._at += len(view)
        return len(view)

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; what was never written is zero."""
        view = memoryview(buffer).cast("B")
        view[:] = bytes(len(view))
        self._file.seek(self._at)
        self._file.readinto(view)  # type: ignore[attr-defined]
        for begin, content in self._kept:
            a, b = max(begin, self._at), min(begin + len(content), self._at + len(view))
            if a < b:
                view[a - self._at : b - self._at] = content[a - begin : b - begin]
        self._at += len(view)
        return len(view)

    def read(self, size: int) -> bytes:
        """Return some bytes."""
        content = bytearray(size)
        self.readinto(content)
        return bytes(content)

    def truncate(self, size: int | None = None) -> int:
        """Cut off what is beyond a place; a file that is too short stays so until it is written."""
        size = self._at if size is None else size
        if self.error is None:
            self._file.truncate(size)
        return size

    def flush(self) -> None:
        """Nothing is held back."""


def _prepare(file: Any, selection: Selection) -> None:
    """Make dimensions, variables and attributes."""
    stored, units, d = selection.trajectory, selection.units, selection.dimension
    sizes = {"frame": len(selection.frames), "particle": selection.n_particles, "xyz": d, "cell": d}
    file.dimensions = sizes
    kind, length = selection.positions, {"units": units.length}
    place = "wrapped into the box" if selection.wrapped else "unwrapped"
    per_particle = ("frame", "particle")
    what: list[tuple[str, tuple[str, ...], Any, Mapping[str, Any]]] = [
        ("frame", ("frame",), "i8", {"long_name": "frame of the store"}),
        ("particle", ("particle",), "i8", {"long_name": "particle of the store"}),
        ("species", ("particle",), "i8", _flags(selection.species_names)),
        ("time", ("frame",), "f8", {"units": units.time, "long_name": "time"}),
        ("box_vectors", ("frame", "cell", "xyz"), "f8", {**length, "long_name": "box vectors"}),
        ("box_origin", ("frame", "xyz"), "f8", {**length, "long_name": "box origin"}),
        (
            POSITION_ARRAYS[kind],
            (*per_particle, "xyz"),
            "f8",
            {**length, "long_name": f"{kind} position", "definition": f"{kind}, {place}"},
        ),
        *((c.name, per_particle, c.dtype, c.attrs) for c in selection.columns),
        *((c.name, ("frame",), c.dtype, c.attrs) for c in selection.of_frames),
    ]
    if selection.wrapped:
        meaning = {"long_name": "periodic copy of the box that the unwrapped position lies in"}
        what.append(("image", (*per_particle, "xyz"), "i4", meaning))
    for name, dims, dtype, attrs in what:
        _make(file, name, dims, np.dtype(dtype), attrs, sizes)
    file.variables["particle"][:] = np.arange(selection.n_particles)
    file.variables["species"][:] = stored.species
    file.attrs["periodic"] = np.array(stored.layout.periodic, np.int8)
    file.attrs["vitrify"] = canonical_json(selection.account())


def _make(
    file: Any, name: str, dims: tuple[str, ...], dtype: np.dtype[Any], attrs: Mapping[str, Any], sizes: Any
) -> None:
    """Create one variable in chunks of about a megabyte that never cut a frame."""
    dtype = np.dtype("i1") if dtype.kind == "b" else dtype
    shape = [sizes[d] for d in dims]
    frame_bytes = max(1, int(np.prod(shape[1:])) * dtype.itemsize)
    chunks = (max(1, min(shape[0], _CHUNK_BYTES // frame_bytes)), *shape[1:])
    fill = np.nan if dtype.kind == "f" else None
    made = file.create_variable(name, dims, dtype, fillvalue=fill, chunks=chunks if min(shape) else None)
    for key, value in attrs.items():
        made.attrs[key] = value


def _flags(names: tuple[str, ...]) -> dict[str, Any]:
    return {
        "long_name": "species",
        "flag_values": np.arange(len(names)),
        "flag_meanings": " ".join(names),
    }


def _values(selection: Selection, block: Block) -> dict[str, NDArray[Any]]:
    values: dict[str, NDArray[Any]] = {
        "frame": block.frames,
        "time": block.times,
        "box_vectors": np.stack([box.vectors for box in block.boxes]),
        "box_origin": np.stack([box.origin for box in block.boxes]),
        POSITION_ARRAYS[selection.positions]: block.positions,
        **block.columns,
        **block.of_frames,
    }
    if selection.wrapped:
        places, images = block.positions.copy(), np.zeros(block.positions.shape, np.int32)
        for k, box in enumerate(block.boxes):
            there = block.present[k]
            places[k, there], images[k, there] = wrap(box, block.positions[k, there])
        values[POSITION_ARRAYS[selection.positions]] = places
        values["image"] = images
    return values
