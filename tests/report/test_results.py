import json
import math
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
import xarray as xr

from vitrify.errors import ParameterError, StoreError, StoreVersionError
from vitrify.report.results import SoftnessResults, TableRow

ROW = TableRow("T0", "0.80", 0.1 + 0.2, math.nextafter(0.1, 1), math.inf, 12, "Schoenholz 2016, Fig. 2d")


def same_rows(one, other):
    return repr(one.table) == repr(other.table)


def test_results_come_back_bit_for_bit(results, tmp_path):
    again = SoftnessResults.load(results.save(tmp_path / "r"))
    assert same_rows(again, results)
    assert again.run == results.run
    assert again.citations == results.citations
    assert again.warnings == results.warnings
    assert again.datasets.keys() == results.datasets.keys()
    for name, dataset in results.datasets.items():
        loaded = again.datasets[name]
        xr.testing.assert_identical(loaded, dataset)
        for variable in dataset.variables:
            kind = dataset[variable].dtype.kind
            assert kind == loaded[variable].dtype.kind
            if kind == "f":
                assert dataset[variable].values.tobytes() == loaded[variable].values.tobytes()


def test_awkward_floats_round_trip(tmp_path):
    odd = [5e-324, 1 / 3, -0.0, math.inf, -math.inf, math.nan, 1.7976931348623157e308]
    dataset = xr.Dataset({"x": ("i", odd)}, attrs={"T0": math.nan, "T0_high": math.inf, "box": [[1.0, 0.1]]})
    results = SoftnessResults((ROW,), {"a": np.float64(0.1), "b": [math.nan]}, [], [], {"d": dataset})
    again = SoftnessResults.load(results.save(tmp_path))
    assert again.table[0] == ROW
    assert again.datasets["d"]["x"].values.tobytes() == np.array(odd).tobytes()
    assert math.isnan(again.datasets["d"].attrs["T0"])
    assert again.datasets["d"].attrs["T0_high"] == math.inf
    assert again.run["a"] == 0.1
    assert math.isnan(again.run["b"][0])


def test_saved_files_are_strict_json_and_arrays_without_pickle(results, tmp_path):
    results.save(tmp_path)

    def refuse(constant):
        raise AssertionError(constant)

    json.loads((tmp_path / "results.json").read_text(), parse_constant=refuse)
    for path in (tmp_path / "datasets").iterdir():
        with np.load(path, allow_pickle=False) as arrays:
            assert all(arrays[name].dtype.kind != "O" for name in arrays.files)


def test_saving_twice_gives_the_same_bytes(results, tmp_path):
    first, second = results.save(tmp_path / "a"), results.save(tmp_path / "b")
    files = sorted(p.relative_to(first) for p in first.rglob("*") if p.is_file())
    assert files == sorted(p.relative_to(second) for p in second.rglob("*") if p.is_file())
    for name in files:
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_saving_again_removes_arrays_that_nothing_names(results, tmp_path):
    results.save(tmp_path)
    replace(results, datasets={"rdf": results.datasets["rdf"]}).save(tmp_path)
    assert [p.name.split("-")[0] for p in (tmp_path / "datasets").iterdir()] == ["rdf"]
    assert not list(tmp_path.rglob("*.part"))


def test_a_killed_save_leaves_the_old_results(results, tmp_path, monkeypatch):
    results.save(tmp_path)
    from vitrify.report import results as module

    written = module.write_whole

    def stop_at_json(path, content):
        if path.name == "results.json":
            raise KeyboardInterrupt
        return written(path, content)

    monkeypatch.setattr(module, "write_whole", stop_at_json)
    changed = replace(results, datasets={"rdf": results.datasets["rdf"] * 2})
    with pytest.raises(KeyboardInterrupt):
        changed.save(tmp_path)
    xr.testing.assert_identical(SoftnessResults.load(tmp_path).datasets["rdf"], results.datasets["rdf"])


def test_results_refuse_changes(results):
    with pytest.raises(FrozenInstanceError, match="run"):
        results.run = {}


def test_an_error_is_a_distance():
    with pytest.raises(ParameterError, match=r"`error_low` of 'T0' is -0.1; it is a distance"):
        TableRow("T0", None, 0.8, -0.1, 0.1, None, "")


def test_objects_are_not_saved(tmp_path):
    dataset = xr.Dataset({"x": ("i", np.array([object()], dtype=object))})
    with pytest.raises(ParameterError, match="'x' holds Python objects"):
        SoftnessResults((), {}, [], [], {"d": dataset}).save(tmp_path)


def test_missing_damaged_and_foreign_files_are_named(results, tmp_path):
    with pytest.raises(StoreError, match=r"holds no results: there is no results\.json"):
        SoftnessResults.load(tmp_path)
    results.save(tmp_path)
    file = tmp_path / "results.json"
    whole = file.read_text()
    file.write_text(whole[: len(whole) // 2])
    with pytest.raises(StoreError, match="is damaged"):
        SoftnessResults.load(tmp_path)
    file.write_text('{"format": "other"}')
    with pytest.raises(StoreError, match="not a file of softness results"):
        SoftnessResults.load(tmp_path)
    file.write_text(whole.replace('"format_version": 1', '"format_version": 99'))
    with pytest.raises(StoreVersionError, match="format version 99; this vitrify reads 1"):
        SoftnessResults.load(tmp_path)
    file.write_text(whole)
    array = next((tmp_path / "datasets").glob("rdf-*.npz"))
    array.write_bytes(array.read_bytes()[:100])
    with pytest.raises(StoreError, match=r"rdf-.*missing or damaged"):
        SoftnessResults.load(tmp_path)
