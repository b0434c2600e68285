"""Drivers, workers and schedulers that are killed while a stage is filled: nothing is lost, and every way gives the same bits."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from vitrify.parallel import Workforce
from vitrify.particles import Box
from vitrify.particles.layout import Layout, thermal_arrays
from vitrify.particles.trajectory import Trajectory
from vitrify.progress import Silent
from vitrify.rearrangements.p_hop import PHop
from vitrify.studies.dynamics import add_p_hop, p_hop_unit
from vitrify.studies.filling import fill
from vitrify.studies.work import work_on_store
from vitrify.units import LJ

pytest.importorskip("distributed")
needs_proc = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="looks at processes through /proc"
)
FRAMES, PER_UNIT, N = 120, 10, 40
WINDOW = 6
DRIVER = """
import sys, time
from vitrify.errors import VitrifyError
from vitrify.parallel import Workforce
from vitrify.particles.trajectory import Trajectory
from vitrify.progress import Silent
from vitrify.rearrangements.p_hop import PHop
from vitrify.studies.dynamics import p_hop_unit
from vitrify.studies.filling import fill

def slowly(job):
    time.sleep(0.15)
    p_hop_unit(job)

if __name__ == "__main__":
    store, executor, scheduler = sys.argv[1:]
    force = Workforce(executor, 2, scheduler or None)
    try:
        fill(Trajectory.open(store), "p_hop", "", Silent(), force, slowly, PHop(6), "thermal")
    except VitrifyError as error:
        sys.exit(f"{type(error).__name__}: {error}")
"""


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A random walk whose p_hop waits to be filled."""
    path, rng = tmp_path / "walk.zarr", np.random.default_rng(7)
    walk = rng.normal(scale=0.2, size=(FRAMES, N, 3)).cumsum(axis=0)
    layout = Layout(FRAMES, np.zeros(N, np.int64), ("A",), frames_per_unit=PER_UNIT)
    trajectory, box = Trajectory.create(path, layout), Box.orthorhombic([5.0] * 3)
    trajectory.add_stage("thermal", thermal_arrays(LJ))
    for unit, (a, b) in enumerate(trajectory.units()):
        values = {
            "position": walk[a:b],
            "time": np.arange(a, b, dtype=float),
            "box_vectors": np.repeat(box.vectors[None], b - a, axis=0),
            "box_origin": np.zeros((b - a, 3)),
        }
        trajectory.write("thermal", unit, values)
    add_p_hop(trajectory, PHop(WINDOW), Silent(), "thermal")
    return path


def fill_p_hop(store: Path, force: int | Workforce | None) -> None:
    fill(Trajectory.open(store), "p_hop", "", Silent(), force, p_hop_unit, PHop(WINDOW), "thermal")


def hashes(store: Path) -> dict[str, str]:
    """Content hash of every unit that is done."""
    entries = sorted((store / "manifest" / "p_hop").glob("[0-9]*.json"))
    return {e.stem: json.loads(e.read_text())["sha256"]["p_hop"] for e in entries}


def in_one_piece(store: Path) -> dict[str, str]:
    """Fill the rest in this process; what is done is not done again."""
    before = {e: e.stat().st_mtime_ns for e in (store / "manifest" / "p_hop").glob("[0-9]*.json")}
    fill_p_hop(store, Workforce("serial"))
    assert {e: e.stat().st_mtime_ns for e in before} == before, "what was finished is kept"
    trajectory = Trajectory.open(store)
    trajectory.verify("p_hop")
    assert np.array_equal(
        trajectory.read("p_hop"), PHop(WINDOW).compute(trajectory.positions("thermal")), equal_nan=True
    )
    begun = [
        path.name for path in store.rglob(".*.tmp")
    ]  # .UNIT.json.PROCESS.tmp; a killed one may leave its own
    assert not [name for name in begun if Path("/proc", name.split(".")[-2]).exists()], (
        "nothing is left half-written"
    )
    return hashes(store)


# -- processes that are looked at from outside -----------------------------------------------------------------------


def start(store: Path, executor: str, scheduler: str = "") -> subprocess.Popen[str]:
    """Fill the store slowly in a process with workers, all of which carry a mark."""
    script = store.parent / "driver.py"
    script.write_text(DRIVER)
    environment = {**os.environ, "VITRIFY_TEST_MARK": str(store), "NUMBA_NUM_THREADS": "1"}
    command = [sys.executable, script, store, executor, scheduler]
    return subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def marked(store: Path, word: bytes = b"") -> list[int]:
    """Living processes that carry the mark and have `word` in their command."""
    mark, found = f"VITRIFY_TEST_MARK={store}".encode(), []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (
                mark in (process / "environ").read_bytes().split(b"\0")
                and word in (process / "cmdline").read_bytes()
                and (process / "stat").read_text().rpartition(") ")[2][0] != "Z"
            ):
                found.append(int(process.name))
        except OSError:
            continue
    return found


