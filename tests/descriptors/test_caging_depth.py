"""Depth and softness of the caging potential: against the formulas, and against liquids whose answer is known."""

import numpy as np
import pytest

from vitrify.descriptors.caging_depth import CagingDepth, smeared_rdf
from vitrify.descriptors.caging_softness import CagingSoftness
from vitrify.errors import ParameterError
from vitrify.models.kob_andersen import KobAndersen
from vitrify.particles import Box, Frame
from vitrify.structure.pair_correlation import RadialDistribution
from vitrify.testing.descriptors import assert_same_features
from vitrify.testing.strategies import random_frame

DELTA = 0.12
LIMITS = tuple((a, b, 0.7 + 0.1 * (a == b), 1.3 + 0.2 * (a == b)) for a in "AB" for b in "AB")


def gaussian_rdf(frame, i, neighbor, r, delta, neighbours):
    """g^i(r) of one particle, straight from the definition."""
    vectors, species = neighbours(frame, i, r[-1] + 9 * delta)
    distance = np.linalg.norm(vectors, axis=1)[species == neighbor]
    density = (frame.species == neighbor).sum() / frame.box.volume
    shell = 4 * np.pi * r**2 if frame.dimension == 3 else 2 * np.pi * r
    bells = np.exp(-((r - distance[:, None]) ** 2) / (2 * delta**2)) / np.sqrt(2 * np.pi * delta**2)
    return bells.sum(axis=0) / (shell * density) if density else np.zeros(len(r))


def naive_depth(frame, i, limits, temperature, delta, neighbours, c_of_r=None):
    """(ρ/2) Σ_v x_v ∫ 4πr² c g dr, on a fine grid."""
    model, names, total = KobAndersen(), frame.species_names, 0.0
    for a, b, low, high in limits:
        if a != names[frame.species[i]] or b not in names:
            continue
        r = np.linspace(low, high, 2001)
        g = gaussian_rdf(frame, i, names.index(b), r, delta, neighbours)
        energy = model.pair_energy(r, "AB".index(a), "AB".index(b))
        log = np.log(np.where(g > 0, g, 1.0))
        c = -energy / temperature + g - 1 - log if c_of_r is None else c_of_r(r)
        shell = 4 * np.pi * r**2 if frame.dimension == 3 else 2 * np.pi * r
        density = (frame.species == names.index(b)).sum() / frame.box.volume  # ρ x_v
        total += 0.5 * density * np.trapezoid(shell * c * g, r)
    return total


def two_species(frame):
    return Frame(frame.positions, frame.species % 2, frame.box, ("A", "B"))


def test_local_g_is_a_sum_of_gaussians(frame, neighbours):
    r = np.linspace(0.3, 1.5, 25)
    for b, name in enumerate(frame.species_names):
        if not (frame.species == b).any():
            continue
        own = frame.species_names[frame.species[0]]
        of_first = np.flatnonzero(frame.species == frame.species[0])
        found = smeared_rdf(frame, None, (own, name), DELTA, r)
        expected = [gaussian_rdf(frame, i, b, r, DELTA, neighbours) for i in of_first]
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
        some = of_first[::-1][:2]
        np.testing.assert_array_equal(smeared_rdf(frame, some, (own, name), DELTA, r), found[::-1][:2])


def test_local_depth_is_the_integral_over_the_local_g(frame, neighbours):
    frame = two_species(frame)
    found = CagingDepth(temperature=0.7, limits=LIMITS, delta=DELTA, step=0.002).evaluate(frame)
    expected = [naive_depth(frame, i, LIMITS, 0.7, DELTA, neighbours) for i in range(frame.n_particles)]
    assert_same_features(found, np.array(expected)[:, None], 1e-5)


def test_depth_of_averaged_correlations_is_the_integral_over_the_local_g(frame, neighbours):
    frame = two_species(frame)
    r = np.linspace(0.5, 2.0, 400)
    c = lambda r: 3.0 - 2.0 * r  # noqa: E731  # straight, so that interpolation is exact
    table = tuple((a, b, tuple(r), tuple(c(r))) for a, b, _, _ in LIMITS)
    depth = CagingDepth(limits=LIMITS, delta=DELTA, step=0.002, correlation="averaged", averaged=table)
    expected = [naive_depth(frame, i, LIMITS, 0.7, DELTA, neighbours, c) for i in range(frame.n_particles)]
    assert_same_features(depth.evaluate(frame), np.array(expected)[:, None], 1e-5)


