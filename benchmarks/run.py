"""Measure every kernel against its peer and print the table.

python benchmarks/run.py [--only ROW ...] [--quick] [--clock cpu] [--out results.csv] [--list]

Everything runs on one thread, both sides in turns on the same frames. The peers come with the extra `bench`; a row
whose peer is missing says which package to install.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from measure import CLOCK, ONE_THREAD, MissingPeerError, Result, Row

FAMILIES = (
    "bench_quench",
    "bench_structure_functions",
    "bench_angular_sum",
    "bench_softness",
    "bench_predictors_subset_scan",
    "bench_bond_order_peers",
    "bench_p_hop",
    "bench_md",
    "bench_verlet",
    "bench_hard_spheres",
    "bench_readers",
    "bench_study",
    "bench_growth",
    "bench_workers",
)
Measurement = Callable[[bool], Iterator[Result]]


def measurements() -> dict[str, Measurement]:
    """Return the measurements of all families under their names."""
    found: dict[str, Measurement] = {}
    for family in FAMILIES:
        found.update(importlib.import_module(family).ROWS)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Run what was asked for, and show it."""
    os.environ.update(ONE_THREAD)  # before numba and the peers are imported
    from rich.console import Console
    from table import show, write_csv

    known = measurements()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="ROW", choices=known, help=", ".join(known))
    parser.add_argument("--quick", action="store_true", help="small systems and few rounds: whether it works")
    parser.add_argument(
        "--clock",
        choices=("wall", "cpu"),
        default="wall",
        help="cpu: seconds that this process computed, less disturbed by others on the machine",
    )
    parser.add_argument("--out", type=Path, metavar="CSV", help="also write the results there")
    parser.add_argument("--list", action="store_true", help="print the names of the rows")
    asked = parser.parse_args(arguments)
    if asked.list:
        print("\n".join(known))
        return 0
    os.environ[CLOCK] = asked.clock
    console = Console(width=None if sys.stdout.isatty() else 220)
    begun, results = time.perf_counter(), []
    for name in asked.only or known:
        results += _measured(name, known[name], asked.quick, begun)
    show(results, console)
    if asked.out:
        write_csv(results, asked.out)
    return int(any(r.remark.startswith("failed") for r in results))


def _measured(name: str, measurement: Measurement, quick: bool, begun: float) -> list[Result]:
    """Return what a measurement yields; where it breaks off, a row says why."""
    print(f"[{time.perf_counter() - begun:5.0f} s] {name} …", file=sys.stderr, flush=True)
    found: list[Result] = []
    try:
        found.extend(measurement(quick))  # what came before an error stays
    except MissingPeerError as error:
        found.append(Row(name, 0, "", remark=f"not measured: {error}"))
    except Exception as error:  # the other rows are worth having all the same
        traceback.print_exc()
        first_line = next(iter(str(error).splitlines()), "")
        found.append(Row(name, 0, "", remark=f"failed: {type(error).__name__}: {first_line}"))
    return found


if __name__ == "__main__":
    sys.exit(main())
