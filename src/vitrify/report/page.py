"""One self-contained page: what was run, the key numbers, the figures, how to cite."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify import citations
from vitrify.errors import MissingExtraError
from vitrify.files import write_whole
from vitrify.report.definitions import with_definitions
from vitrify.report.editions import Edition, edition
from vitrify.report.figures.arrhenius_lines import drawn_onset
from vitrify.report.figures.base import SUFFIXES
from vitrify.report.numbers import events_text, rounded
from vitrify.report.results import SoftnessResults
from vitrify.report.scene import scene_frames, scene_page
from vitrify.report.templates import environment, read_template

if TYPE_CHECKING:
    import xarray as xr

PAGE = "report.html"
_PROVENANCE = ("command line", "wall time", "versions")
_TYPES = {"svg": "image/svg+xml", "png": "image/png"}


@dataclass(frozen=True)
class _Drawn:
    """One figure as the template needs it."""

    name: str
    title: str
    seen: str
    defined: str
    paper: str
    image: str
    wide: bool
    empty: bool
    notes: tuple[str, ...]
    files: tuple[str, ...] = SUFFIXES


def build_report(results: SoftnessResults, out: str | Path) -> Path:
    """Write OUT/report.html, which opens offline on its own, and OUT/figures with every figure and its numbers.

    Parameters
    ----------
    results : SoftnessResults
        Data sets that are absent are named on the page as not measured, with the advice that the results have for them.
    out : path
        Made if it does not exist. Each file is replaced whole, the page last.

    Returns
    -------
    path
        Of the page.

    Raises
    ------
    MissingExtraError
        If matplotlib, jinja2 or k3d is not installed; nothing is written then.
    ShapeError
        If a data set lacks a variable or has other dimensions.
    UnknownNameError
        If a data set or a citation has an unknown name.
    DiskFullError
        If there is no space left.
    """
    _check_extras()
    out, shown_as = Path(out), edition(results.edition)
    datasets = _described(results.datasets)
    drawn, missing = [], []
    for name in shown_as.figures:
        figure = shown_as.figures.load(name)
        if not all(need in datasets for need in figure.needs):
            missing.append(name)
            continue
        written = figure.write(datasets, out / "figures")
        image = written["png" if name == "snapshot" else "svg"]
        empty = len(figure.table(*(datasets[need] for need in figure.needs))) == 0
        drawn.append(_drawn(name, image, datasets, shown_as, empty))
    text = _render(results, drawn, missing, datasets)
    return write_whole(out / PAGE, text)


def _check_extras() -> None:
    from importlib.util import find_spec

    for package in ("matplotlib", "jinja2", "k3d"):
        if find_spec(package) is None:
            raise MissingExtraError("The report", package, "report")


def _described(datasets: Mapping[str, xr.Dataset]) -> dict[str, xr.Dataset]:
    """Fill in words and units, and give all figures one range of temperatures for their colours."""
    described = {name: with_definitions(name, dataset) for name, dataset in datasets.items()}
    temperatures = [d["temperature"].values for d in described.values() if "temperature" in d.dims]
    values = np.concatenate(temperatures) if temperatures else np.empty(0)
    values = values[np.isfinite(values)]
    if not len(values):
        return described
    span = (float(values.min()), float(values.max()))
    return {name: dataset.assign_attrs(temperature_range=span) for name, dataset in described.items()}


def _drawn(
    name: str, image: Path, datasets: Mapping[str, xr.Dataset], shown_as: Edition, empty: bool
) -> _Drawn:
    caption, figure = shown_as.captions[name], shown_as.figures.load(name)
    fields = {
        "d": {key: dataset.attrs for key, dataset in datasets.items()},
        "says": lambda key, variable: datasets[key][variable].attrs["definition"],
        "onset_drawn": name == "arrhenius_lines"
        and bool(np.isfinite(drawn_onset(datasets["rearrangement_probability"], datasets["arrhenius"]))),
    }
    seen, defined = (
        environment().from_string(text).render(fields) for text in (caption.seen, caption.defined)
    )
    said = (str(datasets[n].attrs.get(k, "")) for n in figure.needs for k in ("definition", "note"))
    notes = [words for words in dict.fromkeys(said) if words and words not in defined]
    encoded = base64.b64encode(image.read_bytes()).decode()
    source = f"data:{_TYPES[image.suffix[1:]]};base64,{encoded}"
    wide = figure.size[0] > 6
    return _Drawn(name, caption.title, seen, defined, caption.paper, source, wide, empty, tuple(notes))


def _render(
    results: SoftnessResults, drawn: list[_Drawn], missing: list[str], datasets: Mapping[str, xr.Dataset]
) -> str:
    run = {
        key: _plain_words(value) for key, value in results.run.items() if key not in (*_PROVENANCE, "title")
    }
    provenance = {key: _plain_words(results.run[key]) for key in _PROVENANCE if key in results.run}
    scene, frames_note = _scene(datasets)
    shown_as = edition(results.edition)
    keys = list(dict.fromkeys(results.citations))
    return str(
        environment()
        .from_string(read_template("page.html"))
        .render(
            title=results.run.get("title", shown_as.title),
            lede=shown_as.lede,
            table_title=shown_as.table_title,
            published=shown_as.published,
            style=read_template("page.css"),
            run=run,
            provenance=provenance,
            rows=[(row, rounded(row), events_text(row.events)) for row in results.table],
            warnings=results.warnings,
            figures=drawn,
            missing=[shown_as.captions[name].title for name in missing if name not in results.advice],
            advice=_advice(results, missing, shown_as),
            scene=scene,
            frames_note=frames_note,
            references=[citations.reference(key) for key in keys],
            bibtex=citations.bibtex(keys),
        )
    )


def _advice(results: SoftnessResults, missing: list[str], shown_as: Edition) -> list[tuple[str, str]]:
    """Return what is missing and the sentence that says what it needs; figures of one sentence together."""
    titles: dict[str, list[str]] = {}
    for name in missing:
        if results.advice.get(name):
            titles.setdefault(results.advice[name], []).append(shown_as.captions[name].title)
    return [("; ".join(names), sentence) for sentence, names in titles.items()]


def _scene(datasets: Mapping[str, xr.Dataset]) -> tuple[str, str]:
    """Return the turning snapshot as a JSON string that is safe inside a script element, and what was left out of it."""
    if "snapshot" not in datasets:
        return "", ""
    snapshot = datasets["snapshot"]
    if not np.isfinite(snapshot["position"].values).any():
        return "", ""
    shown, total = len(scene_frames(snapshot)), snapshot.sizes["snapshot_frame"]
    note = f"{shown} of {total} frames are shown, to keep the page small." if shown < total else ""
    return json.dumps(scene_page(snapshot)).replace("<", "\\u003c"), note


def _plain_words(value: Any) -> str:
    """Return a value of the run as one line: lists with commas, dicts as "name value"."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain_words(v)}" for key, v in value.items())
    if isinstance(value, list | tuple | np.ndarray):
        return ", ".join(_plain_words(v) for v in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        return f"{value:.6g}"
    return str(value)
