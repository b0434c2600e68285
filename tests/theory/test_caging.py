"""The caging potential: closed forms, noise that does not enter, limits, and the lines between depth and softness."""

import json

import numpy as np
import pytest
import xarray as xr

from vitrify.errors import ParameterError
from vitrify.structure.sine_transforms import conjugate_wave_numbers, to_distances
from vitrify.structure.structure_factor import structure_factor_from_rdf
from vitrify.theory.caging import (
    BulkCaging,
    CagingMap,
    bulk_caging,
    caging_limits,
    caging_potential,
    fit_caging_map,
)

X = np.array([0.8, 0.2])
DIMS = ("species", "other_species", "q")


class Ramp:
    """A straight potential, to be integrated by hand."""

    name, species_names = "ramp", ("A", "B")

    def pair_energy(self, r, a, b):
        return (1 + a + b) * (r - 2.0)


def exact(q, s, **attrs):
    """S(q) without noise."""
    return xr.Dataset(
        {"S": (DIMS, s), "fraction": ("species", X[: len(s)] / X[: len(s)].sum())},
        {"q": q, "species": ["A", "B"][: len(s)]},
        {"density": 1.2, "dimension": 3, **attrs},
    )


def liquid():
    """S_uv(q) of two species, positive at every q, and its grid."""
    q = 0.05 * np.arange(1, 500)
    wave = 0.6 * np.sin(q) * np.exp(-q / 6)
    return q, np.array([[1 + wave, -0.3 * wave], [-0.3 * wave, 1 - 0.5 * wave]])


def sampled(rng, s, n_samples, n_blocks, q, **attrs):
    """S(q) from so many random modes in each of some blocks: complex Gaussian numbers of covariance s, (S, S, n)."""
    root = np.moveaxis(np.linalg.cholesky(np.moveaxis(s, -1, 0)), 0, -1)
    shape = (n_blocks, n_samples, len(s), len(q))
    modes = (rng.normal(size=shape) + 1j * rng.normal(size=shape)) / np.sqrt(2)
    modes = np.einsum("uvq,bnvq->bnuq", root, modes)
    blocks = np.einsum("bnuq,bnvq->buvq", modes, modes.conj()).real / n_samples
    return exact(q, blocks.mean(axis=0), **attrs).assign(S_block=(("block", *DIMS), blocks))


def rdf_of(g_of_r, r, g_error=None):
    """The same g(r) for all pairs of A and B."""
    one = np.tile(g_of_r, (2, 2, 1))
    error = np.zeros_like(one) if g_error is None else np.tile(g_error, (2, 2, 1))
    dims, names = ("group", "neighbor_species", "r"), ["A", "B"]
    return xr.Dataset(
        {"g": (dims, one), "g_error": (dims, error)}, {"group": names, "neighbor_species": names, "r": r}
    )


@pytest.mark.parametrize("dimension", [2, 3])
def test_softness_is_the_inverse_curvature_of_the_potential_and_depth_its_value(dimension):
    q, s = liquid()
    structure, step = exact(q, s, dimension=dimension), 1e-3
    phi = caging_potential(structure, 1.2, [-step, 0.0, step, 30.0], 20.0)["potential"].values
    r = 0.01 * (np.arange(300) + 0.5)
    bulk = bulk_caging(structure, rdf_of(np.ones(300), r), Ramp(), 1.0, {"A": (1.0, 1.5)}, 20.0)
    assert bulk.depth_q == pytest.approx(-phi[1], rel=1e-12)
    assert bulk.inverse_softness == pytest.approx((phi[0] - 2 * phi[1] + phi[2]) / step**2, rel=1e-4)
    assert bulk.softness == 1 / bulk.inverse_softness
    assert bulk.depth_q > 0
    assert abs(phi[3]) < 1e-3 * bulk.depth_q


def test_depth_of_one_species_is_the_overlap_of_c_and_h_in_space():
    """-βΦ(0) = ρ ∫ c(r) h(r) dr by Parseval, with c and h both known on the grid of distances."""
    r = 0.01 * np.arange(1, 2000)
    h = 0.4 * np.exp(-((r - 1.0) ** 2) * 8) - 0.5 * np.exp(-2 * r**2)
    q, density = conjugate_wave_numbers(r), 0.7
    s = structure_factor_from_rdf(r, 1 + h, density, [1.0])
    c = to_distances(q, (1 - 1 / s) / density, r)
    in_space = density * np.sum(4 * np.pi * r**2 * c * h) * 0.01
    found = caging_potential(exact(q, s[None, None]), density, [0.0], float(q[-1]))["potential"].item()
    assert in_space > 0.1
    assert -found == pytest.approx(in_space, rel=1e-3)


def test_an_ideal_mixture_has_no_cage_and_noise_gives_it_none():
    """With 40 modes in each of 8 blocks 1/S is 6 % noise: the naive trace adds that up over all q, ours does not."""
    rng, q = np.random.default_rng(0), 0.05 * np.arange(1, 402)
    ideal = np.tile(np.eye(2)[..., None], len(q))
    found = caging_potential(sampled(rng, ideal, 40, 8, q), 1.2, [0.0], 20.0)
    value, error = found["potential"].item(), found["potential_error"].item()
    noisy = sampled(rng, ideal, 40, 8, q)["S"].values
    naive = -caging_potential(exact(q, noisy), 1.2, [0.0], 20.0)["potential"].item()
    assert abs(value) < 4 * error
    assert naive > 8 * error


