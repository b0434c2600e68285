"""Probability to rearrange against softness, one curve per temperature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure, each_curve, tidy
from vitrify.report.figures.style import (
    INK,
    axis_label,
    blue_to_red,
    count,
    distances,
    labelled_axes,
    left_empty,
    number,
)

if TYPE_CHECKING:
    import xarray as xr

_COLUMNS = ("probability", "probability_low", "probability_high", "events", "exposure")


def rearrangement_probability_table(dataset: xr.Dataset) -> PlottedTable:
    """Return every bin that was visited: measured probability with its interval, events, and the fit.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``rearrangement_probability``.

    Returns
    -------
    PlottedTable
        Bins without exposure are left out; bins without events have probability 0 and an upper bound.
    """
    table = tidy(dataset, (*_COLUMNS, *(["fitted"] if "fitted" in dataset else [])))
    return table.where((table["exposure"] > 0) & np.isfinite(table["probability"]))


def plot_rearrangement_probability(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw P_R(S) per temperature with intervals, fits dashed, and bins without events as upper bounds.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``rearrangement_probability``; its attribute ``temperature_range`` fixes the colours.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes
    """
    ax = labelled_axes(ax, dataset["softness"], dataset["probability"])
    table = rearrangement_probability_table(dataset)
    if left_empty(ax, dataset["probability"], (table["probability"] > 0).any()):
        return ax
    ax.set_yscale("log")
    temperatures = np.unique(table["temperature"])
    colors = blue_to_red(temperatures, dataset.attrs.get("temperature_range"))
    for temperature, curve, color, marker in each_curve("temperature", table, temperatures, colors):
        n_events = count(np.nansum(curve["events"]))
        label = f"{number(temperature)}  ({n_events})" if np.isfinite(temperature) else n_events
        _draw_curve(ax, curve, color, marker, label)
    positive = table["probability"][table["probability"] > 0]
    ax.set_ylim(positive.min() / 3, min(1.5, positive.max() * 4))
    if "fitted" in dataset:
        words = str(dataset["fitted"].attrs.get("long_name", "fitted"))
        ax.plot([], [], color=INK, ls="--", lw=1, label=words)
    title = dataset["events"].attrs.get("long_name", "events")
    if np.isfinite(temperatures).any():
        title = f"{axis_label(dataset['temperature'])}  ({title})"
    columns = min(3, len(colors) + 1)
    ax.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        title=title,
        ncols=columns,
        alignment="left",
        borderaxespad=0.2,
    )
    return ax


def _draw_curve(ax: Any, curve: PlottedTable, color: Any, marker: str, label: str) -> None:
    """One temperature: points with bars, open triangles where nothing happened, the fit dashed."""
    some = curve.where(curve["probability"] > 0)
    ax.errorbar(
        some["softness"], some["probability"], color=color, marker=marker, ls="none", elinewidth=0.9, label=label,
        yerr=distances(some["probability"], some["probability_low"], some["probability_high"]), gid="measured",
    )  # fmt: skip
    none = curve.where((curve["probability"] == 0) & (curve["probability_high"] > 0))
    ax.plot(
        none["softness"],
        none["probability_high"],
        color=color,
        marker="v",
        mfc="none",
        ls="none",
        gid="upper_bound",
    )
    if "fitted" not in curve.columns:
        return
    fit = curve.where(curve["fitted"] > 0)
    ax.plot(fit["softness"], fit["fitted"], color=color, ls="--", lw=1, gid="fitted")


REARRANGEMENT_PROBABILITY = ReportFigure(
    "rearrangement_probability",
    ("rearrangement_probability",),
    plot_rearrangement_probability,
    rearrangement_probability_table,
)
