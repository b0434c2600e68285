"""Ageing of the trap model beside that of the liquid, and whether curves of different temperatures fall together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ParameterError
from vitrify.studies.trap_analysis import TrapAnalysis, band_of_rows
from vitrify.studies.trap_curves import band, equilibrium_mean
from vitrify.studies.trap_table import RIDOUT, interval_row
from vitrify.theory.ageing_collapse import arrival_times, collapse
from vitrify.theory.trap_model import TrapModel
from vitrify.theory.trap_model_ageing import age

if TYPE_CHECKING:
    import xarray as xr

    from vitrify.report.results import TableRow

Array = NDArray[np.float64]

_BOTH = ("temperature", "waiting_time")
_POINTS = 201  # softnesses of the master equation: means are then good to 1e-4
_MOST = 40  # resamples that bands are drawn from
_NOWHERE = 0.05  # part of the longest way to equilibrium that is none
_FEWEST_WAITS = 2
_LEAST_RANGE = 5.0  # factor of waiting times that curves must share to be compared
_KEPT = (
    "softness",
    "softness_mean",
    "softness_mean_error",
    "n_samples",
    "softness_initial",
    "softness_initial_error",
    "softness_equilibrium",
    "softness_equilibrium_error",
)


def with_model(found: TrapAnalysis | None, measured: xr.Dataset) -> xr.Dataset:
    """Return measured ⟨S⟩(t_w) with that of the trap model, at the same waiting times.

    Parameters
    ----------
    found : TrapAnalysis or None
        None where no model could be fitted.
    measured : xarray.Dataset
        From `vitrify.studies.ageing.ageing_curves`.

    Returns
    -------
    xarray.Dataset
        With softness_mean_model, softness_mean_low and softness_mean_high, NaN where the model has no equilibrium, and
        softness_resampled (temperature, waiting_time, resample).
    """
    kept = measured[list(_KEPT)]
    if found is None:
        return kept
    temperatures, waits = kept["temperature"].values, kept["waiting_time"].values
    initial = float(kept.attrs["initial_temperature"])
    of_fit = aged(found.model, initial, temperatures, waits)
    members = [aged(c, initial, temperatures, waits) for c in found.curves[:_MOST]]
    values = band_of_rows(of_fit, members)
    kept = kept.assign(band("softness_mean", _BOTH, values))
    kept["softness_resampled"] = ((*_BOTH, "resample"), np.stack(members, axis=-1))
    kept["softness_equilibrium_model"] = ("temperature", equilibrium_mean(found.model, temperatures))
    kept["softness_initial_model"] = ((), equilibrium_mean(found.model, np.array([initial]))[0])
    return kept


def aged(model: TrapModel, initial_temperature: float, temperatures: Array, waiting_times: Array) -> Array:
    """Return ⟨S⟩(t_w) of the model after quenches, (T, n); NaN where there is no equilibrium to age towards."""
    rows = np.full((len(temperatures), len(waiting_times)), np.nan)
    for row, t in zip(rows, temperatures, strict=True):
        try:
            with np.errstate(
                over="ignore"
            ):  # near T0 rates are all but equal, and only a sign is asked of 1 / difference
                found = age(model, initial_temperature, float(t), waiting_times, n_points=_POINTS)
        except ParameterError:
            continue
        row[:] = found["softness_mean"].values
    return rows


# -- do they fall together? ------------------------------------------------------------------------------------------


def ageing_rows(dataset: xr.Dataset, since: float) -> tuple[list[TableRow], list[str]]:
    """Return how far ageing curves of different temperatures lie apart, of the liquid and of the model.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `with_model`.
    since : float, time
        Waiting times before are left out: the thermostat has not cooled the liquid yet.
    """
    liquid = _Curves.of(dataset, ("softness", "softness_initial", "softness_equilibrium"))
    names = ("softness_resampled", "softness_initial_model", "softness_equilibrium_model")
    model = _Curves.of(dataset, names)
    begin = max(since, float(dataset["waiting_time"].values[0]))
    for both in ((liquid, model), (liquid,)):
        kinds = [one for one in both if one is not None]
        if liquid is None or len(kinds) < len(both):
            continue
        # the same temperatures and waiting times for both, as long as both are on their way
        ends = np.min([one.ends for one in kinds], axis=0)
        chosen = liquid.together(begin, ends)
        if chosen is not None:
            named = zip(("simulation", "trap model"), ("samples", "resamples"), kinds, strict=False)
            compared = [(w, one.collapse(chosen, m, begin, ends)) for w, m, one in named]
            return [row for words, found in compared for row in _collapse_rows(words, found)], []
    return [], [
        f"Ageing: fewer than two final temperatures age together for a factor {_LEAST_RANGE:g} of waiting times before they "
        "reach equilibrium; whether their curves fall together is not known."
    ]


@dataclass(frozen=True, eq=False)
class _Curves:
    """Ageing curves, (T, W, members), and when each has arrived, (T,)."""

    temperatures: Array
    waits: Array
    values: Array
    ends: Array

    @classmethod
    def of(cls, dataset: xr.Dataset, names: tuple[str, str, str]) -> _Curves | None:
        """Return the curves of a data set, None where it has none that are whole."""
        if names[0] not in dataset:
            return None
        values, initial, rest = (dataset[name].values for name in names)
        t, waits = dataset["temperature"].values, dataset["waiting_time"].values
        mean = np.array([_mean_of_whole(row) for row in values])
        if not np.isfinite(mean).any():
            return None
        ends = arrival_times(waits, mean, float(initial), rest)
        way = np.abs(rest - initial)  # a curve that has nowhere to go is there from the beginning
        absent = ~np.isfinite(mean).any(axis=1) | (way < _NOWHERE * np.nanmax(way, initial=0.0))
        ends = np.where(absent, 0.0, ends)
        return cls(t, waits, values, ends)

    def together(self, begin: float, ends: Array) -> NDArray[np.int64] | None:
        """Return the coldest curves that share a long enough range of waiting times before the first arrives."""
        order = np.argsort(self.temperatures)
        order = order[ends[order] >= _LEAST_RANGE * begin]
        for n in range(len(order), 1, -1):
            end = min(float(ends[order[:n]].min()), float(self.waits[-1]))
            inside = (self.waits >= begin) & (self.waits <= end)
            if end >= _LEAST_RANGE * begin and inside.sum() > _FEWEST_WAITS:
                return np.asarray(order[:n])
        return None

    def collapse(self, chosen: NDArray[np.int64], members: str, begin: float, ends: Array) -> xr.Dataset:
        """Return how far the chosen curves lie apart."""
        t, y = self.temperatures[chosen], self.values[chosen]
        return collapse(t, self.waits, y, members=members, since=begin, until=ends[chosen])


def _mean_of_whole(row: Array) -> Array:
    """Return the mean of (W, members) over those without a gap, NaN without any."""
    whole = np.isfinite(row).all(axis=0)
    return np.asarray(row[:, whole].mean(axis=1)) if whole.any() else np.full(len(row), np.nan)


def _collapse_rows(words: str, found: xr.Dataset) -> list[TableRow]:
    t = found["temperature"].values
    at = ", ".join(f"{x:g}" for x in t)
    trend, error = float(found["trend"]), float(found["trend_error"])
    members = f"{int(found['trend_n_members'])} {found.attrs['members']}"
    note = (
        f"T_F = {at}; {float(found['trend_begin']):.3g} ≤ t_w ≤ {float(found['trend_end']):.3g}; {members}; "
        f"{abs(float(found['trend_significance'])):.1f} standard errors from 0; negative: colder liquids age more slowly"
    )
    of_liquid = words == "simulation"
    source = f"{RIDOUT}, Fig. 5{'b' if of_liquid else 'd'} and text: curves {'roughly overlap' if of_liquid else 'do not'}"
    rows = [
        interval_row(
            f"ageing: d⟨S⟩ / dT_F at the same t_w, {words}",
            (trend, trend - error, trend + error),
            None,
            published=None if of_liquid else "< 0",
            source=source,
            note=note,
        )
    ]
    relative = np.abs(found["relative_difference"].values)
    if np.isfinite(relative).any():
        k = int(np.nanargmax(relative))
        one = found.isel(pair=k)
        hot, cold, fall = (float(one[n]) for n in ("temperature_hot", "temperature_cold", "fall"))
        apart, sigma = (abs(float(one[n])) / abs(fall) for n in ("difference", "difference_error"))
        rows.append(
            interval_row(
                f"ageing: largest difference of two curves over their fall, {words}",
                (apart, apart - sigma, apart + sigma),
                None,
                source=source,
                note=f"T_F = {hot:g} and {cold:g}, of {len(relative)} pairs; {abs(float(one['significance'])):.1f} standard "
                f"errors; mean over ln t_w; both fall by {fall:.2g} meanwhile",
            )
        )
    return rows
