"""`vitrify describe`: the structure around every particle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vitrify.cli.options import Descriptors, Executor, Kind, LengthUnit, Scheduler, Store, Workers, workforce


def describe(
    store: Store,
    out: Annotated[Path, typer.Option(help="Table to write, .npz.")],
    descriptors: Descriptors = "schoenholz-2016",
    length_unit: LengthUnit = None,
    every: Annotated[int, typer.Option(min=1, help="Frames from one described frame to the next.")] = 10,
    species: Annotated[str | None, typer.Option(help="Only particles of this species.")] = None,
    positions: Kind = "inherent",
    workers: Workers = None,
    executor: Executor = None,
    scheduler: Scheduler = None,
) -> None:
    """Describe the surroundings of the particles of STORE; one row per particle and frame."""
    from vitrify.cli.console import make_progress
    from vitrify.studies.describing import typed_descriptors
    from vitrify.studies.verbs import describe_store

    describe_store(
        store,
        out,
        {
            "descriptors": typed_descriptors(descriptors, length_unit),
            "every": every,
            "species": species,
            "positions": positions,
        },
        make_progress(),
        workforce(executor, workers, scheduler),
    )
