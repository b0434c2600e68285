"""All verbs on one screen."""

from __future__ import annotations

from collections.abc import Callable

import typer


def build_app() -> typer.Typer:
    """Return the application; modules of verbs import only typer and the standard library at their top."""
    from vitrify.cli import (
        cite,
        describe,
        doctor,
        quench,
        rearrangements,
        report,
        run,
        simulate,
        softness,
        train,
    )

    app = typer.Typer(
        name="vitrify",
        help="What in a liquid's structure decides where it will rearrange? From a trajectory to softness, barriers and relaxation.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )
    app.callback()(_version)
    studies = typer.Typer(
        help="Run a whole study from one line: simulate, analyse, report.", no_args_is_help=True
    )
    studies.command("softness")(run.softness)
    app.add_typer(studies, name="run")
    verbs: dict[str, Callable[..., None]] = {
        "simulate": simulate.simulate,
        "quench": quench.quench,
        "rearrangements": rearrangements.rearrangements,
        "describe": describe.describe,
        "train": train.train,
        "softness": softness.softness,
        "report": report.report,
        "doctor": doctor.doctor,
        "cite": cite.cite,
    }
    for name, verb in verbs.items():
        app.command(name)(verb)
    return app


def _version(
    version: bool = typer.Option(False, "--version", help="Print the version and stop.", is_eager=True),
) -> None:
    if version:
        from vitrify._version import __version__

        print(f"vitrify {__version__}")
        raise typer.Exit
