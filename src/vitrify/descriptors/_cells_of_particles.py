"""The cells of the particles of a frame, in any box: who needs more neighbours gets them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ConfigurationError
from vitrify.particles.frame import Frame
from vitrify.particles.neighbors import cell_list

_FIRST_CUTOFF = 2.2  # mean spacings: enough for most particles of a liquid
_GROWTH = 1.5
_FEW_PLANES, MOST_PLANES = 96, 6144
_TOLERANCE = 1e-12  # of the largest distance: vertices this near a plane are on it


def measure_cells(
    frame: Frame,
    chosen: NDArray[np.int64],
    radii: NDArray[np.float64],
    farthest: float,
    good: tuple[float, float, bool] = (0.0, 0.0, False),
) -> NDArray[np.float64]:
    """Return the columns of `vitrify.descriptors._cell_measures` for the chosen particles, (n, 5).

    Parameters
    ----------
    frame : Frame
    chosen : (n,) int
    radii : (n_species,) float, length
        Of radical cells; all equal for those of Voronoi.
    farthest : float, length
        No point farther from its particle belongs to a cell.
    good : (float, float, bool)
        Largest tetrahedricity and octahedricity that count, and whether one simplex may count as both.

    Raises
    ------
    ConfigurationError
        If two particles sit on one spot, a cell has thousands of faces, or rounding tears it.
    """
    from vitrify.descriptors import _cell_kernels, _cell_measures

    out = np.empty((len(chosen), _cell_measures.N_COLUMNS))
    if not len(chosen):
        return out
    squares = radii**2
    heaviest = float(squares.max())
    most = farthest + np.sqrt(farthest**2 + heaviest - float(squares.min()))
    spacing = (frame.box.volume / frame.n_particles) ** (1 / frame.dimension)
    cutoff, n_planes, open_rows = min(_FIRST_CUTOFF * spacing, most), _FEW_PLANES, np.arange(len(chosen))
    while len(open_rows):
        cells = cell_list(frame, cutoff * (1 + 1e-12))
        found = np.empty((len(open_rows), out.shape[1]))
        status = np.empty(len(open_rows), np.int64)
        _cell_measures.measure(
            cells,
            cells.rank[chosen[open_rows]],
            squares[cells.species],
            (heaviest, frame.dimension, farthest, _TOLERANCE * farthest),
            good,
            n_planes,
            found,
            status,
        )
        done = status == _cell_kernels.COMPLETE
        out[open_rows[done]] = found[done]
        _refuse(frame, chosen[open_rows], status, n_planes)
        if (status == _cell_kernels.NEEDS_ROOM).any():
            n_planes = min(4 * n_planes, MOST_PLANES)
        if (status == _cell_kernels.NEEDS_MORE).any():
            cutoff = min(_GROWTH * cutoff, most)
        open_rows = open_rows[~done]
    return out


def _refuse(frame: Frame, chosen: NDArray[np.int64], status: NDArray[np.int64], n_planes: int) -> None:
    from vitrify.descriptors import _cell_kernels

    where = f" ({frame.label})" if frame.label else ""
    on_one_spot, torn = status == _cell_kernels.ON_ONE_SPOT, status == _cell_kernels.TORN
    if on_one_spot.any():
        raise ConfigurationError(
            f"Particle {chosen[on_one_spot][0]} sits on the spot of another{where}: neither has a cell. Check the file it came "
            "from for repeated ids."
        )
    crowded = status == _cell_kernels.NEEDS_ROOM
    if crowded.any() and n_planes >= MOST_PLANES:
        raise ConfigurationError(
            f"The cell of particle {chosen[crowded][0]} has more than {n_planes} faces{where}. Particles on a perfect sphere around "
            "another do that; move them at random."
        )
    if torn.any():
        raise ConfigurationError(
            f"The cell of particle {chosen[torn][0]} is lost in rounding{where}: more than three faces meet in a vertex. Move the "
            "particles of a perfect crystal by 1e-6 of their distance at random."
        )
