"""Overlap: which fraction of a liquid is still where it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, ShapeError
from vitrify.units import LJ, Units

if TYPE_CHECKING:
    import xarray as xr

Read = Callable[[int, int], NDArray[np.float64]]

_MAX_BLOCKS = 10


def log_lags(longest: int, per_decade: int = 8) -> NDArray[np.int64]:
    """Return lags in frames from 0 to `longest`, evenly spaced in their logarithm, each once.

    Examples
    --------
    >>> log_lags(10, per_decade=3).tolist()
    [0, 1, 2, 5, 10]
    """
    if longest < 1:
        return np.array([0])
    n = max(2, round(per_decade * np.log10(longest)) + 1)
    return np.unique(np.concatenate([[0], np.rint(np.geomspace(1, longest, n))]).astype(np.int64))


@dataclass(frozen=True)
class Overlap:
    r"""Fraction of particles within a distance of where they were.

    .. math:: q(t) = \frac{1}{N} \sum_i \Theta(a - |r_i(t) - r_i(0)|)

    Parameters
    ----------
    cutoff : float, length
        a. The papers use 0.5 (Schoenholz et al.) and 0.3 (Sharma et al.), so there is no default.
    n_origins : int, default 50
        At most so many time origins, evenly spread, for each lag.

    Notes
    -----
    **Scale** 1 at t = 0, the random value (4/3) π a³ ρ or less at long times.
    **Differs from** the printed sums, whose step function counts the particles that moved *more* than a.
    **Invariant under** translations and rotations of all frames. Positions must be unwrapped.
    **Cost** O(lags × origins × N); memory of two frames.

    References
    ----------
    Schoenholz et al., Nature Physics 12, 469 (2016), Fig. 3; Cubuk, PhD thesis (Harvard, 2016), eq. 5.14.

    Examples
    --------
    >>> frames = np.zeros((4, 2, 3))
    >>> frames[2:, 0, 0] = 1.0
    >>> Overlap(0.5).compute(lambda a, b: frames[a:b], np.arange(4.0), lags=[0, 1, 3])["overlap"].values.tolist()
    [1.0, 0.8333333333333334, 0.5]
    """

    name: ClassVar[str] = "overlap"
    cutoff: float
    n_origins: int = 50

    def __post_init__(self) -> None:
        if not self.cutoff > 0 or self.n_origins < 1:
            raise ParameterError(
                f"`cutoff` must be a positive length and `n_origins` at least 1; they are {self.cutoff}, {self.n_origins}."
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the name and the parameters."""
        return {"name": self.name, **asdict(self)}

    def compute(
        self,
        read: Read,
        times: ArrayLike,
        lags: ArrayLike | None = None,
        particles: NDArray[np.int64] | None = None,
        *,
        units: Units = LJ,
    ) -> xr.Dataset:
        """Return q(t) averaged over time origins.

        Parameters
        ----------
        read : callable
            ``read(start, stop)`` returns unwrapped positions (stop - start, N, d), length.
        times : (F,) array_like, time
            Evenly spaced.
        lags : (n,) array_like of int, frames, optional
            By default `log_lags` up to the whole trajectory.
        particles : (m,) int, optional
            Only these, such as those of one species.
        units : Units, default LJ

        Returns
        -------
        xarray.Dataset
            Dim lag: ``overlap``; ``overlap_error``, its standard error from the scatter of up to 10 blocks of time origins,
            each at least one lag long, NaN with fewer than two blocks; ``n_origins`` and ``n_blocks``; the coordinate lag is
            in units of time. Blocks much shorter than the relaxation time are not independent of each other, and their
            scatter is then too small.

        Raises
        ------
        ShapeError
            If a lag does not fit into the trajectory.
        """
        import xarray as xr

        times = np.asarray(times, float)
        n_frames = len(times)
        lags = log_lags(n_frames - 1) if lags is None else np.asarray(lags, np.int64)
        if len(lags) and not 0 <= lags.min() <= lags.max() < n_frames:
            raise ShapeError(f"`lags` reach {lags.max()} frames; the trajectory has {n_frames} frames.")
        rows = [self._at_lag(read, n_frames, int(lag), particles) for lag in lags]
        mean, error, origins, blocks = np.array(rows, dtype=np.float64).reshape(len(lags), 4).T
        attrs = {
            "units": "1",
            "symbol": "q(t)",
            "definition": f"fraction that moved less than {self.cutoff:g}",
        }
        of_error = attrs | {
            "symbol": r"\delta q(t)",
            "definition": "from the scatter of blocks of time origins",
        }
        time = {
            "units": units.time,
            "symbol": "t",
            "long_name": "time",
            "definition": "between both configurations",
        }
        return xr.Dataset(
            {
                "overlap": ("lag", mean, {**attrs, "long_name": "overlap"}),
                "overlap_error": ("lag", error, {**of_error, "long_name": "standard error of the overlap"}),
                "n_origins": ("lag", origins.astype(np.int64), {"units": "1", "long_name": "time origins"}),
                "n_blocks": ("lag", blocks.astype(np.int64), {"units": "1", "long_name": "blocks of time origins"}),
            },
            {"lag": ("lag", times[lags] - times[0] if len(lags) else np.empty(0), time)},
            attrs={"cutoff": self.cutoff},
        )  # fmt: skip

    def _at_lag(
        self, read: Read, n_frames: int, lag: int, particles: NDArray[np.int64] | None
    ) -> tuple[float, float, int, int]:
        """Return mean, standard error, number of origins and of blocks."""
        n_starts = n_frames - lag
        origins = np.unique(np.linspace(0, n_starts - 1, min(self.n_origins, n_starts)).astype(int))
        kept = slice(None) if particles is None else particles
        values = np.empty(len(origins))
        for k, origin in enumerate(origins.tolist()):
            start, end = (read(t, t + 1)[0][kept] for t in (origin, origin + lag))
            values[k] = (((end - start) ** 2).sum(axis=1) < self.cutoff**2).mean()
        n_blocks = min(_MAX_BLOCKS, len(values), n_starts // max(lag, 1))
        if n_blocks < 2:
            return float(values.mean()), 0.0 if lag == 0 else np.nan, len(values), max(1, n_blocks)
        means = [block.mean() for block in np.array_split(values, n_blocks)]
        return float(values.mean()), float(np.std(means, ddof=1) / np.sqrt(n_blocks)), len(values), n_blocks


class RelaxationTime(NamedTuple):
    """A relaxation time and what it is the time of: without it no two of them compare.

    Attributes
    ----------
    value : float, time
        NaN if the level is not reached.
    definition : str
        Which function falls to which level, with its cutoff.
    """

    value: float
    definition: str


def relaxation_time(curve: xr.Dataset, level: float = float(np.exp(-1))) -> RelaxationTime:
    """Return when the overlap first falls to `level`, interpolated in the logarithm of time.

    Parameters
    ----------
    curve : xarray.Dataset
        From `Overlap`, one curve.
    level : float, default 1/e
        Between 0 and 1.

    Returns
    -------
    RelaxationTime
        Its value is NaN if the level is not reached.

    Raises
    ------
    ParameterError
        If `level` is not between 0 and 1.

    Notes
    -----
    **Scale** time; it depends strongly on the cutoff. **Differs from** the time of the intermediate scattering function,
    which is several times shorter for a cutoff of 0.5 σ. **Cost** O(lags).

    Examples
    --------
    >>> frames = np.zeros((4, 2, 3))
    >>> frames[2:, :, 0] = 1.0
    >>> curve = Overlap(0.5).compute(lambda a, b: frames[a:b], np.arange(4.0))
    >>> time, definition = relaxation_time(curve, level=0.5)
    >>> round(time, 3), definition
    (1.189, 'when the overlap with cutoff 0.5 falls to 0.5')
    """
    if not 0 < level < 1:
        raise ParameterError(f"`level` must be between 0 and 1; it is {level}.")
    words = f"when the overlap with cutoff {curve.attrs['cutoff']:g} falls to {level:.3g}"
    t, q = curve["lag"].values, curve["overlap"].values
    below = np.flatnonzero((q <= level) & (t > 0))
    if not len(below):
        return RelaxationTime(float("nan"), words)
    k = below[0]
    if k == 0 or t[k - 1] <= 0:
        return RelaxationTime(float(t[k]), words)
    share = (q[k - 1] - level) / (q[k - 1] - q[k])
    return RelaxationTime(float(np.exp(np.log(t[k - 1]) + share * np.log(t[k] / t[k - 1]))), words)
