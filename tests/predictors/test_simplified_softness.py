"""Weight functions and their simple forms, from softness whose pair function is known."""

import numpy as np
import pytest
import xarray as xr

from vitrify.descriptors.combined import DescriptorSet
from vitrify.descriptors.radial_density import RadialDensity
from vitrify.errors import ParameterError, ShapeError
from vitrify.particles import Box, Frame
from vitrify.predictors.compiled import CompiledSoftness
from vitrify.predictors.pair_softness import PairSoftness
from vitrify.predictors.simplified_softness import PairCounts, simplified_softness
from vitrify.predictors.softness import Softness
from vitrify.predictors.trained import TrainedSoftness
from vitrify.predictors.weight_functions import (
    PairForm,
    core_radius,
    fit_core,
    fit_exponential,
    weight_function,
    weight_table,
)
from vitrify.testing.strategies import random_frame

RADII = np.round(np.arange(7, 22) / 10, 1)


def planted_form(r, species):
    """A core below 1.05 for the first species of neighbour, none for the second."""
    return PairForm([-6.0, -3.0], [1.5, 1.0], [4.0, np.nan], [1.05, np.nan]).value(r, species)


def surroundings(n=1500, seed=0):
    """Distances of 8 and 4 neighbours of each example, and labels that the planted sum of radial functions decides."""
    rng = np.random.default_rng(seed)
    r = np.sort(rng.uniform(0.8, 2.0, size=(n, 12)), axis=1)
    species = np.repeat([0, 1], [8, 4])[rng.permuted(np.tile(np.arange(12), (n, 1)), axis=1)]
    score = gaussians(r, species) @ planted_form(np.tile(RADII, 2), np.repeat([0, 1], len(RADII)))
    return r, species, (score > np.median(score)).astype(int), rng.integers(6, size=n)


def gaussians(r, species):
    """Radial functions of both species, (n, 2 * 15)."""
    counts = np.exp(-((r[:, :, None] - RADII) ** 2) / 0.02)
    return np.concatenate([(counts * (species == s)[:, :, None]).sum(axis=1) for s in (0, 1)], axis=1)


def narrow_counts(r, species, width=0.02):
    edges = np.arange(0.7, 2.1001, width)
    columns = [
        [np.histogram(row[kind == s], edges)[0] for row, kind in zip(r, species, strict=True)] for s in (0, 1)
    ]
    middle = 0.5 * (edges[1:] + edges[:-1])
    return PairCounts(np.concatenate(columns, axis=1), np.tile(middle, 2), np.repeat([0, 1], len(middle)))


@pytest.fixture(scope="module")
def rows():
    r, species, y, groups = surroundings()
    layout = np.tile(RADII, 2), np.repeat([0, 1], len(RADII))
    names = {"neighbour_names": ["A", "B"]}
    plain = simplified_softness(gaussians(r, species), *layout, y, groups, **names)
    narrow = simplified_softness(
        gaussians(r, species), *layout, y, groups, **names, pair_counts=narrow_counts(r, species)
    )
    return plain, narrow


def test_the_core_is_found_where_it_was_planted(rows):
    plain, _ = rows
    found = plain.sel(form="exponential with core", neighbour="A")
    assert found["core_radius"].item() == pytest.approx(1.05, abs=0.1)
    assert found["core"] > 0 > found["amplitude"]
    assert found["decay"].item() == pytest.approx(1.5, abs=0.5)
    assert np.isnan(plain["core"].sel(form="exponential").values).all()
    assert np.isnan(plain["core_radius"].sel(form="exponential with core", neighbour="B").item())


def test_the_simpler_the_form_the_less_accurate(rows):
    plain, narrow = rows
    full, pair, exponential, core = plain["accuracy"].values
    assert full > 0.9
    assert pair == pytest.approx(full, abs=0.03)
    assert core > exponential + 0.03
    assert core > full - 0.1
    assert plain["correlation"].values[:2] == pytest.approx(1.0)
    assert narrow["accuracy"].values[:3] == pytest.approx(plain["accuracy"].values[:3], abs=0.03)
    assert narrow["accuracy"][3] >= narrow["accuracy"][2] - 0.01  # an edge without the width of the functions
    assert narrow["correlation"].sel(form="pair sum") > 0.999
    assert plain["accuracy_fold"].mean("fold").values == pytest.approx(plain["accuracy"].values)


def test_labels_that_mean_nothing_are_told_by_chance():
    r, species, _, groups = surroundings(900)
    y = np.random.default_rng(3).integers(2, size=900)
    x = gaussians(r, species)[:, : len(RADII)]
    found = simplified_softness(x, RADII, np.zeros(len(RADII), int), y, groups, metric="weights")
    assert abs(found["accuracy"] - 0.5).max() < 0.1


