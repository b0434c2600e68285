"""p_hop and events of a study, and the frames and rearrangements that its statistics may use."""

import numpy as np
import pytest

from vitrify.errors import ConfigurationError, TooFewEventsError
from vitrify.particles.layout import inherent_values
from vitrify.progress import Silent
from vitrify.rearrangements.events import at_risk, rearrangements
from vitrify.rearrangements.p_hop import PHop
from vitrify.studies.dynamics import (
    add_p_hop,
    events_of,
    find_events,
    make_events,
    p_hop_all,
    p_hop_unit,
    require_rearrangements,
    require_statistics,
    sampled_frames,
    starts,
    usable_frames,
)
from vitrify.studies.settings import SoftnessSettings

from .conftest import POINT, RAW


def other_settings(**changes) -> SoftnessSettings:
    return SoftnessSettings.model_validate({**RAW, **changes})


def rewrite_inherent(trajectory, **values):
    """Write the stage "inherent" again with other positions or flags."""
    positions = values.pop("positions", trajectory.positions("inherent"))
    for unit, (a, b) in enumerate(trajectory.units()):
        rest = {name: array[a:b] for name, array in values.items()}
        trajectory.write("inherent", unit, inherent_values(positions[a:b], **rest))


def test_p_hop_computed_unit_by_unit_is_that_of_the_whole_trajectory(place):
    for point in place.settings.state_points:
        trajectory = place.trajectory(point)
        whole = PHop(10).compute(trajectory.positions("inherent"))
        assert np.array_equal(trajectory.read("p_hop"), whole, equal_nan=True)


def test_what_is_there_is_not_computed_again_and_what_is_missing_is(place, monkeypatch):
    def counted(job):
        units.append(job[1])
        p_hop_unit(job)

    units: list[int] = []
    monkeypatch.setattr("vitrify.studies.dynamics.p_hop_unit", counted)
    before = place.trajectory(place.settings.training_point).read("p_hop")
    p_hop_all(place, Silent(), workers=1)
    assert units == []
    trajectory = place.trajectory(place.settings.training_point)
    (trajectory.path / "manifest" / "p_hop" / "000002.json").unlink()
    p_hop_all(place, Silent(), workers=1)
    assert units == [2]
    assert np.array_equal(
        place.trajectory(place.settings.training_point).read("p_hop"), before, equal_nan=True
    )


def test_another_window_replaces_p_hop_and_its_events_and_says_so(place, notes):
    point = place.settings.training_point
    before = events_of(place, point)
    add_p_hop(place.trajectory(point), PHop(6), notes)
    assert [said.rpartition(": ")[2] for said in notes.said] == [
        "'p_hop' was made with other parameters and is made anew"
    ]
    assert not place.trajectory(point).is_done("p_hop", 0)
    add_p_hop(place.trajectory(point), PHop(6), notes)
    assert len(notes.said) == 1, "nothing is thrown away twice"
    p_hop_all(place, Silent(), workers=1)
    assert events_of(place, point).identical(before)


def test_events_are_kept_beside_the_store_until_a_threshold_changes(place, monkeypatch):
    point = place.settings.training_point
    trajectory, table = place.trajectory(point), place.table(point, "events")
    first = find_events(trajectory, make_events(place.settings), table)
    written = table.read_bytes()
    finder = make_events(other_settings(rearrangements={"event_threshold": 0.1}))
    other = find_events(trajectory, finder, table)
    assert other.attrs["event_threshold"] == 0.1
    assert table.read_bytes() != written
    assert find_events(trajectory, make_events(place.settings), table).identical(first)
    monkeypatch.setattr("vitrify.rearrangements.events.Events.stream", None)
    assert find_events(trajectory, make_events(place.settings), table).identical(first)


def test_a_frame_that_is_not_finite_stops_p_hop_by_its_number(place):
    trajectory = place.trajectory(place.settings.training_point)
    positions = trajectory.positions("inherent")
    positions[47, 12, 2] = np.inf
    rewrite_inherent(trajectory, positions=positions)
    with pytest.raises(
        ConfigurationError, match=r"Particle 12 has a coordinate that is not finite in frame 47 of .*inherent"
    ):
        p_hop_unit((trajectory.path, 1, PHop(10), "inherent"))


# -- what statistics may use -----------------------------------------------------------------------------------------


def test_usable_frames_leave_room_for_an_event_to_be_seen_from_beginning_to_end(settings):
    assert usable_frames(settings, 130) == (1, 100)
    assert usable_frames(settings, 20) == (1, 1)


