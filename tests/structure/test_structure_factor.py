"""S(q): against the sum over particles for every wave vector, in any box, and against g(r)."""

import itertools

import numba
import numpy as np
import pytest

from vitrify.errors import ConfigurationError, ParameterError, ShapeError
from vitrify.particles import Box, Frame
from vitrify.structure.sine_transforms import conjugate_wave_numbers, to_distances
from vitrify.structure.structure_factor import (
    StructureFactor,
    rdf_from_structure_factor,
    structure_factor_from_rdf,
)
from vitrify.testing.strategies import random_frame


def naive(frame, q_max, bin_width):
    """Mean length, S_uv and number of vectors of each bin, all vectors of both signs, straight from the definition."""
    reach = [range(-n, n + 1) for n in (q_max * frame.box.lengths / (2 * np.pi)).astype(int) + 1]
    triples = np.array(list(itertools.product(*reach)))
    vectors = 2 * np.pi * triples @ frame.box.inverse.T
    lengths = np.linalg.norm(vectors, axis=1)
    inside = (lengths <= q_max) & (lengths > 0)
    vectors, lengths = vectors[inside], lengths[inside]
    waves = np.exp(-1j * vectors @ frame.positions.T)
    modes = [waves[:, frame.species == s].sum(axis=1) for s in range(len(frame.species_names))]
    count = np.bincount(frame.species)
    place = np.unique((lengths / bin_width).astype(int), return_inverse=True)[1]
    number = np.bincount(place)
    values = [
        [
            np.bincount(place, (a * b.conj()).real) / number / np.sqrt(m * n)
            for b, n in zip(modes, count, strict=True)
        ]
        for a, m in zip(modes, count, strict=True)
    ]
    return np.bincount(place, lengths) / number, np.array(values), number // 2


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("tilted", [False, True])
@pytest.mark.parametrize("n_species", [1, 3])
def test_the_kernel_agrees_with_every_wave_vector(dimension, tilted, n_species):
    rng = np.random.default_rng(dimension + 10 * tilted)
    frame = random_frame(rng, 300, dimension=dimension, n_species=n_species, tilted=tilted)
    found = StructureFactor(6.5, 0.5, max_vectors_per_bin=10**6).compute([frame])
    q, values, number = naive(frame, 6.5, 0.5)
    np.testing.assert_allclose(found["q"], q, rtol=1e-12)
    np.testing.assert_allclose(found["S"], values, rtol=1e-9, atol=1e-10)
    np.testing.assert_array_equal(found["n_vectors"], number)
    np.testing.assert_allclose(found["fraction"], np.bincount(frame.species) / 300)
    assert found.attrs["density"] == pytest.approx(300 / frame.box.volume)


def test_every_length_stands_apart_without_bins():
    """In a cube the squared lengths are the sums of three squares: 1, 2, 3, 4, 5, 6, 8 but not 7."""
    frame = random_frame(np.random.default_rng(0), 40)
    cube = Frame(frame.positions, frame.species, Box.orthorhombic([2 * np.pi] * 3))
    found = StructureFactor(np.sqrt(8.5), 0.0, max_vectors_per_bin=10**6).compute([cube])
    np.testing.assert_allclose(found["q"] ** 2, [1, 2, 3, 4, 5, 6, 8], rtol=1e-12)
    np.testing.assert_array_equal(found["n_vectors"], [3, 6, 4, 3, 12, 12, 6])


def test_a_crystal_scatters_all_together_where_the_lattice_repeats():
    """S = N at 2π/a, and minus that between the two sublattices of CsCl."""
    grid = np.array(list(itertools.product(range(4), repeat=3)), float)
    frame = Frame(np.vstack([grid, grid + 0.5]), np.repeat([0, 1], 64), Box.orthorhombic([4.0] * 3))
    found = (
        StructureFactor(2 * np.pi * 1.01, 0.0, 10**6).compute([frame])["S"].sel(q=2 * np.pi, method="nearest")
    )
    np.testing.assert_allclose(found, [[64, -64], [-64, 64]], atol=1e-8)


