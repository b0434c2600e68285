"""`vitrify run relaxation`: from softness to the decay of the overlap."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vitrify.cli.options import Executor, Scheduler, Workers, workforce


def relaxation(
    scale: Annotated[str, typer.Option(help="demo (minutes), study (hours) or paper (a cluster).")] = "demo",
    out: Annotated[Path, typer.Option(help="Folder for results and the report.")] = Path("relaxation-demo"),
    density: Annotated[
        float, typer.Option(help="Density; scale 'paper' has 1.15, 1.20, 1.25 and 1.30.")
    ] = 1.2,
    settings: Annotated[Path | None, typer.Option(help="TOML file laid over the scale's settings.")] = None,
    trajectories: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Another study whose trajectories are used, and added to."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would cost and stop.")] = False,
    workers: Workers = None,
    executor: Executor = None,
    scheduler: Scheduler = None,
) -> None:
    """Predict the relaxation of a liquid from softness: propagator, overlap, held-out temperature and time.

    Killed at any moment, the same command goes on where it was and ends with the same bits.
    """
    from vitrify.cli.console import make_progress
    from vitrify.studies.relaxation_settings import load_relaxation_settings

    force = workforce(executor, workers, scheduler)
    chosen = load_relaxation_settings(scale, density, settings)
    if dry_run:
        from vitrify.studies.cost import print_cost

        print_cost(chosen, workers, "relaxation")
        return
    from vitrify.studies.relaxation import run_relaxation

    run_relaxation(chosen, out, make_progress(), force, trajectories)
