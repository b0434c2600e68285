"""D2min in a store, and softness trained on it, on thermal positions, in two dimensions and for any species."""

import numpy as np
import pytest

from vitrify.errors import ParameterError, StoreError, TooFewEventsError, UnknownNameError
from vitrify.particles.layout import Layout, thermal_arrays
from vitrify.particles.tables import load_table
from vitrify.particles.trajectory import Trajectory
from vitrify.predictors.trained import TrainedSoftness
from vitrify.progress import Silent
from vitrify.rearrangements.d2min import D2Min
from vitrify.studies import flow_defects
from vitrify.studies.dynamics import StoredValues
from vitrify.studies.flow_defects import d2min_of_store, segments_of
from vitrify.studies.verbs import (
    beside,
    d2min_options,
    flow_options,
    rearrangements_of_store,
    softness_of_store,
    train_on_store,
)
from vitrify.studies.work import work_on_store
from vitrify.units import LJ

FRAMES, SIDE = 66, 12
TRAINING = {
    "descriptors": {"name": "radial_density", "radii": [1.0, 1.4, 2.0]},
    "centre_species": "Cu",
    "n_per_class": 60,
    "min_per_class": 20,
    "segments": 3,
}
FLOW = {"rearranging_fraction": 0.05, "quiet_time": 1}


def make_store(path, *, names=("Cu", "Zr"), periodic=(True, True), absent=0.0, spacing=1.0, dimension=2):
    """A sheared crystal with noise, in which particles with a wide cage jump to and fro; the box flips its tilt."""
    rng = np.random.default_rng(3)
    n = SIDE**2
    grid = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="ij"), -1).reshape(-1, 2) + 0.5
    loose = rng.choice(n, 12, replace=False)
    cage = np.zeros((n, 2))
    for k in loose:  # its neighbours give way: that is what the structure shows
        apart = grid - grid[k]
        apart -= SIDE * np.rint(apart / SIDE)
        near = (np.abs(apart).max(axis=1) < 1.1) & (np.arange(n) != k)
        cage[near] += 0.15 * apart[near]
    at_rest, positions, vectors = grid + cage, [], []
    for t in range(FRAMES):
        away = np.zeros((n, 2))
        away[loose, 0] = 0.35 * (rng.uniform(size=12) < 0.5)
        strain = 0.02 * t
        shear = np.array([[1.0, 0.0], [strain, 1.0]])
        positions.append((at_rest + away + rng.normal(scale=0.03, size=(n, 2))) @ shear)
        vectors.append(SIDE * np.array([[1.0, 0.0], [strain - np.rint(strain), 1.0]]))
    positions, vectors = np.array(positions), np.array(vectors)
    if absent:
        positions[rng.uniform(size=positions.shape[:2]) < absent] = np.nan
    if dimension == 3:
        positions = np.concatenate([positions, np.full((FRAMES, n, 1), 4.5)], axis=2)
        vectors = np.array([[[*v[0], 0], [*v[1], 0], [0, 0, 9.0]] for v in vectors])
        periodic = (*periodic, False)
    species = np.zeros(n, int) if len(names) == 1 else (rng.uniform(size=n) < 0.3).astype(int)
    species[loose] = 0
    layout = Layout(FRAMES, species, names, dimension, periodic, frames_per_unit=20, complete=not absent)
    stored = Trajectory.create(path, layout, {"source": "files"})
    stored.add_stage("thermal", thermal_arrays(LJ, dimension=dimension))
    for unit, (a, b) in enumerate(stored.units()):
        stored.write(
            "thermal",
            unit,
            {
                "position": positions[a:b],
                "time": spacing * np.arange(a, b, dtype=float),
                "box_vectors": vectors[a:b],
                "box_origin": np.zeros((b - a, dimension)),
            },
        )
    return path


@pytest.fixture
def store(tmp_path):
    return make_store(tmp_path / "run.zarr")


def frames_of(path):
    trajectory = Trajectory.open(path)
    return [f for _, f in trajectory.frames("thermal", range(FRAMES))]


# -- the array -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("indicator", [D2Min(5, 2.5), D2Min(30, 1.5, "sum"), D2Min(None, 2.5, reference=27)])
@pytest.mark.parametrize("absent", [0.0, 0.1])
def test_a_store_holds_the_d2min_of_its_frames_whatever_its_units(tmp_path, notes, indicator, absent):
    path = make_store(tmp_path / "run.zarr", absent=absent)
    d2min_of_store(path, indicator, "thermal", notes, 1)
    trajectory, expected = Trajectory.open(path), indicator.compute(frames_of(path), SIDE**2)
    assert np.array_equal(trajectory.read("d2min"), expected, equal_nan=True)
    assert trajectory.stages["d2min"]["parameters"] == {**indicator.to_dict(), "positions": "thermal"}
    lost = trajectory.read("d2min_lost_neighbors")
    assert (lost.sum() > 0) == bool(absent)
    assert any("absent later" in said for said in notes.said) == bool(absent)
    assert np.nanmedian(expected) < 0.03 * (20 if indicator.normalization == "sum" else 1), (
        "flips do not show"
    )


