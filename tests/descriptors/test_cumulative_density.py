import numpy as np
import pytest

from vitrify.descriptors.coordination import Coordination
from vitrify.descriptors.cumulative_density import CumulativeDensity
from vitrify.errors import ParameterError


def test_counts_are_those_of_brute_force(frame, neighbours):
    radii = (0.0, 0.4, 1.1, 1.15, 2.9)
    expected = np.zeros((frame.n_particles, len(frame.species_names), len(radii)))
    for i in range(frame.n_particles):
        vectors, species = neighbours(frame, i, 2.9)
        for r, s in zip(np.linalg.norm(vectors, axis=1), species, strict=True):
            expected[i, s] += r < np.array(radii)
    found = CumulativeDensity(radii).evaluate(frame)
    np.testing.assert_array_equal(found, expected.reshape(frame.n_particles, -1))


def test_counts_at_one_radius_are_the_coordination(glass):
    one = CumulativeDensity(radii=(1.4,)).evaluate(glass)
    cutoffs = (("A", "A", 1.4), ("A", "B", 1.4), ("B", "B", 1.4))
    np.testing.assert_array_equal(one, Coordination(cutoffs).evaluate(glass)[:, :2])


def test_narrowed_member_has_the_wanted_features(glass):
    whole = CumulativeDensity()
    names = whole.feature_names(("A", "B"))
    wanted = ("C_B(1.2)", "C_A(2.5)")
    less = whole.narrowed(frozenset(wanted), ("A", "B"))
    assert less.radii == (1.2, 2.5)
    columns = [names.index(name) for name in less.feature_names(("A", "B"))]
    np.testing.assert_array_equal(less.evaluate(glass), whole.evaluate(glass)[:, columns])


def test_radii_that_cannot_be_meant_are_refused():
    with pytest.raises(ParameterError, match="`radii` must ascend"):
        CumulativeDensity((1.0, 0.5))
    with pytest.raises(ParameterError, match="`radii` must have a positive one"):
        CumulativeDensity((0.0,))
