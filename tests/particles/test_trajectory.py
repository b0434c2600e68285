import json
import shutil

import numpy as np
import pytest
import zarr

from vitrify.errors import ParameterError, ShapeError, StoreError, StoreVersionError
from vitrify.particles import Box
from vitrify.particles.layout import ArraySpec, Layout, inherent_values, thermal_arrays
from vitrify.particles.trajectory import Trajectory
from vitrify.units import LJ, METAL

PARTICLES = {"v": ArraySpec(("particle",), attrs={"units": "tau", "long_name": "something"})}


def layout(n_frames=7, frames_per_unit=3, **changes) -> Layout:
    settings = {"species": [0, 0, 1, 0, 1], "species_names": ("A", "B"), **changes}
    return Layout(n_frames, frames_per_unit=frames_per_unit, **settings)


@pytest.fixture
def store(tmp_path) -> Trajectory:
    """Seven frames in units of 3, 3 and 1, of which the middle one is not written."""
    store = Trajectory.create(tmp_path / "run.zarr", layout(), {"model": "kob_andersen", "seed": 3})
    store.add_stage("x", PARTICLES)
    for unit in (0, 2):
        a, b = store.units()[unit]
        store.write("x", unit, {"v": np.arange(a, b)[:, None] + np.zeros(5)})
    return store


@pytest.fixture
def stored(tmp_path) -> Trajectory:
    """A small walk with inherent positions, in a tilted box."""
    rng = np.random.default_rng(0)
    walk = rng.normal(size=(8, 5, 3)).cumsum(axis=0)
    box = Box.triclinic([4.0, 5.0, 6.0], [1.0, -0.5, 0.3], [0.1, 0.2, 0.3], [True, True, False])
    times = np.arange(8) * 0.1
    return Trajectory.from_arrays(
        tmp_path / "w.zarr", walk, [0, 1, 0, 0, 1], box, times=times, inherent=walk + 0.01
    )


# -- what comes back -------------------------------------------------------------------------------------------------


def test_positions_boxes_and_times_come_back_bit_for_bit(stored):
    walk = np.random.default_rng(0).normal(size=(8, 5, 3)).cumsum(axis=0)
    again = Trajectory.open(stored.path)
    assert np.array_equal(again.positions("thermal"), walk)
    assert np.array_equal(again.positions("inherent", 2, 5), walk[2:5] + 0.01)
    assert np.array_equal(again.times, np.arange(8) * 0.1)
    expected = Box.triclinic([4.0, 5.0, 6.0], [1.0, -0.5, 0.3], [0.1, 0.2, 0.3], [True, True, False])
    assert all(again.box(k) == expected for k in range(8))
    assert np.array_equal(again.species, [0, 1, 0, 0, 1])
    assert again.species_names == ("A", "B")


def test_a_frame_says_where_it_comes_from(stored):
    frame = stored.frame(3, "inherent")
    assert frame.label == "w.zarr, frame 3, inherent"
    assert np.array_equal(frame.positions, stored.positions("inherent")[3])


def test_frames_of_several_units_come_one_by_one(tmp_path):
    store = Trajectory.create(tmp_path / "run.zarr", layout())
    store.add_stage("thermal", thermal_arrays(LJ))
    rng = np.random.default_rng(0)
    for unit, (a, b) in enumerate(store.units()):
        boxes = [np.diag([4.0, 5.0, 6.0]) * (1 + k) for k in range(a, b)]
        frames = {"position": rng.normal(size=(b - a, 5, 3)), "time": np.arange(a, b)}
        store.write("thermal", unit, {**frames, "box_vectors": boxes, "box_origin": np.ones((b - a, 3))})
    assert [k for k, _ in store.frames("thermal", [0, 2, 5, 6])] == [0, 2, 5, 6]
    for k, frame in store.frames("thermal", range(1, 7, 2)):
        alone = store.frame(k, "thermal")
        assert np.array_equal(frame.positions, alone.positions)
        assert (frame.box, frame.label) == (alone.box, alone.label)
        assert frame.box.lengths[0] == 4.0 * (1 + k)


