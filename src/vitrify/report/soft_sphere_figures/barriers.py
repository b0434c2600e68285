"""Energy barrier and log prefactor against softness, one colour per density."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vitrify.report.figures.base import PlottedTable, ReportFigure
from vitrify.report.figures.style import axes_or_new, axis_label
from vitrify.report.soft_sphere_figures.table import by_density, flat_table, points

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
    for panel, name in zip(axes, _NAMES, strict=True):
        panel.set_ylabel(axis_label(dataset[name]))
        for value, color, marker, words in by_density(dataset):
            one = table.where(table["density"] == value)
            middle, error = one[name], one[f"{name}_error"]
            points(panel, one["softness"], (middle, middle - error, middle + error), color=color, marker=marker,
                   ls="none", label=words, gid=name)  # fmt: skip
            panel.plot(one["softness"], one[f"{name}_model"], color=color, lw=1, ls="--", gid=f"{name}_model")
            panel.fill_between(
                one["softness"], one[f"{name}_low"], one[f"{name}_high"], color=color, alpha=0.15, lw=0
            )
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
