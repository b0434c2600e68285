"""How well each quantity tells rearrangements: P_R in quantiles, the contrast Q, the area under the curve (thesis: Fig. 6.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure
from vitrify.report.figures.style import (
    FAINT,
    MARKERS,
    axes_or_new,
    axis_label,
    distances,
    legend_if_any,
)
from vitrify.report.meaning_structure_figures.drawing import (
    EVENTS,
    coldest,
    color_of,
    known_rows,
    shown,
    words,
)
from vitrify.report.relaxation_figures.drawing import alike, finite_table, nothing

if TYPE_CHECKING:
    import xarray as xr

_CURVE = ("probability", "probability_low", "probability_high", "events", "value", "quantile")
_NUMBERS = (
    "contrast", "contrast_low", "contrast_high", "contrast_block_error", "contrast_bound", "events_high", "events_low",
    "area", "area_low", "area_high", "events",
)  # fmt: skip


def probability_table(dataset: xr.Dataset) -> PlottedTable:
    """Return P_R of each bin of each quantity, for both kinds of event and all temperatures."""
    return finite_table(dataset, _CURVE)


def plot_probability(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw P_R against the quantile of each quantity at the lowest temperature, one panel per kind of event."""
    axes = axes_or_new(ax, 1, 2)
    for panel, kind in zip(axes, dataset["event_kind"].values, strict=True):
        drawn = False
        for k, name in enumerate(shown(dataset)):
            one = coldest(dataset).sel(event_kind=kind, scalar=name)
            p, x = one["probability"].values, one["quantile"].values
            seen = np.isfinite(p) & (p > 0)
            if not seen.any():
                continue
            drawn = True
            bars = distances(p, one["probability_low"].values, one["probability_high"].values)[:, seen]
            panel.errorbar(
                x[seen], p[seen], yerr=bars, color=color_of(name), marker=MARKERS[k % len(MARKERS)], ms=3.6, ls="-", lw=0.8,
                elinewidth=0.9, gid=name, label=words(name),
            )  # fmt: skip
        panel.set_title(EVENTS.get(str(kind), str(kind)), fontsize=10)
        panel.set_xlabel("quantile, turned so that $P_R$ grows")
        panel.set_xlim(0, 1)
        nothing(panel, dataset["probability"], drawn)
        if drawn:
            panel.set_yscale("log")
    axes[0].set_ylabel(axis_label(dataset["probability"]))
    legend_if_any(axes[0], fontsize=8)
    return axes


def contrast_table(dataset: xr.Dataset) -> PlottedTable:
    """Return Q and area of each quantity for both kinds of event and all temperatures, with their counts."""
    return known_rows(dataset, _NUMBERS)


def plot_contrast(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw Q (left) and area (right) of each quantity at the lowest temperature, full for inherent and open for thermal hops."""
    axes = axes_or_new(ax, 1, 2)
    cold, names = coldest(dataset), [str(n) for n in dataset["scalar"].values]
    rows = -np.arange(len(names), dtype=float)
    kinds = [str(k) for k in dataset["event_kind"].values]
    for panel, quantity in zip(axes, ("contrast", "area"), strict=True):
        drawn = False
        for k, kind in enumerate(kinds):
            one = cold.sel(event_kind=kind)
            value = one[quantity].values
            seen = np.isfinite(value) & (value > 0)
            drawn |= bool(seen.any())
            bars = distances(value, one[f"{quantity}_low"].values, one[f"{quantity}_high"].values)[:, seen]
            bars = np.where(np.isfinite(bars), bars, 0.0)
            y = rows + 0.16 * (0.5 - k) * 2
            for x, at, bar, name in zip(value[seen], y[seen], bars.T, np.array(names)[seen], strict=True):
                panel.errorbar(
                    [x], [at], xerr=bar[:, None], color=color_of(name), marker="os"[k % 2], ms=4.4, ls="none", elinewidth=1.0,
                    mfc=color_of(name) if k == 0 else "white", gid=f"{quantity}_{kind}",
                )  # fmt: skip
        panel.set_yticks(rows, [words(n) for n in names] if quantity == "contrast" else [""] * len(names))
        panel.tick_params(axis="y", which="minor", left=False, right=False)
        panel.set_xlabel(axis_label(dataset[quantity]))
        panel.axvline(1.0 if quantity == "contrast" else 0.5, color=FAINT, lw=0.8, ls=":")
        nothing(panel, dataset[quantity], drawn)
        if drawn and quantity == "contrast":
            panel.set_xscale("log")
    return axes


def temperature_table(dataset: xr.Dataset) -> PlottedTable:
    """Return Q and area of the quantities that are drawn, against temperature."""
    return known_rows(dataset.sel(scalar=shown(dataset)), _NUMBERS)


def plot_temperature(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw Q (above) and area (below) against temperature, one column per kind of event and one colour per quantity."""
    axes = axes_or_new(ax, 2, 2)
    kinds = [str(k) for k in dataset["event_kind"].values]
    for place, panel in enumerate(axes):
        quantity, kind = ("contrast", "area")[place // 2], kinds[place % 2]
        drawn = False
        for k, name in enumerate(shown(dataset)):
            one = dataset.sel(event_kind=kind, scalar=name)
            value, t = one[quantity].values, np.atleast_1d(one["temperature"].values)
            seen = np.isfinite(value) & (value > 0)
            if not seen.any():
                continue
            drawn = True
            bars = distances(value, one[f"{quantity}_low"].values, one[f"{quantity}_high"].values)[:, seen]
            panel.errorbar(
                t[seen], value[seen], yerr=np.where(np.isfinite(bars), bars, 0.0), color=color_of(name),
                marker=MARKERS[k % len(MARKERS)], ms=3.8, ls="-", lw=0.8, elinewidth=0.9, gid=quantity, label=words(name),
            )  # fmt: skip
        if place < 2:
            panel.set_title(EVENTS.get(kind, kind), fontsize=10)
        else:
            panel.set_xlabel(axis_label(dataset["temperature"]))
        if place % 2 == 0:
            panel.set_ylabel(axis_label(dataset[quantity]))
        nothing(panel, dataset[quantity], drawn)
        if drawn and quantity == "contrast":
            panel.set_yscale("log")
    for row in (axes[:2], axes[2:]):
        alike([a for a in row if a.lines or a.containers])
    legend_if_any(axes[0], fontsize=7.5)
    return axes


STRUCTURE_PROBABILITY = ReportFigure(
    "structure_probability", ("scalar_probability",), plot_probability, probability_table, (9.0, 4.2), (1, 2)
)
STRUCTURE_CONTRAST = ReportFigure(
    "structure_contrast", ("scalar_contrast",), plot_contrast, contrast_table, (9.0, 5.4), (1, 2)
)
STRUCTURE_TEMPERATURE = ReportFigure(
    "structure_temperature", ("scalar_contrast",), plot_temperature, temperature_table, (8.6, 6.6), (2, 2)
)
