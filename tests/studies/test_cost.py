"""What a study is said to cost."""

import numpy as np
import pytest

from vitrify.studies.cost import cost_of, minutes_in_words, print_cost
from vitrify.studies.settings import SoftnessSettings, load_settings

from .conftest import RAW


def cost(settings: SoftnessSettings, k: int = 1):
    return cost_of(settings, settings.state_points[k])


def test_cost_is_proportional_to_particles_and_frames():
    anew = {"equilibrate": True}
    base = load_settings("study", overrides=anew)
    twice = load_settings("study", overrides={"simulation": {"n_particles": 8192}, **anew})
    assert cost(twice).core_seconds == pytest.approx(2 * cost(base).core_seconds)
    assert cost(twice).gigabytes == pytest.approx(2 * cost(base).gigabytes)
    points = [{**p.model_dump(), "frames": 2 * p.frames} for p in base.state_points]
    longer = load_settings("study", overrides={"state_points": points, **anew})
    assert cost(longer).frames == 2 * cost(base).frames
    assert cost(longer).gigabytes == pytest.approx(2 * cost(base).gigabytes)
    assert cost(base).core_seconds < cost(longer).core_seconds < 2 * cost(base).core_seconds, (
        "one equilibration"
    )


def test_gigabytes_are_those_of_thermal_and_inherent_positions_and_p_hop():
    demo = load_settings("demo")
    point = demo.state_points[1]
    assert cost(demo).gigabytes == pytest.approx(point.frames * 1000 * 7 * 8 / 1e9)


def test_shipped_starts_spare_the_equilibration_and_a_flag_asks_for_it():
    shipped, anew = load_settings("demo"), load_settings("demo", overrides={"equilibrate": True})
    assert cost(anew).core_seconds > 2 * cost(shipped).core_seconds


def test_the_trajectory_that_is_trained_on_gets_no_softness():
    training = load_settings("study").state_points[0]
    test = training.model_copy(update={"replica": 0, "training": False})
    settings = load_settings("study")
    assert cost_of(settings, training).core_seconds < cost_of(settings, test).core_seconds


def test_a_planted_liquid_costs_next_to_nothing():
    settings = SoftnessSettings.model_validate(RAW)
    assert cost(settings).gigabytes == pytest.approx(130 * 243 * 56 / 1e9)
    assert cost(settings).core_seconds < 5


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (3.0, "1 minutes"),
        (3600.0, "60 minutes"),
        (6 * 3600.0, "360 minutes (6 hours)"),
        (10 * 86400.0, "14400 minutes (10 days)"),
    ],
)
def test_long_times_are_also_said_in_hours_or_days(seconds, words):
    assert minutes_in_words(seconds) == words


def test_the_table_adds_up(capsys):
    settings = load_settings("demo")
    print_cost(settings, workers=3)
    rows = [line.strip("│ \n").split("│") for line in capsys.readouterr().out.splitlines() if "│" in line]
    cells = np.array([[float(c) for c in row[1:]] for row in rows])
    assert [row[0].strip() for row in rows] == [*(p.label for p in settings.state_points), "all"]
    assert cells[:-1].sum(axis=0) == pytest.approx(cells[-1], abs=0.05 * len(rows))
