"""Tracked particles: what stands in the tables of trackpy, and what is refused."""

import gzip
import pickle
import warnings

import numpy as np
import pytest

from vitrify.errors import FileFormatError, ParameterError, UnknownNameError
from vitrify.readers import _track_rows, tracks
from vitrify.readers.base import open_files
from vitrify.readers.tracks import Tracks

TABLE = "frame,particle,x,y\n0,7,10.5,20.25\n0,3,30,40\n1,7,11,20.5\n3,3,31.5,41\n3,9,5,6\n"


@pytest.fixture
def written(tmp_path):
    """Return ``written(text, name)``: the path of a file with that text."""

    def write(text, name="tracks.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def rows(seed=0, n_frames=40, n=30, d=2, absent=0.2):
    """A table of a walk with gaps: columns as trackpy names them, sorted by frame."""
    import pandas as pd

    rng = np.random.default_rng(seed)
    walk = rng.uniform(5, 95, (n, d)) + rng.normal(scale=0.2, size=(n_frames, n, d)).cumsum(axis=0)
    frame, particle = np.nonzero(rng.random((n_frames, n)) > absent)
    table = {axis: walk[frame, particle, k] for k, axis in enumerate("xyz"[:d])}
    mass = rng.normal(100.0, 5.0, len(frame))
    return pd.DataFrame({**table, "mass": mass, "frame": frame, "particle": particle + 100})


def assert_same(found, expected):
    """Two lists of frames are the same, whatever the order of the rows in each."""
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        one, two = np.argsort(a.ids), np.argsort(b.ids)
        assert np.array_equal(a.ids[one], b.ids[two])
        assert np.array_equal(a.positions[one], b.positions[two])
        assert set(a.columns) == set(b.columns)
        for name, values in a.columns.items():
            assert np.array_equal(values[one], b.columns[name][two])
        assert (a.step, a.time, a.box) == (b.step, b.time, b.box)


# -- what is read ----------------------------------------------------------------------------------------------------


def test_particles_come_and_go_and_a_number_without_rows_is_an_empty_frame(written):
    reader = Tracks((written(TABLE),))
    frames = list(reader.frames())
    assert [f.n_particles for f in frames] == [2, 1, 0, 2] == [len(f.ids) for f in frames]
    assert reader.n_frames == 4
    assert frames[0].ids.tolist() == [7, 3]
    assert frames[3].positions.tolist() == [[31.5, 41.0], [5.0, 6.0]]
    assert frames[2].positions.shape == (0, 2)
    assert all(f.unwrapped and not f.box.periodic.any() for f in frames)
    assert any("1 of 4 frames have no particle" in note for note in reader.notes())
    assert "tracks.csv, frame 3, from line 5" in frames[3].label


def test_pixels_become_lengths_axis_by_axis_and_frames_become_times(written):
    reader = Tracks((written(TABLE),), pixel_size=(0.1, 0.2), frame_rate=50.0, field=(0, 64, 0, 48))
    first, *_, last = reader.frames()
    np.testing.assert_allclose(first.positions, [[1.05, 4.05], [3.0, 8.0]], rtol=1e-15)
    np.testing.assert_allclose(first.box.lengths, [6.4, 9.6], rtol=1e-15)
    assert (first.time, last.time, last.step) == (0.0, 0.06, 3)
    assert not any("field of view" in note for note in reader.notes())


def test_without_a_frame_rate_there_are_only_steps(written):
    assert [f.time for f in Tracks((written(TABLE),)).frames()] == [None] * 4


def test_the_field_is_the_bounding_box_unless_it_is_given_and_the_note_says_so(written):
    reader = Tracks((written(TABLE),), pixel_size=0.5)
    box = next(reader.frames()).box
    assert box.origin.tolist() == [2.5, 3.0]
    assert box.lengths.tolist() == [13.25, 17.5]
    assert any("x from 5 to 31.5, y from 6 to 41" in note for note in reader.notes())


def test_three_dimensions_follow_from_the_column_z(written):
    text = "frame,particle,x,y,z\n0,1,1,2,3\n0,2,2,3,5\n1,1,1,2.5,3\n"
    (first, second) = Tracks((written(text),), pixel_size="0.1,0.1,0.3").frames()
    np.testing.assert_allclose(first.positions, [[0.1, 0.2, 0.9], [0.2, 0.3, 1.5]], rtol=1e-15)
    assert second.box.dimension == 3


def test_a_z_that_never_changes_is_left_out(written):
    reader = Tracks((written("frame,particle,x,y,z\n0,1,1,2,0\n0,2,2,3,0\n"),), pixel_size=(0.1, 0.1, 0.2))
    assert next(reader.frames()).positions.shape == (2, 2)
    assert any("z = 0: the tracks are taken as two-dimensional" in note for note in reader.notes())


@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_the_separator_is_found(written, separator):
    path = written(TABLE.replace(",", separator))
    assert_same(list(Tracks((path,)).frames()), list(Tracks((written(TABLE, "other.csv"),)).frames()))


def test_decimal_commas_are_understood_where_they_do_not_separate(written):
    path = written(TABLE.replace(",", ";").replace(".", ","))
    assert_same(list(Tracks((path,)).frames()), list(Tracks((written(TABLE, "other.csv"),)).frames()))


def test_empty_lines_count_as_lines_and_are_otherwise_nothing(written):
    text = TABLE.replace("\n1,7", "\n\n\n1,7") + "\n"
    frames = list(Tracks((written(text),)).frames())
    assert [f.n_particles for f in frames] == [2, 1, 0, 2]
    assert frames[1].label.endswith("from line 6")


def test_carriage_returns_and_a_byte_order_mark_do_no_harm(written):
    path = written("\ufeff" + TABLE.replace("\n", "\r\n"))
    assert_same(list(Tracks((path,)).frames()), list(Tracks((written(TABLE, "other.csv"),)).frames()))


def test_names_are_mapped_and_other_columns_kept(written):
    text = "id,t,xpos,ypos,mass,kind\n4,0,1,2,9.5,big\n5,0,2,3,8,small\n4,1,1.5,2,9,big\n"
    for columns in (
        "frame=t,particle=id,x=xpos,y=ypos",
        {"frame": "t", "particle": "id", "x": "xpos", "y": "ypos"},
    ):
        reader = Tracks((written(text),), columns=columns, species_column="kind")
        first, second = reader.frames()
        assert first.ids.tolist() == [4, 5]
        assert first.labels.tolist() == ["big", "small"]
        assert second.columns["mass"].tolist() == [9]
        assert second.columns["kind"].tolist() == ["big"]


def test_species_that_are_numbers_keep_their_spelling(written):
    text = "frame,particle,x,y,type\n0,1,1,2,01\n0,2,3,3,2\n"
    assert next(Tracks((written(text),), species_column="type").frames()).labels.tolist() == ["01", "2"]


def test_the_index_that_pandas_writes_beside_the_column_is_the_same_column(tmp_path):
    table = rows()
    table.set_index("frame", drop=False).to_csv(tmp_path / "stubs.csv")  # as trackpy.filter_stubs leaves it
    table.to_csv(tmp_path / "numbered.csv")
    table.to_csv(tmp_path / "plain.csv", index=False)
    expected = list(Tracks((tmp_path / "plain.csv",)).frames())
    for name in ("stubs.csv", "numbered.csv"):
        assert_same(list(Tracks((tmp_path / name,)).frames()), expected)


@pytest.mark.parametrize("order", ["frame", "particle", "random"])
@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.tsv", "t.parquet"])
@pytest.mark.parametrize("how", ["memory", "larger"])
def test_order_format_and_size_do_not_matter(tmp_path, monkeypatch, order, name, how):
    table = rows(d=3)
    expected = np.full((40, 130, 3), np.nan)
    expected[table.frame, table.particle] = table[["x", "y", "z"]]
    table = (
        table.sample(frac=1.0, random_state=1)
        if order == "random"
        else table.sort_values(order, kind="stable")
    )
    if name.endswith("parquet"):
        table.to_parquet(tmp_path / name, row_group_size=97)
    else:
        table.to_csv(tmp_path / name, index=False, sep="\t" if "tsv" in name else ",")
    if how == "larger":
        monkeypatch.setattr(tracks, "IN_MEMORY", 1000)
    monkeypatch.setattr(_track_rows, "BLOCK_BYTES", 1777)
    reader = Tracks((tmp_path / name,))
    found = np.full_like(expected, np.nan)
    for k, frame in enumerate(reader.frames()):
        found[k, frame.ids] = frame.positions
        assert (frame.step, len(frame.columns["mass"])) == (k, frame.n_particles)
    assert np.array_equal(found, expected, equal_nan=True)
    assert (reader._index.rows is None) == (how == "larger" and order == "frame")
    assert isinstance(reader._index.rows, np.memmap) == (how == "larger" and order != "frame")
    for start, stop in ((0, 1), (17, 23), (39, 40), (12, None), (5, 5)):
        assert_same(list(reader.frames(start, stop)), list(reader.frames())[start:stop])


def test_files_follow_each_other(tmp_path, monkeypatch):
    table = rows()
    table.to_csv(tmp_path / "all.csv", index=False)
    table[table.frame < 20].to_csv(tmp_path / "a.csv", index=False)
    table[table.frame >= 20].to_parquet(tmp_path / "b.parquet", index=False)
    expected = list(Tracks((tmp_path / "all.csv",)).frames())
    for limit in (2**27, 100):
        monkeypatch.setattr(tracks, "IN_MEMORY", limit)
        reader = Tracks((tmp_path / "a.csv", tmp_path / "b.parquet"))
        assert_same(list(reader.frames()), expected)
        assert_same(list(reader.frames(25, 30)), expected[25:30])


def test_numbers_come_out_to_the_bit(tmp_path):
    table = rows()
    table.to_csv(tmp_path / "t.csv", index=False)
    first = next(Tracks((tmp_path / "t.csv",)).frames())
    expected = table[table.frame == 0]
    assert np.array_equal(first.positions, expected[["x", "y"]].to_numpy())
    assert np.array_equal(first.columns["mass"], expected["mass"].to_numpy())


def test_the_digits_of_the_text_are_counted(written, tmp_path):
    assert Tracks((written(TABLE),)).precision == 4
    assert Tracks((written("frame,particle,x,y\n0,1,-0.0123456,7e3\n0,2,1,1\n"),)).precision == 6
    table = rows()
    table.astype({"x": "f4", "y": "f4"}).to_parquet(tmp_path / "f4.parquet")
    table.to_parquet(tmp_path / "f8.parquet")
    assert Tracks((tmp_path / "f4.parquet",)).precision == 6
    assert Tracks((tmp_path / "f8.parquet",)).precision == 15


def test_whole_pixels_are_noted(written):
    text = "frame,particle,x,y\n0,1,3,4\n0,2,5,7\n"
    assert any("below one pixel are lost" in note for note in Tracks((written(text),)).notes())
    assert not any("one pixel" in note for note in Tracks((written(TABLE),)).notes())


def test_numbers_in_steps_are_frames_that_far_apart(written):
    text = "frame,particle,x,y\n" + "".join(f"{k},1,{k}.5,{k + 1}.5\n" for k in range(0, 60, 10))
    reader = Tracks((written(text),), frame_rate=2.0)
    assert [f.time for f in reader.frames()] == [0, 5, 10, 15, 20, 25]
    assert any("steps of 10: they are taken as 6 frames 10 apart" in note for note in reader.notes())


def test_periodic_axes_leave_wrapped_positions_to_be_followed(written):
    reader = Tracks((written(TABLE),), periodic="x", field=(0, 64, 0, 64))
    frame = next(reader.frames())
    assert frame.box.periodic.tolist() == [True, False]
    assert not frame.unwrapped
    assert next(
        Tracks((written(TABLE),), periodic=[False, True], field=(0, 64, 0, 64)).frames()
    ).box.periodic[1]


def test_it_is_found_by_the_end_of_the_name_and_is_told_its_options(written):
    reader = open_files([written(TABLE)], pixel_size=0.2)
    assert isinstance(reader, Tracks)
    plain = reader.to_dict()
    assert (plain["name"], plain["pixel_size"], plain["files"][0]["name"]) == ("tracks", 0.2, "tracks.csv")
    with pytest.raises(ParameterError, match="'tracks' has no option frame_time"):
        open_files([written(TABLE)], frame_time=0.2)
    with pytest.raises(UnknownNameError, match="No reader is called 'trakcs'"):
        open_files([written(TABLE)], "trakcs")


def test_only_the_parameters_travel_between_processes(written):
    reader = Tracks((written(TABLE),), pixel_size=0.5)
    expected = list(reader.frames())
    sent = pickle.dumps(reader)
    assert len(sent) < 1000
    assert_same(list(pickle.loads(sent).frames()), expected)


# -- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [2**27, 1])
def test_a_particle_twice_in_a_frame_is_named_with_its_lines(written, monkeypatch, limit):
    monkeypatch.setattr(tracks, "IN_MEMORY", limit)
    reader = Tracks((written(TABLE + "4,9,1,1\n4,3,2,2\n4,9,5.1,6\n"),))
    assert len(list(reader.frames(0, 4))) == 4
    with pytest.raises(
        FileFormatError,
        match=r"Particle 9 stands twice in frame 4: .*tracks.csv, line 7 and .*tracks.csv, line 9 \(1 ",
    ):
        list(reader.frames())


def test_a_particle_twice_in_two_files_is_named_with_both(written):
    reader = Tracks((written(TABLE), written("frame,particle,x,y\n3,9,1,1\n", "more.csv")))
    with pytest.raises(FileFormatError, match=r"tracks\.csv, line 6 and .*more\.csv, line 2"):
        list(reader.frames())


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("2,7,nan,20", r"tracks\.csv, line 7: `x` is missing or not finite"),
        ("2,7,,20", r"tracks\.csv, line 7: `x` is missing or not finite"),
        ("2,7,1,inf", r"tracks\.csv, line 7: `y` is missing or not finite"),
        ("2,7,12px,20", r"tracks\.csv, line 7: `x` is '12px', not a number"),
        (",7,12,20", r"tracks\.csv, line 7: `frame` is missing"),
        ("2,None,12,20", r"tracks\.csv, line 7: `particle` is 'None', not a number"),
        ("2,7.5,12,20", r"tracks\.csv, line 7: `particle` is 7\.5; it must be a whole number"),
        ("0.04,7,12,20", r"tracks\.csv, line 7: `frame` is 0\.04; it must be a whole number"),
        (
            "2,9007199254740993,1,2",
            r"tracks\.csv, line 7: `particle` is 9007199254740992\.0; it must be a whole",
        ),
        ("2,7,12", r"tracks\.csv, line 7 has 3 fields; the header has 4\. Was the file cut off"),
        ("2,7,12,20,1", r"tracks\.csv, line 7 has 5 fields; the header has 4"),
    ],
)
def test_a_wrong_line_is_named(written, line, said):
    for text in (TABLE + line + "\n", TABLE + line, TABLE + line + "\n5,1,1,1\n"):
        with pytest.raises(FileFormatError, match=said):
            list(Tracks((written(text),)).frames())


