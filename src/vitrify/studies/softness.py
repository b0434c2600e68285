"""`vitrify run softness`: Schoenholz et al. 2016 from a liquid to the report, one step after the other."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vitrify.parallel import Workforce
from vitrify.progress import Progress
from vitrify.studies.dynamics import p_hop_all, require_rearrangements, require_statistics
from vitrify.studies.finished import inputs_identity
from vitrify.studies.frame import require_extras, require_folder, run_steps
from vitrify.studies.learning import train
from vitrify.studies.settings import SoftnessSettings
from vitrify.studies.simulate import Workplace, quench_all, simulate_study
from vitrify.studies.softness_values import softness_all

if TYPE_CHECKING:
    from vitrify.predictors.trained import TrainedSoftness
    from vitrify.report.results import SoftnessResults

__all__ = [
    "learn_from_trajectories", "learn_softness", "require_extras", "require_folder", "run_softness", "run_study",
]  # fmt: skip


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
    require_extras(place.settings)

    def make() -> TrainedSoftness:
        trained = (learn or learn_softness)(place, progress, workers)
        if then is not None:
            then(place, trained)
        return trained

    held = [place.shared or place.out]
    return run_steps(place, make, partial(inputs_identity, place), partial(collect, place), progress, held)


def learn_softness(
    place: Workplace, progress: Progress, workers: int | Workforce | None = None
) -> TrainedSoftness:
    """Simulate, quench, find rearrangements, train, and compute softness of every test trajectory."""
    simulate_study(place, progress, workers)
    return learn_from_trajectories(place, progress, workers)


def learn_from_trajectories(
    place: Workplace,
    progress: Progress,
    workers: int | Workforce | None = None,
    learn: Callable[[Workplace, Progress, Any], TrainedSoftness] = train,
) -> TrainedSoftness:
    """Do what `learn_softness` does once the trajectories are there; `learn` returns the softness."""
    quench_all(place, progress, workers)
    p_hop_all(place, progress, workers)
    require_rearrangements(place)
    require_statistics(place)
    trained = learn(place, progress, workers)
    softness_all(place, trained, progress, workers)
    return trained
