"""`vitrify benchmark`: predictions from anybody's code, scored and ranked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vitrify.errors import ParameterError


def benchmark(
    labels: Annotated[
        Path,
        typer.Argument(
            metavar="LABELS",
            help="Configurations with a measured propensity (file or folder), the folder of a propensity study, or a "
            "trajectory store with rearrangements.",
        ),
    ],
    predictions: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE",
            help="Tables, CSV or parquet: columns configuration (or frame) and particle, and one for each prediction.",
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the page, the figures and benchmark.csv.")] = Path(
        "benchmark"
    ),
    no_own: Annotated[bool, typer.Option("--no-own", help="Leave out the numbers that vitrify has.")] = False,
    species: Annotated[
        str | None, typer.Option(help="Species to rank by; by default the most numerous.")
    ] = None,
    rank_time: Annotated[
        float | None, typer.Option(help="Time to rank by; by default the one nearest the relaxation time.")
    ] = None,
    mobile_fraction: Annotated[
        float, typer.Option(help="Fraction of the particles of a species that count as mobile.")
    ] = 0.1,
    configurations: Annotated[
        str | None, typer.Option(help="Numbers of the configurations to score, such as 5,6,7.")
    ] = None,
    within: Annotated[
        int | None,
        typer.Option(help="Frames in which a rearrangement counts; by default the window of p_hop."),
    ] = None,
    time: Annotated[
        float | None, typer.Option(help="Time of end points, where their files do not say it.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="For the local energy, where LABELS do not say it, such as kob_andersen."),
    ] = None,
) -> None:
    """Score predictions of any code, one number per particle, on LABELS, and rank them with what vitrify has."""
    from vitrify.cli.console import make_progress
    from vitrify.studies.benchmark import BenchmarkSettings, run_benchmark
    from vitrify.studies.benchmark_scores import ScoreOptions

    settings = BenchmarkSettings(
        labels,
        tuple(predictions or ()),
        not no_own,
        time,
        rank_time,
        species,
        _numbers(configurations),
        within,
        model,
        ScoreOptions(mobile_fraction),
    )
    run_benchmark(settings, out, make_progress())


def _numbers(text: str | None) -> tuple[int, ...] | None:
    """Return what is typed as 5,6,7; ascending, each once."""
    if text is None:
        return None
    try:
        return tuple(sorted({int(word) for word in text.split(",")}))
    except ValueError as error:
        raise ParameterError(
            f"`--configurations` must be whole numbers with commas between them, such as 5,6,7; it is '{text}'."
        ) from error
