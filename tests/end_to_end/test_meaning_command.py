"""`vitrify run meaning-of-softness` as a user types it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from vitrify.report.results import SoftnessResults

SETTINGS = """
scale = "dryrun"

[simulation]
engine = "dryrun"
frames_per_unit = 40
planted = { n_clusters = 64, e0 = 3.0, e1 = 1.2, sigma0 = 0.4, sigma1 = 1.5 }

[training]
descriptors = { name = "radial_density", radii = [0.9, 1.1, 1.3, 1.5] }
quiet_time = 30
n_per_class = 1000
min_per_class = 20
segments = 4
solver = "svc"

[statistics]
stride = 5
bins = 6
max_active_fraction = 1.0

[meaning]
greedy_size = 3
evolved_sizes = [2]
population = 10
generations = 3
confirmed = 2
training_sizes = [10]
penalties = [0.1, 1.0]
rbf_gammas = [1.0]
rbf_penalties = [1.0]
rbf_examples = 120
network_nodes = [2]
network_layers = [1]
network_examples = 60
ordered_neighbors = 20
map_examples = 60
perplexity = 8.0
map_neighbors = 4
rdf_frames = 4

[structure]
blocks = 3
resamples = 10
quantile_bins = 3
mobility_times = [10.0]
caging_frames = 4
"""
POINTS = [(0.5, 1), (0.5, 0), (0.65, 0)]


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with settings, in which commands are typed."""
    monkeypatch.chdir(tmp_path)
    text = SETTINGS + "".join(
        f"[[state_points]]\ntemperature = {t}\nframes = 200\nhold_time = 1.0\nreplica = {replica}\n"
        f"training = {str(replica == 1).lower()}\n"
        for t, replica in POINTS
    )
    Path("planted.toml").write_text(text)
    return tmp_path


def typed(vitrify: Callable, out: str, *more: str) -> None:
    words = ("--settings", "planted.toml", "--out", out, "--workers", 1, *more)
    said = vitrify("run", "meaning-of-softness", *words)
    assert said.code == 0, said.err


def state(folder: Path) -> dict[str, tuple[int, int]]:
    """Time and size of every file but locks."""
    files = [p for p in folder.rglob("*") if p.is_file() and p.name != ".lock"]
    return {str(p): (p.stat().st_mtime_ns, p.stat().st_size) for p in files}


@pytest.mark.slow
def test_a_whole_study_shares_trajectories_and_goes_on_where_it_was_killed(vitrify: Callable, planted: Path):
    typed(vitrify, "first")
    found = SoftnessResults.load(planted / "first" / "results")
    quantities = [row.quantity for row in found.table]
    assert len(set(quantities)) == len(quantities) > 20
    assert "accuracy, best pair of radial functions" in quantities
    assert {"single_functions", "simplified_forms", "example_maps", "function_sets"} <= set(found.datasets)
    for name in ("single_functions", "function_pairs", "hard_and_soft_rdf", "kernel_grid", "example_maps"):
        assert (planted / "first" / "figures" / f"{name}.csv").exists()
    page = (planted / "first" / "report.html").read_bytes()

    before = state(planted / "first" / "trajectories")
    typed(vitrify, "second", "--trajectories", "first")
    assert state(planted / "first" / "trajectories") == before
    assert not (planted / "second" / "trajectories").exists()
    tables = [
        json.loads((planted / k / "results" / "results.json").read_text())["table"]
        for k in ("first", "second")
    ]
    assert tables[0] == tables[1]

    for lost in (
        "meaning/subsets-2.npz",
        "meaning/kernel-1.0.npz",
        "meaning/set-radial.npz",
        "results/results.json",
    ):
        (planted / "first" / lost).unlink()
    typed(vitrify, "first")
    assert (planted / "first" / "report.html").read_bytes() == page


def test_the_cost_of_the_questions_is_named(vitrify: Callable):
    said = vitrify("run", "meaning-of-softness", "--dry-run")
    assert said.code == 0
    assert "vitrify run meaning-of-softness, demo" in said.out
    assert "questions" in said.out


def test_help_says_whose_trajectories_serve(vitrify: Callable):
    said = vitrify("run", "meaning-of-softness", "--help")
    assert said.code == 0
    assert "--trajectories" in said.out


def test_a_misspelt_setting_is_named(vitrify: Callable, planted: Path):
    path = planted / "wrong.toml"
    path.write_text("[meaning]\ngreedy_sise = 3\n")
    said = vitrify("run", "meaning-of-softness", "--settings", path, "--dry-run")
    assert said.code != 0
    assert "Did you mean 'greedy_size'?" in said.err
