"""ΔE(S) and Σ(S): for several cutoffs, and with quadratic terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure, tidy
from vitrify.report.figures.style import (
    INK,
    SOFT,
    axes_or_new,
    axis_label,
    blue_to_red,
    left_empty,
    legend_if_any,
    number,
    symbol,
)
from vitrify.report.onset_figures.drawing import columns_of, densities, points

if TYPE_CHECKING:
    import xarray as xr

_NAMES = ("energy_barrier", "log_prefactor")
_CUTOFF_COLUMNS = tuple(f"{name}{end}" for name in _NAMES for end in ("", "_error", "_fit"))
_CURVE_COLUMNS = tuple(
    f"{name}{end}" for name in _NAMES for end in ("", "_error", "_straight", "_curved", "_curved_error")
)


def cutoff_barriers_table(dataset: xr.Dataset) -> PlottedTable:
    """Return barrier and prefactor of every bin that could be fitted, and the global fits there."""
    table = tidy(dataset, (*_CUTOFF_COLUMNS, "events"))
    return table.where(np.isfinite(table["energy_barrier"]))


def curvature_table(dataset: xr.Dataset) -> PlottedTable:
    """Return barrier and prefactor of every bin that could be fitted, and both global fits there."""
    table = tidy(dataset, _CURVE_COLUMNS)
    return table.where(np.isfinite(table["energy_barrier"]))


def plot_cutoff_barriers(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw ΔE above Σ, one column per density and one colour per cutoff.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``onset_barriers``.
    ax : matplotlib axes, optional

    Returns
    -------
    ndarray of matplotlib axes
    """
    axes, n = _panels(dataset, ax), dataset.sizes["density"]
    cutoffs = dataset["cutoff"].values
    colors = blue_to_red(np.log(cutoffs))
    for row, name in enumerate(_NAMES):
        for k in range(n):
            panel, here = axes[row * n + k], dataset.isel(density=k)
            if left_empty(panel, dataset[name], np.isfinite(here[name].values).any()):
                continue
            for j, (cutoff, color) in enumerate(zip(cutoffs, colors, strict=True)):
                x, line = here["softness"].values, here[f"{name}_fit"].values[j]
                value, error = (here[f"{name}{end}"].values[j] for end in ("", "_error"))
                seen = np.isfinite(value)
                label = f"{symbol(dataset['cutoff'])} = {number(float(cutoff))}"
                points(
                    panel, x[seen], value[seen], (value - error)[seen], (value + error)[seen], 0, color=color, ms=2.8,
                    label=label, gid=name,
                )  # fmt: skip
                panel.plot(x[seen], line[seen], color=color, lw=0.9)
    legend_if_any(axes[0], loc="best", fontsize=8)
    return axes


def plot_curvature(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw ΔE above Σ with straight and curved fits, one column per density.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``onset_curvature``.
    ax : matplotlib axes, optional

    Returns
    -------
    ndarray of matplotlib axes
    """
    axes, n = _panels(dataset, ax), dataset.sizes["density"]
    for row, name in enumerate(_NAMES):
        for k in range(n):
            panel, here = axes[row * n + k], dataset.isel(density=k)
            value, error, straight, curved, band = (
                here[f"{name}{end}"].values for end in ("", "_error", "_straight", "_curved", "_curved_error")
            )
            seen, x = np.isfinite(value), here["softness"].values
            if left_empty(panel, dataset[name], seen.any()):
                continue
            points(panel, x[seen], value[seen], (value - error)[seen], (value + error)[seen], 0, gid=name)
            panel.plot(x[seen], straight[seen], color=INK, ls="--", lw=0.9, label="straight")
            panel.plot(x[seen], curved[seen], color=SOFT, lw=1.1, label="with quadratic terms")
            low, high = (curved - band)[seen], (curved + band)[seen]
            panel.fill_between(x[seen], low, high, color=SOFT, alpha=0.2, lw=0)
    legend_if_any(axes[0], loc="best")
    return axes


def _panels(dataset: xr.Dataset, ax: Any) -> Any:
    """Return two rows of axes with their labels, one column per density."""
    n = dataset.sizes["density"]
    axes = axes_or_new(ax, rows=2, columns=n)
    for k, words in enumerate(densities(dataset)):
        axes[k].set_title(words, fontsize=11)
        axes[n + k].set_xlabel(axis_label(dataset["softness"]))
    for row, name in enumerate(_NAMES):
        axes[row * n].set_ylabel(axis_label(dataset[name]))
    return axes


CUTOFF_BARRIERS = ReportFigure(
    "cutoff_barriers", ("onset_barriers",), plot_cutoff_barriers, cutoff_barriers_table, size=(7.0, 5.6),
    panels=columns_of(2),
)  # fmt: skip
ONSET_CURVATURE = ReportFigure(
    "onset_curvature", ("onset_curvature",), plot_curvature, curvature_table, size=(7.0, 5.6), panels=columns_of(2)
)  # fmt: skip
