"""ROC curves and calibration of the best predictions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure, tidy
from vitrify.report.figures.style import (
    FAINT,
    HARD,
    INK,
    MARKERS,
    SOFT,
    axes_or_new,
    axis_label,
    legend_if_any,
    say_empty,
)

if TYPE_CHECKING:
    import xarray as xr

_BEST = 6
_COLORS = (SOFT, HARD, INK, "#fdb366", "#6ea6cd", FAINT)
_CALIBRATED = (0.5, 2.0)


def _best(dataset: xr.Dataset) -> xr.Dataset:
    """Return the best predictions of the species that they are ranked by; the data set has them in order."""
    one = dataset.sel(species=dataset.attrs["ranked_species"])
    return one.isel(prediction=slice(0, _BEST))


def _table(dataset: xr.Dataset, names: tuple[str, ...]) -> PlottedTable:
    table = tidy(dataset.sel(species=dataset.attrs["ranked_species"]), names)
    return table.where(np.isfinite(table[names[0]]))


def roc_table(dataset: xr.Dataset) -> PlottedTable:
    """Return the ROC curve of every prediction."""
    return _table(dataset, ("true_rate", "true_rate_error"))


def calibration_table(dataset: xr.Dataset) -> PlottedTable:
    """Return predicted and measured means of every prediction in its bins."""
    return _table(dataset, ("measured", "measured_error", "predicted", "share", "n"))


def _each(dataset: xr.Dataset) -> Iterator[tuple[xr.Dataset, str, Any, str]]:
    for k, name in enumerate(_best(dataset)["prediction"].values.tolist()):
        words = name.replace("$", "") if len(name) < 40 else name[:38] + "…"
        yield _best(dataset).isel(prediction=k), words, _COLORS[k], MARKERS[k]


def plot_roc(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw the ROC curves of the best predictions with their bands."""
    ax = axes_or_new(ax)[0]
    ax.set_xlabel(axis_label(dataset["false_rate"]))
    ax.set_ylabel(axis_label(dataset["true_rate"]))
    ax.plot([0, 1], [0, 1], color=FAINT, lw=0.8, ls=":")
    drawn = False
    for one, words, color, _ in _each(dataset):
        value, error = one["true_rate"].values, np.nan_to_num(one["true_rate_error"].values)
        if not np.isfinite(value).any():
            continue
        drawn = True
        rate = one["false_rate"].values
        ax.plot(rate, value, color=color, lw=1.2, label=words, gid="true_rate")
        ax.fill_between(rate, value - error, value + error, color=color, alpha=0.15, lw=0)
    if not drawn:
        say_empty(ax, "the curve")
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1.01)
    legend_if_any(ax, loc="lower right", fontsize=8)
    return ax


def plot_calibration(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw measured means against the rank of the prediction (left) and against the prediction (right)."""
    axes = axes_or_new(ax, 1, 2)
    axes[0].set_xlabel(axis_label(dataset["share"]))
    axes[1].set_xlabel(axis_label(dataset["predicted"]))
    axes[0].set_ylabel(axis_label(dataset["measured"]))
    drawn = [0, 0]
    for one, words, color, marker in _each(dataset):
        drawn[0] += _points(axes[0], one, "share", color, marker, words)
        if _in_units_of_measured(one):
            drawn[1] += _points(axes[1], one, "predicted", color, marker, words)
    for panel, any_drawn in zip(axes, drawn, strict=True):
        if not any_drawn:
            say_empty(panel, "predictions in the unit of what is measured" if drawn[0] else "measured")
    if drawn[1]:
        ends = [
            max(axes[1].get_xlim()[0], axes[1].get_ylim()[0]),
            min(axes[1].get_xlim()[1], axes[1].get_ylim()[1]),
        ]
        axes[1].plot(ends, ends, color=FAINT, lw=0.8, ls=":", gid="diagonal")
    legend_if_any(axes[0], loc="upper left", fontsize=8)
    return axes


def _in_units_of_measured(one: xr.Dataset) -> bool:
    """Return whether a prediction has about the slope and the values of what is measured."""
    predicted, measured = one["predicted"].values, one["measured"].values
    inside = np.nanmin(measured) <= np.nanmean(predicted) <= np.nanmax(measured)
    return bool(_CALIBRATED[0] <= float(one["slope"]) <= _CALIBRATED[1] and inside)


def _points(panel: Any, one: xr.Dataset, along: str, color: Any, marker: str, words: str) -> bool:
    x, y = one[along].values, one["measured"].values
    known = np.isfinite(x) & np.isfinite(y)
    if not known.any():
        return False
    panel.errorbar(
        x[known], y[known], yerr=np.nan_to_num(one["measured_error"].values[known]), color=color, marker=marker,
        ms=3.6, lw=0.9, elinewidth=0.9, label=words, gid="measured",
    )  # fmt: skip
    return True


BENCHMARK_ROC = ReportFigure("benchmark_roc", ("benchmark_roc",), plot_roc, roc_table, (4.8, 4.4))
BENCHMARK_CALIBRATION = ReportFigure(
    "benchmark_calibration",
    ("benchmark_calibration",),
    plot_calibration,
    calibration_table,
    (8.6, 4.0),
    (1, 2),
)
