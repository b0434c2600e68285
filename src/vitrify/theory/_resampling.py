"""Fits to counts whose trajectory segments are drawn with replacement: the same draw for all that is compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ConvergenceError, ParameterError, ShapeError, TooFewEventsError
from vitrify.theory._segments import at_least_two, drawn_segments, require_fitted, require_resamples
from vitrify.theory.arrhenius import ArrheniusFit, fit_arrhenius, fit_totals
from vitrify.theory.onset import COEFFICIENTS, OnsetBootstrap, _degrees_of_freedom
from vitrify.theory.rearrangement_probability import totals

if TYPE_CHECKING:
    import xarray as xr


def resampled_together(
    counts: Sequence[xr.Dataset], degree: int, n_resamples: int, seed: int
) -> tuple[list[ArrheniusFit], NDArray[np.float64], int]:
    """Fit several counts of the same trajectories, each to the data as they are and to the same draws of segments.

    Parameters
    ----------
    counts : sequence of xarray.Dataset
        From `vitrify.theory.rearrangement_probability.combine`, with the same temperatures and segments.
    degree, n_resamples, seed : int

    Returns
    -------
    fits : list of ArrheniusFit
    coefficients : (n, len(counts), 2 degree + 2) float
        (log_prefactor, barrier) of every draw that all of them could be fitted to.
    n_failed : int
        Draws that could not.

    Raises
    ------
    ShapeError
        If temperatures or segments differ.
    ParameterError
        If `degree` or `n_resamples` is too low.
    TooFewEventsError
        If a temperature has fewer than two segments, or more than half of the draws fail.
    ConvergenceError
        If the data as they are cannot be fitted.
    """
    require_resamples(degree, n_resamples)
    _require_same_trajectories(counts)
    fits = [fit_arrhenius(c, degree) for c in counts]
    starts = [np.concatenate([fit.log_prefactor, fit.barrier]) for fit in fits]
    there = at_least_two(counts[0])
    summed = [totals(c) for c in counts]
    softness, temperature = (
        [both["softness"].values for both in summed],
        counts[0]["temperature"].values,
    )
    arrays = [(c["events"].values, c["exposure"].values) for c in counts]
    rng, rows = np.random.default_rng(seed), []
    for _ in range(n_resamples):
        weight = _drawn_weights(rng, there, counts[0].sizes["segment"])
        try:
            again = [
                fit_totals(
                    np.einsum("ts,tsb->tb", weight, k),
                    np.einsum("ts,tsb->tb", weight, n),
                    s,
                    temperature,
                    degree,
                    start=start,
                )
                for (k, n), s, start in zip(arrays, softness, starts, strict=True)
            ]
        except (ConvergenceError, TooFewEventsError, ParameterError):
            continue
        rows.append([np.concatenate([fit.log_prefactor, fit.barrier]) for fit in again])
    failed = n_resamples - len(rows)
    require_fitted(failed, n_resamples, min(fit.n_events for fit in fits))
    return fits, np.array(rows), failed


def _drawn_weights(
    rng: np.random.Generator, there: list[NDArray[np.int64]], n_segments: int
) -> NDArray[np.float64]:
    """Return how much every segment of every temperature counts in one draw, (T, n_segments)."""
    weight = np.zeros((len(there), n_segments))
    for row, segments, drawn in zip(weight, there, drawn_segments(rng, there), strict=True):
        np.add.at(row, drawn, len(segments) / (len(segments) - 1))
    return weight


def _require_same_trajectories(counts: Sequence[xr.Dataset]) -> None:
    if not counts:
        raise ParameterError("`counts` is empty: there is nothing to compare.")
    first = counts[0]
    for other in counts[1:]:
        alike = (
            np.array_equal(other["temperature"].values, first["temperature"].values)
            and other.sizes["segment"] == first.sizes["segment"]
        )
        if not alike:
            raise ShapeError(
                "Counts that are resampled together must come from the same trajectories; temperatures "
                f"{other['temperature'].values.tolist()} in {other.sizes['segment']} segments do not pair with "
                f"{first['temperature'].values.tolist()} in {first.sizes['segment']}."
            )


def as_onset(
    counts: xr.Dataset, fit: ArrheniusFit, coefficients: NDArray[np.float64], n_failed: int
) -> OnsetBootstrap:
    """Return resampled coefficients (n, 2 degree + 2) as intervals of e0, e1, Σ0, Σ1 and T0."""
    p = fit.degree + 1
    named = {
        "e0": coefficients[:, p],
        "e1": -coefficients[:, p + 1],
        "sigma0": coefficients[:, 0],
        "sigma1": -coefficients[:, 1],
    }
    with np.errstate(divide="ignore", invalid="ignore"):
        named["onset_temperature"] = named["e1"] / named["sigma1"]
    samples = {name: named[name] for name in COEFFICIENTS}
    free = _degrees_of_freedom(counts, fit, at_least_two(counts))
    return OnsetBootstrap(fit, samples, n_failed, free)
