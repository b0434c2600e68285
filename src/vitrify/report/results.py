"""What a softness study hands to its report: numbers with errors, where they come from, and the curves."""

from __future__ import annotations

import hashlib
import io
import json
import math
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.errors import ParameterError, StoreError, StoreVersionError
from vitrify.files import write_whole
from vitrify.provenance import to_plain

if TYPE_CHECKING:
    import xarray as xr

FORMAT = "vitrify-softness-results"
FORMAT_VERSION = 1
RESULTS_FILE = "results.json"


@dataclass(frozen=True)
class TableRow:
    """One number of the key table: what a paper prints, what is found here, and what it rests on.

    Parameters
    ----------
    quantity : str
        In the words of the field, with its symbol.
    published : str or None
        As printed in the source; None if no number was published.
    value : float
        Found here; NaN if it could not be measured.
    error_low, error_high : float
        Distances from `value` to the ends of its interval, both >= 0; NaN if unknown.
    events : int or None
        Number of rearrangements (or other independent events) that the value rests on.
    source : str
        Paper and figure, table or equation of the published number.
    note : str, default ""
        Anything a reader must know before comparing.

    Raises
    ------
    ParameterError
        If an error is negative.

    Examples
    --------
    >>> TableRow("onset temperature T0", "0.80", 0.79, 0.03, 0.04, 2814, "Schoenholz 2016, Fig. 2d").value
    0.79
    """

    quantity: str
    published: str | None
    value: float
    error_low: float
    error_high: float
    events: int | None
    source: str
    note: str = ""

    def __post_init__(self) -> None:
        for name in ("error_low", "error_high"):
            error = getattr(self, name)
            if error < 0:
                raise ParameterError(
                    f"`{name}` of '{self.quantity}' is {error:g}; it is a distance from the value and must be >= 0. "
                    "Subtract the bound from the value first."
                )


@dataclass(frozen=True, eq=False)
class SoftnessResults:
    """Everything that a softness report shows. Plain numbers and labelled arrays; nothing is computed from it again.

    Parameters
    ----------
    table : tuple of TableRow
        The key numbers, in the order of the page.
    run : dict
        What was run: model, density, temperatures, particles, frames, scale, minimizer, thresholds, versions, command
        line, wall time. Values are plain (text, numbers, lists, dicts).
    citations : list of str
        Keys of `vitrify.citations`.
    warnings : list of str
        Whole sentences that a reader must see, such as frames that were left out.
    datasets : dict of str to xarray.Dataset
        By name; names and shapes are those of `vitrify.report.definitions.DATASETS`. What was not measured is absent.
    edition : str, default "study"
        Which page shows them: of `vitrify.report.editions.EDITIONS`.
    advice : dict of str to str
        Figure that could not be drawn to the sentence that says what it needs.

    Examples
    --------
    >>> results = SoftnessResults((), {"model": "kob_andersen"}, [], [], {})
    >>> results.run["model"]
    'kob_andersen'
    """

    table: tuple[TableRow, ...]
    run: dict[str, Any]
    citations: list[str]
    warnings: list[str]
    datasets: dict[str, xr.Dataset] = field(default_factory=dict)
    edition: str = "study"
    advice: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "table", tuple(self.table))

    def save(self, folder: str | Path) -> Path:
        """Write plain files: one JSON, and one ``.npz`` per data set. No pickle; floats come back bit for bit.

        The array files are named by their content and the JSON is replaced last, so a killed save leaves the results
        that were there before.

        Parameters
        ----------
        folder : path
            Made if it does not exist.

        Returns
        -------
        path
            The folder.
        """
        folder = Path(folder)
        (folder / "datasets").mkdir(parents=True, exist_ok=True)
        described = {}
        for name, dataset in self.datasets.items():
            content = _pack(dataset)
            file = f"datasets/{name}-{hashlib.sha256(content).hexdigest()[:16]}.npz"
            write_whole(folder / file, content)
            described[name] = _describe(dataset) | {"file": file}
        document = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "table": [_encode(asdict(row)) for row in self.table],
            "run": _encode(to_plain(self.run)),
            "citations": list(self.citations),
            "warnings": list(self.warnings),
            "datasets": described,
        }
        if self.edition != "study":
            document |= {"edition": self.edition, "advice": dict(self.advice)}
        text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
        write_whole(folder / RESULTS_FILE, text)
        kept = {entry["file"] for entry in described.values()}
        for old in (folder / "datasets").glob("*.npz"):
            if f"datasets/{old.name}" not in kept:
                old.unlink()
        return folder

    @classmethod
    def load(cls, folder: str | Path) -> SoftnessResults:
        """Read what `save` wrote.

        Raises
        ------
        StoreError
            If the folder holds no results, or a file is missing or damaged.
        StoreVersionError
            If another version of vitrify wrote it in a form that this one cannot read.
        """
        folder = Path(folder)
        document = _read_document(folder / RESULTS_FILE)
        return cls(
            table=tuple(TableRow(**_decode(row)) for row in document["table"]),
            run=_decode(document["run"]),
            citations=document["citations"],
            warnings=document["warnings"],
            datasets={name: _unpack(folder, entry) for name, entry in document["datasets"].items()},
            edition=document.get("edition", "study"),
            advice=document.get("advice", {}),
        )


