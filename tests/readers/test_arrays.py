"""Arrays as numpy and h5py write them: read by name, a frame at a time, and never a pickle."""

import os
import pickle
import re
import tracemalloc
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from vitrify.errors import FileFormatError, ParameterError
from vitrify.particles import Box
from vitrify.readers.arrays import Arrays
from vitrify.readers.base import open_files
from vitrify.readers.source import Source

CELL = np.array([[6.0, 0, 0], [1.5, 5.0, 0], [-1.0, 0.7, 7.0]])
EDGES = np.array([6.0, 5.0, 7.0])
REAL = Path(__file__).parents[3] / "shared" / "data"
SPECIES = np.repeat([0, 1], [8, 4])
needs_real_data = pytest.mark.skipif(
    not REAL.is_dir(), reason="the real data sets are not beside the project"
)


@pytest.fixture
def walk():
    """Positions in a tilted cell, (frame, particle, 3)."""
    rng = np.random.default_rng(5)
    return rng.random((12, 3)) @ CELL + rng.normal(0, 0.3, (6, 12, 3)).cumsum(axis=0)


@pytest.fixture
def save(tmp_path):
    """Return a maker of files: npz, npz with compression, or HDF5 of the same arrays."""

    def make(kind="npz", **arrays):
        path = tmp_path / ("run.h5" if kind == "h5" else "run.npz")
        if kind == "h5":
            with h5py.File(path, "w") as file:
                for name, values in arrays.items():
                    file[name] = values
        else:
            (np.savez_compressed if kind == "compressed" else np.savez)(path, **arrays)
        return path

    return make


@pytest.fixture
def h5md(tmp_path, walk):
    """Return a maker of H5MD files, laid out as its specification says."""

    def make(positions=walk, steps=None, box=CELL, boundary=("periodic",) * 3, group="all", **elements):
        path, f = tmp_path / "run.h5md", len(positions)
        steps = 10 * np.arange(f) if steps is None else np.asarray(steps)
        with h5py.File(path, "a") as file:
            file.require_group("h5md").attrs["version"] = [1, 1]
            particles = file.create_group(f"particles/{group}")
            place = particles.create_group("box")
            place.attrs["dimension"] = positions.shape[-1]
            place.attrs["boundary"] = list(boundary)
            elements = {"position": positions, "box/edges": box, **elements}
            for name, values in zip(elements, map(np.asarray, elements.values()), strict=True):
                if values.shape[:1] == (f,) and name != "species":
                    particles[f"{name}/value"] = values
                    particles[f"{name}/step"] = steps
                    particles[f"{name}/time"] = steps * 0.005
                else:
                    particles[name] = values
        return path

    return make


def options(**given):
    return {"lengths": "6 5 7", **given}


# -- what comes back -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["npz", "compressed", "h5"])
def test_every_array_comes_back_bit_for_bit(save, walk, kind):
    rng = np.random.default_rng(0)
    images, ids = rng.integers(-2, 3, walk.shape), rng.permutation(12) + 100
    path = save(
        kind, positions=walk, species=SPECIES, box=CELL, times=np.arange(6) ** 2 * 0.5, ids=ids, images=images,
        radius=np.linspace(0.4, 0.5, 12), velocity=-walk,
    )  # fmt: skip
    reader = open_files([path])
    frames = list(reader.frames())
    assert reader.n_frames == 6
    assert frames[0].positions.dtype == np.float64
    assert np.array_equal([f.positions for f in frames], walk)
    assert np.array_equal([f.images for f in frames], images)
    assert np.array_equal([f.columns["velocity"] for f in frames], -walk)
    assert [f.time for f in frames] == [0.0, 0.5, 2.0, 4.5, 8.0, 12.5]
    for frame in frames:
        assert np.array_equal(frame.ids, ids)
        assert frame.box == Box(CELL)
        assert frame.labels.tolist() == ["0"] * 8 + ["1"] * 4
        assert np.array_equal(frame.columns["radius"], np.linspace(0.4, 0.5, 12))
        assert frame.columns.keys() == {"radius", "velocity"}


def test_names_of_any_kind_are_mapped(save, walk):
    path = save(
        r_vec=walk, what=np.array(["Si", "Li"])[SPECIES], h=EDGES, clock=np.arange(6), who=np.arange(12) * 2,
        wraps=np.ones(walk.shape, np.int8),
    )  # fmt: skip
    names = {
        "positions": "r_vec",
        "species": "what",
        "box": "h",
        "times": "clock",
        "ids": "who",
        "images": "wraps",
    }
    frame = next(open_files([path], **names).frames(3))
    assert np.array_equal(frame.positions, walk[3])
    assert frame.labels.tolist() == ["Si"] * 8 + ["Li"] * 4
    assert frame.box == Box.orthorhombic(EDGES)
    assert (frame.time, frame.ids[-1], frame.images.min()) == (3.0, 22, 1)
    assert not frame.columns


