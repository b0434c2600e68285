"""What an indicator of rearrangement promises, and the runner that reads long trajectories block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, ShapeError
from vitrify.particles.frame import Frame
from vitrify.units import LJ, Units

Read = Callable[[int, int], ArrayLike]
"""``read(start, stop)`` returns the positions (stop - start, N, d) of those frames."""
ReadFrames = Callable[[int, int], Sequence[Frame]]
"""``read(start, stop)`` returns those frames as configurations."""

_BLOCK_BYTES = 2**26


class Indicator(Protocol):
    """A number per particle and frame that is large where a particle rearranges.

    Members are frozen dataclasses. The value at a frame depends only on the frames up to `halo` before and after it
    and is computed from them alone, so that cutting a trajectory into blocks does not change a bit.
    """

    name: ClassVar[str]

    @property
    def halo(self) -> int:
        """Frames needed on each side of a frame."""

    def compute(self, positions: ArrayLike) -> NDArray[np.float64]:
        """Return (F, N) from unwrapped positions (F, N, d); NaN where the window does not fit."""

    def to_dict(self) -> dict[str, Any]:
        """Return the name and the parameters."""

    def attributes(self, units: Units = LJ) -> dict[str, str]:
        """Return units, symbol, long_name and definition of the values."""


class FrameIndicator(Protocol):
    """An indicator that needs whole configurations: who is near whom, and how the box deforms.

    The value at a frame depends only on that frame and the `halo` frames after it. Particles may be absent.
    """

    name: ClassVar[str]
    reads: ClassVar[str]  # "frames"

    @property
    def halo(self) -> int:
        """Frames needed after a frame."""

    def compute(self, frames: Sequence[Frame], n_particles: int | None = None) -> NDArray[np.float64]:
        """Return (F, N) from F configurations with unwrapped positions; NaN where a value is not defined."""

    def to_dict(self) -> dict[str, Any]:
        """Return the name and the parameters."""

    def attributes(self, units: Units = LJ) -> dict[str, str]:
        """Return units, symbol, long_name and definition of the values."""


def frames_per_block(n_particles: int, dimension: int, at_least: int = 1) -> int:
    """Return how many frames of float64 positions make a block of about 64 MiB, but not fewer than `at_least`.

    Examples
    --------
    >>> frames_per_block(1000, 3), frames_per_block(10**6, 3, at_least=10)
    (2796, 10)
    """
    return max(at_least, 1, _BLOCK_BYTES // max(1, 8 * n_particles * dimension))


def blocks_with_halo(
    n_frames: int, block: int, halo: int, before: int | None = None
) -> Iterator[tuple[int, int, int, int]]:
    """Yield (start, stop, lo, hi): frames [start, stop) are the block, [lo, hi) what must be read for it.

    What must be read reaches `halo` frames beyond the block, and `before` frames (as many as `halo` without it) before it.
    Near the ends of the trajectory the reading stays `before` + `halo` + 1 frames long if there are as many, so that a
    window fits into every reading.

    Raises
    ------
    ParameterError
        If `block` is smaller than 1.

    Examples
    --------
    >>> list(blocks_with_halo(9, 4, 2))
    [(0, 4, 0, 6), (4, 8, 2, 9), (8, 9, 4, 9)]
    """
    if block < 1:
        raise ParameterError(f"`block` must be at least 1 frame; it is {block}.")
    before = halo if before is None else before
    span = before + halo + 1
    for start in range(0, n_frames, block):
        stop = min(start + block, n_frames)
        lo = max(0, min(start - before, n_frames - span))
        hi = min(n_frames, max(stop + halo, span))
        yield start, stop, lo, hi


def read_positions(read: Read, lo: int, hi: int) -> NDArray[np.float64]:
    """Return frames [lo, hi) as a float64 array (hi - lo, N, d), checked.

    Raises
    ------
    ShapeError
        If `read` returns another number of frames or not three axes.

    Examples
    --------
    >>> read_positions(lambda start, stop: np.zeros((stop - start, 4, 3), np.float32), 2, 7).shape
    (5, 4, 3)
    """
    positions = np.asarray(read(lo, hi), dtype=np.float64)
    if positions.ndim != 3 or len(positions) != hi - lo:
        raise ShapeError(
            f"`read({lo}, {hi})` must return positions of shape ({hi - lo}, N, d); it returned {positions.shape}."
        )
    return positions


def stream(
    indicator: Indicator, read: Read, n_frames: int, block: int | None = None
) -> Iterator[tuple[int, int, NDArray[np.float64]]]:
    """Compute an indicator along a trajectory of any length, a block of frames at a time.

    Parameters
    ----------
    indicator : Indicator
    read : callable
        ``read(start, stop)`` returns unwrapped positions (stop - start, N, d), length.
    n_frames : int
        F, the length of the trajectory.
    block : int, optional
        Frames per block; by default as many as make 64 MiB.

    Yields
    ------
    start, stop : int
    values : (stop - start, N) float
        The very bits that ``indicator.compute`` gives for the whole trajectory.

    Raises
    ------
    ShapeError
        If the trajectory is too short for the indicator or `read` returns the wrong shape.

    Examples
    --------
    >>> from vitrify.rearrangements.p_hop import PHop
    >>> positions = np.random.default_rng(0).normal(size=(30, 4, 3))
    >>> parts = [v for _, _, v in stream(PHop(), lambda a, b: positions[a:b], 30, block=7)]
    >>> np.array_equal(np.concatenate(parts), PHop().compute(positions), equal_nan=True)
    True
    """
    if n_frames < 1:
        raise ShapeError(f"The trajectory has `n_frames` = {n_frames}; there is nothing to compute.")
    if block is None:
        _, n_particles, dimension = read_positions(read, 0, 1).shape
        block = frames_per_block(n_particles, dimension, at_least=2 * indicator.halo)
    for start, stop, lo, hi in blocks_with_halo(n_frames, block, indicator.halo):
        values = indicator.compute(read_positions(read, lo, hi))
        yield start, stop, values[start - lo : stop - lo]


def stream_frames(
    indicator: FrameIndicator,
    read: ReadFrames,
    n_frames: int,
    block: int | None = None,
    n_particles: int | None = None,
) -> Iterator[tuple[int, int, NDArray[np.float64]]]:
    """Compute an indicator of configurations along a trajectory of any length, a block of frames at a time.

    Parameters
    ----------
    indicator : FrameIndicator
    read : callable
        ``read(start, stop)`` returns frames start … stop - 1 as configurations, unwrapped.
    n_frames : int
        F, the length of the trajectory.
    block : int, optional
        Frames per block; by default as many as make 64 MiB.
    n_particles : int, optional
        N, where not every particle is there in every frame; by default the particles of the first frame.

    Yields
    ------
    start, stop : int
    values : (stop - start, N) float
        The very bits that ``indicator.compute`` gives for the whole trajectory.

    Raises
    ------
    ShapeError
        If the trajectory is too short for the indicator.

    Examples
    --------
    >>> from vitrify.particles import Box
    >>> from vitrify.rearrangements.d2min import D2Min
    >>> positions = np.random.default_rng(0).uniform(0, 4, (9, 30, 2))
    >>> frames = [Frame(p, [0] * 30, Box.orthorhombic([4.0, 4.0])) for p in positions]
    >>> parts = [v for _, _, v in stream_frames(D2Min(2, 1.5), lambda a, b: frames[a:b], 9, block=4)]
    >>> np.array_equal(np.concatenate(parts), D2Min(2, 1.5).compute(frames), equal_nan=True)
    True
    """
    if n_frames < 1:
        raise ShapeError(f"The trajectory has `n_frames` = {n_frames}; there is nothing to compute.")
    if block is None or n_particles is None:
        first = read(0, 1)[0]
        n_particles = first.n_particles if n_particles is None else n_particles
        block = frames_per_block(n_particles, first.dimension) if block is None else block
    for start, stop, lo, hi in blocks_with_halo(n_frames, block, indicator.halo, before=0):
        values = indicator.compute(read(lo, hi), n_particles)
        yield start, stop, values[start - lo : stop - lo]
