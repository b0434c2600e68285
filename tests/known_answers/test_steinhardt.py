"""Steinhardt's order of crystals, of an icosahedron, and of a configuration that two other codes have described."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from vitrify.descriptors.steinhardt import Steinhardt
from vitrify.particles import Box, Frame

REFERENCE = Path(__file__).parents[3] / "shared/data/steinhardt-reference/steinhardt_average"
GOLDEN = (1 + 5**0.5) / 2
CRYSTALS = {
    # sites in the unit cell, its edges, cutoff, q_4, q_6, w_4, w_6
    "fcc": ([[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]], [2**0.5] * 3, 1.2, [0.19094, 0.57452, -0.159317, -0.013161]),
    "hcp": ([[0, 0, 0], [0.5, 0.5, 0], [0.5, 1 / 6, 0.5], [0, 2 / 3, 0.5]], [1.0, 3**0.5, (8 / 3) ** 0.5], 1.2,
            [0.09722, 0.48476, 0.134097, -0.012442]),
    "bcc": ([[0, 0, 0], [0.5, 0.5, 0.5]], [1.0] * 3, 1.2, [0.03637, 0.51069, 0.159317, 0.013161]),
    "sc": ([[0, 0, 0]], [1.0] * 3, 1.2, [0.76376, 0.35355, 0.159317, 0.013161]),
}  # fmt: skip


@pytest.mark.parametrize("averaged", [False, True])
@pytest.mark.parametrize("name", CRYSTALS)
def test_crystal_has_its_order_and_averages_change_nothing(name, averaged):
    """All sites are alike; those of hcp are mirror images, which for even l have the same q_lm."""
    basis, edges, cutoff, expected = CRYSTALS[name]
    cells = np.array(list(product(range(4), repeat=3)))
    sites = ((cells[:, None] + np.array(basis)) * edges).reshape(-1, 3)
    frame = Frame(sites, np.zeros(len(sites), int), Box.orthorhombic(4.0 * np.array(edges)))
    values = Steinhardt((4, 6), cutoff, averaged).evaluate(frame)
    np.testing.assert_allclose(values, np.tile(expected, (len(values), 1)), atol=6e-6)


def test_icosahedron_has_the_largest_third_order_of_all():
    """w_6 = −0.169754, and q_4 = 0 by symmetry, so that there is no w_4."""
    corners = [np.roll([0.0, a, b * GOLDEN], k) for k in range(3) for a, b in product((-1.0, 1.0), repeat=2)]
    shell = np.array(corners) / np.sqrt(1 + GOLDEN**2)
    frame = Frame([[0.0] * 3, *shell], np.zeros(13, int), Box.orthorhombic([20.0] * 3))
    values = Steinhardt((4, 6), 1.02).evaluate(frame, [0])[0]
    np.testing.assert_allclose(values, [0.0, 0.66332, 0.0, -0.169754], atol=6e-6)


def test_bonds_at_right_angles_cancel_in_the_average():
    """A share a of bonds along x and b along y has q_2² = a² + b² − ab; averaging mixes the shares of neighbours."""
    ends = [[0.0, 0, 0], [1.0, 0, 0], [-1.0, 0, 0], [1.0, 1.0, 0], [1.0, -1.0, 0]]
    frame = Frame(ends, [0] * 5, Box.orthorhombic([20.0] * 3))
    shares = {False: [0, 2 / 3, 0, 1, 1], True: [2 / 9, 2 / 3, 0, 5 / 6, 5 / 6]}
    for averaged, along_y in shares.items():
        b = np.array(along_y)
        expected = np.sqrt((1 - b) ** 2 + b**2 - (1 - b) * b)
        values = Steinhardt((2,), 1.2, averaged).evaluate(frame)[:, 0]
        np.testing.assert_allclose(values, expected, rtol=1e-13)


@pytest.fixture(scope="module")
def configuration():
    gsd = pytest.importorskip("gsd.hoomd")
    if not REFERENCE.is_dir():
        pytest.skip(f"the reference values are not at {REFERENCE}")
    with gsd.open(REFERENCE / "Test_Configuration.gsd") as file:
        snapshot = file[0]
    lengths = snapshot.configuration.box[:3].astype(float)
    positions = snapshot.particles.position.astype(float)
    return Frame(positions, np.zeros(len(positions), int), Box.orthorhombic(lengths))


@pytest.mark.parametrize(("averaged", "file"), [(False, "q4q6w4w6"), (True, "avq4avq6avw4avw6")])
def test_order_and_averages_agree_with_another_code(configuration, averaged, file):
    """A code of others found the same for 3288 hard spheres, neighbours within 1.4; it printed six digits."""
    expected = np.loadtxt(REFERENCE / f"GC_rc1.4_{file}.txt")
    found = Steinhardt((4, 6), 1.4, averaged).evaluate(configuration)
    np.testing.assert_allclose(found, expected, atol=1e-5)
