"""Figures of the report on the trap model: the liquid as points, the model as lines with their intervals."""

from vitrify.registry import Registry

TRAP_FIGURES = Registry(
    "figure of the trap model",
    {
        "trap_probability": "vitrify.report.trap_figures.trap_probability:TRAP_PROBABILITY",
        "trap_barriers": "vitrify.report.trap_figures.trap_barriers:TRAP_BARRIERS",
        "trap_moments": "vitrify.report.trap_figures.trap_moments:TRAP_MOMENTS",
        "trap_persistence": "vitrify.report.trap_figures.trap_persistence:TRAP_PERSISTENCE",
        "trap_times": "vitrify.report.trap_figures.trap_times:TRAP_TIMES",
        "trap_susceptibility": "vitrify.report.trap_figures.trap_susceptibility:TRAP_SUSCEPTIBILITY",
        "trap_ageing": "vitrify.report.trap_figures.trap_ageing:TRAP_AGEING",
    },
)
"""Name to ``"module:member"``; the order is that of the page."""
