"""Mean softness after a quench: the liquid and the trap model side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure, tidy
from vitrify.report.figures.style import axes_or_new, axis_label, left_empty, number
from vitrify.report.trap_figures.lines import ENDS, draw_model, draw_points, each_temperature

if TYPE_CHECKING:
    import xarray as xr


def ageing_table(dataset: xr.Dataset) -> PlottedTable:
    """Return ⟨S⟩(t_w) of both at every final temperature."""
    of_model = tuple(f"softness_mean_{end}" for end in ENDS if f"softness_mean_{end}" in dataset)
    table = tidy(dataset, ("softness_mean", "softness_mean_error", "n_samples", *of_model))
    remarks = tuple(
        f"{k} = {dataset.attrs[k]!r}" for k in ("initial_temperature", "n_particles") if k in dataset.attrs
    )
    seen = np.stack([table[name] for name in ("softness_mean", *of_model[:1])])
    kept = table.where(np.isfinite(seen).any(axis=0))
    return PlottedTable(kept.columns, kept.meanings, remarks)


def plot_ageing(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw the liquid on the left and the model on the right, with one vertical axis.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``trap_ageing``.
    ax : two matplotlib axes, optional

    Returns
    -------
    two matplotlib axes
    """
    axes = axes_or_new(ax, columns=2)
    table = ageing_table(dataset)
    axes[1].sharey(axes[0])
    axes[0].set_ylabel(axis_label(dataset["softness_mean"]))
    for panel, title in zip(axes, ("simulation", "trap model"), strict=True):
        panel.set_xlabel(axis_label(dataset["waiting_time"]))
        panel.set_title(title, fontsize=11)
        panel.set_xscale("log")
    if left_empty(axes[0], dataset["softness_mean"], len(table)):
        return axes
    temperatures = dataset["temperature"].values
    curves = each_temperature(table, temperatures, dataset)
    for (t, curve, color, marker), rest in zip(curves, dataset["softness_equilibrium"].values, strict=True):
        axes[0].plot(curve["waiting_time"], curve["softness_mean"], color=color, lw=0.8)
        draw_points(
            axes[0], curve["waiting_time"], curve["softness_mean"], curve["softness_mean_error"], color=color,
            marker=marker, label=number(t), gid="softness_mean",
        )  # fmt: skip
        draw_model(axes[1], curve["waiting_time"], curve, "softness_mean", color)
        if np.isfinite(rest):
            axes[0].axhline(rest, xmin=0.96, color=color, lw=1.6, gid="equilibrium")
    axes[0].legend(title=axis_label(dataset["temperature"]), loc="lower left", alignment="left")
    return axes


TRAP_AGEING = ReportFigure(
    "trap_ageing", ("trap_ageing",), plot_ageing, ageing_table, size=(8.4, 4.2), panels=(1, 2)
)
