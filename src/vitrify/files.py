"""Files that are either what they were or the whole new ones, never half; and what a full disk means."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vitrify.errors import DiskFullError
from vitrify.provenance import to_plain

_FULL = {errno.ENOSPC, errno.EDQUOT}


@contextlib.contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a name beside `path` to write to; only when the block ends well is it flushed to the disk and renamed.

    Parameters
    ----------
    path : path-like
        Its folder is made if it does not exist.

    Yields
    ------
    path
        What the block writes.

    Raises
    ------
    DiskFullError
        If there is no space; the file that was there before stays.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with whole_file(Path(folder) / "a.txt") as beside:
    ...         _ = beside.write_text("whole")
    ...     [p.name for p in Path(folder).iterdir()]
    ['a.txt']
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with guard_disk(path):
        try:
            yield beside
            with open(beside, "rb+") as written:
                os.fsync(written.fileno())
            os.replace(beside, path)
        finally:  # on a full disk, half a file would keep the room it took
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)


def write_whole(path: str | os.PathLike[str], content: bytes | str) -> Path:
    """Write bytes or text so that `path` is either the old file or the whole new one, and return it.

    Raises
    ------
    DiskFullError
        If there is no space.
    """
    with whole_file(path) as beside:
        beside.write_bytes(content.encode() if isinstance(content, str) else content)
    return Path(path)


def write_json(path: str | os.PathLike[str], content: Any) -> Path:
    """Write JSON, as `write_whole` does."""
    return write_whole(path, json.dumps(to_plain(content), indent=1, sort_keys=True))


class guard_disk:
    """Turn "no space left" into an error that says what to do; used as a context manager."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: Any, error: BaseException | None, _trace: Any) -> None:
        cause = error
        while cause is not None:
            if isinstance(cause, OSError) and cause.errno in _FULL:
                free = shutil.disk_usage(_existing(self.path)).free
                raise DiskFullError(
                    f"No space left while writing {self.path} ({free / 1e6:.0f} MB free). What was finished before is "
                    "whole; make room and repeat the same command to go on."
                ) from error
            cause = cause.__cause__ or cause.__context__


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path
