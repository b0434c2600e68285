"""The trap model of one liquid: fitted to what was measured, with everything that follows from it and its errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ConvergenceError, ParameterError, TooFewEventsError
from vitrify.theory.rearrangement_probability import ONE_SIGMA_TAIL
from vitrify.theory.trap_model import TrapModel
from vitrify.theory.trap_model_fit import TrapFit, bootstrap_trap_model, fit_trap_model
from vitrify.theory.trap_model_relaxation import matched

if TYPE_CHECKING:
    import xarray as xr

    from vitrify.report.results import TableRow

Array = NDArray[np.float64]

NOT_FITTED = (ConvergenceError, ParameterError, TooFewEventsError)
_MOST_CURVES = 80  # resamples that curves are drawn for; parameters use all


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured of one liquid at several temperatures.

    Parameters
    ----------
    name : str
        Of the liquid, for the table and legends.
    counts : xarray.Dataset
        From `vitrify.theory.rearrangement_probability.combine`, of all temperatures, with segments; ``attrs["interval"]`` is
        the time that a probability belongs to.
    moments : xarray.Dataset
        From `vitrify.theory.softness_moments`; also of temperatures whose rates are not fitted.
    overlap : xarray.Dataset
        Dims temperature, lag: overlap, overlap_error, of inherent positions.
    fitted : tuple of float, energy / k_B
        Temperatures whose rates are fitted.
    notes : tuple of str
        Whole sentences that a reader must see.
    """

    name: str
    counts: xr.Dataset
    moments: xr.Dataset
    overlap: xr.Dataset
    fitted: tuple[float, ...]
    notes: tuple[str, ...] = ()

    @property
    def interval(self) -> float:
        """Time that a probability belongs to."""
        return float(self.counts.attrs["interval"])

    def quiet_counts(self) -> xr.Dataset:
        """Return the counts of the temperatures whose rates are fitted."""
        return self.counts.sel(temperature=sorted(self.fitted))

    @cached_property
    def relaxation(self) -> xr.Dataset:
        """Relaxation times of the overlap: dims temperature, definition; as `RelaxationTimes` returns them."""
        import xarray as xr

        from vitrify.relaxation.relaxation_time import RelaxationTimes

        temperatures = sorted(float(t) for t in self.overlap["temperature"].values)
        measure = RelaxationTimes(("1/e", 0.5, "stretched"))
        rows = []
        for t in temperatures:
            curve = self.overlap[["overlap", "overlap_error"]].sel(temperature=t, drop=True)
            rows.append(measure.compute(curve.dropna("lag", subset=["overlap"])))
        return xr.concat(rows, xr.Variable("temperature", temperatures), combine_attrs="override")

    def time(self, definition: str = "1/e") -> tuple[Array, Array, Array]:
        """Return temperatures, times and their errors where the overlap is seen to relax that far."""
        found = self.relaxation.sel(definition=definition)
        t, tau, error = (
            found[name].values for name in ("temperature", "relaxation_time", "relaxation_time_error")
        )
        seen = np.isfinite(tau)
        return t[seen], tau[seen], error[seen]


@dataclass(frozen=True, eq=False)
class Matching:
    """The one factor that turns rates of rearrangement into rates of relaxation.

    Parameters
    ----------
    temperature : float, energy / k_B
        Where model and liquid relax alike.
    time, time_error : float, time
        Measured τ_Q there.
    factor, factor_low, factor_high : float
        That all rates are multiplied with, and its 68 % interval.
    """

    temperature: float
    time: float
    time_error: float
    factor: float
    factor_low: float
    factor_high: float


