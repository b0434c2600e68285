"""Probability to rearrange against inverse temperature for a few values of softness, and its collapse."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ShapeError
from vitrify.report.figures.base import PlottedTable, ReportFigure, each_curve, meaning
from vitrify.report.figures.style import (
    FAINT,
    INK,
    axes_or_new,
    axis_label,
    blue_to_red,
    distances,
    left_empty,
    number,
    symbol,
    with_unit,
)

if TYPE_CHECKING:
    import xarray as xr

_N_CURVES = 5


def arrhenius_lines_table(probability: xr.Dataset, arrhenius: xr.Dataset) -> PlottedTable:
    """Return P_R against 1/T for about five softness bins, with the Arrhenius line of each.

    Rows at the onset temperature T0, where the lines meet, carry the line alone (probability NaN).

    Parameters
    ----------
    probability, arrhenius : xarray.Dataset
        ``rearrangement_probability`` and ``arrhenius``, on the same softness bins.

    Returns
    -------
    PlottedTable

    Raises
    ------
    ShapeError
        If the two have different softness bins.
    """
    softness = arrhenius["softness"].values
    if not np.array_equal(softness, probability["softness"].values, equal_nan=True):
        raise ShapeError(
            f"`probability` has {probability.sizes['softness_bin']} softness bins and `arrhenius` {len(softness)}, or "
            "their centers differ. Fit on the bins that were measured."
        )
    rows = [_rows(probability, arrhenius, k) for k in _chosen_bins(probability, arrhenius)]
    empty = {name: np.empty(0) for name in _rows_meanings(probability, arrhenius)}
    columns = {name: np.concatenate([r[name] for r in rows]) for name in empty} if rows else empty
    return PlottedTable(columns, _rows_meanings(probability, arrhenius))


def _chosen_bins(probability: xr.Dataset, arrhenius: xr.Dataset) -> list[int]:
    """About five bins, evenly spread over those with a fit and events at every temperature, or at two, or at one."""
    fitted = (
        np.isfinite(arrhenius["softness"].values)
        & np.isfinite(arrhenius["energy_barrier"].values)
        & np.isfinite(arrhenius["log_prefactor"].values)
    )
    seen = (probability["probability"].transpose("temperature", "softness_bin").values > 0).sum(axis=0)
    used = fitted & arrhenius["used"].values.astype(bool)
    for enough in (used & (seen == seen.max(initial=0)) & (seen > 1), used & (seen > 1), fitted & (seen > 0)):
        good = np.flatnonzero(enough)
        if len(good) >= _N_CURVES:
            break
    if len(good) <= _N_CURVES:
        return [int(k) for k in good]
    return [int(good[k]) for k in np.linspace(0, len(good) - 1, _N_CURVES).round().astype(int)]


def drawn_onset(probability: xr.Dataset, arrhenius: xr.Dataset) -> float:
    """Return the onset temperature T0 if it is positive and below three times the hottest one, else NaN."""
    onset = float(arrhenius.attrs.get("T0", math.nan))
    hottest = float(np.nanmax(probability["temperature"].values, initial=-math.inf))
    return onset if 0 < onset < 3 * hottest else math.nan


def _rows(probability: xr.Dataset, arrhenius: xr.Dataset, k: int) -> dict[str, NDArray[Any]]:
    temperature = np.asarray(probability["temperature"].values, dtype=float)
    one = probability.isel(softness_bin=k)
    measured = {name: one[name].values.astype(float) for name in _MEASURED}
    onset = drawn_onset(probability, arrhenius)
    if math.isfinite(onset) and not np.any(temperature == onset):
        temperature = np.append(temperature, onset)
        measured = {name: np.append(values, np.nan) for name, values in measured.items()}
    order = np.argsort(-temperature)
    temperature = temperature[order]
    barrier = float(arrhenius["energy_barrier"].values[k])
    log_prefactor = float(arrhenius["log_prefactor"].values[k])
    reduced = barrier / temperature
    measured = {name: values[order] for name, values in measured.items()}
    return {
        "softness": np.full(len(temperature), float(arrhenius["softness"].values[k])),
        "temperature": temperature,
        "inverse_temperature": 1 / temperature,
        **measured,
        "arrhenius_line": np.exp(log_prefactor - reduced),
        "reduced_barrier": reduced,
        "reduced_probability": measured["probability"] * np.exp(-log_prefactor),
    }


_MEASURED = ("probability", "probability_low", "probability_high", "events")


def _rows_meanings(probability: xr.Dataset, arrhenius: xr.Dataset) -> dict[str, str]:
    return {
        "softness": meaning(probability["softness"]),
        "temperature": meaning(probability["temperature"]),
        "inverse_temperature": "1 / temperature",
        **{name: meaning(probability[name]) for name in _MEASURED},
        "arrhenius_line": "exp(log_prefactor - energy_barrier / temperature) of the bin",
        "reduced_barrier": "energy_barrier / temperature; " + meaning(arrhenius["energy_barrier"]),
        "reduced_probability": "probability / exp(log_prefactor); " + meaning(arrhenius["log_prefactor"]),
    }


def plot_arrhenius_lines(probability: xr.Dataset, arrhenius: xr.Dataset, ax: Any = None) -> Any:
    """Draw P_R against 1/T with Arrhenius lines, the onset temperature, and the collapse as an inset.

    Parameters
    ----------
    probability, arrhenius : xarray.Dataset
        ``rearrangement_probability`` and ``arrhenius``; attributes ``T0``, ``T0_low``, ``T0_high`` of the latter.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes
        The inset is its only child axes.
    """
    ax = axes_or_new(ax)[0]
    table = arrhenius_lines_table(probability, arrhenius)
    ax.set_xlabel(with_unit(f"$1/${symbol(probability['temperature'])}", probability["temperature"], -1))
    ax.set_ylabel(axis_label(probability["probability"]))
    measured = table.where(table["probability"] > 0)
    if left_empty(ax, probability["probability"], len(measured)):
        return ax
    ax.set_yscale("log")
    inset = ax.inset_axes((0.15, 0.1, 0.38, 0.36))
    values = np.unique(table["softness"])
    colors = blue_to_red(values)
    for softness, curve, color, marker in each_curve("softness", table, values, colors):
        label = f"{symbol(probability['softness'])} ${{=}}\\,{softness:+.2f}$"
        _draw_curve(ax, inset, curve, color, marker, label)
    _draw_onset(ax, drawn_onset(probability, arrhenius), arrhenius, table)
    _draw_collapse(inset, measured, probability, arrhenius)
    low, high = measured["probability"].min(), np.nanmax(table["arrhenius_line"])
    ax.set_ylim(low / (high / low) ** 0.75, high * 6)
    ax.legend(loc="upper right", ncols=2, columnspacing=1.0)
    return ax


def _draw_curve(ax: Any, inset: Any, curve: PlottedTable, color: Any, marker: str, label: str) -> None:
    some = curve.where(curve["probability"] > 0)
    ax.errorbar(
        some["inverse_temperature"], some["probability"], color=color, marker=marker, ls="none", elinewidth=0.9,
        yerr=distances(some["probability"], some["probability_low"], some["probability_high"]),
        label=label, gid="measured",
    )  # fmt: skip
    ax.plot(
        curve["inverse_temperature"],
        curve["arrhenius_line"],
        color=color,
        lw=1,
        ls="--",
        gid="arrhenius_line",
    )
    inset.plot(
        some["reduced_barrier"],
        some["reduced_probability"],
        color=color,
        marker=marker,
        ms=3,
        ls="none",
        gid="collapse",
    )


def _draw_onset(ax: Any, onset: float, arrhenius: xr.Dataset, table: PlottedTable) -> None:
    """Draw a line at 1/T0 and a band over its interval, if it is inside the drawn range."""
    if not math.isfinite(onset):
        return
    low, high = (float(arrhenius.attrs.get(name, math.nan)) for name in ("T0_low", "T0_high"))
    span = table["inverse_temperature"].max() - 1 / onset
    if 0 < low <= high:
        ax.axvspan(max(1 / high, 1 / onset - 0.2 * span), 1 / low, color=FAINT, alpha=0.18, lw=0)
    ax.axvline(1 / onset, color=FAINT, lw=0.9)
    ax.annotate(
        f"$1/T_0$,  $T_0 =$ {number(onset)}", (1 / onset, 0.97), xycoords=("data", "axes fraction"), xytext=(4, 0),
        textcoords="offset points", va="top", color=INK, fontsize=9.5,
    )  # fmt: skip


def _draw_collapse(
    inset: Any, measured: PlottedTable, probability: xr.Dataset, arrhenius: xr.Dataset
) -> None:
    reduced = np.sort(measured["reduced_barrier"])
    inset.plot(reduced, np.exp(-reduced), color=INK, lw=0.9, zorder=0, gid="exponential")
    inset.set_yscale("log")
    inset.set_xlabel(
        f"{symbol(arrhenius['energy_barrier'])}$/${symbol(probability['temperature'])}",
        fontsize=9,
        labelpad=1,
    )
    inset.set_ylabel("$P_R/P_0$", fontsize=9, labelpad=1)
    inset.yaxis.set_label_position("right")
    inset.tick_params(labelsize=8)
    inset.tick_params(axis="y", labelright=True, labelleft=False)


ARRHENIUS_LINES = ReportFigure(
    "arrhenius_lines",
    ("rearrangement_probability", "arrhenius"),
    plot_arrhenius_lines,
    arrhenius_lines_table,
)
