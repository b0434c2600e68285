"""Which structures a classifier learns from where rearrangements are seen as non-affine motion (D²min)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, TooFewEventsError
from vitrify.predictors.training_sets import (
    Describable,
    TrainingSelection,
    TrainingSet,
    _checked_particles,
    _checked_segments,
    _describable_ones,
    _left_out,
    _picked,
    hard_examples,
)
from vitrify.rearrangements.base import frames_per_block

THESIS_FRACTION = 0.0015
_BITS = 16  # of a number that are looked at in one pass
_AT_ONCE = 2**20  # values that are sorted in memory
_SPARE = 10  # times as many candidates are drawn where some cannot be described


@dataclass(frozen=True)
class FlowSelection:
    """The rules by which soft and hard examples are picked from D²min.

    A soft example is the structure of a particle at frame t whose D²min from t to t + lag exceeds a threshold; a hard
    one is that of a particle whose D²min stays below one. Both structures are taken at t, before the motion.

    Parameters
    ----------
    rearranging_above : float, length², optional
        The threshold D²min,0 of soft examples, in the normalization of the D²min that is given.
    rearranging_fraction : float, optional
        The part of all values that is to exceed the threshold instead. By default 0.0015, as in chapter 4 of the
        thesis, unless `rearranging_above` is given.
    quiet_below : float, length², optional
        The threshold of hard examples. By default that of the soft ones: a particle that does not rearrange is hard,
        as in the thesis.
    quiet_fraction : float, optional
        The part of all values, the lowest, that is below the threshold of hard examples instead.
    quiet_time : int, frames, default 1
        For how many successive frames a hard particle stays below it. The thesis looks at a single one, Ridout et al.
        at ten relaxation times.
    n_per_class : int, default 6000
        Examples of each class, at most; fewer if a class has fewer.
    min_per_class : int, optional
        With fewer of a class nothing is selected; by default `n_per_class`.
    seed : int, default 0
        Of the random choice among all that qualify.

    Raises
    ------
    ParameterError
        If a number cannot be meant, or a threshold is given twice.

    Notes
    -----
    **Scale**: thresholds are lengths squared and belong to a lag, a cutoff and a normalization; fractions do not.
    **Differs from**: the thesis in nothing but the choice among equals: it takes particles "selected at random from the
    entire run that undergo a rearrangement", and "an equal number of particles that do not"; its threshold lets about
    0.15 % of the particles of a species rearrange.
    **Invariant under**: the blocks in which values are read.
    **Cost**: up to six passes over the values of the chosen particles, one block in memory.

    References
    ----------
    Cubuk, PhD thesis (Harvard, 2016), sections 4.3 and 4.4; Cubuk et al., Phys. Rev. Lett. 114, 108001 (2015).
    Ridout, Tah, Liu (2023), supplement S1.

    Examples
    --------
    >>> FlowSelection().rearranging_fraction, FlowSelection(rearranging_above=0.28).rearranging_fraction
    (0.0015, None)
    """

    rearranging_above: float | None = None
    rearranging_fraction: float | None = None
    quiet_below: float | None = None
    quiet_fraction: float | None = None
    quiet_time: int = 1
    n_per_class: int = 6000
    min_per_class: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for value, part in (
            ("rearranging_above", "rearranging_fraction"),
            ("quiet_below", "quiet_fraction"),
        ):
            if getattr(self, value) is not None and getattr(self, part) is not None:
                raise ParameterError(
                    f"Give either `{value}` or `{part}`; they are {getattr(self, value)} and {getattr(self, part)}."
                )
            if getattr(self, value) is not None and not 0 < getattr(self, value) < np.inf:
                raise ParameterError(f"`{value}` must be positive; it is {getattr(self, value)}.")
            if getattr(self, part) is not None and not 0 < getattr(self, part) < 1:
                raise ParameterError(f"`{part}` must lie between 0 and 1; it is {getattr(self, part)}.")
        for name in ("quiet_time", "n_per_class", "min_per_class"):
            number = getattr(self, name)
            if number is not None and (number != int(number) or number < 1):
                raise ParameterError(f"`{name}` must be a whole number of at least 1; it is {number}.")
        if self.min_per_class is not None and self.min_per_class > self.n_per_class:
            raise ParameterError(
                f"`min_per_class` = {self.min_per_class} is more than `n_per_class` = {self.n_per_class}."
            )
        if self.rearranging_above is None and self.rearranging_fraction is None:
            object.__setattr__(self, "rearranging_fraction", THESIS_FRACTION)

    @property
    def smallest(self) -> int:
        """The number of examples per class below which nothing is selected."""
        return self.n_per_class if self.min_per_class is None else self.min_per_class

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters."""
        return {"labels": "d2min", **asdict(self)}

    def thresholds(self, d2min: Any, particles: NDArray[np.int64]) -> tuple[float, float]:
        """Return the thresholds of soft and of hard examples for these particles of a trajectory.

        Parameters
        ----------
        d2min : (F, N) array, length²
            Read in blocks of frames.
        particles : (n,) int

        Raises
        ------
        TooFewEventsError
            If there is no value.
        ParameterError
            If hard examples were allowed to rearrange.
        """
        high, low = self.rearranging_above, self.quiet_below
        if high is None:
            assert self.rearranging_fraction is not None
            high = value_of_rank(d2min, particles, 1.0 - self.rearranging_fraction, from_above=True)
        if low is None:
            low = (
                high if self.quiet_fraction is None else value_of_rank(d2min, particles, self.quiet_fraction)
            )
        if low > high:
            raise ParameterError(
                f"Hard examples would have D2min up to {low:g}, above the {high:g} from which on particles rearrange. Lower "
                "`quiet_below` or `quiet_fraction`."
            )
        return high, low


