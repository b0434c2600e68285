"""Figures of a benchmark."""

from vitrify.registry import Registry

_HERE = "vitrify.report.benchmark_figures"

BENCHMARK_FIGURES = Registry(
    "benchmark figure",
    {
        "benchmark_ranking": f"{_HERE}.ranking:BENCHMARK_RANKING",
        "benchmark_roc": f"{_HERE}.curves:BENCHMARK_ROC",
        "benchmark_calibration": f"{_HERE}.curves:BENCHMARK_CALIBRATION",
    },
)
"""Name to ``"module:member"``; the order is that of the page."""
