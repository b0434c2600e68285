"""Filling a stage of a store unit by unit: what every verb and every share of a divided task does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from vitrify.parallel import Workforce, lock_unit, map_units
from vitrify.particles.trajectory import Trajectory
from vitrify.progress import Progress


def fill(
    trajectory: Trajectory,
    stage: str,
    title: str,
    progress: Progress,
    workers: int | Workforce | None,
    work: Callable[[Any], None],
    *rest: Any,
    units: Iterable[int] | None = None,
) -> int:
    """Run ``work((path, unit, *rest))`` for every unit of a stage that is not done.

    Parameters
    ----------
    trajectory : Trajectory
    stage, title : str
    progress : Progress
    workers : int or Workforce, optional
    work : callable
        Of a module; writes the unit into the store.
    *rest
        What else `work` needs.
    units : iterable of int, optional
        Only these units.

    Returns
    -------
    int
        How many units were not done before.
    """
    ranges = trajectory.units()
    chosen = list(range(len(ranges)) if units is None else units)
    todo = [k for k in chosen if not trajectory.is_done(stage, k)]
    if not todo:
        return 0
    frames = {k: ranges[k][1] - ranges[k][0] for k in chosen}
    finished = [float(sum(frames.values()) - sum(frames[k] for k in todo))]
    with progress.step(title, sum(frames.values())) as update:

        def done(index: int, _: Any) -> None:
            finished[0] += frames[todo[index]]
            update(finished[0])

        map_units(
            partial(once, stage, work),
            [(trajectory.path, k, *rest) for k in todo],
            workers=workers,
            done=done,
        )
    return len(todo)


def once(stage: str, work: Callable[[Any], None], job: tuple[Any, ...]) -> None:
    """Do ``work((path, unit, …))`` unless the unit is done; one process at a time.

    Two processes come to the same unit where the worker of a killed driver on another machine has not ended yet, or where
    the shares of a task overlap.
    """
    path, unit = Path(job[0]), int(job[1])
    with lock_unit(path / "manifest" / stage / f".{unit:06d}.held.tmp"):
        if not Trajectory.open(path).is_done(stage, unit):
            work(job)
