"""`vitrify report`: the page of a single trajectory, or of a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    folder: Annotated[
        Path,
        typer.Argument(metavar="STORE|FOLDER", help="Trajectory store (.zarr), or the folder of a study."),
    ],
    out: Annotated[
        Path | None, typer.Option(help="Folder for the page of a store; by default beside it, NAME.report.")
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(help="Trained softness of the store, .json; by default found beside it."),
    ] = None,
) -> None:
    """Write the page of STORE, report.html with figures, or draw that of a study's FOLDER again."""
    from vitrify.cli.console import make_progress
    from vitrify.studies.verbs import report_of_folder

    print(report_of_folder(folder, out, model, make_progress()))
