"""Dynamics per particle: indicators of rearrangement and the events found in them.

A new indicator is one file here and one line in `INDICATORS`.
"""

from vitrify.registry import Registry

INDICATORS = Registry(
    "indicator",
    {
        "p_hop": "vitrify.rearrangements.p_hop:PHop",
        "d2min": "vitrify.rearrangements.d2min:D2Min",
    },
)

__all__ = ["INDICATORS"]
