"""How far particles are from where a configuration ends."""

from itertools import combinations

import numpy as np
import pytest

from vitrify.errors import ParameterError
from vitrify.particles import Box, Frame
from vitrify.particles.edges import distance_to_open_faces, near_open_face
from vitrify.testing.strategies import random_box


def naive(frame):
    """Distance to each open face by its normal, one particle after the other."""
    box, d = frame.box, frame.dimension
    out = np.full(frame.n_particles, np.inf)
    for axis in range(d):
        if box.periodic[axis]:
            continue
        others = [box.vectors[k] for k in range(d) if k != axis]
        normal = np.cross(*others) if d == 3 else np.array([-others[0][1], others[0][0]])
        normal = normal / np.linalg.norm(normal)
        normal = normal * np.sign(normal @ box.vectors[axis])
        for i, r in enumerate(frame.positions - box.origin):
            out[i] = min(out[i], r @ normal, (box.vectors[axis] - r) @ normal)
    return out


@pytest.mark.parametrize("d", [2, 3])
def test_it_is_the_distance_along_the_normal_of_the_nearest_open_face(d):
    rng = np.random.default_rng(d)
    for k in range(20):
        tilted = random_box(rng, d, tilted=True)
        box = Box(tilted.vectors, tilted.origin, rng.random(d) < 0.5)
        positions = rng.uniform(-0.2, 1.2, (30, d)) @ box.vectors + box.origin
        frame = Frame(positions, np.zeros(30, int), box)
        np.testing.assert_allclose(distance_to_open_faces(frame), naive(frame), atol=1e-12, err_msg=str(k))


def test_nothing_is_near_an_edge_where_all_axes_are_periodic():
    frame = Frame([[0.0, 0.1], [5.0, 5.0]], [0, 0], Box.orthorhombic([10.0, 10.0]))
    assert np.isinf(distance_to_open_faces(frame)).all()
    assert not near_open_face(frame, 1e9).any()


@pytest.mark.parametrize("d", [2, 3])
def test_the_distance_is_that_of_the_nearest_point_of_the_surface_of_an_open_box(d):
    rng = np.random.default_rng(10 + d)
    box = Box(random_box(rng, d, tilted=True).vectors, periodic=np.zeros(d, bool))
    inside = rng.uniform(0.05, 0.95, (40, d)) @ box.vectors
    side = np.linspace(0, 1, 81)
    flat = np.stack(np.meshgrid(*[side] * (d - 1)), axis=-1).reshape(-1, d - 1)
    surface = (
        np.concatenate([np.insert(flat, axis, face, axis=1) for axis in range(d) for face in (0.0, 1.0)])
        @ box.vectors
    )
    nearest = np.linalg.norm(inside[:, None] - surface, axis=2).min(axis=1)
    found = distance_to_open_faces(Frame(inside, np.zeros(40, int), box))
    spacing = (
        max(
            np.linalg.norm(a) + np.linalg.norm(b)
            for a, b in combinations([*box.vectors, 0 * box.vectors[0]], 2)
        )
        / 80
    )
    assert (found <= nearest + 1e-12).all()
    assert (nearest <= np.hypot(found, spacing)).all()


def test_periodic_images_and_relabelling_make_no_difference():
    rng = np.random.default_rng(5)
    tilted = random_box(rng, 3, tilted=True)
    box = Box(tilted.vectors, tilted.origin, [True, False, True])
    positions = rng.random((25, 3)) @ box.vectors + box.origin
    here = distance_to_open_faces(Frame(positions, np.zeros(25, int), box))
    images = rng.integers(-3, 4, (25, 3)) * box.periodic
    there = distance_to_open_faces(Frame(positions + images @ box.vectors, np.zeros(25, int), box))
    np.testing.assert_allclose(there, here, atol=1e-10)
    order = rng.permutation(25)
    assert np.array_equal(
        distance_to_open_faces(Frame(positions[order], np.zeros(25, int), box)), here[order]
    )


def test_a_particle_outside_is_at_a_negative_distance_and_near_at_any_reach():
    box = Box.orthorhombic([4.0, 4.0], periodic=[False, False])
    frame = Frame([[-0.5, 2.0], [2.0, 2.0]], [0, 0], box)
    assert distance_to_open_faces(frame).tolist() == [-0.5, 2.0]
    assert near_open_face(frame, 0.0).tolist() == [True, False]
    assert near_open_face(frame, 2.0).tolist() == [True, False], "exactly `reach` away is far enough"
    assert near_open_face(frame, 2.0001).tolist() == [True, True]


def test_a_frame_without_particles_has_no_distances():
    box = Box.orthorhombic([4.0, 4.0], periodic=[False, False])
    assert near_open_face(Frame(np.empty((0, 2)), [], box), 1.0).shape == (0,)


@pytest.mark.parametrize("reach", [-1.0, np.nan])
def test_a_reach_that_is_no_length_is_refused(reach):
    frame = Frame([[1.0, 1.0]], [0], Box.orthorhombic([4.0, 4.0]))
    with pytest.raises(ParameterError, match=f"`reach` must be a length of at least 0; it is {reach}"):
        near_open_face(frame, reach)
