"""How many functions, and how many configurations, a prediction needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure
from vitrify.report.figures.style import MARKERS, axes_or_new, axis_label, legend_if_any
from vitrify.report.propensity_figures.drawing import (
    color_of,
    dress,
    family,
    names,
    nearest,
    of_species,
    title_of,
)
from vitrify.report.relaxation_figures.drawing import (
    band,
    finite_table,
    joined,
    nothing,
    remarks_of,
    with_error,
)

if TYPE_CHECKING:
    import xarray as xr

_ORDER = 2  # of the models whose functions are selected from


def _whole(scores: xr.Dataset, selection: xr.Dataset) -> xr.Dataset:
    """Return the regressions on all functions up to order 2, of the kinds and at the time of the selection."""
    at = scores.isel(
        time=nearest(scores["time"].values, selection.attrs.get("time", scores.attrs.get("relaxation_time")))
    )
    mine = [
        c for c, (kind, order) in enumerate(zip(names(at, "kind"), at["order"].values, strict=True))
        if int(order) == _ORDER and kind in names(selection, "kind")
    ]  # fmt: skip
    return family(at.isel(case=mine))


def propensity_selection_table(selection: xr.Dataset, scores: xr.Dataset) -> PlottedTable:
    """Return Pearson and the function of every step, and Pearson with all functions."""
    names_of = ("pearson", "pearson_error")
    steps = finite_table(selection, (*names_of, "feature"), remarks_of(selection, "time"))
    return joined(steps, finite_table(_whole(scores, selection), names_of))


def plot_propensity_selection(selection: xr.Dataset, scores: xr.Dataset, ax: Any = None) -> Any:
    """Draw Pearson against the number of selected functions; dashed, with all of them.

    Parameters
    ----------
    selection, scores : xarray.Dataset
        ``propensity_selection`` and ``propensity_scores``.
    ax : matplotlib axes, optional
        One column per species.

    Returns
    -------
    ndarray of matplotlib axes
    """
    axes = _draw_kinds(selection, "step", ax)
    whole = _whole(scores, selection)
    for panel, species in zip(axes, names(selection, "species"), strict=False):
        if selection.sizes["step"] > 1:
            panel.set_xscale("log")
        if species not in names(whole, "species"):
            continue
        for kind, value in zip(
            names(whole, "kind"), whole["pearson"].sel(species=species).values, strict=True
        ):
            if np.isfinite(value):
                panel.axhline(value, color=color_of(kind), lw=0.9, ls="--", gid="all functions")
    return axes


def propensity_learning_table(learning: xr.Dataset) -> PlottedTable:
    """Return Pearson of every number of training configurations."""
    return finite_table(learning, ("pearson", "pearson_error"), remarks_of(learning, "time"))


def plot_propensity_learning(learning: xr.Dataset, ax: Any = None) -> Any:
    """Draw Pearson against the number of configurations that a model learns from.

    Parameters
    ----------
    learning : xarray.Dataset
        ``propensity_learning``.
    ax : matplotlib axes, optional
        One column per species.

    Returns
    -------
    ndarray of matplotlib axes
    """
    axes = _draw_kinds(learning, "size", ax)
    for panel in axes:
        panel.set_xlim(left=0)
        panel.xaxis.get_major_locator().set_params(integer=True)
        panel.tick_params(axis="x", which="minor", bottom=False, top=False)
    return axes


def _draw_kinds(dataset: xr.Dataset, along: str, ax: Any) -> Any:
    """Draw Pearson along a dimension: one line per kind of positions, one panel per species."""
    axes = axes_or_new(ax, *of_species(dataset))
    for panel, species in zip(axes, names(dataset, "species"), strict=False):
        drawn = False
        for k, kind in enumerate(names(dataset, "kind")):
            found = dataset.sel(species=species).isel(kind=k)
            drawn |= band(
                panel, found[along].values, *with_error(found, "pearson"), color_of(kind), gid="pearson",
                marker=MARKERS[k % len(MARKERS)], ms=3.0, lw=0.9, label=kind,
            )  # fmt: skip
        nothing(panel, dataset["pearson"], drawn)
    titles = [title_of(s) for s in names(dataset, "species")]
    dress(axes, titles, len(axes), axis_label(dataset[along]), axis_label(dataset["pearson"]))
    legend_if_any(axes[0], fontsize=9, loc="lower right")
    return axes


PROPENSITY_SELECTION = ReportFigure(
    "propensity_selection",
    ("propensity_selection", "propensity_scores"),
    plot_propensity_selection,
    propensity_selection_table,
    (8.6, 3.8),
    of_species,
)
PROPENSITY_LEARNING = ReportFigure(
    "propensity_learning",
    ("propensity_learning",),
    plot_propensity_learning,
    propensity_learning_table,
    (8.6, 3.8),
    of_species,
)
