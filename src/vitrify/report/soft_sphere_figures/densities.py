"""What changes with density: slope of the barrier, onset, change of mean softness, fragility."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure
from vitrify.report.figures.style import FAINT, HARD, SOFT, axes_or_new, axis_label, left_empty
from vitrify.report.soft_sphere_figures.table import flat_table, points

if TYPE_CHECKING:
    import xarray as xr

_WITH_ENDS = (
    "accuracy", "slope", "slope_reduced", "inverse_onset", "change", "change_model", "fragility", "fragility_model",
)  # fmt: skip
_ENDS = ("", "_low", "_high")
_SINGLE = ("glass_temperature", "reference_temperature", "events", "examples")
_PANELS = (("slope",), ("inverse_onset",), ("change", "change_model"), ("fragility", "fragility_model"))
_BY = (("simulation", "o", "-", HARD), ("trap model", "s", "--", SOFT))


def soft_sphere_densities_table(dataset: xr.Dataset) -> PlottedTable:
    """Return all that is compared, with the ends of the 68 % intervals, per density.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``soft_sphere_densities``.

    Returns
    -------
    PlottedTable
    """
    names = ("density", *(n + end for n in _WITH_ENDS for end in _ENDS), *_SINGLE)
    return flat_table(dataset, names, ("density",))


def plot_soft_sphere_densities(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw ε1, 1/T0, the change of ⟨S⟩ per unit 1/T and the fragility against density.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``soft_sphere_densities``.
    ax : four matplotlib axes, optional

    Returns
    -------
    ndarray of four matplotlib axes
    """
    axes = axes_or_new(ax, rows=2, columns=2)
    table = soft_sphere_densities_table(dataset)
    for panel, names in zip(axes, _PANELS, strict=True):
        panel.set_ylabel(axis_label(dataset[names[0]]))
        if left_empty(panel, dataset[names[0]], any(np.isfinite(table[n]).any() for n in names)):
            continue
        for name, (words, marker, line, color) in zip(names, _BY, strict=False):
            band = table[name], table[f"{name}_low"], table[f"{name}_high"]
            points(panel, table["density"], band, color=color, marker=marker, ls=line, label=words, gid=name)
        if len(names) > 1:
            panel.legend(loc="best")
        if names[0] in ("slope", "inverse_onset"):
            panel.axhline(0.0, color=FAINT, lw=0.7, ls=":")
    for panel in axes[2:]:
        panel.set_xlabel(axis_label(dataset["density"]))
    return axes


SOFT_SPHERE_DENSITIES = ReportFigure(
    "soft_sphere_densities",
    ("soft_sphere_densities",),
    plot_soft_sphere_densities,
    soft_sphere_densities_table,
    size=(9.0, 6.4),
    panels=(2, 2),
)
