"""Curves of a study that need no softness model, or only its sign: overlap, g(r), snapshot, a typical particle."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrify.particles import Frame
from vitrify.particles.trajectory import Trajectory
from vitrify.rearrangements.events import rearrangements
from vitrify.relaxation.overlap import Overlap, log_lags
from vitrify.structure.pair_correlation import RadialDistribution
from vitrify.studies.describing import centre_particles
from vitrify.studies.dynamics import events_of, sampled_frames
from vitrify.studies.out_of_core import IN_MEMORY
from vitrify.studies.settings import SoftnessSettings, StatePoint
from vitrify.studies.simulate import Workplace

if TYPE_CHECKING:
    import xarray as xr

_SNAPSHOT_FRAMES = 12
_RDF_FRAMES = 40


def coldest(settings: SoftnessSettings) -> StatePoint:
    """Return the coldest state point that statistics come from."""
    return settings.test_points[0]


def sampled_softness(place: Workplace, point: StatePoint) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the frames with softness of all centre particles, (n,), and that softness, (n, N); NaN for the others."""
    trajectory = place.trajectory(point)
    frames = sampled_frames(place.settings, trajectory)
    rows = np.empty((len(frames), trajectory.n_particles))
    for a, b in trajectory.units():
        inside = (frames >= a) & (frames < b)
        if inside.any():
            rows[inside] = trajectory.read("softness", a, b)[frames[inside] - a]
    return frames, rows


def snapshot(place: Workplace) -> xr.Dataset:
    """Return a few frames of the coldest test trajectory with the softness of each particle (paper: Fig. 1a)."""
    import xarray as xr

    point = coldest(place.settings)
    trajectory = place.trajectory(point)
    frames, softness = sampled_softness(place, point)
    chosen = np.unique(np.linspace(0, len(frames) - 1, min(_SNAPSHOT_FRAMES, len(frames))).astype(int))
    wrapped = [
        trajectory.box(int(k)).wrap(trajectory.positions("inherent", k, k + 1)[0]) for k in frames[chosen]
    ]
    return xr.Dataset(
        {
            "position": (("snapshot_frame", "particle", "xyz"), np.stack(wrapped)),
            "softness": (("snapshot_frame", "particle"), softness[chosen]),
        },
        {
            "time": ("snapshot_frame", trajectory.times[frames[chosen]]),
            "species": ("particle", trajectory.species),
        },
        attrs={
            "temperature": point.temperature,
            "box_vectors": trajectory.box(0).vectors.tolist(),
            "species_names": list(trajectory.species_names),
        },
    )


def p_hop_example(place: Workplace) -> xr.Dataset:
    """Return p_hop and displacement of the particle whose number of rearrangements is the median of those that move."""
    import xarray as xr

    settings, point = place.settings, coldest(place.settings)
    trajectory, events = place.trajectory(point), events_of(place, point)
    moving = rearrangements(events)["particle"].values
    centre = centre_particles(trajectory, settings.training.centre_species)
    counts = np.bincount(moving, minlength=trajectory.n_particles)[centre]
    candidates = centre[counts == max(1, min(3, counts.max()))]
    particle = int(candidates[len(candidates) // 2]) if len(candidates) else int(centre[0])
    units = trajectory.units()
    positions = np.concatenate([trajectory.positions("inherent", a, b)[:, particle] for a, b in units])
    p_hop = np.concatenate([trajectory.read("p_hop", a, b)[:, particle] for a, b in units])
    return xr.Dataset(
        {
            "p_hop": ("time", p_hop),
            "displacement": ("time", np.linalg.norm(positions - positions[0], axis=1)),
        },
        {"time": trajectory.times},
        attrs={
            "event_threshold": settings.rearrangements.event_threshold,
            "rearrangement_threshold": settings.rearrangements.rearrangement_threshold,
            "particle": particle,
            "temperature": point.temperature,
        },
    )


def centred_frames(
    place: Workplace, point: StatePoint, n_frames: int = _RDF_FRAMES
) -> list[tuple[Frame, NDArray[np.float64]]]:
    """Return up to `n_frames` sampled frames with the softness of their particles."""
    trajectory: Trajectory = place.trajectory(point)
    frames, softness = sampled_softness(place, point)
    chosen = np.unique(np.linspace(0, len(frames) - 1, min(n_frames, len(frames))).astype(int))
    return [
        (frame, softness[k])
        for k, (_, frame) in zip(chosen, trajectory.frames("inherent", frames[chosen]), strict=True)
    ]


def pair_correlations(place: Workplace) -> xr.Dataset:
    """Return g(r) around all, hard (S < 0) and soft (S > 0) centre particles at the coldest temperature (thesis 5.17)."""
    point = coldest(place.settings)
    chosen = centred_frames(place, point)
    groups = [np.where(np.isnan(softness), -1, (softness > 0).astype(np.int64)) for _, softness in chosen]
    found = RadialDistribution(r_max=4.0, bin_width=0.04).compute(
        (frame for frame, _ in chosen), groups, ("hard", "soft"), total="all"
    )
    return found.assign_attrs(temperature=point.temperature)


def _reader(trajectory: Trajectory) -> Callable[[int, int], NDArray[np.float64]]:
    """Return ``read(start, stop)`` of inherent positions: from memory where all of them fit, as many pairs of frames ask."""
    if 8 * trajectory.n_frames * trajectory.n_particles * trajectory.layout.dimension > IN_MEMORY:
        return trajectory.reader("inherent")
    positions = trajectory.positions("inherent")
    return lambda start, stop: positions[start:stop]


def overlaps(place: Workplace, points: tuple[StatePoint, ...] | None = None) -> xr.Dataset:
    """Return the overlap of the centre species, inherent positions, at every temperature that statistics come from.

    Of `points` alone where they are given, such as those of one density.
    """
    import xarray as xr

    settings = place.settings
    measure = Overlap(settings.statistics.overlap_cutoff)
    points = settings.test_points if points is None else points
    longest = max(place.trajectory(p).n_frames for p in points) - 1
    lags, curves = log_lags(longest), {}
    for point in points:
        trajectory = place.trajectory(point)
        centre = centre_particles(trajectory, settings.training.centre_species)
        fitting = lags[lags < trajectory.n_frames]
        if point.temperature not in curves:
            read = _reader(trajectory)
            curve = measure.compute(read, trajectory.times, fitting, centre, units=trajectory.unit_system)
            curves[point.temperature] = curve.drop_vars(["n_origins", "n_blocks", "n_absent"])
    return xr.concat(
        list(curves.values()),
        xr.Variable("temperature", list(curves)),
        join="outer",
        combine_attrs="override",
    )
