"""What the figures of this page share: points with the ends of their intervals, and columns of densities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.report.figures.style import HARD, INK, MARKERS, SOFT, distances, number, symbol

if TYPE_CHECKING:
    import xarray as xr

COLORS = (INK, HARD, SOFT, "#f67e4b", "#4a7bb7")


def columns_of(rows: int) -> Any:
    """Return the layout of `rows` panels for each density of a data set."""
    return lambda dataset: (rows, max(1, dataset.sizes["density"]))


def densities(dataset: xr.Dataset) -> list[str]:
    """Return the label of every density."""
    return [f"{symbol(dataset['density'])} = {number(value)}" for value in dataset["density"].values]


def cutoff_axis(ax: Any, cutoffs: NDArray[np.float64]) -> None:
    """Make the horizontal axis logarithmic, with every cutoff written on it."""
    ax.set_xscale("log")
    ax.set_xticks(cutoffs, [number(float(cutoff)) for cutoff in cutoffs])
    ax.minorticks_off()


def points(
    ax: Any,
    x: NDArray[Any],
    value: NDArray[Any],
    low: NDArray[Any],
    high: NDArray[Any],
    k: int,
    **style: Any,
) -> None:
    """Draw points with their intervals; where an interval has no end, the point alone, open."""
    known = np.isfinite(low) & np.isfinite(high) & np.isfinite(value)
    color, marker = style.pop("color", COLORS[k % len(COLORS)]), MARKERS[k % len(MARKERS)]
    ax.errorbar(
        x[known], value[known], yerr=distances(value[known], low[known], high[known]), color=color, marker=marker,
        ls="none", elinewidth=0.9, **style,
    )  # fmt: skip
    ax.plot(x[~known], value[~known], color=color, marker=marker, mfc="white", ls="none")
