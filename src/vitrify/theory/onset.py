"""The onset temperature with an interval from whole trajectory segments, not from counting alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ConvergenceError, TooFewEventsError
from vitrify.theory.arrhenius import ArrheniusFit, _fit_totals
from vitrify.theory.rearrangement_probability import ONE_SIGMA_TAIL, totals

if TYPE_CHECKING:
    import xarray as xr

COEFFICIENTS = ("e0", "e1", "sigma0", "sigma1", "onset_temperature")


@dataclass(frozen=True, eq=False)
class OnsetBootstrap:
    """Coefficients of the fit to resampled trajectories.

    Parameters
    ----------
    fit : ArrheniusFit
        To the data as they are.
    samples : dict of str to (n,) float
        e0, e1, sigma0, sigma1 and onset_temperature of each resample.
    n_failed : int
        Resamples that could not be fitted.
    bounded : bool
        False if Σ1 is compatible with zero at one standard deviation: the interval of T0 = e1 / Σ1 then passes through
        infinity, and its percentiles bound nothing.
    """

    fit: ArrheniusFit
    samples: dict[str, NDArray[np.float64]]
    n_failed: int
    bounded: bool

    def interval(self, name: str, tail: float = ONE_SIGMA_TAIL) -> tuple[float, float]:
        """Return the central interval of a coefficient (68 % by default); infinite for an unbounded T0."""
        if name == "onset_temperature" and not self.bounded:
            return -np.inf, np.inf
        low, high = np.quantile(self.samples[name], [tail, 1 - tail])
        return float(low), float(high)


def bootstrap_onset(
    counts: xr.Dataset, degree: int = 1, n_resamples: int = 400, seed: int = 0
) -> OnsetBootstrap:
    """Refit after drawing trajectory segments with replacement within each temperature.

    Parameters
    ----------
    counts : xarray.Dataset
        With its segments.
    degree : int, default 1
    n_resamples : int, default 400
    seed : int, default 0

    Returns
    -------
    OnsetBootstrap

    Raises
    ------
    TooFewEventsError
        If more than half of the resamples cannot be fitted.

    Notes
    -----
    Segments keep what counting errors forget: events come in bursts, and softness drifts slowly.
    """
    both = totals(counts)
    softness, temperature = both["softness"].values, both["temperature"].values
    fit = _fit_totals(both["events"].values, both["exposure"].values, softness, temperature, degree)
    rng = np.random.default_rng(seed)
    events, exposure = counts["events"].values, counts["exposure"].values
    there = [np.flatnonzero(exposure[t].sum(axis=1) > 0) for t in range(len(temperature))]
    rows, failed = [], 0
    for _ in range(n_resamples):
        drawn = [rng.choice(k, len(k)) for k in there]
        k = np.stack([events[t, d].sum(axis=0) for t, d in enumerate(drawn)])
        n = np.stack([exposure[t, d].sum(axis=0) for t, d in enumerate(drawn)])
        try:
            again = _fit_totals(k, n, softness, temperature, degree)
        except (ConvergenceError, TooFewEventsError):
            failed += 1
            continue
        rows.append([getattr(again, name) for name in COEFFICIENTS])
    if failed > n_resamples / 2:
        raise TooFewEventsError(
            f"{failed} of {n_resamples} resamples of the trajectory segments could not be fitted: "
            f"{fit.n_events} events are too few for an interval. Add frames."
        )
    columns = np.array(rows).T
    samples = dict(zip(COEFFICIENTS, columns, strict=True))
    low, high = np.quantile(samples["sigma1"], [ONE_SIGMA_TAIL, 1 - ONE_SIGMA_TAIL])
    return OnsetBootstrap(fit, samples, failed, bool(low > 0 or high < 0))
