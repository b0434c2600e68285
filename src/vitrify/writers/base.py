"""What a writer promises: the frames of a trajectory in the bits of the store, in blocks that fit into memory."""

from __future__ import annotations

import errno
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from vitrify._version import __version__
from vitrify.errors import ConfigurationError, ParameterError
from vitrify.files import whole_file
from vitrify.particles.box import Box
from vitrify.particles.trajectory import Trajectory
from vitrify.provenance import identity
from vitrify.units import Units
from vitrify.writers import WRITERS

if TYPE_CHECKING:
    import xarray as xr

_BLOCK_BYTES = 32 << 20
_LONGEST_ACCOUNT = 30_000
_FULL = 64 << 10


@dataclass(frozen=True, eq=False)
class Column:
    """A quantity of every particle in every frame, or of every frame.

    Parameters
    ----------
    name : str
    read : callable
        ``read(start, stop)`` returns (stop - start, N) for a quantity of particles, (stop - start,) for one of frames.
    dtype : dtype
    attrs : mapping
        Units and definition.
    """

    name: str
    read: Callable[[int, int], NDArray[Any]]
    dtype: np.dtype[Any] = field(default_factory=lambda: np.dtype("f8"))
    attrs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Rows:
    """One frame: the particles that are there.

    Parameters
    ----------
    frame : int
        Index in the store.
    time : float
    box : Box
    positions : (n, d) float, length
        Unwrapped, as stored.
    particles : (n,) int
        Which particle of the store each row is, from 0.
    species : (n,) int
    columns : dict of str to (n,) array
    of_frame : dict of str to number
    """

    frame: int
    time: float
    box: Box
    positions: NDArray[np.float64]
    particles: NDArray[np.int64]
    species: NDArray[np.int64]
    columns: Mapping[str, NDArray[Any]]
    of_frame: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Block:
    """Some frames together.

    Parameters
    ----------
    frames : (n,) int
        Indices in the store.
    times : (n,) float
    boxes : tuple of n Box
    positions : (n, N, d) float, length
        Unwrapped; NaN where a particle is absent.
    present : (n, N) bool
    species : (N,) int
    columns : dict of str to (n, N) array
    of_frames : dict of str to (n,) array
    """

    frames: NDArray[np.int64]
    times: NDArray[np.float64]
    boxes: tuple[Box, ...]
    positions: NDArray[np.float64]
    present: NDArray[np.bool_]
    species: NDArray[np.int64]
    columns: Mapping[str, NDArray[Any]]
    of_frames: Mapping[str, NDArray[Any]]

    def rows(self) -> Iterator[Rows]:
        """Yield the frames one by one, without absent particles."""
        for k, frame in enumerate(self.frames.tolist()):
            there = np.flatnonzero(self.present[k])
            kept: Any = slice(None) if len(there) == len(self.species) else there
            yield Rows(
                frame,
                float(self.times[k]),
                self.boxes[k],
                self.positions[k][kept],
                there,
                self.species[kept],
                {name: values[k][kept] for name, values in self.columns.items()},
                {name: values[k] for name, values in self.of_frames.items()},
            )


