import shutil
from pathlib import Path

import numpy as np
import pytest

from vitrify.errors import FileFormatError, ParameterError, StoreError
from vitrify.readers.propensity import read_propensity

DATA = Path(__file__).parents[3] / "shared/data"


def end_points(path: Path, seed: int = 0, **changed) -> dict[str, np.ndarray]:
    """Write a file in the layout of the public end points."""
    rng = np.random.default_rng(seed)
    start = rng.random((12, 3)) * 2
    keys = {
        "types": np.array([5] * 8 + [9] * 4, np.int8),
        "initial_positions": start,
        "positions": start + rng.normal(size=(3, 12, 3)),
        **changed,
    }
    np.savez(path, **{k: v for k, v in keys.items() if v is not None})
    return keys


def table(path: Path, **changed) -> dict[str, np.ndarray]:
    """Write a file in the layout of the public table of propensities; its last time is not its longest."""
    rng = np.random.default_rng(1)
    keys = {
        "positions": rng.random((10, 3)) * 3,
        "types": np.repeat(np.array([0, 1], np.int32), [8, 2]),
        "box": np.array([3.0, 3.0, 4.0]),
        "time": np.array([0.0, 0.1, 1.0, 5.0, 10.0]),
        "time_indices": np.array([1, 4, 2]),
        "is_values": np.array([0.9, 0.1, 0.5]),
        "propensity": rng.random((3, 10)),
        **changed,
    }
    np.savez(path, **{k: v for k, v in keys.items() if v is not None})
    return keys


def test_end_points_become_the_mean_of_plain_distances(tmp_path):
    keys = end_points(tmp_path / "isoconfig_N12T0.44_3_tc07.npz")
    (found,) = read_propensity(tmp_path / "isoconfig_N12T0.44_3_tc07.npz")
    lengths = np.linalg.norm(keys["positions"] - keys["initial_positions"], axis=2)
    np.testing.assert_array_equal(found.displacements[0], lengths)
    np.testing.assert_allclose(found.at(4120.0), lengths.mean(axis=0))
    assert (found.n_runs, found.temperature) == (3, 0.44)
    assert found.frame.species_names == ("A", "B")
    assert found.frame.species.tolist() == [0] * 8 + [1] * 4
    np.testing.assert_allclose(found.frame.box.lengths, [10 ** (1 / 3)] * 3)
    assert lengths.max() > 10 ** (1 / 3) / 2  # no image is chosen


def test_folder_is_read_in_the_order_of_numbers(tmp_path):
    for k in (10, 9, 1):
        end_points(tmp_path / f"isoconfig_N12T0.44_{k}_tc07.npz", k)
    found = read_propensity(tmp_path)
    assert [Path(s.source).stem.split("_")[2] for s in found] == ["1", "9", "10"]


def test_what_the_file_says_goes_before_what_it_leaves_out(tmp_path):
    end_points(tmp_path / "mine.npz", box=np.array([2.0, 3.0, 4.0]))
    (found,) = read_propensity(tmp_path / "mine.npz", time=7.0, temperature=0.5)
    assert found.frame.box.lengths.tolist() == [2.0, 3.0, 4.0]
    assert (found.times.tolist(), found.temperature) == ([7.0], 0.5)
    end_points(tmp_path / "mine.npz", box=np.array(2.5))
    assert read_propensity(tmp_path / "mine.npz", time=7.0)[0].frame.box.lengths.tolist() == [2.5] * 3
    end_points(tmp_path / "mine.npz")
    assert read_propensity(tmp_path / "mine.npz", time=7.0, density=1.5)[
        0
    ].frame.number_density == pytest.approx(1.5)


def test_table_is_read_in_the_order_of_times(tmp_path):
    keys = table(tmp_path / "ka_N10_T0.44_P2.93.npz")
    (found,) = read_propensity(tmp_path / "ka_N10_T0.44_P2.93.npz")
    assert found.times.tolist() == [0.1, 1.0, 10.0]
    assert found.scattering.tolist() == [0.9, 0.5, 0.1]
    np.testing.assert_array_equal(found.propensity, keys["propensity"][[0, 2, 1]])
    np.testing.assert_array_equal(found.frame.positions, keys["positions"])
    assert (found.n_runs, found.displacements, found.standard_error, found.temperature) == (
        30,
        None,
        None,
        0.44,
    )
    assert found.frame.box.lengths.tolist() == [3.0, 3.0, 4.0]


def test_table_may_say_its_runs_and_have_a_tilted_box_and_no_scattering(tmp_path):
    box = np.array([[3.0, 0, 0], [1.0, 3, 0], [0, 0, 3]])
    table(tmp_path / "t.npz", n_runs=np.array(12), box=box, is_values=None)
    (found,) = read_propensity(tmp_path / "t.npz", n_runs=7)
    assert (found.n_runs, found.scattering, found.temperature) == (12, None, None)
    assert found.frame.box.vectors.tolist() == box.tolist()


def test_time_is_not_guessed(tmp_path):
    end_points(tmp_path / "isoconfig_N12T0.44_3_tc05.npz")
    with pytest.raises(
        ParameterError, match=r"Give `time`; known by the last word of the file name are tc07 \(4120\)"
    ):
        read_propensity(tmp_path)


