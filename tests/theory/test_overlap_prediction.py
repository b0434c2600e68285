"""The overlap from softness, on a liquid whose answer is known: softness wanders, particles hop by it and never return."""

import numpy as np
import pytest

from vitrify.errors import ParameterError, ShapeError
from vitrify.theory.arrhenius import ArrheniusFit
from vitrify.theory.log_quadratic import LogQuadratic
from vitrify.theory.overlap_prediction import ROUTES, OverlapPrediction, _steps, _survival, initial_decay
from vitrify.theory.productive_fraction import (
    Estimate,
    IrreversibleFraction,
    displacing_fraction,
    rearrangement_time,
)
from vitrify.theory.rearrangement_probability import count, softness_bins
from vitrify.theory.survivors import Survivors

A, B, MEMORY = -4.2, 0.9, 40.0  # ln p = A + B S, and the correlation time of S in frames
LAGS = [0, 1, 2, 4, 8, 16, 25, 40, 60, 90, 130]


def reader(array):
    return lambda start, stop: array[start:stop]


def wandering(n, n_frames, seed):
    """An Ornstein-Uhlenbeck walk with mean 0 and variance 1, (n_frames, n)."""
    rng = np.random.default_rng(seed)
    rho = np.exp(-1 / MEMORY)
    softness = np.empty((n_frames, n))
    softness[0] = rng.normal(size=n)
    for t in range(1, n_frames):
        softness[t] = rho * softness[t - 1] + np.sqrt(1 - rho**2) * rng.normal(size=n)
    return softness


def hopping(softness, seed, step=1.0):
    """Positions (F, N, 2) of particles that hop to the right with p(S) per frame, and whether they do, (F - 1, N)."""
    rng = np.random.default_rng(seed)
    hops = rng.random(softness[1:].shape) < np.exp(A + B * softness[:-1])
    positions = np.zeros((*softness.shape, 2))
    positions[1:, :, 0] = step * np.cumsum(hops, axis=0)
    return positions, hops


def exactly(lags):
    """q(t) of the planted model, by matrices on a grid of softness."""
    s = np.linspace(-6, 6, 241)
    rho = np.exp(-1 / MEMORY)
    weight = np.exp(-(s**2) / 2)
    onward = np.exp(-((s[None] - rho * s[:, None]) ** 2) / 2 / (1 - rho**2))
    onward /= onward.sum(axis=1, keepdims=True)
    stay = 1 - np.exp(np.minimum(A + B * s, 0))
    now, found = weight / weight.sum(), []
    for _ in range(max(lags) + 1):
        found.append(now.sum())
        now = (now * stay) @ onward
    return np.array(found)[lags]


