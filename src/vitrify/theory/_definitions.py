"""Symbols, names, units and definitions of the variables that this package returns."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from vitrify.particles.attributes import Words, filled
from vitrify.units import LJ, SYSTEMS, Units

if TYPE_CHECKING:
    import xarray as xr

VARIABLES: Mapping[str, Words] = {
    "temperature": Words("T", "temperature", "of the thermostat", "temperature"),
    "softness": Words(
        "S", "softness", "w·F − b on standardized features; mean of the particles at risk in the bin"
    ),
    "softness_low": Words("S_{\\min}", "lower edge of the bin", "softness"),
    "softness_high": Words("S_{\\max}", "upper edge of the bin", "softness"),
    "segment": Words("", "segment", "contiguous piece of a trajectory"),
    "events": Words("n_R", "rearrangements", "that start in the bin"),
    "exposure": Words("n", "exposure", "particles at risk times frames in the bin"),
    "softness_sum": Words("n S", "summed softness", "of the exposure"),
    "events_beyond": Words("", "rearrangements beyond", "part of `events` beyond the outermost edges"),
    "exposure_beyond": Words("", "exposure beyond", "part of `exposure` beyond the outermost edges"),
    "probability": Words("P_R(S)", "probability to rearrange", "rearrangements that start, over exposure"),
    "probability_low": Words("P_R^-", "lower end of the interval of probability", "68 % Jeffreys interval"),
    "probability_high": Words("P_R^+", "upper end of the interval of probability", "68 % Jeffreys interval"),
    "density": Words(
        "P(S)", "distribution of softness", "all particles at risk; area 1 within the bins shown"
    ),
    "density_error": Words(
        r"\delta P(S)", "standard error of density", "from the scatter of trajectory segments"
    ),
    "density_rearranging": Words(
        "P(S|R)",
        "distribution of softness, about to rearrange",
        "particles about to rearrange; area 1 within the bins shown",
    ),
    "density_rearranging_error": Words(
        r"\delta P(S|R)",
        "standard error of density_rearranging",
        "the larger of counting and the scatter of trajectory segments",
    ),
    "n": Words("n", "analysed particles", "particles at risk times frames within the edges of the bin"),
    "n_rearranging": Words("n_R", "rearranging particles", "rearrangements within the edges of the bin"),
    "fraction_outside": Words("", "fraction outside", "of the exposure, beyond the outermost edges"),
    "fraction_rearranging_outside": Words(
        "", "fraction of rearrangements outside", "beyond the outermost edges"
    ),
    "energy_barrier": Words(r"\Delta E", "energy barrier", "minus slope of ln P_R against 1/T", "energy"),
    "energy_barrier_error": Words(
        r"\delta\Delta E", "standard error of energy_barrier", "from counting", "energy"
    ),
    "log_prefactor": Words(r"\Sigma", "log prefactor", "ln P_0: intercept of ln P_R against 1/T"),
    "log_prefactor_error": Words(r"\delta\Sigma", "standard error of log_prefactor", "from counting"),
    "n_temperatures": Words("", "temperatures", "at which the bin has rearrangements"),
    "used": Words("", "used", "1: used; 0: left out"),
    "log_probability": Words(r"\ln P_R", "log probability to rearrange", "ln of events over exposure"),
    "log_probability_error": Words(
        r"\delta\ln P_R", "standard error of log_probability", "from counting: 1 / sqrt(events)"
    ),
    "predicted": Words(
        r"\ln P_R^{\,\mathrm{fit}}", "predicted log probability", "from the other temperatures"
    ),
    "predicted_error": Words(
        r"\delta\ln P_R^{\,\mathrm{fit}}", "standard error of predicted", "from counting"
    ),
}


def unit_of(kind: str, units: Units) -> str:
    """Return the unit of a temperature, or of an energy that is divided by a temperature without k_B.

    Examples
    --------
    >>> from vitrify.units import METAL
    >>> unit_of("energy", LJ), unit_of("energy", METAL)
    ('epsilon_AA', 'k_B K')
    """
    if kind == "energy":
        return units.energy if units.boltzmann == 1 else f"k_B {units.temperature}"
    return units.temperature if kind == "temperature" else "1"


def described(dataset: xr.Dataset, **definitions: str) -> xr.Dataset:
    """Return the data set with the attributes of every variable filled in.

    Parameters
    ----------
    dataset : xarray.Dataset
        Its attribute ``unit_system`` names the units; Lennard-Jones without it.
    **definitions : str
        Of variables that mean something else than in `VARIABLES`.

    Returns
    -------
    xarray.Dataset
        The same values.
    """
    units = SYSTEMS[dataset.attrs.get("unit_system", LJ.name)]
    return filled(dataset, VARIABLES, partial(unit_of, units=units), definitions)
