"""What a trajectory is, in words: box, species, frames, origin, the positions that were used."""

from __future__ import annotations

from typing import Any

import numpy as np

from vitrify.particles.box import Box
from vitrify.particles.spacing import spacing
from vitrify.particles.trajectory import Trajectory
from vitrify.predictors.trained import TrainedSoftness
from vitrify.report.figures.style import unit_words
from vitrify.studies.store_softness import SoftnessFrames, unconverged
from vitrify.studies.store_structure import Lengths, evenly

_SAME = 1e-6


def describe(
    trajectory: Trajectory,
    kind: str,
    lengths: Lengths,
    trained: TrainedSoftness | None,
    where: SoftnessFrames | None,
) -> tuple[dict[str, Any], list[str]]:
    """Return what the page says of a trajectory, and what a reader must know of it.

    Parameters
    ----------
    trajectory : Trajectory
    kind : {"inherent", "thermal"}
        Positions that structure and motion were taken from.
    lengths : Lengths
    trained : TrainedSoftness or None
    where : SoftnessFrames or None
        Frames with softness.
    """
    units, run = trajectory.unit_system, trajectory.provenance.get("run", {})
    model = run.get("model") or {}
    found = {
        "particles": _particles(trajectory),
        "frames": trajectory.n_frames,
        "time between frames": _spacing(trajectory.times, unit_words(units.time)),
        "box": _box(trajectory, unit_words(units.length)),
        "number density": _density(trajectory, kind, units.length),
        "mean distance of particles": f"{lengths.spacing:.4g} {unit_words(units.length)}".strip(),
        "origin": _origin(trajectory),
        "model": model.get("name", "not said"),
        "temperature": run.get("temperature", "not said"),
        "positions used": f"{kind}{_how(trajectory, kind)}",
    }
    if where is not None:
        found["softness"] = _softness(trained, where)
    return found, _warnings(trajectory, kind)


def _particles(trajectory: Trajectory) -> str:
    counts = np.bincount(trajectory.species, minlength=len(trajectory.species_names))
    named = [f"{n} {name}" for name, n in zip(trajectory.species_names, counts.tolist(), strict=True)]
    if len(named) > 6:
        named = [*named[:5], f"and {len(named) - 5} more species"]
    text = (
        str(trajectory.n_particles) if len(named) == 1 else f"{trajectory.n_particles} ({', '.join(named)})"
    )
    text += f", {trajectory.layout.dimension} dimensions"
    return text if trajectory.layout.complete else f"{text}; they come and go"


def _spacing(times: np.ndarray[Any, np.dtype[np.float64]], unit: str) -> str:
    found = spacing(times)
    if found.kind == "linear":
        return f"{found.interval:.6g} {unit}".strip()
    return str(found) if not unit or found.kind == "single" else f"{found} (times in {unit})"


def _box(trajectory: Trajectory, unit: str) -> str:
    first, last = trajectory.box(0), trajectory.box(trajectory.n_frames - 1)
    text = _size(first, unit)
    if not np.allclose(first.vectors, last.vectors, rtol=_SAME, atol=0):
        text = f"{text} at first, {_size(last, unit)} at last"
    names = "xyz" if first.is_orthorhombic else "abc"
    open_axes = [name for name, p in zip(names, trajectory.layout.periodic, strict=False) if not p]
    return f"{text}; open along {', '.join(open_axes)}" if open_axes else f"{text}, periodic"


def _size(box: Box, unit: str) -> str:
    if box.is_orthorhombic:
        return f"{' × '.join(f'{v:.4g}' for v in np.diag(box.vectors))} {unit}".strip()
    rows = "; ".join(" ".join(f"{v:.4g}" for v in row) for row in box.vectors)
    return f"triclinic, vectors ({rows}) {unit}".strip()


def _density(trajectory: Trajectory, kind: str, length: str) -> str:
    unit = unit_words(f"{length}^-{trajectory.layout.dimension}")
    frames = evenly(trajectory.n_frames, 10)
    if trajectory.layout.complete:
        values = [trajectory.n_particles / trajectory.box(int(k)).volume for k in frames]
    else:
        values = [frame.number_density for _, frame in trajectory.frames(kind, frames)]
    if np.ptp(values) <= _SAME * max(values):
        return f"{values[0]:.4g} {unit}".strip()
    return f"{np.mean(values):.4g} {unit}, from {min(values):.4g} to {max(values):.4g}"


def _origin(trajectory: Trajectory) -> str:
    origin = trajectory.provenance
    if origin.get("source") == "files":
        reader = origin.get("import", {}).get("reader", {})
        files = [str(f.get("name", "")) for f in reader.get("files", [])]
        shown = ", ".join(files[:3]) + (f" and {len(files) - 3} more" if len(files) > 3 else "")
        return f"imported from {shown} ({reader.get('name', 'files')})"
    if origin.get("source") == "arrays":
        return "arrays"
    return f"simulated with {origin['engine']}" if "engine" in origin else "not said"


def _how(trajectory: Trajectory, kind: str) -> str:
    if kind == "thermal":
        return ", as the dynamics left them"
    parameters = trajectory.stages["inherent"]["parameters"]
    if parameters.get("imported"):
        return ", quenched before the import"
    if {"minimizer", "force_tolerance"} <= set(parameters):
        return f", quenched here with {parameters['minimizer']} to a largest force of {parameters['force_tolerance']:g}"
    return ""


def _softness(trained: TrainedSoftness | None, where: SoftnessFrames) -> str:
    every = "every frame" if where.every == 1 else f"every {where.every} frames"
    if trained is None:
        return f"known at {every}; trained softness not found"
    temperature = trained.training.get("temperature")
    at = "" if temperature is None else f", trained at T = {temperature:g}"
    return (
        f"of {trained.centre_species}, known at {every}{at}, {len(trained.weights)} structure functions of {trained.positions} "
        "positions"
    )


def _warnings(trajectory: Trajectory, kind: str) -> list[str]:
    said = []
    bad = int(unconverged(trajectory).sum())
    if bad and kind == "inherent":
        said.append(
            f"The quench of {bad} of {trajectory.n_frames} frames did not reach its force criterion; their softness was left out."
        )
    for stage in ("inherent", "p_hop", "d2min", "softness"):
        if stage in trajectory.stages and not trajectory.is_done(stage):
            said.append(
                f"'{stage}' is there for {trajectory.done_frames(stage)} of {trajectory.n_frames} frames only and was not used. "
                "Repeat the command that makes it."
            )
    return said
