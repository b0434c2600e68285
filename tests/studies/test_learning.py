"""Examples, their features, the hyperplane and softness along trajectories."""

import json

import numpy as np
import pytest

from vitrify.descriptors import DESCRIPTOR_SETS, DESCRIPTORS
from vitrify.descriptors.coordination import Coordination
from vitrify.errors import ConfigurationError, ParameterError, TooFewEventsError, UnknownNameError
from vitrify.particles.layout import inherent_values
from vitrify.particles.trajectory import Trajectory
from vitrify.predictors.trained import TrainedSoftness
from vitrify.progress import Silent
from vitrify.studies.describing import centre_particles, features_at, load_descriptors
from vitrify.studies.dynamics import events_of, sampled_frames, starts
from vitrify.studies.learning import examples_with_features, make_selection, train, training_identity
from vitrify.studies.settings import SoftnessSettings
from vitrify.studies.softness_values import add_softness, softness_all, softness_unit

from .conftest import RAW


def examples_of(place, settings=None):
    point = place.settings.training_point
    return examples_with_features(
        place.trajectory(point),
        settings or place.settings,
        point.temperature,
        place.table(point, "events"),
        place.table(point, "examples"),
        progress=Silent(),
        workers=1,
    )


def with_training(**changes) -> SoftnessSettings:
    return SoftnessSettings.model_validate({**RAW, "training": {**RAW["training"], **changes}})


# -- descriptors by name ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*DESCRIPTORS, *DESCRIPTOR_SETS])
def test_every_name_makes_a_descriptor_and_its_parameters_make_it_again(name):
    made = load_descriptors(name)
    assert made.feature_names(("A", "B"))
    assert load_descriptors(made.to_dict()).to_dict() == made.to_dict()


def test_an_unknown_name_is_answered_with_descriptors_and_sets():
    with pytest.raises(
        UnknownNameError,
        match=r"'shoenholz-2016'\. Known: boattini-2021, .*bond_angle, .*Did you mean 'schoenholz-2016'",
    ):
        load_descriptors("shoenholz-2016")


# -- examples --------------------------------------------------------------------------------------------------------


def test_features_at_are_those_of_each_frame_in_the_order_asked_for(place):
    rng = np.random.default_rng(0)
    trajectory = place.trajectory(place.settings.training_point)
    frame = np.sort(rng.integers(0, 130, 200))
    particle = rng.integers(0, trajectory.n_particles, 200)
    rows = features_at(trajectory, frame, particle, Coordination(), progress=Silent(), title="x", workers=1)
    naive = [
        Coordination().evaluate(trajectory.frame(int(k)), np.array([i]))[0]
        for k, i in zip(frame, particle, strict=True)
    ]
    assert np.array_equal(rows, naive)


def test_examples_carry_the_structure_of_their_particle_at_their_frame(place):
    examples = examples_of(place)
    trajectory = place.trajectory(place.settings.training_point)
    descriptors = load_descriptors(place.settings.training.descriptors)
    assert examples["feature"].values.tolist() == list(descriptors.feature_names(("A", "B")))
    assert set(np.unique(examples["label"])) == {-1, 1}
    assert (trajectory.species[examples["particle"].values] == 0).all()
    for k in (0, 7, examples.sizes["example"] - 1):
        frame, particle = int(examples["frame"][k]), int(examples["particle"][k])
        expected = descriptors.evaluate(trajectory.frame(frame), np.array([particle]))[0]
        assert np.array_equal(examples["features"].values[k], expected)
        assert int(examples["segment"][k]) == frame * 6 // 130


def test_soft_examples_begin_rearrangements_and_hard_ones_lie_in_quiet_stretches(place):
    examples = examples_of(place)
    events = events_of(place, place.settings.training_point)
    begun = set(zip(events["start_frame"].values.tolist(), events["particle"].values.tolist(), strict=True))
    p_hop = place.trajectory(place.settings.training_point).read("p_hop")
    for label, frame, particle in zip(
        *(examples[name].values for name in ("label", "frame", "particle")), strict=True
    ):
        if label == 1:
            assert (frame, particle) in begun
        else:
            assert p_hop[max(5, frame - 9) : frame + 9, particle].max() < 0.05


def test_examples_are_read_back_unless_what_they_follow_from_changes(place, monkeypatch):
    first = examples_of(place)
    with monkeypatch.context() as patch:
        patch.setattr("vitrify.studies.learning.select_training_set", None)
        assert examples_of(place).identical(first)
        assert examples_of(place, with_training(penalties=(0.5,))).identical(first), (
            "C is no part of the examples"
        )
    other = examples_of(place, with_training(seed=6, n_per_class=12))
    assert other.sizes["example"] == 24


def test_too_few_of_a_class_leave_no_table(place):
    with pytest.raises(
        TooFewEventsError, match=r"asks for 900 rearranging particles; only \d+ rearrange at T = 0\.65"
    ):
        examples_of(place, with_training(min_per_class=900))
    assert not place.table(place.settings.training_point, "examples").exists()


def test_the_selection_follows_the_settings(settings):
    chosen = make_selection(settings)
    assert (chosen.quiet_time, chosen.n_per_class, chosen.min_per_class) == (20, 1000, 10)
    assert chosen.rearrangement_threshold == settings.rearrangements.rearrangement_threshold


