import numpy as np
import pytest

from vitrify.descriptors.shell_bond_order import ShellBondOrder
from vitrify.descriptors.steinhardt import Steinhardt, _third_order_terms
from vitrify.errors import ParameterError
from vitrify.particles import Box, Frame

SHELLS = ((0.0, 1.1), (1.1, 1.9), (0.9, 2.3))


def naive(vectors, degree):
    """Q_l and W_l of some neighbours from spherical harmonics of scipy and 3j symbols."""
    from scipy.special import sph_harm_y

    if not len(vectors):
        return 0.0, 0.0
    v = np.zeros((len(vectors), 3))
    v[:, : vectors.shape[1]] = vectors
    polar, azimuth = np.arccos(v[:, 2] / np.linalg.norm(v, axis=1)), np.arctan2(v[:, 1], v[:, 0])
    q = np.array([sph_harm_y(degree, m, polar, azimuth).mean() for m in range(-degree, degree + 1)])
    square = (np.abs(q) ** 2).sum()
    w = sum(
        factor * (q[a + degree] * q[b + degree] * q[degree - a - b]).real
        for (a, b), factor in zip(*_third_order_terms(degree), strict=True)
    )
    return np.sqrt(4 * np.pi / (2 * degree + 1) * square), w / square**1.5 if degree % 2 == 0 else 0.0


@pytest.mark.parametrize("by_species", [False, True])
def test_order_is_its_definition_in_shells_that_overlap(frame, neighbours, by_species):
    chosen, degrees = [0, frame.n_particles // 2], (2, 3, 6)
    expected = []
    for i in chosen:
        vectors, species = neighbours(frame, i, 2.3)
        r = np.linalg.norm(vectors, axis=1)
        for low, high in SHELLS:
            for s in range(len(frame.species_names)) if by_species else [None]:
                inside = (r > low) & (r < high) & ((species == s) if by_species else True)
                both = [naive(vectors[inside], d) for d in degrees]
                expected += [q for q, _ in both] + [both[0][1], both[2][1]]
    member = ShellBondOrder(SHELLS, degrees, third_order=True, by_species=by_species)
    found = member.evaluate(frame, chosen)
    np.testing.assert_allclose(found.ravel(), expected, atol=1e-10)
    assert len(member.feature_names(frame.species_names)) == found.shape[1]


def test_shell_from_the_centre_is_the_order_within_a_cutoff(glass):
    degrees = (4, 6, 11)
    ball = ShellBondOrder(((0.0, 1.4),), degrees, third_order=True).evaluate(glass)
    np.testing.assert_allclose(ball, Steinhardt(degrees, 1.4).evaluate(glass), atol=1e-10)


def test_shells_of_fcc_have_the_known_order():
    """Twelve nearest neighbours, and six next ones along the axes."""
    cell = np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
    corners = np.stack(np.meshgrid(*[np.arange(4)] * 3), axis=-1).reshape(-1, 1, 3)
    frame = Frame((corners + cell).reshape(-1, 3), np.zeros(256), Box.orthorhombic([4.0] * 3))
    found = ShellBondOrder(((0.6, 0.8), (0.9, 1.1)), (4, 6, 8)).evaluate(frame, [0])[0]
    np.testing.assert_allclose(found, [0.19094, 0.57452, 0.40391, 0.76376, 0.35355, 0.71807], atol=1e-5)


def test_narrowed_member_has_the_wanted_features(glass):
    whole = ShellBondOrder(third_order=True, by_species=True)
    names = whole.feature_names(("A", "B"))
    wanted = ("Q_4,A(1<R<1.5)", "W_6,B(2<R<2.5)")
    less = whole.narrowed(frozenset(wanted), ("A", "B"))
    assert (less.shells, less.degrees) == (((1.0, 1.5), (2.0, 2.5)), (4, 6))
    columns = [names.index(name) for name in less.feature_names(("A", "B"))]
    some = np.arange(50)
    expected = whole.evaluate(glass, some)[:, columns]
    np.testing.assert_allclose(less.evaluate(glass, some), expected, rtol=1e-10, atol=1e-13)


def test_parameters_are_checked():
    with pytest.raises(
        ParameterError, match=r"two radii that ascend, such as \(1.0, 1.5\); one is \(1.5, 1.0\)"
    ):
        ShellBondOrder(((1.5, 1.0),))
    with pytest.raises(ParameterError, match="`shells` needs one or more shells, each once"):
        ShellBondOrder(((1.0, 1.5), (1.0, 1.5)))
    with pytest.raises(ParameterError, match="`degrees` must be integers of at least 1 that ascend"):
        ShellBondOrder(degrees=(6, 4))
