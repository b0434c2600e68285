"""The global fit and the fits of single bins, against a general optimiser and against planted coefficients."""

import numpy as np
import pytest
from scipy.optimize import minimize

from vitrify.errors import ConvergenceError, ParameterError, TooFewEventsError
from vitrify.theory.arrhenius import arrhenius_per_bin, fit_arrhenius, predict_held_out
from vitrify.theory.rearrangement_probability import (
    combine,
    count,
    rearrangement_probability,
    softness_bins,
    totals,
)

TRUTH = {"e0": 3.0, "e1": 0.8, "sigma0": 2.0, "sigma1": 1.0}
TEMPERATURES = (0.45, 0.5, 0.55, 0.6)


def planted_counts(seed=0, n=60_000, temperatures=TEMPERATURES, scale=1.0, shift=0.0, n_segments=6):
    """Counts of independent particles that obey TRUTH, their softness s reported as scale * s + shift."""
    rng = np.random.default_rng(seed)
    softness = [rng.normal(-0.3, 1.0, n) for _ in temperatures]
    edges = scale * softness_bins(softness[0], 12) + shift
    parts = []
    for t, s in zip(temperatures, softness, strict=True):
        barrier, prefactor = TRUTH["e0"] - TRUTH["e1"] * s, TRUTH["sigma0"] - TRUTH["sigma1"] * s
        moving = rng.random(n) < np.exp(prefactor - barrier / t)
        segment, seen = rng.integers(0, n_segments, n), scale * s + shift
        parts.append(count(t, (seen, segment), (seen[moving], segment[moving]), edges, n_segments=n_segments))
    return combine(parts)


@pytest.fixture(scope="module")
def counts():
    return planted_counts()


@pytest.mark.parametrize("degree", [1, 2])
def test_the_fit_is_the_maximum_that_a_general_optimiser_finds(counts, degree):
    both, fit = totals(counts), fit_arrhenius(counts, degree)
    k, n = both["events"].values, both["exposure"].values
    s, t = both["softness"].values, both["temperature"].values[:, None]

    def minus(x):
        log_p = np.polyval(x[: degree + 1], s) - np.polyval(x[degree + 1 :], s) / t
        if log_p.max() >= 0:
            return np.inf
        return -(k * log_p + (n - k) * np.log1p(-np.exp(log_p))).sum()

    start = np.concatenate([fit.log_prefactor[::-1], fit.barrier[::-1]])
    rough = start * (1 + 0.02 * np.random.default_rng(0).normal(size=len(start)))
    options = {"maxiter": 40_000, "maxfev": 40_000, "xatol": 1e-10, "fatol": 1e-10}
    best = minimize(minus, rough, method="Nelder-Mead", options=options)
    best = minimize(minus, best.x, method="Nelder-Mead", options=options)
    assert minus(start) <= best.fun + 1e-7 * abs(best.fun)


def test_errors_are_the_scatter_of_repeated_experiments():
    pulls = []
    for seed in range(40):
        fit = fit_arrhenius(planted_counts(seed, n=40_000))
        errors = fit.standard_errors()
        pulls.append([(getattr(fit, name) - TRUTH[name]) / errors[name] for name in TRUTH])
    pulls = np.array(pulls)
    assert np.abs(pulls.mean(axis=0)).max() < 3.5 / np.sqrt(40)
    np.testing.assert_allclose(pulls.std(axis=0), 1.0, atol=0.35)


def test_the_onset_temperature_does_not_depend_on_the_scale_and_origin_of_softness(counts):
    """S -> 2 S + 5 changes all four coefficients and neither T0 nor the quality of the fit."""
    one, other = fit_arrhenius(counts), fit_arrhenius(planted_counts(scale=2.0, shift=5.0))
    np.testing.assert_allclose(other.onset_temperature, one.onset_temperature, rtol=1e-8)
    np.testing.assert_allclose(other.deviance, one.deviance, rtol=1e-8)
    np.testing.assert_allclose(other.e1, one.e1 / 2, rtol=1e-8)
    np.testing.assert_allclose(other.e0, one.e0 + 5 * one.e1 / 2, rtol=1e-8)


