"""What each data set of a report on the softness of cages holds."""

from __future__ import annotations

from collections.abc import Mapping

from vitrify.report.variables import Variable

_T, _BIN, _S = ("temperature",), ("temperature", "softness_bin"), ("softness_bin",)
_TEMPERATURE = Variable(_T, "T", "temperature", "epsilon_AA/k_B", "of the thermostat")
_LAG = Variable(("lag",), "t", "time", "tau", "between the two configurations")
_SOFTNESS_UNIT = "10^-3 sigma_AA^2"
_SOFTNESS_WORDS = "1 / (c_0 + c_1 d), d the depth of the particle's cage; mean of the bin"
_SOFTNESS = Variable(_S, "S", "softness", _SOFTNESS_UNIT, _SOFTNESS_WORDS)
_BLOCKS = "from leaving out blocks of frames"
_SEGMENTS = "from the scatter of trajectory segments"
_ORIGINS = "from the scatter of blocks of time origins"
_PER_SOFTNESS = "10^3 sigma_AA^-2"


def _with_error(
    name: str, dims: tuple[str, ...], symbol: str, words: str, units: str, definition: str, error: str
) -> dict[str, Variable]:
    return {
        name: Variable(dims, symbol, words, units, definition),
        f"{name}_error": Variable(dims, rf"\delta {symbol}", f"standard error of {name}", units, error),
    }


def _distribution(symbol: str, words: str, units: str, per_unit: str, definition: str) -> dict[str, Variable]:
    cell = ("temperature", "value_bin")
    return {
        "temperature": _TEMPERATURE,
        "value": Variable(("value_bin",), symbol, words, units, definition),
        **_with_error(
            "density", cell, f"P({symbol})", f"distribution of {words}", per_unit, "all particles of the centre species; area 1",
            _SEGMENTS,
        ),
        **_with_error("mean", _T, rf"\langle {symbol} \rangle", f"mean {words}", units, "over particles and frames", _SEGMENTS),
        **_with_error("sd", _T, rf"\sigma_{{{symbol}}}", f"spread of {words}", units, "standard deviation over particles", _SEGMENTS),
        "flagged": Variable(_T, "", "part without a value", "1", "of the particles, c_0 + c_1 d \u2264 0"),
    }  # fmt: skip


_BULK = {
    "temperature": _TEMPERATURE,
    **_with_error(
        "depth_q", _T, "d_q", "depth from S(q)", "1", "\u2212\u03b2\u03a6(0), (1/\u03c1) \u222b dq/(2\u03c0)\u00b3 Tr[S + S\u207b\u00b9 \u2212 2]",
        _BLOCKS,
    ),
    **_with_error(
        "inverse_softness", _T, "1/S", "inverse softness", "sigma_AA^-2",
        "curvature of \u03b2\u03a6 at 0, (1/3\u03c1) \u222b dq/(2\u03c0)\u00b3 q\u00b2 Tr[S + S\u207b\u00b9 \u2212 2]", _BLOCKS,
    ),
    **_with_error(
        "depth_r", _T, "d_r", "depth from g(r)", "1",
        "(\u03c1/2) \u2211 x_v \u222b 4\u03c0 r\u00b2 c(r) g(r) dr over the first shell, c by the hypernetted chain", _BLOCKS,
    ),
    "line_a": Variable(_T, "1/S", "line through 1/S against d_q", "sigma_AA^-2", "a_0 + a_1 d_q"),
    "line_b": Variable(_T, "d_q", "line through d_q against d_r", "1", "b_0 + b_1 d_r"),
    "line_c": Variable(_T, "1/S", "line through 1/S against d_r", "sigma_AA^-2", "c_0 + c_1 d_r"),
}  # fmt: skip

_OF_R, _OF_Q = ("temperature", "neighbor_species", "r"), ("temperature", "pair", "q")
_R = Variable(("r",), "r", "distance", "sigma_AA", "center of the bin")

