import functools
import math
import operator
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from vitrify import parallel
from vitrify.engines import ENGINES
from vitrify.errors import EngineError, MissingExtraError, ParameterError, StoreBusyError, UnknownNameError
from vitrify.parallel import available_cores, lock_folder, map_units

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")


def start(script: str, *arguments) -> subprocess.Popen:
    """Run a script whose output is read line by line."""
    return subprocess.Popen([sys.executable, script, *map(str, arguments)], stdout=subprocess.PIPE, text=True)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(condition, seconds: float = 20.0) -> bool:
    limit = time.monotonic() + seconds
    while not condition() and time.monotonic() < limit:
        time.sleep(0.05)
    return condition()


# -- the results -----------------------------------------------------------------------------------------------------


def test_serial_and_processes_give_the_same_in_the_order_of_the_units():
    units = [float(k) for k in range(40, 0, -1)]
    seen, polls = {}, []
    work = functools.partial(math.pow, 1.1)
    parallel_results = map_units(
        work, units, workers=2, done=seen.__setitem__, poll=functools.partial(polls.append, None)
    )
    assert parallel_results == map_units(work, units, executor="serial") == [1.1**u for u in units]
    assert seen == dict(enumerate(parallel_results))
    assert polls


def test_serial_calls_back_after_each_unit():
    calls = []
    map_units(
        abs,
        [-1, 2],
        executor="serial",
        done=lambda k, r: calls.append((k, r)),
        poll=lambda: calls.append("poll"),
    )
    assert calls == [(0, 1), "poll", (1, 2), "poll"]


def test_one_worker_or_one_unit_needs_no_process():
    assert map_units(lambda _: os.getpid(), [1, 2], workers=1) == [os.getpid()] * 2
    assert map_units(lambda _: os.getpid(), [1]) == [os.getpid()]
    assert map_units(abs, []) == []


def test_units_run_in_other_processes():
    assert os.getpid() not in map_units(eval, ["__import__('os').getpid()"] * 2, workers=2)


def test_unknown_executors_are_refused():
    with pytest.raises(ParameterError, match=r"No executor is called 'mpi'\. Known: serial, processes"):
        map_units(abs, [1], executor="mpi")


def test_no_more_cores_are_used_than_are_there():
    assert 1 <= available_cores() <= (os.cpu_count() or 1)


# -- failures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("executor", ["serial", "processes"])
def test_errors_arrive_as_themselves(executor):
    with pytest.raises(UnknownNameError, match=r"No engine is called 'lamps'.*Did you mean 'lammps'"):
        map_units(ENGINES.load, ["lamps", "lammps"], executor=executor, workers=2)


def test_every_error_of_the_library_can_travel_between_processes():
    import pickle

    for error in (
        UnknownNameError("engine", "lamps", ["lammps"]),
        MissingExtraError("Simulation", "lammps", "sim"),
    ):
        copy = pickle.loads(pickle.dumps(error))
        assert type(copy) is type(error)
        assert str(copy) == str(error)


def test_a_killed_worker_is_an_engine_error():
    with pytest.raises(EngineError, match=r"A worker process died.*repeat the same command"):
        map_units(signal.raise_signal, [signal.SIGKILL, 0], workers=2)


@needs_proc
def test_nobody_works_on_after_an_error(tmp_path):
    """The unit that fails is short, the other would take ten minutes: it must neither finish nor be waited for."""
    script = tmp_path / "driver.py"
    script.write_text(
        textwrap.dedent(
            """
            import os, pathlib, sys, time
            from vitrify.parallel import map_units

            def work(unit):
                folder, seconds = unit
                pathlib.Path(folder, str(os.getpid())).touch()
                while len(list(pathlib.Path(folder).iterdir())) < 2:
                    time.sleep(0.01)
                time.sleep(seconds)
                raise ValueError("this one")

            if __name__ == "__main__":
                map_units(work, [(sys.argv[1], 600), (sys.argv[1], 0)], workers=2)
            """
        )
    )
    (tmp_path / "pids").mkdir()
    ended = subprocess.run(
        [sys.executable, script, tmp_path / "pids"], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == "ValueError: this one"
    assert wait_until(lambda: not any(is_alive(int(p.name)) for p in (tmp_path / "pids").iterdir()))


@needs_proc
def test_workers_die_with_a_killed_driver(tmp_path):
    """One worker waits; the other is inside compiled code that lets no Python thread run, as numba kernels are."""
    script = tmp_path / "driver.py"
    script.write_text(
        textwrap.dedent(
            """
            import os, sys, time
            from vitrify.parallel import map_units

            def work(sleeping):
                sys.stdout.write(f"{os.getpid()}\\n")
                sys.stdout.flush()
                time.sleep(600) if sleeping else sum(range(10**14))

            if __name__ == "__main__":
                map_units(work, [True, False], workers=2)
            """
        )
    )
    with start(script) as driver:
        workers = [int(driver.stdout.readline()) for _ in range(2)]
        assert all(map(is_alive, workers))
        driver.kill()
        dead = wait_until(lambda: not any(map(is_alive, workers)), seconds=5.0)
        for pid in filter(is_alive, workers):
            os.kill(pid, signal.SIGKILL)
    assert dead


# -- locks -----------------------------------------------------------------------------------------------------------

HOLDER = """
import sys, time
from vitrify.parallel import lock_folder

with lock_folder(sys.argv[1]):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_folder_in_use_is_refused_by_the_pid_of_who_has_it(tmp_path):
    (tmp_path / "holder.py").write_text(HOLDER)
    with start(tmp_path / "holder.py", tmp_path / "run") as holder:
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(
                StoreBusyError, match=rf"run is in use by process {holder.pid}\. Wait for it to end"
            ),
            lock_folder(tmp_path / "run"),
        ):
            pass
        holder.kill()
        holder.wait()
        with lock_folder(tmp_path / "run"):
            assert (tmp_path / "run" / ".lock").read_text() == str(os.getpid())


def test_a_lock_ends_with_its_block(tmp_path):
    for _ in range(2):
        with lock_folder(tmp_path / "a" / "b"):
            pass
    with pytest.raises(ZeroDivisionError), lock_folder(tmp_path):
        operator.truediv(1, 0)
    with lock_folder(tmp_path), lock_folder(tmp_path / "a"):
        pass


def test_a_lock_is_not_taken_twice_by_one_process(tmp_path):
    with (
        lock_folder(tmp_path),
        pytest.raises(StoreBusyError, match=f"process {os.getpid()}"),
        lock_folder(tmp_path),
    ):
        pass


def test_kernels_of_a_worker_use_one_thread():
    import numba

    before = numba.get_num_threads()
    parallel.limit_threads(10_000)
    assert numba.get_num_threads() <= numba.config.NUMBA_NUM_THREADS
    parallel.limit_threads(1)
    assert numba.get_num_threads() == 1
    numba.set_num_threads(before)
