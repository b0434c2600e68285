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
from vitrify.errors import (
    EngineError,
    MissingExtraError,
    ParameterError,
    StoreBusyError,
    StoreError,
    UnknownNameError,
)
from vitrify.parallel import Workforce, available_cores, lock_folder, lock_shard, lock_unit, map_units

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
    with pytest.raises(
        ParameterError, match=r"No executor is called 'mpi'\. Known: serial, processes, dask\."
    ):
        map_units(abs, [1], executor="mpi")
    with pytest.raises(ParameterError, match=r"Only the executor 'dask' has a scheduler; .* is 'processes'"):
        Workforce("processes", scheduler="tcp://127.0.0.1:8786")


def test_a_workforce_goes_where_a_number_of_workers_goes():
    assert map_units(lambda _: os.getpid(), [1, 2], workers=Workforce("serial", 2)) == [os.getpid()] * 2
    assert os.getpid() not in map_units(eval, ["__import__('os').getpid()"] * 2, workers=Workforce(workers=2))


# -- dask ------------------------------------------------------------------------------------------------------------


def test_dask_gives_the_same_in_the_order_of_the_units_and_says_nothing(capfd):
    pytest.importorskip("distributed")
    units, seen, polls = [float(k) for k in range(9, 0, -1)], {}, []
    work = functools.partial(math.pow, 1.1)
    poll = functools.partial(polls.append, None)
    results = map_units(work, units, executor="dask", workers=2, done=seen.__setitem__, poll=poll)
    assert results == [1.1**u for u in units]
    assert seen == dict(enumerate(results))
    assert polls
    assert capfd.readouterr() == ("", "")


def test_errors_arrive_from_dask_as_themselves_and_units_may_be_anything(capfd):
    """A tuple with a function in front is a task to dask, a large array a reason to warn; here both are units."""
    pytest.importorskip("distributed")
    assert map_units(len, [(abs, -1), bytes(20_000_000), "abc"], executor="dask", workers=1) == [
        2,
        20_000_000,
        3,
    ]
    with pytest.raises(UnknownNameError, match=r"No engine is called 'lamps'.*Did you mean 'lammps'"):
        map_units(ENGINES.load, ["lamps", "lammps"], executor="dask", workers=1)
    assert capfd.readouterr() == ("", "")


def test_a_unit_that_kills_its_dask_workers_is_named_and_not_tried_for_ever():
    pytest.importorskip("distributed")
    with pytest.raises(
        EngineError, match=r"3 workers died .* unit 2 of 2, 9\. What was finished is kept; look at"
    ):
        map_units(signal.raise_signal, [0, int(signal.SIGKILL)], executor="dask", workers=1)


def test_dask_needs_its_extra(monkeypatch):
    monkeypatch.setattr(parallel, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"'dask' needs 'distributed', .*vitrify\[cluster\]"):
        map_units(abs, [1], executor="dask")


def test_a_scheduler_that_does_not_answer_is_an_error(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("vitrify._dask._ANSWER", 0.5)
    with pytest.raises(
        EngineError, match=r"No dask scheduler answers at tcp://127\.0\.0\.1:1 .*check the address"
    ):
        map_units(abs, [1], workers=Workforce("dask", scheduler="tcp://127.0.0.1:1"))


def test_a_worker_that_does_not_see_the_folder_says_so(tmp_path):
    pytest.importorskip("distributed")
    from vitrify._dask import _in_worker

    with pytest.raises(
        EngineError, match=r"does not see the folder .*nowhere \(No such file or directory\)\. Driver and"
    ):
        _in_worker(str(tmp_path / "nowhere"), b"", parallel.limit_threads)


@needs_proc
def test_an_interrupt_ends_a_dask_cluster_without_a_word_from_it(tmp_path):
    """Control-C reaches driver and workers at once; one worker is inside compiled code and cannot answer."""
    pytest.importorskip("distributed")
    script = tmp_path / "driver.py"
    script.write_text(
        textwrap.dedent(
            """
            import os, sys, time
            from vitrify.parallel import map_units

            def work(sleeping):
                os.write(1, f"{os.getpid()}\\n".encode())
                time.sleep(600) if sleeping else sum(range(10**14))

            if __name__ == "__main__":
                try:
                    map_units(work, [True, False], executor="dask", workers=2)
                except KeyboardInterrupt:
                    sys.exit(130)
            """
        )
    )
    command = [sys.executable, script]
    with subprocess.Popen(command, stdout=-1, stderr=-1, text=True, start_new_session=True) as driver:
        workers = [int(driver.stdout.readline()) for _ in range(2)]
        os.killpg(driver.pid, signal.SIGINT)
        try:
            _, said = driver.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(driver.pid, signal.SIGKILL)  # or leaving the block would wait for it without end
            raise
    assert (driver.returncode, said) == (130, "")
    assert wait_until(lambda: not any(map(is_alive, workers)), seconds=5.0)


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


SHARD = HOLDER.replace(
    "with lock_folder(sys.argv[1]):",
    "with lock_folder(sys.argv[1], shared=True), lock_shard(sys.argv[1], '3/8'):",
)
SHARD = SHARD.replace("import lock_folder", "import lock_folder, lock_shard")


def test_shards_share_a_folder_and_each_is_held_once(tmp_path):
    (tmp_path / "holder.py").write_text(SHARD)
    folder = tmp_path / "run"
    with start(tmp_path / "holder.py", folder) as holder:
        assert holder.stdout.readline() == "held\n"
        with lock_folder(folder, shared=True), lock_shard(folder, "4/8"):
            pass
        with (
            pytest.raises(StoreBusyError, match=rf"Shard 3/8 in .* in use by process {holder.pid} on "),
            lock_shard(folder, "3/8"),
        ):
            pass
        busy = rf"run is in use by process {holder.pid} on .* \(shard 3/8\)\. Wait"
        with pytest.raises(StoreBusyError, match=busy), lock_folder(folder):
            pass
        holder.kill()
        holder.wait()
        with lock_folder(folder, shared=True), lock_shard(folder, "3/8"):
            pass
    with lock_folder(folder):
        assert (folder / ".lock").read_text() == str(os.getpid())
    assert [p.name for p in folder.iterdir()] == [".lock"]


def test_a_driver_keeps_shards_out(tmp_path):
    with (
        lock_folder(tmp_path),
        pytest.raises(StoreBusyError, match=f"in use by process {os.getpid()}"),
        lock_folder(tmp_path, shared=True),
    ):
        pass


def test_a_unit_is_waited_for(tmp_path):
    (tmp_path / "holder.py").write_text(
        HOLDER.replace("lock_folder", "lock_unit").replace("time.sleep(600)", "time.sleep(0.4)")
    )
    with start(tmp_path / "holder.py", tmp_path / "unit") as holder:
        assert holder.stdout.readline() == "held\n"
        begun = time.monotonic()
        with lock_unit(tmp_path / "unit"):
            assert time.monotonic() - begun > 0.2
            assert (tmp_path / "unit").exists()
    assert not (tmp_path / "unit").exists()


def test_a_file_system_without_locks_is_named(tmp_path, monkeypatch):
    import errno
    import fcntl

    def no_locks(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with (
        pytest.raises(StoreError, match=r"\.lock cannot be locked \(No locks available\)\. Work in a folder"),
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