def test_a_wrong_line_is_named_beyond_empty_ones_and_the_first_block(written, monkeypatch):
    monkeypatch.setattr(_track_rows, "BLOCK_BYTES", 100)
    monkeypatch.setattr(_track_rows, "_SNIFFED_LINES", 4)
    good = "".join(f"{k},1,{k}.5,1.5\n" for k in range(50))
    with pytest.raises(FileFormatError, match="line 54: `y` is 'out', not a number"):
        list(Tracks((written("frame,particle,x,y\n\n\n" + good + "50,1,2,out\n"),)).frames())
    with pytest.raises(FileFormatError, match="line 54: `y` is missing"):
        list(Tracks((written("frame,particle,x,y\n\n\n" + good + "50,1,2,\n"),)).frames())


def test_words_in_a_parquet_column_are_refused(tmp_path):
    table = rows().astype({"x": str})
    table.to_parquet(tmp_path / "t.parquet")
    with pytest.raises(FileFormatError, match=r"t\.parquet: the column 'x' holds words, not numbers"):
        list(Tracks((tmp_path / "t.parquet",)).frames())
    table = rows()
    table.loc[11, "y"] = np.nan
    table.to_parquet(tmp_path / "t.parquet")
    with pytest.raises(FileFormatError, match=r"t\.parquet, row 12: `y` is missing"):
        list(Tracks((tmp_path / "t.parquet",)).frames())


