"""From held-out predictions to the numbers and curves of the report on propensity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.citations import for_methods
from vitrify.particles.propensity import MeasuredPropensity
from vitrify.predictors.propensity_scores import permutation_control
from vitrify.provenance import versions
from vitrify.report.results import SoftnessResults
from vitrify.studies.propensity_predictions import (
    Predictions,
    best_case,
    ceiling_of,
    score_all,
    scores_by_time,
)
from vitrify.studies.propensity_regression import (
    relaxation_index,
    scattering_of,
)
from vitrify.studies.propensity_samples import PropensityPlace, model_of

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

_SLAB = 1.5  # length, thickness of the slice that is drawn


def collect_propensity(
    place: PropensityPlace, predictions: Predictions, transfer: xr.Dataset | None = None
) -> SoftnessResults:
    """Return everything that the report shows; computes no structure and no regression."""
    from vitrify.studies.propensity_table import propensity_table

    wave_vector = place.settings.runs.wave_vector
    at = relaxation_index(predictions.samples, wave_vector)
    scores = score_all(predictions)
    ceiling = ceiling_of(place, predictions.samples)
    scores.attrs |= _facts(place, predictions.samples, at)
    found = {
        "propensity_scores": scores,
        "propensity_configurations": _configurations(predictions, scores, at),
        "propensity_ceiling": ceiling,
        "propensity_selection": _curves(place, predictions, "select"),
        "propensity_learning": _curves(place, predictions, "learn"),
        "propensity_map": _map(place, predictions, scores, at),
        "propensity_transfer": transfer,
    }
    control = _control(place, predictions, scores, at)
    return SoftnessResults(
        table=tuple(propensity_table(found, control, at)),
        run=_run(place, predictions.samples),
        citations=for_methods(_methods(place)),
        warnings=_warnings(predictions, scores),
        datasets={name: d for name, d in found.items() if d is not None and d.sizes},
        edition="propensity",
    )


def _facts(place: PropensityPlace, samples: list[MeasuredPropensity], at: int) -> dict[str, Any]:
    known = scattering_of(samples, place.settings.runs.wave_vector)
    return {
        "relaxation_time": relaxation_time(samples[0].times, known),
        "relaxation_index": at,
        "n_configurations": len(samples),
        "n_runs": samples[0].n_runs,
        "n_particles": samples[0].n_particles,
    }


def relaxation_time(times: Array, scattering: Array | None) -> float:
    """Return when the scattering function falls through 1/e, between the times evenly in ln t; NaN if it does not.

    Examples
    --------
    >>> round(relaxation_time(np.array([1.0, 10.0]), np.exp([-0.5, -1.5])), 3)
    3.162
    """
    if scattering is None:
        return float("nan")
    above = np.asarray(scattering) > np.exp(-1)
    if above.all() or not above[0]:
        return float("nan")
    k = int(np.argmin(above))
    log, depth = np.log(times), np.log(np.maximum(scattering, 1e-12))
    part = (depth[k - 1] + 1) / (depth[k - 1] - depth[k])
    return float(np.exp(log[k - 1] + part * (log[k] - log[k - 1])))


# -- tables of scores ---------------------------------------------------------------------------------------------------


def _configurations(predictions: Predictions, scores: xr.Dataset, at: int) -> xr.Dataset:
    """Return the coefficient of each configuration for the best case of each kind."""
    import xarray as xr

    names = predictions.species_names
    labels = list(dict.fromkeys(best_case(scores, names[0], at, k) for k in scores["kind"].values))
    values = np.full((len(labels), len(names), len(predictions.samples)), np.nan)
    for c, label in enumerate(labels):
        for s, species in enumerate(names):
            values[c, s] = scores_by_time(predictions, label, species)[at]["pearson"].values[:, 0]
    return xr.Dataset(
        {"pearson": (("case", "species", "configuration"), values)},
        {
            "case": labels,
            "species": list(names),
            "configuration": [s.source or str(k) for k, s in enumerate(predictions.samples)],
        },
        {"time": float(predictions.samples[0].times[at])},
    )


# -- curves ----------------------------------------------------------------------------------------------------------


def _curves(place: PropensityPlace, predictions: Predictions, what: str) -> xr.Dataset | None:
    """Return the curves of forward selection, or of learning, of every kind and species that has one."""
    import xarray as xr

    arrays, names = predictions.arrays, predictions.species_names
    r = place.settings.regression
    kinds = [
        kind
        for kind in (r.selection_positions if what == "select" else r.learning_positions)
        if kind in place.settings.structure.positions
    ]
    found = {(kind, s): arrays.get(f"{what}|{kind}|{s}|pearson") for kind in kinds for s in names}
    known = {key: value for key, value in found.items() if value is not None}
    if not known:
        return None
    axis = 1 if what == "select" else 0  # (K, steps) or (sizes, K)
    longest = max(v.shape[axis] for v in known.values())
    shape = (len(kinds), len(names), longest)
    mean, error = np.full(shape, np.nan), np.full(shape, np.nan)
    features = np.full(shape, "", dtype=object)
    for (kind, s), value in known.items():
        where = (kinds.index(kind), names.index(s), slice(value.shape[axis]))
        mean[where] = value.mean(axis=1 - axis)
        error[where] = value.std(axis=1 - axis, ddof=1) / np.sqrt(value.shape[1 - axis])
        if what == "select":
            chosen = arrays[f"{what}|{kind}|{s}|names"][: value.shape[axis]]
            features[kinds.index(kind), names.index(s), : len(chosen)] = chosen
    along = "step" if what == "select" else "size"
    size = (
        np.arange(1, longest + 1)
        if what == "select"
        else next(arrays[f"learn|{kind}|{s}|size"] for kind, s in known)
    )
    dims = ("kind", "species", along)
    variables: dict[str, Any] = {"pearson": (dims, mean), "pearson_error": (dims, error)}
    if what == "select":
        variables["feature"] = (dims, features.astype(str))
    at = relaxation_index(predictions.samples, place.settings.runs.wave_vector)
    return xr.Dataset(
        variables,
        {"kind": kinds, "species": list(names), along: size},
        {"time": float(predictions.samples[0].times[at])},
    )


def _map(place: PropensityPlace, predictions: Predictions, scores: xr.Dataset, at: int) -> xr.Dataset | None:
    """Return a slice through the last configuration: measured and predicted propensity of its particles."""
    import xarray as xr

    sample, k = predictions.samples[-1], len(predictions.samples) - 1
    frame, names = sample.frame, predictions.species_names
    if frame.dimension != 3 or not frame.box.is_orthorhombic:
        return None
    label = best_case(scores, names[0], at)
    predicted = np.full(frame.n_particles, np.nan)
    for species in names:
        predicted[predictions.rows(k, species)] = predictions.of(label, species, k)[at]
    places = frame.box.wrap(frame.positions) - frame.box.origin
    lengths = np.diag(frame.box.vectors)
    here = np.flatnonzero(np.abs(places[:, 2] - 0.5 * lengths[2]) < 0.5 * _SLAB)
    diameters = np.diag(np.atleast_2d(model_of(place.settings).sigma))  # type: ignore[attr-defined]
    columns = {
        "x": places[here, 0],
        "y": places[here, 1],
        "measured": sample.propensity[at][here],
        "predicted": predicted[here],
        "species": np.array(names)[frame.species[here]],
        "diameter": diameters[frame.species[here]],
    }
    of_first = frame.species == 0
    return xr.Dataset(
        {name: ("particle", column) for name, column in columns.items()},
        {"particle": here},
        {
            "case": label,
            "configuration": sample.source or str(k),
            "thickness": _SLAB,
            "time": float(sample.times[at]),
            "length_x": float(lengths[0]),
            "length_y": float(lengths[1]),
            "pearson": float(np.corrcoef(predicted[of_first], sample.propensity[at][of_first])[0, 1]),
            "note": f"Pearson's coefficient of species {names[0]} over the whole configuration",
        },
    )


def _control(
    place: PropensityPlace, predictions: Predictions, scores: xr.Dataset, at: int
) -> dict[str, tuple[float, float]]:
    """Return, for each species, mean and scatter of the best case's coefficient with shuffled labels."""
    found = {}
    for species in predictions.species_names:
        label = best_case(scores, species, at)
        rows = [predictions.rows(k, species) for k in range(len(predictions.samples))]
        x = np.concatenate([predictions.of(label, species, k)[at] for k in range(len(rows))])
        y = np.concatenate([s.propensity[at][r] for s, r in zip(predictions.samples, rows, strict=True)])
        which = np.concatenate([np.full(len(r), k) for k, r in enumerate(rows)])
        r = place.settings.regression
        values = permutation_control(x, y, which, n=r.permutations, seed=r.seed).values[:, 0]
        found[species] = (float(values.mean()), float(values.std(ddof=1)))
    return found


