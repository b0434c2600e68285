"""What the plane weighs, g(r) of hard and soft particles, and the weight as a function of distance."""

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
    number,
)
from vitrify.report.meaning_figures.drawing import rdf_behind, species_panels
from vitrify.report.relaxation_figures.drawing import finite_table, points, with_error

if TYPE_CHECKING:
    import xarray as xr

_SHOWN = 0.94  # part of the weights inside the frame: those of the closest pairs are large, and hardly known
_COLORS = {"all": FAINT, "hard": HARD, "soft": SOFT}


def _panels(dataset: xr.Dataset, *_: Any) -> tuple[int, int]:
    return 1, dataset.sizes["neighbor_species"]


def radial_weights_table(dataset: xr.Dataset, rdf: xr.Dataset) -> PlottedTable:
    """Return the weight of each radial function."""
    del rdf
    return finite_table(dataset, ("weight", "weight_error"))


def plot_radial_weights(dataset: xr.Dataset, rdf: xr.Dataset, ax: Any = None) -> Any:
    """Draw the weights with g(r) behind, one panel per neighbour species and one colour per C."""
    last = dataset.sizes["neighbor_species"] - 1
    for k, name, panel in species_panels(dataset, ax):
        drawn = False
        for i, (penalty, color) in enumerate(zip(dataset["penalty"].values, (INK, HARD), strict=False)):
            one = dataset.sel(neighbor_species=name, penalty=penalty)
            label = f"$C = {number(penalty)}$"
            drawn |= points(panel, one["r"].values, *with_error(one, "weight"), color, i, gid="weight", ls="-", lw=0.8, label=label)  # fmt: skip
        if not left_empty(panel, dataset["weight"], drawn):
            panel.axhline(0.0, color=FAINT, lw=0.8, ls=":")
            rdf_behind(panel, rdf, name, label=k == last)
        if k == 0:
            panel.set_ylabel(axis_label(dataset["weight"]))
            legend_if_any(panel, loc="upper right")


def hard_and_soft_rdf_table(dataset: xr.Dataset) -> PlottedTable:
    """Return g(r) around all, hard and soft particles."""
    table = tidy(dataset, ("g", "g_error"))
    return table.where(np.isfinite(table["g"]))


def plot_hard_and_soft_rdf(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw g(r) of hard and soft particles below, and hard minus soft above."""
    n = dataset.sizes["neighbor_species"]
    axes = axes_or_new(ax, 2, n)
    for k, name, panel in species_panels(dataset, axes, 2):
        below, one = axes[n + k], dataset.sel(neighbor_species=name)
        hard, soft = (one.sel(group=g) for g in ("hard", "soft"))
        r = dataset["r"].values
        known = np.isfinite(hard["g"].values) & np.isfinite(soft["g"].values)
        if left_empty(panel, dataset["g"], known.any()):
            continue
        difference = (hard["g"] - soft["g"]).values[known]
        error = np.hypot(hard["g_error"].values, soft["g_error"].values)[known]
        panel.fill_between(r[known], difference - error, difference + error, color=INK, alpha=0.25, lw=0)
        panel.plot(r[known], difference, color=INK, lw=1.1, gid="difference")
        panel.axhline(0.0, color=FAINT, lw=0.8, ls=":")
        for group in ("hard", "soft"):
            g, e = one.sel(group=group)["g"].values, np.nan_to_num(one.sel(group=group)["g_error"].values)
            below.fill_between(r, g - e, g + e, color=_COLORS[group], alpha=0.25, lw=0)
            below.plot(r, g, color=_COLORS[group], lw=1.2, label=group, gid=group)
        below.axhline(1.0, color=FAINT, lw=0.6, ls=":")
        below.set_ylim(bottom=0)
        below.set_xlim(0.5, float(r.max()))
    axes[0].set_ylabel(r"$g_\mathrm{hard} - g_\mathrm{soft}$")
    axes[n].set_ylabel(axis_label(dataset["g"]))
    legend_if_any(axes[n])
    return axes


def weight_functions_table(dataset: xr.Dataset) -> PlottedTable:
    """Return the weight function and both of its fits."""
    names = ("weight_function", "weight_function_error", "exponential", "core")
    table = finite_table(dataset, names)
    remarks = tuple(f"{k} = {v!r}" for k, v in dataset.attrs.items() if str(k).startswith("fit"))
    return PlottedTable(table.columns, table.meanings, remarks)


def plot_weight_functions(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw w(r) with its errors, the exponential and the exponential with a core, one panel per neighbour species."""
    for k, name, panel in species_panels(dataset, ax):
        one = dataset.sel(neighbor_species=name)
        w, r = one["weight_function"].values, one["r"].values
        drawn = points(panel, r, w, one["weight_function_error"], INK, gid="weight", label="$w(r)$")
        if not left_empty(panel, dataset["weight_function"], drawn):
            panel.plot(r, one["core"].values, color=SOFT, lw=1.2, label="exponential and core", gid="core")
            panel.plot(r, one["exponential"].values, color=HARD, lw=1.2, ls="--", label="exponential", gid="exponential")  # fmt: skip
            panel.axhline(0.0, color=FAINT, lw=0.8, ls=":")
            size = 1.3 * np.nanquantile(np.abs(w), _SHOWN)
            panel.set_ylim(-size, size)
            panel.set_xlim(0.5, float(np.nanmax(r)))
        if k == 0:
            panel.set_ylabel(axis_label(dataset["weight_function"]))
            legend_if_any(panel, loc="lower right")


RADIAL_WEIGHTS = ReportFigure(
    "radial_weights", ("radial_weights", "meaning_rdf"), plot_radial_weights, radial_weights_table, (9.6, 3.7), _panels
)  # fmt: skip
HARD_AND_SOFT_RDF = ReportFigure(
    "hard_and_soft_rdf",
    ("meaning_rdf",),
    plot_hard_and_soft_rdf,
    hard_and_soft_rdf_table,
    (9.6, 5.4),
    lambda d: (2, d.sizes["neighbor_species"]),
)
WEIGHT_FUNCTIONS = ReportFigure(
    "weight_functions", ("weight_functions",), plot_weight_functions, weight_functions_table, (9.6, 3.7), _panels
)  # fmt: skip
