"""Tables of predictions, one number per particle, from anybody's code: CSV or parquet."""

from __future__ import annotations

import csv
import gzip
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import FileFormatError, ParameterError

__all__ = ["GROUPS", "NOT_PREDICTIONS", "PredictionTable", "read_predictions"]

GROUPS = ("configuration", "frame")
"""Columns that say which configuration a particle is in: of a set of configurations, or of a trajectory."""

NOT_PREDICTIONS = ("x", "y", "z", "ix", "iy", "iz")
"""Numeric columns that are no prediction: positions and images, which exported tables have."""

_PARTICLE, _TIME, _SPECIES = "particle", "time", "species"
_EMPTY = ("", "nan", "NaN", "NAN")
_PARQUET = (".parquet", ".pq")
_SHOWN = 5


@dataclass(frozen=True, eq=False)
class PredictionTable:
    """Predictions as they stand in a file.

    Attributes
    ----------
    path : Path
    group : {"configuration", "frame"}
    groups : (n,) int or str
        Which configuration or frame each row is of: numbers, or words.
    particle : (n,) int
    time : (n,) float or None
        Where the file has it.
    species : (n,) str or None
        Where the file has it; "" where a row leaves it out.
    names : tuple of str
        Of the predictions.
    values : (n, k) float
        NaN where a cell is empty.
    lines : (n,) int
        Line of each row in a CSV, number from 1 of the row in a parquet file.
    ignored : tuple of str
        Columns that are no numbers.
    """

    path: Path
    group: str
    groups: NDArray[Any]
    particle: NDArray[np.int64]
    time: NDArray[np.float64] | None
    species: NDArray[np.str_] | None
    names: tuple[str, ...]
    values: NDArray[np.float64]
    lines: NDArray[np.int64]
    ignored: tuple[str, ...]

    def place(self, row: int) -> str:
        """Return file and line of a row, for messages."""
        return _place(self.path, int(self.lines[row]))


def read_predictions(path: str | Path, group: str = "configuration") -> PredictionTable:
    r"""Read a table with one row per particle: which it is, and a number for every prediction.

    Parameters
    ----------
    path : path-like
        CSV (comma, semicolon or tab; lines at the top that begin with ``#`` are left out; also ``.gz``) or parquet.
    group : {"configuration", "frame"}
        The column that says where a particle is.

    Returns
    -------
    PredictionTable
        Rows in the order of the file. Every numeric column is a prediction, except `group`, ``particle``, ``time``,
        ``species`` and `NOT_PREDICTIONS`.

    Raises
    ------
    FileFormatError
        Naming file and line: the file is empty or no table, a column is missing, a cell is no number, or no column is a
        prediction.
    ParameterError
        If `group` is another word.

    Notes
    -----
    An empty cell, or ``nan``, is no prediction; infinity is refused. A column without a single number is not a prediction,
    and is named in `ignored`. Numbers come back with the bits that were written.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "mine.csv"
    >>> _ = path.write_text("configuration,particle,mine\n0,1,0.25\n0,0,0.5\n")
    >>> table = read_predictions(path)
    >>> table.names, table.particle.tolist(), table.values[:, 0].tolist(), table.place(0).endswith("line 2")
    (('mine',), [1, 0], [0.25, 0.5], True)
    """
    if group not in GROUPS:
        raise ParameterError(f"`group` must be {' or '.join(GROUPS)}; it is '{group}'.")
    path = Path(path)
    if not path.is_file():
        raise FileFormatError(f"There is no table {path}. Name a CSV or parquet file with predictions.")
    frame = _read_parquet(path) if path.suffix in _PARQUET else _read_csv(path, group)
    _require_columns(path, list(frame.columns), group)
    if not len(frame):
        raise FileFormatError(f"{path} has columns but no rows. Write one row per particle.")
    lines = frame.index.to_numpy(np.int64)
    names, values, ignored = _predictions(path, frame, group, lines)
    return PredictionTable(
        path,
        group,
        _groups(path, frame[group], group, lines),
        _integers(path, frame[_PARTICLE], _PARTICLE, lines),
        _numbers(path, frame[_TIME], _TIME, lines) if _TIME in frame and group == "configuration" else None,
        frame[_SPECIES].fillna("").astype(str).to_numpy(np.str_) if _SPECIES in frame else None,
        names,
        values,
        lines,
        ignored,
    )


def _place(path: Path, line: int) -> str:
    return f"{path}, {'row' if path.suffix in _PARQUET else 'line'} {line}"


# -- files -----------------------------------------------------------------------------------------------------------


def _read_parquet(path: Path) -> Any:
    import pandas as pd
    import pyarrow as pa

    try:
        frame = pd.read_parquet(path)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise FileFormatError(f"{path} cannot be read as parquet: {error}") from error
    frame = frame.reset_index(drop=frame.index.names == [None])
    frame.index = np.arange(1, len(frame) + 1)
    return frame


