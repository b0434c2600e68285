"""`vitrify run meaning-of-softness`: what in the structure softness reads."""

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


def meaning_of_softness(
    scale: Scale = "demo",
    out: Out = Path("meaning-demo"),
    density: Density = 1.2,
    settings: SettingsFile = None,
    trajectories: Trajectories = None,
    dry_run: DryRun = False,
    workers: Workers = None,
    executor: Executor = None,
    scheduler: Scheduler = None,
) -> None:
    """Ask what softness means: which functions carry it, simpler forms of it, other classifiers, its field in space.

    With `--trajectories` of a softness study only the questions remain to be asked. Killed at any moment, the same command
    goes on where it was and ends with the same bits.
    """
    from vitrify.cli.console import make_progress
    from vitrify.studies.meaning_settings import load_meaning_settings

    force = workforce(executor, workers, scheduler)
    chosen = load_meaning_settings(scale, density, settings)
    if dry_run:
        from vitrify.studies.meaning_cost import costs_besides

        tells_cost(dry_run, chosen, workers, "meaning-of-softness", costs_besides(chosen))
        return
    from vitrify.studies.meaning import run_meaning

    run_meaning(chosen, out, make_progress(), force, trajectories)
