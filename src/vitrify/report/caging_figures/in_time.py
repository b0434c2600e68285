"""How softness of cages changes in time, and the motion that defines a rearrangement (paper: Fig. 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure, tidy
from vitrify.report.figures.style import (
    FAINT,
    axes_or_new,
    axis_label,
    blue_to_red,
    legend_if_any,
    number,
    symbol,
)
from vitrify.report.relaxation_figures.drawing import (
    by_temperature,
    finite_table,
    joined,
    log_time,
    nothing,
    points,
    remarks_of,
    with_error,
)

if TYPE_CHECKING:
    import xarray as xr

_FEWEST = 20  # particles of a point that is drawn


def caging_correlation_table(dataset: xr.Dataset) -> PlottedTable:
    """Return C_S(t) and Q(t)."""
    remarks = remarks_of(dataset, "cutoff")
    return joined(
        finite_table(dataset, ("correlation", "correlation_error"), remarks),
        finite_table(dataset, ("overlap", "overlap_error")),
    )


def plot_caging_correlation(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw C_S(t) as points and Q(t) dotted, one colour per temperature."""
    ax = axes_or_new(ax)[0]
    lags, drawn = dataset["lag"].values, False
    for k, one, color, label in by_temperature(dataset):
        seen = (lags > 0) & np.isfinite(one["correlation"].values)
        drawn |= points(ax, lags[seen], *with_error(one, "correlation", seen), color, k, gid="correlation", ls="-", lw=0.8, label=label)  # fmt: skip
        known = (lags > 0) & np.isfinite(one["overlap"].values)
        ax.plot(lags[known], one["overlap"].values[known], color=color, ls=":", lw=1.1, gid="overlap")
    log_time(ax, lags)
    ax.axhline(0, color=FAINT, lw=0.6)
    ax.set_ylim(-0.05, 1.05)
    ax.set_xlabel(axis_label(dataset["lag"]))
    ax.set_ylabel(f"{symbol(dataset['correlation'])},  {symbol(dataset['overlap'])}")
    nothing(ax, dataset["correlation"], drawn)
    legend_if_any(ax, loc="lower left", fontsize=8)
    return ax


def caging_propagator_table(dataset: xr.Dataset) -> PlottedTable:
    """Return the mean softness of particles that stay, and its distribution for the hardest group."""
    remarks = remarks_of(dataset, "temperature", "cutoff", "mean_softness")
    hardest = dataset.isel(softness_bin=[0], lag=_times(dataset))
    return joined(
        finite_table(dataset, ("mean", "mean_error", "n"), remarks),
        finite_table(hardest, ("density", "density_error")),
    )


def _times(dataset: xr.Dataset) -> list[int]:
    """Return the shortest time, the longest with enough particles, and two between."""
    many = np.flatnonzero((dataset["lag"].values > 0) & (dataset["n"].values[0] >= 10 * _FEWEST))
    return (
        [int(many[k]) for k in np.unique(np.linspace(0, len(many) - 1, 4).astype(int))] if len(many) else []
    )


def plot_caging_propagator(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw the softness of the hardest group after a few times (left), and the mean of every group against time (right)."""
    left, right = axes_or_new(ax, 1, 2)
    later, times = dataset["later"].values, _times(dataset)
    drawn = False
    for k, (t, color) in enumerate(zip(times, blue_to_red(np.arange(len(times), dtype=float)), strict=True)):
        value, error = (dataset[n].values[0, t] for n in ("density", "density_error"))
        label = f"{symbol(dataset['lag'])} $=$ {number(float(dataset['lag'].values[t]))}"
        drawn |= points(
            left, later, value, error, color, k, gid="density", ls="-", lw=0.8, ms=2.6, label=label
        )
    left.set_xlabel(axis_label(dataset["later"]))
    left.set_ylabel(axis_label(dataset["density"]))
    nothing(left, dataset["density"], drawn)
    legend_if_any(left, loc="upper right", fontsize=8.5)
    softness, lags, seen = dataset["softness"].values, dataset["lag"].values, False
    for k, color in enumerate(blue_to_red(softness)):
        many = (lags > 0) & (dataset["n"].values[k] >= _FEWEST)
        label = f"$S_0 =$ {number(float(softness[k]))}"
        seen |= points(right, lags[many], dataset["mean"].values[k, many], dataset["mean_error"].values[k, many], color, k, gid="mean", ls="-", lw=0.8, label=label)  # fmt: skip
    right.axhline(float(dataset.attrs.get("mean_softness", np.nan)), color=FAINT, lw=0.8, ls=":")
    log_time(right, lags)
    right.set_xlabel(axis_label(dataset["lag"]))
    right.set_ylabel(axis_label(dataset["mean"]))
    nothing(right, dataset["mean"], seen)
    legend_if_any(right, loc="upper right", fontsize=8)
    return np.array([left, right])


def caging_motion_table(dataset: xr.Dataset) -> PlottedTable:
    """Return α₂, MSD, overlap and F_s against time, and the thresholds."""
    scalars = ("threshold", "threshold_error", "peak_time", "peak_value", "active")
    curves = ("non_gaussian", "non_gaussian_error", "msd", "overlap", "overlap_error", "self_scattering")
    return joined(finite_table(dataset, curves), tidy(dataset, scalars))


def plot_caging_motion(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw α₂ (left) and MSD (right) against time; a star is the largest α₂ and the threshold that the MSD has there."""
    axes = axes_or_new(ax, 1, 2)
    lags, drawn = dataset["lag"].values, False
    for k, one, color, label in by_temperature(dataset):
        seen = (lags > 0) & np.isfinite(one["non_gaussian"].values)
        drawn |= points(axes[0], lags[seen], *with_error(one, "non_gaussian", seen), color, k, gid="non_gaussian", ls="-", lw=0.8, label=label)  # fmt: skip
        axes[1].plot(lags[seen], one["msd"].values[seen], color=color, lw=1.1, gid="msd")
        for panel, name in ((axes[0], "peak_value"), (axes[1], "threshold")):
            panel.plot(
                float(one["peak_time"]), float(one[name]), "*", color=color, ms=10, mec="black", mew=0.4
            )
    for panel, name in zip(axes, ("non_gaussian", "msd"), strict=True):
        log_time(panel, lags)
        panel.set_xlabel(axis_label(dataset["lag"]))
        panel.set_ylabel(axis_label(dataset[name]))
        nothing(panel, dataset[name], drawn)
    if drawn:
        axes[1].set_yscale("log")
    legend_if_any(axes[0], loc="upper left", fontsize=8)
    return axes


CAGING_CORRELATION = ReportFigure(
    "caging_correlation",
    ("caging_correlation",),
    plot_caging_correlation,
    caging_correlation_table,
    (5.6, 4.2),
)
CAGING_PROPAGATOR = ReportFigure(
    "caging_propagator",
    ("caging_propagator",),
    plot_caging_propagator,
    caging_propagator_table,
    (9.2, 3.9),
    (1, 2),
)
CAGING_MOTION = ReportFigure(
    "caging_motion", ("caging_motion",), plot_caging_motion, caging_motion_table, (9.2, 3.9), (1, 2)
)
