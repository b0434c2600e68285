"""The relaxation study on a planted liquid, from stored trajectories to the page."""

import copy
import shutil

import numpy as np
import pytest

from vitrify.errors import SettingsError
from vitrify.predictors.trained import TrainedSoftness
from vitrify.progress import Silent
from vitrify.report.relaxation_figures import RELAXATION_FIGURES
from vitrify.report.results import SoftnessResults
from vitrify.studies.relaxation import collect_relaxation, run_relaxation
from vitrify.studies.relaxation_predictions import tally_of
from vitrify.studies.relaxation_reading import CentreTrajectory
from vitrify.studies.relaxation_scalars import make_scalars, scalars_all, structure_of
from vitrify.studies.relaxation_settings import (
    RelaxationSettings,
    load_relaxation_settings,
    preset,
)
from vitrify.studies.relaxation_structure import quantile_edges
from vitrify.studies.settings import preset as softness_preset
from vitrify.studies.simulate import Workplace
from vitrify.studies.softness import learn_softness

from .conftest import PLANTED, RAW

SECTION = {
    "running_mean": 12,
    "watched": 60,
    "thresholds": [0.1],
    "blocks": 4,
    "resamples": 6,
    "origins": 12,
    "lags_per_decade": 4,
    "quantile_bins": 4,
    "variations": False,
    "degrees": [1],
}


def relaxation_settings(**changes):
    raw = copy.deepcopy(RAW)
    raw["statistics"]["max_active_fraction"] = 1.0
    return RelaxationSettings.model_validate({**raw, "relaxation": {**SECTION, **changes}})


def finish(place: Workplace) -> TrainedSoftness:
    trained = learn_softness(place, Silent(), 1)
    scalars_all(place, trained, place.settings.relaxation.compared_with, Silent(), 1)
    return trained


@pytest.fixture(scope="module")
def study(simulated, tmp_path_factory):
    """A place with softness and tables of structure, beside the study whose trajectories it uses."""
    root = tmp_path_factory.mktemp("relaxation")
    shutil.copytree(simulated, root / "softness")
    (root / "out").mkdir()
    place = Workplace(root / "out", relaxation_settings(), shared=root / "softness")
    finish(place)
    return place


@pytest.fixture(scope="module")
def results(study):
    return collect_relaxation(study, TrainedSoftness.load(study.model_file))


def test_the_presets_use_the_trajectories_of_the_softness_study():
    for scale in ("demo", "study", "paper"):
        of_softness, own = softness_preset(scale), preset(scale)
        assert own["state_points"][: len(of_softness["state_points"])] == of_softness["state_points"]
        assert own.get("simulation") == of_softness.get("simulation")
    added = preset("study")["state_points"][4:]
    assert [(p["temperature"], p["frames"]) for p in added] == [(0.56, 400), (0.60, 200)]


def test_a_threshold_below_that_of_events_is_refused():
    with pytest.raises(SettingsError, match="must not lie below rearrangements"):
        load_relaxation_settings("demo", overrides={"relaxation": {"thresholds": [0.01]}})


def test_a_return_farther_than_the_cutoff_is_refused():
    with pytest.raises(SettingsError, match="must lie below relaxation"):
        load_relaxation_settings("demo", overrides={"relaxation": {"return_within": 0.6}})


def test_an_unknown_temperature_to_leave_out_is_refused():
    with pytest.raises(SettingsError, match="none of the temperatures"):
        load_relaxation_settings("demo", overrides={"relaxation": {"held_out_temperature": 0.9}})


def test_trajectories_come_from_the_other_study_and_what_is_learned_stays_here(study):
    assert (study.shared / "trajectories" / "T0.65" / "structure.npz").exists()
    assert not (study.out / "trajectories").exists()
    assert (study.out / "softness.json").exists()


@pytest.mark.slow
def test_the_command_draws_every_figure_and_a_killed_run_ends_with_the_same_page(study, tmp_path):
    pages = []
    for name in ("one", "two"):
        out = tmp_path / name
        run_relaxation(study.settings, out, Silent(), workers=1, shared=study.shared)
        pages.append((out / "report.html").read_bytes())
        measured = set(SoftnessResults.load(out / "results").datasets)
        for figure in RELAXATION_FIGURES:
            if set(RELAXATION_FIGURES.load(figure).needs) <= measured:
                for suffix in ("svg", "pdf", "png", "csv"):
                    assert (out / "figures" / f"{figure}.{suffix}").exists()
        (study.shared / "trajectories" / "T0.65" / "structure.npz").unlink()
    assert len(measured) > 10
    assert pages[0] == pages[1]


