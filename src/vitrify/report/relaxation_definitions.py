"""What each data set of a relaxation report holds."""

from __future__ import annotations

from collections.abc import Mapping

from vitrify.report.variables import Variable

_T, _L = ("temperature",), ("temperature", "lag")
_TEMPERATURE = Variable(_T, "T", "temperature", "epsilon_AA/k_B", "of the thermostat")
_LAG = Variable(("lag",), "t", "time", "tau", "between the two configurations")
_SOFTNESS = Variable(
    ("softness_bin",), "S", "softness", "1", "w\u00b7F \u2212 b on standardized features; middle of the bin"
)
_ROUTE = Variable(
    ("route",), "", "route", "1",
    "naive: softness stays; gaussian: Gaussian propagator; binned: measured propagator; direct: softness of all survivors",
)  # fmt: skip
_CALIBRATION = Variable(
    ("calibration",), "", "calibration of c", "1",
    "counted: c_a f_irrev; initial: from the initial decay; early: from the first half of log t, naive for itself",
)  # fmt: skip
_THRESHOLD = Variable(("threshold",), "p_c", "threshold", "sigma_AA^2", "of the largest p_hop of an event")
_EVENTS = "rearrangements"
_DEGREE = Variable(("degree",), "", "degree of the law", "1", "of \u0394E(S) and \u03a3(S)")
_LEFT = ("temperature", "degree", "softness_bin")


def _with_error(
    name: str,
    dims: tuple[str, ...],
    symbol: str,
    words: str,
    units: str = "1",
    definition: str = "",
    error: str = "bootstrap of trajectory segments",
) -> dict[str, Variable]:
    return {
        name: Variable(dims, symbol, words, units, definition),
        f"{name}_error": Variable(dims, rf"\delta {symbol}", f"standard error of {name}", units, error),
    }


def _overlap(dims: tuple[str, ...], suffix: str = "", symbol: str = "q(t)") -> dict[str, Variable]:
    return {
        **_with_error(
            f"measured{suffix}", dims, symbol, "overlap", "1", "fraction within a after the time t"
        ),
        **_with_error(f"predicted{suffix}", dims, symbol, "overlap, predicted", "1", "from softness"),
    }


_C = ("temperature", "calibration", "route")
_CT = ("temperature", "threshold", "calibration", "route")
_CV = ("temperature", "variation", "calibration", "route")
_RMS = (r"\Delta_q", "RMS distance of q(t)", "1", "prediction and measurement, over the lags above 0")
_BIN = ("temperature", "softness_bin")
_CELL = ("softness_bin", "lag")
_STRUCTURE = ("scalar", "temperature", "quantile_bin")
_SCALAR = Variable(("scalar",), "", "structural quantity", "1", "of one particle")

