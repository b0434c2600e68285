"""Radial distribution functions around hard and soft particles, one panel per neighbor species."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure, tidy
from vitrify.report.figures.style import FAINT, HARD, INK, SOFT, axes_or_new, axis_label, left_empty

if TYPE_CHECKING:
    import xarray as xr

_LINES = {"all": (FAINT, "-", 1.0), "hard": (HARD, "-", 1.4), "soft": (SOFT, "--", 1.4)}
_OTHERS = ((HARD, "-", 1.4), (SOFT, "--", 1.4), (INK, "-.", 1.0), (FAINT, ":", 1.4))


def rdf_table(dataset: xr.Dataset) -> PlottedTable:
    """Return g(r) with its error for every neighbor species and group.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``rdf``.

    Returns
    -------
    PlottedTable
    """
    table = tidy(dataset, ("g", "g_error"))
    return table.where(np.isfinite(table["g"]))


def plot_rdf(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw g(r) of all, hard and soft particles with error bands.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``rdf``.
    ax : matplotlib axes, optional
        As many as there are neighbor species.

    Returns
    -------
    ndarray of matplotlib axes
    """
    species = dataset["neighbor_species"].values
    axes = axes_or_new(ax, columns=len(species))
    table = rdf_table(dataset)
    for panel, name in zip(axes, species, strict=True):
        panel.set_xlabel(axis_label(dataset["r"]))
        mine = table.where(table["neighbor_species"] == name)
        of = dataset["neighbor_species"].attrs.get("long_name", "neighbor_species")
        panel.set_title(f"{of} {name}", fontsize=11)
        if left_empty(panel, dataset["g"], len(mine)):
            continue
        for k, group in enumerate(dataset["group"].values):
            curve = mine.where(mine["group"] == group)
            words = str(group) if str(group) in _LINES else f"around {group}"
            color, style, width = _LINES.get(str(group), _OTHERS[k % len(_OTHERS)])
            error = np.nan_to_num(curve["g_error"])
            panel.fill_between(
                curve["r"], curve["g"] - error, curve["g"] + error, color=color, alpha=0.25, lw=0
            )
            panel.plot(curve["r"], curve["g"], color=color, ls=style, lw=width, label=words, gid=str(group))
        inside = mine["r"][mine["g"] > 0.01]
        if len(inside):
            panel.set_xlim(max(mine["r"].min(), inside.min() - 0.15), mine["r"].max())
        panel.axhline(1, color=FAINT, lw=0.6, ls=":")
        panel.set_ylim(bottom=0)
        panel.legend(loc="upper right")
    axes[0].set_ylabel(axis_label(dataset["g"]))
    return axes


RDF = ReportFigure(
    "rdf", ("rdf",), plot_rdf, rdf_table, size=(9.6, 3.7), panels=lambda d: (1, d.sizes["neighbor_species"])
)
