"""How often particles of a given softness rearrange: counts, and probabilities with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, ShapeError, TooFewEventsError

if TYPE_CHECKING:
    import xarray as xr

ONE_SIGMA_TAIL = 0.158655253931457


def softness_bins(softness: ArrayLike, n_bins: int, tail: float = 0.002) -> NDArray[np.float64]:
    """Return edges of even bins that hold all but the outermost particles; the first and last reach to infinity.

    Parameters
    ----------
    softness : (n,) array_like
        Of all particles that will be binned.
    n_bins : int
        At least 2.
    tail : float, default 0.002
        Fraction of particles on each side that the open bins at the ends take up besides their own.

    Returns
    -------
    (n_bins + 1,) float
        Increasing, from −inf to inf.

    Raises
    ------
    ParameterError
        If `n_bins` is below 2 or the values do not vary.

    Examples
    --------
    >>> softness_bins(np.linspace(-1, 1, 101), 4, tail=0.0).tolist()
    [-inf, -0.5, 0.0, 0.5, inf]
    """
    values = np.asarray(softness, float)
    low, high = np.quantile(values, [tail, 1 - tail])
    if n_bins < 2 or not high > low:
        raise ParameterError(
            f"`n_bins` must be at least 2 and softness must vary; they are {n_bins}, [{low}, {high}]."
        )
    return np.concatenate([[-np.inf], np.linspace(low, high, n_bins + 1)[1:-1], [np.inf]])


def count(
    temperature: float,
    at_risk: tuple[ArrayLike, ArrayLike],
    starts: tuple[ArrayLike, ArrayLike],
    edges: ArrayLike,
    *,
    n_segments: int,
    frames_per_sample: float = 1.0,
    interval: float = 1.0,
) -> xr.Dataset:
    """Tally exposure and events of one temperature by softness and trajectory segment.

    Parameters
    ----------
    temperature : float, energy / k_B
    at_risk : ((n,) softness, (n,) segment)
        One entry per particle and sampled frame at which it could start to rearrange.
    starts : ((m,) softness, (m,) segment)
        One entry per rearrangement: the particle's softness at its start.
    edges : (n_bins + 1,) array_like
        From `softness_bins`.
    n_segments : int
        Contiguous pieces of the trajectory, numbered from 0.
    frames_per_sample : float, default 1
        How many frames each entry of `at_risk` stands for (the sampling stride).
    interval : float, time, default 1
        Between frames.

    Returns
    -------
    xarray.Dataset
        Dims temperature (1), segment, softness_bin: ``events`` (int), ``exposure`` (particle-frames) and
        ``softness_sum`` (their summed softness). P_R is events over exposure: a probability per frame.

    Raises
    ------
    ShapeError
        If softness and segments do not pair up.
    """
    import xarray as xr

    edges = np.asarray(edges, float)
    n_bins = len(edges) - 1
    tallies = {}
    for name, (softness, segment) in {"exposure": at_risk, "events": starts}.items():
        s, k = np.asarray(softness, float), np.asarray(segment, np.int64)
        if s.shape != k.shape or s.ndim != 1:
            raise ShapeError(
                f"Softness and segment of `{name}` must pair up; their shapes are {s.shape} and {k.shape}."
            )
        cell = k * n_bins + np.clip(np.searchsorted(edges, s, side="right") - 1, 0, n_bins - 1)
        size = n_segments * n_bins
        tallies[name] = np.bincount(cell, minlength=size).reshape(1, n_segments, n_bins)
        if name == "exposure":
            tallies["softness_sum"] = np.bincount(cell, s, minlength=size).reshape(1, n_segments, n_bins)
    dims = ("temperature", "segment", "softness_bin")
    return xr.Dataset(
        {
            "events": (dims, tallies["events"]),
            "exposure": (dims, tallies["exposure"] * float(frames_per_sample)),
            "softness_sum": (dims, tallies["softness_sum"] * float(frames_per_sample)),
        },
        {"temperature": [float(temperature)], "segment": np.arange(n_segments), "edges": ("edge", edges)},
        attrs={"interval": float(interval), "definition": "events and particle-frames at risk by softness"},
    )


def combine(counts: Sequence[xr.Dataset]) -> xr.Dataset:
    """Join the counts of several temperatures that were made with the same bins.

    Raises
    ------
    ShapeError
        If their bins differ.
    """
    import xarray as xr

    first = counts[0]
    for other in counts[1:]:
        if not np.array_equal(other["edges"].values, first["edges"].values):
            raise ShapeError(
                "`counts` of different temperatures must share the softness bins; their edges differ."
            )
    joined = xr.concat(
        [c.drop_vars("edges") for c in counts],
        "temperature",
        join="outer",
        fill_value=0,
        combine_attrs="override",
    )
    return joined.assign_coords(edges=first["edges"]).sortby("temperature")


def totals(counts: xr.Dataset) -> xr.Dataset:
    """Sum over segments and give each bin the mean softness of its particles; an empty bin gets its middle."""
    import xarray as xr

    summed = counts.drop_vars("edges").sum("segment")
    exposure = summed["exposure"].sum("temperature").values
    mean = summed["softness_sum"].sum("temperature").values / np.where(exposure > 0, exposure, 1.0)
    return xr.Dataset(
        {"events": summed["events"], "exposure": summed["exposure"]},
        {
            "softness": ("softness_bin", np.where(exposure > 0, mean, _middles(counts["edges"].values))),
            "temperature": counts["temperature"],
        },
        attrs=counts.attrs,
    )


def _middles(edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the middle of each bin; of a bin that is open on one side, its finite edge."""
    low, high = edges[:-1], edges[1:]
    low, high = np.where(np.isfinite(low), low, high), np.where(np.isfinite(high), high, low)
    return 0.5 * (low + high)


