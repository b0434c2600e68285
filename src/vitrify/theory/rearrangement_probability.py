"""How often particles of a given softness rearrange: counts, and probabilities with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ConfigurationError, ParameterError, ShapeError
from vitrify.theory._definitions import described
from vitrify.units import LJ, Units

if TYPE_CHECKING:
    import xarray as xr

ONE_SIGMA_TAIL = 0.158655253931457
_DIMS = ("temperature", "segment", "softness_bin")
_BIN = ("temperature", "softness_bin")


def softness_bins(softness: ArrayLike, n_bins: int, tail: float = 0.0005) -> NDArray[np.float64]:
    """Return edges of even bins that hold all but the outermost particles.

    Parameters
    ----------
    softness : (n,) array_like
        Of all particles that will be binned.
    n_bins : int
        At least 2.
    tail : float, default 0.0005
        Fraction of particles on each side that lie beyond the outermost edges. `count` puts them into the bins at the
        ends, so that probabilities lose no event, and `vitrify.theory.softness_distribution` leaves them out and says how many they are.

    Returns
    -------
    (n_bins + 1,) float
        Increasing and finite.

    Raises
    ------
    ParameterError
        If `n_bins` is below 2 or the values do not vary.
    ConfigurationError
        If a softness is NaN or infinite.

    Examples
    --------
    >>> softness_bins(np.linspace(-1, 1, 101), 4, tail=0.0).tolist()
    [-1.0, -0.5, 0.0, 0.5, 1.0]
    """
    values = np.asarray(softness, float)
    _require_finite("softness", values)
    low, high = np.quantile(values, [tail, 1 - tail]) if values.size else (np.nan, np.nan)
    if n_bins < 2 or not high > low:
        raise ParameterError(
            f"`n_bins` must be at least 2 and softness must vary; they are {n_bins}, [{low}, {high}]."
        )
    return np.linspace(low, high, n_bins + 1)


def count(
    temperature: float,
    at_risk: tuple[ArrayLike, ArrayLike],
    starts: tuple[ArrayLike, ArrayLike],
    edges: ArrayLike,
    *,
    n_segments: int,
    frames_per_sample: float = 1.0,
    interval: float = 1.0,
    units: Units = LJ,
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
        From `softness_bins`. The bins at the ends also take what lies beyond them.
    n_segments : int
        Contiguous pieces of the trajectory, numbered from 0.
    frames_per_sample : float, default 1
        How many frames each entry of `at_risk` stands for (the sampling stride).
    interval : float, time, default 1
        Between frames.
    units : Units, default LJ
        Of temperature and interval.

    Returns
    -------
    xarray.Dataset
        Dims temperature (1), segment, softness_bin: ``events`` (int), ``exposure`` (particle-frames),
        ``softness_sum`` (their summed softness), and ``events_beyond``, ``exposure_beyond``, the parts that lie beyond
        the outermost edges. P_R is events over exposure: a probability per frame.

    Raises
    ------
    ShapeError
        If softness and segments do not pair up, or a segment is not among the `n_segments`.
    ConfigurationError
        If a softness is NaN or infinite.
    ParameterError
        If the edges are not finite and increasing.

    Examples
    --------
    >>> found = count(0.5, ([-0.5, 0.5, 0.7], [0, 0, 1]), ([0.6], [1]), [-1, 0, 1], n_segments=2, frames_per_sample=10)
    >>> found["exposure"].values[0].tolist(), found["events"].values[0].tolist()
    ([[10.0, 10.0], [0.0, 10.0]], [[0, 0], [0, 1]])
    """
    import xarray as xr

    edges = np.asarray(edges, float)
    if edges.ndim != 1 or len(edges) < 2 or not np.isfinite(edges).all() or not (np.diff(edges) > 0).all():
        raise ParameterError(f"`edges` must be finite and increasing; they are {edges.tolist()}.")
    risk, moving = _Entries("at_risk", at_risk, n_segments), _Entries("starts", starts, n_segments)
    exposure, beyond, summed = (float(frames_per_sample) * a for a in risk.tally(edges))
    events, events_beyond, _ = moving.tally(edges)
    found = xr.Dataset(
        {
            "events": (_DIMS, events.astype(np.int64)),
            "exposure": (_DIMS, exposure),
            "softness_sum": (_DIMS, summed),
            "events_beyond": (_DIMS, events_beyond.astype(np.int64)),
            "exposure_beyond": (_DIMS, beyond),
        },
        {
            "temperature": [float(temperature)],
            "segment": np.arange(n_segments),
            "softness_low": ("softness_bin", edges[:-1]),
            "softness_high": ("softness_bin", edges[1:]),
        },
        attrs={
            "interval": float(interval),
            "unit_system": units.name,
            "definition": "events and particle-frames at risk by softness",
        },
    )
    return described(found)


