"""What a trajectory is, and what can be done with it, before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vitrify.errors import ParameterError
from vitrify.particles.trajectory import Trajectory
from vitrify.provenance import to_plain
from vitrify.readers.source import Source
from vitrify.studies.check_scan import FileInput, StoreInput, frames_to_look_at, scan
from vitrify.studies.check_sections import complete, said_by

SCHEMA = 1


@dataclass(frozen=True)
class Remark:
    """Something that a user should know.

    Parameters
    ----------
    level : {"error", "warning", "note"}
        Nothing can be done with it as it stands; some results would be wrong or impossible; good to know.
    what, do : str
    """

    level: str
    what: str
    do: str = ""


@dataclass(frozen=True)
class Analysis:
    """Whether something can be computed.

    Parameters
    ----------
    name : str
    possible : {"yes", "care", "no"}
    why : str
    do : str
        The next command, or the remedy.
    """

    name: str
    possible: str
    why: str
    do: str = ""


@dataclass
class Checked:
    """What `vitrify check` found; `to_dict` is the document that ``--json`` prints.

    Parameters
    ----------
    source : dict
        ``kind`` ("files" or "store"), ``paths``, ``format``, ``notes``.
    frames : dict
        ``n``, ``looked_at``, ``times`` ("time", "steps" or "frames"), ``first``, ``last``, ``spacing`` (of `Spacing`, with
        ``words``; null if too few were looked at to tell), ``fault`` (absent unless times do not ascend).
    particles : dict
        ``min``, ``max`` per frame, ``all`` (different ones), ``ids`` ("complete", "vary", "none"), ``gaps``,
        ``longest_gap`` (frames).
    box : dict
        ``dimension``, ``periodic`` (per axis), ``lengths``, ``vectors`` (of the first frame), ``tilted``, ``change``
        ("constant", "changes", "jumps"), ``largest_change`` (part of an edge from frame to frame), ``jump`` (label or null),
        ``flips`` (of the tilt, to the same lattice).
    species : list of dict
        ``name``, ``in_file``, ``n`` (first frame), ``fraction``.
    density : dict
        ``number`` (first frame), ``spacing`` (density^(-1/d)).
    precision : dict
        ``digits``, ``resolution`` (length), ``p_hop_floor`` (length²).
    unwrapping : dict
        ``how`` ("unwrapped", "images", "followed", "open"), ``largest_step`` (between neighbouring frames, to the nearest
        image, part of the box; null if none were compared), ``largest_raw_step`` (the same as positions stand), ``safe``,
        ``where`` (label of the first frame that cannot be followed, or null).
    pairs : dict
        ``shortest`` (length), ``where``, ``relative`` (to the spacing).
    crystallinity : dict
        ``fraction`` (largest of the sampled frames), ``order`` (mean q6, in 2D hexatic order |psi6|); null if not judged.
    state : dict
        ``state`` ("thermal", "inherent", "between", "not of this model", "mixed", "unknown"), ``said`` (by the store), ``model``, ``model_from`` ("store", "given"; by whom it is named),
        ``max_force``, ``rms_force``, ``noise``, ``distance``, ``frames``, ``why``.
    remarks : list of Remark
    analyses : list of Analysis
    """

    source: dict[str, Any] = field(default_factory=dict)
    frames: dict[str, Any] = field(default_factory=dict)
    particles: dict[str, Any] = field(default_factory=dict)
    box: dict[str, Any] = field(default_factory=dict)
    species: list[dict[str, Any]] = field(default_factory=list)
    density: dict[str, Any] = field(default_factory=dict)
    precision: dict[str, Any] = field(default_factory=dict)
    unwrapping: dict[str, Any] = field(default_factory=dict)
    pairs: dict[str, Any] = field(default_factory=dict)
    crystallinity: dict[str, Any] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)
    analyses: list[Analysis] = field(default_factory=list)

    def remark(self, level: str, what: str, do: str = "") -> None:
        """Add a remark."""
        self.remarks.append(Remark(level, what, do))

    @property
    def verdict(self) -> str:
        """Whether there is an error ("unusable"), a warning ("warnings") or neither ("good")."""
        levels = {r.level for r in self.remarks}
        return "unusable" if "error" in levels else "warnings" if "warning" in levels else "good"

    def exit_code(self, strict: bool = False) -> int:
        """Return 2 for what is unusable, 1 for warnings if `strict`, otherwise 0."""
        return {"unusable": 2, "warnings": int(strict), "good": 0}[self.verdict]

    def to_dict(self) -> dict[str, Any]:
        """Return everything in plain values; numbers that are not finite become null."""
        content = {"vitrify_check": SCHEMA, "verdict": self.verdict, **asdict(self)}
        plain: dict[str, Any] = _finite(to_plain(content))
        return plain


def check_source(
    source: Source, model: Any = None, *, n_frames: int = 5, everything: bool = False
) -> Checked:
    """Look over files.

    Parameters
    ----------
    source : Source
    model : PairModel, optional
        By whose forces thermal frames are told from inherent ones.
    n_frames : int, default 5
        At most so many frames are looked at closely.
    everything : bool, default False
        Look at every frame, however large the files are.

    Returns
    -------
    Checked
    """
    found = Checked(
        {
            "kind": "files",
            "paths": [str(p) for p in source.reader.files],
            "format": source.reader.name,
        }
    )
    given = FileInput(source)
    seen = scan(given, frames_to_look_at(given, everything), source.kinds)
    notes = source.reader.notes() if seen.looked else []
    found.source["notes"] = notes
    for note in notes:
        if "significant digits" not in note:  # said below, with what follows from it
            found.remark("note", note)
    complete(found, given, seen, source, model, source.reader.precision if seen.looked else None, n_frames)
    return found


def check_store(
    trajectory: Trajectory, model: Any = None, *, n_frames: int = 5, everything: bool = False
) -> Checked:
    """Look over a store; as `check_source`. Without `model` the one of its provenance is taken."""
    from vitrify.models import MODELS

    run = trajectory.provenance.get("run", {})
    known = run.get("model")
    ours = model is None and bool(known)
    if ours:
        model = MODELS.load(known["name"]).from_dict(known)
    given = StoreInput(trajectory)
    found = Checked(
        {
            "kind": "store",
            "paths": [str(trajectory.path)],
            "format": "store",
            "notes": [],
            "positions": [k for k in ("thermal", "inherent") if trajectory.has_positions(k)],
            "stages": sorted(trajectory.stages),
            "model": known["name"] if known else None,
            "temperature": run.get("temperature"),
        }
    )
    if given.n_frames < trajectory.n_frames:
        found.remark(
            "warning",
            f"{given.n_frames} of {trajectory.n_frames} frames are there.",
            "Repeat the command that makes the store.",
        )
    found.state |= {"said": said_by(trajectory), "model_from": "store" if ours else "given"}
    seen = scan(given, frames_to_look_at(given, everything))
    digits = trajectory.provenance.get("import", {}).get("reader", {}).get("precision")
    complete(found, given, seen, None, model, digits, n_frames)
    return found


def check(
    paths: Sequence[Path], options: dict[str, Any], *, model: str | None, n_frames: int, everything: bool
) -> Checked:
    """Look over what is at `paths`: one store, or files with the options of `vitrify import`.

    Raises
    ------
    ParameterError
        If a store and something else are named together, or the model is unknown.
    FileFormatError, StoreError
        If there is nothing that could be looked over.
    """
    from vitrify.models import MODELS
    from vitrify.studies.importing import open_source, typed_model

    plain = typed_model(model)
    member = None if plain is None else MODELS.load(plain["name"]).from_dict(plain)
    stores = [p for p in paths if p.is_dir()]
    if stores and len(paths) > 1:
        raise ParameterError(
            f"`vitrify check` looks over one store or the files of one trajectory; got {stores[0]} and others."
        )
    if stores:
        return check_store(Trajectory.open(stores[0]), member, n_frames=n_frames, everything=everything)
    return check_source(open_source(paths, options), member, n_frames=n_frames, everything=everything)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
