"""Models that learned from one source, tried on another one, unchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure
from vitrify.report.figures.style import FAINT, axes_or_new, axis_label
from vitrify.report.propensity_figures.drawing import (
    color_of,
    dress,
    few_ticks,
    legend_below,
    names,
    of_species,
    title_of,
)
from vitrify.report.relaxation_figures.drawing import (
    band,
    finite_table,
    joined,
    log_time,
    nothing,
    points,
    remarks_of,
)

if TYPE_CHECKING:
    import xarray as xr


def propensity_transfer_table(dataset: xr.Dataset) -> PlottedTable:
    """Return Pearson of every case and time, and the scattering function of the other source."""
    scores = finite_table(dataset, ("pearson",), remarks_of(dataset, "source", "trained_time"))
    return joined(scores, finite_table(dataset, ("scattering",)))


def _shades(cases: list[str]) -> list[tuple[str, tuple[float, ...]]]:
    """Return a colour for each case: that of its kind of positions, from pale to full in their order."""
    from matplotlib.colors import to_rgb

    of_kind = [color_of(case) for case in cases]
    shades = []
    for k, color in enumerate(of_kind):
        full = of_kind[: k + 1].count(color) / of_kind.count(color)
        pale = 0.6 * (1 - full)
        shades.append((cases[k], tuple(c + (1 - c) * pale for c in to_rgb(color))))
    return shades


def plot_propensity_transfer(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw Pearson against time, one line per case and one panel per species, with the scattering function in grey.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``propensity_transfer``; attribute ``trained_time`` is drawn as an upright line.
    ax : matplotlib axes, optional

    Returns
    -------
    ndarray of matplotlib axes
    """
    axes = axes_or_new(ax, *of_species(dataset))
    times, unknown = dataset["time"].values, np.full(dataset.sizes["time"], np.nan)
    trained = float(dataset.attrs.get("trained_time", np.nan))
    for panel, species in zip(axes, names(dataset, "species"), strict=False):
        drawn = False
        for k, (case, color) in enumerate(_shades(names(dataset, "case"))):
            pearson = dataset["pearson"].sel(species=species).isel(case=k).values
            drawn |= points(
                panel, times, pearson, np.zeros_like(pearson), color, k, gid="pearson", ls="-", lw=0.9, label=case
            )  # fmt: skip
        band(
            panel,
            times,
            dataset["scattering"].values,
            unknown,
            FAINT,
            gid="scattering",
            ls="--",
            label="$F_s(k, t)$",
        )
        if np.isfinite(trained):
            panel.axvline(trained, color=FAINT, lw=0.8, ls=":", gid="trained", label="learned at")
        log_time(panel, times)
        few_ticks(panel, times)
        nothing(panel, dataset["pearson"], drawn)
    titles = [title_of(s) for s in names(dataset, "species")]
    dress(axes, titles, len(axes), axis_label(dataset["time"]), axis_label(dataset["pearson"]))
    legend_below(axes)
    return axes


PROPENSITY_TRANSFER = ReportFigure(
    "propensity_transfer",
    ("propensity_transfer",),
    plot_propensity_transfer,
    propensity_transfer_table,
    (8.6, 4.4),
    of_species,
)
