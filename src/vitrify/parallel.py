"""Units of work on several cores or machines, with workers that never outlive their driver."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import IO, TypeVar

from vitrify.errors import EngineError, MissingExtraError, ParameterError, StoreBusyError, StoreError

Unit = TypeVar("Unit")
Result = TypeVar("Result")
EXECUTORS = ("serial", "processes", "dask")
_PR_SET_PDEATHSIG = 1
_SHARD = ".shard"


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class Workforce:
    """Who does the units of work. Every executor gives the same bits.

    Parameters
    ----------
    executor : {"processes", "serial", "dask"}
        Processes of this machine; this process; workers of dask, here or on other machines.
    workers : int, optional
        Number of processes; all cores by default. With `scheduler`, the most of its threads to use at once.
    scheduler : str, optional
        Address of a running dask scheduler, such as "tcp://10.0.0.1:8786". Without it "dask" means a cluster that is
        made on this machine and ends with the work.

    Raises
    ------
    ParameterError
        For an unknown executor, or a scheduler for one that has none.

    Examples
    --------
    >>> Workforce.of(2)
    Workforce(executor='processes', workers=2, scheduler=None)
    >>> Workforce.of(Workforce("dask", 4)).executor
    'dask'
    """

    executor: str = "processes"
    workers: int | None = None
    scheduler: str | None = None

    def __post_init__(self) -> None:
        if self.executor not in EXECUTORS:
            raise ParameterError(f"No executor is called '{self.executor}'. Known: {', '.join(EXECUTORS)}.")
        if self.scheduler is not None and self.executor != "dask":
            raise ParameterError(
                f"Only the executor 'dask' has a scheduler; the executor is '{self.executor}'. Leave out `scheduler`, or "
                "choose 'dask'."
            )

    @classmethod
    def of(cls, workers: int | Workforce | None) -> Workforce:
        """Return what is given where either a number of processes or a `Workforce` may be."""
        return workers if isinstance(workers, Workforce) else cls(workers=workers)


def map_units(
    work: Callable[[Unit], Result],
    units: Sequence[Unit],
    *,
    executor: str = "processes",
    workers: int | Workforce | None = None,
    scheduler: str | None = None,
    done: Callable[[int, Result], None] | None = None,
    poll: Callable[[], None] | None = None,
) -> list[Result]:
    """Apply `work` to every unit and return the results in the order of `units`.

    Units are started in the given order; put long ones first. `work` must be importable (a module-level function or a
    partial of one), and doing a unit twice must be the same as doing it once: dask does the unit of a dead worker again.

    Parameters
    ----------
    work : callable
    units : sequence
    executor : {"processes", "serial", "dask"}
    workers : int or Workforce, optional
        Number of processes; all cores by default. Each runs one numba thread, so workers times threads is the cores.
        A `Workforce` says executor and scheduler, too.
    scheduler : str, optional
        Address of a dask scheduler.
    done : callable, optional
        ``done(index, result)``, called in the driver as each unit ends.
    poll : callable, optional
        Called in the driver every half second and after each unit, to look how far the workers are.

    Raises
    ------
    ParameterError
        For an unknown executor.
    MissingExtraError
        If dask is asked for and not installed.
    EngineError
        If a worker process died (killed, out of memory), a unit killed dask workers again and again, or the dask
        scheduler is lost; finished units stay finished.

    Examples
    --------
    >>> map_units(abs, [-1, 2], executor="serial")
    [1, 2]
    """
    force = workers if isinstance(workers, Workforce) else Workforce(executor, workers, scheduler)
    n = min(force.workers or available_cores(), max(1, len(units)))
    if force.executor == "dask":
        if find_spec("distributed") is None:
            raise MissingExtraError("The executor 'dask'", "distributed", "cluster")
        if not units:
            return []
        from vitrify._dask import map_on_dask

        return map_on_dask(
            work,
            units,
            workers=force.workers if force.scheduler else n,
            scheduler=force.scheduler,
            begin=partial(start_worker, os.getpid()),
            limit_threads=limit_threads,
            done=done,
            poll=poll,
        )
    if force.executor == "serial" or n == 1:
        results = []
        for k, unit in enumerate(units):
            results.append(work(unit))
            if done is not None:
                done(k, results[-1])
            if poll is not None:
                poll()
        return results
    return _map_processes(work, units, n, done, poll)


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
def one_thread() -> Iterator[None]:
    """Let numba kernels of this process use one thread in the block: others like it run beside it."""
    import numba

    before = numba.get_num_threads()
    limit_threads(1)
    try:
        yield
    finally:
        numba.set_num_threads(before)


# -- locks -----------------------------------------------------------------------------------------------------------


@contextmanager
def lock_folder(folder: str | os.PathLike[str], *, shared: bool = False) -> Iterator[None]:
    """Hold a folder for this process; the lock vanishes with the process, however it ends.

    Parameters
    ----------
    folder : path-like
        Made if it does not exist.
    shared : bool, default False
        Let others hold it as well that ask for a shared lock: the shards of one store.

    Raises
    ------
    StoreBusyError
        If another process holds it; the message names that process.
    StoreError
        If the file system knows no locks.
    """
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    with open(path / ".lock", "a+") as handle:
        if not _locked(handle, shared=shared):
            raise StoreBusyError(
                f"{path} is in use by process {_holder(path, handle)}. Wait for it to end, or choose another --out."
            )
        if shared:
            handle.write(f"\n{os.getpid()}")
        else:
            handle.truncate(0)
            handle.write(str(os.getpid()))
        handle.flush()
        yield


@contextmanager
def lock_shard(folder: str | os.PathLike[str], name: str) -> Iterator[None]:
    """Hold a named share of the work in `folder`; other shares, and other processes with a shared lock, go on.

    Raises
    ------
    StoreBusyError
        If another process works on the same share; the message names it.
    """
    path = Path(folder) / f".{name.replace('/', '-of-')}{_SHARD}"
    with _own_file(path, wait=False) as (handle, holder):
        if handle is None:
            raise StoreBusyError(
                f"Shard {name} in {Path(folder)} is in use by process {holder}. Start every shard once."
            )
        handle.truncate(0)
        handle.write(f"{os.getpid()} on {platform.node()} (shard {name})")
        handle.flush()
        yield


@contextmanager
def lock_unit(path: str | os.PathLike[str]) -> Iterator[None]:
    """Hold one unit of work by the file `path`, waiting until nobody else does; the file is removed afterwards.

    A worker whose driver was killed may still be busy with a unit when the next driver hands it out again.
    """
    with _own_file(Path(path), wait=True):
        yield


@contextmanager
def _own_file(path: Path, *, wait: bool) -> Iterator[tuple[IO[str] | None, str]]:
    """Lock a file that exists for its lock alone and remove it afterwards; without `wait`, say who has it."""
    while True:
        with open(path, "a+") as handle:
            if not _locked(handle, wait=wait):
                yield None, _last_line(handle)
                return
            if _is_at(handle, path):  # and not removed by its last owner in the meantime
                try:
                    yield handle, ""
                finally:
                    path.unlink(missing_ok=True)
                return


def _locked(handle: IO[str], *, shared: bool = False, wait: bool = False) -> bool:
    """Lock an open file; False if another process has it."""
    import fcntl

    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return False
        raise StoreError(
            f"{handle.name} cannot be locked ({error.strerror}). Work in a folder of a file system with locks; Lustre has them "
            "where it is mounted with `-o flock`."
        ) from error
    return True


def _is_at(handle: IO[str], path: Path) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(handle.fileno()), path.stat())
    return False


def _holder(folder: Path, handle: IO[str]) -> str:
    """Say who holds a folder: the shards at work there, or whoever wrote its number last."""
    at_work = []
    for path in sorted(folder.glob(f".*{_SHARD}")):
        with suppress(FileNotFoundError), open(path) as shard:
            if not _locked(shard, shared=True):
                at_work.append(_last_line(shard))
    return ", ".join(at_work) or _last_line(handle)


def _last_line(handle: IO[str]) -> str:
    handle.seek(0)
    return (handle.read().split("\n")[-1]).strip() or "unknown"
