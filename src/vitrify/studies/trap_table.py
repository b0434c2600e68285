"""Numbers of the trap model for the table of a report, and what a reader must know of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ParameterError
from vitrify.report.results import TableRow
from vitrify.studies.trap_analysis import TrapAnalysis, band_of
from vitrify.studies.trap_curves import (
    equilibrium_mean,
    equilibrium_sd,
    glass_temperature_of,
    parabolic_law,
)
from vitrify.theory._likelihood import deviance
from vitrify.theory.arrhenius import fit_arrhenius, fit_totals
from vitrify.theory.parabolic_law import ParabolicLaw
from vitrify.theory.rearrangement_probability import totals
from vitrify.theory.trap_model import TrapModel
from vitrify.theory.trap_model_relaxation import HALF, fragility, glass_temperature, time_of_level

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

RIDOUT = "Ridout 2023"
PARAMETERS = {
    "e0": "ε0 of ΔE = ε0 + ε1 S + ε2 S²",
    "e1": "ε1 of ΔE = ε0 + ε1 S + ε2 S²",
    "e2": "ε2 of ΔE = ε0 + ε1 S + ε2 S²",
    "log_prefactor": "Σ0 of Σ = Σ0 + (ε1 S + ε2 S²) / T0",
    "onset_temperature": "onset temperature T0 of the trap model",
    "softness_mean": "mean S0 of ϱ(S)",
    "softness_sd": "standard deviation σ0 of ϱ(S)",
}
_LN10 = float(np.log(10))
_TAIL_95 = 0.025
_FAR = 10.0  # factor of τ beyond the longest that was seen: a law is then an extrapolation


def trap_rows(
    found: TrapAnalysis,
    glass_time: float,
    glass_temperature_given: float | None,
    published: Mapping[str, str],
) -> tuple[list[TableRow], list[str]]:
    """Return the rows of one liquid, and what a reader must know.

    Parameters
    ----------
    found : TrapAnalysis
        With its data sets.
    glass_time : float, time
    glass_temperature_given : float or None
        At which fragility is given besides.
    published : mapping of str to str
        Printed numbers by key of the row.
    """
    rows = [_parameter_row(found, name, published) for name in PARAMETERS if _has(found, name)]
    rows += _deviance_rows(found)
    rows += _moment_rows(found, published)
    rows += _relaxation_rows(found, found.datasets["trap_times"], published)
    more, said = _fragility_rows(found, glass_time, glass_temperature_given, published)
    return rows + more, said


def interval_row(
    quantity: str,
    values: tuple[float, float, float],
    events: int | None,
    *,
    published: str | None = None,
    source: str = "",
    note: str = "",
) -> TableRow:
    """Return a row from a value and the ends of its interval."""
    value, low, high = (float(x) for x in values)
    below, above = (max(0.0, d) if np.isfinite(d) else np.nan for d in (value - low, high - value))
    return TableRow(quantity, published, value, below, above, events, source, note)


def scalar_band(found: TrapAnalysis, quantity: Callable[[TrapModel], float]) -> tuple[float, float, float]:
    """Return a number of the matched model and its interval; NaN where the model has no equilibrium."""

    def safely(model: TrapModel) -> float:
        try:
            return float(quantity(model))
        except ParameterError:
            return float("nan")

    value, low, high = band_of(safely, found.model, found.curves)
    return float(value), float(low), float(high)


def _events(found: TrapAnalysis) -> int:
    return int(found.measured.quiet_counts()["events"].sum())


def _has(found: TrapAnalysis, name: str) -> bool:
    return name == "onset_temperature" or name in found.fit.names


# -- parameters ------------------------------------------------------------------------------------------------------


def _parameter_row(found: TrapAnalysis, name: str, published: Mapping[str, str]) -> TableRow:
    value = found.parameter(name)
    _, low, high = found.parameter(name, _TAIL_95)
    between = f"{low:.3g} to {high:.3g}" if np.isfinite([low, high]).all() else "any value"
    note = f"resampled trajectory segments, 95 %: {between}"
    if name.startswith("softness"):
        note = f"from P(S) of T = {found.landing_temperature:g}; {note}"
    if name == "log_prefactor":
        note = f"of rearrangements per particle and unit of time; {note}"
    source = f"{RIDOUT}, eqs. 8 to 11; Fig. 1 is a plot"
    return interval_row(
        PARAMETERS[name], value, _events(found), published=published.get(name), source=source, note=note
    )


def _deviance_rows(found: TrapAnalysis) -> list[TableRow]:
    """Return how well tied and free fits describe the same counts."""
    fit, counts = found.fit, found.measured.quiet_counts()
    n_kinetic = len(fit.names) - 2
    free_dof = fit.n_rates - n_kinetic
    tied = interval_row(
        "deviance per degree of freedom, ΔE and Σ tied by T0",
        (fit.deviance_rates / free_dof, np.nan, np.nan) if free_dof > 0 else (np.nan, np.nan, np.nan),
        _events(found),
        note=f"{fit.deviance_rates:.0f} of {free_dof} with {n_kinetic} parameters; 1 where only chance is left",
    )
    degree = len(fit.model.barrier) - 1
    loose = fit_arrhenius(counts, degree)
    more = f"{loose.deviance:.0f} of {loose.degrees_of_freedom} with {2 * degree + 2} parameters"
    untied = interval_row(
        "deviance per degree of freedom, ΔE and Σ not tied",
        (_per(loose.deviance, loose.degrees_of_freedom), np.nan, np.nan),
        _events(found),
        note=more,
    )
    single, dof, tied_there, n_bins = _single_bins(found)
    each = interval_row(
        "deviance per degree of freedom, each softness on its own",
        (_per(single, dof), np.nan, np.nan),
        _events(found),
        note=f"{single:.0f} of {dof} in {n_bins} bins; the tied fit has {tied_there:.0f} there",
    )
    return [tied, untied, each]


def _per(deviance_: float, degrees: int) -> float:
    return deviance_ / degrees if degrees > 0 else float("nan")


def _single_bins(found: TrapAnalysis) -> tuple[float, int, float, int]:
    """Return deviance and degrees of freedom of the fits of single bins, deviance of the tied fit there, and the bins."""
    both = totals(found.measured.quiet_counts())
    k, n = both["events"].values.astype(float), both["exposure"].values
    s, t = both["softness"].values, both["temperature"].values
    used = found.datasets["trap_barriers"]["used"].values
    log_p = found.fit.model.log_rate(s[None, :], t[:, None]) + np.log(found.measured.interval)
    single = tied = 0.0
    dof = bins = 0
    for b in np.flatnonzero(used):
        there = n[:, b] > 0
        fit = fit_totals(k[:, b : b + 1], n[:, b : b + 1], np.zeros(1), t, 0)
        single, dof, bins = single + fit.deviance, dof + fit.degrees_of_freedom, bins + 1
        seen = np.maximum(n[there, b], k[there, b])
        tied += deviance(k[there, b], seen, np.minimum(log_p[there, b], -1e-12))
    return single, dof, tied, bins


# -- structure -------------------------------------------------------------------------------------------------------


def _moment_rows(found: TrapAnalysis, published: Mapping[str, str]) -> list[TableRow]:
    moments = found.measured.moments
    t = moments["temperature"].values
    cold, hot = 0, int(np.argmin(np.abs(t - found.landing_temperature)))
    if hot == cold:
        return []
    mean, error = moments["softness_mean"].values, moments["softness_mean_error"].values
    fall = mean[hot] - mean[cold]
    sigma = float(np.hypot(error[hot], error[cold]))
    ends = t[[hot, cold]]
    of_model = scalar_band(found, lambda m: -float(np.diff(equilibrium_mean(m, ends))[0]))
    words = f"from T = {t[hot]:g} to {t[cold]:g}"
    rows = [
        interval_row(f"fall of ⟨S⟩ {words}, simulation", (fall, fall - sigma, fall + sigma), None,
                     note="errors from trajectory segments"),
        interval_row(f"fall of ⟨S⟩ {words}, trap model", of_model, _events(found), note="eq. 10"),
    ]  # fmt: skip
    if fall > 0:
        ratio = [x / fall for x in of_model]
        below, above = (np.hypot(ratio[0] - r, ratio[0] * sigma / fall) for r in ratio[1:])
        rows.append(
            interval_row("fall of ⟨S⟩, trap model over simulation", (ratio[0], ratio[0] - below, ratio[0] + above), None,
                         published=published.get("fall"), source=f"{RIDOUT}, Fig. 2b and text")
        )  # fmt: skip
    return [*rows, _spread_row(found, t, published)]


def _spread_row(found: TrapAnalysis, t: Array, published: Mapping[str, str]) -> TableRow:
    """Return by how much the standard deviation of softness changes over all temperatures."""
    moments = found.measured.moments
    variance, error = moments["softness_variance"].values, moments["softness_variance_error"].values
    sd = np.sqrt(variance)
    k, j = int(np.argmax(sd)), int(np.argmin(sd))
    change = sd[k] / sd[j] - 1
    sigma = (1 + change) * 0.5 * float(np.hypot(error[k] / variance[k], error[j] / variance[j]))
    model = equilibrium_sd(found.fit.model, t)
    of_model = np.nanmax(model) / np.nanmin(model) - 1
    return interval_row(
        f"largest change of σ_S between T = {t.min():g} and {t.max():g}",
        (change, change - sigma, change + sigma),
        None,
        published=published.get("spread"),
        source=f"{RIDOUT}, Fig. 2d is a plot",
        note=f"as a fraction; trap model: {of_model:.2g}; largest over smallest, so chance makes it larger",
    )


# -- relaxation ------------------------------------------------------------------------------------------------------


def _relaxation_rows(found: TrapAnalysis, times: xr.Dataset, published: Mapping[str, str]) -> list[TableRow]:
    t, tau, error = found.measured.time()
    rows, matching = [], found.matching
    if matching is None:
        return []
    rows.append(
        interval_row(
            "rate of relaxation over rate of rearrangements",
            (matching.factor, matching.factor_low, matching.factor_high),
            None,
            note=f"one factor for all temperatures, fixed by τ_Q = {matching.time:.3g} at T = {matching.temperature:g}",
        )
    )
    cold = float(t.min())
    if cold < matching.temperature:
        model = scalar_band(found, lambda m: time_of_level(m, cold))
        relative = error[0] / tau[0] if np.isfinite(error[0]) else np.nan
        ratio = [x / tau[0] for x in model]
        ends = (ratio[0] - np.hypot(ratio[0] - ratio[1], ratio[0] * relative),
                ratio[0] + np.hypot(ratio[2] - ratio[0], ratio[0] * relative))  # fmt: skip
        known = f" ± {error[0]:.2g}" if np.isfinite(error[0]) else ", of one trajectory, without an error"
        rows.append(interval_row(f"τ_Q, trap model over simulation, T = {cold:g}", (ratio[0], *ends), None,
                                 published=published.get("time"), source=f"{RIDOUT}, Fig. 4b and text",
                                 note=f"measured τ_Q = {tau[0]:.3g}{known}"))  # fmt: skip
    return rows + _stretching_rows(found, times, published)


def _stretching_rows(found: TrapAnalysis, times: xr.Dataset, published: Mapping[str, str]) -> list[TableRow]:
    seen = np.isfinite(times["ratio"].values)
    if not seen.any():
        return []
    cold = times.isel(temperature=int(np.flatnonzero(seen)[0]))
    at = float(cold["temperature"])
    ratio, error = float(cold["ratio"]), float(cold["ratio_error"])
    model = scalar_band(found, lambda m: time_of_level(m, at) / time_of_level(m, at, HALF))
    return [
        interval_row(f"τ_Q / τ_1/2, simulation, T = {at:g}", (ratio, ratio - error, ratio + error), None,
                     note="1.4427 without stretching; errors of both times added, which share curves"),
        interval_row(f"τ_Q / τ_1/2, trap model, T = {at:g}", model, _events(found),
                     published=published.get("stretching"), source=f"{RIDOUT}, Fig. S4 and text"),
    ]  # fmt: skip


# -- fragility -------------------------------------------------------------------------------------------------------


def _fragility_rows(
    found: TrapAnalysis, glass_time: float, given: float | None, published: Mapping[str, str]
) -> tuple[list[TableRow], list[str]]:
    law = parabolic_law(found.measured)
    rows, said = [], []
    if law is None:
        said.append(
            f"The fragility of {found.measured.name} needs four temperatures at which the overlap is seen to relax, with errors; "
            f"there are {len(found.measured.time()[0])}."
        )
    own = glass_temperature_of(law, glass_time)
    if law is not None and np.isfinite(own):
        rows += _glass_rows(found, law, own, glass_time)
        said += _extrapolated(found, own, glass_time)
    for at, key in ((own, "own"), (given or np.nan, "given")):
        if np.isfinite(at):
            rows += _fragility_at(found, law, at, published if key == "given" else {})
    return rows, said


def _glass_rows(found: TrapAnalysis, law: ParabolicLaw, own: float, glass_time: float) -> list[TableRow]:
    slope = law.fragility(own) * own  # d ln τ / d(1/T)
    sigma = own**2 * float(law.log_time_error(own)) / abs(slope)
    exponent = f"{glass_time:g}"
    note = f"parabolic law through the coldest {law.degrees_of_freedom + 3} temperatures, χ² = {law.chi_squared:.2g} of {law.degrees_of_freedom}"
    model = scalar_band(found, lambda m: glass_temperature(m, glass_time))
    return [
        interval_row(f"T_g where τ_Q = {exponent}, simulation", (own, own - sigma, own + sigma), None,
                     source=f"{RIDOUT}, text", note=note),
        interval_row(f"T_g where τ_Q = {exponent}, trap model", model, _events(found), note="without a parabolic law"),
    ]  # fmt: skip


def _extrapolated(found: TrapAnalysis, own: float, glass_time: float) -> list[str]:
    t, tau, _ = found.measured.time()
    longest = float(tau.max())
    if glass_time < _FAR * longest:
        return []
    return [
        f"The glass temperature {own:.3g} of {found.measured.name}, and fragility there, are extrapolated: the longest relaxation "
        f"time seen is {longest:.3g} at T = {t[np.argmax(tau)]:g}, {np.log10(glass_time / longest):.1f} decades below {glass_time:g}. "
        "Their errors hold only if the parabolic law does."
    ]


def _fragility_at(
    found: TrapAnalysis, law: ParabolicLaw | None, at: float, published: Mapping[str, str]
) -> list[TableRow]:
    rows = []
    coldest = float(found.measured.time()[0].min()) if len(found.measured.time()[0]) else np.nan
    words = f"extrapolated from T = {coldest:g}; " if at < coldest else ""
    if law is not None:
        m, sigma = law.fragility(at), law.fragility_error(at)
        rows.append(
            interval_row(f"fragility m = d ln τ / d(T_g / T) at T = {at:.3g}, simulation", (m, m - sigma, m + sigma), None,
                         published=published.get("fragility"), source=f"{RIDOUT}, text",
                         note=f"{words}parabolic law; in powers of ten {m / _LN10:.3g} ± {sigma / _LN10:.2g}")
        )  # fmt: skip
    model = scalar_band(found, lambda m: fragility(m, at))
    in_tens = f"in powers of ten {model[0] / _LN10:.3g}" if np.isfinite(model[0]) else "no equilibrium there"
    rows.append(
        interval_row(f"fragility m = d ln τ / d(T_g / T) at T = {at:.3g}, trap model", model, _events(found),
                     published=published.get("fragility_model"), source=f"{RIDOUT}, text",
                     note=f"{words}{in_tens}")
    )  # fmt: skip
    return rows
