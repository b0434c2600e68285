"""Long tables: one row per particle and frame, or the rows of a table that another verb wrote."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ParameterError
from vitrify.provenance import canonical_json, to_plain
from vitrify.writers.base import Block, Selection, Writer, wrap

if TYPE_CHECKING:
    import xarray as xr

_VALUES_AT_ONCE = 4_000_000
_FIRST = (
    "frame",
    "particle",
    "start_frame",
    "first_frame",
    "peak_frame",
    "last_frame",
    "end_frame",
)  # say which row


@dataclass(frozen=True)
class TableWriter(Writer):
    """Columns of equal length, one group of rows after the other.

    Notes
    -----
    **Columns** of particles: ``frame`` and ``particle`` (both as in the store, from 0), ``time``, ``species`` (its name),
    ``x y z`` (``x y`` in two dimensions), ``ix iy iz`` if wrapped, then the quantities asked for. Absent particles have
    no row.
    **Precision**: every number reads back to the same bits; NaN where a quantity was not computed.
    """

    tables: ClassVar[bool] = True

    @abstractmethod
    def opened(self, file: IO[bytes], schema: Any) -> AbstractContextManager[Any]:
        """Return what `write_table` of pyarrow can be called on."""

    def write(self, path: Path, selection: Selection, blocks: Iterator[Block]) -> None:
        """Write one group of rows for each block."""
        self._write(path, (_of_block(selection, block) for block in blocks))

    def write_table(self, path: Path, table: xr.Dataset) -> None:
        """Write a Dataset whose variables share their first dimension."""
        self._write(path, _of_dataset(table))

    def _write(self, path: Path, tables: Iterator[Any]) -> None:
        first = next(tables)
        with open(path, "wb") as file, self.opened(file, first.schema) as sink:
            sink.write_table(first)
            for table in tables:
                sink.write_table(table)


@dataclass(frozen=True)
class Parquet(TableWriter):
    """Parquet, one row group per block of frames; pandas, polars and DuckDB read it.

    Notes
    -----
    The account of the numbers is JSON under the key ``vitrify`` of the file's metadata; units and definition of a
    column are in the metadata of its field. Columns are as in `TableWriter`.
    """

    name: ClassVar[str] = "parquet"
    suffixes: ClassVar[tuple[str, ...]] = (".parquet",)

    def opened(self, file: IO[bytes], schema: Any) -> AbstractContextManager[Any]:
        """Return a writer of parquet."""
        import pyarrow.parquet as pq

        writer: AbstractContextManager[Any] = pq.ParquetWriter(file, schema, compression="zstd")
        return writer


@dataclass(frozen=True)
class Csv(TableWriter):
    """Comma-separated text with one line of names; columns are as in `TableWriter`. NaN is written ``nan``."""

    name: ClassVar[str] = "csv"
    suffixes: ClassVar[tuple[str, ...]] = (".csv",)

    def opened(self, file: IO[bytes], schema: Any) -> AbstractContextManager[Any]:
        """Return a writer of text."""
        from pyarrow import csv

        style = csv.WriteOptions(batch_size=16_384, quoting_style="needed")
        writer: AbstractContextManager[Any] = csv.CSVWriter(file, schema, write_options=style)
        return writer


def _of_block(selection: Selection, block: Block) -> Any:
    """Return the rows of some frames as a table of pyarrow."""
    import pyarrow as pa

    frame, particle = np.nonzero(block.present)
    axes = "xyz"[: selection.dimension]
    columns: dict[str, Any] = {
        "frame": block.frames[frame],
        "time": block.times[frame],
        "particle": particle,
        "species": _words(block.species[particle], selection.species_names),
    }
    whole = len(frame) == block.present.size
    positions = block.positions.reshape(-1, len(axes)) if whole else block.positions[frame, particle]
    if selection.wrapped:
        positions, images = _wrapped(block, positions)
    columns |= {axis: positions[:, k] for k, axis in enumerate(axes)}
    if selection.wrapped:
        columns |= {f"i{axis}": images[:, k].astype(np.int32) for k, axis in enumerate(axes)}
    columns |= {n: v.ravel() if whole else v[frame, particle] for n, v in block.columns.items()}
    kinds = selection.units
    attrs: dict[str, Mapping[str, Any]] = {
        "time": {"units": kinds.time},
        **{axis: {"units": kinds.length, "definition": f"{selection.positions} position"} for axis in axes},
        **{c.name: c.attrs for c in selection.columns},
    }
    return _labelled(pa.table(columns), attrs, selection.account())


def _wrapped(block: Block, positions: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Wrap the rows of each frame into its own box."""
    ends = np.cumsum(block.present.sum(axis=1))[:-1]
    parts = [wrap(box, p) for box, p in zip(block.boxes, np.split(positions, ends), strict=True)]
    return np.concatenate([p for p, _ in parts]), np.concatenate([i for _, i in parts])


def _words(species: NDArray[np.int64], names: tuple[str, ...]) -> Any:
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(pa.array(species.astype(np.int32)), pa.array(names, pa.string()))


def _labelled(table: Any, attrs: Mapping[str, Mapping[str, Any]], account: Any) -> Any:
    """Put attributes into the metadata of a table of pyarrow."""
    import pyarrow as pa

    fields = [
        f.with_metadata({k: str(v) for k, v in attrs.get(f.name, {}).items()}) if attrs.get(f.name) else f
        for f in table.schema
    ]
    return table.cast(pa.schema(fields, metadata={"vitrify": canonical_json(account)}))


def _of_dataset(table: xr.Dataset) -> Iterator[Any]:
    """Yield the rows of a Dataset in groups; a two-dimensional variable becomes one column per entry."""
    import pyarrow as pa

    row = _row_dimension(table)
    n = table.sizes[row]
    names = [str(k) for k, v in table.variables.items() if v.dims[:1] == (row,)]
    names.sort(key=lambda k: (table[k].ndim, _FIRST.index(k) if k in _FIRST else len(_FIRST)))
    width = sum(int(np.prod(table[k].shape[1:])) for k in names)
    step = max(1, _VALUES_AT_ONCE // max(1, width))
    attrs = {name: table[name].attrs for name in names if table[name].ndim == 1}
    for a in range(0, max(1, n), step):
        columns: dict[str, Any] = {}
        for name in names:
            values = np.asarray(table[name].values[a : a + step])
            if values.ndim == 1:
                columns[name] = values if values.dtype.kind != "U" else values.astype(object)
            else:
                columns |= {label: values[:, k] for k, label in enumerate(_labels(table, name))}
        yield _labelled(pa.table(columns), attrs, to_plain(dict(table.attrs)))


def _row_dimension(table: xr.Dataset) -> str:
    """Return the dimension that all variables begin with.

    Raises
    ------
    ParameterError
        If there is none.
    """
    first = {v.dims[0] if v.dims else "" for v in table.data_vars.values()}
    if len(first) != 1 or first == {""} or any(v.ndim > 2 for v in table.data_vars.values()):
        shapes = ", ".join(f"{name} {tuple(map(str, v.dims))}" for name, v in table.data_vars.items())
        raise ParameterError(
            f"The arrays of this table are not the columns of one: {shapes or 'there is none'}. Only tables whose arrays have "
            "their first dimension in common can be exported."
        )
    return str(first.pop())


def _labels(table: xr.Dataset, name: str) -> list[str]:
    """Return the names of the columns that a two-dimensional variable becomes."""
    dim = table[name].dims[1]
    if dim in table.coords:
        return [str(label) for label in table[dim].values]
    return [f"{name}_{k}" for k in range(table[name].shape[1])]
