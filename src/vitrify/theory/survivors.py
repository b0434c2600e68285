"""Survivors: particles that have not moved away since a time origin, counted by their softness then and now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ConfigurationError, ParameterError, ShapeError
from vitrify.relaxation.base import Lag, Read, resolve_lags
from vitrify.theory._survivor_moments import SUMS, Moments, moments, resamples, spread_of, widening
from vitrify.units import LJ, Units

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "Moments",
    "Survivors",
    "ascending",
    "binned",
    "combine_survivors",
    "moments",
    "resamples",
    "spread_of",
    "widening",
]

Array = NDArray[np.float64]

_CELL = ("segment", "softness_bin", "lag")
_LATER = (*_CELL, "later_bin")
_WORDS = {
    "known": "particles whose displacement is known",
    "stayed": "of those, particles that have not moved by more than the cutoff",
    "with_softness": "of those, particles with a softness at the end",
    "softness_sum": "their summed softness at the end",
    "softness_square_sum": "their summed squared softness at the end",
    "initial_sum": "summed softness at the start, of `known`",
    "later": "survivors by softness at the end; the bins at the ends take what lies beyond them",
    "later_sum": "their summed softness at the end",
    "independent_origins": "time origins that are at least one lag apart",
    "n_absent": "displacements of absent particles",
}


@dataclass(frozen=True)
class Survivors:
    r"""Counts particles that have not moved by more than a since a time origin, by softness then and now.

    Parameters
    ----------
    cutoff : float, length
        a; the papers use 0.5.
    n_origins : int, default 50
        At most so many time origins, evenly spread, for each lag.
    n_segments : int, default 10
        Contiguous pieces of the trajectory to which origins belong: what errors are resampled from. Pieces shorter than the
        memory of softness resemble each other, and errors are then too small.
    path : bool, default False
        Count only particles that were within a at *every* frame since the origin, instead of at the end. That reads all
        frames between, and origins are then the same for all lags.

    Raises
    ------
    ParameterError
        If `cutoff` is not positive, or a count is below 1.

    Notes
    -----
    **Scale** counts; `propagator` and `vitrify.theory.overlap_prediction` make densities and overlaps of them.
    **Differs from** the overlap by `path`: the papers say "that move less than a distance a after a time t", which at the end
    of t is the set of particles whose fraction is q(t); with `path` the fraction that never left is smaller.
    **Invariant under** translations and rotations of all frames. Positions must be unwrapped.
    **Cost** O(lags × origins × N), with `path` O(origins × frames × N); memory of two frames and of the counts.

    References
    ----------
    Schoenholz et al., Nature Physics 12, 469 (2016), Fig. 4; Cubuk, PhD thesis (Harvard, 2016), section 5.6.1.

    Examples
    --------
    >>> frames, softness = np.zeros((4, 2, 3)), np.tile([-0.5, 0.5], (4, 1))
    >>> frames[2:, 0, 0] = 1.0
    >>> counts = Survivors(0.5).count(
    ...     lambda a, b: frames[a:b], lambda a, b: softness[a:b], np.arange(4.0), [-1, 0, 1], [0, 3]
    ... )
    >>> counts["known"].sum("segment").values.tolist(), counts["stayed"].sum("segment").values.tolist()
    ([[4.0, 1.0], [4.0, 1.0]], [[4.0, 0.0], [4.0, 1.0]])
    """

    name: ClassVar[str] = "survivors"
    cutoff: float
    n_origins: int = 50
    n_segments: int = 10
    path: bool = False

    def __post_init__(self) -> None:
        if not self.cutoff > 0 or min(self.n_origins, self.n_segments) < 1:
            raise ParameterError(
                "`cutoff` must be a positive length, `n_origins` and `n_segments` at least 1; they are "
                f"{self.cutoff}, {self.n_origins}, {self.n_segments}."
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the name and the parameters."""
        return {"name": self.name, **asdict(self)}

    def count(
        self,
        read: Read,
        read_softness: Read,
        times: ArrayLike,
        edges: ArrayLike,
        lags: ArrayLike | None = None,
        particles: NDArray[np.int64] | None = None,
        *,
        frames: NDArray[np.int64] | None = None,
        later_edges: ArrayLike | None = None,
        units: Units = LJ,
    ) -> xr.Dataset:
        """Return the counts of one trajectory.

        Parameters
        ----------
        read : callable
            ``read(start, stop)`` returns unwrapped positions (stop - start, N, d), length; NaN for absent particles.
        read_softness : callable
            ``read_softness(start, stop)`` returns softness (stop - start, N), NaN where it is not known.
        times : (F,) array_like, time
            Of the frames of both, of any spacing.
        edges : (n_bins + 1,) array_like
            Of the softness at the start, from `vitrify.theory.rearrangement_probability.softness_bins`. The bins at the ends
            also take what lies beyond them.
        lags : (n,) array_like, optional
            Integers are frames, where those are evenly spaced; other numbers are times. By default about eight for a factor
            of ten. Lag 0 is always among them.
        particles : (m,) int, optional
            Only these.
        frames : (n,) int, optional
            Look only at these frames, ascending. Needed where softness is sampled every few frames: between them it is
            often known only for particles that are about to rearrange. Lags in frames then count these.
        later_edges : (n_later + 1,) array_like, optional
            Of the softness at the end. By default bins half as wide that reach a quarter of the range further on both sides.
        units : Units, default LJ

        Returns
        -------
        xarray.Dataset
            Dims segment, softness_bin, lag: ``known``, ``stayed``, ``with_softness``, ``softness_sum``,
            ``softness_square_sum``, ``initial_sum``; with dim later_bin also ``later`` and ``later_sum``; dim lag:
            ``independent_origins`` and ``n_absent``. Particles without a softness at the origin count nowhere.

        Raises
        ------
        ShapeError
            If a lag does not fit into the trajectory, or positions and softness are not of the same particles.
        ParameterError
            If lags are whole numbers of frames that are not evenly spaced, or times or edges do not ascend.
        ConfigurationError
            If softness is known for less than half as many particles at one origin as at another.
        """
        import xarray as xr

        if frames is not None:
            times = np.asarray(times, np.float64)[frames]
            read, read_softness = _only(read, frames), _only(read_softness, frames)

        edges = ascending("edges", edges)
        later = _finer(edges) if later_edges is None else ascending("later_edges", later_edges)
        times = np.asarray(times, np.float64)
        found = _with_zero(times, lags)
        tally = _Tally(self, edges, later, len(found))
        pairs = _by_origin(found, self.n_origins, len(times), common=self.path)
        for origin, ends in pairs.items():
            first = _frame(read, read_softness, origin, particles)
            tally.begin(origin, origin * self.n_segments // len(times), first)
            for frame, lag in self._frames_after(origin, ends):
                tally.add(lag, _frame(read, read_softness, frame, particles))
        _require_alike(tally.fraction, frames)
        independent = [
            len(lag.separate_origins(np.array(sorted(o for o, e in pairs.items() if k in e.values())), len(times)))
            for k, lag in enumerate(found)
        ]  # fmt: skip
        values: dict[str, Any] = {name: (_CELL, tally.sums[k]) for k, name in enumerate(SUMS)}
        values |= {"later": (_LATER, tally.later[0]), "later_sum": (_LATER, tally.later[1])}
        counted = {"independent_origins": ("lag", np.array(independent)), "n_absent": ("lag", tally.absent)}
        dataset = xr.Dataset(
            values | counted,
            {
                "lag": ("lag", [lag.time for lag in found], {"units": units.time, "symbol": "t", "long_name": "time"}),
                "segment": np.arange(self.n_segments),
                "softness_low": ("softness_bin", edges[:-1]),
                "softness_high": ("softness_bin", edges[1:]),
                "later_low": ("later_bin", later[:-1]),
                "later_high": ("later_bin", later[1:]),
            },
            attrs={"cutoff": self.cutoff, "path": int(self.path), "unit_system": units.name},
        )  # fmt: skip
        for name, words in _WORDS.items():
            dataset[name].attrs = {"units": "1", "long_name": words}
        return dataset

    def _frames_after(self, origin: int, ends: dict[int, int]) -> Iterator[tuple[int, int | None]]:
        """Yield the frames to look at and which lag each is at; with `path` also frames at none."""
        last = max(ends)
        for frame in range(origin, last + 1) if self.path else sorted(ends):
            yield frame, ends.get(frame)


class _Now(NamedTuple):
    positions: Array
    softness: Array


class _Tally:
    """Sums that grow pair of frames by pair of frames."""

    def __init__(self, of: Survivors, edges: Array, later: Array, n_lags: int) -> None:
        shape = (of.n_segments, len(edges) - 1, n_lags)
        self.of, self.edges, self.later_edges = of, edges, later
        self.sums = np.zeros((len(SUMS), *shape))
        self.later = np.zeros((2, *shape, len(later) - 1))
        self.absent = np.zeros(n_lags, np.int64)
        self.fraction: dict[int, float] = {}

    def begin(self, origin: int, segment: int, first: _Now) -> None:
        """Start from an origin: only particles with a softness there count."""
        self.segment = segment
        present = np.isfinite(first.positions).all(axis=1)
        self.fraction[origin] = (
            float(np.isfinite(first.softness[present]).mean()) if present.any() else np.nan
        )
        self.chosen = np.isfinite(first.softness)
        self.positions, self.softness = first.positions[self.chosen], first.softness[self.chosen]
        self.bin = binned(self.softness, self.edges)
        self.alive = np.ones(len(self.bin), bool)

    def add(self, lag: int | None, now: _Now) -> None:
        """Count one frame, which is at some lag, or only on the way to one."""
        squared = ((now.positions[self.chosen] - self.positions) ** 2).sum(axis=1)
        known = ~np.isnan(squared)
        within = known & (squared < self.of.cutoff**2)
        if self.of.path:
            self.alive &= within | ~known
            within &= self.alive
        if lag is None:
            return
        self.absent[lag] += len(known) - int(known.sum())
        softness = now.softness[self.chosen]
        seen = within & np.isfinite(softness)
        s, cell = softness[seen], self.bin[seen]
        n_bins, n_later = len(self.edges) - 1, len(self.later_edges) - 1
        weights: tuple[tuple[NDArray[np.int64], Array | None], ...] = (
            (self.bin[known], None), (self.bin[within], None), (cell, None), (cell, s), (cell, s * s),
            (self.bin[known], self.softness[known]),
        )  # fmt: skip
        for k, (where, weight) in enumerate(weights):
            self.sums[k, self.segment, :, lag] += np.bincount(where, weight, minlength=n_bins)
        both = cell * n_later + binned(s, self.later_edges)
        for k, weight in enumerate((None, s)):
            table = np.bincount(both, weight, minlength=n_bins * n_later).reshape(n_bins, n_later)
            self.later[k, self.segment, :, lag] += table


def _only(read: Read, frames: NDArray[np.int64]) -> Read:
    """Return a reader of some of the frames, one at a time."""
    return lambda start, stop: np.concatenate(
        [np.asarray(read(t, t + 1)) for t in np.asarray(frames)[start:stop].tolist()]
    )


def _require_alike(fraction: dict[int, float], frames: NDArray[np.int64] | None) -> None:
    """Refuse softness that is known for some particles at some origins and for all at others: those were selected."""
    known = {t: f for t, f in fraction.items() if np.isfinite(f)}
    if not known:
        return
    few, most = min(known, key=known.__getitem__), max(known, key=known.__getitem__)
    if known[few] < 0.5 * known[most]:
        at = [int(t if frames is None else frames[t]) for t in (few, most)]
        raise ConfigurationError(
            f"Softness is known for {known[few]:.2%} of the particles in frame {at[0]} and for {known[most]:.2%} in frame "
            f"{at[1]}: those of the first are a selection. Give as `frames` those where it is known for all."
        )


def ascending(name: str, edges: ArrayLike) -> Array:
    """Return edges as an array.

    Raises
    ------
    ParameterError
        If they are not finite and increasing.
    """
    found = np.asarray(edges, np.float64)
    if found.ndim != 1 or len(found) < 2 or not np.isfinite(found).all() or not (np.diff(found) > 0).all():
        raise ParameterError(f"`{name}` must be finite and increasing; they are {found.tolist()}.")
    return found


def binned(values: Array, edges: Array) -> NDArray[np.int64]:
    """Return the bin of each value, (n,); the bins at the ends take what lies beyond them.

    Examples
    --------
    >>> binned(np.array([-5.0, 0.5, 1.0, 9.0]), np.array([0.0, 1.0, 2.0])).tolist()
    [0, 0, 1, 1]
    """
    return np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)