def test_images_restore_a_walk_that_was_wrapped_in_a_triclinic_box(save, walk):
    boxes = [Box(CELL * (1 + 0.01 * k)) for k in range(6)]
    wrapped, images = (
        np.stack([f(b, x) for b, x in zip(boxes, walk, strict=True)]) for f in (Box.wrap, Box.images)
    )
    path = save(positions=wrapped, images=images, box=np.stack([b.vectors for b in boxes]), species=SPECIES)
    assert np.abs(images).max() > 0
    np.testing.assert_allclose([f.positions for f in Source(Arrays((path,))).ordered()], walk, atol=1e-13)


@pytest.mark.parametrize(
    "box", [6.0, EDGES, np.diag(EDGES), np.tile(EDGES, (6, 1)), np.tile(CELL, (6, 1, 1)), CELL], ids=np.shape
)
def test_a_box_has_any_of_its_shapes(save, walk, box):
    found = next(Arrays((save(positions=walk, box=box),)).frames(5)).box
    expected = {0: np.eye(3) * 6.0, 1: np.diag(EDGES), 3: CELL}.get(np.ndim(box), box)
    assert found == Box(np.diag(EDGES) if np.shape(box) == (6, 3) else expected)


def test_two_dimensions_are_two(save, walk):
    path = save(positions=walk[:, :, :2], box=CELL[:2, :2], images=np.ones((6, 12, 2), int))
    frame = next(Arrays((path,)).frames())
    assert frame.box == Box(CELL[:2, :2])
    assert frame.positions.shape == frame.images.shape == (12, 2)


def test_one_frame_needs_no_axis_of_frames(save, walk):
    path = save(
        positions=walk[0], types=SPECIES, box=EDGES, time=np.arange(50.0), propensity=np.ones((10, 12))
    )
    reader = Arrays((path,))
    (frame,) = reader.frames()
    assert np.array_equal(frame.positions, walk[0])
    assert frame.time is None
    assert "'time (50,) float64' is not the time of the one frame" in " ".join(reader.notes())


def test_an_npy_file_is_its_positions(tmp_path, walk):
    np.save(tmp_path / "run.npy", walk)
    reader = open_files([tmp_path / "run.npy"], lengths=CELL.ravel(), unwrapped=True)
    frames = list(reader.frames())
    assert np.array_equal([f.positions for f in frames], walk)
    assert frames[0].box == Box(CELL)
    assert frames[0].unwrapped
    assert "no array of species" in " ".join(reader.notes())


@pytest.mark.parametrize("kind", ["npz", "h5"])
@pytest.mark.parametrize(
    ("dtype", "digits"), [(np.float64, 16), (">f4", 7), (np.float16, 3), (np.int32, None)]
)
def test_precision_is_that_of_the_array(save, walk, dtype, digits, kind):
    reader = Arrays((save(kind, positions=walk.astype(dtype), species=SPECIES),), **options())
    assert reader.precision == digits
    assert next(reader.frames()).positions.dtype == np.float64
    assert bool(reader.notes()) == (digits in (3, 7))
    assert np.array_equal(next(reader.frames(4)).positions, walk[4].astype(dtype))


def test_words_are_species_in_hdf5_too(tmp_path, walk):
    path = tmp_path / "run.hdf5"
    with h5py.File(path, "w") as file:
        file["positions"] = walk
        file.create_dataset("species", data=["Li", "Si"] * 6, dtype=h5py.string_dtype())
        kinds = h5py.enum_dtype({"big": 4, "small": 9}, basetype="i")
        file["fixed"] = np.array([b"Li", b"Si"] * 6)
        file.create_dataset("sizes", data=np.array([4, 9] * 6), dtype=kinds)
    assert next(Arrays((path,), **options()).frames()).labels.tolist() == ["Li", "Si"] * 6
    assert next(Arrays((path,), **options(species="fixed")).frames()).labels.tolist() == ["Li", "Si"] * 6
    assert next(Arrays((path,), **options(species="sizes")).frames()).labels.tolist() == ["big", "small"] * 6


# -- H5MD ------------------------------------------------------------------------------------------------------------


