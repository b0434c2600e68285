"""What softness adds: rearrangements against simpler structural quantities, and the likelihood each gains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure
from vitrify.report.figures.style import FAINT, axes_or_new, axis_label, legend_if_any
from vitrify.report.relaxation_figures.drawing import alike, by_temperature, finite_table, nothing

if TYPE_CHECKING:
    import xarray as xr


def _words(name: str) -> str:
    return name.replace("_", " ")


def structure_probability_table(dataset: xr.Dataset) -> PlottedTable:
    """Return P_R of each bin of each quantity with its interval and events."""
    names = ("probability", "probability_low", "probability_high", "events")
    return finite_table(dataset, names)


def _panels(dataset: xr.Dataset) -> tuple[int, int]:
    return 1, dataset.sizes["scalar"]


def plot_structure_probability(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw P_R against each quantity in bins of equal exposure, one panel per quantity and one colour per temperature."""
    axes = axes_or_new(ax, 1, dataset.sizes["scalar"])
    for panel, name in zip(axes, dataset["scalar"].values, strict=True):
        one, drawn = dataset.sel(scalar=name), False
        for k, curve, color, label in by_temperature(one):
            p = curve["probability"].values
            seen = p > 0
            if not seen.any():
                continue
            drawn = True
            low, high = curve["probability_low"].values[seen], curve["probability_high"].values[seen]
            panel.errorbar(
                one["value"].values[seen], p[seen], yerr=np.clip([p[seen] - low, high - p[seen]], 0, None), color=color,
                marker="osD^vPX"[k % 7], ms=3.6, ls="-", lw=0.8, elinewidth=0.9, gid=str(name), label=label,
            )  # fmt: skip
        panel.set_xlabel(_words(str(name)))
        nothing(panel, dataset["probability"], drawn)
        if drawn:
            panel.set_yscale("log")
    alike([ax for ax in axes if ax.get_yscale() == "log"])
    axes[0].set_ylabel(axis_label(dataset["probability"]))
    legend_if_any(axes[0], fontsize=8.5)
    return axes


def structure_gain_table(dataset: xr.Dataset) -> PlottedTable:
    """Return gain and area of each quantity at each temperature."""
    return finite_table(dataset, ("gain", "gain_error", "area", "area_low", "area_high", "events"))


def plot_structure_gain(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw the log likelihood gained per event (left) and the area under the curve (right), one row per quantity."""
    axes = axes_or_new(ax, 1, 2)
    names = [str(n) for n in dataset["scalar"].values]
    rows, drawn = -np.arange(len(names), dtype=float), False
    n = np.size(dataset["temperature"])
    for k, one, color, label in by_temperature(dataset):
        y = rows - 0.5 * (k - (n - 1) / 2) / max(n, 1)
        known = np.isfinite(one["gain"].values)
        drawn |= bool(known.any())
        style = {"color": color, "marker": "osD^vPX"[k % 7], "ms": 4.2, "ls": "none", "elinewidth": 0.9}
        axes[0].errorbar(
            one["gain"].values[known], y[known], xerr=np.nan_to_num(one["gain_error"].values[known]), gid="gain",
            label=label, **style,
        )  # fmt: skip
        area = one["area"].values
        seen = np.isfinite(area)
        sides = np.clip([area - one["area_low"].values, one["area_high"].values - area], 0, None)
        axes[1].errorbar(area[seen], y[seen], xerr=np.nan_to_num(sides[:, seen]), gid="area", **style)
    axes[0].axvline(0.0, color=FAINT, lw=0.8, ls=":")
    axes[1].axvline(0.5, color=FAINT, lw=0.8, ls=":")
    for panel, name in zip(axes, ("gain", "area"), strict=True):
        panel.set_yticks(rows, [_words(n) for n in names] if name == "gain" else [""] * len(names))
        panel.minorticks_off()
        panel.set_xlabel(axis_label(dataset[name]))
    nothing(axes[0], dataset["gain"], drawn)
    if drawn:
        axes[0].legend(fontsize=8.5, loc="lower right")
    return axes


STRUCTURE_PROBABILITY = ReportFigure(
    "structure_probability",
    ("structure_probability",),
    plot_structure_probability,
    structure_probability_table,
    (10.0, 3.8),
    _panels,
)
STRUCTURE_GAIN = ReportFigure(
    "structure_gain", ("structure_gain",), plot_structure_gain, structure_gain_table, (9.0, 3.6), (1, 2)
)
