"""Distribution of the hop indicator, with the thresholds."""

from vitrify.report.figures.base import ReportFigure
from vitrify.report.store_figures.curves import distribution_table, plot_distribution

P_HOP_DISTRIBUTION = ReportFigure(
    "p_hop_distribution", ("p_hop_distribution",), plot_distribution, distribution_table
)
