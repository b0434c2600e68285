"""netCDF as xarray reads it."""

import json

import numpy as np
import pytest
import xarray as xr

from vitrify.writers import base

from .conftest import FRAMES, N, same_bits


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize("shape", ["turned", "oblique"])
def test_xarray_reads_back_every_bit(make, written, shape, complete):
    made = make(shape, complete=complete)
    d = made.boxes[0].dimension
    with xr.open_dataset(written(made, "a.nc")) as held:
        assert dict(held.sizes) == {"frame": FRAMES, "particle": N, "xyz": d, "cell": d}
        assert held["position"].dims == ("frame", "particle", "xyz")
        assert held["position"].attrs == {
            "units": "sigma_AA",
            "long_name": "thermal position",
            "definition": "thermal, unwrapped",
        }
        assert same_bits(held["position"], made.positions)
        assert same_bits(held["time"], made.times)
        assert same_bits(held["box_vectors"], np.stack([b.vectors for b in made.boxes]))
        assert same_bits(held["box_origin"], np.stack([b.origin for b in made.boxes]))
        assert same_bits(held["softness"], made.softness)
        assert same_bits(held["p_hop"], made.p_hop)
        assert same_bits(held["temperature"], made.store.read("temperature"))
        assert held["event"].dtype == np.int8
        assert held["event"].values.tolist() == made.event.tolist()
        assert held["colour"].dtype == np.int32
        assert held["colour"].values.tolist() == made.store.read("colour").tolist()
        assert held["species"].values.tolist() == made.store.species.tolist()
        assert held["species"].attrs["flag_meanings"] == "A B"
        assert held.attrs["periodic"].tolist() == [1] * d
        assert json.loads(held.attrs["vitrify"])["positions"] == "thermal"


def test_inherent_positions_have_the_name_of_the_store(make, written):
    made = make(kind="inherent")
    with xr.open_dataset(written(made, "a.nc")) as held:
        assert same_bits(held["inherent_position"], made.positions)
        assert "position" not in held
        assert held["inherent_converged"].values.tolist() == [1] * FRAMES


def test_frames_keep_their_number_in_the_store(make, written, monkeypatch):
    made = make()
    monkeypatch.setattr(base, "_BLOCK_BYTES", 3 * N * 50)
    with xr.open_dataset(written(made, "a.nc", start=1, every=2)) as held:
        assert held["frame"].values.tolist() == [1, 3, 5, 7, 9]
        assert same_bits(held.sel(frame=[3, 9])["position"], made.positions[[3, 9]])


@pytest.mark.parametrize("complete", [True, False])
def test_wrapped_positions_come_with_their_images(make, written, complete):
    made = make("turned", complete=complete)
    with xr.open_dataset(written(made, "a.nc", wrapped=True)) as held:
        for k, box in enumerate(made.boxes):
            there = made.rows(k)
            inside, images = held["position"].values[k], held["image"].values[k]
            assert same_bits(inside[there], box.wrap(made.positions[k][there]))
            assert np.isnan(inside).all(axis=1).sum() == N - len(there)
            assert np.allclose(box.unwrap(inside, images)[there], made.positions[k][there], atol=1e-12)
