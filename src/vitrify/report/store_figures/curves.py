"""Curves against time, one per species, and distributions of an indicator: what the figures beside share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, tidy
from vitrify.report.figures.style import (
    FAINT,
    HARD,
    INK,
    MARKERS,
    SOFT,
    count,
    distances,
    error_bars,
    labelled_axes,
    left_empty,
    number,
)

if TYPE_CHECKING:
    import xarray as xr

_COLORS = (INK, SOFT, HARD, FAINT)
_THRESHOLDS = (("event_threshold", FAINT, ":"), ("rearrangement_threshold", SOFT, "--"))


def species_table(dataset: xr.Dataset, name: str) -> PlottedTable:
    """Return a curve of every species with its error at every positive time."""
    table = tidy(dataset, (name, f"{name}_error"))
    remarks = (f"cutoff = {dataset.attrs['cutoff']!r}",) if "cutoff" in dataset.attrs else ()
    kept = table.where(np.isfinite(table[name]) & (table["lag"] > 0))
    return PlottedTable(kept.columns, kept.meanings, remarks)


def plot_species(dataset: xr.Dataset, name: str, ax: Any = None) -> Any:
    """Draw one curve per species on a logarithmic time axis; symbols without a known error are open.

    Parameters
    ----------
    dataset : xarray.Dataset
        Dimensions species, lag.
    name : str
        Of the variable; its error is `name` with ``_error``.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes
    """
    ax = labelled_axes(ax, dataset["lag"], dataset[name])
    table = species_table(dataset, name)
    if left_empty(ax, dataset[name], len(table)):
        return ax
    ax.set_xscale("log")
    for k, species in enumerate(dataset["species"].values):
        curve = table.where(table["species"] == species)
        color, marker = _COLORS[k % len(_COLORS)], MARKERS[k % len(MARKERS)]
        value, error = curve[name], curve[f"{name}_error"]
        known = np.isfinite(error)
        ax.plot(curve["lag"], value, color=color, lw=1.0, gid=name)
        error_bars(
            ax, curve["lag"][known], value[known], error[known], color=color, marker=marker, ms=3.6, ls="none",
            elinewidth=0.9, label=str(species), gid=f"{name}_known",
        )  # fmt: skip
        ax.plot(
            curve["lag"][~known], value[~known], color=color, marker=marker, ms=3.6, mfc="white", ls="none"
        )
    return ax


def distribution_table(dataset: xr.Dataset) -> PlottedTable:
    """Return the bins of a distribution that hold something."""
    table = tidy(dataset, ("low", "high", "density", "density_error", "n"))
    names = ("event_threshold", "rearrangement_threshold")
    remarks = tuple(f"{name} = {dataset.attrs[name]!r}" for name in names if name in dataset.attrs)
    kept = table.where(np.isfinite(table["density"]) & (table["n"] > 0))
    return PlottedTable(kept.columns, kept.meanings, remarks)


def plot_distribution(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw the distribution of an indicator on logarithmic axes, with its thresholds.

    Parameters
    ----------
    dataset : xarray.Dataset
        Dimension value_bin; thresholds are its attributes.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes
    """
    ax = labelled_axes(ax, dataset["value"], dataset["density"])
    table = distribution_table(dataset)
    if left_empty(ax, dataset["density"], len(table)):
        return ax
    ax.set_xscale("log")
    ax.set_yscale("log")
    value, error = table["density"], table["density_error"]
    # a bar down to nothing has no place on a logarithmic axis
    low = np.maximum(value - error, value / 10)
    held = np.where(dataset["n"].values > 0, dataset["density"].values, np.nan)  # no line across an empty bin
    ax.plot(dataset["value"].values, held, color=INK, lw=0.8)
    ax.errorbar(
        table["value"], value, yerr=distances(value, low, value + error), color=INK, marker="o", ms=3.0,
        elinewidth=0.9, ls="none", gid="density",
        label=f"{count(np.nansum(table['n']))} {dataset['n'].attrs.get('long_name', 'values')}",
    )  # fmt: skip
    for name, color, style in _THRESHOLDS:
        if np.isfinite(threshold := float(dataset.attrs.get(name, np.nan))):
            label = f"{name.replace('_', ' ')} {number(threshold)}"
            ax.axvline(threshold, color=color, lw=1, ls=style, label=label, gid=name)
    ax.legend(loc="lower left")
    return ax
