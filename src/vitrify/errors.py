"""Every deliberate error of vitrify on one screen.

Each is also the builtin that a caller would expect, so `except ValueError` keeps working. A message says what was
needed, what arrived (value, shape, file, frame), and what to do about it.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable


class VitrifyError(Exception):
    """Base of all errors that vitrify raises on purpose. They travel between processes whatever built them."""

    def __reduce__(self) -> tuple[Callable[..., VitrifyError], tuple[type[VitrifyError], tuple[object, ...]]]:
        return _same_error, (type(self), self.args)


def _same_error(kind: type[VitrifyError], args: tuple[object, ...]) -> VitrifyError:
    error = kind.__new__(kind)
    error.args = args
    return error


class UnknownNameError(VitrifyError, KeyError):
    """A registry has no member of this name."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        close = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean '{close[0]}'?" if close else ""
        super().__init__(f"No {kind} is called '{name}'. Known: {', '.join(known)}.{hint}")

    def __str__(self) -> str:  # KeyError would print the repr
        return str(self.args[0])


class ParameterError(VitrifyError, ValueError):
    """A parameter is outside what the method is defined for."""


class ShapeError(VitrifyError, ValueError):
    """An array has the wrong shape or dtype."""


class ConfigurationError(VitrifyError, ValueError):
    """A configuration cannot be a configuration: NaN, two particles on one spot, a box of no volume."""


class FileFormatError(VitrifyError, ValueError):
    """A file is not what its format says, or ends too early; file, frame and line are named."""


class SettingsError(VitrifyError, ValueError):
    """A settings file or command line asks for something unknown or contradictory."""


class StoreError(VitrifyError, OSError):
    """A trajectory store is missing, incomplete, damaged or of another version."""


class StoreVersionError(StoreError):
    """A store was written by a version of vitrify that this one cannot read."""


class StoreBusyError(StoreError):
    """Another process is working on the same folder."""


class DiskFullError(StoreError):
    """Writing failed for want of space; what was complete before is still whole."""


class MissingExtraError(VitrifyError, ImportError):
    """An optional dependency is needed; the message names the pip command."""

    def __init__(self, what: str, package: str, extra: str) -> None:
        super().__init__(
            f"{what} needs '{package}', which is not installed. Run: pip install 'vitrify[{extra}]'"
        )


class EngineError(VitrifyError, RuntimeError):
    """A simulation engine stopped; its own words and its input are named."""


class ConvergenceError(VitrifyError, RuntimeError):
    """An iteration ended before its criterion was met."""


class CrystallizedError(VitrifyError, RuntimeError):
    """What should be a liquid has crystallized."""


class TooFewEventsError(VitrifyError, ValueError):
    """A statistic would rest on too few rearrangements to mean anything."""
