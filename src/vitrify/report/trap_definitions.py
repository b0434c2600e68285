"""What each data set of a report on the trap model holds."""

from __future__ import annotations

from collections.abc import Mapping

from vitrify.report.variables import Variable

_BIN = ("temperature", "softness_bin")
_CURVE = ("temperature", "lag")
_AGE = ("temperature", "waiting_time")
_T = ("temperature",)
_S = ("softness_bin",)
_BAND = "16th and 84th percentile of refits to resampled trajectory segments"
_TEMPERATURE = Variable(_T, "T", "temperature", "epsilon_AA/k_B", "of the thermostat")
_SOFTNESS = Variable(_S, "S", "softness", "1", "w\u00b7F \u2212 b on standardized features; mean of the bin")
_LAG = Variable(("lag",), "t", "time", "tau", "between the two configurations")


def _modelled(
    dims: tuple[str, ...], name: str, symbol: str, words: str, units: str, definition: str
) -> dict[str, Variable]:
    """Return the three variables of a curve of the model; a study without a fit lacks them."""
    return {
        f"{name}_model": Variable(
            dims, symbol, f"{words} of the trap model", units, definition, optional=True
        ),
        f"{name}_low": Variable(dims, symbol, f"lower end of {name}_model", units, _BAND, optional=True),
        f"{name}_high": Variable(dims, symbol, f"upper end of {name}_model", units, _BAND, optional=True),
    }


def _measured(
    dims: tuple[str, ...], name: str, symbol: str, words: str, units: str, definition: str, error: str
) -> dict[str, Variable]:
    return {
        name: Variable(dims, symbol, words, units, definition),
        f"{name}_error": Variable(dims, rf"\delta {symbol}", f"standard error of {name}", units, error),
    }


_SEGMENTS = "from the scatter of trajectory segments"
_WITHIN = "from curves drawn within the errors of the overlap"

