"""The steps of a study on single stores."""

import os
import shutil

import numpy as np
import pytest

from vitrify.errors import ParameterError, SettingsError, StoreBusyError, StoreError
from vitrify.parallel import lock_folder
from vitrify.particles.tables import load_table
from vitrify.particles.trajectory import Trajectory
from vitrify.predictors.trained import TrainedSoftness
from vitrify.progress import Silent
from vitrify.studies.verbs import (
    _single_settings,
    beside,
    citations_of_folder,
    describe_store,
    hold_store,
    quench_store,
    rearrangements_of_store,
    report_of_folder,
    require_file_name,
    require_positions,
    softness_of_store,
    train_on_store,
)

THRESHOLDS = {"window": 10, "event_threshold": 0.05, "rearrangement_threshold": 0.2}
TRAINING = {
    "descriptors": "coordination",
    "centre_species": "A",
    "quiet_time": 20,
    "n_per_class": 100,
    "min_per_class": 10,
}


@pytest.fixture
def store(place, tmp_path):
    """The training trajectory of the dry run, alone and without p_hop."""
    path = tmp_path / "run.zarr"
    shutil.copytree(place.store(place.settings.training_point), path)
    Trajectory.open(path).remove_stage("p_hop")
    return path


def test_files_of_a_store_lie_beside_it_under_its_name(tmp_path):
    assert beside(tmp_path / "a.b.zarr", "events.csv") == tmp_path / "a.b.events.csv"


# -- holding a store -------------------------------------------------------------------------------------------------


def test_a_store_is_held_with_the_study_it_belongs_to(place):
    path = place.store(place.settings.training_point)
    (place.out / "settings.json").write_text("{}")
    with hold_store(path) as trajectory:
        assert trajectory.path == path
        for folder in (path.parent, place.out):
            with pytest.raises(StoreBusyError, match=f"in use by process {os.getpid()}"), lock_folder(folder):
                pass
    with lock_folder(place.out), pytest.raises(StoreBusyError, match="study is in use"), hold_store(path):
        pass


def test_a_store_on_its_own_holds_its_folder_alone(store, tmp_path):
    with hold_store(store), lock_folder(tmp_path.parent):
        assert (tmp_path / ".lock").exists()


def test_holding_what_is_not_there_makes_nothing(tmp_path):
    with pytest.raises(StoreError, match="is not a trajectory store"), hold_store(tmp_path / "a" / "b.zarr"):
        pass
    assert not (tmp_path / "a").exists()


# -- refusals before any work ----------------------------------------------------------------------------------------


def test_positions_that_are_not_complete_name_the_verb_that_makes_them(store):
    trajectory = Trajectory.open(store)
    for kind in ("thermal", "inherent"):
        require_positions(trajectory, kind)
    with pytest.raises(ParameterError, match=r"`--positions` must be inherent or thermal; it is 'average'"):
        require_positions(trajectory, "average")
    (store / "manifest" / "inherent" / "000001.json").unlink()
    with pytest.raises(StoreError, match=r"30 of 130 are quenched\. Run `vitrify quench .*run\.zarr` first"):
        require_positions(trajectory, "inherent")
    (store / "manifest" / "thermal" / "000000.json").unlink()
    with pytest.raises(StoreError, match="not written to its end yet: 0 of 130 frames are there"):
        require_positions(trajectory, "thermal")


def test_a_name_for_a_file_is_checked_and_its_folder_made(tmp_path):
    require_file_name(tmp_path / "new" / "a.npz", ".npz")
    assert (tmp_path / "new").is_dir()
    with pytest.raises(ParameterError, match=r"`--out` must end in \.npz; it is '.*a\.json'"):
        require_file_name(tmp_path / "a.json", ".npz")
    (tmp_path / "b.npz").mkdir()
    with pytest.raises(ParameterError, match=r"b\.npz is a folder; give the name of a file in it"):
        require_file_name(tmp_path / "b.npz", ".npz")


def test_settings_of_one_store_are_refused_without_naming_a_scale():
    point = {"temperature": -1.0, "frames": 5, "hold_time": 1.0}
    with pytest.raises(SettingsError) as caught:
        _single_settings({"state_points": [point, {**point, "replica": 1, "training": True}]})
    assert str(caught.value) == (
        "`temperature`: Input should be greater than 0; it is -1.0; "
        "`frames`: Input should be greater than or equal to 30; it is 5"
    )


