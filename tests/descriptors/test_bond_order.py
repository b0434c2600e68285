import numpy as np
import pytest
from scipy.special import eval_legendre, sph_harm_y

from vitrify.descriptors.bond_order import BondOrder
from vitrify.errors import ParameterError
from vitrify.particles import Box, Frame
from vitrify.testing.strategies import random_frame

SMALL = {"degrees": (1, 2, 3, 6, 7, 12), "radii": (0.6, 0.9, 1.3, 1.45, 1.5)}


def naive(frame, neighbours, descriptor):
    """Sum over spherical harmonics, as printed."""
    rows = []
    for i in range(frame.n_particles):
        v, _ = neighbours(frame, i, descriptor.cutoff)
        x, y, z = np.pad(v, ((0, 0), (0, 3 - frame.dimension))).T
        r = np.sqrt(x**2 + y**2 + z**2)
        weights = np.exp(-((r[:, None] - descriptor.radii) ** 2) / (2 * descriptor.delta**2))
        row = []
        for degree in descriptor.degrees:
            m = np.arange(-degree, degree + 1)[:, None]
            sums = sph_harm_y(degree, m, np.arccos(z / r), np.arctan2(y, x)) @ weights
            means = sums / np.maximum(weights.sum(axis=0), 1e-12)
            row.append(np.sqrt(4 * np.pi / (2 * degree + 1) * (np.abs(means) ** 2).sum(axis=0)))
        rows.append(np.concatenate(row))
    return np.array(rows)


def naive_by_pairs(frame, neighbours, descriptor):
    """Sum over pairs of neighbours: Z² q_l² = sum_jk w_j w_k P_l(cos theta_jk). Squares, as roots lose digits near 0."""
    rows = []
    for i in range(frame.n_particles):
        v, _ = neighbours(frame, i, descriptor.cutoff)
        r = np.linalg.norm(v, axis=1)
        cosine = (v @ v.T) / np.outer(r, r)
        weights = np.exp(-((r[:, None] - descriptor.radii) ** 2) / (2 * descriptor.delta**2))
        weights /= np.maximum(weights.sum(axis=0), 1e-12)
        legendre = [eval_legendre(degree, cosine) for degree in descriptor.degrees]
        rows.append(np.concatenate([np.einsum("jr,jk,kr->r", weights, p, weights) for p in legendre]))
    return np.array(rows)


def deviation(found, expected):
    """Largest difference in units of the feature's standard deviation, which is of the order 0.1."""
    return (np.abs(found - expected) / np.maximum(expected.std(axis=0), 1e-2)).max()


@pytest.mark.parametrize(
    "descriptor",
    [
        BondOrder(**SMALL, delta=0.2),
        BondOrder(**SMALL, delta=0.02),
        BondOrder(**SMALL, delta=0.3, cutoff=1.7),
        BondOrder((4,), (0.0,), delta=50.0, cutoff=1.6),
        BondOrder((2, 5), (0.0, 0.3, 4.0), delta=0.1),
    ],
    ids=["wide", "narrow", "cut", "sharp_cutoff", "empty_shells"],
)
def test_bond_order_is_its_definition(frame, neighbours, descriptor):
    found = descriptor.evaluate(frame)
    assert deviation(found, naive(frame, neighbours, descriptor)) < 1e-10
    np.testing.assert_allclose(found**2, naive_by_pairs(frame, neighbours, descriptor), atol=1e-11)


def test_published_grid_is_its_definition_in_a_dense_liquid(neighbours):
    frame = random_frame(np.random.default_rng(3), 60)
    dense = Frame(frame.positions / 1.3, frame.species, Box(frame.box.vectors / 1.3), frame.species_names)
    found, expected = BondOrder().evaluate(dense), naive(dense, neighbours, BondOrder())
    assert found.shape == (60, 192)
    assert (np.abs(found - expected) / expected.std(axis=0)).max() < 1e-10


def test_high_degrees_stay_accurate():
    """One neighbour gives 1 in every degree, two opposite ones 1 or 0: 40 steps of the recurrence lose nothing."""
    pair = Frame(
        [[0.0, 0.0, 0.0], [0.5, -0.7, 0.4]], [0, 0], Box.orthorhombic([30.0] * 3, periodic=[False] * 3)
    )
    three = Frame(
        [*pair.positions, -pair.positions[1]], [0] * 3, Box.orthorhombic([30.0] * 3, periodic=[False] * 3)
    )
    descriptor = BondOrder(tuple(range(1, 41)), (0.9, 1.0))
    np.testing.assert_allclose(descriptor.evaluate(pair), 1.0, rtol=1e-13)
    expected = np.repeat([0.0, 1.0] * 20, 2)
    np.testing.assert_allclose(descriptor.evaluate(three, [0])[0], expected, atol=1e-13)


