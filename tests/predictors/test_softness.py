import numpy as np
import pytest
from sklearn.svm import SVC

from vitrify.errors import ConvergenceError, ParameterError
from vitrify.predictors.softness import Softness, cross_validate, select_C


def examples(n=600, m=8, seed=0, signal=0.8):
    rng = np.random.default_rng(seed)
    labels = np.tile([1, -1], n // 2)
    features = rng.normal(size=(n, m)) * np.geomspace(0.01, 100, m) + 5.0
    features[:, 2] += signal * labels * 0.01 * 10 ** (4 * 2 / (m - 1))
    return features, labels


def test_softness_is_the_decision_function_of_libsvm_on_standardised_features():
    features, labels = examples()
    model = Softness(C=0.7).fit(features, labels)
    standardised = (features - features.mean(axis=0)) / features.std(axis=0)
    machine = SVC(kernel="linear", C=0.7).fit(standardised, labels)
    np.testing.assert_allclose(
        model.decision_function(features), machine.decision_function(standardised), rtol=1e-9, atol=1e-9
    )
    assert np.array_equal(model.predict(features), machine.predict(standardised))


def test_separable_examples_have_softness_plus_and_minus_one_on_the_margin():
    features = np.array([[-3.0], [-1.0], [1.0], [4.0]])
    model = Softness(C=1e6).fit(features, [-1, -1, 1, 1])
    np.testing.assert_allclose(model.decision_function([[-1.0], [1.0]]), [-1, 1], atol=1e-3)


def test_shifting_and_scaling_features_does_not_change_softness():
    features, labels = examples()
    model = Softness(tol=1e-6).fit(features, labels)
    rng = np.random.default_rng(1)
    other = features * rng.uniform(0.1, 10, 8) + rng.normal(size=8)
    again = Softness(tol=1e-6).fit(other, labels)
    np.testing.assert_allclose(
        again.decision_function(other), model.decision_function(features), rtol=1e-3, atol=1e-4
    )


def test_constant_columns_get_no_weight_and_change_nothing():
    features, labels = examples()
    padded = np.insert(features, [0, 4], [[0.1, 7.0]], axis=1)
    plain, model = Softness().fit(features, labels), Softness().fit(padded, labels)
    assert model.coef_[0, [0, 5]].tolist() == [0.0, 0.0]
    assert np.array_equal(model.decision_function(padded), plain.decision_function(features))
    padded[:, 0] = 1e9
    assert np.array_equal(model.decision_function(padded), plain.decision_function(features))


def test_liblinear_with_the_hinge_finds_libsvms_plane_and_the_squared_hinge_another():
    features, labels = examples(n=400, m=20, signal=0.4)
    planes = {}
    for solver, loss in (("svc", "hinge"), ("linear_svc", "hinge"), ("linear_svc", "squared_hinge")):
        w = Softness(solver=solver, loss=loss, tol=1e-5, random_state=0).fit(features, labels).coef_[0]
        planes[solver, loss] = w / np.linalg.norm(w)
    assert planes["svc", "hinge"] @ planes["linear_svc", "hinge"] > 0.999
    assert 0.8 < planes["svc", "hinge"] @ planes["linear_svc", "squared_hinge"] < 0.999


def test_any_two_labels_will_do_and_the_larger_is_soft():
    features, labels = examples()
    model = Softness().fit(features, np.where(labels > 0, "soft", "hard"))
    assert model.classes_.tolist() == ["hard", "soft"]
    assert np.array_equal(
        model.decision_function(features), Softness().fit(features, labels).decision_function(features)
    )


@pytest.mark.parametrize(("solver", "limit"), [("svc", 5), ("linear_svc", 2)])
def test_a_plane_that_has_not_converged_is_an_error(solver, limit):
    features, labels = examples()
    message = (
        f"did not converge within `max_iter` = {limit} iterations for 600 examples, 8 features and C = 1"
    )
    with pytest.raises(ConvergenceError, match=message):
        Softness(solver=solver, max_iter=limit, tol=1e-9).fit(features, labels)


def test_parameters_that_do_not_go_together_are_named():
    features, labels = examples(20)
    with pytest.raises(ParameterError, match="'svc' knows the `loss` hinge; it is 'squared_hinge'"):
        Softness(loss="squared_hinge").fit(features, labels)
    with pytest.raises(ParameterError, match="`solver` must be one of svc, linear_svc; it is 'rbf'"):
        Softness(solver="rbf").fit(features, labels)
    with pytest.raises(ParameterError, match="`C` must be positive; it is 0"):
        Softness(C=0).fit(features, labels)


def test_nothing_to_learn_from_is_named():
    with pytest.raises(ParameterError, match="All 3 columns of `X` are constant"):
        Softness().fit(np.ones((4, 3)), [1, -1, 1, -1])
    with pytest.raises(ParameterError, match="it holds one class, 1"):
        Softness().fit(np.eye(4), [1, 1, 1, 1])


def test_held_out_accuracy_is_not_fooled_by_what_segments_share():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(12), 20)
    labels = np.where(np.arange(12) % 2 == 0, 1, -1)[groups]
    features = rng.normal(size=(12, 30))[groups] + 0.01 * rng.normal(size=(240, 30))
    assert Softness().fit(features, labels).score(features, labels) == 1.0
    assert cross_validate(features, labels, groups).accuracy < 0.85


def test_cross_validation_reports_its_folds_and_counts():
    features, labels = examples(480)
    result = cross_validate(features, labels, np.repeat(np.arange(8), 60), n_splits=4)
    assert result.accuracy == np.mean(result.per_fold)
    assert result.standard_error == pytest.approx(np.std(result.per_fold, ddof=1) / 2)
    assert (len(result.per_fold), result.n, result.n_events, result.n_groups) == (4, 480, 240, 8)
    assert result.to_dict()["n_events"] == 240


def test_fewer_segments_than_folds_is_an_error():
    features, labels = examples(40)
    with pytest.raises(ParameterError, match=r"`n_splits` = 6 needs .* `groups` names 2"):
        cross_validate(features, labels, np.arange(40) % 2)


def test_the_smallest_of_equally_good_C_is_chosen():
    features = np.array([[-2.0], [-1.5], [1.5], [2.0]] * 6)
    labels = np.array([-1, -1, 1, 1] * 6)
    choice = select_C(features, labels, np.repeat(np.arange(6), 4), [10.0, 0.1, 1.0], n_splits=3)
    assert choice.candidates == (0.1, 1.0, 10.0)
    assert [r.accuracy for r in choice.results] == [1.0, 1.0, 1.0]
    assert choice.C == 0.1


def test_a_choice_among_nothing_is_refused():
    with pytest.raises(ParameterError, match="`candidates` is empty"):
        select_C(*examples(20), np.arange(20), [])
