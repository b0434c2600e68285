"""Everything that the report of the relaxation study shows, from what lies in the stores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ConvergenceError, ParameterError, ShapeError, TooFewEventsError
from vitrify.studies.relaxation_curves import relaxation_functions, relaxation_times
from vitrify.studies.relaxation_predictions import (
    Productive,
    counts_of,
    estimate_of,
    irreversible_of,
    relaxation_predictions,
    survivors_of,
    tally_of,
    watched_frames,
)
from vitrify.studies.relaxation_reading import CentreTrajectory
from vitrify.studies.relaxation_settings import RelaxationSettings
from vitrify.theory.displacing_events import events_behind_displacements
from vitrify.theory.held_out import held_out_temperature
from vitrify.theory.held_out_times import held_out_times
from vitrify.theory.log_quadratic import LogQuadratic
from vitrify.theory.overlap_prediction import initial_decay
from vitrify.theory.productive_fraction import Estimate, rearrangement_time
from vitrify.theory.productive_in_time import productive_in_time
from vitrify.theory.propagator import propagator
from vitrify.theory.rearrangement_probability import combine

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

FAILURES = (TooFewEventsError, ParameterError, ConvergenceError, ShapeError)

_SCAN_RESAMPLES = 12
_DISPLACEMENT_LAGS = 10
_ROUTES_SHOWN = ["naive", "gaussian"]


@dataclass
class OneTemperature:
    """What is measured at one temperature.

    Parameters
    ----------
    one : CentreTrajectory
    structure : xarray.Dataset
        From `vitrify.studies.relaxation_scalars.structure_of`.
    survivors : xarray.Dataset
    irreversible : xarray.Dataset
        f_irrev and f_irrev(S).
    prediction : xarray.Dataset, optional
        None where there are too few rearrangements.
    law : LogQuadratic, optional
    productive : Productive, optional
    """

    one: CentreTrajectory
    structure: xr.Dataset
    survivors: xr.Dataset
    irreversible: xr.Dataset
    prediction: xr.Dataset | None = None
    law: LogQuadratic | None = None
    productive: Productive | None = None

    @property
    def temperature(self) -> float:
        """Of the thermostat."""
        return self.one.temperature


def measure(
    trajectories: list[CentreTrajectory],
    structures: list[xr.Dataset],
    edges: Array,
    settings: RelaxationSettings,
) -> list[OneTemperature]:
    """Return survivors, f_irrev and the prediction of the overlap at each temperature, coldest first."""
    watched = watched_frames(settings, trajectories)
    found = []
    for one, structure, duration in zip(trajectories, structures, watched, strict=True):
        survivors = survivors_of(one, edges, settings)
        irreversible = irreversible_of(one, settings, duration, edges)
        made = OneTemperature(one, structure, survivors, irreversible)
        predicted = relaxation_predictions(
            one, structure, edges, settings, irreversible=estimate_of(irreversible), counts=survivors
        )
        if predicted is not None:
            made.prediction, made.law, made.productive = predicted
        found.append(made)
    return found


def stacked(pieces: list[tuple[float, xr.Dataset]]) -> xr.Dataset | None:
    """Return data sets of several temperatures as one, NaN where one lacks a lag; None if there is none."""
    import xarray as xr

    if not pieces:
        return None
    return xr.concat(
        [p for _, p in pieces],
        xr.Variable("temperature", [t for t, _ in pieces]),
        join="outer",
        data_vars="all",
        combine_attrs="override",
    )


def _plain(dataset: xr.Dataset) -> xr.Dataset:
    """Return a data set with one coordinate of softness for all temperatures: the middle of the bins."""
    if "softness_low" not in dataset.coords:
        return dataset
    middle = 0.5 * (dataset["softness_low"].values + dataset["softness_high"].values)
    return dataset.drop_vars(["softness", "softness_low", "softness_high"], errors="ignore").assign_coords(
        softness=("softness_bin", middle)
    )


def prediction_datasets(found: list[OneTemperature]) -> dict[str, xr.Dataset | None]:
    """Return the overlap and its prediction, of all particles and by softness."""
    pieces = [(m.temperature, _plain(m.prediction)) for m in found if m.prediction is not None]
    whole = stacked(pieces)
    if whole is None:
        return {}
    of_softness = [n for n in whole.data_vars if "of_softness" in str(n)]
    events = {m.temperature: m.productive.displacing.n for m in found if m.productive is not None}
    latest = {m.temperature: m.productive.latest for m in found if m.productive is not None}
    at = whole["temperature"].values
    overall = whole.drop_vars([*of_softness, "softness"], errors="ignore").assign(
        events=("temperature", [events[float(t)] for t in at]),
        latest=("temperature", [latest[float(t)] for t in at]),
    )
    by_softness = whole[of_softness].isel(temperature=0).sel(route="gaussian", calibration="early")
    by_softness = by_softness.drop_vars(["route", "calibration", "temperature"])
    return {
        "overlap_prediction": overall,
        "overlap_of_softness": by_softness.assign_attrs(temperature=float(at[0])),
    }


def propagator_dataset(found: list[OneTemperature], settings: RelaxationSettings) -> xr.Dataset | None:
    """Return the propagator of the coldest temperature."""
    cold = found[0]
    try:
        made = propagator(cold.survivors, settings.relaxation.resamples, settings.relaxation.seed)
    except TooFewEventsError:
        return None
    kept = made.drop_vars(["softness_low", "softness_high", "later_low", "later_high"])
    return kept.assign_attrs(temperature=cold.temperature, cutoff=settings.relaxation.cutoff)


def decay_dataset(found: list[OneTemperature], settings: RelaxationSettings) -> xr.Dataset | None:
    """Return the initial decay of q(S, t) beside c_a P_R(S), and c(t)."""
    pieces = []
    for m in found:
        if m.law is None or m.productive is None:
            continue
        c_a = m.productive.displacing
        r = settings.relaxation
        begin = initial_decay(m.survivors, m.law, c_a.value, c_a.error, n_resamples=r.resamples, seed=r.seed)
        n = m.survivors["known"].isel(lag=0).sum("segment").values
        begin = begin.assign(
            n=("softness_bin", n), mean_ratio=((), float(begin["productive"]) / c_a.value),
            mean_ratio_error=((), float(begin["productive_error"]) / c_a.value),
        ).drop_vars("softness")  # fmt: skip
        middle = 0.5 * (m.survivors["softness_low"].values + m.survivors["softness_high"].values)
        pieces.append((m.temperature, begin.assign_coords(softness=("softness_bin", middle))))
    return stacked(pieces)


def displacing_dataset(found: list[OneTemperature], settings: RelaxationSettings) -> xr.Dataset | None:
    """Return which events stand behind displacements beyond a, and c(t)."""
    pieces = []
    for m in found:
        lags = m.survivors["lag"].values
        chosen = lags[lags > 0]
        chosen = chosen[
            np.unique(
                np.linspace(0, len(chosen) - 1, min(_DISPLACEMENT_LAGS, len(chosen))).round().astype(int)
            )
        ]
        events = _of_rows(m.one)
        shares = events_behind_displacements(
            events, m.one.read, m.one.trajectory.times, settings.relaxation.cutoff, settings.thresholds, chosen
        )  # fmt: skip
        if m.law is not None:
            c = productive_in_time(m.survivors, m.law).reindex(lag=shares["lag"].values)
            shares = shares.assign({name: ("lag", c[name].values) for name in c.data_vars})
        else:
            nothing = np.full(shares.sizes["lag"], np.nan)
            shares = shares.assign(productive=("lag", nothing), productive_error=("lag", nothing))
        pieces.append((m.temperature, shares))
    return stacked(pieces)


def _of_rows(one: CentreTrajectory) -> xr.Dataset:
    """Return the events with particles counted among the centre particles, as `CentreTrajectory.read` gives them."""
    return one.events.assign(particle=("event", np.searchsorted(one.centre, one.events["particle"].values)))


def threshold_dataset(
    found: list[OneTemperature], edges: Array, settings: RelaxationSettings
) -> xr.Dataset | None:
    """Return how far the prediction is from the measurement for several p_c."""
    import xarray as xr

    pieces = []
    for m in found:
        rows = []
        for p_c in settings.thresholds:
            made = _distance(m, edges, settings, threshold=p_c)
            if made is not None:
                rows.append(made.expand_dims(threshold=[p_c]))
        if rows:
            whole = xr.concat(rows, "threshold").reindex(threshold=list(settings.thresholds))
            pieces.append((m.temperature, whole))
    return stacked(pieces)


def variation_dataset(
    found: list[OneTemperature], edges: Array, settings: RelaxationSettings
) -> xr.Dataset | None:
    """Return how far the prediction is from the measurement with another a, sparser softness, and survivors of the path."""
    import xarray as xr

    r = settings.relaxation
    if not r.variations:
        return None
    stride = settings.statistics.stride
    varied: dict[str, dict[str, Any]] = {
        f"a = {r.cutoff:g}": {},
        f"a = {r.other_cutoff:g}": {"cutoff": r.other_cutoff},
        f"softness every {2 * stride} frames": {"every": 2},
        f"softness every {4 * stride} frames": {"every": 4},
        "never away": {"path": True},
    }
    pieces = []
    for m in found:
        rows = []
        for name, how in varied.items():
            try:
                counts = survivors_of(m.one, edges, settings, **how)
            except FAILURES:
                continue
            made = _distance(m, edges, settings, counts=counts, cutoff=how.get("cutoff"))
            if made is not None:
                rows.append(made.expand_dims(variation=[name]))
        if rows:
            whole = xr.concat(rows, "variation").reindex(variation=list(varied))
            pieces.append((m.temperature, whole))
    return stacked(pieces)


def _distance(m: OneTemperature, edges: Array, settings: RelaxationSettings, **how: Any) -> xr.Dataset | None:
    how = {"counts": m.survivors, **how}
    made = relaxation_predictions(
        m.one,
        m.structure,
        edges,
        settings,
        irreversible=estimate_of(m.irreversible),
        n_resamples=min(_SCAN_RESAMPLES, settings.relaxation.resamples),
        **how,
    )
    if made is None:
        return None
    found, _, productive = made
    names = ["distance", "distance_error", "productive", "productive_error"]
    kept = found[names].sel(route=_ROUTES_SHOWN)
    return kept.assign(events=((), productive.displacing.n), displacing=((), productive.displacing.value))


def held_out_datasets(
    found: list[OneTemperature], edges: Array, fitted: list[float], settings: RelaxationSettings
) -> dict[str, xr.Dataset | None]:
    """Return the prediction of each temperature from the others, and of later times from earlier ones."""
    return {
        "held_out_temperature": _held_out_temperatures(found, edges, fitted, settings),
        "held_out_time": _held_out_times(found, settings),
    }


def all_counts(
    trajectories: list[CentreTrajectory],
    structures: list[xr.Dataset],
    edges: Array,
    settings: RelaxationSettings,
) -> xr.Dataset:
    """Return counts of rearrangements by softness at all temperatures."""
    r, p_c = settings.relaxation, settings.rearrangements.rearrangement_threshold
    return combine(
        [
            counts_of(one, tally_of(one, s, p_c, r.blocks), edges, r.blocks)
            for one, s in zip(trajectories, structures, strict=True)
        ]
    )


def _held_out_temperatures(
    found: list[OneTemperature], edges: Array, fitted: list[float], settings: RelaxationSettings
) -> xr.Dataset | None:
    counts = all_counts([m.one for m in found], [m.structure for m in found], edges, settings)
    quiet = counts.sel(temperature=fitted)
    middle = 0.5 * (counts["softness_low"].values + counts["softness_high"].values)
    pieces = [(t, _left_out(quiet, t, middle, settings)) for t in fitted]
    return stacked([(t, made) for t, made in pieces if made is not None])


def _left_out(
    quiet: xr.Dataset, temperature: float, middle: Array, settings: RelaxationSettings
) -> xr.Dataset | None:
    """Return the prediction of one temperature by barriers of every degree, NaN where one cannot be fitted."""
    import xarray as xr

    s, r, rows = settings.statistics, settings.relaxation, []
    for degree in r.degrees:
        try:
            made = held_out_temperature(quiet, temperature, degree, s.min_events, r.resamples, r.seed)
        except FAILURES:
            continue
        made = made.drop_vars("softness").assign_coords(softness=("softness_bin", middle))
        rows.append(made.drop_attrs(deep=False).expand_dims(degree=[degree]))
    return xr.concat(rows, "degree").reindex(degree=list(r.degrees)) if rows else None


def _held_out_times(found: list[OneTemperature], settings: RelaxationSettings) -> xr.Dataset | None:
    r, pieces = settings.relaxation, []
    for m in found:
        if m.law is None:
            continue
        lags = m.survivors["lag"].values
        positive = lags[lags > 0]
        latest = float(positive[0] ** (1 - r.held_out_share) * positive[-1] ** r.held_out_share)
        try:
            made = held_out_times(m.survivors, m.law, latest, max(r.resamples // 4, 8), r.seed)
        except FAILURES:
            continue
        pieces.append((m.temperature, made.drop_attrs(deep=False).assign(latest=((), latest))))
    return stacked(pieces)


def mobility_datasets(
    found: list[OneTemperature], settings: RelaxationSettings
) -> dict[str, xr.Dataset | None]:
    """Return correlation functions, relaxation times, f_irrev, c_a and τ_R against temperature."""
    curves = [(m.temperature, relaxation_functions(m.one, settings)) for m in found]
    times = [(t, relaxation_times(c, settings)) for t, c in curves]
    return {
        "relaxation_functions": stacked(curves),
        "relaxation_times": stacked(times),
        "irreversible": stacked([(m.temperature, _irreversible(m)) for m in found]),
    }


def _irreversible(m: OneTemperature) -> xr.Dataset:
    kept = m.irreversible.drop_attrs(deep=False).assign_attrs(
        {k: m.irreversible.attrs[k] for k in ("cutoff", "return_within", "window", "duration")}
    )
    middle = 0.5 * (kept["softness_low"].values + kept["softness_high"].values)
    kept = kept.drop_vars(["softness_low", "softness_high", "n_absent"]).assign_coords(
        softness=("softness_bin", middle)
    )
    try:
        duration = rearrangement_time(m.one.events)
    except TooFewEventsError:
        duration = Estimate(float("nan"), float("nan"), 0)
    c_a = (
        m.productive.displacing
        if m.productive is not None
        else Estimate(float("nan"), float("nan"), 0)
    )  # fmt: skip
    return kept.assign(
        duration=((), duration.value),
        duration_error=((), duration.error),
        displacing=((), c_a.value),
        displacing_error=((), c_a.error),
        events=((), duration.n),
    )
