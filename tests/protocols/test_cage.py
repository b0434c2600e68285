"""Cage states: the distribution is Boltzmann's within the spheres, and nothing else decides where particles are."""

from functools import cache
from itertools import product

import numpy as np
import pytest

from vitrify.errors import ConfigurationError, ParameterError
from vitrify.models.hard_spheres import HardSpheres
from vitrify.models.harmonic_spheres import HarmonicSpheres
from vitrify.models.kob_andersen import KobAndersen
from vitrify.particles import Box, Frame
from vitrify.particles.neighbors import pairs
from vitrify.protocols.cage import CageState, _Sampler
from vitrify.protocols.inherent import quench

LENNARD_JONES = KobAndersen("shift", cutoff=2.0)


def liquid(n=60, density=1.1, dimension=3, seed=0, *, tilted=False, periodic=True):
    """A disordered start without close pairs: random, pushed apart by soft spheres."""
    rng = np.random.default_rng(seed)
    edge = (n / density) ** (1 / dimension)
    vectors = np.eye(dimension) * edge
    if tilted:
        vectors[1, 0], vectors[-1, 0] = 0.4 * edge, 0.3 * edge
    box = Box(vectors, rng.normal(size=dimension), [periodic] * dimension)
    species = (np.arange(n) % 4 == 0).astype(int)
    frame = Frame(box.origin + rng.random((n, dimension)) @ vectors, species, box, ("A", "B"))
    return quench(HarmonicSpheres((1.0, 0.8)), frame)


def everywhere(box, reach):
    """All translations by box vectors that can bring particles within reach."""
    most = [int(np.ceil(reach / h)) + 2 if p else 0 for h, p in zip(box.heights, box.periodic, strict=True)]
    return np.array(list(product(*(range(-m, m + 1) for m in most)))) @ box.vectors


def energy_of_one(model, x, species, i, shifts):
    """Energy of one particle with all images of all others: the formula, written down."""
    total = 0.0
    for j in range(len(x)):
        if j != i:
            r = np.linalg.norm(x[j] + shifts - x[i], axis=1)
            total += model.pair_energy(r, species[i], species[j]).sum()
    return total


def naive_sweeps(model, frame, method, steps, order, numbers):
    """Metropolis' loop with the random numbers of the kernel; displacements after each sweep."""
    x, d = frame.positions.copy(), frame.dimension
    shifts, seen = everywhere(frame.box, model.max_cutoff + 2 * method.radius), []
    for sweep in numbers:
        for row, i in enumerate(order):
            before, step = x[i].copy(), 2 * steps[frame.species[i]] * (sweep[row, :d] - 0.5)
            if np.linalg.norm(before + step - frame.positions[i]) > method.radius:
                continue
            old = energy_of_one(model, x, frame.species, i, shifts)
            x[i] = before + step
            new = energy_of_one(model, x, frame.species, i, shifts)
            if not sweep[row, 3] < np.exp(min(-(new - old) / method.temperature, 0.0)):
                x[i] = before
        seen.append(x - frame.positions)
    return np.array(seen)


GEOMETRIES = [(3, False, True), (3, True, True), (2, True, True), (2, False, False)]


@pytest.mark.parametrize(("dimension", "tilted", "periodic"), GEOMETRIES)
@pytest.mark.parametrize(
    "model",
    [LENNARD_JONES, pytest.param(HarmonicSpheres((1.0, 0.8)), marks=pytest.mark.slow)],
    ids=["kob_andersen", "harmonic_spheres"],
)
def test_the_sweeps_are_metropolis_loop_over_all_pairs_and_images(model, dimension, tilted, periodic):
    """Down to two particles in a box far smaller than the cutoff, where each meets many images of the other."""
    for n in (2, 15):
        frame = liquid(n, 1.1, dimension, n, tilted=tilted, periodic=periodic)
        method = CageState(0.5, 0.25, n_sweeps=6, n_equilibration=0, n_blocks=2, seed=n)
        sampler = _Sampler(method, model, frame, None)
        numbers = np.random.default_rng(1).random((6, n, 4))
        expected = naive_sweeps(model, frame, method, sampler.steps, sampler.order, numbers)
        sampler.rng = _Given(numbers)
        sums = np.zeros((n, 4))
        sampler._go(6, sums)
        np.testing.assert_allclose(sums[:, :dimension], expected.sum(axis=0)[sampler.order], atol=1e-10)
        np.testing.assert_allclose(sums[:, 3], (expected**2).sum(axis=(0, 2))[sampler.order], atol=1e-10)


