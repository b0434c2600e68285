"""Which structures a classifier learns from: particles about to rearrange and particles that stay quiet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, ShapeError, TooFewEventsError
from vitrify.rearrangements.base import frames_per_block
from vitrify.rearrangements.events import rearrangements

if TYPE_CHECKING:
    import xarray as xr

Describable = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.bool_]]
"""``describable(frame, particle)`` says of each pair of (n,) frames and particles whether features can be made."""

SOFT_FRAMES = ("start", "crossing", "before_peak")
HARD_FRAMES = ("middle", "end", "start")
FEWEST = 500


@dataclass(frozen=True)
class TrainingSelection:
    """The rules by which soft and hard examples are picked. Each moves the accuracy by several per cent.

    Parameters
    ----------
    quiet_time : int, frames
        How long p_hop of a hard particle stays below `quiet_threshold`; the papers take one to two τ_α.
    soft_frame : {"start", "crossing", "before_peak"}, default "start"
        Whose structure stands for a rearrangement: the first frame of window A (start_frame: strictly before the
        motion), the last frame below the event threshold (first_frame − 1), or the frame before the largest p_hop
        (peak_frame − 1: much of the motion has happened).
    lead : int, frames, default 0
        Taken off the soft frame in addition.
    rearrangement_threshold : float, length², default 0.2
        Only events whose largest p_hop exceeds it are soft examples.
    quiet_threshold : float, length², default 0.02
    hard_frame : {"middle", "end", "start"}, default "middle"
        Where in its quiet stretch the structure of a hard particle is taken; "end" means that it has not rearranged
        for `quiet_time` before.
    stagger : bool, default True
        Begin the search for quiet stretches of each particle at a frame of its own, drawn at random, so that hard
        examples come from all times. Without it those of particles that never move share a few frames, which a
        cross-validation grouped by time cannot split.
    n_per_class : int or None, default 6000
        Examples of each class; None for as many as the smaller class has.
    min_per_class : int, optional
        Fewer than `n_per_class` are accepted down to this number. By default exactly `n_per_class` are asked for, or
        at least 500 where `n_per_class` is None.
    seed : int, default 0
        Of the random choice among the available examples.

    Raises
    ------
    ParameterError
        If a choice is unknown or a number cannot be meant.

    References
    ----------
    Schoenholz, Cubuk, Sussman, Kaxiras, Liu, Nature Physics 12, 469 (2016), Methods.
    Cubuk, PhD thesis (Harvard, 2016), section 5.3.3.
    Ridout, Tah, Liu (2023), supplement S1 (other thresholds for training than for measuring).

    Examples
    --------
    >>> TrainingSelection(quiet_time=300, n_per_class=None).smallest
    500
    """

    quiet_time: int
    soft_frame: str = "start"
    lead: int = 0
    rearrangement_threshold: float = 0.2
    quiet_threshold: float = 0.02
    hard_frame: str = "middle"
    stagger: bool = True
    n_per_class: int | None = 6000
    min_per_class: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name, known in (("soft_frame", SOFT_FRAMES), ("hard_frame", HARD_FRAMES)):
            if getattr(self, name) not in known:
                raise ParameterError(
                    f"`{name}` must be one of {', '.join(known)}; it is '{getattr(self, name)}'."
                )
        for name, least in (("quiet_time", 1), ("lead", 0), ("n_per_class", 1), ("min_per_class", 1)):
            value = getattr(self, name)
            if value is not None and (value != int(value) or value < least):
                raise ParameterError(f"`{name}` must be a whole number of at least {least}; it is {value}.")
        for name in ("rearrangement_threshold", "quiet_threshold"):
            if not getattr(self, name) > 0:
                raise ParameterError(f"`{name}` must be positive; it is {getattr(self, name)}.")
        if None not in (self.n_per_class, self.min_per_class) and self.min_per_class > self.n_per_class:  # type: ignore[operator]
            raise ParameterError(
                f"`min_per_class` = {self.min_per_class} is more than `n_per_class` = {self.n_per_class}."
            )

    @property
    def smallest(self) -> int:
        """The number of examples per class below which nothing is selected."""
        if self.min_per_class is not None:
            return self.min_per_class
        return FEWEST if self.n_per_class is None else self.n_per_class

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Balanced examples, sorted by (frame, particle).

    Parameters
    ----------
    frame, particle : (n,) int
        Whose structure.
    label : (n,) int
        +1 soft (rearranges), −1 hard (stays quiet).
    segment : (n,) int
        Which stretch of the trajectory: the group for cross-validation.
    n_available : dict
        How many examples of each class, "soft" and "hard", there were to choose from.
    selection : TrainingSelection or FlowSelection
    n_left_out : dict
        How many examples of each class could not be described; empty where nobody asked.
    thresholds : dict
        Values that the selection was found to mean in this trajectory; empty where it names them itself.
    """

    frame: NDArray[np.int64]
    particle: NDArray[np.int64]
    label: NDArray[np.int64]
    segment: NDArray[np.int64]
    selection: Any
    n_available: dict[str, int] = field(default_factory=dict)
    n_left_out: dict[str, int] = field(default_factory=dict)
    thresholds: dict[str, float] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def n_per_class(self) -> int:
        """Examples of each class."""
        return len(self.frame) // 2

    def to_dict(self) -> dict[str, Any]:
        """Return the selection and the counts, not the examples."""
        counts: dict[str, Any] = {
            "selected_per_class": self.n_per_class,
            "n_available": dict(self.n_available),
            **self.thresholds,
        }
        if self.n_left_out:
            counts["n_left_out"] = dict(self.n_left_out)
        return {**self.selection.to_dict(), **counts}


