"""Figures of the report on the softness of cages: several of one family to a file."""

from vitrify.registry import Registry

_HERE = "vitrify.report.caging_figures"

CAGING_FIGURES = Registry(
    "caging figure",
    {
        "caging_map": f"{_HERE}.bulk:CAGING_MAP",
        "caging_structure": f"{_HERE}.bulk:CAGING_STRUCTURE",
        "caging_smeared": f"{_HERE}.bulk:CAGING_SMEARED",
        "caging_distributions": f"{_HERE}.distributions:CAGING_DISTRIBUTIONS",
        "caging_correlation": f"{_HERE}.in_time:CAGING_CORRELATION",
        "caging_propagator": f"{_HERE}.in_time:CAGING_PROPAGATOR",
        "caging_motion": f"{_HERE}.in_time:CAGING_MOTION",
        "caging_rearranging": f"{_HERE}.distributions:CAGING_REARRANGING",
        "caging_probability": f"{_HERE}.rearranging:CAGING_PROBABILITY",
        "caging_lines": f"{_HERE}.rearranging:CAGING_LINES",
        "caging_barriers": f"{_HERE}.rearranging:CAGING_BARRIERS",
        "caging_variations": f"{_HERE}.rearranging:CAGING_VARIATIONS",
    },
)
"""Name to ``"module:member"``; the order is that of the page."""
