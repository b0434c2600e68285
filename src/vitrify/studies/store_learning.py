"""Structure and softness of a single store: the verbs `describe`, `train` and `softness`."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.errors import ParameterError, SettingsError, StoreError, UnknownNameError
from vitrify.parallel import Workforce
from vitrify.particles.tables import load_table, save_table
from vitrify.particles.trajectory import Trajectory
from vitrify.progress import Progress
from vitrify.provenance import to_plain
from vitrify.rearrangements import INDICATORS
from vitrify.studies.filling import fill
from vitrify.studies.store_files import (
    PREPARED_SOFTNESS,
    beside,
    events_table,
    require_file_name,
    require_positions,
    require_positions_or_stage,
    tell_prepared,
)

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from vitrify.predictors.trained import TrainedSoftness
    from vitrify.studies.settings import SoftnessSettings


def _single_settings(overrides: dict[str, Any]) -> SoftnessSettings:
    """Return settings for one store; what is wrong is said without naming a scale that nobody gave."""
    from vitrify.studies.settings import load_settings

    try:
        return load_settings("demo", overrides={"scale": "single", **overrides})
    except SettingsError as error:
        words = re.sub(r"state_points\.\d+\.", "", str(error).removeprefix("scale 'demo': "))
        each_once = dict.fromkeys(words.removeprefix("`").split("; `"))
        raise SettingsError("`" + "; `".join(each_once)) from error


def describe_store(
    store: Path, out: Path, options: dict[str, Any], progress: Progress, workers: int | Workforce | None
) -> None:
    """Write the features of the particles of every so many frames as one table."""
    import xarray as xr

    from vitrify.studies.describing import features_at, load_descriptors
    from vitrify.studies.out_of_core import folder_for

    trajectory, descriptors = Trajectory.open(store), load_descriptors(options["descriptors"])
    require_positions(trajectory, options["positions"])
    require_file_name(out, ".npz")
    frame, particle = _rows(trajectory, options)
    parameters = {**options, "descriptors": to_plain(descriptors), "store": str(store)}
    parts = folder_for(out, {**parameters, "stages": trajectory.stages, "provenance": trajectory.provenance})
    features = features_at(
        trajectory,
        frame,
        particle,
        descriptors,
        kind=options["positions"],
        progress=progress,
        title="Describing",
        workers=workers,
        folder=parts,
    )
    table = xr.Dataset(
        {"features": (("row", "feature"), features), "frame": ("row", frame), "particle": ("row", particle)},
        {"feature": np.array(descriptors.feature_names(trajectory.species_names))},
    )
    save_table(out, table, parameters)
    progress.note(f"{features.shape[0]} rows of {features.shape[1]} features: {out}")
    shutil.rmtree(parts, ignore_errors=True)
    _note_edges(trajectory, np.isnan(features[:, 0]), "rows", descriptors.reach, progress)


def _rows(trajectory: Trajectory, options: dict[str, Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return frame and particle of every row: the particles of a species, or all, of every so many frames."""
    particles = np.arange(trajectory.n_particles)
    if options["species"] is not None:
        if options["species"] not in trajectory.species_names:
            raise ParameterError(
                f"There is no species '{options['species']}' in {trajectory.path}; there are {', '.join(trajectory.species_names)}."
            )
        particles = particles[trajectory.species == trajectory.species_names.index(options["species"])]
    frames = np.arange(0, trajectory.n_frames, options["every"])
    if trajectory.layout.complete:
        return np.repeat(frames, len(particles)), np.tile(particles, len(frames))
    # no rows for particles that are not there
    there = [f.particles for _, f in trajectory.frames(options["positions"], frames)]
    there = [some[np.isin(some, particles)] for some in there]
    return np.repeat(frames, [len(some) for some in there]), np.concatenate(there)


