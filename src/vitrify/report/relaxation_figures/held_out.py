"""What was left out, and predicted: a temperature, and later times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure
from vitrify.report.figures.style import FAINT, axes_or_new, axis_label, legend_if_any
from vitrify.report.relaxation_figures.drawing import (
    ROUTES,
    alike,
    band,
    by_temperature,
    finite_table,
    joined,
    log_time,
    nothing,
    points,
    with_error,
)

if TYPE_CHECKING:
    import xarray as xr

_CLAIMED = 0.3


def held_out_temperature_table(dataset: xr.Dataset) -> PlottedTable:
    """Return ln P_R of each temperature, measured and predicted from the others, and the difference."""
    names = ("predicted", "predicted_error", "log_probability", "log_probability_error", "difference", "difference_error", "events")  # fmt: skip
    return finite_table(dataset, names)


def plot_held_out_temperature(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw ln P_R measured (points) and predicted (bands), and the difference below with the claim as a grey strip.

    One column for the lowest and one for the highest degree of the law.
    """
    axes = axes_or_new(ax, 2, 2)
    degrees = dataset["degree"].values
    for column, degree in enumerate((degrees.min(), degrees.max())):
        _draw_degree(dataset.sel(degree=degree), axes[column], axes[column + 2])
        axes[column].set_title(f"degree {int(degree)}", fontsize=10)
    for row in (0, 2):
        alike(axes[row : row + 2])
    axes[0].set_ylabel(axis_label(dataset["log_probability"]))
    axes[2].set_ylabel(axis_label(dataset["difference"]))
    legend_if_any(axes[0], fontsize=8.5)
    return axes


def _draw_degree(dataset: xr.Dataset, above: Any, below: Any) -> None:
    s, drawn = dataset["softness"].values, False
    for k, one, color, label in by_temperature(dataset):
        there = np.isfinite(one["log_probability"].values)
        drawn |= points(above, s, *with_error(one, "log_probability"), color, k, gid="measured", label=label)
        band(above, s[there], *with_error(one, "predicted", there), color, gid="predicted")
        points(below, s, *with_error(one, "difference"), color, k, gid="difference")
    below.axhspan(-_CLAIMED, _CLAIMED, color=FAINT, alpha=0.18, lw=0)
    below.axhline(0.0, color=FAINT, lw=0.8, ls=":")
    below.set_xlabel(axis_label(dataset["softness"]))
    nothing(above, dataset["log_probability"], drawn)


def held_out_time_table(dataset: xr.Dataset) -> PlottedTable:
    """Return the overlap, measured and predicted from earlier times."""
    measured = finite_table(dataset, ("measured", "measured_error"))
    predicted = finite_table(dataset, ("predicted", "predicted_error"))
    return joined(measured, predicted, finite_table(dataset, ("latest",)))


def plot_held_out_time(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw measured points, open where they were used, and predictions, one panel per route."""
    axes = axes_or_new(ax, 1, len(ROUTES))
    for panel, (route, title) in zip(axes, ROUTES.items(), strict=True):
        drawn = False
        for k, one, color, label in by_temperature(dataset):
            lags, latest = one["lag"].values, float(one["latest"])
            value, error = with_error(one, "measured")
            early, late = (lags > 0) & (lags <= latest), lags > latest
            points(panel, lags[early], value[early], error[early], color, k, gid="used", mfc="white")
            drawn |= points(
                panel, lags[late], value[late], error[late], color, k, gid="left_out", label=label
            )
            predicted = with_error(one.sel(route=route), "predicted", lags > 0)
            band(panel, lags[lags > 0], *predicted, color, gid="predicted")
        log_time(panel, dataset["lag"].values)
        panel.set_ylim(0, 1.05)
        panel.set_title(title, fontsize=10)
        panel.set_xlabel(axis_label(dataset["lag"]))
        nothing(panel, dataset["measured"], drawn)
    axes[0].set_ylabel(axis_label(dataset["measured"]))
    legend_if_any(axes[0], loc="lower left", fontsize=8.5)
    return axes


HELD_OUT_TEMPERATURE = ReportFigure(
    "held_out_temperature",
    ("held_out_temperature",),
    plot_held_out_temperature,
    held_out_temperature_table,
    (8.2, 6.2),
    (2, 2),
)
HELD_OUT_TIME = ReportFigure(
    "held_out_time", ("held_out_time",), plot_held_out_time, held_out_time_table, (8.6, 4.0), (1, 2)
)
