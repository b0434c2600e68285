import numpy as np
import pytest

from vitrify.descriptors.coordination import Coordination
from vitrify.errors import ParameterError, ShapeError
from vitrify.testing.strategies import random_frame

CUTOFFS = {
    ("A", "A"): 1.4,
    ("B", "A"): 1.1,
    ("B", "B"): 0.9,
    ("A", "C"): 2.3,
    ("B", "C"): 1.7,
    ("C", "C"): 0.5,
}


def test_coordination_is_its_definition(frame, neighbours):
    symmetric = {**CUTOFFS, **{(b, a): value for (a, b), value in CUTOFFS.items()}}
    names = frame.species_names
    expected = np.zeros((frame.n_particles, len(names) + 1))
    for i in range(frame.n_particles):
        vectors, species = neighbours(frame, i, 2.3)
        for r, s in zip(np.linalg.norm(vectors, axis=1), species, strict=True):
            near = r < symmetric[names[frame.species[i]], names[s]]
            expected[i, s] += near
            expected[i, -1] += near
    assert np.array_equal(Coordination(CUTOFFS).evaluate(frame), expected)


def test_order_of_entries_and_of_the_two_species_does_not_matter():
    one = Coordination((("A", "B", 1.2), ("A", "A", 1.4)))
    other = Coordination((("A", "A", 1.4), ("B", "A", 1.2)))
    assert one == other
    assert hash(one) == hash(other)


def test_missing_pair_is_named():
    frame = random_frame(np.random.default_rng(0), 5, n_species=3)
    with pytest.raises(
        ParameterError, match=r"`cutoffs` has none for the pair \('A', 'C'\); it has AA, AB, BB"
    ):
        Coordination().evaluate(frame)


def test_pairs_given_twice_or_not_at_all_are_refused():
    with pytest.raises(ParameterError, match="each pair of species once; it has the pair"):
        Coordination((("A", "B", 1.2), ("B", "A", 1.2)))
    with pytest.raises(ParameterError, match="each pair of species once; it has no pair"):
        Coordination(())


def test_entries_that_are_not_two_names_and_a_length_are_refused():
    with pytest.raises(ShapeError, match="two species names and a length"):
        Coordination(((0, 0, 1.4),))
    with pytest.raises(ParameterError, match=r"`cutoffs \(A, A\)` must be a positive length; it is -1"):
        Coordination((("A", "A", -1),))
