"""Harmonic spheres: springs that only push."""

import numpy as np
import pytest

from vitrify.errors import ParameterError
from vitrify.models import MODELS
from vitrify.models.harmonic_spheres import HarmonicSpheres


def test_the_registry_knows_it_by_name():
    assert MODELS.load("harmonic_spheres") is HarmonicSpheres


def test_spheres_that_do_not_touch_do_not_interact():
    model = HarmonicSpheres()
    assert not model.pair_energy([1.2, 1.3, 5.0], 0, 1).any()
    assert not model.pair_force([1.4, 2.0], 1, 1).any()


def test_diameters_are_additive():
    assert HarmonicSpheres((1.0, 2.0)).cutoffs.tolist() == [[1.0, 1.5], [1.5, 2.0]]


@pytest.mark.parametrize(("a", "b", "sigma"), [(0, 0, 1.0), (0, 1, 1.2), (1, 1, 1.4)])
def test_energy_and_force_are_those_of_the_spring(a, b, sigma):
    r = np.linspace(0.3, 0.99, 20) * sigma
    np.testing.assert_allclose(HarmonicSpheres().pair_energy(r, a, b), (1 - r / sigma) ** 2, rtol=1e-12)
    np.testing.assert_allclose(HarmonicSpheres().pair_force(r, a, b), 2 * (1 - r / sigma) / sigma, rtol=1e-12)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"diameters": (1.0, -1.4)}, "`diameters` must be two positive lengths"),
        ({"diameters": (1.0,)}, "`diameters` must be two positive lengths"),
        ({"composition": (0.6, 0.6)}, "`composition` needs 2 fractions that add up to 1"),
    ],
)
def test_parameters_outside_the_definition_are_refused(parameters, words):
    with pytest.raises(ParameterError, match=words):
        HarmonicSpheres(**parameters)
