"""How well structure predicts the propensity, by order of averaging and by part of the descriptors, against time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vitrify.report.figures.base import PlottedTable, ReportFigure
from vitrify.report.figures.style import HARD, INK, SOFT, axes_or_new, axis_label, blue_to_red
from vitrify.report.propensity_figures.drawing import (
    color_of,
    draw_ceiling,
    draw_level,
    dress,
    family,
    few_ticks,
    kinds_of,
    legend_below,
    names,
    of_species,
    orders_along,
    single,
    time_unit,
    title_of,
)
from vitrify.report.relaxation_figures.drawing import (
    alike,
    finite_table,
    joined,
    log_time,
    nothing,
    points,
    remarks_of,
    with_error,
)

if TYPE_CHECKING:
    import xarray as xr

PARTS = {"radial": HARD, "angular": SOFT, "both": INK}
_SCORES = ("pearson", "pearson_error", "pearson_sd", "pearson_pooled", "spearman", "spearman_error")


def propensity_time_table(scores: xr.Dataset, ceiling: xr.Dataset) -> PlottedTable:
    """Return the scores of all models on structure alone with all descriptors, and the ceiling."""
    return joined(
        finite_table(family(scores), _SCORES, remarks_of(scores, "relaxation_time", "n_configurations")),
        finite_table(ceiling, ("ceiling", "ceiling_error", "reliability"), remarks_of(scores, "n_runs")),
    )


def _time_panels(scores: xr.Dataset, *_: xr.Dataset) -> tuple[int, int]:
    return of_species(scores) if single(scores) else _grid(scores, kinds_of(scores))


def _grid(scores: xr.Dataset, kinds: list[str]) -> tuple[int, int]:
    return max(1, scores.sizes["species"]), max(1, len(kinds))


def plot_propensity_time(scores: xr.Dataset, ceiling: xr.Dataset, ax: Any = None) -> Any:
    """Draw Pearson against time, one colour per order of averaging; with one time only, against the order.

    Parameters
    ----------
    scores, ceiling : xarray.Dataset
        ``propensity_scores`` and ``propensity_ceiling``.
    ax : matplotlib axes, optional
        One row per species and one column per kind of positions; with one time only, one column per species.

    Returns
    -------
    ndarray of matplotlib axes
    """
    rows, columns = _time_panels(scores)
    axes = axes_or_new(ax, rows, columns)
    if single(scores):
        _draw_orders(scores, ceiling, axes)
        return axes
    kinds, (unit, along) = kinds_of(scores), time_unit(scores)
    places = [(s, kind) for s in names(scores, "species") for kind in kinds]
    for panel, (species, kind) in zip(axes, places, strict=False):
        draw_ceiling(panel, ceiling, species, unit)
        _draw_orders_in_time(panel, family(scores, kind).sel(species=species), unit)
    dress(
        axes, [f"{title_of(s)}, {kind}" for s, kind in places], columns, along, axis_label(scores["pearson"])
    )
    _finish(axes, columns)
    return axes


def _draw_orders_in_time(panel: Any, found: xr.Dataset, unit: float) -> None:
    """Draw Pearson against time, one line per order of averaging."""
    orders = found["order"].values
    times, drawn = found["time"].values / unit, False
    for k, (order, color) in enumerate(zip(orders, blue_to_red(orders.astype(float)), strict=True)):
        drawn |= points(
            panel, times, *with_error(found.isel(case=k), "pearson"), color, k, gid="pearson", ls="-", lw=0.9, label=f"LR({order})"
        )  # fmt: skip
    log_time(panel, times)
    few_ticks(panel, times)
    nothing(panel, found["pearson"], drawn)


def _draw_orders(scores: xr.Dataset, ceiling: xr.Dataset, axes: Any) -> None:
    """Draw Pearson at the only time against the order of averaging, one line per kind of positions."""
    for panel, species in zip(axes, names(scores, "species"), strict=False):
        draw_level(panel, ceiling, species, scores["time"].values[0])
        drawn = False
        for k, kind in enumerate(kinds_of(scores)):
            found = family(scores, kind).sel(species=species).isel(time=0)
            drawn |= points(
                panel, found["order"].values + 0.04 * k, *with_error(found, "pearson"), color_of(kind), k, gid="pearson",
                ls="-", lw=0.9, label=kind,
            )  # fmt: skip
        orders_along(panel, family(scores)["order"].values)
        nothing(panel, scores["pearson"], drawn)
    titles = [title_of(s) for s in names(scores, "species")]
    dress(axes, titles, len(axes), axis_label(scores["order"]), axis_label(scores["pearson"]))
    _finish(axes, len(axes))


def _finish(axes: Any, columns: int) -> None:
    """Give the panels of a row one vertical range, and all of them one legend."""
    for start in range(0, len(axes), columns):
        alike(axes[start : start + columns])
    legend_below(axes)


def propensity_parts_table(scores: xr.Dataset) -> PlottedTable:
    """Return the scores of radial, angular and all descriptors, where the parts were tried."""
    some = family(scores).isel(case=[])
    tables = [family(scores, kind, part) for kind in _tried_kinds(scores) for part in PARTS]
    return joined(*(finite_table(one, _SCORES) for one in tables or [some]))


def _tried_kinds(scores: xr.Dataset) -> list[str]:
    """Return the kinds of positions with models of single parts of the descriptors."""
    tried = {kind for part in ("radial", "angular") for kind in kinds_of(scores, part)}
    return [kind for kind in kinds_of(scores) if kind in tried]


def _part_panels(scores: xr.Dataset) -> tuple[int, int]:
    return _grid(scores, _tried_kinds(scores))


def plot_propensity_parts(scores: xr.Dataset, ax: Any = None) -> Any:
    """Draw Pearson of radial, angular and all descriptors: against time for the lowest and the highest order of averaging.

    With one time only, against the order.

    Parameters
    ----------
    scores : xarray.Dataset
        ``propensity_scores``.
    ax : matplotlib axes, optional
        One row per species and one column per kind of positions whose parts were tried.

    Returns
    -------
    ndarray of matplotlib axes
    """
    rows, columns = _part_panels(scores)
    axes = axes_or_new(ax, rows, columns)
    kinds = _tried_kinds(scores)
    places = [(s, kind) for s in names(scores, "species") for kind in kinds]
    for panel, (species, kind) in zip(axes, places, strict=False):
        draw = _parts_by_order if single(scores) else _parts_by_time
        draw(panel, scores.sel(species=species), kind)
    if not places:
        nothing(axes[0], scores["pearson"], drawn=False)
    along = axis_label(scores["order"]) if single(scores) else time_unit(scores)[1]
    dress(
        axes, [f"{title_of(s)}, {kind}" for s, kind in places], columns, along, axis_label(scores["pearson"])
    )
    _finish(axes, columns)
    return axes


def _parts_by_order(panel: Any, scores: xr.Dataset, kind: str) -> None:
    drawn = False
    for k, (part, color) in enumerate(PARTS.items()):
        found = family(scores, kind, part).isel(time=0)
        drawn |= points(
            panel, found["order"].values + 0.04 * (k - 1), *with_error(found, "pearson"), color, k, gid=part, ls="-", lw=0.9,
            label=part,
        )  # fmt: skip
    orders_along(panel, family(scores, kind)["order"].values)
    nothing(panel, scores["pearson"], drawn)


def _parts_by_time(panel: Any, scores: xr.Dataset, kind: str) -> None:
    times, drawn = scores["time"].values / time_unit(scores)[0], False
    for k, (part, color) in enumerate(PARTS.items()):
        found = family(scores, kind, part)
        for order in sorted({int(n) for n in found["order"].values[[0, -1]]}) if found.sizes["case"] else ():
            lowest = order == found["order"].values[0]
            one = found.isel(case=0 if lowest else -1)
            style: dict[str, Any] = {"ls": "--" if lowest else "-", "mfc": "white" if lowest else color}
            drawn |= points(
                panel, times, *with_error(one, "pearson"), color, k, gid=part, lw=0.9, label=f"{part}, LR({order})", **style
            )  # fmt: skip
    log_time(panel, times)
    few_ticks(panel, times)
    nothing(panel, scores["pearson"], drawn)


PROPENSITY_TIME = ReportFigure(
    "propensity_time",
    ("propensity_scores", "propensity_ceiling"),
    plot_propensity_time,
    propensity_time_table,
    (9.6, 5.0),
    _time_panels,
)
PROPENSITY_PARTS = ReportFigure(
    "propensity_parts", ("propensity_scores",), plot_propensity_parts, propensity_parts_table, (8.2, 5.6), _part_panels
)  # fmt: skip
