"""Where the frames of a text dump begin: each file searched once, in blocks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import FileFormatError
from vitrify.readers._dump_kernels import MARGIN, next_mark
from vitrify.readers._dump_stream import Stream

BLOCK = 256 << 10
HEADER = 16 << 10  # no header is longer
_MARK = b"ITEM: TIMESTEP"
_BEFORE = 256  # bytes in which units and time stand before it
_BEFORE_MARK = re.compile(rb"(?:^ITEM: (?:UNITS|TIME)[ \t\r]*\n[^\n]*\n)+\Z", re.MULTILINE)
_COUNT = re.compile(rb"^ITEM: NUMBER OF ATOMS[^\n]*\n\s*(\d+)", re.MULTILINE)
_COLUMNS = re.compile(rb"^ITEM: ATOMS([^\n]*)\n", re.MULTILINE)
_OTHER_ROWS = re.compile(rb"^ITEM: (?:ENTRIES|GRID)", re.MULTILINE)


@dataclass(frozen=True, eq=False)
class FileIndex:
    """Where the whole frames of one file are.

    Parameters
    ----------
    begins, ends : (f,) int
        Bytes of the text.
    lines : (f,) int
        Line that each begins with, from 1.
    steps : (f,) int
    compressed : bool
    cut : str
        What is missing of a last frame that is not whole and was left out; empty if nothing is.
    unfinished : bool
        Whether a compressed file ends before its end mark.
    """

    begins: NDArray[np.int64]
    ends: NDArray[np.int64]
    lines: NDArray[np.int64]
    steps: NDArray[np.int64]
    compressed: bool
    cut: str
    unfinished: bool


def index_file(path: Path) -> FileIndex:
    """Search a file for its frames.

    Raises
    ------
    FileFormatError
        If it cannot be read, is no dump, is empty, or has a step that is no whole number.
    """
    try:
        with Stream(path) as stream:
            return _Search(path).run(stream)
    except OSError as error:
        raise FileFormatError(f"{path} cannot be read: {error.strerror or error}. Check the path.") from error


class _Search:
    """One pass over a file, with a window that holds a block and the longest header."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.begins: list[int] = []
        self.lines: list[int] = []
        self.steps: list[int | None] = []
        self.window = np.empty(_BEFORE + BLOCK + HEADER + MARGIN, np.uint8)
        self.filled = 0
        self.base = 0  # bytes before the window
        self.searched = 0  # where to go on, in the window
        self.line = 1  # there
        self.head = b""  # of the last frame found

    def run(self, stream: Stream) -> FileIndex:
        """Return where the frames are."""
        room = memoryview(self.window)[:-MARGIN]  # type: ignore[arg-type]
        while n := stream.read_into(room[self.filled :]):
            self.filled += n
            self._find(self.filled - HEADER)
            self._drop(self.searched - _BEFORE)
        self.window[self.filled : self.filled + MARGIN] = 0
        self._find(self.filled)
        size = self.base + self.filled
        if not self.begins:
            raise self._no_frames(size, stream.cut)
        if self.begins[0]:
            raise FileFormatError(
                f"{self.path}, line 1: this is not the beginning of a frame; the first one begins in line {self.lines[0]}. "
                "Remove what stands before it."
            )
        cut, end = self._last_frame(size)
        whole = len(self.begins) - bool(cut)
        for k in range(whole):
            if self.steps[k] is None:
                raise FileFormatError(
                    f"{self.path}, frame {k}, line {self.lines[k]}: the step of this frame is not a whole number. Repair "
                    "the line below, or take the frame out."
                )
        return FileIndex(
            np.array(self.begins[:whole], np.int64),
            np.array([*self.begins[1:], end][:whole], np.int64),
            np.array(self.lines[:whole], np.int64),
            np.array(self.steps[:whole], np.int64),
            stream.compressed,
            cut,
            stream.cut,
        )

    def _drop(self, n: int) -> None:
        """Forget the first bytes of the window."""
        if n > 0:
            self.window[: self.filled - n] = self.window[n : self.filled].copy()
            self.base += n
            self.searched -= n
            self.filled -= n

    def _find(self, limit: int) -> None:
        """Note all frames whose mark begins before a place in the window."""
        begin = None
        while self.searched < limit:
            found, at, self.line = next_mark(self.window, self.searched, limit, self.line)
            self.searched = at
            if not found:
                break
            before = _BEFORE_MARK.search(self.window[max(0, at - _BEFORE) : at].tobytes())
            preamble = before.group() if before else b""
            begin = at - len(preamble)
            self.begins.append(self.base + begin)
            self.lines.append(self.line - preamble.count(b"\n"))
            self.steps.append(_step(self.window[at : min(at + 200, self.filled)].tobytes()))
            self.searched += 1
        if begin is not None:
            self.head = self.window[begin : min(begin + HEADER, self.filled)].tobytes()

    def _no_frames(self, size: int, cut: bool) -> FileFormatError:
        if not size:
            return FileFormatError(
                f"{self.path} is empty{' as far as it can be decompressed' if cut else ''}. Write it again."
            )
        return FileFormatError(
            f"{self.path} is no text dump of LAMMPS: no line of it is 'ITEM: TIMESTEP'. Name its format with `--format`."
        )

    def _last_frame(self, size: int) -> tuple[str, int]:
        """Return what is missing of the last frame, and where it ends."""
        columns = _COLUMNS.search(self.head)
        count = _COUNT.search(self.head)
        if columns is None or count is None:
            whole = _OTHER_ROWS.search(self.head)  # no dump of atoms, as will be said when it is read
            return ("" if whole else "its header is not whole"), size
        n = int(count.group(1))
        tail = self.window[max(0, self.filled - HEADER) : self.filled].tobytes()
        unfinished = tail[tail.rfind(b"\n") + 1 :]
        rows = self.line - self.lines[-1] - self.head.count(b"\n", 0, columns.end())
        if rows == n - 1 and _is_whole_row(unfinished, columns.group(1)):
            return "", size
        if rows < n:
            return f"it has {rows} of {n} rows", size
        extra = tail.split(b"\n")[-(rows - n + 1) :] if rows - n < 8 else []
        following = b"\n".join(extra)
        begun = following.startswith(b"ITEM: ") or (following and b"ITEM: ".startswith(following))
        if begun and _MARK not in following:
            return "", size - len(following)  # no more than the first words of a frame that was not written
        return "", size


