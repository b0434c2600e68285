"""Long tables as pandas and pyarrow read them."""

import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import xarray as xr
from pyarrow import csv

from vitrify.errors import ParameterError
from vitrify.particles.tables import load_table, save_table
from vitrify.writers import base

from .conftest import FRAMES, PER_UNIT, N, same_bits


def read(path):
    if path.suffix == ".csv":
        return csv.read_csv(path).to_pandas()
    return pq.read_table(path).to_pandas()


@pytest.mark.parametrize("ending", ["parquet", "csv"])
@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize("shape", ["triclinic", "oblique"])
def test_every_particle_of_every_frame_is_one_row(make, written, shape, complete, ending):
    made = make(shape, complete=complete)
    axes = list("xyz"[: made.boxes[0].dimension])
    rows = read(written(made, f"a.{ending}"))
    assert list(rows) == [
        "frame",
        "time",
        "particle",
        "species",
        *axes,
        "softness",
        "p_hop",
        "colour",
        "event",
    ]
    there = np.isfinite(made.positions).all(axis=2)
    frame, particle = np.nonzero(there)
    assert rows["frame"].tolist() == frame.tolist()
    assert rows["particle"].tolist() == particle.tolist()
    assert same_bits(rows["time"], made.times[frame])
    assert rows["species"].tolist() == [("A", "B")[s] for s in made.store.species[particle]]
    assert same_bits(rows[axes].to_numpy(), made.positions[there])
    assert same_bits(rows["softness"], made.softness[there])
    assert same_bits(rows["p_hop"], made.p_hop[there])
    assert rows["event"].tolist() == made.event[there].tolist()
    assert rows["colour"].tolist() == made.store.read("colour")[there].tolist()


@pytest.mark.parametrize("complete", [True, False])
def test_wrapped_positions_come_with_their_images(make, written, complete):
    made = make("turned", complete=complete)
    rows = read(written(made, "a.parquet", wrapped=True))
    for k, here in rows.groupby("frame"):
        box, there = made.boxes[k], made.positions[k][made.rows(k)]
        assert same_bits(here[["x", "y", "z"]].to_numpy(), box.wrap(there))
        assert np.allclose(box.unwrap(here[["x", "y", "z"]], here[["ix", "iy", "iz"]]), there, atol=1e-12)


def test_parquet_says_units_and_where_its_numbers_come_from(make, written):
    schema = pq.read_schema(written(make(), "a.parquet", start=2, stop=9, every=3))
    assert schema.field("x").metadata == {b"units": b"sigma_AA", b"definition": b"thermal position"}
    assert b"largest p_hop exceeds 0.7" in schema.field("event").metadata[b"definition"]
    account = json.loads(schema.metadata[b"vitrify"])
    assert (account["frames"], account["store"]) == ([2, 9, 3], "run.zarr")
    assert account["provenance"] == {"source": "test"}


def test_one_row_group_for_each_block(make, written, monkeypatch):
    made = make()
    whole = read(written(made, "a.parquet"))
    monkeypatch.setattr(base, "_BLOCK_BYTES", 2 * N * (3 * 8 + 8 + 8 + 4 + 2))
    path = written(made, "b.parquet")
    assert pq.ParquetFile(path).num_row_groups == -(-FRAMES // 2)
    pd.testing.assert_frame_equal(read(path), whole)


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_the_table_of_events(make, written, ending):
    made = make()
    events = load_table(made.store.path.with_name("run.events.npz"))
    rows = read(written(made, f"events.{ending}", table="events"))
    assert set(rows) == set(events.data_vars)
    assert list(rows)[:5] == ["particle", "start_frame", "first_frame", "peak_frame", "last_frame"]
    for name, values in events.data_vars.items():
        assert rows[name].dtype == values.dtype or (
            ending == "csv" and name == "duration"
        )  # 3.0 is written 3
        assert np.array_equal(rows[name], values)


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_a_table_of_features_has_one_column_for_each(tmp_path, written, monkeypatch, ending):
    from vitrify.writers import table as module

    monkeypatch.setattr(module, "_VALUES_AT_ONCE", 12)
    features = np.random.default_rng(0).normal(size=(9, 3))
    features[4, 1] = np.nan
    held = xr.Dataset(
        {
            "features": (("row", "feature"), features),
            "frame": ("row", np.arange(9)),
            "particle": ("row", np.arange(9) % 4),
        },
        {"feature": np.array(["g(1.0)", "g(1.5), B", "h"])},
    )
    save_table(tmp_path / "features.npz", held, {"every": 3})
    rows = read(written(tmp_path / "features.npz", f"features.{ending}"))
    assert list(rows) == ["frame", "particle", "g(1.0)", "g(1.5), B", "h"]
    assert same_bits(rows[["g(1.0)", "g(1.5), B", "h"]].to_numpy(), features)
    assert rows["particle"].tolist() == (np.arange(9) % 4).tolist()


def test_an_empty_table_has_its_columns(tmp_path, written):
    empty = xr.Dataset({"particle": ("event", np.empty(0, np.int64)), "duration": ("event", np.empty(0))})
    save_table(tmp_path / "none.npz", empty, {})
    assert list(read(written(tmp_path / "none.npz", "none.csv"))) == ["particle", "duration"]
    assert len(read(written(tmp_path / "none.npz", "none.parquet"))) == 0


def test_what_is_no_table_is_refused(tmp_path, written):
    save_table(tmp_path / "a.npz", xr.Dataset({"x": ("a", [1.0]), "y": ("b", [1.0, 2.0])}), {})
    with pytest.raises(ParameterError, match=r"not the columns of one: x \('a',\), y \('b',\)"):
        written(tmp_path / "a.npz", "a.csv")


def test_frames_are_read_across_units(make, written):
    made = make()
    rows = read(written(made, "a.csv", start=PER_UNIT - 1, stop=PER_UNIT + 6, every=2))
    assert rows["frame"].unique().tolist() == [3, 5, 7, 9]
    assert same_bits(rows[["x", "y", "z"]].to_numpy(), made.positions[3:10:2].reshape(-1, 3))
