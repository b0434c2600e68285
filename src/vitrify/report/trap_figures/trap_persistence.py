"""Decay of the overlap at each temperature, beside the persistence of the trap model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure
from vitrify.report.figures.style import FAINT, axis_label, labelled_axes, left_empty, number
from vitrify.report.trap_figures.lines import compared_table, draw_model, draw_points, each_temperature

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
    ax = labelled_axes(ax, dataset["lag"], dataset["overlap"])
    table = persistence_table(dataset)
    if left_empty(ax, dataset["overlap"], len(table)):
        return ax
    ax.set_xscale("log")
    temperatures = np.unique(table["temperature"])
    for t, curve, color, marker in each_temperature(table, temperatures, dataset):
        draw_model(ax, curve["lag"], curve, "overlap", color)
        matched = "*" if t == dataset.attrs.get("matching_temperature") else ""
        draw_points(
            ax, curve["lag"], curve["overlap"], curve["overlap_error"], color=color, marker=marker,
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
