import numpy as np
import pytest

from vitrify.errors import ParameterError, ShapeError
from vitrify.rearrangements.events import Events, at_risk, instantaneous, rearrangements
from vitrify.rearrangements.p_hop import PHop


def walk(seed=0, n_frames=200, n=30, d=3, scale=0.13):
    return np.random.default_rng(seed).normal(scale=scale, size=(n_frames, n, d)).cumsum(axis=0)


def naive(p_hop, positions, times, threshold, w):
    """Every event by a scan of one particle after the other."""
    found = []
    n_frames, n = p_hop.shape
    for i in range(n):
        above = p_hop[:, i] > threshold
        edges = np.diff(np.concatenate([[0], above.astype(int), [0]]))
        for first, stop in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True):
            ends = stop < n_frames and np.isfinite(p_hop[stop, i])
            begins = first > 0 and np.isfinite(p_hop[first - 1, i])
            last = stop if ends else stop - 1
            peak = first + np.argmax(p_hop[first:stop, i])
            before, after = positions[first - w : first, i].mean(0), positions[last : last + w, i].mean(0)
            raw = positions[last + w - 1, i] - positions[first - w, i]
            lengths = np.linalg.norm(after - before), np.linalg.norm(raw)
            found.append(
                (first, i, peak, last, begins and ends, p_hop[peak, i], *lengths, times[last] - times[first])
            )
    return sorted(found)


