"""Distributions of softness: of all particles, and of those about to rearrange."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import TooFewEventsError
from vitrify.theory._definitions import described
from vitrify.theory.rearrangement_probability import bin_middles

if TYPE_CHECKING:
    import xarray as xr

_BIN = ("temperature", "softness_bin")


def distributions(counts: xr.Dataset) -> xr.Dataset:
    """Return P(S) and P(S|R) as densities, each of area 1 within the outermost edges.

    Parameters
    ----------
    counts : xarray.Dataset
        From `vitrify.theory.rearrangement_probability.count` or `combine`.

    Returns
    -------
    xarray.Dataset
        Dims temperature, softness_bin: density, density_error, density_rearranging, density_rearranging_error,
        n, n_rearranging; dim temperature: fraction_outside, fraction_rearranging_outside, the parts beyond the outermost
        edges, which no density contains; coordinates softness (middle of the bin), softness_low and softness_high.
        Errors come from the scatter of the segments and are NaN with fewer than two; that of P(S|R) is not below counting.

    Raises
    ------
    TooFewEventsError
        If there is no exposure at all.

    Examples
    --------
    >>> from vitrify.theory.rearrangement_probability import count
    >>> found = distributions(count(0.5, ([-3, 0.2, 0.4, 1.5], [0, 0, 1, 1]), ([1.2], [0]), [0, 1, 2], n_segments=2))
    >>> found["density"].values.round(3).tolist(), found["fraction_outside"].values.tolist()
    ([[0.667, 0.333]], [0.25])
    """
    import xarray as xr

    all_exposure, all_events = (counts[name].values.astype(float) for name in ("exposure", "events"))
    if not all_exposure.sum() > 0:
        raise TooFewEventsError("There are no particles at risk to make a distribution of.")
    exposure, events = (
        a - counts[f"{name}_beyond"].values
        for a, name in ((all_exposure, "exposure"), (all_events, "events"))
    )
    width = counts["softness_high"].values - counts["softness_low"].values
    share, scatter = _shares(exposure)
    share_r, scatter_r = _shares(events)
    counting = np.sqrt(np.maximum(events.sum(1), 1.0)) / _positive(events.sum((1, 2)))[:, None]
    outside, outside_r = (
        1 - inside.sum((1, 2)) / _positive(every.sum((1, 2)))
        for inside, every in ((exposure, all_exposure), (events, all_events))
    )
    values: dict[str, Any] = {
        "density": share / width,
        "density_error": scatter / width,
        "density_rearranging": share_r / width,
        "density_rearranging_error": np.fmax(counting, scatter_r) / width,
        "n": exposure.sum(1),
        "n_rearranging": events.sum(1).astype(np.int64),
    }
    found = xr.Dataset(
        {name: (_BIN, a) for name, a in values.items()}
        | {"fraction_outside": ("temperature", outside), "fraction_rearranging_outside": ("temperature", outside_r)},
        {
            "softness": ("softness_bin", bin_middles(counts)),
            "softness_low": counts["softness_low"],
            "softness_high": counts["softness_high"],
            "temperature": counts["temperature"].values,
        },
        attrs={**counts.attrs, "definition": _outside_in_words(outside, outside_r)},
    )  # fmt: skip
    return described(found, softness="w·F − b on standardized features; middle of the bin")


def _positive(n: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return n, NaN where it is 0: a share of nothing has no value."""
    return np.where(n > 0, n, np.nan)


def _shares(tally: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the share of each bin (T, B), and its standard error as a ratio of sums over segments (T, K, B)."""
    total = _positive(tally.sum((1, 2)))
    share = tally.sum(1) / total[:, None]
    per_segment = tally.sum(2, keepdims=True)
    residual = (tally - share[:, None] * per_segment) / total[:, None, None]
    n = (per_segment[..., 0] > 0).sum(1).astype(float)
    inflation = np.where(n > 1, n / np.where(n > 1, n - 1, 1.0), np.nan)
    return share, np.sqrt(inflation[:, None] * (residual**2).sum(1))


def _outside_in_words(outside: NDArray[np.float64], outside_rearranging: NDArray[np.float64]) -> str:
    """Say the largest fraction over the temperatures; without any events the second one is 0."""
    particles, rearrangements = (float(np.nanmax(a, initial=0.0)) for a in (outside, outside_rearranging))
    return (
        f"areas are 1 within the bins shown; at most {particles:.2%} of the particles and {rearrangements:.2%} of the "
        "rearrangements of a temperature lie outside"
    )
