"""Energy barrier and log prefactor against softness, with their global linear fit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure, tidy
from vitrify.report.figures.style import (
    HARD,
    INK,
    SOFT,
    axes_or_new,
    axis_label,
    count,
    distances,
    number,
    say_empty,
    symbol,
)

if TYPE_CHECKING:
    import xarray as xr

_COLUMNS = (
    "energy_barrier", "energy_barrier_error", "log_prefactor", "log_prefactor_error", "events", "used",
)  # fmt: skip


def barriers_table(dataset: xr.Dataset) -> PlottedTable:
    """Return barrier, log prefactor and their errors per softness bin, and the two fitted lines there.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``arrhenius``, with attributes e0, e1, sigma0, sigma1: dE = e0 - e1 S, Sigma = sigma0 - sigma1 S.

    Returns
    -------
    PlottedTable
    """
    table = tidy(dataset, _COLUMNS)
    table = table.where(np.isfinite(table["energy_barrier"]) | np.isfinite(table["log_prefactor"]))
    fit = {name: float(dataset.attrs.get(name, math.nan)) for name in ("e0", "e1", "sigma0", "sigma1")}
    softness = table["softness"]
    columns = dict(table.columns) | {
        "energy_barrier_fit": fit["e0"] - fit["e1"] * softness,
        "log_prefactor_fit": fit["sigma0"] - fit["sigma1"] * softness,
    }
    meanings = dict(table.meanings) | {
        "energy_barrier_fit": "e0 - e1 * softness, the global fit",
        "log_prefactor_fit": "sigma0 - sigma1 * softness, the global fit",
    }
    return PlottedTable(columns, meanings, tuple(f"{name} = {value!r}" for name, value in fit.items()))


def plot_barriers(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw dE(S) above Sigma(S); bins outside the global fit are open.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``arrhenius``.
    ax : two matplotlib axes, optional

    Returns
    -------
    ndarray of two matplotlib axes
    """
    axes = axes_or_new(ax, rows=2)
    table = barriers_table(dataset)
    fit = {name: float(dataset.attrs.get(name, math.nan)) for name in ("e0", "e1", "sigma0", "sigma1")}
    sign = dataset["softness"].attrs.get("symbol", "S")
    for panel, name, color, marker, (zero, one) in (
        (axes[0], "energy_barrier", SOFT, "o", ("e0", "e1")),
        (axes[1], "log_prefactor", HARD, "s", ("sigma0", "sigma1")),
    ):
        panel.set_ylabel(axis_label(dataset[name]))
        finite = table.where(np.isfinite(table[name]))
        if not len(finite):
            say_empty(panel, symbol(dataset[name]))
            continue
        _draw_points(panel, finite, name, color, marker)
        if np.isfinite(finite[f"{name}_fit"]).any():
            line = f"${number(fit[zero])} {'-' if fit[one] >= 0 else '+'} {number(abs(fit[one]))}\\,{sign}$"
            panel.plot(
                finite["softness"],
                finite[f"{name}_fit"],
                color=INK,
                lw=1,
                ls="--",
                label=line,
                gid=f"{name}_fit",
            )
            panel.legend(loc="upper right")
    axes[1].set_xlabel(axis_label(dataset["softness"]))
    if len(table):
        used = table["used"].astype(bool)
        total = count(np.nansum(table["events"][used]))
        words = dataset["events"].attrs.get("long_name", "events")
        axes[1].text(0.03, 0.06, f"{total} {words} in {used.sum()} of {len(table)} bins", transform=axes[1].transAxes,
                     fontsize=9.5)  # fmt: skip
    return axes


def _draw_points(panel: Any, table: PlottedTable, name: str, color: str, marker: str) -> None:
    for used, face in ((True, color), (False, "white")):
        some = table.where(table["used"].astype(bool) == used)
        value, error = some[name], some[f"{name}_error"]
        panel.errorbar(
            some["softness"], value, yerr=distances(value, value - error, value + error), color=color, marker=marker,
            mfc=face, ls="none", elinewidth=0.9, gid=f"{name}_{'used' if used else 'left_out'}",
        )  # fmt: skip


BARRIERS = ReportFigure("barriers", ("arrhenius",), plot_barriers, barriers_table, panels=(2, 1))
