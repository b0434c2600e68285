import pytest

from vitrify.cli import console
from vitrify.cli.console import Bars, Lines, complain, make_progress
from vitrify.errors import SettingsError, UnknownNameError
from vitrify.progress import Silent


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is set."""
    now = [0.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    return now


def test_silent_progress_says_nothing(capfd):
    progress = Silent()
    with progress.step("Simulating", 10, "frames") as update:
        update(5)
        update(10)
    progress.note("remark")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("progress", [Silent, Lines, Bars])
def test_errors_inside_a_step_pass_through(progress, capfd):
    def stop():
        raise RuntimeError("LAMMPS stopped")

    with pytest.raises(RuntimeError, match="LAMMPS stopped"), progress().step("Simulating", 10):
        stop()


def test_lines_say_when_a_step_begins_and_ends(capfd, clock):
    with Lines().step("Simulating", 100.0) as update:
        clock[0] = 3.2
        update(100)
    assert capfd.readouterr().err.splitlines() == ["Simulating: 100 frames", "Simulating: done in 3 s"]


def test_lines_say_how_long_it_still_takes(capfd, clock):
    with Lines().step("Quenching", 100, "frames") as update:
        update(20)  # done by an earlier call
        clock[0] = 1.0
        update(25)
        clock[0] = 20.0
        update(60)
        clock[0] = 25.0
        update(70)
    lines = capfd.readouterr().err.splitlines()
    assert lines[1:-1] == ["Quenching: 60 of 100 frames after 20 s, about 20 s left"]


def test_lines_do_not_guess_from_nothing(capfd, clock):
    with Lines().step("Quenching", 100) as update:
        clock[0] = 16.0
        update(0)
    assert "Quenching: 0 of 100 frames after 16 s\n" in capfd.readouterr().err


def test_bars_show_the_step_and_the_notes(capfd):
    bars = Bars()
    with bars.step("Simulating", 10, "frames") as update:
        update(4)
        update(10)
    bars.note("T = 0.47 [was] held :fire:")
    err = capfd.readouterr().err
    assert "10/10" in err
    assert "[was] held :fire:" in err


def test_a_log_gets_lines_and_a_terminal_bars(monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: False, raising=False)
    assert isinstance(make_progress(), Lines)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert isinstance(make_progress(), Bars)


def test_a_complaint_is_one_paragraph_in_the_words_of_the_error(capfd):
    message = "runs/[old]/a:x:b: there is no setting `tau`. " + "long " * 60
    complain(SettingsError(message))
    complain(UnknownNameError("engine", "lamps", ["lammps"]))
    out, err = capfd.readouterr()
    assert out == ""
    assert err.splitlines()[0] == f"vitrify: {message}"
    assert (
        err.splitlines()[1] == "vitrify: No engine is called 'lamps'. Known: lammps. Did you mean 'lammps'?"
    )
