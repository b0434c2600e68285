"""Whether the results and the report of a study still are those of what lies in its stores."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Protocol

import vitrify
from vitrify.files import write_json
from vitrify.predictors.trained import TrainedSoftness
from vitrify.provenance import canonical_json, identity, versions
from vitrify.studies.simulate import Workplace

_RECORD = "made_from.json"
_SOURCES = (".py", ".html", ".css", ".js")


class HasResults(Protocol):
    """Where a study keeps its results and, beside them, the report."""

    @property
    def out(self) -> Path:
        """Folder of the report."""

    @property
    def results(self) -> Path:
        """Folder of everything that the report is made from."""


def inputs_identity(place: Workplace, trained: TrainedSoftness) -> str:
    """Return the hash of everything that results and report follow from: settings, stores, softness and the program.

    Parameters
    ----------
    place : Workplace
        With softness computed.
    trained : TrainedSoftness
    """
    stores = {}
    for point in place.settings.state_points:
        trajectory = place.trajectory(point)
        entries = [*sorted((trajectory.path / "manifest").rglob("*.json"))]
        remarks = place.folder(point) / "equilibration" / "remarks.json"
        stores[point.label] = {
            "provenance": trajectory.provenance,
            "stages": trajectory.stages,
            "manifest": [content_hash(p) for p in [*entries, *[remarks][: remarks.exists()]]],
        }
    of_its_own = {
        p.relative_to(place.out).as_posix(): content_hash(p)
        for p in sorted(place.out.glob("*/*/*.zarr/manifest/**/*.json"))
        if not p.is_relative_to(place.out / "trajectories")
    }
    return identity(
        {
            "settings": place.settings.model_dump(mode="json"),
            "softness": trained.identity,
            "stores": stores,
            "other stores": of_its_own,
            "versions": versions(),
            "program": program_hash(),
        }
    )


def is_finished(place: HasResults, inputs: str) -> bool:
    """Whether results and report were made from these inputs and lie there as they were written."""
    try:
        record = json.loads((place.results / _RECORD).read_text(encoding="utf-8"))
        return record["inputs"] == inputs and record["files"] == _files(place)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def mark_finished(place: HasResults, inputs: str) -> None:
    """Note what results and report were made from; the last that a study writes."""
    write_json(place.results / _RECORD, {"inputs": inputs, "files": _files(place)})


def _files(place: HasResults) -> dict[str, str]:
    """Return name and hash of every file of results and report."""
    made = [place.out / "report.html", *(place.out / "figures").rglob("*"), *place.results.rglob("*")]
    return {
        p.relative_to(place.out).as_posix(): content_hash(p)
        for p in sorted(made)
        if p.is_file() and p.name != _RECORD and not p.name.startswith(".")
    }


def program_hash() -> str:
    """Return the hash of the sources of the program."""
    root = Path(vitrify.__file__).parent
    sources = sorted(p for p in root.rglob("*") if p.suffix in _SOURCES)
    return hashlib.sha256(
        canonical_json([(p.relative_to(root).as_posix(), content_hash(p)) for p in sources]).encode()
    ).hexdigest()


def content_hash(path: Path) -> str:
    """Return the hash of what a file holds."""
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()
