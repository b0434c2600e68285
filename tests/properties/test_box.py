"""What holds for every box and every position in it."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from vitrify.particles.neighbors import pairs
from vitrify.testing.strategies import frames, random_box

SETTINGS = settings(deadline=None, max_examples=60)


@st.composite
def boxes_with_positions(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dimension = draw(st.sampled_from((2, 3)))
    box = random_box(rng, dimension, tilted=draw(st.booleans()), periodic=draw(st.booleans()))
    return box, rng.uniform(-50, 50, (draw(st.integers(1, 10)), dimension))


@SETTINGS
@given(boxes_with_positions())
def test_wrapping_and_unwrapping_is_a_round_trip(case):
    box, positions = case
    np.testing.assert_allclose(box.unwrap(box.wrap(positions), box.images(positions)), positions, atol=1e-10)


@SETTINGS
@given(boxes_with_positions())
def test_wrapped_positions_are_inside_and_stay(case):
    box, positions = case
    wrapped = box.wrap(positions)
    inside = box.fractional(wrapped)[:, box.periodic]
    assert ((inside > -1e-12) & (inside < 1 + 1e-12)).all()
    np.testing.assert_allclose(box.minimum_image(box.wrap(wrapped) - wrapped), 0, atol=1e-10)


@SETTINGS
@given(boxes_with_positions())
def test_minimum_image_is_odd_in_length_and_never_longer(case):
    box, vectors = case
    length = np.linalg.norm(box.minimum_image(vectors), axis=-1)
    assert (length <= np.linalg.norm(vectors, axis=-1) + 1e-10).all()
    np.testing.assert_allclose(np.linalg.norm(box.minimum_image(-vectors), axis=-1), length, atol=1e-10)


@SETTINGS
@given(boxes_with_positions(), st.integers(-4, 4))
def test_minimum_image_forgets_whole_box_vectors(case, n):
    box, vectors = case
    moved = vectors + n * box.vectors[box.periodic].sum(axis=0)
    lengths = [np.linalg.norm(box.minimum_image(v), axis=-1) for v in (vectors, moved)]
    np.testing.assert_allclose(*lengths, atol=1e-10)


@SETTINGS
@given(frames(), st.floats(0.3, 5.0))
def test_every_pair_is_seen_from_both_sides(frame, cutoff):
    found = pairs(frame, cutoff)
    there = sorted(zip(found.first, found.second, found.distances.round(9), strict=True))
    back = sorted(zip(found.second, found.first, found.distances.round(9), strict=True))
    assert there == back
    assert np.array_equal(found.first, np.sort(found.first))
