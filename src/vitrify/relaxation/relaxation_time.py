"""Relaxation times: when a correlation function has decayed, by definitions that are always named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ParameterError, ShapeError

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

_E = float(np.exp(-1))
_PER_DECADE = 50  # points of the integral
_MOST_STEPS = 200
_FEWEST = 4  # points of a fit with three parameters
_MOST_FAILED = 0.05  # of the resampled curves: with more, the error would be that of the others


@dataclass(frozen=True)
class RelaxationTimes:
    r"""Several relaxation times of one correlation function, each with its definition and its error.

    .. math::

        f(\tau) = c, \qquad
        \tau_\mathrm{int} = \int_0^\infty f\,dt, \qquad
        f(t) \simeq A\, e^{-(t / \tau)^\beta}

    Parameters
    ----------
    definitions : tuple of str or float, default ("1/e", "integral", "stretched")
        A level between 0 and 1, as a number or a string such as ``"1/e"`` or ``"0.2"``: when the function first falls to it,
        interpolated in the logarithm of time. ``"integral"``: of the whole curve, interpolated without overshoot in the
        logarithm of time. ``"stretched"``: τ of a stretched exponential with amplitude A and exponent β.
    tail : float, default 0.02
        The integral is given only for curves that fall to this level, and ends there; the fit uses values above it.
    fit_from : float, time, default 0
        The fit begins there: after the decay inside the cage where that is to be left out.
    n_samples : int, default 200
        Curves drawn around the measured one, for the errors. 0 for none.
    correlation : float, decades, default 1
        Over which factor of time (a decade is 10) errors of one curve are correlated: all lags share particles and origins.
        0 for independent ones.
    seed : int, default 0

    Raises
    ------
    ParameterError
        If a definition is unknown, or a number is outside its range.

    Notes
    -----
    **Scale** time. For exp(−t/τ) the level 1/e and the fit give τ, and the integral τ (1 − `tail`), since what comes after is
    left out; the whole integral of a stretched exponential is A (τ/β) Γ(1/β).
    **Differs from** each other: for one liquid by factors of 2 to 6, and more with the function and its cutoff, so that times
    compare only with the same definition.
    **Invariant under** a change of the unit of time.
    **Cost** O(samples × lags).

    Examples
    --------
    >>> import xarray as xr
    >>> t = np.concatenate([[0.0], np.geomspace(0.1, 100.0, 40)])
    >>> curve = xr.Dataset({"overlap": ("lag", np.exp(-t / 3)), "overlap_error": ("lag", 0.01 + 0 * t)}, {"lag": t})
    >>> found = RelaxationTimes(("1/e", 0.5, "integral", "stretched")).compute(curve)
    >>> found["relaxation_time"].values.round(2).tolist(), found["exponent"].values.round(2).tolist()
    ([3.0, 2.08, 2.94, 3.0], [nan, nan, nan, 1.0])
    >>> found["meaning"].values[1].item()
    'overlap falls to 0.5'
    """

    name: ClassVar[str] = "relaxation_times"
    definitions: tuple[str | float, ...] = ("1/e", "integral", "stretched")
    tail: float = 0.02
    fit_from: float = 0.0
    n_samples: int = 200
    correlation: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.definitions, (str, float)):
            object.__setattr__(self, "definitions", (self.definitions,))
        for definition in self.definitions:
            if definition not in ("integral", "stretched"):
                level_of(definition)
        if not 0 < self.tail < 1 or not self.fit_from >= 0 or not self.correlation >= 0 or self.n_samples < 0:
            raise ParameterError(
                "`tail` must be between 0 and 1, and `fit_from`, `correlation` and `n_samples` not negative; they are "
                f"{self.tail}, {self.fit_from}, {self.correlation}, {self.n_samples}."
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the name and the parameters."""
        return {"name": self.name, **asdict(self)}

    def compute(self, curve: xr.Dataset) -> xr.Dataset:
        """Return the relaxation times of one curve.

        Parameters
        ----------
        curve : xarray.Dataset
            From `Overlap` or `SelfScattering` (with one wave number chosen: ``.sel(q=7.25)``): one variable along lag, and
            its ``…_error`` where there is one.

        Returns
        -------
        xarray.Dataset
            Dim definition: ``relaxation_time``, NaN where the function does not fall far enough, and ``note`` then says so;
            ``relaxation_time_error``, from curves drawn around the measured one by its error bars (of lags without one, those
            of the nearest lags with one), NaN without error bars or samples, and where more than 5 % of the drawn curves do
            not reach the definition; ``exponent``,
            ``amplitude`` and their errors, of the stretched exponential alone; ``meaning``, the definition in words.

        Raises
        ------
        ShapeError
            If the data set does not hold exactly one curve along lag, or fewer than two values are known.
        """
        import xarray as xr

        label, t, f, error = _one_curve(curve)
        drawn = self._drawn(t, f, error)
        rows = [self._by(d, label, t, f, error, drawn) for d in self.definitions]
        unit = {"units": str(curve["lag"].attrs.get("units", ""))}
        words = {
            "relaxation_time": ("relaxation time", r"\tau", unit),
            "relaxation_time_error": ("standard error of the relaxation time", r"\delta\tau", unit),
            "exponent": ("stretching exponent", r"\beta", {"units": "1"}),
            "exponent_error": ("standard error of the stretching exponent", r"\delta\beta", {"units": "1"}),
            "amplitude": ("amplitude", "A", {"units": "1"}),
            "amplitude_error": ("standard error of the amplitude", r"\delta A", {"units": "1"}),
        }
        order = ("relaxation_time", "exponent", "amplitude")
        values = {name: np.array([row.value[k] for row in rows]) for k, name in enumerate(order)}
        values |= {f"{name}_error": np.array([row.error[k] for row in rows]) for k, name in enumerate(order)}
        found = {
            name: ("definition", values[name], {"long_name": long, "symbol": symbol} | units)
            for name, (long, symbol, units) in words.items()
        }
        said = {
            "meaning": ("definition", np.array([row.meaning for row in rows], object).astype(str)),
            "note": ("definition", np.array([row.note for row in rows], object).astype(str)),
        }
        attrs = {"function": label, "error": "curves drawn within the error bars"}
        return xr.Dataset(found | said, {"definition": [_short(d) for d in self.definitions]}, attrs=attrs)

    def _by(
        self, definition: str | float, label: str, t: Array, f: Array, error: Array, drawn: Array
    ) -> _Row:
        if definition == "stretched":
            begins = f" from t = {self.fit_from:g} on" if self.fit_from else ""
            words = f"stretched exponential fitted to the {label}{begins}"
            why = "does not fall by a factor e within the lags that are fitted, or too few of them are there"
            return _row(words, why, t, *self._stretched(t, f, error, drawn))
        if definition == "integral":
            words, why = (
                f"integral of the {label} until it falls to {self.tail:g}",
                f"stays above {self.tail:g}",
            )
            found = [_integral(t, g, self.tail) for g in (f, *drawn)]
        else:
            words, why = f"{label} falls to {_short(definition)}", f"stays above {_short(definition)}"
            found = [_crossing(t, g, level_of(definition)) for g in (f, *drawn)]
        values = np.full((len(found), 3), np.nan)
        values[:, 0] = found
        return _row(words, why, t, values[0], values[1:])

    def _drawn(self, t: Array, f: Array, error: Array) -> Array:
        """Return curves within the error bars, (n_samples, n), or none; where one is unknown, its neighbours stand for it."""
        known = np.flatnonzero(np.isfinite(error))
        if self.n_samples < 2 or len(known) < 2:
            return np.empty((0, len(t)))
        sigma = np.interp(np.arange(len(t)), known, error[known])
        noise = np.random.default_rng(self.seed).normal(size=(self.n_samples, len(t)))
        clock = np.log10(np.maximum(t, t[t > 0][0] if (t > 0).any() else 1.0))
        if self.correlation > 0:
            keep = np.exp(-np.diff(clock) / self.correlation)
            for k, rho in enumerate(keep, start=1):
                noise[:, k] = rho * noise[:, k - 1] + np.sqrt(1 - rho * rho) * noise[:, k]
        return np.asarray(f + sigma * noise, np.float64)

    def _stretched(self, t: Array, f: Array, error: Array, drawn: Array) -> tuple[Array, Array]:
        """Return τ, β and A of the measured curve, (3,), and of the drawn ones, (n_samples, 3); NaN if a fit fails."""
        first_below = np.flatnonzero(f <= self.tail)
        last = int(first_below[0]) if len(first_below) else len(t)
        used = np.flatnonzero((t > 0) & (t >= self.fit_from) & (np.arange(len(t)) < last))
        if len(used) < _FEWEST:
            return np.full(3, np.nan), np.full((len(drawn), 3), np.nan)
        weight = np.ones(len(used))
        if np.isfinite(error[used]).all() and (error[used] > 0).all():
            weight = error[used].mean() / error[used]
        found = _fit(np.log(t[used]), np.concatenate([f[None], drawn])[:, used], weight)
        beyond = (found[:, 0] < t[used[0]]) | (found[:, 0] > t[min(last, len(t) - 1)])
        found[beyond] = np.nan
        return found[0], found[1:]


