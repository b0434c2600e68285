import numpy as np
import pytest

from vitrify.descriptors.ordered_distances import OrderedDistances
from vitrify.errors import ParameterError
from vitrify.particles import Box, Frame


@pytest.mark.parametrize("n", [1, 12, 160])
def test_distances_are_those_of_brute_force(frame, neighbours, n):
    """In boxes smaller than the cutoff images count; where there are too few neighbours the cutoff stands for them."""
    found = OrderedDistances(n, cutoff=3.0).evaluate(frame)
    for i in range(frame.n_particles):
        distances = np.sort(np.linalg.norm(neighbours(frame, i, 3.0)[0], axis=1))[:n]
        expected = np.concatenate([distances, np.full(n - len(distances), 3.0)])
        np.testing.assert_allclose(found[i], expected, rtol=1e-12)


def test_particles_in_thin_parts_look_farther():
    """A dense cluster sets the mean density; the lone particles are out of the first search."""
    cluster = np.random.default_rng(0).uniform(0, 1, (200, 3))
    lone = np.array([[5.0] * 3, [8.0] * 3])
    frame = Frame(np.vstack([cluster, lone]), np.zeros(202), Box.orthorhombic([10.0] * 3))
    found = OrderedDistances(5, cutoff=9.0).evaluate(frame, [200, 201])
    every = frame.box.minimum_image(frame.positions - lone[0])
    np.testing.assert_allclose(found[0], np.sort(np.linalg.norm(every, axis=1))[1:6])
    assert (OrderedDistances(5, cutoff=1.0).evaluate(frame, [200]) == 1.0).all()


def test_numbers_that_count_no_neighbours_are_refused():
    with pytest.raises(ParameterError, match="`n_neighbours` must be an integer of at least 1; it is 0"):
        OrderedDistances(0)
    with pytest.raises(ParameterError, match="`cutoff` must be a positive length"):
        OrderedDistances(cutoff=-1)
