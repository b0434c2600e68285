"""Distribution of the non-affine displacement."""

from vitrify.report.figures.base import ReportFigure
from vitrify.report.store_figures.curves import distribution_table, plot_distribution

D2MIN_DISTRIBUTION = ReportFigure(
    "d2min_distribution", ("d2min_distribution",), plot_distribution, distribution_table
)
