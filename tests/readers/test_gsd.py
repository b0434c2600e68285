"""GSD as the package gsd writes it: nothing of it is lost, and what cannot be known is said."""

import pickle
import re

import gsd.fl
import gsd.hoomd
import numpy as np
import pytest

from vitrify.errors import FileFormatError, ParameterError
from vitrify.particles import Box
from vitrify.readers.base import open_files
from vitrify.readers.gsd import Gsd
from vitrify.readers.source import Source

BOX = [4.0, 5.0, 6.0, 0.25, -0.5, 0.125]  # all exact in single precision
VECTORS = np.array([[4.0, 0, 0], [0.25 * 5, 5, 0], [-0.5 * 6, 0.125 * 6, 6]])


def gsd_frame(positions, step, box=BOX, types=("A", "B"), typeid=None, **particles):
    frame = gsd.hoomd.Frame()
    frame.configuration.step, frame.configuration.box = step, box
    frame.particles.N, frame.particles.position = len(positions), positions
    if len(types):
        frame.particles.types = list(types)
        frame.particles.typeid = np.arange(len(positions)) % len(types) if typeid is None else typeid
    for name, values in particles.items():
        setattr(frame.particles, name, values)
    return frame


@pytest.fixture
def write(tmp_path):
    def make(frames, name="run.gsd", precision="double"):
        with gsd.hoomd.open(tmp_path / name, "w", precision=precision) as file:
            for frame in frames:
                file.append(frame)
        return tmp_path / name

    return make


@pytest.fixture
def walk():
    """Positions that leave the box, (frame, particle, 3)."""
    rng = np.random.default_rng(5)
    start = (rng.random((12, 3)) - 0.5) @ VECTORS
    return start + rng.normal(0, 2.0, (6, 12, 3)).cumsum(axis=0)


@pytest.mark.parametrize(("precision", "digits"), [("single", 7), ("double", 16)])
def test_positions_come_back_to_the_last_digit_of_either_precision(write, walk, precision, digits):
    dtype = np.float32 if precision == "single" else np.float64
    reader = Gsd((write([gsd_frame(x.astype(dtype), k) for k, x in enumerate(walk)], precision=precision),))
    found = np.stack([f.positions for f in reader.frames()])
    assert found.dtype == np.float64
    assert np.array_equal(found, walk.astype(dtype).astype(np.float64))
    assert reader.precision == digits


def test_single_precision_is_said_to_be_too_few_digits_for_inherent_structures(write, walk):
    single = Gsd((write([gsd_frame(walk[0].astype(np.float32), 0)], precision="single"),))
    assert "about 7 significant digits" in " ".join(single.notes())
    double = Gsd((write([gsd_frame(walk[0], 0)], "double.gsd"),))
    assert "keeps the box in single precision" in " ".join(double.notes())


def test_a_triclinic_box_is_centred_and_has_hoomds_tilts(write, walk):
    box = next(Gsd((write([gsd_frame(walk[0], 0)]),)).frames()).box
    assert box == Box(VECTORS, -VECTORS.sum(axis=0) / 2)
    corners = np.array([[0, 0, 0], [1, 1, 1]])
    np.testing.assert_allclose((box.origin + corners @ box.vectors).sum(axis=0), 0, atol=1e-15)


def test_images_restore_positions_that_were_wrapped_in_a_triclinic_box(write, walk):
    box = Box(VECTORS, -VECTORS.sum(axis=0) / 2)
    frames = [gsd_frame(box.wrap(x), k, image=box.images(x)) for k, x in enumerate(walk)]
    assert np.abs(box.images(walk)).max() > 1
    source = Source(Gsd((write(frames),)))
    found = np.stack([f.positions for f in source.ordered()])
    np.testing.assert_allclose(found, walk, atol=1e-14)
    assert source.contents.species_names == ("A", "B")


def test_images_are_zero_where_hoomd_left_them_out_and_unknown_where_no_frame_has_them(write, walk):
    some = [gsd_frame(walk[0], 0), gsd_frame(walk[1], 1, image=np.ones((12, 3), int))]
    first, second = Gsd((write(some),)).frames()
    assert not first.images.any()
    assert second.images.all()
    assert next(Gsd((write([gsd_frame(walk[0], 0)], "none.gsd"),)).frames()).images is None


