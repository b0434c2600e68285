"""Training set, hyperplane and its scores."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.descriptors import DESCRIPTOR_SETS
from vitrify.parallel import Workforce
from vitrify.particles.tables import load_table
from vitrify.particles.trajectory import Trajectory
from vitrify.predictors.drift import FeatureRange
from vitrify.predictors.trained import TrainedSoftness
from vitrify.predictors.training_sets import (
    TrainingSelection,
    TrainingSet,
    select_training_set,
)
from vitrify.progress import Progress
from vitrify.provenance import identity, to_plain
from vitrify.studies.describing import (
    centre_particles,
    describable_in,
    features_at,
    load_descriptors,
    origin_of_positions,
)
from vitrify.studies.dynamics import (
    StoredValues,
    find_events,
    keep_table,
    make_events,
)
from vitrify.studies.out_of_core import folder_for
from vitrify.studies.settings import SoftnessSettings, StatePoint
from vitrify.studies.simulate import Workplace

if TYPE_CHECKING:
    import xarray as xr


def make_descriptors(settings: SoftnessSettings) -> Any:
    """Return the descriptor set of the settings."""
    return load_descriptors(settings.training.descriptors)


def make_selection(settings: SoftnessSettings) -> TrainingSelection:
    """Return the rules by which examples are picked."""
    t = settings.training
    return TrainingSelection(
        quiet_time=t.quiet_time,
        soft_frame=t.soft_frame,
        rearrangement_threshold=settings.rearrangements.rearrangement_threshold,
        quiet_threshold=t.quiet_threshold,
        hard_frame=t.hard_frame,
        n_per_class=t.n_per_class,
        min_per_class=t.min_per_class,
        seed=t.seed,
    )


def examples_with_features(
    trajectory: Trajectory,
    settings: SoftnessSettings,
    temperature: float | None,
    events_table: Path,
    table: Path,
    *,
    kind: str = "inherent",
    progress: Progress,
    workers: int | Workforce | None = None,
) -> xr.Dataset:
    """Return the examples of one trajectory with their features, from `table` if it holds the same.

    Parameters
    ----------
    trajectory : Trajectory
    settings : SoftnessSettings
    temperature : float, optional
        Quoted in messages.
    events_table, table : Path
    kind : {"inherent", "thermal"}, default "inherent"
        Positions that the structure is taken from.
    progress, workers
        As elsewhere.

    Returns
    -------
    xarray.Dataset
        features (example, feature); label, frame, particle, segment (example).
    """
    descriptors, selection = make_descriptors(settings), make_selection(settings)
    parameters = {
        "selection": selection.to_dict(),
        "descriptors": to_plain(descriptors),
        "p_hop": trajectory.stages["p_hop"]["parameters"],
        **origin_of_positions(trajectory, kind),
        "segments": settings.training.segments,
        "centre_species": settings.training.centre_species,
    }
    found = load_table(table, parameters)
    if found is not None:
        return found
    chosen = select_training_set(
        selection,
        find_events(trajectory, make_events(settings), events_table),
        StoredValues(trajectory, "p_hop"),
        particles=centre_particles(trajectory, settings.training.centre_species),
        temperature=temperature,
        describable=describable_in(trajectory, kind, descriptors.reach),
    )
    segment = chosen.frame * settings.training.segments // trajectory.n_frames
    at = "" if temperature is None else f" at T = {temperature:g}"
    return describe_examples(
        trajectory,
        chosen,
        segment,
        descriptors,
        kind=kind,
        table=table,
        parameters=parameters,
        progress=progress,
        title=f"Structure of the examples{at}",
        workers=workers,
    )


def describe_examples(
    trajectory: Trajectory,
    chosen: TrainingSet,
    segment: NDArray[np.int64],
    descriptors: Any,
    *,
    kind: str,
    table: Path,
    parameters: dict[str, Any],
    progress: Progress,
    title: str,
    workers: int | Workforce | None = None,
) -> xr.Dataset:
    """Write chosen examples with their features to `table`, under the parameters that they follow from.

    Parameters
    ----------
    trajectory : Trajectory
    chosen : TrainingSet
    segment : (n,) int
        Group of each example in a cross-validation.
    descriptors : Descriptor
    kind : {"inherent", "thermal"}
    table : Path
    parameters : dict
    progress, title, workers
        As elsewhere.

    Returns
    -------
    xarray.Dataset
        As of `examples_with_features`.
    """
    import xarray as xr

    parts = folder_for(table, {**parameters, "provenance": trajectory.provenance})
    features = features_at(
        trajectory,
        chosen.frame,
        chosen.particle,
        descriptors,
        kind=kind,
        progress=progress,
        title=title,
        workers=workers,
        folder=parts,
    )
    columns = {
        "features": (("example", "feature"), features),
        "label": ("example", chosen.label),
        "frame": ("example", chosen.frame),
        "particle": ("example", chosen.particle),
        "segment": ("example", segment),
    }
    names = np.array(descriptors.feature_names(trajectory.species_names))
    found = xr.Dataset(columns, {"feature": names}, attrs=to_plain(chosen.to_dict()))
    kept = keep_table(table, found, parameters)
    shutil.rmtree(parts, ignore_errors=True)
    return kept


# -- the hyperplane --------------------------------------------------------------------------------------------------


def train_on_examples(
    trajectory: Trajectory,
    settings: SoftnessSettings,
    point: StatePoint,
    examples: xr.Dataset,
    *,
    kind: str = "inherent",
    about: dict[str, Any] | None = None,
    folds: int | None = None,
) -> TrainedSoftness:
    """Choose C on held-out segments, learn the plane from all examples, and say how good it is on held-out ones.

    Parameters
    ----------
    trajectory : Trajectory
    settings : SoftnessSettings
    point : StatePoint
    examples : xarray.Dataset
        From `examples_with_features`.
    kind : {"inherent", "thermal"}, default "inherent"
        Positions that the structure was taken from.
    about : dict, optional
        Written into `TrainedSoftness.training` besides, or instead of, what stands there.
    folds : int, optional
        Of the cross-validation, at most the groups that `examples` has; by default `training.segments` of the settings.
    """
    from sklearn.base import clone

    from vitrify.predictors.softness import Softness, cross_validate, select_C

    t = settings.training
    features, label, group = (examples[k].values for k in ("features", "label", "segment"))
    estimator = Softness(loss=t.loss, solver=t.solver, min_sd=t.min_sd, random_state=0)
    folds = min(folds or t.segments, len(np.unique(group)))
    choice = select_C(features, label, group, t.penalties, estimator=estimator, n_splits=folds)
    estimator.set_params(C=choice.C).fit(features, label)
    names = [str(n) for n in examples["feature"].values]
    scores = {
        name: cross_validate(
            features[:, columns], label, group, estimator=clone(estimator), n_splits=folds
        ).to_dict()
        for name, columns in _feature_subsets(names, trajectory.species_names).items()
    }
    return TrainedSoftness.from_estimator(
        estimator,
        feature_names=tuple(names),
        descriptors=to_plain(make_descriptors(settings)),
        species_names=trajectory.species_names,
        centre_species=t.centre_species,
        positions=kind,
        feature_range=FeatureRange.of(features),
        training={
            "identity": training_identity(settings, examples),
            "temperature": point.temperature,
            "replica": point.replica,
            "examples": dict(examples.attrs),
            "cross_validation": choice.results[choice.candidates.index(choice.C)].to_dict(),
            "candidates": {
                str(c): r.accuracy for c, r in zip(choice.candidates, choice.results, strict=True)
            },
            "subsets": scores,
            "provenance": trajectory.provenance,
            **origin_of_positions(trajectory, kind),
            **(about or {}),
        },
    )


def _feature_subsets(names: list[str], species_names: tuple[str, ...]) -> dict[str, list[int]]:
    """Columns of the subsets that the paper gives accuracies for: radial functions alone, and the two first peaks.

    The first peaks are those of a mixture of A and B, and left out for others.
    """
    subsets = {}
    for key, name in (("radial", "schoenholz-2016-radial"), ("first_peaks", "first-peaks")):
        descriptor = DESCRIPTOR_SETS.load(name)()
        if not descriptor.knows(species_names):
            continue
        wanted = set(descriptor.feature_names(species_names))
        columns = [k for k, n in enumerate(names) if n in wanted]
        if len(columns) == len(wanted) < len(names):
            subsets[key] = columns
    return subsets


def training_identity(settings: SoftnessSettings, examples: xr.Dataset) -> str:
    """Return the hash of everything that the plane follows from."""
    digest = hashlib.sha256()
    for name in ("features", "label", "segment"):
        digest.update(np.ascontiguousarray(examples[name].values).data)
    return identity({"examples": digest.hexdigest(), "training": settings.training.model_dump()})


def train(place: Workplace, progress: Progress, workers: int | Workforce | None = None) -> TrainedSoftness:
    """Train softness on the training trajectory and save it; one of the same examples is used as it is."""
    settings, point = place.settings, place.settings.training_point
    trajectory = place.trajectory(point)
    examples = examples_with_features(
        trajectory,
        settings,
        point.temperature,
        place.table(point, "events"),
        place.table(point, "examples"),
        progress=progress,
        workers=workers,
    )
    if place.model_file.exists():
        known = TrainedSoftness.load(place.model_file)
        if known.training.get("identity") == training_identity(settings, examples):
            return known
    progress.note(f"Training on {len(examples['label']) // 2} soft and as many hard particles")
    trained = train_on_examples(trajectory, settings, point, examples)
    trained.save(place.model_file)
    return trained
