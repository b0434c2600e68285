import numpy as np
import pytest

from vitrify.descriptors import _kernels, bond_angle
from vitrify.descriptors.bond_angle import CUBUK_TABLE_5_2, BondAngle
from vitrify.errors import ParameterError, ShapeError
from vitrify.particles import Box, Frame
from vitrify.testing.descriptors import assert_same_features
from vitrify.testing.strategies import random_frame


def naive(frame, neighbours, descriptor, particles=None):
    rows = []
    for i in range(frame.n_particles) if particles is None else particles:
        v, species = neighbours(frame, i, descriptor.cutoff)
        r = np.linalg.norm(v, axis=1)
        cosine = (v @ v.T) / np.outer(r, r)
        squares = r[:, None] ** 2 + r**2 + ((v[:, None] - v) ** 2).sum(-1)
        features = []
        for x in range(len(frame.species_names)):
            for y in range(x, len(frame.species_names)):
                pairs = np.outer(species == x, species == y) & ~np.eye(len(v), dtype=bool)
                for xi, zeta, sign in descriptor.parameters:
                    features.append((np.exp(-squares / xi**2) * (1 + sign * cosine) ** zeta)[pairs].sum())
        rows.append(features)
    return np.array(rows)


@pytest.mark.parametrize(
    "descriptor",
    [
        BondAngle(cutoff=1.8),
        BondAngle(((0.4, 3, 1.0), (5.0, 1, 0.5), (0.4, 7, 1.0), (2.0, 12, -1.0), (0.9, 11, -1.0)), 1.9),
        BondAngle(((0.3, 2, 1.0), (1e3, 1, -1.0), (30.0, 5, 2.0)), 1.5),
    ],
    ids=["table", "unsorted_rows", "extreme_sizes"],
)
def test_bond_angle_is_its_definition(frame, neighbours, descriptor):
    assert_same_features(descriptor.evaluate(frame), naive(frame, neighbours, descriptor), 1e-10)


def test_bond_angle_at_the_published_cutoff_is_its_definition(neighbours):
    frame = random_frame(np.random.default_rng(3), 40)
    assert_same_features(BondAngle().evaluate(frame), naive(frame, neighbours, BondAngle()), 1e-11)


@pytest.mark.parametrize("cutoff", [2.5, pytest.param(5.0, marks=pytest.mark.slow)])
def test_features_of_a_glass_are_right_to_1e_10_of_their_spread(cutoff, glass, neighbours, of_spread):
    descriptor = BondAngle(cutoff=cutoff)
    some = np.arange(0, 1000, 50)
    features = naive(glass, neighbours, descriptor, some)
    assert of_spread(descriptor.evaluate(glass, some), features) < 1e-10


LARGE = BondAngle(
    ((14.633, 1, -1.0), (14.638, 2, 1.0), (20.0, 5, 0.5), (1e3, 8, -1.0), (8.0, 3, 2.0), (1.1, 2, 1.0)), 1.9
)


def test_moments_are_the_sum_over_pairs(frame, neighbours, monkeypatch):
    monkeypatch.setattr(bond_angle, "_is_cheaper_by_pairs", lambda *_: False)
    assert bond_angle._series([(8.0, 3, 2.0)], 1.9) is not None
    assert_same_features(LARGE.evaluate(frame), naive(frame, neighbours, LARGE), 1e-9)


def test_long_series_and_high_powers_are_summed_over_pairs():
    assert bond_angle._series([(0.2, 1, 1.0)], 2.5) is None
    assert bond_angle._series([(14.6, 9, 1.0)], 2.5) is None


def test_many_neighbours_are_summed_by_moments(glass):
    series = bond_angle._series([(14.633, 1, 1.0)], 5.0)
    assert not bond_angle._is_cheaper_by_pairs(series, glass, 5.0)
    assert bond_angle._is_cheaper_by_pairs(bond_angle._series([(14.633, 1, 1.0)], 2.0), glass, 2.0)


def test_leaving_out_small_terms_costs_no_accuracy(neighbours):
    frame = random_frame(np.random.default_rng(4), 30)
    short = BondAngle(((0.2, 16, 1.0), (0.1, 1, 1.0)), cutoff=3.0)
    found, expected = short.evaluate(frame), naive(frame, neighbours, short)
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-14)


def test_three_in_a_row_of_rows_share_powers_in_any_order():
    frame = random_frame(np.random.default_rng(5), 20)
    rows = [(1.0, zeta, sign) for zeta in (1, 2, 3, 4, 5, 6, 9, 16, 17) for sign in (1.0, -1.0)]
    together = BondAngle(tuple(rows)).evaluate(frame)
    alone = np.stack([BondAngle((row,)).evaluate(frame) for row in rows], axis=2).reshape(20, -1)
    assert_same_features(together, alone, 1e-12)


def test_table_is_the_printed_one():
    assert len(CUBUK_TABLE_5_2) == 22
    assert sorted({row[0] for row in CUBUK_TABLE_5_2}) == [0.695, 0.933, 1.204, 1.648, 2.554, 14.633, 14.638]
    assert [k for k, row in enumerate(CUBUK_TABLE_5_2) if row[2] == -1.0] == [0, 2, 4, 6]


def test_particles_on_one_spot_give_finite_features():
    frame = Frame([[1.0, 1.0], [1.0, 1.0], [2.0, 1.0]], [0, 0, 0], Box.orthorhombic([9.0, 9.0]))
    assert np.isfinite(BondAngle().evaluate(frame)).all()


def test_narrowing_keeps_the_wanted_rows():
    wanted = frozenset({"Psi_AB(1.204,4,1)", "Psi_BB(0.695,1,1)", "G_A(1)"})
    assert BondAngle().narrowed(wanted, ("A", "B")).parameters == ((1.204, 4, 1.0), (0.695, 1, 1.0))


def test_quick_exponential_is_right_to_5e_14():
    x = np.linspace(-690.0, 690.0, 50_001)
    found = np.array([_kernels.quick_exponential(v) for v in x])
    np.testing.assert_allclose(found, np.exp(x), rtol=5e-14)
    assert _kernels.quick_exponential(-1e5) == pytest.approx(np.exp(-700.0))


def test_exponential_is_right_to_two_units_in_the_last_place():
    x = np.concatenate([np.linspace(-699.0, 699.0, 100_001), [0.0, -1e-300, 1e-9]])
    out = np.array([_kernels.exponential(v) for v in x])
    assert np.abs(out / np.exp(x) - 1).max() < 5e-16
    assert out[-3] == 1.0
    assert 0 < _kernels.exponential(-1e9) < 1e-300


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((0.0, 1, 1.0), r"`parameters \(xi\)` must be a positive length; it is 0"),
        ((1.0, 0, 1.0), "zeta in `parameters` is an integer of at least 1; it is 0"),
        ((1.0, 1.5, 1.0), r"zeta in `parameters` is an integer of at least 1; it is 1\.5"),
        ((1.0, 1, float("nan")), "lambda in `parameters` must be finite; it is nan"),
    ],
)
def test_rows_outside_the_definition_are_refused(row, message):
    with pytest.raises(ParameterError, match=message):
        BondAngle((row,))


def test_rows_of_another_length_are_refused():
    with pytest.raises(ShapeError, match="one has 2 entries"):
        BondAngle(((1.0, 1),))
    with pytest.raises(ShapeError, match="needs at least one row"):
        BondAngle(())
