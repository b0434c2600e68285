"""Predictions whose scores are known beforehand: of a propensity, and of the rearrangements of a trajectory."""

import csv
import hashlib
import re
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from vitrify.errors import FileFormatError, ParameterError, SettingsError, StoreError, TooFewEventsError
from vitrify.particles import Box, Frame
from vitrify.particles.propensity import MeasuredPropensity
from vitrify.particles.trajectory import Trajectory
from vitrify.predictors.scores import roc_area
from vitrify.progress import Silent
from vitrify.readers.predictions import read_predictions
from vitrify.readers.propensity import read_propensity
from vitrify.report import page
from vitrify.report.definitions import with_definitions
from vitrify.report.editions import edition
from vitrify.studies import benchmark
from vitrify.studies import benchmark_own as own
from vitrify.studies.benchmark import BenchmarkSettings, run_benchmark
from vitrify.studies.benchmark_labels import ceilings, from_store
from vitrify.studies.benchmark_results import Ranking, results_of, score_all
from vitrify.studies.benchmark_rows import Observations, Prediction, from_samples, predictions_of
from vitrify.studies.benchmark_scores import RATES, ScoreOptions, calibration, roc_curve, scores
from vitrify.studies.propensity_settings import load_propensity_settings
from vitrify.studies.verbs import rearrangements_of_store

K, N, M = 4, 120, 8
OPTIONS = ScoreOptions(n_resamples=50, n_permutations=20)
THRESHOLDS = {"window": 10, "event_threshold": 0.05, "rearrangement_threshold": 0.2}
SPECIES = np.array([1] * 90 + [2] * 30)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """End points of runs: every particle has its own mean displacement, B particles go twice as far."""
    out, rng = tmp_path_factory.mktemp("labels"), np.random.default_rng(5)
    for k in range(K):
        start = rng.random((N, 3)) * 5
        scale = rng.gamma(3.0, 0.1, N) * np.where(SPECIES == 2, 2.0, 1.0)
        steps = rng.normal(size=(M, N, 3)) * scale[:, None]
        np.savez(
            out / f"run_{k}.npz",
            types=SPECIES,
            initial_positions=start,
            positions=start + steps,
            box=[5.0] * 3,
        )
    return out


@pytest.fixture(scope="module")
def samples(folder):
    return read_propensity(folder, time=10.0)


@pytest.fixture
def seen(samples):
    return from_samples(samples, "labels")


def table(path, seen, columns, drop=(), **extra):
    """Write a CSV with a row for every observation, shuffled, and return it as it is read."""
    rows = np.random.default_rng(2).permutation([k for k in range(len(seen.index)) if k not in set(drop)])
    names = [seen.group_name, "particle", *extra, *columns]
    lines = [",".join(names)]
    for r in rows:
        cells = [
            seen.index[r],
            seen.particle[r],
            *(v[r] for v in extra.values()),
            *(v[r] for v in columns.values()),
        ]
        lines.append(",".join(str(c) if isinstance(c, str) else repr(c.item()) for c in cells))
    path.write_text("\n".join(lines) + "\n")
    return read_predictions(path, seen.group_name)


# -- joining ---------------------------------------------------------------------------------------------------------


def test_rows_in_any_order_find_their_particles_to_the_last_bit(tmp_path, seen):
    (found,) = predictions_of(
        [table(tmp_path / "a.csv", seen, {"mine": seen.target[0]}, species=seen.species)], seen
    )
    assert found.name == "mine"
    assert found.values.tobytes() == seen.target.tobytes()


def test_configurations_may_be_called_by_the_names_of_their_files(tmp_path, seen):
    words = np.array([f"run_{k}" for k in seen.index])
    other = replace(seen, index=words)
    (found,) = predictions_of([table(tmp_path / "a.csv", other, {"mine": seen.target[0]})], seen)
    np.testing.assert_array_equal(found.values, seen.target)


def test_one_name_in_two_tables_is_told_apart(tmp_path, seen):
    tables = [table(tmp_path / f"{name}.csv", seen, {"mine": seen.target[0]}) for name in "ab"]
    assert [p.name for p in predictions_of(tables, seen)] == ["a:mine", "b:mine"]


