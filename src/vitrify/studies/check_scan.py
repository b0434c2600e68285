"""What can be seen of a trajectory without analysing it: frames, particles, boxes and steps, one frame in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import FileFormatError, StoreError
from vitrify.particles.box import Box
from vitrify.particles.trajectory import Trajectory
from vitrify.readers.base import FileFrame
from vitrify.readers.source import Source

MOST_ROWS = 5_000_000
"""Rows (particles times frames) that are looked at, if nothing else is said."""

_SAMPLED_COORDINATES = 3000
_FEW_KINDS = 20
_MOST_DIGITS = 14  # more cannot be told from double precision


class Input(Protocol):
    """Frames of files or of a store, as they stand there."""

    n_frames: int
    in_any_order: bool
    first: FileFrame
    times: NDArray[np.float64] | None
    box_vectors: NDArray[np.float64] | None

    def frames(self, indices: NDArray[np.int64]) -> Iterator[tuple[int, float, FileFrame]]:
        """Yield index, time and frame for each of `indices`, which ascend."""


class FileInput:
    """Frames of files; their times are known beforehand where the reader knows the steps.

    Parameters
    ----------
    source : Source
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.n_frames = source.n_frames
        self.in_any_order = source.reader.random_access
        steps = getattr(source.reader, "steps", None)
        self.times: NDArray[np.float64] | None = None
        self.box_vectors: NDArray[np.float64] | None = None
        if steps is not None and len(steps) == source.reader.n_frames and source.time_step is None:
            self.times = np.asarray(steps, np.float64)[source.selected]
        self.first = next(self.frames(np.array([0])))[2]

    def frames(self, indices: NDArray[np.int64]) -> Iterator[tuple[int, float, FileFrame]]:
        """Yield index, time and frame; files that cannot be entered in the middle are read once from the beginning."""
        wanted = np.asarray(indices, np.int64)
        if not len(wanted):
            return
        runs = np.split(wanted, np.flatnonzero(np.diff(wanted) > 1) + 1)
        if not self.in_any_order:
            runs = [np.arange(int(wanted[-1]) + 1)]
        chosen = set(wanted.tolist())
        for run in runs:
            for k, raw in enumerate(self.source.raw(int(run[0]), int(run[-1]) + 1), int(run[0])):
                if k in chosen:
                    yield k, self.source.time_of(raw, k), raw


class StoreInput:
    """Frames of a store: the thermal positions, or the inherent ones where only those are there.

    Parameters
    ----------
    trajectory : Trajectory
    """

    in_any_order = True

    def __init__(self, trajectory: Trajectory) -> None:
        self.trajectory = trajectory
        has = trajectory.stages.get("thermal", {}).get("arrays", [])
        self.kind = "thermal" if "position" in has else "inherent"
        done = [trajectory.done_frames(s) for s in {"thermal", self.kind}]
        self.n_frames = min(done)
        if not self.n_frames:
            raise StoreError(f"{trajectory.path} holds no frame yet. Repeat the command that makes it.")
        times: NDArray[np.float64] = trajectory.read("time", 0, self.n_frames)
        self.times: NDArray[np.float64] | None = times
        self.box_vectors: NDArray[np.float64] | None = trajectory.read("box_vectors", 0, self.n_frames)
        self._labels = np.array(trajectory.species_names, dtype=str)[trajectory.species]
        self.first = next(self.frames(np.array([0])))[2]

    def frames(self, indices: NDArray[np.int64]) -> Iterator[tuple[int, float, FileFrame]]:
        """Yield index, time and frame; absent particles are left out."""
        stored = self.trajectory
        assert self.times is not None
        times = self.times
        for k in np.asarray(indices, np.int64).tolist():
            positions, labels, ids = stored.positions(self.kind, k, k + 1)[0], self._labels, None
            if not stored.layout.complete:
                ids = np.flatnonzero(~np.isnan(positions).all(axis=1))
                positions, labels = positions[ids], labels[ids]
            label = f"{stored.path.name}, frame {k}, {self.kind}"
            raw = FileFrame(positions, stored.box(k), labels, ids, None, True, None, None, {}, label)
            yield k, float(times[k]), raw


