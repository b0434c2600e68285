"""Arguments and options of the verbs that read files of other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

Files = Annotated[
    list[Path],
    typer.Argument(metavar="FILE", help="One trajectory, in one or more files in the order of time."),
]
Format = Annotated[
    str | None,
    typer.Option("--format", help="lammps_dump, gsd, ase, tracks or arrays; by default told by the name."),
]
Species = Annotated[str | None, typer.Option("--species", help="Names of the species, such as 1=A,2=B.")]
SpeciesBy = Annotated[
    str | None, typer.Option("--species-by", help="Column that tells species apart, such as radius.")
]
SpeciesEdges = Annotated[
    str | None,
    typer.Option("--species-edges", help="Values of that column between two species, such as 0.45,0.6."),
]
Start = Annotated[int, typer.Option("--start", help="First frame to take.")]
Stop = Annotated[int | None, typer.Option("--stop", help="Frame before which to stop.")]
Every = Annotated[int, typer.Option("--every", min=1, help="Take every so many frames.")]
Absent = Annotated[bool, typer.Option("--absent", help="Particles may be missing in some frames.")]
TimeStep = Annotated[float | None, typer.Option("--time-step", help="Time of one step of the file.")]
PixelSize = Annotated[
    str | None, typer.Option("--pixel-size", help="Tracks: length of a pixel, one for all axes or one each.")
]
FrameRate = Annotated[float | None, typer.Option("--frame-rate", help="Tracks: frames per unit of time.")]
Field = Annotated[
    str | None, typer.Option("--field", help="Tracks: field of view x0,x1,y0,y1[,z0,z1], in pixels.")
]
Columns = Annotated[
    str | None, typer.Option("--columns", help="Names of columns or arrays, such as frame=t,particle=id.")
]
Cell = Annotated[
    str | None, typer.Option("--cell", help="Box where the file has none: lx,ly,lz, or nine numbers.")
]
ReaderOption = Annotated[
    list[str] | None, typer.Option("--reader-option", help="Any other option of the reader, NAME=VALUE.")
]


def collect(
    typed: list[str] | None,
    pixel_size: str | None,
    frame_rate: float | None,
    field: str | None,
    columns: str | None,
    cell: str | None,
) -> dict[str, Any]:
    """Return the options of a reader that were given on the command line."""
    from vitrify.studies.importing import reader_options, typed_pairs, typed_value

    return reader_options(
        typed or [],
        pixel_size=None if pixel_size is None else typed_value(pixel_size),
        frame_rate=frame_rate,
        field=None if field is None else typed_value(field),
        columns=None if columns is None else typed_pairs(columns, "--columns"),
        cell=None if cell is None else typed_value(cell),
    )