def test_errors_of_parameters_are_those_of_the_jackknife(rows):
    error = rows[0]["decay_error"].sel(form="exponential with core").values
    assert ((error > 0) & (error < 1)).all()


def test_exact_forms_are_found_by_either_metric():
    r = np.tile(RADII, 2)
    species = np.repeat([0, 1], len(RADII))
    w = planted_form(r, species)
    spread = 0.5 + 0.1 * np.arange(len(r))
    table = weight_table(w * spread, spread, r, species, ["A", "B"])
    mix = np.random.default_rng(0).normal(size=(len(r), len(r)))
    for covariance in (None, mix @ mix.T):
        found = fit_core(table, covariance)
        np.testing.assert_allclose(found.amplitude, [-6, -3], rtol=1e-5)
        np.testing.assert_allclose(found.decay, [1.5, 1], rtol=1e-5)
        np.testing.assert_allclose(found.core, [4, np.nan], rtol=1e-6)
        assert 1.0 <= found.core_radius[0] <= 1.1
        without = fit_exponential(table, covariance)
        miss = [form.value(r, species) - w for form in (without, found)]
        metric = np.diag(spread**2) if covariance is None else covariance
        assert miss[0] @ metric @ miss[0] > miss[1] @ metric @ miss[1] + 0.1


def test_positive_weights_of_functions_that_see_nothing_are_no_core():
    r = np.arange(5, 15) / 10
    spread = np.where(r < 0.75, 1e-5, 1.0)
    table = weight_table(np.where(r < 0.75, 0.1, -1.0), spread, r, np.zeros(10, int))
    assert np.isnan(core_radius(table)).all()
    assert np.isnan(core_radius(weight_table(np.ones(10), np.ones(10), r, np.zeros(10, int)))).all()


def smooth_softness(species_names=("A", "B"), cutoff=5.0):
    """A softness whose weights change little from one radius to the next."""
    descriptor = RadialDensity(radii=tuple(np.round(np.arange(1, 26) / 10, 1)), cutoff=cutoff)
    r = np.tile(descriptor.radii, len(species_names))
    scale = np.linspace(1.0, 3.0, len(r))
    return TrainedSoftness(
        scale * np.sin(2 * r) * (1 - r / 2.6) ** 2,
        0.3,
        np.linspace(0.5, 2.0, len(r)),
        scale,
        descriptor.feature_names(species_names),
        descriptor.to_dict(),
        species_names,
        "A",
    )


def test_weight_function_is_weight_over_spread():
    trained = smooth_softness()
    table = weight_function(trained)
    np.testing.assert_allclose(table["weight"].values.ravel(), trained.weights / trained.scale)
    assert table["neighbour"].values.tolist() == ["A", "B"]
    assert table.attrs["constant"] == pytest.approx(CompiledSoftness.from_trained(trained).constant)


@pytest.mark.parametrize("system", [{}, {"dimension": 2}, {"tilted": True}, {"periodic": False}])
def test_pair_softness_is_the_sum_over_neighbours(system):
    frame = random_frame(np.random.default_rng(4), 40, **system)
    rng = np.random.default_rng(0)
    values = rng.normal(size=(len(frame.species_names), 6))
    pair = PairSoftness(0.25, np.linspace(0.1, 1.4, 6), values, frame.species_names, frame.species_names[0])
    from vitrify.particles.neighbors import pairs

    near = pairs(frame, pair.cutoff)
    each = [
        np.interp(d, pair.r, values[frame.species[j]])
        for d, j in zip(near.distances, near.second, strict=True)
    ]
    total = 0.25 + np.bincount(near.first, each, minlength=frame.n_particles)
    chosen = frame.of_species(frame.species_names[0])
    np.testing.assert_allclose(pair.softness(frame), total[chosen], atol=2e-3)
    np.testing.assert_array_equal(pair.softness(frame, chosen[::-2]), pair.softness(frame)[::-2])


def test_the_sum_over_pairs_is_the_softness_of_the_radial_functions():
    frame = random_frame(np.random.default_rng(1), 300)
    trained = smooth_softness(frame.species_names)
    full = CompiledSoftness.from_trained(trained).softness(frame)
    table = weight_function(trained)
    np.testing.assert_allclose(PairSoftness.from_weights(table).softness(frame), full, atol=1e-3)
    limit = PairSoftness.from_weights(table, narrow=True).softness(frame)
    assert np.corrcoef(full, limit)[0, 1] > 0.99  # weights that change little from one radius to the next
    assert np.abs(full - limit).max() > 1e-2


