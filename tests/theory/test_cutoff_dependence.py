"""Cutoffs, quadratic terms and definitions on counts whose answer is planted."""

import numpy as np
import pytest

from vitrify.errors import ParameterError, ShapeError
from vitrify.theory.cutoff_dependence import fit_cutoffs
from vitrify.theory.onset import bootstrap_onset
from vitrify.theory.quadratic_terms import quadratic_terms
from vitrify.theory.rearrangement_probability import combine, count, totals
from vitrify.theory.rearranging_fraction import count_fraction

CUTOFFS = (0.05, 0.1, 0.2, 0.32)
TEMPERATURES = (0.5, 0.58, 0.7)
E0, E1, SIGMA0, SIGMA1, SHIFT = 3.0, 0.8, 1.0, 1.0, 0.5
EDGES = np.linspace(-2, 2, 9)
N, SEGMENTS = 60_000, 8


def counts_by_cutoff(seed=0, slope_per_log=0.0, curvature=0.0):
    """Nested events: those above a higher cutoff are a part of those above a lower one."""
    rng, found = np.random.default_rng(seed), {c: [] for c in CUTOFFS}
    segment = np.arange(N) % SEGMENTS
    for t in TEMPERATURES:
        softness, draw = rng.uniform(-2, 2, N), rng.random(N)
        for c in CUTOFFS:
            log_c = np.log(c / 0.2)
            e1 = E1 + slope_per_log * log_c
            barrier = E0 + SHIFT * log_c - e1 * softness + curvature * softness**2
            moving = draw < np.exp(SIGMA0 - SIGMA1 * softness - barrier / t)
            starts = softness[moving], segment[moving]
            found[c].append(count(t, (softness, segment), starts, EDGES, n_segments=SEGMENTS))
    return {c: combine(at) for c, at in found.items()}


@pytest.fixture(scope="module")
def dependence():
    return fit_cutoffs(counts_by_cutoff(), n_resamples=60)


def test_the_planted_shift_of_the_barrier_with_the_cutoff_comes_back(dependence):
    shift = dependence.shift()
    assert abs(shift.slope - SHIFT) < 3 * shift.slope_error < 0.5 * SHIFT
    assert shift.r_squared > 0.95


def test_slopes_that_are_planted_equal_are_found_equal_and_the_onset_with_them(dependence):
    for name in ("e1", "sigma1", "sigma0"):
        same = dependence.equality(name)
        assert same.p_value > 0.01
        assert abs(same.trend) < 3 * same.trend_error
    for onset in dependence.onsets:
        low, high = onset.interval("onset_temperature", tail=0.005)
        assert low < E1 / SIGMA1 < high


def test_a_slope_that_is_planted_to_change_with_the_cutoff_is_found_to_change():
    changing = fit_cutoffs(counts_by_cutoff(slope_per_log=0.15), n_resamples=60)
    same = changing.equality("e1")
    assert same.p_value < 0.01
    assert abs(same.trend - 0.15) < 3 * same.trend_error
    assert same.spread > 0.25


def test_differences_between_cutoffs_are_known_better_than_the_values_they_are_between(dependence):
    e1 = dependence.samples("e1")
    apart = np.diff(e1[:, :2], axis=1).std(ddof=1)
    assert apart < 0.8 * np.hypot(*e1[:, :2].std(axis=0, ddof=1))


def test_one_cutoff_alone_has_the_interval_of_the_onset_bootstrap(dependence):
    alone = bootstrap_onset(counts_by_cutoff()[0.2], n_resamples=200)
    together = dependence.onsets[CUTOFFS.index(0.2)]
    assert together.fit.onset_temperature == pytest.approx(alone.fit.onset_temperature)
    assert together.degrees_of_freedom == alone.degrees_of_freedom
    widths = [np.ptp(found.interval("onset_temperature")) for found in (together, alone)]
    assert widths[0] == pytest.approx(widths[1], rel=0.4)


def test_every_coefficient_is_in_the_table_with_its_interval_and_number_of_events(dependence):
    table = dependence.to_dataset()
    assert table["events"].values.tolist() == sorted(table["events"].values, reverse=True)
    for name in ("e0", "e1", "sigma0", "sigma1", "onset_temperature"):
        assert (table[f"{name}_low"] < table[name]).all()
        assert (table[name] < table[f"{name}_high"]).all()


def test_fewer_than_three_cutoffs_are_refused(dependence):
    counts = counts_by_cutoff()
    with pytest.raises(ParameterError, match=r"at least three positive cutoffs of p_hop; it has 0\.05, 0\.1"):
        fit_cutoffs({c: counts[c] for c in CUTOFFS[:2]})
    with pytest.raises(ParameterError, match="`n_resamples` at least 10; they are 1, 3"):
        fit_cutoffs(counts, n_resamples=3)