@dataclass
class Scan:
    """What the frames that were looked at have shown.

    Parameters
    ----------
    looked : list of int
        Which frames.
    times : list of float
    labels : list of str
        Name of each frame in messages.
    n_particles : list of int
    vectors, origins : list of array
        Of their boxes.
    periodic : tuple of bool
        Of the first.
    kinds : dict of str to int
        Particles of each kind in the first frame; 0 for kinds that come later.
    ids : {"complete", "none", "vary"}
        The same in every frame; not in the file; others in some frames.
    n_ids : int
        Different ones.
    n_gaps, longest_gap : int
        How often a particle comes back after frames without it, and the largest number of such frames in a row. Only
        counted between neighbouring frames that were looked at.
    unwrapped, has_images : bool
    largest_step : float
        Largest motion between neighbouring frames along a cell vector that is periodic, in units of it, nearest image.
    largest_raw_step : float
        The same as the positions stand.
    far_steps : str
        Label of the first frame with a step of more than 0.4.
    faults : list of (str, str)
        What makes a frame unusable, and what to do.
    unlike : dict of str to str
        First frame in which something differs from the first: "species", "periodic", "ids", "kind".
    largest_coordinate : float
    coordinates : (n,) float
        A sample of coordinates of the first frame.
    """

    looked: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    n_particles: list[int] = field(default_factory=list)
    vectors: list[NDArray[np.float64]] = field(default_factory=list)
    origins: list[NDArray[np.float64]] = field(default_factory=list)
    periodic: tuple[bool, ...] = ()
    kinds: dict[str, int] = field(default_factory=dict)
    ids: str = "none"
    n_ids: int = 0
    n_gaps: int = 0
    longest_gap: int = 0
    unwrapped: bool = False
    has_images: bool = False
    largest_step: float = 0.0
    largest_raw_step: float = 0.0
    far_steps: str = ""
    faults: list[tuple[str, str]] = field(default_factory=list)
    unlike: dict[str, str] = field(default_factory=dict)
    largest_coordinate: float = 0.0
    coordinates: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    @property
    def dimension(self) -> int:
        """Two or three."""
        return len(self.periodic)


