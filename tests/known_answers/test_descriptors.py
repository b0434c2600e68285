"""Structure functions of configurations whose answer is known beforehand."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from vitrify.descriptors.bond_angle import CUBUK_TABLE_5_2, BondAngle
from vitrify.descriptors.coordination import Coordination
from vitrify.descriptors.local_energy import LocalEnergy
from vitrify.descriptors.radial_density import RadialDensity
from vitrify.models.kob_andersen import KobAndersen
from vitrify.particles import Box, Frame

PUBLIC = Path(__file__).parents[3] / "shared/data/kob-andersen-isoconfigurational"


def crystal(basis, cells=4, edge=1.0):
    sites = np.array(list(product(range(cells), repeat=3)))[:, None] + np.array(basis)[None]
    positions = edge * sites.reshape(-1, 3)
    return Frame(positions, np.zeros(len(positions), int), Box.orthorhombic([edge * cells] * 3))


def kob_andersen_like(n=400, seed=0):
    """Random particles of a Kob-Andersen mixture at density 1.2 that keep 0.75 apart."""
    rng = np.random.default_rng(seed)
    box = Box.orthorhombic([(n / 1.2) ** (1 / 3)] * 3)
    grid = np.array(list(product(range(8), repeat=3)))[rng.permutation(512)[:n]]
    positions = (grid + rng.uniform(-0.06, 0.06, grid.shape)) * box.lengths / 8
    return Frame(positions, (rng.random(n) < 0.2).astype(int), box)


def test_close_packed_crystal_has_twelve_neighbours_then_six():
    """In fcc the shells hold 12, 6, 24 particles at 1, √2, √3 nearest distances."""
    fcc = crystal([[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]], edge=2**0.5)
    for cutoff, count in ((1.2, 12), (1.5, 18), (1.8, 42)):
        assert (Coordination((("A", "A", cutoff),)).evaluate(fcc) == count).all()
    density = RadialDensity(radii=(1.0, 2**0.5, 3**0.5), delta=0.01).evaluate(fcc)
    np.testing.assert_allclose(density, np.tile([12.0, 6.0, 24.0], (len(density), 1)), rtol=1e-12)


@pytest.mark.parametrize(
    ("basis", "cutoff", "count"), [([[0, 0, 0]], 1.2, 6), ([[0, 0, 0], [0.5] * 3], 0.9, 8)]
)
def test_cubic_crystals_have_six_and_eight_neighbours(basis, cutoff, count):
    """Simple cubic touches 6 neighbours, body-centred cubic 8."""
    assert (Coordination((("A", "A", cutoff),)).evaluate(crystal(basis)) == count).all()


def test_isolated_pair_is_one_gaussian():
    """Of a single neighbour at R the radial density is exp[−(r − R)²/2δ²] itself."""
    distance = 1.2345
    pair = Frame([[0.0, 0.0, 0.0], [0.0, distance, 0.0]], [0, 1], Box.orthorhombic([40.0] * 3))
    descriptor = RadialDensity()
    radii = np.array(descriptor.radii)
    expected = np.exp(-((radii - distance) ** 2) / 0.02)
    np.testing.assert_allclose(descriptor.evaluate(pair)[0, 50:], expected, rtol=1e-12, atol=3e-12)
    np.testing.assert_allclose(descriptor.evaluate(pair)[1, :50], expected, rtol=1e-12, atol=3e-12)
    assert not descriptor.evaluate(pair)[0, :50].any()


def test_integral_over_radii_counts_neighbours():
    """∫ G dr is √(2π) δ for each neighbour: here 12."""
    fcc = crystal([[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]], edge=2**0.5)
    radii = np.linspace(0.5, 1.2, 141)
    shell = RadialDensity(tuple(radii), delta=0.02, cutoff=1.2).evaluate(fcc)
    np.testing.assert_allclose(
        shell.sum(axis=1) * (radii[1] - radii[0]), 12 * np.sqrt(2 * np.pi) * 0.02, rtol=1e-10
    )


def test_equilateral_triangle_has_closed_bond_angles():
    """Two neighbours at 1 and 60°: Ψ = 2 exp(−3/ξ²)(1 + λ/2)^ζ for like neighbours, half of it for unlike ones."""
    corners = [[0.0, 0.0], [1.0, 0.0], [0.5, 0.75**0.5]]
    for species, ordered in (([0, 0, 0], 2), ([0, 0, 1], 1)):
        frame = Frame(corners, species, Box.orthorhombic([20.0, 20.0]), ("A", "B"))
        values = BondAngle().evaluate(frame, [0])[0].reshape(3, 22)[0 if ordered == 2 else 1]
        expected = [
            ordered * np.exp(-3 / xi**2) * (1 + sign / 2) ** zeta for xi, zeta, sign in CUBUK_TABLE_5_2
        ]
        np.testing.assert_allclose(values, expected, rtol=1e-13)


def rank(features):
    """Number of independent features; those of the table differ by 1e-7 of their size where they are independent."""
    standardized = (features - features.mean(axis=0)) / features.std(axis=0)
    singular = np.linalg.svd(standardized, compute_uv=False)
    return int((singular > 1e-12 * singular[0]).sum()), singular


def test_printed_angular_table_has_rank_21_and_the_consistent_one_20():
    """Ψ(+,2) − Ψ(−,2) = 2[Ψ(+,1) − Ψ(−,1)] for each ξ with λ = ±1: two identities, of which 14.638 spoils one."""
    frame = kob_andersen_like()
    consistent = tuple((14.633 if row[0] > 14 else row[0], *row[1:]) for row in CUBUK_TABLE_5_2)
    for table, expected in ((CUBUK_TABLE_5_2, 21), (consistent, 20)):
        features = BondAngle(table).evaluate(frame, frame.of_species("A"))
        for block in features.reshape(len(features), 3, 22).transpose(1, 0, 2):
            assert rank(block)[0] == expected


def test_identity_of_the_table_holds_to_rounding():
    """(1 + c)² − (1 − c)² = 2[(1 + c) − (1 − c)], so four of the functions are three."""
    psi = BondAngle(((2.554, 1, -1.0), (2.554, 1, 1.0), (2.554, 2, -1.0), (2.554, 2, 1.0)))
    values = psi.evaluate(kob_andersen_like()).reshape(-1, 3, 4)
    difference = values[..., 3] - values[..., 2] - 2 * (values[..., 1] - values[..., 0])
    assert np.abs(difference).max() < 1e-13 * np.abs(values).max()


@pytest.mark.parametrize("smoothing", ["quad", "shift"])
def test_local_energies_add_up_to_twice_the_potential_energy(smoothing):
    """Each bond is counted at both of its ends."""
    model, frame = KobAndersen(smoothing=smoothing), kob_andersen_like()
    assert LocalEnergy(model).evaluate(frame).sum() == pytest.approx(2 * model.energy(frame), rel=1e-12)


@pytest.fixture(scope="module")
def supercooled():
    """The Kob-Andersen mixture at T = 0.44, thermal."""
    if not PUBLIC.is_dir():
        pytest.skip(f"public Kob-Andersen configurations are not at {PUBLIC}")
    stored = np.load(PUBLIC / "isoconfig_N4096T0.44_1_tc07.npz")
    species = (stored["types"] != stored["types"].min()).astype(int)
    return Frame(stored["initial_positions"], species, Box.orthorhombic([15.05658] * 3))


def test_supercooled_kob_andersen_has_its_known_coordination(supercooled):
    """A particles of the mixture at T = 0.44 have 13.6 neighbours within 1.40 (A) and 1.25 (B)."""
    counts = Coordination().evaluate(supercooled, supercooled.of_species("A"))
    assert counts[:, -1].mean() == pytest.approx(13.6, abs=0.1)


def test_supercooled_kob_andersen_has_its_known_local_energy(supercooled):
    """A particles at T = 0.44 have E_L = −15.7 ± 1.5, unshifted and cut at 2.5 σ_ij; the shift adds 1.2."""
    particles = supercooled.of_species("A")
    energies = LocalEnergy(KobAndersen(smoothing="none")).evaluate(supercooled, particles)
    assert energies.mean() == pytest.approx(-15.72, abs=0.05)  # ten samples: −15.69 to −15.76
    assert energies.std() == pytest.approx(1.5, abs=0.15)
    shifted = LocalEnergy(KobAndersen(smoothing="shift")).evaluate(supercooled, particles)
    assert shifted.mean() == pytest.approx(energies.mean() + 1.19, abs=0.02)