def _opened(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return open(path, encoding="utf-8-sig", newline="")


def _read_csv(path: Path, group: str) -> Any:
    """Return the rows of a CSV; their index is the line."""
    import pandas as pd

    try:
        header, before = _header(path)
        separator = max(",;\t", key=header.count)
        columns = [name.strip() for name in next(csv.reader([header], delimiter=separator))]
        _require_distinct(path, columns)
        words = {name: str for name in columns if name in (_SPECIES, group)}
        with _opened(path) as file, warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                file,
                sep=separator,
                skiprows=before + 1,
                names=columns,
                header=None,
                index_col=False,
                skip_blank_lines=False,
                low_memory=False,
                dtype=words,
                keep_default_na=False,
                na_values=list(_EMPTY),
                skipinitialspace=True,
                **_every_digit(pd.__version__),
            )
    except pd.errors.EmptyDataError:  # a line of names and no more
        frame = pd.DataFrame(columns=columns)
    except (OSError, ValueError, EOFError, pd.errors.ParserWarning) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(
            f"{path} cannot be read as a table: {error}. Write as many values in every line as there are names."
        ) from error
    frame.index = frame.index + before + 2
    return frame[frame.notna().any(axis=1)]


def _every_digit(version: str) -> dict[str, Any]:
    """Return the option by which pandas reads numbers to the last bit; from version 3 on it always does.

    Examples
    --------
    >>> _every_digit("2.3.1"), _every_digit("3.0.0")
    ({'float_precision': 'round_trip'}, {})
    """
    return {"float_precision": "round_trip"} if int(version.partition(".")[0]) < 3 else {}


def _header(path: Path) -> tuple[str, int]:
    """Return the line of names and how many lines stand before it."""
    with _opened(path) as file:
        for before, line in enumerate(file):
            if line.strip() and not line.startswith("#"):
                return line.rstrip("\r\n"), before
    raise FileFormatError(f"{path} is empty. Write a line of names and one row per particle.")


def _require_distinct(path: Path, columns: Sequence[str]) -> None:
    twice = [name for name in dict.fromkeys(columns) if columns.count(name) > 1]
    if twice:
        raise FileFormatError(f"{path} has the column '{twice[0]}' twice. Give every column its own name.")


# -- columns ---------------------------------------------------------------------------------------------------------


def _require_columns(path: Path, columns: Sequence[str], group: str) -> None:
    missing = [name for name in (group, _PARTICLE) if name not in columns]
    if missing:
        raise FileFormatError(
            f"{path} has no column '{missing[0]}'; it has {', '.join(map(str, columns)) or 'none'}. A table needs the columns "
            f"{group} and {_PARTICLE}, and one for every prediction."
        )


def _numbers(path: Path, column: Any, name: str, lines: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return a column that must be finite numbers throughout."""
    values = _parsed(path, column, name, lines)
    if np.isnan(values).any():
        raise FileFormatError(
            f"{_place(path, int(lines[np.argmax(np.isnan(values))]))}: `{name}` is empty. Every row needs it."
        )
    return values


def _parsed(path: Path, column: Any, name: str, lines: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return a column as float64, NaN where it is empty."""
    import pandas as pd

    values = pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    wrong = (np.isnan(values) & column.notna().to_numpy()) | np.isinf(values)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise FileFormatError(
            f"{_place(path, int(lines[row]))}: `{name}` must be a finite number; it is '{column.iloc[row]}'. Correct it, or "
            "leave the cell empty where there is no prediction."
        )
    return np.asarray(values, np.float64)


def _integers(path: Path, column: Any, name: str, lines: NDArray[np.int64]) -> NDArray[np.int64]:
    values = _numbers(path, column, name, lines)
    wrong = (values != np.floor(values)) | (values < 0)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise FileFormatError(
            f"{_place(path, int(lines[row]))}: `{name}` must be a whole number from 0; it is {values[row]:g}. Count as the "
            "source does."
        )
    return values.astype(np.int64)


def _groups(path: Path, column: Any, group: str, lines: NDArray[np.int64]) -> NDArray[Any]:
    """Return configurations or frames as whole numbers; configurations may be words."""
    import pandas as pd

    if group == "frame" or pd.to_numeric(column, errors="coerce").notna().all():
        return _integers(path, column, group, lines)
    if column.isna().any():
        row = int(np.argmax(column.isna().to_numpy()))
        raise FileFormatError(f"{_place(path, int(lines[row]))}: `{group}` is empty. Every row needs it.")
    return column.astype(str).str.strip().to_numpy(np.str_)


def _predictions(
    path: Path, frame: Any, group: str, lines: NDArray[np.int64]
) -> tuple[tuple[str, ...], NDArray[np.float64], tuple[str, ...]]:
    """Return names and values of the predictions, and the columns that hold no number."""
    import pandas as pd

    known = (group, _PARTICLE, _TIME, _SPECIES, *NOT_PREDICTIONS)
    names, values, ignored = [], [], []
    for name in frame.columns:
        if name in known:
            continue
        column = frame[name]
        if column.dtype == bool or not pd.to_numeric(column, errors="coerce").notna().any():
            ignored.append(str(name))
            continue
        names.append(str(name))
        values.append(_parsed(path, column, str(name), lines))
    if not names:
        others = f" Not numbers: {', '.join(ignored[:_SHOWN])}." if ignored else ""
        raise FileFormatError(
            f"{path} has no column with a prediction beside {', '.join(c for c in known if c in frame)}.{others} Add one "
            "numeric column for each prediction, by its name."
        )
    return tuple(names), np.stack(values, axis=1), tuple(ignored)
