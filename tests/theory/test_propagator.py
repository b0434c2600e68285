"""The softness propagator: against loops over particles, and softness whose dynamics is known."""

import numpy as np
import pytest

from vitrify.errors import ConfigurationError, ParameterError, ShapeError
from vitrify.theory.propagator import propagator
from vitrify.theory.survivors import Survivors, combine_survivors, moments

MEMORY = 20.0
EDGES = np.linspace(-2.5, 2.5, 11)


def reader(array):
    return lambda start, stop: array[start:stop]


def wandering(n, times, seed):
    """An Ornstein-Uhlenbeck walk with mean 0 and variance 1 at any times, (F, n)."""
    rng = np.random.default_rng(seed)
    softness = np.empty((len(times), n))
    softness[0] = rng.normal(size=n)
    for t, step in enumerate(np.diff(times), start=1):
        rho = np.exp(-step / MEMORY)
        softness[t] = rho * softness[t - 1] + np.sqrt(1 - rho**2) * rng.normal(size=n)
    return softness


def walking(n=30, n_frames=25, seed=0):
    rng = np.random.default_rng(seed)
    return np.cumsum(0.15 * rng.normal(size=(n_frames, n, 3)), axis=0), rng.normal(size=(n_frames, n))


@pytest.mark.parametrize("path", [False, True])
def test_survivors_are_those_of_loops_over_particles_and_origins(path):
    positions, softness = walking()
    positions[5, 3], softness[9, 2] = np.nan, np.nan
    found = Survivors(0.5, n_origins=25, n_segments=3, path=path).count(
        reader(positions), reader(softness), np.arange(25.0), EDGES, [0, 1, 6, 20]
    )
    for k, lag in enumerate([0, 1, 6, 20]):
        known, stayed, later = np.zeros((3, 10)), np.zeros((3, 10)), []
        for t in range(25 - lag):
            for i in range(30):
                if np.isnan(softness[t, i]) or np.isnan(positions[[t, t + lag], i]).any():
                    continue
                where = t * 3 // 25, np.clip(np.searchsorted(EDGES, softness[t, i], "right") - 1, 0, 9)
                known[where] += 1
                between = range(t + 1, t + lag + 1) if path else [t + lag]
                distance = np.linalg.norm(positions[list(between), i] - positions[t, i], axis=1)
                if not (distance >= 0.5).any():
                    stayed[where] += 1
                    later.append(softness[t + lag, i])
        np.testing.assert_array_equal(found["known"].values[..., k], known)
        np.testing.assert_array_equal(found["stayed"].values[..., k], stayed)
        assert found["with_softness"].values[..., k].sum() == np.isfinite(later).sum()
        assert found["softness_sum"].values[..., k].sum() == pytest.approx(np.nansum(later))
        assert found["later"].values[..., k, :].sum() == np.isfinite(later).sum()
        assert found["later_sum"].values[..., k, :].sum() == pytest.approx(np.nansum(later))


@pytest.mark.parametrize("kind", ["even", "logarithmic"])
def test_mean_and_variance_are_those_of_the_ornstein_uhlenbeck_walk(kind):
    """m(t) = S0 e^{-t/τ}, v(t) = 1 − e^{-2t/τ}, and the spread within the bin at the start shrinks as e^{-2t/τ}."""
    times = np.arange(60.0) if kind == "even" else np.array([0, 1, 4, 7, 10, 40, 70, 100.0])
    n = 8000 if kind == "even" else 40_000
    softness = wandering(n, times, seed=1)
    still = np.zeros((*softness.shape, 1))
    lags = [0, 1, 5, 20, 40] if kind == "even" else None
    found = propagator(
        Survivors(0.5, n_segments=6).count(reader(still), reader(softness), times, EDGES, lags)
    )
    t, s0 = found["lag"].values, found["softness"].values[:, None]
    within = found["variance"].values[:, :1]
    inside = slice(1, -1)
    mean, variance = s0 * np.exp(-t / MEMORY), 1 - np.exp(-2 * t / MEMORY) * (1 - within)
    np.testing.assert_allclose(found["mean"].values[inside], mean[inside], atol=0.1)
    np.testing.assert_allclose(found["variance"].values[inside], variance[inside], atol=0.15)
    assert (found["survival"] == 1).all()


def test_the_errors_are_the_scatter_of_repeated_runs():
    values, errors = [], []
    for seed in range(24):
        softness = wandering(60, np.arange(0, 800, 2.0), seed)
        counts = Survivors(0.5, n_origins=100, n_segments=8).count(
            reader(np.zeros((400, 60, 1))),
            reader(softness),
            np.arange(0, 800, 2.0),
            [-3, -1, 0, 1, 3],
            [2, 10],
        )
        found = propagator(counts, n_resamples=40)
        values.append([found["mean"].values, found["variance"].values])
        errors.append([found["mean_error"].values, found["variance_error"].values])
    scatter = np.std(values, axis=0, ddof=1)[..., 1:]
    claimed = np.sqrt(np.mean(np.square(errors), axis=0))[..., 1:]
    np.testing.assert_allclose(claimed, scatter, rtol=0.45)
    assert np.mean(claimed / scatter) == pytest.approx(1, abs=0.15)


