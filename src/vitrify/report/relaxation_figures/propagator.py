"""How the softness of particles that stay changes with time (paper: Fig. 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure
from vitrify.report.figures.style import axes_or_new, axis_label, blue_to_red, legend_if_any, number, symbol
from vitrify.report.relaxation_figures.drawing import (
    chosen_bins,
    finite_table,
    log_time,
    nothing,
    points,
    remarks_of,
)

if TYPE_CHECKING:
    import xarray as xr

_FEWEST = 20  # survivors of a point that is drawn
_LEAST = 200.0  # survivors at the start, of a bin that is drawn


def _bins(dataset: xr.Dataset, wanted: int) -> list[int]:
    return chosen_bins(dataset["n"].values[:, 0], dataset["softness"].values, wanted, _LEAST)


def propagator_moments_table(dataset: xr.Dataset) -> PlottedTable:
    """Return mean and variance of the softness of survivors."""
    names = ("mean", "mean_error", "variance", "variance_error", "n")
    return finite_table(dataset, names, remarks_of(dataset, "temperature", "cutoff"))


def plot_propagator_moments(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw mean (above) and variance (below) of softness against time, one colour per softness at the start."""
    axes = axes_or_new(ax, 2)
    bins = _bins(dataset, 6)
    softness = dataset["softness"].values
    later = dataset["lag"].values > 0
    lags = dataset["lag"].values[later]
    for panel, name in zip(axes, ("mean", "variance"), strict=True):
        drawn = False
        for k, (b, color) in enumerate(zip(bins, blue_to_red(softness[bins]), strict=True)):
            many = later & (dataset["n"].values[b] >= _FEWEST)
            value, error = (dataset[v].values[b, many] for v in (name, f"{name}_error"))
            label = f"$S_0 =$ {number(softness[b], 2)}"
            at = dataset["lag"].values[many]
            drawn |= points(panel, at, value, error, color, k, gid=name, ls="-", lw=0.8, label=label)
        panel.set_ylabel(axis_label(dataset[name]), fontsize=10)
        log_time(panel, lags)
        nothing(panel, dataset[name], drawn)
    axes[-1].set_xlabel(axis_label(dataset["lag"]))
    if bins:
        axes[0].legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, fontsize=8.5)
    return axes


def propagator_density_table(dataset: xr.Dataset) -> PlottedTable:
    """Return the densities that are drawn: a few softnesses at the start, a few times."""
    bins, times = _bins(dataset, 3), _times(dataset)
    some = dataset.isel(softness_bin=bins, lag=times)
    names = ("density", "density_error", "gaussian")
    return finite_table(some, names, remarks_of(dataset, "temperature", "cutoff"))


def _times(dataset: xr.Dataset) -> list[int]:
    positive = np.flatnonzero(dataset["lag"].values > 0)
    if not len(positive):
        return []
    return [int(positive[k]) for k in np.unique([0, len(positive) // 2, max(0, len(positive) - 3)])]


def plot_propagator_density(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw G(S, t | S0) in one panel for each of three S0: points measured, lines Gaussian, one colour per time."""
    axes = axes_or_new(ax, 1, 3)
    bins, times = _bins(dataset, 3), _times(dataset)
    later = dataset["later"].values
    colors = blue_to_red(np.arange(len(times), dtype=float))
    for place, panel in enumerate(axes):
        drawn = False
        if place < len(bins):
            one = dataset.isel(softness_bin=bins[place])
            for k, (t, color) in enumerate(zip(times, colors, strict=True)):
                density = one["density"].values[t]
                seen = density > 0
                words = f"{symbol(dataset['lag'])} $=$ {number(float(dataset['lag'].values[t]))}"
                drawn |= points(
                    panel, later[seen], density[seen], one["density_error"].values[t][seen], color, k, gid="density", label=words
                )  # fmt: skip
                panel.plot(later, one["gaussian"].values[t], color=color, lw=1.0, gid="gaussian")
            panel.set_title(f"$S_0 =$ {number(float(one['softness']), 2)}", fontsize=10)
        panel.set_xlabel(axis_label(dataset["later"]))
        nothing(panel, dataset["density"], drawn)
    axes[0].set_ylabel(axis_label(dataset["density"]))
    legend_if_any(axes[0], loc="upper left", fontsize=8.5)
    return axes


PROPAGATOR_MOMENTS = ReportFigure(
    "propagator_moments",
    ("propagator",),
    plot_propagator_moments,
    propagator_moments_table,
    (4.8, 6.0),
    (2, 1),
)
PROPAGATOR_DENSITY = ReportFigure(
    "propagator_density",
    ("propagator",),
    plot_propagator_density,
    propagator_density_table,
    (10.0, 3.6),
    (1, 3),
)
