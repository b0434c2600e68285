"""Events: the stretches of time during which a particle moves from one place to the next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, ShapeError
from vitrify.rearrangements.base import Read, blocks_with_halo, frames_per_block, read_positions
from vitrify.rearrangements.p_hop import PHop
from vitrify.units import LJ, Units, power

if TYPE_CHECKING:
    import xarray as xr

_INTEGERS = ("particle", "first_frame", "peak_frame", "last_frame")
_MEANING = {
    "particle": "which particle moves",
    "first_frame": "first frame with p_hop above the event threshold",
    "peak_frame": "frame of the largest p_hop",
    "last_frame": "first frame with p_hop below the event threshold again",
    "start_frame": "first frame of window A at first_frame: strictly before the motion",
    "end_frame": "last frame of window B at last_frame: strictly after the motion",
    "p_hop_max": "largest p_hop of the event",
    "displacement": "distance from the mean over A at first_frame to the mean over B at last_frame",
    "raw_displacement": "distance from the position at start_frame to the one at end_frame",
    "duration": "time from first_frame to last_frame",
    "start_seen": "p_hop was known and below the threshold before first_frame",
    "end_seen": "p_hop was known and below the threshold at last_frame",
    "complete": "both start and end lie inside the trajectory",
}


@dataclass(frozen=True)
class Events:
    """Finds events: p_hop of one particle rises above a threshold until it drops below again.

    Two thresholds: `event_threshold` cuts time into events; `rearrangement_threshold` says which of them are called
    rearrangements (their largest p_hop exceeds it).

    Parameters
    ----------
    event_threshold : float, length², default 0.05
    rearrangement_threshold : float, length², default 0.2
        Not below `event_threshold`. Kept in the attributes of the table; `rearrangements` applies it.
    window : int, frames, default 10
        The window that p_hop was computed with.

    Raises
    ------
    ParameterError
        If a threshold is not positive, the two are in the wrong order or `window` is odd.

    Notes
    -----
    **Scale**: a clean jump of length Δ is above a threshold p_c at the frames with k > W (p_c/Δ²)^{2/3} frames of a
    window beyond it: for W = 5, Δ = 1 and p_c = 0.05 nine frames from first_frame to last_frame.
    **Differs from**: tables that record only first_frame − W as the start and the positions of single frames; here
    both conventions are given, `displacement` between window means and `raw_displacement` between frames.
    **Invariant under**: translations, rotations, and cutting the trajectory into blocks (to the bit).
    **Cost**: O(F N), memory O(N d) beside one block.

    References
    ----------
    Schoenholz, Cubuk, Sussman, Kaxiras, Liu, Nature Physics 12, 469 (2016), Methods.
    Cubuk, PhD thesis (Harvard, 2016), section 5.3.2.

    Examples
    --------
    >>> positions = np.zeros((40, 1, 3))
    >>> positions[20:, 0, 0] = 1.0
    >>> table = Events().stream(lambda start, stop: positions[start:stop], times=np.arange(40.0))
    >>> [int(table[k][0]) for k in ("start_frame", "first_frame", "peak_frame", "last_frame", "end_frame")]
    [11, 16, 20, 25, 29]
    >>> float(table["displacement"][0]), float(table["duration"][0])
    (1.0, 9.0)
    """

    name: ClassVar[str] = "events"
    event_threshold: float = 0.05
    rearrangement_threshold: float = 0.2
    window: int = 10

    def __post_init__(self) -> None:
        PHop(self.window)
        if not 0 < self.event_threshold <= self.rearrangement_threshold:
            raise ParameterError(
                "`event_threshold` must be positive and not above `rearrangement_threshold`; they are "
                f"{self.event_threshold} and {self.rearrangement_threshold}."
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the name and the parameters."""
        return {"name": self.name, **asdict(self)}

    def find(self, p_hop: Any, positions: Any, times: ArrayLike, *, units: Units = LJ) -> xr.Dataset:
        """Return the table of all events.

        Parameters
        ----------
        p_hop : (F, N) array or zarr array, length²
            From `PHop` with the same `window`, NaN where the window does not fit.
        positions : (F, N, d) array or zarr array, length
            The unwrapped positions that p_hop was computed from.
        times : (F,) array_like, time
            Of the frames, evenly spaced.
        units : Units, default LJ
            Named in the attributes.

        Returns
        -------
        xarray.Dataset
            Dimension ``event``, sorted by (first_frame, particle); see `stream`.

        Raises
        ------
        ShapeError
            If the shapes do not agree.
        ParameterError
            If p_hop was made with another window or `times` are not evenly spaced.
        """
        if p_hop.ndim != 2 or positions.ndim != 3 or tuple(p_hop.shape) != tuple(positions.shape[:2]):
            raise ShapeError(
                "`p_hop` (F, N) and `positions` (F, N, d) must have the same frames and particles; their shapes are "
                f"{tuple(p_hop.shape)} and {tuple(positions.shape)}."
            )
        return self.stream(
            lambda start, stop: positions[start:stop],
            times,
            read_p_hop=lambda start, stop: p_hop[start:stop],
            units=units,
        )

    def stream(
        self,
        read: Read,
        times: ArrayLike,
        *,
        read_p_hop: Read | None = None,
        block: int | None = None,
        units: Units = LJ,
    ) -> xr.Dataset:
        """Return the table of all events of a trajectory that is read block by block.

        Parameters
        ----------
        read : callable
            ``read(start, stop)`` returns unwrapped positions (stop - start, N, d), length.
        times : (F,) array_like, time
            Of the frames, evenly spaced.
        read_p_hop : callable, optional
            ``read_p_hop(start, stop)`` returns (stop - start, N). Without it p_hop is computed on the way.
        block : int, optional
            Frames per block; by default as many as make 64 MiB. It does not change the result.
        units : Units, default LJ
            Named in the attributes.

        Returns
        -------
        xarray.Dataset
            Dimension ``event``, sorted by (first_frame, particle). Variables: particle, first_frame, peak_frame,
            last_frame, start_frame = first_frame − W, end_frame = last_frame + W − 1, p_hop_max, displacement,
            raw_displacement, duration, start_seen, end_seen, complete. An event that the end of the trajectory cuts
            has as last_frame the last frame with a value; its p_hop_max, displacement and duration are then what was
            seen, and it is not complete.

        Raises
        ------
        ShapeError, ParameterError
            As `find`.
        """
        times = _evenly_spaced(times)
        PHop(self.window).require_frames(len(times))
        _, n, d = read_positions(read, 0, 1).shape
        block = frames_per_block(n, d, at_least=2 * self.window) if block is None else block
        found = list(self._scan(read, len(times), read_p_hop, block, _fresh_state(n, d)))
        rows = np.concatenate([r for r, _ in found])
        reals = np.concatenate([r for _, r in found])
        order = np.lexsort((rows[:, 0], rows[:, 1]))
        return self._table(rows[order], reals[order], times, units).assign_attrs(n_particles=n)

    def _scan(
        self, read: Read, n_frames: int, read_p_hop: Read | None, block: int, state: tuple[NDArray[Any], ...]
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
        """Yield the lines of the events that end in each block, carrying the state of every particle."""
        from vitrify.rearrangements import _kernels

        half = self.window // 2
        for start, stop, lo, hi in blocks_with_halo(n_frames, block, half):
            positions = read_positions(read, lo, hi)
            if read_p_hop is None:
                values = PHop(self.window).compute(positions)[start - lo : stop - lo]
            else:
                values = np.asarray(read_p_hop(start, stop), dtype=np.float64)
                self._check_window(values, start, stop, n_frames)
            final = stop == n_frames
            counts = _kernels.count_closing(values, self.event_threshold, state[0], final)
            rows, reals = np.empty((counts.sum(), 6), np.int64), np.empty((counts.sum(), 3))
            offsets = np.cumsum(counts) - counts
            _kernels.scan_events(
                values, start, positions, lo, self.event_threshold, half, state, offsets, final, rows, reals
            )
            yield rows, reals

    def _check_window(self, values: NDArray[np.float64], start: int, stop: int, n_frames: int) -> None:
        """Raise if there are values where this window would not fit."""
        half = self.window // 2
        outside = [values[: max(0, half - start)], values[max(0, n_frames - half + 1 - start) :]]
        if any(np.isfinite(edge).any() for edge in outside):
            raise ParameterError(
                f"`p_hop` has values within {half} frames of the ends of the trajectory, where `window` = "
                f"{self.window} does not fit: it was made with another window. Use that window here (frames {start} "
                f"to {stop} of {n_frames})."
            )

    def _table(
        self, rows: NDArray[np.int64], reals: NDArray[np.float64], times: NDArray[np.float64], units: Units
    ) -> xr.Dataset:
        import xarray as xr

        half = self.window // 2
        columns: dict[str, NDArray[Any]] = {name: rows[:, k].copy() for k, name in enumerate(_INTEGERS)}
        columns["start_frame"] = columns["first_frame"] - half
        columns["end_frame"] = columns["last_frame"] + half - 1
        for k, name in enumerate(("p_hop_max", "displacement", "raw_displacement")):
            columns[name] = reals[:, k].copy()
        columns["duration"] = times[columns["last_frame"]] - times[columns["first_frame"]]
        columns["start_seen"], columns["end_seen"] = rows[:, 4].astype(bool), rows[:, 5].astype(bool)
        columns["complete"] = columns["start_seen"] & columns["end_seen"]
        unit = {
            "p_hop_max": power(units.length, 2),
            "displacement": units.length,
            "raw_displacement": units.length,
            "duration": units.time,
        }
        variables = {
            name: ("event", column, {"long_name": _MEANING[name], "units": unit.get(name, "1")})
            for name, column in columns.items()
        }
        attributes = {
            **asdict(self),
            "n_frames": len(times),
            "definition": "p_hop above event_threshold, from the first such frame until the first below it",
        }
        return xr.Dataset(variables, attrs=attributes)


def _fresh_state(n: int, d: int) -> tuple[NDArray[Any], ...]:
    """Arrays that `scan_events` carries: open, known, first, peak, highest, start seen, mean before, position."""
    return (
        np.zeros(n, bool),
        np.zeros(n, bool),
        np.zeros(n, np.int64),
        np.zeros(n, np.int64),
        np.zeros(n),
        np.zeros(n, bool),
        np.zeros((n, d)),
        np.zeros((n, d)),
    )


def _evenly_spaced(times: ArrayLike) -> NDArray[np.float64]:
    times = np.asarray(times, dtype=np.float64)
    if times.ndim != 1:
        raise ShapeError(f"`times` must have shape (F,); it has {times.shape}.")
    steps = np.diff(times)
    if len(steps) and not (steps.min() > 0 and np.ptp(steps) <= 0.01 * steps.max()):
        raise ParameterError(
            "Events need frames at equal intervals; those of `times` run from "
            f"{steps.min():g} to {steps.max():g}. Select evenly spaced frames first."
        )
    return times


def rearrangements(events: xr.Dataset, threshold: float | None = None) -> xr.Dataset:
    """Return the events whose largest p_hop exceeds a threshold.

    Parameters
    ----------
    events : xarray.Dataset
        From `Events`.
    threshold : float, length², optional
        By default the `rearrangement_threshold` that the table carries.

    Raises
    ------
    ParameterError
        If `threshold` lies below the one that cut the events.

    Examples
    --------
    >>> positions = np.zeros((60, 2, 3))
    >>> positions[20:, 0, 0], positions[30:, 1, 0] = 0.4, 1.0
    >>> events = Events().stream(lambda start, stop: positions[start:stop], np.arange(60.0))
    >>> rearrangements(events)["particle"].values.tolist()
    [1]
    """
    threshold = float(events.attrs["rearrangement_threshold"]) if threshold is None else threshold
    if threshold < events.attrs["event_threshold"]:
        raise ParameterError(
            f"`threshold` = {threshold} lies below the `event_threshold` = {events.attrs['event_threshold']} that cut "
            "the events. Find the events again with a lower `event_threshold`."
        )
    kept = events.isel(event=np.flatnonzero(events["p_hop_max"].values > threshold))
    return kept.assign_attrs(rearrangement_threshold=threshold)


def at_risk(
    events: xr.Dataset, frames: ArrayLike, n_particles: int, threshold: float | None = None
) -> NDArray[np.bool_]:
    """Return which particles could start to rearrange at which frames: the exposure of a hazard.

    A particle is not at risk inside a rearrangement, start_frame < frame < end_frame. Where the trajectory cuts the
    rearrangement, the first or last frame belongs to the inside as well. In the numerator of a hazard count only
    rearrangements whose start_frame is itself at risk: the next one may begin inside the last one's window B. Of particles
    that are absent for a while this says nothing: there, leave out the frames W before those without p_hop.

    Parameters
    ----------
    events : xarray.Dataset
        From `Events`.
    frames : (n,) array_like of int
        Strictly increasing.
    n_particles : int
        N.
    threshold : float, length², optional
        Which events are rearrangements; by default what the table carries.

    Returns
    -------
    (n, N) bool

    Raises
    ------
    ParameterError
        If `frames` do not increase or a particle of the table is not below `n_particles`.

    Examples
    --------
    >>> positions = np.zeros((40, 1, 3))
    >>> positions[20:, 0, 0] = 1.0
    >>> events = Events().stream(lambda start, stop: positions[start:stop], np.arange(40.0))
    >>> at_risk(events, [10, 11, 12, 28, 29], 1)[:, 0].tolist()
    [True, True, False, False, True]
    """
    from vitrify.rearrangements import _kernels

    frames = np.asarray(frames, dtype=np.int64)
    if frames.ndim != 1 or (np.diff(frames) <= 0).any():
        raise ParameterError("`frames` must be strictly increasing frame numbers of shape (n,).")
    moving = rearrangements(events, threshold)
    particle = moving["particle"].values
    if len(particle) and particle.max() >= n_particles:
        raise ParameterError(
            f"The events name particle {particle.max()}, but `n_particles` is {n_particles}."
        )
    lo = np.searchsorted(frames, moving["start_frame"].values + moving["start_seen"].values, side="left")
    hi = np.searchsorted(frames, moving["end_frame"].values - moving["end_seen"].values, side="right")
    out = np.ones((len(frames), n_particles), bool)
    _kernels.mark_between(particle, lo, hi, out)
    return out


def instantaneous(p_hop: ArrayLike, threshold: float) -> NDArray[np.bool_]:
    """Return where p_hop is above a threshold, whatever event it belongs to.

    Its mean over the frames with a value is the fraction of time spent rearranging, which is the hazard times the
    mean time above threshold, and not the hazard itself.

    Parameters
    ----------
    p_hop : (F, N) array_like, length²
    threshold : float, length²

    Returns
    -------
    (F, N) bool
        False where p_hop is NaN; leave those frames out of means.

    Examples
    --------
    >>> instantaneous([[np.nan, 0.1], [0.3, 0.2]], 0.2).tolist()
    [[False, False], [True, False]]
    """
    return np.asarray(p_hop) > threshold
