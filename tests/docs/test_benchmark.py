"""The page on scoring a prediction of one's own, as it is typed, and typed again."""

import csv
import hashlib
import shlex

import pytest

from vitrify.cli.app import build_app
from vitrify.studies import benchmark

PAGE = "docs/how-to/benchmark.md"


def hashes(folder):
    files = (p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.mark.slow
def test_the_page_on_benchmarks_ends_in_a_ranking_that_stays_bit_for_bit(
    blocks, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(benchmark, "program_hash", lambda: "one")  # sources may change meanwhile
    example, command = blocks(PAGE)
    exec(compile(example.text, PAGE, "exec"), {})
    _, *words = shlex.split(command.text)
    build_app()(words, standalone_mode=False)
    first = hashes(tmp_path / "benchmark")
    monkeypatch.setattr(benchmark, "results_of", None)  # nothing is scored again
    build_app()(words, standalone_mode=False)
    assert hashes(tmp_path / "benchmark") == first
    said = capsys.readouterr()
    assert "1. guess" in said.out
    assert "Ranked by Pearson's coefficient of species A at t = 10, mean over 2 configurations" in said.err
    assert "Finding the mobile particles" in (tmp_path / "benchmark" / "report.html").read_text()
    with open(tmp_path / "benchmark" / "benchmark.csv") as file:
        rows = {r["prediction"]: r for r in csv.DictReader(file) if r["species"] == "A"}
    assert rows["guess"]["from"] == "mine.csv"
    assert float(rows["guess"]["n"]) == 400
    assert 0.8 < float(rows["guess"]["pearson"]) < float(rows["guess"]["ceiling"]) + 0.05
    assert float(rows["guess"]["slope"]) == pytest.approx(1.6, abs=0.15), (
        "the mean length is (8/pi)^1/2 of the width"
    )
    assert abs(float(rows["noise"]["pearson"])) < 0.2
    assert rows["coordination n"]["from"] == "vitrify"
