"""`vitrify run softness`: Schoenholz et al. 2016 from a liquid to the report, one step after the other."""

from __future__ import annotations

import sys
from pathlib import Path

from vitrify.errors import MissingExtraError
from vitrify.parallel import lock_folder
from vitrify.particles.trajectory import write_json
from vitrify.progress import Progress
from vitrify.studies.dynamics import p_hop_all, require_rearrangements
from vitrify.studies.learning import softness_all, train
from vitrify.studies.settings import SoftnessSettings
from vitrify.studies.simulate import Workplace, quench_all, simulate_all


def run_softness(
    settings: SoftnessSettings, out: Path, progress: Progress, workers: int | None = None
) -> Path:
    """Run the whole study into `out` and return the path of its report.

    Parameters
    ----------
    settings : SoftnessSettings
    out : Path
        Made if it does not exist. A run killed at any moment goes on from there with the same call.
    progress : Progress
    workers : int, optional
        Processes; all cores by default.

    Raises
    ------
    MissingExtraError
        Before anything runs, if what simulation or report need is not installed.
    StoreBusyError
        If another process works in `out`.
    """
    from vitrify.report.page import build_report
    from vitrify.report.terminal import print_table
    from vitrify.studies.results import collect_results

    require_extras(settings)
    out = Path(out)
    place = Workplace(out, settings)
    with lock_folder(out):
        write_json(out / "settings.json", settings.model_dump(mode="json"))
        simulate_all(place, progress, workers)
        quench_all(place, progress, workers)
        p_hop_all(place, progress, workers)
        require_rearrangements(place)
        trained = train(place, progress, workers)
        softness_all(place, trained, progress, workers)
        progress.note("Statistics and figures")
        results = collect_results(place, trained)
        results.save(place.results)
        report = build_report(results, out)
    print_table(results)
    print(f"\nReport: {report.resolve()}", file=sys.stdout, flush=True)
    return report


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
