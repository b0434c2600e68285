"""Coefficients of ΔE and Σ, and the onset temperature, against the cutoff."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure, tidy
from vitrify.report.figures.style import axes_or_new, axis_label, blue_to_red, labelled_axes, left_empty
from vitrify.report.onset_figures.drawing import columns_of, cutoff_axis, densities, points

if TYPE_CHECKING:
    import xarray as xr


def coefficients_table(dataset: xr.Dataset, names: tuple[str, ...]) -> PlottedTable:
    """Return coefficients with their intervals at every density, definition and cutoff that has a fit."""
    columns = tuple(f"{name}{end}" for name in names for end in ("", "_low", "_high"))
    extra = ("e0_line",) if names == ("e0",) else ()
    table = tidy(dataset, (*columns, *extra, "events"))
    return table.where(np.isfinite(table[names[0]]))


def plot_coefficients(dataset: xr.Dataset, names: tuple[str, ...], ax: Any = None) -> Any:
    """Draw one row of panels per coefficient and one column per density.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``onset_cutoffs``.
    names : tuple of str
    ax : matplotlib axes, optional

    Returns
    -------
    ndarray of matplotlib axes
    """
    n = dataset.sizes["density"]
    axes = axes_or_new(ax, rows=len(names), columns=n)
    table, cutoff = coefficients_table(dataset, names), dataset["cutoff"].values
    for row, name in enumerate(names):
        for k, words in enumerate(densities(dataset)):
            panel, here = axes[row * n + k], dataset.isel(density=k)
            cutoff_axis(panel, cutoff)
            left_empty(panel, dataset[name], np.isfinite(here[name].values).any())
            for j, definition in enumerate(here["definition"].values):
                value, low, high = (here[f"{name}{end}"].values[j] for end in ("", "_low", "_high"))
                points(panel, cutoff, value, low, high, j, label=str(definition), gid=name)
            if row == 0:
                panel.set_title(words, fontsize=11)
            if k == 0:
                panel.set_ylabel(axis_label(dataset[name]))
    for panel in axes[-n:]:
        panel.set_xlabel(axis_label(dataset["cutoff"]))
    if len(table):
        axes[0].legend(loc="best")
    return axes


def shift_table(dataset: xr.Dataset) -> PlottedTable:
    """Return e0 with its interval and its line, by starts of rearrangements."""
    return coefficients_table(dataset.isel(definition=[0]), ("e0",))


def plot_shift(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw e0 against the cutoff, one colour per density.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``onset_cutoffs``; its first definition is drawn.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes
    """
    ax = labelled_axes(ax, dataset["cutoff"], dataset["e0"])
    cutoff_axis(ax, dataset["cutoff"].values)
    if left_empty(ax, dataset["e0"], len(shift_table(dataset))):
        return ax
    cutoff = dataset["cutoff"].values
    colors = blue_to_red(dataset["density"].values)
    for k, (words, color) in enumerate(zip(densities(dataset), colors, strict=True)):
        here = dataset.isel(density=k, definition=0)
        value, low, high = (here[f"e0{end}"].values for end in ("", "_low", "_high"))
        points(ax, cutoff, value, low, high, k, color=color, label=words, gid="e0")
        ax.plot(cutoff, here["e0_line"].values, color=color, ls="--", lw=0.9)
    ax.legend(loc="best")
    return ax


_SLOPES, _ONSET = ("e1", "sigma1"), ("onset_temperature",)
CUTOFF_SHIFT = ReportFigure("cutoff_shift", ("onset_cutoffs",), plot_shift, shift_table)
CUTOFF_SLOPES = ReportFigure(
    "cutoff_slopes", ("onset_cutoffs",), partial(plot_coefficients, names=_SLOPES),
    partial(coefficients_table, names=_SLOPES), size=(7.0, 5.0), panels=columns_of(2),
)  # fmt: skip
ONSET_CUTOFFS = ReportFigure(
    "onset_cutoffs", ("onset_cutoffs",), partial(plot_coefficients, names=_ONSET),
    partial(coefficients_table, names=_ONSET), size=(7.0, 3.6), panels=columns_of(1),
)  # fmt: skip
