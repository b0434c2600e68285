"""Softness propagator: how the softness of particles changes while they stay where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import TooFewEventsError
from vitrify.theory.survivors import Moments, moments, resamples, spread_of, widening

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]


def propagator(counts: xr.Dataset, n_resamples: int = 200, seed: int = 0) -> xr.Dataset:
    r"""Return G(S, t | S0): the distribution of softness at time t of particles that began at S0 and have not moved away.

    Parameters
    ----------
    counts : xarray.Dataset
        From `vitrify.theory.survivors.Survivors.count` or `combine_survivors`.
    n_resamples : int, default 200
        Bootstrap samples of the segments, for the errors.
    seed : int, default 0

    Returns
    -------
    xarray.Dataset
        Dims softness_bin, lag: ``mean``, ``variance`` and their errors (NaN with fewer than two segments, or fewer than two
        origins that are a lag apart), ``n``, the survivors with a softness, and ``survival``, the fraction that stayed. Dims
        softness_bin, lag, later_bin: ``density`` (measured) and its error, and ``gaussian``, the density of a Gaussian with
        the same mean and variance, averaged over each bin. Coordinates: softness (mean at the start), later (middle of the
        bin), lag. The bins at the ends hold what lies beyond them.

    Raises
    ------
    TooFewEventsError
        If no particle was ever seen to stay.

    Notes
    -----
    **Scale** a density in S of area 1 for each S0 and t; at t = 0 the distribution within the bin of S0, and the stationary
    one of the particles that stay at long times.
    **Differs from** the distribution of all particles at time t: those that have moved away are left out.
    **Invariant under** S → 2 S + k, the density divided by 2.
    **Cost** O(resamples × counts).

    References
    ----------
    Schoenholz et al., Nature Physics 12, 469 (2016), Fig. 4.

    Examples
    --------
    >>> from vitrify.theory.survivors import Survivors
    >>> rng = np.random.default_rng(0)
    >>> softness, still = rng.normal(size=(20, 4000)), np.zeros((20, 4000, 1))
    >>> counts = Survivors(0.5).count(
    ...     lambda a, b: still[a:b], lambda a, b: softness[a:b], np.arange(20.0), [-1.0, 0.0, 1.0], [0, 3]
    ... )
    >>> found = propagator(counts)
    >>> abs(found["mean"].values[:, 1]).round(1).tolist(), found["variance"].values[:, 1].round(1).tolist()
    ([0.0, 0.0], [1.0, 1.0])
    """
    import xarray as xr

    if not counts["with_softness"].values.any():
        raise TooFewEventsError("No particle with a softness was seen to stay: there is no propagator.")
    best = moments(counts)
    width = counts["later_high"].values - counts["later_low"].values
    rng = np.random.default_rng(seed)
    drawn = [moments(counts, w) for w in resamples(counts, max(n_resamples, 0), rng)]
    short = widening(counts)
    error = {
        name: spread_of([getattr(m, name) for m in drawn], best.mean) * short for name in ("mean", "variance")
    }
    density = _density(best, width)
    density_error = spread_of([_density(m, width) for m in drawn], density) * short[None, :, None]
    cell = ("softness_bin", "lag")
    found = {
        "mean": (cell, best.mean),
        "mean_error": (cell, error["mean"]),
        "variance": (cell, best.variance),
        "variance_error": (cell, error["variance"]),
        "n": (cell, best.n),
        "survival": (cell, best.stayed / np.where(best.known > 0, best.known, np.nan)),
        "density": ((*cell, "later_bin"), density),
        "density_error": ((*cell, "later_bin"), density_error),
        "gaussian": ((*cell, "later_bin"), _gaussian(best, counts, width)),
    }
    middle = 0.5 * (counts["later_low"].values + counts["later_high"].values)
    edges = {
        name: counts[name] for name in ("lag", "softness_low", "softness_high", "later_low", "later_high")
    }
    dataset = xr.Dataset(
        found, {**edges, "softness": ("softness_bin", best.initial), "later": ("later_bin", middle)}, attrs=counts.attrs
    )  # fmt: skip
    return _described(dataset)


def _density(m: Moments, width: Array) -> Array:
    return m.later / np.where(m.n > 0, m.n, np.nan)[..., None] / width


def _gaussian(m: Moments, counts: xr.Dataset, width: Array) -> Array:
    from scipy.special import ndtr

    inner = counts["later_low"].values[1:]
    deviation = np.sqrt(np.where(m.variance > 0, m.variance, np.nan))[..., None]
    below = ndtr((inner - m.mean[..., None]) / deviation)
    ends = np.broadcast_to(np.array([0.0, 1.0]), (*m.mean.shape, 2))
    cumulative = np.concatenate([ends[..., :1], below, ends[..., 1:]], axis=-1)
    return np.diff(cumulative, axis=-1) / width


def _described(dataset: xr.Dataset) -> xr.Dataset:
    of = "particles that have not moved away"
    words = {
        "mean": (r"\langle S(t) \rangle_{S_0}", "mean softness", f"at time t, of {of}"),
        "mean_error": (
            r"\delta\langle S(t) \rangle",
            "standard error of mean",
            "bootstrap of trajectory segments",
        ),
        "variance": (r"\mathrm{Var}_{S_0} S(t)", "variance of softness", f"at time t, of {of}"),
        "variance_error": (
            r"\delta\mathrm{Var}",
            "standard error of variance",
            "bootstrap of trajectory segments",
        ),
        "n": ("n", "survivors", f"{of}, with a softness"),
        "survival": ("q(S_0, t)", "fraction that stayed", "of the particles whose displacement is known"),
        "density": ("G(S, t | S_0)", "softness propagator", f"distribution of softness at time t, of {of}"),
        "density_error": (
            r"\delta G",
            "standard error of density",
            "bootstrap of trajectory segments",
        ),
        "gaussian": ("G(S, t | S_0)", "Gaussian propagator", "Gaussian of the same mean and variance"),
        "softness": ("S_0", "softness at the start", "mean of the particles in the bin"),
        "later": ("S", "softness at time t", "middle of the bin"),
    }
    for name, (symbol, long, definition) in words.items():
        dataset[name].attrs = {
            "symbol": symbol,
            "long_name": long,
            "units": "1",
            "definition": definition,
        }
    return dataset