class _Row(NamedTuple):
    """What one definition gives: (τ, β, A), their errors, and words."""

    meaning: str
    value: Array
    error: Array
    note: str


def _row(words: str, why: str, t: Array, value: Array, samples: Array) -> _Row:
    """Return a row from the values of the measured curve, (3,), and of those drawn around it, (n_samples, 3)."""
    unknown = np.full(3, np.nan)
    if np.isnan(value[0]):
        return _Row(words, unknown, unknown, f"not reached: the function {why} up to t = {t[-1]:g}")
    if not len(samples):
        return _Row(words, value, unknown, "no error: there are no samples, or lags without error bars")
    reached = ~np.isnan(samples[:, 0])
    if reached.mean() < 1 - _MOST_FAILED:
        part = f"{1 - reached.mean():.0%} of the curves within the error bars do not reach it"
        return _Row(words, value, unknown, f"no error: {part}")
    return _Row(words, value, samples[reached].std(axis=0, ddof=1), "")


def level_of(definition: str | float) -> float:
    """Return the level that a definition names.

    Raises
    ------
    ParameterError
        If it is neither 1/e nor a number between 0 and 1.

    Examples
    --------
    >>> level_of("0.2"), round(level_of("1/e"), 4)
    (0.2, 0.3679)
    """
    if definition == "1/e":
        return _E
    try:
        level = float(definition)
    except ValueError:
        level = np.nan
    if not 0 < level < 1:
        raise ParameterError(
            f"No relaxation time is defined by {definition!r}. Known: 'integral', 'stretched', '1/e', or a level between 0 "
            "and 1."
        )
    return level


