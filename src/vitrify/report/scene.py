"""The turning snapshot: a self-contained page of balls coloured by softness, with a time slider."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import MissingExtraError
from vitrify.report.figures.snapshot import DIAMETERS, box_edges, in_three_dimensions
from vitrify.report.figures.style import softness_colors, softness_scale
from vitrify.report.templates import environment, read_template

if TYPE_CHECKING:
    import xarray as xr

MAX_BYTES = 9_000_000
"""Raw size of positions and colours above which frames are thinned out."""
_BYTES_PER_BALL = 3.5 * 4
_GRID = 256  # positions are rounded to 1/256 of a length: invisible, and it halves the page
_N_COLORS = 96


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
    scale = softness_scale(dataset["softness"].values)
    plot = _plot(frames, scale)
    text = plot.get_snapshot(9, additional_js_code=read_template("scene_controls.js"))
    text = re.sub(r"<title>.*?</title>", "<title>snapshot</title>", text, count=1)
    position = frames["position"].values
    controls = (
        environment()
        .from_string(read_template("scene_controls.html"))
        .render(
            quantity=str(dataset["softness"].attrs.get("long_name", "softness")),
            gradient=", ".join(_hex(c) for c in softness_colors(np.linspace(-scale, scale, 11), scale)),
            scale=scale,
            others=bool(np.isnan(frames["softness"].values).any()),
            times=[float(f"{t:.6g}") for t in frames["time"].values.astype(float)],
            unit={"tau": "\u03c4"}.get(
                dataset["time"].attrs.get("units", ""), dataset["time"].attrs.get("units", "")
            ),
            cut_from=float(np.nanmin(position[..., 0])),
            cut_to=float(np.nanmax(position[..., 0])) + 1.0,
            turning=True,
        )
    )
    return text.replace('<div id="canvasTarget"></div>', f'<div id="canvasTarget"></div>\n{controls}', 1)


def _plot(frames: xr.Dataset, scale: float) -> Any:
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
    position = np.stack([in_three_dimensions(p) for p in frames["position"].values])
    position = np.round(np.nan_to_num(position, nan=-1e6) * _GRID) / _GRID
    softness = frames["softness"].values
    analysed = np.isfinite(softness).any(axis=0)
    objects = []
    for keep, diameter in zip((analysed, ~analysed), DIAMETERS, strict=True):
        if keep.any():
            places = {str(k): p[keep].astype(np.float32) for k, p in enumerate(position)}
            colors = {str(k): _packed(s[keep], scale) for k, s in enumerate(softness)}
            objects.append(_cloud(k3d, places, colors, diameter))
    if "box_vectors" in frames.attrs:
        objects.append(_box(k3d, frames.attrs["box_vectors"]))
    for k, drawable in enumerate(objects):
        drawable.id = k + 1  # instead of a memory address, so that the page is the same every time
        plot += drawable
    plot.camera = _camera(position)
    return plot


def _cloud(k3d: Any, places: dict[str, Any], colors: dict[str, Any], diameter: float) -> Any:
    one = len(places) == 1  # a single frame is no time series
    return k3d.points(
        positions=places["0"] if one else places,
        colors=colors["0"] if one else colors,
        point_size=diameter,
        shader="3d",
        roughness=0.45,
        compression_level=0,
    )


def _box(k3d: Any, box_vectors: Any) -> Any:
    edges = box_edges(box_vectors)
    segments = np.arange(2 * len(edges), dtype=np.uint32).reshape(-1, 2)
    return k3d.lines(
        edges.reshape(-1, 3).astype(np.float32),
        segments,
        indices_type="segment",
        shader="simple",
        color=0x8B919B,
        width=0.02,
    )


def _packed(softness: NDArray[Any], scale: float) -> NDArray[np.uint32]:
    """Colours as 0xRRGGBB, from a table of a few so that they compress."""
    level = np.round(np.clip(softness / scale, -1, 1) * (_N_COLORS // 2)) / (_N_COLORS // 2) * scale
    rgb = np.round(softness_colors(level, scale) * 255).astype(np.uint32)
    return (rgb[:, 0] << 16 | rgb[:, 1] << 8 | rgb[:, 2]).astype(np.uint32)


def _camera(position: NDArray[np.float64]) -> list[float]:
    """Eye outside a corner of the cloud, looking at its middle; z up."""
    inside = position[0][(position[0] > -1e5).all(axis=1)]
    low, high = (inside.min(axis=0), inside.max(axis=0)) if len(inside) else (np.zeros(3), np.ones(3))
    middle = (low + high) / 2
    reach = max(float(np.linalg.norm(high - low)), 1.0)
    flat = high[2] - low[2] < 1e-6 * reach
    direction = np.array([0.02, 0.0, 1.0]) if flat else np.array([0.85, 0.42, 0.34])
    eye = middle + 1.85 * reach * direction / np.linalg.norm(direction)
    up = [-1.0, 0.0, 0.0] if flat else [0.0, 0.0, 1.0]
    return [*eye.tolist(), *middle.tolist(), *up]


def _hex(rgb: NDArray[np.float64]) -> str:
    return "#" + "".join(f"{round(c * 255):02x}" for c in rgb)
