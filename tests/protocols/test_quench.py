"""Quenches end in minima, whatever the box, and say how far they got."""

from pathlib import Path

import numpy as np
import pytest

from vitrify.errors import ConfigurationError, ParameterError
from vitrify.models.harmonic_spheres import HarmonicSpheres
from vitrify.models.kob_andersen import KobAndersen
from vitrify.particles import Box, Frame
from vitrify.protocols.equilibrate import load_configuration
from vitrify.protocols.inherent import Quench

STARTS = Path(__file__).parents[2] / "src" / "vitrify" / "studies" / "starts"
SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "kob-andersen-propensity-times"


@pytest.fixture(scope="module")
def liquid() -> Frame:
    return load_configuration(STARTS / "kob_andersen-quad-N1000-rho1.20-T0.5.npz")[0]


def run(frame: Frame, model=None, positions=None, **options):
    positions = frame.positions if positions is None else positions
    return Quench(**options).run(
        model or KobAndersen(),
        np.asarray(positions)[None],
        frame.species,
        frame.box.vectors[None],
        frame.box.origin[None],
        frame.box.periodic,
    )


@pytest.mark.parametrize("minimizer", ["lbfgs", "fire"])
def test_a_quench_ends_where_the_forces_vanish(liquid, minimizer):
    result = run(liquid, minimizer=minimizer)
    inherent = liquid.with_positions(result.positions[0])
    energy, forces = KobAndersen().energy_and_forces(inherent)
    assert result.converged[0]
    assert np.linalg.norm(forces, axis=1).max() <= 1.01e-4
    assert result.max_force[0] == pytest.approx(np.linalg.norm(forces, axis=1).max(), rel=1e-5)
    assert result.energy[0] == pytest.approx(energy / 1000, rel=1e-9)
    assert energy < KobAndersen().energy(liquid)


def test_the_default_tolerance_leaves_less_than_a_thousandth_to_the_minimum(liquid):
    near = run(liquid).positions[0]
    at = run(liquid, positions=near, force_tolerance=1e-10).positions[0]
    assert np.linalg.norm(at - near, axis=1).max() < 1e-3


def test_positions_stay_unwrapped(liquid):
    rng = np.random.default_rng(0)
    images = rng.integers(-3, 4, liquid.positions.shape) @ liquid.box.vectors
    plain, moved = run(liquid).positions[0], run(liquid, positions=liquid.positions + images).positions[0]
    displaced = np.linalg.norm(moved - images - plain, axis=1)
    assert np.median(displaced) < 1e-3
    assert np.linalg.norm(moved - liquid.positions - images, axis=1).max() < 2.0


def test_the_same_frame_gives_the_same_bits(liquid):
    assert np.array_equal(run(liquid).positions, run(liquid).positions)


def test_a_shaken_crystal_goes_back_to_the_crystal():
    cell = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    grid = np.array(np.meshgrid(*[range(3)] * 3)).reshape(3, -1).T
    a = 1.55
    fcc = (grid[:, None] + cell).reshape(-1, 3) * a
    box = Box.orthorhombic([3 * a] * 3)
    shaken = Frame(
        fcc + 0.05 * np.random.default_rng(1).normal(size=fcc.shape), [0] * len(fcc), box, ("A", "B")
    )
    end = run(shaken, force_tolerance=1e-9).positions[0]
    drift = (end - fcc).mean(axis=0)
    assert np.abs(end - fcc - drift).max() < 1e-6


@pytest.mark.parametrize("d", [2, 3])
def test_quenches_work_in_small_tilted_and_open_boxes(d):
    rng = np.random.default_rng(d)
    vectors = np.array([[3.4, 0.0, 0.0], [0.9, 3.2, 0.0], [-0.5, 0.7, 3.6]])[:d, :d]
    for periodic in ([True] * d, [True] * (d - 1) + [False]):
        box = Box(vectors, periodic=periodic)
        frame = Frame(rng.random((12, d)) @ vectors, rng.integers(0, 2, 12), box, ("A", "B"))
        result = run(frame, HarmonicSpheres(), force_tolerance=1e-8)
        _, forces = HarmonicSpheres().energy_and_forces(frame.with_positions(result.positions[0]))
        assert result.converged[0]
        assert np.linalg.norm(forces, axis=1).max() < 1.1e-8


def test_a_frame_that_does_not_converge_is_flagged(liquid):
    result = run(liquid, max_iterations=5)
    assert not result.converged[0]
    assert result.max_force[0] > 1e-4


def test_frames_that_cannot_be_quenched_are_refused_by_name(liquid):
    broken = liquid.positions.copy()
    broken[7] = np.nan
    with pytest.raises(ConfigurationError, match=r"particle 7"):
        run(liquid, positions=broken)
    piled = liquid.positions.copy()
    piled[3] = piled[8]
    with pytest.raises(ConfigurationError, match="3 and 8 sit on one spot"):
        run(liquid, positions=piled)


def test_parameters_that_cannot_be_meant_are_refused():
    with pytest.raises(ParameterError, match="`minimizer` must be one of"):
        Quench(minimizer="simplex")
    with pytest.raises(ParameterError, match="`force_tolerance`"):
        Quench(force_tolerance=0.0)


@pytest.mark.skipif(not SHARED.exists(), reason="the public Kob-Andersen set is not beside this checkout")
def test_the_inherent_energy_of_the_public_liquid_is_the_published_one():
    """-7.689 per particle for this sample of T = 0.44, cut and shifted at 2.5 σ."""
    with np.load(next(SHARED.glob("*.npz"))) as held:
        positions, types, lengths = held["positions"], held["types"], held["box"]
    species = (types != np.bincount(types).argmax()).astype(int)
    frame = Frame(positions, species, Box.orthorhombic(lengths), ("A", "B"))
    result = run(frame, KobAndersen(smoothing="shift"))
    assert result.energy[0] == pytest.approx(-7.689, abs=0.001)
