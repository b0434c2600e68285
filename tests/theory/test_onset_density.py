import numpy as np
import pytest

from vitrify.errors import ParameterError, ShapeError
from vitrify.studies.presets import coldest_temperatures
from vitrify.theory.onset_density import density_scaling, isomorph_exponent, isomorph_ratios


def test_the_published_temperatures_scale_as_an_isomorph_of_the_liquid():
    ratios = isomorph_ratios(coldest_temperatures(), 1.2)
    assert ratios[1.2] == 1.0
    for density, expected in ((1.15, 0.80), (1.25, 1.23), (1.30, 1.50)):
        assert ratios[density] == pytest.approx(expected, rel=0.02)
    assert 5.0 < isomorph_exponent(coldest_temperatures()) < 5.4


def test_onset_temperatures_on_the_isomorph_have_no_chi_square_and_its_exponent():
    rho = np.array([1.15, 1.2, 1.25, 1.3])
    t0 = 0.7 * (rho / 1.2) ** 5.1
    expected = dict(zip(rho.tolist(), (t0 / 0.7).tolist(), strict=True))
    found = density_scaling(rho, t0, 0.03 * t0, expected, 1.2)
    assert found.chi_square < 1e-12
    assert found.p_value == pytest.approx(1.0)
    assert found.temperature == pytest.approx(0.7)
    assert found.exponent == pytest.approx(5.1)
    assert found.ratio[3] == pytest.approx((1.3 / 1.2) ** 5.1)


def test_two_densities_are_as_far_apart_as_their_log_ratio_in_standard_errors():
    found = density_scaling([1.2, 1.3], [0.6, 1.0], [0.03, 0.04], {1.2: 1.0, 1.3: 1.5}, 1.2)
    apart = np.log(1.0 / 0.6 / 1.5) / np.hypot(0.03 / 0.6, 0.04 / 1.0)
    assert found.chi_square == pytest.approx(apart**2)
    assert found.degrees_of_freedom == 1
    assert found.ratio_error[0] == 0
    assert found.ratio_error[1] == pytest.approx(1.0 / 0.6 * np.hypot(0.05, 0.04))


def test_stated_errors_of_ratio_chi_square_and_exponent_are_those_of_repeated_measurements():
    rng, rho = np.random.default_rng(0), np.array([1.15, 1.2, 1.3])
    true, sd = np.array([0.56, 0.7, 1.05]), np.array([0.01, 0.02, 0.03])
    expected = dict(zip(rho.tolist(), (true / 0.7).tolist(), strict=True))
    many = [density_scaling(rho, true + sd * rng.normal(size=3), sd, expected, 1.2) for _ in range(400)]
    assert np.mean([m.chi_square for m in many]) == pytest.approx(2.0, rel=0.15)
    assert np.std([m.ratio[2] for m in many]) == pytest.approx(many[0].ratio_error[2], rel=0.15)
    assert np.std([m.exponent for m in many]) == pytest.approx(many[0].exponent_error, rel=0.15)


def test_onset_temperatures_that_cannot_be_compared_are_refused():
    with pytest.raises(ShapeError, match=r"must pair up; their shapes are \(2,\), \(1,\)"):
        density_scaling([1.2, 1.3], [0.6], [0.1], {1.2: 1.0, 1.3: 1.5}, 1.2)
    with pytest.raises(ParameterError, match=r"positive and finite to be compared; they are \[0\.6, -1\.0\]"):
        density_scaling([1.2, 1.3], [0.6, -1.0], [0.1, 0.1], {1.2: 1.0, 1.3: 1.5}, 1.2)
    with pytest.raises(ParameterError, match=r"Density 1\.4 is needed among those measured"):
        density_scaling([1.2, 1.4], [0.6, 1.0], [0.1, 0.1], {1.2: 1.0, 1.3: 1.5}, 1.2)
    with pytest.raises(ParameterError, match=r"Density 1\.2 is needed among those measured, \[1\.3\]"):
        density_scaling([1.3], [1.0], [0.1], {1.2: 1.0, 1.3: 1.5}, 1.2)
    with pytest.raises(ParameterError, match=r"`reference` = 1\.4 is not among the densities 1\.2, 1\.3"):
        isomorph_ratios({1.2: 1.0, 1.3: 1.5}, 1.4)
    with pytest.raises(ParameterError, match="at least two positive densities"):
        isomorph_exponent({1.2: 0.5})
