"""Softness of every particle that statistics need, written into a store; and how far it is from its training."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrify.descriptors.base import from_dict
from vitrify.descriptors.surroundings import features_of, whole_surroundings
from vitrify.errors import ParameterError
from vitrify.parallel import Workforce, map_units
from vitrify.particles.layout import ArraySpec
from vitrify.particles.neighbors import require_distinct
from vitrify.particles.trajectory import Trajectory
from vitrify.predictors.drift import Drift
from vitrify.predictors.trained import TrainedSoftness
from vitrify.progress import Progress
from vitrify.studies.describing import centre_particles
from vitrify.studies.dynamics import (
    events_of,
    renew_stage,
    sampled_frames,
    starts,
)
from vitrify.studies.filling import once
from vitrify.studies.simulate import Workplace, _counting

_DRIFT_FRAMES, _DRIFT_PARTICLES = 10, 500  # of the sample that is compared with a training


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