def test_small_blocks_change_no_bit(store, monkeypatch):
    d2min_of_store(store, D2Min(5, 2.5), "thermal", Silent(), 1)
    whole = Trajectory.open(store).read("d2min")
    Trajectory.open(store).remove_stage("d2min")
    monkeypatch.setattr(flow_defects, "frames_per_block", lambda n, d: 3)
    d2min_of_store(store, D2Min(5, 2.5), "thermal", Silent(), 1)
    assert np.array_equal(Trajectory.open(store).read("d2min"), whole, equal_nan=True)


def test_particles_with_too_few_neighbours_are_counted(tmp_path, notes):
    path = make_store(tmp_path / "run.zarr")
    d2min_of_store(path, D2Min(5, 0.95), "thermal", notes, 1)
    values = Trajectory.open(path).read("d2min")
    few = Trajectory.open(path).read("d2min_few_neighbors")
    assert few.sum() > 0
    assert np.array_equal(few[:-5], np.isnan(values[:-5]).sum(axis=1))
    assert f"fewer than 2 neighbours: {few.sum()} particles" in notes.said[0]


def test_shares_of_a_prepared_d2min_fill_it(store, notes):
    d2min_of_store(store, D2Min(5, 2.5), "thermal", notes, 1, prepare=True)
    assert "Fill it with" in notes.said[-1]
    for share in ("1/2", "2/2"):
        work_on_store(store, share, "d2min", Silent())
    expected = D2Min(5, 2.5).compute(frames_of(store))
    assert np.array_equal(Trajectory.open(store).read("d2min"), expected, equal_nan=True)


def test_other_parameters_make_it_anew(store, notes):
    d2min_of_store(store, D2Min(5, 2.5), "thermal", Silent(), 1)
    d2min_of_store(store, D2Min(5, 2.5, "sum"), "thermal", notes, 1)
    assert "'d2min' was made with other parameters" in notes.said[0]


def test_uneven_frames_have_no_lag(tmp_path):
    path = make_store(tmp_path / "run.zarr")
    trajectory = Trajectory.open(path)
    a, b = trajectory.units()[1]
    arrays = {k: trajectory.read(k, a, b) for k in trajectory.stages["thermal"]["arrays"]}
    trajectory.write("thermal", 1, {**arrays, "time": arrays["time"] + 0.5})
    with pytest.raises(
        ParameterError, match=r"`--lag` 5 frames is a time between 4\.5 and 5\.5 in .*`--reference`"
    ):
        d2min_of_store(path, D2Min(5, 2.5), "thermal", Silent(), 1)
    d2min_of_store(path, D2Min(None, 2.5, reference=0), "thermal", Silent(), 1)


# -- training --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("names", [("Cu", "Zr"), ("Cu",)], ids=["two species", "one species"])
@pytest.mark.parametrize("dimension", [2, 3])
def test_softness_is_trained_on_d2min_of_thermal_positions(tmp_path, notes, names, dimension):
    path = make_store(tmp_path / "run.zarr", names=names, dimension=dimension)
    d2min_of_store(path, D2Min(5, 1.7), "thermal", Silent(), 1)
    train_on_store(path, tmp_path / "s.json", TRAINING, notes, 1, flow=FLOW)
    trained = TrainedSoftness.load(tmp_path / "s.json")
    assert trained.positions == "thermal"
    assert trained.training["labels"]["name"] == "d2min"
    assert trained.training["temperature"] is None, "nobody knows it"
    assert trained.training["positions"] == "thermal"
    assert trained.training["cross_validation"]["accuracy"] > 0.6, "wide cages are seen"
    examples = load_table(beside(path, "examples.npz"))
    values = Trajectory.open(path).read("d2min")[examples["frame"].values, examples["particle"].values]
    soft = examples["label"].values > 0
    threshold = trained.training["examples"]["rearranging_above"]
    assert (values[soft] > threshold).all()
    assert (values[~soft] < threshold).all()
    of_species = Trajectory.open(path).species[examples["particle"].values]
    assert (of_species == 0).all()
    known = Trajectory.open(path).read("d2min")[:, Trajectory.open(path).species == 0]
    known = known[~np.isnan(known)]
    assert (known > threshold).sum() == int(0.05 * known.size)
    start, stop = np.array(segments_of(FRAMES, 3))[examples["segment"].values].T
    assert (examples["frame"].values >= start).all()
    assert (examples["frame"].values + 5 < stop).all()


