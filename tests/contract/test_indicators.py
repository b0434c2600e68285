"""What every registered indicator keeps, whether it reads positions or whole configurations."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import special_ortho_group

import vitrify.rearrangements as room
from vitrify.particles import Box, Frame
from vitrify.rearrangements import INDICATORS
from vitrify.rearrangements.base import stream, stream_frames

NOT_INDICATORS = {"__init__", "_kernels", "_d2min_kernels", "base", "events"}
SIZE = 6.0


@pytest.fixture(params=sorted(INDICATORS))
def indicator(request):
    member = INDICATORS.load(request.param)
    return member.example() if hasattr(member, "example") else member()


def frames_of(positions, vectors=None):
    """Configurations in a box that is the same at all times."""
    vectors = SIZE * np.eye(positions.shape[2]) if vectors is None else vectors
    return [Frame(p, np.zeros(len(p), int), Box(vectors)) for p in positions]


def compute(indicator, positions, vectors=None):
    """Give an indicator what it reads."""
    if getattr(indicator, "reads", "positions") == "frames":
        return indicator.compute(frames_of(positions, vectors))
    return indicator.compute(positions)


def computed_in_blocks(indicator, positions, block):
    if getattr(indicator, "reads", "positions") == "frames":
        frames = frames_of(positions)
        return stream_frames(indicator, lambda a, b: frames[a:b], len(frames), block)
    return stream(indicator, lambda a, b: positions[a:b], len(positions), block)


@pytest.fixture(params=[2, 3], ids=["2D", "3D"])
def positions(request):
    rng = np.random.default_rng(request.param)
    return rng.normal(scale=0.1, size=(50, 80, request.param)).cumsum(axis=0)


def test_every_file_is_registered():
    files = {p.stem for p in Path(room.__file__).parent.glob("*.py")} - NOT_INDICATORS
    assert files == {INDICATORS[name].split(":")[0].split(".")[-1] for name in INDICATORS}


def test_the_name_is_the_registered_one():
    for name in INDICATORS:
        assert INDICATORS.load(name).name == name


def test_parameters_round_trip(indicator):
    parameters = indicator.to_dict()
    assert parameters.pop("name") == indicator.name
    assert type(indicator)(**parameters) == indicator


def test_attributes_say_what_the_values_are(indicator):
    assert set(indicator.attributes()) == {"units", "symbol", "long_name", "definition"}


def test_input_is_not_touched(indicator, positions):
    before = positions.copy()
    positions.setflags(write=False)
    values = compute(indicator, positions)
    assert np.array_equal(positions, before)
    assert values.shape == positions.shape[:2]
    assert values.dtype == np.float64


def test_values_exist_where_the_halo_fits(indicator, positions):
    values = compute(indicator, positions)
    assert np.isfinite(values[indicator.halo : len(values) - indicator.halo]).all()
    undefined = np.isnan(values)
    assert (undefined.all(axis=1) == undefined.any(axis=1)).all(), "all particles or none"
    reads_only_later_frames = getattr(indicator, "reads", "positions") == "frames"
    assert undefined[0].all() != reads_only_later_frames
    assert undefined[-1].all() or indicator.halo < 2


@pytest.mark.parametrize("block", [1, 7, 50, 1000, None])
def test_blocks_change_no_bit(indicator, positions, block):
    whole = compute(indicator, positions)
    parts = [v for _, _, v in computed_in_blocks(indicator, positions, block)]
    assert np.array_equal(np.concatenate(parts), whole, equal_nan=True)


def test_any_layout_and_precision_of_the_same_numbers_gives_the_same_bits(indicator, positions):
    coarse = positions.astype(np.float32)
    whole = compute(indicator, coarse.astype(np.float64))
    assert np.array_equal(compute(indicator, coarse), whole, equal_nan=True)
    assert np.array_equal(compute(indicator, np.asfortranarray(coarse)), whole, equal_nan=True)


def test_moving_and_turning_everything_changes_nothing(indicator, positions):
    turn = special_ortho_group.rvs(positions.shape[2], random_state=1)
    expected = compute(indicator, positions)
    turned = compute(indicator, positions @ turn + 17.0, SIZE * turn)
    np.testing.assert_allclose(turned, expected, rtol=1e-9, atol=1e-12)


def test_which_images_of_the_particles_are_followed_changes_nothing(indicator, positions):
    """Unwrapped positions are known up to whole vectors of the box, the same at all times."""
    rng = np.random.default_rng(4)
    images = positions + SIZE * rng.integers(-2, 3, positions.shape[1:])
    expected = compute(indicator, positions)
    np.testing.assert_allclose(compute(indicator, images), expected, rtol=1e-9, atol=1e-12)


def test_relabelling_permutes(indicator, positions):
    order = np.random.default_rng(3).permutation(positions.shape[1])
    expected = compute(indicator, positions)[:, order]
    np.testing.assert_allclose(compute(indicator, positions[:, order]), expected, rtol=1e-11)
