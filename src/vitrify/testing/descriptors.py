"""What every descriptor must pass, shipped so that a new one can be tried against it in one line.

>>> import numpy as np
>>> from vitrify.descriptors.radial_density import RadialDensity
>>> from vitrify.testing.strategies import random_frame
>>> frame = random_frame(np.random.default_rng(0), 12)
>>> for check in CHECKS:
...     check(RadialDensity(radii=(0.9, 1.1)), frame)
"""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.descriptors.base import Descriptor, from_dict
from vitrify.particles import Box, Frame
from vitrify.testing.strategies import rotation

_TOLERANCE = 1e-9
_NOTHING = 1e-12  # descriptors leave out terms of 1e-14


def assert_same_features(found: ArrayLike, expected: ArrayLike, tolerance: float = _TOLERANCE) -> None:
    """Raise unless two feature arrays agree within `tolerance` of the largest value of each feature, or within 1e-12.

    Examples
    --------
    >>> assert_same_features([[1.0], [2.0]], [[1.0], [2.0 + 1e-12]])
    """
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    assert found.shape == expected.shape, f"shapes differ: {found.shape}, {expected.shape}"
    assert np.isfinite(expected).all(), "some features are not finite"
    scale = np.abs(expected).max(axis=0, initial=0.0) + _NOTHING / tolerance
    error = (np.abs(found - expected) / scale).max(initial=0.0)
    assert error <= tolerance, f"features differ by {error:.2e} of their scale"


def check_leaves_its_input_alone(descriptor: Descriptor, frame: Frame) -> None:
    """Evaluate twice: the frame stays as it was and the bits repeat."""
    before = (frame.positions.copy(), frame.species.copy(), frame.box.vectors.copy())
    first = descriptor.evaluate(frame)
    after = (frame.positions, frame.species, frame.box.vectors)
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    assert np.array_equal(first, descriptor.evaluate(frame))


def check_names_its_features(descriptor: Descriptor, frame: Frame) -> None:
    """One name a column, all different, and float64 rows for every particle."""
    names = descriptor.feature_names(frame.species_names)
    values = descriptor.evaluate(frame)
    assert values.shape == (frame.n_particles, len(names))
    assert values.dtype == np.float64
    assert len(set(names)) == len(names)
    assert all(isinstance(name, str) for name in names)


def check_is_labelled(descriptor: Descriptor, frame: Frame) -> None:
    """Compare the labelled array: the same numbers, and it says what they are."""
    array = descriptor.compute(frame, positions="inherent")
    assert array.dims == ("particle", "feature")
    assert np.array_equal(array.values, descriptor.evaluate(frame))
    assert array["feature"].values.tolist() == list(descriptor.feature_names(frame.species_names))
    assert array.attrs["positions"] == "inherent"
    assert all(array.attrs[key] for key in ("units", "symbol", "long_name", "definition"))


def check_subset_is_rows(descriptor: Descriptor, frame: Frame) -> None:
    """Evaluate some particles, in any order: they get the very bits that they have among all."""
    everything = descriptor.evaluate(frame)
    some = np.random.default_rng(1).permutation(frame.n_particles)[: frame.n_particles // 2 + 1]
    assert np.array_equal(descriptor.evaluate(frame, some), everything[some])
    assert descriptor.evaluate(frame, []).shape == (0, everything.shape[1])


def check_translation(descriptor: Descriptor, frame: Frame) -> None:
    """Nothing changes when all particles move together, with or without the box."""
    shift = np.random.default_rng(2).uniform(-9.0, 9.0, frame.dimension)
    expected = descriptor.evaluate(frame)
    moved = frame.with_positions(frame.positions + shift)
    assert_same_features(descriptor.evaluate(moved), expected)
    box = Box(frame.box.vectors, frame.box.origin + shift, frame.box.periodic)
    assert_same_features(descriptor.evaluate(_in_box(moved, box)), expected)


def check_rotation(descriptor: Descriptor, frame: Frame) -> None:
    """Nothing changes when particles and box turn together, nor in the mirror."""
    turn = rotation(np.random.default_rng(3), frame.dimension)
    expected = descriptor.evaluate(frame)
    for q in (turn, -turn if frame.dimension == 3 else turn[:, ::-1]):
        box = Box(frame.box.vectors @ q, frame.box.origin @ q, frame.box.periodic)
        turned = _in_box(frame.with_positions(frame.positions), box, frame.positions @ q)
        assert_same_features(descriptor.evaluate(turned), expected)


def check_relabelling(descriptor: Descriptor, frame: Frame) -> None:
    """When particles change places in the list, their rows do too."""
    order = np.random.default_rng(4).permutation(frame.n_particles)
    shuffled = Frame(frame.positions[order], frame.species[order], frame.box, frame.species_names)
    assert_same_features(descriptor.evaluate(shuffled), descriptor.evaluate(frame)[order])


def check_periodic_images(descriptor: Descriptor, frame: Frame) -> None:
    """Whole box vectors added to single particles change nothing, and a doubled box repeats the rows."""
    rng = np.random.default_rng(5)
    expected = descriptor.evaluate(frame)
    images = np.where(frame.box.periodic, rng.integers(-3, 4, frame.positions.shape), 0)
    moved = frame.with_positions(frame.positions + images @ frame.box.vectors)
    assert_same_features(descriptor.evaluate(moved), expected)
    if frame.box.periodic[0]:
        vectors = frame.box.vectors.copy()
        vectors[0] *= 2
        doubled = Frame(
            np.vstack([frame.positions, frame.positions + frame.box.vectors[0]]),
            np.tile(frame.species, 2),
            Box(vectors, frame.box.origin, frame.box.periodic),
            frame.species_names,
        )
        assert_same_features(descriptor.evaluate(doubled), np.tile(expected, (2, 1)))


def check_round_trip(descriptor: Descriptor, frame: Frame) -> None:
    """Through JSON and back it is the same member, equal, of one hash, with the same bits."""
    back = from_dict(json.loads(json.dumps(descriptor.to_dict())))
    assert back == descriptor
    assert hash(back) == hash(descriptor)
    assert back.to_dict() == descriptor.to_dict()
    assert np.array_equal(back.evaluate(frame), descriptor.evaluate(frame))


def check_threads(descriptor: Descriptor, frame: Frame) -> None:
    """One thread and two give the same bits (nothing to see where numba has one thread)."""
    import numba

    before, most = numba.get_num_threads(), getattr(numba.config, "NUMBA_NUM_THREADS", 1)
    results: list[NDArray[np.float64]] = []
    try:
        for n in (1, min(2, most)):
            numba.set_num_threads(n)
            results.append(descriptor.evaluate(frame))
    finally:
        numba.set_num_threads(before)
    assert np.array_equal(results[0], results[1])


def _in_box(frame: Frame, box: Box, positions: NDArray[np.float64] | None = None) -> Frame:
    return Frame(frame.positions if positions is None else positions, frame.species, box, frame.species_names)


CHECKS: tuple[Callable[[Descriptor, Frame], None], ...] = (
    check_leaves_its_input_alone,
    check_names_its_features,
    check_is_labelled,
    check_subset_is_rows,
    check_translation,
    check_rotation,
    check_relabelling,
    check_periodic_images,
    check_round_trip,
    check_threads,
)
"""Every check, each ``check(descriptor, frame)``; the frame's species must be ones that the descriptor knows."""
