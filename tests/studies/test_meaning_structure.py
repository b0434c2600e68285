"""Numbers of single particles against their events: planted ones, whose contrast and direction are known, and a dry run."""

import copy
import shutil

import numpy as np
import pytest
from scipy.special import ndtr

from vitrify.errors import SettingsError, StoreError, UnknownNameError
from vitrify.particles import Box, Frame
from vitrify.predictors.trained import TrainedSoftness
from vitrify.progress import Silent
from vitrify.studies import meaning_structure_units as units
from vitrify.studies.dynamics import starts
from vitrify.studies.meaning_settings import MeaningSettings
from vitrify.studies.meaning_structure import displacements_after, make_structure, structure_results
from vitrify.studies.meaning_structure_correlations import (
    correlation_of,
    mobility_correlations,
    pair_correlations,
    with_block_errors,
)
from vitrify.studies.meaning_structure_events import (
    AtRisk,
    Starts,
    event_table,
    first_points,
    risk_of,
    starts_of,
)
from vitrify.studies.meaning_structure_fields import direction_dataset
from vitrify.studies.meaning_structure_planes import training_examples
from vitrify.studies.meaning_structure_probability import (
    Tally,
    area_of,
    contrast_of,
    orientation,
    probability_datasets,
    probability_of,
    tally_of,
)
from vitrify.studies.meaning_structure_settings import USUAL, Measured, StructureSection
from vitrify.studies.meaning_structure_shape import against_structure, binned_mean, crossing, of_simplices
from vitrify.studies.meaning_structure_sources import measured_sources
from vitrify.studies.relaxation_reading import CentreTrajectory
from vitrify.studies.simulate import Workplace
from vitrify.studies.softness import learn_softness

from .conftest import RAW

SECTION = {
    "compared_with": [{"called": "coordination", "descriptor": "coordination"}],
    "caging": False,
    "thermal_softness": False,
    "thermal_window": 8,
    "blocks": 4,
    "resamples": 20,
    "quantile_bins": 4,
    "mobility_times": [5.0, 1000.0],
    "field_range": 3.0,
    "field_fit": [0.5, 3.0],
    "gradient_bins": 3,
}
BLOCKS = 8


def planted_tally(slope=1.0, n=60_000, seed=3):
    """A number that is normal among particles at risk, and a rate that grows as exp(slope x)."""
    rng = np.random.default_rng(seed)
    value, segment = rng.normal(size=n), rng.integers(0, BLOCKS, n)
    moving = rng.random(n) < 0.04 * np.exp(slope * value - slope**2 / 2)
    return Tally(value, segment, value[moving], segment[moving], 1.0)


# -- planted numbers ---------------------------------------------------------------------------------------------------


def test_a_planted_number_has_the_contrast_of_its_rates():
    tally = planted_tally()
    expected = ndtr(1.0 - 1.0) / ndtr(-1.0 - 1.0)
    found = contrast_of(tally, BLOCKS)
    assert expected == pytest.approx(21.98, abs=0.01)
    sd = np.log(found["contrast_high"] / found["contrast"])
    assert abs(np.log(found["contrast"] / expected)) < 3 * sd
    assert 0.3 * sd < found["contrast_block_error"] / found["contrast"] < 3 * sd
    assert found["events_high"] > 10 * found["events_low"] > 0
    assert found["contrast_bound"] == 0


def test_a_planted_number_has_the_area_of_two_shifted_normal_distributions():
    found = area_of(planted_tally())
    assert abs(found["area"] - ndtr(1 / np.sqrt(2))) < 4 * (found["area_high"] - found["area"])


def test_a_number_that_decides_nothing_has_contrast_one():
    found = contrast_of(planted_tally(slope=0.0), BLOCKS)
    assert abs(np.log(found["contrast"])) < 3 * np.log(found["contrast_high"] / found["contrast"])


def test_a_contrast_without_events_below_is_a_bound():
    rest = np.linspace(-2, 2, 400)
    tally = Tally(rest, np.zeros(400, np.int64), np.array([1.9, 1.8]), np.zeros(2, np.int64), 1.0)
    found = contrast_of(tally, 1)
    assert (found["contrast_bound"], found["events_low"]) == (1, 0)
    assert np.isinf(found["contrast_high"])
    assert np.isnan(found["contrast_block_error"])