def test_the_deviance_of_a_right_model_is_about_its_degrees_of_freedom():
    ratios = [
        (f := fit_arrhenius(planted_counts(seed, n=40_000))).deviance / f.degrees_of_freedom
        for seed in range(20)
    ]
    assert 0.7 < np.mean(ratios) < 1.3


def test_a_negative_onset_temperature_is_not_clipped():
    """Barrier and prefactor that both grow with softness in opposite senses never meet at a positive temperature."""
    rng, parts = np.random.default_rng(1), []
    edges = softness_bins(rng.normal(size=1000), 8)
    for t in TEMPERATURES:
        s = rng.normal(size=60_000)
        moving = rng.random(len(s)) < np.exp(0.4 + 0.5 * s - (2.5 - 0.2 * s) / t)
        zero = np.zeros(len(s), int)
        parts.append(count(t, (s, zero), (s[moving], zero[moving]), edges, n_segments=1))
    assert fit_arrhenius(combine(parts)).onset_temperature < 0


def test_single_bins_lie_on_the_planted_lines(counts):
    bins = arrhenius_per_bin(counts)
    used = bins["used"].values.astype(bool)
    s = bins["softness"].values[used]
    assert used.sum() >= 6
    for name, expected in (
        ("energy_barrier", TRUTH["e0"] - TRUTH["e1"] * s),
        ("log_prefactor", TRUTH["sigma0"] - TRUTH["sigma1"] * s),
    ):
        pull = (bins[name].values[used] - expected) / bins[f"{name}_error"].values[used]
        assert np.abs(pull).max() < 4
        assert 0.3 < np.sqrt((pull**2).mean()) < 1.8


def test_bins_with_too_few_events_are_dropped_with_the_reason(counts):
    bins = arrhenius_per_bin(counts, min_events=300)
    few = bins["events"].values < 300
    assert few.any()
    assert not bins["used"].values[few].any()
    assert np.isnan(bins["energy_barrier"].values[few]).all()
    assert len(bins.attrs["dropped"]) == few.sum()
    assert "fewer than 300" in bins.attrs["dropped"][0]


def test_a_temperature_left_out_is_predicted():
    counts = planted_counts(n=200_000)
    found = predict_held_out(counts, 0.5)
    seen = (found["events"].values >= 30) & found["used"].values.astype(bool)
    difference = (found["log_probability"] - found["predicted"]).values[seen]
    assert np.sqrt((difference**2).mean()) < 0.15
    np.testing.assert_array_less(np.abs(difference), 4 * found["log_probability_error"].values[seen] + 0.05)


def test_predictions_and_measurements_agree_where_events_are_many(counts):
    fit, found = fit_arrhenius(counts), rearrangement_probability(counts)
    predicted = fit.predict(found["softness"].values, found["temperature"].values[:, None])
    many = found["events"].values > 200
    np.testing.assert_allclose(predicted[many], found["probability"].values[many], rtol=0.25)


def test_what_cannot_carry_a_fit_is_refused():
    with pytest.raises(ParameterError, match="at least two temperatures"):
        fit_arrhenius(planted_counts(temperatures=(0.5,)))
    nothing = planted_counts(n=2000)
    nothing["events"][:] = 0
    with pytest.raises(TooFewEventsError, match="0 rearrangements"):
        fit_arrhenius(nothing)
    with pytest.raises(ParameterError, match=r"no temperature 0\.77"):
        predict_held_out(planted_counts(n=2000), 0.77)
    with pytest.raises(ParameterError, match="`degree` must be 0 or more; it is -1"):
        fit_arrhenius(planted_counts(n=2000), -1)