def _short(definition: str | float) -> str:
    return definition if isinstance(definition, str) else f"{definition:g}"


def _one_curve(curve: xr.Dataset) -> tuple[str, Array, Array, Array]:
    """Return the words for a curve, its lags, values and errors (NaN where there are none), without unknown values."""
    candidates = [str(n) for n in curve.data_vars if curve[n].dims == ("lag",) and f"{n}_error" in curve]
    if len(candidates) != 1:
        candidates = [
            n for n in map(str, curve.data_vars) if n in _KNOWN and curve[n].dims == ("lag",)
        ] or candidates
    if len(candidates) != 1:
        shown = {str(n): curve[n].dims for n in curve.data_vars}
        raise ShapeError(
            f"`curve` must hold one function along lag; it has {shown}. Choose one wave number or temperature with `.sel`."
        )
    name = candidates[0]
    label = str(curve[name].attrs.get("long_name", name.replace("_", " ")))
    if "cutoff" in curve.attrs:
        label += f" with cutoff {curve.attrs['cutoff']:g}"
    if "q" in curve.coords and curve["q"].ndim == 0:
        label += f" at k = {float(curve['q']):g}"
    t, f = curve["lag"].values.astype(float), curve[name].values.astype(float)
    error = curve[f"{name}_error"].values.astype(float) if f"{name}_error" in curve else np.full(len(t), np.nan)  # fmt: skip
    known = np.isfinite(f)
    if known.sum() < 2:
        raise ShapeError(f"`curve` needs at least two known values of the {label}; it has {known.sum()}.")
    order = np.argsort(t[known])
    return label, t[known][order], f[known][order], error[known][order]


_KNOWN: Sequence[str] = ("overlap", "self_scattering")


