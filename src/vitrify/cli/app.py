"""All verbs on one screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperGroup

_WHAT = (
    "What in a liquid's structure decides where it will rearrange? From a trajectory to softness, barriers and relaxation. "
    "Begin with `vitrify run softness --dry-run`."
)


class _StudiesFirst(TyperGroup):
    """Lists whole studies before the steps they consist of."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands in the order of the help page."""
        return sorted(super().list_commands(ctx), key=lambda name: name != "run")


def build_app() -> typer.Typer:
    """Return the application; modules of verbs import only typer and the standard library at their top."""
    from vitrify.cli import (
        benchmark,
        check,
        cite,
        describe,
        doctor,
        export,
        export_softness,
        import_files,
        quench,
        rearrangements,
        report,
        simulate,
        softness,
        train,
        work,
    )

    app = typer.Typer(
        name="vitrify",
        cls=_StudiesFirst,
        help=_WHAT,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )
    app.callback(help=_WHAT)(_begin)
    app.add_typer(_studies(), name="run")
    verbs: dict[str, Callable[..., None]] = {
        "check": check.check,
        "import": import_files.import_files,
        "simulate": simulate.simulate,
        "quench": quench.quench,
        "rearrangements": rearrangements.rearrangements,
        "describe": describe.describe,
        "train": train.train,
        "softness": softness.softness,
        "benchmark": benchmark.benchmark,
        "report": report.report,
        "export": export.export,
        "export-softness": export_softness.export_softness,
        "work": work.work,
        "doctor": doctor.doctor,
        "cite": cite.cite,
    }
    _add(app, verbs)
    return app


def _studies() -> typer.Typer:
    """Return the verbs of `vitrify run`, one for each study."""
    from vitrify.cli import (
        run,
        run_caging_softness,
        run_meaning_of_softness,
        run_onset,
        run_propensity,
        run_relaxation,
        run_trap_model,
    )

    what = "Run a whole study from one line: simulate, analyse, report."
    app = typer.Typer(help=what, short_help=what, no_args_is_help=True)
    studies: dict[str, Callable[..., None]] = {
        "softness": run.softness,
        "trap-model": run_trap_model.trap_model,
        "onset": run_onset.onset,
        "relaxation": run_relaxation.relaxation,
        "meaning-of-softness": run_meaning_of_softness.meaning_of_softness,
        "propensity": run_propensity.propensity,
        "propensity-hard-spheres": run_propensity.hard_spheres,
        "caging-softness": run_caging_softness.caging_softness,
    }
    _add(app, studies)
    return app


def _add(app: typer.Typer, verbs: dict[str, Callable[..., None]]) -> None:
    for name, verb in verbs.items():
        app.command(name, short_help=_first_line(verb))(verb)


def _first_line(verb: Callable[..., None]) -> str:
    """Return what a verb does, whole: typer would cut it at the width of the screen."""
    return (verb.__doc__ or "").strip().splitlines()[0]


def _print_version(wanted: bool) -> None:
    if wanted:
        from vitrify._version import __version__

        print(f"vitrify {__version__}")
        raise typer.Exit


def _begin(
    version: bool = typer.Option(
        False, "--version", help="Print the version and stop.", is_eager=True, callback=_print_version
    ),
) -> None:
    """Take the options that stand before a verb."""
