"""Dynamic susceptibility of the overlap, beside that of independent sites."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure
from vitrify.report.figures.style import FAINT, axis_label, labelled_axes, left_empty, number
from vitrify.report.trap_figures.lines import compared_table, draw_model, draw_points, each_temperature

if TYPE_CHECKING:
    import xarray as xr


def susceptibility_table(dataset: xr.Dataset) -> PlottedTable:
    """Return χ4(t) of both at every positive time."""
    table = compared_table(dataset, ("chi4", "chi4_error"), ("chi4",))
    return table.where((table["lag"] > 0) & np.isfinite(table["chi4"]))


def plot_susceptibility(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw χ4(t) on logarithmic axes: points measured, lines the model, a dotted line at 1/4.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``trap_susceptibility``.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes
    """
    ax = labelled_axes(ax, dataset["lag"], dataset["chi4"])
    table = susceptibility_table(dataset)
    positive = table.where(table["chi4"] > 0)
    if left_empty(ax, dataset["chi4"], len(positive)):
        return ax
    ax.set_xscale("log")
    ax.set_yscale("log")
    temperatures = np.unique(table["temperature"])
    for t, every, color, marker in each_temperature(table, temperatures, dataset):
        curve = every.where(every["chi4"] > 0)
        draw_model(ax, every["lag"], every, "chi4", color)
        error = np.minimum(curve["chi4_error"], 0.9 * curve["chi4"])  # no bar to below nothing
        draw_points(
            ax, curve["lag"], curve["chi4"], error, color=color, marker=marker, label=number(t), gid="chi4"
        )  # fmt: skip
    ax.axhline(0.25, color=FAINT, lw=0.8, ls=":", gid="largest")
    ax.set_ylim(bottom=max(positive["chi4"].min() / 2, 1e-3))
    ax.legend(title=axis_label(dataset["temperature"]), loc="upper left", ncols=2, alignment="left")
    return ax


TRAP_SUSCEPTIBILITY = ReportFigure(
    "trap_susceptibility", ("trap_susceptibility",), plot_susceptibility, susceptibility_table
)
