from itertools import product

import numba
import numpy as np
import pytest

from vitrify.descriptors import DESCRIPTOR_SETS
from vitrify.descriptors.bond_angle import BondAngle
from vitrify.descriptors.combined import DescriptorSet, Select
from vitrify.descriptors.coordination import Coordination
from vitrify.descriptors.radial_density import RadialDensity
from vitrify.errors import ParameterError, ShapeError, UnknownNameError
from vitrify.particles import Box, Frame
from vitrify.predictors.compiled import CompiledSoftness
from vitrify.predictors.trained import TrainedSoftness
from vitrify.testing.strategies import random_box, random_frame

from .conftest import trained_on

SHORT = RadialDensity(radii=tuple(k / 10 for k in range(5, 21)))


def liquid(n_side=8, dimension=3, n_species=2, seed=0, tilt=0.0):
    """A shaken lattice at density 1.2: like a liquid, no particle is close to another."""
    rng = np.random.default_rng(seed)
    grid = np.array(list(product(range(n_side), repeat=dimension)), float)
    spacing = 1.2 ** (-1 / dimension)
    vectors = np.eye(dimension) * n_side * spacing
    vectors[1, 0] = tilt * n_side * spacing
    fractional = (grid + rng.normal(scale=0.08, size=grid.shape)) / n_side
    species = rng.integers(n_species, size=len(grid))
    return Frame(fractional @ vectors, species, Box(vectors), tuple("ABC"[:n_species]))


def naive(compiled, frame, particles):
    """Every image of every particle, and the pair functions from their definition."""
    reach = [
        int(compiled.cutoff / h) + 2 if p else 0
        for h, p in zip(frame.box.heights, frame.box.periodic, strict=True)
    ]
    images = np.array(list(product(*[range(-m, m + 1) for m in reach])))
    wrapped, total = frame.box.wrap(frame.positions), []
    for i in particles:
        r = np.linalg.norm(wrapped[:, None] - wrapped[i] + (images @ frame.box.vectors)[None], axis=-1)
        r[i, (images == 0).all(axis=1)] = np.inf
        near = [compiled.pair_function(x, r[frame.species == s]) for s, x in enumerate(frame.species_names)]
        total.append(compiled.constant + sum(u.sum() for u in near))
    return np.array(total)


FRAMES = {
    "3d": liquid(),
    "3d_tilted_three_species": liquid(n_species=3, tilt=0.4),
    "2d": liquid(24, dimension=2),
    "2d_tilted_three_species": liquid(20, dimension=2, n_species=3, tilt=-0.7),
    "cutoff_beyond_half_the_box": liquid(4, tilt=0.2),
    "cutoff_beyond_the_box": liquid(3, dimension=2),
}


# -- the same softness -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
@pytest.mark.parametrize("descriptor", [RadialDensity(), SHORT], ids=["to 5 sigma", "to 2 sigma"])
def test_it_is_the_trained_softness(frame, descriptor):
    trained = trained_on(frame, descriptor)
    compiled = CompiledSoftness.from_trained(trained)
    assert compiled.interpolation_error <= 1e-9
    np.testing.assert_allclose(compiled.softness(frame), trained.softness(frame), rtol=0, atol=1e-9)


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_it_is_the_sum_of_its_pair_functions(frame):
    compiled = CompiledSoftness.from_trained(trained_on(frame, SHORT))
    some = frame.of_species("A")[::40]
    np.testing.assert_allclose(
        compiled.softness(frame, some), naive(compiled, frame, some), rtol=0, atol=1e-9
    )


@pytest.mark.parametrize("periodic", [(True, False, True), (False, False, False)])
def test_open_sides_end_the_sum(periodic):
    rng = np.random.default_rng(3)
    box = Box(random_box(rng, 3, tilted=True).vectors * 3.0, periodic=periodic)
    frame = Frame(rng.random((150, 3)) @ box.vectors, rng.integers(2, size=150), box)
    descriptor = RadialDensity(radii=(1.0, 1.5, 2.0))
    trained = trained_on(frame, descriptor)
    compiled = CompiledSoftness.from_trained(trained)
    np.testing.assert_allclose(compiled.softness(frame), trained.softness(frame), rtol=0, atol=1e-9)


