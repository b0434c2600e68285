"""How things are measured: in turns, in one run, on the same frames; medians of ratios, slopes and peaks of memory."""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import math
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

ONE_THREAD = {
    "NUMBA_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
}


CLOCK = "VITRIFY_BENCHMARK_CLOCK"


class MissingPeerError(Exception):
    """A peer cannot be measured here; the message says what to install or what is lacking."""


def need(module: str, package: str) -> Any:
    """Import a peer, or say which package brings it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingPeerError(f"pip install {package}") from error


@dataclass(frozen=True)
class Row:
    """One line of the table: how fast, how much faster than whom, and whether both say the same.

    Rates are medians over the rounds; `ratio` is the median of the rounds' ratios, `low` and `high` their extremes.
    """

    name: str
    n: int
    unit: str
    rate: float | None = None
    peer: str = ""
    peer_rate: float | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    target: float | None = None
    agreement: str = ""
    kernel: str = ""  # whose peak memory this row shows, a name of bench_growth.KERNELS
    remark: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether the ratio is at least the target; None where there is none."""
        return None if self.target is None or self.ratio is None else self.ratio >= self.target


@dataclass(frozen=True)
class Growth:
    """How the time of a kernel grows with the number of particles, and its peak memory."""

    kernel: str
    n: tuple[int, ...]
    rates: tuple[float, ...]
    exponent: float
    error: float
    memory: tuple[
        float, ...
    ]  # bytes a particle beyond input and output, of the sizes where all were described
    remark: str = ""


@dataclass(frozen=True)
class Scaling:
    """How much faster two workers are than one."""

    name: str
    n: int
    unit: str
    one: float
    two: float
    ratio: float
    low: float
    high: float
    start: float
    remark: str = ""


Result = Row | Growth | Scaling


def now() -> float:
    """Return the clock that everything but the workers is measured with: seconds of the wall, or of this process."""
    return time.process_time() if os.environ.get(CLOCK) == "cpu" else time.perf_counter()


def interleave(
    calls: Mapping[str, Callable[[], Any]], rounds: int, least: float = 0.2
) -> dict[str, list[float]]:
    """Return the seconds of one call of each, for every round: A B C A B C …, short calls repeated for `least` seconds.

    Everything is called once before, so that nothing is compiled or loaded while the clock runs; what takes longer than
    a second is not, and its compilation is the caller's to provoke.
    """
    repeats: dict[str, int] = {}
    for name, call in calls.items():
        call()
        start = now()
        call()
        repeats[name] = max(1, math.ceil(least / max(now() - start, 1e-7)))
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            seconds[name].append(clock(call, repeats[name]))
    return seconds


def clock(call: Callable[[], Any], repeats: int = 1) -> float:
    """Return the seconds of one of `repeats` calls."""
    start = now()
    for _ in range(repeats):
        call()
    return (now() - start) / repeats


class Ratio(NamedTuple):
    """What `Row` wants to know of a comparison."""

    rate: float
    peer_rate: float
    ratio: float
    low: float
    high: float


def compare(own: Sequence[float], peer: Sequence[float], amount: float, peer_amount: float = 0.0) -> Ratio:
    """Return rates and their ratio from the seconds of both in each round.

    `amount` is what one call of ours gets done, `peer_amount` what one of the peer does, by default the same.
    """
    rate = amount / np.asarray(own, float)
    peer_rate = (peer_amount or amount) / np.asarray(peer, float)
    ratios = rate / peer_rate
    return Ratio(
        float(np.median(rate)),
        float(np.median(peer_rate)),
        float(np.median(ratios)),
        float(ratios.min()),
        float(ratios.max()),
    )


def growth_exponent(n: ArrayLike, seconds: ArrayLike) -> tuple[float, float]:
    """Return the slope of log(seconds) against log(n) by least squares, and its standard error."""
    x, y = np.log(np.asarray(n, float)), np.log(np.asarray(seconds, float))
    x = x - x.mean()
    slope = float((x * y).sum() / (x * x).sum())
    residual = y - y.mean() - slope * x
    freedom = len(x) - 2
    error = math.sqrt((residual**2).sum() / freedom / (x * x).sum()) if freedom > 0 else math.nan
    return slope, float(error)


def largest_difference(values: ArrayLike, reference: ArrayLike, floor: float = 0.0) -> float:
    """Return the largest difference between two tables, each column measured by its largest reference value.

    A column whose values all lie below `floor` is measured by that: what is left of a Gaussian far away is not compared
    digit by digit.
    """
    a, b = np.atleast_2d(np.asarray(values, float)), np.atleast_2d(np.asarray(reference, float))
    if a.shape != b.shape:
        raise ValueError(f"the tables have shapes {a.shape} and {b.shape}")
    scale = np.maximum(np.abs(b).max(axis=0), floor)
    off = np.abs(a - b).max(axis=0)
    return float(np.where(off > 0, off / np.where(scale > 0, scale, 1.0), 0.0).max())


def peak_beyond(call: Callable[[], Any]) -> tuple[Any, float, int]:
    """Return the result of a call, its seconds, and the bytes that it held at most beyond what was there before.

    Linux only: the kernel's high-water mark is set back before the call.
    """
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    start = now()
    result = call()
    seconds = now() - start
    return result, seconds, _status("VmHWM") - before


def _status(key: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    raise MissingPeerError(f"/proc/self/status has no {key}")


def scratch() -> Path:
    """Return a folder for files of this process, made when first asked for and removed at its end."""
    path = Path(tempfile.gettempdir()) / f"vitrify-benchmarks-{os.getpid()}"
    if not path.exists():
        path.mkdir()
        atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path
