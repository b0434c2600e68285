"""The structure functions of Ridout et al.: their number, their Gaussians, their reach."""

import numpy as np
import pytest

from vitrify.descriptors.named_sets import ridout_2023, ridout_2023_soft_spheres
from vitrify.particles import Box, Frame


def short(names):
    """Names of radial functions without their width and reach: ``G_A(1``."""
    return [name.partition(";")[0] for name in names]


@pytest.mark.parametrize(
    ("make", "n", "width"), [(ridout_2023, 266, 0.05), (ridout_2023_soft_spheres, 166, 0.1)]
)
def test_a_neighbour_gives_the_printed_gaussian_without_a_factor_two(make, n, width):
    names = make().feature_names(("A", "B"))
    assert len(names) == n
    distance = 1.03
    positions = [[3.0, 3.0, 3.0], [3.0 + distance, 3.0, 3.0]]
    frame = Frame(positions, [0, 1], Box.orthorhombic([20.0] * 3), ("A", "B"))
    found = dict(zip(short(names), make().evaluate(frame, [0])[0], strict=False))
    for mu in (1.0, 1.1):
        assert found[f"G_B({mu:g}"] == pytest.approx(np.exp(-(((mu - distance) / width) ** 2)), rel=1e-9)
    assert found["G_A(1"] == 0.0


def test_both_first_shells_of_a_small_sphere_and_the_fifth_diameter_lie_on_the_grid():
    found = ridout_2023_soft_spheres()
    assert {"G_A(1", "G_B(1.2", "G_A(5", "G_B(5"} <= set(short(found.feature_names(("A", "B"))))
    assert found.reach == 5.0
