"""`vitrify run softness`: Schoenholz et al. 2016 from a liquid to the report, one step after the other."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vitrify.errors import MissingExtraError, SettingsError
from vitrify.files import write_json
from vitrify.parallel import Workforce, lock_folder
from vitrify.progress import Progress
from vitrify.studies.dynamics import p_hop_all, require_rearrangements, require_statistics
from vitrify.studies.finished import inputs_identity, is_finished, mark_finished
from vitrify.studies.learning import train
from vitrify.studies.settings import SoftnessSettings
from vitrify.studies.simulate import Workplace, prepare_trajectory, quench_all, simulate_all
from vitrify.studies.softness_values import softness_all

if TYPE_CHECKING:
    from vitrify.predictors.trained import TrainedSoftness
    from vitrify.report.results import SoftnessResults


def run_softness(
    settings: SoftnessSettings, out: Path, progress: Progress, workers: int | Workforce | None = None
) -> Path:
    """Run the whole study into `out` and return the path of its report.

    Parameters
    ----------
    settings : SoftnessSettings
    out : Path
        Made if it does not exist. A run killed at any moment goes on from there with the same call.
    progress : Progress
    workers : int or Workforce, optional
        Processes, all cores by default; or who else does the units of work.

    Raises
    ------
    MissingExtraError
        Before anything runs, if what simulation or report need is not installed.
    SettingsError
        If `out` cannot be a folder.
    StoreBusyError
        If another process works in `out`.
    """
    from vitrify.studies.results import collect_results

    return run_study(Workplace(Path(out), settings), collect_results, progress, workers)


def run_study(
    place: Workplace,
    collect: Callable[[Workplace, TrainedSoftness], SoftnessResults],
    progress: Progress,
    workers: int | Workforce | None = None,
    then: Callable[[Workplace, TrainedSoftness], None] | None = None,
    learn: Callable[[Workplace, Progress, Any], TrainedSoftness] | None = None,
) -> Path:
    """Make trajectories, learn softness, and hand both to what the study is about.

    Parameters
    ----------
    place : Workplace
    collect : callable
        Returns the results of the study from what lies in its stores.
    progress, workers
        As of `run_softness`.
    then : callable, optional
        More work for stores, after softness and before the results.
    learn : callable, optional
        Makes the trajectories and the softness, `learn_softness` by default.

    Returns
    -------
    Path
        Of the report.

    Raises
    ------
    MissingExtraError, SettingsError, StoreBusyError
        As `run_softness`.
    """
    from vitrify.report.terminal import print_table

    require_extras(place.settings)
    require_folder(place.out)
    with ExitStack() as locks:
        for folder in dict.fromkeys((place.out.absolute(), (place.shared or place.out).absolute())):
            locks.enter_context(lock_folder(folder))
        trained = (learn or learn_softness)(place, progress, workers)
        if then is not None:
            then(place, trained)
        results = _results_and_report(place, trained, collect, progress)
    report = place.out / "report.html"
    print_table(results)
    print(f"\nReport: {report.resolve()}", file=sys.stdout, flush=True)
    return report


def learn_softness(
    place: Workplace, progress: Progress, workers: int | Workforce | None = None
) -> TrainedSoftness:
    """Simulate, quench, find rearrangements, train, and compute softness of every test trajectory."""
    for point in place.settings.state_points:
        # refuses the folder of another study before anything in it changes
        prepare_trajectory(place, point)
    write_json(place.out / "settings.json", place.settings.model_dump(mode="json"))
    simulate_all(place, progress, workers)
    quench_all(place, progress, workers)
    p_hop_all(place, progress, workers)
    require_rearrangements(place)
    require_statistics(place)
    trained = train(place, progress, workers)
    softness_all(place, trained, progress, workers)
    return trained


def _results_and_report(
    place: Workplace,
    trained: TrainedSoftness,
    collect: Callable[[Workplace, TrainedSoftness], SoftnessResults],
    progress: Progress,
) -> SoftnessResults:
    """Return the results with their report drawn; both are left as they are if nothing they follow from has changed."""
    from vitrify.report.results import SoftnessResults

    inputs = inputs_identity(place, trained)
    if is_finished(place, inputs):
        return SoftnessResults.load(place.results)
    from vitrify.report.page import build_report

    progress.note("Statistics and figures")
    results = collect(place, trained)
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
    from importlib.util import find_spec

    for package in ("matplotlib", "jinja2", "k3d"):
        if find_spec(package) is None:
            raise MissingExtraError("The report", package, "report")
    if settings.simulation.engine == "lammps":
        from vitrify.engines.lammps import load_lammps

        load_lammps()
