"""What is written into a store comes back, whatever its size and however it is cut into units."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vitrify.errors import StoreError
from vitrify.particles.layout import ArraySpec, Layout, thermal_arrays
from vitrify.particles.tables import load_table, save_table
from vitrify.particles.trajectory import Trajectory
from vitrify.testing.strategies import random_box
from vitrify.units import LJ

few = settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
seeds = st.integers(0, 2**32 - 1)


def any_bits(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Return values with every bit pattern: subnormal, infinite, −0 … but for floats only one NaN."""
    raw = rng.integers(0, 256, (*shape, np.dtype(dtype).itemsize), dtype=np.uint8)
    raw[rng.random(shape) < 0.2] = 0
    values = raw.view(dtype)[..., 0]
    return (
        np.where(np.isnan(values), values.dtype.type(np.nan), values) if values.dtype.kind == "f" else values
    )


@few
@given(
    seeds, st.integers(1, 12), st.integers(1, 5), st.integers(1, 6), st.sampled_from([2, 3]), st.booleans()
)
def test_any_trajectory_comes_back_bit_for_bit(tmp_path_factory, seed, n_frames, per_unit, n, d, tilted):
    rng = np.random.default_rng(seed)
    path = tmp_path_factory.mktemp("store") / "r.zarr"
    species = rng.integers(0, 3, n)
    layout = Layout(n_frames, species, ("A", "B", "C"), d, (True,) * d, frames_per_unit=per_unit)
    boxes = [random_box(rng, d, tilted=tilted) for _ in range(n_frames)]
    written = {
        "position": any_bits(rng, (n_frames, n, d), "f8"),
        "time": rng.normal(size=n_frames).cumsum(),
        "box_vectors": np.stack([b.vectors for b in boxes]),
        "box_origin": np.stack([b.origin for b in boxes]),
    }
    store = Trajectory.create(path, layout)
    store.add_stage("thermal", thermal_arrays(LJ, dimension=d))
    for unit in rng.permutation(len(store.units())):
        a, b = store.units()[unit]
        store.write("thermal", int(unit), {name: values[a:b] for name, values in written.items()})
    again = Trajectory.open(path)
    again.verify("thermal")
    for name, values in written.items():
        assert again.read(name).tobytes() == values.tobytes()
    assert [again.box(k) for k in range(n_frames)] == boxes
    assert np.array_equal(again.species, species)


@few
@given(
    seeds,
    st.integers(1, 15),
    st.integers(1, 6),
    st.sampled_from(["f8", "f4", "i8", "i4", "i1"]),
    st.booleans(),
)
def test_any_range_of_frames_is_that_of_the_array_or_refused(
    tmp_path_factory, seed, n_frames, per_unit, dtype, sparse
):
    rng = np.random.default_rng(seed)
    store = Trajectory.create(
        tmp_path_factory.mktemp("store") / "r.zarr",
        Layout(n_frames, [0, 0, 1], ("A", "B"), frames_per_unit=per_unit),
    )
    store.add_stage("x", {"v": ArraySpec(("particle",), dtype=dtype, sparse=sparse)})
    values = any_bits(rng, (n_frames, 3), dtype)
    done = np.zeros(n_frames, bool)
    for unit, (a, b) in enumerate(store.units()):
        if rng.random() < 0.7:
            store.write("x", unit, {"v": values[a:b]})
            done[a:b] = True
    for _ in range(5):
        start, stop = np.sort(rng.integers(0, n_frames + 1, 2)).tolist()
        if done[start:stop].all() and start < stop:
            assert store.read("v", start, stop).tobytes() == values[start:stop].tobytes()
        elif start < stop:
            with pytest.raises(StoreError, match="not written yet"):
                store.read("v", start, stop)
    assert store.done_frames("x") == (n_frames if done.all() else int(np.argmin(done)))
    store.verify("x")


@few
@given(seeds, st.lists(st.sampled_from(["f8", "f4", "i8", "u1", "?", "U7"]), min_size=1, max_size=4))
def test_any_table_comes_back(tmp_path_factory, seed, dtypes):
    import xarray as xr

    rng = np.random.default_rng(seed)
    path = tmp_path_factory.mktemp("table") / "t.npz"
    variables = {}
    for k, dtype in enumerate(dtypes):
        shape = tuple(rng.integers(0, 4, rng.integers(0, 3)))
        text = rng.choice(["", "A", "σ", "softness"], shape)
        values = np.asarray(text if dtype == "U7" else rng.integers(0, 2, shape), dtype)
        variables[f"v{k}"] = (tuple(f"d{k}{j}" for j in range(values.ndim)), values, {"units": "τ"})
    table = xr.Dataset(variables, attrs={"seed": seed})
    save_table(path, table, {"seed": seed})
    assert load_table(path, {"seed": seed}).identical(table)
    assert load_table(path, {"seed": seed + 1}) is None
