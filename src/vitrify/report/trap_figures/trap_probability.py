"""Probability to rearrange against softness at each temperature, with the tied fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure, tidy
from vitrify.report.figures.style import axis_label, distances, labelled_axes, left_empty, number
from vitrify.report.trap_figures.lines import ENDS, draw_model, each_temperature

if TYPE_CHECKING:
    import xarray as xr


def probability_table(dataset: xr.Dataset) -> PlottedTable:
    """Return every bin with exposure: measured probability, its interval, events, and the model."""
    names = ["probability", "probability_lower", "probability_upper", "events", "exposure"]
    names += [f"probability_{end}" for end in ENDS if f"probability_{end}" in dataset]
    table = tidy(dataset, tuple(names))
    return table.where((table["exposure"] > 0) & np.isfinite(table["probability"]))


def plot_probability(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw P(R|S): points of temperatures that were fitted are full, of others open.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``trap_probability``.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes
    """
    ax = labelled_axes(ax, dataset["softness"], dataset["probability"])
    table = probability_table(dataset)
    seen = table.where(table["probability"] > 0)
    if left_empty(ax, dataset["probability"], len(seen)):
        return ax
    ax.set_yscale("log")
    temperatures = dataset["temperature"].values
    curves = each_temperature(table, temperatures, dataset)
    for (t, every, color, marker), fitted in zip(curves, dataset["fitted"].values.astype(bool), strict=True):
        curve = every.where(every["probability"] > 0)
        value = curve["probability"]
        ax.errorbar(
            curve["softness"], value, yerr=distances(value, curve["probability_lower"], curve["probability_upper"]),
            color=color, marker=marker, mfc=color if fitted else "white", ls="none", ms=3.8, elinewidth=0.9,
            label=number(t), gid="measured",
        )  # fmt: skip
        if fitted:
            draw_model(ax, every["softness"], every, "probability", color)
    ax.set_ylim(seen["probability"].min() / 3, min(1.5, seen["probability"].max() * 3))
    ax.legend(title=axis_label(dataset["temperature"]), loc="lower right", ncols=2, alignment="left")
    return ax


TRAP_PROBABILITY = ReportFigure(
    "trap_probability", ("trap_probability",), plot_probability, probability_table
)
