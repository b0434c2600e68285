"""Small labelled results beside a store: one .npz a table, written whole, with the parameters that made it."""

from __future__ import annotations

import io
import json
import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.errors import StoreError
from vitrify.particles.trajectory import discarded_unless_renamed, guard_disk
from vitrify.provenance import canonical_json, identity, to_plain

if TYPE_CHECKING:
    import xarray as xr

_META = "table.json"
_FIXED_DATE = (1980, 1, 1, 0, 0, 0)  # so that the same table is the same file


def save_table(path: str | os.PathLike[str], table: xr.Dataset, parameters: Mapping[str, Any]) -> None:
    """Write a Dataset so that `path` is either what it was or the whole new table.

    Parameters
    ----------
    path : path-like, ending in .npz
    table : xarray.Dataset
        Numeric, boolean or fixed-length string variables and coordinates.
    parameters : mapping
        What the table follows from; `load_table` compares them.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    meta: dict[str, Any] = {
        "parameters": to_plain(dict(parameters)),
        "attrs": to_plain(dict(table.attrs)),
        "arrays": {},
    }
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with guard_disk(path), discarded_unless_renamed(temporary):
        with zipfile.ZipFile(temporary, "w") as archive:
            for name, variable in table.variables.items():
                meta["arrays"][str(name)] = {
                    "dims": list(variable.dims),
                    "attrs": to_plain(dict(variable.attrs)),
                    "coordinate": name in table.coords,
                }
                with archive.open(zipfile.ZipInfo(f"{name}.npy", _FIXED_DATE), "w", force_zip64=True) as f:
                    np.lib.format.write_array(f, np.asarray(variable.values, order="C"), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(_META, _FIXED_DATE), canonical_json(meta))
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())
        os.replace(temporary, path)


def load_table(
    path: str | os.PathLike[str], parameters: Mapping[str, Any] | None = None
) -> xr.Dataset | None:
    """Read a table; None if there is none, or if it follows from other parameters than those given.

    Raises
    ------
    StoreError
        If the file is there but is no table.
    """
    import xarray as xr

    path = Path(path)
    if not path.exists():
        return None
    content = path.read_bytes()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            meta = json.loads(archive.read(_META))
            if parameters is not None and identity(meta["parameters"]) != identity(dict(parameters)):
                return None
            arrays = {}
            for name in meta["arrays"]:
                with archive.open(f"{name}.npy") as f:
                    arrays[name] = np.lib.format.read_array(f, allow_pickle=False)
    except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, RuntimeError, EOFError) as error:
        raise StoreError(
            f"{path} is not a table of vitrify ({error}). Delete it and repeat the command."
        ) from error
    variables = {name: (held["dims"], arrays[name], held["attrs"]) for name, held in meta["arrays"].items()}
    coordinates = [name for name, held in meta["arrays"].items() if held["coordinate"]]
    return xr.Dataset(variables, attrs=meta["attrs"]).set_coords(coordinates)
