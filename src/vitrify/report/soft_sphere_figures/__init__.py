"""Figures that compare soft spheres of several densities. Nothing is imported until it is asked for."""

from vitrify.registry import Registry

SOFT_SPHERE_FIGURES = Registry(
    "figure",
    {
        "soft_sphere_probability": "vitrify.report.soft_sphere_figures.probability:SOFT_SPHERE_PROBABILITY",
        "soft_sphere_barriers": "vitrify.report.soft_sphere_figures.barriers:SOFT_SPHERE_BARRIERS",
        "soft_sphere_moments": "vitrify.report.soft_sphere_figures.moments:SOFT_SPHERE_MOMENTS",
        "soft_sphere_densities": "vitrify.report.soft_sphere_figures.densities:SOFT_SPHERE_DENSITIES",
    },
)
"""Name to ``"module:member"``; the order is that of the page."""
