"""Mean squared displacement."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, ShapeError
from vitrify.relaxation.base import Lag, Read, lag_axis, over_origins, resolve_lags
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
            Of any spacing: linear, logarithmic, blocks, irregular.
        lags : (n,) array_like, optional
            Integers are frames, where those are evenly spaced; other numbers are times, and all pairs of frames that are so
            far apart count. By default about eight for a factor of ten, up to the whole trajectory.
        particles : (m,) int, optional
            Only these.
        units : Units, default LJ

        Returns
        -------
        xarray.Dataset
            Dim lag: ``msd``, ``msd_error`` (standard error, origins closer than one lag counting as one; NaN with fewer than
            two), ``n_origins``, and ``n_absent``, how many displacements were left out because the particle is absent (NaN)
            at one of the ends; every displacement that is known counts the same. The coordinate lag is in units of time.

        Raises
        ------
        ShapeError
            If a lag does not fit into the trajectory, or no two frames are so far apart.
        ParameterError
            If lags are whole numbers of frames that are not evenly spaced, or times do not ascend.
        """
        import xarray as xr

        found = resolve_lags(times, lags)
        if not found:
            raise ShapeError(
                f"`lags` must be from 0 to {np.size(times) - 1} frames for a trajectory of {np.size(times)}; there are none."
            )
        mean, error, origins, absent = (
            np.array(column)
            for column in zip(*(self._at_lag(read, lag, particles) for lag in found), strict=True)
        )
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
                "n_absent": ("lag", absent, {"units": "1", "long_name": "displacements of absent particles"}),
            },
            {"lag": lag_axis(found, units)},
            attrs=self.to_dict(),
        )  # fmt: skip

    def _at_lag(
        self, read: Read, lag: Lag, particles: NDArray[np.int64] | None
    ) -> tuple[float, float, int, int]:
        """Return mean, standard error, number of origins and of displacements left out."""
        found = over_origins(read, lag.chosen(self.n_origins), particles, lambda squared: squared)
        independent = len(lag.separate_origins(lag.pairs.origins, len(found.values)))
        return found.mean, found.error(independent), len(found.values), found.n_absent
