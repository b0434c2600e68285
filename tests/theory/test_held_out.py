"""A temperature and later times, predicted without them; c in time; what stands behind displacements."""

import numpy as np
import pytest
import xarray as xr

from vitrify.errors import ParameterError, TooFewEventsError
from vitrify.rearrangements.events import Events
from vitrify.theory.displacing_events import events_behind_displacements
from vitrify.theory.held_out import calibrated, held_out_temperature, until
from vitrify.theory.held_out_times import held_out_times
from vitrify.theory.log_quadratic import LogQuadratic
from vitrify.theory.productive_in_time import productive_in_time
from vitrify.theory.survivors import Survivors

from .test_likelihood_gain import counts

LAGS = [0, 1, 2, 4, 8, 16, 32, 64]
EDGES = np.linspace(-2.5, 2.5, 6)
LAW = LogQuadratic(np.array([-4.0, 1.0, 0.0]), np.zeros((3, 3)))


def survivors(*, memory, seed=0, n=3000, frames=100, scale=1.0):
    """Particles whose softness wanders with a memory and that hop for good with the probability of `LAW`, times `scale`."""
    rng = np.random.default_rng(seed)
    s, x = rng.normal(size=n), np.zeros(n)
    softness, positions = np.empty((frames, n)), np.empty((frames, n, 1))
    for t in range(frames):
        softness[t], positions[t, :, 0] = s, x
        x = x + (rng.random(n) < scale * LAW.predict(s))
        s = memory * s + np.sqrt(1 - memory**2) * rng.normal(size=n)
    return Survivors(0.5, n_segments=5).count(
        lambda a, b: positions[a:b], lambda a, b: softness[a:b], np.arange(float(frames)), EDGES, LAGS
    )


@pytest.fixture(scope="module")
def wandering():
    return survivors(memory=0.9)


def test_an_arrhenius_law_predicts_the_temperature_it_has_not_seen():
    found = held_out_temperature(counts(7), 0.6, n_resamples=30)
    used = found["used"].values.astype(bool)
    pulls = (found["difference"] / found["difference_error"]).values[used]
    assert used.sum() == 9
    assert np.abs(pulls).max() < 4
    assert abs(found["mean_difference"]) < 4 * found["mean_difference_error"]
    assert found["root_mean_square"] < 0.3


def test_a_law_that_is_not_arrhenius_is_found_out():
    bent = counts(8)
    k = bent["events"].copy()
    k[1] = k[1] * 2
    found = held_out_temperature(bent.assign(events=k), 0.6, n_resamples=30)
    assert float(found["mean_difference"]) == pytest.approx(-np.log(2), abs=0.1)
    assert abs(found["mean_difference"]) > 5 * found["mean_difference_error"]


def test_nothing_to_compare_with_is_refused():
    with pytest.raises(TooFewEventsError, match="nothing to compare with"):
        held_out_temperature(counts(7), 0.6, min_events=10**9, n_resamples=2)


def test_calibration_finds_the_planted_number_of_displacements_per_rearrangement(wandering):
    assert calibrated(wandering, LAW, 10.0) == pytest.approx(1.0, abs=0.05)
    half = survivors(memory=0.9, scale=0.5, seed=2)
    assert calibrated(half, LAW, 10.0) == pytest.approx(0.5, abs=0.04)


def test_calibration_before_the_first_lag_is_refused(wandering):
    with pytest.raises(ParameterError, match="before the first lag"):
        calibrated(wandering, LAW, 0.5)


def test_later_times_follow_from_earlier_ones_with_the_propagator_and_not_without(wandering):
    found = held_out_times(wandering, LAW, 16.0, n_resamples=10)
    propagated, naive = found.sel(route="gaussian"), found.sel(route="naive")
    assert float(propagated["distance"]) < 0.02
    assert float(propagated["distance"]) < 0.5 * float(naive["distance"])
    assert float(found["distance_error"].min()) > 0


def test_later_times_do_not_enter_what_is_held_out(wandering):
    tampered = wandering.copy(deep=True)
    late = tampered["lag"].values > 16
    for name in ("softness_sum", "later_sum"):
        tampered[name].values[:, :, late] += 100.0
    before, after = (held_out_times(c, LAW, 16.0, n_resamples=0) for c in (wandering, tampered))
    np.testing.assert_array_equal(before["predicted"].values, after["predicted"].values)
    assert not until(wandering, 16.0)["later"].values[:, :, late].any()


def test_a_time_that_leaves_none_later_is_refused(wandering):
    with pytest.raises(ParameterError, match="leaves no later lag"):
        held_out_times(wandering, LAW, 64.0)


def test_displacements_per_rearrangement_are_constant_for_single_hops(wandering):
    c = productive_in_time(wandering, LAW)
    early = c["lag"].values <= 16
    pulls = (c["productive"] - 1) / c["productive_error"].clip(min=0.02)
    assert np.abs(pulls.values[early]).max() < 4


def walkers(step):
    """Particles that move by a step every 20 frames, in one direction, without noise."""
    x = step * (np.arange(200) // 20)
    positions = np.zeros((200, 5, 3))
    positions[:, :, 0] = x[:, None]
    return lambda a, b: positions[a:b]


def test_long_steps_are_single_events_and_short_ones_add_up():
    for step, added in ((0.8, 0.0), (0.3, 1.0)):
        read = walkers(step)
        events = Events().stream(read, np.arange(200.0))
        found = events_behind_displacements(events, read, np.arange(200.0), 0.5, [0.2], [60], n_origins=5)
        assert found["n"].item() == 25
        assert found["share_accumulated"].item() == added
        assert found["share_below"].item() == added  # 0.3 squared is below p_c


def test_only_the_particles_that_are_asked_for_count():
    read = walkers(0.8)
    events = Events().stream(read, np.arange(200.0))
    some = events_behind_displacements(
        events, read, np.arange(200.0), 0.5, [0.05, 0.2], [60], np.array([1, 3]), n_origins=5
    )
    assert some["n"].item() == 10
    assert isinstance(some, xr.Dataset)


def test_no_threshold_is_refused():
    read = walkers(0.8)
    events = Events().stream(read, np.arange(200.0))
    with pytest.raises(ParameterError, match="`thresholds` not empty"):
        events_behind_displacements(events, read, np.arange(200.0), 0.5, [])
