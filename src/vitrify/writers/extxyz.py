"""Extended XYZ: text that OVITO and ASE read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np

from vitrify.particles.box import Box
from vitrify.writers._text import TextWriter, names_of, number
from vitrify.writers.base import Rows, Selection, in_three_dimensions, with_zeros, wrap

_KINDS = {"f": "R", "i": "I", "u": "I", "b": "I"}


@dataclass(frozen=True)
class ExtendedXyz(TextWriter):
    """Extended XYZ, one frame after the other.

    Parameters
    ----------
    compressed : bool, default False

    Notes
    -----
    **Columns**: ``species``, ``pos``, ``id`` (the particle of the store + 1), then the quantities asked for; ``nan``
    where a quantity was not computed. Wrapped positions come with their images in ``image``.
    **In the line before**: ``Lattice`` and ``Origin`` of the box, ``pbc``, ``Time``, ``step`` (the frame of the store),
    which positions they are, the units, and the quantities of the frame.
    **Two dimensions**: z = 0 in a cell from 0 to 1, not periodic along z, and ``dimension=2``.
    **Species that are no chemical elements** ("A", "B"): ASE would refuse the names, so a column ``Z`` of zeros stands
    beside them, which ASE takes instead, and ``species_index`` counts from 0 in ``species_names``.
    **Precision**: every number reads back to the same bits.

    References
    ----------
    https://github.com/libAtoms/extxyz
    """

    name: ClassVar[str] = "extxyz"
    suffixes: ClassVar[tuple[str, ...]] = (".extxyz", ".xyz", ".extxyz.gz", ".xyz.gz")

    def frame(self, selection: Selection, rows: Rows) -> tuple[str, Sequence[Any]]:
        """Return two lines, and the columns."""
        positions, images = wrap(rows.box, rows.positions) if selection.wrapped else (rows.positions, None)
        fields: list[tuple[str, str, Any]] = [
            ("species", "S", [names_of(rows.species, selection.species_names)]),
            ("pos", "R", with_zeros(positions).T),
            ("id", "I", [rows.particles + 1]),
        ]
        if not are_elements(selection.species_names):
            fields.append(("Z", "I", [np.zeros(len(rows.species), np.int8)]))
            fields.append(("species_index", "I", [rows.species]))
        if images is not None:
            fields.append(("image", "I", with_zeros(images).T))
        fields += [(name, _KINDS[v.dtype.kind], [v]) for name, v in rows.columns.items()]
        properties = ":".join(f"{name}:{kind}:{len(columns)}" for name, kind, columns in fields)
        header = f"{len(rows.particles)}\n{_comment(selection, rows, properties)}\n"
        return header, [c for _, _, columns in fields for c in columns]

    def notes(self, selection: Selection) -> list[str]:
        """Return what ASE and OVITO will see differently."""
        notes = []
        if selection.dimension == 2:
            notes.append("Two dimensions: z is 0, in a cell from 0 to 1 that is not periodic along z")
        if not are_elements(selection.species_names):
            notes.append(
                f"{', '.join(selection.species_names)} are not chemical elements: ASE sees X and the column 'species_index'"
            )
        return notes


@cache
def are_elements(names: tuple[str, ...]) -> bool:
    """Whether all names are symbols of chemical elements.

    Examples
    --------
    >>> are_elements(("Si", "Li")), are_elements(("A", "B"))
    (True, False)
    """
    from ase.data import chemical_symbols

    return set(names) <= set(chemical_symbols[1:])


def _comment(selection: Selection, rows: Rows, properties: str) -> str:
    box: Box = in_three_dimensions(rows.box, low=0.0, periodic=False)
    parts = [
        f'Lattice="{" ".join(map(number, box.vectors.ravel()))}"',
        f"Properties={properties}",
        f"Time={number(rows.time)}",
        f"step={rows.frame}",
        f'pbc="{" ".join("T" if p else "F" for p in box.periodic)}"',
        f'Origin="{" ".join(map(number, box.origin))}"',
        f"position_kind={selection.positions}",
        f"units={selection.units.name}",
    ]
    if selection.dimension == 2:
        parts.append("dimension=2")
    if not are_elements(selection.species_names):
        parts.append(f'species_names="{" ".join(selection.species_names)}"')
    return " ".join(parts + [f"{name}={number(value)}" for name, value in rows.of_frame.items()])
