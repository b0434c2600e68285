"""Sine transforms on even grids: isotropic functions in three dimensions, from distances to wave numbers and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError

Array = NDArray[np.float64]


def conjugate_wave_numbers(r: ArrayLike) -> Array:
    """Return the wave numbers with which an even grid of distances forms an exact pair of sine transforms, (n,).

    Parameters
    ----------
    r : (n,) array_like, length
        Centres of bins, (j + 1/2) Δr, or edges without 0, (j + 1) Δr.

    Returns
    -------
    (n,) float, 1/length

    Raises
    ------
    ParameterError
        If `r` is neither.

    Examples
    --------
    >>> (conjugate_wave_numbers([0.5, 1.5, 2.5, 3.5]) / np.pi).tolist()
    [0.25, 0.5, 0.75, 1.0]
    """
    r = np.asarray(r, float)
    kind, step = _grid(r, "r")
    return np.asarray(np.pi * (np.arange(len(r)) + 1) / (step * (len(r) + (kind == 1))))


def to_wave_numbers(r: Array, f: Array, q: Array | None = None) -> Array:
    """Return ∫ 4π r² f(r) sin(qr)/(qr) dr along the last axis; on the conjugate wave numbers, or at any q > 0.

    Raises
    ------
    ParameterError
        If `r` is not even, from 0 on.

    Examples
    --------
    >>> r = 0.02 * np.arange(1, 500)
    >>> gauss = to_wave_numbers(r, np.exp(-(r**2)), np.array([1.0]))  # π^(3/2) exp(-q²/4)
    >>> bool(np.isclose(gauss[0], np.pi**1.5 * np.exp(-0.25), rtol=1e-12))
    True
    """
    from scipy.fft import dst

    kind, step = _grid(r, "r")
    if q is not None:
        return np.asarray(4 * np.pi * step * (f * r) @ np.sin(np.outer(r, q)) / q)
    wave = conjugate_wave_numbers(r)
    return np.asarray(2 * np.pi * step * dst(f * r, type=kind, axis=-1) / wave)


def to_distances(q: Array, f: Array, r: Array) -> Array:
    """Return (2π)⁻³ ∫ 4π q² f(q) sin(qr)/(qr) dq along the last axis: the exact inverse of `to_wave_numbers`.

    Raises
    ------
    ParameterError
        If `q` and `r` are no conjugate grids.

    Examples
    --------
    >>> r = 0.02 * np.arange(1, 500)
    >>> there = to_wave_numbers(r, np.exp(-(r**2)))
    >>> bool(np.allclose(to_distances(conjugate_wave_numbers(r), there, r), np.exp(-(r**2))))
    True
    """
    from scipy.fft import idst

    kind, step = _grid(r, "r")
    if len(q) != len(r) or not np.allclose(q, conjugate_wave_numbers(r), rtol=1e-9):
        raise ParameterError(
            f"`q` must be the {len(r)} wave numbers that `conjugate_wave_numbers` gives for `r`; it is another grid of "
            f"{len(q)}. Interpolate first."
        )
    return np.asarray(idst(f * q / (2 * np.pi * step), type=kind, axis=-1) / r)


def _grid(r: Array, name: str) -> tuple[int, float]:
    """Return the type of sine transform that belongs to a grid, 2 for centres and 1 for multiples, and its step."""
    step = (r[-1] - r[0]) / (len(r) - 1) if len(r) > 1 else np.nan
    for kind, offset in ((2, 0.5), (1, 1.0)):
        if np.allclose(r, step * (np.arange(len(r)) + offset), rtol=1e-6, atol=0.0):
            return kind, float(step)
    raise ParameterError(
        f"`{name}` must be an even grid from 0 on: centres of bins, or multiples of a step without 0. It has {len(r)} "
        f"values from {r[0] if len(r) else 'none'} on."
    )
