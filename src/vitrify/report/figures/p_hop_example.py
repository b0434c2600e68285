"""A typical trajectory of the hop indicator of one particle, with the thresholds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure, tidy
from vitrify.report.figures.style import FAINT, HARD, INK, SOFT, axes_or_new, axis_label, left_empty, number

if TYPE_CHECKING:
    import xarray as xr

_THRESHOLDS = (("event_threshold", FAINT, ":"), ("rearrangement_threshold", SOFT, "--"))


def p_hop_example_table(dataset: xr.Dataset) -> PlottedTable:
    """Return the hop indicator and the displacement of one particle at every frame.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``p_hop_example``.

    Returns
    -------
    PlottedTable
    """
    table = tidy(dataset, ("p_hop", "displacement"))
    names = ("particle", "temperature", "event_threshold", "rearrangement_threshold")
    remarks = tuple(f"{name} = {dataset.attrs[name]!r}" for name in names if name in dataset.attrs)
    return PlottedTable(table.columns, table.meanings, remarks)


def plot_p_hop_example(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw p_hop(t) with its thresholds above the displacement.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``p_hop_example``; thresholds are its attributes.
    ax : two matplotlib axes, optional

    Returns
    -------
    ndarray of two matplotlib axes
    """
    axes = axes_or_new(ax, rows=2)
    table = p_hop_example_table(dataset)
    for panel, name, color in ((axes[0], "p_hop", INK), (axes[1], "displacement", HARD)):
        panel.set_ylabel(axis_label(dataset[name]))
        if not left_empty(panel, dataset[name], np.isfinite(table[name]).any()):
            panel.plot(table["time"], table[name], color=color, lw=0.9, gid=name)
    for name, color, style in _THRESHOLDS:
        value = float(dataset.attrs.get(name, math.nan))
        if math.isfinite(value):
            label = f"{name.replace('_', ' ')} {number(value)}"
            axes[0].axhline(value, color=color, lw=1, ls=style, label=label, gid=name)
    axes[0].set_ylim(bottom=0)
    axes[1].set_ylim(bottom=0)
    if axes[0].get_legend_handles_labels()[1]:
        axes[0].set_ylim(0, axes[0].get_ylim()[1] * 1.25)
        axes[0].legend(loc="upper left", ncols=2)
    axes[1].set_xlabel(axis_label(dataset["time"]))
    return axes


P_HOP_EXAMPLE = ReportFigure(
    "p_hop_example", ("p_hop_example",), plot_p_hop_example, p_hop_example_table, panels=(2, 1)
)
