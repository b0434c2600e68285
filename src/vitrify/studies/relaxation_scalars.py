"""Structural quantities of single particles beside softness, where statistics need them: sampled frames and starts."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrify.descriptors import DESCRIPTORS
from vitrify.descriptors.base import Descriptor, from_dict
from vitrify.descriptors.surroundings import features_of, whole_surroundings
from vitrify.errors import SettingsError
from vitrify.parallel import Workforce, map_units
from vitrify.particles.tables import load_table
from vitrify.particles.trajectory import Trajectory
from vitrify.predictors.trained import TrainedSoftness
from vitrify.progress import Progress
from vitrify.provenance import to_plain
from vitrify.studies.describing import centre_particles
from vitrify.studies.dynamics import events_of, keep_table, make_events, sampled_frames, usable_frames
from vitrify.studies.settings import SoftnessSettings, StatePoint
from vitrify.studies.simulate import Workplace, make_model

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

TABLE = "structure"
SOFTNESS = "softness"


class Scalar(NamedTuple):
    """One number per particle: a feature of a descriptor.

    Attributes
    ----------
    name : str
        As the settings give it.
    descriptor : Descriptor
    column : int
    """

    name: str
    descriptor: Descriptor
    column: int

    def of(self, frame: Any, particles: NDArray[np.int64]) -> Array:
        """Return the number of each particle, NaN where its surroundings are not whole."""
        return features_of(self.descriptor, frame, particles)[:, self.column]


def make_scalars(
    settings: SoftnessSettings, names: tuple[str, ...], species_names: tuple[str, ...]
) -> tuple[list[Scalar], list[str]]:
    """Return the quantities that the settings name, and sentences about those that this liquid does not have.

    Raises
    ------
    UnknownNameError
        If a name is no descriptor.
    SettingsError
        If a descriptor has no such feature.
    """
    found, said = [], []
    for text in names:
        name, _, feature = text.partition(":")
        member = _member(settings, name)
        if member is None or not member.knows(species_names):
            said.append(f"'{text}' was not compared with softness: it is not defined for this model.")
            continue
        features = member.feature_names(species_names)
        if feature and feature not in features:
            raise SettingsError(
                f"`relaxation.compared_with` names '{text}'; '{name}' has the features {', '.join(features)}."
            )
        found.append(Scalar(text, member, features.index(feature) if feature else len(features) - 1))
    return found, said


def _member(settings: SoftnessSettings, name: str) -> Descriptor | None:
    kind: Any = DESCRIPTORS.load(name)
    if name != "local_energy":
        member: Descriptor = kind()
        return member
    model = make_model(settings)
    return kind(model) if hasattr(model, "pair_energy") else None


def scalars_all(
    place: Workplace,
    trained: TrainedSoftness,
    names: tuple[str, ...],
    progress: Progress,
    workers: int | Workforce | None = None,
) -> None:
    """Make the table of every test trajectory: softness at the start of every event, and the other quantities."""
    for point in place.settings.test_points:
        structure_of(place, point, trained, names, progress, workers)


def structure_of(
    place: Workplace,
    point: StatePoint,
    trained: TrainedSoftness,
    names: tuple[str, ...],
    progress: Progress,
    workers: int | Workforce | None = None,
) -> xr.Dataset:
    """Return the table of one trajectory, made where it is not there.

    Returns
    -------
    xarray.Dataset
        Dims other, sampled, particle: ``value``, the quantities but softness in the sampled frames. Dim event: ``frame``,
        ``particle``, ``p_hop_max`` of every event of the centre species whose start was seen and usable; dims scalar, event:
        ``start_value``, softness first.
    """
    trajectory = place.trajectory(point)
    scalars, _ = make_scalars(place.settings, names, trajectory.species_names)
    parameters = {
        "softness": trained.identity,
        "scalars": [{"name": s.name, "column": s.column, **to_plain(s.descriptor)} for s in scalars],
        "events": make_events(place.settings).to_dict(),
        "p_hop": trajectory.stages["p_hop"]["parameters"],
        "inherent": trajectory.stages["inherent"]["parameters"],
        "stride": place.settings.statistics.stride,
    }
    path = place.table(point, TABLE)
    found = load_table(path, parameters)
    if found is not None:
        return found
    made = _make(place, point, trained, scalars, progress, workers)
    return keep_table(path, made, parameters)


def _make(
    place: Workplace,
    point: StatePoint,
    trained: TrainedSoftness,
    scalars: list[Scalar],
    progress: Progress,
    workers: int | Workforce | None,
) -> xr.Dataset:
    import xarray as xr

    trajectory, settings = place.trajectory(point), place.settings
    centre = centre_particles(trajectory, settings.training.centre_species)
    frames = sampled_frames(settings, trajectory)
    frame, particle, height = _usable_starts(place, point, centre)
    jobs, placed = [], []
    for a, b in trajectory.units():
        inside = np.flatnonzero((frame >= a) & (frame < b))
        here = frames[(frames >= a) & (frames < b)]
        if len(inside) or len(here):
            placed.append(inside)
            jobs.append((trajectory.path, here, centre, frame[inside], particle[inside]))
    done = [0.0]
    with progress.step(f"Structure at T = {point.temperature:g}", len(jobs), "units") as update:

        def count(index: int, _: Any) -> None:
            del index
            done[0] += 1
            update(done[0])

        rows = map_units(partial(_unit, trained, scalars), jobs, workers=workers, done=count)
    start = np.full((len(scalars) + 1, len(frame)), np.nan)
    for inside, (_, at_starts) in zip(placed, rows, strict=True):
        start[:, inside] = at_starts
    names = [s.name for s in scalars]
    sampled = [values for values, _ in rows] or [np.empty((len(scalars), 0, len(centre)))]
    return xr.Dataset(
        {
            "value": (("other", "sampled", "centre"), np.concatenate(sampled, axis=1)),
            "start_value": (("scalar", "event"), start),
            "frame": ("event", frame),
            "particle": ("event", particle),
            "p_hop_max": ("event", height),
        },
        {
            "scalar": np.array([SOFTNESS, *names]),
            "other": np.array(names, dtype=f"<U{max([1, *map(len, names)])}"),
        },
    )


def _usable_starts(
    place: Workplace, point: StatePoint, centre: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
    """Return start frame, particle and largest p_hop of the events whose start was seen, sorted by frame."""
    trajectory, events = place.trajectory(point), events_of(place, point)
    first, stop = usable_frames(place.settings, trajectory.n_frames)
    frame, particle = events["start_frame"].values, events["particle"].values
    kept = events["start_seen"].values.astype(bool) & (frame >= first) & (frame < stop)
    kept &= np.isin(particle, centre)
    kept[kept] &= trajectory.read("inherent_converged")[frame[kept]] != 0
    chosen = np.flatnonzero(kept)
    chosen = chosen[np.argsort(frame[chosen], kind="stable")]
    return frame[chosen], particle[chosen], events["p_hop_max"].values[chosen]


def _unit(
    trained: TrainedSoftness,
    scalars: list[Scalar],
    job: tuple[Path, NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
) -> tuple[Array, Array]:
    """Return the quantities in the sampled frames of a unit (k, n, m), and with softness at its starts (k + 1, e)."""
    path, sampled, centre, start_frame, start_particle = job
    trajectory = Trajectory.open(path)
    values = np.full((len(scalars), len(sampled), len(centre)), np.nan)
    starts = np.full((len(scalars) + 1, len(start_frame)), np.nan)
    reach = from_dict(trained.descriptors).reach
    for k, frame in trajectory.frames(trained.positions, np.union1d(sampled, start_frame)):
        here = np.flatnonzero(start_frame == k)
        row = np.flatnonzero(sampled == k)
        if len(here):
            particles, back = np.unique(start_particle[here], return_inverse=True)
            softness = np.full(len(particles), np.nan)
            rows, whole = whole_surroundings(reach, frame, particles)
            if whole.any():
                softness[whole] = trained.softness(frame, rows[whole])
            starts[0, here] = softness[back]
            for j, scalar in enumerate(scalars):
                starts[j + 1, here] = scalar.of(frame, particles)[back]
        for j, scalar in enumerate(scalars):
            if len(row):
                values[j, row[0]] = scalar.of(frame, centre)
    return values, starts
