"""How much one, two, three and more radial functions tell of rearrangements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure, tidy
from vitrify.report.figures.style import (
    FAINT,
    HARD,
    INK,
    SOFT,
    axes_or_new,
    axis_label,
    left_empty,
    legend_if_any,
)
from vitrify.report.meaning_figures.drawing import at_chance, rdf_behind, species_panels
from vitrify.report.relaxation_figures.drawing import finite_table, points

if TYPE_CHECKING:
    import xarray as xr


def _panels(dataset: xr.Dataset, *_: Any) -> tuple[int, int]:
    return 1, dataset.sizes["neighbor_species"]


def single_functions_table(dataset: xr.Dataset, rdf: xr.Dataset) -> PlottedTable:
    """Return the accuracy of each radial function alone."""
    del rdf
    return finite_table(dataset, ("accuracy", "accuracy_error"))


def plot_single_functions(dataset: xr.Dataset, rdf: xr.Dataset, ax: Any = None) -> Any:
    """Draw the accuracy of each radial function with g(r) behind, one panel per neighbour species."""
    last = dataset.sizes["neighbor_species"] - 1
    low, high = float(dataset["accuracy"].min()), float(dataset["accuracy"].max())
    for k, name, panel in species_panels(dataset, ax):
        one = dataset.sel(neighbor_species=name)
        drawn = points(panel, one["r"], one["accuracy"], one["accuracy_error"], INK, gid="accuracy", ls="-", lw=0.8)  # fmt: skip
        if not left_empty(panel, dataset["accuracy"], drawn):
            panel.set_ylim(min(0.48, low - 0.02), high + 0.03)
            at_chance(panel)
            rdf_behind(panel, rdf, name, label=k == last)
        if k == 0:
            panel.set_ylabel(axis_label(dataset["accuracy"]))


def function_pairs_table(dataset: xr.Dataset) -> PlottedTable:
    """Return the accuracy of each pair, once."""
    table = tidy(dataset, ("accuracy", "accuracy_error"))
    n, m = dataset.sizes["function"], dataset.sizes["other_function"]
    upper = np.triu(np.ones((n, m), bool), 1).ravel()
    return table.where(upper & np.isfinite(table["accuracy"]))


def plot_function_pairs(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw the accuracy of each pair as a map."""
    panel = axes_or_new(ax)[0]
    names = [str(n) for n in dataset["function"].values]
    values = dataset["accuracy"].values
    if left_empty(panel, dataset["accuracy"], np.isfinite(values).any()):
        return panel
    drawn = panel.pcolormesh(np.ma.masked_invalid(values.T), cmap="viridis", rasterized=True)
    drawn.set_gid("pairs")
    every = max(1, len(names) // 14)
    shown = np.arange(0, len(names), every)
    words = [names[k].replace("G_", "") for k in shown]
    panel.set_xticks(shown + 0.5, words, rotation=90, fontsize=7)
    panel.set_yticks(shown + 0.5, words, fontsize=7)
    panel.minorticks_off()
    panel.set_aspect("equal")
    panel.set_xlabel(axis_label(dataset["function"]))
    panel.set_ylabel(axis_label(dataset["other_function"]))
    panel.figure.colorbar(drawn, ax=panel, shrink=0.8, label=axis_label(dataset["accuracy"]))
    best = np.unravel_index(np.nanargmax(values), values.shape)
    panel.plot(best[0] + 0.5, best[1] + 0.5, marker="o", mfc="none", color=SOFT, ms=9, gid="best")
    panel.plot(best[1] + 0.5, best[0] + 0.5, marker="o", mfc="none", color=SOFT, ms=9)
    return panel


def function_triplets_table(dataset: xr.Dataset, rdf: xr.Dataset) -> PlottedTable:
    """Return in how many of the good, and of the best, triplets each function is."""
    del rdf
    return finite_table(dataset, ("top", "good"))


def plot_function_triplets(dataset: xr.Dataset, rdf: xr.Dataset, ax: Any = None) -> Any:
    """Draw in what part of the best triplets each function is, with g(r) behind."""
    n = float(dataset.attrs.get("n_top", np.nan))
    last = dataset.sizes["neighbor_species"] - 1
    for k, name, panel in species_panels(dataset, ax):
        one = dataset.sel(neighbor_species=name)
        known = np.isfinite(one["top"].values)
        if not left_empty(panel, dataset["top"], known.any() and n > 0):
            panel.plot(
                one["r"].values[known], one["top"].values[known] / n, color=INK, marker="o", ms=3, gid="top"
            )
            panel.set_ylim(-0.02, 1.08)
            rdf_behind(panel, rdf, name, label=k == last)
        if k == 0:
            panel.set_ylabel("part of the best triplets with the function")


def triplet_weights_table(dataset: xr.Dataset, rdf: xr.Dataset) -> PlottedTable:
    """Return median and quartiles of the weight of each function in the best triplets with it."""
    del rdf
    return finite_table(dataset, ("weight", "weight_low", "weight_high", "top"))


def plot_triplet_weights(dataset: xr.Dataset, rdf: xr.Dataset, ax: Any = None) -> Any:
    """Draw the median weight of each function in the best triplets, bars to the quartiles; size tells how often it is there."""
    last = dataset.sizes["neighbor_species"] - 1
    for k, name, panel in species_panels(dataset, ax):
        one = dataset.sel(neighbor_species=name)
        w = one["weight"].values
        known = np.isfinite(w)
        if not left_empty(panel, dataset["weight"], known.any()):
            r, low, high = (one[v].values[known] for v in ("r", "weight_low", "weight_high"))
            bars = np.clip([w[known] - low, high - w[known]], 0, None)
            often = 4 + 60 * one["top"].values[known] / float(dataset.attrs["n_top"])
            panel.errorbar(r, w[known], yerr=bars, color=INK, ls="none", elinewidth=0.9, gid="weight")
            panel.scatter(r, w[known], s=often, color=INK, gid="median")
            panel.axhline(0.0, color=FAINT, lw=0.8, ls=":")
            rdf_behind(panel, rdf, name, label=k == last)
        if k == 0:
            panel.set_ylabel(axis_label(dataset["weight"]))


def selected_functions_table(dataset: xr.Dataset) -> PlottedTable:
    """Return the accuracy of the best set of each size, on the segments that chose it and on others."""
    names = ("accuracy", "accuracy_error", "held_out_accuracy", "held_out_error", "functions")
    table = finite_table(dataset, names)
    keys = [k for k in ("all_radial", "all_radial_error") if k in dataset.attrs]
    return PlottedTable(table.columns, table.meanings, tuple(f"{k} = {dataset.attrs[k]!r}" for k in keys))


def plot_selected_functions(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw accuracy against the number of functions: open on the segments that chose them, full on others."""
    panel, drawn = axes_or_new(ax)[0], False
    for k, (method, color) in enumerate(zip(dataset["search"].values, (HARD, SOFT), strict=False)):
        one, x = dataset.sel(search=method), dataset["size"].values
        same = (one["accuracy"], one["accuracy_error"])
        drawn |= points(panel, x, *same, color, k, gid="accuracy", mfc="white", ls=":", lw=0.8)
        other = (one["held_out_accuracy"], one["held_out_error"])
        drawn |= points(panel, x, *other, color, k, gid="held_out", ls="-", lw=0.8, label=str(method))
    level, error = (float(dataset.attrs.get(k, np.nan)) for k in ("all_radial", "all_radial_error"))
    if np.isfinite(level):
        panel.axhline(level, color=FAINT, lw=1.2, ls="--", label="all radial functions")
        panel.axhspan(level - error, level + error, color=FAINT, alpha=0.18, lw=0)
    panel.xaxis.get_major_locator().set_params(integer=True)
    panel.set_xlabel(axis_label(dataset["size"]))
    panel.set_ylabel(axis_label(dataset["held_out_accuracy"]))
    left_empty(panel, dataset["accuracy"], drawn)
    legend_if_any(panel, loc="lower right")
    return panel


_WITH_RDF = "meaning_rdf"
SINGLE_FUNCTIONS = ReportFigure(
    "single_functions", ("single_functions", _WITH_RDF), plot_single_functions, single_functions_table, (9.6, 3.7), _panels
)  # fmt: skip
FUNCTION_PAIRS = ReportFigure(
    "function_pairs", ("function_pairs",), plot_function_pairs, function_pairs_table, (6.2, 5.4)
)
FUNCTION_TRIPLETS = ReportFigure(
    "function_triplets", ("function_triplets", _WITH_RDF), plot_function_triplets, function_triplets_table, (9.6, 3.7), _panels
)  # fmt: skip
TRIPLET_WEIGHTS = ReportFigure(
    "triplet_weights", ("function_triplets", _WITH_RDF), plot_triplet_weights, triplet_weights_table, (9.6, 3.7), _panels
)  # fmt: skip
SELECTED_FUNCTIONS = ReportFigure(
    "selected_functions",
    ("selected_functions",),
    plot_selected_functions,
    selected_functions_table,
    (5.2, 4.2),
)
