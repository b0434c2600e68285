"""`vitrify run relaxation`: from the softness of particles to the relaxation of the liquid (Schoenholz 2016, Figs. 3, 4)."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vitrify.citations import for_methods
from vitrify.parallel import Workforce
from vitrify.predictors.trained import TrainedSoftness
from vitrify.progress import Progress, Silent
from vitrify.studies.relaxation_collect import (
    OneTemperature,
    all_counts,
    decay_dataset,
    displacing_dataset,
    held_out_datasets,
    measure,
    mobility_datasets,
    prediction_datasets,
    propagator_dataset,
    threshold_dataset,
    variation_dataset,
)
from vitrify.studies.relaxation_reading import CentreTrajectory
from vitrify.studies.relaxation_scalars import make_scalars, scalars_all, structure_of
from vitrify.studies.relaxation_settings import RelaxationSettings
from vitrify.studies.relaxation_structure import structure_datasets
from vitrify.studies.relaxation_table import run_description, table_rows, warnings_of
from vitrify.studies.results import METHODS
from vitrify.studies.simulate import Workplace, engine_methods, workplace
from vitrify.studies.softness import run_study
from vitrify.theory.rearrangement_probability import softness_bins

if TYPE_CHECKING:
    import xarray as xr

    from vitrify.report.results import SoftnessResults


def run_relaxation(
    settings: RelaxationSettings,
    out: Path,
    progress: Progress,
    workers: int | Workforce | None = None,
    shared: Path | None = None,
) -> Path:
    """Predict relaxation from softness, all into `out`, and return the path of the report.

    Parameters
    ----------
    settings : RelaxationSettings
    out, progress, workers
        As of `vitrify.studies.softness.run_softness`.
    shared : Path, optional
        Folder of another study whose trajectories are used, and added to.

    Raises
    ------
    MissingExtraError, SettingsError, StoreBusyError
        As `vitrify.studies.softness.run_softness`.
    """
    place = workplace(out, settings, shared)
    names = settings.relaxation.compared_with

    def then(where: Workplace, trained: TrainedSoftness) -> None:
        scalars_all(where, trained, names, progress, workers)

    return run_study(place, partial(collect_relaxation, progress=progress), progress, workers, then)


def collect_relaxation(
    place: Workplace, trained: TrainedSoftness, progress: Progress | None = None
) -> SoftnessResults:
    """Return everything that the report shows; reads stores, runs no simulation.

    Parameters
    ----------
    place : Workplace
        With softness and the tables of structure computed.
    trained : TrainedSoftness
    progress : Progress, optional
        Told of a table of structure that has to be made.
    """
    from vitrify.report.results import SoftnessResults

    settings = place.settings
    assert isinstance(settings, RelaxationSettings)
    whole, structures = _trajectories(place, trained, settings, progress or Silent())
    edges = softness_bins(np.concatenate([t.softness.ravel() for t in whole]), settings.statistics.bins)
    fitted, said = _fitted(place, whole, settings)
    found = measure(whole, structures, edges, settings)
    datasets = _datasets(found, edges, fitted, settings)
    counts = all_counts(whole, structures, edges, settings)
    _, unknown = make_scalars(settings, settings.relaxation.compared_with, whole[0].trajectory.species_names)
    return SoftnessResults(
        table=tuple(table_rows(found, datasets, counts, fitted, settings)),
        run=run_description(place, trained, found),
        citations=for_methods(_methods(settings)),
        warnings=[*warnings_of(found, settings), *said, *unknown],
        datasets=datasets,
        edition="relaxation",
        advice={"held_out_temperature": "Leaving out a temperature needs at least three that are fitted."},
    )


def _trajectories(
    place: Workplace, trained: TrainedSoftness, settings: RelaxationSettings, progress: Progress
) -> tuple[list[CentreTrajectory], list[xr.Dataset]]:
    """Return the first trajectory of each temperature that statistics come from, and its table of structure."""
    first = {p.temperature: p for p in reversed(settings.test_points)}
    points = [first[t] for t in sorted(first)]
    names = settings.relaxation.compared_with
    return (
        [CentreTrajectory(place, p) for p in points],
        [structure_of(place, p, trained, names, progress) for p in points],
    )


def _fitted(
    place: Workplace, whole: list[CentreTrajectory], settings: RelaxationSettings
) -> tuple[list[float], list[str]]:
    from vitrify.studies.fits import Tally, fitted_temperatures

    return fitted_temperatures([Tally(place, one.point) for one in whole], settings)


def _datasets(
    found: list[OneTemperature], edges: np.ndarray, fitted: list[float], settings: RelaxationSettings
) -> dict[str, xr.Dataset]:
    made: dict[str, xr.Dataset | None] = {
        **prediction_datasets(found),
        "propagator": propagator_dataset(found, settings),
        "initial_decay": decay_dataset(found, settings),
        "displacing_events": displacing_dataset(found, settings),
        "prediction_threshold": threshold_dataset(found, edges, settings),
        "prediction_variation": variation_dataset(found, edges, settings),
        **held_out_datasets(found, edges, fitted, settings),
        **mobility_datasets(found, settings),
        **structure_datasets([m.one for m in found], [m.structure for m in found], fitted, settings),
    }
    return {name: _in_words_of_the_page(dataset) for name, dataset in made.items() if dataset is not None}


def _in_words_of_the_page(dataset: xr.Dataset) -> xr.Dataset:
    """Return a data set whose variables are named as the page names them, whatever the measurement called them."""
    plain = dataset.copy()
    for name in plain.data_vars:
        plain[name].attrs = {}
    return plain


def _methods(settings: RelaxationSettings) -> list[str]:
    used = list(METHODS)
    if settings.simulation.engine != "dryrun":
        used += ["kob_andersen", *engine_methods(settings)]
    return used
