"""Decay of the overlap, one curve per temperature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure, each_curve, tidy
from vitrify.report.figures.style import blue_to_red, error_bars, labelled_axes, left_empty, number, symbol

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
    ax = labelled_axes(ax, dataset["lag"], dataset["overlap"])
    table = overlap_table(dataset)
    if left_empty(ax, dataset["overlap"], len(table)):
        return ax
    ax.set_xscale("log")
    temperatures = np.unique(table["temperature"])
    colors = blue_to_red(temperatures, dataset.attrs.get("temperature_range"))
    for temperature, curve, color, marker in each_curve("temperature", table, temperatures, colors):
        error_bars(
            ax, curve["lag"], curve["overlap"], curve["overlap_error"], color=color, ms=3.4, marker=marker,
            elinewidth=0.9, gid="overlap", label=f"{symbol(dataset['temperature'])} $=$ {number(temperature)}",
        )  # fmt: skip
    ax.set_ylim(0, 1.05)
    ax.legend(loc="lower left")
    return ax


OVERLAP = ReportFigure("overlap", ("overlap",), plot_overlap, overlap_table)
