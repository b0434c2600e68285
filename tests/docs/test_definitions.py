"""The numbers that docs/definitions.md quotes are those of the code."""

import pytest

from vitrify.descriptors import DESCRIPTOR_SETS, DESCRIPTORS
from vitrify.predictors import drift
from vitrify.predictors.flow_labels import FlowSelection
from vitrify.predictors.training_sets import TrainingSelection
from vitrify.rearrangements.d2min import D2Min
from vitrify.rearrangements.events import Events
from vitrify.rearrangements.p_hop import PHop
from vitrify.relaxation.overlap import Overlap

PAGE = "docs/definitions.md"


@pytest.fixture
def text(root):
    return " ".join((root / PAGE).read_text(encoding="utf-8").split())


def test_windows_and_thresholds_are_the_defaults(text):
    events, selection = Events(), TrainingSelection(quiet_time=1)
    assert f"`window` = {PHop().window} frames" in text
    assert f"| `event_threshold` | σ_AA² | {events.event_threshold}." in text
    assert f"| `rearrangement_threshold` | σ_AA² | {events.rearrangement_threshold}," in text
    assert f"`quiet_threshold` ({selection.quiet_threshold} σ_AA²)" in text
    assert f"| `{selection.soft_frame}` (default) |" in text
    assert f"`{selection.hard_frame}` (default)" in text


def test_d2min_is_a_mean_without_a_default_lag_and_its_labels_are_those_of_the_thesis(text):
    assert f"| `{D2Min(1, 1.0).normalization}` (default) | 1/z" in text
    assert "Lag and cutoff have no default" in text
    with pytest.raises(TypeError, match="lag"):
        D2Min(cutoff=2.5)
    with pytest.raises(TypeError, match="cutoff"):
        D2Min(lag=2)
    assert f"`rearranging_fraction` = {FlowSelection().rearranging_fraction} of all values (default)" in text
    assert FlowSelection().quiet_below is FlowSelection().quiet_fraction is None
    words = {3.0: "three", 10.0: "ten"}
    assert f"more than {words[drift.MOST_OUTSIDE]} times the expected part of the values" in text
    assert f"{words[drift.MOST_OUTSIDE_ONE]} times for a single feature" in text
    assert f"the central {100 * drift.CENTRAL:.0f} % of the training examples" in text


def test_structure_functions_have_the_parameters_that_are_quoted(text):
    radial, angular = DESCRIPTORS.load("radial_density")(), DESCRIPTORS.load("bond_angle")()
    low, next_one, high = radial.radii[0], radial.radii[1], radial.radii[-1]
    assert f"r = {low}, {next_one}, … {high} and δ = {radial.delta}" in text
    assert f"`cutoff` = {angular.cutoff} σ_AA" in text
    n = len(DESCRIPTOR_SETS.load("schoenholz-2016")().feature_names(("A", "B")))
    assert f"{n} functions" in text
    assert " and ".join(DESCRIPTOR_SETS.load("first-peaks")().feature_names(("A", "B"))) in text


def test_the_two_widths_of_a_shell_differ_by_the_root_of_two(text):
    import numpy as np

    radial = DESCRIPTORS.load("radial_density")
    assert "| L / √2 |" in text
    delta, distance = 0.1 / np.sqrt(2), 0.07
    assert np.exp(-(distance**2) / 0.1**2) == pytest.approx(
        np.exp(-0.5 * (distance / radial(delta=delta).delta) ** 2)
    )


def test_the_overlap_has_no_default_cutoff(text):
    assert "it has no default" in text
    with pytest.raises(TypeError, match="cutoff"):
        Overlap()