def test_reader_gives_ranges_of_frames(stored):
    read = stored.reader("thermal")
    assert np.array_equal(read(2, 4), stored.positions("thermal")[2:4])
    assert read(8, 8).shape == (0, 5, 3)


def test_two_dimensional_trajectories_have_two_dimensional_units(tmp_path):
    walk = np.random.default_rng(1).normal(size=(4, 3, 2))
    stored = Trajectory.from_arrays(tmp_path / "w.zarr", walk, [0] * 3, Box.orthorhombic([4.0, 4.0]))
    assert stored.frame(0, "thermal").dimension == 2
    assert np.array_equal(stored.positions("thermal"), walk)
    assert thermal_arrays(LJ, ("pressure",), 2)["pressure"].attrs["units"] == "epsilon_AA/sigma_AA^2"
    assert thermal_arrays(METAL, ("pressure",))["pressure"].attrs["units"] == "eV/angstrom^3"


def test_special_values_survive(store):
    values = np.array([[-0.0, 5e-324, np.inf, -np.inf, np.pi]])
    store.write("x", 2, {"v": values})
    assert store.read("v", 6).tobytes() == values.tobytes()


def test_every_nan_is_the_same_nan_so_that_none_looks_like_damage(store):
    negative = np.full((3, 5), np.nan)
    negative.view(np.uint64)[:] = 0xFFF8000000000001  # as 0/0 may give
    store.write("x", 1, {"v": negative})
    store.verify("x")
    assert np.isnan(store.read("v", 3, 6)).all()


def test_integers_and_sparse_arrays_come_back(tmp_path):
    store = Trajectory.create(tmp_path / "r.zarr", layout())
    specs = {"n": ArraySpec(dtype="i8"), "flag": ArraySpec(("particle",), dtype="i1", sparse=True)}
    store.add_stage("counts", specs)
    flags = np.random.default_rng(0).integers(0, 2, (7, 5)).astype(np.int8)
    for unit, (a, b) in enumerate(store.units()):
        store.write("counts", unit, {"n": np.arange(a, b), "flag": flags[a:b]})
    assert np.array_equal(store.read("n"), np.arange(7))
    assert np.array_equal(store.read("flag"), flags)
    assert store.read("flag").dtype == np.int8
    store.verify("counts")


def test_dataset_is_lazy_and_labelled(stored):
    dataset = stored.dataset()
    assert dict(dataset.sizes) == {"frame": 8, "particle": 5, "xyz": 3, "cell": 3}
    assert dataset["position"].dims == ("frame", "particle", "xyz")
    assert dataset["box_vectors"].dims == ("frame", "cell", "xyz")
    assert not dataset["position"].variable._in_memory
    assert dataset["position"].attrs["units"] == "sigma_AA"
    assert dataset["position"].attrs["definition"] == "thermal, unwrapped"
    assert dataset["inherent_energy"].attrs["long_name"] == "inherent-structure energy per particle"
    assert dataset.attrs["path"] == str(stored.path)
    assert dataset.attrs["layout"]["periodic"] == [True, True, False]
    assert np.array_equal(dataset["position"].isel(frame=slice(2, 4)), stored.positions("thermal", 2, 4))


def test_inherent_values_without_diagnostics_are_converged():
    values = inherent_values(np.zeros((2, 3, 3)), energy=np.array([-1.0, -2.0]))
    assert values["inherent_converged"].tolist() == [1, 1]
    assert values["inherent_energy"].tolist() == [-1.0, -2.0]
    assert np.isnan(values["inherent_max_force"]).all()


def test_frame_interval_is_that_of_even_times(stored, tmp_path):
    assert stored.frame_interval == pytest.approx(0.1)
    walk = np.zeros((3, 1, 2))
    uneven = Trajectory.from_arrays(
        tmp_path / "u.zarr", walk, [0], Box.orthorhombic([1, 1]), times=np.array([0.0, 1.0, 3.0])
    )
    with pytest.raises(StoreError, match="not evenly spaced"):
        _ = uneven.frame_interval


