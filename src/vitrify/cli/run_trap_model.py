"""`vitrify run trap-model`: the trap model of softness beside a simulated liquid."""

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
    Trajectories,
    Workers,
    tells_cost,
    workforce,
)

SYSTEMS = ("kob-andersen", "harmonic-spheres")


def trap_model(
    system: Annotated[
        str, typer.Option(help="kob-andersen, or harmonic-spheres at several densities.")
    ] = "kob-andersen",
    scale: Scale = "demo",
    out: Out = Path("trap-model-demo"),
    settings: SettingsFile = None,
    trajectories: Trajectories = None,
    dry_run: DryRun = False,
    workers: Workers = None,
    executor: Executor = None,
    scheduler: Scheduler = None,
) -> None:
    """Fit the trap model to a liquid and compare relaxation, fragility and ageing with it.

    Killed at any moment, the same command goes on where it was and ends with the same bits.
    """
    from vitrify.cli.console import make_progress
    from vitrify.errors import UnknownNameError

    if system not in SYSTEMS:
        raise UnknownNameError("system of the trap model", system, SYSTEMS)
    force = workforce(executor, workers, scheduler)
    if system == "harmonic-spheres":
        from vitrify.studies.soft_spheres import run_soft_spheres
        from vitrify.studies.soft_spheres_settings import load_soft_sphere_settings

        spheres = load_soft_sphere_settings(scale, settings)
        if not tells_cost(dry_run, spheres, workers, "trap-model"):
            run_soft_spheres(spheres, out, make_progress(), force, trajectories)
        return
    from vitrify.studies.ageing import ageing_cost
    from vitrify.studies.trap_settings import load_trap_settings

    chosen = load_trap_settings(scale, settings)
    more = (ageing_cost(chosen, chosen.ageing),) if dry_run else ()
    if tells_cost(dry_run, chosen, workers, "trap-model", more):
        return
    from vitrify.studies.trap_model import run_trap_model

    run_trap_model(chosen, out, make_progress(), force, trajectories)
