"""Arguments and options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from vitrify.parallel import Workforce
    from vitrify.studies.settings import SoftnessSettings

Store = Annotated[Path, typer.Argument(metavar="STORE", help="Trajectory store (a .zarr folder).")]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, help="Processes to use; all cores by default.")
]
Executor = Annotated[
    str | None,
    typer.Option(
        help="Who does the units of work: serial, processes (the default) or dask; the same bits from each."
    ),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Of a dask scheduler that runs, tcp://host:port; without it dask uses this machine.",
    ),
]
Prepare = Annotated[
    bool, typer.Option("--prepare", help="Only make ready what `vitrify work --shard k/n` then fills.")
]
Kind = Annotated[str, typer.Option("--positions", help="Positions to use: 'inherent' or 'thermal'.")]
Descriptors = Annotated[
    str, typer.Option("--descriptors", help="Name of a descriptor or a set, or a JSON file with one.")
]
LengthUnit = Annotated[
    float | None,
    typer.Option(
        "--length-unit",
        help="What the descriptors take for 1, in the unit of the store: the diameter of the large particles.",
    ),
]
Scale = Annotated[str, typer.Option(help="demo (minutes), study (hours) or paper (a cluster).")]
Out = Annotated[Path, typer.Option(help="Folder for trajectories, results and the report.")]
Density = Annotated[float, typer.Option(help="Density; scale 'paper' has 1.15, 1.20, 1.25 and 1.30.")]
SettingsFile = Annotated[
    Path | None, typer.Option("--settings", help="TOML file laid over the scale's settings.")
]
Trajectories = Annotated[
    Path | None,
    typer.Option(
        "--trajectories",
        metavar="FOLDER",
        help="Folder of another study whose trajectories are used, and added to.",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what it would cost and stop.")]


def tells_cost(dry_run: bool, settings: SoftnessSettings, workers: int | None, *more: Any) -> bool:
    """Say what a study would cost, if that is all that is asked for; return whether it is. `more` as of `print_cost`."""
    if dry_run:
        from vitrify.studies.cost import print_cost

        print_cost(settings, workers, *more)
    return dry_run


def workforce(executor: str | None, workers: int | None, scheduler: str | None) -> Workforce:
    """Return who does the work; a scheduler is enough to mean dask."""
    from vitrify.parallel import Workforce

    return Workforce(executor or ("dask" if scheduler else "processes"), workers, scheduler)
