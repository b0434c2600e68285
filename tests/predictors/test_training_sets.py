import re

import numpy as np
import pytest

from vitrify.errors import ParameterError, ShapeError, TooFewEventsError
from vitrify.predictors.training_sets import (
    TrainingSelection,
    hard_examples,
    select_training_set,
    soft_examples,
)
from vitrify.rearrangements.events import Events, rearrangements
from vitrify.rearrangements.p_hop import PHop


@pytest.fixture(scope="module")
def hopping():
    """Particles that rattle a little and jump now and then: positions, p_hop, events."""
    rng = np.random.default_rng(0)
    n_frames, n = 2000, 60
    jumps = rng.uniform(size=(n_frames, n, 1)) < 0.004
    positions = (jumps * rng.normal(scale=0.7, size=(n_frames, n, 3))).cumsum(axis=0)
    positions += 0.02 * rng.normal(size=positions.shape)
    p_hop = PHop().compute(positions)
    return p_hop, Events().find(p_hop, positions, np.arange(float(n_frames)))


def selection(**changes):
    return TrainingSelection(**{"quiet_time": 80, "n_per_class": 100, "stagger": False, **changes})


def naive_quiet(p_hop, threshold, length, particles, start, stop):
    found = []
    for i in particles:
        t = start
        while t + length <= stop:
            if (p_hop[t : t + length, i] < threshold).all():
                found.append((t, i))
                t += length
            else:
                t += 1
    return found


@pytest.mark.parametrize(("hard_frame", "offset"), [("start", 0), ("middle", 40), ("end", 79)])
def test_quiet_stretches_agree_with_a_plain_search(hopping, hard_frame, offset):
    p_hop, _ = hopping
    particles = np.arange(1, 60, 3)
    segments = [(0, 900), (1000, 2000)]
    found = hard_examples(selection(hard_frame=hard_frame), p_hop, particles, segments)
    expected = [
        (t + offset, i, k)
        for k, (a, b) in enumerate(segments)
        for t, i in naive_quiet(p_hop, 0.02, 80, particles, a, b)
    ]
    assert len(expected) > 100
    assert sorted(map(tuple, found.tolist())) == sorted(expected)


@pytest.mark.parametrize("block", [1, 37, 500])
def test_blocks_do_not_change_the_selection(hopping, block, monkeypatch):
    p_hop, events = hopping
    whole = select_training_set(selection(), events, p_hop)
    monkeypatch.setattr("vitrify.predictors.training_sets.frames_per_block", lambda *a: block)
    cut = select_training_set(selection(), events, p_hop)
    for name in ("frame", "particle", "label", "segment"):
        assert np.array_equal(getattr(whole, name), getattr(cut, name))


def test_a_zarr_array_gives_the_same_selection(hopping, tmp_path):
    import zarr

    p_hop, events = hopping
    stored = zarr.create_array(tmp_path / "p.zarr", data=p_hop, chunks=(256, 60))
    whole, read = (select_training_set(selection(), events, p) for p in (p_hop, stored))
    assert np.array_equal(whole.frame, read.frame)
    assert np.array_equal(whole.particle, read.particle)


@pytest.mark.parametrize(
    ("soft_frame", "column", "shift"),
    [("start", "start_frame", 0), ("crossing", "first_frame", 1), ("before_peak", "peak_frame", 1)],
)
@pytest.mark.parametrize("lead", [0, 3])
def test_soft_examples_stand_where_they_were_asked_for(hopping, soft_frame, column, shift, lead):
    _, events = hopping
    rule = selection(soft_frame=soft_frame, lead=lead)
    found = soft_examples(rule, events, np.arange(60), [(0, 2000)])
    moving = rearrangements(events)
    whole = moving["complete"].values & (moving[column].values - shift - lead >= 0)
    assert np.array_equal(found[:, 0], moving[column].values[whole] - shift - lead)
    assert np.array_equal(found[:, 1], moving["particle"].values[whole])


def test_the_default_soft_structure_precedes_all_motion(hopping):
    _, events = hopping
    found = soft_examples(selection(), events, np.arange(60), [(0, 2000)])
    moving = rearrangements(events)
    moving = moving.isel(event=np.flatnonzero(moving["complete"].values))
    assert (found[:, 0] == moving["first_frame"].values - 5).all()


def test_the_set_is_balanced_sorted_and_of_the_chosen_particles(hopping):
    p_hop, events = hopping
    particles = np.arange(0, 60, 2)
    chosen = select_training_set(selection(), events, p_hop, particles=particles)
    assert len(chosen) == 200
    assert chosen.n_per_class == 100
    assert np.count_nonzero(chosen.label == 1) == np.count_nonzero(chosen.label == -1) == 100
    assert np.array_equal(np.lexsort((chosen.label, chosen.particle, chosen.frame)), np.arange(200))
    assert np.isin(chosen.particle, particles).all()
    assert chosen.to_dict()["n_available"] == chosen.n_available
    assert chosen.to_dict()["selected_per_class"] == 100


