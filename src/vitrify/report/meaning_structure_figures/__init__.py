"""Figures of the structure of single particles, in the report of what softness means: several of one family to a file."""

from vitrify.registry import Registry

_HERE = "vitrify.report.meaning_structure_figures"

MEANING_STRUCTURE_FIGURES = Registry(
    "figure of the structure of single particles",
    {
        "structure_softness": f"{_HERE}.shape:STRUCTURE_SOFTNESS",
        "structure_simplices": f"{_HERE}.shape:STRUCTURE_SIMPLICES",
        "structure_probability": f"{_HERE}.contrast:STRUCTURE_PROBABILITY",
        "structure_contrast": f"{_HERE}.contrast:STRUCTURE_CONTRAST",
        "structure_temperature": f"{_HERE}.contrast:STRUCTURE_TEMPERATURE",
        "structure_side_by_side": f"{_HERE}.side_by_side:STRUCTURE_SIDE_BY_SIDE",
        "structure_correlation": f"{_HERE}.correlation:STRUCTURE_CORRELATION",
        "structure_mobility": f"{_HERE}.correlation:STRUCTURE_MOBILITY",
        "structure_fields": f"{_HERE}.fields:STRUCTURE_FIELDS",
        "structure_gradient": f"{_HERE}.fields:STRUCTURE_GRADIENT",
        "structure_caging_map": f"{_HERE}.side_by_side:STRUCTURE_CAGING_MAP",
    },
)
"""Name to ``"module:member"``; the order is that of the page."""
