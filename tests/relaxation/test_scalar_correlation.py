"""The correlation of a scalar of particles in time: against its definition, and processes whose answer is known."""

import numpy as np
import pytest

from vitrify.errors import ParameterError, ShapeError
from vitrify.relaxation.scalar_correlation import ScalarCorrelation


def reader(values):
    return lambda start, stop: values[start:stop]


def autoregressive(phi, n_frames=60, n=4000, seed=0):
    rng, values = np.random.default_rng(seed), [np.random.default_rng(seed + 1).normal(size=n)]
    for _ in range(n_frames - 1):
        values.append(phi * values[-1] + np.sqrt(1 - phi**2) * rng.normal(size=n))
    return np.array(values)


def test_it_agrees_with_numpy():
    values = np.random.default_rng(3).normal(size=(12, 30)).cumsum(axis=0)
    found = ScalarCorrelation(12).compute(reader(values), np.arange(12.0), [0, 1, 5])
    for lag, c in zip([0, 1, 5], found["correlation"].values, strict=True):
        pairs = [np.corrcoef(values[t], values[t + lag])[0, 1] for t in range(12 - lag)]
        assert abs(c - np.mean(pairs)) < 1e-12


def test_a_field_that_forgets_by_a_factor_each_frame_decays_geometrically():
    phi = 0.8
    found = ScalarCorrelation().compute(reader(autoregressive(phi)), np.arange(60.0), [0, 1, 4, 10])
    np.testing.assert_allclose(found["correlation"], phi ** found["lag"], atol=0.02)
    within = np.abs(found["correlation"] - phi ** found["lag"])[1:] / found["correlation_error"][1:]
    assert (within < 4.5).all()


def test_fields_that_have_nothing_in_common_are_uncorrelated():
    values = np.random.default_rng(0).normal(size=(40, 2500))
    found = ScalarCorrelation().compute(reader(values), np.arange(40.0), [0, 3, 11])
    assert found["correlation"].values[0] == pytest.approx(1)
    assert np.abs(found["correlation"].values[1:]).max() < 4 / np.sqrt(2500 * 20)


def test_a_change_of_all_particles_alike_does_not_count():
    values = np.random.default_rng(0).normal(size=(1, 50)) * np.array([[1.0], [3.0], [0.2]]) + [
        [0.0],
        [5.0],
        [9.0],
    ]
    found = ScalarCorrelation().compute(reader(values), np.arange(3.0), [1, 2])
    np.testing.assert_allclose(found["correlation"], 1.0)


def test_particles_without_a_value_at_either_time_are_left_out_and_counted():
    values = autoregressive(0.5, 6, 200)
    whole = ScalarCorrelation().compute(reader(values[:, 10:]), np.arange(6.0), [2])
    values[:, :10] = np.nan
    found = ScalarCorrelation().compute(reader(values), np.arange(6.0), [2])
    assert found["correlation"].values.tolist() == whole["correlation"].values.tolist()
    assert int(found["n_absent"].values[0]) == 4 * 10


def test_what_cannot_be_correlated_is_refused():
    with pytest.raises(ParameterError, match="`n_origins` must be at least 1"):
        ScalarCorrelation(0)
    with pytest.raises(ShapeError, match="one number for each particle"):
        ScalarCorrelation().compute(lambda a, b: np.zeros((b - a, 4, 3)), np.arange(3.0), [1])
