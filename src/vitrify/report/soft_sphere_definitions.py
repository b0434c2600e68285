"""What each data set that compares soft spheres of several densities holds."""

from __future__ import annotations

from collections.abc import Mapping

from vitrify.report.variables import Variable

_DENSITY = Variable(
    ("density",), r"\rho", "number density", "sigma^-3", "of all particles; σ: small diameter"
)
_ENERGY = "epsilon"
_ROWS = {
    "bin": ("density", "softness_bin"),
    "step": ("density", "step"),
    "all": ("density", "step", "softness_bin"),
}
_BOTH = {
    "density": _DENSITY,
    "temperature": Variable(_ROWS["step"], "T", "temperature", "epsilon/k_B", "of the thermostat"),
}
_SOFTNESS = Variable(_ROWS["bin"], "S", "softness", "1", "w·F − b on standardized features; mean of the bin")


def _banded(
    name: str, dims: tuple[str, ...], symbol: str, words: str, units: str, how: str
) -> dict[str, Variable]:
    """Return a variable of the trap model, and the ends of its interval."""
    return {
        f"{name}_model": Variable(dims, symbol, f"{words}, trap model", units, how),
        f"{name}_low": Variable(
            dims, symbol + "^-", f"lower end of {name}_model", units, "68 % of resamples"
        ),
        f"{name}_high": Variable(
            dims, symbol + "^+", f"upper end of {name}_model", units, "68 % of resamples"
        ),
    }


def _with_error(
    name: str, dims: tuple[str, ...], symbol: str, words: str, units: str, how: str
) -> dict[str, Variable]:
    return {
        name: Variable(dims, symbol, words, units, how),
        f"{name}_error": Variable(dims, rf"\delta {symbol}", f"standard error of {name}", units, ""),
        **_banded(name, dims, symbol, words, units, "of the fit in which ΔE and Σ are tied by T0"),
    }


def _interval(name: str, symbol: str, words: str, units: str, how: str) -> dict[str, Variable]:
    """Return a variable with one value per density, and the ends of its interval."""
    return {
        name: Variable(("density",), symbol, words, units, how),
        f"{name}_low": Variable(("density",), symbol + "^-", f"lower end of {name}", units, "68 % interval"),
        f"{name}_high": Variable(("density",), symbol + "^+", f"upper end of {name}", units, "68 % interval"),
    }


_P = ("P(R|S)", "probability to rearrange", "1")
_CHANGE = "between the coldest and the hottest temperature, over the difference of 1/T"
_M = "d ln τ / d(T_g/T) at T_g, where the parabolic law of the measured τ_Q reaches the time of the glass; natural logarithm"

SOFT_SPHERE_DATASETS: Mapping[str, Mapping[str, Variable]] = {
    "soft_sphere_probability": {
        **_BOTH,
        "softness": _SOFTNESS,
        "probability": Variable(
            _ROWS["all"], *_P, "fraction of the particles of this softness whose D²min exceeds the threshold"
        ),
        "probability_lower": Variable(
            _ROWS["all"], "P^-", "lower end of the interval", "1", "counting alone, 68 %"
        ),
        "probability_upper": Variable(
            _ROWS["all"], "P^+", "upper end of the interval", "1", "counting alone, 68 %"
        ),
        "events": Variable(_ROWS["all"], "n_R", "rearranging particles", "1", "in the bin"),
        "exposure": Variable(_ROWS["all"], "n", "sampled particles", "1", "in the bin"),
        **_banded("probability", _ROWS["all"], *_P, "exp(Σ(S) − ΔE(S)/T)"),
    },
    "soft_sphere_barriers": {
        "density": _DENSITY,
        "softness": _SOFTNESS,
        **_with_error(
            "energy_barrier",
            _ROWS["bin"],
            r"\Delta E",
            "energy barrier",
            _ENERGY,
            "minus slope of ln P against 1/T",
        ),
        **_with_error(
            "log_prefactor", _ROWS["bin"], r"\Sigma", "log prefactor", "1", "intercept of ln P against 1/T"
        ),
        "events": Variable(
            _ROWS["bin"], "n_R", "rearranging particles", "1", "at all fitted temperatures together"
        ),
        "used": Variable(_ROWS["bin"], "", "used", "1", "1: fitted on its own; 0: too few events"),
    },
    "soft_sphere_moments": {
        **_BOTH,
        **_with_error(
            "softness_mean",
            _ROWS["step"],
            r"\langle S\rangle",
            "mean softness",
            "1",
            "of all sampled particles",
        ),
        **_with_error(
            "softness_sd",
            _ROWS["step"],
            r"\sigma_S",
            "standard deviation of softness",
            "1",
            "of all sampled particles",
        ),
        "n": Variable(_ROWS["step"], "n", "sampled particles", "1", "particles times frames"),
    },
    "soft_sphere_densities": {
        "density": _DENSITY,
        **_interval(
            "accuracy",
            "",
            "accuracy",
            "1",
            "of one hyperplane, on a trajectory that nothing was learned from",
        ),
        **_interval("slope", r"\epsilon_1", "slope of the barrier", _ENERGY, "ΔE = ε0 + ε1 S + ε2 S²"),
        **_interval(
            "slope_reduced",
            r"\epsilon_1/T",
            "slope of the barrier over T",
            "1",
            "T: of the D²min threshold of the density",
        ),
        **_interval(
            "inverse_onset", r"1/T_0", "inverse onset temperature", "k_B/epsilon", "Σ − Σ0 = (ΔE − ε0)/T0"
        ),
        **_interval(
            "change",
            r"\Delta\langle S\rangle/\Delta(1/T)",
            "fall of mean softness over 1/T",
            _ENERGY,
            _CHANGE,
        ),
        **_interval(
            "change_model",
            r"\Delta\langle S\rangle/\Delta(1/T)",
            "the same of the trap model",
            _ENERGY,
            "eq. 10",
        ),
        **_interval("fragility", "m", "fragility", "1", _M),
        **_interval("fragility_model", "m", "fragility of the trap model", "1", "at the same T_g"),
        "glass_temperature": Variable(
            ("density",), "T_g", "glass temperature", "epsilon/k_B", "of the parabolic law"
        ),
        "reference_temperature": Variable(
            ("density",), "T", "temperature of the threshold", "epsilon/k_B", "where 1 % rearrange"
        ),
        "events": Variable(
            ("density",), "n_R", "rearranging particles", "1", "that the trap model is fitted to"
        ),
        "examples": Variable(("density",), "n", "rearranging examples", "1", "that the accuracy rests on"),
    },
}