@dataclass(frozen=True, eq=False)
class TrapAnalysis:
    """A fitted trap model with its uncertainty, and its comparison with what was measured.

    Parameters
    ----------
    measured : Measured
    fit : TrapFit
    resampled : tuple of TrapFit
        Refits to resampled trajectory segments.
    landing_temperature : float, energy / k_B
        Whose P(S) ϱ is taken from: of all measured, the one nearest to T0.
    matching : Matching or None
        None where the overlap is nowhere seen to relax.
    model : TrapModel
        With the rates of relaxation.
    curves : tuple of TrapModel
        The same from resamples, matched to τ_Q drawn within its error; what bands are made of.
    datasets : mapping of str to xarray.Dataset
    rows : tuple of TableRow
    warnings : tuple of str
    """

    measured: Measured
    fit: TrapFit
    resampled: tuple[TrapFit, ...]
    landing_temperature: float
    matching: Matching | None
    model: TrapModel
    curves: tuple[TrapModel, ...]
    datasets: Mapping[str, xr.Dataset] = field(default_factory=dict)
    rows: tuple[TableRow, ...] = ()
    warnings: tuple[str, ...] = ()

    def band(self, quantity: Callable[[TrapModel], Any]) -> tuple[Array, Array, Array]:
        """Return a quantity of the model and its 68 % interval; NaN where the model has none."""
        return band_of(quantity, self.model, self.curves)

    def parameter(self, name: str, tail: float = ONE_SIGMA_TAIL) -> tuple[float, float, float]:
        """Return a fitted parameter and its interval from the resamples; ``onset_temperature`` as 1/T0 says it."""
        if name == "onset_temperature":
            value, low, high = self.parameter("inverse_onset", tail)
            same_sign = low * high > 0
            return 1 / value, 1 / high if same_sign else -np.inf, 1 / low if same_sign else np.inf
        k = self.fit.names.index(name)
        low, high = np.quantile([f.values[k] for f in self.resampled], [tail, 1 - tail])
        return float(self.fit.values[k]), float(low), float(high)


def band_of(
    quantity: Callable[[TrapModel], Any], model: TrapModel, curves: tuple[TrapModel, ...]
) -> tuple[Array, Array, Array]:
    """Return a quantity of a model, and the 16th and 84th percentile of it among others.

    Quantities give NaN where a model has no equilibrium; where half of the others have none, the interval is NaN.
    """
    value = np.asarray(quantity(model), float)
    return band_of_rows(value, [np.asarray(quantity(c), float) for c in curves])


def band_of_rows(value: Array, others: list[Array]) -> tuple[Array, Array, Array]:
    """Return an array and the 16th and 84th percentile of others like it; NaN where half of them have none."""
    if not others:
        return value, np.full_like(value, np.nan), np.full_like(value, np.nan)
    found = np.stack(others)
    enough = np.isfinite(found).mean(axis=0) > 0.5
    low, high = np.nanquantile(np.where(enough, found, 0.0), [ONE_SIGMA_TAIL, 1 - ONE_SIGMA_TAIL], axis=0)
    return value, np.where(enough, low, np.nan), np.where(enough, high, np.nan)


def at_each(temperatures: Array, quantity: Callable[[float], Any]) -> Array:
    """Return a quantity at each temperature, NaN where the model has no equilibrium there."""
    rows: list[Any] = []
    for t in temperatures:
        try:
            rows.append(quantity(float(t)))
        except ParameterError:
            rows.append(None)
    like = next((np.asarray(r, float) for r in rows if r is not None), np.zeros(()))
    return np.stack([np.full(like.shape, np.nan) if r is None else np.asarray(r, float) for r in rows])


# -- the analysis ----------------------------------------------------------------------------------------------------


def analyse(
    measured: Measured,
    *,
    degree: int = 2,
    n_resamples: int = 200,
    seed: int = 0,
    min_events: int = 10,
    matching_temperature: float | None = None,
    glass_time: float = 1e7,
    glass_temperature: float | None = None,
    published: Mapping[str, str] | None = None,
) -> TrapAnalysis:
    """Fit the trap model to one liquid and compare what follows from it with what was measured.

    Parameters
    ----------
    measured : Measured
    degree : {1, 2}, default 2
        Of ΔE(S). Where the counts do not carry 2, the fit is repeated with 1, and a warning says so.
    n_resamples, seed : int
        Of trajectory segments.
    min_events : int, default 10
        Bins of softness with fewer events are left out of the fits of single bins.
    matching_temperature : float, optional, energy / k_B
        Where rates are matched; by default the hottest temperature below T0 whose overlap is seen to fall to 1/e.
    glass_time : float, default 1e7, time
        Relaxation time at the glass temperature.
    glass_temperature : float, optional, energy / k_B
        Where fragility is given besides.
    published : mapping of str to str, optional
        Printed numbers by name of the row: those of `vitrify.studies.trap_table.ROWS`.

    Returns
    -------
    TrapAnalysis

    Raises
    ------
    ParameterError, TooFewEventsError, ConvergenceError
        If the counts do not carry even a linear barrier.

    Notes
    -----
    ⟨S⟩ and Var S of one temperature alone are fitted; at all others they are predicted.

    References
    ----------
    Ridout, Tah, Liu (2023).
    """
    from vitrify.studies.trap_curves import trap_datasets
    from vitrify.studies.trap_table import trap_rows

    fit, landing, resampled, said = _fitted(measured, degree, n_resamples, seed)
    matching, model, curves = _matched(measured, fit, resampled, matching_temperature, seed)
    found = TrapAnalysis(measured, fit, resampled, landing, matching, model, curves)
    found = replace(found, datasets=trap_datasets(found, min_events, glass_time))
    rows, more = trap_rows(found, glass_time, glass_temperature, published or {})
    return replace(found, rows=tuple(rows), warnings=(*measured.notes, *said, *more))


