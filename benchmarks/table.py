"""What was measured, as tables on the terminal and as CSV."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path

from measure import Growth, Result, Row, Scaling
from rich.console import Console
from rich.table import Table

EXPONENT_TARGET = 1.05
MEMORY_TARGET = 1500.0  # bytes a particle
WORKERS_TARGET = 1.85


def significant(value: float | None, digits: int = 3) -> str:
    """Return a number with three figures, thousands kept whole: 0.953, 12.3, 4 710, 1.2e6."""
    if value is None or not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    size = math.floor(math.log10(abs(value)))
    if size >= 6 or size < -3:
        return f"{value:.{digits - 1}e}"
    rounded = round(value, digits - 1 - size)
    return f"{rounded:.{max(0, digits - 1 - size)}f}"


def mark(reached: bool | None) -> str:
    """Return yes, no or nothing."""
    return "" if reached is None else "yes" if reached else "no"


def ratio_text(ratio: float | None, low: float | None, high: float | None) -> str:
    """Return the median ratio and, in brackets, the extremes of the rounds."""
    if ratio is None:
        return "–"
    return f"{significant(ratio)} [{significant(low)}, {significant(high)}]"


def peak_memory(row: Row, growths: Iterable[Growth]) -> float | None:
    """Return the bytes a particle of the kernel that a row uses, at the largest size that was measured."""
    for growth in growths:
        if growth.kernel == row.kernel and growth.memory:
            return growth.memory[-1]
    return None


def rows_table(rows: Sequence[Row], growths: Sequence[Growth]) -> Table:
    """Return the table of kernels against their peers."""
    table = Table(
        title="Against peers: same frames, same run, in turns, one thread",
        caption="agreement: largest difference, each function in units of its largest value; memory: peak beyond input and output, B a particle",
        title_justify="left",
        caption_justify="left",
    )
    for head in ("row", "N", "rate", "unit", "peer", "its rate", "ratio", "target", ""):
        table.add_column(head, justify="left" if head in ("row", "unit", "peer", "") else "right")
    table.add_column("agreement", overflow="fold")
    table.add_column("memory", justify="right")
    table.add_column("remark", overflow="fold")
    for row in rows:
        table.add_row(
            row.name,
            f"{row.n}" if row.n else "–",
            significant(row.rate),
            row.unit,
            row.peer,
            significant(row.peer_rate),
            ratio_text(row.ratio, row.low, row.high),
            "" if row.target is None else f"≥ {significant(row.target)}",
            mark(row.reached),
            row.agreement,
            significant(peak_memory(row, growths)),
            row.remark,
        )
    return table


def growth_table(growths: Sequence[Growth]) -> Table:
    """Return the table of growth exponents and peaks of memory."""
    sizes = sorted({n for g in growths for n in g.n})
    table = Table(
        title="Growth with N: particles (or particle-frames) a second, time ~ N^x", title_justify="left"
    )
    table.add_column("kernel")
    for n in sizes:
        table.add_column(f"N = {n}", justify="right")
    for head in ("x", f"x ≤ {EXPONENT_TARGET}", "peak, B/particle", f"≤ {MEMORY_TARGET:g}"):
        table.add_column(head, justify="right")
    table.add_column("remark", overflow="fold")
    for g in growths:
        rates = dict(zip(g.n, g.rates, strict=True))
        peak = g.memory[-1] if g.memory else None
        table.add_row(
            g.kernel,
            *(significant(rates.get(n)) for n in sizes),
            f"{g.exponent:.3f} ± {g.error:.3f}" if g.n else "–",
            mark(g.exponent <= EXPONENT_TARGET if g.n else None),
            significant(peak),
            mark(None if peak is None else peak <= MEMORY_TARGET),
            g.remark,
        )
    return table


def scaling_table(scalings: Sequence[Scaling]) -> Table:
    """Return the table of two workers against one."""
    table = Table(title="Two workers against one, over frames", title_justify="left")
    for head in ("work", "N", "one", "two", "unit", "two / one", f"≥ {WORKERS_TARGET}", "start, s"):
        table.add_column(head, justify="left" if head in ("work", "unit") else "right")
    table.add_column("remark", overflow="fold")
    for s in scalings:
        table.add_row(
            s.name,
            f"{s.n}" if s.n else "–",
            significant(s.one),
            significant(s.two),
            s.unit,
            ratio_text(s.ratio, s.low, s.high) if math.isfinite(s.ratio) else "–",
            mark(s.ratio >= WORKERS_TARGET if math.isfinite(s.ratio) else None),
            significant(s.start),
            s.remark,
        )
    return table


def show(results: Sequence[Result], console: Console) -> None:
    """Print one table for each kind of result that is there."""
    rows = [r for r in results if isinstance(r, Row)]
    growths = [r for r in results if isinstance(r, Growth)]
    scalings = [r for r in results if isinstance(r, Scaling)]
    for there, table in (
        (rows, lambda: rows_table(rows, growths)),
        (growths, lambda: growth_table(growths)),
        (scalings, lambda: scaling_table(scalings)),
    ):
        if there:
            console.print(table())


def write_csv(results: Sequence[Result], path: Path) -> None:
    """Write all results, one line each; a field that a kind of result does not have stays empty."""
    names = ["kind", *dict.fromkeys(f.name for kind in (Row, Growth, Scaling) for f in fields(kind))]
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, names, restval="")
        writer.writeheader()
        for result in results:
            entries = {f.name: _plain(getattr(result, f.name)) for f in fields(result)}
            writer.writerow({"kind": type(result).__name__.lower(), **entries})


def _plain(value: object) -> object:
    if value is None:
        return ""
    return " ".join(str(v) for v in value) if isinstance(value, tuple) else value
