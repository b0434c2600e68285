"""What each data set of a benchmark holds."""

from __future__ import annotations

from collections.abc import Mapping

from vitrify.report.variables import Variable

_ROW = ("prediction", "time", "species")
_CURVE = ("prediction", "species", "false_rate")
_BIN = ("prediction", "species", "quantile_bin")
_PREDICTION = Variable(("prediction",), "", "prediction", "1", "by its name, best first")
_SPECIES = Variable(("species",), r"\alpha", "species", "1", "whose particles are scored; 'all': every one")


def _score(
    symbol: str, words: str, definition: str, error: str, *, optional: bool = False
) -> dict[str, Variable]:
    def variable(name: str) -> Variable:
        return Variable(_ROW, name, words, "1", definition, optional=optional)

    return {"": variable(symbol), "_error": Variable(
        _ROW, rf"\delta {symbol}", f"standard error: {words}", "1", error, optional=optional
    )}  # fmt: skip


def _named(name: str, parts: dict[str, Variable]) -> dict[str, Variable]:
    return {f"{name}{end}": variable for end, variable in parts.items()}


def _plain(symbol: str, words: str, definition: str, *, optional: bool = False) -> Variable:
    return Variable(_ROW, symbol, words, "1", definition, optional=optional)


_SPREAD = "spread over configurations or segments of the trajectory, over the root of their number"

BENCHMARK_DATASETS: Mapping[str, Mapping[str, Variable]] = {
    "benchmark": {
        "prediction": _PREDICTION,
        "time": Variable(("time",), "t", "time", "tau", "at which the propensity was measured, or until which particles may rearrange"),
        "species": _SPECIES,
        "sign": Variable(("prediction",), "", "sign", "1", "-1: multiplied by it, large where particles stay"),
        "origin": Variable(("prediction",), "", "origin", "1", "file, or vitrify"),
        **_named("pearson", _score("r", "Pearson's coefficient", "mean over configurations or segments", _SPREAD)),
        "pearson_low": _plain("r^-", "lower end of pearson", "68 %, configurations or segments drawn with replacement", optional=True),
        "pearson_high": _plain("r^+", "upper end of pearson", "68 %, configurations or segments drawn with replacement", optional=True),
        "pearson_pooled": _plain("r", "pooled Pearson's coefficient", "all particles together"),
        **_named("spearman", _score("r_s", "Spearman's coefficient", "mean over configurations or segments", _SPREAD)),
        "spearman_pooled": _plain("r_s", "pooled Spearman's coefficient", "all particles together"),
        **_named(
            "ceiling",
            _score(r"\sqrt{\rho}", "noise ceiling", "of a prediction that knows the mean over endless runs", _SPREAD, optional=True),
        ),
        **_named("fraction", _score(r"r/\sqrt{\rho}", "fraction of the noise ceiling", "Pearson's coefficient over it", _SPREAD, optional=True)),
        **_named("area", _score("A", "area under the ROC curve", "probability that a mobile particle has a larger prediction than another", _SPREAD)),
        "q_ratio": _plain("Q", "Q ratio", "P(mobile | X > mean + sd) / P(mobile | X < mean - sd); a lower bound where nobody is mobile below"),
        "q_ratio_low": _plain("Q^-", "lower end of the Q ratio", "68 %"),
        "q_ratio_high": _plain("Q^+", "upper end of the Q ratio", "68 %; infinite for a bound"),
        **_named("slope", _score("b", "slope", "of the measured on the predicted: 1 where a prediction is calibrated", _SPREAD)),
        **_named("intercept", _score("a", "intercept", "of the measured on the predicted: 0 where a prediction is calibrated", _SPREAD)),
        **_named("permuted", _score(r"r_\mathrm{perm}", "control", "Pearson's coefficient with labels dealt anew within group and species", "scatter of one permutation")),
        "n": _plain("n", "particles", "that were scored"),
        "n_groups": _plain("K", "configurations or segments", "behind the errors"),
        "n_mobile": _plain("n_m", "mobile particles", "among them"),
        "n_high": _plain("n_+", "mobile above", "behind the Q ratio"),
        "n_low": _plain("n_-", "mobile below", "behind the Q ratio"),
    },
    "benchmark_roc": {
        "prediction": _PREDICTION,
        "species": _SPECIES,
        "false_rate": Variable(("false_rate",), "", "others above the threshold", "1", "fraction of those that are not mobile"),
        "true_rate": Variable(_CURVE, "", "mobile particles above the threshold", "1", "fraction, mean over configurations or segments"),
        "true_rate_error": Variable(_CURVE, "", "standard error of true_rate", "1", _SPREAD),
    },
    "benchmark_calibration": {
        "prediction": _PREDICTION,
        "species": _SPECIES,
        "share": Variable(_BIN, "", "particles with a smaller prediction", "1", "fraction, at the middle of the bin"),
        "predicted": Variable(_BIN, "X", "prediction", "1", "mean in the bin"),
        "measured": Variable(_BIN, "", "measured", "1", "mean in the bin"),
        "measured_error": Variable(_BIN, "", "standard error of measured", "1", "configurations or segments as one observation each"),
        "n": Variable(_BIN, "n", "particles", "1", "in the bin"),
        "slope": Variable(("prediction", "species"), "b", "slope", "1", "of the measured on the predicted"),
    },
}  # fmt: skip
