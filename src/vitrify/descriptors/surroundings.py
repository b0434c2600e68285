"""Features of particles of a trajectory, where they are there and their whole surroundings are seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.descriptors.base import Descriptor
from vitrify.particles.edges import near_open_face
from vitrify.particles.frame import Frame


def whole_surroundings(
    reach: float, frame: Frame, particles: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return where particles of a trajectory stand in a frame, and which of them can be described.

    Parameters
    ----------
    reach : float, length
        Of the descriptors.
    frame : Frame
    particles : (n,) array_like of int
        Of the trajectory, as `Frame.particles` counts them.

    Returns
    -------
    rows : (n,) int
        Row in the frame; -1 where the particle is absent.
    whole : (n,) bool
        False where it is absent or has an open face within `reach`.

    Examples
    --------
    >>> from vitrify.particles import Box
    >>> box = Box.orthorhombic([10.0, 10.0], periodic=[False, False])
    >>> frame = Frame([[5.0, 5.0], [1.0, 5.0]], [0, 0], box, particles=[2, 7])
    >>> rows, whole = whole_surroundings(3.0, frame, [7, 5, 2])
    >>> rows.tolist(), whole.tolist()
    ([1, -1, 0], [False, False, True])
    """
    rows = frame.rows_of(particles)
    whole = rows >= 0
    if not frame.box.periodic.all():
        whole[whole] = ~near_open_face(frame, reach)[rows[whole]]
    return rows, whole


def features_of(descriptors: Descriptor, frame: Frame, particles: ArrayLike) -> NDArray[np.float64]:
    """Return the features of particles of a trajectory in one of its frames.

    Parameters
    ----------
    descriptors : Descriptor
    frame : Frame
    particles : (n,) array_like of int
        Of the trajectory, in the order wanted.

    Returns
    -------
    (n, M) float
        NaN where the particle is absent, or nearer to an open face than ``descriptors.reach``: what lies beyond is not
        known, and would count as empty.

    Examples
    --------
    >>> from vitrify.descriptors.coordination import Coordination
    >>> from vitrify.particles import Box
    >>> box = Box.orthorhombic([10.0, 10.0], periodic=[False, False])
    >>> frame = Frame([[5.0, 5.0], [6.0, 5.0], [0.5, 5.0]], [0, 0, 0], box, particles=[2, 3, 7])
    >>> features_of(Coordination((("A", "A", 1.5),)), frame, [2, 7, 9])[:, -1].tolist()
    [1.0, nan, nan]
    """
    rows, whole = whole_surroundings(descriptors.reach, frame, particles)
    if whole.all():
        return descriptors.evaluate(frame, rows)
    out = np.full((len(rows), len(descriptors.feature_names(frame.species_names))), np.nan)
    if whole.any():
        out[whole] = descriptors.evaluate(frame, rows[whole])
    return out
