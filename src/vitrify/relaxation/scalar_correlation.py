"""How long a number that every particle has, such as its softness, stays the same compared with those of the others."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, ShapeError
from vitrify.relaxation.base import Lag, OverOrigins, Read, counts, lag_axis, resolve_lags
from vitrify.relaxation.overlap import blocks_of_origins
from vitrify.units import LJ, Units

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class ScalarCorrelation:
    r"""C_S(t): Pearson's correlation over particles between a scalar at two times, averaged over time origins.

    .. math:: C_S(t) = \left\langle \frac{\frac{1}{N} \sum_i [S_i(t') - \bar S(t')] [S_i(t' + t) - \bar S(t' + t)]}
        {\sigma_S(t') \, \sigma_S(t' + t)} \right\rangle_{t'}

    Mean and standard deviation are those over the particles of one frame.

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
    **Scale** 1 at t = 0; 0 for scalars that have nothing to do with one another. Independent particles scatter by 1/√N
    an origin.
    **Differs from** the printed eq. 9, whose mean carries the index of a particle: it is that over particles. A change of
    all particles alike does not count, unlike in an average of the product over particles and times together.
    **Invariant under** S → k S + c with k > 0, in each frame another.
    **Cost** O(lags × origins × N); memory of two frames.

    References
    ----------
    Sharma, Nandi, Maitra Bhattacharyya (2022), eq. 9.

    Examples
    --------
    >>> values = np.array([[1.0, 2.0, 4.0], [4.0, 2.0, 1.0]])
    >>> found = ScalarCorrelation().compute(lambda a, b: values[a:b], np.arange(2.0), lags=[0, 1])
    >>> found["correlation"].values.round(3).tolist()
    [1.0, -0.929]
    """

    name: ClassVar[str] = "scalar_correlation"
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
        """Return C_S(t).

        Parameters
        ----------
        read : callable
            ``read(start, stop)`` returns the scalar (stop - start, N), NaN where a particle has none.
        times : (F,) array_like, time
            Of any spacing.
        lags : (n,) array_like, optional
            Integers are frames, where those are evenly spaced; other numbers are times. By default about eight for a factor
            of ten.
        particles : (m,) int, optional
            Only these.
        units : Units, default LJ

        Returns
        -------
        xarray.Dataset
            Dim lag: ``correlation``; ``correlation_error``, its standard error from the scatter of up to 10 blocks of time
            origins, each at least one lag long, NaN with fewer than two; ``n_origins``, ``n_blocks``; ``n_absent``, pairs of
            values of which one is NaN. Origins at which fewer than two particles are known, or all are equal, are left out.

        Raises
        ------
        ShapeError
            If a lag does not fit into the trajectory, or the scalar has more than one number for each particle.
        ParameterError
            If lags are whole numbers of frames that are not evenly spaced, or times do not ascend.
        """
        import xarray as xr

        found = resolve_lags(times, lags)
        rows = [self._at_lag(read, lag, particles) for lag in found]
        mean, error, *numbers = np.array(rows, np.float64).reshape(len(found), 5).T
        attrs = {"units": "1", "symbol": "C_S(t)", "long_name": "correlation over particles"}
        attrs["definition"] = "Pearson's correlation between two times, averaged over time origins"
        of_error = {
            "units": "1",
            "symbol": r"\delta C_S(t)",
            "long_name": "standard error of the correlation",
        }
        of_error["definition"] = "from the scatter of blocks of time origins"
        return xr.Dataset(
            {
                "correlation": ("lag", mean, attrs),
                "correlation_error": ("lag", error, of_error),
                **counts(numbers),
            },
            {"lag": lag_axis(found, units)},
            attrs=self.to_dict(),
        )

    def _at_lag(
        self, read: Read, lag: Lag, particles: NDArray[np.int64] | None
    ) -> tuple[float, float, int, int, int]:
        """Return mean, standard error, number of origins, of blocks and of pairs left out."""
        pairs, kept = lag.chosen(self.n_origins), slice(None) if particles is None else particles
        origins, values, absent = [], [], 0
        for origin, end in zip(pairs.origins.tolist(), pairs.ends.tolist(), strict=True):
            first, last = (_one(read, t)[kept] for t in (origin, end))
            known = np.isfinite(first) & np.isfinite(last)
            absent += len(known) - int(known.sum())
            value = _pearson(first[known], last[known])
            if np.isfinite(value):
                origins.append(origin)
                values.append(value)
        there = np.array(origins, np.int64)
        found = OverOrigins(there, np.array(values), np.ones(len(values), np.int64), 0)
        block = blocks_of_origins(lag, there) if len(there) else there
        n_blocks = int(block[-1]) + 1 if len(block) else 0
        return found.mean, _scatter(found.values, block, n_blocks, lag), len(values), n_blocks, absent


def _one(read: Read, frame: int) -> NDArray[np.float64]:
    values = np.asarray(read(frame, frame + 1), np.float64)
    if values.ndim != 2:
        raise ShapeError(
            f"`read` must return one number for each particle, (frames, N); for frame {frame} it returned shape {values.shape}."
        )
    return values[0]


def _pearson(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    if len(x) < 2:
        return float("nan")
    x, y = x - x.mean(), y - y.mean()
    spread = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / spread if spread > 0 else float("nan")


def _scatter(values: NDArray[np.float64], block: NDArray[np.int64], n_blocks: int, lag: Lag) -> float:
    if n_blocks < 2:
        return 0.0 if lag.length == 0 and len(values) else float("nan")
    means = np.array([values[block == k].mean() for k in range(n_blocks)])
    return float(means.std(ddof=1) / np.sqrt(n_blocks))
