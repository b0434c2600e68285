"""`vitrify work`: a share of the units of a store."""

from __future__ import annotations

from typing import Annotated

import typer

from vitrify.cli.options import Store


def work(
    store: Store,
    shard: Annotated[str, typer.Option(metavar="K/N", help="Which share, counted from 1: 1/8 to 8/8.")],
    stage: Annotated[
        str | None, typer.Option(help="Only this stage: inherent, p_hop, d2min or softness; otherwise all.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes to use for this share.")] = 1,
) -> None:
    """Fill a share of what was prepared in STORE; needs no scheduler, and repeating it is free.

    First run `vitrify quench STORE --prepare` (or rearrangements, softness). Then start every share once, on any machine
    that sees the folder. The exit code is 0 when the share is done, and 2 when a stage has to wait for other shares.
    """
    from vitrify.cli.console import make_progress
    from vitrify.studies.work import work_on_store

    work_on_store(store, shard, stage, make_progress(), workers)
