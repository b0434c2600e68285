"""The same liquid in other units of length has the same features."""

import numpy as np
import pytest

from vitrify.descriptors import DESCRIPTOR_SETS, DESCRIPTORS
from vitrify.descriptors.base import from_dict
from vitrify.errors import ParameterError
from vitrify.particles import Box, Frame
from vitrify.testing.strategies import random_frame

UNSCALABLE = ("local_energy", "caging_depth", "ordered_distances", "voronoi_volume")
SCALABLE = [
    *(n for n in DESCRIPTORS if n not in UNSCALABLE),
    *(n for n in DESCRIPTOR_SETS if n != "first-peaks"),
]


def made(name):
    return (DESCRIPTORS if name in DESCRIPTORS else DESCRIPTOR_SETS).load(name)()


@pytest.mark.parametrize("name", SCALABLE)
def test_scaled_lengths_see_a_scaled_frame_as_before(name):
    frame = random_frame(np.random.default_rng(1), 40)
    frame = Frame(frame.positions, frame.species % 2, frame.box, ("A", "B"))
    factor, member = 1.7, made(name)
    larger = Frame(
        factor * frame.positions,
        frame.species,
        Box(factor * frame.box.vectors, factor * frame.box.origin, frame.box.periodic),
        frame.species_names,
    )
    scaled = member.scaled(factor)
    np.testing.assert_allclose(scaled.evaluate(larger), member.evaluate(frame), rtol=1e-9, atol=1e-9)
    assert scaled.cutoff == pytest.approx(factor * member.cutoff)
    assert scaled.reach == pytest.approx(factor * member.reach)
    assert from_dict(scaled.to_dict()) == scaled


def test_what_cannot_be_scaled_says_so():
    for name in (*UNSCALABLE, "first-peaks"):
        with pytest.raises(ParameterError, match="cannot be scaled"):
            made(name).scaled(2.0)
    with pytest.raises(ParameterError, match="`length` must be a positive length"):
        made("radial_density").scaled(0.0)
