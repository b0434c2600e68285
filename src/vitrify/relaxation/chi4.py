"""Dynamic susceptibility: how much the overlap of a whole configuration fluctuates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError
from vitrify.relaxation._by_origin import Sums, jackknife, per_block, sums_by_origin
from vitrify.relaxation.base import Lag, Read, counts, lag_axis, resolve_lags
from vitrify.relaxation.overlap import Overlap
from vitrify.units import LJ, Units

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]
Ensemble = Literal["NVE", "NVT", "NPT", "unknown"]

_HELD: dict[str, str] = {
    "NVE": "numbers of particles, density and energy",
    "NVT": "numbers of particles and density",
    "NPT": "numbers of particles",
    "unknown": "what its ensemble holds",
}


@dataclass(frozen=True)
class DynamicSusceptibility:
    r"""Variance over time origins and samples of the overlap of a configuration, times the number of particles.

    .. math:: \chi_4(t) = N [\langle q^2(t) \rangle - \langle q(t) \rangle^2]

    Parameters
    ----------
    cutoff : float, length
        a of the overlap. The papers use 0.5 (Schoenholz et al.) and 0.3 (Sharma et al.; Ridout et al.), so there is no
        default.
    n_origins : int, default 50
        At most so many time origins, evenly spread, for each lag and run.
    ensemble : {"unknown", "NVE", "NVT", "NPT"}
        Of the runs; only written into the attributes.

    Raises
    ------
    ParameterError
        If `cutoff` is not positive, `n_origins` is below 1, or the ensemble is another.

    Notes
    -----
    **Scale** q (1 − q) for independent particles; the number of particles that relax together, roughly, at its maximum.
    **Differs from** the susceptibility of an infinite system: a quantity that the runs hold fixed (density, composition;
    energy at NVE) does not fluctuate, and its part, (∂q/∂x)² ⟨δx²⟩ N for each such x, is missing; the value is therefore a
    lower bound. Differs also from ``N var`` of the same origins: the mean of n values that belong together lies too near to
    them, and the jackknife over blocks takes this bias out, so that values near 0 may be negative. Where absent particles
    leave n_o of them, q_o counts with n_o (q_o − ⟨q⟩)².
    **Invariant under** translations and rotations of all frames. Positions must be unwrapped.
    **Cost** O(lags × origins × N); memory of two frames.

    References
    ----------
    Berthier et al., Journal of Chemical Physics 126, 184503 (2007), for what the ensembles lack;
    Ridout, Tah, Liu (2023), for χ₄ of a trap model.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> runs = [np.cumsum(rng.random((3, 100, 1)) < 0.3, axis=0) * np.array([1.0, 0, 0]) for _ in range(200)]
    >>> readers = [lambda a, b, r=r: r[a:b] for r in runs]
    >>> found = DynamicSusceptibility(0.5).compute(readers, np.arange(3.0), lags=[1])
    >>> bool(abs(found["chi4"].item() - 0.7 * 0.3) < 3 * found["chi4_error"].item())
    True
    """

    name: ClassVar[str] = "chi4"
    cutoff: float
    n_origins: int = 50
    ensemble: Ensemble = "unknown"

    def __post_init__(self) -> None:
        Overlap(self.cutoff, self.n_origins)
        if self.ensemble not in get_args(Ensemble):
            raise ParameterError(
                f"`ensemble` must be one of {', '.join(get_args(Ensemble))}; it is {self.ensemble!r}."
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the name and the parameters."""
        return {"name": self.name, **asdict(self)}

    def compute(
        self,
        read: Read | Sequence[Read],
        times: ArrayLike,
        lags: ArrayLike | None = None,
        particles: NDArray[np.int64] | None = None,
        *,
        units: Units = LJ,
    ) -> xr.Dataset:
        """Return χ₄(t).

        Parameters
        ----------
        read : callable, or a sequence of them
            ``read(start, stop)`` returns unwrapped positions (stop - start, N, d), length. Several are independent runs of
            one system with the same times; the variance is that of all their origins together.
        times : (F,) array_like, time
            Of any spacing: linear, logarithmic, blocks, irregular.
        lags : (n,) array_like, optional
            Integers are frames, where those are evenly spaced; other numbers are times, and all pairs of frames that are so
            far apart count. By default about eight for a factor of ten, up to the whole trajectory.
        particles : (m,) int, optional
            Only these; N is then their number.
        units : Units, default LJ

        Returns
        -------
        xarray.Dataset
            Dim lag: ``chi4``; ``chi4_error``, its standard error from leaving out each block: each of several runs, or of one
            run up to 10 blocks of time origins that are at least one lag long; both NaN with fewer than two blocks, since one
            sample has no variance; ``overlap``; ``n_origins``, ``n_blocks``; ``n_absent``, how many displacements were left
            out because the particle is absent (NaN) at one of the ends. Attributes: cutoff, ensemble, and a note of what it
            lacks. Blocks much shorter than the relaxation time are not independent, and χ₄ is then too small.

        Raises
        ------
        ShapeError
            If a lag does not fit into the trajectory, or no two frames are so far apart.
        ParameterError
            If there is no run, lags are whole numbers of frames that are not evenly spaced, or times do not ascend.
        """
        import xarray as xr

        reads = [read] if callable(read) else list(read)
        if not reads:
            raise ParameterError("`read` is empty: the dynamic susceptibility needs at least one run.")
        found = resolve_lags(times, lags)
        rows = np.array([self._at_lag(reads, lag, particles) for lag in found], np.float64).reshape(len(found), 6).T  # fmt: skip
        attrs = {
            "units": "1",
            "symbol": r"\chi_4(t)",
            "long_name": "dynamic susceptibility",
            "definition": f"N var q of the overlap within {self.cutoff:g}, over time origins and runs",
        }
        of_error = {
            "units": "1",
            "symbol": r"\delta\chi_4(t)",
            "long_name": "standard error of the dynamic susceptibility",
            "definition": "from leaving out each block of time origins, or run",
        }
        return xr.Dataset(
            {
                "chi4": ("lag", rows[0], attrs),
                "chi4_error": ("lag", rows[1], of_error),
                "overlap": ("lag", rows[2], {"units": "1", "symbol": "q(t)", "long_name": "overlap"}),
                **counts(rows[3:], "blocks of time origins, or runs"),
            },
            {"lag": lag_axis(found, units)},
            attrs={
                "cutoff": self.cutoff,
                "ensemble": self.ensemble,
                "n_runs": len(reads),
                "note": f"without the ensemble correction: fluctuations of {_HELD[self.ensemble]}, which the runs hold fixed, "
                "add to it, so that it is a lower bound",
            },
        )  # fmt: skip

    def _at_lag(
        self, reads: list[Read], lag: Lag, particles: NDArray[np.int64] | None
    ) -> tuple[float, float, float, int, int, int]:
        """Return χ₄, its error, the overlap, and numbers of origins, blocks and absent particles."""
        near = self.cutoff**2
        runs = [
            sums_by_origin(
                read,
                lag.chosen(self.n_origins),
                particles,
                lambda moved: float(((moved**2).sum(axis=1) < near).sum()),
            )
            for read in reads
        ]
        absent = sum(run.n_absent for run in runs)
        parts = np.concatenate([_parts(run, lag, whole=len(runs) > 1) for run in runs])
        if not len(parts):
            return np.nan, np.nan, np.nan, 0, 0, absent
        total = parts.sum(axis=0)
        mean, error = jackknife(parts, _variance)
        corrected = len(parts) * _variance(total) - (len(parts) - 1) * mean
        return (
            float(corrected), float(error), float(total[1] / total[2]), int(total[3]), len(parts), absent,
        )  # fmt: skip


def _parts(run: Sums, lag: Lag, *, whole: bool) -> Array:
    """Return Σ n q², Σ n q, Σ n and the number of origins for each block of a run, or for the whole of it, (B, 4)."""
    n, inside = run.present.astype(float), run.totals[:, 0]
    if not len(n):
        return np.empty((0, 4))
    block = np.zeros(len(n), np.int64) if whole else run.blocks(lag)
    return per_block(np.column_stack([inside**2 / n, inside, n, np.ones_like(n)]), block)


def _variance(sums: Array) -> Array:
    """Return the mean of n (q − ⟨q⟩)² over origins."""
    squares, linear, n, n_origins = sums
    return np.asarray((squares - linear**2 / n) / n_origins)
