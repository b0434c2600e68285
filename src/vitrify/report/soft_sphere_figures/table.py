"""Numbers of several densities as one table, and how a density is drawn everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.report.figures.base import PlottedTable, meaning
from vitrify.report.figures.style import MARKERS, axis_label, blue_to_red, distances, number, symbol

if TYPE_CHECKING:
    import xarray as xr


def flat_table(dataset: xr.Dataset, names: tuple[str, ...], seen: tuple[str, ...]) -> PlottedTable:
    """Return variables of the dimensions of the first one, or fewer, as one row per value.

    Parameters
    ----------
    dataset : xarray.Dataset
    names : tuple of str
    seen : tuple of str
        A row stays where one of these is a number.

    Returns
    -------
    PlottedTable
    """
    first = dataset[names[0]]
    columns = {
        name: np.asarray(dataset[name].broadcast_like(first).transpose(*first.dims)).ravel() for name in names
    }
    table = PlottedTable(columns, {name: meaning(dataset[name]) for name in names})
    return table.where(np.any([np.isfinite(columns[name]) for name in seen], axis=0))


def by_density(dataset: xr.Dataset) -> list[tuple[float, NDArray[np.float64], str, str]]:
    """Return density, colour, marker and words of the legend, from low to high."""
    values = dataset["density"].values
    words = [f"{symbol(dataset['density'])} $=$ {number(v)}" for v in values]
    return list(
        zip(
            values.tolist(),
            blue_to_red(values),
            [MARKERS[k % len(MARKERS)] for k in range(len(values))],
            words,
            strict=True,
        )
    )


def each_density(
    axes: NDArray[Any], names: tuple[str, ...], table: PlottedTable, dataset: xr.Dataset
) -> Iterator[tuple[Any, str, PlottedTable, tuple[Any, str, str]]]:
    """Yield each panel with its variable, and for each density the rows; colour, marker and words of the legend."""
    for panel, name in zip(axes, names, strict=True):
        panel.set_ylabel(axis_label(dataset[name]))
        for value, color, marker, words in by_density(dataset):
            yield panel, name, table.where(table["density"] == value), (color, marker, words)


def compare(panel: Any, x: Any, one: PlottedTable, name: str, color: Any, marker: str, words: str) -> None:
    """Draw what was measured with its error, and the trap model dashed with its interval, along ascending `x`."""
    middle, error = one[name], one[f"{name}_error"]
    band = middle, middle - error, middle + error
    points(panel, x, band, color=color, marker=marker, ls="none", label=words, gid=name)
    order = np.argsort(x, kind="stable")
    model, low, high = (one[f"{name}_{end}"][order] for end in ("model", "low", "high"))
    panel.plot(x[order], model, color=color, lw=1, ls="--", gid=f"{name}_model")
    panel.fill_between(x[order], low, high, color=color, alpha=0.15, lw=0)


def points(panel: Any, x: Any, values: tuple[Any, Any, Any], **style: Any) -> None:
    """Draw values with the ends of their intervals."""
    middle, low, high = (np.asarray(v, float) for v in values)
    kept = np.isfinite(middle)
    panel.errorbar(
        np.asarray(x, float)[kept],
        middle[kept],
        yerr=distances(middle[kept], low[kept], high[kept]),
        elinewidth=0.9,
        **style,
    )