RELAXATION_DATASETS: Mapping[str, Mapping[str, Variable]] = {
    "overlap_prediction": {
        "temperature": _TEMPERATURE,
        "lag": _LAG,
        "route": _ROUTE,
        "calibration": _CALIBRATION,
        **_with_error("measured", _L, "q(t)", "overlap", "1", "fraction within a after the time t"),
        **_with_error("predicted", ("temperature", "calibration", "route", "lag"), "q(t)", "overlap, predicted"),
        **_with_error("productive", _C, "c", "displacements per rearrangement"),
        **_with_error("distance", _C, *_RMS),
        "events": Variable(_T, "n_R", _EVENTS, "1", "complete, of the centre species"),
        "latest": Variable(_T, "t^*", "end of early times", "tau", "middle of the range of log t"),
    },
    "overlap_of_softness": {"softness": _SOFTNESS, "lag": _LAG, **_overlap(_CELL, "_of_softness", "q(S, t)")},
    "propagator": {
        "softness": _SOFTNESS,
        "lag": _LAG,
        "later": Variable(("later_bin",), "S", "softness at time t", "1", "middle of the bin"),
        **_with_error("mean", _CELL, r"\langle S(t) \rangle_{S_0}", "mean softness of survivors"),
        **_with_error("variance", _CELL, r"\mathrm{Var}_{S_0} S(t)", "variance of softness of survivors"),
        **_with_error("density", (*_CELL, "later_bin"), "G(S, t | S_0)", "softness propagator"),
        "gaussian": Variable((*_CELL, "later_bin"), "G", "Gaussian propagator", "1", "same mean and variance"),
        "n": Variable(_CELL, "n", "survivors", "1", "with a softness"),
    },
    "initial_decay": {
        "temperature": _TEMPERATURE,
        "softness": _SOFTNESS,
        **_with_error("decay", _BIN, "-dq(S, t)/dt", "initial decay of the overlap"),
        **_with_error("expected", _BIN, "c_a P_R(S)", "rearrangements that move beyond a"),
        **_with_error("ratio", _BIN, r"-\dot q(S) / c_a P_R(S)", "ratio"),
    },
    "displacing_events": {
        "temperature": _TEMPERATURE,
        "lag": _LAG,
        "threshold": _THRESHOLD,
        **_with_error(
            "share_below", ("temperature", "threshold", "lag"), "f_{<p_c}", "displacements without an event above threshold"
        ),
        **_with_error("share_accumulated", _L, r"f_\Sigma", "displacements that add up", "1", "no single event went beyond a"),
        **_with_error("productive", _L, "c(t)", "decay over rearrangements", "1", "of survivors, since the lag before"),
        "n": Variable(_L, "n", "displacements beyond a", "1", ""),
    },
    "prediction_threshold": {
        "temperature": _TEMPERATURE,
        "threshold": _THRESHOLD,
        "calibration": _CALIBRATION,
        "route": _ROUTE,
        **_with_error("distance", _CT, *_RMS),
        **_with_error("productive", _CT, "c", "displacements per rearrangement"),
        "events": Variable(("temperature", "threshold"), "n_R", _EVENTS, "1", "above the threshold"),
    },
    "prediction_variation": {
        "temperature": _TEMPERATURE,
        "variation": Variable(("variation",), "", "variation", "1", "what is other than in the main prediction"),
        "calibration": _CALIBRATION,
        "route": _ROUTE,
        **_with_error("distance", _CV, *_RMS),
        **_with_error("productive", _CV, "c", "displacements per rearrangement"),
        "events": Variable(("temperature", "variation"), "n_R", _EVENTS, "1", ""),
    },
    "held_out_temperature": {
        "temperature": _TEMPERATURE,
        "degree": _DEGREE,
        "softness": _SOFTNESS,
        **_with_error("log_probability", _LEFT, r"\ln P_R", "log probability to rearrange", "1", "", "from counting"),
        **_with_error("predicted", _LEFT, r"\ln P_R^\mathrm{fit}", "predicted from the other temperatures", "1", "", "from counting"),
        **_with_error("difference", _LEFT, r"\Delta \ln P_R", "predicted \u2212 measured"),
        "events": Variable(_LEFT, "n_R", _EVENTS, "1", "at the temperature that is left out"),
    },
    "held_out_time": {
        "temperature": _TEMPERATURE,
        "lag": _LAG,
        "route": _ROUTE,
        **_with_error("measured", _L, "q(t)", "overlap"),
        **_with_error("predicted", ("temperature", "route", "lag"), "q(t)", "overlap, predicted from earlier times"),
        **_with_error("distance", ("temperature", "route"), *_RMS[:3], "at later times"),
        "latest": Variable(_T, "t^*", "end of early times", "tau", "nothing later is used"),
    },
    "structure_probability": {
        "scalar": _SCALAR,
        "temperature": _TEMPERATURE,
        "value": Variable(("scalar", "quantile_bin"), "x", "structural quantity", "1", "mean in the bin"),
        "probability": Variable(_STRUCTURE, "P_R", "probability to rearrange", "1", "events over exposure"),
        "probability_low": Variable(_STRUCTURE, "P_R^-", "lower end of the interval", "1", "68 % Jeffreys interval"),
        "probability_high": Variable(_STRUCTURE, "P_R^+", "upper end of the interval", "1", "68 % Jeffreys interval"),
        "events": Variable(_STRUCTURE, "n_R", _EVENTS, "1", "that start in the bin"),
    },
    "structure_gain": {
        "scalar": _SCALAR,
        "temperature": _TEMPERATURE,
        **_with_error(
            "gain", ("scalar", "temperature"), r"\Delta \ln L / n_R", "log likelihood gained per event", "1",
            "bins of equal exposure over one rate, on segments that were left out", "leaving out each segment",
        ),
        "degree": _DEGREE,
        **_with_error(
            "law_gain", ("scalar", "degree"), r"\Delta \ln L / n_R", "log likelihood gained per event", "1",
            "Arrhenius law over one rate per temperature, on segments that were left out", "leaving out each segment",
        ),
        "deviance": Variable(("scalar", "degree"), "D", "deviance per degree of freedom", "1", "of the Arrhenius law"),
        "area": Variable(("scalar", "temperature"), "A", "area under ROC", "1", "starting against at risk"),
        "area_low": Variable(("scalar", "temperature"), "A^-", "lower end of the interval of area", "1", "68 %"),
        "area_high": Variable(("scalar", "temperature"), "A^+", "upper end of the interval of area", "1", "68 %"),
        "events": Variable(("scalar", "temperature"), "n_R", _EVENTS, "1", ""),
    },
    "relaxation_functions": {
        "temperature": _TEMPERATURE,
        "lag": _LAG,
        **_with_error("msd", _L, r"\Delta r^2(t)", "mean squared displacement", "sigma_AA^2"),
        **_with_error("overlap", _L, "q(t)", "overlap"),
        **_with_error("self_scattering", _L, "F_s(k, t)", "self-intermediate scattering"),
        **_with_error("non_gaussian", _L, r"\alpha_2(t)", "non-Gaussian parameter"),
        **_with_error("chi4", _L, r"\chi_4(t)", "dynamic susceptibility"),
    },
    "relaxation_times": {
        "temperature": _TEMPERATURE,
        "definition": Variable(("definition",), "", "definition", "1", "of the relaxation time"),
        **_with_error(
            "relaxation_time", ("temperature", "definition"), r"\tau", "relaxation time", "tau", "", "curves within the error bars"
        ),
    },
    "irreversible": {
        "temperature": _TEMPERATURE,
        "softness": _SOFTNESS,
        **_with_error("irreversible_fraction", _T, r"f_\mathrm{irrev}", "irreversible fraction", "1", "", "leaving out each origin"),
        **_with_error(
            "irreversible_fraction_of_softness", _BIN, r"f_\mathrm{irrev}(S)", "irreversible fraction", "1", "",
            "leaving out each origin",
        ),
        **_with_error("displacing", _T, "c_a", "displacing fraction", "1", "rearrangements that move beyond a", "binomial"),
        **_with_error("duration", _T, r"\tau_R", "duration of a rearrangement", "tau", "mean", "scatter over its root"),
        "n_away_of_softness": Variable(_BIN, "n", "particles that went away", "1", ""),
    },
}  # fmt: skip