TRAP_DATASETS: Mapping[str, Mapping[str, Variable]] = {
    "trap_probability": {
        "temperature": _TEMPERATURE,
        "softness": _SOFTNESS,
        "probability": Variable(
            _BIN, "P(R|S)", "probability to rearrange", "1", "rearrangements over exposure, particles at risk times frames"
        ),
        "probability_lower": Variable(_BIN, "P^-", "lower end of probability", "1", "68 % interval from counting"),
        "probability_upper": Variable(_BIN, "P^+", "upper end of probability", "1", "68 % interval from counting"),
        "events": Variable(_BIN, "n_R", "rearrangements", "1", "in the bin"),
        "exposure": Variable(_BIN, "n", "exposure", "1", "particles times frames at risk in the bin"),
        "fitted": Variable(_T, "", "fitted", "1", "1: the model is fitted to this temperature; 0: shown only"),
        **_modelled(_BIN, "probability", "P(R|S)", "probability to rearrange", "1", "exp(\u03a3(S) \u2212 \u0394E(S)/T)"),
    },
    "trap_barriers": {
        "softness": _SOFTNESS,
        **_measured(
            _S, "energy_barrier", r"\Delta E", "energy barrier", "epsilon_AA",
            "minus slope of ln P(R|S) against 1/T, each softness on its own", "from counting",
        ),
        **_measured(
            _S, "log_prefactor", r"\Sigma", "log prefactor", "1",
            "intercept of ln P(R|S) against 1/T, each softness on its own", "from counting",
        ),
        "events": Variable(_S, "n_R", "rearrangements", "1", "at all fitted temperatures together"),
        "used": Variable(_S, "", "used", "1", "1: fitted on its own; 0: left out for too few events"),
        **_modelled(
            _S, "energy_barrier", r"\Delta E", "energy barrier", "epsilon_AA", "\u03b5_0 + \u03b5_1 S + \u03b5_2 S\u00b2"
        ),
        **_modelled(
            _S, "log_prefactor", r"\Sigma", "log prefactor", "1", "\u03a3_0 + (\u03b5_1 S + \u03b5_2 S\u00b2) / T_0"
        ),
    },
    "trap_moments": {
        "temperature": _TEMPERATURE,
        **_measured(
            _T, "softness_mean", r"\langle S\rangle", "mean softness", "1", "of all analysed particles", _SEGMENTS
        ),
        **_measured(
            _T, "softness_sd", r"\sigma_S", "spread of softness", "1", "standard deviation of all analysed particles", _SEGMENTS
        ),
        "n": Variable(_T, "n", "values", "1", "particles times frames"),
        **_modelled(_T, "softness_mean", r"\langle S\rangle", "mean softness", "1", "eq. 10 of Ridout et al."),
        **_modelled(_T, "softness_sd", r"\sigma_S", "spread of softness", "1", "root of eq. 11"),
    },
    "trap_persistence": {
        "temperature": _TEMPERATURE,
        "lag": _LAG,
        **_measured(
            _CURVE, "overlap", "Q(t)", "overlap", "1",
            "fraction of particles that moved less than the cutoff a in the time t, inherent positions",
            "from the scatter of blocks of time origins",
        ),
        **_modelled(
            _CURVE, "overlap", "Q(t)", "persistence", "1", "fraction of sites without a rearrangement in the time t"
        ),
    },
    "trap_times": {
        "temperature": _TEMPERATURE,
        **_measured(_T, "tau_q", r"\tau_Q", "relaxation time", "tau", "when the overlap falls to 1/e", _WITHIN),
        **_measured(_T, "tau_half", r"\tau_{1/2}", "half time", "tau", "when the overlap falls to 1/2", _WITHIN),
        **_measured(
            _T, "ratio", r"\tau_Q / \tau_{1/2}", "stretching", "1", "1 / ln 2 = 1.4427 without it",
            "relative errors of both times in quadrature; as they share a curve, rather too large",
        ),
        **_measured(_T, "exponent", r"\beta", "stretching exponent", "1", "of a stretched exponential", _WITHIN),
        "tau_law": Variable(_T, r"\tau_Q", "parabolic law", "tau", "ln tau_Q = a + b/T + c/T\u00b2 through the measured"),
        "tau_law_low": Variable(_T, r"\tau_Q", "lower end of tau_law", "tau", "one standard error"),
        "tau_law_high": Variable(_T, r"\tau_Q", "upper end of tau_law", "tau", "one standard error"),
        **_modelled(_T, "tau_q", r"\tau_Q", "relaxation time", "tau", "when the persistence falls to 1/e"),
        **_modelled(_T, "ratio", r"\tau_Q / \tau_{1/2}", "stretching", "1", "of the persistence"),
    },
    "trap_susceptibility": {
        "temperature": _TEMPERATURE,
        "lag": _LAG,
        **_measured(
            _CURVE, "chi4", r"\chi_4(t)", "dynamic susceptibility", "1", "N var Q of the overlap",
            "from leaving out each block of time origins",
        ),
        **_modelled(
            _CURVE, "chi4", r"\chi_4(t)", "dynamic susceptibility", "1", "Q \u2212 Q\u00b2: independent sites of one particle"
        ),
    },
    "trap_ageing": {
        "temperature": Variable(_T, "T_F", "final temperature", "epsilon_AA/k_B", "of the thermostat after the quench"),
        "waiting_time": Variable(("waiting_time",), "t_w", "waiting time", "tau", "since the quench"),
        **_measured(
            _AGE, "softness_mean", r"\langle S\rangle", "mean softness", "1", "of all analysed particles, mean of the samples",
            "from the scatter of samples",
        ),
        "n_samples": Variable(_AGE, "n", "samples", "1", "quenches that the mean is of"),
        "softness_equilibrium": Variable(
            _T, r"\langle S\rangle_F", "softness at T_F", "1", "in equilibrium, where a trajectory was made there"
        ),
        **_modelled(
            _AGE, "softness_mean", r"\langle S\rangle", "mean softness", "1", "master equation from equilibrium at T_I"
        ),
    },
}  # fmt: skip