def frames_to_look_at(given: Input, everything: bool = False) -> NDArray[np.int64]:
    """Return which frames are looked at: all, or as many pairs of neighbours as make 5 million rows.

    Pairs are spread over the trajectory; where it cannot be entered in the middle they are the first frames.
    """
    n = given.n_frames
    most = max(4, MOST_ROWS // max(given.first.n_particles, 1))
    if everything or n <= most:
        return np.arange(n)
    if not given.in_any_order:
        return np.arange(most)
    begins = np.unique(np.linspace(0, n - 2, most // 2).astype(np.int64))
    return np.unique(np.concatenate([begins, begins + 1]))


def scan(given: Input, indices: NDArray[np.int64], kinds_of: Any = None) -> Scan:
    """Look at frames one after the other.

    Parameters
    ----------
    given : Input
    indices : (n,) int
        Ascending.
    kinds_of : callable, optional
        From a frame to what tells species apart, (n,) str; by default its labels.

    Returns
    -------
    Scan

    Notes
    -----
    **Cost** that of reading these frames, and memory of two of them.
    """
    found, previous, history = Scan(), None, _History()
    for k, time, raw in _until_it_fails(given.frames(indices), found):
        kinds = np.asarray(raw.labels if kinds_of is None else kinds_of(raw))
        if not found.looked:
            _begin(found, raw, kinds)
        _note_frame(found, k, time, raw)
        _note_faults(found, raw)
        _note_kinds(found, raw, kinds)
        now = _Placed(k, raw)
        if now.n_repeated:
            words = f"{raw.label}: {now.n_repeated} ids stand there more than once."
            found.faults.append((words, "Write each particle once per frame."))
        history.add(found, now, kinds)
        if (
            previous is not None
            and previous.index == k - 1
            and previous.raw.box.dimension == raw.box.dimension
        ):
            _note_steps(found, previous, now)
        previous = now
    history.finish(found)
    return found


def _until_it_fails(
    frames: Iterator[tuple[int, float, FileFrame]], found: Scan
) -> Iterator[tuple[int, float, FileFrame]]:
    """Yield frames up to one that cannot be read, which becomes a fault."""
    try:
        yield from frames
    except (FileFormatError, StoreError) as error:
        next_one = f" (`--stop {found.looked[-1] + 1}`)" if found.looked else ""
        found.faults.append((str(error), f"Repair the file, or take the frames before it{next_one}."))


class _Placed:
    """A frame with its rows in the order of ids, each id once."""

    def __init__(self, index: int, raw: FileFrame) -> None:
        self.index, self.raw = index, raw
        self.n_repeated = 0
        self.ids: Any = None
        self.order: Any = None
        if raw.ids is not None:
            order = np.argsort(raw.ids, kind="stable")
            ids = np.asarray(raw.ids, np.int64)[order]
            once = np.append(True, np.diff(ids) != 0)[: len(ids)]
            self.n_repeated = len(ids) - int(once.sum())
            self.ids, self.order = (ids[once], order[once]) if self.n_repeated else (ids, order)

    def rows_shared_with(self, other: _Placed) -> tuple[Any, Any]:
        """Return rows of the same particles in both frames."""
        if self.ids is None or other.ids is None:
            same = slice(None) if self.raw.n_particles == other.raw.n_particles else slice(0, 0)
            return same, same
        if np.array_equal(self.ids, other.ids):
            return self.order, other.order
        _, a, b = np.intersect1d(self.ids, other.ids, assume_unique=True, return_indices=True)
        return self.order[a], other.order[b]


class _History:
    """Which particles were in which frame."""

    def __init__(self) -> None:
        self.known: NDArray[np.int64] | None = None  # ascending
        self.last: NDArray[np.int64] = np.empty(0, np.int64)
        self.kinds: NDArray[Any] = np.empty(0, str)
        self.previous = -2

    def add(self, found: Scan, now: _Placed, kinds: NDArray[Any]) -> None:
        """Take note of one more frame."""
        if now.ids is None:
            return
        k, ids, kinds = now.index, now.ids, kinds[now.order]
        if self.known is None:
            self.known, self.last, self.kinds = ids, np.full(len(ids), k), kinds
        elif np.array_equal(ids, self.known):
            if not np.array_equal(kinds, self.kinds):
                found.unlike.setdefault("kind", now.raw.label)
            self._seen_again(found, slice(None), k)
        else:
            found.unlike.setdefault("ids", now.raw.label)
            self._merge(found, now, kinds)
        self.previous = k

    def _seen_again(self, found: Scan, rows: Any, k: int) -> None:
        away = k - self.last[rows] - 1
        if self.previous == k - 1 and (gaps := away > 0).any():
            found.n_gaps += int(gaps.sum())
            found.longest_gap = max(found.longest_gap, int(away.max()))
        self.last[rows] = k

    def _merge(self, found: Scan, now: _Placed, kinds: NDArray[Any]) -> None:
        assert self.known is not None
        new = ~np.isin(now.ids, self.known, assume_unique=True)
        if new.any():
            known = np.concatenate([self.known, now.ids[new]])
            order = np.argsort(known, kind="stable")
            self.last = np.concatenate([self.last, np.full(int(new.sum()), now.index)])[order]
            self.kinds = np.concatenate([self.kinds, kinds[new]])[order]
            self.known = known[order]
        rows = np.searchsorted(self.known, now.ids)
        if not np.array_equal(self.kinds[rows], kinds):
            found.unlike.setdefault("kind", now.raw.label)
        self._seen_again(found, rows, now.index)

    def finish(self, found: Scan) -> None:
        """Say how many particles there were and whether they came and went."""
        if self.known is None:
            found.ids, found.n_ids = "none", max(found.n_particles, default=0)
        else:
            found.n_ids = len(self.known)
            found.ids = "vary" if "ids" in found.unlike else "complete"


def _begin(found: Scan, raw: FileFrame, kinds: NDArray[Any]) -> None:
    found.periodic = tuple(bool(p) for p in raw.box.periodic)
    found.unwrapped, found.has_images = raw.unwrapped, raw.images is not None
    found.kinds = counts_of(kinds)
    flat = raw.positions[np.isfinite(raw.positions).all(axis=1)].ravel()
    found.coordinates = flat[:: max(1, len(flat) // _SAMPLED_COORDINATES)].copy()


def _note_frame(found: Scan, k: int, time: float, raw: FileFrame) -> None:
    found.looked.append(k)
    found.times.append(time)
    found.labels.append(raw.label)
    found.n_particles.append(raw.n_particles)
    found.vectors.append(raw.box.vectors)
    found.origins.append(raw.box.origin)
    if tuple(bool(p) for p in raw.box.periodic) != found.periodic:
        found.unlike.setdefault("periodic", raw.label)


def _note_faults(found: Scan, raw: FileFrame) -> None:
    n_bad = int((~np.isfinite(raw.positions).all(axis=1)).sum())
    if n_bad:
        found.faults.append(
            (
                f"{raw.label}: {n_bad} of {raw.n_particles} particles have coordinates that are not finite.",
                "Leave the frame out, or repair the file it came from.",
            )
        )
    elif raw.n_particles:
        found.largest_coordinate = max(found.largest_coordinate, float(np.abs(raw.positions).max()))
    if raw.box.dimension != found.dimension:
        words = f"{raw.label} is {raw.box.dimension}D, the first frame {found.dimension}D."
        found.faults.append((words, "Make two trajectories of it."))


def _note_kinds(found: Scan, raw: FileFrame, kinds: NDArray[Any]) -> None:
    now = counts_of(kinds)
    if now != found.kinds and set(now) != {k for k, n in found.kinds.items() if n}:
        found.unlike.setdefault("species", raw.label)
    for kind in now:
        found.kinds.setdefault(kind, 0)


def _note_steps(found: Scan, before: _Placed, now: _Placed) -> None:
    """Compare neighbouring frames; a box that changes carries the positions along."""
    rows_before, rows = before.rows_shared_with(now)
    box, old = now.raw.box, before.raw.box
    if not box.periodic.any() or now.raw.images is not None:
        return
    same_cell = unflipped(box.vectors, old.vectors)
    if not np.array_equal(same_cell, box.vectors):
        box = Box(same_cell, box.origin, box.periodic)
    step = box.fractional(now.raw.positions[rows]) - old.fractional(before.raw.positions[rows_before])
    step = step[np.isfinite(step).all(axis=1)]
    if not len(step):
        return
    raw_part = np.abs(step[:, box.periodic]).max()
    if box.is_orthorhombic:
        part = np.abs((step - np.rint(step))[:, box.periodic]).max()
    else:
        part = np.abs(box.minimum_image(step @ box.vectors) @ box.inverse)[:, box.periodic].max()
    found.largest_raw_step = max(found.largest_raw_step, float(raw_part))
    found.largest_step = max(found.largest_step, float(part))
    if part > 0.4 and not found.far_steps:
        found.far_steps = now.raw.label


def counts_of(kinds: NDArray[Any]) -> dict[str, int]:
    """Return how many particles there are of each kind.

    Examples
    --------
    >>> counts_of(np.array(["2", "1", "2"]))
    {'1': 1, '2': 2}
    """
    counts: dict[str, int] = {}
    rest = kinds
    while len(rest) and len(counts) < _FEW_KINDS:  # faster than sorting as long as there are few
        same = rest == rest[0]
        counts[str(rest[0])] = int(same.sum())
        rest = rest[~same]
    names, more = np.unique(rest, return_counts=True)
    return dict(sorted({**counts, **dict(zip(map(str, names), more.tolist(), strict=True))}.items()))


def unflipped(vectors: NDArray[np.float64], before: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return vectors of the same lattice that are nearest to those of the frame before: without flips of the tilt.

    Parameters
    ----------
    vectors, before : (…, d, d) float, length

    Returns
    -------
    (…, d, d) float, length

    Examples
    --------
    >>> unflipped(np.array([[4.0, 0.0], [-1.9, 4.0]]), np.array([[4.0, 0.0], [1.9, 4.0]])).tolist()
    [[4.0, 0.0], [2.1, 4.0]]
    """
    whole = np.rint(np.matmul(vectors - before, np.linalg.inv(before)) * (1 - 1e-9))
    diagonal = range(vectors.shape[-1])
    whole[..., diagonal, diagonal] = 0  # a vector that doubles is no flip
    result: NDArray[np.float64] = vectors - np.matmul(whole, vectors)
    return result


def digits_of(values: NDArray[np.float64]) -> tuple[int, float]:
    """Return with how many significant digits numbers were written, and the smallest difference that they can show.

    Examples
    --------
    >>> digits_of(np.array([1.14073, 0.457135, 9.0]))[0]
    6
    >>> digits_of(np.array([0.1, 0.7], np.float32).astype(float))[0], digits_of(np.array([2 / 3, 0.1]))[0]
    (7, 16)
    """
    values = np.abs(values[np.isfinite(values) & (values != 0)])
    if not len(values):
        return 16, 0.0
    size = np.floor(np.log10(values))
    for digits in range(1, _MOST_DIGITS + 1):
        unit = 10.0 ** (size - digits + 1)
        if (np.abs(np.rint(values / unit) - values / unit) <= 4e-16 * values / unit).all():
            return digits, float(unit.max())
    if np.array_equal(values.astype(np.float32), values):
        return 7, float(np.finfo(np.float32).eps * values.max())
    return 16, float(np.finfo(float).eps * values.max())


def box_of(found: Scan, k: int) -> Box:
    """Return the box of the k-th frame that was looked at."""
    return Box(found.vectors[k], found.origins[k], np.array(found.periodic))


def named(kinds: Mapping[str, int], source: Source | None) -> dict[str, str]:
    """Return the name of the species of each kind, in the order of the species."""
    if source is None:
        return {k: k for k in kinds}
    labels = sorted(kinds, key=_rank)
    return dict(zip(labels, source.named(labels), strict=True))


def _rank(label: str) -> tuple[float, str]:
    try:
        return float(label), label
    except ValueError:
        return np.inf, label
