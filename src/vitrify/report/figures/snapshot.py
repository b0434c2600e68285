"""A still of one configuration, particles coloured by softness, motion or species, painted from far to near."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.report.coloring import Coloring, coloring
from vitrify.report.figures.base import PlottedTable, ReportFigure, meaning
from vitrify.report.figures.style import FAINT, INK, axes_or_new, say_empty, symbol

if TYPE_CHECKING:
    import xarray as xr

DIAMETERS = (0.92, 0.42)
"""Drawn diameters of analysed particles and of the others, in units of the attribute `diameter` (1 without it)."""
_YAW, _PITCH = np.deg2rad(28.0), np.deg2rad(18.0)


def snapshot_table(dataset: xr.Dataset) -> PlottedTable:
    """Return positions and softness (or what else colours them) of the first frame, in the order of painting.

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
    painted = coloring(dataset)
    own_column = painted.name != "species"
    finite = np.isfinite(position).all(axis=1)
    seen = position @ _view_of(dataset)
    order = np.flatnonzero(finite)[np.argsort(seen[finite, 2], kind="stable")]
    columns: dict[str, NDArray[Any]] = {
        "particle": order,
        "species": dataset["species"].values[order] if len(order) else dataset["species"].values[:0],
        **{axis: position[order, k] for k, axis in enumerate("xyz")},
        **({painted.name: painted.values[:1].reshape(-1)[order]} if own_column else {}),
        **{axis: seen[order, k] for k, axis in enumerate(("across", "up", "near"))},
    }
    length = meaning(dataset["position"])
    meanings = {
        "particle": "index",
        "species": meaning(dataset["species"]),
        **dict.fromkeys("xyz", length),
        **({painted.name: meaning(dataset[painted.name])} if own_column else {}),
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


def placed_box(dataset: xr.Dataset) -> NDArray[np.float64]:
    """Return the edges of the box of a snapshot where it stands, (n, 2, 3)."""
    origin = np.atleast_2d(np.asarray(dataset.attrs.get("box_origin", [0.0] * dataset.sizes["xyz"]), float))
    return box_edges(dataset.attrs["box_vectors"]) + in_three_dimensions(origin)


def _view() -> NDArray[np.float64]:
    """Columns: across, up and near for an eye above and beside the box; z is up."""
    near = np.array([np.cos(_PITCH) * np.cos(_YAW), np.cos(_PITCH) * np.sin(_YAW), np.sin(_PITCH)])
    across = np.array([-np.sin(_YAW), np.cos(_YAW), 0.0])
    return np.stack([across, np.cross(near, across), near], axis=1)


def _view_of(dataset: xr.Dataset) -> NDArray[np.float64]:
    """Return the view of a snapshot: a plane is seen from above."""
    return np.eye(3) if dataset.sizes["xyz"] == 2 else _view()


def plot_snapshot(dataset: xr.Dataset, ax: Any = None) -> Any:
    """Paint the particles of the first frame as shaded balls: blue hard, red soft, grey not analysed.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``snapshot``; attributes ``box_vectors``, ``box_origin`` and ``diameter``, and those of `coloring`.
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
    painted = coloring(dataset)
    _draw_box(ax, dataset)
    _draw_balls(ax, table, painted, float(dataset.attrs.get("diameter", 1.0)))
    ax.set_aspect("equal")
    ax.autoscale_view()
    _draw_legend(ax, painted) if painted.categories else _draw_colorbar(ax, painted)
    return ax


def _draw_box(ax: Any, dataset: xr.Dataset) -> None:
    from matplotlib.collections import LineCollection

    if "box_vectors" in dataset.attrs:
        edges = placed_box(dataset) @ _view_of(dataset)
        ax.add_collection(
            LineCollection(list(edges[:, :, :2]), colors=FAINT, linewidths=0.8, zorder=0), autolim=True
        )


def _draw_balls(ax: Any, table: PlottedTable, painted: Coloring, unit: float) -> None:
    """Each ball is a rim, a body and a highlight, so that later balls hide earlier ones whole."""
    from matplotlib.collections import EllipseCollection

    values = painted.values[0][table["particle"]]
    diameter = unit * np.where(np.isfinite(values), *DIAMETERS)
    depth = table["near"] - table["near"].min()
    deepest = float(depth.max())
    fog = 0.62 * (1 - depth / deepest) if deepest > 0 else np.zeros(len(depth))
    body = painted.paint(values)
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
    ax.update_datalim(center - 0.6 * unit)
    ax.update_datalim(center + 0.6 * unit)


def _draw_legend(ax: Any, painted: Coloring) -> None:
    """Name the species, in place of a bar."""
    for name, color in painted.categories:
        ax.plot([], [], marker="o", ls="none", ms=7, color=color, label=name, markeredgecolor=INK, mew=0.4)
    ax.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        ncols=min(6, len(painted.categories)),
        title=painted.label,
        handletextpad=0.2,
    )


def _draw_colorbar(ax: Any, painted: Coloring) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    colors = ListedColormap(painted.paint(np.linspace(painted.low, painted.high, 128)))
    bar = ax.figure.colorbar(
        ScalarMappable(Normalize(painted.low, painted.high), colors),
        ax=ax,
        orientation="horizontal",
        shrink=0.6,
        aspect=26,
        pad=0.02,
    )
    bar.outline.set_linewidth(0.6)
    bar.ax.minorticks_off()
    bar.set_label(painted.label)


SNAPSHOT = ReportFigure("snapshot", ("snapshot",), plot_snapshot, snapshot_table, size=(5.6, 5.6))