@pytest.mark.parametrize(("n_samples", "lowest", "highest"), [(20, 0.9, 2.0), (160, 0.7, 1.4)])
def test_the_estimate_is_unbiased_and_its_error_is_the_scatter_of_repetitions(n_samples, lowest, highest):
    """Where noise is larger than S − 1 the error is too large, not too small."""
    rng = np.random.default_rng(1)
    q, s = liquid()
    q, s = q[::20], s[..., ::20]
    truth = caging_potential(exact(q, s), 1.2, [0.0], 20.0)["potential"].item()
    found = [caging_potential(sampled(rng, s, n_samples, 8, q), 1.2, [0.0], 20.0) for _ in range(50)]
    values = np.array([one["potential"].item() for one in found])
    errors = np.array([one["potential_error"].item() for one in found])
    inverse_noise = 1 + 2 / (n_samples * 6)  # what is left: the relative noise of the inverse, p / n
    assert abs(values.mean() / inverse_noise - truth) < 3.5 * values.std() / np.sqrt(50)
    assert lowest < np.sqrt(np.mean(errors**2)) / values.std() < highest


def test_the_order_of_species_does_not_matter():
    q, s = liquid()
    one, other = (caging_potential(exact(q, m), 1.2, [0.0, 0.1]) for m in (s, s[::-1, ::-1]))
    np.testing.assert_allclose(one["potential"], other["potential"], rtol=1e-12)


def test_depth_from_g_of_r_is_the_integral_within_the_limits():
    """With g = 1 the correlation is −U/T, a straight line: ∫ 4πr² (2 − r) dr by hand, A : B = 0.8 : 0.2."""
    q, s = liquid()
    r = 0.001 * (np.arange(3000) + 0.5)
    limits = {"A": (0.9, 1.4), "B": (0.7, 1.2)}
    bulk = bulk_caging(exact(q, s), rdf_of(np.ones(3000), r), Ramp(), 0.5, limits, 15.0, "A")

    def integral(low, high):
        whole = lambda x: 4 * np.pi * (2 * x**3 / 3 - x**4 / 4)  # noqa: E731
        return whole(high) - whole(low)

    expected = 0.6 * (0.8 * integral(0.9, 1.4) + 0.2 * 2 * integral(0.7, 1.2)) / 0.5
    assert bulk.depth_r == pytest.approx(expected, rel=1e-5)
    assert bulk.depth_r_error == 0.0
    assert bulk.limits == (("A", 0.9, 1.4), ("B", 0.7, 1.2))
    assert BulkCaging.from_dict(json.loads(json.dumps(bulk.to_dict()))) == bulk or np.isnan(
        bulk.depth_q_error
    )


def test_the_error_of_the_depth_is_that_of_repetitions():
    """From the errors of the bins, and from blocks left out one by one."""
    rng, (q, s) = np.random.default_rng(2), liquid()
    r = 0.02 * (np.arange(100) + 0.5)
    g, error = 1 + np.exp(-((r - 1.1) ** 2) * 40), np.full(100, 0.03)
    structure, limits = exact(q[::25], s[..., ::25]), {"A": (0.9, 1.4)}

    def depth(rdf):
        return bulk_caging(structure, rdf, Ramp(), 0.5, limits)

    values = [depth(rdf_of(g + error * rng.normal(size=100), r)).depth_r for _ in range(200)]
    of_bins = depth(rdf_of(g, r, error)).depth_r_error
    assert of_bins == pytest.approx(np.std(values), rel=0.18)
    blocks = [
        depth([rdf_of(g + 3 * error * rng.normal(size=100), r) for _ in range(9)]).depth_r_error
        for _ in range(30)
    ]
    assert np.sqrt(np.mean(np.square(blocks))) == pytest.approx(of_bins, rel=0.25)


def peaked(r):
    """A core that g = 0.001 reaches at r = 0.9, a peak at 1.1, a minimum at 1.5, a second peak at 1.9."""
    core = 1 / (1 + np.exp(-(r - 0.9) * 160 + np.log(999.0)))
    return core * (
        1 + 2.0 * np.exp(-((r - 1.1) ** 2) * 80) - 0.5 * np.cos(2 * np.pi * (r - 1.5) / 0.8) * (r > 1.3)
    )


@pytest.mark.parametrize("noise", [0.0, 0.04])
def test_limits_are_where_g_begins_and_where_its_first_peak_ends(noise):
    r = 0.01 * (np.arange(300) + 0.5)
    g = peaked(r)
    rough = np.maximum(g + noise * np.sqrt(g) * np.random.default_rng(3).normal(size=300), 0.0)
    found = caging_limits(rdf_of(rough, r, np.full(300, noise)), "A")
    assert set(found) == {"A", "B"}
    low, high = found["A"]
    assert low == pytest.approx(0.9, abs=0.002 + 0.1 * noise)
    assert high == pytest.approx(1.5, abs=0.01 + 0.5 * noise)


