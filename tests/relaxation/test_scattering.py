"""The self-intermediate scattering function: against its definition, and motions whose answer is known."""

import numpy as np
import pytest

from vitrify.errors import ParameterError, ShapeError
from vitrify.particles import Box
from vitrify.relaxation.scattering import SelfScattering, over_all_directions, over_vectors
from vitrify.units import METAL


def reader(positions):
    return lambda start, stop: positions[start:stop]


def walk(n_frames=40, n=30, d=3, sigma=0.15, seed=0):
    return np.cumsum(sigma * np.random.default_rng(seed).normal(size=(n_frames, n, d)), axis=0)


@pytest.mark.parametrize("dimension", [2, 3])
def test_the_average_over_directions_is_exact(dimension):
    """Against many directions, each wave vector by itself."""
    moved = np.random.default_rng(1).normal(size=(20, dimension))
    directions = np.random.default_rng(2).normal(size=(50_000, dimension))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    for k in (0.5, 3.0, 7.25):
        naive = np.mean([np.cos(k * directions @ r).mean() for r in moved])
        assert over_all_directions(moved, np.array([k]))[0] / 20 == pytest.approx(naive, abs=4e-3)


@pytest.mark.parametrize("dimension", [2, 3])
def test_a_gaussian_walk_decays_as_its_mean_squared_displacement(dimension):
    """Steps of s.d. σ per component: F_s(k, t) = exp(−k² σ² t / 2)."""
    sigma, ks = 0.15, (1.0, 3.0, 7.25)
    positions = walk(300, 600, dimension, sigma)
    lags = np.array([0, 1, 5, 20])
    found = SelfScattering(ks).compute(reader(positions), np.arange(300.0), lags)
    exact = np.exp(-np.outer(np.square(ks), lags) * sigma**2 / 2)
    np.testing.assert_allclose(found["self_scattering"], exact, atol=0.012)
    error = found["self_scattering_error"].values
    assert (np.abs(found["self_scattering"].values - exact) <= 4.5 * error + 1e-12).all()
    assert (error[:, 0] == 0).all()


def test_it_agrees_with_loops_over_origins_and_particles():
    positions, k = walk(), 7.25
    found = SelfScattering(k, n_origins=40).compute(reader(positions), np.arange(40.0), [3, 25])
    for j, lag in enumerate([3, 25]):
        r = [
            np.linalg.norm(positions[t + lag, i] - positions[t, i])
            for t in range(40 - lag)
            for i in range(30)
        ]
        naive = np.mean([np.sin(k * x) / (k * x) for x in r])
        assert found["self_scattering"].values[0, j] == pytest.approx(naive, abs=1e-12)


def test_the_wave_vectors_of_a_box_fit_into_it_and_give_the_same_average():
    box = Box.triclinic([10.0, 11.0, 9.0], [1.0, 0.5, -0.7])
    measure = SelfScattering((3.0, 7.25), n_vectors=60)
    vectors = measure._vectors(7.25, box)
    whole = vectors @ box.vectors.T / (2 * np.pi)
    np.testing.assert_allclose(whole, np.rint(whole), atol=1e-9)
    both = np.concatenate([whole, -whole]).round()
    assert len(np.unique(both, axis=0)) == len(both)
    assert 40 <= len(vectors) <= 60
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 7.25, atol=np.pi / box.heights.min())

    positions = walk(40, 3000)
    exact = SelfScattering((3.0, 7.25)).compute(reader(positions), np.arange(40.0), [0, 2, 6])
    found = measure.compute(reader(positions), np.arange(40.0), [0, 2, 6], box=box)
    np.testing.assert_allclose(found["self_scattering"], exact["self_scattering"], atol=0.02)
    np.testing.assert_allclose(found["mean_length"], [3.0, 7.25], atol=0.15)
    assert found.attrs["average"] == "over wave vectors of the box"


