"""Distribution of softness, of all particles and of those about to rearrange."""

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
    error_bars,
    left_empty,
    number,
    same,
    symbol,
)

if TYPE_CHECKING:
    import xarray as xr

_COLUMNS = (
    "density", "density_error", "density_rearranging", "density_rearranging_error", "n", "n_rearranging",
)  # fmt: skip


def softness_distribution_table(dataset: xr.Dataset) -> PlottedTable:
    """Return both distributions at the coldest temperature that has rearranging particles.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``softness_distribution``.

    Returns
    -------
    PlottedTable
    """
    table = tidy(dataset, _COLUMNS)
    measured = np.isfinite(table["density"])
    wanted = measured & (table["n_rearranging"] > 0)
    choice = table["temperature"][wanted if wanted.any() else measured]
    coldest = choice.min() if len(choice) else np.nan
    return table.where(same(table["temperature"], coldest))


def plot_softness_distribution(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw P(S) and P(S|R) with the soft side shaded.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``softness_distribution``.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes
    """
    ax = axes_or_new(ax)[0]
    table = softness_distribution_table(dataset)
    ax.set_xlabel(axis_label(dataset["softness"]))
    ax.set_ylabel(f"{symbol(dataset['density'])},  {symbol(dataset['density_rearranging'])}")
    if left_empty(ax, dataset["density"], len(table)):
        return ax
    soft = table["softness"]
    for name, events, color, marker in (
        ("density", "n", INK, "o"),
        ("density_rearranging", "n_rearranging", SOFT, "s"),
    ):
        total = np.nansum(table[events])
        error_bars(
            ax, soft, table[name], table[f"{name}_error"], color=color, marker=marker, ms=3.2, elinewidth=0.9, gid=name,
            label=f"{symbol(dataset[name])}   {count(total)} {dataset[events].attrs.get('long_name', events)}",
        )  # fmt: skip
    rearranging = table["density_rearranging"]
    edge = np.append(0.0, soft[soft > 0])  # the area begins at S = 0, between two points of the curve
    height = np.interp(edge, soft, np.nan_to_num(rearranging))
    ax.fill_between(edge, height, color=SOFT, alpha=0.16, lw=0, gid="soft_area")
    ax.axvline(0, color=FAINT, lw=0.8, ls=":")
    ax.set_ylim(bottom=0)
    ax.margins(y=0.3)
    ax.autoscale(axis="y")
    ax.set_ylim(0, ax.get_ylim()[1])
    known = np.isfinite(table["temperature"][0])
    title = f"{symbol(dataset['temperature'])} $=$ {number(table['temperature'][0])}" if known else None
    ax.legend(loc="upper left", title=title, alignment="left")
    return ax


SOFTNESS_DISTRIBUTION = ReportFigure(
    "softness_distribution",
    ("softness_distribution",),
    plot_softness_distribution,
    softness_distribution_table,
)