def test_two_dimensions_are_two(write, walk):
    flat = walk[0].copy()
    flat[:, 2] = 0
    frame = gsd_frame(flat, 0, box=[4.0, 5.0, 0.0, 0.25, 0, 0], image=np.full((12, 3), [1, 2, 0]))
    found = next(Gsd((write([frame]),)).frames())
    assert frame.configuration.dimensions == 2
    assert found.box == Box([[4.0, 0.0], [1.25, 5.0]], [-2.625, -2.5])
    assert np.array_equal(found.positions, flat[:, :2])
    assert found.images[0].tolist() == [1, 2]


def test_types_are_named_and_what_is_constant_holds_for_all_frames(write, walk):
    diameters = np.linspace(0.5, 1, 12)
    frames = [gsd_frame(x, k, types=("big", "tiny")) for k, x in enumerate(walk)]
    frames[0].particles.diameter = diameters
    for frame in frames[1:]:
        frame.particles.types = frame.particles.typeid = None
    found = list(Gsd((write(frames),)).frames())
    assert all(f.labels.tolist() == ["big", "tiny"] * 6 for f in found)
    assert all(np.array_equal(f.columns["diameter"], diameters) for f in found)


def test_logged_quantities_of_particles_are_columns(write, walk):
    frame = gsd_frame(walk[0], 0, velocity=walk[1])
    frame.log["particles/softness"] = np.arange(12.0)
    frame.log["energy"] = np.array([1.0])
    columns = next(Gsd((write([frame]),)).frames()).columns
    assert sorted(columns) == ["softness", "velocity"]
    assert np.array_equal(columns["velocity"], walk[1])


def test_steps_are_kept_and_become_times(write, walk):
    path = write([gsd_frame(x, 100 * k**2) for k, x in enumerate(walk)])
    plain = list(Gsd((path,)).frames())
    assert [f.step for f in plain] == [0, 100, 400, 900, 1600, 2500]
    assert plain[0].time is None
    timed = open_files([path], time_step=0.005)
    assert [f.time for f in timed.frames()] == [0.0, 0.5, 2.0, 4.5, 8.0, 12.5]
    with pytest.raises(ParameterError, match="`time_step` must be positive; it is 0"):
        Gsd((path,), time_step=0)


def test_a_file_without_steps_has_none(write, walk):
    assert [f.step for f in Gsd((write([gsd_frame(x, None) for x in walk]),)).frames()] == [None] * 6


def test_reading_begins_anywhere_and_goes_on_in_the_next_file(write, walk):
    files = [
        write([gsd_frame(x, k) for k, x in enumerate(walk[:4])], "a.gsd"),
        write([gsd_frame(x, 4 + k) for k, x in enumerate(walk[4:])], "b.gsd"),
    ]
    reader = Gsd(tuple(files))
    assert reader.n_frames == 6
    assert reader.random_access
    part = list(reader.frames(3, 5))
    assert [f.label for f in part] == ["a.gsd, frame 3", "b.gsd, frame 0"]
    assert np.array_equal([f.positions for f in part], walk[3:5])
    assert list(reader.frames(6)) == []


def test_frames_are_read_one_by_one(write, walk, monkeypatch):
    path = write([gsd_frame(x, k) for k, x in enumerate(walk)])
    reader, seen = Gsd((path,)), []
    original = Gsd.frames.__globals__["_OpenFile"].chunk

    def chunk(self, frame, name):
        seen.append(frame)
        return original(self, frame, name)

    monkeypatch.setattr("vitrify.readers.gsd._OpenFile.chunk", chunk)
    frames = reader.frames(2)
    next(frames)
    assert set(seen) == {2}
    next(frames)
    assert set(seen) == {2, 3}


def test_a_reader_travels_to_another_process(write, walk):
    reader = Gsd((write([gsd_frame(x, k) for k, x in enumerate(walk)]),), time_step=0.1)
    assert reader.n_frames == 6
    again = pickle.loads(pickle.dumps(reader))
    assert again == reader
    assert np.array_equal(next(again.frames(5)).positions, walk[5])
    assert reader.to_dict()["time_step"] == 0.1
    assert reader.to_dict()["files"][0]["name"] == "run.gsd"


# -- particles that come and go --------------------------------------------------------------------------------------


def test_where_n_changes_tags_say_who_is_who(write, walk):
    frames = [gsd_frame(walk[0], 0), gsd_frame(walk[1][[0, 2, 5]], 1, typeid=[0, 0, 1])]
    for frame, tags in zip(frames, (np.arange(12), [0, 2, 5]), strict=True):
        frame.log["particles/tag"] = np.array(tags, np.uint32)
    source = Source(Gsd((write(frames),)), absent=True)
    assert source[1].particles.tolist() == [0, 2, 5]
    assert np.array_equal(source[1].positions, walk[1][[0, 2, 5]])


