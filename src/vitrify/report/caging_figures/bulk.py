"""Structure of the whole liquid, and the lines between depth and softness of its mean cage (paper: Figs. 1, 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure, tidy
from vitrify.report.figures.style import (
    FAINT,
    INK,
    axes_or_new,
    axis_label,
    blue_to_red,
    legend_if_any,
    number,
    symbol,
)
from vitrify.report.relaxation_figures.drawing import (
    by_temperature,
    colors_of,
    finite_table,
    joined,
    nothing,
    points,
    remarks_of,
)

if TYPE_CHECKING:
    import xarray as xr

_LINES = (
    ("depth_q", "inverse_softness", "a"),
    ("depth_r", "depth_q", "b"),
    ("depth_r", "inverse_softness", "c"),
)
_COEFFICIENTS = ("a0", "a1", "b0", "b1", "c0", "c1", "r_squared_a", "r_squared_b", "r_squared_c", "q_max")


def caging_map_table(dataset: xr.Dataset) -> PlottedTable:
    """Return depths and inverse softness of every temperature, and the lines."""
    names = [n for k in ("depth_q", "inverse_softness", "depth_r") for n in (k, f"{k}_error")]
    return finite_table(dataset, (*names, "line_a", "line_b", "line_c"), remarks_of(dataset, *_COEFFICIENTS))


def plot_caging_map(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw 1/S against the depth in q, the depth in q against that in r, and 1/S against the depth in r, with their lines."""
    axes = axes_or_new(ax, 1, 3)
    colors = list(colors_of(dataset).values())
    for panel, (x, y, name) in zip(axes, _LINES, strict=True):
        order = np.argsort(dataset[x].values)
        line = dataset[f"line_{name}"].values[order]
        panel.plot(dataset[x].values[order], line, color=FAINT, lw=1, ls="--", gid=f"line_{name}")
        drawn = False
        for k, color in enumerate(colors):
            one = dataset.isel(temperature=[k])
            drawn |= points(panel, one[x].values, one[y].values, one[f"{y}_error"].values, color, gid=y)
            panel.errorbar(one[x].values, one[y].values, xerr=np.nan_to_num(one[f"{x}_error"].values), color=color, ls="none", elinewidth=0.9)  # fmt: skip
        panel.set_xlabel(axis_label(dataset[x]))
        panel.set_ylabel(axis_label(dataset[y]))
        r2 = dataset.attrs.get(f"r_squared_{name}", np.nan)
        panel.text(0.05, 0.95, f"$R^2 =$ {r2:.4f}", transform=panel.transAxes, va="top", color=INK)
        nothing(panel, dataset[y], drawn)
    return axes


def caging_structure_table(dataset: xr.Dataset) -> PlottedTable:
    """Return g(r) with its limits, and S(q)."""
    remarks = remarks_of(dataset, "centre_species")
    return joined(
        finite_table(dataset, ("g", "g_error"), remarks),
        tidy(dataset, ("lower_limit", "upper_limit")),
        finite_table(dataset, ("structure_factor", "structure_factor_error")),
    )


def plot_caging_structure(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw g(r) around the centre species with the limits of the integral over r, and S(q) of that species."""
    axes = axes_or_new(ax, 1, 3)
    centre = str(dataset.attrs["centre_species"])
    neighbors = [str(n) for n in dataset["neighbor_species"].values][:2]
    for panel, neighbor in zip(axes, neighbors, strict=False):
        one = dataset.sel(neighbor_species=neighbor)
        for _, here, color, label in by_temperature(one):
            panel.plot(here["r"], here["g"], color=color, lw=1.0, label=label, gid="g")
            for limit in ("lower_limit", "upper_limit"):
                panel.axvline(float(here[limit]), color=color, lw=0.6, ls=":")
        panel.set_xlim(0.6, float(dataset["r"].values[-1]))
        panel.set_xlabel(axis_label(dataset["r"]))
        panel.set_title(f"{centre}{neighbor}", fontsize=10)
    axes[0].set_ylabel(axis_label(dataset["g"]))
    legend_if_any(axes[0], fontsize=8, loc="upper right")
    last = axes[min(len(neighbors), 2)]
    for _, here, color, _ in by_temperature(dataset.sel(pair=f"{centre}{centre}")):
        last.plot(here["q"], here["structure_factor"], color=color, lw=0.9, gid="structure_factor")
    last.set_xlabel(axis_label(dataset["q"]))
    last.set_ylabel(axis_label(dataset["structure_factor"]))
    last.set_title(f"{centre}{centre}", fontsize=10)
    return axes


def caging_smeared_table(dataset: xr.Dataset) -> PlottedTable:
    """Return the smeared g(r) for every width, and that of the liquid."""
    remarks = remarks_of(dataset, "temperature", "centre_species", "chosen_delta")
    return joined(finite_table(dataset, ("g", "g_error"), remarks), tidy(dataset, ("g_liquid",)))


def plot_caging_smeared(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw the smeared g(r), one colour per width, and that of the liquid in black."""
    ax = axes_or_new(ax)[0]
    r = dataset["r"].values
    ax.plot(r, dataset["g_liquid"], color=INK, lw=1.2, label="not smeared", gid="g_liquid")
    deltas = dataset["delta"].values
    for k, (d, color) in enumerate(zip(deltas, blue_to_red(deltas), strict=True)):
        label = f"{symbol(dataset['delta'])} $=$ {number(float(d))}"
        ax.plot(r, dataset["g"].values[k], color=color, lw=1.1, ls="--", label=label, gid="g")
    ax.set_xlim(0.7, float(r[-1]))
    known = np.isfinite(dataset["g_liquid"].values)
    if known.any():
        ax.set_ylim(0, 1.15 * float(dataset["g_liquid"].values[known].max()))
    nothing(ax, dataset["g_liquid"], bool(known.any()))
    ax.set_xlabel(axis_label(dataset["r"]))
    ax.set_ylabel(axis_label(dataset["g"]))
    legend_if_any(ax, loc="upper right")
    return ax


CAGING_MAP = ReportFigure(
    "caging_map", ("caging_bulk",), plot_caging_map, caging_map_table, (10.4, 3.6), (1, 3)
)
CAGING_STRUCTURE = ReportFigure(
    "caging_structure",
    ("caging_structure",),
    plot_caging_structure,
    caging_structure_table,
    (10.4, 3.8),
    (1, 3),
)
CAGING_SMEARED = ReportFigure(
    "caging_smeared", ("caging_smeared",), plot_caging_smeared, caging_smeared_table
)