# -- the account -----------------------------------------------------------------------------------------------------


def _run(place: PropensityPlace, samples: list[MeasuredPropensity]) -> dict[str, Any]:
    settings, frame = place.settings, samples[0].frame
    return {
        "title": _title(place),
        "scale": settings.scale,
        "model": to_words(model_of(settings).to_dict()),
        "source": "isoconfigurational runs of this study"
        if settings.source is None
        else settings.source.data,
        "particles": frame.n_particles,
        "density": frame.number_density,
        "temperature": samples[0].temperature,
        "configurations": len(samples),
        "runs of each": samples[0].n_runs,
        "times": samples[0].times.tolist(),
        "structure": settings.structure.model_dump(mode="json"),
        "regression": settings.regression.model_dump(mode="json"),
        "versions": versions(),
    }


def _methods(place: PropensityPlace) -> list[str]:
    settings = place.settings
    kinds, runs = settings.structure.positions, settings.runs
    spheres = settings.source is None and runs.system == "hard-spheres"
    made = {"lammps": ["lammps", "nose_hoover"], "verlet": ["nose_hoover"], "event-driven": ["event_driven"]}
    return [
        "vitrify",
        "averaged_descriptors",
        "propensity",
        *(["hard_spheres"] if spheres else ["kob_andersen"]),
        *(made[runs.engine] if settings.source is None else ["public_end_points"]),
        *(["inherent_structures"] if "inherent" in kinds else []),
        *(["cage_state"] if "cage" in kinds else []),
    ]


def _title(place: PropensityPlace) -> str:
    if place.settings.source is None and place.settings.runs.system == "hard-spheres":
        return f"Propensity of hard spheres at a packing fraction of {place.settings.runs.density:g}"
    return "Propensity of a Kob-Andersen liquid from its structure"


def to_words(parameters: dict[str, Any]) -> str:
    """Return a model and its parameters in one line.

    Examples
    --------
    >>> to_words({"name": "kob_andersen", "smoothing": "shift"})
    'kob_andersen (smoothing = shift)'
    """
    rest = ", ".join(f"{key} = {value}" for key, value in parameters.items() if key != "name")
    return f"{parameters['name']} ({rest})" if rest else str(parameters["name"])


def _warnings(predictions: Predictions, scores: xr.Dataset) -> list[str]:
    words = []
    if len(predictions.samples) < 10:
        words.append(
            f"There are only {len(predictions.samples)} configurations: errors are large, and the models saw few of them."
        )
    low = [
        str(label) for label in scores["case"].values if (scores["pearson"].sel(case=label).values < 0).any()
    ]
    if low:
        words.append(f"Negative correlation, no skill at some time: {', '.join(low)}.")
    return words
