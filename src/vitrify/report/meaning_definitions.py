"""What each data set of a report on the meaning of softness holds, as far as it comes from the training examples."""

from __future__ import annotations

from collections.abc import Mapping

from vitrify.report.variables import Variable

_FUNCTION = ("neighbor_species", "r")
_SPECIES = Variable(("neighbor_species",), r"\alpha", "neighbor species", "1", "that the function counts")
_R = Variable(("r",), "r", "distance", "sigma_AA", "center of the radial function")
_CV = "part of the examples on their side of the plane, in segments of the trajectory that were not learned from"
_SCATTER = "scatter of the segments"


def _accuracy(
    dims: tuple[str, ...], name: str = "accuracy", words: str = "accuracy", said: str = _CV
) -> dict[str, Variable]:
    error = f"{name}_error" if name == "accuracy" else name.replace("accuracy", "error")
    return {
        name: Variable(dims, "", words, "1", said),
        error: Variable(dims, "", f"standard error of {words}", "1", _SCATTER),
    }


_RDF = ("neighbor_species", "group", "r")
_FORMS = "all radial: S of all radial functions; the others: sums over neighbours of w(R), of its exponential fits, and of those with a core"

MEANING_DATASETS: Mapping[str, Mapping[str, Variable]] = {
    "single_functions": {"neighbor_species": _SPECIES, "r": _R, **_accuracy(_FUNCTION)},
    "function_pairs": {
        "function": Variable(("function",), "", "radial function", "1", "first of the pair"),
        "other_function": Variable(("other_function",), "", "other radial function", "1", "second of the pair"),
        **_accuracy(("function", "other_function")),
    },
    "function_triplets": {
        "neighbor_species": _SPECIES,
        "r": _R,
        "good": Variable(_FUNCTION, "n", "good triplets", "1", "with this function, above the accuracy of the caption"),
        "top": Variable(_FUNCTION, r"n_\mathrm{top}", "best triplets", "1", "with this function, among the best"),
        "weight": Variable(_FUNCTION, "w", "median weight", "1", "of the function in the best triplets with it, standardized"),
        "weight_low": Variable(_FUNCTION, "", "lower quartile of the weight", "1", ""),
        "weight_high": Variable(_FUNCTION, "", "upper quartile of the weight", "1", ""),
    },
    "selected_functions": {
        "search": Variable(("search",), "", "search", "1", "forward: adds the best next one; evolutionary: sets that mutate and mix"),
        "size": Variable(("size",), "N_s", "number of radial functions", "1", ""),
        **_accuracy(("search", "size"), said="of the set chosen on the same segments"),
        **_accuracy(
            ("search", "size"), "held_out_accuracy", "accuracy on other segments", "of sets chosen, and learned, without these segments"
        ),
        "functions": Variable(("search", "size"), "", "functions", "1", "that were chosen"),
    },
    "radial_weights": {
        "penalty": Variable(("penalty",), "C", "penalty", "1", "of the misclassified against the width of the margin"),
        "neighbor_species": _SPECIES,
        "r": _R,
        "weight": Variable(("penalty", *_FUNCTION), "w", "weight", "1", "of the standardized radial function in the plane of all of them"),
        "weight_error": Variable(("penalty", *_FUNCTION), r"\delta w", "standard error of weight", "1", "leaving out each segment"),
    },
    "meaning_rdf": {
        "r": Variable(("r",), "r", "distance", "sigma_AA", "center of the bin"),
        "neighbor_species": Variable(("neighbor_species",), r"\alpha", "neighbor species", "1", "of the second particle"),
        "group": Variable(("group",), "", "central particles", "1", "all; hard: S < 0; soft: S > 0"),
        "g": Variable(_RDF, "g(r)", "radial distribution function", "1", "neighbors over ideal gas"),
        "g_error": Variable(_RDF, r"\delta g(r)", "standard error of g", "1", "from the scatter between frames"),
    },
    "training_size": {
        "n_per_class": Variable(("n_per_class",), "n", "examples per class", "1", "that are learned from"),
        **_accuracy(("n_per_class",)),
    },
    "penalty_curve": {
        "penalty": Variable(("penalty",), "C", "penalty", "1", "of the misclassified against the width of the margin"),
        **_accuracy(("penalty",)),
    },
    "kernel_grid": {
        "gamma": Variable(("gamma",), r"\gamma M", "inverse width of the kernel", "1", "exp(-gamma |F - F'|^2), times the number of functions"),
        "penalty": Variable(("penalty",), "C", "penalty", "1", ""),
        **_accuracy(("gamma", "penalty")),
    },
    "networks": {
        "layers": Variable(("layers",), "", "hidden layers", "1", ""),
        "nodes": Variable(("nodes",), "", "nodes in each hidden layer", "1", ""),
        **_accuracy(("layers", "nodes")),
    },
    "function_sets": {
        "function_set": Variable(("function_set",), "", "structure functions", "1", "that the plane is learned from"),
        **_accuracy(("function_set",)),
        "difference": Variable(("function_set",), "", "accuracy above that of radial and angular", "1", "on the same segments"),
        "difference_error": Variable(("function_set",), "", "standard error of difference", "1", "scatter of the differences of the segments"),
        "n_functions": Variable(("function_set",), "M", "functions", "1", "that vary"),
    },
    "weight_functions": {
        "neighbor_species": _SPECIES,
        "r": _R,
        "weight_function": Variable(_FUNCTION, "w(r)", "weight function", "1", "w over the spread of the radial function; S = sum over neighbors of w(R)"),
        "weight_function_error": Variable(_FUNCTION, r"\delta w(r)", "standard error of weight_function", "1", "leaving out each segment"),
        "exponential": Variable(_FUNCTION, r"A e^{-\alpha r}", "exponential fit", "1", ""),
        "core": Variable(_FUNCTION, "", "exponential with a core", "1", "constant below the first zero of w(r)"),
    },
    "simplified_forms": {
        "form": Variable(("form",), "", "form of softness", "1", _FORMS),
        **_accuracy(("form",)),
        "n_parameters": Variable(("form",), "", "parameters", "1", "that are learned, without the threshold"),
    },
    "example_maps": {
        "map": Variable(("map",), "", "map", "1", "made without labels"),
        "position": Variable(("map", "example", "axis"), "", "position on the map", "1", "arbitrary units"),
        "soft": Variable(("example",), "", "about to rearrange", "1", "1: yes; 0: quiet"),
    },
    "map_purity": {
        "map": Variable(("map",), "", "map", "1", "made without labels"),
        "purity": Variable(("map",), "", "neighbors of the same class", "1", "part of the nearest ones, from other segments"),
        "purity_error": Variable(("map",), "", "standard error of purity", "1", _SCATTER),
        "shuffled": Variable(("map",), "", "neighbors of the same class, labels shuffled", "1", "what chance gives"),
        "shuffled_error": Variable(("map",), "", "standard error of shuffled", "1", _SCATTER),
    },
}  # fmt: skip