def rearrangement_probability(counts: xr.Dataset) -> xr.Dataset:
    """Return P_R(S, T): the probability, per frame, that a particle of softness S starts to rearrange.

    .. math:: P_R(S, T) = n_\\mathrm{events}(S, T) / n_\\mathrm{exposure}(S, T)

    Parameters
    ----------
    counts : xarray.Dataset
        From `count` or `combine`.

    Returns
    -------
    xarray.Dataset
        Dims temperature, softness_bin: probability, probability_low, probability_high (68 % Jeffreys interval),
        events, exposure; coordinate softness.

    Notes
    -----
    **Scale**: a probability per frame interval; a rate after division by ``attrs["interval"]``.
    **Differs from**: the fraction of particles that are rearranging at an instant, which is this hazard times the mean
    time above threshold.
    **Invariant under**: S -> 2 S + c together with the bins. **Cost**: that of the counts.

    References
    ----------
    Schoenholz et al., Nature Physics 12, 469 (2016), Fig. 2a.
    """
    import xarray as xr
    from scipy.stats import beta

    both = totals(counts)
    k, n = both["events"].values.astype(float), both["exposure"].values
    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.where(n > 0, k / n, np.nan)
        low = np.where(k > 0, beta.ppf(ONE_SIGMA_TAIL, k + 0.5, np.maximum(n - k, 0) + 0.5), 0.0)
        high = beta.isf(ONE_SIGMA_TAIL, k + 0.5, np.maximum(n - k, 0) + 0.5)
    dims = ("temperature", "softness_bin")
    return xr.Dataset(
        {
            "probability": (dims, value),
            "probability_low": (dims, np.where(n > 0, low, np.nan)),
            "probability_high": (dims, np.where(n > 0, high, np.nan)),
            "events": (dims, both["events"].values),
            "exposure": (dims, n),
        },
        {"softness": ("softness_bin", both["softness"].values), "temperature": both["temperature"].values},
        attrs={**counts.attrs, "definition": "rearrangements that start per particle at risk and frame"},
    )


def distributions(counts: xr.Dataset) -> xr.Dataset:
    """Return P(S) and P(S|R) as densities, with errors from the scatter of segments and from counting.

    Parameters
    ----------
    counts : xarray.Dataset
        The open bins at both ends have no width and get NaN.

    Returns
    -------
    xarray.Dataset
        Dims temperature, softness_bin: density, density_error, density_rearranging, density_rearranging_error,
        n, n_rearranging; coordinate softness.

    Raises
    ------
    TooFewEventsError
        If there is no exposure at all.
    """
    import xarray as xr

    exposure, events = counts["exposure"].values, counts["events"].values.astype(float)
    if not exposure.sum() > 0:
        raise TooFewEventsError("There are no particles at risk to make a distribution of.")
    width = np.diff(counts["edges"].values)
    width[~np.isfinite(width)] = np.nan
    out: dict[str, Any] = {"n": exposure.sum(1), "n_rearranging": counts["events"].values.sum(1)}
    with np.errstate(invalid="ignore", divide="ignore"):
        fraction = out["n"] / out["n"].sum(1, keepdims=True)
        per_segment = exposure / exposure.sum(2, keepdims=True)
        scatter = np.nanstd(per_segment, axis=1, ddof=1) / np.sqrt(np.isfinite(per_segment[..., :1]).sum(1))
        events_total = events.sum(1)
        share = events_total / events_total.sum(1, keepdims=True)
        out["density"], out["density_error"] = fraction / width, scatter / width
        out["density_rearranging"] = share / width
        out["density_rearranging_error"] = (
            np.sqrt(np.maximum(events_total, 1.0)) / events_total.sum(1, keepdims=True) / width
        )
    dims = ("temperature", "softness_bin")
    return xr.Dataset(
        {name: (dims, values) for name, values in out.items()},
        {"softness": ("softness_bin", _middles(counts["edges"].values)), "temperature": counts["temperature"].values},
        attrs=dict(counts.attrs),
    )
