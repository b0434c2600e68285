"""Softness as a field: spatial correlations, and the direction in which particles move (thesis: Figs. 6.4 and 6.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure
from vitrify.report.figures.style import (
    FAINT,
    axes_or_new,
    axis_label,
    blue_to_red,
    legend_if_any,
    number,
)
from vitrify.report.meaning_structure_figures.drawing import coldest, known_rows, words
from vitrify.report.relaxation_figures.drawing import (
    band,
    by_temperature,
    finite_table,
    joined,
    nothing,
    points,
    remarks_of,
    with_error,
)

if TYPE_CHECKING:
    import xarray as xr

_FIT = ("amplitude", "length", "length_of_peaks")


def fields_table(dataset: xr.Dataset) -> PlottedTable:
    """Return correlations of every field at all temperatures, and the lengths of their decay."""
    curves = finite_table(
        dataset, ("correlation", "correlation_error"), remarks_of(dataset, "r_min", "r_max")
    )
    fits = known_rows(dataset, tuple(n for name in _FIT for n in (name, f"{name}_error")))
    return joined(curves, fits)


def _columns(dataset: xr.Dataset) -> tuple[int, int]:
    return 1, dataset.sizes["field"]


def plot_fields(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw the correlation of every field against distance, points measured and lines fitted; one colour per temperature."""
    axes = axes_or_new(ax, 1, dataset.sizes["field"])
    low, high = (float(dataset.attrs.get(n, np.nan)) for n in ("r_min", "r_max"))
    r = dataset["r"].values
    for panel, name in zip(axes, dataset["field"].values, strict=True):
        drawn = False
        for k, one, color, label in by_temperature(dataset.sel(field=name)):
            positive = one["correlation"].values > 0
            drawn |= points(
                panel, r[positive], *with_error(one, "correlation", positive), color, k, gid="correlation", ms=2.8, label=label
            )  # fmt: skip
            amplitude, length = float(one["amplitude"]), float(one["length"])
            if np.isfinite(amplitude) and np.isfinite(length):
                at = np.linspace(low, high, 40)
                panel.plot(at, amplitude * np.exp(-at / length), color=color, lw=1.0, ls="--", gid="fit")
        panel.set_title(words(name), fontsize=10)
        panel.set_xlabel(axis_label(dataset["r"]))
        nothing(panel, dataset["correlation"], drawn)
        if drawn:
            panel.set_yscale("log")
            panel.set_ylim(1e-3, 1.5)
    axes[0].set_ylabel(axis_label(dataset["correlation"]), fontsize=10)
    legend_if_any(axes[0], fontsize=8)
    return axes


def gradient_table(dataset: xr.Dataset) -> PlottedTable:
    """Return mean cosine, control and distribution in bins of |Δr| |∇S|, at all temperatures."""
    means = (
        "mean_cosine",
        "mean_cosine_error",
        "shuffled_mean_cosine",
        "shuffled_spread",
        "product",
        "events",
    )
    whole = tuple(n for n in ("mean", "mean_error", "shuffled_mean"))
    return joined(
        finite_table(dataset, means),
        finite_table(dataset, ("density", "density_error")),
        known_rows(dataset, whole),
    )


def plot_gradient(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw the mean cosine against |Δr| |∇S|, exchanged gradients in grey (left), and P(cos θ) when coldest (right)."""
    axes = axes_or_new(ax, 1, 2)
    drawn = False
    for k, one, color, label in by_temperature(dataset):
        x = one["product"].values
        drawn |= points(axes[0], x, *with_error(one, "mean_cosine"), color, k, gid="mean_cosine", ls="-", label=label)  # fmt: skip
        if k == 0:
            band(
                axes[0],
                x,
                one["shuffled_mean_cosine"].values,
                one["shuffled_spread"].values,
                FAINT,
                gid="exchanged",
            )
    axes[0].axhline(0.0, color=FAINT, lw=0.8, ls=":")
    axes[0].set_xlabel(axis_label(dataset["product"]))
    axes[0].set_ylabel(axis_label(dataset["mean_cosine"]))
    nothing(axes[0], dataset["mean_cosine"], drawn)
    cold, seen = coldest(dataset), False
    bins = np.unique(np.linspace(0, dataset.sizes["gradient_bin"] - 1, 4).round().astype(int))
    for k, (b, color) in enumerate(zip(bins, blue_to_red(bins), strict=True)):
        one = cold.isel(gradient_bin=b)
        label = f"$|\\Delta r||\\nabla S| \\approx$ {number(float(one['product']), 2)}"
        seen |= points(
            axes[1], dataset["cosine"].values, *with_error(one, "density"), color, k, gid="density", ls="-", lw=0.8, label=label
        )  # fmt: skip
    axes[1].axhline(0.5, color=FAINT, lw=0.8, ls=":")
    axes[1].set_xlabel(axis_label(dataset["cosine"]))
    axes[1].set_ylabel(axis_label(dataset["density"]))
    nothing(axes[1], dataset["density"], seen)
    for panel in axes:
        legend_if_any(panel, fontsize=8)
    return axes


STRUCTURE_FIELDS = ReportFigure(
    "structure_fields", ("field_correlation",), plot_fields, fields_table, (11.0, 3.8), _columns
)
STRUCTURE_GRADIENT = ReportFigure(
    "structure_gradient", ("softness_gradient",), plot_gradient, gradient_table, (9.0, 4.0), (1, 2)
)
