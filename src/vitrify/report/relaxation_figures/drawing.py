"""Points with bars, lines with bands, and colours of temperature: what the figures of relaxation share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.report.figures.base import PlottedTable, tidy
from vitrify.report.figures.style import MARKERS, blue_to_red, number, say_empty, symbol

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]
ROUTES = {"naive": "softness stays", "gaussian": "propagator"}
CALIBRATIONS = {
    "counted": "$c = c_a\\, f_\\mathrm{irrev}$",
    "initial": "$c$ from initial decay",
    "early": "$c$ from early times",
}


def finite_table(dataset: xr.Dataset, names: tuple[str, ...], remarks: tuple[str, ...] = ()) -> PlottedTable:
    """Return the rows of variables that share their dimensions in which the first one is known, at positive lags."""
    table = tidy(dataset, names)
    kept = np.isfinite(table[names[0]].astype(float))
    if "lag" in table.columns:
        kept &= table["lag"] > 0
    found = table.where(kept)
    return PlottedTable(found.columns, found.meanings, remarks)


def remarks_of(dataset: xr.Dataset, *names: str) -> tuple[str, ...]:
    """Return lines for the header of a CSV from attributes that are there."""
    return tuple(f"{name} = {dataset.attrs[name]!r}" for name in names if name in dataset.attrs)


def joined(*tables: PlottedTable) -> PlottedTable:
    """Return the rows of several tables under one another; what one lacks is empty there, and `what` says which it is."""
    columns = list(dict.fromkeys(c for t in tables for c in t.columns))
    whole = {
        c: np.concatenate(
            [np.asarray(t.columns[c]).astype(str) if c in t.columns else np.full(len(t), "") for t in tables]
        )
        for c in columns
    }
    meanings: dict[str, str] = {}
    for t in tables:
        meanings |= {k: v for k, v in t.meanings.items() if k not in meanings}
    return PlottedTable(whole, meanings, tuple(r for t in tables for r in t.remarks))


def colors_of(dataset: xr.Dataset) -> dict[float, Any]:
    """Return the colour of each temperature, the same on the whole page."""
    temperatures = np.atleast_1d(dataset["temperature"].values)
    colors = blue_to_red(temperatures, dataset.attrs.get("temperature_range"))
    return {float(t): c for t, c in zip(temperatures, colors, strict=True)}


def label_of(dataset: xr.Dataset, temperature: float) -> str:
    """Return "T = 0.5" with the symbol of the data set."""
    return f"{symbol(dataset['temperature'])} $=$ {number(temperature)}"


def by_temperature(dataset: xr.Dataset) -> Iterator[tuple[int, xr.Dataset, Any, str]]:
    """Yield each temperature: its number, what belongs to it, its colour and its label."""
    for k, (t, color) in enumerate(colors_of(dataset).items()):
        yield k, dataset.sel(temperature=t), color, label_of(dataset, t)


def with_error(one: xr.Dataset, name: str, kept: Any = slice(None)) -> tuple[Array, Array]:
    """Return some values of a variable, and their errors."""
    return one[name].values[kept], one[f"{name}_error"].values[kept]


def points(
    ax: Any, x: ArrayLike, y: ArrayLike, error: ArrayLike, color: Any, k: int = 0, *, gid: str, **how: Any
) -> bool:
    """Draw points with bars, open where the error is not known; return whether there are any."""
    x, y, error = (np.asarray(a, float) for a in (x, y, error))
    known = np.isfinite(x) & np.isfinite(y)
    if not known.any():
        return False
    style = {"marker": MARKERS[k % len(MARKERS)], "ms": 3.6, "ls": "none", "elinewidth": 0.9} | how
    ax.errorbar(x[known], y[known], yerr=np.nan_to_num(error[known]), color=color, gid=gid, **style)
    unsure = known & np.isnan(error)
    if unsure.any():  # open: the error is not known
        hollow = {"marker": style["marker"], "ms": style["ms"], "mfc": "white", "ls": "none", "zorder": 3}
        ax.plot(x[unsure], y[unsure], color=color, **hollow)
    return True


def band(ax: Any, x: ArrayLike, y: ArrayLike, error: ArrayLike, color: Any, *, gid: str, **how: Any) -> bool:
    """Draw a line and its band where it is known; return whether there is any."""
    x, y, error = (np.asarray(a, float) for a in (x, y, error))
    known = np.isfinite(x) & np.isfinite(y)
    if not known.any():
        return False
    e = np.nan_to_num(error[known])
    ax.plot(x[known], y[known], color=color, gid=gid, **({"lw": 1.2} | how))
    ax.fill_between(x[known], y[known] - e, y[known] + e, color=color, alpha=0.18, lw=0)
    return True


def nothing(ax: Any, variable: xr.DataArray, drawn: bool) -> None:
    """Say that there is nothing to draw, if there is not."""
    if not drawn:
        say_empty(ax, symbol(variable))


def chosen_bins(n: Array, softness: Array, wanted: int = 5, least: float = 50.0) -> list[int]:
    """Return some bins of softness, evenly spread among those that hold enough."""
    filled = np.flatnonzero((n >= least) & np.isfinite(softness))
    if not len(filled):
        return []
    return [
        int(filled[k])
        for k in np.unique(np.linspace(0, len(filled) - 1, min(wanted, len(filled))).round().astype(int))
    ]


def alike(axes: Sequence[Any] | NDArray[Any]) -> None:
    """Give axes one vertical range, that of all of them."""
    if len(axes):
        low, high = min(ax.get_ylim()[0] for ax in axes), max(ax.get_ylim()[1] for ax in axes)
        for ax in axes:
            ax.set_ylim(low, high)


def log_time(ax: Any, lags: ArrayLike) -> None:
    """Make time logarithmic where there is more than one positive time."""
    lags = np.asarray(lags, float)
    if (lags > 0).sum() > 1:
        ax.set_xscale("log")
