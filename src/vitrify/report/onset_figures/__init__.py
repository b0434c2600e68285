"""Figures of the onset report: how the onset temperature depends on density, cutoff and definition."""

from vitrify.registry import Registry

ONSET_FIGURES = Registry(
    "onset figure",
    {
        "onset_density": "vitrify.report.onset_figures.onset_density:ONSET_DENSITY",
        "onset_cutoffs": "vitrify.report.onset_figures.cutoffs:ONSET_CUTOFFS",
        "cutoff_barriers": "vitrify.report.onset_figures.barriers:CUTOFF_BARRIERS",
        "cutoff_shift": "vitrify.report.onset_figures.cutoffs:CUTOFF_SHIFT",
        "cutoff_slopes": "vitrify.report.onset_figures.cutoffs:CUTOFF_SLOPES",
        "soft_fraction": "vitrify.report.onset_figures.soft_fraction:SOFT_FRACTION",
        "onset_curvature": "vitrify.report.onset_figures.barriers:ONSET_CURVATURE",
    },
)
"""Name to ``"module:member"``; the order is that of the page."""