def test_probability_in_quantiles_grows_with_the_rates_and_keeps_every_event():
    tally = planted_tally()
    found = probability_of(tally, 10, BLOCKS, 0.5, 1.0)
    assert np.nansum(found["events"]) == len(tally.start_value)
    assert (np.diff(found["probability"]) > 0).all()
    assert found["quantile"] == pytest.approx(np.arange(0.05, 1, 0.1), abs=0.001)
    assert ((found["probability_low"] < found["probability"]) & (found["probability"] < found["probability_high"])).all()  # fmt: skip


def test_a_number_that_falls_is_turned_and_keeps_its_values():
    falling = planted_tally(slope=-1.0)
    assert orientation(falling) == -1
    both = {k: {"x": falling} for k in ("inherent", "thermal")}
    made = probability_datasets([both], [0.5], ["x"], n_bins=5, blocks=BLOCKS, interval=1.0)
    curve = made["scalar_probability"].isel(event_kind=0, scalar=0, temperature=0)
    assert (np.diff(curve["probability"].values) > 0).all()
    assert (np.diff(curve["value"].values) < 0).all()
    assert float(made["scalar_contrast"]["orientation"][0]) == -1
    assert float(made["scalar_contrast"]["contrast"][0, 0, 0]) > 10


def test_particles_without_a_value_count_neither_at_risk_nor_among_starts():
    value = np.array([[1.0, np.nan], [2.0, 3.0], [4.0, 5.0]])
    starts = Starts(np.array([2, 4]), np.array([0, 1]), np.array([5, 6]), np.ones(2, bool))
    risk = AtRisk(np.array([4, 8]), np.array([1, 2]), np.array([[True, False], [True, True]]))
    found = tally_of(
        value, np.array([np.nan, 7.0]), starts, risk, n_frames=10, blocks=2, frames_per_sample=5.0
    )
    assert found.value.tolist() == [2.0, 4.0, 5.0]
    assert found.segment.tolist() == [0, 1, 1]
    assert (found.start_value.tolist(), found.start_segment.tolist()) == ([7.0], [0])


# -- correlations ------------------------------------------------------------------------------------------------------


