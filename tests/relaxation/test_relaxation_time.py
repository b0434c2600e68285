"""Relaxation times: curves whose times are known, and errors against the scatter of repeated curves."""

import math

import numpy as np
import pytest
import xarray as xr

from vitrify.errors import ParameterError, ShapeError
from vitrify.relaxation.overlap import Overlap, relaxation_time
from vitrify.relaxation.relaxation_time import RelaxationTimes
from vitrify.relaxation.scattering import SelfScattering

T = np.concatenate([[0.0], np.geomspace(0.05, 200, 45)])
EVERY = ("1/e", "0.2", 0.5, "integral", "stretched")


def curve(f, error=0.01, t=T, **attrs):
    return xr.Dataset(
        {"overlap": ("lag", f, {"long_name": "overlap"}), "overlap_error": ("lag", error + 0 * f)},
        {"lag": ("lag", t, {"units": "tau"})},
        attrs=attrs,
    )


def stretched(tau, beta, amplitude=1.0, t=T):
    return amplitude * np.exp(-((t / tau) ** beta))


@pytest.mark.parametrize("tau", [0.7, 4.0, 12.0])
def test_an_exponential_has_its_time_by_every_definition(tau):
    found = RelaxationTimes(EVERY).compute(curve(np.exp(-T / tau)))
    exact = tau * np.array([1, np.log(5), np.log(2), 1 - 0.02, 1])
    np.testing.assert_allclose(found["relaxation_time"], exact, rtol=0.01)
    assert found["exponent"].values[-1] == pytest.approx(1, abs=1e-3)
    assert (found["note"] == "").all()


@pytest.mark.parametrize("beta", [0.5, 0.7])
def test_a_stretched_exponential_is_fitted_with_its_exponent(beta):
    """Its integral is (τ/β) Γ(1/β), less what comes after it has fallen to the tail."""
    tau, t = 3.0, np.concatenate([[0.0], np.geomspace(0.01, 2000, 80)])
    found = RelaxationTimes(("1/e", "stretched", "integral"), tail=0.002).compute(
        curve(stretched(tau, beta, t=t), t=t)
    )
    whole = tau / beta * math.gamma(1 / beta)
    np.testing.assert_allclose(found["relaxation_time"], [tau, tau, whole], rtol=0.02)
    assert found["exponent"].sel(definition="stretched") == pytest.approx(beta, rel=1e-3)
    assert found["amplitude"].sel(definition="stretched") == pytest.approx(1, rel=1e-3)


def test_the_fit_can_leave_out_the_decay_inside_the_cage():
    f = 0.3 * np.exp(-T / 0.05) + stretched(20.0, 0.6, 0.7)
    times = RelaxationTimes(("stretched",), fit_from=1.0)
    found = times.compute(curve(f))
    assert found["relaxation_time"].item() == pytest.approx(20.0, rel=0.01)
    assert found["amplitude"].item() == pytest.approx(0.7, rel=0.01)
    assert found["meaning"].item() == "stretched exponential fitted to the overlap from t = 1 on"
    assert RelaxationTimes(("stretched",)).compute(curve(f))["exponent"].item() < 0.55


def test_what_is_not_reached_is_no_number_and_says_so():
    found = RelaxationTimes(EVERY).compute(curve(np.exp(-T / 400)))
    assert np.isfinite(found["relaxation_time"]).values.tolist() == [False] * 5
    assert np.isnan(found["relaxation_time_error"]).all()
    assert found["note"].values[0].item() == "not reached: the function stays above 1/e up to t = 200"
    assert "does not fall by a factor e" in found["note"].values[-1].item()
    half = RelaxationTimes((0.9, 0.5)).compute(curve(np.exp(-T / 400)))
    assert np.isfinite(half["relaxation_time"]).values.tolist() == [True, False]


def test_the_level_is_reached_when_the_overlap_says_so():
    rng = np.random.default_rng(0)
    positions = np.cumsum(0.1 * rng.normal(size=(80, 200, 3)), axis=0)
    found = Overlap(0.5).compute(lambda a, b: positions[a:b], np.arange(80.0))
    for level in ("1/e", 0.5, 0.2):
        ours = RelaxationTimes((level,)).compute(found)
        other = relaxation_time(found, math.exp(-1) if level == "1/e" else level)
        assert ours["relaxation_time"].item() == pytest.approx(other.value, rel=1e-12)
    assert ours["meaning"].item() == "overlap with cutoff 0.5 falls to 0.2"


