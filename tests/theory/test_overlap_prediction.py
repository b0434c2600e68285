"""The overlap from softness, on a liquid whose answer is known: softness wanders, particles hop by it and never return."""

import numpy as np
import pytest

from vitrify.errors import ParameterError, ShapeError
from vitrify.theory.arrhenius import ArrheniusFit
from vitrify.theory.log_quadratic import LogQuadratic
from vitrify.theory.overlap_prediction import ROUTES, OverlapPrediction, _steps, _survival, initial_decay
from vitrify.theory.productive_fraction import (
    Estimate,
    IrreversibleFraction,
    displacing_fraction,
    rearrangement_time,
)
from vitrify.theory.propagator import Survivors
from vitrify.theory.rearrangement_probability import count, softness_bins

A, B, MEMORY = -4.5, 1.2, 40.0  # ln p = A + B S, and the correlation time of S in frames
LAGS = [0, 1, 2, 4, 8, 16, 25, 40, 60, 90, 130]


def reader(array):
    return lambda start, stop: array[start:stop]


def wandering(n, n_frames, seed):
    """An Ornstein-Uhlenbeck walk with mean 0 and variance 1, (n_frames, n)."""
    rng = np.random.default_rng(seed)
    rho = np.exp(-1 / MEMORY)
    softness = np.empty((n_frames, n))
    softness[0] = rng.normal(size=n)
    for t in range(1, n_frames):
        softness[t] = rho * softness[t - 1] + np.sqrt(1 - rho**2) * rng.normal(size=n)
    return softness


def hopping(softness, seed, step=1.0):
    """Positions (F, N, 2) of particles that hop to the right with p(S) per frame, and whether they do, (F - 1, N)."""
    rng = np.random.default_rng(seed)
    hops = rng.random(softness[1:].shape) < np.exp(A + B * softness[:-1])
    positions = np.zeros((*softness.shape, 2))
    positions[1:, :, 0] = step * np.cumsum(hops, axis=0)
    return positions, hops


def exactly(lags):
    """q(t) of the planted model, by matrices on a grid of softness."""
    s = np.linspace(-6, 6, 241)
    rho = np.exp(-1 / MEMORY)
    weight = np.exp(-(s**2) / 2)
    onward = np.exp(-((s[None] - rho * s[:, None]) ** 2) / 2 / (1 - rho**2))
    onward /= onward.sum(axis=1, keepdims=True)
    stay = 1 - np.exp(np.minimum(A + B * s, 0))
    now, found = weight / weight.sum(), []
    for _ in range(max(lags) + 1):
        found.append(now.sum())
        now = (now * stay) @ onward
    return np.array(found)[lags]


def law_of(softness, hops, n_segments=5):
    edges = softness_bins(softness[:-1].ravel(), 16)
    segment = np.repeat(np.arange(n_segments), -(-len(hops) // n_segments))[: len(hops), None] + 0 * hops
    moving = softness[:-1][hops], segment[hops]
    counts = count(
        0.5, (softness[:-1].ravel(), segment.ravel()), moving, edges, n_segments=n_segments, interval=1.0
    )
    return LogQuadratic.fit(counts), edges


@pytest.fixture(scope="module")
def planted():
    softness = wandering(3000, 400, seed=1)
    positions, hops = hopping(softness, seed=2)
    law, edges = law_of(softness, hops)
    counts = Survivors(0.5).count(reader(positions), reader(softness), np.arange(400.0), edges, LAGS)
    return counts, law, OverlapPrediction().compute(counts, law)


def test_the_propagator_recovers_the_planted_overlap_and_the_naive_law_does_not(planted):
    _, _, found = planted
    exact = exactly(LAGS)
    for route in ("gaussian", "binned", "direct"):
        one = found.sel(route=route)
        away = np.abs(one["predicted"].values - exact)
        print(route, away.round(4), one["predicted_error"].values.round(4), float(one["distance"]), float(one["distance_error"]))
    print(exact.round(3), found["predicted"].values[0].round(3), found['distance'].values, found['measured'].values, found['measured_error'].values)
    assert 0
