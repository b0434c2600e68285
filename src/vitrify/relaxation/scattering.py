"""Self-intermediate scattering function: how fast density waves of one length forget where each particle was."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, ShapeError
from vitrify.particles import Box
from vitrify.relaxation._by_origin import jackknife, per_block, sums_by_origin
from vitrify.relaxation.base import Lag, Read, counts, lag_axis, resolve_lags
from vitrify.units import LJ, Units, power

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SelfScattering:
    r"""How much of a density wave each particle still carries, averaged over particles, origins and directions.

    .. math:: F_s(k, t) = \frac{1}{N} \sum_i \langle e^{i k \cdot [r_i(t) - r_i(0)]} \rangle

    The average over all directions is exact: sin(kr) / (kr) in three dimensions, J₀(kr) in two.

    Parameters
    ----------
    wave_numbers : float or tuple of float, 1/length
        k. The relaxation time is that at the first peak of the structure factor, 7.25 for the Kob-Andersen mixture at
        density 1.2, so there is no default.
    n_vectors : int, optional
        Average instead over at most so many wave vectors that fit into the periodic box, with directions spread evenly:
        for comparison with codes that do so. `compute` then needs `box`.
    n_origins : int, default 50
        At most so many time origins, evenly spread, for each lag.

    Raises
    ------
    ParameterError
        If a wave number is not positive, or one of the counts is below 1.

    Notes
    -----
    **Scale** 1 at t = 0; exp(−k² D t) for diffusion, exp(−k² σ²) for particles that rattle with σ per component.
    **Differs from** the coherent function F(k, t), which also counts pairs of different particles, and from averages over a
    few wave vectors along the axes. Relaxation times of it are several times shorter than those of the overlap.
    **Invariant under** translations of all frames, and rotations where the average is exact. Positions must be unwrapped.
    **Cost** O(lags × origins × N × wave numbers), times wave vectors where those of a box are asked for; memory of two
    frames.

    References
    ----------
    Hansen and McDonald, Theory of Simple Liquids, 4th ed. (2013), chapter 7.

    Examples
    --------
    >>> frames = np.zeros((3, 1, 3))
    >>> frames[1:, 0, 0] = [np.pi / 2, np.pi]
    >>> found = SelfScattering(1.0).compute(lambda a, b: frames[a:b], np.arange(3.0), lags=[0, 2])
    >>> found["self_scattering"].sel(q=1.0).values.round(12).tolist()
    [1.0, 0.0]
    """

    name: ClassVar[str] = "self_scattering"
    wave_numbers: float | tuple[float, ...]
    n_vectors: int | None = None
    n_origins: int = 50

    def __post_init__(self) -> None:
        values = tuple(float(k) for k in np.atleast_1d(self.wave_numbers))
        if not values or not all(np.isfinite(k) and k > 0 for k in values):
            raise ParameterError(f"`wave_numbers` must be positive; they are {list(values)}.")
        if self.n_origins < 1 or (self.n_vectors is not None and self.n_vectors < 1):
            raise ParameterError(
                f"`n_origins` and `n_vectors` must be at least 1; they are {self.n_origins}, {self.n_vectors}."
            )
        object.__setattr__(self, "wave_numbers", values)

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
        box: Box | None = None,
        units: Units = LJ,
    ) -> xr.Dataset:
        """Return F_s(k, t).

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
        box : Box, optional
            Of all frames; needed, and used, only with `n_vectors`.
        units : Units, default LJ

        Returns
        -------
        xarray.Dataset
            Dims q (the wave numbers), lag: ``self_scattering``, and ``self_scattering_error``, its standard error from up
            to 10 blocks of time origins, each at least one lag long, NaN with fewer than two. Dim lag: ``n_origins``,
            ``n_blocks``, and ``n_absent``, how many displacements were left out because the particle is absent (NaN) at one
            of the ends. Dim q, with `n_vectors`: ``n_vectors`` that were found and ``mean_length`` of them.

        Raises
        ------
        ShapeError
            If a lag does not fit into the trajectory, or positions have neither two nor three components.
        ParameterError
            If lags are whole numbers of frames that are not evenly spaced, times do not ascend, or the box is missing, open,
            or too small for a wave number.
        """
        import xarray as xr

        vectors = None if self.n_vectors is None else [self._vectors(k, box) for k in self._ks]
        found = resolve_lags(times, lags)
        rows = [self._at_lag(read, lag, particles, vectors) for lag in found]
        shape = (len(found), len(self._ks))
        mean, error = (np.array([row[k] for row in rows], np.float64).reshape(shape).T for k in (0, 1))
        numbers = np.array([row[2] for row in rows], np.int64).reshape(len(found), 3).T
        how = "over all directions" if vectors is None else "over wave vectors of the box"
        attrs = {
            "units": "1",
            "symbol": "F_s(k, t)",
            "long_name": "self-intermediate scattering function",
            "definition": f"mean of cos k (r(t) - r(0)), {how}",
        }
        of_error = attrs | {
            "symbol": r"\delta F_s(k, t)",
            "long_name": "standard error of the self-intermediate scattering function",
            "definition": "from the scatter of blocks of time origins",
        }
        inverse = power(units.length, -1)
        dataset = xr.Dataset(
            {
                "self_scattering": (("q", "lag"), mean, attrs),
                "self_scattering_error": (("q", "lag"), error, of_error),
                **counts(numbers),
            },
            {
                "q": ("q", self._ks, {"units": inverse, "symbol": "k", "long_name": "wave number"}),
                "lag": lag_axis(found, units),
            },
            attrs={"average": how},
        )  # fmt: skip
        if vectors is None:
            return dataset
        lengths = [np.linalg.norm(v, axis=1) for v in vectors]
        return dataset.assign(
            n_vectors=("q", np.array([len(v) for v in vectors]), {"units": "1", "long_name": "wave vectors"}),
            mean_length=("q", np.array([v.mean() for v in lengths]), {"units": inverse, "long_name": "mean wave number"}),
        )  # fmt: skip

    @property
    def _ks(self) -> Array:
        return np.atleast_1d(np.asarray(self.wave_numbers, np.float64))

    def _at_lag(
        self, read: Read, lag: Lag, particles: NDArray[np.int64] | None, vectors: list[Array] | None
    ) -> tuple[Array, Array, tuple[int, int, int]]:
        """Return means and errors of all wave numbers, (n_k,) each, and numbers of origins, blocks and absent particles."""

        def measure(moved: Array) -> Array:
            if vectors is None:
                return over_all_directions(moved, self._ks)
            return np.array([over_vectors(moved, some) for some in vectors])

        found = sums_by_origin(read, lag.chosen(self.n_origins), particles, measure)
        if not len(found.origins):
            nothing = np.full(len(self._ks), np.nan)
            return nothing, nothing, (0, 0, found.n_absent)
        parts = per_block(np.column_stack([found.totals, found.present]), found.blocks(lag))
        total = parts.sum(axis=0)
        _, error = jackknife(parts, lambda sums: sums[:-1] / sums[-1])
        if lag.length == 0:
            error = np.zeros_like(error)
        return total[:-1] / total[-1], error, (len(found.origins), len(parts), found.n_absent)

    def _vectors(self, wave_number: float, box: Box | None) -> Array:
        """Return wave vectors that fit into the box, one of each pair k and −k, (n, d)."""
        assert self.n_vectors is not None
        if box is None or not np.all(box.periodic):
            raise ParameterError(
                f"`n_vectors` = {self.n_vectors} asks for wave vectors of a box that is periodic along all axes; "
                f"{'there is no `box`' if box is None else 'this one is open'}. Leave `n_vectors` out for the exact average "
                "over all directions."
            )
        directions = _half_sphere(self.n_vectors, box.dimension)
        whole = np.rint(wave_number * directions @ box.vectors.T / (2 * np.pi))
        whole = np.unique(whole * _sign_of_first(whole)[:, None], axis=0)
        vectors = 2 * np.pi * whole @ box.inverse.T
        step = 2 * np.pi / float(box.heights.min())
        near = np.abs(np.linalg.norm(vectors, axis=1) - wave_number) <= step / 2
        near &= whole.any(axis=1)
        if not near.any():
            raise ParameterError(
                f"No wave vector of the box is as long as {wave_number:.6g} within {step / 2:.3g}; the shortest are "
                f"{2 * np.pi / float(box.heights.max()):.3g}. Take a larger `wave_numbers`, more `n_vectors`, or none for all "
                "directions."
            )
        return np.asarray(vectors[near], np.float64)


def over_all_directions(moved: Array, wave_numbers: Array) -> Array:
    """Return the sums over displacements (n, d) of the isotropic mean of exp(i k·r), (n_k,).

    Raises
    ------
    ShapeError
        If d is neither 2 nor 3.

    Examples
    --------
    >>> over_all_directions(np.array([[0.0, 0.0], [2.404825557695773, 0.0]]), np.array([1.0])).round(12).tolist()
    [1.0]
    """
    distance = np.sqrt((moved**2).sum(axis=1))
    if moved.shape[1] == 3:
        return np.array([np.sinc(k / np.pi * distance).sum() for k in wave_numbers])
    if moved.shape[1] == 2:
        from scipy.special import j0

        return np.array([j0(k * distance).sum() for k in wave_numbers])
    raise ShapeError(f"Positions must have two or three components; they have {moved.shape[1]}.")


def over_vectors(moved: Array, vectors: Array) -> float:
    """Return the sum over displacements (n, d) of the mean of cos(k·r) over wave vectors (m, d).

    Examples
    --------
    >>> round(over_vectors(np.array([[np.pi, 0.0], [0.0, 0.0]]), np.eye(2)), 12)
    1.0
    """
    return float(np.mean([np.cos(moved @ k).sum() for k in vectors]))


def _half_sphere(n: int, dimension: int) -> Array:
    """Return directions that are spread evenly, none of them opposite to another, (n, d)."""
    k = np.arange(n) + 0.5
    if dimension == 2:
        angle = np.pi * k / n
        return np.stack([np.cos(angle), np.sin(angle)], axis=1)
    z, angle = 1 - k / n, np.pi * (3 - np.sqrt(5)) * k
    radius = np.sqrt(1 - z * z)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=1)


def _sign_of_first(whole: Array) -> Array:
    """Return the sign of the first entry of each row that is not 0, (n,)."""
    first = whole[np.arange(len(whole)), np.argmax(whole != 0, axis=1)]
    return np.where(first < 0, -1.0, 1.0)