def test_counts_of_different_trajectories_are_refused():
    counts = counts_by_cutoff()
    counts[0.1] = counts[0.1].isel(temperature=[0, 2])
    with pytest.raises(ShapeError, match=r"same trajectories; temperatures \[0\.5, 0\.7\] in 8 segments"):
        fit_cutoffs(counts, n_resamples=10)


# -- quadratic terms -------------------------------------------------------------------------------------------------


def test_straight_lines_gain_no_quadratic_term():
    found = quadratic_terms(counts_by_cutoff(seed=1)[0.2], n_resamples=60)
    assert found.likelihood_p_value > 0.01
    assert found.segment_p_value > 0.01
    assert found.barrier_ratio < 3 * found.barrier_ratio_error


def test_a_planted_quadratic_term_comes_back_within_its_error():
    found = quadratic_terms(counts_by_cutoff(seed=2, curvature=0.16)[0.2], n_resamples=60)
    assert found.likelihood_gain > 20
    assert found.segment_p_value < 0.01
    assert abs(found.barrier_ratio - 0.16 / E1) < 3 * found.barrier_ratio_error
    at = np.array([-1.0, 0.0, 1.0])
    planted = E0 - E1 * at + 0.16 * at**2
    assert (abs(found.curved.energy_barrier(at) - planted) < 4 * found.barrier_error(at)).all()


# -- definitions of P_R ----------------------------------------------------------------------------------------------


def test_the_fraction_above_the_cutoff_is_the_rate_of_starts_times_their_duration():
    rng, duration, n_frames, n = np.random.default_rng(3), 7, 2000, 60
    softness = np.tile(np.repeat([-0.5, 0.5], n // 2), (n_frames, 1))
    rate = np.where(softness[0] > 0, 0.01, 0.002)
    p_hop = np.zeros((n_frames, n))
    starts, free_from = [], np.zeros(n, int)
    for t in range(n_frames):
        for i in np.flatnonzero((rng.random(n) < rate) & (t >= free_from)):
            p_hop[t : t + duration, i], free_from[i] = 0.4, t + duration
            starts.append((softness[0, i], t))
    segment = np.arange(n_frames) * 5 // n_frames
    about = {"n_segments": 5}
    fraction = totals(count_fraction(0.5, softness, p_hop, segment, [-1, 0, 1], 0.2, **about))
    s, t = np.array(starts).T
    risk = softness.ravel(), np.repeat(segment, n)
    hazard = totals(count(0.5, risk, (s, segment[t.astype(int)]), [-1, 0, 1], **about))
    ratio = (fraction["events"] / fraction["exposure"]) / (hazard["events"] / hazard["exposure"])
    assert ratio.values[0] == pytest.approx(duration, rel=0.01)
    assert fraction["events"].values.sum() == (p_hop > 0.2).sum()


def test_a_duration_that_depends_on_temperature_alone_leaves_the_onset_where_it_is():
    rng, starts, fractions = np.random.default_rng(4), [], []
    segment = np.arange(SEGMENTS)
    for t, duration in zip(TEMPERATURES, (2.0, 3.0, 5.0), strict=True):
        softness = rng.uniform(-2, 2, (SEGMENTS, 8000))
        rate = np.exp(SIGMA0 - 2.0 - SIGMA1 * softness - (E0 - E1 * softness) / t)
        k = np.repeat(segment, 8000)
        moving = rng.random(k.size) < rate.ravel()
        risk = softness.ravel(), k
        starts.append(
            count(t, risk, (risk[0][moving], k[moving]), EDGES, n_segments=SEGMENTS, frames_per_sample=1)
        )
        p_hop = np.where(rng.random(softness.shape) < duration * rate, 1.0, 0.0)
        fractions.append(count_fraction(t, softness, p_hop, segment, EDGES, 0.2, n_segments=SEGMENTS))
    by_start, by_fraction = (bootstrap_onset(combine(c), n_resamples=40) for c in (starts, fractions))
    assert by_fraction.fit.sigma0 > by_start.fit.sigma0 + 0.5
    for found in (by_start, by_fraction):
        low, high = found.interval("onset_temperature", tail=0.005)
        assert low < E1 / SIGMA1 < high


def test_fractions_of_arrays_that_do_not_pair_up_are_refused():
    with pytest.raises(ShapeError, match=r"must pair up; their shapes are \(2, 3\), \(2, 2\) and \(2,\)"):
        count_fraction(0.5, np.zeros((2, 3)), np.zeros((2, 2)), [0, 0], [-1, 1], 0.2, n_segments=1)
    with pytest.raises(ParameterError, match="`cutoff` of p_hop must be positive; it is 0"):
        count_fraction(0.5, np.zeros((2, 3)), np.zeros((2, 3)), [0, 0], [-1, 1], 0.0, n_segments=1)
