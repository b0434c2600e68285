"""Pair potentials: numbers with a closed answer."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from vitrify.models.kob_andersen import KobAndersen


@pytest.mark.parametrize(
    ("smoothing", "depth", "minimum"),
    [
        ("none", -1.0, 1.12246),
        ("shift", -0.98368, 1.12246),
        ("force_shift", -0.92997, 1.12315),
        ("quad", -0.82740, 1.12586),
    ],
)
def test_depth_and_minimum_of_the_ways_to_cut_off_lennard_jones(smoothing, depth, minimum):
    """Each way of bringing the potential to zero at 2.5 σ lifts its minimum by a known amount."""
    model = KobAndersen(smoothing=smoothing)
    found = minimize_scalar(
        lambda r: float(model.pair_energy(np.array(r), 0, 0)),
        bounds=(1.0, 1.3),
        method="bounded",
        options={"xatol": 1e-9},
    )
    assert found.fun == pytest.approx(depth, abs=1e-5)
    assert found.x == pytest.approx(minimum, abs=1e-5)


def test_quad_goes_to_zero_with_two_derivatives():
    """The parabola takes value, slope and curvature off at the cutoff: they vanish there like (rc − r)³, ², ¹."""
    model = KobAndersen(smoothing="quad")
    for a, b in ((0, 0), (0, 1), (1, 1)):
        cutoff = model.cutoffs[a, b]
        for h in (1e-2, 1e-3):
            assert abs(model.pair_energy(np.array(cutoff - h), a, b)) < 2 * h**3
            assert abs(model.pair_force(np.array(cutoff - h), a, b)) < 6 * h**2


def test_coefficients_of_the_parabola():
    """c0, c1, c2 of the form with V = V' = V'' = 0 at 2.5 σ."""
    c = KobAndersen(smoothing="quad").smoothing_coefficients()[0, 0]
    assert c == pytest.approx([0.452645, -0.310063, 0.054213], abs=1e-6)