# -- units of work ---------------------------------------------------------------------------------------------------


def test_the_last_unit_holds_the_rest(store):
    assert store.units() == [(0, 3), (3, 6), (6, 7)]
    assert store.read("v", 6).tolist() == [[6.0] * 5]


def test_one_unit_may_be_longer_than_the_trajectory(tmp_path):
    store = Trajectory.create(tmp_path / "r.zarr", layout(2, 50))
    store.add_stage("x", PARTICLES)
    store.write("x", 0, {"v": np.ones((2, 5))})
    assert store.units() == [(0, 2)]
    assert store.read("v").tolist() == [[1.0] * 5] * 2


def test_done_frames_end_at_the_first_gap(store):
    assert store.done_frames("x") == 3
    assert store.done_frames("unheard-of") == 0
    assert not store.is_done("x")
    store.write("x", 1, {"v": np.zeros((3, 5))})
    assert store.done_frames("x") == 7
    assert store.is_done("x")


def test_frames_that_are_not_done_are_refused(store):
    assert store.read("v", 0, 3).shape == (3, 5)
    for start, stop in ((0, 4), (2, 7), (5, 7), (3, 4)):
        with pytest.raises(StoreError, match=r"Frames 3 to 5 of 'v' .* not written yet"):
            store.read("v", start, stop)


def test_a_chunk_without_manifest_entry_is_not_done(store):
    store.write("x", 1, {"v": np.ones((3, 5))})
    (store.path / "manifest" / "x" / "000001.json").unlink()
    assert (store.path / "v" / "c" / "1" / "0").exists()
    assert not store.is_done("x", 1)
    with pytest.raises(StoreError, match="not written yet"):
        store.read("v", 3, 6)


def test_a_unit_that_is_written_again_is_not_done_meanwhile(store, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("vitrify.particles.trajectory._content_hash", killed)
    with pytest.raises(KeyboardInterrupt):
        store.write("x", 0, {"v": np.ones((3, 5))})
    assert not store.is_done("x", 0)


def test_frames_outside_the_trajectory_are_refused(store):
    for start, stop in ((-1, 0), (0, 8), (4, 3)):
        with pytest.raises(StoreError, match="outside 0 … 7"):
            store.read("v", start, stop)


def test_an_array_that_is_not_there_is_refused(store):
    with pytest.raises(StoreError, match=r"has no 'position'\. It holds: x"):
        store.positions("thermal")
    with pytest.raises(ParameterError, match="'thermal' or 'inherent', not 'quenched'"):
        store.positions("quenched")


def test_what_another_process_has_added_since_can_be_read(store):
    other = Trajectory.open(store.path)
    other.add_stage("softness", {"softness": ArraySpec(("particle",))})
    for unit, (a, b) in enumerate(other.units()):
        other.write("softness", unit, {"softness": np.full((b - a, 5), 2.0)})
    assert (store.read("softness") == 2.0).all()
    assert "softness" in store.stages


def test_writing_the_wrong_shape_or_arrays_is_refused(store):
    with pytest.raises(ShapeError, match=r"'v' of unit 2 must have shape \(1, 5\); it has \(3, 5\)"):
        store.write("x", 2, {"v": np.zeros((3, 5))})
    with pytest.raises(ShapeError, match=r"consists of \['v'\]; got \['w'\]"):
        store.write("x", 1, {"w": np.zeros((3, 5))})
    assert store.read("v", 6).tolist() == [[6.0] * 5], "what was written before stays"


def test_shards_are_units_and_chunks_stay_small(tmp_path):
    store = Trajectory.create(tmp_path / "r.zarr", layout(100, 50, species=np.zeros(20_000, int)))
    store.add_stage("thermal", thermal_arrays(LJ))
    array = zarr.open_array(store.path / "position", mode="r")
    assert array.shards == (50, 20_000, 3)
    assert array.chunks == (2, 20_000, 3)
    assert zarr.open_array(store.path / "time", mode="r").chunks == (50,)


# -- stages ----------------------------------------------------------------------------------------------------------


def test_adding_a_stage_again_with_the_same_parameters_changes_nothing(store):
    parameters = {"window": 10, "cutoffs": (2.5, 2.0), "limit": float("nan")}
    store.add_stage("p", {"w": ArraySpec()}, parameters)
    store.write("p", 0, {"w": np.ones(3)})
    store.add_stage("p", {"w": ArraySpec()}, parameters)
    Trajectory.open(store.path).add_stage("p", {"w": ArraySpec()}, parameters)
    assert store.read("w", 0, 3).tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("here", "words"),
    [
        ({"model": {"cutoff": 3.0, "name": "ka"}, "window": 10}, "`model.cutoff` is 2.5 there and 3.0 here"),
        ({"model": {"cutoff": 2.5, "name": "ka"}, "window": 12}, "`window` is 10 there and 12 here"),
        ({"model": {"cutoff": 2.5, "name": "ka"}}, "`window` is 10 there and 'absent' here"),
        ({"model": {"cutoff": 2.5, "name": "ka"}, "window": 10.0}, "`window` is 10 there and 10.0 here"),
        (
            {"model": {"cutoff": 2.5, "name": "ka"}, "window": 10, "new": None},
            "`new` is 'absent' there and None",
        ),
    ],
)
def test_a_stage_with_other_parameters_is_refused_with_the_first_difference(store, here, words):
    store.add_stage("p", {"w": ArraySpec()}, {"model": {"cutoff": 2.5, "name": "ka"}, "window": 10})
    with pytest.raises(StoreError, match="made with other parameters") as caught:
        store.add_stage("p", {"w": ArraySpec()}, here)
    assert words in str(caught.value)


