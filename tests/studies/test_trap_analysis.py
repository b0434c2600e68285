"""The trap model of one liquid, where the liquid is one."""

import numpy as np
import pytest
import xarray as xr

from vitrify.studies.trap_ageing import aged, ageing_rows, with_model
from vitrify.studies.trap_analysis import Measured, TrapAnalysis, analyse
from vitrify.studies.trap_curves import parabolic_law
from vitrify.theory.rearrangement_probability import combine, count
from vitrify.theory.softness_moments import softness_moments
from vitrify.theory.trap_model import TrapModel
from vitrify.theory.trap_model_relaxation import persistence, time_of_level

TRUTH = TrapModel((2.2, -1.2), 0.5, 0.9, softness_mean=0.4, softness_sd=0.9)
FASTER = 3.0  # positions relax so much faster than rearrangements are counted
RATES, WARM = (0.5, 0.6, 0.7), (0.8, 1.0)
LAGS = np.geomspace(1.0, 4e4, 40)
N, SEGMENTS, INTERVAL = 12_000, 6, 0.5


def counted(t: float, rng: np.random.Generator, truth: TrapModel) -> tuple[xr.Dataset, tuple]:
    s = rng.normal(truth.mean(t), np.sqrt(truth.variance(t)), N)
    segment = np.arange(N) % SEGMENTS
    moving = rng.random(N) < INTERVAL * truth.rate(s, t)
    edges = np.linspace(-3.5, 2.5, 13)
    risk, starts = (s, segment), (s[moving], segment[moving])
    return count(t, risk, starts, edges, n_segments=SEGMENTS, interval=INTERVAL), risk


def relaxing(truth: TrapModel) -> xr.Dataset:
    quick = TrapModel(
        truth.barrier,
        truth.log_prefactor + np.log(FASTER),
        truth.onset_temperature,
        truth.softness_mean,
        truth.softness_sd,
    )
    q = persistence(quick, (*RATES, *WARM), LAGS)["persistence"].values
    dims = ("temperature", "lag")
    values = {"overlap": (dims, q), "overlap_error": (dims, np.full_like(q, 0.01))}
    return xr.Dataset(values, {"temperature": [*RATES, *WARM], "lag": LAGS}, attrs={"cutoff": 0.3})


def planted(seed: int = 0, truth: TrapModel = TRUTH) -> Measured:
    rng = np.random.default_rng(seed)
    counts, samples = [], {}
    for t in (*RATES, *WARM):
        one, samples[t] = counted(t, rng, truth)
        counts.append(one)
    return Measured("a planted liquid", combine(counts), softness_moments(samples), relaxing(truth), RATES)


@pytest.fixture(scope="module")
def found() -> TrapAnalysis:
    return analyse(planted(), degree=1, n_resamples=16, seed=1, glass_temperature=0.4)


def row(found: TrapAnalysis, begins: str):
    return next(r for r in found.rows if r.quantity.startswith(begins))


@pytest.mark.parametrize(
    ("name", "truth"), [("e0", 2.2), ("e1", -1.2), ("log_prefactor", 0.5), ("softness_sd", 0.9)]
)
def test_planted_parameters_are_found_within_three_errors(found: TrapAnalysis, name: str, truth: float):
    value, low, high = found.parameter(name)
    assert abs(value - truth) < 3 * max(high - low, 1e-3) / 2
    assert low < high


def test_the_landing_distribution_is_taken_nearest_to_the_onset(found: TrapAnalysis):
    known = np.array([*RATES, *WARM])
    assert found.landing_temperature == known[np.argmin(abs(known - found.fit.model.onset_temperature))]


def test_mean_softness_of_temperatures_that_were_not_fitted_is_predicted(found: TrapAnalysis):
    m = found.datasets["trap_moments"].sel(temperature=[0.5, 0.6])
    error = np.hypot(m["softness_mean_error"], (m["softness_mean_high"] - m["softness_mean_low"]) / 2)
    assert (abs(m["softness_mean"] - m["softness_mean_model"]) < 3 * error).all()
    assert (m["softness_mean"] < 0.2).all(), "that of ϱ is 0.4"


def test_one_factor_turns_rates_of_rearrangement_into_those_of_relaxation(found: TrapAnalysis):
    matching = found.matching
    assert matching is not None
    assert matching.temperature == 0.8, "the hottest below the onset"
    spread = matching.factor_high - matching.factor_low
    assert abs(matching.factor - FASTER) < 1.5 * spread
    assert time_of_level(found.model, 0.8) == pytest.approx(matching.time, rel=1e-6)


def test_the_persistence_of_the_planted_liquid_is_that_of_the_model(found: TrapAnalysis):
    q = found.datasets["trap_persistence"].sel(temperature=[0.6, 0.7])
    assert float(abs(q["overlap_model"] - q["overlap"]).max()) < 0.1
    assert float((q["overlap_high"] - q["overlap_low"]).min()) >= 0
    ratio = row(found, "τ_Q, trap model over simulation, T = 0.5")
    assert abs(ratio.value - 1) < 3 * max(ratio.error_low, ratio.error_high)


def test_tied_counts_are_described_as_well_by_the_tied_fit_as_by_a_free_one(found: TrapAnalysis):
    tied = row(found, "deviance per degree of freedom, ΔE and Σ tied")
    free = row(found, "deviance per degree of freedom, ΔE and Σ not tied")
    assert tied.value < 1.6
    assert abs(tied.value - free.value) < 0.3
    assert row(found, "deviance per degree of freedom, each softness").value < 2


