"""The parabolic law: exact for a parabola, with the errors of least squares."""

import numpy as np
import pytest

from vitrify.errors import ParameterError
from vitrify.theory.parabolic_law import fit_parabolic

T = np.array([0.42, 0.45, 0.5, 0.6, 0.7])


def planted(t):
    return 1.0 + 3.0 * (1 / t - 1.2) ** 2


def test_a_parabola_comes_back_with_its_fragility_and_glass_temperature():
    law = fit_parabolic(T, planted(T))
    assert (law.curvature, law.onset_temperature) == pytest.approx((3.0, 1 / 1.2))
    beta = 1.2 + np.sqrt((np.log(1e7) - 1.0) / 3.0)
    assert law.glass_temperature() == pytest.approx(1 / beta)
    assert law.fragility(1 / beta) == pytest.approx(6.0 * (beta - 1.2) * beta)


def test_errors_are_the_scatter_of_fits_to_noisy_times():
    rng, sigma = np.random.default_rng(0), np.full(5, 0.05)
    laws = [fit_parabolic(T, planted(T) + sigma * rng.normal(size=5), sigma) for _ in range(1000)]
    assert np.std([law.fragility(0.35) for law in laws]) == pytest.approx(
        laws[0].fragility_error(0.35), rel=0.08
    )
    assert np.std([law.log_time(0.35) for law in laws]) == pytest.approx(
        laws[0].log_time_error(0.35), rel=0.08
    )
    assert np.mean([law.chi_squared for law in laws]) == pytest.approx(2, rel=0.15)


def test_small_units_of_temperature_are_as_good():
    small, large = fit_parabolic(T / 1000, planted(T)), fit_parabolic(T, planted(T))
    assert small.glass_temperature() == pytest.approx(large.glass_temperature() / 1000, rel=1e-9)


def test_a_law_that_does_not_reach_a_time_or_cannot_be_fitted_says_so():
    with pytest.raises(ParameterError, match="does not reach"):
        fit_parabolic(T, -planted(T)).glass_temperature()
    for bad in (
        ([0.5, 0.6], [1.0, 2.0]),
        ([0.5, 0.6, 0.6], [1.0, 2.0, 3.0]),
        (T, np.where(T < 0.45, np.nan, 1.0)),
    ):
        with pytest.raises(ParameterError, match="three or more different temperatures"):
            fit_parabolic(*bad)
