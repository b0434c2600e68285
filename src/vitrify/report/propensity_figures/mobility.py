"""How far particles move, and how the liquid relaxes, over the times at which the propensity is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure
from vitrify.report.figures.style import FAINT, HARD, INK, SOFT, axes_or_new, axis_label, legend_if_any
from vitrify.report.propensity_figures.drawing import few_ticks, names, title_of
from vitrify.report.relaxation_figures.drawing import finite_table, joined, log_time, nothing, points

if TYPE_CHECKING:
    import xarray as xr

_COLORS = (HARD, SOFT, INK, FAINT)


def propensity_mobility_table(dataset: xr.Dataset) -> PlottedTable:
    """Return the mean displacement and the reliability of each species, and the scattering function."""
    return joined(finite_table(dataset, ("mobility", "reliability")), finite_table(dataset, ("scattering",)))


def plot_propensity_mobility(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw mean displacements (above) and the scattering function (below) against time.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``propensity_ceiling``.
    ax : two matplotlib axes, optional

    Returns
    -------
    (2,) ndarray of matplotlib axes
    """
    axes, times = axes_or_new(ax, 2, 1), dataset["time"].values
    exact, drawn = np.zeros(len(times)), False
    for k, species in enumerate(names(dataset, "species")):
        mobility = dataset["mobility"].sel(species=species).values
        drawn |= points(
            axes[0], times, mobility, exact, _COLORS[k % len(_COLORS)], k, gid="mobility", ls="-", lw=0.9,
            label=title_of(species),
        )  # fmt: skip
    if drawn and len(times) > 1:
        axes[0].set_yscale("log")
    nothing(axes[0], dataset["mobility"], drawn)
    relaxing = points(
        axes[1], times, dataset["scattering"].values, exact, INK, gid="scattering", ls="-", lw=0.9
    )
    nothing(axes[1], dataset["scattering"], relaxing)
    if relaxing:
        axes[1].axhline(np.exp(-1), color=FAINT, lw=0.8, ls=":")
        axes[1].set_ylim(0, 1.05)
    for panel, name in zip(axes, ("mobility", "scattering"), strict=True):
        panel.set_ylabel(axis_label(dataset[name]), fontsize=9.5)
        log_time(panel, times)
        few_ticks(panel, times)
    axes[1].set_xlabel(axis_label(dataset["time"]))
    legend_if_any(axes[0], fontsize=9, loc="best")
    return axes


PROPENSITY_MOBILITY = ReportFigure(
    "propensity_mobility",
    ("propensity_ceiling",),
    plot_propensity_mobility,
    propensity_mobility_table,
    (5.2, 5.0),
    (2, 1),
)