@pytest.mark.parametrize(
    ("write", "changed", "words"),
    [
        (end_points, {"types": np.zeros(11, int)}, r"`types` of .*x.npz must be \(12,\), integers; its shape is \(11,\)"),
        (end_points, {"types": np.zeros(12)}, r"`types` of .*x.npz must be \(12,\), integers"),
        (end_points, {"positions": np.zeros((3, 11, 3))}, r"`positions` of .* must be \(any, 12, 3\); its shape is \(3, 11, 3\)"),
        (end_points, {"positions": np.zeros((0, 12, 3))}, r"`positions` of .* must be \(any, 12, 3\)"),
        (end_points, {"positions": np.full((3, 12, 3), np.nan)}, "`positions` of .* not finite"),
        (end_points, {"initial_positions": np.zeros(12)}, r"`initial_positions` of .* must be \(N, 2\) or \(N, 3\)"),
        (end_points, {"box": np.ones(2)}, r"`box` of .* must be \(3,\) or \(3, 3\)"),
        (end_points, {"positions": None}, "has initial_positions, types. A propensity needs the keys types, initial_positions"),
        (table, {"time_indices": np.array([1, 5, 2])}, "`time_indices` of .* go from 1 to 5; `time` has 5 entries"),
        (table, {"time_indices": np.array([0.5])}, r"`time_indices` of .* must be \(T,\), integers"),
        (table, {"propensity": np.zeros((2, 10))}, r"`propensity` of .* must be \(3, 10\); its shape is \(2, 10\)"),
        (table, {"positions": np.zeros((10, 4))}, r"`positions` of .* must be \(N, 2\) or \(N, 3\)"),
        (table, {"is_values": np.array(["a"] * 3)}, r"`is_values` of .* must be \(3\)"),
    ],
)  # fmt: skip
def test_key_that_does_not_fit_is_named(tmp_path, write, changed, words):
    write(tmp_path / "x.npz", **changed)
    with pytest.raises(FileFormatError, match=words):
        read_propensity(tmp_path / "x.npz", time=1.0)


def test_density_must_be_positive(tmp_path):
    end_points(tmp_path / "x.npz")
    with pytest.raises(ParameterError, match="`density` must be positive; it is 0"):
        read_propensity(tmp_path / "x.npz", time=1.0, density=0.0)


def test_path_without_propensity_says_so(tmp_path):
    with pytest.raises(FileFormatError, match="There is no file or folder"):
        read_propensity(tmp_path / "none")
    with pytest.raises(
        FileFormatError, match=r"holds no runs of vitrify \(settings.json\) and no .npz files"
    ):
        read_propensity(tmp_path)
    (tmp_path / "a.npz").write_bytes(b"no zip")
    with pytest.raises(FileFormatError, match=r"a.npz cannot be read as .npz"):
        read_propensity(tmp_path)
    np.savez(tmp_path / "a.npz", x=np.array([{}]))
    with pytest.raises(FileFormatError, match="without pickled objects"):
        read_propensity(tmp_path)
    shutil.rmtree(tmp_path)


def test_own_runs_are_read(tmp_path):
    from vitrify.files import write_json
    from vitrify.particles import Box, Frame
    from vitrify.particles.ensemble import LAYOUT, leg_file, start_file, write_leg, write_start

    start = Frame([[0.0, 0.0], [1.0, 1.0]], [0, 1], Box.orthorhombic([3.0, 3.0]), ("small", "large"))
    settings = {"layout": LAYOUT, "n_configurations": 1, "n_runs": 2, "legs": [[1], [9]], "units": "lj"}
    write_json(tmp_path / "settings.json", settings | {"run": {"temperature": 0.3}})
    write_start(start_file(tmp_path, 0), start)
    with pytest.raises(StoreError, match="lacks 2 of 2 runs in leg 0"):
        read_propensity(tmp_path, complete=False)
    for run, far in enumerate((1.0, 3.0)):
        write_leg(leg_file(tmp_path, 0, run, 0), np.array([0.5]), np.full((1, 2, 2), far))
    with pytest.raises(StoreError, match="lacks 2 of 2 runs in leg 1"):
        read_propensity(tmp_path)
    (found,) = read_propensity(tmp_path, complete=False)
    assert found.propensity == pytest.approx(np.full((1, 2), 2 * 2**0.5), rel=1e-6)
    assert (found.times.tolist(), found.temperature) == ([0.5], 0.3)
    assert found.frame.species_names == ("small", "large")


@pytest.mark.skipif(not DATA.is_dir(), reason=f"the public sets are not at {DATA}")
def test_public_sets_are_what_their_papers_say():
    found = read_propensity(DATA / "kob-andersen-isoconfigurational" / "isoconfig_N4096T0.44_10_tc07.npz")
    found += read_propensity(DATA / "kob-andersen-propensity-times")
    for sample in found:
        assert (sample.n_particles, sample.temperature) == (4096, 0.44)
        assert len(sample.frame.of_species("A")) == 3277
        assert sample.frame.number_density == pytest.approx(1.2, rel=0.005)
        assert sample.of_species("B").mean() > sample.of_species("A").mean()
    runs, means = found
    assert (runs.times.tolist(), runs.n_runs) == ([4120.0], 32)
    assert (means.n_times, means.n_runs) == (10, 30)
    assert (np.diff(means.scattering) < 0).all()
    assert (np.diff(means.propensity.mean(axis=1)) > 0).all()
    assert means.scattering == pytest.approx([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, np.exp(-1), 0.3, 0.2, 0.1])
