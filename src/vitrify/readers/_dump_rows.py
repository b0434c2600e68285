"""The rows of a frame in a text dump: every column as an array, every odd field looked at or refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import FileFormatError
from vitrify.readers._dump_header import FORMS, IMAGES, WORDS, Where, read_header
from vitrify.readers._dump_index import HEADER, Frames
from vitrify.readers._dump_kernels import (
    DONE,
    ENDED,
    FLOAT,
    LOOK,
    MARGIN,
    WHOLE,
    WORD,
    WORD_BYTES,
    first_repeated,
    parse_rows,
)
from vitrify.readers._dump_stream import Stream

_COORDINATES = {name for form, _, _ in FORMS for name in form}
_WHOLE = {"id", "mol", "type", "proc", "procp1", *IMAGES}
_WHOLE_PREFIXES = ("i_", "i2_")
_COLUMNS = re.compile(rb"^ITEM: ATOMS[^\n]*\n", re.MULTILINE)
_FIRST_LOOK = 1000  # bytes that nearly every header fits into
_FIELD = re.compile(rb"[^\x00-\x20]+")
_NUMBER_CHARACTERS = frozenset(b"0123456789+-.eE")
_NOT_FINITE = {b"nan", b"inf", b"infinity"}
_FIRST_ROWS = 10_000  # bytes of rows that say how numbers are written
_MOST_TYPES = 100_000
_TYPES = {FLOAT: np.float64, WHOLE: np.int64, WORD: np.int64}
_LONG_WORD = 1 << 8 * WORD_BYTES  # codes from here on count the words that are too long to be packed
_CHANGED = "the file is not what it was when it was opened; something writes to it. Wait until it ends, or read a copy"


class Rows:
    """The text of one frame; its fields are parsed when they are asked for.

    Parameters
    ----------
    text : (m,) uint8
        With `MARGIN` line ends behind the frame.
    length : int
        Of the frame, in bytes.
    step : int
        That it had when it was found.
    where : Where

    Raises
    ------
    FileFormatError
        If the header is not right, or not that of this step.
    """

    def __init__(self, text: NDArray[np.uint8], length: int, step: int, where: Where) -> None:
        self.text, self.length, self.where = text, length, where
        head = text[: min(length, _FIRST_LOOK)].tobytes()
        if _COLUMNS.search(head) is None:
            head = text[: min(length, HEADER)].tobytes()
        self.header = read_header(head, where)
        if self.header.step != step:
            raise where.error(_CHANGED)

    @property
    def n(self) -> int:
        """Rows that the header promises."""
        return self.header.n

    def fields(self, *together: tuple[str, ...]) -> dict[str, NDArray[Any]]:
        """Return every column: float64, int64 or text.

        Parameters
        ----------
        *together : tuple of str
            Columns of one kind that are to be columns of one table, which is returned under the first one's name.

        Raises
        ------
        FileFormatError
            If rows or fields are missing or too many, or a field is not what its column holds.
        """
        if 2 * self.n * len(self.header.columns) > self.length + 1:  # before memory is asked for
            raise self._error_of_end(self._whole_rows())
        kinds = self._kinds()
        tables, places = self._tables(kinds, together)
        targets, strides = np.array([place[2:] for place in places], np.int64).T.copy()
        long_words: list[str] = []
        reason, row, column, at = LOOK, 0, 0, self.header.n_bytes
        while reason != DONE:
            reason, row, column, at = parse_rows(
                self.text, self.length, at, row, self.n, column, kinds, targets, strides
            )
            if reason == LOOK:
                word = _FIELD.match(self._line(at)).group()  # type: ignore[union-attr]
                name, k, *_ = places[column]
                tables[name].reshape(self.n, -1)[row, k] = self._looked_at(
                    word, int(kinds[column]), row, column, long_words
                )
                at, column = at + len(word), column + 1
            elif reason == ENDED:
                raise self._error_of_end(row)
            elif reason != DONE:
                raise self._error_of_row(row, at)
        if self.text[at : self.length].tobytes().strip():
            raise self.where.error(
                f"there is more than the {self.n} rows that this frame promises. Repair the number of atoms, or leave the "
                "frame out",
                self.header.n_lines + self.n,
            )
        for name, kind in zip(self.header.columns, kinds, strict=True):
            if kind == WORD:
                tables[name] = _unpacked(tables[name], long_words)
        return tables

    def _tables(
        self, kinds: NDArray[np.int64], together: tuple[tuple[str, ...], ...]
    ) -> tuple[dict[str, NDArray[Any]], list[tuple[str, int, int, int]]]:
        """Return the arrays to fill under their names; of each column the array, its place there, address and stride."""
        kind_of = dict(zip(self.header.columns, kinds.tolist(), strict=True))
        grouped = [names for names in together if names]
        alone = set(kind_of).difference(*grouped)
        tables: dict[str, NDArray[Any]] = {}
        places: dict[str, tuple[str, int, int, int]] = {}
        for names in (*grouped, *((name,) for name in self.header.columns if name in alone)):
            first, width = names[0], len(names)
            shape = self.n if first in alone else (self.n, width)
            tables[first] = np.empty(shape, _TYPES[kind_of[first]])
            address = tables[first].__array_interface__["data"][0]
            for k, name in enumerate(names):
                places[name] = (first, k, address + 8 * k, 8 * width)
        return tables, [places[name] for name in self.header.columns]

    def _kinds(self) -> NDArray[np.int64]:
        """Return the kind of each column, from its name and, where this leaves it open, from the first row."""
        first = self._line(self.header.n_bytes).split() if self.n else []
        kinds = []
        for k, name in enumerate(self.header.columns):
            word = first[k] if k < len(first) else b"0"
            if name in WORDS or (name == "type" and not word.removeprefix(b"-").isdigit()):
                kinds.append(WORD)
            elif name in _WHOLE or name.startswith(_WHOLE_PREFIXES):
                kinds.append(WHOLE)
            elif name in _COORDINATES or _number(word) is not None:
                kinds.append(FLOAT)
            else:
                kinds.append(WORD)
        return np.array(kinds, np.int64)

    def _line(self, at: int) -> bytes:
        """Return what follows in the same line."""
        return self.text[at : min(self.length, at + HEADER)].tobytes().split(b"\n", 1)[0]

    def _looked_at(self, word: bytes, kind: int, row: int, column: int, long_words: list[str]) -> float:
        """Return the value of a field that is no plain decimal, or refuse it."""
        what = "a number"
        if kind == WORD:
            long_words.append(word.decode(errors="replace"))
            return _LONG_WORD + len(long_words) - 1
        if kind == WHOLE:
            what = "a whole number"
            if word.removeprefix(b"-").isdigit() and -(2**63) <= int(word) < 2**63:
                return int(word)
        elif (value := _number(word)) is not None:
            return value
        raise self.where.error(
            f"the column {self.header.columns[column]} has '{word.decode(errors='replace')}', which is not {what}. Repair "
            "that line, or leave the frame out",
            self.header.n_lines + row,
        )

    def _whole_rows(self) -> int:
        return int(np.count_nonzero(self.text[self.header.n_bytes : self.length] == ord("\n")))

    def _error_of_end(self, row: int) -> FileFormatError:
        return self.where.error(
            f"the frame ends after {row} of its {self.n} rows. It was not written to its end; take it out of the file",
            self.header.n_lines + row,
        )

    def _error_of_row(self, row: int, at: int) -> FileFormatError:
        """Return what is wrong with a row of too few or too many fields, up to a place in the text."""
        line = self._line(1 + self.text[:at].tobytes().rfind(b"\n"))
        if line.startswith(b"ITEM:"):
            return self._error_of_end(row)
        return self.where.error(
            f"this row has {len(line.split())} fields and there are {len(self.header.columns)} columns "
            f"({' '.join(self.header.columns)}). Repair that line, or leave the frame out",
            self.header.n_lines + row,
        )

    def require_finite(self, positions: NDArray[np.float64], names: tuple[str, ...]) -> None:
        """Refuse coordinates that are nan or infinite."""
        if np.isfinite(positions.sum()):
            return
        bad = ~np.isfinite(positions)
        if bad.any():
            row, k = (int(i) for i in np.argwhere(bad)[0])
            raise self.where.error(
                f"the coordinate {names[k]} is {positions[row, k]}, and {int(bad.any(axis=1).sum())} particles of this frame "
                "have such coordinates. The run had failed there; read the frames before it",
                self.header.n_lines + row,
            )

    def shared_depth(self) -> float | None:
        """Return the z that all particles have, if there are at least two; None if they differ or there is no z."""
        z = self.header.depth
        if z is None or self.n < 2:
            return None
        at = self.header.columns.index(z)
        if len({row[at] for row in self._first_rows() if len(row) > at}) > 1:  # most often, and at once
            return None
        values = self.fields()[z]
        return float(values[0]) if (values == values[0]).all() else None

    def require_flat(self, values: NDArray[np.float64]) -> None:
        """Refuse z that differ, where the first frame has made the trajectory 2D."""
        if len(values) and (row := int(np.argmax(values != values[0]))):
            raise self.where.error(
                f"the column {self.header.depth} has different values here, but one value in the first frame, which was therefore "
                "read as 2D. Say `dimension` = 3, or 2 to leave z out",
                self.header.n_lines + row,
            )

    def require_distinct(self, ids: NDArray[np.int64]) -> None:
        """Refuse an id that stands in two rows."""
        row = first_repeated(ids) if len(ids) else -1
        if row >= 0:
            first = self.where.line + self.header.n_lines + int(np.argmax(ids == ids[row]))
            raise self.where.error(
                f"the id {ids[row]} stands there again; it is in line {first} already. Write each particle once per frame",
                self.header.n_lines + row,
            )

    def significant_digits(self, dimension: int) -> int:
        """Return the most significant digits that a coordinate of the first rows has; 0 without rows."""
        at = [self.header.columns.index(name) for name in self.header.plan(dimension).positions]
        return max(
            (_significant(row[k]) for row in self._first_rows() if len(row) > max(at) for k in at), default=0
        )

    def _first_rows(self) -> list[list[bytes]]:
        """Return the fields of some rows as they are written."""
        begin = self.header.n_bytes
        text = self.text[begin : min(self.length, begin + _FIRST_ROWS)].tobytes()
        return [line.split() for line in text.split(b"\n")[: self.n]]


def read_rows(index: Frames, start: int, stop: int | None) -> Iterator[Rows]:
    """Yield the text of frames [start, stop), one at a time in the same memory.

    Raises
    ------
    FileFormatError
        If a file cannot be read any more, or has changed.
    """
    stream: Stream | None = None
    text = np.empty(0, np.uint8)
    try:
        for k in range(*slice(start, stop).indices(len(index.steps))):
            where = Where(index.paths[index.file[k]], k, int(index.lines[k]))
            if stream is None or stream.path != where.path:
                if stream is not None:
                    stream.close()
                stream = _opened(where.path)
            length = int(index.ends[k] - index.begins[k])
            if length + MARGIN > len(text):
                text = np.empty(length + length // 16 + MARGIN, np.uint8)
            stream.go_to(int(index.begins[k]))
            there = stream.read_into(memoryview(text)[:length])  # type: ignore[arg-type]
            text[length : length + MARGIN] = ord("\n")
            if there < length or text[:5].tobytes() != b"ITEM:":
                raise where.error(_CHANGED)
            yield Rows(text, length, int(index.steps[k]), where)
    finally:
        if stream is not None:
            stream.close()


def _opened(path: Path) -> Stream:
    try:
        return Stream(path)
    except OSError as error:
        raise FileFormatError(f"{path} cannot be read: {error.strerror or error}. Check the path.") from error


def _number(word: bytes) -> float | None:
    """Return the value of a word, or None if C would not write a number so."""
    if not (_NUMBER_CHARACTERS.issuperset(word) or word.lower().lstrip(b"+-") in _NOT_FINITE):
        return None
    try:
        return float(word)
    except ValueError:
        return None


def _significant(word: bytes) -> int:
    """Return how many digits a word has from its first one that is not 0."""
    mantissa = word.lower().partition(b"e")[0].lstrip(b"+-").replace(b".", b"")
    return len(mantissa.lstrip(b"0"))


def _unpacked(codes: NDArray[np.int64], long_words: list[str]) -> NDArray[np.str_]:
    """Return the words that codes stand for."""
    known, inverse = np.unique(codes, return_inverse=True)
    words = [
        long_words[code - _LONG_WORD]
        if code >= _LONG_WORD
        else code.to_bytes(8, "big").lstrip(b"\0").decode(errors="replace")
        for code in known.tolist()
    ]
    return np.array(words, np.str_)[inverse] if words else np.empty(0, np.str_)


def labels_of(kinds: NDArray[Any] | None, n: int) -> NDArray[np.str_]:
    """Return elements as they are, types as text; a table of numbers is cheaper than a text for each particle."""
    if kinds is None:
        return np.full(n, "1")
    if kinds.dtype.kind == "U" or not n:
        return kinds.astype(np.str_)
    low, high = min(0, int(kinds.min())), int(kinds.max())
    if high - low >= _MOST_TYPES:
        known, kinds = np.unique(kinds, return_inverse=True)
    else:
        known, kinds = np.arange(low, high + 1), kinds - low if low else kinds
    words = known.astype(f"U{max(len(str(low)), len(str(high)))}")
    if words.itemsize > 4:
        return words[kinds]
    return words.view(np.uint32).take(kinds).view(words.dtype)  # faster for one letter than gathering text
