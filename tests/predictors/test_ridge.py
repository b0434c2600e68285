import json

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from vitrify.descriptors.coordination import Coordination
from vitrify.errors import (
    ParameterError,
    ShapeError,
    StoreError,
    StoreVersionError,
    TooFewEventsError,
    UnknownNameError,
)
from vitrify.particles import Box, Frame
from vitrify.predictors.learning_curve import learning_curve
from vitrify.predictors.normal_equations import equations_by_species, normal_equations
from vitrify.predictors.ridge import RidgeRegression, configuration_folds
from vitrify.predictors.trained_ridge import TrainedRidge

WEIGHTS = np.array([0.5, -0.2, 0.0, 0.1, 0.0, 0.3])


def planted(n_configurations=6, n=200, noise=0.5, seed=0, far=0.0):
    """Configurations whose target is linear in the features, with a mean of its own each."""
    rng = np.random.default_rng(seed)
    found = []
    for k in range(n_configurations):
        x = rng.normal(size=(n, len(WEIGHTS))) * [1, 2, 1, 5, 1, 0.1] + far + rng.normal(size=len(WEIGHTS))
        found.append((f"c{k}", x, x @ WEIGHTS + noise * rng.normal(size=n)))
    return found


def named(blocks, **rest):
    return normal_equations(blocks, [f"x{k}" for k in range(blocks[0][1].shape[1])], **rest)


def stacked(blocks):
    return np.concatenate([b[1] for b in blocks]), np.concatenate([b[2] for b in blocks])


@pytest.mark.parametrize("strength", [0.0, 3.0, 1e4])
def test_it_is_ridge_regression_on_standardised_features(strength):
    blocks = planted()
    x, y = stacked(blocks)
    ours = RidgeRegression((strength,)).fit(named(blocks))
    scaler = StandardScaler().fit(x)
    theirs = Ridge(alpha=strength, solver="svd").fit(scaler.transform(x), y)
    np.testing.assert_allclose(ours.weights, theirs.coef_, atol=1e-11)
    np.testing.assert_allclose(ours.predict(x), theirs.predict(scaler.transform(x)), atol=1e-11)


def test_without_penalty_it_is_least_squares():
    blocks = planted(noise=0.3)
    x, y = stacked(blocks)
    solution = np.linalg.lstsq(np.column_stack([x, np.ones(len(x))]), y, rcond=None)[0]
    for strength in (0.0, 1e-9):
        model = RidgeRegression((strength,)).fit(named(blocks))
        np.testing.assert_allclose(model.weights / model.scale, solution[:-1], atol=1e-9)


def test_of_collinear_features_without_penalty_the_shortest_weights_are_taken():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(100, 2))
    model = RidgeRegression((0.0,)).fit(named([("a", x[:, [0, 0, 1]], x[:, 0])]))
    assert model.weights[0] == pytest.approx(model.weights[1], rel=1e-9)
    np.testing.assert_allclose(model.predict(x[:, [0, 0, 1]]), x[:, 0], atol=1e-10)


@pytest.mark.parametrize("far", [0.0, 1e4])
def test_leaving_configurations_out_is_refitting(far):
    blocks = planted(far=far)
    whole = named(blocks)
    for kept in ([0, 1, 2, 3, 5], [4], [1, 2, 4, 5], [0, 3]):
        again = named([blocks[k] for k in kept])
        for within in (False, True):
            ridge = RidgeRegression((2.0,), within=within)
            left, fitted = ridge.fit(whole, kept), ridge.fit(again)
            np.testing.assert_allclose(left.weights, fitted.weights, atol=1e-10)
            np.testing.assert_allclose(left.mean, fitted.mean, rtol=1e-12)
            assert left.bias == pytest.approx(fitted.bias, rel=1e-10)


def test_blocks_and_their_order_do_not_matter():
    blocks = planted()
    cut = [(k, x[i : i + 37], y[i : i + 37]) for k, x, y in blocks for i in range(0, len(x), 37)]
    whole, parts = named(blocks), named(cut)
    assert parts.configurations == whole.configurations
    np.testing.assert_allclose(parts.moments().covariance, whole.moments().covariance, rtol=1e-12, atol=1e-12)


def test_a_species_is_fitted_by_its_own_particles():
    blocks = planted()
    species = np.tile(["A", "B"], 100)
    mixed = [(k, x, np.where(species == "A", y, -3 * y), species) for k, x, y in blocks]
    found = equations_by_species(mixed, [f"x{k}" for k in range(6)])
    assert list(found) == ["A", "B"]
    for s in found:
        alone = named([(k, x[species == s], y[species == s]) for k, x, y, _ in mixed])
        models = [RidgeRegression((2.0,)).fit(e) for e in (found[s], alone)]
        np.testing.assert_allclose(models[0].weights, models[1].weights, atol=1e-12)


