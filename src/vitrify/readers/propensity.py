"""Configurations with a measured propensity: public sets of isoconfigurational runs, and folders of our own."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import FileFormatError, ParameterError
from vitrify.particles import Box, Frame
from vitrify.particles.ensemble import SETTINGS, read_ensemble
from vitrify.particles.propensity import MeasuredPropensity
from vitrify.units import LJ

__all__ = ["END_POINT_TIMES", "KOB_ANDERSEN_DENSITY", "RUNS_OF_TABLES", "read_propensity"]

Array = NDArray[np.float64]

END_POINT_TIMES: Mapping[str, float] = {"tc07": 4120.0}
"""Last word of a file's name -> time of its end points, of the public set at T = 0.44 by Shiba et al. (2023)."""

KOB_ANDERSEN_DENSITY = 1.2
"""Of boxes that a file of end points does not give: that of the public sets."""

RUNS_OF_TABLES = 30
"""Behind a propensity whose file does not say it: that of the public set by Bapst et al. (2020)."""

_END_POINTS = ("types", "initial_positions", "positions")
_TABLE = ("types", "positions", "box", "time", "time_indices", "propensity")
_SHOWN = 8


@dataclass(frozen=True)
class _Given:
    """What the caller says, which files may leave out."""

    time: float | None
    density: float
    n_runs: int
    temperature: float | None


def read_propensity(
    path: str | Path,
    *,
    time: float | None = None,
    density: float = KOB_ANDERSEN_DENSITY,
    n_runs: int = RUNS_OF_TABLES,
    temperature: float | None = None,
    complete: bool = True,
) -> list[MeasuredPropensity]:
    """Read configurations with a measured propensity from a file, or a folder; what it is is seen from its keys.

    Known are

    - a folder that `vitrify.protocols.isoconfigurational` has filled;
    - end points of isoconfigurational runs: ``.npz`` with types (N,), initial_positions (N, d) and positions (M, N, d), one
      file a configuration, or a folder of them, which are taken in the order of the numbers in their names;
    - a table of propensities: ``.npz`` with types (N,), positions (N, d), box (d,), time, time_indices (T,), propensity
      (T, N) and, if it is there, is_values (T,), the scattering function at these times. The times are those of `time` at
      the indices, brought into ascending order.

    Parameters
    ----------
    path : path-like
    time : float, time, optional
        Of end points. It may be left out where the last word of the file names is in `END_POINT_TIMES`.
    density : float, 1/length^d, default 1.2
        Of end points without a key "box"; the box is a cube (square) with this number of particles to a volume.
    n_runs : int, default 30
        Behind tables of propensities without a key "n_runs".
    temperature : float, energy / k_B, optional
        Of the runs. By default what the file name says, such as ``T0.44``, or None.
    complete : bool, default True
        Whether all runs of a folder of our own must have ended; otherwise the times that all have reached are read.

    Returns
    -------
    list of MeasuredPropensity
        One for each configuration. Species are named A, B, … in the order of the type labels, whatever these are.

    Raises
    ------
    FileFormatError
        If the file is none of these, or a key has another shape than the others ask for; file and key are named.
    ParameterError
        If the time of end points is neither given nor known.
    StoreError
        If runs of a folder of our own are missing.

    Notes
    -----
    Positions are taken as they stand: unwrapped. A displacement is the plain difference, also beyond half the box.

    References
    ----------
    Shiba, Hanai, Suzumura, Shimokawabe, J. Chem. Phys. 158, 084503 (2023).
    Bapst, Keck, Grabska-Barwińska, …, Kohli, Nature Physics 16, 448 (2020).

    Examples
    --------
    Two runs, in which the only particle goes 1 and 3 far:

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(Path(folder, "a.npz"), types=[7], initial_positions=[[0.0] * 3], positions=[[[1.0, 0, 0]], [[0, 3.0, 0]]])
    ...     found = read_propensity(Path(folder, "a.npz"), time=10.0)
    >>> found[0].at(10.0).tolist(), found[0].frame.species_names
    ([2.0], ('A',))
    """
    path, given = Path(path), _Given(time, density, n_runs, temperature)
    if not path.exists():
        raise FileFormatError(f"There is no file or folder {path}. Name one that holds a propensity.")
    if not path.is_dir():
        return [_read_file(path, given)]
    if (path / SETTINGS).exists():
        return read_ensemble(path, complete=complete)
    files = sorted(path.glob("*.npz"), key=lambda file: (_numbers(file.stem), file.name))
    if not files:
        raise FileFormatError(
            f"{path} holds no runs of vitrify ({SETTINGS}) and no .npz files. Name a folder that holds a propensity."
        )
    return [_read_file(file, given) for file in files]


def _numbers(name: str) -> list[float]:
    return [float(word) for word in re.findall(r"\d+(?:\.\d+)?", name)]


def _read_file(path: Path, given: _Given) -> MeasuredPropensity:
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as held:
            keys = {name: held[name] for name in held.files} if hasattr(held, "files") else {}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, TypeError, AttributeError) as error:
        raise FileFormatError(
            f"{path} cannot be read as .npz ({error}). Name a whole one without pickled objects."
        ) from error
    for needed, read in _LAYOUTS:
        if all(name in keys for name in needed):
            return read(path, keys, given)
    listed = ", ".join(sorted(keys)[:_SHOWN]) or "no keys"
    wanted = "; or ".join(", ".join(needed) for needed, _ in _LAYOUTS)
    raise FileFormatError(f"{path} has {listed}. A propensity needs the keys {wanted}.")