def test_depth_of_averaged_correlations_is_a_sum_over_neighbours():
    """A third particle adds what it would add alone; with local correlations it does not."""
    r = np.linspace(0.8, 1.6, 50)
    table = (("A", "A", tuple(r), tuple(np.cos(r))),)
    limits = (("A", "A", 0.9, 1.5),)
    averaged = CagingDepth(limits=limits, correlation="averaged", averaged=table)
    local = CagingDepth(limits=limits)
    box = Box.orthorhombic([9.0] * 3)
    places = np.array([[4.0, 4.0, 4.0], [5.0, 4.0, 4.0], [4.0, 5.1, 4.0]])

    def of_first(member, which):
        return member.evaluate(Frame(places[which], np.zeros(len(which), int), box), [0])[0, 0]

    apart = [of_first(averaged, [0, 1]), of_first(averaged, [0, 2])]
    assert min(apart) > 0.1
    assert of_first(averaged, [0, 1, 2]) == pytest.approx(sum(apart), rel=1e-12)
    assert of_first(local, [0, 1, 2]) != pytest.approx(
        of_first(local, [0, 1]) + of_first(local, [0, 2]), rel=1e-3
    )


def test_an_ideal_gas_has_the_local_g_of_its_gaussians():
    """The mean of g^i(r) is 1 + δ²/r² in three dimensions, and 1 in two (beyond a few δ)."""
    rng, r = np.random.default_rng(0), np.array([0.5, 1.0, 1.5])
    gas = Frame(rng.random((20000, 3)) * 20.0, np.zeros(20000, int), Box.orthorhombic([20.0] * 3))
    values = smeared_rdf(gas, None, ("A", "A"), DELTA, r)
    error = values.std(axis=0) / np.sqrt(len(values) / 2)  # both ends of a pair see the same distance
    assert (np.abs(values.mean(axis=0) - [1.0576, 1.0144, 1.0064]) < 4 * error).all()
    assert (error < 0.015).all()
    flat = Frame(rng.random((20000, 2)) * 100.0, np.zeros(20000, int), Box.orthorhombic([100.0] * 2))
    values = smeared_rdf(flat, None, ("A", "A"), DELTA, r)
    error = values.std(axis=0) / np.sqrt(len(values) / 2)
    assert (np.abs(values.mean(axis=0) - 1.0) < 4 * error).all()


def test_narrow_gaussians_average_to_g_of_r_and_wide_ones_to_lower_peaks(glass):
    bins = RadialDistribution(1.6, 0.02).compute([glass])
    r = bins["r"].values[35:]
    g = bins["g"].sel(group="A", neighbor_species="A").values[35:]
    n = (glass.species == 0).sum()
    narrow, middle, wide = (
        smeared_rdf(glass, None, ("A", "A"), delta, r).mean(axis=0) * n / (n - 1)
        for delta in (0.01, 0.05, 0.12)
    )
    assert np.sqrt(np.mean((narrow - g) ** 2)) < 0.15
    assert g.max() > middle.max() > wide.max() > 1.5


def test_a_colder_liquid_holds_its_particles_deeper(glass):
    """Kob-Andersen at T = 0.47: A particles sit at a depth of about 9 with a spread of 2, all of them held."""
    limits = (("A", "A", 0.925, 1.43), ("A", "B", 0.765, 1.26))
    chosen = np.flatnonzero(glass.species == 0)
    values = CagingDepth(temperature=0.47, limits=limits).evaluate(glass, chosen)[:, 0]
    assert 7 < values.mean() < 12
    assert 1 < values.std() < 4
    hotter = CagingDepth(temperature=0.94, limits=limits).evaluate(glass, chosen)[:, 0]
    assert hotter.mean() < values.mean()


def test_the_default_step_is_fine_enough(glass):
    coarse, fine = (CagingDepth(step=step).evaluate(glass) for step in (0.01, 0.001))
    np.testing.assert_allclose(coarse, fine, atol=2e-3)


def test_particles_without_limits_have_no_depth_and_lonely_ones_have_none_to_speak_of():
    frame = Frame([[1.0] * 3, [5.0] * 3, [5.0, 5.0, 6.0]], [0, 1, 0], Box.orthorhombic([9.0] * 3), ("A", "B"))
    values = CagingDepth(limits=(("A", "A", 0.9, 1.4), ("A", "B", 0.8, 1.2))).evaluate(frame)[:, 0]
    assert values[0] == 0.0
    assert np.isnan(values[1])
    assert values[2] > 0


