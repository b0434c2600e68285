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
    error_bars,
    left_empty,
    number,
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
        ``arrhenius``, with attributes e0, e1, sigma0, sigma1: dE = e0 - e1 S, Sigma = sigma0 - sigma1 S; or, for a fit of
        higher degree, ``energy_barrier_powers`` and ``log_prefactor_powers``: coefficients of S^0, S^1, S^2, ...

    Returns
    -------
    PlottedTable
    """
    table = tidy(dataset, _COLUMNS)
    table = table.where(np.isfinite(table["energy_barrier"]) | np.isfinite(table["log_prefactor"]))
    columns, meanings, remarks = dict(table.columns), dict(table.meanings), []
    for name, powers in _global_fit(dataset).items():
        columns[f"{name}_fit"] = np.polynomial.polynomial.polyval(table["softness"], powers)
        meanings[f"{name}_fit"] = f"the global fit of {name} at this softness"
        remarks.append(f"{name}_fit = polynomial in softness with coefficients {powers}, lowest power first")
    return PlottedTable(columns, meanings, tuple(remarks))


def _global_fit(dataset: xr.Dataset) -> dict[str, list[float]]:
    """Coefficients of S^0, S^1, ... of barrier and log prefactor; NaN where there is no fit."""
    fits = {}
    for name, zero, one in (("energy_barrier", "e0", "e1"), ("log_prefactor", "sigma0", "sigma1")):
        line = [float(dataset.attrs.get(zero, math.nan)), -float(dataset.attrs.get(one, math.nan))]
        fits[name] = [float(c) for c in dataset.attrs.get(f"{name}_powers", line)]
    return fits


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
    sign = dataset["softness"].attrs.get("symbol", "S")
    for (name, powers), panel, color, marker in zip(
        _global_fit(dataset).items(), axes, (SOFT, HARD), "os", strict=True
    ):
        panel.set_ylabel(axis_label(dataset[name]))
        finite = table.where(np.isfinite(table[name]))
        if left_empty(panel, dataset[name], len(finite)):
            continue
        _draw_points(panel, finite, name, color, marker)
        if np.isfinite(finite[f"{name}_fit"]).any():
            line = _formula(powers, sign)
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


def _formula(powers: list[float], sign: str) -> str:
    """Write a polynomial for the legend."""
    terms = [number(powers[0])]
    for k, c in enumerate(powers[1:], start=1):
        power = sign if k == 1 else f"{sign}^{{{k}}}"
        terms.append(f"{'-' if c < 0 else '+'} {number(abs(c))}\\,{power}")
    return f"${' '.join(terms)}$"


def _draw_points(panel: Any, table: PlottedTable, name: str, color: str, marker: str) -> None:
    for used, face in ((True, color), (False, "white")):
        some = table.where(table["used"].astype(bool) == used)
        error_bars(
            panel, some["softness"], some[name], some[f"{name}_error"], color=color, marker=marker, mfc=face, ls="none",
            elinewidth=0.9, gid=f"{name}_{'used' if used else 'left_out'}",
        )  # fmt: skip


BARRIERS = ReportFigure("barriers", ("arrhenius",), plot_barriers, barriers_table, panels=(2, 1))
