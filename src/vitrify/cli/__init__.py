"""The command line: one file per verb; nothing heavy is imported before a verb runs."""

from __future__ import annotations

import sys


def main() -> None:
    """Run `vitrify`; a deliberate error becomes one clear line and exit code 2."""
    from vitrify.cli.app import build_app
    from vitrify.errors import VitrifyError

    try:
        build_app()()
    except VitrifyError as error:
        from vitrify.cli.console import complain

        complain(error)
        sys.exit(2)
    except KeyboardInterrupt:
        print("\nInterrupted. What was finished is kept; repeat the same command to go on.", file=sys.stderr)
        sys.exit(130)
