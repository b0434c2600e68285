"""Rows that may be more than memory holds: blocks in files, put together on the disk and mapped."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrify.files import whole_file
from vitrify.parallel import Workforce, map_units
from vitrify.provenance import identity

IN_MEMORY = 2**28
"""Bytes, 256 MiB: a table of features above this size is made in files and only mapped into memory."""


def folder_for(table: Path, parameters: dict[str, Any]) -> Path:
    """Return the folder of the files from which `table` is made; another one for other parameters."""
    return table.with_name(f".{table.name}.{identity(parameters)[:12]}.parts")


def rows_by_way_of_disk(
    work: Callable[[Any], NDArray[np.float64]],
    jobs: Sequence[Any],
    folder: Path,
    *,
    workers: int | Workforce | None = None,
    done: Callable[[int, Any], None] | None = None,
) -> NDArray[np.float64]:
    """Return ``np.concatenate([work(job) for job in jobs])``, mapped from a file; no process holds more than one block.

    Parameters
    ----------
    work : callable
        Returns rows (n, M).
    jobs : sequence
    folder : Path
        Where the files lie: three times the bytes of the result while they are put together. Blocks that an earlier call
        left there are not made again, so the folder's name must follow from the jobs. The caller removes it.
    workers : int or Workforce, optional
    done : callable, optional
        ``done(index, n_rows)``, as each block ends.

    Returns
    -------
    (n, M) float, read-only
    """
    folder.mkdir(parents=True, exist_ok=True)
    sizes = map_units(
        partial(_block_to_file, work, folder), list(enumerate(jobs)), workers=workers, done=done
    )
    whole = folder / "rows.npy"
    if not whole.exists():
        n_columns = np.load(_block(folder, 0), mmap_mode="r").shape[1]
        with whole_file(whole) as beside, open(beside, "wb") as file:
            header = {"descr": "<f8", "fortran_order": False, "shape": (sum(sizes), n_columns)}
            np.lib.format.write_array_header_2_0(file, header)
            for k in range(len(jobs)):
                with open(_block(folder, k), "rb") as block:
                    np.lib.format.read_magic(block)
                    np.lib.format.read_array_header_1_0(block)
                    shutil.copyfileobj(block, file, 2**24)
    rows: NDArray[np.float64] = np.load(whole, mmap_mode="r")
    return rows


def _block(folder: Path, k: int) -> Path:
    return folder / f"block-{k:06d}.npy"


def _block_to_file(work: Callable[[Any], NDArray[np.float64]], folder: Path, job: tuple[int, Any]) -> int:
    """Write the rows of one job, unless they are there, and return how many they are; for a worker process."""
    k, rest = job
    path = _block(folder, k)
    if not path.exists():
        rows = np.ascontiguousarray(work(rest), dtype="<f8")
        with whole_file(path) as beside, open(beside, "wb") as file:
            np.lib.format.write_array(file, rows, version=(1, 0), allow_pickle=False)
    return int(np.load(path, mmap_mode="r").shape[0])