def select_training_set(
    selection: TrainingSelection,
    events: xr.Dataset,
    p_hop: Any,
    *,
    particles: ArrayLike | None = None,
    segments: Sequence[tuple[int, int]] | None = None,
    temperature: float | None = None,
    describable: Describable | None = None,
) -> TrainingSet:
    """Pick soft and hard examples from the events and the quiet stretches of a trajectory.

    Soft: one example per complete rearrangement. Hard: one example per quiet stretch, the stretches of one particle
    being disjoint (overlapping ones are nearly the same example).

    Parameters
    ----------
    selection : TrainingSelection
    events : xarray.Dataset
        From `vitrify.rearrangements.events.Events`.
    p_hop : (F, N) array or zarr array, length²
        Read in blocks of frames.
    particles : (n,) array_like of int, optional
        Which particles, usually those of one species; by default all.
    segments : sequence of (start, stop), optional
        Disjoint ranges of frames; events and quiet stretches must lie within one. By default the whole trajectory.
    temperature : float, optional
        Quoted in messages.
    describable : callable, optional
        ``describable(frame, particle)`` returns (n,) bool: where features can be made. Other examples are left out
        before the choice, and counted.

    Returns
    -------
    TrainingSet
        The same for the same parameters, whatever the blocks.

    Raises
    ------
    TooFewEventsError
        If a class has fewer examples than asked for.
    ShapeError, ParameterError
        If the arguments do not fit together.

    Examples
    --------
    >>> from vitrify.rearrangements.events import Events
    >>> from vitrify.rearrangements.p_hop import PHop
    >>> positions = np.zeros((200, 4, 3))
    >>> positions[100:, 0, 0] = 1.0
    >>> p_hop = PHop().compute(positions)
    >>> events = Events().find(p_hop, positions, np.arange(200.0))
    >>> selection = TrainingSelection(quiet_time=50, n_per_class=1, stagger=False)
    >>> chosen = select_training_set(selection, events, p_hop)
    >>> sorted(chosen.label.tolist()), chosen.n_available
    ([-1, 1], {'soft': 1, 'hard': 11})
    """
    n_frames, n_particles = p_hop.shape
    chosen = _checked_particles(particles, n_particles)
    ranges = _checked_segments(segments, n_frames)
    soft = soft_examples(selection, events, chosen, ranges)
    hard = hard_examples(selection, p_hop, chosen, ranges)
    soft, hard, left_out = _describable_ones(soft, hard, describable)
    available = {"soft": len(soft), "hard": len(hard)}
    size = min(available.values())
    if size < selection.smallest:
        raise TooFewEventsError(_shortage(selection, available, temperature) + _left_out(left_out))
    size = size if selection.n_per_class is None else min(size, selection.n_per_class)
    rng = np.random.default_rng(selection.seed)
    frame, particle, label, segment = _picked(soft, hard, size, rng)
    return TrainingSet(frame, particle, label, segment, selection, available, left_out)