def _finer(edges: Array) -> Array:
    width = 0.5 * float(np.median(np.diff(edges)))
    reach = 0.25 * (edges[-1] - edges[0])
    n = int(np.ceil((edges[-1] - edges[0] + 2 * reach) / width))
    return np.asarray(np.linspace(edges[0] - reach, edges[-1] + reach, n + 1), np.float64)


def _with_zero(times: Array, lags: ArrayLike | None) -> list[Lag]:
    """Return the lags in ascending order, each once, beginning with 0."""
    found = {lag.time: lag for lag in resolve_lags(times, lags)}
    if 0.0 not in found:
        found[0.0] = resolve_lags(times, [0.0])[0]
    return [found[t] for t in sorted(found)]


def _by_origin(lags: list[Lag], n_origins: int, n_frames: int, *, common: bool) -> dict[int, dict[int, int]]:
    """Return for each origin the frames that follow it and the number of their lag."""
    same = set(np.unique(np.linspace(0, n_frames - 1, min(n_origins, n_frames)).astype(int)).tolist())
    found: dict[int, dict[int, int]] = {}
    for k, lag in enumerate(lags):
        pairs = lag.pairs if common else lag.chosen(n_origins)
        for origin, end in zip(pairs.origins.tolist(), pairs.ends.tolist(), strict=True):
            if not common or origin in same:
                found.setdefault(origin, {})[end] = k
    return dict(sorted(found.items()))


