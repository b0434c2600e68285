"""Files of arrays that a study keeps between calls, each with the hash of what it was made from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import StoreError
from vitrify.files import whole_file
from vitrify.parallel import Workforce, map_units
from vitrify.progress import Progress

Arrays = dict[str, NDArray[Any]]

MADE_OF = "made_of"


def write_arrays(path: Path, arrays: Arrays, made_of: str) -> None:
    """Write a file, whole or not at all."""
    with whole_file(path) as beside, beside.open("wb") as handle:
        np.savez(handle, **{MADE_OF: np.array(made_of)}, **arrays)  # type: ignore[arg-type]


def made_of(path: Path) -> str | None:
    """Return the hash of what a file was made from; None, if there is no file."""
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as arrays:
        return str(arrays[MADE_OF])


def read_arrays(path: Path) -> Arrays:
    """Return all arrays of a file.

    Raises
    ------
    StoreError
        If the file is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, KeyError) as error:
        raise StoreError(
            f"{path} is missing or damaged ({error}). Delete the file and run the study again."
        ) from error


def make_files(
    title: str,
    unit: str,
    work: Callable[[Any], None],
    jobs: Sequence[Any],
    total: int,
    progress: Progress,
    workers: int | Workforce | None,
) -> None:
    """Do the jobs that are left of `total`, of which each makes a file, and say how far they are."""
    if not jobs:
        return
    with progress.step(title, total, unit) as update:
        done = [float(total - len(jobs))]

        def finished(_: int, __: Any) -> None:
            done[0] += 1
            update(done[0])

        map_units(work, jobs, workers=workers, done=finished)
