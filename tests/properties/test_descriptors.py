"""The descriptors' promises on configurations that nobody thought of."""

import pytest
from hypothesis import given, settings

from vitrify.descriptors.bond_angle import BondAngle
from vitrify.descriptors.combined import DescriptorSet
from vitrify.descriptors.coordination import Coordination
from vitrify.descriptors.radial_density import RadialDensity
from vitrify.testing.descriptors import CHECKS
from vitrify.testing.strategies import frames

ANGLES = ((2.554, 1, -1.0), (1.204, 4, 1.0), (0.695, 16, 1.0))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@settings(deadline=None, max_examples=12)
@given(frame=frames(max_particles=15))
def test_descriptors_keep_their_promises_anywhere(check, frame):
    radial = RadialDensity(radii=(0.5, 0.7, 0.9, 1.1), delta=0.07)
    together = (radial, BondAngle(ANGLES, 2.1), Coordination.example(frame.species_names))
    check(DescriptorSet(together), frame)