def test_the_measured_density_is_the_gaussian_one_where_softness_is_gaussian():
    softness = wandering(20_000, np.arange(30.0), seed=3)
    counts = Survivors(0.5).count(
        reader(np.zeros((30, 20_000, 1))), reader(softness), np.arange(30.0), EDGES, [10, 20]
    )
    found = propagator(counts)
    width = (found["later_high"] - found["later_low"]).values
    for name in ("density", "gaussian"):
        area = (found[name].values[1:-1, 1:] * width).sum(axis=-1)
        np.testing.assert_allclose(area, 1, rtol=1e-12)
    apart = (found["density"] - found["gaussian"]).values[3:7, 1:]
    assert np.abs(apart).max() < 0.03
    known = found["density_error"].values[3:7, 1] > 0
    assert (np.abs(apart[:, 0])[known] < 5.5 * found["density_error"].values[3:7, 1][known]).mean() > 0.97


def test_only_particles_that_stay_are_in_the_propagator():
    softness = np.tile(np.array([-1.0, 1.0]), (10, 50))
    positions = np.zeros((10, 100, 2))
    positions[5:, 1::2, 0] = 1.0  # the soft ones leave
    counts = Survivors(0.5).count(reader(positions), reader(softness), np.arange(10.0), [-2, 0, 2], [0, 9])
    found = propagator(counts)
    assert found["survival"].values.tolist() == [[1, 1], [1, 0]]
    assert found["n"].values[:, 1].tolist() == [50, 0]
    assert np.isnan(found["mean"].values[1, 1])
    assert np.isnan(found["density"].values[1, 1]).all()


def test_lag_zero_is_added_and_particles_can_be_chosen():
    positions, softness = walking()
    only = Survivors(0.5).count(
        reader(positions), reader(softness), np.arange(25.0), EDGES, [3], np.array([4, 7])
    )
    alone = Survivors(0.5).count(
        reader(positions[:, [4, 7]]), reader(softness[:, [4, 7]]), np.arange(25.0), EDGES, [0, 3]
    )
    assert only["lag"].values.tolist() == [0, 3]
    assert only.equals(alone)


def test_absent_particles_are_left_out_and_counted():
    positions, softness = walking()
    positions[:, 0] = np.nan
    found = Survivors(0.5).count(reader(positions), reader(softness), np.arange(25.0), EDGES, [0, 2])
    assert found["n_absent"].values.tolist() == [25, 23]
    assert found["known"].sum("segment").sum("softness_bin").values.tolist() == [25 * 29, 23 * 29]


def test_softness_that_is_sampled_needs_its_frames():
    """Between the samples only particles about to rearrange have one: a selection that would pass for all."""
    positions, softness = walking()
    frames = np.arange(0, 25, 4)
    between = np.setdiff1d(np.arange(25), frames)
    softness[between[:, None], np.arange(2, 30)] = np.nan
    with pytest.raises(
        ConfigurationError, match=r"Softness is known for 6\.67% of the particles in frame 1 and for 100"
    ):
        Survivors(0.5).count(reader(positions), reader(softness), np.arange(25.0), EDGES, [0, 4])
    found = Survivors(0.5).count(
        reader(positions), reader(softness), np.arange(25.0), EDGES, [0.0, 8.0], frames=frames
    )
    alone = Survivors(0.5).count(
        reader(positions[frames]), reader(softness[frames]), np.arange(25.0)[frames], EDGES, [0, 2]
    )
    assert found.equals(alone)


def test_runs_together_are_their_sum():
    counts = [
        Survivors(0.5, n_segments=4).count(
            *map(reader, walking(seed=seed)), np.arange(25.0), EDGES, [0, 2, 9]
        )
        for seed in range(3)
    ]
    joined = combine_survivors(counts)
    assert joined.sizes["segment"] == 12
    for name in ("known", "later_sum"):
        np.testing.assert_allclose(joined[name].sum("segment"), sum(c[name].sum("segment") for c in counts))
    assert (joined["independent_origins"] == 3 * counts[0]["independent_origins"]).all()
    whole = moments(joined)
    assert whole.mean.shape == (10, 3)
    with pytest.raises(ParameterError, match="there are no survivors to combine"):
        combine_survivors([])
    other = Survivors(0.4).count(*map(reader, walking()), np.arange(25.0), EDGES, [0, 2, 9])
    with pytest.raises(ShapeError, match="combine only with the same cutoff"):
        combine_survivors([counts[0], other])
    other = Survivors(0.5).count(*map(reader, walking()), np.arange(25.0), EDGES, [0, 3, 9])
    with pytest.raises(ShapeError, match="combine only with the same bins and lags; `lag` differs"):
        combine_survivors([counts[0], other])


def test_a_single_segment_has_no_errors():
    counts = Survivors(0.5, n_segments=1).count(*map(reader, walking()), np.arange(25.0), EDGES, [0, 2])
    found = propagator(counts)
    assert np.isnan(found["mean_error"]).all()
    assert np.isfinite(found["mean"]).any()


def test_what_cannot_be_meant_is_refused():
    positions, softness = walking()
    with pytest.raises(
        ParameterError, match="`cutoff` must be a positive length, `n_origins` and `n_segments`"
    ):
        Survivors(0.0)
    with pytest.raises(ParameterError, match="`edges` must be finite and increasing"):
        Survivors(0.5).count(reader(positions), reader(softness), np.arange(25.0), [1, 0], [1])
    with pytest.raises(ShapeError, match=r"for each of the 30 particles of frame 0; it has shape \(5,\)"):
        Survivors(0.5).count(reader(positions), reader(softness[:, :5]), np.arange(25.0), EDGES, [1])
    nothing = Survivors(0.5).count(reader(positions), reader(np.nan * softness), np.arange(25.0), EDGES, [1])
    with pytest.raises(ValueError, match="No particle with a softness was seen to stay"):
        propagator(nothing)
