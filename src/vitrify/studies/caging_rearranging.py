"""Data sets of rearrangement against the softness of cages: distributions, probabilities, barriers, and what they depend on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vitrify.errors import ParameterError, TooFewEventsError
from vitrify.studies.caging_collect import Caged, all_softness
from vitrify.studies.caging_counts import (
    CONVENTIONS,
    AboveMode,
    Convention,
    SoftMotion,
    above_mode,
    counts_of,
    fitted_temperatures,
    onset_of,
)
from vitrify.studies.caging_motion import Hop
from vitrify.theory.arrhenius import arrhenius_per_bin
from vitrify.theory.caging import Line
from vitrify.theory.onset import OnsetBootstrap
from vitrify.theory.rearrangement_probability import rearrangement_probability, softness_bins
from vitrify.theory.softness_distribution import distributions

if TYPE_CHECKING:
    import xarray as xr


_FINER = 3
_SHORT = {"start": "start", "before_peak": "before peak", "rearranging": "every frame"}


@dataclass(frozen=True)
class Fitted:
    """Counts by one convention and one window, and the global fit to them.

    Attributes
    ----------
    convention : str
    hop : Hop
    counts : xarray.Dataset
    temperatures : list of float
        That were fitted.
    onset : OnsetBootstrap or None
    reason : str
        Why there is no fit.
    above : list of AboveMode or None
        Of each temperature, coldest first; None where nothing rearranges.
    """

    convention: Convention
    hop: Hop
    counts: xr.Dataset
    temperatures: list[float]
    onset: OnsetBootstrap | None
    reason: str
    above: list[AboveMode | None]


def fit_all(found: Caged) -> list[Fitted]:
    """Return counts and fits by every convention and window, those of the study first."""
    settings = found.place.settings
    p = settings.probabilities
    edges = softness_bins(all_softness(found.motions), p.bins)
    fitted = fitted_temperatures(found.motions, p.max_active_fraction)
    made = []
    for hop in found.motions[0].motion.hops:
        for convention in CONVENTIONS:
            counts = counts_of(found.motions, convention, hop, edges)
            onset, reason = onset_of(counts, fitted, p.degree, p.resamples, p.seed)
            above = [_above(m, convention, hop) for m in found.motions]
            made.append(Fitted(convention, hop, counts, fitted, onset, reason, above))
    return made


def _above(one: SoftMotion, convention: Convention, hop: Hop) -> AboveMode | None:
    try:
        return above_mode(*one.entries(convention, hop))
    except TooFewEventsError:
        return None


def rearranging_dataset(found: Caged, fit: Fitted) -> xr.Dataset:
    """Return P(S) and P(S|R), the mode of the first and the part of the second above it; finer bins than those of P_R."""
    edges = softness_bins(all_softness(found.motions), _FINER * found.place.settings.probabilities.bins)
    table = distributions(counts_of(found.motions, fit.convention, fit.hop, edges))
    names = (
        "density",
        "density_error",
        "density_rearranging",
        "density_rearranging_error",
        "n",
        "n_rearranging",
    )
    import xarray as xr

    scalars = {
        name: ("temperature", np.array([np.nan if a is None else getattr(a, name) for a in fit.above]))
        for name in ("mode", "mode_error", "share", "share_error", "share_of_all", "share_of_all_error")
    }
    cells = {n: (("temperature", "softness_bin"), table[n].values) for n in names}
    coords = {
        "temperature": table["temperature"].values,
        "softness": ("softness_bin", table["softness"].values),
    }
    return xr.Dataset(
        {**cells, **scalars}, coords, {"convention": CONVENTIONS[fit.convention], "window": fit.hop.window}
    )


def probability_dataset(fit: Fitted) -> xr.Dataset:
    """Return P_R(S, T) with its intervals and the global fit."""
    import xarray as xr

    table = rearrangement_probability(fit.counts)
    t, s = table["temperature"].values, table["softness"].values
    cell = ("temperature", "softness_bin")
    values = {
        n: (cell, table[n].values)
        for n in ("probability", "probability_low", "probability_high", "events", "exposure")
    }
    law = np.full((len(t), len(s)), np.nan)
    if fit.onset is not None:
        law = fit.onset.fit.predict(s[None], t[:, None])
    used = np.isin(t, fit.temperatures).astype(np.int64)
    return xr.Dataset(
        {**values, "fitted": (cell, law), "used": ("temperature", used)},
        {"temperature": t, "softness": ("softness_bin", s)},
        {
            "convention": CONVENTIONS[fit.convention],
            "window": fit.hop.window,
            "interval": fit.counts.attrs["interval"],
            **_onset_attrs(fit.onset),
        },
    )


def _onset_attrs(onset: OnsetBootstrap | None) -> dict[str, float]:
    if onset is None:
        return {}
    low, high = onset.interval("onset_temperature")
    return {"T0": onset.fit.onset_temperature, "T0_low": low, "T0_high": high}


def barriers_dataset(fit: Fitted, min_events: int) -> xr.Dataset | None:
    """Return ΔE and Σ of every bin of softness on its own, with lines against S and 1/S."""
    import xarray as xr

    counts = fit.counts.sel(temperature=fit.temperatures)
    table = arrhenius_per_bin(counts, min_events, min(3, len(fit.temperatures)))
    s, barrier = table["softness"].values, table["energy_barrier"].values
    known = np.isfinite(barrier)
    if known.sum() < 2:
        return None
    by_s, by_inverse = (Line.fit(x[known], barrier[known]) for x in (s, 1 / s))
    names = (
        "energy_barrier",
        "energy_barrier_error",
        "log_prefactor",
        "log_prefactor_error",
        "events",
        "used",
    )
    values = {n: ("softness_bin", table[n].values) for n in names}
    values |= {
        "line_in_softness": ("softness_bin", by_s.at(s)),
        "line_in_inverse": ("softness_bin", by_inverse.at(1 / s)),
    }
    attrs = {
        "slope_in_softness": by_s.slope,
        "slope_in_softness_error": by_s.slope_error,
        "r_squared_in_softness": by_s.r_squared,
        "slope_in_inverse": by_inverse.slope,
        "slope_in_inverse_error": by_inverse.slope_error,
        "r_squared_in_inverse": by_inverse.r_squared,
        **_onset_attrs(fit.onset),
    }
    coords = {"softness": ("softness_bin", s), "inverse_softness": ("softness_bin", 1 / s)}
    return xr.Dataset(values, coords, attrs)


def variations_dataset(fits: list[Fitted]) -> xr.Dataset:
    """Return crossing temperature and part above the mode (coldest temperature) by convention and window."""
    import xarray as xr

    rows = [_variation(fit) for fit in fits]
    names = ("onset_temperature", "onset_low", "onset_high", "share", "share_error", "events")
    columns = {n: ("variation", np.array(c)) for n, c in zip(names, zip(*rows, strict=True), strict=True)}
    words = [f"{_SHORT[f.convention]}, {f.hop.words}" for f in fits]
    return xr.Dataset(columns, {"variation": np.array(words)})


def _variation(fit: Fitted) -> tuple[float, ...]:
    onset = _onset_attrs(fit.onset) or dict.fromkeys(("T0", "T0_low", "T0_high"), np.nan)
    cold = fit.above[0]
    share = (np.nan, np.nan, 0.0) if cold is None else (cold.share, cold.share_error, float(cold.n))
    return (onset["T0"], onset["T0_low"], onset["T0_high"], *share)


def rise(table: xr.Dataset, k: int, min_events: int) -> tuple[float, float]:
    """Return the slope of log10 P_R against softness at one temperature, and its error.

    A line through the bins with enough events, weighted by their number; the error is that of counting times the root of the deviance
    per degree of freedom, if that is above 1.

    Raises
    ------
    ParameterError
        If there are no two such bins.
    """
    one = table.isel(temperature=k)
    p, n, s = (one[name].values for name in ("probability", "events", "softness"))
    enough = (n >= min_events) & (p > 0)
    if enough.sum() < 2:
        raise ParameterError(f"Fewer than two bins of softness have {min_events} events.")
    x, y, weight = s[enough], np.log10(p[enough]), n[enough] * np.log(10) ** 2
    middle = np.average(x, weights=weight)
    spread = float((weight * (x - middle) ** 2).sum())
    slope = float((weight * (x - middle) * y).sum() / spread)
    left = y - np.average(y, weights=weight) - slope * (x - middle)
    scatter = float((weight * left**2).sum()) / max(len(x) - 2, 1)
    return slope, float(np.sqrt(max(scatter, 1.0) / spread))