@pytest.mark.parametrize("descriptors", ["schoenholz-2016", "schoenholz-2016-radial", "bond_order"])
@pytest.mark.parametrize("names", [("Cu", "Zr"), ("Cu",)], ids=["two species", "one species"])
def test_published_sets_work_for_other_names_of_species(tmp_path, descriptors, names):
    path = make_store(tmp_path / "run.zarr", names=names)
    d2min_of_store(path, D2Min(5, 1.7), "thermal", Silent(), 1)
    options = {**TRAINING, "descriptors": descriptors, "penalties": (0.01,)}
    train_on_store(path, tmp_path / "s.json", options, Silent(), 1, flow=FLOW)
    trained = TrainedSoftness.load(tmp_path / "s.json")
    assert set(trained.training["subsets"]) == ({"radial"} if descriptors == "schoenholz-2016" else set())
    softness_of_store(path, tmp_path / "s.json", 30, Silent(), 1)
    trajectory = Trajectory.open(path)
    expected = trained.softness(trajectory.frame(30, "thermal"))
    assert np.array_equal(trajectory.read("softness")[30, trajectory.species == 0], expected)


def test_the_first_peaks_are_a_subset_where_there_are_a_and_b(tmp_path):
    path = make_store(tmp_path / "run.zarr", names=("A", "B"))
    d2min_of_store(path, D2Min(5, 1.7), "thermal", Silent(), 1)
    options = {
        **TRAINING,
        "descriptors": "schoenholz-2016-radial",
        "centre_species": "A",
        "penalties": (0.01,),
    }
    train_on_store(path, tmp_path / "s.json", options, Silent(), 1, flow=FLOW)
    assert set(TrainedSoftness.load(tmp_path / "s.json").training["subsets"]) == {"first_peaks"}


def test_softness_is_trained_on_p_hop_of_thermal_positions_without_a_potential(store, tmp_path):
    thresholds = {"window": 4, "event_threshold": 0.02, "rearrangement_threshold": 0.03}
    rearrangements_of_store(store, thresholds, "thermal", Silent(), 1)
    options = {**TRAINING, "quiet_time": 8, "quiet_threshold": 0.01, "min_per_class": 10}
    train_on_store(store, tmp_path / "s.json", options, Silent(), 1)
    trained = TrainedSoftness.load(tmp_path / "s.json")
    assert trained.positions == "thermal"
    assert trained.training["labels"]["name"] == "p_hop"
    assert trained.feature_range.n == 2 * trained.training["examples"]["selected_per_class"]
    with pytest.raises(StoreError, match="has no inherent positions"):
        train_on_store(store, tmp_path / "s.json", options, Silent(), 1, kind="inherent")


def test_examples_near_an_edge_are_left_out_and_counted(tmp_path):
    path = make_store(tmp_path / "run.zarr", periodic=(True, False), absent=0.05)
    d2min_of_store(path, D2Min(5, 1.7), "thermal", Silent(), 1)
    train_on_store(
        path, tmp_path / "s.json", TRAINING, Silent(), 1, flow={**FLOW, "rearranging_fraction": 0.1}
    )
    examples = load_table(beside(path, "examples.npz"))
    assert np.isfinite(examples["features"].values).all()
    assert examples.attrs["n_left_out"]["hard"] > 0


def test_no_array_of_labels_is_read_as_a_whole(store, tmp_path, monkeypatch):
    longest = []
    read = Trajectory.read

    def watched(self, name, start=0, stop=None):
        if name in ("p_hop", "d2min"):
            longest.append((FRAMES if stop is None else stop) - start)
        return read(self, name, start, stop)

    monkeypatch.setattr("vitrify.predictors.flow_labels.frames_per_block", lambda n, d: 6)
    monkeypatch.setattr("vitrify.predictors.training_sets.frames_per_block", lambda n, d: 6)
    d2min_of_store(store, D2Min(5, 1.7), "thermal", Silent(), 1)
    monkeypatch.setattr(Trajectory, "read", watched)
    train_on_store(store, tmp_path / "s.json", TRAINING, Silent(), 1, flow={**FLOW, "quiet_time": 3})
    assert max(longest) == 6
    values = StoredValues(Trajectory.open(store), "d2min")
    assert values.shape == (FRAMES, SIDE**2)
    assert np.array_equal(values[3:5], read(Trajectory.open(store), "d2min", 3, 5), equal_nan=True)