def wait_for(condition, seconds: float = 30.0) -> bool:
    limit = time.monotonic() + seconds
    while not condition() and time.monotonic() < limit:
        time.sleep(0.02)
    return condition()


def workers_at_work(driver: subprocess.Popen[str], store: Path) -> list[int]:
    """Return the workers when the first units are done and others under way."""
    assert wait_for(lambda: driver.poll() is not None or len(hashes(store)) >= 2)
    assert driver.poll() is None, driver.stderr.read()
    assert len(hashes(store)) < FRAMES // PER_UNIT, "there is work left to lose"
    workers = marked(store, b"spawn_main")
    assert len(workers) == 2
    return workers


# -- the same bits ---------------------------------------------------------------------------------------------------


def test_processes_dask_and_shares_write_the_bits_of_one_process(store):
    expected = in_one_piece(store)
    assert len(expected) == FRAMES // PER_UNIT
    for force in (Workforce("processes", 2), Workforce("dask", 2), None):
        trajectory = Trajectory.open(store)
        trajectory.remove_stage("p_hop")
        add_p_hop(trajectory, PHop(WINDOW), Silent(), "thermal")
        if force is None:
            for k in (3, 1, 2):
                work_on_store(store, f"{k}/3", None, Silent())
        else:
            fill_p_hop(store, force)
        assert hashes(store) == expected, force


# -- killed ----------------------------------------------------------------------------------------------------------


@needs_proc
@pytest.mark.parametrize("executor", ["processes", "dask"])
def test_workers_die_with_their_driver_and_what_they_finished_is_kept(store, executor):
    with start(store, executor) as driver:
        workers_at_work(driver, store)
        driver.kill()
    assert wait_for(lambda: not marked(store), seconds=5.0)
    kept = hashes(store)
    assert 2 <= len(kept) < FRAMES // PER_UNIT
    assert kept.items() <= in_one_piece(store).items()


@needs_proc
def test_a_killed_dask_worker_costs_nothing_but_time(store):
    with start(store, "dask") as driver:
        os.kill(workers_at_work(driver, store)[0], signal.SIGKILL)
        _, said = driver.communicate(timeout=60)
    assert (driver.returncode, said) == (0, "")
    assert wait_for(lambda: not marked(store), seconds=5.0)
    assert len(hashes(store)) == FRAMES // PER_UNIT
    in_one_piece(store)


@needs_proc
def test_a_killed_worker_process_ends_the_command_which_is_then_repeated(store):
    with start(store, "processes") as driver:
        os.kill(workers_at_work(driver, store)[0], signal.SIGKILL)
        _, said = driver.communicate(timeout=60)
    assert driver.returncode == 1
    assert said.startswith("EngineError: A worker process died")
    assert wait_for(lambda: not marked(store), seconds=5.0)
    assert len(hashes(store)) >= 2
    in_one_piece(store)


@needs_proc
def test_a_lost_dask_scheduler_is_said_and_what_was_finished_is_kept(store, tmp_path):
    file = tmp_path / "scheduler.json"
    environment = {**os.environ, "NUMBA_NUM_THREADS": "1"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment, "cwd": tmp_path}
    dask, there = [sys.executable, "-m", "dask"], ["--scheduler-file", str(file), "--no-dashboard"]
    (tmp_path / "elsewhere").mkdir()
    with subprocess.Popen([*dask, "scheduler", "--port", "0", *there], **quiet) as scheduler:
        elsewhere = quiet | {"cwd": tmp_path / "elsewhere"}
        with subprocess.Popen(
            [*dask, "worker", "--nthreads", "1", "--no-nanny", *there], **elsewhere
        ) as worker:
            try:
                assert wait_for(file.exists)
                with start(store, "dask", json.loads(file.read_text())["address"]) as driver:
                    assert wait_for(lambda: len(hashes(store)) >= 2)
                    scheduler.kill()
                    _, said = driver.communicate(timeout=60)
                assert driver.returncode == 1
                assert said.startswith("EngineError: The dask scheduler at tcp://")
                assert "is gone. What was finished is kept" in said
                assert len(said.splitlines()) == 1, "dask's own log stays off the terminal"
                assert not marked(store)
            finally:
                scheduler.kill()
                worker.kill()
    kept = hashes(store)
    assert 2 <= len(kept) < FRAMES // PER_UNIT
    assert kept.items() <= in_one_piece(store).items()