def test_agreement_from_sums_is_that_of_the_particles():
    blocks = planted(far=30.0)
    equations = named(blocks)
    model = RidgeRegression((5.0,)).fit(equations, [0, 1, 2])
    weights = (model.weights / model.scale)[:, None]
    bias = np.array([model.bias]) - model.mean @ weights
    r, error = equations.agreement(4, weights, bias, np.array([0]))
    predicted = model.predict(blocks[4][1])
    assert r[0] == pytest.approx(np.corrcoef(predicted, blocks[4][2])[0, 1], abs=1e-11)
    assert error[0] == pytest.approx(np.mean((predicted - blocks[4][2]) ** 2), rel=1e-9)


def test_a_planted_noise_is_the_error_on_what_was_left_out():
    equations = named(planted(n_configurations=10, n=400, noise=0.5))
    held_out = RidgeRegression().cross_validate(equations)
    assert held_out.scores["squared_error"].mean().item() == pytest.approx(0.25, rel=0.06)
    assert held_out.scores["pearson"].attrs["units"] == "1"


def test_scores_are_those_of_models_that_saw_neither_the_configuration_nor_its_choice():
    blocks = planted()
    held_out = RidgeRegression().cross_validate(named(blocks), n_folds=3)
    for k, (label, x, y) in enumerate(blocks):
        model = held_out.model(label)
        assert label not in model.training["configurations"]
        rest = [b for b in blocks if b[0] in model.training["configurations"]]
        assert RidgeRegression().fit(named(rest)).strength == model.strength
        expected = np.corrcoef(model.predict(x), y)[0, 1]
        assert held_out.scores["pearson"][k, 0].item() == pytest.approx(expected, abs=1e-10)


def test_a_shuffled_configuration_does_not_change_its_own_strength():
    blocks = planted()
    label, x, y = blocks[0]
    spoilt = [(label, x, np.random.default_rng(5).permutation(y) * 50), *blocks[1:]]
    first, second = (RidgeRegression().cross_validate(named(b), n_folds=6) for b in (blocks, spoilt))
    np.testing.assert_allclose(first.model(label).weights, second.model(label).weights, atol=1e-8)
    assert first.scores["pearson"].sel(configuration=label) > 0.6
    assert abs(second.scores["pearson"].sel(configuration=label)) < 0.3


def test_noise_is_penalised_more_than_a_clear_line():
    rng = np.random.default_rng(1)
    clear = named(planted(noise=0.01))
    noise = named([(k, rng.normal(size=(60, 30)), rng.normal(size=60)) for k in range(6)])
    ridge = RidgeRegression(criterion="error")
    assert ridge.fit(clear).strength < 10
    assert ridge.fit(noise).strength > 300


def test_several_targets_are_fitted_as_each_alone():
    blocks = planted()
    double = [(k, x, np.column_stack([y, x[:, 0] ** 2])) for k, x, y in blocks]
    both = named(double, target_names=("y", "z"))
    held_out = RidgeRegression().cross_validate(both, n_folds=3)
    for t in range(2):
        alone = RidgeRegression().cross_validate(named([(k, x, y[:, t]) for k, x, y in double]), n_folds=3)
        np.testing.assert_allclose(held_out.scores["pearson"][:, t], alone.scores["pearson"][:, 0], atol=1e-9)
        assert held_out.models[0][t].target == "yz"[t]


def test_a_factor_for_an_order_is_a_penalty_of_its_own():
    blocks = planted()
    x, y = stacked(blocks)
    names = [f"avg{k % 3}[x{k}]" if k % 3 else f"x{k}" for k in range(6)]
    model = RidgeRegression((4.0,), ((1.0, 10.0, 0.5),)).fit(normal_equations(blocks, names))
    z, factors = (x - x.mean(axis=0)) / x.std(axis=0), np.array([1, 10, 0.5, 1, 10, 0.5])
    expected = np.linalg.solve(z.T @ z + 4.0 * np.diag(factors), z.T @ (y - y.mean()))
    np.testing.assert_allclose(model.weights, expected, atol=1e-11)


