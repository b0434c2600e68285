"""The propensity study on planted data: what is known of each particle comes back on configurations that were left out."""

import json
from pathlib import Path

import numpy as np
import pytest

from vitrify.descriptors.radial_density import RadialDensity
from vitrify.errors import SettingsError, StoreError
from vitrify.particles import Box, Frame
from vitrify.progress import Silent
from vitrify.readers.propensity import read_propensity
from vitrify.report.results import SoftnessResults
from vitrify.studies.propensity import run_propensity
from vitrify.studies.propensity_features import Table, features_of, motion_names, names_of, read_described
from vitrify.studies.propensity_predictions import mean_of
from vitrify.studies.propensity_regression import (
    Case,
    cases_of,
    columns_of,
    read_regressions,
    relaxation_index,
    scattering_of,
)
from vitrify.studies.propensity_results import relaxation_time
from vitrify.studies.propensity_samples import PropensityPlace, samples_of
from vitrify.studies.propensity_settings import load_hard_sphere_settings, load_propensity_settings

N_CELLS, K, M = 5, 5, 12
LENGTH = 5.2


def planted(rng):
    """A jittered lattice whose A particles move further the more B stand 1.1 from them; B do as they like."""
    grid = np.stack(np.meshgrid(*[np.arange(N_CELLS)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    positions = (grid + 0.5) * LENGTH / N_CELLS + rng.normal(0, 0.12, (N_CELLS**3, 3))
    types = rng.permutation(np.arange(N_CELLS**3) % 4 == 0).astype(int)
    frame = Frame(positions, types, Box.orthorhombic([LENGTH] * 3), ("A", "B"))
    near = RadialDensity((1.1,), delta=0.025).evaluate(frame)[:, 1]
    goes = np.where(types == 0, 0.3 + 0.5 * near, 0.4)
    directions = rng.normal(size=(M, N_CELLS**3, 3))
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    steps = goes[None, :, None] * rng.uniform(0.9, 1.1, (M, N_CELLS**3, 1)) * directions
    return frame, positions + steps


def write(folder, n):
    rng = np.random.default_rng(4)
    folder.mkdir()
    for k in range(n):
        frame, ends = planted(rng)
        np.savez(
            folder / f"sample_T0.5_{k}.npz",
            types=frame.species,
            initial_positions=frame.positions,
            positions=ends,
            box=[LENGTH] * 3,
        )
    return folder


def settings_for(data, **overrides):
    raw = {
        "source": {"data": str(data), "time": 10.0, "temperature": 0.5},
        "structure": {"positions": ["thermal"], "order": 0},
        "regression": {
            "network_positions": ["thermal"],
            "strengths": [0.001, 0.1],
            "folds": 5,
            "inner_folds": 2,
            "selected": 4,
            "splits": 4,
            "subsets": 2,
            "permutations": 10,
        },
    }
    return load_propensity_settings("demo", 1.2, None, {k: raw[k] | overrides.get(k, {}) for k in raw})


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write(tmp_path_factory.mktemp("data") / "set", K)


@pytest.fixture(scope="module")
def study(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("propensity") / "out"
    run_propensity(
        settings_for(data, source={"transfer": str(data / "sample_T0.5_0.npz")}), out, Silent(), workers=1
    )
    return out


@pytest.fixture(scope="module")
def results(study):
    return SoftnessResults.load(study / "results")


def test_what_moves_the_particles_is_found_on_configurations_that_were_left_out(results):
    scores = results.datasets["propensity_scores"]
    of_a = scores.sel(case="thermal LR(0)", species="A", time=10.0)
    assert of_a["pearson"] > 0.85
    assert of_a["pearson_error"] < 0.05
    assert scores.sel(case="thermal LR(0) angular", species="A", time=10.0)["pearson"] < of_a["pearson"] - 0.2


def test_particles_that_no_structure_moves_cannot_be_predicted(results):
    of_b = results.datasets["propensity_scores"].sel(case="thermal LR(0)", species="B", time=10.0)
    assert abs(of_b["pearson"]) < 0.35


def test_a_neural_network_has_its_row_and_sees_what_moves_the_particles(results):
    scores = results.datasets["propensity_scores"].sel(case="thermal MLP(0)", time=10.0)
    assert scores["pearson"].sel(species="A") > 0.35 > abs(scores["pearson"].sel(species="B"))
    assert any(row.quantity == "Pearson's r, thermal MLP(0), A" for row in results.table)


def test_the_planted_function_is_the_first_that_is_selected(results):
    curves = results.datasets["propensity_selection"].sel(kind="thermal", species="A")
    assert str(curves["feature"].values[0]) == "G_B(1.1; 0.025)"
    assert curves["pearson"].values[0] > 0.9


def test_the_ceiling_is_near_one_where_runs_agree_and_shuffled_labels_give_nothing(results):
    ceiling = results.datasets["propensity_ceiling"].sel(species="A")
    assert 0.9 < ceiling["ceiling"].item() <= 1.0
    shuffled = next(row for row in results.table if row.quantity == "the same with shuffled labels, A")
    assert abs(shuffled.value) < 5 * shuffled.error_low


def test_transfer_knows_a_configuration_that_it_learned_from(results):
    transfer = results.datasets["propensity_transfer"]
    assert transfer["pearson"].sel(case="thermal LR(0)", species="A").item() > 0.9


def test_the_same_command_again_leaves_every_byte(study, data):
    kept = {p: p.read_bytes() for p in sorted(study.rglob("*")) if p.is_file()}
    run_propensity(
        settings_for(data, source={"transfer": str(data / "sample_T0.5_0.npz")}), study, Silent(), workers=1
    )
    assert {p: p.read_bytes() for p in sorted(study.rglob("*")) if p.is_file()} == kept


def test_held_out_predictions_are_of_models_that_have_not_seen_the_configuration(study, data):
    """A configuration of other labels changes what is predicted of the others, not what is predicted of itself."""
    arrays = read_regressions(study / "regression" / "thermal.npz")
    found = np.stack([arrays[f"thermal LR(0)|A|{k}"].shape for k in range(K)])
    assert (found[:, 0] == 1).all()
    samples = read_propensity(data, time=10.0)
    r = [
        np.corrcoef(arrays[f"thermal LR(0)|A|{k}"][0], s.of_species("A")[0])[0, 1]
        for k, s in enumerate(samples)
    ]
    scores = json.loads((study / "results" / "results.json").read_text())
    row = next(row for row in scores["table"] if row["quantity"] == "Pearson's r, thermal LR(0), A")
    assert row["value"] == pytest.approx(np.mean(r), abs=1e-9)


def test_fewer_configurations_than_folds_are_refused(tmp_path):
    few = write(tmp_path / "few", 2)
    with pytest.raises(SettingsError, match=r"holds 2 configurations; leaving them out in 5 groups"):
        samples_of(PropensityPlace(tmp_path / "out", settings_for(few)), Silent())


def test_missing_structure_says_what_to_do(tmp_path, data):
    place = PropensityPlace(tmp_path, settings_for(data))
    with pytest.raises(StoreError, match=r"thermal-000\.npz is missing or damaged .* run the study again"):
        read_described(place, "thermal", 0, read_propensity(data, time=10.0)[0].frame)


def test_hard_spheres_have_no_inherent_structures():
    with pytest.raises(SettingsError, match="hard spheres have no inherent structures"):
        load_hard_sphere_settings("demo", 0.55, None, {"structure": {"positions": ["inherent"]}})


def test_an_unknown_scale_is_refused():
    with pytest.raises(SettingsError, match="No scale is called 'huge'"):
        load_propensity_settings("huge")


def test_features_have_the_names_that_are_told(study, data):
    settings = settings_for(data)
    place, frame = PropensityPlace(study, settings), read_propensity(data, time=10.0)[0].frame
    table = Table(("thermal",), 1)
    names = names_of(settings, table, frame.species_names)
    values = features_of(place, table, 0, frame)
    assert values.shape == (frame.n_particles, len(names)) == (N_CELLS**3, 784)
    direct = RadialDensity((1.1,), delta=0.025).evaluate(frame)[:, 1]
    assert np.allclose(values[:, names.index("G_B(1.1; 0.025)")], direct, atol=1e-5)


def test_motion_is_between_all_pairs_of_positions_and_about_the_means():
    settings = load_propensity_settings("demo")
    assert motion_names(settings)[::2] == (
        "|thermal-inherent|",
        "|thermal-cage|",
        "|inherent-cage|",
        "u(cage)",
    )
    assert [c.label for c in cases_of(settings, "cage")][-1] == "cage LR(3) + motion"


def test_columns_are_of_the_part_and_order_that_a_case_may_use():
    names = ["G_A(1)", "q_4(1)", "avg1[G_A(1)]", "avg2[q_4(1)]", "u", "avg1[u]"]
    assert columns_of(Case("cage", 1), names, ["u"]).tolist() == [0, 1, 2]
    assert columns_of(Case("cage", 2, "angular"), names, ["u"]).tolist() == [1, 3]
    assert columns_of(Case("cage", 1, motion=True), names, ["u"]).tolist() == [0, 1, 2, 4, 5]


def test_a_mean_stands_for_the_largest_case_of_each_kind():
    cases = [Case("inherent", 2), Case("inherent", 3, "radial"), Case("inherent", 3), Case("cage", 3)]
    assert mean_of("mean of inherent, cage", cases) == ["inherent LR(3)", "cage LR(3)"]
    assert mean_of("cage LR(3)", cases) == ["cage LR(3)"]


def test_the_relaxation_time_is_where_the_scattering_function_falls_through_1_over_e(data):
    samples = read_propensity(data, time=10.0)
    k = 7.25
    known = scattering_of(samples, k)
    r = np.concatenate([s.displacements[0][:, s.frame.species == 0].ravel() for s in samples])
    assert known[0] == pytest.approx((np.sin(k * r) / (k * r)).mean(), rel=1e-3)
    assert relaxation_index(samples, k) == 0
    times = np.array([1.0, 2.0, 4.0])
    assert relaxation_time(times, np.exp([-0.5, -1.0, -2.0])) == pytest.approx(2.0)
    assert np.isnan(relaxation_time(times, np.array([0.9, 0.8, 0.7])))


@pytest.mark.slow
@pytest.mark.parametrize("system", ["kob-andersen", "hard-spheres"])
def test_a_killed_study_of_own_runs_goes_on_with_the_same_bits(system, tmp_path, monkeypatch):
    load = load_propensity_settings if system == "kob-andersen" else load_hard_sphere_settings
    small = {
        "runs": {"n_particles": 500, "n_configurations": 3, "n_runs": 3, "hold_time": 5.0, "apart": 2.0, "shortest": 0.5,
                 "longest": 2.0, "per_decade": 2.0, "leg_ends": (1.0,)},
        "structure": {"order": 1, "cage_sweeps": 20, "cage_equilibration": 10},
        "regression": {"folds": 3, "inner_folds": 2, "selected": 3, "splits": 2, "subsets": 1, "permutations": 3},
    }  # fmt: skip
    settings = load("demo", 1.2 if system == "kob-andersen" else 0.5, None, small)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    run_propensity(settings, whole, Silent(), workers=1)
    import vitrify.studies.propensity_samples as samples

    done, count = samples.do_unit, [0]

    def dies(ensemble, unit):
        count[0] += 1
        if count[0] == 5:
            raise KeyboardInterrupt
        return done(ensemble, unit)

    monkeypatch.setattr(samples, "do_unit", dies)
    with pytest.raises(KeyboardInterrupt):
        run_propensity(settings, cut, Silent(), workers=1)
    run_propensity(settings, cut, Silent(), workers=1)
    for kind in settings.structure.positions:
        a, b = (read_regressions(Path(out) / "regression" / f"{kind}.npz") for out in (whole, cut))
        assert a.keys() == b.keys()
        assert all(np.array_equal(a[name], b[name]) for name in a)
