"""Cells and simplices around particles: against scipy's triangulation of all images, and crystals."""

from itertools import product

import numpy as np
import pytest

from vitrify.descriptors.tetrahedra import DelaunayShapes
from vitrify.descriptors.voronoi_volume import VoronoiVolume
from vitrify.errors import ConfigurationError, ParameterError, ShapeError
from vitrify.particles import Box, Frame
from vitrify.structure.simplices import octahedricity, tetrahedricity
from vitrify.testing.strategies import random_frame

FCC = np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
BCC = np.array([[0, 0, 0], [1, 1, 1]]) / 2
PERIODIC = {
    "3d": {"n_particles": 60},
    "3d_tilted": {"n_particles": 60, "tilted": True},
    "2d": {"n_particles": 30, "dimension": 2},
    "2d_tilted": {"n_particles": 30, "dimension": 2, "tilted": True},
}


@pytest.fixture(params=PERIODIC)
def periodic(request):
    return random_frame(np.random.default_rng(11), **PERIODIC[request.param])


def crystal(basis, n, shift=0.0):
    cells = np.stack(np.meshgrid(*[np.arange(n)] * 3), axis=-1).reshape(-1, 1, 3)
    positions = (cells + basis).reshape(-1, 3)
    positions = positions + shift * np.random.default_rng(0).normal(size=positions.shape)
    return Frame(positions, np.zeros(len(positions)), Box.orthorhombic([float(n)] * 3))


def with_images(frame, reach=2):
    """All images within some boxes, and the particle of each."""
    images = np.array(list(product(range(-reach, reach + 1), repeat=frame.dimension))) @ frame.box.vectors
    wrapped = frame.box.wrap(frame.positions)
    return (images[:, None] + wrapped).reshape(-1, frame.dimension), np.tile(
        np.arange(frame.n_particles), len(images)
    )


def power_cells(frame, radii):
    """Volumes of radical cells from the lower hull of lifted points; the dual vertices are centres of orthogonal spheres."""
    from scipy.spatial import ConvexHull

    points, particle = with_images(frame, 1)
    weight = radii[frame.species][particle] ** 2
    hull = ConvexHull(np.column_stack([points, (points**2).sum(axis=1) - weight]))
    d, lower = frame.dimension, hull.equations[:, frame.dimension] < 0
    corners = hull.simplices[lower]
    centre = -0.5 * hull.equations[lower, :d] / hull.equations[lower, d, None]
    middle = np.array(list(product(range(-1, 2), repeat=d))).tolist().index([0] * d)
    volumes = np.zeros(frame.n_particles)
    for i in range(frame.n_particles):
        around = centre[(corners == middle * frame.n_particles + i).any(axis=1)]
        volumes[i] = ConvexHull(around).volume if len(around) > d else 0.0
    return volumes