def test_a_table_with_times_is_matched_to_them(tmp_path):
    frame = Frame(np.arange(12.0).reshape(4, 3), [0] * 4, Box.orthorhombic([20.0] * 3))
    seen = from_samples([MeasuredPropensity(frame, [1.0, 2.0], [[1.0, 2, 3, 4], [5.0, 6, 7, 8]], 5)], "one")
    path = tmp_path / "t.csv"
    rows = [f"0,{i},{t},{10 * t + i}" for t in (2, 1) for i in range(4)]
    path.write_text("configuration,particle,time,mine\n" + "\n".join(rows))
    (found,) = predictions_of([read_predictions(path)], seen)
    assert found.values.tolist() == [[10.0, 11, 12, 13], [20.0, 21, 22, 23]]
    path.write_text("configuration,particle,time,mine\n0,0,3,1\n")
    with pytest.raises(FileFormatError, match="line 2: nothing was measured at time 3; it was at 1, 2"):
        predictions_of([read_predictions(path)], seen)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["0,0,1", "4,0,1"], "line 3: there is no configuration 4; labels has 0 to 3"),
        (["0,0,1", "0,120,1"], "line 3: there is no particle 120 in configuration 0"),
        (["0,0,1", "0,1,1", "0,0,2"], "line 4: particle 0 of configuration 0 has a row already, line 2"),
        (["run_9,0,1"], "line 2: there is no configuration 'run_9'"),
        (
            ["0,0,1", "0,1,1"],
            "leaves out 358 of 360 particles of species A: 88 in configuration 0, 90 in configuration 1",
        ),
    ],
)
def test_rows_that_do_not_match_are_named(tmp_path, seen, rows, words):
    path = tmp_path / "a.csv"
    path.write_text("configuration,particle,mine\n" + "\n".join(rows) + "\n")
    with pytest.raises(FileFormatError, match=words):
        predictions_of([read_predictions(path)], seen)


def test_missing_particles_are_counted_and_a_whole_species_may_be_missing(tmp_path, seen):
    columns = {"mine": seen.target[0]}
    with pytest.raises(
        FileFormatError,
        match="leaves out 1 of 360 particles of species A: 1 in configuration 0; the first is",
    ):
        predictions_of([table(tmp_path / "a.csv", seen, columns, drop=[7])], seen)
    of_b = np.flatnonzero(seen.species == "B")
    (found,) = predictions_of([table(tmp_path / "a.csv", seen, columns, drop=of_b)], seen)
    scored = scores(found, seen, 0, OPTIONS)
    assert scored["pearson"].sel(species="A") == pytest.approx(1.0)
    assert np.isnan(scored["pearson"].sel(species=["all", "B"])).all()


def test_another_species_than_the_source_has_is_refused(tmp_path, seen):
    kinds = seen.species.copy()
    kinds[100] = "A"
    with pytest.raises(FileFormatError, match="particle 100 has species 'A' here, and 'B' in labels"):
        predictions_of([table(tmp_path / "a.csv", seen, {"mine": seen.target[0]}, species=kinds)], seen)


def test_chosen_configurations_keep_their_numbers(samples, tmp_path, seen):
    some = from_samples(samples, "labels", [1, 3])
    assert np.unique(some.index).tolist() == [1, 3]
    (found,) = predictions_of([table(tmp_path / "a.csv", seen, {"mine": seen.target[0]})], some)
    np.testing.assert_array_equal(found.values, some.target)
    with pytest.raises(ParameterError, match="`--configurations` names 4; labels has 0 to 3"):
        from_samples(samples, "labels", [4])


# -- scores of a propensity ------------------------------------------------------------------------------------------


def test_the_labels_themselves_score_perfectly(seen):
    found = scores(Prediction("p", "f", seen.target), seen, 0, OPTIONS).sel(species=["A", "B"])
    for name in ("pearson", "spearman", "pearson_pooled", "area", "slope"):
        np.testing.assert_allclose(found[name], 1.0, atol=1e-12)
    np.testing.assert_allclose(found["intercept"], 0.0, atol=1e-12)
    assert np.isinf(found["q_ratio_high"]).all(), "nobody is mobile among the lowest, so Q is a bound"
    assert found["n_mobile"].values.tolist() == [36.0, 12.0]
    assert (abs(found["permuted"]) < 0.15).all()


def test_the_opposite_of_the_labels_scores_the_opposite(seen):
    found = scores(Prediction("p", "f", -2.0 * seen.target), seen, 0, OPTIONS).sel(species="A")
    assert found["pearson"] == pytest.approx(-1.0)
    assert found["spearman"] == pytest.approx(-1.0)
    assert found["area"] == pytest.approx(0.0)
    assert found["slope"] == pytest.approx(-0.5)
    assert found["q_ratio"] == 0.0


