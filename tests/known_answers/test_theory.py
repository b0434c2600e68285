"""From planted hops to energy barriers and the onset temperature."""

import numpy as np
import pytest

from vitrify.engines.base import Run
from vitrify.engines.dryrun import DryRun, PlantedLiquid
from vitrify.theory.arrhenius import arrhenius_per_bin, fit_arrhenius
from vitrify.theory.rearrangement_probability import combine, count

TEMPERATURES = (0.5, 0.6, 0.7, 0.9)
N_FRAMES = 400
N_SEGMENTS = 5


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """The model and its counts: softness read from the structure, hops from the displacements, nothing from the engine."""
    model, parts = PlantedLiquid(), []
    half_step = 0.5 / model.softness_scale
    edges = np.concatenate([model.softness_levels - half_step, [model.softness_levels[-1] + half_step]])
    for t in TEMPERATURES:
        folder, run = tmp_path_factory.mktemp("dryrun"), Run(model, t, seed=20)
        DryRun().begin(run, model.start_frame(run), None, folder / "0")
        inherent = DryRun().advance(run, folder / "0", N_FRAMES, folder / "1").inherent
        clusters = inherent.reshape(N_FRAMES, model.n_clusters, -1, 3)
        arms = np.linalg.norm(clusters[:, :, 1:] - clusters[:, :, :1], axis=-1)
        softness = model.softness((arms < 1.3).sum(axis=-1))[:-1]
        hop = np.linalg.norm(np.diff(clusters[:, :, 0], axis=0), axis=-1) > 0.4
        segment = np.repeat(np.arange(N_FRAMES - 1) * N_SEGMENTS // N_FRAMES, model.n_clusters)
        segment = segment.reshape(softness.shape)
        risk, starts = (softness.ravel(), segment.ravel()), (softness[hop], segment[hop])
        parts.append(count(t, risk, starts, edges, n_segments=N_SEGMENTS))
    return model, combine(parts)


def test_the_planted_barrier_and_prefactor_come_back(planted):
    """Hops with probability exp(Σ − ΔE/T) per frame, counted by softness and temperature, give back ΔE and Σ."""
    model, counts = planted
    fit = fit_arrhenius(counts)
    errors = fit.standard_errors()
    for name in ("e0", "e1", "sigma0", "sigma1"):
        assert abs(getattr(fit, name) - getattr(model, name)) < 3 * errors[name]
        assert errors[name] < 0.25
    assert fit.deviance < fit.degrees_of_freedom + 4 * np.sqrt(2 * fit.degrees_of_freedom)


def test_the_lines_meet_at_the_planted_onset_temperature(planted):
    """Above T0 = e1/Σ1 softness stops to matter: there the Arrhenius lines of all softnesses cross."""
    model, counts = planted
    fit = fit_arrhenius(counts)
    errors = fit.standard_errors()
    relative = np.hypot(errors["e1"] / fit.e1, errors["sigma1"] / fit.sigma1)  # correlation makes it smaller
    assert abs(fit.onset_temperature - model.onset_temperature) < 3 * relative * fit.onset_temperature
    at_onset = fit.predict(model.softness_levels, fit.onset_temperature)
    np.testing.assert_allclose(at_onset, at_onset[0], rtol=1e-9)


def test_each_softness_has_its_own_barrier(planted):
    """Within one level of softness a hop is a plain activated process."""
    model, counts = planted
    bins = arrhenius_per_bin(counts)
    used = bins["used"].values.astype(bool)
    assert used.sum() >= 5
    expected = model.e0 - model.e1 * bins["softness"].values
    pull = ((bins["energy_barrier"] - expected) / bins["energy_barrier_error"]).values[used]
    assert np.abs(pull).max() < 3.5
