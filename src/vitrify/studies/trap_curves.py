"""Curves of the trap model beside those that were measured: one data set per figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ParameterError
from vitrify.studies.trap_analysis import Measured, TrapAnalysis, at_each, band_of
from vitrify.theory.arrhenius import arrhenius_per_bin
from vitrify.theory.parabolic_law import ParabolicLaw, fit_parabolic
from vitrify.theory.rearrangement_probability import rearrangement_probability
from vitrify.theory.trap_model import TrapModel
from vitrify.theory.trap_model_relaxation import HALF, persistence, time_of_level

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

_BIN = ("temperature", "softness_bin")
_CURVE = ("temperature", "lag")
_BETWEEN = 13  # temperatures of a smooth curve
_RARE = 0.01  # probability of so large a χ²
_FEWEST_TIMES = 4  # of a parabolic law: one more than it has parameters
_BEYOND = 1.06  # how much colder than the coldest measured, in 1/T


def trap_datasets(found: TrapAnalysis, min_events: int, glass_time: float) -> dict[str, xr.Dataset]:
    """Return the data sets of the figures of one liquid.

    Parameters
    ----------
    found : TrapAnalysis
    min_events : int
        Bins with fewer are left out of the fits of single bins.
    glass_time : float, time
        To which the parabolic law is extrapolated.
    """
    return {
        "trap_probability": _probability(found),
        "trap_barriers": _barriers(found, min_events),
        "trap_moments": _moments(found),
        "trap_persistence": _persistence(found),
        "trap_times": _times(found, glass_time),
    }


def band(name: str, dims: Any, values: tuple[Array, Array, Array]) -> dict[str, Any]:
    """Return three variables: of the model, and the ends of its interval."""
    return {f"{name}_{end}": (dims, a) for end, a in zip(("model", "low", "high"), values, strict=True)}


def unmatched(found: TrapAnalysis) -> tuple[TrapModel, tuple[TrapModel, ...]]:
    """Return the model and the resampled ones with the rates of rearrangement, not of relaxation."""
    return found.fit.model, tuple(f.model for f in found.resampled)


def temperature_axis(measured: Measured) -> Array:
    """Return measured temperatures and, evenly in 1/T between and a little beyond them, those of smooth curves."""
    known = np.unique(
        np.concatenate([measured.moments["temperature"].values, measured.overlap["temperature"].values])
    )
    smooth = 1 / np.linspace(1 / known.max(), _BEYOND / known.min(), _BETWEEN)
    apart = np.abs(smooth[:, None] - known).min(axis=1) > 1e-9
    return np.sort(np.concatenate([known, smooth[apart]]))


# -- rates -----------------------------------------------------------------------------------------------------------


def _probability(found: TrapAnalysis) -> xr.Dataset:
    measured = found.measured
    seen = rearrangement_probability(measured.counts)
    s, t = seen["softness"].values, seen["temperature"].values
    log_interval = np.log(measured.interval)

    def expected(model: TrapModel) -> Array:
        return np.exp(np.minimum(model.log_rate(s[None, :], t[:, None]) + log_interval, 0.0))

    model, others = unmatched(found)
    fitted = np.isin(t, np.asarray(measured.fitted)).astype(np.int64)
    return (
        seen.rename(probability_low="probability_lower", probability_high="probability_upper")
        .assign(band("probability", _BIN, band_of(expected, model, others)))
        .assign(fitted=("temperature", fitted))
    )


def _barriers(found: TrapAnalysis, min_events: int) -> xr.Dataset:
    counts = found.measured.quiet_counts()
    single = arrhenius_per_bin(counts, min_events, min(3, counts.sizes["temperature"]))
    s, log_interval = single["softness"].values, np.log(found.measured.interval)
    model, others = unmatched(found)

    def log_prefactor(m: TrapModel) -> Array:
        rise = m.energy_barrier(s) - m.coefficients[0]
        return np.asarray(m.log_prefactor + log_interval + rise / m.onset_temperature)

    return single.assign(
        band("energy_barrier", "softness_bin", band_of(lambda m: m.energy_barrier(s), model, others))
    ).assign(band("log_prefactor", "softness_bin", band_of(log_prefactor, model, others)))


# -- structure -------------------------------------------------------------------------------------------------------


def _moments(found: TrapAnalysis) -> xr.Dataset:
    import xarray as xr

    moments, t = found.measured.moments, temperature_axis(found.measured)
    names = ("softness_mean", "softness_mean_error", "softness_variance", "softness_variance_error")
    mean, mean_error, variance, variance_error = (moments[n].reindex(temperature=t).values for n in names)
    sd = np.sqrt(variance)
    values: dict[str, Any] = {
        "softness_mean": ("temperature", mean),
        "softness_mean_error": ("temperature", mean_error),
        "softness_sd": ("temperature", sd),
        "softness_sd_error": ("temperature", variance_error / (2 * sd)),
        "n": (
            "temperature",
            moments["n"].sum("segment").reindex(temperature=t, fill_value=0).values.astype(np.int64),
        ),
    }
    values |= band("softness_mean", "temperature", found.band(lambda m: equilibrium_mean(m, t)))
    values |= band("softness_sd", "temperature", found.band(lambda m: equilibrium_sd(m, t)))
    attrs = {
        "landing_temperature": found.landing_temperature,
        "T0": found.fit.model.onset_temperature,
        "note": f"\u03f1 is the P(S) of T = {found.landing_temperature:g}, turned back to T0 by eqs. 10 and 11",
    }
    return xr.Dataset(values, {"temperature": t}, attrs=attrs)


def equilibrium_mean(model: TrapModel, temperatures: Array) -> Array:
    """Return ⟨S⟩ at each temperature, NaN where there is no equilibrium."""
    return np.where(_has_equilibrium(model, temperatures), model.mean(temperatures), np.nan)


def equilibrium_sd(model: TrapModel, temperatures: Array) -> Array:
    """Return the standard deviation of S at each temperature, NaN where there is no equilibrium."""
    there = _has_equilibrium(model, temperatures)
    return np.sqrt(np.where(there, model.variance(temperatures), np.nan))


def _has_equilibrium(model: TrapModel, temperatures: Array) -> NDArray[np.bool_]:
    return np.asarray(2 * model.delta(temperatures) * model.softness_sd**2 < 1)


# -- relaxation ------------------------------------------------------------------------------------------------------


def _persistence(found: TrapAnalysis) -> xr.Dataset:
    overlap = found.measured.overlap[["overlap", "overlap_error"]]
    t, lags = overlap["temperature"].values, overlap["lag"].values

    def curves(model: TrapModel) -> Array:
        return at_each(t, lambda x: persistence(model, [x], lags)["persistence"].values[0])

    attrs = dict(overlap.attrs)
    if found.matching is not None:
        attrs |= {"matching_temperature": found.matching.temperature, "rate_factor": found.matching.factor}
    return overlap.assign(band("overlap", _CURVE, found.band(curves))).assign_attrs(attrs)


def _times(found: TrapAnalysis, glass_time: float) -> xr.Dataset:
    import xarray as xr

    measured, t = found.measured, temperature_axis(found.measured)
    times = {d: measured.relaxation.sel(definition=d).reindex(temperature=t) for d in ("1/e", "0.5")}
    (tau, error), (half, half_error) = (
        (x["relaxation_time"].values, x["relaxation_time_error"].values) for x in times.values()
    )
    ratio = tau / half
    stretched = measured.relaxation.sel(definition="stretched").reindex(temperature=t)
    values: dict[str, Any] = {
        "tau_q": tau,
        "tau_q_error": error,
        "tau_half": half,
        "tau_half_error": half_error,
        "ratio": ratio,
        "ratio_error": ratio * np.hypot(error / tau, half_error / half),
        "exponent": stretched["exponent"].values,
        "exponent_error": stretched["exponent_error"].values,
    }
    law = parabolic_law(measured)
    values |= _law_at(law, t, glass_time)
    dataset = xr.Dataset({k: ("temperature", v) for k, v in values.items()}, {"temperature": t})

    def both(model: TrapModel) -> Array:
        return at_each(t, lambda x: [time_of_level(model, x), time_of_level(model, x, HALF)])

    found_both = found.band(lambda m: np.column_stack([both(m), np.divide(*both(m).T)]))
    for k, name in ((0, "tau_q"), (2, "ratio")):
        dataset = dataset.assign(band(name, "temperature", tuple(a[:, k] for a in found_both)))  # type: ignore[arg-type]
    attrs: dict[str, Any] = {"cutoff": measured.overlap.attrs.get("cutoff", np.nan), "glass_time": glass_time}
    if found.matching is not None:
        attrs |= {"matching_temperature": found.matching.temperature, "rate_factor": found.matching.factor}
    return dataset.assign_attrs(attrs)


def parabolic_law(measured: Measured) -> ParabolicLaw | None:
    """Return the parabolic law of the measured τ_Q below the law's own onset, where it is meant to hold.

    None with fewer than four temperatures that relax, or without errors. Hotter temperatures are left out until those that
    are left lie below the onset of their own parabola and on it, as well as chance allows in one of a hundred fits; but as
    long as four are left.
    """
    from scipy.special import chdtrc

    t, tau, error = measured.time()
    known = np.isfinite(error) & (error > 0)
    t, tau, error = t[known], tau[known], error[known]
    while len(t) >= _FEWEST_TIMES:
        law = fit_parabolic(t, np.log(tau), error / tau)
        flat = law.curvature <= 0 or law.onset_temperature <= 0
        below = np.ones(len(t), bool) if flat else t <= law.onset_temperature
        if below.all() and chdtrc(law.degrees_of_freedom, law.chi_squared) < _RARE:
            below = t < t.max()
        if below.all() or below.sum() < _FEWEST_TIMES:
            return law
        t, tau, error = t[below], tau[below], error[below]
    return None


def _law_at(law: ParabolicLaw | None, temperatures: Array, glass_time: float) -> dict[str, Array]:
    """Return the law and its one-sigma band between the temperatures of the curve."""
    if law is None:
        nothing = np.full(len(temperatures), np.nan)
        return {"tau_law": nothing, "tau_law_low": nothing, "tau_law_high": nothing}
    middle, sigma = law.log_time(temperatures), law.log_time_error(temperatures)
    hottest = law.onset_temperature if law.curvature > 0 and law.onset_temperature > 0 else np.inf
    seen = (middle < np.log(glass_time)) & (temperatures <= hottest)
    ends = (np.where(seen, np.exp(np.minimum(middle + k * sigma, 300.0)), np.nan) for k in (0, -1, 1))
    return dict(zip(("tau_law", "tau_law_low", "tau_law_high"), ends, strict=True))


def glass_temperature_of(law: ParabolicLaw | None, glass_time: float) -> float:
    """Return where the parabolic law reaches a relaxation time, NaN where it does not."""
    try:
        return float("nan") if law is None else law.glass_temperature(glass_time)
    except ParameterError:
        return float("nan")
