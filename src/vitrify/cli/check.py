"""`vitrify check`: what a trajectory is and what can be done with it, before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vitrify.cli import file_options as of

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from vitrify.studies.check import Checked

_MARKS = {"yes": "[green]yes[/]", "care": "[yellow]care[/]", "no": "[red]no[/]"}
_LOG_WIDTH = 160
_DOUBLE = 15
_STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}


def check(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...|STORE", help="The files of one trajectory in the order of time, or one store."
        ),
    ],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 1 if there are warnings.")] = False,
    model: Annotated[
        str | None,
        typer.Option(
            help="Potential whose forces tell thermal from inherent, such as kob_andersen,smoothing=shift."
        ),
    ] = None,
    frames: Annotated[
        int, typer.Option(min=1, help="Frames to look at closely: overlaps, crystals, forces.")
    ] = 5,
    all_frames: Annotated[
        bool,
        typer.Option("--all", help="Look at ids, boxes and steps of every frame, however large the files."),
    ] = False,
    format: of.Format = None,
    species: of.Species = None,
    species_by: of.SpeciesBy = None,
    species_edges: of.SpeciesEdges = None,
    time_step: of.TimeStep = None,
    start: of.Start = 0,
    stop: of.Stop = None,
    every: of.Every = 1,
    absent: of.Absent = False,
    pixel_size: of.PixelSize = None,
    frame_rate: of.FrameRate = None,
    field: of.Field = None,
    columns: of.Columns = None,
    cell: of.Cell = None,
    reader_option: of.ReaderOption = None,
) -> None:
    """Tell what FILES or a STORE hold, and which analyses are possible and why others are not.

    The exit code is 0 if it can be used, 1 if it can but there are warnings and --strict is given, 2 if it cannot be used.
    """
    from vitrify.studies.check import check as look

    options = {
        "format": format,
        "species": species,
        "species_by": species_by,
        "species_edges": species_edges,
        "start": start,
        "stop": stop,
        "every": every,
        "absent": absent,
        "time_step": time_step,
        "reader": of.collect(reader_option, pixel_size, frame_rate, field, columns, cell),
    }
    found = look(paths, options, model=model, n_frames=frames, everything=all_frames)
    if json:
        from json import dumps

        print(dumps(found.to_dict(), indent=1, ensure_ascii=False))
    else:
        _print(found)
    code = found.exit_code(strict)
    if code:
        raise typer.Exit(code)


def _print(found: Checked) -> None:
    """Print to a terminal as wide as it is, and into a log as plain lines."""
    import sys

    from rich.console import Console

    if sys.stdout.isatty():
        _show(found, Console(highlight=False, emoji=False))
        return
    console = Console(width=_LOG_WIDTH, highlight=False, emoji=False, color_system=None)
    with console.capture() as text:
        _show(found, console)
    print("\n".join(line.rstrip() for line in text.get().splitlines()))


def _show(found: Checked, console: Console) -> None:
    """Print the properties, the remarks and the table of analyses."""
    from rich.text import Text

    properties = _grid()
    for name, words in _properties(found):
        properties.add_row(name, Text(words))
    console.print(properties)
    for remark in found.remarks:
        words = f"{remark.level.capitalize()}: {remark.what} {remark.do}".rstrip()
        console.print(Text(words, style=_STYLES[remark.level]))
    if found.analyses:
        table = _grid("analysis", "possible", "why", "what to do")
        for row in found.analyses:
            table.add_row(Text(row.name), _MARKS[row.possible], Text(row.why), Text(row.do))
        console.print()
        console.print(table)


def _grid(*headings: str) -> Table:
    from rich.table import Table

    table = Table(box=None, show_header=bool(headings), header_style="bold", pad_edge=False)
    for heading in headings or ("", ""):
        table.add_column(heading, no_wrap=heading in ("analysis", "possible"))
    return table


def _properties(found: Checked) -> list[tuple[str, str]]:
    """Return the lines of the upper table."""
    paths = found.source["paths"]
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    lines = [("source", f"{paths[0]}{more}"), ("format", found.source["format"])]
    if not found.frames:
        return lines
    frames, particles, box = found.frames, found.particles, found.box
    spacing = frames["spacing"]["words"] if frames["spacing"] else "unknown"
    seen = "" if frames["looked_at"] == frames["n"] else f" ({frames['looked_at']} looked at)"
    unit = {"time": "", "steps": " steps", "frames": " (no times)"}[frames["times"]]
    count = str(particles["min"])
    if particles["min"] != particles["max"]:
        count = f"{particles['min']} to {particles['max']} in a frame, {particles['all']} in all"
    ids = {"complete": "the same ids in every frame", "vary": "ids that come and go", "none": "no ids"}[
        particles["ids"]
    ]
    return [
        *lines,
        ("frames", f"{frames['n']}{seen}, from {frames['first']:.10g} to {frames['last']:.10g}{unit}"),
        ("spacing", spacing),
        ("particles", count if found.source["kind"] == "store" else f"{count}; {ids}"),
        ("species", ", ".join(_species(s) for s in found.species)),
        ("box", _box(box)),
        ("density", f"{found.density['number']:.6g}; mean spacing {found.density['spacing']:.4g}"),
        ("precision", _precision(found.precision)),
        ("positions", _unwrapping(found)),
        ("closest pair", _closest(found.pairs)),
        ("crystalline", _crystalline(found)),
        ("thermal or inherent", _state(found.state)),
    ]


def _species(one: dict[str, Any]) -> str:
    kind = "" if one["in_file"] == one["name"] else f" (in the file {one['in_file']})"
    return f"{one['n']} {one['name']}{kind}, {100 * one['fraction']:.4g} %"


def _box(box: dict[str, Any]) -> str:
    lengths = " × ".join(f"{length:.7g}" for length in box["lengths"])
    periodic = "periodic" if all(box["periodic"]) else "open" if not any(box["periodic"]) else "partly open"
    if periodic == "partly open":
        periodic = "periodic along " + ", ".join(a for a, p in zip("abc", box["periodic"], strict=False) if p)
    tilt = ""
    if box["tilted"]:
        vectors = "; ".join(" ".join(f"{x:.6g}" for x in row) for row in box["vectors"])
        tilt = f", tilted ({vectors})"
    change = {
        "constant": "constant",
        "changes": f"changes by up to {box['largest_change']:.2g} of an edge from frame to frame",
    }
    words = change.get(box["change"], f"jumps before {box['jump']}")
    return f"{box['dimension']}D, {lengths}, {periodic}{tilt}, {words}"


def _precision(precision: dict[str, Any]) -> str:
    digits = "double precision" if precision["digits"] >= _DOUBLE else f"{precision['digits']} digits"
    return f"{digits}: coordinates known to {precision['resolution']:.2g}"


def _unwrapping(found: Checked) -> str:
    way = found.unwrapping
    words = {
        "open": "open boundaries, nothing to unwrap",
        "images": "wrapped, with the images they are in: unwrapped by those",
        "unwrapped": "unwrapped",
        "followed": "wrapped, without images: followed from frame to frame",
    }[way["how"]]
    if way["largest_step"] is not None and way["how"] == "followed":
        words += f"; largest step {2 * way['largest_step']:.2g} of half the box"
    elif way["largest_step"] is not None:
        words += f"; largest step {way['largest_raw_step']:.2g} of the box"
    return words + ("" if way["safe"] or found.frames["n"] < 2 else ", which is not safe")


def _closest(pairs: dict[str, Any]) -> str:
    return (
        f"{pairs['shortest']:.4g}, {pairs['relative']:.3g} of the mean spacing" if pairs else "not looked for"
    )


def _crystalline(found: Checked) -> str:
    crystal = found.crystallinity
    if crystal["fraction"] is None:
        return f"not judged ({crystal['why']})" if crystal["why"] else "not judged"
    order = "q6" if found.box["dimension"] == 3 else "|psi6|"
    return f"{100 * crystal['fraction']:.1f} % of the particles; mean {order} {crystal['order']:.3f}"


def _state(state: dict[str, Any]) -> str:
    said = state.get("said") or {}
    words = []
    if said.get("imported_as"):
        words.append(f"imported as {said['imported_as']}")
    if said.get("quenched_frames") and said.get("largest_force_left") is not None:
        words.append(
            f"{said['quenched_frames']} frames quenched here, largest force left {said['largest_force_left']:.2g}, "
            f"{said['not_converged']} not converged"
        )
    if state["state"] == "unknown":
        words.append(f"unknown: {state['why'] or 'not judged'}; `--model` names one")
    else:
        by = "by the forces of its model" if state["model_from"] == "store" else "if they interact by"
        words.append(
            f"{state['state']}, {by} {state['model']}: max |F| = {state['max_force']:.3g}, rms {state['rms_force']:.3g}, "
            f"about {state['distance']:.1g} from a minimum (rounding alone leaves {state['noise']:.1g})"
        )
    return "; ".join(words)