# -- the verbs -------------------------------------------------------------------------------------------------------


def test_events_of_a_store_are_those_of_the_study(store, place, notes):
    from vitrify.studies.dynamics import events_of

    rearrangements_of_store(store, THRESHOLDS, "inherent", notes, 1)
    assert load_table(beside(store, "events.npz")).identical(events_of(place, place.settings.training_point))
    assert notes.said[-1].endswith("run.events.csv")
    thermal = dict(THRESHOLDS, event_threshold=0.15)
    rearrangements_of_store(store, thermal, "thermal", notes, 1)
    assert Trajectory.open(store).stages["p_hop"]["parameters"]["positions"] == "thermal"
    assert load_table(beside(store, "events.npz")).attrs["event_threshold"] == 0.15


def test_a_described_store_has_the_features_of_each_particle(store, tmp_path):
    options = {"descriptors": "coordination", "every": 60, "species": "B", "positions": "thermal"}
    describe_store(store, tmp_path / "rows.npz", options, Silent(), 1)
    table, trajectory = load_table(tmp_path / "rows.npz"), Trajectory.open(store)
    from vitrify.descriptors.coordination import Coordination

    others = np.flatnonzero(trajectory.species == 1)
    expected = [Coordination().evaluate(trajectory.frame(k, "thermal"), others) for k in (0, 60, 120)]
    assert np.array_equal(table["features"].values, np.concatenate(expected))
    assert np.array_equal(table["particle"].values, np.tile(others, 3))


def test_a_softness_is_trained_and_applied_and_once_there_is_not_computed_again(
    store, tmp_path, notes, monkeypatch
):
    rearrangements_of_store(store, THRESHOLDS, "inherent", Silent(), 1)
    train_on_store(store, tmp_path / "s.json", TRAINING, notes, 1)
    assert notes.said[-1].startswith("Accuracy on held-out segments 0.")
    written = (tmp_path / "s.json").read_bytes()
    train_on_store(store, tmp_path / "s.json", TRAINING, Silent(), 1)
    assert (tmp_path / "s.json").read_bytes() == written
    softness_of_store(store, tmp_path / "s.json", 50, Silent(), 1)
    trained, trajectory = TrainedSoftness.load(tmp_path / "s.json"), Trajectory.open(store)
    assert np.array_equal(
        trajectory.read("softness")[50, trajectory.species == 0], trained.softness(trajectory.frame(50))
    )
    monkeypatch.setattr("vitrify.studies.softness_values.softness_unit", None)
    softness_of_store(store, tmp_path / "s.json", 50, Silent(), 1)


def test_training_on_the_store_of_a_study_uses_the_events_of_the_study(place, tmp_path):
    from vitrify.studies.dynamics import events_of

    point = place.settings.training_point
    store, made = place.store(point), events_of(place, point)
    train_on_store(store, tmp_path / "s.json", TRAINING, Silent(), 1)
    trained = TrainedSoftness.load(tmp_path / "s.json")
    assert trained.training["examples"]["n_available"]["soft"] <= made.sizes["event"]
    assert not beside(store, "events.npz").exists()


def test_training_needs_events(store, tmp_path):
    with pytest.raises(
        StoreError, match=r"run\.zarr has no events yet\. Run `vitrify rearrangements .*run\.zarr` first"
    ):
        train_on_store(store, tmp_path / "s.json", TRAINING, Silent(), 1)


def test_a_quench_that_was_begun_with_other_parameters_is_not_thrown_away(store, monkeypatch):
    """Hours of work: unlike p_hop and softness, inherent positions are kept and the command refused."""
    pytest.importorskip("vitrify.protocols.inherent")
    from vitrify.models.kob_andersen import KobAndersen

    monkeypatch.setattr("vitrify.studies.verbs._model_of", lambda _: KobAndersen())
    options = {"minimizer": "fire", "force_tolerance": 1e-4, "max_iterations": 10}
    with pytest.raises(StoreError, match="already holds 'inherent' made with other parameters"):
        quench_store(store, options, Silent(), 1)
    assert Trajectory.open(store).is_done("inherent")


@pytest.mark.parametrize("asked", [report_of_folder, citations_of_folder])
def test_a_folder_without_results_is_answered_with_the_command_that_makes_them(asked, tmp_path):
    with pytest.raises(SettingsError, match=r"holds no results of a study\. Run `vitrify run softness --out"):
        asked(tmp_path)