def soft_examples(
    selection: TrainingSelection,
    events: xr.Dataset,
    particles: NDArray[np.int64],
    segments: Sequence[tuple[int, int]],
) -> NDArray[np.int64]:
    """Return (frame, particle, segment) of every complete rearrangement within a segment, (n, 3) int.

    Examples
    --------
    >>> from vitrify.rearrangements.events import Events
    >>> positions = np.zeros((100, 2, 3))
    >>> positions[60:, 1, 0] = 1.0
    >>> events = Events().stream(lambda start, stop: positions[start:stop], np.arange(100.0))
    >>> soft_examples(TrainingSelection(quiet_time=20), events, np.arange(2), [(0, 40), (40, 100)]).tolist()
    [[51, 1, 1]]
    """
    moving = rearrangements(events, selection.rearrangement_threshold)
    column = {"start": "start_frame", "crossing": "first_frame", "before_peak": "peak_frame"}[
        selection.soft_frame
    ]
    frame = moving[column].values - (0 if selection.soft_frame == "start" else 1) - selection.lead
    wanted = moving["complete"].values & np.isin(moving["particle"].values, particles)
    begin, end = np.minimum(frame, moving["start_frame"].values), moving["end_frame"].values
    rows = [np.empty((0, 3), np.int64)]
    for k, (start, stop) in enumerate(segments):
        here = np.flatnonzero(wanted & (begin >= start) & (end < stop))
        rows.append(np.column_stack([frame[here], moving["particle"].values[here], np.full(len(here), k)]))
    return np.concatenate(rows)


def hard_examples(
    selection: TrainingSelection,
    p_hop: Any,
    particles: NDArray[np.int64],
    segments: Sequence[tuple[int, int]],
) -> NDArray[np.int64]:
    """Return (frame, particle, segment) of disjoint quiet stretches, (n, 3) int, sorted by segment, particle, frame.

    Examples
    --------
    >>> p_hop = np.zeros((100, 1))
    >>> p_hop[30] = 0.5
    >>> hard_examples(TrainingSelection(30, stagger=False), p_hop, np.arange(1), [(0, 100)]).tolist()
    [[15, 0, 0], [46, 0, 0], [76, 0, 0]]
    """
    offset = {"start": 0, "middle": selection.quiet_time // 2, "end": selection.quiet_time - 1}[
        selection.hard_frame
    ]
    rows = [np.empty((0, 3), np.int64)]
    for k, (start, stop) in enumerate(segments):
        not_before = _first_chances(selection, len(particles), start, stop)
        found = list(_quiet_stretches(selection, p_hop, particles, not_before, (start, stop)))
        frame = np.concatenate([f for f, _ in found]) + offset
        particle = particles[np.concatenate([i for _, i in found])]
        order = np.lexsort((frame, particle))
        rows.append(np.column_stack([frame, particle, np.full(len(frame), k)])[order])
    return np.concatenate(rows)


def _first_chances(selection: TrainingSelection, n: int, start: int, stop: int) -> NDArray[np.int64]:
    """Return the frame from which each of `n` particles may count as quiet; a whole stretch fits after it."""
    latest = min(selection.quiet_time, stop - start - selection.quiet_time)
    if not selection.stagger or latest < 1:
        return np.full(n, start, np.int64)
    return start + np.random.default_rng([selection.seed, start]).integers(0, latest + 1, n)


