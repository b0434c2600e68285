"""The trap model against closed answers, direct quadrature and kinetic Monte Carlo."""

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp
from scipy.optimize import brentq, minimize_scalar

from vitrify.theory.parabolic_law import fit_parabolic
from vitrify.theory.trap_model import TrapModel
from vitrify.theory.trap_model_ageing import age, two_time
from vitrify.theory.trap_model_relaxation import fragility, persistence, relaxation_times
from vitrify.theory.trap_model_sampler import sample

LIQUID = TrapModel((2.0, -1.2, 0.05), 3.0, 0.9, softness_mean=0.3, softness_sd=0.9)
STRAIGHT = TrapModel((2.0, -1.2), 3.0, 0.9, softness_mean=0.3, softness_sd=0.9)


def test_sites_that_are_all_alike_relax_exponentially():
    """One softness, one rate: Q = exp(−kt), tau_Q = 1/k, tau_half = ln 2 / k."""
    model = TrapModel((2.0, -1.2), 3.0, 0.9, softness_mean=0.4, softness_sd=0.0)
    k = np.exp(3.0 + (-1.2 / 0.9) * 0.4 - (2.0 - 1.2 * 0.4) / 0.5)
    t = np.logspace(-3, 3, 20) / k
    np.testing.assert_allclose(persistence(model, 0.5, t)["persistence"][0], np.exp(-k * t), rtol=1e-12)
    times = relaxation_times(model, [0.5])
    np.testing.assert_allclose([times["tau_q"].item(), times["tau_mean"].item()], 1 / k, rtol=1e-12)
    assert (times["tau_q"] / times["tau_half"]).item() == pytest.approx(1 / np.log(2), rel=1e-12)


@pytest.mark.parametrize("m", [1, 4])
def test_the_susceptibility_is_largest_at_the_half_time_where_it_is_a_quarter_of_m(m):
    """χ4 = m (Q − Q²) has its maximum m/4 at Q = 1/2, eqs. 17 to 19, found here by searching for it."""
    model = TrapModel(LIQUID.barrier, 3.0, 0.9, 0.3, 0.9, particles_per_site=m)
    times = relaxation_times(model, [0.5])
    half = np.log(times["tau_half"].item())
    found = minimize_scalar(
        lambda x: -persistence(model, 0.5, np.exp(x))["chi4"].item(),
        bracket=(half - 2, half + 1),
        method="golden",
        tol=1e-9,
    )
    assert -found.fun == pytest.approx(m / 4, rel=1e-12)
    assert np.exp(found.x) == pytest.approx(times["tau_chi"].item(), rel=1e-5)


@pytest.mark.parametrize("m", [1, 4])
def test_the_susceptibility_is_the_scatter_of_the_persistence_between_systems(m):
    """N Var Q of 4000 systems of 50 sites of m particles, against m (Q − Q²); standard error of a variance √(2/4000) = 2.2 %."""
    systems, sites, time = 4000, 50, 3.0
    drawn = sample(STRAIGHT, 0.6, 0.6, [time], systems * sites, rng=4)
    q = 1 - drawn["rearranged"].values.reshape(systems, sites).mean(axis=1)
    model = TrapModel(STRAIGHT.barrier, 3.0, 0.9, 0.3, 0.9, particles_per_site=m)
    expected = persistence(model, 0.6, time)["chi4"].item()
    assert sites * m * q.var(ddof=1) == pytest.approx(expected, rel=4 * np.sqrt(2 / systems))


@pytest.mark.parametrize("temperature", [0.4, 0.5, 0.7, 0.85])
def test_mean_and_variance_of_softness_are_those_of_the_boltzmann_weight(temperature):
    """Integrals of ϱ exp(ΔE / T − Σ), eq. 7, give eqs. 10 and 11."""
    s = np.linspace(-14, 12, 6001)
    barrier = 2.0 - 1.2 * s + 0.05 * s**2
    prefactor = 3.0 + (-1.2 * s + 0.05 * s**2) / 0.9
    landing = np.exp(-0.5 * ((s - 0.3) / 0.9) ** 2)
    weight = landing * np.exp(barrier / temperature - prefactor)
    mean = (weight @ s) / weight.sum()
    assert LIQUID.mean(temperature) == pytest.approx(mean, abs=1e-12)
    assert LIQUID.variance(temperature) == pytest.approx(weight @ (s - mean) ** 2 / weight.sum(), rel=1e-12)
    gamma, delta = -1.2 * (1 / 0.9 - 1 / temperature), 0.05 * (1 / temperature - 1 / 0.9)
    assert mean == pytest.approx((0.3 - gamma * 0.81) / (1 - 2 * delta * 0.81), abs=1e-12)


