"""The trap model's machinery: exact in time, independent of its grid, and fitted with honest errors."""

import numpy as np
import pytest
import xarray as xr
from scipy.linalg import expm

from vitrify.errors import ConvergenceError, ParameterError, ShapeError, TooFewEventsError
from vitrify.theory._trap_model_master import MasterEquation
from vitrify.theory.arrhenius import fit_arrhenius
from vitrify.theory.rearrangement_probability import combine, count
from vitrify.theory.softness_moments import softness_moments
from vitrify.theory.trap_model import TrapModel
from vitrify.theory.trap_model_ageing import age, two_time
from vitrify.theory.trap_model_fit import bootstrap_trap_model, fit_trap_model
from vitrify.theory.trap_model_relaxation import (
    apparent_barrier,
    fragility,
    glass_temperature,
    matched,
    persistence,
    relaxation_times,
    time_of_level,
)
from vitrify.theory.trap_model_sampler import sample
from vitrify.units import METAL

LIQUID = TrapModel((2.0, -1.2, 0.05), 3.0, 0.9, softness_mean=0.3, softness_sd=0.9)
SLOW = TrapModel((2.0, -1.2, 0.05), -0.5, 0.9, softness_mean=0.3, softness_sd=0.9)


def random_traps(seed, n=25, spread=3.0):
    rng = np.random.default_rng(seed)
    return MasterEquation(np.exp(spread * rng.normal(size=n)), rng.dirichlet(np.ones(n))), rng


@pytest.mark.parametrize("seed", range(3))
def test_the_solution_is_the_exponential_of_the_master_operator(seed):
    master, rng = random_traps(seed)
    start, f = rng.dirichlet(np.ones(25)), rng.normal(size=25)
    operator = np.outer(master.landing, master.rates) - np.diag(master.rates)
    times = np.array([0.0, 1e-3, 0.1, 1.0, 5.0])
    twin = np.stack([expm(operator * t) for t in times])
    np.testing.assert_allclose(master.evolve(start, times), twin @ start, atol=1e-13)
    np.testing.assert_allclose(master.expect(f, times), f @ twin, atol=3e-12)
    eigenvalues = np.sort(-np.linalg.eigvals(operator).real)
    np.testing.assert_allclose(master.decay_rates, eigenvalues[1:], rtol=1e-6)


def test_states_of_equal_rate_need_not_be_told_apart():
    master = MasterEquation(np.array([2.0, 1.0, 2.0, 2.0 * (1 + 1e-16), 5.0]), np.full(5, 0.2))
    assert len(master.decay_rates) == 2
    operator = np.outer(master.landing, master.rates) - np.diag(master.rates)
    start = np.array([0.5, 0.1, 0.0, 0.3, 0.1])
    np.testing.assert_allclose(master.evolve(start, [0.7])[0], expm(0.7 * operator) @ start, atol=1e-14)


@pytest.mark.parametrize("cold", [0.5, 0.3, 0.2])
def test_probability_is_conserved_and_positive_over_24_decades(cold):
    """To 1e-12, from hot and from cold; at T = 0.2 rates of the grid span 65 decades."""
    model = TrapModel((2.0, -1.2), 3.0, 0.9, 0.3, 0.9)
    for start in (1.0, cold * 0.97, cold * 1.2):
        softness, weight = model.grid(start, cold)
        p0 = model.master(start, softness, weight).equilibrium
        p = model.master(cold, softness, weight).evolve(p0, np.logspace(-8, 16, 25))
        assert np.abs(p.sum(axis=1) - 1).max() < 1e-12
        assert p.min() > -1e-16


def test_the_flux_of_probability_is_its_derivative():
    master, rng = random_traps(5, spread=1.0)
    start, step = rng.dirichlet(np.ones(25)), 1e-5
    before, after = master.evolve(start, [1.0 - step, 1.0 + step])
    np.testing.assert_allclose(
        (after - before) / (2 * step), master.flux(master.evolve(start, 1.0)[0]), atol=1e-9
    )


