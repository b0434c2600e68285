"""p_hop of motions whose answer is known."""

import numpy as np
import pytest

from vitrify.rearrangements.events import Events, at_risk, instantaneous, rearrangements
from vitrify.rearrangements.p_hop import PHop

PROFILE = (np.array([0, 1, 2, 3, 4, 5, 4, 3, 2, 1, 0]) / 5) ** 1.5


def step(length: float, at: int = 20, n_frames: int = 40, dimension: int = 3) -> np.ndarray:
    positions = np.full((n_frames, 1, dimension), 7.0)
    positions[at:, 0, 0] += length
    return positions


def test_a_unit_step_has_the_profile_k_over_w_to_the_three_halves():
    """A jump seen by k of the W frames of one window moves its mean by k/W and widens it by (k/W)(1 - k/W)."""
    values = PHop(10).compute(step(1.0))[15:26, 0]
    np.testing.assert_allclose(values, PROFILE, atol=1e-14)
    rounded = [0, 0.0894, 0.2530, 0.4648, 0.7155, 1, 0.7155, 0.4648, 0.2530, 0.0894, 0]
    np.testing.assert_allclose(values, rounded, atol=5e-5)


@pytest.mark.parametrize("length", [0.1, 0.45, 3.0])
@pytest.mark.parametrize("dimension", [2, 3])
def test_a_step_of_length_delta_scales_the_profile_by_delta_squared(length, dimension):
    """p_hop is an area: there is one square root over a product of two mean squares."""
    values = PHop(10).compute(step(length, dimension=dimension))[15:26, 0]
    np.testing.assert_allclose(values, PROFILE * length**2, atol=1e-13)


@pytest.mark.parametrize("window", [2, 4, 10, 16])
def test_constant_velocity_gives_w_squared_plus_its_variance(window):
    """Steady motion separates the means by v W and spreads each window by v² (W² - 1) / 12: 27 v² for W = 5."""
    v, w = 0.3, window // 2
    positions = v * np.arange(50.0)[:, None, None] * np.array([0.6, 0.8])
    expected = v**2 * (w**2 + (w**2 - 1) / 12)
    if window == 10:
        assert expected == pytest.approx(27 * v**2)
    np.testing.assert_allclose(PHop(window).compute(positions)[w : 50 - w + 1], expected, rtol=1e-12)


def test_rattling_as_white_noise_has_its_known_mean():
    """Noise of standard deviation s per component gives 3 s² 1.177, below 3 s² (1 + 1/W) because of the root.

    The variances of the two windows are s² χ²(12) / 5 each, the squared distance of their means 2 s² χ²(3) / 5.
    """
    s, rng = 0.05, np.random.default_rng(0)
    mean = np.nanmean(PHop(10).compute(rng.normal(scale=s, size=(2000, 1000, 3)))) / (3 * s**2)
    of_a, of_b = rng.chisquare(12, (2, 10**6)) / 5
    apart = 2 * rng.chisquare(3, 10**6) / 5
    assert mean == pytest.approx(np.sqrt((of_a + apart) * (of_b + apart)).mean() / 3, abs=0.003)
    assert mean == pytest.approx(1.177, abs=0.003)


@pytest.mark.parametrize("threshold", [0.05, 0.2, 0.5])
def test_a_unit_step_is_above_a_threshold_where_enough_frames_lie_beyond_it(threshold):
    """p_hop exceeds p_c where k > W (p_c / Δ²)^{2/3}, which fixes the duration of the event of a clean jump."""
    positions = step(1.0)
    smallest = int(np.floor(5 * threshold ** (2 / 3))) + 1
    events = Events(event_threshold=threshold, rearrangement_threshold=threshold).stream(
        lambda a, b: positions[a:b], times=2.0 * np.arange(40)
    )
    assert events["first_frame"].item() == 20 - (5 - smallest)
    assert events["duration"].item() == 2.0 * (2 * (5 - smallest) + 1)


def test_a_slower_double_of_the_motion_keeps_the_threshold_in_lengths():
    """The threshold 0.2 is a clean jump of 0.447: one just shorter is no rearrangement, one just longer is."""
    for length, expected in ((0.44, 0), (0.45, 1)):
        positions = step(length)
        events = Events(event_threshold=0.2).stream(lambda a, b, x=positions: x[a:b], np.arange(40.0))
        assert events.sizes["event"] == expected


@pytest.fixture(scope="module")
def poisson_jumps():
    """Unit jumps in random directions, each particle with the same small rate per frame."""
    rate, rng = 0.004, np.random.default_rng(1)
    jumps = rng.uniform(size=(4000, 300)) < rate
    directions = rng.normal(size=(4000, 300, 3))
    directions /= np.linalg.norm(directions, axis=2, keepdims=True)
    positions = (jumps[:, :, None] * directions).cumsum(axis=0)
    return rate, positions, Events().stream(lambda a, b: positions[a:b], np.arange(4000.0))


def test_rearrangements_begun_at_risk_per_exposure_are_the_rate_of_jumps(poisson_jumps):
    """Poisson jumps have one hazard, whatever the dead time that windows and events add to it."""
    rate, _, events = poisson_jumps
    frames = np.arange(20, 3960)
    exposure = at_risk(events, frames, 300)
    moving = rearrangements(events)
    start = moving["start_frame"].values
    inside = (start >= 20) & (start < 3960)
    begun = exposure[start[inside] - 20, moving["particle"].values[inside]].sum()
    assert begun / exposure.sum() == pytest.approx(rate, abs=3 * rate / np.sqrt(begun))
    assert 0.8 < exposure.mean() < 0.99


def test_the_fraction_of_time_above_threshold_is_events_times_their_duration(poisson_jumps):
    """The instantaneous fraction is not a hazard: it is the number of events times how long each one lasts."""
    _, positions, events = poisson_jumps
    above = instantaneous(PHop().compute(positions), 0.05)
    assert above.sum() == events["duration"].sum() + np.count_nonzero(~events["end_seen"])
