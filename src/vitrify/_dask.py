"""Units of work on dask workers: an embedded cluster on this machine, or a scheduler that runs elsewhere.

Only `vitrify.parallel.map_units` imports this module, and only when dask is asked for.
"""

from __future__ import annotations

import logging
import os
import pickle
import platform
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any
from uuid import uuid4

import cloudpickle
import dask
from distributed import Client, Future, KilledWorker, LocalCluster, get_worker
from distributed.diagnostics.plugin import WorkerPlugin

from vitrify.errors import EngineError

_log = logging.getLogger("vitrify")
_DEATHS = 3  # of workers with one and the same unit, before the unit is blamed
_ANSWER = 10.0  # seconds that a scheduler may take to answer
_COUNT_EVERY = 2.0  # seconds between looks at how many workers a scheduler has
_SETTINGS = {
    "distributed.scheduler.allowed-failures": _DEATHS - 1,
    "distributed.scheduler.worker-ttl": None,  # a worker inside a kernel has no time for heartbeats
    "distributed.worker.profile.enabled": False,
    "distributed.worker.daemon": True,
    "distributed.comm.timeouts.connect": _ANSWER,
    "distributed.admin.large-graph-warning-threshold": "1 GB",
}
_LOGGERS = (
    "distributed",
    "distributed.client",
    "distributed.gc",
    "tornado",
    "tornado.application",
    "asyncio",
)
_one_at_a_time = threading.Lock()  # numba's threads are not for several callers in one process


def map_on_dask(
    work: Callable[[Any], Any],
    units: Sequence[Any],
    *,
    workers: int | None,
    scheduler: str | None,
    begin: Callable[[], None],
    limit_threads: Callable[[int], None],
    done: Callable[[int, Any], None] | None,
    poll: Callable[[], None] | None,
) -> list[Any]:
    """Apply `work` to every unit on dask workers; see `vitrify.parallel.map_units`.

    No more units are handed out than there are threads to work on them: so a worker that dies takes one unit with it, and
    dask blames that one alone.

    Parameters
    ----------
    work, units, done, poll
        As of `map_units`.
    workers : int, optional
        Processes of the embedded cluster; of a scheduler elsewhere, the most threads to use at once.
    scheduler : str, optional
        Address of a scheduler; without it a cluster is made here and ends with the call.
    begin : callable
        Run once in each worker of the embedded cluster.
    limit_threads : callable
        ``limit_threads(n)`` lets kernels of a worker use `n` threads.

    Raises
    ------
    EngineError
        If no scheduler answers, the scheduler is lost, or a unit kills its workers again and again.
    """
    results: dict[int, Any] = {}
    running: dict[Any, tuple[int, Future]] = {}
    finished: SimpleQueue[Future] = SimpleQueue()
    waiting, name = list(range(len(units)))[::-1], uuid4().hex
    with ExitStack() as held:
        held.enter_context(_quiet())
        held.enter_context(dask.config.set(_SETTINGS))
        if scheduler is None:
            client = held.enter_context(_embedded(workers or 1, begin))
        else:
            client = held.enter_context(_connected(scheduler))
        room = _Room(client, workers, scheduler)
        try:
            while len(results) < len(units):
                while waiting and len(running) < room.threads():
                    k = waiting.pop()
                    future = client.submit(
                        _in_worker,
                        os.getcwd(),
                        cloudpickle.dumps((work, units[k])),
                        limit_threads,
                        key=f"vitrify-{name}-{k}",
                        pure=False,
                    )
                    running[future.key] = (k, future)
                    future.add_done_callback(finished.put)
                try:
                    ended = finished.get(timeout=0.5)
                except Empty:
                    pass
                else:
                    k, future = running.pop(ended.key)
                    results[k] = _result(future, units, k, scheduler)
                    del future, ended  # the worker may forget the result now
                    if done is not None:
                        done(k, results[k])
                if client.status != "running":
                    raise _lost(scheduler)
                if poll is not None:
                    poll()
        except BaseException:
            if client.status == "running":
                client.cancel([future for _, future in running.values()], force=True)
            raise
    return [results[k] for k in range(len(units))]


class _Room:
    """How many units may be with the workers at once; those of a scheduler elsewhere come and go."""

    def __init__(self, client: Client, workers: int | None, scheduler: str | None) -> None:
        self._client, self._most, self._scheduler = client, workers, scheduler
        self._threads = 0
        self._next = 0.0
        self._told = False

    def threads(self) -> int:
        if self._scheduler is None:
            return self._most or 1
        if time.monotonic() >= self._next and self._client.status == "running":
            self._look(self._scheduler)
        return self._threads if self._most is None else min(self._threads, self._most)

    def _look(self, scheduler: str) -> None:
        try:
            self._threads = sum(self._client.nthreads().values())
        except OSError as error:
            raise _lost(scheduler) from error
        self._next = time.monotonic() + _COUNT_EVERY
        if not self._threads and not self._told:
            self._told = True
            _log.warning("No worker has joined the scheduler at %s yet; waiting for one.", scheduler)


