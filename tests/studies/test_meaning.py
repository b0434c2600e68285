"""The questions about training examples, put to examples whose answer was planted."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest

from vitrify.errors import ParameterError, SettingsError
from vitrify.studies.meaning_collect import learned_results
from vitrify.studies.meaning_examples import Examples, examples_of, kept
from vitrify.studies.meaning_selection import function_triplets, names_of_best, scanned
from vitrify.studies.meaning_settings import MeaningSettings, load_meaning_settings, preset
from vitrify.studies.meaning_steps import STEPS, answers_of
from vitrify.studies.meaning_table import expected, judged_choice
from vitrify.studies.meaning_weights import on_grid
from vitrify.studies.settings import preset as softness_preset
from vitrify.studies.simulate import Workplace

from .conftest import RAW

N, SEGMENTS = 600, 4
RADII = (0.8, 0.9, 1.0, 1.1, 1.2)
NAMES = (*(f"G_{s}({r})" for s in "AB" for r in RADII), "Psi_AA(1)", "G_B(0.1)")
PLANTED = ("G_A(1.1)", "G_B(0.9)")
SECTION = {
    "greedy_size": 4,
    "evolved_sizes": [2, 3],
    "population": 12,
    "generations": 3,
    "confirmed": 2,
    "training_sizes": [20, 100],
    "penalties": [0.1, 1.0],
    "rbf_gammas": [0.5],
    "rbf_penalties": [1.0],
    "rbf_examples": 200,
    "network_nodes": [2],
    "network_layers": [1],
    "network_examples": 120,
    "alternatives": False,
    "map_examples": 80,
    "perplexity": 10.0,
    "map_neighbors": 5,
}


def meaning_settings(**changes):
    return MeaningSettings.model_validate({**copy.deepcopy(RAW), "meaning": {**SECTION, **changes}})


def planted_examples(seed=0):
    """Softness is fewer neighbours at two distances, both needed; all else is noise, and one function never varies."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(N, len(NAMES)))
    planted = [NAMES.index(name) for name in PLANTED]
    soft = (features[:, planted].sum(axis=1) + 0.5 * rng.normal(size=N) < 0).astype(int)
    features[:, -1] = 0.0
    segment = np.arange(N) * SEGMENTS // N
    return Examples(features, soft, segment, np.arange(N), np.zeros(N, int), NAMES, f"planted {seed}", 1e-6)


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """A place, a softness of which only C is known, and planted examples."""
    place = Workplace(tmp_path_factory.mktemp("meaning"), meaning_settings())
    return place, SimpleNamespace(training={"C": 0.1}, identity="planted"), planted_examples()


@pytest.fixture(scope="module")
def answers(asked):
    return answers_of(*asked)