class _Given:
    """Random numbers that are known beforehand."""

    def __init__(self, numbers):
        self.numbers = numbers

    def random(self, shape):
        assert shape == self.numbers.shape
        return self.numbers


def alone(dimension=3, n=40):
    """Particles so far apart that none meets another."""
    positions = np.zeros((n, dimension))
    positions[:, 0] = 10.0 * np.arange(n)
    return Frame(positions, np.zeros(n, int), Box.orthorhombic([10.0 * n, *[10.0] * (dimension - 1)]))


@pytest.mark.parametrize(("dimension", "square"), [(3, 3 / 5), (2, 1 / 2)])
def test_a_free_particle_fills_its_sphere(dimension, square):
    """An ideal gas: mean where it started, ⟨u²⟩ = 3R²/5 in a ball and R²/2 in a disk, within five standard errors."""
    radius = 0.4
    result = CageState(1.0, radius, n_sweeps=2000).run(HardSpheres(), alone(dimension))
    error = result.standard_error.mean()
    moved = result.positions - alone(dimension).positions
    assert error < 0.06 * radius
    assert np.linalg.norm(moved, axis=1).max() < 5 * error
    assert np.linalg.norm(moved.mean(axis=0)) < 5 * error / np.sqrt(len(moved))
    assert result.fluctuation.mean() == pytest.approx(square * radius**2, rel=0.02)
    assert result.steps[0] <= radius


def test_the_standard_error_is_the_scatter_between_seeds():
    found = [CageState(1.0, 0.4, n_sweeps=400, seed=s).run(HardSpheres(), alone()) for s in range(20)]
    scatter = np.sqrt(np.var([r.positions for r in found], axis=0, ddof=1).sum(axis=1).mean())
    claimed = np.sqrt(np.mean([r.standard_error**2 for r in found]))
    assert claimed == pytest.approx(scatter, rel=0.1)


def quadrature(model, distance, radius, temperature, n=17):
    """Mean and variance along the axis of one of two disks, from Boltzmann's weights on a grid in both."""
    axis = np.linspace(-radius, radius, n)
    x, y = (a.ravel() for a in np.meshgrid(axis, axis, indexing="ij"))
    inside = x**2 + y**2 <= radius**2
    x, y = x[inside], y[inside]
    r = np.hypot(distance + x[None] - x[:, None], y[None] - y[:, None])
    weight = np.exp(-model.pair_energy(r, 0, 0) / temperature).sum(axis=1)
    mean = np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()
    return mean, (weight * (x**2 + y**2)).sum() / weight.sum() - (mean**2).sum()


@pytest.mark.parametrize(
    ("model", "distance"),
    [
        (HardSpheres(), 1.05),
        pytest.param(HarmonicSpheres(), 0.75, marks=pytest.mark.slow),
        pytest.param(LENNARD_JONES, 1.0, marks=pytest.mark.slow),
    ],
)
def test_two_particles_have_boltzmanns_mean_and_fluctuation(model, distance):
    """Many pairs in places of their own, against quadrature over both spheres; both disks lean away from each other."""
    radius, temperature, n = 0.3, 0.3, 100
    starts = np.zeros((2 * n, 2))
    starts[:, 0] = np.repeat(8.0 * np.arange(n), 2)
    starts[1::2, 0] += distance
    frame = Frame(starts, np.zeros(2 * n, int), Box.orthorhombic([8.0 * n, 8.0]))
    result = CageState(temperature, radius, n_sweeps=1500).run(model, frame)
    coarse, fine = (quadrature(model, distance, radius, temperature, m) for m in (41, 61))
    lean = (result.positions - starts) * np.tile([[1.0], [-1.0]], (n, 1))
    error = lean[:, 0].std() / np.sqrt(2 * n)
    allowed = 5 * error + 2 * abs(fine[0][0] - coarse[0][0])
    assert lean[:, 0].mean() == pytest.approx(fine[0][0], abs=allowed)
    assert allowed < 0.15 * abs(fine[0][0])
    assert result.fluctuation.mean() == pytest.approx(fine[1], rel=0.03)


