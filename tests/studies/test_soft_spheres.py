"""Soft spheres of several densities: thresholds, one mixture, octants, and a planted trap model that must be found."""

import numpy as np
import pytest

from vitrify.errors import SettingsError, TooFewEventsError
from vitrify.particles.layout import ArraySpec, Layout, inherent_arrays, inherent_values, thermal_arrays
from vitrify.particles.trajectory import Trajectory
from vitrify.predictors.trained import TrainedSoftness
from vitrify.progress import Silent
from vitrify.report.page import build_report
from vitrify.report.results import SoftnessResults
from vitrify.studies.simulate import Workplace
from vitrify.studies.soft_spheres import _growth_rows, collect_soft_spheres
from vitrify.studies.soft_spheres_compare import density_datasets, growth
from vitrify.studies.soft_spheres_learning import (
    accuracy_elsewhere,
    equal_mixture,
    examples_of,
    frames_with_outcome,
    thresholds,
    train_on_densities,
)
from vitrify.studies.soft_spheres_measure import measured_of
from vitrify.studies.soft_spheres_settings import (
    SoftSphereSettings,
    density,
    load_soft_sphere_settings,
    preset,
)
from vitrify.studies.trap_analysis import analyse
from vitrify.theory.trap_model import TrapModel
from vitrify.units import LJ

FRAMES, SMALL, LAG_TIME = 50, 250, 12.0
TEMPERATURES = {0.65: (0.8, 0.9, 1.0), 0.82: (0.8, 0.9, 1.0)}
PLANTED = {
    0.65: TrapModel((2.0, -0.4), -0.9 - np.log(LAG_TIME), 2.5, 0.2, 0.9),
    0.82: TrapModel((3.0, -2.5), 0.6 - np.log(LAG_TIME), 1.6, 0.2, 0.9),
}
THRESHOLD = 0.25


def raw(**more):
    points = []
    for value, temperatures in TEMPERATURES.items():
        common = {"density": value, "frames": FRAMES, "hold_time": 1.0}
        points.append({**common, "temperature": temperatures[0], "replica": 1, "training": True})
        points += [{**common, "temperature": t} for t in temperatures]
    return {
        "state_points": points,
        "simulation": {"model": "harmonic_spheres", "frame_interval": LAG_TIME, "frames_per_unit": 25},
        "training": {
            "descriptors": {"name": "radial_density", "radii": [1.0, 1.3]},
            "quiet_time": 8,
            "segments": 3,
            "n_per_class": 300,
            "min_per_class": 20,
            "loss": "squared_hinge",
            "solver": "linear_svc",
            "penalties": [1.0],
        },
        "statistics": {"stride": 1, "bins": 8},
        "spheres": {"resamples": 20, "degree": 1},
    } | more