def test_where_n_changes_without_tags_identities_are_unknown(write, walk):
    reader = Gsd((write([gsd_frame(walk[0], 0), gsd_frame(walk[1][:9], 1)]),))
    with pytest.raises(FileFormatError, match=r"frame 1 has 9 particles, run.gsd, frame 0 12.*tags anew"):
        list(reader.frames())
    assert next(reader.frames(1)).n_particles == 9  # each frame for itself is what it is


# -- files that are not what they should be --------------------------------------------------------------------------


def test_a_file_cut_off_anywhere_is_refused_and_never_read_short(write, walk, tmp_path):
    path = write([gsd_frame(x, k) for k, x in enumerate(walk)])
    content, cut = path.read_bytes(), tmp_path / "cut.gsd"
    for n in (*range(0, len(content), 997), len(content) - 1):
        cut.write_bytes(content[:n])
        with pytest.raises(
            FileFormatError, match=r"cut\.gsd.*(cannot be read as GSD|frame \d+: .* cannot be read)"
        ):
            list(Gsd((cut,)).frames())


def test_another_format_under_the_name_of_gsd_is_refused(tmp_path):
    path = tmp_path / "run.gsd"
    path.write_bytes(b"\x89HDF\r\n" * 100)
    with pytest.raises(
        FileFormatError, match=r"cannot be read as GSD: Not a GSD file\. It is of another format"
    ):
        _ = open_files([path]).n_frames


def test_another_schema_is_refused(tmp_path):
    path = tmp_path / "other.gsd"
    with gsd.fl.open(str(path), "w", application="mine", schema="mine", schema_version=[1, 0]) as file:
        file.write_chunk("x", np.zeros(3))
        file.end_frame()
    with pytest.raises(FileFormatError, match="has the schema 'mine'"):
        _ = Gsd((path,)).n_frames


def test_a_file_without_a_frame_is_refused(write):
    with pytest.raises(FileFormatError, match="has no frame yet"):
        _ = Gsd((write([]),)).n_frames


def test_a_file_that_is_being_written_ends_with_its_last_flushed_frame(tmp_path, walk):
    path = tmp_path / "run.gsd"
    with gsd.hoomd.open(path, "w", precision="double") as file:
        for k in range(3):
            file.append(gsd_frame(walk[k], k))
        file.flush()
        reader = Gsd((path,))
        assert reader.n_frames == 3
        file.append(gsd_frame(walk[3], 3))
        file.flush()
        assert len(list(reader.frames())) == 3  # what it was when first asked
        assert Gsd((path,)).n_frames == 4


def test_a_file_that_became_shorter_is_not_filled_up_with_frame_0(write, walk):
    reader = Gsd((write([gsd_frame(x, k) for k, x in enumerate(walk)]),))
    assert reader.n_frames == 6
    write([gsd_frame(walk[0], 0)])
    with pytest.raises(FileFormatError, match="has 1 frames and had 6 before"):
        list(reader.frames())


def test_nan_names_file_frame_and_particle(write, walk):
    bad = walk[1].copy()
    bad[7, 1] = np.nan
    reader = Gsd((write([gsd_frame(walk[0], 0), gsd_frame(bad, 1)]),))
    with pytest.raises(FileFormatError, match=re.escape("run.gsd, frame 1: 1 of 12 particles") + ".*row 7"):
        list(reader.frames())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"box": [0.0, 0, 0, 0, 0, 0]}, "has no volume"),
        ({"box": [4.0, np.inf, 6, 0, 0, 0]}, "six numbers are needed"),
        ({"typeid": np.full(12, 5)}, "type 5, and only 2 types have names"),
    ],
)
def test_a_frame_that_cannot_be_is_refused(write, walk, changes, message):
    with pytest.raises(FileFormatError, match=f"frame 0.*{message}"):
        list(Gsd((write([gsd_frame(walk[0], 0, **changes)]),)).frames())


def test_a_frame_without_positions_is_refused(tmp_path):
    path = tmp_path / "run.gsd"
    with gsd.fl.open(str(path), "w", application="mine", schema="hoomd", schema_version=[1, 4]) as file:
        file.write_chunk("particles/N", np.array([3], np.uint32))
        file.write_chunk("configuration/box", np.array([4, 4, 4, 0, 0, 0], np.float32))
        file.end_frame()
    with pytest.raises(FileFormatError, match="frame 0 has no 'particles/position' of 3 particles"):
        list(Gsd((path,)).frames())
