"""c(q) and c(r): the equations that define them."""

import numpy as np
import pytest
import xarray as xr

from vitrify.errors import ParameterError, ShapeError
from vitrify.models.kob_andersen import KobAndersen
from vitrify.structure.direct_correlation import (
    correlation_table,
    direct_correlation_q,
    direct_correlation_r,
    hnc_direct_correlation,
    product,
)
from vitrify.structure.sine_transforms import conjugate_wave_numbers, to_wave_numbers
from vitrify.structure.structure_factor import structure_factor_from_rdf

X = np.array([0.8, 0.2])


def test_the_relation_of_ornstein_and_zernike_holds():
    """h_uv = c_uv + ρ Σ_w x_w c_uw h_wv, for any positive matrices S."""
    rng = np.random.default_rng(0)
    root = rng.normal(size=(20, 2, 2))
    s = np.moveaxis(root @ np.swapaxes(root, 1, 2) + 0.3 * np.eye(2), 0, -1)
    c = direct_correlation_q(s, 1.2, X)
    h = (s - np.eye(2)[..., None]) / (1.2 * np.sqrt(np.outer(X, X))[..., None])
    np.testing.assert_allclose(h, c + 1.2 * np.einsum("uwq,w,wvq->uvq", c, X, h), rtol=1e-9, atol=1e-9)


def test_distances_and_wave_numbers_see_one_function():
    r = 0.02 * np.arange(1, 500)
    g = np.array([[1 + 0.2 * np.exp(-((r - 1) ** 2) * 9), 1 - 0.3 * np.exp(-(r**2))]] * 2)
    g[1] = g[1][::-1]
    s = structure_factor_from_rdf(r, g, 0.4, X)
    c = direct_correlation_r(s, 0.4, X, conjugate_wave_numbers(r), r)
    np.testing.assert_allclose(to_wave_numbers(r, c), direct_correlation_q(s, 0.4, X), atol=1e-9)


def test_at_low_density_c_is_the_mayer_function():
    """g = exp(−U/T) makes c = g − 1, for each pair of species of a model."""
    model, r = KobAndersen(), np.linspace(0.75, 2.6, 80)
    g = np.array([[np.exp(-model.pair_energy(r, a, b) / 0.7) for b in range(2)] for a in range(2)])
    np.testing.assert_allclose(hnc_direct_correlation(g, r, model, 0.7), g - 1, rtol=1e-9, atol=1e-9)


def test_species_are_matched_by_name():
    model, r = KobAndersen(), np.linspace(0.9, 2.0, 10)
    g = np.random.default_rng(1).uniform(0.5, 2.0, (2, 2, 10))
    swapped = hnc_direct_correlation(g[::-1, ::-1], r, model, 0.5, ("B", "A"))
    np.testing.assert_array_equal(swapped[::-1, ::-1], hnc_direct_correlation(g, r, model, 0.5))


def test_where_g_vanishes_c_is_unknown_and_the_product_is_its_limit():
    r = np.array([0.9, 1.0, 1.1])
    energy = lambda r: 50.0 * (1.2 - r)  # noqa: E731
    for small in (1e-6, 1e-12):
        g = np.array([small, 0.5, 1.0])
        c = hnc_direct_correlation(g, r, energy, 1.0)
        assert abs(product(c, g)[0]) < 40 * small
    g = np.array([0.0, 0.5, 1.0])
    c = hnc_direct_correlation(g, r, energy, 1.0)
    np.testing.assert_array_equal(np.isnan(c), [True, False, False])
    np.testing.assert_allclose(product(c, g), [0.0, c[1] * 0.5, c[2]])


@pytest.fixture
def rdf():
    """g(r) of two species in bins of 0.02, zero below 0.8, with a peak at 1.1."""
    r = 0.02 * (np.arange(100) + 0.5)
    one = np.where(r > 0.8, 1 + 2 * np.exp(-((r - 1.1) ** 2) * 50), 0.0)
    return xr.Dataset(
        {"g": (("group", "neighbor_species", "r"), np.tile(one, (2, 2, 1)))},
        {"group": ["A", "B"], "neighbor_species": ["A", "B"], "r": r},
    )


def test_the_table_holds_c_of_the_averaged_g_within_the_limits(rdf):
    (row,) = correlation_table(rdf, KobAndersen(), 0.6, "A", {"B": (0.85, 1.4)})
    species, neighbor, r, c = row
    assert (species, neighbor) == ("A", "B")
    assert r[0] <= 0.85
    assert r[-1] >= 1.4
    expected = hnc_direct_correlation(
        np.interp(r, rdf["r"], rdf["g"][0, 1]), r, lambda x: KobAndersen().pair_energy(x, 0, 1), 0.6
    )
    np.testing.assert_allclose(c, expected, rtol=1e-12)


def test_what_has_no_correlation_says_so(rdf):
    model, r = KobAndersen(), np.linspace(1.0, 2.0, 5)
    with pytest.raises(ParameterError, match="A matrix S\\(q\\) has no inverse"):
        direct_correlation_q(np.zeros((2, 2, 3)), 1.0, X)
    with pytest.raises(ParameterError, match="`temperature` must be positive; it is 0"):
        hnc_direct_correlation(np.ones(5), r, lambda r: r, 0.0)
    with pytest.raises(ShapeError, match="`g` must end in the 5 distances of `r`"):
        hnc_direct_correlation(np.ones(4), r, lambda r: r, 1.0)
    with pytest.raises(ShapeError, match=r"`g` must have shape \(2, 2, 5\)"):
        hnc_direct_correlation(np.ones((1, 5)), r, model, 1.0)
    with pytest.raises(ParameterError, match="has no species 'C'; it has A, B"):
        hnc_direct_correlation(np.ones((1, 1, 5)), r, model, 1.0, ("C",))
    with pytest.raises(ParameterError, match=r"must be positive from 0\.5 to 1\.4, the `limits`"):
        correlation_table(rdf, model, 0.6, "A", {"B": (0.5, 1.4)})
    with pytest.raises(ParameterError, match="The g\\(r\\) has no neighbor_species 'C'; it has A, B"):
        correlation_table(rdf, model, 0.6, "A", {"C": (0.9, 1.4)})
