"""Softness of particles that rearrange: counts by softness, the part above the mode, barriers and where lines cross."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ConvergenceError, ParameterError, TooFewEventsError
from vitrify.studies.caging_depths import Depths, softness_from
from vitrify.studies.caging_motion import Hop, Motion
from vitrify.studies.caging_place import CagingPlace
from vitrify.studies.settings import StatePoint
from vitrify.theory.onset import OnsetBootstrap, bootstrap_onset
from vitrify.theory.rearrangement_probability import combine, count

if TYPE_CHECKING:
    import xarray as xr

    from vitrify.theory.caging import CagingMap

Array = NDArray[np.float64]
Convention = Literal["start", "before_peak", "rearranging"]
CONVENTIONS: dict[Convention, str] = {
    "start": "structure at the start of the event",
    "before_peak": "structure one frame before the peak of p_hop",
    "rearranging": "part of the particles that are rearranging half a window later",
}

_FINE = 400  # bins of the histogram that the mode is read from
_BLUR = 0.15  # standard deviations that it is smoothed over


@dataclass(frozen=True)
class SoftMotion:
    """Softness of all centre particles of one temperature, and of those that rearrange.

    Parameters
    ----------
    place : CagingPlace
    point : StatePoint
    relation : CagingMap
    """

    place: CagingPlace
    point: StatePoint
    relation: CagingMap

    @cached_property
    def motion(self) -> Motion:
        """Of these particles."""
        return Motion(self.place, self.point)

    @cached_property
    def depths(self) -> Depths:
        """Of their cages."""
        return Depths(self.place, self.point)

    @cached_property
    def softness(self) -> Array:
        """In the sampled frames, (n, m), 10⁻³ length²."""
        return softness_from(self.depths.sampled, self.relation)

    def segment(self, frames: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the piece of the trajectory that each frame belongs to."""
        n = self.motion.trajectory.n_frames
        return np.asarray(frames * self.place.settings.probabilities.segments // n, np.int64)

    @property
    def active(self) -> float:
        """Part of the time that p_hop is above p_c."""
        return float(self.motion.rearranging(self.motion.hops[0])[1].mean())

    def entries(self, convention: Convention, hop: Hop) -> tuple[tuple[Array, NDArray[np.int64]], ...]:
        """Return softness and segment of those at risk, and of those that rearrange.

        "start", "before_peak": at risk are particles that are not inside a rearrangement, and a rearrangement is counted once,
        with the softness at that frame. "rearranging": everybody is at risk at every sampled frame, and whoever has p_hop above p_c
        half a window later counts.
        """
        motion = self.motion
        if convention == "rearranging":
            frames, moving = motion.rearranging(hop)
            softness, segment = self.softness[: len(frames)], self.segment(frames)
            every = np.broadcast_to(segment[:, None], moving.shape)
            return _known(softness.ravel(), every.ravel()), _known(softness[moving], every[moving])
        first, stop = motion.usable(hop)
        inside = (motion.frames >= first) & (motion.frames < stop)
        frames = motion.frames[inside]
        free = motion.at_risk(hop, frames)
        segment = np.broadcast_to(self.segment(frames)[:, None], free.shape)
        start, particle = motion.starts(hop, convention)
        at_start = softness_from(self.depths.at(start, particle, len(motion.centre)), self.relation)
        return _known(self.softness[inside][free], segment[free]), _known(at_start, self.segment(start))

    def counts(self, convention: Convention, hop: Hop, edges: Array) -> xr.Dataset:
        """Return events and exposure in bins of softness."""
        at_risk, moving = self.entries(convention, hop)
        settings, trajectory = self.place.settings, self.motion.trajectory
        return count(
            self.point.temperature,
            at_risk,
            moving,
            edges,
            n_segments=settings.probabilities.segments,
            frames_per_sample=1 if convention == "rearranging" else settings.cages.stride,
            interval=trajectory.frame_interval,
            units=trajectory.unit_system,
        )


def _known(softness: Array, segment: NDArray[np.int64]) -> tuple[Array, NDArray[np.int64]]:
    good = np.isfinite(softness)
    return softness[good], segment[good]


def counts_of(found: Sequence[SoftMotion], convention: Convention, hop: Hop, edges: Array) -> xr.Dataset:
    """Return the counts of all temperatures."""
    return combine([one.counts(convention, hop, edges) for one in found])


def fitted_temperatures(found: Sequence[SoftMotion], limit: float) -> list[float]:
    """Return the temperatures at which p_hop is above p_c for no larger part of the time; all, where that leaves fewer than three."""
    quiet = [one.point.temperature for one in found if one.active <= limit]
    return quiet if len(quiet) > 2 else [one.point.temperature for one in found]


@dataclass(frozen=True)
class AboveMode:
    """Which part of the rearranging particles is softer than most particles are.

    Attributes
    ----------
    mode, mode_error : float, 10⁻³ length²
        Of P(S) of all particles.
    share, share_error : float
        Part of the rearranging particles above it.
    share_of_all, share_of_all_error : float
        Part of all particles above it: what chance gives.
    n : int
        Rearrangements.
    """

    mode: float
    mode_error: float
    share: float
    share_error: float
    share_of_all: float
    share_of_all_error: float
    n: int


def above_mode(every: tuple[Array, NDArray[np.int64]], moving: tuple[Array, NDArray[np.int64]]) -> AboveMode:
    """Return the part of rearranging particles above the mode of the distribution of all.

    Parameters
    ----------
    every, moving : ((n,) softness, (n,) segment)

    Returns
    -------
    AboveMode
        Errors from leaving out one segment after the other, the mode found anew each time; that of the part not below counting.

    Raises
    ------
    TooFewEventsError
        If nothing rearranges, or softness does not vary.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> softness, segment = rng.normal(size=80_000), np.arange(80_000) % 4
    >>> found = above_mode((softness, segment), (softness[:4000] + 0.6745, segment[:4000]))
    >>> abs(found.mode) < 0.15, 0.7 < found.share < 0.8, abs(found.share_of_all - 0.5) < 0.06
    (True, True, True)
    """
    if not len(moving[0]) or not len(every[0]) or not np.ptp(every[0]) > 0:
        raise TooFewEventsError(
            f"{len(moving[0])} rearrangements among {len(every[0])} values of softness have no part above the mode. Add frames."
        )
    low, high = np.quantile(every[0], [0.0005, 0.9995])
    edges = np.linspace(low, high, _FINE + 1)
    segments = np.unique(every[1])
    histogram = np.stack([np.histogram(every[0][every[1] == s], edges)[0] for s in segments]).astype(float)
    blur = _BLUR * float(every[0].std()) / float(edges[1] - edges[0])

    def of(kept: NDArray[np.bool_]) -> tuple[float, float, float]:
        mode = _mode(histogram[kept].sum(axis=0), edges, blur)
        here = np.isin(moving[1], segments[kept])
        among = np.isin(every[1], segments[kept])
        share = float((moving[0][here] > mode).mean()) if here.any() else np.nan
        return mode, share, float((every[0][among] > mode).mean())

    whole = of(np.ones(len(segments), bool))
    error = np.full(3, np.nan)
    if len(segments) > 1:
        without = np.array([of(segments != s) for s in segments])
        without = without[np.isfinite(without).all(axis=1)]
        k = len(without)
        error = np.sqrt((k - 1) / max(k, 1) * ((without - without.mean(axis=0)) ** 2).sum(axis=0))
    n = len(moving[0])
    counting = np.sqrt(max(whole[1] * (1 - whole[1]), 1 / (4 * n)) / n)
    return AboveMode(
        whole[0], float(error[0]), whole[1], float(np.fmax(error[1], counting)), whole[2], float(error[2]), n
    )


def _mode(histogram: Array, edges: Array, blur: float) -> float:
    reach = int(np.ceil(4 * blur))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / blur) ** 2)
    smooth = np.convolve(np.pad(histogram, reach), kernel, "valid")
    k = int(np.argmax(smooth))
    middle = 0.5 * (edges[1:] + edges[:-1])
    if 0 < k < len(smooth) - 1:
        a, b, c = smooth[k - 1 : k + 2]
        bend = a - 2 * b + c
        if bend < 0:
            return float(middle[k] + 0.5 * (a - c) / bend * (edges[1] - edges[0]))
    return float(middle[k])


def onset_of(
    counts: xr.Dataset, fitted: Sequence[float], degree: int, n_resamples: int, seed: int
) -> tuple[OnsetBootstrap | None, str]:
    """Return the global fit with intervals from resampled segments; or None, and why there is none."""
    try:
        return bootstrap_onset(counts.sel(temperature=list(fitted)), degree, n_resamples, seed), ""
    except (TooFewEventsError, ConvergenceError, ParameterError) as error:
        return None, str(error)
