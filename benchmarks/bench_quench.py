"""The quench against LAMMPS' conjugate gradient and FIRE: to the same largest force on any particle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from configurations import MODEL, shipped, thermal_frames
from lammps_script import Minimum, minimize, require_lammps
from measure import Row, compare, now

from vitrify.particles import Frame
from vitrify.protocols.inherent import Quench

TOLERANCE = 1e-4
FAR = 0.1  # a particle that ends further from where the peer puts it is in another basin


@dataclass
class Course:
    """What one minimizer did, frame by frame."""

    seconds: list[float] = field(default_factory=list)
    found: list[Minimum] = field(default_factory=list)


def by_vitrify(frame: Frame, max_iterations: int = 20_000) -> Minimum:
    """Quench one frame with the default minimizer."""
    box = frame.box
    result = Quench(force_tolerance=TOLERANCE, max_iterations=max_iterations).run(
        MODEL, frame.positions[None], frame.species, box.vectors[None], box.origin[None], box.periodic
    )
    return Minimum(result.positions[0], float(result.energy[0]), float(result.max_force[0]))


def quench_rows(quick: bool) -> Iterator[Row]:
    """Yield the rows of two sizes; FIRE, which takes long, sees fewer frames."""
    require_lammps()
    by_vitrify(shipped(1000))
    for n, frames, frames_of_fire in ((1000, 2, 1),) if quick else ((4096, 4, 2), (10_000, 3, 1)):
        yield from _rows_of_size(thermal_frames(n, frames), frames_of_fire)


def _rows_of_size(frames: tuple[Frame, ...], frames_of_fire: int) -> Iterator[Row]:
    courses = {name: Course() for name in ("vitrify", "cg", "fire")}
    for k, frame in enumerate(frames):
        for name, course in courses.items():
            if name != "fire" or k < frames_of_fire:
                _go(name, frame, course)
    own = courses["vitrify"]
    for name, peer in (("cg", "LAMMPS cg"), ("fire", "LAMMPS fire")):
        other = courses[name]
        k = len(other.seconds)
        ratio = compare(own.seconds[:k], other.seconds, frames[0].n_particles)
        yield Row(
            "quench",
            frames[0].n_particles,
            "particles/s",
            ratio.rate,
            peer,
            *ratio[1:],
            agreement=_agreement(own.found[:k], other.found, frames),
            kernel="quench",
            remark=f"{k} frames, largest force {max(m.max_force for m in own.found):.1e} and "
            f"{max(m.max_force for m in other.found):.1e}",
        )


def _go(name: str, frame: Frame, course: Course) -> None:
    start = now()
    found = by_vitrify(frame) if name == "vitrify" else minimize(frame, name, TOLERANCE)
    course.seconds.append(now() - start)
    course.found.append(found)


def _agreement(own: list[Minimum], other: list[Minimum], frames: tuple[Frame, ...]) -> str:
    """Say how far energies and particles are apart."""
    energy = np.mean([a.energy - b.energy for a, b in zip(own, other, strict=True)])
    far = np.mean(
        [
            (_distance(a.positions - b.positions, frame) > FAR).mean()
            for a, b, frame in zip(own, other, frames[: len(own)], strict=True)
        ]
    )
    return f"energy {energy:+.1e} a particle; {far:.2%} further than {FAR}"


def _distance(apart: np.ndarray, frame: Frame) -> np.ndarray:
    """Return distances, a common shift and whole box vectors taken off."""
    fractional = apart @ frame.box.inverse
    apart = (fractional - np.rint(fractional)) @ frame.box.vectors
    apart -= np.median(apart, axis=0)
    return np.linalg.norm(apart, axis=1)


ROWS = {"quench": quench_rows}