def _result(future: Future, units: Sequence[Any], k: int, scheduler: str | None) -> Any:
    """Return what a unit gave, or raise what went wrong in the words of vitrify."""
    if future.status == "finished":
        try:
            return future.result()
        except (
            OSError,
            CancelledError,
        ) as error:  # what is raised over the way here; the unit itself is done
            raise _lost(scheduler) from error
    if future.status != "error":
        raise _lost(scheduler)
    try:
        return future.result()
    except KilledWorker as error:
        raise EngineError(
            f"{error.allowed_failures + 1} workers died (killed, or out of memory), each while it worked on unit {k + 1} of "
            f"{len(units)}, {_words(units[k])}. What was finished is kept; look at that unit, give its worker more memory, "
            "and repeat the same command to go on."
        ) from None
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "vitrify":
            raise
        raise EngineError(
            "The dask workers cannot import vitrify. Start them in the environment that this command runs in."
        ) from error


def _lost(scheduler: str | None) -> EngineError:
    return EngineError(
        f"The dask scheduler at {scheduler or 'this machine'} is gone. What was finished is kept; start a scheduler and repeat "
        "the same command to go on."
    )


def _words(unit: Any) -> str:
    """Name a unit by what is short in it: a file, numbers, words."""
    parts = unit[:3] if isinstance(unit, tuple) else [unit]
    return ", ".join(str(p) for p in parts if isinstance(p, str | int | float | Path)) or type(unit).__name__


# -- in a worker -----------------------------------------------------------------------------------------------------


def _in_worker(folder: str, job: bytes, limit_threads: Callable[[int], None]) -> Any:
    """Do one unit, in the driver's folder, where relative paths mean what they meant there."""
    with _one_at_a_time:
        try:
            os.chdir(folder)
        except OSError as error:
            raise EngineError(
                f"The dask worker on {platform.node()} does not see the folder {folder} ({error.strerror}). Driver and workers "
                "need one file system, mounted at the same place."
            ) from error
        limit_threads(get_worker().state.nthreads)
        work, unit = pickle.loads(job)
        return work(unit)


class _Begin(WorkerPlugin):
    """What a worker of the embedded cluster does first, also one that takes the place of a dead one."""

    name = "vitrify-begin"

    def __init__(self, begin: Callable[[], None]) -> None:
        self._begin = begin

    def setup(self, worker: Any) -> None:  # noqa: ARG002
        """Leave interrupts to the driver and follow it when it ends."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._begin()


# -- clients ---------------------------------------------------------------------------------------------------------


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep dask's own log off the terminal: what matters of it becomes an error."""
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    try:
        for name in levels:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


@contextmanager
def _embedded(workers: int, begin: Callable[[], None]) -> Iterator[Client]:
    """Make a cluster of processes with one thread each, and end them with the block, working or not."""
    cluster = LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        memory_limit=0,  # nothing is kept with dask; how much memory a unit takes is for the unit to bound
        dashboard_address=None,
        scheduler_kwargs={"dashboard_address": ":0"},  # its port is opened all the same: any free one
        silence_logs=logging.CRITICAL + 1,
    )
    try:
        client = Client(cluster, set_as_default=False)
        try:
            client.register_plugin(_Begin(begin))
            yield client
        except BaseException:  # nobody waits for what they are doing
            for nanny in cluster.workers.values():
                nanny.auto_restart = False
                if nanny.pid:
                    with suppress(ProcessLookupError):
                        os.kill(nanny.pid, signal.SIGKILL)
            raise
        finally:
            client.close(timeout=_ANSWER)
    finally:
        cluster.close(timeout=_ANSWER)


@contextmanager
def _connected(scheduler: str) -> Iterator[Client]:
    """Connect to a scheduler that runs elsewhere; its workers stay when the block ends."""
    try:
        client = Client(scheduler, set_as_default=False, timeout=_ANSWER)
    except (OSError, ValueError) as error:
        raise EngineError(
            f"No dask scheduler answers at {scheduler} ({error}). Start one with `dask scheduler`, or check the address."
        ) from error
    try:
        yield client
    finally:
        client.close(timeout=1.0)
