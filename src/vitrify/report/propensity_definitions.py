"""What each data set of a propensity report holds."""

from __future__ import annotations

from collections.abc import Mapping

from vitrify.report.variables import Variable

_CASE, _SPECIES, _TIME = ("case",), ("species",), ("time",)
_AT = ("case", "species", "time")
_NOISE = ("species", "time")
_STEP = ("kind", "species", "step")
_SIZE = ("kind", "species", "size")
_LENGTH = "sigma_AA"
_OVER = (
    "between propensity and prediction, each of configurations that the model has not seen; mean over them"
)
_ERROR = "spread of the configurations over the root of their number"

_OF_SPECIES = Variable(
    _SPECIES, r"\alpha", "species", "1", "whose propensity it is; each has models of its own"
)
_OF_TIME = Variable(_TIME, "t", "time", "tau", "over which particles move")
_OF_CASE = Variable(
    _CASE,
    "",
    "case",
    "1",
    "reference positions, LR(highest order of averaging), and which descriptors are used",
)
_KIND = "positions that structure is measured on"
_OF_KIND = Variable(("kind",), "", "kind", "1", _KIND)


def _pearson(dims: tuple[str, ...], definition: str = _OVER) -> dict[str, Variable]:
    return {
        "pearson": Variable(dims, "r", "Pearson correlation", "1", definition),
        "pearson_error": Variable(dims, r"\delta r", "standard error of pearson", "1", _ERROR),
    }


PROPENSITY_DATASETS: Mapping[str, Mapping[str, Variable]] = {
    "propensity_scores": {
        "case": _OF_CASE,
        "kind": Variable(_CASE, "", "kind", "1", _KIND),
        "order": Variable(_CASE, "n", "order of averaging", "1", "the highest; \u22121: mean of several models"),
        "part": Variable(_CASE, "", "part", "1", "of the descriptors: radial, angular or both"),
        "motion": Variable(_CASE, "", "motion", "1", "whether fluctuations and displacements are used besides"),
        "species": _OF_SPECIES,
        "time": _OF_TIME,
        **_pearson(_AT),
        "pearson_sd": Variable(_AT, r"s_r", "spread of pearson", "1", "standard deviation over configurations"),
        "pearson_pooled": Variable(_AT, "r", "Pearson correlation, pooled", "1", "all configurations together"),
        "spearman": Variable(_AT, r"r_s", "Spearman correlation", "1", "of ranks; mean over configurations"),
        "spearman_error": Variable(_AT, r"\delta r_s", "standard error of spearman", "1", _ERROR),
        "spearman_pooled": Variable(_AT, r"r_s", "Spearman correlation, pooled", "1", "all configurations together"),
        "strength": Variable(
            _AT, r"\lambda/n", "regularization per particle", "1", "geometric mean over folds, chosen inside the training set"
        ),
    },
    "propensity_configurations": {
        "case": _OF_CASE,
        "species": _OF_SPECIES,
        "configuration": Variable(("configuration",), "", "configuration", "1", "left out of its model"),
        "pearson": Variable(
            ("case", "species", "configuration"), "r", "Pearson correlation", "1", "over the particles of one configuration"
        ),
    },
    "propensity_ceiling": {
        "species": _OF_SPECIES,
        "time": _OF_TIME,
        "ceiling": Variable(
            _NOISE, r"r_\mathrm{max}", "noise ceiling", "1",
            "root of the reliability: what a perfect prediction would reach with so few runs",
        ),
        "ceiling_error": Variable(_NOISE, r"\delta r_\mathrm{max}", "standard error of ceiling", "1", _ERROR),
        "reliability": Variable(
            _NOISE, "R", "reliability", "1", "part of the variance of the propensity that is not noise of few runs"
        ),
        "mobility": Variable(
            _NOISE, r"\langle|\Delta r|\rangle", "mean displacement", _LENGTH, "over particles and runs"
        ),
        "scattering": Variable(
            _TIME, "F_s(k, t)", "self-intermediate scattering", "1", "of the first species; not known for all sources"
        ),
    },
    "propensity_selection": {
        "kind": _OF_KIND,
        "species": _OF_SPECIES,
        "step": Variable(("step",), "N_s", "selected functions", "1", "so many, added one by one"),
        **_pearson(_STEP, "on configurations without which functions were selected and weighted; mean over them"),
        "feature": Variable(_STEP, "", "function", "1", "added at this step, where all configurations are used"),
    },
    "propensity_learning": {
        "kind": _OF_KIND,
        "species": _OF_SPECIES,
        "size": Variable(("size",), r"n_\mathrm{train}", "training configurations", "1", "that a model learns from"),
        **_pearson(_SIZE),
    },
    "propensity_map": {
        "x": Variable(("particle",), "x", "position", _LENGTH, "in the plane of the slab"),
        "y": Variable(("particle",), "y", "position", _LENGTH, "in the plane of the slab"),
        "measured": Variable(("particle",), "d", "propensity, measured", _LENGTH, "mean |\u0394r| over runs"),
        "predicted": Variable(
            ("particle",), r"\hat d", "propensity, predicted", _LENGTH, "by a model that has not seen this configuration"
        ),
        "species": Variable(("particle",), r"\alpha", "species", "1", "name of the species"),
        "diameter": Variable(("particle",), r"\sigma", "diameter", _LENGTH, "that is drawn"),
    },
    "propensity_transfer": {
        "case": _OF_CASE,
        "species": _OF_SPECIES,
        "time": _OF_TIME,
        "pearson": Variable(
            _AT, "r", "Pearson correlation", "1", "on another source, by models that learned from all of the data"
        ),
        "scattering": Variable(
            _TIME, "F_s(k, t)", "self-intermediate scattering", "1", "of the first species, in the other source"
        ),
    },
}  # fmt: skip
