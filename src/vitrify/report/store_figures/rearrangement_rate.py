"""How often particles rearrange, along the trajectory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure, tidy
from vitrify.report.figures.style import INK, count, error_bars, labelled_axes, left_empty

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
    ax = labelled_axes(ax, dataset["time"], dataset["rate"])
    table = rearrangement_rate_table(dataset)
    if left_empty(ax, dataset["rate"], len(table)):
        return ax
    value, error = table["rate"], table["rate_error"]
    error_bars(
        ax, table["time"], value, error, color=INK, marker="o", ls="none", gid="rate",
        label=f"{count(np.nansum(table['events']))} {dataset['events'].attrs.get('long_name', 'events')}",
    )  # fmt: skip
    ax.set_ylim(0, max(1.3 * float(np.nanmax(value + np.nan_to_num(error))), 1e-300))
    ax.legend(loc="upper left")
    return ax


REARRANGEMENT_RATE = ReportFigure(
    "rearrangement_rate", ("rearrangement_rate",), plot_rearrangement_rate, rearrangement_rate_table
)