@pytest.mark.parametrize("centre", ["A", "B", "C"])
def test_any_species_may_be_the_centre(centre):
    frame = liquid(7, n_species=3)
    trained = trained_on(frame, SHORT, centre)
    compiled = CompiledSoftness.from_trained(trained)
    assert len(compiled.softness(frame)) == (frame.species == "ABC".index(centre)).sum()
    np.testing.assert_allclose(compiled.softness(frame), trained.softness(frame), rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    "descriptor",
    [
        DESCRIPTOR_SETS.load("first-peaks")(),
        DESCRIPTOR_SETS.load("schoenholz-2016-radial")(),
        RadialDensity(radii=(0.9, 1.1, 1.25, 2.0), delta=0.2),
        RadialDensity(cutoff=2.5),
        DescriptorSet((RadialDensity((1.0, 1.2)), RadialDensity((0.9, 1.8), delta=0.3))),
        DescriptorSet((RadialDensity((1.0, 1.2), cutoff=1.3), RadialDensity((0.9, 1.8), cutoff=2.1))),
        Select(DescriptorSet((RadialDensity((1.0, 1.2)), BondAngle())), ("G_B(1.2)", "G_A(1)")),
    ],
    ids=["first peaks", "50 radii", "uneven", "cut", "two widths", "two cutoffs", "selected"],
)
def test_whatever_is_made_of_radial_functions_compiles(descriptor):
    frame = liquid(6)
    trained = trained_on(frame, descriptor)
    compiled = CompiledSoftness.from_trained(trained)
    some = frame.of_species("A")[::25]
    found = compiled.softness(frame, some)
    np.testing.assert_allclose(found, naive(compiled, frame, some), rtol=0, atol=1e-9)
    rounding = 1e-13 * np.abs(trained.weights / trained.scale).max()  # of a single structure function
    np.testing.assert_allclose(found, trained.softness(frame, some), rtol=0, atol=1e-9 + rounding)


def test_features_without_weight_may_be_anything():
    frame = liquid(6)
    descriptor = DescriptorSet((SHORT, Coordination.example(("A", "B"))))
    trained = trained_on(frame, descriptor)
    weights = np.where([name.startswith("G_") for name in trained.feature_names], trained.weights, 0.0)
    parts = {name: value for name, value in trained.to_dict().items() if name != "weights"}
    trained = TrainedSoftness(weights=weights, **parts)
    compiled = CompiledSoftness.from_trained(trained)
    np.testing.assert_allclose(compiled.softness(frame), trained.softness(frame), rtol=0, atol=1e-9)


def test_without_weights_all_are_equally_soft():
    frame = liquid(4)
    trained = TrainedSoftness([0.0] * 4, 0.7, [1.0] * 4, [1.0] * 4, *made_of((1.0, 1.5), ("A", "B")), "A")
    compiled = CompiledSoftness.from_trained(trained)
    assert (compiled.softness(frame) == 0.7).all()
    assert (compiled.gradient(frame) == 0.0).all()
    assert compiled.cutoff == compiled.interpolation_error == 0.0


# -- single distances ------------------------------------------------------------------------------------------------


def made_of(radii, species_names, **rest):
    """Feature names, descriptors and species names of a softness of radial functions."""
    descriptor = RadialDensity(radii, **rest)
    return descriptor.feature_names(species_names), descriptor.to_dict(), species_names


def single(weights, radii=(0.1, 1.0, 1.5), **rest):
    """A softness of one species whose features are not scaled."""
    n = len(radii)
    return TrainedSoftness(weights, 0.25, [0.5] * n, [1.0] * n, *made_of(radii, ("A",), **rest), "A")


def softness_of_pairs(softness, distances):
    """The softness of a particle with one neighbour, in a box without an end."""
    box = Box.orthorhombic([9.0, 9.0], periodic=(False, False))
    frames = [Frame([[1.0, 1.0], [1.0 + r, 1.0]], [0, 0], box) for r in distances]
    return np.array([softness.softness(frame, [0])[0] for frame in frames])


def test_every_distance_is_within_the_bound():
    compiled = CompiledSoftness.from_trained(single([0.7, -0.4, 1.1]))
    distances = np.concatenate([[0.0, 1e-12, 1e-6], np.linspace(1e-3, 2.4, 400)])
    expected = compiled.constant + compiled.pair_function("A", distances)
    error = np.abs(softness_of_pairs(compiled, distances) - expected)
    terms = np.maximum(compiled.pair_functions[0].terms.envelope(distances), 1.0)
    assert (error <= compiled.interpolation_error / compiled.neighbours * terms).all()
    assert compiled.constant == pytest.approx(0.25 - 0.5 * 1.4)


