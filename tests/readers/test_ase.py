"""Extended XYZ and other formats as ASE writes them, and the XYZ of other programs."""

import gzip
import pickle
import re
import tracemalloc
from pathlib import Path

import ase
import ase.io
import numpy as np
import pytest
from ase.calculators.singlepoint import SinglePointCalculator

from vitrify.errors import FileFormatError, ParameterError
from vitrify.particles import Box
from vitrify.readers._extxyz import XyzFile
from vitrify.readers.ase import Ase
from vitrify.readers.base import open_files
from vitrify.readers.source import Source

CELL = np.array([[6.0, 0, 0], [1.5, 5.0, 0], [-1.0, 0.7, 7.0]])
REAL = Path(__file__).parents[3] / "shared" / "data"
SYMBOLS = ["Si"] * 8 + ["Li"] * 4
needs_real_data = pytest.mark.skipif(
    not REAL.is_dir(), reason="the real data sets are not beside the project"
)


@pytest.fixture
def walk():
    """Positions in a tilted cell, (frame, particle, 3), with as many digits as ASE's XYZ keeps."""
    rng = np.random.default_rng(5)
    start = rng.random((12, 3)) @ CELL
    return np.round(start + rng.normal(0, 0.3, (6, 12, 3)).cumsum(axis=0), 8)


def atoms(positions, cell=CELL, pbc=True, info=None, **arrays):
    made = ase.Atoms(SYMBOLS[: len(positions)], positions, cell=cell, pbc=pbc, info=info or {})
    for name, values in arrays.items():
        made.set_array(name, np.asarray(values))
    return made


@pytest.fixture
def write(tmp_path):
    def make(frames, name="run.xyz", **options):
        ase.io.write(tmp_path / name, frames, **options)
        return tmp_path / name

    return make


def changed(path, line, text):
    """Put another text into a line, counted from 1."""
    lines = path.read_text().splitlines(keepends=True)
    lines[line - 1] = text
    path.write_text("".join(lines))
    return path


# -- extended XYZ ----------------------------------------------------------------------------------------------------


def test_positions_elements_and_a_triclinic_cell_come_back_as_ase_wrote_them(write, walk):
    reader = Ase((write([atoms(x) for x in walk]),))
    frames = list(reader.frames())
    assert reader.n_frames == 6
    assert np.array_equal([f.positions for f in frames], walk)
    assert frames[0].box == Box(CELL)
    assert frames[0].labels.tolist() == SYMBOLS
    assert frames[0].ids is None
    assert not frames[0].unwrapped


def test_every_number_is_the_one_that_ase_reads(write, walk):
    path = write([atoms(x, info={"step": k}, forces=-x) for k, x in enumerate(walk)])
    for ours, theirs in zip(Ase((path,)).frames(), ase.io.iread(path, ":"), strict=True):
        assert np.array_equal(ours.positions, theirs.get_positions())
        assert np.array_equal(ours.box.vectors, theirs.cell)
        assert np.array_equal(ours.columns["forces"], theirs.get_forces())


def test_ids_images_and_all_other_columns_are_kept(write, walk):
    rng = np.random.default_rng(0)
    columns = {
        "id": rng.permutation(12) + 100, "image": rng.integers(-2, 3, (12, 3)), "radius": rng.random(12).round(8),
        "dipole": rng.random((12, 3)).round(8), "fixed": rng.random(12) < 0.5, "name": np.array(["a", "bc"] * 6),
    }  # fmt: skip
    frame = next(Ase((write(atoms(walk[0], **columns)),)).frames())
    assert np.array_equal(frame.ids, columns.pop("id"))
    assert np.array_equal(frame.images, columns.pop("image"))
    assert frame.columns.keys() == columns.keys()
    assert all(np.array_equal(frame.columns[name], values) for name, values in columns.items())


def test_images_and_ids_restore_a_walk_that_was_wrapped_and_shuffled(write, walk):
    box, rng, frames = Box(CELL), np.random.default_rng(1), []
    for x in walk:
        order = rng.permutation(12)
        frame = atoms(box.wrap(x)[order], id=np.arange(12)[order], image=box.images(x)[order])
        frame.symbols = np.array(SYMBOLS)[order]
        frames.append(frame)
    source = Source(Ase((write(frames),)))
    assert np.abs(box.images(walk)).max() > 0
    np.testing.assert_allclose([f.positions for f in source.ordered()], walk, atol=2e-8)


