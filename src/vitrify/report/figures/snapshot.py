"""A still of one configuration, particles coloured by softness, painted from far to near."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.report.figures.base import PlottedTable, ReportFigure, meaning
from vitrify.report.figures.style import (
    FAINT,
    axes_or_new,
    axis_label,
    say_empty,
    softness_colors,
    softness_scale,
    symbol,
)

if TYPE_CHECKING:
    import xarray as xr

DIAMETERS = (0.92, 0.42)
"""Drawn diameters of analysed particles and of the others, in units of length."""
_YAW, _PITCH = np.deg2rad(28.0), np.deg2rad(18.0)


def snapshot_table(dataset: xr.Dataset) -> PlottedTable:
    """Return positions and softness of the first frame, in the order of painting.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``snapshot``.

    Returns
    -------
    PlottedTable
        With the projection: `across` and `up` in the plane of the picture, `near` towards the eye.
    """
    frame = dataset.isel(snapshot_frame=slice(0, 1))
    position = in_three_dimensions(frame["position"].values.reshape(-1, dataset.sizes["xyz"]))
    softness = frame["softness"].values.reshape(-1)
    finite = np.isfinite(position).all(axis=1)
    seen = position @ _view()
    order = np.flatnonzero(finite)[np.argsort(seen[finite, 2], kind="stable")]
    columns: dict[str, NDArray[Any]] = {
        "particle": order,
        "species": dataset["species"].values[order] if len(order) else dataset["species"].values[:0],
        **{axis: position[order, k] for k, axis in enumerate("xyz")},
        "softness": softness[order],
        **{axis: seen[order, k] for k, axis in enumerate(("across", "up", "near"))},
    }
    length = meaning(dataset["position"])
    meanings = {
        "particle": "index",
        "species": meaning(dataset["species"]),
        **dict.fromkeys("xyz", length),
        "softness": meaning(dataset["softness"]),
        **dict.fromkeys(("across", "up", "near"), "orthographic projection; unit of length"),
    }
    time = dataset["time"].values[:1].tolist()
    return PlottedTable(columns, meanings, (f"time = {time[0]!r}",) if time else ())


def in_three_dimensions(position: NDArray[Any]) -> NDArray[np.float64]:
    """Return (n, 3) positions: a plane gets z = 0."""
    position = np.asarray(position, dtype=float)
    return np.pad(position, ((0, 0), (0, 3 - position.shape[1])))


def box_edges(box_vectors: Any) -> NDArray[np.float64]:
    """Return the edges of the box as (n, 2, 3) end points: 12 in space, 4 in the plane.

    Examples
    --------
    >>> box_edges([[2.0, 0.0], [0.0, 1.0]]).shape
    (4, 2, 3)
    """
    vectors = np.atleast_2d(np.asarray(box_vectors, dtype=float))
    if vectors.shape[0] == 1:
        vectors = np.diag(vectors[0])
    d = len(vectors)
    corners = np.array([[(k >> axis) & 1 for axis in range(d)] for k in range(2**d)])
    places = in_three_dimensions(corners @ vectors)
    pairs = [(a, a | 1 << axis) for a in range(2**d) for axis in range(d) if not a >> axis & 1]
    return np.array([[places[a], places[b]] for a, b in pairs])


def _view() -> NDArray[np.float64]:
    """Columns: across, up and near for an eye above and beside the box; z is up."""
    near = np.array([np.cos(_PITCH) * np.cos(_YAW), np.cos(_PITCH) * np.sin(_YAW), np.sin(_PITCH)])
    across = np.array([-np.sin(_YAW), np.cos(_YAW), 0.0])
    return np.stack([across, np.cross(near, across), near], axis=1)


def plot_snapshot(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Paint the particles of the first frame as shaded balls: blue hard, red soft, grey not analysed.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``snapshot``; attribute ``box_vectors``.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes
    """
    ax = axes_or_new(ax)[0]
    table = snapshot_table(dataset)
    ax.set_axis_off()
    if not len(table):
        say_empty(ax, symbol(dataset["position"]))
        return ax
    scale = softness_scale(dataset["softness"].values)
    _draw_box(ax, dataset)
    _draw_balls(ax, table, scale)
    ax.set_aspect("equal")
    ax.autoscale_view()
    _draw_colorbar(ax, dataset, scale)
    return ax


def _draw_box(ax: Any, dataset: xr.Dataset) -> None:
    from matplotlib.collections import LineCollection

    if "box_vectors" in dataset.attrs:
        edges = box_edges(dataset.attrs["box_vectors"]) @ _view()
        ax.add_collection(
            LineCollection(list(edges[:, :, :2]), colors=FAINT, linewidths=0.8, zorder=0), autolim=True
        )


def _draw_balls(ax: Any, table: PlottedTable, scale: float) -> None:
    """Each ball is a rim, a body and a highlight, so that later balls hide earlier ones whole."""
    from matplotlib.collections import EllipseCollection

    analysed = np.isfinite(table["softness"])
    diameter = np.where(analysed, *DIAMETERS)
    depth = table["near"] - table["near"].min()
    fog = 0.62 * (1 - depth / max(float(depth.max()), 1e-12))
    body = softness_colors(table["softness"], scale)
    body = body + (1 - body) * (0.75 * fog)[:, None]
    layers = [(1.0, 0.0, body * 0.72), (0.9, 0.02, body), (0.42, 0.17, body + (1 - body) * 0.38)]
    center = np.stack([table["across"], table["up"]], axis=1)
    sizes = np.stack([diameter * s for s, _, _ in layers], axis=1).ravel()
    shifts = np.stack([np.outer(diameter * shift, (-0.75, 1.0)) for _, shift, _ in layers], axis=1)
    offsets = (center[:, None, :] + shifts).reshape(-1, 2)
    colors = np.stack([c for _, _, c in layers], axis=1).reshape(-1, 3)
    balls = EllipseCollection(
        sizes, sizes, np.zeros(len(sizes)), units="xy", offsets=offsets, offset_transform=ax.transData,
        facecolors=np.clip(colors, 0, 1), edgecolors="none", rasterized=True, gid="balls",
    )  # fmt: skip
    ax.add_collection(balls)
    ax.update_datalim(center - 0.6)
    ax.update_datalim(center + 0.6)


def _draw_colorbar(ax: Any, dataset: xr.Dataset, scale: float) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    colors = ListedColormap(softness_colors(np.linspace(-scale, scale, 128), scale))
    bar = ax.figure.colorbar(
        ScalarMappable(Normalize(-scale, scale), colors),
        ax=ax,
        orientation="horizontal",
        shrink=0.6,
        aspect=26,
        pad=0.02,
    )
    bar.outline.set_linewidth(0.6)
    bar.ax.minorticks_off()
    bar.set_label(axis_label(dataset["softness"]))


SNAPSHOT = ReportFigure("snapshot", ("snapshot",), plot_snapshot, snapshot_table, size=(5.6, 5.6))