def test_results_do_not_depend_on_the_grid():
    t = np.logspace(-3, 8, 6)
    coarse, fine = (age(LIQUID, 1.0, 0.35, t, n_points=n) for n in (None, 500))
    for name in ("softness_mean", "softness_variance", "rate_mean"):
        np.testing.assert_allclose(coarse[name], fine[name], rtol=1e-10, atol=1e-11)


def test_two_times_begin_with_the_variance_and_forget_it():
    found = two_time(LIQUID, 1.0, 0.5, [0.0, 1.0, 1e9], [0.0, 1e9])
    aged = age(LIQUID, 1.0, 0.5, [0.0, 1.0, 1e9])
    np.testing.assert_allclose(found["softness_covariance"][:, 0], aged["softness_variance"], rtol=1e-10)
    np.testing.assert_allclose(found["softness_covariance"][:, 1], 0.0, atol=1e-12)
    np.testing.assert_allclose(found["persistence"], np.array([[1.0, 0.0]] * 3), atol=1e-12)


@pytest.mark.parametrize("curve", [0.05, 0.0, -0.08])
def test_rates_are_distributed_as_those_of_drawn_sites(curve):
    model = TrapModel((2.0, -1.2, curve), 3.0, 0.9, 0.3, 0.9)
    n, t = 100_000, 0.5
    drawn = model.log_rate(np.random.default_rng(1).normal(model.mean(t), np.sqrt(model.variance(t)), n), t)
    y = np.linspace(drawn.min() - 1, drawn.max() + 2, 4001)
    found = model.rate_distribution(t, y)
    below = np.searchsorted(np.sort(drawn), y) / n
    assert np.abs(below - found["cumulative"].values).max() < 1.95 / np.sqrt(n)  # Kolmogorov, 1 in 1000
    assert np.trapezoid(found["density_log_rate"], y) == pytest.approx(1, abs=2e-3)


def test_the_mean_persistence_time_is_the_integral_of_the_persistence_or_infinite():
    t = np.concatenate([[0.0], np.logspace(-6, 7, 2000)])
    q = persistence(LIQUID, 0.6, t)["persistence"].values[0]
    assert relaxation_times(LIQUID, 0.6)["tau_mean"].item() == pytest.approx(np.trapezoid(q, t), rel=1e-4)
    heavy = TrapModel((2.0, -1.2, 0.5), 3.0, 0.9, 0.3, 0.9)
    assert heavy.equilibrium(0.5)["tau_mean"].item() == np.inf


@pytest.mark.parametrize("temperature", [0.35, 0.5, 0.8, 1.3])
def test_the_apparent_barrier_is_the_slope_of_the_log_time(temperature):
    beta, step = 1 / temperature, 1e-4
    up, down = (np.log(time_of_level(LIQUID, 1 / b)) for b in (beta + step, beta - step))
    assert apparent_barrier(LIQUID, temperature) == pytest.approx((up - down) / (2 * step), rel=1e-6)
    assert fragility(LIQUID, temperature) == pytest.approx(apparent_barrier(LIQUID, temperature) * beta)


def test_the_glass_temperature_is_where_relaxation_takes_that_long():
    for model in (LIQUID, TrapModel((0.02, -0.012), 0.0, 0.009), TrapModel((2.0, -0.4), 1.0, -2.0)):
        found = glass_temperature(model, 1e7)
        assert time_of_level(model, found) == pytest.approx(1e7, rel=1e-9)
    steep = TrapModel((2.0, -1.2, 0.25), 3.0, 0.9, 0.3, 0.9)
    assert time_of_level(steep, glass_temperature(steep, 1e3)) == pytest.approx(1e3, rel=1e-9)
    with pytest.raises(ParameterError, match="at no temperature at which it has an equilibrium"):
        glass_temperature(TrapModel((0.0,), 0.0, np.inf), 1e7)


