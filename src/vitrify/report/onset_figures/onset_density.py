"""Onset temperature against density, by every definition of P_R."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure, tidy
from vitrify.report.figures.style import labelled_axes, left_empty
from vitrify.report.onset_figures.drawing import COLORS, points

if TYPE_CHECKING:
    import xarray as xr

_APART = 0.002  # in density, between definitions
_ROOM = 0.02  # in density, at the ends


def onset_density_table(dataset: xr.Dataset) -> PlottedTable:
    """Return onset temperatures with their intervals, and the expected ones; infinite ends where there are none."""
    table = tidy(dataset, ("onset_temperature", "onset_low", "onset_high", "expected_onset"))
    return table.where(np.isfinite(table["onset_temperature"]))


def plot_onset_density(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw T0 of each density, definitions side by side.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``onset_density``.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes
    """
    ax = labelled_axes(ax, dataset["density"], dataset["onset_temperature"])
    table = onset_density_table(dataset)
    if left_empty(ax, dataset["onset_temperature"], len(table)):
        return ax
    for k, definition in enumerate(dataset["definition"].values):
        some = table.where(table["definition"] == definition)
        shifted = some["density"] + _APART * (k - 0.5 * (dataset.sizes["definition"] - 1))
        points(
            ax, shifted, some["onset_temperature"], some["onset_low"], some["onset_high"], k, label=str(definition),
            gid="onset",
        )  # fmt: skip
        known = np.isfinite(some["expected_onset"])
        ax.plot(
            some["density"][known],
            some["expected_onset"][known],
            color=COLORS[k % len(COLORS)],
            ls="--",
            lw=0.9,
        )
    ax.set_xlim(*dataset["density"].values[[0, -1]] + (-_ROOM, _ROOM))
    ax.margins(y=0.25)  # for the legend
    ax.legend(loc="best")
    return ax


ONSET_DENSITY = ReportFigure("onset_density", ("onset_density",), plot_onset_density, onset_density_table)