class _Entries:
    """Softness and segment of what is counted, checked."""

    def __init__(self, name: str, entries: tuple[ArrayLike, ArrayLike], n_segments: int) -> None:
        self.softness, segment = np.asarray(entries[0], float), np.asarray(entries[1])
        if self.softness.shape != segment.shape or segment.ndim != 1:
            raise ShapeError(
                f"Softness and segment of `{name}` must pair up; their shapes are {self.softness.shape} and {segment.shape}."
            )
        _require_finite(name, self.softness)
        self.segment, self.n_segments = segment.astype(np.int64), n_segments
        if len(segment) and not 0 <= self.segment.min() <= self.segment.max() < n_segments:
            raise ShapeError(
                f"Segments of `{name}` must be from 0 to {n_segments - 1}, `n_segments` being {n_segments}; they reach from "
                f"{self.segment.min()} to {self.segment.max()}."
            )

    def tally(self, edges: NDArray[np.float64]) -> tuple[NDArray[Any], ...]:
        """Return number, number beyond the edges and summed softness, each (1, n_segments, n_bins)."""
        s, n_bins = self.softness, len(edges) - 1
        cell = self.segment * n_bins + np.clip(np.searchsorted(edges, s, side="right") - 1, 0, n_bins - 1)
        beyond = ((s < edges[0]) | (s > edges[-1])).astype(float)
        size = self.n_segments * n_bins
        return tuple(
            np.bincount(cell, weight, minlength=size).reshape(1, self.n_segments, n_bins)
            for weight in (np.ones_like(s), beyond, s)
        )


def _require_finite(name: str, softness: NDArray[np.float64]) -> None:
    n_bad = int((~np.isfinite(softness)).sum())
    if n_bad:
        raise ConfigurationError(
            f"{n_bad} of {softness.size} values of softness in `{name}` are NaN or infinite. Count only particles whose "
            "softness was computed."
        )


def combine(counts: Sequence[xr.Dataset]) -> xr.Dataset:
    """Join counts that were made with the same bins; those of one temperature become more segments of it.

    Parameters
    ----------
    counts : sequence of xarray.Dataset
        From `count`.

    Returns
    -------
    xarray.Dataset
        Temperatures in increasing order; where one has fewer segments than another, the rest holds nothing.

    Raises
    ------
    ShapeError
        If their bins differ.
    ParameterError
        If their frame intervals or units differ: a probability per frame means something else then.

    Examples
    --------
    >>> hot, cold = (count(t, ([0.5], [0]), ([], []), [0, 1], n_segments=1) for t in (0.7, 0.5))
    >>> joined = combine([hot, cold, cold])
    >>> joined["temperature"].values.tolist(), joined["exposure"].values[..., 0].tolist()
    ([0.5, 0.7], [[1.0, 1.0], [1.0, 0.0]])
    """
    import xarray as xr

    _require_alike(counts)
    first = counts[0]
    pieces: dict[float, list[xr.Dataset]] = {}
    for c in counts:
        for k, t in enumerate(c["temperature"].values):
            pieces.setdefault(float(t), []).append(c.isel(temperature=k))
    temperatures = sorted(pieces)
    n_segments = max(sum(c.sizes["segment"] for c in pieces[t]) for t in temperatures)
    joined = {}
    for name, variable in first.data_vars.items():
        stacked = np.zeros((len(temperatures), n_segments, first.sizes["softness_bin"]), variable.dtype)
        for row, t in zip(stacked, temperatures, strict=True):
            segments = np.concatenate([c[name].values for c in pieces[t]])
            row[: len(segments)] = segments
        joined[name] = (_DIMS, stacked)
    coords: dict[str, Any] = {name: first[name] for name in ("softness_low", "softness_high")}
    coords |= {"temperature": temperatures, "segment": np.arange(n_segments)}
    return described(xr.Dataset(joined, coords, attrs=first.attrs))


def _require_alike(counts: Sequence[xr.Dataset]) -> None:
    if not counts:
        raise ParameterError("`counts` is empty: there is nothing to combine.")
    first = counts[0]
    for other in counts[1:]:
        if not all(
            np.array_equal(other[name].values, first[name].values)
            for name in ("softness_low", "softness_high")
        ):
            raise ShapeError("All `counts` must share the softness bins; their edges differ.")
        alike = {
            "interval": bool(np.isclose(other.attrs["interval"], first.attrs["interval"], rtol=1e-6)),
            "unit_system": other.attrs["unit_system"] == first.attrs["unit_system"],
        }
        for name in (name for name, same in alike.items() if not same):
            raise ParameterError(
                f"All `counts` must share `{name}`; T = {first['temperature'].values[0]:g} has {first.attrs[name]} and "
                f"T = {other['temperature'].values[0]:g} has {other.attrs[name]}. Probabilities per frame compare only "
                "between equal frame intervals and units."
            )


