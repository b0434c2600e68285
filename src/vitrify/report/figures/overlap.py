"""Decay of the overlap, one curve per temperature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure, tidy
from vitrify.report.figures.style import (
    MARKERS,
    axes_or_new,
    axis_label,
    blue_to_red,
    distances,
    number,
    say_empty,
    symbol,
)

if TYPE_CHECKING:
    import xarray as xr


def overlap_table(dataset: xr.Dataset) -> PlottedTable:
    """Return q(t) with its error at every positive time.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``overlap``.

    Returns
    -------
    PlottedTable
    """
    table = tidy(dataset, ("overlap", "overlap_error"))
    table = table.where(np.isfinite(table["overlap"]) & (table["lag"] > 0))
    remarks = (f"cutoff = {dataset.attrs['cutoff']!r}",) if "cutoff" in dataset.attrs else ()
    return PlottedTable(table.columns, table.meanings, remarks)


def plot_overlap(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw q(t) per temperature on a logarithmic time axis.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``overlap``; its attribute ``temperature_range`` fixes the colours.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes
    """
    ax = axes_or_new(ax)[0]
    table = overlap_table(dataset)
    ax.set_xlabel(axis_label(dataset["lag"]))
    ax.set_ylabel(axis_label(dataset["overlap"]))
    if not len(table):
        say_empty(ax, symbol(dataset["overlap"]))
        return ax
    ax.set_xscale("log")
    temperatures = np.unique(table["temperature"])
    colors = blue_to_red(temperatures, dataset.attrs.get("temperature_range"))
    for k, (temperature, color) in enumerate(zip(temperatures, colors, strict=True)):
        curve = table.where(table["temperature"] == temperature)
        value, error = curve["overlap"], curve["overlap_error"]
        ax.errorbar(
            curve["lag"], value, yerr=distances(value, value - error, value + error), color=color, ms=3.4,
            marker=MARKERS[k % len(MARKERS)], elinewidth=0.9, gid="overlap",
            label=f"{symbol(dataset['temperature'])} $=$ {number(temperature)}",
        )  # fmt: skip
    ax.set_ylim(0, 1.05)
    ax.legend(loc="lower left")
    return ax


OVERLAP = ReportFigure("overlap", ("overlap",), plot_overlap, overlap_table)
