"""p_hop, events and training examples of particles that are absent for a while."""

import numpy as np
import pytest

from vitrify.errors import ConfigurationError
from vitrify.particles.layout import Layout, thermal_arrays
from vitrify.particles.trajectory import Trajectory
from vitrify.predictors.training_sets import TrainingSelection, hard_examples, select_training_set
from vitrify.progress import Silent
from vitrify.rearrangements.events import Events
from vitrify.rearrangements.p_hop import PHop
from vitrify.studies.dynamics import add_p_hop, find_events, p_hop_unit
from vitrify.units import SYSTEMS

N_FRAMES, N = 240, 40


def walk(seed=0, d=2):
    """Cages that jump now and then."""
    rng = np.random.default_rng(seed)
    jumps = rng.normal(size=(N_FRAMES, N, d)) * (rng.random((N_FRAMES, N, 1)) < 0.01)
    return jumps.cumsum(axis=0) + rng.normal(scale=0.03, size=(N_FRAMES, N, d))


def with_gaps(positions, seed=1):
    """The same walk, with particles that appear late, vanish early and are lost for 1 to 20 frames."""
    rng = np.random.default_rng(seed)
    absent = np.zeros(positions.shape[:2], bool)
    for i in range(positions.shape[1]):
        if i % 4 == 0:
            continue
        for _ in range(i % 4):
            start = rng.integers(0, N_FRAMES)
            absent[start : start + rng.integers(1, 21), i] = True
        absent[: rng.integers(0, 30), i] = True
        absent[N_FRAMES - rng.integers(1, 30) :, i] = True
    return np.where(absent[..., None], np.nan, positions), absent


def touched(absent, w):
    """Frames whose windows t - w … t + w - 1 touch a frame in which the particle is absent."""
    out = np.zeros_like(absent)
    for t in range(len(absent)):
        out[t] = absent[max(0, t - w) : t + w].any(axis=0)
    return out


def store_of(path, positions, *, complete=False, frames_per_unit=50):
    """A store of thermal positions with open boundaries."""
    n_frames, n, d = positions.shape
    layout = Layout(
        n_frames, np.zeros(n, np.int64), ("A",), d, (False,) * d, "micron", frames_per_unit, complete
    )
    trajectory = Trajectory.create(path, layout)
    trajectory.add_stage("thermal", thermal_arrays(SYSTEMS["micron"], dimension=d), {})
    for unit, (a, b) in enumerate(trajectory.units()):
        values = {
            "position": positions[a:b],
            "time": np.arange(a, b) / 10.0,
            "box_vectors": np.tile(40.0 * np.eye(d), (b - a, 1, 1)),
            "box_origin": np.full((b - a, d), -20.0),
        }
        trajectory.write("thermal", unit, values)
    return trajectory


