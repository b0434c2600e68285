"""Files from elsewhere are read, never obeyed: no pickle runs, no path leads out of its folder, no nesting ends us."""

import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from vitrify.errors import SettingsError, StoreError, StoreVersionError
from vitrify.particles import Box
from vitrify.particles.tables import load_table, save_table
from vitrify.particles.trajectory import Trajectory
from vitrify.predictors.trained import TrainedSoftness
from vitrify.report.results import SoftnessResults
from vitrify.studies.settings import load_settings


class Bomb:
    """Says on the disk that it was unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return (Path.touch, (self.mark,))


@pytest.fixture
def mark(tmp_path):
    return tmp_path / "unpickled"


@pytest.fixture
def store(tmp_path):
    positions = np.random.default_rng(0).random((6, 4, 3))
    return Trajectory.from_arrays(tmp_path / "run.zarr", positions, [0] * 4, Box.orthorhombic([2.0] * 3)).path


def change_head(store, change):
    head = json.loads((store / "zarr.json").read_text())
    change(head["attributes"])
    (store / "zarr.json").write_text(json.dumps(head))


def test_the_bomb_would_go_off(mark):
    pickle.loads(pickle.dumps(Bomb(mark)))
    assert mark.exists()


def test_a_pickle_in_a_table_is_not_loaded(tmp_path, mark):
    table = tmp_path / "run.events.npz"
    save_table(table, xr.Dataset({"a": ("x", [1.0, 2.0])}), {})
    with zipfile.ZipFile(table) as archive:
        meta = archive.read("table.json")
    with zipfile.ZipFile(table, "w") as archive:
        with archive.open("a.npy", "w") as f:
            np.lib.format.write_array(f, np.array([Bomb(mark), None], object), allow_pickle=True)
        archive.writestr("table.json", meta)
    with pytest.raises(StoreError, match="is not a table of vitrify"):
        load_table(table)
    assert not mark.exists()


def test_a_pickle_in_place_of_a_model_or_of_results_is_not_loaded(tmp_path, mark):
    file = tmp_path / "softness.json"
    file.write_bytes(pickle.dumps(Bomb(mark)))
    with pytest.raises(StoreError, match=r"softness\.json"):
        TrainedSoftness.load(file)
    folder = SoftnessResults((), {}, [], [], {"rdf": xr.Dataset({"g": ("r", [1.0])})}).save(
        tmp_path / "results"
    )
    held = next((folder / "datasets").iterdir())
    np.savez(held, g=np.array([Bomb(mark)], object), allow_pickle=True)
    with pytest.raises(StoreError, match="missing or damaged"):
        SoftnessResults.load(folder)
    assert not mark.exists()


@pytest.mark.parametrize("key", ["stage", "array"])
def test_a_store_whose_names_lead_out_of_it_is_refused(store, tmp_path, key):
    outside = tmp_path / "precious"
    outside.mkdir()
    entry = {"parameters": {}, "arrays": ["../precious"] if key == "array" else ["x"]}
    name = "softness" if key == "array" else "../precious"
    change_head(store, lambda a: a["stages"].update({name: entry}))
    with pytest.raises(StoreError, match=r"'\.\./precious', which is no plain name"):
        Trajectory.open(store)
    assert outside.exists()


def test_results_that_name_a_file_outside_their_folder_are_refused(tmp_path):
    folder = SoftnessResults((), {}, [], [], {"rdf": xr.Dataset({"g": ("r", [1.0])})}).save(
        tmp_path / "results"
    )
    np.savez(tmp_path / "elsewhere.npz", g=[2.0])
    document = json.loads((folder / "results.json").read_text())
    document["datasets"]["rdf"]["file"] = "../elsewhere.npz"
    (folder / "results.json").write_text(json.dumps(document))
    with pytest.raises(StoreError, match=r"'\.\./elsewhere\.npz', which lies outside"):
        SoftnessResults.load(folder)


def test_nesting_without_end_in_a_settings_file_is_an_error_and_no_crash(tmp_path):
    for text in ("a = " + "[" * 5_000, "a = " + "{b=" * 5_000, "[" + "a." * 5_000 + "b]\n"):
        file = tmp_path / "settings.toml"
        file.write_text(text)
        with pytest.raises(SettingsError, match=r"settings\.toml"):
            load_settings("demo", file=file)


def test_nesting_without_end_in_a_head_or_model_is_an_error_and_no_crash(store, tmp_path):
    file = tmp_path / "softness.json"
    file.write_text("[" * 200_000)
    with pytest.raises(StoreError, match=r"softness\.json"):
        TrainedSoftness.load(file)
    (store / "zarr.json").write_text("[" * 200_000)
    with pytest.raises(StoreError, match=r"run\.zarr"):
        Trajectory.open(store)


def test_a_store_of_a_newer_version_is_refused_with_both_versions(store):
    change_head(store, lambda a: a.update(vitrify_store=99))
    with pytest.raises(StoreVersionError, match="has store version 99; this vitrify reads version 1"):
        Trajectory.open(store)
