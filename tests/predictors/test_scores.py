import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from vitrify.errors import ParameterError, ShapeError, TooFewEventsError
from vitrify.predictors.scores import (
    accuracy,
    fraction_soft,
    q_ratio,
    q_ratio_from_counts,
    roc_area,
    wilson_interval,
)


def scored(n=400, seed=0, signal=1.0):
    rng = np.random.default_rng(seed)
    labels = np.where(rng.uniform(size=n) < 0.3, 1, -1)
    return rng.normal(size=n) + signal * labels, labels


@pytest.mark.parametrize(("k", "n"), [(0, 5), (5, 5), (3, 10), (90, 100)])
def test_the_wilson_interval_solves_its_equation(k, n):
    low, high = wilson_interval(k, n, 0.95)
    z = 1.959963984540054
    for edge in (low, high):
        if 0 < edge < 1:
            assert abs(k / n - edge) == pytest.approx(z * np.sqrt(edge * (1 - edge) / n), rel=1e-9)
    assert low <= k / n <= high


def test_accuracy_counts_both_classes_and_its_events():
    values, labels = scored()
    score = accuracy(values, labels)
    assert score.value == np.mean((values > 0) == (labels > 0))
    assert score.low < score.value < score.high
    assert (score.n_events, score.n) == (np.sum(labels > 0), 400)


def test_fraction_soft_is_honest_when_all_are_soft():
    score = fraction_soft(np.ones(20))
    assert (score.value, score.high, score.n_events) == (1.0, 1.0, 20)
    assert 0.9 < score.low < 1.0


def test_the_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(1000):
        score = fraction_soft(rng.uniform(size=80) - 0.2, confidence=0.95)
        inside += score.low <= 0.8 <= score.high
    assert 0.93 < inside / 1000 < 0.97


def test_roc_area_agrees_with_counting_pairs():
    values, labels = scored()
    values = values.round(1)
    score = roc_area(values, labels)
    soft, hard = values[labels > 0], values[labels < 0]
    pairs = (soft[:, None] > hard) + 0.5 * (soft[:, None] == hard)
    assert score.value == pytest.approx(pairs.mean(), rel=1e-12)
    assert score.value == pytest.approx(roc_auc_score(labels, values), rel=1e-12)
    assert (score.n_events, score.n) == (len(soft), 400)


def test_its_error_is_the_scatter_over_repeated_samples():
    scores = [roc_area(*scored(300, seed, 0.5)) for seed in range(300)]
    quoted = np.mean([(s.high - s.low) / 2 for s in scores])
    assert quoted == pytest.approx(np.std([s.value for s in scores]), rel=0.15)


def test_one_example_per_group_is_no_grouping():
    values, labels = scored()
    alone, grouped = roc_area(values, labels), roc_area(values, labels, np.arange(400))
    assert grouped.high - grouped.low == pytest.approx(alone.high - alone.low, rel=0.02)


def test_copies_of_examples_within_groups_do_not_shrink_the_error():
    values, labels = scored(200)
    single = roc_area(values, labels)
    copies = [np.repeat(x, 9) for x in (values, labels, np.arange(200))]
    assert roc_area(*copies[:2]).high - roc_area(*copies[:2]).low < 0.4 * (single.high - single.low)
    grouped = roc_area(*copies)
    assert grouped.high - grouped.low == pytest.approx(single.high - single.low, rel=0.05)


def test_a_perfect_order_keeps_an_interval():
    score = roc_area([1.0, 2.0, 3.0, -1.0, -2.0], [1, 1, 1, -1, -1])
    assert (score.value, score.high) == (1.0, 1.0)
    assert 0.5 < score.low < 1.0


def test_q_compares_the_tails_beyond_one_standard_deviation():
    rng = np.random.default_rng(2)
    x = rng.normal(3.0, 2.0, size=200_000)
    events = rng.uniform(size=x.size) < 1e-2 * np.exp(0.5 * x - 1.5)
    q = q_ratio(x, events)
    tails = x > x.mean() + x.std(), x < x.mean() - x.std()
    assert q.value == pytest.approx(events[tails[0]].mean() / events[tails[1]].mean(), rel=1e-12)
    assert (q.n_events_high, q.n_events_low) == tuple(int(events[t].sum()) for t in tails)
    assert (q.exposure_high, q.exposure_low) == tuple(float(t.sum()) for t in tails)
    assert q.low < q.value < q.high
    assert q.n_events == q.n_events_high + q.n_events_low


