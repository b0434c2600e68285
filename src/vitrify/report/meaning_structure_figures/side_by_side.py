"""Softness that is learned beside softness of the caging potential (Sharma 2022: Figs. 1 and 5b)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure, tidy
from vitrify.report.figures.style import INK, MARKERS, axes_or_new, axis_label, distances, legend_if_any
from vitrify.report.meaning_structure_figures.drawing import COLORS, EVENTS, words
from vitrify.report.relaxation_figures.drawing import (
    alike,
    by_temperature,
    finite_table,
    nothing,
    remarks_of,
)

if TYPE_CHECKING:
    import xarray as xr

_COMPARED = ("softness", "thermal_softness", "caging_softness", "caging_softness_inherent")
_CURVE = ("probability", "probability_low", "probability_high", "events", "value")
_DRAWN_EVENTS = 3
_LINES = tuple(f"{k}{i}{e}" for k in "abc" for i in (0, 1) for e in ("", "_error")) + tuple(
    f"r_squared_{k}" for k in "abc"
)


def _compared(dataset: xr.Dataset) -> list[str]:
    names = [str(n) for n in dataset["scalar"].values]
    return [n for n in _COMPARED if n in names] or names[:1]


def side_by_side_table(dataset: xr.Dataset) -> PlottedTable:
    """Return P_R of each bin of the softnesses that are compared."""
    return finite_table(dataset.sel(scalar=_compared(dataset)), _CURVE)


def _panels(dataset: xr.Dataset) -> tuple[int, int]:
    return dataset.sizes["event_kind"], len(_compared(dataset))


def plot_side_by_side(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw P_R against each softness: one column per softness, one row per kind of event, one colour per temperature."""
    rows, columns = _panels(dataset)
    axes = axes_or_new(ax, rows, columns)
    for place, panel in enumerate(axes):
        kind, name = dataset["event_kind"].values[place // columns], _compared(dataset)[place % columns]
        drawn = False
        for k, one, color, label in by_temperature(dataset.sel(event_kind=kind, scalar=name)):
            p = one["probability"].values
            seen = np.isfinite(p) & (p > 0) & (one["events"].values >= _DRAWN_EVENTS)
            if not seen.any():
                continue
            drawn = True
            bars = distances(p, one["probability_low"].values, one["probability_high"].values)[:, seen]
            panel.errorbar(
                one["value"].values[seen], p[seen], yerr=bars, color=color, marker=MARKERS[k % len(MARKERS)], ms=3.4, ls="-",
                lw=0.8, elinewidth=0.9, gid=str(name), label=label,
            )  # fmt: skip
        if place < columns:
            panel.set_title(words(name), fontsize=9.5, color=COLORS.get(name, INK))
        if place % columns == 0:
            panel.set_ylabel(f"$P_R$, {EVENTS.get(str(kind), str(kind))}", fontsize=9.5)
        nothing(panel, dataset["probability"], drawn)
        if drawn:
            panel.set_yscale("log")
    for r in range(rows):
        alike([a for a in axes[r * columns : (r + 1) * columns] if a.get_yscale() == "log"])
    legend_if_any(axes[0], fontsize=8)
    return axes


def caging_map_table(dataset: xr.Dataset) -> PlottedTable:
    """Return depths and softness of the whole liquid; the lines through them stand in the header."""
    names = ("depth_q", "inverse_softness", "depth_r")
    table = tidy(dataset, (*names, *(f"{n}_error" for n in names)))
    return PlottedTable(table.columns, table.meanings, remarks_of(dataset, *_LINES, "q_max"))


def plot_caging_map(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw 1/S against the depth from S(q), that against the depth from g(r), and 1/S against the latter, with their lines."""
    axes = axes_or_new(ax, 1, 3)
    pairs = (
        ("depth_q", "inverse_softness", "a"),
        ("depth_r", "depth_q", "b"),
        ("depth_r", "inverse_softness", "c"),
    )
    for panel, (x, y, line) in zip(axes, pairs, strict=True):
        drawn = False
        for k, one, color, label in by_temperature(dataset):
            if not (np.isfinite(one[x]) and np.isfinite(one[y])):
                continue
            drawn = True
            bars = {f"{d}err": [np.nan_to_num(float(one[f"{n}_error"]))] for d, n in (("x", x), ("y", y))}
            panel.errorbar(
                [float(one[x])], [float(one[y])], **bars, color=color, marker=MARKERS[k % len(MARKERS)], ls="none", gid=y, label=label
            )  # fmt: skip
        if drawn and np.isfinite(dataset.attrs.get(f"{line}1", np.nan)):
            ends = np.array([np.nanmin(dataset[x].values), np.nanmax(dataset[x].values)])
            fitted = dataset.attrs[f"{line}0"] + dataset.attrs[f"{line}1"] * ends
            panel.plot(ends, fitted, color=INK, lw=0.9, ls="--", gid="fit")
        panel.set_xlabel(axis_label(dataset[x]), fontsize=9.5)
        panel.set_ylabel(axis_label(dataset[y]), fontsize=9.5)
        nothing(panel, dataset[y], drawn)
    legend_if_any(axes[0], fontsize=8)
    return axes


STRUCTURE_SIDE_BY_SIDE = ReportFigure(
    "structure_side_by_side",
    ("scalar_probability",),
    plot_side_by_side,
    side_by_side_table,
    (12.0, 6.2),
    _panels,
)
STRUCTURE_CAGING_MAP = ReportFigure(
    "structure_caging_map", ("caging_map",), plot_caging_map, caging_map_table, (11.0, 3.6), (1, 3)
)
