"""Frames as lines of text: numbers in the fewest digits that give the same bits back."""

from __future__ import annotations

import gzip
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ParameterError
from vitrify.writers.base import Block, Rows, Selection, Writer

_LINES_AT_ONCE = 16_384
_GZIP_LEVEL = 1  # digits of random numbers: five times as fast as level 4, and 5 % larger


@dataclass(frozen=True)
class TextWriter(Writer):
    """A text format of frames one after the other, each with a header and one line per particle.

    Parameters
    ----------
    compressed : bool, default False
        With gzip; said by a file name that ends in .gz.
    """

    compressed: bool = False

    @classmethod
    def for_file(cls, path: Path) -> TextWriter:
        """Return the member that a file name asks for."""
        return cls(compressed=path.name.lower().endswith(".gz"))

    def write(self, path: Path, selection: Selection, blocks: Iterator[Block]) -> None:
        """Write all frames."""
        require_words(selection)
        with _opened(path, self.compressed) as file:
            for block in blocks:
                for rows in block.rows():
                    header, columns = self.frame(selection, rows)
                    file.write(header.encode())
                    write_lines(file, columns)

    @abstractmethod
    def frame(self, selection: Selection, rows: Rows) -> tuple[str, Sequence[Any]]:
        """Return the header of one frame and its columns, arrays of numpy or pyarrow."""


def write_lines(file: IO[bytes], columns: Sequence[Any]) -> None:
    r"""Write one line per row, its fields apart by one blank. Reading a float gives the same bits; NaN is ``nan``.

    Examples
    --------
    >>> import io
    >>> text = io.BytesIO()
    >>> write_lines(text, [np.array([1, 2]), np.array([0.1 + 0.2, np.nan])])
    >>> text.getvalue()
    b'1 0.30000000000000004\n2 nan\n'
    """
    import pyarrow as pa
    from pyarrow import csv

    arrays = [_array(c) for c in columns]
    table = pa.Table.from_arrays(arrays, [str(k) for k in range(len(arrays))])
    style = csv.WriteOptions(
        include_header=False, batch_size=_LINES_AT_ONCE, delimiter=" ", quoting_style="none"
    )
    with pa.PythonFile(_NeverClosed(file), mode="w") as sink:
        csv.write_csv(table, sink, style)


class _NeverClosed:
    """A file that pyarrow may write to and not close."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.closed = False

    def write(self, text: Any) -> int:
        return self._file.write(text)

    def flush(self) -> None:
        """Nothing to do: the one who opened the file closes it."""

    def close(self) -> None:
        self.closed = True


def _array(values: Any) -> Any:
    import pyarrow as pa

    if isinstance(values, np.ndarray):
        return pa.array(values.astype(np.int8) if values.dtype == bool else values, from_pandas=False)
    return values


def names_of(species: NDArray[np.int64], names: Sequence[str]) -> Any:
    """Return the name of each particle's species as an array of pyarrow."""
    import pyarrow as pa

    return pa.array(names, pa.string()).take(pa.array(species))


def require_words(selection: Selection) -> None:
    """Refuse names that would fall apart between blanks.

    Raises
    ------
    ParameterError
        Naming the species or the column.
    """
    for name in (*selection.species_names, *(c.name for c in selection.columns)):
        if not name or any(c.isspace() or c in "\"':=" for c in name):
            raise ParameterError(
                f"The name '{name}' cannot stand in a text file whose fields are divided by blanks. Import the files again "
                "with other names (`--species`), or export to .gsd, .parquet or .nc."
            )


def number(value: Any) -> str:
    """Return a number in the fewest digits that give the same bits back.

    Examples
    --------
    >>> number(np.float64(0.1)), number(np.int64(3)), number(True)
    ('0.1', '3', '1')
    """
    plain = np.asarray(value).item()
    return repr(int(plain) if isinstance(plain, bool) else plain)


@contextmanager
def _opened(path: Path, compressed: bool) -> Iterator[IO[bytes]]:
    with open(path, "wb") as file:
        if not compressed:
            yield file
            return
        with gzip.GzipFile(
            "", "wb", _GZIP_LEVEL, file, mtime=0
        ) as packed:  # the same frames are the same bytes
            yield packed  # type: ignore[misc]
