"""`vitrify export`: a trajectory with its softness and rearrangements for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def export(
    source: Annotated[
        Path,
        typer.Argument(metavar="STORE", help="Trajectory store, or a table (.npz) that another verb wrote."),
    ],
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT",
            help="File to write. Its ending says the format: .extxyz, .gsd, .lammpstrj (either text also .gz), .parquet, "
            ".csv, .nc; tables go to .parquet or .csv.",
        ),
    ],
    positions: Annotated[
        str | None,
        typer.Option(help="'inherent' or 'thermal'; by default inherent ones if there are any."),
    ] = None,
    start: Annotated[int | None, typer.Option(help="First frame to write.")] = None,
    stop: Annotated[int | None, typer.Option(help="Frame before which to stop.")] = None,
    every: Annotated[int, typer.Option(min=1, help="Frames from one to the next.")] = 1,
    columns: Annotated[
        str | None,
        typer.Option(
            help="Quantities of the particles, apart by commas: softness, p_hop, event (1 inside a rearrangement) and "
            "every other that the store has. By default all, 'none' for none. NaN where one was not computed."
        ),
    ] = None,
    wrapped: Annotated[
        bool | None,
        typer.Option(
            "--wrapped/--unwrapped",
            help="Whether positions are moved into the box; by default only in GSD. Images are written along with them.",
        ),
    ] = None,
    table: Annotated[
        str, typer.Option(help="'particles', or 'events' for the table of rearrangements.")
    ] = "particles",
    format: Annotated[
        str | None,
        typer.Option(help="extxyz, gsd, lammps_dump, parquet, csv or netcdf; by default what OUT ends in."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT if it is there.")] = False,
) -> None:
    """Write a trajectory with softness, p_hop and rearrangements for OVITO and other programs."""
    from vitrify.cli.console import make_progress
    from vitrify.studies.exporting import export as write

    write(
        source,
        out,
        {
            "positions": positions,
            "start": start,
            "stop": stop,
            "every": every,
            "columns": columns,
            "wrapped": wrapped,
            "table": table,
            "format": format,
            "overwrite": overwrite,
        },
        make_progress(),
    )