def test_one_barrier_for_all_particles_is_a_fit_of_degree_zero(counts):
    fit = fit_arrhenius(counts, 0)
    errors = fit.standard_errors()
    assert (fit.e1, fit.sigma1, errors["e1"], errors["sigma1"]) == (0, 0, 0, 0)
    assert np.isnan(fit.onset_temperature)
    assert 2.5 < fit.e0 < 4
    assert errors["e0"] > 0


def test_one_bin_carries_one_barrier_and_no_slope(counts):
    alone = counts.isel(softness_bin=[6])
    assert np.isfinite(fit_arrhenius(alone, 0).e0)
    with pytest.raises(ParameterError, match="do not fix the 4 coefficients"):
        fit_arrhenius(alone)


def test_temperatures_without_events_give_no_barrier_of_no_meaning():
    """Two temperatures and events at one of them: the barrier is only bounded from below."""
    counts = planted_counts(temperatures=(0.45, 0.6))
    counts["events"][0] = 0
    with pytest.raises(ConvergenceError, match="Events are missing at all but one temperature"):
        fit_arrhenius(counts)


def test_one_temperature_of_many_may_have_no_events():
    counts = planted_counts(n=20_000)
    counts["events"][0] = 0
    counts["exposure"][0] = 10.0
    fit = fit_arrhenius(counts)
    assert abs(fit.e0 - TRUTH["e0"]) < 4 * fit.standard_errors()["e0"]


def test_events_without_exposure_are_left_out_and_counted():
    counts = planted_counts()
    lost = int(counts["events"][0, :, -1].sum())
    counts["exposure"][0, :, -1] = 0
    fit = fit_arrhenius(counts)
    assert lost > 0
    assert fit.n_events_unsampled == lost
    assert fit.n_events == int(counts["events"].sum()) - lost
    assert np.isfinite(fit.covariance).all()
    bins = arrhenius_per_bin(counts)
    assert bins["n_temperatures"].values[-1] == len(TEMPERATURES) - 1
    assert int(bins["events"].sum()) == fit.n_events


def test_bins_nobody_visited_do_not_matter():
    counts = planted_counts(n=20_000)
    empty = counts.isel(softness_bin=[0]).assign_coords(
        softness_low=("softness_bin", [8.0]), softness_high=("softness_bin", [9.0])
    )
    for name in counts.data_vars:
        empty[name] = empty[name] * 0
    import xarray as xr

    more = xr.concat(
        [counts, empty],
        "softness_bin",
        data_vars="minimal",
        coords="minimal",
        compat="override",
        join="exact",
    )
    np.testing.assert_allclose(fit_arrhenius(more).barrier, fit_arrhenius(counts).barrier, rtol=1e-12)


def test_held_out_bins_with_few_events_are_not_measured(counts):
    found = predict_held_out(counts, 0.45, min_events=50)
    few = found["events"].values < 50
    assert few.any()
    assert (~few).any()
    assert np.isnan(found["log_probability"].values[few]).all()
    np.testing.assert_array_equal(found["used"].values, ~few)
    assert np.isfinite(found["predicted"]).all()
    assert (found["predicted_error"] > 0).all()


def test_the_error_of_the_fitted_probability_is_its_scatter():
    fits = [fit_arrhenius(planted_counts(seed, n=20_000)) for seed in range(40)]
    s, t = np.array([-1.0, 0.0, 1.5]), 0.45
    scatter = np.std([np.log(f.predict(s, t)) for f in fits], axis=0, ddof=1)
    claimed = np.mean([f.log_probability_error(s, t) for f in fits], axis=0)
    np.testing.assert_allclose(claimed, scatter, rtol=0.4)


def test_predictions_stop_at_one(counts):
    assert fit_arrhenius(counts).predict(50.0, 0.5) == 1.0


def test_barriers_carry_their_units(counts):
    for found in (arrhenius_per_bin(counts), predict_held_out(counts, 0.5)):
        for name, variable in found.variables.items():
            assert {"units", "long_name", "definition", "symbol"} <= variable.attrs.keys(), name
    assert arrhenius_per_bin(counts)["energy_barrier"].attrs["units"] == "epsilon_AA"
