"""Figures of the propensity report: how well structure predicts where particles will be mobile."""

from vitrify.registry import Registry

_HERE = "vitrify.report.propensity_figures"

PROPENSITY_FIGURES = Registry(
    "propensity figure",
    {
        "propensity_time": f"{_HERE}.against_time:PROPENSITY_TIME",
        "propensity_best": f"{_HERE}.cases:PROPENSITY_BEST",
        "propensity_parts": f"{_HERE}.against_time:PROPENSITY_PARTS",
        "propensity_map": f"{_HERE}.slab:PROPENSITY_MAP",
        "propensity_selection": f"{_HERE}.numbers:PROPENSITY_SELECTION",
        "propensity_learning": f"{_HERE}.numbers:PROPENSITY_LEARNING",
        "propensity_configurations": f"{_HERE}.cases:PROPENSITY_CONFIGURATIONS",
        "propensity_transfer": f"{_HERE}.transfer:PROPENSITY_TRANSFER",
        "propensity_mobility": f"{_HERE}.mobility:PROPENSITY_MOBILITY",
    },
)
"""Name to ``"module:member"``; the order is that of the page."""
