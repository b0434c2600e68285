"""Probability to rearrange against the softness of the cage, its Arrhenius lines and barriers (paper: Fig. 5b-d)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.report.figures.base import PlottedTable, ReportFigure, tidy
from vitrify.report.figures.style import (
    FAINT,
    INK,
    MARKERS,
    axes_or_new,
    axis_label,
    blue_to_red,
    count,
    distances,
    legend_if_any,
    number,
    symbol,
    with_unit,
)
from vitrify.report.relaxation_figures.drawing import (
    by_temperature,
    finite_table,
    nothing,
    points,
    remarks_of,
)

if TYPE_CHECKING:
    import xarray as xr

_LINES = 5  # softnesses of which Arrhenius lines are drawn
_FEWEST = 5  # events of a point that is drawn
_ONSET = ("T0", "T0_low", "T0_high")


def caging_probability_table(dataset: xr.Dataset) -> PlottedTable:
    """Return P_R(S) of every temperature, and the global fit."""
    names = ("probability", "probability_low", "probability_high", "events", "exposure", "fitted")
    return finite_table(dataset, names, remarks_of(dataset, "convention", "window", "interval", *_ONSET))


def plot_caging_probability(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw P_R against softness, one colour per temperature; dashed, the global fit; open, temperatures that it leaves out."""
    ax = axes_or_new(ax)[0]
    s, drawn = dataset["softness"].values, False
    for k, one, color, label in by_temperature(dataset):
        p, low, high = (one[n].values for n in ("probability", "probability_low", "probability_high"))
        many = one["events"].values >= _FEWEST
        if not many.any():
            continue
        drawn, filled = True, bool(one["used"])
        ax.errorbar(
            s[many], p[many], yerr=distances(p[many], low[many], high[many]), color=color, marker=MARKERS[k % len(MARKERS)], ms=3.8,
            ls="none", elinewidth=0.9, mfc=color if filled else "white", gid="probability",
            label=f"{label}, {count(float(one['events'].sum()))}",
        )  # fmt: skip
        if filled:
            ax.plot(s, one["fitted"].values, color=color, lw=0.9, ls="--", gid="fitted")
    if drawn:
        ax.set_yscale("log")
        low, high = ax.get_ylim()
        ax.set_ylim(low / (high / low) ** 0.45, high)
    ax.set_xlabel(axis_label(dataset["softness"]))
    ax.set_ylabel(axis_label(dataset["probability"]))
    nothing(ax, dataset["probability"], drawn)
    legend_if_any(ax, loc="lower right", fontsize=8, ncols=2)
    return ax


def _chosen(probability: xr.Dataset, barriers: xr.Dataset) -> list[int]:
    """Return some bins with a barrier of their own, evenly spread among those seen at the most temperatures."""
    seen = (probability["events"].values >= _FEWEST).sum(axis=0)
    known = np.isfinite(barriers["energy_barrier"].values)
    best = np.flatnonzero(known & (seen >= max(2, int(seen[known].max(initial=0)) - 1)))
    return (
        [int(best[k]) for k in np.unique(np.linspace(0, len(best) - 1, _LINES).astype(int))]
        if len(best)
        else []
    )


def caging_lines_table(probability: xr.Dataset, barriers: xr.Dataset) -> PlottedTable:
    """Return P_R against 1/T of a few softnesses, and the Arrhenius line of each."""
    chosen = _chosen(probability, barriers)
    table = caging_probability_table(probability.isel(softness_bin=chosen))
    softness = probability["softness"].values
    at = np.array([np.flatnonzero(softness == s)[0] for s in table["softness"]], np.int64)
    barrier, prefactor = (barriers[n].values[at] for n in ("energy_barrier", "log_prefactor"))
    t = table["temperature"]
    more: dict[str, NDArray[Any]] = {
        "inverse_temperature": 1 / t,
        "arrhenius_line": np.exp(prefactor - barrier / t),
        "reduced_barrier": barrier / t,
        "reduced_probability": table["probability"] * np.exp(-prefactor),
    }
    meanings = {
        "inverse_temperature": "1 / temperature",
        "arrhenius_line": "exp(log_prefactor - energy_barrier / temperature) of the bin",
        "reduced_barrier": "energy_barrier / temperature",
        "reduced_probability": "probability / exp(log_prefactor)",
    }
    return PlottedTable({**table.columns, **more}, {**table.meanings, **meanings}, table.remarks)


