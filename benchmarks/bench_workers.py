"""Two workers against one, over frames: `vitrify.parallel.map_units` with units that quench or describe a frame."""

from __future__ import annotations

import math
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from configurations import thermal_frames
from measure import MissingPeerError, Scaling

from vitrify.parallel import available_cores, map_units
from vitrify.particles import Frame

_warm: set[str] = set()  # what this process has already compiled or loaded


class Done(NamedTuple):
    """When and where a unit was worked on."""

    worker: int
    begin: float
    end: float


def unit(job: tuple[str, Frame]) -> Done:
    """Quench or describe one frame; what a process does for the first time is done before its clock starts."""
    work, frame = job
    if work not in _warm:
        _warm.add(work)
        _work(work, Frame(frame.positions[:200], frame.species[:200], frame.box, frame.species_names))
    begin = time.time()
    _work(work, frame)
    return Done(os.getpid(), begin, time.time())


def _work(work: str, frame: Frame) -> Any:
    if work == "quench":
        from bench_quench import by_vitrify

        return by_vitrify(frame)
    from vitrify.descriptors import DESCRIPTOR_SETS

    return DESCRIPTOR_SETS.load(work)().evaluate(frame)


def throughput(done: list[Done], n_particles: int) -> float:
    """Return particles a second, added over the workers, each from its first unit's begin to its last one's end."""
    of_worker: dict[int, list[Done]] = defaultdict(list)
    for entry in done:
        of_worker[entry.worker].append(entry)
    return sum(
        len(entries) * n_particles / (max(e.end for e in entries) - min(e.begin for e in entries))
        for entries in of_worker.values()
    )


def workers_rows(quick: bool) -> Iterator[Scaling]:
    """Yield the efficiency for quenches and for structure functions."""
    if available_cores() < 2:
        raise MissingPeerError(f"two workers need two cores; this process may use {available_cores()}")
    frames = thermal_frames(1000 if quick else 4096, 2 if quick else 4)
    for work, units, rounds in (("quench", 8 if quick else 24, 1 if quick else 3),) + (
        () if quick else (("schoenholz-2016", 24, 3),)
    ):
        jobs = [(work, frames[k % len(frames)]) for k in range(units)]
        yield _scaling(work, jobs, rounds)


def _scaling(work: str, jobs: list[tuple[str, Frame]], rounds: int) -> Scaling:
    n = jobs[0][1].n_particles
    rates: dict[int, list[float]] = {1: [], 2: []}
    starts = []
    run: Callable[[int], list[Done]] = lambda workers: map_units(unit, jobs, workers=workers)  # noqa: E731
    unit(jobs[0])
    for _ in range(rounds):
        for workers, of_round in rates.items():
            begun = time.time()
            done = run(workers)
            of_round.append(throughput(done, n))
            if workers == 2:
                starts.append(
                    max(min(d.begin for d in done if d.worker == w) for w in {d.worker for d in done}) - begun
                )
    ratios = np.array(rates[2]) / np.array(rates[1])
    return Scaling(
        work,
        n,
        "particles/s",
        float(np.median(rates[1])),
        float(np.median(rates[2])),
        float(np.median(ratios)),
        float(ratios.min()),
        float(ratios.max()),
        float(np.median(starts)) if starts else math.nan,
        f"{len(jobs)} units; the start of the workers is given apart",
    )


ROWS = {"workers": workers_rows}
