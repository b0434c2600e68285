"""What every regression predicts of configurations that it has not seen, and how well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrify.particles.propensity import MeasuredPropensity, displacements_of_runs
from vitrify.predictors.noise_ceiling import noise_ceiling
from vitrify.predictors.propensity_scores import correlations
from vitrify.studies.kept_arrays import Arrays
from vitrify.studies.propensity_regression import Case, cases_of, read_regressions, scattering_of
from vitrify.studies.propensity_samples import PropensityPlace

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

_SCORES = ("pearson", "spearman")
_MEAN = "mean of "


@dataclass(frozen=True, eq=False)
class Predictions:
    """What every case predicts of configurations that it has not seen.

    Attributes
    ----------
    samples : list of MeasuredPropensity
    cases : list of Case
        The regressions; means of several come after them by their label alone.
    labels : list of str
    arrays : dict
        Of every kind, see `read_regressions`.
    """

    samples: list[MeasuredPropensity]
    cases: list[Case]
    labels: list[str]
    arrays: Arrays

    @property
    def species_names(self) -> tuple[str, ...]:
        """Names of the species."""
        return self.samples[0].frame.species_names

    def rows(self, k: int, species: str) -> NDArray[np.int64]:
        """Return the particles of a species in configuration k."""
        frame = self.samples[k].frame
        return np.flatnonzero(frame.species == frame.species_names.index(species))

    def of(self, label: str, species: str, k: int) -> Array:
        """Return what a case, or the mean of several, predicts of configuration k, (T, n)."""
        parts = mean_of(label, self.cases)
        return np.asarray(np.mean([self.arrays[f"{c}|{species}|{k}"] for c in parts], axis=0), np.float64)


def mean_of(label: str, cases: Sequence[Case]) -> list[str]:
    """Return the labels of the cases whose mean a label stands for; its own, if it is a case.

    Examples
    --------
    >>> mean_of("mean of inherent, cage", [Case("inherent", 3), Case("cage", 3), Case("cage", 3, motion=True)])
    ['inherent LR(3)', 'cage LR(3) + motion']
    """
    if not label.startswith(_MEAN):
        return [label]
    return [_largest(kind, cases).label for kind in label.removeprefix(_MEAN).split(", ")]


def _largest(kind: str, cases: Sequence[Case]) -> Case:
    """Return the case with the most features on one kind of positions."""
    return max((c for c in cases if c.kind == kind and c.part == "both"), key=lambda c: (c.motion, c.order))


def read_predictions(
    place: PropensityPlace, samples: list[MeasuredPropensity], files: dict[str, Path]
) -> Predictions:
    """Return the held-out predictions of every case, and of the mean over kinds of positions but the thermal ones."""
    kinds = place.settings.structure.positions
    cases = [case for kind in kinds for case in cases_of(place.settings, kind)]
    arrays: Arrays = {}
    for kind in kinds:
        arrays |= read_regressions(files[kind])
    labels = [case.label for case in cases]
    quiet = [kind for kind in kinds if kind != "thermal"]
    if len(quiet) > 1:
        labels.append(_MEAN + ", ".join(quiet))
    return Predictions(samples, cases, labels, arrays)


def score_all(predictions: Predictions) -> xr.Dataset:
    """Return the coefficients of every case, species and time: means over configurations, their errors, and pooled."""
    import xarray as xr

    samples, names = predictions.samples, predictions.species_names
    shape = (len(predictions.labels), len(names), len(samples[0].times))
    ends = ("", "_error", "_sd", "_pooled")
    columns = {f"{score}{end}": np.full(shape, np.nan) for score in _SCORES for end in ends}
    strength = np.full(shape, np.nan)
    for c, label in enumerate(predictions.labels):
        for s, species in enumerate(names):
            key = f"{label}|{species}|strength"
            if key in predictions.arrays:
                strength[c, s] = np.exp(np.log(predictions.arrays[key]).mean(axis=0))
            for t, found in enumerate(scores_by_time(predictions, label, species)):
                for score in _SCORES:
                    for end in ends:
                        name = f"{score}{end}" if end else f"{score}_mean"
                        columns[f"{score}{end}"][c, s, t] = found[name].values[0]
    dims = ("case", "species", "time")
    known = {case.label: case for case in predictions.cases}
    rows = [known.get(label, Case(label.removeprefix(_MEAN), -1)) for label in predictions.labels]
    return xr.Dataset(
        {name: (dims, column) for name, column in columns.items()} | {"strength": (dims, strength)},
        {
            "case": predictions.labels,
            "kind": ("case", [r.kind for r in rows]),
            "order": ("case", [r.order for r in rows]),
            "part": ("case", [r.part for r in rows]),
            "motion": ("case", [r.motion for r in rows]),
            "species": list(names),
            "time": samples[0].times,
        },
    )


def scores_by_time(predictions: Predictions, label: str, species: str) -> list[xr.Dataset]:
    """Return the scores at each time."""
    samples = predictions.samples
    rows = [predictions.rows(k, species) for k in range(len(samples))]
    predicted = [predictions.of(label, species, k) for k in range(len(samples))]
    which = np.concatenate([np.full(len(r), k) for k, r in enumerate(rows)])
    return [
        correlations(
            np.concatenate([p[t] for p in predicted]),
            np.concatenate([s.propensity[t][r] for s, r in zip(samples, rows, strict=True)]),
            which,
        )
        for t in range(len(samples[0].times))
    ]


def best_case(scores: xr.Dataset, species: str, at: int, kind: str | None = None) -> str:
    """Return the label of the case with the largest coefficient at one time."""
    chosen = scores if kind is None else scores.isel(case=np.flatnonzero(scores["kind"].values == kind))
    values = chosen["pearson"].sel(species=species).isel(time=at).values
    return str(chosen["case"].values[int(np.nanargmax(values))])


def ceiling_of(place: PropensityPlace, samples: list[MeasuredPropensity]) -> xr.Dataset:
    """Return the noise ceiling, the reliability and the mean displacement at every time."""
    import xarray as xr

    names, times = samples[0].frame.species_names, samples[0].times
    shape = (len(names), len(times))
    columns = {n: np.full(shape, np.nan) for n in ("ceiling", "ceiling_error", "reliability", "mobility")}
    for s, species in enumerate(names):
        columns["mobility"][s] = np.mean(
            [sample.of_species(species).mean(axis=1) for sample in samples], axis=0
        )
    if all(sample.displacements is not None and sample.n_runs > 1 for sample in samples):
        for t, time in enumerate(times):
            found = noise_ceiling(displacements_of_runs(samples, time), place.settings.regression.splits)
            for s, species in enumerate(names):
                here = found.sel(species=species)
                columns["ceiling"][s, t] = here["ceiling_mean"].item()
                columns["ceiling_error"][s, t] = here["ceiling_error"].item()
                columns["reliability"][s, t] = here["reliability"].mean().item()
    known = scattering_of(samples, place.settings.runs.wave_vector)
    scattering = np.full(len(times), np.nan) if known is None else known
    return xr.Dataset(
        {name: (("species", "time"), column) for name, column in columns.items()}
        | {"scattering": ("time", scattering)},
        {"species": list(names), "time": times},
    )