def test_nan_parameters_are_not_named_as_the_difference(store):
    store.add_stage("p", {"w": ArraySpec()}, {"a": float("nan"), "b": 1})
    with pytest.raises(StoreError, match="`b` is 1 there and 2 here"):
        store.add_stage("p", {"w": ArraySpec()}, {"a": float("nan"), "b": 2})


def test_a_stage_cannot_take_the_array_of_another(store):
    with pytest.raises(StoreError, match="already holds 'v', in 'x'"):
        store.add_stage("other", PARTICLES)
    with pytest.raises(StoreError, match="already holds 'species', in 'layout'"):
        store.add_stage("other", {"species": ArraySpec()})
    assert store.read("v", 0, 1).tolist() == [[0.0] * 5]


def test_a_removed_stage_is_gone_and_can_be_made_anew(store):
    store.remove_stage("x")
    store.remove_stage("x")
    assert store.stages == {}
    assert not (store.path / "v").exists()
    again = Trajectory.open(store.path)
    again.add_stage("x", PARTICLES, {"other": True})
    assert not any(again.is_done("x", unit) for unit in range(3))
    again.write("x", 0, {"v": np.full((3, 5), 9.0)})
    assert again.read("v", 0, 1).tolist() == [[9.0] * 5]


def test_entries_left_of_a_removed_stage_are_not_believed(store):
    kept = store.path.parent / "kept"
    shutil.copytree(store.path / "manifest" / "x", kept)
    store.remove_stage("x")
    shutil.copytree(kept, store.path / "manifest" / "x")
    store.add_stage("x", PARTICLES)
    assert not store.is_done("x", 0)


# -- making and opening ----------------------------------------------------------------------------------------------


def test_creating_again_opens_what_is_there(store):
    same = {"seed": 3, "model": "kob_andersen"}
    assert Trajectory.create(store.path, layout(), same).read("v", 0, 3).shape == (3, 5)
    assert store.provenance == same


