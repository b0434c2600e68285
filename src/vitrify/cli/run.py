"""`vitrify run`: whole studies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vitrify.cli.options import (
    DryRun,
    Executor,
    Out,
    Scale,
    Scheduler,
    SettingsFile,
    Workers,
    tells_cost,
    workforce,
)


def softness(
    scale: Scale = "demo",
    out: Out = Path("softness-demo"),
    density: Annotated[float, typer.Option(help="Density of the paper: 1.15, 1.20, 1.25 or 1.30.")] = 1.2,
    settings: SettingsFile = None,
    equilibrate: Annotated[
        bool, typer.Option("--equilibrate", help="Equilibrate anew instead of using shipped starts.")
    ] = False,
    dry_run: DryRun = False,
    workers: Workers = None,
    executor: Executor = None,
    scheduler: Scheduler = None,
) -> None:
    """Simulate a Kob-Andersen liquid, learn softness, and report what it says about the dynamics.

    Killed at any moment, the same command goes on where it was and ends with the same bits.
    """
    from vitrify.cli.console import make_progress
    from vitrify.studies.settings import load_settings

    force = workforce(executor, workers, scheduler)
    overrides = {"equilibrate": True} if equilibrate else {}
    chosen = load_settings(scale, density, settings, overrides)
    if tells_cost(dry_run, chosen, workers):
        return
    from vitrify.studies.softness import run_softness

    run_softness(chosen, out, make_progress(), force)