@pytest.mark.parametrize("tolerance", [1e-12, 1e-9, 1e-6, 1e-3])
def test_the_tolerance_is_kept(tolerance):
    compiled = CompiledSoftness.from_trained(
        single([0.7, -0.4, 1.1]), tolerance=tolerance, neighbours=1 if tolerance < 1e-9 else 1000
    )
    assert compiled.interpolation_error <= tolerance
    inside = np.linspace(0.0, compiled.cutoff, 3001)[:-1]
    table = compiled.tables[0]
    row = np.rint(inside / table.step)
    cubics = table.rows[0].reshape(-1, 4)[row.astype(int)]
    found = (cubics * (inside / table.step - row)[:, None] ** np.arange(4)).sum(axis=1)
    terms = np.maximum(compiled.pair_functions[0].terms.envelope(inside), 1.0)
    error = np.abs(found - compiled.pair_function("A", inside)) / terms
    assert 0.3 * table.error < error.max() <= table.error <= tolerance
    assert np.abs(compiled.pair_function("A", np.linspace(compiled.cutoff, 4.0))).max() <= table.truncation


def test_heavy_weights_at_short_distances_do_not_spoil_the_others():
    frame = liquid()
    trained = trained_on(frame, RadialDensity())
    assert np.abs(trained.weights / trained.scale).max() > 1e3
    compiled = CompiledSoftness.from_trained(trained)
    np.testing.assert_allclose(compiled.softness(frame), trained.softness(frame), rtol=0, atol=1e-9)


def test_a_neighbour_on_the_same_spot_counts_and_the_particle_itself_does_not():
    compiled = CompiledSoftness.from_trained(single([0.7, -0.4, 1.1]))
    alone = Frame([[1.0, 1.0]], [0], Box.orthorhombic([9.0, 9.0]))
    assert compiled.softness(alone) == compiled.constant
    twice = Frame([[1.0, 1.0]] * 2, [0, 0], Box.orthorhombic([9.0, 9.0]))
    at_zero = compiled.pair_function("A", 0.0)
    assert at_zero == pytest.approx(0.7 * np.exp(-0.5))
    np.testing.assert_allclose(compiled.softness(twice), compiled.constant + at_zero, rtol=0, atol=1e-11)


def test_a_given_cutoff_is_sharp():
    trained = single([0.0, 0.0, 1.0], cutoff=1.5)
    compiled = CompiledSoftness.from_trained(trained)
    distances = [1.5 - 1e-9, 1.5, 1.5 + 1e-9]
    np.testing.assert_allclose(
        softness_of_pairs(compiled, distances), compiled.constant + np.array([1, 0, 0]), rtol=0, atol=1e-11
    )
    assert compiled.pair_function("A", distances).round(6).tolist() == [1.0, 0.0, 0.0]


def test_pair_functions_are_the_weighted_gaussians():
    names = made_of((1.0, 1.4), ("A", "B"))
    trained = TrainedSoftness(
        [1.0, 2.0, 3.0, -4.0], 0.1, [5.0, 6.0, 7.0, 8.0], [2.0, 4.0, 1.0, 8.0], *names, "A"
    )
    compiled = CompiledSoftness.from_trained(trained)
    r = np.array([[0.9, 1.1], [1.3, 1.7]])
    gaussians = [np.exp(-((r - k) ** 2) / 0.02) for k in (1.0, 1.4)]
    np.testing.assert_allclose(compiled.pair_function("A", r), 0.5 * gaussians[0] + 0.5 * gaussians[1])
    np.testing.assert_allclose(compiled.pair_function("B", r), 3.0 * gaussians[0] - 0.5 * gaussians[1])
    assert compiled.constant == pytest.approx(0.1 - 2.5 - 3.0 - 21.0 + 4.0)


# -- bits ------------------------------------------------------------------------------------------------------------


def test_a_value_does_not_depend_on_who_else_is_asked_for():
    frame = liquid(6)
    compiled = CompiledSoftness.from_trained(trained_on(frame, SHORT))
    whole = compiled.softness(frame, np.arange(frame.n_particles))
    some = np.random.default_rng(0).permutation(frame.n_particles)[:50]
    some[3] = some[20]
    assert np.array_equal(compiled.softness(frame, some), whole[some])
    assert np.array_equal(compiled.softness(frame), whole[frame.species == 0])
    assert len(compiled.softness(frame, [])) == 0


def test_threads_do_not_change_a_bit():
    frame = liquid(14)
    compiled = CompiledSoftness.from_trained(trained_on(frame, DESCRIPTOR_SETS.load("first-peaks")()))
    before = numba.get_num_threads()
    found = []
    try:
        for threads in {1, numba.config.NUMBA_NUM_THREADS}:
            numba.set_num_threads(threads)
            found.append((compiled.softness(frame), compiled.gradient(frame)))
    finally:
        numba.set_num_threads(before)
    for softness, gradient in found[1:]:
        assert np.array_equal(softness, found[0][0])
        assert np.array_equal(gradient, found[0][1])


