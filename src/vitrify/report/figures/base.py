"""What every figure is: data sets in, the numbers it draws as a table, and a drawing."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ShapeError
from vitrify.files import write_whole
from vitrify.report.figures.style import MARKERS, house_style, same

if TYPE_CHECKING:
    import xarray as xr

SUFFIXES = ("svg", "pdf", "png", "csv")


@dataclass(frozen=True, eq=False)
class PlottedTable:
    """The numbers of one figure, one row per drawn point.

    Parameters
    ----------
    columns : dict of str to (n,) ndarray
        All of one length.
    meanings : dict of str to str
        What each column is: name, unit, definition.
    remarks : tuple of str
        Further lines of the header, such as thresholds.

    Raises
    ------
    ShapeError
        If the columns differ in length.

    Examples
    --------
    >>> print(PlottedTable({"r": np.array([0.1])}, {"r": "distance [sigma_AA]"}).to_csv(), end="")
    # r: distance [sigma_AA]
    r
    0.1
    """

    columns: Mapping[str, NDArray[Any]]
    meanings: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lengths = {name: len(column) for name, column in self.columns.items()}
        if len(set(lengths.values())) > 1:
            raise ShapeError(f"The `columns` of one table need one length; they have {lengths}.")

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def where(self, keep: NDArray[np.bool_]) -> PlottedTable:
        """Return the rows for which `keep` holds."""
        return PlottedTable({k: v[keep] for k, v in self.columns.items()}, self.meanings, self.remarks)

    def to_csv(self) -> str:
        """Return the table as text; every float comes back exactly when it is read."""
        buffer = io.StringIO()
        for remark in self.remarks:
            buffer.write(f"# {remark}\n")
        for name, meaning in self.meanings.items():
            buffer.write(f"# {name}: {meaning}\n")
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(zip(*(column.tolist() for column in self.columns.values()), strict=True))
        return buffer.getvalue()


def each_curve(
    column: str, table: PlottedTable, values: NDArray[Any], colors: NDArray[Any]
) -> Iterator[tuple[float, PlottedTable, Any, str]]:
    """Yield each of some values of a column: the value, its rows, its colour and its marker."""
    for k, (value, color) in enumerate(zip(values, colors, strict=True)):
        yield value, table.where(same(table[column], value)), color, MARKERS[k % len(MARKERS)]


def meaning(variable: xr.DataArray) -> str:
    """Return the line that explains a column: name, unit and definition of the variable."""
    attrs = variable.attrs
    unit = attrs.get("units", "1")
    text = f"{attrs.get('long_name', variable.name)} [{unit}]"
    return f"{text}: {attrs['definition']}" if attrs.get("definition") else text


def tidy(dataset: xr.Dataset, names: tuple[str, ...]) -> PlottedTable:
    """Flatten variables that share their dimensions into a table, coordinates first.

    Parameters
    ----------
    dataset : xarray.Dataset
    names : tuple of str
        Variables with the dimensions of the first one.

    Returns
    -------
    PlottedTable
    """
    first = dataset[names[0]]
    coordinates = [str(c) for c in first.coords if first.coords[c].ndim]
    coordinates.sort(key=lambda c: [first.dims.index(d) for d in first.coords[c].dims])
    columns = {
        c: np.asarray(first.coords[c].broadcast_like(first).transpose(*first.dims)).ravel()
        for c in coordinates
    }
    columns |= {name: np.asarray(dataset[name].transpose(*first.dims)).ravel() for name in names}
    return PlottedTable(columns, {name: meaning(dataset[name]) for name in columns})


@dataclass(frozen=True)
class ReportFigure:
    """One figure of the page.

    Parameters
    ----------
    name : str
        Also the name of its files.
    needs : tuple of str
        Names of the data sets that it is drawn from.
    plot : callable
        ``plot(*datasets, ax)`` draws into given axes.
    table : callable
        ``table(*datasets)`` returns the numbers that `plot` draws.
    size : (float, float), inch
    panels : callable or (int, int)
        Rows and columns of axes, or a function of the data sets that returns them.
    """

    name: str
    needs: tuple[str, ...]
    plot: Callable[..., Any]
    table: Callable[..., PlottedTable]
    size: tuple[float, float] = (4.6, 4.2)
    panels: Callable[..., tuple[int, int]] | tuple[int, int] = (1, 1)

    def write(self, datasets: Mapping[str, xr.Dataset], folder: Path) -> dict[str, Path]:
        """Write the figure as SVG, PDF and PNG, and its numbers as CSV; the same numbers give the same bytes.

        Parameters
        ----------
        datasets : dict of str to xarray.Dataset
            With at least those of `needs`.
        folder : path

        Returns
        -------
        dict of str to path
            By suffix.

        Raises
        ------
        MissingExtraError
            If matplotlib is not installed.
        """
        inputs = [datasets[name] for name in self.needs]
        written = {}
        with house_style():
            from matplotlib.figure import Figure

            rows, columns = self.panels(*inputs) if callable(self.panels) else self.panels
            figure = Figure(figsize=self.size, dpi=_DPI, layout="constrained")
            axes = figure.subplots(rows, columns, sharex="col", squeeze=False)
            self.plot(*inputs, ax=axes[0, 0] if axes.size == 1 else axes.ravel())
            figure.draw_without_rendering()
            figure.set_layout_engine("none")  # the layout is found; three formats share it
            for suffix, metadata in _METADATA.items():
                buffer = io.BytesIO()
                figure.savefig(buffer, format=suffix, metadata=metadata)
                written[suffix] = write_whole(folder / f"{self.name}.{suffix}", buffer.getvalue())
        text = self.table(*inputs).to_csv()
        written["csv"] = write_whole(folder / f"{self.name}.csv", text)
        return written


_DPI = 200
_METADATA: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "png": {"Software": None},
}
