"""Colours and words of structural quantities: what the figures of single particles share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, tidy
from vitrify.report.figures.style import FAINT, HARD, INK, SOFT
from vitrify.report.relaxation_figures.drawing import finite_table

if TYPE_CHECKING:
    import xarray as xr

WORDS = {
    "softness": "softness",
    "thermal_softness": "softness, thermal positions",
    "caging_softness": "caging softness",
    "caging_softness_inherent": "caging softness, inherent positions",
    "caging_depth_inherent": "caging depth, inherent positions",
    "coordination_and_energy": "coordination and energy",
    "n_tetrahedra": "regular tetrahedra",
    "n_octahedra": "quarter-octahedra",
    "qbar_4": r"$\bar{q}_4$",
    "qbar_6": r"$\bar{q}_6$",
    "p_hop": r"$p_\mathrm{hop}$",
}
COLORS = {
    "softness": SOFT,
    "thermal_softness": "#f67e4b",
    "caging_softness": HARD,
    "caging_softness_inherent": "#6ea6cd",
    "coordination": "#3f7f4f",
    "local_energy": "#8a5a9c",
    "voronoi_volume": "#b58900",
}
EVENTS = {"inherent": "hops of inherent positions", "thermal": "hops of thermal positions"}


def words(name: Any) -> str:
    """Return a quantity as a figure names it.

    Examples
    --------
    >>> words("local_energy"), words("caging_softness_inherent")
    ('local energy', 'caging softness, inherent positions')
    """
    return WORDS.get(str(name), str(name).replace("_", " "))


def color_of(name: Any) -> str:
    """Return the colour of a quantity, the same on the whole page; grey for those that are only compared."""
    return COLORS.get(str(name), FAINT if str(name) != "all" else INK)


def shown(dataset: xr.Dataset) -> list[str]:
    """Return the quantities that have a colour of their own, in their order; all of them if none has."""
    names = [str(n) for n in dataset["scalar"].values]
    return [n for n in COLORS if n in names] or names


def coldest(dataset: xr.Dataset) -> xr.Dataset:
    """Return what belongs to the lowest temperature."""
    return dataset.isel(temperature=0)


def known_rows(dataset: xr.Dataset, names: tuple[str, ...]) -> PlottedTable:
    """Return the rows of a table in which any of some numbers is known."""
    table = tidy(dataset, names)
    return table.where(np.any([np.isfinite(table[n].astype(float)) for n in names], axis=0))


__all__ = ["COLORS", "EVENTS", "WORDS", "coldest", "color_of", "finite_table", "known_rows", "shown", "words"]