def select_flow_examples(
    selection: FlowSelection,
    d2min: Any,
    *,
    lag: int,
    particles: ArrayLike | None = None,
    segments: Sequence[tuple[int, int]] | None = None,
    temperature: float | None = None,
    describable: Describable | None = None,
) -> TrainingSet:
    """Pick as many soft as hard examples, at random among all frames and particles that qualify.

    Parameters
    ----------
    selection : FlowSelection
    d2min : (F, N) array or zarr array, length²
        From frame t to t + lag at frame t, as `vitrify.rearrangements.d2min.D2Min` gives it; NaN where there is none.
        Read in blocks of frames.
    lag : int, frames
        That of `d2min`.
    particles : (n,) array_like of int, optional
        Which particles, usually those of one species; by default all.
    segments : sequence of (start, stop), optional
        Disjoint ranges of frames, the groups of a cross-validation. The whole time of an example lies within one: from
        its frame to the end of its (last) motion. By default the whole trajectory.
    temperature : float, optional
        Quoted in messages.
    describable : callable, optional
        As for `select_training_set`. Asked about ten times as many candidates as are wanted.

    Returns
    -------
    TrainingSet
        With the thresholds; the same for the same parameters, whatever the blocks.

    Raises
    ------
    TooFewEventsError
        If a class has fewer examples than asked for.
    ShapeError, ParameterError
        If the arguments do not fit together.

    Examples
    --------
    >>> d2min = np.zeros((50, 4))
    >>> d2min[20:24, 2] = 0.5
    >>> selection = FlowSelection(rearranging_above=0.3, n_per_class=3)
    >>> chosen = select_flow_examples(selection, d2min, lag=5)
    >>> chosen.particle[chosen.label > 0].tolist(), chosen.n_available
    ([2, 2, 2], {'soft': 4, 'hard': 176})
    """
    n_frames, n_particles = d2min.shape
    chosen = _checked_particles(particles, n_particles)
    if lag != int(lag) or lag < 1:
        raise ParameterError(f"`lag` is a number of frames, at least 1; it is {lag}.")
    ranges = [(a, b - int(lag)) for a, b in _checked_segments(segments, n_frames)]
    if all(a >= b for a, b in ranges):
        raise ParameterError(
            f"None of the {len(ranges)} segments of {n_frames} frames is longer than `lag` = {lag} frames, the time that an "
            "example takes. Cut the trajectory into fewer segments, or use a smaller lag."
        )
    high, low = selection.thresholds(d2min, chosen)
    rng = np.random.default_rng(selection.seed)
    wanted = selection.n_per_class * (1 if describable is None else _SPARE)
    soft, n_soft = _drawn(d2min, chosen, ranges, (high, np.inf), wanted, rng)
    if selection.quiet_time == 1:
        hard, n_hard = _drawn(d2min, chosen, ranges, (-np.inf, low), wanted, rng)
    else:
        hard = _quiet(selection, d2min, chosen, ranges, low)
        n_hard = len(hard)
    soft, hard, left_out = _describable_ones(soft, hard, describable)
    available = {"soft": n_soft - left_out.get("soft", 0), "hard": n_hard - left_out.get("hard", 0)}
    size = min(len(soft), len(hard))
    if size < selection.smallest:
        raise TooFewEventsError(
            _shortage(selection, len(soft), len(hard), (high, low), temperature) + _left_out(left_out)
        )
    size = min(size, selection.n_per_class)
    frame, particle, label, segment = _picked(soft, hard, size, rng)
    return TrainingSet(
        frame,
        particle,
        label,
        segment,
        selection,
        available,
        left_out,
        {"rearranging_above": high, "quiet_below": low},
    )


