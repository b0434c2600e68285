"""What the figures of the meaning of softness share: panels by neighbour species, and g(r) behind them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, meaning
from vitrify.report.figures.style import FAINT, SOFT, axes_or_new, axis_label

if TYPE_CHECKING:
    import xarray as xr

_FROM = 0.5  # no two centres come closer


def species_panels(dataset: xr.Dataset, ax: Any, rows: int = 1) -> Iterator[tuple[int, str, Any]]:
    """Yield number, name and axes of each neighbour species; the names stand above, the distance below."""
    names = [str(s) for s in dataset["neighbor_species"].values]
    axes = axes_or_new(ax, rows, len(names))
    for k, (name, panel) in enumerate(zip(names, axes, strict=False)):
        panel.set_title(f"neighbors {name}", fontsize=11)
        axes[(rows - 1) * len(names) + k].set_xlabel(axis_label(dataset["r"]))
        yield k, name, panel


def rdf_behind(panel: Any, rdf: xr.Dataset, species: str, *, label: bool) -> None:
    """Draw g(r) around all particles on an axis of its own, pale and behind."""
    if species not in rdf["neighbor_species"].values:
        return
    curve = rdf["g"].sel(neighbor_species=species, group="all")
    other = panel.twinx()
    other.plot(rdf["r"].values, curve.values, color=SOFT, lw=0.9, alpha=0.75, gid="g")
    other.set_ylim(0, 1.15 * max(float(np.nanmax(curve.values, initial=1.0)), 1.0))
    other.tick_params(axis="y", colors=SOFT, labelright=label)
    if label:
        other.set_ylabel(axis_label(rdf["g"]), color=SOFT)
    panel.set_xlim(_FROM, float(rdf["r"].values.max()))
    panel.set_zorder(other.get_zorder() + 1)
    panel.patch.set_visible(False)


def rows_of(dataset: xr.Dataset, dim: str, names: tuple[str, ...]) -> PlottedTable:
    """Return variables along one dimension as a table, with the names along it first."""
    columns = {dim: dataset[dim].values, **{n: dataset[n].values for n in names}}
    return PlottedTable(columns, {n: meaning(dataset[n]) for n in columns})


def at_chance(panel: Any) -> None:
    """Mark the accuracy of guessing."""
    panel.axhline(0.5, color=FAINT, lw=0.8, ls=":")