def test_with_the_printed_signs_of_the_prefactor_softness_would_still_matter_at_onset():
    """Σ = Σ0 − (ε1 S + ε2 S²) / T0, as printed, leaves a rate at T0 that depends on S; with plus it does not."""
    s, t0 = np.linspace(-2, 2, 5), LIQUID.onset_temperature
    rise = LIQUID.energy_barrier(s) - 2.0
    np.testing.assert_allclose(LIQUID.log_rate(s, t0 * (1 - 1e-15)), 3.0 - 2.0 / t0, rtol=1e-12)
    assert np.ptp(3.0 - rise / t0 - (2.0 + rise) / t0) > 5


def test_sites_about_to_rearrange_are_distributed_like_those_that_just_have():
    """P(S|R) = ϱ(S) at every temperature, eq. 6: detailed balance of sites that forget."""
    for t in (0.35, 0.5, 0.8, 1.5):
        softness, weight = LIQUID.grid(t)
        master = LIQUID.master(t, softness, weight)
        leaving = master.rates * master.equilibrium
        np.testing.assert_allclose(leaving / leaving.sum(), weight, rtol=1e-12)
        density = LIQUID.density(softness, t) * LIQUID.rate(softness, t)
        np.testing.assert_allclose(
            density / np.trapezoid(density, softness), LIQUID.landing_density(softness), rtol=1e-9
        )


@pytest.mark.parametrize(
    ("spread", "ratio", "tau_q", "tau_half"),
    [(0.5, 1.499, 1.0061, 0.6712), (1.0, 1.6584, 1.0553, 0.6363), (2.0, 2.188, 1.3056, 0.5968)],
)
def test_relaxation_times_of_gaussian_log_rates(spread, ratio, tau_q, tau_half):
    """ln k normal of width γσ: tau_Q / tau_half and both times in units of 1 / k(⟨S⟩), also by adaptive quadrature."""
    times = relaxation_times(TrapModel((0.0, -spread), 0.0, np.inf), [1.0])
    assert (times["tau_q"] / times["tau_half"]).item() == pytest.approx(ratio, abs=5e-4)
    for name, level, printed in (("tau_q", np.exp(-1), tau_q), ("tau_half", 0.5, tau_half)):
        reduced = (times[name] * times["rate_at_mean"]).item()
        assert reduced == pytest.approx(printed, abs=7e-5)

        def excess(log_t, level=level):
            def integrand(x):
                return np.exp(-(x**2) / 2 - np.exp(spread * x + log_t)) / np.sqrt(2 * np.pi)

            return quad(integrand, -12, 12, epsabs=1e-13)[0] - level

        assert reduced == pytest.approx(np.exp(brentq(excess, -3, 3)), rel=1e-9)


def test_equilibrium_is_stationary_at_all_times():
    """The master operator takes P_eq to nothing, and 15 decades of time leave it as it is."""
    for t in (0.35, 0.6, 1.2):
        softness, weight = LIQUID.grid(t)
        master = LIQUID.master(t, softness, weight)
        p = master.equilibrium
        assert np.abs(master.flux(p)).max() < 1e-14 * (master.rates * p).max()
        np.testing.assert_allclose(
            master.evolve(p, np.logspace(-5, 10, 16)), p[None].repeat(16, 0), atol=1e-16
        )


def test_a_quench_to_the_temperature_it_came_from_changes_nothing():
    flat = age(LIQUID, 0.5, 0.5, np.logspace(-3, 9, 13))
    np.testing.assert_allclose(flat["softness_mean"], LIQUID.mean(0.5), atol=1e-13)
    lagged = two_time(LIQUID, 0.5, 0.5, [0.0, 1.0, 1e6], [0.1, 10.0])
    np.testing.assert_allclose(lagged["persistence"], persistence(LIQUID, 0.5, [0.1, 10.0])["persistence"].values.repeat(3, 0))  # fmt: skip


@pytest.mark.parametrize(("hot", "cold"), [(1.0, 0.45), (0.45, 0.7)])
def test_ageing_agrees_with_a_stiff_integrator(hot, cold):
    """Eq. 5 on the same grid, stepped implicitly, after a quench and after heating."""
    softness, weight = LIQUID.grid(hot, cold, n_points=120)
    k = LIQUID.rate(softness, cold)
    start = weight / LIQUID.rate(softness, hot)
    operator = np.outer(weight, k) - np.diag(k)
    times = np.array([1e-2, 1.0, 30.0, 1e3])
    twin = solve_ivp(
        lambda t, p: operator @ p, (0, 1e3), start / start.sum(), "BDF", times,
        jac=operator, rtol=1e-8, atol=1e-13,
    )  # fmt: skip
    found = age(LIQUID, hot, cold, times, n_points=120)
    np.testing.assert_allclose(found["softness_mean"], softness @ twin.y, atol=3e-7)


