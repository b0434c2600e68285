import numpy as np
import pytest

from vitrify.errors import ParameterError, ShapeError
from vitrify.theory.ageing_collapse import arrival_times, collapse
from vitrify.theory.trap_model import TrapModel
from vitrify.theory.trap_model_ageing import age

TEMPERATURES = np.array([0.4, 0.5, 0.6])
TIMES = np.geomspace(1.0, 1000.0, 13)


def noisy(curves: np.ndarray, members: int, sd: float, seed: int) -> np.ndarray:
    """Members that scatter as a whole, not time by time: noise of one sample is correlated along its life."""
    rng = np.random.default_rng(seed)
    return curves[:, :, None] + rng.normal(0, sd, (len(curves), 1, members))


def logarithmic(slopes: list[float]) -> np.ndarray:
    return -np.outer(slopes, np.log(TIMES))


def test_curves_that_fall_together_differ_by_no_more_than_their_errors_say():
    inside = []
    for seed in range(100):
        found = collapse(TEMPERATURES, TIMES, noisy(logarithmic([0.1] * 3), 8, 0.05, seed))
        inside.append(
            np.abs(found["significance"].values) < 2.36
        )  # 95 % of Student's t, 7 degrees of freedom
    assert 0.88 < np.mean(inside) < 0.99


def test_a_known_difference_of_slopes_comes_back():
    curves = noisy(logarithmic([0.05, 0.1, 0.2]), 6, 1e-12, 0)
    found = collapse(TEMPERATURES, TIMES, curves, since=10.0)
    assert found["slope"].values == pytest.approx([-0.05, -0.1, -0.2])
    middle = 0.5 * (np.log(10.0) + np.log(1000.0))
    pairs = dict(
        zip(
            zip(found["temperature_hot"].values, found["temperature_cold"].values, strict=True),
            found["difference"].values,
            strict=True,
        )
    )
    assert pairs == pytest.approx(
        {(0.5, 0.4): -0.05 * middle, (0.6, 0.4): -0.15 * middle, (0.6, 0.5): -0.1 * middle}
    )
    means = np.array([-0.05, -0.1, -0.2]) * middle
    assert found["trend"].item() == pytest.approx(np.polyfit(TEMPERATURES, means, 1)[0])
    fall = np.log(100.0) * np.array([0.075, 0.125, 0.15])
    assert found["fall"].values == pytest.approx(fall)
    assert found["relative_difference"].values == pytest.approx(found["difference"].values / fall)


def test_what_samples_share_is_no_error_of_their_difference():
    shared = np.random.default_rng(1).normal(0, 1.0, (1, 1, 5))
    curves = noisy(logarithmic([0.1, 0.1, 0.1]), 5, 0.01, 2) + shared
    found = collapse(TEMPERATURES, TIMES, curves)
    assert found["difference_error"].values.max() < 0.02
    assert found["trend_error"].item() < 0.1
    alone = curves.mean(axis=1).std(axis=1, ddof=1) / np.sqrt(5)
    assert alone.min() > 0.2


def test_resamples_scatter_by_the_error_itself():
    curves = noisy(logarithmic([0.1, 0.2, 0.3]), 50, 0.05, 3)
    samples = collapse(TEMPERATURES, TIMES, curves)
    resamples = collapse(TEMPERATURES, TIMES, curves, members="resamples")
    assert resamples["difference"].values == pytest.approx(samples["difference"].values)
    ratio = resamples["difference_error"].values / samples["difference_error"].values
    assert ratio == pytest.approx(np.sqrt(50))
    assert resamples["difference_error"].values == pytest.approx(0.05 * np.sqrt(2), rel=0.4)


def test_what_is_in_equilibrium_is_not_compared():
    hot = np.maximum(-0.1 * np.log(TIMES), -0.3)
    cold = -0.1 * np.log(TIMES)
    curves = noisy(np.stack([cold, hot]), 4, 1e-12, 4)
    ends = arrival_times(TIMES, curves.mean(axis=2), 0.0, [-2.0, -0.3], remaining=0.01)
    assert ends.tolist() == [np.inf, TIMES[np.searchsorted(np.log(TIMES), 2.97)]]
    apart = collapse([0.4, 0.5], TIMES, curves)
    together = collapse([0.4, 0.5], TIMES, curves, until=np.minimum(ends, np.exp(3.0)))
    assert apart["difference"].item() > 0.05
    assert together["difference"].item() == pytest.approx(0.0, abs=1e-9)
    assert together["pair_end"].item() < np.exp(3.0)
    assert together["n_times"].item() < apart["n_times"].item() == len(TIMES)


def test_samples_that_are_not_finished_are_left_out_with_their_number():
    curves = noisy(logarithmic([0.1, 0.2, 0.3]), 6, 0.02, 5)
    curves[1, 5:, 2] = np.nan
    found = collapse(TEMPERATURES, TIMES, curves)
    assert found["slope_n_members"].values.tolist() == [6, 5, 6]
    assert found["n_members"].values.tolist() == [5, 6, 5]
    assert found["trend_n_members"].item() == 5
    early = collapse(TEMPERATURES, TIMES, curves, until=TIMES[4])
    assert early["n_members"].values.tolist() == [6, 6, 6]


def test_without_two_members_or_times_there_is_no_error():
    single = collapse(TEMPERATURES, TIMES, logarithmic([0.1, 0.2, 0.3])[:, :, None])
    assert np.isfinite(single["difference"]).all()
    assert np.isnan(single["difference_error"]).all()
    moment = collapse(TEMPERATURES, TIMES, noisy(logarithmic([0.1] * 3), 4, 0.1, 6), until=1.5)
    assert np.isnan(moment["difference"]).all()
    assert np.isnan(moment["slope"]).all()
    assert np.isnan(moment["trend"].item())


def test_colder_traps_age_more_slowly():
    model = TrapModel((2.0, -1.2), 3.0, 0.9)
    times = np.geomspace(10.0, 1e4, 10)
    curves = np.stack([age(model, 0.9, t, times)["softness_mean"].values for t in (0.3, 0.35, 0.4)])
    spread = curves[:, :, None] + np.array([-1e-3, 1e-3])
    found = collapse([0.3, 0.35, 0.4], times, spread, members="resamples")
    assert (found["slope"].values < -0.05).all()
    assert found["trend"].item() < -1.0
    assert (found["relative_difference"].values < 0).all()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"curves": np.zeros((3, 4, 2))}, ShapeError, r"must have shape \(T, W, M\) = \(3, 13, members\)"),
        ({"members": "bootstrap"}, ParameterError, "`members` must be one of samples, resamples"),
        ({"temperatures": [0.5], "curves": np.zeros((1, 13, 2))}, ParameterError, "needs two curves or more"),
        ({"waiting_times": TIMES[::-1]}, ParameterError, "waiting times that increase"),
    ],
)
def test_what_cannot_be_compared_is_refused(change, error, message):
    given = {"temperatures": TEMPERATURES, "waiting_times": TIMES, "curves": np.zeros((3, 13, 2)), **change}
    members = {"members": given.pop("members")} if "members" in given else {}
    with pytest.raises(error, match=message):
        collapse(**given, **members)
