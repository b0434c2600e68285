"""The hop indicator: how far the mean position of a particle moves between two windows of time."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, ShapeError
from vitrify.units import LJ, Units, power


@dataclass(frozen=True)
class PHop:
    r"""Hop indicator p_hop: large when a particle has changed its cage, small while it rattles in one.

    .. math::

        p_\mathrm{hop}(i, t) = \sqrt{\langle (r_i - \langle r_i\rangle_B)^2 \rangle_A
        \langle (r_i - \langle r_i\rangle_A)^2 \rangle_B}

    with A the frames t - W … t - 1 and B the frames t … t + W - 1, W = `window` / 2. The two windows share no frame.

    Parameters
    ----------
    window : int, frames, default 10
        A and B together; even. The papers take t_R = 10 τ with one frame per τ.

    Raises
    ------
    ParameterError
        If `window` is odd or smaller than 2.

    Notes
    -----
    **Scale**: length². A clean jump of length Δ gives Δ² at its frame and Δ² (k/W)^{3/2} where only k of the W frames
    of one window lie beyond it; a constant velocity v per frame gives v² [W² + (W² − 1)/12]. So a threshold of 0.2
    means a move of about 0.45.
    **Differs from**: the printed intervals [t − t_R/2, t] and [t, t + t_R/2] of Schoenholz et al., which share the
    frame t; Sharma et al., who take further roots and get a length (their value is the square root of this one, and
    their thresholds do not carry over); Candelier et al., who cut the whole trajectory again and again and weigh the
    parts by their lengths.
    **Invariant under**: translations, rotations and reflections of all positions, relabelling, reversal of time
    (up to the shift by one frame). Not under wrapping: positions must be unwrapped.
    **Cost**: O(F N `window`), one pass, memory for one array (F, N).

    References
    ----------
    Schoenholz, Cubuk, Sussman, Kaxiras, Liu, Nature Physics 12, 469 (2016), eq. 1.
    Cubuk, PhD thesis (Harvard, 2016), eq. 5.1.

    Examples
    --------
    A jump of length 1 between frames 9 and 10:

    >>> positions = np.zeros((20, 1, 3))
    >>> positions[10:, 0, 0] = 1.0
    >>> PHop(window=10).compute(positions)[5:16, 0].round(4).tolist()
    [0.0, 0.0894, 0.253, 0.4648, 0.7155, 1.0, 0.7155, 0.4648, 0.253, 0.0894, 0.0]
    """

    name: ClassVar[str] = "p_hop"
    window: int = 10

    def __post_init__(self) -> None:
        if self.window != int(self.window) or self.window < 2 or self.window % 2:
            raise ParameterError(
                f"`window` is a number of frames, even (two halves without a common frame) and at least 2; "
                f"it is {self.window}."
            )
        object.__setattr__(self, "window", int(self.window))

    @property
    def halo(self) -> int:
        """Frames needed on each side: half the window."""
        return self.window // 2

    def to_dict(self) -> dict[str, Any]:
        """Return the name and the parameters."""
        return {"name": self.name, **asdict(self)}

    def attributes(self, units: Units = LJ) -> dict[str, str]:
        """Return units, symbol, long_name and definition of the values."""
        w = self.halo
        return {
            "units": power(units.length, 2),
            "symbol": "p_hop",
            "long_name": "hop indicator",
            "definition": f"sqrt(<(r-<r>_B)^2>_A <(r-<r>_A)^2>_B), A = frames t-{w}..t-1, B = frames t..t+{w - 1}",
        }

    def require_frames(self, n_frames: int) -> None:
        """Raise `ShapeError` if a trajectory is shorter than the window."""
        if n_frames < self.window:
            raise ShapeError(
                f"p_hop needs at least `window` = {self.window} frames; this trajectory has {n_frames}. "
                "Use a smaller window or save frames more often."
            )

    def compute(self, positions: ArrayLike) -> NDArray[np.float64]:
        """Return p_hop of every particle at every frame.

        Parameters
        ----------
        positions : (F, N, d) array_like, length
            Unwrapped; F at least `window`. Any d.

        Returns
        -------
        (F, N) float, length²
            NaN at the first W frames and the last W − 1, where the windows do not fit.

        Raises
        ------
        ShapeError
            If the array has not three axes or there are too few frames.
        """
        from vitrify.rearrangements import _kernels

        array = np.ascontiguousarray(positions, dtype=np.float64)
        if array.ndim != 3:
            raise ShapeError(f"`positions` must have shape (F, N, d); it has {array.shape}.")
        n_frames, n_particles, d = array.shape
        self.require_frames(n_frames)
        values = np.full((n_frames, n_particles), np.nan)
        _kernels.p_hop(array.reshape(n_frames, n_particles * d), d, self.halo, values)
        return values