def _crossing(t: Array, f: Array, level: float) -> float:
    """Return when f first falls to a level, interpolated in the logarithm of time; NaN if it does not."""
    below = np.flatnonzero((f <= level) & (t > 0))
    if not len(below):
        return float("nan")
    k = int(below[0])
    if k == 0:
        return float(t[0])
    share = min(max((f[k - 1] - level) / (f[k - 1] - f[k]), 0.0), 1.0) if f[k - 1] > f[k] else 1.0
    if t[k - 1] <= 0:
        return float(t[k - 1] + share * (t[k] - t[k - 1]))
    return float(np.exp(np.log(t[k - 1]) + share * np.log(t[k] / t[k - 1])))


def _integral(t: Array, f: Array, tail: float) -> float:
    """Return the integral of f from 0 until it first falls to `tail`; NaN if it does not.

    Before the first lag above 0 the function is taken to go straight from its value at 0, or from 1.
    """
    from scipy.interpolate import PchipInterpolator

    end = _crossing(t, f, tail)
    later = t > 0
    start, g = t[later], f[later]
    if np.isnan(end):
        return float("nan")
    at_zero = f[~later][0] if (~later).any() else 1.0
    first = 0.5 * (at_zero + g[0]) * start[0]
    if end <= start[0] or len(start) < 2:
        return float(0.5 * (at_zero + tail) * end)
    n = max(3, int(np.ceil(_PER_DECADE * np.log10(end / start[0]))) + 1)
    x = np.linspace(np.log(start[0]), np.log(end), n)
    values = PchipInterpolator(np.log(start), g)(x) * np.exp(x)
    return float(first + np.trapezoid(values, x))


def _fit(log_t: Array, f: Array, weight: Array) -> Array:
    """Return τ, β, A of weighted least squares fits of A exp[−(t/τ)^β] to curves (m, n), (m, 3); NaN if one does not settle.

    Levenberg's and Marquardt's steps in (ln τ, β, A), all curves side by side.
    """
    top = np.maximum(f.max(axis=1), 1e-6)
    below = f <= (top * _E)[:, None]
    begin = np.where(below.any(axis=1), log_t[np.argmax(below, axis=1)], log_t[-1])
    p = np.stack([begin, np.full(len(f), 0.8), top], axis=1)
    low, high = np.array([log_t[0] - 7, 0.05, 1e-9]), np.array([log_t[-1] + 7, 5.0, 3.0])
    damping, settled = np.full(len(f), 1e-3), np.zeros(len(f), bool)
    now, slope = _residual(p, log_t, f, weight)
    for _ in range(_MOST_STEPS):
        curvature = np.einsum("mni,mnj->mij", slope, slope)
        diagonal = np.einsum("mii->mi", curvature)
        damped = curvature + (damping[:, None] * diagonal + 1e-14)[:, :, None] * np.eye(3)
        step = np.linalg.solve(damped, -np.einsum("mni,mn->mi", slope, now)[..., None])[..., 0]
        tried = np.clip(p + step, low, high)
        then, slope_then = _residual(tried, log_t, f, weight)
        better = (then**2).sum(axis=1) <= (now**2).sum(axis=1)
        settled |= (np.abs(tried - p) < 1e-9).all(axis=1)
        if settled.all():
            break
        p = np.where(better[:, None], tried, p)
        now, slope = np.where(better[:, None], then, now), np.where(better[:, None, None], slope_then, slope)
        damping = np.clip(np.where(better, damping / 5, damping * 5), 1e-12, 1e12)
    bounded = ((p <= low) | (p >= high)).any(axis=1)
    return np.where(
        (settled & ~bounded)[:, None], np.stack([np.exp(p[:, 0]), p[:, 1], p[:, 2]], axis=1), np.nan
    )


def _residual(p: Array, log_t: Array, f: Array, weight: Array) -> tuple[Array, Array]:
    """Return weighted differences of model and curves, (m, n), and their derivatives, (m, n, 3)."""
    since = log_t - p[:, :1]
    power = np.exp(np.clip(p[:, 1:2] * since, -60, 6))
    decay = np.exp(-power)
    down = -p[:, 2:] * decay * power
    slope = np.stack([-p[:, 1:2] * down, since * down, decay], axis=-1)
    return weight * (p[:, 2:] * decay - f), weight[:, None] * slope
