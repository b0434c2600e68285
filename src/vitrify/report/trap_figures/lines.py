"""What the figures of the trap model share: lines with bands, points with bars, colours, tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.report.figures.base import PlottedTable, each_curve, tidy
from vitrify.report.figures.style import INK, blue_to_red, error_bars

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


def each_temperature(
    table: PlottedTable, temperatures: NDArray[np.float64], dataset: xr.Dataset
) -> Iterator[tuple[float, PlottedTable, Any, str]]:
    """Yield each temperature with its rows, its colour and its marker."""
    return each_curve("temperature", table, temperatures, colors_of(temperatures, dataset))


def draw_both(
    ax: Any, x: Any, table: PlottedTable, name: str, colors: tuple[Any, Any], marker: str = "o"
) -> None:
    """Draw the model in the first colour, then what was measured in the second."""
    draw_model(ax, x, table, name, colors[0], label="trap model")
    seen = np.isfinite(table[name])
    draw_points(
        ax, x[seen], table[name][seen], table[f"{name}_error"][seen], color=colors[1], marker=marker, label="simulation",
        gid=name,
    )  # fmt: skip


def draw_points(ax: Any, x: Any, value: Any, error: Any, **style: Any) -> None:
    """Draw measured points with bars; a point without a known error is open."""
    known = np.isfinite(error)
    color = style.pop("color", INK)
    error_bars(
        ax, x[known], value[known], error[known], color=color, ls="none", elinewidth=0.9, ms=3.8, **style
    )
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
