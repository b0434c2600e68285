"""The command line: one file per verb; nothing heavy is imported before a verb runs."""

from __future__ import annotations

import errno
import sys

_INTERRUPTED = 130


def main() -> None:
    """Run `vitrify`; a deliberate error becomes one clear line and exit code 2."""
    from vitrify.cli.app import build_app
    from vitrify.cli.console import complain
    from vitrify.errors import VitrifyError

    try:
        build_app()(prog_name="vitrify")
    except VitrifyError as error:
        complain(str(error))
        sys.exit(2)
    except OSError as error:
        if error.filename is None:
            raise
        complain(_words(error))
        sys.exit(2)
    except SystemExit as end:
        if end.code == _INTERRUPTED:
            print(
                "\nInterrupted. What was finished is kept; repeat the same command to go on.", file=sys.stderr
            )
        raise


def _words(error: OSError) -> str:
    """Say what the operating system said of a file, and what to do."""
    hint = "Choose another place, or check its permissions."
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = "Make room and repeat the same command to go on."
    return f"{error.filename}: {error.strerror}. {hint}"
