"""Mean squared displacement, one curve per species."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure
from vitrify.report.store_figures.curves import plot_species, species_table

if TYPE_CHECKING:
    import xarray as xr


def species_msd_table(dataset: xr.Dataset) -> PlottedTable:
    """Return the mean squared displacement where it is positive, with its error."""
    table = species_table(dataset, "msd")
    return table.where(table["msd"] > 0)


def plot_species_msd(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw the mean squared displacement of each species on logarithmic axes.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``species_msd``.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes
    """
    ax = plot_species(dataset.where(dataset["msd"] > 0), "msd", ax)
    if np.isfinite(dataset["msd"].values).any():
        ax.set_yscale("log")
        ax.legend(loc="upper left")
    return ax


SPECIES_MSD = ReportFigure("species_msd", ("species_msd",), plot_species_msd, species_msd_table)
