"""Extended XYZ as text: where its frames begin, and one frame as columns. Every complaint names the line."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import FileFormatError

_PLAIN = "species:S:1:pos:R:3"
_LOGICAL = {b"T": True, b"True": True, b"TRUE": True, b"F": False, b"False": False, b"FALSE": False}
_LONGEST_HEADER = 10_000
_LARGE = 4_000_000


@dataclass(frozen=True, eq=False)
class XyzFrame:
    """One frame as it stands in the text.

    Parameters
    ----------
    comment : str
        The second line.
    values : dict
        Its ``key=value`` pairs, as ASE reads them.
    columns : dict of str to (n,) or (n, k) array
        By the names of ``Properties``; `species` and `pos` where there is no such entry.
    tokens : (n, 3) bytes or None
        Coordinates as they are written; None if the frame was read without looking at every word.
    unnamed : int
        Further columns of plain XYZ, which have no name.
    """

    comment: str
    values: Mapping[str, Any]
    columns: Mapping[str, NDArray[Any]]
    tokens: NDArray[np.bytes_] | None
    unnamed: int

    @property
    def digits(self) -> int:
        """Most significant digits that a coordinate is written with."""
        if self.tokens is None:
            return 0
        mantissas = (t.lower().split(b"e")[0].lstrip(b"+-").replace(b".", b"") for t in self.tokens.ravel())
        return max((len(m.lstrip(b"0")) for m in mantissas), default=0)


@dataclass(frozen=True)
class XyzFile:
    """A file of one frame after the other: number of atoms, comment, one line per atom.

    Parameters
    ----------
    path : path
        Plain or gz.
    """

    path: Path

    @property
    def is_compressed(self) -> bool:
        """Whether reading must begin at the first byte."""
        return self.path.suffix.lower() == ".gz"

    @property
    def is_large(self) -> bool:
        """Whether reading gains more from compiled code than loading that takes."""
        return self.path.stat().st_size > _LARGE

    def open(self) -> IO[bytes]:
        """Return the text as bytes."""
        if self.is_compressed:
            return cast("IO[bytes]", gzip.open(self.path, "rb"))
        return open(self.path, "rb")

    @cached_property
    def index(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Offset in bytes and number of the first line of each frame, (n_frames,) each.

        Raises
        ------
        FileFormatError
            If an atom count is not a number, or the last frame is cut off.
        """
        try:
            with self.open() as text:
                return self._index(text)
        except (OSError, EOFError) as error:
            raise FileFormatError(f"{self.path} cannot be read: {error}. Copy it again.") from error

    def _index(self, text: IO[bytes]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        offsets: list[int] = []
        lines: list[int] = []
        line, offset = 1, 0
        while header := text.readline(_LONGEST_HEADER):
            if not header.strip():
                if text.read().strip():
                    raise self._wrong_count(header, len(offsets), line)
                break
            count = self._count(header, len(offsets), line)
            got = sum(1 for _ in islice(text, count + 1))
            if got < count + 1:
                raise self._cut(len(offsets), line, max(got - 1, 0), count)
            offsets.append(offset)
            lines.append(line)
            line, offset = line + count + 2, text.tell()
        if not offsets:
            raise FileFormatError(f"{self.path} is empty; a frame begins with the number of its atoms.")
        return np.array(offsets), np.array(lines)

    def _count(self, header: bytes, frame: int, line: int) -> int:
        word = header.strip()
        if not word.isdigit():
            raise self._wrong_count(header, frame, line)
        return int(word)

    def _wrong_count(self, header: bytes, frame: int, line: int) -> FileFormatError:
        before = f", or frame {frame - 1} has another number of atoms than it says" if frame else ""
        return FileFormatError(
            f"{self.path}, frame {frame}, line {line}: the number of atoms should stand here; the line reads "
            f"'{_shown(header)}'. This is no XYZ file{before}."
        )

    def _cut(self, frame: int, line: int, got: int, count: int) -> FileFormatError:
        rescue = (
            f"`head -n {line - 1} {self.path.name}` keeps the frames before it" if frame else "Write it again"
        )
        return FileFormatError(
            f"{self.path}, frame {frame}, line {line}: the file ends after {got} of the {count} atoms of this frame. {rescue}."
        )

    def read(self, text: IO[bytes], frame: int, compiled: bool = False) -> XyzFrame:
        """Return one frame.

        Parameters
        ----------
        text : file
            From `open`; it need not stand anywhere in particular.
        frame : int
        compiled : bool
            Whether to parse by compiled code: the same bits, sooner. Frames that it does not understand are read word by
            word all the same, to say what is wrong with them.

        Raises
        ------
        FileFormatError
            If a line has too few or too many words, or a number is not a number.
        """
        from ase.io.extxyz import key_val_str_to_dict

        offset, line = (int(part[frame]) for part in self.index)
        if text.tell() != offset:
            text.seek(offset)
        count = self._count(text.readline(_LONGEST_HEADER), frame, line)
        comment = text.readline().decode("utf-8", "replace").strip()
        rows = list(islice(text, count))
        if len(rows) < count:
            raise self._cut(frame, line, len(rows), count)
        try:
            values = key_val_str_to_dict(comment) if comment else {}
        except (ValueError, TypeError, KeyError) as error:
            raise FileFormatError(
                f"{self.path}, frame {frame}, line {line + 1}: {error}. Correct this line."
            ) from error
        return _Table(self.path, frame, line + 2, rows).frame(comment, values, compiled)


_BEFORE = 16  # bytes that the parser may look at before the first field


@dataclass(frozen=True)
class _Table:
    """The lines of the atoms of one frame, of which the first is number `line`."""

    path: Path
    frame_index: int
    line: int
    rows: list[bytes]

    def complaint(self, row: int, what: str) -> FileFormatError:
        return FileFormatError(
            f"{self.path}, frame {self.frame_index}, line {self.line + row}: {what}; the line reads '{_shown(self.rows[row])}'."
        )

    def frame(self, comment: str, values: Mapping[str, Any], compiled: bool) -> XyzFrame:
        declared = values.get("Properties")
        spec = self.spec(str(declared or _PLAIN))
        width = sum(k for _, _, k in spec)
        full = width if declared is not None or not self.rows else max(width, len(self.rows[0].split()))
        tokens, columns = None, self.compiled_columns(spec, full) if compiled else None
        if columns is None:
            words, columns, at = self.words(full), {}, 0
            for name, kind, k in spec:
                part = words[:, at : at + k]
                tokens = part if name == "pos" else tokens
                columns[name] = self.converted(part, name, kind)
                at += k
        if columns.get("pos", np.empty(0)).shape[1:] != (3,) or columns["pos"].dtype.kind != "f":
            raise FileFormatError(
                f"{self.path}, frame {self.frame_index}, line {self.line - 1}: `Properties` names no positions, pos:R:3. It is "
                f"'{declared}'."
            )
        return XyzFrame(comment, values, columns, tokens, full - width)

    def compiled_columns(self, spec: list[tuple[str, str, int]], full: int) -> dict[str, NDArray[Any]] | None:
        """Return all columns, or None if there is anything that only a closer look can tell."""
        from vitrify.readers._dump_kernels import DONE, FLOAT, MARGIN, WHOLE, WORD, parse_rows

        letters = "".join(kind * k for _, kind, k in spec)
        kinds = np.array(
            [{"R": FLOAT, "I": WHOLE}.get(c, WORD) for c in letters] + [FLOAT] * (full - len(letters))
        )
        n, rows = len(self.rows), b"".join(self.rows)
        if not rows.endswith(b"\n"):
            return None
        table = np.empty((full, n), np.int64)  # of eight bytes each, whatever they mean
        text = np.frombuffer(b"\n" * _BEFORE + rows + b"\n" * MARGIN, np.uint8)
        targets = table.__array_interface__["data"][0] + 8 * n * np.arange(full)
        end = _BEFORE + len(rows)
        reason, _, _, at = parse_rows(text, end, _BEFORE, 0, n, 0, kinds, targets, np.full(full, 8))
        if reason != DONE or rows[at - _BEFORE :].strip():
            return None
        columns, at = {}, 0
        for name, kind, k in spec:
            values: NDArray[Any] = table[at : at + k].view(float if kind == "R" else np.int64).T
            if kind in "SL":  # few words stand in many rows: each is converted once
                codes, which = np.unique(values, return_inverse=True)
                words = [code.to_bytes(8, "big").lstrip(b"\0") for code in codes.tolist()]
                known = self.converted(np.array(words or [b"F"], np.bytes_)[:, None], name, kind)
                values = known[which.reshape(values.shape)]
            columns[name] = values if k > 1 or values.ndim == 1 else values[:, 0]
            at += k
        return columns

    def spec(self, declared: str) -> list[tuple[str, str, int]]:
        """Return name, type letter and number of columns of each property."""
        parts = declared.split(":")
        names, kinds, counts = parts[::3], parts[1::3], parts[2::3]
        if len(parts) % 3 or not set(kinds) <= set("RISL") or not all(c.isdigit() and int(c) for c in counts):
            raise FileFormatError(
                f"{self.path}, frame {self.frame_index}, line {self.line - 1}: `Properties` should be name:type:columns, "
                f"repeated, with a type of R, I, S or L, such as {_PLAIN}. It is '{declared}'."
            )
        return [(n, k, int(c)) for n, k, c in zip(names, kinds, counts, strict=True)]

    def words(self, full: int) -> NDArray[np.bytes_]:
        """Return the lines as words, (n, columns); all lines have as many."""
        table = [row.split() for row in self.rows]
        for k, row in enumerate(table):
            if len(row) != full:
                raise self.complaint(k, f"{full} columns are needed and {len(row)} are there")
        self.require_whole_end(table)
        return np.array(table, dtype=np.bytes_).reshape(len(table), full)

    def require_whole_end(self, table: list[list[bytes]]) -> None:
        """Refuse a last line that stops in the middle of a number."""
        if len(table) < 2 or self.rows[-1].endswith(b"\n"):
            return
        last, above = (len(row[-1].partition(b".")[2]) for row in (table[-1], table[-2]))
        if last < above:
            raise self.complaint(
                len(table) - 1, "the file ends in the middle of this line, before its last digits"
            )

    def converted(self, words: NDArray[np.bytes_], name: str, kind: str) -> NDArray[Any]:
        """Return words as reals, integers, text or truth values; one column as (n,)."""
        try:
            if kind == "S":
                values: NDArray[Any] = np.char.decode(words, "utf-8", "replace")
            elif kind == "L":
                values = np.array([_LOGICAL[w] for w in words.ravel().tolist()], bool).reshape(words.shape)
            else:
                values = words.astype(np.float64 if kind == "R" else np.int64)
        except (ValueError, KeyError, OverflowError) as error:
            raise self.not_a_value(words, name, kind) from error
        return values[:, 0] if words.shape[1] == 1 else values

    def not_a_value(self, words: NDArray[np.bytes_], name: str, kind: str) -> FileFormatError:
        readers: dict[str, Callable[[bytes], Any]] = {"R": float, "I": int, "L": _LOGICAL.__getitem__}
        reads = readers[kind]
        what = {"R": "a number", "I": "an integer", "L": "T or F"}[kind]
        for k, row in enumerate(words.tolist()):
            for word in row:
                try:
                    reads(word)
                except (ValueError, KeyError):
                    return self.complaint(k, f"'{_shown(word)}' in the column '{name}' is not {what}")
        return self.complaint(0, f"the column '{name}' does not fit {what}")


def _shown(text: bytes) -> str:
    """Return the beginning of a line, readable whatever it is."""
    return repr(text.strip()[:60].decode("utf-8", "replace"))[1:-1]