def test_a_column_that_is_missing_is_named_with_those_that_are_there(written):
    path = written("frame,id,x,y\n0,1,2,3\n")
    with pytest.raises(
        FileFormatError,
        match=r"has no column 'particle'; it has frame, id, x, y\. Say which one it is with `columns`, such as particle=NAME",
    ):
        list(Tracks((path,)).frames())
    with pytest.raises(FileFormatError, match="has no column 'time'"):
        list(Tracks((path,), columns={"frame": "time", "particle": "id"}).frames())
    with pytest.raises(ParameterError, match="`species_column` = 'kind' is none of the other columns"):
        list(Tracks((written(TABLE),), species_column="kind").frames())


def test_a_second_file_needs_the_columns_of_the_first(written):
    files = (written(TABLE), written("frame,particle,y,z\n9,1,1,1\n", "more.csv"))
    with pytest.raises(FileFormatError, match=r"more\.csv has no column 'x'"):
        list(Tracks(files).frames())


def test_two_columns_of_one_name_that_differ_are_refused(written):
    with pytest.raises(FileFormatError, match="has two columns 'frame' that differ"):
        list(Tracks((written("frame,particle,x,y,frame\n0,1,2,3,0\n1,1,2,3,2\n"),)).frames())


def test_a_time_for_a_frame_number_is_suspected(written):
    path = written("frame,particle,x,y\n20230101,1,2,3\n20230102,1,2,4\n90230103,1,2,3\n")
    with pytest.raises(
        FileFormatError, match=r"column 'frame' runs from 20230101 to 90230103, but only 3 numbers occur"
    ):
        list(Tracks((path,)).frames())


