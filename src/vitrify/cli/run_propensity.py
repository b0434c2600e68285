"""`vitrify run propensity` and `vitrify run propensity-hard-spheres`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from vitrify.cli.options import Executor, Out, Scale, Scheduler, SettingsFile, Workers, workforce
from vitrify.errors import SettingsError

Data = Annotated[
    Path | None,
    typer.Option(
        help="File or folder of configurations with a measured propensity, in place of runs of its own."
    ),
]
Transfer = Annotated[
    Path | None,
    typer.Option(
        help="Another such file, on which models that learned from all of --data are tried unchanged."
    ),
]
Time = Annotated[float | None, typer.Option(help="Time of the end points of --data, if no file says it.")]
Temperature = Annotated[float | None, typer.Option(help="Temperature of --data, if no file says it.")]


def propensity(
    scale: Scale = "demo",
    out: Out = Path("propensity-demo"),
    data: Data = None,
    transfer: Transfer = None,
    time: Time = None,
    temperature: Temperature = None,
    settings: SettingsFile = None,
    workers: Workers = None,
    executor: Executor = None,
    scheduler: Scheduler = None,
) -> None:
    """Predict where a Kob-Andersen liquid will be mobile from its structure, by averaged descriptors and ridge regression.

    Killed at any moment, the same command goes on where it was and ends with the same bits.
    """
    from vitrify.cli.console import make_progress
    from vitrify.studies.propensity_settings import load_propensity_settings

    force = workforce(executor, workers, scheduler)
    if transfer is not None and data is None:
        raise SettingsError("`--transfer` needs `--data`: the data that models learn from.")
    overrides: dict[str, Any] = {}
    if data is not None:
        given = {"data": data, "transfer": transfer, "time": time, "temperature": temperature}
        source = {key: str(v) if isinstance(v, Path) else v for key, v in given.items() if v is not None}
        overrides = {"source": source}
    chosen = load_propensity_settings(scale, 1.2, settings, overrides)
    from vitrify.studies.propensity import run_propensity

    run_propensity(chosen, out, make_progress(), force)


def hard_spheres(
    scale: Scale = "demo",
    out: Out = Path("propensity-hard-spheres-demo"),
    packing_fraction: Annotated[
        float, typer.Option(help="Packing fraction; 0 takes that of the scale.", min=0.0, max=0.7)
    ] = 0.0,
    settings: SettingsFile = None,
    workers: Workers = None,
    executor: Executor = None,
    scheduler: Scheduler = None,
) -> None:
    """Predict where a mixture of hard spheres will be mobile from its structure; exact event-driven dynamics.

    Killed at any moment, the same command goes on where it was and ends with the same bits.
    """
    from vitrify.cli.console import make_progress
    from vitrify.studies.propensity_settings import load_hard_sphere_settings

    force = workforce(executor, workers, scheduler)
    chosen = load_hard_sphere_settings(scale, packing_fraction, settings)
    from vitrify.studies.propensity import run_propensity

    run_propensity(chosen, out, make_progress(), force)
