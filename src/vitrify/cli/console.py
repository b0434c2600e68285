"""What the user sees: errors in one paragraph, progress with an estimate."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

_LOG_EVERY = 15.0


def complain(words: str) -> None:
    """Print what went wrong as one paragraph on stderr."""
    from rich.console import Console

    console = Console(stderr=True, soft_wrap=True, highlight=False, emoji=False)
    console.print("[bold red]vitrify:[/] ", end="")
    console.print(words, markup=False, emoji=False)


def make_progress() -> Any:
    """Return a progress that suits where stderr goes: bars on a terminal, lines in a log."""
    return Bars() if sys.stderr.isatty() else Lines()


class Bars:
    """Progress bars with elapsed and remaining time."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, emoji=False)

    @contextlib.contextmanager
    def step(self, title: str, total: float, unit: str = "frames") -> Iterator[Callable[[float], None]]:
        """Show one bar for the step."""
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn(unit),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False),
        )
        with Progress(*columns, console=self._console) as bars:
            task = bars.add_task(title, total=int(total))
            yield lambda done: bars.update(task, completed=int(done))

    def note(self, text: str) -> None:
        """Print a line that stays."""
        self._console.print(text, markup=False, highlight=False, emoji=False)


class Lines:
    """One line when a step begins and ends, and every quarter of a minute with the time that is left."""

    @contextlib.contextmanager
    def step(self, title: str, total: float, unit: str = "frames") -> Iterator[Callable[[float], None]]:
        """Print lines for the step."""
        begun = last = time.monotonic()
        first: list[float] = []
        self.note(f"{title}: {int(total)} {unit}")

        def update(done: float) -> None:
            nonlocal last
            now = time.monotonic()
            first.append(done) if not first else None
            if now - last < _LOG_EVERY or done >= total:
                return
            last = now
            made = done - first[0]
            left = f", about {(total - done) * (now - begun) / made:.0f} s left" if made > 0 else ""
            self.note(f"{title}: {int(done)} of {int(total)} {unit} after {now - begun:.0f} s{left}")

        yield update
        self.note(f"{title}: done in {time.monotonic() - begun:.0f} s")

    def note(self, text: str) -> None:
        """Print a line on stderr."""
        print(text, file=sys.stderr, flush=True)
