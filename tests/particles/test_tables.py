import numpy as np
import pytest
import xarray as xr

from vitrify.errors import StoreError
from vitrify.particles.tables import load_table, save_table


@pytest.fixture
def table() -> xr.Dataset:
    """One of everything that a result may hold."""
    return xr.Dataset(
        {
            "softness": (("bin", "temperature"), np.array([[1.5, -0.0], [np.nan, np.inf]]), {"units": "1"}),
            "fitted": ("bin", np.array([True, False])),
            "count": ("bin", np.array([2**62, -1])),
            "onset_temperature": ((), 0.87, {"symbol": "T_0", "units": "epsilon_AA/k_B"}),
            "species": ("bin", np.array(["A", "Lithium σ"])),
            "small": ("bin", np.array([1, 2], np.int8)),
            "nothing": ("empty", np.zeros(0)),
        },
        coords={"temperature": [0.47, 0.5], "bin": ["soft", "hard"], "centre": ("bin", [0.5, -0.5])},
        attrs={"definition": "Σ over bins", "thresholds": [0.05, 0.2], "seed": 3},
    )


def test_a_table_comes_back_as_it_was(tmp_path, table):
    save_table(tmp_path / "deep" / "t.npz", table, {"window": 10})
    loaded = load_table(tmp_path / "deep" / "t.npz")
    xr.testing.assert_identical(loaded, table)
    for name in table.variables:
        assert loaded[name].dtype == table[name].dtype, name
        assert loaded[name].values.tobytes() == table[name].values.tobytes(), name
    assert set(loaded.coords) == set(table.coords)


def test_the_same_table_is_the_same_bytes(tmp_path, table):
    save_table(tmp_path / "a.npz", table, {"b": 1, "a": (2.0, None)})
    save_table(tmp_path / "b.npz", table.copy(deep=True), {"a": [2.0, None], "b": 1})
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_arrays_that_are_not_contiguous_come_back(tmp_path):
    values = np.arange(24.0).reshape(2, 3, 4).transpose(2, 0, 1)[::2]
    save_table(tmp_path / "t.npz", xr.Dataset({"v": (("a", "b", "c"), values)}), {})
    assert np.array_equal(load_table(tmp_path / "t.npz")["v"], values)


def test_other_parameters_mean_no_table(tmp_path, table):
    path = tmp_path / "t.npz"
    assert load_table(path) is None
    save_table(path, table, {"window": 10, "kind": "inherent"})
    assert load_table(path, {"kind": "inherent", "window": np.int64(10)}) is not None
    assert load_table(path, {"kind": "inherent", "window": 12}) is None
    assert load_table(path, {"kind": "inherent"}) is None


def test_numpy_opens_a_table(tmp_path, table):
    save_table(tmp_path / "t.npz", table, {})
    with np.load(tmp_path / "t.npz") as archive:
        assert np.array_equal(archive["count"], [2**62, -1])


def test_damage_anywhere_is_found(tmp_path):
    """Any flipped bit or cut gives an error, unless it lies where nothing of the table is kept."""
    small = xr.Dataset({"v": ("n", np.arange(3.0))}, coords={"n": ["a", "b", "c"]})
    path = tmp_path / "t.npz"
    save_table(path, small, {"a": 1})
    whole = path.read_bytes()
    cuts = [whole[:k] for k in range(0, len(whole), 9)]
    flips = [whole[:k] + bytes([whole[k] ^ 4]) + whole[k + 1 :] for k in range(0, len(whole), 3)]
    assert all(_is_refused(path, content, small) for content in cuts)
    assert sum(_is_refused(path, content, small) for content in flips) > 0.6 * len(flips)


def _is_refused(path, content: bytes, expected: xr.Dataset) -> bool:
    """Whether a table of this content is refused; if it is not, it must hold what it should."""
    path.write_bytes(content)
    try:
        loaded = load_table(path, {"a": 1})
    except StoreError:
        return True
    assert loaded.identical(expected)
    return False


def test_what_is_no_table_is_refused(tmp_path):
    (tmp_path / "t.npz").write_text("temperature,softness\n")
    with pytest.raises(StoreError, match=r"t\.npz is not a table.*Delete it and repeat"):
        load_table(tmp_path / "t.npz")
    np.savez(tmp_path / "n.npz", a=np.zeros(3))
    with pytest.raises(StoreError, match=r"n\.npz is not a table"):
        load_table(tmp_path / "n.npz")


def test_an_interrupted_write_leaves_the_old_table(tmp_path, table, monkeypatch):
    path = tmp_path / "t.npz"
    save_table(path, table, {"run": 1})

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_table(path, table.isel(bin=[0]), {"run": 2})
    xr.testing.assert_identical(load_table(path, {"run": 1}), table)
    assert [p.name for p in tmp_path.iterdir()] == ["t.npz"]


def test_a_large_array_is_mapped_aligned_and_its_damage_found(tmp_path, table, monkeypatch):
    monkeypatch.setattr("vitrify.particles.tables._IN_MEMORY", 100)
    rows = np.random.default_rng(0).normal(size=(40, 3))
    large, path = table.assign(rows=(("row", "feature"), rows)), tmp_path / "t.npz"
    save_table(path, large, {"a": 1})
    loaded = load_table(path, {"a": 1})
    xr.testing.assert_identical(loaded, large)
    held = loaded["rows"].values
    assert isinstance(held.base, np.memmap)
    assert held.flags.aligned
    assert not held.flags.writeable
    with np.load(path) as archive:
        assert np.array_equal(archive["rows"], rows)
    content = path.read_bytes()
    middle = content.index(rows.tobytes()) + 400
    path.write_bytes(content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :])
    with pytest.raises(
        StoreError, match=r"t\.npz is not a table of vitrify \(Bad CRC-32 for file 'rows\.npy'\)"
    ):
        load_table(path)