def test_factors_are_chosen_on_what_was_left_out():
    rng = np.random.default_rng(2)
    blocks = []
    for k in range(8):
        x = rng.normal(size=(60, 40))
        blocks.append((k, x, x[:, 0] + rng.normal(size=60)))
    names = ["x0", *(f"avg1[x{k}]" for k in range(1, 40))]
    equations = normal_equations(blocks, names)
    ridge = RidgeRegression(order_factors=((1.0, 1.0), (1.0, 1e4), (1e4, 1.0)))
    assert ridge.fit(equations).training["factors"] == "1:10000"
    scores = ridge.validate(equations)["pearson"].mean("configuration")
    assert scores.sel(factors="1:10000").max() > scores.sel(factors="1:1").max()


def test_unused_features_are_named_and_weigh_nothing():
    blocks = planted()
    for _, x, _ in blocks:
        x[:, 2] = 0.1 + 0.2  # not a round number
        x[:, 4] = 0.0
    blocks[1][1][7, 4] = 1e-9
    model = RidgeRegression().fit(named(blocks))
    assert model.unused == {"x2": "does not vary", "x4": "1.0 particles carry its variance"}
    assert model.weights[2] == model.weights[4] == 0
    without = RidgeRegression().fit(named(blocks), [0, 2, 3, 4, 5])
    assert without.unused["x4"] == "does not vary"


def test_differences_within_configurations_ignore_their_means():
    blocks = [(k, x, y + 100 * k) for k, (_, x, y) in enumerate(planted())]
    moved = named(blocks)
    plain = RidgeRegression((1.0,), within=True).fit(named(planted()))
    np.testing.assert_allclose(
        RidgeRegression((1.0,), within=True).fit(moved).weights, plain.weights, atol=1e-9
    )


def test_a_single_configuration_gets_the_strength_per_particle():
    model = RidgeRegression(strength_alone=0.2).fit(named(planted()), [3])
    assert model.strength == pytest.approx(0.2 * 200)
    assert np.isnan(RidgeRegression().cross_validate(named(planted(2)), 2).scores["validation"]).all()


def test_more_configurations_predict_better():
    rng = np.random.default_rng(4)
    blocks = []
    for k in range(10):
        x = rng.normal(size=(40, 30))
        blocks.append((k, x, x.sum(axis=1) / 5 + rng.normal(size=40)))
    curve = learning_curve(named(blocks), RidgeRegression(), (1, 2, 8), n_subsets=4)
    assert (np.diff(curve["pearson_mean"]) > 0).all()
    assert curve["n_subsets"].max("configuration").values.tolist() == [4, 4, 1]
    same = RidgeRegression().cross_validate(named(blocks)).scores["pearson"][:, 0]
    np.testing.assert_allclose(curve["pearson"].sel(n_training=8), same, atol=1e-12)
    assert (curve["pearson_subsets"].sel(n_training=1) > 0).all()


def test_folds_divide_configurations_evenly():
    drawn = configuration_folds(11, 3, seed=1)
    assert sorted(np.bincount(drawn)) == [3, 4, 4]
    assert not np.array_equal(drawn, configuration_folds(11, 3))
    assert np.array_equal(drawn, configuration_folds(11, 3, seed=1))


def test_a_saved_model_gives_the_same_bits(tmp_path):
    model = RidgeRegression().fit(named(planted()), species_names=("A", "B"), centre_species="A")
    model.save(tmp_path / "ridge.json")
    again = TrainedRidge.load(tmp_path / "ridge.json")
    assert again == model
    assert again.identity == model.identity
    rows = planted(1, seed=9)[0][1]
    assert np.array_equal(again.predict(rows), model.predict(rows))
    assert np.array_equal(model.predict(rows[:7]), model.predict(rows)[:7])


def test_a_model_describes_a_frame_itself():
    rng = np.random.default_rng(0)
    frame = Frame(rng.uniform(0, 4, (60, 3)), np.arange(60) % 2, Box.orthorhombic([4.0] * 3))
    descriptor = Coordination()
    features = descriptor.evaluate(frame, frame.of_species("A"))
    names = descriptor.feature_names(frame.species_names)
    model = RidgeRegression((1.0,), fewest=2).fit(
        normal_equations([("a", features, features[:, 0])], names),
        descriptors=descriptor.to_dict(),
        species_names=frame.species_names,
        centre_species="A",
    )
    assert np.array_equal(model.predict_frame(frame), model.predict(features))
    with pytest.raises(ParameterError, match="was trained on the species A, B"):
        model.predict_frame(Frame(frame.positions, frame.species * 0, frame.box))