def test_matching_at_one_temperature_shifts_all_times_by_one_factor():
    new = matched(LIQUID, 0.8, 50.0)
    old_times, new_times = (relaxation_times(m, [0.5, 0.8]) for m in (LIQUID, new))
    assert new_times["tau_q"].values[1] == pytest.approx(50.0)
    np.testing.assert_allclose(
        np.ptp(np.log(new_times["tau_q"].values / old_times["tau_q"].values)), 0.0, atol=1e-12
    )
    np.testing.assert_allclose(new.mean(0.5), LIQUID.mean(0.5))


def test_another_scale_of_softness_changes_no_time():
    """S → a S + c with its coefficients: the same rates, the same T0."""
    a, c = 1.7, -0.4
    e0, e1, e2 = LIQUID.coefficients
    barrier = (e0 - e1 * c / a + e2 * c**2 / a**2, e1 / a - 2 * e2 * c / a**2, e2 / a**2)
    shift = (barrier[0] - e0) / 0.9  # Σ(S) keeps Σ − ΔE/T0 independent of S
    other = TrapModel(barrier, 3.0 + shift, 0.9, a * 0.3 + c, a * 0.9)
    t = [0.4, 0.6, 0.85]
    np.testing.assert_allclose(
        relaxation_times(other, t)["tau_q"], relaxation_times(LIQUID, t)["tau_q"], rtol=1e-10
    )
    np.testing.assert_allclose(other.mean(t), a * LIQUID.mean(t) + c, rtol=1e-12)


def test_the_same_seed_gives_the_same_histories():
    one, two = (sample(LIQUID, 1.0, 0.5, [0.0, 5.0], 100, rng=3) for _ in range(2))
    xr.testing.assert_identical(one, two)


def test_results_name_their_units():
    found = relaxation_times(LIQUID, [0.5], units=METAL)
    assert found["tau_q"].attrs["units"] == "ps"
    assert found["apparent_barrier"].attrs["units"] == "k_B K"
    assert found["rate_at_mean"].attrs["units"] == "1/ps"
    for dataset in (
        found,
        age(LIQUID, 1.0, 0.5, [1.0]),
        two_time(LIQUID, 1.0, 0.5, 1.0, 1.0),
        LIQUID.distribution(0.5),
    ):
        assert all("units" in variable.attrs for variable in dataset.variables.values())  # fmt: skip


def measured(truth, temperatures, seed=0, n=40_000, n_segments=8, interval=1.0):
    """Counts and moments of sites drawn from the equilibrium of a trap model."""
    rng, parts, samples = np.random.default_rng(seed), [], {}
    for t in temperatures:
        s = rng.normal(truth.mean(t), np.sqrt(truth.variance(t)), n)
        segment = np.arange(n) % n_segments
        moving = rng.random(n) < truth.rate(s, t) * interval
        edges = np.linspace(-4, 2.5, 31)
        parts.append(
            count(
                t, (s, segment), (s[moving], segment[moving]), edges, n_segments=n_segments, interval=interval
            )
        )
        samples[t] = s, segment
    return combine(parts), softness_moments(samples)


TEMPERATURES = (0.45, 0.5, 0.55, 0.6, 0.7)


@pytest.mark.parametrize(
    ("truth", "degree", "temperatures"),
    [
        (SLOW, 2, TEMPERATURES),
        (SLOW, 2, (0.45, 0.5, 0.6, 0.8, 1.0, 1.2)),  # some above onset
        (TrapModel((2.0, -0.4), -0.5, -2.0, 0.3, 0.9), 1, TEMPERATURES),
    ],
)
def test_planted_parameters_come_back_within_their_errors(truth, degree, temperatures):
    planted = dict(zip(("e0", "e1", "e2"), truth.coefficients, strict=True)) | {
        "log_prefactor": truth.log_prefactor, "inverse_onset": 1 / truth.onset_temperature,
        "softness_mean": truth.softness_mean, "softness_sd": truth.softness_sd,
    }  # fmt: skip
    for seed in (0, 1):
        fit = fit_trap_model(*measured(truth, temperatures, seed), degree=degree)
        errors = fit.standard_errors()
        for name, value in zip(fit.names, fit.values, strict=True):
            assert abs(value - planted[name]) < 4 * errors[name], name
        assert fit.p_value > 1e-3
        assert errors["onset_temperature"] == pytest.approx(
            errors["inverse_onset"] * fit.model.onset_temperature**2
        )