@dataclass(frozen=True, eq=False)
class Selection:
    """What of a trajectory is written.

    Parameters
    ----------
    trajectory : Trajectory
    frames : range
        Indices in the store, ascending.
    positions : {"inherent", "thermal"}
    columns : tuple of Column
        Quantities of particles.
    of_frames : tuple of Column
        Quantities of frames, such as the temperature.
    wrapped : bool, optional
        Whether positions are moved into the box; by default as the format prefers.

    Examples
    --------
    >>> import tempfile
    >>> walk = np.zeros((4, 2, 3))
    >>> stored = Trajectory.from_arrays(tempfile.mkdtemp() + "/a.zarr", walk, [0, 0], Box.orthorhombic([4.0] * 3))
    >>> [block.frames.tolist() for block in Selection(stored, range(0, 4, 2), "thermal").blocks()]
    [[0, 2]]
    """

    trajectory: Trajectory
    frames: range
    positions: str
    columns: tuple[Column, ...] = ()
    of_frames: tuple[Column, ...] = ()
    wrapped: bool | None = None

    @property
    def dimension(self) -> int:
        """d, two or three."""
        return self.trajectory.layout.dimension

    @property
    def units(self) -> Units:
        """The system of units."""
        return self.trajectory.unit_system

    @property
    def n_particles(self) -> int:
        """Particles of the trajectory, whether present in a frame or not."""
        return self.trajectory.n_particles

    @property
    def species_names(self) -> tuple[str, ...]:
        """Names of the species."""
        return self.trajectory.species_names

    @cached_property
    def first_box(self) -> Box:
        """The box of the first frame."""
        return self.trajectory.box(self.frames[0])

    def account(self) -> dict[str, Any]:
        """Return where the numbers come from; a long provenance is replaced by its hash."""
        chosen = self.frames
        account = {
            "vitrify": __version__,
            "store": self.trajectory.path.name,
            "frames": [chosen.start, chosen.stop, chosen.step],
            "positions": self.positions,
            "wrapped": bool(self.wrapped),
            "units": self.units.name,
            "stages": {k: v["parameters"] for k, v in self.trajectory.stages.items()},
            "provenance": self.trajectory.provenance,
        }
        for key in ("provenance", "stages"):
            if len(str(account)) > _LONGEST_ACCOUNT:
                account[key] = {"sha256": identity(account[key])}
        return account

    def blocks(self) -> Iterator[Block]:
        """Yield all frames in blocks of about 32 MiB, at least one frame each.

        Raises
        ------
        ConfigurationError
            If a coordinate is not finite.
        StoreError
            If a file of the store is damaged.
        """
        of_frame = 8 * self.dimension + sum(max(2, c.dtype.itemsize) for c in self.columns)
        span = max(1, _BLOCK_BYTES // max(1, self.n_particles * of_frame))
        per_block = max(1, span // self.frames.step)
        for k in range(0, len(self.frames), per_block):
            yield self._block(self.frames[k : k + per_block])

    def _block(self, chosen: range) -> Block:
        stored, a, b, every = self.trajectory, chosen[0], chosen[-1] + 1, chosen.step
        vectors, origins = (stored.read(k, a, b)[::every] for k in ("box_vectors", "box_origin"))
        periodic = np.array(stored.layout.periodic)
        positions = stored.positions(self.positions, a, b)[::every]
        return Block(
            np.array(chosen, np.int64),
            stored.read("time", a, b)[::every],
            tuple(Box(v, o, periodic) for v, o in zip(vectors, origins, strict=True)),
            positions,
            self._present(positions, chosen),
            stored.species,
            {c.name: c.read(a, b)[::every] for c in self.columns},
            {c.name: c.read(a, b)[::every] for c in self.of_frames},
        )

    def _present(self, positions: NDArray[np.float64], chosen: range) -> NDArray[np.bool_]:
        """Return which particles are in which frames, refusing coordinates that are neither numbers nor absent."""
        finite = np.asarray(np.isfinite(positions).all(axis=2))
        if finite.all():
            return finite
        absent = np.isnan(positions).all(axis=2) & (not self.trajectory.layout.complete)
        bad = ~(finite | absent)
        if bad.any():
            k, particle = np.argwhere(bad)[0]
            raise ConfigurationError(
                f"Particle {particle} has a coordinate that is not finite in frame {chosen[k]} of {self.trajectory.path}, "
                f"{self.positions} positions. Export other frames with `--start` and `--stop`, or make the store anew."
            )
        return finite


def wrap(box: Box, positions: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return positions inside the cell and the images they were in: ``wrapped + images @ box.vectors``.

    Examples
    --------
    >>> wrap(Box.orthorhombic([2.0, 2.0]), np.array([[-0.5, 4.25]]))
    (array([[1.5 , 0.25]]), array([[-1,  2]]))
    """
    images = box.images(positions)
    wrapped = positions - images @ box.vectors
    again = box.images(wrapped)  # rounding can leave a particle at exactly the upper face
    if again.any():
        wrapped, images = wrapped - again @ box.vectors, images + again
    return wrapped, images


def right_handed(box: Box) -> Box:
    """Return the same cell with the last vector reversed if the vectors were left-handed.

    Examples
    --------
    >>> right_handed(Box([[0.0, 2.0], [3.0, 0.0]])).vectors.tolist()
    [[0.0, 2.0], [-3.0, 0.0]]
    """
    if np.linalg.det(box.vectors) > 0:
        return box
    vectors = box.vectors.copy()
    vectors[-1] = 0.0 - vectors[-1]
    return Box(vectors, box.origin + box.vectors[-1], box.periodic)


def is_lower_triangular(box: Box) -> bool:
    """Whether **a** lies along x and **b** in the xy plane, as LAMMPS and HOOMD have it, with positive edges."""
    return not np.triu(box.vectors, 1).any() and bool((np.diag(box.vectors) > 0).all())


def in_three_dimensions(box: Box, low: float, periodic: bool) -> Box:
    """Return a two-dimensional box with a unit-thick third axis from z = `low`; a three-dimensional one as it is."""
    if box.dimension == 3:
        return box
    vectors = np.eye(3)
    vectors[:2, :2] = box.vectors
    return Box(vectors, np.append(box.origin, low), np.append(box.periodic, periodic))


def with_zeros(vectors: NDArray[Any]) -> NDArray[Any]:
    """Return vectors (n, d) with a third component of zero."""
    return (
        vectors
        if vectors.shape[1] == 3
        else np.column_stack([vectors, np.zeros(len(vectors), vectors.dtype)])
    )


@dataclass(frozen=True)
class Writer(ABC):
    """Writes one format. Members are frozen dataclasses; their fields are what the file name says beyond the format."""

    name: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]
    wraps: ClassVar[bool] = False
    """Whether positions are moved into the box if nobody says otherwise."""
    tables: ClassVar[bool] = False
    """Whether it writes tables of anything but particles, too."""

    @classmethod
    def for_file(cls, path: Path) -> Writer:  # noqa: ARG003
        """Return the member that a file name asks for."""
        return cls()

    @abstractmethod
    def write(self, path: Path, selection: Selection, blocks: Iterator[Block]) -> None:
        """Write all blocks to `path`, holding one of them at a time.

        Parameters
        ----------
        path : path
            A temporary name: its ending says nothing.
        selection : Selection
            What the blocks are of.
        blocks : iterator of Block
        """

    def write_table(self, path: Path, table: xr.Dataset) -> None:  # noqa: ARG002
        """Write a table that another verb made; only for members that say `tables`."""
        raise ParameterError(
            f"The format {self.name} holds particles; a table needs a file that ends in .parquet or .csv."
        )

    def notes(self, selection: Selection) -> list[str]:  # noqa: ARG002
        """Return what the format changes, for the user to know."""
        return []


def writer_for(path: Path, format: str | None = None) -> Writer:
    """Return the writer that a file name asks for.

    Raises
    ------
    ParameterError
        If no format has this ending.
    UnknownNameError
        If there is no such format.

    Examples
    --------
    >>> writer_for(Path("run.lammpstrj.gz"))
    LammpsDump(compressed=True)
    """
    if format is not None:
        kind: type[Writer] = WRITERS.load(format)
        return kind.for_file(path)
    endings: list[str] = []
    for name in WRITERS:
        kind = WRITERS.load(name)
        if path.name.lower().endswith(kind.suffixes):
            return kind.for_file(path)
        endings += kind.suffixes
    raise ParameterError(
        f"The ending of '{path.name}' says no format. Use one of {', '.join(endings)}, or name the format with `--format`: "
        f"{', '.join(sorted(WRITERS))}."
    )


@contextmanager
def written_whole(out: Path) -> Iterator[Path]:
    """Give a name beside `out` to write to, as `whole_file` does, also for libraries that hide why they failed.

    Raises
    ------
    DiskFullError
        If there is no room; `out` is then what it was.
    """
    with whole_file(out) as beside:
        try:
            yield beside
        except (OSError, RuntimeError) as error:
            is_full = shutil.disk_usage(out.parent).free < _FULL
            with suppress(OSError):
                os.truncate(
                    beside, 0
                )  # gsd never closes a file that it could not write to, so removing it frees nothing
            if is_full and getattr(error, "errno", None) is None:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
            raise
