"""Motion at each temperature: relaxation, the threshold of a rearrangement, rearrangements, and who takes part in one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrify.parallel import Workforce
from vitrify.particles.tables import load_table, save_table
from vitrify.particles.trajectory import Trajectory
from vitrify.progress import Progress
from vitrify.rearrangements.base import stream
from vitrify.rearrangements.events import Events, at_risk, rearrangements
from vitrify.rearrangements.p_hop import PHop
from vitrify.relaxation.base import log_lags
from vitrify.relaxation.non_gaussian import NonGaussian
from vitrify.relaxation.overlap import Overlap
from vitrify.relaxation.scattering import SelfScattering
from vitrify.studies.caging_place import CagingPlace
from vitrify.studies.caging_structure import trajectory_identity
from vitrify.studies.describing import centre_particles
from vitrify.studies.kept_arrays import make_files
from vitrify.studies.settings import StatePoint

if TYPE_CHECKING:
    import xarray as xr

Structure = Literal["start", "before_peak"]
Rule = Literal["own", "common", "root"]


class Hop(NamedTuple):
    """What counts as a rearrangement.

    Attributes
    ----------
    window : int, frames
        Both windows of p_hop together.
    rule : {"own", "common", "root"}
        The threshold: p_c of each temperature; that of the coldest for all; the square root of p_c, as a number, in the unit of p_hop.
    """

    window: int
    rule: Rule = "own"

    @property
    def words(self) -> str:
        """For a table."""
        threshold = {"own": "", "common": ", p_c of the coldest for all", "root": ", p_hop in σ² above √p_c"}
        return f"window {self.window}{threshold[self.rule]}"

    @property
    def label(self) -> str:
        """For a file."""
        return f"{self.window}" + ("" if self.rule == "own" else f"-{self.rule}")


_TOP = 0.7
LONGEST = 0.6  # of a trajectory, as the longest lag


@dataclass(frozen=True)
class Motion:
    """Frames, rearrangements and relaxation of the centre particles of one temperature.

    Particles are numbered among those of the centre species here.

    Parameters
    ----------
    place : CagingPlace
    point : StatePoint
    """

    place: CagingPlace
    point: StatePoint

    @cached_property
    def trajectory(self) -> Trajectory:
        """The long one."""
        return self.place.trajectory(self.point)

    @cached_property
    def centre(self) -> NDArray[np.int64]:
        """Numbers of the centre particles in the trajectory, (m,)."""
        return centre_particles(self.trajectory, self.place.settings.cages.centre_species)

    @cached_property
    def frames(self) -> NDArray[np.int64]:
        """Frames at which the softness of all of them is measured, (n,)."""
        return np.arange(0, self.trajectory.n_frames, self.place.settings.cages.stride)

    def read(self, start: int, stop: int) -> NDArray[np.float64]:
        """Return thermal positions of the centre particles, (stop - start, m, d), length."""
        return self.trajectory.positions("thermal", start, stop)[:, self.centre]

    @property
    def hops(self) -> tuple[Hop, ...]:
        """What counts as a rearrangement, that of the study first."""
        of = self.place.settings.hops
        other = (Hop(of.other_window),) if of.other_window not in (None, of.window) else ()
        wanted: dict[Rule, bool] = {"common": of.also_common, "root": of.also_root}
        rules = [rule for rule, is_wanted in wanted.items() if is_wanted]
        return (Hop(of.window), *other, *(Hop(of.window, rule) for rule in rules))

    def usable(self, hop: Hop) -> tuple[int, int]:
        """Return [first, stop): frames at which a rearrangement that starts there would be seen from beginning to end."""
        return 1, max(1, self.trajectory.n_frames - 3 * hop.window)

    @cached_property
    def relaxation(self) -> xr.Dataset:
        """α₂, MSD, overlap and F_s against time."""
        found = load_table(self.place.file(self.point, "relaxation"))
        assert found is not None
        return found

    @property
    def threshold(self) -> tuple[float, float]:
        """p_c and its error, length squared."""
        given = self.place.settings.hops.threshold
        return (given, 0.0) if given is not None else measured_threshold(self.relaxation)

    def threshold_of(self, hop: Hop) -> float:
        """Return what p_hop is compared with, length squared."""
        if hop.rule == "common":
            return Motion(self.place, self.place.settings.points[0]).threshold[0]
        p_c = self.threshold[0]
        return float(np.sqrt(p_c)) if hop.rule == "root" else p_c

    def events(self, hop: Hop) -> xr.Dataset:
        """Return the table of events, which are the rearrangements: both thresholds are p_c."""
        found = load_table(self.place.file(self.point, f"events-{hop.label}"))
        assert found is not None
        return found

    def rearranging(self, hop: Hop) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return sampled frames (n,), and who has p_hop above p_c half a window later, (n, m).

        Such a frame is the first of that p_hop's first window.
        """
        found = load_table(self.place.file(self.point, f"rearranging-{hop.label}"))
        assert found is not None
        return found["frame"].values, found["moving"].values.astype(bool)

    def at_risk(self, hop: Hop, frames: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return who could start to rearrange at which of some frames, (n, m)."""
        return at_risk(self.events(hop), frames, len(self.centre))

    def starts(self, hop: Hop, structure: Structure = "start") -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return frame of the structure and particle of every rearrangement that is counted.

        Kept are those whose start was seen, lies in the usable frames, and was not inside another one of the same particle.

        Parameters
        ----------
        hop : Hop
        structure : {"start", "before_peak"}
            The first frame of the first window of p_hop when it passes p_c, strictly before the motion; or the frame before the
            largest p_hop, when motion has begun.
        """
        moving = rearrangements(self.events(hop))
        first, stop = self.usable(hop)
        frame, particle = moving["start_frame"].values, moving["particle"].values
        kept = moving["start_seen"].values.astype(bool) & (frame >= first) & (frame < stop)
        frames = np.unique(frame[kept])
        if len(frames):
            free = self.at_risk(hop, frames)
            kept[kept] &= free[np.searchsorted(frames, frame[kept]), particle[kept]]
        of_structure = frame if structure == "start" else moving["peak_frame"].values - 1
        return of_structure[kept], particle[kept]


def measured_threshold(curve: xr.Dataset) -> tuple[float, float]:
    """Return the mean squared displacement at the time at which α₂ is largest, with its standard error.

    The maximum is broad and noisy: it is that of a parabola in ln t through the values above `_TOP` of the largest one.

    Parameters
    ----------
    curve : xarray.Dataset
        From `vitrify.relaxation.non_gaussian.NonGaussian`.

    Returns
    -------
    threshold, error : float, length squared
        Half the range of the mean squared displacement while the parabola lies within one standard error of α₂ below its maximum;
        where no parabola with a maximum inside fits, while α₂ itself does below the largest value.
    """
    log_time, log_error = peak_time(curve)
    lag, msd = curve["lag"].values, curve["msd"].values
    known = (lag > 0) & (msd > 0)
    at = np.log(lag[known])
    low, value, high = np.exp(
        np.interp([log_time - log_error, log_time, log_time + log_error], at, np.log(msd[known]))
    )
    return float(value), float(0.5 * (high - low))


def peak_time(curve: xr.Dataset) -> tuple[float, float]:
    """Return ln t at which α₂ is largest, and its error."""
    values, error = (curve[n].values for n in ("non_gaussian", "non_gaussian_error"))
    x = np.log(np.where(curve["lag"].values > 0, curve["lag"].values, np.nan))
    at = int(np.nanargmax(np.where(np.isfinite(x), values, np.nan)))
    top = np.isfinite(x) & (values >= _TOP * values[at]) & _connected(values >= _TOP * values[at], at)
    slack = error[at] if np.isfinite(error[at]) else 0.0
    if top.sum() > 4:
        bend, slope, _ = np.polyfit(x[top] - x[at], values[top], 2)
        vertex = -slope / (2 * bend) if bend < 0 else np.inf
        if x[top].min() <= x[at] + vertex <= x[top].max():
            return float(x[at] + vertex), float(np.sqrt(slack / -bend))
    near = np.isfinite(x) & (values >= values[at] - slack)
    return float(x[at]), float(0.5 * np.ptp(x[near]))


def _connected(high: NDArray[np.bool_], at: int) -> NDArray[np.bool_]:
    """Return the unbroken run of true values around one of them."""
    low = np.flatnonzero(~high)
    first = low[low < at].max(initial=-1)
    last = low[low > at].min(initial=len(high))
    inside = np.arange(len(high))
    return np.asarray((inside > first) & (inside < last))


def measure_motions(place: CagingPlace, progress: Progress, workers: int | Workforce | None = None) -> None:
    """Measure relaxation, then find rearrangements, at every temperature; what is there of the same settings is kept."""
    points = place.settings.points
    jobs = [(place, p) for p in points if not _there(place, p, "relaxation")]
    make_files("Relaxation", "state points", measure_relaxation, jobs, len(points), progress, workers)
    jobs = [(place, p) for p in points if not all(_there(place, p, name) for name in _names(place))]
    make_files("Rearrangements", "state points", measure_rearrangements, jobs, len(points), progress, workers)


def measure_relaxation(job: tuple[CagingPlace, StatePoint]) -> None:
    """Measure the relaxation of one temperature; for a worker process."""
    place, point = job
    place.file(point, "relaxation").parent.mkdir(parents=True, exist_ok=True)
    _keep(place, point, "relaxation", _relaxation(Motion(place, point)))


def measure_rearrangements(job: tuple[CagingPlace, StatePoint]) -> None:
    """Find rearrangements of one temperature; for a worker process."""
    place, point = job
    motion = Motion(place, point)
    for hop in motion.hops:
        _keep(place, point, f"events-{hop.label}", _events(motion, hop))
        _keep(place, point, f"rearranging-{hop.label}", _rearranging(motion, hop))


def _names(place: CagingPlace) -> list[str]:
    hops = Motion(place, place.settings.points[0]).hops
    return [f"{kind}-{hop.label}" for hop in hops for kind in ("events", "rearranging")]


def _parameters(place: CagingPlace, point: StatePoint, name: str) -> dict[str, Any]:
    settings = place.settings
    motion = Motion(place, point)
    thresholds = [] if name == "relaxation" else [motion.threshold_of(hop) for hop in motion.hops]
    return {
        "made": name,
        "thresholds": thresholds,
        "centre": settings.cages.centre_species,
        "stride": settings.cages.stride,
        "hops": settings.hops.model_dump(),
        "time": settings.time.model_dump(),
        "trajectory": trajectory_identity(place.trajectory(point)),
    }


def _keep(place: CagingPlace, point: StatePoint, name: str, table: xr.Dataset) -> None:
    save_table(place.file(point, name), table, _parameters(place, point, name))


def _there(place: CagingPlace, point: StatePoint, name: str) -> bool:
    return load_table(place.file(point, name), _parameters(place, point, name)) is not None


def _relaxation(motion: Motion) -> xr.Dataset:
    time, times = motion.place.settings.time, motion.trajectory.times
    lags = log_lags(max(1, int(LONGEST * len(times))), time.lags_per_decade)
    members: dict[str, Any] = {
        "non_gaussian": NonGaussian(time.origins),
        "overlap": Overlap(time.overlap_cutoff, time.origins),
        "self_scattering": SelfScattering(time.wave_number, n_origins=time.origins),
    }
    held = HeldPositions(motion)
    found: dict[str, Any] = {}
    for name, member in members.items():
        curve = member.compute(held.read, times, lags, units=motion.trajectory.unit_system)
        wanted = [name, f"{name}_error", *(("msd",) if name == "non_gaussian" else ())]
        for variable in wanted:
            values = curve[variable].isel(q=0) if "q" in curve[variable].dims else curve[variable]
            found[variable] = ("lag", values.values, values.attrs)
    import xarray as xr

    return xr.Dataset(found, {"lag": ("lag", curve["lag"].values, curve["lag"].attrs)})


class HeldPositions:
    """Positions of the centre particles, of which the units read last stay in memory."""

    def __init__(self, motion: Motion, units: int = 160) -> None:
        self.motion, self.units = motion, units
        self._held: dict[int, NDArray[np.float64]] = {}

    def read(self, start: int, stop: int) -> NDArray[np.float64]:
        """Return frames [start, stop), (stop - start, m, d)."""
        per_unit = self.motion.trajectory.layout.frames_per_unit
        pieces = []
        for unit in range(start // per_unit, (stop - 1) // per_unit + 1):
            a, b = self.motion.trajectory.units()[unit]
            if unit not in self._held:
                if len(self._held) >= self.units:
                    self._held.pop(next(iter(self._held)))
                self._held[unit] = self.motion.read(a, b)
            pieces.append(self._held[unit][max(start - a, 0) : stop - a])
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


def _events(motion: Motion, hop: Hop) -> xr.Dataset:
    p_c = motion.threshold_of(hop)
    return Events(p_c, p_c, hop.window).stream(
        motion.read, motion.trajectory.times, units=motion.trajectory.unit_system
    )


def _rearranging(motion: Motion, hop: Hop) -> xr.Dataset:
    """Who has p_hop above p_c half a window after each sampled frame: that frame is the first of p_hop's first window."""
    import xarray as xr

    p_c, half, n = motion.threshold_of(hop), hop.window // 2, motion.trajectory.n_frames
    frames = motion.frames[(motion.frames + half) <= n - half]
    moving = np.zeros((len(frames), len(motion.centre)), np.int8)
    for start, stop, values in stream(PHop(hop.window), motion.read, n):
        inside = np.flatnonzero((frames + half >= start) & (frames + half < stop))
        moving[inside] = values[frames[inside] + half - start] > p_c
    return xr.Dataset(
        {"moving": (("sampled", "centre"), moving, {"long_name": "p_hop above p_c", "units": "1"})},
        {"frame": ("sampled", frames)},
        attrs={"threshold": p_c, "window": hop.window},
    )
