"""What stands behind a displacement: one rearrangement, a smaller event, or several of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError
from vitrify.relaxation._by_origin import jackknife
from vitrify.relaxation.base import Read, resolve_lags
from vitrify.units import LJ, Units

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]


def events_behind_displacements(
    events: xr.Dataset,
    read: Read,
    times: ArrayLike,
    cutoff: float,
    thresholds: ArrayLike,
    lags: ArrayLike | None = None,
    particles: NDArray[np.int64] | None = None,
    *,
    n_origins: int = 10,
    units: Units = LJ,
) -> xr.Dataset:
    """Return which part of the displacements beyond a has no event above a threshold behind it, or no event longer than a.

    Parameters
    ----------
    events : xarray.Dataset
        From `vitrify.rearrangements.events.Events`.
    read : callable
        ``read(start, stop)`` returns unwrapped positions (stop - start, N, d), length.
    times : (F,) array_like, time
    cutoff : float, length
        a, that of the overlap.
    thresholds : (n,) array_like, length²
        Of the largest p_hop of an event.
    lags : (m,) array_like, optional
        As of `vitrify.relaxation.overlap.Overlap`; lag 0 is left out.
    particles : (k,) int, optional
        Only these.
    n_origins : int, default 10
        At most so many time origins for each lag.
    units : Units, default LJ

    Returns
    -------
    xarray.Dataset
        Dims threshold, lag: ``share_below``, the part of the particles displaced by more than a after the lag whose strongest
        event in between (of those that overlap with it) is at most the threshold, and its error (leaving out each origin).
        Dim lag: ``share_accumulated``, the part of which no single event went further than a, and its error; ``n``, the
        displacements. NaN where there are none.

    Raises
    ------
    ParameterError
        If `cutoff` is not positive or there is no threshold.

    Notes
    -----
    **Scale** 0 if every displacement is one rearrangement: then c P_R(S) is the rate at which the overlap falls. What is above
    0 is motion that P_R leaves out, or that a single step from P_R to the overlap leaves out.
    **Differs from** the fraction c_a, which is one of events, not of displacements.
    **Invariant under** translations and rotations of all frames. Positions must be unwrapped.
    **Cost** O(lags × origins × (N + events)).

    Examples
    --------
    >>> from vitrify.rearrangements.events import Events
    >>> positions = np.zeros((60, 2, 3))
    >>> positions[20:, 0, 0] = 0.8
    >>> positions[20:, 1, 0], positions[40:, 1, 0] = 0.35, 0.7
    >>> def read(start, stop):
    ...     return positions[start:stop]
    >>> events = Events().stream(read, np.arange(60.0))
    >>> found = events_behind_displacements(events, read, np.arange(60.0), 0.5, [0.2], [50], n_origins=1)
    >>> found["share_below"].item(), found["share_accumulated"].item(), found["n"].item()
    (0.5, 0.5, 2)
    """
    import xarray as xr

    thresholds = np.asarray(thresholds, np.float64)
    if not cutoff > 0 or not thresholds.size:
        raise ParameterError(
            f"`cutoff` must be positive and `thresholds` not empty; they are {cutoff}, {thresholds.tolist()}."
        )
    found = [lag for lag in resolve_lags(times, lags) if lag.time > 0]
    first = np.asarray(read(0, 1))
    kept = np.arange(first.shape[1]) if particles is None else np.asarray(particles, np.int64)
    table = _Table.of(events, kept, first.shape[1])
    shares = []
    for lag in found:
        pairs = lag.chosen(n_origins)
        rows = [
            table.behind(np.asarray(read(a, a + 1))[0][kept], np.asarray(read(b, b + 1))[0][kept], a, b, cutoff, thresholds)
            for a, b in zip(pairs.origins.tolist(), pairs.ends.tolist(), strict=True)
        ]  # fmt: skip
        shares.append(_shares(np.array(rows, np.float64)))
    value = np.array([s[0] for s in shares]).reshape(len(found), len(thresholds) + 1)
    error = np.array([s[1] for s in shares]).reshape(value.shape)
    below = {"units": "1", "symbol": r"f_{<p_c}", "long_name": "displacements without a rearrangement"}
    added = {"units": "1", "symbol": r"f_\Sigma", "long_name": "displacements that add up"}
    values: dict[str, Any] = {
        "share_below": (("threshold", "lag"), value[:, :-1].T, below),
        "share_below_error": (("threshold", "lag"), error[:, :-1].T, {"units": "1"}),
        "share_accumulated": ("lag", value[:, -1], added),
        "share_accumulated_error": ("lag", error[:, -1], {"units": "1"}),
        "n": ("lag", np.array([s[2] for s in shares], np.int64), {"units": "1"}),
    }
    return xr.Dataset(
        values,
        {
            "threshold": thresholds,
            "lag": (
                "lag",
                [lag.time for lag in found],
                {"units": units.time, "symbol": "t", "long_name": "time"},
            ),
        },
        attrs={"cutoff": float(cutoff)},
    )


class _Table(NamedTuple):
    """Columns of the events of the particles that count, by their place among them."""

    n: int
    row: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    p_hop: Array
    length: Array

    @classmethod
    def of(cls, events: xr.Dataset, kept: NDArray[np.int64], n_particles: int) -> _Table:
        place = np.full(n_particles, -1)
        place[kept] = np.arange(len(kept))
        row = place[events["particle"].values]
        mine = row >= 0
        columns = [events[k].values[mine] for k in ("first_frame", "last_frame", "p_hop_max", "displacement")]
        return cls(len(kept), row[mine], *columns)

    def behind(
        self, start: Array, end: Array, begin: int, stop: int, cutoff: float, thresholds: Array
    ) -> NDArray[np.int64]:
        """Return of one pair of frames: displaced with nothing above each threshold, with nothing longer than a, displaced."""
        far = ((end - start) ** 2).sum(axis=1) > cutoff**2
        between = (self.last >= begin) & (self.first <= stop)
        strongest, longest = np.zeros(self.n), np.zeros(self.n)
        np.maximum.at(strongest, self.row[between], self.p_hop[between])
        np.maximum.at(longest, self.row[between], self.length[between])
        weak = (strongest[far][:, None] <= thresholds).sum(axis=0)
        return np.concatenate([weak, [(longest[far] <= cutoff).sum(), far.sum()]])


def _shares(rows: Array) -> tuple[Array, Array, int]:
    """Return shares of the last column (m,), their errors, and the sum of that column, from rows of origins (o, m + 1)."""

    def share(sums: Array) -> Array:
        return np.asarray(sums[:-1] / (sums[-1] if sums[-1] > 0 else np.nan))

    seen = rows[rows[:, -1] > 0]
    total = rows.sum(axis=0)
    return share(total), jackknife(seen, share)[1], int(total[-1])
