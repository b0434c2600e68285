import numpy as np
import pytest
import xarray as xr
from scipy import stats

from vitrify.errors import ParameterError, ShapeError, TooFewEventsError
from vitrify.predictors.noise_ceiling import noise_ceiling
from vitrify.predictors.normal_equations import normal_equations
from vitrify.predictors.propensity_scores import (
    bootstrap_configurations,
    correlations,
    fraction_of_ceiling,
    pearson,
    permutation_control,
    permuted_targets,
    spearman,
)
from vitrify.predictors.ridge import RidgeRegression


def scored(seed=0, n=300, k=5):
    rng = np.random.default_rng(seed)
    y = rng.gamma(2.0, size=n * k)
    return y + rng.normal(size=n * k), y, np.repeat(np.arange(k), n), np.tile(["A", "A", "B"], n * k // 3)


def runs(reliability_of_one, m=16, n=4000, k=3, seed=0):
    """Runs whose true mean has variance 1 and whose noise makes one of them as reliable as asked."""
    rng = np.random.default_rng(seed)
    noise = np.sqrt(1 / reliability_of_one - 1)
    truth = rng.normal(size=(k, 1, n))
    values = truth + noise * rng.normal(size=(k, m, n))
    return xr.DataArray(values, dims=("configuration", "run", "particle")), truth[:, 0]


def test_coefficients_are_those_of_scipy():
    x, y, _, _ = scored()
    assert pearson(x, y) == pytest.approx(stats.pearsonr(x, y)[0], abs=1e-14)
    assert spearman(x.round(1), y) == pytest.approx(stats.spearmanr(x.round(1), y)[0], abs=1e-14)
    assert pearson(1e8 + x, y) == pytest.approx(pearson(x, y), abs=1e-7)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e9 / 3])
def test_what_does_not_vary_has_no_coefficient(constant):
    assert np.isnan(pearson(np.full(7, constant), np.arange(7.0)))


def test_configurations_and_species_are_scored_by_themselves():
    x, y, groups, species = scored()
    found = correlations(x, y, groups, species)
    for k in range(5):
        for s in ("A", "B"):
            chosen = (groups == k) & (species == s)
            here = found.sel(configuration=k, species=s)
            assert here["pearson"] == pytest.approx(np.corrcoef(x[chosen], y[chosen])[0, 1])
            assert here["n"] == chosen.sum()
    whole = found.sel(species="all")
    assert whole["pearson_mean"] == pytest.approx(whole["pearson"].mean())
    assert whole["pearson_error"] == pytest.approx(whole["pearson"].std(ddof=1) / np.sqrt(5))
    assert whole["pearson_pooled"] == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert {"units", "long_name", "definition"} <= set(found["spearman_error"].attrs)


def test_differences_between_configurations_count_only_when_pooled():
    rng = np.random.default_rng(0)
    groups = np.repeat([0, 1], 500)
    x, y = 10 * groups + rng.normal(size=1000), 10 * groups + rng.normal(size=1000)
    found = correlations(x, y, groups).sel(species="all")
    assert found["pearson_pooled"] > 0.9
    assert abs(found["pearson_mean"]) < 0.1


@pytest.mark.parametrize("one", [0.05, 0.3])
def test_the_reliability_of_gaussian_noise_is_that_of_spearman_and_brown(one):
    values, truth = runs(one)
    exact = 16 * one / (1 + 15 * one)
    found = noise_ceiling(values)
    assert found["reliability"].mean().item() == pytest.approx(exact, abs=0.015)
    assert found["alpha"].mean().item() == pytest.approx(found["reliability"].mean().item(), abs=0.01)
    best = [np.corrcoef(t, v.mean("run"))[0, 1] for t, v in zip(truth, values, strict=True)]
    assert found["ceiling_mean"].sel(species="all").item() == pytest.approx(np.mean(best), abs=0.01)


def test_runs_of_pure_noise_have_no_ceiling_worth_the_name():
    rng = np.random.default_rng(0)
    noise = xr.DataArray(rng.normal(size=(4, 8, 3000)), dims=("configuration", "run", "particle"))
    assert abs(noise_ceiling(noise)["reliability"].mean()) < 0.05


def test_the_ceiling_knows_species_and_missing_runs():
    values, _ = runs(0.3, m=9)
    values = values.assign_coords(species=("particle", np.tile(["A", "B"], 2000)))
    values[1, 8] = np.nan
    values[0, 2, 5] = np.nan
    noisy = (
        values + 5 * np.random.default_rng(1).normal(size=values.shape) * (values["species"] == "B").values
    )
    found = noise_ceiling(noisy)
    assert found["n_runs"].values.tolist() == [9, 8, 9]
    assert found["n"].sel(species="B").values.tolist() == [1999, 2000, 2000]
    assert (found["reliability"].sel(species="A") > found["reliability"].sel(species="B") + 0.2).all()


def test_a_perfect_prediction_reaches_the_whole_ceiling():
    values, truth = runs(0.2)
    measured = values.mean("run").values
    scores = correlations(truth.ravel(), measured.ravel(), np.repeat([0, 1, 2], 4000))
    fraction = fraction_of_ceiling(scores, noise_ceiling(values)).sel(species="all")
    assert fraction.mean().item() == pytest.approx(1.0, abs=0.01)
    assert fraction.attrs["units"] == "1"


