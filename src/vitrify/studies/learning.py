"""Training set, hyperplane and its scores; softness of every particle that statistics need."""

from __future__ import annotations

import hashlib
import json
import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.descriptors import DESCRIPTOR_SETS, DESCRIPTORS
from vitrify.descriptors.base import from_dict
from vitrify.descriptors.surroundings import features_of, whole_surroundings
from vitrify.errors import FileFormatError, ParameterError, UnknownNameError
from vitrify.parallel import Workforce, map_units
from vitrify.particles.neighbors import require_distinct
from vitrify.particles.tables import load_table
from vitrify.particles.trajectory import ArraySpec, Trajectory
from vitrify.predictors.drift import Drift, FeatureRange
from vitrify.predictors.trained import TrainedSoftness
from vitrify.predictors.training_sets import (
    Describable,
    TrainingSelection,
    TrainingSet,
    select_training_set,
)
from vitrify.progress import Progress
from vitrify.provenance import identity, to_plain
from vitrify.studies.dynamics import (
    StoredValues,
    events_of,
    find_events,
    keep_table,
    make_events,
    renew_stage,
    sampled_frames,
    starts,
)
from vitrify.studies.filling import once
from vitrify.studies.out_of_core import IN_MEMORY, folder_for, rows_by_way_of_disk
from vitrify.studies.settings import SoftnessSettings, StatePoint
from vitrify.studies.simulate import Workplace, _counting

if TYPE_CHECKING:
    import xarray as xr

_FRAMES_PER_BLOCK = 40
_DRIFT_FRAMES, _DRIFT_PARTICLES = 10, 500  # of the sample that is compared with a training
_BLOCK_BYTES = 2**26  # of features in one block, where a frame has fewer


def load_descriptors(name: str | dict[str, Any]) -> Any:
    """Return a descriptor set or a single descriptor, by name or by its parameters as `to_dict` gives them.

    Raises
    ------
    UnknownNameError
        Naming those that are known.
    """
    if isinstance(name, dict):
        return from_dict(name)
    for table in (DESCRIPTORS, DESCRIPTOR_SETS):
        if name in table:
            return table.load(name)()
    raise UnknownNameError("descriptor or descriptor set", name, [*DESCRIPTORS, *DESCRIPTOR_SETS])


