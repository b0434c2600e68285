"""`vitrify run relaxation`: from softness to the decay of the overlap."""

from __future__ import annotations

from pathlib import Path

from vitrify.cli.options import (
    Density,
    DryRun,
    Executor,
    Out,
    Scale,
    Scheduler,
    SettingsFile,
    Trajectories,
    Workers,
    tells_cost,
    workforce,
)


def relaxation(
    scale: Scale = "demo",
    out: Out = Path("relaxation-demo"),
    density: Density = 1.2,
    settings: SettingsFile = None,
    trajectories: Trajectories = None,
    dry_run: DryRun = False,
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
    if tells_cost(dry_run, chosen, workers, "relaxation"):
        return
    from vitrify.studies.relaxation import run_relaxation

    run_relaxation(chosen, out, make_progress(), force, trajectories)