def test_all_moments_fix_the_slope_of_the_barrier_better_than_the_hottest():
    counts, moments = measured(SLOW, TEMPERATURES)
    one, every = (fit_trap_model(counts, moments, use=use).standard_errors() for use in ("hottest", "all"))
    assert every["e1"] < 0.3 * one["e1"]


def test_onset_ties_the_fit_as_well_as_free_prefactors_do():
    """Data that obey eq. 9: six free coefficients gain over five tied ones what one degree of freedom gains by chance."""
    counts, moments = measured(SLOW, TEMPERATURES)
    tied, free = fit_trap_model(counts, moments), fit_arrhenius(counts, 2)
    assert tied.deviance_moments == pytest.approx(0, abs=1e-6)
    assert -1e-6 < tied.deviance_rates - free.deviance < 9


def test_rates_are_per_time_and_not_per_frame():
    """Four times the interval, four times the probability, one model."""
    fits = [fit_trap_model(*measured(SLOW, TEMPERATURES, interval=h)) for h in (0.5, 2.0)]
    gap = fits[0].model.log_prefactor - fits[1].model.log_prefactor
    assert abs(gap) < 4 * np.hypot(*(fit.standard_errors()["log_prefactor"] for fit in fits))


def test_softness_that_falls_less_than_its_barriers_demand_is_noticed():
    """As in the Kob-Andersen liquid of the paper: a likelihood that R² would not show."""
    counts, moments = measured(SLOW, TEMPERATURES, n=200_000)
    hottest = moments["softness_mean"].values[-1]
    moments["softness_mean"].values[:] = hottest + 0.5 * (moments["softness_mean"].values - hottest)
    fit, other = (fit_trap_model(counts, moments, use=use) for use in ("all", "hottest"))
    assert fit.p_value < 1e-9
    assert other.p_value > 1e-3
    predicted = other.model.mean(0.45)
    assert predicted < moments["softness_mean"].values[0] - 0.2


def test_drawn_models_scatter_as_the_errors_say():
    fit = fit_trap_model(*measured(SLOW, TEMPERATURES))
    models = fit.draw(400, rng=2)
    assert np.std([m.barrier[1] for m in models]) == pytest.approx(fit.standard_errors()["e1"], rel=0.15)
    assert np.mean([m.barrier[1] for m in models]) == pytest.approx(fit.model.barrier[1], abs=0.2 * fit.standard_errors()["e1"])  # fmt: skip


def test_resampled_segments_agree_with_counting_for_independent_events():
    counts, moments = measured(SLOW, TEMPERATURES, n_segments=20)
    fit = fit_trap_model(counts, moments, degree=1)
    fits = bootstrap_trap_model(counts, moments, 40, degree=1)
    for name in ("e1", "log_prefactor", "softness_mean"):
        k = fit.names.index(name)
        ratio = np.std([f.values[k] for f in fits]) / fit.standard_errors()[name]
        assert 0.6 < ratio < 1.6, name
    again = bootstrap_trap_model(counts, moments, 40, degree=1)
    np.testing.assert_array_equal([f.values for f in fits], [f.values for f in again])