def test_a_barrier_that_curves_is_no_line():
    curved = planted(3, TrapModel((2.2, -1.2, 0.3), 0.5, 0.9, softness_mean=0.4, softness_sd=0.9))
    linear = analyse(curved, degree=1, n_resamples=4)
    bent = analyse(curved, degree=2, n_resamples=8)
    assert row(linear, "deviance per degree of freedom, ΔE and Σ tied").value > 1.3 * max(
        1.0, row(bent, "deviance per degree of freedom, ΔE and Σ tied").value
    )
    value, low, high = bent.parameter("e2")
    assert abs(value - 0.3) < 1.5 * (high - low)


def test_the_parabolic_law_of_planted_times_gives_their_fragility():
    measured = planted()
    t = np.array([*RATES, *WARM])
    tau = np.exp(2.0 + 1.5 * (1 / t - 1.0) ** 2)
    q = np.exp(-LAGS / tau[:, None])
    both = ("temperature", "lag")
    overlap = measured.overlap.assign(overlap=(both, q))
    law = parabolic_law(Measured("", measured.counts, measured.moments, overlap, RATES))
    assert law is not None
    m, sigma = law.fragility(0.45), law.fragility_error(0.45)
    assert abs(m - 2 * 1.5 * (1 / 0.45 - 1) / 0.45) < 3 * sigma
    assert abs(m - 8.15) < 1


def test_a_liquid_above_the_onset_of_the_parabolic_law_is_left_out_of_it():
    measured = planted()
    t = np.array([*RATES, *WARM])
    beyond = np.maximum(1 / t - 1 / 0.85, 0.0)
    q = np.exp(-LAGS / np.exp(2.0 + 8.0 * beyond**2)[:, None])
    overlap = measured.overlap.assign(overlap=(("temperature", "lag"), q))
    law = parabolic_law(Measured("", measured.counts, measured.moments, overlap, RATES))
    assert law is not None
    assert law.degrees_of_freedom == 1, "four of five temperatures"
    assert abs(law.onset_temperature - 0.85) < 0.1


def test_an_overlap_that_does_not_relax_fixes_no_factor():
    measured = planted()
    stuck = measured.overlap.assign(overlap=0.9 + 0 * measured.overlap["overlap"])
    found = analyse(
        Measured("a glass", measured.counts, measured.moments, stuck, RATES), degree=1, n_resamples=4
    )
    assert found.matching is None
    assert found.model == found.fit.model
    assert any("the overlap is seen to relax" in words for words in found.warnings)


# -- ageing ----------------------------------------------------------------------------------------------------------

WAITS = np.geomspace(1.0, 300.0, 12)
FINAL = np.array([0.28, 0.31, 0.34])


def quenched(curves: np.ndarray, n_samples: int = 5) -> xr.Dataset:
    """What five samples show of given curves: one starts a little softer than another, at all temperatures alike."""
    rng = np.random.default_rng(8)
    of_sample = 0.01 * rng.normal(size=n_samples)
    shape = ("temperature", "waiting_time", "sample")
    softness = curves[:, :, None] + of_sample + 0.005 * rng.normal(size=(*curves.shape, n_samples))
    return xr.Dataset(
        {
            "softness": (shape, softness),
            "softness_mean": (shape[:2], softness.mean(axis=2)),
            "softness_mean_error": (shape[:2], softness.std(axis=2, ddof=1) / np.sqrt(n_samples)),
            "n_samples": (shape[:2], np.full(curves.shape, n_samples)),
            "softness_initial": ((), 0.4),
            "softness_initial_error": ((), 0.01),
            "softness_equilibrium": (shape[:1], np.full(len(FINAL), np.nan)),
            "softness_equilibrium_error": (shape[:1], np.full(len(FINAL), np.nan)),
        },
        {"temperature": FINAL, "waiting_time": WAITS},
        attrs={"initial_temperature": 1.0},
    )


def test_ageing_of_the_planted_liquid_is_that_of_the_model(found: TrapAnalysis):
    quick = TrapModel((2.2, -1.2), 0.5 + np.log(FASTER), 0.9, softness_mean=0.4, softness_sd=0.9)
    liquid = quenched(aged(quick, 1.0, FINAL, WAITS))
    liquid["softness_equilibrium"][:] = quick.mean(FINAL)
    both = with_model(found, liquid)
    spread = (both["softness_mean_high"] - both["softness_mean_low"]) / 2
    error = np.hypot(both["softness_mean_error"], spread)
    assert float((abs(both["softness_mean"] - both["softness_mean_model"]) / error).median()) < 2
    rows = {r.quantity: r for r in ageing_rows(both, 0.0)[0]}
    for words in ("simulation", "trap model"):
        trend = rows[f"ageing: d⟨S⟩ / dT_F at the same t_w, {words}"]
        assert trend.value < -3 * trend.error_high, "the colder, the slower"


def test_curves_that_fall_together_are_said_to(found: TrapAnalysis):
    alike = np.broadcast_to(0.4 - 0.1 * np.log(WAITS), (len(FINAL), len(WAITS)))
    rows, _ = ageing_rows(with_model(found, quenched(alike)), 0.0)
    measured, modelled = (r for r in rows if r.quantity.startswith("ageing: d⟨S⟩"))
    assert abs(measured.value) < 3 * measured.error_high < 0.2
    assert modelled.value < -3 * modelled.error_high


def test_without_a_fit_only_the_liquid_is_shown():
    bare = quenched(np.broadcast_to(0.4 - 0.1 * np.log(WAITS), (len(FINAL), len(WAITS))))
    assert "softness_mean_model" not in with_model(None, bare)


def test_liquids_that_are_in_equilibrium_at_once_do_not_age_together():
    flat = quenched(np.zeros((len(FINAL), len(WAITS))))
    flat["softness_equilibrium"][:] = 0.0
    rows, said = ageing_rows(flat, 0.0)
    assert rows == []
    assert "fewer than two final temperatures age together" in said[0]
