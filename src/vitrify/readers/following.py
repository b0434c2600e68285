"""From one frame to the next: what may change, and which image of each particle is meant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import FileFormatError
from vitrify.particles.box import Box

_FARTHEST_STEP = 0.4
_LARGEST_VOLUME_CHANGE = 0.2


@dataclass(frozen=True, eq=False)
class OrderedFrame:
    """One frame in the order of `Contents`.

    Parameters
    ----------
    positions : (N, d) float, length
        NaN for particles that are absent. Unwrapped, unless the frame stands alone.
    box : Box
    time : float
    label : str
    """

    positions: NDArray[np.float64]
    box: Box
    time: float
    label: str


def followed(previous: OrderedFrame, frame: OrderedFrame) -> NDArray[np.float64]:
    """Return the images of wrapped positions that are nearest to where the particles were, (N, d).

    Particles move along with a box that changes; a tilt that was flipped is the same lattice.

    Raises
    ------
    FileFormatError
        If a particle moves by more than 0.4 of the box: the nearest image need not be the right one then.
    """
    box = frame.box
    expected = box.origin + previous.box.fractional(previous.positions) @ _unflipped(previous.box, box)
    step = box.minimum_image(frame.positions - expected)
    _require_followable(step, box, previous.label, frame.label)
    images = np.rint((expected + step - frame.positions) @ box.inverse)
    images[np.isnan(images)] = 0.0
    return box.unwrap(frame.positions, images)


def require_advance(previous: OrderedFrame, frame: OrderedFrame) -> None:
    """Refuse a frame whose time does not come after that of the frame before, or whose box jumps.

    Raises
    ------
    FileFormatError
        Naming both frames.
    """
    if not frame.time > previous.time:
        raise FileFormatError(
            f"{frame.label}: its time {frame.time:g} does not come after {previous.time:g} of the frame before "
            f"({previous.label}). Give the files in the order of time, without repeated frames."
        )
    changes = (frame.box.periodic != previous.box.periodic).any()
    change = _volume_change(previous.box, frame.box)
    if change > _LARGEST_VOLUME_CHANGE or changes:
        raise FileFormatError(
            f"{frame.label}: the box jumps. Its volume changes by {100 * change:.0f} % from the frame before "
            f"({previous.label}), or an axis stops being periodic. Import the parts one by one with `start` and `stop`."
        )


def _volume_change(before: Box, now: Box) -> float:
    """Return by what part the volume changes; that of the periodic axes, since open ones may follow the particles."""
    volumes = []
    for box in (before, now):
        lattice = box.vectors[before.periodic]
        volumes.append(np.sqrt(np.linalg.det(lattice @ lattice.T)))
    return float(abs(volumes[1] / volumes[0] - 1))


def _unflipped(before: Box, now: Box) -> NDArray[np.float64]:
    """Return the vectors of `now`, or those of the same lattice that continue `before` where a tilt was flipped."""
    flip = np.rint(now.vectors @ before.inverse)
    if abs(abs(np.linalg.det(flip)) - 1) > 1e-9:
        return now.vectors
    return np.asarray(np.linalg.solve(flip, now.vectors), np.float64)


def _require_followable(step: NDArray[np.float64], box: Box, before: str, now: str) -> None:
    """Refuse steps so long that the nearest image need not be the right one."""
    part = np.abs(step @ box.inverse)[:, box.periodic]
    part = part[~np.isnan(part).any(axis=1)]
    far = int((part > _FARTHEST_STEP).any(axis=1).sum())
    if far:
        raise FileFormatError(
            f"{now}: {far} particles move by more than {_FARTHEST_STEP:g} of the box since the frame before ({before}), the "
            f"farthest by {part.max():.2f}: wrapped positions cannot be followed over such steps. Dump `xu yu zu`, keep "
            "`ix iy iz`, or save frames more often."
        )