def test_time_and_step_come_from_the_second_line(write, walk):
    frames = Ase(
        (write([atoms(x, info={"time": 0.5 * k, "step": 100 * k}) for k, x in enumerate(walk)]),)
    ).frames()
    assert [(f.time, f.step) for f in frames][:3] == [(0.0, 0), (0.5, 100), (1.0, 200)]
    assert next(Ase((write(atoms(walk[0]), "none.xyz"),)).frames()).time is None


def test_a_timestep_that_is_no_integer_is_the_length_of_a_step_and_not_its_number(write, walk):
    path = write([atoms(walk[0], info={"Timestep": 0.002}), atoms(walk[1], info={"Timestep": 40})])
    assert [f.step for f in Ase((path,)).frames()] == [None, 40]


def test_the_user_says_that_positions_are_unwrapped(write, walk):
    path = write([atoms(x) for x in walk])
    assert next(open_files([path], unwrapped=True).frames()).unwrapped


def test_n_may_change_where_there_are_ids(write, walk):
    path = write([atoms(walk[0], id=np.arange(12)), atoms(walk[1][2:5], id=np.arange(2, 5))])
    source = Source(Ase((path,)), absent=True)
    assert source[1].particles.tolist() == [2, 3, 4]
    assert np.array_equal(source[1].positions, walk[1][2:5])


def test_kinds_come_from_words_atomic_numbers_or_types(tmp_path):
    for spec, word, expected in (
        ("species:S:1", "Big", "Big"),
        ("Z:I:1", "14", "Si"),
        ("type:I:1", "2", "2"),
    ):
        path = tmp_path / "run.xyz"
        path.write_text(f'1\nLattice="4 0 0 0 4 0 0 0 4" Properties={spec}:pos:R:3\n{word} 0 1 2\n')
        assert next(Ase((path,)).frames()).labels.tolist() == [expected]


def test_the_corner_of_the_cell_is_its_origin(tmp_path):
    path = tmp_path / "run.xyz"
    path.write_text('1\nLattice="4 0 0 0 4 0 0 0 4" Origin="-2 -2 1" pbc="T T F"\nA 0 1 2\n')
    box = next(Ase((path,)).frames()).box
    assert box == Box.orthorhombic([4.0, 4, 4], [-2, -2, 1], [True, True, False])


def test_digits_are_counted_and_too_few_are_said(tmp_path, write, walk):
    assert Ase((write(atoms(walk[0])),)).precision >= 8
    assert not Ase((write(atoms(walk[0])),)).notes()
    path = tmp_path / "few.xyz"
    path.write_text('2\nLattice="4 0 0 0 4 0 0 0 4"\nA 0.000123 1.25 2\nA -3.14159 1e-12 2\n')
    few = Ase((path,))
    assert few.precision == 6
    assert "about 6 significant digits" in few.notes()[0]


# -- boxes that are not there ----------------------------------------------------------------------------------------


def test_a_cell_is_given_by_edges_or_vectors_where_the_file_has_none(tmp_path, walk, write):
    path = write([atoms(x, cell=None, pbc=False) for x in walk])
    assert next(Ase((path,), cell="6 5 7").frames()).box == Box.orthorhombic([6.0, 5, 7])
    assert next(Ase((path,), cell=CELL.ravel()).frames()).box == Box(CELL)
    view = next(Ase((path,), cell=[6, 5, 7], periodic=False).frames()).box
    assert view == Box.orthorhombic([6.0, 5, 7], periodic=[False] * 3)
    assert Ase((path,), cell="6,5,7").to_dict()["cell"] == (6.0, 5.0, 7.0)


def test_without_a_cell_the_boundaries_are_open_and_the_box_is_where_the_particles_are(write, walk):
    reader = Ase((write([atoms(x, cell=None, pbc=False) for x in walk]),))
    box = next(reader.frames()).box
    assert not box.periodic.any()
    np.testing.assert_allclose(box.origin, walk[0].min(axis=0))
    np.testing.assert_allclose(np.diag(box.vectors), np.ptp(walk[0], axis=0))
    assert "Give `cell` if it is periodic" in " ".join(reader.notes())


