"""Dynamic susceptibility of the overlap, beside that of independent sites."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure
from vitrify.report.figures.style import FAINT, axes_or_new, axis_label, number, say_empty, symbol
from vitrify.report.trap_figures.lines import colors_of, compared_table, draw_model, draw_points, marker_of

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
    ax = axes_or_new(ax)[0]
    table = susceptibility_table(dataset)
    ax.set_xlabel(axis_label(dataset["lag"]))
    ax.set_ylabel(axis_label(dataset["chi4"]))
    positive = table.where(table["chi4"] > 0)
    if not len(positive):
        say_empty(ax, symbol(dataset["chi4"]))
        return ax
    ax.set_xscale("log")
    ax.set_yscale("log")
    temperatures = np.unique(table["temperature"])
    for k, (t, color) in enumerate(zip(temperatures, colors_of(temperatures, dataset), strict=True)):
        every, curve = (x.where(x["temperature"] == t) for x in (table, positive))
        draw_model(ax, every["lag"], every, "chi4", color)
        error = np.minimum(curve["chi4_error"], 0.9 * curve["chi4"])  # no bar to below nothing
        draw_points(
            ax,
            curve["lag"],
            curve["chi4"],
            error,
            color=color,
            marker=marker_of(k),
            label=number(t),
            gid="chi4",
        )
    ax.axhline(0.25, color=FAINT, lw=0.8, ls=":", gid="largest")
    ax.set_ylim(bottom=max(positive["chi4"].min() / 2, 1e-3))
    ax.legend(title=axis_label(dataset["temperature"]), loc="upper left", ncols=2, alignment="left")
    return ax


TRAP_SUSCEPTIBILITY = ReportFigure(
    "trap_susceptibility", ("trap_susceptibility",), plot_susceptibility, susceptibility_table
)
