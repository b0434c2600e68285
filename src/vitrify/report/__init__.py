"""Results of a study as figures and one page that opens anywhere."""

from vitrify.report.page import build_report
from vitrify.report.results import SoftnessResults, TableRow
from vitrify.report.terminal import print_table

__all__ = ["SoftnessResults", "TableRow", "build_report", "print_table"]