def lattice(dimension=3, spacing=1.12, cells=4):
    sites = spacing * np.array(list(product(range(cells), repeat=dimension)), float)
    rng = np.random.default_rng(0)
    sites += rng.uniform(-0.02, 0.02, sites.shape)
    species = (np.arange(len(sites)) % 3 == 0).astype(int)
    return Frame(sites, species, Box.orthorhombic([cells * spacing] * dimension), ("A", "B"))


@pytest.mark.parametrize("dimension", [2, 3])
def test_hard_spheres_never_overlap_and_nobody_leaves_its_sphere(dimension):
    frame = lattice(dimension)
    model = HardSpheres((1.0, 0.95), (0.5, 0.5))
    method = CageState(1.0, 0.25, n_sweeps=30)
    sampler = _Sampler(method, model, frame, None)
    for _ in range(20):
        accepted = sampler._go(3, np.zeros((frame.n_particles, 4)))
        assert accepted.min() > 0
        moved = np.empty_like(frame.positions)
        moved[sampler.order] = sampler.cage.moved[:, :dimension]
        assert np.linalg.norm(moved, axis=1).max() <= 0.25
        now = frame.with_positions(frame.positions + moved)
        found = pairs(now, 1.2)
        contact = model.sigma[frame.species[found.first], frame.species[found.second]]
        assert (found.distances >= contact).all()


@cache
def caged():
    return CageState(0.5, 0.2, n_sweeps=60, n_equilibration=20, seed=3).run(LENNARD_JONES, liquid(80))


METHOD = CageState(0.5, 0.2, n_sweeps=60, n_equilibration=20, seed=3)


def test_the_same_seed_gives_the_same_bits_and_another_one_does_not():
    again = METHOD.run(LENNARD_JONES, liquid(80))
    np.testing.assert_array_equal(again.positions, caged().positions)
    np.testing.assert_array_equal(again.fluctuation, caged().fluctuation)
    other = CageState(0.5, 0.2, n_sweeps=60, n_equilibration=20, seed=4).run(LENNARD_JONES, liquid(80))
    assert (other.positions != caged().positions).all()


def test_labels_and_images_do_not_matter():
    frame, rng = liquid(80), np.random.default_rng(1)
    order = rng.permutation(80)
    images = rng.integers(-2, 3, (80, 3)) @ frame.box.vectors
    other = Frame((frame.positions + images)[order], frame.species[order], frame.box, ("A", "B"))
    result = METHOD.run(LENNARD_JONES, other)
    np.testing.assert_allclose(result.positions, (caged().positions + images)[order], atol=1e-9)
    np.testing.assert_allclose(result.fluctuation, caged().fluctuation[order], atol=1e-9)
    np.testing.assert_allclose(result.standard_error, caged().standard_error[order], atol=1e-9)