def test_sampled_frames_are_usable_quenched_and_a_stride_apart(place):
    trajectory = place.trajectory(place.settings.test_points[0])
    assert sampled_frames(place.settings, trajectory).tolist() == list(range(1, 100, 5))
    converged = np.ones(130, np.int8)
    converged[[6, 7, 96]] = 0
    rewrite_inherent(trajectory, converged=converged)
    kept = [k for k in range(1, 100, 5) if k not in (6, 96)]
    assert sampled_frames(place.settings, trajectory).tolist() == kept


def test_starts_are_rearrangements_of_the_centre_species_at_risk_each_once(place):
    point = place.settings.test_points[-1]
    trajectory, events = place.trajectory(point), events_of(place, point)
    found = starts(place.settings, trajectory, events)
    assert found.sizes["event"] > 20
    frame, particle = found["start_frame"].values, found["particle"].values
    assert (found["p_hop_max"] > 0.2).all()
    assert found["start_seen"].all()
    assert (trajectory.species[particle] == 0).all()
    assert frame.min() >= 1
    assert frame.max() < 100
    moving = rearrangements(events)
    naive = 0
    for k in range(moving.sizes["event"]):
        start, who = int(moving["start_frame"][k]), int(moving["particle"][k])
        seen = bool(moving["start_seen"][k]) and 1 <= start < 100 and trajectory.species[who] == 0
        naive += seen and bool(at_risk(events, [start], trajectory.n_particles)[0, who])
    assert found.sizes["event"] == naive


def test_a_start_in_a_frame_that_did_not_converge_is_left_out(place):
    point = place.settings.test_points[-1]
    trajectory, events = place.trajectory(point), events_of(place, point)
    before = starts(place.settings, trajectory, events)
    lost = int(before["start_frame"][0])
    converged = np.ones(130, np.int8)
    converged[lost] = 0
    rewrite_inherent(trajectory, converged=converged)
    after = starts(place.settings, trajectory, events)
    assert after["start_frame"].values.tolist() == [k for k in before["start_frame"].values if k != lost]


# -- refusals --------------------------------------------------------------------------------------------------------


def test_a_study_whose_particles_rearrange_is_accepted(place):
    require_rearrangements(place)
    require_statistics(place)


def test_a_temperature_at_which_nothing_rearranges_is_named(place):
    point = place.settings.test_points[-1]
    trajectory = place.trajectory(point)
    still = np.repeat(trajectory.positions("inherent", 0, 1), 130, axis=0)
    rewrite_inherent(trajectory, positions=still)
    trajectory.remove_stage("p_hop")
    p_hop_all(place, Silent(), workers=1)
    with pytest.raises(
        TooFewEventsError, match=r"Nothing rearranges at T = 0\.8: none of 0 events in 130 frames of 243"
    ):
        require_rearrangements(place)


def test_a_trajectory_without_a_usable_frame_is_refused(place, monkeypatch):
    monkeypatch.setattr(type(place.trajectory(place.settings.training_point)), "n_frames", 31)
    with pytest.raises(TooFewEventsError, match=r"T = 0\.65 has 31 frames; statistics need at least 32"):
        require_statistics(place)


def test_frames_that_never_converged_are_refused(place):
    rewrite_inherent(place.trajectory(place.settings.test_points[1]), converged=np.zeros(130, np.int8))
    with pytest.raises(
        TooFewEventsError, match=r"No frame at T = 0\.8 .* Raise `max_iterations` or `force_tolerance`"
    ):
        require_statistics(place)


def test_one_start_at_the_coldest_temperature_is_not_enough(place):
    trajectory = place.trajectory(place.settings.test_points[0])
    converged = np.zeros(130, np.int8)
    converged[1] = 1
    rewrite_inherent(trajectory, converged=converged)
    n = starts(place.settings, trajectory, events_of(place, place.settings.test_points[0])).sizes["event"]
    assert n < 2
    with pytest.raises(
        TooFewEventsError, match=rf"T = 0\.65 need at least 2 .* begin in frames 1 to 99; there are {n}\."
    ):
        require_statistics(place)


def test_a_trajectory_shorter_than_the_window_is_refused(place):
    settings = other_settings(
        state_points=[
            {**POINT, "frames": 40, "temperature": 0.65 + k / 10, "training": k == 0} for k in range(2)
        ],
        rearrangements={"window": 200},
    )
    short = type(place)(place.out.parent / "short", settings)
    from vitrify.studies.simulate import simulate_all

    simulate_all(short, Silent(), workers=1)
    with pytest.raises(
        ValueError, match=r"p_hop needs at least `window` = 200 frames; this trajectory has 40"
    ):
        p_hop_all(short, Silent(), workers=1)
