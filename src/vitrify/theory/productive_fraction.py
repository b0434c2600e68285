"""Which rearrangements relax a liquid: those that go far enough, and those that are not undone."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, ShapeError, TooFewEventsError
from vitrify.particles.spacing import spacing
from vitrify.relaxation._by_origin import jackknife
from vitrify.relaxation.base import Read
from vitrify.theory.survivors import ascending, binned
from vitrify.units import LJ, Units

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]


class Estimate(NamedTuple):
    """A number with its standard error.

    Attributes
    ----------
    value, error : float
    n : int
        Rearrangements that it rests on.
    """

    value: float
    error: float
    n: int

    def times(self, other: Estimate) -> Estimate:
        """Return the product of two independent numbers, such as c = c_a f_irrev.

        Examples
        --------
        >>> Estimate(0.5, 0.01, 100).times(Estimate(0.8, 0.0, 50))
        Estimate(value=0.4, error=0.008, n=50)
        """
        error = float(np.hypot(self.value * other.error, other.value * self.error))
        return Estimate(self.value * other.value, error, min(self.n, other.n))


def displacing_fraction(events: xr.Dataset, cutoff: float, threshold: float | None = None) -> Estimate:
    r"""Return c_a: the fraction of rearrangements that move a particle by more than a.

    Parameters
    ----------
    events : xarray.Dataset
        From `vitrify.rearrangements.events.Events`; only complete ones count.
    cutoff : float, length
        a, that of the overlap.
    threshold : float, length², optional
        Smallest p_hop of a rearrangement; by default that of the events.

    Returns
    -------
    Estimate
        Its error is binomial.

    Raises
    ------
    ParameterError
        If `cutoff` is not positive.
    TooFewEventsError
        If there are no complete rearrangements.

    Notes
    -----
    **Scale** 1 for clean hops longer than a. **Differs from** a fraction of all events: those below the threshold are not
    rearrangements. The displacement is between the means before and after. **Cost** O(events).

    References
    ----------
    Schoenholz et al., Nature Physics 12, 469 (2016), Methods.

    Examples
    --------
    >>> import xarray as xr
    >>> table = {"p_hop_max": [0.1, 0.3, 0.4, 0.9], "displacement": [0.6, 0.4, 0.6, 0.9], "complete": [True] * 4}
    >>> events = xr.Dataset({k: ("event", v) for k, v in table.items()}, attrs={"rearrangement_threshold": 0.2})
    >>> round(displacing_fraction(events, cutoff=0.5).value, 3)
    0.667
    """
    if not cutoff > 0:
        raise ParameterError(f"`cutoff` must be a positive length; it is {cutoff}.")
    moved = events["displacement"].values[_rearrangements(events, threshold)]
    share, n = float((moved > cutoff).mean()), len(moved)
    return Estimate(share, float(np.sqrt((share * (1 - share) + 0.25 / n) / n)), n)


def rearrangement_time(events: xr.Dataset, threshold: float | None = None) -> Estimate:
    """Return τ_R: the mean duration of complete rearrangements, time.

    Parameters
    ----------
    events : xarray.Dataset
        From `vitrify.rearrangements.events.Events`.
    threshold : float, length², optional
        Smallest p_hop of a rearrangement; by default that of the events.

    Returns
    -------
    Estimate
        NaN as the error of a single one.

    Raises
    ------
    TooFewEventsError
        If there are no complete rearrangements.

    Notes
    -----
    **Scale** time; not far below the window of p_hop. **Differs from** the window itself, which the papers call t_R, and from
    the time above the threshold of rearrangements, `vitrify.theory.rearranging_fraction.time_above`, which is shorter and the
    one that turns a fraction above that threshold into a rate.
    """
    duration = events["duration"].values[_rearrangements(events, threshold)].astype(float)
    n = len(duration)
    error = float(duration.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan")
    return Estimate(float(duration.mean()), error, n)


def _rearrangements(events: xr.Dataset, threshold: float | None) -> NDArray[np.bool_]:
    lowest = events.attrs["rearrangement_threshold"] if threshold is None else threshold
    chosen = np.asarray((events["p_hop_max"].values > lowest) & events["complete"].values.astype(bool))
    if not chosen.any():
        raise TooFewEventsError(
            f"None of {len(chosen)} events is a complete rearrangement with p_hop above {lowest:g}. Add frames or lower "
            "the threshold."
        )
    return chosen


@dataclass(frozen=True)
class IrreversibleFraction:
    r"""Fraction of the particles that went away and did not come back: f_irrev.

    A particle went away if the running mean of its position is farther than a from where it was at the origin, and came back
    if afterwards that mean is within b of it.

    Parameters
    ----------
    window : int, frames
        Of the running mean: long against a rearrangement.
    duration : int, frames
        How long particles are watched from each origin. What goes away late has little time to come back, and what is
        watched for longer comes back more often, so there is no default.
    cutoff : float, length, default 0.5
        a.
    return_within : float, length, default 0.2
        b, below `cutoff`.
    n_origins : int, default 10
        At most so many, evenly spread and at least `duration` apart where they fit.

    Raises
    ------
    ParameterError
        If a number is outside its range.

    Notes
    -----
    **Scale** 1 if nothing returns, as in hops that always go on in one direction.
    **Differs from** the running mean of the distance, which rattling alone makes positive: here the position is averaged,
    then its distance taken.
    **Invariant under** translations and rotations of all frames. Positions must be unwrapped.
    **Cost** O(origins × duration × N); memory of three frames.

    References
    ----------
    Cubuk, PhD thesis (Harvard, 2016), section 5.6.4 and Fig. 5.21.

    Examples
    --------
    >>> frames = np.zeros((12, 2, 3))
    >>> frames[2:, :, 0] = 1.0
    >>> frames[7:, 1, 0] = 0.0
    >>> found = IrreversibleFraction(window=2, duration=12).compute(lambda a, b: frames[a:b], np.arange(12.0))
    >>> found["irreversible_fraction"].item(), found["n_away"].item()
    (0.5, 2)
    """

    name: ClassVar[str] = "irreversible_fraction"
    window: int
    duration: int
    cutoff: float = 0.5
    return_within: float = 0.2
    n_origins: int = 10

    def __post_init__(self) -> None:
        if not 0 < self.return_within < self.cutoff:
            raise ParameterError(
                f"`return_within` must be positive and below `cutoff`; they are {self.return_within}, {self.cutoff}."
            )
        if self.window < 1 or self.duration <= self.window or self.n_origins < 1:
            raise ParameterError(
                "`window` and `n_origins` must be at least 1 and `duration` longer than `window`; they are "
                f"{self.window}, {self.n_origins}, {self.duration}."
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the name and the parameters."""
        return {"name": self.name, **asdict(self)}

    def compute(
        self,
        read: Read,
        times: ArrayLike,
        particles: NDArray[np.int64] | None = None,
        *,
        read_softness: Read | None = None,
        edges: ArrayLike | None = None,
        frames: NDArray[np.int64] | None = None,
        units: Units = LJ,
    ) -> xr.Dataset:
        """Return f_irrev, and f_irrev(S) with softness and edges.

        Parameters
        ----------
        read : callable
            ``read(start, stop)`` returns unwrapped positions (stop - start, N, d), length.
        times : (F,) array_like, time
            Evenly spaced.
        particles : (m,) int, optional
            Only these.
        read_softness : callable, optional
            ``read_softness(start, stop)`` returns softness (stop - start, N), NaN where it is not known.
        edges : (n_bins + 1,) array_like, optional
            Of softness at the origin; needed with `read_softness`.
        frames : (n,) int, optional
            Origins are among these: where softness is sampled, the frames in which it is known for all particles.
        units : Units, default LJ

        Returns
        -------
        xarray.Dataset
            ``irreversible_fraction`` and its error (leaving out each origin in turn; NaN with fewer than two), ``n_away``;
            with softness also along softness_bin: ``irreversible_fraction_of_softness``, its error and
            ``n_away_of_softness``; ``n_absent``, particles left out because they are absent while watched. NaN where nothing
            went away.

        Raises
        ------
        ParameterError
            If frames are not evenly spaced, or softness comes without edges.
        ShapeError
            If the trajectory, or what follows the first of `frames`, is shorter than `duration`.
        """
        import xarray as xr

        times = np.asarray(times, np.float64)
        self._require(times, read_softness, edges)
        bins = np.array([-np.inf, np.inf]) if edges is None else ascending("edges", edges)
        parts, absent = self._count(read, read_softness, particles, self._origins(len(times), frames), bins)
        whole, error = _share_and_error(parts.sum(axis=2))
        attrs = {"units": "1", "symbol": r"f_\mathrm{irrev}", "long_name": "irreversible fraction"}
        attrs["definition"] = (
            f"moved beyond {self.cutoff:g} on running average and not back within {self.return_within:g}"
        )
        values: dict[str, Any] = {
            "irreversible_fraction": ((), whole, attrs),
            "irreversible_fraction_error": ((), error),
            "n_away": ((), int(parts[:, 1].sum())),
            "n_absent": ((), absent),
        }
        coords: dict[str, Any] = {}
        if edges is not None:
            values |= _of_softness(parts, attrs)
            coords = {
                "softness_low": ("softness_bin", bins[:-1]),
                "softness_high": ("softness_bin", bins[1:]),
            }
        watched = float((times[-1] - times[0]) / max(len(times) - 1, 1) * (self.duration - 1))
        return xr.Dataset(
            values, coords, attrs={**self.to_dict(), "watched": watched, "unit_of_watched": units.time}
        )

    def _require(self, times: Array, read_softness: Read | None, edges: ArrayLike | None) -> None:
        found = spacing(times)
        if not found.is_even:
            raise ParameterError(f"A running mean needs frames at equal intervals; these are: {found}.")
        if len(times) < self.duration:
            raise ShapeError(
                f"`duration` is {self.duration} frames; this trajectory has {len(times)}. Watch for a shorter time."
            )
        if (read_softness is None) != (edges is None):
            raise ParameterError("`read_softness` and `edges` belong together; one of them is missing.")

    def _count(
        self,
        read: Read,
        read_softness: Read | None,
        particles: NDArray[np.int64] | None,
        origins: list[int],
        bins: Array,
    ) -> tuple[Array, int]:
        """Return how many did not come back and how many went away, (origin, 2, bin), and how many were absent."""
        kept = slice(None) if particles is None else particles
        rows, absent, n = [], 0, len(bins) - 1
        for origin in origins:
            away, back, there = self._watch(read, origin, kept)
            absent += int((~there).sum())
            softness = np.zeros(len(away)) if read_softness is None else np.asarray(read_softness(origin, origin + 1), float)[0][kept]  # fmt: skip
            counted = there & away & np.isfinite(softness)
            cell = binned(softness[counted], bins)
            rows.append(
                np.stack([np.bincount(cell[~back[counted]], minlength=n), np.bincount(cell, minlength=n)])
            )
        return np.array(rows, np.float64), absent

    def estimate(self, found: xr.Dataset) -> Estimate:
        """Return the fraction of all particles with its error."""
        return Estimate(
            float(found["irreversible_fraction"]),
            float(found["irreversible_fraction_error"]),
            int(found["n_away"]),
        )

    def _origins(self, n_frames: int, frames: NDArray[np.int64] | None) -> list[int]:
        last = n_frames - self.duration
        n = min(self.n_origins, last // self.duration + 1)
        wanted = np.unique(np.linspace(0, last, n).astype(int))
        if frames is None:
            return [int(t) for t in wanted]
        allowed = np.sort(np.asarray(frames)[np.asarray(frames) <= last])
        if not len(allowed):
            raise ShapeError(
                f"`frames` must hold one that `duration` = {self.duration} frames follow; the last such is {last}, and they "
                f"begin at {int(np.min(frames))}."
            )
        before = np.maximum(np.searchsorted(allowed, wanted, side="right") - 1, 0)
        return [int(t) for t in np.unique(allowed[before])]

    def _watch(
        self, read: Read, origin: int, kept: slice | NDArray[np.int64]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which particles went away, which of these came back, and which were there all the time, (N,) each."""

        def frame(t: int) -> Array:
            return np.asarray(read(t, t + 1), np.float64)[0][kept]

        start = frame(origin)
        total = np.zeros_like(start)
        away, back = np.zeros(len(start), bool), np.zeros(len(start), bool)
        for t in range(origin, origin + self.duration):
            total += frame(t) - start
            if t - origin >= self.window:
                total -= frame(t - self.window) - start
            if t - origin >= self.window - 1:
                distance = np.sqrt((total**2).sum(axis=1)) / self.window
                back |= away & (distance < self.return_within)
                away |= distance > self.cutoff
        there: NDArray[np.bool_] = np.isfinite(total.sum(axis=1))
        return away, back, there


def _of_softness(parts: Array, attrs: dict[str, str]) -> dict[str, Any]:
    """Return the variables along softness, from counts (origin, 2, bin)."""
    share, error = zip(*(_share_and_error(parts[:, :, b]) for b in range(parts.shape[2])), strict=True)
    return {
        "irreversible_fraction_of_softness": ("softness_bin", np.array(share), attrs),
        "irreversible_fraction_of_softness_error": ("softness_bin", np.array(error)),
        "n_away_of_softness": ("softness_bin", parts[:, 1].sum(axis=0).astype(np.int64)),
    }


def _share_and_error(parts: Array) -> tuple[float, float]:
    """Return the ratio of two summed columns (n_origins, 2), and its error; NaN where the second is 0."""

    def share(sums: Array) -> Array:
        return np.array(sums[0] / sums[1] if sums[1] > 0 else np.nan)

    _, error = jackknife(parts[parts[:, 1] > 0], share)
    return float(share(parts.sum(axis=0))), float(error)
