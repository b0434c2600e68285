import sys
import time

import numpy as np
import pytest


def test_exponent_of_an_exact_power_is_that_power(benchmarks):
    n = np.array([1e3, 1e4, 1e5, 1e6])
    exponent, error = benchmarks("measure").growth_exponent(n, 3e-7 * n**1.25)
    assert exponent == pytest.approx(1.25, abs=1e-12)
    assert error < 1e-12


def test_error_of_the_exponent_is_the_scatter_of_the_times(benchmarks):
    rng = np.random.default_rng(0)
    n = np.geomspace(1e3, 1e6, 7)
    found = np.array(
        [
            benchmarks("measure").growth_exponent(n, n * np.exp(0.1 * rng.normal(size=len(n))))
            for _ in range(2000)
        ]
    )
    assert found[:, 0].mean() == pytest.approx(1.0, abs=0.002)
    assert found[:, 0].std() == pytest.approx(np.sqrt((found[:, 1] ** 2).mean()), rel=0.05)


def test_difference_is_measured_by_the_largest_value_of_each_column(benchmarks):
    reference = np.array([[100.0, 1.0], [50.0, 0.5]])
    values = reference + np.array([[0.0, 0.0], [1.0, 0.02]])
    assert benchmarks("measure").largest_difference(values, reference) == pytest.approx(0.02)


def test_columns_below_the_floor_are_measured_by_the_floor(benchmarks):
    largest_difference = benchmarks("measure").largest_difference
    assert largest_difference([[2e-9]], [[1e-9]]) == pytest.approx(1.0)
    assert largest_difference([[2e-9]], [[1e-9]], floor=1e-4) == pytest.approx(1e-5)


def test_equal_tables_agree_even_where_all_is_zero(benchmarks):
    assert benchmarks("measure").largest_difference(np.zeros((3, 2)), np.zeros((3, 2))) == 0


def test_tables_of_other_shapes_are_not_compared(benchmarks):
    with pytest.raises(ValueError, match=r"shapes \(1, 2\) and \(1, 3\)"):
        benchmarks("measure").largest_difference(np.zeros((1, 2)), np.zeros((1, 3)))


def test_ratio_is_the_median_over_the_rounds_and_not_of_the_rates(benchmarks):
    ratio = benchmarks("measure").compare([1.0, 2.0, 4.0], [2.0, 8.0, 12.0], amount=8)
    assert (ratio.rate, ratio.peer_rate) == (4.0, 1.0)
    assert (ratio.low, ratio.ratio, ratio.high) == (2.0, 3.0, 4.0)


def test_a_peer_that_does_a_tenth_of_the_work_in_the_same_time_is_ten_times_slower(benchmarks):
    assert benchmarks("measure").compare([1.0], [1.0], amount=100, peer_amount=10).ratio == 10


def test_both_sides_take_turns(benchmarks):
    order: list[str] = []

    def note(name: str, seconds: float):
        def call() -> None:
            order.append(name)
            time.sleep(seconds)

        return call

    seconds = benchmarks("measure").interleave({"a": note("a", 0.002), "b": note("b", 0.004)}, 3, least=0.0)
    assert "".join(order)[-6:] == "ababab"
    assert min(seconds["a"]) >= 0.002
    assert min(seconds["b"]) >= 0.004


@pytest.mark.skipif(sys.platform != "linux", reason="reads the high-water mark of Linux")
def test_peak_memory_counts_what_is_gone_when_the_call_ends(benchmarks):
    megabytes = 64

    def call() -> int:
        return len(np.ones(megabytes * 2**17))

    _, _, peak = benchmarks("measure").peak_beyond(call)
    assert 0.9 * megabytes <= peak / 2**20 < megabytes + 16


def test_a_missing_peer_says_what_to_install(benchmarks):
    measure = benchmarks("measure")
    with pytest.raises(measure.MissingPeerError, match="pip install some-package"):
        measure.need("no_such_module_here", "some-package")