def test_g_without_a_minimum_is_refused():
    r = 0.01 * (np.arange(140) + 0.5)
    with pytest.raises(
        ParameterError, match=r"g\(r\) of A and A has no minimum after its first peak up to r = 1.4"
    ):
        caging_limits(rdf_of(peaked(r), r), "A")
    with pytest.raises(ParameterError, match=r"g\(r\) of B and A has no neighbours"):
        caging_limits(rdf_of(0 * r, r), "B")
    with pytest.raises(ParameterError, match=r"has no group 'C'; it has A, B"):
        caging_limits(rdf_of(peaked(r), r), "C")


def points(depths, rng=None, noise=0.0):
    noise_of = np.zeros(len(depths)) if rng is None else noise * rng.normal(size=len(depths))
    return [
        BulkCaging(1 / d, 25 + 5 * d, 0.1, 60 + 90 * d + e, 1.0, d, 0.1, (("A", 0.9, 1.4),), 20.0, "A")
        for d, e in zip(depths, noise_of, strict=True)
    ]


def test_planted_lines_come_back():
    found = fit_caging_map(points([8.0, 10.0, 14.0, 17.0]))
    expected = {"a0": -390.0, "a1": 18.0, "b0": 25.0, "b1": 5.0, "c0": 60.0, "c1": 90.0}
    assert {k: getattr(found, k) for k in expected} == pytest.approx(expected)
    assert found.composed == pytest.approx((found.c0, found.c1))
    assert found.r_squared == pytest.approx({"a": 1.0, "b": 1.0, "c": 1.0})
    assert max(abs(e) for e in found.errors.values()) < 1e-6
    depth = np.array([[8.0, 12.0], [-0.5, -1.0]])
    np.testing.assert_array_equal(found.flagged(depth), [[False, False], [False, True]])
    np.testing.assert_allclose(found.softness(depth), [[1 / 780, 1 / 1140], [1 / 15, np.nan]], rtol=1e-9)


def test_errors_of_the_lines_are_the_scatter_of_repetitions():
    rng, depths = np.random.default_rng(4), [8.0, 10.0, 11.0, 13.0, 14.0, 17.0]
    found = [fit_caging_map(points(depths, rng, 20.0)) for _ in range(300)]
    slopes = np.array([one.c1 for one in found])
    errors = np.array([one.errors["c1"] for one in found])
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(slopes.std(), rel=0.15)
    assert slopes.mean() == pytest.approx(90.0, abs=4 * slopes.std() / np.sqrt(300))
    assert all(0.9 < one.r_squared["c"] < 1 for one in found)
    assert found[0].c.residuals != found[1].c.residuals
    assert abs(sum(found[0].c.residuals)) < 1e-8


def test_the_map_survives_the_way_through_json():
    for depths in ([8.0, 17.0], [8.0, 11.0, 17.0]):
        found = fit_caging_map(points(depths))
        back = CagingMap.from_dict(json.loads(json.dumps(found.to_dict(), allow_nan=False)))
        assert back.to_dict() == found.to_dict()
        assert np.isnan(back.errors["c1"]) == (len(depths) == 2)
    (one,) = points([8.0])
    assert BulkCaging.from_dict(json.loads(json.dumps(one.to_dict()))) == one


def test_what_gives_no_potential_says_so():
    q, s = liquid()
    structure, rng = exact(q, s), np.random.default_rng(0)
    with pytest.raises(ParameterError, match=r"S\(q\), which ends at q = 24\.95; it is 40"):
        caging_potential(structure, 1.2, [0.0], 40.0)
    with pytest.raises(ParameterError, match="`density` must be positive; it is 0"):
        caging_potential(structure, 0.0, [0.0])
    with pytest.raises(ParameterError, match=r"at least three blocks of frames, .* there are 2"):
        caging_potential(sampled(rng, s, 5, 2, q), 1.2, [0.0])
    r = 0.02 * (np.arange(60) + 0.5)
    with pytest.raises(
        ParameterError, match=r"`limits` of A and A must ascend and lie within g\(r\), which ends at 1.19"
    ):
        bulk_caging(structure, rdf_of(np.ones(60), r), Ramp(), 1.0, {"A": (0.9, 1.4)})
    with pytest.raises(ParameterError, match="`rdf` is empty"):
        bulk_caging(structure, [], Ramp(), 1.0, {"A": (0.9, 1.1)})


def test_what_gives_no_map_says_so():
    with pytest.raises(ParameterError, match="at least two temperatures; there are 1"):
        fit_caging_map(points([8.0]))
    with pytest.raises(ParameterError, match="A line needs at least two points that differ"):
        fit_caging_map(points([8.0, 8.0]))
    one, other = points([8.0, 9.0])
    other = BulkCaging.from_dict({**other.to_dict(), "q_max": 40.0})
    with pytest.raises(ParameterError, match="must have one `q_max` and one species"):
        fit_caging_map([one, other])
