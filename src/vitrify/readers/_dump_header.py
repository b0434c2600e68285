"""What stands before the rows of a frame in a text dump: step, box, columns and what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ConfigurationError, FileFormatError

if TYPE_CHECKING:
    from vitrify.particles.box import Box

FORMS = (  # in the order of preference: columns, whether they are scaled, whether unwrapped
    (("xu", "yu", "zu"), False, True),
    (("x", "y", "z"), False, False),
    (("xsu", "ysu", "zsu"), True, True),
    (("xs", "ys", "zs"), True, False),
)
IMAGES = ("ix", "iy", "iz")
WORDS = ("element", "typelabel")
_ITEMS = {"'ITEM: TIMESTEP'": "step", "'ITEM: NUMBER OF ATOMS'": "n", "'ITEM: BOX BOUNDS'": "bounds"}
_OTHER_DUMPS = ("ITEM: ENTRIES", "ITEM: NUMBER OF ENTRIES", "ITEM: GRID", "ITEM: NUMBER OF GRID")


class Where(NamedTuple):
    """A frame, for messages."""

    path: Path
    frame: int
    line: int

    def words(self, below: int = 0) -> str:
        """Return file, frame and the line that is `below` the first of the frame."""
        return f"{self.path}, frame {self.frame}, line {self.line + below}"

    def error(self, what: str, below: int = 0) -> FileFormatError:
        """Return an error about a line."""
        return FileFormatError(f"{self.words(below)}: {what}.")


class Plan(NamedTuple):
    """Which columns mean what."""

    positions: tuple[str, ...]
    scaled: bool
    unwrapped: bool
    images: tuple[str, ...]
    label: str | None


@dataclass(frozen=True, eq=False)
class Header:
    """What stands before the rows of a frame.

    Parameters
    ----------
    step, n : int
    columns : tuple of str
    bounds : (3, 2), (3, 3) or (3, 4) float
        Low and high; with tilts; or vectors and origin.
    flags : tuple of str or None
        Boundaries along each axis, where the header tells them.
    time : float or None
    units : str or None
    n_lines, n_bytes : int
        Lengths of the header.
    where : Where
    """

    step: int
    n: int
    columns: tuple[str, ...]
    bounds: NDArray[np.float64]
    flags: tuple[str, ...] | None
    time: float | None
    units: str | None
    n_lines: int
    n_bytes: int
    where: Where

    @property
    def depth(self) -> str | None:
        """The column that tells z; None if no complete set of positions has one.

        Raises
        ------
        FileFormatError
            If there is a z, but x and y are of another form.
        """
        for form, _, _ in FORMS:
            if set(form) <= set(self.columns):
                return form[2]
        if any(form[2] in self.columns for form, _, _ in FORMS):
            raise self._positions_error("x y z")
        return None

    def plan(self, dimension: int) -> Plan:
        """Return which columns mean what in so many dimensions."""
        for names, scaled, unwrapped in FORMS:
            form = names[:dimension]
            if set(form) <= set(self.columns):
                images = IMAGES[:dimension]
                if unwrapped or not set(images) <= set(self.columns):
                    images = ()
                label = next((name for name in (*WORDS, "type") if name in self.columns), None)
                return Plan(form, scaled, unwrapped, images, label)
        raise self._positions_error("x y z"[: 2 * dimension - 1])

    def _positions_error(self, wanted: str) -> FileFormatError:
        return self.where.error(
            f"positions need columns of one form, {wanted} or the same with xu, xs or xsu; it has {' '.join(self.columns)}. "
            "Write the dump with one of those",
            self.n_lines - 1,
        )

    def box(self, dimension: int) -> Box:
        """Return the cell; z is left away in 2D."""
        try:
            return _box(self.bounds.tobytes(), self.bounds.shape[1], self.flags, dimension)
        except ConfigurationError as error:
            words = f"{error} Repair the box, or leave the frame out"
            raise self.where.error(words, self.n_lines - 1) from error


@lru_cache(maxsize=4)
def _box(bounds: bytes, width: int, flags: tuple[str, ...] | None, dimension: int) -> Box:
    """Return the cell of a header; in a run at constant volume it is always the same."""
    from vitrify.particles.box import Box

    vectors, origin = _cell(np.frombuffer(bounds).reshape(3, width))
    periodic = np.array([f == "pp" for f in flags] if flags else [True] * 3)
    if dimension == 2:
        if vectors[:2, 2].any() or vectors[2, :2].any():
            raise ConfigurationError(
                f"In 2D the third cell vector must stand upright on the others; they are {vectors.tolist()}."
            )
        vectors, origin, periodic = vectors[:2, :2], origin[:2], periodic[:2]
    return Box(vectors, origin, periodic)


def _cell(bounds: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return cell vectors and origin in three dimensions."""
    if bounds.shape[1] == 4:
        return bounds[:, :3].copy(), bounds[:, 3].copy()
    low, high = bounds[:, 0].copy(), bounds[:, 1].copy()
    xy, xz, yz = bounds[:, 2] if bounds.shape[1] == 3 else (0.0, 0.0, 0.0)
    low[:2] -= min(0.0, xy, xz, xy + xz), min(0.0, yz)
    high[:2] -= max(0.0, xy, xz, xy + xz), max(0.0, yz)
    if not (high > low).all():
        raise ConfigurationError(
            f"The box reaches from {low.tolist()} to {high.tolist()}; the second must be larger along every axis."
        )
    vectors = np.diag(high - low)
    vectors[1, 0], vectors[2, 0], vectors[2, 1] = xy, xz, yz
    return vectors, low


