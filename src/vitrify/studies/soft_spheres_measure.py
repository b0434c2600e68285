"""What is counted of soft spheres of one density: who rearranges at which softness, moments, overlap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.particles.box import Box
from vitrify.studies.curves import overlaps
from vitrify.studies.describing import centre_particles
from vitrify.studies.settings import StatePoint
from vitrify.studies.simulate import Workplace, unconverged_frames
from vitrify.studies.soft_spheres_learning import frames_with_outcome, sphere_settings
from vitrify.studies.trap_analysis import Measured
from vitrify.theory.rearrangement_probability import combine, count, softness_bins
from vitrify.theory.softness_moments import softness_moments

_OCTANTS = 8


@dataclass(frozen=True, eq=False)
class Sampled:
    """Softness of the small particles of one trajectory, and whether each rearranges within Δt.

    Parameters
    ----------
    point : StatePoint
    softness : (n,) float
        One per small particle and sampled frame.
    rearranges : (n,) bool
        D²min from that frame on above the threshold of the density.
    segment : (n,) int
        Octant of the box, counted on from one piece of the trajectory to the next.
    n_unconverged : int
        Frames that were not quenched to their force criterion.
    """

    point: StatePoint
    softness: NDArray[np.float64]
    rearranges: NDArray[np.bool_]
    segment: NDArray[np.int64]
    n_unconverged: int

    @property
    def fraction(self) -> float:
        """Part of the particles that rearranges within Δt."""
        return float(self.rearranges.mean())


def octant(box: Box, positions: ArrayLike) -> NDArray[np.int64]:
    """Return which of the 2^d equal parts of the box each particle is in, (n,).

    Examples
    --------
    >>> octant(Box.orthorhombic([4.0, 4.0]), [[1.0, 1.0], [3.0, 1.0], [-1.0, 5.0]]).tolist()
    [0, 2, 2]
    """
    upper = np.floor(2 * box.fractional(np.asarray(positions, float))).astype(np.int64) % 2
    return np.asarray(upper @ (2 ** np.arange(box.dimension)[::-1]))


def sample(place: Workplace, point: StatePoint, threshold: float) -> Sampled:
    """Return who rearranges at which softness in one trajectory."""
    settings, trajectory = sphere_settings(place), place.trajectory(point)
    centre = centre_particles(trajectory, settings.training.centre_species)
    softness, moved, segment = [], [], []
    wanted = frames_with_outcome(settings, trajectory)
    for a, b in trajectory.units():
        frames = wanted[(wanted >= a) & (wanted < b)]
        if not len(frames):
            continue
        s, d2min = (trajectory.read(name, a, b)[frames - a][:, centre] for name in ("softness", "d2min"))
        piece = frames * settings.spheres.blocks // trajectory.n_frames
        for k, (_, frame) in enumerate(trajectory.frames("inherent", frames)):
            seen = np.isfinite(s[k]) & np.isfinite(d2min[k])
            softness.append(s[k][seen])
            moved.append(d2min[k][seen] > threshold)
            segment.append(_OCTANTS * piece[k] + octant(frame.box, frame.positions[centre])[seen])
    return Sampled(
        point,
        np.concatenate(softness),
        np.concatenate(moved),
        np.concatenate(segment),
        len(unconverged_frames(trajectory)),
    )


def measured_of(place: Workplace, value: float, threshold: float) -> tuple[Measured, list[Sampled]]:
    """Return what was measured at one density, and the samples that it was counted from.

    P(R|S) is the part of the sampled small particles of softness S whose D²min over Δt exceeds the threshold; the rate is
    that over Δt, which the counts carry as their interval.

    Parameters
    ----------
    place : Workplace
        With softness and D²min computed.
    value : float
        Of the density.
    threshold : float, length²
        Of D²min.
    """
    settings = sphere_settings(place)
    points = settings.points_of(value)
    samples = [sample(place, p, threshold) for p in points]
    edges = softness_bins(np.concatenate([s.softness for s in samples]), settings.statistics.bins)
    trajectory = place.trajectory(points[0])
    interval = settings.spheres.lag * trajectory.frame_interval
    counts = combine(
        [
            count(
                s.point.temperature,
                (s.softness, s.segment),
                (s.softness[s.rearranges], s.segment[s.rearranges]),
                edges,
                n_segments=_OCTANTS * settings.spheres.blocks,
                interval=interval,
                units=trajectory.unit_system,
            )
            for s in samples
        ]
    )
    together: dict[float, tuple[list[NDArray[np.float64]], list[NDArray[np.int64]]]] = {}
    for s in samples:
        of_one = together.setdefault(s.point.temperature, ([], []))
        of_one[1].append(s.segment + _OCTANTS * settings.spheres.blocks * len(of_one[1]))
        of_one[0].append(s.softness)
    moments = softness_moments(
        {t: (np.concatenate(s), np.concatenate(k)) for t, (s, k) in together.items()},
        units=trajectory.unit_system,
    )
    fitted, notes = _fitted(value, samples, settings.spheres.max_fraction)
    name = f"soft spheres, ρ = {value:g}"
    return Measured(name, counts, moments, overlaps(place, points), fitted, tuple(notes)), samples


def _fitted(value: float, samples: list[Sampled], limit: float) -> tuple[tuple[float, ...], list[str]]:
    """Return the temperatures whose rates are fitted and what a reader must know of the others."""
    slow = sorted({s.point.temperature for s in samples if s.fraction <= limit})
    fast = {s.point.temperature: s.fraction for s in samples if s.fraction > limit}
    if not fast:
        return tuple(slow), []
    shown = ", ".join(f"T = {t:g} ({part:.0%})" for t, part in sorted(fast.items()))
    if len(slow) < 2:
        everything = tuple(sorted({s.point.temperature for s in samples}))
        return everything, [
            f"At density {value:g} more than {limit:.0%} of the particles rearrange within Δt at {shown}; barriers fitted to "
            "such temperatures are biased."
        ]
    return tuple(slow), [
        f"Shown but not fitted, because more than {limit:.0%} of the particles rearrange within Δt: density {value:g}, {shown}."
    ]
