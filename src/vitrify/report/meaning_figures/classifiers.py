"""Accuracy against examples, penalties, kernels, networks, structure functions and forms of softness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure
from vitrify.report.figures.style import (
    FAINT,
    HARD,
    INK,
    SOFT,
    axes_or_new,
    axis_label,
    left_empty,
    legend_if_any,
    number,
)
from vitrify.report.meaning_figures.drawing import rows_of
from vitrify.report.relaxation_figures.drawing import finite_table, points, with_error

if TYPE_CHECKING:
    import xarray as xr

_BOTH = ("accuracy", "accuracy_error")


def accuracy_table(dataset: xr.Dataset) -> PlottedTable:
    """Return accuracy and error of every cell."""
    return finite_table(dataset, _BOTH)


def _against(dataset: xr.Dataset, name: str, ax: Any) -> Any:
    panel = axes_or_new(ax)[0]
    drawn = points(panel, dataset[name].values, *with_error(dataset, "accuracy"), INK, gid="accuracy", ls="-", lw=0.8)  # fmt: skip
    if not left_empty(panel, dataset["accuracy"], drawn):
        panel.set_xscale("log")
    panel.set_xlabel(axis_label(dataset[name]))
    panel.set_ylabel(axis_label(dataset["accuracy"]))
    return panel


def plot_training_size(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw accuracy against the number of examples."""
    return _against(dataset, "n_per_class", ax)


def plot_penalty_curve(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw accuracy against C."""
    return _against(dataset, "penalty", ax)


def _linear(dataset: xr.Dataset) -> tuple[float, float]:
    return float(dataset.attrs.get("linear", np.nan)), float(dataset.attrs.get("linear_error", np.nan))


def compared_table(dataset: xr.Dataset) -> PlottedTable:
    """Return accuracy and error of every cell, and those of the linear machine in the header."""
    table = accuracy_table(dataset)
    level, error = _linear(dataset)
    return PlottedTable(table.columns, table.meanings, (f"linear machine on the same examples = {level!r} +- {error!r}",))  # fmt: skip


def plot_kernel_grid(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw accuracy over the grid of gamma and C, the number in each cell; the title says what the linear machine gives."""
    panel = axes_or_new(ax)[0]
    values = dataset["accuracy"].values
    if left_empty(panel, dataset["accuracy"], np.isfinite(values).any()):
        return panel
    drawn = panel.pcolormesh(np.ma.masked_invalid(values.T), cmap="viridis")
    drawn.set_gid("grid")
    middle = 0.5 * (np.nanmin(values) + np.nanmax(values))
    for (i, j), value in np.ndenumerate(values):
        if np.isfinite(value):
            color = "white" if value < middle else INK
            panel.text(
                i + 0.5, j + 0.5, f"{100 * value:.1f}", ha="center", va="center", color=color, fontsize=8
            )
    for axis, name in ((panel.xaxis, "gamma"), (panel.yaxis, "penalty")):
        axis.set_ticks(np.arange(dataset.sizes[name]) + 0.5, [number(v) for v in dataset[name].values])
        axis.set_label_text(axis_label(dataset[name]))
    panel.minorticks_off()
    level, error = _linear(dataset)
    panel.set_title(f"linear: {100 * level:.1f} ± {100 * error:.1f} %", fontsize=10)
    return panel


def plot_networks(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw accuracy against nodes, one colour per number of hidden layers, with the linear machine as a band."""
    panel, drawn = axes_or_new(ax)[0], False
    for k, (layers, color) in enumerate(zip(dataset["layers"].values, (HARD, SOFT), strict=False)):
        one = dataset.sel(layers=layers)
        label = f"{int(layers)} hidden layer{'s' if layers > 1 else ''}"
        drawn |= points(
            panel, one["nodes"].values, *with_error(one, "accuracy"), color, k, gid="accuracy", ls="-", lw=0.8, label=label
        )  # fmt: skip
    level, error = _linear(dataset)
    if np.isfinite(level):
        panel.axhline(level, color=FAINT, lw=1.2, ls="--", label="linear machine")
        panel.axhspan(level - error, level + error, color=FAINT, alpha=0.18, lw=0)
    if not left_empty(panel, dataset["accuracy"], drawn):
        panel.set_xscale("log")
    panel.set_xlabel(axis_label(dataset["nodes"]))
    panel.set_ylabel(axis_label(dataset["accuracy"]))
    legend_if_any(panel)
    return panel


def function_sets_table(dataset: xr.Dataset) -> PlottedTable:
    """Return accuracy, its difference to the reference and the number of functions of every set."""
    return rows_of(dataset, "function_set", (*_BOTH, "difference", "difference_error", "n_functions"))


def simplified_forms_table(dataset: xr.Dataset) -> PlottedTable:
    """Return accuracy and number of parameters of every form."""
    return rows_of(dataset, "form", (*_BOTH, "n_parameters"))


def _rows(dataset: xr.Dataset, dim: str, counted: str, ax: Any) -> Any:
    panel = axes_or_new(ax)[0]
    place, value = -np.arange(dataset.sizes[dim], dtype=float), dataset["accuracy"].values
    known = np.isfinite(value)
    if not left_empty(panel, dataset["accuracy"], known.any()):
        error = np.nan_to_num(dataset["accuracy_error"].values[known])
        panel.errorbar(
            value[known], place[known], xerr=error, color=HARD, marker="o", ms=4.5, ls="none", gid="accuracy"
        )
        panel.axvline(value[0], color=FAINT, lw=0.8, ls=":")
    n = dataset[counted].values
    words = [f"{name}  ({int(k)})" for name, k in zip(dataset[dim].values, n, strict=True)]
    panel.set_yticks(place, words, fontsize=9)
    panel.tick_params(axis="y", which="minor", left=False, right=False)
    panel.set_ylim(place[-1] - 0.6, 0.6)
    panel.set_xlabel(axis_label(dataset["accuracy"]))
    return panel


def plot_function_sets(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw the accuracy of every set of structure functions, the number of functions in brackets."""
    return _rows(dataset, "function_set", "n_functions", ax)


def plot_simplified_forms(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw the accuracy of every form of softness, the number of parameters in brackets."""
    return _rows(dataset, "form", "n_parameters", ax)


TRAINING_SIZE = ReportFigure("training_size", ("training_size",), plot_training_size, accuracy_table)
PENALTY_CURVE = ReportFigure("penalty_curve", ("penalty_curve",), plot_penalty_curve, accuracy_table)
KERNEL_GRID = ReportFigure("kernel_grid", ("kernel_grid",), plot_kernel_grid, compared_table, (5.2, 4.2))
NETWORKS = ReportFigure("networks", ("networks",), plot_networks, compared_table)
FUNCTION_SETS = ReportFigure("function_sets", ("function_sets",), plot_function_sets, function_sets_table, (7.0, 3.8))  # fmt: skip
SIMPLIFIED_FORMS = ReportFigure("simplified_forms", ("simplified_forms",), plot_simplified_forms, simplified_forms_table, (6.0, 2.8))  # fmt: skip
