"""What the report of a single store says, whatever the store lacks."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from vitrify.errors import ParameterError, StoreError
from vitrify.particles import Box
from vitrify.particles.layout import ArraySpec, Layout, inherent_arrays, inherent_values, thermal_arrays
from vitrify.particles.tables import load_table
from vitrify.particles.trajectory import Trajectory
from vitrify.predictors.drift import FeatureRange
from vitrify.predictors.trained import TrainedSoftness
from vitrify.progress import Silent
from vitrify.rearrangements.events import at_risk, rearrangements
from vitrify.report import page as page_module
from vitrify.report.figures.base import ReportFigure
from vitrify.report.results import SoftnessResults
from vitrify.studies import store_curves, store_softness, store_structure
from vitrify.studies.store_results import collect_store_results, report_of_store
from vitrify.studies.verbs import beside, rearrangements_of_store, report_of_folder
from vitrify.units import LJ

THRESHOLDS = {"window": 10, "event_threshold": 0.05, "rearrangement_threshold": 0.2}
SIDE, N, FRAMES = 7, 343, 240
SOFTNESS_FIGURES = {"softness_distribution", "rearrangement_probability", "softness_rdf"}


def hopping(n=N, frames=FRAMES, dimension=3, rate=2e-3, seed=1):
    """Positions of particles on a lattice that rattle and hop now and then, and when each of them hops."""
    rng = np.random.default_rng(seed)
    side = round(n ** (1 / dimension))
    grid = np.stack(np.meshgrid(*[np.arange(side)] * dimension, indexing="ij"), axis=-1).reshape(
        -1, dimension
    )
    hops = rng.random((frames, n)) < rate
    hops[:15] = hops[-40:] = False
    step = rng.normal(size=(frames, n, dimension))
    step /= np.linalg.norm(step, axis=2, keepdims=True)
    places = grid[:n] + np.cumsum(hops[..., None] * 0.9 * step, axis=0)
    return places + 0.03 * rng.normal(size=places.shape), hops


def store_of(path, positions, species=None, box=None, **rest):
    dimension = positions.shape[2]
    box = box or Box.orthorhombic([float(round(positions.shape[1] ** (1 / dimension)))] * dimension)
    species = np.zeros(positions.shape[1], int) if species is None else species
    return Trajectory.from_arrays(path, positions, species, box, **rest)


def with_events(trajectory, kind="thermal"):
    rearrangements_of_store(trajectory.path, THRESHOLDS, kind, Silent(), 1)
    return Trajectory.open(trajectory.path)


def a_plane(trajectory, provenance=None, **training):
    return TrainedSoftness(
        [1.0],
        0.0,
        [0.0],
        [1.0],
        ["A 1.1"],
        {"name": "radial_density", "radii": [1.1]},
        trajectory.species_names,
        "A",
        "thermal",
        {"provenance": provenance or {"another": "run"}, "temperature": 0.5, **training},
    )


def with_softness(trajectory, trained, every=1, missing=()):
    """Give every particle a softness that is larger before it rearranges."""
    events = load_table(beside(trajectory.path, "events.npz"))
    rng = np.random.default_rng(3)
    softness = rng.normal(size=(trajectory.n_frames, trajectory.n_particles)) - 0.5
    moving = rearrangements(events)
    for frame, particle in zip(moving["start_frame"].values, moving["particle"].values, strict=True):
        softness[max(0, frame - every) : frame + 1, particle] += 1.6
    softness[:, list(missing)] = np.nan
    kept = np.full_like(softness, np.nan)
    kept[::every] = softness[::every]
    spec = ArraySpec(("particle",), sparse=True)
    trajectory.add_stage("softness", {"softness": spec}, {"model": trained.identity, "every": every})
    for unit, (a, b) in enumerate(trajectory.units()):
        trajectory.write("softness", unit, {"softness": kept[a:b]})
    return kept


@pytest.fixture(autouse=True)
def few_frames(monkeypatch):
    """Enough of g(r) to be seen."""
    monkeypatch.setattr(store_structure, "_RDF_FRAMES", 4)


@pytest.fixture
def quick(monkeypatch):
    """Figures of one byte, for tests of the words."""

    def write(self, datasets, folder):
        folder.mkdir(parents=True, exist_ok=True)
        table = self.table(*(datasets[name] for name in self.needs))
        paths = {suffix: folder / f"{self.name}.{suffix}" for suffix in ("svg", "pdf", "png", "csv")}
        for path in paths.values():
            path.write_text(table.to_csv())
        return paths

    monkeypatch.setattr(ReportFigure, "write", write)
    monkeypatch.setattr(page_module, "scene_page", lambda _: "turning")


@pytest.fixture
def walk(tmp_path):
    """A store of two species with thermal positions and events."""
    positions, _ = hopping()
    return with_events(store_of(tmp_path / "walk.zarr", positions, (np.arange(N) % 5 == 0).astype(int)))


@pytest.fixture
def soft(walk):
    """The same with a softness that was trained elsewhere and lies beside it."""
    trained = a_plane(
        walk, cross_validation={"accuracy": 0.8, "standard_error": 0.02, "n_events": 321, "n": 642}
    )
    trained.save(walk.path.parent / "softness.json")
    return walk, trained, with_softness(walk, trained)


def numbers(results):
    return {row.quantity.partition(" [")[0]: row for row in results.table}


# -- what can be shown -----------------------------------------------------------------------------------------------


def test_positions_alone_give_structure_and_relaxation_and_say_what_to_run(tmp_path):
    positions, _ = hopping(frames=60)
    found = collect_store_results(store_of(tmp_path / "a.zarr", positions))
    assert set(found.datasets) == {"rdf", "species_msd", "species_overlap", "snapshot"}
    assert found.datasets["snapshot"].attrs["coloured_by"] == "species"
    assert (
        f"`vitrify rearrangements {tmp_path / 'a.zarr'} --positions thermal`"
        in found.advice["rearrangement_rate"]
    )
    assert {*SOFTNESS_FIGURES} <= set(found.advice)
    assert "`vitrify train " in found.advice["softness_rdf"]
    assert found.run["temperature"] == "not said"


def test_events_give_a_rate_with_the_number_it_rests_on(walk):
    found = collect_store_results(walk)
    events = load_table(beside(walk.path, "events.npz"))
    moving = rearrangements(events)
    n = int(moving["start_seen"].values.sum())
    rate = found.datasets["rearrangement_rate"]
    assert rate["events"].values.sum() == n > 50
    row = numbers(found)["mean time between rearrangements of a particle"]
    assert row.events == n
    assert row.value == pytest.approx(N * (FRAMES - 9) / n)
    assert row.error_high >= row.value / np.sqrt(n) * 0.999
    assert numbers(found)["distance moved in a rearrangement"].value == pytest.approx(0.9, abs=0.1)
    assert found.datasets["snapshot"].attrs["coloured_by"] == "p_hop"
    example = found.datasets["p_hop_example"]
    assert example["p_hop"].max() > 0.2
    assert example.attrs["particle"] in moving["particle"].values


def test_the_distribution_of_p_hop_has_area_one_and_counts_every_value(walk):
    found = collect_store_results(walk).datasets["p_hop_distribution"]
    p_hop = walk.read("p_hop")
    assert found["n"].values.sum() == np.isfinite(p_hop).sum()
    area = (found["density"] * (found["high"] - found["low"])).sum().item()
    assert area == pytest.approx(1.0)
    k = int(found["n"].values.argmax())
    inside = (p_hop >= found["low"].values[k]) & (p_hop < found["high"].values[k])
    assert found["n"].values[k] == inside.sum()


def test_nothing_that_rearranges_is_said_and_not_divided_by(tmp_path):
    positions, _ = hopping(frames=80, rate=0.0)
    found = collect_store_results(with_events(store_of(tmp_path / "a.zarr", positions)))
    row = numbers(found)["mean time between rearrangements of a particle"]
    assert np.isnan(row.value)
    assert "none was seen; longer than about" in row.note
    assert "None of 0 events exceeds `rearrangement_threshold` = 0.2" in found.advice["p_hop_example"]


def test_rattling_above_the_event_threshold_is_a_warning(tmp_path):
    positions, _ = hopping(frames=80)
    wide = positions + 0.25 * np.random.default_rng(0).normal(size=positions.shape)
    found = collect_store_results(with_events(store_of(tmp_path / "a.zarr", wide)))
    assert any("of the time: events merge" in words for words in found.warnings)


def test_a_stage_that_is_not_complete_is_left_out_and_named(walk):
    (walk.path / "manifest" / "p_hop" / "000000.json").unlink()
    found = collect_store_results(Trajectory.open(walk.path))
    assert "p_hop_distribution" not in found.datasets
    assert any("'p_hop' is there for 0 of 240 frames only" in words for words in found.warnings)


def test_a_store_without_positions_of_all_frames_is_refused(walk):
    (walk.path / "manifest" / "thermal" / "000000.json").unlink()
    with pytest.raises(StoreError, match="has no positions of all its frames: 0 of 240 are written"):
        collect_store_results(Trajectory.open(walk.path))


def test_d2min_is_shown_if_it_is_there(walk):
    walk.add_stage("d2min", {"d2min": ArraySpec(("particle",))}, {"name": "d2min", "cutoff": 2.5, "lag": 3})
    rng = np.random.default_rng(0)
    for unit, (a, b) in enumerate(walk.units()):
        walk.write("d2min", unit, {"d2min": rng.gamma(2.0, 0.01, size=(b - a, N))})
    found = collect_store_results(walk).datasets["d2min_distribution"]
    assert found["n"].values.sum() == FRAMES * N
    assert "cutoff 2.5, lag 3" in found.attrs["note"]


# -- units and lengths -----------------------------------------------------------------------------------------------


def test_the_cutoff_of_the_overlap_is_half_the_first_peak_without_a_known_model(walk):
    found = collect_store_results(walk).datasets["species_overlap"]
    assert found.attrs["cutoff"] == pytest.approx(0.5, abs=0.03)
    assert "half the distance of the first peak of g(r) of A around A, " in found.attrs["cutoff_words"]


def test_the_cutoff_of_a_kob_andersen_mixture_is_that_of_the_papers(walk, monkeypatch):
    known = {"run": {"model": {"name": "kob_andersen"}, "temperature": 0.47}}
    monkeypatch.setattr(Trajectory, "provenance", property(lambda _: known))
    found = collect_store_results(walk)
    assert found.datasets["species_overlap"].attrs["cutoff"] == 0.5
    assert found.run["temperature"] == 0.47


def test_many_species_are_taken_as_one(tmp_path):
    positions, _ = hopping(frames=40)
    found = collect_store_results(store_of(tmp_path / "a.zarr", positions, np.arange(N) % 9))
    assert found.datasets["rdf"]["group"].values.tolist() == ["all"]
    assert found.datasets["species_msd"]["species"].values.tolist() == ["all"]
    assert "and 4 more species" in found.run["particles"]


def test_frames_spaced_logarithmically_have_a_curve(tmp_path):
    positions, _ = hopping(frames=41)
    times = np.concatenate([[0.0], np.geomspace(1, 1000, 40)])
    found = collect_store_results(store_of(tmp_path / "a.zarr", positions, times=times))
    curve = found.datasets["species_msd"]
    assert curve.sizes["lag"] > 5
    assert np.isfinite(curve["msd"].values).all()
    assert found.run["time between frames"].startswith("logarithmic, ")


# -- open boundaries and gaps ----------------------------------------------------------------------------------------


def test_an_ideal_gas_between_open_edges_has_g_of_one(tmp_path, monkeypatch):
    monkeypatch.setattr(store_structure, "_RDF_FRAMES", 40)
    rng = np.random.default_rng(0)
    box = Box.orthorhombic([20.0, 20.0], periodic=[False, True])
    trajectory = store_of(tmp_path / "a.zarr", rng.uniform(0, 20, size=(60, 1200, 2)), box=box)
    found = store_structure.pair_correlations(trajectory, "thermal")
    g, error = found["g"].values[0, 0], found["g_error"].values[0, 0]
    assert np.abs(g[20:] - 1).max() < 0.06
    assert (np.abs(g[20:] - 1) < 4 * error[20:]).mean() > 0.95
    assert "from the open edges are centres" in found.attrs["note"]


def tracks(path, frames=120, n=400):
    """Particles in a plane that come and go, with open boundaries; already quenched."""
    positions, _ = hopping(n=n, frames=frames, dimension=2, rate=4e-3)
    rng = np.random.default_rng(5)
    first, last = rng.integers(0, 20, n), frames - rng.integers(0, 20, n)
    t = np.arange(frames)[:, None]
    positions[(t < first) | (t >= last)] = np.nan
    layout = Layout(frames, np.zeros(n, int), ("A",), 2, (False, False), "micron", 50, complete=False)
    stored = Trajectory.create(
        path,
        layout,
        {"source": "files", "import": {"reader": {"name": "tracks", "files": [{"name": "t.csv"}]}}},
    )
    arrays = {k: v for k, v in thermal_arrays(LJ, dimension=2).items() if k != "position"}
    stored.add_stage("thermal", arrays)
    stored.add_stage("inherent", inherent_arrays(LJ), {"imported": True})
    for unit, (a, b) in enumerate(stored.units()):
        box = np.broadcast_to(np.diag([20.0, 20.0]), (b - a, 2, 2))
        values = {"time": 0.5 * np.arange(a, b), "box_vectors": box, "box_origin": np.full((b - a, 2), -0.5)}
        stored.write("thermal", unit, values)
        stored.write("inherent", unit, inherent_values(positions[a:b]))
    return stored


def test_tracks_that_come_and_go_between_open_edges_have_a_page(tmp_path, quick):
    trajectory = with_events(tracks(tmp_path / "tracks.zarr"), "inherent")
    trained = replace(a_plane(trajectory), positions="inherent")
    trained.save(tmp_path / "softness.json")
    with_softness(trajectory, trained, every=3, missing=range(30))
    found = collect_store_results(trajectory)
    assert {*SOFTNESS_FIGURES, "rdf", "species_msd", "rearrangement_rate"} <= set(found.datasets)
    assert found.run["origin"] == "imported from t.csv (tracks)"
    assert found.run["positions used"] == "inherent, quenched before the import"
    assert "they come and go" in found.run["particles"]
    assert "open along x, y" in found.run["box"]
    assert found.datasets["species_msd"]["lag"].attrs["units"] == "s"
    assert np.isfinite(found.datasets["species_msd"]["msd"].values[:, :-1]).all()
    assert "left out" in found.datasets["rearrangement_probability"].attrs["note"]
    page = report_of_store(trajectory.path).read_text()
    assert "µm" in page


# -- softness --------------------------------------------------------------------------------------------------------


def test_softness_that_knows_what_moves_is_seen_to_know(soft):
    walk, _, _ = soft
    found = collect_store_results(walk)
    by_name = numbers(found)
    assert by_name["accuracy of softness on held-out segments"].events == 321
    area = by_name["area under ROC"]
    assert 0.75 < area.value < 0.98
    assert area.error_low > 0
    assert by_name["rearranging particles with S > 0"].value > 0.7
    probability = found.datasets["rearrangement_probability"]
    events, exposure = probability["events"].values[0], probability["exposure"].values[0]
    low, high = (
        np.nansum(events[:6]) / np.nansum(exposure[:6]),
        np.nansum(events[6:]) / np.nansum(exposure[6:]),
    )
    assert high > 5 * low
    assert found.datasets["snapshot"].attrs.get("coloured_by") is None
    assert "fitted" not in probability


def naive_tally(trajectory, softness, every):
    """Loop over frames and particles: who could start to move, who did, and with which softness."""
    events = load_table(beside(trajectory.path, "events.npz"))
    moving = rearrangements(events)
    risk = at_risk(events, np.arange(trajectory.n_frames), trajectory.n_particles)
    starts = {(f, p) for f, p, seen in zip(
        moving["start_frame"].values, moving["particle"].values, moving["start_seen"].values, strict=True) if seen}  # fmt: skip
    exposed, began = [], []
    for frame in range(0, trajectory.n_frames, every):
        if not 1 <= frame < trajectory.n_frames - 3 * THRESHOLDS["window"]:
            continue
        for particle in np.flatnonzero(trajectory.species == 0):
            if not risk[frame, particle] or np.isnan(softness[frame, particle]):
                continue
            exposed.append(softness[frame, particle])
            began += [
                softness[frame, particle] for k in range(frame, frame + every) if (k, particle) in starts
            ]
    return np.sort(exposed), np.sort(began)


@pytest.mark.parametrize("every", [1, 4])
def test_exposure_and_rearrangements_are_those_of_a_loop_over_particles(walk, every):
    trained = a_plane(walk)
    softness = with_softness(walk, trained, every, missing=range(1, 40))
    events = load_table(beside(walk.path, "events.npz"))
    found = store_softness.tally(walk, events, store_softness.softness_frames(walk, trained))
    exposed, began = naive_tally(walk, softness, every)
    np.testing.assert_array_equal(np.sort(found.softness), exposed)
    np.testing.assert_array_equal(np.sort(found.starts), began)
    assert len(began) > 20
    assert found.frames_per_sample == every
    assert found.n_without > 0


def test_fewer_frames_give_the_same_probability_within_its_error(soft, monkeypatch):
    walk, trained, _ = soft
    events = load_table(beside(walk.path, "events.npz"))
    whole = store_softness.tally(walk, events, store_softness.softness_frames(walk, trained))
    monkeypatch.setattr(store_softness, "_VALUES", len(np.flatnonzero(walk.species == 0)) * 80)
    part = store_softness.tally(walk, events, store_softness.softness_frames(walk, trained))
    assert part.n_frames < whole.n_frames / 2
    rates = [len(t.starts) / (len(t.softness) * t.frames_per_sample) for t in (whole, part)]
    assert abs(rates[1] / rates[0] - 1) < 4 / np.sqrt(len(part.starts))


def test_softness_trained_on_the_same_trajectory_is_said_first(walk):
    trained = a_plane(walk, walk.provenance)
    trained.save(walk.path.parent / "mine.json")
    with_softness(walk, trained)
    found = collect_store_results(walk)
    assert found.warnings[0].startswith("Softness was trained on this same trajectory")
    assert "no independent test" in numbers(found)["area under ROC"].note
    assert "no independent test" in found.datasets["rearrangement_probability"].attrs["note"]


def test_softness_trained_elsewhere_is_not_called_its_own(soft):
    found = collect_store_results(soft[0])
    assert not any("same trajectory" in words for words in found.warnings)
    assert numbers(found)["area under ROC"].note == ""


def test_a_structure_outside_the_range_of_the_training_is_a_warning(tmp_path):
    positions, _ = hopping(frames=80)
    walk = with_events(store_of(tmp_path / "a.zarr", positions))
    far = FeatureRange(*(np.array([v]) for v in (901.0, 909.0, 900.0, 910.0)), 500)
    trained = replace(a_plane(walk), feature_range=far)
    trained.save(tmp_path / "softness.json")
    with_softness(walk, trained, every=8)
    found = collect_store_results(walk)
    assert any("outside the range that it was trained on" in words for words in found.warnings)


def test_a_model_that_is_not_found_is_asked_for(soft, tmp_path):
    walk, _, _ = soft
    (walk.path.parent / "softness.json").rename(tmp_path / "elsewhere.txt")
    (walk.path.parent / "other.json").write_text(json.dumps({"a": 1}))
    found = collect_store_results(walk)
    assert any("Name it with `--model`" in words for words in found.warnings)
    assert "accuracy of softness on held-out segments" not in numbers(found)
    assert set(found.datasets) >= SOFTNESS_FIGURES
    named = collect_store_results(walk, tmp_path / "elsewhere.txt")
    assert "accuracy of softness on held-out segments" in numbers(named)


def test_another_model_than_that_of_the_store_is_refused(soft, tmp_path):
    walk, trained, _ = soft
    replace(trained, bias=0.3).save(tmp_path / "other.json")
    with pytest.raises(
        ParameterError, match=r"was made with another model \(identity \w+\) than .*other\.json"
    ):
        collect_store_results(walk, tmp_path / "other.json")
    with pytest.raises(StoreError, match=r"There is no trained softness .*nowhere"):
        collect_store_results(walk, tmp_path / "nowhere.json")


def test_a_trajectory_too_short_to_see_a_rearrangement_whole_says_so(tmp_path):
    positions, _ = hopping(frames=60)
    walk = with_events(store_of(tmp_path / "a.zarr", positions[:31]))
    trained = a_plane(walk)
    trained.save(tmp_path / "softness.json")
    with_softness(walk, trained)
    found = collect_store_results(walk)
    assert "is followed by 30 others" in found.advice["softness_distribution"]
    assert "softness_rdf" in found.datasets


# -- size ------------------------------------------------------------------------------------------------------------


def test_no_more_than_a_block_of_frames_is_in_memory(soft, monkeypatch):
    walk, _, _ = soft
    frame = 8 * N * 3
    monkeypatch.setattr(store_curves, "_BLOCK_BYTES", 20 * frame)
    monkeypatch.setattr(store_curves, "_CACHE_BYTES", 80 * frame)
    monkeypatch.setattr(store_curves, "_EXAMPLE_BYTES", 60 * frame)
    read, largest = Trajectory.read, []

    def watched(self, name, start=0, stop=None):
        values = read(self, name, start, stop)
        if values.ndim > 1 and values.shape[1] == N:
            largest.append(values.nbytes)
        return values

    monkeypatch.setattr(Trajectory, "read", watched)
    units = [b - a for a, b in walk.units()]
    found = collect_store_results(walk)
    assert set(found.datasets) >= SOFTNESS_FIGURES
    assert max(largest) <= max(units) * frame < FRAMES * frame / 4
    assert np.quantile(largest, 0.9) <= 20 * frame


def test_of_many_particles_a_corner_is_drawn(walk, monkeypatch):
    monkeypatch.setattr(store_curves, "_SHOWN_PARTICLES", 100)
    shown = collect_store_results(walk).datasets["snapshot"]
    assert 50 < shown.sizes["particle"] < 150
    assert "shown are the " in shown.attrs["note"]
    side = shown.attrs["box_vectors"][0][0]
    assert side == pytest.approx(SIDE * (100 / N) ** (1 / 3))
    first = shown["position"].values[0]
    assert (first >= 0).all()
    assert np.median(first) < side


def test_a_cache_returns_what_it_would_read():
    values = np.random.default_rng(0).normal(size=(50, 4, 3))
    reads = []

    def read(start, stop):
        reads.append((start, stop))
        return values[start:stop]

    cache = store_curves.BlockCache(read, 50, store_curves._BLOCK_BYTES // 7)
    for start in (0, 3, 49, 20, 0, 6):
        np.testing.assert_array_equal(cache(start, start + 1), values[start : start + 1])
    np.testing.assert_array_equal(cache(5, 9), values[5:9])
    assert (0, 7) in reads
    assert len(reads) < 7


# -- the page --------------------------------------------------------------------------------------------------------


def test_the_page_has_every_figure_with_its_numbers_and_none_from_papers(soft, quick):
    walk, _, _ = soft
    path = report_of_store(walk.path)
    assert path == walk.path.with_name("walk.report") / "report.html"
    page = path.read_text()
    drawn = re.findall(r'<figure id="(\w+)"', page)
    assert drawn[0] == "snapshot"
    assert {
        *SOFTNESS_FIGURES,
        "rdf",
        "species_msd",
        "species_overlap",
        "p_hop_distribution",
        "p_hop_example",
    } <= set(drawn)
    for name in drawn:
        assert len((path.parent / "figures" / f"{name}.csv").read_text().splitlines()) > 3
    assert ">published<" not in page
    assert "how it is found" in page
    assert not re.search(r"""<(?:link|script|img|iframe)\b[^>]*\b(?:src|href)=["']?http""", page)


def test_a_page_without_softness_says_what_to_run(walk, quick):
    page = report_of_store(walk.path).read_text()
    assert "Not on this page yet" in page
    assert f"<code>vitrify train {walk.path} --positions thermal --quiet-time FRAMES</code>" in page


def test_results_are_kept_and_draw_the_same_page_again(walk, tmp_path, quick):
    path = report_of_store(walk.path, tmp_path / "here")
    first = path.read_bytes()
    path.unlink()
    assert SoftnessResults.load(tmp_path / "here" / "results").edition == "store"
    assert report_of_folder(tmp_path / "here") == path
    assert path.read_bytes() == first


def test_places_that_cannot_hold_the_page_are_refused(walk, tmp_path):
    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "file", walk.path):
        with pytest.raises(ParameterError, match="is a file or a store; name a folder for the page"):
            report_of_store(walk.path, place)
    with pytest.raises(ParameterError, match="`--out` is for the report of a single store"):
        report_of_folder(tmp_path / "nothing", tmp_path / "x")
