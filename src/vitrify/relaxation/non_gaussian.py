"""Non-Gaussian parameter: how far the distribution of displacements is from that of a random walk."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, ShapeError
from vitrify.relaxation._by_origin import jackknife, per_block, sums_by_origin
from vitrify.relaxation.base import Lag, Read, counts, lag_axis, resolve_lags
from vitrify.units import LJ, Units, power

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]


@dataclass(frozen=True)
class NonGaussian:
    r"""Fourth moment of the displacements against their second, less what a Gaussian has.

    .. math:: \alpha_2(t) = \frac{d}{d + 2} \frac{\langle \Delta r^4 \rangle}{\langle \Delta r^2 \rangle^2} - 1

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
    **Scale** 0 for Gaussian displacements in d dimensions; 3 ⟨Δr⁴⟩ / 5 ⟨Δr²⟩² − 1 in three dimensions and
    ⟨Δr⁴⟩ / 2 ⟨Δr²⟩² − 1 in two. If a fraction c of all particles has made one jump of equal length and the others none, it
    is d / ((d + 2) c) − 1. NaN where nothing has moved, as at t = 0.
    **Differs from** averages of the ratio over origins: moments are averaged first.
    **Invariant under** translations, rotations and changes of the unit of length. Positions must be unwrapped.
    **Cost** O(lags × origins × N); memory of two frames.

    References
    ----------
    Rahman, Physical Review 136, A405 (1964); Sharma et al. (2022), where its maximum sets the threshold of p_hop.

    Examples
    --------
    >>> frames = np.zeros((2, 10, 3))
    >>> frames[1, 0, 0] = 1.0
    >>> found = NonGaussian().compute(lambda a, b: frames[a:b], np.arange(2.0), lags=[1])
    >>> found["non_gaussian"].values.round(12).tolist(), found["msd"].values.tolist()
    ([5.0], [0.1])
    """

    name: ClassVar[str] = "non_gaussian"
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
        """Return α₂(t).

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
            Only these: species of different mobility make the sum of all non-Gaussian.
        units : Units, default LJ

        Returns
        -------
        xarray.Dataset
            Dim lag: ``non_gaussian``; ``non_gaussian_error``, its standard error from leaving out each of up to 10 blocks of
            time origins that are at least one lag long, NaN with fewer than two; ``msd``, length², of the same
            displacements; ``n_origins``, ``n_blocks``; ``n_absent``, how many displacements were left out because the
            particle is absent (NaN) at one of the ends.

        Raises
        ------
        ShapeError
            If a lag does not fit into the trajectory, or no two frames are so far apart.
        ParameterError
            If lags are whole numbers of frames that are not evenly spaced, or times do not ascend.
        """
        import xarray as xr

        found = resolve_lags(times, lags)
        rows = np.array([self._at_lag(read, lag, particles) for lag in found], np.float64).reshape(len(found), 6).T  # fmt: skip
        attrs = {"units": "1", "symbol": r"\alpha_2(t)", "long_name": "non-Gaussian parameter"}
        attrs["definition"] = "d <r^4> / ((d + 2) <r^2>^2) - 1 of displacements in d dimensions"
        of_error = {
            "units": "1",
            "symbol": r"\delta\alpha_2(t)",
            "long_name": "standard error of the non-Gaussian parameter",
            "definition": "from leaving out each block of time origins",
        }
        of_msd = {"units": power(units.length, 2), "symbol": r"\Delta r^2(t)"}
        of_msd["long_name"] = "mean squared displacement"
        return xr.Dataset(
            {
                "non_gaussian": ("lag", rows[0], attrs),
                "non_gaussian_error": ("lag", rows[1], of_error),
                "msd": ("lag", rows[2], of_msd),
                **counts(rows[3:]),
            },
            {"lag": lag_axis(found, units)},
            attrs=self.to_dict(),
        )  # fmt: skip

    def _at_lag(
        self, read: Read, lag: Lag, particles: NDArray[np.int64] | None
    ) -> tuple[float, float, float, int, int, int]:
        """Return α₂, its error, the mean squared displacement, and numbers of origins, blocks and absent particles."""
        found = sums_by_origin(read, lag.chosen(self.n_origins), particles, _moments)
        if not len(found.origins):
            return np.nan, np.nan, np.nan, 0, 0, found.n_absent
        dimension = np.asarray(read(0, 1)).shape[2]
        parts = per_block(np.column_stack([found.totals, found.present]), found.blocks(lag))
        total = parts.sum(axis=0)

        def estimate(sums: Array) -> Array:
            second, fourth, n = sums
            if not second > 0:
                return np.array(np.nan)
            return np.asarray(dimension / (dimension + 2) * fourth * n / second**2 - 1)

        _, error = jackknife(parts, estimate)
        value, msd = float(estimate(total)), float(total[0] / total[2])
        return value, float(error), msd, len(found.origins), len(parts), found.n_absent


def _moments(moved: Array) -> Array:
    """Return the sums of Δr² and Δr⁴ over displacements (n, d)."""
    squared = (moved**2).sum(axis=1)
    return np.array([squared.sum(), (squared**2).sum()])


class Maximum(NamedTuple):
    """Where the non-Gaussian parameter is largest.

    Attributes
    ----------
    time : float, time
        t*.
    value : float
        α₂(t*).
    msd : float, length²
        Mean squared displacement at t*.
    inside : bool
        Lags on both sides of t* are there; if not, the maximum may lie beyond them.
    """

    time: float
    value: float
    msd: float
    inside: bool


def maximum(curve: xr.Dataset) -> Maximum:
    """Return where α₂ is largest, among the lags that are there.

    Parameters
    ----------
    curve : xarray.Dataset
        From `NonGaussian`.

    Returns
    -------
    Maximum

    Raises
    ------
    ShapeError
        If nothing has moved at any lag.

    Examples
    --------
    >>> frames = np.zeros((3, 10, 3))
    >>> frames[1:, :, 0] = [[1.0] + 9 * [0.0], [1.0] * 5 + [0.0] * 5]
    >>> curve = NonGaussian().compute(lambda a, b: frames[a:b], np.arange(3.0))
    >>> found = maximum(curve)
    >>> found.time, round(found.value, 3), found.inside
    (1.0, 1.4, True)
    """
    values = curve["non_gaussian"].values
    if not np.isfinite(values).any():
        raise ShapeError(
            f"`curve` has no lag at which anything moved; its {len(values)} values are NaN. Add frames or longer lags."
        )
    k = int(np.nanargmax(values))
    known = np.flatnonzero(np.isfinite(values))
    return Maximum(
        float(curve["lag"].values[k]), float(values[k]), float(curve["msd"].values[k]), bool(k < known[-1])
    )
