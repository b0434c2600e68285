"""GSD, the binary trajectories of HOOMD-blue, in double precision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from vitrify._version import __version__
from vitrify.particles.box import Box
from vitrify.writers.base import (
    Block,
    Rows,
    Selection,
    Writer,
    is_lower_triangular,
    right_handed,
    with_zeros,
)

_SCHEMA_VERSION = [2, 0]  # the first that allows double precision


@dataclass(frozen=True)
class Gsd(Writer):
    """GSD in HOOMD's schema, for OVITO, freud and HOOMD itself.

    Notes
    -----
    **Positions** lie inside HOOMD's cell, whose middle is the origin of coordinates, with their images: ``position +
    image @ box`` are the unwrapped positions of the store, to rounding; to the bit where the image is zero. No
    translation is needed for that, since the cell is periodic. Unwrapped positions are written as they stand with images
    of zero; HOOMD itself would not start from them.
    **Box**: HOOMD wants **a** along x and **b** in the xy plane. A box that is not so is turned, and the positions with
    it. The store's coordinates are ``r @ log/rotation.T + log/shift``; both stand in every frame. A left-handed box is
    written with its last vector reversed, which is the same lattice. Lengths and tilt factors are doubles, which
    gsd.hoomd would round to singles; **b** and **c** come back to a rounding of their tilt factors.
    **Open axes** do not exist in GSD. Along them the middle of the box is moved to the origin (``log/shift``), and
    ``log/periodic`` says which axes are periodic.
    **Two dimensions**: lz = 0 and z = 0, as HOOMD has it.
    **Quantities** stand in ``log/particles/NAME``, ``log/particles/id`` is the particle of the store + 1, ``log/time``
    the time, ``configuration/step`` the frame of the store. NaN where a quantity was not computed.

    References
    ----------
    https://gsd.readthedocs.io/en/stable/schema-hoomd.html
    """

    name: ClassVar[str] = "gsd"
    suffixes: ClassVar[tuple[str, ...]] = (".gsd",)
    wraps: ClassVar[bool] = True

    def write(self, path: Path, selection: Selection, blocks: Iterator[Block]) -> None:
        """Write all frames."""
        import gsd.fl

        with gsd.fl.open(
            name=str(path),
            mode="w",
            application=f"vitrify {__version__}",
            schema="hoomd",
            schema_version=_SCHEMA_VERSION,
        ) as file:
            first = True
            for block in blocks:
                for rows in block.rows():
                    for name, values in _chunks(selection, rows).items():
                        file.write_chunk(name, np.ascontiguousarray(values))
                    if first:
                        file.write_chunk("particles/types", _letters(selection.species_names))
                        file.write_chunk(
                            "configuration/dimensions", np.array([selection.dimension], np.uint8)
                        )
                    file.end_frame()
                    first = False

    def notes(self, selection: Selection) -> list[str]:
        """Return whether the first box is turned, and what becomes of open axes."""
        notes = []
        if not is_lower_triangular(right_handed(selection.first_box)):
            notes.append(
                "Box and positions are turned to HOOMD's convention; 'log/rotation' says how to turn them back"
            )
        if not selection.first_box.periodic.all():
            notes.append(
                "GSD has no open axes: 'log/periodic' says which are periodic, 'log/shift' what was subtracted"
            )
        if selection.wrapped is False:
            notes.append("Positions are not inside the box: OVITO reads them, HOOMD would not")
        return notes


@dataclass(frozen=True, eq=False)
class _Cell:
    """How a frame stands in HOOMD's cell: ``(r - shift) @ rotation`` has the cell `box` around the origin."""

    box: Box
    rotation: NDArray[np.float64] | None
    shift: NDArray[np.float64]

    @classmethod
    def of(cls, stored: Box) -> _Cell:
        box = right_handed(stored)
        middle = (np.linalg.solve(box.vectors.T, box.origin) + 0.5) * ~box.periodic
        shift = middle @ box.vectors
        if is_lower_triangular(box):
            return cls(box, None, shift)
        q, r = np.linalg.qr(box.vectors.T)
        signs = np.sign(np.diag(r))
        turned = np.tril((r * signs[:, None]).T)
        return cls(Box(turned, periodic=box.periodic), q * signs, shift)

    def place(
        self, positions: NDArray[np.float64], wrapped: bool
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return positions in the cell, and their images; positions where they are, and zeros, if not `wrapped`."""
        placed = positions - self.shift if self.shift.any() else positions
        if self.rotation is not None:
            placed = placed @ self.rotation
        images = np.zeros(placed.shape, np.int64)
        if not wrapped:
            return placed, images
        vectors, inverse = self.box.vectors, self.box.inverse
        for _ in range(2):  # rounding can leave a particle at exactly the upper face
            step = np.where(self.box.periodic, np.floor(placed @ inverse + 0.5), 0.0).astype(np.int64)
            if not step.any():
                break
            placed, images = placed - step @ vectors, images + step
        return placed, images

    def six_numbers(self) -> NDArray[np.float64]:
        """Return lx, ly, lz, xy, xz, yz with tilts relative to the edge they belong to."""
        v = np.zeros((3, 3))
        v[: self.box.dimension, : self.box.dimension] = self.box.vectors
        lz = v[2, 2] or 1.0
        return np.array([v[0, 0], v[1, 1], v[2, 2], v[1, 0] / v[1, 1], v[2, 0] / lz, v[2, 1] / lz])


def _chunks(selection: Selection, rows: Rows) -> dict[str, NDArray[Any]]:
    """Return everything of a frame: what is left out of one would be taken from the first."""
    cell = _Cell.of(rows.box)
    positions, images = cell.place(rows.positions, bool(selection.wrapped))
    rotation = np.eye(3)
    if cell.rotation is not None:
        rotation[: len(cell.rotation), : len(cell.rotation)] = cell.rotation
    chunks = {
        "configuration/step": np.array([rows.frame], np.uint64),
        "configuration/box": cell.six_numbers(),
        "particles/N": np.array([len(rows.particles)], np.uint32),
        "particles/typeid": rows.species.astype(np.uint32),
        "particles/position": with_zeros(positions),
        "particles/image": with_zeros(images).astype(np.int32),
        "log/time": np.array([rows.time]),
        "log/rotation": rotation,
        "log/shift": with_zeros(cell.shift[None])[0],
        "log/particles/id": (rows.particles + 1).astype(np.int32),
    }
    if not rows.box.periodic.all():
        chunks["log/periodic"] = rows.box.periodic.astype(np.uint8)
    for name, values in rows.columns.items():
        chunks[f"log/particles/{name}"] = _plain(values)
    for name, value in rows.of_frame.items():
        chunks[f"log/{name}"] = _plain(np.atleast_1d(value))
    return chunks


def _plain(values: NDArray[Any]) -> NDArray[Any]:
    """Return whole numbers of at least 32 bits: OVITO takes shorter ones for letters."""
    if values.dtype.kind in "biu" and values.dtype.itemsize < 4:
        return values.astype(np.int32)
    return values


def _letters(names: tuple[str, ...]) -> NDArray[np.int8]:
    """Return names as rows of bytes that end with zero."""
    encoded = [name.encode() for name in names]
    width = max(map(len, encoded)) + 1
    return np.array(encoded, np.dtype(("S", width))).view(np.int8).reshape(len(names), width)