def _shortage(
    selection: FlowSelection, n_soft: int, n_hard: int, limits: tuple[float, float], temperature: float | None
) -> str:
    at = "" if temperature is None else f" at T = {temperature:g}"
    if n_soft < selection.smallest:
        return (
            f"The training set asks for {selection.smallest} rearranging particles; only {n_soft} have D2min above "
            f"{limits[0]:.3g}{at}. Lower the threshold or `min_per_class`, or add frames."
        )
    return (
        f"The training set asks for {selection.smallest} quiet particles; only {n_hard} have D2min below {limits[1]:.3g} for "
        f"{selection.quiet_time} frames{at}. Raise the threshold, lower `quiet_time` or `min_per_class`, or add frames."
    )


# -- reading in blocks -----------------------------------------------------------------------------------------------


def _blocks(
    values: Any, particles: NDArray[np.int64], ranges: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, int, NDArray[np.float64]]]:
    """Yield (range, first frame, values of the particles) of the blocks of all ranges, in order."""
    everything = len(particles) == values.shape[1]
    block = frames_per_block(values.shape[1], 1)
    for k, (start, stop) in enumerate(ranges):
        for lo in range(start, stop, block):
            read = np.asarray(values[lo : min(lo + block, stop)], dtype=np.float64)
            yield k, lo, read if everything else read[:, particles]


def _drawn(
    d2min: Any,
    particles: NDArray[np.int64],
    ranges: Sequence[tuple[int, int]],
    limits: tuple[float, float],
    wanted: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], int]:
    """Return (frame, particle, range) of at most `wanted` of the values between two limits, and how many there are.

    Counted in one pass and picked by their rank in another, so that no list of all of them is needed.
    """
    above, below = limits
    counts = [
        int(np.count_nonzero((v > above) & (v < below))) for _, _, v in _blocks(d2min, particles, ranges)
    ]
    total = sum(counts)
    ranks = np.sort(rng.choice(total, min(wanted, total), replace=False)) if total else np.empty(0, np.int64)
    ends = np.cumsum([0, *counts])
    rows = [np.empty((0, 3), np.int64)]
    for b, (k, lo, v) in enumerate(_blocks(d2min, particles, ranges)):
        mine = ranks[(ranks >= ends[b]) & (ranks < ends[b + 1])] - ends[b]
        if len(mine):
            places = np.flatnonzero((v > above) & (v < below))[mine]
            frame, column = np.divmod(places, v.shape[1])
            rows.append(np.column_stack([frame + lo, particles[column], np.full(len(mine), k)]))
    return np.concatenate(rows), total


