import io
import math

import pytest
from rich.console import Console

from vitrify.report import SoftnessResults, TableRow, print_table
from vitrify.report.numbers import events_text, rounded


def row(value, low=math.nan, high=math.nan, events=None):
    return TableRow("q", None, value, low, high, events, "s")


@pytest.mark.parametrize(
    ("value", "low", "high", "text"),
    [
        (0.78412, 0.0126, 0.0126, "0.784 ± 0.013"),
        (0.80312, 0.043, 0.057, "0.803 +0.057 −0.043"),
        (-1.2, 0.3, 0.3, "−1.20 ± 0.30"),
        (1234.5, 42.0, 42.0, "1234 ± 42"),
        (0.5, 0.0, 0.0, "0.5"),
        (0.5, math.nan, math.nan, "0.5"),
        (0.5, 0.01, math.nan, "0.500 +? −0.010"),
        (0.5, 0.01, math.inf, "0.500 +? −0.010"),
        (math.nan, 0.1, 0.1, "not measured"),
    ],
)
def test_a_value_has_the_digits_of_its_error(value, low, high, text):
    assert str(rounded(row(value, low, high))) == text


def test_counts_are_grouped():
    assert events_text(1234567) == "1\u00a0234\u00a0567"


def test_the_terminal_shows_published_here_events_and_warnings(results):
    out = io.StringIO()
    print_table(results, Console(file=out, width=200))
    text = out.getvalue()
    for word in ("published", "here", "events", "0.90", "0.784 +0.012 −0.013", "1\u00a0043", "not measured"):
        assert word in text
    assert "Warning: 3 of 900 frames" in text


def test_brackets_are_not_read_as_markup():
    out = io.StringIO()
    rows = (TableRow("T0 [epsilon_AA]", "[0.8]", 0.8, 0.1, 0.1, 3, "[1]"),)
    print_table(SoftnessResults(rows, {}, [], ["left [bold] out"], {}), Console(file=out, width=200))
    assert "T0 [epsilon_AA]" in out.getvalue()
    assert "[0.8]" in out.getvalue()
    assert "left [bold] out" in out.getvalue()
