"""LAMMPS text dumps, with quantities that LAMMPS does not know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from vitrify.particles.box import Box
from vitrify.writers._text import TextWriter, names_of, number
from vitrify.writers.base import (
    Rows,
    Selection,
    in_three_dimensions,
    is_lower_triangular,
    right_handed,
    with_zeros,
    wrap,
)

_LAMMPS_UNITS = ("lj", "metal")


@dataclass(frozen=True)
class LammpsDump(TextWriter):
    """Text dump in the style ``custom``, for OVITO, ``read_dump`` and every reader of dumps.

    Parameters
    ----------
    compressed : bool, default False

    Notes
    -----
    **Columns**: ``id`` (the particle of the store + 1), ``type`` (from 1), ``element`` (the name of the species),
    ``xu yu zu``, or ``x y z ix iy iz`` if wrapped, then the quantities asked for; ``nan`` where one was not computed.
    **Step and time**: TIMESTEP is the frame of the store; ITEM: TIME holds its time, ITEM: UNITS the units where LAMMPS
    has them.
    **Box**: bounds, with the bounding box and tilts if it is triclinic; ``abc origin`` if **a** does not lie along x or
    **b** not in the xy plane. A left-handed box is written with **c** reversed, which is the same lattice.
    **Two dimensions**: z = 0 in a periodic cell from -0.5 to 0.5, as LAMMPS has it.
    **Precision**: coordinates and quantities read back to the same bits, the edges of the box to a rounding of its
    bounds.

    References
    ----------
    https://docs.lammps.org/dump.html, https://docs.lammps.org/Howto_triclinic.html
    """

    name: ClassVar[str] = "lammps_dump"
    suffixes: ClassVar[tuple[str, ...]] = (".lammpstrj", ".dump", ".lammpstrj.gz", ".dump.gz")

    def frame(self, selection: Selection, rows: Rows) -> tuple[str, Sequence[Any]]:
        """Return the items before the particles, and the columns."""
        box = right_handed(rows.box)
        if selection.wrapped:
            positions, images = wrap(box, rows.positions)
            names, places = "x y z ix iy iz", [*with_zeros(positions).T, *with_zeros(images).T]
        else:
            names, places = "xu yu zu", [*with_zeros(rows.positions).T]
        columns = [
            rows.particles + 1,
            rows.species + 1,
            names_of(rows.species, selection.species_names),
            *places,
            *rows.columns.values(),
        ]
        items = ["ITEM: UNITS", selection.units.name] if selection.units.name in _LAMMPS_UNITS else []
        items = items if rows.frame == selection.frames[0] else []
        items += ["ITEM: TIME", number(rows.time), "ITEM: TIMESTEP", str(rows.frame)]
        items += ["ITEM: NUMBER OF ATOMS", str(len(rows.particles))]
        items += _bounds(in_three_dimensions(box, low=-0.5, periodic=True))
        items.append(" ".join(["ITEM: ATOMS id type element", names, *rows.columns]))
        return "\n".join(items) + "\n", columns

    def notes(self, selection: Selection) -> list[str]:
        """Return how the first box is written if not by its bounds."""
        if is_lower_triangular(right_handed(selection.first_box)):
            return []
        return [
            "The box is written as 'abc origin': its first vector does not lie along x, or its second not in the xy plane"
        ]


def _bounds(box: Box) -> list[str]:
    sides = " ".join("pp" if p else "ff" for p in box.periodic)
    vectors, origin = box.vectors, box.origin
    if not is_lower_triangular(box):
        lines = np.column_stack([vectors, origin])
        return [f"ITEM: BOX BOUNDS abc origin {sides}", *_lines(lines)]
    low, high = origin, origin + np.diag(vectors)
    if box.is_orthorhombic:
        return [f"ITEM: BOX BOUNDS {sides}", *_lines(np.column_stack([low, high]))]
    xy, xz, yz = vectors[1, 0], vectors[2, 0], vectors[2, 1]
    low = low + np.array([min(0.0, xy, xz, xy + xz), min(0.0, yz), 0.0])
    high = high + np.array([max(0.0, xy, xz, xy + xz), max(0.0, yz), 0.0])
    return [f"ITEM: BOX BOUNDS xy xz yz {sides}", *_lines(np.column_stack([low, high, [xy, xz, yz]]))]


def _lines(numbers: NDArray[np.float64]) -> list[str]:
    return [" ".join(map(number, row)) for row in numbers]
