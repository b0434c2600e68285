"""What the figures of this page share: colours of positions, cases of one family, an axis of time, the ceiling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.report.figures.style import FAINT, HARD, INK, SOFT, axis_label, unit_words
from vitrify.report.relaxation_figures.drawing import Array, band

if TYPE_CHECKING:
    import xarray as xr

KINDS = {"thermal": SOFT, "inherent": HARD, "cage": INK, "time-averaged": "#f67e4b"}
MEAN = "#6ea6cd"
_FEW_DECADES = 1e3


def color_of(label: str) -> str:
    """Return the colour of the positions that a case is named after; that of a mean of models for any other.

    Examples
    --------
    >>> color_of("thermal LR(2) radial") == SOFT, color_of("mean of inherent, cage") == MEAN
    (True, True)
    """
    return next((color for kind, color in KINDS.items() if label.startswith(kind)), MEAN)


def names(dataset: xr.Dataset, coordinate: str) -> list[str]:
    """Return the values of a coordinate as text."""
    return [str(value) for value in np.atleast_1d(dataset[coordinate].values)]


def title_of(species: str) -> str:
    """Return the title of a panel."""
    return f"{species} particles"


def of_species(dataset: xr.Dataset, *_: xr.Dataset) -> tuple[int, int]:
    """Return the layout of one panel per species of the first data set, beside each other."""
    return 1, max(1, dataset.sizes["species"])


def single(scores: xr.Dataset) -> bool:
    """Return whether there is one time only, so that nothing can be drawn against time."""
    return bool(scores.sizes["time"] == 1)


def family(scores: xr.Dataset, kind: str | None = None, part: str = "both") -> xr.Dataset:
    """Return the models on structure alone of one kind of positions, or of all, by order of averaging."""
    order = scores["order"].values
    mine = (order >= 0) & (scores["part"].values == part) & ~scores["motion"].values.astype(bool)
    if kind is not None:
        mine &= scores["kind"].values == kind
    found = np.flatnonzero(mine)
    return scores.isel(case=found[np.argsort(order[found], kind="stable")])


def kinds_of(scores: xr.Dataset, part: str = "both") -> list[str]:
    """Return the kinds of positions with models of a part of the descriptors, as they come."""
    there = set(names(family(scores, part=part), "kind"))
    return [kind for kind in dict.fromkeys(names(scores, "kind")) if kind in there]


def nearest(times: NDArray[Any], wanted: Any) -> int:
    """Return which time is nearest to one that is wanted, in ln t; the last one if none is.

    Examples
    --------
    >>> nearest(np.array([1.0, 10.0, 100.0]), 20.0), nearest(np.array([1.0, 10.0]), None)
    (1, 1)
    """
    aim = np.nan if wanted is None else float(wanted)
    if not (np.isfinite(aim) and aim > 0):
        return len(times) - 1
    return int(np.argmin(np.abs(np.log(times / aim))))


def at_relaxation(scores: xr.Dataset) -> xr.Dataset:
    """Return what belongs to the relaxation time: its index where that is given, the nearest time, or else the last one."""
    index = scores.attrs.get("relaxation_index")
    return scores.isel(
        time=nearest(scores["time"].values, scores.attrs.get("relaxation_time"))
        if index is None
        else int(index)
    )


def time_unit(scores: xr.Dataset) -> tuple[float, str]:
    """Return what times are divided by, and the label of their axis."""
    tau = float(scores.attrs.get("relaxation_time", np.nan))
    if np.isfinite(tau) and tau > 0:
        return tau, r"time over relaxation time $t/\tau_\alpha$"
    return 1.0, axis_label(scores["time"])


def draw_ceiling(panel: Any, ceiling: xr.Dataset, species: str, unit: float) -> None:
    """Draw what a perfect prediction would reach against time: a grey line with a band."""
    if species in names(ceiling, "species"):
        one = ceiling.sel(species=species)
        drawn = (one["time"].values / unit, one["ceiling"].values, one["ceiling_error"].values)
        band(panel, *drawn, FAINT, gid="ceiling", label="noise ceiling")


def draw_level(panel: Any, ceiling: xr.Dataset, species: str, time: Any, *, upright: bool = False) -> None:
    """Draw the ceiling at one time as a level across the panel."""
    if species not in names(ceiling, "species"):
        return
    one = ceiling.sel(species=species).isel(time=nearest(ceiling["time"].values, time))
    value, error = float(one["ceiling"]), float(np.nan_to_num(one["ceiling_error"]))
    if not np.isfinite(value):
        return
    line, strip = (panel.axvline, panel.axvspan) if upright else (panel.axhline, panel.axhspan)
    line(value, color=FAINT, lw=1.2, gid="ceiling", label="noise ceiling")
    strip(value - error, value + error, color=FAINT, alpha=0.18, lw=0)


def dress(axes: Sequence[Any] | NDArray[Any], titles: Sequence[str], columns: int, x: str, y: str) -> None:
    """Write titles above all panels, and labels along the lower and the left ones."""
    for k, (panel, title) in enumerate(zip(axes, titles, strict=False)):
        panel.set_title(title, fontsize=10)
        if k % columns == 0:
            panel.set_ylabel(y)
        if k >= len(titles) - columns:
            panel.set_xlabel(x)


def few_ticks(panel: Any, times: NDArray[Any]) -> None:
    """Label 1, 2 and 5 of each decade where a logarithmic axis has few of them, and nothing between."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    known = times[np.isfinite(times) & (times > 0)]
    if panel.get_xscale() != "log" or not len(known) or known.max() / known.min() > _FEW_DECADES:
        return
    panel.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    panel.xaxis.set_minor_formatter(NullFormatter())


def legend_below(axes: Sequence[Any] | NDArray[Any]) -> None:
    """Explain below all panels what has a label in any of them."""
    labelled: dict[str, Any] = {}
    for panel in axes:
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
            labelled.setdefault(label, handle)
    if labelled:
        how = {"loc": "outside lower center", "ncols": min(6, len(labelled)), "fontsize": 9}
        axes[0].figure.legend(list(labelled.values()), list(labelled), **how)


def orders_along(panel: Any, orders: Array) -> None:
    """Write whole orders of averaging along a panel."""
    ticks = np.unique(orders)
    if len(ticks):
        panel.set_xticks(ticks, [f"{int(n)}" for n in ticks])
        panel.set_xlim(ticks[0] - 0.3, ticks[-1] + 0.3)
    panel.tick_params(axis="x", which="minor", bottom=False, top=False)


def said_time(dataset: xr.Dataset, time: Any) -> str:
    """Return a time with its unit, for the header of a CSV."""
    return f"time = {float(time)!r} {unit_words(str(dataset['time'].attrs.get('units', '1')))}".strip()
