"""Directions of rearrangements: planted ones are found, and exchanged gradients know nothing."""

import numpy as np
import pytest

from vitrify.errors import ParameterError, ShapeError, TooFewEventsError
from vitrify.theory.rearrangement_direction import direction_statistics


def planted(rng, n, strength, d=3):
    """Displacements that follow the gradient the more the larger it is."""
    slope = rng.normal(size=(n, d)) * rng.exponential(size=n)[:, None]
    return rng.normal(size=(n, d)) + strength * slope, slope


def test_cosines_and_bins_are_their_definitions():
    rng = np.random.default_rng(0)
    moved, slope = planted(rng, 503, 1.0)
    found = direction_statistics(moved, slope, np.arange(503) // 50, n_bins=4, n_cosines=5, n_resamples=20)
    lengths = np.linalg.norm(moved, axis=1), np.linalg.norm(slope, axis=1)
    cosine = (moved * slope).sum(axis=1) / lengths[0] / lengths[1]
    np.testing.assert_allclose(found["cosine"], cosine)
    np.testing.assert_allclose(found["product"], lengths[0] * lengths[1])
    bins = found["bin_of_event"].values
    for b in range(4):
        inside = bins == b
        assert found["events"][b] == inside.sum()
        assert abs(inside.sum() - 503 / 4) < 1
        assert found["mean_cosine"][b] == pytest.approx(cosine[inside].mean())
        expected = np.histogram(cosine[inside], np.linspace(-1, 1, 6), density=True)[0]
        np.testing.assert_allclose(found["density"][b], expected)
        assert found["product_mean"][b] == pytest.approx((lengths[0] * lengths[1])[inside].mean())
    assert (found["product_low"].values[1:] >= found["product_high"].values[:-1]).all()


def test_planted_direction_is_found_where_the_product_is_large_and_vanishes_with_exchanged_gradients():
    moved, slope = planted(np.random.default_rng(1), 4000, 1.0)
    found = direction_statistics(moved, slope, np.arange(4000) // 100)
    mean = found["mean_cosine"].values
    assert (np.diff(mean) > 0).all()
    assert mean[-1] > 0.5
    assert (np.abs(found["shuffled_mean_cosine"]) < 0.01).all()
    assert (mean > 3 * found["shuffled_spread"])[1:].all()
    flat = found["shuffled_density"].values - found["isotropic_density"].values
    assert np.abs(flat).max() < 0.02


@pytest.mark.parametrize("dimension", [2, 3])
def test_random_directions_have_the_isotropic_distribution(dimension):
    rng = np.random.default_rng(2)
    moved, slope = rng.normal(size=(2, 20000, dimension))
    found = direction_statistics(moved, slope, np.arange(20000) // 200, n_bins=2, n_resamples=50)
    off = (found["density"] - found["isotropic_density"]) / found["density_error"]
    assert np.abs(off).max() < 4.5
    assert (found["isotropic_density"].sum() * 0.2).item() == pytest.approx(1.0)
    np.testing.assert_allclose(found["mean_cosine"], 0.0, atol=0.02)


def test_the_error_is_the_scatter_of_groups_that_move_together():
    """All events of a group share a direction: the error is that of the groups, not of the events."""
    rng = np.random.default_rng(3)
    means, claimed = [], []
    for _ in range(60):
        common = np.repeat(rng.choice([-1.0, 1.0], 30), 20)
        slope = rng.normal(size=(600, 3))
        moved = slope * common[:, None] + 1e-3 * rng.normal(size=(600, 3))
        found = direction_statistics(moved, slope, np.arange(600) // 20, n_bins=1, n_resamples=20)
        means.append(found["mean_cosine"].item())
        claimed.append(found["mean_cosine_error"].item())
    assert np.mean(claimed) == pytest.approx(np.std(means), rel=0.3)
    assert np.std(means) > 3 / np.sqrt(600)


def test_events_without_a_direction_are_left_out_and_counted():
    moved, slope = planted(np.random.default_rng(4), 50, 1.0)
    moved[3], slope[7], slope[8] = 0.0, 0.0, np.nan
    found = direction_statistics(moved, slope, np.arange(50) % 5, n_bins=2, n_resamples=5)
    assert found.attrs["left_out"] == 3
    assert np.flatnonzero(found["bin_of_event"] < 0).tolist() == [3, 7, 8]
    assert np.isnan(found["cosine"][[3, 7, 8]]).all()
    assert found["events"].sum() == 47


def test_what_cannot_be_meant_is_refused():
    moved, slope = planted(np.random.default_rng(4), 20, 1.0)
    with pytest.raises(ShapeError, match=r"`displacements` and `gradients` must both be \(n, d\)"):
        direction_statistics(moved, slope[:19], np.zeros(20))
    with pytest.raises(ParameterError, match="`n_resamples` at least 2; they are 0, 10, 200"):
        direction_statistics(moved, slope, np.arange(20), n_bins=0)
    with pytest.raises(
        TooFewEventsError, match="20 events with a direction in 1 groups are too few for 8 bins"
    ):
        direction_statistics(moved, slope, np.zeros(20))
    with pytest.raises(TooFewEventsError, match="too few for 30 bins"):
        direction_statistics(moved, slope, np.arange(20), n_bins=30)