class _Lines:
    """The lines of a header one by one, with their numbers."""

    def __init__(self, text: bytes, where: Where) -> None:
        self.text, self.where = text, where
        self.at, self.count = 0, 0

    def next(self) -> str:
        end = self.text.find(b"\n", self.at)
        if end < 0:
            raise self.where.error(
                "the header of this frame has no end. 'ITEM: ATOMS' and its columns must follow; take the frame out",
                self.count,
            )
        line = self.text[self.at : end].decode(errors="replace").strip()
        self.at, self.count = end + 1, self.count + 1
        return line

    def numbers(self, how_many: int, what: str) -> list[float]:
        line = self.next()
        try:
            values = [float(word) for word in line.split()]
        except ValueError:
            values = []
        if len(values) != how_many or not np.isfinite(values).all():
            raise self.error(
                f"{what} needs {how_many} number{'s' * (how_many > 1)}; it has '{line}'. Repair that line"
            )
        return values

    def whole(self, what: str) -> int:
        line = self.next()
        if not line.removeprefix("-").isdecimal():
            raise self.error(f"{what} must be a whole number; it is '{line}'. Repair that line")
        return int(line)

    def error(self, what: str) -> FileFormatError:
        """Return an error about the line that was read last."""
        return self.where.error(what, self.count - 1)


def read_header(text: bytes, where: Where) -> Header:
    """Return what stands before the rows; items in any order, unknown ones passed over.

    Raises
    ------
    FileFormatError
        Naming the line, if something is absent or no number.
    """
    lines = _Lines(text, where)
    found: dict[str, Any] = {"time": None, "units": None}
    line = lines.next()
    while not line.startswith("ITEM: ATOMS"):
        if line == "ITEM: TIMESTEP":
            found["step"] = lines.whole("the step")
        elif line == "ITEM: NUMBER OF ATOMS":
            found["n"] = lines.whole("the number of atoms")
            if found["n"] < 0:
                raise lines.error(
                    f"the number of atoms is {found['n']}; it cannot be negative. Repair that line"
                )
        elif line == "ITEM: TIME":
            (found["time"],) = lines.numbers(1, "the time")
        elif line == "ITEM: UNITS":
            found["units"] = lines.next()
        elif line.startswith("ITEM: BOX BOUNDS"):
            found |= _read_bounds(line.split()[3:], lines)
        elif line.startswith(_OTHER_DUMPS):
            raise lines.error(
                f"'{line}' is not a dump of atoms. Read what `dump custom` or `dump atom` wrote"
            )
        line = lines.next()
    columns = tuple(line.split()[2:])
    absent = [item for item, key in _ITEMS.items() if key not in found] or (
        [] if columns else ["its columns"]
    )
    if absent:
        raise lines.error(
            f"'{line}' comes without {' and '.join(absent)}, which a frame needs. Take the frame out"
        )
    if len(set(columns)) < len(columns):
        raise lines.error(f"a column is named twice: {' '.join(columns)}. Rename one")
    return Header(columns=columns, n_lines=lines.count, n_bytes=lines.at, where=where, **found)


def _read_bounds(words: list[str], lines: _Lines) -> dict[str, Any]:
    """Return the three lines of a box, and its boundary flags."""
    general = words[:2] == ["abc", "origin"]
    tilted = words[:3] == ["xy", "xz", "yz"]
    flags = words[2:] if general else words[3:] if tilted else words
    if len(flags) not in (0, 3) or not all(len(f) == 2 and set(f) <= set("pfsm") for f in flags):
        raise lines.error(
            f"the boundaries must be three of pp, ff, ss, mm, fs …; they are '{' '.join(flags)}'. Repair that line"
        )
    width = 4 if general else 3 if tilted else 2
    bounds = np.array(
        [lines.numbers(width, f"the box along {axis}") for axis in ("abc" if general else "xyz")]
    )
    return {"bounds": bounds, "flags": tuple(flags) or None}
