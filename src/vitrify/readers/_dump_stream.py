"""The text of a file as a stream of bytes, compressed or not."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

from vitrify.errors import FileFormatError

_GZIP = b"\x1f\x8b"
_COMPRESSED_BLOCK = 64 << 10
_WASTE = 1 << 20


class Stream:
    """The text of a file from front to back, whether compressed or not; a plain file may be entered anywhere.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cut = False  # whether a compressed file ended before its end mark
        self._file = FileIO(path)
        self.compressed = self._file.read(2) == _GZIP  # whatever its name
        self._restart()

    def _restart(self) -> None:
        self._file.seek(0)
        self._at = 0
        self._left = memoryview(b"")
        self._inflated = self._inflate() if self.compressed else iter(())

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _inflate(self) -> Iterator[bytes]:
        """Yield decompressed text; a file may consist of several compressed parts."""
        part = zlib.decompressobj(wbits=31)
        begun = False
        while raw := self._file.read(_COMPRESSED_BLOCK):
            while raw:
                if part.eof:
                    raw = raw.lstrip(b"\0")  # padding between or after parts
                    part, begun = zlib.decompressobj(wbits=31), False
                    continue
                try:
                    text = part.decompress(raw)
                except zlib.error as error:
                    raise FileFormatError(
                        f"{self.path} is damaged: it cannot be decompressed beyond byte {self._at} of its text ({error}). "
                        "Copy or write it again."
                    ) from error
                begun = True
                raw = part.unused_data
                if text:
                    yield text
        self.cut = begun and not part.eof

    def read_into(self, view: memoryview) -> int:
        """Fill a buffer and return how many bytes there were."""
        if not self.compressed:
            filled = 0
            while filled < len(view) and (n := self._file.readinto(view[filled:])):
                filled += n
            return filled
        filled = 0
        while filled < len(view):
            if not len(self._left):
                block = next(self._inflated, None)
                if block is None:
                    break
                self._left = memoryview(block)
            n = min(len(self._left), len(view) - filled)
            view[filled : filled + n] = self._left[:n]
            self._left = self._left[n:]
            filled += n
            self._at += n
        return filled

    def go_to(self, offset: int) -> None:
        """Go to a place in the text: at once in a plain file, by reading up to it in a compressed one."""
        if not self.compressed:
            self._file.seek(offset)
            return
        if offset < self._at:
            self._restart()
        waste = memoryview(bytearray(min(_WASTE, max(1, offset - self._at))))
        while self._at < offset and self.read_into(waste[: offset - self._at]):
            pass
