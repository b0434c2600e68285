"""Figures of a report: one file per family, each with its table. Nothing is imported until it is asked for."""

from vitrify.registry import Registry

FIGURES = Registry(
    "figure",
    {
        "snapshot": "vitrify.report.figures.snapshot:SNAPSHOT",
        "softness_distribution": "vitrify.report.figures.softness_distribution:SOFTNESS_DISTRIBUTION",
        "rearrangement_probability": "vitrify.report.figures.rearrangement_probability:REARRANGEMENT_PROBABILITY",
        "arrhenius_lines": "vitrify.report.figures.arrhenius_lines:ARRHENIUS_LINES",
        "barriers": "vitrify.report.figures.barriers:BARRIERS",
        "p_hop_example": "vitrify.report.figures.p_hop_example:P_HOP_EXAMPLE",
        "overlap": "vitrify.report.figures.overlap:OVERLAP",
        "rdf": "vitrify.report.figures.rdf:RDF",
    },
)
"""Name to ``"module:member"``; the order is that of the page."""