def _read_end_points(path: Path, keys: Mapping[str, Any], given: _Given) -> MeasuredPropensity:
    start = _numeric(path, keys, "initial_positions")
    if start.ndim != 2 or start.shape[1] not in (2, 3):
        raise _wrong_shape(path, "initial_positions", start.shape, "(N, 2) or (N, 3)")
    ends = _numeric(path, keys, "positions", (None, *start.shape))
    if "box" in keys:
        box = _box(path, keys, start.shape[1])
    else:
        if not given.density > 0:
            raise ParameterError(f"`density` must be positive; it is {given.density}.")
        box = Box.orthorhombic([(len(start) / given.density) ** (1 / start.shape[1])] * start.shape[1])
    return MeasuredPropensity.from_displacements(
        _frame(path, keys, start, box),
        [_time_of(path, given)],
        np.linalg.norm(ends - start, axis=2)[None],
        _temperature(path, given),
        str(path),
        LJ,
    )


def _read_table(path: Path, keys: Mapping[str, Any], given: _Given) -> MeasuredPropensity:
    positions = _numeric(path, keys, "positions")
    if positions.ndim != 2 or positions.shape[1] not in (2, 3):
        raise _wrong_shape(path, "positions", positions.shape, "(N, 2) or (N, 3)")
    indices = np.asarray(keys["time_indices"])
    times = _numeric(path, keys, "time", (None,))
    if indices.ndim != 1 or indices.dtype.kind not in "iu" or not len(indices):
        raise _wrong_shape(path, "time_indices", indices.shape, "(T,), integers")
    if indices.min() < 0 or indices.max() >= len(times):
        raise FileFormatError(
            f"`time_indices` of {path} go from {indices.min()} to {indices.max()}; `time` has {len(times)} entries. Repair the file."
        )
    order = np.argsort(times[indices], kind="stable")
    scattering = _numeric(path, keys, "is_values", (len(indices),))[order] if "is_values" in keys else None
    return MeasuredPropensity(
        _frame(path, keys, positions, _box(path, keys, positions.shape[1])),
        times[indices][order],
        _numeric(path, keys, "propensity", (len(indices), len(positions)))[order],
        int(keys["n_runs"]) if "n_runs" in keys else given.n_runs,
        temperature=_temperature(path, given),
        scattering=scattering,
        source=str(path),
        unit_system=LJ,
    )


_LAYOUTS: tuple[
    tuple[tuple[str, ...], Callable[[Path, Mapping[str, Any], _Given], MeasuredPropensity]], ...
] = (
    (_END_POINTS, _read_end_points),
    (_TABLE, _read_table),
)


# -- keys ------------------------------------------------------------------------------------------------------------


def _frame(path: Path, keys: Mapping[str, Any], positions: Array, box: Box) -> Frame:
    types = np.asarray(keys["types"])
    if types.shape != (len(positions),) or types.dtype.kind not in "iu":
        raise _wrong_shape(path, "types", types.shape, f"({len(positions)},), integers")
    labels, species = np.unique(types, return_inverse=True)
    names = tuple(chr(ord("A") + k) for k in range(len(labels)))
    return Frame(positions, species, box, names, str(path))


def _numeric(
    path: Path, keys: Mapping[str, Any], name: str, shape: tuple[int | None, ...] | None = None
) -> Array:
    """Return a key as float64, refusing another shape; None stands for any length but 0."""
    values = np.asarray(keys[name])
    fits = shape is None or (
        values.ndim == len(shape)
        and all(n > 0 if want is None else n == want for n, want in zip(values.shape, shape, strict=True))
    )
    if not fits or values.dtype.kind not in "fiu":
        words = (
            "numbers" if shape is None else f"({', '.join('any' if n is None else str(n) for n in shape)})"
        )
        raise _wrong_shape(path, name, values.shape, words)
    if not np.isfinite(values).all():
        raise FileFormatError(
            f"`{name}` of {path} has values that are not finite. Leave the file out, or repair it."
        )
    return values.astype(np.float64)


def _box(path: Path, keys: Mapping[str, Any], dimension: int) -> Box:
    box = _numeric(path, keys, "box")
    if box.shape == (dimension,):
        return Box.orthorhombic(box)
    if box.shape == (dimension, dimension):
        return Box(box)
    if box.shape == ():
        return Box.orthorhombic([float(box)] * dimension)
    raise _wrong_shape(path, "box", box.shape, f"({dimension},) or ({dimension}, {dimension})")


def _wrong_shape(path: Path, name: str, shape: tuple[int, ...], wanted: str) -> FileFormatError:
    return FileFormatError(f"`{name}` of {path} must be {wanted}; its shape is {shape}. Repair the file.")


def _time_of(path: Path, given: _Given) -> float:
    if given.time is not None:
        return given.time
    word = path.stem.rpartition("_")[2]
    if word not in END_POINT_TIMES:
        known = ", ".join(f"{name} ({t:g})" for name, t in END_POINT_TIMES.items())
        raise ParameterError(
            f"{path} does not say after which time its end points are. Give `time`; known by the last word of the file name "
            f"are {known}."
        )
    return END_POINT_TIMES[word]


def _temperature(path: Path, given: _Given) -> float | None:
    if given.temperature is not None:
        return given.temperature
    said = re.search(r"T(\d+(?:\.\d+)?)", path.stem)
    return float(said[1]) if said else None
