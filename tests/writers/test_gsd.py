"""GSD as gsd.hoomd and vitrify itself read it."""

import gsd.hoomd
import numpy as np
import pytest

from vitrify.readers.base import open_files

from .conftest import FRAMES, N, same_bits


def lattice(box, d):
    """Vectors of HOOMD's six numbers."""
    lx, ly, lz, xy, xz, yz = box
    return np.array([[lx, 0, 0], [xy * ly, ly, 0], [xz * lz, yz * lz, lz]])[:d, :d]


def unwrapped(frame, d):
    """The store's coordinates, by the words of the writer."""
    vectors = lattice(frame.configuration.box, d)
    turned = frame.particles.position[:, :d] + frame.particles.image[:, :d] @ vectors
    return turned @ frame.log["rotation"][:d, :d].T + frame.log["shift"][:d]


SHAPES = ["orthorhombic", "triclinic", "turned", "left-handed", "square", "oblique", "turned 2D"]


@pytest.mark.parametrize("shape", SHAPES)
def test_gsd_reads_back_positions_box_and_quantities(make, written, shape):
    made = make(shape)
    d = made.boxes[0].dimension
    with gsd.hoomd.open(written(made, "a.gsd")) as frames:
        assert len(frames) == FRAMES
        for k, frame in enumerate(frames):
            assert (frame.configuration.step, frame.configuration.dimensions) == (k, d)
            box, rotation = np.asarray(frame.configuration.box), frame.log["rotation"]
            assert box.dtype == np.float64
            own = lattice(box, d) @ rotation[:d, :d].T
            own[-1] *= np.sign(np.linalg.det(made.boxes[k].vectors))
            assert np.allclose(own, made.boxes[k].vectors, rtol=0, atol=1e-14)
            assert np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-15)
            assert np.linalg.det(rotation) == pytest.approx(1)
            inside = frame.particles.position[:, :d] @ np.linalg.inv(lattice(box, d))
            assert (inside >= -0.5 - 1e-15).all()
            assert (inside < 0.5 + 1e-15).all()
            assert not frame.particles.position[:, d:].any()
            assert frame.particles.position.dtype == np.float64
            assert np.allclose(unwrapped(frame, d), made.positions[k], rtol=0, atol=1e-13)
            assert frame.particles.types == ["A", "B"]
            assert frame.particles.typeid.tolist() == made.store.species.tolist()
            assert frame.log["particles/id"].tolist() == list(range(1, N + 1))
            assert frame.log["time"] == made.times[k]
            assert frame.log["temperature"] == made.store.read("temperature")[k]
            assert same_bits(frame.log["particles/softness"], made.softness[k])
            assert same_bits(frame.log["particles/p_hop"], made.p_hop[k])
            assert frame.log["particles/event"].tolist() == made.event[k].tolist()


@pytest.mark.parametrize("shape", ["orthorhombic", "triclinic", "square", "oblique"])
def test_positions_that_need_no_image_are_the_bits_of_the_store(make, written, shape):
    made = make(shape, spread=0.5)
    d, seen = made.boxes[0].dimension, 0
    with gsd.hoomd.open(written(made, "a.gsd")) as frames:
        for k, frame in enumerate(frames):
            home = ~frame.particles.image.any(axis=1)
            assert same_bits(frame.particles.position[home, :d], made.positions[k][home])
            assert np.array_equal(frame.log["rotation"], np.eye(3))
            seen += home.sum()
    assert seen > N


def test_the_edges_are_not_rounded_to_single_precision(make, written):
    made = make("orthorhombic")
    with gsd.hoomd.open(written(made, "a.gsd")) as frames:
        edges = np.array([f.configuration.box[:3] for f in frames])
    assert same_bits(edges, np.array([np.diag(b.vectors) for b in made.boxes]))
    assert not np.array_equal(edges, edges.astype(np.float32))


def test_unwrapped_positions_stand_as_they_are(make, written, notes):
    made = make()
    with gsd.hoomd.open(written(made, "a.gsd", notes, wrapped=False)) as frames:
        for k, frame in enumerate(frames):
            assert same_bits(frame.particles.position, made.positions[k])
            assert not frame.particles.image.any()
    assert any("HOOMD would not" in note for note in notes.said)


def test_absent_particles_are_left_out(make, written):
    made = make("oblique", complete=False)
    with gsd.hoomd.open(written(made, "a.gsd")) as frames:
        for k, frame in enumerate(frames):
            rows = made.rows(k)
            assert len(rows) == frame.particles.N
            assert np.allclose(unwrapped(frame, 2), made.positions[k][rows], atol=1e-13)
            assert (frame.log["particles/id"] - 1).tolist() == rows.tolist()
            assert frame.particles.typeid.tolist() == made.store.species[rows].tolist()
            assert same_bits(frame.log["particles/p_hop"], made.p_hop[k][rows])


@pytest.mark.parametrize("shape", ["orthorhombic", "turned"])
def test_open_axes_are_named_and_their_middle_is_the_origin(make, written, notes, shape):
    made = make(shape, periodic=(True, False, True))
    with gsd.hoomd.open(written(made, "a.gsd", notes)) as frames:
        for k, frame in enumerate(frames):
            assert frame.log["periodic"].tolist() == [1, 0, 1]
            assert not frame.particles.image[:, 1].any()
            assert np.allclose(unwrapped(frame, 3), made.positions[k], atol=1e-12)
            middle = made.boxes[k].fractional(frame.log["shift"])
            assert np.allclose(middle[1], 0.5)
    assert any("GSD has no open axes" in note for note in notes.said)


def test_a_turned_box_is_said(make, written, notes):
    written(make("turned"), "a.gsd", notes)
    assert any("turned to HOOMD's convention" in note for note in notes.said)


@pytest.mark.parametrize("shape", ["triclinic", "oblique"])
def test_vitrify_reads_back_what_it_wrote(make, written, shape):
    made = make(shape)
    for k, frame in enumerate(open_files([written(made, "a.gsd")]).frames()):
        assert frame.ids.tolist() == list(range(1, N + 1))
        assert frame.labels[:3].tolist() == ["A", "B", "A"]
        assert frame.step == k
        assert frame.time == made.store.times[k]
        assert np.allclose(frame.box.vectors, made.boxes[k].vectors, rtol=0, atol=1e-14)
        assert np.allclose(
            frame.box.unwrap(frame.positions, frame.images), made.positions[k], rtol=0, atol=1e-13
        )
        assert same_bits(frame.columns["softness"], made.softness[k])


def test_vitrify_reads_back_open_axes(make, written):
    made = make("orthorhombic", periodic=(True, False, True))
    frame = next(open_files([written(made, "a.gsd")]).frames())
    assert frame.box.periodic.tolist() == [True, False, True]
