"""`vitrify quench`: inherent structures."""

from __future__ import annotations

from typing import Annotated

import typer

from vitrify.cli.options import Executor, Prepare, Scheduler, Store, Workers, workforce


def quench(
    store: Store,
    minimizer: Annotated[str, typer.Option(help="lbfgs, fire or lammps-cg.")] = "lbfgs",
    force_tolerance: Annotated[float, typer.Option(help="Largest force left on any particle.")] = 1e-4,
    max_iterations: Annotated[
        int, typer.Option(help="After which a frame is flagged as not converged.")
    ] = 20_000,
    workers: Workers = None,
    executor: Executor = None,
    scheduler: Scheduler = None,
    prepare: Prepare = False,
) -> None:
    """Bring every frame of STORE to the minimum of its potential energy; repeat the command to resume."""
    from vitrify.cli.console import make_progress
    from vitrify.studies.verbs import hold_store, quench_store

    with hold_store(store):
        quench_store(
            store,
            {"minimizer": minimizer, "force_tolerance": force_tolerance, "max_iterations": max_iterations},
            make_progress(),
            workforce(executor, workers, scheduler),
            prepare=prepare,
        )
