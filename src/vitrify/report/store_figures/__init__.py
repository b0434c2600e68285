"""Figures of the report of a single trajectory. Those it shares with a study's report come from there."""

from vitrify.registry import Registry

STORE_FIGURES = Registry(
    "store figure",
    {
        "snapshot": "vitrify.report.figures.snapshot:SNAPSHOT",
        "rdf": "vitrify.report.figures.rdf:RDF",
        "species_msd": "vitrify.report.store_figures.species_msd:SPECIES_MSD",
        "species_overlap": "vitrify.report.store_figures.species_overlap:SPECIES_OVERLAP",
        "p_hop_distribution": "vitrify.report.store_figures.p_hop_distribution:P_HOP_DISTRIBUTION",
        "p_hop_example": "vitrify.report.figures.p_hop_example:P_HOP_EXAMPLE",
        "rearrangement_rate": "vitrify.report.store_figures.rearrangement_rate:REARRANGEMENT_RATE",
        "d2min_distribution": "vitrify.report.store_figures.d2min_distribution:D2MIN_DISTRIBUTION",
        "softness_distribution": "vitrify.report.figures.softness_distribution:SOFTNESS_DISTRIBUTION",
        "rearrangement_probability": "vitrify.report.figures.rearrangement_probability:REARRANGEMENT_PROBABILITY",
        "softness_rdf": "vitrify.report.store_figures.softness_rdf:SOFTNESS_RDF",
    },
)
"""Name to ``"module:member"``; the order is that of the page."""