def test_h5md_needs_no_words(h5md, walk):
    path = h5md(
        species=SPECIES, image=np.ones(walk.shape, int), id=np.tile(np.arange(12), (6, 1)), mass=np.ones(12)
    )
    reader = open_files([path])
    frame = list(reader.frames())[4]
    assert np.array_equal(frame.positions, walk[4])
    assert (frame.step, frame.time) == (40, 0.2)
    assert frame.box == Box(CELL)
    assert frame.images.all()
    assert frame.ids.tolist() == list(range(12))
    assert frame.labels.tolist() == ["0"] * 8 + ["1"] * 4
    assert frame.columns.keys() == {"mass"}


def test_h5md_boundaries_are_open_or_periodic(h5md):
    frame = next(Arrays((h5md(boundary=["periodic", "none", "periodic"], box=EDGES),)).frames())
    assert frame.box == Box.orthorhombic(EDGES, periodic=[True, False, True])


def test_h5md_box_may_change_and_may_be_stored_more_often(h5md, walk):
    path = h5md(box=np.arange(1, 7)[:, None] * EDGES)
    assert [f.box.lengths[0] for f in Arrays((path,)).frames()] == [6, 12, 18, 24, 30, 36]
    with h5py.File(path, "a") as file:
        edges = file["particles/all/box/edges"]
        del edges["value"], edges["step"]
        edges["step"] = 5 * np.arange(20)
        edges["value"] = np.arange(1, 21)[:, None] * EDGES
    assert [f.box.lengths[0] for f in Arrays((path,)).frames()] == [6, 18, 30, 42, 54, 66]
    with h5py.File(path, "a") as file:
        file["particles/all/box/edges/step"][:] = 7 * np.arange(20)
    with pytest.raises(FileFormatError, match="no entry for step 10 of the positions"):
        list(Arrays((path,)).frames())


def test_h5md_steps_may_be_an_increment_and_an_offset(h5md):
    path = h5md()
    with h5py.File(path, "a") as file:
        place = file["particles/all/position"]
        del place["step"], place["time"]
        place["step"], place["time"] = 50, 0.25
        place["step"].attrs["offset"], place["time"].attrs["offset"] = 1000, 5.0
    assert [(f.step, f.time) for f in Arrays((path,)).frames()][:2] == [(1000, 5.0), (1050, 5.25)]


def test_h5md_places_without_a_particle_are_left_out(h5md, walk):
    ids = np.tile(np.arange(12), (6, 1))
    ids[2, [0, 5]] = -1
    holes = walk.copy()
    holes[2, [0, 5]] = np.nan
    source = Source(Arrays((h5md(holes, id=ids, species=SPECIES),)), absent=True)
    assert source[2].particles.tolist() == [1, 2, 3, 4, 6, 7, 8, 9, 10, 11]
    assert np.array_equal(source[2].positions, walk[2][source[2].particles])


def test_one_of_several_h5md_groups_is_chosen(h5md, walk):
    h5md(group="small")
    path = h5md(walk[:, :5], group="large")
    with pytest.raises(
        ParameterError, match=r"several groups of particles: large, small\. Choose one with `group`"
    ):
        _ = Arrays((path,)).n_frames
    assert next(Arrays((path,), group="large").frames()).n_particles == 5
    with pytest.raises(
        ParameterError, match=r"no group 'particles/huge' with positions. It has: large, small"
    ):
        _ = Arrays((path,), group="huge").n_frames


# -- streaming -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "free"), [("npz", True), ("compressed", False), ("h5", True)])
def test_reading_begins_anywhere_and_goes_on_in_the_next_file(save, walk, kind, free, tmp_path):
    other = save(kind, positions=walk).rename(tmp_path / f"first.{'h5' if kind == 'h5' else 'npz'}")
    reader = Arrays((other, save(kind, positions=-walk)), **options())
    assert reader.random_access == free
    assert np.array_equal([f.positions for f in reader.frames(4, 8)], [*walk[4:], *-walk[:2]])
    assert [f.label for f in reader.frames(5, 7)] == [
        f"{other.name}, frame 5",
        f"{reader.files[1].name}, frame 0",
    ]


@pytest.mark.parametrize("kind", ["npz", "compressed", "h5"])
def test_memory_is_that_of_a_frame(save, kind):
    positions = np.random.default_rng(0).random((200, 1000, 3))
    path = save(kind, positions=positions)
    reader = Arrays((path,), **options())
    next(reader.frames())
    tracemalloc.start()
    try:
        assert all(np.array_equal(f.positions, x) for f, x in zip(reader.frames(), positions, strict=True))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < positions.nbytes / 10


