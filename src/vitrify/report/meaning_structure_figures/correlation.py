"""How structural quantities go together, and with later displacements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure
from vitrify.report.figures.style import FAINT, INK, axes_or_new, axis_label, legend_if_any, number, symbol
from vitrify.report.meaning_structure_figures.drawing import coldest, known_rows, words
from vitrify.report.relaxation_figures.drawing import nothing

if TYPE_CHECKING:
    import xarray as xr

_BOTH = ("pearson", "pearson_error", "spearman", "spearman_error")
_LAG_COLORS = ("#98cae1", "#4a7bb7", "#364b9a", INK)


def correlation_table(dataset: xr.Dataset) -> PlottedTable:
    """Return both coefficients of every two quantities at all temperatures."""
    return known_rows(dataset, _BOTH)


def plot_correlation(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw the Pearson coefficient of every two quantities at the lowest temperature as a coloured square with its number."""
    panel = axes_or_new(ax)[0]
    one, names = coldest(dataset)["pearson"].values, [str(n) for n in dataset["scalar"].values]
    panel.imshow(one, cmap="RdBu_r", vmin=-1, vmax=1, gid="pearson")
    size = 6.5 if len(names) > 10 else 9
    for i, j in np.argwhere(np.isfinite(one)):
        color = "white" if abs(one[i, j]) > 0.6 else INK
        panel.text(j, i, f"{one[i, j]:.2f}", ha="center", va="center", fontsize=size, color=color)
    at = np.arange(len(names))
    panel.set_xticks(at, [words(n) for n in names], rotation=60, ha="right", fontsize=8)
    panel.set_yticks(at, [words(n) for n in names], fontsize=8)
    panel.minorticks_off()
    panel.tick_params(length=0)
    nothing(panel, dataset["pearson"], bool(np.isfinite(one).any()))
    return panel


def mobility_table(dataset: xr.Dataset) -> PlottedTable:
    """Return both coefficients of every quantity with the displacement after every time, at all temperatures."""
    return known_rows(dataset, _BOTH)


def plot_mobility(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw Pearson (left) and Spearman (right) of each quantity with later displacements at the lowest temperature."""
    axes = axes_or_new(ax, 1, 2)
    names, lags = [str(n) for n in dataset["scalar"].values], dataset["lag"].values
    rows, cold = -np.arange(len(names), dtype=float), coldest(dataset)
    for panel, name in zip(axes, ("pearson", "spearman"), strict=True):
        drawn = False
        for k, lag in enumerate(lags):
            value, error = cold[name].values[:, k], cold[f"{name}_error"].values[:, k]
            seen = np.isfinite(value)
            drawn |= bool(seen.any())
            y = rows - 0.5 * (k - (len(lags) - 1) / 2) / max(len(lags), 1)
            panel.errorbar(
                value[seen], y[seen], xerr=np.nan_to_num(error[seen]), color=_LAG_COLORS[k % len(_LAG_COLORS)],
                marker="os^D"[k % 4], ms=4, ls="none", elinewidth=0.9, gid=name, label=f"{symbol(dataset['lag'])} $=$ {number(float(lag))}",
            )  # fmt: skip
        panel.axvline(0.0, color=FAINT, lw=0.8, ls=":")
        panel.set_yticks(rows, [words(n) for n in names] if name == "pearson" else [""] * len(names))
        panel.tick_params(axis="y", which="minor", left=False, right=False)
        panel.set_xlabel(axis_label(dataset[name]))
        nothing(panel, dataset[name], drawn)
    legend_if_any(axes[1], fontsize=8.5)
    return axes


STRUCTURE_CORRELATION = ReportFigure(
    "structure_correlation", ("scalar_correlation",), plot_correlation, correlation_table, (7.6, 7.2)
)
STRUCTURE_MOBILITY = ReportFigure(
    "structure_mobility", ("scalar_mobility",), plot_mobility, mobility_table, (9.0, 5.4), (1, 2)
)