def _read_document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise StoreError(
            f"{path.parent} holds no results: there is no {path.name}. Run the study first."
        ) from error
    except (ValueError, RecursionError) as error:
        raise StoreError(
            f"{path} is damaged ({error}). Delete the folder and run the study again."
        ) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise StoreError(f"{path} is not a file of softness results (its `format` is not '{FORMAT}').")
    if document["format_version"] != FORMAT_VERSION:
        raise StoreVersionError(
            f"{path} has format version {document['format_version']}; this vitrify reads {FORMAT_VERSION}. "
            "Use the vitrify that wrote it, or run the study again."
        )
    return document


def _pack(dataset: xr.Dataset) -> bytes:
    buffer = io.BytesIO()
    arrays: dict[str, Any] = {
        str(name): _storable(str(name), v.values) for name, v in dataset.variables.items()
    }
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def _storable(name: str, values: np.ndarray) -> np.ndarray:
    if values.dtype.kind in "OT":
        if not all(isinstance(v, str) for v in values.ravel()):
            raise ParameterError(
                f"'{name}' holds Python objects ({values.dtype}); only numbers and text can be saved. Convert it first."
            )
        return values.astype(str)
    return values


def _describe(dataset: xr.Dataset) -> dict[str, Any]:
    return {
        "coords": [str(name) for name in dataset.coords],
        "dims": {str(name): [str(d) for d in v.dims] for name, v in dataset.variables.items()},
        "attrs": _encode(to_plain(dataset.attrs)),
        "variable_attrs": {str(name): _encode(to_plain(v.attrs)) for name, v in dataset.variables.items()},
    }


def _unpack(folder: Path, entry: Mapping[str, Any]) -> xr.Dataset:
    import xarray as xr

    path = folder / entry["file"]
    if not path.resolve().is_relative_to(folder.resolve()):
        raise StoreError(
            f"{folder / RESULTS_FILE} names the file {entry['file']!r}, which lies outside {folder}. vitrify did not write "
            "that; do not use it."
        )
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            variables = {
                name: (tuple(dims), arrays[name], _decode(entry["variable_attrs"][name]))
                for name, dims in entry["dims"].items()
            }
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise StoreError(
            f"{path} is missing or damaged ({error}). Delete {folder} and run the study again."
        ) from error
    coords = {name: variables.pop(name) for name in entry["coords"]}
    return xr.Dataset(variables, coords, _decode(entry["attrs"]))


def _encode(value: Any) -> Any:
    """Strict JSON has no NaN and no infinity: they are written as {"float": "nan"}."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    if isinstance(value, dict):
        return {k: _encode(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_encode(v) for v in value]
    return to_plain(value) if hasattr(value, "tolist") else value


def _decode(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"float"} and isinstance(value["float"], str):
            return float(value["float"])
        return {k: _decode(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_decode(v) for v in value]
    return value
