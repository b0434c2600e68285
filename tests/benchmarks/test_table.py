import csv
import io

import pytest
from rich.console import Console


@pytest.fixture
def results(benchmarks):
    """Return one result of each kind, and a row that was not measured."""
    m = benchmarks("measure")
    return [
        m.Row("fast", 4096, "particles/s", 5e4, "peer", 1e3, 50.0, 48.2, 51.0, 40.0, "3e-10", "kernel"),
        m.Row("slow", 4096, "steps/s", 9e5, "peer", 1e6, 0.9, 0.88, 0.91, 0.95),
        m.Row("absent", 0, "", remark="not measured: pip install peer"),
        m.Growth("kernel", (1000, 10000), (2e4, 1e4), 1.3, 0.02, (900.0, 1234.0)),
        m.Scaling("frames", 1000, "particles/s", 1e3, 1.9e3, 1.9, 1.88, 1.91, 2.5),
    ]


@pytest.fixture
def shown(benchmarks, results):
    console = Console(width=240, file=io.StringIO())
    benchmarks("table").show(results, console)
    return console.file.getvalue()


def line_with(shown, word):
    return next(line for line in shown.splitlines() if word in line)


def test_numbers_have_three_figures_at_every_size(benchmarks):
    significant = benchmarks("table").significant
    values = (0.95312, 12.345, 4711.0, 123_456.0, 1.2345e7, 0.0, None)
    assert [significant(v) for v in values] == ["0.953", "12.3", "4710", "123000", "1.23e+07", "0", "–"]


def test_a_row_shows_ratio_spread_target_and_whether_it_is_reached(shown):
    assert "50.0 [48.2, 51.0]" in line_with(shown, "fast")
    assert line_with(shown, "fast").split("│")[9].strip() == "yes"
    assert line_with(shown, "slow").split("│")[9].strip() == "no"


def test_a_row_shows_the_memory_of_its_kernel_at_the_largest_size(shown):
    assert "1230" in line_with(shown, "fast")


def test_a_row_without_its_peer_says_what_to_install(shown):
    assert "not measured: pip install peer" in line_with(shown, "absent")


def test_growth_beyond_the_target_is_not_reached_though_memory_is(shown):
    cells = [cell.strip() for cell in line_with(shown, "1.300 ± 0.020").split("│")]
    assert cells[5:8] == ["no", "1230", "yes"]


def test_two_workers_are_judged_by_the_median(shown):
    assert "yes" in line_with(shown, "1.90 [1.88, 1.91]")


def test_csv_holds_every_result_once(benchmarks, results, tmp_path):
    benchmarks("table").write_csv(results, tmp_path / "made" / "out.csv")
    with open(tmp_path / "made" / "out.csv", newline="", encoding="utf-8") as stream:
        lines = list(csv.DictReader(stream))
    assert [line["kind"] for line in lines] == ["row", "row", "row", "growth", "scaling"]
    assert float(lines[0]["ratio"]) == 50.0
    assert lines[3]["rates"] == "20000.0 10000.0"
    assert lines[2]["peer_rate"] == ""
