"""Symbols, names, units and definitions of what the trap model returns."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from vitrify.particles.attributes import Words, filled
from vitrify.theory._definitions import unit_of
from vitrify.units import LJ, Units

if TYPE_CHECKING:
    import xarray as xr

_OF_MODEL = "of the trap model"
VARIABLES: Mapping[str, Words] = {
    "temperature": Words("T", "temperature", "of the thermostat", "temperature"),
    "time": Words("t", "time", "since the first look", "time"),
    "lag": Words("t", "lag", "time since t_w", "time"),
    "waiting_time": Words("t_w", "waiting time", "since the quench", "time"),
    "softness": Words("S", "softness", "the trap variable"),
    "density": Words("P(S)", "distribution of softness", "area 1"),
    "density_rearranging": Words("P(S|R)", "distribution of softness, about to rearrange", "area 1"),
    "density_landing": Words(r"\varrho(S)", "distribution of softness after a rearrangement", "area 1"),
    "softness_mean": Words(r"\langle S\rangle", "mean softness", "over all sites"),
    "softness_mean_error": Words(
        r"\delta\langle S\rangle", "standard error of softness_mean", "from the scatter of segments"
    ),
    "softness_variance": Words(r"\mathrm{Var}\,S", "variance of softness", "over all sites"),
    "softness_variance_error": Words(
        r"\delta\mathrm{Var}\,S", "standard error of softness_variance", "from the scatter of segments"
    ),
    "softness_sum": Words("n S", "summed softness", "of the values in the segment"),
    "softness_square": Words("n S^2", "summed square of softness", "of the values in the segment"),
    "n": Words("n", "values", "of softness in the segment"),
    "gamma": Words(r"\gamma", "slope of ln P_R in softness", "at S = 0; eq. 12"),
    "delta": Words(r"\delta", "curvature of ln P_R in softness", "minus the coefficient of S squared; eq. 13"),
    "rate": Words("k(S)", "rate to rearrange", "of a site of softness S", "rate"),
    "rate_mean": Words(r"\langle k\rangle", "mean rate to rearrange", "over all sites", "rate"),
    "rate_at_mean": Words(r"k(\langle S\rangle)", "rate at the mean softness", _OF_MODEL, "rate"),
    "log_rate": Words(r"\ln k", "log rate to rearrange", "natural logarithm"),
    "density_log_rate": Words(r"P(\ln k)", "distribution of log rates", "area 1"),
    "cumulative": Words(r"P(<\ln k)", "fraction of slower sites", "with a log rate below"),
    "energy_barrier_mean": Words(r"\langle\Delta E\rangle", "mean energy barrier", "over all sites", "energy"),
    "persistence": Words("Q(t)", "persistence", "fraction of sites without a rearrangement since the first look"),
    "chi4": Words(r"\chi_4(t)", "susceptibility of the persistence", "N Var Q, for independent sites m (Q - Q^2)"),
    "softness_covariance": Words(
        r"C_S(t_w, t_w + t)", "covariance of softness at two times", "over all sites; not normalized"
    ),
    "tau_q": Words(r"\tau_Q", "relaxation time", "when the persistence falls to 1/e", "time"),
    "tau_half": Words(r"\tau_{1/2}", "half time", "when the persistence falls to 1/2", "time"),
    "tau_chi": Words(r"\tau_\chi", "time of the largest chi4", "when the persistence falls to 1/2", "time"),
    "tau_mean": Words(r"\langle 1/k\rangle", "mean persistence time", "time integral of the persistence", "time"),
    "apparent_barrier": Words(r"E_a", "apparent barrier", "d ln tau_q / d(1/T)", "energy"),
    "rearranged": Words("", "rearranged", "whether the site has rearranged since time 0"),
}  # fmt: skip


def labelled(dataset: xr.Dataset, units: Units = LJ) -> xr.Dataset:
    """Return the data set with the attributes of every variable filled in.

    Examples
    --------
    >>> import xarray as xr
    >>> labelled(xr.Dataset({"rate": ("softness", [1.0])}))["rate"].attrs["units"]
    '1/tau'
    """
    found = filled(dataset, VARIABLES, partial(_unit, units=units))
    found.attrs.setdefault("unit_system", units.name)
    return found


def _unit(kind: str, units: Units) -> str:
    if kind == "time":
        return units.time
    return f"1/{units.time}" if kind == "rate" else unit_of(kind, units)
