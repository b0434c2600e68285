"""`vitrify rearrangements`: p_hop and events."""

from __future__ import annotations

from typing import Annotated

import typer

from vitrify.cli.options import Kind, Store, Workers


def rearrangements(
    store: Store,
    window: Annotated[int, typer.Option(help="Window t_R of p_hop, in frames.")] = 10,
    event_threshold: Annotated[
        float, typer.Option(help="p_hop above which an event lasts, length^2.")
    ] = 0.05,
    rearrangement_threshold: Annotated[
        float, typer.Option(help="Peak of p_hop that makes it a rearrangement, length^2.")
    ] = 0.2,
    positions: Kind = "inherent",
    workers: Workers = None,
) -> None:
    """Compute p_hop of STORE and write its events beside it, as .npz and CSV."""
    from vitrify.cli.console import make_progress
    from vitrify.studies.verbs import hold_store, rearrangements_of_store

    with hold_store(store):
        rearrangements_of_store(
            store,
            {
                "window": window,
                "event_threshold": event_threshold,
                "rearrangement_threshold": rearrangement_threshold,
            },
            positions,
            make_progress(),
            workers,
        )
