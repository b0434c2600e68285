import numpy as np
import pytest

from vitrify.descriptors.base import from_dict
from vitrify.descriptors.coordination import Coordination
from vitrify.descriptors.radial_density import RadialDensity
from vitrify.errors import ParameterError, ShapeError, UnknownNameError
from vitrify.particles import Box, Frame
from vitrify.testing.strategies import random_frame

FRAME = random_frame(np.random.default_rng(0), 10)


def test_particles_may_repeat_and_come_in_any_order():
    all_rows = RadialDensity().evaluate(FRAME)
    assert np.array_equal(RadialDensity().evaluate(FRAME, [4, 0, 4]), all_rows[[4, 0, 4]])
    assert np.array_equal(RadialDensity().evaluate(FRAME, np.array([9], np.uint8)), all_rows[[9]])


@pytest.mark.parametrize(
    ("particles", "error", "message"),
    [
        ([0, 10], ParameterError, "`particles` holds 10; the frame has particles 0 to 9"),
        ([-1], ParameterError, "`particles` holds -1"),
        ([0.5], ShapeError, "one row of integer indices"),
        ([[0, 1]], ShapeError, r"shape \(1, 2\)"),
        ([True] * 10, ShapeError, "type bool"),
    ],
)
def test_particles_that_the_frame_has_not_are_refused(particles, error, message):
    with pytest.raises(error, match=message):
        RadialDensity().evaluate(FRAME, particles)


def test_frame_without_particles_has_no_rows():
    nobody = Frame(np.empty((0, 3)), [], Box.orthorhombic([5.0] * 3), ("A", "B"))
    assert RadialDensity().evaluate(nobody).shape == (0, 100)
    assert RadialDensity().compute(nobody).shape == (0, 100)


def test_labels_name_particles_species_and_features():
    array = Coordination().compute(FRAME, [7, 2], positions="inherent")
    assert array["particle"].values.tolist() == [7, 2]
    assert array["species"].values.tolist() == [FRAME.species_names[s] for s in FRAME.species[[7, 2]]]
    assert array.sel(particle=2, feature="n") == array.values[1, 2]


def test_features_do_not_depend_on_which_species_occur():
    names = ("A", "B", "C")
    only_first = Frame(FRAME.positions, np.zeros(10, int), FRAME.box, names)
    values = RadialDensity(radii=(1.0,)).evaluate(only_first)
    assert values.shape == (10, 3)
    assert not values[:, 1:].any()


def test_description_must_be_of_a_known_descriptor():
    with pytest.raises(UnknownNameError, match="Did you mean 'coordination'"):
        from_dict({"name": "coordinaton"})
    with pytest.raises(
        UnknownNameError, match=r"No parameter of 'radial_density' is called 'radius'.*'radii'"
    ):
        from_dict({"name": "radial_density", "radius": [1.0]})
    with pytest.raises(ParameterError, match=r"A descriptor needs a `name`; got only \['radii'\]"):
        from_dict({"radii": [1.0]})
