"""Decay of the overlap, one curve per species."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure
from vitrify.report.figures.style import FAINT
from vitrify.report.store_figures.curves import plot_species, species_table

if TYPE_CHECKING:
    import xarray as xr


def species_overlap_table(dataset: xr.Dataset) -> PlottedTable:
    """Return q(t) with its error at every positive time."""
    return species_table(dataset, "overlap")


def plot_species_overlap(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw q(t) of each species on a logarithmic time axis, with the level 1/e.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``species_overlap``.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes
    """
    ax = plot_species(dataset, "overlap", ax)
    if np.isfinite(dataset["overlap"].values).any():
        ax.axhline(np.exp(-1), color=FAINT, lw=0.8, ls=":", gid="level")
        ax.set_ylim(0, 1.05)
        ax.legend(loc="lower left")
    return ax


SPECIES_OVERLAP = ReportFigure(
    "species_overlap", ("species_overlap",), plot_species_overlap, species_overlap_table
)
