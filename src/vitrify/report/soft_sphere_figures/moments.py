"""Mean and standard deviation of softness against inverse temperature, one colour per density."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure
from vitrify.report.figures.style import axes_or_new, symbol
from vitrify.report.soft_sphere_figures.table import compare, each_density, flat_table

if TYPE_CHECKING:
    import xarray as xr

_NAMES = ("softness_mean", "softness_sd")
_COLUMNS = (*(f"{n}{end}" for n in _NAMES for end in ("", "_error", "_model", "_low", "_high")), "n")


def soft_sphere_moments_table(dataset: xr.Dataset) -> PlottedTable:
    """Return ⟨S⟩ and σ_S of simulation and trap model per density and temperature.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``soft_sphere_moments``.

    Returns
    -------
    PlottedTable
    """
    return flat_table(
        dataset, (*_COLUMNS, "density", "temperature"), ("softness_mean", "softness_mean_model")
    )


def plot_soft_sphere_moments(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw ⟨S⟩ above σ_S; temperatures of a density are in units of its coldest one, so that all fit side by side.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``soft_sphere_moments``.
    ax : two matplotlib axes, optional

    Returns
    -------
    ndarray of two matplotlib axes
    """
    axes = axes_or_new(ax, rows=2)
    table = soft_sphere_moments_table(dataset)
    for panel, name, one, how in each_density(axes, _NAMES, table, dataset):
        measured = np.isfinite(one[name])
        if measured.any():
            x = one["temperature"][measured].min() / one["temperature"]
            compare(panel, x, one, name, *how)
    axes[0].legend(loc="best")
    t = symbol(dataset["temperature"])
    axes[1].set_xlabel(f"{t} of the coldest / {t}")
    return axes


SOFT_SPHERE_MOMENTS = ReportFigure(
    "soft_sphere_moments",
    ("soft_sphere_moments",),
    plot_soft_sphere_moments,
    soft_sphere_moments_table,
    size=(4.6, 6.0),
    panels=(2, 1),
)