def _quiet(
    selection: FlowSelection,
    d2min: Any,
    particles: NDArray[np.int64],
    ranges: Sequence[tuple[int, int]],
    low: float,
) -> NDArray[np.int64]:
    """Return (frame, particle, range) of the beginnings of disjoint quiet stretches."""
    rules = TrainingSelection(
        selection.quiet_time, quiet_threshold=low, hard_frame="start", seed=selection.seed
    )
    long_enough = [(k, r) for k, r in enumerate(ranges) if r[1] - r[0] >= selection.quiet_time]
    if not long_enough:
        return np.empty((0, 3), np.int64)
    rows = hard_examples(rules, d2min, particles, [r for _, r in long_enough])
    rows[:, 2] = np.array([k for k, _ in long_enough])[rows[:, 2]]
    return rows


def value_of_rank(
    values: Any, particles: NDArray[np.int64], fraction: float, *, from_above: bool = False
) -> float:
    """Return the quantile of non-negative numbers, exactly and without ever holding them all.

    The bits of such numbers ascend with them, so the value is found sixteen bits at a time, from counts.

    Parameters
    ----------
    values : (F, N) array
        Read in blocks of frames; NaN is left out.
    particles : (n,) int
        Which columns.
    fraction : float
        The part of the numbers that is below the value, if no two are equal: floor(fraction · count) of them.
    from_above : bool, default False
        Count from the largest: floor((1 - fraction) · count) numbers are above it.

    Returns
    -------
    float
        One of the numbers.

    Raises
    ------
    TooFewEventsError
        If there is no number.

    Examples
    --------
    >>> numbers = np.arange(200.0).reshape(20, 10)
    >>> value_of_rank(numbers, np.arange(10), 0.25), value_of_rank(numbers, np.arange(10), 0.99, from_above=True)
    (50.0, 197.0)
    """
    everything = [(0, values.shape[0])]

    def bits() -> Iterator[NDArray[np.uint64]]:
        for _, _, block in _blocks(values, particles, everything):
            there = block[~np.isnan(block)]
            yield (there + 0.0).view(np.uint64)  # + 0.0: no negative zero

    prefix, shift, rank = np.uint64(0), 64, -1
    while True:
        shift -= _BITS
        counts = np.zeros(2**_BITS, np.int64)
        for block in bits():
            same = block[(block >> np.uint64(shift + _BITS)) == prefix] if rank >= 0 else block
            digits = ((same >> np.uint64(shift)) & np.uint64(2**_BITS - 1)).astype(np.int64)
            counts += np.bincount(digits, minlength=2**_BITS)
        if rank < 0:
            total = int(counts.sum())
            if not total:
                raise TooFewEventsError("A quantile of D2min needs values; all of them are NaN.")
            rank = _rank(fraction, total, from_above)
        digit = int(np.searchsorted(np.cumsum(counts), rank, side="right"))
        rank -= int(counts[:digit].sum())
        prefix = (prefix << np.uint64(_BITS)) | np.uint64(digit)
        if shift == 0:
            return float(np.array(prefix, np.uint64).view(np.float64))
        if counts[digit] <= _AT_ONCE:
            kept = np.concatenate([b[(b >> np.uint64(shift)) == prefix] for b in bits()])
            return float(np.partition(kept, rank)[rank].view(np.float64))


def _rank(fraction: float, total: int, from_above: bool) -> int:
    """Rank counted from 0, with a little slack for fractions like 0.3 that binary numbers miss."""
    if from_above:
        return total - 1 - min(int((1.0 - fraction) * total * (1 + 1e-12)), total - 1)
    return min(int(fraction * total * (1 + 1e-12)), total - 1)
