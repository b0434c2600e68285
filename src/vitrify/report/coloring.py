"""Colours of the particles of a snapshot: by softness, by how much they move, or by species."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.report.figures.style import (
    axis_label,
    blue_to_red,
    number,
    softness_colors,
    softness_scale,
    still_to_moving,
    unit_words,
)

if TYPE_CHECKING:
    import xarray as xr

N_LEVELS = 96
_SPECIES = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377")


@dataclass(frozen=True, eq=False)
class Coloring:
    """What the particles of a snapshot are coloured by, and how.

    Parameters
    ----------
    name : str
        Of the variable: "softness", an indicator such as "p_hop", or "species".
    values : (frames, particles) float
        NaN where there is none: drawn small and grey.
    low, high : float
        Where the colours end.
    paint : callable
        Values to (…, 3) red, green, blue in 0..1.
    label : str
        For a colour bar.
    words : str
        The same without TeX.
    ends : (str, str, str)
        Left, middle and right of a legend.
    categories : tuple of (str, str)
        Name and #rrggbb of each species; empty for what is continuous.
    """

    name: str
    values: NDArray[np.float64]
    low: float
    high: float
    paint: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    label: str
    words: str
    ends: tuple[str, str, str]
    categories: tuple[tuple[str, str], ...] = ()

    def packed(self, values: NDArray[Any]) -> NDArray[np.uint32]:
        """Return colours as 0xRRGGBB, from a table of a few so that they compress."""
        middle, half = (self.low + self.high) / 2, (self.high - self.low) / 2
        steps = N_LEVELS // 2
        level = np.round(np.clip((values - middle) / half, -1, 1) * steps) / steps * half + middle
        rgb = np.round(self.paint(values if self.categories else level) * 255).astype(np.uint32)
        return (rgb[:, 0] << 16 | rgb[:, 1] << 8 | rgb[:, 2]).astype(np.uint32)


def coloring(dataset: xr.Dataset) -> Coloring:
    """Return how the particles of a snapshot are coloured.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``snapshot``. Its attribute ``coloured_by`` is the name of a variable, "softness" without it; ``color_limit`` is the
        value of an indicator at which the colours end; ``species_names`` are what species are called.

    Returns
    -------
    Coloring
    """
    name = str(dataset.attrs.get("coloured_by", "softness"))
    if name == "species":
        return _by_species(dataset)
    values, variable = dataset[name].values.astype(float), dataset[name]
    label, words = axis_label(variable), str(variable.attrs.get("long_name", name))
    if name == "softness":
        scale = softness_scale(values)
        ends = (f"\u2212{scale} hard", "0", f"soft {scale}")
        return Coloring(name, values, -scale, scale, lambda v: softness_colors(v, scale), label, words, ends)
    finite = values[np.isfinite(values)]
    limit = float(dataset.attrs.get("color_limit", np.percentile(finite, 99) if len(finite) else 1.0)) or 1.0
    unit = unit_words(str(variable.attrs.get("units", "1")))
    ends = ("0", number(limit / 2), f"{number(limit)} {unit}".strip())
    return Coloring(name, values, 0.0, limit, lambda v: still_to_moving(v / limit), label, words, ends)


def _by_species(dataset: xr.Dataset) -> Coloring:
    present = dataset["species"].values
    kinds = np.unique(present)
    names = [str(n) for n in dataset.attrs.get("species_names", ())]
    of_particle = np.searchsorted(kinds, present).astype(float)
    values = np.broadcast_to(of_particle, (dataset.sizes["snapshot_frame"], len(of_particle)))
    rgb = _species_colors(len(kinds))
    said = [names[k] if np.issubdtype(kinds.dtype, np.integer) and k < len(names) else str(k) for k in kinds]
    hexes = ["#" + "".join(f"{round(float(c) * 255):02x}" for c in color) for color in rgb]
    shown = list(zip(said, hexes, strict=True))
    if len(shown) > 2 * len(_SPECIES):
        shown = [shown[0], shown[len(shown) // 2], shown[-1]]

    def paint(v: NDArray[np.float64]) -> NDArray[np.float64]:
        return rgb[np.clip(np.nan_to_num(v).astype(np.int64), 0, len(rgb) - 1)]

    return Coloring(
        "species",
        values,
        0.0,
        max(1.0, len(kinds) - 1.0),
        paint,
        axis_label(dataset["species"]),
        "species",
        ("", "", ""),
        tuple(shown),
    )


def _species_colors(n: int) -> NDArray[np.float64]:
    """Return one colour per species, (n, 3): distinct ones as far as they go, else from blue to red."""
    if n > len(_SPECIES):
        return blue_to_red(np.arange(n))
    return np.array([[int(c[k : k + 2], 16) / 255 for k in (1, 3, 5)] for c in _SPECIES[: max(n, 1)]])
