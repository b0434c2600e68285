"""D2min where it can be worked out by hand."""

import numpy as np
import pytest

from vitrify.particles import Box, Frame
from vitrify.rearrangements.d2min import D2Min


def fluid(d, n=300, size=7.0, seed=1):
    box = Box(size * np.eye(d))
    return np.random.default_rng(seed).uniform(-2 * size, 2 * size, (n, d)), box


def frames_of(*configurations):
    return [Frame(p, np.zeros(len(p), int), Box(v), ("A",)) for p, v in configurations]


@pytest.mark.parametrize("d", [2, 3])
def test_an_affine_map_of_box_and_particles_has_no_d2min(d):
    """Any linear map, a shear by more than a whole box among them, and a shift."""
    positions, box = fluid(d)
    rng = np.random.default_rng(3)
    shear = np.eye(d)
    shear[1, 0] = 1.7
    for gradient in (np.eye(d) + rng.uniform(-0.3, 0.3, size=(d, d)), shear, 1.3 * np.eye(d)):
        frames = frames_of((positions, box.vectors), (positions @ gradient + 3.3, box.vectors @ gradient))
        for cutoff in (1.5, 2.5, 6.0):
            motion = D2Min(1, cutoff, "sum").between(*frames)
            defined = motion.n_neighbors >= d
            assert defined.sum() > 100
            assert motion.d2min[defined].max() < 1e-25
            strain = 0.5 * (gradient @ gradient.T - np.eye(d))
            spanned = motion.n_neighbors > 2 * d
            np.testing.assert_allclose(
                motion.strain[spanned], np.broadcast_to(strain, (spanned.sum(), d, d)), atol=1e-10
            )


@pytest.mark.parametrize("d", [2, 3])
def test_steady_shear_through_tilt_flips_has_no_d2min(d):
    """The box is exchanged for a less tilted one whenever it leans by more than a half, as LAMMPS does."""
    positions, box = fluid(d, n=200)
    configurations = []
    for strain in np.linspace(0.0, 2.6, 27):
        gradient = np.eye(d)
        gradient[1, 0] = strain
        vectors = box.vectors @ gradient
        vectors[1] -= np.rint(vectors[1, 0] / vectors[0, 0]) * vectors[0]
        configurations.append((positions @ gradient, vectors))
    frames = frames_of(*configurations)
    for indicator in (D2Min(1, 2.5), D2Min(20, 2.5), D2Min(None, 2.5, reference=13)):
        values = indicator.compute(frames)
        assert np.isfinite(values).any()
        assert np.nanmax(values) < 1e-25


@pytest.mark.parametrize("normalization", ["mean", "sum"])
def test_pure_shear_of_a_lattice_has_no_d2min(normalization):
    """PHYSICS of sheared crystals: a fcc lattice stretched along x and shrunk along y and z, neighbours across faces."""
    cell = np.array([[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
    corners = np.stack(np.meshgrid(*[np.arange(4)] * 3, indexing="ij"), -1).reshape(-1, 3)
    lattice = 1.5 * (corners[:, None] + cell).reshape(-1, 3)
    stretch = np.diag([1.2, 1 / 1.2, 1.0])
    frames = frames_of((lattice, 6 * np.eye(3)), (lattice @ stretch, 6 * stretch))
    assert D2Min(1, 2.5, normalization).compute(frames)[0].max() < 1e-12


def test_a_rotation_of_everything_is_no_strain_in_an_open_box():
    positions, _ = fluid(3, size=2.0)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    box = Box(50 * np.eye(3), -25 * np.ones(3), [False] * 3)
    motion = D2Min(1, 1.5).between(Frame(positions, [0] * 300, box), Frame(positions @ turn, [0] * 300, box))
    spanned = motion.n_neighbors > 6
    assert spanned.sum() > 50
    assert motion.d2min[spanned].max() < 1e-25
    assert np.abs(motion.strain[spanned]).max() < 1e-11


def test_one_displaced_particle_by_hand():
    """A square lattice with the four nearest neighbours, spacing 1. Particle 0 moves by (a, 0).

    For particle 0 all four vectors change by (-a, 0): their sum with the vectors vanishes, so J = 1 and the mean is a^2.
    For the neighbour at (1, 0) the vector (-1, 0) becomes (-1 + a, 0): J_xx = 1 - a/2 halves it, leaving a^2/2 in all.
    For the neighbour at (0, 1) the vector (0, -1) becomes (a, -1), of which J_xy takes half. Others see nothing.
    """
    grid = np.stack(np.meshgrid(np.arange(6.0), np.arange(6.0), indexing="ij"), -1).reshape(-1, 2)
    a, moved = 0.2, grid.copy()
    centre = 14
    moved[centre, 0] += a
    frames = frames_of((grid, 6 * np.eye(2)), (moved, 6 * np.eye(2)))
    mean = D2Min(1, 1.2, "mean").compute(frames)[0]
    expected = np.zeros(36)
    expected[centre] = a**2
    expected[[centre - 1, centre + 1, centre - 6, centre + 6]] = a**2 / 8
    np.testing.assert_allclose(mean, expected, atol=1e-15)
    np.testing.assert_allclose(D2Min(1, 1.2, "sum").compute(frames)[0], 4 * expected, atol=1e-15)


@pytest.mark.parametrize("moves", [True, False], ids=["all move", "centre at rest"])
def test_noise_of_the_twelve_neighbours_in_fcc(moves):
    """d s^2 (2z - d)/z with the noise of the centre, d s^2 (z - d)/z without: .0525 and .0225 for s = .1."""
    rng = np.random.default_rng(8)
    shell = np.array([[x, y, z] for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1)])
    shell = shell[(shell**2).sum(axis=1) == 2] / np.sqrt(2)
    cluster = np.vstack([np.zeros(3), shell])
    n, s = 4000, 0.1
    apart = 10.0 * np.stack(np.meshgrid(*[np.arange(16)] * 3, indexing="ij"), -1).reshape(-1, 1, 3)[:n]
    before = (apart + cluster).reshape(-1, 3)
    noise = rng.normal(scale=s, size=(n, 13, 3))
    noise[:, 0] *= moves
    after = before + noise.reshape(-1, 3)
    box = Box(200 * np.eye(3))
    motion = D2Min(1, 1.2, "mean").between(*(Frame(p, np.zeros(13 * n, int), box) for p in (before, after)))
    centres = motion.d2min[::13]
    assert (motion.n_neighbors[::13] == 12).all()
    error = centres.std() / np.sqrt(n)
    expected = 3 * s**2 * ((24 - 3) / 12 if moves else (12 - 3) / 12)
    assert expected == pytest.approx(0.0525 if moves else 0.0225)
    assert abs(centres.mean() - expected) < 4 * error
    assert error < 0.01 * expected


def test_a_particle_that_crosses_the_boundary_does_not_jump():
    """Unwrapped, it is the same motion wherever the box begins."""
    positions, box = fluid(2, n=80, size=5.0)
    moved = positions + np.random.default_rng(0).normal(scale=0.2, size=positions.shape)
    somewhere = D2Min(1, 2.0).compute(frames_of((positions, box.vectors), (moved, box.vectors)))
    for shift in (0.3, 2.4, 77.0):
        shifted = D2Min(1, 2.0).compute(
            frames_of((positions + shift, box.vectors), (moved + shift, box.vectors))
        )
        np.testing.assert_allclose(shifted, somewhere, rtol=1e-9, atol=1e-14)
