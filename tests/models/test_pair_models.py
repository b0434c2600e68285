"""Energies and forces of the pair models against sums that anyone can check."""

from itertools import product

import numpy as np
import pytest

from vitrify.models import MODELS
from vitrify.models.harmonic_spheres import HarmonicSpheres
from vitrify.models.kob_andersen import KobAndersen
from vitrify.particles import Box, Frame

KA_MODELS = [KobAndersen(smoothing=s) for s in ("quad", "shift", "force_shift", "none")]
ALL_MODELS = [*KA_MODELS, HarmonicSpheres()]


def boxes(d: int) -> list[Box]:
    tilted = Box(np.array([[4.0, 0.0, 0.0], [1.1, 3.7, 0.0], [-0.6, 0.8, 4.2]])[:d, :d])
    slab = Box.orthorhombic([4.1] * d, periodic=[True] * (d - 1) + [False])
    return [Box.orthorhombic([5.5] * d), Box.orthorhombic([3.1] * d), tilted, slab]


def spread(box: Box, n: int, closest: float, seed: int) -> Frame:
    """Particles no closer than a distance, so that no pair dominates the sum."""
    rng, placed = np.random.default_rng(seed), []
    while len(placed) < n:
        trial = rng.random(box.dimension) @ box.vectors
        if all(np.linalg.norm(box.minimum_image(trial - p)) > closest for p in placed):
            placed.append(trial)
    return Frame(np.array(placed), rng.integers(0, 2, n), box, ("A", "B"))


def naive_energy(model, frame: Frame) -> float:
    """Half the sum over all particles and all images."""
    reach = [range(-4, 5) if p else (0,) for p in frame.box.periodic]
    total = 0.0
    for cell in product(*reach):
        shift = np.array(cell) @ frame.box.vectors
        for i, j in product(range(frame.n_particles), repeat=2):
            if i == j and not any(cell):
                continue
            r = np.linalg.norm(frame.positions[j] + shift - frame.positions[i])
            a, b = frame.species[i], frame.species[j]
            if r < model.cutoffs[a, b]:
                total += 0.5 * float(model.pair_energy(np.array(r), a, b))
    return total


@pytest.mark.parametrize("model", ALL_MODELS, ids=lambda m: f"{m.name}-{getattr(m, 'smoothing', '')}")
@pytest.mark.parametrize("d", [2, 3])
def test_the_energy_is_the_sum_over_all_pairs_and_images(model, d):
    for k, box in enumerate(boxes(d)):
        frame = spread(box, 8, 0.8, seed=10 * d + k)
        assert model.energy(frame) == pytest.approx(naive_energy(model, frame), rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("model", ALL_MODELS, ids=lambda m: f"{m.name}-{getattr(m, 'smoothing', '')}")
@pytest.mark.parametrize("d", [2, 3])
def test_forces_are_minus_the_gradient_of_the_energy(model, d):
    frame = spread(boxes(d)[2], 8, 0.8, seed=d)
    _, forces = model.energy_and_forces(frame)
    step = 1e-5
    for i, a in product(range(3), range(d)):
        energies = []
        for sign in (1, -1):
            moved = frame.positions.copy()
            moved[i, a] += sign * step
            energies.append(model.energy(frame.with_positions(moved)))
        assert forces[i, a] == pytest.approx(-(energies[0] - energies[1]) / (2 * step), rel=1e-6, abs=1e-6)
    assert np.abs(forces.sum(axis=0)).max() < 1e-10 * max(1.0, np.abs(forces).max())


@pytest.mark.parametrize("name", list(MODELS))
def test_a_model_comes_back_from_its_dict(name):
    model = MODELS.load(name)()
    assert type(model).from_dict(model.to_dict()) == model
    assert model.to_dict()["cutoffs"] == model.cutoffs.tolist()


def test_per_pair_cutoffs_are_those_of_the_papers():
    assert KobAndersen().cutoffs.tolist() == [[2.5, 2.0], [2.0, 2.2]]
    assert (KobAndersen(cutoff_unit="sigma_AA").cutoffs == 2.5).all()
