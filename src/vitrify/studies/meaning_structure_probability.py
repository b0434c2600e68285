"""How well each number of a particle tells its rearrangements: P_R in quantiles, the contrast Q, the area under the curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import TooFewEventsError
from vitrify.predictors.scores import q_ratio_from_counts, roc_area
from vitrify.studies.meaning_structure_events import KINDS, AtRisk, Starts
from vitrify.studies.relaxation_structure import quantile_edges
from vitrify.theory.rearrangement_probability import count, rearrangement_probability

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

_CURVE = ("probability", "probability_low", "probability_high", "events")
_CONTRAST = ("contrast", "contrast_low", "contrast_high", "contrast_block_error", "events_high", "events_low")  # fmt: skip
_BOUND = {"": 0, "lower": 1, "upper": -1, "none": 0}


@dataclass(frozen=True)
class Tally:
    """One number of the particles at risk of a kind of event and of those that start to rearrange, with their segments.

    Attributes
    ----------
    value, segment : (n,)
        At risk, in the sampled frames.
    start_value, start_segment : (m,)
        Of every event.
    frames_per_sample : float
        Frames in which events are counted, for each sampled frame.
    """

    value: Array
    segment: Ints
    start_value: Array
    start_segment: Ints
    frames_per_sample: float

    def turned(self, sign: float) -> Tally:
        """Return the tally of the number times a sign."""
        return Tally(sign * self.value, self.segment, sign * self.start_value, self.start_segment, self.frames_per_sample)  # fmt: skip


def tally_of(
    value: Array,
    start_value: Array,
    starts: Starts,
    risk: AtRisk,
    *,
    n_frames: int,
    blocks: int,
    frames_per_sample: float,
) -> Tally:
    """Return who is at risk and who starts, those without a value left out.

    Parameters
    ----------
    value : (n, m) float
        In all sampled frames, of all centre particles.
    start_value : (e,) float
    starts : Starts
    risk : AtRisk
    n_frames, blocks : int
    frames_per_sample : float
    """
    sampled = value[risk.rows]
    there = risk.free & np.isfinite(sampled)
    segment = np.broadcast_to((risk.frames * blocks // n_frames)[:, None], there.shape)[there]
    known = np.isfinite(start_value)
    return Tally(
        sampled[there], segment, start_value[known], starts.frame[known] * blocks // n_frames, frames_per_sample
    )  # fmt: skip


def orientation(tally: Tally) -> float:
    """Return 1 if rearrangements become likelier with the number, −1 if they become rarer.

    Examples
    --------
    >>> zero, one = np.zeros(1, np.int64), np.zeros(9, np.int64)
    >>> orientation(Tally(np.arange(9.0), one, np.array([1.0]), zero, 1.0))
    -1.0
    """
    if not len(tally.start_value) or not len(tally.value):
        return 1.0
    ordered = np.sort(tally.value)
    below = np.searchsorted(ordered, tally.start_value, "left") + np.searchsorted(ordered, tally.start_value, "right")  # fmt: skip
    return 1.0 if below.mean() >= len(ordered) else -1.0


# -- one number, one temperature, one kind of event -------------------------------------------------------------------


def probability_of(tally: Tally, n_bins: int, blocks: int, temperature: float, interval: float) -> dict[str, Array]:  # fmt: skip
    """Return P_R with its interval, events, mean and quantile of each bin of equal exposure; NaN in bins that are not filled."""
    found: dict[str, Array] = {name: np.full(n_bins, np.nan) for name in (*_CURVE, "value", "quantile")}
    if len(tally.value) < n_bins or np.ptp(tally.value) == 0:
        return found
    edges = quantile_edges(tally.value, n_bins)
    counts = count(
        temperature,
        (tally.value, tally.segment),
        (tally.start_value, tally.start_segment),
        edges,
        n_segments=blocks,
        frames_per_sample=tally.frames_per_sample,
        interval=interval,
    )
    measured = rearrangement_probability(counts)
    n = measured.sizes["softness_bin"]
    for name in _CURVE:
        found[name][:n] = measured[name].values[0]
    found["value"][:n] = measured["softness"].values
    share = np.cumsum(measured["exposure"].values[0]) / measured["exposure"].values.sum()
    found["quantile"][:n] = share - 0.5 * np.diff(share, prepend=0.0)
    return found


def contrast_of(tally: Tally, blocks: int) -> dict[str, float]:
    """Return Q of a tally that is oriented, with its Poisson interval, its scatter between blocks, and the counts behind it.

    Groups lie more than one standard deviation from the mean over the particles at risk. The scatter is the jackknife error
    of ln Q over the blocks, times Q.
    """
    found = dict.fromkeys([*_CONTRAST, "contrast_bound"], float("nan"))
    if len(tally.value) < 2:
        return found
    mean, sd = tally.value.mean(), tally.value.std()
    sides = [tally.value > mean + sd, tally.value < mean - sd]
    start_sides = [tally.start_value > mean + sd, tally.start_value < mean - sd]
    exposure = np.array([np.bincount(tally.segment[s], minlength=blocks) for s in sides]) * tally.frames_per_sample  # fmt: skip
    events = np.array([np.bincount(tally.start_segment[s], minlength=blocks) for s in start_sides])
    (n_high, n_low), (e_high, e_low) = events.sum(axis=1), exposure.sum(axis=1)
    found |= {"events_high": float(n_high), "events_low": float(n_low)}
    try:
        q = q_ratio_from_counts(int(n_high), float(e_high), int(n_low), float(e_low))
    except TooFewEventsError:
        return found
    found |= {"contrast": q.value, "contrast_low": q.low, "contrast_high": q.high, "contrast_bound": _BOUND[q.bound]}  # fmt: skip
    found["contrast_block_error"] = q.value * _jackknife_of_log(events, exposure)
    return found


def _jackknife_of_log(events: NDArray[Any], exposure: Array) -> float:
    """Return the standard error of ln Q from leaving out each block, NaN where one block holds all events of a group."""
    k, n = events.sum(axis=1, keepdims=True) - events, exposure.sum(axis=1, keepdims=True) - exposure
    there = exposure.sum(axis=0) > 0
    if there.sum() < 2 or (k[:, there] <= 0).any() or (n[:, there] <= 0).any():
        return float("nan")
    logs = np.log(k[0] / n[0] * n[1] / k[1])[there]
    m = len(logs)
    return float(np.sqrt((m - 1) / m * ((logs - logs.mean()) ** 2).sum()))


def area_of(tally: Tally) -> dict[str, float]:
    """Return the area under the curve of starting against at risk, and its interval over segments; NaN without events."""
    n, m = len(tally.start_value), len(tally.value)
    found = dict.fromkeys(("area", "area_low", "area_high"), float("nan")) | {"events": float(n)}
    try:
        score = roc_area(
            np.concatenate([tally.start_value, tally.value]),
            np.concatenate([np.ones(n), np.zeros(m)]),
            np.concatenate([tally.start_segment, tally.segment]),
        )
    except TooFewEventsError:
        return found
    return found | {"area": score.value, "area_low": score.low, "area_high": score.high}


# -- all of them -------------------------------------------------------------------------------------------------------


def probability_datasets(
    tallies: list[dict[str, dict[str, Tally]]],
    temperatures: list[float],
    names: list[str],
    *,
    n_bins: int,
    blocks: int,
    interval: float,
) -> dict[str, xr.Dataset]:
    """Return P_R, Q and area of every number, at every temperature, for both kinds of event.

    A number is turned so that it favours events of the first kind at the coldest temperature, once for all.

    Parameters
    ----------
    tallies : list of dict
        For each temperature, coldest first: kind of event to name to tally.
    temperatures : list of float
    names : list of str
    n_bins, blocks : int
    interval : float, time

    Returns
    -------
    dict of str to xarray.Dataset
        "scalar_probability" (event_kind, scalar, temperature, quantile_bin) and "scalar_contrast" (event_kind, scalar,
        temperature), each with ``orientation`` (scalar).
    """
    import xarray as xr

    signs = [orientation(tallies[0][KINDS[0]][name]) for name in names]
    shape = (len(KINDS), len(names), len(temperatures))
    curves = {n: np.full((*shape, n_bins), np.nan) for n in (*_CURVE, "value", "quantile")}
    numbers = {n: np.full(shape, np.nan) for n in (*_CONTRAST, "contrast_bound", "area", "area_low", "area_high", "events")}  # fmt: skip
    for i, j, k in np.ndindex(*shape):
        tally = tallies[k][KINDS[i]][names[j]].turned(signs[j])
        for name, curve in probability_of(tally, n_bins, blocks, temperatures[k], interval).items():
            curves[name][i, j, k] = curve
        for name, value in (contrast_of(tally, blocks) | area_of(tally)).items():
            numbers[name][i, j, k] = value
    curves["value"] *= np.array(signs)[None, :, None, None]
    dims = ("event_kind", "scalar", "temperature")
    coords = {"event_kind": list(KINDS), "scalar": names, "temperature": temperatures}
    turned = {"orientation": ("scalar", signs)}
    return {
        "scalar_probability": xr.Dataset({n: ((*dims, "quantile_bin"), v) for n, v in curves.items()} | turned, coords),
        "scalar_contrast": xr.Dataset({n: (dims, v) for n, v in numbers.items()} | turned, coords),
    }  # fmt: skip
