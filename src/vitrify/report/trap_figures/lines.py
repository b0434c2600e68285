"""What the figures of the trap model share: lines with bands, points with bars, colours, tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.report.figures.base import PlottedTable, tidy
from vitrify.report.figures.style import INK, MARKERS, blue_to_red, distances

if TYPE_CHECKING:
    import xarray as xr

ENDS = ("model", "low", "high")


def compared_table(dataset: xr.Dataset, measured: tuple[str, ...], modelled: tuple[str, ...]) -> PlottedTable:
    """Return measured columns and those of the model where there are any; rows without a value are left out.

    Parameters
    ----------
    dataset : xarray.Dataset
    measured : tuple of str
        All of the same dimensions.
    modelled : tuple of str
        Curves that may have ``_model``, ``_low`` and ``_high``.
    """
    of_model = tuple(f"{name}_{end}" for name in modelled for end in ENDS if f"{name}_{end}" in dataset)
    table = tidy(dataset, (*measured, *of_model))
    values = [table[name] for name in (measured[0], *of_model[:1])]
    remarks = tuple(
        f"{name} = {dataset.attrs[name]!r}"
        for name in ("cutoff", "landing_temperature", "T0", "matching_temperature", "rate_factor", "ensemble")
        if name in dataset.attrs
    )
    kept = table.where(np.isfinite(np.stack(values).astype(float)).any(axis=0))
    return PlottedTable(kept.columns, kept.meanings, remarks)


def colors_of(temperatures: NDArray[np.float64], dataset: xr.Dataset) -> NDArray[np.float64]:
    """Return one colour per temperature, even in 1/T: the cold ones lie close together and matter most."""
    low, high = dataset.attrs.get("temperature_range", (temperatures.min(), temperatures.max()))
    return blue_to_red(-1 / temperatures, (-1 / low, -1 / high))


def marker_of(k: int) -> str:
    """Return the marker of the k-th curve."""
    return MARKERS[k % len(MARKERS)]


def draw_points(ax: Any, x: Any, value: Any, error: Any, **style: Any) -> None:
    """Draw measured points with bars; a point without a known error is open."""
    known = np.isfinite(error)
    color = style.pop("color", INK)
    ax.errorbar(
        x[known], value[known], yerr=distances(value[known], (value - error)[known], (value + error)[known]), color=color,
        ls="none", elinewidth=0.9, ms=3.8, **style,
    )  # fmt: skip
    style.pop("label", None)
    ax.plot(x[~known], value[~known], color=color, ls="none", mfc="white", ms=3.8, **style)


def draw_model(ax: Any, x: Any, table: PlottedTable, name: str, color: Any = INK, **style: Any) -> None:
    """Draw a curve of the model and its interval, if there is one."""
    if f"{name}_model" not in table.columns:
        return
    order = np.argsort(x)
    value, low, high = (table[f"{name}_{end}"][order] for end in ENDS)
    finite = np.isfinite(value)
    ax.plot(x[order][finite], value[finite], color=color, lw=1.1, gid=f"{name}_model", **style)
    both = np.isfinite(low) & np.isfinite(high)
    ax.fill_between(
        x[order][both], low[both], high[both], color=color, alpha=0.18, lw=0, gid=f"{name}_interval"
    )
