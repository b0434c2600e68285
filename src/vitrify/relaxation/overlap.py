"""Overlap: which fraction of a liquid is still where it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, ShapeError

if TYPE_CHECKING:
    import xarray as xr

Read = Callable[[int, int], NDArray[np.float64]]


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
            Only these.

        Returns
        -------
        xarray.Dataset
            Dim lag: ``overlap``, ``overlap_error`` (standard error over independent origins, which are those at least
            one lag apart; NaN with fewer than two) and ``n_origins``; the coordinate lag is in units of time.

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
        mean, error, origins = (np.array(column) for column in zip(*rows, strict=True))
        attrs = {
            "units": "1",
            "symbol": "q(t)",
            "definition": f"fraction that moved less than {self.cutoff:g}",
        }
        return xr.Dataset(
            {
                "overlap": ("lag", mean, {**attrs, "long_name": "overlap"}),
                "overlap_error": ("lag", error, {**attrs, "long_name": "standard error of the overlap"}),
                "n_origins": ("lag", origins),
            },
            {"lag": times[lags] - times[0] if len(lags) else []},
            attrs={"cutoff": self.cutoff},
        )

    def _at_lag(
        self, read: Read, n_frames: int, lag: int, particles: NDArray[np.int64] | None
    ) -> tuple[float, float, int]:
        latest = n_frames - 1 - lag
        origins = np.unique(np.linspace(0, latest, min(self.n_origins, latest + 1)).astype(int))
        kept = slice(None) if particles is None else particles
        values = []
        for origin in origins:
            start, end = (
                read(int(origin), int(origin) + 1)[0][kept],
                read(int(origin) + lag, int(origin) + lag + 1)[0][kept],
            )
            values.append(float((((end - start) ** 2).sum(axis=1) < self.cutoff**2).mean()))
        independent = min(len(values), latest // max(lag, 1) + 1)
        error = float(np.std(values, ddof=1) / np.sqrt(independent)) if independent > 1 else np.nan
        return float(np.mean(values)), 0.0 if lag == 0 else error, len(values)


def relaxation_time(curve: xr.Dataset, level: float = float(np.exp(-1))) -> float:
    """Return when the overlap first falls to `level`, interpolated in the logarithm of time; NaN if it does not.

    Examples
    --------
    >>> frames = np.zeros((4, 2, 3))
    >>> bool(np.isnan(relaxation_time(Overlap(0.5).compute(lambda a, b: frames[a:b], np.arange(4.0)))))
    True
    """
    t, q = curve["lag"].values, curve["overlap"].values
    below = np.flatnonzero((q <= level) & (t > 0))
    if not len(below):
        return float("nan")
    k = below[0]
    if k == 0 or t[k - 1] <= 0:
        return float(t[k])
    share = (q[k - 1] - level) / (q[k - 1] - q[k])
    return float(np.exp(np.log(t[k - 1]) + share * np.log(t[k] / t[k - 1])))
