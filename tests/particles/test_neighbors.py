from itertools import product

import numpy as np
import pytest

from vitrify.errors import ConfigurationError, ParameterError
from vitrify.particles import Box, Frame
from vitrify.particles.neighbors import cell_list, pairs, require_distinct


def brute_force(frame, cutoff):
    """All (i, j, distance) under every image, sorted."""
    box = frame.box
    reach = [int(cutoff / h) + 2 if p else 0 for h, p in zip(box.heights, box.periodic, strict=True)]
    images = np.array(list(product(*[range(-m, m + 1) for m in reach])))
    wrapped = box.wrap(frame.positions)
    distance = np.linalg.norm(wrapped[None, :, None] - wrapped[:, None, None] + images @ box.vectors, axis=-1)
    home = (images == 0).all(axis=1)
    near = distance < cutoff
    near[np.arange(len(wrapped)), np.arange(len(wrapped)), np.flatnonzero(home)] = False
    first, second, image = np.nonzero(near)
    return sorted(zip(first.tolist(), second.tolist(), distance[first, second, image].tolist(), strict=True))


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("seed", range(12))
def test_pairs_are_all_pairs_under_all_images(dimension, seed):
    rng = np.random.default_rng(seed)
    skew = rng.uniform(-1.5, 1.5, (dimension, dimension)) * (seed % 2) * (1.0 if dimension == 2 else 0.6)
    vectors = np.diag(rng.uniform(2, 4, dimension)) + skew
    box = Box(vectors, rng.normal(size=dimension), rng.random(dimension) < 0.7)
    frame = Frame(rng.uniform(-1, 5, (12, dimension)), rng.integers(0, 2, 12), box)
    cutoff = rng.uniform(0.5, 4.0)
    found = pairs(frame, cutoff)
    expected = brute_force(frame, cutoff)
    assert len(found.first) == len(expected)
    triples = sorted(zip(found.first.tolist(), found.second.tolist(), found.distances.tolist(), strict=True))
    np.testing.assert_allclose(triples, expected, rtol=1e-11)
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), found.distances, rtol=1e-12)


@pytest.mark.parametrize("dimension", [2, 3])
def test_many_cells_find_what_one_cell_finds(dimension):
    rng = np.random.default_rng(0)
    box = Box(np.diag([9.0] * dimension) + np.tril(np.full((dimension, dimension), 1.7), -1))
    frame = Frame(rng.uniform(-20, 20, (150, dimension)), np.zeros(150, int), box)
    assert cell_list(frame, 1.3).grid[:dimension].min() > 3
    found = pairs(frame, 1.3)
    reference = brute_force(frame, 1.3)
    triples = sorted(zip(found.first.tolist(), found.second.tolist(), found.distances.tolist(), strict=True))
    np.testing.assert_allclose(triples, reference, rtol=1e-11)


def test_vectors_point_from_the_first_to_an_image_of_the_second():
    rng = np.random.default_rng(1)
    frame = Frame(rng.uniform(0, 4, (20, 3)), np.zeros(20, int), Box.orthorhombic([4.0] * 3))
    found = pairs(frame, 2.9)
    offset = (frame.positions[found.second] - frame.positions[found.first] - found.vectors) / 4.0
    np.testing.assert_allclose(offset, np.rint(offset), atol=1e-12)


def test_particle_outside_an_open_box_is_still_found():
    frame = Frame(
        [[0.1, 0.1], [-30.0, 50.0], [-30.0, 50.5]], [0, 0, 0], Box.orthorhombic([4.0, 4.0], periodic=[0, 0])
    )
    assert pairs(frame, 1.0).first.tolist() == [1, 2]


@pytest.mark.parametrize("n", [0, 1])
def test_nobody_has_no_neighbours(n):
    frame = Frame(np.zeros((n, 3)), np.zeros(n, int), Box.orthorhombic([9.0] * 3))
    assert len(pairs(frame, 2.0).first) == 0
    require_distinct(frame)


def test_lone_particle_sees_its_own_images():
    frame = Frame(np.zeros((1, 3)), [0], Box.orthorhombic([1.0] * 3))
    assert sorted(pairs(frame, 1.5).distances.round(9).tolist()) == [1.0] * 6 + [round(2**0.5, 9)] * 12


@pytest.mark.parametrize("cutoff", [0.0, -1.0, np.nan, np.inf])
def test_cutoff_must_be_a_positive_length(cutoff):
    frame = Frame(np.zeros((1, 3)), [0], Box.orthorhombic([9.0] * 3))
    with pytest.raises(ParameterError, match="`cutoff` must be a positive length"):
        cell_list(frame, cutoff)


def test_two_particles_on_one_spot_are_named():
    rng = np.random.default_rng(2)
    positions = rng.uniform(0, 5, (30, 3))
    box = Box.orthorhombic([5.0] * 3)
    require_distinct(Frame(positions, np.zeros(30, int), box))
    positions[17] = positions[4] + [5.0, 0.0, -5.0]
    with pytest.raises(ConfigurationError, match=r"Particles 4 and 17 sit on one spot.*\(dump\)"):
        require_distinct(Frame(positions, np.zeros(30, int), box, label="dump"))
