"""Extended XYZ as ASE and vitrify itself read it."""

import gzip

import ase.io
import numpy as np
import pytest

from vitrify.errors import ParameterError
from vitrify.readers.base import open_files

from .conftest import FRAMES, N, same_bits


@pytest.mark.parametrize("shape", ["orthorhombic", "triclinic", "turned", "left-handed"])
def test_ase_reads_back_every_bit(make, written, shape):
    made = make(shape)
    frames = ase.io.read(written(made, "a.extxyz"), index=":")
    assert len(frames) == FRAMES
    for k, atoms in enumerate(frames):
        assert same_bits(atoms.positions, made.positions[k])
        assert same_bits(atoms.cell.array, made.boxes[k].vectors)
        assert same_bits(atoms.info["Origin"], made.boxes[k].origin)
        assert atoms.pbc.all()
        assert (atoms.info["Time"], atoms.info["step"]) == (made.times[k], k)
        assert atoms.info["temperature"] == made.store.read("temperature")[k]
        assert (atoms.info["position_kind"], atoms.info["units"]) == ("thermal", "lj")
        assert atoms.arrays["id"].tolist() == list(range(1, N + 1))
        assert same_bits(atoms.arrays["softness"], made.softness[k])
        assert same_bits(atoms.arrays["p_hop"], made.p_hop[k])
        assert atoms.arrays["event"].tolist() == made.event[k].tolist()
        assert atoms.arrays["colour"].tolist() == made.store.read("colour")[k].tolist()


def test_species_that_are_no_elements_keep_their_names_beside_dummies(make, written, notes):
    atoms = ase.io.read(written(make(), "a.extxyz", notes), index=0)
    assert set(atoms.symbols) == {"X"}
    assert atoms.info["species_names"] == "A B"
    assert atoms.arrays["species_index"].tolist() == [k % 2 for k in range(N)]
    assert any("A, B are not chemical elements" in note for note in notes.said)
    assert any(
        note == f"'softness' is NaN where it was not computed: in {5 * N} of {FRAMES * N} rows"
        for note in notes.said
    )


def test_species_that_are_elements_are_those_of_ase(make, written):
    path = written(make(names=("Si", "Li")), "a.xyz")
    assert ase.io.read(path, index=0).get_chemical_symbols()[:3] == ["Si", "Li", "Si"]
    assert "Z:I" not in path.read_text()


@pytest.mark.parametrize("shape", ["square", "oblique", "turned 2D"])
def test_two_dimensions_lie_in_a_unit_thick_cell_that_is_open_along_z(make, written, notes, shape):
    made = make(shape)
    atoms = ase.io.read(written(made, "a.extxyz", notes), index=-1)
    assert same_bits(atoms.positions[:, :2], made.positions[-1])
    assert not atoms.positions[:, 2].any()
    assert same_bits(atoms.cell.array[:2, :2], made.boxes[-1].vectors)
    assert atoms.cell.array[2].tolist() == [0, 0, 1]
    assert atoms.pbc.tolist() == [True, True, False]
    assert atoms.info["dimension"] == 2
    assert any("not periodic along z" in note for note in notes.said)


def test_absent_particles_have_no_line(make, written):
    made = make(complete=False)
    with open(written(made, "a.extxyz")) as lines:
        for k in range(FRAMES):
            rows = made.rows(k)
            assert int(next(lines)) == len(rows)
            assert f"step={k} " in next(lines)
            fields = [next(lines).split() for _ in rows]
            assert [int(f[4]) - 1 for f in fields] == rows.tolist()
            assert [[float(x) for x in f[1:4]] for f in fields] == made.positions[k][rows].tolist()
            assert [int(f[-1]) for f in fields] == made.event[k][rows].tolist()
        assert not lines.read()
    assert {len(made.rows(k)) for k in range(FRAMES)} > {0}


def test_wrapped_positions_and_images_give_the_unwrapped_ones(make, written):
    made = make("turned")
    for k, atoms in enumerate(ase.io.read(written(made, "a.extxyz", wrapped=True), index=":")):
        box = made.boxes[k]
        assert same_bits(atoms.positions, box.wrap(made.positions[k]))
        assert (np.abs(box.fractional(atoms.positions) - 0.5) <= 0.5).all()
        assert np.allclose(box.unwrap(atoms.positions, atoms.arrays["image"]), made.positions[k], atol=1e-12)


@pytest.mark.parametrize("wrapped", [False, True])
def test_vitrify_reads_back_what_it_wrote(make, written, wrapped):
    made = make("turned", periodic=(True, False, True))
    reader = open_files([written(made, "a.extxyz", wrapped=wrapped)])
    for k, frame in enumerate(reader.frames()):
        assert frame.ids.tolist() == list(range(1, N + 1))
        assert frame.labels[:3].tolist() == ["A", "B", "A"]
        assert frame.box == made.boxes[k]
        assert (frame.time, frame.step) == (made.times[k], k)
        assert same_bits(frame.columns["softness"], made.softness[k])
        if wrapped:
            assert np.allclose(frame.box.unwrap(frame.positions, frame.images), made.positions[k], atol=1e-12)
        else:
            assert same_bits(frame.positions, made.positions[k])


def test_compressed_files_hold_the_same_text_and_are_the_same_bytes_again(make, written):
    made = make()
    plain = written(made, "a.extxyz").read_bytes()
    first = written(made, "a.extxyz.gz").read_bytes()
    assert gzip.decompress(first) == plain
    assert written(made, "b.extxyz.gz").read_bytes() == first


def test_names_with_blanks_are_refused(make, written, tmp_path):
    with pytest.raises(ParameterError, match="'big ones' cannot stand in a text file"):
        written(make(names=("A", "big ones")), "a.extxyz")
    assert not (tmp_path / "a.extxyz").exists()
