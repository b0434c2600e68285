"""Other people's files, read frame by frame in float64, and the trajectory store they become.

A new format is one file here and one line in `READERS`.
"""

from vitrify.registry import Registry

READERS = Registry(
    "reader",
    {
        "lammps_dump": "vitrify.readers.lammps_dump:LammpsDump",
        "gsd": "vitrify.readers.gsd:Gsd",
        "ase": "vitrify.readers.ase:Ase",
        "tracks": "vitrify.readers.tracks:Tracks",
        "arrays": "vitrify.readers.arrays:Arrays",
    },
)
"""Members read one family of files each; `vitrify.readers.base.open_files` finds the one that fits."""

__all__ = ["READERS"]
