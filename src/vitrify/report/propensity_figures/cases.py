"""All models beside each other: ranked, and configuration by configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.report.figures.base import PlottedTable, ReportFigure
from vitrify.report.figures.style import FAINT, INK, axes_or_new, axis_label
from vitrify.report.propensity_figures.drawing import (
    KINDS,
    MEAN,
    at_relaxation,
    color_of,
    draw_level,
    dress,
    legend_below,
    names,
    of_species,
    said_time,
    title_of,
)
from vitrify.report.relaxation_figures.drawing import finite_table, joined, nothing, remarks_of, with_error

if TYPE_CHECKING:
    import xarray as xr

_MARKERS = {"both": "o", "radial": "s", "angular": "^", "network": "P"}


def _ranked(scores: xr.Dataset) -> xr.Dataset:
    """Return what is known at the relaxation time, best case first: by the mean over species."""
    found = at_relaxation(scores)
    pearson = found["pearson"].transpose("case", "species").values
    known = np.isfinite(pearson)
    mean = np.where(known, pearson, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    there = np.flatnonzero(known.any(axis=1))
    return found.isel(case=there[np.argsort(-mean[there], kind="stable")])


def propensity_best_table(scores: xr.Dataset, ceiling: xr.Dataset) -> PlottedTable:
    """Return all cases at the relaxation time, best first, and the ceiling."""
    found = _ranked(scores)
    remarks = (said_time(scores, found["time"]), *remarks_of(scores, "relaxation_time", "n_configurations"))
    columns = (
        "pearson",
        "pearson_error",
        "pearson_sd",
        "pearson_pooled",
        "spearman",
        "spearman_error",
        "strength",
    )
    return joined(finite_table(found, columns, remarks), finite_table(ceiling, ("ceiling", "ceiling_error")))


def plot_propensity_best(scores: xr.Dataset, ceiling: xr.Dataset, ax: Any = None) -> Any:
    """Draw one row per case, best on top, one panel per species, with the ceiling as an upright line.

    Parameters
    ----------
    scores, ceiling : xarray.Dataset
        ``propensity_scores`` and ``propensity_ceiling``.
    ax : matplotlib axes, optional

    Returns
    -------
    ndarray of matplotlib axes
    """
    axes, found = axes_or_new(ax, *of_species(scores)), _ranked(scores)
    cases, rows = names(found, "case"), -np.arange(found.sizes["case"], dtype=float)
    for k, (panel, species) in enumerate(zip(axes, names(scores, "species"), strict=False)):
        draw_level(panel, ceiling, species, found["time"].values, upright=True)
        one, drawn = found.sel(species=species), False
        for j, case in enumerate(cases):
            value, error = (float(v) for v in with_error(one.isel(case=j), "pearson", ()))
            if not np.isfinite(value):
                continue
            drawn = True
            marker = "D" if one["motion"].values[j] else _MARKERS.get(str(one["part"].values[j]), "o")
            panel.errorbar(
                value, rows[j], xerr=np.nan_to_num(error), color=color_of(case), marker=marker, ms=4.0, ls="none",
                elinewidth=0.9, gid="pearson",
            )  # fmt: skip
        _name_rows(panel, rows, cases if k == 0 else [""] * len(cases))
        nothing(panel, scores["pearson"], drawn)
    dress(axes, [title_of(s) for s in names(scores, "species")], len(axes), axis_label(scores["pearson"]), "")
    _explain_colors(axes, cases)
    return axes


def _name_rows(panel: Any, rows: NDArray[np.float64], cases: list[str]) -> None:
    panel.set_yticks(rows, cases, fontsize=8.5)
    panel.tick_params(axis="y", which="minor", left=False, right=False)
    panel.tick_params(axis="y", which="major", length=0)
    if len(rows):
        panel.set_ylim(rows[-1] - 0.7, 0.7)
    panel.grid(axis="y", color=FAINT, alpha=0.25, lw=0.5)
    panel.set_axisbelow(True)


def _explain_colors(axes: Any, cases: list[str]) -> None:
    """Say below the panels what the colours are."""
    seen = {color_of(case) for case in cases}
    for kind, color in (*KINDS.items(), ("mean of models", MEAN)):
        if color in seen:
            axes[0].plot([], [], color=color, marker="o", ms=4.0, ls="none", label=kind)
    legend_below(axes)


def propensity_configurations_table(dataset: xr.Dataset) -> PlottedTable:
    """Return Pearson of every configuration, for the best case of each kind of positions."""
    remarks = remarks_of(dataset, "time")
    return finite_table(dataset, ("pearson",), remarks)


def plot_propensity_configurations(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw one row per case with a ring for each configuration and a stroke at the mean, one panel per species.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``propensity_configurations``.
    ax : matplotlib axes, optional

    Returns
    -------
    ndarray of matplotlib axes
    """
    axes, cases = axes_or_new(ax, *of_species(dataset)), names(dataset, "case")
    rows = -np.arange(len(cases), dtype=float)
    for k, (panel, species) in enumerate(zip(axes, names(dataset, "species"), strict=False)):
        drawn = False
        for j, case in enumerate(cases):
            found = dataset["pearson"].sel(species=species).isel(case=j).values
            found = found[np.isfinite(found)]
            if not len(found):
                continue
            drawn = True
            beside = (
                rows[j] + 0.12 * ((np.arange(len(found)) % 5) - 2) / 2
            )  # rings of equal values stay apart
            panel.plot(found, beside, "o", ms=4.2, mfc="none", color=color_of(case), gid="pearson")
            panel.plot([found.mean()] * 2, rows[j] + np.array([-0.3, 0.3]), color=INK, lw=1.6, gid="mean")
        _name_rows(panel, rows, cases if k == 0 else [""] * len(cases))
        nothing(panel, dataset["pearson"], drawn)
    dress(
        axes, [title_of(s) for s in names(dataset, "species")], len(axes), axis_label(dataset["pearson"]), ""
    )
    return axes


PROPENSITY_BEST = ReportFigure(
    "propensity_best",
    ("propensity_scores", "propensity_ceiling"),
    plot_propensity_best,
    propensity_best_table,
    (9.6, 7.6),
    of_species,
)
PROPENSITY_CONFIGURATIONS = ReportFigure(
    "propensity_configurations",
    ("propensity_configurations",),
    plot_propensity_configurations,
    propensity_configurations_table,
    (8.6, 3.2),
    of_species,
)
