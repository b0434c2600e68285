"""The dynamic susceptibility: particles that relax alone, or together, or not at all."""

import numpy as np
import pytest

from vitrify.errors import ParameterError
from vitrify.relaxation.chi4 import DynamicSusceptibility
from vitrify.relaxation.overlap import Overlap


def reader(positions):
    return lambda start, stop: positions[start:stop]


def jumping(n_frames, n, rate, seed, together=1):
    """Groups of particles jump far away together, never to return."""
    rng = np.random.default_rng(seed)
    jumps = rng.random((n_frames, n // together, 1)) < rate
    return np.repeat(np.cumsum(jumps, axis=0), together, axis=1) * np.array([1.0, 0.0])


def means(found, name="chi4"):
    return np.mean([f[name].values for f in found], axis=0)


@pytest.mark.parametrize("together", [1, 4])
def test_particles_that_relax_in_groups_of_m_give_m_times_q_times_one_minus_q(together):
    """Independent ones give q (1 − q); the largest value, m/4, is reached at q = 1/2."""
    k, lags = 0.1, np.array([0, 1, 3, 6, 12])
    found = [
        DynamicSusceptibility(0.5).compute(
            reader(jumping(400, 80, k, seed, together)), np.arange(400.0), lags
        )
        for seed in range(60)
    ]
    q = (1 - k) ** lags
    error = np.std([f["chi4"].values for f in found], axis=0, ddof=1) / np.sqrt(60)
    away = np.abs(means(found) - together * q * (1 - q))
    assert (away <= 4 * error + 1e-12).all()
    assert (error[1:] < 0.04 * together).all()
    np.testing.assert_allclose(means(found, "overlap"), q, atol=0.01)


def test_the_error_is_the_scatter_of_repeated_measurements():
    found = [
        DynamicSusceptibility(0.5).compute(reader(jumping(600, 50, 0.1, seed)), np.arange(600.0), [2, 8])
        for seed in range(60)
    ]
    scatter = np.std([f["chi4"].values for f in found], axis=0, ddof=1)
    claimed = np.sqrt(np.mean([f["chi4_error"].values ** 2 for f in found], axis=0))
    np.testing.assert_allclose(claimed, scatter, rtol=0.4)


def test_runs_together_measure_what_does_not_fluctuate_within_one():
    """Runs of two kinds, frozen and gone: each alone has no fluctuations, together N q (1 − q) of the mixture."""
    frozen, gone = np.zeros((6, 10, 2)), np.arange(6.0)[:, None, None] * np.ones((6, 10, 2))
    runs = [reader(x) for x in (frozen, gone) * 10]
    assert DynamicSusceptibility(0.5).compute(runs[0], np.arange(6.0), [1])["chi4"] == 0
    found = DynamicSusceptibility(0.5).compute(runs, np.arange(6.0), [1])
    assert found["chi4"].item() == pytest.approx(10 * 0.25 * 20 / 19)  # unbiased, of twenty runs
    assert (found["n_blocks"].item(), found.attrs["n_runs"]) == (20, 20)


def test_one_sample_has_no_variance():
    found = DynamicSusceptibility(0.5).compute(reader(jumping(40, 50, 0.1, 0)), np.arange(40.0), [4, 30])
    assert found["n_blocks"].values.tolist() == [9, 1]
    assert np.isfinite(found["chi4"]).values.tolist() == [True, False]
    assert np.isfinite(found["chi4_error"]).values.tolist() == [True, False]


def test_the_overlap_is_that_of_the_overlap():
    positions = jumping(60, 50, 0.05, 3)
    found = DynamicSusceptibility(0.5).compute(reader(positions), np.arange(60.0), particles=np.arange(20))
    other = Overlap(0.5).compute(reader(positions), np.arange(60.0), particles=np.arange(20))
    np.testing.assert_allclose(found["overlap"], other["overlap"], rtol=1e-12)
    assert (found["n_origins"] == other["n_origins"]).all()


def test_absent_particles_are_left_out_and_counted():
    """Independent particles give q (1 − q) however many of them are seen."""
    values = []
    for seed in range(40):
        positions = jumping(300, 80, 0.1, seed)
        gone = np.random.default_rng(seed).random((300, 80)) < np.linspace(0, 0.6, 300)[:, None]
        found = DynamicSusceptibility(0.5).compute(
            reader(np.where(gone[..., None], np.nan, positions)), np.arange(300.0), [5]
        )
        values.append(found["chi4"].item())
        assert 0.3 < found["n_absent"].item() / (50 * 80) < 0.65
    q = 0.9**5
    assert abs(np.mean(values) - q * (1 - q)) < 4 * np.std(values) / np.sqrt(40)


def test_logarithmic_blocks_of_frames():
    times = np.add.outer(100 * np.arange(100), [0, 1, 10]).ravel()
    jumped = (
        np.random.default_rng(5).random((300, 60, 1))
        < -np.expm1(-0.05 * np.diff(times, prepend=0))[:, None, None]
    )
    found = DynamicSusceptibility(0.5, n_origins=100).compute(
        reader(np.cumsum(jumped, axis=0) * np.array([1.0, 0])), times, [1.0, 10.0]
    )
    q = np.exp(-0.05 * np.array([1, 10]))
    assert (np.abs(found["chi4"] - q * (1 - q)) < 4 * found["chi4_error"]).all()


def test_it_says_which_ensemble_and_what_is_missing():
    found = DynamicSusceptibility(0.5, ensemble="NVT").compute(reader(np.zeros((3, 2, 3))), np.arange(3.0))
    assert found.attrs["ensemble"] == "NVT"
    assert (
        "without the ensemble correction: fluctuations of numbers of particles and density"
        in found.attrs["note"]
    )
    assert DynamicSusceptibility(0.5).ensemble == "unknown"


def test_what_cannot_be_meant_is_refused():
    with pytest.raises(ParameterError, match="`cutoff` must be a positive length"):
        DynamicSusceptibility(0.0)
    with pytest.raises(
        ParameterError, match="`ensemble` must be one of NVE, NVT, NPT, unknown; it is 'muVT'"
    ):
        DynamicSusceptibility(0.5, ensemble="muVT")
    with pytest.raises(ParameterError, match="`read` is empty"):
        DynamicSusceptibility(0.5).compute([], np.arange(3.0))