CAGING_DATASETS: Mapping[str, Mapping[str, Variable]] = {
    "caging_bulk": _BULK,
    "caging_structure": {
        "temperature": _TEMPERATURE,
        "neighbor_species": Variable(("neighbor_species",), r"\alpha", "neighbor species", "1", "of the second particle"),
        "pair": Variable(("pair",), "", "pair of species", "1", ""),
        "r": _R,
        "q": Variable(("q",), "q", "wave number", "sigma_AA^-1", "mean length of the wave vectors of the bin"),
        **_with_error(
            "g", _OF_R, "g(r)", "radial distribution function", "1", "around the centre species", "from blocks of frames"
        ),
        **_with_error(
            "structure_factor", _OF_Q, "S_{uv}(q)", "structure factor", "1", "divided by the root of N_u N_v",
            "from blocks of frames",
        ),
        "lower_limit": Variable(_OF_R[:2], r"r_\mathrm{lo}", "lower limit", "sigma_AA", "where g(r) passes 0.001"),
        "upper_limit": Variable(_OF_R[:2], r"r_\mathrm{hi}", "upper limit", "sigma_AA", "first minimum of g(r)"),
    },
    "caging_smeared": {
        "delta": Variable(("delta",), r"\delta", "width of the Gaussians", "sigma_AA", "standard deviation"),
        "r": Variable(("r",), "r", "distance", "sigma_AA", ""),
        **_with_error(
            "g", ("delta", "r"), "g(r)", "smeared radial distribution function", "1",
            "of single particles, every neighbour a Gaussian; averaged over the particles", "from the scatter of frames",
        ),
        "g_liquid": Variable(("r",), "g(r)", "radial distribution function", "1", "not smeared"),
    },
    "caging_depth_distribution": _distribution(
        "d_i", "depth of the cage", "1", "1", "d_r of one particle with its own smeared g(r) and c(r)"
    ),
    "caging_softness_distribution": _distribution(
        "S", "softness", _SOFTNESS_UNIT, _PER_SOFTNESS, "1 / (c_0 + c_1 d_i) of one particle"
    ),
    "caging_correlation": {
        "temperature": _TEMPERATURE,
        "lag": _LAG,
        **_with_error(
            "correlation", ("temperature", "lag"), "C_S(t)", "correlation of softness", "1",
            "Pearson's, over particles, between two times; averaged over time origins", _ORIGINS,
        ),
        **_with_error(
            "overlap", ("temperature", "lag"), "Q(t)", "overlap", "1", "part of the particles that moved less than a in the time t",
            _ORIGINS,
        ),
    },
    "caging_propagator": {
        "softness": Variable(_S, "S_0", "softness at the start", _SOFTNESS_UNIT, "mean of the group; groups of equal numbers"),
        "lag": _LAG,
        "later": Variable(("later_bin",), "S", "softness at time t", _SOFTNESS_UNIT, "middle of the bin"),
        **_with_error(
            "mean", ("softness_bin", "lag"), r"\langle S(t) \rangle_{S_0}", "mean softness of those that stay", _SOFTNESS_UNIT,
            "particles that moved less than the cutoff up to the time t", "bootstrap of trajectory segments",
        ),
        "n": Variable(("softness_bin", "lag"), "n", "particles that stay", "1", "particles times time origins"),
        **_with_error(
            "density", ("softness_bin", "lag", "later_bin"), "G(S, S_0, t)", "softness propagator", _PER_SOFTNESS,
            "distribution of their softness at time t; area 1", "bootstrap of trajectory segments",
        ),
    },
    "caging_motion": {
        "temperature": _TEMPERATURE,
        "lag": _LAG,
        **_with_error(
            "non_gaussian", ("temperature", "lag"), r"\alpha_2(t)", "non-Gaussian parameter", "1",
            "3 <r^4> / 5 <r^2>^2 \u2212 1", "from leaving out blocks of time origins",
        ),
        "msd": Variable(("temperature", "lag"), r"\Delta r^2(t)", "mean squared displacement", "sigma_AA^2", "thermal positions"),
        **_with_error(
            "overlap", ("temperature", "lag"), "Q(t)", "overlap", "1", "part of the particles that moved less than a", _ORIGINS
        ),
        "self_scattering": Variable(
            ("temperature", "lag"), "F_s(t)", "self-intermediate scattering function", "1", "average over directions"
        ),
        **_with_error(
            "threshold", _T, "p_c", "threshold of a rearrangement", "sigma_AA^2",
            "mean squared displacement at the time of the largest \u03b1\u2082, unless the settings give it",
            "half the range where \u03b1\u2082 is as large within its error",
        ),
        "peak_time": Variable(_T, "t^*", "time of the largest non-Gaussian parameter", "tau", ""),
        "peak_value": Variable(_T, r"\alpha_2(t^*)", "largest non-Gaussian parameter", "1", ""),
        "active": Variable(_T, "", "part of the time above p_c", "1", "that p_hop is above the threshold"),
    },
    "caging_rearranging": {
        "temperature": _TEMPERATURE,
        "softness": Variable(_S, "S", "softness", _SOFTNESS_UNIT, "1 / (c_0 + c_1 d_i); middle of the bin"),
        **_with_error("density", _BIN, "P(S)", "distribution of softness", _PER_SOFTNESS, "particles at risk; area 1", _SEGMENTS),
        **_with_error(
            "density_rearranging", _BIN, "P(S|R)", "distribution of softness, about to rearrange", _PER_SOFTNESS,
            "particles about to rearrange; area 1", "the larger of counting and the scatter of trajectory segments",
        ),
        "n": Variable(_BIN, "n", "particles at risk", "1", "times frames, in the bin"),
        "n_rearranging": Variable(_BIN, "n_R", "rearranging particles", "1", "rearrangements in the bin"),
        **_with_error(
            "mode", _T, "S^*", "mode of P(S)", _SOFTNESS_UNIT, "largest value of the smoothed distribution", "from leaving out segments"
        ),
        **_with_error(
            "share", _T, "f", "rearranging particles above the mode", "1", "part of the rearrangements",
            "the larger of counting and leaving out segments",
        ),
        **_with_error("share_of_all", _T, "f_0", "all particles above the mode", "1", "", "from leaving out segments"),
    },
    "caging_probability": {
        "temperature": _TEMPERATURE,
        "softness": _SOFTNESS,
        "probability": Variable(_BIN, "P_R(S)", "probability to rearrange", "1", "rearrangements over exposure, particles at risk times frames"),
        "probability_low": Variable(_BIN, "P_R^-", "lower end of probability", "1", "68 % interval from counting"),
        "probability_high": Variable(_BIN, "P_R^+", "upper end of probability", "1", "68 % interval from counting"),
        "events": Variable(_BIN, "n_R", "rearrangements", "1", "in the bin"),
        "exposure": Variable(_BIN, "n", "exposure", "1", "particles at risk times frames in the bin"),
        "fitted": Variable(_BIN, "P_R(S)", "fitted probability", "1", "exp(\u03a3(S) \u2212 \u0394E(S)/T), one fit to all"),
        "used": Variable(_T, "", "fitted", "1", "1: the temperature is fitted; 0: shown only"),
    },
    "caging_barriers": {
        "softness": _SOFTNESS,
        "inverse_softness": Variable(_S, "1/S", "inverse softness", _PER_SOFTNESS, "of the bin"),
        **_with_error(
            "energy_barrier", _S, r"\Delta E", "energy barrier", "epsilon_AA", "minus slope of ln P_R against 1/T", "from counting"
        ),
        **_with_error("log_prefactor", _S, r"\Sigma", "log prefactor", "1", "ln P_0: intercept of ln P_R against 1/T", "from counting"),
        "events": Variable(_S, "n_R", "rearrangements", "1", "at all fitted temperatures together"),
        "used": Variable(_S, "", "used", "1", "1: used; 0: left out for too few events"),
        "line_in_softness": Variable(_S, r"\Delta E", "line in S", "epsilon_AA", "least squares, bins alike"),
        "line_in_inverse": Variable(_S, r"\Delta E", "line in 1/S", "epsilon_AA", "least squares, bins alike"),
    },
    "caging_variations": {
        "variation": Variable(("variation",), "", "convention and window", "1", ""),
        "onset_temperature": Variable(("variation",), "T_0", "crossing temperature", "epsilon_AA/k_B", "of the Arrhenius lines"),
        "onset_low": Variable(("variation",), "T_0", "lower end of the crossing temperature", "epsilon_AA/k_B", "68 % interval, segments"),
        "onset_high": Variable(("variation",), "T_0", "upper end of the crossing temperature", "epsilon_AA/k_B", "68 % interval, segments"),
        **_with_error(
            "share", ("variation",), "f", "rearranging particles above the mode of P(S)", "1", "coldest temperature",
            "the larger of counting and leaving out segments",
        ),
        "events": Variable(("variation",), "n_R", "rearrangements", "1", "coldest temperature"),
    },
}  # fmt: skip