def plot_caging_lines(probability: xr.Dataset, barriers: xr.Dataset, ax: Any = None) -> Any:
    """Draw P_R against 1/T for a few softnesses with their Arrhenius lines up to where they cross; inset, the collapse."""
    ax = axes_or_new(ax)[0]
    chosen, onset = _chosen(probability, barriers), float(probability.attrs.get("T0", np.nan))
    t, drawn = probability["temperature"].values, False
    hottest = max(float(t.max()), onset) if 0 < onset < 2 * float(t.max()) else float(t.max())
    line = np.linspace(1 / hottest, 1 / float(t.min()), 60)
    inset = ax.inset_axes((0.12, 0.12, 0.36, 0.34))
    inset.set_visible(bool(chosen))
    colors = blue_to_red(probability["softness"].values[chosen])
    for k, (b, color) in enumerate(zip(chosen, colors, strict=True)):
        one = probability.isel(softness_bin=b)
        barrier, prefactor = (float(barriers[n].values[b]) for n in ("energy_barrier", "log_prefactor"))
        many = one["events"].values >= _FEWEST
        p, low, high = (one[n].values[many] for n in ("probability", "probability_low", "probability_high"))
        label = f"{symbol(probability['softness'])} $=$ {number(float(one['softness']))}"
        marker = MARKERS[k % len(MARKERS)]
        ax.errorbar(1 / t[many], p, yerr=distances(p, low, high), color=color, marker=marker, ms=3.8, ls="none", elinewidth=0.9, label=label, gid="probability")  # fmt: skip
        ax.plot(line, np.exp(prefactor - barrier * line), color=color, lw=0.9, ls="--", gid="arrhenius_line")
        inset.plot(barrier / t[many], p * np.exp(-prefactor), color=color, marker=marker, ms=2.8, ls="none")
        drawn |= bool(many.any())
    ax.set_xlabel(with_unit(f"$1/${symbol(probability['temperature'])}", probability["temperature"], -1))
    ax.set_ylabel(axis_label(probability["probability"]))
    nothing(ax, probability["probability"], drawn)
    if drawn:
        _finish_lines(ax, inset, probability, hottest)
    return ax


def _finish_lines(ax: Any, inset: Any, probability: xr.Dataset, hottest: float) -> None:
    ax.set_yscale("log")
    low, high = ax.get_ylim()
    ax.set_ylim(low / (high / low) ** 0.6, high * 2)
    onset, first, last = (float(probability.attrs.get(k, np.nan)) for k in _ONSET)
    if 0 < onset <= hottest:
        ax.axvline(1 / onset, color=FAINT, lw=0.9)
        if 0 < first <= last:
            ax.axvspan(1 / last, 1 / first, color=FAINT, alpha=0.15, lw=0)
        ax.annotate(f"$T_0 =$ {number(onset)}", (1 / onset, 0.97), xycoords=("data", "axes fraction"), xytext=(4, 0), textcoords="offset points", va="top", color=INK, fontsize=9.5)  # fmt: skip
    x = np.array(inset.get_xlim())
    x = np.linspace(max(x[0], 0.0), x[1], 30)
    inset.plot(x, np.exp(-x), color=INK, lw=0.8, zorder=0)
    inset.set_yscale("log")
    inset.set_xlabel(r"$\Delta E/T$", fontsize=9, labelpad=1)
    inset.set_ylabel("$P_R/P_0$", fontsize=9, labelpad=1)
    inset.tick_params(labelsize=7.5)
    ax.legend(loc="upper right", fontsize=8.5)


