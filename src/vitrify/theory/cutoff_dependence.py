"""What barriers and onset temperature owe to the cutoff that says which events are rearrangements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ParameterError
from vitrify.theory._resampling import as_onset, resampled_together
from vitrify.theory.onset import COEFFICIENTS, OnsetBootstrap

if TYPE_CHECKING:
    import xarray as xr

CUTOFFS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.32)


class Equality(NamedTuple):
    """Whether values that were found from the same trajectories are equal.

    Attributes
    ----------
    chi_square : float
        Of their differences, with the covariance of the resamples (Hotelling's T²).
    compared : int
        Number of differences.
    p_value : float
        How often equal values would differ by as much, from the F distribution that knows how few segments the covariance
        rests on; NaN where they are too few for so many differences.
    spread : float
        Largest minus smallest, over the magnitude of the mean.
    trend, trend_error : float
        Slope of a line against the logarithm of the cutoff, and its standard error.
    """

    chi_square: float
    compared: int
    p_value: float
    spread: float
    trend: float
    trend_error: float


class BarrierShift(NamedTuple):
    """The line e0 = intercept + slope ln(p_c).

    Attributes
    ----------
    slope, slope_error, intercept : float, energy
        The error is that of the resamples. Cutoffs are taken in the unit of p_hop.
    r_squared : float
        Of the unweighted line.
    """

    slope: float
    slope_error: float
    intercept: float
    r_squared: float


@dataclass(frozen=True, eq=False)
class CutoffDependence:
    """ΔE(S) and Σ(S) for several cutoffs, all from the same draws of trajectory segments.

    Parameters
    ----------
    cutoffs : (K,) float, length²
        Increasing.
    onsets : tuple of OnsetBootstrap
        One per cutoff; row by row their samples belong to the same draw.

    Notes
    -----
    **Scale** the shift of e0 is an energy per factor e of p_c. **Differs from** Cubuk's thesis, section 5.3.2, which calls
    Σ independent of softness; the figure shows that it is independent of the cutoff. **Invariant under** S -> 2 S + c:
    the onset temperatures, and whether slopes are equal. **Cost** that of K fits for each draw.

    References
    ----------
    Cubuk, PhD thesis (Harvard, 2016), Figs. 5.5 and 5.6.
    """

    cutoffs: NDArray[np.float64]
    onsets: tuple[OnsetBootstrap, ...]

    def values(self, name: str) -> NDArray[np.float64]:
        """Return a coefficient, or ``"onset_temperature"``, at each cutoff, (K,)."""
        return np.array([getattr(onset.fit, name) for onset in self.onsets])

    def samples(self, name: str) -> NDArray[np.float64]:
        """Return its resamples, (n, K)."""
        return np.stack([onset.samples[name] for onset in self.onsets], axis=1)

    def equality(self, name: str) -> Equality:
        """Return whether a coefficient is the same at every cutoff.

        Parameters
        ----------
        name : str
            Of `vitrify.theory.onset.COEFFICIENTS`. Where Σ1 may be zero the resamples of the onset temperature scatter without
            bound, and its test says nothing.
        """
        from scipy.stats import f as f_distribution

        values, samples = self.values(name), self.samples(name)
        difference, p = np.diff(values), len(values) - 1
        covariance = np.atleast_2d(np.cov(np.diff(samples, axis=1), rowvar=False))
        chi_square = float(difference @ np.linalg.pinv(covariance, hermitian=True) @ difference)
        free = min(onset.degrees_of_freedom[name] for onset in self.onsets)
        left = free - p + 1
        p_value = float(f_distribution.sf(chi_square * left / (free * p), p, left)) if left > 0 else np.nan
        slope = _slopes(np.log(self.cutoffs), np.vstack([values, samples]))
        return Equality(
            chi_square,
            p,
            p_value,
            float(np.ptp(values) / abs(values.mean())),
            float(slope[0]),
            float(slope[1:].std(ddof=1)),
        )

    def shift(self) -> BarrierShift:
        """Return the line of e0 against the logarithm of the cutoff."""
        x, values = np.log(self.cutoffs), self.values("e0")
        slope, intercept = np.polyfit(x, values, 1)
        left = values - slope * x - intercept
        spread = ((values - values.mean()) ** 2).sum()
        error = _slopes(x, self.samples("e0")).std(ddof=1)
        r_squared = 1.0 - float((left**2).sum() / spread) if spread > 0 else np.nan
        return BarrierShift(float(slope), float(error), float(intercept), r_squared)

    def to_dataset(self) -> xr.Dataset:
        """Return every coefficient with its 68 % interval, dim cutoff; infinite where T0 is unbounded."""
        import xarray as xr

        columns = {}
        for name in COEFFICIENTS:
            ends = np.array([onset.interval(name) for onset in self.onsets])
            columns[name] = ("cutoff", self.values(name))
            columns[f"{name}_low"], columns[f"{name}_high"] = (("cutoff", end) for end in ends.T)
        columns["events"] = ("cutoff", np.array([onset.fit.n_events for onset in self.onsets]))
        return xr.Dataset(columns, {"cutoff": self.cutoffs})


def fit_cutoffs(
    counts: Mapping[float, xr.Dataset], n_resamples: int = 400, seed: int = 0
) -> CutoffDependence:
    r"""Fit ΔE = e0 − e1 S and Σ = Σ0 − Σ1 S at every cutoff, with the same draws of trajectory segments.

    The same rearrangements are counted again and again as the cutoff falls: what is found at two cutoffs is strongly
    correlated, and whether it differs can only be told from resamples that are drawn for both together.

    .. math:: \ln P_R(S, T; p_c) = \Sigma_0 - \Sigma_1 S - [e_0(p_c) - e_1 S] / T, \quad e_0 = a + b \ln p_c

    Parameters
    ----------
    counts : mapping of float to xarray.Dataset
        By cutoff; from `vitrify.theory.rearrangement_probability.combine`, of the same trajectories and segments.
    n_resamples : int, default 400
    seed : int, default 0

    Returns
    -------
    CutoffDependence

    Raises
    ------
    ParameterError
        If there are fewer than three cutoffs or one is not positive, or `n_resamples` is too low.
    ShapeError
        If the counts come from different trajectories.
    TooFewEventsError, ConvergenceError
        If a cutoff cannot be fitted.

    Examples
    --------
    >>> from vitrify.theory.rearrangement_probability import combine, count
    >>> softness, segment = np.repeat([-0.5, 0.5], 20_000), np.arange(40_000) % 4
    >>> draw, counts = np.random.default_rng(0).random(40_000), {}
    >>> for cutoff in (0.1, 0.2, 0.4):
    ...     at = []
    ...     for t in (0.5, 0.6, 0.8):
    ...         p = np.exp(1.0 - 0.5 * softness - (2.0 + 0.3 * np.log(cutoff / 0.2) - 0.4 * softness) / t)
    ...         starts = softness[draw < p], segment[draw < p]
    ...         at.append(count(t, (softness, segment), starts, [-1, 0, 1], n_segments=4))
    ...     counts[cutoff] = combine(at)
    >>> found = fit_cutoffs(counts, n_resamples=20)
    >>> abs(found.shift().slope - 0.3) < 0.1, found.shift().r_squared > 0.9
    (True, True)
    """
    cutoffs = sorted(counts)
    if len(cutoffs) < 3 or not cutoffs[0] > 0:
        raise ParameterError(
            f"`counts` must hold at least three positive cutoffs of p_hop; it has {', '.join(f'{c:g}' for c in cutoffs)}."
        )
    ordered = [counts[c] for c in cutoffs]
    fits, rows, failed = resampled_together(ordered, 1, n_resamples, seed)
    onsets = [
        as_onset(c, fit, rows[:, k], failed) for k, (c, fit) in enumerate(zip(ordered, fits, strict=True))
    ]
    return CutoffDependence(np.array(cutoffs), tuple(onsets))


def _slopes(x: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the slope of the unweighted line through each row, (n,)."""
    centred = x - x.mean()
    return np.asarray(rows @ centred / (centred**2).sum())
