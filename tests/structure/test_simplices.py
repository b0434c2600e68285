"""Regular shapes have the numbers that follow from their edges."""

import numpy as np
import pytest

from vitrify.errors import ShapeError
from vitrify.structure.simplices import edge_lengths, octahedricity, tetrahedricity
from vitrify.testing.strategies import rotation

REGULAR = [[0, 0, 0], [1, 1, 0], [1, 0, 1], [0, 1, 1]]
QUARTER = [[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, 0, 1]]
CUBE_CORNER = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
SQUARE = [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]
BCC = [[0, 0, 0], [1, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, -0.5]]


@pytest.mark.parametrize(
    ("vertices", "tetrahedral", "octahedral"),
    [
        (REGULAR, 0.0, 0.028595),
        (QUARTER, 0.050043, 0.0),
        (CUBE_CORNER, 0.070649, 0.062799),
        (SQUARE, 0.070649, 0.044156),
        (BCC, 0.011543, 0.020788),
    ],
)
def test_shapes_of_known_tetrahedra(vertices, tetrahedral, octahedral):
    rng = np.random.default_rng(0)
    moved = 3.7 * np.array(vertices, float)[rng.permutation(4)] @ rotation(rng, 3) + 5
    assert tetrahedricity(moved) == pytest.approx(tetrahedral, abs=1e-6)
    assert octahedricity(moved) == pytest.approx(octahedral, abs=1e-6)


def test_tetrahedron_of_two_lengths():
    """Three edges 2.72 and three 2.65, as in crystalline Li15Si4: nine pairs differ."""
    side, edge = 2.72, 2.65
    base = [
        [side / np.sqrt(3) * np.cos(a), side / np.sqrt(3) * np.sin(a), 0]
        for a in 2 * np.pi * np.arange(3) / 3
    ]
    vertices = [*base, [0, 0, np.sqrt(edge**2 - side**2 / 3)]]
    assert tetrahedricity(vertices) == pytest.approx(4.08e-4, rel=2e-3)


def test_triangles_of_the_plane_have_the_same_measures():
    assert tetrahedricity([[0, 0], [1, 0], [0.5, np.sqrt(0.75)]]) == pytest.approx(0, abs=1e-15)
    assert octahedricity([[0, 0], [1, 0], [0, 1]]) == pytest.approx(0, abs=1e-15)


def test_many_simplices_at_once_are_each_alone():
    many = np.random.default_rng(1).normal(size=(3, 5, 4, 3))
    for measure in (tetrahedricity, octahedricity):
        each = [[measure(one) for one in row] for row in many]
        np.testing.assert_allclose(measure(many), each)
    assert edge_lengths(many).shape == (3, 5, 6)


def test_corners_that_make_no_simplex_are_refused():
    with pytest.raises(ShapeError, match=r"d \+ 1 corners in d dimensions; the shape is \(3, 3\)"):
        tetrahedricity(np.zeros((3, 3)))