def naive_shapes(frame, good, exclusive):
    """N_T, N_O, N and the mean of chi_T from the triangulation of all images."""
    from scipy.spatial import Delaunay

    points, _ = with_images(frame, 1)
    corners = Delaunay(points).simplices
    middle = (3**frame.dimension // 2) * frame.n_particles
    found = np.zeros((frame.n_particles, 4))
    chi_t, chi_o = tetrahedricity(points[corners]), octahedricity(points[corners])
    is_octahedral = (chi_o <= good[1]) & ((chi_t > good[0]) | (not exclusive))
    for i in range(frame.n_particles):
        mine = (corners == middle + i).any(axis=1)
        found[i] = (
            (chi_t[mine] <= good[0]).sum(),
            is_octahedral[mine].sum(),
            mine.sum(),
            chi_t[mine].mean(),
        )
    return found


@pytest.mark.parametrize("radii", [(0.0, 0.0), (0.3, 0.3), (0.5, 0.35)])
def test_cells_fill_the_box_and_are_those_of_a_convex_hull(periodic, radii):
    member = VoronoiVolume(dict(zip("AB", radii, strict=True)) if radii[0] else ())
    volumes = member.evaluate(periodic)[:, 0]
    assert volumes.sum() == pytest.approx(periodic.box.volume, rel=1e-12)
    np.testing.assert_allclose(volumes, power_cells(periodic, np.array(radii)), rtol=1e-9, atol=1e-12)


def test_equal_radii_change_nothing(periodic):
    plain = VoronoiVolume().evaluate(periodic)
    np.testing.assert_allclose(VoronoiVolume({"A": 0.4, "B": 0.4}).evaluate(periodic), plain, rtol=1e-11)


def test_radical_cell_may_be_empty_and_all_still_fill_the_box():
    """A small particle within a large one has no cell."""
    frame = random_frame(np.random.default_rng(3), 40)
    near = np.vstack([frame.positions, frame.positions[:1] + 0.05])
    frame = Frame(near, [*np.zeros(40, int), 1], frame.box)
    volumes = VoronoiVolume({"A": 0.8, "B": 0.1}).evaluate(frame)
    assert volumes[40] == 0
    assert volumes.sum() == pytest.approx(frame.box.volume, rel=1e-12)


@pytest.mark.parametrize("exclusive", [False, True])
def test_simplices_are_those_of_a_triangulation_of_all_images(periodic, exclusive):
    good = (0.03, 0.025)
    found = DelaunayShapes(*good, exclusive).evaluate(periodic)
    np.testing.assert_allclose(found, naive_shapes(periodic, good, exclusive), atol=1e-10)


def test_simplices_of_a_liquid_fill_the_box_as_its_cells_do(glass):
    """Each simplex is counted at its four corners, and the good ones too."""
    found = DelaunayShapes().evaluate(glass)
    assert (found[:, :3].sum(axis=0) % 4 == 0).all()
    assert 5.8 < found[:, 2].mean() / 4 < 6.4
    assert (found[:, :2] <= found[:, 2:3]).all()
    assert VoronoiVolume().evaluate(glass).sum() == pytest.approx(glass.box.volume, rel=1e-12)


@pytest.mark.parametrize("basis", [FCC, BCC, np.zeros((1, 3))], ids=["fcc", "bcc", "sc"])
def test_cells_of_perfect_crystals_are_equal(basis):
    """More than three faces meet in the vertices of fcc and simple cubic."""
    frame = crystal(basis, 4)
    np.testing.assert_allclose(VoronoiVolume().evaluate(frame), 1 / len(basis), rtol=1e-12)


def test_crystals_have_the_simplices_of_their_lattice():
    """bcc: 24 equal ones; fcc: 8 regular tetrahedra a particle, and quarters of the 6 octahedra around it."""
    bcc = DelaunayShapes(0.018, 0.0215, exclusive=False).evaluate(crystal(BCC, 4))
    np.testing.assert_allclose(bcc, np.tile([24, 24, 24, 0.011543], (128, 1)), atol=1e-6)
    fcc = DelaunayShapes(0.001, 0.001).evaluate(crystal(FCC, 4, 1e-6))
    assert (fcc[:, 0] == 8).all()
    assert (fcc[:, 0] + fcc[:, 1] == fcc[:, 2]).all()
    assert fcc[:, 1].sum() == 4 * 4 * 256  # an octahedron a particle, in four quarters of four corners each


def test_lone_particle_has_the_ball_that_is_its_limit():
    for d, volume in ((2, np.pi * 1.5**2), (3, 4 / 3 * np.pi * 1.5**3)):
        box = Box.orthorhombic([9.0] * d, periodic=[False] * d)
        alone = VoronoiVolume(farthest=1.5).evaluate(Frame([[4.0] * d], [0], box))
        assert alone[0, 0] == pytest.approx(volume, rel=1e-12)
        assert not DelaunayShapes().evaluate(Frame([[4.0] * d], [0], box)).any()


@pytest.mark.parametrize("dimension", [2, 3])
def test_open_cells_are_cut_by_the_ball(dimension):
    """Against random points: nearest to the particle, and within its limit."""
    frame = random_frame(np.random.default_rng(5), 30, dimension=dimension, periodic=False)
    found = VoronoiVolume({"A": 0.3, "B": 0.5}, farthest=1.1).evaluate(frame)[:, 0]
    rng, n = np.random.default_rng(6), 50_000
    radii = np.array([0.3, 0.5])[frame.species]
    low, high = frame.positions.min(axis=0) - 1.1, frame.positions.max(axis=0) + 1.1
    points = rng.uniform(low, high, (n, dimension))
    square = ((points[:, None] - frame.positions) ** 2).sum(axis=2)
    owner = np.argmin(square - radii**2, axis=1)
    within = square[np.arange(n), owner] < 1.1**2
    part = np.bincount(owner[within], minlength=30) / n
    sigma = np.sqrt(part * (1 - part) / n) + 1 / n
    assert (np.abs(found / np.prod(high - low) - part) < 4.5 * sigma).all()


def test_holes_larger_than_the_limit_belong_to_nobody():
    sparse = Frame([[1.0] * 3, [7.0] * 3], [0, 0], Box.orthorhombic([12.0] * 3))
    assert VoronoiVolume(farthest=12.0).evaluate(sparse).sum() == pytest.approx(12.0**3, rel=1e-12)
    assert VoronoiVolume(farthest=2.0).evaluate(sparse).sum() == pytest.approx(2 * 32 / 3 * np.pi, rel=1e-12)


def test_cell_with_very_many_faces_is_found():
    """A particle in the middle of a shell of 300 others."""
    rng = np.random.default_rng(2)
    shell = rng.normal(size=(300, 3))
    shell *= 2 / np.linalg.norm(shell, axis=1)[:, None]
    box = Box.orthorhombic([9.0] * 3, periodic=[False] * 3)
    frame = Frame(np.vstack([np.zeros(3), shell]), np.zeros(301), box)
    volume = VoronoiVolume().evaluate(frame, [0])[0, 0]
    assert 4 / 3 * np.pi < volume < 1.05 * 4 / 3 * np.pi
    shapes = DelaunayShapes().evaluate(frame, [0])[0]
    assert shapes[2] == 2 * 300 - 4


def test_cells_that_cannot_be_kept_are_refused(monkeypatch):
    """Too many faces, and rounding that would tear a cell, which no configuration at hand does."""
    from vitrify.descriptors import _cell_kernels, _cell_measures, _cells_of_particles

    shell = np.random.default_rng(2).normal(size=(200, 3))
    shell *= 2 / np.linalg.norm(shell, axis=1)[:, None]
    frame = Frame(np.vstack([np.zeros(3), shell]), np.zeros(201), Box.orthorhombic([9.0] * 3))
    monkeypatch.setattr(_cells_of_particles, "MOST_PLANES", 96)
    with pytest.raises(ConfigurationError, match="cell of particle 0 has more than 96 faces"):
        VoronoiVolume().evaluate(frame, [0])

    def torn(*given):
        given[-1][:] = _cell_kernels.TORN

    monkeypatch.setattr(_cell_measures, "measure", torn)
    with pytest.raises(ConfigurationError, match="cell of particle 3 is lost in rounding"):
        VoronoiVolume().evaluate(frame, [3])


def test_particles_on_one_spot_are_refused():
    frame = Frame([[1.0, 1.0], [2.0, 2.0], [1.0, 1.0]], [0] * 3, Box.orthorhombic([4.0, 4.0]))
    with pytest.raises(ConfigurationError, match="Particle 0 sits on the spot of another"):
        VoronoiVolume().evaluate(frame)


def test_parameters_are_checked():
    frame = random_frame(np.random.default_rng(0), 5, n_species=3)
    with pytest.raises(ParameterError, match="`radii` has none for the species 'C'; it has A, B"):
        VoronoiVolume({"A": 0.5, "B": 0.4}).evaluate(frame)
    with pytest.raises(ParameterError, match="`radii` needs each species once; it has 'A' twice"):
        VoronoiVolume((("A", 0.5), ("A", 0.4)))
    with pytest.raises(
        ShapeError, match=r"Each entry of `radii` is a species name and a length; one is \(0.5,\)"
    ):
        VoronoiVolume(((0.5,),))
    with pytest.raises(ParameterError, match="`radii A` must be a positive length"):
        VoronoiVolume({"A": 0})
    with pytest.raises(ParameterError, match=r"`regular_octahedron` between 0 and 0.0285"):
        DelaunayShapes(regular_octahedron=0.03)
