"""Mean softness against neighbours, energy and regular simplices (thesis: Figs. 6.1 and 6.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure
from vitrify.report.figures.style import (
    FAINT,
    MARKERS,
    axes_or_new,
    axis_label,
    blue_to_red,
    legend_if_any,
    symbol,
)
from vitrify.report.meaning_structure_figures.drawing import coldest, words
from vitrify.report.relaxation_figures.drawing import by_temperature, chosen_bins, finite_table, nothing

if TYPE_CHECKING:
    import xarray as xr

_NAMES = ("mean", "mean_error", "sd", "n", "value", "energy", "energy_sd")
_MOST_CURVES = 6
_FEWEST = 500.0  # particles and frames of a curve


def softness_table(dataset: xr.Dataset) -> PlottedTable:
    """Return mean softness and mean energy in bins of every quantity at all temperatures."""
    return finite_table(dataset, _NAMES)


def _drawn(dataset: xr.Dataset) -> list[str]:
    names = [str(n) for n in dataset["against"].values]
    first = [n for n in ("coordination", "local_energy") if n in names]
    return (first + [n for n in names if n not in first])[:2]


def plot_softness(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw mean softness against two quantities, and energy against the first; bars are standard deviations when coldest."""
    axes = axes_or_new(ax, 1, 3)
    names = _drawn(dataset)
    panels = [*((n, "mean", "sd") for n in names), (names[0], "energy", "energy_sd")]
    if len(panels) < 3:
        panels.insert(1, (names[0], "mean", "mean_error"))
    for panel, (name, y, spread) in zip(axes, panels, strict=True):
        drawn = False
        for k, one, color, label in by_temperature(dataset.sel(against=name)):
            seen = np.isfinite(one["value"].values) & np.isfinite(one[y].values)
            if not seen.any():
                continue
            drawn = True
            bars = np.nan_to_num(one[spread].values[seen]) if k == 0 else None
            panel.errorbar(
                one["value"].values[seen], one[y].values[seen], yerr=bars, color=color, marker=MARKERS[k % len(MARKERS)],
                ms=3.4, ls="-", lw=0.8, elinewidth=0.7, gid=y, label=label,
            )  # fmt: skip
        if y == "mean":
            panel.axhline(0.0, color=FAINT, lw=0.8, ls=":")
        panel.set_xlabel(words(name))
        panel.set_ylabel(axis_label(dataset[y]))
        nothing(panel, dataset[y], drawn)
    legend_if_any(axes[0], fontsize=8)
    return axes


def simplices_table(dataset: xr.Dataset) -> PlottedTable:
    """Return mean softness of particles on so many tetrahedra and quarter-octahedra, at all temperatures."""
    return finite_table(dataset, ("mean", "mean_error", "sd", "n"))


def plot_simplices(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw mean softness against the number of regular tetrahedra, one colour per number of quarter-octahedra, when coldest."""
    panel = axes_or_new(ax)[0]
    cold, drawn = coldest(dataset), False
    octahedra = dataset["octahedra"].values[
        chosen_bins(
            cold["n"].sum("tetrahedra").values,
            dataset["octahedra"].values.astype(float),
            _MOST_CURVES,
            _FEWEST,
        )
    ]
    for k, (n, color) in enumerate(zip(octahedra, blue_to_red(octahedra), strict=True)):
        one = cold.sel(octahedra=n)
        seen = np.isfinite(one["mean"].values)
        if not seen.any():
            continue
        drawn = True
        panel.errorbar(
            one["tetrahedra"].values[seen], one["mean"].values[seen], yerr=np.nan_to_num(one["mean_error"].values[seen]),
            color=color, marker=MARKERS[k % len(MARKERS)], ms=3.6, ls="-", lw=0.8, elinewidth=0.9, gid="mean",
            label=f"{symbol(dataset['octahedra'])} $=$ {int(n)}",
        )  # fmt: skip
    panel.axhline(0.0, color=FAINT, lw=0.8, ls=":")
    panel.set_xlabel(axis_label(dataset["tetrahedra"]))
    panel.set_ylabel(axis_label(dataset["mean"]))
    nothing(panel, dataset["mean"], drawn)
    legend_if_any(panel, fontsize=8)
    return panel


STRUCTURE_SOFTNESS = ReportFigure(
    "structure_softness", ("softness_against_structure",), plot_softness, softness_table, (11.0, 3.8), (1, 3)
)
STRUCTURE_SIMPLICES = ReportFigure(
    "structure_simplices", ("softness_of_simplices",), plot_simplices, simplices_table
)
