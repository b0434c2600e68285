"""From the softness of single particles to counts, and from counts to barriers and the onset temperature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ConvergenceError, ParameterError, TooFewEventsError
from vitrify.rearrangements.events import at_risk
from vitrify.studies.curves import sampled_softness
from vitrify.studies.describing import centre_particles
from vitrify.studies.dynamics import events_of, starts
from vitrify.studies.settings import SoftnessSettings, StatePoint
from vitrify.studies.simulate import Workplace, unconverged_frames
from vitrify.theory.arrhenius import ArrheniusFit, fit_arrhenius
from vitrify.theory.onset import OnsetBootstrap, bootstrap_onset
from vitrify.theory.rearrangement_probability import count

if TYPE_CHECKING:
    import xarray as xr

_TAIL_95 = 0.025


class Tally:
    """Softness of the particles at risk and of the starting rearrangements of one trajectory.

    Parameters
    ----------
    place : Workplace
    point : StatePoint

    Attributes
    ----------
    softness, segment : (n,)
        Of every particle at risk in every sampled frame.
    starts, start_segment : (m,)
        Of every rearrangement.
    active : float
        Fraction of time that p_hop exceeds the event threshold.
    """

    def __init__(self, place: Workplace, point: StatePoint) -> None:
        settings, self.point = place.settings, point
        trajectory, events = place.trajectory(point), events_of(place, point)
        n_segments = settings.training.segments
        frames, softness = sampled_softness(place, point)
        centre = centre_particles(trajectory, settings.training.centre_species)
        free = at_risk(events, frames, trajectory.n_particles)[:, centre]
        segment = frames * n_segments // trajectory.n_frames
        self.softness: NDArray[np.float64] = softness[:, centre][free]
        self.segment: NDArray[np.int64] = np.broadcast_to(segment[:, None], free.shape)[free]
        moving = starts(settings, trajectory, events)
        start = moving["start_frame"].values
        self.starts: NDArray[np.float64] = _softness_at(trajectory, start, moving["particle"].values)
        self.start_segment: NDArray[np.int64] = start * n_segments // trajectory.n_frames
        self.interval: float = trajectory.frame_interval
        self.units = trajectory.unit_system
        self.active: float = _active_fraction(trajectory, centre, settings.rearrangements.event_threshold)
        self.n_unconverged = len(unconverged_frames(trajectory))


def _active_fraction(trajectory: Any, particles: NDArray[np.int64], threshold: float) -> float:
    """Return the fraction of values of p_hop above a threshold, reading one unit at a time."""
    above = seen = 0
    for a, b in trajectory.units():
        p_hop = trajectory.read("p_hop", a, b)[:, particles]
        above += int((p_hop > threshold).sum())
        seen += int((~np.isnan(p_hop)).sum())
    return above / seen if seen else float("nan")


def _softness_at(
    trajectory: Any, frame: NDArray[np.int64], particle: NDArray[np.int64]
) -> NDArray[np.float64]:
    out = np.empty(len(frame))
    for a, b in trajectory.units():
        inside = (frame >= a) & (frame < b)
        if inside.any():
            out[inside] = trajectory.read("softness", a, b)[frame[inside] - a, particle[inside]]
    return out


def counts_of(tally: Tally, edges: NDArray[np.float64], settings: SoftnessSettings) -> xr.Dataset:
    """Return the counts of one trajectory in bins of softness."""
    return count(
        tally.point.temperature,
        (tally.softness, tally.segment),
        (tally.starts, tally.start_segment),
        edges,
        n_segments=settings.training.segments,
        frames_per_sample=settings.statistics.stride,
        interval=tally.interval,
        units=tally.units,
    )


def fitted_temperatures(tallies: list[Tally], settings: SoftnessSettings) -> tuple[list[float], list[str]]:
    """Return the temperatures that barriers are fitted to, and what a reader must know of the others.

    The event threshold must stand above rattling. Where p_hop exceeds it for a large part of the time, neighbouring
    events merge into one and the count of starts falls behind the rate: such temperatures are shown, not fitted.
    """
    limit = settings.statistics.max_active_fraction
    quiet = sorted({t.point.temperature for t in tallies if t.active <= limit})
    loud = {t.point.temperature: t.active for t in tallies if t.active > limit}
    if not loud:
        return quiet, []
    if len(quiet) < 2:
        return sorted({t.point.temperature for t in tallies}), [
            f"At most temperatures p_hop exceeds its event threshold for more than {limit:.0%} of the time: events merge, and "
            "barriers fitted to them are biased."
        ]
    shown = ", ".join(f"T = {temperature:g} ({active:.0%})" for temperature, active in sorted(loud.items()))
    return quiet, [
        f"Shown but not fitted, because p_hop exceeds its event threshold for more than {limit:.0%} of the time and events "
        f"merge: {shown}."
    ]


def global_fit(
    counts: xr.Dataset, settings: SoftnessSettings
) -> tuple[ArrheniusFit | None, OnsetBootstrap | None, list[str]]:
    """Return the fit and its resamples, None where the counts do not carry them, and what a reader must know."""
    statistics = settings.statistics
    try:
        fit = fit_arrhenius(counts, statistics.degree)
    except (ParameterError, TooFewEventsError, ConvergenceError) as error:
        return None, None, [f"Barriers and onset temperature were not fitted. {error}"]
    try:
        onset = bootstrap_onset(counts, statistics.degree, statistics.resamples, statistics.seed)
    except (TooFewEventsError, ConvergenceError) as error:
        return fit, None, [f"Barriers and onset temperature have no errors. {error}"]
    if not onset.bounded:
        return (
            fit,
            onset,
            ["The slope of Σ(S) is compatible with zero: the onset temperature has no finite interval."],
        )
    if onset.onset_interval(_TAIL_95).kind != "bounded":
        return (
            fit,
            onset,
            [
                "At 95 % confidence the slope of Σ(S) is compatible with zero, and the onset temperature unbounded."
            ],
        )
    return fit, onset, []


def fit_attributes(fit: ArrheniusFit | None, onset: OnsetBootstrap | None) -> dict[str, Any]:
    """Return the coefficients as attributes of a data set."""
    if fit is None:
        return {}
    low, high = onset.interval("onset_temperature") if onset else (np.nan, np.nan)
    attrs: dict[str, Any] = {name: getattr(fit, name) for name in ("e0", "e1", "sigma0", "sigma1")}
    attrs |= {"T0": fit.onset_temperature, "T0_low": low, "T0_high": high}
    if fit.degree > 1:
        attrs["energy_barrier_powers"] = fit.barrier.tolist()
        attrs["log_prefactor_powers"] = fit.log_prefactor.tolist()
    return attrs