def test_ageing_ends_in_equilibrium_from_either_side():
    for start in (5.0, 0.6, 0.36):
        late = age(LIQUID, start, 0.4, [1e12])
        assert late["softness_mean"].item() == pytest.approx(LIQUID.mean(0.4), abs=1e-11)
        assert late["softness_variance"].item() == pytest.approx(LIQUID.variance(0.4), rel=1e-11)
        assert late["rate_mean"].item() == pytest.approx(1 / LIQUID.inverse_rate(0.4), rel=1e-11)


def test_colder_systems_take_longer_to_reach_the_same_softness():
    """What the model predicts and the liquids of the paper do not show: curves of different T_F do not fall together.

    True where all are far from their equilibrium; a warmer one that is about to arrive is overtaken.
    """
    t, reached = np.logspace(-3, 9, 200), []
    for cold in (0.45, 0.40, 0.35, 0.30, 0.25):
        mean = age(STRAIGHT, 1.0, cold, t)["softness_mean"].values
        assert (np.diff(mean) < 1e-13).all()
        reached.append(np.interp(0.2, -mean, np.log(t)))
    assert (np.diff(reached) > 0.1).all()
    assert np.ptp(reached) > 1.4


def test_kinetic_monte_carlo_ages_as_the_master_equation():
    """40,000 sites, quenched and heated: standard errors of 0.005 in ⟨S⟩, 1 % in the variance, 0.0025 in Q."""
    times, n = np.array([0.0, 0.1, 1.0, 10.0, 100.0, 1000.0]), 40_000
    for hot, cold, seed in ((1.0, 0.45, 1), (0.45, 0.8, 2)):
        drawn = sample(LIQUID, hot, cold, times[: 6 if cold < 0.5 else 4], n, rng=seed)
        t, s = drawn["time"].values, drawn["softness"].values
        exact, still = age(LIQUID, hot, cold, t), two_time(LIQUID, hot, cold, 0.0, t)["persistence"][0]
        error = s.std(axis=1) / np.sqrt(n)
        assert error.max() < 0.0055
        assert np.abs((s.mean(axis=1) - exact["softness_mean"].values) / error).max() < 4
        np.testing.assert_allclose(s.var(axis=1), exact["softness_variance"], rtol=4.5 * np.sqrt(2 / n))
        q = 1 - drawn["rearranged"].values.mean(axis=1)
        assert (np.abs(q - still.values) <= 4 * np.sqrt(still.values * (1 - still.values) / n)).all()


def test_kinetic_monte_carlo_correlates_two_times_as_the_master_equation():
    """Covariance of S(t_w) and S(t_w + t) after a quench; standard error about 0.004 with 60,000 sites."""
    waits, lag, n = [0.0, 3.0, 100.0], 20.0, 60_000
    exact = two_time(STRAIGHT, 1.0, 0.5, waits, [lag])["softness_covariance"].values[:, 0]
    for wait, expected in zip(waits, exact, strict=True):
        s = sample(STRAIGHT, 1.0, 0.5, [wait, wait + lag], n, rng=7)["softness"].values
        product = (s[0] - s[0].mean()) * (s[1] - s[1].mean())
        assert abs(product.mean() - expected) < 4 * product.std() / np.sqrt(n)


def test_the_rate_at_the_mean_softness_obeys_the_parabolic_law():
    """With ε2 = 0, −ln k(⟨S⟩) is a parabola of 1/T below T0, of curvature J² = ε1² σ0²: barriers of Gaussian traps."""
    t = np.linspace(0.3, 0.85, 8)
    law = fit_parabolic(t, -np.log(STRAIGHT.equilibrium(t)["rate_at_mean"].values))
    assert law.curvature == pytest.approx((1.2 * 0.9) ** 2, rel=1e-9)
    np.testing.assert_allclose(law.log_time(0.2), -STRAIGHT.log_rate(STRAIGHT.mean(0.2), 0.2), rtol=1e-8)


def test_an_arrhenius_system_has_the_fragility_of_its_barrier():
    """One barrier E: m = E / T_g in natural logarithms."""
    assert fragility(TrapModel((3.0,), 1.0, np.inf, softness_sd=0.7), 0.2) == pytest.approx(15.0, rel=1e-12)


def test_above_onset_nothing_depends_on_softness():
    times = relaxation_times(LIQUID, [0.9, 1.0, 2.0])
    np.testing.assert_allclose(times["tau_q"] / times["tau_half"], 1 / np.log(2), rtol=1e-12)
    np.testing.assert_allclose(LIQUID.mean([0.9, 1.0, 2.0]), 0.3)
    np.testing.assert_allclose(times["apparent_barrier"], 2.0, rtol=1e-12)


def test_a_negative_onset_temperature_leaves_softness_its_meaning_at_all_temperatures():
    model = TrapModel((2.0, -0.4), 1.0, -2.0)
    assert (model.gamma([0.5, 5.0, 100.0]) > 0).all()
    assert model.mean(1.0) == pytest.approx(-0.4 * (1 + 0.5), rel=1e-12)
