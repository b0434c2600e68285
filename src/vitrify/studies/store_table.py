"""Rows of the table of a single trajectory: numbers with errors, and the events they rest on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import TooFewEventsError
from vitrify.particles.trajectory import Trajectory
from vitrify.predictors.scores import Score, fraction_soft, q_ratio_from_counts, roc_area
from vitrify.predictors.trained import TrainedSoftness
from vitrify.rearrangements.events import rearrangements
from vitrify.relaxation.overlap import relaxation_time
from vitrify.report.figures.style import unit_words
from vitrify.report.results import TableRow
from vitrify.studies.store_curves import SEGMENTS, IndicatorSample
from vitrify.studies.store_softness import StoreTally
from vitrify.studies.store_structure import Lengths

if TYPE_CHECKING:
    import xarray as xr

_NAN = float("nan")


def _with_unit(words: str, unit: str) -> str:
    shown = unit_words(unit)
    return f"{words} [{shown}]" if shown else words


def structure_rows(lengths: Lengths, trajectory: Trajectory) -> list[TableRow]:
    """Return where g(r) is largest."""
    if not np.isfinite(lengths.resolution):
        return []
    error = lengths.resolution
    return [
        TableRow(
            _with_unit("first peak of g(r)", trajectory.unit_system.length),
            None,
            lengths.peak,
            error,
            error,
            None,
            f"{lengths.peak_words}; error: half a bin",
        )
    ]


def relaxation_rows(overlap: xr.Dataset, trajectory: Trajectory) -> list[TableRow]:
    """Return the relaxation time of each species, with the interval that the errors of the overlap leave."""
    rows = []
    for species in overlap["species"].values:
        curve = overlap.sel(species=species)
        found = relaxation_time(curve)
        low, high = _relaxation_interval(curve, found.value)
        of = f", {species}" if overlap.sizes["species"] > 1 else ""
        note = (
            ""
            if np.isfinite(high)
            else "without error where the trajectory is too short for two independent pieces"
        )
        if not np.isfinite(found.value):
            least = float(curve["overlap"].min())
            longest = f"{float(curve['lag'].max()):.4g} {unit_words(trajectory.unit_system.time)}".strip()
            note = f"the overlap stays above 1/e: it falls to {least:.3f} within {longest}"
        rows.append(
            TableRow(
                _with_unit(f"relaxation time{of}", trajectory.unit_system.time),
                None,
                found.value,
                _distance(found.value - low),
                _distance(high - found.value),
                None,
                found.definition,
                note,
            )
        )
    return rows


def _relaxation_interval(curve: xr.Dataset, value: float) -> tuple[float, float]:
    """Return when overlap minus and plus its error fall to 1/e; NaN where the errors around `value` are not known."""
    spread = curve["overlap_error"]
    near = np.searchsorted(curve["lag"].values, value)
    if not np.isfinite(spread.values[max(0, near - 1) : near + 1]).all():
        return _NAN, _NAN
    low, high = (
        relaxation_time(curve.assign(overlap=curve["overlap"] + sign * spread.fillna(0.0))).value
        for sign in (-1, 1)
    )
    return low, high


def _distance(value: float) -> float:
    return max(0.0, float(value)) if np.isfinite(value) else _NAN


# -- rearrangements --------------------------------------------------------------------------------------------------


def motion_rows(
    trajectory: Trajectory, events: xr.Dataset, sample: IndicatorSample
) -> tuple[list[TableRow], xr.Dataset]:
    """Return how often particles rearrange and how far they move, and the rate along the trajectory."""
    moving, units = rearrangements(events), trajectory.unit_system
    rate = _rates(trajectory, moving, sample)
    n = int(rate["events"].sum())
    threshold = f"p_hop above {events.attrs['rearrangement_threshold']:g}"
    return [
        _waiting_row(trajectory, rate, n, threshold),
        _mean_row(
            _with_unit("distance moved in a rearrangement", units.length),
            moving["displacement"].values,
            "mean over rearrangements, between the mean positions before and after; error of the mean",
        ),
        _mean_row(
            _with_unit("duration of a rearrangement", units.time),
            moving["duration"].values[moving["complete"].values.astype(bool)],
            "mean time above the event threshold; error of the mean",
        ),
        _active_row(sample, events),
    ], rate


def _rates(trajectory: Trajectory, moving: xr.Dataset, sample: IndicatorSample) -> xr.Dataset:
    """Return rearrangements per particle and time in each segment, with counting errors."""
    import xarray as xr

    half = int(moving.attrs["window"]) // 2
    first, last = half, trajectory.n_frames - half  # frames at which p_hop has a value
    n_segments = max(1, min(SEGMENTS, last - first))
    edges = np.linspace(first, last + 1, n_segments + 1).round().astype(int)
    began = moving["first_frame"].values[moving["start_seen"].values.astype(bool)]
    n = np.histogram(began, edges)[0]
    times = trajectory.times
    interval = float(np.mean(np.diff(times)))
    exposure = np.diff(edges) * interval * sample.present
    unit = trajectory.unit_system.time
    middle = times[np.minimum((edges[:-1] + edges[1:]) // 2, trajectory.n_frames - 1)]
    found = xr.Dataset(
        {
            "rate": ("segment", n / exposure),
            "rate_error": ("segment", np.sqrt(np.maximum(n, 1)) / exposure),
            "events": ("segment", n),
        },
        {"time": ("segment", middle)},
        attrs={"exposure": float(exposure.sum())},
    )
    found["time"].attrs["units"] = unit
    for name in ("rate", "rate_error"):
        found[name].attrs["units"] = f"{unit}^-1"
    return found


def _waiting_row(trajectory: Trajectory, rate: xr.Dataset, n: int, threshold: str) -> TableRow:
    """Return the mean time between two rearrangements of a particle: the inverse of the rate."""
    words = _with_unit("mean time between rearrangements of a particle", trajectory.unit_system.time)
    source = f"particles times time over rearrangements ({threshold}); error: the larger of counting and scatter of segments"
    exposure = float(rate.attrs["exposure"])
    if n == 0:
        return TableRow(
            words, None, _NAN, _NAN, _NAN, 0, source, f"none was seen; longer than about {exposure:.3g}"
        )
    per_segment = rate["rate"].values
    scatter = per_segment.std(ddof=1) / np.sqrt(len(per_segment)) if len(per_segment) > 1 else 0.0
    relative = max(1 / np.sqrt(n), scatter * exposure / n)
    value = exposure / n
    return TableRow(words, None, value, value * relative, value * relative, n, source)


def _mean_row(words: str, values: NDArray[np.float64], source: str) -> TableRow:
    n = len(values)
    mean = float(values.mean()) if n else _NAN
    error = float(values.std(ddof=1) / np.sqrt(n)) if n > 1 else _NAN
    return TableRow(words, None, mean, error, error, n, source)


def _active_row(sample: IndicatorSample, events: xr.Dataset) -> TableRow:
    """Return the part of the time that particles spend in events."""
    pieces = [p.mean() for p in np.array_split(sample.above, min(SEGMENTS, len(sample.above)))]
    error = float(np.std(pieces, ddof=1) / np.sqrt(len(pieces))) if len(pieces) > 1 else _NAN
    source = f"p_hop above `event_threshold` = {events.attrs['event_threshold']:g}, all particles; error: scatter of segments"
    return TableRow(
        "part of the time spent in events",
        None,
        float(sample.above.mean()),
        error,
        error,
        events.sizes["event"],
        source,
    )


# -- softness --------------------------------------------------------------------------------------------------------


def accuracy_rows(trained: TrainedSoftness) -> list[TableRow]:
    """Return what the trained softness says of its own accuracy."""
    held: dict[str, Any] = trained.training.get("cross_validation", {})
    if "accuracy" not in held:
        return []
    temperature = trained.training.get("temperature")
    where = "" if temperature is None else f" at T = {temperature:g}"
    error = held.get("standard_error", _NAN)
    return [
        TableRow(
            "accuracy of softness on held-out segments",
            None,
            held["accuracy"],
            error,
            error,
            held.get("n_events"),
            f"half soft, half hard examples{where}; each segment predicted from the others",
        )
    ]


def softness_rows(found: StoreTally, own: str) -> list[TableRow]:
    """Return how well softness tells the particles about to rearrange from the others."""
    starts = f"{len(found.starts)} rearrangements begin, among {len(found.softness)} values of softness"
    return [
        _score_row(
            "rearranging particles with S > 0",
            lambda: fraction_soft(found.starts),
            "fraction of those about to rearrange; 68 % interval",
            own,
        ),
        _score_row("area under ROC", lambda: _roc(found), starts, own),
        _q_row(found, own),
    ]


def _roc(found: StoreTally) -> Score:
    softness = np.concatenate([found.starts, found.softness])
    labels = np.concatenate([np.ones(len(found.starts)), np.zeros(len(found.softness))])
    groups = np.concatenate([found.start_segment, found.segment])
    return roc_area(softness, labels, groups)


def _score_row(quantity: str, score: Callable[[], Score], source: str, note: str) -> TableRow:
    try:
        s = score()
    except TooFewEventsError as error:
        return TableRow(quantity, None, _NAN, _NAN, _NAN, 0, source, str(error))
    return TableRow(
        quantity,
        None,
        s.value,
        max(0.0, s.value - s.low),
        max(0.0, s.high - s.value),
        s.n_events,
        source,
        note,
    )


def _q_row(found: StoreTally, own: str) -> TableRow:
    mean, sd = found.softness.mean(), found.softness.std()
    words, source = "Q = P_R(S > mean + sd) / P_R(S < mean − sd)", "contrast of the probability to rearrange"
    above, below = found.softness > mean + sd, found.softness < mean - sd
    try:
        q = q_ratio_from_counts(
            int((found.starts > mean + sd).sum()),
            float(above.sum() * found.frames_per_sample),
            int((found.starts < mean - sd).sum()),
            float(below.sum() * found.frames_per_sample),
        )
    except TooFewEventsError as error:
        return TableRow(words, None, _NAN, _NAN, _NAN, 0, source, str(error))
    bound = {"lower": "lower bound: no event below mean − sd", "none": "no events"}.get(q.bound, "")
    note = "; ".join(filter(None, [bound, f"{q.n_events_high} events above, {q.n_events_low} below", own]))
    low, high = (float(np.maximum(0.0, d)) for d in (q.value - q.low, q.high - q.value))
    return TableRow(words, None, q.value, low, high, q.n_events, source, note)
