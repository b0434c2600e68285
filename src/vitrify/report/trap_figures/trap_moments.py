"""Mean and standard deviation of softness against inverse temperature."""

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

_PANELS = (("softness_mean", HARD, "o"), ("softness_sd", SOFT, "s"))


def moments_table(dataset: xr.Dataset) -> PlottedTable:
    """Return ⟨S⟩ and σ_S with errors where they were measured, and eqs. 10 and 11 at all temperatures."""
    measured = tuple(name + end for name, _, _ in _PANELS for end in ("", "_error"))
    return compared_table(dataset, (*measured, "n"), tuple(name for name, _, _ in _PANELS))


def plot_moments(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw ⟨S⟩ above and σ_S below against 1/T; a vertical line at T0.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``trap_moments``.
    ax : two matplotlib axes, optional

    Returns
    -------
    two matplotlib axes
    """
    axes = axes_or_new(ax, rows=2)
    table = moments_table(dataset)
    for panel, (name, color, marker) in zip(axes, _PANELS, strict=True):
        panel.set_ylabel(axis_label(dataset[name]))
        if left_empty(panel, dataset[name], len(table)):
            continue
        beta = 1 / table["temperature"]
        draw_both(panel, beta, table, name, (color, color), marker)
        landing = beta == 1 / dataset.attrs.get("landing_temperature", np.nan)
        panel.plot(beta[landing], table[name][landing], "o", ms=9, mfc="none", color=FAINT, gid="landing")
        onset = float(dataset.attrs.get("T0", np.nan))
        if beta.min() < 1 / onset < beta.max():
            panel.axvline(1 / onset, color=FAINT, lw=0.9, ls=":", gid="onset")
        low, high = panel.get_ylim()
        if high - low < 0.2 * abs(high):  # a change of a few per cent shall look like one
            middle = 0.5 * (low + high)
            panel.set_ylim(middle - 0.25 * abs(middle), middle + 0.25 * abs(middle))
    if len(table):
        axes[0].legend(loc="best")
    axes[1].set_xlabel(with_unit("$1/T$", dataset["temperature"], -1))
    return axes


TRAP_MOMENTS = ReportFigure(
    "trap_moments", ("trap_moments",), plot_moments, moments_table, size=(4.6, 5.0), panels=(2, 1)
)