def test_damaged_files_are_named(written, tmp_path):
    with pytest.raises(FileFormatError, match="has a header and no rows"):
        list(Tracks((written("frame,particle,x,y\n"),)).frames())
    with pytest.raises(FileFormatError, match=r"has a header and no rows|has no column 'frame'"):
        list(Tracks((written(""),)).frames())
    whole = gzip.compress((TABLE * 2000).encode())
    (tmp_path / "cut.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FileFormatError, match=r"cut\.csv\.gz is damaged or cut off"):
        list(Tracks((tmp_path / "cut.csv.gz",)).frames())
    (tmp_path / "no.csv.gz").write_bytes(b"frame,particle,x,y\n")
    with pytest.raises(FileFormatError, match=r"no\.csv\.gz is damaged or cut off"):
        list(Tracks((tmp_path / "no.csv.gz",)).frames())
    (tmp_path / "no.csv").write_bytes(b"\x89\xff\xfe\x00")
    with pytest.raises(FileFormatError, match=r"no\.csv is no table of text"):
        list(Tracks((tmp_path / "no.csv",)).frames())
    rows().to_parquet(tmp_path / "cut.parquet")
    cut = (tmp_path / "cut.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(cut[: len(cut) // 2])
    with pytest.raises(FileFormatError, match=r"cut\.parquet is no whole parquet file"):
        list(Tracks((tmp_path / "cut.parquet",)).frames())


def test_a_file_that_shrinks_while_it_is_read_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(tracks, "IN_MEMORY", 1)
    path = tmp_path / "t.csv"
    rows().to_csv(path, index=False)
    reader = Tracks((path,))
    assert reader.n_frames == 40
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:300]))
    with pytest.raises(FileFormatError, match="changed while it was read"):
        list(reader.frames())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"pixel_size": 0}, "`pixel_size` must be positive, in length per pixel; it is 0"),
        ({"pixel_size": "big"}, "`pixel_size` is a number or a list of numbers; it is 'big'"),
        ({"pixel_size": (1, 2, 3)}, "`pixel_size` needs one number, or one for each of 2 axes; it has 3"),
        ({"frame_rate": -1}, "`frame_rate` must be positive, in frames per time; it is -1"),
        ({"columns": "time=t"}, "'time=t' is none"),
        ({"field": (0, 50, 60, 50)}, "`field` is x0,x1,y0,y1 with x0 < x1"),
        ({"field": "0,50"}, "`field` needs 4 numbers for 2 axes"),
        ({"field": (0, 50, 0, 40)}, "`field` has y from 0 to 40, but there are particles from 6 to 41"),
        ({"periodic": True}, "`periodic` needs `field`"),
        ({"periodic": "w", "field": (0, 50, 0, 50)}, "`periodic` names axes, such as 'x' or 'xy'; it is 'w'"),
        (
            {"periodic": (True,), "field": (0, 50, 0, 50)},
            "`periodic` needs one entry for each of 2 axes; it has 1",
        ),
    ],
)
def test_options_that_cannot_be_meant_are_refused(written, options, said):
    with pytest.raises(ParameterError, match=said):
        list(Tracks((written(TABLE),), **options).frames())


