"""`vitrify run onset`: the onset temperature at several densities, cutoffs and definitions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vitrify.cli.options import DryRun, Executor, Out, Scale, Scheduler, SettingsFile, Workers, workforce


def onset(
    densities: Annotated[
        str, typer.Option(help="Densities of the paper, with commas: of 1.15, 1.20, 1.25, 1.30.")
    ] = "1.20,1.30",
    scale: Scale = "demo",
    out: Out = Path("onset-demo"),
    settings: SettingsFile = None,
    trajectories: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DENSITY=FOLDER",
            help="Folder of a finished study at one density, whose trajectories are used and added to; may be repeated.",
        ),
    ] = None,
    dry_run: DryRun = False,
    workers: Workers = None,
    executor: Executor = None,
    scheduler: Scheduler = None,
) -> None:
    """Compare onset temperatures of softness between densities, cutoffs and definitions of rearranging.

    Killed at any moment, the same command goes on where it was and ends with the same bits.
    """
    from vitrify.cli.console import make_progress

    force = workforce(executor, workers, scheduler)
    from vitrify.studies.onset import places_of

    given = dict(_given(text) for text in trajectories or ())
    places = places_of(out, _numbers(densities), scale, settings, given)
    if dry_run:
        from vitrify.studies.cost import print_cost

        for place in (p for p in places if p.shared is None):
            print_cost(place.settings, workers, f"onset --densities {place.settings.simulation.density:g}")
        return
    from vitrify.studies.onset import run_onset

    run_onset(places, out, make_progress(), force)


def _numbers(text: str) -> list[float]:
    """Return densities that are separated by commas."""
    from vitrify.errors import SettingsError

    try:
        return [float(word) for word in text.split(",") if word.strip()]
    except ValueError as error:
        raise SettingsError(
            f"`--densities` must be numbers with commas between them, such as 1.20,1.30; it is '{text}'."
        ) from error


def _given(text: str) -> tuple[float, Path]:
    """Return density and folder of DENSITY=FOLDER."""
    from vitrify.errors import SettingsError

    density, sign, folder = text.partition("=")
    try:
        if sign and folder:
            return float(density), Path(folder)
    except ValueError:
        pass
    raise SettingsError(
        f"`--trajectories` must be a density and the folder of a study at it, such as 1.20=runs/softness; it is '{text}'."
    )
