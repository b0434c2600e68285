"""What a study makes of its counts: a fit, a fit without errors, or neither, and always words that say so."""

import numpy as np
import pytest

from vitrify.studies.fits import fit_attributes, global_fit
from vitrify.studies.results import _coefficient_rows, _onset_note
from vitrify.studies.settings import SoftnessSettings
from vitrify.theory.rearrangement_probability import combine, count


def counts_of(temperatures=(0.45, 0.5, 0.6), n=30_000, n_segments=6, sigma1=1.0, seed=0):
    rng, parts = np.random.default_rng(seed), []
    for t in temperatures:
        s, k = rng.normal(size=n), rng.integers(0, n_segments, n)
        moving = rng.random(n) < np.exp(1.0 - sigma1 * s - (2.5 - 0.8 * s) / t)
        edges = np.linspace(-2.5, 2.5, 9)
        parts.append(count(t, (s, k), (s[moving], k[moving]), edges, n_segments=n_segments))
    return combine(parts)


def settings(degree=1):
    points = [
        {"temperature": 0.45, "frames": 60, "hold_time": 1.0, "replica": k, "training": bool(k)}
        for k in (0, 1)
    ]
    return SoftnessSettings.model_validate(
        {"state_points": points, "statistics": {"degree": degree, "resamples": 40}}
    )


@pytest.mark.parametrize("degree", [1, 2])
def test_a_fit_above_a_line_hands_its_powers_to_the_figure(degree):
    fit, onset, _ = global_fit(counts_of(), settings(degree))
    attrs = fit_attributes(fit, onset)
    assert ("energy_barrier_powers" in attrs) == ("log_prefactor_powers" in attrs) == (degree > 1)
    if degree > 1:
        assert attrs["energy_barrier_powers"] == fit.barrier.tolist()
        assert attrs["log_prefactor_powers"][1] == -fit.sigma1
        assert "slopes at S = 0" in _onset_note(onset)


def test_the_onset_is_reported_with_its_interval_at_two_confidences():
    fit, onset, said = global_fit(counts_of(), settings())
    row = _coefficient_rows(fit, onset)[-1]
    assert said == []
    assert row.value == fit.onset_temperature
    assert 0 < row.error_low < 0.3
    assert "68 %: 0." in row.note
    assert "95 %: 0." in row.note


def test_an_onset_without_a_bound_is_said_to_have_none():
    fit, onset, said = global_fit(counts_of(n=3000, sigma1=0.0, seed=2), settings())
    row = _coefficient_rows(fit, onset)[-1]
    assert "compatible with zero" in said[0]
    assert row.error_high == np.inf
    assert "any value" in row.note


@pytest.mark.parametrize(
    ("counts", "fitted", "words"),
    [
        ({"temperatures": (0.5,)}, False, "at least two temperatures"),
        ({"n": 20}, False, "not fitted"),
        ({"n_segments": 1}, True, "have no errors"),
    ],
)
def test_counts_that_carry_no_fit_leave_a_report_that_says_why(counts, fitted, words):
    fit, onset, said = global_fit(counts_of(**counts), settings())
    assert (fit is not None) == fitted
    assert onset is None
    assert words in said[0]
    rows = _coefficient_rows(fit, onset)
    assert len(rows) == 5
    assert np.isnan([r.error_low for r in rows]).all()
    assert np.isfinite(fit_attributes(fit, onset).get("T0", np.nan)) == fitted


class Loud:
    """A trajectory as far as the choice of temperatures sees it."""

    def __init__(self, temperature, active):
        from vitrify.studies.settings import StatePoint

        self.point = StatePoint(temperature=temperature, frames=100, hold_time=1.0)
        self.active = active


def test_temperatures_where_events_merge_are_shown_but_not_fitted():
    from vitrify.studies.fits import fitted_temperatures

    chosen, said = fitted_temperatures([Loud(0.47, 0.03), Loud(0.5, 0.05), Loud(0.6, 0.35)], settings())
    assert chosen == [0.47, 0.5]
    assert "T = 0.6 (35%)" in said[0]
    chosen, said = fitted_temperatures([Loud(0.47, 0.03), Loud(0.6, 0.35)], settings())
    assert chosen == [0.47, 0.6]
    assert "biased" in said[0]