def test_correlations_are_those_of_numpy_and_their_errors_shrink_with_the_blocks():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 4000))
    columns = np.stack([x[0], 0.6 * x[0] + 0.8 * x[1] + 100.0])
    best, error = with_block_errors(columns, np.arange(4000) // 500, 8, 400, 1)
    assert best == pytest.approx(np.corrcoef(columns))
    assert abs(best[0, 1] - 0.6) < 4 * error[0, 1]
    assert error[0, 1] == pytest.approx((1 - 0.36) / np.sqrt(4000), rel=0.8)
    assert np.isnan(correlation_of(np.zeros((3, 3)))).all()


def test_an_absent_number_has_no_correlation_and_spoils_no_other():
    rng = np.random.default_rng(1)
    value = rng.normal(size=(3, 20, 50))
    value[1] = np.nan
    value[2] = value[0] ** 3
    value[2, 0, 0] = np.nan
    found = pair_correlations([value], [np.arange(20) // 5], [0.5], ["a", "b", "c"], blocks=4, resamples=20, seed=0)  # fmt: skip
    assert int(found["n"][0]) == 999
    assert np.isnan(found["pearson"].values[0, 1]).all()
    assert float(found["spearman"].sel(scalar="a", other="c")[0]) == pytest.approx(1.0)
    assert float(found["pearson"].sel(scalar="a", other="c")[0]) == pytest.approx(0.775, abs=0.03)


def test_displacements_that_follow_a_number_are_correlated_with_it():
    rng = np.random.default_rng(2)
    value = rng.normal(size=(2, 16, 40))
    moved = {5.0: np.exp(value[0, :12])}
    found = mobility_correlations([value], [moved], [np.arange(16) // 4], [0.5], ["a", "b"], blocks=4, resamples=20, seed=0)  # fmt: skip
    assert float(found["spearman"].sel(scalar="a", lag=5.0)[0]) == pytest.approx(1.0)
    idle = found.sel(scalar="b", lag=5.0)
    assert abs(float(idle["pearson"][0])) < 5 * float(idle["pearson_error"][0])


# -- softness against structure ----------------------------------------------------------------------------------------


def test_mean_softness_falls_with_planted_coordination_and_crosses_where_it_was_planted():
    rng = np.random.default_rng(4)
    z = rng.integers(9, 18, (1, 20, 400)).astype(float)
    softness = 13.5 - z + rng.normal(scale=0.3, size=z.shape)
    start = np.array([[1.0, 1.0, -1.0, 1.0], [10.0, 11.0, 16.0, 12.0]])
    value = np.concatenate([softness, z])
    found = against_structure(
        [value], [start], [np.arange(20) // 5], [0.5], ["softness", "coordination"], blocks=4
    )
    one = found.sel(against="coordination").isel(temperature=0)
    known = np.isfinite(one["mean"].values)
    assert one["value"].values[known].tolist() == list(range(9, 18))
    assert one["mean"].values[known] == pytest.approx(13.5 - np.arange(9, 18), abs=0.1)
    assert one["sd"].values[known] == pytest.approx(np.full(9, 0.3), rel=0.2)
    assert (one["mean_error"].values[known] < 0.05).all()
    assert float(one["crossing"]) == pytest.approx(13.5, abs=0.1)
    assert (float(one["moving_beyond"]), int(one["events"])) == (0.75, 4)
    assert float(one["all_beyond"]) == pytest.approx(5 / 9, abs=0.03)
    assert float(one["middle"]) == pytest.approx(z.mean(), abs=0.1)
    assert float(one["share_low"]) < float(one["share_moving"]) == 0.75 < float(one["share_high"])


def test_a_mean_that_never_changes_sign_has_no_crossing():
    assert np.isnan(crossing(np.arange(3.0), np.ones(3)))
    assert np.isnan(crossing(np.arange(3.0), np.array([1.0, -1.0, 1.0])))


def test_bins_with_few_particles_have_no_mean():
    x = np.repeat([0.0, 1.0], [500, 3])
    found = binned_mean(x, x, np.zeros(503, np.int64), np.array([-0.5, 0.5, 1.5]), 1)
    assert found["mean"][0] == 0
    assert np.isnan(found["mean"][1])
    assert found["n"].tolist() == [500, 3]


def test_softness_of_planted_simplices_stands_in_its_cell():
    rng = np.random.default_rng(5)
    t, o = rng.integers(0, 4, (2, 20, 500)).astype(float)
    value = np.stack([o - t, t, o])
    names = ["softness", "n_tetrahedra", "n_octahedra"]
    found = of_simplices([value], [np.arange(20) // 5], [0.5], names, blocks=4)
    mean = found["mean"].values[0]
    assert mean[:4, :4] == pytest.approx(np.arange(4)[None] - np.arange(4)[:, None])
    assert np.isnan(mean[5:]).all()
    assert of_simplices([value[:2]], [np.arange(20)], [0.5], names[:2], blocks=4) is None


# -- gradients ---------------------------------------------------------------------------------------------------------


def test_a_planted_field_has_its_gradient_and_particles_that_follow_it_have_cosines_of_one():
    rng = np.random.default_rng(6)
    frame = Frame(rng.random((600, 3)) * 8, np.arange(600) % 5 == 0, Box.orthorhombic([8.0] * 3))
    uphill, centre = np.array([0.0, 0.6, 0.8]), np.flatnonzero(np.arange(600) % 5 != 0)
    inside = (np.abs(frame.positions - 4.0) < 1.4).all(axis=1)
    particles = np.intersect1d(np.flatnonzero(inside), centre)
    found = units.gradients_at(lambda at, ids: at.positions[ids] @ uphill, centre, frame, particles, 2.5)
    assert len(particles) > 10
    cosine = found @ uphill / np.linalg.norm(found, axis=1)
    assert (cosine > 0.9).all()
    n = len(particles)
    starts = Starts(np.arange(n), particles, np.arange(n), np.ones(n, bool))
    section = StructureSection(gradient_bins=2, blocks=4, resamples=20)
    made = direction_dataset([(0.5, starts, found, found * rng.random((n, 1)), n)], section)
    assert made["mean_cosine"].values == pytest.approx(1.0)
    assert int(made["events"].sum()) == n
    back = direction_dataset([(0.5, starts, found, -found, n)], section)
    assert float(back["mean"][0]) == pytest.approx(-1.0)


def test_neighbours_are_found_across_the_boundary():
    frame = Frame([[0.1, 0, 0], [7.9, 0, 0], [4.0, 0, 0]], [0, 0, 0], Box.orthorhombic([8.0] * 3))
    assert units.rows_within(frame, np.array([0]), 1.0).tolist() == [1]


# -- the settings ------------------------------------------------------------------------------------------------------


def structure_settings(**changes):
    """One test temperature of the dry run, and a plane that is learned quickly."""
    raw = copy.deepcopy(RAW)
    raw["state_points"] = raw["state_points"][:2]
    raw["training"] |= {"n_per_class": 200, "penalties": [0.1]}
    return MeaningSettings.model_validate({**raw, "structure": {**SECTION, **changes}})


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"compared_with": [USUAL[0].model_dump(), USUAL[0].model_dump()]}, "given twice or reserved: coordination"),
        ({"compared_with": [{"called": "softness", "descriptor": "coordination"}]}, "reserved: softness"),
        ({"field_fit": [2.0, 1.0]}, "must ascend and end within field_range"),
        ({"mobility_times": [0.0]}, "must all be positive"),
    ],
)  # fmt: skip
def test_settings_that_contradict_themselves_are_refused(changes, match):
    with pytest.raises(ValueError, match=match):
        structure_settings(**changes)


def test_a_feature_that_a_descriptor_lacks_is_refused():
    asked = (Measured(called="x", descriptor="coordination", feature="n_Z"),)
    with pytest.raises(SettingsError, match="asks for the feature 'n_Z' of 'coordination'; it has"):
        measured_sources(structure_settings(), asked, ("A", "B"))
    with pytest.raises(UnknownNameError, match="coordinaton"):
        measured_sources(structure_settings(), (Measured(called="x", descriptor="coordinaton"),), ("A", "B"))


def test_features_of_one_descriptor_are_evaluated_together_and_what_a_liquid_lacks_is_said():
    sources, said = measured_sources(structure_settings(), USUAL, ("A", "B"))
    assert ("n_tetrahedra", "n_octahedra", "tetrahedricity") in [s.names for s in sources]
    assert said == ["'local_energy' was not compared with softness: it is not defined for this model."]


# -- a dry run ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def study(simulated, tmp_path_factory):
    root = tmp_path_factory.mktemp("structure")
    shutil.copytree(simulated, root / "softness")
    (root / "out").mkdir()
    place = Workplace(root / "out", structure_settings(), shared=root / "softness")
    trained = learn_softness(place, Silent(), 1)
    make_structure(place, trained, place.settings, Silent(), 1)
    return place, trained


@pytest.fixture(scope="module")
def results(study):
    place, trained = study
    return structure_results(place, trained, place.settings)


def files_of(place):
    return {p: p.stat().st_mtime_ns for p in (place.out / "structure").rglob("*.npz")}


def test_nothing_is_measured_twice_and_another_number_adds_only_its_own_files(study):
    place, trained = study
    before = files_of(place)
    make_structure(place, trained, place.settings, Silent(), 1)
    assert files_of(place) == before
    added = {"called": "n_A", "descriptor": "coordination", "feature": "n_A", "positions": "thermal"}
    more = Workplace(
        place.out, structure_settings(compared_with=[*SECTION["compared_with"], added]), shared=place.shared
    )
    lost = next(p for p in sorted(before) if p.parent.name == first_points(place)[0].label)
    lost.unlink()
    make_structure(more, trained, more.settings, Silent(), 1)
    after = files_of(place)
    assert {p for p in before if after[p] != before[p]} == {lost}
    assert len(after) > len(before)


def test_numbers_at_starts_are_those_of_the_particles(study):
    place, trained = study
    point = first_points(place)[0]
    one, starts = CentreTrajectory(place, point), starts_of(place, point, "inherent")
    sources, _ = measured_sources(place.settings, place.settings.structure.compared_with, ("A", "B"))
    table = units.table_of(
        place, point, trained, [units.Source(("softness",), "inherent", trained), *sources]
    )
    assert table.names == ["softness", "coordination"]
    assert len(starts.frame) > 20
    np.testing.assert_array_equal(table.value[0], one.softness)
    k = len(starts.frame) // 2
    stored = one.trajectory.read("softness", starts.frame[k], starts.frame[k] + 1)[0, starts.particle[k]]
    assert table.start["inherent"][0, k] == stored
    ended = starts.ended
    moved = np.linalg.norm(table.displacement[ended], axis=1)
    assert moved.min() > 0
    assert np.isnan(table.displacement[~ended]).all()


def test_thermal_hops_leave_the_ends_out_that_their_longer_window_needs(study):
    place, _ = study
    point = first_points(place)[0]
    inherent, thermal = (risk_of(place, point, kind) for kind in ("inherent", "thermal"))
    n = place.trajectory(point).n_frames
    assert inherent.frames.max() < n - 30
    assert thermal.frames.max() < n - 24
    assert thermal.free.shape == (len(thermal.frames), inherent.free.shape[1])


def test_an_event_stride_keeps_every_so_many_th_frame(study):
    place, _ = study
    point = first_points(place)[0]
    sparse = Workplace(place.out, structure_settings(event_stride=3), shared=place.shared)
    every, some = starts_of(place, point, "inherent"), starts_of(sparse, point, "inherent")
    assert np.array_equal(some.frame, every.frame[every.frame % 3 == 0])


def test_later_displacements_are_those_of_the_trajectory(study):
    place, _ = study
    one = CentreTrajectory(place, first_points(place)[0])
    found = displacements_after(one, (5.0, 1000.0))
    assert list(found) == [5.0]
    first = int(one.frames[1])
    expected = np.linalg.norm(one.read(first + 5, first + 6)[0] - one.read(first, first + 1)[0], axis=1)
    np.testing.assert_allclose(found[5.0][1], expected)


def test_events_are_those_of_the_softness_study(study):
    place, _ = study
    for point in first_points(place):
        expected = starts(place.settings, place.trajectory(point), event_table(place, point, "inherent"))
        found = starts_of(place, point, "inherent")
        wanted = set(zip(expected["start_frame"].values, expected["particle"].values, strict=True))
        assert set(zip(found.frame, found.particle, strict=True)) == wanted


def test_planted_softness_tells_rearrangements_below_the_onset_temperature(results):
    contrast = results[0]["scalar_contrast"].sel(event_kind="inherent", scalar="softness")
    cold = contrast.isel(temperature=0)
    assert float(cold["orientation"]) == 1
    assert int(cold["events"]) > 20
    assert float(cold["area"]) > 0.5


def test_every_row_says_what_it_rests_on_and_published_numbers_their_source(results):
    _, rows, said = results
    assert len({r.quantity for r in rows}) == len(rows)
    assert all(r.source for r in rows if r.published)
    assert {"165", "6.2"} <= {r.published for r in rows}
    assert all(words.endswith(".") for words in said)


def test_examples_that_are_not_there_are_named(study, tmp_path):
    place, _ = study
    with pytest.raises(StoreError, match="holds the examples that softness is learned from"):
        training_examples(Workplace(tmp_path, place.settings))


def test_without_thermal_softness_and_caging_neither_appears(results):
    datasets, _, _ = results
    assert datasets["scalar_contrast"]["scalar"].values.tolist() == ["softness", "coordination"]
    assert "caging_map" not in datasets
    assert isinstance(results[0], dict)


@pytest.mark.slow
def test_a_loaded_softness_gives_the_same_results(study, results):
    place, _ = study
    again = structure_results(place, TrainedSoftness.load(place.model_file), place.settings)
    for name, dataset in results[0].items():
        assert dataset.identical(again[0][name])
