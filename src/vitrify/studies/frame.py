"""What every study does around its own steps: hold its folders, keep results that still hold, draw, print the table."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from vitrify.errors import MissingExtraError, SettingsError
from vitrify.parallel import lock_folder
from vitrify.progress import Progress
from vitrify.studies.finished import is_finished, mark_finished

if TYPE_CHECKING:
    from vitrify.report.results import SoftnessResults
    from vitrify.studies.finished import HasResults
    from vitrify.studies.settings import SimulatedSettings, SoftnessSettings

Made = TypeVar("Made")


def run_steps(
    place: HasResults,
    make: Callable[[], Made],
    inputs: Callable[[Made], str],
    collect: Callable[[Made], SoftnessResults],
    progress: Progress,
    held: Iterable[Path] = (),
) -> Path:
    """Do the work of a study in folders that nobody else works in, and return the path of its report.

    Parameters
    ----------
    place : HasResults
        Where results and report are kept; made if it does not exist.
    make : callable
        Does every step up to the results, going on where an earlier call was killed, and returns what the results are
        collected from.
    inputs : callable
        Hash of everything that results and report follow from. Both are left as they are if it has not changed.
    collect : callable
        The results; not called if those that are there still hold.
    progress : Progress
    held : iterable of Path, optional
        More folders that the study writes to.

    Raises
    ------
    SettingsError
        If `place` cannot be a folder.
    StoreBusyError
        If another process works in one of the folders.
    """
    from vitrify.report.terminal import print_table

    require_folder(place.out)
    with ExitStack() as locks:
        for folder in dict.fromkeys(Path(f).absolute() for f in (place.out, *held)):
            locks.enter_context(lock_folder(folder))
        made = make()
        results = _results_and_report(place, inputs(made), lambda: collect(made), progress)
    report = place.out / "report.html"
    print_table(results)
    print(f"\nReport: {report.resolve()}", file=sys.stdout, flush=True)
    return report


def _results_and_report(
    place: HasResults, inputs: str, collect: Callable[[], SoftnessResults], progress: Progress
) -> SoftnessResults:
    """Return the results with their report drawn; both are left as they are if nothing they follow from has changed."""
    from vitrify.report.results import SoftnessResults

    if is_finished(place, inputs):
        return SoftnessResults.load(place.results)
    from vitrify.report.page import build_report

    progress.note("Statistics and figures")
    results = collect()
    results.save(place.results)
    build_report(results, place.out)
    mark_finished(place, inputs)
    return results


def require_folder(out: Path) -> None:
    """Refuse a name that cannot become a folder to write to.

    Raises
    ------
    SettingsError
    """
    there = next(p for p in [out, *out.absolute().parents] if p.exists())
    if not there.is_dir():
        raise SettingsError(
            f"`--out` {out} must be a folder or a new name; {there} is a file. Choose another name."
        )
    if not os.access(there, os.W_OK | os.X_OK):
        raise SettingsError(
            f"`--out` {out} cannot be written to: no permission in {there}. Choose another place."
        )


def require_extras(settings: SoftnessSettings) -> None:
    """Refuse to begin hours of work that cannot end.

    Raises
    ------
    MissingExtraError
    """
    require_report()
    require_engine(settings)


def require_engine(settings: SimulatedSettings) -> None:
    """Refuse to begin where the simulation could not run.

    Raises
    ------
    MissingExtraError
    """
    if settings.simulation.engine == "lammps":
        from vitrify.engines.lammps import load_lammps

        load_lammps()


def require_report() -> None:
    """Refuse to begin where the report could not be drawn.

    Raises
    ------
    MissingExtraError
    """
    from importlib.util import find_spec

    for package in ("matplotlib", "jinja2", "k3d"):
        if find_spec(package) is None:
            raise MissingExtraError("The report", package, "report")
