"""`vitrify softness`: apply a trained softness."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vitrify.cli.options import Executor, Prepare, Scheduler, Store, Workers, workforce


def softness(
    store: Store,
    model: Annotated[Path, typer.Option(help="Trained softness, .json.")] = Path("softness.json"),
    every: Annotated[int, typer.Option(min=1, help="Frames from one evaluated frame to the next.")] = 1,
    workers: Workers = None,
    executor: Executor = None,
    scheduler: Scheduler = None,
    prepare: Prepare = False,
) -> None:
    """Write the softness of the particles of STORE into it, as the array "softness"."""
    from vitrify.cli.console import make_progress
    from vitrify.studies.verbs import hold_store, softness_of_store

    with hold_store(store):
        softness_of_store(
            store, model, every, make_progress(), workforce(executor, workers, scheduler), prepare=prepare
        )