def test_whole_box_vectors_do_not_change_box_compatible_waves():
    box = Box.orthorhombic([8.0, 8.0])
    vectors = SelfScattering(5.0, n_vectors=12)._vectors(5.0, box)
    moved = np.random.default_rng(0).normal(size=(9, 2))
    jumped = moved + np.array([[8.0, -16.0]])
    assert over_vectors(moved, vectors) == pytest.approx(over_vectors(jumped, vectors), abs=1e-9)


def test_rattling_particles_stay_at_the_debye_waller_factor():
    positions = 0.06 * np.random.default_rng(3).normal(size=(50, 2000, 3))
    found = SelfScattering(7.25).compute(reader(positions), np.arange(50.0), [1, 10, 40])
    np.testing.assert_allclose(found["self_scattering"][0], np.exp(-((7.25 * 0.06) ** 2)), atol=0.005)


def test_absent_particles_are_left_out_and_counted():
    positions = walk()
    gone = np.random.default_rng(7).random((40, 30)) < 0.3
    found = SelfScattering(2.0).compute(
        reader(np.where(gone[..., None], np.nan, positions)), np.arange(40.0), [4]
    )
    moved = (positions[4:] - positions[:-4])[~gone[4:] & ~gone[:-4]]
    naive = over_all_directions(moved, np.array([2.0]))[0] / len(moved)
    assert found["self_scattering"].item() == pytest.approx(naive)
    assert found["n_absent"].item() == 36 * 30 - len(moved)
    assert found["self_scattering_error"].item() > 0


def test_logarithmic_frames_and_chosen_particles():
    times = np.array([0, 1, 4, 7, 10, 40, 70, 100.0])
    steps = (
        np.random.default_rng(4).normal(size=(8, 3000, 3)) * np.sqrt(np.diff(times, prepend=0))[:, None, None]
    )
    positions = np.cumsum(0.1 * steps, axis=0)
    positions[:, 2000:] = 0
    found = SelfScattering(2.0).compute(reader(positions), times, particles=np.arange(2000))
    np.testing.assert_allclose(found["self_scattering"][0], np.exp(-0.02 * found["lag"]), atol=0.05)


def test_lags_of_more_than_half_the_run_have_no_error():
    found = SelfScattering(2.0).compute(reader(walk()), np.arange(40.0), [0, 12, 30], units=METAL)
    assert np.isfinite(found["self_scattering_error"][0]).values.tolist() == [True, True, False]
    assert found["n_blocks"].values.tolist() == [10, 2, 1]
    assert (found["q"].attrs["units"], found["lag"].attrs["units"]) == ("angstrom^-1", "ps")


def test_what_cannot_be_meant_is_refused():
    positions = reader(walk())
    with pytest.raises(ParameterError, match=r"`wave_numbers` must be positive; they are \[-1\.0\]"):
        SelfScattering(-1.0)
    with pytest.raises(
        ParameterError, match="`n_origins` and `n_vectors` must be at least 1; they are 50, 0"
    ):
        SelfScattering(1.0, n_vectors=0)
    with pytest.raises(ParameterError, match="there is no `box`"):
        SelfScattering(1.0, n_vectors=5).compute(positions, np.arange(40.0))
    open_box = Box(10 * np.eye(3), periodic=np.array([True, True, False]))
    with pytest.raises(ParameterError, match="this one is open"):
        SelfScattering(1.0, n_vectors=5).compute(positions, np.arange(40.0), box=open_box)
    with pytest.raises(ParameterError, match=r"No wave vector of the box is as long as 0\.1"):
        SelfScattering(0.1, n_vectors=5).compute(positions, np.arange(40.0), box=Box.orthorhombic([10.0] * 3))
    with pytest.raises(ShapeError, match="Positions must have two or three components; they have 1"):
        SelfScattering(1.0).compute(reader(np.zeros((3, 2, 1))), np.arange(3.0))
