"""Energy barrier and log prefactor against softness, one colour per density."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vitrify.report.figures.base import PlottedTable, ReportFigure
from vitrify.report.figures.style import axes_or_new, axis_label
from vitrify.report.soft_sphere_figures.table import compare, each_density, flat_table

if TYPE_CHECKING:
    import xarray as xr

_NAMES = ("energy_barrier", "log_prefactor")
_COLUMNS = (
    *(f"{n}{end}" for n in _NAMES for end in ("", "_error", "_model", "_low", "_high")),
    "events",
    "used",
)


def soft_sphere_barriers_table(dataset: xr.Dataset) -> PlottedTable:
    """Return ΔE and Σ of single bins with errors, and of the trap model with its interval, per density and softness.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``soft_sphere_barriers``.

    Returns
    -------
    PlottedTable
    """
    return flat_table(dataset, (*_COLUMNS, "density", "softness"), _NAMES)


def plot_soft_sphere_barriers(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw ΔE(S) above Σ(S) with the fit in which both are tied by T0.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``soft_sphere_barriers``.
    ax : two matplotlib axes, optional

    Returns
    -------
    ndarray of two matplotlib axes
    """
    axes = axes_or_new(ax, rows=2)
    table = soft_sphere_barriers_table(dataset)
    for panel, name, one, how in each_density(axes, _NAMES, table, dataset):
        compare(panel, one["softness"], one, name, *how)
    axes[0].legend(loc="best")
    axes[1].set_xlabel(axis_label(dataset["softness"]))
    return axes


SOFT_SPHERE_BARRIERS = ReportFigure(
    "soft_sphere_barriers",
    ("soft_sphere_barriers",),
    plot_soft_sphere_barriers,
    soft_sphere_barriers_table,
    size=(4.6, 6.0),
    panels=(2, 1),
)