def test_translation_and_rotation_move_the_cage_state_along():
    """Other random numbers, the same state: what differs is small beside the way from the start to it."""
    frame, method = liquid(80), CageState(0.5, 0.15, n_sweeps=800)
    turned = frame.positions[:, [1, 2, 0]] * [1, -1, 1] + [0.3, -0.2, 0.1]
    box = Box(frame.box.vectors, frame.box.origin[[1, 2, 0]] * [1, -1, 1])
    one = method.run(LENNARD_JONES, frame)
    two = method.run(LENNARD_JONES, Frame(turned, frame.species, box, ("A", "B")))
    off = two.positions - (one.positions[:, [1, 2, 0]] * [1, -1, 1] + [0.3, -0.2, 0.1])
    off -= off.mean(axis=0)  # the motion of the whole is slow
    assert np.sqrt((off**2).sum(axis=1).mean()) < 0.6 * np.sqrt((one.displacement**2).mean())
    assert np.corrcoef(one.fluctuation, two.fluctuation)[0, 1] > 0.6


def test_the_mean_is_the_start_plus_the_displacement_in_the_box_of_the_start():
    frame = liquid(80)
    moved = np.linalg.norm(caged().positions - frame.positions, axis=1)
    np.testing.assert_allclose(moved, caged().displacement, atol=1e-12)
    assert (moved <= METHOD.radius).all()
    assert (caged().fluctuation <= METHOD.radius**2).all()


def test_how_often_the_list_is_cut_changes_nothing(monkeypatch):
    monkeypatch.setattr("vitrify.protocols.cage._SKIN", 0.05)
    result = METHOD.run(LENNARD_JONES, liquid(80))
    np.testing.assert_allclose(result.positions, caged().positions, atol=1e-9)


@pytest.mark.slow
def test_the_spheres_can_be_put_around_the_inherent_structure():
    """Started in the minimum and cold, the mean stays there."""
    frame = liquid(80)
    method = CageState(1e-5, 0.1, n_sweeps=100, start="inherent")
    result = method.run(LENNARD_JONES, frame)
    minimum = quench(LENNARD_JONES, frame).positions
    assert np.linalg.norm(result.positions - minimum, axis=1).max() < 0.02
    assert np.linalg.norm(minimum - frame.positions, axis=1).max() > 0.05
    assert method.name == "cage(T=1e-05,R=0.1,sweeps=100,around inherent)"


def test_steps_are_tuned_for_each_species():
    result = CageState(0.5, 0.3, n_sweeps=100, n_equilibration=300).run(LENNARD_JONES, liquid(80))
    np.testing.assert_allclose(result.acceptance, 0.4, atol=0.06)


def test_progress_is_told_to_the_end_and_absent_species_have_no_acceptance():
    told = []
    result = CageState(1.0, 0.2, n_sweeps=33, n_equilibration=14).run(HardSpheres(), alone(), told.append)
    assert sum(told) == 47
    assert np.isnan(result.acceptance[1])
    assert result.n_sweeps == 33


@pytest.mark.parametrize(
    ("wish", "match"),
    [
        ({"temperature": 0.0}, "`temperature` of a cage state must be positive; it is 0.0"),
        ({"radius": np.nan}, "`radius` of a cage state must be positive; it is nan"),
        ({"start": "cold"}, "`start` must be one of thermal, inherent; it is 'cold'"),
        ({"acceptance": 1.0}, "`acceptance` must lie between 0 and 1; it is 1.0"),
        ({"n_sweeps": 5}, "they are 200, 10, 5"),
    ],
)
def test_impossible_wishes_are_refused(wish, match):
    with pytest.raises(ParameterError, match=match):
        CageState(**{"temperature": 1.0, **wish})


def test_overlapping_spheres_are_named():
    frame = Frame([[1.0, 1.0], [1.9, 1.0], [4.0, 4.0]], [0, 0, 0], Box.orthorhombic([6.0, 6.0]), label="c 7")
    with pytest.raises(ConfigurationError, match=r"Particles [01] and [01] overlap: they are 0.9 .* \(c 7\)"):
        CageState(1.0).run(HardSpheres(), frame)
    spot = Frame([[1.0, 1.0], [1.0, 1.0]], [0, 0], frame.box)
    with pytest.raises(ConfigurationError, match="sit on one spot"):
        CageState(1.0).run(HardSpheres(), spot)
