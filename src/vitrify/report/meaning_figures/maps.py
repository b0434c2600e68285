"""Maps made without labels, coloured by them afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure, tidy
from vitrify.report.figures.style import HARD, SOFT, axes_or_new, left_empty
from vitrify.report.meaning_figures.drawing import rows_of

if TYPE_CHECKING:
    import xarray as xr

_FEWEST, _MOST = 1.0, 9.0  # size of a point
_AREA = 12_000.0


def example_maps_table(maps: xr.Dataset, purity: xr.Dataset) -> PlottedTable:
    """Return the position of every example on every map, its label, and the purity of the maps in the header."""
    table = tidy(maps, ("position",))
    soft = np.broadcast_to(maps["soft"].values[None, :, None], maps["position"].shape).ravel()
    example = np.broadcast_to(np.arange(maps.sizes["example"])[None, :, None], maps["position"].shape).ravel()
    axis = np.broadcast_to(np.arange(maps.sizes["axis"]), maps["position"].shape).ravel()
    columns = {
        "map": table["map"],
        "example": example,
        "axis": axis,
        "soft": soft,
        "position": table["position"],
    }
    rows = rows_of(purity, "map", ("purity", "purity_error", "shuffled", "shuffled_error"))
    remarks = tuple(
        f"purity on {rows['map'][k]} = {rows['purity'][k]!r} +- {rows['purity_error'][k]!r}, shuffled {rows['shuffled'][k]!r}"
        for k in range(len(rows))
    )
    meanings = {
        "soft": "1: about to rearrange",
        "example": "number of the example",
        "axis": "of the map",
        **table.meanings,
    }
    found = PlottedTable(columns, {k: meanings[k] for k in columns}, remarks)
    return found.where(np.isfinite(columns["position"]))


def plot_example_maps(maps: xr.Dataset, purity: xr.Dataset, ax: Any = None) -> Any:
    """Draw the first two axes of each map: blue quiet, red about to rearrange, in an order drawn at random."""
    axes = axes_or_new(ax, 1, maps.sizes["map"])
    soft = maps["soft"].values > 0
    order = np.random.default_rng(0).permutation(len(soft))
    size = float(np.clip(_AREA / max(len(soft), 1), _FEWEST, _MOST))
    colors = np.where(soft, SOFT, HARD)[order]
    for panel, name in zip(axes, maps["map"].values, strict=True):
        position = maps["position"].sel(map=name).values[order, :2]
        known = np.isfinite(position).all(axis=1)
        panel.set_xticks([])
        panel.set_yticks([])
        if left_empty(panel, maps["position"], known.any()):
            continue
        panel.scatter(
            *position[known].T, c=colors[known], s=size, lw=0, alpha=0.7, rasterized=True, gid="examples"
        )
        one = purity.sel(map=name)
        words = f"{float(one['purity']):.3f} ± {float(one['purity_error']):.3f}"
        panel.set_title(f"{name}: purity {words}", fontsize=10)
    return axes


EXAMPLE_MAPS = ReportFigure(
    "example_maps",
    ("example_maps", "map_purity"),
    plot_example_maps,
    example_maps_table,
    (9.6, 4.9),
    lambda maps, _: (1, maps.sizes["map"]),
)
