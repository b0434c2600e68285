"""The sections of what `vitrify check` finds, each from what the frames have shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import VitrifyError
from vitrify.particles import Frame
from vitrify.particles.spacing import Spacing
from vitrify.particles.spacing import spacing as spacing_of
from vitrify.particles.trajectory import Trajectory
from vitrify.readers.source import Source
from vitrify.studies.check_frames import Judged, judge, sampled
from vitrify.studies.check_rules import conclude
from vitrify.studies.check_scan import FileInput, Scan, StoreInput, box_of, digits_of, named, unflipped

if TYPE_CHECKING:
    from vitrify.studies.check import Checked

_SAME_BOX = 1e-9
_JUMP = 0.02  # of an edge from one frame to the next, and ten times the usual change
_JUMPS_ANYWAY = 0.2


def complete(
    found: Checked,
    given: FileInput | StoreInput,
    seen: Scan,
    source: Source | None,
    model: Any,
    digits: int | None,
    n_frames: int,
) -> None:
    """Fill in everything that follows from the scan, and draw conclusions."""
    for what, do in seen.faults[:5]:
        found.remark("error", what, do)
    if len(seen.faults) > 5:
        found.remark("error", f"{len(seen.faults) - 5} more frames cannot be used.")
    if not seen.looked:
        return
    if not max(seen.n_particles):
        found.remark("error", "There is no particle in any frame that was looked at.")
    names = named(seen.kinds, source)
    found.frames = _frames(given, seen, source)
    found.particles = {
        "min": min(seen.n_particles),
        "max": max(seen.n_particles),
        "all": seen.n_ids,
        "ids": seen.ids,
        "gaps": seen.n_gaps,
        "longest_gap": seen.longest_gap,
    }
    found.box = _box(seen, given)
    n_first = max(seen.n_particles[0], 1)
    found.species = [
        {"name": names[k], "in_file": k, "n": seen.kinds[k], "fraction": seen.kinds[k] / n_first}
        for k in names
    ]
    box = box_of(seen, 0)
    found.density = {
        "number": n_first / box.volume,
        "spacing": float((box.volume / n_first) ** (1 / box.dimension)),
    }
    found.precision = _precision(seen, digits)
    found.unwrapping = _unwrapping(seen, given.n_frames)
    judged = Judged([])
    if not any(r.level == "error" for r in found.remarks):
        judged = _judged(found, given, seen, names, source, model, n_frames)
    _sampled_sections(found, judged, model)
    conclude(found, seen, judged, source, model)


def _frames(given: FileInput | StoreInput, seen: Scan, source: Source | None) -> dict[str, Any]:
    times, n, words = given.times, given.n_frames, "time"
    if source is not None:
        words = "steps"
        first = given.first
        if source.time_step is not None or first.time is not None:
            words, times = "time", None
        elif first.step is None:
            words = "frames"
    found = {"n": n, "looked_at": len(seen.looked), "times": words}
    known = np.array(seen.times) if times is None else times
    found |= {"first": float(known[0]), "last": float(known[-1])}
    try:
        spacing = spacing_of(known) if len(known) == n else _spacing_of_some(seen, n)
    except VitrifyError as error:
        return {**found, "spacing": None, "fault": str(error)}
    return {**found, "spacing": None if spacing is None else {**spacing.to_dict(), "words": str(spacing)}}


def _spacing_of_some(seen: Scan, n: int) -> Spacing | None:
    """Return the spacing if the frames that were looked at can only be evenly spaced ones."""
    index, times = np.array(seen.looked), np.array(seen.times)
    interval = (times[-1] - times[0]) / max(index[-1] - index[0], 1)
    steps = np.diff(times) / np.diff(index)
    if len(steps) and interval > 0 and np.allclose(steps, interval, rtol=0.01):
        return Spacing("linear", n, float(steps.min()), float(steps.max()), float(interval))
    return None


def _box(seen: Scan, given: FileInput | StoreInput) -> dict[str, Any]:
    box = box_of(seen, 0)
    same_dimension = [v for v in seen.vectors if v.shape == box.vectors.shape]
    vectors = np.array(same_dimension) if given.box_vectors is None else given.box_vectors
    change, flips = _changes(vectors)
    usual = float(np.median(change)) if len(change) else 0.0
    jumps = np.flatnonzero((change > _JUMPS_ANYWAY) | ((change > _JUMP) & (change > 10 * usual)))
    jump = None
    if len(jumps):
        k = int(jumps[0]) + 1
        jump = seen.labels[k] if given.box_vectors is None else f"frame {k}"
    largest = float(change.max()) if len(change) else 0.0
    return {
        "dimension": box.dimension,
        "periodic": list(seen.periodic),
        "lengths": box.lengths.tolist(),
        "vectors": box.vectors.tolist(),
        "tilted": not box.is_orthorhombic,
        "change": "jumps" if jump else "constant" if largest <= _SAME_BOX and not flips else "changes",
        "largest_change": largest,
        "jump": jump,
        "flips": flips,
    }


def _changes(vectors: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """Return the change of cell vectors from frame to frame, as part of the shortest, and how often the tilt flips."""
    if len(vectors) < 2:
        return np.empty(0), 0
    before, now = vectors[:-1], unflipped(vectors[1:], vectors[:-1])
    shortest = np.linalg.norm(before, axis=2).min(axis=1)
    flips = int((np.abs(now - vectors[1:]) > 0).any(axis=(1, 2)).sum())
    return np.linalg.norm(now - before, axis=2).max(axis=1) / shortest, flips


def _precision(seen: Scan, digits: int | None) -> dict[str, Any]:
    found, resolution = digits_of(seen.coordinates)
    if digits is not None and digits != found and seen.largest_coordinate > 0:
        found = digits
        resolution = 10.0 ** (np.floor(np.log10(seen.largest_coordinate)) - digits + 1)
    return {"digits": found, "resolution": float(resolution), "p_hop_floor": float(resolution**2 / 12)}


def _unwrapping(seen: Scan, n_frames: int) -> dict[str, Any]:
    how = "images" if seen.has_images else "followed"
    if not any(seen.periodic):
        how = "open"
    elif seen.unwrapped:
        how = "unwrapped"
    compared = bool((np.diff(seen.looked) == 1).any()) and how in ("followed", "unwrapped")
    return {
        "how": how,
        "largest_step": seen.largest_step if compared else None,
        "largest_raw_step": seen.largest_raw_step if compared else None,
        "safe": how != "followed" or n_frames == 1 or (compared and not seen.far_steps),
        "where": (seen.far_steps or None) if how == "followed" else None,
    }


def _judged(
    found: Checked,
    given: FileInput | StoreInput,
    seen: Scan,
    names: dict[str, str],
    source: Source | None,
    model: Any,
    n_frames: int,
) -> Judged:
    species = list(dict.fromkeys(names.values()))
    chosen = sampled(np.array(seen.looked), max(seen.n_particles), n_frames)

    def configurations() -> Iterator[tuple[int, Frame]]:
        for k, _, raw in given.frames(chosen):
            kinds = np.asarray(raw.labels if source is None else source.kinds(raw))
            index = np.zeros(len(kinds), np.int64)
            for label, name in names.items():
                index[kinds == label] = species.index(name)
            yield k, Frame(raw.positions, index, raw.box, tuple(species), raw.label)

    try:
        return judge(configurations(), model, found.precision["resolution"])
    except VitrifyError as error:
        found.remark("error", str(error))
        return Judged([])


def _sampled_sections(found: Checked, judged: Judged, model: Any) -> None:
    spacing = found.density["spacing"]
    if judged.frames:
        found.pairs = {
            "shortest": judged.shortest,
            "relative": judged.shortest / spacing,
            "where": judged.shortest_where,
        }
    crystal = judged.crystalline is not None and judged.order is not None
    found.crystallinity = {
        "fraction": max(judged.crystalline) if crystal and judged.crystalline else None,
        "order": float(np.mean(judged.order)) if crystal and judged.order else None,
        "why": None
        if crystal
        else "open boundaries: there is no mean density to take the distance of neighbours from",
    }
    states = judged.states()
    found.state.setdefault("model_from", "given")
    found.state |= {
        **judged.worst(),
        "model": None if model is None else model.name,
        "state": states[0] if len(states) == 1 else "mixed" if states else "unknown",
        "frames": judged.frames if states else [],
        "why": judged.no_forces or (None if model is not None else "no model to calculate forces with"),
    }


def said_by(trajectory: Trajectory) -> dict[str, Any]:
    """Return what a store says of its positions."""
    said: dict[str, Any] = {"imported_as": trajectory.provenance.get("positions")}
    inherent = trajectory.stages.get("inherent")
    if inherent is not None:
        said["quenched_frames"] = trajectory.done_frames("inherent")
        if said["quenched_frames"] and not inherent["parameters"].get("imported"):
            stop = said["quenched_frames"]
            left = trajectory.read("inherent_max_force", 0, stop)
            said["largest_force_left"] = float(np.nanmax(left)) if np.isfinite(left).any() else None
            said["not_converged"] = int((trajectory.read("inherent_converged", 0, stop) == 0).sum())
    return said