@pytest.mark.parametrize(
    ("other", "provenance", "words"),
    [
        (layout(8), {"seed": 3}, r"its layout differs \(`n_frames` is 7 there and 8 here\)"),
        (layout(frames_per_unit=2), {"seed": 3}, r"`frames_per_unit` is 3 there and 2 here"),
        (layout(), {"seed": 4}, r"its provenance differs \(`seed` is 3 there and 4 here\)"),
        (layout(species=[1, 0, 0, 0, 1]), {"seed": 3}, "its species_identity differs"),
    ],
)
def test_creating_over_another_trajectory_is_refused(tmp_path, other, provenance, words):
    Trajectory.create(tmp_path / "r.zarr", layout(), {"seed": 3})
    with pytest.raises(StoreError, match=words):
        Trajectory.create(tmp_path / "r.zarr", other, provenance)


def test_other_arrays_do_not_replace_those_that_are_there(stored):
    box = Box.triclinic([4.0, 5.0, 6.0], [1.0, -0.5, 0.3], [0.1, 0.2, 0.3], [True, True, False])
    with pytest.raises(StoreError, match="its provenance differs"):
        Trajectory.from_arrays(stored.path, np.zeros((8, 5, 3)), [0, 1, 0, 0, 1], box)
    assert stored.positions("thermal").any()


def test_a_folder_with_other_things_is_never_deleted(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").write_text("ten years")
    with pytest.raises(StoreError, match=r"not a trajectory store.*nothing was changed"):
        Trajectory.create(tmp_path / "home", layout())
    assert (tmp_path / "home" / "thesis.tex").read_text() == "ten years"
    (tmp_path / "file.zarr").write_text("ten years")
    with pytest.raises(StoreError, match="not a trajectory store"):
        Trajectory.create(tmp_path / "file.zarr", layout())
    zarr.create_array(tmp_path / "other.zarr" / "mine", shape=(3,), dtype="f8")
    with pytest.raises(StoreError, match="not a trajectory store"):
        Trajectory.create(tmp_path / "other.zarr", layout())


def test_an_empty_folder_becomes_a_store(tmp_path):
    (tmp_path / "r.zarr").mkdir()
    assert Trajectory.create(tmp_path / "r.zarr", layout()).n_particles == 5


def test_a_store_of_another_version_is_refused(store):
    attributes = json.loads((store.path / "zarr.json").read_text())
    attributes["attributes"]["vitrify_store"] = 99
    (store.path / "zarr.json").write_text(json.dumps(attributes))
    with pytest.raises(StoreVersionError, match="has store version 99; this vitrify reads version 1"):
        Trajectory.open(store.path)


def test_what_is_no_store_is_refused(tmp_path):
    with pytest.raises(StoreError, match=r"it has no zarr\.json"):
        Trajectory.open(tmp_path)
    with pytest.raises(StoreError, match=r"it has no zarr\.json"):
        Trajectory.open(tmp_path / "nowhere.zarr")
    zarr.create_group(tmp_path / "group.zarr")
    with pytest.raises(StoreError, match="not a vitrify trajectory"):
        Trajectory.open(tmp_path / "group.zarr")
    zarr.create_array(tmp_path / "array.zarr", shape=(3,), dtype="f8")
    with pytest.raises(StoreError, match="cannot be opened as a zarr group"):
        Trajectory.open(tmp_path / "array.zarr")


@pytest.mark.parametrize("text", ["", "{oops", "[]", "3", "\x00\x00"])
def test_a_damaged_head_is_a_store_error(store, text):
    (store.path / "zarr.json").write_text(text)
    with pytest.raises(StoreError, match="cannot be opened"):
        Trajectory.open(store.path)


def test_a_head_without_layout_is_a_store_error(store):
    head = json.loads((store.path / "zarr.json").read_text())
    del head["attributes"]["layout"]
    (store.path / "zarr.json").write_text(json.dumps(head))
    with pytest.raises(StoreError, match="damaged"):
        Trajectory.open(store.path)


def test_a_layout_says_what_is_wrong_with_it():
    with pytest.raises(ParameterError, match="they are 0, 50"):
        Layout(0, [0], ("A",))
    with pytest.raises(ShapeError, match="`periodic` needs 2 entries; it has 3"):
        Layout(1, [0], ("A",), dimension=2)


# -- JSON ------------------------------------------------------------------------------------------------------------