def test_a_linear_propensity_is_predicted_up_to_its_ceiling():
    rng = np.random.default_rng(7)
    features = rng.normal(size=(6, 1500, 10))
    truth = features @ rng.normal(size=10)
    noise = (
        truth.std() * 4 * rng.normal(size=(6, 16, 1500))
    )  # of one run; of their mean it is as large as the truth
    values = xr.DataArray(truth[:, None] + noise, dims=("configuration", "run", "particle"))
    values = values.assign_coords(configuration=[str(k) for k in range(6)])
    blocks = [(k, features[k], values[k].mean("run")) for k in range(6)]
    held_out = RidgeRegression().cross_validate(normal_equations(blocks, [f"x{k}" for k in range(10)]), 3)
    scores = held_out.scores.isel(target=0)
    assert scores["pearson"].mean().item() == pytest.approx(np.sqrt(0.5), abs=0.02)
    fraction = fraction_of_ceiling(scores, noise_ceiling(values).sel(species="all"))
    assert fraction.mean().item() == pytest.approx(1.0, abs=0.02)


def test_permuted_targets_stay_in_their_configuration_and_species():
    _, y, groups, species = scored()
    dealt = permuted_targets(y, groups, species, n=3)
    for k in range(5):
        for s in ("A", "B"):
            chosen = (groups == k) & (species == s)
            assert np.array_equal(np.sort(dealt[chosen, 1]), np.sort(y[chosen]))
    assert not np.array_equal(dealt[:, 0], dealt[:, 1])
    assert np.array_equal(dealt, permuted_targets(y, groups, species, n=3))


def test_a_good_prediction_of_permuted_targets_is_worth_nothing():
    x, y, groups, species = scored()
    found = permutation_control(x, y, groups, species, n=60)
    for s in ("all", "A", "B"):
        here = found.sel(species=s)
        assert abs(here.mean()) < 4 * here.std() / np.sqrt(60)
        assert correlations(x, y, groups, species)["pearson_mean"].sel(species=s) > 10 * here.std()


def test_a_prediction_that_only_knows_species_keeps_its_score_when_permuted():
    rng = np.random.default_rng(1)
    species = np.tile(["A", "B"], 300)
    x = (species == "A") + 1e-3 * rng.normal(size=600)
    y = (species == "A") + 0.1 * rng.normal(size=600)
    found = permutation_control(x, y, np.repeat([0, 1], 300), species, n=20)
    assert found.sel(species="all").mean() > 0.9
    assert abs(found.sel(species="A").mean()) < 0.1


def test_the_whole_way_finds_nothing_in_permuted_targets():
    rng = np.random.default_rng(3)
    blocks = []
    for k in range(8):
        x = rng.normal(size=(100, 15))
        y = x.sum(axis=1) + rng.normal(size=100)
        blocks.append((k, x, np.column_stack([y, permuted_targets(y, np.zeros(100), n=20, seed=k)])))
    names = [f"x{k}" for k in range(15)]
    equations = normal_equations(blocks, names, [f"y{k}" for k in range(21)])
    scores = RidgeRegression().cross_validate(equations, 4).scores["pearson"].mean("configuration")
    assert scores[0] > 0.9
    assert abs(scores[1:].mean()) < 4 * scores[1:].std() / np.sqrt(20)


def test_the_bootstrap_error_is_the_standard_error():
    rng = np.random.default_rng(0)
    scores = xr.DataArray(rng.normal(0.5, 0.03, (10, 2)), dims=("configuration", "species"))
    found = bootstrap_configurations(scores, 4000)
    expected = scores.std("configuration", ddof=1) / np.sqrt(10)
    np.testing.assert_allclose(found["error"], expected, rtol=0.06)
    np.testing.assert_allclose((found["high"] - found["low"]) / 2, expected, rtol=0.1)
    assert (found["mean"] == scores.mean("configuration")).all()


def test_bad_input_is_named():
    values, _ = runs(0.3, n=50)
    with pytest.raises(ShapeError, match="need one entry a particle"):
        correlations([1.0, 2.0, 3.0], [1.0, 2.0], [0, 0, 0])
    with pytest.raises(ShapeError, match="1 of 3 particles have"):
        correlations([1.0, np.nan, 3.0], [1.0, 2.0, 3.0], [0, 0, 0])
    with pytest.raises(TooFewEventsError, match="at least three particles; there are 2"):
        correlations([1.0, 2.0], [1.0, 2.0], [0, 0])
    with pytest.raises(ShapeError, match="it has configuration, time, particle"):
        noise_ceiling(values.rename(run="time"))
    with pytest.raises(TooFewEventsError, match="'0' has 1"):
        noise_ceiling(values[:, :1])
    with pytest.raises(ParameterError, match="`n_splits` must be"):
        noise_ceiling(values, n_splits=0)
    with pytest.raises(TooFewEventsError, match="at least two of them; there are 1"):
        bootstrap_configurations(xr.DataArray([0.5], dims="configuration"))
    with pytest.raises(ParameterError, match="`n_resamples` must be"):
        bootstrap_configurations(xr.DataArray([0.5, 0.6], dims="configuration"), 5)
    scores = correlations(*scored()[:3])
    with pytest.raises(ParameterError, match="ceiling of configuration '3' is not known"):
        fraction_of_ceiling(scores, noise_ceiling(values))