def test_an_absent_species_adds_nothing():
    frame = random_frame(np.random.default_rng(3), 30, n_species=1)
    named = Frame(frame.positions, frame.species, frame.box, ("A", "B"))
    both = CagingDepth(limits=(("A", "A", 0.9, 1.4), ("A", "B", 0.8, 1.2))).evaluate(named)
    np.testing.assert_array_equal(both, CagingDepth(limits=(("A", "A", 0.9, 1.4),)).evaluate(frame))


def test_softness_is_the_inverse_of_a_line_and_is_flagged_where_the_line_is_not_positive(glass):
    depth = CagingDepth()
    values = depth.evaluate(glass)
    middle = float(np.median(values))
    softness = CagingSoftness(depth, -100.0 * middle, 100.0).evaluate(glass)
    deep = values > middle
    np.testing.assert_array_equal(np.isnan(softness), ~deep)
    np.testing.assert_allclose(softness[deep], 1 / (100.0 * (values[deep] - middle)), rtol=1e-9)
    assert CagingSoftness(depth, 1.0, 1.0).attributes()["units"] == "sigma_AA^2"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"temperature": 0.0}, "`temperature` must be positive; it is 0"),
        ({"delta": -0.1}, "`delta` must be a positive length"),
        ({"step": 0.0}, "`step` must be a positive length"),
        ({"limits": (("A", "A", 1.4, 0.9),)}, "`limits` of A and A must be two ascending positive lengths; they are 1.4, 0.9"),
        ({"limits": ()}, "`limits` must name pairs of species, each once; got none"),
        ({"limits": (("A", "A", 0.9, 1.4),) * 2}, "each once; got \\('A', 'A'\\)"),
        ({"correlation": "global"}, "`correlation` must be one of local, averaged; it is 'global'"),
        ({"correlation": "averaged"}, "With `correlation` = 'averaged' `averaged` must hold c\\(r\\)"),
        ({"averaged": (("A", "A", (1.0, 2.0), (0.0, 0.0)),)}, "With `correlation` = 'local' `averaged` must be left out"),
    ],
)  # fmt: skip
def test_parameters_out_of_range_are_named(changes, words):
    with pytest.raises(ParameterError, match=words):
        CagingDepth(**changes)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ((("A", "B", (0.5, 2.0), (1.0, 1.0)),), "`averaged` must hold c\\(r\\) of A and A, a pair of `limits`"),
        ((("A", "A", (0.5, 2.0), (1.0, np.nan)),), "must be as many finite c as ascending r"),
        ((("A", "A", (0.5, 0.4, 2.0), (1.0, 1.0)),), "it has 3 r and 2 c"),
        ((("A", "A", tuple(np.linspace(1.1, 2.0, 50)), (1.0,) * 50),), "must reach from 0.9 to 1.4, the `limits`"),
    ],
)  # fmt: skip
def test_tables_that_do_not_cover_the_limits_are_named(table, words):
    with pytest.raises(ParameterError, match=words):
        CagingDepth(limits=(("A", "A", 0.9, 1.4),), correlation="averaged", averaged=table)


def test_what_has_no_softness_says_so():
    with pytest.raises(ParameterError, match="`depth` must be a CagingDepth"):
        CagingSoftness(KobAndersen(), 1.0, 1.0)
    with pytest.raises(ParameterError, match="`slope` must be a finite number; it is nan"):
        CagingSoftness(CagingDepth(), 1.0, np.nan)


def test_what_has_no_local_g_says_so():
    frame = random_frame(np.random.default_rng(0), 12)
    frame = Frame(frame.positions, np.zeros(12, int), frame.box, ("A", "B"))
    with pytest.raises(ParameterError, match="`pair` names the species 'C'; the frame has A, B"):
        smeared_rdf(frame, None, ("A", "C"), 0.1, [1.0])
    with pytest.raises(ParameterError, match="'B', of which the frame has no particle"):
        smeared_rdf(frame, None, ("A", "B"), 0.1, [1.0])
    with pytest.raises(ParameterError, match="`r` must ascend from a positive length"):
        smeared_rdf(frame, None, ("A", "A"), 0.1, [0.0, 1.0])
    mixed = Frame(frame.positions, np.arange(12) % 2, frame.box, ("A", "B"))
    with pytest.raises(ParameterError, match="`particles` must all be of the species 'A'"):
        smeared_rdf(mixed, [0, 1], ("A", "B"), 0.1, [1.0])
