"""Figures of the report on the meaning of softness, as far as they come from the training examples."""

from vitrify.registry import Registry

_HERE = "vitrify.report.meaning_figures"

MEANING_FIGURES = Registry(
    "figure of the meaning of softness",
    {
        "single_functions": f"{_HERE}.selection:SINGLE_FUNCTIONS",
        "function_pairs": f"{_HERE}.selection:FUNCTION_PAIRS",
        "function_triplets": f"{_HERE}.selection:FUNCTION_TRIPLETS",
        "triplet_weights": f"{_HERE}.selection:TRIPLET_WEIGHTS",
        "selected_functions": f"{_HERE}.selection:SELECTED_FUNCTIONS",
        "radial_weights": f"{_HERE}.weights:RADIAL_WEIGHTS",
        "hard_and_soft_rdf": f"{_HERE}.weights:HARD_AND_SOFT_RDF",
        "weight_functions": f"{_HERE}.weights:WEIGHT_FUNCTIONS",
        "simplified_forms": f"{_HERE}.classifiers:SIMPLIFIED_FORMS",
        "training_size": f"{_HERE}.classifiers:TRAINING_SIZE",
        "penalty_curve": f"{_HERE}.classifiers:PENALTY_CURVE",
        "kernel_grid": f"{_HERE}.classifiers:KERNEL_GRID",
        "networks": f"{_HERE}.classifiers:NETWORKS",
        "function_sets": f"{_HERE}.classifiers:FUNCTION_SETS",
        "example_maps": f"{_HERE}.maps:EXAMPLE_MAPS",
    },
)
"""Name to ``"module:member"``; the order is that of the page."""