def test_q_does_not_mind_units_and_turns_over_with_the_sign():
    rng = np.random.default_rng(3)
    x = rng.normal(size=5000)
    events = rng.poisson(0.1 * np.exp(x))
    q = q_ratio(x, events)
    assert q_ratio(5 * x - 2, events) == q
    assert q_ratio(-x, events).value == pytest.approx(1 / q.value)


def test_exposure_divides_the_events():
    x, events = np.array([-3.0, 0, 0, 0, 0, 3.0]), np.array([1, 0, 0, 0, 0, 1])
    assert q_ratio(x, events, [2.0, 1, 1, 1, 1, 0.5]).value == pytest.approx(4.0)


def test_the_published_example_of_held_out_counts():
    q = q_ratio_from_counts(121, 17184, 4, 17140)
    assert q.value == pytest.approx(30.17, abs=0.01)
    assert np.log(q.high / q.value) == pytest.approx(np.sqrt(1 / 121 + 1 / 4), rel=1e-9)


def test_the_interval_of_q_covers_as_often_as_it_says():
    rng = np.random.default_rng(4)
    inside = 0
    for high, low in zip(rng.poisson(100, 1000), rng.poisson(20, 1000), strict=True):
        q = q_ratio_from_counts(int(high), 1.0, int(low), 1.0, confidence=0.95)
        inside += q.low <= 5 <= q.high
    assert 0.93 < inside / 1000 < 0.975


def test_without_events_below_q_is_a_lower_bound_and_not_infinite():
    q = q_ratio_from_counts(20, 1000, 0, 1000, confidence=0.95)
    assert (q.bound, q.high, q.value) == ("lower", np.inf, q.low)
    share = q.value / (1 + q.value)
    assert share**20 == pytest.approx(0.05)


def test_without_events_above_q_has_an_upper_bound():
    q = q_ratio_from_counts(0, 500, 20, 1000, confidence=0.95)
    assert (q.bound, q.value, q.low) == ("upper", 0.0, 0.0)
    assert q.high == pytest.approx(2 / q_ratio_from_counts(20, 1, 0, 1, confidence=0.95).low)


def test_without_any_event_q_is_unknown():
    q = q_ratio_from_counts(0, 10, 0, 10)
    assert np.isnan(q.value)
    assert (q.low, q.high, q.bound, q.n_events) == (0.0, np.inf, "none", 0)


def test_empty_groups_and_classes_are_named():
    with pytest.raises(TooFewEventsError, match="their exposures are 0 and 0"):
        q_ratio(np.ones(5), np.ones(5, int))
    with pytest.raises(TooFewEventsError, match="sum of `exposure` is 0"):
        q_ratio(np.arange(5.0), np.zeros(5, int), np.zeros(5))
    with pytest.raises(TooFewEventsError, match="n = 0"):
        fraction_soft([])
    with pytest.raises(TooFewEventsError, match="there are 1 and 2"):
        roc_area([1.0, 2.0, 3.0], [1, -1, -1])
    with pytest.raises(TooFewEventsError, match="`groups` names 1"):
        roc_area([1.0, 2.0, 3.0, 4.0], [1, 1, -1, -1], [0, 0, 0, 0])


def test_input_that_does_not_pair_is_named():
    with pytest.raises(ShapeError, match=r"`labels` needs one entry per score, 3; it has shape \(2,\)"):
        accuracy([1.0, 2.0, 3.0], [1, -1])
    with pytest.raises(ShapeError, match="1 not finite"):
        fraction_soft([1.0, np.nan])
    with pytest.raises(ShapeError, match="`groups` needs one entry per example, 4"):
        roc_area([1.0, 2.0, 3.0, 4.0], [1, 1, -1, -1], [0, 1])
    with pytest.raises(ShapeError, match="`exposure` needs 2 entries, none negative"):
        q_ratio([1.0, 2.0], [0, 1], [1.0, -1.0])
    with pytest.raises(ParameterError, match="1 events fall on observations whose `exposure` is 0"):
        q_ratio([1.0, 2.0], [0, 1], [1.0, 0.0])
    with pytest.raises(ParameterError, match=r"`confidence` must lie between 0 and 1; it is 1.5"):
        wilson_interval(1, 2, 1.5)