def test_a_slab_is_open_along_the_missing_vector_and_periodic_along_the_others(write, walk):
    cell = CELL.copy()
    cell[2] = 0
    box = next(Ase((write(atoms(walk[0], cell, [True, True, False])),)).frames()).box
    np.testing.assert_allclose(box.vectors[:2], CELL[:2])
    np.testing.assert_allclose(box.vectors[2], [0, 0, np.ptp(walk[0][:, 2])])
    np.testing.assert_allclose(box.origin, [0, 0, walk[0][:, 2].min()])
    assert box.periodic.tolist() == [True, True, False]


def test_a_missing_vector_is_perpendicular_to_the_others_whatever_they_are(write, walk):
    cell = np.array([[0, 0, 0], [0, 0, 0], [3.0, 4.0, 0]])
    box = next(Ase((write(atoms(walk[0], cell, [False, False, True])),)).frames()).box
    np.testing.assert_allclose(box.vectors @ box.vectors.T, np.diag(box.lengths**2), atol=1e-12)
    inside = box.fractional(walk[0])[:, :2]
    np.testing.assert_allclose([inside.min(axis=0), inside.max(axis=0)], [[0, 0], [1, 1]], atol=1e-12)


def test_two_dimensions_are_the_plane_of_z(write, walk):
    flat = walk[0] * [1, 1, 0] + [0, 0, 0.5]
    frame = next(Ase((write(atoms(flat, image=np.full((12, 3), [1, 2, 0]))),), dimension=2).frames())
    assert frame.box == Box(CELL[:2, :2])
    assert np.array_equal(frame.positions, flat[:, :2])
    assert frame.images.shape == (12, 2)


@pytest.mark.parametrize(
    ("options", "cell", "pbc", "error", "message"),
    [
        ({"cell": "6 5 7"}, CELL, True, ParameterError, "has a cell of its own"),
        ({"dimension": 2}, CELL, True, FileFormatError, "is not flat: z runs from"),
        ({}, [[1.0, 0, 0], [2, 0, 0], [0, 0, 1]], True, FileFormatError, "span no volume"),
    ],
)
def test_a_cell_that_cannot_be_is_refused(write, walk, options, cell, pbc, error, message):
    with pytest.raises(error, match=f"run.xyz, frame 0, line 1.*{message}"):
        list(Ase((write(atoms(walk[0], cell, pbc)),), **options).frames())


def test_a_periodic_axis_needs_a_vector_and_an_open_one_an_extent(tmp_path):
    path = tmp_path / "run.xyz"
    path.write_text('2\npbc="T F F"\nA 0 1 2\nA 1 2 2\n')
    with pytest.raises(FileFormatError, match="periodic along a and has no cell vector"):
        list(Ase((path,)).frames())
    changed(path, 2, "\n")
    with pytest.raises(
        FileFormatError, match="no cell vector along c, and its particles have no extent there"
    ):
        list(Ase((path,)).frames())
    assert next(Ase((path,), dimension=2).frames()).box.lengths.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cell": "6 5"}, "needs 3 edges or 9 components of the cell vectors in 3D; it has 2"),
        ({"cell": "6 5 x"}, "`cell` needs numbers, as in '10 10 12.5'; it is '6 5 x'"),
        ({"cell": "6 5 -7"}, "edges that are positive"),
        ({"cell": [1, 0, 0, 2, 0, 0, 0, 0, 1]}, "spans no volume"),
        ({"dimension": 4}, "`dimension` must be 2 or 3; it is 4"),
        ({"ase_format": "py"}, "such files are programs or databases"),
    ],
)
def test_options_are_checked_before_anything_is_read(tmp_path, options, message):
    with pytest.raises(ParameterError, match=message):
        Ase((tmp_path / "absent.xyz",), **options)


# -- streaming -------------------------------------------------------------------------------------------------------


def test_reading_begins_anywhere_and_goes_on_in_the_next_file(write, walk):
    files = (write([atoms(x) for x in walk[:4]], "a.xyz"), write([atoms(x) for x in walk[4:]], "b.xyz"))
    reader = Ase(files)
    assert reader.random_access
    part = list(reader.frames(3, 5))
    assert np.array_equal([f.positions for f in part], walk[3:5])
    assert [f.label for f in part] == ["a.xyz, frame 3, line 43", "b.xyz, frame 0, line 1"]


