"""Trajectories for other programs: one file, frame by frame, whole or absent.

A new format is one file here and one line in `WRITERS`.
"""

from vitrify.registry import Registry

WRITERS = Registry(
    "writer",
    {
        "extxyz": "vitrify.writers.extxyz:ExtendedXyz",
        "gsd": "vitrify.writers.gsd:Gsd",
        "lammps_dump": "vitrify.writers.lammps_dump:LammpsDump",
        "parquet": "vitrify.writers.table:Parquet",
        "csv": "vitrify.writers.table:Csv",
        "netcdf": "vitrify.writers.netcdf:NetCdf",
    },
)
"""Members write one format each; `vitrify.writers.base.writer_for` finds the one that a file name asks for."""

__all__ = ["WRITERS"]
