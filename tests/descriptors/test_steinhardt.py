import numpy as np
import pytest

from vitrify.descriptors.bond_order import BondOrder
from vitrify.descriptors.steinhardt import Steinhardt, _third_order_terms
from vitrify.errors import ParameterError
from vitrify.particles import Box, Frame
from vitrify.particles.neighbors import pairs
from vitrify.testing.strategies import random_frame

CUTOFF = 1.3


def naive(frame: Frame, degree: int, averaged: bool) -> tuple[np.ndarray, np.ndarray]:
    """q_l and w_l from spherical harmonics of scipy and 3j symbols."""
    from scipy.special import sph_harm_y

    found, n = pairs(frame, CUTOFF), frame.n_particles
    v = np.zeros((len(found.first), 3))
    v[:, : frame.dimension] = found.vectors
    polar, azimuth = np.arccos(v[:, 2] / found.distances), np.arctan2(v[:, 1], v[:, 0])
    qlm, count = np.zeros((n, 2 * degree + 1), complex), np.bincount(found.first, minlength=n)
    for m in range(-degree, degree + 1):
        np.add.at(qlm[:, m + degree], found.first, sph_harm_y(degree, m, polar, azimuth))
    qlm /= np.maximum(count, 1)[:, None]
    if averaged:
        mean = qlm.copy()
        np.add.at(mean, found.first, qlm[found.second])
        qlm = mean / (count + 1)[:, None]
    square = (np.abs(qlm) ** 2).sum(axis=1)
    w = np.zeros(n)
    for (a, b), factor in zip(*_third_order_terms(degree), strict=True):
        w += factor * (qlm[:, a + degree] * qlm[:, b + degree] * qlm[:, degree - a - b]).real
    return np.sqrt(4 * np.pi / (2 * degree + 1) * square), w / np.where(square > 0, square, 1.0) ** 1.5


@pytest.mark.parametrize("averaged", [False, True])
@pytest.mark.parametrize("dimension", [2, 3])
def test_order_is_its_definition(averaged, dimension):
    frame = random_frame(np.random.default_rng(3), 60, n_species=3, dimension=dimension, tilted=True)
    q = [naive(frame, degree, averaged)[0] for degree in (2, 3, 6)]
    w = [naive(frame, degree, averaged)[1] for degree in (2, 6)]
    values = Steinhardt((2, 3, 6), CUTOFF, averaged).evaluate(frame)
    np.testing.assert_allclose(values[:, :3], np.transpose(q), atol=1e-12)
    np.testing.assert_allclose(values[:, 3:], np.transpose(w), atol=1e-10)
    chosen = [7, 3, 40]
    np.testing.assert_array_equal(
        Steinhardt((2, 3, 6), CUTOFF, averaged).evaluate(frame, chosen), values[chosen]
    )


@pytest.mark.parametrize("degree", [2, 4, 6, 12])
def test_squares_of_three_j_symbols_sum_to_one(degree):
    """Orthogonality: for any m3 the squares over m1, m2 sum to 1/(2l + 1)."""
    terms, factors = _third_order_terms(degree)
    for m in (0, 1, degree):
        assert (factors[terms.sum(axis=1) == -m] ** 2).sum() == pytest.approx(1 / (2 * degree + 1), rel=1e-13)


def test_three_j_symbols_of_degree_two():
    terms, factors = _third_order_terms(2)
    of = {tuple(t): f for t, f in zip(terms.tolist(), factors, strict=True)}
    assert of[0, 0] == pytest.approx(-np.sqrt(2 / 35))
    assert of[1, -1] == pytest.approx(np.sqrt(1 / 70))
    assert of[2, -2] == pytest.approx(np.sqrt(2 / 35))
    assert of[1, 1] == pytest.approx(-np.sqrt(3 / 35))


def test_second_order_is_that_of_a_very_wide_shell():
    frame = random_frame(np.random.default_rng(4), 80)
    wide = BondOrder((4, 6, 11), (0.0,), delta=1e5, cutoff=CUTOFF).evaluate(frame)
    np.testing.assert_allclose(Steinhardt((4, 6, 11), CUTOFF).evaluate(frame)[:, :3], wide, atol=1e-9)


def test_particle_without_neighbours_has_no_order():
    frame = Frame([[1.0] * 3, [5.0] * 3, [5.0] * 3], [0] * 3, Box.orthorhombic([9.0] * 3))
    for averaged in (False, True):
        assert (
            not Steinhardt(averaged=averaged).evaluate(frame).any()
        )  # nor one with a neighbour on its very spot


def test_averages_see_neighbours_of_neighbours():
    assert (Steinhardt(cutoff=2.0).reach, Steinhardt(cutoff=2.0, averaged=True).reach) == (2.0, 4.0)


def test_parameters_are_checked():
    with pytest.raises(ParameterError, match="`degrees` must be integers of at least 1 that ascend"):
        Steinhardt((6, 4))
    with pytest.raises(ParameterError, match="`cutoff` must be a positive length"):
        Steinhardt(cutoff=0.0)