@pytest.mark.parametrize("window", [2, 10, 30])
@pytest.mark.parametrize("d", [2, 3])
def test_p_hop_is_missing_exactly_where_a_window_touches_a_gap_and_the_same_bits_elsewhere(window, d):
    positions = walk(d=d)
    gappy, absent = with_gaps(positions)
    whole, found = PHop(window).compute(positions), PHop(window).compute(gappy)
    missing = np.isnan(whole) | touched(absent, window // 2)
    assert np.array_equal(np.isnan(found), missing)
    assert np.array_equal(found[~missing], whole[~missing])
    assert 0.1 < missing.mean() < 0.9


def test_one_coordinate_that_is_missing_is_a_missing_position():
    positions = walk()
    positions[100, 3, 1] = np.nan
    assert np.flatnonzero(np.isnan(PHop(10).compute(positions)[5:236, 3])).tolist() == list(range(91, 101))


@pytest.mark.parametrize("block", [7, 50, 500])
def test_events_away_from_gaps_are_those_of_the_whole_walk(block):
    positions, times = walk(), np.arange(float(N_FRAMES))
    gappy, absent = with_gaps(positions)
    near = touched(absent, 5) | np.isnan(PHop(10).compute(positions))
    whole = Events().stream(lambda a, b: positions[a:b], times).to_dataframe()
    found = Events().stream(lambda a, b: gappy[a:b], times, block=block).to_dataframe()

    def unseen(event):
        """Whether an event, with the frames just before and after it, meets a frame without p_hop."""
        return near[int(event.first_frame) - 1 : int(event.last_frame) + 1, int(event.particle)].any()

    clear = whole[whole.complete & ~whole.apply(unseen, axis=1)].reset_index(drop=True)
    kept = found[found.complete].reset_index(drop=True)
    assert len(clear) > 20
    assert clear.equals(kept)
    assert len(found) > len(kept), "some events run into gaps"
    assert np.isfinite(found[["p_hop_max", "displacement", "raw_displacement"]].to_numpy()).all()
    for event in found[~found.complete].itertuples():
        before, after = (
            near[event.first_frame - 1, event.particle],
            near[min(event.last_frame + 1, 239), event.particle],
        )
        assert before == (not event.start_seen)
        assert event.end_seen or after


def test_a_jump_beside_a_gap_is_an_event_that_is_not_complete():
    positions = np.zeros((100, 3, 2))
    positions[40:, 0, 0] = positions[40:, 1, 0] = positions[40:, 2, 0] = 1.0
    positions[44:50, 0] = np.nan  # while p_hop is above its threshold
    positions[30:36, 1] = np.nan  # as well, but before
    positions[38:42, 2] = np.nan  # the jump itself is not seen
    events = Events().stream(lambda a, b: positions[a:b], np.arange(100.0))
    assert events["particle"].values.tolist() == [0, 1]
    assert events["start_seen"].values.tolist() == [True, False]
    assert events["end_seen"].values.tolist() == [False, True]
    assert not events["complete"].values.any()
    assert events["last_frame"].values.tolist() == [39, 45]


def test_a_quiet_stretch_never_spans_a_gap():
    gappy, absent = with_gaps(0.01 * np.random.default_rng(3).normal(size=(N_FRAMES, N, 2)))
    p_hop = PHop(10).compute(gappy)
    selection = TrainingSelection(quiet_time=30, hard_frame="start", n_per_class=None, stagger=False)
    stretches = hard_examples(selection, p_hop, np.arange(N), [(0, N_FRAMES)])
    assert len(stretches) > 50
    for frame, particle, _ in stretches:
        assert not absent[frame - 5 : frame + 34, particle].any()
    with_whole = hard_examples(
        selection, PHop(10).compute(np.zeros((N_FRAMES, N, 2))), np.arange(N), [(0, N_FRAMES)]
    )
    assert len(stretches) < len(with_whole)


def test_examples_that_cannot_be_described_are_left_out_and_counted():
    positions = walk()
    p_hop = PHop().compute(positions)
    events = Events().find(p_hop, positions, np.arange(float(N_FRAMES)))
    selection = TrainingSelection(quiet_time=20, n_per_class=None, min_per_class=5)
    plain = select_training_set(selection, events, p_hop)
    chosen = select_training_set(
        selection, events, p_hop, describable=lambda frame, particle: particle % 3 == 0
    )
    assert set(chosen.particle % 3) == {0}
    for kind in ("soft", "hard"):
        assert chosen.n_available[kind] + chosen.n_left_out[kind] == plain.n_available[kind]
        assert chosen.n_left_out[kind] > 0
    assert chosen.to_dict()["n_left_out"] == chosen.n_left_out
    assert "n_left_out" not in plain.to_dict()
    everything = select_training_set(selection, events, p_hop, describable=lambda frame, particle: frame >= 0)
    assert np.array_equal(everything.frame, plain.frame)
    assert np.array_equal(everything.particle, plain.particle)


def test_a_shortage_says_how_many_were_left_out():
    from vitrify.errors import TooFewEventsError

    positions = walk()
    p_hop = PHop().compute(positions)
    events = Events().find(p_hop, positions, np.arange(float(N_FRAMES)))
    selection = TrainingSelection(quiet_time=20, n_per_class=20)
    with pytest.raises(
        TooFewEventsError, match=r"only 0 rearrange.*Left out were \d+ rearranging and \d+ quiet particles"
    ):
        select_training_set(selection, events, p_hop, describable=lambda frame, particle: particle < 0)


# -- in a store ------------------------------------------------------------------------------------------------------


def test_a_store_with_gaps_gives_the_p_hop_and_events_of_the_arrays(tmp_path):
    gappy, _ = with_gaps(walk())
    trajectory = store_of(tmp_path / "run.zarr", gappy)
    add_p_hop(trajectory, PHop(), Silent(), "thermal")
    for unit in range(len(trajectory.units())):
        p_hop_unit((trajectory.path, unit, PHop(), "thermal"))
    expected = PHop().compute(gappy)
    assert np.array_equal(trajectory.read("p_hop"), expected, equal_nan=True)
    found = find_events(trajectory, Events(), tmp_path / "events.npz")
    again = Events().find(expected, gappy, np.arange(N_FRAMES) / 10.0)
    for name in again:
        np.testing.assert_allclose(found[name].values, again[name].values, rtol=1e-12, err_msg=name)
    trajectory.verify("p_hop")


def test_a_missing_position_in_a_complete_store_is_an_error(tmp_path):
    positions = walk()
    positions[77, 5] = np.nan
    trajectory = store_of(tmp_path / "run.zarr", positions, complete=True)
    add_p_hop(trajectory, PHop(), Silent(), "thermal")
    with pytest.raises(
        ConfigurationError, match=r"Particle 5 has a coordinate that is not finite in frame 77"
    ):
        p_hop_unit((trajectory.path, 1, PHop(), "thermal"))


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_half_a_position_is_an_error_in_every_store(tmp_path, wrong):
    positions, _ = with_gaps(walk())
    positions[77, 4] = (wrong, 1.0)
    trajectory = store_of(tmp_path / "run.zarr", positions)
    add_p_hop(trajectory, PHop(), Silent(), "thermal")
    with pytest.raises(
        ConfigurationError, match=r"Particle 4 has a coordinate that is not finite in frame 77"
    ):
        p_hop_unit((trajectory.path, 1, PHop(), "thermal"))