def test_particles_of_a_species_that_is_not_there_are_refused(place):
    trajectory = place.trajectory(place.settings.training_point)
    assert centre_particles(trajectory, "B").tolist() == np.flatnonzero(trajectory.species == 1).tolist()
    with pytest.raises(
        ParameterError, match=r"`centre_species` = 'C' is none of the species A, B of .*trajectory\.zarr"
    ):
        centre_particles(trajectory, "C")


# -- training --------------------------------------------------------------------------------------------------------


def test_training_twice_gives_the_same_file_and_the_second_time_reads_it(place, notes):
    first = train(place, notes, workers=1)
    written = place.model_file.read_bytes()
    assert any(said.startswith("Training on ") for said in notes.said)
    notes.said.clear()
    assert train(place, notes, workers=1) == first
    assert notes.said == []
    place.model_file.unlink()
    train(place, Silent(), workers=1)
    assert place.model_file.read_bytes() == written


def test_a_softness_of_other_examples_or_rules_is_learned_anew(place, notes):
    first = train(place, Silent(), workers=1)
    other = type(place)(place.out, with_training(penalties=(0.3,)))
    again = train(other, notes, workers=1)
    assert again.training["C"] == 0.3
    assert again.training["identity"] != first.training["identity"]
    assert TrainedSoftness.load(place.model_file) == again


def test_a_trained_softness_says_what_it_rests_on(place):
    trained = train(place, Silent(), workers=1)
    held = trained.training
    assert held["temperature"] == 0.65
    assert held["replica"] == 1
    assert 0 <= held["cross_validation"]["accuracy"] <= 1
    assert set(held["candidates"]) == {str(c) for c in place.settings.training.penalties}
    assert held["provenance"]["engine"] == "dryrun"
    assert str(place.out) not in json.dumps(trained.to_dict())
    assert held["identity"] == training_identity(place.settings, examples_of(place))


# -- softness along trajectories -------------------------------------------------------------------------------------


def test_softness_is_written_for_sampled_frames_and_for_every_start_and_nowhere_else(place):
    trained = train(place, Silent(), workers=1)
    softness_all(place, trained, Silent(), workers=1)
    for point in place.settings.test_points:
        trajectory = place.trajectory(point)
        written = trajectory.read("softness")
        expected = np.full(written.shape, np.nan)
        centre = centre_particles(trajectory, "A")
        for k in sampled_frames(place.settings, trajectory):
            expected[k, centre] = trained.softness(trajectory.frame(int(k)))
        moving = starts(place.settings, trajectory, events_of(place, point))
        for k, i in zip(moving["start_frame"].values, moving["particle"].values, strict=True):
            expected[k, i] = trained.softness(trajectory.frame(int(k)), [i])[0]
        assert np.array_equal(written, expected, equal_nan=True)
    assert "softness" not in place.trajectory(place.settings.training_point).stages


def test_another_softness_replaces_what_an_earlier_one_wrote(place, notes):
    trained = train(place, Silent(), workers=1)
    trajectory = place.trajectory(place.settings.test_points[0])
    add_softness(trajectory, trained, {"every": 1}, notes)
    softness_unit((trajectory.path, 0, trained, np.arange(30), (np.empty(0, int), np.empty(0, int))))
    add_softness(trajectory, trained, {"every": 1}, notes)
    assert notes.said == []
    assert Trajectory.open(trajectory.path).is_done("softness", 0)
    add_softness(trajectory, trained, {"every": 2}, notes)
    assert "'softness' was made with other parameters" in notes.said[0]
    assert not Trajectory.open(trajectory.path).is_done("softness", 0)


def test_two_particles_on_one_spot_have_no_softness_and_no_features(place):
    trained = train(place, Silent(), workers=1)
    trajectory = place.trajectory(place.settings.test_points[0])
    positions = trajectory.positions("inherent")
    positions[3, 40] = positions[3, 11]
    for unit, (a, b) in enumerate(trajectory.units()):
        trajectory.write("inherent", unit, inherent_values(positions[a:b]))
    add_softness(trajectory, trained, {"every": 1}, Silent())
    said = r"Particles 11 and 40 sit on one spot.*trajectory\.zarr, frame 3, inherent"
    nobody = (np.empty(0, int), np.empty(0, int))
    with pytest.raises(ConfigurationError, match=said):
        softness_unit((trajectory.path, 0, trained, np.arange(30), nobody))
    assert not trajectory.is_done("softness", 0)
    with pytest.raises(ConfigurationError, match=said):
        features_at(
            trajectory, np.array([2, 3]), np.array([0, 0]), Coordination(),
            progress=Silent(), title="x", workers=1,
        )  # fmt: skip


def test_a_store_of_other_species_is_refused(place):
    trained = train(place, Silent(), workers=1)
    other = TrainedSoftness(**{**trained.to_dict(), "species_names": ("A", "C")})
    with pytest.raises(
        ParameterError, match=r"was trained on the species A, C; .*trajectory\.zarr has A, B\."
    ):
        add_softness(place.trajectory(place.settings.test_points[0]), other, {"every": 1}, Silent())
