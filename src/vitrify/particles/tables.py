"""Small labelled results beside a store: one .npz a table, written whole, with the parameters that made it."""

from __future__ import annotations

import errno
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import StoreError
from vitrify.files import whole_file
from vitrify.provenance import canonical_json, identity, to_plain

if TYPE_CHECKING:
    import xarray as xr

_META = "table.json"
_IN_MEMORY = 2**28  # bytes; a larger array is checked and then mapped, read-only
_NAME_LENGTH_AT, _HEADER, _ZIP64 = 26, 30, 20  # bytes in the header before each member of a zip file
_PADDING_ID, _ALIGNMENT = 0xD935, 64
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
    meta: dict[str, Any] = {
        "parameters": to_plain(dict(parameters)),
        "attrs": to_plain(dict(table.attrs)),
        "arrays": {},
    }
    with whole_file(path) as beside, zipfile.ZipFile(beside, "w") as archive:
        for name, variable in table.variables.items():
            meta["arrays"][str(name)] = {
                "dims": list(variable.dims),
                "attrs": to_plain(dict(variable.attrs)),
                "coordinate": name in table.coords,
            }
            values, member = (
                np.asarray(variable.values, order="C"),
                zipfile.ZipInfo(f"{name}.npy", _FIXED_DATE),
            )
            if values.nbytes > _IN_MEMORY:
                member.extra = _padding(archive, member)
            with archive.open(member, "w", force_zip64=True) as f:
                np.lib.format.write_array(f, values, allow_pickle=False)
        archive.writestr(zipfile.ZipInfo(_META, _FIXED_DATE), canonical_json(meta))


def load_table(
    path: str | os.PathLike[str], parameters: Mapping[str, Any] | None = None
) -> xr.Dataset | None:
    """Read a table; None if there is none, or if it follows from other parameters than those given.

    An array above 256 MiB is compared with its checksum and then mapped into memory, read-only.

    Raises
    ------
    StoreError
        If the file is there but is no table.
    """
    import xarray as xr

    path = Path(path)
    if not path.exists():
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            meta = json.loads(archive.read(_META))
            if parameters is not None and identity(meta["parameters"]) != identity(dict(parameters)):
                return None
            arrays = {}
            for name in meta["arrays"]:
                member = archive.getinfo(f"{name}.npy")
                with archive.open(member) as f:
                    if member.file_size <= _IN_MEMORY or member.compress_type != zipfile.ZIP_STORED:
                        arrays[name] = np.lib.format.read_array(f, allow_pickle=False)
                        continue
                    while f.read(2**24):  # to its end: the checksum is compared there
                        pass
                arrays[name] = _mapped(path, member)
    except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, RuntimeError, EOFError, OSError) as error:
        if (
            isinstance(error, OSError) and error.errno != errno.EINVAL
        ):  # that one is an offset before the file
            raise
        raise StoreError(
            f"{path} is not a table of vitrify ({error}). Delete it and repeat the command."
        ) from error
    variables = {name: (held["dims"], arrays[name], held["attrs"]) for name, held in meta["arrays"].items()}
    coordinates = [name for name, held in meta["arrays"].items() if held["coordinate"]]
    return xr.Dataset(variables, attrs=meta["attrs"]).set_coords(coordinates)


def _padding(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Return the extra field after which an array begins at a multiple of its alignment, so that it can be mapped."""
    begin = archive.start_dir + _HEADER + len(member.filename) + _ZIP64 + 4
    fill = -begin % _ALIGNMENT
    return struct.pack("<HH", _PADDING_ID, fill) + bytes(fill)


def _mapped(path: Path, member: zipfile.ZipInfo) -> NDArray[Any]:
    """Map an array that lies uncompressed inside a table."""
    with open(path, "rb") as f:
        f.seek(member.header_offset + _NAME_LENGTH_AT)
        name, extra = struct.unpack("<HH", f.read(4))
        f.seek(name + extra, os.SEEK_CUR)
        read = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}
        shape, fortran, dtype = read[np.lib.format.read_magic(f)[0]](f)
        if dtype.hasobject:
            raise ValueError("an array of Python objects")
        return np.memmap(path, dtype, "r", f.tell(), shape, "F" if fortran else "C")
