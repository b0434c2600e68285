"""Whether rearrangements alone empty the overlap: the initial decay, and what stands behind displacements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure
from vitrify.report.figures.style import FAINT, axes_or_new, axis_label
from vitrify.report.relaxation_figures.drawing import (
    band,
    by_temperature,
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


def initial_decay_table(dataset: xr.Dataset) -> PlottedTable:
    """Return the initial decay of q(S, t), c_a P_R(S), and their ratio."""
    names = ("decay", "decay_error", "expected", "expected_error", "ratio", "ratio_error")
    return finite_table(dataset, names, remarks_of(dataset, "lag", "step"))


def plot_initial_decay(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw the initial decay with c_a P_R(S) as a band (above), and their ratio with the line 1 (below)."""
    axes = axes_or_new(ax, 2)
    drawn = False
    s = dataset["softness"].values
    for k, one, color, label in by_temperature(dataset):
        seen = one["decay"].values > np.nan_to_num(one["decay_error"].values)
        drawn |= points(axes[0], s[seen], *with_error(one, "decay", seen), color, k, gid="decay", label=label)
        there = np.isfinite(one["decay"].values)
        band(axes[0], s[there], *with_error(one, "expected", there), color, gid="expected", lw=1.0)
        known = seen & (one["ratio_error"].values < 0.5 * one["ratio"].values)
        points(axes[1], s[known], *with_error(one, "ratio", known), color, k, gid="ratio")
    axes[1].axhline(1.0, color=FAINT, lw=0.8, ls=":")
    axes[1].set_ylim(bottom=0)
    axes[1].set_xlabel(axis_label(dataset["softness"]))
    axes[0].set_ylabel(axis_label(dataset["decay"]))
    axes[1].set_ylabel(axis_label(dataset["ratio"]))
    nothing(axes[0], dataset["decay"], drawn)
    if drawn:
        axes[0].set_yscale("log")
        axes[0].legend(fontsize=8.5)
    return axes


def displacing_events_table(dataset: xr.Dataset) -> PlottedTable:
    """Return the shares of displacements, and c(t)."""
    below = finite_table(dataset, ("share_below", "share_below_error"), remarks_of(dataset, "cutoff"))
    added = finite_table(dataset, ("share_accumulated", "share_accumulated_error", "n"))
    return joined(below, added, finite_table(dataset, ("productive", "productive_error")))


def plot_displacing_events(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw the shares without an event above the highest threshold and without one longer than a, and c(t) below."""
    axes = axes_or_new(ax, 3)
    lags, drawn = dataset["lag"].values, False
    highest = int(np.argmax(dataset["threshold"].values))
    for k, one, color, label in by_temperature(dataset):
        below = with_error(one.isel(threshold=highest), "share_below")
        drawn |= points(axes[0], lags, *below, color, k, gid="share_below", label=label, ls="-", lw=0.8)
        for panel, name in ((axes[1], "share_accumulated"), (axes[2], "productive")):
            points(panel, lags, *with_error(one, name), color, k, gid=name, ls="-", lw=0.8)
    for panel, name in zip(axes, ("share_below", "share_accumulated", "productive"), strict=True):
        panel.set_ylabel(axis_label(dataset[name]).replace("displacements ", "displacements\n"), fontsize=10)
        panel.set_ylim(bottom=0)
        log_time(panel, lags)
    for panel in axes[:2]:
        panel.set_ylim(0, 1)
    axes[-1].set_xlabel(axis_label(dataset["lag"]))
    nothing(axes[0], dataset["share_below"], drawn)
    if drawn:
        axes[0].legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, fontsize=8.5)
    return axes


INITIAL_DECAY = ReportFigure(
    "initial_decay", ("initial_decay",), plot_initial_decay, initial_decay_table, (4.8, 6.0), (2, 1)
)
DISPLACING_EVENTS = ReportFigure(
    "displacing_events",
    ("displacing_events",),
    plot_displacing_events,
    displacing_events_table,
    (5.0, 7.6),
    (3, 1),
)
