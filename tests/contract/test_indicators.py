"""What every registered indicator keeps."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import special_ortho_group

import vitrify.rearrangements as room
from vitrify.rearrangements import INDICATORS
from vitrify.rearrangements.base import stream

NOT_INDICATORS = {"__init__", "_kernels", "base", "events"}


@pytest.fixture(params=sorted(INDICATORS))
def indicator(request):
    return INDICATORS.load(request.param)()


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
    values = indicator.compute(positions)
    assert np.array_equal(positions, before)
    assert values.shape == positions.shape[:2]
    assert values.dtype == np.float64


def test_values_exist_where_the_halo_fits(indicator, positions):
    values = indicator.compute(positions)
    assert np.isfinite(values[indicator.halo : len(values) - indicator.halo]).all()
    assert np.isnan(values[0]).all()


@pytest.mark.parametrize("block", [1, 7, 50, 1000, None])
def test_blocks_change_no_bit(indicator, positions, block):
    whole = indicator.compute(positions)
    parts = [v for _, _, v in stream(indicator, lambda a, b: positions[a:b], 50, block)]
    assert np.array_equal(np.concatenate(parts), whole, equal_nan=True)


def test_any_layout_and_precision_of_the_same_numbers_gives_the_same_bits(indicator, positions):
    coarse = positions.astype(np.float32)
    whole = indicator.compute(coarse.astype(np.float64))
    assert np.array_equal(indicator.compute(coarse), whole, equal_nan=True)
    assert np.array_equal(indicator.compute(np.asfortranarray(coarse)), whole, equal_nan=True)


def test_moving_and_turning_everything_changes_nothing(indicator, positions):
    turned = positions @ special_ortho_group.rvs(positions.shape[2], random_state=1) + 17.0
    expected = indicator.compute(positions)
    np.testing.assert_allclose(indicator.compute(turned), expected, rtol=1e-9, atol=1e-12)


def test_relabelling_permutes(indicator, positions):
    order = np.random.default_rng(3).permutation(positions.shape[1])
    expected = indicator.compute(positions)[:, order]
    np.testing.assert_allclose(indicator.compute(positions[:, order]), expected, rtol=1e-12)