def totals(counts: xr.Dataset) -> xr.Dataset:
    """Sum over segments and give each bin the mean softness of its particles; an empty bin gets its middle.

    Examples
    --------
    >>> found = totals(count(0.5, ([0.1, 0.3], [0, 1]), ([], []), [0, 1, 2], n_segments=2))
    >>> found["softness"].values.tolist(), found["exposure"].values.tolist()
    ([0.2, 1.5], [[2.0, 0.0]])
    """
    import xarray as xr

    events, exposure = (counts[name].values.sum(axis=1) for name in ("events", "exposure"))
    n = exposure.sum(axis=0)
    mean = counts["softness_sum"].values.sum(axis=(0, 1)) / np.where(n > 0, n, 1.0)
    found = xr.Dataset(
        {"events": (_BIN, events), "exposure": (_BIN, exposure)},
        {
            "softness": ("softness_bin", np.where(n > 0, mean, bin_middles(counts))),
            "temperature": counts["temperature"].values,
        },
        attrs=counts.attrs,
    )
    return described(found)


def bin_middles(counts: xr.Dataset) -> NDArray[np.float64]:
    """Return the middle of each bin, (n_bins,).

    Examples
    --------
    >>> bin_middles(count(0.5, ([], []), ([], []), [0, 1, 3], n_segments=1)).tolist()
    [0.5, 2.0]
    """
    return np.asarray(0.5 * (counts["softness_low"].values + counts["softness_high"].values))


def rearrangement_probability(counts: xr.Dataset) -> xr.Dataset:
    r"""Return P_R(S, T): the probability, per frame, that a particle of softness S starts to rearrange.

    .. math:: P_R(S, T) = n_\mathrm{events}(S, T) / n_\mathrm{exposure}(S, T)

    Parameters
    ----------
    counts : xarray.Dataset
        From `count` or `combine`.

    Returns
    -------
    xarray.Dataset
        Dims temperature, softness_bin: probability, probability_low, probability_high (68 % Jeffreys interval),
        events, exposure; coordinate softness. NaN in bins without exposure; where such bins have events,
        ``attrs["note"]`` says how many. Events above the exposure, which a sparse sampling of exposure can leave, give 1.

    Notes
    -----
    **Scale**: a probability per frame interval; a rate after division by ``attrs["interval"]``.
    **Differs from**: the fraction of particles that are rearranging at an instant, which is this hazard times the mean
    time above threshold.
    **Invariant under**: S -> 2 S + c together with the bins. **Cost**: that of the counts.

    References
    ----------
    Schoenholz et al., Nature Physics 12, 469 (2016), Fig. 2a.

    Examples
    --------
    >>> seen = np.linspace(0, 1, 100), np.zeros(100, int)
    >>> found = rearrangement_probability(count(0.5, seen, ([0.2], [0]), [0, 1], n_segments=1))
    >>> [round(found[name].item(), 4) for name in ("probability_low", "probability", "probability_high")]
    [0.0042, 0.01, 0.0257]
    """
    import xarray as xr
    from scipy.stats import beta

    both = totals(counts)
    k, n = both["events"].values.astype(float), both["exposure"].values
    seen = np.where(n > 0, np.maximum(n, k), np.nan)
    quiet = np.maximum(n - k, 0)
    low = np.where(k > 0, beta.ppf(ONE_SIGMA_TAIL, k + 0.5, quiet + 0.5), 0.0)
    high = beta.isf(ONE_SIGMA_TAIL, k + 0.5, quiet + 0.5)
    found = xr.Dataset(
        {
            "probability": (_BIN, k / seen),
            "probability_low": (_BIN, np.where(n > 0, low, np.nan)),
            "probability_high": (_BIN, np.where(n > 0, high, np.nan)),
            "events": (_BIN, both["events"].values),
            "exposure": (_BIN, n),
        },
        {"softness": ("softness_bin", both["softness"].values), "temperature": both["temperature"].values},
        attrs={**counts.attrs, "definition": "rearrangements that start per particle at risk and frame"},
    )
    unsampled = int(k[n <= 0].sum())
    if unsampled:
        found.attrs["note"] = (
            f"{unsampled} of {int(k.sum())} rearrangements have a softness at which no particle was sampled at their "
            "temperature; they have no probability and are not fitted"
        )
    return described(found)
