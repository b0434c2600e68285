"""Fraction of rearranging particles that are soft, against the cutoff."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure, tidy
from vitrify.report.figures.style import blue_to_red, labelled_axes, left_empty, number, symbol
from vitrify.report.onset_figures.drawing import densities, points

if TYPE_CHECKING:
    import xarray as xr


def soft_fraction_table(dataset: xr.Dataset) -> PlottedTable:
    """Return the fraction with its interval at every density and cutoff with rearrangements."""
    table = tidy(dataset, ("fraction", "low", "high", "events"))
    return table.where(np.isfinite(table["fraction"]))


def plot_soft_fraction(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw one curve per density.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``onset_soft``.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes
    """
    ax = labelled_axes(ax, dataset["cutoff"], dataset["fraction"])
    if left_empty(ax, dataset["fraction"], len(soft_fraction_table(dataset))):
        return ax
    colors = blue_to_red(dataset["density"].values)
    for k, (words, color) in enumerate(zip(densities(dataset), colors, strict=True)):
        here = dataset.isel(density=k)
        label = f"{words}, {symbol(dataset['coldest'])} = {number(float(here['coldest']))}"
        value, low, high = (here[name].values for name in ("fraction", "low", "high"))
        points(ax, dataset["cutoff"].values, value, low, high, k, color=color, label=label, gid="fraction")
    ax.legend(loc="lower right")
    return ax


SOFT_FRACTION = ReportFigure("soft_fraction", ("onset_soft",), plot_soft_fraction, soft_fraction_table)
