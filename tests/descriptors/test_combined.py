import numpy as np
import pytest

from vitrify.descriptors.bond_angle import BondAngle
from vitrify.descriptors.combined import DescriptorSet, Select
from vitrify.descriptors.coordination import Coordination
from vitrify.descriptors.named_sets import first_peaks, schoenholz_2016
from vitrify.descriptors.radial_density import RadialDensity
from vitrify.errors import ParameterError, UnknownNameError
from vitrify.testing.descriptors import assert_same_features
from vitrify.testing.strategies import random_frame

FRAME = random_frame(np.random.default_rng(0), 30)


def test_set_is_its_members_side_by_side():
    members = (RadialDensity(radii=(0.9, 1.1)), BondAngle(((2.0, 1, 1.0),)), Coordination())
    both = DescriptorSet(members)
    assert np.array_equal(
        both.evaluate(FRAME, [3, 1]), np.hstack([m.evaluate(FRAME, [3, 1]) for m in members])
    )
    assert both.cutoff == 2.5
    assert both.feature_names(("A",)) == ("G_A(0.9)", "G_A(1.1)", "Psi_AA(2,1,1)", "n_A", "n")


def test_selected_features_are_columns_of_the_inner_descriptor():
    inner = schoenholz_2016()
    names = inner.feature_names(FRAME.species_names)
    features = ("Psi_AB(1.204,16,1)", "G_B(0.9)", "Psi_AA(14.633,1,-1)", "G_A(4.3)")
    selected = Select(inner, features)
    columns = [names.index(f) for f in features]
    assert_same_features(selected.evaluate(FRAME), inner.evaluate(FRAME)[:, columns], 1e-12)
    again = Select(selected, ("G_B(0.9)",))
    assert_same_features(again.evaluate(FRAME), inner.evaluate(FRAME)[:, [names.index("G_B(0.9)")]], 1e-12)


def test_selection_computes_only_what_it_needs():
    inner = schoenholz_2016().narrowed(frozenset({"G_A(1.1)"}), ("A", "B"))
    assert inner == DescriptorSet((RadialDensity(radii=(1.1,)),))


def test_selecting_part_of_a_selection_within_a_set_narrows_it():
    nested = DescriptorSet((first_peaks(), Coordination()))
    narrowed = nested.narrowed(frozenset({"G_B(0.9)"}), ("A", "B"))
    assert narrowed.feature_names(("A", "B")) == ("G_B(0.9)",)


def test_unknown_feature_is_named_with_the_nearest_ones():
    with pytest.raises(UnknownNameError, match=r"is called 'G_A\(1.15\)'. Known: G_A\(1.1\), "):
        Select(RadialDensity(), ("G_A(1.15)",)).evaluate(FRAME)
    with pytest.raises(UnknownNameError, match=r"it has 2 for A"):
        first_peaks().feature_names(("A",))


def test_combinations_know_the_species_that_their_members_know():
    assert DescriptorSet((RadialDensity(), Coordination())).knows(("B", "A"))
    assert not DescriptorSet((RadialDensity(), Coordination())).knows(("A", "C"))
    assert first_peaks().knows(("A", "B", "C"))
    assert not first_peaks().knows(("A",))


def test_one_name_for_two_features_is_refused():
    twice = DescriptorSet((RadialDensity(radii=(1.0,)), RadialDensity(radii=(1.0, 1.1))))
    with pytest.raises(ParameterError, match=r"Two features of the set are called 'G_A\(1\)'"):
        twice.evaluate(FRAME)


def test_members_and_features_are_checked():
    with pytest.raises(ParameterError, match="`members` must be one or more descriptors; got none"):
        DescriptorSet(())
    with pytest.raises(ParameterError, match="`members` must be one or more descriptors; got radial"):
        DescriptorSet(("radial",))
    with pytest.raises(ParameterError, match="`features` must name one or more features"):
        Select(RadialDensity(), ())
    with pytest.raises(ParameterError, match="`inner` must be a descriptor; it is 'radial'"):
        Select("radial", ("G_A(1)",))
