"""`vitrify train`: learn softness from one trajectory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vitrify.cli.options import Store, Workers


def train(
    store: Store,
    out: Annotated[Path, typer.Option(help="Trained softness to write, .json.")] = Path("softness.json"),
    descriptors: Annotated[str, typer.Option(help="Name of a descriptor set.")] = "schoenholz-2016",
    species: Annotated[str, typer.Option(help="Species whose softness is learned.")] = "A",
    quiet_time: Annotated[
        int, typer.Option(help="Frames that a hard particle stays quiet; about tau_alpha.")
    ] = 300,
    quiet_threshold: Annotated[
        float, typer.Option(help="p_hop below which a particle is quiet, length^2.")
    ] = 0.02,
    soft_frame: Annotated[
        str, typer.Option(help="Structure of a soft particle: start, crossing or before_peak.")
    ] = "start",
    hard_frame: Annotated[
        str, typer.Option(help="Structure of a hard particle: middle, end or start of the quiet time.")
    ] = "middle",
    n_per_class: Annotated[int, typer.Option(help="At most so many particles of each class.")] = 6000,
    min_per_class: Annotated[int, typer.Option(help="With fewer of a class, nothing is learned.")] = 100,
    seed: Annotated[int, typer.Option(help="Seed of the choice.")] = 5,
    workers: Workers = None,
) -> None:
    """Train a linear support vector machine on STORE (after `quench` and `rearrangements`)."""
    from vitrify.cli.console import make_progress
    from vitrify.studies.verbs import train_on_store

    train_on_store(
        store,
        out,
        {
            "descriptors": descriptors,
            "centre_species": species,
            "quiet_time": quiet_time,
            "quiet_threshold": quiet_threshold,
            "soft_frame": soft_frame,
            "hard_frame": hard_frame,
            "n_per_class": n_per_class,
            "min_per_class": min_per_class,
            "seed": seed,
        },
        make_progress(),
        workers,
    )
