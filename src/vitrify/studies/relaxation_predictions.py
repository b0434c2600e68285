"""From the softness of survivors and the rate of rearrangements to the overlap, for one state point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ConvergenceError, ParameterError, TooFewEventsError
from vitrify.rearrangements.events import at_risk
from vitrify.studies.relaxation_reading import CentreTrajectory
from vitrify.studies.relaxation_scalars import SOFTNESS
from vitrify.studies.relaxation_settings import RelaxationSettings
from vitrify.theory.held_out import calibrated, half_of_log_range
from vitrify.theory.log_quadratic import LogQuadratic
from vitrify.theory.overlap_prediction import ROUTES, OverlapPrediction, initial_decay
from vitrify.theory.productive_fraction import Estimate, IrreversibleFraction, displacing_fraction
from vitrify.theory.rearrangement_probability import count
from vitrify.theory.survivors import Survivors, resamples

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

CALIBRATIONS = ("counted", "initial", "early")
"""Where c comes from: c_a f_irrev counted over events; the initial decay; the decay up to the middle of the log range.

The last is found for the naive route on its own, and by the Gaussian route for the others.
"""

_CALIBRATION_RESAMPLES = 16
_RUNNING_MEANS = 8  # in a trajectory that is long
_OF_CALIBRATION = (
    "predicted",
    "predicted_error",
    "predicted_of_softness",
    "predicted_of_softness_error",
    "distance",
    "distance_error",
)


@dataclass(frozen=True)
class Tally:
    """A structural quantity of the particles at risk and of those that start to rearrange, with their segments.

    Parameters
    ----------
    value, segment : (n,)
        At risk, in the sampled frames.
    start_value, start_segment : (m,)
        Of every rearrangement.
    """

    value: Array
    segment: NDArray[np.int64]
    start_value: Array
    start_segment: NDArray[np.int64]


def tally_of(
    one: CentreTrajectory, structure: xr.Dataset, threshold: float, blocks: int, scalar: str = SOFTNESS
) -> Tally:
    """Return who is at risk of a rearrangement with p_hop above a threshold, who starts one, and their structure.

    Parameters
    ----------
    one : CentreTrajectory
    structure : xarray.Dataset
        From `vitrify.studies.relaxation_scalars.structure_of`.
    threshold : float, length squared
    blocks : int
    scalar : str
    """
    n = one.trajectory.n_particles
    free = at_risk(one.events, one.frames, n, threshold)[:, one.centre]
    sampled = (
        one.softness if scalar == SOFTNESS else structure["value"].values[_index(structure, "other", scalar)]
    )
    there = free & np.isfinite(sampled)
    segment = np.broadcast_to(one.segment(one.frames, blocks)[:, None], there.shape)[there]
    frame, particle = structure["frame"].values, structure["particle"].values
    start = structure["start_value"].values[_index(structure, "scalar", scalar)]
    kept = (structure["p_hop_max"].values > threshold) & np.isfinite(start)
    frames = np.unique(frame[kept])
    if len(frames):
        risk = at_risk(one.events, frames, n, threshold)
        kept[kept] &= risk[np.searchsorted(frames, frame[kept]), particle[kept]]
    return Tally(sampled[there], segment, start[kept], one.segment(frame[kept], blocks))


def _index(structure: xr.Dataset, dim: str, name: str) -> int:
    return structure[dim].values.tolist().index(name)


def counts_of(one: CentreTrajectory, tally: Tally, edges: Array, blocks: int) -> xr.Dataset:
    """Return the counts of one trajectory in bins of a structural quantity."""
    return count(
        one.temperature,
        (tally.value, tally.segment),
        (tally.start_value, tally.start_segment),
        edges,
        n_segments=blocks,
        frames_per_sample=one.place.settings.statistics.stride,
        interval=one.trajectory.frame_interval,
        units=one.trajectory.unit_system,
    )


def survivors_of(
    one: CentreTrajectory,
    edges: Array,
    settings: RelaxationSettings,
    *,
    cutoff: float | None = None,
    every: int = 1,
    path: bool = False,
) -> xr.Dataset:
    """Return the counts of survivors at lags between sampled frames.

    Parameters
    ----------
    one : CentreTrajectory
    edges : (n_bins + 1,) float
        Of softness.
    settings : RelaxationSettings
    cutoff : float, length, optional
        Other than that of the settings.
    every : int, default 1
        Only each so-many-th sampled frame.
    path : bool, default False
        Survivors are within the cutoff in every sampled frame, not only in the last.
    """
    r = settings.relaxation
    positions, softness = one.sampled_positions[::every], one.softness[::every]
    survivors = Survivors(r.cutoff if cutoff is None else cutoff, r.origins, r.blocks, path)
    return survivors.count(
        lambda a, b: positions[a:b],
        lambda a, b: softness[a:b],
        one.times[::every],
        edges,
        one.lags(r.lags_per_decade, every),
        units=one.trajectory.unit_system,
    )


def irreversible_of(
    one: CentreTrajectory, settings: RelaxationSettings, duration: int, edges: Array | None = None
) -> xr.Dataset:
    """Return f_irrev of one trajectory, and f_irrev(S) if there are edges.

    Parameters
    ----------
    one : CentreTrajectory
    settings : RelaxationSettings
    duration : int, frames
        The same for all temperatures that are compared.
    edges : (n_bins + 1,) float, optional
        Of softness.
    """
    r = settings.relaxation
    measure = IrreversibleFraction(r.running_mean, duration, r.cutoff, r.return_within)
    if edges is None:
        return measure.compute(one.read, one.trajectory.times, units=one.trajectory.unit_system)
    known = {int(t): k for k, t in enumerate(one.frames)}
    return measure.compute(
        one.read,
        one.trajectory.times,
        read_softness=lambda a, b: one.softness[[known[a]]] if b == a + 1 else one.softness[:0],
        edges=edges,
        frames=one.frames,
        units=one.trajectory.unit_system,
    )


def watched_frames(settings: RelaxationSettings, trajectories: list[CentreTrajectory]) -> list[int]:
    """Return for how many frames f_irrev is watched in each trajectory.

    The same for all that are long against the running mean, since what is watched for longer comes back more often; half of
    its frames in a shorter one.
    """
    r = settings.relaxation
    frames = [t.trajectory.n_frames for t in trajectories]
    long = [n for n in frames if n >= _RUNNING_MEANS * r.running_mean]
    common = min(r.watched, min(long or [max(frames)]) // 2)
    return [max(min(common, n // 2), r.running_mean + 1) for n in frames]


@dataclass(frozen=True)
class Productive:
    """c of every calibration and route, with its error.

    Parameters
    ----------
    value, error : (3, 4) float
        Calibrations as in `CALIBRATIONS`, routes as in `vitrify.theory.overlap_prediction.ROUTES`.
    displacing, irreversible : Estimate
        c_a and f_irrev.
    latest : float, time
        Up to which the calibration "early" looks.
    """

    value: Array
    error: Array
    displacing: Estimate
    irreversible: Estimate
    latest: float


def productive_of(
    counts: xr.Dataset,
    law: LogQuadratic,
    displacing: Estimate,
    irreversible: Estimate,
    *,
    n_resamples: int = _CALIBRATION_RESAMPLES,
    seed: int = 0,
) -> Productive:
    """Return c by every calibration; NaN where it cannot be found."""
    counted = displacing.times(irreversible)
    begin = initial_decay(
        counts, law, displacing.value, displacing.error, n_resamples=4 * n_resamples, seed=seed
    )
    latest = half_of_log_range(counts["lag"].values)
    value, error = np.full((2, len(CALIBRATIONS), len(ROUTES)), np.nan)
    value[0], error[0] = counted.value, counted.error
    value[1], error[1] = float(begin["productive"]), float(begin["productive_error"])
    value[2], error[2] = np.array(_early(counts, law, latest, "gaussian", n_resamples, seed))[:, None]
    naive = ROUTES.index("naive")
    value[2, naive], error[2, naive] = _early(counts, law, latest, "naive", n_resamples, seed)
    return Productive(value, np.nan_to_num(error), displacing, irreversible, latest)


def _early(
    counts: xr.Dataset, law: LogQuadratic, latest: float, route: str, n_resamples: int, seed: int
) -> tuple[float, float]:
    rng, drawn = np.random.default_rng(seed), []
    try:
        best = calibrated(counts, law, latest, route)
    except (TooFewEventsError, ParameterError):
        return float("nan"), float("nan")
    for weight in resamples(counts, n_resamples, rng):
        try:
            drawn.append(calibrated(counts, law, latest, route, weight))
        except (TooFewEventsError, ParameterError):
            continue
    return best, float(np.std(drawn, ddof=1)) if len(drawn) > 1 else float("nan")


def predict_overlap(
    counts: xr.Dataset, law: LogQuadratic, productive: Productive, *, n_resamples: int, seed: int
) -> xr.Dataset:
    """Return prediction, measurement and distance for every calibration of c, each route with its own c.

    Returns
    -------
    xarray.Dataset
        As of `OverlapPrediction.compute`; what is predicted, and distances, with the dimension calibration in front;
        ``productive`` and its error (calibration, route).
    """
    begin = float(productive.value[0, 0]), float(productive.error[0, 0])
    first = OverlapPrediction(*begin, n_resamples, seed=seed).compute(counts, law)
    stacks = {name: np.full((len(CALIBRATIONS), *first[name].shape), np.nan) for name in _OF_CALIBRATION}
    made: dict[float, xr.Dataset] = {begin[0]: first}
    for i in range(len(CALIBRATIONS)):
        for k in range(len(ROUTES)):
            c, error = float(productive.value[i, k]), float(productive.error[i, k])
            if not (np.isfinite(c) and c > 0):
                continue
            if c not in made:
                made[c] = OverlapPrediction(c, error, n_resamples, seed=seed).compute(counts, law)
            for name, stack in stacks.items():
                stack[i, k] = made[c][name].values[k]
    found = first.assign(
        {
            name: (("calibration", *first[name].dims), stack, first[name].attrs)
            for name, stack in stacks.items()
        }
    ).assign_coords(calibration=list(CALIBRATIONS))
    grid = ("calibration", "route")
    found = found.assign(productive=(grid, productive.value), productive_error=(grid, productive.error))
    return found.drop_attrs(deep=False).assign_attrs(cutoff=first.attrs["cutoff"])


def law_of(counts: xr.Dataset, temperature: float) -> LogQuadratic | None:
    """Return P_R(S) at a temperature, None where there are too few rearrangements for it."""
    try:
        return LogQuadratic.fit(counts, temperature)
    except (TooFewEventsError, ConvergenceError, ParameterError):
        return None


def relaxation_predictions(
    one: CentreTrajectory,
    structure: xr.Dataset,
    edges: Array,
    settings: RelaxationSettings,
    *,
    threshold: float | None = None,
    irreversible: Estimate | None = None,
    counts: xr.Dataset | None = None,
    n_resamples: int | None = None,
    cutoff: float | None = None,
) -> tuple[xr.Dataset, LogQuadratic, Productive] | None:
    """Return the predicted and the measured overlap of one state point, P_R(S) and c; None where nothing can be fitted.

    Parameters
    ----------
    one : CentreTrajectory
    structure : xarray.Dataset
        From `vitrify.studies.relaxation_scalars.structure_of`.
    edges : (n_bins + 1,) float
        Of softness.
    settings : RelaxationSettings
    threshold : float, length squared, optional
        p_c, by default that of the settings.
    irreversible : Estimate, optional
        f_irrev, measured where it is not given.
    counts : xarray.Dataset, optional
        From `survivors_of`, with the cutoff that is meant.
    n_resamples : int, optional
        By default those of the settings.
    cutoff : float, length, optional
        Other than that of the settings.
    """
    r = settings.relaxation
    p_c = settings.rearrangements.rearrangement_threshold if threshold is None else threshold
    if counts is None:
        counts = survivors_of(one, edges, settings, cutoff=cutoff)
    law = law_of(counts_of(one, tally_of(one, structure, p_c, r.blocks), edges, r.blocks), one.temperature)
    if law is None:
        return None
    if irreversible is None:
        found = irreversible_of(one, settings, watched_frames(settings, [one])[0])
        irreversible = estimate_of(found)
    try:
        displacing = displacing_fraction(one.events, r.cutoff if cutoff is None else cutoff, p_c)
    except TooFewEventsError:
        return None
    n = r.resamples if n_resamples is None else n_resamples
    try:
        c = productive_of(
            counts, law, displacing, irreversible, n_resamples=min(n, _CALIBRATION_RESAMPLES), seed=r.seed
        )
        return predict_overlap(counts, law, c, n_resamples=n, seed=r.seed), law, c
    except ParameterError:
        return None


def estimate_of(found: xr.Dataset) -> Estimate:
    """Return f_irrev with its error; 1, with the error that no return among them leaves, where nothing went away."""
    value: Any = float(found["irreversible_fraction"])
    n = int(found["n_away"])
    if not np.isfinite(value):
        return Estimate(1.0, 0.0, 0)
    error = float(found["irreversible_fraction_error"])
    return Estimate(value, error if np.isfinite(error) else 1 / np.sqrt(max(n, 1)), n)
