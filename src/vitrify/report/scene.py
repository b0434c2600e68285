"""The turning snapshot: a self-contained page of coloured balls, with a time slider."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import MissingExtraError
from vitrify.report.coloring import Coloring, coloring
from vitrify.report.figures.snapshot import DIAMETERS, in_three_dimensions, placed_box
from vitrify.report.figures.style import unit_words
from vitrify.report.templates import environment, read_template

if TYPE_CHECKING:
    import xarray as xr

MAX_BYTES = 9_000_000
"""Raw size of positions and colours above which frames are thinned out."""
_BYTES_PER_BALL = 3.5 * 4
_GRID = 256  # positions are rounded to 1/256 of a diameter: invisible, and it halves the page


def scene_frames(dataset: xr.Dataset) -> NDArray[np.int64]:
    """Return the indices of the frames that fit into the page, evenly spread over all.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``snapshot``.

    Returns
    -------
    (n,) ndarray of int
    """
    n_frames, n_particles = dataset.sizes["snapshot_frame"], dataset.sizes["particle"]
    fitting = int(MAX_BYTES // (_BYTES_PER_BALL * max(n_particles, 1)))
    kept = np.linspace(0, n_frames - 1, max(1, min(n_frames, fitting))).round().astype(np.int64)
    return np.unique(kept) if n_frames else np.empty(0, np.int64)


def scene_page(dataset: xr.Dataset) -> str:
    """Return one HTML document that draws the snapshot without asking the network for anything.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``snapshot``, with at least one frame of finite positions.

    Returns
    -------
    str
        The same numbers give the same text.

    Raises
    ------
    MissingExtraError
        If k3d or jinja2 is not installed.
    """
    frames = dataset.isel(snapshot_frame=scene_frames(dataset))
    painted = coloring(dataset)
    plot = _plot(frames, painted)
    text = plot.get_snapshot(9, additional_js_code=read_template("scene_controls.js"))
    text = re.sub(r"<title>.*?</title>", "<title>snapshot</title>", text, count=1)
    along = frames["position"].values[..., 0] / float(dataset.attrs.get("diameter", 1.0))
    controls = (
        environment()
        .from_string(read_template("scene_controls.html"))
        .render(
            quantity=painted.words,
            gradient=", ".join(_hex(c) for c in painted.paint(np.linspace(painted.low, painted.high, 11))),
            ends=painted.ends,
            categories=painted.categories,
            others=bool(np.isnan(painted.values[scene_frames(dataset)]).any()),
            times=[float(f"{t:.6g}") for t in frames["time"].values.astype(float)],
            unit=unit_words(str(dataset["time"].attrs.get("units", ""))),
            cut_from=float(np.nanmin(along)),
            cut_to=float(np.nanmax(along)) + 1.0,
            turning=dataset.sizes["xyz"] == 3,
        )
    )
    return text.replace('<div id="canvasTarget"></div>', f'<div id="canvasTarget"></div>\n{controls}', 1)


def _plot(frames: xr.Dataset, painted: Coloring) -> Any:
    """Two clouds, analysed and not, and the edges of the box."""
    try:
        import k3d
    except ImportError as error:
        raise MissingExtraError("The turning snapshot", "k3d", "report") from error
    plot = k3d.plot(
        grid_visible=False,
        menu_visibility=False,
        camera_auto_fit=False,
        background_color=-1,
        camera_fov=30.0,
        axes_helper=0,
        camera_no_zoom=True,
    )
    plot.snapshot_type = "full"
    unit = float(frames.attrs.get("diameter", 1.0))
    position = np.stack([in_three_dimensions(p) for p in frames["position"].values]) / unit
    there = np.asarray(np.isfinite(position).all(axis=2))
    position = np.round(np.where(there[..., None], position, position[there][0]) * _GRID) / _GRID
    values = coloring(frames).values
    analysed = np.isfinite(values).any(axis=0)
    objects = []
    for keep, diameter in zip((analysed, ~analysed), DIAMETERS, strict=True):
        if keep.any():
            places = {str(k): p[keep].astype(np.float32) for k, p in enumerate(position)}
            colors = {str(k): painted.packed(v[keep]) for k, v in enumerate(values)}
            sizes = {str(k): np.where(t[keep], diameter, 0.0) for k, t in enumerate(there)}
            objects.append(_cloud(k3d, places, colors, diameter, {} if there[:, keep].all() else sizes))
    if "box_vectors" in frames.attrs:
        objects.append(_box(k3d, placed_box(frames) / unit))
    for k, drawable in enumerate(objects):
        drawable.id = k + 1  # instead of a memory address, so that the page is the same every time
        plot += drawable
    plot.camera = _camera(position[0] if there.all() else position[there])
    return plot


def _cloud(
    k3d: Any, places: dict[str, Any], colors: dict[str, Any], diameter: float, sizes: dict[str, Any]
) -> Any:
    """Return balls; `sizes` is empty where every particle is always there, and 0 for those that are absent."""
    one = len(places) == 1  # a single frame is no time series
    of_each = {"point_sizes": _float32(sizes["0"] if one else sizes)} if sizes else {}
    return k3d.points(
        positions=places["0"] if one else places,
        colors=colors["0"] if one else colors,
        point_size=diameter,
        shader="3d",
        roughness=0.45,
        compression_level=0,
        **of_each,
    )


def _float32(values: Any) -> Any:
    if isinstance(values, dict):
        return {k: _float32(v) for k, v in values.items()}
    return np.asarray(values, np.float32)


def _box(k3d: Any, edges: NDArray[np.float64]) -> Any:
    segments = np.arange(2 * len(edges), dtype=np.uint32).reshape(-1, 2)
    return k3d.lines(
        edges.reshape(-1, 3).astype(np.float32),
        segments,
        indices_type="segment",
        shader="simple",
        color=0x8B919B,
        width=0.02,
    )


def _camera(position: NDArray[np.float64]) -> list[float]:
    """Eye outside a corner of the cloud (n, 3), looking at its middle; z up."""
    low, high = position.min(axis=0), position.max(axis=0)
    middle = (low + high) / 2
    reach = max(float(np.linalg.norm(high - low)), 1.0)
    flat = high[2] - low[2] < 1e-6 * reach
    direction = np.array([0.02, 0.0, 1.0]) if flat else np.array([0.85, 0.42, 0.34])
    eye = middle + 1.85 * reach * direction / np.linalg.norm(direction)
    up = [-1.0, 0.0, 0.0] if flat else [0.0, 0.0, 1.0]
    return [*eye.tolist(), *middle.tolist(), *up]


def _hex(rgb: NDArray[np.float64]) -> str:
    return "#" + "".join(f"{round(c * 255):02x}" for c in rgb)