def test_a_damaged_frame_is_not_looked_at_on_the_way_to_another(write, walk):
    path = changed(write([atoms(x) for x in walk]), 17, "nonsense\n")
    reader = Ase((path,))
    assert np.array_equal(next(reader.frames(4)).positions, walk[4])
    with pytest.raises(FileFormatError, match="frame 1, line 17"):
        list(reader.frames())


def test_memory_is_that_of_a_frame(tmp_path):
    path, n = tmp_path / "run.xyz", 300
    line = "A 1.2345678901234567 2.3456789012345678 3.4567890123456789\n" * n
    with open(path, "w") as file:
        for _ in range(100):
            file.write(f'{n}\nLattice="4 0 0 0 4 0 0 0 4"\n{line}')
    reader = Ase((path,))
    next(reader.frames())
    tracemalloc.start()
    try:
        assert sum(f.n_particles for f in reader.frames()) == 100 * n
        assert reader.n_frames == 100
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < path.stat().st_size / 3


def test_gz_is_read_from_the_front(write, walk, tmp_path):
    path = tmp_path / "run.xyz.gz"
    path.write_bytes(gzip.compress(write([atoms(x) for x in walk]).read_bytes()))
    reader = open_files([path])
    assert not reader.random_access
    assert np.array_equal([f.positions for f in reader.frames(2)], walk[2:])
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(FileFormatError, match=r"run\.xyz\.gz cannot be read"):
        list(Ase((path,)).frames())


def test_a_reader_travels_to_another_process(write, walk):
    reader = Ase((write([atoms(x) for x in walk]),), unwrapped=True)
    assert reader.n_frames == 6
    assert np.array_equal(next(pickle.loads(pickle.dumps(reader)).frames(5)).positions, walk[5])


def test_compiled_parsing_gives_the_same_bits_and_leaves_odd_frames_to_a_closer_look(write, walk):
    rng = np.random.default_rng(0)
    frame = atoms(walk[0], id=np.arange(12), fixed=rng.random(12) < 0.5, dipole=10.0 ** rng.uniform(-9, 9, (12, 3)),
                  name=np.array(["a", "bc"] * 6), flags=rng.random((12, 2)) < 0.5)  # fmt: skip
    text = XyzFile(write([frame, frame, atoms(walk[1], name=["much longer words".replace(" ", "_")] * 12)]))
    changed(text.path, 20, text.path.read_text().splitlines()[19].replace("Si ", "Si inf", 1) + "\n")
    with text.open() as lines:
        for k in (0, 2):
            plain, compiled = (text.read(lines, k, c) for c in (False, True))
            assert (compiled.tokens is None) == (k == 0)
            assert compiled.columns.keys() == plain.columns.keys()
            for name, values in plain.columns.items():
                assert np.array_equal(compiled.columns[name], values)
                assert compiled.columns[name].dtype == values.dtype
        with pytest.raises(FileFormatError, match="frame 1, line 20"):
            text.read(lines, 1, compiled=True)


def test_files_of_any_size_are_read_alike(write, walk, monkeypatch):
    path = write([atoms(x) for x in walk])
    monkeypatch.setattr("vitrify.readers._extxyz._LARGE", 0)
    assert np.array_equal([f.positions for f in Ase((path,)).frames()], walk)
    path.write_text("1\n\nSi 1 2 3 4 5 6\n1\n\nSi 1 2 4 x y z\n")
    assert [f.positions[0, 2] for f in Ase((path,), cell="6 5 7").frames()] == [3, 4]


