"""Energy barrier and log prefactor of each softness, with the fit that ties both by T0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure
from vitrify.report.figures.style import HARD, INK, SOFT, axes_or_new, axis_label, left_empty
from vitrify.report.trap_figures.lines import compared_table, draw_model, draw_points

if TYPE_CHECKING:
    import xarray as xr

_PANELS = (("energy_barrier", HARD, "o"), ("log_prefactor", SOFT, "s"))


def barriers_table(dataset: xr.Dataset) -> PlottedTable:
    """Return ΔE and Σ of every bin with their errors, and the tied fit."""
    measured = tuple(name + end for name, _, _ in _PANELS for end in ("", "_error"))
    return compared_table(dataset, (*measured, "events", "used"), ("energy_barrier", "log_prefactor"))


def plot_barriers(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw ΔE above and Σ below, each bin on its own and the tied fit.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``trap_barriers``.
    ax : two matplotlib axes, optional

    Returns
    -------
    two matplotlib axes
    """
    axes = axes_or_new(ax, rows=2)
    table = barriers_table(dataset)
    for panel, (name, color, marker) in zip(axes, _PANELS, strict=True):
        panel.set_ylabel(axis_label(dataset[name]))
        seen = table.where(np.isfinite(table[name]))
        if left_empty(panel, dataset[name], len(seen)):
            continue
        draw_points(
            panel, seen["softness"], seen[name], seen[f"{name}_error"], color=color, marker=marker,
            label="each softness alone", gid=name,
        )  # fmt: skip
        draw_model(panel, table["softness"], table, name, INK, label="tied by $T_0$")
        panel.legend(loc="best")
    axes[1].set_xlabel(axis_label(dataset["softness"]))
    return axes


TRAP_BARRIERS = ReportFigure(
    "trap_barriers", ("trap_barriers",), plot_barriers, barriers_table, size=(4.6, 5.0), panels=(2, 1)
)
