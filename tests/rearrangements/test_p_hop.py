import os
import subprocess
import sys

import numpy as np
import pytest

from vitrify.errors import ParameterError, ShapeError
from vitrify.rearrangements.p_hop import PHop


def naive(positions, window):
    w = window // 2
    out = np.full(positions.shape[:2], np.nan)
    for t in range(w, len(positions) - w + 1):
        a, b = positions[t - w : t], positions[t : t + w]
        about_b = ((a - b.mean(0)) ** 2).sum(-1).mean(0)
        about_a = ((b - a.mean(0)) ** 2).sum(-1).mean(0)
        out[t] = np.sqrt(about_b * about_a)
    return out


@pytest.mark.parametrize("window", [2, 4, 10, 30])
@pytest.mark.parametrize("shape", [(30, 1, 1), (40, 63, 2), (40, 64, 3), (45, 200, 3)])
def test_the_kernel_agrees_with_the_formula(shape, window):
    positions = np.random.default_rng(1).normal(size=shape).cumsum(axis=0)
    np.testing.assert_allclose(PHop(window).compute(positions), naive(positions, window), rtol=1e-11)


def test_small_motion_far_from_the_origin_keeps_its_digits():
    positions = 1000.0 + 1e-3 * np.random.default_rng(2).normal(size=(30, 20, 3))
    near = PHop().compute(positions - 1000.0)
    np.testing.assert_allclose(PHop().compute(positions), near, rtol=1e-8)


def test_values_exist_exactly_where_both_windows_fit():
    values = PHop(10).compute(np.zeros((12, 3, 2)))
    assert np.flatnonzero(np.isfinite(values).all(axis=1)).tolist() == [5, 6, 7]
    assert np.isnan(values[[0, 4, 8, 11]]).all()


def test_a_gap_spreads_no_further_than_its_windows():
    positions = np.random.default_rng(3).normal(size=(40, 2, 3))
    positions[20, 1] = np.nan
    values = PHop(10).compute(positions)
    assert np.isfinite(values[5:36, 0]).all()
    assert np.flatnonzero(np.isnan(values[5:36, 1]) != 0).tolist() == list(range(11, 21))


def test_no_particles_give_an_empty_result():
    assert PHop().compute(np.empty((20, 0, 3))).shape == (20, 0)


def test_too_few_frames_are_named():
    message = (
        r"p_hop needs at least `window` = 10 frames; this trajectory has 7. "
        r"Use a smaller window or save frames more often."
    )
    with pytest.raises(ShapeError, match=message):
        PHop(10).compute(np.zeros((7, 3, 3)))


@pytest.mark.parametrize("window", [0, 1, 5, -2, 2.5])
def test_a_window_without_two_halves_is_refused(window):
    with pytest.raises(ParameterError, match=f"`window` is a number of frames, even .* it is {window}"):
        PHop(window)


def test_positions_need_three_axes():
    with pytest.raises(ShapeError, match=r"`positions` must have shape \(F, N, d\); it has \(20, 3\)"):
        PHop().compute(np.zeros((20, 3)))


def test_the_number_of_threads_changes_no_bit():
    code = (
        "import numpy as np, hashlib; from vitrify.rearrangements.p_hop import PHop;"
        "x = np.random.default_rng(0).normal(size=(40, 300, 3));"
        "print(hashlib.sha256(PHop().compute(x).tobytes()).hexdigest())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "NUMBA_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "2")
    }
    assert len(found) == 1
