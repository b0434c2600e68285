"""Saying how far a long piece of work is, without deciding where it is said."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Protocol


class Progress(Protocol):
    """Where the steps of a study report to; the command line shows it, a notebook may ignore it."""

    def step(
        self, title: str, total: float, unit: str = "frames"
    ) -> contextlib.AbstractContextManager[Callable[[float], None]]:
        """Open a step of `total` units of work; the context gives ``update(done_so_far)``."""

    def note(self, text: str) -> None:
        """Say one line that stays."""


class Silent:
    """Progress that says nothing.

    Examples
    --------
    >>> with Silent().step("counting", 10) as update:
    ...     update(5)
    """

    @contextlib.contextmanager
    def step(self, title: str, total: float, unit: str = "frames") -> Iterator[Callable[[float], None]]:  # noqa: ARG002
        """Ignore updates."""
        yield lambda done: None  # noqa: ARG005

    def note(self, text: str) -> None:
        """Ignore the line."""