def test_a_single_place_gives_no_field_of_view(written):
    with pytest.raises(
        FileFormatError, match="all particles have the same y, so that the field of view is unknown"
    ):
        list(Tracks((written("frame,particle,x,y\n0,1,2,3\n1,1,2.5,3\n"),)).frames())


# -- what trackpy itself writes --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def linked():
    """Tracks that trackpy linked in images of spots that move; one fades for three frames."""
    trackpy = pytest.importorskip("trackpy")
    trackpy.quiet()
    rng = np.random.default_rng(2)
    grid = np.stack(np.meshgrid(np.arange(5), np.arange(5)), axis=-1).reshape(-1, 2) * 24.0 + 16.0
    walk = grid + rng.normal(scale=0.4, size=(10, 25, 2)).cumsum(axis=0)
    y, x = np.mgrid[:128, :128]
    images = []
    for k, spots in enumerate(walk):
        light = np.where((np.arange(25) == 12) & (k > 3) & (k < 7), 0.0, 200.0)
        image = sum(
            a * np.exp(-((x - px) ** 2 + (y - py) ** 2) / 8.0)
            for a, (px, py) in zip(light, spots, strict=True)
        )
        images.append(image.astype(np.uint8))
    with warnings.catch_warnings():  # trackpy uses what pandas will remove
        warnings.simplefilter("ignore")
        found = trackpy.batch(images, 9, minmass=500, processes=1)
        return walk, trackpy.link(found, 5, memory=3)


def test_tracks_linked_by_trackpy_are_the_walk_that_was_drawn(linked, tmp_path):
    walk, table = linked
    table.to_csv(tmp_path / "tracks.csv", index=False)
    table.to_parquet(tmp_path / "tracks.parquet")
    reader = Tracks((tmp_path / "tracks.csv",), pixel_size=0.1, frame_rate=10.0)
    frames = list(reader.frames())
    assert_same(
        frames, list(Tracks((tmp_path / "tracks.parquet",), pixel_size=0.1, frame_rate=10.0).frames())
    )
    assert [f.n_particles for f in frames] == [25] * 4 + [24] * 3 + [25] * 3
    for k, frame in enumerate(frames):
        apart = np.linalg.norm(frame.positions[:, None] - 0.1 * walk[k], axis=2)
        assert apart.min(axis=1).max() < 0.01, "a tenth of a pixel"
        if k == 0:
            drawn = dict(zip(frame.ids.tolist(), apart.argmin(axis=1).tolist(), strict=True))
        assert [drawn[i] for i in frame.ids.tolist()] == apart.argmin(axis=1).tolist()
    assert {"mass", "size", "ecc", "signal"} <= set(frames[0].columns)
    assert reader.precision > 10
