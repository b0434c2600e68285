"""Arguments and options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Store = Annotated[Path, typer.Argument(metavar="STORE", help="Trajectory store (a .zarr folder).")]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, help="Processes to use; all cores by default.")
]
Kind = Annotated[str, typer.Option("--positions", help="Positions to use: 'inherent' or 'thermal'.")]
