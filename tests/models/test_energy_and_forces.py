"""Energies and forces of pair models against sums that anyone can check."""

from dataclasses import dataclass
from itertools import product
from typing import ClassVar

import numpy as np
import pytest
from numba import njit

from vitrify.errors import ParameterError
from vitrify.models.base import ROW, PairModel
from vitrify.models.harmonic_spheres import HarmonicSpheres
from vitrify.models.kob_andersen import KobAndersen
from vitrify.particles import Box, Frame
from vitrify.testing.strategies import random_frame


@njit
def inverse_power(r2, row):
    inner = row[0] / (r2 * r2 * r2)
    return inner * inner - row[1], 12.0 * inner * inner / r2


@dataclass(frozen=True)
class SoftTernary(PairModel):
    """(σ/r)^12 with three diameters, cut and shifted: what a user would write."""

    name: ClassVar[str] = "soft_ternary"
    species_names: ClassVar[tuple[str, ...]] = ("A", "B", "C")
    composition: tuple[float, ...] = (0.5, 0.3, 0.2)

    @property
    def pair_function(self):
        return inverse_power

    @property
    def cutoffs(self):
        d = np.array([1.0, 0.9, 1.2])
        return 1.25 * (d[:, None] + d[None, :]) / 2

    def kernel_parameters(self):
        rows = np.zeros((3, 3, ROW))
        rows[..., 0], rows[..., 1] = (self.cutoffs / 1.25) ** 6, 1.25**-12
        return rows


MODELS = [
    KobAndersen("quad"),
    KobAndersen("force_shift"),
    KobAndersen("shift", cutoff_unit="sigma_AA"),
    KobAndersen("none", cutoff=3.0),
    HarmonicSpheres(),
    SoftTernary(),
]


def naive(model: PairModel, frame: Frame) -> tuple[float, np.ndarray]:
    """Sum over all pairs and all images in reach, by the definition."""
    box, x = frame.box, frame.box.wrap(frame.positions)
    reach = [
        int(np.ceil(model.max_cutoff / h)) + 1 if p else 0
        for h, p in zip(box.heights, box.periodic, strict=True)
    ]
    energy, forces = 0.0, np.zeros_like(x)
    for i, j in product(range(len(x)), repeat=2):
        for cell in product(*(range(-m, m + 1) for m in reach)):
            d = x[i] - x[j] - np.array(cell, float) @ box.vectors
            r = np.sqrt(d @ d)
            if r > 0:
                a, b = frame.species[i], frame.species[j]
                energy += 0.5 * float(model.pair_energy(r, a, b))
                forces[i] += float(model.pair_force(r, a, b)) * d / r
    return energy, forces


@pytest.mark.parametrize("model", MODELS, ids=lambda m: f"{m.name}-{getattr(m, 'smoothing', '')}")
@pytest.mark.parametrize(
    ("dimension", "tilted", "periodic"),
    [(2, True, True), (3, False, True), (3, True, True), (2, False, False)],
)
def test_energy_and_forces_are_those_of_the_naive_sum(model, dimension, tilted, periodic):
    rng = np.random.default_rng(dimension + 2 * tilted)
    frame = random_frame(
        rng, 9, dimension=dimension, n_species=len(model.species_names), tilted=tilted, periodic=periodic
    )
    energy, forces = model.energy_and_forces(frame)
    expected, expected_forces = naive(model, frame)
    scale = np.abs(expected_forces).max() + 1e-300
    np.testing.assert_allclose(energy, expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(forces / scale, expected_forces / scale, rtol=1e-10, atol=1e-12)


def test_a_particle_feels_its_own_images_in_a_box_smaller_than_the_cutoff():
    model = KobAndersen("shift")
    box = Box.orthorhombic([1.5, 1.5, 1.5])
    lonely = Frame([[0.2, 0.1, 0.7]], [0], box, ("A", "B"))
    cells = np.array(list(product(range(-2, 3), repeat=3)), float) * 1.5
    r = np.linalg.norm(cells, axis=1)
    expected = 0.5 * model.pair_energy(r[r > 0], 0, 0).sum()
    energy, forces = model.energy_and_forces(lonely)
    assert energy == pytest.approx(float(expected), rel=1e-12)
    np.testing.assert_allclose(forces, 0.0, atol=1e-12)


@pytest.mark.parametrize("model", MODELS[:1] + MODELS[4:], ids=lambda m: m.name)
@pytest.mark.parametrize("dimension", [2, 3])
def test_forces_are_minus_the_slope_of_the_energy(model, dimension):
    rng = np.random.default_rng(3)
    grid = np.array(list(product(range(4), repeat=dimension)), float) * 1.05
    x = grid + rng.uniform(-0.1, 0.1, grid.shape)
    box = Box(np.eye(dimension) * 4.2)
    species = rng.integers(0, len(model.species_names), len(x))
    frame = Frame(x, species, box, model.species_names)
    _, forces = model.energy_and_forces(frame)
    h = 1e-5
    for i, a in [(0, 0), (5, 1), (len(x) - 1, dimension - 1)]:
        step = np.zeros_like(x)
        step[i, a] = h
        slope = (
            model.energy(frame.with_positions(x + step)) - model.energy(frame.with_positions(x - step))
        ) / (2 * h)
        assert forces[i, a] == pytest.approx(-slope, rel=1e-6, abs=1e-6)


def test_species_are_matched_by_name():
    swapped = Frame([[0.0, 0.0], [1.0, 0.0]], [0, 0], Box.orthorhombic([9.0, 9.0]), ("B", "A"))
    model = KobAndersen("none")
    assert model.energy(swapped) == pytest.approx(float(model.pair_energy(1.0, 1, 1)), rel=1e-12)


def test_a_species_that_the_model_lacks_is_named():
    frame = Frame([[0.0, 0.0]], [0], Box.orthorhombic([9.0, 9.0]), ("Si",))
    with pytest.raises(ParameterError, match="no species 'Si'; it has A, B"):
        KobAndersen().energy(frame)


def test_an_empty_frame_has_no_energy():
    empty = Frame(np.empty((0, 3)), [], Box.orthorhombic([5.0, 5.0, 5.0]), ("A", "B"))
    energy, forces = KobAndersen().energy_and_forces(empty)
    assert energy == 0.0
    assert forces.shape == (0, 3)


@pytest.mark.parametrize("model", [*MODELS[:5]], ids=lambda m: f"{m.name}-{getattr(m, 'smoothing', '')}")
def test_a_model_comes_back_from_its_dictionary(model):
    described = model.to_dict()
    assert described["name"] == model.name
    np.testing.assert_array_equal(described["cutoffs"], model.cutoffs)
    assert type(model).from_dict(described) == model


def test_masses_and_interaction_cover_every_species():
    model = SoftTernary()
    assert model.masses.tolist() == [1.0, 1.0, 1.0]
    assert model.interaction().parameters.shape == (3, 3, ROW)
    np.testing.assert_allclose(model.interaction().squared_cutoffs, model.cutoffs**2)


def test_formulas_are_known_by_their_code():
    """Compiled kernels are kept on disk under this name: another formula must have another one."""
    first = KobAndersen("shift").interaction().formula.name
    assert first == KobAndersen("none").interaction().formula.name
    assert first != KobAndersen("quad").interaction().formula.name
    assert first.startswith("vitrify.models.kob_andersen:lennard_jones#")
