"""`vitrify run trap-model` as a user types it; the planted liquid is a trap model."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from vitrify.report.results import SoftnessResults, TableRow

SETTINGS = """
scale = "dryrun"

[simulation]
engine = "dryrun"
frames_per_unit = 40
planted = { n_clusters = 216, e0 = 3.0, e1 = 1.2, sigma0 = 0.4, sigma1 = 1.5 }

[training]
descriptors = { name = "radial_density", radii = [1.1, 1.5] }
quiet_time = 40
n_per_class = 1000
min_per_class = 20
solver = "svc"

[statistics]
stride = 5
bins = 10
max_active_fraction = 1.0

[trap]
degree = 1
resamples = 40

[ageing]
initial_temperature = 0.8
final_temperatures = [0.65, 0.5]
samples = 4
longest = 40.0
per_decade = 4
"""
ONSET = 1.2 / 1.5


@pytest.fixture
def planted_settings(tmp_path: Path) -> Path:
    points = [(0.5, 1), (0.5, 0), (0.57, 0), (0.65, 0), (0.72, 0)]
    text = SETTINGS + "".join(
        f"[[state_points]]\ntemperature = {t}\nframes = 240\nhold_time = 1.0\nreplica = {replica}\n"
        f"training = {str(replica == 1).lower()}\n"
        for t, replica in points
    )
    path = tmp_path / "planted.toml"
    path.write_text(text)
    return path


def row(rows: tuple[TableRow, ...], begins: str) -> TableRow:
    return next(r for r in rows if r.quantity.startswith(begins))


def within(found: TableRow, truth: float, errors: float = 3.0) -> bool:
    below, above = (errors * e for e in (found.error_low, found.error_high))
    return found.value - below <= truth <= found.value + above


@pytest.mark.slow
def test_a_study_of_a_planted_trap_model_finds_it(
    vitrify: Callable, planted_settings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    said = vitrify("run", "trap-model", "--settings", planted_settings, "--out", "first", "--workers", 1)
    assert said.code == 0, said.err
    found = SoftnessResults.load(tmp_path / "first" / "results")
    rows = found.table
    assert within(row(rows, "onset temperature T0"), ONSET)
    assert within(row(rows, "rate of relaxation over rate of rearrangements"), 1.0, 4.0)
    assert within(row(rows, "τ_Q, trap model over simulation"), 1.0)
    assert within(row(rows, "fall of ⟨S⟩, trap model over simulation"), 1.0)
    assert row(rows, "deviance per degree of freedom, ΔE and Σ tied").value < 1.6
    aged = found.datasets["trap_ageing"]
    spread = (aged["softness_mean_high"] - aged["softness_mean_low"]) / 2
    apart = abs(aged["softness_mean"] - aged["softness_mean_model"])
    assert float((apart / (spread + aged["softness_mean_error"])).max()) < 3
    _goes_on_without_work(vitrify, planted_settings, tmp_path)
    _shares_trajectories(vitrify, planted_settings, tmp_path)


def _goes_on_without_work(vitrify: Callable, settings: Path, folder: Path) -> None:
    results = folder / "first" / "results" / "results.json"
    before = results.read_bytes()
    assert vitrify("run", "trap-model", "--settings", settings, "--out", "first", "--workers", 1).code == 0
    assert results.read_bytes() == before


def _shares_trajectories(vitrify: Callable, settings: Path, folder: Path) -> None:
    words = ("--settings", settings, "--out", "second", "--trajectories", "first", "--workers", 1)
    assert vitrify("run", "trap-model", *words).code == 0
    assert not (folder / "second" / "trajectories").exists()
    tables = [
        json.loads((folder / k / "results" / "results.json").read_text())["table"]
        for k in ("first", "second")
    ]
    assert tables[0] == tables[1]


def test_the_cost_of_ageing_is_named(vitrify: Callable):
    said = vitrify("run", "trap-model", "--dry-run")
    assert said.code == 0
    assert "vitrify run trap-model, demo" in said.out
    assert "ageing" in said.out


def test_an_unknown_system_is_named(vitrify: Callable):
    said = vitrify("run", "trap-model", "--system", "harmonic-sphere", "--dry-run")
    assert said.code != 0
    assert "Did you mean 'harmonic-spheres'?" in said.err
