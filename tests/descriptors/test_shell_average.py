from dataclasses import dataclass

import numpy as np
import pytest

from vitrify.descriptors import DESCRIPTOR_SETS
from vitrify.descriptors.base import Descriptor
from vitrify.descriptors.bond_order import BondOrder
from vitrify.descriptors.combined import DescriptorSet, Select
from vitrify.descriptors.coordination import Coordination
from vitrify.descriptors.radial_density import RadialDensity
from vitrify.descriptors.shell_average import ShellAverage
from vitrify.errors import ParameterError
from vitrify.particles import Box, Frame
from vitrify.testing.descriptors import assert_same_features
from vitrify.testing.strategies import random_frame

INNER = RadialDensity(radii=(0.9, 1.1, 1.6), delta=0.2, cutoff=2.0)


@dataclass(frozen=True)
class Given(Descriptor):
    """Numbers that are given for each particle; remembers for whom it was asked."""

    name = "given"
    cutoff = 1.0
    values: tuple[tuple[float, ...], ...] = ()
    asked: tuple[list, ...] = ()

    def feature_names(self, species_names):
        return tuple(f"x{k}" for k in range(len(self.values[0])))

    def attributes(self, units=None):
        return dict.fromkeys(("units", "symbol", "long_name", "definition"), "given")

    def evaluate(self, frame, particles=None):
        chosen = np.arange(frame.n_particles) if particles is None else np.asarray(particles)
        for asked in self.asked:
            asked.extend(chosen.tolist())
        return np.array(self.values, float)[chosen]


def given(values):
    return Given(tuple(map(tuple, values.tolist())), ([],))


def naive(frame, neighbours, values, cutoff):
    """One averaging of the rows of all particles."""
    means = np.empty_like(values)
    for i in range(frame.n_particles):
        # every image of a particle carries its values: the "species" that comes back is the index
        numbered = Frame(
            frame.positions, np.arange(frame.n_particles), frame.box, tuple(map(str, range(len(values))))
        )
        vectors, index = neighbours(numbered, i, cutoff)
        weights = np.append(1.0, np.exp(-np.linalg.norm(vectors, axis=1) / cutoff))
        means[i] = weights @ values[np.append(i, index)] / weights.sum()
    return means


@pytest.mark.parametrize("cutoff", [0.7, 1.9, 4.5])
def test_orders_are_successive_means_over_the_neighbours(frame, neighbours, cutoff):
    expected = [np.random.default_rng(1).normal(size=(frame.n_particles, 7))]
    inner = given(expected[0])
    for _ in range(3):
        expected.append(naive(frame, neighbours, expected[-1], cutoff))
    found = ShellAverage(inner, order=3, cutoff=cutoff).evaluate(frame)
    assert_same_features(found, np.hstack(expected), 1e-13)


def test_order_zero_is_the_inner_descriptor():
    frame = random_frame(np.random.default_rng(2), 30)
    zero = ShellAverage(INNER, order=0)
    assert np.array_equal(zero.evaluate(frame), INNER.evaluate(frame))
    assert zero.feature_names(("A", "B")) == INNER.feature_names(("A", "B"))


@pytest.mark.parametrize("particles", [[0], [17, 3, 17], list(range(60, 10, -1))])
def test_few_particles_have_the_bits_that_they_have_among_all(particles):
    frame = random_frame(np.random.default_rng(3), 200)
    average = ShellAverage(DescriptorSet((INNER, BondOrder((4, 6), (0.8, 1.0)))), order=2, cutoff=1.0)
    assert np.array_equal(average.evaluate(frame, particles), average.evaluate(frame)[particles])


def test_inner_descriptor_is_asked_only_for_what_few_particles_need():
    """In a row of particles 1 apart, an average within 1.5 of order 2 needs two of them on each side."""
    n = 20
    row = Frame(np.column_stack([np.arange(n), np.zeros(n)]), np.zeros(n, int), Box.orthorhombic([n, 9.0]))
    inner = given(np.arange(n, dtype=float)[:, None])
    ShellAverage(inner, order=2, cutoff=1.5).evaluate(row, [10])
    assert sorted(inner.asked[0]) == [8, 9, 10, 11, 12]


def test_average_of_a_constant_is_that_constant():
    frame = random_frame(np.random.default_rng(4), 300, tilted=True)
    constants = np.array([1.0, -3.7e5, 1e-9, np.pi, 0.0])
    found = ShellAverage(given(np.tile(constants, (300, 1))), order=3, cutoff=2.2).evaluate(frame)
    np.testing.assert_allclose(found, np.tile(constants, (300, 4)), rtol=1e-12, atol=0)