def test_degrees_and_radii_do_not_influence_each_other():
    frame = random_frame(np.random.default_rng(5), 40)
    everything = BondOrder((2, 4, 5, 9), (0.8, 0.9, 1.0, 1.2, 1.3, 1.6), delta=0.05, cutoff=2.1)
    names = everything.feature_names(("A", "B"))
    values = everything.evaluate(frame)
    for degree, radius in ((2, 1.6), (5, 0.8), (9, 1.2)):
        one = BondOrder((degree,), (radius,), delta=0.05, cutoff=2.1)
        column = names.index(one.feature_names(("A", "B"))[0])
        np.testing.assert_allclose(one.evaluate(frame)[:, 0], values[:, column], atol=1e-12)


def test_shell_without_neighbours_is_zero_and_fades_out_without_a_jump():
    """A single neighbour gives 1 as long as its weight exceeds 1e-12, at 7.43 delta, then weight / 1e-12."""

    def at(distance):
        box = Box.orthorhombic([30.0] * 3, periodic=[False] * 3)
        return BondOrder((3,), (1.0,), cutoff=9.0).evaluate(
            Frame([[0.0] * 3, [0.0, distance, 0.0]], [0, 0], box), [0]
        )[0, 0]

    edge = 1.0 + 0.1 * np.sqrt(-2 * np.log(1e-12))
    assert at(edge - 1e-9) == pytest.approx(1.0, abs=1e-12)
    assert at(edge + 1e-9) == pytest.approx(1.0, abs=1e-6)
    assert at(edge + 0.05) == pytest.approx(np.exp(-((edge - 0.95) ** 2) / 0.02) / 1e-12, rel=1e-9)
    assert at(8.9) < 1e-100
    assert at(20.0) == 0.0


def test_shells_far_from_any_neighbour_are_led_by_the_nearest():
    """Of two neighbours at 4 and 5 delta from the shell the nearer counts exp(4.5) times as much."""
    box = Box.orthorhombic([30.0] * 3, periodic=[False] * 3)
    frame = Frame([[0.0] * 3, [1.4, 0.0, 0.0], [0.0, 1.5, 0.0]], [0, 0, 0], box)
    share = 1 / (1 + np.exp(-4.5))
    expected = np.sqrt(share**2 + (1 - share) ** 2)
    assert BondOrder((1,), (1.0,)).evaluate(frame, [0])[0, 0] == pytest.approx(expected, rel=1e-12)


def test_neighbour_on_the_same_spot_has_no_direction():
    box = Box.orthorhombic([9.0] * 3)
    apart = Frame([[1.0] * 3, [2.0, 1.0, 1.0], [1.0, 2.0, 1.0]], [0] * 3, box)
    together = Frame([*apart.positions, [1.0] * 3], [0] * 4, box)
    descriptor = BondOrder((1, 2, 4), (0.0, 0.1, 1.0))
    np.testing.assert_array_equal(descriptor.evaluate(together, [0]), descriptor.evaluate(apart, [0]))


def test_species_are_not_told_apart():
    frame = random_frame(np.random.default_rng(6), 30)
    exchanged = Frame(frame.positions, 1 - frame.species, frame.box, frame.species_names)
    assert np.array_equal(BondOrder().evaluate(frame), BondOrder().evaluate(exchanged))


def test_more_neighbours_than_usual_are_counted(neighbours):
    frame = random_frame(np.random.default_rng(7), 4)
    descriptor = BondOrder((3, 8), (2.0, 9.0), delta=0.5)
    assert deviation(descriptor.evaluate(frame), naive(frame, neighbours, descriptor)) < 1e-10


def test_names_say_degree_radius_and_what_is_not_the_default():
    names = BondOrder((4,), (1.0,), delta=0.2, cutoff=1.5).feature_names(("A",))
    assert names == ("q_4(1; 0.2; R<1.5)",)
    assert BondOrder().feature_names(("A",))[-1] == "q_12(2.5)"
    assert BondOrder().cutoff == pytest.approx(3.3)


def test_narrowing_keeps_degrees_and_radii_of_the_wanted_features():
    narrowed = BondOrder().narrowed(frozenset({"q_8(1.7)", "q_3(1)", "G_A(1)"}), ("A", "B"))
    assert narrowed == BondOrder((3, 8), (1.0, 1.7))
    assert BondOrder().narrowed(frozenset({"G_A(1)"}), ("A", "B")) == BondOrder()
    assert BondOrder(cutoff=2.0).narrowed(frozenset({"q_3(1; R<2)"}), ("A",)).cutoff == 2.0


@pytest.mark.parametrize("degrees", [(), (0, 1), (2, 2), (6, 4), (1.5,), (float("nan"),)])
def test_degrees_that_are_none_are_refused(degrees):
    with pytest.raises(ParameterError, match="`degrees` must be integers of at least 1 that ascend"):
        BondOrder(degrees=degrees)


def test_radii_and_lengths_are_checked():
    with pytest.raises(ParameterError, match="`radii` must ascend and there must be at least one; got 2"):
        BondOrder(radii=(1.0, 1.0))
    with pytest.raises(ParameterError, match="`delta` must be a positive length; it is 0"):
        BondOrder(delta=0)
    with pytest.raises(ParameterError, match="`cutoff` must be a positive length; it is -1"):
        BondOrder(cutoff=-1)