def _note_edges(
    trajectory: Trajectory, missing: NDArray[np.bool_], what: str, reach: float, progress: Progress
) -> None:
    """Say how many numbers are NaN because the surroundings of their particles are not wholly seen."""
    if not all(trajectory.layout.periodic) and len(missing):
        progress.note(
            f"{missing.sum()} of {len(missing)} {what} are NaN: closer than {reach:g} {trajectory.unit_system.length}, as "
            "far as the descriptors reach, to an open boundary."
        )


def flow_options(labels: str, quiet_time: int | None, given: dict[str, Any]) -> dict[str, Any] | None:
    """Return the parameters of a `FlowSelection` that the options of the command line mean; None for p_hop.

    Raises
    ------
    UnknownNameError
        For other labels.
    ParameterError
        If an option belongs to the other labels.
    """
    if labels not in INDICATORS:
        raise UnknownNameError("indicator", labels, INDICATORS)
    options = {name: value for name, value in given.items() if value is not None}
    if labels == "d2min":
        return {**options, "quiet_time": 1 if quiet_time is None else quiet_time}
    if options:
        name = next(iter(options)).replace("_", "-")
        raise ParameterError(f"`--{name}` belongs to `--labels d2min`; this is '{labels}'.")
    return None


def train_on_store(
    store: Path,
    out: Path,
    options: dict[str, Any],
    progress: Progress,
    workers: int | Workforce | None,
    *,
    kind: str | None = None,
    flow: dict[str, Any] | None = None,
) -> None:
    """Train a softness on one store and write it to `out`.

    Parameters
    ----------
    store, out : Path
    options : dict
        Of the settings `training`.
    progress, workers
        As elsewhere.
    kind : {"inherent", "thermal"}, optional
        Positions that the structure is taken from; by default those that the labels were made from.
    flow : dict, optional
        Parameters of the `FlowSelection`, for labels from D2min. Without it labels come from p_hop.

    Raises
    ------
    StoreError
        Naming the verb that has to come first.
    """
    from vitrify.studies.describing import load_descriptors
    from vitrify.studies.flow_defects import require_d2min
    from vitrify.studies.learning import train_on_examples

    trajectory = Trajectory.open(store)
    load_descriptors(options["descriptors"])
    run = trajectory.provenance.get("run", {})
    temperature = run.get("temperature")
    # frames, and a temperature that nobody knows, only have to be ones that settings accept
    point = {"temperature": temperature or 1.0, "frames": max(30, trajectory.n_frames), "hold_time": 1.0}
    given = {
        "training": options,
        "state_points": [{**point, "training": True}, {**point, "replica": 1}],
    }
    if flow is None:
        given["rearrangements"] = _found_with(trajectory)
    labels = require_d2min(trajectory) if flow is not None else trajectory.stages["p_hop"]["parameters"]
    kind = labels["positions"] if kind is None else kind
    require_positions(trajectory, kind)
    settings = _single_settings(given)
    require_file_name(out, ".json")
    rest: dict[str, Any] = {"kind": kind, "progress": progress, "workers": workers}
    examples = _examples(trajectory, settings, temperature, flow, rest)
    about = {"temperature": temperature, "labels": labels}
    trained = train_on_examples(
        trajectory, settings, settings.training_point, examples, kind=kind, about=about
    )
    trained.save(out)
    cv = trained.training["cross_validation"]
    progress.note(
        f"Accuracy on held-out segments {cv['accuracy']:.3f} ± {cv['standard_error']:.3f} "
        f"({cv['n']} particles, {cv['n_events']} of them rearranging): {out}"
    )


