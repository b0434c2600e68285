import numpy as np
import pytest

from vitrify.descriptors.radial_density import RadialDensity
from vitrify.errors import ParameterError
from vitrify.testing.descriptors import assert_same_features
from vitrify.testing.strategies import random_frame


def naive(frame, neighbours, descriptor, particles=None):
    rows = []
    for i in range(frame.n_particles) if particles is None else particles:
        vectors, species = neighbours(frame, i, descriptor.cutoff)
        r = np.linalg.norm(vectors, axis=1)
        gaussians = np.exp(-((np.array(descriptor.radii)[:, None] - r) ** 2) / (2 * descriptor.delta**2))
        rows.append([gaussians[:, species == x].sum(axis=1) for x in range(len(frame.species_names))])
    return np.array(rows).reshape(len(rows), -1)


@pytest.mark.parametrize(
    "descriptor",
    [
        RadialDensity(radii=tuple(k / 10 for k in range(1, 31))),
        RadialDensity(radii=(0.0, 0.05, 0.1, 0.15), delta=0.5),
        RadialDensity(radii=(0.7, 1.3, 1.4, 2.2), delta=0.1),
        RadialDensity(radii=(0.5, 1.5, 2.5), delta=0.01),
        RadialDensity(radii=(1.1,), delta=0.2),
        RadialDensity(radii=(0.9, 1.1), cutoff=1.2),
        RadialDensity(radii=tuple(np.linspace(0.5, 2.5, 81)), delta=0.05 / 2**0.5),
    ],
    ids=["even", "wide", "uneven", "narrow", "single", "cut", "fine"],
)
def test_radial_density_is_its_definition(frame, neighbours, descriptor):
    assert_same_features(descriptor.evaluate(frame), naive(frame, neighbours, descriptor), 1e-10)


def test_bins_agree_with_exponentials_at_each_radius_to_1e_10_of_the_spread(of_spread):
    frame = random_frame(np.random.default_rng(0), 60)
    radii = tuple(k / 10 for k in range(1, 51))
    uneven = (*radii, 5.05)
    assert RadialDensity(radii).spacing == pytest.approx(0.1)
    assert RadialDensity(uneven).spacing is None
    kept = np.r_[0:50, 51:101]
    exact = RadialDensity(uneven).evaluate(frame)[:, kept]
    assert of_spread(RadialDensity(radii).evaluate(frame), exact) < 1e-10


@pytest.mark.parametrize(
    "descriptor",
    [RadialDensity(), RadialDensity(tuple(k / 20 for k in range(1, 101)), delta=0.05)],
    ids=["tenth", "twentieth"],
)
def test_features_of_a_glass_are_right_to_1e_10_of_their_spread(descriptor, glass, neighbours, of_spread):
    some = np.arange(0, 1000, 40)
    expected = naive(glass, neighbours, descriptor, some)
    assert of_spread(descriptor.evaluate(glass, some), expected) < 1e-10


def test_cutoff_is_eight_widths_beyond_the_last_radius():
    assert RadialDensity().cutoff == pytest.approx(5.8)
    assert RadialDensity(radii=(1.0,), delta=0.2).cutoff == pytest.approx(2.6)
    assert RadialDensity(cutoff=2.5).cutoff == 2.5


def test_another_width_or_cutoff_is_part_of_the_feature_name():
    assert RadialDensity((1.0,)).feature_names(("A",)) == ("G_A(1)",)
    assert RadialDensity((1.0,), 0.05).feature_names(("A",)) == ("G_A(1; 0.05)",)
    assert RadialDensity((1.0,), cutoff=1.5).feature_names(("A",)) == ("G_A(1; R<1.5)",)


def test_narrowing_keeps_the_given_cutoff_and_shortens_the_natural_one():
    wanted = frozenset({"G_B(0.9)"})
    assert RadialDensity().narrowed(wanted, ("A", "B")) == RadialDensity(radii=(0.9,))
    cut = RadialDensity(cutoff=2.0)
    assert cut.narrowed(frozenset({"G_B(0.9; R<2)"}), ("A", "B")) == RadialDensity((0.9,), cutoff=2.0)
    assert cut.narrowed(frozenset({"something else"}), ("A", "B")) is cut


def test_radii_must_ascend():
    with pytest.raises(ParameterError, match="`radii` must ascend"):
        RadialDensity(radii=(1.0, 1.0))
    with pytest.raises(ParameterError, match="`radii` must ascend"):
        RadialDensity(radii=())
    with pytest.raises(ParameterError, match=r"`radii` must be a positive length; it is -0\.1"):
        RadialDensity(radii=(-0.1, 1.0))


@pytest.mark.parametrize("parameter", ["delta", "cutoff"])
def test_lengths_must_be_positive(parameter):
    with pytest.raises(ParameterError, match=f"`{parameter}` must be a positive length; it is 0"):
        RadialDensity(**{parameter: 0})