def test_the_presets_use_the_trajectories_of_the_softness_study():
    for scale in ("demo", "study", "paper"):
        of_softness, own = softness_preset(scale), preset(scale)
        for key in ("state_points", "simulation", "training"):
            assert own.get(key) == of_softness.get(key)
        assert isinstance(load_meaning_settings(scale), MeaningSettings)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"evolved_sizes": [0]}, "meaning.evolved_sizes .0. must be whole numbers"),
        ({"rbf_gammas": [-1.0]}, "meaning.rbf_gammas .* must be positive"),
        ({"good_triplets": 0.7}, "no setting `meaning.good_triplets`.*Did you mean 'good_triplet'"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(wrong, words):
    with pytest.raises(SettingsError, match=words):
        load_meaning_settings("demo", overrides={"meaning": wrong})


def test_the_planted_pair_is_the_best_one_and_holds_on_other_segments(answers):
    single, pair = answers["subsets"][1], answers["subsets"][2]
    assert names_of_best(single)[0] in PLANTED
    assert sorted(names_of_best(pair)) == sorted(PLANTED)
    best = float(pair["accuracy"].max())
    assert best > float(single["accuracy"].max()) + 0.05
    assert abs(float(pair["judged"]) - best) < 0.05
    assert abs(float(pair["svm_accuracy"][0]) - best) < 0.05


def test_a_function_that_never_varies_is_left_out(asked, answers):
    _, _, examples = asked
    assert len(examples.radial) == 10
    assert "G_B(0.1)" not in answers["subsets"][1]["feature"].values


def test_the_best_triplets_have_the_planted_functions_with_negative_weights(answers):
    found = function_triplets(answers["subsets"][3], 0.5)
    assert found.attrs["n_triplets"] == 120
    assert found.attrs["n_good"] > 60
    for name in PLANTED:
        one = found.sel(neighbor_species=name[2], r=float(name[4:7]))
        assert int(one["top"]) == found.attrs["n_top"]
        assert float(one["weight"]) < 0


def test_both_searches_begin_with_the_planted_functions(answers):
    forward = answers["forward"][None]
    assert forward["functions"].values[1] == " ".join(PLANTED)
    assert answers["evolved"][2]["functions"].values[0] == " ".join(PLANTED)
    gained = np.diff(forward["accuracy"].values)
    assert gained[0] > 0.05
    assert np.abs(gained[1:]).max() < 0.03


def test_the_plane_weighs_only_what_was_planted(answers):
    weights = answers["weights"][None].isel(penalty=0)
    values, errors = (weights[k].values for k in ("weight", "weight_error"))
    planted = [float(weights["weight"].sel(neighbor_species=p[2], r=float(p[4:7]))) for p in PLANTED]
    assert max(planted) < 0
    rest = np.sort(np.abs(values[np.isfinite(values)]))[:-2]
    assert rest.max() < 0.25 * min(np.abs(planted))
    assert np.nanmax(errors) < 0.3 * min(np.abs(planted))


def test_a_kernel_and_a_network_are_no_better_than_the_planted_plane(answers):
    kernel, network = answers["kernel"][0.5], answers["network"][1]
    assert float(kernel["accuracy"][0]) < kernel.attrs["linear"] + 0.05
    assert network["accuracy_fold"].sizes["fold"] == SEGMENTS
    size = answers["training-size"][None]
    assert size["n_per_class"].values.tolist()[:2] == [20, 100]
    assert float(size["accuracy"][-1]) > float(size["accuracy"][0])


def test_maps_tell_planted_classes_apart_and_shuffled_ones_not(answers):
    functions = answers["map"]["structure functions"]
    assert "position" not in functions
    assert float(functions["purity"]) > 0.55 > float(functions["shuffled"]) - 0.05
    assert answers["map"]["t-SNE 2D"]["position"].shape == (160, 2)


def test_every_row_of_the_table_has_events_and_a_source(asked, answers, monkeypatch):
    import vitrify.studies.meaning_collect as collect

    place, trained, examples = asked
    rdf = made_up_rdf()
    monkeypatch.setattr(collect, "examples_of", lambda *_: examples)
    monkeypatch.setattr(collect, "hard_and_soft_rdf", lambda *_: rdf)
    datasets, rows, said = learned_results(place, trained, place.settings, None)
    assert len({row.quantity for row in rows}) == len(rows) > 15
    published = {row.quantity: row for row in rows if row.published}
    assert published["accuracy, best pair of radial functions"].published == "0.77"
    assert published["accuracy, Gaussian kernel, best of 1"].published == "0.904"
    assert published["most negative weight, neighbors A, C = 0.1"].note == "at 1.1: the first peak"
    assert all(row.source for row in published.values())
    assert all(row.events == examples.n_soft for row in rows if row.quantity.startswith("accuracy, best"))
    assert any("300" in words or "particles per class" in words for words in said)
    assert float(datasets["selected_functions"].attrs["all_radial"]) > 0.8
    assert "function_sets" in datasets


def made_up_rdf():
    import xarray as xr

    r = np.arange(0.05, 3, 0.05)
    peak = np.stack([1 + 2 * np.exp(-(((r - p) / 0.1) ** 2)) for p in (1.1, 0.9)])
    g = np.stack([peak, 1.1 * peak, 0.9 * peak], axis=1)
    return xr.Dataset(
        {
            "g": (("neighbor_species", "group", "r"), g),
            "g_error": (("neighbor_species", "group", "r"), 0.01 * g),
        },
        {"neighbor_species": ["A", "B"], "group": ["all", "hard", "soft"], "r": r},
        {"temperature": 0.47},
    )


def test_a_kept_answer_is_read_and_not_found_again(asked, tmp_path, monkeypatch):
    _, trained, examples = asked
    place = Workplace(tmp_path, meaning_settings())
    step = STEPS["forward"]
    first = step.answer(place, trained, examples, None)
    path = tmp_path / "meaning" / "forward.npz"
    bits = path.read_bytes()
    path.unlink()
    assert not step.is_answered(place, trained, examples, None)
    step.answer(place, trained, examples, None)
    assert path.read_bytes() == bits
    monkeypatch.setattr("vitrify.predictors.greedy_selection.GreedySelection.select", None)
    assert step.answer(place, trained, examples, None).identical(first)
    other = Workplace(tmp_path, meaning_settings(greedy_size=3))
    assert not step.is_answered(other, trained, examples, None)


def test_an_answer_of_other_parameters_is_made_again(tmp_path):
    import xarray as xr

    place = Workplace(tmp_path, meaning_settings())
    for value in (1.0, 2.0):
        found = kept(place, "one", {"value": value}, lambda v=value: xr.Dataset({"x": ((), v)}))
        assert float(found["x"]) == value


def test_softness_without_radial_functions_is_refused(place):
    raw = copy.deepcopy(RAW)
    raw["training"]["descriptors"] = "coordination"
    settings = MeaningSettings.model_validate(raw)
    with pytest.raises(ParameterError, match="must have radial functions"):
        examples_of(Workplace(place.out, settings))


def test_examples_of_the_dry_run_are_those_of_its_softness(place):
    settings = MeaningSettings.model_validate(RAW)
    examples = examples_of(Workplace(place.out, settings))
    assert examples.names == ("G_A(1.1)", "G_A(1.5)", "G_B(1.1)", "G_B(1.5)")
    assert examples.n_soft * 2 == len(examples.soft)
    fewer = examples.thinned(20, 1)
    assert fewer.soft.sum() == 10
    assert np.array_equal(fewer.features, examples.thinned(20, 1).features)


def test_a_cell_chosen_by_chance_is_judged_at_chance():
    import xarray as xr

    folds = np.random.default_rng(0).normal(0.5, 0.05, size=(400, 6))
    found, error = judged_choice([xr.Dataset({"accuracy_fold": (("cell", "fold"), folds)})])
    assert folds.mean(axis=1).max() > 0.54
    assert abs(found - 0.5) < 3 * 0.05 / np.sqrt(6)
    assert error > 0


def test_values_outside_are_said_to_be_so():
    assert expected(0.9, (0.6, 0.8)).endswith("above")
    assert expected(float("nan"), (0.6, 0.8)).endswith("not measured")


def test_functions_lie_on_the_grid_of_species_and_radii():
    found = on_grid(["G_B(0.9)", "G_A(1.1)"], {"x": [1.0, 2.0]})
    assert float(found["x"].sel(neighbor_species="B", r=0.9)) == 1.0
    assert np.isnan(float(found["x"].sel(neighbor_species="B", r=1.1)))


def test_a_scan_without_enough_segments_judges_nothing(asked):
    place, trained, examples = asked
    two = Examples(
        examples.features,
        examples.soft,
        np.arange(N) % 2,
        examples.frame,
        examples.particle,
        NAMES,
        "two",
        1e-6,
    )
    found = scanned(place, trained, two, 1)
    assert np.isnan(float(found["judged"]))
    assert np.isfinite(found["accuracy"].values).all()
