"""Mean and variance of softness, with errors from whole trajectory segments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, ShapeError
from vitrify.theory._trap_model_words import labelled
from vitrify.units import LJ, Units

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

_SEGMENTS = ("temperature", "segment")


def softness_moments(
    samples: Mapping[float, tuple[ArrayLike, ArrayLike]], *, units: Units = LJ
) -> xr.Dataset:
    """Return mean and variance of softness at each temperature, with errors from the scatter of trajectory segments.

    Parameters
    ----------
    samples : mapping of float to ((n,) softness, (n,) segment)
        Temperature, energy / k_B, to its particles; segments are numbered from 0.
    units : Units, default LJ

    Returns
    -------
    xarray.Dataset
        Dim temperature: softness_mean, softness_mean_error, softness_variance, softness_variance_error (NaN with fewer than
        two segments); dims temperature, segment: n, softness_sum, softness_square.

    Raises
    ------
    ShapeError
        If softness and segments do not pair up.
    ParameterError
        If a temperature has no values, or softness is not finite.

    Examples
    --------
    >>> found = softness_moments({0.5: ([1.0, 3.0, 2.0, 4.0], [0, 0, 1, 1])})
    >>> found["softness_mean"].item(), found["softness_mean_error"].round(6).item(), found["softness_variance"].item()
    (2.5, 0.5, 1.25)
    """
    import xarray as xr

    temperatures = sorted(samples)
    parts = []
    for t in temperatures:
        s, segment = np.asarray(samples[t][0], float), np.asarray(samples[t][1]).astype(np.int64)
        if s.shape != segment.shape or s.ndim != 1:
            raise ShapeError(
                f"Softness and segment at T = {t:g} must pair up; their shapes are {s.shape} and {segment.shape}."
            )
        if not s.size or not np.isfinite(s).all():
            raise ParameterError(
                f"T = {t:g} has {s.size} values of softness, or some that are NaN or infinite."
            )
        parts.append(np.stack([np.bincount(segment, w) for w in (np.ones_like(s), s, s**2)]))
    most = max(p.shape[1] for p in parts)
    n, first, second = np.stack([np.pad(p, ((0, 0), (0, most - p.shape[1]))) for p in parts], axis=1)
    values = moments_of_sums(n, first, second)
    names = ("softness_mean", "softness_mean_error", "softness_variance", "softness_variance_error")
    found = xr.Dataset(
        {name: ("temperature", a) for name, a in zip(names, values, strict=True)}
        | {"n": (_SEGMENTS, n), "softness_sum": (_SEGMENTS, first), "softness_square": (_SEGMENTS, second)},
        {"temperature": temperatures},
    )
    return labelled(found, units)


def moments_of_sums(n: Array, first: Array, second: Array) -> tuple[Array, Array, Array, Array]:
    """Return mean, its error, variance and its error from sums per segment (T, K)."""
    total = n.sum(axis=1)
    mean = first.sum(axis=1) / total
    variance = second.sum(axis=1) / total - mean**2
    there = (n > 0).sum(axis=1)
    inflation = np.sqrt(np.where(there > 1, there / np.where(there > 1, there - 1, 1), np.nan))
    off_mean = first - mean[:, None] * n
    off_square = second - 2 * mean[:, None] * first + (mean**2 - variance)[:, None] * n
    errors = [inflation * np.sqrt((off**2).sum(axis=1)) / total for off in (off_mean, off_square)]
    return mean, errors[0], variance, errors[1]
