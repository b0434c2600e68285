"""Units of work on several cores, with workers that never outlive their driver."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from vitrify.errors import EngineError, ParameterError, StoreBusyError

Unit = TypeVar("Unit")
Result = TypeVar("Result")
EXECUTORS = ("serial", "processes")
_PR_SET_PDEATHSIG = 1


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def map_units(
    work: Callable[[Unit], Result],
    units: Sequence[Unit],
    *,
    executor: str = "processes",
    workers: int | None = None,
    done: Callable[[int, Result], None] | None = None,
    poll: Callable[[], None] | None = None,
) -> list[Result]:
    """Apply `work` to every unit and return the results in the order of `units`.

    Units are started in the given order; put long ones first. `work` must be importable (a module-level function or a
    partial of one).

    Parameters
    ----------
    work : callable
    units : sequence
    executor : {"processes", "serial"}
    workers : int, optional
        Number of processes; all cores by default. Each runs one numba thread, so workers times threads is the cores.
    done : callable, optional
        ``done(index, result)``, called in the driver as each unit ends.
    poll : callable, optional
        Called in the driver every half second and after each unit, to look how far the workers are.

    Raises
    ------
    ParameterError
        For an unknown executor.
    EngineError
        If a worker died (killed, out of memory); finished units stay finished.

    Examples
    --------
    >>> map_units(abs, [-1, 2], executor="serial")
    [1, 2]
    """
    if executor not in EXECUTORS:
        raise ParameterError(f"No executor is called '{executor}'. Known: {', '.join(EXECUTORS)}.")
    workers = min(workers or available_cores(), max(1, len(units)))
    if executor == "serial" or workers == 1:
        results = []
        for k, unit in enumerate(units):
            results.append(work(unit))
            if done is not None:
                done(k, results[-1])
            if poll is not None:
                poll()
        return results
    return _map_processes(work, units, workers, done, poll)


def _map_processes(
    work: Callable[[Unit], Result],
    units: Sequence[Unit],
    workers: int,
    done: Callable[[int, Result], None] | None,
    poll: Callable[[], None] | None,
) -> list[Result]:
    results: dict[int, Result] = {}
    pool = ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=start_worker, initargs=(os.getpid(),)
    )
    try:
        futures: dict[Future[Result], int] = {pool.submit(work, unit): k for k, unit in enumerate(units)}
        pending = set(futures)
        while pending:
            finished, pending = wait(pending, timeout=0.5, return_when=FIRST_COMPLETED)
            for future in finished:
                k = futures[future]
                results[k] = future.result()
                if done is not None:
                    done(k, results[k])
            if poll is not None:
                poll()
    except BrokenProcessPool as error:
        raise EngineError(
            "A worker process died (killed, or out of memory). What was finished is kept; repeat the same command to go on, "
            "with fewer `workers` if memory was the reason."
        ) from error
    finally:
        _end(pool, finished=len(results) == len(units))
    return [results[k] for k in range(len(units))]


def _end(pool: ProcessPoolExecutor, finished: bool) -> None:
    """Let idle workers go; stop those that still work on what nobody waits for any more."""
    working = [] if finished else list((pool._processes or {}).values())  # the pool forgets them in shutdown
    pool.shutdown(wait=finished, cancel_futures=True)
    for process in working:
        process.terminate()


def start_worker(driver: int) -> None:
    """One thread per worker, and death together with the driver."""
    import threading
    import time

    if sys.platform == "linux":  # the kernel does it even while a worker is inside compiled code
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.environ.setdefault("OMP_NUM_THREADS", "1")

    def follow() -> None:
        while os.getppid() == driver:
            time.sleep(0.2)
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
    limit_threads(1)


def limit_threads(n: int) -> None:
    """Let numba kernels of this process use `n` threads."""
    import numba

    most: int = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    numba.set_num_threads(min(n, most))


@contextmanager
def lock_folder(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Hold a folder for this process; the lock vanishes with the process, however it ends.

    Raises
    ------
    StoreBusyError
        If another process holds it.
    """
    import fcntl

    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    with open(path / ".lock", "a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            handle.seek(0)
            holder = handle.read().strip() or "unknown"
            raise StoreBusyError(
                f"{path} is in use by process {holder}. Wait for it to end, or choose another --out."
            ) from error
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield
