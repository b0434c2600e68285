"""`vitrify run meaning-of-softness`: what in the structure softness reads, and what it says (Cubuk 2016, 5.5, 5.6.2 and ch. 6)."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vitrify.citations import for_methods
from vitrify.parallel import Workforce
from vitrify.predictors.trained import TrainedSoftness
from vitrify.progress import Progress, Silent
from vitrify.studies.meaning_collect import learned_results
from vitrify.studies.meaning_settings import MeaningSettings
from vitrify.studies.meaning_steps import make_learned
from vitrify.studies.meaning_structure import make_structure, structure_results
from vitrify.studies.meaning_words import ADVICE, methods_of, run_description
from vitrify.studies.simulate import Workplace, workplace
from vitrify.studies.softness import run_study

if TYPE_CHECKING:
    from vitrify.report.results import SoftnessResults

EDITION = "meaning-of-softness"


def run_meaning(
    settings: MeaningSettings,
    out: Path,
    progress: Progress,
    workers: int | Workforce | None = None,
    shared: Path | None = None,
) -> Path:
    """Ask what softness means, all into `out`, and return the path of the report.

    Parameters
    ----------
    settings : MeaningSettings
    out, progress, workers
        As of `vitrify.studies.softness.run_softness`.
    shared : Path, optional
        Folder of another study whose trajectories are used, and added to.

    Raises
    ------
    MissingExtraError, SettingsError, StoreBusyError
        As `vitrify.studies.softness.run_softness`.
    ParameterError
        If the descriptors that softness is learned from have no radial functions.
    """

    def then(place: Workplace, trained: TrainedSoftness) -> None:
        make_learned(place, trained, settings, progress, workers)
        make_structure(place, trained, settings, progress, workers)

    collect = partial(collect_meaning, progress=progress)
    return run_study(workplace(out, settings, shared), collect, progress, workers, then)


def collect_meaning(
    place: Workplace, trained: TrainedSoftness, progress: Progress | None = None
) -> SoftnessResults:
    """Return everything that the report shows; reads what was made, runs no simulation.

    Parameters
    ----------
    place : Workplace
        With softness computed and both halves made.
    trained : TrainedSoftness
    progress : Progress, optional
        Told of a part that has to be made again.
    """
    from vitrify.report.results import SoftnessResults

    settings = place.settings
    assert isinstance(settings, MeaningSettings)
    learned, rows, said = learned_results(place, trained, settings, progress or Silent())
    structure, more_rows, more_said = structure_results(place, trained, settings)
    datasets = {**learned, **structure}
    return SoftnessResults(
        table=(*rows, *more_rows),
        run=run_description(place, trained, settings),
        citations=for_methods(methods_of(settings)),
        warnings=[*said, *more_said],
        datasets=datasets,
        edition=EDITION,
        advice=ADVICE,
    )
