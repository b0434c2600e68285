"""`vitrify run caging-softness`: the softness of the mean-field cage of every particle."""

from __future__ import annotations

from pathlib import Path

from vitrify.cli.options import DryRun, Executor, Out, Scale, Scheduler, SettingsFile, Workers, workforce


def caging_softness(
    scale: Scale = "demo",
    out: Out = Path("caging-softness-demo"),
    settings: SettingsFile = None,
    dry_run: DryRun = False,
    workers: Workers = None,
    executor: Executor = None,
    scheduler: Scheduler = None,
) -> None:
    """Measure how soft the mean-field cage of every particle is, from g(r) alone, and whether soft ones rearrange.

    Killed at any moment, the same command goes on where it was and ends with the same bits.
    """
    from vitrify.cli.console import make_progress
    from vitrify.studies.caging_settings import load_caging_settings

    force = workforce(executor, workers, scheduler)
    chosen = load_caging_settings(scale, settings)
    if dry_run:
        from vitrify.studies.caging_cost import caging_costs
        from vitrify.studies.cost import print_costs

        print_costs(caging_costs(chosen), chosen.scale, workers, "caging-softness")
        return
    from vitrify.studies.caging import run_caging

    run_caging(chosen, out, make_progress(), force)