def test_a_gaussian_walk_has_the_time_of_its_scattering_function():
    """F_s = exp(−k² σ² t / 2): τ = 2 / (k σ)², and the wave number is part of the definition."""
    positions = np.cumsum(0.05 * np.random.default_rng(1).normal(size=(300, 1500, 3)), axis=0)
    curves = SelfScattering((4.0, 7.25)).compute(lambda a, b: positions[a:b], np.arange(300.0))
    found = RelaxationTimes(("1/e", "stretched")).compute(curves.sel(q=7.25))
    away = np.abs(found["relaxation_time"] - 2 / (7.25 * 0.05) ** 2)
    assert (away < 4 * found["relaxation_time_error"]).all()
    assert found["meaning"].values[0] == "self-intermediate scattering function at k = 7.25 falls to 1/e"
    with pytest.raises(ShapeError, match="`curve` must hold one function along lag"):
        RelaxationTimes().compute(curves)


@pytest.mark.parametrize("correlation", [0.0, 1.0])
def test_errors_are_the_scatter_of_curves_with_such_error_bars(correlation):
    rng = np.random.default_rng(2)
    clock = np.log10(np.maximum(T, T[1]))
    apart = np.abs(clock[:, None] - clock)
    noise = rng.normal(size=(60, len(T)))
    if correlation:
        kernel = np.exp(-apart / correlation) + 1e-9 * np.eye(len(T))
        noise = noise @ np.linalg.cholesky(kernel).T
    definitions = ("0.2", "1/e", "stretched")
    times = RelaxationTimes(definitions, n_samples=60, correlation=correlation)
    found = [times.compute(curve(stretched(5.0, 0.7) + 0.01 * e)) for e in noise]
    for name in ("relaxation_time", "exponent"):
        values = np.array([f[name].values for f in found])
        some = slice(None) if name == "relaxation_time" else slice(2, None)
        claimed = np.mean([f[f"{name}_error"].values for f in found], axis=0)
        np.testing.assert_allclose(claimed[some], values.std(axis=0, ddof=1)[some], rtol=0.4)


def test_without_error_bars_there_is_no_error_and_that_is_said():
    found = RelaxationTimes(EVERY).compute(curve(np.exp(-T / 3), error=np.nan))
    assert np.isfinite(found["relaxation_time"]).all()
    assert np.isnan(found["relaxation_time_error"]).all()
    assert (found["note"] == "no error: there are no samples, or lags without error bars").all()
    alone = curve(np.exp(-T / 3)).drop_vars("overlap_error")
    assert np.isnan(RelaxationTimes(("1/e",)).compute(alone)["relaxation_time_error"].item())


def test_a_level_that_is_barely_reached_has_no_error():
    """Half of the curves within the error bars stay above it: the others would all be late."""
    f = np.maximum(np.exp(-T / 3), np.exp(-1) - 1e-4)
    found = RelaxationTimes(("1/e",)).compute(curve(f, error=0.05))
    assert found["relaxation_time"].item() == pytest.approx(3, rel=0.06)
    assert np.isnan(found["relaxation_time_error"].item())
    assert "of the curves within the error bars do not reach it" in found["note"].item()


def test_the_fit_is_that_of_least_squares():
    from scipy.optimize import least_squares

    t = T[1:33]  # where the curve is far above the tail
    error = np.linspace(0.005, 0.02, len(t))
    f = stretched(5.0, 0.7, 0.9, t) + error * np.random.default_rng(6).normal(size=len(t))
    found = RelaxationTimes(("stretched",), tail=1e-3).compute(curve(f, error, t))
    naive = least_squares(
        lambda p: (stretched(*p, t) - f) / error, [4.0, 0.9, 1.0], x_scale=[1, 0.1, 0.1], xtol=1e-12
    )
    ours = [found[name].item() for name in ("relaxation_time", "exponent", "amplitude")]
    np.testing.assert_allclose(ours, naive.x, rtol=1e-5)


def test_times_scale_with_the_unit_of_time_and_errors_do_not_depend_on_chance():
    f = stretched(5.0, 0.7)
    one, same = (RelaxationTimes(EVERY).compute(curve(f)) for _ in range(2))
    assert one.identical(same)
    other = RelaxationTimes(EVERY).compute(curve(f, t=1000 * T))
    np.testing.assert_allclose(other["relaxation_time"], 1000 * one["relaxation_time"], rtol=1e-6)
    np.testing.assert_allclose(other["exponent_error"], one["exponent_error"], rtol=1e-3)


def test_what_cannot_be_meant_is_refused():
    with pytest.raises(ParameterError, match=r"No relaxation time is defined by 'alpha'\. Known: 'integral'"):
        RelaxationTimes(("alpha",))
    with pytest.raises(ParameterError, match=r"No relaxation time is defined by 1\.5"):
        RelaxationTimes((1.5,))
    with pytest.raises(ParameterError, match="`tail` must be between 0 and 1"):
        RelaxationTimes(tail=0.0)
    with pytest.raises(ShapeError, match="`curve` needs at least two known values of the overlap; it has 0"):
        RelaxationTimes().compute(curve(np.nan * T))
