"""Decay of the overlap at each temperature, beside the persistence of the trap model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure
from vitrify.report.figures.style import FAINT, axes_or_new, axis_label, number, say_empty, symbol
from vitrify.report.trap_figures.lines import colors_of, compared_table, draw_model, draw_points, marker_of

if TYPE_CHECKING:
    import xarray as xr


def persistence_table(dataset: xr.Dataset) -> PlottedTable:
    """Return Q(t) of both at every positive time that was measured."""
    table = compared_table(dataset, ("overlap", "overlap_error"), ("overlap",))
    return table.where((table["lag"] > 0) & np.isfinite(table["overlap"]))


def plot_persistence(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw Q(t): points measured, lines the model with one factor of all rates.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``trap_persistence``.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes
    """
    ax = axes_or_new(ax)[0]
    table = persistence_table(dataset)
    ax.set_xlabel(axis_label(dataset["lag"]))
    ax.set_ylabel(axis_label(dataset["overlap"]))
    if not len(table):
        say_empty(ax, symbol(dataset["overlap"]))
        return ax
    ax.set_xscale("log")
    temperatures = np.unique(table["temperature"])
    for k, (t, color) in enumerate(zip(temperatures, colors_of(temperatures, dataset), strict=True)):
        curve = table.where(table["temperature"] == t)
        draw_model(ax, curve["lag"], curve, "overlap", color)
        matched = "*" if t == dataset.attrs.get("matching_temperature") else ""
        draw_points(
            ax, curve["lag"], curve["overlap"], curve["overlap_error"], color=color, marker=marker_of(k),
            label=f"{number(t)}{matched}", gid="overlap",
        )  # fmt: skip
    ax.axhline(np.exp(-1), color=FAINT, lw=0.8, ls=":", gid="level")
    ax.set_ylim(0, 1.05)
    ax.legend(
        title=axis_label(dataset["temperature"]),
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=4,
        alignment="left",
        borderaxespad=0.2,
    )
    return ax


TRAP_PERSISTENCE = ReportFigure(
    "trap_persistence", ("trap_persistence",), plot_persistence, persistence_table
)