def caging_barriers_table(dataset: xr.Dataset) -> PlottedTable:
    """Return barriers and prefactors of every bin, and the lines."""
    names = ("energy_barrier", "energy_barrier_error", "log_prefactor", "log_prefactor_error", "events", "line_in_softness", "line_in_inverse")  # fmt: skip
    attrs = [f"{k}_in_{x}{e}" for x in ("softness", "inverse") for k, e in (("slope", ""), ("slope", "_error"), ("r_squared", ""))]  # fmt: skip
    return finite_table(dataset, names, remarks_of(dataset, *attrs, *_ONSET))


def plot_caging_barriers(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw the barrier against softness (left) and against inverse softness (right), each with a line."""
    axes = axes_or_new(ax, 1, 2)
    for panel, x, name in zip(axes, ("softness", "inverse_softness"), ("softness", "inverse"), strict=True):
        value, error = dataset["energy_barrier"].values, dataset["energy_barrier_error"].values
        drawn = points(panel, dataset[x].values, value, error, INK, gid="energy_barrier")
        known = np.isfinite(value)
        panel.plot(
            dataset[x].values[known], dataset[f"line_in_{name}"].values[known], color=FAINT, lw=1, ls="--"
        )
        r2 = float(dataset.attrs.get(f"r_squared_in_{name}", np.nan))
        panel.text(
            0.95, 0.95, f"$R^2 =$ {r2:.3f}", transform=panel.transAxes, va="top", ha="right", color=INK
        )
        panel.set_xlabel(axis_label(dataset[x]))
        panel.set_ylabel(axis_label(dataset["energy_barrier"]))
        nothing(panel, dataset["energy_barrier"], drawn)
    return axes


def caging_variations_table(dataset: xr.Dataset) -> PlottedTable:
    """Return crossing temperature and part above the mode by convention and window."""
    return tidy(dataset, ("onset_temperature", "onset_low", "onset_high", "share", "share_error", "events"))


def plot_caging_variations(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw the part above the mode (left) and the crossing temperature (right), one row for each convention and window."""
    axes = axes_or_new(ax, 1, 2)
    rows = -np.arange(dataset.sizes["variation"])
    axes[0].errorbar(dataset["share"], rows, xerr=np.nan_to_num(dataset["share_error"].values), fmt="o", color=INK, ms=4, gid="share")  # fmt: skip
    onset, low, high = (dataset[n].values for n in ("onset_temperature", "onset_low", "onset_high"))
    known = np.isfinite(onset) & np.isfinite(low) & np.isfinite(high)
    axes[1].errorbar(onset[known], rows[known], xerr=distances(onset[known], low[known], high[known]), fmt="s", color=INK, ms=4, gid="onset_temperature")  # fmt: skip
    axes[0].set_yticks(rows, [str(v) for v in dataset["variation"].values], fontsize=8)
    axes[1].set_yticks(rows, [""] * len(rows))
    axes[0].set_xlabel(axis_label(dataset["share"]), fontsize=10)
    axes[1].set_xlabel(axis_label(dataset["onset_temperature"]), fontsize=10)
    nothing(axes[1], dataset["onset_temperature"], bool(known.any()))
    for panel in axes:
        panel.minorticks_off()
        panel.set_ylim(rows.min() - 0.6, 0.6)
    return axes


CAGING_PROBABILITY = ReportFigure(
    "caging_probability",
    ("caging_probability",),
    plot_caging_probability,
    caging_probability_table,
    (5.4, 4.6),
)
CAGING_LINES = ReportFigure(
    "caging_lines",
    ("caging_probability", "caging_barriers"),
    plot_caging_lines,
    caging_lines_table,
    (5.4, 4.6),
)
CAGING_BARRIERS = ReportFigure(
    "caging_barriers", ("caging_barriers",), plot_caging_barriers, caging_barriers_table, (9.0, 3.8), (1, 2)
)
CAGING_VARIATIONS = ReportFigure(
    "caging_variations",
    ("caging_variations",),
    plot_caging_variations,
    caging_variations_table,
    (10.4, 4.4),
    (1, 2),
)