def test_arrays_in_fortran_order_are_the_same_arrays(save, walk):
    path = save(positions=np.asfortranarray(walk), box=np.asfortranarray(CELL))
    frames = list(Arrays((path,)).frames())
    assert np.array_equal([f.positions for f in frames], walk)
    assert frames[0].box == Box(CELL)
    compressed = save("compressed", positions=np.asfortranarray(walk), box=EDGES)
    with pytest.raises(FileFormatError, match="compressed and in Fortran order"):
        list(Arrays((compressed,)).frames())


def test_a_reader_travels_to_another_process(save, walk):
    reader = Arrays((save(positions=walk),), **options())
    assert reader.n_frames == 6
    assert np.array_equal(next(pickle.loads(pickle.dumps(reader)).frames(5)).positions, walk[5])
    assert reader.to_dict()["lengths"] == (6.0, 5.0, 7.0)


# -- a wrong column map ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["npz", "h5"])
def test_a_name_that_is_not_there_is_answered_with_those_that_are(save, walk, kind):
    path = save(kind, positions=walk, kinds=SPECIES)
    with pytest.raises(
        ParameterError, match=r"no array 'types' for `species`. It has: .*kinds \(12,\) int64"
    ):
        _ = Arrays((path,), **options(species="types")).n_frames
    with pytest.raises(
        ParameterError, match=r"no array of positions is known by its name.*where \(6, 12, 3\) float64"
    ):
        _ = Arrays((save(kind, where=walk) if kind == "npz" else _renamed(path),), **options()).n_frames


def _renamed(path):
    with h5py.File(path, "a") as file:
        file.move("positions", "where")
    return path


@pytest.mark.parametrize(
    ("change", "given", "message"),
    [
        (
            {"positions": "swap"},
            {},
            r"`positions` needs \(F, N, d\) or \(N, d\) with d = 2 or 3 as the last axis",
        ),
        ({"positions": "frames"}, {}, r"`species` needs shape \(6,\) or \(12, 6\).*axes are swapped"),
        (
            {"species": SPECIES[:5]},
            {},
            r"`species` needs shape \(12,\) or \(6, 12\); it is species \(5,\) int64",
        ),
        ({}, {"positions": "species"}, r"`positions` needs .*it is species \(12,\) int64"),
        ({}, {"species": "positions"}, r"`species` needs shape \(12,\)"),
        ({"times": np.arange(5)}, {}, r"`times` needs shape \(6,\)"),
        ({"ids": np.arange(12.0)}, {}, r"`ids` needs integers; it is ids \(12,\) float64"),
        ({"images": np.zeros((12, 3), int)}, {}, r"`images` needs the shape of the positions, \(6, 12, 3\)"),
        ({"images": np.zeros((6, 12, 3))}, {}, r"`images` needs integers"),
        (
            {"box": np.ones(4)},
            {},
            r"`box` needs shape \(3,\), \(3, 3\), \(6, 3\) or \(6, 3, 3\); it is box \(4,\)",
        ),
    ],
)
def test_shapes_that_do_not_fit_are_refused_with_all_shapes(save, walk, change, given, message):
    arrays = {"positions": walk, "species": SPECIES, "box": EDGES, **change}
    if isinstance(arrays["positions"], str):
        arrays["positions"] = walk.transpose((0, 2, 1) if arrays["positions"] == "swap" else (1, 0, 2))
    with pytest.raises(FileFormatError, match=message + r".*; the file has .*box \(\d"):
        list(Arrays((save(**arrays),), **given).frames())


def test_the_box_of_as_many_frames_as_axes_is_not_guessed(save, walk):
    path = save(positions=walk[:3], box=np.ones((3, 3)) + np.eye(3))
    with pytest.raises(FileFormatError, match="edges of 3 frames and 3 vectors look the same"):
        list(Arrays((path,)).frames())
    assert next(Arrays((save(positions=walk[:3], box=CELL),)).frames()).box == Box(CELL)


def test_a_box_comes_from_the_file_or_the_user_and_not_from_both_or_neither(save, walk):
    with pytest.raises(
        ParameterError, match=r"has no box. Give its edges with `lengths`.*positions \(6, 12, 3\)"
    ):
        list(Arrays((save(positions=walk),)).frames())
    with pytest.raises(ParameterError, match=r"has a box, 'box' \(3,\). Leave `lengths` out"):
        list(Arrays((save(positions=walk, box=EDGES),), **options()).frames())
    with pytest.raises(ParameterError, match="`lengths` needs 3 edges or 9 components"):
        list(Arrays((save(positions=walk),), lengths="6 5").frames())


# -- damaged and dangerous files -------------------------------------------------------------------------------------


