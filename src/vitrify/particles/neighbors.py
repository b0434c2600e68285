"""Neighbours within a cutoff: the one door through which every structural kernel meets a frame."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ConfigurationError, ParameterError
from vitrify.particles import _cells
from vitrify.particles.frame import Frame

_MAX_CELLS_PER_PARTICLE = 2.0


class Pairs(NamedTuple):
    """Ordered pairs (i, j) with all periodic images.

    Attributes
    ----------
    first, second : (n,) int
        Every pair stands twice, once from each side; `first` is sorted.
    vectors : (n, d) float, length
        From `first` to this image of `second`.
    distances : (n,) float, length
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    vectors: NDArray[np.float64]
    distances: NDArray[np.float64]


def cell_list(frame: Frame, cutoff: float) -> _cells.Cells:
    """Sort a frame into cells so that neighbours within `cutoff` are found in constant time.

    Right for every box, 2D and 3D, any tilt, open or periodic axes, and for a cutoff that exceeds half the box or
    the whole of it: then the same particle is met several times, under different images.

    Parameters
    ----------
    frame : Frame
    cutoff : float, length

    Returns
    -------
    Cells
        Plain arrays for `vitrify.particles._cells.gather`; positions are lifted to three dimensions.

    Raises
    ------
    ParameterError
        If `cutoff` is not a positive finite number.

    Notes
    -----
    **Cost** linear in N; about 110 bytes a particle.
    """
    if not (np.isfinite(cutoff) and cutoff > 0):
        raise ParameterError(f"`cutoff` must be a positive length; it is {cutoff}.")
    d, n = frame.dimension, frame.n_particles
    vectors, origin, periodic = np.eye(3), np.zeros(3), np.zeros(3, bool)
    vectors[:d, :d], origin[:d], periodic[:d] = frame.box.vectors, frame.box.origin, frame.box.periodic
    positions = np.zeros((n, 3))
    positions[:, :d] = frame.box.wrap(frame.positions)
    fractional = (positions - origin) @ np.linalg.inv(vectors)
    heights = np.ones(3)
    heights[:d] = frame.box.heights
    grid, reach = _grid(heights, cutoff, d, n, periodic)
    cell, place = _cells.assign_cells(fractional, grid)
    flat = (cell[:, 0] * grid[1] + cell[:, 1]) * grid[2] + cell[:, 2]
    order, starts = _cells.counting_sort(flat, int(grid.prod()))
    rank = np.empty(n, np.int64)
    rank[order] = np.arange(n)
    return _cells.Cells(
        positions=np.ascontiguousarray(positions[order]),
        species=np.ascontiguousarray(frame.species[order]),
        order=order,
        rank=rank,
        starts=starts,
        cell=np.ascontiguousarray(cell[order]),
        grid=grid,
        reach=reach,
        place=np.ascontiguousarray(place[order]),
        widths=heights / grid,
        is_orthogonal=bool(frame.box.is_orthorhombic),
        vectors=vectors,
        periodic=periodic,
        cutoff=float(cutoff),
        capacity=int(_cells.neighbourhood_capacity(starts, grid, reach, periodic)) + 1,
    )


def _grid(
    heights: NDArray[np.float64], cutoff: float, d: int, n: int, periodic: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the number of cells along each vector and how many of them the cutoff spans.

    A long cutoff is cut into up to three cells, so that less is visited outside the sphere; a sparse system gets no
    more cells than about two per particle.
    """
    spacing = (np.prod(heights[:d]) / max(n, 1)) ** (1 / d)
    width = cutoff / min(max(int(cutoff / (1.2 * spacing)), 1), 3)
    grid = np.maximum(np.floor(heights / width), 1).astype(np.int64)
    grid[d:] = 1
    while grid.prod() > max(_MAX_CELLS_PER_PARTICLE * n, 64):
        grid = np.maximum(grid // 2, 1)
    reach = np.ceil(cutoff * grid / heights * (1 - 1e-12)).astype(np.int64)
    reach[(grid == 1) & ~periodic] = 0
    return grid, reach


def pairs(frame: Frame, cutoff: float) -> Pairs:
    """Return all ordered pairs closer than `cutoff`, with every periodic image.

    For tools and tests; kernels use `cell_list` and never hold a pair list of the whole system.

    Parameters
    ----------
    frame : Frame
    cutoff : float, length

    Returns
    -------
    Pairs

    Examples
    --------
    >>> from vitrify.particles import Box, Frame
    >>> two = Frame([[0.1, 0.0], [3.9, 0.0]], [0, 0], Box.orthorhombic([4.0, 4.0]))
    >>> pairs(two, 1.0).distances.round(12).tolist()
    [0.2, 0.2]
    """
    cells = cell_list(frame, cutoff)
    nothing = np.empty(0, np.int64)
    n = _cells.fill_pairs(cells, nothing, nothing, np.empty((0, 3)), np.empty(0))
    first, second = np.empty(n, np.int64), np.empty(n, np.int64)
    vectors, r2 = np.empty((n, 3)), np.empty(n)
    if n:
        _cells.fill_pairs(cells, first, second, vectors, r2)
    return Pairs(first, second, vectors[:, : frame.dimension], np.sqrt(r2))


def require_distinct(frame: Frame, tolerance: float = 1e-6) -> None:
    """Refuse a frame in which two particles sit on one spot.

    Parameters
    ----------
    frame : Frame
    tolerance : float, length, default 1e-6
        Closer than this counts as the same spot.

    Raises
    ------
    ConfigurationError
        Naming the two particles.
    """
    if frame.n_particles < 2:
        return
    spacing = (frame.box.volume / frame.n_particles) ** (1 / frame.dimension)
    best, first, second = _cells.closest_pair(cell_list(frame, max(0.5 * spacing, 2 * tolerance)))
    if best < tolerance**2:
        where = f" ({frame.label})" if frame.label else ""
        raise ConfigurationError(
            f"Particles {min(first, second)} and {max(first, second)} sit on one spot, {np.sqrt(best):.1e} apart{where}. "
            "Check the file it came from for repeated ids or a species column read as a coordinate."
        )
