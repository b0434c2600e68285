"""The overlap that follows from softness: the naive law, the propagator, and the distribution of survivors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ParameterError, ShapeError
from vitrify.theory.log_quadratic import LogQuadratic
from vitrify.theory.survivors import Moments, moments, resamples, spread_of, widening

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

ROUTES = ("naive", "gaussian", "binned", "direct")
_EVERY_STEP = 2000  # steps up to here are taken one by one, later ones in groups
_PER_DECADE = 500
_LARGEST = 1 - 1e-12  # probability per step


@dataclass(frozen=True)
class OverlapPrediction:
    r"""Predicts the decay of the overlap from how often particles of each softness rearrange.

    A particle that has not moved by time t moves in the next step with the probability f_t, an average of c P_R(S) over its
    softness then:

    .. math:: q(S_0, t) = \prod_{t'=0}^{t-1} (1 - f_{t'}), \qquad f_t = \int G(S, t | S_0)\, c\, P_R(S)\, dS, \qquad
        q(t) = \int q(S_0, t)\, P(S_0)\, dS_0

    in steps of the time that P_R belongs to. Four routes to f: ``naive``, S stays S₀ and f = c P_R(S₀); ``gaussian``, G
    is a Gaussian of the measured mean and variance; ``binned``, the measured G; ``direct``, the measured distribution of
    softness of all survivors, which gives q(t) alone.

    Parameters
    ----------
    productive : float, default 1
        c = c_a f_irrev, the fraction of rearrangements that change the overlap. It may exceed 1 where motion that is not
        counted as a rearrangement empties the overlap as well; `initial_decay` measures it from short times.
    productive_error : float, default 0
    n_resamples : int, default 100
        Bootstrap samples: segments of the trajectory drawn with replacement, ln P_R from its covariance, c from its error.
    min_survivors : int, default 20
        Where fewer remain of a bin, its propagator is not used: it is interpolated, and held constant at the end.
    seed : int, default 0

    Raises
    ------
    ParameterError
        If a number is outside its range.

    Notes
    -----
    **Scale** 1 at t = 0.
    **Differs from** the printed sums in three places. Eq. 5.17, 1 − Σ_{t'=0}^{t} …, is the product up to and including t and
    gives q(0) = 1 − f_0; here the product ends at t − 1. P_R is multiplied by c, which eq. 5.17 leaves out. And the direct
    route needs the distribution of *survivors*, ∫ G(S, t | S₀) q(S₀, t) P(S₀) dS₀ / q(t), which is measured here; the printed
    ∫ G P dS₀ lacks the factor q, since G belongs to particles that have not moved.
    **Invariant under** S → 2 S + k together with P_R and the bins.
    **Cost** O(resamples × (counts + bins × steps)), the steps after 2000 in logarithmic groups.

    References
    ----------
    Schoenholz et al., Nature Physics 12, 469 (2016), Fig. 3; Cubuk, PhD thesis (Harvard, 2016), eqs. 5.14-5.18.

    Examples
    --------
    >>> from vitrify.theory.survivors import Survivors
    >>> rng = np.random.default_rng(0)
    >>> positions = 2.0 * np.cumsum(rng.random((40, 5000, 1)) < 0.1, axis=0)
    >>> softness = rng.normal(size=(40, 5000))
    >>> counts = Survivors(0.5).count(
    ...     lambda a, b: positions[a:b], lambda a, b: softness[a:b], np.arange(40.0), [-2, 0, 2], [0, 1, 10]
    ... )
    >>> law = LogQuadratic(np.array([np.log(0.1), 0.0, 0.0]), np.zeros((3, 3)))
    >>> found = OverlapPrediction().compute(counts, law)
    >>> found["predicted"].sel(route="gaussian").values.round(3).tolist(), found["measured"].values.round(2).tolist()
    ([1.0, 0.9, 0.349], [1.0, 0.9, 0.35])
    """

    productive: float = 1.0
    productive_error: float = 0.0
    n_resamples: int = 100
    min_survivors: int = 20
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.productive < np.inf or not self.productive_error >= 0:
            raise ParameterError(
                "`productive` must be positive and `productive_error` not negative; they are "
                f"{self.productive}, {self.productive_error}."
            )
        if self.n_resamples < 0 or self.min_survivors < 1:
            raise ParameterError(
                f"`n_resamples` must not be negative and `min_survivors` at least 1; they are {self.n_resamples}, "
                f"{self.min_survivors}."
            )

    def compute(self, counts: xr.Dataset, law: LogQuadratic) -> xr.Dataset:
        """Return prediction, measurement and their distance.

        Parameters
        ----------
        counts : xarray.Dataset
            From `vitrify.theory.survivors.Survivors.count` or `combine_survivors`.
        law : LogQuadratic
            P_R(S) at the temperature of the counts.

        Returns
        -------
        xarray.Dataset
            Dim lag: ``measured`` q(t) and its error (bootstrap of segments, not below counting; NaN with fewer than two
            segments, or origins that are a lag apart; 0 at lag 0). Dims route, lag: ``predicted`` and its error. Dims softness_bin, lag: ``measured_of_softness`` q(S, t)
            and its error; with route, ``predicted_of_softness`` (NaN for the direct route) and its error. Dim route:
            ``distance``, the root mean square of predicted − measured over the lags above 0, which count alike, and its
            error. Coordinates softness and lag. All weights of S₀ are those of the particles that the measurement has at
            the same lag.

        Raises
        ------
        ShapeError
            If no displacement is known at any lag above 0.
        ParameterError
            If ln P_R curves upwards so much that its Gaussian average is infinite.
        """
        lags = counts["lag"].values.astype(float)
        best = moments(counts)
        if not (best.known[:, lags > 0] > 0).any():
            raise ShapeError(
                f"The overlap needs displacements at a lag above 0; the counts have {len(lags)} lags and none. Add lags."
            )
        answer = self._curves(best, lags, law, self.productive)
        rng = np.random.default_rng(self.seed)
        drawn, failed = [], 0
        for weight in resamples(counts, self.n_resamples, rng):
            c = max(float(rng.normal(self.productive, self.productive_error)), 1e-6)
            try:
                drawn.append(self._curves(moments(counts, weight), lags, law.drawn(rng), c))
            except ParameterError:
                failed += 1
        error = _Curves(
            *(spread_of([d[k] for d in drawn], np.asarray(answer[k])) for k in range(len(_Curves._fields)))
        )
        short = widening(counts)
        error = error._replace(
            measured=_not_below(error.measured * short, best.stayed.sum(0), best.known.sum(0), lags),
            of_softness=_not_below(error.of_softness * short, best.stayed, best.known, lags),
        )
        return self._dataset(counts, best, answer, error, failed)

    def _curves(self, m: Moments, lags: Array, law: LogQuadratic, c: float) -> _Curves:
        share = m.known / np.where(m.known.sum(axis=0) > 0, m.known.sum(axis=0), np.nan)
        seen = np.where(m.known > 0, m.known, np.nan)
        measured = m.stayed.sum(axis=0) / np.where(m.known.sum(axis=0) > 0, m.known.sum(axis=0), np.nan)
        steps = _steps(lags[-1] / law.step)
        of_softness = np.full((len(ROUTES), *m.known.shape), np.nan)
        predicted = np.full((len(ROUTES), len(lags)), np.nan)
        for k, route in enumerate(ROUTES):
            f = c * self._probability(route, m, lags, law, steps * law.step)
            found = _survival(f, steps, lags / law.step)
            if route == "direct":
                predicted[k] = found[0]
                continue
            of_softness[k] = found
            predicted[k] = np.where(share > 0, share * found, 0.0).sum(axis=0)
        predicted = np.where(np.isfinite(measured), predicted, np.nan)
        gap = ((predicted - measured) ** 2)[:, lags > 0]
        there = np.isfinite(gap)
        square = np.where(there, gap, 0.0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
        return _Curves(measured, m.stayed / seen, predicted, of_softness, np.sqrt(square))

    def _probability(self, route: str, m: Moments, lags: Array, law: LogQuadratic, times: Array) -> Array:
        """Return the probability per step that a survivor moves, at each time, (B, T) or (1, T)."""
        if route == "naive":
            return np.repeat(law.predict(m.initial)[:, None], len(times), axis=1)
        if route == "gaussian":
            use = m.n >= self.min_survivors
            mean, variance = (_interpolated(v, use, lags, times) for v in (m.mean, m.variance))
            alone = np.isnan(mean)
            mean = np.where(alone, m.initial[:, None], mean)
            return law.over_gaussian(mean, np.where(alone, 0.0, variance))
        moving, n = (m.later * law.predict(m.later_mean)).sum(axis=-1), m.later.sum(axis=-1)
        at_start, weight = law.predict(m.initial), m.known[:, 0]
        if route == "direct":
            moving, n = moving.sum(axis=0, keepdims=True), n.sum(axis=0, keepdims=True)
            at_start = np.atleast_1d(np.average(at_start, weights=weight if weight.any() else None))
        f = _interpolated(moving / np.where(n > 0, n, np.nan), n >= self.min_survivors, lags, times)
        return np.where(np.isnan(f), at_start[:, None], f)

    def _dataset(self, counts: xr.Dataset, best: Moments, a: _Curves, e: _Curves, failed: int) -> xr.Dataset:
        import xarray as xr

        cell = ("softness_bin", "lag")
        named: dict[str, tuple[Any, Array, str, str]] = {
            "measured": ("lag", a.measured, "q(t)", "overlap, measured"),
            "measured_error": ("lag", e.measured, r"\delta q(t)", "standard error of measured"),
            "predicted": (("route", "lag"), a.predicted, "q(t)", "overlap, predicted from softness"),
            "predicted_error": (("route", "lag"), e.predicted, r"\delta q(t)", "standard error of predicted"),
            "measured_of_softness": (cell, a.of_softness, "q(S, t)", "overlap by softness, measured"),
            "measured_of_softness_error": (cell, e.of_softness, r"\delta q(S, t)", "standard error of measured_of_softness"),
            "predicted_of_softness": (("route", *cell), a.predicted_of_softness, "q(S, t)", "overlap by softness, predicted"),
            "predicted_of_softness_error": (("route", *cell), e.predicted_of_softness, r"\delta q(S, t)", "standard error of predicted_of_softness"),
            "distance": ("route", a.distance, r"\Delta_q", "root mean square distance of prediction and measurement"),
            "distance_error": ("route", e.distance, r"\delta\Delta_q", "standard error of distance"),
        }  # fmt: skip
        attrs = {
            "cutoff": counts.attrs["cutoff"],
            "productive": self.productive,
            "productive_error": self.productive_error,
            "path": counts.attrs["path"],
            "n_resamples": self.n_resamples,
        }
        if failed:
            attrs["note"] = (
                f"{failed} of {self.n_resamples} drawn laws have no finite average over softness and are left out"
            )
        return xr.Dataset(
            {
                name: (dims, values, {"units": "1", "symbol": symbol, "long_name": words})
                for name, (dims, values, symbol, words) in named.items()
            },
            {
                "route": list(ROUTES),
                "lag": counts["lag"],
                "softness": ("softness_bin", best.initial),
                "softness_low": counts["softness_low"],
                "softness_high": counts["softness_high"],
            },
            attrs=attrs,
        )


class _Curves(NamedTuple):
    measured: Array
    of_softness: Array
    predicted: Array
    predicted_of_softness: Array
    distance: Array


def _counting(stayed: Array, known: Array) -> Array:
    """Return the binomial error of stayed / known, never below that of one particle more or less."""
    rare = np.minimum(stayed, known - stayed)
    n = np.where(known > 0, known, np.nan)
    return np.sqrt(np.maximum(rare * np.maximum(stayed, known - stayed) / n, 1.0)) / n


def _not_below(error: Array, stayed: Array, known: Array, lags: Array) -> Array:
    """Return errors that are not below counting where they are known, and 0 at lag 0."""
    found = np.where(np.isnan(error), np.nan, np.fmax(error, _counting(stayed, known)))
    return np.where((lags == 0) & (known > 0), 0.0, found)


def _steps(last: float) -> Array:
    """Return the steps at which the probability is looked at: all of the first, then ever fewer, and the last, (T,)."""
    n = max(1, int(np.ceil(last)))
    if n <= _EVERY_STEP:
        return np.arange(n + 1, dtype=np.float64)
    n_later = int(np.ceil(_PER_DECADE * np.log10(n / _EVERY_STEP))) + 2
    later = np.rint(np.geomspace(_EVERY_STEP, n, n_later))
    return np.unique(np.concatenate([np.arange(_EVERY_STEP), later]))


def _survival(f: Array, steps: Array, wanted: Array) -> Array:
    """Return the product of 1 − f over all steps before `wanted`, (B, n); between steps ln q goes straight.

    Between the steps that are given, ln(1 − f) is taken to go straight, and the sum over them is exact.

    Examples
    --------
    >>> _survival(np.full((1, 3), 0.5), np.array([0.0, 1.0, 4.0]), np.array([0.0, 1.0, 1.5, 4.0])).round(4).tolist()
    [[1.0, 0.5, 0.3536, 0.0625]]
    """
    g = np.log1p(-np.minimum(f, _LARGEST))
    width = np.diff(steps)
    between = width * g[:, :-1] + (g[:, 1:] - g[:, :-1]) * (width - 1) / 2
    total = np.concatenate([np.zeros((len(g), 1)), np.cumsum(between, axis=1)], axis=1)
    return np.exp(np.array([np.interp(wanted, steps, row) for row in total]))


def _interpolated(values: Array, use: NDArray[np.bool_], lags: Array, times: Array) -> Array:
    """Return rows of values at other times, (B, T), straight in ln(1 + t / shortest lag); NaN for rows without any."""
    shortest = lags[lags > 0][0]
    x, wanted = np.log1p(lags / shortest), np.log1p(times / shortest)
    found = np.full((len(values), len(times)), np.nan)
    for row, value, known in zip(found, values, use & np.isfinite(values), strict=True):
        if known.any():
            row[:] = np.interp(wanted, x[known], value[known])
    return found


def initial_decay(
    counts: xr.Dataset,
    law: LogQuadratic,
    displacing: float,
    displacing_error: float = 0.0,
    *,
    lag: float | None = None,
    n_resamples: int = 200,
    seed: int = 0,
) -> xr.Dataset:
    r"""Compare how fast q(S, t) begins to fall with how often particles of that softness rearrange.

    .. math:: -\frac{dq(S, t)}{dt}\Big|_{t=0} = c_a P_R(S)

    Parameters
    ----------
    counts : xarray.Dataset
        From `vitrify.theory.survivors.Survivors.count`, of inherent positions.
    law : LogQuadratic
    displacing : float
        c_a, from `vitrify.theory.productive_fraction.displacing_fraction`.
    displacing_error : float, default 0
    lag : float, time, optional
        At which the decay is taken, a lag of the counts; by default the shortest above 0. It must exceed the time that a
        rearrangement takes, and q must still be near 1.
    n_resamples : int, default 200
    seed : int, default 0

    Returns
    -------
    xarray.Dataset
        Dim softness_bin: ``decay``, per step of P_R, 1 − q(S, t)^(step / t), which is 1 − q at t = one step; ``expected``,
        c_a P_R(S); ``ratio`` of the two, and the errors of all three, not below counting. NaN in bins without particles.
        Without dimension: ``productive``, the c with which c P_R(S), averaged over all particles, is the decay, and its error:
        with it as c of `OverlapPrediction`, short times are matched and long ones predicted.

    Raises
    ------
    ParameterError
        If the counts do not have the lag.

    Notes
    -----
    **Scale** the ratio is 1 if rearrangements alone empty the overlap, and independent of S if softness orders it. It exceeds
    1 where smaller events add up to a: those between the thresholds of an event and of a rearrangement are not in P_R.
    **Differs from** the slope of thermal positions, which rattling adds to. **Cost** O(resamples × counts).

    References
    ----------
    Schoenholz et al., Nature Physics 12, 469 (2016), Fig. 2a.
    """
    import xarray as xr

    lags = counts["lag"].values.astype(float)
    positive = lags[lags > 0]
    wanted = lag if lag is not None else positive[0] if len(positive) else 0.0
    k = int(np.argmin(np.abs(lags - wanted)))
    if not wanted > 0 or not np.isclose(lags[k], wanted, rtol=1e-6):
        raise ParameterError(
            f"`lag` must be one of those of the counts above 0, {positive.tolist()}; it is {lag}."
        )
    rng = np.random.default_rng(seed)

    def at(m: Moments, p: LogQuadratic, c: float) -> tuple[Array, Array, Array, Array]:
        q = m.stayed[:, k] / np.where(m.known[:, k] > 0, m.known[:, k], np.nan)
        decay = 1 - q ** (law.step / lags[k])
        expected = c * p.predict(m.initial)
        n = m.known[:, k]
        whole = float((n * p.predict(m.initial)).sum())
        productive = np.array(np.where(n > 0, n * decay, 0.0).sum() / whole if whole > 0 else np.nan)
        return decay, expected, decay / np.where(expected > 0, expected, np.nan), productive

    best = moments(counts)
    values = at(best, law, displacing)
    drawn = [
        at(moments(counts, w), law.drawn(rng), max(rng.normal(displacing, displacing_error), 1e-12))
        for w in resamples(counts, n_resamples, rng)
    ]
    found: dict[str, Any] = {}
    words = {
        "decay": (r"-dq(S, t)/dt", "initial decay of the overlap, per step"),
        "expected": ("c_a P_R(S)", "probability to rearrange and move away, per step"),
        "ratio": ("", "ratio of decay and expected"),
    }
    for j, (name, (symbol, long)) in enumerate(words.items()):
        error = spread_of([d[j] for d in drawn], values[j])
        if name != "expected":
            error = error * widening(counts)[k]
            floor = _counting(best.stayed[:, k], best.known[:, k]) * law.step / lags[k]
            floor = floor if name == "decay" else floor / np.where(values[1] > 0, values[1], np.nan)
            error = np.where(np.isnan(error), np.nan, np.fmax(error, floor))
        found[name] = ("softness_bin", values[j], {"units": "1", "symbol": symbol, "long_name": long})
        found[f"{name}_error"] = (
            "softness_bin",
            error,
            {"units": "1", "long_name": f"standard error of {name}"},
        )
    spread = spread_of([d[3] for d in drawn], values[3]) * widening(counts)[k]
    found["productive"] = (
        (),
        values[3],
        {"units": "1", "symbol": "c", "long_name": "decay over probability to rearrange"},
    )
    found["productive_error"] = ((), spread, {"units": "1", "long_name": "standard error of productive"})
    coords = {"softness": ("softness_bin", best.initial)}
    return xr.Dataset(found, coords, attrs={"lag": lags[k], "step": law.step, "c_a": displacing})
