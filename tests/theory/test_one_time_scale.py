"""Starts per frame and the fraction that is rearranging are one law on two clocks: rate times duration."""

from typing import NamedTuple

import numpy as np
import pytest
import xarray as xr

from vitrify.errors import ParameterError, TooFewEventsError
from vitrify.rearrangements.events import Events, at_risk, rearrangements
from vitrify.rearrangements.p_hop import PHop
from vitrify.theory.log_quadratic import LogQuadratic
from vitrify.theory.overlap_prediction import OverlapPrediction, initial_decay
from vitrify.theory.productive_fraction import rearrangement_time
from vitrify.theory.rearrangement_probability import count
from vitrify.theory.rearranging_fraction import count_rearranging, time_above
from vitrify.theory.survivors import Survivors

A, B, HOP, WINDOW, P_C = -5.6, 0.6, 0.8, 10, 0.2
N_FRAMES, INTERVAL = 400, 2.0
LEVELS = np.array([-1.5, -0.5, 0.5, 1.5])
EDGES = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
TIMES = INTERVAL * np.arange(N_FRAMES)
LAGS = [0, 10, 30, 80, 160, 250]


def reader(array):
    return lambda start, stop: array[start:stop]


class Planted(NamedTuple):
    softness: np.ndarray
    p_hop: np.ndarray
    events: xr.Dataset
    survivors: xr.Dataset
    starts: LogQuadratic
    fraction: LogQuadratic


@pytest.fixture(scope="module")
def planted():
    """Particles that keep their softness and hop to the right as Poisson hops with p = exp(A + B S) per frame."""
    rng = np.random.default_rng(0)
    softness = np.tile(np.repeat(LEVELS, 500), (N_FRAMES, 1))
    hops = rng.random(softness.shape) < np.exp(A + B * softness)
    positions = np.zeros((*softness.shape, 3))
    positions[..., 0] = HOP * np.cumsum(hops, axis=0)
    p_hop = PHop(WINDOW).compute(positions)
    events = Events(window=WINDOW).find(p_hop, positions, TIMES)
    survivors = Survivors(0.5, n_segments=5).count(
        reader(positions), reader(softness), TIMES, EDGES, INTERVAL * np.array(LAGS, float)
    )
    frames = np.arange(1, N_FRAMES - 3 * WINDOW)
    free = at_risk(events, frames, softness.shape[1])
    moving = rearrangements(events)
    frame, particle = moving["start_frame"].values, moving["particle"].values
    kept = moving["start_seen"].values & (frame >= frames[0]) & (frame <= frames[-1])
    kept[kept] &= free[frame[kept] - frames[0], particle[kept]]
    at = softness[frames][free], np.zeros(free.sum(), int)
    began = softness[frame[kept], particle[kept]], np.zeros(kept.sum(), int)
    counts = count(0.5, at, began, EDGES, n_segments=1, interval=INTERVAL)
    instant = count_rearranging(
        0.5, reader(p_hop), reader(softness), TIMES, EDGES, threshold=P_C, n_segments=5
    )
    return Planted(softness, p_hop, events, survivors, LogQuadratic.fit(counts), LogQuadratic.fit(instant))


def exactly():
    p = np.exp(A + B * LEVELS)
    return np.mean((1 - p) ** np.array(LAGS)[:, None], axis=1)


def test_both_clocks_predict_the_planted_overlap(planted):
    for law in (planted.starts, planted.fraction):
        found = OverlapPrediction().compute(planted.survivors, law).sel(route="naive")
        away = np.abs(found["predicted"].values - exactly())[1:]
        assert (away <= 3 * found["predicted_error"].values[1:]).all(), law.step
        assert (found["predicted_error"].values < 0.02).all()
    assert planted.starts.step == INTERVAL
    assert planted.fraction.step > 4 * INTERVAL


def test_the_fraction_is_the_rate_times_the_time_above_the_threshold(planted):
    fraction, starts = planted.fraction, planted.starts
    rate = starts.predict(LEVELS) / starts.step
    np.testing.assert_allclose(fraction.predict(LEVELS) / fraction.step, rate, rtol=0.12)
    above = np.nanmean(planted.p_hop > P_C) / (1 - np.mean(np.isnan(planted.p_hop)))
    np.testing.assert_allclose(above, (rate * fraction.step).mean(), rtol=0.06)


def test_a_clean_hop_stays_above_the_threshold_as_long_as_is_said(planted):
    """2 ⌈W [1 − (p_c / Δ²)^(2/3)]⌉ − 1 frames; from event threshold to event threshold it lasts longer."""
    half = WINDOW // 2

    def frames(p_c):
        return 2 * np.ceil(half * (1 - (p_c / HOP**2) ** (2 / 3))) - 1

    one = np.zeros((60, 1, 3))
    one[30:, 0, 0] = HOP
    p_hop = PHop(WINDOW).compute(one)
    times = np.arange(60.0)
    for p_c in (0.05, 0.1, 0.2, 0.4, 0.6):
        assert time_above(reader(p_hop), times, p_c) == frames(p_c)
    assert rearrangement_time(Events(window=WINDOW).find(p_hop, one, times)).value == frames(0.05)
    assert frames(0.2) < 0.6 * frames(0.05)


def test_the_wrong_clock_is_seen(planted):
    """The fraction above p_c with the duration of whole events as its step: too slow by their ratio."""
    law, duration = planted.fraction, rearrangement_time(planted.events).value
    wrong = LogQuadratic(law.coefficients, law.covariance, duration)
    found = OverlapPrediction().compute(planted.survivors, wrong).sel(route="naive")
    late = np.array(LAGS) >= 80
    apart = found["predicted"].values - exactly()
    assert (apart[late] > 5 * found["predicted_error"].values[late]).all()


def test_the_overlap_begins_to_fall_as_both_clocks_say(planted):
    for law in (planted.starts, planted.fraction):
        found = initial_decay(planted.survivors, law, 1.0, lag=10 * INTERVAL)
        assert (np.abs(found["ratio"] - 1) < 3.5 * found["ratio_error"]).all()
        assert abs(found["productive"] - 1) < 0.08


def test_looking_at_given_frames_and_particles(planted):
    frames, some = np.array([20, 60, 200]), np.arange(0, 2000, 3)
    found = count_rearranging(
        0.5, reader(planted.p_hop), reader(planted.softness), TIMES, EDGES, threshold=P_C, n_segments=4, frames=frames,
        particles=some,
    )  # fmt: skip
    assert found["exposure"].sum(["temperature", "softness_bin"]).values.tolist() == [2 * 667, 0, 667, 0]
    above = planted.p_hop[frames][:, some] > P_C
    assert found["events"].sum() == above.sum()


def test_a_time_above_the_threshold_needs_hops_and_even_frames():
    p_hop = reader(np.full((8, 2), 0.3))
    with pytest.raises(TooFewEventsError, match=r"p_hop never rises above 0\.2 in 8 frames"):
        time_above(p_hop, np.arange(8.0), 0.2)
    with pytest.raises(ParameterError, match="A time above a threshold needs frames at equal intervals"):
        time_above(p_hop, np.geomspace(1, 100, 8), 0.2)
