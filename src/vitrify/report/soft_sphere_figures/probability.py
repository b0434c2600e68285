"""Probability to rearrange against softness, one panel per density."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure, each_curve
from vitrify.report.figures.style import axes_or_new, axis_label, blue_to_red, number, symbol
from vitrify.report.soft_sphere_figures.table import by_density, flat_table, points

if TYPE_CHECKING:
    import xarray as xr

_COLUMNS = (
    "probability", "probability_lower", "probability_upper", "probability_model", "events", "exposure", "density",
    "temperature", "softness",
)  # fmt: skip


def soft_sphere_probability_table(dataset: xr.Dataset) -> PlottedTable:
    """Return P(R|S) with its interval and the trap model's, per density, temperature and softness.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``soft_sphere_probability``.

    Returns
    -------
    PlottedTable
    """
    return flat_table(dataset, _COLUMNS, ("probability",))


def plot_soft_sphere_probability(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw P(R|S) on a logarithmic axis, one colour per temperature, dashed the trap model.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``soft_sphere_probability``.
    ax : one matplotlib axes per density, optional

    Returns
    -------
    ndarray of matplotlib axes
    """
    axes = axes_or_new(ax, columns=dataset.sizes["density"])
    table = soft_sphere_probability_table(dataset)
    for panel, (value, _, _, words) in zip(axes, by_density(dataset), strict=False):
        mine = table.where((table["density"] == value) & (table["events"] > 0))
        temperatures = np.unique(mine["temperature"])
        for t, one, color, marker in each_curve("temperature", mine, temperatures, blue_to_red(temperatures)):
            band = one["probability"], one["probability_lower"], one["probability_upper"]
            label = f"{symbol(dataset['temperature'])} $=$ {number(t)}"
            points(panel, one["softness"], band, color=color, marker=marker, ls="none",
                   label=label, gid="probability")  # fmt: skip
            panel.plot(one["softness"], one["probability_model"], color=color, lw=1, ls="--", gid="model")
        panel.set_yscale("log")
        panel.set_title(words, fontsize=11)
        panel.set_xlabel(axis_label(dataset["softness"]))
        if len(temperatures):
            panel.legend(loc="lower right")
    axes[0].set_ylabel(axis_label(dataset["probability"]))
    return axes


def _panels(dataset: xr.Dataset) -> tuple[int, int]:
    return 1, dataset.sizes["density"]


SOFT_SPHERE_PROBABILITY = ReportFigure(
    "soft_sphere_probability",
    ("soft_sphere_probability",),
    plot_soft_sphere_probability,
    soft_sphere_probability_table,
    size=(9.0, 4.0),
    panels=_panels,
)
