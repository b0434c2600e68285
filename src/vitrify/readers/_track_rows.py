"""Tables of tracked particles as plain numbers, a block of rows at a time: text (also gz) and parquet."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import FileFormatError

BLOCK_BYTES = 2**24
FRAME, PARTICLE, PLACE, FIRST_AXIS = range(4)
_ROLES = ("frame", "particle", "x", "y", "z")
_FILE_BITS = 2**40  # a place is line + file * 2^40, exact in float64
_SEPARATORS = (",", "\t", ";")
_SNIFFED_LINES = 1000


class Block(NamedTuple):
    """Rows as they follow each other in a file.

    Attributes
    ----------
    values : (n, k) float
        Columns: frame, particle, place in the files (see `place_of`), x, y (z), then the others; text as codes.
    file, offset, line : int
        Where the block begins; `TableFiles.blocks` can start again from there.
    """

    values: NDArray[np.float64]
    file: int
    offset: int
    line: int


class _Header(NamedTuple):
    """What a text file says of itself: separator, decimal sign, names, bytes before the first row, digits, whole."""

    separator: str
    decimal: str
    names: tuple[str, ...]
    start: int
    digits: int
    whole: bool


class TableFiles:
    """Files of tracked particles with the same columns.

    Parameters
    ----------
    files : tuple of path
    columns : mapping of str to str
        Names of the columns frame, particle, x, y, z where they differ from those.
    text : tuple of str
        Columns to read as words even where they are numbers.

    Raises
    ------
    FileFormatError
        If a column is missing.
    """

    def __init__(self, files: tuple[Path, ...], columns: Mapping[str, str], text: tuple[str, ...]) -> None:
        self.files = files
        self.roles = {role: columns.get(role, role) for role in _ROLES}
        self._text = set(text)
        names = self._names(0)
        if "z" not in columns and "z" not in names:
            del self.roles["z"]
        self._require(0, names, tuple(self.roles.values()))
        kinds = self._kinds(0)
        self.others = tuple(
            dict.fromkeys(n for n in names if n in kinds and n not in self.roles.values() and n)
        )
        self.codes: dict[str, dict[str, int]] = {n: {} for n in self.others if kinds[n] == "text"}
        for k in range(1, len(files)):
            self._require(k, self._names(k), (*self.roles.values(), *self.others))

    @property
    def dimension(self) -> int:
        """Two or three."""
        return len(self.roles) - 2

    @property
    def digits(self) -> int:
        """Significant decimal digits of the coordinates: the most that one has at the beginning of a file."""
        return max(self._digits(k)[0] for k in range(len(self.files)))

    @property
    def whole_pixels(self) -> bool:
        """Whether all coordinates at the beginning of the files are whole numbers."""
        return all(self._digits(k)[1] for k in range(len(self.files)))

    def words(self, name: str, values: NDArray[np.float64]) -> NDArray[Any]:
        """Return a column of others as what the file has: words, whole numbers or numbers."""
        if name in self.codes:
            return np.array([*self.codes[name]], dtype=str)[values.astype(np.int64)]
        whole = len(values) and np.isfinite(values).all() and (values == np.rint(values)).all()
        return values.astype(np.int64) if whole else values

    def place_of(self, place: float) -> str:
        """Return file and line (or row of a parquet file) in words."""
        file, line = divmod(int(place), _FILE_BITS)
        return f"{self.files[file]}, {'row' if _is_parquet(self.files[file]) else 'line'} {line}"

    def blocks(self, file: int = 0, offset: int | None = None, line: int = 0) -> Iterator[Block]:
        """Yield all rows from a place on, in the order of the files.

        Raises
        ------
        FileFormatError
            If a line has more or fewer fields than the header, or a word where a number must be.
        """
        for k in range(file, len(self.files)):
            start = (offset, line) if k == file and offset is not None else None
            read = self._parquet_blocks if _is_parquet(self.files[k]) else self._text_blocks
            yield from read(k, start)

    # -- what is there -----------------------------------------------------------------------------------------------

    def _names(self, file: int) -> tuple[str, ...]:
        path = self.files[file]
        if _is_parquet(path):
            return tuple(n for n in _open_parquet(path).schema_arrow.names if not n.startswith("__index_"))
        return self._header(file).names

    def _require(self, file: int, names: tuple[str, ...], wanted: tuple[str, ...]) -> None:
        for name in wanted:
            if name not in names:
                role = next((r for r, n in self.roles.items() if n == name), name)
                raise FileFormatError(
                    f"{self.files[file]} has no column '{name}'; it has {', '.join(n for n in names if n)}. Say which one it "
                    f"is with `columns`, such as {role}=NAME."
                )

    def _kinds(self, file: int) -> dict[str, str]:
        """Return "text" or "number" for each column that can be kept, from the first rows of a file."""
        import pyarrow as pa

        path = self.files[file]
        if _is_parquet(path):
            schema = _open_parquet(path).schema_arrow
        else:
            header = self._header(file)
            with _open_text(path) as f:
                f.seek(header.start)
                lines = b"".join(f.readline() for _ in range(_SNIFFED_LINES))
            if not lines.strip():
                raise FileFormatError(
                    f"{path} has a header and no rows. Check that it was written to its end."
                )
            schema = self._parsed(file, header, lines, 2, {}, None).schema
        kinds = {}
        is_number = (pa.types.is_integer, pa.types.is_floating)
        # nothing in it so far: words can hold whatever comes
        is_text = (pa.types.is_string, pa.types.is_large_string, pa.types.is_boolean, pa.types.is_null)
        for name, found in zip(schema.names, schema.types, strict=True):
            kind = found.value_type if pa.types.is_dictionary(found) else found
            if any(is_one(kind) for is_one in (*is_number, *is_text)):
                kinds[name] = "number" if any(is_one(kind) for is_one in is_number) else "text"
        for name in self._text & set(kinds):
            kinds[name] = "text"
        for name in self.roles.values():
            if kinds.get(name) == "text" and _is_parquet(path):
                raise FileFormatError(
                    f"{path}: the column '{name}' holds words, not numbers. Check `columns`."
                )
        return kinds

    def _digits(self, file: int) -> tuple[int, bool]:
        path, axes = self.files[file], list(self.roles.values())[2:]
        if not _is_parquet(path):
            header = self._header(file)
            return header.digits, header.whole
        schema = _open_parquet(path).schema_arrow
        types = [str(schema.field(name).type) for name in axes]
        return (6 if "float" in types else 15), all("int" in t for t in types)

    def _header(self, file: int) -> _Header:
        """Read names and separator from the first line, decimal sign and digits from those that follow."""
        path = self.files[file]
        with _reading(path), _open_text(path) as f:
            first = f.readline()
            lines = [f.readline() for _ in range(_SNIFFED_LINES)]
        try:
            line = first.decode("utf-8-sig").rstrip("\r\n")
            rows = [text.decode("utf-8").rstrip("\r\n") for text in lines]
        except UnicodeDecodeError:
            raise FileFormatError(
                f"{path} is no table of text: its bytes are not UTF-8. Tracks are CSV or parquet."
            ) from None
        found = {s: tuple(n.strip() for n in next(csv.reader([line], delimiter=s), [])) for s in _SEPARATORS}
        wanted = {n for r, n in self.roles.items() if r != "z"}
        separator = max(_SEPARATORS, key=lambda s: (len(wanted & set(found[s])), len(found[s])))
        names = found[separator]
        axes = [names.index(n) for r, n in self.roles.items() if r in "xyz" and n in names]
        table = [r for r in csv.reader([r for r in rows if r], delimiter=separator) if len(r) == len(names)]
        cells = [row[k].strip() for row in table for k in axes]
        decimal = "," if separator != "," and any(re.fullmatch(r"[-+]?\d+,\d+", c) for c in cells) else "."
        mantissas = [re.split("[eE]", c)[0] for c in cells]
        digits = max((len(re.sub(r"\D", "", m).lstrip("0")) for m in mantissas), default=0)
        return _Header(
            separator, decimal, names, len(first), digits, not any(decimal in m for m in mantissas)
        )

    # -- text --------------------------------------------------------------------------------------------------------

    def _text_blocks(self, file: int, start: tuple[int, int] | None) -> Iterator[Block]:
        header = self._header(file)
        offset, line = start or (header.start, 2)
        kinds = {**dict.fromkeys(self.roles.values(), "number"), **self._kinds_of_others()}
        for text in _text_of(self.files[file], offset):
            table = self._parsed(file, header, text, line, kinds, [*self.roles.values(), *self.others])
            n_lines = text.count(b"\n") + (not text.endswith(b"\n"))
            if len(table) == n_lines:
                lines = np.arange(line, line + n_lines)
            else:  # empty lines
                lines = line + np.array([k for k, t in enumerate(text.splitlines()) if t.strip()], np.int64)
            if len(table):
                yield Block(self._values(table, file, lines), file, offset, line)
            offset, line = offset + len(text), line + n_lines

    def _kinds_of_others(self) -> dict[str, str]:
        return {n: "text" if n in self.codes else "number" for n in self.others}

    def _parsed(
        self,
        file: int,
        header: _Header,
        text: bytes,
        line: int,
        kinds: Mapping[str, str],
        wanted: list[str] | None,
    ) -> Any:
        """Return lines as an arrow table; without `kinds` it finds them itself."""
        import pyarrow as pa
        from pyarrow import csv as arrow

        names = [n if n and n not in header.names[:k] else f"\0{k}" for k, n in enumerate(header.names)]
        twice = [k for k, n in enumerate(header.names) if n in self.roles.values() and n in header.names[:k]]
        types = {n: pa.string() if kind == "text" else pa.float64() for n, kind in kinds.items()}
        types |= {f"\0{k}": pa.float64() for k in twice}
        if not kinds:
            types = dict.fromkeys(self._text, pa.string())
        chosen = None if wanted is None else [*wanted, *(f"\0{k}" for k in twice)]
        try:
            table = arrow.read_csv(
                io.BytesIO(text),
                arrow.ReadOptions(column_names=names, block_size=max(len(text), 1), use_threads=False),
                arrow.ParseOptions(delimiter=header.separator),
                arrow.ConvertOptions(
                    column_types=types, include_columns=chosen or [], decimal_point=header.decimal
                ),
            )
        except pa.ArrowInvalid as error:
            raise self._fault(file, header, text, line, kinds) or FileFormatError(
                f"{self.files[file]}, after line {line}: {error}. Repair the file or write it again."
            ) from None
        for k in twice:  # an index that was written beside its column
            name = header.names[k]
            if not np.array_equal(_numbers(table[name]), _numbers(table[f"\0{k}"]), equal_nan=True):
                raise FileFormatError(
                    f"{self.files[file]} has two columns '{name}' that differ. Remove one of them."
                )
        return table

    def _fault(
        self, file: int, header: _Header, text: bytes, line: int, kinds: Mapping[str, str]
    ) -> FileFormatError | None:
        """Return what is wrong with the first wrong line."""
        numeric = [(k, n) for k, n in enumerate(header.names) if kinds.get(n) == "number"]
        for number, words in enumerate(text.decode("utf-8", "replace").splitlines(), line):
            fields = next(csv.reader([words], delimiter=header.separator), [])
            if fields and len(fields) != len(header.names):
                return FileFormatError(
                    f"{self.files[file]}, line {number} has {len(fields)} fields; the header has {len(header.names)}. "
                    "Was the file cut off? Write it again, or remove that line."
                )
            for k, name in numeric if fields else ():
                try:
                    float(fields[k].replace(header.decimal, ".") or "nan")
                except ValueError:
                    return FileFormatError(
                        f"{self.files[file]}, line {number}: `{name}` is '{fields[k]}', not a number. Remove the line, or "
                        "check `columns`."
                    )
        return None

    # -- parquet -----------------------------------------------------------------------------------------------------

    def _parquet_blocks(self, file: int, start: tuple[int, int] | None) -> Iterator[Block]:
        found = _open_parquet(self.files[file])
        first, line = start or (0, 1)
        wanted = [*self.roles.values(), *self.others]
        size = max(1, BLOCK_BYTES // (8 * (len(wanted) + 1)))
        for group in range(first, found.num_row_groups):
            begin = line
            with _reading(self.files[file]):
                for batch in found.iter_batches(size, row_groups=[group], columns=wanted):
                    if len(batch):
                        lines = np.arange(line, line + len(batch))
                        yield Block(self._values(batch, file, lines), file, group, begin)
                    line += len(batch)

    # -- numbers -----------------------------------------------------------------------------------------------------

    def _values(self, table: Any, file: int, lines: NDArray[np.int64]) -> NDArray[np.float64]:
        frame, particle, *axes = self.roles.values()
        columns = [_numbers(table[frame]), _numbers(table[particle]), lines + file * float(_FILE_BITS)]
        columns += [_numbers(table[n]) for n in axes]
        columns += [self._coded(n, table[n]) if n in self.codes else _numbers(table[n]) for n in self.others]
        return np.column_stack(columns)

    def _coded(self, name: str, column: Any) -> NDArray[np.float64]:
        """Return words as their number in `codes`, where new ones are added."""
        import pyarrow as pa

        words = column.cast(pa.string()).fill_null("").dictionary_encode()
        if isinstance(words, pa.ChunkedArray):
            words = words.combine_chunks()
        known = self.codes[name]
        codes = [known.setdefault(w, len(known)) for w in words.dictionary.to_pylist()]
        return np.array(codes, np.float64)[words.indices.to_numpy(zero_copy_only=False)]


def _numbers(column: Any) -> NDArray[np.float64]:
    return np.asarray(
        column.to_numpy(zero_copy_only=False) if _is_plain(column) else column.to_numpy(), np.float64
    )


def _is_plain(column: Any) -> bool:
    import pyarrow as pa

    return isinstance(column, pa.Array)


def _is_parquet(path: Path) -> bool:
    return path.name.lower().endswith((".parquet", ".pq"))


def _open_parquet(path: Path) -> Any:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        return parquet.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise FileFormatError(f"{path} is no whole parquet file: {error}. Write it again.") from None


def _open_text(path: Path) -> Any:
    return gzip.open(path, "rb") if path.name.lower().endswith(".gz") else open(path, "rb")


def _text_of(path: Path, offset: int) -> Iterator[bytes]:
    """Yield whole lines, about `BLOCK_BYTES` at a time."""
    with _reading(path), _open_text(path) as f:
        f.seek(offset)
        rest = b""
        while read := f.read(BLOCK_BYTES):
            cut = read.rfind(b"\n") + 1
            if cut:
                yield rest + read[:cut]
                rest = b""
            rest += read[cut:]
        if rest:
            yield rest


class _reading:
    """Turn what a damaged file raises into an error that names it; used as a context manager."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: Any, error: BaseException | None, _trace: Any) -> None:
        if isinstance(error, EOFError | zlib.error | gzip.BadGzipFile):
            raise FileFormatError(
                f"{self.path} is damaged or cut off: {error}. Copy it again from where it was made."
            ) from error
        if isinstance(error, OSError):
            raise FileFormatError(f"{self.path} cannot be read: {error}. Write it again.") from error
