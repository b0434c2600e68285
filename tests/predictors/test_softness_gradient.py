"""The gradient of softness: against its definition, and fields whose gradient is known."""

import numpy as np
import pytest

from vitrify.errors import ParameterError, ShapeError
from vitrify.particles import Box, Frame
from vitrify.particles.neighbors import pairs
from vitrify.predictors.softness_gradient import softness_gradient
from vitrify.testing.strategies import random_frame, rotation

FCC = np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2


def naive(frame, values, cutoff):
    found = pairs(frame, cutoff)
    rise = values[found.second] - values[found.first]
    known = ~np.isnan(rise)
    terms = (rise / found.distances**2)[:, None] * found.vectors
    total, n = np.zeros((frame.n_particles, frame.dimension)), np.zeros(frame.n_particles)
    np.add.at(total, found.first[known], terms[known])
    np.add.at(n, found.first[known], 1)
    total[np.isnan(values)] = np.nan
    return total, n


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("tilted", [False, True])
@pytest.mark.parametrize("periodic", [False, True])
def test_gradient_is_its_definition(dimension, tilted, periodic):
    rng = np.random.default_rng(5)
    frame = random_frame(rng, 60, dimension=dimension, tilted=tilted, periodic=periodic)
    values = rng.normal(size=60)
    values[[4, 44]] = np.nan
    expected, n = naive(frame, values, 2.5)
    found = softness_gradient(frame, values)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(softness_gradient(frame, values, particles=[9, 4, 0]), found[[9, 4, 0]])
    normalised = softness_gradient(frame, values, normalised=True)
    scaled = expected * (dimension / np.where(n > 0, n, np.nan))[:, None]
    np.testing.assert_allclose(normalised, scaled, rtol=1e-10, atol=1e-12)


def test_linear_field_in_the_first_shell_of_fcc_gives_four_times_its_gradient():
    cells = np.stack(np.meshgrid(*[np.arange(3)] * 3), axis=-1).reshape(-1, 1, 3)
    frame = Frame(
        (cells + FCC).reshape(-1, 3), np.zeros(108), Box.orthorhombic([3.0] * 3, periodic=[False] * 3)
    )
    slope = np.array([0.3, -1.0, 2.0])
    inner = np.argmin(np.linalg.norm(frame.positions - 1.5, axis=1))
    values = frame.positions @ slope
    np.testing.assert_allclose(softness_gradient(frame, values, 0.8)[inner], 4 * slope, rtol=1e-12)
    np.testing.assert_allclose(
        softness_gradient(frame, values, 0.8, normalised=True)[inner], slope, rtol=1e-12
    )


def test_gradient_turns_with_the_configuration_and_does_not_see_a_constant():
    rng = np.random.default_rng(1)
    frame, turn = random_frame(rng, 40), rotation(rng, 3)
    values = rng.normal(size=40)
    box = Box(frame.box.vectors @ turn, frame.box.origin @ turn)
    turned = Frame(frame.positions @ turn, frame.species, box)
    expected = softness_gradient(frame, values)
    np.testing.assert_allclose(softness_gradient(turned, values + 7.0), expected @ turn, atol=1e-9)


def test_without_neighbours_there_is_no_normalised_gradient():
    frame = Frame([[1.0, 1.0], [5.0, 5.0]], [0, 0], Box.orthorhombic([9.0, 9.0]))
    assert softness_gradient(frame, [0.0, 1.0]).tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert np.isnan(softness_gradient(frame, [0.0, 1.0], normalised=True)).all()
    assert softness_gradient(frame, [0.0, 1.0], particles=[]).shape == (0, 2)


def test_what_cannot_be_meant_is_refused():
    frame = random_frame(np.random.default_rng(1), 10)
    with pytest.raises(ShapeError, match=r"one number a particle, 10; it has shape \(9,\)"):
        softness_gradient(frame, np.zeros(9))
    with pytest.raises(ParameterError, match="`cutoff` must be a positive length"):
        softness_gradient(frame, np.zeros(10), cutoff=0)
