"""Overlap: which fraction of a liquid is still where it was."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError
from vitrify.relaxation.base import Lag, OverOrigins, Read, counts, log_lags, over_origins, resolve_lags
from vitrify.units import LJ, Units

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Overlap", "Read", "RelaxationTime", "log_lags", "relaxation_time"]

_MAX_BLOCKS = 10


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
            Of any spacing: linear, logarithmic, blocks, irregular.
        lags : (n,) array_like, optional
            Integers are frames, where those are evenly spaced; other numbers are times, and all pairs of frames that are so
            far apart count. By default about eight for a factor of ten, up to the whole trajectory.
        particles : (m,) int, optional
            Only these, such as those of one species.
        units : Units, default LJ

        Returns
        -------
        xarray.Dataset
            Dim lag: ``overlap``; ``overlap_error``, its standard error from the scatter of up to 10 blocks of time origins,
            each at least one lag long (where frames are not evenly spaced: beginning at least one lag apart), NaN with fewer
            than two blocks; ``n_origins`` and ``n_blocks``; ``n_absent``, how many displacements were left out because the
            particle is absent (NaN) at one of the ends; the coordinate lag is in units of time. Blocks much shorter than the
            relaxation time are not independent of each other, and their scatter is then too small.

        Raises
        ------
        ShapeError
            If a lag does not fit into the trajectory, or no two frames are so far apart.
        ParameterError
            If lags are whole numbers of frames that are not evenly spaced, or times do not ascend.
        """
        import xarray as xr

        found = resolve_lags(times, lags)
        rows = [self._at_lag(read, lag, particles) for lag in found]
        mean, error, *numbers = np.array(rows, dtype=np.float64).reshape(len(found), 5).T
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
                **counts(numbers),
            },
            {"lag": ("lag", np.array([lag.time for lag in found], np.float64), time)},
            attrs={"cutoff": self.cutoff},
        )  # fmt: skip

    def _at_lag(
        self, read: Read, lag: Lag, particles: NDArray[np.int64] | None
    ) -> tuple[float, float, int, int, int]:
        """Return mean, standard error, number of origins, of blocks and of displacements left out."""
        near = self.cutoff**2
        found = over_origins(read, lag.chosen(self.n_origins), particles, lambda squared: squared < near)
        block = blocks_of_origins(lag, found.origins)
        n_blocks = int(block[-1]) + 1 if len(block) else 0
        error = (
            _scatter_of_blocks(found, block, n_blocks) if n_blocks > 1 else 0.0 if lag.length == 0 else np.nan
        )
        return found.mean, error, len(found.values), n_blocks, found.n_absent


def blocks_of_origins(lag: Lag, origins: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each origin the block of time that it belongs to, (n,): at most ten, each at least one lag long."""
    n = len(origins)
    if lag.clock.dtype.kind == "i":
        longest = len(lag.pairs.origins) // max(int(lag.length), 1)
        n_blocks = min(_MAX_BLOCKS, n, longest)
        return np.concatenate(
            [np.full(len(part), k) for k, part in enumerate(np.array_split(origins, max(1, n_blocks)))]
        )
    begins = lag.separate_origins(origins, n)
    cell = np.searchsorted(begins, np.arange(n), side="right") - 1
    return cell * min(_MAX_BLOCKS, len(begins)) // max(len(begins), 1)


def _scatter_of_blocks(found: OverOrigins, block: NDArray[np.int64], n_blocks: int) -> float:
    """Return the standard error of the mean from the means of blocks, each with the weight of its displacements."""
    members = [np.flatnonzero(block == k) for k in range(n_blocks)]
    sizes = {len(m) for m in members}
    if found.n_absent == 0 and max(sizes) - min(sizes) <= 1:
        means = [found.values[m].mean() for m in members]
        return float(np.std(means, ddof=1) / np.sqrt(n_blocks))
    weight = np.array([found.present[m].sum() for m in members]) / found.present.sum()
    means = [np.average(found.values[m], weights=found.present[m]) for m in members]
    return float(np.sqrt(n_blocks / (n_blocks - 1) * (weight**2 * (np.array(means) - found.mean) ** 2).sum()))


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
