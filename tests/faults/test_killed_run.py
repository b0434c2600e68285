"""A study that is killed, again and again, ends with the bits of one that was left alone."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import zarr

SETTINGS = """
scale = "dryrun"

[simulation]
engine = "dryrun"
frames_per_unit = 20
planted = { n_clusters = 27, e0 = 3.0, e1 = 1.2, sigma0 = 0.4, sigma1 = 1.5 }

[training]
descriptors = { name = "radial_density", radii = [1.1, 1.5] }
quiet_time = 20
n_per_class = 1000
min_per_class = 10

[statistics]
stride = 5
bins = 5
resamples = 20
"""
POINT = "\n[[state_points]]\ntemperature = {}\nframes = 80\nhold_time = 1.0\nreplica = {}\ntraining = {}\n"
POINTS = ((0.65, 1, "true"), (0.65, 0, "false"), (0.8, 0, "false"))
N_KILLS = 5
VITRIFY = Path(sys.executable).with_name("vitrify")

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="looks at processes through /proc"
)


def start(folder: Path) -> subprocess.Popen[str]:
    """Begin the study in `folder`, in a session of its own and with a mark that its workers inherit."""
    folder.mkdir(exist_ok=True)
    (folder / "settings.toml").write_text(SETTINGS + "".join(POINT.format(*p) for p in POINTS))
    command = [VITRIFY, "run", "softness", "--settings", "settings.toml", "--out", "study", "--workers", "2"]
    environment = {**os.environ, "VITRIFY_TEST_MARK": str(folder), "NUMBA_NUM_THREADS": "1"}
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def alive(folder: Path) -> list[int]:
    """Processes, driver or worker, that carry the mark of `folder` and are no zombies."""
    mark, found = f"VITRIFY_TEST_MARK={folder}".encode(), []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            marked = mark in (process / "environ").read_bytes().split(b"\0")
            if marked and (process / "stat").read_text().rpartition(") ")[2][0] != "Z":
                found.append(int(process.name))
        except OSError:
            continue
    return found


def wait_until_gone(folder: Path, seconds: float = 10.0) -> list[int]:
    deadline = time.monotonic() + seconds
    while (left := alive(folder)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def finish(folder: Path) -> float:
    """Let the command end and return how long it worked."""
    with start(folder) as driver:
        wait_until_it_works(driver, folder)
        begun = time.monotonic()
        _, said = driver.communicate(timeout=300)
    assert driver.returncode == 0, said
    return time.monotonic() - begun


def wait_until_it_works(driver: subprocess.Popen[str], folder: Path) -> None:
    """Return when the driver holds its folder: Python is up, and work begins or goes on."""
    lock = folder / "study" / ".lock"
    while driver.poll() is None and not (lock.exists() and lock.read_text() == str(driver.pid)):
        time.sleep(0.02)


def kill_after(seconds: float, driver: subprocess.Popen[str]) -> bool:
    """Kill the driver, and nobody else, after so long; whether it was still there."""
    try:
        driver.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        driver.kill()
    driver.stderr.read()
    return driver.wait() == -signal.SIGKILL


def files(folder: Path) -> dict[str, bytes]:
    """Every file that is a result: not a lock, nor what a killed process was writing, nor states to go on from."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != ".lock" and not p.name.endswith((".tmp", ".part", ".partial"))
    }


def arrays(folder: Path) -> dict[str, bytes]:
    """Every array of every store, decoded."""
    found = {}
    for store in sorted(folder.rglob("*.zarr")):
        for name, array in zarr.open_group(store, mode="r").arrays():
            found[f"{store.relative_to(folder)}/{name}"] = np.asarray(array[:]).tobytes()
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> tuple[Path, float]:
    """The study left alone, and how long it takes."""
    folder = tmp_path_factory.mktemp("undisturbed") / "here"
    return folder, finish(folder)


@needs_proc
def test_killed_at_five_moments_and_repeated_a_study_has_the_same_bits(undisturbed, tmp_path):
    """One moment in each fifth of the work; the work that is done stays done, so the gaps between them count."""
    whole, duration = undisturbed
    draw, folder, killed, before = random.Random(2016), tmp_path / "killed", 0, 0.0
    for k in range(N_KILLS):
        moment = (k + draw.random()) / N_KILLS * duration
        with start(folder) as driver:
            wait_until_it_works(driver, folder)
            killed += kill_after(moment - before, driver)
        assert not wait_until_gone(folder), "workers end with their driver"
        before = moment
    finish(folder)
    assert killed > 0
    expected, found = files(whole / "study"), files(folder / "study")
    assert found.keys() == expected.keys()
    assert [name for name in expected if found[name] != expected[name]] == []
    assert {"report.html", "softness.json", "settings.json", "results/results.json"} < expected.keys()
    assert sum(name.startswith("figures/") for name in expected) > 20
    expected, found = arrays(whole / "study"), arrays(folder / "study")
    assert len(expected) == len(POINTS) * len({name.rpartition("/")[2] for name in expected}) - 1
    assert found == expected


@needs_proc
def test_an_interrupt_ends_everybody_with_a_line_of_words(tmp_path):
    """Control-C reaches the driver and all its workers at once, as from a terminal."""
    folder = tmp_path / "interrupted"
    with start(folder) as driver:
        deadline = time.monotonic() + 60.0
        while len(alive(folder)) < 3 and time.monotonic() < deadline:
            time.sleep(0.02)
        os.killpg(driver.pid, signal.SIGINT)
        _, said = driver.communicate(timeout=60)
    assert driver.returncode == 130
    assert not wait_until_gone(folder)
    assert "Interrupted. What was finished is kept; repeat the same command to go on." in said