def test_what_this_liquid_does_not_have_is_said(results):
    assert any("'local_energy' was not compared" in words for words in results.warnings)


def test_an_unknown_feature_is_refused(study):
    with pytest.raises(SettingsError, match="has the features"):
        make_scalars(study.settings, ("coordination:n_Z",), ("A", "B"))


def test_the_table_of_structure_agrees_with_the_store(study):
    settings, point = study.settings, study.settings.test_points[0]
    one = CentreTrajectory(study, point)
    trained = TrainedSoftness.load(study.model_file)
    table = structure_of(study, point, trained, settings.relaxation.compared_with, Silent())
    threshold = settings.rearrangements.rearrangement_threshold
    tally = tally_of(one, table, threshold, 4)
    strong = np.flatnonzero(table["p_hop_max"].values > threshold)
    assert len(tally.start_value) > 20
    for k in strong[:10]:
        frame, particle = int(table["frame"][k]), int(table["particle"][k])
        stored = one.trajectory.read("softness", frame, frame + 1)[0, particle]
        assert stored == table["start_value"].values[0, k]
    counted = tally_of(one, table, threshold, 4, "coordination")
    assert len(counted.start_value) == len(tally.start_value)
    assert len(counted.value) == len(tally.value)
    assert np.array_equal(counted.value, np.rint(counted.value))


def test_rarer_events_are_counted_at_a_higher_threshold(study):
    point = study.settings.test_points[0]
    one = CentreTrajectory(study, point)
    trained = TrainedSoftness.load(study.model_file)
    table = structure_of(study, point, trained, study.settings.relaxation.compared_with, Silent())
    n = [len(tally_of(one, table, p_c, 4).start_value) for p_c in (0.05, 0.2, 9.0)]
    assert n[0] >= n[1] > n[2] == 0


def test_planted_hops_leave_no_displacement_unexplained(results):
    found = results.datasets["displacing_events"]
    many = found["n"].values > 20
    assert many.any()
    highest = found["share_below"].sel(threshold=0.2).values[many]
    assert (highest < 0.1).all()


def test_softness_tells_less_at_the_planted_onset_temperature_than_below_it(results):
    gain = results.datasets["structure_gain"].sel(scalar="softness")
    cold, onset = (gain.isel(temperature=k) for k in (0, 1))
    assert float(onset["temperature"]) == pytest.approx(PLANTED["e1"] / PLANTED["sigma1"])
    error = float(onset["area_high"] - onset["area"])
    assert float(gain["events"].min()) > 20
    assert abs(float(onset["area"]) - 0.5) < 3 * error
    assert float(cold["area"]) > float(onset["area"])


def test_every_number_of_the_table_says_what_it_rests_on(results):
    rows = {row.quantity: row for row in results.table}
    assert len(rows) == len(results.table) > 10
    for quantity, row in rows.items():
        if row.events is None:
            assert quantity.startswith("relaxation time")
            assert "falls to" in row.note
    published = [row for row in results.table if row.published]
    assert {row.published for row in published} == {"1"}
    assert all(row.source for row in published)


def test_the_overlap_is_predicted_within_a_tenth_from_early_times(results):
    found = results.datasets["overlap_prediction"].sel(calibration="early")
    assert found["measured"].isel(lag=0).values == pytest.approx(1.0)
    distance = found["distance"].sel(route="gaussian").values
    assert (distance < 0.1).all()
    assert (found["distance_error"].sel(route="gaussian").values > 0).all()


def test_all_time_scales_are_named(results):
    names = [str(n) for n in results.datasets["relaxation_times"]["definition"].values]
    assert len(set(names)) == len(names) == 6
    assert any("overlap" in n and "0.5" in n for n in names)
    assert any("7.25" in n for n in names)


def test_quantile_bins_of_a_continuous_quantity_hold_the_same_number():
    values = np.random.default_rng(3).normal(size=4000) ** 3
    n = np.histogram(values, quantile_edges(values, 8))[0]
    assert np.ptp(n) <= 1