@pytest.mark.parametrize("narrow", [False, True])
def test_an_exponential_weight_function_is_its_own_form(narrow):
    frame = random_frame(np.random.default_rng(1), 100)
    trained = smooth_softness(frame.species_names)
    table = weight_function(trained)
    table["weight"] = -2.0 * np.exp(-1.5 * table["r"]) * xr.ones_like(table["weight"])
    table["standardised_weight"] = table["weight"] * table["scale"]
    form = fit_exponential(table)
    own, simple = (PairSoftness.from_weights(table, f, narrow=narrow) for f in (None, form))
    found = simple.softness(frame)
    near = 1e-6 if not narrow else 0.1  # linear in between the radii, and level below the first
    np.testing.assert_allclose(found, own.softness(frame), rtol=near)


def test_bad_input_is_named():
    r, species, y, groups = surroundings(60)
    x = gaussians(r, species)
    layout = np.tile(RADII, 2), np.repeat([0, 1], len(RADII))
    with pytest.raises(ParameterError, match="`metric` must be one of scores, weights"):
        simplified_softness(x, *layout, y, groups, metric="both")
    with pytest.raises(ShapeError, match="`radii` and `neighbour` need one entry per feature, 30"):
        simplified_softness(x, RADII, layout[1], y, groups)
    with pytest.raises(ShapeError, match="`pair_counts` needs one row per example"):
        simplified_softness(x, *layout, y, groups, pair_counts=PairCounts(x[:-1], *layout))
    with pytest.raises(ShapeError, match="need one entry per function"):
        weight_table([1.0, 2.0], [1.0], [1.0], [0])
    with pytest.raises(ParameterError, match="one weight at each radius and species; there are two"):
        weight_table([1.0, 2.0], [1.0, 1.0], [1.0, 1.0], [0, 0])
    with pytest.raises(ParameterError, match="at least three weights of each species; there are 2"):
        fit_exponential(weight_table([1.0, 2.0], [1.0, 1.0], [1.0, 1.1], [0, 0]))
    table = weight_table(np.ones(4), np.ones(4), np.arange(4) + 1.0, np.zeros(4, int), ["A"])
    with pytest.raises(ShapeError, match=r"`covariance` must be \(4, 4\)"):
        fit_exponential(table, np.eye(3))
    with pytest.raises(ShapeError, match="`values` must have shape"):
        PairSoftness(0.0, [1.0, 2.0], [[1.0, 2.0]], ("A", "B"), "A")
    with pytest.raises(ParameterError, match="`r` must ascend from 0"):
        PairSoftness(0.0, [2.0, 1.0], [[1.0, 2.0]], ("A",), "A")
    with pytest.raises(ParameterError, match="`step` must lie between the largest distance 2 and"):
        PairSoftness(0.0, [1.0, 2.0], [[1.0, 2.0]], ("A",), "A", step=3.0)
    uneven = weight_table(np.ones(3), np.ones(3), [1.0, 1.1, 1.4], np.zeros(3, int), ["A"])
    about = {"delta": 0.1, "constant": 0.0, "centre_species": "A", "cutoff": 5.0}
    with pytest.raises(ParameterError, match="at evenly spaced radii"):
        PairSoftness.from_weights(uneven.assign_attrs(about), narrow=True)
    two = DescriptorSet((RadialDensity(radii=(1.0,)), RadialDensity(radii=(1.2,), delta=0.2)))
    with pytest.raises(ParameterError, match="of one width and cutoff; these have several"):
        weight_function(
            TrainedSoftness(
                [1.0] * 2, 0.0, [0.0] * 2, [1.0] * 2, two.feature_names(("A",)), two.to_dict(), ["A"], "A"
            )
        )
    with pytest.raises(ParameterError, match="this softness has none among its 1 features"):
        weight_function(
            TrainedSoftness([1.0], 0.0, [0.0], [1.0], ["n_A(1.5)"], {"name": "coordination"}, ["A"], "A")
        )


def test_a_machine_of_ones_own_is_used():
    r, species, y, groups = surroundings(200)
    x = gaussians(r, species)[:, : len(RADII)]
    layout = RADII, np.zeros(len(RADII), int)
    found = [
        simplified_softness(
            x, *layout, y, groups, estimator=Softness(C=c, solver="linear_svc", random_state=0)
        )
        for c in (1e-5, 1.0)
    ]
    assert abs(found[0]["amplitude"].sel(form="exponential").item()) < abs(
        found[1]["amplitude"].sel(form="exponential").item()
    )


def test_a_pair_beyond_the_cutoff_adds_nothing():
    pair = Frame([[0.0, 0.0], [1.5, 0.0]], [0, 0], Box.orthorhombic([9.0, 9.0]))
    softness = PairSoftness(0.5, [0.5, 1.4], [[1.0, 1.0]], ("A",), "A")
    assert softness.softness(pair).tolist() == [0.5, 0.5]