def _quiet_stretches(
    selection: TrainingSelection,
    p_hop: Any,
    particles: NDArray[np.int64],
    not_before: NDArray[np.int64],
    segment: tuple[int, int],
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield first frames and columns of the quiet stretches that end in each block of a segment."""
    from vitrify.predictors import _kernels

    start, stop = segment
    everything = len(particles) == p_hop.shape[1]
    since = np.full(len(particles), -1, np.int64)
    nothing = np.empty(0, np.int64)
    block = frames_per_block(p_hop.shape[1], 1)
    for lo in range(start, stop, block):
        read = np.asarray(p_hop[lo : min(lo + block, stop)], dtype=np.float64)
        values = read if everything else np.ascontiguousarray(read[:, particles])
        limit = (selection.quiet_threshold, selection.quiet_time, not_before)
        count = _kernels.quiet_windows(values, lo, *limit, since.copy(), nothing, nothing)
        frame, column = np.empty(count, np.int64), np.empty(count, np.int64)
        _kernels.quiet_windows(values, lo, *limit, since, frame, column)
        yield frame, column


def _checked_segments(segments: Sequence[tuple[int, int]] | None, n_frames: int) -> list[tuple[int, int]]:
    ranges = [(0, n_frames)] if segments is None else [(int(a), int(b)) for a, b in segments]
    ordered = sorted(ranges)
    if not ranges or any(not 0 <= a < b <= n_frames for a, b in ranges):
        raise ParameterError(
            f"`segments` must be ranges (start, stop) within 0 … {n_frames}; they are {ranges}."
        )
    if any(b > c for (_, b), (c, _) in pairwise(ordered)):
        raise ParameterError(f"`segments` must not overlap; they are {ranges}.")
    return ranges


def _checked_particles(particles: ArrayLike | None, n_particles: int) -> NDArray[np.int64]:
    """Return the particles to choose among, ascending, each once."""
    chosen = np.arange(n_particles) if particles is None else np.unique(np.asarray(particles, dtype=np.int64))
    if len(chosen) and not 0 <= chosen[0] <= chosen[-1] < n_particles:
        raise ShapeError(
            f"`particles` must lie in 0 … {n_particles - 1}; they reach {chosen[0]} … {chosen[-1]}."
        )
    return chosen


def _describable_ones(
    soft: NDArray[np.int64], hard: NDArray[np.int64], describable: Describable | None
) -> tuple[NDArray[np.int64], NDArray[np.int64], dict[str, int]]:
    """Return the examples (n, 3) whose features can be made, and how many of each class cannot."""
    if describable is None:
        return soft, hard, {}
    found = len(soft), len(hard)
    soft, hard = (examples[describable(examples[:, 0], examples[:, 1])] for examples in (soft, hard))
    return soft, hard, {"soft": found[0] - len(soft), "hard": found[1] - len(hard)}


def _picked(
    soft: NDArray[np.int64], hard: NDArray[np.int64], size: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], ...]:
    """Draw `size` examples of each class; return frame, particle, label and segment, in order of frame and particle."""
    rows = np.concatenate(
        [examples[rng.choice(len(examples), size, replace=False)] for examples in (soft, hard)]
    )
    label = np.repeat([1, -1], size)
    order = np.lexsort((label, rows[:, 1], rows[:, 0]))
    frame, particle, segment = (np.ascontiguousarray(column) for column in rows[order].T)
    return frame, particle, label[order], segment


def _left_out(counts: dict[str, int]) -> str:
    """Say how many examples there would be, had their surroundings been seen."""
    if not any(counts.values()):
        return ""
    return (
        f" Left out were {counts['soft']} rearranging and {counts['hard']} quiet particles whose surroundings are not "
        "wholly seen: closer to an open boundary than the descriptors reach, or absent. Descriptors of a smaller `reach` "
        "keep more."
    )


def _shortage(selection: TrainingSelection, available: dict[str, int], temperature: float | None) -> str:
    at = "" if temperature is None else f" at T = {temperature:g}"
    asked = selection.smallest
    limit = "n_per_class" if selection.min_per_class is None else "min_per_class"
    if available["soft"] < asked:
        return (
            f"The training set asks for {asked} rearranging particles; only {available['soft']} rearrange{at} with "
            f"`rearrangement_threshold` = {selection.rearrangement_threshold:g}. Lower `{limit}` or add frames."
        )
    return (
        f"The training set asks for {asked} quiet particles; only {available['hard']} stay below `quiet_threshold` = "
        f"{selection.quiet_threshold:g} for `quiet_time` = {selection.quiet_time} frames{at}. Lower `{limit}` or "
        "`quiet_time`, or add frames."
    )
