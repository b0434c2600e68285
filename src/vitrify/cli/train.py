"""`vitrify train`: learn softness from one trajectory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vitrify.cli.options import Descriptors, Executor, LengthUnit, Scheduler, Store, Workers, workforce


def train(
    store: Store,
    out: Annotated[Path, typer.Option(help="Trained softness to write, .json.")] = Path("softness.json"),
    descriptors: Descriptors = "schoenholz-2016",
    length_unit: LengthUnit = None,
    species: Annotated[str, typer.Option(help="Species whose softness is learned.")] = "A",
    labels: Annotated[str, typer.Option(help="What tells soft from hard: p_hop or d2min.")] = "p_hop",
    positions: Annotated[
        str | None,
        typer.Option(
            help="Positions of the structure: 'inherent' or 'thermal'; those of the labels by default."
        ),
    ] = None,
    rearranging_above: Annotated[
        float | None, typer.Option(help="d2min: threshold of soft particles, length^2.")
    ] = None,
    rearranging_fraction: Annotated[
        float | None, typer.Option(help="d2min: part of all values above the threshold; 0.0015 by default.")
    ] = None,
    quiet_below: Annotated[
        float | None,
        typer.Option(help="d2min: threshold of hard particles, length^2; that of the soft by default."),
    ] = None,
    quiet_fraction: Annotated[
        float | None, typer.Option(help="d2min: part of all values below the threshold of hard particles.")
    ] = None,
    quiet_time: Annotated[
        int | None,
        typer.Option(
            help="Frames that a hard particle stays quiet: about tau_alpha, 300 for p_hop; 1 for d2min."
        ),
    ] = None,
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
    segments: Annotated[
        int, typer.Option(help="Pieces of the trajectory, held out in turn to measure the accuracy.")
    ] = 6,
    seed: Annotated[int, typer.Option(help="Seed of the choice.")] = 5,
    workers: Workers = None,
    executor: Executor = None,
    scheduler: Scheduler = None,
) -> None:
    """Train a linear support vector machine on STORE (after `quench` and `rearrangements`)."""
    from vitrify.cli.console import make_progress
    from vitrify.studies.describing import typed_descriptors
    from vitrify.studies.verbs import flow_options, train_on_store

    flow = flow_options(
        labels,
        quiet_time,
        {
            "rearranging_above": rearranging_above,
            "rearranging_fraction": rearranging_fraction,
            "quiet_below": quiet_below,
            "quiet_fraction": quiet_fraction,
        },
    )
    train_on_store(
        store,
        out,
        {
            "descriptors": typed_descriptors(descriptors, length_unit),
            "centre_species": species,
            "quiet_time": 300 if quiet_time is None else quiet_time,
            "quiet_threshold": quiet_threshold,
            "soft_frame": soft_frame,
            "hard_frame": hard_frame,
            "n_per_class": n_per_class,
            "min_per_class": min_per_class,
            "segments": segments,
            "seed": seed,
        },
        make_progress(),
        workforce(executor, workers, scheduler),
        kind=positions,
        flow=flow,
    )
