"""`vitrify run trap-model`: Ridout et al. 2023 from a liquid, its rearrangements and its ageing to the report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vitrify.parallel import Workforce
from vitrify.progress import Progress
from vitrify.studies.simulate import Workplace, workplace
from vitrify.studies.softness import run_study
from vitrify.studies.trap_settings import TrapModelSettings

if TYPE_CHECKING:
    from vitrify.predictors.trained import TrainedSoftness


def run_trap_model(
    settings: TrapModelSettings,
    out: Path,
    progress: Progress,
    workers: int | Workforce | None = None,
    shared: Path | None = None,
) -> Path:
    """Fit the trap model to a simulated liquid, all into `out`, and return the path of the report.

    Parameters
    ----------
    settings : TrapModelSettings
    out, progress, workers
        As of `vitrify.studies.softness.run_softness`.
    shared : Path, optional
        Folder of another study whose trajectories are used, and added to. Ageing lies in `out`.

    Raises
    ------
    MissingExtraError, SettingsError, StoreBusyError
        As `vitrify.studies.softness.run_study`.
    """
    from vitrify.studies.ageing import age_all
    from vitrify.studies.trap_results import collect_trap_model

    def then(place: Workplace, trained: TrainedSoftness) -> None:
        age_all(place, trained, settings.ageing, progress, workers)

    place = workplace(out, settings, shared)
    return run_study(place, collect_trap_model, progress, workers, then)
