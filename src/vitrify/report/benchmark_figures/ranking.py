"""All predictions in the order of their scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure, meaning
from vitrify.report.figures.style import FAINT, HARD, INK, SOFT, axes_or_new, axis_label, say_empty, symbol

if TYPE_CHECKING:
    import xarray as xr

MOST = 24
_OWN = "vitrify"
_SHOWN = ("pearson", "pearson_error", "area", "area_error", "ceiling", "n")


def ranked(dataset: xr.Dataset) -> xr.Dataset:
    """Return the scores of the species and the time that predictions are ranked by."""
    species, time = dataset.attrs["ranked_species"], dataset.attrs["ranked_time"]
    return dataset.sel(species=species).isel(time=int(np.abs(dataset["time"].values - time).argmin()))


def ranking_table(dataset: xr.Dataset) -> PlottedTable:
    """Return score and error of every prediction that is drawn."""
    one = ranked(dataset).isel(prediction=slice(0, MOST))
    names = [name for name in ("origin", "sign", *_SHOWN) if name in one]
    columns = {"prediction": one["prediction"].values, **{name: one[name].values for name in names}}
    table = PlottedTable(columns, {name: meaning(one[name]) for name in columns})
    return table.where(np.isfinite(columns["pearson"]) | np.isfinite(columns["area"]))


def plot_ranking(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw Pearson's coefficient (left) and the area under the ROC curve (right), the best prediction above."""
    axes, table = axes_or_new(ax, 1, 2), ranking_table(dataset)
    place = -np.arange(len(table))
    for panel, name in zip(axes, ("pearson", "area"), strict=True):
        panel.set_xlabel(axis_label(dataset[name]))
        if not np.isfinite(table[name]).any():
            say_empty(panel, symbol(dataset[name]))
        _draw(panel, table, name, place)
        panel.set_ylim(-len(table) + 0.4, 0.6)
        panel.set_yticks(place, [""] * len(table))
        panel.tick_params(axis="y", which="minor", left=False, right=False)
    axes[0].set_yticks(place, [_label(table, k) for k in range(len(table))], fontsize=8.5)
    axes[0].axvline(0.0, color=FAINT, lw=0.8, ls=":")
    axes[1].axvline(0.5, color=FAINT, lw=0.8, ls=":")
    if "ceiling" in table.columns and np.isfinite(table["ceiling"]).any():
        axes[0].axvline(float(np.nanmax(table["ceiling"])), color=FAINT, lw=1.6, gid="ceiling")
    return axes


def _label(table: PlottedTable, k: int) -> str:
    name = str(table["prediction"][k]).replace("$", "")
    minus = "−" if table["sign"][k] < 0 else ""
    return minus + (name if len(name) < 44 else f"{name[:42]}…")


def _draw(panel: Any, table: PlottedTable, name: str, place: Any) -> None:
    own = table["origin"] == _OWN
    for mine, color, face in ((own, HARD, "white"), (~own, SOFT, SOFT)):
        kept = mine & np.isfinite(table[name])
        if kept.any():
            panel.errorbar(
                table[name][kept], place[kept], xerr=np.nan_to_num(table[f"{name}_error"][kept]), color=color,
                mfc=face, marker="o", ms=4.2, ls="none", elinewidth=1.0, ecolor=INK, gid=name,
            )  # fmt: skip


BENCHMARK_RANKING = ReportFigure(
    "benchmark_ranking", ("benchmark",), plot_ranking, ranking_table, (8.6, 5.4), (1, 2)
)
