"""Relaxation time and stretching against inverse temperature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure
from vitrify.report.figures.style import (
    FAINT,
    HARD,
    SOFT,
    axes_or_new,
    axis_label,
    left_empty,
    with_unit,
)
from vitrify.report.trap_figures.lines import compared_table, draw_both

if TYPE_CHECKING:
    import xarray as xr

_ALONE = 1 / np.log(2)
_HIGHEST = 30.0  # how far above the longest measured time is drawn


def times_table(dataset: xr.Dataset) -> PlottedTable:
    """Return relaxation times and stretching of liquid and model, and the parabolic law."""
    names = ("tau_q", "tau_half", "ratio", "exponent")
    measured = tuple(name + end for name in names for end in ("", "_error"))
    return compared_table(dataset, (*measured, "tau_law", "tau_law_low", "tau_law_high"), ("tau_q", "ratio"))


def plot_times(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw τ_Q above and τ_Q / τ_1/2 below against 1/T.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``trap_times``.
    ax : two matplotlib axes, optional

    Returns
    -------
    two matplotlib axes
    """
    axes = axes_or_new(ax, rows=2)
    table = times_table(dataset)
    for panel, name in zip(axes, ("tau_q", "ratio"), strict=True):
        panel.set_ylabel(axis_label(dataset[name]))
        left_empty(panel, dataset[name], len(table))
    axes[1].set_xlabel(with_unit("$1/T$", dataset["temperature"], -1))
    if not len(table):
        return axes
    beta = 1 / table["temperature"]
    _draw_times(axes[0], beta, table, float(dataset.attrs.get("matching_temperature", np.nan)))
    draw_both(axes[1], beta, table, "ratio", (SOFT, HARD))
    axes[1].axhline(_ALONE, color=FAINT, lw=0.8, ls=":", gid="alone")
    axes[0].legend(loc="upper left")
    return axes


def _draw_times(panel: Any, beta: Any, table: PlottedTable, matching: float) -> None:
    panel.set_yscale("log")
    draw_both(panel, beta, table, "tau_q", (SOFT, HARD))
    law, order = table["tau_law"], np.argsort(beta)
    if np.isfinite(law).any():
        panel.plot(beta[order], law[order], color=HARD, lw=1.0, ls="--", label="parabolic law", gid="tau_law")
        panel.fill_between(
            beta[order],
            table["tau_law_low"][order],
            table["tau_law_high"][order],
            color=HARD,
            alpha=0.12,
            lw=0,
        )
    at = np.isclose(table["temperature"], matching)
    panel.plot(beta[at], table["tau_q"][at], "o", ms=9, mfc="none", color=FAINT, gid="matching")
    longest = np.nanmax(table["tau_q"]) if np.isfinite(table["tau_q"]).any() else np.nan
    if np.isfinite(longest):
        panel.set_ylim(np.nanmin(table["tau_q"]) / 3, _HIGHEST * longest)


TRAP_TIMES = ReportFigure(
    "trap_times", ("trap_times",), plot_times, times_table, size=(4.6, 5.0), panels=(2, 1)
)