def _examples(
    trajectory: Trajectory,
    settings: SoftnessSettings,
    temperature: float | None,
    flow: dict[str, Any] | None,
    rest: dict[str, Any],
) -> xr.Dataset:
    """Return examples with their features, from D2min if there is a `flow`, else from the events beside the store."""
    table = beside(trajectory.path, "examples.npz")
    if flow is None:
        from vitrify.studies.learning import examples_with_features

        events = events_table(trajectory.path)
        return examples_with_features(trajectory, settings, temperature, events, table, **rest)
    from vitrify.predictors.flow_labels import FlowSelection
    from vitrify.studies.flow_defects import flow_examples_with_features

    t = settings.training
    counts = {"n_per_class": t.n_per_class, "min_per_class": t.min_per_class, "seed": t.seed}
    selection = FlowSelection(**{**flow, **counts})
    return flow_examples_with_features(trajectory, settings, selection, temperature, table, **rest)


def _found_with(trajectory: Trajectory) -> dict[str, Any]:
    """Return window and thresholds of the events beside a store."""
    events = load_table(events_table(trajectory.path))
    if events is None or not trajectory.is_done("p_hop"):
        raise StoreError(
            f"{trajectory.path} has no events yet. Run `vitrify rearrangements {trajectory.path}` first."
        )
    names = ("window", "event_threshold", "rearrangement_threshold")
    return {name: events.attrs[name] for name in names}


def softness_of_store(
    store: Path,
    model: Path,
    every: int,
    progress: Progress,
    workers: int | Workforce | None,
    *,
    prepare: bool = False,
) -> None:
    """Write softness of every so many frames into a store; or only `prepare` the array and leave the model beside it."""
    from vitrify.descriptors.base import from_dict
    from vitrify.predictors.trained import TrainedSoftness
    from vitrify.studies.softness_values import add_softness, softness_unit

    if not model.exists():
        raise StoreError(
            f"There is no trained softness {model}. Make one with `vitrify train`, or name another with `--model`."
        )
    trajectory, trained = Trajectory.open(store), TrainedSoftness.load(model)
    require_positions_or_stage(trajectory, trained.positions, prepare)
    add_softness(trajectory, trained, {"every": every}, progress)
    if prepare:
        trained.save(beside(store, PREPARED_SOFTNESS))
        tell_prepared(trajectory, "softness", progress)
        return
    sampled = np.arange(0, trajectory.n_frames, every)
    _tell_drift(trajectory, trained, sampled, progress)
    nothing = np.empty(0, np.int64)
    fill(
        trajectory,
        "softness",
        "Computing softness",
        progress,
        workers,
        softness_unit,
        trained,
        sampled,
        (nothing, nothing),
    )
    progress.note(f"Softness of {len(sampled)} frames is in {store}, array 'softness'.")
    if not all(trajectory.layout.periodic):
        missing = _softness_missing(trajectory, trained, sampled)
        reach = from_dict(trained.descriptors).reach
        _note_edges(trajectory, missing, f"values of species {trained.centre_species}", reach, progress)


def _softness_missing(trajectory: Trajectory, trained: TrainedSoftness, sampled: Any) -> NDArray[np.bool_]:
    """Return which particles of the species that are there in the sampled frames have no softness."""
    centre, missing = trajectory.species_names.index(trained.centre_species), []
    for k, frame in trajectory.frames(trained.positions, sampled):
        here = frame.particles[frame.species == centre]
        missing.append(np.isnan(trajectory.read("softness", k, k + 1)[0, here]))
    return np.concatenate(missing)


def _tell_drift(trajectory: Trajectory, trained: TrainedSoftness, frames: Any, progress: Progress) -> None:
    """Warn where the structure of a store is not the one that the softness was trained on."""
    from vitrify.studies.softness_values import drift_in

    if trained.feature_range is None:
        progress.note(
            "This softness does not say on which range of its features it was trained, so nothing can be said about whether "
            f"{trajectory.path} lies inside. Train again to know."
        )
        return
    drift = drift_in(trajectory, trained, frames)
    if drift.is_outside:
        progress.note(
            f"Warning: this softness is applied outside the range that it was trained on. {drift.describe()}. Its values are "
            "an extrapolation; train one on such a store to compare."
        )