def test_pairs_that_turn_freely_have_the_wave_of_their_length():
    """Dimers of length d at random places: S_AA = S_BB = 1 and S_AB = sin(qd)/(qd)."""
    rng = np.random.default_rng(1)
    box, d, frames = Box.orthorhombic([9.0] * 3), 1.1, []
    for _ in range(24):
        first = rng.random((150, 3)) * 9
        turn = rng.normal(size=(150, 3))
        second = first + d * turn / np.linalg.norm(turn, axis=1)[:, None]
        frames.append(Frame(np.vstack([first, second]), np.repeat([0, 1], 150), box))
    found = StructureFactor(8.0, 0.25, 60).compute(frames)
    q = found["q"].values
    expected = np.array(
        [[np.ones_like(q), np.sin(q * d) / (q * d)], [np.sin(q * d) / (q * d), np.ones_like(q)]]
    )
    deviation = (found["S"].values - expected) / found["S_error"].values
    assert found.sizes["block"] == 8
    assert 0.5 < np.sqrt(np.mean(deviation**2)) < 1.6
    assert abs(np.mean(found["S"].values - expected)) < 0.01


def test_thinned_vectors_are_drawn_by_the_seed_and_cover_all_lengths():
    frames = [random_frame(np.random.default_rng(k), 200, n_species=1) for k in range(2)]
    frames = [Frame(f.positions, f.species, Box.orthorhombic([9.0] * 3)) for f in frames]
    thin, same, other = (StructureFactor(9.0, 0.3, 20, seed=s).compute(frames) for s in (0, 0, 1))
    full = StructureFactor(9.0, 0.3, 10**6).compute(frames)
    np.testing.assert_array_equal(thin["S"], same["S"])
    assert not np.array_equal(thin["S"], other["S"])
    np.testing.assert_array_equal(thin["n_vectors"], np.minimum(full["n_vectors"], 20))
    np.testing.assert_allclose(thin["q"], full["q"], atol=0.06)


def test_threads_do_not_change_a_bit():
    frame = random_frame(np.random.default_rng(2), 400)
    before, results = numba.get_num_threads(), []
    try:
        for n in (1, min(2, numba.config.NUMBA_NUM_THREADS)):
            numba.set_num_threads(n)
            results.append(StructureFactor(12.0).compute([frame])["S"].values)
    finally:
        numba.set_num_threads(before)
    np.testing.assert_array_equal(results[0], results[1])


