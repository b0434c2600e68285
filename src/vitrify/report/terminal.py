"""The key table on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitrify.report.numbers import events_text, rounded
from vitrify.report.results import SoftnessResults

if TYPE_CHECKING:
    from rich.console import Console


def print_table(results: SoftnessResults, console: Console | None = None) -> None:
    """Print what is published, what is found here with its error, and the events it rests on; then the warnings.

    Parameters
    ----------
    results : SoftnessResults
    console : rich.console.Console, optional
        Standard output by default.

    Examples
    --------
    >>> print_table(SoftnessResults((), {}, [], ["1 frame was left out."], {}))
    Nothing was measured.
    Warning: 1 frame was left out.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = console or Console()
    if results.table:
        table = Table(box=None, header_style="bold", pad_edge=False)
        table.add_column("quantity")
        table.add_column("published", justify="right")
        table.add_column("here", justify="right", no_wrap=True)
        table.add_column("events", justify="right", no_wrap=True)
        table.add_column("source", style="dim")
        for row in results.table:
            cells = (
                row.quantity,
                row.published or "\u2013",
                str(rounded(row)),
                events_text(row.events),
                row.source,
            )
            table.add_row(*(Text(cell) for cell in cells))
        console.print(table)
    else:
        console.print("Nothing was measured.")
    for warning in results.warnings:
        console.print(Text(f"Warning: {warning}", style="yellow"))
