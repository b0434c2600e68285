"""Pair models and inherent structures whose numbers are known."""

from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from vitrify.models.harmonic_spheres import HarmonicSpheres
from vitrify.models.kob_andersen import KobAndersen
from vitrify.particles import Box, Frame
from vitrify.protocols.inherent import Quench, quench

SHARED = Path(__file__).parents[2].parent / "shared" / "data"


@pytest.mark.parametrize(
    ("smoothing", "depth", "minimum"),
    [
        ("none", -1.0, 1.12246),
        ("shift", -0.98368, 1.12246),
        ("force_shift", -0.92997, 1.12315),
        ("quad", -0.82740, 1.12586),
    ],
)
def test_smoothing_makes_the_well_shallower_and_hardly_moves_it(smoothing, depth, minimum):
    """The four ways to cut Lennard-Jones off at 2.5 σ differ in depth by up to 17 %."""
    model = KobAndersen(smoothing)
    found = minimize_scalar(
        lambda r: float(model.pair_energy(r, 0, 0)),
        bounds=(1.0, 1.3),
        method="bounded",
        options={"xatol": 1e-8},
    )
    assert found.fun == pytest.approx(depth, abs=5e-6)
    assert found.x == pytest.approx(minimum, abs=5e-6)


def test_the_parabola_of_the_softness_papers_follows_from_smoothness():
    """V = V' = V'' = 0 at 2.5 σ leaves one choice of c0, c1, c2, the same for every pair of species."""
    for row in KobAndersen("quad").smoothing_coefficients().reshape(-1, 3):
        np.testing.assert_allclose(row, [0.452645, -0.310063, 0.054213], atol=5e-7)


@pytest.mark.parametrize(("smoothing", "distance"), [("shift", 1.122462), ("quad", 1.125858)])
def test_two_particles_come_to_rest_at_the_minimum_of_their_potential(smoothing, distance):
    """A dimer has one inherent structure."""
    pair = Frame([[0.0, 0.0, 0.0], [0.5, 0.6, 0.5]], [0, 0], Box.orthorhombic([9.0, 9.0, 9.0]), ("A", "B"))
    x = quench(KobAndersen(smoothing), pair, Quench(force_tolerance=1e-8)).positions
    assert np.linalg.norm(x[1] - x[0]) == pytest.approx(distance, abs=2e-6)


def test_spheres_below_jamming_find_a_place_without_overlap():
    """A dilute system of one-sided springs has inherent structures of zero energy."""
    rng = np.random.default_rng(1)
    box = Box.orthorhombic([8.0, 8.0])
    frame = Frame(rng.uniform(0, 8, (30, 2)), np.arange(30) % 2, box, ("A", "B"))
    model = HarmonicSpheres()
    assert model.energy(frame) > 1.0
    assert model.energy(quench(model, frame)) < 1e-7


def test_the_public_configuration_at_t_044_has_the_published_inherent_energy():
    """Kob-Andersen, cut and shifted at 2.5 σ_ab, N = 4096, T = 0.44, P = 2.93 (Bapst et al.): e_IS = −7.689."""
    path = SHARED / "kob-andersen-propensity-times" / "ka_N4096_T0.44_P2.93.npz"
    if not path.exists():
        pytest.skip(f"needs {path}")
    with np.load(path) as public:
        x, species, edges = public["positions"].astype(float), public["types"].astype(int), public["box"]
    result = Quench(force_tolerance=1e-2).run(
        KobAndersen("shift"), x[None], species, np.diag(edges)[None], np.zeros((1, 3)), [True] * 3
    )
    assert result.converged[0]
    assert result.energy[0] == pytest.approx(-7.689, abs=5e-4)
