"""Structure of particles of a store: which descriptors, of which particles, from worker processes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrify.descriptors import DESCRIPTOR_SETS, DESCRIPTORS
from vitrify.descriptors.base import from_dict
from vitrify.descriptors.surroundings import features_of, whole_surroundings
from vitrify.errors import FileFormatError, ParameterError, UnknownNameError
from vitrify.parallel import Workforce, map_units
from vitrify.particles.neighbors import require_distinct
from vitrify.particles.trajectory import Trajectory
from vitrify.predictors.training_sets import Describable
from vitrify.progress import Progress
from vitrify.provenance import to_plain
from vitrify.studies.out_of_core import IN_MEMORY, rows_by_way_of_disk

_FRAMES_PER_BLOCK = 40
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
