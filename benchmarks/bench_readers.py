"""Reading text dumps against MDAnalysis and ASE: the same file, every frame of it, ids and positions."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from measure import Row, compare, interleave, largest_difference, need, scratch
from numpy.typing import NDArray

from vitrify.readers.base import FileFrame
from vitrify.readers.lammps_dump import LammpsDump

HEADER = "ITEM: TIMESTEP\n{}\nITEM: NUMBER OF ATOMS\n{}\nITEM: BOX BOUNDS pp pp pp\n{}ITEM: ATOMS {}\n"
COLUMNS = "id type x y z ix iy iz"
TARGETS = {"MDAnalysis": 5.0, "ASE": 10.0}


@functools.cache
def dump(n: int, n_frames: int, form: str = "%g") -> Path:
    """Write wrapped positions with images, ids in no order, as LAMMPS does by default; return the file."""
    rng = np.random.default_rng(0)
    length = (n / 1.2) ** (1 / 3)
    bounds = f"{0:.16e} {length:.16e}\n" * 3
    row = f"%d %d {form} {form} {form} %d %d %d \n"
    path = scratch() / f"{n}-{n_frames}-{form.strip('%.')}.lammpstrj"
    types = 1 + (np.arange(n) % 5 == 4)
    with open(path, "w") as file:
        for frame in range(n_frames):
            file.write(HEADER.format(1000 * frame, n, bounds, COLUMNS))
            ids = rng.permutation(n)
            positions, images = rng.random((n, 3)) * length, rng.integers(-2, 3, (n, 3))
            table = zip(ids + 1, types[ids], *positions.T, *images.T, strict=True)
            file.writelines(row % fields for fields in table)
    return path


def by_vitrify(path: Path) -> FileFrame:
    """Read every frame, its rows in the order of the file; return the last."""
    for frame in LammpsDump((path,)).frames():
        last = frame
    return last


def by_mdanalysis(path: Path) -> NDArray[np.float64]:
    """Read every frame by the reader alone, without a topology; it sorts by id."""
    reader_of = need("MDAnalysis.coordinates.LAMMPS", "MDAnalysis").DumpReader
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with reader_of(str(path), lammps_coordinate_convention="unscaled") as reader:
            for frame in reader:
                last = frame.positions
    return np.array(last, np.float64)


def by_ase(path: Path) -> NDArray[np.float64]:
    """Read every frame; it sorts by id."""
    frames: Any = need("ase.io", "ase").read(str(path), index=":", format="lammps-dump-text")
    return np.array(frames[-1].get_positions())


def reading_rows(quick: bool) -> Iterator[Row]:
    """Yield a row for each peer."""
    n, n_frames = (1000, 3) if quick else (10_000, 25)
    path = dump(n, n_frames)
    megabytes = path.stat().st_size / 1e6
    last = by_vitrify(path)
    own = last.positions[np.argsort(last.ids)]
    for name, peer in (("MDAnalysis", by_mdanalysis), ("ASE", by_ase)):
        off = largest_difference(own, peer(path))
        seconds = interleave(
            {"vitrify": functools.partial(by_vitrify, path), name: functools.partial(peer, path)},
            rounds=3 if quick else 5,
        )
        ratio = compare(seconds["vitrify"], seconds[name], megabytes)
        yield Row(
            "reading text dumps",
            n,
            "MB/s",
            ratio.rate,
            name,
            *ratio[1:],
            target=TARGETS[name],
            agreement=f"{off:.0e}",
            remark=f"{n_frames} frames, {COLUMNS}; the peer sorts by id, vitrify gives the ids along",
        )


def digits_rows(quick: bool) -> Iterator[Row]:
    """Yield how fast numbers of 17 digits are read, without a peer."""
    n, n_frames = (1000, 3) if quick else (10_000, 25)
    path = dump(n, n_frames, "%.17g")
    seconds = interleave({"vitrify": functools.partial(by_vitrify, path)}, rounds=3 if quick else 5)
    rate = path.stat().st_size / 1e6 / float(np.median(seconds["vitrify"]))
    yield Row("reading text dumps", n, "MB/s", rate, remark=f"{n_frames} frames, 17 digits")


ROWS = {"reading": reading_rows, "reading-17-digits": digits_rows}