def test_noise_scores_like_chance(seen):
    x = np.random.default_rng(8).normal(size=seen.target.shape)
    found = scores(Prediction("p", "f", x), seen, 0, OPTIONS).sel(species="all")
    assert abs(found["pearson"]) < 4 / np.sqrt(K * N)
    assert abs(found["area"] - 0.5) < 4 * 0.29 / np.sqrt(0.1 * K * N)
    assert abs(found["permuted"]) < 4 / np.sqrt(20 * K * N)


def test_a_shift_of_a_configuration_changes_pooled_scores_only(seen):
    shifted = seen.target + 10.0 * seen.index
    found = scores(Prediction("p", "f", shifted), seen, 0, OPTIONS).sel(species="A")
    assert found["pearson"] == pytest.approx(1.0)
    assert found["area"] == pytest.approx(1.0)
    assert found["pearson_pooled"] < 0.5


def test_q_ratio_and_calibration_are_those_counted_by_hand():
    n = 1000
    x = np.repeat([0.0, 1.0, 2.0, 3.0], n // 4)
    y = np.zeros(n)
    y[:5] = y[-50:] = 1.0
    seen = events_of(x, y)
    found = scores(Prediction("p", "f", x[None]), seen, 0, OPTIONS).sel(species="A")
    assert found["q_ratio"] == pytest.approx(10.0)
    assert (found["n_high"], found["n_low"]) == (50.0, 5.0)
    bins = calibration(x, y, seen.group, 4)
    np.testing.assert_allclose(bins["measured"], [0.02, 0.0, 0.0, 0.2])
    np.testing.assert_allclose(bins["predicted"], [0.0, 1.0, 2.0, 3.0])
    assert bins["n"].tolist() == [250.0] * 4


def events_of(x, y, n_segments=5):
    """Observations of one species in frames whose segments see all values alike."""
    order = np.arange(len(x))
    return Observations(
        "rearrangements", "store", ("0",), np.zeros(len(x), int), order, np.full(len(x), "A"), order % n_segments,
        np.array([1.0]), y[None], "1",
    )  # fmt: skip


def test_the_area_is_that_under_the_curve():
    rng = np.random.default_rng(4)
    y = rng.random(4000) < 0.1
    x = rng.normal(size=4000) + y
    mean, error = roc_curve(x, y, np.zeros(4000, int))
    area = float(((mean[1:] + mean[:-1]) / 2) @ np.diff(RATES))
    assert area == pytest.approx(roc_area(x, y).value, abs=2e-3)
    assert np.isnan(error).all(), "one configuration gives no error"
    ties, _ = roc_curve(np.zeros(4000), y, np.zeros(4000, int))
    np.testing.assert_allclose(ties, RATES)


def mean_displacement(configuration):
    """What the mean over endless runs would be, but for a factor; drawn as the labels are."""
    rng = np.random.default_rng(5)
    for _ in range(configuration + 1):
        rng.random((N, 3))
        scale = rng.gamma(3.0, 0.1, N) * np.where(SPECIES == 2, 2.0, 1.0)
        rng.normal(size=(M, N, 3))
    return scale


def test_the_mean_over_endless_runs_reaches_the_noise_ceiling(samples, seen):
    known = ceilings(samples, range(K))
    truth = np.concatenate([mean_displacement(k) for k in range(K)])[None]
    found = scores(Prediction("p", "f", truth), seen, 0, OPTIONS, known[0]).sel(species="A")
    assert 0.8 < found["ceiling"] < 0.99
    assert found["fraction"] == pytest.approx(1.0, abs=0.04)
    assert ceilings([replace(s, displacements=None) for s in samples], range(K)) is None


@pytest.mark.parametrize(("name", "value"), [("mobile_fraction", 0.0), ("mobile_fraction", 0.6), ("bins", 1)])
def test_options_that_cannot_be_meant_are_refused(name, value):
    with pytest.raises(ParameterError, match=f"`{name}` must be"):
        ScoreOptions(**{name: value})


def test_predictions_are_ranked_best_first_and_own_ones_oriented(samples, seen):
    noise = np.random.default_rng(8).normal(size=seen.target.shape)
    given = [Prediction("noise", "f", noise), Prediction("best", "f", seen.target)]
    opposite = own.oriented("opposite", noise - 3 * seen.target, seen, 0, "A")
    assert opposite.sign == -1
    found = score_all([*given, opposite], seen, Ranking("pearson", "A", 0), OPTIONS, None)
    assert found["prediction"].values.tolist() == ["best", "opposite", "noise"]
    assert found["sign"].values.tolist() == [1, -1, 1]
    results = results_of(given, seen, Ranking("pearson", "A", 0), OPTIONS, None, {}, [])
    assert [row.quantity for row in results.table] == ["1. best", "2. noise"]
    assert results.table[0].value == pytest.approx(1.0)


def test_own_numbers_are_those_of_the_descriptors(samples):
    found = dict(own.numbers_of_samples(samples, [0, 2]))
    assert {"coordination n", "coordination n_A"} <= set(found)
    assert any(name.startswith("steinhardt q_6") for name in found)
    assert not any(name.startswith("local_energy") for name in found), "the model is not known"
    positions = samples[2].frame.positions
    apart = positions[:, None] - positions
    apart -= 5.0 * np.round(apart / 5.0)
    cutoff = float(f"{1.5 * (N / 125) ** (-1 / 3):.3g}")
    counted = (np.linalg.norm(apart, axis=2) < cutoff).sum(axis=1) - 1
    np.testing.assert_array_equal(found["coordination n"][0, N:], counted)


def test_regressions_of_a_study_are_rows_of_what_they_have_not_seen(folder, seen, tmp_path):
    (tmp_path / "regression").mkdir()
    settings = load_propensity_settings("demo", 1.2, None, {"source": {"data": str(folder), "time": 10.0}})
    (tmp_path / "settings.json").write_text(settings.model_dump_json())
    rows = {
        f"inherent LR(1)|{s}|{k}": seen.target[:, (seen.index == k) & (seen.species == s)]
        for k in range(K)
        for s in "AB"
    }
    np.savez(tmp_path / "regression" / "inherent.npz", made_of="x", **rows, **{"select|A|pearson": [0.5]})
    found = benchmark._of_propensity(BenchmarkSettings(tmp_path))
    np.testing.assert_array_equal(found.seen.target, seen.target)
    (row,) = found.regressions()
    assert row.name == "inherent LR(1), held out"
    np.testing.assert_array_equal(row.values, seen.target)
    assert any(name.startswith("local_energy") for name, _ in found.numbers()), "the study knows its model"


# -- rearrangements --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Particles on a lattice that hop at known frames: particle k hops at frame 30 + 5 k."""
    rng = np.random.default_rng(3)
    grid = np.stack(np.meshgrid(*[np.arange(4.0)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    positions = np.repeat(grid[None], 400, axis=0) + 0.02 * rng.normal(size=(400, 64, 3))
    for k in range(0, 64, 2):
        positions[30 + 5 * k :, k, 0] += 1.0
    path = tmp_path_factory.mktemp("store") / "run.zarr"
    Trajectory.from_arrays(path, positions, [0] * 64, Box.orthorhombic([8.0] * 3))
    rearrangements_of_store(path, THRESHOLDS, "thermal", Silent(), 1)
    return path


def test_a_particle_is_labelled_if_it_begins_to_rearrange_in_the_frames_that_follow(store, tmp_path):
    seen, unused = from_store(store, [], within=7)
    assert unused == len(np.arange(0, 400, 7)) - len(np.unique(seen.index))
    assert unused >= 400 // 7 - (400 - 30) // 7
    events = np.load(store.with_name("run.events.npz"))
    start, particle = events["start_frame"], events["particle"]
    rows = zip(seen.index, seen.particle, strict=True)
    naive = [any(p == q and t <= s < t + 7 for s, q in zip(start, particle, strict=True)) for t, p in rows]
    np.testing.assert_array_equal(seen.target[0] > 0, naive)
    assert seen.target.sum() >= 20
    assert seen.times.tolist() == [7.0]


def test_a_prediction_that_knows_the_future_finds_every_rearrangement(store, tmp_path):
    seen, _ = from_store(store, [], within=10)
    given = table(tmp_path / "a.csv", seen, {"mine": seen.target[0]})
    again, _ = from_store(store, [given], within=10)
    np.testing.assert_array_equal(again.target, seen.target)
    (found,) = predictions_of([given], again)
    scored = scores(found, again, 0, OPTIONS).sel(species="A")
    assert scored["area"] == pytest.approx(1.0)
    assert scored["slope"] == pytest.approx(1.0)
    assert np.isnan(scored["q_ratio"]), "nobody is below mean - sd where most are 0"


def test_frames_that_cannot_be_used_are_said(store, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("frame,particle,mine\n395,0,1\n")
    with pytest.raises(TooFewEventsError, match="None of the 1 frames can be used"):
        from_store(store, [read_predictions(path, "frame")])
    path.write_text("frame,particle,mine\n10,0,1\n400,0,1\n")
    with pytest.raises(FileFormatError, match="line 3: there is no frame 400"):
        from_store(store, [read_predictions(path, "frame")])
    other = tmp_path / "b.csv"
    path.write_text("frame,particle,mine\n10,0,1\n")
    other.write_text("frame,particle,mine\n20,0,1\n")
    with pytest.raises(
        FileFormatError, match="predict different frames; 2 are only in one of them, the first is 10"
    ):
        from_store(store, [read_predictions(p, "frame") for p in (path, other)])
    with pytest.raises(ParameterError, match="`--within` must be at least 1 frame; it is 0"):
        from_store(store, [], within=0)


def test_a_store_without_events_names_the_verb(tmp_path):
    path = tmp_path / "new.zarr"
    Trajectory.from_arrays(
        path, np.zeros((5, 2, 3)) + np.array([[0.0], [1.0]]), [0, 0], Box.orthorhombic([4.0] * 3)
    )
    with pytest.raises(StoreError, match=re.escape(f"Run `vitrify rearrangements {path}` first")):
        from_store(path, [])


# -- the whole verb --------------------------------------------------------------------------------------------------


def hashes(folder):
    return {p: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*") if p.is_file()}


def test_the_verb_writes_a_ranking_and_leaves_it_as_it_is(folder, seen, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(benchmark, "program_hash", lambda: "one")  # sources may change meanwhile
    monkeypatch.setattr(
        page, "build_report", lambda results, out: (out / page.PAGE).write_text(results.edition)
    )
    table(tmp_path / "mine.csv", seen, {"mine": seen.target[0], "noise": np.sin(1e4 * seen.target[0])})
    settings = BenchmarkSettings(folder, (tmp_path / "mine.csv",), own=False, time=10.0, scoring=OPTIONS)
    assert run_benchmark(settings, tmp_path / "out", Silent()).read_text() == "benchmark"
    assert "1. mine" in capsys.readouterr().out
    first = hashes(tmp_path / "out")
    monkeypatch.setattr(benchmark, "results_of", None)  # nothing is scored again
    run_benchmark(settings, tmp_path / "out", Silent())
    assert hashes(tmp_path / "out") == first
    with open(tmp_path / "out" / "benchmark.csv") as file:
        rows = list(csv.DictReader(file))
    best = next(r for r in rows if r["species"] == "A")
    assert (best["prediction"], best["from"], best["n"]) == ("mine", "mine.csv", "360.0")
    assert float(best["pearson"]) == pytest.approx(1.0)


def test_the_same_predictions_have_the_same_bits_and_their_figures_show_them(seen):
    noise = np.random.default_rng(8).normal(size=seen.target.shape)
    given = [Prediction("best", "f", seen.target), Prediction("noise", "vitrify", noise, -1)]
    one, two = (results_of(given, seen, Ranking("pearson", "A", 0), OPTIONS, None, {}, []) for _ in range(2))
    for name, dataset in one.datasets.items():
        assert dataset.identical(two.datasets[name])
    datasets = {name: with_definitions(name, d) for name, d in one.datasets.items()}
    shown = edition("benchmark")
    assert set(shown.figures) == set(shown.captions)
    for name in shown.figures:
        figure = shown.figures.load(name)
        inputs = [datasets[need] for need in figure.needs]
        axes = Figure().subplots(*figure.panels, squeeze=False).ravel()
        figure.plot(*inputs, ax=axes if len(axes) > 1 else axes[0])
        drawn = figure.table(*inputs)
        assert set(drawn.columns["prediction"]) == {"best", "noise"}
        assert not any(text.get_gid() == "empty" for ax in axes for text in ax.texts)


def test_options_of_the_other_kind_of_labels_and_nothing_to_rank_are_refused(folder, store, tmp_path):
    with pytest.raises(ParameterError, match="`--within` belongs to the rearrangements"):
        run_benchmark(BenchmarkSettings(folder, time=10.0, within=3), tmp_path / "out", Silent())
    with pytest.raises(ParameterError, match="`--configurations` belongs to a propensity"):
        run_benchmark(BenchmarkSettings(store, configurations=(1,)), tmp_path / "out", Silent())
    with pytest.raises(ParameterError, match="`--species` must be one of A, B, those of"):
        run_benchmark(BenchmarkSettings(folder, time=10.0, species="C"), tmp_path / "out", Silent())
    with pytest.raises(SettingsError, match="There is nothing to rank"):
        run_benchmark(BenchmarkSettings(folder, time=10.0, own=False), tmp_path / "out", Silent())