def test_what_is_no_model_is_refused(tmp_path):
    path = tmp_path / "ridge.json"
    TrainedRidge([1.0], 0.0, [0.0], [1.0], ["x"], 1.0).save(path)
    text = path.read_text(encoding="utf-8")
    content = json.loads(text)
    for wrong, match in (
        (text.replace("1.0", "1.5", 1), "was edited or damaged"),
        (text[:-20], "ends in the middle"),
        (json.dumps({**content, "format": "other"}), "its format is 'other'"),
        (json.dumps([]), "its format is 'list'"),
    ):
        path.write_text(wrong, encoding="utf-8")
        with pytest.raises(StoreError, match=match):
            TrainedRidge.load(path)
    path.write_text(json.dumps({**content, "version": 99}), encoding="utf-8")
    with pytest.raises(StoreVersionError, match="Update vitrify"):
        TrainedRidge.load(path)
    with pytest.raises(StoreError, match="cannot be read"):
        TrainedRidge.load(tmp_path / "absent.json")


def test_bad_input_is_named():
    x = np.random.default_rng(0).normal(size=(5, 1))
    y = x[:, 0]
    with pytest.raises(ParameterError, match="Two features are called 'x'"):
        normal_equations([("a", x, y)], ["x", "x"])
    with pytest.raises(ShapeError, match=r"configuration 'a' must have shape \(n, 2\)"):
        normal_equations([("a", x, y)], ["x", "y"])
    with pytest.raises(ShapeError, match="one row per particle"):
        normal_equations([("a", x, y[:3])], ["x"])
    with pytest.raises(ParameterError, match="'x' of particle 3 of configuration 'a' is nan"):
        normal_equations([("a", np.where(x == x[3], np.nan, x), y)], ["x"])
    with pytest.raises(TooFewEventsError, match="'a' has 2 particles"):
        normal_equations([("a", x[:2], y[:2])], ["x"])
    with pytest.raises(ShapeError, match="a row a particle"):
        equations_by_species([("a", x, y, ["A"])], ["x"])
    with pytest.raises(TooFewEventsError, match="`blocks` is empty"):
        normal_equations([], ["x"])
    equations = normal_equations([("a", x, y), ("b", x, 0 * y)], ["x"])
    with pytest.raises(UnknownNameError, match="No configuration is called 'c'"):
        equations.index(["c"])
    with pytest.raises(ParameterError, match="the same for all 5 particles of configuration 'b'"):
        RidgeRegression(fewest=1).fit(equations)
    with pytest.raises(ParameterError, match="None of the 1 features varies"):
        RidgeRegression().fit(normal_equations([("a", 0 * x, y)], ["x"]))
    with pytest.raises(TooFewEventsError, match="`n_folds` is 5 for 2 configurations"):
        RidgeRegression().cross_validate(equations)
    with pytest.raises(TooFewEventsError, match="takes at least two; there are 1"):
        RidgeRegression().validate(equations, [0])
    with pytest.raises(TooFewEventsError, match="none is left"):
        RidgeRegression().fit(equations, [])
    with pytest.raises(TooFewEventsError, match="between 1 and 1"):
        learning_curve(equations, RidgeRegression(), (2,), n_folds=2)


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"strengths": ()}, "`strengths` must be"),
        ({"strengths": (-1.0,)}, "`strengths` must be"),
        ({"order_factors": ((0.0,),)}, "`order_factors` must be"),
        ({"criterion": "r2"}, "`criterion` must be"),
        ({"n_folds": 1}, "`n_folds` must be"),
        ({"fewest": 0}, "`fewest` must be"),
        ({"strength_alone": np.nan}, "`strength_alone` must be"),
    ],
)
def test_bad_parameters_are_named(parameters, match):
    with pytest.raises(ParameterError, match=match):
        RidgeRegression(**parameters)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"mean": [0.0, 1.0]}, ShapeError, "one entry per feature"),
        ({"weights": [np.nan]}, ParameterError, "not finite"),
        ({"scale": [0.0]}, ParameterError, "`scale` positive"),
        ({"strength": -1.0}, ParameterError, "`strength` must be"),
        ({"positions": "frozen"}, ParameterError, "`positions` must be"),
        ({"centre_species": "C"}, ParameterError, "none of the species"),
    ],
)
def test_a_model_that_cannot_be_is_refused(change, error, match):
    good = {
        "weights": [1.0],
        "bias": 0.0,
        "mean": [0.0],
        "scale": [1.0],
        "feature_names": ["x"],
        "strength": 1.0,
    }
    with pytest.raises(error, match=match):
        TrainedRidge(**{**good, **change})


def test_a_model_without_descriptors_says_so():
    frame = Frame([[0.0, 0.0]], [0], Box.orthorhombic([4.0, 4.0]))
    with pytest.raises(ParameterError, match="which `descriptors` made its features"):
        TrainedRidge([1.0], 0.0, [0.0], [1.0], ["x"], 1.0).predict_frame(frame)
