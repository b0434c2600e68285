"""What each data set of the structure of single particles holds, in the report of what softness means."""

from __future__ import annotations

from collections.abc import Mapping

from vitrify.report.variables import Variable

_T = ("temperature",)
_TEMPERATURE = Variable(_T, "T", "temperature", "epsilon_AA/k_B", "of the thermostat")
_SCALAR = Variable(("scalar",), "", "structural quantity", "1", "of one particle")
_OTHER = Variable(("other",), "", "other structural quantity", "1", "of the same particle")
_KIND = Variable(
    ("event_kind",), "", "kind of event", "1",
    "inherent: hops of inherent positions; thermal: hops of thermal positions above the mean squared displacement at the largest "
    "non-Gaussian parameter",
)  # fmt: skip
_EVENTS = "rearrangements"
_TURNED = Variable(
    ("scalar",), "", "orientation", "1", "\u22121 where rearrangements become rarer with the quantity"
)
_K = ("event_kind", "scalar", "temperature")
_CURVE = (*_K, "quantile_bin")
_PAIR = ("temperature", "scalar", "other")
_LATER = ("temperature", "scalar", "lag")
_BIN = ("against", "temperature", "structure_bin")
_SHARE = ("against", "temperature")
_SIMPLEX = ("temperature", "tetrahedra", "octahedra")
_FIELD = ("field", "temperature")
_SLOPE = ("temperature", "gradient_bin")
_BLOCKS = "bootstrap of blocks of time"


def _with_error(
    name: str,
    dims: tuple[str, ...],
    symbol: str,
    words: str,
    units: str = "1",
    definition: str = "",
    error: str = _BLOCKS,
) -> dict[str, Variable]:
    return {
        name: Variable(dims, symbol, words, units, definition),
        f"{name}_error": Variable(dims, rf"\delta {symbol}", f"standard error of {name}", units, error),
    }


def _correlations(dims: tuple[str, ...]) -> dict[str, Variable]:
    return {
        **_with_error("pearson", dims, r"\rho", "Pearson coefficient", "1", "over particles and frames"),
        **_with_error("spearman", dims, r"\rho_s", "Spearman coefficient", "1", "over particles and frames"),
    }