def test_isolated_particle_keeps_its_values():
    alone = Frame([[1.0, 1.0, 1.0], [7.0, 7.0, 7.0]], [0, 1], Box.orthorhombic([12.0] * 3))
    found = ShellAverage(given(np.array([[0.3, 8.0], [5.0, 1 / 3]])), order=2, cutoff=2.3).evaluate(alone)
    assert np.array_equal(found, np.tile([[0.3, 8.0], [5.0, 1 / 3]], 3))


def test_averages_stay_between_the_smallest_and_the_largest_value():
    frame = random_frame(np.random.default_rng(5), 100)
    orders = ShellAverage(Coordination(), order=3, cutoff=1.5).evaluate(frame).reshape(100, 4, -1)
    assert (np.diff(orders.max(axis=0), axis=0) <= 1e-12).all()
    assert (np.diff(orders.min(axis=0), axis=0) >= -1e-12).all()
    assert (np.diff(orders[:, :, -1].std(axis=0)) < 0).all()


def test_names_say_the_order_and_a_cutoff_other_than_the_default():
    assert ShellAverage(RadialDensity(radii=(1.0,)), order=2).feature_names(("A",)) == (
        "G_A(1)",
        "avg1[G_A(1)]",
        "avg2[G_A(1)]",
    )
    short = ShellAverage(RadialDensity(radii=(1.0,)), order=1, cutoff=1.4)
    assert short.feature_names(("A",)) == ("G_A(1)", "avg1[G_A(1); R<1.4]")


def test_reach_adds_up():
    assert ShellAverage(INNER, order=2, cutoff=1.5).reach == pytest.approx(5.0)


def test_particles_beyond_the_reach_change_nothing():
    rng = np.random.default_rng(6)
    box = Box.orthorhombic([40.0] * 3, periodic=[False] * 3)
    frame = Frame(rng.uniform(0, 8, (400, 3)), np.zeros(400, int), box)
    average = ShellAverage(RadialDensity(radii=(0.8, 1.0), delta=0.05), order=2, cutoff=1.1)
    distance = np.linalg.norm(frame.positions - frame.positions[0], axis=1)
    near = distance < average.reach
    assert 10 < near.sum() < 300
    cut = Frame(frame.positions[near], frame.species[near], box)
    assert_same_features(average.evaluate(cut, [0]), average.evaluate(frame, [0]), 1e-12)


def test_selected_averages_are_columns_and_only_what_they_need_is_computed():
    frame = random_frame(np.random.default_rng(7), 40)
    average = ShellAverage(DescriptorSet((RadialDensity(), BondOrder())), order=2, cutoff=1.5)
    names = average.feature_names(frame.species_names)
    features = ("avg1[q_8(1.7); R<1.5]", "G_B(0.9)", "q_8(1.2)")
    columns = [names.index(f) for f in features]
    narrowed = average.narrowed(frozenset(features), frame.species_names)
    parts = (RadialDensity(radii=(0.9,)), BondOrder((8,), (1.2, 1.7)))
    assert narrowed == ShellAverage(DescriptorSet(parts), order=1, cutoff=1.5)
    assert average.narrowed(frozenset({"other"}), frame.species_names) == average
    found = Select(average, features).evaluate(frame)
    assert_same_features(found, average.evaluate(frame)[:, columns], 1e-11)


def test_average_of_an_average_needs_another_cutoff():
    frame = random_frame(np.random.default_rng(8), 20)
    twice = ShellAverage(ShellAverage(INNER, order=1), order=1)
    with pytest.raises(ParameterError, match=r"Two features of the averages are called 'avg1\[G_A\(0.9"):
        twice.evaluate(frame)
    mixed = ShellAverage(ShellAverage(INNER, order=1), order=1, cutoff=1.4)
    assert mixed.evaluate(frame).shape == (20, 4 * 6)


def test_named_set_has_the_published_number_of_descriptors():
    """Of each order 200 radial and 192 angular ones for a binary mixture."""
    average = DESCRIPTOR_SETS.load("boattini-2021")()
    names = average.feature_names(("A", "B"))
    assert len(names) == 3 * 392
    inner = names[:392]
    assert sum(name.startswith("G_") for name in inner) == 200
    assert sum(name.startswith("q_") for name in inner) == 192
    assert names[2 * 392 :] == tuple(f"avg2[{name}]" for name in inner)


def test_parameters_are_checked():
    with pytest.raises(ParameterError, match="`inner` must be a descriptor; it is 'radial'"):
        ShellAverage("radial")
    for order in (-1, 1.5, float("nan")):
        with pytest.raises(ParameterError, match="`order` must be an integer of at least 0; it is"):
            ShellAverage(INNER, order=order)
    with pytest.raises(ParameterError, match="`cutoff` must be a positive length; it is 0"):
        ShellAverage(INNER, cutoff=0)