@pytest.mark.parametrize("window", [2, 4, 10])
@pytest.mark.parametrize("d", [2, 3])
def test_the_table_agrees_with_a_plain_scan(window, d):
    positions, times = walk(d=d), 0.25 * np.arange(200)
    p_hop = PHop(window).compute(positions)
    events = Events(0.1, 0.3, window).find(p_hop, positions, times)
    expected = naive(p_hop, positions, times, 0.1, window // 2)
    assert events.sizes["event"] == len(expected) > 50
    names = ("first_frame", "particle", "peak_frame", "last_frame", "complete", "p_hop_max")
    names += ("displacement", "raw_displacement", "duration")
    for k, name in enumerate(names):
        np.testing.assert_allclose(
            events[name].values, [row[k] for row in expected], rtol=1e-12, err_msg=name
        )
    assert events["complete"].values.any()
    assert window == 2 or not events["complete"].values.all()
    w = window // 2
    assert (events["start_frame"].values == events["first_frame"].values - w).all()
    assert (events["end_frame"].values == events["last_frame"].values + w - 1).all()


@pytest.mark.parametrize("block", [1, 3, 17, 64, 500])
def test_blocks_and_the_source_of_p_hop_do_not_matter(block):
    positions, times = walk(), np.arange(200.0)
    p_hop = PHop().compute(positions)
    whole = Events().find(p_hop, positions, times)
    options = {"block": block, "read_p_hop": lambda a, b: p_hop[a:b]}
    assert whole.identical(Events().stream(lambda a, b: positions[a:b], times, block=block))
    assert whole.identical(Events().stream(lambda a, b: positions[a:b], times, **options))


def test_a_zarr_array_is_read_like_an_array(tmp_path):
    import zarr

    positions, times = walk(n_frames=60), np.arange(60.0)
    p_hop = PHop().compute(positions)
    stored = zarr.create_array(tmp_path / "p.zarr", data=p_hop, chunks=(16, 30))
    assert Events().find(p_hop, positions, times).identical(Events().find(stored, positions, times))


def test_start_frame_lies_strictly_before_the_motion_and_end_frame_after_it():
    positions = np.zeros((60, 1, 3))
    positions[30:, 0, 1] = 0.8
    events = Events().stream(lambda a, b: positions[a:b], np.arange(60.0))
    start, end = events["start_frame"].item(), events["end_frame"].item()
    assert start < 30 <= end
    assert (positions[start] == positions[0]).all()
    assert (positions[end] == positions[-1]).all()
    for name in ("displacement", "raw_displacement"):
        assert events[name].item() == pytest.approx(0.8, rel=1e-14)


def test_the_mean_displacement_is_less_noisy_than_the_raw_one():
    rng = np.random.default_rng(5)
    positions = 0.05 * rng.normal(size=(60, 400, 3))
    positions[30:, :, 0] += 1.0
    events = rearrangements(Events().stream(lambda a, b: positions[a:b], np.arange(60.0)))
    assert events.sizes["event"] == 400
    assert events["displacement"].std() < 0.6 * events["raw_displacement"].std()


def test_motion_at_the_ends_of_the_trajectory_is_not_complete():
    positions = np.zeros((60, 3, 3))
    positions[6:, 0] = 1.0
    positions[30:, 1] = 1.0
    positions[53:, 2] = 1.0
    events = Events().stream(lambda a, b: positions[a:b], np.arange(60.0), block=7)
    assert events["particle"].values.tolist() == [0, 1, 2]
    assert events["complete"].values.tolist() == [False, True, False]
    assert events["start_seen"].values.tolist() == [False, True, True]
    assert events["end_seen"].values.tolist() == [True, True, False]
    assert events["start_frame"].values[0] == 0
    assert events["end_frame"].values[2] == 59


def test_a_gap_cuts_events():
    positions = walk(n=4, scale=0.4)
    positions[100] = np.nan
    events = Events().stream(lambda a, b: positions[a:b], np.arange(200.0))
    assert np.isfinite(events["displacement"].values).all()
    around = (events["last_frame"].values < 100) & (events["last_frame"].values > 90)
    assert not events["complete"].values[around].any()


def test_no_event_is_an_empty_table_of_the_same_columns():
    positions = np.zeros((30, 5, 3))
    events = Events().stream(lambda a, b: positions[a:b], np.arange(30.0))
    assert events.sizes["event"] == 0
    assert set(events) == set(Events().stream(lambda a, b: walk()[a:b], np.arange(200.0)))
    assert at_risk(events, np.arange(30), 5).all()


def test_columns_say_their_units_and_the_table_its_thresholds():
    events = Events(0.1, 0.3).stream(lambda a, b: walk()[a:b], np.arange(200.0))
    assert events["p_hop_max"].attrs["units"] == "sigma_AA^2"
    assert events["duration"].attrs["units"] == "tau"
    expected = {"event_threshold": 0.1, "rearrangement_threshold": 0.3, "window": 10, "n_particles": 30}
    assert expected.items() <= events.attrs.items()


def test_rearrangements_are_the_events_with_a_high_enough_peak():
    events = Events().stream(lambda a, b: walk(scale=0.08)[a:b], np.arange(200.0))
    chosen = rearrangements(events)
    assert 0 < chosen.sizes["event"] < events.sizes["event"]
    assert (chosen["p_hop_max"].values > 0.2).all()
    assert rearrangements(events, 0.05).sizes["event"] == events.sizes["event"]


def test_a_threshold_below_the_event_threshold_is_refused():
    events = Events().stream(lambda a, b: walk()[a:b], np.arange(200.0))
    with pytest.raises(ParameterError, match=r"`threshold` = 0.01 lies below the `event_threshold` = 0.05"):
        rearrangements(events, 0.01)


@pytest.mark.parametrize("step", [1, 7])
def test_at_risk_means_outside_every_rearrangement(step):
    positions = walk(scale=0.09)
    events = Events().stream(lambda a, b: positions[a:b], np.arange(200.0))
    frames = np.arange(3, 200, step)
    expected = np.ones((len(frames), 30), bool)
    for k in np.flatnonzero(events["p_hop_max"].values > 0.2):
        event = {name: events[name].values[k] for name in events}
        lo = event["start_frame"] if event["start_seen"] else event["start_frame"] - 1
        hi = event["end_frame"] if event["end_seen"] else event["end_frame"] + 1
        expected[(frames > lo) & (frames < hi), event["particle"]] = False
    found = at_risk(events, frames, 30)
    assert np.array_equal(found, expected)
    assert 0 < found.mean() < 1
    assert np.array_equal(found, at_risk(rearrangements(events), frames, 30))


def test_exposure_needs_increasing_frames_and_known_particles():
    events = Events().stream(lambda a, b: walk()[a:b], np.arange(200.0))
    with pytest.raises(ParameterError, match="`frames` must be strictly increasing"):
        at_risk(events, [3, 2], 30)
    with pytest.raises(ParameterError, match="name particle 29, but `n_particles` is 4"):
        at_risk(events, [2, 3], 4)


def test_the_instantaneous_mask_is_false_without_a_value():
    assert instantaneous([[np.nan, 0.3]], 0.2).tolist() == [[False, True]]


def test_thresholds_in_the_wrong_order_are_refused():
    with pytest.raises(ParameterError, match=r"they are 0.3 and 0.2"):
        Events(event_threshold=0.3, rearrangement_threshold=0.2)


def test_shapes_that_disagree_are_named():
    with pytest.raises(ShapeError, match=r"shapes are \(20, 3\) and \(20, 4, 3\)"):
        Events().find(np.zeros((20, 3)), np.zeros((20, 4, 3)), np.arange(20.0))


def test_uneven_times_are_refused():
    with pytest.raises(ParameterError, match="`times` run from 1 to 7"):
        Events().find(np.zeros((12, 1)), np.zeros((12, 1, 3)), [*range(11), 17])
    with pytest.raises(ShapeError, match=r"`times` must have shape \(F,\)"):
        Events().stream(lambda a, b: np.zeros((b - a, 1, 3)), np.zeros((3, 2)))


@pytest.mark.parametrize("window", [4, 8])
def test_p_hop_of_another_window_is_refused(window):
    positions = walk(n_frames=50)
    with pytest.raises(ParameterError, match="`window` = 10 does not fit: it was made with another window"):
        Events(window=10).find(PHop(window).compute(positions), positions, np.arange(50.0))


def test_a_short_trajectory_is_named():
    with pytest.raises(ShapeError, match="p_hop needs at least `window` = 10 frames; this trajectory has 6"):
        Events().stream(lambda a, b: np.zeros((b - a, 1, 3)), np.arange(6.0))
