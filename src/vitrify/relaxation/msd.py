"""Mean squared displacement."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, ShapeError
from vitrify.relaxation.overlap import Read, log_lags
from vitrify.units import LJ, Units, power

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class MeanSquaredDisplacement:
    r"""How far particles get, squared and averaged over particles and time origins.

    .. math:: \Delta r^2(t) = \frac{1}{N} \sum_i |r_i(t) - r_i(0)|^2

    Parameters
    ----------
    n_origins : int, default 50
        At most so many time origins, evenly spread, for each lag.

    Raises
    ------
    ParameterError
        If `n_origins` is below 1.

    Notes
    -----
    **Scale** length²; 2 d D t for diffusion in d dimensions, and 2 d σ² for particles that rattle with σ per component.
    **Differs from** codes that take out the motion of the centre of mass: it is left in.
    **Invariant under** translations and rotations of all frames. Positions must be unwrapped.
    **Cost** O(lags × origins × N); memory of two frames.

    Examples
    --------
    >>> frames = np.zeros((4, 2, 3))
    >>> frames[:, 0, 0] = np.arange(4)
    >>> found = MeanSquaredDisplacement().compute(lambda a, b: frames[a:b], np.arange(4.0), lags=[0, 1, 3])
    >>> found["msd"].values.tolist()
    [0.0, 0.5, 4.5]
    """

    name: ClassVar[str] = "msd"
    n_origins: int = 50

    def __post_init__(self) -> None:
        if self.n_origins < 1:
            raise ParameterError(f"`n_origins` must be at least 1; it is {self.n_origins}.")

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
        """Return the mean squared displacement.

        Parameters
        ----------
        read : callable
            ``read(start, stop)`` returns unwrapped positions (stop - start, N, d), length.
        times : (F,) array_like, time
            Evenly spaced.
        lags : (n,) array_like of int, frames, optional
            By default logarithmic up to the whole trajectory.
        particles : (m,) int, optional
            Only these.
        units : Units, default LJ

        Returns
        -------
        xarray.Dataset
            Dim lag: ``msd``, ``msd_error`` (standard error, origins closer than one lag counting as one; NaN with fewer than
            two) and ``n_origins``; the coordinate lag is in units of time.

        Raises
        ------
        ShapeError
            If a lag does not fit into the trajectory.
        """
        import xarray as xr

        times = np.asarray(times, dtype=np.float64)
        lags = log_lags(len(times) - 1) if lags is None else np.asarray(lags, dtype=np.int64)
        if not len(lags) or not 0 <= lags.min() <= lags.max() < len(times):
            raise ShapeError(
                f"`lags` must be from 0 to {len(times) - 1} frames for a trajectory of {len(times)}; they are {lags.tolist()}."
            )
        kept = slice(None) if particles is None else particles
        rows = [self._at_lag(read, len(times), int(lag), kept) for lag in lags]
        mean, error, origins = (np.array(column) for column in zip(*rows, strict=True))
        attrs = {
            "units": power(units.length, 2),
            "symbol": r"\Delta r^2(t)",
            "definition": "mean of |r(t) - r(0)|^2",
        }
        return xr.Dataset(
            {
                "msd": ("lag", mean, {**attrs, "long_name": "mean squared displacement"}),
                "msd_error": ("lag", error, {**attrs, "long_name": "standard error of the mean squared displacement"}),
                "n_origins": ("lag", origins, {"units": "1", "long_name": "time origins"}),
            },
            {"lag": ("lag", times[lags] - times[0], {"units": units.time, "symbol": "t", "long_name": "time"})},
            attrs=self.to_dict(),
        )  # fmt: skip

    def _at_lag(self, read: Read, n_frames: int, lag: int, kept: Any) -> tuple[float, float, int]:
        latest = n_frames - 1 - lag
        origins = np.unique(np.linspace(0, latest, min(self.n_origins, latest + 1)).astype(int))
        values = np.empty(len(origins))
        for k, origin in enumerate(origins.tolist()):
            start, end = (np.asarray(read(t, t + 1))[0][kept] for t in (origin, origin + lag))
            values[k] = ((end - start) ** 2).sum(axis=1).mean()
        independent = min(len(values), latest // max(lag, 1) + 1)
        error = float(values.std(ddof=1) / np.sqrt(independent)) if independent > 1 else np.nan
        return float(values.mean()), error, len(values)
