"""`vitrify import`: files of other programs into a store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vitrify.cli import file_options as of
from vitrify.cli.options import Workers


def import_files(
    files: of.Files,
    store: Annotated[
        Path, typer.Argument(metavar="STORE", help="Trajectory store to make (a .zarr folder).")
    ],
    positions: Annotated[
        str,
        typer.Option(
            help="thermal: as the dynamics left them; inherent: already quenched. Never guessed.",
            show_default=False,
        ),
    ],
    format: of.Format = None,
    species: of.Species = None,
    species_by: of.SpeciesBy = None,
    species_edges: of.SpeciesEdges = None,
    model: Annotated[
        str | None, typer.Option(help="Potential, such as kob_andersen or kob_andersen,smoothing=shift.")
    ] = None,
    temperature: Annotated[float | None, typer.Option(help="Temperature of the trajectory.")] = None,
    units: Annotated[str | None, typer.Option(help="lj, metal or micron.")] = None,
    time_step: of.TimeStep = None,
    start: of.Start = 0,
    stop: of.Stop = None,
    every: of.Every = 1,
    absent: of.Absent = False,
    frames_per_unit: Annotated[
        int | None, typer.Option(min=1, help="Frames in one file of the store; about 64 MB by default.")
    ] = None,
    pixel_size: of.PixelSize = None,
    frame_rate: of.FrameRate = None,
    field: of.Field = None,
    columns: of.Columns = None,
    cell: of.Cell = None,
    reader_option: of.ReaderOption = None,
    workers: Workers = None,
) -> None:
    """Read FILES (LAMMPS dumps, GSD, extxyz and what ASE reads, tracks, arrays) into STORE; repeat to resume."""
    from vitrify.cli.console import make_progress
    from vitrify.studies.importing import import_store

    import_store(
        files,
        store,
        {
            "positions": positions,
            "format": format,
            "species": species,
            "species_by": species_by,
            "species_edges": species_edges,
            "model": model,
            "temperature": temperature,
            "units": units,
            "time_step": time_step,
            "start": start,
            "stop": stop,
            "every": every,
            "absent": absent,
            "frames_per_unit": frames_per_unit,
            "reader": of.collect(reader_option, pixel_size, frame_rate, field, columns, cell),
        },
        make_progress(),
        workers,
    )
