"""What structure tells about the next rearrangement, by likelihood on what was left out."""

import numpy as np
import pytest
import xarray as xr

from vitrify.errors import TooFewEventsError
from vitrify.theory.likelihood_gain import deviance_per_freedom, gain_of_arrhenius, gain_of_bins

SOFTNESS = np.linspace(-2, 2, 9)
TEMPERATURES = np.array([0.5, 0.6, 0.7])
EXPOSURE = 2e5


def counts(seed, *, e1=1.0, sigma1=1.25, curvature=0.0, segments=6, exposure=EXPOSURE):
    rng = np.random.default_rng(seed)
    s, t = SOFTNESS[None, None, :], TEMPERATURES[:, None, None]
    log_p = 0.5 - sigma1 * s - (4.0 - e1 * s) / t - curvature * s**2
    shape = (len(TEMPERATURES), segments, len(SOFTNESS))
    n = np.full(shape, exposure)
    k = rng.poisson(np.broadcast_to(np.exp(log_p), shape) * n)
    cell = ("temperature", "segment", "softness_bin")
    edges = np.linspace(-2.25, 2.25, 10)
    return xr.Dataset(
        {"events": (cell, k), "exposure": (cell, n), "softness_sum": (cell, n * s)},
        {
            "temperature": TEMPERATURES,
            "segment": np.arange(segments),
            "softness_low": ("softness_bin", edges[:-1]),
            "softness_high": ("softness_bin", edges[1:]),
        },
        attrs={"interval": 1.0, "unit_system": "lj"},
    )


def expected_gain(found):
    k = found["events"].sum("segment").values.astype(float)
    n = found["exposure"].sum("segment").values
    p, mean = k / n, k.sum(1, keepdims=True) / n.sum(1, keepdims=True)
    return (np.where(k > 0, k * np.log(np.where(k > 0, p, 1) / mean), 0) - n * (p - mean)).sum() / k.sum()


def test_bins_gain_the_information_that_softness_holds():
    found = counts(1)
    gain = gain_of_bins(found)
    assert gain.n_events == found["events"].sum()
    assert abs(gain.value - expected_gain(found)) < 3 * gain.error + 0.002
    assert gain.value > 20 * gain.error > 0


def test_softness_without_effect_gains_nothing_and_fitted_noise_costs():
    gains = [gain_of_bins(counts(seed, e1=0.0, sigma1=0.0, exposure=200.0)) for seed in range(12)]
    assert np.mean([g.value for g in gains]) < 0
    assert abs(gain_of_bins(counts(3, e1=0.0, sigma1=0.0)).value) < 1e-3


def test_the_right_law_gains_as_much_as_free_bins_and_has_deviance_one():
    found = counts(4)
    law, bins = gain_of_arrhenius(found), gain_of_bins(found)
    assert abs(law.value - bins.value) < 3 * law.error
    deviance = deviance_per_freedom(found)
    assert abs(deviance.law - 1) < 4 * np.sqrt(2 / deviance.degrees_of_freedom)
    assert deviance.without > 100


def test_a_curved_law_is_told_from_a_straight_one_by_deviance_and_by_gain():
    found = counts(5, curvature=0.25)
    straight, curved = deviance_per_freedom(found, 1), deviance_per_freedom(found, 2)
    assert straight.law > 5 > curved.law
    assert gain_of_arrhenius(found, 2).value > gain_of_arrhenius(found, 1).value + 0.005


def test_the_error_is_the_scatter_of_repetitions():
    gains = [gain_of_bins(counts(seed, exposure=3e3)) for seed in range(40)]
    scatter = np.std([g.value for g in gains], ddof=1)
    assert 0.6 < np.mean([g.error for g in gains]) / scatter < 1.5


def test_one_segment_cannot_be_left_out():
    with pytest.raises(TooFewEventsError, match="at least two segments"):
        gain_of_bins(counts(6, segments=1))