# -- wrong XYZ: file, frame and line ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "text", "message"),
    [
        (15, "twelve\n", r"frame 1, line 15: the number of atoms should stand here; the line reads 'twelve'"),
        (15, "11\n", r"frame 2, line 28: the number of atoms should stand here.*frame 1 has another number"),
        (15, "13\n", r"frame 2, line 30: the number of atoms should stand here.*frame 1 has another number"),
        (71, "13\n", r"frame 5, line 71: the file ends after 12 of the 13 atoms of this frame"),
        (20, "Si 1.0 2.0x 3.0\n", r"frame 1, line 20: '2.0x' in the column 'pos' is not a number"),
        (20, "Si 1.0 2.0\n", r"frame 1, line 20: 4 columns are needed and 3 are there; the line reads 'Si 1.0 2.0'"),
        (20, "Si 1 2 3 4\n", r"frame 1, line 20: 4 columns are needed and 5 are there"),
        (20, "Si 1.0 nan 3.0\n", r"frame 1, line 15: 1 of 12 particles have coordinates that are not finite.*row 3"),
        (16, 'Lattice="1 2 3"\n', r"frame 1, line 16: .*expecting special 3x3 matrix"),
        (16, "Properties=species:S:1:pos:Q:3\n", r"frame 1, line 16: `Properties` should be name:type:columns"),
        (16, "Properties=species:S:1:where:R:3\n", r"frame 1, line 16: `Properties` names no positions, pos:R:3"),
        (16, "Properties=id:I:1:pos:R:3\n", r"frame 1, line 17: 'Si' in the column 'id' is not an integer"),
        (16, "Properties=id:S:1:pos:R:3\n", r"frame 1, line 15: the column 'id' must hold integers, as in id:I:1"),
        (16, 'pbc="T F"\n', r"frame 1, line 15: `pbc` needs three entries"),
        (16, "time=soon\n", r"frame 1, line 15: its time should be a number; it is 'soon'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_file_frame_and_line(write, walk, line, text, message):
    path = changed(write([atoms(x) for x in walk]), line, text)
    with pytest.raises(FileFormatError, match=rf"run\.xyz, {message}"):
        list(Ase((path,)).frames())


@pytest.mark.parametrize("lost", [3, 20, 700])
def test_a_last_frame_that_was_cut_off_is_refused(write, walk, lost):
    path = write([atoms(x) for x in walk])
    path.write_bytes(path.read_bytes()[:-lost])
    with pytest.raises(
        FileFormatError, match=r"run\.xyz, frame 5, line \d+: .*(the file ends|columns are needed)"
    ):
        list(Ase((path,)).frames())


def test_the_frames_before_a_cut_are_saved_by_the_command_that_is_named(write, walk, tmp_path):
    path = write([atoms(x) for x in walk])
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(FileFormatError, match=re.escape("`head -n 70 run.xyz` keeps the frames before it")):
        _ = Ase((path,)).n_frames
    whole = tmp_path / "whole.xyz"
    whole.write_text("".join(path.read_text().splitlines(keepends=True)[:70]))
    assert Ase((whole,)).n_frames == 5


def test_a_last_line_without_an_end_is_taken_if_it_is_whole(write, walk):
    path = write([atoms(x) for x in walk])
    path.write_bytes(path.read_bytes().rstrip())
    assert np.array_equal([f.positions for f in Ase((path,)).frames()], walk)


def test_an_empty_file_and_one_that_is_no_xyz_are_refused(tmp_path):
    path = tmp_path / "run.xyz"
    path.write_text("")
    with pytest.raises(FileFormatError, match=r"run\.xyz is empty"):
        _ = Ase((path,)).n_frames
    path.write_bytes(b"\x00\xff" * 100)
    with pytest.raises(FileFormatError, match="frame 0, line 1: the number of atoms should stand here"):
        _ = Ase((path,)).n_frames


# -- other formats ---------------------------------------------------------------------------------------------------


def test_ases_own_trajectories_are_exact_and_read_from_anywhere(write, walk):
    frames = [atoms(x + 1 / 3) for x in walk]
    for frame, x in zip(frames, walk, strict=True):
        frame.calc = SinglePointCalculator(frame, forces=-x)
    reader = open_files([write(frames, "run.traj")])
    assert isinstance(reader, Ase)
    assert reader.n_frames == 6
    assert reader.random_access
    assert np.array_equal([f.positions for f in reader.frames(2, 4)], walk[2:4] + 1 / 3)
    assert np.array_equal(next(reader.frames(5)).columns["forces"], -walk[5])


def test_formats_of_one_structure_give_one_frame(write, walk):
    for name in ("a.cif", "POSCAR"):
        reader = open_files([write(atoms(walk[0]), name)])
        assert reader.n_frames == 1
        (frame,) = reader.frames()
        assert sorted(frame.labels) == sorted(SYMBOLS)
        assert frame.box.volume == pytest.approx(Box(CELL).volume, rel=1e-6)
        assert frame.box.periodic.all()


def test_trajectories_of_text_are_read_from_the_front(write, walk):
    reader = open_files([write([atoms(x) for x in walk], "XDATCAR")])
    assert reader.n_frames == 6
    assert not reader.random_access
    (frame,) = reader.frames(4, 5)
    difference = Box(CELL).minimum_image(frame.positions[0] - frame.positions[1] - (walk[4][0] - walk[4][1]))
    np.testing.assert_allclose(difference, 0, atol=1e-6)


def test_a_damaged_file_of_another_format_is_told_in_ases_words(write, walk):
    path = write(atoms(walk[0]), "POSCAR")
    path.write_text("\n".join(path.read_text().splitlines()[:9]))
    with pytest.raises(FileFormatError, match=r"POSCAR, frame 0: ASE cannot read this as 'vasp': \w+"):
        list(Ase((path,)).frames())


def test_ase_formats_without_a_name_of_their_own_are_named(write, walk, tmp_path):
    path = tmp_path / "structure"
    write(atoms(walk[0]), "a.cif").rename(path)
    assert not Ase.recognizes(path)
    with pytest.raises(FileFormatError, match="is of no format that ASE recognizes"):
        _ = Ase((path,)).n_frames
    assert Ase((path,), ase_format="cif").n_frames == 1


def test_json_and_output_files_of_other_programs_are_not_taken_for_ases(tmp_path, write, walk):
    others = tmp_path / "training.json"
    others.write_text('[{"structure": {"@module": "pymatgen.core.structure"}}]')
    output = tmp_path / "md.out"
    output.write_text("MD step: 0\nVolume: 1.0\n")
    assert not any(map(Ase.recognizes, (others, output)))
    with pytest.raises(FileFormatError, match=r"training\.json is of no known format"):
        open_files([others])
    assert Ase.recognizes(write(atoms(walk[0]), "own.json"))


# -- files that were not made for this -------------------------------------------------------------------------------


def test_xyz_as_lammps_writes_it(tmp_path):
    path = tmp_path / "run.xyz"
    path.write_text("2\n Atoms. Timestep: 10\n2 0 0 0\n1 1.70997 0.8549 2.2\n")  # dump xyz
    frame = next(Ase((path,), cell="3.4 3.4 3.4").frames())
    assert frame.step == 10
    assert frame.labels.tolist() == ["2", "1"]
    path.write_text(
        '1\nTimestep=20 Time=0.100000 pbc="T T F" Lattice="3.4 0 0 0.8 3.4 0 0.3 0.1 3.4" Potential_energy=7.6 '
        "Properties=species:S:1:pos:R:3:vel:R:3:forces:R:3\nP 0 1 2 3 4 5 6 7 8\n"
    )  # dump extxyz
    frame = next(Ase((path,)).frames())
    assert (frame.step, frame.time) == (20, 0.1)
    assert frame.columns["forces"].tolist() == [[6, 7, 8]]
    assert frame.box == Box([[3.4, 0, 0], [0.8, 3.4, 0], [0.3, 0.1, 3.4]], periodic=[True, True, False])


@needs_real_data
def test_lithium_silicon_of_dftb_needs_only_the_edge_of_its_cell():
    reader = open_files(
        [REAL / "lithium-silicon-dftb" / "Li240Si64.xyz"], cell="17.133186 17.133186 17.133186"
    )
    frames = list(reader.frames())
    assert len(frames) == 100
    assert [f.step for f in frames[:3]] == [6700, 9000, 16900]
    assert {k: int((frames[99].labels == k).sum()) for k in ("Li", "Si")} == {"Li": 240, "Si": 64}
    assert "3 further columns have no name" in " ".join(reader.notes())


@needs_real_data
def test_amorphous_silicon_of_a_cif_is_one_frame():
    (frame,) = open_files([REAL / "amorphous-silicon" / "amorphous_si64.cif"]).frames()
    assert frame.box == Box.orthorhombic([11.1] * 3)
    assert set(frame.labels) == {"Si"}
    np.testing.assert_allclose(frame.positions[0], 11.1 * np.array([0.72616585, 0.77581893, 0.27200012]))


@needs_real_data
def test_the_json_of_mlearn_is_not_recognized():
    with pytest.raises(FileFormatError, match=r"test\.json is of no known format"):
        open_files([REAL / "silicon-dft" / "test.json"])
