"""Crystals are crystals, liquids are not."""

from pathlib import Path

import numba
import numpy as np
import pytest
from scipy.special import sph_harm_y

from vitrify.errors import ParameterError
from vitrify.particles import Box, Frame
from vitrify.particles.neighbors import pairs
from vitrify.structure.crystallinity import Crystallinity
from vitrify.testing.strategies import random_frame

PUBLIC = Path(__file__).parents[3] / "shared/data/kob-andersen-isoconfigurational"


def lattice(basis, repeats, cell=(1.0, 1.0, 1.0)):
    """Return a crystal of unit density, one particle species."""
    basis, cell = np.atleast_2d(basis), np.array(cell)
    grid = np.indices((repeats,) * len(cell)).reshape(len(cell), -1).T
    positions = (grid[:, None] + basis).reshape(-1, len(cell)) * cell
    scale = (len(positions) / np.prod(repeats * cell)) ** (1 / len(cell))
    return Frame(positions * scale, np.zeros(len(positions)), Box.orthorhombic(repeats * cell * scale))


FCC = [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]
HCP = [[0, 0, 0], [0.5, 0.5, 0], [0.5, 5 / 6, 0.5], [0, 1 / 3, 0.5]]
CRYSTALS = {
    "fcc": lattice(FCC, 4),
    "hcp": lattice(HCP, 4, (1.0, np.sqrt(3), np.sqrt(8 / 3))),
    "bcc": lattice([[0, 0, 0], [0.5, 0.5, 0.5]], 5),
    "triangular": lattice([[0, 0], [0.5, 0.5]], 6, (1.0, np.sqrt(3))),
}


def shaken(frame, amplitude, seed=0):
    noise = np.random.default_rng(seed).normal(size=frame.positions.shape)
    return frame.with_positions(frame.positions + amplitude * noise)


def naive(frame, cutoff, threshold):
    """Order of every particle and its aligned bonds, with scipy's complex harmonics."""
    found = pairs(frame, cutoff)
    x = found.vectors
    if frame.dimension == 3:
        polar, azimuth = np.arccos(x[:, 2] / found.distances), np.arctan2(x[:, 1], x[:, 0])
        bond = np.array([sph_harm_y(6, m, polar, azimuth) for m in range(-6, 7)]).T * np.sqrt(4 * np.pi / 13)
    else:
        bond = np.exp(6j * np.arctan2(x[:, 1], x[:, 0]))[:, None]
    q = np.zeros((frame.n_particles, bond.shape[1]), complex)
    np.add.at(q, found.first, bond)
    n = np.bincount(found.first, minlength=frame.n_particles)
    q /= np.maximum(n, 1)[:, None]
    size = np.linalg.norm(q, axis=1)
    product = (q[found.first] * q[found.second].conj()).sum(axis=1).real
    aligned = product > threshold * size[found.first] * size[found.second]
    return size, np.bincount(found.first[aligned], minlength=frame.n_particles), n


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("tilted", [False, True])
def test_the_kernels_agree_with_complex_harmonics(dimension, tilted):
    """The cutoff 3.3 exceeds half the box."""
    frame = random_frame(np.random.default_rng(4), 40, dimension=dimension, n_species=3, tilted=tilted)
    for cutoff in (0.9, 3.3):
        found = Crystallinity(cutoff=cutoff, threshold=0.55).compute(frame)
        order, bonds, n = naive(frame, cutoff, 0.55)
        np.testing.assert_allclose(found.order, order, rtol=1e-10, atol=1e-12)
        np.testing.assert_array_equal(found.n_bonds, bonds)
        np.testing.assert_array_equal(found.n_neighbors, n)


@pytest.mark.parametrize("name", CRYSTALS)
def test_crystals_are_crystalline_cold_and_warm(name):
    assert Crystallinity().compute(CRYSTALS[name]).fraction == 1
    warm = Crystallinity().compute(shaken(CRYSTALS[name], 0.06))
    assert warm.fraction > 0.9