def _frame(read: Read, read_softness: Read, t: int, particles: NDArray[np.int64] | None) -> _Now:
    kept = slice(None) if particles is None else particles
    positions = np.asarray(read(t, t + 1), np.float64)[0]
    softness = np.asarray(read_softness(t, t + 1), np.float64)[0]
    if softness.shape != positions.shape[:1]:
        raise ShapeError(
            f"Softness must be known, or NaN, for each of the {len(positions)} particles of frame {t}; it has shape "
            f"{softness.shape}."
        )
    return _Now(positions[kept], softness[kept])


def combine_survivors(counts: Sequence[xr.Dataset]) -> xr.Dataset:
    """Join counts of independent runs of one state point; their segments are put side by side.

    Parameters
    ----------
    counts : sequence of xarray.Dataset
        From `Survivors.count` with the same edges, lags and cutoff.

    Returns
    -------
    xarray.Dataset

    Raises
    ------
    ParameterError
        If there are none.
    ShapeError
        If edges, lags or cutoffs differ.
    """
    import xarray as xr

    if not counts:
        raise ParameterError("`counts` is empty: there are no survivors to combine.")
    first = counts[0]
    for other in counts[1:]:
        for name in ("lag", "softness_low", "softness_high", "later_low", "later_high"):
            if not np.array_equal(first[name].values, other[name].values):
                raise ShapeError(f"Counts of survivors combine only with the same bins and lags; `{name}` differs.")  # fmt: skip
        if first.attrs != other.attrs:
            raise ShapeError(
                f"Counts of survivors combine only with the same cutoff; they have {first.attrs} and {other.attrs}."
            )
    joined = xr.concat(
        [c.drop_vars(["independent_origins", "n_absent"]) for c in counts],
        "segment",
        data_vars="minimal",
        coords="minimal",
        compat="override",
        join="override",
        combine_attrs="override",
    ).assign_coords(segment=np.arange(sum(c.sizes["segment"] for c in counts)))
    for name in ("independent_origins", "n_absent"):
        joined[name] = ("lag", sum(c[name].values for c in counts), first[name].attrs)
    return joined