def write_store(place, point, rng):
    """A store in which small particles rearrange with the rate of the planted model of the density, given their softness."""
    model, n = PLANTED[density(point)], 2 * SMALL
    s = rng.normal(model.mean(point.temperature), np.sqrt(model.variance(point.temperature)), (FRAMES, SMALL))
    moves = rng.uniform(size=s.shape) < model.rate(s, point.temperature) * LAG_TIME
    d2min = np.full((FRAMES, n), np.nan)
    d2min[:, :SMALL] = np.where(
        moves, THRESHOLD + rng.exponential(0.1, s.shape), THRESHOLD * rng.uniform(size=s.shape)
    )
    d2min[-1] = np.nan
    softness = np.full((FRAMES, n), np.nan)
    softness[:, :SMALL] = s
    edge = (n / density(point)) ** (1 / 3)
    position = np.broadcast_to(rng.uniform(0, edge, (n, 3)), (FRAMES, n, 3))
    path = place.store(point)
    path.parent.mkdir(parents=True, exist_ok=True)
    layout = Layout(FRAMES, np.repeat([0, 1], SMALL), ("A", "B"), 3, (True,) * 3, frames_per_unit=25)
    store = Trajectory.create(path, layout, {"run": {"model": {"name": "planted"}}, "label": point.label})
    store.add_stage("thermal", thermal_arrays(LJ))
    store.add_stage("inherent", inherent_arrays(LJ))
    parameters = {"lag": 1, "cutoff": 2.5, "normalization": "mean", "reference": None}
    store.add_stage("d2min", {"d2min": ArraySpec(("particle",))}, parameters)
    store.add_stage("softness", {"softness": ArraySpec(("particle",), sparse=True)})
    for unit, (a, b) in enumerate(store.units()):
        m = b - a
        thermal = {
            "position": position[a:b],
            "time": LAG_TIME * np.arange(a, b),
            "box_vectors": np.broadcast_to(edge * np.eye(3), (m, 3, 3)),
            "box_origin": np.zeros((m, 3)),
        }
        store.write("thermal", unit, thermal)
        values = inherent_values(
            position[a:b], energy=np.zeros(m), max_force=np.zeros(m), iterations=np.ones(m, np.int64),
            converged=np.ones(m, np.int8),
        )  # fmt: skip
        store.write("inherent", unit, values)
        store.write("d2min", unit, {"d2min": d2min[a:b]})
        store.write("softness", unit, {"softness": softness[a:b]})


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A study folder with the stores of the planted liquids, softness and D²min in them."""
    settings = SoftSphereSettings.model_validate(raw())
    found = Workplace(tmp_path_factory.mktemp("spheres"), settings)
    rng = np.random.default_rng(7)
    for point in settings.state_points:
        write_store(found, point, rng)
    return found


@pytest.fixture(scope="module")
def analyses(place):
    limits = dict.fromkeys(TEMPERATURES, THRESHOLD)
    return {
        v: analyse(measured_of(place, v, limits[v])[0], degree=1, n_resamples=20, seed=1)
        for v in TEMPERATURES
    }


# -- settings --------------------------------------------------------------------------------------------------------


def test_study_trains_on_the_two_state_points_of_the_paper_and_tests_on_others():
    settings = load_soft_sphere_settings("study")
    trained = {(density(p), p.temperature) for p in settings.training_points}
    assert trained == {(0.65, 0.00065), (0.82, 0.0045)}
    assert settings.training.loss == "squared_hinge"
    assert settings.training.penalties == (1.0,)
    assert settings.simulation.frame_interval * settings.spheres.lag == 12.0
    assert all(len(settings.points_of(v)) == 4 for v in settings.densities)


def test_paper_has_its_particles_densities_and_ten_relaxation_times_of_quiet():
    settings = load_soft_sphere_settings("paper")
    assert settings.simulation.n_particles == 10_976
    assert settings.densities == (0.65, 0.72, 0.78, 0.82)
    assert settings.training.quiet_time * settings.simulation.frame_interval == pytest.approx(3.0e4)
    assert settings.reference_point(0.72).temperature == 0.0023  # not trained on: its coldest
    assert len(settings.points_of(0.72)) == 8


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"training": False}, "at least one state point must have training"),
        ({"density": None}, "every state point needs its density"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(change, words):
    given = raw()
    given["state_points"] = [
        {k: v for k, v in {**p, **change}.items() if v is not None} if p.get("training") else p
        for p in given["state_points"]
    ]
    for k, p in enumerate(given["state_points"]):
        p["replica"] = k
    with pytest.raises(ValueError, match=words):
        SoftSphereSettings.model_validate(given)


def test_a_density_with_one_temperature_is_refused():
    given = raw()
    given["state_points"] = [p for p in given["state_points"] if p["temperature"] == 0.8]
    with pytest.raises(ValueError, match=r"density 0\.65 needs two temperatures"):
        SoftSphereSettings.model_validate(given)


def test_unknown_scale_is_named():
    with pytest.raises(SettingsError, match="No scale is called 'huge'"):
        preset("huge")


# -- labels ----------------------------------------------------------------------------------------------------------


def test_one_per_cent_of_the_small_particles_exceed_the_threshold_of_their_density(place):
    limits = thresholds(place)
    for value, limit in limits.items():
        d2min = place.trajectory(place.settings.reference_point(value)).read("d2min")[:-1, :SMALL]
        assert (d2min > limit).mean() == pytest.approx(0.01, abs=1 / d2min.size)
    assert len(set(limits.values())) == 2


def test_frames_without_an_outcome_are_not_sampled(place):
    trajectory = place.trajectory(place.settings.test_points[0])
    assert frames_with_outcome(place.settings, trajectory).tolist() == list(range(FRAMES - 1))


def test_mixture_has_equally_many_of_each_class_from_each_trajectory_and_no_segment_of_two(place):
    limits = thresholds(place)
    parts = [examples_of(place, p, limits[density(p)], Silent(), 1) for p in place.settings.training_points]
    parts[1] = parts[1].isel(example=slice(0, 60))
    mixed = equal_mixture(parts, 3)
    counts = [
        int(((mixed["trajectory"] == k) & (mixed["label"] == side)).sum()) for k in (0, 1) for side in (1, -1)
    ]
    assert len(set(counts)) == 1
    assert counts[0] > 10
    of_segment = {
        int(g): {int(t) for t in mixed["trajectory"].values[mixed["segment"].values == g]}
        for g in np.unique(mixed["segment"])
    }
    assert all(len(t) == 1 for t in of_segment.values())


def test_structure_without_meaning_is_not_learned(place):
    """Positions are random here, so that a hyperplane guesses, on examples it has not seen."""
    trained = train_on_densities(place, Silent(), 1)
    cv = trained.training["cross_validation"]
    assert cv["n_groups"] == 6
    assert abs(cv["accuracy"] - 0.5) < 0.12
    assert set(trained.training["by_state_point"]) == {p.label for p in place.settings.training_points}
    score, at = accuracy_elsewhere(place, trained, 0.82, Silent(), 1)
    assert score.n_events >= 20
    assert abs(score.value - 0.5) < 0.15
    assert at == "T = 0.8"
    assert train_on_densities(place, Silent(), 1) == TrainedSoftness.load(place.model_file) == trained


def test_too_long_a_quiet_time_leaves_no_accuracy_elsewhere_and_says_why(place):
    training = place.settings.training.model_copy(update={"quiet_time": FRAMES})
    settings = place.settings.model_copy(update={"training": training})
    other = Workplace(place.out, settings)
    with pytest.raises(TooFewEventsError, match="quiet particles"):
        examples_of(other, settings.training_points[0], THRESHOLD, Silent(), 1)
    score, words = accuracy_elsewhere(other, None, 0.82, Silent(), 1)
    assert score is None
    assert "quiet particles" in words


# -- counts and models -----------------------------------------------------------------------------------------------


def test_counts_are_fractions_of_the_sampled_small_particles_within_one_interval(place):
    measured, samples = measured_of(place, 0.82, THRESHOLD)
    assert measured.interval == LAG_TIME
    assert measured.fitted == TEMPERATURES[0.82]
    cold = samples[0]
    assert len(cold.softness) == SMALL * (FRAMES - 1)
    assert set(np.unique(cold.segment)) == set(range(8))
    assert int(measured.counts["events"].sel(temperature=0.8).sum()) == int(cold.rearranges.sum())
    assert int(measured.counts["exposure"].sel(temperature=0.8).sum()) == len(cold.softness)
    assert measured.overlap["overlap"].values == pytest.approx(1.0)


def test_too_hot_a_temperature_is_shown_and_not_fitted(place):
    fractions = [s.fraction for s in measured_of(place, 0.82, THRESHOLD)[1]]
    assert fractions == sorted(fractions)
    limit = 0.5 * (fractions[1] + fractions[2])
    most = place.settings.spheres.model_copy(update={"max_fraction": limit})
    other = Workplace(place.out, place.settings.model_copy(update={"spheres": most}))
    measured, _ = measured_of(other, 0.82, THRESHOLD)
    assert measured.fitted == TEMPERATURES[0.82][:2]
    assert measured.counts["temperature"].values.tolist() == list(TEMPERATURES[0.82])
    assert "Shown but not fitted" in measured.notes[0]


def test_planted_slopes_of_the_barrier_are_found_at_both_densities(analyses):
    for value, found in analyses.items():
        truth = PLANTED[value].barrier[1]
        _, low, high = found.parameter("e1", 0.005)
        assert low - 0.1 < truth < high + 0.1, value


def test_growth_of_the_slope_with_density_is_seen_and_has_its_error(analyses):
    difference, error, without = growth(analyses[0.65], analyses[0.82])
    assert abs(difference - 2.1) < 4 * error
    assert difference > 4 * error
    assert without == 0.0
    back = growth(analyses[0.82], analyses[0.65])
    assert back[0] == pytest.approx(-difference)
    assert back[2] == 1.0
    rows = _growth_rows(analyses, {0.65: 0.8, 0.82: 0.8})
    assert rows[0].value == pytest.approx(difference)
    assert rows[1].value == pytest.approx(difference / 0.8)
    assert "grows" in rows[0].note


def test_fall_of_mean_softness_follows_equation_10_in_planted_data(analyses):
    found = density_datasets(analyses, {}, {0.65: 0.8, 0.82: 0.8}, 1e7)["soft_sphere_densities"]
    for value, planted in PLANTED.items():
        one = found.sel(density=value)
        truth = float(np.diff(planted.mean(np.array([0.8, 1.0])))[0] / (1 / 0.8 - 1))
        error = float(one["change_high"] - one["change"])
        assert abs(float(one["change"]) - truth) < 4 * error
        assert (
            float(one["change_model_low"]) - 4 * error < truth < float(one["change_model_high"]) + 4 * error
        )
    assert float(found["change"][1]) > float(found["change"][0])
    assert np.isnan(found["accuracy"].values).all()


@pytest.mark.slow
def test_figures_and_their_numbers_are_those_of_the_data_sets(analyses, tmp_path):
    from vitrify.report.definitions import with_definitions
    from vitrify.report.editions import edition

    datasets = density_datasets(analyses, {}, {0.65: 0.8, 0.82: 0.8}, 1e7)
    described = {name: with_definitions(name, d) for name, d in datasets.items()}
    shown = edition("soft-spheres")
    assert set(shown.captions) == set(shown.figures)
    for name in shown.figures:
        figure = shown.figures.load(name)
        written = figure.write(described, tmp_path)
        assert {"png", "svg", "pdf", "csv"} == set(written)
        assert len(figure.table(*(described[need] for need in figure.needs)))
    table = shown.figures.load("soft_sphere_densities").table(described["soft_sphere_densities"])
    assert table["slope"].tolist() == [a.parameter("e1")[0] for a in analyses.values()]


@pytest.mark.slow
def test_report_compares_densities_and_each_density_has_a_page_of_its_own(place):
    trained = train_on_densities(place, Silent(), 1)
    results = collect_soft_spheres(place, trained)
    build_report(results, place.out)
    page = (place.out / "report.html").read_text()
    for words in (
        "growth of |ε1| from ρ = 0.65 to 0.82",
        "accuracy, held-out trajectory, ρ = 0.65",
        "What changes with density",
    ):
        assert words in page
    events = {row.quantity: row.events for row in results.table}
    counted = sum(results.run["rearranging particles"][f"rho0.82-T{t:g}"] for t in TEMPERATURES[0.82])
    assert events["ε1 of ΔE, ρ = 0.82"] == counted
    for value in TEMPERATURES:
        assert "Soft spheres of density" in (place.out / f"rho{value:g}" / "report.html").read_text()
        of_one = SoftnessResults.load(place.out / f"rho{value:g}" / "results")
        assert of_one.run["density"] == value
        slope = next(r for r in of_one.table if r.quantity.startswith("ε1"))
        shared = next(r for r in results.table if r.quantity == f"ε1 of ΔE, ρ = {value:g}")
        assert slope.value == shared.value
