"""Bond order of configurations whose answer is known beforehand."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from vitrify.descriptors.bond_order import BondOrder
from vitrify.descriptors.shell_average import ShellAverage
from vitrify.particles import Box, Frame
from vitrify.testing.strategies import rotation

REFERENCE = Path(__file__).parents[3] / "shared/data/steinhardt-reference/steinhardt_average"
GOLDEN = (1 + 5**0.5) / 2
CRYSTALS = {
    # sites in the unit cell, edges of the cell, distance of the nearest neighbours, {l: q_l}
    "fcc": (
        [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]],
        [2**0.5] * 3,
        1.0,
        {4: 0.19094, 6: 0.57452, 8: 0.40391, 10: 0.01286, 12: 0.60008},
    ),
    "hcp": (
        [[0, 0, 0], [0.5, 0.5, 0], [0.5, 1 / 6, 0.5], [0, 2 / 3, 0.5]],
        [1.0, 3**0.5, (8 / 3) ** 0.5],
        1.0,
        {3: 0.07607, 4: 0.09722, 6: 0.48476, 8: 0.31699, 10: 0.01017, 12: 0.56498},
    ),
    "bcc": (
        [[0, 0, 0], [0.5, 0.5, 0.5]],
        [1.0] * 3,
        0.75**0.5,
        {4: 0.50918, 6: 0.62854, 8: 0.21276, 10: 0.65015, 12: 0.41534},
    ),
    "sc": (
        [[0, 0, 0]],
        [1.0] * 3,
        1.0,
        {4: 0.76376, 6: 0.35355, 8: 0.71807, 10: 0.41143, 12: 0.69550},
    ),
    "diamond": (
        [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]],
        [4 / 3**0.5] * 3,
        1.0,
        {3: 0.74536, 4: 0.50918, 6: 0.62854},
    ),
}


def crystal(name, turn=None):
    """Return four cells along each axis, turned together with their box."""
    basis, edges, *_ = CRYSTALS[name]
    if name == "diamond":
        basis = [*basis, *(np.array(basis) + 0.25).tolist()]
    cells = np.array(list(product(range(4), repeat=3)))
    positions = ((cells[:, None] + np.array(basis)) * edges).reshape(-1, 3)
    turn = np.eye(3) if turn is None else turn
    vectors = np.diag(4.0 * np.array(edges)) @ turn
    return Frame(positions @ turn, np.zeros(len(positions), int), Box(vectors))


@pytest.mark.parametrize("name", CRYSTALS)
def test_narrow_shell_of_a_crystal_has_its_steinhardt_order(name):
    """Around the nearest neighbours a shell much narrower than the gap to the next ones counts them alike."""
    *_, nearest, expected = CRYSTALS[name]
    descriptor = BondOrder(tuple(range(1, 13)), (nearest,), delta=0.01)
    turned = crystal(name, rotation(np.random.default_rng(1), 3))
    for frame in (crystal(name), turned):
        values = descriptor.evaluate(frame)
        np.testing.assert_allclose(values, np.tile(values[0], (len(values), 1)), atol=1e-10)
        for degree, q in expected.items():
            assert values[0, degree - 1] == pytest.approx(q, abs=6e-6)
        if name != "hcp":
            odd = {1, 5} if name == "diamond" else {1, 3, 5, 7, 9, 11}
            assert values[:, [degree - 1 for degree in odd | {2}]].max() < 1e-12


def test_regular_icosahedron_has_order_of_degree_six_ten_and_twelve_only():
    """Below degree 15 the icosahedral group has invariants in the degrees 6, 10 and 12."""
    corners = [np.roll([0.0, a, b * GOLDEN], k) for k in range(3) for a, b in product((-1.0, 1.0), repeat=2)]
    shell = np.array(corners) / np.sqrt(1 + GOLDEN**2)
    frame = Frame([[0.0] * 3, *shell], np.zeros(13, int), Box.orthorhombic([20.0] * 3))
    values = BondOrder(tuple(range(1, 13)), (1.0,), delta=0.01).evaluate(frame, [0])[0]
    for degree, q in {6: 0.66332, 10: 0.36295, 12: 0.58542}.items():
        assert values[degree - 1] == pytest.approx(q, abs=6e-6)
    assert np.delete(values, [5, 9, 11]).max() < 1e-14


def test_bcc_with_both_nearest_shells_has_the_order_of_fourteen_neighbours():
    """A very wide shell within a sharp cutoff counts 8 + 6 neighbours alike."""
    wide = BondOrder((4, 6, 8, 10, 12), (0.0,), delta=1e4, cutoff=1.2)
    expected = [0.03637, 0.51069, 0.42932, 0.19519, 0.40480]
    np.testing.assert_allclose(wide.evaluate(crystal("bcc"))[0], expected, atol=6e-6)


def test_triangular_lattice_in_the_plane_has_six_neighbours_in_a_ring():
    """For six directions 60° apart only m = 0 and ±6 remain: q_2 = 1/2, q_4 = 3/8, q_6 = [(25 + 231)/512 · …]^½."""
    ring = np.array([[np.cos(a), np.sin(a)] for a in np.arange(6) * np.pi / 3])
    frame = Frame([[0.0, 0.0], *ring], np.zeros(7, int), Box.orthorhombic([20.0] * 2))
    values = BondOrder((1, 2, 3, 4, 6), (1.0,), delta=0.1).evaluate(frame, [0])[0]
    # P_2(0) = -1/2, P_4(0) = 3/8, P_6(0) = -5/16; the m = ±6 terms of degree 6 carry 2 · 231/1024
    q6 = np.sqrt((5 / 16) ** 2 + 2 * 231 / 1024)
    np.testing.assert_allclose(values, [0.0, 0.5, 0.0, 0.375, q6], atol=1e-14)


def test_two_neighbours_at_an_angle_have_the_legendre_polynomial_of_it():
    """q_l² = [1 + P_l(cos θ)] / 2 for two neighbours of equal weight."""
    angle = 1.1
    box = Box.orthorhombic([20.0] * 3)
    ends = [[0.0] * 3, [1.0, 0.0, 0.0], [np.cos(angle), 0.0, np.sin(angle)]]
    values = BondOrder((1, 2, 3), (1.0, 1.2)).evaluate(Frame(ends, [0, 1, 0], box), [0])[0].reshape(3, 2)
    c = np.cos(angle)
    legendre = np.array([c, (3 * c**2 - 1) / 2, (5 * c**3 - 3 * c) / 2])
    np.testing.assert_allclose(values, np.sqrt((1 + legendre) / 2)[:, None] * [1, 1], rtol=1e-13)


def test_every_average_over_a_crystal_is_the_value_of_its_sites():
    """All sites of fcc are alike, so averaging changes nothing."""
    average = ShellAverage(BondOrder((4, 6), (1.0, 2**0.5)), order=2, cutoff=1.6)
    values = average.evaluate(crystal("fcc")).reshape(-1, 3, 4)
    np.testing.assert_allclose(values, np.broadcast_to(values[:, :1], values.shape), rtol=1e-12)


def test_random_directions_have_an_order_of_one_over_the_root_of_their_number():
    """Cross terms of independent directions vanish in the mean: the mean square of q_l is 1/n."""
    rng = np.random.default_rng(2)
    box, n = Box.orthorhombic([20.0] * 3), 50
    squares = []
    for _ in range(400):
        shell = rng.normal(size=(n, 3))
        shell /= np.linalg.norm(shell, axis=1)[:, None]
        frame = Frame([[0.0] * 3, *shell], np.zeros(n + 1, int), box)
        squares.append(BondOrder((2, 6, 11), (1.0,)).evaluate(frame, [0])[0] ** 2)
    np.testing.assert_allclose(np.mean(squares, axis=0) * n, 1.0, atol=0.15)


@pytest.fixture(scope="module")
def published():
    """A hard-sphere configuration and the q_4, q_6 that another code found for neighbours within 1.4."""
    gsd = pytest.importorskip("gsd.hoomd")
    if not REFERENCE.is_dir():
        pytest.skip(f"the reference values are not at {REFERENCE}")
    with gsd.open(REFERENCE / "Test_Configuration.gsd") as file:
        snapshot = file[0]
    lengths = snapshot.configuration.box[:3].astype(float)
    positions = snapshot.particles.position.astype(float)
    frame = Frame(positions, np.zeros(len(positions), int), Box.orthorhombic(lengths))
    return frame, np.loadtxt(REFERENCE / "GC_rc1.4_q4q6w4w6.txt")[:, :2]


def test_sharp_cutoff_agrees_with_another_code(published):
    """With a very wide shell q_l is Steinhardt's, which another code has for the same configuration to six digits."""
    frame, expected = published
    found = BondOrder((4, 6), (0.0,), delta=1e5, cutoff=1.4).evaluate(frame)
    np.testing.assert_allclose(found, expected, atol=2e-5)
