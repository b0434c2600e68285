"""How often particles rearrange, along the trajectory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure, tidy
from vitrify.report.figures.style import INK, axes_or_new, axis_label, count, distances, say_empty, symbol

if TYPE_CHECKING:
    import xarray as xr


def rearrangement_rate_table(dataset: xr.Dataset) -> PlottedTable:
    """Return the rate of each segment with its error and the number of rearrangements."""
    table = tidy(dataset, ("rate", "rate_error", "events"))
    return table.where(np.isfinite(table["rate"]))


def plot_rearrangement_rate(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw the rate of rearrangement of each segment of the trajectory.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``rearrangement_rate``.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes
    """
    ax = axes_or_new(ax)[0]
    table = rearrangement_rate_table(dataset)
    ax.set_xlabel(axis_label(dataset["time"]))
    ax.set_ylabel(axis_label(dataset["rate"]))
    if not len(table):
        say_empty(ax, symbol(dataset["rate"]))
        return ax
    value, error = table["rate"], table["rate_error"]
    ax.errorbar(
        table["time"], value, yerr=distances(value, value - error, value + error), color=INK, marker="o", ls="none",
        gid="rate", label=f"{count(np.nansum(table['events']))} {dataset['events'].attrs.get('long_name', 'events')}",
    )  # fmt: skip
    ax.set_ylim(0, max(1.3 * float(np.nanmax(value + np.nan_to_num(error))), 1e-300))
    ax.legend(loc="upper left")
    return ax


REARRANGEMENT_RATE = ReportFigure(
    "rearrangement_rate", ("rearrangement_rate",), plot_rearrangement_rate, rearrangement_rate_table
)
