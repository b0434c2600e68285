"""Rearrangements at every cutoff and by both definitions of P_R, counted from the stores of one density."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ParameterError
from vitrify.parallel import Workforce
from vitrify.particles.tables import load_table
from vitrify.predictors.trained import TrainedSoftness
from vitrify.progress import Progress
from vitrify.rearrangements.events import at_risk, rearrangements
from vitrify.studies.curves import sampled_softness
from vitrify.studies.describing import centre_particles, features_at
from vitrify.studies.dynamics import events_of, keep_table, starts, usable_frames
from vitrify.studies.fits import _active_fraction
from vitrify.studies.learning import make_descriptors
from vitrify.studies.onset_settings import OnsetSettings
from vitrify.studies.settings import StatePoint
from vitrify.studies.simulate import Workplace, unconverged_frames
from vitrify.theory.rearrangement_probability import count
from vitrify.theory.rearranging_fraction import count_fraction

if TYPE_CHECKING:
    import xarray as xr

Definition = Literal["starts", "fraction", "fraction_before"]
DEFINITIONS: tuple[Definition, ...] = ("starts", "fraction", "fraction_before")


def starts_all(
    place: Workplace, trained: TrainedSoftness, progress: Progress, workers: int | Workforce | None = None
) -> None:
    """Write a table of softness at the start of every event above the lowest cutoff, beside each test trajectory."""
    for point in place.settings.test_points:
        starts_of(place, trained, point, progress, workers)


def starts_of(
    place: Workplace,
    trained: TrainedSoftness,
    point: StatePoint,
    progress: Progress,
    workers: int | Workforce | None = None,
) -> xr.Dataset:
    """Return frame, particle and softness of the events of one trajectory that some cutoff may call rearrangements."""
    import xarray as xr

    settings, trajectory, events = place.settings, place.trajectory(point), events_of(place, point)
    assert isinstance(settings, OnsetSettings)
    lowest, table = settings.onset.cutoffs[0], place.table(point, "starts")
    parameters = {"events": events.attrs, "model": trained.identity, "lowest": lowest}
    found = load_table(table, parameters)
    if found is not None:
        return found
    chosen = _candidates(settings, trajectory, rearrangements(events, lowest))
    features = features_at(
        trajectory,
        chosen["frame"],
        chosen["particle"],
        make_descriptors(settings),
        kind=trained.positions,
        progress=progress,
        title=f"Structure at the start of events at T = {point.temperature:g}",
        workers=workers,
    )
    columns: dict[str, Any] = {name: ("event", values) for name, values in chosen.items()}
    columns["softness"] = ("event", trained.evaluate(features))
    return keep_table(table, xr.Dataset(columns), parameters)


def _candidates(settings: OnsetSettings, trajectory: Any, events: xr.Dataset) -> dict[str, NDArray[np.int64]]:
    """Return frame and particle, sorted by frame, of events that `starts` may count at some cutoff."""
    first, stop = usable_frames(settings, trajectory.n_frames)
    frame, particle = events["start_frame"].values, events["particle"].values
    centre = trajectory.species_names.index(settings.training.centre_species)
    kept = events["start_seen"].values.astype(bool) & (frame >= first) & (frame < stop)
    kept &= trajectory.species[particle] == centre
    order = np.flatnonzero(kept)[np.lexsort((particle[kept], frame[kept]))]
    return {"frame": frame[order], "particle": particle[order]}


class CutoffTally:
    """Softness, p_hop and events of one trajectory, to be counted at any cutoff and by either definition.

    Parameters
    ----------
    place : Workplace
        With `OnsetSettings`.
    point : StatePoint
    beginning : xarray.Dataset
        From `starts_of`.

    Attributes
    ----------
    softness : (n, C) float
        Of the centre particles in the sampled frames.
    active : float
        Fraction of time that p_hop exceeds the event threshold.
    """

    def __init__(self, place: Workplace, point: StatePoint, beginning: xr.Dataset) -> None:
        settings = place.settings
        assert isinstance(settings, OnsetSettings)
        self.point, self._settings, self._beginning = point, settings, beginning
        self._trajectory, self._events = place.trajectory(point), events_of(place, point)
        self._centre = centre_particles(self._trajectory, settings.training.centre_species)
        self.frames, softness = sampled_softness(place, point)
        self.softness = softness[:, self._centre]
        self._segment = self.frames * settings.training.segments // self._trajectory.n_frames
        self.active = _active_fraction(
            self._trajectory, self._centre, settings.rearrangements.event_threshold
        )
        self.n_unconverged = len(unconverged_frames(self._trajectory))
        self._p_hop = {lead: self._p_hop_after(lead) for lead in (0, settings.onset.lead)}

    def _p_hop_after(self, lead: int) -> NDArray[np.float64]:
        """Return p_hop of the centre particles `lead` frames after each sampled frame, (n, C); NaN beyond the end."""
        wanted, out = self.frames + lead, np.full(self.softness.shape, np.nan)
        for a, b in self._trajectory.units():
            inside = (wanted >= a) & (wanted < b)
            if inside.any():
                out[inside] = self._trajectory.read("p_hop", a, b)[wanted[inside] - a][:, self._centre]
        return out

    def starting(self, cutoff: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return softness and segment at the start of every rearrangement of a cutoff, each (m,)."""
        moving = starts(self._settings, self._trajectory, rearrangements(self._events, cutoff))
        frame = moving["start_frame"].values
        softness = self._softness_at(frame, moving["particle"].values)
        return softness, frame * self._settings.training.segments // self._trajectory.n_frames

    def _softness_at(self, frame: NDArray[np.int64], particle: NDArray[np.int64]) -> NDArray[np.float64]:
        n = self._trajectory.n_particles
        known = self._beginning["frame"].values * n + self._beginning["particle"].values
        return np.asarray(self._beginning["softness"].values[np.searchsorted(known, frame * n + particle)])

    def counts(self, edges: NDArray[np.float64], cutoff: float, definition: Definition) -> xr.Dataset:
        """Return events and exposure by softness.

        Parameters
        ----------
        edges : (n_bins + 1,) float
        cutoff : float, length²
        definition : {"starts", "fraction", "fraction_before"}
            starts: rearrangements that begin, per particle at risk and frame. fraction: particles above the cutoff at a
            frame, by the structure of that frame; fraction_before: by the structure `lead` frames before it.

        Raises
        ------
        ParameterError
            For an unknown definition.
        """
        if definition not in DEFINITIONS:
            raise ParameterError(
                f"`definition` must be one of {', '.join(DEFINITIONS)}; it is '{definition}'."
            )
        n_segments, trajectory = self._settings.training.segments, self._trajectory
        about: dict[str, Any] = {
            "n_segments": n_segments,
            "interval": trajectory.frame_interval,
            "units": trajectory.unit_system,
        }
        temperature = self.point.temperature
        if definition != "starts":
            p_hop = self._p_hop[0 if definition == "fraction" else self._settings.onset.lead]
            return count_fraction(temperature, self.softness, p_hop, self._segment, edges, cutoff, **about)
        free = at_risk(rearrangements(self._events, cutoff), self.frames, trajectory.n_particles)
        free = free[:, self._centre]
        segment = np.broadcast_to(self._segment[:, None], free.shape)
        risk = self.softness[free], segment[free]
        stride = self._settings.statistics.stride
        return count(temperature, risk, self.starting(cutoff), edges, frames_per_sample=stride, **about)
