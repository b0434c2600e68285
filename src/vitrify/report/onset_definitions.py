"""What each data set of an onset report holds."""

from __future__ import annotations

from collections.abc import Mapping

from vitrify.report.variables import Variable

_AT = ("density", "definition", "cutoff")
_BIN = ("density", "cutoff", "softness_bin")
_CURVE = ("density", "softness_bin")
_DENSITY = Variable(("density",), r"\rho", "number density", "sigma_AA^-3", "particles over volume")
_DEFINITION = Variable(
    ("definition",),
    "",
    "definition of P_R",
    "1",
    "rearrangements that start, per particle at risk and frame; or particles above p_c at a frame, by their structure then or before",
)
_CUTOFF = Variable(
    ("cutoff",), "p_c", "cutoff", "sigma_AA^2", "largest p_hop above which an event is a rearrangement"
)
_SOFTNESS = Variable(
    _CURVE, "S", "softness", "1", "w\u00b7F \u2212 b on standardized features; center of the bin"
)
_OF_SEGMENTS = "68 %, from resampled trajectory segments"
_ENERGY, _TEMPERATURE = "epsilon_AA", "epsilon_AA/k_B"


def _with_ends(
    name: str, dims: tuple[str, ...], symbol: str, words: str, units: str, definition: str
) -> dict[str, Variable]:
    """Return a variable and the ends of its interval."""
    return {
        name: Variable(dims, symbol, words, units, definition),
        f"{name}_low": Variable(
            dims, f"{symbol}^-", f"lower end of the interval of {name}", units, _OF_SEGMENTS
        ),
        f"{name}_high": Variable(
            dims, f"{symbol}^+", f"upper end of the interval of {name}", units, _OF_SEGMENTS
        ),
    }


def _curve(name: str, symbol: str, words: str, units: str, definition: str) -> dict[str, Variable]:
    """Return barrier or prefactor of single bins with the straight and the curved fit."""
    return {
        name: Variable(_CURVE, symbol, words, units, definition),
        f"{name}_error": Variable(_CURVE, rf"\delta {symbol}", f"standard error of {name}", units, "from counting"),
        f"{name}_straight": Variable(_CURVE, symbol, f"straight fit of {name}", units, "degree 1 in softness"),
        f"{name}_curved": Variable(_CURVE, symbol, f"curved fit of {name}", units, "degree 2 in softness"),
        f"{name}_curved_error": Variable(
            _CURVE, rf"\delta {symbol}", f"standard error of {name}_curved", units, "from resampled trajectory segments"
        ),
    }  # fmt: skip


ONSET_DATASETS: Mapping[str, Mapping[str, Variable]] = {
    "onset_density": {
        "definition": _DEFINITION,
        "density": _DENSITY,
        "onset_temperature": Variable(
            ("definition", "density"), "T_0", "onset temperature", _TEMPERATURE, "e1 / \u03a31"
        ),
        "onset_low": Variable(
            ("definition", "density"), "T_0^-", "lower end of T0", _TEMPERATURE, "68 %, by Fieller's theorem"
        ),
        "onset_high": Variable(
            ("definition", "density"), "T_0^+", "upper end of T0", _TEMPERATURE, "68 %, by Fieller's theorem"
        ),
        "expected_onset": Variable(
            ("definition", "density"),
            "T_0",
            "expected onset temperature",
            _TEMPERATURE,
            "proportional to the coldest temperatures of the published table, with one fitted factor",
        ),
    },
    "onset_barriers": {
        "density": _DENSITY,
        "cutoff": _CUTOFF,
        "softness": _SOFTNESS,
        "energy_barrier": Variable(
            _BIN, r"\Delta E", "energy barrier", _ENERGY, "minus slope of ln P_R against 1/T"
        ),
        "energy_barrier_error": Variable(
            _BIN, r"\delta\Delta E", "standard error of energy_barrier", _ENERGY, "from counting"
        ),
        "energy_barrier_fit": Variable(
            _BIN, r"\Delta E", "global fit of energy_barrier", _ENERGY, "e0 \u2212 e1 S"
        ),
        "log_prefactor": Variable(_BIN, r"\Sigma", "log prefactor", "1", "intercept of ln P_R against 1/T"),
        "log_prefactor_error": Variable(
            _BIN, r"\delta\Sigma", "standard error of log_prefactor", "1", "from counting"
        ),
        "log_prefactor_fit": Variable(
            _BIN, r"\Sigma", "global fit of log_prefactor", "1", "\u03a30 \u2212 \u03a31 S"
        ),
        "events": Variable(_BIN, "n_R", "rearrangements", "1", "at all fitted temperatures together"),
    },
    "onset_cutoffs": {
        "density": _DENSITY,
        "definition": _DEFINITION,
        "cutoff": _CUTOFF,
        **_with_ends("e0", _AT, "e_0", "barrier at S = 0", _ENERGY, "\u0394E = e0 \u2212 e1 S"),
        "e0_line": Variable(
            _AT, "e_0", "line of e0", _ENERGY, "straight in the logarithm of p_c; by least squares"
        ),
        **_with_ends("e1", _AT, "e_1", "slope of the barrier", _ENERGY, "\u0394E = e0 \u2212 e1 S"),
        **_with_ends("sigma0", _AT, r"\Sigma_0", "log prefactor at S = 0", "1", "\u03a3 = \u03a30 \u2212 \u03a31 S"),
        **_with_ends("sigma1", _AT, r"\Sigma_1", "slope of the prefactor", "1", "\u03a3 = \u03a30 \u2212 \u03a31 S"),
        **_with_ends("onset_temperature", _AT, "T_0", "onset temperature", _TEMPERATURE, "e1 / \u03a31"),
        "events": Variable(_AT, "n_R", "events", "1", "starts, or particles above p_c in the sampled frames"),
    },
    "onset_soft": {
        "density": _DENSITY,
        "cutoff": _CUTOFF,
        "coldest": Variable(("density",), "T", "temperature", _TEMPERATURE, "the coldest of the density"),
        "fraction": Variable(
            ("density", "cutoff"),
            r"P(S > 0\,|\,R)",
            "soft among rearranging particles",
            "1",
            "fraction of rearrangements that start at S > 0, from a trajectory that was not trained on",
        ),
        "low": Variable(("density", "cutoff"), "P^-", "lower end of fraction", "1", "68 % Wilson interval"),
        "high": Variable(("density", "cutoff"), "P^+", "upper end of fraction", "1", "68 % Wilson interval"),
        "events": Variable(("density", "cutoff"), "n_R", "rearrangements", "1", "that start"),
    },
    "onset_curvature": {
        "density": _DENSITY,
        "softness": _SOFTNESS,
        **_curve("energy_barrier", r"\Delta E", "energy barrier", _ENERGY, "minus slope of ln P_R against 1/T"),
        **_curve("log_prefactor", r"\Sigma", "log prefactor", "1", "intercept of ln P_R against 1/T"),
    },
}  # fmt: skip
