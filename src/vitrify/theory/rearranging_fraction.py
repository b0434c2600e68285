"""Which fraction of particles is rearranging at an instant, by softness, and the time that this fraction belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, ShapeError, TooFewEventsError
from vitrify.particles.spacing import spacing
from vitrify.relaxation.base import Read
from vitrify.theory.rearrangement_probability import count
from vitrify.units import LJ, Units

if TYPE_CHECKING:
    import xarray as xr

_BLOCK = 256  # frames that are looked at together


def time_above(
    read_p_hop: Read,
    times: ArrayLike,
    threshold: float,
    particles: NDArray[np.int64] | None = None,
) -> float:
    """Return the mean time for which p_hop of a particle stays above a threshold, time.

    Parameters
    ----------
    read_p_hop : callable
        ``read_p_hop(start, stop)`` returns (stop - start, N), length²; NaN where it is not known.
    times : (F,) array_like, time
        Of the frames, evenly spaced.
    threshold : float, length²
        p_c.
    particles : (m,) int, optional
        Only these.

    Returns
    -------
    float
        Particle-frames above it over the number of times that it is exceeded anew.

    Raises
    ------
    ParameterError
        If frames are not evenly spaced.
    TooFewEventsError
        If it is never exceeded anew.

    Notes
    -----
    **Scale** time; a clean hop of length Δ is above p_c for 2 ⌈W [1 − (p_c / Δ²)^(2/3)]⌉ − 1 frames.
    **Differs from** `vitrify.theory.productive_fraction.rearrangement_time`, τ_R, which lasts from the event threshold to
    the event threshold and is longer. **Cost** one pass over p_hop.

    Examples
    --------
    >>> p_hop = np.array([0, 0.3, 0.3, 0, 0, 0.3, 0, 0])[:, None]
    >>> time_above(lambda a, b: p_hop[a:b], np.arange(8.0), 0.2)
    1.5
    """
    interval = _interval(times)
    n_frames = len(np.asarray(times))
    kept = slice(None) if particles is None else particles
    above = anew = 0
    for start in range(0, n_frames - 1, _BLOCK):
        p_hop = np.asarray(read_p_hop(start, min(start + _BLOCK + 1, n_frames)), np.float64)[:, kept]
        before, now = p_hop[:-1], p_hop[1:]
        rearranging = (now > threshold) & ~np.isnan(before)
        above += int(rearranging.sum())
        anew += int((rearranging & (before <= threshold)).sum())
    if not anew:
        raise TooFewEventsError(
            f"p_hop never rises above {threshold:g} in {n_frames} frames: there is no time that it stays above. Add frames or "
            "lower the threshold."
        )
    return interval * above / anew


def count_rearranging(
    temperature: float,
    read_p_hop: Read,
    read_softness: Read,
    times: ArrayLike,
    edges: ArrayLike,
    *,
    threshold: float,
    n_segments: int,
    frames: NDArray[np.int64] | None = None,
    particles: NDArray[np.int64] | None = None,
    units: Units = LJ,
) -> xr.Dataset:
    r"""Tally particles that are rearranging at an instant: P_R as it is printed, with the time that it belongs to.

    .. math:: P_R(S) = \frac{n(p_\mathrm{hop} > p_c, S)}{n(S)} = k(S)\, \tau, \qquad q(S, t) = (1 - c P_R)^{t / \tau}

    with the rate k at which rearrangements start and the mean time τ for which p_hop stays above p_c.

    Parameters
    ----------
    temperature : float, energy / k_B
    read_p_hop, read_softness : callable
        ``read(start, stop)`` returns (stop - start, N); NaN where it is not known.
    times : (F,) array_like, time
        Of the frames, evenly spaced.
    edges : (n_bins + 1,) array_like
        From `vitrify.theory.rearrangement_probability.softness_bins`.
    threshold : float, length²
        p_c.
    n_segments : int
        Contiguous pieces of the trajectory.
    frames : (n,) int, optional
        Look only at these, such as those in which softness is known for all particles. By default as many as lie τ apart: then
        each rearrangement is seen about once, and the errors of fits are those of independent counts.
    particles : (m,) int, optional
        Only these.
    units : Units, default LJ

    Returns
    -------
    xarray.Dataset
        As of `vitrify.theory.rearrangement_probability.count`: ``events`` are particles above p_c, ``exposure`` all that
        were looked at; ``attrs["interval"]`` is τ, and so the step of `vitrify.theory.log_quadratic.LogQuadratic.fit`.

    Raises
    ------
    ParameterError
        If frames are not evenly spaced, or the edges do not increase.
    TooFewEventsError
        If p_hop never exceeds the threshold.

    Notes
    -----
    **Scale** a probability per τ, not per frame. Two hops within τ count as one, so it falls behind k τ where that is not small.
    **Differs from** `vitrify.theory.rearrangement_probability.count`, which counts starts by the structure before them; here
    softness is that of the instant, and during a rearrangement structure changes. **Cost** two passes over p_hop.

    References
    ----------
    Schoenholz et al., Nature Physics 12, 469 (2016), Fig. 2a; Cubuk, PhD thesis (Harvard, 2016), section 5.6.1.

    Examples
    --------
    >>> p_hop, softness = np.zeros((12, 2)), np.zeros((12, 2))
    >>> p_hop[5:7, 0] = 0.3
    >>> found = count_rearranging(
    ...     0.5, lambda a, b: p_hop[a:b], lambda a, b: softness[a:b], np.arange(12.0), [-1, 1], threshold=0.2, n_segments=1
    ... )
    >>> found.attrs["interval"], found["events"].item(), found["exposure"].item()
    (2.0, 1, 12.0)
    """
    duration = time_above(read_p_hop, times, threshold, particles)
    n_frames = len(np.asarray(times))
    apart = int(np.ceil(duration / _interval(times) - 1e-9))
    wanted = np.arange(0, n_frames, apart) if frames is None else np.asarray(frames)
    kept = slice(None) if particles is None else particles
    softness, p_hop = (
        np.concatenate([np.asarray(read(t, t + 1), np.float64)[:, kept] for t in wanted.tolist()])
        for read in (read_softness, read_p_hop)
    )
    segment = wanted * n_segments // n_frames
    return count_fraction(
        temperature,
        softness,
        p_hop,
        segment,
        edges,
        threshold,
        n_segments=n_segments,
        interval=duration,
        units=units,
    )


def count_fraction(
    temperature: float,
    softness: ArrayLike,
    p_hop: ArrayLike,
    segment: ArrayLike,
    edges: ArrayLike,
    cutoff: float,
    *,
    n_segments: int,
    interval: float = 1.0,
    units: Units = LJ,
) -> xr.Dataset:
    r"""Tally particles whose p_hop is above a cutoff at a frame, by softness and trajectory segment.

    .. math:: P_R(S) = \langle \Theta(p_\mathrm{hop} - p_c) \rangle_S = k(S)\, \langle t_{p > p_c} \rangle_S

    k being the rate at which rearrangements of particles of softness S begin, where softness is taken as it was then.

    Parameters
    ----------
    temperature : float, energy / k_B
    softness, p_hop : (F, N) array_like
        Of sampled frames; p_hop may belong to a later frame than softness. Where either is NaN the particle does not count.
    segment : (F,) array_like of int
        Of each frame.
    edges : (n_bins + 1,) array_like
        From `vitrify.theory.rearrangement_probability.softness_bins`.
    cutoff : float, length²
        p_c, positive.
    n_segments : int
    interval : float, time, default 1
        That the fraction belongs to, kept in the attributes: the time above the cutoff for a rate, or that between frames.
    units : Units, default LJ

    Returns
    -------
    xarray.Dataset
        As of `vitrify.theory.rearrangement_probability.count`: events are particles above the cutoff, exposure all of them.
        An event that lasts longer than the sampling interval is counted again: errors must come from segments.

    Raises
    ------
    ShapeError
        If the shapes do not pair up.
    ParameterError
        If the cutoff is not positive.

    Notes
    -----
    **Scale** a pure number, whatever the frame interval. **Differs from** the hazard of
    `vitrify.theory.rearrangement_probability.count` by the mean time above the cutoff; as far as that depends on
    temperature alone it enters e0 and Σ0, not T0. The structure of the frame itself already holds part of the motion.
    **Invariant under** the order of particles. **Cost** O(F N).

    References
    ----------
    Schoenholz et al., Nature Physics 12, 469 (2016), Fig. 2a.

    Examples
    --------
    >>> softness, p_hop = [[0.5, 0.5, -0.5, -0.5]], [[0.3, 0.1, 0.01, np.nan]]
    >>> found = count_fraction(0.5, softness, p_hop, [0], [-1, 0, 1], 0.2, n_segments=1)
    >>> found["events"].values[0, 0].tolist(), found["exposure"].values[0, 0].tolist()
    ([0, 1], [1.0, 2.0])
    """
    s, p, k = np.asarray(softness, float), np.asarray(p_hop, float), np.asarray(segment)
    if s.shape != p.shape or s.ndim != 2 or k.shape != s.shape[:1]:
        raise ShapeError(
            f"`softness` (F, N), `p_hop` (F, N) and `segment` (F,) must pair up; their shapes are {s.shape}, {p.shape} and "
            f"{k.shape}."
        )
    if not cutoff > 0:
        raise ParameterError(f"`cutoff` of p_hop must be positive; it is {cutoff}.")
    known = np.isfinite(s) & np.isfinite(p)
    moving = known & (p > cutoff)
    of = np.broadcast_to(k[:, None], s.shape)
    found = count(
        temperature,
        (s[known], of[known]),
        (s[moving], of[moving]),
        edges,
        n_segments=n_segments,
        interval=interval,
        units=units,
    )
    return found.assign_attrs(definition="particles above the cutoff, and all, by softness")


def _interval(times: ArrayLike) -> float:
    at = np.asarray(times, np.float64)
    found = spacing(at)
    if not found.is_even:
        raise ParameterError(f"A time above a threshold needs frames at equal intervals; these are: {found}.")
    return float((at[-1] - at[0]) / max(len(at) - 1, 1))
