"""A slab through one configuration: where particles were mobile, and where structure says they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.report.figures.base import PlottedTable, ReportFigure, meaning
from vitrify.report.figures.style import INK, axes_or_new, axis_label, say_empty, softness_colors, symbol
from vitrify.report.relaxation_figures.drawing import Array, finite_table, remarks_of

if TYPE_CHECKING:
    import xarray as xr

_END = 2.0  # standard deviations at which the colours end
_NAMES = ("measured", "predicted")


def deviations(values: Array, species: NDArray[Any]) -> Array:
    """Return how far values are from the mean of their species, in units of its standard deviation; NaN stays NaN.

    Examples
    --------
    >>> deviations(np.array([1.0, 3.0, 7.0]), np.array(["A", "A", "B"])).tolist()
    [-1.0, 1.0, 0.0]
    """
    found = np.full(len(values), np.nan)
    for one in np.unique(species):
        mine = np.flatnonzero((species == one) & np.isfinite(values))
        if len(mine):
            spread = values[mine].std()
            found[mine] = (values[mine] - values[mine].mean()) / (spread if spread > 0 else 1.0)
    return found


def propensity_map_table(dataset: xr.Dataset) -> PlottedTable:
    """Return the particles of the slab, and how far both propensities are from the mean of the species there."""
    variables = ("measured", "predicted", "x", "y", "diameter", "species")
    known = dataset.reset_coords(drop=False)
    remarks = remarks_of(dataset, "case", "configuration", "thickness", "time", "pearson")
    table = finite_table(known, variables, remarks)
    extra = {f"{n}_deviation": deviations(table[n], table["species"]) for n in _NAMES}
    words = {
        f"{n}_deviation": f"{meaning(dataset[n])}; minus the mean of the species, over its standard deviation" for n in _NAMES
    }  # fmt: skip
    return PlottedTable({**table.columns, **extra}, {**table.meanings, **words}, table.remarks)


def plot_propensity_map(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Draw the particles as circles of their diameter, measured (left) and predicted (right), on one scale of colours.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``propensity_map``; attributes ``length_x`` and ``length_y`` of the box.
    ax : two matplotlib axes, optional

    Returns
    -------
    (2,) ndarray of matplotlib axes
    """
    axes, table = axes_or_new(ax, 1, 2), propensity_map_table(dataset)
    for panel, name in zip(axes, _NAMES, strict=True):
        panel.set_title(axis_label(dataset[name]), fontsize=10)
        panel.set_xlabel(axis_label(dataset["x"]))
        if np.isfinite(table[f"{name}_deviation"]).any():
            _draw_circles(panel, table, table[f"{name}_deviation"], _box(dataset, table))
        else:
            say_empty(panel, symbol(dataset[name]))
    axes[0].set_ylabel(axis_label(dataset["y"]))
    if len(table):
        _draw_bar(axes)
    return axes


def _box(dataset: xr.Dataset, table: PlottedTable) -> tuple[float, float]:
    """Return the edges of the box, or how far the particles reach where it is not known."""
    known = [float(dataset.attrs.get(f"length_{axis}", np.nan)) for axis in "xy"]
    reach = [float(np.max(table[axis])) for axis in "xy"]
    x, y = (k if np.isfinite(k) and k > 0 else r for k, r in zip(known, reach, strict=True))
    return x, y


def _draw_circles(panel: Any, table: PlottedTable, values: Array, box: tuple[float, float]) -> None:
    """Draw circles, and the part of them that sticks out of the box on the other side, too."""
    from matplotlib.collections import EllipseCollection
    from matplotlib.patches import Rectangle

    shifts = [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1)]
    inside = np.stack([table["x"] % box[0], table["y"] % box[1]], axis=1)
    center = np.concatenate([inside + np.array(shift) * box for shift in shifts])
    diameter, value = (np.tile(v, len(shifts)) for v in (table["diameter"], values))
    reach = 0.5 * diameter[:, None]
    near = ((center > -reach) & (center < np.array(box) + reach)).all(axis=1)
    edge = Rectangle((0, 0), *box, fill=False, edgecolor=INK, lw=0.8, gid="box")
    panel.add_patch(edge)
    circles = EllipseCollection(
        diameter[near], diameter[near], np.zeros(int(near.sum())), units="xy", offsets=center[near],
        offset_transform=panel.transData, facecolors=softness_colors(value[near], _END), edgecolors="white",
        linewidths=0.35, gid="circles",
    )  # fmt: skip
    panel.add_collection(circles)
    circles.set_clip_path(edge)
    panel.set_xlim(0, box[0])
    panel.set_ylim(0, box[1])
    panel.set_aspect("equal")


def _draw_bar(axes: Any) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    colors = ListedColormap(softness_colors(np.linspace(-_END, _END, 128), _END))
    bar = axes[0].figure.colorbar(
        ScalarMappable(Normalize(-_END, _END), colors), ax=list(axes), shrink=0.75, aspect=24, pad=0.02
    )
    bar.outline.set_linewidth(0.6)
    bar.ax.minorticks_off()
    bar.set_label("from the mean of the species, in standard deviations")


PROPENSITY_MAP = ReportFigure(
    "propensity_map", ("propensity_map",), plot_propensity_map, propensity_map_table, (9.6, 5.2), (1, 2)
)