def law_of(softness, hops, n_segments=5):
    edges = softness_bins(softness[:-1].ravel(), 16)
    segment = np.repeat(np.arange(n_segments), -(-len(hops) // n_segments))[: len(hops), None] + 0 * hops
    moving = softness[:-1][hops], segment[hops]
    counts = count(
        0.5, (softness[:-1].ravel(), segment.ravel()), moving, edges, n_segments=n_segments, interval=1.0
    )
    return LogQuadratic.fit(counts), edges


@pytest.fixture(scope="module")
def planted():
    softness = wandering(3000, 400, seed=1)
    positions, hops = hopping(softness, seed=2)
    law, edges = law_of(softness, hops)
    counts = Survivors(0.5, n_segments=5).count(
        reader(positions), reader(softness), np.arange(400.0), edges, LAGS
    )
    return counts, law, OverlapPrediction().compute(counts, law)


def test_the_propagator_recovers_the_planted_overlap_and_the_naive_law_does_not(planted):
    _, _, found = planted
    exact = exactly(LAGS)
    for route in ("gaussian", "binned", "direct"):
        one = found.sel(route=route)
        away = np.abs(one["predicted"].values - exact)
        assert (away <= 3 * one["predicted_error"].values + 1e-12).all(), route
        assert one["distance"] < found["distance"].sel(route="naive") / 5
    naive = found.sel(route="naive", lag=LAGS[-3:])
    assert (naive["predicted"] - exact[-3:] > 10 * naive["predicted_error"]).all()
    assert (naive["predicted"] > found["measured"].sel(lag=LAGS[-3:])).all()  # too slow, as in the paper


def test_the_measured_overlap_and_its_error_hold_the_planted_one(planted):
    found = planted[2]
    away = np.abs(found["measured"].values - exactly(LAGS))
    assert (away <= 3.5 * found["measured_error"].values + 1e-12).all()
    assert (found["measured_error"][1:] > 0).all()


def test_the_propagator_predicts_the_overlap_of_each_softness(planted):
    counts, _, found = planted
    many = counts["known"].sum("segment").values[:, -1] > 3000
    apart = np.abs(found["predicted_of_softness"] - found["measured_of_softness"]).values[:, many]
    naive, gaussian, binned, direct = apart.max(axis=(1, 2))
    assert gaussian < 0.04
    assert binned < 0.04
    assert naive > 0.15
    assert np.isnan(direct)


def test_the_overlap_of_all_is_that_of_each_softness_averaged(planted):
    counts, _, found = planted
    share = counts["known"].sum("segment") / counts["known"].sum(["segment", "softness_bin"])
    for name in ("measured", "predicted"):
        whole = (share * found[f"{name}_of_softness"]).sum("softness_bin")
        if name == "predicted":
            whole = whole.sel(route=list(ROUTES[:3]))
        apart = whole - found[name].reindex_like(whole)
        assert float(np.abs(apart).max()) < 1e-12


def test_a_fixed_softness_makes_all_routes_the_naive_one():
    """Then the naive law is not naive: every particle keeps its rate, and the overlap is a sum of exponentials."""
    softness = np.tile(np.repeat([-1.0, 1.0], 4000), (60, 1))
    positions, _ = hopping(softness, seed=3)
    law = LogQuadratic(np.array([A, B, 0.0]), np.zeros((3, 3)))
    counts = Survivors(0.5).count(reader(positions), reader(softness), np.arange(60.0), [-2, 0, 2], range(51))
    found = OverlapPrediction().compute(counts, law)
    t = np.arange(51)
    exact = np.mean([(1 - np.exp(A + B * s)) ** t for s in (-1, 1)], axis=0)
    np.testing.assert_allclose(found["predicted"].sel(route="naive"), exact, rtol=1e-12)
    np.testing.assert_allclose(found["predicted"], np.tile(exact, (4, 1)), atol=2e-3)


def test_the_printed_sum_is_the_product_one_step_later():
    """Eq. 5.17: 1 − Σ_{t'=0}^{t} f_t' Π_{t''<t'} (1 − f_t'') is the product of 1 − f up to and with t."""
    f = np.random.default_rng(0).uniform(0, 0.3, 40)
    printed = [1 - sum(f[i] * np.prod(1 - f[:i]) for i in range(t + 1)) for t in range(39)]
    ours = _survival(f[None], np.arange(40.0), np.arange(40.0))[0]
    np.testing.assert_allclose(printed, ours[1:], atol=1e-14)
    assert ours[0] == 1


def test_many_steps_are_grouped_without_a_difference():
    n = 30_000
    few, every = _steps(n), np.arange(n + 1.0)
    assert len(few) < 3000
    assert few[-1] == n

    def f(t):
        return (1e-4 * (1 + np.cos(np.log1p(t))))[None]

    wanted = np.array([0.0, 5.5, 2500.0, 11111.0, n])
    np.testing.assert_allclose(_survival(f(few), few, wanted), _survival(f(every), every, wanted), rtol=1e-4)


def test_a_probability_per_two_frames_gives_the_same_overlap(planted):
    counts, law, found = planted
    a, b, c = law.coefficients
    doubled = LogQuadratic(np.array([a + np.log(2), b, c]), law.covariance, step=2.0)
    again = OverlapPrediction(n_resamples=0).compute(counts, doubled)
    np.testing.assert_allclose(again["predicted"], found["predicted"], atol=0.01)
    assert np.isnan(again["predicted_error"]).all()


def test_softness_in_other_units_predicts_the_same(planted):
    counts, law, found = planted
    a, b, c = law.coefficients
    k = 0.7  # S' = 2 S + k
    other = LogQuadratic(
        np.array([a - b * k / 2 - c * k * k / 4, b / 2 + c * k / 2, c / 4]), np.zeros((3, 3))
    )
    moved = counts.copy(deep=True)
    s, s2 = counts["softness_sum"], counts["softness_square_sum"]
    moved["softness_sum"] = 2 * s + k * counts["with_softness"]
    moved["softness_square_sum"] = 4 * s2 + 4 * k * s + k * k * counts["with_softness"]
    moved["initial_sum"] = 2 * counts["initial_sum"] + k * counts["known"]
    moved["later_sum"] = 2 * counts["later_sum"] + k * counts["later"]
    for name in ("softness_low", "softness_high", "later_low", "later_high"):
        moved = moved.assign_coords({name: 2 * counts[name] + k})
    again = OverlapPrediction(n_resamples=0).compute(moved, other)
    np.testing.assert_allclose(again["predicted"], found["predicted"], rtol=1e-9)


def test_only_rearrangements_that_go_far_enough_empty_the_overlap():
    rng = np.random.default_rng(5)
    softness = wandering(3000, 120, seed=5)
    moving = rng.random(softness[1:].shape) < np.exp(A + B * softness[:-1])
    far = moving & (rng.random(moving.shape) < 0.4)
    positions = np.zeros((*softness.shape, 2))
    positions[1:, :, 0] = np.cumsum(far, axis=0)
    law, edges = law_of(softness, moving)
    counts = Survivors(0.5).count(
        reader(positions), reader(softness), np.arange(120.0), edges, [1, 5, 20, 50]
    )
    c = far.sum() / moving.sum()
    found = OverlapPrediction(productive=c, productive_error=0.01).compute(counts, law)
    assert found["distance"].sel(route="gaussian") < 0.008
    assert OverlapPrediction(n_resamples=0).compute(counts, law)["distance"].sel(route="gaussian") > 0.1
    sharp = OverlapPrediction(productive=c).compute(counts, law)["predicted_error"].sel(route="gaussian")
    assert (found["predicted_error"].sel(route="gaussian")[1:] > sharp[1:]).all()


def test_the_overlap_begins_to_fall_as_often_as_particles_rearrange(planted):
    counts, law, _ = planted
    found = initial_decay(counts, law, 1.0)
    known = found["ratio_error"].values < 0.2
    assert known.sum() > 8
    assert (np.abs(found["ratio"].values - 1) < 3.5 * found["ratio_error"].values)[known].all()
    assert abs(found["productive"] - 1) < 3 * found["productive_error"]
    half = initial_decay(counts, law, 0.5, lag=2.0)
    np.testing.assert_allclose(half["expected"], found["expected"] / 2)
    with pytest.raises(ParameterError, match="`lag` must be one of those of the counts above 0"):
        initial_decay(counts, law, 1.0, lag=3.0)


# -- the probability and its average -------------------------------------------------------------------------------------


@pytest.mark.parametrize("c", [-0.1, 0.0, 0.2])
def test_the_average_over_a_gaussian_is_the_integral(c):
    from scipy.integrate import quad

    law = LogQuadratic(np.array([-9.0, 1.3, c]), np.zeros((3, 3)))
    for m, v in ((-2.0, 0.3), (1.0, 1.5)):

        def integrand(s, m=m, v=v):
            density = np.exp(-((s - m) ** 2) / (2 * v)) / np.sqrt(2 * np.pi * v)
            return density * np.exp(-9 + 1.3 * s - c * s * s)

        assert law.over_gaussian(m, v) == pytest.approx(quad(integrand, -30, 30)[0], rel=1e-8)
    assert law.over_gaussian(0.5, 0.0) == pytest.approx(law.predict(0.5).item())


def test_a_probability_never_exceeds_one():
    law = LogQuadratic(np.array([1.0, 3.0, 0.0]), np.zeros((3, 3)))
    assert law.predict(2.0) == law.over_gaussian(2.0, 1.0) == 1


def test_an_infinite_average_is_refused():
    law = LogQuadratic(np.array([-5.0, 1.0, -0.5]), np.zeros((3, 3)))
    with pytest.raises(ParameterError, match="the average over softness is infinite"):
        law.over_gaussian(0.0, 1.0)


def test_the_law_of_a_global_fit_is_that_of_its_temperature():
    rng = np.random.default_rng(0)
    root = rng.normal(size=(6, 6))
    fit = ArrheniusFit(np.array([3.0, -1.0, 0.1]), np.array([1.0, -0.7, 0.05]), root @ root.T, 0.0, 1, 9)
    law = LogQuadratic.from_arrhenius(fit, 0.5)
    s = np.linspace(-2, 2, 5)
    np.testing.assert_allclose(law.predict(s), fit.predict(s, 0.5), rtol=1e-12)
    design = np.stack([np.ones(5), s, -s * s], axis=1)
    variance = np.einsum("ci,ij,cj->c", design, law.covariance, design)
    np.testing.assert_allclose(np.sqrt(variance), fit.log_probability_error(s, 0.5), rtol=1e-9)
    cubic = ArrheniusFit(np.zeros(4), np.zeros(4), np.eye(8), 0.0, 1, 9)
    with pytest.raises(ParameterError, match="A fit of degree 3 is not quadratic in softness"):
        LogQuadratic.from_arrhenius(cubic, 0.5)


def test_the_planted_probability_is_fitted(planted):
    law = planted[1]
    away = law.coefficients - [A, B, 0.0]
    assert (np.abs(away) < 4 * np.sqrt(np.diag(law.covariance))).all()


def test_what_cannot_be_meant_is_refused(planted):
    counts, law, _ = planted
    with pytest.raises(ParameterError, match="`step` must be a positive time; it is 0"):
        LogQuadratic(np.zeros(3), np.eye(3), 0.0)
    with pytest.raises(ShapeError, match=r"`coefficients` must be \(a, b, c\)"):
        LogQuadratic(np.zeros(2), np.eye(2))
    with pytest.raises(ParameterError, match="`productive` must be positive"):
        OverlapPrediction(productive=0.0)
    with pytest.raises(ParameterError, match="`n_resamples` must not be negative"):
        OverlapPrediction(n_resamples=-1)
    with pytest.raises(ShapeError, match="The overlap needs displacements at a lag above 0"):
        OverlapPrediction().compute(counts.isel(lag=[0]), law)
    some = count(0.5, ([0.0], [0]), ([], []), [-1, 1], n_segments=1)
    with pytest.raises(
        ParameterError, match=r"`temperature` must be one of those of the counts, \[0\.5\]; it is 0\.6"
    ):
        LogQuadratic.fit(some, 0.6)


# -- rearrangements that relax -------------------------------------------------------------------------------------------


def table(**columns):
    import xarray as xr

    return xr.Dataset({k: ("event", v) for k, v in columns.items()}, attrs={"rearrangement_threshold": 0.2})


def test_the_displacing_fraction_counts_complete_rearrangements_beyond_the_cutoff():
    rng = np.random.default_rng(1)
    events = table(
        p_hop_max=np.tile([0.1, 0.3], 500),
        displacement=rng.uniform(0, 1, 1000),
        complete=np.arange(1000) % 4 != 1,
        duration=np.full(1000, 9.0),
    )
    counted = (np.arange(1000) % 4 == 3) & (events["displacement"].values > 0.6)
    found = displacing_fraction(events, 0.6)
    assert found.value == pytest.approx(counted.sum() / 250)
    assert found.n == 250
    assert found.error == pytest.approx(np.sqrt(0.4 * 0.6 / 250), rel=0.1)
    assert rearrangement_time(events) == Estimate(9.0, 0.0, 250)
    with pytest.raises(
        ValueError, match=r"None of 1000 events is a complete rearrangement with p_hop above 0\.5"
    ):
        displacing_fraction(events, 0.6, threshold=0.5)
    with pytest.raises(ParameterError, match="`cutoff` must be a positive length"):
        displacing_fraction(events, 0.0)


def back_and_forth(n, n_frames, seed, share):
    """Each particle hops once by 1; of a share of them the hop is undone ten frames later. Rattling of 0.03."""
    rng = np.random.default_rng(seed)
    begins = rng.integers(20, n_frames // 2, n)
    undone = rng.random(n) < share
    t = np.arange(n_frames)[:, None]
    there = (t >= begins) & ~(undone & (t >= begins + 10))
    positions = 0.03 * rng.normal(size=(n_frames, n, 3))
    positions[..., 0] += there
    return positions, undone


def test_the_irreversible_fraction_is_that_of_hops_that_are_not_undone():
    positions, undone = back_and_forth(2000, 100, seed=0, share=0.3)
    found = IrreversibleFraction(window=5, duration=100).compute(reader(positions), np.arange(100.0))
    assert found["n_away"] == 2000
    assert found["irreversible_fraction"] == pytest.approx(1 - undone.mean())
    assert np.isnan(found["irreversible_fraction_error"])


def test_the_irreversible_fraction_of_each_softness_and_its_error():
    pieces = [back_and_forth(400, 100, seed, 0.3) for seed in range(8)]
    positions = np.concatenate([p for p, _ in pieces])
    softness = np.repeat([np.where(undone, -1.0, 1.0) for _, undone in pieces], 100, axis=0)
    measure = IrreversibleFraction(window=5, duration=100)
    found = measure.compute(
        reader(positions), np.arange(800.0), read_softness=reader(softness), edges=[-2.0, 0.0, 2.0]
    )
    assert found["irreversible_fraction_of_softness"].values.tolist() == [0, 1]
    assert found["n_away_of_softness"].sum() == found["n_away"] == 3200
    again = measure.compute(
        reader(positions),
        np.arange(800.0),
        read_softness=reader(softness),
        edges=[-2.0, 0.0, 2.0],
        frames=np.arange(0, 800, 50),
    )
    assert again.equals(found)
    error = found["irreversible_fraction_error"].item()
    assert error == pytest.approx(np.sqrt(0.3 * 0.7 / 3200), rel=0.6)
    assert abs(measure.estimate(found).value - 0.7) < 4 * error


def test_a_running_mean_as_long_as_the_excursion_does_not_see_it():
    positions, _ = back_and_forth(200, 100, seed=1, share=1.0)
    quick = IrreversibleFraction(window=25, duration=100).compute(reader(positions), np.arange(100.0))
    assert quick["n_away"] == 0
    assert np.isnan(quick["irreversible_fraction"])


def test_particles_that_leave_the_sample_are_not_counted_as_gone():
    positions, _ = back_and_forth(100, 100, seed=2, share=0.0)
    positions[70:, :30] = np.nan
    found = IrreversibleFraction(window=5, duration=100).compute(reader(positions), np.arange(100.0))
    assert (found["n_away"], found["n_absent"]) == (70, 30)
    assert found["irreversible_fraction"] == 1


def test_the_irreversible_fraction_refuses_what_it_cannot_mean():
    still = reader(np.zeros((10, 2, 3)))
    with pytest.raises(ParameterError, match="`return_within` must be positive and below `cutoff`"):
        IrreversibleFraction(5, 10, cutoff=0.2)
    with pytest.raises(ParameterError, match="`duration` longer than `window`"):
        IrreversibleFraction(10, 10)
    with pytest.raises(ShapeError, match="`duration` is 20 frames; this trajectory has 10"):
        IrreversibleFraction(5, 20).compute(still, np.arange(10.0))
    with pytest.raises(ShapeError, match="`frames` must hold one that `duration` = 5 frames follow"):
        IrreversibleFraction(2, 5).compute(still, np.arange(10.0), frames=np.array([7]))
    with pytest.raises(ParameterError, match="A running mean needs frames at equal intervals"):
        IrreversibleFraction(2, 5).compute(still, np.geomspace(1, 500, 10))
    with pytest.raises(ParameterError, match="`read_softness` and `edges` belong together"):
        IrreversibleFraction(2, 5).compute(still, np.arange(10.0), edges=[0.0, 1.0])
