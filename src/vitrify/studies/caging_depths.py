"""Depth of the cage of every particle: in evenly spaced frames for all, and where a rearrangement begins."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.descriptors.caging_depth import CagingDepth, smeared_rdf
from vitrify.parallel import Workforce
from vitrify.progress import Progress
from vitrify.provenance import identity
from vitrify.studies.caging_motion import Motion, Structure
from vitrify.studies.caging_place import CagingPlace
from vitrify.studies.caging_structure import LiquidStructure, trajectory_identity
from vitrify.studies.describing import centre_particles
from vitrify.studies.kept_arrays import Arrays, made_of, make_files, read_arrays, write_arrays
from vitrify.studies.settings import StatePoint
from vitrify.studies.simulate import make_model

if TYPE_CHECKING:
    from vitrify.theory.caging import CagingMap

MILLI = 1000.0
"""Softness is handed on in 10⁻³ length²: numbers near 1."""

_FRAMES_PER_PART = 250  # of a trajectory, one file


def depth_of(place: CagingPlace, point: StatePoint) -> CagingDepth:
    """Return the descriptor of one temperature, with the limits that its own g(r) gives."""
    cages, structure = place.settings.cages, LiquidStructure(place, point)
    limits = tuple((cages.centre_species, n, float(a), float(b)) for n, (a, b) in structure.limits.items())
    model = make_model(place.settings)
    averaged = None
    if cages.correlation == "averaged":
        from vitrify.structure.direct_correlation import correlation_table

        averaged = correlation_table(
            structure.rdf, model, point.temperature, cages.centre_species, structure.limits
        )
    return CagingDepth(model, point.temperature, limits, cages.delta, cages.step, cages.correlation, averaged)


@dataclass(frozen=True)
class Depths:
    """Depth of the cages of one temperature, as it was left in files.

    Parameters
    ----------
    place : CagingPlace
    point : StatePoint
    """

    place: CagingPlace
    point: StatePoint

    @cached_property
    def _parts(self) -> list[Arrays]:
        return [read_arrays(path) for path, *_ in _parts(self.place, self.point)]

    @cached_property
    def sampled(self) -> NDArray[np.float64]:
        """Of all centre particles in the frames of `Motion.frames`, (n, m)."""
        return np.concatenate([part["sampled"] for part in self._parts])

    @cached_property
    def short(self) -> NDArray[np.float64]:
        """Of all centre particles in every frame of the short trajectory, (n, m)."""
        return read_arrays(_short_file(self.place, self.point))["sampled"]

    def at(
        self, frame: NDArray[np.int64], particle: NDArray[np.int64], n_particles: int
    ) -> NDArray[np.float64]:
        """Return the depth of particles at frames that `Motion.starts` gives, (k,)."""
        known = {
            name: np.concatenate([part[name] for part in self._parts])
            for name in ("frame", "particle", "depth")
        }
        key = known["frame"] * n_particles + known["particle"]
        place = np.searchsorted(key, frame * n_particles + particle)
        return np.asarray(known["depth"][place], np.float64)


def softness_from(depth: NDArray[np.float64], relation: CagingMap) -> NDArray[np.float64]:
    """Return softness in 10⁻³ length²; NaN where the relation gives the potential no minimum."""
    values = np.full(depth.shape, np.nan)
    good = ~np.asarray(relation.flagged(depth), bool) & np.isfinite(depth)
    values[good] = MILLI * np.asarray(relation.softness(depth[good]))
    return values


def measure_depths(place: CagingPlace, progress: Progress, workers: int | Workforce | None = None) -> None:
    """Measure all depths; what is there of the same settings is kept."""
    points = place.settings.points
    every: list[tuple[Path, str, Any]] = []
    for point in points:
        wanted = _made_of(place, point)
        every += [(path, wanted, (place, point, a, b)) for path, a, b in _parts(place, point)]
        if place.settings.time.short_frames:
            every.append((_short_file(place, point), wanted, (place, point, -1, -1)))
        every.append((_smeared_file(place, point), wanted, (place, point, -2, -2)))
    jobs = [job for job in every if made_of(job[0]) != job[1]]
    make_files("Cages", "parts", _measure, jobs, len(every), progress, workers)


def _parts(place: CagingPlace, point: StatePoint) -> list[tuple[Path, int, int]]:
    """Return file and frames [a, b) of each part of a trajectory."""
    edges = [*range(0, point.frames, _FRAMES_PER_PART), point.frames]
    return [(place.file(point, f"depth-{k:04d}"), a, b) for k, (a, b) in enumerate(pairwise(edges))]


def _short_file(place: CagingPlace, point: StatePoint) -> Path:
    return place.file(point, "depth-short")


def _smeared_file(place: CagingPlace, point: StatePoint) -> Path:
    return place.file(point, "smeared")


def _made_of(place: CagingPlace, point: StatePoint) -> str:
    """Return the hash of what the depths of one temperature follow from."""
    motion = Motion(place, point)
    return identity(
        {
            "depth": depth_of(place, point).to_dict(),
            "cages": place.settings.cages.model_dump(),
            "trajectory": trajectory_identity(motion.trajectory),
            "short": place.settings.time.model_dump(include={"short_frames", "short_interval"}),
            "hops": place.settings.hops.model_dump(),
            "structures": ["start", "before_peak"],
            "thresholds": [motion.threshold_of(hop) for hop in motion.hops],
        }
    )


def _measure(job: tuple[Path, str, tuple[CagingPlace, StatePoint, int, int]]) -> None:
    """Measure one part of a trajectory, the short trajectory, or the smeared g(r); for a worker process."""
    path, wanted, (place, point, a, b) = job
    path.parent.mkdir(parents=True, exist_ok=True)
    if a == -2:
        write_arrays(path, _smeared(place, point), wanted)
        return
    depth = depth_of(place, point)
    write_arrays(
        path, _of_short(place, point, depth) if a == -1 else _of_part(place, point, depth, a, b), wanted
    )


def _of_short(place: CagingPlace, point: StatePoint, depth: CagingDepth) -> Arrays:
    short, centre = place.short_trajectory(point), Motion(place, point).centre
    frames = short.frames("thermal", np.arange(short.n_frames))
    return {"sampled": np.stack([depth.evaluate(frame, centre)[:, 0] for _, frame in frames])}


def _of_part(place: CagingPlace, point: StatePoint, depth: CagingDepth, a: int, b: int) -> Arrays:
    motion = Motion(place, point)
    sampled = motion.frames[(motion.frames >= a) & (motion.frames < b)]
    key = _beginnings(motion)
    m = len(motion.centre)
    key = key[(key >= a * m) & (key < b * m)]
    of_frame = {int(t): key[key // m == t] % m for t in np.unique(key // m)}
    all_of, some_of = [], []
    wanted = np.union1d(sampled, np.array(list(of_frame), np.int64)).astype(np.int64)
    on_grid = set(sampled.tolist())
    for t, frame in motion.trajectory.frames("thermal", wanted):
        moving = of_frame.get(t, np.empty(0, np.int64))
        if t in on_grid:
            all_of.append(depth.evaluate(frame, motion.centre)[:, 0])
            some_of.append(all_of[-1][moving])
        else:
            some_of.append(depth.evaluate(frame, motion.centre[moving])[:, 0])
    return {
        "sampled": np.array(all_of).reshape(-1, m),
        "frame": key // m,
        "particle": key % m,
        "depth": np.concatenate([*some_of, np.empty(0)]),
    }


def _beginnings(motion: Motion) -> NDArray[np.int64]:
    """Return frame times m plus particle of the structure of every rearrangement that counts, ascending.

    With any of the windows, and with the structure at the start and before the peak.
    """
    m = len(motion.centre)
    places: tuple[Structure, ...] = ("start", "before_peak")
    found = [motion.starts(hop, structure) for hop in motion.hops for structure in places]
    keys = [frame * m + particle for frame, particle in found]
    return np.unique(np.concatenate(keys)).astype(np.int64)


def _smeared(place: CagingPlace, point: StatePoint) -> Arrays:
    """Return g(r) of single particles of the centre species, averaged over them, for several widths."""
    cages, trajectory = place.settings.cages, place.trajectory(point)
    centre = centre_particles(trajectory, cages.centre_species)
    frames = np.unique(np.linspace(0, trajectory.n_frames - 1, cages.smeared_frames).astype(int))
    r = np.arange(0.02, min(place.settings.bulk.r_max, 2.5) + 1e-9, 0.02)
    deltas = np.array(sorted({cages.delta, *cages.other_deltas}))
    pair = (cages.centre_species, cages.centre_species)
    means = [
        [smeared_rdf(frame, centre, pair, float(d), r).mean(axis=0) for d in deltas]
        for _, frame in trajectory.frames("thermal", frames)
    ]
    return {"delta": deltas, "r": r, "g": np.array(means)}


def smeared_of(place: CagingPlace, point: StatePoint) -> Arrays:
    """Return delta (k,), r (n,) and g (frames, k, n) of `measure_depths`."""
    return read_arrays(_smeared_file(place, point))