def _fitted(
    measured: Measured, degree: int, n_resamples: int, seed: int
) -> tuple[TrapFit, float, tuple[TrapFit, ...], list[str]]:
    """Return the fit, the temperature of ϱ, the resampled fits and what a reader must know."""
    counts, said = measured.quiet_counts(), []
    try:
        landing, moments = _landing(measured, fit_trap_model(counts, measured.moments, degree=degree))
        resampled = bootstrap_trap_model(counts, moments, n_resamples, seed, degree=degree)
    except NOT_FITTED as error:
        if degree == 1:
            raise
        said.append(
            f"The barrier of {measured.name} is fitted as linear in softness. A quadratic one: {error}"
        )
        degree = 1
        landing, moments = _landing(measured, fit_trap_model(counts, measured.moments, degree=degree))
        resampled = bootstrap_trap_model(counts, moments, n_resamples, seed, degree=degree)
    return fit_trap_model(counts, moments, degree=degree), landing, tuple(resampled), said


def _landing(measured: Measured, fit: TrapFit) -> tuple[float, xr.Dataset]:
    """Return the temperature nearest to T0, the hottest where T0 is negative, and the moments there."""
    known = measured.moments["temperature"].values
    onset = fit.model.onset_temperature
    nearest = known[np.argmin(np.abs(known - onset))] if onset > 0 else known.max()
    return float(nearest), measured.moments.sel(temperature=[nearest])


def _matched(
    measured: Measured,
    fit: TrapFit,
    resampled: tuple[TrapFit, ...],
    temperature: float | None,
    seed: int,
) -> tuple[Matching | None, TrapModel, tuple[TrapModel, ...]]:
    """Return the factor of all rates, the model with it, and the resampled models with theirs."""
    t, tau, error = measured.time()
    chosen = resampled[:_MOST_CURVES]
    if not len(t):
        return None, fit.model, tuple(f.model for f in chosen)
    onset = fit.model.onset_temperature
    cold = t[t <= onset] if onset > 0 and (t <= onset).any() else t
    at = float(cold.max()) if temperature is None else float(t[np.argmin(np.abs(t - temperature))])
    k = int(np.flatnonzero(t == at)[0])
    sigma = error[k] / tau[k] if np.isfinite(error[k]) else 0.0
    times = tau[k] * np.exp(sigma * np.random.default_rng(seed).normal(size=len(chosen)))
    model, pairs = matched(fit.model, at, float(tau[k])), []
    for one, time in zip(chosen, times, strict=True):
        try:
            pairs.append((one.model, matched(one.model, at, float(time))))
        except ParameterError:  # no equilibrium there
            continue
    factors = [_factor(*pair) for pair in [(fit.model, model), *pairs]]
    low, high = np.quantile(factors[1:] or factors, [ONE_SIGMA_TAIL, 1 - ONE_SIGMA_TAIL])
    found = Matching(at, float(tau[k]), float(error[k]), factors[0], float(low), float(high))
    return found, model, tuple(b for _, b in pairs)


def _factor(before: TrapModel, after: TrapModel) -> float:
    return float(np.exp(after.log_prefactor - before.log_prefactor))