@pytest.mark.parametrize(
    ("name", "q6", "n"), [("fcc", 0.57452, 12), ("hcp", 0.48476, 12), ("bcc", 0.51069, 14)]
)
def test_q6_and_neighbours_of_the_crystals(name, q6, n):
    found = Crystallinity().compute(CRYSTALS[name])
    np.testing.assert_allclose(found.order, q6, atol=6e-6)
    assert (found.n_neighbors == n).all()


def test_two_species_on_bcc_are_a_crystal():
    frame = CRYSTALS["bcc"]
    mixed = Frame(frame.positions, np.arange(frame.n_particles) % 2, frame.box)
    assert Crystallinity().compute(mixed).fraction == 1


@pytest.mark.parametrize("dimension", [2, 3])
def test_random_points_are_not_crystalline(dimension):
    rng = np.random.default_rng(0)
    frame = Frame(rng.uniform(0, 12, (1500, dimension)), np.zeros(1500), Box.orthorhombic([12.0] * dimension))
    assert Crystallinity().compute(frame).fraction < 0.02


def test_a_supercooled_kob_andersen_liquid_is_not_crystalline():
    files = sorted(PUBLIC.glob("*.npz"))
    if not files:
        pytest.skip(f"{PUBLIC} is not here")
    with np.load(files[0]) as held:
        types, positions = held["types"], held["initial_positions"]
    species = (types != types.min()).astype(int)
    frame = Frame(positions, species, Box.orthorhombic([15.05658] * 3))
    assert Crystallinity().compute(frame).fraction < 0.05


def test_a_slab_of_crystal_is_crystalline_and_the_gas_beside_it_is_not():
    """Seven of twelve layers stay where they are."""
    fcc = lattice(FCC, 6)
    melted = fcc.box.fractional(fcc.positions)[:, 0] > 0.5
    rng = np.random.default_rng(2)
    positions = fcc.positions.copy()
    edge = fcc.box.lengths[0]
    positions[melted] = rng.uniform([edge / 2, 0, 0], [edge, edge, edge], (melted.sum(), 3))
    found = Crystallinity().compute(fcc.with_positions(positions))
    assert (~melted).mean() == 7 / 12
    assert abs(found.fraction - 7 / 12) < 0.1
    assert found.crystalline[~melted].mean() > 0.6
    assert found.crystalline[melted].mean() < 0.15


def test_scaling_turning_and_threads_change_nothing():
    from vitrify.testing.strategies import rotation

    frame = shaken(CRYSTALS["fcc"], 0.1)
    reference = Crystallinity().compute(frame)
    turn = rotation(np.random.default_rng(1), 3)
    turned = Frame(3 * frame.positions @ turn, frame.species, Box(3 * frame.box.vectors @ turn))
    found = Crystallinity().compute(turned)
    np.testing.assert_allclose(found.order, reference.order, rtol=1e-10)
    assert abs(found.fraction - reference.fraction) < 0.01
    before = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        np.testing.assert_array_equal(Crystallinity().compute(frame).order, reference.order)
    finally:
        numba.set_num_threads(before)


def test_lonely_particles_are_not_crystalline():
    frame = Frame([[1.0, 1.0, 1.0], [5.0, 5.0, 5.0]], [0, 0], Box.orthorhombic([9.0] * 3))
    found = Crystallinity(cutoff=1.0).compute(frame)
    assert found.fraction == 0
    assert (found.n_neighbors == 0).all()


def test_what_cannot_be_meant_is_refused():
    frame = Frame(np.zeros((1, 2)), [0], Box.orthorhombic([4.0, 4.0], periodic=[False, False]))
    with pytest.raises(ParameterError, match="Give `cutoff`"):
        Crystallinity().compute(frame)
    for parameters, words in (
        ({"cutoff": -1.0}, "positive length"),
        ({"threshold": 1.5}, "between 0 and 1"),
        ({"min_bonds": 0}, "at least 1"),
        ({"min_order": 1.0}, "below 1"),
    ):
        with pytest.raises(ParameterError, match=words):
            Crystallinity(**parameters)
