"""`vitrify run softness`: Schoenholz et al. 2016 from a liquid to the report, one step after the other."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

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
    from vitrify.report.terminal import print_table

    require_extras(settings)
    out = Path(out)
    require_folder(out)
    place = Workplace(out, settings)
    with lock_folder(out):
        for (
            point
        ) in settings.state_points:  # refuses the folder of another study before anything in it changes
            prepare_trajectory(place, point)
        write_json(out / "settings.json", settings.model_dump(mode="json"))
        simulate_all(place, progress, workers)
        quench_all(place, progress, workers)
        p_hop_all(place, progress, workers)
        require_rearrangements(place)
        require_statistics(place)
        trained = train(place, progress, workers)
        softness_all(place, trained, progress, workers)
        results = _results_and_report(place, trained, progress)
    report = out / "report.html"
    print_table(results)
    print(f"\nReport: {report.resolve()}", file=sys.stdout, flush=True)
    return report


def _results_and_report(place: Workplace, trained: TrainedSoftness, progress: Progress) -> SoftnessResults:
    """Return the results with their report drawn; both are left as they are if nothing they follow from has changed."""
    from vitrify.report.results import SoftnessResults

    inputs = inputs_identity(place, trained)
    if is_finished(place, inputs):
        return SoftnessResults.load(place.results)
    from vitrify.report.page import build_report
    from vitrify.studies.results import collect_results

    progress.note("Statistics and figures")
    results = collect_results(place, trained)
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
