"""LAMMPS dumps as vitrify's own reader, ASE's and LAMMPS' `read_dump` read them."""

import ase.io
import numpy as np
import pytest

from vitrify.readers.base import open_files

from .conftest import FRAMES, N, same_bits


def header_and_rows(path):
    """Items of the first frame as text, and its rows."""
    lines = path.read_text().splitlines()
    atoms = next(k for k, line in enumerate(lines) if line.startswith("ITEM: ATOMS"))
    n = int(lines[lines.index("ITEM: NUMBER OF ATOMS") + 1])
    return lines[: atoms + 1], [line.split() for line in lines[atoms + 1 : atoms + 1 + n]]


SHAPES = ["orthorhombic", "triclinic", "turned", "left-handed", "square", "oblique", "turned 2D"]


@pytest.mark.parametrize("ending", ["lammpstrj", "dump.gz"])
@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_vitrify_reads_back_what_it_wrote(make, written, shape, wrapped, ending):
    made = make(shape)
    d = made.boxes[0].dimension
    frames = list(open_files([written(made, f"a.{ending}", wrapped=wrapped)]).frames())
    assert len(frames) == FRAMES
    for k, frame in enumerate(frames):
        box, own = frame.box, made.boxes[k]
        assert box.dimension == d
        flip = np.eye(d)
        flip[-1, -1] = np.sign(np.linalg.det(own.vectors))
        assert np.allclose(flip @ box.vectors, own.vectors, rtol=0, atol=1e-14)
        assert np.allclose(
            box.origin, np.where(flip.sum() < d, own.origin + own.vectors[-1], own.origin), atol=1e-14
        )
        assert frame.ids.tolist() == list(range(1, N + 1))
        assert frame.labels[:3].tolist() == ["A", "B", "A"]
        assert (frame.time, frame.step) == (made.times[k], k)
        assert same_bits(frame.columns["softness"], made.softness[k])
        assert same_bits(frame.columns["p_hop"], made.p_hop[k])
        assert frame.columns["event"].tolist() == made.event[k].tolist()
        if wrapped:
            assert np.allclose(
                box.unwrap(frame.positions, frame.images), made.positions[k], rtol=0, atol=1e-13
            )
        else:
            assert frame.unwrapped
            assert same_bits(frame.positions, made.positions[k])


def test_header_and_columns_are_those_of_lammps(make, written):
    header, rows = header_and_rows(written(make("orthorhombic"), "a.lammpstrj", columns="softness"))
    assert header[:2] == ["ITEM: UNITS", "lj"]
    assert header[2] == "ITEM: TIME"
    assert header[4:9] == [
        "ITEM: TIMESTEP",
        "0",
        "ITEM: NUMBER OF ATOMS",
        str(N),
        "ITEM: BOX BOUNDS pp pp pp",
    ]
    assert header[-1] == "ITEM: ATOMS id type element xu yu zu softness"
    assert [row[:3] for row in rows[:2]] == [["1", "1", "A"], ["2", "2", "B"]]


def test_units_stand_once_and_only_where_lammps_has_them(make, written):
    assert written(make(), "a.dump").read_text().count("ITEM: UNITS") == 1


def test_units_of_microscopes_are_not_written(make, written):
    assert "ITEM: UNITS" not in written(make(units="micron"), "a.dump").read_text()


def test_tilts_are_given_with_the_bounding_box(make, written):
    made = make("triclinic")
    header, _ = header_and_rows(written(made, "a.dump"))
    assert "ITEM: BOX BOUNDS xy xz yz pp pp pp" in header
    bounds = np.array([line.split() for line in header[-4:-1]], float)
    corners = np.array([(i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1)]) @ made.boxes[0].vectors
    assert np.allclose(bounds[:, 0], (corners + made.boxes[0].origin).min(axis=0))
    assert np.allclose(bounds[:, 1], (corners + made.boxes[0].origin).max(axis=0))
    assert np.allclose(bounds[:, 2], made.boxes[0].vectors[[1, 2, 2], [0, 0, 1]])


def test_other_boxes_keep_their_vectors(make, written, notes):
    made = make("turned")
    header, _ = header_and_rows(written(made, "a.dump", notes))
    assert "ITEM: BOX BOUNDS abc origin pp pp pp" in header
    numbers = np.array([line.split() for line in header[-4:-1]], float)
    assert same_bits(numbers[:, :3], made.boxes[0].vectors)
    assert same_bits(numbers[:, 3], made.boxes[0].origin)
    assert any("'abc origin'" in note for note in notes.said)


def test_open_axes_and_a_flat_cell(make, written):
    header, rows = header_and_rows(written(make("square", periodic=(False, True)), "a.dump"))
    assert "ITEM: BOX BOUNDS ff pp pp" in header
    assert header[-2] == "-0.5 0.5"
    assert {row[5] for row in rows} == {"0"}


def test_absent_particles_have_no_line(make, written):
    made = make(complete=False)
    for k, frame in enumerate(open_files([written(made, "a.dump")]).frames()):
        rows = made.rows(k)
        assert (frame.ids - 1).tolist() == rows.tolist()
        assert same_bits(frame.positions, made.positions[k][rows])
        assert same_bits(frame.columns["softness"], made.softness[k][rows])


def test_ase_reads_the_wrapped_positions(make, written):
    made = make("orthorhombic", names=("Si", "Li"))
    path = written(made, "a.lammpstrj", wrapped=True, columns="none")
    atoms = ase.io.read(path, format="lammps-dump-text", index=2)
    assert np.allclose(atoms.positions, made.boxes[2].wrap(made.positions[2]), atol=1e-13)
    assert np.allclose(atoms.cell.lengths(), made.boxes[2].lengths)


@pytest.mark.lammps
@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("shape", ["orthorhombic", "triclinic", "square"])
def test_lammps_reads_it(make, written, shape, wrapped):
    from vitrify.engines.lammps import load_lammps

    made = make(shape)
    path = written(made, "a.lammpstrj", wrapped=wrapped)
    d = made.boxes[0].dimension
    engine = load_lammps()(cmdargs=["-log", "none", "-screen", "none"])
    try:
        region = "prism 0 1 0 1 0 1 0 0 0" if shape == "triclinic" else "block 0 1 0 1 -0.5 0.5"
        places = ("x y" if d == 2 else "x y z") + (" ix iy iz"[: 3 * d] if wrapped else "")
        for line in (
            f"dimension {d}",
            "atom_modify map array",
            f"region all {region}",
            "create_box 2 all",
            "mass * 1.0",
            f"read_dump {path} 4 {places} add keep box yes",
        ):
            engine.command(line)
        ids = engine.numpy.extract_atom("id")
        order = np.argsort(ids)
        x = engine.numpy.extract_atom("x")[order, :d].copy()
        types = engine.numpy.extract_atom("type")[order].copy()
    finally:
        engine.close()
    assert types.tolist() == (made.store.species + 1).tolist()
    expected = made.boxes[4].wrap(made.positions[4])
    assert np.allclose(made.boxes[4].minimum_image(x - expected), 0, atol=1e-9)