def test_blocks_are_runs_of_frames_and_their_scatter_is_the_error():
    rng = np.random.default_rng(6)
    one = random_frame(rng, 60)
    frames = [one.with_positions(one.positions + rng.normal(size=(60, 3))) for _ in range(6)]
    found = StructureFactor(5.0, 0.5, blocks=3).compute(frames)
    each = [StructureFactor(5.0, 0.5).compute(frames[k : k + 2])["S"].values for k in (0, 2, 4)]
    np.testing.assert_allclose(found["S_block"], each, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found["S"], np.mean(each, axis=0), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(
        found["S_error"], np.std(each, axis=0, ddof=1) / np.sqrt(3), rtol=1e-9, atol=1e-12
    )
    assert np.isnan(StructureFactor(5.0, 0.5).compute(frames[:1])["S_error"]).all()


@pytest.mark.parametrize("offset", [0.5, 1.0])
def test_structure_factor_and_rdf_are_a_pair_without_loss(offset):
    """Three species, g with a core, a peak and a wave: there and back to 1e-6, in bins and on points."""
    r = 0.02 * (np.arange(400) + offset)
    x, wave = np.array([0.5, 0.3, 0.2]), np.exp(-r) * np.cos(7 * r)
    g = np.array(
        [[np.where(r > 0.7 + 0.1 * a * b, 1 + (1 + a + b) * wave, 0.0) for b in range(3)] for a in range(3)]
    )
    q = conjugate_wave_numbers(r)
    back = rdf_from_structure_factor(q, structure_factor_from_rdf(r, g, 1.1, x), 1.1, x, r)
    np.testing.assert_allclose(back, g, atol=1e-10)


def test_any_wave_number_sees_the_same_integral():
    r = 0.02 * (np.arange(300) + 0.5)
    g = 1 + np.exp(-((r - 1.5) ** 2) * 5)
    q = conjugate_wave_numbers(r)
    np.testing.assert_allclose(
        structure_factor_from_rdf(r, g, 0.8, [1.0], q[::7]),
        structure_factor_from_rdf(r, g, 0.8, [1.0])[::7],
        atol=1e-10,
    )


def test_a_gaussian_g_has_a_gaussian_structure_factor():
    r = 0.01 * (np.arange(1000) + 0.5)
    q = np.array([0.5, 1.0, 3.0])
    found = structure_factor_from_rdf(r, 1 + 0.3 * np.exp(-(r**2)), 0.7, [1.0], q)
    np.testing.assert_allclose(found, 1 + 0.7 * 0.3 * np.pi**1.5 * np.exp(-(q**2) / 4), rtol=1e-10)


def test_what_has_no_structure_factor_says_so():
    rng = np.random.default_rng(0)
    frame, rule = random_frame(rng, 20, n_species=2), StructureFactor(6.0)
    with pytest.raises(ConfigurationError, match="periodic along all axes; this one is open"):
        rule.compute([random_frame(rng, 10, periodic=False)])
    with pytest.raises(ShapeError, match="`frames` is empty"):
        rule.compute([])
    with pytest.raises(ConfigurationError, match="must have one box"):
        rule.compute([frame, random_frame(rng, 20, n_species=2)])
    with pytest.raises(ConfigurationError, match="the same numbers of the species"):
        rule.compute([frame, Frame(frame.positions, 1 - frame.species, frame.box, frame.species_names)])
    with pytest.raises(ConfigurationError, match="there are none of 'B'"):
        rule.compute([Frame(frame.positions, np.zeros(20, int), frame.box, ("A", "B"))])
    with pytest.raises(ParameterError, match="below the shortest wave vector"):
        StructureFactor(0.1).compute([frame])


def test_parameters_out_of_range_are_named():
    with pytest.raises(ParameterError, match="`q_max` must be a positive wave number; it is 0"):
        StructureFactor(0.0)
    with pytest.raises(ParameterError, match="`bin_width` must lie between 0 and `q_max` = 5"):
        StructureFactor(5.0, 6.0)
    with pytest.raises(ParameterError, match="`max_vectors_per_bin` and `blocks` must be at least 1"):
        StructureFactor(5.0, blocks=0)


def test_grids_and_mixtures_that_do_not_fit_are_named():
    r = 0.1 * np.arange(1, 20)
    with pytest.raises(ParameterError, match="`r` must be an even grid from 0 on"):
        structure_factor_from_rdf(r + 0.3, np.ones(19), 1.0, [1.0])
    with pytest.raises(ParameterError, match="the 19 wave numbers that `conjugate_wave_numbers` gives"):
        to_distances(np.linspace(0.1, 5, 19), np.ones(19), r)
    with pytest.raises(ParameterError, match="`density` must be positive; it is 0"):
        structure_factor_from_rdf(r, np.ones(19), 0.0, [1.0])
    with pytest.raises(ParameterError, match="must be positive and add up to 1"):
        structure_factor_from_rdf(r, np.ones(19), 1.0, [0.5, 0.6])
    with pytest.raises(ShapeError, match=r"`g` must have shape \(2, 2, 19\)"):
        structure_factor_from_rdf(r, np.ones(19), 1.0, [0.5, 0.5])
