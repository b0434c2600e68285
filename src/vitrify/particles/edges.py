"""Where a configuration ends: distances to the faces beyond which nothing is known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ParameterError
from vitrify.particles.frame import Frame


def distance_to_open_faces(frame: Frame) -> NDArray[np.float64]:
    r"""Return how far each particle is from the nearest face of the box that is not periodic.

    Along an open axis k the box ends in two faces, which the other cell vectors span. With the fractional coordinate
    f_k and the distance h_k between the two,

    .. math:: D_i = \min_{k\ \mathrm{open}} h_k \min(f_{ik}, 1 - f_{ik})

    Parameters
    ----------
    frame : Frame

    Returns
    -------
    (n,) float, length
        Infinite where all axes are periodic; negative outside the box.

    Notes
    -----
    **Scale**: length.
    **Differs from**: the distance to the outermost particles, which depends on where they happen to be.
    **Invariant under**: translations and rotations of particles and box together, the choice of periodic images.
    **Cost**: O(N).

    Examples
    --------
    >>> from vitrify.particles import Box
    >>> box = Box.orthorhombic([10.0, 6.0], periodic=[True, False])
    >>> distance_to_open_faces(Frame([[0.5, 1.0], [9.0, 4.5]], [0, 0], box)).tolist()
    [1.0, 1.5]
    """
    nearest = np.full(frame.n_particles, np.inf)
    fractional = frame.box.fractional(frame.positions)
    for axis in np.flatnonzero(~frame.box.periodic):
        inside = np.minimum(fractional[:, axis], 1.0 - fractional[:, axis])
        nearest = np.minimum(nearest, frame.box.heights[axis] * inside)
    return nearest


def near_open_face(frame: Frame, reach: float) -> NDArray[np.bool_]:
    """Return which particles have an open face within `reach`: part of their surroundings is not known.

    Parameters
    ----------
    frame : Frame
    reach : float, length
        Distance up to which the surroundings matter (`reach` of a descriptor).

    Returns
    -------
    (n,) bool

    Raises
    ------
    ParameterError
        If `reach` is negative or not a number.

    Examples
    --------
    >>> from vitrify.particles import Box
    >>> box = Box.orthorhombic([10.0, 6.0], periodic=[False, False])
    >>> near_open_face(Frame([[0.5, 3.0], [5.0, 3.0]], [0, 0], box), 2.0).tolist()
    [True, False]
    """
    if not reach >= 0:
        raise ParameterError(f"`reach` must be a length of at least 0; it is {reach}.")
    return distance_to_open_faces(frame) < reach