def test_curves_read_off_a_figure_are_fitted_too_and_onset_can_be_held():
    s, t = np.linspace(-2, 2, 9), np.array([0.45, 0.6, 0.75])
    log_p = LIQUID.log_rate(s, t[:, None])
    log_p[0, 0] = np.nan
    both = ("temperature", "softness_bin")
    rates = xr.Dataset(
        {"log_probability": (both, log_p), "log_probability_error": (both, np.full_like(log_p, 0.1))},
        {"temperature": t, "softness": ("softness_bin", s)},
    )
    moments = LIQUID.equilibrium([0.75, 1.0])[["softness_mean", "softness_variance"]]
    moments["softness_mean_error"] = moments["softness_variance_error"] = 0.02 + 0 * moments["softness_mean"]
    for held in (None, 0.9):
        fit = fit_trap_model(rates, moments, onset_temperature=held, particles_per_site=3)
        assert fit.n_rates == 26
        np.testing.assert_allclose(fit.model.barrier, LIQUID.barrier, atol=1e-6)
        assert fit.model.onset_temperature == pytest.approx(0.9, abs=1e-6)
        assert ("inverse_onset" in fit.names) == (held is None)
        assert fit.model.particles_per_site == 3
        assert fit.deviance == pytest.approx(0, abs=1e-9)


def test_moments_are_those_of_the_values_and_their_errors_of_segment_means():
    rng = np.random.default_rng(0)
    s, segment = rng.normal(1.0, 2.0, 60_000), np.arange(60_000) % 30
    found = softness_moments({0.5: (s, segment), 0.4: (s[:40], segment[:40])})
    assert found["temperature"].values.tolist() == [0.4, 0.5]
    hot = found.sel(temperature=0.5)
    assert hot["softness_mean"].item() == pytest.approx(s.mean())
    assert hot["softness_variance"].item() == pytest.approx(s.var())
    assert hot["softness_mean_error"].item() == pytest.approx(2 / np.sqrt(60_000), rel=0.4)
    assert hot["softness_variance_error"].item() == pytest.approx(4 * np.sqrt(2 / 60_000), rel=0.4)
    assert np.isnan(softness_moments({0.5: (s, 0 * segment)})["softness_mean_error"].item())


def test_parameters_that_are_none_are_refused():
    with pytest.raises(ParameterError, match="one to three coefficients"):
        TrapModel((1.0, 2.0, 3.0, 4.0), 0.0, 1.0)
    with pytest.raises(ParameterError, match="must be numbers"):
        TrapModel((np.nan,), 0.0, 1.0)
    with pytest.raises(ParameterError, match="must not be 0; use inf"):
        TrapModel((1.0,), 0.0, 0.0)
    with pytest.raises(ParameterError, match="must not be negative and `particles_per_site`"):
        TrapModel((1.0,), 0.0, 1.0, softness_sd=-1.0)
    with pytest.raises(ParameterError, match="`temperature` must be positive"):
        LIQUID.rate(0.0, 0.0)
    alike = TrapModel((1.0, -1.0), 0.0, 1.0, softness_sd=0.0)
    with pytest.raises(ParameterError, match="there is no density"):
        alike.density(0.0, 0.5)
    with pytest.raises(ParameterError, match="distribution has no density"):
        LIQUID.rate_distribution(1.0, [0.0])


def test_temperatures_without_equilibrium_are_named():
    steep = TrapModel((2.0, -1.2, 0.5), 3.0, 0.9)
    with pytest.raises(ParameterError, match=r"no equilibrium at T = 0\.3"):
        steep.mean([0.8, 0.3])
    edge = 1 / (1 / 0.9 + 1)  # 2 δ σ0² = 1
    with pytest.raises(ParameterError, match="almost no equilibrium"):
        steep.grid(edge * (1 + 1e-7))
    with pytest.raises(ParameterError, match="more than double precision carries"):
        age(TrapModel((2.0, -1.2), 3.0, 0.9), 1.0, 0.03, [1.0])


