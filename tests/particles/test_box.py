from itertools import product

import numpy as np
import pytest

from vitrify.errors import ConfigurationError, ShapeError
from vitrify.particles import Box
from vitrify.testing.strategies import random_box

TILTED = Box.triclinic([5.0, 4.0, 6.0], [1.3, -2.0, 0.7], origin=[1.0, -2.0, 0.5])


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("seed", range(6))
def test_minimum_image_is_the_shortest_of_all_copies(dimension, seed):
    rng = np.random.default_rng(seed)
    skew = rng.uniform(-2.5, 2.5, (dimension, dimension)) * (seed % 2)
    periodic = rng.random(dimension) < 0.7
    box = Box(np.diag(rng.uniform(2, 4, dimension)) + np.tril(skew, -1), rng.normal(size=dimension), periodic)
    copies = np.array(list(product(*[range(-9, 10) if p else [0] for p in periodic]))) @ box.vectors
    vectors = rng.uniform(-3, 3, (30, dimension))
    shortest = np.linalg.norm(vectors[:, None] + copies, axis=-1).min(axis=1)
    found = box.minimum_image(vectors)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), shortest, rtol=1e-12)
    moved = (found - vectors) @ box.inverse
    np.testing.assert_allclose(moved, np.rint(moved), atol=1e-9)
    assert not np.rint(moved)[:, ~periodic].any()


@pytest.mark.parametrize("dimension", [2, 3])
def test_heights_are_distances_between_faces(dimension):
    box = random_box(np.random.default_rng(0), dimension, tilted=True)
    for k in range(dimension):
        others = np.delete(box.vectors, k, axis=0)
        area = np.sqrt(np.linalg.det(others @ others.T))
        assert box.heights[k] == pytest.approx(box.volume / area)


def test_lammps_tilts_are_rows_below_the_diagonal():
    assert TILTED.vectors.tolist() == [[5.0, 0.0, 0.0], [1.3, 4.0, 0.0], [-2.0, 0.7, 6.0]]
    assert TILTED.volume == pytest.approx(120.0)
    assert not TILTED.is_orthorhombic
    assert Box.triclinic([5.0, 4.0], [1.3]).vectors.tolist() == [[5.0, 0.0], [1.3, 4.0]]
    with pytest.raises(ShapeError, match="3D box has 3 tilts; got 1"):
        Box.triclinic([5.0, 4.0, 6.0], [1.3])


def test_particle_on_the_upper_face_is_wrapped_to_the_lower():
    box = Box.orthorhombic([3.0, 3.0])
    wrapped = box.wrap([[3.0, -1e-18], [-3.0, 6.0]])
    assert ((wrapped >= 0) & (wrapped < 3.0)).all()


def test_open_axes_are_neither_wrapped_nor_folded():
    box = Box.orthorhombic([3.0, 3.0], periodic=[True, False])
    assert box.wrap([[4.0, 4.0]]).tolist() == [[1.0, 4.0]]
    assert box.minimum_image([[2.0, 2.0]]).tolist() == [[-1.0, 2.0]]
    assert box.images([[4.0, 4.0]]).tolist() == [[1, 0]]
    open_box = Box.orthorhombic([3.0, 3.0], periodic=[False, False])
    assert open_box.minimum_image([[2.0, 2.0]]).tolist() == [[2.0, 2.0]]


def test_following_unwraps_small_steps():
    rng = np.random.default_rng(1)
    path = np.cumsum(rng.normal(scale=0.3, size=(50, 4, 3)), axis=0)
    seen = TILTED.wrap(path)
    followed = [seen[0]]
    for k in range(1, 50):
        followed.append(TILTED.follow(followed[-1], seen[k]))
    np.testing.assert_allclose(np.array(followed) - seen[0], path - path[0], atol=1e-10)


def test_boxes_are_equal_and_hash_by_content():
    same = Box(TILTED.vectors, TILTED.origin)
    assert same == TILTED
    assert hash(same) == hash(TILTED)
    assert Box(**TILTED.to_dict()) == TILTED
    assert Box(TILTED.vectors) != TILTED
    assert TILTED != "box"


def test_box_refuses_writing():
    with pytest.raises(ValueError, match="read-only"):
        TILTED.vectors[0, 0] = 1.0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([[1.0, 0.0, 0.0]],), ShapeError, r"`vectors` must have shape .* it has \(1, 3\)"),
        ((np.eye(2), [0.0, 0.0, 0.0]), ShapeError, "need 2 entries"),
        ((np.eye(2), None, [True]), ShapeError, "need 2 entries"),
        (([[1.0, 2.0], [2.0, 4.0]],), ConfigurationError, "span no volume"),
        (([[1.0, np.nan], [0.0, 1.0]],), ConfigurationError, "not finite"),
    ],
)
def test_what_is_no_box_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        Box(*arguments)
