"""How many displacements a rearrangement brings as time goes on: c, from the overlap itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrify.relaxation._by_origin import jackknife_error
from vitrify.theory.log_quadratic import LogQuadratic
from vitrify.theory.overlap_prediction import OverlapPrediction

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]


def productive_in_time(counts: xr.Dataset, law: LogQuadratic) -> xr.Dataset:
    r"""Return c(t): how fast the overlap falls between two lags, over how often its survivors rearrange then.

    .. math:: c(t) = -\frac{d \ln q}{dt} \Big/ \langle P_R \rangle_\mathrm{survivors}

    Parameters
    ----------
    counts : xarray.Dataset
        From `vitrify.theory.survivors.Survivors.count`.
    law : LogQuadratic

    Returns
    -------
    xarray.Dataset
        Dim lag, of those above 0: ``productive``, between the lag before and this one, and its error (leaving out each segment;
        NaN with fewer than two). Where the overlap rises it is negative.

    Notes
    -----
    **Scale** a number: the prediction of the overlap by one constant c is right if c(t) is constant, whatever softness does.
    It rises where displacements add up from moves that are shorter than a. **Differs from**
    `vitrify.theory.overlap_prediction.initial_decay`, which is its first value. **Cost** O(segments × counts).

    Examples
    --------
    >>> from vitrify.theory.survivors import Survivors
    >>> rng = np.random.default_rng(0)
    >>> positions = 2.0 * np.cumsum(rng.random((40, 5000, 1)) < 0.1, axis=0)
    >>> softness = rng.normal(size=(40, 5000))
    >>> counts = Survivors(0.5).count(
    ...     lambda a, b: positions[a:b], lambda a, b: softness[a:b], np.arange(40.0), [-2, 0, 2], [0, 1, 10]
    ... )
    >>> law = LogQuadratic(np.array([np.log(0.05), 0.0, 0.0]), np.zeros((3, 3)))
    >>> productive_in_time(counts, law)["productive"].values.round(1).tolist()
    [2.1, 2.1]
    """
    import xarray as xr

    best = _ratio(counts, law)
    filled = np.flatnonzero(counts["known"].values.sum(axis=(1, 2)) > 0)
    error = np.full(len(best), np.nan)
    if len(filled) > 1:
        without = np.array([_ratio(counts.isel(segment=np.setdiff1d(filled, k)), law) for k in filled])
        error = jackknife_error(without)
    words = {"units": "1", "symbol": "c(t)", "long_name": "decay of the overlap over rearrangements"}
    return xr.Dataset(
        {
            "productive": ("lag", best, words),
            "productive_error": ("lag", error, {"units": "1", "long_name": "standard error of productive"}),
        },
        {"lag": counts["lag"].values[1:]},
    )


def _ratio(counts: xr.Dataset, law: LogQuadratic) -> Array:
    found = OverlapPrediction(n_resamples=0).compute(counts, law)
    falls, rearranges = (
        -np.diff(np.log(np.maximum(curve, 1e-300)))
        for curve in (found["measured"].values, found["predicted"].sel(route="direct").values)
    )
    return np.asarray(falls / np.where(rearranges > 0, rearranges, np.nan), np.float64)