def _step(text: bytes) -> int | None:
    """Return the step from the line of the mark and the one below; None if that is no number, or not all there."""
    lines = text.split(b"\n", 2)
    try:
        return int(lines[1]) if len(lines) > 2 else None
    except ValueError:
        return None


def _is_whole_row(text: bytes, columns: bytes) -> bool:
    """Whether a row without a line end has all its fields, and a blank behind them that says that the last is whole."""
    return text[-1:].isspace() and len(text.split()) == len(columns.split())


@dataclass(frozen=True, eq=False)
class Frames:
    """The frames of all files in the order of their steps, each step once.

    Parameters
    ----------
    paths : list of Path
        In the order of their first steps.
    file, begins, ends, lines, steps : (F,) int
        Of each frame: the index of its file, its place in there, its first line and its step.
    compressed : bool
        Whether any file is.
    notes : list of str
        What was left out and why.
    """

    paths: list[Path]
    file: NDArray[np.int64]
    begins: NDArray[np.int64]
    ends: NDArray[np.int64]
    lines: NDArray[np.int64]
    steps: NDArray[np.int64]
    compressed: bool
    notes: list[str]

    @classmethod
    def find(cls, files: Sequence[Path]) -> Frames:
        """Search files that together are one trajectory.

        Raises
        ------
        FileFormatError
            If a file is no dump, if no frame is whole, or if these are several trajectories.
        """
        indices = [index_file(path) for path in files]
        notes = []
        for path, index in zip(files, indices, strict=True):
            if index.cut:
                notes.append(f"{path.name}: the last frame is not whole ({index.cut}) and was left out.")
            if index.unfinished:
                notes.append(
                    f"{path.name}: the compressed file has no end; it was written or copied only in part."
                )
        order = sorted(range(len(files)), key=lambda k: (not len(indices[k].steps), *indices[k].steps[:1]))
        if order != list(range(len(files))):
            notes.append("The files were put in the order of their steps.")
        paths, indices = [files[k] for k in order], [indices[k] for k in order]
        file = np.repeat(np.arange(len(files)), [len(f.steps) for f in indices])
        if not len(file):
            raise FileFormatError(
                f"{paths[0]} has no whole frame: {indices[0].cut}. If it is whole all the same, end its last line."
            )
        begins, ends, lines, steps = (
            np.concatenate([getattr(f, key) for f in indices]) for key in ("begins", "ends", "lines", "steps")
        )
        kept = np.append(steps[:-1] < np.minimum.accumulate(steps[::-1])[::-1][1:], True)
        if not kept.all():
            notes.append(_repeated(paths, file, lines, steps, kept))
        compressed = any(f.compressed for f in indices)
        return cls(paths, file[kept], begins[kept], ends[kept], lines[kept], steps[kept], compressed, notes)


def _repeated(
    paths: Sequence[Path],
    file: NDArray[np.int64],
    lines: NDArray[np.int64],
    steps: NDArray[np.int64],
    kept: NDArray[np.bool_],
) -> str:
    """Return the note about steps that are reached again, or refuse what are several runs."""
    dropped, first = int((~kept).sum()), int(np.argmin(kept))
    if first == 0 and dropped > 1:
        back = 1 + int(np.argmax(steps[1:] <= steps[0]))
        raise FileFormatError(
            f"{paths[file[back]]}, line {lines[back]}: step {steps[back]} follows step {steps[back - 1]} of "
            f"{paths[file[back - 1]].name} and goes back to the beginning. These are several runs; read them one by one."
        )
    frames = "1 frame was" if dropped == 1 else f"{dropped} frames were"
    return (
        f"{frames} left out, the first at step {steps[first]} in {paths[file[first]].name}: the same or an earlier step "
        "comes again after it, as after a restart, and what comes later holds."
    )
