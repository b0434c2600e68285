"""The mean squared displacement of walks whose answer can be done in the head."""

import numpy as np
import pytest

from vitrify.errors import ParameterError, ShapeError
from vitrify.relaxation.msd import MeanSquaredDisplacement


def reader(positions):
    return lambda start, stop: positions[start:stop]


@pytest.mark.parametrize("dimension", [2, 3])
def test_it_agrees_with_its_definition(dimension):
    positions = np.random.default_rng(0).normal(size=(30, 12, dimension))
    found = MeanSquaredDisplacement(n_origins=30).compute(reader(positions), np.arange(30.0), [0, 1, 9, 29])
    for lag, value in zip([0, 1, 9, 29], found["msd"].values, strict=True):
        steps = [((positions[t + lag] - positions[t]) ** 2).sum(axis=1) for t in range(30 - lag)]
        assert abs(value - np.mean(steps)) < 1e-12


def test_steady_motion_is_ballistic():
    """Velocity v gives (v t)², the same from every origin."""
    positions = 0.3 * np.arange(20.0)[:, None, None] * np.ones((20, 4, 1)) * np.array([0.6, 0.8])
    found = MeanSquaredDisplacement().compute(reader(positions), np.arange(20.0))
    np.testing.assert_allclose(found["msd"], (0.3 * found["lag"]) ** 2, atol=1e-12)
    error = found["msd_error"].values
    known = found["lag"].values <= 9  # beyond half the trajectory there are no two independent origins
    np.testing.assert_allclose(error[known], 0, atol=1e-12)
    assert np.isnan(error[~known]).all()


def test_a_random_walk_diffuses():
    """Independent steps of variance s² per component give d s² t."""
    positions = np.cumsum(0.1 * np.random.default_rng(1).normal(size=(120, 3000, 3)), axis=0)
    found = MeanSquaredDisplacement().compute(reader(positions), np.arange(120.0), [1, 10, 40])
    np.testing.assert_allclose(found["msd"], 0.03 * found["lag"], rtol=0.03)


def test_rattling_in_a_cage_reaches_twice_its_variance():
    """Independent positions of variance s² per component are 2 d s² apart."""
    positions = 0.2 * np.random.default_rng(2).normal(size=(60, 2000, 3))
    found = MeanSquaredDisplacement().compute(reader(positions), np.arange(60.0), [5, 30])
    np.testing.assert_allclose(found["msd"], 6 * 0.04, rtol=0.02)


def test_units_are_named_and_choosing_particles_is_leaving_out_the_others():
    positions = np.random.default_rng(3).normal(size=(10, 6, 3))
    few = MeanSquaredDisplacement().compute(reader(positions), np.arange(10.0), [3], np.array([1, 4]))
    alone = MeanSquaredDisplacement().compute(reader(positions[:, [1, 4]]), np.arange(10.0), [3])
    assert few["msd"].item() == alone["msd"].item()
    assert few["msd"].attrs["units"] == "sigma_AA^2"


def test_what_cannot_be_meant_is_refused():
    with pytest.raises(ParameterError, match="`n_origins`"):
        MeanSquaredDisplacement(0)
    with pytest.raises(ShapeError, match="for a trajectory of 5"):
        MeanSquaredDisplacement().compute(reader(np.zeros((5, 1, 3))), np.arange(5.0), [7])
