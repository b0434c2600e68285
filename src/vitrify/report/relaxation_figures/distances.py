"""How far prediction and measurement are apart, against what the prediction leaves open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure
from vitrify.report.figures.style import axes_or_new, axis_label
from vitrify.report.relaxation_figures.drawing import (
    CALIBRATIONS,
    by_temperature,
    finite_table,
    nothing,
    points,
    with_error,
)

if TYPE_CHECKING:
    import xarray as xr

_NAMES = ("distance", "distance_error", "productive", "productive_error")


def distance_table(dataset: xr.Dataset) -> PlottedTable:
    """Return the distance of every temperature, route and calibration, with c."""
    return finite_table(dataset, _NAMES)


def plot_prediction_threshold(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw the distance against p_c, one panel per calibration of c; open and dashed, softness stays."""
    axes = axes_or_new(ax, 1, len(CALIBRATIONS))
    x = dataset["threshold"].values
    for panel, (calibration, title) in zip(axes, CALIBRATIONS.items(), strict=True):
        drawn = False
        for k, one, color, words in by_temperature(dataset.sel(calibration=calibration)):
            for route, style in (("gaussian", {"ls": "-"}), ("naive", {"ls": "--", "mfc": "white"})):
                curve = one.sel(route=route)
                label = words if route == "gaussian" else None
                drawn |= points(
                    panel, x, *with_error(curve, "distance"), color, k, gid=route, lw=0.9, label=label, **style
                )  # fmt: skip
        panel.set_title(title, fontsize=10)
        panel.set_xlabel(axis_label(dataset["threshold"]))
        panel.set_ylim(bottom=0)
        nothing(panel, dataset["distance"], drawn)
    axes[0].set_ylabel(axis_label(dataset["distance"]))
    if axes[-1].get_legend_handles_labels()[0]:
        axes[-1].plot([], [], color="k", ls="--", marker="o", mfc="white", ms=3.6, label="softness stays")
        axes[-1].legend(fontsize=8.5)
    _alike(axes)
    return axes


def _alike(axes: Any) -> None:
    highest = max(ax.get_ylim()[1] for ax in axes)
    for ax in axes:
        ax.set_ylim(0, highest)


def plot_prediction_variation(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw the distance of each variation side by side, one panel per calibration of c; open, softness stays."""
    axes = axes_or_new(ax, 1, len(CALIBRATIONS))
    names = [str(v) for v in dataset["variation"].values]
    rows = -np.arange(len(names), dtype=float)
    n = np.size(dataset["temperature"])
    for panel, (calibration, title) in zip(axes, CALIBRATIONS.items(), strict=True):
        drawn = False
        for k, one, color, words in by_temperature(dataset.sel(calibration=calibration)):
            shift = 0.5 * (k - (n - 1) / 2) / max(n, 1)
            for route, filled in (("gaussian", color), ("naive", "white")):
                value, error = with_error(one.sel(route=route), "distance")
                known = np.isfinite(value)
                drawn |= bool(known.any())
                panel.errorbar(
                    value[known], (rows - shift)[known], xerr=np.nan_to_num(error[known]), color=color, mfc=filled, marker="o",
                    ms=3.8, ls="none", elinewidth=0.9, gid=route, label=words if route == "gaussian" else None,
                )  # fmt: skip
        panel.set_yticks(rows, names if panel is axes[0] else [""] * len(names))
        panel.minorticks_off()
        panel.set_xlim(left=0)
        panel.set_title(title, fontsize=10)
        panel.set_xlabel(axis_label(dataset["distance"]))
        nothing(panel, dataset["distance"], drawn)
    if axes[-1].get_legend_handles_labels()[0]:
        axes[-1].legend(fontsize=8.5)
    return axes


PREDICTION_THRESHOLD = ReportFigure(
    "prediction_threshold",
    ("prediction_threshold",),
    plot_prediction_threshold,
    distance_table,
    (10.0, 3.8),
    (1, 3),
)
PREDICTION_VARIATION = ReportFigure(
    "prediction_variation",
    ("prediction_variation",),
    plot_prediction_variation,
    distance_table,
    (11.0, 3.8),
    (1, 3),
)
