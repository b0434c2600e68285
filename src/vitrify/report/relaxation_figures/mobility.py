"""Relaxation as such: correlation functions in time, relaxation times, and how much of the motion is undone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.report.figures.base import PlottedTable, ReportFigure
from vitrify.report.figures.style import (
    FAINT,
    INK,
    MARKERS,
    axes_or_new,
    axis_label,
    legend_if_any,
    symbol,
    with_unit,
)
from vitrify.report.relaxation_figures.drawing import (
    by_temperature,
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

_CURVES = ("msd", "overlap", "self_scattering", "non_gaussian", "chi4")


def relaxation_functions_table(dataset: xr.Dataset) -> PlottedTable:
    """Return the correlation functions with their errors."""
    names = tuple(n for c in _CURVES for n in (c, f"{c}_error"))
    return finite_table(dataset, names, remarks_of(dataset, "cutoff", "wave_number", "ensemble"))


def plot_relaxation_functions(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw MSD, overlap, F_s, α₂ and χ₄ against time, one panel each; the last panel is the legend."""
    axes = axes_or_new(ax, 2, 3)
    lags = dataset["lag"].values
    for panel, name in zip(axes, _CURVES, strict=False):
        drawn = False
        for k, one, color, _ in by_temperature(dataset):
            seen = one[name].values > 0 if name == "msd" else np.isfinite(one[name].values)
            drawn |= points(
                panel, lags[seen], *with_error(one, name, seen), color, k, gid=name, ls="-", lw=0.8
            )
        log_time(panel, lags)
        if name == "msd" and drawn:
            panel.set_yscale("log")
        if name in ("overlap", "self_scattering"):
            panel.set_ylim(0, 1.05)
            panel.axhline(np.exp(-1), color=FAINT, lw=0.8, ls=":")
        panel.set_ylabel(axis_label(dataset[name]))
        nothing(panel, dataset[name], drawn)
    for panel in axes[2:5]:
        panel.set_xlabel(axis_label(dataset["lag"]))
        panel.tick_params(labelbottom=True)
    last = axes[5]
    last.axis("off")
    for k, _, color, label in by_temperature(dataset):
        last.plot([], [], color=color, marker=MARKERS[k % len(MARKERS)], ms=4, lw=0.8, label=label)
    legend_if_any(last, loc="center", fontsize=11)
    return axes


def relaxation_times_table(dataset: xr.Dataset) -> PlottedTable:
    """Return every relaxation time with the definition it has."""
    return finite_table(dataset, ("relaxation_time", "relaxation_time_error"))


def plot_relaxation_times(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw relaxation times against 1/T, one marker per definition."""
    ax = axes_or_new(ax)[0]
    t, drawn = dataset["temperature"].values.astype(float), False
    colors = (INK, "#364b9a", "#6ea6cd", "#c4302b", "#f67e4b", "#fdb366")
    for k, definition in enumerate(dataset["definition"].values):
        one = dataset.sel(definition=definition)
        drawn |= points(
            ax, 1 / t, *with_error(one, "relaxation_time"), colors[k % len(colors)], k, gid="relaxation_time",
            label=str(definition), ls="-", lw=0.8,
        )  # fmt: skip
    ax.set_xlabel(with_unit(f"$1 /$ {symbol(dataset['temperature'])}", dataset["temperature"], -1))
    ax.set_ylabel(axis_label(dataset["relaxation_time"]))
    nothing(ax, dataset["relaxation_time"], drawn)
    if drawn:
        ax.set_yscale("log")
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=1, fontsize=8)
    return ax


def irreversible_table(dataset: xr.Dataset) -> PlottedTable:
    """Return f_irrev by softness and by temperature, c_a and the duration of rearrangements."""
    of_softness = finite_table(
        dataset,
        (
            "irreversible_fraction_of_softness",
            "irreversible_fraction_of_softness_error",
            "n_away_of_softness",
        ),
        remarks_of(dataset, "cutoff", "return_within", "window", "duration"),
    )
    names = ("irreversible_fraction", "displacing", "duration")
    whole = finite_table(dataset, tuple(n for name in names for n in (name, f"{name}_error")))
    return joined(of_softness, whole)


def plot_irreversible(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw f_irrev(S), then f_irrev(T) with c_a, then the duration of rearrangements against T."""
    axes = axes_or_new(ax, 1, 3)
    s, t = dataset["softness"].values, dataset["temperature"].values
    drawn = False
    for k, one, color, label in by_temperature(dataset):
        many = one["n_away_of_softness"].values >= 5
        found = with_error(one, "irreversible_fraction_of_softness", many)
        drawn |= points(axes[0], s[many], *found, color, k, gid="of_softness", label=label)
    for k, (name, color) in enumerate((("irreversible_fraction", INK), ("displacing", "#c4302b"))):
        words = str(dataset[name].attrs.get("long_name", name))
        points(axes[1], t, *with_error(dataset, name), color, k, gid=name, ls="-", label=words)
    points(axes[2], t, *with_error(dataset, "duration"), INK, gid="duration", ls="-")
    for panel in axes[:2]:
        panel.set_ylim(0, 1.05)
    axes[2].set_ylim(bottom=0)
    for panel in axes[1:]:
        panel.set_xlabel(axis_label(dataset["temperature"]))
    axes[0].set_xlabel(axis_label(dataset["softness"]))
    axes[0].set_ylabel(axis_label(dataset["irreversible_fraction_of_softness"]))
    axes[1].set_ylabel("fraction")
    axes[2].set_ylabel(axis_label(dataset["duration"]))
    nothing(axes[0], dataset["irreversible_fraction_of_softness"], drawn)
    if drawn:
        axes[0].legend(fontsize=8.5, loc="lower left")
    legend_if_any(axes[1], fontsize=8.5, loc="lower left")
    return axes


RELAXATION_FUNCTIONS = ReportFigure(
    "relaxation_functions",
    ("relaxation_functions",),
    plot_relaxation_functions,
    relaxation_functions_table,
    (10.5, 6.4),
    (2, 3),
)
RELAXATION_TIMES = ReportFigure(
    "relaxation_times", ("relaxation_times",), plot_relaxation_times, relaxation_times_table, (5.8, 5.4)
)
IRREVERSIBLE = ReportFigure(
    "irreversible", ("irreversible",), plot_irreversible, irreversible_table, (10.0, 3.6), (1, 3)
)
