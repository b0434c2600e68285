"""Files that are either the old ones or the new ones, never half."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from vitrify.errors import DiskFullError


def write_atomically(path: Path, content: bytes) -> Path:
    """Write `content` beside `path` and rename it into place.

    Parameters
    ----------
    path : path
        Its folder is made if it does not exist.
    content : bytes

    Returns
    -------
    path

    Raises
    ------
    DiskFullError
        If there is no space; the file that was there before stays.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomically(Path(folder) / "a" / "b.txt", b"whole").read_bytes()
    b'whole'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(beside, 0o644)
        os.replace(beside, path)
    except BaseException as error:
        Path(beside).unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFullError(
                f"No space left for {path} ({len(content)} bytes). Free some and repeat; what was there is unchanged."
            ) from error
        raise
    return path
