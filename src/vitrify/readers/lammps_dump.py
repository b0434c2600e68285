"""Text dumps of LAMMPS: every form of columns and boxes, plain or gz, one file or several in a row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import FileFormatError, ParameterError
from vitrify.readers.base import FileFrame, Reader

if TYPE_CHECKING:
    from vitrify.readers._dump_header import Header
    from vitrify.readers._dump_index import Frames
    from vitrify.readers._dump_rows import Rows

_FEW_DIGITS = 7


@dataclass(frozen=True)
class LammpsDump(Reader):
    r"""Text dumps of LAMMPS (``dump atom`` and ``dump custom``), frame by frame in float64, as exact as their text.

    Positions are taken from the first complete set of ``xu``, ``x``, ``xsu``, ``xs`` (with y and z). Scaled ones become
    Cartesian by the box of their own frame,

    .. math::

        \mathbf r = \mathbf o + x_s \mathbf a + y_s \mathbf b + z_s \mathbf c

    with the cell vectors **a**, **b**, **c** and the corner **o**; what the header gives for a tilted box is the box
    around it, from which the corner follows as :math:`x_{lo} = x_{lo}^{bound} - \min(0, xy, xz, xy + xz)`,
    :math:`y_{lo} = y_{lo}^{bound} - \min(0, yz)`.

    Parameters
    ----------
    files : tuple of path
        Plain or gz, in the order of time. A frame whose step is reached again later, as after a restart, is left out: the
        later one continues. Files are put in the order of their first steps.
    dimension : {2, 3}, optional
        By default 2 if there is no z column, or if all particles of the first frame have the same z; else 3. `notes` says
        which. With 2, z is not looked at.
    time_step : float, time, optional
        Time of one step. By default the ``ITEM: TIME`` of each frame, where there is one.

    Raises
    ------
    ParameterError
        If `dimension` is not 2 or 3, or `time_step` is not positive.
    FileFormatError
        When frames are asked for: naming file, frame, line and column of what cannot be right.

    Notes
    -----
    **Scale**: a number is the float64 nearest to its text, the same bits as ``float(text)``. LAMMPS writes 6 significant
    digits unless told otherwise (``dump_modify … format float %.17g``); `precision` counts them.
    **Differs from**: readers that unwrap tilted boxes by the edge lengths, as if they had right angles; that leave scaled
    columns scaled; that drop ids and images; that round to float32.
    **Invariant under**: the order of the rows, which stays as it is; line ends of Windows; compression; the frame that
    reading begins with.
    **Cost**: one pass that looks for the beginnings of frames, then each frame once: its text and its numbers are in memory,
    nothing more. Plain files are entered at any frame; gz is decompressed up to it.

    Examples
    --------
    >>> import tempfile
    >>> text = '''ITEM: TIMESTEP
    ... 100
    ... ITEM: NUMBER OF ATOMS
    ... 2
    ... ITEM: BOX BOUNDS xy xz yz pp pp ff
    ... 0.0 12.0 2.0
    ... 0.0 10.0 0.0
    ... 0.0 10.0 0.0
    ... ITEM: ATOMS id type xs ys zs ix iy iz
    ... 2 1 0.5 0.5 0.25 0 1 0
    ... 1 2 0.0 0.0 0.75 0 0 0
    ... '''
    >>> path = Path(tempfile.mkdtemp()) / "melt.lammpstrj"
    >>> _ = path.write_text(text)
    >>> frame = next(LammpsDump((path,)).frames())
    >>> frame.positions.tolist()
    [[6.0, 5.0, 2.5], [0.0, 0.0, 7.5]]
    >>> frame.box.unwrap(frame.positions, frame.images).tolist()
    [[8.0, 15.0, 2.5], [0.0, 0.0, 7.5]]
    """

    name: ClassVar[str] = "lammps_dump"
    suffixes: ClassVar[tuple[str, ...]] = (".lammpstrj", ".lammpsdump", ".lammpstrj.gz", ".lammpsdump.gz")
    dimension: int | None = None
    time_step: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "files", tuple(Path(f) for f in self.files))
        if self.dimension not in (None, 2, 3):
            raise ParameterError(f"`dimension` must be 2 or 3; it is {self.dimension}.")
        if self.time_step is not None and not 0 < self.time_step < np.inf:
            raise ParameterError(f"`time_step` must be positive; it is {self.time_step}.")

    @classmethod
    def recognizes(cls, path: Path) -> bool:
        """Whether a file begins as a dump does, compressed or not, or has a name that only dumps have."""
        from vitrify.readers._dump_stream import Stream

        if path.name.lower().endswith(cls.suffixes):
            return True
        first = bytearray(6)
        try:
            with Stream(path) as stream:
                stream.read_into(memoryview(first))
        except (OSError, FileFormatError):
            return False
        return bytes(first) == b"ITEM: "

    # -- where the frames are ----------------------------------------------------------------------------------------

    @cached_property
    def _index(self) -> Frames:
        """Places of all frames; found once, and sent along to other processes."""
        from vitrify.readers._dump_index import Frames

        return Frames.find(self.files)

    @property
    def n_frames(self) -> int:
        """Whole frames in all files, without those that are reached again later."""
        return len(self._index.steps)

    @property
    def steps(self) -> NDArray[np.int64]:
        """Step of each frame, ascending, (F,)."""
        return self._index.steps.copy()

    @property
    def random_access(self) -> bool:
        """Whether no file is compressed."""
        return not self._index.compressed

    # -- frames ------------------------------------------------------------------------------------------------------

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[FileFrame]:
        """Yield frames [start, stop); the text and the numbers of one of them are in memory.

        Raises
        ------
        FileFormatError
            Naming file, frame, line and column.
        """
        dimension = self._dimension
        for rows in self._rows(start, stop):
            yield self._frame(rows, dimension)

    def _rows(self, start: int, stop: int | None) -> Iterator[Rows]:
        """Yield the text of frames."""
        from vitrify.readers._dump_rows import read_rows

        return read_rows(self._index, start, stop)

    def _frame(self, rows: Rows, dimension: int) -> FileFrame:
        from vitrify.readers._dump_rows import labels_of

        header = rows.header
        plan, box = header.plan(dimension), header.box(dimension)
        fields = rows.fields(plan.positions, plan.images)
        positions = fields.pop(plan.positions[0])
        images = fields.pop(plan.images[0]) if plan.images else None
        rows.require_finite(positions, plan.positions)
        if self.dimension is None and dimension == 2 and header.depth is not None:
            rows.require_flat(fields[header.depth])
        if plan.scaled:
            positions = box.origin + positions @ box.vectors
        kinds = fields.pop(plan.label) if plan.label else None
        if (ids := fields.pop("id", None)) is not None:
            rows.require_distinct(ids)
        return FileFrame(
            positions=positions,
            box=box,
            labels=labels_of(kinds, rows.n),
            ids=ids,
            images=images,
            unwrapped=plan.unwrapped,
            time=header.time if self.time_step is None else header.step * self.time_step,
            step=header.step,
            columns=fields,
            label=rows.where.words(),
        )

    # -- what the files are ------------------------------------------------------------------------------------------

    @cached_property
    def _first(self) -> tuple[Header, float | None]:
        """Header of the first frame, and the z that all its particles share if there are at least two of them."""
        rows = next(self._rows(0, 1))
        return rows.header, rows.shared_depth() if self.dimension is None else None

    @property
    def _dimension(self) -> int:
        if self.dimension is not None:
            return self.dimension
        header, shared = self._first
        return 2 if header.depth is None or shared is not None else 3

    @property
    def units(self) -> str | None:
        """Style of units that the first frame names (``dump_modify … units yes``); None if it names none."""
        return self._first[0].units

    @cached_property
    def _digits(self) -> int | None:
        other = self.n_frames // 2 if self.random_access else min(1, self.n_frames - 1)
        counts = [
            rows.significant_digits(self._dimension) for k in {0, other} for rows in self._rows(k, k + 1)
        ]
        return max((c for c in counts if c), default=None)

    @property
    def precision(self) -> int | None:
        """Most significant digits of a coordinate in two of the frames; None without particles."""
        return self._digits

    def notes(self) -> list[str]:
        """Return what was left out, what was assumed, and whether there are few digits."""
        found = list(self._index.notes)
        header, shared = self._first
        if self.dimension is None and self._dimension == 2:
            found.append(
                "Read as 2D: there is no z column."
                if header.depth is None
                else f"Read as 2D: all particles of the first frame have {header.depth} = {shared:g}. If it is not, say "
                "`dimension` = 3."
            )
        if header.flags is None:
            found.append("The box lines do not say which boundaries are periodic: all are taken to be.")
        if "id" not in header.columns:
            found.append("There are no ids: row k is taken to be the same particle in every frame.")
        if header.plan(self._dimension).label is None:
            found.append("There is neither an element nor a type: all particles are of one species.")
        if (digits := self.precision) is not None and digits < _FEW_DIGITS:
            found.append(
                f"Positions carry {digits} significant digits; displacements of inherent structures need more. Write dumps "
                "with `dump_modify … format float %.17g`."
            )
        return found