def test_hard_particles_are_quiet_all_through_their_stretch(hopping):
    p_hop, events = hopping
    chosen = select_training_set(selection(hard_frame="end"), events, p_hop)
    for t, i in zip(chosen.frame[chosen.label < 0], chosen.particle[chosen.label < 0], strict=True):
        assert (p_hop[t - 79 : t + 1, i] < 0.02).all()


def test_the_seed_decides_the_choice(hopping):
    p_hop, events = hopping
    one, same, other = (select_training_set(selection(seed=s), events, p_hop) for s in (1, 1, 2))
    assert np.array_equal(one.frame, same.frame)
    assert not np.array_equal(one.frame, other.frame)


def test_examples_stay_inside_their_segments(hopping):
    p_hop, events = hopping
    segments = [(0, 500), (700, 1100), (1300, 2000)]
    chosen = select_training_set(
        selection(n_per_class=None, min_per_class=20), events, p_hop, segments=segments
    )
    starts, stops = np.array(segments).T
    assert (chosen.frame >= starts[chosen.segment]).all()
    assert (chosen.frame < stops[chosen.segment]).all()
    assert set(chosen.segment.tolist()) == {0, 1, 2}


def test_as_many_as_available_is_the_smaller_class(hopping):
    p_hop, events = hopping
    chosen = select_training_set(selection(n_per_class=None, min_per_class=1), events, p_hop)
    assert chosen.n_per_class == min(chosen.n_available.values())
    fewer = select_training_set(selection(n_per_class=10**6, min_per_class=1), events, p_hop)
    assert fewer.n_per_class == chosen.n_per_class


def test_too_few_rearrangements_are_told_in_numbers(hopping):
    p_hop, events = hopping
    n = len(soft_examples(selection(), events, np.arange(60), [(0, 2000)]))
    message = (
        f"The training set asks for 6000 rearranging particles; only {n} rearrange at T = 0.42 with "
        "`rearrangement_threshold` = 0.2. Lower `n_per_class` or add frames."
    )
    with pytest.raises(TooFewEventsError, match=re.escape(message)):
        select_training_set(selection(n_per_class=6000), events, p_hop, temperature=0.42)


def test_too_few_quiet_particles_are_told_in_numbers(hopping):
    p_hop, events = hopping
    message = r"asks for 100 quiet particles; only 0 stay below `quiet_threshold` = 0.02 for `quiet_time` = 1999 frames\."
    with pytest.raises(TooFewEventsError, match=message):
        select_training_set(selection(quiet_time=1999), events, p_hop)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"soft_frame": "peak"}, "`soft_frame` must be one of start, crossing, before_peak; it is 'peak'"),
        ({"hard_frame": "last"}, "`hard_frame` must be one of middle, end, start; it is 'last'"),
        ({"quiet_time": 0}, "`quiet_time` must be a whole number of at least 1; it is 0"),
        ({"quiet_time": 1.5}, "`quiet_time` must be a whole number of at least 1; it is 1.5"),
        ({"lead": -1}, "`lead` must be a whole number of at least 0; it is -1"),
        ({"quiet_threshold": 0.0}, "`quiet_threshold` must be positive; it is 0.0"),
        ({"min_per_class": 200}, "`min_per_class` = 200 is more than `n_per_class` = 100"),
    ],
)
def test_rules_that_cannot_be_meant_are_refused(change, message):
    with pytest.raises(ParameterError, match=message):
        selection(**change)


def test_ranges_and_particles_must_exist(hopping):
    p_hop, events = hopping
    with pytest.raises(ParameterError, match=r"ranges \(start, stop\) within 0 … 2000"):
        select_training_set(selection(), events, p_hop, segments=[(0, 2001)])
    with pytest.raises(ParameterError, match="`segments` must not overlap"):
        select_training_set(selection(), events, p_hop, segments=[(500, 900), (0, 501)])
    with pytest.raises(ShapeError, match="`particles` must lie in 0 … 59; they reach 3 … 60"):
        select_training_set(selection(), events, p_hop, particles=[3, 60])


def test_staggered_quiet_stretches_are_quiet_disjoint_and_spread_over_time():
    rng = np.random.default_rng(3)
    p_hop = np.where(rng.uniform(size=(400, 50)) < 0.001, 0.1, 0.001)
    rows = hard_examples(selection(stagger=True, hard_frame="start"), p_hop, np.arange(50), [(0, 400)])
    assert all((p_hop[t : t + 80, i] < 0.02).all() for t, i, _ in rows)
    for i in range(50):
        begins = np.sort(rows[rows[:, 1] == i, 0])
        assert (np.diff(begins) >= 80).all()
    assert len(np.unique(rows[:, 0])) > 60
