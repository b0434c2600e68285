"""The non-Gaussian parameter: against its definition, and displacements whose answer is known."""

import numpy as np
import pytest

from vitrify.errors import ParameterError, ShapeError
from vitrify.relaxation.msd import MeanSquaredDisplacement
from vitrify.relaxation.non_gaussian import NonGaussian, maximum


def reader(positions):
    return lambda start, stop: positions[start:stop]


def walk(n_frames=50, n=30, d=3, seed=0):
    return np.cumsum(0.15 * np.random.default_rng(seed).normal(size=(n_frames, n, d)), axis=0)


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_a_gaussian_walk_is_gaussian(dimension):
    found = NonGaussian().compute(reader(walk(50, 4000, dimension)), np.arange(50.0), [1, 4, 15])
    away = found["non_gaussian"].values
    assert (np.abs(away) < 4.5 * found["non_gaussian_error"].values).all()
    assert (np.abs(away) < 0.04).all()


@pytest.mark.parametrize(("dimension", "ratio"), [(2, 1 / 2), (3, 3 / 5)])
def test_a_fraction_that_jumped_once(dimension, ratio):
    """⟨r⁴⟩ / ⟨r²⟩² = 1 / c for jumps of one length."""
    positions = np.zeros((2, 100, dimension))
    positions[1, :20, 0] = 0.7
    found = NonGaussian().compute(reader(positions), np.arange(2.0), [1])
    assert found["non_gaussian"].item() == pytest.approx(ratio / 0.2 - 1)


def test_moments_are_averaged_before_their_ratio():
    positions = walk()
    found = NonGaussian(n_origins=50).compute(reader(positions), np.arange(50.0), [0, 3, 20])
    r2 = ((positions[3:] - positions[:-3]) ** 2).sum(axis=-1)
    assert found["non_gaussian"].values[1] == pytest.approx(0.6 * (r2**2).mean() / r2.mean() ** 2 - 1)
    assert np.isnan(found["non_gaussian"].values[0])
    msd = MeanSquaredDisplacement().compute(reader(positions), np.arange(50.0), [0, 3, 20])
    np.testing.assert_allclose(found["msd"], msd["msd"], rtol=1e-12)


def test_two_gaussians_of_different_width_are_not_gaussian_together():
    """Half of them with twice the width: ⟨r⁴⟩ ratio (1 + 16) / 2 over ((1 + 4) / 2)², minus 1 = 0.36."""
    positions = walk(40, 6000)
    positions[:, ::2] *= 2
    both = NonGaussian().compute(reader(positions), np.arange(40.0), [2])
    assert both["non_gaussian"].item() == pytest.approx(8.5 / 6.25 - 1, abs=0.03)
    alone = NonGaussian().compute(reader(positions), np.arange(40.0), [2], np.arange(0, 6000, 2))
    assert alone["non_gaussian"].item() == pytest.approx(0, abs=0.03)


def test_the_error_is_the_scatter_of_repeated_runs():
    curves = [
        NonGaussian().compute(reader(walk(200, 40, seed=seed)), np.arange(200.0), [1, 10])
        for seed in range(40)
    ]
    scatter = np.std([c["non_gaussian"].values for c in curves], axis=0, ddof=1)
    claimed = np.sqrt(np.mean([c["non_gaussian_error"].values ** 2 for c in curves], axis=0))
    np.testing.assert_allclose(claimed, scatter, rtol=0.35)


def test_absent_particles_are_left_out_and_counted_and_frames_may_be_logarithmic():
    times = np.array([0, 1, 4, 7, 10, 40, 70, 100.0])
    positions = walk(8)
    gone = np.random.default_rng(7).random((8, 30)) < 0.3
    found = NonGaussian().compute(reader(np.where(gone[..., None], np.nan, positions)), times, [30.0])
    pairs = [(a, b) for a in range(8) for b in range(8) if times[b] - times[a] == 30]
    moved = np.concatenate([(positions[b] - positions[a])[~gone[a] & ~gone[b]] for a, b in pairs])
    r2 = (moved**2).sum(axis=1)
    assert found["non_gaussian"].item() == pytest.approx(0.6 * (r2**2).mean() / r2.mean() ** 2 - 1)
    assert found["n_absent"].item() == 30 * len(pairs) - len(moved)


def test_the_maximum_says_where_and_whether_it_lies_inside():
    positions = np.zeros((4, 20, 3))
    positions[1:, 0, 0] = 1
    positions[2:, 1:4, 0] = 1
    positions[3:, 4:, 0] = 1
    curve = NonGaussian().compute(reader(positions), np.arange(4.0))
    found = maximum(curve)
    k = int(np.nanargmax(curve["non_gaussian"].values))
    assert (found.time, found.value, found.msd) == tuple(
        curve[n].values[k] for n in ("lag", "non_gaussian", "msd")
    )
    assert found.inside == (k < 3)
    assert not maximum(curve.isel(lag=slice(0, k + 1))).inside


def test_what_cannot_be_meant_is_refused():
    with pytest.raises(ParameterError, match="`n_origins` must be at least 1; it is 0"):
        NonGaussian(0)
    still = NonGaussian().compute(reader(np.zeros((3, 2, 3))), np.arange(3.0))
    assert np.isnan(still["non_gaussian"]).all()
    with pytest.raises(ShapeError, match="`curve` has no lag at which anything moved"):
        maximum(still)
