"""From frames to the overlap on a liquid whose softness wanders and whose hops never return: what is planted comes back."""

from typing import NamedTuple

import numpy as np
import pytest
import xarray as xr

from vitrify.engines.base import Run
from vitrify.engines.dryrun import DryRun, PlantedLiquid
from vitrify.rearrangements.events import Events, at_risk, rearrangements
from vitrify.theory.log_quadratic import LogQuadratic
from vitrify.theory.overlap_prediction import OverlapPrediction
from vitrify.theory.productive_fraction import displacing_fraction
from vitrify.theory.propagator import propagator
from vitrify.theory.rearrangement_probability import combine, count
from vitrify.theory.survivors import Survivors, combine_survivors

T, CUTOFF, WINDOW, N_FRAMES, N_RUNS = 0.5, 0.5, 10, 900, 10
LAGS = [0, 5, 20, 50, 100, 200, 400, 500]
PLANTED = {
    "e0": 2.6, "e1": 1.25, "sigma0": 0.4, "sigma1": 1.5, "softness_scale": 1.0, "n_satellites": 6, "n_clusters": 64,
    "cage_noise": 0.0, "one_way": True,
}  # fmt: skip


class Found(NamedTuple):
    model: PlantedLiquid
    survivors: xr.Dataset
    law: LogQuadratic
    overlap: xr.Dataset
    exact: np.ndarray


def trajectory(model, seed, folder):
    """Inherent positions of the particles A and their planted softness, (F, n, 3) and (F, n)."""
    run, state = Run(model, T, seed=seed), folder / f"state-{seed}"
    DryRun().begin(run, model.start_frame(run), None, state)
    inherent = DryRun().advance(run, state, N_FRAMES, folder / "last").inherent
    clusters = inherent.reshape(N_FRAMES, model.n_clusters, 1 + model.n_satellites, 3)
    arms = np.linalg.norm(clusters[:, :, 1:] - clusters[:, :, :1], axis=-1)
    inner = (arms < 0.5 * (model.inner_distance + model.outer_distance)).sum(axis=-1)
    return clusters[:, :, 0].copy(), model.softness(inner)


def counts_of(positions, softness, events, edges):
    """How often p_hop sees particles of each softness start to rearrange."""
    frames = np.arange(1, N_FRAMES - 3 * WINDOW)
    free = at_risk(events, frames, softness.shape[1])
    moving = rearrangements(events)
    frame, particle = moving["start_frame"].values, moving["particle"].values
    kept = moving["start_seen"].values & (frame >= frames[0]) & (frame <= frames[-1])
    kept[kept] &= free[frame[kept] - frames[0], particle[kept]]
    risk, starts = softness[frames][free], softness[frame[kept], particle[kept]]
    return count(
        T, (risk, np.zeros(len(risk), int)), (starts, np.zeros(len(starts), int)), edges, n_segments=1
    )


def find(folder, memory):
    """The whole way, from several runs, each of which is a segment."""
    model = PlantedLiquid(memory=memory, **PLANTED)
    levels = model.softness_levels
    edges = np.append(levels - 0.5, levels[-1] + 0.5)
    counts, survivors = [], []
    for seed in range(N_RUNS):
        positions, softness = trajectory(model, seed, folder)
        events = Events(window=WINDOW).stream(lambda a, b, x=positions: x[a:b], np.arange(float(N_FRAMES)))
        assert displacing_fraction(events, CUTOFF).value == 1
        counts.append(counts_of(positions, softness, events, edges))
        survivors.append(
            Survivors(CUTOFF, n_segments=1).count(
                lambda a, b, x=positions: x[a:b],
                lambda a, b, s=softness: s[a:b],
                np.arange(float(N_FRAMES)),
                edges,
                LAGS,
            )
        )
    law, together = LogQuadratic.fit(combine(counts)), combine_survivors(survivors)
    exact = model.stationary(T) @ model.persistence(T, LAGS)
    return Found(model, together, law, OverlapPrediction().compute(together, law), exact)


@pytest.fixture(scope="module")
def wandering(tmp_path_factory):
    return find(tmp_path_factory.mktemp("wandering"), memory=60.0)


@pytest.mark.parametrize("route", ["gaussian", "binned", "direct"])
def test_the_propagator_recovers_the_planted_overlap(wandering, route):
    found, one = wandering, wandering.overlap.sel(route=route)
    away = np.abs(one["predicted"].values - found.exact)[1:]
    assert (away <= 3 * one["predicted_error"].values[1:]).all()
    assert (one["predicted_error"].values[1:] < 0.03).all()
    assert one["distance"] < found.overlap["distance"].sel(route="naive") / 3


def test_the_naive_law_is_too_slow_by_many_errors(wandering):
    found, late = wandering, wandering.overlap.sel(route="naive", lag=LAGS[-2:])
    assert (late["predicted"] - found.exact[-2:] > 5 * late["predicted_error"]).all()
    assert (late["predicted"] - late["measured"] > 5 * late["measured_error"]).all()


def test_the_measured_overlap_is_the_planted_persistence(wandering):
    found = wandering
    away = np.abs(found.overlap["measured"].values - found.exact)[1:]
    assert (away <= 3.5 * found.overlap["measured_error"].values[1:]).all()
    assert found.exact[-1] < 0.25


def test_softness_returns_to_its_mean_with_the_planted_memory(wandering):
    """Survivors are less soft than all; with the planted hops taken into account their mean is the planted one."""
    model = wandering.model
    p, onward = model.hop_probability(model.softness_levels, T), model.transition(T)
    found = propagator(wandering.survivors)
    for k, lag in enumerate(LAGS[1:5], start=1):
        stay = np.linalg.matrix_power((1 - p)[:, None] * onward, lag)
        mean = stay @ model.softness_levels / stay.sum(axis=1)
        away = np.abs(found["mean"].values[:, k] - mean)
        known = found["n"].values[:, k] > 2000
        assert known.sum() >= 3
        assert (away <= 3.5 * found["mean_error"].values[:, k])[known].all()


def test_the_planted_law_comes_back_as_softness_remembers_it(wandering):
    """p_hop dates an event 9 frames before the hop, so the slope that it sees has faded by exp(−9 / memory)."""
    model, law = wandering.model, wandering.law
    slope = model.e1 / T - model.sigma1
    errors = np.sqrt(np.diag(law.covariance))
    at_mean = law.coefficients[1] - 2 * law.coefficients[2] * (model.stationary(T) @ model.softness_levels)
    assert abs(at_mean - slope * np.exp(-9 / model.memory)) < 4 * np.hypot(errors[1], 2 * errors[2])
    assert at_mean < slope


@pytest.mark.slow
def test_without_memory_loss_the_naive_law_is_exact(tmp_path):
    """A particle that keeps its softness until it hops: the overlap is a sum of exponentials, as in the trap model."""
    found = find(tmp_path, memory=np.inf)
    levels = found.model.hop_probability(found.model.softness_levels, T)
    np.testing.assert_allclose(
        found.exact, [found.model.stationary(T) @ (1 - levels) ** t for t in LAGS], rtol=1e-12
    )
    naive = found.overlap.sel(route="naive")
    away = np.abs(naive["predicted"].values - found.exact)[1:]
    assert (away <= 3.5 * naive["predicted_error"].values[1:]).all()