MEANING_STRUCTURE_DATASETS: Mapping[str, Mapping[str, Variable]] = {
    "scalar_probability": {
        "event_kind": _KIND,
        "scalar": _SCALAR,
        "temperature": _TEMPERATURE,
        "orientation": _TURNED,
        "value": Variable(_CURVE, "x", "structural quantity", "1", "mean in the bin"),
        "quantile": Variable(_CURVE, "", "quantile", "1", "of the particles at risk, turned so that rearrangements become likelier"),
        "probability": Variable(_CURVE, "P_R", "probability to rearrange", "1", "rearrangements that start, per particle at risk and frame"),
        "probability_low": Variable(_CURVE, "P_R^-", "lower end of the interval", "1", "68 % Jeffreys interval"),
        "probability_high": Variable(_CURVE, "P_R^+", "upper end of the interval", "1", "68 % Jeffreys interval"),
        "events": Variable(_CURVE, "n_R", _EVENTS, "1", "that start in the bin"),
    },
    "scalar_contrast": {
        "event_kind": _KIND,
        "scalar": _SCALAR,
        "temperature": _TEMPERATURE,
        "orientation": _TURNED,
        "contrast": Variable(
            _K, "Q", "contrast", "1", "P_R above the mean plus one standard deviation over that below the mean minus one"
        ),
        "contrast_low": Variable(_K, "Q^-", "lower end of the interval of Q", "1", "68 %, Poisson counts"),
        "contrast_high": Variable(_K, "Q^+", "upper end of the interval of Q", "1", "68 %, Poisson counts"),
        "contrast_block_error": Variable(_K, r"\delta Q", "standard error of Q between blocks", "1", "jackknife of ln Q"),
        "contrast_bound": Variable(_K, "", "bound", "1", "1: Q is a lower bound; \u22121: an upper bound"),
        "events_high": Variable(_K, "n_>", "events above", "1", "in the upper group"),
        "events_low": Variable(_K, "n_<", "events below", "1", "in the lower group"),
        "area": Variable(_K, "A", "area under ROC", "1", "starting against at risk"),
        "area_low": Variable(_K, "A^-", "lower end of the interval of area", "1", "68 %, blocks of time"),
        "area_high": Variable(_K, "A^+", "upper end of the interval of area", "1", "68 %, blocks of time"),
        "events": Variable(_K, "n_R", _EVENTS, "1", "with a value"),
    },
    "scalar_correlation": {
        "temperature": _TEMPERATURE,
        "scalar": _SCALAR,
        "other": _OTHER,
        **_correlations(_PAIR),
        "n": Variable(_T, "n", "particles and frames", "1", "that have every quantity"),
    },
    "scalar_mobility": {
        "temperature": _TEMPERATURE,
        "scalar": _SCALAR,
        "lag": Variable(("lag",), "t", "time", "tau", "after which displacements are measured"),
        **_correlations(_LATER),
    },
    "softness_against_structure": {
        "against": Variable(("against",), "", "structural quantity", "1", "of the same particle"),
        "temperature": _TEMPERATURE,
        "value": Variable(_BIN, "x", "structural quantity", "1", "mean in the bin"),
        "mean": Variable(_BIN, r"\langle S \rangle", "mean softness", "1", "in the bin"),
        "mean_error": Variable(_BIN, r"\delta \langle S \rangle", "standard error of mean", "1", "jackknife over blocks of time"),
        "sd": Variable(_BIN, r"\sigma_S", "standard deviation of softness", "1", "in the bin"),
        "n": Variable(_BIN, "n", "particles and frames", "1", ""),
        "energy": Variable(_BIN, r"\langle E_L \rangle", "mean local energy", "epsilon_AA", "in the bin"),
        "energy_sd": Variable(_BIN, r"\sigma_E", "standard deviation of local energy", "epsilon_AA", "in the bin"),
        "middle": Variable(_SHARE, "x_m", "middle", "1", "where the mean softness is that of all particles, once"),
        "share_moving": Variable(_SHARE, "f_R", "rearranging particles on the soft side of the middle", "1", ""),
        "share_low": Variable(_SHARE, "f_R^-", "lower end of the interval of share", "1", "68 % Wilson interval"),
        "share_high": Variable(_SHARE, "f_R^+", "upper end of the interval of share", "1", "68 % Wilson interval"),
        "share_all": Variable(_SHARE, "f", "all particles on the soft side of the middle", "1", ""),
        "crossing": Variable(_SHARE, "x_0", "zero of mean softness", "1", "where the mean softness changes sign, once"),
        "moving_beyond": Variable(_SHARE, "f_R^0", "rearranging particles on the soft side of zero", "1", ""),
        "all_beyond": Variable(_SHARE, "f^0", "all particles on the soft side of zero", "1", ""),
        "events": Variable(_SHARE, "n_R", _EVENTS, "1", ""),
    },
    "softness_of_simplices": {
        "temperature": _TEMPERATURE,
        "tetrahedra": Variable(("tetrahedra",), "N_T", "regular tetrahedra", "1", "Delaunay simplices at the particle"),
        "octahedra": Variable(("octahedra",), "N_O", "regular quarter-octahedra", "1", "Delaunay simplices at the particle"),
        "mean": Variable(_SIMPLEX, r"\langle S \rangle", "mean softness", "1", "of particles with so many of both"),
        "mean_error": Variable(_SIMPLEX, r"\delta \langle S \rangle", "standard error of mean", "1", "jackknife over blocks of time"),
        "sd": Variable(_SIMPLEX, r"\sigma_S", "standard deviation of softness", "1", ""),
        "n": Variable(_SIMPLEX, "n", "particles and frames", "1", ""),
    },
    "field_correlation": {
        "field": Variable(("field",), "", "field", "1", "number that particles carry"),
        "temperature": _TEMPERATURE,
        "r": Variable(("r",), "r", "distance", "sigma_AA", "centre of the bin"),
        **_with_error(
            "correlation", (*_FIELD, "r"), r"\langle\delta X(0)\,\delta X(r)\rangle", "spatial correlation", "1",
            "of values standardised in each frame, pairs of the centre species", "scatter of blocks of frames",
        ),
        **_with_error("amplitude", _FIELD, "A", "amplitude", "1", "of A exp(\u2212r/\u03be)", "leaving out each block"),
        **_with_error("length", _FIELD, r"\xi", "correlation length", "sigma_AA", "of A exp(\u2212r/\u03be)", "leaving out each block"),
        **_with_error("length_of_peaks", _FIELD, r"\xi_p", "correlation length of the maxima", "sigma_AA", "", "leaving out each block"),
    },
    "softness_gradient": {
        "temperature": _TEMPERATURE,
        "product": Variable(_SLOPE, r"|\Delta r|\,|\nabla S|", "displacement times gradient", "1", "mean in the bin"),
        **_with_error("mean_cosine", _SLOPE, r"\langle\cos\theta\rangle", "mean cosine", "1", "of displacement and gradient of softness"),
        "shuffled_mean_cosine": Variable(_SLOPE, r"\langle\cos\theta\rangle_0", "mean cosine, gradients exchanged", "1", "between events"),
        "shuffled_spread": Variable(_SLOPE, r"\delta\langle\cos\theta\rangle_0", "spread with gradients exchanged", "1", "over permutations"),
        "events": Variable(_SLOPE, "n_R", _EVENTS, "1", "in the bin"),
        "cosine": Variable(("cosine",), r"\cos\theta", "cosine", "1", "centre of the bin"),
        **_with_error("density", (*_SLOPE, "cosine"), r"P(\cos\theta)", "distribution of the cosine", "1", "area 1"),
        **_with_error("mean", _T, r"\langle\cos\theta\rangle", "mean cosine of all events", "1", ""),
        "shuffled_mean": Variable(_T, r"\langle\cos\theta\rangle_0", "mean cosine of all events, gradients exchanged", "1", ""),
    },
    "caging_map": {
        "temperature": _TEMPERATURE,
        **_with_error("depth_q", _T, r"-\beta\Phi_q", "depth of the caging potential", "1", "from S(q)", "leaving out blocks"),
        **_with_error("inverse_softness", _T, "1/S", "inverse softness", "sigma_AA^-2", "curvature of the caging potential", "leaving out blocks"),
        **_with_error("depth_r", _T, r"-\beta\Phi_r", "depth from g(r)", "1", "first neighbours, hypernetted chain", "from that of g(r)"),
    },
}  # fmt: skip