def test_distributions_and_times_that_are_none_are_refused():
    two = MasterEquation(np.array([1.0, 2.0]), np.array([0.5, 0.5]))
    with pytest.raises(ShapeError, match="one entry per state; their shapes"):
        MasterEquation(np.ones(2), np.ones(3))
    with pytest.raises(ParameterError, match="`rates` must be positive and finite"):
        MasterEquation(np.array([0.0, 1.0]), np.array([0.5, 0.5]))
    with pytest.raises(ShapeError, match="`start` needs one entry per state"):
        two.evolve([1.0], [0.0])
    with pytest.raises(ParameterError, match="probabilities of sum 1"):
        two.evolve([0.5, 0.6], [0.0])
    with pytest.raises(ParameterError, match="Times must be finite and not negative"):
        two.evolve([0.5, 0.5], [-1.0])
    with pytest.raises(ShapeError, match="`values` needs one entry per state"):
        two.expect([1.0], [0.0])
    with pytest.raises(ParameterError, match="`times` must not be negative"):
        persistence(LIQUID, 0.5, [-1.0])
    with pytest.raises(ParameterError, match="`level` must be between 0 and 1"):
        time_of_level(LIQUID, 0.5, 1.0)
    with pytest.raises(ParameterError, match="`time` must be positive"):
        matched(LIQUID, 0.5, 0.0)
    with pytest.raises(ParameterError, match="`times` must ascend"):
        sample(LIQUID, 1.0, 0.5, [1.0, 0.0], 10)
    with pytest.raises(ParameterError, match="events would be drawn"):
        sample(LIQUID, 1.0, 0.5, [1e9], 1000)


def test_data_that_cannot_be_fitted_say_why():
    counts, moments = measured(SLOW, TEMPERATURES, n=4000)
    with pytest.raises(ParameterError, match="`degree` must be 1 or 2"):
        fit_trap_model(counts, moments, degree=3)
    with pytest.raises(ParameterError, match="`use` must be"):
        fit_trap_model(counts, moments, use="some")
    with pytest.raises(ParameterError, match="must hold events and exposure"):
        fit_trap_model(moments, moments)
    with pytest.raises(ParameterError, match="softness_mean_error is absent"):
        fit_trap_model(counts, moments.drop_vars("softness_mean_error"))
    with pytest.raises(ParameterError, match="finite with positive errors"):
        fit_trap_model(counts, moments.assign(softness_mean_error=0 * moments["softness_mean"]))
    with pytest.raises(ParameterError, match="at least two temperatures"):
        fit_trap_model(counts.isel(temperature=[0]), moments)
    with pytest.raises(TooFewEventsError, match="parameters of the trap model"):
        fit_trap_model(counts.assign(events=0 * counts["events"]), moments)
    with pytest.raises(ConvergenceError, match="do not fix all of its parameters"):
        fit_trap_model(counts.isel(softness_bin=[15]), moments.copy(), degree=1)
    with pytest.raises(TooFewEventsError, match="resampling them needs at least 2"):
        bootstrap_trap_model(counts.isel(segment=[0]), moments, onset_temperature=0.9)
    with pytest.raises(ShapeError, match="Softness and segment at T"):
        softness_moments({0.5: ([1.0], [0, 1])})
    with pytest.raises(ParameterError, match="values of softness, or some that are NaN"):
        softness_moments({0.5: ([np.nan], [0])})


def test_without_a_spread_of_rates_ageing_is_one_exponential():
    """Above onset softness forgets a cold past at the one rate; sites that are all alike have nothing to forget."""
    k, t = LIQUID.rate(0.0, 1.5), np.array([0.0, 0.5, 3.0])
    heated = age(LIQUID, 0.5, 1.5, t)["softness_mean"].values
    np.testing.assert_allclose(heated, 0.3 + (LIQUID.mean(0.5) - 0.3) * np.exp(-k * t), atol=1e-13)
    alike = age(TrapModel((1.0,), 0.0, np.inf, 0.3, 0.0), 1.0, 0.5, t)
    np.testing.assert_allclose(alike["softness_mean"], 0.3)
    assert "density" not in alike
