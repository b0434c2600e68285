"""Models that learned from all configurations, tried unchanged on data of another source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vitrify.parallel import Workforce
from vitrify.particles.propensity import MeasuredPropensity
from vitrify.predictors.propensity_scores import pearson
from vitrify.progress import Progress
from vitrify.readers.propensity import read_propensity
from vitrify.studies.kept_arrays import Arrays
from vitrify.studies.propensity_features import Table, describe_all, features_of, names_of
from vitrify.studies.propensity_regression import Case, columns_of, read_regressions, relaxation_index
from vitrify.studies.propensity_samples import PropensityPlace

if TYPE_CHECKING:
    import xarray as xr


def transfer_all(
    place: PropensityPlace,
    samples: Sequence[MeasuredPropensity],
    files: Mapping[str, Path],
    progress: Progress,
    workers: int | Workforce | None = None,
) -> xr.Dataset | None:
    """Return the coefficients of models trained at the relaxation time on a source that they have not seen.

    Parameters
    ----------
    place : PropensityPlace
        With ``settings.source.transfer``; without, there is nothing to do.
    samples : sequence of MeasuredPropensity
        What is trained on.
    files : mapping of str to Path
        Of the regressions on each kind of positions.
    progress, workers

    Returns
    -------
    xarray.Dataset or None
        Dims case, species, time: ``pearson``, mean over the configurations of the other source; dim time: ``scattering``.
    """
    source = place.settings.source
    if source is None or source.transfer is None:
        return None
    others = read_propensity(Path(source.transfer), time=source.time, temperature=source.temperature)
    known = others[0].temperature or samples[0].temperature
    others = [replace(other, temperature=known) for other in others]
    there = PropensityPlace(place.out / "transfer", place.settings)
    describe_all(place, others, progress, workers, folder=there)
    return _scores(place, there, samples, others, files)


def _scores(
    place: PropensityPlace,
    there: PropensityPlace,
    samples: Sequence[MeasuredPropensity],
    others: Sequence[MeasuredPropensity],
    files: Mapping[str, Path],
) -> xr.Dataset:
    import xarray as xr

    structure, source = place.settings.structure, place.settings.source
    assert source is not None
    cases = [Case(kind, order) for kind in structure.positions for order in range(structure.order + 1)]
    names, times = others[0].frame.species_names, others[0].times
    models: dict[str, Arrays] = {kind: read_regressions(files[kind]) for kind in structure.positions}
    values = np.mean(
        [
            [_of_case(there, case, models[case.kind], k, other) for case in cases]
            for k, other in enumerate(others)
        ],
        axis=0,
    )
    scattering = others[0].scattering
    at = relaxation_index(samples, place.settings.runs.wave_vector)
    return xr.Dataset(
        {
            "pearson": (("case", "species", "time"), values),
            "scattering": ("time", np.full(len(times), np.nan) if scattering is None else scattering),
        },
        {"case": [case.label for case in cases], "species": list(names), "time": times},
        {"source": source.transfer, "trained_time": float(samples[0].times[at])},
    )


def _of_case(
    there: PropensityPlace, case: Case, models: Arrays, k: int, other: MeasuredPropensity
) -> np.ndarray:
    """Return Pearson's coefficient of one case on configuration k, (species, T)."""
    table, names = Table((case.kind,), case.order), other.frame.species_names
    columns = columns_of(case, names_of(there.settings, table, names), ())
    features = features_of(there, table, k, other.frame)[:, columns]
    values = np.full((len(names), len(other.times)), np.nan)
    for s, species in enumerate(names):
        model = models.get(f"model|{case.label}|{species}")
        if model is not None:
            rows = np.flatnonzero(other.frame.species == s)
            predicted = features[rows] @ model[:-1] + model[-1]
            values[s] = [pearson(predicted, there_and_then[rows]) for there_and_then in other.propensity]
    return values