def typed_descriptors(text: str, length_unit: float | None = None) -> str | dict[str, Any]:
    """Return the descriptors that the command line names: by name, or in a JSON file as `to_dict` gives them.

    Parameters
    ----------
    text : str
        Name of a descriptor or set, or the path of a ``.json`` file.
    length_unit : float, optional
        All lengths of the descriptors are multiplied with it: the diameter that they take for 1.

    Raises
    ------
    FileFormatError
        If the file is not there or is not JSON of one descriptor.
    UnknownNameError, ParameterError
        As of `load_descriptors` and `Descriptor.scaled`.
    """
    described: str | dict[str, Any] = text
    if text.endswith(".json"):
        try:
            content = json.loads(Path(text).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise FileFormatError(
                f"{text} cannot be read as the JSON of a descriptor: {error}. It holds what `to_dict` of a descriptor gives."
            ) from error
        if not isinstance(content, dict):
            raise FileFormatError(
                f"{text} holds no descriptor: {type(content).__name__} in place of an object with a `name`."
            )
        described = content
    member = load_descriptors(described)
    if length_unit is not None:
        scaled: dict[str, Any] = to_plain(member.scaled(length_unit))
        return scaled
    return described


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


# -- examples and their features -------------------------------------------------------------------------------------


def features_at(
    trajectory: Trajectory,
    frame: NDArray[np.int64],
    particle: NDArray[np.int64],
    descriptors: Any,
    *,
    kind: str = "inherent",
    progress: Progress,
    title: str,
    workers: int | Workforce | None = None,
    folder: Path | None = None,
) -> NDArray[np.float64]:
    """Return the features (n, M) of single particles at single frames of a store; NaN as `features_of` says.

    Parameters
    ----------
    trajectory : Trajectory
    frame, particle : (n,) int
        Sorted by frame.
    descriptors : DescriptorSet
    kind : {"inherent", "thermal"}
    progress, title, workers
        As elsewhere.
    folder : Path, optional
        Where features lie that would take more than `IN_MEMORY`; they are mapped then, and the caller removes the folder.
    """
    frames = np.unique(frame)
    frame_bytes = (
        8 * len(descriptors.feature_names(trajectory.species_names)) * len(frame) / max(1, len(frames))
    )
    per_block = max(1, min(_FRAMES_PER_BLOCK, int(_BLOCK_BYTES // max(1, frame_bytes))))
    blocks = np.array_split(frames, max(1, -(-len(frames) // per_block)))
    jobs = []
    for block in blocks:
        inside = np.isin(frame, block)
        jobs.append((trajectory.path, kind, frame[inside], particle[inside], descriptors))
    finished = [0.0]
    with progress.step(title, len(frame), "particles") as update:

        def done(index: int, _: Any) -> None:
            finished[0] += len(jobs[index][2])
            update(finished[0])

        if folder is not None and frame_bytes * len(frames) > IN_MEMORY:
            return rows_by_way_of_disk(_features_of_block, jobs, folder, workers=workers, done=done)
        return np.concatenate(map_units(_features_of_block, jobs, workers=workers, done=done))


def _features_of_block(
    job: tuple[Path, str, NDArray[np.int64], NDArray[np.int64], Any],
) -> NDArray[np.float64]:
    path, kind, frame, particle, descriptors = job
    trajectory = Trajectory.open(path)
    rows = [np.empty((0, len(descriptors.feature_names(trajectory.species_names))))]
    for k, configuration in trajectory.frames(kind, np.unique(frame)):
        require_distinct(configuration)
        rows.append(features_of(descriptors, configuration, particle[frame == k]))
    return np.concatenate(rows)


def describable_in(trajectory: Trajectory, kind: str, reach: float) -> Describable | None:
    """Return the test whether the whole surroundings of particles are seen; None where nothing can hide any.

    Parameters
    ----------
    trajectory : Trajectory
    kind : {"inherent", "thermal"}
    reach : float, length
        Of the descriptors.
    """
    if trajectory.layout.complete and all(trajectory.layout.periodic):
        return None

    def describable(frame: NDArray[np.int64], particle: NDArray[np.int64]) -> NDArray[np.bool_]:
        whole = np.zeros(len(frame), bool)
        order = np.argsort(frame, kind="stable")
        inside = frame[order]
        for k, configuration in trajectory.frames(kind, np.unique(frame)):
            rows = order[np.searchsorted(inside, k, "left") : np.searchsorted(inside, k, "right")]
            whole[rows] = whole_surroundings(reach, configuration, particle[rows])[1]
        return whole

    return describable


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


def origin_of_positions(trajectory: Trajectory, kind: str) -> dict[str, Any]:
    """Return what the structure follows from: the quench, or that there was none."""
    if kind == "inherent":
        return {"inherent": trajectory.stages["inherent"]["parameters"]}
    return {"positions": kind}


def centre_particles(trajectory: Trajectory, species: str) -> NDArray[np.int64]:
    """Return the particles of one species.

    Raises
    ------
    ParameterError
        If there is no such species.
    """
    if species not in trajectory.species_names:
        raise ParameterError(
            f"`centre_species` = '{species}' is none of the species {', '.join(trajectory.species_names)} of {trajectory.path}."
        )
    return np.flatnonzero(trajectory.species == trajectory.species_names.index(species))


# -- the hyperplane --------------------------------------------------------------------------------------------------


def train_on_examples(
    trajectory: Trajectory,
    settings: SoftnessSettings,
    point: StatePoint,
    examples: xr.Dataset,
    *,
    kind: str = "inherent",
    about: dict[str, Any] | None = None,
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
    """
    from sklearn.base import clone

    from vitrify.predictors.softness import Softness, cross_validate, select_C

    t = settings.training
    features, label, group = (examples[k].values for k in ("features", "label", "segment"))
    estimator = Softness(loss=t.loss, solver=t.solver, min_sd=t.min_sd, random_state=0)
    folds = min(t.segments, len(np.unique(group)))
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


# -- softness along trajectories -------------------------------------------------------------------------------------


def softness_all(
    place: Workplace, trained: TrainedSoftness, progress: Progress, workers: int | Workforce | None = None
) -> None:
    """Fill the array "softness" of every test trajectory: all centre particles of sampled frames, and every start."""
    jobs, points = [], place.settings.test_points
    for point in points:
        trajectory = place.trajectory(point)
        settings = place.settings
        sampling = {
            "stride": settings.statistics.stride,
            "rearrangements": settings.rearrangements.model_dump(),
        }
        add_softness(trajectory, trained, sampling, progress)
        moving = starts(place.settings, trajectory, events_of(place, point))
        sampled = sampled_frames(place.settings, trajectory)
        for unit, (a, b) in enumerate(trajectory.units()):
            if trajectory.is_done("softness", unit):
                continue
            inside = (moving["start_frame"].values >= a) & (moving["start_frame"].values < b)
            wanted = (moving["start_frame"].values[inside], moving["particle"].values[inside])
            jobs.append((trajectory.path, unit, trained, sampled, wanted))
    if jobs:
        with _counting(place, points, "softness", progress, "Computing softness") as poll:
            map_units(partial(once, "softness", softness_unit), jobs, workers=workers, poll=poll)


def add_softness(
    trajectory: Trajectory, trained: TrainedSoftness, sampling: dict[str, Any], progress: Progress
) -> None:
    """Create the array "softness" of a store; `sampling` says which particles and frames get a value.

    Raises
    ------
    ParameterError
        If the store has other species than the softness was trained on.
    """
    if trajectory.species_names != trained.species_names:
        raise ParameterError(
            f"This softness was trained on the species {', '.join(trained.species_names)}; {trajectory.path} has "
            f"{', '.join(trajectory.species_names)}. Train one on such a store."
        )
    spec = ArraySpec(
        ("particle",),
        attrs={
            "units": "1",
            "symbol": "S",
            "long_name": "softness",
            "definition": f"w.F - b on standardized features of {trained.positions} positions; NaN where not computed",
        },
        sparse=True,
    )
    parameters = {"model": trained.identity, **sampling}
    renew_stage(trajectory, "softness", {"softness": spec}, parameters, progress)


def drift_in(trajectory: Trajectory, trained: TrainedSoftness, frames: NDArray[np.int64]) -> Drift:
    """Compare the structure of a sample of a store with the training examples of a softness.

    A sample, evenly spread over frames and particles, is enough to tell parts of a per cent, and tells them before the
    softness of a long trajectory is computed.

    Parameters
    ----------
    trajectory : Trajectory
    trained : TrainedSoftness
    frames : (n,) int
        That the softness is wanted for.

    Raises
    ------
    ParameterError
        If the range of the training is not known.
    """
    descriptors = from_dict(trained.descriptors)
    centre = centre_particles(trajectory, trained.centre_species)
    some = centre[:: max(1, len(centre) // _DRIFT_PARTICLES)]
    chosen = frames[np.unique(np.linspace(0, len(frames) - 1, _DRIFT_FRAMES).astype(np.int64))]
    rows = [
        features_of(descriptors, frame, some) for _, frame in trajectory.frames(trained.positions, chosen)
    ]
    return trained.drift_of(np.concatenate(rows))


def softness_unit(job: tuple[Path, int, TrainedSoftness, NDArray[np.int64], Any]) -> None:
    """Compute softness of one unit of a store; for a worker process."""
    path, unit, trained, sampled, (start_frame, start_particle) = job
    trajectory = Trajectory.open(path)
    a, b = trajectory.units()[unit]
    out = np.full((b - a, trajectory.n_particles), np.nan)
    centre = np.flatnonzero(trajectory.species == trajectory.species_names.index(trained.centre_species))
    inside = sampled[(sampled >= a) & (sampled < b)]
    reach = from_dict(trained.descriptors).reach
    for k, frame in trajectory.frames(trained.positions, np.union1d(inside, start_frame)):
        require_distinct(frame)
        particles = centre if k in inside else np.unique(start_particle[start_frame == k])
        rows, whole = whole_surroundings(reach, frame, particles)
        if whole.any():
            out[k - a, particles[whole]] = trained.softness(frame, rows[whole])
    trajectory.write("softness", unit, {"softness": out})
