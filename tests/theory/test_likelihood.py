"""The maximum of the likelihood: where it is, that no start is needed for it, and when there is none."""

import numpy as np
import pytest

from vitrify.errors import ConvergenceError, ParameterError, TooFewEventsError
from vitrify.theory._likelihood import maximise

COLUMNS = np.stack([np.ones(6), np.linspace(-2, 3, 6)], axis=1)
EXPOSURE = np.full(6, 5000.0)


def events(a=-4.0, b=0.5, seed=0):
    return np.random.default_rng(seed).binomial(5000, np.exp(COLUMNS @ [a, b])).astype(float)


def test_the_gradient_is_zero_at_the_maximum_and_the_covariance_is_the_inverse_curvature():
    k = events()
    found = maximise(COLUMNS, k, EXPOSURE, about="a line")

    def value(x):
        log_p = COLUMNS @ x
        return (k * log_p + (EXPOSURE - k) * np.log1p(-np.exp(log_p))).sum()

    x, h = found.coefficients, 1e-4
    steps = h * np.eye(2)
    slope = [(value(x + s) - value(x - s)) / (2 * h) for s in steps]
    np.testing.assert_allclose(slope, 0, atol=1e-2)
    curvature = [
        [
            (value(x + s + u) - value(x + s - u) - value(x - s + u) + value(x - s - u)) / (4 * h * h)
            for u in steps
        ]
        for s in steps
    ]
    np.testing.assert_allclose(np.linalg.inv(-np.array(curvature)), found.covariance, rtol=0.1)


def test_any_start_leads_to_the_same_maximum():
    k = events()
    cold = maximise(COLUMNS, k, EXPOSURE, about="a line")
    for start in ([-8.0, 0.0], [-3.0, 0.2], [1.0, 1.0]):  # the last one is outside p < 1
        warm = maximise(COLUMNS, k, EXPOSURE, about="a line", start=np.array(start))
        np.testing.assert_allclose(warm.coefficients, cold.coefficients, rtol=1e-9)


def test_units_of_the_columns_do_not_matter():
    k, scale = events(), np.array([1e-6, 1e7])
    one = maximise(COLUMNS, k, EXPOSURE, about="a line")
    other = maximise(COLUMNS * scale, k, EXPOSURE, about="a line")
    np.testing.assert_allclose(other.coefficients * scale, one.coefficients, rtol=1e-9)
    np.testing.assert_allclose(other.deviance, one.deviance, rtol=1e-9)


def test_what_has_no_maximum_is_refused():
    with pytest.raises(TooFewEventsError, match="no events to fit a line"):
        maximise(COLUMNS, np.zeros(6), EXPOSURE, about="a line")
    twice = np.concatenate([COLUMNS, 2 * COLUMNS[:, 1:]], axis=1)
    with pytest.raises(ParameterError, match="6 cells of counts do not fix the 3 coefficients of a line"):
        maximise(twice, events(), EXPOSURE, about="a line")
    one_cell = np.array([0, 0, 0, 0, 0, 40.0])
    with pytest.raises(ConvergenceError, match="Events are missing at all but one"):
        maximise(COLUMNS, one_cell, EXPOSURE, about="a line")
    with pytest.raises(ConvergenceError, match="found no maximum"):
        maximise(COLUMNS, EXPOSURE, EXPOSURE, about="a line")
