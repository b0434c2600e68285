"""Kob-Andersen: parameters and the ways it is cut off."""

import numpy as np
import pytest

from vitrify.errors import ParameterError
from vitrify.models import MODELS
from vitrify.models.kob_andersen import KobAndersen

UNITS = ("sigma_ab", "sigma_AA")


def test_the_registry_knows_it_by_name():
    assert MODELS.load("kob_andersen") is KobAndersen


def derivatives(model: KobAndersen, r: float, a: int, b: int) -> tuple[float, float, float]:
    """V, V', V'' of the formula by differences, also at the cutoff itself, where the energy is cut."""
    h = 1e-3
    row = model.kernel_parameters()[a, b]
    v = [float(model.pair_function.py_func((r + k * h) ** 2, row)[0]) for k in (-1, 0, 1)]
    return v[1], (v[2] - v[0]) / (2 * h), (v[2] - 2 * v[1] + v[0]) / h**2


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize(
    ("smoothing", "continuous"), [("quad", 3), ("force_shift", 2), ("shift", 1), ("none", 0)]
)
def test_what_is_continuous_at_the_cutoff_is_what_the_name_says(smoothing, continuous, unit):
    model = KobAndersen(smoothing, cutoff_unit=unit)
    for a, b in [(0, 0), (0, 1), (1, 1)]:
        found = np.abs(derivatives(model, model.cutoffs[a, b], a, b))
        assert (found[:continuous] < 1e-5).all()
        assert (found[continuous:2] > 1e-3).all()


@pytest.mark.parametrize("smoothing", ["quad", "force_shift", "shift", "none"])
def test_the_pair_force_is_the_slope_of_the_pair_energy(smoothing):
    model = KobAndersen(smoothing)
    r = np.linspace(0.8, 1.9, 50)
    slope = (model.pair_energy(r + 1e-6, 0, 1) - model.pair_energy(r - 1e-6, 0, 1)) / 2e-6
    np.testing.assert_allclose(model.pair_force(r, 0, 1), -slope, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("smoothing", ["quad", "force_shift", "shift", "none"])
def test_nothing_is_left_from_the_cutoff_on(smoothing):
    model = KobAndersen(smoothing)
    r = np.array([2.0, 2.5, 3.0, 100.0])
    assert not model.pair_energy(r, 0, 1).any()
    assert not model.pair_force(r, 0, 1).any()


def test_the_cutoff_scales_with_each_pair_or_not():
    assert KobAndersen().cutoffs.tolist() == [[2.5, 2.0], [2.0, 2.2]]
    assert KobAndersen(cutoff=3.0, cutoff_unit="sigma_AA").cutoffs.tolist() == [[3.0, 3.0], [3.0, 3.0]]
    assert KobAndersen().max_cutoff == 2.5


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"smoothing": "cubic"}, "`smoothing` must be one of quad, force_shift, shift, none; it is 'cubic'"),
        ({"cutoff": 0.0}, "`cutoff` must be a positive number; it is 0.0"),
        ({"cutoff_unit": "nm"}, "`cutoff_unit` must be one of sigma_ab, sigma_AA; it is 'nm'"),
        ({"composition": (0.8, 0.3)}, "`composition` needs 2 fractions that add up to 1"),
        ({"composition": (1.0,)}, "`composition` needs 2 fractions that add up to 1"),
    ],
)
def test_parameters_outside_the_definition_are_refused(parameters, words):
    with pytest.raises(ParameterError, match=words):
        KobAndersen(**parameters)
