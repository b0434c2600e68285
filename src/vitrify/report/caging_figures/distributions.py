"""How depth and softness of cages are distributed over particles, and over those that rearrange (paper: Figs. 3, 5a)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure, tidy
from vitrify.report.figures.style import (
    FAINT,
    INK,
    SOFT,
    axes_or_new,
    axis_label,
    count,
    legend_if_any,
    symbol,
)
from vitrify.report.relaxation_figures.drawing import (
    band,
    by_temperature,
    finite_table,
    joined,
    nothing,
    points,
    remarks_of,
)

if TYPE_CHECKING:
    import xarray as xr

_SEEN = 1e-3  # of the largest density, below which the axis ends
_MOMENTS = ("mean", "mean_error", "sd", "sd_error", "flagged")


def caging_distributions_table(depths: xr.Dataset, softness: xr.Dataset) -> PlottedTable:
    """Return both distributions with their means and widths."""
    tables = []
    for name, dataset in (("depth", depths), ("softness", softness)):
        for kind in (("density", "density_error"), _MOMENTS):
            table = tidy(dataset, kind)
            of = np.full(len(table), name)
            tables.append(PlottedTable({"of": of, **table.columns}, table.meanings, table.remarks))
    return joined(*tables)


def plot_caging_distributions(depths: xr.Dataset, softness: xr.Dataset, ax: Any = None) -> Any:
    """Draw the distribution of depth (left) and of softness (right), one colour per temperature."""
    axes = axes_or_new(ax, 1, 2)
    for panel, dataset in zip(axes, (depths, softness), strict=True):
        drawn = False
        for _, one, color, label in by_temperature(dataset):
            value, error = one["density"].values, one["density_error"].values
            drawn |= band(panel, one["value"].values, value, error, color, gid="density", lw=1.1, label=label)
        panel.set_xlabel(axis_label(dataset["value"]))
        panel.set_ylabel(f"{symbol(dataset['density'])}")
        panel.set_ylim(bottom=0)
        nothing(panel, dataset["density"], drawn)
    legend_if_any(axes[1], loc="upper right", fontsize=8.5)
    return axes


def caging_rearranging_table(dataset: xr.Dataset) -> PlottedTable:
    """Return P(S) and P(S|R) of every temperature, with the mode and the part above it."""
    remarks = remarks_of(dataset, "convention", "window")
    names = (
        "density",
        "density_error",
        "density_rearranging",
        "density_rearranging_error",
        "n",
        "n_rearranging",
    )
    scalars = ("mode", "mode_error", "share", "share_error", "share_of_all", "share_of_all_error")
    return joined(finite_table(dataset, names, remarks), tidy(dataset, scalars))


def plot_caging_rearranging(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw P(S) of all particles and of those about to rearrange at the coldest temperature; a line is the mode of the first."""
    ax = axes_or_new(ax)[0]
    seen = np.flatnonzero(np.isfinite(dataset["share"].values))
    one = dataset.isel(temperature=int(seen[0]) if len(seen) else 0)
    s, n = one["softness"].values, float(one["n_rearranging"].sum())
    drawn = band(
        ax, s, one["density"].values, one["density_error"].values, INK, gid="density", label="all particles"
    )
    points(
        ax, s, one["density_rearranging"].values, one["density_rearranging_error"].values, SOFT, gid="density_rearranging",
        ls="-", lw=0.9, label=f"about to rearrange, {count(n)}",
    )  # fmt: skip
    filled = s[np.nan_to_num(one["density"].values) > _SEEN * np.nanmax(one["density"].values, initial=0.0)]
    if len(filled) > 1:
        ax.set_xlim(filled[0], filled[-1])
    mode = float(one["mode"])
    if np.isfinite(mode):
        ax.axvline(mode, color=FAINT, lw=0.9)
        words = f"{float(one['share']):.1%} above"
        ax.annotate(words, (mode, 0.97), xycoords=("data", "axes fraction"), xytext=(4, 0), textcoords="offset points", va="top", color=SOFT, fontsize=9.5)  # fmt: skip
    ax.set_xlabel(axis_label(dataset["softness"]))
    ax.set_ylabel(axis_label(dataset["density"]))
    ax.set_ylim(0, None)
    nothing(ax, dataset["density"], drawn)
    low, high = ax.get_ylim()
    ax.set_ylim(low, 1.25 * high)
    legend_if_any(ax, loc="upper right", fontsize=9)
    return ax


CAGING_DISTRIBUTIONS = ReportFigure(
    "caging_distributions",
    ("caging_depth_distribution", "caging_softness_distribution"),
    plot_caging_distributions,
    caging_distributions_table,
    (9.2, 3.9),
    (1, 2),
)
CAGING_REARRANGING = ReportFigure(
    "caging_rearranging",
    ("caging_rearranging",),
    plot_caging_rearranging,
    caging_rearranging_table,
    (5.2, 4.2),
)
