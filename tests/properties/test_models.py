"""What the energy of a pair model does not depend on."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from vitrify.models.harmonic_spheres import HarmonicSpheres
from vitrify.models.kob_andersen import KobAndersen
from vitrify.particles import Box, Frame
from vitrify.testing.strategies import random_frame, rotation

MODELS = [KobAndersen("quad"), KobAndersen("shift", cutoff=4.0), HarmonicSpheres()]


@st.composite
def cases(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    frame = random_frame(
        rng,
        draw(st.integers(1, 12)),
        dimension=draw(st.sampled_from((2, 3))),
        tilted=draw(st.booleans()),
        periodic=draw(st.booleans()),
    )
    return draw(st.sampled_from(MODELS)), frame, rng


def alike(first, second):
    (e, f), (g, h) = first, second
    scale = np.abs(f).max() + abs(e) + 1e-300
    np.testing.assert_allclose(g / scale, e / scale, atol=1e-9)
    np.testing.assert_allclose(h / scale, f / scale, atol=1e-9)


@settings(deadline=None, max_examples=20)
@given(cases())
def test_translation_and_choice_of_images_change_nothing(case):
    model, frame, rng = case
    box = Box(frame.box.vectors, frame.box.origin, frame.box.periodic)
    images = rng.integers(-3, 4, frame.positions.shape) * box.periodic
    moved = frame.positions + rng.normal(size=frame.dimension) + images @ box.vectors
    alike(model.energy_and_forces(frame), model.energy_and_forces(frame.with_positions(moved)))


@settings(deadline=None, max_examples=20)
@given(cases())
def test_relabelling_relabels_the_forces(case):
    model, frame, rng = case
    order = rng.permutation(frame.n_particles)
    energy, forces = model.energy_and_forces(frame)
    shuffled = Frame(frame.positions[order], frame.species[order], frame.box, frame.species_names)
    alike((energy, forces[order]), model.energy_and_forces(shuffled))


@settings(deadline=None, max_examples=20)
@given(cases())
def test_rotation_rotates_the_forces(case):
    model, frame, rng = case
    turn = rotation(rng, frame.dimension)
    box = Box(frame.box.vectors @ turn, frame.box.origin @ turn, frame.box.periodic)
    turned = Frame(frame.positions @ turn, frame.species, box, frame.species_names)
    energy, forces = model.energy_and_forces(frame)
    alike((energy, forces @ turn), model.energy_and_forces(turned))


@settings(deadline=None, max_examples=20)
@given(cases())
def test_forces_add_up_to_nothing(case):
    model, frame, _ = case
    energy, forces = model.energy_and_forces(frame)
    np.testing.assert_allclose(
        forces.sum(axis=0) / (np.abs(forces).max() + abs(energy) + 1e-300), 0.0, atol=1e-9
    )