# -- gradient --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["3d", "2d_tilted_three_species", "cutoff_beyond_half_the_box"])
def test_the_gradient_is_that_of_finite_steps(name):
    frame = FRAMES[name]
    compiled = CompiledSoftness.from_trained(trained_on(frame, SHORT))
    some = frame.of_species("A")[::40]
    gradient = compiled.gradient(frame, some)
    assert gradient.shape == (len(some), frame.dimension)
    step = 1e-4
    for row, i in enumerate(some):
        for axis in range(frame.dimension):
            moved = []
            for sign in (1, -1):
                positions = frame.positions.copy()
                positions[i, axis] += sign * step
                moved.append(compiled.softness(frame.with_positions(positions), [i])[0])
            slope = (moved[0] - moved[1]) / (2 * step)
            assert gradient[row, axis] == pytest.approx(slope, rel=1e-3, abs=1e-3)


def test_a_lattice_pulls_nowhere():
    grid = np.array(list(product(range(6), repeat=3)), float)
    frame = Frame(grid, np.zeros(len(grid), int), Box.orthorhombic([6.0] * 3), ("A",))
    compiled = CompiledSoftness.from_trained(single([0.7, -0.4, 1.1], radii=(0.9, 1.4, 1.8)))
    np.testing.assert_allclose(compiled.gradient(frame), 0.0, atol=1e-9)


def test_a_close_neighbour_pulls_along_the_line():
    compiled = CompiledSoftness.from_trained(single([1.0], radii=(1.2,)))
    frame = Frame([[1.0, 1.0], [1.6, 1.8]], [0, 0], Box.orthorhombic([9.0, 9.0]))
    slope = np.exp(-(0.2**2) / 0.02) * 0.2 / 0.01
    np.testing.assert_allclose(compiled.gradient(frame, [0]), [[-0.6 * slope, -0.8 * slope]], atol=1e-6)


# -- what it refuses -------------------------------------------------------------------------------------------------


def test_features_that_are_not_radial_are_named():
    frame = liquid(5)
    trained = trained_on(frame, DescriptorSet((SHORT, Coordination.example(("A", "B")))))
    with pytest.raises(
        ParameterError, match=r"3 of the 35 features with a weight are not: n_A, n_B, n\. Train"
    ):
        CompiledSoftness.from_trained(trained)
    trained = trained_on(frame, DescriptorSet((SHORT, BondAngle())))
    with pytest.raises(ParameterError, match=r"are not: Psi_AA\(.*, …\. Train with radial functions alone"):
        CompiledSoftness.from_trained(trained)


def test_other_features_than_those_of_the_training_are_refused():
    trained = TrainedSoftness(
        [1.0], 0.0, [0.0], [1.0], ("G_A(2)",), RadialDensity((1.0,)).to_dict(), ("A",), "A"
    )
    with pytest.raises(ParameterError, match=r"The descriptors make 1 features, G_A\(1\) …, where"):
        CompiledSoftness.from_trained(trained)


def test_the_errors_are_those_of_the_trained_softness():
    frame = liquid(4)
    trained = trained_on(frame, SHORT)
    compiled = CompiledSoftness.from_trained(trained)
    other = Frame(frame.positions, frame.species, frame.box, ("B", "A"))
    for softness in (trained.softness, compiled.softness, compiled.gradient):
        with pytest.raises(ParameterError, match="trained on the species A, B; the frame has B, A"):
            softness(other)
        with pytest.raises(ParameterError, match="`particles` holds 64; the frame has particles 0 to 63"):
            softness(frame, [64])
        with pytest.raises(ShapeError, match="`particles` must be one row of integer indices"):
            softness(frame, [[1, 2]])
    with pytest.raises(UnknownNameError, match="No species is called 'X'"):
        compiled.pair_function("X", 1.0)


@pytest.mark.parametrize("parameter", ["tolerance", "neighbours"])
def test_bounds_must_be_positive(parameter):
    with pytest.raises(ParameterError, match=f"`{parameter}` must be a positive number; it is 0"):
        CompiledSoftness.from_trained(single([0.7, -0.4, 1.1]), **{parameter: 0})


def test_random_frames_with_close_pairs_agree_to_rounding():
    frame = random_frame(np.random.default_rng(5), 40, n_species=3, tilted=True)
    trained = trained_on(frame, RadialDensity(radii=(0.3, 0.8, 1.4)))
    compiled = CompiledSoftness.from_trained(trained)
    np.testing.assert_allclose(compiled.softness(frame), trained.softness(frame), rtol=1e-12, atol=1e-9)
