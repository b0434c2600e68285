"""`vitrify rearrangements`: p_hop and events, or D2min."""

from __future__ import annotations

from typing import Annotated

import typer

from vitrify.cli.options import Executor, Kind, Prepare, Scheduler, Store, Workers, workforce


def rearrangements(
    store: Store,
    window: Annotated[int, typer.Option(help="Window t_R of p_hop, in frames.")] = 10,
    event_threshold: Annotated[
        float, typer.Option(help="p_hop above which an event lasts, length^2.")
    ] = 0.05,
    rearrangement_threshold: Annotated[
        float, typer.Option(help="Peak of p_hop that makes it a rearrangement, length^2.")
    ] = 0.2,
    indicator: Annotated[
        str, typer.Option(help="p_hop, or d2min: motion beside the best affine map.")
    ] = "p_hop",
    lag: Annotated[
        int | None, typer.Option(help="d2min: frames from the structure to the later one.")
    ] = None,
    cutoff: Annotated[
        float | None, typer.Option(help="d2min: distance within which neighbours count, length.")
    ] = None,
    normalization: Annotated[
        str | None,
        typer.Option(help="d2min: mean over neighbours (the default; thresholds of the thesis), or sum."),
    ] = None,
    reference: Annotated[
        int | None, typer.Option(help="d2min: compare this frame with every other, instead of a lag.")
    ] = None,
    positions: Kind = "inherent",
    workers: Workers = None,
    executor: Executor = None,
    scheduler: Scheduler = None,
    prepare: Prepare = False,
) -> None:
    """Compute p_hop of STORE and write its events beside it, as .npz and CSV; or D2min, with --indicator d2min."""
    from vitrify.cli.console import make_progress
    from vitrify.studies.verbs import d2min_options, hold_store, rearrangements_of_store

    flow = d2min_options(
        indicator,
        {"lag": lag, "cutoff": cutoff, "normalization": normalization, "reference": reference},
    )
    with hold_store(store):
        if flow is not None:
            from vitrify.studies.flow_defects import d2min_of_store

            d2min_of_store(
                store,
                flow,
                positions,
                make_progress(),
                workforce(executor, workers, scheduler),
                prepare=prepare,
            )
            return
        rearrangements_of_store(
            store,
            {
                "window": window,
                "event_threshold": event_threshold,
                "rearrangement_threshold": rearrangement_threshold,
            },
            positions,
            make_progress(),
            workforce(executor, workers, scheduler),
            prepare=prepare,
        )