@pytest.mark.parametrize("box", [[6.0, 0, 7], [6.0, np.nan, 7], [[1.0, 0, 0], [2, 0, 0], [0, 0, 1]]])
def test_a_box_without_a_volume_is_refused(save, walk, box):
    with pytest.raises(FileFormatError, match=r"frame 0: its box .* has no volume"):
        list(Arrays((save(positions=walk, box=np.array(box)),)).frames())


class Trap:
    """Makes a folder when it is loaded as a pickle."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def test_a_pickle_is_never_loaded(tmp_path, walk):
    trap = np.empty((6, 12, 3), object)
    trap[...] = Trap(tmp_path / "sprung")
    np.savez(tmp_path / "kinds.npz", positions=walk, species=trap[:, :, 0], box=EDGES)
    np.save(tmp_path / "positions.npy", trap, allow_pickle=True)
    (tmp_path / "bare.npy").write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    for name, message in (
        (
            "kinds.npz",
            "'species' holds Python objects, which numpy stores as a pickle. Pickles are never loaded",
        ),
        ("positions.npy", r"and numbers; it is positions \(6, 12, 3\) object"),
        ("bare.npy", "is no array of numpy.*A pickle is never loaded"),
    ):
        with pytest.raises(FileFormatError, match=message):
            list(Arrays((tmp_path / name,)).frames())
    assert not (tmp_path / "sprung").exists()
    np.load(tmp_path / "bare.npy", allow_pickle=True)
    assert (tmp_path / "sprung").exists()  # it is a trap indeed


@pytest.mark.parametrize("kind", ["npz", "compressed", "h5"])
def test_a_file_that_was_cut_off_is_refused(save, walk, kind):
    path = save(kind, positions=np.tile(walk, (50, 1, 1)), box=EDGES)
    content = path.read_bytes()
    for part in (0, 10, len(content) // 2, len(content) - 30):
        path.write_bytes(content[:part])
        with pytest.raises(FileFormatError, match=r"run\.(npz|h5) cannot be opened"):
            list(Arrays((path,)).frames())


def test_an_npy_file_that_was_cut_off_is_refused(tmp_path, walk):
    path = tmp_path / "run.npy"
    np.save(path, walk)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(FileFormatError, match="'positions' ends 8 bytes too early for its shape"):
        list(Arrays((path,), **options()).frames())


def test_a_flipped_byte_in_a_compressed_archive_is_found(save, walk):
    path = save("compressed", positions=walk, box=EDGES)
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo("positions.npy")
        at = member.header_offset + 400
    content = bytearray(path.read_bytes())
    content[at] ^= 0x55
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"cannot be (read|opened)"):
        list(Arrays((path,)).frames())


def test_a_file_that_became_shorter_is_seen(save, walk):
    reader = Arrays((save(positions=walk),), **options())
    assert reader.n_frames == 6
    save(positions=walk[:2])
    with pytest.raises(FileFormatError, match="has 2 frames and had 6 before"):
        list(reader.frames())


@pytest.mark.parametrize("kind", ["npz", "compressed", "h5"])
def test_nan_names_file_frame_and_particle(save, walk, kind):
    walk[3, 7, 1] = np.nan
    path = save(kind, positions=walk, ids=np.arange(12) + 20)
    with pytest.raises(
        FileFormatError, match=re.escape(f"{path.name}, frame 3: 1 of 12 particles") + ".*row 7, id 27"
    ):
        list(Arrays((path,), **options()).frames())


# -- files that were not made for this -------------------------------------------------------------------------------


@needs_real_data
def test_isoconfigurational_end_points_need_only_the_edges_of_the_box():
    path = REAL / "kob-andersen-isoconfigurational" / "isoconfig_N4096T0.44_1_tc07.npz"
    edges = "15.05658 15.05658 15.05658"
    runs = open_files([path], lengths=edges, unwrapped=True)
    start = next(open_files([path], lengths=edges, positions="initial_positions").frames())
    assert runs.n_frames == 32
    assert sorted(np.unique(start.labels, return_counts=True)[1].tolist()) == [819, 3277]
    moved = np.mean([np.linalg.norm(f.positions - start.positions, axis=1).mean() for f in runs.frames()])
    assert 0.3 < moved < 1.0  # mean propensity at the relaxation time, in particle diameters
    assert np.array_equal(next(runs.frames()).columns["initial_positions"], start.positions)


@needs_real_data
def test_the_configuration_of_the_propensity_set_brings_its_box():
    path = REAL / "kob-andersen-propensity-times" / "ka_N4096_T0.44_P2.93.npz"
    (frame,) = open_files([path]).frames()
    assert frame.n_particles / frame.box.volume == pytest.approx(1.2032, abs=1e-3)
