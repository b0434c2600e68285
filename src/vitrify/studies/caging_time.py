"""Softness of cages in time: how long it lasts, beside the overlap, and how that of particles changes that stay."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.parallel import Workforce
from vitrify.particles.tables import load_table, save_table
from vitrify.progress import Progress
from vitrify.provenance import to_plain
from vitrify.relaxation.base import log_lags
from vitrify.relaxation.overlap import Overlap
from vitrify.relaxation.scalar_correlation import ScalarCorrelation
from vitrify.studies.caging_depths import Depths, _made_of, softness_from
from vitrify.studies.caging_motion import LONGEST, HeldPositions, Motion
from vitrify.studies.caging_place import CagingPlace
from vitrify.studies.caging_structure import read_map
from vitrify.studies.kept_arrays import make_files
from vitrify.studies.settings import StatePoint
from vitrify.theory.survivors import Survivors

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]
Read = Callable[[int, int], Array]

_LATER_BINS = 48
_TAIL = 0.001


def measure_times(place: CagingPlace, progress: Progress, workers: int | Workforce | None = None) -> None:
    """Follow softness in time at every temperature; what is there of the same settings is kept."""
    points = place.settings.points
    jobs = [
        (place, p)
        for p in points
        if any(load_table(place.file(p, name), _parameters(place, p)) is None for name in _names(place))
    ]
    make_files("Softness in time", "state points", measure_time, jobs, len(points), progress, workers)


def kept(place: CagingPlace, point: StatePoint, name: str) -> xr.Dataset:
    """Return a table of `measure_times`: "correlation", "survivors-short" or "survivors"."""
    found = load_table(place.file(point, name))
    assert found is not None
    return found


def _names(place: CagingPlace) -> list[str]:
    return ["correlation", "survivors", *(["survivors-short"] if place.settings.time.short_frames else [])]


def _parameters(place: CagingPlace, point: StatePoint) -> dict[str, Any]:
    return {
        "depths": _made_of(place, point),
        "map": to_plain(read_map(place).to_dict()),
        "time": place.settings.time.model_dump(),
        "probabilities": place.settings.probabilities.model_dump(),
    }


def measure_time(job: tuple[CagingPlace, StatePoint]) -> None:
    """Follow softness of one temperature; for a worker process."""
    place, point = job
    motion, depths, relation = Motion(place, point), Depths(place, point), read_map(place)
    softness = softness_from(depths.sampled, relation)
    held = HeldPositions(motion)
    frames = motion.frames
    at = Sampled(
        lambda a, b: np.concatenate([held.read(int(t), int(t) + 1) for t in frames[a:b]]),
        softness,
        motion.trajectory.times[frames],
    )
    long = _correlation(place, at)
    edges, later = _edges(place, softness)
    parts = [long]
    if place.settings.time.short_frames:
        short, centre = place.short_trajectory(point), motion.centre
        positions = short.positions("thermal")[:, centre]
        near = Sampled(lambda a, b: positions[a:b], softness_from(depths.short, relation), short.times)
        parts.insert(
            0,
            _correlation(
                place, near, before=float(long["lag"].values[1]) if len(long["lag"]) > 1 else np.inf
            ),
        )
        _keep(place, point, "survivors-short", _survivors(place, near, edges, later))
    _keep(place, point, "survivors", _survivors(place, at, edges, later))
    _keep(place, point, "correlation", _joined(parts))


class Sampled:
    """Positions and softness of the centre particles in evenly spaced frames.

    Parameters
    ----------
    read : callable
        Positions of frames [a, b), (b - a, m, d), length.
    softness : (n, m) float, 10⁻³ length²
    times : (n,) float, time
    """

    def __init__(self, read: Read, softness: Array, times: Array) -> None:
        self.read, self.softness, self.times = read, softness, times

    def lags(self, per_decade: int) -> NDArray[np.int64]:
        """Return lags in frames, 0 among them."""
        return log_lags(max(1, int(LONGEST * len(self.times))), per_decade)


def _correlation(place: CagingPlace, at: Sampled, before: float = np.inf) -> xr.Dataset:
    """Return C_S(t) and Q(t), at lags below `before`; that of 0 goes with the shortest."""
    time = place.settings.time
    lags = at.lags(time.lags_per_decade)
    scalar = ScalarCorrelation(time.origins).compute(lambda a, b: at.softness[a:b], at.times, lags)
    moved = Overlap(time.overlap_cutoff, time.origins).compute(at.read, at.times, lags)
    names = ("correlation", "correlation_error", "overlap", "overlap_error")
    import xarray as xr

    both = xr.merge([scalar[list(names[:2])], moved[list(names[2:])]], combine_attrs="drop")
    return both.isel(lag=np.flatnonzero(both["lag"].values < before - 1e-9))


def _joined(parts: list[xr.Dataset]) -> xr.Dataset:
    """Return curves at short and at long lags as one; lag 0 is that of the first."""
    import xarray as xr

    later = [part.isel(lag=np.flatnonzero(part["lag"].values > 0)) for part in parts[1:]]
    return xr.concat([parts[0], *later], "lag", combine_attrs="drop") if later else parts[0]


def _edges(place: CagingPlace, softness: Array) -> tuple[Array, Array]:
    """Return edges of the groups of initial softness, of equal numbers, and of the bins of later softness."""
    known = softness[np.isfinite(softness)]
    groups = np.quantile(known, np.linspace(0, 1, place.settings.time.groups + 1))
    low, high = np.quantile(known, [_TAIL, 1 - _TAIL])
    return groups, np.linspace(low, high, _LATER_BINS + 1)


def _survivors(place: CagingPlace, at: Sampled, edges: Array, later: Array) -> xr.Dataset:
    time = place.settings.time
    member = Survivors(time.cage_cutoff, time.origins, place.settings.probabilities.segments)
    return member.count(
        at.read,
        lambda a, b: at.softness[a:b],
        at.times,
        edges,
        at.lags(time.lags_per_decade),
        later_edges=later,
    )


def _keep(place: CagingPlace, point: StatePoint, name: str, table: xr.Dataset) -> None:
    save_table(place.file(point, name), table, _parameters(place, point))
