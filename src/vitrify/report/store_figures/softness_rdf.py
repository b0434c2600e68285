"""Radial distribution functions around hard and soft particles."""

from vitrify.report.figures.base import ReportFigure
from vitrify.report.figures.rdf import plot_rdf, rdf_table

SOFTNESS_RDF = ReportFigure(
    "softness_rdf",
    ("softness_rdf",),
    plot_rdf,
    rdf_table,
    size=(9.6, 3.7),
    panels=lambda d: (1, d.sizes["neighbor_species"]),
)