def test_what_has_to_come_first_is_named(store, tmp_path):
    with pytest.raises(
        StoreError, match=r"has no D2min of all frames\. Run `vitrify rearrangements .* --indicator d2min"
    ):
        train_on_store(store, tmp_path / "s.json", TRAINING, Silent(), 1, flow=FLOW)
    d2min_of_store(store, D2Min(None, 2.5, reference=4), "thermal", Silent(), 1)
    with pytest.raises(
        StoreError, match=r"compares all frames with frame 4: only that one has a structure before"
    ):
        train_on_store(store, tmp_path / "s.json", TRAINING, Silent(), 1, flow=FLOW)
    d2min_of_store(store, D2Min(30, 2.5), "thermal", Silent(), 1)
    with pytest.raises(
        ParameterError, match=r"None of the 3 segments of 66 frames is longer than `lag` = 30 frames"
    ):
        train_on_store(store, tmp_path / "s.json", TRAINING, Silent(), 1, flow=FLOW)
    d2min_of_store(store, D2Min(5, 2.5), "thermal", Silent(), 1)
    with pytest.raises(TooFewEventsError, match=r"only 0 have D2min above 1e\+03\. Lower"):
        train_on_store(store, tmp_path / "s.json", TRAINING, Silent(), 1, flow={"rearranging_above": 1e3})


def test_segments_are_those_that_frames_are_counted_in():
    for n_frames, n in ((66, 3), (10, 3), (7, 6), (100, 7)):
        expected = np.arange(n_frames) * n // n_frames
        found = np.concatenate([np.full(b - a, k) for k, (a, b) in enumerate(segments_of(n_frames, n))])
        assert np.array_equal(found, expected)


# -- drift -----------------------------------------------------------------------------------------------------------


def test_a_softness_warns_where_the_structure_is_not_that_of_its_training(store, tmp_path, notes):
    d2min_of_store(store, D2Min(5, 1.7), "thermal", Silent(), 1)
    train_on_store(store, tmp_path / "s.json", TRAINING, Silent(), 1, flow=FLOW)
    softness_of_store(store, tmp_path / "s.json", 10, notes, 1)
    assert not any("Warning" in said for said in notes.said)
    wide = Trajectory.open(store)
    other = Trajectory.create(tmp_path / "wide.zarr", wide.layout, {"source": "files"})
    other.add_stage("thermal", thermal_arrays(LJ, dimension=2))
    for unit, (a, b) in enumerate(wide.units()):
        arrays = {k: wide.read(k, a, b) for k in wide.stages["thermal"]["arrays"]}
        scaled = {k: arrays[k] * (1.0 if k == "time" else 1.15) for k in arrays}
        other.write("thermal", unit, scaled)
    softness_of_store(other.path, tmp_path / "s.json", 10, notes, 1)
    (warning,) = [said for said in notes.said if said.startswith("Warning")]
    assert "outside the range that it was trained on" in warning
    assert "farthest is G_" in warning
    assert Trajectory.open(other.path).is_done("softness"), "a warning, not a refusal"


def test_a_softness_without_a_range_says_that_nothing_can_be_said(store, tmp_path, notes):
    d2min_of_store(store, D2Min(5, 1.7), "thermal", Silent(), 1)
    train_on_store(store, tmp_path / "s.json", TRAINING, Silent(), 1, flow=FLOW)
    old = TrainedSoftness.load(tmp_path / "s.json").to_dict()
    TrainedSoftness(**{**old, "feature_range": None}).save(tmp_path / "old.json")
    softness_of_store(store, tmp_path / "old.json", 10, notes, 1)
    assert any("does not say on which range" in said for said in notes.said)


# -- the command line ------------------------------------------------------------------------------------------------


def test_options_of_the_command_line_mean_an_indicator():
    nothing = dict.fromkeys(("lag", "cutoff", "normalization", "reference"))
    assert d2min_options("p_hop", nothing) is None
    assert d2min_options("d2min", {**nothing, "lag": 20, "cutoff": 2.5}) == D2Min(20, 2.5, "mean")
    assert d2min_options(
        "d2min", {**nothing, "reference": 0, "cutoff": 1.5, "normalization": "sum"}
    ) == D2Min(None, 1.5, "sum", 0)
    with pytest.raises(ParameterError, match="`--lag` belongs to `--indicator d2min`; this is 'p_hop'"):
        d2min_options("p_hop", {**nothing, "lag": 3})
    with pytest.raises(ParameterError, match="D2min needs `--cutoff`"):
        d2min_options("d2min", {**nothing, "lag": 3})
    with pytest.raises(UnknownNameError, match="No indicator is called 'hop'"):
        d2min_options("hop", nothing)
    assert flow_options("d2min", None, {"quiet_below": 0.1, "rearranging_above": None}) == {
        "quiet_below": 0.1,
        "quiet_time": 1,
    }
    assert flow_options("p_hop", 5, {"quiet_below": None}) is None
    with pytest.raises(ParameterError, match="`--quiet-below` belongs to `--labels d2min`; this is 'p_hop'"):
        flow_options("p_hop", None, {"quiet_below": 0.1})
    with pytest.raises(UnknownNameError, match="No indicator is called 'hops'"):
        flow_options("hops", None, {})
