"""A softness knows the range it was trained on, and says where it is left."""

import json

import numpy as np
import pytest

from vitrify.descriptors.radial_density import RadialDensity
from vitrify.errors import ParameterError, ShapeError, StoreError
from vitrify.particles import Box, Frame
from vitrify.predictors import drift as module
from vitrify.predictors.drift import FeatureRange, measure_drift
from vitrify.predictors.trained import TrainedSoftness
from vitrify.provenance import identity

from .conftest import trained_on

NAMES = tuple("abcde")


@pytest.fixture
def rows():
    """Five features of unlike sizes, one of them skewed and one mostly zero."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(6000, 5)) * [1.0, 1e-6, 1e6, 1.0, 1.0]
    values[:, 3] = np.exp(2 * values[:, 3])
    values[:, 4] = np.maximum(values[:, 4] - 2, 0)
    return values


def glass(scale=1.0, seed=0, n=400):
    """Particles that keep a distance, in a box that is larger by `scale`."""
    rng = np.random.default_rng(seed)
    side = 20
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side), indexing="ij"), -1).reshape(-1, 2)
    positions = (grid + rng.uniform(-0.15, 0.15, (n, 2))) * scale
    return Frame(positions, rng.integers(0, 2, n), Box.orthorhombic([side * scale] * 2), ("A", "B"))


@pytest.fixture
def plane():
    """A softness of radial functions, with its range over ten configurations."""
    descriptor = RadialDensity(radii=(0.8, 1.0, 1.5, 2.0))
    frames = [glass(seed=k) for k in range(10)]
    features = np.concatenate([descriptor.evaluate(f, f.of_species("A")) for f in frames])
    plane = trained_on(frames[0], descriptor)
    return TrainedSoftness(**{**plane.to_dict(), "feature_range": FeatureRange.of(features)})


# -- the range -------------------------------------------------------------------------------------------------------


def test_the_range_holds_99_per_cent_of_the_examples_and_its_ends_all(rows):
    found = FeatureRange.of(rows)
    inside = ((rows >= found.low) & (rows <= found.high)).mean(axis=0)
    np.testing.assert_allclose(inside[:4], 0.99, atol=2 / 6000)
    assert np.array_equal(found.minimum, rows.min(axis=0))
    assert np.array_equal(found.maximum, rows.max(axis=0))


def test_blocks_of_columns_change_no_bit(rows, monkeypatch):
    whole = FeatureRange.of(rows).to_dict()
    monkeypatch.setattr(module, "_BLOCK_BYTES", 2 * 8 * len(rows))
    assert FeatureRange.of(rows).to_dict() == whole


def test_a_range_is_made_of_finite_rows_in_order(rows):
    with pytest.raises(ShapeError, match=r"one or more rows of features, \(n, M\); the shape is \(0, 5\)"):
        FeatureRange.of(rows[:0])
    rows[3, 2] = np.nan
    with pytest.raises(ShapeError, match="1 are not finite"):
        FeatureRange.of(rows)
    with pytest.raises(ParameterError, match="that of feature 1 does not"):
        FeatureRange([0, 2], [1, 1], [0, 0], [1, 2], 5)
    with pytest.raises(ShapeError, match="one number per feature in each of low, high, minimum, maximum"):
        FeatureRange([0, 2], [1], [0, 0], [1, 2], 5)
    with pytest.raises(ParameterError, match=r"consists of high, low, maximum, minimum, n; got low"):
        FeatureRange.from_dict({"low": [1.0]})


# -- drift -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_trained", [200, 3000])
@pytest.mark.parametrize("n_met", [5, 100, 3000])
def test_examples_of_the_same_source_are_inside_whatever_their_number(rows, n_trained, n_met):
    trained = FeatureRange.of(rows[:n_trained])
    for k in range(20):
        some = np.random.default_rng(k).choice(rows[3000:], n_met, replace=False)
        assert not measure_drift(trained, NAMES, [True] * 5, some).is_outside


@pytest.mark.parametrize("n", [10, 60, 200, 742, 5000])
def test_the_expected_part_outside_is_that_of_new_examples(n):
    """Quantiles between order statistics: of a few examples, more than one per cent of the next are outside."""
    rng = np.random.default_rng(n)
    trained = FeatureRange.of(rng.normal(size=(n, 4000)))
    found = measure_drift(trained, range(4000), [True] * 4000, rng.normal(size=(200, 4000)))
    assert found.mean_outside == pytest.approx(found.expected, rel=0.1)


def test_half_of_the_training_set_alone_is_inside(rows):
    """Soft and hard examples are equally many in a training set, and not in the liquid."""
    rows[:3000] += [2.0, 1e-6, -1e6, 1.0, 0.5]
    trained = FeatureRange.of(rows)
    for part in (rows[:3000], rows[3000:]):
        found = measure_drift(trained, NAMES, [True] * 5, part)
        assert 0.0 < found.mean_outside < 0.02
        assert not found.is_outside


def test_what_is_outside_is_counted_feature_by_feature(rows):
    trained = FeatureRange.of(rows)
    moved = rows + np.array([0, 0, 3e6, 0, 0])
    found = measure_drift(trained, NAMES, [True] * 5, moved)
    expected = ((moved < trained.low) | (moved > trained.high)).mean(axis=0)
    assert np.array_equal(found.outside, expected)
    beyond = ((moved < trained.minimum) | (moved > trained.maximum)).mean(axis=0)
    assert np.array_equal(found.beyond, beyond)
    assert found.is_outside
    assert found.names[found.worst] == "c"
    assert f"{100 * expected.mean():.1f} % of the feature values of 6000 particles" in found.describe()
    assert f"farthest is c: trained on {trained.low[2]:.3g} to {trained.high[2]:.3g}, met" in found.describe()


def test_features_that_the_softness_does_not_use_do_not_matter(rows):
    trained = FeatureRange.of(rows)
    used = np.array([True, True, False, True, True])
    found = measure_drift(trained, NAMES, used, rows + np.array([0, 0, 1e9, 0, 0]))
    assert found.names == ("a", "b", "d", "e")
    assert not found.is_outside


def test_particles_without_a_softness_are_left_out(rows):
    trained = FeatureRange.of(rows)
    rows[::2, 1] = np.nan
    found = measure_drift(trained, NAMES, [True] * 5, rows)
    assert found.n == 3000
    assert not found.is_outside
    nobody = measure_drift(trained, NAMES, [True] * 5, np.full((3, 5), np.nan))
    assert nobody.n == 0
    assert not nobody.is_outside
    assert nobody.mean_outside == 0
    assert nobody.describe().startswith("There is no particle")
    with pytest.raises(
        ShapeError, match=r"`features` must have shape \(n, 5\), one column per feature; it has \(2, 4\)"
    ):
        measure_drift(trained, NAMES, [True] * 5, np.zeros((2, 4)))


# -- in a trained softness ---------------------------------------------------------------------------------------------


def test_the_same_liquid_is_inside_and_a_thinner_one_is_not(plane):
    assert not plane.drift(glass(seed=77)).is_outside
    found = plane.drift(glass(1.25, seed=77))
    assert found.is_outside
    assert found.names[found.worst].startswith("G_")
    some = plane.drift(glass(1.25, seed=77), [3, 5, 8])
    assert some.n == 3


def test_the_range_is_saved_and_read_back(plane, tmp_path):
    plane.save(tmp_path / "s.json")
    again = TrainedSoftness.load(tmp_path / "s.json")
    assert again == plane
    assert again.feature_range.to_dict() == plane.feature_range.to_dict()


def test_a_file_from_before_the_range_was_kept_is_read_and_says_so(plane, tmp_path):
    known = {k: v for k, v in plane.to_dict().items() if k != "feature_range"}
    old = {"format": "vitrify trained softness", "version": 1, "hash": identity(known), "softness": known}
    (tmp_path / "old.json").write_text(json.dumps(old))
    read = TrainedSoftness.load(tmp_path / "old.json")
    assert read.feature_range is None
    assert read.identity == identity(known), "its softness in a store is still its own"
    assert np.array_equal(read.softness(glass()), plane.softness(glass()))
    with pytest.raises(ParameterError, match=r"written before that was kept\. Train again"):
        read.drift(glass())
    read.save(tmp_path / "again.json")
    assert "feature_range" not in json.loads((tmp_path / "again.json").read_text())["softness"]
    unknown = {**old, "softness": {**known, "colour": 1}}
    unknown["hash"] = identity(unknown["softness"])
    (tmp_path / "new.json").write_text(json.dumps(unknown))
    with pytest.raises(StoreError, match="these entries differ: colour"):
        TrainedSoftness.load(tmp_path / "new.json")


def test_a_range_of_other_features_is_refused(plane):
    with pytest.raises(ShapeError, match=r"`feature_range` needs one entry per feature, 8; it has 2"):
        TrainedSoftness(**{**plane.to_dict(), "feature_range": FeatureRange.of(np.ones((3, 2)))})
