"""The overlap, measured and predicted from softness (paper: Fig. 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure, tidy
from vitrify.report.figures.style import axes_or_new, axis_label, blue_to_red, legend_if_any, number, symbol
from vitrify.report.relaxation_figures.drawing import (
    CALIBRATIONS,
    ROUTES,
    band,
    by_temperature,
    chosen_bins,
    finite_table,
    joined,
    log_time,
    nothing,
    points,
    remarks_of,
    with_error,
)

if TYPE_CHECKING:
    import xarray as xr


def overlap_prediction_table(dataset: xr.Dataset) -> PlottedTable:
    """Return the measured overlap, and the predictions by every route and calibration of c."""
    measured = finite_table(dataset, ("measured", "measured_error"), remarks_of(dataset, "cutoff"))
    predicted = finite_table(dataset, ("predicted", "predicted_error"))
    c = tidy(dataset, ("distance", "distance_error", "productive", "productive_error"))
    return joined(measured, predicted, c)


def plot_overlap_prediction(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw measured points and predicted bands: one column per route, one row per calibration of c.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``overlap_prediction``.
    ax : six matplotlib axes, optional

    Returns
    -------
    (6,) ndarray of matplotlib axes
    """
    axes = axes_or_new(ax, len(CALIBRATIONS), len(ROUTES))
    for place, (calibration, route) in enumerate((c, r) for c in CALIBRATIONS for r in ROUTES):
        panel, drawn = axes[place], False
        for k, one, color, label in by_temperature(dataset):
            found = one.sel(route=route, calibration=calibration)
            later = one["lag"].values > 0
            lags = one["lag"].values[later]
            drawn |= points(
                panel, lags, *with_error(one, "measured", later), color, k, gid="measured", label=label
            )
            band(panel, lags, *with_error(found, "predicted", later), color, gid="predicted")
        log_time(panel, dataset["lag"].values)
        panel.set_ylim(0, 1.05)
        panel.set_title(f"{ROUTES[route]}; {CALIBRATIONS[calibration]}", fontsize=10)
        if place % len(ROUTES) == 0:
            panel.set_ylabel(axis_label(dataset["measured"]))
        if place >= len(ROUTES) * (len(CALIBRATIONS) - 1):
            panel.set_xlabel(axis_label(dataset["lag"]))
        nothing(panel, dataset["measured"], drawn)
    legend_if_any(axes[0], loc="lower left", fontsize=8.5)
    return axes


def overlap_of_softness_table(dataset: xr.Dataset) -> PlottedTable:
    """Return q(S, t), measured and predicted, for every softness."""
    names = ("measured_of_softness", "predicted_of_softness")
    return finite_table(dataset, (*names, *(f"{n}_error" for n in names)), remarks_of(dataset, "temperature"))


def plot_overlap_of_softness(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw q(S, t) for a few values of softness: points measured, bands predicted with the propagator."""
    ax = axes_or_new(ax)[0]
    softness = dataset["softness"].values
    known = np.isfinite(dataset["predicted_of_softness"].values).sum(axis=1).astype(float)
    bins = chosen_bins(known, softness, least=2.0)
    drawn = False
    for k, (b, color) in enumerate(zip(bins, blue_to_red(softness[bins]), strict=True)):
        later = dataset["lag"].values > 0
        lags, one = dataset["lag"].values[later], dataset.isel(softness_bin=b)
        label = f"{symbol(dataset['softness'])} $=$ {number(softness[b], 2)}"
        measured = with_error(one, "measured_of_softness", later)
        drawn |= points(ax, lags, *measured, color, k, gid="measured", label=label)
        band(ax, lags, *with_error(one, "predicted_of_softness", later), color, gid="predicted")
    log_time(ax, dataset["lag"].values)
    ax.set_xlabel(axis_label(dataset["lag"]))
    ax.set_ylabel(axis_label(dataset["measured_of_softness"]))
    ax.set_ylim(0, 1.05)
    nothing(ax, dataset["measured_of_softness"], drawn)
    if drawn:
        ax.legend(loc="lower left", fontsize=8.5)
    return ax


OVERLAP_PREDICTION = ReportFigure(
    "overlap_prediction",
    ("overlap_prediction",),
    plot_overlap_prediction,
    overlap_prediction_table,
    (8.6, 9.2),
    (3, 2),
)
OVERLAP_OF_SOFTNESS = ReportFigure(
    "overlap_of_softness", ("overlap_of_softness",), plot_overlap_of_softness, overlap_of_softness_table
)
